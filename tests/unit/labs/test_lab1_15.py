"""V1-15: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from components.instruments.fairness import (
    GAP_SCALES,
    Confusion,
    Gap,
    Marked,
    chouldechova_explorer,
    confusion_mosaics,
    disaggregated_bars,
    gap_gauges,
    selection_rates,
    yearly_bill,
)
from components.instruments.figure import Figure
from components.instruments.layers import Boxes, Labels
from components.instruments.waterfall import Limit
from labs.vol1.lab_15_responsible_engr import (
    BASE_RATES,
    D_LIMIT,
    FEEDBACK,
    GATE,
    PREVALENCE,
    SAMPLES,
    SITES,
    SWEEP,
    VENDOR_ERROR,
    EqualNumbers,
    FairBill,
    FairBillLab,
    Z,
    aggregate,
    identity_curve,
    people_for,
    published_groups,
    separability,
    threshold_repair,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.plot_words import written

CONTEXTS = ("cloud", "mobile")
WITNESS = {
    "cloud": {
        "threshold_a": 0.85,
        "threshold_b": 0.80,
        "group_b_samples_per_class": 2500,
        "audits_per_year": 2,
        "audit_samples": 2000,
    },
    "mobile": {
        "threshold": 0.60,
        "group_b_samples_per_class": 4000,
        "audits_per_year": 1,
        "audit_samples": 800,
        "recruitment": "stratified",
    },
}
TODAY = {"group_b_samples_per_class": 160, "audits_per_year": 4, "audit_samples": 500}


@pytest.fixture
def lab(ledger: DesignLedger) -> FairBillLab:
    return FairBillLab(ledger)


def in_act2(lab: FairBillLab, context: str = "cloud", predicted: str = "B") -> FairBillLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "ppv", 0.8)
    lab.answer("act1", "B")
    lab.lock("act2", predicted)
    return lab


def design(context: str, **changed: Any) -> Any:
    """The outcome of the witness with some controls changed."""
    return FairBill.compute(context, **{**WITNESS[context], **changed})


# --- Act I --------------------------------------------------------------------------------------------------------


def test_the_case_of_the_question():
    asked = EqualNumbers.asked()
    assert (asked.fpr_a, asked.fpr_b) == pytest.approx((0.075, 0.2))
    assert asked.fpr_ratio == pytest.approx((0.4 / 0.6) / (0.2 / 0.8))
    assert asked.fpr_gap == pytest.approx(0.125)
    assert asked.distinguishable


@pytest.mark.parametrize(("n", "width", "told"), [(50, 13.3, False), (57, 12.43, True), (100, 9.4, True)])
def test_what_a_panel_can_tell(n, width, told):
    o = EqualNumbers.compute("mobile", prevalence_a=0.2, prevalence_b=0.4, ppv=0.7, fnr=0.3, samples_per_group=n)
    assert o.fpr_gap_half_width is not None
    assert 100 * o.fpr_gap_half_width == pytest.approx(width, abs=0.05)
    assert o.distinguishable is told


def test_people_for_a_gap():
    rates = (0.075, 0.2)
    assert people_for(rates, 0.125) == 57
    assert people_for(rates, GATE.value) == 353
    assert people_for((0.0, 0.0), 0.05) == 0


def test_compas_obeys_the_identity():
    for _, _, implied, reported in published_groups():
        assert implied == pytest.approx(reported, abs=0.002)


def test_only_equal_base_rates_or_perfect_precision_bring_the_rates_level():
    equal = EqualNumbers.compute("cloud", prevalence_a=0.3, prevalence_b=0.3, ppv=0.5, fnr=0.2)
    perfect = EqualNumbers.compute("cloud", prevalence_a=0.2, prevalence_b=0.4, ppv=1.0, fnr=0.3)
    assert equal.fpr_gap == 0
    assert (perfect.fpr_a, perfect.fpr_b, perfect.fpr_ratio) == (0, 0, None)
    assert not equal.distinguishable


def test_impossible_combinations_are_said_to_be_so(lab):
    o = EqualNumbers.compute("mobile", prevalence_a=0.2, prevalence_b=0.8, ppv=0.3, fnr=0.0, samples_per_group=50)
    assert o.fpr_b > 1
    assert (o.possible, o.fpr_gap_half_width, o.half_width_b) == (False, None, None)
    assert physics.chouldechova_fpr(o.impossible_from, 0.3, 0.0) == pytest.approx(1)
    in_act2(lab, "mobile")
    for name, value in (("prevalence_b", 0.8), ("ppv", 0.3), ("fnr", 0.0)):
        lab.set_control("act1", name, value)
    act = lab.act1
    (failure,) = act.active_failures()
    assert failure.severity == "warn"
    assert "80 %" in failure.text(act.outcome)
    assert "impossible" in {metric.value for metric in act.metrics(act.outcome)}
    assert "no such group" in written(act.plots(act.outcome)["mosaics"])


def test_gender_shades():
    assert aggregate(0.05) == pytest.approx(0.02495)
    assert abs(VENDOR_ERROR - 0.121) < 0.0005


@pytest.mark.parametrize(("option", "ratio"), [("A", 2.67), ("B", 2.22), ("C", 1.33)])
def test_reveal_of_act1(lab, option, ratio):
    gap = lab.act1.prediction().gap(option)
    assert gap.text == f"{ratio:.2f} times"
    assert not gap.correct
    for number in ("2.67 times", "200 per 1,000", "against 75", "20.0 %", "7.5 %", "0.2 points"):
        assert number in gap.why + gap.actual


def test_reflection_of_act1_has_the_precisions_of_equal_errors(lab):
    right = lab.act1.reflection().option("B")
    assert right.correct
    assert "0.70 in Group A and 0.86 in Group B" in right.feedback


def test_mosaics_hold_every_person(lab):
    groups = lab.act1.confusions(lab.act1.outcome)
    assert [round(1000 * cell) for g in groups for cell in (g.caught, g.missed, g.wronged, g.spared)] == [
        140,
        60,
        60,
        740,
        280,
        120,
        120,
        480,
    ]


# --- Act II: designs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "tpr", "fpr", "certified_tpr", "certified_fpr", "ratio", "accuracy", "cost"),
    [
        ("cloud", 2.2, 1.4, 4.65, 4.22, 0.993, 0.847, 82_000),
        ("mobile", 1.5, 0.0, 4.68, 4.37, 0.988, 0.831, 328_000),
    ],
)
def test_witnesses_of_the_sheet(context, tpr, fpr, certified_tpr, certified_fpr, ratio, accuracy, cost):
    o = design(context)
    assert o.all_met
    assert (100 * o.tpr_gap, 100 * o.fpr_gap) == pytest.approx((tpr, fpr), abs=0.05)
    assert (100 * o.certified_tpr_gap, 100 * o.certified_fpr_gap) == pytest.approx(
        (certified_tpr, certified_fpr), abs=0.006
    )
    assert o.selection_ratio == pytest.approx(ratio, abs=0.0005)
    assert o.overall_accuracy == pytest.approx(accuracy, abs=0.0005)
    assert o.annual_cost_usd == pytest.approx(cost)


def test_naive_moves_in_the_cloud():
    only = FairBill.compute("cloud", threshold_a=0.85, threshold_b=-0.20, **TODAY)
    assert (only.fpr_a, only.fpr_b) == pytest.approx((0.198, 0.579), abs=0.0005)
    assert only.selection_ratio == pytest.approx(0.740, abs=0.0005)
    assert only.selection_a < only.selection_b
    half = FairBill.compute("cloud", threshold_a=0.85, threshold_b=0.05, **TODAY)
    assert half.selection_ratio == pytest.approx(0.823, abs=0.0005)
    assert half.fpr_gap == pytest.approx(0.28, abs=0.005)
    assert design("cloud", audits_per_year=12).annual_cost_usd == 242_000


def test_moves_on_the_phone():
    assert design("mobile", recruitment="random").annual_cost_usd == 840_000
    assert design("mobile", threshold=0.85).tpr_gap == pytest.approx(0.021, abs=0.0005)
    today = FairBill.compute("mobile", **TODAY)
    assert today.overall_accuracy - design("mobile").overall_accuracy == pytest.approx(0.012, abs=0.0005)
    better = design("mobile", threshold=0.85).overall_accuracy - design("mobile").overall_accuracy
    assert better == pytest.approx(0.019, abs=0.0006)
    assert not design("mobile", threshold=0.55).overall_accuracy >= SITES["mobile"].floor


def feasible(context: str) -> list[tuple[float, float, float, float, float]]:
    """Every design of the grid that meets all limits: thresholds, samples, audits, audit sample."""
    site, found = SITES[context], []
    t_a = SWEEP[:, None] if context == "cloud" else SWEEP
    for samples in SAMPLES:
        a = physics.binormal_rates(t_a, PREVALENCE.value, D_LIMIT)
        b = physics.binormal_rates(SWEEP, PREVALENCE.value, separability(samples))
        ratio = physics.selection_rate_ratio(a["selection"], b["selection"])
        accuracy = (1 - site.share_b) * a["accuracy"] + site.share_b * b["accuracy"]
        fair = (ratio >= 0.8) & (accuracy >= site.floor)
        for audits, n in itertools.product((1, 2, 4, 12), range(100, 3001, 100)):
            panel = 4 * n * 2 if context == "cloud" else n * (40 + 120)
            if 2 * samples * site.train_usd + audits * panel > site.budget:
                continue
            growth = FEEDBACK.value ** (4 / audits)
            met = fair
            for rate in ("tpr", "fpr"):
                width = physics.gap_half_width(a[rate], n, b[rate], n, Z)
                met = met & (np.abs(a[rate] - b[rate]) * growth + width <= GATE.value)
            for at in np.argwhere(met):
                found.append((SWEEP[at[0]], SWEEP[at[-1]], samples, audits, n))
    return found


def test_feasible_designs_of_the_cloud():
    found = feasible("cloud")
    assert len(found) == 496
    assert {samples for _, _, samples, _, _ in found} == {2500, 4000}
    assert min(20 * samples + 8 * audits * n for _, _, samples, audits, n in found) == 65_200


def test_feasible_designs_of_the_phone():
    found = feasible("mobile")
    assert len(found) == 16
    assert {samples for _, _, samples, _, _ in found} == {4000}
    assert (min(t for t, *_ in found), max(t for t, *_ in found)) == (0.60, 0.75)
    assert {audits for *_, audits, _ in found} == {1, 2}
    assert (min(n for *_, n in found), max(n for *_, n in found)) == (600, 1200)
    assert min(50 * 4000 + audits * n * 160 for *_, audits, n in found) == 312_000


def test_the_threshold_repair():
    repair = threshold_repair()
    assert 100 * repair["loss"] == pytest.approx(0.63, abs=0.005)
    assert repair["exact_threshold"] == pytest.approx(-0.18, abs=0.001)
    assert repair["today"] - repair["exact_loss"] == pytest.approx(0.8193, abs=0.00005)
    assert (repair["good"], repair["bad"]) == pytest.approx((153, 191), abs=0.5)
    a, b = (physics.binormal_tpr(t, d) for t, d in ((0.85, D_LIMIT), (repair["exact_threshold"], separability(160))))
    assert a == pytest.approx(b)


def test_outcome_agrees_with_its_parts():
    for context, audits in itertools.product(CONTEXTS, (1, 2, 4, 12)):
        o = design(context, audits_per_year=audits)
        assert o.growth == pytest.approx(1.1 ** (4 / audits))
        assert o.certified_tpr_gap == pytest.approx(o.tpr_gap * o.growth + o.tpr_half_width)
        assert o.data_usd + o.audit_usd == pytest.approx(o.annual_cost_usd)
        at = int(np.argmin(np.abs(SWEEP - (0.80 if context == "cloud" else 0.60))))
        assert (o.arc[0][at], o.arc[1][at]) == pytest.approx((o.certified_tpr_gap, o.overall_accuracy))


def test_threshold_a_is_everybodys_on_the_phone():
    by_name = FairBill.evaluate("mobile", threshold_a=0.6, group_b_samples_per_class=4000)
    assert by_name["tpr_a"] == FairBill.evaluate("mobile", threshold=0.6, group_b_samples_per_class=4000)["tpr_a"]
    assert by_name["fpr_gap"] == 0


# --- Act II: texts and failure states ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "text", "off"),
    [("A", "0.6 points", 1.05), ("B", "3.4 points", 5.40), ("C", "5.0 points", 7.93), ("D", "15 points", 23.8)],
)
def test_reveal_of_act2(lab, option, text, off):
    prediction = lab.act2.prediction()
    gap = prediction.gap(option)
    assert prediction.option(option).text == text
    assert gap.amount == pytest.approx(off, rel=0.005)
    assert gap.correct is (option == "A")
    assert "58 % of the unqualified" in gap.why
    assert "0.59 points" in gap.why


def test_reflection_of_act2(lab):
    question = lab.act2.reflection()
    assert "384,000 USD more, 1.9 times" in question.question
    right = question.option("B")
    assert right.correct
    for number in ("128,000 USD", "512,000 USD", "200,000 USD", "from 1.09 to 2.01"):
        assert number in right.feedback


def failing(lab: FairBillLab) -> dict[str, str]:
    """Banners on screen."""
    return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}


def test_banners_of_the_cloud(lab):
    in_act2(lab)
    shown = failing(lab)
    assert set(shown) == {"adverse_impact", "gap_not_certified", "accuracy_floor"}
    assert "54.8 % and 39.7 %, ratio 0.72" in shown["adverse_impact"]
    assert shown["adverse_impact"].endswith("Group B.")
    assert "measured 30.2 points, × 1.10 until the next audit, ± 5.1: up to 38.3" in shown["gap_not_certified"]
    assert not lab.constraint_hit
    lab.set_control("act2", "threshold_b", -0.20)
    assert failing(lab)["adverse_impact"].endswith("Group A.")
    assert "FPR" in failing(lab)["gap_not_certified"]
    assert lab.constraint_hit
    for name, value in lab.solution("cloud").items():
        lab.set_control("act2", name, value)
    assert failing(lab) == {}
    assert lab.act2.constraints_met()


def test_a_small_gap_that_cannot_be_shown(lab):
    in_act2(lab)
    for name, value in lab.solution("cloud").items():
        lab.set_control("act2", name, value)
    lab.set_control("act2", "audit_samples", 500)
    assert failing(lab)["gap_not_certified"].endswith("You may well be fair. You cannot show it.")
    lab.set_control("act2", "audits_per_year", 12)
    assert "over_budget" not in failing(lab)
    lab.set_control("act2", "audit_samples", 3000)
    assert failing(lab)["over_budget"] == "338,000 USD, limit 100,000 USD."


def test_banners_of_the_phone(lab):
    in_act2(lab, "mobile")
    assert set(failing(lab)) == {"adverse_impact", "gap_not_certified", "over_budget"}
    assert "1,608,000 USD" in failing(lab)["over_budget"]
    for name, value in lab.solution("mobile").items():
        lab.set_control("act2", name, value)
    assert lab.act2.constraints_met()
    lab.set_control("act2", "threshold", 0.55)
    assert set(failing(lab)) == {"accuracy_floor"}
    lab.set_control("act2", "threshold", 0.60)
    assert failing(lab) == {}


# --- ledger --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "decision"),
    [
        ("cloud", {"threshold_b": -0.2}, "thresholds"),
        ("cloud", {"group_b_samples_per_class": 2500}, "data"),
        ("cloud", {"group_b_samples_per_class": 2500, "threshold_b": 0.75}, "data"),
        ("cloud", {"group_b_samples_per_class": 2500, "threshold_b": 0.70}, "both"),
        ("mobile", {"threshold": 0.6}, "thresholds"),
        ("mobile", {"group_b_samples_per_class": 4000, "threshold": 0.2}, "data"),
    ],
)
def test_decision(lab, context, controls, decision):
    in_act2(lab, context)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    assert lab.decision() == decision
    assert decision in contract_of("ch15").fields["act2_decision"].vocabulary


def test_saved_entry(lab, ledger):
    in_act2(lab, "mobile")
    for name, value in lab.solution("mobile").items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(15)
    assert entry is not None
    assert set(entry) == set(contract_of("ch15").fields)
    assert entry["act1_prediction"] == 1.0
    assert entry["act2_result"] == pytest.approx(4.68, abs=0.005)
    assert entry["act2_decision"] == "data"
    assert entry["annual_cost_usd"] == 328_000
    assert entry["audits_per_year"] == 1
    assert 0.98 < entry["selection_ratio"] < 0.99
    assert entry["overall_accuracy"] == pytest.approx(0.831, abs=0.0005)


def lab14(ledger: DesignLedger, context: str, decision: str) -> None:
    """An entry of Lab 14."""
    ledger.save(
        chapter=14,
        volume=1,
        design={
            "context": context,
            "act1_prediction": 3.0,
            "act1_correct": False,
            "act2_result": 90.0,
            "act2_decision": decision,
            "constraint_hit": True,
            "retrain_interval_days": 30.0,
            "labels_per_day": 100.0,
            "annual_cost_usd": 1e5,
        },
    )


@pytest.mark.parametrize(
    ("origin", "decision", "context", "audits"),
    [("edge", "triggered", "mobile", 12), ("cloud", "scheduled", "cloud", 4)],
)
def test_presets_from_lab_14(ledger, origin, decision, context, audits):
    lab14(ledger, origin, decision)
    lab = FairBillLab(ledger)
    assert lab.context == context
    assert lab.act2.audits_per_year == audits
    assert f"start at {audits} a year" in lab.act2.from_ledger()


def test_fallbacks_without_lab_14(lab):
    assert (lab.context, lab.act2.audits_per_year, lab.act2.from_ledger()) == ("cloud", 4, "")


# --- pictures ------------------------------------------------------------------------------------------------------


EXTREMES = {
    "act1": ("prevalence_a", "prevalence_b", "ppv", "fnr", "samples_per_group", "published"),
    "act2": (
        "threshold_a",
        "threshold_b",
        "threshold",
        "group_b_samples_per_class",
        "audits_per_year",
        "audit_samples",
    ),
}


@pytest.mark.parametrize(("key", "context"), list(itertools.product(("act1", "act2"), CONTEXTS)))
def test_one_structure_at_every_extreme(lab, key, context):
    in_act2(lab, context, "D")
    act = lab.act(key)
    figures = {name: Figure(plot) for name, plot in act.plots(act.outcome).items()}
    structures = {name: plot.structure() for name, plot in act.plots(act.outcome).items()}
    rows = [len(table.rows) for table in act.tables(act.outcome)]
    controls = [name for name in EXTREMES[key] if name in act.specs]
    ends = [(act.specs[name].values()[0], act.specs[name].values()[-1]) for name in controls]
    for values in itertools.product(*ends):
        act.param.update(**dict(zip(controls, values, strict=True)))
        for name, plot in act.plots(act.outcome).items():
            assert plot.structure() == structures[name], (name, values)
            figures[name].show(plot)
        assert [len(table.rows) for table in act.tables(act.outcome)] == rows


def test_the_prediction_is_drawn(lab):
    in_act2(lab, "cloud", "B")
    assert "your 1 × A" in written(lab.act1.plots(lab.act1.outcome)["identity"])
    assert "your prediction: 79.1 %" in written(lab.act2.plots(lab.act2.outcome)["pareto"])
    lab.set_context("mobile")
    assert not any("prediction" in text for text in written(lab.act2.plots(lab.act2.outcome)["pareto"]))


def test_a_prediction_below_the_axis_says_so(lab):
    in_act2(lab, "cloud", "D")
    assert "your prediction: 67.5 %, below the axis" in written(lab.act2.plots(lab.act2.outcome)["pareto"])


def test_explorer_hides_what_cannot_occur():
    plot = chouldechova_explorer(
        BASE_RATES,
        identity_curve(0.3, 0.0),
        impossible_from=0.3,
        groups=(Marked("A", 0.2, 0.58), Marked("B", 0.8, 9.3)),
        published=[],
        predicted_ratio=2.67,
        title="t",
        caption="c",
    )
    assert "impossible" in written(plot)
    assert not any(text.startswith(("B", "your")) for text in written(plot))


def test_mosaic_carries_the_level_past_a_number():
    a, b = Confusion("A", 0.14, 0.06, 0.06, 0.74), Confusion("B", 0.28, 0.12, 0.12, 0.48)
    plot = confusion_mosaics((a, b), columns=("x", "y"), cells=("1", "2", "3", "4"), title="t", caption="c")
    at = {
        text: y
        for layer in plot.layers
        if isinstance(layer, Labels)
        for text, y in zip(layer.columns()["text"], layer.columns()["y"], strict=True)
    }
    assert {"740", "280", "120", "480", "7.5 %", "20.0 %"} <= set(at)
    assert not any(abs(y - 7.5) < 3 for text, y in at.items() if text == "120" and math.isfinite(y) and y < 20)


def test_bars_of_mixtures_are_hatched():
    plot = disaggregated_bars({"a": 0.1, "mix": 0.2}, aggregates=("mix",), high=40, title="t", caption="c")
    plain, hatched = (layer for layer in plot.layers if isinstance(layer, Boxes))
    np.testing.assert_allclose(plain.columns()["right"], [10, np.nan])
    np.testing.assert_allclose(hatched.columns()["right"], [np.nan, 20])


@pytest.mark.parametrize(("certified", "high"), [(0.046, 12), (0.38, 60), (1.2, 120)])
def test_gauges_take_the_smallest_axis(certified, high):
    plot = gap_gauges([Gap("TPR", 0.02, 0.03, certified)], gate=Limit(0.05, "gate"), title="t", caption="c")
    assert plot.x.high == high
    assert high in [scale for scale, _ in GAP_SCALES]
    assert f"up to {100 * certified:.1f}" in written(plot, "met-ink" if certified <= 0.05 else "violation-ink")


def test_the_disadvantaged_group_is_red():
    plot = selection_rates({"A": 0.55, "B": 0.40}, least_ratio=0.8, title="t", caption="c")
    fine, short = (layer for layer in plot.layers if isinstance(layer, Boxes))
    np.testing.assert_allclose(fine.columns()["right"], [55, np.nan])
    np.testing.assert_allclose(short.columns()["right"], [np.nan, 40])


def test_the_bill_says_whether_it_fits():
    for audits, token in ((16_000, "met-ink"), (160_000, "violation-ink")):
        plot = yearly_bill({"data": 3200, "audits": audits}, budget=Limit(1e5, "budget"), title="t", caption="c")
        assert f"{(3200 + audits) / 1e3:,.0f}" in written(plot, token)
