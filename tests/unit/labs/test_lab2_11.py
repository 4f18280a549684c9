"""V2-11: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from earlier import save_earlier
from hypothesis import given
from hypothesis import strategies as st
from plot_words import texts

from components.controls import ControlError
from components.instruments.federated import BARS, PHASES, VERDICTS, _bar_edges, device_round, federated_round, fold
from components.instruments.figure import Figure
from labs.vol2.lab_11_edge_intelligence import (
    CENTRAL_TRAIN_S,
    DAY,
    MAP_CLIENTS,
    MAP_EPOCHS,
    PASSING,
    QUANTIZED,
    EdgeIntelligenceLab,
    FiveDays,
    OnlyUpdatesTravel,
    whole_down,
    whole_up,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.playing import banners, move


@pytest.fixture
def lab(ledger: DesignLedger) -> EdgeIntelligenceLab:
    return EdgeIntelligenceLab(ledger)


def in_act2(lab: EdgeIntelligenceLab, context: str = "federated", first: str = "A", second: str = "A") -> Any:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "clients_total", 200)
    lab.answer("act1", "C")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


def design(epochs: int, clients: int, bits: int, over: float) -> Any:
    return FiveDays.design(local_epochs=epochs, clients=clients, bits=bits, over_selection=over)


# --- physics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "gigabytes", "days", "passes"),
    [
        ((5, 10, 32, 1.0), 2250.0, 66.4, False),
        ((2, 30, 4, 1.2), 205.4, 3.37, True),
        ((5, 10, 4, 1.0), 298.8, 52, False),
        ((10, 10, 32, 1.0), 9000.0, 450, False),
        ((1, 100, 4, 1.2), 411.2, 1.3, False),
        ((3, 15, 4, 1.5), 247.4, 6.6, False),
        ((2, 40, 4, 1.0), 191.3, 5.2, False),
        ((2, 30, 8, 1.2), 386.8, 3.5, False),
        ((2, 30, 2, 1.2), 252.5, 7.5, False),
        ((5, 10, 8, 1.0), 580, 54, False),
    ],
    ids=str,
)
def test_plans_of_the_sheet(plan, gigabytes, days, passes):
    outcome = design(*plan)
    assert outcome.uplink_bytes / 1e9 == pytest.approx(gigabytes, rel=1e-3)
    assert outcome.calendar_s / DAY == pytest.approx(days, rel=0.02)
    assert outcome.meets_all is passes
    assert sum(outcome.parts_days.values()) == pytest.approx(outcome.calendar_s / DAY)


def test_every_plan_that_passes():
    """18 with 4 bits, 7 with 2 bits, all of them with two local epochs."""
    found: dict[int, set[tuple[float, float, float]]] = {bits: set() for bits in (32, 16, 8, 4, 2)}
    for bits, over in itertools.product(found, [1 + k / 10 for k in range(11)]):
        verdict = FiveDays.compute("federated", bits=bits, over_selection=round(over, 1)).verdict
        rows, columns = np.nonzero(verdict == 0)
        found[bits] |= {(MAP_EPOCHS[r], MAP_CLIENTS[c], round(over, 1)) for r, c in zip(rows, columns, strict=True)}
    assert {bits: len(plans) for bits, plans in found.items()} == {32: 0, 16: 0, 8: 0, 4: 18, 2: 7}
    for bits, clients, overs in ((4, (20, 45), (1.1, 1.4)), (2, (55, 85), (1.1, 1.1))):
        assert {epochs for epochs, _, _ in found[bits]} == {2}
        assert (min(c for _, c, _ in found[bits]), max(c for _, c, _ in found[bits])) == clients
        assert (min(o for _, _, o in found[bits]), max(o for _, _, o in found[bits])) == overs


@pytest.mark.parametrize("plan", [(5, 10, 32, 1.0), (2, 30, 4, 1.2), (1, 100, 4, 1.2), (2, 40, 4, 1.0)], ids=str)
def test_the_map_says_what_the_plan_says(plan):
    outcome = design(*plan)
    cell = outcome.verdict[list(MAP_EPOCHS).index(plan[0]), list(MAP_CLIENTS).index(plan[1])]
    assert cell == (not outcome.uplink_ok) + 2 * (not outcome.deadline_ok)


@pytest.mark.parametrize(
    ("changed", "ratio", "crossing"),
    [
        ({}, 225, 22_500),
        ({"bytes_per_client": 1e6}, 45_000, 4.5e6),
        ({"heterogeneity": 0.0}, 8, 800),
        ({"heterogeneity": 0.5}, 25, 2_500),
        ({"heterogeneity": 3.0}, 900, 90_000),
        ({"clients_per_round": 5.0}, 112.5, 11_250),
    ],
)
def test_checkpoints_of_act1(changed, ratio, crossing):
    outcome = OnlyUpdatesTravel.asked(**changed)
    assert outcome.ratio == pytest.approx(ratio)
    assert outcome.break_even_clients == pytest.approx(crossing)


def test_the_central_plan():
    outcome = FiveDays.central()
    assert outcome.calendar_s == pytest.approx(365.5, abs=0.05)
    assert pytest.approx(45.5, abs=0.05) == CENTRAL_TRAIN_S
    assert outcome.uplink_bytes == outcome.raw_bytes == 250e9
    assert FiveDays.design(**PASSING).calendar_s / outcome.calendar_s == pytest.approx(797, abs=0.5)
    assert "rounds" not in FiveDays.evaluate("centralized")
    nothing = FiveDays.compute("centralized", raw_share=0.0)
    assert (nothing.uplink_bytes, nothing.calendar_s, nothing.trained, nothing.residency_ok) == (0, 0, False, True)
    assert not nothing.meets_all


def test_meets_all_is_scored_at_one_heterogeneity():
    assert FiveDays.design(**PASSING).meets_all
    easier = FiveDays.design(**PASSING, heterogeneity=0.5)
    assert easier.uplink_ok
    assert easier.deadline_ok
    assert not easier.meets_all


def test_counts_forgive_floating_point():
    assert whole_up(1.1 * 30) == 33
    assert whole_down(0.1 * 3 * 10) == 3
    assert FiveDays.design(local_epochs=2, clients=30, bits=4, over_selection=1.1).invited == 33


def test_upload_energy():
    assert FiveDays.design(bits=4).upload_j == pytest.approx(30, abs=0.5)
    assert FiveDays.design().upload_j == pytest.approx(223, abs=0.5)


positive = st.floats(0.1, 100)
beta = st.floats(0.05, 5)
noise = st.floats(0, 3)


@given(positive, positive, st.floats(1e-3, 1), beta, noise)
def test_rounds_and_gap_are_inverses(clients, epochs, gap, heterogeneity, omega):
    rounds = physics.federated_rounds(clients, epochs, gap, heterogeneity, omega)
    assert physics.federated_gap(clients, epochs, rounds, heterogeneity, omega) == pytest.approx(gap)


@given(positive, st.floats(1e-3, 1), beta, noise, st.floats(0.2, 5))
def test_no_other_local_work_takes_fewer_rounds(clients, gap, heterogeneity, omega, factor):
    best = physics.optimal_local_epochs(clients, gap, heterogeneity, omega)
    least = physics.federated_rounds(clients, best, gap, heterogeneity, omega)
    assert physics.federated_rounds(clients, best * factor, gap, heterogeneity, omega) >= least * (1 - 1e-9)


@given(positive, st.floats(1e-3, 1), beta, noise)
def test_more_clients_than_balanced_remove_no_rounds(epochs, gap, heterogeneity, omega):
    enough = physics.balanced_clients(epochs, gap, heterogeneity, omega)
    at, beyond = (physics.federated_rounds(k * enough, epochs, gap, heterogeneity, omega) for k in (1, 3))
    fewer = physics.federated_rounds(enough / 3, epochs, gap, heterogeneity, omega)
    assert beyond == pytest.approx(at)
    assert fewer == pytest.approx(3 * at)
    drift, variance = (
        physics.drift_rounds(epochs, gap, heterogeneity),
        physics.variance_rounds(enough, epochs, gap, heterogeneity, omega),
    )
    assert drift == pytest.approx(variance)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_order_statistics_are_sums(invited, needed):
    invited, needed = max(invited, needed), min(invited, needed)
    exact = math.fsum(1 / i for i in range(invited - needed + 1, invited + 1))
    assert physics.exponential_order_statistic(invited, needed) == pytest.approx(exact)


@given(st.floats(1, 1e3), st.integers(1, 200), st.integers(0, 200), st.floats(0, 60))
def test_inviting_more_shortens_a_round(fixed, needed, extra, server):
    alone = physics.over_selected_round_time(fixed, 1.0, needed, needed, server)
    assert fixed + server <= physics.over_selected_round_time(fixed, 1.0, needed + extra, needed, server) <= alone


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_rounding_noise_agrees_with_simulation(bits):
    generator = np.random.default_rng(bits)
    values = generator.standard_normal(400_000)
    step = 3.0 / (2 ** (bits - 1) - 1)
    inside = np.clip(values, -3, 3) / step
    sent = (np.floor(inside) + (generator.random(len(values)) < inside - np.floor(inside))) * step
    noise = float(np.mean((sent - inside * step) ** 2))
    assert physics.stochastic_rounding_variance(bits) == pytest.approx(noise, rel=0.015)


def test_physics_refuses():
    with pytest.raises(ValueError, match="one of 2, 4, 8, 16, 32"):
        physics.update_bytes(10, 5, 128)
    with pytest.raises(ValueError, match="needed must be <= invited"):
        physics.over_selected_round_time(1.0, 1.0, 3, 4, 0.0)
    with pytest.raises(ValueError, match="heterogeneity"):
        physics.optimal_local_epochs(10, 0.01, 0.0)
    assert physics.stochastic_rounding_variance(16) == physics.stochastic_rounding_variance(32) == 0


# --- Act I --------------------------------------------------------------------------------------------------


def test_prediction_of_act1(lab):
    prediction = lab.act1.prediction()
    assert [option.text for option in prediction.ascending() or []] == ["0.2×", "8×", "225×", "2,250×"]
    assert "56,250" in prediction.option("A").feedback
    assert "by 28" in prediction.option("B").feedback
    assert "22,500" in prediction.option("C").feedback
    assert prediction.gap("B").text == "28.1 times"
    assert "4.5 TB, against 20 GB" in prediction.why
    assert "80 %" in lab.act1.message().text


def test_reflection_of_act1(lab):
    options = {option.id: option.feedback for option in lab.act1.reflection().options}
    assert "22,500" in options["A"]
    assert "45,000×" in options["B"]
    assert "5,625 rounds" in options["C"]
    assert "112×" in options["C"]


def test_a_round_has_no_more_devices_than_there_are(lab):
    lab.begin_act1()
    lab.lock("act1", "C")
    lab.set_control("act1", "clients_per_round", 500)
    assert lab.act1.clients_per_round == 100
    lab.set_control("act1", "clients_total", 20)
    assert lab.act1.clients_per_round == 20


def test_contexts_of_act1_differ_in_what_leaves(lab):
    assert lab.context == "federated"
    assert lab.act1.outcome.raw_bytes == 0
    assert "10 of 100 devices" in texts(lab.act1.plots(lab.act1.outcome)["round"])
    lab.set_context("centralized")
    assert lab.act1.outcome.raw_bytes == 20e9
    assert "100 of 100 devices" in texts(lab.act1.plots(lab.act1.outcome)["round"])


# --- Act II -------------------------------------------------------------------------------------------------


def test_texts_of_act2(lab):
    assert "66 days" in lab.act2.message().text
    assert "full precision" in lab.act2.message().text
    prediction = lab.act2.prediction()
    assert [option.text for option in prediction.ascending() or []] == ["0.5×", "1×", "2×", "4×"]
    assert "200 become 100" in prediction.option("A").feedback
    assert "5,625 rounds become 22,500" in prediction.why
    reflection = lab.act2.reflection()
    assert "23 %" in reflection.question
    for part in ("3 %", "139 %", "2.32 times", "1.89 times"):
        assert part in reflection.option("B").feedback
    assert "0.25 bits" in reflection.option("A").feedback
    assert "0.3 %" in reflection.option("C").feedback
    assert "32,207" in lab.act2.peek().note
    assert "35.8" in lab.act2.peek().note
    assert "773 GB" in lab.instructor_notes
    lab.set_context("centralized")
    assert "No design passes" in lab.act2.challenge()


def test_failures_come_and_go(lab):
    in_act2(lab)
    assert banners(lab) == {
        "quota": "UPLINK QUOTA EXHAUSTED after round 625 of 5,625. Gap reached 0.0900, target 0.0100. Each round: 10 "
        "uploads × 40.00 MB = 400 MB.",
        "deadline": "STILL TRAINING. Day 5 is round 423; 5,625 rounds of 1,020 s need 66.4 days.",
    }
    assert not lab.constraint_hit
    move(lab, **PASSING)
    assert not banners(lab)
    assert lab.act2.constraints_met()
    assert "federated" in lab.solved
    move(lab, bits=2)
    assert set(banners(lab)) == {"quota", "deadline"}
    assert "round 2,469 of 2,494" in banners(lab)["quota"]
    move(lab, bits=4, heterogeneity=0.5)
    assert not banners(lab)
    assert not lab.act2.constraints_met()


def test_the_central_context(lab):
    in_act2(lab, "centralized")
    assert banners(lab) == {"residency": "DATA LEFT THE WARD: 250.0 GB of raw images uploaded."}
    assert not lab.constraint_hit
    for name in ("local_epochs", "clients", "bits", "over_selection", "heterogeneity"):
        with pytest.raises(ControlError, match="out of reach"):
            lab.set_control("act2", name, lab.act2.specs[name].values()[0])
    move(lab, raw_share=0.0)
    assert banners(lab) == {"nothing": "NOTHING LEARNED: no data, no training."}
    assert not lab.constraint_hit
    assert not lab.act2.constraints_met()
    move(lab, raw_share=0.05)
    assert "12.5 GB" in banners(lab)["residency"]
    assert lab.constraint_hit


# --- ledger -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", [*QUANTIZED, "prune", "none"])
def test_quantized_weights_preset_the_bits(ledger, decision):
    save_earlier(ledger, "ch10", act2_decision=decision)
    lab = EdgeIntelligenceLab(ledger)
    quantized = decision in QUANTIZED
    assert lab.act2.bits == (8 if quantized else 32)
    assert ("54 days" in lab.act2.message().text) is quantized
    assert ("580 GB" in lab.act2.from_ledger()) is quantized


def test_nothing_is_recalled_of_an_empty_ledger(lab, ledger):
    assert lab.act1.from_ledger() == lab.act2.from_ledger() == ""
    save_earlier(ledger, "ch04")
    assert "gravity" in EdgeIntelligenceLab(ledger).act1.from_ledger()


@pytest.mark.parametrize(
    ("context", "controls", "decision", "days"),
    [
        ("federated", PASSING, "e2_4bit", 3.37),
        ("federated", {**PASSING, "bits": 2}, "e2_2bit", 7.51),
        ("federated", {"local_epochs": 3}, "other", 17.78),
        ("centralized", {"raw_share": 1.0}, "centralized", 0.00423),
    ],
)
def test_saves_what_the_contract_says(lab, ledger, context, controls, decision, days):
    in_act2(lab, context, first="B")
    move(lab, **controls)
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(11, 2)
    assert entry["context"] == context
    assert (entry["act1_prediction"], entry["act1_correct"]) == ("B", False)
    assert entry["act2_decision"] == decision
    assert entry["act2_result"] == pytest.approx(days, rel=0.01)
    federated = context == "federated"
    assert entry["rounds"] == (lab.act2.outcome.rounds if federated else None)
    assert entry["upload_bits"] == (lab.act2.bits if federated else None)
    assert entry["uplink_gb"] == pytest.approx(lab.act2.outcome.uplink_bytes / 1e9)


def test_the_vocabulary_is_the_contracts():
    assert set(contract_of("v2_11").fields["act2_decision"].vocabulary or ()) == {
        "centralized",
        "e2_4bit",
        "e2_2bit",
        "other",
    }


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["federated", "centralized"])
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_every_end_of_every_control_is_the_same_drawing(lab, context, key):
    in_act2(lab, context)
    act = lab.act(key)
    structures: dict[str, set[Any]] = {}
    for ends in itertools.product(*((spec.values()[0], spec.values()[-1]) for spec in act.specs.values())):
        act.param.update(**dict(zip(act.specs, ends, strict=True)))
        for name, plot in act.plots(act.outcome).items():
            structures.setdefault(name, set()).add(plot.structure())
    assert {name: len(found) for name, found in structures.items()} == dict.fromkeys(structures, 1)
    for plot in act.plots(act.outcome).values():
        Figure(plot).show(plot)


def test_the_prediction_is_drawn(lab):
    in_act2(lab, first="B", second="C")
    assert "your prediction" in texts(lab.act1.plots(lab.act1.outcome)["traffic"])
    rounds = lab.act2.plots(lab.act2.outcome)["rounds"]
    assert "predicted" in texts(rounds)


def test_a_round_shows_who_came_too_late(lab):
    in_act2(lab)
    move(lab, **PASSING)
    shown = texts(lab.act2.plots(lab.act2.outcome)["round"])
    assert "update 30 of 36\n241 s" in shown
    assert "6 late" in shown
    move(lab, over_selection=1.0)
    assert "late" not in texts(lab.act2.plots(lab.act2.outcome)["round"])


@pytest.mark.parametrize(("needed", "invited"), [(1, 1), (5, 5), (5, 6), (30, 36), (200, 200), (200, 220), (200, 400)])
def test_bars_of_a_round(needed, invited):
    edges = _bar_edges(needed, invited)
    assert edges[0] == 0
    assert edges[-1] == invited
    assert needed in edges
    assert np.all(np.diff(edges) > 0)
    assert len(edges) <= BARS + 2
    slowdown = 1 + physics.exponential_order_statistic(invited, np.arange(1, invited + 1))
    plot = federated_round(
        slowdown, dict.fromkeys(PHASES, 10.0), needed=needed, server_s=30.0, title="a round", caption=""
    )
    assert plot.x.high >= 30 * slowdown[-1]


@pytest.mark.parametrize(
    ("population", "taking_part", "dots"), [(10, 1, 1), (100, 10, 10), (1e7, 10, 1), (1250, 1250, 100), (1250, 0, 0)]
)
def test_dots_of_a_population(population, taking_part, dots):
    plot = device_round(
        population=population,
        taking_part=taking_part,
        raw=False,
        sent="",
        server="",
        device="devices",
        title="a round",
        caption="",
    )
    ties = plot.layers[0].columns()
    assert np.count_nonzero(np.isfinite(ties["x1"])) == dots


def test_the_descent_stops_at_the_quota(lab):
    in_act2(lab)
    stopped = lab.act2.plots(lab.act2.outcome)["descent"]
    assert "round 625\ngap 0.0900" in texts(stopped)
    move(lab, **PASSING)
    assert "trained\n205.4 GB" in texts(lab.act2.plots(lab.act2.outcome)["descent"])


def test_verdicts_and_ratios_have_words():
    assert [name for name, *_ in VERDICTS] == ["passes", "over the quota", "past the deadline", "both"]
    assert fold(225.0) == "225×"
    assert fold(1.6e-6) == "1/625,000"
