"""V2-07: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.figure import Figure
from components.instruments.layers import Labels
from components.instruments.reliability import LossBar, goodput_gauge, loss_breakdown
from labs.catalog import find_act
from labs.vol2.lab_07_fault_tolerance import (
    INTERVALS,
    NOTES,
    CheckpointInterval,
    FaultToleranceLab,
    GoodputDesign,
    sample_run,
    worked_example,
)
from ledger import DesignLedger, contract_of
from tests.unit.labs.playing import banner, move

CHECKS = json.loads((Path(__file__).parents[2] / "data" / "checks" / "v2_07.json").read_text())
GB = 1e9
START = {"mode": "sync", "storage_bytes_s": 100 * GB, "interval_s": 3600.0, "fixed_restart_s": 360.0}
STORM = {"mode": "async", "storage_bytes_s": 25 * GB, "interval_s": 200.0}


@pytest.fixture
def lab(ledger: DesignLedger) -> FaultToleranceLab:
    return FaultToleranceLab(ledger)


def in_act2(lab: FaultToleranceLab, context: str = "16k_gpu", first: str = "A", second: str = "A") -> FaultToleranceLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "checkpoint_s", 60)
    lab.answer("act1", "C")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


def cluster(**controls: Any) -> Any:
    return GoodputDesign.compute("16k_gpu", **{**START, **controls})


def words(plot: Any) -> str:
    labels = [str(text) for layer in plot.layers if isinstance(layer, Labels) for text in layer.columns()["text"]]
    return " | ".join([plot.title, plot.caption, *labels])


# --- physics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", [case for case in CHECKS if case["formula"] in ("act1", "act2")], ids=lambda c: c["id"]
)
def test_checks(case):
    outcome = find_act(2, 7, case["formula"]).evaluate(**case["inputs"])
    for name, value in case["expect"].items():
        assert outcome[name] == (value if isinstance(value, str) else pytest.approx(value, rel=case["rtol"]))


@pytest.mark.parametrize(
    ("mode", "storage", "interval", "fixed", "tax", "restart", "goodput", "status"),
    [
        ("sync", 100, 3600, 360, 17.7, 3.7, 78.5, "below_target"),
        ("sync", 100, None, 360, 10.1, 3.7, 86.2, "below_target"),
        ("sync", 200, None, 360, 7.1, 3.5, 89.4, "below_target"),
        ("sync", 200, None, 240, 7.1, 2.4, 90.5, "ok"),
        ("async", 100, 3600, 360, 16.7, 3.7, 79.5, "below_target"),
        ("async", 100, 240, 360, 2.4, 3.7, 93.8, "ok"),
        ("async", 50, 240, 360, 2.9, 4.3, 92.8, "ok"),
    ],
)
def test_designs_of_the_sheet(mode, storage, interval, fixed, tax, restart, goodput, status):
    outcome = GoodputDesign.design(mode, storage * GB, interval, fixed)
    assert outcome.overhead * 100 == pytest.approx(tax, abs=0.051)
    assert outcome.restart_s / outcome.mtbf_s * 100 == pytest.approx(restart, abs=0.051)
    assert outcome.goodput * 100 == pytest.approx(goodput, abs=0.051)
    assert outcome.status == status
    assert sum(outcome.parts.values()) == pytest.approx(1 - outcome.goodput)


def test_best_intervals_of_the_sheet():
    assert GoodputDesign.design("sync").interval_s / 60 == pytest.approx(18.7, abs=0.05)
    assert GoodputDesign.design("sync", 200 * GB).interval_s / 60 == pytest.approx(13.2, abs=0.05)
    assert GoodputDesign.design("async").interval_s == pytest.approx(211, abs=0.5)
    assert GoodputDesign.design("sync", 5 * GB, context="8gpu").interval_s / 3600 == pytest.approx(8.8, abs=0.05)


@pytest.mark.parametrize(("storage", "low", "high"), [(100, 113.4, 1244), (50, 226.8, 1009), (25, 453.6, 512)], ids=str)
def test_windows_of_asynchronous_designs(storage, low, high):
    """A design exactly on a limit passes; just outside it does not."""

    def status(interval: float) -> str:
        return cluster(mode="async", storage_bytes_s=storage * GB, interval_s=interval).status

    assert status(low - 0.1) == "duty"
    assert {status(tau) for tau in np.linspace(low, high, 50)} == {"ok"}
    assert status(high + 1) == "below_target"


def test_what_synchronous_saves_need():
    def best(storage: float, fixed: float) -> float:
        return GoodputDesign.design("sync", storage * GB, None, fixed).goodput

    assert best(200, 290) >= 0.9 > best(200, 295)
    assert best(157, 180) >= 0.9 > best(156, 180)
    assert best(238, 360) >= 0.9 > best(236, 360)


def test_states_come_worst_first():
    assert cluster(**STORM).status == "storm"
    assert cluster(**{**STORM, "interval_s": 226.8}).status == "storm"
    # A save that training waits for cannot pile up.
    assert cluster(**{**STORM, "mode": "sync"}).status == "no_progress"
    assert cluster(**{**STORM, "interval_s": 300.0}).status == "duty"
    assert cluster(interval_s=21_600.0).status == "no_progress"
    pod = GoodputDesign.evaluate("8gpu")
    assert pod["status"] == "ok"
    assert pod["goodput"] == pytest.approx(0.994, abs=5e-4)


def test_in_a_storm_only_what_is_defined_is_returned():
    outcome = GoodputDesign.evaluate("16k_gpu", **STORM)
    assert {"write_s", "restart_s", "storage_duty", "status"} <= outcome.keys()
    assert not {"overhead", "goodput", "lost_usd_per_day", "parts", "run"} & outcome.keys()


def test_the_model_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="storage"):
        GoodputDesign.evaluate("16k_gpu", storage=1)
    with pytest.raises(ValueError, match="> 0"):
        GoodputDesign.evaluate("16k_gpu", interval_s=0)
    with pytest.raises(ValueError, match="context"):
        GoodputDesign.evaluate("cloud")


def test_curves_agree_with_single_designs():
    outcome = cluster(mode="async", storage_bytes_s=50 * GB)
    for k in (60, 120, 180):
        for mode, curve in (("sync", outcome.sync_tax), ("async", outcome.async_tax)):
            one = cluster(mode=mode, storage_bytes_s=50 * GB, interval_s=float(INTERVALS[k]))
            assert curve[k] == pytest.approx(one.overhead)
    storm = outcome.write_s > INTERVALS
    assert np.all(np.isnan(outcome.async_tax) == storm)
    assert storm.any()


def test_pod_is_flat_and_cluster_is_not():
    for gpus, at_best, off in ((8, 0.33, 0.69), (16_384, 14.78, 31.41)):
        best = CheckpointInterval.asked(gpus)
        assert best.overhead_at_optimum * 100 == pytest.approx(at_best, abs=0.01)
        for factor in (0.25, 4):
            moved = CheckpointInterval.asked(gpus, interval_s=factor * best.young_interval_s)
            assert moved.overhead * 100 == pytest.approx(off, abs=0.01)


def test_the_tax_is_saves_and_rework():
    outcome = CheckpointInterval.compute("16k_gpu", gpus=1024, gpu_mtbf_h=2e4, checkpoint_s=30, interval_s=3600)
    assert np.all(outcome.saves > 0)
    assert np.all(outcome.rework > 0)
    k = int(np.argmin(outcome.saves + outcome.rework))
    assert INTERVALS[k] == pytest.approx(outcome.young_interval_s, rel=0.05)


def test_worked_example_of_the_chapter():
    assert worked_example() / 3600 == pytest.approx(3.69, abs=0.005)


# --- the sample run -----------------------------------------------------------------------------------------


def test_another_seed_is_another_run_of_the_same_law():
    one, two = cluster(seed=1), cluster(seed=2)
    assert one.goodput == two.goodput
    assert not np.array_equal(one.run.failures_s, two.run.failures_s)
    assert cluster(seed=1).run is one.run


def test_a_run_is_not_played_again_for_another_view_of_the_same_design():
    cluster()
    before = sample_run.cache_info().misses
    cluster()
    assert sample_run.cache_info().misses == before


def test_runs_come_out_near_the_exact_model():
    runs = [cluster(seed=seed).run.goodput for seed in range(1, 13)]
    assert np.mean(runs) == pytest.approx(cluster().exact_goodput, abs=0.01)


# --- texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "numbers"),
    [
        ("A", ("45.3 times", "0.8 %", "20.4 h")),
        ("B", ("45.3 times", "35.9 s", "77 %", "22.9 %")),
        ("C", ("1.00 times", "0.33 %", "14.8 %")),
        ("D", ("4.11 times", "1.86 h", "32.2 %", "14.8 %")),
    ],
)
def test_reveal_of_act1(lab, option, numbers):
    gap = lab.act1.prediction().gap(option)
    text = f"{gap.text} {gap.why}"
    assert gap.actual == "45.25×"
    assert gap.correct == (option == "C")
    assert all(number in text for number in (*numbers, "20.41 h", "27.06 min")), text


@pytest.mark.parametrize(
    ("option", "goodput", "gap", "numbers"),
    [
        ("A", "89.4 %", "4.5 points", ("1.41",)),
        ("B", "83.6 %", "10.2 points", ()),
        ("C", "93.9 %", "0.0 points", ("28 times", "211 s", "7.7 points")),
        ("D", "88.0 %", "5.8 points", ("3.7 %", "1.9 %")),
    ],
)
def test_reveal_of_act2(lab, option, goodput, gap, numbers):
    shown = lab.act2.prediction().gap(option)
    assert (shown.predicted, shown.actual, shown.text) == (goodput, "93.9 %", gap)
    assert all(number in shown.why for number in numbers), shown.why


def test_the_question_names_the_start_and_no_goodput_of_its_options(lab):
    question = lab.act2.prediction()
    assert all(number in question.question for number in ("100 GB/s", "56.7 s", "18.7 min", "417 s", "86.2 %"))
    assert not question.numeric
    assert not any("%" in option.text for option in question.options)


def test_stories_and_reflections_quote_the_model(lab):
    assert all(number in lab.act1.message().text for number in ("20 h", "16,384", "2,048", "2 min"))
    assert all(number in lab.act2.message().text for number in ("21 %", "169,000 USD", "90 %", "200 GB/s"))
    assert all(number in lab.act2.concept() for number in ("405", "14", "5.67 TB", "2 s", "3.093 h", "112 GB", "6,250"))
    assert "14.8 % become 10.5 %" in lab.act1.reflection().option("C").feedback
    feedback = {letter: lab.act2.reflection().option(letter).feedback for letter in "ABCD"}
    assert "0.8 %" in feedback["A"]
    assert "1.1 %" in feedback["B"]
    assert "3.7 %" in feedback["C"]
    assert "0.5 %" in feedback["D"]
    assert all(number in lab.act1.peek().note for number in ("424.7", "419", "4.9 %", "3.69 h"))
    assert all(number in lab.act2.peek().note for number in ("80.1 %", "78.5 %"))
    assert all(number in NOTES for number in ("50,677", "1.4 %", "2.8 s", "94.5 %", "90.01 %", "88.3 %", "86.5 %"))
    assert "6 times worse" in NOTES


def test_storm_banner(lab):
    in_act2(lab)
    move(lab, **STORM)
    assert "227 s to reach storage" in banner(lab)
    assert "every 200 s" in banner(lab)
    assert "12.1 TB per hour" in banner(lab)
    move(lab, interval_s=600.0)
    assert banner(lab) == ""
    assert lab.constraint_hit


def test_no_progress_banner(lab):
    in_act2(lab)
    move(lab, interval_s=21_600.0)
    assert "saves 0 %, repeated work 97 % and restarts 4 % of 16,384 GPUs" in banner(lab)
    assert "14 %" in banner(lab)
    assert lab.act2.outcome.exact_goodput == pytest.approx(0.31, abs=0.005)
    move(lab, storage_bytes_s=25 * GB, interval_s=120.0)
    assert "saves 189 %" in banner(lab)
    move(lab, interval_s=1200.0)
    assert banner(lab) == ""


def test_amber_does_not_count_as_a_cliff(lab):
    in_act2(lab)
    move(lab, mode="async", storage_bytes_s=50 * GB, interval_s=150.0)
    assert "76 % of the storage slice" in banner(lab)
    assert not lab.constraint_hit
    assert not lab.act2.constraints_met()


# --- controls and contexts ----------------------------------------------------------------------------------


def test_the_lab_opens_on_the_cluster_and_each_context_keeps_its_gpus(lab):
    assert lab.context == "16k_gpu"
    assert lab.context_source == ""
    in_act2(lab)
    lab.set_control("act1", "interval_s", 600)
    lab.set_context("8gpu")
    assert lab.act1.gpus == 8
    assert (lab.act1.interval_s, lab.act1.checkpoint_s) == (600, 60)
    assert lab.act2.storage_bytes_s == 5 * GB
    with pytest.raises(ControlError, match="outside"):
        move(lab, storage_bytes_s=100 * GB)
    lab.set_context("16k_gpu")
    assert lab.act1.gpus == 16_384


def test_intervals_can_be_typed_in_minutes(lab):
    spec = lab.act2.specs["interval_s"]
    assert (spec.unit, spec.entry) == ("min", True)
    assert spec.for_browser("interval_s")["entry"] == {"unit": "min", "low": 0.5, "high": 4320}
    assert spec.value_for_browser(240.0)["number"] == 4
    assert spec.text(240.0) == "4 min"


def test_challenge_belongs_to_the_cluster(lab):
    in_act2(lab, "8gpu")
    assert lab.act2.outcome.status == "ok"
    assert not lab.act2.constraints_met()
    assert "99.4 %" in lab.act2.challenge()
    assert "99.86 %" in lab.act2.challenge()
    assert "8.84 h" in lab.act2.challenge()
    assert lab.solution("8gpu") is None
    lab.set_context("16k_gpu")
    assert not lab.act2.constraints_met()
    move(lab, **lab.solution("16k_gpu"))
    assert lab.act2.constraints_met()
    assert lab.solved == {"16k_gpu"}


# --- ledger -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "decision"),
    [
        ({"mode": "async", "interval_s": 240.0}, "async"),
        ({"mode": "async", "fixed_restart_s": 180}, "async"),
        ({"storage_bytes_s": 200 * GB, "fixed_restart_s": 240}, "sync_fast_restart"),
        ({"fixed_restart_s": 330}, "sync_fast_restart"),
        ({"storage_bytes_s": 200 * GB}, "sync_fast_storage"),
        ({"fixed_restart_s": 390}, "sync_fast_storage"),
    ],
)
def test_decisions(lab, controls, decision):
    in_act2(lab)
    move(lab, **controls)
    assert lab.decision() == decision
    assert decision in contract_of("v2_07").fields["act2_decision"].vocabulary


def test_a_saved_entry(lab, ledger):
    in_act2(lab, first="D")
    move(lab, mode="async", interval_s=240.0)
    lab.answer("act2", "C")
    lab.save()
    entry = ledger.get(7, 2)
    assert {name: entry[name] for name in ("context", "act1_prediction", "act1_correct", "act2_decision", "mode")} == {
        "context": "16k_gpu",
        "act1_prediction": "D",
        "act1_correct": False,
        "act2_decision": "async",
        "mode": "async",
    }
    assert entry["act2_result"] == pytest.approx(0.93838, abs=1e-5)
    assert (entry["checkpoint_interval_s"], entry["fixed_restart_s"]) == (240.0, 360.0)
    assert entry["checkpoint_write_s"] == pytest.approx(56.7)
    assert entry["cluster_mtbf_s"] == pytest.approx(11_135.0835)
    assert entry["constraint_hit"] is False


def test_a_storm_leaves_the_last_design_on_record_even_after_a_reload(lab, ledger):
    in_act2(lab)
    move(lab, storage_bytes_s=25 * GB, mode="async", interval_s=500.0)
    working = lab.result()
    assert working == pytest.approx(cluster(mode="async", storage_bytes_s=25 * GB, interval_s=500.0).goodput)
    move(lab, interval_s=200.0)
    assert lab.act2.outcome.goodput is None
    assert lab.result() == working
    lab.keep()
    again = FaultToleranceLab(ledger)
    assert again.act2.outcome.status == "storm"
    assert again.result() == working
    again.answer("act2", "C")
    again.save()
    entry = ledger.get(7, 2)
    assert entry["act2_result"] == pytest.approx(working)
    assert entry["checkpoint_interval_s"] == 500.0
    assert entry["constraint_hit"] is True


def with_entries(ledger: DesignLedger, **entries: dict[str, Any]) -> FaultToleranceLab:
    for key, fields in entries.items():
        contract = contract_of(key)
        common = {
            "context": contract.contexts[0],
            "act1_prediction": contract.fields["act1_prediction"].vocabulary[0],
            "act1_correct": True,
            "act2_result": 0.5,
            "act2_decision": contract.fields["act2_decision"].vocabulary[0],
            "constraint_hit": False,
        }
        ledger.save(chapter=int(key[3:]), volume=2, design={**common, **fields})
    return FaultToleranceLab(ledger)


def interval_note(lab: FaultToleranceLab) -> str:
    return next(metric.note for metric in lab.act2.metrics(lab.act2.outcome) if metric.label == "Interval")


def test_without_a_ledger_steps_are_the_example(lab):
    in_act2(lab)
    move(lab, interval_s=240.0)
    assert interval_note(lab) == "42.0 steps of 5.71 s"
    assert lab.act1.from_ledger() == lab.act2.from_ledger() == ""


def test_earlier_labs_are_read_and_named(ledger):
    lab = with_entries(
        ledger,
        v2_01={"fleet_gpus": 4096, "fleet_mtbf_h": 12.2},
        v2_04={"pause_s": 14.0, "interval_min": 30},
        v2_05={"step_time_s": 8.0},
    )
    assert lab.context == "16k_gpu"
    in_act2(lab)
    move(lab, interval_s=240.0)
    assert interval_note(lab) == "30.0 steps of 8.00 s"
    assert all(text in lab.act2.from_ledger() for text in ("V2-04", "14.0 s", "30.0 min", "V2-05", "8.00 s"))
    assert all(text in lab.act1.from_ledger() for text in ("V2-01", "4,096 GPUs", "12.2 h"))
    assert "your V2-01 fleet" in words(lab.act1.plots(lab.act1.outcome)["mtbf"])


@pytest.mark.parametrize(
    "entries",
    [
        {"v2_05": {"step_time_s": None}},
        {"v2_05": {"step_time_s": 0}},
        {"v2_04": {"pause_s": 12.0, "interval_min": None}},
        {"v2_04": {"pause_s": -1, "interval_min": 5}},
        {"v2_01": {"fleet_gpus": 25_000, "fleet_mtbf_h": None}},
        {"v2_01": {"fleet_gpus": 1e12, "fleet_mtbf_h": 2.0}},
    ],
    ids=str,
)
def test_what_cannot_be_used_counts_as_missing(ledger, entries):
    lab = with_entries(ledger, **entries)
    assert (lab.step_s, lab.own_pause, lab.own_fleet) == (5.71, None, None)
    assert lab.act1.from_ledger() == lab.act2.from_ledger() == ""
    assert "your V2-01 fleet" not in words(lab.act1.plots(lab.act1.outcome)["mtbf"])


# --- pictures -----------------------------------------------------------------------------------------------


def extremes(act: Any) -> itertools.product[tuple[Any, ...]]:
    """The ends of every control of the current context."""
    return itertools.product(*((spec.values()[0], spec.values()[-1]) for spec in act.specs.values()))


@pytest.mark.parametrize("context", ["16k_gpu", "8gpu"])
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_instruments_hold_their_form_at_the_ends_of_every_control(lab, context, key):
    act = in_act2(lab, context).act(key)
    figures = {name: Figure(plot) for name, plot in act.plots(act.outcome).items()}
    forms = {name: {plot.structure()} for name, plot in act.plots(act.outcome).items()}
    for values in extremes(act):
        for name, value in zip(act.specs, values, strict=True):
            act.set(name, value)
        for name, plot in act.plots(act.outcome).items():
            forms[name].add(plot.structure())
            figures[name].show(plot)
            assert not any(text in words(plot) for text in ("nan", "None", "inf"))
    assert {name: len(form) for name, form in forms.items()} == dict.fromkeys(forms, 1)


def test_the_prediction_is_drawn_on_the_cluster_only(lab):
    in_act2(lab, first="D", second="B")
    assert "your prediction" in words(lab.act1.plots(lab.act1.outcome)["tax"])
    assert "your prediction 83.6 %" in words(lab.act2.plots(lab.act2.outcome)["goodput"])
    lab.set_context("8gpu")
    assert "your prediction" not in words(lab.act1.plots(lab.act1.outcome)["tax"])
    assert "your prediction" not in words(lab.act2.plots(lab.act2.outcome)["goodput"])


def test_every_prediction_of_act1_lies_on_the_plot(ledger):
    for option in CheckpointInterval(FaultToleranceLab(ledger)).prediction().options:
        flag = CheckpointInterval.asked(8).young_interval_s / option.value
        assert INTERVALS[0] <= flag <= INTERVALS[-1]


def test_captions_and_tables_quote_the_outcome(lab):
    in_act2(lab)
    lab.set_control("act1", "checkpoint_s", 120)
    mtbf, tax = lab.act1.plots(lab.act1.outcome).values()
    assert all(number in mtbf.caption for number in ("3.05 h", "424.7", "419", "20.6"))
    assert all(number in tax.caption for number in ("27.1 min", "14.8 %", "31.4 %"))
    rows = lab.act1.tables(lab.act1.outcome)[0].rows
    assert [row[3] for row in rows] == ["2,048×", "1/45.25", "45.25×"]
    loss, storage = lab.act2.tables(lab.act2.outcome)
    assert loss.emphasis == 1
    assert [row[1] for row in storage.rows] == ["100 GB/s", "5.67 TB", "56.7 s", "1.57 %", "1.57 GB/s"]


def test_gpu_hours_never_exceed_those_that_there_are(lab):
    in_act2(lab)
    for controls in ({"interval_s": 259_200.0}, {"interval_s": 30.0}, {"mode": "async", "interval_s": 100_000.0}):
        move(lab, **controls)
        loss = lab.act2.tables(lab.act2.outcome)[0]
        hours = sum(float(row[2].replace(",", "")) for row in loss.rows)
        assert hours <= 16_384 * 24 + 2
        assert hours == pytest.approx((1 - lab.act2.outcome.goodput) * 16_384 * 24, abs=3)


def test_bars_are_cut_where_the_plot_ends():
    plot = loss_breakdown(
        [LossBar("now", {"saves": 1.89, "repeated work": 0.01, "restarts": 0.2}), LossBar("storm", None)],
        {"saves": "saves", "repeated work": "repeated work", "restarts": "restarts"},
        allowed=0.1,
        title="Loss",
    )
    edges = [layer.columns()["right"] for layer in plot.layers if type(layer).__name__ == "Boxes"]
    assert np.nanmax(edges) == 100
    assert "210 % →" in words(plot)
    assert "nothing is protected" in words(plot)


@pytest.mark.parametrize("goodput", [None, 0.0, 0.5, 0.9, 0.9 - 1e-12, 1.0])
def test_gauge_says_its_value(goodput):
    plot = goodput_gauge(goodput, target=0.9, title="Goodput", empty="nothing")
    assert ("nothing" if goodput is None else f"{goodput * 100:.1f} %") in words(plot)
    boxes = [layer for layer in plot.layers if type(layer).__name__ == "Boxes"]
    met = next(box for box in boxes if box.token == "met-ink").columns()["right"][0]
    assert math.isnan(met) == (goodput is None or goodput < 0.899)


def test_outcomes_are_frozen():
    for outcome in (CheckpointInterval.asked(), cluster()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            outcome.mtbf_s = 1.0
