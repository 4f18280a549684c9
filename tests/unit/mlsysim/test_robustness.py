"""Robustness by independent routes: SciPy's normal distribution, sampled boxes, exhaustive search, and properties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlsysim.physics import (
    adversarial_pruning,
    adversarial_training_cost_factor,
    attack_success_rate,
    breakeven_attack_share,
    certified_radius_l2,
    d_prime_from_rates,
    detector_tpr,
    flagged_per_day,
    l2_radius_enclosing_linf,
    linf_radius_inside_l2,
    max_certified_radius,
    mixture_accuracy,
    neighbour_rule,
    ppv_from_rates,
    smoothing_latency_s,
)

SHARE = st.floats(0, 1)
OPEN = st.floats(1e-6, 1 - 1e-6)
SEPARABILITY = st.floats(-5, 5)
RADIUS = st.floats(0, 100)
COPIES = st.integers(1, 10**7)


@given(SHARE, SHARE, SHARE)
def test_a_mixture_lies_between_its_parts(share, clean, robust):
    mixed = mixture_accuracy(share, clean, robust)
    assert min(clean, robust) - 1e-12 <= mixed <= max(clean, robust) + 1e-12


@given(SHARE, SHARE, SHARE, SHARE)
def test_at_the_breakeven_both_models_are_equally_good(clean_a, robust_a, clean_b, robust_b):
    share = breakeven_attack_share(clean_a, robust_a, clean_b, robust_b)
    assert 0 <= share <= 1
    if clean_a > clean_b and robust_b > robust_a:
        first, second = mixture_accuracy(share, clean_a, robust_a), mixture_accuracy(share, clean_b, robust_b)
        assert first == pytest.approx(second, abs=1e-12)


@pytest.mark.parametrize(
    ("models", "share"),
    [
        ((0.7, 0.1, 0.7, 0.2), 0.0),
        ((0.7, 0.1, 0.8, 0.1), 0.0),
        ((0.7, 0.1, 0.8, 0.2), 0.0),
        ((0.7, 0.1, 0.7, 0.1), 1.0),
        ((0.8, 0.2, 0.7, 0.1), 1.0),
        ((0.8, 0.2, 0.7, 0.2), 1.0),
    ],
)
def test_one_model_dominates(models, share):
    assert breakeven_attack_share(*models) == share


@given(st.floats(0, 1e6))
def test_attack_steps_add_to_the_step(steps):
    assert adversarial_training_cost_factor(steps) == 1 + steps


@given(st.floats(0, 10), OPEN, OPEN)
def test_certified_radius_is_the_mean_of_two_quantiles(sigma, one, other):
    top, runner_up = max(one, other), min(one, other)
    expected = sigma * (stats.norm.ppf(top) - stats.norm.ppf(runner_up)) / 2
    assert certified_radius_l2(sigma, top, runner_up) == pytest.approx(expected, abs=1e-9)
    if top > runner_up:
        with pytest.raises(ValueError, match="p_b must be <= p_a"):
            certified_radius_l2(sigma, runner_up, top)


@given(st.floats(0.01, 10), COPIES, st.floats(1e-6, 0.5))
def test_ceiling_of_a_certificate(sigma, copies, alpha):
    radius = max_certified_radius(sigma, copies, alpha)
    assert radius == pytest.approx(sigma * stats.norm.isf(-np.expm1(np.log(alpha) / copies)), rel=1e-7, abs=1e-9)
    assert max_certified_radius(sigma, copies + 1, alpha) > radius


def test_few_copies_certify_nothing():
    assert max_certified_radius(1.0, 9, 0.001) < 0 < max_certified_radius(1.0, 10, 0.001)
    assert max_certified_radius(1.0, 1e15, 0.001) < 10


@given(RADIUS, st.integers(1, 10**6))
def test_norms_are_inverse(radius, dim):
    inside = linf_radius_inside_l2(radius, dim)
    assert inside <= radius
    assert l2_radius_enclosing_linf(inside, dim) == pytest.approx(radius)


@given(OPEN, SEPARABILITY)
def test_detector_against_scipy(fpr, d_prime):
    tpr = detector_tpr(fpr, d_prime)
    assert tpr == pytest.approx(stats.norm.cdf(d_prime + stats.norm.ppf(fpr)), abs=1e-9)
    if 1e-6 < tpr < 1 - 1e-6:
        assert d_prime_from_rates(tpr, fpr) == pytest.approx(d_prime, abs=1e-5)


@given(OPEN)
def test_a_filter_that_separates_nothing_tosses_a_coin(fpr):
    assert detector_tpr(fpr, 0.0) == pytest.approx(fpr)


@given(st.integers(1, 10**8), SHARE, SHARE, SHARE)
def test_flags_are_attacks_and_honest_inputs(requests, share, tpr, fpr):
    flagged = flagged_per_day(requests, share, tpr, fpr)
    attacks, honest = flagged_per_day(requests, share, tpr, 0.0), flagged_per_day(requests, share, 0.0, fpr)
    assert flagged == pytest.approx(attacks + honest)
    assert flagged <= requests * (1 + 1e-12)
    precision = ppv_from_rates(share, tpr, fpr)
    if precision is not None and flagged > 1e-6:
        assert precision == pytest.approx(attacks / flagged, abs=1e-9)


@given(SHARE, SHARE)
def test_two_defences_are_no_worse_than_either(tpr, robust):
    success = attack_success_rate(tpr, robust)
    assert 0 <= success <= min(1 - tpr, 1 - robust) + 1e-12


@given(COPIES, st.floats(0, 10))
def test_copies_take_turns(copies, seconds):
    assert smoothing_latency_s(copies, seconds) == pytest.approx(copies * seconds)


# --- adversarial pruning ---


@pytest.mark.parametrize("seed", range(12))
def test_pruning_keeps_as_many_as_possible(seed):
    generator = np.random.default_rng(seed)
    points, second = generator.uniform(0, 10, (9, 2)), generator.random(9) < 0.5
    eps = generator.uniform(0.3, 2.5)
    close = np.abs(points[:, None] - points[None]).max(axis=2) <= 2 * eps

    def free(kept: np.ndarray) -> bool:
        pairs = close & kept[:, None] & kept[None] & (second[:, None] != second[None])
        return not pairs.any()

    best = max(sum(kept) for kept in itertools.product((False, True), repeat=9) if free(np.array(kept)))
    kept = adversarial_pruning(points, second, eps)
    assert free(kept)
    assert kept.sum() == best


def test_margins_are_what_an_attack_needs():
    """Random changes inside the margin never flip a point; the margin itself is reached by some cell."""
    generator = np.random.default_rng(5)
    points, second = generator.uniform(2, 38, (14, 2)), np.arange(14) % 2 == 1
    across, up = np.meshgrid(np.arange(0.05, 40, 0.1), np.arange(0.05, 40, 0.1))
    rule = neighbour_rule(points, second, 1.0, np.column_stack([across.ravel(), up.ravel()]))
    answers = second[rule.kept]
    for point, side, margin in zip(points, second, rule.margins, strict=True):
        if margin < 0.2:
            continue
        moved = point + generator.uniform(-1, 1, (400, 2)) * (margin - 0.1)
        nearest = np.abs(moved[:, None] - points[rule.kept][None]).max(axis=2).argmin(axis=1)
        assert (answers[nearest] == side).all()


def test_every_kept_point_survives_the_attack_it_was_pruned_for():
    generator = np.random.default_rng(2)
    points, second = generator.uniform(0, 40, (24, 2)), np.arange(24) % 2 == 1
    across, up = np.meshgrid(np.arange(0.05, 40, 0.1), np.arange(0.05, 40, 0.1))
    rule = neighbour_rule(points, second, 2.0, np.column_stack([across.ravel(), up.ravel()]))
    assert (rule.margins[rule.kept] >= 2.0).all()
    assert rule.correct() >= rule.correct(2.0) >= rule.correct(4.0)
