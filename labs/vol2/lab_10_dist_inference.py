"""V2-10 Eleven Seats: KV Cache and Continuous Batching.

Act I: how many long documents fit beside a 70B model on one node. Act II: a voice assistant and an overnight job on
the same model, and who wastes which half of the seats: space by reserving, time by padding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.layers import Plot
from components.instruments.serving import (
    SeatBlocks,
    SlotPanel,
    SweepCurve,
    SweepPoint,
    batch_timeline,
    iteration_lanes,
    memory_map,
    seat_map,
    serving_sweep,
)
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
from components.quantity import counted, number, percent, plain, quantity
from labs.base import (
    Act,
    ChoicePrediction,
    Constraint,
    Context,
    Failure,
    Lab,
    Message,
    Option,
    Peek,
    Question,
    Reading,
    Table,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c

Array = npt.NDArray[np.float64]

LATENCY = Context("latency", "Latency", "mobile", "Chat: 32K-token windows; a voice assistant.")
THROUGHPUT = Context("throughput", "Throughput", "cloud", "128K-token case files; synthesis overnight.")

INFERENCE = "Inference at Scale"
RESERVE = scenario(
    "reserve_bytes", 20e9, "B", "runtime, activations and buffers of a node", f"{INFERENCE}, estimator box", "chapter"
)
WEIGHT_BYTES = scenario("weight_bytes", 2.0, "B", "FP16 weight", c.META, "paper")
DOC_LEN = scenario("doc_tokens", 131_072, "token", "one case file", f"{INFERENCE}, estimator box", "chapter")
MAX_LEN = scenario(
    "window_tokens",
    32_768,
    "token",
    "window that a contiguous allocator reserves per seat",
    "a common product window; the model allows four times as much",
)
PROMISED = scenario("promised", 200, "1", "sessions promised on one node", "the lab's scenario")
PAGE_UTIL = scenario(
    "page_utilization",
    0.96,
    "1",
    "share of paged blocks that holds tokens",
    "Kwon et al. 2023: waste under 4 %",
    "paper",
)
ETA_BW = scenario(
    "bandwidth_efficiency",
    0.80,
    "1",
    "share of the memory bandwidth that decoding reaches",
    "Performance Engineering, case study: 2.7 of 3.35 TB/s",
    "chapter",
)
PREFILL_EFFICIENCY = scenario(
    "prefill_efficiency", 0.50, "1", "share of the dense peak in prefill and large batches", "middle of 40 to 60 %"
)
ALPHA = scenario(
    "ring_step_s",
    0.7e-6,
    "s",
    "start-up of one ring step inside a node",
    "14 steps give the 10 us that small all-reduces take on nodes of 8",
)
SCHED = scenario(
    "scheduler_s", 0.5e-3, "s", "scheduler per iteration", f"{INFERENCE}, batching trade-offs: 0.5 to 1 ms", "chapter"
)
CHAT_PROMPT = scenario("chat_prompt", 1500, "token", "prompt of a chat turn, system prompt included", "the lab's story")
CHAT_SHARED = scenario("chat_shared", 1000, "token", "system prompt that all turns share", "the lab's story")
CHAT_OUTPUT = scenario("chat_output", 300, "token", "mean answer of a chat turn", "the lab's story")
CHAT_CV = scenario("chat_cv", 0.6, "1", "spread of chat answers", f"{INFERENCE}, table of output lengths", "chapter")
CHAT_RATE = scenario(
    "chat_rate", 40, "1/s", "chat turns of the whole product", "3,000 active users, one message per 75 s"
)
SYNTH_PROMPT = scenario("synthesis_prompt", 500, "token", "prompt of a story", "the lab's story")
SYNTH_OUTPUT = scenario("synthesis_output", 2000, "token", "mean length of a story", "the lab's story")
SYNTH_CV = scenario(
    "synthesis_cv", 1.0, "1", "spread of general text", f"{INFERENCE}, table of output lengths", "chapter"
)
TTFT_SLO = scenario(
    "ttft_slo_s",
    0.200,
    "s",
    "P99 time to first token",
    "Performance Engineering: below 200 ms feels responsive",
    "chapter",
)
TPOT_SLO = scenario(
    "tpot_slo_s", 0.025, "s", "time per output token", "Performance Engineering: 25 ms for speech", "chapter"
)
PERCENTILE = c.SLO_QUANTILE
NODE_CAP = scenario("node_cap", 3, "1", "nodes that finance allows", "the lab's scenario: 96 USD an hour")
COST_TARGET = scenario(
    "cost_target",
    0.60,
    "USD",
    "cost of a million output tokens",
    "the lab's scenario: 7 % below the best plan with a 16-bit cache",
)
ASKED_SEATS = scenario("asked_seats", 64, "1", "seats of the question", "the lab's scenario")
NETWORK = c.IB_NDR_BW

GPUS = int(c.GPUS_PER_NODE.value)
W = c.LLAMA31_70B_PARAMS.value * WEIGHT_BYTES.value
HEADS = {
    int(c.LLAMA31_70B_HEADS.value): "64: multi-head",
    int(c.LLAMA31_70B_KV_HEADS.value): "8: grouped",
    1: "1: multi-query",
}
KV_HEADS = int(c.LLAMA31_70B_KV_HEADS.value)
BITS = {2: "16 bit", 1: "8 bit", 0.5: "4 bit"}
TOKENS = tuple(2**k for k in range(10, 18))
TOKEN_SWEEP = 2.0 ** np.linspace(10, 17, 57)
#: One row of the memory map (B).
ROW = 40e9


def tokens_text(tokens: float) -> str:
    """A number of tokens as people write it: 131,072 tokens."""
    return f"{tokens:,.0f} tokens"


def kv_per_token(kv_heads: float, bytes_per_value: float) -> float:
    """Keys and values of one token of the 70B model (B)."""
    return cast(
        float,
        physics.kv_cache_bytes(
            c.LLAMA31_70B_LAYERS.value, kv_heads, c.LLAMA31_70B_HEAD_DIM.value, 1, 1, bytes_per_value
        ),
    )


def pool_of(gpus: float, weight_bytes: float = W) -> float:
    """What weights and runtime leave for keys and values (B)."""
    return physics.kv_pool_bytes(gpus, c.H100_MEM_CAPACITY.value, weight_bytes, RESERVE.value * gpus / GPUS)


@dataclass(frozen=True)
class SeatOutcome:
    """Requests that a node holds: bytes of a token and of a request, the pool (B), seats; seats over TOKEN_SWEEP."""

    kv_bytes_per_token: float
    bytes_per_request: float
    pool_bytes: float
    max_requests: int
    capacity_bytes: float
    reserve_bytes: float
    kv_share: float
    curves: dict[int, Array]


class Seats(Act):
    """Act I: how many 128K-token requests one node seats."""

    title = "Half a terabyte of empty memory"
    minutes = 13

    seq_len = stops(
        "Tokens per request",
        TOKENS,
        int(DOC_LEN.value),
        text=tokens_text,
        per_context={LATENCY.id: {"default": int(MAX_LEN.value)}},
        reason="a page of text to the longest context of the model",
    )
    kv_heads = choice("KV heads", HEADS, KV_HEADS, reason="as many as query heads, one per group of 8, one for all")
    bytes_per_value = choice("KV precision", BITS, 2, reason="the 16 bits of the weights, and two smaller formats")
    gpus = choice(
        "GPUs of the node",
        {4: "4", 8: "8"},
        GPUS,
        reason="4 is the smallest power of two that holds the weights with room to spare",
    )

    @classmethod
    def compute(
        cls, context: str, *, seq_len: float, kv_heads: int, bytes_per_value: float, gpus: int = GPUS
    ) -> SeatOutcome:
        per_token = kv_per_token(kv_heads, bytes_per_value)
        request = per_token * seq_len
        pool = pool_of(gpus)
        seats = int(physics.max_batch_in_memory(pool, 0.0, request))
        held_bytes = seats * request
        return SeatOutcome(
            kv_bytes_per_token=per_token,
            bytes_per_request=request,
            pool_bytes=pool,
            max_requests=seats,
            capacity_bytes=gpus * c.H100_MEM_CAPACITY.value,
            reserve_bytes=RESERVE.value * gpus / GPUS,
            kv_share=held_bytes / (held_bytes + W),
            curves={
                heads: np.asarray(
                    physics.max_batch_in_memory(pool, 0.0, TOKEN_SWEEP * kv_per_token(heads, bytes_per_value))
                )
                for heads in HEADS
            },
        )

    @classmethod
    @cache
    def asked(cls, kv_heads: int = KV_HEADS, bytes_per_value: float = 2, seq_len: float = DOC_LEN.value) -> SeatOutcome:
        """The case of the question, on 8 GPUs."""
        return cls.compute("", seq_len=seq_len, kv_heads=kv_heads, bytes_per_value=bytes_per_value)

    def message(self) -> Message:
        total = GPUS * c.H100_MEM_CAPACITY.value
        return Message(
            "VP of Product, a legal-software company",
            f"Your node has {total / 1e9:.0f} GB of GPU memory and the 70B model takes {W / 1e9:.0f} GB of it. Half a "
            "terabyte sits there empty. I have promised our contract-review customers "
            f"**{PROMISED.value:g} simultaneous sessions on one node**, each holding a full "
            f"{DOC_LEN.value / 1024:g}K-token case file. Text is tiny, so please just confirm the number before the "
            "call at two.",
        )

    def concept(self) -> str:
        return (
            "While it generates, the model keeps **one key and one value vector per KV head, per layer, for every "
            "token seen so far**, of the prompt and of the answer. This *KV cache* stays in GPU memory until the "
            "request ends. Several query heads may share one KV head.\n\n| architecture card | 70B model |\n|---|---|\n"
            f"| layers | {c.LLAMA31_70B_LAYERS.value:g} |\n| query heads | {c.LLAMA31_70B_HEADS.value:g} |\n"
            f"| KV heads | {c.LLAMA31_70B_KV_HEADS.value:g} |\n| width of a head | {c.LLAMA31_70B_HEAD_DIM.value:g} |\n"
            f"| precision | FP16, {WEIGHT_BYTES.value:g} bytes a value |\n\n"
            f"Runtime, activations and communication buffers take another {RESERVE.value / 1e9:g} GB of the node."
        )

    def prediction(self) -> ChoicePrediction:
        right, heads = self.asked(), self.asked(int(c.LLAMA31_70B_HEADS.value))
        free = right.pool_bytes - right.max_requests * right.bytes_per_request
        saving = heads.bytes_per_request / right.bytes_per_request
        one_of_two = int(physics.max_batch_in_memory(right.pool_bytes, 0.0, right.bytes_per_request / 2))
        return ChoicePrediction(
            f"How many {DOC_LEN.value:,.0f}-token requests can the node hold at the same time?",
            (
                Option(
                    "A",
                    f"{heads.max_requests}",
                    value=heads.max_requests,
                    feedback=(
                        f"You priced the cache of a multi-head model: {heads.kv_bytes_per_token / 1e6:.2f} MB per "
                        f"token, {heads.bytes_per_request / 1e9:.1f} GB per request. Grouped-query attention keeps "
                        f"{KV_HEADS} KV heads, an {saving:.0f}-fold saving that the model card tells you."
                    ),
                ),
                Option(
                    "B",
                    f"{right.max_requests}",
                    value=right.max_requests,
                    correct=True,
                    feedback=(
                        f"{right.bytes_per_request / 1e9:.0f} GB each, {right.max_requests} seats, and "
                        f"{free / 1e9:.1f} GB left over."
                    ),
                ),
                Option(
                    "C",
                    f"{one_of_two}",
                    value=one_of_two,
                    feedback="Both keys and values stay in memory; the formula starts with a 2.",
                ),
                Option(
                    "D",
                    f"{PROMISED.value:g}",
                    value=PROMISED.value,
                    feedback=(
                        "One case file of text is half a megabyte on disk and "
                        f"{right.bytes_per_request / 1e9:.0f} GB as attention state. The promise is "
                        f"{PROMISED.value / right.max_requests:.0f} times too high."
                    ),
                ),
            ),
            actual=right.max_requests,
            form=lambda seats: f"{seats:.0f} requests" if round(seats) != 1 else "1 request",
            why=(
                f"{right.kv_bytes_per_token / 1e3:.0f} KB per token and {right.bytes_per_request / 1e9:.2f} GB per "
                f"request: {right.pool_bytes / 1e9:.1f} GB of pool hold {right.max_requests}."
            ),
        )

    def plots(self, outcome: SeatOutcome) -> dict[str, Plot]:
        predicted = self.predicted() if self.context == THROUGHPUT.id else None
        seats, request = outcome.max_requests, outcome.bytes_per_request
        free = outcome.pool_bytes - seats * request
        flag = [SweepPoint(math.nan, math.nan, "")]
        if predicted is not None:
            flag = [SweepPoint(DOC_LEN.value, predicted, f"predicted {predicted:g}", "series-2", filled=False)]
        return {
            "memory": memory_map(
                (("weights", W, "series-6"), ("runtime", outcome.reserve_bytes, "series-5")),
                SeatBlocks(seats, request, request, seats),
                capacity=outcome.capacity_bytes,
                largest=GPUS * c.H100_MEM_CAPACITY.value,
                row=ROW,
                names=("KV cache of a request",),
                title=f"{self.gpus} GPUs filled with requests",
                caption=(
                    f"Weights {W / 1e9:.1f} GB, runtime {outcome.reserve_bytes / 1e9:g} GB; what remains, "
                    f"{outcome.pool_bytes / 1e9:.1f} GB, holds "
                    + (
                        f"{counted(seats, 'requests')} of {size(request)} and leaves {size(free)}."
                        if seats
                        else "not even one."
                    )
                ),
            ),
            "seats": seat_map(
                int(PROMISED.value),
                seats,
                predicted=predicted,
                noun="sessions promised on one node",
                title=f"The {PROMISED.value:g} sessions promised",
                caption=(
                    f"At {tokens_text(self.seq_len)} each. "
                    + (
                        "Everybody is seated."
                        if seats >= PROMISED.value
                        else f"To seat all would take {size(PROMISED.value * request)} of cache, "
                        f"{number(PROMISED.value * request / outcome.pool_bytes)} times the pool."
                    )
                ),
            ),
            "curve": serving_sweep(
                TOKEN_SWEEP,
                [
                    SweepCurve(
                        heads_text(heads), np.where(outcome.curves[heads] >= 1, outcome.curves[heads], np.nan), token
                    )
                    for heads, token in zip(HEADS, ("series-4", "data", "series-3"), strict=True)
                ],
                x_label="tokens per request",
                y_label="requests that fit",
                low=0.8,
                high=1e5,
                log=True,
                points=[SweepPoint(self.seq_len, seats or 1e-3, f"{seats:,}" if seats else "none fits", "ink"), *flag],
                limits=[Limit(PROMISED.value, f"promised: {PROMISED.value:g}")],
                title="Seats against the length of a request",
                caption=(
                    f"Half the tokens, twice the seats. {BITS[self.bytes_per_value]} values on {self.gpus} GPUs: "
                    f"{size(outcome.kv_bytes_per_token)} per token with {heads_text(self.kv_heads)}."
                ),
            ),
        }

    def metrics(self, outcome: SeatOutcome) -> list[Metric]:
        return [
            Metric.of("KV cache per token", quantity(outcome.kv_bytes_per_token, "B", 4)),
            Metric.of("Per request", quantity(outcome.bytes_per_request, "B", 4)),
            Metric("Seats", f"{outcome.max_requests:,}", note=f"{PROMISED.value:g} promised"),
            Metric("KV share of bytes read", f"{outcome.kv_share * 100:.0f}", "%", note="all seats taken and full"),
        ]

    def tables(self, outcome: SeatOutcome) -> list[Table]:
        def seats(heads: int, bytes_per_value: float) -> str:
            request = kv_per_token(heads, bytes_per_value) * self.seq_len
            return f"{physics.max_batch_in_memory(outcome.pool_bytes, 0.0, request):,.0f}"

        rows = tuple((heads_text(heads), *(seats(heads, each) for each in BITS)) for heads in HEADS)
        columns = ("", *BITS.values())
        return [Table("Seats at this length and node", columns, rows, emphasis=list(HEADS).index(self.kv_heads))]

    def reflection(self) -> Question:
        now = self.asked()
        lighter = pool_of(GPUS, W / 2)
        light = int(physics.max_batch_in_memory(lighter, 0.0, now.bytes_per_request))
        small = self.asked(bytes_per_value=1)
        return Question(
            f"Which single change adds most seats for {DOC_LEN.value / 1024:g}K documents?",
            (
                Option(
                    "A",
                    "8-bit weights",
                    f"The pool grows to {lighter / 1e9:.1f} GB: {light} seats. Weights are paid once.",
                ),
                Option(
                    "B",
                    "An 8-bit KV cache",
                    correct=True,
                    feedback=f"{small.max_requests} seats: this is the term that is multiplied by the seats.",
                ),
                Option("C", "A GPU with twice the FLOP/s", f"Still {now.max_requests}: no memory has changed."),
                Option("D", "Longer time-outs", f"Still {now.max_requests}: waiting is not a seat."),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("kv_cache_bytes", "kv_pool_bytes", "max_batch_in_memory"),
            "Per token the cache takes $2 L H d b$ bytes, and a node seats $\\lfloor (G m - W - R) / (s \\cdot 2 L H "
            "d b) \\rfloor$ requests of $s$ tokens. Only KV heads count: query heads that share one add nothing. With "
            f"{c.LLAMA31_70B_HEADS.value:g} KV heads the same model would take "
            f"{self.asked(int(c.LLAMA31_70B_HEADS.value)).kv_bytes_per_token / 1e6:.2f} MB per token. Gigabytes are "
            "decimal, as on the data sheet.",
        )


def size(value: float) -> str:
    """Bytes with their prefix: 42.9 GB."""
    return quantity(value, "B")


def heads_text(heads: int) -> str:
    """A number of KV heads."""
    return f"{heads} KV head{'s' if heads > 1 else ''}"


# --- Act II ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Workload:
    """Requests of a product: tokens of the prompt, how many of them all requests share, output, its spread, rate."""

    prompt: float
    shared: float
    output: float
    cv: float
    rate: float | None


WORKLOADS = {
    LATENCY.id: Workload(CHAT_PROMPT.value, CHAT_SHARED.value, CHAT_OUTPUT.value, CHAT_CV.value, CHAT_RATE.value),
    THROUGHPUT.id: Workload(SYNTH_PROMPT.value, 0.0, SYNTH_OUTPUT.value, SYNTH_CV.value, None),
}
POLICIES = {"static": "static batch", "continuous": "continuous"}
LAYOUTS = {"contiguous": "contiguous window", "paged": "pages"}
KV_BITS = {16: "16 bit", 8: "8 bit"}
POOL = pool_of(GPUS)
NODE_BYTES = GPUS * c.H100_MEM_CAPACITY.value
MOST_SEATS = {LATENCY.id: 512, THROUGHPUT.id: 1024}
SEATS = {context: np.arange(8.0, most + 1, 8.0) for context, most in MOST_SEATS.items()}
#: Slots of the illustration, and the iterations that it shows.
EXAMPLE_SLOTS = 24
HORIZON = {LATENCY.id: 1000.0, THROUGHPUT.id: 8000.0}


@dataclass(frozen=True)
class Terms:
    """A node for one or several numbers of seats: resident tokens, bytes (B), times (s) and saturation rate (1/s)."""

    resident: Any
    kv_read: Any
    memory_s: Any
    compute_s: Any
    comm_s: Any
    iteration_s: Any
    prefill_s: float
    shared: float
    demand: Any
    capacity: Any
    tpot_s: Any
    ttft_s: Any


def terms_of(
    context: str, policy: str, layout: str, kv_bits: float, prefix_cache: bool, nodes: float, seats: Any
) -> Terms:
    """The node of a design; times per token are infinite where the node does not keep up, NaN without arrivals."""
    load = WORKLOADS[context]
    per_token = kv_per_token(KV_HEADS, kv_bits / 8)
    shared = load.shared if prefix_cache and layout == "paged" else 0.0
    static = policy == "static"
    resident: Any = (
        physics.static_resident_tokens(load.prompt, load.output, load.cv, seats)
        if static
        else physics.mean_resident_tokens(load.prompt, load.output, load.cv) + 0.0 * seats
    )
    kv_read = seats * resident * per_token
    message = 2.0 * seats * c.LLAMA31_70B_WIDTH.value
    comm = 2 * c.LLAMA31_70B_LAYERS.value * physics.ring_allreduce_time(message, GPUS, c.NVLINK4_BW.value, ALPHA.value)
    machine = {
        "params": c.LLAMA31_70B_PARAMS.value,
        "gpus": GPUS,
        "peak_flop_s": c.H100_FLOPS_FP16_TENSOR.value,
        "mfu": PREFILL_EFFICIENCY.value,
    }
    iteration = physics.decode_iteration_time(
        weight_bytes=W,
        kv_bytes=kv_read,
        batch=seats,
        bandwidth_bytes_s=c.H100_MEM_BW.value,
        bandwidth_efficiency=ETA_BW.value,
        comm_s=comm,
        overhead_s=SCHED.value,
        **machine,
    )
    prefill = physics.prefill_time(tokens=load.prompt - shared, **machine)
    capacity = (
        physics.static_capacity(prefill, load.output, iteration, seats, load.cv)
        if static
        else physics.continuous_capacity(prefill, load.output, iteration, seats)
    )
    tpot: Any = math.nan + 0.0 * seats
    ttft: Any = tpot
    if load.rate is not None:
        rate = load.rate / nodes
        stable = rate < capacity
        if static:
            tail = physics.static_ttft_percentile(prefill, load.output, iteration, seats, load.cv, PERCENTILE.value)
            tpot, ttft = np.where(stable, iteration, np.inf), np.where(stable, tail, np.inf)
        else:
            tpot = np.where(stable, physics.decode_token_time(iteration, rate, prefill), np.inf)
            ttft = physics.continuous_ttft_percentile(rate, prefill, load.output, iteration, seats, PERCENTILE.value)
    return Terms(
        resident=resident,
        kv_read=kv_read,
        memory_s=(W + kv_read) / (GPUS * c.H100_MEM_BW.value * ETA_BW.value),
        compute_s=physics.prefill_time(tokens=seats, **machine),
        comm_s=comm,
        iteration_s=iteration,
        prefill_s=prefill,
        shared=shared,
        demand=physics.paged_kv_bytes(seats, resident, shared, per_token, PAGE_UTIL.value)
        if layout == "paged"
        else seats * MAX_LEN.value * per_token,
        capacity=capacity,
        tpot_s=tpot,
        ttft_s=ttft,
    )


@lru_cache(maxsize=512)
def sweep_of(context: str, policy: str, layout: str, kv_bits: float, prefix_cache: bool, nodes: float) -> Terms:
    """The same over every number of seats on the slider."""
    return terms_of(context, policy, layout, kv_bits, prefix_cache, nodes, SEATS[context])


def wall_of(context: str, demand: Array) -> float:
    """Seats that fill the pool; NaN where all of the slider's fit."""
    if at_most(float(demand[-1]), POOL):
        return math.nan
    # Below the first stop the demand goes straight to zero.
    return float(np.interp(POOL, np.concatenate([[0.0], demand]), np.concatenate([[0.0], SEATS[context]])))


