"""Drift: how far today's data lie from the training data, what that costs, and how long the answer takes.

Time is in days, divergence in units of the population stability index (PSI), accuracy a fraction.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import (
    ANY,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    PROBABILITY_OPEN,
    Interval,
    Real,
    Result,
    Variable,
    formula,
)
from mlsysim.physics.sampling import proportion_sample_size

Array = npt.NDArray[np.float64]

DAYS_PER_YEAR = 365.0
BINS = Interval(low=2.0, integer=True)
#: Shares of a whole may miss it by rounding.
SHARE_TOLERANCE = 1e-6

ACCURACY0 = Variable("A_0", "1", "accuracy, or sensitivity, at release", FRACTION)
SENSITIVITY = Variable(r"\lambda", "1", "loss of accuracy per unit of harmful divergence", NONNEGATIVE)
HARMFUL = Variable("v", "1/d", "harmful divergence per day", NONNEGATIVE)
#: A signal that never comes is infinitely late.
SIGNAL = Variable("t_s", "d", "time from the training snapshot to the signal", Interval(low=0.0, allow_inf=True))
LOOP = Variable("t_l", "d", "time from the signal to the last device with the new model", POSITIVE)


@formula(
    latex=r"A = \max\left(0, A_0 - \lambda D\right)",
    variables={
        "accuracy0": ACCURACY0,
        "sensitivity": SENSITIVITY,
        "divergence": Variable("D", "1", "divergence of today's data from the training data", NONNEGATIVE),
    },
    result=Result("A", "1", "accuracy on today's data"),
    validity="A local, first-order fit, not a law: a large divergence can be harmless and a small one fatal.",
    source="Degradation equation (course, Introduction and ML Workflow).",
)
def accuracy_after_drift(accuracy0: Real, sensitivity: Real, divergence: Real) -> Real:
    """Accuracy of a model whose code and weights have not changed, on data that have."""
    return np.maximum(0.0, accuracy0 - sensitivity * divergence)


@formula(
    latex=r"\mathrm{PSI} = \sum_{i} (a_i - e_i) \ln\left(\frac{a_i}{e_i}\right)",
    variables={
        "expected_fractions": Variable("e_i", "1", "share of each bin in training", POSITIVE_FRACTION, vector=True),
        "actual_fractions": Variable("a_i", "1", "share of each bin today", POSITIVE_FRACTION, vector=True),
    },
    result=Result(r"\mathrm{PSI}", "1", "population stability index"),
    validity="Both lists sum to 1 and no bin is empty (smooth an empty one first). Symmetric; it sees a change and "
    "knows nothing of harm.",
    source="Siddiqi 2006; equal to the Jeffreys divergence of the binned distributions (Kullback and Leibler 1951).",
)
def population_stability_index(expected_fractions: Array, actual_fractions: Array) -> Real:
    """Distance between two binned distributions."""
    for name, fractions in (("expected_fractions", expected_fractions), ("actual_fractions", actual_fractions)):
        total = np.sum(fractions, axis=-1)
        if np.any(np.abs(total - 1.0) > SHARE_TOLERANCE):
            raise ValueError(f"{name} must sum to 1, got a sum of {float(np.ravel(total)[0])!r}")
    if expected_fractions.shape[-1] != actual_fractions.shape[-1]:
        raise ValueError(
            f"actual_fractions must have as many bins as expected_fractions, got {actual_fractions.shape[-1]} and "
            f"{expected_fractions.shape[-1]}"
        )
    return np.sum((actual_fractions - expected_fractions) * np.log(actual_fractions / expected_fractions), axis=-1)


@lru_cache(maxsize=64)
def _inner_edges(bins: int) -> Array:
    return np.array([NormalDist().inv_cdf(k / bins) for k in range(1, bins)])


_erf = np.vectorize(math.erf, otypes=[np.float64])


@formula(
    latex=r"a_i = \Phi(z_{i+1} - \delta) - \Phi(z_i - \delta), \quad z_i = \Phi^{-1}\left(\frac{i}{B}\right)",
    variables={
        "shift_sd": Variable(r"\delta", "1", "shift of the mean in standard deviations of training", ANY),
        "bins": Variable("B", "1", "bins that were equally full in training", BINS, structural=True),
    },
    result=Result("a_i", "1", "share of each bin today", kind="vector"),
    validity="A normal feature that keeps its spread. The PSI of these shares tends to the square of the shift as the "
    "bins grow in number.",
    source="Normal distribution, bins of equal probability.",
)
def gaussian_shift_bin_shares(shift_sd: Real, bins: Real) -> Array:
    """Shares of a shifted normal feature in bins that were equally full in training."""
    below = 0.5 * (1.0 + _erf((_inner_edges(int(bins)) - np.expand_dims(shift_sd, -1)) / math.sqrt(2.0)))
    return np.diff(below, prepend=0.0, append=1.0, axis=-1)


@formula(
    latex=r"t_s = \frac{\tau}{v + v_b} + t_c",
    variables={
        "psi_threshold": Variable(r"\tau", "1", "threshold of the index", NONNEGATIVE),
        "harmful_per_day": HARMFUL,
        "benign_per_day": Variable("v_b", "1/d", "divergence per day that the model does not mind", NONNEGATIVE),
        "check_days": Variable("t_c", "d", "time between two evaluations of the index", NONNEGATIVE),
    },
    result=Result("t_s", "d", "time to the alarm"),
    validity="Steady drift that begins at the training snapshot, no sampling noise; at least one rate above zero. The "
    "index cannot tell harmful from benign drift.",
    source="Threshold over rate, plus one check (course, ML Workflow).",
)
def psi_signal_days(psi_threshold: Real, harmful_per_day: Real, benign_per_day: Real, check_days: Real) -> Real:
    """Time until a divergence index raises its alarm."""
    rate = harmful_per_day + benign_per_day
    if np.any(rate <= 0):
        raise ValueError("harmful_per_day and benign_per_day must have a sum > 0 (1/d), got 0.0")
    return psi_threshold / rate + check_days


@formula(
    latex=r"t_s = \frac{m}{\lambda v} + t_t + \frac{z^2 (A_0 - m) (1 - A_0 + m)}{m^2 a \pi}",
    variables={
        "drop": Variable("m", "1", "drop of the accuracy that is to be seen", PROBABILITY_OPEN),
        "accuracy0": ACCURACY0,
        "sensitivity": Variable(r"\lambda", "1", "loss of accuracy per unit of harmful divergence", POSITIVE),
        "harmful_per_day": Variable("v", "1/d", "harmful divergence per day", POSITIVE),
        "turnaround_days": Variable("t_t", "d", "time from a case to its label", NONNEGATIVE),
        "audits_per_day": Variable("a", "1/d", "randomly chosen cases labelled per day", POSITIVE),
        "prevalence": Variable(r"\pi", "1", "share of positive cases", POSITIVE_FRACTION),
        "z": Variable("z", "1", "normal quantile, one-sided", POSITIVE),
    },
    result=Result("t_s", "d", "time to the proof of a drop"),
    validity="A fresh window after the drop has happened, a known baseline; a sequential test is somewhat faster. The "
    "drop is smaller than the accuracy.",
    source="Sample size of a proportion (Cochran 1977) over the rate of labelled positives.",
)
def audit_signal_days(
    drop: Real,
    accuracy0: Real,
    sensitivity: Real,
    harmful_per_day: Real,
    turnaround_days: Real,
    audits_per_day: Real,
    prevalence: Real,
    z: Real,
) -> Real:
    """Time until labelled cases prove that accuracy has dropped."""
    if np.any(drop >= accuracy0):
        raise ValueError("drop must be < accuracy0 (there is no more to lose), got a drop at or above it")
    positives: Any = proportion_sample_size(accuracy0 - drop, drop, z)
    return drop / (sensitivity * harmful_per_day) + turnaround_days + positives / (audits_per_day * prevalence)


@formula(
    latex=r"t_l = t_r + t_v + t_o",
    variables={
        "retrain_days": Variable("t_r", "d", "data, training, evaluation", NONNEGATIVE),
        "validation_days": Variable("t_v", "d", "shadow and canary operation", NONNEGATIVE),
        "rollout_days": Variable("t_o", "d", "rollout to the last device", NONNEGATIVE),
    },
    result=Result("t_l", "d", "loop latency"),
    validity="Stages one after another, none repeated: a model that fails its validation starts over.",
    source="Sum of stages (course, ML Workflow).",
)
def loop_latency_days(retrain_days: Real, validation_days: Real, rollout_days: Real) -> Real:
    """Time from the signal to the moment at which the old model has left its last device."""
    return retrain_days + validation_days + rollout_days


@formula(
    latex=r"T = \max\left(t_s, t_l\right) + t_l",
    variables={"signal_days": SIGNAL, "loop_days": LOOP},
    result=Result("T", "d", "age of the training snapshot when its model is replaced"),
    validity="The next snapshot is taken when the signal fires, one loop at a time, so snapshots are at least a loop "
    "apart. Infinite without a signal.",
    source="Period plus latency (course, ML Workflow).",
)
def model_age_days(signal_days: Real, loop_days: Real) -> Real:
    """Age that a model reaches in service: the time to the signal and the loop that follows."""
    return np.maximum(signal_days, loop_days) + loop_days


@formula(
    latex=r"r = \frac{365}{\max\left(t_s, t_l\right)}",
    variables={"signal_days": SIGNAL, "loop_days": LOOP},
    result=Result("r", "1/year", "releases per year"),
    validity="One loop at a time, every loop ends in a release. Zero without a signal.",
    source="One release per period.",
)
def releases_per_year(signal_days: Real, loop_days: Real) -> Real:
    """Releases in a year of steady drift."""
    return DAYS_PER_YEAR / np.maximum(signal_days, loop_days)


def served_age_trace(
    period_days: float, loop_days: float, horizon_days: float, first_age_days: float = 0.0
) -> tuple[Array, Array]:
    """Corners of the sawtooth of the served model's age: days, and ages of its snapshot.

    A snapshot is taken every `period_days` and served `loop_days` later; until the first release the model serves
    that was `first_age_days` old on day 0. An infinite period draws one tooth without end.
    """
    if not period_days > 0 or not loop_days >= 0 or not 0 < horizon_days < math.inf or not first_age_days >= 0:
        raise ValueError(
            "period_days and horizon_days must be > 0, loop_days and first_age_days >= 0, got "
            f"{period_days!r}, {horizon_days!r}, {loop_days!r}, {first_age_days!r}"
        )
    endless = math.isinf(period_days)
    releases: Array = np.array([]) if endless else np.arange(period_days + loop_days, horizon_days, period_days)
    starts, ends = np.concatenate([[0.0], releases]), np.concatenate([releases, [horizon_days]])
    born = np.concatenate([[-first_age_days], period_days * np.arange(1, len(starts))])
    days = np.column_stack([starts, ends])
    return days.ravel(), (days - born[:, None]).ravel()
