"""A transformer encoder as a compiler sees it: kernels, memory trips, and inputs padded up to buckets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    COUNT,
    NONNEGATIVE,
    POSITIVE,
    Boolean,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

#: Kernels of a block. Separate: 2 norms, QKV, scores, softmax, weighted sum, output projection, 2 feed-forward
#: products, activation, 2 residual additions. Fused: QKV, attention, output projection, add and norm, feed-forward
#: with activation, feed-forward, add and norm.
KERNELS_SEPARATE, KERNELS_FUSED = 12.0, 7.0
#: Activation traffic of a block in tensors of tokens x width: products 20; separate norms 4, additions 6, activation
#: 8, or additions fused with norms 8.
UNITS_SEPARATE, UNITS_FUSED = 38.0, 28.0
#: Attention scores (tokens x tokens x heads): written, read and written by the softmax, read. Fused attention keeps
#: them on the chip (Dao et al. 2022).
SCORE_TRIPS = 4.0

TOKENS = Variable("n", "token", "tokens of the input", AT_LEAST_ONE)
FUSED = Variable("f", "1", "1: kernels fused; 0: one kernel per operation", Boolean())
REPLAY = Variable("r", "1", "1: the recorded graph is one launch; 0: one launch per kernel", Boolean())
PEAK = Variable("R", "FLOP/s", "dense peak arithmetic rate", POSITIVE)
BANDWIDTH = Variable(r"\mathrm{BW}", "B/s", "memory bandwidth", POSITIVE)
LAUNCH = Variable("t_l", "s", "one launch", NONNEGATIVE)
LAYERS = Variable("L", "1", "blocks", COUNT)
WIDTH = Variable("d", "1", "model width", COUNT)
HEADS = Variable("h", "1", "attention heads", COUNT)
BYTES = Variable("b", "B", "bytes of a weight or an activation", POSITIVE)
BUCKETS = Variable("k", "1", "compiled input lengths", COUNT)

_TRAFFIC = r"L b \left(12 d^{2} + \left(38 - 10 f\right) n d + 4 \left(1 - f\right) h n^{2}\right)"
_WORK = r"24 L n d^{2} + 4 L d n^{2}"
_DEVICE = rf"\max\left(\frac{{{_WORK}}}{{R}}, \frac{{{_TRAFFIC}}}{{\mathrm{{BW}}}}\right)"


@formula(
    latex=rf"D = {_TRAFFIC}",
    variables={
        "tokens": TOKENS,
        "fused": FUSED,
        "layers": LAYERS,
        "width": WIDTH,
        "heads": HEADS,
        "bytes_per_value": BYTES,
    },
    result=Result("D", "B", "memory traffic of one pass"),
    validity="One sequence; weights of the blocks read once, activations never stay in a cache between kernels.",
    source="Counted; fused attention after Dao et al. 2022.",
)
def encoder_traffic_bytes(
    tokens: Real, fused: bool, layers: Real = 12.0, width: Real = 768.0, heads: Real = 12.0, bytes_per_value: Real = 2.0
) -> Real:
    """Bytes that one pass of an encoder moves: weights, activations, and scores where attention is not fused."""
    units = np.where(fused, UNITS_FUSED, UNITS_SEPARATE)
    scores = np.where(fused, 0.0, SCORE_TRIPS)
    return layers * bytes_per_value * (12.0 * width**2 + units * tokens * width + scores * heads * tokens**2)


@formula(
    latex=rf"T = \max\left(\frac{{{_WORK}}}{{R}}, \frac{{D}}{{\mathrm{{BW}}}}\right)",
    sympy_latex=_DEVICE,
    variables={
        "tokens": TOKENS,
        "fused": FUSED,
        "peak_flop_s": PEAK,
        "bandwidth_bytes_s": BANDWIDTH,
        "layers": LAYERS,
        "width": WIDTH,
        "heads": HEADS,
        "bytes_per_value": BYTES,
    },
    result=Result("T", "s", "device time of one pass"),
    validity="D is the traffic of the pass. Perfect overlap of memory and arithmetic, both at their peaks.",
    source="Roofline: Williams, Waterman and Patterson 2009.",
)
def encoder_device_time(
    tokens: Real,
    fused: bool,
    peak_flop_s: Real,
    bandwidth_bytes_s: Real,
    layers: Real = 12.0,
    width: Real = 768.0,
    heads: Real = 12.0,
    bytes_per_value: Real = 2.0,
) -> Real:
    """Device time of one pass of an encoder: the longer of arithmetic and memory traffic."""
    work = 24.0 * layers * tokens * width**2 + 4.0 * layers * width * tokens**2
    traffic = encoder_traffic_bytes(tokens, fused, layers, width, heads, bytes_per_value)
    return np.maximum(work / peak_flop_s, traffic / bandwidth_bytes_s)


@formula(
    latex=r"t = r \left(t_l + T\right) + \left(1 - r\right) \max\left(\left(12 - 5 f\right) L t_l, T\right)",
    sympy_latex=rf"r \left(t_l + {_DEVICE}\right) + \left(1 - r\right) \max\left(\left(12 - 5 f\right) L t_l, "
    rf"{_DEVICE}\right)",
    variables={
        "tokens": TOKENS,
        "fused": FUSED,
        "replay": REPLAY,
        "peak_flop_s": PEAK,
        "bandwidth_bytes_s": BANDWIDTH,
        "launch_s": LAUNCH,
        "layers": LAYERS,
        "width": WIDTH,
        "heads": HEADS,
        "bytes_per_value": BYTES,
    },
    result=Result("t", "s", "time of one compiled pass"),
    validity="T is the device time. Compiled: no dispatch is left. A recorded graph has fixed shapes.",
    source="Dispatch overhead law (course, ML Frameworks); 12 kernels a block, 7 fused, counted.",
)
def compiled_item_time(
    tokens: Real,
    fused: bool,
    replay: bool,
    peak_flop_s: Real,
    bandwidth_bytes_s: Real,
    launch_s: Real,
    layers: Real = 12.0,
    width: Real = 768.0,
    heads: Real = 12.0,
    bytes_per_value: Real = 2.0,
) -> Real:
    """Time of one pass of a compiled encoder: a launch per kernel beside the device, or one launch before it."""
    device = encoder_device_time(tokens, fused, peak_flop_s, bandwidth_bytes_s, layers, width, heads, bytes_per_value)
    launches = np.where(fused, KERNELS_FUSED, KERNELS_SEPARATE) * layers * launch_s
    return np.where(replay, launch_s + device, np.maximum(launches, device))


def bucket_lengths(max_tokens: float, buckets: int) -> npt.NDArray[Any]:
    """The compiled input lengths: `buckets` equal steps up to `max_tokens`. Real numbers are allowed."""
    if not (buckets >= 1 and buckets == int(buckets)):
        raise ValueError(f"buckets must be an integer >= 1, got {buckets!r}")
    if not 1 <= max_tokens < np.inf:
        raise ValueError(f"max_tokens must be >= 1 (token), got {max_tokens!r}")
    return max_tokens * np.arange(1.0, buckets + 1) / buckets


@formula(
    latex=r"\bar{t} = \frac{1}{k} \sum_{j=1}^{k} t\left(\frac{j}{k} n_{max}\right)",
    variables={
        "buckets": BUCKETS,
        "max_tokens": Variable("n_{max}", "token", "longest input", AT_LEAST_ONE),
        "fused": FUSED,
        "replay": REPLAY,
        "peak_flop_s": PEAK,
        "bandwidth_bytes_s": BANDWIDTH,
        "launch_s": LAUNCH,
    },
    result=Result(r"\bar{t}", "s", "mean time of a request"),
    validity="t is the time of a compiled pass of the 12-layer encoder of width 768. Lengths are uniform up to the "
    "longest; each is padded up to its bucket.",
    source="Mean over uniform lengths.",
)
def bucketed_mean_time(
    buckets: Real,
    max_tokens: Real,
    fused: bool,
    replay: bool,
    peak_flop_s: Real,
    bandwidth_bytes_s: Real,
    launch_s: Real,
) -> Real:
    """Mean time of a request whose length is padded up to one of the equally spaced compiled lengths."""
    require_at_most("buckets", buckets, "max_tokens", max_tokens, "a bucket holds at least one token")
    count = np.asarray(buckets)[..., None]
    step = np.arange(1.0, np.max(buckets) + 1)
    used = step <= count
    # Beyond the last bucket of a count stands its longest input, which the mean leaves out.
    lengths = np.asarray(max_tokens)[..., None] * np.minimum(step, count) / count
    rest: list[Any] = [
        np.asarray(part)[..., None] for part in (fused, replay, peak_flop_s, bandwidth_bytes_s, launch_s)
    ]
    times = compiled_item_time(lengths, *rest)
    return np.sum(np.where(used, times, 0.0), axis=-1) / buckets


@formula(
    latex=r"k^{*} = \sqrt{\frac{M s}{2 T_c}}",
    variables={
        "requests": Variable("M", "1", "requests until the next compile", NONNEGATIVE),
        "length_slope_s": Variable("s", "s", "device time of the longest input without the weights", NONNEGATIVE),
        "compile_s": Variable("T_c", "s", "time to compile one bucket", POSITIVE),
    },
    result=Result("k^{*}", "1", "buckets with the least total time"),
    validity="Device time grows with length along a straight line; launches do not hide the padding; compiling happens "
    "on the serving machine. Below 1, one bucket is best.",
    source="Fixed cost against a waste that shrinks as 1/k: the square-root law of checkpoint intervals (Young 1974).",
)
def optimal_bucket_count(requests: Real, length_slope_s: Real, compile_s: Real) -> Real:
    """Number of compiled lengths that minimises compile time plus padding."""
    return np.sqrt(requests * length_slope_s / (2.0 * compile_s))
