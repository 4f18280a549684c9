"""V2-03: the tables, texts, moves, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.fabric import (
    SIZES,
    Fabric,
    Pattern,
    Share,
    StepBar,
    communication_bars,
    crossing_map,
    fabric_topology,
    share_bars,
)
from labs.catalog import find_act
from labs.vol2.lab_03_network_fabrics import (
    FLEET,
    LINK_RATES,
    NODE,
    OVERSUBSCRIPTION,
    PLACEMENT,
    WIRING,
    BisectionBudget,
    TheBisectionBudget,
    TwiceTheBandwidth,
    crossings,
    passing_designs,
    port_for,
    ring_order,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.earlier import save_earlier

CHECKS = json.loads((Path(__file__).parents[2] / "data" / "checks" / "v2_03.json").read_text())
GPUS = (256, 512, 1024, 2048)


@pytest.fixture
def lab(ledger: DesignLedger) -> TheBisectionBudget:
    return TheBisectionBudget(ledger)


def in_act2(lab: TheBisectionBudget, entry: float = 2.0) -> TheBisectionBudget:
    """The lab with both predictions locked, in 1,024-GPU."""
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "hops", 3)
    lab.answer("act1", "B")
    lab.lock("act2", entry)
    return lab


# --- check file and tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CHECKS if c["formula"].startswith("act")], ids=lambda case: case["id"])
def test_act_cases_of_the_check_file(case):
    outcome = find_act(2, 3, case["formula"]).evaluate(**case["inputs"])
    for name, value in case["expect"].items():
        assert outcome[name] == pytest.approx(value, rel=case["rtol"], abs=1e-12), name


DESIGNS = [
    # link, r, wiring, placement, dense, MoE, switches, optics, M USD, exhausted, passes
    (400, 4, "tor", "random", 45.0, 50.9, 36, 256, 1.208, True, False),
    (400, 1, "tor", "random", 17.3, 21.0, 48, 1024, 1.952, False, False),
    (400, 1, "rail", "packed", 17.3, 21.0, 48, 1024, 1.952, False, False),
    (400, 4, "tor", "packed", 17.3, 50.9, 36, 256, 1.208, True, False),
    (400, 2, "tor", "packed", 17.3, 34.2, 40, 512, 1.456, False, False),
    (400, 2, "tor", "random", 29.0, 34.2, 40, 512, 1.456, False, False),
    (400, 2, "rail", "packed", 17.3, 28.7, 40, 512, 1.456, False, True),
    (400, 2, "rail", "random", 24.0, 28.7, 40, 512, 1.456, False, True),
    (400, 4, "rail", "packed", 17.3, 44.6, 36, 256, 1.208, False, False),
    (200, 1, "tor", "random", 29.5, 34.7, 48, 1024, 1.952, False, False),
    (400, 8, "tor", "random", 62.1, 67.5, 34, 128, 1.084, True, False),
]


@pytest.mark.parametrize("row", DESIGNS, ids=lambda row: f"{row[0]}-{row[1]}to1-{row[2]}-{row[3]}")
def test_table_of_designs(row):
    link, r, wiring, placement, dense, moe, switches, optics, cost, exhausted, passes = row
    o = BisectionBudget.compute(FLEET.id, link_gbit_s=link, oversubscription=r, wiring=wiring, placement=placement)
    assert 100 * o.dense_fraction == pytest.approx(dense, abs=0.05)
    assert 100 * o.moe_fraction == pytest.approx(moe, abs=0.05)
    assert (o.switches, o.optical_links) == (switches, optics)
    assert o.fabric_cost_usd == pytest.approx(cost * 1e6)
    assert (o.exhausted, o.meets_challenge) == (exhausted, passes)


def test_two_of_32_designs_pass():
    designs, passing = passing_designs()
    assert (designs, len(passing)) == (32, 2)
    assert all(p["oversubscription"] == 2 and p["wiring"] == "rail" for p in passing)
    # Fewer or more GPUs are another task.
    for gpus in (256, 512, 2048):
        assert not BisectionBudget.compute(FLEET.id, gpus=gpus, wiring="rail", oversubscription=2).meets_challenge


def test_rails_of_256_gpus_never_cross():
    assert crossings(256, "rail") == (0.0, 0.0)
    for r in OVERSUBSCRIPTION:
        assert BisectionBudget.compute(FLEET.id, gpus=256, wiring="rail", oversubscription=r).moe_slowdown == 1.0


@pytest.mark.parametrize(
    ("link", "small_us", "shard_ms", "crossover_kb"),
    [
        ("nvlink", 1.009, 0.223, 450),
        ("ndr", 1.580, 2.0015, 75),
        ("hdr", 1.660, 4.0015, 37.5),
        ("roce100", 5.320, 8.005, 62.5),
    ],
)
def test_table_of_links(link, small_us, shard_ms, crossover_kb):
    small = TwiceTheBandwidth.compute(FLEET.id, link=link, hops=1, message_bytes=4e3)
    shard = TwiceTheBandwidth.compute(FLEET.id, link=link, hops=1, message_bytes=100e6)
    assert small.time_s == pytest.approx(small_us * 1e-6, rel=5e-4)
    assert shard.time_s == pytest.approx(shard_ms * 1e-3, rel=2e-3)
    assert small.crossover_bytes == pytest.approx(crossover_kb * 1e3)


def test_levers_of_a_control_message():
    times = [TwiceTheBandwidth.compute(FLEET.id, link="ndr", hops=hops, message_bytes=4e3).time_s for hops in (1, 3, 5)]
    assert times == pytest.approx([1.58e-6, 2.78e-6, 3.98e-6])
    outcome = TwiceTheBandwidth.compute(FLEET.id, link="ndr", hops=5, message_bytes=4e3)
    assert outcome.shorter_gain == pytest.approx(2.52, abs=5e-3)
    assert TwiceTheBandwidth.compute(NODE.id, link="nvlink", hops=1, message_bytes=4e3).shorter_gain is None


def test_money_of_the_reveal():
    offer, passing = BisectionBudget.offered(), BisectionBudget.offered(2, "rail")
    assert offer.saved_usd == pytest.approx(0.744e6)
    assert offer.dense_loss_usd == pytest.approx(8.6e6, abs=0.05e6)
    assert 1 - passing.moe_throughput == pytest.approx(0.097, abs=5e-4)
    assert passing.moe_loss_usd == pytest.approx(2.5e6, abs=0.05e6)


# --- questions -----------------------------------------------------------------------------------------------


def test_first_prediction(lab):
    prediction = lab.act1.prediction()
    values = {option.id: option.value for option in prediction.options}
    assert values == pytest.approx({"A": 2.0, "B": 1.3333, "C": 1.0506, "D": 0.9595}, abs=1e-4)
    assert [option.id for option in prediction.options if option.correct] == ["C"]
    assert "1.66 µs become 1.58 µs" in prediction.why
    assert "1.999×" in prediction.why
    assert "450 KB, 6 times *higher*" in prediction.why
    texts = {option.id: option.feedback for option in prediction.options}
    assert "5 % to 10 %" in texts["A"]
    assert "90 % start-up to 10 % bytes" in texts["B"]
    assert "19 times below the crossover of 75 KB" in texts["C"]


def test_second_prediction(lab):
    prediction = lab.act2.prediction()
    assert prediction.actual == pytest.approx(3.904, abs=5e-4)
    right = [n / 10 for n in range(10, 101) if prediction.correct(n / 10)]
    assert (right[0], right[-1]) == (3.5, 4.4)
    bands = [(1.0, "Laid out by leaf"), (1.9, "whole step"), (3.0, "2.4 %"), (3.9, "124/127"), (8.0, "quarter")]
    for value, words in bands:
        assert words in prediction.feedback(value)
    for words in ("0.695 s become 2.713 s", "97.6 %", "0.744M USD", "38 %", "8.6M USD", "9.7 %", "2.5M USD"):
        assert words in prediction.why


def test_reflections(lab):
    first = {option.id: option for option in lab.act1.reflection().options}
    assert first["B"].correct
    assert "5 %" in first["A"].feedback
    assert "2.5×" in first["B"].feedback
    assert "0.4 ms of 695 ms" in first["C"].feedback
    second = {option.id: option for option in lab.act2.reflection().options}
    assert second["B"].correct
    assert "48 → 36" in second["A"].feedback
    assert "38 %" in second["B"].text
    assert "1.952 → 1.208M USD" in second["B"].feedback


def test_texts_quote_the_model(lab):
    assert "quoted at 1.95" in lab.act2.message().text
    assert "Of 32 designs 2 pass" in lab.act2.challenge()
    assert "4:1 for a packed ring" in lab.act2.peek().note
    assert "32:1 with rails" in lab.act2.peek().note
    assert "1.02:1" in lab.act2.peek().note
    assert "320 switches, where two separate fabrics of two tiers need 192" in lab.instructor_notes
    assert "1.968M USD" in lab.instructor_notes


# --- moves ---------------------------------------------------------------------------------------------------


def test_banner_appears_with_the_default_and_goes(lab):
    in_act2(lab)
    (failure,) = lab.act2.active_failures()
    text = failure.text(lab.act2.outcome)
    assert "98 % of its bytes climb a 4:1 spine" in text
    assert "12.8 of 50 GB/s" in text
    assert not lab.constraint_hit
    lab.set_control("act2", "oversubscription", 8)
    assert lab.constraint_hit
    for name, value in lab.solution(FLEET.id).items():
        lab.set_control("act2", name, value)
    assert lab.act2.active_failures() == []
    assert lab.act2.constraints_met()
    assert lab.act2.outcome.meets_challenge
    lab.set_control("act2", "oversubscription", 1)
    assert [failure.id for failure in lab.act2.active_failures()] == ["over_budget"]


def test_one_node_has_nothing_to_configure(lab):
    in_act2(lab)
    lab.set_context(NODE.id)
    for name, value in (("gpus", 256), ("wiring", "rail"), ("placement", "packed")):
        with pytest.raises(ControlError, match="no fabric to configure"):
            lab.set_control("act2", name, value)
    before = lab.act2.outcome
    lab.set_control("act2", "oversubscription", 8)
    assert lab.act2.outcome == before
    assert not lab.act2.constraints_met()
    assert lab.solution(NODE.id) is None


def test_nvlink_ends_at_its_switch(lab):
    lab.begin_act1()
    lab.lock("act1", "C")
    lab.set_control("act1", "hops", 5)
    lab.set_control("act1", "link", "nvlink")
    assert lab.act1.hops == 1
    with pytest.raises(ControlError, match="NVLink ends"):
        lab.set_control("act1", "hops", 3)


# --- ledger --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("nics", "port"), [(2, 200), (4, 200), (5, 400), (8, 400)])
def test_port_from_the_adapters(nics, port):
    assert port_for(nics) == port


@pytest.mark.parametrize(
    ("design", "port", "words"),
    [
        ({}, 400, ""),
        ({"nics": None, "tp": 8}, 400, ""),
        ({"nics": 4, "tp": 8}, 200, "4 adapters"),
        ({"nics": 8, "tp": 16}, 400, "TP-16"),
    ],
)
def test_reads_v2_02(ledger, design, port, words):
    if design:
        save_earlier(ledger, "v2_02", **design)
    lab = TheBisectionBudget(ledger)
    assert lab.act2.link_gbit_s == port
    assert words in lab.act2.from_ledger()
    assert bool(lab.act2.from_ledger()) == bool(words)


def test_entry_follows_the_contract(lab):
    in_act2(lab)
    for name, value in lab.solution(FLEET.id).items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "B")
    assert lab.missing_to_save()
    lab.decide("rail_wiring")
    lab.save()
    entry = lab.ledger.get(3, 2)
    assert entry["act1_prediction"] == "A"
    assert entry["act2_decision"] == "rail_wiring"
    assert entry["act2_result"] == pytest.approx(0.2867, abs=1e-4)
    assert (entry["oversubscription"], entry["wiring"], entry["placement"]) == (2, "rail", "packed")
    assert entry["bisection_tb_s"] == pytest.approx(12.8)
    assert entry["fabric_cost_usd"] == pytest.approx(1.456e6)
    contract = contract_of("v2_03").fields["act2_decision"]
    assert all(contract.problem(name) is None for name in lab.decision_radio.options)


def test_entry_of_one_node_names_no_spine(lab):
    in_act2(lab)
    lab.set_context(NODE.id)
    extras = lab.extras()
    assert extras["oversubscription"] is extras["wiring"] is extras["placement"] is None
    assert extras["bisection_tb_s"] == pytest.approx(1.8)


# --- pictures ------------------------------------------------------------------------------------------------


def drawn(gpus: int, r: int, wiring: str, placement: str) -> Fabric:
    """The fabric as Act II draws it."""
    leaves, spines, _ = physics.leaf_spine_counts(gpus, 64, r)
    nodes, per_leaf = gpus // 8, 4 if wiring == "tor" else 32
    fabric = Fabric(
        nodes=nodes,
        nodes_per_group=per_leaf,
        leaves_per_group=1 if wiring == "tor" else 8,
        spines=int(spines),
        slots=int(physics.leaf_spine_counts(gpus, 64, 1)[1]),
        ring=ring_order(nodes, per_leaf, placement),
    )
    assert fabric.leaves == leaves
    return fabric


@pytest.mark.parametrize("wiring", WIRING)
@pytest.mark.parametrize("gpus", GPUS)
def test_half_of_the_drawn_links_cross_the_cut(gpus, wiring):
    for r in OVERSUBSCRIPTION:
        _, _, crosses = drawn(gpus, r, wiring, "random").uplinks()
        assert crosses.sum() * 2 == len(crosses)
        # What is drawn stays small, so that a move of a control costs little.
        assert len(crosses) <= 512


@pytest.mark.parametrize("wiring", WIRING)
@pytest.mark.parametrize("gpus", GPUS)
def test_drawn_ring_crosses_as_often_as_the_model_says(gpus, wiring):
    packed, uniform = crossings(gpus, wiring)
    nodes = gpus // 8
    assert drawn(gpus, 1, wiring, "packed").leaving().sum() == pytest.approx(packed * nodes)
    assert drawn(gpus, 1, wiring, "random").leaving().sum() == pytest.approx(uniform * nodes, abs=1)
    assert sorted(ring_order(nodes, 4, "random")) == list(range(nodes))


def test_every_state_keeps_its_drawing(lab):
    in_act2(lab)
    for context in (FLEET.id, NODE.id):
        lab.set_context(context)
        structures = {}
        states = itertools.product(GPUS, LINK_RATES, OVERSUBSCRIPTION, WIRING, PLACEMENT)
        for gpus, link, r, wiring, placement in states if context == FLEET.id else [(1024, 400, 1, "tor", "random")]:
            lab.act2.param.update(gpus=gpus, link_gbit_s=link, oversubscription=r, wiring=wiring, placement=placement)
            for name, plot in lab.act2.plots(lab.act2.outcome).items():
                assert structures.setdefault(name, plot.structure()) == plot.structure()
                for layer in plot.layers:
                    lengths = {len(column) for column in layer.columns().values()}
                    assert len(lengths) == 1


def test_message_plots_at_the_ends(lab):
    lab.begin_act1()
    lab.lock("act1", "A")
    for context in (FLEET.id, NODE.id):
        lab.set_context(context)
        structures = {}
        for size, link in itertools.product((1.0, 1e10), ("nvlink", "roce100")):
            lab.set_control("act1", "message_bytes", size)
            lab.set_control("act1", "link", link)
            for name, plot in lab.act1.plots(lab.act1.outcome).items():
                assert structures.setdefault(name, plot.structure()) == plot.structure()
    assert SIZES[0] == 1.0


def test_instruments_alone():
    fabric = drawn(256, 8, "rail", "random")
    with pytest.raises(ValueError, match="load must be one of"):
        fabric_topology(fabric, load="idle", ring_load="free", tiers=("s", "l", "n"), cut="", title="")
    assert fabric_topology(fabric, load="full", ring_load="free", tiers=("s", "l", "n"), cut="c", title="t").layers
    steps = communication_bars([StepBar("job", 1.0, 0.5)], limit=0.3, title="t")
    assert any("33.3 %" in str(layer.columns().get("text")) for layer in steps.layers)
    shares = share_bars([Share("a", 0.25, "1 TB/s")], reference="all", title="t")
    assert shares.x.label == "% of all"
    lines = crossing_map([Pattern("ring", 0.25, "data")], [("a", 1.0)], oversubscription=4, title="t")
    curve = next(layer for layer in lines.layers if type(layer).__name__ == "Line").columns()
    assert curve["y"][-1] == pytest.approx(2.0)
    assert np.all(np.diff(curve["y"]) >= 0)
