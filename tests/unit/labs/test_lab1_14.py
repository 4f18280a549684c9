"""V1-14: the designs, texts, ledger fields and pictures of its sheet, and the physics behind them."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from components.controls import ControlError
from components.instruments.drift import bin_shares
from components.instruments.figure import Figure
from components.instruments.monitoring import Interval, Mark, days_axis, retraining_cost_curve
from labs.vol1 import lab_14_ml_ops as module
from labs.vol1.lab_14_ml_ops import DriftAlarm, MlOpsLab, RetrainPolicy
from ledger import DesignLedger, contract_of
from mlsysim import physics
from mlsysim.core import constants as c
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.plot_words import texts

CONTEXTS = ("cloud", "edge")


@pytest.fixture
def lab(ledger: DesignLedger) -> MlOpsLab:
    return MlOpsLab(ledger)


def in_act2(lab: MlOpsLab, context: str = "cloud", act1: str = "A", act2: str = "C") -> MlOpsLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", act1)
    lab.set_control("act1", "days", 28)
    lab.answer("act1", "C")
    lab.lock("act2", act2)
    return lab


def scheduled(context: str, interval: float, **controls: Any) -> Any:
    return RetrainPolicy.compute(context, policy="scheduled", interval_days=interval, **controls)


def triggered(context: str, drop: float, **controls: Any) -> Any:
    return RetrainPolicy.compute(context, policy="triggered", trigger_drop=drop, **controls)


def offered(context: str, name: str) -> tuple[float, ...]:
    return RetrainPolicy.controls_in(context)[name].values()


# --- Act I ------------------------------------------------------------------------------------------------------


def test_the_same_threshold_is_blind_in_cloud_and_cries_wolf_at_the_edge():
    cloud, edge = (DriftAlarm.asked(context) for context in CONTEXTS)
    assert cloud.calibrated_threshold == pytest.approx(4.33e-5, rel=1e-3)
    assert cloud.calibrated_alarm_day == pytest.approx(0.38, abs=0.005)
    assert cloud.accuracy_lost_at_calibrated_alarm == pytest.approx(0.0008, abs=1e-5)
    assert cloud.alarm_day - cloud.calibrated_alarm_day == pytest.approx(28.3, abs=0.1)
    assert cloud.false_alarm_probability_per_day == 0
    assert edge.calibrated_threshold == pytest.approx(0.217, abs=5e-4)
    assert edge.calibrated_alarm_day == pytest.approx(26.7, abs=0.05)
    assert module.DEVICES.value * edge.false_alarm_probability_per_day == pytest.approx(6, abs=0.1)
    assert edge.accuracy_lost_at_alarm == cloud.accuracy_lost_at_alarm == pytest.approx(0.0615, abs=5e-5)


def test_bins_at_half_a_standard_deviation():
    shares = DriftAlarm.compute("cloud", days=28).shares
    assert shares[[0, -1]] == pytest.approx([0.037, 0.217], abs=5e-4)


def test_labels_that_prove_the_loss():
    assert DriftAlarm.compute("cloud", days=0).labels_needed is None
    cloud, edge = (DriftAlarm.compute(context, days=28) for context in CONTEXTS)
    assert cloud.labels_needed == edge.labels_needed == pytest.approx(151.1, abs=1)
    assert cloud.label_days == pytest.approx(1 + cloud.labels_needed / 86_400)
    assert edge.label_days == pytest.approx(7 + edge.labels_needed / 100)


@pytest.mark.parametrize(
    ("option", "off", "word"),
    [
        ("A", "10.3 times", "0.05 sd reads 0.0024"),
        ("B", "2.05 times", "A quarter of an sd reads 0.06"),
        ("C", "1.01 times", "0.513 sd"),
        ("D", "1.95 times", "One full sd reads 0.93"),
    ],
)
def test_act1_reveals(lab, option, off, word):
    gap = lab.act1.prediction().gap(option)
    assert (gap.actual, gap.text, gap.correct) == ("6.2 points", off, option == "C")
    assert "0.25 is 0.51 standard deviations" in gap.why
    assert "half the shift would have read 0.06" in gap.why
    assert word in gap.why


def test_act1_texts_quote_the_model(lab):
    for word in ("15 ms", "PSI 0.25", "12 points of accuracy"):
        assert word in lab.act1.message().text
    assert "0.029" in lab.act1.concept()
    right = lab.act1.reflection().option("C").feedback
    for word in ("1,203", "20 minutes", "12 days plus 7"):
        assert word in right
    assert "9.0 × 10⁻⁶" not in lab.act1.peek().note
    assert "0.09" in lab.act1.peek().note


def test_the_noise_of_the_index_in_words(lab):
    assert "28 days later: it is blind here" in lab.act1.plots(lab.act1.outcome)["noise"].caption
    lab.set_context("edge")
    lab.act1.set("psi_threshold", 0.1)
    assert "35.1 % of a camera's days: 701 false alarms" in lab.act1.plots(lab.act1.outcome)["noise"].caption


def test_the_table_of_thresholds(lab):
    lab.set_context("edge")
    (table,) = lab.act1.tables(lab.act1.outcome)
    assert [row[0] for row in table.rows] == ["0.10", "0.20", "0.25", "calibrated"]
    assert [row[4] for row in table.rows] == ["35", "1.8", "0.30", "1.0"]
    assert table.emphasis == 2


# --- Act II -----------------------------------------------------------------------------------------------------


def test_schedules_that_pass():
    def found(context: str, **controls: Any) -> list[float]:
        return [t for t in offered(context, "interval_days") if scheduled(context, t, **controls).all_met]

    assert found("cloud") == [2.5, 3, 3.5, 4]
    assert found("edge") == [30, 33, 35]
    assert found("edge", labels_per_day=40) == [24, 28, 30, 33, 35]
    assert found("edge", labels_per_day=20) == []


def test_triggers_that_pass():
    cloud = [d for d in offered("cloud", "trigger_drop") if triggered("cloud", d).all_met]
    assert cloud == pytest.approx([0.002, 0.003, 0.004, 0.005, 0.006, 0.007])
    labels = offered("edge", "labels_per_day")
    assert not any(
        triggered("edge", d, labels_per_day=r).all_met
        for d, r in itertools.product(offered("edge", "trigger_drop"), labels)
    )


@pytest.mark.parametrize(
    ("outcome", "interval", "bill", "accuracy"),
    [
        (scheduled("cloud", 3), 3, 1_414_298, 0.9323),
        (triggered("cloud", 0.005), 3.47, 1_426_458, 0.9312),
        (triggered("cloud", 0.002), 3.2, None, None),
        (triggered("cloud", 0.01), 5.6, None, None),
        (scheduled("cloud", 90), 90, 17_167_416, 0.760),
        (scheduled("edge", 90), 90, None, 0.858),
        (scheduled("edge", 30), 30, 237_277, 0.8931),
        (triggered("edge", 0.01), 83, None, None),
        (triggered("edge", 0.01, labels_per_day=1000), 29, 568_090, 0.8936),
    ],
)
def test_designs_of_the_sheet(outcome, interval, bill, accuracy):
    assert outcome.interval_days == pytest.approx(interval, rel=0.01)
    if bill is not None:
        assert outcome.annual_cost_usd == pytest.approx(bill, rel=1e-4)
    if accuracy is not None:
        assert outcome.accuracy_end == pytest.approx(accuracy, abs=5e-4)


def test_the_windows_and_what_bounds_them():
    cloud, edge = scheduled("cloud", 3), scheduled("edge", 30)
    assert cloud.window == pytest.approx((2.08, 4.38), abs=0.015)
    assert edge.window[1] == edge.floor_days == pytest.approx(35.2, abs=0.05)
    assert (cloud.gate_days, edge.gate_days) == pytest.approx((2.13, 36.9), abs=0.05)
    assert (cloud.best.interval_days, cloud.best_sqrt_days) == pytest.approx((3.014, 3.005), abs=5e-4)
    assert edge.best_sqrt_days == pytest.approx(52.1, abs=0.05)
    assert edge.break_detection_days == pytest.approx(9.7, abs=0.05)
    assert all(math.isnan(edge) for edge in scheduled("edge", 30, labels_per_day=20).window)


def test_the_windows_agree_with_the_badges():
    """A plan inside the drawn window passes, one outside does not."""
    for context in CONTEXTS:
        for interval in (t for t in offered(context, "interval_days")):
            outcome = scheduled(context, interval)
            low, high = outcome.window
            assert outcome.all_met == (low <= interval <= high)


def test_every_feasible_plan_at_the_edge_has_a_negative_return():
    passing = [scheduled("edge", t) for t in (30, 33, 35)]
    assert all(outcome.all_met and not outcome.roi_ok for outcome in passing)
    assert all(scheduled("cloud", t).roi_ok for t in (2.5, 3, 3.5, 4))


def test_a_trigger_without_labels_never_fires():
    outcome = triggered("edge", 0.02, labels_per_day=0)
    assert math.isinf(outcome.interval_days)
    assert (outcome.run_usd_per_day, outcome.accuracy_end) == (0, 0)
    assert outcome.staleness_usd_per_day == pytest.approx(600_000 * 0.02 * 0.92)


def test_a_rollout_over_the_air():
    assert pytest.approx(102.40 + 5000) == module.OTA_USD
    assert c.RUN_COST_EDGE.value == module.RUN_EDGE


@pytest.mark.parametrize(
    ("option", "shown", "off", "word"),
    [
        ("A", "6 hours", "5.3 × the cost", "20,691"),
        ("B", "3 days", "1.00 × the cost", "3.005"),
        ("C", "28 days", "4.1 × the cost", "15,879"),
        ("D", "90 days", "12.1 × the cost", "46,978"),
    ],
)
def test_act2_reveals(lab, option, shown, off, word):
    gap = lab.act2.prediction().gap(option)
    assert (gap.predicted, gap.actual, gap.text, gap.correct) == (shown, "3.01 days", off, option == "B")
    assert "3,875 USD a day" in gap.why
    assert word in gap.why


def test_four_times_the_price_is_twice_the_interval(lab):
    right = lab.act2.reflection().option("B")
    assert right.correct
    assert "3.01 become 6.0" in right.feedback


def test_act2_messages_differ(lab):
    cloud = lab.act2.message()
    for word in ("6 points", "5,000 dollars", "1,000,000 queries", "0.5 cent", "90 %", "1.5 million"):
        assert word in cloud.text
    lab.set_context("edge")
    edge = lab.act2.message()
    for word in ("2,000 cameras", "strands 10", "500 dollars", "89 %", "240,000"):
        assert word in edge.text


def banners(lab: MlOpsLab) -> dict[str, str]:
    return {f.id: f.text(lab.act2.outcome) for f in lab.act2.active_failures()}


def test_banners_in_cloud(lab):
    shown = banners(lab)
    assert set(shown) == {"silent_failure", "over_budget"}
    assert shown["silent_failure"].startswith("served accuracy falls to 76.0 % (floor 90 %). Uptime 99.9 %, P99 15 ms")
    assert "72.0 of the 90 days" in shown["silent_failure"]
    lab.act2.set("interval_days", 0.25)
    shown = banners(lab)
    assert set(shown) == {"rollout_overlap", "over_budget", "negative_return"}
    assert "2.0 versions are always in flight" in shown["rollout_overlap"]
    lab.act2.set("interval_days", 3)
    assert banners(lab) == {}


def test_banners_at_the_edge(lab):
    lab.set_context("edge")
    lab.act2.set("interval_days", 7)
    assert "rollout_overlap" in banners(lab)
    lab.act2.set("interval_days", 30)
    assert set(banners(lab)) == {"negative_return"}
    assert "A floor is a promise" in banners(lab)["negative_return"]
    lab.act2.set("labels_per_day", 20)
    assert "slow_to_notice" in banners(lab)
    lab.act2.set("labels_per_day", 0)
    assert {"blind"} < set(banners(lab))
    assert "slow_to_notice" not in banners(lab)
    lab.act2.set("policy", "triggered")
    assert "Nothing ever replaces the model" in banners(lab)["silent_failure"]


def test_a_control_that_plays_no_part_rests_at_its_default(lab):
    lab.act2.set("interval_days", 3)
    with pytest.raises(ControlError, match="Triggered"):
        lab.act2.set("trigger_drop", 0.005)
    lab.act2.set("policy", "triggered")
    assert lab.act2.interval_days == 90
    assert set(lab.act2.limits()) == {"interval_days"}


# --- ledger -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "result", "decision", "extras"),
    [
        ("cloud", {"interval_days": 3}, 93.23, "scheduled", (3, 86_400, 1_414_298)),
        ("edge", {"interval_days": 30, "labels_per_day": 40}, 89.31, "scheduled", (30, 40, 215_377)),
        ("cloud", {"policy": "triggered", "trigger_drop": 0.005}, 93.12, "triggered", (3.474, 86_400, 1_426_459)),
        ("edge", {"policy": "triggered", "labels_per_day": 0}, 0, "triggered", (None, 0, 4_029_600)),
    ],
)
def test_saved_design(lab, ledger, context, controls, result, decision, extras):
    in_act2(lab, context)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(14)
    assert set(entry) == set(contract_of("ch14").fields)
    assert entry["act2_result"] == pytest.approx(result, abs=0.005)
    assert (entry["act1_prediction"], entry["act1_correct"], entry["context"]) == (0.6, False, context)
    assert entry["act2_decision"] == decision
    kept = (entry["retrain_interval_days"], entry["labels_per_day"], entry["annual_cost_usd"])
    assert kept[0] == (None if extras[0] is None else pytest.approx(extras[0], abs=5e-4))
    assert kept[1:] == pytest.approx(extras[1:], rel=1e-5)


def test_decisions_are_those_of_the_contract():
    assert set(contract_of("ch14").fields["act2_decision"].vocabulary) == set(offered("cloud", "policy"))


def test_without_a_ledger_the_lab_opens_with_its_fallbacks(lab):
    assert (lab.context, lab.context_source, lab.serving_ms, lab.psi_preset) == ("cloud", "", 15, None)
    assert lab.act1.psi_threshold == 0.25
    assert lab.act1.from_ledger() == lab.act2.from_ledger() == ""


@pytest.mark.parametrize(("p99", "shown"), [(34.0, 34), (0.5, 15), (250.0, 15), (100.0, 100)])
def test_lab_13_is_read(ledger, p99, shown):
    save_earlier(ledger, "ch13", act2_result=p99)
    lab = in_act2(MlOpsLab(ledger))
    assert lab.serving_ms == shown
    assert f"P99 {shown:g} ms" in lab.act1.message().text
    assert f"P99 {shown:g} of 100 ms" in texts(lab.act1.plots(lab.act1.outcome)["signals"])
    assert f"P99 {shown:g} ms" in banners(lab)["silent_failure"]
    assert bool(lab.act1.from_ledger()) == (shown != 15)


@pytest.mark.parametrize(("stored", "preset"), [(0.2, 0.2), (0.1, 0.1), (0.125, 0.25), (None, 0.25)])
def test_lab_03_is_read(ledger, stored, preset):
    save_earlier(ledger, "ch03", psi_threshold=stored, loop_latency_days=31)
    lab = MlOpsLab(ledger)
    assert lab.act1.psi_threshold == preset
    assert bool(lab.act1.from_ledger()) == (stored in (0.1, 0.2))
    assert "31 days" in lab.act2.from_ledger()


@pytest.mark.parametrize("origin", CONTEXTS)
def test_lab_12_is_read(ledger, origin):
    save_earlier(ledger, "ch12", context=origin)
    lab = MlOpsLab(ledger)
    assert (lab.context, lab.context_source) == (origin, "Lab 12")


# --- pictures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["act1", "act2"])
def test_plots_keep_their_structure_at_every_extreme(lab, key):
    in_act2(lab)
    act = lab.act(key)
    for context in CONTEXTS:
        lab.set_context(context)
        shapes = {name: plot.structure() for name, plot in act.plots(act.outcome).items()}
        assert len(act.tables(act.outcome)) == {"act1": 1, "act2": 2}[key]
        for values in itertools.product(*({s.values()[0], s.values()[-1]} for s in act.specs.values())):
            act.param.update(**dict(zip(act.specs, values, strict=True)))
            for name, plot in act.plots(act.outcome).items():
                assert plot.structure() == shapes[name], f"{name} is drawn anew for {values}"
        act.reset()


def test_plots_can_be_drawn(lab):
    in_act2(lab)
    for context in CONTEXTS:
        lab.set_context(context)
        for act in (lab.act1, lab.act2):
            for plot in act.plots(act.outcome).values():
                Figure(plot)
    lab.act2.param.update(policy="triggered", labels_per_day=0)
    for plot in lab.act2.plots(lab.act2.outcome).values():
        Figure(plot)


def test_the_predictions_are_drawn(lab):
    in_act2(lab, act1="D", act2="D")
    assert "your prediction: 12 points lost" in texts(lab.act1.plots(lab.act1.outcome)["signals"])
    assert "your prediction" in texts(lab.act2.plots(lab.act2.outcome)["cost"])
    lab.set_context("edge")
    assert "your prediction" not in texts(lab.act2.plots(lab.act2.outcome)["cost"])


def test_the_sawtooth_starts_one_lag_old_and_falls_to_the_lowest_accuracy(lab):
    for context, interval in (("cloud", 3), ("edge", 30), ("edge", 7), ("cloud", 180)):
        lab.set_context(context)
        lab.act2.set("interval_days", interval)
        line = [
            layer for layer in lab.act2.plots(lab.act2.outcome)["sawtooth"].layers if type(layer).__name__ == "Line"
        ]
        columns = line[-1].columns()
        service = module.SERVICES[context]
        fresh = 100 * module.accuracy_at(context, service.decay_per_day, service.lag_days)
        assert columns["x"][0] == 0
        assert columns["y"][0] == pytest.approx(fresh)
        assert columns["y"].max() == pytest.approx(fresh)
        assert columns["y"].min() == pytest.approx(100 * lab.act2.outcome.accuracy_end)
        assert np.all(np.diff(columns["x"]) >= 0)
        jumps = int(np.sum(np.diff(columns["y"]) > 1e-9))
        assert jumps == math.ceil(365 / interval) - 1


def test_a_design_beyond_the_axis_stands_at_its_edge():
    hidden = Mark(math.nan, "nothing", "met", "met-ink")
    plot = retraining_cost_curve(
        np.array([0.25, 180.0]),
        (),
        np.array([10.0, 20.0]),
        here=Interval(math.inf, 50.0, "never"),
        budget=30.0,
        budget_text="budget",
        least=Mark(1.0, "least", "caution", "caution-ink"),
        most=Mark(0.0, "most", "violation", "violation-ink"),
        marks=(hidden,),
        window=(math.nan, math.nan),
        predicted=None,
        y=days_axis("USD", 1, 100),
        title="t",
    )
    point = next(layer for layer in plot.layers if type(layer).__name__ == "Points")
    assert point.columns()["x"][0] == 180
    assert "never →" in texts(plot)
    assert "nothing" not in texts(plot)
    assert "most" not in texts(plot)


def test_many_bins_are_named_by_every_fifth():
    plot = bin_shares(np.full(20, 0.05), np.full(20, 0.05), x_label="x", y_label="y", title="t")
    assert [name for _, name in plot.x.ticks] == ["1", "5", "10", "15", "20"]


# --- physics ----------------------------------------------------------------------------------------------------


def test_the_index_of_a_shift_and_back():
    for bins in (2, 5, 10, 20):
        for shift in (0.0, 1e-4, 0.3, 2.0, 8.0):
            assert physics.shift_for_psi(physics.gaussian_shift_psi(shift, bins), bins) == pytest.approx(
                shift, rel=1e-6
            )
    assert physics.gaussian_shift_psi(-0.7, 10) == physics.gaussian_shift_psi(0.7, 10)
    assert physics.gaussian_shift_psi(0.5, 400) == pytest.approx(0.25, rel=0.01)
    assert [round(physics.gaussian_shift_psi(s, 10), 3) for s in (0.25, 0.5, 1.0)] == [0.060, 0.238, 0.926]


@pytest.mark.parametrize("bins", [2, 3, 5, 10, 11, 20])
def test_the_noise_of_the_index_is_chi_square(bins):
    scale = 1 / 250 + 1 / 1e6
    for probability in (0.05, 0.5, 0.99, 0.999):
        threshold = physics.psi_null_quantile(bins, 250, 1e6, probability)
        assert threshold == pytest.approx(scale * stats.chi2.ppf(probability, bins - 1), rel=1e-9)
        assert physics.psi_false_alarm_probability(threshold, bins, 250, 1e6) == pytest.approx(1 - probability)
    assert physics.psi_null_mean(bins, 250, 1e6) == pytest.approx(scale * (bins - 1))


def test_areas_under_the_density_are_probabilities():
    logarithm = np.linspace(-12, 3, 4001)
    density = physics.psi_null_density(np.exp(logarithm), 10, 100, 1e6)
    assert density.max() == pytest.approx(1, abs=1e-4)
    beyond = np.exp(logarithm) > 0.1
    share = density[beyond].sum() / density.sum()
    assert share == pytest.approx(physics.psi_false_alarm_probability(0.1, 10, 100, 1e6), abs=2e-3)


def test_a_simulated_index_without_drift_stays_near_its_law():
    generator = np.random.default_rng(7)
    counts = generator.multinomial(1000, np.full(10, 0.1), size=4000) / 1000
    readings = physics.population_stability_index(np.full(10, 0.1), counts)
    assert readings.mean() == pytest.approx(physics.psi_null_mean(10, 1000, 1e9), rel=0.05)
    alarms = np.mean(readings > physics.psi_null_quantile(10, 1000, 1e9, 0.95))
    assert alarms == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("lag", [0.0, 0.5, 14.0])
def test_the_best_interval_is_the_minimum_of_the_cost(lag):
    money = (1e6, 0.5, 0.94, 0.0023556, 5000.0)
    best = physics.optimal_retrain_interval(*money, lag)
    found = optimize.minimize_scalar(
        lambda t: physics.retraining_cost_rate(*money, t, lag), bounds=(0.1, 100), method="bounded"
    )
    assert best == pytest.approx(found.x, rel=1e-3)
    assert best == pytest.approx(physics.optimal_retrain_interval_sqrt(*money), rel=0.05)


def test_a_run_that_never_pays_is_never_made():
    assert physics.optimal_retrain_interval(1.0, 1.0, 1.0, 1.0, 10.0, 0.0) == math.inf
    assert physics.optimal_retrain_interval(1.0, 1.0, 1.0, 1.0, 0.0, 0.0) == 0


def test_figures_of_the_chapter():
    assert physics.one_proportion_sample_size(0.94, 0.92, 0.05, 0.8) == pytest.approx(1203, abs=1)
    assert physics.detection_delay_days(1000, 100, 0) == 10
    assert physics.detection_delay_days(1000, 86_400, 0) * 24 * 60 == pytest.approx(16.7, abs=0.05)
    assert physics.detection_delay_days(1000, 0, 7) == math.inf
    assert physics.silent_failure_loss(50e6, 0.05, 1) == pytest.approx(6849, abs=1)
    assert physics.automation_breakeven_weeks(80, 4) == 20
    assert physics.psi_null_quantile(10, 200_000, 1e6, 0.99) == pytest.approx(0.00013, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: physics.exponential_decay_rate(0.8, 0.9, 10), "accuracy1 must be <= accuracy0"),
        (lambda: physics.max_age_for_floor(0.9, 0.9, 0.01), "accuracy_floor must be < accuracy0"),
        (lambda: physics.one_proportion_sample_size(0.5, 0.5, 0.05, 0.8), "rate1 must differ"),
        (lambda: physics.triggered_interval_days(0.5, 0.01, 0.5, 100, 1, 0.05, 0.8), "drop must be < accuracy0"),
        (lambda: physics.shift_for_psi(-0.1, 10), "psi must be"),
        (lambda: physics.gaussian_shift_psi(0.1, 1), "bins must be"),
    ],
)
def test_what_has_no_answer_is_refused(call, complaint):
    with pytest.raises(ValueError, match=complaint):
        call()
