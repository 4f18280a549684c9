"""One decode step as two lanes: the host enqueues kernels, the GPU executes them, the slower lane sets the period."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    COUNT,
    NONNEGATIVE,
    POSITIVE,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

#: Bytes that an element-wise kernel moves per FP16 value: it reads it and writes it.
ELEMENTWISE_BYTES = 4.0

HOST = Variable("H", "s", "time of the host lane: all launches of one step", NONNEGATIVE)
#: A step that takes no time has no shares.
SOME_HOST = Variable("H", "s", "time of the host lane: all launches of one step", POSITIVE)
BUSY = Variable("D", "s", "time of the GPU lane: all kernels of one step", NONNEGATIVE)


@formula(
    latex=r"T_{a} = \frac{K}{\mathrm{BW}}",
    variables={
        "kv_bytes": Variable("K", "B", "key-value cache of all sequences", NONNEGATIVE),
        "bandwidth_bytes_s": Variable(r"\mathrm{BW}", "B/s", "memory bandwidth that the kernel reaches", POSITIVE),
    },
    result=Result("T_{a}", "s", "attention of one decode step"),
    validity="Decode attention reads the whole cache once per token and is memory-bound.",
    source="Attention cache of keys and values: Vaswani et al. 2017.",
)
def attention_decode_time(kv_bytes: Real, bandwidth_bytes_s: Real) -> Real:
    """GPU time of the attention kernels of one decode step."""
    return kv_bytes / bandwidth_bytes_s


@formula(
    latex=r"T_{e} = \left(n - f\right) L \max\left(t_f, \frac{4 B d}{\mathrm{BW}}\right)",
    variables={
        "layers": Variable("L", "1", "layers", COUNT),
        "kernels_per_layer": Variable("n", "1", "kernels of one layer", COUNT),
        "floor_s": Variable("t_f", "s", "shortest useful kernel", NONNEGATIVE),
        "batch": Variable("B", "1", "sequences decoded together", COUNT),
        "width": Variable("d", "1", "width of the model", COUNT),
        "bandwidth_bytes_s": Variable(r"\mathrm{BW}", "B/s", "memory bandwidth that the kernels reach", POSITIVE),
        "fixed_kernels": Variable("f", "1", "kernels of a layer that are matrix products or attention", NONNEGATIVE),
    },
    result=Result("T_{e}", "s", "small kernels of one decode step"),
    validity="Each small kernel reads and writes one FP16 vector per sequence, or sits on the floor of the device.",
    source="Kernel fusion and the launch floor (course, Performance Engineering).",
)
def elementwise_time(
    layers: Real,
    kernels_per_layer: Real,
    floor_s: Real,
    batch: Real,
    width: Real,
    bandwidth_bytes_s: Real,
    fixed_kernels: Real = 8.0,
) -> Real:
    """GPU time of the small kernels of one decode step: all but the matrix products and attention."""
    require_at_most(
        "fixed_kernels", fixed_kernels, "kernels_per_layer", kernels_per_layer, "these kernels are never fused away"
    )
    each = np.maximum(floor_s, ELEMENTWISE_BYTES * batch * width / bandwidth_bytes_s)
    return (kernels_per_layer - fixed_kernels) * layers * each


@formula(
    latex=r"T = \max\left(H, D\right)",
    variables={"host_s": HOST, "gpu_busy_s": BUSY},
    result=Result("T", "s", "period of one step"),
    validity="Steady state, one stream, no host synchronisation inside the step. A lane that waits costs nothing.",
    source="System profiling: reading the timeline (course, Performance Engineering).",
)
def async_step_time(host_s: Real, gpu_busy_s: Real) -> Real:
    """Time of a step whose host runs ahead of the GPU: the slower lane sets the period."""
    return np.maximum(host_s, gpu_busy_s)


@formula(
    latex=r"i = \frac{\max\left(H, D\right) - D}{\max\left(H, D\right)}",
    variables={"host_s": SOME_HOST, "gpu_busy_s": BUSY},
    result=Result("i", "1", "share of the step in which the GPU waits"),
    validity="As the step of two lanes. Zero where the GPU is the slower lane.",
    source="System profiling: launch gaps (course, Performance Engineering).",
)
def gpu_idle_fraction(host_s: Real, gpu_busy_s: Real) -> Real:
    """Share of a step in which the GPU has nothing to do."""
    step = np.maximum(host_s, gpu_busy_s)
    return (step - gpu_busy_s) / step
