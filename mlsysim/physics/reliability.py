"""Failures of many parts, checkpoints against lost work, and what is left as goodput."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)
from mlsysim.physics.roots import Array, falling_root

MTBF = Variable("M", "s", "mean time between failures of the whole system", POSITIVE)
DURATION = Variable("t", "s", "time span", NONNEGATIVE)
INTERVAL = Variable(r"\tau", "s", "computing time between saves, the save not included", POSITIVE)
CHECKPOINT = Variable(r"\delta", "s", "time that a save stops the computation", NONNEGATIVE)
RESTART = Variable("R", "s", "time from a failure to computing again", NONNEGATIVE)


@formula(
    latex=r"P_0 = A^{N}",
    variables={
        "availability": Variable("A", "1", "share of the time that one part is up", FRACTION),
        "count": Variable("N", "1", "parts that all have to be up", NONNEGATIVE),
    },
    result=Result("P_0", "1", "share of the time in which all parts are up"),
    validity="Equal, independent parts. Shared power, cooling or switches break the independence.",
    source="Series system (Barlow and Proschan 1975).",
)
def all_up_probability(availability: Real, count: Real) -> Real:
    """Share of the time in which every one of many equal parts is up."""
    return availability**count


@formula(
    latex=r"P_1 = N \left(1 - A\right) A^{N - 1}",
    variables={
        "availability": Variable("A", "1", "share of the time that one part is up", FRACTION),
        "count": Variable("N", "1", "parts", AT_LEAST_ONE),
    },
    result=Result("P_1", "1", "share of the time in which exactly one part is down"),
    validity="Equal, independent parts.",
    source="Binomial distribution.",
)
def one_down_probability(availability: Real, count: Real) -> Real:
    """Share of the time in which exactly one of many equal parts is down."""
    return count * (1.0 - availability) * availability ** (count - 1.0)


@formula(
    latex=r"M = \frac{M_1}{N}",
    variables={
        "node_mtbf_s": Variable("M_1", "s", "mean time between failures of one part", POSITIVE),
        "nodes": Variable("N", "1", "parts, any of which stops the job", AT_LEAST_ONE),
    },
    result=Result("M", "s", "mean time between failures of the job"),
    validity="Independent exponential failures of equal parts. Bursts and shared switches break the independence.",
    source="Series system of exponential parts (Barlow and Proschan 1975).",
)
def cluster_mtbf(node_mtbf_s: Real, nodes: Real) -> Real:
    """Mean time between failures of many equal parts that all have to work."""
    return node_mtbf_s / nodes


@formula(
    latex=r"M = \frac{1}{\sum_{i} \lambda_i}",
    variables={"rates_per_s": Variable(r"\lambda_i", "1/s", "failure rate of each part", NONNEGATIVE, vector=True)},
    result=Result("M", "s", "mean time between failures of the system"),
    validity="Independent exponential failures, any of which stops the system; at least one rate above zero.",
    source="Series system of exponential parts (Barlow and Proschan 1975).",
)
def series_mtbf(rates_per_s: Array) -> Real:
    """Mean time between failures of different parts that all have to work."""
    total = np.sum(rates_per_s, axis=-1)
    if np.any(total <= 0):
        raise ValueError("rates_per_s must have a sum > 0 (1/s), got 0.0")
    return 1.0 / total


@formula(
    latex=r"P = 1 - e^{-\frac{t}{M}}",
    variables={"duration_s": DURATION, "mtbf_s": MTBF},
    result=Result("P", "1", "probability of at least one failure"),
    validity="Constant failure rate.",
    source="Exponential survival; Poisson process.",
)
def failure_probability(duration_s: Real, mtbf_s: Real) -> Real:
    """Probability that a system fails within a time span."""
    return -np.expm1(-duration_s / mtbf_s)


@formula(
    latex=r"n = \frac{t}{M}",
    variables={"duration_s": DURATION, "mtbf_s": MTBF},
    result=Result("n", "failures", "expected number of failures"),
    validity="Constant failure rate; the count is Poisson with standard deviation sqrt(n).",
    source="Poisson process.",
)
def expected_failures(duration_s: Real, mtbf_s: Real) -> Real:
    """Failures to expect within a time span."""
    return duration_s / mtbf_s


@formula(
    latex=r"m = \frac{t N}{k}",
    variables={
        "duration_s": DURATION,
        "failures": Variable("k", "failures", "failures counted in it", POSITIVE),
        "components": Variable("N", "1", "parts, any of which stops the job", AT_LEAST_ONE),
    },
    result=Result("m", "s", "mean time between failures of one part"),
    validity="Constant failure rate; a count of k is known to within about the square root of k.",
    source="Poisson process, expected count solved for the rate.",
)
def implied_component_mtbf(duration_s: Real, failures: Real, components: Real) -> Real:
    """Mean time between failures of one part that a count over a whole fleet implies."""
    return duration_s * components / failures


@formula(
    latex=r"g = \frac{M}{M + L}",
    variables={
        "mtbf_s": MTBF,
        "lost_time_s": Variable("L", "s", "time lost per failure: detection, restart, repeated work", NONNEGATIVE),
    },
    result=Result("g", "1", "share of the time that is useful work"),
    validity="Renewal cycle: progress for one MTBF, then a fixed loss in which nothing fails.",
    source="Alternating renewal process (Barlow and Proschan 1975).",
)
def goodput_fraction(mtbf_s: Real, lost_time_s: Real) -> Real:
    """Useful share of the time when every failure costs the same."""
    return mtbf_s / (mtbf_s + lost_time_s)


@formula(
    latex=r"o = \frac{\delta}{\tau} + \frac{\tau}{2 M}",
    variables={"interval_s": INTERVAL, "checkpoint_s": CHECKPOINT, "mtbf_s": MTBF},
    result=Result("o", "1", "share of the time lost to saves and repeated work"),
    validity="First order: save and interval much shorter than the MTBF. It may exceed 1, where nothing is left.",
    source="Young 1974.",
)
def checkpoint_overhead(interval_s: Real, checkpoint_s: Real, mtbf_s: Real) -> Real:
    """Tax of synchronous checkpoints: the saves, and half an interval repeated per failure."""
    return checkpoint_s / interval_s + interval_s / (2.0 * mtbf_s)


@formula(
    latex=r"\tau^{*} = \sqrt{2 \delta M}",
    variables={"checkpoint_s": CHECKPOINT, "mtbf_s": MTBF},
    result=Result(r"\tau^{*}", "s", "best interval to first order"),
    validity="Save much shorter than the MTBF. At this interval both terms of the tax are equal.",
    source="Young 1974.",
)
def young_interval(checkpoint_s: Real, mtbf_s: Real) -> Real:
    """Checkpoint interval at which saves and repeated work cost the same."""
    return np.sqrt(2.0 * checkpoint_s * mtbf_s)


@formula(
    latex=r"\tau^{*} = \sqrt{2 \delta M} \left[1 + \frac{1}{3} \sqrt{\frac{\delta}{2 M}} + "
    r"\frac{1}{9} \cdot \frac{\delta}{2 M}\right] - \delta",
    variables={"checkpoint_s": CHECKPOINT, "mtbf_s": MTBF},
    result=Result(r"\tau^{*}", "s", "best interval to higher order"),
    validity="For saves shorter than twice the MTBF; beyond that the interval is the MTBF itself.",
    source="Daly 2006.",
)
def daly_interval(checkpoint_s: Real, mtbf_s: Real) -> Real:
    """Checkpoint interval with Daly's correction for saves that are not short."""
    half = checkpoint_s / (2.0 * mtbf_s)
    inside = np.sqrt(2.0 * checkpoint_s * mtbf_s) * (1.0 + np.sqrt(half) / 3.0 + half / 9.0) - checkpoint_s
    return np.where(half < 1.0, inside, mtbf_s)


