"""Fairness by independent routes: SciPy's normal distribution, counted people, a simulated scorer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mlsysim.physics import (
    aggregate_error,
    binormal_fpr,
    binormal_rates,
    binormal_tpr,
    chouldechova_fpr,
    confusion_rates,
    d_prime_from_rates,
    lda_effective_d_prime,
    lda_samples_for_d_prime,
    panel_audit_cost,
    ppv_from_rates,
)


def test_binormal_rates_are_tails_of_normal_distributions() -> None:
    thresholds = np.linspace(-6, 9, 40)
    np.testing.assert_allclose(binormal_fpr(thresholds), stats.norm.sf(thresholds), rtol=1e-12)
    np.testing.assert_allclose(binormal_tpr(thresholds, 1.7), stats.norm.sf(thresholds, loc=1.7), rtol=1e-12)
    rates = np.linspace(0.001, 0.999, 40)
    expected = stats.norm.ppf(rates) - stats.norm.ppf(0.2)
    np.testing.assert_allclose(d_prime_from_rates(rates, 0.2), expected, atol=1e-12)


def test_d_prime_and_rates_are_inverse() -> None:
    threshold = -stats.norm.ppf(0.2)
    assert binormal_tpr(threshold, d_prime_from_rates(0.9, 0.2)) == pytest.approx(0.9)


def test_the_identity_holds_in_every_confusion_matrix() -> None:
    generator = np.random.default_rng(15)
    for _ in range(50):
        tp, fp, fn, tn = generator.integers(1, 500, 4)
        rates = confusion_rates(tp, fp, fn, tn)
        assert chouldechova_fpr(rates["prevalence"], rates["ppv"], rates["fnr"]) == pytest.approx(rates["fpr"])
        assert ppv_from_rates(rates["prevalence"], rates["tpr"], rates["fpr"]) == pytest.approx(rates["ppv"])


def test_binormal_rates_agree_with_the_identity() -> None:
    rates = binormal_rates(0.7, 0.3, 1.5)
    assert chouldechova_fpr(0.3, rates["ppv"], 1 - rates["tpr"]) == pytest.approx(rates["fpr"])


def test_rates_of_nobody_are_refused_or_undefined() -> None:
    for counts in ((0, 5, 0, 5), (5, 0, 5, 0), (0, 0, 5, 5)):
        with pytest.raises(ValueError, match="rate of nobody"):
            confusion_rates(*counts)
    assert ppv_from_rates(0.3, 0.0, 0.0) is None
    assert binormal_rates(60.0, 0.5, 1.0)["ppv"] is None
    assert math.isnan(ppv_from_rates(0.3, [0.0, 0.5], 0.0)[0])


def test_a_trained_scorer_reaches_the_effective_separability() -> None:
    generator = np.random.default_rng(1980)
    features, samples, limit = 1000, 160, 2.1231728
    shift = np.zeros(features)
    shift[0] = limit
    reached = []
    for _ in range(60):
        # Means of n samples of unit spread scatter by 1/sqrt(n) in every dimension.
        means = [generator.normal(0, samples**-0.5, features) for _ in range(2)]
        direction = shift + means[1] - means[0]
        reached.append(float(shift @ direction / np.linalg.norm(direction)))
    assert np.mean(reached) == pytest.approx(lda_effective_d_prime(limit, features, samples), rel=0.02)


def test_no_amount_of_data_reaches_the_limit() -> None:
    assert lda_effective_d_prime(2.0, 1000, lda_samples_for_d_prime(2.0, 1000, 1.2)) == pytest.approx(1.2)
    with pytest.raises(ValueError, match=r"d_prime must be < d_prime_inf .* 2.0 >= 2.0"):
        lda_samples_for_d_prime(2.0, 1000, [1.0, 2.0])


def test_shares_make_a_whole() -> None:
    assert aggregate_error([0.303, 0.233, 0.250, 0.213], [0.003, 0.071, 0.120, 0.347]) == pytest.approx(0.121, abs=5e-4)
    with pytest.raises(ValueError, match="shares must sum to 1"):
        aggregate_error([0.5, 0.4], [0.1, 0.1])
    with pytest.raises(ValueError, match="as many as shares"):
        aggregate_error([0.5, 0.5], [0.1])


def test_a_random_panel_grows_with_the_rarity_of_the_group() -> None:
    assert panel_audit_cost(1, 800, 40, 120, 0.05, "stratified") == 128_000
    assert panel_audit_cost(1, 800, 40, 120, 0.05, "random") == 640_000
