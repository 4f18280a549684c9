"""Arithmetic intensity, the ridge point, and how much of a peak is used."""

from __future__ import annotations

from mlsysim.physics.registry import COUNT, NONNEGATIVE, POSITIVE, Real, Result, Variable, formula

PEAK = Variable("R", "FLOP/s", "dense peak arithmetic rate", POSITIVE)


@formula(
    latex=r"I = \frac{O}{D}",
    variables={
        "ops_flop": Variable("O", "FLOP", "arithmetic work", NONNEGATIVE),
        "data_bytes": Variable("D", "B", "bytes moved to and from memory", POSITIVE),
    },
    result=Result("I", "FLOP/B", "arithmetic intensity"),
    validity="Counts the traffic to one level of memory; reuse in caches is part of the byte count.",
    source="Williams, Waterman and Patterson 2009.",
)
def arithmetic_intensity(ops_flop: Real, data_bytes: Real) -> Real:
    """Operations done per byte moved."""
    return ops_flop / data_bytes


@formula(
    latex=r"I^{*} = \frac{R}{\mathrm{BW}}",
    variables={"peak_flop_s": PEAK, "bandwidth_bytes_s": Variable(r"\mathrm{BW}", "B/s", "memory bandwidth", POSITIVE)},
    result=Result("I^{*}", "FLOP/B", "ridge point"),
    validity="Below it a task waits for data, above it for arithmetic. Use the dense peak, not a sparse figure.",
    source="Williams, Waterman and Patterson 2009.",
)
def ridge_point(peak_flop_s: Real, bandwidth_bytes_s: Real) -> Real:
    """Intensity at which memory and arithmetic take the same time."""
    return peak_flop_s / bandwidth_bytes_s


@formula(
    latex=r"\mathrm{MFU} = \frac{F}{R}",
    variables={
        "achieved_flop_s": Variable("F", "FLOP/s", "useful arithmetic rate achieved", NONNEGATIVE),
        "peak_flop_s": PEAK,
    },
    result=Result(r"\mathrm{MFU}", "1", "model FLOP utilization"),
    validity="Useful work only: recomputed operations do not count. The peak is the dense one.",
    source="Chowdhery et al. 2022 (PaLM).",
)
def mfu(achieved_flop_s: Real, peak_flop_s: Real) -> Real:
    """Share of the dense peak that useful work reaches."""
    return achieved_flop_s / peak_flop_s


@formula(
    latex=r"D = W + A B",
    variables={
        "weight_bytes": Variable("W", "B", "weights, read once per batch", NONNEGATIVE),
        "activation_bytes_per_item": Variable("A", "B", "traffic of one item: written and read", NONNEGATIVE),
        "batch": Variable("B", "1", "items per batch", COUNT),
    },
    result=Result("D", "B", "bytes moved per batch"),
    validity="Each activation is written once and read once; nothing stays in a cache between layers.",
    source="Traffic accounting; activation counts as in Radosavovic et al. 2020.",
)
def cnn_bytes_moved(weight_bytes: Real, activation_bytes_per_item: Real, batch: Real) -> Real:
    """Memory traffic of a convolutional network for one batch."""
    return weight_bytes + activation_bytes_per_item * batch
