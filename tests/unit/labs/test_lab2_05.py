"""V2-05: the tables, texts, moves, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import json
import random
import warnings
from pathlib import Path

import numpy as np
import param
import pytest

from components.controls import ControlError
from components.instruments.cascade import step_waterfall
from components.instruments.mfu_map import mfu_map
from components.instruments.pipeline_gantt import pipeline_gantt
from components.instruments.waterfall import Limit
from labs.catalog import find_act
from labs.vol2.lab_05_dist_train import (
    INTERLEAVE,
    MICROBATCHES,
    PP,
    RAILS,
    STEP_LIMIT,
    SWEEP,
    TP,
    ZERO,
    FourTimesTheGpus,
    NineDays,
    ParallelismParadox,
    best,
    free_rails,
    layout_map,
    scaled_step,
    survey,
    sweep,
)
from ledger import DesignLedger, contract_of, new_student_id, open_store
from mlsysim.physics import one_f_one_b

CHECKS = json.loads((Path(__file__).parents[2] / "data" / "checks" / "v2_05.json").read_text())
SPLIT = {"tp": 8, "pp": 8, "microbatch_seqs": 1, "zero_stage": 1, "recompute": "none", "interleave": 1, "rails": 1}
PASSES = {**SPLIT, "interleave": 3}


@pytest.fixture
def lab(ledger: DesignLedger) -> ParallelismParadox:
    return ParallelismParadox(ledger)


def in_act2(lab: ParallelismParadox, context: str = "3d", pick: str = "A") -> ParallelismParadox:
    """The lab with both predictions locked, in `context`."""
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "overlap_fraction", 0.5)
    lab.answer("act1", "C")
    lab.lock("act2", pick)
    lab.set_context(context)
    return lab


def move(lab: ParallelismParadox, **controls: object) -> None:
    """Moves controls of Act II, in an order in which none is out of reach."""
    waiting = dict(controls)
    while waiting:
        for name, value in list(waiting.items()):
            try:
                lab.set_control("act2", name, value)
            except ControlError:
                continue
            del waiting[name]
            break
        else:
            raise AssertionError(f"{waiting} cannot be reached")


# --- check file and tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CHECKS if c["formula"].startswith("act")], ids=lambda case: case["id"])
def test_act_cases_of_the_check_file(case):
    outcome = find_act(2, 5, case["formula"]).evaluate(**case["inputs"])
    for name, value in case["expect"].items():
        if isinstance(value, str):
            assert outcome[name] == value
        else:
            assert outcome[name] == pytest.approx(value, rel=case["rtol"], abs=1e-12), name


LAYOUTS = [
    # tp, pp, dp, b, zero, recompute, v, rails, GB, step s, MFU, days, status
    (1, 1, 1024, 1, 3, "full", 1, 1, 15.7, 21.57, 0.101, 35.71, "late"),
    (1, 1, 1024, 1, 1, "none", 1, 1, 784.2, 15.44, None, None, "oom"),
    (1, 1, 1024, 1, 3, "none", 1, 1, 92.2, 21.57, None, None, "oom"),
    (1, 1, 1024, 1, 3, "full", 1, 8, 15.7, 5.798, 0.375, 9.60, "late"),
    (8, 1, 128, 1, 1, "none", 1, 1, 99.8, 6.31, None, None, "oom"),
    (8, 8, 16, 1, 1, "none", 1, 1, 23.3, 5.710, 0.381, 9.45, "late"),
    (8, 8, 16, 1, 1, "none", 2, 1, 27.7, 5.453, 0.399, 9.03, "late"),
    (8, 8, 16, 1, 1, "none", 3, 1, 26.3, 5.378, 0.404, 8.91, "ok"),
    (8, 16, 8, 1, 1, "none", 2, 1, 22.6, 5.424, 0.401, 8.98, "ok"),
    (8, 1, 128, 4, 3, "none", 1, 1, 44.7, 5.355, 0.406, 8.87, "ok"),
    (4, 16, 16, 1, 1, "none", 3, 1, 39.9, 5.237, 0.415, 8.67, "ok"),
    (16, 8, 8, 1, 1, "none", 1, 1, 12.7, 17.23, 0.126, 28.53, "late"),
]


@pytest.mark.parametrize(
    "row", LAYOUTS, ids=lambda row: f"tp{row[0]}-pp{row[1]}-b{row[3]}-z{row[4]}-{row[5]}-v{row[6]}"
)
def test_table_of_layouts(row):
    tp, pp, dp, b, zero, recompute, v, rails, gigabytes, step, mfu, days, status = row
    outcome = NineDays.compute(
        "3d", tp=tp, pp=pp, microbatch_seqs=b, zero_stage=zero, recompute=recompute, interleave=v, rails=rails
    )
    assert (outcome.dp, outcome.status) == (dp, status)
    assert outcome.memory_bytes == pytest.approx(gigabytes * 1e9, abs=0.05e9)
    assert outcome.step_s == pytest.approx(step, rel=1e-3)
    if mfu is not None:
        assert outcome.mfu == pytest.approx(mfu, abs=5e-4)
        assert outcome.days == pytest.approx(days, abs=5e-3)
    assert sum(outcome.terms.values()) == pytest.approx(outcome.step_s)
    assert sum(outcome.memory.values()) == pytest.approx(outcome.memory_bytes)


def test_feasible_region():
    status = survey()["status"]
    assert len(status) == 2816
    assert np.isin(status, ("late", "ok")).sum() == 772
    assert (status == "ok").sum() == 25
    fastest, days = best()
    wanted = {"tp": 4, "pp": 8, "microbatch_seqs": 1, "zero_stage": 1, "recompute": False, "interleave": 3, "rails": 2}
    assert {name: fastest[name] for name in wanted} == wanted
    assert days == pytest.approx(8.48, abs=5e-3)
    assert best(tp=1, pp=1)[1] == pytest.approx(9.60, abs=5e-3)
    # Microbatches of 8 sequences miss every deadline.
    assert "ok" not in status[survey()["microbatch_seqs"] == 8]


def test_deadline_is_a_step_and_an_mfu():
    assert pytest.approx(5.436, abs=5e-4) == STEP_LIMIT
    mfu = 6 * 175e9 * 1024 * 2048 / (1024 * STEP_LIMIT * 989e12)
    assert mfu == pytest.approx(0.400, abs=5e-4)


def test_curves_of_act_1():
    data_parallel, three_d = (sweep(context, 1.0, 1, 1024) for context in ("dp", "3d"))
    assert data_parallel.mfu[:4] == pytest.approx([0.375, 0.375, 0.205, 0.101], abs=5e-4)
    assert np.isnan(data_parallel.mfu[4:]).all()
    assert three_d.mfu[:7] == pytest.approx([0.428, 0.420, 0.406, 0.381, 0.338, 0.277, 0.203], abs=5e-4)
    assert data_parallel.dp_comm_s[0] == pytest.approx(41.8, abs=0.05)
    # Longer runs of data parallelism need a larger batch.
    assert np.isfinite(sweep("dp", 1.0, 1, 4096).step_s).sum() == 6


def test_interleaving_keeps_efficiency_for_longer():
    mfu = {gpus: scaled_step("3d", gpus, 1.0, 1, 1024, interleave=3).mfu for gpus in (128, 4096, 8192)}
    assert mfu[4096] / mfu[128] == pytest.approx(0.79, abs=5e-3)
    assert mfu[8192] / mfu[128] == pytest.approx(0.65, abs=5e-3)


def test_the_published_layouts_of_llama_3_come_out_near_the_measurement():
    """The kernel efficiency was chosen so: 405B, 126 layers taken as 128, one layer per virtual stage."""
    for dp, seqs, expected in ((64, 2048, 0.413), (128, 2048, 0.391)):
        step = scaled_step(
            "3d", 128 * dp, 1.0, 1, seqs, params=405e9, layers=128, width=16384, seq_len=8192,
            tp=8, pp=16, dp=dp, interleave=8,
        )  # fmt: skip
        assert step.mfu == pytest.approx(expected, abs=5e-3)


def test_balance_does_not_depend_on_the_model():
    outcome = FourTimesTheGpus.asked()
    assert outcome.balance_tokens == pytest.approx(7417.5)
    assert round(outcome.balance_gpus) == 283
    assert (
        FourTimesTheGpus.compute("3d", gpus=256, overlap_fraction=1.0, rails=1, global_batch_seqs=1024).balance_gpus
        is None
    )


@pytest.mark.parametrize(
    ("context", "gpus", "seqs"), [("dp", 2048, 1024), ("dp", 1024, 512), ("3d", 100, 1024), ("3d", 131_072, 1024)]
)
def test_impossible_counts_of_act_1_are_errors(context, gpus, seqs):
    with pytest.raises(ValueError, match="gpus"):
        FourTimesTheGpus.compute(context, gpus=gpus, overlap_fraction=1.0, rails=1, global_batch_seqs=seqs)


@pytest.mark.parametrize(
    "broken", [{"zero_stage": 2}, {"zero_stage": 3}, {"pp": 32, "interleave": 2}, {"pp": 1, "interleave": 2}]
)
def test_invalid_layouts_are_errors(broken):
    with pytest.raises(ValueError, match="must"):
        NineDays.compute("3d", **{**SPLIT, **broken})


def test_an_exhausted_batch_defines_nothing_else():
    outcome = NineDays.evaluate("dp", microbatch_seqs=2)
    assert (outcome["dp"], outcome["status"]) == (1024, "batch_exhausted")
    assert not {"step_s", "mfu", "memory_bytes", "days", "terms", "memory"} & set(outcome)
    # It comes before the memory is looked at.
    assert NineDays.evaluate("dp", microbatch_seqs=2, zero_stage=0)["status"] == "batch_exhausted"


# --- texts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "gap", "words"),
    [
        ("A", "3.72 times", ("1,049 GB per GPU at 50 GB/s", "take 21 s")),
        ("B", "3.16 times", ("85 %", "283 GPUs")),
        ("C", "1.86 times", ("no gentle law",)),
        ("D", "1.00 times", ("3.72 times", "1.755M USD", "0.472M", "2.7 days", "35.7", "38.4")),
    ],
)
def test_reveal_of_act_1(lab, option, gap, words):
    shown = lab.act1.prediction().gap(option)
    assert shown.text == gap
    assert shown.actual == "1.08×"
    assert shown.correct is (option == "D")
    for word in ("23.193", "21.569", "23.19", "5.80", "21.06", "21.57", *words):
        assert word in shown.why


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("A", ("21.57 s", "5.0 %")),
        ("B", ("84.5 s", "10.3 %")),
        ("C", ("23.19 s", "37.5 %")),
        ("D", ("21.27 s", "10.2 %")),
    ],
)
def test_reflection_of_act_1(lab, option, words):
    question = lab.act1.reflection()
    assert "10.1 %" in question.question
    chosen = question.option(option)
    assert chosen.correct is (option == "C")
    for word in words:
        assert word in chosen.feedback


@pytest.mark.parametrize(
    ("option", "step", "gap", "words"),
    [
        ("A", "21.57 s", "3.78 times", ("15.8 of its 21.6 s", "1,049 GB", "1.4 s")),
        ("B", "5.71 s", "1.00 times", ("0.64 s", "0.55 s", "0.15 s", "4.35 s")),
        ("C", "59.25 s", "10.4 times", ("24,576", "64 microbatches", "50 GB/s", "54.9 s")),
        ("D", "6.84 s", "1.20 times", ("31/(64 + 31)", "33 %", "2.18 s")),
    ],
)
def test_reveal_of_act_2(lab, option, step, gap, words):
    shown = lab.act2.prediction().gap(option)
    assert (shown.predicted, shown.actual, shown.text) == (step, "5.71 s", gap)
    assert shown.correct is (option == "B")
    for word in words:
        assert word in shown.why


def test_the_options_of_act_2_do_not_print_their_times(lab):
    prediction = lab.act2.prediction()
    assert not any(" s" in option.text for option in prediction.options)
    # Nor does their order give them away.
    orders = set()
    for _ in range(8):
        fresh = ParallelismParadox(DesignLedger(open_store("sqlite://"), new_student_id()))
        orders.add(tuple(option.id for option in fresh.options_in_order(prediction)))
    assert len(orders) > 1


def test_reflection_of_act_2(lab):
    options = {option.id: option for option in lab.act2.reflection().options}
    assert options["B"].correct
    for key, words in {
        "A": ("3,072", "12 layers", "64 microbatches", "288"),
        "B": ("1,049 GB", "about 11 GB", "10.3 GB", "0.8 GB", "271 GB"),
        "C": ("0.64 s", "0.55 s"),
        "D": ("factor of 95", "784 GB"),
    }.items():
        for word in words:
            assert word in options[key].feedback


def test_stakeholders_quote_the_model(lab):
    for word in ("175-billion", "23.2 seconds", "256 H100s", "768 more", "2.1 million"):
        assert word in lab.act1.message().text
    for word in ("442,368 USD", "300 billion", "35.7 days"):
        assert word in lab.act2.message().text
    assert "2.8 TB" in lab.act1.concept()
    assert "8,192 tokens" in lab.act1.concept()


def test_data_parallel_says_that_no_design_passes(lab):
    in_act2(lab, "dp")
    assert "No design of Data parallel does" in lab.act2.challenge()
    assert "9.60 days" in lab.act2.challenge()
    assert lab.solution("dp") is None
    move(lab, rails=8)
    (late,) = lab.act2.active_failures()
    text = late.text(lab.act2.outcome)
    assert late.severity == "warn"
    assert "memory forces full recomputation" in text
    assert "37.5 %" in text
    lab.set_context("3d")
    assert "2,816 valid layouts 772 run and 25 finish in time" in lab.act2.challenge()


def test_instructor_notes_quote_the_model():
    for word in ("0.429 at 128", "0.338 at 4,096, 79 %", "0.278 at 8,192, 65 %", "13 %", "9.60", "8.48"):
        assert word in ParallelismParadox.instructor_notes


# --- failures ------------------------------------------------------------------------------------------------


def banners(lab: ParallelismParadox) -> dict[str, str]:
    return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}


def test_out_of_memory_and_back(lab):
    in_act2(lab)
    move(lab, zero_stage=1, recompute="none", tp=8)
    text = banners(lab)["oom"]
    for word in ("99.8 GB per GPU", "72.0 GB usable", "state 89.6", "gathered layers 0.0", "activations 10.3"):
        assert word in text
    assert lab.constraint_hit
    move(lab, pp=8)
    assert set(banners(lab)) == {"late"}
    move(lab, interleave=3)
    assert banners(lab) == {}
    assert lab.act2.constraints_met()


def test_batch_exhausted_and_back(lab):
    in_act2(lab, "dp")
    assert not lab.constraint_hit
    move(lab, microbatch_seqs=2)
    text = banners(lab)["batch_exhausted"]
    for word in ("1,024 replicas × 2 sequences = 2,048 > 1,024", "512 replicas would have no data"):
        assert word in text
    assert lab.constraint_hit
    assert not any(constraint.holds(lab.act2.outcome) for constraint in lab.act2.constraints())
    move(lab, microbatch_seqs=1)
    assert set(banners(lab)) == {"late"}


def test_late_and_out_of_the_node_are_warnings(lab):
    in_act2(lab)
    assert "35.71 days, 26.71 too many: step 21.569 s, needed 5.436 s" in banners(lab)["late"]
    move(lab, **{**SPLIT, "tp": 16})
    assert "spans 2 nodes" in banners(lab)["leaves_node"]
    assert "50 GB/s instead of 450 GB/s" in banners(lab)["leaves_node"]
    assert all(failure.severity == "warn" for failure in lab.act2.active_failures())
    assert not lab.constraint_hit


# --- moves ---------------------------------------------------------------------------------------------------


def moves(act: NineDays | FourTimesTheGpus) -> list[tuple[str, object]]:
    """Every single move that is within reach."""
    limits = act.limits()
    found: list[tuple[str, object]] = []
    for name, spec in act.specs.items():
        limit = limits.get(name, {})
        if not isinstance(limit, str):
            found += [(name, value) for value in spec.values() if value not in limit and value != getattr(act, name)]
    return found


def test_every_valid_layout_can_be_reached_and_left(lab):
    in_act2(lab)
    act = lab.act2
    # Microbatch and recomputation limit nothing, and are limited by nothing: they stay where they are.
    names = ("tp", "pp", "zero_stage", "interleave", "rails")
    start = tuple(getattr(act, name) for name in names)
    seen, frontier = {start}, [start]
    with param.parameterized.discard_events(act):
        while frontier:
            state = dict(zip(names, frontier.pop(), strict=True))
            act.param.update(**state)
            steps = [(name, value) for name, value in moves(act) if name in names]
            assert steps, f"dead end at {state}"
            for name, value in steps:
                act.param.update(**state)
                act.set(name, value)
                after = tuple(getattr(act, name) for name in names)
                if after not in seen:
                    seen.add(after)
                    frontier.append(after)
    assert len(seen) == len(survey()["tp"]) // (len(MICROBATCHES) * 2)


@pytest.mark.parametrize("seed", range(4))
def test_a_random_walk_never_gets_stuck(lab, seed):
    in_act2(lab)
    walk = random.Random(seed)
    for _ in range(300):
        if walk.random() < 0.15:
            lab.set_context(walk.choice(("dp", "3d")))
        key = walk.choice(("act1", "act2"))
        act = lab.act(key)
        name, value = walk.choice(moves(act))
        lab.set_control(key, name, value)
        assert getattr(act, name) == value
        act.plots(act.outcome)
        act.metrics(act.outcome)
        if key == "act2":
            assert act.rails <= free_rails(act.tp)


def test_reasons_name_the_rule(lab):
    in_act2(lab)
    assert "gather or scatter again" in lab.act2.limits()["pp"][8]
    assert lab.act2.limits()["interleave"][2] == "Interleaving needs pipeline stages."
    move(lab, zero_stage=1, pp=32)
    assert lab.act2.limits()["pp"] == {}
    assert "do not divide into 32 × 2" in lab.act2.limits()["interleave"][2]
    assert set(lab.act2.limits()["zero_stage"]) == {2, 3}
    with pytest.raises(ControlError, match="out of reach"):
        lab.set_control("act2", "zero_stage", 3)
    move(lab, pp=8, interleave=2)
    assert set(lab.act2.limits()["pp"]) == {1, 32}


def test_a_wider_tensor_group_takes_the_rails(lab):
    in_act2(lab)
    move(lab, rails=8)
    lab.set_control("act2", "tp", 4)
    assert lab.act2.rails == 2
    assert set(lab.act2.limits()["rails"]) == {4, 8}
    lab.set_control("act2", "tp", 16)
    assert lab.act2.rails == 1


def test_the_context_keeps_the_split_of_3d(lab):
    in_act2(lab)
    move(lab, **PASSES)
    lab.set_context("dp")
    assert (lab.act2.tp, lab.act2.pp, lab.act2.interleave) == (1, 1, 1)
    assert lab.act2.outcome.status == "oom"
    assert set(lab.act2.limits()) == {"tp", "pp", "interleave"}
    move(lab, zero_stage=3, recompute="full", rails=8)
    lab.set_context("3d")
    # The split comes back; what it cannot take of the other context gives way.
    assert {name: getattr(lab.act2, name) for name in PASSES} == {**PASSES, "recompute": "full"}


def test_more_gpus_than_sequences_give_way(lab):
    in_act2(lab)
    lab.set_control("act1", "gpus", 8192)
    lab.set_context("dp")
    assert lab.act1.gpus == 1024
    assert set(lab.act1.limits()["gpus"]) == {2048, 4096, 8192}
    assert set(lab.act1.limits()["global_batch_seqs"]) == {512}
    with pytest.raises(ControlError, match="need at least"):
        lab.set_control("act1", "gpus", 2048)
    lab.set_context("3d")
    assert lab.act1.gpus == 1024
    assert isinstance(lab.act1.limits()["rails"], str)


def test_a_link_leads_to_its_design_in_any_order(ledger):
    lab = in_act2(ParallelismParadox(ledger))
    move(lab, **PASSES)
    address = lab.address()
    other = in_act2(ParallelismParadox(DesignLedger(open_store("sqlite://"), new_student_id())), "dp")
    other.follow(address.items())
    assert other.notices == []
    assert other.act2.values() == lab.act2.values()


# --- ledger --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "decision"),
    [
        ({}, "dp_zero3"),
        ({"rails": 8}, "dp_zero3"),
        ({"tp": 8}, "tp_zero3"),
        ({"tp": 16, "zero_stage": 1}, "tp_dp"),
        (SPLIT, "3d"),
        (PASSES, "3d_interleaved"),
    ],
)
def test_decisions(lab, controls, decision):
    in_act2(lab)
    move(lab, **controls)
    assert lab.act2.outcome.runs
    assert lab.decision() == decision
    assert decision in contract_of("v2_05").fields["act2_decision"].vocabulary


def test_the_last_design_that_ran_is_recorded_and_survives_a_reload(ledger):
    lab = in_act2(ParallelismParadox(ledger))
    move(lab, **PASSES)
    ran = lab.design()
    lab.set_control("act2", "tp", 1)
    assert lab.act2.outcome.status == "oom"
    assert lab.design() == {**ran, "constraint_hit": True}
    lab.keep()
    again = ParallelismParadox(ledger)
    assert again.notices == []
    assert again.act2.outcome.status == "oom"
    assert again.design() == {**ran, "constraint_hit": True}
    assert again.result() == pytest.approx(0.40426, abs=1e-5)
    again.answer("act2", "B")
    again.save()
    entry = ledger.get(5, 2)
    assert entry["act2_decision"] == "3d_interleaved"
    assert (entry["tp"], entry["pp"], entry["dp"], entry["microbatches"]) == (8, 8, 16, 64)
    assert entry["gradient_shard_bytes"] == pytest.approx(5.47e9, rel=1e-3)
    assert entry["step_time_s"] == pytest.approx(5.378, abs=5e-4)
    again.start_over()
    assert again.last_design is None


def test_a_damaged_note_of_the_last_design_is_dropped_and_said_so(ledger):
    lab = in_act2(ParallelismParadox(ledger))
    move(lab, **PASSES)
    lab.set_control("act2", "tp", 1)
    for damage in ({"context": "3d", "controls": {"tp": 3}}, {"context": 7}, "text"):
        ledger.save_progress(5, 2, state={**lab.progress(), "last_design": damage})
        again = ParallelismParadox(ledger)
        assert again.state == lab.state
        assert again.last_design is None
        assert "dropped" in again.notices[0]
        assert again.result() is None


def save(ledger: DesignLedger, chapter: int, context: str, decision: str, **extra: object) -> None:
    """An entry of an earlier lab of Volume 2."""
    common = {
        "context": context,
        "act1_prediction": "A",
        "act1_correct": False,
        "act2_result": 0.5,
        "act2_decision": decision,
        "constraint_hit": False,
    }
    ledger.save(chapter=chapter, volume=2, design={**common, **extra})


def test_earlier_labs_are_quoted(ledger):
    save(ledger, 2, "single", "tp_in_node", tp=4)
    save(ledger, 3, "fleet1024", "oversubscribe", oversubscription=2.0)
    save(ledger, 4, "nvme", "stage_nvme", checkpoint_gb=980.0)
    lab = in_act2(ParallelismParadox(ledger))
    read = lab.act2.from_ledger()
    assert "TP-4" in read
    assert "leave the node" in read
    assert "oversubscribed **2:1**" in read
    assert "held 980 GB; the state here is 2,800 GB" in lab.act2.plots(lab.act2.outcome)["memory"].caption
    # What is read changes no control.
    assert lab.act2.values() == {name: spec.default for name, spec in lab.act2.specs.items()}


def test_without_earlier_labs_nothing_is_said(ledger, lab):
    in_act2(lab)
    assert lab.act2.from_ledger() == ""
    assert "V2-04" not in lab.act2.plots(lab.act2.outcome)["memory"].caption
    save(ledger, 3, "fleet1024", "nonblocking", oversubscription=1.0)
    save(ledger, 2, "multi", "tp_in_node", tp=8)
    assert ParallelismParadox(ledger).act2.from_ledger() == "In V2-02 you chose **TP-8**."


# --- instruments ---------------------------------------------------------------------------------------------


def test_the_gantt_is_there_for_pipelines_only(lab):
    in_act2(lab)
    assert set(lab.act2.plots(lab.act2.outcome)) == {"memory", "step", "map"}
    move(lab, zero_stage=1, pp=16)
    plots = lab.act2.plots(lab.act2.outcome)
    assert set(plots) == {"memory", "step", "map", "pipeline"}
    assert "Every second stage" in plots["pipeline"].caption
    assert len(plots["pipeline"].y.ticks) == 8


def test_plots_of_all_designs_share_a_structure(lab):
    in_act2(lab, pick="C")
    structures: dict[str, set[object]] = {}
    controls = (TP, PP, MICROBATCHES, ZERO, ("none", "full"), INTERLEAVE, RAILS)
    states = [
        state for state in itertools.product(*controls) if not NineDays.layout_reason(state[1], state[5], state[3])
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for context, chosen in (
            ("dp", [s for s in states if s[:2] == (1, 1)]),
            ("3d", random.Random(1).sample(states, 250)),
        ):
            lab.set_context(context)
            for state in chosen:
                lab.act2.param.update(**dict(zip(lab.act2.specs, state, strict=True)))
                for name, plot in lab.act2.plots(lab.act2.outcome).items():
                    structures.setdefault(name, set()).add(plot.structure())
    assert {name: len(found) for name, found in structures.items()} == dict.fromkeys(
        ("memory", "step", "map", "pipeline"), 1
    )


def test_the_map_says_what_each_cell_is():
    layouts = layout_map("3d", 1, 1, "none", 3, 1)
    status = {(tp, pp): layouts.status[PP.index(pp), TP.index(tp)] for tp in TP for pp in PP}
    assert status[8, 8] == "ok"
    assert status[1, 8] == "oom"
    assert status[16, 8] == "late"
    assert status[8, 1] == "invalid"
    assert set(layout_map("3d", 1, 3, "full", 1, 1).status[1:].ravel()) == {"invalid"}
    alone = layout_map("dp", 1, 3, "full", 1, 8).status
    assert alone[0, 0] == "late"
    assert set(alone.ravel()[1:]) == {""}
    # Every cell is what the same design is by itself.
    for (tp, pp), code in status.items():
        if code != "invalid":
            assert NineDays.compute("3d", **{**PASSES, "tp": tp, "pp": pp}).status == code


def test_map_marks_the_design_and_ignores_one_that_is_not_on_it():
    blank = np.full((1, 2), np.nan), np.array([["", "invalid"]], dtype=object)
    for here in ((1, 1), (64, 1)):
        assert mfu_map((1, 2), (1,), *blank, here=here, title="t").layers


def test_gantt_of_extreme_pipelines():
    for stages, slices in ((1, 0), (2, 1), (32, 12), (32, 0)):
        plot = pipeline_gantt(one_f_one_b(stages, slices), stages, title="t")
        assert len(plot.y.ticks) <= 8
        assert plot.x.high >= 1


def test_step_waterfall_keeps_its_structure_when_there_is_nothing():
    limits = [Limit(5.0, "deadline"), Limit(60.0, "far away", "series-2")]
    some = step_waterfall({"a": 4.0, "b": 0.0}, total="sum", title="t", limits=limits)
    none = step_waterfall({"a": np.nan, "b": np.nan}, total="sum", title="t", limits=limits)
    assert some.structure() == none.structure()
    assert any("far away →" in str(layer.columns().get("text", "")) for layer in some.layers)


def test_the_prediction_is_drawn(lab):
    in_act2(lab, "dp", pick="D")
    time = lab.act1.plots(lab.act1.outcome)["time"]
    assert any("your prediction" in str(layer.columns().get("text", "")) for layer in time.layers)
    step = lab.act2.plots(lab.act2.outcome)["step"]
    assert any("your pick 6.84 s" in str(layer.columns().get("text", "")) for layer in step.layers)
    lab.set_context("3d")
    time = lab.act1.plots(lab.act1.outcome)["time"]
    assert not any("your prediction" in str(layer.columns().get("text", "")) for layer in time.layers)


def test_sweep_covers_the_axis():
    assert SWEEP[0] == 128
    assert SWEEP[-1] == 16_384
