"""Differential privacy: how much noise a promise costs, what several releases add up to, what an attacker can gain.

A mechanism is (epsilon, delta)-private if changing one record changes the odds of no set of answers by more than
e^epsilon, except with probability delta. Neighbouring datasets differ in the value of one record; their number is
public.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import (
    ANY,
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
from mlsysim.physics.roots import falling_root

Array = npt.NDArray[np.float64]

#: Halvings of a bracket on a logarithmic scale: enough for the last digit of any bracket that occurs here.
HALVINGS = 60

ANY_UNIT = "as the sensitivity"
SENSITIVITY = Variable(r"\Delta", ANY_UNIT, "most that one record can move the answer", POSITIVE)
EPSILON = Variable(r"\varepsilon", "1", "bound on the change of the log odds", POSITIVE)
CLASSIC_EPSILON = Variable(
    r"\varepsilon", "1", "bound on the change of the log odds", Interval(0.0, 1.0, low_open=True)
)
DELTA = Variable(r"\delta", "1", "probability with which the bound may fail", PROBABILITY_OPEN)
SLACK = Variable(r"\delta'", "1", "probability with which the bound on the sum may fail", PROBABILITY_OPEN)
SIGMA = Variable(r"\sigma", ANY_UNIT, "standard deviation of the noise", POSITIVE)
RELEASES = Variable("k", "1", "releases under one budget", COUNT)
SHARES = Variable("m", "1", "parties that each add their own noise", COUNT)
RHO = Variable(r"\rho", "1", "zero-concentrated privacy loss", POSITIVE)
NOISE = Result(r"\sigma", ANY_UNIT, "standard deviation of the noise")


def _log_tail(x: float) -> float:
    """Logarithm of the probability that a standard normal variable exceeds `x`."""
    if x < 35.0:
        return math.log(0.5 * math.erfc(x / math.sqrt(2.0)))
    # Where the probability nears the smallest number, the first terms of its asymptotic series are exact.
    y = 1.0 / (x * x)
    return -0.5 * x * x - math.log(x * math.sqrt(2.0 * math.pi)) + math.log1p(y * (-1 + y * (3 + y * (-15 + y * 105))))


_log_normal_tail = np.vectorize(_log_tail, otypes=[np.float64])
_lgamma = np.vectorize(math.lgamma, otypes=[np.float64])


@formula(
    latex=r"\Delta = \frac{R}{N}",
    variables={
        "value_range": Variable("R", "as the values", "range to which every record is clipped", POSITIVE),
        "n_records": Variable("N", "1", "records, a public number", COUNT),
    },
    result=Result(r"\Delta", "as the values", "most that one record can move the mean"),
    validity="A mean of clipped values; the neighbour replaces one record. The range must not be read off the data.",
    source="Dwork, McSherry, Nissim and Smith 2006.",
)
def mean_query_sensitivity(value_range: Real, n_records: Real) -> Real:
    """How far one record can move a published mean."""
    return value_range / n_records


@formula(
    latex=r"b = \frac{\Delta}{\varepsilon}",
    variables={"sensitivity": SENSITIVITY, "epsilon": EPSILON},
    result=Result("b", ANY_UNIT, "scale of the noise, which is also its mean absolute value"),
    validity="Pure epsilon: no failure probability. For every epsilon.",
    source="Dwork, McSherry, Nissim and Smith 2006.",
)
def laplace_scale(sensitivity: Real, epsilon: Real) -> Real:
    """Laplace noise that makes one answer private."""
    return sensitivity / epsilon


@formula(
    latex=r"\sigma = \frac{\Delta}{\varepsilon} \sqrt{2 \ln\left(\frac{1.25}{\delta}\right)}",
    variables={"sensitivity": SENSITIVITY, "epsilon": CLASSIC_EPSILON, "delta": DELTA},
    result=NOISE,
    validity="For epsilon up to 1; above it the proof does not hold, and the exact curve must be solved instead.",
    source="Dwork and Roth 2014, Theorem A.1.",
)
def gaussian_mechanism_sigma(sensitivity: Real, epsilon: Real, delta: Real) -> Real:
    """Gaussian noise that makes one answer private, by the classic bound."""
    return sensitivity * np.sqrt(2.0 * np.log(1.25 / delta)) / epsilon


@formula(
    latex=r"\delta = 1.25 \cdot e^{-\frac{1}{2} \left(\frac{\varepsilon \sigma}{\Delta}\right)^2}",
    variables={"sensitivity": SENSITIVITY, "epsilon": CLASSIC_EPSILON, "sigma": SIGMA},
    result=Result(r"\delta", "1", "failure probability that the classic bound grants"),
    validity="The classic bound solved for delta: epsilon up to 1. A result of 1 or more is no promise.",
    source="Dwork and Roth 2014, Theorem A.1.",
)
def gaussian_mechanism_delta(sensitivity: Real, epsilon: Real, sigma: Real) -> Real:
    """Failure probability that an amount of Gaussian noise pays for, by the classic bound."""
    return 1.25 * np.exp(-0.5 * (epsilon * sigma / sensitivity) ** 2)


def _exact_delta(multiplier: Real, epsilon: Real) -> Array:
    """Failure probability of noise of `multiplier` sensitivities."""
    half, shift = 0.5 / multiplier, epsilon * multiplier
    # e^epsilon overflows long before its product with the tail does, so the product is made of logarithms.
    beyond = np.exp(epsilon + _log_normal_tail(half + shift))
    return np.asarray(np.exp(_log_normal_tail(shift - half)) - beyond)


@formula(
    latex=r"\delta = \Phi\left(\frac{\Delta}{2\sigma} - \frac{\varepsilon \sigma}{\Delta}\right) - "
    r"e^{\varepsilon} \Phi\left(-\frac{\Delta}{2\sigma} - \frac{\varepsilon \sigma}{\Delta}\right)",
    variables={"sensitivity": SENSITIVITY, "epsilon": EPSILON, "sigma": SIGMA},
    result=Result(r"\delta", "1", "exact failure probability"),
    validity="Exact for Gaussian noise and every epsilon; Phi is the standard normal distribution function.",
    source="Balle and Wang 2018, Theorem 8.",
)
def analytic_gaussian_delta(sensitivity: Real, epsilon: Real, sigma: Real) -> Real:
    """Probability with which Gaussian noise breaks the bound on the odds."""
    return np.maximum(_exact_delta(sigma / sensitivity, epsilon), 0.0)


def _bisected(falls: Callable[[Array], Array], target: Real, low: Real, high: Real) -> Array:
    """Where a falling function of a positive number meets a target, elementwise, by halving the bracket's logarithm."""
    left, right = np.log(low), np.log(high)
    for _ in range(HALVINGS):
        middle = 0.5 * (left + right)
        above = falls(np.exp(middle)) > target
        left, right = np.where(above, middle, left), np.where(above, right, middle)
    return np.exp(0.5 * (left + right))


