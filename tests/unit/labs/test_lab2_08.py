"""V2-08: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from earlier import save_earlier
from plot_words import texts

from components.controls import ControlError
from components.instruments.figure import Figure
from components.instruments.scheduling import OccupancyBar, occupancy_bars
from labs.vol2.lab_08_fleet_orch import (
    EXPONENTIAL_CV,
    EXPONENTIAL_WAIT_H,
    LOADS2,
    NOTES,
    FleetLab,
    QueueWait,
    SchedulingPolicy,
    play,
)
from ledger import DesignLedger, contract_of
from tests.unit.labs.playing import banner, move

KILL = {"policy": "preempt_kill"}
COLLAPSE = {"policy": "preempt_kill", "utilization": 0.95}


@pytest.fixture
def lab(ledger: DesignLedger) -> FleetLab:
    return FleetLab(ledger)


def in_act2(lab: FleetLab, context: str = "priority", first: str = "A", second: str = "A") -> FleetLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "seed", 3)
    lab.answer("act1", "C")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


# --- model --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "load", "interval", "restart", "busy", "wait_min", "slowdown", "status"),
    [
        ("fifo", 0.75, 30, 5, 0.750, 64.4 * 60, 2.34, "miss"),
        ("fifo", 0.30, 30, 5, 0.300, 9.2 * 60, 1.19, "miss"),
        ("priority", 0.75, 30, 5, 0.750, 17.5 * 60, 2.46, "miss"),
        ("preempt_kill", 0.75, 30, 5, 0.788, 1.3, 3.07, "miss"),
        ("preempt_kill", 0.75, 8, 5, 0.767, 1.3, 2.75, "ok"),
        ("preempt_save", 0.75, 30, 5, 0.763, 3.3, 2.70, "ok"),
        ("preempt_save", 0.78, 30, 5, 0.794, 3.4, 3.03, "miss"),
        ("preempt_save", 0.75, 30, 30, 0.813, 3.3, 3.52, "miss"),
        ("preempt_kill", 0.95, 30, 5, 1.012, 1.7, None, "collapse"),
    ],
)
def test_designs_of_the_sheet(policy, load, interval, restart, busy, wait_min, slowdown, status):
    outcome = SchedulingPolicy.design(policy, load, interval, restart)
    assert outcome.busy_fraction == pytest.approx(busy, abs=5.1e-4)
    assert outcome.wait_short_min == pytest.approx(wait_min, abs=0.051 if wait_min < 60 else 3.1)
    assert outcome.long_slowdown == (None if slowdown is None else pytest.approx(slowdown, abs=5.1e-3))
    assert outcome.status == status


def test_windows_of_the_solutions():
    def passes(policy: Any, load: float, interval: float = 30) -> bool:
        return SchedulingPolicy.design(policy, load, interval).status == "ok"

    assert [load for load in LOADS2 if passes("preempt_save", float(load))] == pytest.approx([0.75, 0.76, 0.77])
    for load, longest in ((0.75, 25), (0.76, 17), (0.77, 9)):
        assert passes("preempt_kill", load, longest)
        assert not passes("preempt_kill", load, longest + 1)
    # A slider's value a hair under the limit still counts as the limit.
    assert passes("preempt_save", 0.75 * (1 - 1e-12))


@pytest.mark.parametrize(("interval", "first"), [(30, 0.94), (60, 0.90)])
def test_where_killing_collapses(interval, first):
    assert SchedulingPolicy.design("preempt_kill", first, interval).status == "collapse"
    assert SchedulingPolicy.design("preempt_kill", first - 0.01, interval).status == "miss"


@pytest.mark.parametrize(("slots", "wait"), [(1, 85.84), (2, 38.1), (4, 16.0), (8, 6.1), (16, 2.0), (64, 0.09)])
def test_pooling(slots, wait):
    assert QueueWait.asked(slots=slots).wait_short_h == pytest.approx(wait, abs=0.06)
    # One slot in the Priority context, whatever the slider of the other one says.
    assert QueueWait.asked("priority", slots).wait_long_h == pytest.approx(93.87, abs=0.01)


def test_curves_pass_through_the_design():
    outcome = QueueWait.asked()
    assert outcome.mix_curve[80] == pytest.approx(outcome.multiple, rel=0.02)
    assert outcome.spread_curves[1, 80] == pytest.approx(4.0, rel=0.02)
    priority = QueueWait.asked("priority")
    assert priority.priority_curves[:, 80] * 4.3 == pytest.approx([18.77, 93.87], rel=0.02)
    for policy in ("fifo", "priority", "preempt_kill", "preempt_save"):
        design = SchedulingPolicy.design(policy, float(LOADS2[30]))
        assert design.curves[policy].wait_short_h[30] * 60 == pytest.approx(design.wait_short_min)
        assert design.curves[policy].response_long_h[30] / 48 == pytest.approx(design.long_slowdown)


def test_policies_meet_the_same_jobs_and_a_run_is_kept():
    outcome = SchedulingPolicy.design("preempt_save")
    assert np.array_equal(outcome.run.schedule.stream.arrival_h, outcome.compared.schedule.stream.arrival_h)
    assert outcome.compared.mean_wait_h(True) < 0.2 < outcome.run.mean_wait_h(True)
    before = play.cache_info().misses
    SchedulingPolicy.evaluate("priority", policy="preempt_save")
    assert play.cache_info().misses == before


def test_in_a_collapse_only_what_is_defined_is_returned():
    outcome = SchedulingPolicy.evaluate("priority", **COLLAPSE)
    assert not {"long_slowdown", "idle_usd_per_day"} & outcome.keys()
    assert outcome["wait_short_min"] == pytest.approx(1.70, abs=0.01)


def test_the_model_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="context"):
        QueueWait.evaluate("cloud")
    with pytest.raises(ValueError, match="utilization"):
        QueueWait.evaluate("fifo", utilization=-0.1)
    with pytest.raises(ValueError, match="fractions"):
        QueueWait.evaluate("fifo", long_fraction=1.5)


def test_outcomes_are_frozen():
    for outcome in (QueueWait.asked(), SchedulingPolicy.design("fifo")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            outcome.utilization = 1.0


# --- texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "shown", "ratio"),
    [("A", "about 3.4 h", "25.0 times"), ("B", "about 8.6 h", "9.98 times"), ("C", "about 17 h", "4.99 times"),
     ("D", "about 86 h", "1.00 times")],
)  # fmt: skip
def test_reveal_of_act1(lab, option, shown, ratio):
    prediction = lab.act1.prediction()
    gap = prediction.gap(option)
    assert prediction.option(option).text == shown
    assert (gap.actual, gap.text, gap.correct) == ("85.8 h", ratio, option == "D")
    assert all(text in gap.why for text in ("85.8 h", "20 mean jobs", "factor of 4", "factor of 5"))


@pytest.mark.parametrize(
    ("option", "shown", "gap"),
    [("A", "not at all", "8.03 h"), ("B", "by about 8 h", "1.00 times"), ("C", "by about 67 h", "8.35 times"),
     ("D", "by about 770 h", "96.0 times")],
)  # fmt: skip
def test_reveal_of_act2(lab, option, shown, gap):
    prediction = lab.act2.prediction()
    reveal = prediction.gap(option)
    assert prediction.option(option).text == shown
    assert (reveal.actual, reveal.text) == ("8.03 h", gap)
    assert "0.0856 × 67.06 h = 0.7144 × 8.03 h" in reveal.why
    assert "68.67 h" in prediction.option("B").feedback


def test_stories_and_reflections_quote_the_model(lab):
    assert all(text in lab.act1.message().text for text in ("512-GPU", "80 %", "4.3 hours"))
    assert all(text in lab.act1.concept() for text in ("92 %", "8 %", "48-hour", "3.0 here"))
    assert all(text in lab.act2.message().text for text in ("64 hours", "75 %", "9 million", "10 minutes", "3 times"))
    feedback = {letter: lab.act1.reflection().option(letter).feedback for letter in "ABCD"}
    assert "70.6 h (−18 %)" in feedback["A"]
    assert "50.1 h (−42 %)" in feedback["B"]
    assert "43.0 h (−50 %)" in feedback["C"]
    assert "86 h in all" in feedback["C"]
    question = lab.act2.reflection()
    assert all(text in question.question for text in ("85.8 h", "1.4 min", "9 %", "133.8 h", "146.4 h", "18.8 h"))
    assert all(text in question.option("B").feedback for text in ("17.17 h", "18.77 h", "0.0856"))
    assert all(text in lab.act1.peek().note for text in ("21.46 h", "17.17 h", "5 mean jobs"))
    assert all(text in NOTES for text in ("89 %", "6.1 h", "85.8 h", "0.75", "60 %"))
    assert [round(EXPONENTIAL_CV, 2), round(EXPONENTIAL_WAIT_H)] == [4.35, 172]


def test_collapse_banner_comes_and_goes(lab):
    in_act2(lab)
    move(lab, **COLLAPSE)
    assert all(
        text in banner(lab)
        for text in ("95 % + preemption overhead 6.2 % = 101.2 %", "10.5 preemptions", "add 3.5 h", "6.0 GPU-hours")
    )
    assert lab.constraint_hit
    move(lab, policy="preempt_save")
    assert "COLLAPSE" not in banner(lab)
    assert lab.constraint_hit


def test_amber_banners_do_not_count_as_a_cliff(lab):
    in_act2(lab, "fifo")
    move(lab, utilization=0.30)
    assert "a test waits 9.2 h for a 30 min run" in banner(lab)
    assert "productive load 30 %, finance asks for 75 %" in banner(lab)
    lab.set_context("priority")
    move(lab, policy="preempt_kill", utilization=0.75)
    assert "a training takes 3.07 times its 48 h" in banner(lab)
    assert "TESTS" not in banner(lab)
    assert not lab.constraint_hit


def test_the_fifo_context_says_that_no_design_passes(lab):
    in_act2(lab, "fifo")
    assert "No design of this context" in lab.act2.challenge()
    assert all(text in lab.act2.challenge() for text in ("9.2 h", "0.77 %"))
    assert lab.solution("fifo") is None
    assert {o.status for o in (SchedulingPolicy.design("fifo", float(load)) for load in LOADS2)} == {"miss"}


# --- controls and contexts ----------------------------------------------------------------------------------


def test_policies_belong_to_contexts(lab):
    in_act2(lab, "fifo")
    with pytest.raises(ControlError, match="Priority context"):
        move(lab, policy="preempt_save")
    assert "save_min" not in lab.act2.specs
    lab.set_context("priority")
    assert lab.act2.policy == "priority"
    with pytest.raises(ControlError, match="FIFO context"):
        move(lab, policy="fifo")
    assert "slots" not in lab.act1.specs
    move(lab, **lab.solution("priority"))
    assert lab.act2.constraints_met()
    assert lab.solved == {"priority"}


# --- ledger -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["priority", "preempt_kill", "preempt_save"])
def test_a_saved_entry(lab, ledger, policy):
    in_act2(lab, first="D")
    move(lab, policy=policy, utilization=0.76)
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(8, 2)
    design = SchedulingPolicy.design(policy, 0.76)
    assert (entry["context"], entry["act1_prediction"], entry["act1_correct"]) == ("priority", "D", True)
    assert (entry["act2_decision"], entry["act2_result"]) == (policy, 0.76)
    assert policy in contract_of("v2_08").fields["act2_decision"].vocabulary
    assert entry["busy_fraction"] == pytest.approx(design.busy_fraction)
    assert entry["short_wait_min"] == pytest.approx(design.wait_short_min)
    assert entry["long_slowdown"] == pytest.approx(design.long_slowdown)


def test_a_collapse_leaves_the_last_steady_design_on_record(lab, ledger):
    in_act2(lab)
    move(lab, policy="preempt_kill", utilization=0.93)
    move(lab, utilization=0.95)
    assert lab.act2.outcome.status == "collapse"
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(8, 2)
    assert (entry["act2_result"], entry["act2_decision"], entry["constraint_hit"]) == (0.93, "preempt_kill", True)
    assert entry["long_slowdown"] > 3


def test_without_v2_07_the_sliders_start_at_the_course_values(lab):
    in_act2(lab)
    assert (lab.act2.checkpoint_interval_min, lab.act2.restart_min) == (30, 5)
    assert lab.act2.from_ledger() == ""


def test_v2_07_sets_the_sliders(ledger):
    save_earlier(ledger, "v2_07", checkpoint_interval_s=240.0, fixed_restart_s=360.0)
    lab = in_act2(FleetLab(ledger))
    assert (lab.act2.checkpoint_interval_min, lab.act2.restart_min) == (4, 5)
    assert lab.act2.preset_source("checkpoint_interval_min") == "Lab V2-07"
    assert all(text in lab.act2.from_ledger() for text in ("V2-07", "4 min", "6 min", "60 s"))
    move(lab, **KILL)
    assert lab.act2.constraints_met()


@pytest.mark.parametrize(
    ("interval", "restart", "sliders"),
    [(259_200.0, 1800.0, (120, 29)), (1.0, 90.0, (3.5, 1)), (None, 30.0, (30, 5)), (0.0, None, (30, 5)),
     (1111.0, 215.0, (18.5, 2.5))],
)  # fmt: skip
def test_presets_are_rounded_and_clamped(ledger, interval, restart, sliders):
    save_earlier(ledger, "v2_07", checkpoint_interval_s=interval, fixed_restart_s=restart)
    lab = in_act2(FleetLab(ledger))
    assert (lab.act2.checkpoint_interval_min, lab.act2.restart_min) == sliders


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["fifo", "priority"])
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_instruments_hold_their_form_at_the_ends_of_every_control(lab, context, key):
    act = in_act2(lab, context).act(key)
    figures = {name: Figure(plot) for name, plot in act.plots(act.outcome).items()}
    forms = {name: {plot.structure()} for name, plot in act.plots(act.outcome).items()}
    ends = [
        spec.values()[:: max(len(spec.values()) - 1, 1)] if name != "policy" else list(spec.values())
        for name, spec in act.specs.items()
    ]
    for values in itertools.product(*ends):
        controls = dict(zip(act.specs, values, strict=True))
        if key == "act2" and (controls["policy"] == "fifo") != (context == "fifo"):
            continue
        act.param.update(**controls)
        for name, plot in act.plots(act.outcome).items():
            forms[name].add(plot.structure())
            figures[name].show(plot)
            assert not any(word in f"{texts(plot)} {plot.caption}" for word in ("nan", "None", "inf "))
        assert len(act.metrics(act.outcome)) == {"act1": 7, "act2": 5}[key]
        assert [len(table.rows) for table in act.tables(act.outcome)] == {"act1": [3], "act2": [3, 3]}[key]
    assert {name: len(form) for name, form in forms.items()} == dict.fromkeys(forms, 1)


def test_predictions_are_drawn(lab):
    in_act2(lab, "fifo", first="B", second="C")
    assert "your prediction" in texts(lab.act1.plots(lab.act1.outcome)["wait"])
    assert ("your prediction", "series-2") in lab.act2.plots(lab.act2.outcome)["trainings"].key
    lab.set_context("priority")
    assert "your prediction" not in texts(lab.act1.plots(lab.act1.outcome)["wait"])


def test_captions_and_tables_quote_the_outcome(lab):
    in_act2(lab)
    found = lab.act1.plots(lab.act1.outcome)["found"].caption
    assert all(text in found for text in ("20.0 %", "8.6 %", "71.4 %", "24.0 h"))
    assert [row[3] for row in lab.act1.tables(lab.act1.outcome)[0].rows] == ["2.00", "4.00", "20.0"]
    conserved, _ = lab.act2.tables(lab.act2.outcome)
    assert conserved.rows[2][2] == conserved.rows[2][3]
    move(lab, **KILL)
    conserved, stops = lab.act2.tables(lab.act2.outcome)
    assert "outside the law" in conserved.rows[2][0]
    assert stops.rows[1][1] == "20.0"
    move(lab, utilization=0.95)
    assert lab.act2.tables(lab.act2.outcome)[0].rows[1][3] == "∞"
    assert "Preempt and kill below" in lab.act2.plots(lab.act2.outcome)["gantt"].title


def test_the_gantt_shows_the_stops_of_preemption_only(lab):
    in_act2(lab)
    assert "makes no stops" in lab.act2.plots(lab.act2.outcome)["gantt"].caption
    move(lab, policy="preempt_save")
    assert "stops (red ticks)" in lab.act2.plots(lab.act2.outcome)["gantt"].caption


def test_what_exceeds_the_machine_is_hatched_and_cut():
    plot = occupancy_bars(
        [OccupancyBar("fits", {"work": 0.6, "idle": 0.4}), OccupancyBar("over", {"work": 1.6})],
        {"work": "data", "idle": "line"},
        title="Busy",
        axis="%",
        high=1.3,
    )
    hatched = next(layer for layer in plot.layers if getattr(layer, "hatch", "")).columns()
    assert np.isnan(hatched["right"][0])
    assert (hatched["left"][1], hatched["right"][1]) == (100, pytest.approx(130))
