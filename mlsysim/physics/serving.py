"""Serving a language model: what is left for keys and values, prefill and decoding, static and continuous batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlsysim.physics.order_statistics import harmonic_number
from mlsysim.physics.queueing import mmc_wait_percentile
from mlsysim.physics.registry import (
    COUNT,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    PROBABILITY_OPEN,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)
from mlsysim.physics.transformer import forward_flops

GPUS = Variable("G", "1", "accelerators that share the model", COUNT)
PARAMS = Variable("P", "parameter", "parameters of the model", POSITIVE)
PEAK = Variable("R", "FLOP/s", "dense peak arithmetic rate of one accelerator", POSITIVE)
MFU = Variable("u", "1", "share of the peak that is sustained", POSITIVE_FRACTION)
PROMPT = Variable("p", "token", "tokens of the prompt", NONNEGATIVE)
OUTPUT = Variable(r"\mu", "token", "mean number of tokens generated", POSITIVE)
CV = Variable(r"\mathrm{CV}", "1", "coefficient of variation of the tokens generated", FRACTION)
BATCH = Variable("B", "1", "sequences that run together", COUNT)
SLOTS = Variable("B", "1", "sequences that a node holds at once", COUNT)
ITERATION = Variable("T", "s", "one decoding iteration: a token for every sequence", POSITIVE)
PREFILL = Variable("t_p", "s", "prefill of one request", NONNEGATIVE)
ARRIVAL = Variable(r"\lambda", "1/s", "requests that arrive at one node", NONNEGATIVE)
PERCENTILE = Variable("q", "1", "percentile as a fraction, 0.99 for P99", PROBABILITY_OPEN)

LENGTHS = "Lengths are a constant plus an exponential, which needs CV <= 1."
ORCA = "Iteration-level scheduling: Yu et al. 2022 (Orca)."


@formula(
    latex=r"M = G m - W - R",
    variables={
        "gpus": GPUS,
        "hbm_bytes": Variable("m", "B", "memory of one accelerator", POSITIVE),
        "weight_bytes": Variable("W", "B", "weights", NONNEGATIVE),
        "reserve_bytes": Variable("R", "B", "runtime, activations, communication buffers", NONNEGATIVE),
    },
    result=Result("M", "B", "memory left for keys and values"),
    validity="Weights are sharded, one copy in all; raises where weights and reserve do not fit.",
    source="KV cache wall (course, Inference at Scale).",
)
def kv_pool_bytes(gpus: Real, hbm_bytes: Real, weight_bytes: Real, reserve_bytes: Real) -> Real:
    """Memory that a group of accelerators has left for attention state."""
    have = gpus * hbm_bytes
    require_at_most(
        "weight_bytes + reserve_bytes",
        weight_bytes + reserve_bytes,
        "gpus * hbm_bytes",
        have,
        "the weights do not fit",
    )
    return have - weight_bytes - reserve_bytes


@formula(
    latex=r"M = \frac{\left(B \left(S - s\right) + s\right) k}{f}",
    variables={
        "slots": SLOTS,
        "resident_tokens": Variable("S", "token", "mean tokens held per sequence", POSITIVE),
        "shared_tokens": Variable("s", "token", "tokens of a common prefix, held once", NONNEGATIVE),
        "kv_bytes_per_token": Variable("k", "B/token", "keys and values of one token, all layers", POSITIVE),
        "page_utilization": Variable("f", "1", "share of the blocks that holds tokens", POSITIVE_FRACTION),
    },
    result=Result("M", "B", "memory taken by paged keys and values"),
    validity="Mean residency; an engine keeps headroom or preempts. The common prefix is part of S.",
    source="PagedAttention: Kwon et al. 2023.",
)
def paged_kv_bytes(
    slots: Real, resident_tokens: Real, shared_tokens: Real, kv_bytes_per_token: Real, page_utilization: Real
) -> Real:
    """Memory of paged attention state, a common prefix stored once."""
    require_at_most(
        "shared_tokens", shared_tokens, "resident_tokens", resident_tokens, "every sequence holds the prefix"
    )
    tokens = slots * (resident_tokens - shared_tokens) + shared_tokens
    return tokens * kv_bytes_per_token / page_utilization


@formula(
    latex=r"s = 1 + \mathrm{CV} \left(H_B - 1\right)",
    variables={"batch": BATCH, "cv": CV},
    result=Result("s", "1", "longest output of a batch over the mean"),
    validity=f"Expected maximum. {LENGTHS}",
    source="1 + k CV (course, Inference at Scale) with k from the order statistics of the exponential.",
)
def static_batch_stretch(batch: Real, cv: Real) -> Real:
    """How much longer a batch runs than its mean member."""
    return 1.0 + cv * (harmonic_number(batch) - 1.0)


@formula(
    latex=r"w = 1 - \frac{1}{1 + \mathrm{CV} \left(H_B - 1\right)}",
    variables={"batch": BATCH, "cv": CV},
    result=Result("w", "1", "share of slot-iterations that is padding"),
    validity=f"Mean length over expected maximum. {LENGTHS}",
    source="Waste ratio 1 - mean/max (course, Inference at Scale).",
)
def static_batch_waste(batch: Real, cv: Real) -> Real:
    """Share of a run-to-completion batch that generates nothing."""
    return 1.0 - 1.0 / static_batch_stretch(batch, cv)


@formula(
    latex=r"S = p + \mu \frac{1 + \mathrm{CV}^{2}}{2}",
    variables={"prompt_tokens": PROMPT, "mean_output_tokens": OUTPUT, "cv": CV},
    result=Result("S", "token", "mean tokens held by an active request"),
    validity="Length-biased: long requests are over-represented among the active ones.",
    source="Mean age of a renewal process, E[L^2] / (2 E[L]): Kleinrock 1975.",
)
def mean_resident_tokens(prompt_tokens: Real, mean_output_tokens: Real, cv: Real) -> Real:
    """Tokens that an active request of a continuous batch holds on average."""
    return prompt_tokens + mean_output_tokens * (1.0 + cv**2) / 2.0


@formula(
    latex=r"S = p + \frac{\mu}{2} \left(1 + \mathrm{CV} \left(H_B - 1\right)\right)",
    variables={"prompt_tokens": PROMPT, "mean_output_tokens": OUTPUT, "cv": CV, "batch": BATCH},
    result=Result("S", "token", "mean tokens held by a member of a static batch"),
    validity="Padded members keep growing to the end of the batch; mean over its run.",
    source="Half of the longest output (course, Inference at Scale).",
)
def static_resident_tokens(prompt_tokens: Real, mean_output_tokens: Real, cv: Real, batch: Real) -> Real:
    """Tokens that a member of a run-to-completion batch holds on average."""
    return prompt_tokens + mean_output_tokens * static_batch_stretch(batch, cv) / 2.0


@formula(
    latex=r"t_p = \frac{2 P N}{G R u}",
    variables={
        "params": PARAMS,
        "tokens": Variable("N", "token", "tokens of the prompt that are computed", NONNEGATIVE),
        "gpus": GPUS,
        "peak_flop_s": PEAK,
        "mfu": MFU,
    },
    result=Result("t_p", "s", "prefill of one prompt"),
    validity="Compute-bound; products of attention scores are left out, which is fair for prompts of a few thousand "
    "tokens.",
    source="Prefill is compute-bound (course, Inference at Scale); 2 FLOP a weight and token: Kaplan et al. 2020.",
)
def prefill_time(params: Real, tokens: Real, gpus: Real, peak_flop_s: Real, mfu: Real) -> Real:
    """Time to read a prompt."""
    return forward_flops(params, tokens) / (gpus * peak_flop_s * mfu)


@formula(
    latex=r"T = \max\left(\frac{W + K}{G \beta \eta}, \frac{2 P B}{G R u}\right) + t_c + t_o",
    variables={
        "params": PARAMS,
        "weight_bytes": Variable("W", "B", "weights, read once per iteration", NONNEGATIVE),
        "kv_bytes": Variable("K", "B", "keys and values of all sequences", NONNEGATIVE),
        "batch": BATCH,
        "gpus": GPUS,
        "bandwidth_bytes_s": Variable(r"\beta", "B/s", "memory bandwidth of one accelerator", POSITIVE),
        "bandwidth_efficiency": Variable(r"\eta", "1", "share of the bandwidth that is sustained", POSITIVE_FRACTION),
        "peak_flop_s": PEAK,
        "mfu": MFU,
        "comm_s": Variable("t_c", "s", "all-reduces of the tensor-parallel layers", NONNEGATIVE),
        "overhead_s": Variable("t_o", "s", "scheduler", NONNEGATIVE),
    },
    result=Result("T", "s", "one token for each sequence"),
    validity="Memory and arithmetic overlap, communication and scheduling do not.",
    source="Roofline (Williams, Waterman and Patterson 2009) with tensor parallelism (course, Inference at Scale).",
)
def decode_iteration_time(
    params: Real,
    weight_bytes: Real,
    kv_bytes: Real,
    batch: Real,
    gpus: Real,
    bandwidth_bytes_s: Real,
    bandwidth_efficiency: Real,
    peak_flop_s: Real,
    mfu: Real,
    comm_s: Real,
    overhead_s: Real,
) -> Real:
    """Time of one decoding iteration on a group of accelerators."""
    memory = (weight_bytes + kv_bytes) / (gpus * bandwidth_bytes_s * bandwidth_efficiency)
    compute = forward_flops(params, batch) / (gpus * peak_flop_s * mfu)
    return np.maximum(memory, compute) + comm_s + overhead_s


@formula(
    latex=r"X = \frac{1}{t_p + \mu \frac{T}{B}}",
    variables={"prefill_s": PREFILL, "mean_output_tokens": OUTPUT, "iteration_s": ITERATION, "slots": SLOTS},
    result=Result("X", "1/s", "requests that saturate a node"),
    validity="Every slot is refilled at once; a prefill stops decoding.",
    source=ORCA,
)
def continuous_capacity(prefill_s: Real, mean_output_tokens: Real, iteration_s: Real, slots: Real) -> Real:
    """Saturation rate with iteration-level scheduling: each request pays its prefill and its share of iterations."""
    return 1.0 / (prefill_s + mean_output_tokens * iteration_s / slots)


@formula(
    latex=r"X = \frac{1}{t_p + \left(1 + \mathrm{CV} \left(H_B - 1\right)\right) \mu \frac{T}{B}}",
    variables={"prefill_s": PREFILL, "mean_output_tokens": OUTPUT, "iteration_s": ITERATION, "slots": SLOTS, "cv": CV},
    result=Result("X", "1/s", "requests that saturate a node"),
    validity=f"Full batches, each run to its longest member. {LENGTHS}",
    source=ORCA,
)
def static_capacity(prefill_s: Real, mean_output_tokens: Real, iteration_s: Real, slots: Real, cv: Real) -> Real:
    """Saturation rate with batches that run to completion."""
    return 1.0 / (prefill_s + static_batch_stretch(slots, cv) * mean_output_tokens * iteration_s / slots)


@formula(
    latex=r"\mathrm{TPOT} = \frac{T}{1 - \lambda t_p}",
    variables={"iteration_s": ITERATION, "arrival_per_s": ARRIVAL, "prefill_s": PREFILL},
    result=Result(r"\mathrm{TPOT}", "s", "time per output token"),
    validity="Decoding gets the time that prefills leave; infinite where prefills take it all.",
    source="Processor sharing between prefill and decoding (course, Inference at Scale).",
)
def decode_token_time(iteration_s: Real, arrival_per_s: Real, prefill_s: Real) -> Real:
    """Time per output token of a node that also reads prompts."""
    left = 1.0 - arrival_per_s * prefill_s
    return np.where(left > 0, iteration_s / np.where(left > 0, left, 1.0), np.inf)


@formula(
    latex=r"\mathrm{TTFT}_q = w_q + \frac{t_p}{1 - \lambda t_p} + \mathrm{TPOT}, \quad "
    r"\mathrm{TPOT} = \frac{T}{1 - \lambda t_p}, \quad w_q = w_q\left(\lambda, B, \mu \mathrm{TPOT}\right)",
    variables={
        "arrival_per_s": ARRIVAL,
        "prefill_s": PREFILL,
        "mean_output_tokens": OUTPUT,
        "iteration_s": ITERATION,
        "slots": SLOTS,
        "percentile": PERCENTILE,
    },
    result=Result(r"\mathrm{TTFT}_q", "s", "percentile of the time to the first token"),
    validity="Slots are the servers of M/M/c, w the wait for a free one; the rest is a mean. Infinite when unstable.",
    source="M/M/c: Erlang 1917; Kleinrock 1975.",
)
def continuous_ttft_percentile(
    arrival_per_s: Real, prefill_s: Real, mean_output_tokens: Real, iteration_s: Real, slots: Real, percentile: Real
) -> Real:
    """Tail of the time to first token with iteration-level scheduling: wait for a slot, prefill, one token."""
    token = decode_token_time(iteration_s, arrival_per_s, prefill_s)
    possible = np.isfinite(token)
    finite = np.where(possible, token, 1.0)
    wait = mmc_wait_percentile(arrival_per_s, mean_output_tokens * finite, slots, percentile)
    # t_p/(1 - lambda t_p): a prefill shares the node as decoding does.
    prefill = prefill_s * finite / iteration_s
    return np.where(possible, wait + prefill + finite, np.inf)


@formula(
    latex=r"\mathrm{TTFT}_q = q \left(B t_p + s \mu T\right) + B t_p, \quad "
    r"s = 1 + \mathrm{CV} \left(H_B - 1\right)",
    variables={
        "prefill_s": PREFILL,
        "mean_output_tokens": OUTPUT,
        "iteration_s": ITERATION,
        "slots": SLOTS,
        "cv": CV,
        "percentile": PERCENTILE,
    },
    result=Result(r"\mathrm{TTFT}_q", "s", "percentile of the time to the first token"),
    validity="Full batches: an arrival waits for the rest of the running batch, then for the prefills of its own.",
    source="Uniform arrival within a cycle (course, Inference at Scale).",
)
def static_ttft_percentile(
    prefill_s: Real, mean_output_tokens: Real, iteration_s: Real, slots: Real, cv: Real, percentile: Real
) -> Real:
    """Tail of the time to first token with batches that run to completion."""
    prefills = slots * prefill_s
    return percentile * (prefills + static_batch_stretch(slots, cv) * mean_output_tokens * iteration_s) + prefills


# --- the slots of a batch over time ---------------------------------------------------------------------


@dataclass(frozen=True)
class BatchSchedule:
    """Who holds which slot when, in iterations: one entry per request, which is useful to `done` and leaves at `end`.

    With iteration-level scheduling a request leaves when it is done; in a static batch it is padded to the longest.
    `useful_share` is the share of the slot-iterations that generate a token, of whole requests.
    """

    slot: npt.NDArray[np.int_]
    start: npt.NDArray[np.float64]
    done: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    useful_share: float


@formula(
    latex=r"L_i = \mu \left(1 - \mathrm{CV}\right) + \mu \mathrm{CV} \ln\left(\frac{n}{n - i + \frac{1}{2}}\right)",
    variables={
        "rank": Variable("i", "1", "rank of the request among n, the shortest first", COUNT),
        "count": Variable("n", "1", "requests", COUNT),
        "mean_output_tokens": OUTPUT,
        "cv": CV,
    },
    result=Result("L_i", "token", "typical length of the i-th shortest output"),
    validity=LENGTHS,
    source="Quantile at (i - 1/2)/n of a constant plus an exponential.",
)
def output_length_quantile(rank: Real, count: Real, mean_output_tokens: Real, cv: Real) -> Real:
    """Length of an output by its rank among several."""
    require_at_most("rank", rank, "count", count, "ranks go up to the number of requests")
    return mean_output_tokens * (1.0 - cv + cv * np.log(count / (count - rank + 0.5)))


def batch_schedule(lengths: npt.NDArray[np.float64], policy: str, horizon: float) -> BatchSchedule:
    """As many slots as `lengths`, busy from 0 to `horizon` iterations; what is left at the horizon is cut off.

    "static": all start together and stay until the longest is done, batch after batch. "continuous": a slot takes
    the next request as soon as one is done; slot j runs `lengths[(7 j + 5 k) mod n]` as its k-th.
    """
    count = len(lengths)
    slots = np.arange(count)
    entries = []
    if policy == "static":
        longest = float(np.max(lengths))
        for begin in np.arange(0.0, horizon, longest):
            entries += [(slot, begin, begin + lengths[slot], begin + longest) for slot in slots]
    else:
        for slot in slots:
            clock, k = 0.0, 0
            while clock < horizon:
                length = float(lengths[(7 * slot + 5 * k) % count])
                entries.append((slot, clock, clock + length, clock + length))
                clock, k = clock + length, k + 1
    table = np.array([entry for entry in entries if entry[1] < horizon])
    useful = np.sum(table[:, 2] - table[:, 1]) / np.sum(table[:, 3] - table[:, 1])
    start, done, end = (np.minimum(table[:, k], horizon) for k in (1, 2, 3))
    return BatchSchedule(table[:, 0].astype(int), start, done, end, float(useful))