@formula(
    latex=r"\Phi\left(\frac{\Delta}{2\sigma} - \frac{\varepsilon \sigma}{\Delta}\right) - "
    r"e^{\varepsilon} \Phi\left(-\frac{\Delta}{2\sigma} - \frac{\varepsilon \sigma}{\Delta}\right) = \delta",
    variables={"sensitivity": SENSITIVITY, "epsilon": EPSILON, "delta": DELTA},
    result=NOISE,
    validity="The smallest Gaussian noise that keeps the promise, for every epsilon.",
    source="Balle and Wang 2018, Theorem 8.",
)
def analytic_gaussian_sigma(sensitivity: Real, epsilon: Real, delta: Real) -> Real:
    """Gaussian noise that makes one answer private, exactly calibrated."""
    # Tail bounds of the normal distribution on either side of the root give a bracket for every argument.
    far = np.sqrt(-2.0 * np.log(delta))
    near = np.sqrt(-2.0 * np.log1p(-delta))
    low = 1.0 / (near + np.sqrt(near**2 + 2.0 * epsilon))
    high = (far + np.sqrt(far**2 + 2.0 * epsilon)) / (2.0 * epsilon)
    return sensitivity * _bisected(lambda multiplier: _exact_delta(multiplier, epsilon), delta, low, high)


@formula(
    latex=r"x^{*} = \frac{\varepsilon \sigma^2}{\Delta} + \frac{\Delta}{2}",
    variables={"sensitivity": SENSITIVITY, "epsilon": EPSILON, "sigma": SIGMA},
    result=Result("x^{*}", ANY_UNIT, "distance from the true answer"),
    validity="Gaussian noise, two datasets whose answers differ by the whole sensitivity.",
    source="Likelihood ratio of two normal distributions; Balle and Wang 2018.",
)
def gaussian_breach_distance(sensitivity: Real, epsilon: Real, sigma: Real) -> Real:
    """How far off an answer must fall before it favours the neighbouring dataset by odds of e^epsilon."""
    return epsilon * sigma**2 / sensitivity + sensitivity / 2.0


@formula(
    latex=r"p = \frac{1}{\sigma \sqrt{2 \pi}} e^{-\frac{1}{2} \left(\frac{x - \mu}{\sigma}\right)^2}",
    variables={
        "value": Variable("x", "any", "where", ANY),
        "mean": Variable(r"\mu", "as the value", "centre", ANY),
        "sigma": Variable(r"\sigma", "as the value", "standard deviation", POSITIVE),
    },
    result=Result("p", "1 per unit of the value", "probability density"),
    validity="Everywhere.",
    source="Normal distribution.",
)
def normal_density(value: Real, mean: Real, sigma: Real) -> Real:
    """Density of normally distributed answers."""
    return np.exp(-0.5 * ((value - mean) / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi))


