"""A transformer's block: parameters, arithmetic, attention scores, and the clocks of one forward pass."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    NONNEGATIVE,
    POSITIVE,
    Boolean,
    Choices,
    Real,
    Result,
    Variable,
    formula,
)

# Scores are written, read for the softmax, written again and read for the weighted sum.
SCORE_TRIPS = 4.0
# Query, key and value come in, the output goes out.
STREAMS = 4.0
# Kernels of one block: two norms, QKV, scores, softmax, weighted sum, output projection, two feed-forward products,
# activation, two residual additions; tiled attention makes one of the middle three.
KERNELS = {"materialized": 12.0, "tiled": 10.0}
# Live vectors per token while nothing is kept: residual, hidden layer (4), output.
WORK_UNITS = 6.0
# One FP32 log-sum-exp per row and head (Dao et al. 2022).
STAT_BYTES = 4.0
# A design exactly on its limit fits, although the root of a square need not be whole in floating point.
ROUNDING_SLACK = 1e-12

SEQ_LEN = Variable("N", "token", "tokens of the context", POSITIVE)
HEADS = Variable("H", "1", "attention heads", POSITIVE)
LAYERS_LIVE = Variable("L", "1", "layers whose scores are held at once: 1 in inference, all in training", POSITIVE)
LAYERS = Variable("L", "1", "layers", POSITIVE)
WIDTH = Variable("d", "1", "model width", POSITIVE)
BYTES = Variable("b", "B", "bytes per value", POSITIVE)
BATCH = Variable("B", "1", "sequences", POSITIVE)
FFN = Variable("m", "1", "hidden width of the feed-forward layer over the model width", POSITIVE)
HEAD_DIM = Variable("h", "1", "width of one head", POSITIVE)
ALGORITHM = Variable(r"\mathrm{algorithm}", "1", "how attention scores are computed", Choices(tuple(KERNELS)))
MEMORY_BOUND = "Valid while re-reads of keys and values are served on the chip."


@formula(
    latex=r"M = B L H N^{2} b",
    variables={
        "seq_len": SEQ_LEN,
        "heads": HEADS,
        "layers_live": LAYERS_LIVE,
        "bytes_per_value": BYTES,
        "batch": BATCH,
    },
    result=Result("M", "B", "attention scores held in memory"),
    validity="One N x N matrix per head, softmax in place.",
    source="Vaswani et al. 2017; quadratic bottleneck (course, Network Architectures).",
)
def attention_score_bytes(
    seq_len: Real, heads: Real, layers_live: Real, bytes_per_value: Real, batch: Real = 1.0
) -> Real:
    """Memory of the attention scores when they are stored."""
    return batch * layers_live * heads * seq_len**2 * bytes_per_value


@formula(
    latex=r"M = B L H N s",
    variables={
        "seq_len": SEQ_LEN,
        "heads": HEADS,
        "layers_live": LAYERS_LIVE,
        "stat_bytes": Variable("s", "B", "bytes of the statistic kept per row", POSITIVE),
        "batch": BATCH,
    },
    result=Result("M", "B", "row statistics of tiled attention"),
    validity="Exact attention whose scores are never stored; tiles live on the chip.",
    source="Milakov and Gimelshein 2018 (online softmax); Dao et al. 2022 (FlashAttention).",
)
def tiled_attention_state_bytes(
    seq_len: Real, heads: Real, layers_live: Real, stat_bytes: Real = STAT_BYTES, batch: Real = 1.0
) -> Real:
    """Extra memory of tiled attention: one log-sum-exp per row and head."""
    return batch * layers_live * heads * seq_len * stat_bytes


@formula(
    latex=r"N_{max} = \left\lfloor\sqrt{\frac{M}{H L b}}\right\rfloor",
    variables={
        "capacity_bytes": Variable("M", "B", "memory available", POSITIVE),
        "heads": HEADS,
        "layers_live": LAYERS_LIVE,
        "bytes_per_value": BYTES,
    },
    result=Result("N_{max}", "token", "longest context whose scores fit", kind="integer"),
    validity="Weights and activations assumed free: an upper bound.",
    source="Memory of the scores solved for the context.",
)
def max_context_tokens(capacity_bytes: Real, heads: Real, layers_live: Real, bytes_per_value: Real) -> Real:
    """Longest context whose stored attention scores fit in a memory."""
    return np.floor(np.sqrt(capacity_bytes / (heads * layers_live * bytes_per_value)) * (1.0 + ROUNDING_SLACK))


@formula(
    latex=r"P = L \left(4 + 2 m\right) d^{2}",
    variables={"layers": LAYERS, "width": WIDTH, "ffn_multiple": FFN},
    result=Result("P", "parameter", "parameters of the blocks"),
    validity="Biases, norms and embeddings excluded; 12 L d^2 at a multiple of four.",
    source="Vaswani et al. 2017.",
)
def transformer_params(layers: Real, width: Real, ffn_multiple: Real = 4.0) -> Real:
    """Parameters of a stack of transformer blocks."""
    return layers * (4.0 + 2.0 * ffn_multiple) * width**2


@formula(
    latex=r"C = 2 P N",
    variables={
        "params": Variable("P", "parameter", "parameters of the model", POSITIVE),
        "tokens": Variable("N", "token", "tokens processed", POSITIVE),
    },
    result=Result("C", "FLOP", "arithmetic of the dense products"),
    validity="One multiplication and one addition per weight and token; products of attention scores are left out.",
    source="Kaplan et al. 2020.",
)
def forward_flops(params: Real, tokens: Real) -> Real:
    """Arithmetic of a forward pass through the weights."""
    return 2.0 * params * tokens


@formula(
    latex=r"C = 4 N^{2} d L \left(1 - \frac{[\mathrm{causal}]}{2}\right)",
    variables={
        "seq_len": SEQ_LEN,
        "width": WIDTH,
        "layers": LAYERS,
        "causal": Variable(r"\mathrm{causal}", "1", "whether a token sees only those before it", Boolean()),
    },
    result=Result("C", "FLOP", "arithmetic of attention scores and weighted sums"),
    validity="Two products of N x N with d; heads split d without changing the sum. Tiling does not change it.",
    source="Vaswani et al. 2017; Dao et al. 2022.",
)
def attention_flops(seq_len: Real, width: Real, layers: Real, causal: bool = False) -> Real:
    """Arithmetic of attention itself, beside the dense products."""
    return 4.0 * seq_len**2 * width * layers * np.where(causal, 0.5, 1.0)


@formula(
    latex=r"f = \frac{N}{N + \left(2 + m\right) d}",
    variables={"seq_len": SEQ_LEN, "width": WIDTH, "ffn_multiple": FFN},
    result=Result("f", "1", "share of attention in the arithmetic"),
    validity="Scores and weighted sums over all arithmetic of a block, every token seeing every other.",
    source="Arithmetic of attention over that of the whole block (Kaplan et al. 2020).",
)
def attention_flop_share(seq_len: Real, width: Real, ffn_multiple: Real = 4.0) -> Real:
    """Share of a block's arithmetic that grows with the square of the context."""
    return seq_len / (seq_len + attention_crossover_tokens(width, ffn_multiple))


