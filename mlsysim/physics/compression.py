"""Compression: what a smaller number format or a sparser matrix stores, and what it does to the weights.

Weights are in units of their standard deviation where only their shape matters; sizes are in bits and bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mlsysim.physics.normal import normal_cdf
from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    COUNT,
    NONNEGATIVE,
    POSITIVE,
    Choices,
    Interval,
    Real,
    Result,
    Variable,
    formula,
)

Array = npt.NDArray[np.float64]

#: From this width on a format is a floating-point one, which carries no scale of its own.
FLOAT_BITS = 16
PATTERNS = ("none", "unstructured", "two_four", "structured")
#: Share that a 2:4 pattern keeps, and the bits that say which two of four a kept value was.
TWO_FOUR_KEPT, TWO_FOUR_INDEX_BITS = 0.5, 2.0

BITS = Variable("b", "bit", "bits of a value", Interval(1.0, 32.0))
GROUP = Variable("g", "1", "weights that share one scale", AT_LEAST_ONE)
SCALE_BITS = Variable("q", "bit", "bits of a stored scale", NONNEGATIVE)
INDEX_BITS = Variable("i", "bit", "bits of the position of a surviving weight", NONNEGATIVE)
SPARSITY = Variable("s", "1", "share of the weights that are removed", Interval(0.0, 1.0, high_open=True))
GRID_BITS = Interval(2.0, 32.0, integer=True)


@formula(
    latex=r"N = 2^b",
    variables={"bits": Variable("b", "bit", "bits of a value", Interval(1.0, 32.0, integer=True))},
    result=Result("N", "1", "levels of the format", kind="integer"),
    validity="An integer format; a grid that is symmetric about zero leaves one level unused.",
    source="Definition.",
)
def quantization_levels(bits: Real) -> Real:
    """How many different values a format can hold."""
    return 2.0**bits


_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(240)


def _positive_half_line(integrand: Callable[[Array], Array], high: Array) -> Array:
    """Integral of a smooth function from 0 to `high`, elementwise, by Gauss and Legendre."""
    half = np.expand_dims(high, -1) / 2.0
    return np.sum(half * _NODE_WEIGHTS * integrand(half * (1.0 + _NODES)), axis=-1)


@formula(
    latex=r"c = \int_0^{\infty} 1 - \mathrm{erf}\left(\frac{x}{\sqrt{2}}\right)^g \, dx",
    variables={"group_size": Variable("g", "1", "weights that share one scale", COUNT)},
    result=Result("c", "1", "expected largest magnitude, in standard deviations"),
    validity="Independent normal weights. Real weights have heavier tails, so that small groups gain more.",
    source="Expected maximum of g folded normal variables (order statistics).",
)
def gaussian_crest_factor(group_size: Real) -> Real:
    """Largest magnitude to expect among normal weights: what one scale for all of them has to cover."""
    # The integrand falls from 1 to 0 near the square root of 2 ln g, within a few standard deviations.
    high = np.sqrt(2.0 * np.log(group_size)) + 10.0
    exponent = np.expand_dims(group_size, -1)
    return _positive_half_line(lambda x: -np.expm1(exponent * np.log1p(-2.0 * normal_cdf(-x))), high)


@formula(
    latex=r"\hat{w} = \frac{1}{n} \left\lfloor w n + \frac{1}{2}\right\rfloor, \quad n = 2^{b-1} - 1",
    variables={
        "value": Variable("w", "1", "a weight over the largest magnitude of its group", Interval(-1.0, 1.0)),
        "bits": Variable("b", "bit", "bits of a value", GRID_BITS),
    },
    result=Result(r"\hat{w}", "1", "the weight on the grid, over the same magnitude"),
    validity="A symmetric integer grid of 2n + 1 levels, rounded to nearest; the largest weight gets the outermost.",
    source="Uniform quantization (course, Model Compression).",
)
def round_to_grid(value: Real, bits: Real) -> Real:
    """The level of an integer grid that stands for a weight."""
    steps = 2.0 ** (bits - 1.0) - 1.0
    return np.floor(value * steps + 0.5) / steps


@formula(
    latex=r"\mathrm{SQNR} = 20 \log_{10} \frac{\sqrt{12} (2^{b-1} - 1)}{c}",
    variables={
        "bits": Variable("b", "bit", "bits of a value", Interval(2.0, 16.0, integer=True)),
        "crest_factor": Variable("c", "1", "largest magnitude over the standard deviation", POSITIVE),
    },
    result=Result(r"\mathrm{SQNR}", "dB", "signal over rounding noise"),
    validity="Uniform noise: good from 3 bits on. At 2 bits it only says that noise is about as strong as the signal.",
    source="Bennett 1948: a step d makes a noise power of d²/12.",
    sympy_latex=r"\frac{20 \ln(\frac{\sqrt{12} (2^{b-1} - 1)}{c})}{\ln(10)}",
)
def quantization_sqnr_db(bits: Real, crest_factor: Real) -> Real:
    """How far rounding noise lies below the weights; about 6 dB for every bit."""
    return 10.0 * np.log10(12.0 * ((2.0 ** (bits - 1.0) - 1.0) / crest_factor) ** 2)


@formula(
    latex=r"r = \left(\frac{2^{b_f - 1} - 1}{2^{b_t - 1} - 1}\right)^2",
    variables={
        "bits_from": Variable("b_f", "bit", "bits before", GRID_BITS),
        "bits_to": Variable("b_t", "bit", "bits after", GRID_BITS),
    },
    result=Result("r", "1", "noise power after over noise power before"),
    validity="Both grids span the same range. It says nothing of the noise relative to the weights.",
    source="Bennett 1948: noise power grows with the square of the step.",
)
def quantization_noise_ratio(bits_from: Real, bits_to: Real) -> Real:
    """By how much rounding-noise power grows on a coarser grid."""
    return ((2.0 ** (bits_from - 1.0) - 1.0) / (2.0 ** (bits_to - 1.0) - 1.0)) ** 2


@formula(
    latex=r"w = b + \frac{q}{g} \quad \text{integers}, \qquad w = b \quad \text{floats, from 16 bits on}",
    variables={"bits": BITS, "group_size": GROUP, "scale_bits": SCALE_BITS},
    result=Result("w", "bit", "stored bits per weight"),
    validity="One scale per group and no zero point; a stored 4-bit zero point adds 4/g.",
    source="Group-wise quantization: Lin et al. 2024 (course, Model Compression).",
)
def quantized_bits_per_weight(bits: Real, group_size: Real, scale_bits: Real = 16.0) -> Real:
    """What a weight takes on disk with its part of the scale."""
    return bits + np.where(bits < FLOAT_BITS, scale_bits / group_size, 0.0)


@formula(
    latex=r"W = P \frac{w}{8}",
    variables={
        "params": Variable("P", "1", "weights", NONNEGATIVE),
        "bits_per_weight": Variable("w", "bit", "stored bits per weight", NONNEGATIVE),
    },
    result=Result("W", "B", "bytes of the weights"),
    validity="Weights only: no cache, no activations, no file format.",
    source="Definition.",
)
def quantized_bytes(params: Real, bits_per_weight: Real) -> Real:
    """Size of a model's weights in a format."""
    return params * bits_per_weight / 8.0


