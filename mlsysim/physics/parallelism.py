"""One training step on many GPUs: the terms of data, tensor and pipeline parallelism."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.collectives import ring_allreduce_time
from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    COUNT,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Interval,
    Real,
    Result,
    Variable,
    formula,
)

# Mixed precision with Adam, bytes per parameter: 16-bit weight and gradient, master weight and two moments.
WEIGHT_BYTES, GRADIENT_BYTES, OPTIMIZER_STATE_BYTES = 2.0, 2.0, 12.0

PARAMS = Variable("P", "parameter", "parameters of the model", NONNEGATIVE)
STAGES = Variable("p", "1", "pipeline stages", COUNT)
MICROBATCHES = Variable("m", "1", "microbatches per replica and step", AT_LEAST_ONE)
INTERLEAVE = Variable("v", "1", "virtual stages per stage", COUNT)
TP = Variable("t", "1", "tensor-parallel degree", COUNT)
LAYERS = Variable("L", "1", "layers", COUNT)
BANDWIDTH = Variable(r"\beta", "B/s", "link bandwidth, one direction", POSITIVE)
LATENCY = Variable(r"\alpha", "s", "start-up time of one step or hop", NONNEGATIVE)
ACTIVATION = Variable("A", "B", "activations of one microbatch at a layer boundary", NONNEGATIVE)


@formula(
    latex=r"T_{comp} = \frac{6 P D}{N R \eta}",
    variables={
        "params": PARAMS,
        "tokens": Variable("D", "token", "tokens per step", NONNEGATIVE),
        "gpus": Variable("N", "1", "GPUs", AT_LEAST_ONE),
        "peak_flop_s": Variable("R", "FLOP/s", "dense peak of one GPU", POSITIVE),
        "kernel_efficiency": Variable(r"\eta", "1", "share of the peak while nothing waits", POSITIVE_FRACTION),
    },
    result=Result("T_{comp}", "s", "compute time of a step"),
    validity="Dense transformer, work spread evenly, no waiting; products of attention scores are left out.",
    source="Kaplan et al. 2020.",
)
def training_step_compute_time(
    params: Real, tokens: Real, gpus: Real, peak_flop_s: Real, kernel_efficiency: Real
) -> Real:
    """Compute time of one training step shared by many GPUs."""
    return 6.0 * params * tokens / (gpus * peak_flop_s * kernel_efficiency)


@formula(
    latex=r"M = P \left(\frac{2}{s_3} + \frac{2}{s_2} + \frac{12}{s_1}\right), \quad "
    r"s_i = d \; (z \geq i), \quad s_i = 1 \; (z < i)",
    variables={
        "params_per_gpu": Variable("P", "parameter", "parameters per GPU before sharding over replicas", NONNEGATIVE),
        "dp_ranks": Variable("d", "1", "replicas that share the state", COUNT),
        "zero_stage": Variable("z", "1", "ZeRO stage: what is sharded", Interval(0, 3, integer=True)),
    },
    result=Result("M", "B", "training state per GPU"),
    validity="Mixed precision with Adam, 16 B per parameter; activations not counted. Stage 1 shards the "
    "optimizer state, 2 also gradients, 3 also weights.",
    source="Rajbhandari et al. 2020.",
)
def zero_state_bytes(params_per_gpu: Real, dp_ranks: Real, zero_stage: Real) -> Real:
    """Training state of one GPU when replicas share it."""

    def share(from_stage: int) -> Real:
        return np.where(np.greater_equal(zero_stage, from_stage), dp_ranks, 1.0)

    per_param = OPTIMIZER_STATE_BYTES / share(1) + GRADIENT_BYTES / share(2) + WEIGHT_BYTES / share(3)
    return params_per_gpu * per_param


@formula(
    latex=r"T = 3 m \left(\frac{d - 1}{d} \cdot \frac{M}{\beta} + L (d - 1) \alpha\right)",
    variables={
        "param_bytes": Variable("M", "B", "parameter bytes of one full replica", NONNEGATIVE),
        "ranks": Variable("d", "1", "replicas that share the weights", COUNT),
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
        "layers": LAYERS,
        "microbatches": MICROBATCHES,
    },
    result=Result("T", "s", "communication of full sharding per step"),
    validity="Weights gathered for the forward and again for the backward pass, gradients reduce-scattered, "
    "layer by layer, once per microbatch, over one ring.",
    source="Rajbhandari et al. 2020.",
)
def zero3_gather_time(
    param_bytes: Real, ranks: Real, bandwidth_bytes_s: Real, latency_s: Real, layers: Real, microbatches: Real
) -> Real:
    """Time to gather weights twice and scatter gradients once under full sharding."""
    per_pass = param_bytes / ranks / bandwidth_bytes_s + layers * latency_s
    return 3.0 * microbatches * (ranks - 1.0) * per_pass


@formula(
    latex=r"t^{*} = \frac{V w F_k}{F \beta}",
    variables={
        "volume_factor": Variable("V", "1", "volumes sent: 2 for all-reduce, 3 for full sharding", POSITIVE),
        "bytes_per_value": Variable("w", "B", "bytes per value sent", POSITIVE),
        "kernel_flop_s": Variable("F_k", "FLOP/s", "sustained rate of one GPU", POSITIVE),
        "flop_per_param_token": Variable("F", "FLOP", "6, or 8 with full recomputation", POSITIVE),
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result("t^{*}", "tokens", "tokens per GPU and step at balance"),
    validity="One microbatch, large rings, start-up times left out. The model size cancels.",
    source="Compute time set equal to ring traffic (course, Distributed Training Systems).",
)
def dp_balance_tokens(
    volume_factor: Real, bytes_per_value: Real, kernel_flop_s: Real, flop_per_param_token: Real, bandwidth_bytes_s: Real
) -> Real:
    """Tokens per GPU and step at which data-parallel traffic takes as long as compute."""
    return volume_factor * bytes_per_value * kernel_flop_s / (flop_per_param_token * bandwidth_bytes_s)


@formula(
    latex=r"T_{tp} = l m a \left(2 \frac{t - 1}{t} \cdot \frac{A}{\beta} + 2 (t - 1) \alpha\right)",
    variables={
        "layers_per_stage": Variable("l", "1", "layers of one pipeline stage", POSITIVE),
        "microbatches": MICROBATCHES,
        "allreduces_per_layer": Variable("a", "1", "all-reduces per layer: 4, or 6 with recomputation", NONNEGATIVE),
        "activation_bytes": ACTIVATION,
        "tp": TP,
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
    },
    result=Result("T_{tp}", "s", "tensor-parallel communication per step"),
    validity="Ring all-reduces that nothing hides; zero for one rank.",
    source="Shoeybi et al. 2019; ring: Patarasuk and Yuan 2009.",
)
def tensor_parallel_time(
    layers_per_stage: Real,
    microbatches: Real,
    allreduces_per_layer: Real,
    activation_bytes: Real,
    tp: Real,
    bandwidth_bytes_s: Real,
    latency_s: Real,
) -> Real:
    """Time that one pipeline stage spends in tensor-parallel all-reduces."""
    one = ring_allreduce_time(activation_bytes, tp, bandwidth_bytes_s, latency_s)
    return layers_per_stage * microbatches * allreduces_per_layer * one


@formula(
    latex=r"\phi = \frac{p - 1}{v m + p - 1}",
    variables={
        "stages": STAGES,
        "microbatches": Variable("m", "1", "microbatches per replica and step", COUNT),
        "interleave": INTERLEAVE,
    },
    result=Result(r"\phi", "1", "idle share of the pipelined part of a step"),
    validity="Balanced stages, fill and drain once per step.",
    source="Huang et al. 2019 (v = 1); Narayanan et al. 2021 (v > 1).",
)
def pipeline_bubble_fraction(stages: Real, microbatches: Real, interleave: Real) -> Real:
    """Share of a pipelined step that a stage spends waiting."""
    return (stages - 1.0) / (interleave * microbatches + stages - 1.0)


@formula(
    latex=r"A = \frac{L}{p} \cdot \min\left(p, m\right) \cdot \frac{k c s b h}{t}, \quad "
    r"k = 1 + \frac{p - 1}{p v} \; (v > 1), \quad k = 1 \; (v = 1)",
    variables={
        "layers": LAYERS,
        "stages": STAGES,
        "microbatches": MICROBATCHES,
        "interleave": INTERLEAVE,
        "seq_len": Variable("s", "token", "tokens per sequence", POSITIVE),
        "microbatch_seqs": Variable("b", "1", "sequences per microbatch", POSITIVE),
        "width": Variable("h", "1", "model width", POSITIVE),
        "tp": TP,
        "coeff": Variable("c", "B", "bytes per token and unit of width and layer: 34, or 2", POSITIVE),
    },
    result=Result("A", "B", "activations of the first stage per GPU"),
    validity="1F1B schedule, sequence parallelism inside the tensor group. For m at or above p a deeper "
    "pipeline "
    "does not reduce it.",
    source="Korthikanti et al. 2022; Narayanan et al. 2021.",
)
def pipeline_activation_bytes(
    layers: Real,
    stages: Real,
    microbatches: Real,
    interleave: Real,
    seq_len: Real,
    microbatch_seqs: Real,
    width: Real,
    tp: Real,
    coeff: Real,
) -> Real:
    """Activations that the first pipeline stage holds at its peak."""
    extra = np.where(np.greater(interleave, 1), (stages - 1.0) / (stages * interleave), 0.0)
    per_layer = coeff * seq_len * microbatch_seqs * width / tp
    return layers / stages * np.minimum(stages, microbatches) * (1.0 + extra) * per_layer


@formula(
    latex=r"T_{pp} = 2 m v \left(\frac{A}{t \beta} + \alpha\right)",
    variables={
        "microbatches": MICROBATCHES,
        "interleave": INTERLEAVE,
        "activation_bytes": ACTIVATION,
        "tp": TP,
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
    },
    result=Result("T_{pp}", "s", "point-to-point communication of a stage per step"),
    validity="At least two stages; each tensor rank sends its own slice, forward and backward.",
    source="Narayanan et al. 2021.",
)
def pipeline_p2p_time(
    microbatches: Real, interleave: Real, activation_bytes: Real, tp: Real, bandwidth_bytes_s: Real, latency_s: Real
) -> Real:
    """Time that a pipeline stage spends passing activations and gradients on."""
    return 2.0 * microbatches * interleave * (activation_bytes / (tp * bandwidth_bytes_s) + latency_s)


@formula(
    latex=r"T_{exp} = \max\left(0, T_{comm} - \omega T_{win}\right)",
    variables={
        "comm_s": Variable("T_{comm}", "s", "communication time", NONNEGATIVE),
        "overlappable_s": Variable("T_{win}", "s", "compute that it may hide behind", NONNEGATIVE),
        "overlap_fraction": Variable(r"\omega", "1", "share of that window that is used", FRACTION),
    },
    result=Result("T_{exp}", "s", "communication that stays visible"),
    validity="Communication cannot hide behind more compute than there is.",
    source="First-order overlap (course, Distributed Training Systems).",
)
def exposed_time(comm_s: Real, overlappable_s: Real, overlap_fraction: Real) -> Real:
    """Communication time that compute does not hide."""
    return np.maximum(0.0, comm_s - overlap_fraction * overlappable_s)


@formula(
    latex=r"T_{step} = T_{busy} \left(1 + \frac{p - 1}{v m}\right) + T_{exp}",
    variables={
        "busy_s": Variable("T_{busy}", "s", "compute, recomputation, tensor and pipeline traffic", NONNEGATIVE),
        "stages": STAGES,
        "microbatches": MICROBATCHES,
        "interleave": INTERLEAVE,
        "exposed_s": Variable("T_{exp}", "s", "visible data-parallel communication", NONNEGATIVE),
    },
    result=Result("T_{step}", "s", "step time"),
    validity="Balanced stages, no stragglers, first-order overlap.",
    source="Narayanan et al. 2021; course, Distributed Training Systems.",
)
def parallel_step_time(busy_s: Real, stages: Real, microbatches: Real, interleave: Real, exposed_s: Real) -> Real:
    """Step time: busy time stretched by the pipeline bubble, plus what is not hidden."""
    return busy_s * (1.0 + (stages - 1.0) / (interleave * microbatches)) + exposed_s


@formula(
    latex=r"E = \frac{N_a T_a}{N_b T_b}",
    variables={
        "gpus_a": Variable("N_a", "1", "GPUs of the reference", POSITIVE),
        "step_a_s": Variable("T_a", "s", "step time of the reference", POSITIVE),
        "gpus_b": Variable("N_b", "1", "GPUs of the other", POSITIVE),
        "step_b_s": Variable("T_b", "s", "step time of the other", POSITIVE),
    },
    result=Result("E", "1", "efficiency of b relative to a"),
    validity="The same work per step on both. One GPU as the reference gives the textbook efficiency.",
    source="Definition of strong-scaling efficiency.",
)
def relative_scaling_efficiency(gpus_a: Real, step_a_s: Real, gpus_b: Real, step_b_s: Real) -> Real:
    """GPU time per step of one configuration relative to another."""
    return gpus_a * step_a_s / (gpus_b * step_b_s)
