"""What a served item costs."""

from __future__ import annotations

from mlsysim.physics.registry import NONNEGATIVE, POSITIVE, Real, Result, Variable, formula


@formula(
    latex=r"c = \frac{10^{6} p g}{3600 X}",
    variables={
        "usd_per_gpu_hour": Variable("p", "USD/h", "price of one GPU for one hour", NONNEGATIVE),
        "gpus": Variable("g", "1", "GPUs, or replicas of one GPU", NONNEGATIVE),
        "items_per_s": Variable("X", "1/s", "requests or tokens served per second", POSITIVE),
    },
    result=Result("c", "USD", "cost of a million items"),
    validity="Rented or owned hours only; network, storage and staff are left out.",
    source="Price over throughput (course, Model Serving).",
)
def usd_per_million(usd_per_gpu_hour: Real, gpus: Real, items_per_s: Real) -> Real:
    """Cost of serving one million requests or tokens."""
    return 1e6 * usd_per_gpu_hour * gpus / (3600.0 * items_per_s)