@formula(
    latex=r"w = (1 - s) (b + i) + \frac{q}{g} \quad \text{unstructured}, \qquad "
    r"w = \frac{b + 2}{2} + \frac{q}{g} \quad \text{2:4}, \qquad "
    r"w = (1 - s) \left(b + \frac{q}{g}\right) \quad \text{structured}",
    variables={
        "bits": BITS,
        "group_size": GROUP,
        "pattern": Variable(
            r"\mathrm{pattern}", "1", "which weights go: none, any, two of every four, whole rows", Choices(PATTERNS)
        ),
        "sparsity": SPARSITY,
        "index_bits": INDEX_BITS,
        "scale_bits": SCALE_BITS,
    },
    result=Result("w", "bit", "stored bits per original weight"),
    validity="Without pruning it is the quantized size; q/g falls away from 16 bits on. A 2:4 pattern keeps half of "
    "the weights whatever s says. Whole rows need no index.",
    source="Course, Model Compression (16-bit index); 2:4 index of 2 bits: NVIDIA Ampere white paper.",
)
def pruned_bits_per_weight(
    bits: Real,
    group_size: Real,
    pattern: str,
    sparsity: Real,
    index_bits: Real = 16.0,
    scale_bits: Real = 16.0,
) -> Real:
    """What a weight of the dense model takes on disk after pruning, with scales and positions."""
    scale = np.where(bits < FLOAT_BITS, scale_bits / group_size, 0.0)
    if pattern == "unstructured":
        return (1.0 - sparsity) * (bits + index_bits) + scale
    if pattern == "two_four":
        return TWO_FOUR_KEPT * (bits + TWO_FOUR_INDEX_BITS) + scale
    if pattern == "structured":
        return (1.0 - sparsity) * (bits + scale)
    return bits + scale


@formula(
    latex=r"s^{*} = \frac{i}{b + i}",
    variables={"bits": BITS, "index_bits": INDEX_BITS},
    result=Result("s^{*}", "1", "sparsity at which the sparse file is as large as the dense one"),
    validity="Survivors stored with an index each; a bitmap or a run-length code breaks even earlier.",
    source="Unstructured and dense size set equal (course, Model Compression).",
)
def sparse_breakeven_sparsity(bits: Real, index_bits: Real) -> Real:
    """How sparse a matrix must be before leaving its zeros out saves bytes."""
    return index_bits / (bits + index_bits)


@formula(
    latex=r"R = \frac{p_0}{p}",
    variables={
        "perplexity_reference": Variable("p_0", "1", "perplexity of the uncompressed model", AT_LEAST_ONE),
        "perplexity": Variable("p", "1", "perplexity of the compressed model", AT_LEAST_ONE),
    },
    result=Result("R", "1", "quality that is retained"),
    validity="A proxy: tasks can suffer earlier or later than perplexity. Combined techniques multiply, which is "
    "optimistic where one disturbs the other.",
    source="Losses in nats add, so ratios of perplexity multiply (course, Model Compression).",
)
def quality_retention(perplexity_reference: Real, perplexity: Real) -> Real:
    """Share of a language model's quality that compression leaves."""
    return perplexity_reference / perplexity
