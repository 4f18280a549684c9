"""V1-05: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.activation import (
    FunctionCost,
    TierStep,
    activation_comparator,
    fold,
    gradient_bound_curve,
    ratio_over_working_set,
)
from components.instruments.figure import Figure
from components.instruments.layers import Points
from components.instruments.memory_tiers import Claim, Panel, Tier, bandwidth_cliff, batch_sweep
from components.instruments.waterfall import Limit
from labs.vol1.lab_05_nn_compute import (
    LEVERS,
    PHONE_SOLUTION,
    ActivationCostLab,
    ActivationPass,
    Spill,
    compared,
    numbered,
    signed,
)
from ledger import DesignLedger, contract_of
from tests.unit.labs.plot_words import texts

CONTEXTS = ("cloud", "mobile")


@pytest.fixture
def lab(ledger: DesignLedger) -> ActivationCostLab:
    return ActivationCostLab(ledger)


def in_act2(lab: ActivationCostLab, context: str = "cloud", guess: str = "D") -> ActivationCostLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "batch", 2)
    lab.answer("act1", "B")
    lab.lock("act2", guess)
    return lab


def finished(lab: ActivationCostLab, context: str = "cloud", **controls: Any) -> ActivationCostLab:
    """The lab at the point of saving, with these controls of Act II."""
    in_act2(lab, context)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "B")
    lab.decide("fuse")
    return lab


def solves(lab: ActivationCostLab, context: str, **controls: Any) -> bool:
    """Whether a design of Act II meets every constraint of the context on screen."""
    outcome = Spill.case(context, **controls)
    return all(constraint.holds(outcome) for constraint in lab.act2.constraints())


# --- Act I ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "ratio", "on_chip"),
    [
        ("cloud", {"batch": 2}, 7.5, True),
        ("cloud", {}, 1.0, False),
        ("cloud", {"bytes_per_value": 1}, 1.5, False),
        ("cloud", {"cycles": 40}, 1.0, False),
        ("cloud", {"batch": 1, "bytes_per_value": 1}, 15.0, True),
        ("mobile", {}, 1.0, False),
        ("mobile", {"batch": 1}, 1.0, False),
        ("mobile", {"batch": 1, "bytes_per_value": 1}, 10.2, True),
        ("mobile", {"batch": 2, "bytes_per_value": 1}, 1.02, False),
    ],
)
def test_where_the_tax_shows(context, controls, ratio, on_chip):
    outcome = ActivationPass.case(context, **controls)
    assert outcome.time_ratio == pytest.approx(ratio)
    assert outcome.on_chip is on_chip
    assert outcome.sigmoid_time_s / outcome.relu_time_s == pytest.approx(ratio)
    assert outcome.sigmoid_time_s == pytest.approx(max(outcome.lane_s["sigmoid"], outcome.memory_s))


def test_the_burst_at_which_each_device_leaves_the_chip():
    sizes = ActivationPass.controls_in("cloud")["batch"].values()
    fits = {context: [b for b in sizes if ActivationPass.case(context, batch=b).on_chip] for context in CONTEXTS}
    assert fits == {"cloud": [1, 2], "mobile": []}


@pytest.mark.parametrize(
    ("option", "gap", "words"),
    [
        ("A", "50.0 times", ["25.7 million", "23 µs", "30.7 µs"]),
        ("B", "30.0 times", ["0.9 ps", "16,896 lanes", "1.19 ps"]),
        ("C", "7.50 times", ["never leave the chip", "burst to 2 frames"]),
        ("D", "1.00 times", ["1,511.2 µs", "770.7 µs"]),
    ],
)
def test_act1_reveals(lab, option, gap, words):
    shown = lab.act1.prediction().gap(option)
    assert (shown.actual, shown.text, shown.correct) == ("1.00 times", gap, option == "D")
    for word in ["103 MB", "30.675 µs", "23.01", *words]:
        assert word in shown.why


def test_act1_texts_quote_the_model(lab):
    assert "2,500 transistors against 50" in lab.act1.message().text
    concept = lab.act1.concept()
    for word in ("3,211,264", "33.5 × 10¹²", "3.35 TB/s", "68 GB/s", "20 to 40"):
        assert word in concept
    reflection = lab.act1.reflection()
    assert "9.5 × 10⁻⁷" in reflection.option("B").text
    assert "15 times on chip" in reflection.option("A").feedback
    assert "40 cycles" in lab.act1.peek().note
    assert "58.8" in lab.act1.peek().note


def test_the_comparator_table_names_the_clock(lab):
    lab.act1.set("batch", 2)
    (table,) = lab.act1.tables(lab.act1.outcome)
    assert table.rows[-1] == ("the pass waits for", "memory", "lanes", "lanes")
    assert table.rows[0] == ("transistors of one unit", "50", "2,500", "2,500")


# --- Act II: the numbers of the sheet -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levers", "ms"),
    [
        ((), 4.926),
        (("swap_activation",), 4.883),
        (("fuse",), 2.791),
        (("fuse", "quantize"), 1.658),
        (("fuse", "quantize", "plan_buffer"), 1.493),
        (("fuse", "quantize", "swap_activation"), 1.395),
        (("quantize", "plan_buffer", "swap_activation"), 1.770),
        (("fuse", "plan_buffer", "swap_activation"), 2.461),
        (tuple(LEVERS), 1.119),
    ],
)
def test_path_of_the_phone(lab, levers, ms):
    lab.set_context("mobile")
    controls = {LEVERS[lever][0]: LEVERS[lever][1] for lever in levers}
    assert Spill.case("mobile", **controls).time_per_image_s * 1e3 == pytest.approx(ms, abs=5e-4)
    assert solves(lab, "mobile", **controls) == (len(levers) == 4)


def test_only_one_design_solves_the_phone(lab):
    lab.set_context("mobile")
    specs = Spill.controls_in("mobile")
    found = []
    for values in itertools.product(*(specs[name].values() for name in specs)):
        controls = dict(zip(specs, values, strict=True))
        # What the badge refuses need not be computed.
        if not Spill._required("mobile", *(controls[n] for n in ("resolution_px", "channels", "batch", "phase"))):
            continue
        if solves(lab, "mobile", **controls):
            found.append(controls)
    assert found == [{**PHONE_SOLUTION, "resolution_px": 768, "channels": 32, "batch": 1, "phase": "inference"}]


@pytest.mark.parametrize(
    ("controls", "rate", "gb", "verdict"),
    [
        ({}, 3204, 17.4, "slow"),
        ({"activation": "relu"}, 3204, 17.4, "slow"),
        ({"batch": 2048}, 3204, 138.6, "oom"),
        ({"batch": 1024, "bytes_per_value": 4}, 406, 138.7, "oom"),
        ({"fused": True}, 4822, 17.4, "feasible"),
        ({"fused": True, "activation": "relu"}, 5160, 17.4, "feasible"),
    ],
)
def test_designs_of_the_cloud(lab, controls, rate, gb, verdict):
    outcome = Spill.case("cloud", **controls)
    assert outcome.images_per_s == pytest.approx(rate, abs=0.6)
    assert outcome.memory_bytes / 1e9 == pytest.approx(gb, abs=0.05)
    assert outcome.oom == (verdict == "oom")
    assert solves(lab, "cloud", **controls) == (verdict == "feasible")


def test_every_feasible_design_of_the_cloud(lab):
    names = ("batch", "bytes_per_value", "activation", "fused", "placement")
    specs = Spill.controls_in("cloud")
    found = {
        values
        for values in itertools.product(*(specs[name].values() for name in names))
        if values[1] != 1 and solves(lab, "cloud", **dict(zip(names, values, strict=True)))
    }
    expected = itertools.product(
        (64, 128, 256, 512, 1024), (2,), ("relu", "sigmoid", "tanh"), (True,), ("cache", "planned")
    )
    assert found == set(expected)
    assert Spill.case("cloud", fused=True, batch=1024).memory_bytes / 1e9 == pytest.approx(69.4, abs=0.05)


@pytest.mark.parametrize(
    ("context", "controls", "gb"),
    [
        ("cloud", {"batch": 2048}, 138.6),
        ("mobile", {"phase": "training", "batch": 64, "bytes_per_value": 4}, 10.0),
        ("mobile", {"resolution_px": 1024, "channels": 64, "batch": 64, "bytes_per_value": 4}, 25.9),
    ],
)
def test_out_of_memory_and_back(lab, context, controls, gb):
    in_act2(lab, context)
    assert not lab.constraint_hit
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    failure = next(f for f in lab.act2.active_failures() if f.id == "oom")
    text = failure.text(lab.act2.outcome)
    assert f"Required {gb:.1f} GB" in text
    assert ("leave training" in text) == (lab.act2.phase == "training")
    assert lab.constraint_hit
    lab.set_control("act2", "batch", 1)
    assert "oom" not in {f.id for f in lab.act2.active_failures()}
    assert lab.constraint_hit


def test_spill_names_the_stages(lab):
    in_act2(lab, "mobile")
    (spill,) = lab.act2.active_failures()
    assert (spill.id, spill.severity) == ("spill", "warn")
    assert spill.text(lab.act2.outcome).startswith("stages 1, 2, 3 and 4 work from main memory")
    lab.set_control("act2", "placement", "planned")
    assert "keeps 15 % on chip" in spill.text(lab.act2.outcome)
    assert not lab.constraint_hit


def test_worth_of_each_lever_in_the_solution():
    levers = Spill.case("mobile", **PHONE_SOLUTION).levers
    assert {name: round(delta * 1e3, 3) for name, delta in levers.items()} == {
        "fuse": 0.651,
        "quantize": 1.341,
        "plan_buffer": 0.276,
        "swap_activation": 0.374,
    }
    assert Spill.case("cloud").levers["quantize"] is None


def test_lever_table_says_what_a_move_does(lab):
    in_act2(lab, "mobile")
    rows = {row[0]: row[1:] for row in lab.act2.tables(lab.act2.outcome)[0].rows}
    assert rows["ReLU"] == ("off", "switch it on: −42.7 µs")
    assert rows["batch"] == ("1", "as at the start")
    for name, value in PHONE_SOLUTION.items():
        lab.set_control("act2", name, value)
    rows = {row[0]: row[1:] for row in lab.act2.tables(lab.act2.outcome)[0].rows}
    assert rows["INT8"] == ("on", "back to FP16: +1.341 ms")
    lab.set_control("act2", "phase", "training")
    rows = {row[0]: row[1:] for row in lab.act2.tables(lab.act2.outcome)[0].rows}
    assert rows["INT8"] == ("off", "not a training format")


def test_act2_question_and_reveals(lab):
    set1, time1 = Spill.asked(1)
    set2, time2 = Spill.asked(2)
    assert (set1, set2) == (4_816_896, 9_633_792)
    assert time2 / time1 == pytest.approx(20)
    for option, gap in (("A", "20.0 times"), ("B", "10.00 times"), ("C", "2.00 times"), ("D", "1.00 times")):
        shown = lab.act2.prediction().gap(option)
        assert (shown.actual, shown.text, shown.correct) == ("20.0 times", gap, option == "D")
        for word in ("7.08 µs", "141.7", "4.33 times", "28.9 MB", "38.5 MB"):
            assert word in shown.why
    assert "4.82 of the 8.39 MB" in lab.act2.prediction().question


def test_act2_texts_quote_the_model(lab):
    assert "about **3,200**" in lab.act2.message().text
    assert "4,444 images per second" in lab.act2.message().text
    reflection = lab.act2.reflection()
    assert "0.9 % at the start and 25 % at the end" in reflection.question
    assert all(word in reflection.option("B").feedback for word in ("566 µs", "193 µs", "374 µs"))
    assert "1.493 ms" in reflection.option("C").feedback
    lab.set_context("mobile")
    assert all(word in lab.act2.message().text for word in ("4.9 ms", "1.25 ms", "11.1 ms"))


# --- Act II: rules of the model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("controls", [{}, {"fused": True}, {"placement": "planned", "activation": "tanh", "batch": 4}])
def test_terms_and_parts_are_true_sums(context, controls):
    outcome = Spill.case(context, **controls)
    assert sum(sum(term.values()) for term in outcome.terms) == pytest.approx(outcome.time_per_image_s)
    assert sum(outcome.parts[outcome.phase].values()) == pytest.approx(outcome.memory_bytes)
    here = list(outcome.sweep_batch).index(controls.get("batch", Spill.controls_in(context)["batch"].default))
    assert outcome.sweep_images_s[here] == pytest.approx(outcome.images_per_s)
    assert outcome.sweep_memory[here] == pytest.approx(outcome.memory_bytes)


def test_int8_does_not_train(lab):
    with pytest.raises(ValueError, match="no training format"):
        Spill.case("cloud", bytes_per_value=1)
    in_act2(lab, "mobile")
    lab.set_control("act2", "bytes_per_value", 1)
    lab.set_control("act2", "phase", "training")
    assert lab.act2.bytes_per_value == 2
    with pytest.raises(ControlError, match="not a training format"):
        lab.set_control("act2", "bytes_per_value", 1)


def test_int8_gives_way_when_the_context_trains(lab):
    in_act2(lab, "mobile")
    lab.set_control("act2", "bytes_per_value", 1)
    lab.set_context("cloud")
    assert (lab.act2.phase, lab.act2.bytes_per_value) == ("training", 2)


def test_unknown_names_are_refused():
    for wrong in ({"phase": "sleep"}, {"placement": "scattered"}):
        with pytest.raises(ValueError, match="must be"):
            Spill.case("cloud", **wrong)


# --- words ---------------------------------------------------------------------------------------------------------


def test_words():
    assert numbered([3]) == "stage 3"
    assert numbered([1, 2, 4]) == "stages 1, 2 and 4"
    assert numbered([1, 2, 3, 4, 5, 6]) == "all six stages"
    assert [signed(x) for x in (0.0, 1.341e-3, -4.27e-5)] == ["no change", "+1.341 ms", "−42.7 µs"]
    assert compared(1.0, 1.0) == "as at the start"
    assert compared(0.25, 1.0) == "4.00 times faster than at the start"
    assert compared(2.0, 1.0) == "2.00 times slower than at the start"
    assert [fold(x) for x in (1.0, 1.02, 7.5)] == ["1.0", "1.02", "7.5"]


# --- the ledger ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("context", "controls"), [("cloud", {"fused": True}), ("mobile", PHONE_SOLUTION)])
def test_entry(lab, ledger, context, controls):
    finished(lab, context, **controls).save()
    entry = ledger.get(5)
    assert entry is not None
    outcome = lab.act2.outcome
    assert entry["context"] == context
    assert (entry["act1_prediction"], entry["act1_correct"]) == ("A", False)
    assert entry["act2_result"] == pytest.approx(outcome.time_per_image_s)
    assert entry["act2_decision"] == "fuse"
    assert entry["memory_bytes"] == pytest.approx(outcome.memory_bytes)
    for name in ("activation", "fused", "bytes_per_value", "placement", "batch"):
        assert entry[name] == getattr(lab.act2, name)


def test_decisions_are_the_contract(lab):
    assert lab.decision_radio is not None
    assert set(lab.decision_radio.options) == set(contract_of("ch05").fields["act2_decision"].vocabulary or ())
    finished(lab, fused=True)
    lab.named.clear()
    assert "question above the table" in lab.missing_to_save()


@pytest.mark.parametrize(("origin", "context"), [("cloud", "cloud"), ("edge", "mobile"), (None, "cloud")])
@pytest.mark.parametrize("correct", [True, False])
def test_reads_of_lab_02(monkeypatch, ledger, origin, context, correct):
    kept = {"context": origin, "act1_correct": correct}
    monkeypatch.setattr(DesignLedger, "get", lambda self, chapter, volume=1: kept if chapter == 2 and origin else None)
    lab = ActivationCostLab(ledger)
    assert lab.context == context
    assert lab.context_source == ("Lab 02" if origin else "")
    greeting = lab.act1.from_ledger()
    assert bool(greeting) == bool(origin)
    if origin:
        assert ("saw through" in greeting) == correct


# --- pictures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_plots_keep_their_structure_at_every_extreme(lab, context, key):
    in_act2(lab, context)
    act = lab.act(key)
    shapes = {name: plot.structure() for name, plot in act.plots(act.outcome).items()}
    for values in itertools.product(*({s.values()[0], s.values()[-1]} for s in act.specs.values())):
        controls = dict(zip(act.specs, values, strict=True))
        act.param.update(**{**controls, **act.settle(controls)})
        for name, plot in act.plots(act.outcome).items():
            assert plot.structure() == shapes[name], f"{name} is drawn anew for {values}"


@pytest.mark.parametrize("context", CONTEXTS)
def test_plots_can_be_drawn(lab, context):
    in_act2(lab, context)
    for act in (lab.act1, lab.act2):
        for plot in act.plots(act.outcome).values():
            Figure(plot)


@pytest.mark.parametrize(("guess", "factor"), [("A", 1), ("B", 2), ("C", 10), ("D", 20)])
def test_predictions_are_drawn_where_they_were_asked(lab, guess, factor):
    in_act2(lab, "mobile", guess)
    cliff = lab.act2.plots(lab.act2.outcome)["cliff"]
    assert "your\nprediction" in texts(cliff)
    rings = next(layer.columns() for layer in cliff.layers if isinstance(layer, Points) and not layer.filled)
    assert rings["x"] == pytest.approx([4.816896, 9.633792])
    # Twice the bytes in `factor` times the time.
    assert rings["y"] == pytest.approx([680, 2 * 680 / factor])
    assert "your prediction" in texts(lab.act1.plots(lab.act1.outcome)["ratio"])
    lab.set_context("cloud")
    assert "prediction" not in texts(lab.act2.plots(lab.act2.outcome)["cliff"])


def test_silicon_is_drawn_to_scale():
    plot = activation_comparator([FunctionCost("a", 50, 1e-6, 2e-6), FunctionCost("b", 2500, 3e-6, 2e-6)], title="t")
    square = plot.layers[0].columns()
    area = (square["right"] - square["left"]) * (square["top"] - square["bottom"])
    assert area[1] / area[0] == pytest.approx(50)
    assert "3.00 µs" in texts(plot)


def test_ratio_plot_hides_a_prediction_that_is_not_there():
    step = TierStep("chip", 3e7, 7.5, 1.0)
    plot = ratio_over_working_set(
        step,
        TierStep("other", 8e6, 5.1, 1.0),
        working_set_bytes=1e8,
        ratio=1.0,
        references=[Limit(50, "silicon", "series-6")],
        predicted=None,
        title="t",
    )
    assert "prediction" not in texts(plot)
    assert "silicon 50×" in texts(plot)


def test_gradient_curve_writes_the_smallest_share():
    depth = np.linspace(1, 20, 39)
    for here in (1.0, 10.0, 20.0):
        plot = gradient_bound_curve(
            depth, [("s", 0.25**depth), ("r", 1.0**depth)], here=here, threshold=Limit(1e-6, "tiny"), title="t"
        )
        Figure(plot)
    assert "9.1 × 10⁻¹³" in texts(plot)


def test_cliff_keeps_the_capacity_off_the_edges():
    for sets in (np.array([1e4, 2e4]), np.array([1e12, 2e12]), np.array([1e4, 1e12])):
        plot = bandwidth_cliff(
            sets,
            np.array([68e9, 68e9]),
            curves=[
                (name, np.array([1e3, 8e6, 1e13]), np.array([680e9, 680e9, 68e9])) for name in ("cache", "planned")
            ],
            chosen="cache",
            capacity_bytes=8e6,
            fast=Tier("on chip", 680e9),
            slow=Tier("main memory", 68e9),
            claim=Claim((5e6, 680e9), (9e6, 68e9), "claim"),
            title="t",
        )
        share = math.log(8.0 / plot.x.low) / math.log(plot.x.high / plot.x.low)
        assert 0.2 < share < 0.7
        assert "claim" in texts(plot)


@pytest.mark.parametrize("here", [1.0, 4096.0])
def test_sweep_marks_what_misses_its_limit(here):
    batch = np.array([1.0, 64.0, 4096.0])
    plot = batch_sweep(
        batch,
        [
            Panel("rate", np.array([10.0, 11.0, 12.0]), 10.0, Limit(100.0, "target", "met"), at_least=True),
            Panel("memory", np.array([1.0, 2.0, 3.0]), 3.0, Limit(80.0, "limit", "violation")),
        ],
        here=here,
        title="t",
    )
    red = [t for layer in plot.layers if layer.token == "violation-ink" for t in layer.columns().get("text", []) if t]
    assert red == ["10.0", "limit"] or red == ["limit", "10.0"]
    Figure(plot)
