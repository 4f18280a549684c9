"""What an activation function costs: silicon, lane time, memory time, and the gradient that its slope lets through."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Boolean,
    Real,
    Result,
    Variable,
    formula,
)

# An element-wise pass reads each value once and writes it once.
READ_AND_WRITE = 2.0

VALUES = Variable("N", "value", "values that the pass maps", NONNEGATIVE)
BYTES = Variable("b", "B", "bytes per value", POSITIVE)
LANES = Variable("R", "1/s", "lane-cycles per second of all lanes together", POSITIVE)
BANDWIDTH = Variable(r"\mathrm{BW}", "B/s", "bandwidth of the memory that holds the values", POSITIVE)


def _seconds_per_value(cycles: Real, bytes_per_value: Real, lane_rate: Real, bandwidth: Real) -> Real:
    return np.maximum(cycles / lane_rate, READ_AND_WRITE * bytes_per_value / bandwidth)


@formula(
    latex=r"\frac{a}{b}",
    variables={
        "costly_transistors": Variable("a", "1", "transistors of the costly unit", NONNEGATIVE),
        "cheap_transistors": Variable("b", "1", "transistors of the cheap unit", POSITIVE),
    },
    result=Result("q", "1", "ratio of silicon"),
    validity="Area and idle energy of one unit. It is not a ratio of times.",
    source="Transistor tax (course, Neural Computation).",
    sympy_latex=r"\frac{a}{b}",
)
def silicon_cost_ratio(costly_transistors: Real, cheap_transistors: Real) -> Real:
    """How many times the silicon of one unit another one needs."""
    return costly_transistors / cheap_transistors


@formula(
    latex=r"t = \max\left(\frac{N c}{R}, \frac{2 N b}{\mathrm{BW}}\right)",
    variables={
        "values": VALUES,
        "cycles_per_value": Variable("c", "1", "lane cycles per value", NONNEGATIVE),
        "bytes_per_value": BYTES,
        "lane_rate_per_s": LANES,
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result("t", "s", "time of the pass"),
    validity="A stand-alone element-wise kernel: one read and one write per value, lanes and memory overlap perfectly. "
    "A lower bound; launch and tail are left out.",
    source="Roofline bound: Williams, Waterman and Patterson 2009.",
)
def activation_pass_time(
    values: Real, cycles_per_value: Real, bytes_per_value: Real, lane_rate_per_s: Real, bandwidth_bytes_s: Real
) -> Real:
    """Time of an activation function that runs as a kernel of its own: the slower of lanes and memory."""
    return values * _seconds_per_value(cycles_per_value, bytes_per_value, lane_rate_per_s, bandwidth_bytes_s)


@formula(
    latex=r"r = \frac{\max\left(\frac{c}{R}, \frac{2 b}{\mathrm{BW}}\right)}"
    r"{\max\left(\frac{c_0}{R}, \frac{2 b}{\mathrm{BW}}\right)}",
    variables={
        "costly_cycles": Variable("c", "1", "lane cycles per value of the costly function", NONNEGATIVE),
        "cheap_cycles": Variable("c_0", "1", "lane cycles per value of the cheap function", NONNEGATIVE),
        "bytes_per_value": BYTES,
        "lane_rate_per_s": LANES,
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result("r", "1", "ratio of the two times"),
    validity="Two passes over the same values in the same memory; the number of values cancels. "
    "It is 1 whenever c <= 2 b R / BW.",
    source="Roofline bound: Williams, Waterman and Patterson 2009.",
)
def activation_time_ratio(
    costly_cycles: Real, cheap_cycles: Real, bytes_per_value: Real, lane_rate_per_s: Real, bandwidth_bytes_s: Real
) -> Real:
    """How many times longer the costly function takes than the cheap one."""
    costly = _seconds_per_value(costly_cycles, bytes_per_value, lane_rate_per_s, bandwidth_bytes_s)
    return costly / _seconds_per_value(cheap_cycles, bytes_per_value, lane_rate_per_s, bandwidth_bytes_s)


@formula(
    latex=r"g = s^{L}",
    variables={
        "peak_slope": Variable("s", "1", "largest slope of the activation function", POSITIVE_FRACTION),
        "depth": Variable("L", "1", "layers", NONNEGATIVE),
    },
    result=Result("g", "1", "largest share of the gradient that passes"),
    validity="The factor of the activation slopes alone (chain rule). Weights multiply it and may offset it.",
    source="Hochreiter 1991; Bengio, Simard and Frasconi 1994.",
)
def gradient_bound(peak_slope: Real, depth: Real) -> Real:
    """Largest factor that the slopes of an activation function let through a stack of layers."""
    return peak_slope**depth


@formula(
    latex=r"A = n B b",
    variables={
        "values_per_example": Variable("n", "value", "values of one example", NONNEGATIVE),
        "batch": Variable("B", "1", "examples", NONNEGATIVE),
        "bytes_per_value": BYTES,
    },
    result=Result("A", "B", "activations"),
    validity="Values alone, without padding and alignment.",
    source="Memory accounting (course, Neural Computation).",
)
def activation_bytes(values_per_example: Real, batch: Real, bytes_per_value: Real) -> Real:
    """Bytes of the activations of a batch."""
    return values_per_example * batch * bytes_per_value


@formula(
    latex=r"t = \max\left(t_x, t_d, t_l\right) \quad \text{fused}, \qquad "
    r"t = \max\left(t_x, t_d\right) + \max\left(t_l, t_p\right) \quad \text{separate}",
    variables={
        "matrix_s": Variable("t_x", "s", "arithmetic of the matrix engine", NONNEGATIVE),
        "memory_s": Variable("t_d", "s", "weights, input and output of the layer", NONNEGATIVE),
        "lane_s": Variable("t_l", "s", "activation function on the vector lanes", NONNEGATIVE),
        "pass_memory_s": Variable("t_p", "s", "traffic of a separate activation pass", NONNEGATIVE),
        "fused": Variable(r"\mathrm{fused}", "1", "the activation runs inside the matrix kernel", Boolean()),
    },
    result=Result("t", "s", "time of the layer"),
    validity="All clocks of one kernel overlap perfectly, two kernels not at all. A lower bound.",
    source="Roofline bound: Williams, Waterman and Patterson 2009; operator fusion (course, Neural Computation).",
)
def layer_time(matrix_s: Real, memory_s: Real, lane_s: Real, pass_memory_s: Real, fused: bool) -> Real:
    """Time of a layer and its activation function: the slowest clock of each kernel."""
    kernel = np.maximum(matrix_s, memory_s)
    return np.where(fused, np.maximum(kernel, lane_s), kernel + np.maximum(lane_s, pass_memory_s))
