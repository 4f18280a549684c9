"""Samples: how many observations a proportion or a mean needs, and how wide an interval a given number leaves."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    PROBABILITY_OPEN,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

QUANTILE = Variable("z", "1", "normal quantile of the level, two-sided", POSITIVE)
#: How far single runs scatter.
SCATTER = Variable("v", "1", "standard deviation over mean of one run", NONNEGATIVE)
NORMAL_RUNS = (
    "Independent runs, normal approximation; with five runs each the t quantile (8 degrees of freedom) widens the "
    "interval by 18 %. Windows of one hot session are correlated and tell less."
)


@formula(
    latex=r"n = \frac{z^2 p (1 - p)}{m^2}",
    variables={
        "proportion": Variable("p", "1", "true proportion", PROBABILITY_OPEN),
        "half_width": Variable("m", "1", "half-width of the interval, or drop below a known baseline", POSITIVE),
        "z": Variable(
            "z", "1", "normal quantile of the level, two-sided for an interval, one-sided for a drop", POSITIVE
        ),
    },
    result=Result("n", "1", "observations, not rounded"),
    validity="Independent observations, normal approximation: n p and n (1 - p) above about ten.",
    source="Cochran 1977.",
)
def proportion_sample_size(proportion: Real, half_width: Real, z: Real) -> Real:
    """Observations after which a proportion is known to within a half-width."""
    return z**2 * proportion * (1.0 - proportion) / half_width**2


@formula(
    latex=r"h = z \sqrt{\frac{p_a (1 - p_a)}{n_a} + \frac{p_b (1 - p_b)}{n_b}}",
    variables={
        "rate_a": Variable("p_a", "1", "observed proportion of the first set", FRACTION),
        "n_a": Variable("n_a", "1", "observations in the first set", POSITIVE),
        "rate_b": Variable("p_b", "1", "observed proportion of the second set", FRACTION),
        "n_b": Variable("n_b", "1", "observations in the second set", POSITIVE),
        "z": QUANTILE,
    },
    result=Result("h", "1", "half-width of the interval of the difference"),
    validity="Independent sets, normal approximation. On one shared set a paired test (McNemar) resolves more.",
    source="Wald interval of a difference of two proportions.",
)
def gap_half_width(rate_a: Real, n_a: Real, rate_b: Real, n_b: Real, z: Real) -> Real:
    """Half-width of the interval around the difference of two proportions."""
    return z * np.sqrt(rate_a * (1.0 - rate_a) / n_a + rate_b * (1.0 - rate_b) / n_b)


@formula(
    latex=r"h = z v \sqrt{\frac{2}{n}}",
    variables={"cv": SCATTER, "runs": Variable("n", "1", "runs of each of the two", AT_LEAST_ONE), "z": QUANTILE},
    result=Result("h", "1", "half-width over the ratio"),
    validity=NORMAL_RUNS,
    source="First-order variance of a ratio of two independent means.",
)
def relative_half_width(cv: Real, runs: Real, z: Real) -> Real:
    """Relative half-width of a ratio of two means, such as a speedup."""
    return z * cv * np.sqrt(2.0 / runs)


@formula(
    latex=r"n = 2 \left(\frac{z v}{h}\right)^{2}",
    variables={"cv": SCATTER, "half_width": Variable("h", "1", "half-width over the ratio", POSITIVE), "z": QUANTILE},
    result=Result("n", "1", "runs of each of the two, not rounded"),
    validity=NORMAL_RUNS,
    source="First-order variance of a ratio of two independent means.",
)
def runs_for_half_width(cv: Real, half_width: Real, z: Real) -> Real:
    """Runs of each of two machines after which their ratio is known to within a half-width."""
    return 2.0 * (z * cv / half_width) ** 2


_normal_quantile = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])


@formula(
    latex=r"n = \left(\frac{z_{1-\alpha/2} \sqrt{p_0 (1 - p_0)} + z_{\pi} \sqrt{p_1 (1 - p_1)}}{p_0 - p_1}\right)^{2}",
    variables={
        "rate0": Variable("p_0", "1", "rate before the change", PROBABILITY_OPEN),
        "rate1": Variable("p_1", "1", "rate after it", PROBABILITY_OPEN),
        "alpha": Variable(r"\alpha", "1", "two-sided level of the test", PROBABILITY_OPEN),
        "power": Variable(r"\pi", "1", "probability that the test sees the change", PROBABILITY_OPEN),
    },
    result=Result("n", "1", "observations, not rounded"),
    validity="Independent observations against a known rate, normal approximation. The two rates differ.",
    source="Fleiss, Levin and Paik 2003, one-sample test of a proportion.",
)
def one_proportion_sample_size(rate0: Real, rate1: Real, alpha: Real, power: Real) -> Real:
    """Observations after which a change of a rate is confirmed."""
    if np.any(rate0 == rate1):
        raise ValueError("rate1 must differ from rate0 (no number of observations shows no change), got equal rates")
    level = _normal_quantile(1.0 - alpha / 2.0) * np.sqrt(rate0 * (1.0 - rate0))
    seen = _normal_quantile(power) * np.sqrt(rate1 * (1.0 - rate1))
    return ((level + seen) / (rate0 - rate1)) ** 2


@formula(
    latex=r"p_{\pm} = \frac{p + \frac{z^2}{2 n} \pm z \sqrt{\frac{p (1 - p)}{n} + \frac{z^2}{4 n^2}}}"
    r"{1 + \frac{z^2}{n}}, \qquad p = \frac{k}{n}",
    variables={
        "successes": Variable("k", "1", "successes", NONNEGATIVE),
        "trials": Variable("n", "1", "trials", AT_LEAST_ONE),
        "z": QUANTILE,
    },
    result=Result(r"p_{\pm}", "1", "lower and upper end of the interval", kind="vector"),
    validity="Independent trials with one probability. Holds for few trials, too, where the plain normal interval "
    "leaves the range from 0 to 1.",
    source="Wilson 1927.",
)
def wilson_interval(successes: Real, trials: Real, z: Real) -> Real:
    """Interval around an observed share, lower and upper end along the last axis."""
    require_at_most("successes", successes, "trials", trials, "no more successes than trials")
    share = successes / trials
    centre = share + z**2 / (2.0 * trials)
    spread = z * np.sqrt(share * (1.0 - share) / trials + z**2 / (4.0 * trials**2))
    whole = 1.0 + z**2 / trials
    # The ends of an interval around 0 or 1 are exact; rounding must not push them off.
    low = np.where(share == 0.0, 0.0, np.clip((centre - spread) / whole, 0.0, 1.0))
    high = np.where(share == 1.0, 1.0, np.clip((centre + spread) / whole, 0.0, 1.0))
    return np.stack(np.broadcast_arrays(low, high), axis=-1)