def _save_excess(u: Array, ratio: Real) -> tuple[Array, Array]:
    """ratio + u + ln(1 - u) and its slope; the series keeps the digits that cancel for small u."""
    series = u * u * (1 / 2 + u * (1 / 3 + u * (1 / 4 + u * (1 / 5 + u * (1 / 6 + u / 7)))))
    return ratio - np.where(u < 1e-2, series, -np.log1p(-u) - u), -u / (1.0 - u)


@formula(
    latex=r"\tau^{*} = M \left[1 + W_0\left(-e^{-1 - \delta/M}\right)\right]",
    variables={"checkpoint_s": CHECKPOINT, "mtbf_s": MTBF},
    result=Result(r"\tau^{*}", "s", "best interval"),
    validity="Exact optimum for exponential failures that can also strike during saves and restarts.",
    source="Daly 2006; W0 is the principal Lambert function (Corless et al. 1996).",
)
def exact_checkpoint_interval(checkpoint_s: Real, mtbf_s: Real) -> Real:
    """Checkpoint interval that maximises the exact goodput."""
    # With W0(...) = u - 1 the defining equation w e^w = z becomes -ln(1 - u) - u = delta/M, u = tau/M, which
    # stays accurate near the branch point, where u is small.
    ratio = np.asarray(checkpoint_s / mtbf_s)
    high = np.minimum(np.sqrt(2.0 * ratio), -np.expm1(-1.0 - ratio))
    solvable = np.where(ratio > 0, high, 0.5)
    u = falling_root(lambda u: _save_excess(u, ratio), np.zeros_like(solvable), solvable)
    return mtbf_s * np.where(ratio > 0, u, 0.0)


