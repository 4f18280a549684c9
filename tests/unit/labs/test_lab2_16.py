"""V2-16: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from earlier import save_earlier
from hypothesis import given
from hypothesis import strategies as st
from plot_words import texts, written

from components.controls import ControlError
from components.instruments.figure import Figure
from components.instruments.impossibility import Shared, fairness_triangle, ratio_bars
from labs.vol2.lab_16_responsible_ai import (
    PREV_1,
    PREV_2,
    SOLUTIONS,
    TODAY_1,
    TODAY_2,
    FixedProduct,
    ResponsibleAILab,
    TwoRegions,
    best_pairs,
    least_common_gap,
    plane_of,
    quotient,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.playing import banners

CONTEXTS = ("accuracy", "equity")
inner = st.floats(0.02, 0.98)


@pytest.fixture
def lab(ledger: DesignLedger) -> ResponsibleAILab:
    return ResponsibleAILab(ledger)


def in_act1(lab: ResponsibleAILab, choice: str = "odds", context: str = "accuracy") -> ResponsibleAILab:
    lab.begin_act1()
    lab.lock("act1", choice)
    lab.set_context(context)
    return lab


def in_act2(lab: ResponsibleAILab, context: str = "accuracy", choice: str = "p0") -> ResponsibleAILab:
    in_act1(lab)
    lab.set_control("act1", "ppv", 0.70)
    lab.answer("act1", "B")
    lab.lock("act2", choice)
    lab.set_context(context)
    return lab


def move(lab: ResponsibleAILab, key: str = "act2", **controls: Any) -> None:
    for name, value in controls.items():
        lab.set_control(key, name, value)


# --- physics ------------------------------------------------------------------------------------------------


@given(inner, inner, inner)
def test_rates_from_a_flagged_share_give_share_precision_and_the_identity(prevalence, ppv, selection):
    rates = physics.rates_from_selection(prevalence, ppv, selection)
    flagged = prevalence * rates["tpr"] + (1 - prevalence) * rates["fpr"]
    assert flagged == pytest.approx(selection)
    assert prevalence * rates["tpr"] / flagged == pytest.approx(ppv)
    if rates["tpr"] <= 1:
        assert physics.chouldechova_fpr(prevalence, ppv, 1 - rates["tpr"]) == pytest.approx(rates["fpr"])


@given(inner, inner, st.floats(0.3, 4.0))
def test_at_the_threshold_the_calibrated_probability_is_the_cut_off(cutoff, prevalence, d_prime):
    t = physics.binormal_threshold(cutoff, prevalence, d_prime)
    likelihood = math.exp(d_prime * t - d_prime**2 / 2)
    odds = prevalence / (1 - prevalence) * likelihood
    assert odds / (1 + odds) == pytest.approx(cutoff)


@given(inner, inner, st.floats(0.2, 0.9), st.floats(0.05, 0.8), inner, inner)
def test_the_three_ratios_multiply_to_the_odds_of_the_base_rates(p_1, p_2, tpr_1, tpr_2, fpr_1, fpr_2):
    """For any two groups and any classifier."""
    odds = [
        (ppv := physics.ppv_from_rates(p, tpr, fpr)) / (1 - ppv)
        for p, tpr, fpr in ((p_1, tpr_1, fpr_1), (p_2, tpr_2, fpr_2))
    ]
    product = (fpr_1 / fpr_2) * (odds[0] / odds[1]) / (tpr_1 / tpr_2)
    assert product == pytest.approx(physics.prevalence_odds_ratio(p_1, p_2))


@pytest.mark.parametrize("formula", ["prevalence_odds_ratio", "binormal_threshold"])
def test_base_rates_of_nobody_or_everybody_are_refused(formula):
    arguments = {"prevalence_odds_ratio": (1.0, 0.5), "binormal_threshold": (0.5, 0.0, 2.0)}[formula]
    with pytest.raises(ValueError, match="prevalence"):
        getattr(physics, formula)(*arguments)


# --- Act I --------------------------------------------------------------------------------------------------


def test_the_published_rates():
    assert (TODAY_1["fpr"], TODAY_2["fpr"]) == pytest.approx((0.44847, 0.23454), abs=5e-6)
    assert (TODAY_1["ppv"], TODAY_2["ppv"]) == pytest.approx((0.6297, 0.5913), abs=5e-5)
    today = FixedProduct.today()
    assert (today.tpr_ratio, today.fpr_ratio, today.flag_odds_ratio) == pytest.approx((1.38, 1.91, 1.18), abs=5e-3)


@pytest.mark.parametrize(("selection", "ppv"), list(itertools.product((0.10, 0.50, 0.80), (0.50, 0.60, 0.95))))
def test_share_and_precision_do_not_move_the_answer(selection, ppv):
    outcome = FixedProduct.compute("accuracy", selection=selection, ppv=ppv)
    assert outcome.ratio == pytest.approx(PREV_2 / PREV_1)
    assert outcome.fpr_ratio == pytest.approx((1 - PREV_2) / (1 - PREV_1))
    assert outcome.flag_odds_ratio == 1


@pytest.mark.parametrize(
    ("context", "controls", "ratios"),
    [
        ("accuracy", {}, (0.765, 1.249, 1.0)),
        ("accuracy", {"order": "misses"}, (1.0, 1.631, 1.0)),
        ("equity", {}, (1.0, 1.0, 1.631)),
        ("equity", {"prevalence_1": 0.45, "prevalence_2": 0.45}, (1.0, 1.0, 1.0)),
    ],
)
def test_orders_place_the_same_total(context, controls, ratios):
    o = FixedProduct.compute(context, **controls)
    assert (o.tpr_ratio, o.fpr_ratio, o.flag_odds_ratio) == pytest.approx(ratios, abs=5e-4)
    assert o.fpr_ratio * o.flag_odds_ratio / o.tpr_ratio == pytest.approx(o.total)


def test_undefined_ratios_are_none():
    perfect = FixedProduct.compute("accuracy", ppv=1.0)
    assert perfect.fpr_ratio is None
    assert perfect.flag_odds_ratio is None
    assert quotient(0.0, 0.0) is None
    assert FixedProduct.compute("equity", fpr=0.0).flag_odds_ratio is None


def test_texts_of_act1(lab):
    prediction = lab.act1.prediction()
    assert [option.text for option in prediction.ascending() or []] == ["0.61×", "0.77×", "1.00×", "1.31×"]
    gaps = {option.id: prediction.gap(option.id).text for option in prediction.options}
    assert gaps == {"odds": "1.25 times", "inverse": "1.00 times", "one": "1.31 times", "prev": "1.71 times"}
    for part in ("0.765×", "500 are flagged", "300 over 514", "394", "58.3 % against 76.2 %", "486 and 606"):
        assert part in prediction.why
    for part in ("41.2 % against 33.0 %", "1.91×", "1.18×", "1.38×", "1.63×"):
        assert part in prediction.why
    assert "the 1.63 splits: 1.31" in prediction.option("odds").feedback
    assert "1.38×" in prediction.option("prev").feedback
    for part in ("1,369", "805", "1,139", "44.8 %", "23.5 %"):
        assert part in lab.act1.concept()


def test_an_order_leaves_what_it_does_not_name(lab):
    in_act1(lab)
    with pytest.raises(ControlError, match="does not name it"):
        lab.set_control("act1", "fnr", 0.2)
    lab.set_control("act1", "selection", 0.3)
    lab.set_control("act1", "order", "misses")
    assert lab.act1.selection == 0.50
    lab.set_control("act1", "fnr", 0.2)
    lab.set_control("act1", "order", "parity")
    assert lab.act1.fnr == 0.35
    lab.set_context("equity")
    lab.set_control("act1", "fnr", 0.2)
    lab.set_context("accuracy")
    assert lab.act1.fnr == 0.35


def test_a_rate_above_one_is_flagged(lab):
    in_act1(lab)
    move(lab, "act1", selection=0.80, ppv=0.95)
    (failure,) = lab.act1.active_failures()
    assert "catch rate in group 2 of 193 %" in failure.text(lab.act1.outcome)
    plots = lab.act1.plots(lab.act1.outcome)
    assert "no such group" in written(plots["people"])
    assert "cannot exist" in written(plots["plane"])
    assert plots["plane"].x.high == 150


def test_the_triangle_has_two_corners_or_three(lab):
    in_act1(lab)
    assert "One corner is equal" in lab.act1.plots(lab.act1.outcome)["triangle"].caption
    assert "you: 0.61×" in written(lab.act1.plots(lab.act1.outcome)["triangle"])
    move(lab, "act1", order="misses")
    assert "Two corners are equal" in lab.act1.plots(lab.act1.outcome)["triangle"].caption
    move(lab, "act1", prevalence_1=0.45, prevalence_2=0.45)
    triangle = lab.act1.plots(lab.act1.outcome)["triangle"]
    assert "all three can be had" in triangle.caption
    assert "nothing to place" in written(triangle)


# --- Act II -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "accuracy", "bound", "passes"),
    [
        ("accuracy", {}, 0.8496, 9.33, True),
        ("accuracy", {"cutoff_a": 0.50}, 0.8507, 10.2, False),
        ("accuracy", {"cutoff_a": 0.52}, None, None, True),
        ("accuracy", {"cutoff_a": 0.61}, None, None, True),
        ("accuracy", {"cutoff_a": 0.62}, 0.8441, None, False),
        ("equity", {}, 0.8413, 3.54, True),
        ("equity", {"monitoring": "basic"}, 0.8413, 7.0, False),
        ("equity", {"cutoff_a": 0.67, "cutoff_b": 0.11}, 0.8031, 17.1, False),
        ("equity", {"explanation": "sync_fast"}, 0.8413, 3.54, False),
        ("equity", {"explanation": "sync_full"}, 0.8413, 3.54, False),
        ("equity", {"explanation": "none"}, 0.8413, 3.54, False),
        ("equity", {"labels_per_day": 500}, 0.8413, None, False),
        ("equity", {"window_days": 20}, 0.8413, None, False),
    ],
)
def test_designs_of_the_sheet(lab, context, controls, accuracy, bound, passes):
    outcome = TwoRegions.design(context, **{**SOLUTIONS[context], **controls})
    if accuracy is not None:
        assert outcome.accuracy == pytest.approx(accuracy, abs=6e-5)
    if bound is not None:
        assert 100 * outcome.gap_upper_bound == pytest.approx(bound, abs=0.06)
    assert outcome.passes is passes
    lab.set_context(context)
    assert all(badge.holds(outcome) for badge in lab.act2.constraints()) is passes


def test_latency_and_compute():
    short = TwoRegions.design("equity", **{**SOLUTIONS["equity"], "explanation": "sync_fast"})
    assert (short.latency_ms, short.compute_factor) == pytest.approx((100, 51))
    assert TwoRegions.design("equity", monitoring="full", explanation="sync_full").latency_ms == pytest.approx(250)
    assert TwoRegions.design("equity", **SOLUTIONS["equity"]).compute_factor == pytest.approx(25.4, abs=0.05)


def test_what_each_design_gives_away():
    north, south = (TwoRegions.design(context, **SOLUTIONS[context]) for context in CONTEXTS)
    assert 100 * north.tpr_gap == pytest.approx(18.2, abs=0.05)
    assert north.selection_ratio == pytest.approx(0.42, abs=5e-3)
    assert 100 * south.ppv_gap == pytest.approx(19.8, abs=0.05)
    assert 100 * least_common_gap() == pytest.approx(9.7, abs=0.05)


def test_price_tags():
    free, opportunity, approval = best_pairs()
    assert [100 * pair.accuracy for pair in best_pairs()] == pytest.approx([85.07, 84.14, 80.31], abs=5e-3)
    assert (opportunity.cutoff_a, opportunity.cutoff_b) == pytest.approx((0.59, 0.29), abs=5e-3)
    assert (approval.cutoff_a, approval.cutoff_b) == pytest.approx((0.67, 0.11), abs=5e-3)
    # No other pair of the grid is more accurate than the most accurate.
    assert plane_of("accuracy").accuracy.max() <= free.accuracy


@pytest.mark.parametrize("rate", ["ppv", "tpr", "selection"])
def test_curves_of_the_map_close_their_gap(rate):
    plane = plane_of("equity")
    name = {"ppv": "equal PPV", "tpr": "equal TPR", "selection": "equal approval"}[rate]
    for a, b in list(zip(plane.along, plane.equal[name], strict=True))[::100]:
        if np.isfinite(b):
            pair = TwoRegions.design("equity", cutoff_a=float(a), cutoff_b=float(b))
            gap = {"ppv": pair.ppv_gap, "tpr": pair.tpr_gap, "selection": pair.selection_gap}[rate]
            assert gap < 2e-3


def test_the_floor_of_the_map_is_on_the_floor():
    for context, floor in (("accuracy", 0.845), ("equity", 0.835)):
        for a, b in list(zip(*plane_of(context).floor, strict=True))[::50]:
            pair = TwoRegions.design("equity", cutoff_a=float(a), cutoff_b=float(b))
            assert pair.accuracy == pytest.approx(floor, abs=1e-3)


def test_texts_of_act2(lab):
    prediction = lab.act2.prediction()
    assert [option.text for option in prediction.ascending() or []] == [
        "0 points",
        "0.9 points",
        "4.8 points",
        "16.8 points",
    ]
    assert "85.1 %" in prediction.question
    assert "0.93 points" in prediction.why
    assert "4.76" in prediction.why
    assert prediction.gap("p0").text == "0.93 points"
    assert prediction.gap("p1").correct
    assert "0.59 and B falls to 0.29" in prediction.option("p1").feedback
    assert "19.8 points" in lab.act2.reflection().question
    assert "84.5 %" in lab.act2.challenge()
    lab.set_context("equity")
    assert "83.5 %" in lab.act2.challenge()


@pytest.mark.parametrize("context", CONTEXTS)
def test_failures_come_and_go(lab, context):
    in_act2(lab, context)
    assert ("audit_blind" in banners(lab)) == (context == "accuracy")
    if context == "equity":
        assert "CRITERION VIOLATED. TPR gap 16.8 points against 5." in banners(lab)["criterion_violated"]
    move(lab, explanation="sync_full")
    assert "30 + 0 + 200 = 230 ms, limit 100 ms" in banners(lab)["sla_violated"]
    move(lab, **SOLUTIONS[context])
    assert banners(lab) == {}
    assert lab.act2.constraints_met()
    move(lab, monitoring="basic")
    assert "1,400 labels give" in banners(lab)["audit_blind"]
    move(lab, monitoring="none")
    assert "no labels" in banners(lab)["audit_blind"]


def test_north_has_one_cut_off(lab):
    in_act2(lab, "equity")
    move(lab, cutoff_a=0.59, cutoff_b=0.29)
    lab.set_context("accuracy")
    assert lab.act2.outcome.group_b.cutoff == 0.59
    assert "cutoff_b" not in lab.act2.specs
    assert not TwoRegions.compute("accuracy", **{**SOLUTIONS["equity"], "cutoff_b": 0.29}).passes, (
        "two cut-offs are not lawful there"
    )


# --- ledger -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "name"),
    [
        ("accuracy", {}, "calibration"),
        ("equity", {}, "calibration"),
        ("equity", {"cutoff_a": 0.59, "cutoff_b": 0.29}, "equal_opportunity"),
        ("equity", {"cutoff_a": 0.67, "cutoff_b": 0.11}, "demographic_parity"),
        ("equity", {"cutoff_a": 0.30, "cutoff_b": 0.70}, "custom"),
    ],
)
def test_decisions(lab, context, controls, name):
    in_act2(lab, context)
    move(lab, **controls)
    assert lab.decision() == name
    assert name in contract_of("v2_16").fields["act2_decision"].vocabulary
    design = lab.design()
    assert design["act1_prediction"] == "odds"
    assert design["act2_result"] == lab.act2.outcome.accuracy
    assert set(contract_of("v2_16").fields) == set(design)


def test_nothing_is_said_without_earlier_labs(lab):
    assert lab.act2.from_ledger() == ""


def test_earlier_labs_are_quoted(ledger):
    save_earlier(ledger, "ch15", act2_decision="both")
    save_earlier(ledger, "v2_15", act2_result=0.62)
    said = ResponsibleAILab(ledger).act2.from_ledger()
    assert "data and group thresholds" in said
    assert "0.62×" in said
    assert "25 times" in said


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
def test_pictures_keep_their_structure_at_the_ends_of_every_control(lab, context):
    in_act2(lab, context)
    for act in (lab.act1, lab.act2):
        first = act.plots(act.outcome)
        figures = {name: Figure(plot) for name, plot in first.items()}
        for name, spec in act.specs.items():
            for value in (spec.values()[0], spec.values()[-1]):
                if name in act.limits():
                    continue
                act.set(name, value)
                plots = act.plots(act.outcome)
                assert list(plots) == list(first)
                for key, plot in plots.items():
                    assert plot.structure() == first[key].structure(), (name, value, key)
                    assert "nan" not in texts(plot) + plot.caption
                    figures[key].show(plot)
            act.reset()


def test_ratio_bars_widen_their_axis():
    rates = [Shared("a", ratio, 1.0) for ratio in (20.0, None, 0.3)]
    plot = ratio_bars(rates, total=5.0, title="Ratios")
    assert plot.x.high == 60
    assert "–" in written(plot)
    assert fairness_triangle(tuple(rates), total=5.0, predicted=None, title="T").height == 330
