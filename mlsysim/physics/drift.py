"""Drift: how far today's data lie from the training data, what that costs, and how long the answer takes.

Time is in days, divergence in units of the population stability index (PSI), accuracy a fraction.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mlsysim.physics.normal import normal_cdf, normal_quantile
from mlsysim.physics.registry import (
    ANY,
    AT_LEAST_ONE,
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
    require_at_most,
)
from mlsysim.physics.sampling import one_proportion_sample_size, proportion_sample_size

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
    return normal_quantile(np.arange(1, bins) / bins)


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
    # The complement keeps the digits of the bins that a shift to the right has nearly emptied.
    below = normal_cdf(_inner_edges(int(bins)) - np.expand_dims(shift_sd, -1))
    return np.diff(below, prepend=0.0, append=1.0, axis=-1)


@formula(
    latex=r"\mathrm{PSI}(\delta) = \sum_{i=1}^{B} \left(a_i - \frac{1}{B}\right) \ln\left(B a_i\right)",
    variables={
        "shift_sd": Variable(r"\delta", "1", "shift of the mean in standard deviations of training", ANY),
        "bins": Variable("B", "1", "bins that were equally full in training", BINS, structural=True),
    },
    result=Result(r"\mathrm{PSI}", "1", "population stability index"),
    validity="A normal feature that keeps its spread. Tends to the square of the shift as the bins grow in number; "
    "infinite where rounding leaves a bin empty (37 standard deviations).",
    source="Index of the shares of a shifted normal feature; limit: Kullback and Leibler 1951.",
)
def gaussian_shift_psi(shift_sd: Real, bins: Real) -> Real:
    """Divergence index of a normal feature that has moved sideways and kept its shape."""
    # Left and right shifts are mirror images, and on the right no digits are lost.
    shares = gaussian_shift_bin_shares(np.abs(shift_sd), bins)
    return np.sum((shares - 1.0 / bins) * np.log(bins * shares), axis=-1)


#: Shift (sd) below which no bin is empty to rounding, halvings that locate a shift in it, and the index it still has.
_FARTHEST, _HALVINGS, _LARGEST_PSI = 36.0, 60, 300.0


@formula(
    latex=r"\delta = \mathrm{PSI}^{-1}(\tau)",
    variables={
        "psi": Variable(r"\tau", "1", "reading of the index", Interval(low=0.0, high=_LARGEST_PSI)),
        "bins": Variable("B", "1", "bins that were equally full in training", BINS, structural=True),
    },
    result=Result(r"\delta", "1", "shift of the mean in standard deviations of training"),
    validity="The inverse of the index of a shifted normal feature; near the square root of the reading.",
    source="Bisection: the index grows with the shift.",
)
def shift_for_psi(psi: Real, bins: Real) -> Real:
    """Shift of a normal feature at which the divergence index shows a given reading."""
    low, high = np.zeros_like(psi), np.full_like(psi, _FARTHEST)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = gaussian_shift_psi(middle, bins) < psi
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high if np.ndim(psi) else np.where(psi > 0, high, 0.0)


# --- what the index reads when nothing has changed ---

CURRENT = Variable("n", "1", "inputs of today", AT_LEAST_ONE)
REFERENCE = Variable("m", "1", "inputs of the reference sample", AT_LEAST_ONE)
ALL_BINS = Variable("B", "1", "bins of the index", BINS)
NULL_VALIDITY = (
    "Asymptotic, with a few inputs or more in every bin; how empty bins are smoothed moves it by a tenth at n = 100. "
)
NULL_SOURCE = "Yurdakul and Naranjo 2020."


def _chi2_tail(x: float, freedom: float) -> float:
    """Probability that a chi-square variable exceeds `x`, for a whole number of degrees of freedom."""
    k, half = int(freedom), 0.5 * float(x)
    if k % 2 == 0:
        term = total = math.exp(-half)
        for j in range(1, k // 2):
            term *= half / j
            total += term
        return total
    total = math.erfc(math.sqrt(half))
    term = math.sqrt(4.0 * half / math.pi) * math.exp(-half)
    for j in range(1, (k - 1) // 2 + 1):
        total += term
        term *= 2.0 * half / (2 * j + 1)
    return total


def _chi2_quantile(quantile: float, freedom: float) -> float:
    """Value that a chi-square variable stays below with probability `quantile`."""
    low, high = 0.0, float(freedom)
    while _chi2_tail(high, freedom) > 1.0 - quantile:
        low, high = high, 2.0 * high
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _chi2_tail(middle, freedom) > 1.0 - quantile else (low, middle)
    return high


_tails = np.vectorize(_chi2_tail, otypes=[np.float64])
_quantiles = np.vectorize(_chi2_quantile, otypes=[np.float64])


@formula(
    latex=r"\mu_0 = (B - 1) \left(\frac{1}{n} + \frac{1}{m}\right)",
    variables={"bins": ALL_BINS, "n_current": CURRENT, "n_reference": REFERENCE},
    result=Result(r"\mu_0", "1", "mean reading of the index when nothing has changed"),
    validity=NULL_VALIDITY + "Under drift the expected reading is about the true index plus this mean.",
    source=NULL_SOURCE,
)
def psi_null_mean(bins: Real, n_current: Real, n_reference: Real) -> Real:
    """Mean of a divergence index between two samples of the same distribution."""
    return (bins - 1.0) * (1.0 / n_current + 1.0 / n_reference)


@formula(
    latex=r"\tau_q = \left(\frac{1}{n} + \frac{1}{m}\right) \chi^2_{B-1}(q)",
    variables={
        "bins": ALL_BINS,
        "n_current": CURRENT,
        "n_reference": REFERENCE,
        "quantile": Variable("q", "1", "share of the quiet readings that lie below", PROBABILITY_OPEN),
    },
    result=Result(r"\tau_q", "1", "reading that a quiet day stays below with that probability"),
    validity=NULL_VALIDITY + "The quantile is that of the chi-square distribution with one degree of freedom less "
    "than bins.",
    source=NULL_SOURCE,
)
def psi_null_quantile(bins: Real, n_current: Real, n_reference: Real, quantile: Real) -> Real:
    """Threshold of a divergence index calibrated on its own sampling noise."""
    return (1.0 / n_current + 1.0 / n_reference) * _quantiles(quantile, bins - 1.0)


@formula(
    latex=r"p = P\left(\chi^2_{B-1} > \frac{\tau}{1/n + 1/m}\right)",
    variables={
        "psi_threshold": Variable(r"\tau", "1", "threshold of the index", NONNEGATIVE),
        "bins": ALL_BINS,
        "n_current": CURRENT,
        "n_reference": REFERENCE,
    },
    result=Result("p", "1", "probability that a quiet day raises the alarm"),
    validity=NULL_VALIDITY + "The tail is that of the chi-square distribution with one degree of freedom less than "
    "bins.",
    source=NULL_SOURCE,
)
def psi_false_alarm_probability(psi_threshold: Real, bins: Real, n_current: Real, n_reference: Real) -> Real:
    """Probability of an alarm on a day on which nothing has changed."""
    return _tails(psi_threshold / (1.0 / n_current + 1.0 / n_reference), bins - 1.0)


def psi_null_density(psi: Array, bins: float, n_current: float, n_reference: float) -> Array:
    """Density of the index per unit of its logarithm on a quiet day, over its highest value.

    Per unit of the logarithm, so that on a logarithmic axis equal areas are equal probabilities.
    """
    x = np.asarray(psi) / (1.0 / n_current + 1.0 / n_reference)
    half = 0.5 * (bins - 1.0)
    # The peak of x f(x) lies at as many as there are degrees of freedom.
    return np.exp(half * np.log(x / (2.0 * half)) - 0.5 * x + half)


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


# --- decay with age, and how long a proof of it takes ---

AGE = Variable("t", "d", "days since the training snapshot", Interval(low=0.0, allow_inf=True))
RELEASE_ACCURACY = Variable("A_0", "1", "accuracy of a fresh model", POSITIVE_FRACTION)
DECAY = Variable(r"\gamma", "1/d", "relative loss of accuracy per day", POSITIVE)
LABELS_PER_DAY = Variable("r", "1/d", "labelled outcomes per day", NONNEGATIVE)
LABEL_DELAY = Variable("t_l", "d", "time from an input to its label", NONNEGATIVE)
DECAY_VALIDITY = "A local fit to two measurements, not a law: an abrupt break follows no decay."


@formula(
    latex=r"A = A_0 e^{-\gamma t}",
    variables={"accuracy0": RELEASE_ACCURACY, "decay_per_day": DECAY, "age_days": AGE},
    result=Result("A", "1", "accuracy of a model of that age"),
    validity=DECAY_VALIDITY,
    source="Exponential decay (course, ML Operations: retraining economics).",
)
def exponential_accuracy(accuracy0: Real, decay_per_day: Real, age_days: Real) -> Real:
    """Accuracy of a model whose training snapshot has aged."""
    return accuracy0 * np.exp(-decay_per_day * age_days)


@formula(
    latex=r"\gamma = \frac{1}{t} \ln\left(\frac{A_0}{A_1}\right)",
    variables={
        "accuracy0": RELEASE_ACCURACY,
        "accuracy1": Variable("A_1", "1", "accuracy at the end", POSITIVE_FRACTION),
        "elapsed_days": Variable("t", "d", "days between the two measurements", POSITIVE),
    },
    result=Result(r"\gamma", "1/d", "relative loss of accuracy per day"),
    validity=DECAY_VALIDITY,
    source="Exponential through two points.",
)
def exponential_decay_rate(accuracy0: Real, accuracy1: Real, elapsed_days: Real) -> Real:
    """Rate of decay between two measurements of accuracy."""
    require_at_most("accuracy1", accuracy1, "accuracy0", accuracy0, "decay lowers accuracy")
    return np.log(accuracy0 / accuracy1) / elapsed_days


@formula(
    latex=r"t = \frac{1}{\gamma} \ln\left(\frac{A_0}{A_f}\right)",
    variables={
        "accuracy0": RELEASE_ACCURACY,
        "accuracy_floor": Variable("A_f", "1", "lowest accuracy that may be served", POSITIVE_FRACTION),
        "decay_per_day": DECAY,
    },
    result=Result("t", "d", "age at which accuracy reaches the floor"),
    validity=DECAY_VALIDITY + " The floor lies below the accuracy of a fresh model.",
    source="Exponential decay, solved for the age.",
)
def max_age_for_floor(accuracy0: Real, accuracy_floor: Real, decay_per_day: Real) -> Real:
    """Oldest snapshot whose model still keeps a floor of accuracy."""
    if np.any(accuracy_floor >= accuracy0):
        raise ValueError("accuracy_floor must be < accuracy0 (a fresh model would not keep it), got one at or above it")
    return np.log(accuracy0 / accuracy_floor) / decay_per_day


@formula(
    latex=r"t = \frac{n}{r} + t_l",
    variables={
        "samples": Variable("n", "1", "labels needed", NONNEGATIVE),
        "labels_per_day": LABELS_PER_DAY,
        "label_delay_days": LABEL_DELAY,
    },
    result=Result("t", "d", "time until that many labels have come"),
    validity="Labels arrive evenly. Infinite without labels.",
    source="Drift detection delay (course, ML Operations).",
)
def detection_delay_days(samples: Real, labels_per_day: Real, label_delay_days: Real) -> Real:
    """Time until enough labelled outcomes have come."""
    return np.where(labels_per_day > 0, samples / labels_per_day, np.inf) + label_delay_days


@formula(
    latex=r"T = \frac{n}{r} + t_l + \frac{1}{\gamma} \ln\left(\frac{A_0}{A_0 - d}\right)",
    variables={
        "accuracy0": Variable("A_0", "1", "accuracy of a fresh model", PROBABILITY_OPEN),
        "decay_per_day": DECAY,
        "drop": Variable("d", "1", "drop of accuracy that is to be confirmed", PROBABILITY_OPEN),
        "labels_per_day": LABELS_PER_DAY,
        "label_delay_days": LABEL_DELAY,
        "alpha": Variable(r"\alpha", "1", "two-sided level of the test", PROBABILITY_OPEN),
        "power": Variable(r"\pi", "1", "probability that the test sees the drop", PROBABILITY_OPEN),
    },
    result=Result("T", "d", "days between two retrainings"),
    validity="Conservative: n labels are collected after the drop has happened; a sequential test is somewhat faster. "
    "The drop is smaller than the accuracy. Infinite without labels.",
    source="Decay, then the sample size of one proportion, then the delay of labels.",
)
def triggered_interval_days(
    accuracy0: Real,
    decay_per_day: Real,
    drop: Real,
    labels_per_day: Real,
    label_delay_days: Real,
    alpha: Real,
    power: Real,
) -> Real:
    """Interval of a policy that retrains once labels have confirmed a drop."""
    if np.any(drop >= accuracy0):
        raise ValueError("drop must be < accuracy0 (there is no more to lose), got a drop at or above it")
    labels: Any = one_proportion_sample_size(accuracy0, accuracy0 - drop, alpha, power)
    happens = -np.log1p(-drop / accuracy0) / decay_per_day
    return happens + detection_delay_days(labels, labels_per_day, label_delay_days)


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


@formula(
    latex=r"A = (A_0 - \delta) e^{-\gamma (T + L)}",
    variables={
        "accuracy0": RELEASE_ACCURACY,
        "compression_drop": Variable(r"\delta", "1", "accuracy lost to compression", FRACTION),
        "decay_per_day": Variable(r"\gamma", "1/d", "relative loss of accuracy per day", NONNEGATIVE),
        "interval_days": Variable("T", "d", "days between two updates", NONNEGATIVE),
        "lag_days": Variable("L", "d", "days from the data snapshot to full traffic", NONNEGATIVE),
    },
    result=Result("A", "1", "lowest accuracy that is served"),
    validity="The oldest served model is T + L days old. " + DECAY_VALIDITY,
    source="Exponential decay (course, ML Operations: retraining economics) after a compression loss.",
)
def accuracy_at_age(
    accuracy0: Real, compression_drop: Real, decay_per_day: Real, interval_days: Real, lag_days: Real
) -> Real:
    """Accuracy of a compressed model just before its successor takes over."""
    require_at_most("compression_drop", compression_drop, "accuracy0", accuracy0, "no more is lost than there is")
    return (accuracy0 - compression_drop) * np.exp(-decay_per_day * (interval_days + lag_days))
