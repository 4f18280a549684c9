"""V2-17: the tables, texts, failure states, ledger fields, board, report and pictures of its sheet."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from html import unescape
from typing import Any

import numpy as np
import pytest

from components.instruments.figure import Figure
from components.instruments.synthesis import AuditRow, audit_board, binding_row
from components.report import POLICY, ReportLab
from labs.board import FAMILIES, TOPICS, Board, labs_of
from labs.record import answer_of
from labs.vol2.lab_17_ml_conclusion import (
    AUDITS,
    FLEET_GPUS,
    REFERENCE,
    EightAudits,
    InvariantAuditLab,
    TenPercent,
    anatomy,
    best_run,
    crossing_gpus,
    most_sequences,
    policy_rates,
    step_parts,
    step_time,
)
from ledger import DesignLedger, contract_of, validate_design
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.plot_words import texts


@pytest.fixture
def lab(ledger: DesignLedger) -> InvariantAuditLab:
    return InvariantAuditLab(ledger)


def in_act2(lab: InvariantAuditLab, first: str = "compute", second: str = "x16") -> InvariantAuditLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "gpus", 8)
    lab.answer("act1", "C")
    lab.lock("act2", second)
    return lab


def design(**changes: Any) -> Any:
    """A variant of the design that passes."""
    return EightAudits.design(**{**REFERENCE, **changes})


def fill(ledger: DesignLedger, keys: Any = tuple(TOPICS), right: bool = True, **fields: Any) -> None:
    """Saves an entry for each of these labs."""
    for key in keys:
        known = {"act1_correct": right, "constraint_hit": True, "act1_prediction": answer_of(key, right=right)}
        first = {name: value for name, value in known.items() if value is not None}
        own = {name: value for name, value in fields.items() if name in contract_of(key).fields}
        save_earlier(ledger, key, **first, **own)


# --- physics ------------------------------------------------------------------------------------------------


def test_gains_of_the_question():
    gains = TenPercent.asked().gains
    assert {name: round(100 * gain, 2) for name, gain in gains.items()} == {
        "compute": 1.27,
        "network": 4.22,
        "mtbf": 0.84,
        "checkpoint": 0.56,
    }
    pod = TenPercent.asked(8).gains
    assert round(100 * pod["compute"], 2) == 9.99
    assert all(gain < 2e-4 for name, gain in pod.items() if name != "compute")


def test_the_network_overtakes_computing_near_5100_gpus():
    assert 5_000 < crossing_gpus() < 5_200
    before, after = TenPercent.asked(4096).gains, TenPercent.asked(8192).gains
    assert before["compute"] == pytest.approx(0.0384, abs=5e-5)
    assert before["network"] == pytest.approx(0.0306, abs=5e-5)
    assert after["network"] > after["compute"]


def test_shares_of_a_step_add_up_to_one():
    assert np.sum(list(anatomy().values()), axis=0) == pytest.approx(1.0)


@pytest.mark.parametrize("gpus", [8, 512, 4096, 16_384])
@pytest.mark.parametrize("perturbation", [0.05, 0.1, 0.2])
def test_no_resource_brings_more_than_its_share(gpus, perturbation):
    outcome = TenPercent.compute("fleet", gpus=gpus, perturbation=perturbation)
    assert outcome.gains["compute"] <= outcome.compute_share * perturbation * (1 + perturbation)
    assert max(outcome.gains.values()) <= perturbation


def test_twice_the_network_promotes_the_links_in_the_node():
    parts = step_parts(FLEET_GPUS, network=100e9)
    assert step_time(parts) == pytest.approx(0.227, abs=5e-4)
    assert max(parts, key=lambda part: parts[part]) == "nvlink"


def test_sixteen_times_the_gpus():
    small, large = best_run(1024), best_run(16_384)
    assert small.days / large.days == pytest.approx(2.69, abs=5e-3)
    assert large.mwh / small.mwh == pytest.approx(5.95, abs=5e-3)
    assert large.goodput == pytest.approx(0.869, abs=5e-4)


def test_the_proposal_passes_three_of_eight():
    outcome = EightAudits.design()
    assert outcome.audits_passed == 3
    assert outcome.failing == ["communication", "failure", "carbon", "privacy", "equity"]


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, []),
        ({"gpus": 512}, ["deadline"]),
        ({"site": "coal"}, ["carbon"]),
        ({"site": "coal", "sequences": 64}, ["carbon"]),
        ({"weight_bits": 16}, ["carbon"]),
        ({"sequences": 96}, ["memory", "memory_wall"]),
        ({"gpus": 2048}, ["communication"]),
        ({"gpus": 2048, "batch_mi": 8}, []),
        ({"gpus": 2048, "batch_mi": 16}, []),
        ({"batch_mi": 8}, []),
        ({"policy": "demographic_parity"}, ["equity"]),
        ({"policy": "accuracy"}, ["equity"]),
        ({"epsilon": 0.75}, ["privacy"]),
    ],
)
def test_designs_of_the_sheet(changes, failing):
    assert design(**changes).failing == failing


def test_naive_moves_in_numbers():
    assert design(gpus=512).training_days == pytest.approx(8.6, abs=0.05)
    assert design(site="coal").carbon_t == pytest.approx(539.9, abs=0.05)
    assert design(sequences=96).memory_gb == pytest.approx(91.6, abs=0.05)
    assert design(gpus=2048).scaling_efficiency == pytest.approx(0.581, abs=5e-4)
    assert policy_rates("demographic_parity") == pytest.approx((0.803118, 0.144927), abs=1e-6)
    assert [most_sequences(bits) for bits in (16, 8)] == [65, 81]


def test_the_feasible_set_of_the_sheet():
    intervals, loads = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240), range(4, 97, 4)
    passing = [
        (gpus, batch, interval, site, bits, load)
        for gpus, batch, interval, site in itertools.product(
            (256, 512, 1024, 2048, 4096, 8192, 16_384),
            (1, 2, 4, 8, 16),
            intervals,
            ("coal", "us_average", "renewable"),
        )
        # Nothing that serving does mends training: its three audits are looked at first.
        if not {"deadline", "communication", "failure"}
        & set(design(gpus=gpus, batch_mi=batch, interval_min=interval, site=site).failing)
        for bits, load in itertools.product((8, 16), loads)
        if design(gpus=gpus, batch_mi=batch, interval_min=interval, site=site, weight_bits=bits, sequences=load).passes
    ]
    assert len(passing) == 280
    assert {one[:2] for one in passing} == {(1024, 4), (1024, 8), (2048, 8), (2048, 16)}
    assert {one[3] for one in passing} == {"renewable", "us_average"}
    assert {one[4] for one in passing} == {8}
    assert (min(one[5] for one in passing), max(one[5] for one in passing)) == (32, 64)
    assert min(one[2] for one in passing) == 30


def test_a_pod_fails_by_its_deadline_alone():
    outcome = EightAudits.compute("pod", **{**REFERENCE, "gpus": 8, "interval_min": 240})
    assert outcome.failing == ["deadline"]
    assert outcome.training_days == pytest.approx(459, abs=1)


# --- texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("compute", ("3.3 times as much", "9.99 %", "256 tokens", "13.8 %")),
        ("network", ("44.5 %",)),
        ("mtbf", ("5.0 times as much", "square root")),
        ("checkpoint", ("7.6 times as much", "restart")),
    ],
)
def test_reveal_of_act1(lab, option, said):
    gap = lab.act1.prediction().gap(option)
    assert gap.actual == "inter-node bandwidth, +4.22 %"
    for words in said:
        assert words in gap.why


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("x16", "cost nothing"),
        ("x8", "73.6 % to 13.8 %"),
        ("x4", "0.04 s and 0.25 s"),
        ("x27", "16 times as often"),
    ],
)
def test_reveal_of_act2(lab, option, said):
    gap = lab.act2.prediction().gap(option)
    assert said in gap.why
    assert "2.69 times faster and use 5.95 times the energy" in gap.why
    assert gap.correct is (option == "x27")


def test_reflections_quote_the_model(lab):
    said = {option.id: option.feedback for option in lab.act1.reflection().options}
    assert "0.065 s of 0.227 s" in said["A"]
    assert "17.8 %" in said["B"]
    assert "0.101 s of 0.227 s, 44.6 %" in said["C"]
    assert "9.0 %" in said["D"]
    assert "100/(4 × 2.5) = 10" in lab.act2.reflection().option("B").feedback


def test_nothing_that_is_asked_is_told_before(lab):
    told = lab.act1.concept() + lab.act1.message().text + lab.act2.concept() + lab.act2.message().text
    for result in ("4.22", "1.27", "44.5", "2.69", "2.7"):
        assert result not in told


# --- failures and decisions ---------------------------------------------------------------------------------


def banners(lab: InvariantAuditLab) -> dict[str, str]:
    return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}


def test_failure_states_come_and_go(lab):
    in_act2(lab)
    assert "5 of 8 audits fail. Binding: privacy" in banners(lab)["not_commissioned"]
    assert not lab.constraint_hit
    for name, value in REFERENCE.items():
        lab.set_control("act2", name, value)
    assert banners(lab) == {}
    assert lab.constraint_hit
    assert (lab.result(), lab.decision()) == (8, "commission")
    lab.set_control("act2", "sequences", 96)
    assert "13.0 GB of weights and 78.6 GB of cache need 91.6 GB of 80." in banners(lab)["out_of_memory"]
    lab.set_control("act2", "sequences", 81)
    assert "out_of_memory" not in banners(lab)


def test_every_decision_is_in_the_contract(lab):
    vocabulary = contract_of("v2_17").fields["act2_decision"].vocabulary
    assert vocabulary is not None
    assert {"commission", *AUDITS} == set(vocabulary)
    in_act2(lab)
    validate_design("v2_17", lab.design())


def test_the_first_of_equals_binds():
    rows = [AuditRow("a", "", -0.5), AuditRow("b", "", -0.5), AuditRow("c", "", 0.1)]
    assert binding_row(rows) == 0
    assert binding_row([AuditRow("a", "", 0.2), AuditRow("b", "", -np.inf)]) == 1


# --- the ledger ---------------------------------------------------------------------------------------------


def test_every_lab_is_in_one_family():
    keys = [key for family in FAMILIES for key in family.keys]
    assert sorted(keys) == sorted(TOPICS)
    assert len(TOPICS) == 32
    assert {family.audit for family in FAMILIES} - {""} == set(AUDITS)


def test_an_empty_ledger(lab):
    board = lab.board
    assert board.read == frozenset()
    assert board.share_correct is None
    assert "No record yet" in lab.act1.from_ledger()
    assert lab.act2.from_ledger() == ""
    assert texts(lab.act1.plots(lab.act1.outcome)["record"]).count("no evidence") == len(FAMILIES)
    assert lab.act2.values() == {name: spec.default for name, spec in lab.act2.specs.items()}
    assert (lab.extras()["labs_read"], lab.extras()["share_correct"]) == (0, None)


def test_a_partial_ledger(ledger):
    fill(ledger, ("ch04", "v2_01", "v2_02"), right=True)
    fill(ledger, ("v2_03",), right=False)
    lab = InvariantAuditLab(ledger)
    assert lab.extras()["labs_read"] == 4
    assert lab.extras()["share_correct"] == 0.75
    said = lab.act1.from_ledger()
    assert "3 of 4 first predictions right" in said
    assert "V2-03 bisection" in said
    assert "Not taken, and counted nowhere: V1-01" in said
    communication = next(family for family in FAMILIES if family.name == "communication")
    shown = labs_of(communication, lab.board).replace("\u2009", " ")
    assert shown == "V1 04✓ V2 01✓ 02✓ 03✕ 04– 05– 06– 11–"
    rows = {row.name: row.record for row in lab.act2.rows(lab.act2.outcome)}
    assert rows["communication"] == "you: 3 of 4"
    assert rows["deadline"] == ""


def test_a_damaged_entry_keeps_what_is_sound(ledger, monkeypatch):
    fill(ledger, ("ch05",), right=True)
    sound = DesignLedger.get

    def damaged(self: DesignLedger, chapter: int, volume: int = 1) -> Any:
        entry = sound(self, chapter, volume)
        return None if entry is None else {name: value for name, value in entry.items() if name != "act1_correct"}

    monkeypatch.setattr(DesignLedger, "get", damaged)
    board = Board.of(InvariantAuditLab(ledger))
    assert board.read == {"ch05"}
    assert board.share_correct is None
    assert board.record.walls_found == (1, 1)


@pytest.mark.parametrize(
    ("key", "fields", "control", "value"),
    [
        ("v2_13", {"epsilon_year": 1.03}, "epsilon", 1.05),
        ("v2_13", {"epsilon_year": 50.0}, "epsilon", 8.0),
        ("v2_13", {"epsilon_year": 0.0}, "epsilon", 0.1),
        ("ch10", {"act2_decision": "quantize_and_prune"}, "weight_bits", 8),
        ("ch10", {"act2_decision": "prune"}, "weight_bits", 16),
        ("v2_15", {"context": "renewable"}, "site", "renewable"),
        ("v2_15", {"context": "coal"}, "site", "coal"),
        ("v2_16", {"act2_decision": "equal_opportunity"}, "policy", "equal_opportunity"),
        ("v2_16", {"act2_decision": "demographic_parity"}, "policy", "demographic_parity"),
        ("v2_16", {"act2_decision": "custom"}, "policy", "accuracy"),
    ],
)
def test_starting_values(ledger, key, fields, control, value):
    save_earlier(ledger, key, **fields)
    lab = InvariantAuditLab(ledger)
    assert lab.act2.values()[control] == value
    assert any(lab.act2.specs[control].label in start for start in lab.starts_from_ledger)
    assert f"{len(lab.starts_from_ledger)} of 4 starting values" in lab.act2.from_ledger()
    lab.set_context("pod")
    assert lab.act2.values()[control] == value


# --- the report ---------------------------------------------------------------------------------------------


def cell(page: str, name: str) -> str:
    """What the report shows in a cell."""
    found = re.search(rf'data-cell="{re.escape(name)}"[^>]*>([^<]*)<', page)
    assert found, name
    return found[1]


def test_the_report_before_anything(lab):
    page = lab.report().document()
    assert cell(page, "summary.0") == "0 of 32"
    assert cell(page, "verdict") == "Act II has not been opened yet."
    assert {cell(page, f"{key}.sign") for key in (*TOPICS, *AUDITS)} == {"–"}


def test_the_report_holds_the_ledger_and_the_design(ledger):
    fill(ledger)
    lab = in_act2(InvariantAuditLab(ledger), first="network")
    page = lab.report().document()
    assert cell(page, "summary.0") == "32 of 32"
    assert cell(page, "summary.1") == "32 of 32"
    assert cell(page, "summary.5") == "inter-node bandwidth ✓"
    assert cell(page, "ch02.predicted") == cell(page, "ch02.actual")
    assert {cell(page, f"{key}.sign") for key in TOPICS} == {"✓"}
    assert cell(page, "deadline.found") == "1.90 days"
    assert cell(page, "communication.room") == "−77 %"
    assert cell(page, "verdict").startswith("Not commissioned: 5 of 8 audits fail. Binding: privacy")
    for name, value in REFERENCE.items():
        lab.set_control("act2", name, value)
    assert cell(lab.report().document(), "verdict") == "Commissioned: all 8 audits pass at once."


def test_the_report_takes_up_what_was_imported_since(lab, ledger):
    assert cell(lab.report().document(), "summary.0") == "0 of 32"
    fill(ledger, ("ch01",))
    assert cell(lab.report().document(), "summary.0") == "1 of 32"


def test_nothing_in_a_report_becomes_markup(lab):
    report = lab.report()
    evil = '<img src=x onerror="alert(1)">'
    labs = (ReportLab("ch01", evil, evil, evil, evil, evil, evil, evil), *report.labs[1:])
    page = replace(report, labs=labs, date=evil).document()
    assert "<img" not in page
    assert page.count("&lt;img") >= 8


def test_a_report_asks_for_nothing(lab):
    page = lab.report().document()
    assert POLICY in unescape(page)
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=|url\(|https?:", page)


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["fleet", "pod"])
@pytest.mark.parametrize(
    "extreme",
    [
        {},
        {"sequences": 1, "epsilon": 0.1, "interval_min": 240, "batch_mi": 1},
        {"sequences": 96, "epsilon": 8, "interval_min": 5, "batch_mi": 16, "site": "renewable", "weight_bits": 8},
    ],
)
def test_pictures_at_the_ends_of_the_controls(lab, context, extreme):
    in_act2(lab)
    lab.set_context(context)
    for name, value in extreme.items():
        lab.set_control("act2", name, value)
    for plot in (*lab.act1.plots(lab.act1.outcome).values(), *lab.act2.plots(lab.act2.outcome).values()):
        Figure(plot)
        assert plot.x.low < plot.x.high


def test_the_prediction_is_drawn(lab):
    in_act2(lab, first="mtbf", second="x8")
    assert "your prediction" in texts(lab.act1.plots(lab.act1.outcome)["tornado"])
    assert "your prediction: 8×" in texts(lab.act2.plots(lab.act2.outcome)["training"])


def test_infinite_days_are_shown_as_such():
    plot = audit_board([AuditRow("deadline", "∞ days", -np.inf), AuditRow("carbon", "1 t", 0.5)], title="t")
    assert "−∞" in texts(plot)
