"""V2-13: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from components.instruments.figure import Figure
from components.instruments.layers import Line, Plot
from components.instruments.privacy import Rung, budget_spent, trust_ladder
from labs.content import ChoicePrediction
from labs.vol2.lab_13_security_privacy import (
    ACCOUNTANTS,
    ARCHITECTURES,
    COUNTS,
    NOTES,
    OneBudget,
    PrivacyLab,
    PromiseOfTwo,
    gaussian_wins_from,
    power,
    staircase,
)
from ledger import DesignLedger, contract_of
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.playing import banners, move
from tests.unit.labs.plot_words import texts, written


@pytest.fixture
def lab(ledger: DesignLedger) -> PrivacyLab:
    return PrivacyLab(ledger)


def in_act2(lab: PrivacyLab, context: str = "on_prem", first: str = "lin", second: str = "lin") -> PrivacyLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "epsilon", 0.5)
    lab.answer("act1", "A")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


# --- physics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accountant", "delta", "epsilon", "error", "passes"),
    [
        ("laplace_basic", 1e-6, 1.0, 480.0, True),
        ("laplace_basic", 1e-6, 0.95, 505.3, False),
        ("gaussian_zcdp", 1e-6, 1.0, 591.5, False),
        ("gaussian_zcdp", 1e-5, 1.0, 541.8, False),
        ("gaussian_zcdp", 2e-5, 1.0, 525.9, False),
        ("laplace_advanced", 1e-5, 1.0, 693.4, False),
    ],
)
def test_designs_on_prem(accountant, delta, epsilon, error, passes):
    outcome = OneBudget.design("on_prem", accountant, delta=delta, epsilon=epsilon)
    assert outcome.typical_error_usd == pytest.approx(error, abs=0.06)
    assert outcome.passes is passes


@pytest.mark.parametrize(
    ("accountant", "architecture", "delta", "error", "passes"),
    [
        ("gaussian_zcdp", "central_isolated", 1e-6, 381.8, True),
        ("gaussian_zcdp", "central_open", 1e-6, 381.8, False),
        ("gaussian_zcdp", "central_isolated", 1e-5, None, False),
        ("gaussian_zcdp", "central_isolated", 1e-10, None, True),
        ("gaussian_zcdp", "central_isolated", 1e-11, None, False),
        ("laplace_advanced", "central_isolated", 1e-6, 486.6, True),
        ("laplace_advanced", "central_isolated", 1e-7, 523.1, False),
        ("laplace_basic", "central_isolated", 1e-6, 4000.0, False),
        ("gaussian_zcdp", "silo", 1e-6, 1707.5, False),
        ("gaussian_zcdp", "local", 1e-6, 120_736.0, False),
    ],
)
def test_designs_in_the_cloud(accountant, architecture, delta, error, passes):
    outcome = OneBudget.design("cloud", accountant, architecture, delta=delta)
    assert outcome.passes is passes
    if error is not None:
        assert outcome.typical_error_usd == pytest.approx(error, rel=2e-4)


def test_instalments_are_the_same_design():
    quarters = OneBudget.design("on_prem", epsilon=0.25, periods=4)
    assert quarters.typical_error_usd == pytest.approx(480)
    assert quarters.passes
    assert not OneBudget.design("on_prem", epsilon=1.0, periods=12).passes


def test_smallest_epsilon_that_passes_in_the_cloud():
    passing = [
        epsilon
        for epsilon in np.arange(0.1, 1.001, 0.01).round(2)
        if OneBudget.design("cloud", "gaussian_zcdp", "central_isolated", epsilon=float(epsilon)).passes
    ]
    assert passing[0] == pytest.approx(0.77)
    assert passing[-1] == pytest.approx(1.0)


def test_only_one_basic_design_passes_on_prem_on_the_slider(lab):
    in_act2(lab)
    passing = [
        (accountant, epsilon, delta, periods)
        for accountant, epsilon, delta, periods in itertools.product(
            ACCOUNTANTS, lab.act2.specs["epsilon_per_period"].values()[:20], (1e-6, 1e-5), (1, 4, 12)
        )
        if OneBudget.design("on_prem", accountant, epsilon=epsilon, delta=delta, periods=periods).passes
    ]
    assert {found[:2] + found[3:] for found in passing} == {
        ("laplace_basic", 1.0, 1),
        ("laplace_basic", 0.25, 4),
    }


def test_badges_and_the_challenge_agree_everywhere(lab):
    in_act2(lab)
    for context in ("on_prem", "cloud"):
        lab.set_context(context)
        badges = lab.act2.constraints()
        for accountant, architecture, epsilon, periods in itertools.product(
            ACCOUNTANTS, ARCHITECTURES, (0.25, 1.0, 2.0), (1, 4)
        ):
            outcome = OneBudget.design(context, accountant, architecture, epsilon=epsilon, periods=periods)
            assert all(badge.holds(outcome) for badge in badges) == outcome.passes


def test_the_crossover_does_not_depend_on_the_records():
    assert (gaussian_wins_from(1e-5), gaussian_wins_from(1e-6)) == (16, 19)
    for context in ("on_prem", "cloud"):
        frontier = OneBudget.design(context, "gaussian_zcdp").frontier_usd
        first = COUNTS[np.argmax(frontier["gaussian_zcdp"] < frontier["laplace_basic"])]
        assert first == COUNTS[COUNTS >= 19][0]


@pytest.mark.parametrize("accountant", ACCOUNTANTS)
@pytest.mark.parametrize(("releases", "periods"), [(1, 12), (3, 4), (12, 1), (2000, 1)])
def test_the_staircase_ends_at_the_loss_of_the_year(accountant, releases, periods):
    year = staircase(accountant, 0.8, 1e-6, releases, periods)
    assert year.spent[0] == 0
    assert year.spent[-1] == pytest.approx(0.8 * periods)
    assert np.all(np.diff(year.spent) >= -1e-12)
    assert np.all(np.diff(year.months) >= -1e-12)
    assert year.months[-1] == pytest.approx(12)
    assert year.meter.max() == pytest.approx(0.8)


def test_small_probabilities_are_written_out():
    assert [power(value) for value in (1e-5, 2e-5, 1.2e-5, 0.001, 0.0)] == [
        "10⁻⁵",
        "2 × 10⁻⁵",
        "1.2 × 10⁻⁵",
        "0.001",
        "0",
    ]


# --- Act I --------------------------------------------------------------------------------------------------


def test_texts_of_act1(lab):
    prediction = lab.act1.prediction()
    assert [option.text for option in prediction.ascending() or []] == ["1.48×", "2.18×", "1,000×", "1,000,000×"]
    for part in ("193.79 to 285.95 USD", "9.69 to 14.30 USD", "2.00×", "1.67 and 1.88"):
        assert part in prediction.why
    question = lab.act1.reflection()
    assert "2.72 % to 1.65 %" in question.option("A").feedback
    assert "5.1 × 10⁻²¹" in question.option("B").feedback
    assert "2.72 %" in question.option("B").feedback
    assert "2.03 %" in question.option("C").feedback
    assert "one-in-100,000" in lab.act1.message().text
    assert "4.1 × 10⁻⁸" in lab.act1.peek().note


def test_one_hospital_has_twenty_times_the_noise_of_the_consortium():
    assert PromiseOfTwo.asked("on_prem").sigma_usd / PromiseOfTwo.asked("cloud").sigma_usd == pytest.approx(20)


def test_the_textbook_points_lie_on_the_line(lab):
    outcome = PromiseOfTwo.compute("on_prem", epsilon=1.0, delta=1e-5)
    line = outcome.over_records_usd[1.0]
    sizes = np.round(np.geomspace(10, 1e6, 41))
    assert np.interp(1000, sizes, line) == pytest.approx(200, rel=0.02)
    assert np.interp(100, sizes, line) == pytest.approx(2000, rel=0.02)


# --- Act II -------------------------------------------------------------------------------------------------


def test_texts_of_act2(lab):
    prediction = lab.act2.prediction()
    assert isinstance(prediction, ChoicePrediction)
    assert [option.text for option in prediction.ascending() or []] == ["1×", "7.6×", "44.7×", "2,000×"]
    assert "44.72 times, from 8.54 to 381.8 USD" in prediction.why
    assert "compose to 12" in prediction.option("same").feedback
    question = lab.act2.reflection()
    assert "13 %" in question.option("A").feedback
    assert "23 %" in question.option("A").feedback
    assert "16 releases" in question.option("B").feedback
    assert "14.7 and 17.6" in lab.act2.peek().note
    for part in ("26.5 points", "12 times better", "2.7 %", "99.999 %", "381.8 USD"):
        assert part in NOTES


def test_failures_come_and_go(lab):
    in_act2(lab)
    assert "960.0 USD against 500" in banners(lab)["unusable"]
    assert not lab.constraint_hit
    move(lab, epsilon_per_period=1.0, periods_per_year=12)
    assert list(banners(lab)) == ["overspent"]
    assert "12 budgets of 1 compose to epsilon 12.00" in banners(lab)["overspent"]
    assert "99.999 %" in banners(lab)["overspent"]
    assert lab.constraint_hit
    move(lab, periods_per_year=1)
    assert not banners(lab)
    assert lab.act2.constraints_met()
    lab.set_context("cloud")
    assert lab.act2.releases_per_year == 2000
    assert "4,000 USD" in banners(lab)["unusable"]
    assert "100,000 raw records" in banners(lab)["boundary"]
    move(lab, accountant="gaussian_zcdp", architecture="central_isolated")
    assert not banners(lab)
    assert lab.act2.constraints_met()


def test_defaults_of_the_contexts(lab):
    in_act2(lab)
    assert lab.act2.outcome.typical_error_usd == pytest.approx(960)
    lab.set_context("cloud")
    assert lab.act2.outcome.typical_error_usd == pytest.approx(8000)
    assert not lab.act2.outcome.raw_data_protected


# --- ledger -------------------------------------------------------------------------------------------------


def test_decisions_are_the_words_of_the_contract(lab):
    in_act2(lab)
    vocabulary = set(contract_of("v2_13").fields["act2_decision"].vocabulary or ())
    found = set()
    for accountant, architecture in itertools.product(ACCOUNTANTS, ARCHITECTURES):
        move(lab, accountant=accountant, architecture=architecture)
        found.add(lab.decision())
    assert found == vocabulary


def test_saves_what_the_contract_says(lab, ledger):
    in_act2(lab, "cloud", first="sqrtlog")
    move(lab, **lab.solution("cloud"))
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(13, 2)
    assert (entry["context"], entry["act1_prediction"], entry["act1_correct"]) == ("cloud", "sqrtlog", True)
    assert entry["act2_decision"] == "gaussian_zcdp/central_isolated"
    assert entry["act2_result"] == pytest.approx(381.80113798)
    assert (entry["epsilon_year"], entry["delta_year"]) == (1.0, pytest.approx(1e-6))
    assert (entry["releases_per_year"], entry["throughput_tok_s"]) == (2000, 850)


@pytest.mark.parametrize(("context", "noted"), [("federated", True), ("centralized", False), (None, False)])
def test_notes_the_federated_choice_on_the_ladder(ledger, context, noted):
    if context:
        save_earlier(ledger, "v2_11", context=context)
    lab = in_act2(PrivacyLab(ledger))
    assert ("Lab V2-11" in lab.act2.plots(lab.act2.outcome)["ladder"].caption) is noted


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["on_prem", "cloud"])
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
    # A label beside a mark near an edge goes to its other side by columns; only its height above it is style.
    assert max(len(found) for found in structures.values()) <= 2


def test_predictions_are_drawn(lab):
    assert "your prediction" not in texts(lab.act1.plots(lab.act1.outcome)["dials"])
    in_act2(lab)
    assert "your prediction" in texts(lab.act1.plots(lab.act1.outcome)["dials"])
    assert "your prediction" not in texts(lab.act2.plots(lab.act2.outcome)["frontier"])
    lab.set_context("cloud")
    assert "your prediction" in texts(lab.act2.plots(lab.act2.outcome)["frontier"])


def test_a_meter_that_resets_is_drawn_only_where_one_does(lab):
    in_act2(lab)

    def meter() -> np.ndarray:
        lines = [layer for layer in lab.act2.plots(lab.act2.outcome)["budget"].layers if isinstance(layer, Line)]
        return lines[0].columns()["y"]

    assert np.all(np.isnan(meter()))
    move(lab, periods_per_year=12, epsilon_per_period=1.0)
    assert np.nanmax(meter()) == pytest.approx(1.0)
    assert "ε 12" in written(lab.act2.plots(lab.act2.outcome)["budget"])


def test_a_budget_beyond_the_axis_is_still_named():
    year = staircase("laplace_basic", 8.0, 1e-6, 1, 12)
    plot = budget_spent(
        year.months, year.spent, year.meter, total=96.0, cap=1.0, resets=np.arange(1.0, 12.0), title="", caption=""
    )
    assert "ε 96 ↑" in written(plot)


def test_the_ladder_names_factors():
    plot = trust_ladder(
        [Rung("one", 1, 381.8), Rung("each", 20, 1707.5), Rung("all", 100_000, 120_736.0)],
        chosen=0,
        limit=500,
        unit="USD",
        title="",
    )
    assert "4.47×" in texts(plot)
    assert "316×" in texts(plot)