@formula(
    latex=r"N^{*} = \left(2 + m\right) d",
    variables={"width": WIDTH, "ffn_multiple": FFN},
    result=Result("N^{*}", "token", "context at which attention is half of the arithmetic"),
    validity="Every token sees every other; 6 d at a multiple of four.",
    source="Arithmetic of attention set equal to that of the dense products.",
)
def attention_crossover_tokens(width: Real, ffn_multiple: Real = 4.0) -> Real:
    """Context from which attention dominates the arithmetic."""
    return (2.0 + ffn_multiple) * width


@formula(
    latex=r"D = L \left(4 N d b + 4 z \frac{d}{h} N^{2} b\right), \quad z = 1 \; (\text{materialized}), "
    r"\quad z = 0 \; (\text{tiled})",
    variables={
        "seq_len": SEQ_LEN,
        "width": WIDTH,
        "layers": LAYERS,
        "bytes_per_value": BYTES,
        "algorithm": ALGORITHM,
        "head_dim": HEAD_DIM,
    },
    result=Result("D", "B", "memory traffic of attention"),
    validity="Compulsory traffic: each input and output once; stored scores are written twice and read twice. "
    + MEMORY_BOUND,
    source="Dao et al. 2022; memory wall (course, ML Frameworks).",
)
def attention_traffic_bytes(
    seq_len: Real, width: Real, layers: Real, bytes_per_value: Real, algorithm: str, head_dim: Real = 64.0
) -> Real:
    """Bytes that attention moves to and from memory."""
    streams = STREAMS * seq_len * width * bytes_per_value
    scores = SCORE_TRIPS * width / head_dim * seq_len**2 * bytes_per_value
    return layers * (streams + (scores if algorithm == "materialized" else 0.0))


@formula(
    latex=r"T = L k t \left(1 + o\right)",
    variables={
        "layers": LAYERS,
        "kernels_per_layer": Variable("k", "1", "kernels of one layer", POSITIVE),
        "launch_s": Variable("t", "s", "host time to launch one kernel", NONNEGATIVE),
        "trace_overhead": Variable("o", "1", "what tracing adds to a launch", NONNEGATIVE),
    },
    result=Result("T", "s", "all launches of one pass"),
    validity="Launches queue ahead of the device: the pass waits for the longer of the two.",
    source="Kernel launch, 5 to 20 us (course, ML Frameworks).",
)
def launch_time(layers: Real, kernels_per_layer: Real, launch_s: Real, trace_overhead: Real = 0.0) -> Real:
    """Host time to launch every kernel of one forward pass."""
    return layers * kernels_per_layer * launch_s * (1.0 + trace_overhead)


