"""V1-06: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from components.instruments.attention import attention_map, attention_scaling, attention_share, attention_weights
from components.instruments.clocks import ClockGroup, parallel_clocks
from components.instruments.figure import Figure
from components.instruments.waterfall import Limit
from labs.vol1.lab_06_nn_arch import SETUPS, SHAPES, ArchitectureLab, ContextWindow, ModelShape
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.plot_words import texts

CONTEXTS = ("cloud", "edge")
TARGETS = {"cloud": 131_072, "edge": 2048}


@pytest.fixture
def lab(ledger: DesignLedger) -> ArchitectureLab:
    return ArchitectureLab(ledger)


def in_act2(lab: ArchitectureLab, context: str = "cloud", first: str = "A", second: str = "C") -> ArchitectureLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "seq_len", 8192)
    lab.answer("act1", "B")
    lab.lock("act2", second)
    return lab


def saved(lab: ArchitectureLab, context: str, **controls: Any) -> dict[str, Any]:
    """The ledger entry of a run with these controls of Act II."""
    in_act2(lab, context)
    lab.set_control("act2", "width", 448)
    lab.set_control("act2", "width", 384)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "B")
    lab.save()
    return lab.ledger.all()["ch06"]


def takes(lab: ArchitectureLab, shape: str, **controls: Any) -> None:
    """Moves Act II to a named shape, and further controls."""
    for name, value in (*zip(("layers", "width"), SHAPES[shape], strict=True), *controls.items()):
        lab.set_control("act2", name, value)


def meets(act: ModelShape, context: str, **controls: Any) -> bool:
    outcome = act.compute(context, **controls)
    return all(constraint.holds(outcome) for constraint in act.constraints())


# --- Act I ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seq_len", "layers_live", "algorithm", "total"),
    [
        (4096, 1, "materialized", 402_653_184),
        (131_072, 1, "materialized", 412_316_860_416),
        (131_072, 32, "materialized", 13.194e12),
        (131_072, 1, "tiled", 6.291456e6),
        (131_072, 32, "tiled", 201.3e6),
    ],
)
def test_scores_in_memory(seq_len, layers_live, algorithm, total):
    outcome = ContextWindow.case(seq_len=seq_len, layers_live=layers_live, algorithm=algorithm)
    assert outcome.total_bytes == pytest.approx(total, rel=1e-3)
    assert outcome.layer_bytes * layers_live == pytest.approx(outcome.total_bytes)
    assert outcome.fits is (total <= 80e9)


def test_longest_contexts():
    assert ContextWindow.case("cloud").max_context_tokens == 57_735
    assert ContextWindow.case("edge").max_context_tokens == 25_819
    assert ContextWindow.case("cloud", layers_live=32).max_context_tokens == 10_206
    assert ContextWindow.case("edge", layers_live=32).max_context_tokens == 4564
    assert ContextWindow.case("cloud", heads=25).crossover_tokens == 9600


def test_a_context_that_fills_the_memory_exactly_fits():
    # 25 heads in FP16 at 40,000 tokens take 80 GB.
    assert physics.max_context_tokens(80e9, 25, 1, 2) == 40_000
    assert physics.attention_score_bytes(40_000, 25, 1, 2) == 80e9


def test_arithmetic_stays_whichever_algorithm():
    cloud, edge = (ContextWindow.case(context, seq_len=131_072) for context in CONTEXTS)
    assert cloud.prefill_s == pytest.approx(1.768, abs=1e-3)
    assert edge.prefill_s == pytest.approx(69.9, abs=0.05)
    assert ContextWindow.case(seq_len=131_072, algorithm="tiled").prefill_s == cloud.prefill_s
    assert cloud.attention_flop_share == pytest.approx(0.966, abs=1e-3)


@pytest.mark.parametrize(
    ("option", "value", "ratio", "words"),
    [
        ("A", 813_802, "14.1 times", "14.1 times too long"),
        ("B", 406_901, "7.05 times", "7.0 times too long"),
        ("C", 57_735, "1.00 times", "√198.7 = 14.1"),
        ("D", 23_901, "2.42 times", "2.4 times too short"),
    ],
)
def test_act1_reveals(lab, option, value, ratio, words):
    prediction = lab.act1.prediction()
    gap = prediction.gap(option)
    assert prediction.option(option).value == value
    assert (gap.actual, gap.text, gap.correct) == ("57,735 tokens", ratio, option == "C")
    for word in ("199 times the memory buys 14.1 times", "25,819 tokens", words):
        assert word in gap.why


def test_act1_texts_quote_the_model(lab):
    for word in ("0.40 GB", "80 GB", "one part in 199", "32-times longer", "0.5 %"):
        assert word in lab.act1.message().text
    prediction = lab.act1.prediction()
    for word in ("402,653,184 B", "198.7 times"):
        assert word in prediction.question
    assert [option.text for option in lab.options_in_order(prediction)] == [
        f"about {tokens} tokens" for tokens in ("23,900", "57,700", "407,000", "814,000")
    ]
    assert "1.77 s" in lab.act1.reflection().option("B").feedback
    lab.set_context("edge")
    assert "one part in 40" in lab.act1.message().text


def test_act1_readouts_count_cards(lab):
    lab.act1.set("seq_len", 131_072)
    shown = {metric.label: metric for metric in lab.act1.metrics(lab.act1.outcome)}
    assert (shown["One layer"].value, shown["One layer"].unit) == ("412.3", "GB")
    assert shown["Live layers"].note == "5.15 × 80 GB"
    assert shown["Prefill, at least"].value == "1.768"
    (table,) = lab.act1.tables(lab.act1.outcome)
    assert table.rows == (("standard", "412.3 GB", "13.19 TB"), ("FlashAttention", "6.291 MB", "201.3 MB"))


# --- Act II: the tables of the sheet -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "edge", "edge_short", "cloud", "cloud_short", "passes"),
    [
        ("64x384", 35.05, 9.60, 1737.7, 3.20, ""),
        ("36x512", 30.92, 5.40, 1310.7, 1.80, ""),
        ("16x768", 26.80, 2.40, 883.8, 0.80, "edge"),
        ("9x1024", 24.74, 2.313, 670.4, 0.45, "edge cloud"),
        ("4x1536", 22.68, 2.282, 456.9, 0.20, ""),
    ],
)
def test_tiled_shapes(lab, shape, edge, edge_short, cloud, cloud_short, passes):
    layers, width = SHAPES[shape]
    for context, long_ms, short_ms in (("edge", edge, edge_short), ("cloud", cloud, cloud_short)):
        lab.set_context(context)
        outcome = ModelShape.case(context, (layers, width), TARGETS[context], "tiled")
        assert outcome.latency_s * 1e3 == pytest.approx(long_ms, rel=5e-4)
        assert outcome.short_latency_s * 1e3 == pytest.approx(short_ms, rel=2e-3)
        assert outcome.params == 113_246_208
        controls = {"layers": layers, "width": width, "seq_len": TARGETS[context], "algorithm": "tiled"}
        assert meets(lab.act2, context, **controls) is (context in passes.split())


@pytest.mark.parametrize(
    ("shape", "milliseconds"),
    [("64x384", 132.5), ("36x512", 99.9), ("16x768", 67.4), ("9x1024", 51.1), ("4x1536", 34.8)],
)
def test_standard_attention_misses_with_every_shape(shape, milliseconds):
    edge = ModelShape.case("edge", SHAPES[shape], 2048)
    assert edge.latency_s * 1e3 == pytest.approx(milliseconds, abs=0.06)
    assert edge.binding == "memory"
    assert not edge.long_ok
    cloud = ModelShape.case("cloud", SHAPES[shape], 131_072)
    assert cloud.oom
    assert 206e9 < cloud.memory_bytes < 830e9


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("edge", {(9, 1024), (10, 960), (12, 896), (13, 832), (14, 832), (16, 768), (19, 704)}),
        ("cloud", {(9, 1024), (10, 960), (12, 896)}),
    ],
)
def test_every_shape_that_solves_the_challenge(lab, context, expected):
    lab.set_context(context)
    specs, found = lab.act2.specs, set()
    for layers, width in itertools.product(specs["layers"].values(), specs["width"].values()):
        if abs(12 * layers * width**2 / 113_246_208 - 1) > 0.06:
            continue
        for algorithm in ("materialized", "tiled"):
            controls = {"layers": layers, "width": width, "seq_len": TARGETS[context], "algorithm": algorithm}
            if meets(lab.act2, context, **controls):
                assert algorithm == "tiled"
                found.add((layers, width))
    assert found == expected


def test_a_design_exactly_on_its_limit_counts():
    outcome = ModelShape.case("cloud", (12, 896), 131_072, "tiled")
    assert outcome.short_latency_s == pytest.approx(0.6e-3, rel=1e-12)
    assert outcome.short_ok


def test_the_question_and_its_answer_in_both_contexts(lab):
    deep, wide = ModelShape.asked()
    assert deep.clocks == pytest.approx({"launch": 11.52e-3, "memory": 11.10e-3, "compute": 5.67e-3}, rel=2e-3)
    assert wide.clocks == pytest.approx({"launch": 0.72e-3, "memory": 4.44e-3, "compute": 4.90e-3}, rel=2e-3)
    assert ModelShape.slowdown("edge") == pytest.approx(2.353, abs=1e-3)
    assert ModelShape.slowdown("cloud") == pytest.approx(16.0)
    assert "16 times on the H100 and 2.4 times on the Orin" in lab.act2.reflection().question
    assert "differs by 4 times" in lab.act2.reflection().option("D").feedback


@pytest.mark.parametrize(
    ("option", "ratio", "words"),
    [
        ("A", "2.35 times", "768 launches"),
        ("B", "1.00 times", "11.52 ms of launches against 4.90 ms"),
        ("C", "6.80 times", "right on the H100"),
        ("D", "4.71 times", "16 times as many"),
    ],
)
def test_act2_reveals(lab, option, ratio, words):
    gap = lab.act2.prediction().gap(option)
    assert (gap.actual, gap.text, gap.correct) == ("2.35 times", ratio, option == "B")
    assert words in gap.why


def test_act2_messages_quote_the_model(lab):
    cloud = lab.act2.message().text
    for word in ("113 M", "131,072 tokens in 1 s", "0.6 ms", "207 GB"):
        assert word in cloud
    lab.set_context("edge")
    edge = lab.act2.message().text
    for word in ("2,048 tokens", "28 ms", "33 ms loop", "3 ms", "132 ms"):
        assert word in edge
    assert [constraint.label for constraint in lab.act2.constraints()] == [
        "2,048 tokens ≤ 28 ms",
        "128 tokens ≤ 3 ms",
        "113 M ± 5 %, d/L ≤ 128",
        "Memory ≤ 16 GB",
    ]


# --- Act II: failures and controls -------------------------------------------------------------------------------


def banners(lab: ArchitectureLab) -> dict[str, str]:
    return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}


def test_memory_breaks_and_heals(lab):
    in_act2(lab)
    assert "206.2 GB of 80 GB at 131,072 tokens" in banners(lab)["oom"]
    assert not lab.constraint_hit, "the start setting alone is no visit"
    lab.set_control("act2", "seq_len", 65_536)
    assert "oom" not in banners(lab)
    assert not lab.constraint_hit
    lab.set_control("act2", "seq_len", 131_072)
    assert lab.constraint_hit
    lab.set_control("act2", "algorithm", "tiled")
    assert "oom" not in banners(lab)
    assert "737.7 ms over the limit. Binding clock: compute" in banners(lab)["deadline"]
    assert "3.2 ms, limit 0.6 ms. Binding clock: launch" in banners(lab)["short_deadline"]


def test_wide_models_run_out_of_memory_first_on_the_edge(lab):
    in_act2(lab, "edge")
    lab.set_control("act2", "seq_len", 32_768)
    assert lab.act2.outcome.memory_bytes == pytest.approx(13.3e9, rel=5e-3)
    assert "oom" not in banners(lab)
    takes(lab, "16x768")
    assert lab.act2.outcome.memory_bytes == pytest.approx(26.4e9, rel=3e-3)
    assert "25.8 GB of 16 GB" in banners(lab)["oom"]
    lab.set_control("act2", "algorithm", "tiled")
    assert "oom" not in banners(lab)


def test_a_model_too_large_for_its_memory_is_told_from_scores_that_are(lab):
    in_act2(lab, "edge")
    for name, value in {"layers": 96, "width": 3072, "algorithm": "tiled"}.items():
        lab.set_control("act2", name, value)
    assert "of which weights 21.7" in banners(lab)["oom"]
    assert "Tiling does not help" in banners(lab)["oom"]


def test_a_cut_context_is_said_and_does_not_count(lab):
    in_act2(lab, "edge")
    takes(lab, "9x1024", algorithm="tiled", seq_len=1024)
    assert banners(lab) == {"context_cut": "1,024 tokens are read, 2,048 are needed."}
    assert not lab.act2.constraints_met()


def test_shortcuts_lead_to_the_shapes_of_exactly_the_budget(lab):
    specs = lab.act2.specs
    shortcuts = specs["layers"].shortcuts
    found = []
    for stops in shortcuts.settings.values():
        layers, width = (specs[name].stops[specs[name].labels.index(text)] for name, text in stops.items())
        found.append((layers, width))
    assert found == list(SHAPES.values())
    assert {12 * layers * width**2 for layers, width in found} == {113_246_208}
    assert specs["layers"].for_browser("layers")["shortcuts"]["settings"][3] == {
        "label": "9\u00a0×\u00a01024",
        "stops": {"layers": "9 layers", "width": "1,024"},
    }
    assert "shortcuts" not in specs["width"].for_browser("width")


def test_contract_card_judges_in_words(lab):
    in_act2(lab, "edge")
    takes(lab, "4x1536", algorithm="tiled")
    (table,) = lab.act2.tables(lab.act2.outcome)
    assert {row[0]: row[3] for row in table.rows} == {
        "size": "✓ yes",
        "d/L": "✕ no",
        "tokens": "✓ yes",
        "time at 2,048": "✓ yes",
        "time at 128": "✓ yes",
        "memory": "✓ yes",
    }


# --- ledger ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "decision"),
    [
        ({}, "unchanged"),
        ({"algorithm": "tiled"}, "tile_only"),
        ({"layers": 16, "width": 768}, "widen_only"),
        ({"layers": 16, "width": 768, "algorithm": "tiled"}, "tile_and_widen"),
        ({"layers": 16, "width": 768, "algorithm": "tiled", "seq_len": 1024}, "cut_context"),
        ({"seq_len": 4096}, "unchanged"),
        ({"layers": 96}, "unchanged"),
    ],
)
def test_decisions(lab, controls, decision):
    entry = saved(lab, "edge", **controls)
    assert entry["act2_decision"] == decision
    assert decision in (contract_of("ch06").fields["act2_decision"].vocabulary or ())


def test_saved_entry(lab):
    entry = saved(lab, "edge", layers=16, width=768, algorithm="tiled", seq_len=1024)
    assert entry["act1_prediction"] == "A"
    assert entry["act1_correct"] is False
    assert (entry["layers"], entry["width"], entry["seq_len"]) == (16, 768, 1024)
    assert entry["attention_algorithm"] == "tiled"
    assert entry["max_context_tokens"] == 25_819
    # The pass at the context that was asked for, not at the one on screen.
    assert entry["act2_result"] == pytest.approx(26.80e-3, rel=1e-3)


def test_without_a_ledger_the_lab_opens_with_its_fallbacks(lab):
    assert (lab.context, lab.act2.algorithm, lab.act2.from_ledger()) == ("cloud", "materialized", "")


def test_lab_05_is_read(ledger):
    save_earlier(ledger, "ch05", context="mobile", fused=True)
    lab = ArchitectureLab(ledger)
    assert (lab.context, lab.context_source) == ("edge", "Lab 05")
    assert lab.act2.algorithm == "tiled"
    assert "In Lab 05 you fused a pass" in lab.act2.from_ledger()
    for context in CONTEXTS:
        lab.set_context(context)
        assert lab.act2.algorithm == "tiled"
        assert not lab.act2.constraints_met(), "the challenge stays open"


def test_other_choices_in_lab_05_change_nothing(ledger):
    save_earlier(ledger, "ch05", context="cloud", fused=False)
    lab = ArchitectureLab(ledger)
    assert (lab.context, lab.act2.algorithm, lab.act2.from_ledger()) == ("cloud", "materialized", "")


# --- pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_plots_keep_their_structure_at_every_extreme(lab, context, key):
    in_act2(lab)
    act = lab.act(key)
    shapes = {name: plot.structure() for name, plot in act.plots(act.outcome).items()}
    lab.set_context(context)
    for values in itertools.product(*({s.values()[0], s.values()[-1]} for s in act.specs.values())):
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


def test_predictions_are_drawn_where_they_were_asked(lab):
    in_act2(lab)
    assert "prediction 814,000" in texts(lab.act1.plots(lab.act1.outcome)["map"])
    assert "prediction" in texts(lab.act1.plots(lab.act1.outcome)["scaling"])
    lab.act1.set("heads", 16)
    assert "prediction" not in texts(lab.act1.plots(lab.act1.outcome)["map"])
    assert "predicted" not in texts(lab.act2.plots(lab.act2.outcome)["question"])
    lab.set_context("edge")
    assert "predicted for the deep one" in texts(lab.act2.plots(lab.act2.outcome)["question"])
    assert "prediction" not in texts(lab.act2.plots(lab.act2.outcome)["shape"])
    lab.act2.set("seq_len", 512)
    assert "prediction" in texts(lab.act2.plots(lab.act2.outcome)["shape"])


def test_attention_weights_are_shares():
    weights = attention_weights()
    assert weights.sum(axis=1) == pytest.approx(np.ones(16))
    assert (weights > 0).all()
    # Most of the weight is on neighbours and on the first token.
    assert np.diag(weights).mean() > 3 * np.median(weights)


@pytest.mark.parametrize("tokens", [512, 32_768, 53_000, 65_536, 1_048_576])
@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("predicted", [None, 57_735, 23_901, 813_802])
def test_attention_map_names_each_thing_once(tokens, stored, predicted):
    plot = attention_map(
        tokens,
        24.0 * tokens**2,
        stored=stored,
        held_bytes=48.0 * tokens,
        capacity=Limit(80e9, "H100 80 GB"),
        capacity_tokens=57_735,
        predicted=predicted,
        title="t",
        caption="c",
    )
    words = texts(plot)
    assert words.count("H100 80 GB") == 1
    assert words.count(f"{tokens:,} tokens\n") == 1
    assert words.count("held") == (0 if stored else 1)
    assert words.count("prediction") == (predicted is not None)
    # The area of the map over that of the memory is bytes over bytes.
    small = plot.layers[1].columns()
    if stored:
        side = float(np.nanmax(small["right"]))
        limit = float(plot.layers[0].columns()["right"][0])
        assert (side / limit) ** 2 == pytest.approx(24.0 * tokens**2 / 80e9, rel=1e-4)
    else:
        assert np.isnan(small["right"]).all()


def test_attention_scaling_and_share_without_a_second_curve():
    tokens = np.geomspace(512, 2**20, 12)
    plot = attention_scaling(
        tokens,
        one_layer=24 * tokens**2,
        all_layers=None,
        tiled=48 * tokens,
        linear=1e5 * tokens,
        names=("one layer", "one layer", "tiled", "linear"),
        here=(4096, 4e8),
        capacity=Limit(80e9, "80 GB"),
        capacity_tokens=57_735,
        marks=[("early", 1024), ("late", 1e6)],
        predicted=None,
        title="t",
        caption="c",
    )
    assert texts(plot).count("one layer") == 1
    assert "80 GB: 57,735" in texts(plot)
    Figure(attention_share(tokens, tokens / (tokens + 4608), here=(512, 0.1), crossover=4608, title="t", caption="c"))


def test_parallel_clocks_name_the_longest_and_cut_at_the_edge():
    groups = [
        ClockGroup("long", {"launch": 1e-3, "compute": 9e-3}, 1e-3),
        ClockGroup("short", {"launch": 1e-3, "compute": 0.0}, 2e-3),
    ]
    assert [group.longest for group in groups] == ["compute", "launch"]
    plot = parallel_clocks(groups, title="t", axis="time", limits=[Limit(1.0, "limit")], percent=True, most=3.0)
    assert plot.x.high == 3.0
    bold = [layer for layer in plot.layers if getattr(layer, "bold", False)]
    assert sorted(t for layer in bold for t in layer.columns()["text"] if t) == ["1 ms", "9 ms →"]
    hidden = parallel_clocks(groups, title="t", axis="time", limits=[Limit(math.nan, "limit")])
    assert "limit" not in texts(hidden)
    Figure(parallel_clocks([ClockGroup("idle", {"launch": 0.0, "compute": 0.0})], title="t", axis="time (ms)"))


def test_setups_name_their_devices():
    assert {context: setup.limit.label for context, setup in SETUPS.items()} == {
        "cloud": "H100 80 GB",
        "edge": "Orin 16 GB",
    }
