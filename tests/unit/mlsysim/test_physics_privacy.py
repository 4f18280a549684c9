"""Differential privacy by independent routes: SciPy, counted draws, inverses, and what must not fall."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from mlsysim.physics import (
    analytic_gaussian_delta,
    analytic_gaussian_sigma,
    epsilon_composition,
    epsilon_composition_advanced,
    gaussian_breach_distance,
    gaussian_mean_abs_error,
    gaussian_mechanism_delta,
    gaussian_mechanism_sigma,
    isolated_throughput,
    laplace_scale,
    laplace_sum_mean_abs_error,
    mean_query_sensitivity,
    membership_tpr_ceiling,
    noise_share_factor,
    normal_density,
    per_release_epsilon_advanced,
    zcdp_epsilon,
    zcdp_noise_multiplier,
    zcdp_rho_from_epsilon,
)

EPSILONS = st.floats(0.01, 50)
CLASSIC = st.floats(0.01, 1)
DELTAS = st.floats(-14, -0.05).map(lambda exponent: 10**exponent)
COUNTS = st.integers(1, 5000)
SENSITIVITIES = st.floats(1e-3, 1e6)


def near(value: float, rel: float = 1e-9) -> object:
    return pytest.approx(value, rel=rel)


@given(SENSITIVITIES, EPSILONS, DELTAS)
def test_the_exact_sigma_gives_back_its_delta(sensitivity: float, epsilon: float, delta: float) -> None:
    sigma = analytic_gaussian_sigma(sensitivity, epsilon, delta)
    assert analytic_gaussian_delta(sensitivity, epsilon, sigma) == near(delta, 1e-6)


@given(CLASSIC, DELTAS)
def test_the_classic_bound_is_never_below_the_exact_noise(epsilon: float, delta: float) -> None:
    classic = gaussian_mechanism_sigma(1.0, epsilon, delta)
    assert classic >= analytic_gaussian_sigma(1.0, epsilon, delta)
    assert gaussian_mechanism_delta(1.0, epsilon, classic) == near(delta)


@pytest.mark.parametrize(("epsilon", "sigma"), [(0.3, 2.0), (1.0, 4.8448), (5.0, 0.9), (60.0, 0.2), (900.0, 0.03)])
def test_exact_delta_is_what_scipy_gives(epsilon: float, sigma: float) -> None:
    a, b = 0.5 / sigma - epsilon * sigma, 0.5 / sigma + epsilon * sigma
    expected = special.ndtr(a) - math.exp(a * a / -2) * special.erfcx(b / math.sqrt(2)) / 2
    assert analytic_gaussian_delta(3.0, epsilon, 3.0 * sigma) == near(float(expected), 1e-8)


def test_exact_delta_is_the_mass_beyond_the_breach() -> None:
    """Counted on a grid: what the density exceeds e^epsilon times its neighbour's by."""
    x = np.linspace(-30, 30, 400_001)
    here, there = normal_density(x, 1.0, 2.0), normal_density(x, 0.0, 2.0)
    excess = np.trapezoid(np.maximum(here - math.e**0.5 * there, 0.0), x)
    assert analytic_gaussian_delta(1.0, 0.5, 2.0) == near(float(excess), 1e-6)
    breach = gaussian_breach_distance(1.0, 0.5, 2.0)
    assert normal_density(breach, 1.0, 2.0) / normal_density(breach, 0.0, 2.0) == near(math.e**0.5)


def test_far_tails_neither_vanish_nor_jump() -> None:
    near_edge = analytic_gaussian_delta(1.0, 1.0, np.array([34.4, 34.5, 34.6]))
    assert np.all(near_edge > 0)
    assert near_edge[0] / near_edge[1] == near(near_edge[1] / near_edge[2], 0.02)


@given(SENSITIVITIES, EPSILONS)
def test_laplace_noise_keeps_its_promise(sensitivity: float, epsilon: float) -> None:
    scale = laplace_scale(sensitivity, epsilon)
    here, there = (stats.laplace.logpdf(2 * sensitivity, shift, scale) for shift in (0.0, sensitivity))
    assert abs(here - there) <= epsilon * (1 + 1e-6) + 1e-9
    assert laplace_sum_mean_abs_error(scale, 1) == scale


@given(st.floats(1, 1e6), COUNTS)
def test_one_record_moves_a_mean_by_its_share(value_range: float, n: int) -> None:
    assert mean_query_sensitivity(value_range, n) * n == near(value_range)