def forward_clocks(
    layers: Real,
    width: Real,
    seq_len: Real,
    algorithm: str,
    peak_flop_s: Real,
    bandwidth_bytes_s: Real,
    launch_s: Real,
    bytes_per_value: Real = 2.0,
    head_dim: Real = 64.0,
) -> dict[str, Real]:
    """The clocks of one forward pass (s): "launch", "compute", "memory". They run at once; the longest is the pass."""
    params = transformer_params(layers, width)
    flops = forward_flops(params, seq_len) + attention_flops(seq_len, width, layers)
    traffic = attention_traffic_bytes(seq_len, width, layers, bytes_per_value, algorithm, head_dim)
    return {
        "launch": launch_time(layers, KERNELS[algorithm], launch_s),
        "compute": flops / peak_flop_s,
        "memory": (params * bytes_per_value + traffic) / bandwidth_bytes_s,
    }


@formula(
    latex=r"T = \max\left(\frac{2 P N + 4 N^{2} d L}{R}, \frac{P b + D}{\mathrm{BW}}, L k t\right), "
    r"\quad P = 12 L d^{2}",
    variables={
        "layers": LAYERS,
        "width": WIDTH,
        "seq_len": SEQ_LEN,
        "algorithm": ALGORITHM,
        "peak_flop_s": Variable("R", "FLOP/s", "dense peak arithmetic rate", POSITIVE),
        "bandwidth_bytes_s": Variable(r"\mathrm{BW}", "B/s", "memory bandwidth", POSITIVE),
        "launch_s": Variable("t", "s", "host time to launch one kernel", NONNEGATIVE),
        "bytes_per_value": BYTES,
        "head_dim": HEAD_DIM,
    },
    result=Result("T", "s", "one forward pass"),
    validity="One sequence in one pass (an encoder, or a prefill), ideal peaks, launches queued ahead of the device; "
    "D is the traffic of attention, k = 12 kernels a layer, 10 with tiled attention. No decoding, no cache.",
    source="Iron law in its overlapped form; Williams, Waterman and Patterson 2009; Dao et al. 2022.",
)
def transformer_forward_time(
    layers: Real,
    width: Real,
    seq_len: Real,
    algorithm: str,
    peak_flop_s: Real,
    bandwidth_bytes_s: Real,
    launch_s: Real,
    bytes_per_value: Real = 2.0,
    head_dim: Real = 64.0,
) -> Real:
    """Time of one forward pass: the longest of arithmetic, memory traffic and launching."""
    clocks = forward_clocks(
        layers, width, seq_len, algorithm, peak_flop_s, bandwidth_bytes_s, launch_s, bytes_per_value, head_dim
    )
    return np.maximum(np.maximum(clocks["compute"], clocks["memory"]), clocks["launch"])


def forward_memory_parts(
    layers: Real,
    width: Real,
    seq_len: Real,
    algorithm: str,
    vocab: Real = 50257.0,
    bytes_per_value: Real = 2.0,
    head_dim: Real = 64.0,
) -> dict[str, Real]:
    """What is resident during a forward pass (B): "weights", "embeddings", "activations", "scores" of one layer."""
    heads = width / head_dim
    return {
        "weights": transformer_params(layers, width) * bytes_per_value,
        "embeddings": vocab * width * bytes_per_value,
        "activations": WORK_UNITS * seq_len * width * bytes_per_value,
        "scores": attention_score_bytes(seq_len, heads, 1.0, bytes_per_value)
        if algorithm == "materialized"
        else tiled_attention_state_bytes(seq_len, heads, 1.0),
    }


@formula(
    latex=r"M = P b + V d b + 6 N d b + S, \quad S = \frac{d}{h} N^{2} b \; (\text{materialized}), "
    r"\quad S = 4 \frac{d}{h} N \; (\text{tiled})",
    variables={
        "layers": LAYERS,
        "width": WIDTH,
        "seq_len": SEQ_LEN,
        "algorithm": ALGORITHM,
        "vocab": Variable("V", "1", "rows of the embedding", NONNEGATIVE),
        "bytes_per_value": BYTES,
        "head_dim": HEAD_DIM,
    },
    result=Result("M", "B", "memory of one forward pass"),
    validity="Inference: one layer's scores and activations are alive at a time. P = 12 L d^2; one sequence.",
    source="Memory accounting (course, Network Architectures); Dao et al. 2022.",
)
def forward_memory_bytes(
    layers: Real,
    width: Real,
    seq_len: Real,
    algorithm: str,
    vocab: Real = 50257.0,
    bytes_per_value: Real = 2.0,
    head_dim: Real = 64.0,
) -> Real:
    """Weights, embeddings, live activations and one layer's scores."""
    parts = forward_memory_parts(layers, width, seq_len, algorithm, vocab, bytes_per_value, head_dim)
    return parts["weights"] + parts["embeddings"] + parts["activations"] + parts["scores"]
