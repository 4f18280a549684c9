"""Questions, predictions and limits as data."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.content import (
    ChoicePrediction,
    NumberPrediction,
    Option,
    OptionsError,
    Question,
    at_least,
    at_most,
)
from labs.scenario import scenario

positive = st.floats(1e-12, 1e12)


def four(**values: float | None) -> tuple[Option, ...]:
    """Four options of which B is right."""
    return tuple(
        Option(letter, f"option {letter}", f"About {letter}.", value=values.get(letter), correct=letter == "B")
        for letter in "ABCD"
    )


def number(**changes: object) -> NumberPrediction:
    """A prediction from 0 to 100 s, right within a fifth of 40."""
    base = {
        "question": "How long?",
        "low": 0,
        "high": 100,
        "step": 1,
        "unit": "s",
        "actual": 40.0,
        "tolerance": 0.2,
        "feedback": lambda value: "Too long." if value > 40 else "Too short.",
        "why": "It takes 40 s.",
    }
    return NumberPrediction(**{**base, **changes})  # type: ignore[arg-type]


# --- limits -----------------------------------------------------------------------------------------------


def test_a_design_exactly_on_a_limit_is_feasible() -> None:
    assert at_most(0.1 + 0.2, 0.3)
    assert at_least(0.3, 0.1 + 0.2)
    assert at_most(-0.3, -0.3)
    assert at_least(0.0, 0.0)


@given(limit=st.floats(-1e12, 1e12).filter(lambda x: abs(x) > 1e-6))
def test_the_tolerance_is_one_in_a_thousand_million(limit: float) -> None:
    width = abs(limit)
    assert at_most(limit + 0.9e-9 * width, limit)
    assert not at_most(limit + 2e-9 * width, limit)
    assert at_least(limit - 0.9e-9 * width, limit)
    assert not at_least(limit - 2e-9 * width, limit)


def test_an_undefined_value_is_within_no_limit_and_infinity_behaves() -> None:
    assert not at_most(math.nan, 1)
    assert not at_least(math.nan, 1)
    assert not at_most(math.inf, 1)
    assert at_least(math.inf, 1)
    assert at_most(1, math.inf)


def test_a_tolerance_may_be_a_factor() -> None:
    """Half to twice the value, the ends included; a relative tolerance would be lopsided."""
    prediction = number(actual=4.0, tolerance=2.0, factor=True)
    assert [prediction.correct(value) for value in (0, 1.9, 2, 4, 8, 8.1)] == [False, False, True, True, True, False]


# --- questions --------------------------------------------------------------------------------------------


def test_a_question_has_four_options_with_different_ids_and_one_right() -> None:
    options = four()
    for wrong in (options[:3], options[1:] + options[1:2], tuple(Option(o.id, o.text, o.feedback) for o in options)):
        with pytest.raises(OptionsError, match="needs 4 options"):
            Question("Which?", wrong)
    with pytest.raises(OptionsError):
        Question("Which?", tuple(Option(letter, letter, letter, correct=True) for letter in "ABCD"))
    assert Question("Which?", options).option("C").text == "option C"
    with pytest.raises(ValueError, match="'Z' is no option here; options are A, B, C, D"):
        Question("Which?", options).option("Z")


# --- predictions by choice --------------------------------------------------------------------------------


@given(actual=positive, claimed=positive)
def test_a_ratio_is_never_below_one_and_the_same_both_ways(actual: float, claimed: float) -> None:
    there = ChoicePrediction("?", four(A=claimed, B=actual, C=1, D=1), actual=actual).gap("A")
    back = ChoicePrediction("?", four(A=actual, B=claimed, C=1, D=1), actual=claimed).gap("A")
    assert there.amount == back.amount == pytest.approx(max(actual / claimed, claimed / actual))
    assert there.text == back.text
    assert there.text.endswith(" times")


def test_the_overlay_of_the_orientation() -> None:
    """27 h against a week, a month, half a year: the ratios that the course prints."""
    options = tuple(
        Option(o.id, o.text, o.feedback, value, o.id == "B")
        for o, value in zip(four(), (168, 27, 720, 4320), strict=True)
    )
    asked = ChoicePrediction("?", options, actual=27.0, form=lambda h: f"{h:g} h", why="Energy over power.")
    assert [asked.gap(letter).text for letter in "ABCD"] == ["6.22 times", "1.00 times", "26.7 times", "160.0 times"]
    gap = asked.gap("A")
    assert (gap.predicted, gap.actual, gap.correct) == ("168 h", "27 h", False)
    assert gap.why == "Energy over power.\n\nAbout A."
    assert asked.gap("B").correct


def test_a_difference_is_shown_where_a_ratio_does_not_exist() -> None:
    asked = ChoicePrediction("?", four(A=0, B=7, C=-3, D=180), actual=7.0, form=lambda d: f"{d:g} d")
    assert asked.gap("A").text == "7 d"
    assert asked.gap("C").text == "10 d"
    assert asked.gap("D").text == "25.7 times"
    zero = ChoicePrediction("?", four(A=5, B=0, C=1, D=2), actual=0.0, form=lambda d: f"{d:g} d")
    assert [zero.gap(letter).text for letter in "AB"] == ["5 d", "0 d"]
    infinite = ChoicePrediction("?", four(A=5, B=math.inf, C=1, D=2), actual=math.inf, form=lambda d: f"{d:g} d")
    assert infinite.gap("A").text == "inf d"


def test_a_difference_may_have_its_own_words() -> None:
    asked = ChoicePrediction(
        "?",
        four(A=0.9, B=0.8, C=0.1, D=0.2),
        actual=0.8,
        form=lambda share: f"{share:.0%}",
        difference=True,
        difference_form=lambda share: f"{100 * share:.0f} points",
    )
    assert (asked.gap("A").predicted, asked.gap("A").text) == ("90%", "10 points")


def test_an_option_without_value_says_its_gap_in_words() -> None:
    options = (
        Option("A", "It never ends", "It does.", gap="no finite time at all"),
        *(Option(o.id, o.text, o.feedback, 2.0, o.correct) for o in four()[1:]),
    )
    gap = ChoicePrediction("?", options, actual=2.0).gap("A")
    assert (gap.predicted, gap.text, gap.amount) == ("It never ends", "no finite time at all", None)
    with pytest.raises(ValueError, match="neither a value nor a gap"):
        ChoicePrediction("?", four(B=2.0), actual=2.0).gap("A")


# --- predictions by number --------------------------------------------------------------------------------


def test_a_number_is_right_within_its_tolerance_ends_included() -> None:
    asked = number()
    assert [asked.correct(value) for value in (31.9, 32, 40, 48, 48.1)] == [False, True, True, True, False]
    absolute = number(tolerance=5, absolute=True)
    assert [absolute.correct(value) for value in (34.9, 35, 45, 45.1)] == [False, True, True, False]
    assert not asked.correct(math.nan)
    assert number(actual=-40.0).correct(-35)


def test_the_overlay_of_a_number() -> None:
    gap = number().gap(20)
    assert (gap.predicted, gap.actual, gap.text, gap.correct) == ("20 s", "40 s", "2.00 times", False)
    assert gap.why == "It takes 40 s.\n\nToo short."
    assert number(tolerance=5, absolute=True).gap(50).text == "10 s"
    assert number().gap(0).text == "40 s"
    assert number(digits=".0f").form(12345.6) == "12,346 s"


# --- constants of one lab ---------------------------------------------------------------------------------


def test_a_scenario_constant_carries_unit_meaning_and_source() -> None:
    made = scenario("limit_s", 2.0, "s", "longest wait", "the lab's story")
    assert (made.value, made.unit, made.kind, made.section) == (2.0, "s", "assumption", "this lab")
    for broken in (
        {"value": math.nan},
        {"unit": "furlongs_per_whim"},
        {"meaning": " "},
        {"source": ""},
        {"kind": "rumour"},
    ):
        fields = {"value": 2.0, "unit": "s", "meaning": "longest wait", "source": "the story", **broken}
        with pytest.raises(ValueError, match="limit_s"):
            scenario("limit_s", **fields)  # type: ignore[arg-type]
