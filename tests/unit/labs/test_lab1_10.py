"""V1-10: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special

from components.instruments.compression import (
    Curve,
    Family,
    compression_frontier,
    noise_ruler,
    relative_bars,
    rounding_fan,
    stretched,
    undominated,
)
from components.instruments.figure import Figure
from components.instruments.layers import Bubbles, Points
from components.instruments.waterfall import Limit
from labs.vol1.lab_10_model_compress import (
    BASE_BATCH,
    GROUPS,
    KV_BITS,
    PRUNING,
    SITES,
    WEIGHT_BITS,
    WEIGHTS,
    CompressionLab,
    FewerBits,
    Frontier,
    combinations,
    in_format,
    largest_batch,
    sqnr,
    swept,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.plot_words import written

CONTEXTS = ("mobile", "cloud")


@pytest.fixture
def lab(ledger: DesignLedger) -> CompressionLab:
    return CompressionLab(ledger)


def in_act2(lab: CompressionLab, context: str = "mobile", predicted: float = 0.5) -> CompressionLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "bits", 8)
    lab.answer("act1", "B")
    lab.lock("act2", predicted)
    return lab


# --- Act I --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "db"), [(16, 92.1), (8, 43.8), (4, 18.7), (3, 11.3), (2, 1.8)])
def test_the_ruler_of_the_sheet(bits, db):
    assert sqnr(bits, "group128") == pytest.approx(db, abs=0.05)
    assert sqnr(bits, "group128") - sqnr(bits, "per_channel") == pytest.approx(2.57, abs=0.01)


@pytest.mark.parametrize(
    ("model", "qualities"),
    [
        ("resnet50", (76.1, 76.1, 76.0, 74.5, 55.0, 10.0)),
        ("bert_base", (84.0, 84.0, 83.5, 78.0, 40.0, 10.0)),
        ("llm_7b", (100, 100, 99.99, 95.63, 82.13, 0.13)),
    ],
)
def test_quality_curves(model, qualities):
    for context in CONTEXTS:
        found = [in_format(context, model, bits, "group128").quality_pct for bits in (32, 16, 8, 4, 3, 2)]
        assert found == pytest.approx(qualities, abs=0.005)


def test_granularity_moves_the_cliff_of_the_language_model_only():
    assert in_format("cloud", "llm_7b", 4, "per_channel").quality_pct == pytest.approx(89.5, abs=0.05)
    assert in_format("cloud", "llm_7b", 3, "per_channel").quality_pct == pytest.approx(1.0, abs=0.05)
    for model in ("resnet50", "bert_base"):
        fine, coarse = (in_format("cloud", model, 3, name) for name in GROUPS)
        assert fine.quality_pct == coarse.quality_pct
        assert fine.weight_bytes > coarse.weight_bytes


def test_energy_of_arithmetic_and_of_weights():
    for model, bits in itertools.product(("resnet50", "bert_base", "llm_7b"), (32, 16, 8, 4, 3, 2)):
        o = in_format("mobile", model, bits, "group128")
        assert o.arithmetic_mj + o.fetching_mj == pytest.approx(o.energy_mj)
    assert in_format("mobile", "llm_7b", 8, "group128").energy_gain_vs_fp32 == pytest.approx(4.0, abs=0.08)
    # Below 8 bits the arithmetic is that of INT8.
    small, smaller = (in_format("mobile", "resnet50", bits, "group128") for bits in (8, 4))
    assert small.arithmetic_mj == smaller.arithmetic_mj


def test_the_context_changes_the_read_time_only():
    phone, card = (in_format(context, "resnet50", 8, "group128") for context in CONTEXTS)
    assert phone.weight_read_ms / card.weight_read_ms == pytest.approx(3.35e12 / 68e9)
    assert (phone.energy_mj, phone.quality_pct) == (card.energy_mj, card.quality_pct)


@pytest.mark.parametrize(
    ("option", "gap", "words"),
    [
        ("A", "66.0 points", ["43.8 dB"]),
        ("B", "10.0 points", ["plateau"]),
        ("C", "0.0 points", ["0.1 point", "0.5 for BERT"]),
        ("D", "4.0 points", ["Krishnamoorthi"]),
    ],
)
def test_act1_reveals(lab, option, gap, words):
    found = lab.act1.prediction().gap(option)
    assert (found.actual, found.text, found.correct) == ("76.0 %", gap, option == "C")
    for word in ["25.96 MB", "20 times", "6.9 times", *words]:
        assert word in found.why


def test_act1_texts(lab):
    for word in ("102 MB", "30 MB", "66,568 times", "76.1 %"):
        assert word in lab.act1.message().text
    assert "256 of 65,536" in lab.act1.concept()
    reflection = lab.act1.reflection()
    for word in ("329", "1.5 points", "49", "64.5 points"):
        assert word in reflection.question
    assert "18.7 dB" in reflection.option("B").feedback
    assert "1.8 dB" in reflection.option("B").feedback


def test_the_table_has_every_format_and_marks_the_chosen_one(lab):
    for context, bits in itertools.product(CONTEXTS, (32, 8, 2)):
        lab.set_context(context)
        lab.act1.param.update(bits=bits)
        (table,) = lab.act1.tables(lab.act1.outcome)
        assert len(table.rows) == 6
        assert table.rows[table.emphasis][0] == {32: "FP32", 8: "INT8", 2: "INT2"}[bits]
        assert lab.act2.tables(lab.act2.outcome) == []


# --- Act II: designs ----------------------------------------------------------------------------------------------


def feasible(context: str, batch: float) -> set[tuple[Any, ...]]:
    """The designs of a batch that solve the challenge, found one by one."""
    return {
        design
        for design in itertools.product(WEIGHT_BITS, GROUPS, PRUNING, KV_BITS)
        if Frontier.compute(
            context, **dict(zip(("weight_bits", "granularity", "pruning", "kv_bits"), design, strict=True)), batch=batch
        ).feasible
    }


def test_only_int4_in_groups_runs_on_the_phone():
    assert feasible("mobile", 1) == {(4, "group128", "none", 16), (4, "group128", "none", 8)}


@pytest.mark.parametrize(
    ("controls", "memory", "step", "kept"),
    [
        ({}, 14.268, 209.83, 100.0),
        ({"weight_bits": 8}, 7.378, 108.5, 99.99),
        ({"weight_bits": 4}, 3.878, 57.03, 95.63),
        ({"weight_bits": 4, "kv_bits": 8}, 3.744, 55.05, 95.53),
        ({"weight_bits": 4, "granularity": "per_channel"}, 3.772, 55.5, 89.5),
        ({"weight_bits": 3}, 3.003, 44.2, 82.1),
        ({"weight_bits": 4, "pruning": "unstructured50"}, 3.878, 57.03, 76.3),
        ({"weight_bits": 4, "pruning": "two_four"}, 3.878, 57.03, 48.1),
        ({"weight_bits": 4, "pruning": "structured25"}, 2.975, 43.8, 72.2),
    ],
)
def test_designs_on_the_phone(controls, memory, step, kept):
    o = Frontier.case("mobile", **controls)
    assert o.memory_bytes / 1e9 == pytest.approx(memory, abs=0.005)
    assert o.step_ms == pytest.approx(step, abs=0.06)
    assert 100 * o.quality_retention == pytest.approx(kept, abs=0.06)


def test_batches_in_the_cloud():
    assert BASE_BATCH == 61
    assert [largest_batch(*bits) for bits in ((4, 16), (16, 8), (8, 8), (4, 8))] == [71, 122, 135, 142]

    def batches(granularity: str) -> list[int]:
        return [
            batch
            for batch in range(1, 257)
            if Frontier.compute(
                "cloud", weight_bits=8, granularity=granularity, pruning="none", kv_bits=8, batch=batch
            ).feasible
        ]

    assert (batches("group128")[0], batches("group128")[-1]) == (99, 135)
    assert (batches("per_channel")[0], batches("per_channel")[-1]) == (97, 135)
    solving = set().union(*(feasible("cloud", batch) for batch in range(1, 257, 5)))
    assert solving == {(8, "group128", "none", 8), (8, "per_channel", "none", 8)}


@pytest.mark.parametrize(
    ("controls", "rate", "kept"),
    [
        ({}, 2570, 100.0),
        ({"weight_bits": 4, "batch": 71}, 2979, 95.6),
        ({"kv_bits": 8, "batch": 122}, 5141, 99.9),
        ({"weight_bits": 4, "kv_bits": 8, "batch": 142}, 5958, 95.5),
        ({"weight_bits": 8, "kv_bits": 8, "batch": 128}, 5655, 99.89),
    ],
)
def test_designs_in_the_cloud(controls, rate, kept):
    o = Frontier.case("cloud", **controls)
    assert o.tokens_per_s == pytest.approx(rate, abs=0.6)
    assert 100 * o.quality_retention == pytest.approx(kept, abs=0.06)
    assert not o.oom


@pytest.mark.parametrize(("context", "batch"), [("mobile", 1), ("cloud", 61), ("cloud", 256)])
def test_the_sweep_is_the_designs_one_by_one(context, batch):
    together = swept(context, batch)
    for k, (bits, granularity, pruning, kv) in enumerate(combinations()):
        o = Frontier.compute(
            context, weight_bits=bits, granularity=granularity, pruning=pruning, kv_bits=kv, batch=batch
        )
        assert together.memory_bytes[k] == pytest.approx(o.memory_bytes)
        assert 1e3 * together.step_s[k] == pytest.approx(o.step_ms)
        assert together.quality[k] == pytest.approx(o.quality_retention)
        assert together.feasible[k] == o.feasible


def test_what_pruning_removes_depends_on_the_device():
    for bits in WEIGHT_BITS:
        for context, name in itertools.product(CONTEXTS, PRUNING):
            dense, pruned = (Frontier.case(context, weight_bits=bits, pruning=p) for p in ("none", name))
            runs = name in SITES[context].runs_sparse
            assert (pruned.weight_ram_bytes < dense.weight_ram_bytes) == (
                runs and not (bits == 2 and name == "two_four")
            )
            if not runs:
                assert (pruned.memory_bytes, pruned.step_ms) == (dense.memory_bytes, dense.step_ms)
    assert Frontier.case("cloud", pruning="two_four").arithmetic_ms == pytest.approx(
        Frontier.case("cloud").arithmetic_ms / 2
    )


def test_decoding_is_never_compute_bound():
    for context, batch in (("mobile", 1), ("cloud", 1), ("cloud", 256)):
        for design in itertools.product(WEIGHT_BITS, GROUPS, PRUNING, KV_BITS):
            controls = dict(zip(("weight_bits", "granularity", "pruning", "kv_bits"), design, strict=True))
            o = Frontier.compute(context, **controls, batch=batch)
            assert o.step_ms > o.arithmetic_ms


# --- Act II: texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "correct", "words"),
    [
        (0.5, False, "by its place"),
        (0.75, False, "0.76"),
        (1.0, False, "eat up the saving"),
        (2.0, False, "20 bits"),
        (2.35, False, "20 bits"),
        (2.4, True, "addresses"),
        (2.55, True, "addresses"),
        (2.6, False, "only the survivors"),
        (4.0, False, "4.88"),
    ],
)
def test_act2_reveals(lab, entry, correct, words):
    gap = lab.act2.prediction().gap(entry)
    assert gap.correct is correct
    assert gap.actual == "2.45 times"
    assert gap.amount == pytest.approx(max(entry / 2.454545, 2.454545 / entry), rel=1e-5)
    for word in ("2.4545", "80 % sparsity", "1.00", words):
        assert word in gap.why


def test_act2_messages(lab):
    for word in ("4 GB", "60 ms", "five percent", "14 GB"):
        assert word in lab.act2.message().text
    concept = lab.act2.concept()
    for word in ("524 kB", "1.07 GB", "0.27 GB", "79.8 %", "50.3 %", "75.6 %"):
        assert word in concept
    lab.set_context("cloud")
    for word in ("2,570 tokens/s", "5,500", "20 tokens per second"):
        assert word in lab.act2.message().text


def test_act2_reflection(lab):
    reflection = lab.act2.reflection()
    for word in ("3.2 times", "1.16 times", "61 before, 71 after"):
        assert word in reflection.question
    assert "82 %" in reflection.option("B").text
    assert "0.9 ms of a step of 23.7" in reflection.option("A").feedback
    assert "321 µs" in reflection.option("D").feedback
    assert "14 of arithmetic" in reflection.option("D").feedback


def test_banners(lab):
    def banners(**controls: Any) -> dict[str, tuple[str, str]]:
        lab.act2.reset()
        lab.act2.param.update(**controls)
        return {f.id: (f.severity, f.text(lab.act2.outcome)) for f in lab.act2.active_failures()}

    found = banners()
    assert found["oom"] == (
        "danger",
        "14.27 GB needed (weights 14.00 + cache 0.27), the app may hold 4 GB.",
    )
    assert found["deadline"][0] == "warn"
    assert "209.8 ms per token, the limit is 60 ms" in found["deadline"][1]
    assert "108.5 ms" in banners(weight_bits=8)["deadline"][1]
    assert banners(weight_bits=4) == {}
    assert banners(weight_bits=4, pruning="two_four")["quality_cliff"][0] == "danger"
    assert "48.1 %" in banners(weight_bits=4, pruning="two_four")["quality_cliff"][1]
    assert "1.0 %" in banners(weight_bits=3, granularity="per_channel")["quality_cliff"][1]
    assert all("quality_cliff" in banners(weight_bits=2, granularity=name) for name in GROUPS)
    lab.set_context("cloud")
    assert banners() == {}
    assert "80.12 GB needed" in banners(weight_bits=8, kv_bits=8, batch=136)["oom"][1]
    # Below the memory limit the deadline cannot fire.
    for batch in range(1, 257):
        lab.act2.param.update(batch=batch)
        assert lab.act2.outcome.oom or lab.act2.outcome.latency_ok


def test_notes_are_computed():
    for word in ("3.68 times", "6.66 against 539.48", "58.8 ms", "75.7 ms", "(19)"):
        assert word in CompressionLab.instructor_notes
    four, cache = (
        Frontier.case("cloud", batch=19, **change).memory_bytes for change in ({"weight_bits": 4}, {"kv_bits": 8})
    )
    assert four < cache
    four, cache = (
        Frontier.case("cloud", batch=20, **change).memory_bytes for change in ({"weight_bits": 4}, {"kv_bits": 8})
    )
    assert four > cache


# --- ledger -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "decision"),
    [
        ("mobile", {"weight_bits": 4}, "quantize_weights"),
        ("cloud", {"weight_bits": 8, "kv_bits": 8, "batch": 128}, "quantize_weights_and_cache"),
    ],
)
def test_saved_design(lab, ledger, context, controls, decision):
    in_act2(lab, context, predicted=0.75)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    assert context in lab.solved
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(10)
    assert set(entry) == set(contract_of("ch10").fields)
    assert entry["act2_decision"] == decision
    assert (entry["context"], entry["act1_prediction"], entry["act1_correct"]) == (context, "A", False)
    assert (entry["weight_bits"], entry["kv_bits"]) == (controls["weight_bits"], controls.get("kv_bits", 16))
    assert (entry["granularity"], entry["pruning"], entry["act2_prediction"]) == ("group128", "none", 0.75)
    o = lab.act2.outcome
    assert (entry["act2_result"], entry["memory_bytes"], entry["step_ms"]) == (
        o.quality_retention,
        o.memory_bytes,
        o.step_ms,
    )


def test_every_decision_can_be_saved(lab):
    found = {}
    for bits, kv, pruning in itertools.product(WEIGHT_BITS, KV_BITS, PRUNING):
        lab.act2.param.update(weight_bits=bits, kv_bits=kv, pruning=pruning)
        found[bits, kv, pruning] = lab.decision()
    assert set(found.values()) == set(contract_of("ch10").fields["act2_decision"].vocabulary)
    assert found[16, 16, "none"] == "none"
    assert found[16, 16, "two_four"] == "prune"
    assert found[16, 8, "two_four"] == found[4, 16, "structured25"] == "quantize_and_prune"
    assert found[16, 8, "none"] == "quantize_cache"


def test_the_start_and_the_toggle_do_not_count_as_the_cliff(lab):
    in_act2(lab)
    assert lab.act2.outcome.oom
    lab.set_context("cloud")
    lab.set_context("mobile")
    assert not lab.constraint_hit
    lab.set_control("act2", "weight_bits", 8)
    assert lab.constraint_hit


def test_without_a_ledger_the_lab_opens_on_the_phone(lab):
    assert (lab.context, lab.context_source) == ("mobile", "")
    assert lab.act1.from_ledger() == lab.act2.from_ledger() == ""


@pytest.mark.parametrize("context", CONTEXTS)
def test_earlier_labs_are_read(ledger, context):
    save_earlier(ledger, "ch08", context=context)
    save_earlier(ledger, "ch09", keep_fraction=0.71)
    lab = CompressionLab(ledger)
    assert (lab.context, lab.context_source) == (context, "Lab 08")
    assert "**71 %**" in lab.act1.from_ledger()
    start = {"weight_bits": 16, "granularity": "group128", "pruning": "none", "kv_bits": 16}
    assert {name: lab.act2.values()[name] for name in start} == start


# --- pictures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_plots_keep_their_structure_at_every_extreme(lab, context, key):
    in_act2(lab, context)
    act = lab.act(key)
    shapes = {name: plot.structure() for name, plot in act.plots(act.outcome).items()}
    for values in itertools.product(
        *(s.values() if len(s.values()) < 9 else (s.values()[0], s.values()[-1]) for s in act.specs.values())
    ):
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


def test_the_predictions_are_drawn(lab):
    in_act2(lab, predicted=0.75)
    assert "your 10 %" in written(lab.act1.plots(lab.act1.outcome)["cliff"])
    assert "your 0.75 ×" in written(lab.act2.plots(lab.act2.outcome)["gap"])


def test_captions_say_where_a_design_stands(lab):
    in_act2(lab)

    def caption(**controls: Any) -> str:
        lab.act2.param.update(**controls)
        return lab.act2.plots(lab.act2.outcome)["frontier"].caption

    assert "it lies on the Pareto front. 2 of the 80 designs meet" in caption(weight_bits=4)
    # Dense groups and whole rows of 8 bits or less: what dominates a design can be counted by hand.
    memory, quality = swept("mobile", 1).memory_bytes, swept("mobile", 1).quality
    at = combinations().index((4, "group128", "unstructured50", 16))
    count = int(np.sum((memory <= memory[at] * (1 + 1e-9)) & (quality >= quality[at] * (1 - 1e-9)))) - 1
    assert f"at least as good on both axes: {count} designs" in caption(pruning="unstructured50")
    lab.set_context("cloud")
    assert "None of the 80 designs at batch 61 meets" in lab.act2.plots(lab.act2.outcome)["frontier"].caption


def test_sparse_files_in_the_gap(lab):
    in_act2(lab)
    lab.act2.param.update(weight_bits=4)
    plot = lab.act2.plots(lab.act2.outcome)["gap"]
    assert {"2.45 ×", "0.76 ×", "0.75 ×", "0.77 ×"} <= set(written(plot))
    assert "2.45 times" in plot.caption
    assert "80 % sparsity" in plot.caption
    assert "no 2:4 units" in plot.caption


def test_a_fan_leads_every_weight_to_a_level():
    largest = physics.gaussian_crest_factor(128)
    rounded = largest * physics.round_to_grid(WEIGHTS / largest, 2)
    plot = rounding_fan(WEIGHTS, rounded, largest * np.arange(-1, 2), reach=4, title="t", words="3 levels")
    (marks,) = (layer for layer in plot.layers if isinstance(layer, Bubbles))
    columns = marks.columns()
    assert columns["x"] == pytest.approx([-largest, 0, largest])
    assert columns["size"][1] > 2 * columns["size"][0]
    Figure(plot)


def test_the_ruler_hides_the_ring_of_a_float_format():
    arguments: dict[str, Any] = {"slope": "s", "grown": (16, 8, "g"), "title": "t"}
    curves = [Curve("a", "data", [90.0, 40, 15, 10, -0.8])]
    hidden = noise_ruler((16, 8, 4, 3, 2), curves, here=(32, np.nan), **arguments)
    shown = noise_ruler((16, 8, 4, 3, 2), curves, here=(2, -0.8), **arguments)
    assert hidden.structure() == shown.structure()
    assert "−0.8 dB" in written(shown)
    assert not any("dB" in text for text in written(hidden))


def test_the_frontier_is_what_nothing_beats():
    memory, quality = np.array([3.0, 1.0, 2.0, 2.0, 4.0]), np.array([0.9, 0.5, 0.4, 0.5, 0.9])
    assert list(memory[undominated(memory, quality)]) == [1.0, 3.0]
    plot = compression_frontier(
        [Family("a", "data", "circle", "●", memory * 1e9, quality, np.full(5, 0.05))],
        here=(2e9, 0.5),
        memory=Limit(3e9, "at most"),
        quality=Limit(0.95, "at least"),
        step_limit_s=0.05,
        title="t",
    )
    (star,) = (layer for layer in plot.layers if isinstance(layer, Points))
    assert star.columns()["x"] == [2.0]
    assert plot.key == (("● a", "data"),)
    assert "at most 3 GB" in written(plot)
    Figure(plot)


def test_quality_is_stretched_towards_the_top():
    heights = stretched(np.array([0.0, 0.5, 0.9, 0.99, 0.999, 1.0]))
    assert (np.diff(heights) > 0.25).all()
    assert np.isfinite(heights).all()
    assert stretched(1.0 + 1e-12) == stretched(1.0)


def test_relative_bars_without_a_prediction():
    parts = [Curve("file", "data", [1.0, 2.5])]
    arguments: dict[str, Any] = {"quantity": "times", "high": 3, "title": "t"}
    bare = relative_bars(("a", "b"), parts, **arguments)
    guessed = relative_bars(("a", "b"), parts, predicted=(1, 2.9), **arguments)
    assert bare.structure() == guessed.structure()
    assert written(bare) == ["1.00 ×", "2.50 ×"]
    assert "your 2.9 ×" in written(guessed)


# --- formulas -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", [1, 2, 16, 128, 4096, 1_000_000])
def test_crest_factor_by_another_quadrature(group):
    expected, _ = integrate.quad(lambda x: 1 - special.erf(x / 2**0.5) ** group, 0, 20, points=[1, 3, 6], limit=200)
    assert physics.gaussian_crest_factor(group) == pytest.approx(expected, rel=1e-9)


def test_rounding_noise_is_that_of_the_uniform_model():
    weights = np.random.default_rng(1).standard_normal(200_000).clip(-4.5, 4.5)
    noise = weights - 4.5 * physics.round_to_grid(weights / 4.5, 6)
    measured = 10 * np.log10(np.mean(weights**2) / np.mean(noise**2))
    assert measured == pytest.approx(physics.quantization_sqnr_db(6, 4.5), abs=0.1)


@pytest.mark.parametrize(
    ("pattern", "bits", "expected"),
    [
        ("none", 4, 4.125),
        ("unstructured", 4, 10.125),
        ("two_four", 4, 3.125),
        ("structured", 4, 3.09375),
        ("none", 16, 16),
        ("unstructured", 16, 16),
        ("structured", 16, 12),
    ],
)
def test_stored_bits(pattern, bits, expected):
    sparsity = {"none": 0.0, "structured": 0.25}.get(pattern, 0.5)
    assert physics.pruned_bits_per_weight(bits, 128, pattern, sparsity) == pytest.approx(expected)


@pytest.mark.parametrize(("bits", "sparsity"), [(16, 0.5), (8, 0.6667), (4, 0.8)])
def test_breakeven_sparsity(bits, sparsity):
    found = physics.sparse_breakeven_sparsity(bits, 16)
    assert found == pytest.approx(sparsity, abs=1e-4)
    dense, sparse = (physics.pruned_bits_per_weight(bits, 128, form, found) for form in ("none", "unstructured"))
    assert sparse == pytest.approx(dense)


def test_formulas_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match="bits"):
        physics.quantized_bits_per_weight(33, 128)
    with pytest.raises(ValueError, match="group_size"):
        physics.quantized_bits_per_weight(4, 0)
    with pytest.raises(ValueError, match="sparsity"):
        physics.pruned_bits_per_weight(4, 128, "structured", 1.0)
    with pytest.raises(ValueError, match="bytes_moved"):
        physics.inference_energy_j(1, 1e-12, -1, 1e-10)
    with pytest.raises(ValueError, match="bits"):
        physics.quantization_sqnr_db(32, 3.0)
    assert FewerBits.compute("cloud", model="llm_7b", bits=16, granularity="group128").sqnr_db is None
