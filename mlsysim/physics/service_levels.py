"""Service levels: what many calls leave of one promise, how fast its error budget burns, whose tail counts."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    COUNT,
    FRACTION,
    POSITIVE,
    PROBABILITY_OPEN,
    Interval,
    Real,
    Result,
    Variable,
    formula,
)
from mlsysim.physics.roots import Array, falling_root

#: An objective of exactly one has no error budget.
OBJECTIVE = Interval(low=0.0, high=1.0, high_open=True)

SLO = Variable("s", "1", "objective: share of requests that must be good", OBJECTIVE)
STAGE_MEAN = Variable("m", "s", "mean latency of one stage", POSITIVE)
PERCENTILE = Variable("q", "1", "percentile as a fraction, 0.99 for P99", PROBABILITY_OPEN)


@formula(
    latex=r"A = \prod_{i} A_i",
    variables={"availabilities": Variable("A_i", "1", "success rate of each call", FRACTION, vector=True)},
    result=Result("A", "1", "share of requests of which every call succeeds"),
    validity="Independent calls, all of which are needed. Calls to one failure domain fail together and count once.",
    source="Series system (Barlow and Proschan 1975).",
)
def availability_series(availabilities: Array) -> Real:
    """Share of requests that are good when every one of several calls has to be."""
    return np.prod(availabilities, axis=-1)


@formula(
    latex=r"f = 1 - \left(1 - p\right)^{n}",
    variables={
        "call_failure": Variable("p", "1", "probability that one call fails", Interval(0.0, 1.0, high_open=True)),
        "calls": Variable("n", "1", "calls that a request needs", AT_LEAST_ONE),
    },
    result=Result("f", "1", "share of requests of which at least one call fails"),
    validity="Equal, independent calls. Keeps its digits where p is tiny.",
    source="Complement of the product of success rates.",
)
def fan_out_failure_probability(call_failure: Real, calls: Real) -> Real:
    """Share of requests that are bad because one of many equal calls fails."""
    return -np.expm1(calls * np.log1p(-call_failure))


@formula(
    latex=r"b = \frac{f}{1 - s}",
    variables={"bad_fraction": Variable("f", "1", "share of requests that are bad", FRACTION), "slo": SLO},
    result=Result("b", "x", "burn rate; 1 uses the budget up exactly at the end of its period"),
    validity="A steady share of bad requests; days until the budget is gone are the period over b.",
    source="Beyer et al. 2018, The Site Reliability Workbook, chapter 5.",
)
def burn_rate(bad_fraction: Real, slo: Real) -> Real:
    """How many times faster than allowed an error budget is used."""
    return bad_fraction / (1.0 - slo)


@formula(
    latex=r"E = \left(1 - s\right) T",
    variables={"slo": SLO, "period_s": Variable("T", "s", "period of the objective", POSITIVE)},
    result=Result("E", "s", "error budget as time of full outage"),
    validity="An even stream of requests.",
    source="Beyer et al. 2018, The Site Reliability Workbook, chapter 5.",
)
def error_budget_s(slo: Real, period_s: Real) -> Real:
    """Time of full outage that an objective allows in its period."""
    return (1.0 - slo) * period_s


@formula(
    latex=r"a = s^{\frac{1}{n}}",
    variables={"slo": SLO, "calls": Variable("n", "1", "calls that a request needs", AT_LEAST_ONE)},
    result=Result("a", "1", "objective that every call has to meet"),
    validity="Equal, independent calls, all of which are needed.",
    source="Product of success rates, solved for one.",
)
def per_call_slo_required(slo: Real, calls: Real) -> Real:
    """What every call must deliver for the whole to meet an objective."""
    return slo ** (1.0 / calls)


@formula(
    latex=r"1 - q = e^{-\frac{t}{m}} \sum_{k=0}^{n-1} \frac{1}{k!} \left(\frac{t}{m}\right)^k",
    variables={
        "stages": Variable("n", "1", "stages, one after the other", COUNT),
        "mean_s": STAGE_MEAN,
        "percentile": PERCENTILE,
    },
    result=Result("t", "s", "percentile of the sum of the stages"),
    validity="Independent exponential stages of equal mean, as in M/M/1 queues in tandem.",
    source="Erlang distribution; queues in tandem: Burke 1956.",
)
def erlang_sum_quantile(stages: Real, mean_s: Real, percentile: Real) -> Real:
    """Percentile of the latency of several equal stages in a row."""
    count = np.asarray(stages, dtype=float)
    tail = -np.log1p(-np.asarray(percentile, dtype=float))
    steps = int(np.max(count, initial=1.0))

    def excess(x: Array) -> tuple[Array, Array]:
        term, total, last = np.ones_like(x), np.zeros_like(x), np.ones_like(x)
        for k in range(steps):
            total = total + np.where(k < count, term, 0.0)
            last = np.where(k < count, term, last)
            term = term * x / (k + 1.0)
        return np.log(total) - x + tail, -last / total

    # Chernoff's bound: P(X > x) <= 2^n e^(-x/2) for unit means.
    high = np.asarray(2.0 * (count * np.log(2.0) + tail))
    return mean_s * falling_root(excess, np.zeros_like(high), high)


@formula(
    latex=r"t = -m \ln\left(1 - q^{\frac{1}{k}}\right)",
    variables={
        "branches": Variable("k", "1", "calls made at the same time, all of which are awaited", COUNT),
        "mean_s": STAGE_MEAN,
        "percentile": PERCENTILE,
    },
    result=Result("t", "s", "percentile of the slowest of them"),
    validity="Independent exponential branches of equal mean.",
    source="Largest of several independent times; tail at scale: Dean and Barroso 2013.",
)
def max_exponential_quantile(branches: Real, mean_s: Real, percentile: Real) -> Real:
    """Percentile of the latency of a fan-out that waits for its slowest branch."""
    return -mean_s * np.log(-np.expm1(np.log(percentile) / branches))
