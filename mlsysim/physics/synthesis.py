"""Where a fleet meets its users and its goals: batches that cost tokens, fan-out that finds the slow, gains to come."""

from __future__ import annotations

from mlsysim.physics.registry import (
    COUNT,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    Real,
    Result,
    Variable,
    formula,
)

BATCH = "tokens per step"


@formula(
    latex=r"D = D_0 \frac{1 + \frac{B}{B_c}}{1 + \frac{B_0}{B_c}}",
    variables={
        "ref_tokens": Variable("D_0", "token", "training tokens at the reference batch", NONNEGATIVE),
        "batch_tokens": Variable("B", "token", BATCH, NONNEGATIVE),
        "ref_batch_tokens": Variable("B_0", "token", f"{BATCH} of the reference", NONNEGATIVE),
        "critical_batch_tokens": Variable("B_c", "token", "critical batch: twice the tokens of a tiny one", POSITIVE),
    },
    result=Result("D", "token", "training tokens for the same loss"),
    validity="One target loss, a learning rate tuned to each batch; the critical batch of a model grows as it learns.",
    source="McCandlish et al. 2018 (An Empirical Model of Large-Batch Training).",
)
def tokens_required(ref_tokens: Real, batch_tokens: Real, ref_batch_tokens: Real, critical_batch_tokens: Real) -> Real:
    """Tokens that training needs to the same loss with another batch: large batches use their data less well."""
    return ref_tokens * (1.0 + batch_tokens / critical_batch_tokens) / (1.0 + ref_batch_tokens / critical_batch_tokens)


@formula(
    latex=r"T = \frac{D + K}{\mathrm{BW}}",
    variables={
        "weight_bytes": Variable("D", "B", "weights, read once per step", NONNEGATIVE),
        "kv_bytes": Variable("K", "B", "keys and values of all sequences", NONNEGATIVE),
        "bandwidth_bytes_s": Variable(r"\mathrm{BW}", "B/s", "memory bandwidth", POSITIVE),
    },
    result=Result("T", "s", "one token for each sequence"),
    validity="A lower bound while the arithmetic of the step is shorter and overlaps; no launch gaps.",
    source="Memory roof of decoding: Williams, Waterman and Patterson 2009.",
)
def decode_memory_time(weight_bytes: Real, kv_bytes: Real, bandwidth_bytes_s: Real) -> Real:
    """Memory-bound time of one decoding step."""
    return (weight_bytes + kv_bytes) / bandwidth_bytes_s


@formula(
    latex=r"P = 1 - q^{n}",
    variables={
        "percentile": Variable("q", "1", "percentile of one server as a fraction, 0.99 for P99", FRACTION),
        "fanout": Variable("n", "1", "servers that one request asks", COUNT),
    },
    result=Result("P", "1", "share of requests that meet at least one slow answer"),
    validity="Servers are slow independently of one another, and the request waits for the last answer.",
    source="Dean and Barroso 2013 (The Tail at Scale).",
)
def tail_hit_probability(percentile: Real, fanout: Real) -> Real:
    """How often a request that fans out waits for an answer beyond a percentile of one server."""
    return 1.0 - percentile**fanout


@formula(
    latex=r"g = \frac{G}{g_h g_a}",
    variables={
        "target_gain": Variable("G", "1", "gain that is asked for", POSITIVE),
        "hardware_gain": Variable("g_h", "1", "factor from hardware", POSITIVE),
        "algorithm_gain": Variable("g_a", "1", "factor from algorithms", POSITIVE),
    },
    result=Result("g", "1", "factor that composition and scheduling have to bring"),
    validity="Factors multiply where each acts on what the others left.",
    source="Course, Conclusion (projecting the 100x fleet).",
)
def orchestration_gain(target_gain: Real, hardware_gain: Real, algorithm_gain: Real) -> Real:
    """What is left of a gain once hardware and algorithms have brought their factors."""
    return target_gain / (hardware_gain * algorithm_gain)
