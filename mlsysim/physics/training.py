"""Training on one device: the memory floor and slope, and the parts of a step."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    COUNT,
    COUNT_OR_ZERO,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Boolean,
    Choices,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

# Bytes per parameter of weights, gradients and FP32 master weights (Micikevicius et al. 2018).
STORAGE_BYTES = {"fp32": (4.0, 4.0, 0.0), "mixed": (2.0, 2.0, 4.0), "bf16": (2.0, 2.0, 0.0)}
# One or two FP32 moments (Kingma and Ba 2015); 8-bit moments without block scales (Dettmers et al. 2022).
OPTIMIZER_BYTES = {"sgd": 0.0, "momentum": 4.0, "adam": 8.0, "adam8bit": 2.0}
# Korthikanti et al. 2022, Table 2: bytes per token and unit of width, per score, and of a kept layer input.
ACTIVATION_BYTES = 34.0
SCORE_BYTES = 5.0
LAYER_INPUT_BYTES = 2.0
# 16-bit weights that a mixed-precision update writes back beside the master copy.
WRITE_BACK_BYTES = 2.0

PARAMS = Variable("P", "parameter", "parameters of the model", NONNEGATIVE)
TOKENS = Variable("n", "token", "tokens processed", NONNEGATIVE)
PRECISION = Variable(r"\mathrm{precision}", "1", "storage mode", Choices(tuple(STORAGE_BYTES)))
OPTIMIZER = Variable(r"\mathrm{optimizer}", "1", "update rule", Choices(tuple(OPTIMIZER_BYTES)))
TRAINABLE = Variable("f", "1", "share of the parameters that train", POSITIVE_FRACTION)
BANDWIDTH = Variable(r"\mathrm{BW}", "B/s", "memory bandwidth", POSITIVE)
LAYERS = Variable("L", "1", "layers", COUNT)
SEQ_LEN = Variable("s", "token", "tokens per sequence", COUNT)
MICRO_BATCH = Variable("B", "1", "sequences per microbatch", COUNT)
WIDTH = Variable("d", "1", "model width", COUNT)
HEADS = Variable("a", "1", "attention heads", COUNT)
KEEP_SCORES = Variable(r"\mathrm{scores}", "1", "attention scores stored (not recomputed)", Boolean())
CHECKPOINTS = Variable("k", "1", "layer inputs kept; 0 stores every activation", COUNT_OR_ZERO)


def _activation_scale(precision: str) -> float:
    # The published figures are for 16 bit. FP32 doubles them (the dropout mask too: a slight overestimate).
    return 2.0 if precision == "fp32" else 1.0


def _require_checkpoints(checkpoints: Real, layers: Real) -> None:
    require_at_most("checkpoints", checkpoints, "layers", layers, "one per layer at most")


@formula(
    latex=r"C = 6 P n",
    variables={"params": PARAMS, "tokens": TOKENS},
    result=Result("C", "FLOP", "arithmetic of training"),
    validity="Dense transformer, forward plus backward; products of attention scores are left out.",
    source="Kaplan et al. 2020.",
)
def training_flops(params: Real, tokens: Real) -> Real:
    """Arithmetic of training on some tokens: two operations forward and four backward per weight."""
    return 6.0 * params * tokens


@formula(
    latex=r"b = b_w + b_g + b_m + b_o",
    variables={"precision": PRECISION, "optimizer": OPTIMIZER},
    result=Result("b", "B", "training state per parameter"),
    validity="One device, all parameters trained; block scales of 8-bit moments (0.2 %) are left out.",
    source="Micikevicius et al. 2018; Kingma and Ba 2015; Dettmers et al. 2022; Rajbhandari et al. 2020.",
)
def training_state_bytes_per_param(precision: str, optimizer: str) -> Real:
    """Weight, gradient, master weight and optimizer memory of one parameter."""
    return sum(STORAGE_BYTES[precision]) + OPTIMIZER_BYTES[optimizer]


@formula(
    latex=r"M = P b_w + f P \left(b_g + b_m + b_o\right) + A",
    variables={
        "params": PARAMS,
        "precision": PRECISION,
        "optimizer": OPTIMIZER,
        "activation_bytes": Variable("A", "B", "activations kept for the backward pass", NONNEGATIVE),
        "trainable_fraction": TRAINABLE,
    },
    result={
        "weights_bytes": Result("M_w", "B", "weights"),
        "gradients_bytes": Result("M_g", "B", "gradients"),
        "master_bytes": Result("M_m", "B", "FP32 master weights"),
        "optimizer_bytes": Result("M_o", "B", "optimizer moments"),
        "activations_bytes": Result("A", "B", "activations"),
        "total_bytes": Result("M", "B", "sum"),
    },
    validity="Single device; allocator fragmentation and temporary buffers are left out, so real runs need headroom.",
    source="Total-memory equation (course, Model Training); Rajbhandari et al. 2020.",
)
def training_memory(
    params: Real, precision: str, optimizer: str, activation_bytes: Real = 0.0, trainable_fraction: Real = 1.0
) -> dict[str, Real]:
    """Memory of training by component: all weights, and the state of the trainable share."""
    weight, gradient, master = STORAGE_BYTES[precision]
    trained = params * trainable_fraction
    parts = {
        "weights_bytes": params * weight,
        "gradients_bytes": trained * gradient,
        "master_bytes": trained * master,
        "optimizer_bytes": trained * OPTIMIZER_BYTES[optimizer],
        "activations_bytes": activation_bytes,
    }
    return {**parts, "total_bytes": np.sum(np.broadcast_arrays(*parts.values()), axis=0)}


@formula(
    latex=r"M = P b_w + f P \left(b_g + b_m + b_o\right)",
    variables={"params": PARAMS, "precision": PRECISION, "optimizer": OPTIMIZER, "trainable_fraction": TRAINABLE},
    result=Result("M", "B", "training state"),
    validity="Single device, nothing sharded, activations not counted.",
    source="Micikevicius et al. 2018; Rajbhandari et al. 2020.",
)
def unsharded_state_bytes(params: Real, precision: str, optimizer: str, trainable_fraction: Real = 1.0) -> Real:
    """Training state of one device: the floor under every micro-batch."""
    weight, gradient, master = STORAGE_BYTES[precision]
    per_trained = gradient + master + OPTIMIZER_BYTES[optimizer]
    return params * weight + params * trainable_fraction * per_trained


@formula(
    latex=r"P_{max} = \frac{M}{b_w + b_g + b_m + b_o}",
    variables={
        "capacity_bytes": Variable("M", "B", "memory available", NONNEGATIVE),
        "precision": PRECISION,
        "optimizer": OPTIMIZER,
    },
    result=Result("P_{max}", "parameter", "largest model by state alone (a real number)"),
    validity="Activations ignored: an upper bound.",
    source="Training state per parameter solved for the parameters.",
)
def max_trainable_params(capacity_bytes: Real, precision: str, optimizer: str) -> Real:
    """Largest model whose training state fits in a memory."""
    return capacity_bytes / (sum(STORAGE_BYTES[precision]) + OPTIMIZER_BYTES[optimizer])


@formula(
    latex=r"A = c B \left(34 s d + 5 a s^{2} [\mathrm{scores}]\right)",
    variables={
        "seq_len": SEQ_LEN,
        "micro_batch": MICRO_BATCH,
        "width": WIDTH,
        "heads": HEADS,
        "precision": PRECISION,
        "keep_scores": KEEP_SCORES,
    },
    result=Result("A", "B", "activations of one layer"),
    validity="Transformer layer with dropout, feed-forward of four widths; c = 1 at 16 bit, 2 at FP32.",
    source="Korthikanti et al. 2022, Section 4.1.",
)
def transformer_activation_bytes_per_layer(
    seq_len: Real, micro_batch: Real, width: Real, heads: Real, precision: str, keep_scores: bool
) -> Real:
    """Activations that one transformer layer keeps for its backward pass."""
    linear = ACTIVATION_BYTES * seq_len * width
    scores = np.where(keep_scores, SCORE_BYTES * heads * seq_len**2, 0.0)
    return _activation_scale(precision) * micro_batch * (linear + scores)


@formula(
    latex=r"A_L = k c_i s B d + \left\lceil\frac{L}{k}\right\rceil A \quad (k > 0), \qquad A_L = L A \quad "
    r"(k = 0)",
    variables={
        "layers": LAYERS,
        "seq_len": SEQ_LEN,
        "micro_batch": MICRO_BATCH,
        "width": WIDTH,
        "heads": HEADS,
        "precision": PRECISION,
        "keep_scores": KEEP_SCORES,
        "checkpoints": CHECKPOINTS,
    },
    result=Result("A_L", "B", "activations of the trained layers"),
    validity="With k > 0 the inputs of k layers are kept and one segment is rebuilt at a time. If only the "
    "last "
    "m layers train, layers = m.",
    source="Korthikanti et al. 2022; checkpointing: Chen et al. 2016.",
)
def transformer_activation_bytes(
    layers: Real,
    seq_len: Real,
    micro_batch: Real,
    width: Real,
    heads: Real,
    precision: str,
    keep_scores: bool,
    checkpoints: Real = 0.0,
) -> Real:
    """Activations of a stack of transformer layers, with or without checkpointing."""
    _require_checkpoints(checkpoints, layers)
    one = transformer_activation_bytes_per_layer(seq_len, micro_batch, width, heads, precision, keep_scores)
    inputs = checkpoints * LAYER_INPUT_BYTES * _activation_scale(precision) * seq_len * micro_batch * width
    segment = np.ceil(layers / np.maximum(checkpoints, 1.0))
    return np.where(np.greater(checkpoints, 0), inputs + segment * one, layers * one)


@formula(
    latex=r"T = \frac{(2 + 4 f) P n + r}{R \, \eta}, \quad "
    r"r = 2 f P n \; (k > 0), \quad r = 4 f s d L n \; (k = 0, \text{scores recomputed})",
    variables={
        "params": PARAMS,
        "tokens": TOKENS,
        "trainable_fraction": TRAINABLE,
        "peak_flop_s": Variable("R", "FLOP/s", "dense peak of the precision", POSITIVE),
        "mfu": Variable(r"\eta", "1", "sustained share of the peak", POSITIVE_FRACTION),
        "keep_scores": KEEP_SCORES,
        "checkpoints": CHECKPOINTS,
        "seq_len": SEQ_LEN,
        "width": WIDTH,
        "layers": Variable("L", "1", "layers of the model", COUNT),
    },
    result=Result("T", "s", "forward and backward pass of one microbatch"),
    validity="Parameters spread evenly over the layers; frozen layers run forward only. A rebuilt segment "
    "includes its scores, so they are not counted twice.",
    source="Kaplan et al. 2020; recomputation: Chen et al. 2016, Korthikanti et al. 2022.",
)
def micro_step_time(
    params: Real,
    tokens: Real,
    trainable_fraction: Real,
    peak_flop_s: Real,
    mfu: Real,
    keep_scores: bool,
    checkpoints: Real,
    seq_len: Real,
    width: Real,
    layers: Real,
) -> Real:
    """Time of one microbatch on one device, recomputation included."""
    _require_checkpoints(checkpoints, layers)
    rebuilt_segments = 2.0 * trainable_fraction * params * tokens
    rebuilt_scores = np.where(keep_scores, 0.0, 4.0 * trainable_fraction * seq_len * width * layers * tokens)
    extra = np.where(np.greater(checkpoints, 0), rebuilt_segments, rebuilt_scores)
    return ((2.0 + 4.0 * trainable_fraction) * params * tokens + extra) / (peak_flop_s * mfu)


@formula(
    latex=r"T = \frac{2 f P b_g}{\mathrm{BW}}",
    variables={
        "params": PARAMS,
        "trainable_fraction": TRAINABLE,
        "gradient_bytes": Variable("b_g", "B", "bytes per gradient", POSITIVE),
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result("T", "s", "cost of one more accumulation"),
    validity="The gradient buffer is read and written once more per accumulated microbatch.",
    source="Traffic accounting (course, Model Training).",
)
def accumulation_overhead(
    params: Real, trainable_fraction: Real, gradient_bytes: Real, bandwidth_bytes_s: Real
) -> Real:
    """Time to add one more microbatch's gradients to the buffer."""
    return 2.0 * trainable_fraction * params * gradient_bytes / bandwidth_bytes_s


@formula(
    latex=r"T = \frac{f P \left(b_g + 2 w + 2 b_o + c\right)}{\mathrm{BW}}",
    variables={
        "params": PARAMS,
        "trainable_fraction": TRAINABLE,
        "precision": PRECISION,
        "optimizer": OPTIMIZER,
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result("T", "s", "optimizer step"),
    validity="Memory-bound update: gradients read, master weights w (or weights) and moments read and "
    "written, "
    "16-bit weights c written back in mixed precision.",
    source="Traffic accounting (course, Model Training).",
)
def optimizer_step_time(
    params: Real, trainable_fraction: Real, precision: str, optimizer: str, bandwidth_bytes_s: Real
) -> Real:
    """Time of the weight update, which only moves memory."""
    weight, gradient, master = STORAGE_BYTES[precision]
    updated = master if master else weight
    write_back = WRITE_BACK_BYTES if precision == "mixed" else 0.0
    per_param = gradient + 2.0 * updated + 2.0 * OPTIMIZER_BYTES[optimizer] + write_back
    return trainable_fraction * params * per_param / bandwidth_bytes_s
