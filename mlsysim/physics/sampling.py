"""Samples: how many observations a proportion needs."""

from __future__ import annotations

from mlsysim.physics.registry import POSITIVE, PROBABILITY_OPEN, Real, Result, Variable, formula


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
