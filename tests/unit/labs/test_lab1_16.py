"""V1-16: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from components.instruments.audit import (
    Design,
    Judged,
    Trace,
    TwoTerms,
    Wall,
    binding,
    factor_text,
    moving_against_computing,
    prediction_record,
    usage_bars,
    usage_text,
    verdict_board,
    year_ahead,
)
from components.instruments.figure import Figure
from components.instruments.layers import Points
from labs import robot, showing
from labs.record import Guess, answer_of, first_question, guess_of, typical_factor
from labs.vol1.lab_16_ml_conclusion import (
    BUDGETS,
    MARGIN_LABS,
    REFERENCE_WRONG,
    TIERS,
    TOPICS,
    WALLS,
    ArchitectsAuditLab,
    CostOfAToken,
    FourDesigns,
    gap_steps,
    lab_key,
    reply_p99,
    shortest_unaudited_days,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.plot_words import texts

LABS = tuple(TOPICS)


@pytest.fixture
def lab(ledger: DesignLedger) -> ArchitectsAuditLab:
    return ArchitectsAuditLab(ledger)


def save(ledger: DesignLedger, labs: Iterable[int], wrong: Iterable[int] = (), **changes: Any) -> DesignLedger:
    """Saves entries of earlier labs, the given ones predicted wrongly."""
    for number in labs:
        contract = contract_of(lab_key(number))
        design = {
            name: robot._some_value(field, random.Random(number), False) for name, field in contract.fields.items()
        }
        right = number not in wrong
        stored = answer_of(lab_key(number), right=right)
        design |= {"act1_correct": right, "constraint_hit": True, "context": contract.contexts[0]}
        if stored is not None:
            design["act1_prediction"] = stored
        design |= {name: value for name, value in changes.items() if name in design}
        ledger.save(chapter=number, volume=1, design=design, attempts=1, progress={})
    return ledger


def in_act2(lab: ArchitectsAuditLab, context: str = "cloud") -> ArchitectsAuditLab:
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", "B")
    lab.set_control("act1", "bits", 4 if lab.act1.bits != 4 else 16)
    lab.answer("act1", "C")
    lab.lock("act2", "C")
    return lab


def repaired(lab: ArchitectsAuditLab, tiers: Iterable[str] = TIERS) -> ArchitectsAuditLab:
    """The lab with the reference designs on some tiers."""
    in_act2(lab)
    for tier in tiers:
        lab.set_context(tier)
        for name, value in lab.solution(tier).items():
            lab.set_control("act2", name, value)
    return lab


# --- Act I ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "ratio", "max_batch"),
    [("cloud", 295.224, 59), ("edge", 61.27, 89), ("mobile", 128.7, 100), ("tiny", 0.0356, None)],
)
def test_ratio_of_each_tier(context, ratio, max_batch):
    outcome = CostOfAToken.compute(context)
    assert outcome.ratio == pytest.approx(ratio, rel=1e-3)
    assert outcome.max_batch == max_batch
    ridge = outcome.peak / (outcome.weight_bytes / outcome.t_mem_s)
    assert outcome.ratio == pytest.approx(ridge / outcome.intensity)


def test_phone_and_button_cell_have_one_user_and_no_more():
    for tier in ("mobile", "tiny"):
        assert "batch" not in CostOfAToken.controls_in(tier)
        assert CostOfAToken.compute(tier, batch=64).batch == 1
    assert "keep_cache" not in CostOfAToken.controls_in("tiny")


def test_sixteen_bits_cannot_batch_to_the_ridge(lab):
    full = CostOfAToken.compute("cloud", batch=59, keep_cache=True)
    assert full.t_mem_s == pytest.approx(23.85e-3, rel=1e-3)
    assert full.t_comp_s / full.t_mem_s == pytest.approx(0.175, abs=5e-4)
    table = " ".join(itertools.chain(*lab.act1.tables(lab.act1.outcome)[1].rows))
    assert all(word in table for word in ("295", "59", "23.85 ms", "17.5 %"))


@pytest.mark.parametrize(
    ("option", "gap", "words"),
    [
        ("A", "87,157 times", "0.071 ms of arithmetic"),
        ("B", "295.2 times", "matrix times one vector"),
        ("C", "1.00 times", "20.896 ms against 0.07078 ms"),
        ("D", "2.00 times", "1,979 TFLOP/s need 2:4 sparse"),
    ],
)
def test_reveal_of_act1(lab, option, gap, words):
    shown = lab.act1.prediction().gap(option)
    assert shown.text == gap
    assert words in shown.why
    assert "wants 295 operations per byte" in shown.why
    assert shown.correct is (option == "C")


def test_reflection_of_act1_is_computed(lab):
    question = lab.act1.reflection()
    assert question.option("A").text.startswith("1.36 times")
    assert "35 %" in question.option("B").feedback
    assert "0.5 %" in question.option("B").feedback
    assert question.option("C").text == "1.0013 times"
    assert "20.896 + 0.1011" in question.option("C").feedback
    assert "0.0745" in question.option("C").feedback
    assert "73.8" in lab.act1.peek().note
    assert "18.5" in lab.act1.peek().note


def test_prediction_is_drawn_on_the_cloud_alone(lab):
    in_act2(lab)
    for tier in TIERS:
        lab.set_context(tier)
        plots = lab.act1.plots(lab.act1.outcome)
        for name in ("terms", "roofline"):
            assert ("your prediction" in texts(plots[name])) is (tier == "cloud"), (tier, name)
        shown = [one for one in plots["terms"].layers if isinstance(one, Points) and one.marker == "diamond"]
        at = shown[0].columns()["x"][0]
        assert math.isnan(at) if tier != "cloud" else at == pytest.approx(20.896e-3, rel=1e-3)


def test_more_caches_than_the_memory_holds_is_a_warning(lab):
    in_act2(lab)
    lab.set_control("act1", "bits", 16)
    lab.set_control("act1", "keep_cache", True)
    lab.set_control("act1", "batch", 32)
    assert not lab.act1.active_failures()
    lab.set_control("act1", "batch", 64)
    (warning,) = lab.act1.active_failures()
    assert warning.severity == "warn"
    assert "161 GB" in warning.text(lab.act1.outcome)


# --- Act II: designs -----------------------------------------------------------------------------------------------


def feasible(context: str, model: str, bits: int, audit: bool, batch: int, margin: float) -> tuple[int, int] | None:
    """First and last interval at which a design holds; None for none."""
    days = [
        interval
        for interval in range(1, 181)
        if FourDesigns.compute(
            context,
            model=model,
            bits=bits,
            batch=batch,
            interval_days=interval,
            cohort_audit=audit,
            margin=margin,
        ).all_met
    ]
    return (days[0], days[-1]) if days else None


@pytest.mark.parametrize(
    ("context", "model", "bits", "audit", "batch", "margin", "days"),
    [
        ("cloud", "70B", 4, True, 8, 0.0, (10, 32)),
        ("cloud", "70B", 4, True, 4, 0.0, None),
        ("cloud", "70B", 8, True, 16, 0.0, (10, 48)),
        ("cloud", "70B", 8, True, 32, 0.0, None),
        ("cloud", "8B", 16, True, 4, 0.0, (10, 21)),
        ("cloud", "8B", 8, True, 2, 0.0, (10, 16)),
        ("cloud", "8B", 8, False, 8, 0.0, None),
        ("cloud", "70B", 4, True, 8, 0.1, (11, 21)),
        ("cloud", "70B", 8, True, 16, 0.1, None),
        ("edge", "8B", 4, True, 1, 0.0, (21, 53)),
        ("edge", "8B", 4, True, 4, 0.0, (21, 53)),
        ("edge", "8B", 4, True, 8, 0.0, None),
        ("edge", "8B", 4, False, 1, 0.0, None),
        ("edge", "8B", 4, True, 2, 0.1, (24, 29)),
        ("edge", "8B", 4, True, 4, 0.1, None),
        ("edge", "8B", 8, True, 1, 0.0, None),
        ("mobile", "1B", 16, True, 1, 0.0, (25, 93)),
        ("mobile", "1B", 8, True, 1, 0.0, (25, 84)),
        ("mobile", "1B", 4, True, 1, 0.0, (25, 58)),
        ("mobile", "1B", 16, False, 1, 0.0, (61, 93)),
        ("mobile", "1B", 8, False, 1, 0.0, (61, 84)),
        ("mobile", "1B", 8, True, 1, 0.1, (45, 48)),
        ("mobile", "8B", 4, True, 1, 0.0, None),
        ("tiny", "S", 8, True, 1, 0.0, (43, 98)),
        ("tiny", "S", 8, False, 1, 0.0, (61, 98)),
        ("tiny", "S", 8, True, 1, 0.1, (52, 55)),
        ("tiny", "M", 8, True, 1, 0.0, None),
    ],
)
def test_feasible_intervals_of_the_sheet(context, model, bits, audit, batch, margin, days):
    assert feasible(context, model, bits, audit, batch, margin) == days


@pytest.mark.parametrize("context", TIERS)
def test_no_interval_rescues_the_recipe(context):
    default = {name: spec.default for name, spec in FourDesigns.controls_in(context).items()}
    assert feasible(context, default["model"], 8, False, default.get("batch", 1), 0.0) is None


@pytest.mark.parametrize(
    ("context", "usage", "broken"),
    [
        ("cloud", {"accuracy": 1.64}, ["accuracy"]),
        ("edge", {"p99": 1.84}, ["P99", "accuracy"]),
        ("mobile", {"memory": 2.04, "p99": 2.44, "power": 3.12}, ["memory", "P99", "power"]),
        ("tiny", {"power": 2.08}, ["power"]),
    ],
)
def test_the_recipe_breaks_another_wall_on_each_tier(context, usage, broken):
    outcome = FourDesigns.recipe(context)
    assert FourDesigns.broken(outcome) == broken
    for wall, value in usage.items():
        assert outcome.usages[wall] == pytest.approx(value, abs=0.006)
    assert outcome.silent_degradation is (context == "cloud")


def test_freshness_alone_feeds_the_loop():
    naive = FourDesigns.recipe("cloud", model="70B", bits=4, interval_days=14)
    assert naive.accuracy == pytest.approx(0.917, abs=5e-4)
    assert naive.updates == 26
    assert naive.cohort_gap == pytest.approx(0.358, abs=5e-4)
    assert naive.usage_gap == pytest.approx(7.15, abs=5e-3)
    assert naive.silent_degradation
    audited = FourDesigns.recipe("cloud", model="70B", bits=4, interval_days=14, cohort_audit=True)
    assert audited.all_met


@pytest.mark.parametrize(
    ("context", "largest", "wall"),
    [("cloud", 0.816, "accuracy"), ("edge", 0.881, "accuracy"), ("mobile", 0.896, "cost"), ("tiny", 0.894, "accuracy")],
)
def test_witnesses_hold_with_every_margin(lab, context, largest, wall):
    outcome = FourDesigns.recipe(context, **lab.solution(context))
    assert max(outcome.usages.values()) == pytest.approx(largest, abs=5e-4)
    assert FourDesigns.binding_of(outcome) == wall
    assert max(outcome.usages.values()) <= 0.9


def test_where_8b_at_8_bits_serves():
    assert [FourDesigns.serves(tier) for tier in TIERS] == [True, False, False, False]
    assert math.isinf(reply_p99("cloud", "8B", 8, 1))
    assert reply_p99("edge", "8B", 8, 1) == pytest.approx(13.8, abs=0.05)
    assert reply_p99("edge", "8B", 8, 8) == pytest.approx(14.7, abs=0.05)


def test_ten_times_the_traffic_has_no_batch_on_one_gpu():
    for batch in (1, 2, 4, 8, 16, 32, 64):
        service = FourDesigns.recipe("cloud", model="70B", bits=4, batch=batch).service_s
        assert physics.mmc_latency_percentile(120.0, service, float(batch), 0.99) > 8


# --- Act II: texts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "gap", "words"),
    [
        ("A", "3 tiers", "other units"),
        ("B", "2 tiers", "reads 8.0 GB for every token"),
        ("C", "1 tier", "13.8 s there (14.7 s at batch 8) against 8"),
        ("D", "0 tiers", "31,367 times too large; cloud 0.47 s at batch 8"),
    ],
)
def test_reveal_of_act2(lab, option, gap, words):
    shown = lab.act2.prediction().gap(option)
    assert (shown.text, shown.actual, shown.correct) == (gap, "1 of 4 tiers", option == "D")
    assert words in shown.why
    assert "Cloud: accuracy; Edge: P99, accuracy; Mobile: memory, P99, power; TinyML: power" in shown.why
    assert "what binds is accuracy, accuracy, cost, accuracy" in shown.why


def test_reflection_and_peek_of_act2(lab):
    right = lab.act2.reflection().option("B").feedback
    for words in ("67.5 days instead of 92.1", "53 days between", "at least 61", "96,000 USD", "under 21 days"):
        assert words in right
    assert "1.5 points" in lab.act2.reflection().option("A").feedback
    assert "96 % of the step" in lab.act2.reflection().option("D").feedback
    assert "5.36" in lab.act2.peek().note
    assert shortest_unaudited_days() == 61
    assert math.floor(365 / 61) == 5


def banners(lab: ArchitectsAuditLab) -> dict[str, str]:
    act = lab.act2
    return {one.id: f"{one.title} {one.text(act.outcome)}" for one in act.active_failures()}


def test_banners_of_the_start(lab):
    in_act2(lab)
    assert banners(lab) == {
        "silent": "ALL DASHBOARDS GREEN: memory 11 %, P99 6 %, power 55 % of their limits. Accuracy 83.6 % "
        "(floor 90 %), cohort gap 4.4 points (gate 5). Nobody was paged."
    }
    lab.set_context("edge")
    assert set(banners(lab)) == {"tail", "floor"}
    assert "P99 14.7 s, limit 8 s (moving is 89 % of a step)" in banners(lab)["tail"]
    lab.set_context("mobile")
    assert set(banners(lab)) == {"memory", "tail", "power"}
    assert "8.16 GB of 4.00 GB" in banners(lab)["memory"]
    assert "390 mW on average, limit 125 mW" in banners(lab)["power"]
    lab.set_context("tiny")
    assert set(banners(lab)) == {"power"}
    assert not lab.constraint_hit


def test_further_banners_and_their_reversal(lab):
    in_act2(lab, "tiny")
    lab.set_control("act2", "model", "S")
    assert not lab.act2.active_failures(), "at 90 days without audits the small network holds"
    assert lab.act2.constraints_met()
    lab.set_control("act2", "interval_days", 20)
    assert {"silent", "rollout", "budget"} == set(banners(lab))
    assert "30 days to reach the fleet, and the next one starts after 20" in banners(lab)["rollout"]
    assert "365,000 USD a year, limit 300,000 USD" in banners(lab)["budget"]
    assert lab.constraint_hit
    lab.set_control("act2", "interval_days", 90)
    assert not lab.act2.active_failures()
    lab.set_context("cloud")
    lab.set_control("act2", "batch", 1)
    assert "the queue has no steady state" in banners(lab)["tail"]
    lab.set_control("act2", "interval_days", 1)
    assert "> 100 points" in banners(lab)["gate"]


def test_silent_degradation_needs_both_a_shorter_interval_and_audits(lab):
    in_act2(lab)
    lab.set_control("act2", "interval_days", 12)
    assert "silent" in banners(lab), "the gap has taken the place of the floor"
    lab.set_control("act2", "cohort_audit", True)
    assert not lab.act2.active_failures()


# --- four contexts -------------------------------------------------------------------------------------------------


def test_each_tier_keeps_its_own_controls(lab):
    in_act2(lab)
    lab.set_control("act2", "interval_days", 12)
    lab.set_control("act2", "cohort_audit", True)
    lab.set_control("act2", "bits", 4)
    for tier in TIERS[1:]:
        lab.set_context(tier)
        assert (lab.act2.interval_days, lab.act2.cohort_audit, lab.act2.bits) == (90, False, 8), tier
    lab.set_context("edge")
    lab.set_control("act2", "batch", 1)
    lab.set_context("cloud")
    assert (lab.act2.interval_days, lab.act2.cohort_audit, lab.act2.bits, lab.act2.batch) == (12, True, 4, 8)
    assert lab.act2.values_in("edge")["batch"] == 1
    assert lab.act2.values_in("tiny")["model"] == "M"


def test_board_and_tables_show_all_tiers_from_any(lab):
    repaired(lab, ("cloud", "tiny"))
    for tier in TIERS:
        lab.set_context(tier)
        board = lab.act2.plots(lab.act2.outcome)["board"]
        assert [text.split("\n")[1] for _, text in board.x.ticks] == ["✓ holds", "✕", "✕", "✓ holds"]
        assert "2 of 4 hold (Cloud, TinyML)" in board.caption
        named = [name for name in ("Edge", "Mobile") if name.lower() != tier]
        assert f"Still at the common recipe: {', '.join(named)}." in board.caption
        table = lab.act2.tables(lab.act2.outcome)[0]
        assert [row[2] for row in table.rows] == ["7 of 7", "5 of 7", "4 of 7", "7 of 7"]
        assert table.emphasis == TIERS.index(tier)
        assert len(lab.act2.tables(lab.act2.outcome)[1].rows) == 15


def test_invariants_of_the_button_cell_have_neither_cache_nor_dispatch(lab):
    in_act2(lab, "tiny")
    lab.set_control("act2", "model", "S")
    rows = dict((row[0][:2], row[1:]) for row in lab.act2.tables(lab.act2.outcome)[1].rows)
    assert rows["06"][0] == rows["07"][0] == "–"
    assert "3.85 orders" in rows["01"][0]
    assert "of a window" in rows["02"][0]
    assert rows["08"] == ("618 kB to train on the device, 2.41 times its memory", "✕ broken")


# --- the record ----------------------------------------------------------------------------------------------------


def test_without_a_ledger_a_reference_engineer_stands_in(lab):
    assert lab.context == "cloud"
    assert not lab.context_source
    assert "No record yet" in lab.act1.from_ledger()
    assert "9 of 15 right, wrong in Labs 02, 05, 07, 11, 13, 15" in lab.act1.from_ledger()
    assert lab.act2.from_ledger() == ""
    plot = lab.act1.plots(lab.act1.outcome)["record"]
    assert "reference engineer, not you" in plot.title
    assert "not taken" not in texts(plot)
    assert [text[-1] for _, text in plot.y.ticks] == ["✕" if n in REFERENCE_WRONG else "✓" for n in LABS]
    assert all(lab.record.margin(wall) == 0 for wall in WALLS)
    design = in_act2(lab).design()
    assert (design["hits"], design["taken"], design["margins"]) == (0, 0, [])


def test_some_labs_are_read_as_they_are(ledger):
    lab = ArchitectsAuditLab(save(ledger, (1, 2, 4, 13), wrong=(2, 13)))
    card = lab.act1.from_ledger()
    assert "2 of 4 right, too few to say more" in card
    assert "Walls you found by breaking something: 4 of 4" in card
    assert "| 02 iron law | 3.17 times | 1.53 times | ✕ wrong | yes |" in card
    assert "Not taken, and counted nowhere: Labs 03, 05," in card
    assert "**P99** (Labs 02, 13)" in card
    plot = lab.act1.plots(lab.act1.outcome)["record"]
    assert "your record" in plot.title
    assert texts(plot).count("not taken") == 11
    assert "×2.1" in texts(plot)
    assert lab.record.margin("p99") == 0.1
    assert lab.record.margin("memory") == 0.0
    assert "Slack of ten percent" in lab.act2.from_ledger()


def test_enough_labs_give_an_interval(ledger):
    lab = ArchitectsAuditLab(save(ledger, LABS, wrong=REFERENCE_WRONG))
    card = lab.act1.from_ledger()
    assert "9 of 15 right, 60 % (95 % interval 36 % to 80 %; guessing gives 25 %)" in card
    assert (lab.record.hits, len(lab.record.taken)) == (9, 15)
    assert lab.design()["hits"] == 9
    asked = {wall for wall, labs in MARGIN_LABS.items() if set(labs) & set(REFERENCE_WRONG)}
    assert asked == {"p99", "memory", "gap"}
    assert set(lab.design()["margins"]) == asked


def test_every_lab_belongs_to_one_margin():
    assert sorted(itertools.chain(*MARGIN_LABS.values())) == list(LABS)


def test_margins_move_walls_and_badges(ledger):
    lab = ArchitectsAuditLab(save(ledger, LABS, wrong=LABS, retrain_interval_days=None))
    in_act2(lab)
    assert all(lab.record.margin(wall) == 0.1 for wall in WALLS)
    assert [constraint.label for constraint in lab.act2.constraints()] == [
        "≤ 72.0 GB, 7.2 s, 1,148 W",
        "Accuracy ≥ 91 %",
        "Gap ≤ 4.5 points",
        "≤ 225,000 USD/year, updates ≥ 0.556 d apart",
    ]
    repaired_ = lab.solution("cloud") | {"interval_days": 31}
    for name, value in repaired_.items():
        lab.set_control("act2", name, value)
    assert lab.act2.outcome.all_met, "within the walls"
    assert not lab.act2.constraints_met(), "not within the margins"
    assert "accuracy at 0.99, because you misjudged Labs 03, 10, 14" in banners(lab)["margin"]
    assert lab.result() == 0
    lab.set_control("act2", "interval_days", 12)
    assert lab.act2.constraints_met()
    assert lab.result() == 1


def test_all_four_designs_hold_with_every_margin(ledger):
    lab = repaired(ArchitectsAuditLab(save(ledger, LABS, wrong=LABS)))
    assert lab.result() == 4
    assert lab.solved == set(TIERS)


@pytest.mark.parametrize(("stored", "shown"), [(33.4, 33), (0.25, 1), (400, 180), (None, 90)])
def test_interval_of_lab_14_starts_every_tier(ledger, stored, shown):
    lab = ArchitectsAuditLab(save(ledger, (14,), retrain_interval_days=stored))
    for tier in TIERS:
        lab.set_context(tier)
        assert lab.act2.interval_days == shown, tier
        assert lab.act2.preset_source("interval_days") == ("" if stored is None else "Lab 14")
        assert lab.act2.default("interval_days") == shown
    assert ("Lab 14" in lab.act2.from_ledger()) is (stored is not None)


@pytest.mark.parametrize(
    ("contexts", "home"),
    [
        ({1: "tiny", 2: "edge", 3: "mobile", 4: "edge"}, "edge"),
        ({1: "tiny", 3: "mobile"}, "mobile"),
        ({1: "tiny"}, "tiny"),
    ],
)
def test_opens_where_most_designs_stood(ledger, contexts, home):
    for number, context in contexts.items():
        save(ledger, (number,), context=context)
    lab = ArchitectsAuditLab(ledger)
    assert (lab.context, lab.context_source) == (home, "Labs 01 to 15")


def test_record_is_read_once_per_attempt(ledger):
    lab = ArchitectsAuditLab(ledger)
    save(ledger, (2,), wrong=(2,))
    assert not lab.record.taken
    lab.start_over()
    assert lab.record.misjudged == {2}


def test_guesses_are_held_against_what_the_labs_ask():
    for number in LABS:
        key = lab_key(number)
        if first_question(key) is None:
            continue
        right, wrong = (guess_of(key, fair, answer_of(key, right=fair)) for fair in (True, False))
        assert right.ratio == pytest.approx(1.0, abs=0.06), key
        assert wrong.ratio is None or abs(math.log(wrong.ratio)) > 0.2, key
        assert right.actual == wrong.actual != "–"
    assert guess_of("ch01", False, 3).ratio == pytest.approx(1e-6, rel=0.02), "a guess in orders of magnitude"
    assert guess_of("ch03", False, 0).ratio is None, "nothing has no ratio"
    assert guess_of("ch05", False, "Z").predicted == "Z", "an answer that the lab does not have is shown as stored"
    assert typical_factor([Guess(1, False, ratio=0.25), Guess(2, False, ratio=2.0), Guess(3, False)]) == 3.0
    assert typical_factor([]) is None


# --- the ledger ----------------------------------------------------------------------------------------------------


def test_what_is_saved(lab):
    repaired(lab)
    lab.answer("act2", "B")
    lab.save()
    entry = lab.ledger.get(16)
    assert entry["act2_decision"] == "cloud:70B-4;edge:8B-4;mobile:1B-8;tiny:S-8"
    assert entry["act2_result"] == 4
    assert entry["binding"] == {"cloud": "accuracy", "edge": "accuracy", "mobile": "cost", "tiny": "accuracy"}
    assert entry["dominant_term"] == "memory_bandwidth"
    assert entry["context"] == "tiny"
    assert entry["act1_prediction"] == 1
    again = ArchitectsAuditLab(lab.ledger)
    assert again.design() == lab.design()


def test_dominant_term_follows_the_cloud_design(lab):
    in_act2(lab, "mobile")
    assert lab.extras()["dominant_term"] == "memory_bandwidth"
    terms = FourDesigns.recipe("cloud", batch=64, bits=4).terms
    assert terms["computing"] < terms["moving"] * 2
    lab.set_context("cloud")
    lab.set_control("act2", "model", "70B")
    lab.set_control("act2", "bits", 4)
    lab.set_control("act2", "batch", 64)
    cloud = lab.act2.outcome.terms
    expected = "memory_bandwidth" if cloud["moving"] >= cloud["computing"] else "compute"
    assert lab.extras()["dominant_term"] == expected == "compute"


# --- instruments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "text"), [(50.0, "×50"), (1 / 3.4, "÷3.4"), (1.02, ""), (1e-6, "÷1 million"), (288.6, "×290")]
)
def test_factors_in_words(ratio, text):
    assert factor_text(ratio) == text


def test_record_keeps_its_rows_and_says_what_is_missing():
    plot = prediction_record(
        [Judged("a", 1e9, False), Judged("b", None, True), Judged("c"), Judged("d", 1.0, True)],
        title="t",
        caption="c",
    )
    assert [text for _, text in plot.y.ticks] == ["a ✕", "b ✓", "c –", "d ✓"]
    assert "no ratio, right" in texts(plot)
    assert "×1 billion →" in texts(plot)
    assert texts(plot).count("not taken") == 1
    Figure(plot)


def test_walls_and_what_binds():
    walls = [Wall("a", 0.95), Wall("b", 0.89, margin=0.1, note="n"), Wall("c", math.inf), Wall("d", 0.95, margin=0.1)]
    assert [wall.state for wall in walls] == ["met", "met", "broken", "short"]
    assert binding(walls) == 2
    assert binding(walls[:2]) == 1, "0.89 of 0.9 presses more than 0.95 of 1"
    assert binding([Wall("a", 0.5), Wall("b", 0.5)]) == 0
    assert [usage_text(usage) for usage in (0.824, 35.7, 1e13, math.inf)] == ["0.82", "36", "> 999", "∞"]
    plot = usage_bars(walls, title="t", caption="c")
    assert "∞ → ✕ binds" in texts(plot)
    assert "0.95 !" in texts(plot)
    board = verdict_board([Design("x", walls), Design("y", walls[:1] * 4)], selected=1, title="t", caption="c")
    assert [text for _, text in board.x.ticks] == ["x\n✕", "y\n✓ holds"]
    Figure(plot)
    Figure(board)


@pytest.mark.parametrize("predicted", [None, 1e-9, 1e-3, 1e9])
def test_a_prediction_stays_on_the_axis(predicted):
    plot = moving_against_computing(
        [TwoTerms("a", 1e-3, 1e-4)], selected=0, predicted_s=predicted, title="t", caption="c"
    )
    diamonds = next(one for one in plot.layers if isinstance(one, Points) and one.marker == "diamond")
    at = diamonds.columns()["x"][0]
    assert math.isnan(at) if predicted is None else plot.x.low < at < plot.x.high
    Figure(plot)


def test_a_gap_that_leaves_its_panel_is_named():
    days, gaps = gap_steps(1, 1.1)
    assert len(days) == len(gaps) == 2 * 366
    assert days[-1] == 365
    flat = Trace([0, 365], [0.95, 0.9], 0.9)
    assert "> 100 points ↑" in texts(year_ahead(flat, Trace(days, gaps, 0.05), title="t", caption="c"))
    assert "widest 4.39 points" in texts(year_ahead(flat, Trace(*gap_steps(90, 1.1), 0.05), title="t", caption="c"))
    assert np.all(np.diff(gap_steps(30, 0.9)[1]) <= 0)


@pytest.mark.parametrize("context", TIERS)
def test_plots_can_be_drawn_at_the_ends_of_every_control(lab, context):
    in_act2(lab, context)
    for act in (lab.act1, lab.act2):
        ends = [
            (spec.values()[0], spec.values()[-1]) if len(spec.values()) > 3 else spec.values()
            for spec in act.specs.values()
        ]
        figures: dict[str, Figure] = {}
        for values in itertools.product(*ends):
            outcome = act.compute(context, **dict(zip(act.specs, values, strict=True)))
            for name, plot in act.plots(outcome).items():
                if name in figures:
                    figures[name].show(plot)
                else:
                    figures[name] = Figure(plot)


def test_budgets_leave_the_shortest_audited_interval_of_the_sheet():
    assert BUDGETS["edge"].value - 96_000 >= 10_102.40 * 365 / 21
    assert BUDGETS["edge"].value - 96_000 < 10_102.40 * 365 / 20


def test_ledger_tab_reads_as_words(lab):
    repaired(lab, ("cloud",))
    assert showing.result_text(lab) == "1 context"
    rows = {row[3]: row[1] for row in showing.design_rows(lab, lab.design())}
    assert rows["binding"] == "cloud: accuracy, edge: p99, mobile: power, tiny: power"
    assert rows["margins"] == "–"
    assert showing.design_value(["memory", "p99"]) == "memory, p99"