def largest_fitting(context: str, policy: str, layout: str, kv_bits: float) -> int:
    """Most seats on the slider that fit into the pool."""
    sweep = sweep_of(context, policy, layout, kv_bits, False, NODE_CAP.value)
    return int(max(SEATS[context][sweep.demand <= POOL]))


def usd_of(tokens_s: Any) -> Any:
    """Cost of a million output tokens of one node that is always busy (USD)."""
    return physics.usd_per_million(c.H100_USD_H_ON_DEMAND.value, GPUS, tokens_s)


@cache
def example_schedules(context: str) -> dict[str, physics.BatchSchedule]:
    """The illustration: as many slots as typical lengths, under both schedulers."""
    load = WORKLOADS[context]
    ranks = np.arange(1.0, EXAMPLE_SLOTS + 1)
    lengths = np.asarray(physics.output_length_quantile(ranks, EXAMPLE_SLOTS, load.output, load.cv))
    return {policy: physics.batch_schedule(lengths, policy, HORIZON[context]) for policy in POLICIES}


def nodes_text(nodes: float) -> str:
    """A number of nodes."""
    return counted(nodes, "nodes")


@dataclass(frozen=True)
class ServingOutcome:
    """A serving plan: one node at saturation, and in chat the fleet's latencies. None where it is undefined."""

    iteration_s: float
    resident_tokens: float
    kv_demand_bytes: float
    kv_pool_bytes: float
    oom: bool
    prefill_s: float
    capacity_req_s: float
    saturated_tokens_s: float
    usd_per_million_tokens: float
    meets_all: bool
    stable: bool | None
    fleet_usd_per_h: float | None
    tpot_s: float | None
    ttft_p99_s: float | None
    context: str
    seats: int
    kv_per_token: float
    arrivals_s: float | None
    #: Seats with a request in them, on average.
    busy: float
    terms: Terms
    sweeps: dict[str, Terms]
    wall: float