@formula(
    latex=r"o = \frac{\delta_p}{\tau} + \frac{\frac{\tau}{2} + T_d}{M}",
    variables={
        "interval_s": INTERVAL,
        "pause_s": Variable(r"\delta_p", "s", "pause while the state is copied to host memory", NONNEGATIVE),
        "drain_s": Variable("T_d", "s", "background write of one snapshot", NONNEGATIVE),
        "mtbf_s": MTBF,
    },
    result=Result("o", "1", "share of the time lost to pauses and repeated work"),
    validity="A snapshot protects only once it is written, so the drain must end before the next snapshot: "
    "a drain longer than the interval is an error.",
    source="Two-phase checkpoints: Mohan et al. 2021.",
)
def async_checkpoint_overhead(interval_s: Real, pause_s: Real, drain_s: Real, mtbf_s: Real) -> Real:
    """Tax of asynchronous checkpoints: the pause, and the work that was not yet protected."""
    require_at_most("drain_s", drain_s, "interval_s", interval_s, "snapshots would pile up")
    return pause_s / interval_s + (interval_s / 2.0 + drain_s) / mtbf_s


@formula(
    latex=r"d = \frac{w}{\tau}",
    variables={"write_s": Variable("w", "s", "time to write one checkpoint", NONNEGATIVE), "interval_s": INTERVAL},
    result=Result("d", "1", "share of the time that storage is writing"),
    validity="Not cut at 1: above 1 the writes pile up (a checkpoint storm).",
    source="Definition.",
)
def storage_duty(write_s: Real, interval_s: Real) -> Real:
    """Share of a storage slice that checkpoints occupy."""
    return write_s / interval_s


@formula(
    latex=r"g = \max\left(0, 1 - o - \frac{R}{M}\right)",
    variables={
        "overhead": Variable("o", "1", "checkpoint tax, which may exceed 1", NONNEGATIVE),
        "restart_s": RESTART,
        "mtbf_s": MTBF,
    },
    result=Result("g", "1", "share of the time that is useful work"),
    validity="First order and conservative: the losses are added. Zero when they exceed the whole.",
    source="Young 1974; restart term: Daly 2006.",
)
def goodput_first_order(overhead: Real, restart_s: Real, mtbf_s: Real) -> Real:
    """Useful share of the time after the checkpoint tax and restarts."""
    return np.maximum(0.0, 1.0 - overhead - restart_s / mtbf_s)


@formula(
    latex=r"g = \frac{\tau}{M e^{R/M} \left(e^{(\tau + \delta)/M} - 1\right)}",
    variables={"interval_s": INTERVAL, "checkpoint_s": CHECKPOINT, "restart_s": RESTART, "mtbf_s": MTBF},
    result=Result("g", "1", "share of the time that is useful work"),
    validity="Exact for exponential failures, which may also strike during saves and restarts. Zero where "
    "the "
    "exponential overflows.",
    source="Daly 2006.",
)
def goodput_exact(interval_s: Real, checkpoint_s: Real, restart_s: Real, mtbf_s: Real) -> Real:
    """Useful share of the time of a job that saves synchronously."""
    segment = (interval_s + checkpoint_s) / mtbf_s
    # Beyond e^700 a segment never completes; the guard also keeps infinity over infinity away.
    value = interval_s / mtbf_s * np.exp(-restart_s / mtbf_s) / np.expm1(np.minimum(segment, 700.0))
    return np.where(segment < 700.0, value, 0.0)
