"""Robustness against an attacker: what hardening costs, what a filter catches, what a certificate covers.

Accuracies, rates and shares are fractions. An attack of size eps moves every input value by at most eps (the l-infinity
norm); a certificate speaks of the Euclidean norm (l2). Inputs are scaled to the range from 0 to 1.
"""

from __future__ import annotations

import numpy as np

from mlsysim.physics.normal import normal_cdf, normal_quantile
from mlsysim.physics.registry import (
    ANY,
    COUNT,
    FRACTION,
    NONNEGATIVE,
    PROBABILITY_OPEN,
    Interval,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

ATTACK_SHARE = Variable("p", "1", "share of the inputs that are attacks", FRACTION)
TPR = Variable(r"\mathrm{TPR}", "1", "share of the attacks that the filter flags", FRACTION)
FPR = Variable(r"\mathrm{FPR}", "1", "share of the honest inputs that it flags, too", FRACTION)
SIGMA = Variable(r"\sigma", "input units", "standard deviation of the added noise", NONNEGATIVE)
DIM = Variable("d", "1", "values of one input", COUNT)
SAMPLES = Variable("n", "1", "noisy copies that are classified", COUNT)


@formula(
    latex=r"A = (1 - p) c + p r",
    variables={
        "attack_share": ATTACK_SHARE,
        "clean_accuracy": Variable("c", "1", "accuracy on honest inputs", FRACTION),
        "robust_accuracy": Variable("r", "1", "accuracy on attacks", FRACTION),
    },
    result=Result("A", "1", "expected accuracy over all inputs"),
    validity="A fixed share of attacks. An attacker who chooses when to come chooses p, too.",
    source="Law of total probability.",
)
def mixture_accuracy(attack_share: Real, clean_accuracy: Real, robust_accuracy: Real) -> Real:
    """Accuracy of a model on traffic of which a share are attacks."""
    return (1.0 - attack_share) * clean_accuracy + attack_share * robust_accuracy


@formula(
    latex=r"p^{*} = \frac{c_0 - c_1}{(c_0 - c_1) + (r_1 - r_0)}",
    variables={
        "clean_a": Variable("c_0", "1", "accuracy of the standard model on honest inputs", FRACTION),
        "robust_a": Variable("r_0", "1", "its accuracy under attack", FRACTION),
        "clean_b": Variable("c_1", "1", "accuracy of the hardened model on honest inputs", FRACTION),
        "robust_b": Variable("r_1", "1", "its accuracy under attack", FRACTION),
    },
    result=Result("p^{*}", "1", "share of attacks above which the hardened model is better on average"),
    validity="The hardened model loses on honest inputs and gains on attacks. Otherwise one model is at least as good "
    "at every share: 0 where that is the hardened one, 1 where it is the standard one or both are equal.",
    source="Equal expected accuracies, solved for the share of attacks.",
)
def breakeven_attack_share(clean_a: Real, robust_a: Real, clean_b: Real, robust_b: Real) -> Real:
    """Share of attacks from which a hardened model is worth its loss on honest inputs."""
    tax, gain = clean_a - clean_b, robust_b - robust_a
    dominated = np.where((tax <= 0) & (gain >= 0) & ((tax < 0) | (gain > 0)), 0.0, 1.0)
    return np.where((tax > 0) & (gain > 0), tax / (tax + gain), dominated)


@formula(
    latex=r"f = 1 + K",
    variables={"pgd_steps": Variable("K", "1", "attack steps inside every training step", Interval(low=0.0))},
    result=Result("f", "1", "cost of a training step in ordinary steps"),
    validity="Every attack step is a forward and a backward pass of its own. Free adversarial training (Shafahi et al. "
    "2019) shares some of them.",
    source="Madry et al. 2018 (projected gradient descent inside the training loop).",
)
def adversarial_training_cost_factor(pgd_steps: Real) -> Real:
    """How many ordinary trainings one hardened training costs."""
    return 1.0 + pgd_steps


@formula(
    latex=r"R = \frac{\sigma}{2} \left(\Phi^{-1}(p_A) - \Phi^{-1}(p_B)\right)",
    variables={
        "sigma": SIGMA,
        "p_a": Variable("p_A", "1", "share of the noisy copies that give the top class, at least", PROBABILITY_OPEN),
        "p_b": Variable("p_B", "1", "share that gives the runner-up, at most", PROBABILITY_OPEN),
    },
    result=Result("R", "input units, l2", "distance within which no change alters the answer"),
    validity="Gaussian noise, l2 norm, top class not below the runner-up. With two classes the runner-up has the rest.",
    source="Cohen, Rosenfeld and Kolter 2019, Theorem 1.",
)
def certified_radius_l2(sigma: Real, p_a: Real, p_b: Real) -> Real:
    """Radius that averaging over noisy copies proves safe."""
    require_at_most("p_b", p_b, "p_a", p_a, "the runner-up is not above the top class")
    return 0.5 * sigma * (normal_quantile(p_a) - normal_quantile(p_b))


@formula(
    latex=r"R_{\max} = \sigma \, \Phi^{-1}\left(\alpha^{1/n}\right)",
    variables={
        "sigma": SIGMA,
        "samples": SAMPLES,
        "alpha": Variable(r"\alpha", "1", "probability that the certificate is wrong", PROBABILITY_OPEN),
    },
    result=Result(r"R_{\max}", "input units, l2", "largest radius that n copies can prove, all of them in agreement"),
    validity="Clopper-Pearson bound of n agreeing copies. Negative where n is too small for any certificate.",
    source="Cohen, Rosenfeld and Kolter 2019; Clopper and Pearson 1934.",
)
def max_certified_radius(sigma: Real, samples: Real, alpha: Real) -> Real:
    """Ceiling that the number of noisy copies sets on a certificate."""
    # The upper tail keeps its digits where alpha^(1/n) rounds to one.
    tail = -np.expm1(np.log(alpha) / samples)
    return -sigma * normal_quantile(np.maximum(tail, np.finfo(float).tiny))


@formula(
    latex=r"R = \epsilon \sqrt{d}",
    variables={
        "eps": Variable(r"\epsilon", "input units, l-infinity", "largest change of one value", NONNEGATIVE),
        "dim": DIM,
    },
    result=Result("R", "input units, l2", "l2 radius that encloses every such change"),
    validity="Exact: a corner of the box, where all values change by eps, lies this far away.",
    source="Norm inequality.",
)
def l2_radius_enclosing_linf(eps: Real, dim: Real) -> Real:
    """How far a certificate must reach to cover an attack on every value at once."""
    return eps * np.sqrt(dim)


@formula(
    latex=r"\epsilon = \frac{R}{\sqrt{d}}",
    variables={"radius": Variable("R", "input units, l2", "certified radius", NONNEGATIVE), "dim": DIM},
    result=Result(r"\epsilon", "input units, l-infinity", "largest change of every value that lies inside the radius"),
    validity="Exact: the largest box inside a ball.",
    source="Norm inequality.",
)
def linf_radius_inside_l2(radius: Real, dim: Real) -> Real:
    """What a certificate is worth against an attack on every value at once."""
    return radius / np.sqrt(dim)


@formula(
    latex=r"\mathrm{TPR} = \Phi\left(d' + \Phi^{-1}(\mathrm{FPR})\right)",
    variables={
        "fpr": Variable(r"\mathrm{FPR}", "1", "share of the honest inputs that is flagged", PROBABILITY_OPEN),
        "d_prime": Variable("d'", "1", "distance of the two score distributions in standard deviations", ANY),
    },
    result=Result(r"\mathrm{TPR}", "1", "share of the attacks that is flagged"),
    validity="Normal scores of equal spread, N(0, 1) for honest inputs and N(d', 1) for attacks. An attacker who "
    "optimises against the filter as well brings d' towards 0.",
    source="Green and Swets 1966.",
)
def detector_tpr(fpr: Real, d_prime: Real) -> Real:
    """What a filter catches at the price of a share of honest inputs."""
    return normal_cdf(d_prime + normal_quantile(fpr))


@formula(
    latex=r"F = Q (p \, \mathrm{TPR} + (1 - p) \mathrm{FPR})",
    variables={
        "requests_per_day": Variable("Q", "1/day", "inputs of a day", COUNT),
        "attack_share": ATTACK_SHARE,
        "tpr": TPR,
        "fpr": FPR,
    },
    result=Result("F", "1/day", "flagged inputs of a day"),
    validity="An expected value; days differ.",
    source="Law of total probability; Axelsson 2000 (base-rate fallacy in intrusion detection).",
)
def flagged_per_day(requests_per_day: Real, attack_share: Real, tpr: Real, fpr: Real) -> Real:
    """How many inputs a filter sends to the review desk."""
    return requests_per_day * (attack_share * tpr + (1.0 - attack_share) * fpr)


@formula(
    latex=r"s = (1 - \mathrm{TPR}) (1 - r)",
    variables={"tpr": TPR, "robust_accuracy": Variable("r", "1", "accuracy of the model on attacks", FRACTION)},
    result=Result("s", "1", "share of the attacks that is neither flagged nor classified correctly"),
    validity="What the filter misses is as hard for the model as what it catches.",
    source="Product rule of independent defences.",
)
def attack_success_rate(tpr: Real, robust_accuracy: Real) -> Real:
    """Share of the attacks that passes both filter and model."""
    return (1.0 - tpr) * (1.0 - robust_accuracy)


@formula(
    latex=r"t = n t_s",
    variables={
        "samples": SAMPLES,
        "seconds_per_sample": Variable("t_s", "s", "one noisy forward pass inside a batch", NONNEGATIVE),
    },
    result=Result("t", "s", "time of one decision"),
    validity="One processor; copies do not run beside one another on more of them.",
    source="Cohen, Rosenfeld and Kolter 2019 (software notes).",
)
def smoothing_latency_s(samples: Real, seconds_per_sample: Real) -> Real:
    """Time of a decision that averages many noisy copies."""
    return samples * seconds_per_sample