class ServingPlan(Act):
    """Act II: a voice assistant within its latencies, and an overnight job within its budget."""

    title = "Two products, one model"
    minutes = 24

    policy = choice(
        "Scheduling", POLICIES, "static", reason="who leaves when: all at the end of the batch, or each when done"
    )
    layout = choice(
        "KV layout", LAYOUTS, "contiguous", reason="a whole window reserved per seat, or blocks taken as tokens come"
    )
    kv_bits = choice(
        "KV precision", KV_BITS, 16, reason="8 bit usually costs no visible quality; 4 bit needs more care"
    )
    prefix_cache = choice(
        "Prefix caching", {False: "off", True: "on"}, False, reason="whether a common start of prompts is kept once"
    )
    slots = slider(
        "Seats per node",
        8,
        MOST_SEATS[THROUGHPUT.id],
        8,
        32,
        unit="seats",
        per_context={LATENCY.id: {"high": MOST_SEATS[LATENCY.id]}},
        reason="limits of common serving engines; steps of a tensor-core tile",
    )
    nodes = slider(
        "Nodes", 1, 8, 1, NODE_CAP.value, text=nodes_text, only_in=(LATENCY.id,), reason="8 nodes are one scalable unit"
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        policy: str,
        layout: str,
        kv_bits: int,
        prefix_cache: bool,
        slots: float,
        nodes: float = NODE_CAP.value,
    ) -> ServingOutcome:
        load = WORKLOADS[context]
        here = terms_of(context, policy, layout, kv_bits, prefix_cache, nodes, slots)
        capacity = float(here.capacity)
        oom = not at_most(here.demand, POOL)
        tokens_s = capacity * load.output
        usd = float(usd_of(tokens_s))
        stable = fleet = tpot = ttft = arrivals = None
        busy = slots
        if load.rate is not None:
            arrivals = load.rate / nodes
            stable = bool(arrivals < capacity)
            fleet = nodes * GPUS * c.H100_USD_H_ON_DEMAND.value
            if stable:
                tpot, ttft = float(here.tpot_s), float(here.ttft_s)
                if policy == "continuous":
                    busy = physics.littles_law_concurrency(arrivals, load.output * tpot)
            meets = (
                not oom
                and stable
                and at_most(cast(float, ttft), TTFT_SLO.value)
                and at_most(cast(float, tpot), TPOT_SLO.value)
                and nodes <= NODE_CAP.value
            )
        else:
            meets = not oom and at_most(usd, COST_TARGET.value)
        sweeps = {each: sweep_of(context, each, layout, kv_bits, prefix_cache, nodes) for each in POLICIES}
        return ServingOutcome(
            iteration_s=float(here.iteration_s),
            resident_tokens=float(here.resident),
            kv_demand_bytes=float(here.demand),
            kv_pool_bytes=POOL,
            oom=oom,
            prefill_s=here.prefill_s,
            capacity_req_s=capacity,
            saturated_tokens_s=tokens_s,
            usd_per_million_tokens=usd,
            meets_all=meets,
            stable=stable,
            fleet_usd_per_h=fleet,
            tpot_s=tpot,
            ttft_p99_s=ttft,
            context=context,
            seats=int(slots),
            kv_per_token=kv_per_token(KV_HEADS, kv_bits / 8),
            arrivals_s=arrivals,
            busy=float(busy),
            terms=here,
            sweeps=sweeps,
            wall=wall_of(context, sweeps[policy].demand),
        )

    @classmethod
    @cache
    def design(cls, context: str, policy: str = "continuous", layout: str = "paged", **changes: Any) -> ServingOutcome:
        """A design that a text quotes: 16-bit cache, no prefix caching, the seats of the question."""
        chosen = {"kv_bits": 16, "prefix_cache": False, "slots": ASKED_SEATS.value, **changes}
        return cls.compute(context, policy=policy, layout=layout, **chosen)

    @classmethod
    def start(cls, context: str) -> ServingOutcome:
        """The design that runs today."""
        return cls.design(context, "static", "contiguous", slots=32)

    @classmethod
    def gain(cls, context: str, slots: float = ASKED_SEATS.value) -> float:
        """How much continuous batching raises the saturation rate, with pages and a 16-bit cache."""
        return (
            cls.design(context, slots=slots).capacity_req_s / cls.design(context, "static", slots=slots).capacity_req_s
        )

    def message(self) -> Message:
        return Message(
            "Head of Inference Platform, a cloud company",
            f"Two products, the same 70B model. The **voice assistant** gets {CHAT_RATE.value:g} requests per second, "
            f"must speak within {TTFT_SLO.value * 1e3:g} ms at P99 and never slower than {TPOT_SLO.value * 1e3:g} ms "
            f"per token, and finance gave it {NODE_CAP.value:g} nodes. The **data team** wants two-thousand-token "
            f"stories all night for less than {COST_TARGET.value:.2f} dollars per million tokens. We run "
            "batch-and-wait with 32 seats and full-window reservations today. What do you change for each?",
        )

    def concept(self) -> str:
        asked = self.design(LATENCY.id)
        return (
            "Four decisions:\n\n- **Who leaves when.** A *static batch* leaves when its longest member has finished; "
            "*continuous batching* lets each request go when it is done and seats the next one at once.\n- **How seats "
            f"are reserved.** A contiguous window of {MAX_LEN.value:,.0f} tokens, or *pages* as tokens come.\n- **How "
            "a value is stored.** 16 or 8 bit.\n- **Whether a common start of prompts is kept once** (*prefix "
            "caching*).\n\nAn iteration gives every seat one token. It takes the longer of bytes and FLOPs, then the "
            "all-reduces and the scheduler.\n\nA chat turn has a prompt of "
            f"{CHAT_PROMPT.value:,.0f} tokens, whose *prefill* occupies the node for "
            f"{asked.prefill_s * 1e3:.1f} ms; then on average {CHAT_OUTPUT.value:g} output tokens, with a coefficient "
            f"of variation of {CHAT_CV.value:g}. An iteration of {ASKED_SEATS.value:g} seats takes about "
            f"{asked.iteration_s * 1e3:.0f} ms."
        )

    def from_ledger(self) -> str:
        p99 = self.lab.read("ch13", "act2_result")
        sentences = []
        if p99 is not None and p99 > 0:
            sentences.append(
                f"In Lab V1-13 your queue ended at a P99 of {number(p99)} ms. The same law holds here; **seats are the "
                "servers**."
            )
        if self.preset_source("kv_bits"):
            sentences.append(f"The cache starts with the {self.default('kv_bits')} bit of your Lab V2-09.")
        return " ".join(sentences)

    def prediction(self) -> ChoicePrediction:
        seats = ASKED_SEATS.value
        now, then = self.design(LATENCY.id), self.design(LATENCY.id, "static")
        gain = self.gain(LATENCY.id)
        stretch = physics.static_batch_stretch(seats, CHAT_CV.value)
        waste = physics.static_batch_waste(seats, CHAT_CV.value)
        one = self.design(LATENCY.id, slots=1)
        prefills = then.capacity_req_s * then.prefill_s
        largest = largest_fitting(THROUGHPUT.id, "static", "paged", 16)
        return ChoicePrediction(
            "Chat, one node, paged 16-bit cache, no prefix caching. Replace the static batch by continuous batching "
            f"at the same {seats:g} seats. By which factor does the saturation rate of the node rise?",
            (
                Option(
                    "A",
                    "1.0×: it only helps latency",
                    value=1.0,
                    feedback=(
                        f"Seats freed early are refilled early: {percent(waste, 0)} of the slot-iterations of the "
                        "static batch were padding."
                    ),
                ),
                Option(
                    "B",
                    f"{gain:.1f}×",
                    value=gain,
                    correct=True,
                    feedback=(
                        f"Padding is removed completely; the {now.prefill_s * 1e3:.1f} ms of prefill that each request "
                        f"brings is not padding, so the gain stops at {gain:.1f}."
                    ),
                ),
                Option(
                    "C",
                    f"{stretch:.1f}×",
                    value=stretch,
                    feedback=(
                        f"{stretch:.2f} is the bound without prefill. Prefill was {percent(prefills, 0)} of the static "
                        f"node’s time and is {percent(now.capacity_req_s * now.prefill_s, 0)} of the continuous one’s."
                    ),
                ),
                Option(
                    "D",
                    f"{seats:g}×",
                    value=seats,
                    feedback=(
                        f"Seats share one node: an iteration with {seats:g} seats takes {now.iteration_s * 1e3:.2f} "
                        f"ms, with one {one.iteration_s * 1e3:.1f} ms."
                    ),
                ),
            ),
            actual=gain,
            form=lambda ratio: f"{plain(ratio, 3)}×",
            why=(
                f"The node rises from {then.capacity_req_s:.2f} to {now.capacity_req_s:.2f} requests/s. In synthesis, "
                f"where prefill is short and lengths spread more, it is {self.gain(THROUGHPUT.id):.2f}× at {seats:g} "
                f"seats and {self.gain(THROUGHPUT.id, largest):.2f}× at {largest}, the largest static batch that fits: "
                "padded members also drag their growing caches through memory."
            ),
        )

    def challenge(self) -> str:
        start = self.start(self.context)
        if self.context == LATENCY.id:
            return (
                f"**Voice assistant.** {CHAT_RATE.value:g} requests/s on at most {NODE_CAP.value:g} nodes: P99 time to "
                f"first token ≤ {TTFT_SLO.value * 1e3:g} ms, time per output token (TPOT) ≤ "
                f"{TPOT_SLO.value * 1e3:g} ms, and the cache must fit. Today a node sustains "
                f"{start.capacity_req_s:.2f} requests/s, and {start.arrivals_s:.2f} arrive. The other context has "
                "another lesson: solve both."
            )
        return (
            f"**Synthesis overnight.** At most {COST_TARGET.value:.2f} USD per million output tokens, and the cache "
            f"must fit. The backlog never ends, so nothing waits. Today: {start.usd_per_million_tokens:.2f} USD. The "
            "other context has another lesson: solve both."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        fits = Constraint("KV fits", lambda o: not o.oom)
        if self.context == THROUGHPUT.id:
            return (
                Constraint(
                    f"≤ {COST_TARGET.value:.2f} USD per million",
                    lambda o: not o.oom and at_most(o.usd_per_million_tokens, COST_TARGET.value),
                ),
                fits,
            )
        return (
            Constraint(
                f"P99 TTFT ≤ {TTFT_SLO.value * 1e3:g} ms",
                lambda o: o.ttft_p99_s is not None and at_most(o.ttft_p99_s, TTFT_SLO.value),
            ),
            Constraint(
                f"TPOT ≤ {TPOT_SLO.value * 1e3:g} ms",
                lambda o: o.tpot_s is not None and at_most(o.tpot_s, TPOT_SLO.value),
            ),
            Constraint(
                f"Nodes ≤ {NODE_CAP.value:g}",
                lambda o: o.fleet_usd_per_h is not None and at_most(o.fleet_usd_per_h, FLEET_CAP),
            ),
            fits,
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure("oom", "KV POOL EXHAUSTED.", when=lambda o: o.oom, text=oom_text),
            Failure(
                "unstable",
                "QUEUE GROWS WITHOUT BOUND.",
                when=lambda o: not o.oom and o.stable is False,
                text=lambda o: f"{o.arrivals_s:.2f} requests/s offered per node, capacity {o.capacity_req_s:.2f}.",
            ),
            Failure(
                "slo",
                "SLO MISSED.",
                when=lambda o: (
                    not o.oom
                    and o.stable is True
                    and not (at_most(o.ttft_p99_s, TTFT_SLO.value) and at_most(o.tpot_s, TPOT_SLO.value))
                ),
                text=lambda o: (
                    f"P99 TTFT {o.ttft_p99_s * 1e3:,.0f} ms (limit {TTFT_SLO.value * 1e3:g}), TPOT "
                    f"{o.tpot_s * 1e3:.2f} ms (limit {TPOT_SLO.value * 1e3:g})."
                ),
            ),
            Failure(
                "cost",
                "TOO EXPENSIVE.",
                when=lambda o: (
                    not o.oom and o.stable is None and not at_most(o.usd_per_million_tokens, COST_TARGET.value)
                ),
                text=lambda o: (
                    f"{o.usd_per_million_tokens:.3f} USD per million tokens, target {COST_TARGET.value:.3f}."
                ),
            ),
        )

    def plots(self, outcome: ServingOutcome) -> dict[str, Plot]:
        chat = self.context == LATENCY.id
        last = {"tails": self._tails(outcome)} if chat else {"cost": self._cost(outcome)}
        load, schedules = WORKLOADS[self.context], example_schedules(self.context)
        padded = percent(physics.static_batch_waste(outcome.seats, load.cv), 0)
        pads = f"{padded} of their slot-iterations" if self.policy == "static" else "nothing"
        return {
            "memory": self._memory(outcome),
            "timeline": batch_timeline(
                [SlotPanel(name, schedules[policy], policy == self.policy) for policy, name in POLICIES.items()],
                slots=EXAMPLE_SLOTS,
                horizon=HORIZON[self.context],
                title="Who sits in a slot, iteration by iteration",
                caption=(
                    f"{EXAMPLE_SLOTS} slots with typical lengths: {load.output:,.0f} tokens on average, spread "
                    f"{load.cv:g}. An illustration; your {outcome.seats:,} seats pad {pads}."
                ),
            ),
            "iteration": self._iteration(outcome),
            "capacity": self._capacity(outcome),
            **last,
        }

    def _memory(self, outcome: ServingOutcome) -> Plot:
        shared = outcome.terms.shared
        paged = self.layout == "paged"
        prefix = shared * outcome.kv_per_token / (PAGE_UTIL.value if paged else 1.0)
        reserved = (outcome.kv_demand_bytes - prefix) / outcome.seats
        used = (outcome.resident_tokens - shared) * outcome.kv_per_token
        vain = 1 - (used * outcome.seats + prefix * PAGE_UTIL.value) / outcome.kv_demand_bytes
        busy = (
            f"{outcome.busy:.1f} of {outcome.seats:,} seats are busy on average."
            if outcome.busy < outcome.seats - 1e-9
            else f"All {outcome.seats:,} seats are busy."
        )
        return memory_map(
            (("weights", W, "series-6"), ("runtime", RESERVE.value, "series-5"), ("shared prefix", prefix, "series-2")),
            SeatBlocks(outcome.seats, reserved, min(used, reserved), outcome.busy),
            capacity=NODE_BYTES,
            largest=NODE_BYTES,
            row=ROW,
            names=("tokens of a seat", "idle seat", "reserved, empty"),
            title="The memory of one node",
            caption=(
                f"A seat holds {outcome.resident_tokens:,.0f} tokens on average and takes {size(reserved)}. "
                f"{percent(vain, 0)} of the cache is reserved in vain. {busy}"
            ),
        )

    def _iteration(self, outcome: ServingOutcome) -> Plot:
        terms = outcome.terms
        weights = W / (GPUS * c.H100_MEM_BW.value * ETA_BW.value)
        cache_s = float(terms.memory_s) - weights
        bound = "arithmetic" if terms.compute_s > terms.memory_s else "memory"
        return iteration_lanes(
            (("weights", weights), ("KV cache", cache_s)),
            ("FLOPs", float(terms.compute_s)),
            (("all-reduce", float(terms.comm_s)), ("scheduler", SCHED.value)),
            title=f"One iteration: a token for each of {outcome.seats:,} seats",
            caption=(
                f"{outcome.iteration_s * 1e3:.2f} ms, of which the {bound} takes "
                f"{max(terms.memory_s, terms.compute_s) * 1e3:.2f}. Weights are read once for all seats, the cache "
                "once per seat."
            ),
        )

    def _capacity(self, outcome: ServingOutcome) -> Plot:
        chat = self.context == LATENCY.id
        predicted = self.predicted() if chat else None
        flag = SweepPoint(math.nan, math.nan, "")
        if predicted is not None:
            then = self.design(LATENCY.id, "static")
            flag = SweepPoint(
                ASKED_SEATS.value,
                predicted * then.capacity_req_s,
                f"predicted {plain(predicted, 2)}×",
                "series-2",
                filled=False,
            )
        gain = self.compute(self.context, **{**self.values(), "policy": "continuous"}).capacity_req_s
        static = self.compute(self.context, **{**self.values(), "policy": "static"}).capacity_req_s
        return serving_sweep(
            SEATS[self.context],
            [
                SweepCurve("continuous", outcome.sweeps["continuous"].capacity, "data"),
                SweepCurve("static batch", outcome.sweeps["static"].capacity, "series-5"),
            ],
            x_label="seats per node",
            y_label="requests/s per node",
            low=0,
            high=35 if chat else 10,
            log=False,
            points=[SweepPoint(outcome.seats, outcome.capacity_req_s, f"{outcome.capacity_req_s:.2f}/s", "ink"), flag],
            limits=[
                Limit(outcome.arrivals_s, f"offered {outcome.arrivals_s:.2f}/s")
                if outcome.arrivals_s is not None
                else Limit(math.nan, "")
            ],
            wall=outcome.wall,
            title="What a node sustains",
            caption=(
                f"At {outcome.seats:,} seats continuous batching sustains {gain:.2f} requests/s, a static batch "
                f"{static:.2f}: {gain / static:.2f} times. "
                + (
                    f"Memory ends at {outcome.wall:.0f} seats."
                    if math.isfinite(outcome.wall)
                    else f"All seats up to {MOST_SEATS[self.context]:,} fit."
                )
            ),
        )

    def _tails(self, outcome: ServingOutcome) -> Plot:
        sweep = outcome.sweeps[self.policy]
        tpot, ttft = outcome.tpot_s, outcome.ttft_p99_s
        stable = SEATS[self.context][np.isfinite(sweep.ttft_s)]
        return serving_sweep(
            SEATS[self.context],
            [
                SweepCurve("P99 time to first token", sweep.ttft_s * 1e3, "data"),
                SweepCurve("time per output token", sweep.tpot_s * 1e3, "series-3"),
            ],
            x_label="seats per node",
            y_label="latency (ms)",
            low=5,
            high=1e5,
            log=True,
            points=[
                SweepPoint(outcome.seats, math.nan if ttft is None else ttft * 1e3, ms(ttft), "data"),
                SweepPoint(outcome.seats, math.nan if tpot is None else tpot * 1e3, ms(tpot), "series-3"),
            ],
            limits=[
                Limit(TTFT_SLO.value * 1e3, f"TTFT {TTFT_SLO.value * 1e3:g} ms", "data"),
                Limit(TPOT_SLO.value * 1e3, f"TPOT {TPOT_SLO.value * 1e3:g} ms", "series-3"),
            ],
            wall=outcome.wall,
            empty="no number of seats keeps up",
            title="Latency against seats",
            caption=(
                "No number of seats keeps up with what is offered."
                if len(stable) == 0
                else f"Only from {stable[0]:.0f} seats on would a node keep up; memory ends at {outcome.wall:.0f}."
                if stable[0] > outcome.wall
                else f"Stable from {stable[0]:.0f} seats on. Too few seats: a queue for a seat. Too many: every token "
                "waits for every seat’s cache."
            ),
        )

    def _cost(self, outcome: ServingOutcome) -> Plot:
        load = WORKLOADS[self.context]
        usd = {policy: usd_of(sweep.capacity * load.output) for policy, sweep in outcome.sweeps.items()}
        fitting = usd[self.policy][outcome.sweeps[self.policy].demand <= POOL]
        return serving_sweep(
            SEATS[self.context],
            [
                SweepCurve("continuous", usd["continuous"], "data"),
                SweepCurve("static batch", usd["static"], "series-5"),
            ],
            x_label="seats per node",
            y_label="USD per million output tokens",
            low=0.4,
            high=30,
            log=True,
            points=[
                SweepPoint(
                    outcome.seats, outcome.usd_per_million_tokens, f"{outcome.usd_per_million_tokens:.3f} USD", "ink"
                )
            ],
            limits=[Limit(COST_TARGET.value, f"target {COST_TARGET.value:.2f} USD")],
            wall=outcome.wall,
            title="Cost against seats",
            caption=(
                f"The best {POLICIES[self.policy]} plan that fits costs {min(fitting):.3f} USD per million tokens."
                if len(fitting)
                else "No number of seats fits."
            ),
        )

    def metrics(self, outcome: ServingOutcome) -> list[Metric]:
        demand = Metric(
            "KV demand",
            number(outcome.kv_demand_bytes / 1e9),
            "GB",
            note=f"pool {POOL / 1e9:.1f} GB",
            status=held(not outcome.oom),
        )
        iteration = Metric("Iteration", number(outcome.iteration_s * 1e3, 4), "ms")
        if self.context == THROUGHPUT.id:
            usd = outcome.usd_per_million_tokens
            return [
                Metric(
                    "USD per million", f"{usd:.3f}", status=held(at_most(usd, COST_TARGET.value) and not outcome.oom)
                ),
                Metric("Tokens", f"{outcome.saturated_tokens_s:,.0f}", "/s", note="one busy node"),
                demand,
                iteration,
                Metric("Node sustains", number(outcome.capacity_req_s), "/s", note="stories"),
                Metric("Prefill", number(outcome.prefill_s * 1e3), "ms", note=prefix_note(self)),
            ]
        ttft, tpot = outcome.ttft_p99_s, outcome.tpot_s
        fleet = cast(float, outcome.fleet_usd_per_h)
        return [
            Metric(
                "P99 TTFT",
                "–" if ttft is None else f"{ttft * 1e3:,.1f}",
                "ms",
                note="unstable" if ttft is None else "",
                status=held(ttft is not None and at_most(ttft, TTFT_SLO.value)),
            ),
            Metric(
                "TPOT",
                "–" if tpot is None else f"{tpot * 1e3:.2f}",
                "ms",
                note=f"an iteration alone: {outcome.iteration_s * 1e3:.2f} ms",
                status=held(tpot is not None and at_most(tpot, TPOT_SLO.value)),
            ),
            Metric(
                "Node sustains",
                number(outcome.capacity_req_s, 4),
                "/s",
                note=f"{outcome.arrivals_s:.2f} offered",
                status=held(bool(outcome.stable)),
            ),
            demand,
            Metric("Fleet", f"{fleet:,.0f}", "USD/h", status=held(at_most(fleet, FLEET_CAP))),
            Metric("Prefill", number(outcome.prefill_s * 1e3), "ms", note=prefix_note(self)),
        ]

    def tables(self, outcome: ServingOutcome) -> list[Table]:
        start = self.start(self.context)
        rows: list[tuple[str, str, str]] = []
        for name, of in (
            ("tokens that a seat holds", lambda o: f"{o.resident_tokens:,.0f}"),
            ("cache of one seat (GB)", lambda o: number(o.kv_demand_bytes / o.seats / 1e9)),
            ("iteration (ms)", lambda o: number(o.iteration_s * 1e3, 4)),
            ("share of a prefill per request (ms)", lambda o: number(o.prefill_s * 1e3)),
            ("share of iterations per request (ms)", lambda o: number((1 / o.capacity_req_s - o.prefill_s) * 1e3)),
            ("requests/s per node", lambda o: number(o.capacity_req_s)),
            ("USD per million tokens, saturated", lambda o: f"{o.usd_per_million_tokens:.3f}"),
        ):
            rows.append((name, of(start), of(outcome)))
        return [Table("Today against this design", ("", "today", "now"), tuple(rows))]

    def reflection(self) -> Question:
        seats = cast(Array, SEATS[THROUGHPUT.id])
        small = sweep_of(THROUGHPUT.id, "continuous", "paged", 8, False, NODE_CAP.value)
        turns = int(seats[np.flatnonzero(small.compute_s > small.memory_s)[0]])
        resident = physics.mean_resident_tokens(SYNTH_PROMPT.value, SYNTH_OUTPUT.value, SYNTH_CV.value)
        read = resident * kv_per_token(KV_HEADS, 2) / (GPUS * c.H100_MEM_BW.value * ETA_BW.value)
        work = float(small.compute_s[0]) / seats[0]
        return Question(
            f"With a 16-bit cache and {resident:,.0f} resident tokens, adding seats never makes decoding "
            "compute-bound. Why?",
            (
                Option(
                    "A",
                    "The H100 has too little bandwidth for any decoding",
                    f"With an 8-bit cache the arithmetic takes over from {turns} seats on.",
                ),
                Option(
                    "B",
                    "Each seat adds more time of reading than of arithmetic",
                    correct=True,
                    feedback=(
                        f"{read * 1e6:.1f} µs of KV reading against {work * 1e6:.1f} µs of arithmetic: the memory side "
                        "grows faster."
                    ),
                ),
                Option(
                    "C",
                    "Weights are read once per seat",
                    "Once per iteration, for all seats together. That is what makes batching worth while.",
                ),
                Option(
                    "D",
                    "The scheduler is the bottleneck",
                    f"It takes {SCHED.value * 1e3:g} ms per iteration, whatever the seats.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "decode_iteration_time",
                "continuous_capacity",
                "static_capacity",
                "static_batch_waste",
                "mean_resident_tokens",
                "paged_kv_bytes",
                "continuous_ttft_percentile",
                "mmc_wait_percentile",
                "littles_law_concurrency",
            ),
            "Both capacities are one expression, $1/(t_p + s \\mu T / B)$, with $s = 1$ for continuous batching and "
            "$s = 1 + \\mathrm{CV} (H_B - 1)$ for a static batch: the mean of the longest of $B$ outputs over the "
            "mean output. Busy seats follow from Little’s law, $N = \\lambda \\mu \\, \\mathrm{TPOT}$.\n\nSeats are "
            "taken as the servers of an M/M/c queue, and prefills share the node with decoding. Bursts would lengthen "
            "the tail. A spread above 1 lies outside the model of lengths.",
        )


#: What the nodes that finance allows cost an hour (USD).
FLEET_CAP = NODE_CAP.value * GPUS * c.H100_USD_H_ON_DEMAND.value


def ms(seconds: float | None) -> str:
    """A latency as a mark on a plot; empty where it is undefined."""
    return "" if seconds is None else f"{number(seconds * 1e3)} ms"


def prefix_note(act: ServingPlan) -> str:
    """What prefix caching does to the prefill of a design."""
    if not act.prefix_cache:
        return "whole prompt"
    if WORKLOADS[act.context].shared == 0:
        return "nothing to share"
    return f"{CHAT_SHARED.value:,.0f} tokens cached" if act.layout == "paged" else "no effect without pages"


def oom_text(outcome: ServingOutcome) -> str:
    """Banner of a cache that does not fit."""
    tokens = outcome.kv_demand_bytes / outcome.kv_per_token
    whole = math.isclose(tokens, outcome.seats * MAX_LEN.value, rel_tol=1e-9)
    held_tokens, pages = (
        (MAX_LEN.value, "") if whole else (outcome.resident_tokens, f", pages {percent(PAGE_UTIL.value, 0)} full,")
    )
    return (
        f"{outcome.seats:,} seats × {held_tokens:,.0f} tokens × {outcome.kv_per_token / 1e3:.0f} KB{pages} need "
        f"{outcome.kv_demand_bytes / 1e9:,.1f} GB, pool {outcome.kv_pool_bytes / 1e9:.1f} GB. The engine preempts and "
        "recomputes; goodput collapses."
    )


def static_limit(nodes: float) -> tuple[float, float]:
    """Of all static designs of the chat fleet: the highest capacity of a node (1/s), and the best P99 TTFT (s)."""
    sweeps = [
        sweep_of(LATENCY.id, "static", layout, bits, prefix, nodes)
        for layout in LAYOUTS
        for bits in KV_BITS
        for prefix in (False, True)
    ]
    fitting = [(sweep, sweep.demand <= POOL) for sweep in sweeps]
    return (
        max(float(np.max(sweep.capacity[fits])) for sweep, fits in fitting),
        min(float(np.min(sweep.ttft_s[fits])) for sweep, fits in fitting),
    )


DOCUMENT = Seats.asked().bytes_per_request
#: The best static designs of chat: requests/s of a node within the fleet allowed, and P99 TTFT (s) with 8 nodes.
STATIC_LIMITS = (static_limit(NODE_CAP.value)[0], static_limit(8)[1])

NOTES = (
    f"- The 64-against-{KV_HEADS}-heads slip is the commonest error, in textbooks too: have students find it on the "
    "model card.\n- Who pays for prefix caching when prompts change weekly?\n- Chat is limited by prefill and by the "
    "tail, so it needs shared prefixes and enough seats, not a smaller cache; synthesis is limited by the bytes of "
    "the cache, so it needs pages and 8-bit state.\n- The time to first token of a static batch is a property of the "
    f"policy that no hardware mends: at best {STATIC_LIMITS[0]:.1f} requests/s per node against "
    f"{CHAT_RATE.value / NODE_CAP.value:.2f} offered on {NODE_CAP.value:g} nodes, and with 8 nodes still "
    f"{STATIC_LIMITS[1]:.1f} s at P99.\n- The P99 model treats seats as servers and prefills as processor sharing. "
    f"What would bursts do?\n- Extension: split prefill and decoding over different nodes. The {DOCUMENT / 1e9:.2f} "
    f"GB of a {DOC_LEN.value / 1024:g}K request must then cross the network, "
    f"{physics.transfer_time(DOCUMENT, NETWORK.value, 0.0):.2f} s at {NETWORK.value * 8 / 1e9:.0f} Gb/s: when does it "
    "pay?"
)


class DistInferenceLab(Lab):
    """How attention state limits a serving node, and who wastes it."""

    volume, number, slug = 2, 10, "lab_10_dist_inference"
    title = "Eleven Seats: KV Cache and Continuous Batching"
    question = "What limits how many requests a node can serve at once, when half of its memory looks empty?"
    chapter = "Inference at Scale"
    invariant = (
        "Seats are the memory that weights leave, over the bytes of a token times the tokens that stay; the scheduler "
        "decides how many of these seats do useful work."
    )
    contexts = (LATENCY, THROUGHPUT)
    acts = (Seats, ServingPlan)
    briefing = (
        "A serving fleet is often sized from weights and FLOP/s: what remains of memory looks like plenty, and a "
        "bigger batch looks like throughput for free. In a transformer server the scarce resource is **attention "
        "state**. Every live request owns a cache that grows with each token, stays in fast memory until the request "
        "ends, and is read once per generated token. It sets the number of seats, and through its reads the time per "
        "token. Reserving the longest window wastes seats in space; running a batch to its longest member wastes them "
        "in time. A product that needs latency and one that needs throughput mend different halves of that waste."
    )
    reading = (
        Reading(
            "Inference at Scale, Quantitative analysis: Traditional vs. continuous batching", "the waste of padding"
        ),
        Reading("Inference at Scale, The KV cache wall: Memory-bound capacity", "bytes per token, seats per node"),
        Reading("Inference at Scale, The fragmentation problem; PagedAttention", "30 to 40 % against 95 % of the pool"),
        Reading(
            "Inference at Scale, Prefix caching; KV cache quantization; Grouped query attention",
            "three ways to shrink it",
        ),
        Reading(
            "Inference at Scale, Disaggregated serving: Splitting the workload",
            "prefill is bound by compute, decoding by bandwidth",
        ),
        Reading("Performance Engineering, Key performance metrics", "time to first token, time between tokens"),
    )
    assumptions = (
        f"- One node is {GPUS} GPUs with tensor parallelism; gigabytes are decimal. {RESERVE.value / 1e9:g} GB are "
        "reserved for runtime, activations and buffers.\n- Outputs have a constant part and an exponential one, which "
        "gives the mean and the spread of the workload; a spread above 1 is outside.\n- Seats are counted with mean "
        "residency. A real engine keeps headroom or preempts.\n- Prefill neglects the arithmetic of attention, under "
        f"2 % at {CHAT_PROMPT.value:,.0f} tokens. Weights stay at 16 bit.\n- Prefill and decoding share the node; "
        "seats are the servers of an M/M/c queue.\n- A static batch is always full: an arrival waits for the running "
        "batch, then for the prefills of its own.\n- Decoding reads all tokens of every seat, shared or not.\n- Cost "
        "in synthesis is that of one node that is always busy."
    )
    constants = (
        c.GPUS_PER_NODE,
        c.H100_MEM_CAPACITY,
        c.H100_MEM_BW,
        c.H100_FLOPS_FP16_TENSOR,
        c.NVLINK4_BW,
        c.IB_NDR_BW,
        c.LLAMA31_70B_PARAMS,
        c.LLAMA31_70B_LAYERS,
        c.LLAMA31_70B_WIDTH,
        c.LLAMA31_70B_HEADS,
        c.LLAMA31_70B_KV_HEADS,
        c.LLAMA31_70B_HEAD_DIM,
        c.H100_USD_H_ON_DEMAND,
        WEIGHT_BYTES,
        RESERVE,
        DOC_LEN,
        MAX_LEN,
        PROMISED,
        PAGE_UTIL,
        ETA_BW,
        PREFILL_EFFICIENCY,
        ALPHA,
        SCHED,
        CHAT_PROMPT,
        CHAT_SHARED,
        CHAT_OUTPUT,
        CHAT_CV,
        CHAT_RATE,
        SYNTH_PROMPT,
        SYNTH_OUTPUT,
        SYNTH_CV,
        TTFT_SLO,
        TPOT_SLO,
        PERCENTILE,
        NODE_CAP,
        COST_TARGET,
        ASKED_SEATS,
    )
    reads = (("v2_09", "kv_bits"), ("ch13", "act2_result"))
    instructor_notes = NOTES

    def open(self) -> None:
        self.start_in(THROUGHPUT.id, "")
        bits = self.read("v2_09", "kv_bits")
        if bits in KV_BITS:
            self.act2.preset("kv_bits", int(bits), "Lab V2-09")

    def result(self) -> float | None:
        outcome = self.act2.outcome
        if self.context == THROUGHPUT.id:
            return None if outcome.oom else outcome.usd_per_million_tokens
        return outcome.fleet_usd_per_h if outcome.meets_all else None

    def decision(self) -> str:
        act = cast(ServingPlan, self.act2)
        if act.policy == "static":
            return "static"
        if act.layout == "contiguous":
            return "other"
        if act.outcome.terms.shared > 0:
            return "continuous_paged_prefix"
        return "continuous_paged_kv8" if act.kv_bits == 8 else "continuous_paged"

    def extras(self) -> dict[str, Any]:
        act = cast(ServingPlan, self.act2)
        outcome = act.outcome
        return {
            "kv_bits": act.kv_bits,
            "seats": outcome.seats,
            "nodes": int(act.nodes) if self.context == LATENCY.id else None,
            "tpot_s": outcome.tpot_s,
            "ttft_p99_s": outcome.ttft_p99_s,
            "node_capacity_req_s": outcome.capacity_req_s,
        }

    def solution(self, context: str) -> dict[str, Any]:
        plan = {"policy": "continuous", "layout": "paged"}
        if context == LATENCY.id:
            return {**plan, "prefix_cache": True, "slots": 96.0}
        return {**plan, "kv_bits": 8, "slots": 512.0}

    def breaking(self, context: str) -> dict[str, Any]:
        if context == LATENCY.id:
            return {"policy": "continuous", "slots": 48.0}
        return {"policy": "continuous", "layout": "paged", "slots": 568.0}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
