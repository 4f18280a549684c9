"""V2-14: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from earlier import save_earlier
from plot_words import texts, written

from components.controls import ControlError
from components.instruments.figure import Figure
from components.instruments.layers import Boxes, Plot, Points, Segments
from components.instruments.robustness import filter_scores, review_desk
from components.instruments.waterfall import Limit
from labs.vol2.lab_14_robust_ai import (
    NAMES,
    SIGMA,
    TOY_ABOVE,
    TOY_POINTS,
    DefenceDesign,
    RobustAiLab,
    RobustnessTax,
    breakeven_of,
    toy_rule,
)
from ledger import DesignLedger, contract_of
from tests.unit.labs.playing import banners, move

CONTEXTS = ("production", "hardened")


@pytest.fixture
def lab(ledger: DesignLedger) -> RobustAiLab:
    return RobustAiLab(ledger)


def in_act1(lab: RobustAiLab, first: str = "large") -> RobustAiLab:
    lab.begin_act1()
    lab.lock("act1", first)
    return lab


def in_act2(lab: RobustAiLab, context: str = "production", second: str = "p59") -> RobustAiLab:
    """The lab with both predictions locked."""
    in_act1(lab)
    lab.set_control("act1", "recipe", "adv8")
    lab.answer("act1", "B")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


def plot(lab: RobustAiLab, key: str, name: str) -> Plot:
    act = lab.act(key)
    return act.plots(act.outcome)[name]


def design(context: str, **controls: Any) -> Any:
    start = {"recipe": "standard", "filter_on": False, "filter_fpr": 0.05, "attack_share": 0.001, "samples": 100}
    return DefenceDesign.compute(context, **{**start, **controls})


# --- the sheet's numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "attack", "accuracy"),
    [
        ("standard", 0, 76.13),
        ("standard", 4, 0.03),
        ("standard", 8, 0.01),
        ("standard", 16, 0.01),
        ("adv4", 0, 62.42),
        ("adv4", 4, 33.38),
        ("adv4", 8, 12.73),
        ("adv4", 16, 1.37),
        ("adv8", 0, 47.91),
        ("adv8", 4, 33.03),
        ("adv8", 8, 19.52),
        ("adv8", 16, 4.82),
    ],
)
def test_published_accuracies(recipe, attack, accuracy):
    outcome = RobustnessTax.compute("production", recipe=recipe, attack_eps_255=attack)
    assert 100 * outcome.accuracy_under_attack == pytest.approx(accuracy)


def test_attack_steps_move_the_bill_and_nothing_else():
    few, many = (RobustnessTax.compute("hardened", recipe="adv8", attack_eps_255=8, pgd_steps=k) for k in (3, 10))
    assert (few.training_cost_factor, many.training_cost_factor) == (4, 11)
    assert few.accuracy_under_attack == many.accuracy_under_attack
    assert (
        RobustnessTax.compute("hardened", recipe="standard", attack_eps_255=8, pgd_steps=10).training_cost_factor == 1
    )


@pytest.mark.parametrize(
    ("recipe", "context", "percent"),
    [
        ("adv8", "production", 59.1),
        ("adv4", "production", 51.9),
        ("adv8", "hardened", 46.1),
        ("adv4", "hardened", 29.1),
    ],
)
def test_breakeven_shares(recipe, context, percent):
    assert 100 * breakeven_of(recipe, context) == pytest.approx(percent, abs=0.05)


@pytest.mark.parametrize(
    ("context", "controls", "success", "flagged", "feasible"),
    [
        ("production", {}, 99.99, 0, False),
        ("production", {"filter_on": True, "filter_fpr": 0.03}, 27.2, 306_976, True),
        ("production", {"filter_on": True, "filter_fpr": 0.025}, 29.9, 256_757, True),
        ("production", {"filter_on": True, "filter_fpr": 0.035}, 25.0, 357_150, False),
        ("production", {"filter_on": True, "filter_fpr": 0.05}, 20.0, 507_500, False),
        ("production", {"filter_on": True, "filter_fpr": 0.01}, 43.6, 105_536, False),
        ("hardened", {"attack_share": 0.01}, 99.97, 0, False),
        ("hardened", {"attack_share": 0.01, "recipe": "adv4"}, 66.6, 0, True),
        (
            "hardened",
            {"attack_share": 0.01, "recipe": "adv4", "filter_on": True, "filter_fpr": 0.02},
            65.3,
            2_000,
            True,
        ),
        ("hardened", {"attack_share": 0.01, "filter_on": True, "filter_fpr": 0.03}, 97.0, 3_000, False),
    ],
)
def test_designs_of_the_sheet(context, controls, success, flagged, feasible):
    outcome = design(context, **controls)
    assert 100 * outcome.attack_success == pytest.approx(success, abs=0.05)
    assert outcome.flagged_per_day == pytest.approx(flagged, abs=0.6)
    assert outcome.passes is feasible
    assert outcome.flagged_per_day == pytest.approx(outcome.flagged_attacks + outcome.flagged_honest)


@pytest.mark.parametrize("context", CONTEXTS)
def test_only_the_sheets_designs_pass_and_badges_agree(lab, context):
    in_act2(lab, context)
    specs, badges = lab.act2.specs, lab.act2.constraints()
    share = specs["attack_share"].default
    passing = set()
    for recipe, on, fpr, samples in itertools.product(
        NAMES, (False, True), specs["filter_fpr"].values(), specs["samples"].values()
    ):
        outcome = design(context, recipe=recipe, filter_on=on, filter_fpr=fpr, attack_share=share, samples=samples)
        assert outcome.passes == all(badge.holds(outcome) for badge in badges)
        if outcome.passes:
            passing.add((recipe, fpr if on else None))
    if context == "production":
        assert passing == {("standard", 0.025), ("standard", 0.03)}
    else:
        assert passing == {("adv4", fpr) for fpr in (None, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02)}


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_window_is_where_a_filter_holds_both_limits(context):
    for recipe in NAMES:
        for fpr in (0.001, 0.02, 0.028, 0.2):
            outcome = design(context, recipe=recipe, filter_on=True, filter_fpr=fpr)
            service = {"production": (0.30, 350_000), "hardened": (0.70, 2_000)}[context]
            holds = outcome.attack_success <= service[0] and outcome.flagged_per_day <= service[1]
            low, high = outcome.window or (math.inf, -math.inf)
            cut = -float(np.asarray(_quantile(fpr)))
            assert (low - 0.05 <= cut <= high + 0.05) == holds or abs(cut - low) < 0.06 or abs(cut - high) < 0.06


def _quantile(fpr: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(fpr)


def test_smoothing_is_slow_and_certifies_nothing_here(lab):
    in_act2(lab, "hardened")
    move(lab, recipe="smooth050")
    assert lab.act2.outcome.latency_ms == pytest.approx(150)
    assert lab.act2.outcome.robust_accuracy == 0
    assert "LATENCY: 150 ms against 50 ms: 100 forward passes per decision." in banners(lab).values()
    move(lab, samples=1)
    assert "too_slow" not in banners(lab)
    assert "no certificate" in plot(lab, "act2", "ladder").caption


def test_attack_share_may_be_one(lab):
    in_act2(lab)
    move(lab, filter_on=True, attack_share=1.0)
    assert lab.act2.outcome.alert_precision == 1


# --- texts ---------------------------------------------------------------------------------------------------


def test_the_first_reveal(lab):
    in_act1(lab, "small")
    gap = lab.act1.prediction().gap("small")
    assert (gap.predicted, gap.actual, gap.text) == ("73 %", "47.91 %", "25.1 points")
    for words in ("47.91 %", "about 50", "28.2 points", "54.5 %", "quantisation"):
        assert words in gap.why
    assert "19.5 %" in lab.act1.prediction().gap("large").why
    assert "13.7 points" in lab.act1.prediction().gap("mid").why
    assert "25.6 M" in lab.act1.reflection().option("A").feedback


def test_nothing_before_the_lock_tells_the_answer(lab):
    shown = " ".join((lab.briefing, lab.invariant, lab.question, lab.act1.message().text, lab.act1.concept()))
    for answer in ("47.9", "48 %", "28", "59"):
        assert answer not in shown


def test_the_second_reveal(lab):
    in_act2(lab)
    prediction = lab.act2.prediction()
    gap = prediction.gap("p1")
    assert (gap.predicted, gap.actual, gap.text) == ("1 %", "59.1 %", "58.1 points")
    assert "75.4 %, the hardened one 47.6 %" in gap.why
    assert "68.5 % against 45.1 %" in prediction.gap("p10").why
    assert "29.1 %" in prediction.gap("p29").why
    assert "28.2 points lost" in prediction.gap("p59").why
    assert "19.5 gained" in prediction.gap("p59").why
    assert "from 2.49 to 0" in prediction_feedback(lab, "B").replace("falls ", "")


def prediction_feedback(lab: RobustAiLab, option: str) -> str:
    return lab.act2.reflection().option(option).feedback


def test_peek_and_notes(lab):
    note = lab.act2.peek().note
    for words in ("1.50 $", "3.81 $", "1.545"):
        assert words in note
    for words in ("98.4 %", "0.33/255", "33 % worst-case"):
        assert words in lab.instructor_notes


# --- failure states ------------------------------------------------------------------------------------------


def test_overflow_comes_and_goes(lab):
    in_act2(lab)
    assert not lab.constraint_hit
    move(lab, filter_on=True)
    assert banners(lab) == {
        "review_overflow": "REVIEW QUEUE OVERFLOW: 507,500 alerts a day for a desk of 350,000; the backlog grows by "
        "157,500 a day and 98.4 % of it are honest users."
    }
    assert lab.constraint_hit
    move(lab, filter_fpr=0.03)
    assert not banners(lab)
    assert lab.act2.constraints_met()


def test_a_known_filter_covers_nothing(lab):
    in_act2(lab, "hardened")
    assert "99.97 % of attacks pass, limit 70 %" in banners(lab)["worst_case_uncovered"]
    for fpr in (0.001, 0.03, 0.2):
        move(lab, filter_on=True, filter_fpr=fpr)
        assert "d' = 0.00" in banners(lab)["worst_case_uncovered"]
    move(lab, filter_on=False, recipe="adv4")
    assert not banners(lab)
    assert lab.act2.constraints_met()


def test_copies_need_a_smoothed_model(lab):
    in_act2(lab)
    with pytest.raises(ControlError, match="smoothed model"):
        lab.set_control("act2", "samples", 1000)
    move(lab, recipe="smooth100", samples=1000)
    move(lab, recipe="adv4")
    assert lab.act2.samples == 100


def test_the_toggle_sets_the_share_and_leaves_the_rest(lab):
    in_act2(lab)
    move(lab, filter_on=True, filter_fpr=0.02, recipe="adv8")
    lab.set_context("hardened")
    assert (lab.act2.attack_share, lab.act2.filter_fpr, lab.act2.recipe) == (0.01, 0.02, "adv8")
    lab.set_context("production")
    assert lab.act2.attack_share == 0.001


# --- ledger --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "decision"),
    [
        ({}, "none"),
        ({"filter_on": True}, "filter"),
        ({"recipe": "adv4"}, "harden"),
        ({"recipe": "adv8", "filter_on": True}, "harden_and_filter"),
        *(({"recipe": recipe, "filter_on": on}, "certify") for recipe in SIGMA for on in (False, True)),
    ],
)
def test_decisions(lab, controls, decision):
    in_act2(lab)
    move(lab, **controls)
    assert lab.decision() == decision
    assert decision in (contract_of("v2_14").fields["act2_decision"].vocabulary or ())


def test_what_is_saved(lab):
    in_act2(lab, "hardened")
    move(lab, recipe="adv4")
    lab.answer("act2", "B")
    lab.save()
    entry = lab.ledger.get(14, 2)
    assert entry["act2_result"] == pytest.approx(0.3338)
    assert (entry["act1_prediction"], entry["act1_correct"]) == ("large", True)
    assert (entry["recipe"], entry["filter_fpr"], entry["attack_share"]) == ("adv4", None, 0.01)
    assert entry["clean_accuracy"] == pytest.approx(0.6242)
    assert entry["constraint_hit"] is False


@pytest.mark.parametrize("word", [None, "throughput", "noise"])
def test_privacy_of_the_lab_before(ledger, word):
    vocabulary = contract_of("v2_13").fields["act2_decision"].vocabulary or ()
    if word is None:
        assert not RobustAiLab(ledger).act1.from_ledger()
        return
    central = word == "throughput"
    decision = next(name for name in vocabulary if name.endswith("/central_isolated") == central)
    save_earlier(ledger, "v2_13", act2_decision=decision)
    assert f"already pay with {word} for privacy" in RobustAiLab(ledger).act1.from_ledger()


# --- pictures ------------------------------------------------------------------------------------------------


def test_hardening_the_picture_trades_clean_for_robust():
    rules = [toy_rule(model) for model in ("standard", "adv4", "adv8")]
    assert [rule.correct() for rule in rules] == [50, 42, 35]
    assert [rule.correct(4) for rule in rules] == [27, 40, 31]
    assert [rule.correct(8) for rule in rules] == [6, 20, 30]
    assert len(TOY_POINTS) == len(TOY_ABOVE) == 50


def test_boxes_appear_with_an_attack_and_count_what_flips(lab):
    in_act1(lab)
    lab.set_control("act1", "recipe", "adv4")
    boxes = [layer for layer in plot(lab, "act1", "regions").layers if isinstance(layer, Boxes)][2:]
    assert all(np.isnan(layer.columns()["left"]).all() for layer in boxes)
    lab.set_control("act1", "attack_eps_255", 8)
    shown = plot(lab, "act1", "regions")
    safe, flipped = [layer for layer in shown.layers if isinstance(layer, Boxes)][2:]
    assert np.isfinite(safe.columns()["left"]).sum() == 20
    assert np.isfinite(flipped.columns()["left"]).sum() == 22
    crosses = next(layer for layer in shown.layers if isinstance(layer, Points) and layer.marker == "x")
    assert np.isfinite(crosses.columns()["x"]).sum() == 8
    assert "20 keep their answer" in shown.caption


def test_the_predictions_are_drawn(lab):
    in_act2(lab, second="p10")
    assert "you: 48" in texts(plot(lab, "act1", "tax"))
    assert "your prediction" in texts(plot(lab, "act2", "breakeven"))
    lab.set_context("hardened")
    assert "your prediction" not in texts(plot(lab, "act2", "breakeven"))


def test_the_tax_hangs_from_the_ordinary_model(lab):
    in_act1(lab)
    assert {"−13.7", "−28.2"} <= set(written(plot(lab, "act1", "tax")))


def test_scores_with_and_without_filter(lab):
    in_act2(lab)
    assert "filter off" in texts(plot(lab, "act2", "scores"))
    move(lab, filter_on=True, filter_fpr=0.03)
    assert "72.8 % attacks" in texts(plot(lab, "act2", "scores"))
    assert "limits hold" in texts(plot(lab, "act2", "scores"))
    lab.set_context("hardened")
    assert "no threshold meets the limits" in texts(plot(lab, "act2", "scores"))
    assert "both curves coincide" in plot(lab, "act2", "scores").caption


def test_the_desk_turns_red_above_its_capacity():
    def red(attacks: float, honest: float) -> bool:
        drawn = review_desk(attacks, honest, capacity=Limit(2000, "desk"), low=1, high=1e7, title="t")
        return bool(np.isfinite([x.right for x in drawn.layers if isinstance(x, Boxes)][3]).any())

    assert not red(0, 2000)
    assert red(1, 2000)


def test_certificates_cover_little(lab):
    in_act2(lab)
    shown = plot(lab, "act2", "ladder")
    assert "needed for 8/255: 12.17" in texts(shown)
    assert "at most 0.750 in l2, which covers 0.49/255" in shown.caption
    lab.set_context("hardened")
    assert "needed for 4/255: 6.09" in texts(plot(lab, "act2", "ladder"))


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_drawing_keeps_its_structure(lab, context):
    in_act2(lab, context)
    seen: dict[str, set[Any]] = {}
    act = lab.act2
    for recipe, on, fpr, share, samples in itertools.product(
        NAMES, (False, True), (0.001, 0.2), (1e-5, 1.0), (1, 100_000)
    ):
        act.param.update(recipe=recipe, filter_on=on, filter_fpr=fpr, attack_share=share, samples=samples)
        for name, drawn in act.plots(act.outcome).items():
            seen.setdefault(name, set()).add(drawn.structure())
            for layer in drawn.layers:
                if isinstance(layer, Segments | Points | Boxes):
                    assert layer.columns()
    # The name of the attacks stands in the middle or beside the curve of the honest, by context alone.
    assert {name: len(kinds) for name, kinds in seen.items()} == dict.fromkeys(seen, 1)
    for drawn in act.plots(act.outcome).values():
        Figure(drawn)


def test_a_filter_that_separates_nothing_is_drawn():
    scores = np.linspace(-3, 3, 41)
    density = np.exp(-(scores**2) / 2)
    drawn = filter_scores(scores, density, density, threshold=0.0, rates=None, window=None, title="t")
    assert "no threshold meets the limits" in texts(drawn)
