"""V2-04: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.instruments.figure import Figure
from labs.catalog import find_act
from labs.vol2.lab_04_data_storage import (
    CURVES,
    FRACTIONS,
    CacheCliff,
    FuelLineLab,
    SharedStorage,
    toy_cache,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.playing import banner, move
from tests.unit.labs.plot_words import written

CHECKS = json.loads((Path(__file__).parents[2] / "data" / "checks" / "v2_04.json").read_text())


@pytest.fixture
def lab(ledger: DesignLedger) -> FuelLineLab:
    return FuelLineLab(ledger)


def in_act2(lab: FuelLineLab, context: str = "dfs", first: str = "A", second: str = "A") -> FuelLineLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "drives", 8)
    lab.answer("act1", "C")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


def words(plot: Any) -> str:
    return " | ".join([plot.title, plot.caption, *written(plot)])


def feed(context: str, **controls: Any) -> Any:
    start = {"drives": 4, "dfs_share_gb_s": 40, "modality": "video", "corpus_tb": 2000}
    return CacheCliff.compute(context, **{**start, **controls})


# --- physics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CHECKS if c["formula"] in ("act1", "act2")], ids=lambda c: c["id"])
def test_checks(case):
    outcome = find_act(2, 4, case["formula"]).evaluate(**case["inputs"])
    for name, value in case["expect"].items():
        assert outcome[name] == (
            value if isinstance(value, bool) else pytest.approx(value, rel=case["rtol"], abs=1e-12)
        )


def test_hit_ratios_at_their_ends():
    for formula in (physics.lru_hit_ratio_cyclic, physics.lru_hit_ratio_reshuffled, physics.pinned_hit_ratio):
        assert formula(0.0) == 0
        assert formula(1.0) == formula(7.0) == 1
        with pytest.raises(ValueError, match="cached_fraction"):
            formula(-0.1)
    assert physics.lru_hit_ratio_cyclic(1 - 1e-12) == 0
    assert physics.lru_hit_ratio_reshuffled(1e-3) == pytest.approx(0.5e-6, rel=1e-3)
    assert np.all(np.diff(physics.lru_hit_ratio_reshuffled(np.linspace(0, 1, 101))) >= 0)


def test_formulas_agree_with_a_simulated_cache():
    """An LRU cache of half of 1,000 shards: nothing in a loop, 15 % in fresh orders; half of them when pinned."""
    hits = {
        policy: physics.simulate_cache(1000, 492, 4, policy, seed=1).hit.mean()
        for policy in ("fixed", "reshuffled", "pinned")
    }
    assert hits["fixed"] == 0
    assert hits["pinned"] == pytest.approx(0.492)
    assert hits["reshuffled"] == pytest.approx(physics.lru_hit_ratio_reshuffled(0.492), abs=0.02)


def test_small_cache_on_screen():
    assert toy_cache(9, "fixed").hit.sum() == 0
    assert toy_cache(10, "fixed").hit.all()
    assert toy_cache(9, "pinned").hit.sum() == 27
    assert not toy_cache(0, "reshuffled").resident.any()
    trace = toy_cache(4, "reshuffled")
    assert trace.resident.sum(axis=0).max() == 4
    assert np.array_equal(trace.hit, trace.resident[trace.item, np.arange(len(trace.item))])


@pytest.mark.parametrize(
    ("context", "drives", "order", "supply", "busy"),
    [
        ("dfs", 4, "fixed", 1.25, 19.5),
        ("dfs", 8, "fixed", 1.25, 19.5),
        ("dfs", 4, "reshuffled", 1.47, 22.9),
        ("dfs", 8, "reshuffled", 14.5, 100),
        ("nvme", 4, "fixed", 2.46, 38.4),
        ("nvme", 8, "fixed", 57.0, 100),
    ],
)
def test_supplies_of_the_sheet(context, drives, order, supply, busy):
    outcome = feed(context, drives=drives, order=order)
    assert outcome.supply_gb_s == pytest.approx(supply, rel=5e-3)
    assert outcome.utilization * 100 == pytest.approx(busy, abs=0.051)


def test_the_last_terabyte_and_other_data():
    assert feed("dfs", drives=8, corpus_tb=1900).hit_ratio == 1
    assert feed("dfs", drives=8, corpus_tb=1900).remote_gb_s == 0
    assert feed("dfs", modality="text").utilization == 1
    assert feed("dfs", modality="text").demand_gb_s == pytest.approx(0.00065536)
    assert feed("dfs", modality="image").utilization == pytest.approx(0.81, abs=0.005)
    assert feed("nvme", drives=8, corpus_tb=100).supply_gb_s == 56


DESIGNS = {
    "default": ("dfs", 4, 100, "direct", "replicated", 10),
    "share": ("dfs", 4, 200, "direct", "replicated", 10),
    "sharded": ("dfs", 4, 100, "direct", "sharded", 10),
    "sharded local": ("dfs", 4, 100, "local", "sharded", 10),
    "brute": ("dfs", 4, 210, "direct", "sharded", 10),
    "slow first pass": ("nvme", 3, 60, "local", "sharded", 10),
    "staged": ("nvme", 3, 70, "local", "sharded", 10),
    "edge": ("dfs", 1, 190, "local", "sharded", 14),
    "staged direct": ("nvme", 3, 70, "direct", "sharded", 10),
}


@pytest.mark.parametrize(
    ("name", "stall", "pause", "recovery", "cost", "passes"),
    [
        ("default", 56.9, 23.3, 12.3, 3.359, False),
        ("share", 8.0, 11.7, 11.2, 4.359, False),
        ("sharded", 52.6, 5.8, 10.6, 3.359, False),
        ("sharded local", 52.6, 0.33, 10.6, 3.359, False),
        ("brute", 1.4, 2.8, 10.3, 4.459, False),
        ("slow first pass", 11.5, 0.43, 11.0, 2.369, False),
        ("staged", 9.3, 0.43, 10.8, 2.469, True),
        ("edge", 8.2, 0.93, 14.3, 2.490, True),
        ("staged direct", 9.3, 4.2, 10.8, 2.469, False),
    ],
)
def test_designs_of_the_sheet(name, stall, pause, recovery, cost, passes):
    outcome = SharedStorage.design(*DESIGNS[name])
    assert outcome.video_stall * 100 == pytest.approx(stall, abs=0.051)
    assert outcome.pause_fraction * 100 == pytest.approx(pause, abs=0.051)
    assert outcome.rpo_min == pytest.approx(recovery, abs=0.051)
    assert outcome.cost_usd_per_year / 1e6 == pytest.approx(cost, abs=6e-4)
    assert outcome.meets_challenge == passes


def test_eleven_settings_pass_in_two_families():
    space = itertools.product(
        ("nvme", "dfs"), range(1, 9), range(10, 401, 10), ("direct", "local"), ("sharded", "replicated"), range(1, 61)
    )
    # Whatever costs too much cannot pass: leaves a few thousand to compute.
    found = [
        (context, drives, share, interval)
        for context, drives, share, path, layout, interval in space
        if 64 * drives * 9216 + 1e4 * share <= 2.5e6
        and path == "local"
        and interval <= 15
        and SharedStorage.compute(
            context, drives=drives, dfs_share_gb_s=share, path=path, layout=layout, interval_min=interval
        ).meets_challenge
    ]
    assert len(found) == 11
    assert {one[:3] for one in found} == {("nvme", 3, 70), ("dfs", 1, 190)}
    assert [one[3] for one in found if one[0] == "nvme"] == list(range(5, 15))


# --- texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "numbers"),
    [
        ("A", ("5.12 times", "98 %", "evicted just now")),
        ("B", ("4.36 times", "14.8 %", "91.4 %", "fresh order")),
        ("C", ("2.00 times", "Capacity is not traffic")),
        ("D", ("1.00 times", "worst case")),
    ],
)
def test_reveal_of_act1(lab, option, numbers):
    gap = lab.act1.prediction().gap(option)
    text = f"{gap.text} {gap.why}"
    assert gap.actual == "1.00×"
    assert gap.correct == (option == "D")
    assert all(number in text for number in (*numbers, "1.25 GB/s", "0 % hits", "98.3 %", "100 %")), text


@pytest.mark.parametrize(
    ("option", "numbers"),
    [
        ("A", ("126,000 times", "4,320 times")),
        ("B", ("4,320 times", "29 %")),
        ("C", ("5.00 times", "2 of 10 bytes", "the other 8")),
        ("D", ("1.00 times",)),
    ],
)
def test_reveal_of_act2(lab, option, numbers):
    gap = lab.act2.prediction().gap(option)
    text = f"{gap.text} {gap.why}"
    assert gap.actual == "1,260"
    assert all(number in text for number in (*numbers, "4,320 saves × 1.75 TB = 7.56 PB", "6 TB", "1,764")), text


def test_options_show_their_ratio_only(lab):
    assert [option.text for option in lab.act1.prediction().options] == ["5.1×", "4.4×", "2×", "1×"]
    assert [option.text for option in lab.act2.prediction().options] == [
        "about 0.01",
        "about 0.3",
        "about 250",
        "about 1,260",
    ]


def test_stories_and_reflections_quote_the_model(lab):
    assert all(
        text in lab.act1.message().text for text in ("2,000 TB", "40 GB/s", "20 %", "98 %", "128", "1.2 million")
    )
    assert all(text in lab.act1.concept() for text in ("160 MB", "1.25 GB/s", "7.68 TB", "7 GB/s"))
    assert all(text in lab.act2.message().text for text in ("500 TB", "more than half", "23 %", "3.4 million", "2.5"))
    feedback = {letter: lab.act1.reflection().option(letter).feedback for letter in "ABD"}
    assert all(text in feedback["A"] for text in ("44.4 h", "180,000 USD"))
    assert all(text in feedback["B"] for text in ("6 h", "12 s", "13.9 h", "19.9 h"))
    assert "44.4 h" in feedback["D"]
    assert all(text in lab.act2.reflection().option("A").feedback for text in ("54.7 GB", "2.6 s"))
    assert "479 times" in FuelLineLab.briefing
    assert "5.2 s per 600 s" in FuelLineLab.instructor_notes
    assert all(text in lab.act1.plots(lab.act1.outcome)["gravity"].caption for text in ("13,333", "180,000 USD"))


# --- failure states and challenge ---------------------------------------------------------------------------


def test_storm(lab):
    in_act2(lab)
    move(lab, dfs_share_gb_s=20)
    assert "7,000 GB through 10.0 GB/s take 11.7 min, but the next save is due after 10 min" in banner(lab)
    assert lab.constraint_hit
    # A recovery point below its limit means nothing where nothing becomes durable.
    move(lab, layout="sharded", interval_min=2)
    assert lab.act2.outcome.rpo_min < 15
    assert not lab.act2.constraints()[2].holds(lab.act2.outcome)
    assert "∞ min" in words(lab.act2.plots(lab.act2.outcome)["recovery"])
    move(lab, interval_min=10)
    assert "STORM" not in banner(lab)


def test_starvation_is_the_start_and_does_not_count(lab):
    in_act2(lab)
    assert "needs 204.8 GB/s and gets 88 on average" in banner(lab)
    assert "56.9 %" in banner(lab)
    assert not lab.constraint_hit
    move(lab, dfs_share_gb_s=210)
    assert banner(lab) == ""
    assert not lab.constraint_hit


def test_overflow(lab):
    in_act2(lab, "nvme")
    move(lab, drives=2)
    assert banner(lab) == "CORPUS DOES NOT FIT: 491.5 TB of local NVMe for 500 TB; add a drive per node or stream."
    assert {metric.status for metric in lab.act2.metrics(lab.act2.outcome)} == {"neutral"}
    assert not lab.act2.constraints()[0].holds(lab.act2.outcome)
    move(lab, drives=3)
    assert banner(lab) == ""


@pytest.mark.parametrize("context", ["nvme", "dfs"])
def test_badges_and_verdict_agree(lab, context):
    in_act2(lab, context)
    for values in itertools.product(
        (1, 2, 3), (20, 70, 190), ("direct", "local"), ("sharded", "replicated"), (1, 9, 14)
    ):
        move(lab, **dict(zip(lab.act2.specs, values, strict=True)))
        assert lab.act2.constraints_met() == lab.act2.outcome.meets_challenge


@pytest.mark.parametrize("context", ["nvme", "dfs"])
def test_solutions(lab, context):
    in_act2(lab, context)
    assert not lab.act2.constraints_met()
    move(lab, **lab.solution(context))
    assert lab.act2.constraints_met()
    assert lab.solved == {context}


# --- ledger -------------------------------------------------------------------------------------------------


def test_opens_in_the_shared_file_system(lab):
    assert lab.context == "dfs"
    assert lab.context_source == ""
    assert "order" in lab.act1.specs
    lab.set_context("nvme")
    assert "order" not in lab.act1.specs


def test_a_saved_entry(lab, ledger):
    in_act2(lab, "nvme", first="D")
    move(lab, **lab.solution("nvme"))
    lab.answer("act2", "B")
    assert "question" in lab.missing_to_save()
    lab.decide("stage_nvme")
    lab.save()
    entry = ledger.get(4, 2)
    assert entry["act1_prediction"] == "D"
    assert entry["act1_correct"] is True
    assert entry["act2_result"] == pytest.approx(0.906909)
    assert entry["act2_decision"] == "stage_nvme"
    assert (entry["checkpoint_gb"], entry["interval_min"], entry["drives"]) == (1750, 10, 3)
    assert entry["pause_s"] == pytest.approx(2.604, abs=1e-3)
    assert entry["rpo_min"] == pytest.approx(10.833, abs=1e-3)
    assert entry["constraint_hit"] is True


def test_decisions_are_those_of_the_contract():
    assert set(FuelLineLab.decision_radio.options) == set(contract_of("v2_04").fields["act2_decision"].vocabulary)


def lost(lab: FuelLineLab) -> str:
    return next(m.note for m in lab.act2.metrics(lab.act2.outcome) if m.label == "Lost per failure")


def with_fleet(ledger: DesignLedger, **fields: Any) -> FuelLineLab:
    save_earlier(ledger, "v2_01", **fields)
    return FuelLineLab(ledger)


def test_without_a_fleet_the_course_s_failure_rate_counts(lab):
    assert lab.partition_mtbf_s / 3600 == pytest.approx(195.3125)
    assert lab.act2.from_ledger() == ""
    assert lost(lab) == "0.06 % of the run is redone"


def test_the_fleet_is_scaled_to_a_partition(ledger):
    lab = with_fleet(ledger, fleet_gpus=4096, fleet_mtbf_h=1.2)
    assert lab.partition_mtbf_s / 3600 == pytest.approx(19.2)
    assert all(text in lab.act2.from_ledger() for text in ("V2-01", "1.20 h", "4,096 GPUs", "19.20 h"))
    assert lost(lab) == "0.64 % of the run is redone"


@pytest.mark.parametrize("fields", [{"fleet_gpus": 4096}, {"fleet_gpus": 0, "fleet_mtbf_h": 2.0}], ids=str)
def test_a_fleet_that_cannot_be_used_counts_as_missing(ledger, fields):
    lab = with_fleet(ledger, **fields)
    assert lab.own_fleet is None
    assert lab.partition_mtbf_s / 3600 == pytest.approx(195.3125)


# --- pictures -----------------------------------------------------------------------------------------------


def extremes(act: Any) -> itertools.product[tuple[Any, ...]]:
    """The ends of every control of the current context."""
    return itertools.product(*((spec.values()[0], spec.values()[-1]) for spec in act.specs.values()))


@pytest.mark.parametrize("context", ["dfs", "nvme"])
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_instruments_hold_their_form_at_the_ends_of_every_control(lab, context, key):
    act = in_act2(lab, context).act(key)
    figures = {name: Figure(plot) for name, plot in act.plots(act.outcome).items()}
    forms = {name: {plot.structure()} for name, plot in act.plots(act.outcome).items()}
    for values in extremes(act):
        for name, value in zip(act.specs, values, strict=True):
            act.set(name, value)
        for name, plot in act.plots(act.outcome).items():
            forms[name].add(plot.structure())
            figures[name].show(plot)
            assert not any(text in words(plot).split() for text in ("nan", "None", "inf"))
    assert {name: len(form) for name, form in forms.items()} == dict.fromkeys(forms, 1)


def test_predictions_are_drawn(lab):
    in_act2(lab, first="B", second="C")
    assert "you said" in words(lab.act1.plots(lab.act1.outcome)["tiers"])
    assert "you said" in words(lab.act2.plots(lab.act2.outcome)["traffic"])
    lab.set_context("nvme")
    assert "you said" not in words(lab.act1.plots(lab.act1.outcome)["tiers"])


def test_the_timeline_ends_with_its_hour(lab):
    in_act2(lab)
    for interval in (1, 7, 60):
        move(lab, interval_min=interval)
        boxes = [
            layer.columns() for layer in lab.act2.plots(lab.act2.outcome)["share"].layers if "left" in layer.columns()
        ]
        assert all(np.nanmax(columns["right"], initial=0) <= 60 for columns in boxes)


def test_the_curves_are_those_of_the_formulas():
    assert np.array_equal(CURVES[1].hits, physics.lru_hit_ratio_reshuffled(FRACTIONS))
