"""A whole training step split over three axes: tensor, pipeline and data parallelism.

The terms are the registered formulas of ``parallelism``; this module places each on its link and adds the
memory.  Every argument may be an array, so that a map of layouts or a sweep over GPUs is one call.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mlsysim.physics.collectives import ring_allreduce_time
from mlsysim.physics.parallelism import (
    WEIGHT_BYTES,
    exposed_time,
    parallel_step_time,
    pipeline_activation_bytes,
    pipeline_p2p_time,
    tensor_parallel_time,
    training_step_compute_time,
    zero3_gather_time,
    zero_state_bytes,
)
from mlsysim.physics.registry import Real
from mlsysim.physics.roofline import mfu
from mlsysim.physics.training import ACTIVATION_BYTES, LAYER_INPUT_BYTES, training_flops

ALLREDUCES_PER_LAYER, ALLREDUCES_RECOMPUTED = 4.0, 6.0
RECOMPUTED_SHARE = 1.0 / 3.0  # one more forward pass: 8 instead of 6 FLOP per parameter and token
BACKWARD_SHARE, BACKWARD_SHARE_RECOMPUTED = 2.0 / 3.0, 3.0 / 4.0
GATHERED_LAYERS = 2.0  # the layer in use and the one being fetched


@dataclass(frozen=True, slots=True)
class ThreeDStep:
    """Every term of one step.  Times in s, memory in bytes per GPU; floats, or arrays of one shape."""

    gpus: Any
    microbatches: Any
    compute_s: Any
    recompute_s: Any
    tensor_parallel_s: Any
    pipeline_s: Any
    busy_s: Any
    bubble_s: Any
    bubble_fraction: Any
    dp_comm_s: Any
    overlappable_s: Any
    exposed_s: Any
    step_s: Any
    mfu: Any
    tokens_per_gpu: Any
    state_bytes: Any
    gathered_bytes: Any
    activation_bytes: Any
    working_bytes: Any
    memory_bytes: Any


def layout_error(
    *,
    layers: int,
    pp: int,
    interleave: int,
    zero_stage: int,
    dp: float | None = None,
    microbatch_seqs: float | None = None,
    global_batch_seqs: float | None = None,
) -> str | None:
    """Why a layout is impossible, or None if it is possible.

    The split of the model is judged first.  The batch is judged only when ``dp``, ``microbatch_seqs`` and
    ``global_batch_seqs`` are given.
    """
    for broken, reason in _layout_faults(layers, pp, interleave, zero_stage, dp, microbatch_seqs, global_batch_seqs):
        if broken:
            return reason
    return None


def _layout_faults(
    layers: Any, pp: Any, interleave: Any, zero_stage: Any, dp: Any, microbatch_seqs: Any, global_batch_seqs: Any
) -> list[tuple[Any, str]]:
    """Each rule of a layout as a mask of the cells that break it, and the reason."""
    faults = [
        (np.greater(interleave, 1) & np.equal(pp, 1), "interleave must be 1 without pipeline stages (pp = 1)"),
        (np.mod(layers, np.multiply(pp, interleave)) != 0, "pp x interleave must divide the number of layers"),
        (
            np.greater_equal(zero_stage, 2) & np.greater(pp, 1),
            "zero_stage must be 0 or 1 with pipeline stages: stages 2 and 3 would gather or scatter again "
            "for "
            "every microbatch",
        ),
    ]
    if dp is not None and microbatch_seqs is not None and global_batch_seqs is not None:
        exhausted = np.multiply(dp, microbatch_seqs) > np.multiply(global_batch_seqs, 1.0 + 1e-9)
        faults.append((exhausted, "dp x microbatch_seqs must be <= global_batch_seqs: replicas would have no data"))
    return faults


def three_d_step(
    *,
    params: Real,
    layers: Real,
    width: Real,
    seq_len: Real,
    global_batch_seqs: Real,
    tp: Real,
    pp: Real,
    dp: Real,
    microbatch_seqs: Real,
    zero_stage: Real,
    recompute: bool | npt.NDArray[np.bool_],
    interleave: Real,
    rails: Real,
    overlap_fraction: Real,
    peak_flop_s: float,
    kernel_efficiency: float,
    intra_bandwidth_bytes_s: float,
    intra_latency_s: float,
    inter_bandwidth_bytes_s: float,
    inter_latency_s: float,
    gpus_per_node: int = 8,
    on_invalid: Literal["raise", "nan"] = "raise",
) -> ThreeDStep:
    """Time and memory of one training step of a dense transformer on tp x pp x dp GPUs.

    Args:
        params: parameters of the model.
        layers: layers.
        width: model width.
        seq_len: tokens per sequence.
        global_batch_seqs: sequences per step over all replicas.
        tp: tensor-parallel degree; up to ``gpus_per_node`` it stays on the link inside a node.
        pp: pipeline stages, placed on different nodes.
        dp: data-parallel replicas.
        microbatch_seqs: sequences per microbatch.
        zero_stage: what the replicas share, 0 to 3.
        recompute: full recomputation (True) or attention scores only (False).
        interleave: virtual stages per pipeline stage.
        rails: network ports of a node that one data-parallel ring uses at once; capped by the ports that its
            tensor group leaves free.
        overlap_fraction: share of the compute window behind which communication hides.
        peak_flop_s: dense peak of one GPU.
        kernel_efficiency: share of that peak while nothing waits.
        intra_bandwidth_bytes_s: link inside a node, one direction, per GPU.
        intra_latency_s: start-up time inside a node.
        inter_bandwidth_bytes_s: network port per GPU, one direction.
        inter_latency_s: start-up time of the network.
        gpus_per_node: GPUs and network ports of one node.
        on_invalid: "raise" for an impossible layout, or "nan" to leave its cells NaN (for maps).

    Returns:
        All terms; Python floats if every argument is a scalar, else arrays of the common shape.

    Raises:
        ValueError: for an argument out of range, or an impossible layout (see ``layout_error``).

    Validity: balanced stages, no stragglers, first-order overlap, embeddings ignored, 16-bit values.
    Source: Narayanan et al. 2021; Korthikanti et al. 2022; Rajbhandari et al. 2020.
    """
    if on_invalid not in ("raise", "nan"):
        raise ValueError(f"on_invalid must be 'raise' or 'nan', got {on_invalid!r}")
    varied = np.broadcast_arrays(
        params,
        layers,
        width,
        seq_len,
        global_batch_seqs,
        tp,
        pp,
        dp,
        microbatch_seqs,
        zero_stage,
        recompute,
        interleave,
        rails,
        overlap_fraction,
    )
    shape = varied[0].shape
    invalid = np.zeros(shape, dtype=np.bool_)
    for broken, reason in _layout_faults(layers, pp, interleave, zero_stage, dp, microbatch_seqs, global_batch_seqs):
        if on_invalid == "raise" and np.any(broken):
            raise ValueError(reason)
        invalid |= broken

    tokens = np.multiply(global_batch_seqs, seq_len)
    gpus = np.multiply(tp, np.multiply(pp, dp))
    microbatches = np.where(invalid, 1.0, global_batch_seqs / np.multiply(dp, microbatch_seqs))
    microbatches = np.maximum(microbatches, 1.0)  # a rounding error below 1 is 1
    params_per_gpu = np.divide(params, np.multiply(tp, pp))
    boundary_bytes = WEIGHT_BYTES * np.multiply(np.multiply(seq_len, microbatch_seqs), width)

    compute = training_step_compute_time(params, tokens, gpus, peak_flop_s, kernel_efficiency)
    recomputed = np.where(recompute, compute * RECOMPUTED_SHARE, 0.0)
    in_node = np.less_equal(tp, gpus_per_node)
    tensor = tensor_parallel_time(
        np.divide(layers, pp),
        microbatches,
        np.where(recompute, ALLREDUCES_RECOMPUTED, ALLREDUCES_PER_LAYER),
        boundary_bytes,
        tp,
        np.where(in_node, intra_bandwidth_bytes_s, inter_bandwidth_bytes_s),
        np.where(in_node, intra_latency_s, inter_latency_s),
    )
    p2p = pipeline_p2p_time(microbatches, interleave, boundary_bytes, tp, inter_bandwidth_bytes_s, inter_latency_s)
    pipeline = np.where(np.greater(pp, 1), p2p, 0.0)
    busy = compute + recomputed + tensor + pipeline

    free_rails = np.minimum(rails, np.maximum(1.0, gpus_per_node / np.asarray(tp)))
    dp_bandwidth = np.minimum(intra_bandwidth_bytes_s, inter_bandwidth_bytes_s * free_rails)
    shard_bytes = WEIGHT_BYTES * params_per_gpu
    sharded = np.equal(zero_stage, 3)
    dp_comm = np.where(
        sharded,
        zero3_gather_time(shard_bytes, dp, dp_bandwidth, inter_latency_s, layers, microbatches),
        ring_allreduce_time(shard_bytes, dp, dp_bandwidth, inter_latency_s),
    )
    # Full sharding gathers all along the step; otherwise only the last backward pass can hide the gradients.
    backward = np.where(recompute, BACKWARD_SHARE_RECOMPUTED, BACKWARD_SHARE)
    window = np.where(sharded, busy, backward * busy / microbatches)
    exposed = exposed_time(dp_comm, window, overlap_fraction)
    step = parallel_step_time(busy, pp, microbatches, interleave, exposed)
    stretch = np.subtract(pp, 1.0) / (np.asarray(interleave) * microbatches)

    state = zero_state_bytes(params_per_gpu, dp, zero_stage)
    layer_bytes = WEIGHT_BYTES * np.divide(params, np.multiply(layers, tp))
    gathered = np.where(sharded, GATHERED_LAYERS * layer_bytes, 0.0)
    coefficient = np.where(recompute, LAYER_INPUT_BYTES, ACTIVATION_BYTES)
    activations = pipeline_activation_bytes(
        layers, pp, microbatches, interleave, seq_len, microbatch_seqs, width, tp, coefficient
    )
    # With full recomputation one layer's activations are rebuilt at a time.
    one_layer = ACTIVATION_BYTES / WEIGHT_BYTES * boundary_bytes / np.asarray(tp)
    working = np.where(recompute, one_layer, 0.0)

    terms = ThreeDStep(
        gpus=gpus,
        microbatches=microbatches,
        compute_s=compute,
        recompute_s=recomputed,
        tensor_parallel_s=tensor,
        pipeline_s=pipeline,
        busy_s=busy,
        bubble_s=stretch * busy,
        bubble_fraction=stretch / (1.0 + stretch),
        dp_comm_s=dp_comm,
        overlappable_s=window,
        exposed_s=exposed,
        step_s=step,
        mfu=mfu(training_flops(params, tokens) / (gpus * step), peak_flop_s),
        tokens_per_gpu=tokens / gpus,
        state_bytes=state,
        gathered_bytes=gathered,
        activation_bytes=activations,
        working_bytes=working,
        memory_bytes=state + gathered + activations + working,
    )
    return ThreeDStep(**{f.name: _cell(getattr(terms, f.name), shape, invalid) for f in fields(terms)})


def _cell(value: Any, shape: tuple[int, ...], invalid: npt.NDArray[np.bool_]) -> Any:
    if not shape:
        return float("nan") if invalid else float(value)
    return np.where(invalid, np.nan, np.broadcast_to(value, shape))
