"""What is resident, and how many requests fit beside it."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import COUNT, NONNEGATIVE, POSITIVE, Real, Result, Variable, formula

# A design exactly on its limit fits, although 0.3/0.1 is 2.9999999999999996 in floating point.
ROUNDING_SLACK = 1e-12


@formula(
    latex=r"K = 2 L H d s B b",
    variables={
        "layers": Variable("L", "1", "layers", COUNT),
        "kv_heads": Variable("H", "1", "key-value heads (fewer than query heads with grouped queries)", COUNT),
        "head_dim": Variable("d", "1", "width of one head", COUNT),
        "seq_len": Variable("s", "token", "tokens held per sequence", NONNEGATIVE),
        "batch": Variable("B", "1", "sequences", NONNEGATIVE),
        "bytes_per_value": Variable("b", "B", "bytes per cached value", POSITIVE),
    },
    result=Result("K", "B", "key-value cache"),
    validity="Exact for a decoder that caches every token; paging and block rounding add a few percent.",
    source="Attention cache of keys and values: Vaswani et al. 2017; grouped queries: Ainslie et al. 2023.",
)
def kv_cache_bytes(
    layers: Real, kv_heads: Real, head_dim: Real, seq_len: Real, batch: Real, bytes_per_value: Real
) -> Real:
    """Size of the key-value cache of a decoder."""
    return 2.0 * layers * kv_heads * head_dim * seq_len * batch * bytes_per_value


@formula(
    latex=r"B = \max\left(0, \left\lfloor\frac{M - F}{m}\right\rfloor\right)",
    variables={
        "capacity_bytes": Variable("M", "B", "memory available", NONNEGATIVE),
        "fixed_bytes": Variable("F", "B", "resident whatever the batch: weights or training state", NONNEGATIVE),
        "bytes_per_sequence": Variable("m", "B", "memory of one more sequence", POSITIVE),
    },
    result=Result("B", "sequences", "largest batch that fits", kind="integer"),
    validity="Linear in the batch; no fragmentation. Zero when not even one sequence fits.",
    source="Memory accounting (course, Model Training and Inference at Scale).",
)
def max_batch_in_memory(capacity_bytes: Real, fixed_bytes: Real, bytes_per_sequence: Real) -> Real:
    """Largest number of sequences that fit beside the fixed part."""
    ratio = (capacity_bytes - fixed_bytes) / bytes_per_sequence
    return np.maximum(0.0, np.floor(ratio * (1.0 + ROUNDING_SLACK)))
