"""Fairness: error rates of two groups, what a threshold and what data do to them, and what an audit can certify.

Rates are fractions of the people they speak of; a gap is the absolute difference of the same rate in two groups.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlsysim.physics.normal import normal_cdf, normal_quantile
from mlsysim.physics.registry import (
    ANY,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    PROBABILITY_OPEN,
    Real,
    Result,
    Variable,
    formula,
)

#: Published shares of a whole are rounded to three digits or so.
SHARE_TOLERANCE = 0.002


PREVALENCE = Variable("p", "1", "base rate: share of the group to which the label applies", PROBABILITY_OPEN)
TPR = Variable(r"\mathrm{TPR}", "1", "true-positive rate: flagged among those to whom the label applies", FRACTION)
FPR = Variable(r"\mathrm{FPR}", "1", "false-positive rate: flagged among the others", FRACTION)
THRESHOLD = Variable("t", "1", "score from which on a case is selected, in standard deviations", ANY)
D_PRIME = Variable("d'", "1", "distance of the two score distributions in standard deviations", NONNEGATIVE)
D_LIMIT = Variable(r"d'_\infty", "1", "distance that unlimited data would reach", POSITIVE)
FEATURES = Variable("k", "1", "features of the linear scorer", POSITIVE)

BINORMAL = (
    "Normal scores of equal spread: N(0, 1) for the negatives, N(d', 1) for the positives. The receiver operating "
    "curve is then fixed by d' alone, and a threshold moves along it."
)
LINEAR_SCORER = (
    "A linear scorer whose two class means are estimated from n samples each; spherical covariance, known. An unknown "
    "covariance costs more."
)


def _share(part: Real, whole: Real) -> Real | None:
    """A part of a whole; undefined where the whole is empty: None for a number, NaN in an array."""
    return None if np.ndim(whole) == 0 and whole == 0 else part / whole


@formula(
    latex=r"\mathrm{FPR} = \frac{p}{1 - p} \frac{1 - \mathrm{PPV}}{\mathrm{PPV}} (1 - \mathrm{FNR})",
    variables={
        "prevalence": PREVALENCE,
        "ppv": Variable(r"\mathrm{PPV}", "1", "precision: share of the flagged who deserve it", POSITIVE_FRACTION),
        "fnr": Variable(r"\mathrm{FNR}", "1", "miss rate: share of the positives that is not flagged", FRACTION),
    },
    result=Result(r"\mathrm{FPR}", "1", "false-positive rate that follows"),
    validity="An identity: it holds for every classifier and every group. A result above 1 means that the three inputs "
    "cannot occur together.",
    source="Chouldechova 2017.",
)
def chouldechova_fpr(prevalence: Real, ppv: Real, fnr: Real) -> Real:
    """False-positive rate that base rate, precision and miss rate leave no choice about."""
    return prevalence / (1.0 - prevalence) * (1.0 - ppv) / ppv * (1.0 - fnr)


@formula(
    latex=r"\mathrm{PPV} = \frac{p \mathrm{TPR}}{p \mathrm{TPR} + (1 - p) \mathrm{FPR}}",
    variables={
        "prevalence": Variable("p", "1", "base rate: share of the cases to which the label applies", FRACTION),
        "tpr": TPR,
        "fpr": FPR,
    },
    result=Result(r"\mathrm{PPV}", "1", "precision: share of the flagged who deserve it"),
    validity="Bayes' theorem. Undefined where nobody is flagged.",
    source="Bayes' theorem.",
)
def ppv_from_rates(prevalence: Real, tpr: Real, fpr: Real) -> Any:
    """Precision of a flag, from the error rates and the base rate."""
    hits = prevalence * tpr
    return _share(hits, hits + (1.0 - prevalence) * fpr)


@formula(
    latex=r"r = \frac{p_1}{1 - p_1} \frac{1 - p_2}{p_2}",
    variables={
        "prevalence_1": Variable("p_1", "1", "base rate of the first group", PROBABILITY_OPEN),
        "prevalence_2": Variable("p_2", "1", "base rate of the second group", PROBABILITY_OPEN),
    },
    result=Result("r", "1", "odds of the label in the first group over those in the second"),
    validity="For every classifier it equals the ratio of the false-positive rates, times the ratio of the odds that "
    "a flag is right, over the ratio of the true-positive rates.",
    source="Chouldechova 2017, the identity for two groups.",
)
def prevalence_odds_ratio(prevalence_1: Real, prevalence_2: Real) -> Real:
    """What the gaps between two groups multiply to, whatever the classifier."""
    return prevalence_1 / (1.0 - prevalence_1) * (1.0 - prevalence_2) / prevalence_2


@formula(
    latex=r"\mathrm{TPR} = \frac{s \mathrm{PPV}}{p}, \; \mathrm{FPR} = \frac{s (1 - \mathrm{PPV})}{1 - p}",
    variables={
        "prevalence": PREVALENCE,
        "ppv": Variable(r"\mathrm{PPV}", "1", "precision: share of the flagged who deserve it", FRACTION),
        "selection": Variable("s", "1", "share of the group that is flagged", FRACTION),
    },
    result={
        "tpr": Result(r"\mathrm{TPR}", "1", "true-positive rate that follows"),
        "fpr": Result(r"\mathrm{FPR}", "1", "false-positive rate that follows"),
    },
    validity="Definitions, solved for the rates. A result above 1 means that the three inputs cannot occur together.",
    source="Definitions of precision and selection rate.",
)
def rates_from_selection(prevalence: Real, ppv: Real, selection: Real) -> dict[str, Real]:
    """Error rates of a group of which a known share is flagged with a known precision."""
    return {"tpr": selection * ppv / prevalence, "fpr": selection * (1.0 - ppv) / (1.0 - prevalence)}


@formula(
    latex=r"\mathrm{TPR} = \frac{TP}{TP + FN}, \; \mathrm{FPR} = \frac{FP}{FP + TN}, \; "
    r"\mathrm{PPV} = \frac{TP}{TP + FP}",
    variables={
        "tp": Variable("TP", "1", "positives that are selected", NONNEGATIVE),
        "fp": Variable("FP", "1", "negatives that are selected", NONNEGATIVE),
        "fn": Variable("FN", "1", "positives that are not", NONNEGATIVE),
        "tn": Variable("TN", "1", "negatives that are not", NONNEGATIVE),
    },
    result={
        "prevalence": Result("p", "1", "share of positives"),
        "tpr": Result(r"\mathrm{TPR}", "1", "true-positive rate"),
        "fpr": Result(r"\mathrm{FPR}", "1", "false-positive rate"),
        "fnr": Result(r"\mathrm{FNR}", "1", "false-negative rate"),
        "ppv": Result(r"\mathrm{PPV}", "1", "precision"),
        "selection": Result("s", "1", "share that is selected"),
        "accuracy": Result("A", "1", "share that is right"),
    },
    validity="Positives, negatives and selected cases all exist.",
    source="Definitions.",
)
def confusion_rates(tp: Real, fp: Real, fn: Real, tn: Real) -> dict[str, Real]:
    """The rates of a confusion matrix."""
    for name, margin in (("tp + fn", tp + fn), ("fp + tn", fp + tn), ("tp + fp", tp + fp)):
        if np.any(margin == 0):
            raise ValueError(f"{name} must be > 0 (a rate of nobody is undefined), got 0")
    total = tp + fp + fn + tn
    return {
        "prevalence": (tp + fn) / total,
        "tpr": tp / (tp + fn),
        "fpr": fp / (fp + tn),
        "fnr": fn / (tp + fn),
        "ppv": tp / (tp + fp),
        "selection": (tp + fp) / total,
        "accuracy": (tp + tn) / total,
    }


@formula(
    latex=r"r = \min\left(\frac{s_a}{s_b}, \frac{s_b}{s_a}\right)",
    variables={
        "rate_a": Variable("s_a", "1", "share of the first group that is selected", POSITIVE_FRACTION),
        "rate_b": Variable("s_b", "1", "share of the second group that is selected", POSITIVE_FRACTION),
    },
    result=Result("r", "1", "ratio of the selection rates, the lower over the higher"),
    validity="Compares outcomes, not errors: equal rates can hide unequal mistakes.",
    source="Uniform Guidelines on Employee Selection Procedures 1978 (four-fifths rule).",
)
def selection_rate_ratio(rate_a: Real, rate_b: Real) -> Real:
    """How the less selected group fares against the other."""
    return np.minimum(rate_a, rate_b) / np.maximum(rate_a, rate_b)


@formula(
    latex=r"\mathrm{TPR} = \Phi(d' - t)",
    variables={"threshold": THRESHOLD, "d_prime": D_PRIME},
    result=Result(r"\mathrm{TPR}", "1", "true-positive rate"),
    validity=BINORMAL,
    source="Green and Swets 1966.",
)
def binormal_tpr(threshold: Real, d_prime: Real) -> Real:
    """Share of the positives whose score lies above a threshold."""
    return normal_cdf(d_prime - threshold)


@formula(
    latex=r"\mathrm{FPR} = \Phi(-t)",
    variables={"threshold": THRESHOLD},
    result=Result(r"\mathrm{FPR}", "1", "false-positive rate"),
    validity=BINORMAL,
    source="Green and Swets 1966.",
)
def binormal_fpr(threshold: Real) -> Real:
    """Share of the negatives whose score lies above a threshold."""
    return normal_cdf(-threshold)


@formula(
    latex=r"d' = \Phi^{-1}(\mathrm{TPR}) - \Phi^{-1}(\mathrm{FPR})",
    variables={
        "tpr": Variable(r"\mathrm{TPR}", "1", "true-positive rate", PROBABILITY_OPEN),
        "fpr": Variable(r"\mathrm{FPR}", "1", "false-positive rate", PROBABILITY_OPEN),
    },
    result=Result("d'", "1", "distance of the two score distributions in standard deviations"),
    validity=BINORMAL,
    source="Green and Swets 1966.",
)
def d_prime_from_rates(tpr: Real, fpr: Real) -> Real:
    """Separability that a pair of rates implies."""
    return np.asarray(normal_quantile(tpr) - normal_quantile(fpr))


@formula(
    latex=r"\mathrm{TPR} = \Phi(d' - t), \; \mathrm{FPR} = \Phi(-t), \; s = p \mathrm{TPR} + (1 - p) \mathrm{FPR}, \; "
    r"A = p \mathrm{TPR} + (1 - p) (1 - \mathrm{FPR})",
    variables={"threshold": THRESHOLD, "prevalence": PREVALENCE, "d_prime": D_PRIME},
    result={
        "tpr": Result(r"\mathrm{TPR}", "1", "true-positive rate"),
        "fpr": Result(r"\mathrm{FPR}", "1", "false-positive rate"),
        "selection": Result("s", "1", "share that is selected"),
        "ppv": Result(r"\mathrm{PPV}", "1", "precision; undefined where nobody is selected"),
        "accuracy": Result("A", "1", "share that is right"),
    },
    validity=BINORMAL,
    source="Green and Swets 1966.",
)
def binormal_rates(threshold: Real, prevalence: Real, d_prime: Real) -> dict[str, Any]:
    """All rates of one group at a threshold."""
    tpr, fpr = normal_cdf(d_prime - threshold), normal_cdf(-threshold)
    hits = prevalence * tpr
    selection = hits + (1.0 - prevalence) * fpr
    return {
        "tpr": tpr,
        "fpr": fpr,
        "selection": selection,
        "ppv": _share(hits, selection),
        "accuracy": hits + (1.0 - prevalence) * (1.0 - fpr),
    }


@formula(
    latex=r"t = \frac{d'}{2} + \frac{1}{d'} \ln\left(\frac{\tau}{1 - \tau} \frac{1 - p}{p}\right)",
    variables={
        "cutoff": Variable(r"\tau", "1", "probability from which on a case is selected", PROBABILITY_OPEN),
        "prevalence": PREVALENCE,
        "d_prime": Variable("d'", "1", "distance of the two score distributions in standard deviations", POSITIVE),
    },
    result=Result("t", "1", "score at which the calibrated probability equals the cut-off, in standard deviations"),
    validity=BINORMAL,
    source="Bayes' theorem for two normal densities of equal spread; Green and Swets 1966.",
)
def binormal_threshold(cutoff: Real, prevalence: Real, d_prime: Real) -> Real:
    """Score that a cut-off on the calibrated probability means in a group: the rarer the label, the higher."""
    return d_prime / 2.0 + np.log(cutoff / (1.0 - cutoff) * (1.0 - prevalence) / prevalence) / d_prime


@formula(
    latex=r"d'_n = \frac{d'_\infty}{\sqrt{1 + \frac{2 k}{n (d'_\infty)^{2}}}}",
    variables={
        "d_prime_inf": D_LIMIT,
        "features": FEATURES,
        "samples_per_class": Variable("n", "1", "training samples of each class", POSITIVE),
    },
    result=Result("d'_n", "1", "distance that the trained scorer reaches"),
    validity=LINEAR_SCORER,
    source="Raudys and Pikelis 1980; Fukunaga and Hayes 1989.",
)
def lda_effective_d_prime(d_prime_inf: Real, features: Real, samples_per_class: Real) -> Real:
    """Separability of a scorer that had to be learnt from few samples in many dimensions."""
    return d_prime_inf / np.sqrt(1.0 + 2.0 * features / (samples_per_class * d_prime_inf**2))


@formula(
    latex=r"n = \frac{2 k}{(d'_\infty)^{2} \left(\frac{d'_\infty}{d'}\right)^{2} - (d'_\infty)^{2}}",
    variables={
        "d_prime_inf": D_LIMIT,
        "features": FEATURES,
        "d_prime": Variable("d'", "1", "distance that the scorer shall reach", POSITIVE),
    },
    result=Result("n", "1", "training samples of each class, not rounded"),
    validity=LINEAR_SCORER,
    source="Raudys and Pikelis 1980; Fukunaga and Hayes 1989.",
)
def lda_samples_for_d_prime(d_prime_inf: Real, features: Real, d_prime: Real) -> Real:
    """Data that a separability costs; no amount reaches the limit."""
    beyond = d_prime >= d_prime_inf
    if np.any(beyond):
        reached, limit = (np.broadcast_to(x, np.shape(beyond))[beyond].flat[0].item() for x in (d_prime, d_prime_inf))
        raise ValueError(f"d_prime must be < d_prime_inf (data approach the limit), got {reached!r} >= {limit!r}")
    return 2.0 * features / (d_prime_inf**2 * ((d_prime_inf / d_prime) ** 2 - 1.0))


@formula(
    latex=r"\Delta_k = \Delta_0 \alpha^{k}",
    variables={
        "gap0": Variable(r"\Delta_0", "1", "gap today", NONNEGATIVE),
        "factor": Variable(r"\alpha", "1", "growth of the gap per retraining cycle", POSITIVE),
        "cycles": Variable("k", "1", "retraining cycles", NONNEGATIVE),
    },
    result=Result(r"\Delta_k", "1", "gap after these cycles"),
    validity="A fitted model with a constant factor: a system trains on what its own decisions let it see. It ends "
    "where the gap itself does.",
    source="Bias feedback (course, Conclusion).",
)
def bias_feedback_gap(gap0: Real, factor: Real, cycles: Real) -> Real:
    """A gap that every retraining multiplies."""
    return gap0 * factor**cycles


@formula(
    latex=r"\Delta_c = \Delta \alpha^{k} + h",
    variables={
        "gap": Variable(r"\Delta", "1", "measured gap", NONNEGATIVE),
        "feedback_factor": Variable(r"\alpha", "1", "growth of the gap per retraining cycle", POSITIVE),
        "cycles_between_audits": Variable("k", "1", "retraining cycles from one audit to the next", NONNEGATIVE),
        "half_width": Variable("h", "1", "half-width of the interval of the measured gap", NONNEGATIVE),
    },
    result=Result(r"\Delta_c", "1", "largest gap that the evidence cannot exclude just before the next audit"),
    validity="As bias feedback with a constant factor; the interval is that of the day of the audit.",
    source="Bias feedback (course, Conclusion) and the Wald interval of a difference of two proportions.",
)
def certified_gap(gap: Real, feedback_factor: Real, cycles_between_audits: Real, half_width: Real) -> Real:
    """What may honestly be promised until the next audit."""
    return bias_feedback_gap(gap, feedback_factor, cycles_between_audits) + half_width


@formula(
    latex=r"e = \sum_{i} s_i e_i",
    variables={
        "shares": Variable("s_i", "1", "share of each group", FRACTION, vector=True),
        "errors": Variable("e_i", "1", "error rate of each group", FRACTION, vector=True),
    },
    result=Result("e", "1", "error rate of the whole"),
    validity=f"The shares sum to 1, within {SHARE_TOLERANCE:g} for published ones.",
    source="Law of total probability.",
)
def aggregate_error(shares: npt.NDArray[np.float64], errors: npt.NDArray[np.float64]) -> Real:
    """The error rate on the dashboard, in which a small group disappears."""
    total = np.sum(shares, axis=-1)
    if np.any(np.abs(total - 1.0) > SHARE_TOLERANCE):
        raise ValueError(f"shares must sum to 1, got a sum of {float(np.ravel(total)[0])!r}")
    if shares.shape[-1] != errors.shape[-1]:
        raise ValueError(f"errors must be as many as shares, got {errors.shape[-1]} and {shares.shape[-1]}")
    return np.sum(shares * errors, axis=-1)


@formula(
    latex=r"N = \frac{n}{s}",
    variables={
        "samples_needed": Variable("n", "1", "people of the group that are needed", NONNEGATIVE),
        "group_share": Variable("s", "1", "share of the group in the population", POSITIVE_FRACTION),
    },
    result=Result("N", "1", "people to recruit at random, on average"),
    validity="Expected value of random recruitment; everybody agrees to take part.",
    source="Mean of the negative binomial distribution.",
)
def random_recruitment_count(samples_needed: Real, group_share: Real) -> Real:
    """How many random people it takes to meet enough of a small group."""
    return samples_needed / group_share
