"""V2-02: the tables, texts, moves, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.interconnect import (
    ClusterLinks,
    SplitStep,
    parallelism_map,
    parallelism_timeline,
)
from components.instruments.layers import Boxes, Plot
from labs.catalog import find_act
from labs.vol2.lab_02_compute_infra import (
    ADAPTERS,
    CHOICES,
    MODELS,
    NICS,
    NODES,
    SIZES,
    TOKENS,
    TP_MULTI,
    TP_SINGLE,
    EightyPercent,
    InterconnectWall,
    SmallPrint,
    allreduce_s,
    fewest_adapters,
    network_per_gpu,
    passing,
    split_of,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.earlier import save_earlier

CHECKS = json.loads((Path(__file__).parents[2] / "data" / "checks" / "v2_02.json").read_text())


@pytest.fixture
def lab(ledger: DesignLedger) -> InterconnectWall:
    return InterconnectWall(ledger)


def in_act2(lab: InterconnectWall, context: str = "multi", pick: str = "A") -> InterconnectWall:
    """The lab with both predictions locked, in `context`."""
    lab.begin_act1()
    lab.lock("act1", "C")
    lab.set_control("act1", "convention", "as_printed")
    lab.answer("act1", "B")
    lab.lock("act2", pick)
    lab.set_context(context)
    return lab


def design(**changed: object) -> object:
    start = {"model": "70b", "node_link": "nvlink", "nodes": 2, "tp": 16, "nics": 8, "tokens": 16_384}
    return EightyPercent.compute("multi", **(start | changed))


def outcomes():
    """Every design of every context, thinned out in tokens."""
    for model, link, nodes, tp, nics, tokens in itertools.product(
        MODELS, ("nvlink", "pcie"), NODES, TP_MULTI, NICS, (TOKENS[0], TOKENS[-1])
    ):
        if tp <= 8 * nodes:
            yield EightyPercent.compute(
                "multi", model=model, node_link=link, nodes=nodes, tp=tp, nics=nics, tokens=tokens
            )


# --- check file and tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CHECKS, ids=lambda case: case["id"])
def test_check_file(case):
    if not case["formula"].startswith("act"):
        assert physics.FORMULAS[case["formula"]](**case["inputs"]) == pytest.approx(case["expect"], rel=case["rtol"])
        return
    outcome = find_act(2, 2, case["formula"]).evaluate(**case["inputs"])
    for name, value in case["expect"].items():
        assert outcome[name] == pytest.approx(value, rel=case["rtol"], abs=1e-12), name


@pytest.mark.parametrize(
    ("nodes", "tp", "nics", "tokens", "efficiency", "state", "batch", "passes"),
    [
        (2, 16, 8, 16_384, 0.6131, 78.0, 16_384, False),
        (2, 8, 8, 131_072, 0.8216, 95.5, 262_144, False),
        (4, 8, 8, 65_536, 0.7890, 69.25, 262_144, False),
        (4, 8, 8, 131_072, 0.8132, 69.25, 524_288, True),
        (4, 8, 8, 262_144, 0.8258, 69.25, 1_048_576, True),
        (4, 8, 4, 262_144, 0.8132, 69.25, 1_048_576, True),
        (4, 8, 2, 262_144, 0.7889, 69.25, 1_048_576, False),
        (4, 16, 8, 262_144, 0.6084, 51.75, 524_288, False),
    ],
)
def test_table_of_the_challenge(nodes, tp, nics, tokens, efficiency, state, batch, passes):
    o = design(nodes=nodes, tp=tp, nics=nics, tokens=tokens)
    assert o.efficiency == pytest.approx(efficiency, abs=6e-5)
    assert o.state_gb == pytest.approx(state, abs=5e-3)
    assert (o.global_batch_tokens, o.meets_challenge) == (batch, passes)


def test_exactly_three_designs_pass_and_four_adapters_are_the_fewest():
    assert sorted(passing()) == [
        (4, 8, 4, 262_144, "nvlink"),
        (4, 8, 8, 131_072, "nvlink"),
        (4, 8, 8, 262_144, "nvlink"),
    ]
    assert fewest_adapters() == 4
    assert sum(len(NICS) * len(TOKENS) * 2 for n in NODES for tp in TP_MULTI if tp <= 8 * n) == 840


def test_what_the_single_node_teaches():
    def share(model, tp, link, tokens):
        return EightyPercent.compute("single", model=model, node_link=link, tp=tp, tokens=tokens).efficiency

    assert share("7b", 1, "nvlink", 16_384) == pytest.approx(0.9623, abs=5e-5)
    assert share("7b", 1, "pcie", 16_384) == pytest.approx(0.7843, abs=5e-5)
    assert share("7b", 1, "nvlink", 131_072) == pytest.approx(0.9951, abs=5e-5)
    assert share("7b", 1, "pcie", 131_072) == pytest.approx(0.9668, abs=5e-5)
    assert share("30b", 8, "nvlink", 4_096) == pytest.approx(share("30b", 8, "nvlink", 262_144))
    assert [tp for tp in TP_SINGLE if split_of("30b", "nvlink", 1, tp, 8).fits] == [8]
    assert EightyPercent.chassis("70b", 8, "nvlink").state_gb == pytest.approx(148.0)
    # The share of a step that PCIe takes at TP 8 depends on the model's width and depth.
    shares = {model: 1 - EightyPercent.chassis(model, 8, "pcie").efficiency for model in MODELS}
    assert shares == pytest.approx({"7b": 0.74, "30b": 0.62, "70b": 0.57, "175b": 0.49}, abs=5e-3)


def test_single_ignores_nodes_and_adapters():
    one = EightyPercent.compute("single", model="30b", node_link="nvlink", nodes=4, tp=8, nics=1, tokens=8_192)
    assert (one.nodes, one.gpus, one.nics, one.dp) == (1, 8, 8, 1)


def test_more_gpus_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="tp must be <= 16"):
        design(tp=32)


# --- the law -------------------------------------------------------------------------------------------------


def test_tokens_cancel_in_the_tensor_parallel_ratio():
    for tp in (2, 4, 8):
        split = split_of("70b", "pcie", 1, tp, 8)
        compute, tensor, _ = split.step(np.array(TOKENS, dtype=float))
        ratio = physics.tp_comm_compute_ratio(70e9, 80, 8192, tp, 64e9, 0.5 * 989e12)
        assert tensor / compute == pytest.approx(np.full(len(TOKENS), ratio))
        assert split.ceiling == pytest.approx(1 / (1 + ratio))


def test_ceilings_and_curves():
    eight, sixteen = (split_of("70b", "nvlink", 4, tp, 8) for tp in (8, 16))
    assert eight.ceiling == pytest.approx(0.839, abs=5e-4)
    assert sixteen.ceiling == pytest.approx(0.613, abs=5e-4)
    assert eight.efficiency(np.array([4096.0, 262_144.0])) == pytest.approx([0.417, 0.826], abs=5e-4)
    assert sixteen.efficiency(np.array([4096.0, 262_144.0])) == pytest.approx([0.411, 0.608], abs=5e-4)


def test_every_design_adds_up():
    for o in outcomes():
        assert o.step_s == pytest.approx(o.compute_s + o.tp_comm_s + o.dp_comm_s)
        assert o.efficiency <= o.ceiling * (1 + 1e-9)
        assert o.dp * o.tp == o.gpus
        assert (o.tp_comm_s == 0) == (o.tp == 1)
        assert (o.dp_comm_s == 0) == (o.dp == 1)
        assert o.state_gb == pytest.approx((4 + 12 / o.dp) * MODELS[o.model].params / o.tp / 1e9 + 8)


def test_hierarchical_allreduce_is_a_ring_in_one_node_and_a_ring_of_nodes_of_one():
    ring, hierarchical = physics.ring_allreduce_time, physics.hierarchical_allreduce_time
    assert hierarchical(1e9, 1, 8, 450e9, 50e9, 2e-6, 5e-6, "ring") == pytest.approx(ring(1e9, 8, 450e9, 2e-6))
    assert hierarchical(1e9, 8, 1, 450e9, 50e9, 2e-6, 5e-6, "ring") == pytest.approx(ring(1e9, 8, 50e9, 5e-6))
    assert hierarchical(1e9, 8, 8, 450e9, 50e9, 2e-6, 5e-6, "ring") == pytest.approx(0.00836188888888889)
    assert allreduce_s(1e9, 16, 450e9, network_per_gpu(1)) / allreduce_s(
        1e9, 8, 450e9, network_per_gpu(1)
    ) == pytest.approx(6.14, abs=5e-3)


# --- texts ---------------------------------------------------------------------------------------------------


def test_predictions_quote_the_sheet(lab):
    first = lab.act1.prediction()
    assert {o.id: o.value for o in first.options} == pytest.approx({"A": 2, "B": 7.03125, "C": 14.0625, "D": 112.5})
    assert [o.text for o in first.ascending()] == ["About 2×", "About 7×", "About 14×", "Over 100×"]
    assert first.option("B").correct
    for part in ("7.0×", "156 ms", "22.2 ms", "9×", "18"):
        assert part in first.why
    assert "900 with 128" in first.option("C").feedback
    second = lab.act2.prediction()
    assert {o.id: o.value for o in second.options} == pytest.approx(
        {"A": 0.8389, "B": 0.7602, "C": 0.6131, "D": 0.2126}, abs=5e-5
    )
    assert [o.text for o in second.ascending()] == ["21 %", "61 %", "76 %", "84 %"]
    for part in ("1.64×", "3.3×", "0.192", "0.631"):
        assert part in second.why


def test_reflections_quote_the_sheet(lab):
    moved = lab.act1.reflection().option("A").feedback
    for part in ("320", "7×", "6×"):
        assert part in moved
    quadruple = lab.act2.reflection()
    assert "61 %" in quadruple.question
    assert "61.3 %" in quadruple.option("C").feedback


def test_peek_and_notes_quote_the_sheet(lab):
    note = lab.act2.peek().note
    assert "0.192" in note
    assert "1.350" in note
    for part in ("83.9 %", "61.3 %", "82.2 %", "86.75 GB"):
        assert part in lab.instructor_notes


@pytest.mark.parametrize(
    ("context", "moves", "parts"),
    [
        ("single", {"node_link": "pcie"}, ("over PCIe", "0.75 s of math", "5 of 8 GPUs")),
        ("multi", {"nics": 1}, ("over 16 GPUs", "NVLink and 1 adapter per node", "86 GB per step", "11 of 16")),
        ("multi", {"nodes": 4, "tp": 8, "tokens": 4096}, ("4 replicas", "17.5 GB of gradients", "more tokens")),
    ],
)
def test_wall_banner_names_the_larger_exchange(lab, context, moves, parts):
    in_act2(lab, context)
    assert not lab.act2.active_failures()
    for name, value in moves.items():
        lab.set_control("act2", name, value)
    (failure,) = lab.act2.active_failures()
    assert failure.id == "wall"
    for part in parts:
        assert part in failure.text(lab.act2.outcome)
    assert lab.constraint_hit
    lab.reset_controls("act2")
    assert not lab.act2.active_failures()


def test_wall_shares_of_the_sheet():
    assert EightyPercent.chassis("30b", 8, "pcie").comm_fraction == pytest.approx(0.623, abs=5e-4)
    assert design(nics=1).comm_fraction == pytest.approx(0.702, abs=5e-4)
    assert design(nodes=4, tp=8, tokens=4096).comm_fraction == pytest.approx(0.583, abs=5e-4)


def test_out_of_memory_banner(lab):
    in_act2(lab, "single")
    lab.set_control("act2", "model", "70b")
    (failure,) = lab.act2.active_failures()
    assert failure.id == "oom"
    assert "148.0 GB per GPU; 80 GB available" in failure.text(lab.act2.outcome)


# --- moves ---------------------------------------------------------------------------------------------------


def test_opens_in_multi_node_with_the_first_attempt(lab):
    assert lab.context == "multi"
    assert lab.act2.values() == {
        "model": "70b",
        "node_link": "nvlink",
        "nodes": 2,
        "tp": 16,
        "nics": 8,
        "tokens": 16_384,
    }


def test_tensor_group_shrinks_with_the_nodes(lab):
    in_act2(lab)
    with pytest.raises(ControlError, match="2 nodes have 16 GPUs"):
        lab.set_control("act2", "tp", 32)
    lab.set_control("act2", "nodes", 4)
    lab.set_control("act2", "tp", 32)
    lab.set_control("act2", "nodes", 1)
    assert lab.act2.tp == 8


def test_challenge_is_solved_by_the_solution_and_by_no_other_model(lab):
    in_act2(lab)
    for name, value in lab.solution("multi").items():
        lab.set_control("act2", name, value)
    assert lab.act2.constraints_met()
    assert lab.act2.outcome.meets_challenge
    lab.set_control("act2", "model", "7b")
    assert not lab.act2.constraints_met()


def test_badges_and_outcome_agree(lab):
    constraints = lab.act2.constraints()
    for o in outcomes():
        assert o.meets_challenge == all(constraint.holds(o) for constraint in constraints)


# --- ledger --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", [*ADAPTERS, None])
def test_adapters_start_where_the_link_of_the_first_lab_says(ledger, link):
    if link is not None:
        save_earlier(ledger, "v2_01", link=link, fleet_gpus=1024)
    lab = InterconnectWall(ledger)
    assert lab.act2.nics == (8 if link is None else ADAPTERS[link])
    assert ("1,024 GPUs in V2-01 is 128 of these nodes" in lab.act1.from_ledger()) == (link is not None)
    assert bool(lab.act2.from_ledger()) == (link is not None)


def test_ledger_entry(lab, ledger):
    in_act2(lab)
    for name, value in lab.solution("multi").items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "C")
    lab.decide("tp_in_node")
    lab.save()
    entry = ledger.get(2, 2)
    assert entry["act2_result"] == pytest.approx(0.8132, abs=5e-5)
    kept = {name: entry[name] for name in ("act1_prediction", "act1_correct", "tp", "dp", "nics", "tokens")}
    assert kept == {"act1_prediction": "C", "act1_correct": False, "tp": 8, "dp": 4, "nics": 4, "tokens": 262_144}
    assert entry["fewest_nics"] is True
    lab.set_control("act2", "nics", 8)
    assert lab.extras()["fewest_nics"] is False
    lab.set_context("single")
    assert lab.extras()["nics"] is None


def test_decisions_are_the_vocabulary_of_the_contract():
    assert set(CHOICES) == set(contract_of("v2_02").fields["act2_decision"].vocabulary)


# --- pictures ------------------------------------------------------------------------------------------------


def structures(plots: list[dict[str, Plot]]) -> dict[str, set]:
    return {name: {one[name].structure() for one in plots} for name in plots[0]}


@pytest.mark.parametrize("context", ["single", "multi"])
@pytest.mark.parametrize("pick", ["A", "B", "C", "D"])
def test_a_control_moves_columns_only(lab, context, pick):
    in_act2(lab, context, pick)
    sizes = itertools.product(SIZES, ("one_way", "as_printed"))
    first = [lab.act1.plots(SmallPrint.compute(context, bytes=size, convention=count)) for size, count in sizes]
    second = [lab.act2.plots(o) for o in outcomes() if context == "multi"] or [
        lab.act2.plots(EightyPercent.compute("single", model=model, node_link=link, tp=tp, tokens=tokens))
        for model, link, tp, tokens in itertools.product(MODELS, ("nvlink", "pcie"), TP_SINGLE, TOKENS)
    ]
    for plots in (first, second):
        for name, seen in structures(plots).items():
            assert len(seen) == 1, name


def test_the_map_colours_whom_the_first_gpu_talks_to():
    def coloured(nodes: int, tp: int) -> dict[str, int]:
        plot = parallelism_map(
            nodes,
            slots=4,
            gpus_per_node=8,
            tp=tp,
            adapters=8,
            links=ClusterLinks("NVLink", "8 × 50 GB/s per node"),
            title="",
        )
        boxes = [layer for layer in plot.layers if isinstance(layer, Boxes) and len(layer.columns()["left"]) == 32]
        return {box.token: int(np.isfinite(box.columns()["right"]).sum()) for box in boxes}

    assert coloured(4, 8) == {"ink": 1, "caution": 7, "met": 3, "series-6": 21}
    assert coloured(2, 16) == {"ink": 1, "caution": 15, "met": 0, "series-6": 0}
    assert coloured(4, 1) == {"ink": 1, "caution": 0, "met": 31, "series-6": 0}


def test_the_timeline_reddens_the_larger_exchange_beyond_the_wall():
    steps = [SplitStep("a", 1, 0.4, 0.5), SplitStep("b", 1, 0.4, 0.7), SplitStep("c", 1, 2, 0.1)]
    plot = parallelism_timeline(steps, chosen=0, wall=0.5, title="")
    (tensor, data) = [layer for layer in plot.layers if layer.token == "violation"]
    assert np.isfinite(tensor.columns()["right"]).tolist() == [False, False, True]
    assert np.isfinite(data.columns()["right"]).tolist() == [False, True, False]
