"""V2-01: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.figure import Figure
from components.instruments.fleet import StepParts, compute_share, count_check, failure_calendar, step_breakdown
from components.instruments.layers import Labels, Plot
from labs.vol2.lab_01_introduction import (
    DRAW,
    LINKS,
    MODELS,
    ScaleIllusion,
    ThirtyHours,
    ThreeNines,
    instructor_notes,
    run_days,
    unsharded_fraction,
)
from ledger import DesignLedger, contract_of, new_student_id, open_store
from tests.unit.labs.playing import banners, move


@pytest.fixture
def lab(ledger: DesignLedger) -> ScaleIllusion:
    return ScaleIllusion(ledger)


def in_act2(lab: ScaleIllusion, context: str = "fleet", first: str = "A", second: float = 25) -> ScaleIllusion:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "gpus", 8)
    lab.answer("act1", "C")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


def words(plot: Plot) -> str:
    labels = [str(text) for layer in plot.layers if isinstance(layer, Labels) for text in layer.columns()["text"]]
    return " | ".join([plot.title, plot.caption, *labels])


# --- physics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "days", "gpu_hours", "fraction", "goodput", "feasible"),
    [
        ({}, 9.438, 231_944, 0.779, 0.980, False),
        ({"gpus": 16_384}, 3.139, 1_234_184, 0.190, 0.753, False),
        ({"gpus": 32_768}, 3.536, 2_780_661, 0.105, 0.604, False),
        ({"link": "ndr"}, 8.075, 198_456, 0.910, 0.980, False),
        ({"gpus": 8192, "link": "ndr"}, 1.641, 322_551, 0.638, 0.859, False),
        ({"gpus": 8192, "link": "ndr", "grad_bytes": 2, "overlap": 0.5}, 1.229, 241_671, 0.852, 0.859, False),
        (
            {"gpus": 8192, "link": "ndr", "grad_bytes": 2, "overlap": 0.5, "lost_min": 30},
            1.143,
            224_661,
            0.852,
            0.924,
            True,
        ),
        (
            {"gpus": 16_384, "link": "ndr", "grad_bytes": 2, "overlap": 0.8, "lost_min": 10},
            0.546,
            214_509,
            0.870,
            0.948,
            True,
        ),
        (
            {"gpus": 8192, "link": "hdr", "grad_bytes": 2, "overlap": 0.8, "lost_min": 10},
            1.061,
            208_538,
            0.872,
            0.973,
            True,
        ),
    ],
)
def test_designs_of_the_sheet(design, days, gpu_hours, fraction, goodput, feasible):
    outcome = ThirtyHours.design(**design)
    assert outcome.days == pytest.approx(days, abs=5e-4)
    assert outcome.gpu_hours == pytest.approx(gpu_hours, abs=0.5)
    assert outcome.compute_fraction == pytest.approx(fraction, abs=5e-4)
    assert outcome.goodput == pytest.approx(goodput, abs=5e-4)
    assert outcome.meets_challenge is feasible


def test_the_proposal_is_faster_and_dearer():
    today, proposal = ThirtyHours.design(), ThirtyHours.design(gpus=16_384)
    assert today.days / proposal.days == pytest.approx(3.0, abs=0.05)
    assert proposal.gpu_hours / today.gpu_hours == pytest.approx(5.3, abs=0.05)
    assert ThirtyHours.design(gpus=32_768).optimum_gpus == pytest.approx(13_927, abs=0.5)


@pytest.mark.parametrize(("model", "copies", "state", "days"), [("gpt3-175b", 8, 350, 941), ("gpt3-13b", 4, 52, 69.9)])
def test_designs_of_one_node(model, copies, state, days):
    outcome = ThirtyHours.node(model, copies)
    assert outcome.state_gb == pytest.approx(state)
    assert outcome.days == pytest.approx(days, rel=1e-3)
    assert outcome.gpus == 8
    assert outcome.link == "nvlink"
    assert not outcome.inversion
    assert not outcome.meets_challenge


def test_badges_and_the_challenge_agree_everywhere(lab, monkeypatch):
    """All badges are green exactly where the challenge is met; 94 settings of the 175B model meet it.

    Fewer GPUs are too slow even without communication, smaller copies do not fit.
    """
    in_act2(lab)
    badges = lab.act2.constraints()
    # The curve behind a design plays no part here, and takes most of the time.
    monkeypatch.setattr("labs.vol2.lab_01_introduction.sweep_of", lambda *_: lab.act2.outcome.sweep)
    specs = lab.act2.specs
    met = 0
    for gpus, copies, link, size, overlap, lost in itertools.product(
        (8192, 16_384, 32_768),
        (64,),
        specs["link"].values(),
        (4, 2),
        specs["overlap"].values(),
        specs["lost_min"].values(),
    ):
        outcome = ThirtyHours.compute(
            "fleet",
            model="gpt3-175b",
            gpus=gpus,
            gpus_per_copy=copies,
            link=link,
            grad_bytes=size,
            overlap=overlap,
            lost_min=lost,
        )
        assert all(badge.holds(outcome) for badge in badges) == outcome.meets_challenge
        met += outcome.meets_challenge
    assert met == 94


def test_a_smaller_model_does_not_meet_the_challenge(lab):
    in_act2(lab)
    move(lab, model="gpt3-6.7b", link="ndr", grad_bytes=2)
    assert not lab.act2.outcome.meets_challenge
    assert not lab.act2.constraints_met()


def test_the_sweep_passes_through_the_design():
    outcome = ThirtyHours.design()
    at = int(np.argmin(np.abs(outcome.sweep.gpus - outcome.gpus)))
    exact = np.interp(np.log(outcome.gpus), np.log(outcome.sweep.gpus), np.log(outcome.sweep.with_failures))
    assert math.exp(exact) == pytest.approx(outcome.days, rel=2e-3)
    assert outcome.sweep.ideal[at] < outcome.sweep.step_law[at] < outcome.sweep.with_failures[at]
    best = outcome.sweep.gpus[int(np.argmin(outcome.sweep.with_failures))]
    assert best == pytest.approx(outcome.optimum_gpus, rel=0.15)


def test_one_copy_exchanges_nothing_and_has_no_best_size():
    outcome = ThirtyHours.design(gpus=64)
    assert outcome.comm_s == 0
    assert outcome.optimum_gpus is None
    assert outcome.days_at_half is None


def test_fewer_gpus_than_a_copy_needs_is_an_error():
    with pytest.raises(ValueError, match="gpus_per_copy"):
        ThirtyHours.evaluate("fleet", gpus=32)


@pytest.mark.parametrize(
    ("bandwidth", "share"), [(25e9, 4.1), (50e9, 7.9), (12.5e9, 2.1), (450e9, 43.5), (200e9, 25.5)]
)
def test_the_case_of_the_question(bandwidth, share):
    assert unsharded_fraction(bandwidth) * 100 == pytest.approx(share, abs=0.05)


def test_the_run_of_the_question_in_act1():
    assert MODELS["gpt3-175b"].ideal_gpu_hours == pytest.approx(176_946, abs=0.5)
    assert run_days(MODELS["gpt3-175b"], MODELS["gpt3-175b"].work_s / 1000) > 7
    assert MODELS["gpt3-175b"].work_s == pytest.approx(6795, abs=0.5)


# --- Act I --------------------------------------------------------------------------------------------------


def test_options_of_act1_ascend_and_say_what_the_sheet_says(lab):
    prediction = lab.act1.prediction()
    assert {option.id: option.text for option in prediction.options} == {
        "A": "About 99.9 %",
        "B": "About 97 %",
        "C": "About 37 %",
        "D": "About 0 %",
    }
    assert [option.id for option in prediction.ascending() or []] == ["D", "C", "B", "A"]
    assert "2.7 times too high" in prediction.option("A").feedback
    assert "2.6 times too high" in prediction.option("B").feedback
    assert prediction.gap("A").text == "2.72 times"
    assert prediction.gap("D").text == "36.8 points"
    for part in ("0.3677", "99.2 %", "260 days", "every 2 hours"):
        assert part in prediction.why
    for part in ("37 %", "one, in 26 %"):
        assert part in prediction.option("D").feedback


def test_reflection_of_act1_quotes_the_physics(lab):
    question = lab.act1.reflection()
    assert "every 20 h, still 36 times" in question.option("A").feedback
    assert "every 50 h" in question.option("B").feedback
    assert "7.4 days" in question.option("B").feedback
    assert "from 75 % to 95 %" in question.option("C").feedback


@pytest.mark.parametrize(("gpus", "mtbf", "per_day", "clean"), [(8, 6250, 0.0038, 0.996), (25_000, 2, 12, 6.1e-6)])
def test_failure_clock(gpus, mtbf, per_day, clean):
    outcome = ThreeNines.asked(gpus)
    assert outcome.fleet_mtbf_h == pytest.approx(mtbf)
    assert outcome.failures_per_day == pytest.approx(per_day, rel=0.02)
    assert outcome.clean_day_probability == pytest.approx(clean, rel=0.01)


def test_the_record_of_the_published_run(lab):
    check = lab.act1.plots(lab.act1.outcome)["check"]
    assert "424.7" in words(check)
    assert "419" in words(check)
    assert "50,677 h" in check.caption
    assert "well within" in check.caption
    far = ThreeNines.compute("fleet", gpus=1000, availability=0.999, gpu_mtbf_h=10_000)
    assert "far outside" in lab.act1.plots(far)["check"].caption


def test_the_draw_is_long_enough_and_typical():
    """The fleet that fails most, and the counts of the week near the expected ones."""
    for expected in (3.36, 84.0, 168 / (10_000 / 32_768)):
        drawn = np.count_nonzero(expected > DRAW)
        assert abs(drawn - expected) < 1.5 * math.sqrt(expected)
    assert DRAW[-1] > 168 / (10_000 / 32_768)


# --- Act II -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "correct", "said"),
    [
        (1, False, "leaves 2.1 %"),
        (2, True, "28 s of transfer"),
        (4, True, "25 GB/s"),
        (8, True, "25 GB/s"),
        (9, False, "only 7.9 %"),
        (19, False, "Too bright"),
        (20, False, "25.5 %"),
        (40, False, "1.2/(1.2 + 3.5)"),
        (41, False, "43.5 %"),
        (79, False, "one 18th"),
        (80, False, "marketing"),
        (100, False, "28 s of transfer against 1.2 s"),
    ],
)
def test_entries_of_act2(lab, entry, correct, said):
    prediction = lab.act2.prediction()
    assert prediction.correct(entry) is correct
    assert said in prediction.feedback(entry)


def test_texts_of_act2(lab):
    assert "9.4 days" in lab.act2.message().text
    assert "30 hours" in lab.act2.message().text
    assert "176,946" in lab.act2.challenge()
    assert "30 %" in lab.act2.challenge()
    assert "7.9 %" in lab.act2.prediction().why
    assert [option.text for option in lab.act2.reflection().options][:3] == ["1.25×", "4×", "5×"]
    assert "6,795" in lab.act2.peek().note
    lab.set_context("cloud")
    assert "69.9 days" in lab.act2.challenge()
    notes = instructor_notes()
    for part in ("50 h of repair", "1.4 %", "8 % instead of 4 %"):
        assert part in notes


def test_failures_come_and_go(lab):
    in_act2(lab)
    assert not banners(lab)
    move(lab, gpus=4096)
    assert banners(lab)["idle"].startswith("Fleet idle. At 4,096 GPUs over Ethernet")
    assert "only 48 % is math" in banners(lab)["idle"]
    move(lab, link="hdr")
    assert not banners(lab)
    move(lab, gpus_per_copy=32)
    assert "87.5 GB" in banners(lab)["oom"]
    move(lab, gpus_per_copy=64, link="eth100", gpus=32_768)
    assert "from 16,384 to 32,768 GPUs lengthened the run from 3.14 to 3.54 days" in banners(lab)["inversion"]
    assert "every 1.5 h" in banners(lab)["inversion"]
    move(lab, gpus=1024)
    assert not banners(lab)
    assert lab.constraint_hit


def test_a_node_is_out_of_memory_until_a_model_fits(lab):
    in_act2(lab, "cloud")
    assert "350.0 GB" in banners(lab)["oom"]
    assert not lab.constraint_hit
    move(lab, model="gpt3-13b", gpus_per_copy=4)
    assert not banners(lab)
    assert [badge.label for badge in lab.act2.constraints()] == ["175B run ≤ 1.25 d", "Memory ≤ 80 GB"]
    assert not lab.act2.constraints_met()
    with pytest.raises(ControlError, match="fleet"):
        lab.set_control("act2", "gpus", 8)


def test_the_solution_solves(lab):
    in_act2(lab)
    move(lab, **lab.solution("fleet") or {})
    assert lab.act2.outcome.meets_challenge
    assert lab.act2.constraints_met()
    assert not banners(lab)


# --- ledger -------------------------------------------------------------------------------------------------


def test_opens_in_fleet(lab):
    assert lab.context == "fleet"
    assert lab.act1.gpus == 1000
    lab.set_context("cloud")
    assert lab.act1.gpus == 8


def test_greets_from_volume_1(ledger):
    assert ScaleIllusion(ledger).act1.from_ledger() == ""
    other = DesignLedger(open_store("sqlite://"), new_student_id())
    common = {"act1_prediction": 295, "act1_correct": True, "act2_result": 1, "constraint_hit": False}
    capstone = {
        "context": "edge",
        "act2_decision": "cloud:70B-4;edge:8B-4;mobile:1B-4;tiny:S-4",
        "dominant_term": "memory_bandwidth",
    }
    other.save(chapter=16, volume=1, design={**common, **capstone})
    said = ScaleIllusion(other).act1.from_ledger()
    assert "at the Edge" in said
    assert "memory bandwidth" in said


@pytest.mark.parametrize("lever", list(ScaleIllusion.decision_radio.options if ScaleIllusion.decision_radio else ()))
def test_saves_what_the_contract_says(lab, ledger, lever):
    in_act2(lab, first="D", second=4)
    move(lab, **lab.solution("fleet") or {})
    lab.answer("act2", "C")
    assert "question" in lab.missing_to_save()
    lab.decide(lever)
    lab.save()
    entry = ledger.get(1, 2)
    assert entry["context"] == "fleet"
    assert (entry["act1_prediction"], entry["act1_correct"]) == ("D", False)
    assert entry["act2_decision"] == lever
    assert entry["act2_result"] == pytest.approx(0.78761685475)
    assert (entry["fleet_gpus"], entry["link"], entry["lost_min"]) == (8192, "ndr", 30)
    assert entry["fleet_mtbf_h"] == pytest.approx(6.103515625)
    assert entry["compute_fraction"] == pytest.approx(0.852138427491)
    assert entry["constraint_hit"] is True


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["cloud", "fleet"])
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_every_end_of_every_control_is_the_same_drawing(lab, context, key):
    in_act2(lab, context)
    act = lab.act(key)
    structures: dict[str, set[Any]] = {}
    plots: dict[str, list[Plot]] = {}
    for ends in itertools.product(*((spec.values()[0], spec.values()[-1]) for spec in act.specs.values())):
        act.param.update(**dict(zip(act.specs, ends, strict=True)))
        for name, plot in act.plots(act.outcome).items():
            structures.setdefault(name, set()).add(plot.structure())
            plots.setdefault(name, []).append(plot)
    for first, *_, last in plots.values():
        Figure(first).show(last)
    assert {name: len(found) for name, found in structures.items()} == dict.fromkeys(structures, 1)
    assert len(act.tables(act.outcome)) == 1


def test_a_prediction_moves_columns_only(lab):
    before = {name: plot.structure() for name, plot in lab.act1.plots(lab.act1.outcome).items()}
    in_act2(lab)
    after = {name: plot.structure() for name, plot in lab.act1.plots(lab.act1.outcome).items()}
    assert after == before
    assert "predicted" in words(lab.act1.plots(lab.act1.outcome)["availability"])
    assert "your prediction" in words(lab.act2.plots(lab.act2.outcome)["share"])


def test_step_breakdown_hides_and_warns():
    fine = step_breakdown(StepParts(0.8, 0.1, 0.05, 0.1), limit=0.5, title="")
    idle = step_breakdown(StepParts(0.2, 0.7, 0.05, 0.0), limit=0.5, title="")
    assert "hidden" in words(fine)
    assert "hidden" not in words(idle)
    assert ("exposed communication", "violation") in idle.key
    assert ("exposed communication", "caution") in fine.key
    assert fine.structure() == idle.structure()


def test_calendar_counts_days():
    text = words(failure_calendar(np.array([1.0, 2.0, 30.0, 167.9, 168.1]), title="a week"))
    assert text.count("clean day") == 4
    assert "| 2 | 1 |" in text


def test_small_pictures_say_their_numbers():
    assert "± 20" in words(count_check(100.0, 90.0, model_label="model", observed_label="seen", title=""))
    shares = compute_share([("a", 0.9), ("b", 0.04)], limit=0.5, predicted=(1, 0.25), title="")
    assert "90.0 %" in words(shares)
    assert "4.0 %" in words(shares)


def test_links_are_those_of_the_ledger(lab):
    assert set(LINKS) == set(contract_of("v2_01").fields["link"].vocabulary or ())
    assert lab.act2.controls_in("fleet")["link"].values() == ("eth100", "hdr", "ndr")
