"""V2-12: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from earlier import save_earlier
from plot_words import texts

from components.controls import ControlError
from components.instruments.figure import Figure
from components.instruments.service_levels import FanOut, request_chain
from labs.vol2.lab_12_ops_scale import (
    MONTHLY_BUDGET,
    SOLUTIONS,
    GameDay,
    GreenDashboards,
    OpsAtScaleLab,
    played,
    singles,
)
from ledger import DesignLedger, contract_of
from tests.unit.labs.playing import banner, move

ELASTIC = SOLUTIONS["k8s"]


@pytest.fixture
def lab(ledger: DesignLedger) -> OpsAtScaleLab:
    return OpsAtScaleLab(ledger)


def in_act2(lab: OpsAtScaleLab, context: str = "bare_metal", second: str = "A") -> OpsAtScaleLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "retries", 1)
    lab.answer("act1", "B")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


def hours(context: str, **changed: Any) -> tuple[float, float]:
    """What the two hours burn, in percent."""
    outcome = GameDay.design(context, **changed)
    return outcome.burn_hour1 * 100, outcome.burn_hour2 * 100


# --- designs of the sheet -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "changed", "hour1", "hour2"),
    [
        ("bare_metal", {}, 127.0, 166.7),
        ("k8s", {}, 127.0, 166.7),
        ("k8s", ELASTIC, 0.76, 1.81),
        ("k8s", {**ELASTIC, "protection": "none"}, 11.7, 42.5),
        ("k8s", {**ELASTIC, "weights": "object_store"}, 2.74, 5.93),
        ("k8s", {**ELASTIC, "hpa_max": 1.0}, None, 16.4),
        ("k8s", {**ELASTIC, "replicas": 19, "hpa_max": 1.25}, None, 1.88),
        ("k8s", {**ELASTIC, "queue_s": 2.0}, 4.3, 8.0),
        ("k8s", {"timeout_s": 10.0}, 125.5, None),
        ("bare_metal", {"timeout_s": 10.0}, None, 164.6),
        ("k8s", {"hpa_max": 2.0, "weights": "node_cache"}, 127.0, None),
        ("k8s", {"retry_budget": 0.1}, 43.9, 166.3),
        ("bare_metal", {"retry_budget": 0.1}, 3.7, 166.3),
        ("k8s", {"protection": "breaker", "hpa_max": 1.5, "weights": "node_cache"}, 3.7, 7.9),
        ("bare_metal", {"retries": 0}, 2.8, 138.3),
        ("bare_metal", SOLUTIONS["bare_metal"], 0.003, 0.44),
        ("bare_metal", {**SOLUTIONS["bare_metal"], "replicas": 22}, None, 3.6),
    ],
)
def test_burns_of_the_sheet(context, changed, hour1, hour2):
    for burn, expected in zip(hours(context, **changed), (hour1, hour2), strict=True):
        if expected is not None:
            assert burn == pytest.approx(expected, rel=0.01, abs=0.005 if expected < 0.01 else 0.051)


def test_what_an_unbounded_queue_does_to_23_machines():
    collapsed = GameDay.design("bare_metal", **{**SOLUTIONS["bare_metal"], "protection": "none"})
    assert collapsed.burn_hour2 == pytest.approx(1.5, abs=0.02)
    fell = int(np.flatnonzero(collapsed.day.failed > 0.5)[0])
    assert fell - 3600 == pytest.approx(266, abs=1)
    roomy = GameDay.design("bare_metal", replicas=24, retries=1)
    assert max(roomy.burn_hour1, roomy.burn_hour2) <= 0.02
    assert not roomy.capped


def test_a_retry_budget_is_a_money_budget():
    unlimited = {**ELASTIC, "retry_budget": None}
    assert GameDay.design("k8s", **unlimited).meets_all
    for most, average in ((1.75, 20.2), (2.0, 20.6)):
        outcome = GameDay.design("k8s", **{**unlimited, "hpa_max": most})
        assert outcome.avg_replicas == pytest.approx(average, abs=0.05)
        assert not outcome.meets_all
    assert GameDay.design("k8s", **ELASTIC).cost_usd_per_h == pytest.approx(623, abs=0.5)


def test_the_same_outage_to_the_second():
    bare, cloud = GameDay.design("bare_metal"), GameDay.design("k8s")
    assert bare.seconds_down_hour1 == cloud.seconds_down_hour1 == 3292
    assert bare.fell_after_s == cloud.fell_after_s == 8
    assert bare.recovery_s == 45
    assert cloud.recovery_s == 420
    assert GameDay.design("bare_metal", retries=0).seconds_down_hour1 == 56


def test_the_crash_is_survived_with_patience_and_the_surge_is_not():
    patient = GameDay.design("bare_metal", timeout_s=10.0)
    assert float(np.max(patient.day.delay_s[:3600])) == pytest.approx(9.5, abs=0.05)
    assert patient.seconds_down_hour1 == 0
    assert patient.collapse is not None


def test_designs_come_back_from_memory():
    GameDay.design("bare_metal")
    before = played.cache_info().misses
    GameDay.compute("bare_metal")
    assert played.cache_info().misses == before


def test_the_budget_of_a_month():
    assert pytest.approx(373_248) == MONTHLY_BUDGET


def test_spread_and_packed_requests():
    spread, packed = GreenDashboards.asked("k8s"), GreenDashboards.asked("bare_metal")
    assert (spread.hard_calls, packed.hard_calls) == (24, 8)
    assert packed.burn_rate == pytest.approx(7.97, abs=0.005)
    assert packed.days_to_exhaust == pytest.approx(3.76, abs=0.005)
    retried = GreenDashboards.asked("k8s", retries=1)
    assert retried.call_failure == pytest.approx(1e-6)
    assert retried.burn_rate == pytest.approx(0.024, abs=5e-5)
    assert [value * 1e3 for value in spread.percentiles_s.values()] == pytest.approx(
        [500, 251.99, 500, 164.95], abs=0.01
    )


def test_a_tiny_failure_keeps_its_digits():
    outcome = GreenDashboards.compute("k8s", per_call_slo=0.9999, retries=3)
    assert outcome.bad_fraction == pytest.approx(24e-16, rel=1e-6)
    assert np.isfinite(outcome.days_to_exhaust)


# --- texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "numbers"),
    [
        ("A", ("23.7 times", "24 times", "0.976")),
        ("B", ("10.6 times", "probabilities add")),
        ("C", ("4.75 times", "20 of them")),
        ("D", ("1.00 times", "24 calls", "30 hours")),
    ],
)
def test_reveal_of_act1(lab, option, numbers):
    gap = lab.act1.prediction().gap(option)
    assert gap.actual == "23.7×"
    assert gap.correct == (option == "D")
    assert all(text in f"{gap.text} {gap.why}" for text in (*numbers, "97.63 %")), gap.why


@pytest.mark.parametrize(
    ("option", "numbers"),
    [
        ("A", ("73.2 times", "45 s")),
        ("B", ("58.8 times", "396 attempts")),
        ("C", ("7.84 times", "3,292 s as well")),
        ("D", ("1.00 times", "8 s to fall")),
    ],
)
def test_reveal_of_act2(lab, option, numbers):
    gap = lab.act2.prediction().gap(option)
    assert gap.actual == "3,292 s"
    assert gap.correct == (option == "D")
    said = f"{gap.text} {gap.why}"
    assert all(text in said for text in (*numbers, "In 8 s", "4 times", "576", "180", "80 %", "25 %")), said


def test_options_of_the_questions(lab):
    assert [option.text for option in lab.act1.prediction().options] == ["1×", "2.2×", "5×", "24×"]
    assert [option.text for option in lab.act2.prediction().options] == ["45 s", "56 s", "420 s", "3,292 s"]


def test_stories_and_reflections_quote_the_model(lab):
    assert "43.2 minutes" in lab.act1.concept()
    assert all(number in lab.act2.concept() for number in ("18 replicas", "144", "420 or 120 s", "45 s", "30 s"))
    feedback = {letter: lab.act1.reflection().option(letter).feedback for letter in "ABCD"}
    assert "4.8×" in feedback["A"]
    assert "0.024×" in feedback["B"]
    assert "252 ms" in feedback["C"]
    assert "5×" in feedback["D"]
    second = {letter: lab.act2.reflection().option(letter).feedback for letter in "ABCD"}
    assert all(number in second["B"] for number in ("127.0 %", "576", "360", "0.76 %"))
    assert "63 %" in lab.act1.peek().note
    assert "64 attempts" in lab.act2.peek().note
    notes = lab.instructor_notes
    assert all(number in notes for number in ("125.5 %", "127.0 %", "3.7 %", "166.3 %", "7.9 %", "4.3 %", "3.6 %")), (
        notes
    )


def test_allocation_table(lab):
    rows = {row[0]: row[1:] for row in lab.act1.tables(GreenDashboards.asked())[0].rows}
    assert rows["succeeds (%)"] == ("99.99583", "99.9")
    assert rows["failures per million"] == ("41.7", "1,000")


# --- failure states -----------------------------------------------------------------------------------------


def test_self_sustaining_outage(lab):
    in_act2(lab)
    assert not lab.constraint_hit
    said = banner(lab)
    assert all(
        text in said
        for text in (
            "SELF-SUSTAINING OUTAGE. The trigger ended at minute 5.8; 576 attempts/s for 144 requests/s",
            "180 req/s of capacity",
            "0.80 > 0.25 = 1/4",
            "294 %",
            "Hour 1: 127.0 % and hour 2: 166.7 %",
        )
    ), said
    move(lab, protection="shed")
    assert "SELF-SUSTAINING" not in banner(lab)
    move(lab, queue_s=2.0)
    assert lab.constraint_hit
    move(lab, protection="none", retries=1, replicas=30)
    assert "SELF-SUSTAINING" not in banner(lab)
    assert "30 machines, limit 23" in banner(lab)


def test_slow_drain(lab):
    in_act2(lab)
    move(lab, retry_budget=0.1)
    said = banner(lab)
    assert "SLOW DRAIN. 86,657 expired attempts in the queue drain at 22 per second: 66.9 more minutes" in said
    assert "SELF-SUSTAINING" not in said


def test_too_few_retries_and_the_cap(lab):
    in_act2(lab)
    move(lab, retries=0)
    assert "5.0 × 10⁻³ of the requests" in banner(lab) or "0.0050 of the requests" in banner(lab)
    lab.set_context("k8s")
    move(lab, **{**ELASTIC, "retries": 3, "retry_budget": None, "hpa_max": 2.0})
    assert "20.6 replicas on average, limit 20" in banner(lab)


@pytest.mark.parametrize("context", ["k8s", "bare_metal"])
def test_solutions_leave_no_banner(lab, context):
    in_act2(lab, context)
    move(lab, **lab.solution(context))
    assert banner(lab) == ""
    assert lab.act2.constraints_met()
    assert lab.act2.outcome.meets_all
    move(lab, **lab.breaking(context))
    assert "SELF-SUSTAINING" in banner(lab)


# --- controls and ledger ------------------------------------------------------------------------------------


def test_the_queue_has_a_bound_only_under_shedding(lab):
    in_act2(lab)
    with pytest.raises(ControlError, match="Only load shedding"):
        move(lab, queue_s=0.5)
    move(lab, protection="shed", queue_s=0.5)
    move(lab, protection="breaker")
    assert lab.act2.queue_s == 1.0


def test_elastic_controls_exist_on_kubernetes_only(lab):
    in_act2(lab)
    assert not {"hpa_max", "weights"} & set(lab.act2.specs)
    lab.set_context("k8s")
    assert {"hpa_max", "weights"} <= set(lab.act2.specs)


@pytest.mark.parametrize(
    ("context", "controls", "decision"),
    [
        ("k8s", ELASTIC, "shed_cache_autoscale"),
        ("k8s", {**ELASTIC, "hpa_max": 1.0}, "shed_headroom"),
        ("k8s", {**ELASTIC, "weights": "object_store"}, "shed_headroom"),
        ("bare_metal", SOLUTIONS["bare_metal"], "shed_headroom"),
        ("bare_metal", {"protection": "breaker"}, "breaker"),
        ("bare_metal", {"replicas": 19}, "headroom_only"),
        ("bare_metal", {"timeout_s": 5.0}, "other"),
    ],
)
def test_decisions(lab, context, controls, decision):
    in_act2(lab, context)
    move(lab, **controls)
    assert lab.decision() == decision
    assert decision in contract_of("v2_12").fields["act2_decision"].vocabulary
    assert lab.result() == max(lab.act2.outcome.burn_hour1, lab.act2.outcome.burn_hour2)
    assert set(lab.extras()) == {"replicas", "retries", "retry_budget", "cost_usd_per_h"}


def test_a_design_is_saved(lab):
    in_act2(lab)
    move(lab, **SOLUTIONS["bare_metal"])
    lab.answer("act2", "B")
    lab.save()
    entry = lab.ledger.get(12, 2)
    assert entry["act1_prediction"] == "A"
    assert entry["act2_result"] == pytest.approx(0.00439, abs=1e-5)
    assert (entry["replicas"], entry["retries"], entry["retry_budget"]) == (23, 1, None)
    assert entry["cost_usd_per_h"] == 368


def test_earlier_labs_are_quoted(ledger):
    assert OpsAtScaleLab(ledger).act2.from_ledger() == ""
    save_earlier(ledger, "v2_10", node_capacity_req_s=9.47)
    save_earlier(ledger, "v2_08", busy_fraction=0.87, act2_decision="preempt_save")
    save_earlier(ledger, "ch13", context="cloud")
    lab = OpsAtScaleLab(ledger)
    said = lab.act2.from_ledger()
    assert all(text in said for text in ("9.47 requests/s", "87 %", "preemption that saves", "Little’s law")), said
    assert lab.context == "k8s"


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["k8s", "bare_metal"])
def test_plots_of_extreme_controls_have_one_structure(lab, context):
    in_act2(lab, context, second="D")
    for act in (lab.act1, lab.act2):
        structures = set()
        for ends in itertools.product((0, -1), repeat=3):
            for name, end in zip(list(act.specs)[:3], ends, strict=True):
                act.param.update(**{name: act.specs[name].values()[end]})
            plots = act.plots(act.outcome)
            structures.add(tuple((name, plot.structure()) for name, plot in plots.items()))
            for plot in plots.values():
                for layer in plot.layers:
                    assert layer.columns()
        assert len(structures) == 1
        for plot in act.plots(act.outcome).values():
            Figure(plot)


def test_the_chain_shows_every_call():
    plot = request_chain(
        *[singles(4)[0], FanOut(20, 4, "20 shards on 4 hosts"), singles(4)[1]],
        call_failure=1e-3,
        allowed=1e-3,
        title="t",
        caption="c",
    )
    said = texts(plot)
    assert all(
        word in said for word in ("gateway", "formatter", "20 shards on 4 hosts", "0.1 % may be lost", "0.797 % lost")
    )


def test_names_of_the_calls():
    assert singles(1) == (("gateway",), ())
    assert singles(4) == (("gateway", "authentication", "ranking"), ("formatter",))
    for calls in range(1, 11):
        before, after = singles(calls)
        assert len(before) + len(after) == calls
        assert len({*before, *after}) == calls


def test_the_fall_is_shown_where_it_happens(lab):
    in_act2(lab)
    said = texts(lab.act2.plots(lab.act2.outcome)["tipping"])
    assert all(word in said for word in ("crash", "down", "×4.0"))
    move(lab, **SOLUTIONS["bare_metal"])
    said = texts(lab.act2.plots(lab.act2.outcome)["tipping"])
    assert "down" not in said
    assert "crash" in said


def test_predictions_are_drawn(lab):
    in_act2(lab, "k8s")
    assert "your prediction" in texts(lab.act1.plots(lab.act1.outcome)["composer"])
    assert "your prediction" in texts(lab.act1.plots(lab.act1.outcome)["burndown"])
    assert "your prediction" in texts(lab.act2.plots(lab.act2.outcome)["replay"])
    lab.set_context("bare_metal")
    assert "your prediction" not in texts(lab.act1.plots(lab.act1.outcome)["composer"])
