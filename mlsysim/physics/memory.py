"""What is resident, in which tier, and how many requests fit beside it."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    COUNT,
    NONNEGATIVE,
    POSITIVE,
    Choices,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

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


PLACEMENTS = ("cache", "planned")
WORKING_SET = Variable("W", "B", "bytes that are used again and again", NONNEGATIVE)
ON_CHIP = Variable("C", "B", "capacity of the on-chip memory", POSITIVE)
PLACEMENT = Variable(r"\mathrm{placement}", "1", "an unmanaged cache, or a buffer planned ahead", Choices(PLACEMENTS))


@formula(
    latex=r"h = \min\left(1, \frac{C}{W}\right) \quad \text{planned}, \qquad "
    r"h = 1 \text{ if } W \le C \text{, else } 0 \quad \text{cache}",
    variables={"working_set_bytes": WORKING_SET, "capacity_bytes": ON_CHIP, "placement": PLACEMENT},
    result=Result("h", "1", "share of the traffic that stays on chip"),
    validity="Cyclic reuse. Under least-recently-used replacement a set that is one line too large keeps nothing; "
    "real caches with other policies lie between the two.",
    source="Denning 1968 (working set); Belady 1966 (replacement).",
)
def resident_fraction(working_set_bytes: Real, capacity_bytes: Real, placement: str) -> Real:
    """Share of a working set that an on-chip memory holds across its uses."""
    held = np.minimum(1.0, capacity_bytes / working_set_bytes)
    return held if placement == "planned" else np.where(held < 1.0, 0.0, 1.0)


@formula(
    latex=r"t = D \left(\frac{h}{\mathrm{BW}_f} + \frac{1-h}{\mathrm{BW}_s}\right)",
    variables={
        "traffic_bytes": Variable("D", "B", "bytes moved", NONNEGATIVE),
        "working_set_bytes": WORKING_SET,
        "capacity_bytes": ON_CHIP,
        "fast_bandwidth_bytes_s": Variable(r"\mathrm{BW}_f", "B/s", "bandwidth of the on-chip memory", POSITIVE),
        "slow_bandwidth_bytes_s": Variable(r"\mathrm{BW}_s", "B/s", "bandwidth of the main memory", POSITIVE),
        "placement": PLACEMENT,
    },
    result=Result("t", "s", "time to move the bytes"),
    validity="h is the resident fraction. The two tiers do not overlap; one dependent access costs latency instead.",
    source="Memory hierarchy: Hennessy and Patterson.",
)
def tiered_transfer_time(
    traffic_bytes: Real,
    working_set_bytes: Real,
    capacity_bytes: Real,
    fast_bandwidth_bytes_s: Real,
    slow_bandwidth_bytes_s: Real,
    placement: str,
) -> Real:
    """Time of traffic of which the resident part moves at on-chip and the rest at main-memory bandwidth."""
    require_at_most(
        "slow_bandwidth_bytes_s",
        slow_bandwidth_bytes_s,
        "fast_bandwidth_bytes_s",
        fast_bandwidth_bytes_s,
        "the on-chip memory is the faster one",
    )
    resident = resident_fraction(working_set_bytes, capacity_bytes, placement)
    return traffic_bytes * (resident / fast_bandwidth_bytes_s + (1.0 - resident) / slow_bandwidth_bytes_s)
