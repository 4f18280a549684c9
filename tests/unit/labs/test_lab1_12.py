"""V1-12: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from components.instruments.benchmark import (
    Claim,
    ClockedRun,
    MachineRoofs,
    Regime,
    StateCurve,
    Step,
    claim_intervals,
    clock_boundary,
    next_steps,
    roofs_compared,
    speedup_curve,
    state_trace,
)
from components.instruments.figure import Figure
from components.instruments.waterfall import Bar, latency_waterfall
from labs.vol1.lab_12_perf_bench import BATCHES, BenchmarkLab, Protocol, TwoClocks, dense_layers, steady
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.plot_words import written

CONTEXTS = ("edge", "cloud")
WARMUPS, LENGTHS, COUNTS = range(0, 601, 30), range(10, 301, 10), range(3, 31)


@pytest.fixture
def lab(ledger: DesignLedger) -> BenchmarkLab:
    return BenchmarkLab(ledger)


def in_act2(lab: BenchmarkLab, context: str = "edge", predicted: float = 2.5) -> BenchmarkLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "inference_speedup", 10)
    lab.answer("act1", "D")
    lab.lock("act2", predicted)
    return lab


def edge(boundary: str, warmup: float, window: float, windows: int) -> Any:
    return Protocol.compute("edge", boundary=boundary, warmup_s=warmup, window_s=window, windows=windows)


def cloud(
    workload: str, batch: int, boundary: str = "end_to_end", warmup: float = 120, window: float = 60, windows: int = 10
) -> Any:
    return Protocol.compute(
        "cloud",
        workload=workload,
        batch=batch,
        boundary=boundary,
        warmup_s=warmup,
        window_s=window,
        windows=windows,
    )


# --- Act I --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "ratio", "words"),
    [
        ("A", "2.78 times", ["56 %", "8 ms"]),
        ("B", "1.67 times", ["times add", "8 ms stand beside 2"]),
        ("C", "1.00 times", ["10 ms become 2"]),
        ("D", "1.64 times", ["56 %", "more than half"]),
    ],
)
def test_act1_reveals(lab, option, ratio, words):
    gap = lab.act1.prediction().gap(option)
    assert (gap.actual, gap.text, gap.correct) == ("1.80 times", ratio, option == "C")
    for word in ["18 to 10 ms", "2.25", "1.25", "1.33", "25 %", "1.67", "1.11", *words]:
        assert word in gap.why


def test_equal_times_afterwards_make_three_of_one_and_five():
    """What the feedback to the rough average asserts."""
    assert physics.amdahl_speedup(5 / 6, 5) == pytest.approx(3)


def test_act1_texts_quote_the_model(lab):
    for word in ("18 ms", "3.6 ms", "10 ms for the model"):
        assert word in lab.act1.message().text
    assert "20 ms of network" not in lab.act1.concept()
    reflection = lab.act1.reflection()
    for option, word in (("A", "20 %"), ("B", "75 %"), ("C", "50 %"), ("D", "43.3")):
        assert word in reflection.option(option).feedback
    assert "0.556" in lab.act1.peek().note
    assert "18/8 = 2.25" in lab.act1.peek().note
    lab.set_context("cloud")
    assert "20 ms of network" in lab.act1.concept()


def test_what_comes_next():
    path = TwoClocks.case()
    assert path.next_gain_preprocess == pytest.approx(10 / 6)
    assert path.next_gain_inference == pytest.approx(10 / 9)
    assert path.end_to_end_speedup == pytest.approx(path.before_ms / path.after_ms)
    long = TwoClocks.compute("edge", inference_speedup=1, preprocess_ms=1, inference_ms=100, postprocess_ms=0)
    assert long.next_gain_inference > long.next_gain_preprocess


def test_contexts_have_their_own_postprocessing(lab):
    assert lab.act1.postprocess_ms == 0
    assert "network_ms" not in lab.act1.specs
    lab.set_context("cloud")
    assert (lab.act1.postprocess_ms, lab.act1.network_ms) == (2, 20)
    assert lab.act1.outcome.end_to_end_speedup == pytest.approx(1.25)


# --- Act II: the numbers of the sheet -----------------------------------------------------------------------------


def test_defaults_of_both_vendors():
    start = edge("kernel", 0, 10, 3)
    assert (start.measured_x, start.measured_y) == (pytest.approx(4.71, abs=0.005), pytest.approx(3))
    assert (start.bias_x, start.bias_y) == (pytest.approx(2.14, abs=0.005), pytest.approx(0.89, abs=0.005))
    vendor = cloud("gemm", 512, "kernel", 0, 10, 3)
    assert (vendor.measured_x, vendor.measured_y) == (pytest.approx(1.03, abs=0.005), pytest.approx(0.68, abs=0.005))
    assert not start.rank_ok
    assert not vendor.rank_ok


def test_feasible_examples():
    hot = edge("end_to_end", 300, 60, 10)
    assert hot.feasible
    assert (hot.session_s, hot.measured_x, hot.true_x) == (900, pytest.approx(1.508, abs=5e-4), pytest.approx(1.5))
    assert (hot.half_width, hot.separation) == (pytest.approx(0.028, abs=5e-4), pytest.approx(0.050, abs=5e-4))
    served = cloud("production", 16)
    assert served.feasible
    assert (served.measured_x, served.measured_y) == (pytest.approx(0.9996, abs=5e-5), pytest.approx(1.412, abs=5e-4))
    assert served.serial_fraction == pytest.approx(0.033, abs=5e-4)
    assert hot.serial_fraction == pytest.approx(0.444, abs=5e-4)


def test_the_model_alone_is_never_enough_on_the_edge():
    for warmup, window, windows in itertools.product((0, 300, 600), (10, 120, 300), COUNTS):
        assert not edge("kernel", warmup, window, windows).feasible
    assert edge("kernel", 600, 300, 30).bias_x == pytest.approx(0.67, abs=0.01)


def test_long_sessions_need_no_warm_up():
    long = edge("end_to_end", 0, 120, 30)
    assert long.session_s == 3600
    assert long.slot_ok
    assert long.feasible
    assert long.bias_x == pytest.approx(0.011, abs=5e-4)


def test_shortest_edge_session():
    feasible = [
        (warmup + window * windows, warmup, window, windows)
        for warmup, window, windows in itertools.product(WARMUPS, LENGTHS[:12], COUNTS)
        if warmup + window * windows <= 400 and edge("end_to_end", warmup, window, windows).feasible
    ]
    assert min(feasible)[0] == 350
    assert (350, 270, 10, 8) in feasible


def test_the_boundary_is_a_detail_in_the_cloud():
    assert cloud("production", 16, "kernel").bias == pytest.approx(0.014, abs=0.001)
    assert cloud("production", 16, "kernel").feasible


def test_the_batch_decides_in_the_cloud():
    assert [batch for batch in BATCHES if cloud("gemm", batch).feasible] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert [batch for batch in BATCHES if cloud("production", batch).oom] == [128, 256, 512]
    assert cloud("gemm", 256).rank_ok
    # By the clock around the model; around the request it is another point.
    assert cloud("gemm", 256, "kernel").bias_y == pytest.approx(-0.12, abs=0.005)
    assert cloud("gemm", 256).bias_y == pytest.approx(-0.13, abs=0.005)
    wrong = steady("cloud", "gemm", 512)
    assert (wrong.x, wrong.y) == (pytest.approx(1.50, abs=0.005), pytest.approx(1.0))
    # The order flips where the baseline's dense layers cross the ridge.
    assert dense_layers(323)[0] < physics.ridge_point(989e12, 3.35e12) < dense_layers(324)[0]


def test_decoding_at_production():
    base = physics.decode_step_time(16, 1024, 7e9, 14e9, 4_210_688, 524_288, 989e12, 3.35e12)
    assert 128 * base * 1e3 == pytest.approx(866, abs=0.5)
    assert steady("cloud", "production", 16).y == pytest.approx(4.8 / 3.35)


@pytest.mark.parametrize(
    ("outcome", "banners"),
    [
        (edge("end_to_end", 0, 10, 30), ["precise_and_wrong", "wrong_order"]),
        (edge("end_to_end", 300, 60, 3), ["unresolved"]),
        (edge("end_to_end", 300, 60, 10), []),
        (edge("end_to_end", 600, 120, 30), ["slot_exceeded"]),
        (cloud("gemm", 512), ["precise_and_wrong", "wrong_order"]),
        (cloud("production", 128), ["out_of_memory"]),
    ],
)
def test_failure_states(lab, outcome, banners):
    assert [failure.id for failure in lab.act2.failures() if failure.when(outcome)] == banners


def test_four_windows_resolve_the_edge_candidates():
    assert not edge("end_to_end", 300, 60, 3).resolved
    assert edge("end_to_end", 300, 60, 4).resolved


def test_badges_and_feasibility_say_the_same(lab):
    for context in CONTEXTS:
        lab.set_context(context)
        act = lab.act2
        for values in itertools.product(
            ("kernel", "end_to_end"), (0, 120, 300), (10, 60, 130), (3, 8, 30), ("gemm", "production"), (1, 16, 128)
        ):
            names = ("boundary", "warmup_s", "window_s", "windows", "workload", "batch")
            controls = {name: value for name, value in zip(names, values, strict=True) if name in act.specs}
            act.param.update(**controls)
            assert act.constraints_met() == act.outcome.feasible, controls


# --- Act II: texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "correct", "words"),
    [
        (1.5, True, "kept both"),
        (1.4, True, "kept both"),
        (1.6, True, "kept both"),
        (1.0, False, "not that much"),
        (1.8, False, "forgets the heat"),
        (2.5, False, "forgets the boundary"),
        (5.0, False, "headline"),
    ],
)
def test_act2_reveals(lab, entry, correct, words):
    gap = lab.act2.prediction().gap(entry)
    assert gap.correct is correct
    assert gap.actual == "1.50 ×"
    for word in ("Stage 5.0 → heat 2.5 → boundary 1.5", "wins with 1.59 times", words):
        assert word in gap.why


def test_act2_messages(lab):
    for word in ("5 times", "3 times", "five percent", "One hour"):
        assert word in lab.act2.message().text
    lab.set_context("cloud")
    for word in ("2 times", "1.43 times", "batch 512", "50 %", "batch 16"):
        assert word in lab.act2.message().text
    assert "1,024" in lab.act2.concept()


def test_act2_banners(lab):
    def banners() -> dict[str, str]:
        return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}

    lab.act2.param.update(boundary="end_to_end", windows=30)
    assert "9.8 % with an interval of ± 1.6 %" in banners()["precise_and_wrong"]
    assert "ranks X first" in banners()["wrong_order"]
    lab.act2.param.update(warmup_s=300, window_s=60, windows=3)
    assert banners() == {"unresolved": "the candidates differ by 4.3 %, your interval is ± 5.1 %."}
    lab.act2.param.update(window_s=120, windows=30)
    assert banners() == {"slot_exceeded": "3,900 s of 3,600."}
    lab.set_context("cloud")
    lab.act2.param.update(workload="production", batch=128)
    assert "14 GB + cache 68.7 GB = 82.7 GB, the card has 80" in banners()["out_of_memory"]


def test_act2_reflection(lab):
    reflection = lab.act2.reflection()
    assert "94 %" in reflection.question
    assert "2.0 points" in reflection.option("A").feedback
    assert "0.0200" in reflection.option("B").feedback
    assert "1,825" in reflection.option("C").feedback


def test_the_ledger_of_gates(lab):
    (table,) = lab.act2.tables(lab.act2.outcome)
    gates = {row[0]: row[1:] for row in table.rows}
    assert gates["bias of X"] == ("+214 %", "± 5 %", "✗ no")
    assert gates["session"] == ("30 s", "≤ 3,600 s", "✓ yes")
    assert gates["windows, advice"][2] == "few"
    assert "memory" not in gates
    lab.set_context("cloud")
    lab.act2.param.update(workload="production")
    (table,) = lab.act2.tables(lab.act2.outcome)
    gates = {row[0]: row[1:] for row in table.rows}
    assert gates["memory"] == ("288.9 GB", "≤ 80 GB", "✗ no")
    assert gates["bias of X"][0] == "–", "what does not run measures nothing"


# --- ledger -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("choice", ["choose_x", "choose_y", "undecided"])
def test_saved_design(lab, ledger, context, choice):
    in_act2(lab, context)
    for name, value in lab.solution(context).items():
        lab.set_control("act2", name, value)
    assert context in lab.solved
    lab.answer("act2", "B")
    lab.decide(choice)
    lab.save()
    entry, outcome = ledger.get(12), lab.act2.outcome
    assert set(entry) == set(contract_of("ch12").fields)
    assert entry["act2_result"] == pytest.approx(outcome.measured_x if choice == "choose_x" else outcome.measured_y)
    assert (entry["context"], entry["act1_prediction"], entry["act1_correct"]) == (context, "A", False)
    assert (entry["act2_decision"], entry["boundary"], entry["windows"]) == (choice, "end_to_end", 10)
    assert entry["serial_fraction"] == pytest.approx(0.444 if context == "edge" else 0.0335, abs=5e-4)
    assert (entry["act2_prediction"], entry["bias"], entry["half_width"]) == (2.5, outcome.bias, outcome.half_width)


def test_decisions_are_those_of_the_contract():
    assert BenchmarkLab.decision_radio is not None
    assert set(BenchmarkLab.decision_radio.options) == set(contract_of("ch12").fields["act2_decision"].vocabulary or ())


def test_without_a_ledger_the_lab_opens_with_its_fallbacks(lab):
    assert (lab.context, lab.context_source, lab.act1.from_ledger()) == ("edge", "", "")


def test_earlier_labs_are_read_and_change_no_physics(ledger):
    save_earlier(ledger, "ch04", feeding_tax=0.42)
    save_earlier(ledger, "ch11", context="cloud", act2_result=0.4299)
    lab = BenchmarkLab(ledger)
    assert (lab.context, lab.context_source) == ("cloud", "Lab 11")
    for word in ("Lab 11", "43.0 % MFU", "Lab 04", "42.0 %"):
        assert word in lab.act1.from_ledger()
    assert lab.act1.outcome.end_to_end_speedup == pytest.approx(1.25)


# --- pictures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_plots_keep_their_structure_at_every_extreme(lab, context, key):
    in_act2(lab, context)
    act = lab.act(key)
    shapes = {name: plot.structure() for name, plot in act.plots(act.outcome).items()}
    for values in itertools.product(*(dict.fromkeys((s.values()[0], s.values()[-1])) for s in act.specs.values())):
        act.param.update(**dict(zip(act.specs, values, strict=True)))
        for name, plot in act.plots(act.outcome).items():
            assert plot.structure() == shapes[name], f"{name} is drawn anew for {values}"


def test_plots_can_be_drawn(lab):
    in_act2(lab)
    for context in CONTEXTS:
        lab.set_context(context)
        for act in (lab.act1, lab.act2):
            for plot in act.plots(act.outcome).values():
                Figure(plot)


def test_the_predictions_are_drawn_where_they_were_asked(lab):
    in_act2(lab, "edge")
    assert "you: 5.00 × ↑" in written(lab.act1.plots(lab.act1.outcome)["curve"], "series-2")
    assert "you: 2.50 ×" in written(lab.act2.plots(lab.act2.outcome)["claims"], "series-2")
    lab.set_context("cloud")
    assert written(lab.act1.plots(lab.act1.outcome)["curve"], "series-2") == []
    assert written(lab.act2.plots(lab.act2.outcome)["claims"], "series-2") == []


def test_a_prediction_under_the_ceiling_is_a_dot():
    factor = np.geomspace(1, 100, 20)
    plot = speedup_curve(
        factor, physics.amdahl_speedup(0.5, factor), ceiling=2, here=(5, 1.67), predicted=(5, 1.1), title="t"
    )
    assert "you: 1.10 ×" in written(plot)
    assert "ceiling 2.00 ×" in written(plot)
    Figure(plot)


def test_the_better_step_is_drawn_strong():
    plot = next_steps([Step("a", 1.1), Step("b", 1.5)], title="t")
    assert written(plot, "ink") == ["1.500 ×"]
    assert written(plot, "muted") == ["1.100 ×"]
    Figure(plot)


def test_a_benchmark_that_did_not_run_has_no_interval():
    plot = claim_intervals(
        [Claim("X", math.nan, 0.05, 1.5), Claim("Y", 3.0, 0.05, 1.6)],
        predicted=None,
        quantity="q",
        low=0.5,
        high=5,
        title="t",
    )
    assert written(plot, "data") == ["no measurement", "measured 3.00 ×"]
    bar = next(layer for layer in plot.layers if layer.token == "data")
    assert np.isnan(bar.columns()["x0"][0])
    assert bar.columns()["x0"][1] == pytest.approx(2.85)
    Figure(plot)


def test_the_trace_shows_the_slot_only_where_it_ends():
    time_s = np.linspace(0, 600, 50)
    curve = StateCurve("X", 1 + np.exp(-time_s / 120), 1.5, "data")
    arguments: dict[str, Any] = {"discard_s": 60, "window_s": 10, "windows": 3, "title": "t"}
    short = state_trace(time_s, [curve], slot_s=3600, **arguments)
    long = state_trace(10 * time_s, [curve], slot_s=3600, **arguments)
    assert "slot ends: 3,600 s" not in written(short)
    assert "slot ends: 3,600 s" in written(long)
    assert short.structure() == long.structure()
    assert "X: mean 1.500" in written(short)
    windows = next(layer for layer in short.layers if layer.token == "data").columns()
    assert windows["left"] == pytest.approx([60, 70, 80])


def test_the_clock_is_around_the_model_or_the_whole():
    runs = [ClockedRun("today", 0.008, 0.010), ClockedRun("X", 0.008, 0.002)]
    kernel = clock_boundary(runs, boundary="kernel", parts=("out", "in"), title="t")
    whole = clock_boundary(runs, boundary="end_to_end", parts=("out", "in"), title="t")
    assert written(kernel) == ["10.0 ms", "2.00 ms: 5.00 ×"]
    assert written(whole) == ["18.0 ms", "10.0 ms: 1.80 ×"]
    assert kernel.structure() == whole.structure()
    Figure(whole)


def test_roofs_have_a_dot_for_every_machine_and_regime():
    machines = [
        MachineRoofs("a", 1e15, 3e12, "1,000 TFLOP/s", "3 TB/s", "series-6", above=False),
        MachineRoofs("b", 2e15, 3e12, "2,000 TFLOP/s", "", "data"),
    ]
    plot = roofs_compared(
        machines,
        [Regime("low", 10, (3e13, 3e13), "ink"), Regime("high", 1000, (1e15, 2e15), "met-ink")],
        intensities=(1, 1e4),
        rates=(1e12, 1e16),
        title="t",
    )
    assert plot.key == (("a", "series-6"), ("b", "data"))
    assert {"low", "high", "3 TB/s"} <= set(written(plot))
    dots = [layer.columns() for layer in plot.layers if type(layer).__name__ == "Points"]
    assert [(float(dot["x"][0]), float(dot["y"][0])) for dot in dots] == [
        (10, 30),
        (10, 30),
        (1000, 1000),
        (1000, 2000),
    ]
    Figure(plot)


def test_a_waterfall_may_choose_its_colours():
    bars = [Bar("a", {"one": 1e-3, "two": 2e-3})]
    assert latency_waterfall(bars, title="t", tokens=("met", "data")).key == (("one", "met"), ("two", "data"))


# --- formulas -----------------------------------------------------------------------------------------------------


def test_an_infinitely_fast_part_reaches_the_ceiling():
    assert physics.amdahl_speedup(0.6, math.inf) == pytest.approx(physics.amdahl_ceiling(0.6))
    with pytest.raises(ValueError, match="parallel_fraction"):
        physics.amdahl_ceiling(1.0)
    with pytest.raises(ValueError, match="part_speedup"):
        physics.amdahl_speedup(0.5, 0.0)


def test_the_mean_of_a_transient_is_the_mean_of_its_rates():
    time_s = np.linspace(60, 360, 200_001)
    mean = physics.transient_rate_factor(1.0, 120.0, time_s).mean()
    assert physics.transient_mean_factor(1.0, 120.0, 60.0, 300.0) == pytest.approx(mean, rel=1e-5)
    # A run of no length sees the rate of its moment.
    assert physics.transient_mean_factor(-0.5, 30.0, 10.0, 1e-9) == pytest.approx(
        physics.transient_rate_factor(-0.5, 30.0, 10.0)
    )
    with pytest.raises(ValueError, match="discard_s"):
        physics.transient_mean_factor(1.0, 120.0, -1.0, 10.0)


def test_runs_and_half_width_are_inverse():
    runs = physics.runs_for_half_width(0.032, 0.02, 1.96)
    assert physics.relative_half_width(0.032, runs, 1.96) == pytest.approx(0.02)


def test_the_half_width_of_a_ratio_covers_it():
    """Simulated: 95 % of the intervals around a ratio of two means contain the true ratio."""
    generator = np.random.default_rng(1)
    trials, runs, cv = 20_000, 12, 0.04
    new, old = (mean * (1 + cv * generator.standard_normal((trials, runs))).mean(axis=1) for mean in (1.5, 1.0))
    half = physics.relative_half_width(cv, runs, 1.959964)
    covered = np.abs(new / old / 1.5 - 1) <= half
    assert covered.mean() == pytest.approx(0.95, abs=0.01)
