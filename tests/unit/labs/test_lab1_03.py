"""V1-03: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.drift import Cycle, Saw, bin_shares, cycle_window, retraining_sawtooth
from components.instruments.figure import Figure
from components.instruments.layers import Axis
from labs.vol1 import lab_03_ml_workflow as module
from labs.vol1.lab_03_ml_workflow import GreenDashboard, RetrainingLoop, WorkflowLab
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.plot_words import texts

CONTEXTS = ("mobile", "cloud")


@pytest.fixture
def lab(ledger: DesignLedger) -> WorkflowLab:
    return WorkflowLab(ledger)


def in_act2(lab: WorkflowLab, context: str = "mobile", act1: str = "A", act2: str = "B") -> WorkflowLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", act1)
    lab.set_control("act1", "day", 200)
    lab.answer("act1", "B")
    lab.lock("act2", act2)
    return lab


def loop(context: str, signal: str = "psi_alarm", validation_days: float = 7, **controls: Any) -> Any:
    return RetrainingLoop.compute(context, signal=signal, validation_days=validation_days, **controls)


def stops(name: str) -> tuple[float, ...]:
    return RetrainingLoop.controls_in("mobile")[name].values()


def thresholds(context: str, **controls: Any) -> list[float]:
    """The stops of the threshold that solve the challenge."""
    return [t for t in stops("psi_threshold") if loop(context, psi_threshold=t, **controls).feasible]


# --- Act I ------------------------------------------------------------------------------------------------------


def test_the_half_year_of_the_message():
    outcome = GreenDashboard.asked()
    assert outcome.sensitivity == pytest.approx(0.868)
    assert outcome.floor_day == pytest.approx(100)
    assert outcome.days_below_floor == pytest.approx(80)
    assert outcome.psi_alarm_day == pytest.approx(101)
    assert outcome.alert_day == pytest.approx(150)
    # 60 sick patients would have proved what 180 days of operational metrics did not show.
    assert math.ceil(outcome.positives_to_prove) == 60


def test_without_drift_nothing_ever_happens():
    outcome = GreenDashboard.compute("cloud", day=300, harmful_per_day=0, benign_per_day=0, sens_0=0.9)
    assert outcome.sensitivity == 0.9
    assert (outcome.psi, outcome.days_below_floor, outcome.positives_to_prove) == (0, 0, None)
    assert outcome.psi_alarm_day == outcome.floor_day == math.inf
    assert outcome.binned_psi == pytest.approx(0)


def test_benign_drift_alone_rings_the_alarm_and_hurts_nobody():
    outcome = GreenDashboard.compute("cloud", day=180, harmful_per_day=0, benign_per_day=0.003)
    assert outcome.psi_alarm_day < 180
    assert outcome.sensitivity == 0.94


def test_bins_at_the_textbook_alarm():
    outcome = GreenDashboard.compute("mobile", day=100)
    assert outcome.psi == pytest.approx(0.2)
    assert outcome.shares[[0, -1]] == pytest.approx([0.0419, 0.2020], abs=5e-5)
    assert outcome.binned_psi == pytest.approx(0.19052, abs=1e-5)


@pytest.mark.parametrize(
    ("option", "off", "word"),
    [
        ("A", "80 days", "successful request"),
        ("B", "73 days", "labelled cases"),
        ("C", "0 days", "7.2 points in 180 days"),
        ("D", "100 days", "94.0 %"),
    ],
)
def test_act1_reveals(lab, option, off, word):
    gap = lab.act1.prediction().gap(option)
    assert (gap.actual, gap.text, gap.correct) == ("80 days", off, option == "C")
    assert "0.04 points a day: the floor was crossed on day 100" in gap.why
    assert word in gap.why


def test_act1_texts_quote_the_model(lab):
    for word in ("42 ms", "0.02 %", "12 images", "86.8 %", "94.0 %", "500 clinics"):
        assert word in lab.act1.message().text + lab.act1.message().role
    assert lab.act1.reflection().option("C").feedback.startswith("246 labelled sick patients show a drop of 3 points")


def test_the_context_changes_what_a_label_takes_and_nothing_on_the_machine(lab):
    def rows() -> dict[str, str]:
        table = lab.act1.tables(lab.act1.outcome)[0]
        return {name: fires for _, name, fires in table.rows} | {"title": table.title}

    mobile = rows()
    lab.set_context("cloud")
    cloud = rows()
    assert {name for name in mobile if mobile[name] != cloud[name]} == {"sensitivity < 88 %", "title"}
    assert (mobile["sensitivity < 88 %"], cloud["sensitivity < 88 %"]) == ("paid: day 178", "paid: day 164")
    assert ("28 days" in mobile["title"], "14 days" in cloud["title"]) == (True, True)
    assert (mobile["PSI > 0.20"], mobile["sensitivity < 90 %"], mobile["errors > 0.1 %"]) == (
        "day 101",
        "day 100",
        "never",
    )


# --- Act II -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "first", "last"),
    [
        ("mobile", {}, 0.120, 0.135),
        ("cloud", {}, 0.120, 0.175),
        ("cloud", {"benign_per_day": 0.003}, 0.240, 0.355),
    ],
)
def test_windows_of_the_threshold(context, controls, first, last):
    found = thresholds(context, **controls)
    assert (found[0], found[-1]) == pytest.approx((first, last))
    assert len(found) == round((last - first) / 0.005) + 1


def test_audits_work_in_the_cloud_and_never_on_the_tablets():
    found = {
        context: {
            (drop, audits)
            for drop, audits in itertools.product(stops("drop"), stops("audits_per_day"))
            if loop(context, "labelled_audit", drop=drop, audits_per_day=audits).feasible
        }
        for context in CONTEXTS
    }
    assert found["mobile"] == set()
    assert found["cloud"] == {(0.015, 280), (0.015, 300), (0.02, 240), (0.02, 260), (0.02, 280), (0.02, 300)}


@pytest.mark.parametrize(
    ("context", "controls", "worst", "releases", "age"),
    [
        ("mobile", {}, 0.8872, 3.61, 132),
        ("cloud", {}, 0.8956, 3.61, 111),
        ("mobile", {"psi_threshold": 0.1}, 0.9072, 7.16, 82),
        ("mobile", {"psi_threshold": 0.135, "validation_days": 1}, 0.9026, 5.33, 93.5),
        ("cloud", {"signal": "labelled_audit", "audits_per_day": 200}, 0.8980, 3.84, 105.1),
        ("cloud", {"signal": "labelled_audit", "audits_per_day": 500}, 0.9054, 4.77, 86.4),
    ],
)
def test_naive_designs_fail(context, controls, worst, releases, age):
    outcome = loop(context, **controls)
    assert not outcome.feasible
    assert outcome.worst_sensitivity == pytest.approx(worst, abs=6e-5)
    assert outcome.releases_per_year == pytest.approx(releases, abs=0.006)
    assert outcome.age_days == pytest.approx(age, abs=0.06)
    assert sum(outcome.loops[context].stages.values()) == pytest.approx(outcome.age_days)


def test_a_signal_during_a_loop_waits_for_its_end():
    outcome = loop("mobile", psi_threshold=0.02, benign_per_day=0.004)
    assert outcome.signal_days == pytest.approx(5)
    assert outcome.age_days == pytest.approx(62)
    assert outcome.loops["mobile"].stages["wait"] == pytest.approx(26)
    assert sum(outcome.loops["mobile"].stages.values()) == pytest.approx(62)


def test_nobody_looks():
    outcome = loop("cloud", "operational_only")
    assert outcome.signal_days is None
    assert (outcome.age_days, outcome.releases_per_year) == (365, 0)
    assert outcome.days_below_floor == pytest.approx(265)
    assert len(outcome.loops["cloud"].releases_at[0]) == 0


def test_a_forced_update_of_three_days_widens_the_window(monkeypatch):
    monkeypatch.setitem(module.ROLLOUT, "mobile", 3)
    assert loop("mobile").loop_days == 12
    found = thresholds("mobile")
    assert (found[0], found[-1]) == pytest.approx((0.120, 0.170))


@pytest.mark.parametrize(
    ("option", "shown", "off", "word"),
    [
        ("A", "94.0 %", "5.3 points", "Detection is not correction"),
        ("B", "90.0 %", "1.3 points", "31 days more"),
        ("C", "88.7 %", "0.0 points", "101 + 31 = 132 days"),
        ("D", "79.4 %", "9.3 points", "whole year"),
    ],
)
def test_act2_reveals(lab, option, shown, off, word):
    gap = lab.act2.prediction().gap(option)
    assert (gap.predicted, gap.actual, gap.text, gap.correct) == (shown, "88.7 %", off, option == "C")
    assert "on day 101, when 4.04 points are already gone; the 31 days of loop cost another 1.24." in gap.why
    assert word in gap.why


def test_act2_texts_quote_the_model(lab):
    for word in ("0.20", "6 releases", "300 patients", "90 %"):
        assert word in lab.act2.message().text
    reflection = lab.act2.reflection()
    assert "0.136 in Mobile and 0.178 in Cloud" in reflection.option("B").feedback
    assert "0.017" in reflection.option("D").feedback
    assert "91.5 %" in lab.act2.peek().note


def test_banners(lab):
    def banners() -> dict[str, str]:
        return {f.id: f.text(lab.act2.outcome) for f in lab.act2.active_failures()}

    assert banners() == {
        "silent_failure": "served sensitivity falls to 88.7 %, 1.28 points under the licence, for 32 days of every "
        "cycle; 106 sick patients a day are missed that the released model would have found. Operational alarms in "
        "that time: 0."
    }
    lab.act2.set("psi_threshold", 0.1)
    assert banners() == {"release_capacity": "7.16 releases per year, 6 can be signed."}
    lab.act2.set("signal", "operational_only")
    assert "for 265 days of the first year" in banners()["silent_failure"]
    lab.act2.reset()
    for context in CONTEXTS:
        lab.set_context(context)
        lab.act2.param.update(**lab.solution(context))
        assert banners() == {}


def test_a_control_that_plays_no_part_rests_at_its_default(lab):
    lab.act2.set("psi_threshold", 0.125)
    with pytest.raises(ControlError, match="Labelled audit"):
        lab.act2.set("drop", 0.03)
    lab.act2.set("signal", "labelled_audit")
    assert lab.act2.psi_threshold == 0.2
    lab.act2.set("audits_per_day", 300)
    assert set(lab.act2.limits()) == {"psi_threshold", "benign_per_day"}
    lab.act2.set("signal", "operational_only")
    assert lab.act2.audits_per_day == 200
    assert set(lab.act2.limits()) == {"psi_threshold", "benign_per_day", "drop", "audits_per_day"}


# --- ledger -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "result", "decision", "extras"),
    [
        ("mobile", {"psi_threshold": 0.125}, 90.22, "psi_alarm", (5.748, 31, 0.125)),
        ("cloud", {"signal": "labelled_audit", "audits_per_day": 300}, 90.21, "labelled_audit", (4.307, 10, None)),
        ("cloud", {"signal": "operational_only"}, 79.4, "operational_only", (0, 10, None)),
    ],
)
def test_saved_design(lab, ledger, context, controls, result, decision, extras):
    in_act2(lab, context)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(3)
    assert set(entry) == set(contract_of("ch03").fields)
    assert entry["act2_result"] == pytest.approx(result, abs=0.005)
    assert (entry["act1_prediction"], entry["act1_correct"], entry["context"]) == (0, False, context)
    assert entry["act2_decision"] == decision
    assert entry["releases_per_year"] == pytest.approx(extras[0], abs=5e-4)
    assert (entry["loop_latency_days"], entry["psi_threshold"]) == extras[1:]


def test_decisions_are_those_of_the_contract():
    vocabulary = contract_of("ch03").fields["act2_decision"].vocabulary
    assert set(RetrainingLoop.controls_in("mobile")["signal"].values()) == set(vocabulary)


def test_the_cliff_counts_after_a_move_only(lab):
    in_act2(lab)
    assert not lab.constraint_hit, "the default alone does not count"
    lab.set_context("cloud")
    assert not lab.constraint_hit, "the toggle alone does not count"
    lab.set_control("act2", "psi_threshold", 0.15)
    assert not lab.constraint_hit, "a sound design is no cliff"
    lab.set_control("act2", "psi_threshold", 0.3)
    assert lab.constraint_hit


def test_without_a_ledger_the_lab_opens_with_its_fallbacks(lab):
    assert (lab.context, lab.context_source, lab.serving_ms) == ("mobile", "", 42)
    assert lab.act1.from_ledger() == lab.act2.from_ledger() == ""


@pytest.mark.parametrize(
    ("origin", "latency", "context", "shown"),
    [
        ("cloud", 7.42, "cloud", 7.42),
        ("edge", 120.0, "mobile", 42),
        ("edge", 50.0, "mobile", 50),
        ("cloud", 0.5, "cloud", 42),
    ],
)
def test_lab_02_is_read(ledger, origin, latency, context, shown):
    save_earlier(ledger, "ch02", context=origin, act2_result=latency)
    lab = WorkflowLab(ledger)
    assert (lab.context, lab.context_source, lab.serving_ms) == (context, "Lab 02", shown)
    assert f"P95 latency {shown:g} ms" in lab.act1.message().text
    assert bool(lab.act1.from_ledger()) == (shown != 42)
    assert f"P95 latency {shown:g} of 100 ms" in texts(lab.act1.plots(lab.act1.outcome)["layers"])


# --- pictures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_plots_keep_their_structure_at_every_extreme(lab, context, key):
    in_act2(lab)
    act = lab.act(key)
    shapes = {name: plot.structure() for name, plot in act.plots(act.outcome).items()}
    lab.set_context(context)
    for values in itertools.product(*({s.values()[0], s.values()[-1]} for s in act.specs.values())):
        act.param.update(**dict(zip(act.specs, values, strict=True)))
        for name, plot in act.plots(act.outcome).items():
            assert plot.structure() == shapes[name], f"{name} is drawn anew for {values}"


def test_plots_can_be_drawn(lab):
    in_act2(lab)
    for context in CONTEXTS:
        lab.set_context(context)
        for act in (lab.act1, lab.act2):
            for plot in act.plots(act.outcome).values():
                Figure(plot)


def test_the_prediction_is_drawn(lab):
    in_act2(lab, act1="D", act2="D")
    timeline = lab.act1.plots(lab.act1.outcome)["layers"]
    assert "180 days" in texts(timeline)
    assert "100 days" in texts(timeline), "the model's bar on day 200"
    sawtooth = lab.act2.plots(lab.act2.outcome)["sawtooth"]
    assert "your prediction" in texts(sawtooth)
    assert sawtooth.y.low < 79.4
    lab.set_context("cloud")
    assert "your prediction" not in texts(lab.act2.plots(lab.act2.outcome)["sawtooth"])


def saw(day: list[float], value: list[float]) -> Saw:
    return Saw("saw", np.array(day, dtype=float), np.array(value, dtype=float))


def sawtooth(served: Saw, loops: tuple[list[float], list[float]] = ([], [])) -> Any:
    return retraining_sawtooth(
        served,
        (),
        floor=90,
        floor_text="floor",
        loops=(np.array(loops[0]), np.array(loops[1])),
        loops_text="loop",
        spots=(),
        predicted=None,
        horizon=100,
        y=Axis("y (%)", 80, 100),
        title="t",
    )


def test_the_red_area_begins_where_the_saw_crosses_the_floor():
    band = next(layer for layer in sawtooth(saw([0, 100], [95, 85])).layers if type(layer).__name__ == "Band")
    columns = band.columns()
    assert list(columns["x"][:3]) == [0, 50, 100]
    assert list(columns["y"][:3]) == [90, 90, 85]


def test_a_saw_without_a_loop_can_be_drawn():
    plain, looped = sawtooth(saw([0, 100], [95, 85])), sawtooth(saw([0, 50, 50, 100], [95, 90, 94, 89]), ([40], [50]))
    Figure(plain).show(looped)
    assert plain.structure() == looped.structure()
    assert ("loop" in texts(plain), "loop" in texts(looped)) == (False, True)


@pytest.mark.parametrize(
    ("period", "name", "x"),
    [(80, "here", 80), (10, "← here", 30), (400, "here →", 130), (math.inf, "here: never →", 130)],
)
def test_a_cycle_beyond_the_axis_stands_at_its_edge(period, name, x):
    plot = cycle_window(
        Cycle("here", period, 20),
        oldest=100,
        least_period=60,
        least_loop=10,
        texts=("old", "many", "brief"),
        periods=(30, 130),
        loop_high=50,
        title="t",
    )
    assert name in texts(plot)
    point = next(layer for layer in plot.layers if type(layer).__name__ == "Points")
    assert point.columns()["x"][0] == x


def test_bins_split_what_is_too_many_from_what_is_too_few():
    expected, actual = np.full(4, 0.25), np.array([0.1, 0.25, 0.25, 0.4])
    plot = bin_shares(expected, actual, x_label="x", y_label="y", title="t")
    common, many, few = (layer.columns() for layer in plot.layers[:3])
    assert common["top"] == pytest.approx([10, 25, 25, 25])
    assert many["top"] == pytest.approx([math.nan, math.nan, math.nan, 40], nan_ok=True)
    assert few["top"] == pytest.approx([25, math.nan, math.nan, math.nan], nan_ok=True)
    Figure(plot)


# --- physics ----------------------------------------------------------------------------------------------------


def test_the_index_is_symmetric_and_tends_to_the_square_of_the_shift():
    shares = physics.gaussian_shift_bin_shares(0.3, 400)
    even = np.full(400, 1 / 400)
    assert shares.sum() == pytest.approx(1)
    assert physics.population_stability_index(even, shares) == pytest.approx(0.09, rel=0.01)
    assert physics.population_stability_index(shares, even) == physics.population_stability_index(even, shares)


@pytest.mark.parametrize(
    ("expected", "actual", "complaint"),
    [
        ([0.5, 0.6], [0.5, 0.5], "expected_fractions must sum to 1"),
        ([0.5, 0.5], [0.5, 0.4], "actual_fractions must sum to 1"),
        ([0.5, 0.5], [0.2, 0.3, 0.5], "as many bins"),
        ([0.5, 0.5], [0.0, 1.0], "actual_fractions must be in"),
    ],
)
def test_the_index_refuses_what_is_no_distribution(expected, actual, complaint):
    with pytest.raises(ValueError, match=complaint):
        physics.population_stability_index(expected, actual)


def test_signals_refuse_what_never_happens():
    with pytest.raises(ValueError, match="harmful_per_day and benign_per_day"):
        physics.psi_signal_days(0.2, 0.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="drop must be < accuracy0"):
        physics.audit_signal_days(0.5, 0.4, 0.4, 0.001, 14, 300, 0.08, 1.645)


def test_age_of_the_served_model():
    day, age = physics.served_age_trace(101, 31, 240)
    assert list(day) == [0, 132, 132, 233, 233, 240]
    assert list(age) == [0, 132, 31, 132, 31, 38]
    assert max(age) == physics.model_age_days(101, 31)
    day, age = physics.served_age_trace(math.inf, 31, 365, first_age_days=5)
    assert (list(day), list(age)) == ([0, 365], [5, 370])
    with pytest.raises(ValueError, match="period_days and horizon_days"):
        physics.served_age_trace(0, 31, 365)
