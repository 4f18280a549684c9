"""Arithmetic intensity, the ridge point, and how much of a peak is used."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    COUNT,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

PEAK = Variable("R", "FLOP/s", "dense peak arithmetic rate", POSITIVE)
BANDWIDTH = Variable(r"\mathrm{BW}", "B/s", "memory bandwidth", POSITIVE)
OUTPUTS = Variable("n", "1", "columns of the product: outputs of a layer", COUNT)
INPUTS = Variable("k", "1", "inner dimension: inputs of a layer", COUNT)
WEIGHT_BYTES = Variable("w", "B", "bytes per weight", POSITIVE)
CONV_BATCH = Variable("B", "1", "images", COUNT)
CONV_HEIGHT = Variable("H", "1", "height of the feature map", COUNT)
CONV_WIDTH = Variable("W", "1", "width of the feature map", COUNT)
CONV_IN = Variable("C_i", "1", "channels in", COUNT)
CONV_OUT = Variable("C_o", "1", "channels out", COUNT)
CONV_KERNEL = Variable("q", "1", "side of the kernel", COUNT)


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
    variables={"peak_flop_s": PEAK, "bandwidth_bytes_s": BANDWIDTH},
    result=Result("I^{*}", "FLOP/B", "ridge point"),
    validity="Below it a task waits for data, above it for arithmetic. Use the dense peak, not a sparse figure.",
    source="Williams, Waterman and Patterson 2009.",
)
def ridge_point(peak_flop_s: Real, bandwidth_bytes_s: Real) -> Real:
    """Intensity at which memory and arithmetic take the same time."""
    return peak_flop_s / bandwidth_bytes_s


@formula(
    latex=r"F = \min\left(R, I \mathrm{BW}\right)",
    variables={
        "intensity_flop_per_byte": Variable("I", "FLOP/B", "arithmetic intensity of the kernel", NONNEGATIVE),
        "peak_flop_s": PEAK,
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result("F", "FLOP/s", "attainable arithmetic rate"),
    validity="An upper bound: transfers and arithmetic overlap fully, and both run at their peaks.",
    source="Williams, Waterman and Patterson 2009.",
)
def roofline_attainable(intensity_flop_per_byte: Real, peak_flop_s: Real, bandwidth_bytes_s: Real) -> Real:
    """Highest arithmetic rate of a kernel: the lower of the compute roof and the bandwidth slope."""
    return np.minimum(peak_flop_s, intensity_flop_per_byte * bandwidth_bytes_s)


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
    latex=r"\mathrm{MBU} = \frac{D}{t \mathrm{BW}}",
    variables={
        "bytes_moved": Variable("D", "B", "useful traffic to and from memory", NONNEGATIVE),
        "time_s": Variable("t", "s", "time that it took", POSITIVE),
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result(r"\mathrm{MBU}", "1", "model bandwidth utilization"),
    validity="Useful traffic only: bytes that a better kernel would not move do not count.",
    source="MLPerf and serving practice; the counterpart of MFU for memory.",
)
def mbu(bytes_moved: Real, time_s: Real, bandwidth_bytes_s: Real) -> Real:
    """Share of the memory bandwidth that useful traffic reaches."""
    return bytes_moved / (time_s * bandwidth_bytes_s)


@formula(
    latex=r"O = 2 m n k",
    variables={
        "m": Variable("m", "1", "rows of the product: tokens, or items of a batch", COUNT),
        "n": OUTPUTS,
        "k": INPUTS,
    },
    result=Result("O", "FLOP", "arithmetic of a matrix product"),
    validity="One multiplication and one addition per inner step; exact for the textbook algorithm.",
    source="Definition of the matrix product.",
)
def gemm_flops(m: Real, n: Real, k: Real) -> Real:
    """Arithmetic of the product of an m x k and a k x n matrix."""
    return 2.0 * m * n * k


@formula(
    latex=r"D = m k a + k n w + m n o",
    variables={
        "m": Variable("m", "1", "rows of the product: tokens, or items of a batch", COUNT),
        "n": OUTPUTS,
        "k": INPUTS,
        "bytes_activation": Variable("a", "B", "bytes per input value", POSITIVE),
        "bytes_weight": WEIGHT_BYTES,
        "bytes_output": Variable("o", "B", "bytes per output value", POSITIVE),
    },
    result=Result("D", "B", "compulsory traffic of a matrix product"),
    validity="Each operand crosses the memory interface once (ideal caching); real tiling reads some of them again.",
    source="Compulsory traffic: Williams, Waterman and Patterson 2009.",
)
def gemm_bytes(m: Real, n: Real, k: Real, bytes_activation: Real, bytes_weight: Real, bytes_output: Real) -> Real:
    """Least memory traffic of the product of an m x k and a k x n matrix."""
    return m * k * bytes_activation + k * n * bytes_weight + m * n * bytes_output


@formula(
    latex=r"O = 2 B H W C_o C_i q^{2}",
    variables={
        "batch": CONV_BATCH,
        "height": CONV_HEIGHT,
        "width": CONV_WIDTH,
        "in_channels": CONV_IN,
        "out_channels": CONV_OUT,
        "kernel": CONV_KERNEL,
    },
    result=Result("O", "FLOP", "arithmetic of a convolution"),
    validity="Stride 1, output as large as the input, no groups.",
    source="Definition of the convolution (course, Hardware Acceleration).",
)
def conv2d_flops(batch: Real, height: Real, width: Real, in_channels: Real, out_channels: Real, kernel: Real) -> Real:
    """Arithmetic of a two-dimensional convolution."""
    return 2.0 * batch * height * width * out_channels * in_channels * kernel**2


@formula(
    latex=r"D = s \left(B H W \left(C_i + C_o\right) + C_i C_o q^{2}\right)",
    variables={
        "batch": CONV_BATCH,
        "height": CONV_HEIGHT,
        "width": CONV_WIDTH,
        "in_channels": CONV_IN,
        "out_channels": CONV_OUT,
        "kernel": CONV_KERNEL,
        "bytes_per_value": Variable("s", "B", "bytes per value", POSITIVE),
    },
    result=Result("D", "B", "compulsory traffic of a convolution"),
    validity="Stride 1, same size; input and output once, weights once for the whole batch.",
    source="Compulsory traffic (course, Hardware Acceleration).",
)
def conv2d_bytes(
    batch: Real,
    height: Real,
    width: Real,
    in_channels: Real,
    out_channels: Real,
    kernel: Real,
    bytes_per_value: Real,
) -> Real:
    """Least memory traffic of a two-dimensional convolution."""
    values = batch * height * width * (in_channels + out_channels) + in_channels * out_channels * kernel**2
    return bytes_per_value * values


@formula(
    latex=r"M^{*} = \frac{r w n k}{2 n k - r a \left(n + k\right)}",
    variables={
        "ridge_flop_per_byte": Variable("r", "FLOP/B", "ridge point of the machine", POSITIVE),
        "n": OUTPUTS,
        "k": INPUTS,
        "bytes_weight": WEIGHT_BYTES,
        "bytes_activation": Variable("a", "B", "bytes per activation, in and out", POSITIVE),
    },
    result=Result("M^{*}", "rows", "rows at which a dense layer reaches the ridge"),
    validity="Infinite where the denominator is not positive: activations alone keep the layer memory-bound.",
    source="Intensity of a matrix product set equal to the ridge.",
)
def gemm_ridge_batch(ridge_flop_per_byte: Real, n: Real, k: Real, bytes_weight: Real, bytes_activation: Real) -> Real:
    """Batch from which a dense layer is compute-bound."""
    spare = 2.0 * n * k - ridge_flop_per_byte * bytes_activation * (n + k)
    return np.where(spare > 0, ridge_flop_per_byte * bytes_weight * n * k / spare, np.inf)


@formula(
    latex=r"I = \frac{2 h}{g s}",
    variables={
        "heads": Variable("h", "1", "query heads", COUNT),
        "kv_heads": Variable("g", "1", "key-value heads (fewer with grouped queries)", COUNT),
        "bytes_per_kv_value": Variable("s", "B", "bytes per cached value", POSITIVE),
    },
    result=Result("I", "FLOP/B", "arithmetic intensity of attention over the cache"),
    validity="One new token per stream: each cached value serves the query heads of its group, in its own stream only. "
    "No batch in the formula. Queries, outputs and the softmax are left out.",
    source="Traffic of decoding: Shazeer 2019; grouped queries: Ainslie et al. 2023.",
)
def decode_attention_intensity(heads: Real, kv_heads: Real, bytes_per_kv_value: Real) -> Real:
    """Arithmetic intensity of attention while decoding, the same at every batch."""
    require_at_most("kv_heads", kv_heads, "heads", heads, "every KV head serves at least one query head")
    return 2.0 * heads / (kv_heads * bytes_per_kv_value)


@formula(
    latex=r"U = \frac{2 P + 4 s d L}{2 P + \max\left(4 s d L, \frac{s k R}{\mathrm{BW}}\right)}",
    variables={
        "params": Variable("P", "parameter", "weights of the model", POSITIVE),
        "layers": Variable("L", "1", "layers", COUNT),
        "width": Variable("d", "1", "model width", COUNT),
        "seq_len": Variable("s", "token", "tokens held per stream", NONNEGATIVE),
        "kv_bytes_per_token": Variable("k", "B/token", "key-value cache of one token, all layers", POSITIVE),
        "peak_flop_s": PEAK,
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result("U", "1", "MFU of decoding that no batch exceeds"),
    validity="Batch to infinity, elementwise work fused, dense layers at the compute roof; memory is not limited here.",
    source="Roofline of the two kinds of kernels (Williams, Waterman and Patterson 2009).",
)
def decode_mfu_ceiling(
    params: Real,
    layers: Real,
    width: Real,
    seq_len: Real,
    kv_bytes_per_token: Real,
    peak_flop_s: Real,
    bandwidth_bytes_s: Real,
) -> Real:
    """Limit of the MFU of decoding for an endless batch."""
    dense = 2.0 * params
    attention = 4.0 * seq_len * width * layers
    waiting = seq_len * kv_bytes_per_token * peak_flop_s / bandwidth_bytes_s
    return (dense + attention) / (dense + np.maximum(attention, waiting))


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


@formula(
    latex=r"T = \max\left(\frac{2 P B}{R}, \frac{W + A B}{\mathrm{BW}}\right) + \frac{B S k}{\mathrm{BW}}",
    variables={
        "batch": Variable("B", "1", "sequences decoded together", COUNT),
        "seq_len": Variable("S", "1", "tokens in the cache of each; 0 for the dense layers alone", NONNEGATIVE),
        "params": Variable("P", "1", "parameters", POSITIVE),
        "weight_bytes": Variable("W", "B", "weights, read once per step", POSITIVE),
        "activation_bytes_per_token": Variable("A", "B", "inputs and outputs of the dense layers", NONNEGATIVE),
        "kv_bytes_per_token": Variable("k", "B", "keys and values of one cached token", NONNEGATIVE),
        "peak_flop_s": PEAK,
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result("T", "s", "one token for each sequence"),
    validity="Dense layers at the lower of two roofs, then attention at the memory's; no launch gaps.",
    source="Roofline of Williams, Waterman and Patterson 2009 for the two kinds of kernels.",
)
def decode_step_time(
    batch: Real,
    seq_len: Real,
    params: Real,
    weight_bytes: Real,
    activation_bytes_per_token: Real,
    kv_bytes_per_token: Real,
    peak_flop_s: Real,
    bandwidth_bytes_s: Real,
) -> Real:
    """Time of one decoding step of a transformer."""
    dense = np.maximum(
        2.0 * params * batch / peak_flop_s,
        (weight_bytes + activation_bytes_per_token * batch) / bandwidth_bytes_s,
    )
    return dense + batch * seq_len * kv_bytes_per_token / bandwidth_bytes_s


@formula(
    latex=r"T = \frac{D + K}{\mathrm{BW}} + \frac{2 P B}{R \eta} + L",
    variables={
        "weight_bytes": Variable("D", "B", "weights, read once per step", NONNEGATIVE),
        "kv_bytes": Variable("K", "B", "keys and values of all sequences", NONNEGATIVE),
        "bandwidth_bytes_s": BANDWIDTH,
        "params": Variable("P", "1", "parameters", NONNEGATIVE),
        "batch": Variable("B", "1", "sequences decoded together", NONNEGATIVE),
        "peak_op_s": Variable("R", "op/s", "peak arithmetic rate", POSITIVE),
        "efficiency": Variable(r"\eta", "1", "share of the peak that is sustained", POSITIVE_FRACTION),
        "overhead_s": Variable("L", "s", "dispatch and synchronisation per step", NONNEGATIVE),
    },
    result=Result("T", "s", "one token for each sequence"),
    validity="Terms one after the other, nothing overlaps. Decoding only: reading the prompt and the arithmetic of "
    "attention are left out, which is fair for short prompts.",
    source="Iron law of ML systems (course, ML Systems), for one decoding step.",
)
def lm_step_time(
    weight_bytes: Real,
    kv_bytes: Real,
    bandwidth_bytes_s: Real,
    params: Real,
    batch: Real,
    peak_op_s: Real,
    efficiency: Real,
    overhead_s: Real,
) -> Real:
    """Time of one decoding step in which every term is paid in full."""
    return (weight_bytes + kv_bytes) / bandwidth_bytes_s + 2.0 * params * batch / (peak_op_s * efficiency) + overhead_s
