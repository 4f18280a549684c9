"""The largest and the k-th smallest of several exponential times: how long many wait for the slowest."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import COUNT, COUNT_OR_ZERO, Real, Result, Variable, formula, require_at_most

INVITED = Variable("n", "1", "clients that are invited", COUNT)
NEEDED = Variable("k", "1", "clients that are waited for", COUNT)


#: From here on the first terms of the asymptotic series are exact in double precision.
ASYMPTOTIC = 256
_TABLE = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, ASYMPTOTIC))])


@formula(
    latex=r"H_n = \sum_{i=1}^{n} \frac{1}{i}",
    variables={"n": Variable("n", "1", "terms", COUNT_OR_ZERO)},
    result=Result("H_n", "1", "harmonic number"),
    validity="The mean of the largest of n exponential times, in units of their mean; 0 for none.",
    source="Rényi 1953 (order statistics of the exponential distribution).",
)
def harmonic_number(n: Real) -> Real:
    """Sum of the first reciprocals."""
    n = np.asarray(n, dtype=float)
    large = np.maximum(n, ASYMPTOTIC)
    series = np.log(large) + np.euler_gamma + 1 / (2 * large) - 1 / (12 * large**2) + 1 / (120 * large**4)
    return np.where(n < ASYMPTOTIC, _TABLE[np.minimum(n, ASYMPTOTIC - 1).astype(int)], series)


@formula(
    latex=r"m = H_n - H_{n-k}",
    variables={"invited": INVITED, "needed": NEEDED},
    result=Result("m", "1", "mean of the k-th smallest"),
    validity="n independent unit exponentials; H is the harmonic number, the sum of 1/i.",
    source="Renyi 1953.",
)
def exponential_order_statistic(invited: Real, needed: Real) -> Real:
    """How long the k-th fastest of n clients takes, in units of their mean delay."""
    require_at_most("needed", needed, "invited", invited, "nobody else can answer")
    return harmonic_number(invited) - harmonic_number(invited - needed)