@given(EPSILONS, COUNTS, DELTAS)
def test_advanced_composition_and_its_inverse(total: float, releases: int, delta: float) -> None:
    each = per_release_epsilon_advanced(total, releases, delta)
    assert epsilon_composition_advanced(each, releases, delta) == near(total)


@given(st.floats(1e-4, 0.01), DELTAS.filter(lambda delta: delta > 1e-8))
def test_advanced_composition_wins_for_many_small_losses_only(each: float, delta: float) -> None:
    assert epsilon_composition_advanced(each, 5000, delta) < epsilon_composition(each, 5000)
    assert epsilon_composition_advanced(each, 1, 1e-6) > epsilon_composition(each, 1)


@given(EPSILONS, DELTAS)
def test_zero_concentrated_loss_and_epsilon_are_inverse(epsilon: float, delta: float) -> None:
    assert zcdp_epsilon(zcdp_rho_from_epsilon(epsilon, delta), delta) == near(epsilon)


@given(st.floats(0.001, 20), DELTAS)
def test_conversion_is_the_renyi_bound_minimised_over_its_order(rho: float, delta: float) -> None:
    orders = 1 + np.geomspace(1e-4, 1e4, 40_001)
    renyi = rho * orders - np.log(delta) / (orders - 1)
    assert zcdp_epsilon(rho, delta) == near(float(renyi.min()), 1e-6)


@given(EPSILONS, DELTAS, COUNTS)
def test_noise_follows_the_square_root_of_the_count(epsilon: float, delta: float, releases: int) -> None:
    many, one = (zcdp_noise_multiplier(epsilon, delta, k) for k in (releases, 1))
    assert many / one == near(math.sqrt(releases))
    # The account is an upper bound: one release needs no less than the exact noise.
    assert one >= analytic_gaussian_sigma(1.0, epsilon, delta) * (1 - 1e-9)


def test_typical_errors_are_those_of_the_distributions() -> None:
    assert gaussian_mean_abs_error(3.0) == near(float(stats.halfnorm(scale=3.0).mean()))
    # A sum of m Laplace draws is a difference of two gamma variables, symmetric about zero.
    draws = np.random.default_rng(13).laplace(0.0, 2.0, (200_000, 20)).sum(axis=1)
    assert laplace_sum_mean_abs_error(2.0, 20) == near(float(np.abs(draws).mean()), 0.01)
    shares = np.array([1, 2, 7, 5000, 100_000])
    expected = 2 / math.sqrt(math.pi) * special.poch(shares, 0.5)
    np.testing.assert_allclose(laplace_sum_mean_abs_error(1.0, shares), expected, rtol=1e-8)


@given(st.integers(50, 10**6))
def test_many_laplace_shares_are_nearly_gaussian(shares: int) -> None:
    gaussian = gaussian_mean_abs_error(math.sqrt(2) * noise_share_factor(shares))
    assert laplace_sum_mean_abs_error(1.0, shares) == near(gaussian, 0.003)


@given(st.floats(0, 1), EPSILONS, st.floats(0, 0.5))
def test_ceiling_lies_between_guessing_and_certainty(fpr: float, epsilon: float, delta: float) -> None:
    ceiling = membership_tpr_ceiling(fpr, epsilon, delta)
    assert fpr * (1 - 1e-12) <= ceiling <= 1
    assert membership_tpr_ceiling(fpr, epsilon * 1.5, delta) >= ceiling * (1 - 1e-12)


@given(st.floats(0.05, 5), st.floats(0.5, 20), st.floats(0.001, 0.999))
def test_no_test_on_gaussian_answers_beats_the_ceiling(epsilon: float, sigma: float, fpr: float) -> None:
    """The most powerful test of one normal distribution against another stays below the ceiling of its delta."""
    power = stats.norm.sf(stats.norm.isf(fpr) - 1 / sigma)
    delta = analytic_gaussian_delta(1.0, epsilon, sigma)
    assert power <= membership_tpr_ceiling(fpr, epsilon, delta) * (1 + 1e-7)


@given(st.floats(1, 1e4), st.floats(0, 0.99))
def test_a_partition_takes_its_share(peak: float, tax: float) -> None:
    assert peak - isolated_throughput(peak, tax) == pytest.approx(peak * tax, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("epsilon", [1.0000001, 2.0, 0.0])
def test_the_classic_bound_is_refused_above_one(epsilon: float) -> None:
    with pytest.raises(ValueError, match="epsilon"):
        gaussian_mechanism_sigma(1.0, epsilon, 1e-5)
