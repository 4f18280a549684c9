"""V1-13: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import math
import re
import time

import numpy as np
import pytest

from components.instruments.figure import Figure
from components.instruments.latency_histogram import TimeMark, latency_histogram
from components.instruments.layers import Axis, Plot
from components.instruments.pareto import Box, Design, Trace, pareto_curve
from components.instruments.placing import log_ticks, sided_labels
from components.instruments.queueing import LoadCurve, LoadPoint, LoadZone, Verdict, combination_grid
from components.instruments.queueing import latency_against_utilization as load_plot
from labs.vol1.lab_13_model_serving import (
    FPS,
    SIDES,
    Merge,
    Serving,
    ServingLab,
    ServingOutcome,
    fewest_replicas,
    first_failure,
    idle_p99,
)
from ledger import DesignLedger

SOLUTION = {"routing": "shared_queue", "batch": 8.0, "replicas": 10.0}
#: Every pair of batch and replicas that solves the cloud challenge.
FEASIBLE = {(5, 11), (6, 10), (6, 11), (7, 10), (7, 11), (8, 10), (8, 11), (9, 11)}


@pytest.fixture
def lab(ledger: DesignLedger) -> ServingLab:
    return ServingLab(ledger)


def in_act2(lab: ServingLab, guess: str = "C") -> ServingLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", "C")
    lab.set_control("act1", "utilization", 0.85)
    lab.answer("act1", "A")
    lab.lock("act2", guess)
    return lab


def fleet(
    replicas: float,
    batch: float,
    routing: str = "shared_queue",
    service_model: str = "exponential",
    traffic_multiplier: float = 1.0,
) -> ServingOutcome:
    return Serving.compute(
        "cloud",
        replicas=replicas,
        batch=batch,
        routing=routing,
        service_model=service_model,
        traffic_multiplier=traffic_multiplier,
    )


def camera(fps: float, side: float, throttle: float = 1.6, service_model: str = "exponential") -> ServingOutcome:
    return Serving.compute("mobile", fps=fps, resolution_px=side, throttle=throttle, service_model=service_model)


# --- Act I ----------------------------------------------------------------------------------------------------


def test_readouts_at_85_percent():
    o = Merge.compute("cloud", service_s=0.01, utilization=0.85)
    assert [round(t * 1e3, 1) for t in (o.p50_s, o.p95_s, o.p99_s, o.p999_s)] == [46.2, 199.7, 307.0, 460.5]
    assert o.in_flight == pytest.approx(5.667, abs=1e-3)
    assert o.arrival_per_s == pytest.approx(85)


def test_the_camera_has_half_the_tail():
    server, phone = (Merge.compute(c, service_s=0.01, utilization=0.85).p99_s for c in ("cloud", "mobile"))
    assert phone == pytest.approx(0.1620, abs=1e-4)
    assert phone / server == pytest.approx(0.53, abs=0.005)


def test_constant_service_has_no_percentile_at_low_load_and_no_median():
    low, high = (Merge.compute("cloud", service_s=0.01, utilization=u, model="md1") for u in (0.29, 0.30))
    assert (low.p99_s, low.p95_s, low.p999_s) == (None, None, None)
    assert high.p99_s is not None
    assert low.p50_s is None
    assert high.p50_s is None


@pytest.mark.parametrize("context", ["cloud", "mobile"])
@pytest.mark.parametrize("model", ["mm1", "md1"])
@pytest.mark.parametrize("utilization", [0.0, 0.3, 0.7, 0.95])
def test_the_histogram_is_the_distribution(context, model, utilization):
    o = Merge.compute(context, service_s=0.01, utilization=utilization, model=model)
    assert len(o.shares) == 60
    assert np.all(o.shares >= -1e-12)
    assert o.shares.sum() + o.beyond == pytest.approx(1)
    if o.p99_s is not None and o.model != "md1":
        assert o.shares[40:].sum() + o.beyond == pytest.approx(0.01)
    if o.model == "md1":
        # All that do not wait take exactly one service time.
        at_service = np.searchsorted(o.edges_s, 0.01) - 1
        assert o.shares[at_service] >= 1 - utilization - 1e-9
        assert o.shares[:at_service].sum() == pytest.approx(0)


@pytest.mark.parametrize(
    ("option", "ratio", "quoted"),
    [
        ("A", "9.03", "mean on a line"),
        ("B", "4.61", "37 %"),
        ("C", "1.96", "50 % to 15 %"),
        ("D", "1.00", "4.61 means"),
    ],
)
def test_reveal_of_act_1(lab, option, ratio, quoted):
    gap = lab.act1.prediction().gap(option)
    assert gap.actual == "307.0 ms"
    assert gap.text == f"{ratio} times"
    assert quoted in gap.why
    for number in ("3.33", "4.61", "215 ms", "162.0 ms", "0.53"):
        assert number in gap.why
    assert gap.correct == (option == "D")


def test_the_ledger_keeps_the_option_in_milliseconds(lab):
    assert [(o.text, o.saved) for o in lab.act1.prediction().options] == [
        ("34 ms", 34),
        ("67 ms", 67),
        ("157 ms", 157),
        ("307 ms", 307),
    ]


def test_the_spike_of_the_reflection(lab):
    right = next(o for o in lab.act1.reflection().options if o.correct)
    assert right.id == "C"
    assert "8,000 requests every second" in right.text
    assert "2.5 s a new arrival waits 10 s" in right.text


def test_the_message_names_the_saving(lab):
    text = lab.act1.message().text
    for number in ("50 %", "85 %", "41 %", "10 ms", "20 ms"):
        assert number in text


# --- Act II, cloud --------------------------------------------------------------------------------------------


def test_the_feasible_set_of_the_cloud_and_nothing_else():
    # The budget ends at 11 replicas; more are never feasible.
    assert not fleet(12, 8).budget_met
    found = {
        (routing, batch, replicas)
        for routing in ("shared_queue", "random_split")
        for batch in range(1, 33)
        for replicas in range(1, 12)
        if fleet(replicas, batch, routing).all_met
    }
    assert found == {("shared_queue", *pair) for pair in FEASIBLE}


@pytest.mark.parametrize(
    ("design", "p99_ms", "lost_ms", "load", "usd"),
    [
        ((10, 8), 46.9, 47.6, 0.6125, 2.22),
        ((30, 1, "random_split"), 386.8, 747.9, 0.933, 6.67),
        ((29, 1), 35.9, math.inf, 0.966, 6.44),
        ((7, 32, "shared_queue", "fixed"), 39.3, 47.6, 0.540, 1.56),
    ],
)
def test_quoted_fleets(design, p99_ms, lost_ms, load, usd):
    o = fleet(*design)
    assert o.p99_s * 1e3 == pytest.approx(p99_ms, abs=0.05)
    assert o.p99_one_replica_lost_s * 1e3 == pytest.approx(lost_ms, abs=0.05)
    assert o.utilization == pytest.approx(load, abs=5e-4)
    assert o.cost_per_million_usd == pytest.approx(usd, abs=0.005)


def test_mean_and_concurrency_of_the_witness():
    o = fleet(10, 8)
    assert o.mean_s * 1e3 == pytest.approx(10.8, abs=0.05)
    assert o.in_flight == pytest.approx(53.9, abs=0.05)


def test_naive_moves_fail():
    assert all(fewest_replicas(batch, "shared_queue", "exponential") is None for batch in range(10, 33))
    assert fewest_replicas(1, "random_split", "exponential") == 59
    assert fleet(59, 1, "random_split").cost_per_million_usd == pytest.approx(13.11, abs=0.005)
    assert all(fewest_replicas(batch, "random_split", "exponential") is None for batch in range(2, 33))
    best = min(fleet(replicas, 2, "random_split").p99_s for replicas in range(1, 65))
    assert best * 1e3 == pytest.approx(50.5, abs=0.05)


def test_idle_fleets():
    assert [round(idle_p99(batch) * 1e3, 1) for batch in (16, 32)] == [70.2, 117.6]


def test_constant_service_makes_large_batches_legal():
    legal = [batch for batch in range(1, 33) if fewest_replicas(batch, "shared_queue", "fixed") == 7]
    assert legal == list(range(11, 33))
    assert all((fewest_replicas(batch, "shared_queue", "fixed") or 99) >= 7 for batch in range(1, 33))


def test_a_fleet_without_spare_loses_everything():
    o = fleet(1, 32)
    assert o.p99_one_replica_lost_s == math.inf
    assert not o.n_plus_1_met


@pytest.mark.parametrize(
    ("option", "gap", "quoted"),
    [
        ("A", "3.0 times the cost", "30 replicas with the spare, 6.67 USD"),
        ("B", "1.00 times", "losing one costs 0.7 ms"),
        ("C", "infeasible: an idle fleet already shows 70.2 ms", "14.6 ms"),
        ("D", "infeasible: an idle fleet already shows 117.6 ms", "largest batch"),
    ],
)
def test_reveal_of_act_2(lab, option, gap, quoted):
    shown = lab.act2.prediction().gap(option)
    assert shown.text == gap
    assert quoted in shown.why
    for number in ("46.9 ms", "47.6 ms", "2.22 USD", "batches 11 to 32 on 7 replicas", "39.3 ms, 1.56 USD"):
        assert number in shown.why
    assert shown.correct == (option == "B")


def test_reflection_of_act_2_quotes_its_fleets(lab):
    question = lab.act2.reflection()
    assert "needs 30 replicas" in question.question
    assert "need 59" in question.question
    assert "36.7 in flight" in question.option("D").feedback
    assert "53.3" in question.option("D").feedback
    assert question.option("B").correct


def test_where_the_rule_of_the_chapter_comes_from(lab):
    note = lab.act2.peek().note
    for words in ("58 separate", "48.3 %", "48.4 %", "61 to 72 %", "40 to 60 %"):
        assert words in note


def test_the_message_names_what_finance_pays(lab):
    text = lab.act2.message().text
    for words in ("5,000 queries/s", "50 ms", "2.50 USD", "11 replicas", "batch 16", "6.1 times"):
        assert words in text


# --- Act II, mobile -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "fps", "p99_ms", "verdict"),
    [
        (192, 24, 69.3, "✓ ok"),
        (192, 30, 74.4, "✓ ok"),
        (160, 24, 45.8, "✓ ok"),
        (160, 30, 46.9, "✓ ok"),
        (160, 60, 65.2, "✓ ok"),
        (224, 60, math.inf, "diverges"),
        (224, 30, 125.1, "P99"),
        (224, 24, 105.6, "P99"),
        (224, 15, 91.6, "frames"),
        (192, 60, 223.5, "P99"),
    ],
)
def test_camera_settings_on_a_hot_phone(side, fps, p99_ms, verdict):
    o = camera(fps, side)
    assert o.p99_s * 1e3 == pytest.approx(p99_ms, abs=0.05)
    assert o.all_met == (verdict == "✓ ok")
    assert first_failure(fps, o.p99_s, o.overflow_probability, o.utilization) == verdict


def test_the_feasible_set_of_the_phone():
    found = {(side, fps) for side in SIDES for fps in FPS if camera(fps, side).all_met}
    assert found == {(192, 24), (192, 30), *((side, fps) for side in (128, 160) for fps in (24, 30, 60))}


def test_buffers_are_named_when_nothing_else_fails_first():
    assert first_failure(60, 0.05, 0.02, 0.9) == "buffers"


def test_frames_of_constant_service_never_meet():
    o = camera(30, 224, service_model="fixed")
    assert (o.p99_s, o.mean_s, o.overflow_probability) == (o.service_s, o.service_s, 0)
    assert o.shares.sum() == pytest.approx(1)
    over = camera(60, 224, service_model="fixed")
    assert (over.p99_s, over.mean_s, over.in_flight, over.overflow_probability) == (math.inf, math.inf, math.inf, 1)


def test_share_of_dropped_frames():
    assert camera(60, 192).overflow_probability == pytest.approx(0.064, abs=5e-4)


# --- limits and failures --------------------------------------------------------------------------------------


def banners(lab: ServingLab) -> dict[str, str]:
    return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}


def test_the_solution_is_reached_only_as_asked(lab):
    in_act2(lab)
    assert not lab.act2.constraints_met()
    for name, value in SOLUTION.items():
        lab.set_control("act2", name, value)
    assert lab.act2.constraints_met()
    assert banners(lab) == {}
    lab.set_control("act2", "traffic_multiplier", 0.5)
    assert not lab.act2.constraints_met()
    lab.set_control("act2", "traffic_multiplier", 1.0)
    lab.set_control("act2", "service_model", "fixed")
    assert not lab.act2.constraints_met()


def test_twice_the_traffic_diverges_and_comes_back(lab):
    in_act2(lab)
    for name, value in SOLUTION.items():
        lab.set_control("act2", name, value)
    lab.set_control("act2", "traffic_multiplier", 2.0)
    text = banners(lab)["queue_diverges"]
    for number in ("10,000 arrive", "8,163 can leave", "1,837 per second", "waits 2.25 s"):
        assert number in text
    assert lab.constraint_hit
    lab.set_control("act2", "replicas", 20.0)
    assert "queue_diverges" not in banners(lab)


def test_a_queue_at_exactly_its_capacity_has_no_steady_state(lab):
    in_act2(lab)
    lab.set_control("act2", "routing", "shared_queue")
    lab.set_control("act2", "replicas", 28.0)
    assert not lab.act2.outcome.stable
    assert "exactly as many can leave" in banners(lab)["queue_diverges"]


def test_the_start_violates_the_slo_without_counting(lab):
    in_act2(lab)
    assert "P99 386.8 ms against 50 ms, while the mean is 84.0 ms" in banners(lab)["slo_violated"]
    assert "6.67 USD" in banners(lab)["over_budget"]
    assert not lab.constraint_hit


def test_a_fleet_without_n_plus_1_is_warned(lab):
    in_act2(lab)
    lab.set_control("act2", "routing", "shared_queue")
    lab.set_control("act2", "replicas", 29.0)
    assert banners(lab)["no_spare"] == "with one replica dead the queue diverges."


def test_buffers_run_out_and_come_back(lab):
    lab.set_context("mobile")
    in_act2(lab)
    assert "queue_diverges" in banners(lab)
    lab.set_control("act2", "resolution_px", 192)
    shown = banners(lab)
    assert shown["buffers_exhausted"].startswith("6.4 % of the frames find all 8 buffers")
    assert "223.5 ms" in shown["slo_violated"]
    lab.set_control("act2", "resolution_px", 160)
    assert banners(lab) == {}
    lab.set_control("act2", "resolution_px", 192)
    lab.set_control("act2", "fps", 30)
    assert banners(lab) == {}
    assert lab.act2.constraints_met()


# --- ledger ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "decision"),
    [
        ("cloud", {"routing": "random_split", "batch": 8.0}, "split"),
        ("cloud", {"routing": "shared_queue", "batch": 1.0}, "shared_unbatched"),
        ("cloud", SOLUTION, "shared_batched"),
        ("mobile", {"throttle": 1.2}, "unresolved"),
        ("mobile", {"fps": 30, "resolution_px": 224}, "slow_camera"),
        ("mobile", {"fps": 60, "resolution_px": 160}, "shrink_work"),
    ],
)
def test_saved_entry(lab, ledger, context, controls, decision):
    lab.set_context(context)
    in_act2(lab)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(13)
    assert entry["act2_decision"] == decision
    assert entry["act1_prediction"] == 157
    assert entry["context"] == context
    assert math.isfinite(entry["act2_result"])
    cloud, mobile = ("cost_per_million_usd", "batch", "replicas"), ("fps", "resolution_px")
    present, absent = (cloud, mobile) if context == "cloud" else (mobile, cloud)
    assert all(entry[name] is not None for name in present)
    assert all(entry[name] is None for name in absent)


def test_a_diverging_queue_is_saved_as_the_wait_of_its_banner(lab):
    in_act2(lab)
    for name, value in {**SOLUTION, "traffic_multiplier": 2.0}.items():
        lab.set_control("act2", name, value)
    assert lab.result() == pytest.approx(2250, abs=0.5)
    lab.set_context("mobile")
    assert lab.result() == pytest.approx(1520, abs=0.5)


def test_the_result_is_the_p99_in_milliseconds(lab):
    in_act2(lab)
    for name, value in SOLUTION.items():
        lab.set_control("act2", name, value)
    assert lab.result() == pytest.approx(46.909, abs=1e-3)


def entry_of_lab_12(context: str, serial_fraction: float | None) -> dict[str, object]:
    return {
        "context": context,
        "act1_prediction": "A",
        "act1_correct": False,
        "act2_result": 1.5,
        "act2_decision": "choose_x",
        "constraint_hit": False,
        "serial_fraction": serial_fraction,
    }


@pytest.mark.parametrize(("origin", "context"), [("cloud", "cloud"), ("edge", "mobile")])
def test_lab_12_presets_the_toggle(ledger, origin, context):
    ledger.save(chapter=12, volume=1, design=entry_of_lab_12(origin, 0.38))
    lab = ServingLab(ledger)
    assert lab.context == context
    assert lab.context_source == "Lab 12"
    assert "38 % of a request" in lab.act2.from_ledger()


def test_without_a_ledger_it_opens_in_the_cloud_and_says_nothing(lab, ledger):
    assert (lab.context, lab.context_source) == ("cloud", "")
    assert (lab.act1.from_ledger(), lab.act2.from_ledger()) == ("", "")
    ledger.save(chapter=12, volume=1, design=entry_of_lab_12("cloud", None))
    assert ServingLab(ledger).act2.from_ledger() == ""


def test_lab_02_is_quoted(ledger):
    ledger.save(
        chapter=2,
        volume=1,
        design={
            "context": "edge",
            "act1_prediction": 1.53,
            "act1_correct": True,
            "act2_result": 7.42,
            "act2_decision": "edge_int8",
            "constraint_hit": True,
        },
    )
    assert "7.42 ms" in ServingLab(ledger).act1.from_ledger()


# --- pictures -------------------------------------------------------------------------------------------------


def extremes(lab: ServingLab, key: str) -> list[dict[str, Plot]]:
    """The plots of an act with each control at both ends and every option, others at their default."""
    act = lab.act(key)
    drawn = []
    for name, spec in act.specs.items():
        values = spec.values()
        for value in (values[0], values[-1]) if len(values) > 4 else values:
            act.reset()
            act.set(name, value)
            drawn.append(dict(act.plots(act.outcome)))
    act.reset()
    return drawn


def numbers_are_plain(plot: Plot) -> bool:
    """No text of a plot shows a raw nan, inf or exponent."""
    texts = [plot.caption, plot.title]
    texts += [str(text) for layer in plot.layers for text in layer.columns().get("text", [])]
    return not any(re.search(r"nan|\binf\b|10\^|e[-+]\d", text) for text in texts)


@pytest.mark.parametrize("context", ["cloud", "mobile"])
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_instruments_keep_their_structure_and_show_plain_numbers(lab, context, key):
    lab.set_context(context)
    in_act2(lab)
    act = lab.act(key)
    structures: dict[str, set[object]] = {}
    for plots in extremes(lab, key):
        for name, plot in plots.items():
            structures.setdefault(name, set()).add(plot.structure())
            assert numbers_are_plain(plot), (name, plot.caption)
            assert plot.x.low < plot.x.high
            assert plot.y.low < plot.y.high
    # The logarithmic axis of Act I is the only other drawing.
    allowed = {name: 2 if key == "act1" and name == "load" else 1 for name in structures}
    assert {name: len(found) for name, found in structures.items()} == allowed
    for plot in act.plots(act.outcome).values():
        assert Figure(plot).title == plot.title


def test_the_prediction_is_drawn(lab):
    in_act2(lab, guess="C")
    words = {
        str(text)
        for plots in (lab.act1.plots(lab.act1.outcome), lab.act2.plots(lab.act2.outcome))
        for plot in plots.values()
        for layer in plot.layers
        for text in layer.columns().get("text", [])
    }
    assert "predicted 157 ms" in words
    assert "your prediction" in words


def test_an_unstable_queue_has_no_histogram(lab):
    in_act2(lab)
    lab.set_control("act2", "traffic_multiplier", 10.0)
    plot = lab.act2.plots(lab.act2.outcome)["histogram"]
    assert any("no steady state" in layer.columns().get("text", []) for layer in plot.layers)


def test_the_bar_at_the_limit_is_cut_there():
    edges = np.linspace(0, 0.06, 4)
    plot = latency_histogram(
        edges, np.array([0.5, 0.3, 0.2]), marks=(), late_s=0.03, late="late", beyond=0.0, title="t"
    )
    good, bad = (layer.columns() for layer in plot.layers[1:3])
    assert np.nanmax(good["right"]) < 30 <= np.nanmin(bad["left"])
    assert np.count_nonzero(np.isfinite(good["left"])) == 2
    assert np.count_nonzero(np.isfinite(bad["left"])) == 2


def test_the_leftmost_mark_is_the_tallest():
    marks = (TimeMark(0.05, "b"), TimeMark(0.01, "a"), TimeMark(math.inf, "c"))
    plot = latency_histogram(
        np.linspace(0, 0.06, 4), np.full(3, 1 / 3), marks=marks, late_s=math.nan, late="", beyond=0.0, title="t"
    )
    tops = [float(layer.columns()["y1"][0]) for layer in plot.layers if "y1" in layer.columns()]
    assert tops[1] > tops[0]


def test_a_load_plot_takes_what_is_missing():
    load = np.linspace(0, 0.95, 20)
    plot = load_plot(
        load,
        [LoadCurve(np.full(20, np.nan))],
        at=1.2,
        points=(LoadPoint(math.inf, "P99"), LoadPoint(math.nan, "mean")),
        zones=(LoadZone(0, 0.5, "safe", "met"),),
        knee=0.7,
        low_s=0.001,
        high_s=1.0,
        log=True,
        title="t",
        limit_s=0.05,
        limit="SLO",
    )
    assert numbers_are_plain(plot)
    assert Figure(plot).title == "t"


def test_a_pareto_curve_serves_other_planes():
    keep = np.linspace(0.05, 1, 20)
    cost, quality = 200 * keep, 80 * keep**0.1
    axes = {"x": Axis("device-hours", 0, 150), "y": Axis("accuracy (%)", 35, 80)}
    plot = pareto_curve(
        [Trace(cost, quality, "random"), Trace(cost + 10, quality + 1, "proxy"), Trace([np.nan], [np.nan], "none")],
        **axes,
        box=Box(0, 100, 75, 200, "feasible"),
        here=Design(500, 78, "you"),
        frontier=Trace(cost, quality),
        marks=(Design(200, 80, "all data"),),
        title="t",
    )
    words = [str(text) for layer in plot.layers for text in layer.columns().get("text", [])]
    assert "you beyond the axes" in words
    assert "random" in words
    assert "none" not in words
    assert plot.instrument == "pareto_curve"
    assert Figure(plot).title == "t"


def test_a_grid_names_the_verdict_of_each_cell():
    plot = combination_grid(
        ["a", "b"],
        ["top", "bottom"],
        [["1", "2"], ["3", "4"]],
        [["ok", "no"], ["no", "no"]],
        vocabulary=(Verdict("ok", "met-soft", "met-ink"), Verdict("no", "violation-soft", "violation-ink")),
        here=(0, 1),
        x_label="x",
        y_label="y",
        title="t",
    )
    labels = next(layer.columns() for layer in plot.layers if "text" in layer.columns())
    assert (labels["y"][0], labels["text"][0]) == (1, "1")
    boxes = [layer.columns() for layer in plot.layers if type(layer).__name__ == "Boxes"]
    assert [int(np.isfinite(box["left"]).sum()) for box in boxes] == [1, 3]


def test_placing():
    left, right = (
        layer.columns()["text"].tolist() for layer in sided_labels([1, 2], 0, ["a", "b"], left=[True, False])
    )
    assert (left, right) == (["", "b"], ["a", ""])
    assert [text for _, text in log_ticks(0.2, 20)] == ["0.2", "0.5", "1", "2", "5", "10", "20"]
    assert [text for _, text in log_ticks(1, 1e5)] == ["1", "10", "100", "1,000", "10,000", "100,000"]


def test_an_outcome_costs_a_few_milliseconds():
    designs = [(64 - k, 8, "shared_queue", "exponential", 1.0 + k / 10) for k in range(20)]
    spent = []
    for design in designs:
        start = time.process_time()
        fleet(*design)
        spent.append(time.process_time() - start)
    assert np.median(spent) < 0.005