@formula(
    latex=r"\varepsilon = k \varepsilon_0",
    variables={
        "epsilon_per_release": Variable(r"\varepsilon_0", "1", "loss of one release", POSITIVE),
        "releases": RELEASES,
    },
    result=Result(r"\varepsilon", "1", "loss of all releases together"),
    validity="For any private mechanisms, however they depend on each other's answers; needs no failure probability.",
    source="Dwork, McSherry, Nissim and Smith 2006.",
)
def epsilon_composition(epsilon_per_release: Real, releases: Real) -> Real:
    """What several releases spend, added up plainly."""
    return releases * epsilon_per_release


@formula(
    latex=r"\varepsilon = \varepsilon_0 \sqrt{2 k \ln\left(\frac{1}{\delta'}\right)} + "
    r"k \varepsilon_0 \left(e^{\varepsilon_0} - 1\right)",
    variables={
        "epsilon_per_release": Variable(r"\varepsilon_0", "1", "loss of one release", POSITIVE),
        "releases": RELEASES,
        "delta_slack": SLACK,
    },
    result=Result(r"\varepsilon", "1", "loss of all releases together"),
    validity="For any private mechanisms; better than adding up only for many small losses.",
    source="Dwork, Rothblum and Vadhan 2010; Dwork and Roth 2014, Theorem 3.20.",
)
def epsilon_composition_advanced(epsilon_per_release: Real, releases: Real, delta_slack: Real) -> Real:
    """What several releases spend, if a small probability of failure is granted."""
    spread = np.sqrt(-2.0 * releases * np.log(delta_slack))
    return epsilon_per_release * (spread + releases * np.expm1(epsilon_per_release))


@formula(
    latex=r"\varepsilon_0 \sqrt{2 k \ln\left(\frac{1}{\delta'}\right)} + "
    r"k \varepsilon_0 \left(e^{\varepsilon_0} - 1\right) = \varepsilon",
    variables={
        "epsilon_total": Variable(r"\varepsilon", "1", "loss of all releases together", POSITIVE),
        "releases": RELEASES,
        "delta_slack": SLACK,
    },
    result=Result(r"\varepsilon_0", "1", "loss that each release may have"),
    validity="Advanced composition solved for one release.",
    source="Dwork, Rothblum and Vadhan 2010; Dwork and Roth 2014, Theorem 3.20.",
)
def per_release_epsilon_advanced(epsilon_total: Real, releases: Real, delta_slack: Real) -> Real:
    """What one of several releases may spend under advanced composition."""
    spread = np.sqrt(-2.0 * releases * np.log(delta_slack))
    # Either term alone bounds the root from above; the exponential is kept from overflowing.
    each = epsilon_total / releases
    high = np.minimum(np.minimum(epsilon_total / spread, np.sqrt(each)), np.maximum(1.0, np.log1p(each)))

    def left(x: Array) -> tuple[Array, Array]:
        growth = np.expm1(x)
        return epsilon_total - x * (spread + releases * growth), -(spread + releases * (growth + x * (growth + 1.0)))

    return falling_root(left, np.zeros_like(high), high)


@formula(
    latex=r"\rho = \left(\sqrt{L + \varepsilon} - \sqrt{L}\right)^2, \quad L = \ln\left(\frac{1}{\delta}\right)",
    variables={"epsilon": EPSILON, "delta": DELTA},
    result=Result(r"\rho", "1", "zero-concentrated privacy loss that fits into the budget"),
    validity="For every epsilon; the conversion costs little, but is no exact one.",
    source="Bun and Steinke 2016, Proposition 1.3.",
)
def zcdp_rho_from_epsilon(epsilon: Real, delta: Real) -> Real:
    """Zero-concentrated budget inside a budget of epsilon and delta."""
    log = -np.log(delta)
    # The difference of two nearly equal roots, written without the cancellation.
    return (epsilon / (np.sqrt(log + epsilon) + np.sqrt(log))) ** 2


@formula(
    latex=r"\varepsilon = \rho + 2 \sqrt{\rho \ln\left(\frac{1}{\delta}\right)}",
    variables={"rho": RHO, "delta": DELTA},
    result=Result(r"\varepsilon", "1", "privacy loss"),
    validity="For every rho; equal to the conversion of a Gaussian Renyi loss, minimised over its order.",
    source="Bun and Steinke 2016, Proposition 1.3.",
)
def zcdp_epsilon(rho: Real, delta: Real) -> Real:
    """Epsilon that a zero-concentrated loss amounts to."""
    return rho + 2.0 * np.sqrt(-rho * np.log(delta))


