"""V1-00: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.figure import Figure
from components.instruments.lifetime import Load, decades, lifetime_line, period_panel, power_budget_bars
from labs.content import Gap
from labs.lab import LabError
from labs.vol1.lab_00_introduction import (
    PERIODS,
    DutyCycle,
    OrientationLab,
    RatedPower,
    longest_active_s,
    shortest_period,
)
from ledger import DesignLedger, contract_of

CONTEXTS = ("tiny", "mobile")


@pytest.fixture
def lab(ledger: DesignLedger) -> OrientationLab:
    return OrientationLab(ledger)


def in_act2(lab: OrientationLab, guess: str = "B", period: float = 200) -> OrientationLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", guess)
    lab.set_control("act1", "cells", 2)
    lab.answer("act1", "A")
    lab.lock("act2", period)
    return lab


def finished(lab: OrientationLab, **controls: float) -> OrientationLab:
    """The lab at the point of saving, with these controls of Act II."""
    in_act2(lab)
    for name, value in {"cells": 1, **controls}.items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "C")
    lab.decide("edge", "home_context")
    return lab


# --- physics --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "life_h"), [("MCU", 27.0), ("phone", 0.54), ("Orin NX", 0.108), ("H100", 0.00386)])
def test_one_cell_at_the_rated_powers(name, life_h):
    outcome = RatedPower.compute("tiny", average_power_w=0.1, cells=1)
    assert outcome.rated_life_s[name] / 3600 == pytest.approx(life_h, rel=1e-3)
    assert outcome.energy_j == pytest.approx(9720)
    assert outcome.budget_w == pytest.approx(0.625e-3)


@pytest.mark.parametrize(("cells", "low", "high"), [(1, 82, 119), (2, 41, 119)], ids=["one cell", "two cells"])
def test_feasible_periods_in_tinyml(cells, low, high):
    feasible = [t for t in range(1, 601) if DutyCycle.compute("tiny", period_s=t, cells=cells).feasible]
    assert feasible == list(range(low, high + 1))
    window = DutyCycle.compute("tiny", period_s=100, cells=cells).window_s
    assert window is not None
    assert low - 1 < window[0] <= low
    assert high <= window[1] < high + 1


@pytest.mark.parametrize("cells", [3, 4])
def test_three_cells_are_too_heavy_for_every_period(cells):
    outcomes = [DutyCycle.compute("tiny", period_s=t, cells=cells) for t in PERIODS]
    assert not any(outcome.feasible for outcome in outcomes)
    assert outcomes[0].window_s is None
    assert shortest_period("tiny", 3) == pytest.approx(26.8, abs=0.05)


@pytest.mark.parametrize("cells", [1, 2, 3, 4])
def test_no_period_saves_the_phone(cells):
    outcomes = [DutyCycle.compute("mobile", period_s=t, cells=cells) for t in PERIODS]
    assert not any(outcome.feasible for outcome in outcomes)
    assert shortest_period("mobile", cells) == np.inf
    assert max(outcome.life_days for outcome in outcomes) < outcomes[0].sleep_life_days
    assert outcomes[0].sleep_life_days == pytest.approx(4.5 * cells)


@pytest.mark.parametrize(
    ("controls", "power_w", "life_days", "response_s", "mass_g"),
    [
        ({"period_s": 100, "cells": 1}, 0.50995e-3, 220.6, 100.5, 10.5),
        ({"period_s": 10, "cells": 1}, 5.0095e-3, 22.5, 10.5, 10.5),
        ({"period_s": 600, "cells": 1}, 9.3325e-5, 1205, 600.5, 10.5),
        ({"period_s": 27, "cells": 3}, 1.8616e-3, 181.3, 27.5, 31.5),
    ],
)
def test_quoted_designs(controls, power_w, life_days, response_s, mass_g):
    outcome = DutyCycle.compute("tiny", **controls)
    assert outcome.average_power_w == pytest.approx(power_w, rel=1e-4)
    assert outcome.life_days == pytest.approx(life_days, rel=2e-3)
    assert outcome.response_s == pytest.approx(response_s)
    assert outcome.battery_mass_g == pytest.approx(mass_g)
    assert outcome.active_share_w + outcome.sleep_share_w == pytest.approx(outcome.average_power_w)


def test_a_response_of_thirty_seconds_needs_a_shorter_check():
    assert longest_active_s(30) == pytest.approx(0.1834, abs=5e-5)
    assert 0.5 / longest_active_s(30) == pytest.approx(2.73, abs=0.005)


# --- controls -------------------------------------------------------------------------------------------------


def test_the_power_slider_stands_exactly_at_the_rated_powers():
    for context in CONTEXTS:
        spec = RatedPower.controls_in(context)["average_power_w"]
        assert {0.1, 5.0, 25.0, 700.0} <= set(spec.stops)
        assert (spec.low, spec.high) == (1e-5, 1e3)
        # A rated power takes the place of its neighbour, so that steps stay steps.
        assert np.diff(np.log10(spec.stops)).min() > 0.02
    assert RatedPower.controls_in("tiny")["average_power_w"].default == 0.1
    assert RatedPower.controls_in("mobile")["average_power_w"].default == 5


def test_the_power_slider_remembers_each_context_and_cells_are_shared(lab):
    in_act2(lab)
    lab.set_control("act1", "average_power_w", 25.0)
    lab.set_control("act1", "cells", 3)
    lab.set_context("mobile")
    assert lab.act1.values() == {"average_power_w": 5.0, "cells": 3}
    lab.set_context("tiny")
    assert lab.act1.values() == {"average_power_w": 25.0, "cells": 3}


def test_the_period_slider_is_the_list_of_the_sheet():
    assert len(PERIODS) == 155
    assert (PERIODS[0], PERIODS[-1]) == (1, 3600)
    assert DutyCycle.controls_in("tiny")["period_s"].default == 10


def test_a_power_out_of_range_is_refused(lab):
    with pytest.raises(ControlError, match="10 µW to 1 kW"):
        lab.act1.set("average_power_w", 2e3)


# --- predictions and texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "amount", "quoted"),
    [
        ("A", 1.0, ("27 h", "180 d")),
        ("B", 6.22, ("16.1 mW", "100 mW")),
        ("C", 26.67, ("33 mA", "30 h")),
        ("D", 160.0, ("0.625 mW", "180 d")),
    ],
)
def test_reveal_of_act_1(lab, option, amount, quoted):
    gap = lab.act1.prediction().gap(option)
    assert gap.actual == "27.0 h"
    assert gap.amount == pytest.approx(amount, rel=1e-3)
    assert "160 times" in gap.why
    assert all(words in gap.why for words in quoted)
    assert gap.correct == (option == "A")


@pytest.mark.parametrize(("entry", "correct"), [(65, False), (66, True), (81, True), (97, True), (98, False)])
def test_prediction_of_act_2_counts_within_a_fifth(lab, entry, correct):
    gap = lab.act2.prediction().gap(entry)
    assert gap.correct == correct
    assert gap.actual == "81.3 s"
    assert "50 mJ" in gap.why
    assert "every 81 s" in gap.why


@pytest.mark.parametrize("entry", [1, 5, 10, 40, 81, 200, 299, 300, 600])
def test_every_entry_has_feedback_with_its_numbers(lab, entry):
    gap = lab.act2.prediction().gap(entry)
    assert isinstance(gap, Gap)
    if not gap.correct:
        assert f"{entry} s" in gap.why
        assert " d" in gap.why


def test_options_of_powers_are_shown_in_ascending_order(lab):
    assert [option.id for option in lab.options_in_order(lab.act1.prediction())] == list("ABCD")
    shown = [option.text for option in lab.options_in_order(lab.act1.reflection())]
    assert shown == ["6.25 µW", "0.625 mW", "6.25 mW", "62.5 mW"]


@pytest.mark.parametrize(("option", "days"), [("A", "1.8"), ("B", "18"), ("C", "180"), ("D", "18,000")])
def test_reflection_of_act_1_says_each_life(lab, option, days):
    assert f"{days} days" in lab.act1.reflection().option(option).feedback


def test_reflection_of_act_2_names_the_floor(lab):
    right = lab.act2.reflection().option("B")
    assert right.correct
    assert "25 mW" in right.text
    assert "40 times" in right.text
    assert "20 times" in right.feedback
    assert "2 cells" in right.feedback


def test_texts_quote_the_given_numbers(lab):
    assert "0.1 W" in lab.act1.message().text
    assert "1,000 mAh" in lab.act1.message().text
    concept = lab.act1.concept()
    assert all(power in concept for power in ("700 W", "25 W", "5 W", "0.1 W"))
    assert "0.5 s at 0.1 W" in lab.act2.concept()
    assert "0.1 s at 5 W" in lab.act2.concept()
    assert "10 µW | 25 mW" in lab.act2.concept()


def test_mobile_says_that_no_setting_passes(lab):
    lab.set_context("mobile")
    assert "no setting passes" in lab.act2.challenge()
    assert lab.solution("mobile") is None
    assert "sleep alone uses 4,000 %" in lab.act2.plots(lab.act2.outcome)["life"].caption


# --- failures -------------------------------------------------------------------------------------------------


def banners(lab: OrientationLab) -> list[str]:
    return [f"{failure.title} {failure.text(lab.act2.outcome)}" for failure in lab.act2.active_failures()]


def test_the_start_fails_without_counting_as_explored(lab):
    in_act2(lab)
    (banner,) = banners(lab)
    assert banner.startswith("BATTERY EMPTY: the patch dies after 22.5 days, 158 days before")
    assert "Average power 5.01 mW, budget 0.625 mW" in banner
    lab.set_context("mobile")
    assert "4,000 % of the budget" in banners(lab)[0]
    assert not lab.constraint_hit


def test_failures_come_and_go(lab):
    in_act2(lab)
    lab.set_control("act2", "cells", 1)
    assert lab.constraint_hit
    lab.set_control("act2", "period_s", 100)
    assert banners(lab) == []
    lab.set_control("act2", "period_s", 3600)
    assert [failure.id for failure in lab.act2.active_failures()] == ["alert_too_late"]
    lab.set_context("mobile")
    lab.set_control("act2", "period_s", 3600)
    assert [failure.id for failure in lab.act2.active_failures()] == ["battery_empty", "alert_too_late"]


def test_mass_turns_its_badge_red_and_raises_no_banner(lab):
    in_act2(lab)
    lab.set_control("act2", "cells", 3)
    lab.set_control("act2", "period_s", 100)
    assert banners(lab) == []
    assert [constraint.holds(lab.act2.outcome) for constraint in lab.act2.constraints()] == [True, True, False]


# --- ledger ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("option", "hours"), [("A", 27), ("B", 168), ("C", 720), ("D", 4320)])
def test_prediction_is_saved_in_hours(lab, option, hours):
    in_act2(lab, guess=option)
    assert lab.design()["act1_prediction"] == hours
    assert lab.design()["act1_correct"] == (option == "A")


@pytest.mark.parametrize(
    ("context", "controls", "decision"),
    [
        ("tiny", {"period_s": 100}, "tiny_duty_cycled"),
        ("tiny", {"period_s": 10}, "unresolved"),
        ("tiny", {"period_s": 100, "cells": 3}, "unresolved"),
        ("mobile", {"period_s": 100}, "mobile_duty_cycled"),
    ],
)
def test_saved_entry(lab, context, controls, decision):
    finished(lab, **controls)
    lab.set_context(context)
    lab.save()
    saved = lab.ledger.get(0)
    assert set(saved) == set(contract_of("ch00").fields)
    assert saved["act2_decision"] == decision
    assert saved["context"] == context
    assert saved["act2_result"] == pytest.approx(lab.act2.outcome.life_days)
    assert saved["response_s"] == pytest.approx(lab.act2.outcome.response_s)
    assert saved["period_s"] == controls["period_s"]
    assert saved["cells"] == controls.get("cells", 1)
    assert saved["home_context"] == "edge"


def test_saving_waits_for_the_home_context(lab):
    in_act2(lab)
    lab.set_control("act2", "period_s", 100)
    lab.answer("act2", "B")
    assert "question" in lab.missing_to_save()
    assert lab.design()["home_context"] is None
    with pytest.raises(LabError):
        lab.save()
    lab.decide("cloud", "home_context")
    assert lab.missing_to_save() == ""


@pytest.mark.parametrize(("answer", "field"), [("moon", "home_context"), ("cloud", "act2_decision"), ("1", "cells")])
def test_only_the_questions_asked_can_be_answered(lab, answer, field):
    with pytest.raises(LabError):
        lab.decide(answer, field)


def test_home_context_survives_a_reload_and_not_a_fresh_start(lab):
    finished(lab, period_s=100)
    again = OrientationLab(lab.ledger)
    assert again.notices == []
    assert again.named == {"home_context": "edge"}
    again.start_over()
    assert again.named == {}


def test_damaged_answers_are_not_believed(lab):
    finished(lab, period_s=100)
    lab.ledger.save_progress(0, state={**lab.progress(), "named": {"home_context": "moon"}})
    again = OrientationLab(lab.ledger)
    assert again.state == "briefing"
    assert again.notices


def test_it_reads_nothing_and_opens_in_tinyml(lab):
    assert OrientationLab.reads == ()
    assert lab.context == "tiny"


# --- pictures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
def test_instruments_keep_their_structure_at_every_stop(lab, context):
    in_act2(lab)
    lab.set_context(context)
    for act in (lab.act1, lab.act2):
        structures = set()
        slider = next(name for name in act.specs if name != "cells")
        for cells in (1, 2, 3, 4):
            act.set("cells", cells)
            for value in act.specs[slider].values():
                act.set(slider, value)
                plots = act.plots(act.outcome)
                structures.add(tuple(plot.structure() for plot in plots.values()))
                for plot in plots.values():
                    assert plot.caption
                    for layer in plot.layers:
                        layer.columns()
        assert len(structures) == 1


def test_panels_share_their_axis_and_mark_the_prediction_in_tinyml_only(lab):
    in_act2(lab)

    def flags() -> list[bool]:
        plots = lab.act2.plots(lab.act2.outcome)
        assert plots["life"].x == plots["response"].x
        return [
            any("your prediction" in np.atleast_1d(getattr(layer, "text", "")) for layer in plots[name].layers)
            for name in ("life", "response")
        ]

    assert flags() == [True, True]
    lab.set_context("mobile")
    assert flags() == [False, False]


def test_instruments_take_missing_values():
    load = Load("MCU", 0.1, 97200.0, "27.0 h")
    line = lifetime_line(load, [load], energy_j=9720, target_s=1.5e7, target_text="180 d", predicted=None, title="t")
    bars = power_budget_bars({"active": 0.0, "asleep": 1e-5}, budget_w=6e-4, budget_text="b", title="t")
    panel = period_panel(
        np.array([1.0, 10.0]),
        np.array([2.0, np.nan]),
        y=decades("life (d)", 0.1, 1e5),
        limit=180,
        limit_text="≥ 180 d",
        here=(1.0, 2.0),
        here_text="2 d",
        window_s=None,
        window_text="no feasible period",
        predicted_s=None,
        title="t",
    )
    for plot in (line, bars, panel):
        assert Figure(plot).title == "t"
