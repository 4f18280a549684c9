"""Message exchange between ranks, in the alpha-beta model."""

from __future__ import annotations

from mlsysim.physics.registry import COUNT, NONNEGATIVE, POSITIVE, Real, Result, Variable, formula


@formula(
    latex=r"T = 2 \frac{N - 1}{N} \cdot \frac{M}{\beta} + 2 (N - 1) \alpha",
    variables={
        "message_bytes": Variable("M", "B", "message held by every rank", NONNEGATIVE),
        "ranks": Variable("N", "1", "ranks in the ring", COUNT),
        "bandwidth_bytes_s": Variable(r"\beta", "B/s", "link bandwidth, one direction", POSITIVE),
        "latency_s": Variable(r"\alpha", "s", "start-up time of one step", NONNEGATIVE),
    },
    result=Result("T", "s", "all-reduce time"),
    validity="Equal links, no congestion, reduction arithmetic free. Zero for one rank.",
    source="Patarasuk and Yuan 2009; Thakur, Rabenseifner and Gropp 2005.",
)
def ring_allreduce_time(message_bytes: Real, ranks: Real, bandwidth_bytes_s: Real, latency_s: Real) -> Real:
    """Time of a ring all-reduce: bandwidth-optimal, with a start-up cost that grows with the ring."""
    return 2.0 * (ranks - 1.0) * (message_bytes / ranks / bandwidth_bytes_s + latency_s)