@formula(
    latex=r"z = \sqrt{\frac{k}{2 \rho}}, \quad \rho = \left(\sqrt{L + \varepsilon} - \sqrt{L}\right)^2, "
    r"\quad L = \ln\left(\frac{1}{\delta}\right)",
    variables={"epsilon": EPSILON, "delta": DELTA, "releases": RELEASES},
    result=Result("z", "1", "standard deviation of the noise on each release, in sensitivities"),
    validity="Gaussian releases of equal noise, for every epsilon. Their losses add like variances.",
    source="Bun and Steinke 2016, Propositions 1.3 and 1.6.",
)
def zcdp_noise_multiplier(epsilon: Real, delta: Real, releases: Real) -> Real:
    """Gaussian noise on each of several releases that share one budget."""
    return np.sqrt(releases / (2.0 * zcdp_rho_from_epsilon(epsilon, delta)))


@formula(
    latex=r"E = \sigma \sqrt{\frac{2}{\pi}}",
    variables={"sigma": SIGMA},
    result=Result("E", ANY_UNIT, "mean absolute value of the noise"),
    validity="Gaussian noise of mean zero.",
    source="Mean of the half-normal distribution.",
)
def gaussian_mean_abs_error(sigma: Real) -> Real:
    """Typical error of an answer with Gaussian noise."""
    return sigma * math.sqrt(2.0 / math.pi)


@formula(
    latex=r"E = b \frac{2 \Gamma\left(m + \frac{1}{2}\right)}{\sqrt{\pi} \Gamma(m)}",
    variables={
        "scale": Variable("b", ANY_UNIT, "scale of each share of noise", POSITIVE),
        "shares": SHARES,
    },
    result=Result("E", ANY_UNIT, "mean absolute value of the sum of all shares"),
    validity="Independent Laplace shares of equal scale; for many of them close to a Gaussian.",
    source="A sum of Laplace variables is a difference of two gamma variables (Kotz, Kozubowski and Podgorski 2001).",
)
def laplace_sum_mean_abs_error(scale: Real, shares: Real) -> Real:
    """Typical error of an answer to which several parties have added Laplace noise."""
    factor = 2.0 / math.sqrt(math.pi) * np.exp(_lgamma(shares + 0.5) - _lgamma(shares))
    return scale * np.where(shares == 1, 1.0, factor)


@formula(
    latex=r"f = \sqrt{m}",
    variables={"shares": SHARES},
    result=Result("f", "1", "growth of the standard deviation"),
    validity="Independent shares of noise, each large enough to protect by itself.",
    source="Variances of independent variables add.",
)
def noise_share_factor(shares: Real) -> Real:
    """How much more noise an answer has when every party protects itself."""
    return np.sqrt(shares)


@formula(
    latex=r"\mathrm{TPR} = \min\left(1, e^{\varepsilon} \mathrm{FPR} + \delta, "
    r"1 - e^{-\varepsilon} (1 - \delta - \mathrm{FPR})\right)",
    variables={
        "fpr": Variable(r"\mathrm{FPR}", "1", "share of outsiders taken for members", FRACTION),
        "epsilon": EPSILON,
        "delta": Variable(r"\delta", "1", "probability with which the bound may fail", Interval(0, 1, high_open=True)),
    },
    result=Result(r"\mathrm{TPR}", "1", "highest share of members that any test recognises"),
    validity="Any membership test on any private answer: an upper bound that real attacks need not reach.",
    source="Kairouz, Oh and Viswanath 2015.",
)
def membership_tpr_ceiling(fpr: Real, epsilon: Real, delta: Real) -> Real:
    """Best that an attacker can do who wants to know whether somebody's record was used."""
    few = np.exp(epsilon) * fpr + delta
    many = 1.0 - np.exp(-epsilon) * (1.0 - delta - fpr)
    return np.minimum(1.0, np.minimum(few, many))


@formula(
    latex=r"r = r_0 (1 - t)",
    variables={
        "peak_tokens_per_s": Variable("r_0", "tokens/s", "throughput of a shared, open accelerator", POSITIVE),
        "tax": Variable("t", "1", "share lost to hardware partitioning", Interval(0, 1, high_open=True)),
    },
    result=Result("r", "tokens/s", "throughput inside the partition"),
    validity="A tax that does not depend on the load.",
    source="Course, Security and Privacy (the tax of secure multi-tenancy).",
)
def isolated_throughput(peak_tokens_per_s: Real, tax: Real) -> Real:
    """Throughput that isolation leaves."""
    return peak_tokens_per_s * (1.0 - tax)
