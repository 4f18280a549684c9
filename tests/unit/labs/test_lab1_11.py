"""V1-11: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from components.instruments.figure import Figure
from components.instruments.layers import Labels, Plot, Points, Segments
from components.instruments.roofline import (
    Gauge,
    Kernel,
    Roof,
    mfu_against_batch,
    roofline,
    upgrade_bars,
    utilization_gauges,
)
from labs import robot
from labs.vol1.lab_11_hw_accel import (
    A100,
    BATCHES,
    EW_BYTES,
    EW_FLOPS,
    H100,
    KERNELS,
    ORIN,
    V100,
    Decoding,
    TwoRoofsLab,
    Utilization,
    context_of_ceiling,
    design,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.plot_words import written

CONTEXTS = ("cloud", "edge")


@pytest.fixture
def lab(ledger: DesignLedger) -> TwoRoofsLab:
    return TwoRoofsLab(ledger)


def in_act2(lab: TwoRoofsLab, context: str = "cloud", predicted: str = "A") -> TwoRoofsLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "compute_scale", 2)
    lab.answer("act1", "B")
    lab.lock("act2", predicted)
    return lab


def feasible(context: str) -> set[tuple[int, int, int, int, bool]]:
    """(batch, weight bits, KV bits, KV heads, fused) of every design that solves the challenge."""
    return {
        chosen
        for chosen in itertools.product(BATCHES[context], (16, 8, 4), (16, 8), (32, 8), (False, True))
        if design(context, *chosen).feasible
    }


def banners(lab: TwoRoofsLab) -> dict[str, str]:
    return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}


# --- Act I --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "flop", "data", "intensity"),
    [
        ("decode_gemv", 33_554_432, 33_570_816, 0.9995),
        ("dense_b32", 268_435_456, 8_650_752, 31.0),
        ("qkv_prefill", 57_982_058_496, 104_202_240, 556.4),
        ("conv3x3", 59_190_018_048, 77_660_160, 762.2),
        ("layernorm", 75_497_472, 50_334_720, 1.50),
        ("softmax", 301_989_888, 402_653_184, 0.75),
        ("relu_fp32", 12_582_912, 100_663_296, 0.125),
    ],
)
def test_kernels_of_the_sheet(name, flop, data, intensity):
    work = KERNELS[name]
    assert (work.ops_flop, work.data_bytes) == (flop, data)
    for context in CONTEXTS:
        outcome = Utilization.compute(context, kernel=name, compute_scale=1, bandwidth_scale=1)
        assert outcome.intensity == pytest.approx(intensity, rel=1e-3)
        assert outcome.compute_bound == (name in ("qkv_prefill", "conv3x3"))


def test_ridges_rise_with_the_generations():
    assert [round(roof.ridge, 1) for roof in (V100, A100, H100, ORIN)] == [138.9, 153.0, 295.2, 245.1]


def test_a_bound_is_full():
    """Whatever the machine, a kernel uses all of what binds it and at most all of the other."""
    for context, name in itertools.product(CONTEXTS, KERNELS):
        for compute, bandwidth in itertools.product((0.5, 1, 4), (0.5, 1, 4)):
            o = Utilization.compute(context, kernel=name, compute_scale=compute, bandwidth_scale=bandwidth)
            assert max(o.mfu, o.mbu) == pytest.approx(1)
            assert (o.mfu == pytest.approx(1)) == o.compute_bound


def test_what_the_vendor_sells():
    doubled, wider = Utilization.asked("cloud", 2, 1), Utilization.asked("cloud", 1, 2)
    assert (doubled.speedup_vs_stock, wider.speedup_vs_stock) == (pytest.approx(1), pytest.approx(2))
    assert 100 * doubled.mfu == pytest.approx(0.169, abs=0.001)
    assert 100 * Utilization.asked("edge").mfu == pytest.approx(0.408, abs=0.0005)
    # Only what touches the roof gains from a higher one.
    assert [round(float(gain), 2) for gain in doubled.speedups] == [1, 1, 1.88, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("option", "predicted", "ratio"),
    [
        ("A", "98 %", "289.5 times"),
        ("B", "50 %", "147.7 times"),
        ("C", "5 %", "14.8 times"),
        ("D", "0.34 %", "1.00 times"),
    ],
)
def test_act1_reveals(lab, option, predicted, ratio):
    gap = lab.act1.prediction().gap(option)
    assert (gap.predicted, gap.actual, gap.text, gap.correct) == (predicted, "0.339 %", ratio, option == "D")
    for word in ("3.35 of 989 TFLOP/s", "speed-up is 1.00", "0.17 %", "speed-up is 2.00", "0.408 %", "40 times", "245"):
        assert word in gap.why
    assert "3.348 TFLOP/s" in lab.act1.prediction().option("D").feedback


def test_act1_texts_quote_the_model(lab):
    for word in ("98 %", "1,400,000 USD", "989 TFLOP/s"):
        assert word in lab.act1.message().text
    assert "1,979 TFLOP/s, unused" in lab.act1.concept()
    reflection = lab.act1.reflection()
    assert [reflection.option(letter).text for letter in "ABCD"] == [
        "3.17 times",
        "2.15 times",
        "1.64 times",
        "1.00 times",
    ]
    assert "670 over 312" in reflection.option("B").feedback
    for word in ("640 pJ", "5 pJ", "128 times"):
        assert word in lab.act1.peek().note


def test_the_prediction_stands_above_the_roof(lab):
    """98 % of the peak at one operation per byte is a place where no kernel can be."""
    in_act2(lab)
    act = lab.act1

    def diamond(plot: Plot) -> Any:
        (marker,) = [layer for layer in plot.layers if isinstance(layer, Points) and layer.marker == "diamond"]
        return marker

    act.set("compute_scale", 1)
    marker = diamond(act.plots(act.outcome)["roofline"])
    assert (marker.x, marker.y) == (pytest.approx(0.9995, abs=1e-4), pytest.approx(0.98 * 989))
    assert marker.y > 200 * H100.at(marker.x) / 1e12
    act.set("compute_scale", 2)
    assert diamond(act.plots(act.outcome)["roofline"]).y == marker.y, "the claim was about the stock machine"
    act.set("kernel", "conv3x3")
    assert math.isnan(diamond(act.plots(act.outcome)["gauges"]).x), "and about one kernel"
    lab.set_context("edge")
    assert math.isnan(diamond(act.plots(act.outcome)["roofline"]).x)


def test_the_robot_has_no_dashboard(lab):
    lab.set_context("edge")
    assert "–" in written(lab.act1.plots(lab.act1.outcome)["gauges"])


# --- Act II: the tables of the sheet ------------------------------------------------------------------------------


def test_counts_of_the_decoder():
    assert (EW_BYTES.value, EW_FLOPS.value) == (5_783_552, 4_382_720)
    made = design("cloud", 1)
    assert (made.kv_bytes, design("cloud", 1, 16, 8, 8).kv_bytes) == (524_288 * 1024, 65_536 * 1024)
    assert design("edge").elementwise_intensity == pytest.approx(0.758, abs=0.0005)


def test_feasible_designs_of_the_cloud():
    found = feasible("cloud")
    assert {(batch, weights) for batch, weights, *_ in found} == {
        (128, 4),
        (256, 8),
        (256, 4),
        (512, 16),
        (512, 8),
        (512, 4),
    }
    assert {(kv_bits, heads) for _, _, kv_bits, heads, _ in found} == {(8, 8)}
    assert len(found) == 12, "fused or not"


def test_feasible_designs_of_the_edge():
    found = feasible("edge")
    assert {weights for _, weights, *_ in found} == {4}
    assert len(found) == len(BATCHES["edge"]) * 8, "whatever the other levers"


@pytest.mark.parametrize(
    ("kv_bits", "kv_heads", "ceiling"), [(16, 32, 8.43), (8, 32, 15.6), (16, 8, 27.1), (8, 8, 43.0)]
)
def test_ceilings_of_the_cloud(kv_bits, kv_heads, ceiling):
    assert 100 * design("cloud", 64, 16, kv_bits, kv_heads).mfu_ceiling == pytest.approx(ceiling, abs=0.05)


def test_no_batch_exceeds_the_ceiling():
    for context, kv_bits, kv_heads in itertools.product(CONTEXTS, (16, 8), (32, 8)):
        for weights, fused in itertools.product((16, 8, 4), (False, True)):
            made = design(context, None, weights, kv_bits, kv_heads, fused)
            assert (made.curve <= made.mfu_ceiling * (1 + 1e-9)).all()
            assert (np.diff(made.curve) > -1e-12).all()


@pytest.mark.parametrize(
    ("context", "chosen", "mfu", "step_ms", "gigabytes"),
    [
        ("cloud", (64, 16, 16, 32, False), 6.4, 14.63, 48.4),
        ("cloud", (128, 16, 16, 32, False), 7.5, 25.07, 82.7),
        ("cloud", (256, 8, 8, 8, True), 42.99, 8.753, 24.29),
        ("cloud", (256, 16, 8, 8, True), 39.1, None, None),
        ("cloud", (64, 4, 8, 8, True), 38.5, None, None),
        ("cloud", (512, 8, 16, 8, True), None, 27.8, 75.8),
        ("edge", (1, 16, 16, 32, False), None, None, 14.27),
        ("edge", (1, 8, 16, 32, False), None, 72.4, None),
        ("edge", (1, 4, 16, 32, False), 1.50, 38.12, 3.878),
    ],
)
def test_designs_of_the_sheet(context, chosen, mfu, step_ms, gigabytes):
    made = design(context, *chosen)
    if mfu is not None:
        assert 100 * made.mfu == pytest.approx(mfu, abs=0.06)
    if step_ms is not None:
        assert made.step_ms == pytest.approx(step_ms, rel=2e-3)
    if gigabytes is not None:
        assert made.memory_bytes / 1e9 == pytest.approx(gigabytes, rel=1e-3)


def test_rates_of_the_robot():
    rates = [
        design("edge", *chosen).tokens_per_s_per_stream for chosen in ((1, 8), (1, 4), (4, 4), (4, 4, 8, 32, True))
    ]
    assert rates == pytest.approx([13.8, 26.2, 21.6, 24.5], abs=0.06)
    assert design("edge", 1, 4).mbu == pytest.approx(1)


def test_twice_the_tops_change_nothing_on_the_robot(monkeypatch):
    best = design("edge", 1, 4)
    monkeypatch.setitem(Decoding.compute.__globals__["MACHINES"], "edge", Roof("twice", 2 * ORIN.peak, ORIN.bandwidth))
    twice = Decoding.compute("edge", batch=1, weight_bits=4, kv_bits=16, kv_heads=32, fused=False)
    assert twice.step_ms == pytest.approx(best.step_ms)
    assert twice.mfu == pytest.approx(best.mfu / 2)


@pytest.mark.parametrize(("context", "batches"), [("cloud", [345, 175, 89]), ("edge", [278, 141, 72])])
def test_the_batch_that_reaches_the_ridge(context, batches):
    assert [round(design(context, None, bits).ridge_batch) for bits in (16, 8, 4)] == batches


def test_what_the_longest_part_waits_for():
    assert (design("cloud").longest, design("cloud").bound) == ("attention", "memory")
    assert (design("edge").longest, design("edge").bound) == ("dense layers", "memory")
    # Even where the dense layers stand on the roof, the cache takes longer than they do.
    full = design("cloud", 512, 4, 8, 8, True)
    assert full.linear_intensity > H100.ridge
    assert (full.longest, full.bound) == ("attention", "memory")


def test_memory_is_full_where_the_curve_is_hatched():
    made = design("cloud")
    most = math.floor(made.most_in_memory)
    assert most == 122
    assert not Decoding.compute("cloud", batch=most, weight_bits=16, kv_bits=16, kv_heads=32, fused=False).oom
    assert Decoding.compute("cloud", batch=most + 1, weight_bits=16, kv_bits=16, kv_heads=32, fused=False).oom
    assert design("edge").most_in_memory < 1


def test_extension_of_the_notes():
    tokens = context_of_ceiling(0.6)
    assert tokens == pytest.approx(505, abs=0.5)
    ceiling = physics.decode_mfu_ceiling(7.0e9, 32, 4096, tokens, 65_536, H100.peak, H100.bandwidth)
    assert ceiling == pytest.approx(0.6)
    for word in ("139, 153, 295", "0.76 FLOP/B", "0.4 ms of 46 at batch 256", "4.8 %", "505 tokens"):
        assert word in TwoRoofsLab.instructor_notes


# --- Act II: texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("A", "295 streams", ["only traffic is shared weights", "At batch 295 the attention dot still sits at 1.0"]),
        ("B", "345 streams", ["dense 4096-square layer", "At batch 345"]),
        ("C", "9,447 streams", ["only 8.0 FLOP/B", "37 times below", "At batch 9,447"]),
        ("D", "no batch does", ["same proportion"]),
    ],
)
def test_act2_reveals(lab, option, text, words):
    prediction = lab.act2.prediction()
    gap = prediction.gap(option)
    assert (gap.predicted, gap.actual, gap.correct) == (text, "no batch does", option == "D")
    assert gap.text == ("nothing" if option == "D" else "295 times the intensity")
    for word in ("= 1.0 FLOP/B at every batch", "295 times below the ridge", *words):
        assert word in gap.why


def test_act2_texts_quote_the_model(lab):
    for word in ("40 %", "25 ms", "1,024 tokens", "80 GB"):
        assert word in lab.act2.message().text
    assert "100.0 % at 16 bit, 100.0 % at 8 bit, 95.6 % at 4 bit" in lab.act2.concept()
    reflection = lab.act2.reflection()
    assert "1.5 % MFU and 100 % MBU" in reflection.question
    assert "0.75 %" in reflection.option("C").text
    assert "0.57 ms of 38 ms" in reflection.option("A").feedback
    for word in ("345 to 172", "591", "345."):
        assert word in lab.act2.peek().note
    lab.set_context("edge")
    for word in ("at most 4", "14 GB", "16 GB", "7 tokens a second", "**20**", "twice the TOPS"):
        assert word in lab.act2.message().text


def test_banners(lab):
    act = in_act2(lab).act2
    assert banners(lab) == {}
    lab.set_control("act2", "batch", 128)
    assert banners(lab) == {
        "oom": "weights 14.00 + cache 68.72 = 82.72 GB, limit 80 GB. The batch that fills the roof does not fit.",
        "deadline": "25.1 ms per token, limit 25 ms.",
    }
    assert lab.constraint_hit
    act.param.update(batch=512, weight_bits=8, kv_heads=8, fused=True)
    assert banners(lab) == {"deadline": "27.8 ms per token, limit 25 ms."}
    lab.set_context("edge")
    act.param.update(weight_bits=16)
    assert banners(lab)["oom"] == "weights 14.00 + cache 0.07 = 14.07 GB, limit 14 GB."
    act.param.update(weight_bits=8, kv_heads=32)
    assert banners(lab) == {"deadline": "72.4 ms per token, limit 50 ms."}
    act.param.update(weight_bits=4)
    assert banners(lab) == {}


def test_badges(lab):
    def held() -> list[bool]:
        return [constraint.holds(lab.act2.outcome) for constraint in lab.act2.constraints()]

    assert held() == [True, False, True]
    lab.set_context("edge")
    assert held() == [False, False, False]
    lab.act2.param.update(weight_bits=4)
    assert held() == [True, True, True]


def test_same_number_of_tables_in_both_contexts(lab):
    for context in CONTEXTS:
        lab.set_context(context)
        assert [len(act.tables(act.outcome)) for act in robot.acts(lab)] == [1, 1]


def test_fused_work_has_no_dot(lab):
    act = in_act2(lab).act2
    assert "elementwise" in written(act.plots(act.outcome)["roofline"])
    act.set("fused", True)
    plot = act.plots(act.outcome)["roofline"]
    assert "elementwise" not in written(plot)
    assert "no dot" in plot.caption
    (table,) = act.tables(act.outcome)
    assert table.rows[2][1:3] == ("–", "fused")


def test_a_predicted_batch_stands_on_the_ridge(lab):
    for letter, text in (("A", "predicted: 295 streams"), ("D", "yours")):
        run = in_act2(TwoRoofsLab(robot.memory_ledger()), predicted=letter)
        plot = run.act2.plots(run.act2.outcome)["roofline"]
        assert text in written(plot)
        (marker,) = [layer for layer in plot.layers if isinstance(layer, Points) and layer.marker == "diamond"]
        assert marker.x == pytest.approx(1.0 if letter == "D" else H100.ridge)
        run.set_context("edge")
        assert text not in written(run.act2.plots(run.act2.outcome)["roofline"]), "the question is about the H100"


# --- ledger -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("context", "result", "bound"), [("cloud", 0.42987, "memory"), ("edge", 0.014974, "memory")])
def test_saved_design(lab, ledger, context, result, bound):
    in_act2(lab, context, "C")
    for name, value in lab.solution(context).items():
        lab.set_control("act2", name, value)
    assert context in lab.solved
    lab.answer("act2", "C")
    assert lab.missing_to_save(), "the lever is still to be named"
    lab.decide("shrink_kv")
    lab.save()
    entry = ledger.get(11)
    assert entry is not None
    assert set(entry) == set(contract_of("ch11").fields)
    assert entry["act2_result"] == pytest.approx(result, rel=1e-4)
    assert (entry["context"], entry["act1_prediction"], entry["act2_prediction"]) == (context, "A", "C")
    assert (entry["act2_decision"], entry["bound"]) == ("shrink_kv", bound)
    assert entry["mbu"] == pytest.approx(0.86508 if context == "cloud" else 1, rel=1e-4)


def test_words_of_the_contract():
    assert TwoRoofsLab.decision_radio is not None
    assert tuple(TwoRoofsLab.decision_radio.options) == contract_of("ch11").fields["act2_decision"].vocabulary


def written_before(ledger: DesignLedger, context: str, **fields: Any) -> None:
    """An entry of Lab 10."""
    names = contract_of("ch10").fields
    seed = robot.full_ledger(0).get(10)
    assert seed is not None
    ledger.save(chapter=10, volume=1, design={**{name: seed[name] for name in names}, "context": context, **fields})


@pytest.mark.parametrize(("before", "after"), [("mobile", "edge"), ("cloud", "cloud")])
def test_lab_10_sets_the_context_and_is_quoted(ledger, before, after):
    written_before(ledger, before, weight_bits=4, act2_result=0.9563)
    lab = TwoRoofsLab(ledger)
    assert (lab.context, lab.context_source) == (after, "Lab 10")
    assert "4-bit weights**, which kept 95.6 %" in lab.act2.from_ledger()
    assert lab.act2.weight_bits == 16, "nothing that is read changes a default"


def test_lab_10_may_be_missing_or_below_what_is_offered(lab, ledger):
    assert lab.context == "cloud"
    assert lab.act2.from_ledger() == ""
    written_before(ledger, "cloud", weight_bits=3, act2_result=0.82)
    assert "Fewer than 4 bits" in TwoRoofsLab(ledger).act2.from_ledger()


# --- instruments --------------------------------------------------------------------------------------------------


def test_every_state_has_the_same_drawing():
    """The toggle and the controls move columns only."""
    for key in ("act1", "act2"):
        shapes: dict[str, set[Any]] = {}
        for context in CONTEXTS:
            act = robot.opened(TwoRoofsLab, "saved", context).act(key)
            for _ in robot.joint_moves(act, 40):
                for name, plot in act.plots(act.outcome).items():
                    shapes.setdefault(name, set()).add(plot.structure())
        assert {name: len(seen) for name, seen in shapes.items()} == dict.fromkeys(shapes, 1)


def test_names_of_dots_stand_apart():
    """At every setting the names of the seven kernels are at least a line of text from each other or side by side."""
    act = robot.opened(TwoRoofsLab, "saved").act1
    for _ in robot.joint_moves(act, 60):
        plot = act.plots(act.outcome)["roofline"]
        labels = [layer for layer in plot.layers if isinstance(layer, Labels) and len(layer.columns()["text"]) == 8]
        x, y, text = (np.concatenate([layer.columns()[name] for layer in labels]) for name in ("x", "y", "text"))
        shown = np.array([bool(word) for word in text])
        assert shown.sum() == 7
        assert (np.isfinite(x[shown]) & np.isfinite(y[shown])).all()
        assert ((x[shown] < plot.x.high) & (y[shown] > plot.y.low) & (y[shown] < plot.y.high)).all()
        rows = np.sort(np.log10(y[shown]))
        line = 15 / (plot.height - 76) * math.log10(plot.y.high / plot.y.low)
        assert (np.diff(rows) > line).all()


def test_a_roofline_with_one_dot_and_nothing_else():
    plot = roofline(Roof("toy", 1e12, 1e10), [Kernel("one", 5.0, 5e10)], title="Toy", caption="One dot.")
    assert plot.instrument == "roofline"
    assert "ridge 100 FLOP/B" in written(plot)
    Figure(plot)


def test_a_trail_goes_around_the_ridge():
    roof = Roof("toy", 100.0, 1.0)
    plot = roofline(
        roof,
        [Kernel("one", 400.0, 100.0, origin=10.0)],
        title="Toy",
        caption="A trail.",
        rates=(1.0, 1000.0),
        unit=("FLOP/s", 1.0),
    )
    trails = [layer.columns() for layer in plot.layers if getattr(layer, "width", 0) == 8]
    assert trails[0]["x"].tolist() == [10.0, 100.0, 400.0]
    assert trails[0]["y"].tolist() == [10.0, 100.0, 100.0]
    Figure(plot)


def test_gauges_without_reading_and_with_limit():
    plot = utilization_gauges(
        [Gauge("none", None), Gauge("some", 0.3, limit=0.9, limit_label="limit", limit_token="met")],
        predicted=0.5,
        title="Toy",
        caption="Two gauges.",
    )
    assert {"–", "30.0 %", "limit", "your prediction", "1 %"} <= set(written(plot))
    Figure(plot)


def test_bars_and_curves_at_their_ends():
    bars = upgrade_bars(
        ["a", "b"], np.array([0.5, 4.0]), np.array([True, False]), selected=1, title="Toy", caption="Two bars."
    )
    assert {"0.50×", "4.00×"} <= set(written(bars))
    Figure(bars)
    batches = np.array([1.0, 2.0, 4.0])
    for most, hatched in ((0.2, True), (2.0, True), (4.0, False), (100.0, False)):
        curve = mfu_against_batch(
            batches,
            batches / 10,
            batches / 20,
            here=(2, 0.2),
            ceiling=0.5,
            most_in_memory=most,
            ticks=(1, 2, 4),
            title="Toy",
            caption="A curve.",
        )
        assert ("out of\nmemory" in written(curve)) is hatched
        assert not any("target" in text for text in written(curve))
        assert any(isinstance(layer, Segments) for layer in curve.layers)
    Figure(curve)
