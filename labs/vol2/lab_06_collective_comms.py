"""V2-06 One Ring Does Not Rule Them All.

Act I: the all-reduce of a 70-billion-parameter model on sixteen times as many GPUs. Act II: gradients in buckets and
tiny blocking calls on the same network, which need two algorithms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from components.controls import Control, choice, log_slider, slider, stops
from components.instruments.collectives import (
    Algorithm,
    Spot,
    bucket_timeline,
    byte_size,
    collective_steps,
    collective_times,
    exposed_over_bucket,
    ring_tree_map,
)
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric, held
from components.quantity import counted, duration, number, percent, scientific
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

RING = Context("ring", "Ring topology", "cloud", "Every rank talks to its two neighbours, a chunk at a time.")
TREE = Context("tree", "Tree topology", "tiny", "Sums go up to one root and back down, whole messages at a time.")

TEXTBOOK = "Collective Communication"
GPUS_BEFORE = scenario("gpus_before", 64.0, "GPU", "cluster of today in both acts", TEXTBOOK, "chapter")
GPUS = c.CLUSTER_GPUS
PICTURED = scenario(
    "pictured_ranks", 8.0, "1", "ranks of the all-reduce that is drawn step by step", "the lab's choice"
)
BUCKET = scenario(
    "bucket_default",
    25.0 * 2**20,
    "B",
    "gradient bucket of 25 MiB",
    "Li et al. 2020 (PyTorch Distributed); bucket_cap_mb = 25",
    "paper",
)
BUCKET_SOLVED = scenario("bucket_example", 250e6, "B", "a bucket that works", "the lab's example")
SMALL_BYTES = scenario("small_bytes", 256.0, "B", "one call for statistics: 64 FP32 values", "the lab's scenario")
SMALL_PER_LAYER = scenario(
    "small_per_layer", 2.0, "1", "blocking calls for statistics per layer: forward and backward", "the lab's scenario"
)
BACKWARD_SHARE = scenario(
    "backward_share", 2 / 3, "1", "share of the arithmetic in the backward pass", "4 of 6 FLOP", "definition"
)
BUDGET_FRACTION = scenario(
    "budget_fraction",
    0.05,
    "1",
    "exposed communication over compute that is allowed",
    "a tax that tuned runs report; below it nobody optimises further",
)
EXAMPLE_SHARD = scenario(
    "example_shard",
    5.47e9,
    "B",
    "gradient shard of a 3D-parallel job, where V2-05 left none",
    "V2-05, a passing design",
)
EXAMPLE_DP = scenario("example_dp", 16.0, "1", "data-parallel ranks of that job", "V2-05, a passing design")

ALPHA = c.IB_EFFECTIVE_LATENCY.value
NIC = c.IB_NDR_BW.value
NODE_GPUS = int(c.GPUS_PER_NODE.value)
NODES = int(GPUS.value) // NODE_GPUS
GRADIENTS_70B = 2 * c.PARAMS_70B.value
SMALL_CALLS = int(SMALL_PER_LAYER.value * c.LLAMA2_7B_LAYERS.value)
COMPUTE_S = physics.training_step_compute_time(
    c.PARAMS_7B.value,
    c.LLAMA2_BATCH_TOKENS_POW2.value,
    GPUS.value,
    c.H100_FLOPS_FP16_TENSOR.value,
    c.KERNEL_EFFICIENCY.value,
)
BACKWARD_S = BACKWARD_SHARE.value * COMPUTE_S
BUDGET_S = BUDGET_FRACTION.value * COMPUTE_S

ALLREDUCE = {
    "ring": physics.ring_allreduce_time,
    "tree": physics.tree_allreduce_time,
    "double_tree": physics.double_binary_tree_allreduce_time,
    "star": physics.star_allreduce_time,
}
NAMES = {"ring": "ring", "tree": "tree", "double_tree": "double tree", "star": "server"}
#: Names at the end of a curve, where a phone leaves little room.
SHORT = {"double_tree": "double"}
TOKENS = {"ring": "data", "tree": "series-5", "double_tree": "series-3", "star": "series-4"}
FORMATS = {4: "FP32", 2: "BF16", 1: "FP8"}

Array = npt.NDArray[np.float64]

RANKS: Array = np.exp2(np.arange(3.0, 15.0))
RANK_TICKS = tuple((float(n), f"{n:,.0f}") for n in (8, 64, 512, 4096))
SIZES: Array = 10.0 ** np.linspace(3, 12, 109)
SIZE_TICKS = tuple((v, byte_size(v)) for v in (1e3, 1e6, 1e9, 1e12))
#: Edges of the rows of the map of sizes.
MAP_EDGES: Array = SMALL_BYTES.value * (1e10 / SMALL_BYTES.value) ** np.linspace(0, 1, 62)
#: Bucket sizes of the curve.
BUCKETS: Array = 1e6 * (2 * c.PARAMS_7B.value / 1e6) ** np.linspace(0, 1, 141)


# --- Act I ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AllreduceOutcome:
    """One all-reduce by the chosen algorithm, and what the others would do.

    `hops` are the start-ups in sequence, `serial_bytes` the bytes in sequence. `times` and `latency_shares` hold the
    four algorithms as set, `over_ranks` and `over_sizes` their curves; `step` is the step of the picture.
    """

    time_s: float
    latency_share: float
    bandwidth_share: float
    algbw_bytes_s: float
    busbw_bytes_s: float
    hops: int
    serial_bytes: float
    critical_bytes: float
    crossover_bytes: float | None
    times: Mapping[str, float]
    latency_shares: Mapping[str, float]
    over_ranks: Mapping[str, Array]
    over_sizes: Mapping[str, Array]
    step: int


def in_seconds(time_s: float, digits: int = 4) -> str:
    """A time as `duration` writes it, but never in minutes: the chapter compares seconds."""
    return duration(time_s, digits) if time_s < 60 else f"{number(time_s, digits)} s"


def seventy(algorithm: str, ranks: float, **changes: float) -> float:
    """The all-reduce of the question (s) with some of its inputs changed."""
    inputs = {"message_bytes": GRADIENTS_70B, "bandwidth_bytes_s": NIC, "latency_s": ALPHA, **changes}
    return ALLREDUCE[algorithm](ranks=ranks, **inputs)


def start_up_cost(label: str) -> Control:
    """The control of α, in either act."""
    return slider(
        label,
        1e-6,
        20e-6,
        0.5e-6,
        ALPHA,
        unit="µs",
        scale=1e6,
        reason="1 µs is the wire alone, 20 µs a slow software stack",
    )


class SixteenTimes(Act):
    """Act I: what sixteen times as many ranks do to a ring."""

    title = "Sixteen times as many GPUs"
    minutes = 13
    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "step": tuple(range(15)),
        "ranks": (8, int(GPUS.value), 16_384),
        "message_bytes": (1e3, 1e5, 1e12),
        "bandwidth_bytes_s": (c.ETH100_BW.value, c.NVLINK4_BW.value),
        "latency_s": (1e-6,),
    }

    step = stops(
        "Step of the picture",
        range(15),
        1,
        text=lambda step: "before the first" if step == 0 else f"step {step:g}",
        reason="every step of an all-reduce over eight ranks: 14 in a ring, 6 in a tree",
        per_context={TREE.id: {"values": range(7)}},
    )
    ranks = stops(
        "Ranks",
        [int(n) for n in RANKS],
        int(GPUS_BEFORE.value),
        unit="GPUs",
        text=lambda n: f"{n:,.0f} GPUs",
        reason="8 are one node, 16,384 the largest published run of Llama 3",
    )
    message_bytes = log_slider(
        "Message",
        1e3,
        1e12,
        20,
        GRADIENTS_70B,
        also=(1e5,),
        text=byte_size,
        reason="from the statistics of a layer to 500 billion gradients in BF16",
    )
    bandwidth_bytes_s = choice(
        "Link bandwidth β",
        {
            c.ETH100_BW.value: "12.5 GB/s: 100 Gb/s RoCE",
            c.IB_HDR_BW.value: "25 GB/s: 200 Gb/s HDR",
            c.IB_NDR_BW.value: "50 GB/s: 400 Gb/s NDR",
            c.NVLINK4_BW.value: "450 GB/s: NVLink 4",
        },
        NIC,
        widget="select",
        reason="three generations of networks, and the link inside a node",
    )
    latency_s = start_up_cost("Start-up cost α per hop")

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        ranks: int,
        message_bytes: float,
        bandwidth_bytes_s: float,
        latency_s: float,
        algorithm: str | None = None,
        step: int = 1,
    ) -> AllreduceOutcome:
        chosen = context if algorithm is None else algorithm
        if chosen not in ALLREDUCE:
            raise ValueError(f"algorithm must be one of {', '.join(ALLREDUCE)}, got {chosen!r}")
        if ranks < 2:
            raise ValueError(f"ranks must be an integer >= 2 (one rank has nothing to exchange), got {ranks!r}")
        link = {"bandwidth_bytes_s": bandwidth_bytes_s, "latency_s": latency_s}
        times = {name: time(message_bytes, ranks, **link) for name, time in ALLREDUCE.items()}
        shares = {name: time(0.0, ranks, **link) / times[name] for name, time in ALLREDUCE.items()}
        time_s = times[chosen]
        return AllreduceOutcome(
            time_s=time_s,
            latency_share=shares[chosen],
            bandwidth_share=1 - shares[chosen],
            algbw_bytes_s=physics.allreduce_algbw(message_bytes, time_s),
            busbw_bytes_s=physics.allreduce_busbw(message_bytes, time_s, ranks),
            hops=hops(chosen, ranks),
            serial_bytes=ALLREDUCE[chosen](message_bytes, ranks, 1.0, 0.0),
            critical_bytes=physics.critical_message_bytes(latency_s, bandwidth_bytes_s),
            crossover_bytes=physics.ring_tree_crossover_bytes(ranks, **link) if ranks >= 4 else None,
            times=times,
            latency_shares=shares,
            over_ranks={name: time(message_bytes, RANKS, **link) for name, time in ALLREDUCE.items()},
            over_sizes={name: time(SIZES, ranks, **link) for name, time in ALLREDUCE.items()},
            step=step,
        )

    def message(self) -> Message:
        before = seventy("ring", GPUS_BEFORE.value)
        return Message(
            "Network Architect, a speech-model lab",
            f"We synchronise {GRADIENTS_70B / 1e9:.0f} GB of BF16 gradients with a ring over 400-gigabit InfiniBand. "
            f"On {GPUS_BEFORE.value:.0f} GPUs one all-reduce takes **{before:.1f} s**. We are about to go to "
            f"{GPUS.value:,.0f} GPUs, sixteen times as many, and procurement wants to know tonight whether that "
            f"number explodes: every second costs {GPUS.value:,.0f} GPUs of waiting.",
        )

    def from_ledger(self) -> str:
        oversubscription = self.lab.read("v2_03", "oversubscription")
        if oversubscription is None or oversubscription <= 1:
            return ""
        return f"Your V2-03 fabric was oversubscribed **{oversubscription:g}:1**; this lab assumes a non-blocking one."

    def concept(self) -> str:
        return (
            "Point to point a message of $n$ bytes takes $\\alpha + n/\\beta$: a start-up cost and a cost per byte. An "
            "*all-reduce* leaves every rank with the sum of all ranks' vectors.\n\n"
            "- A **ring** cuts the vector into $N$ chunks and passes chunks to the neighbour: first adding "
            "(reduce-scatter), then copying (all-gather).\n"
            "- A **tree** sums towards a root and broadcasts back.\n"
            "- A **parameter server** does both at one machine."
        )

    def prediction(self) -> ChoicePrediction:
        before, after = (seventy("ring", n.value) for n in (GPUS_BEFORE, GPUS))
        factor = GPUS.value / GPUS_BEFORE.value
        doublings = np.log2(GPUS.value) / np.log2(GPUS_BEFORE.value)
        server = seventy("star", GPUS.value)
        moved = ALLREDUCE["ring"](GRADIENTS_70B, GPUS.value, 1.0, 0.0)
        start = [seventy("ring", n.value, message_bytes=0.0) for n in (GPUS_BEFORE, GPUS)]
        return ChoicePrediction(
            f"The same ring and {GRADIENTS_70B / 1e9:.0f} GB, but {GPUS.value:,.0f} instead of {GPUS_BEFORE.value:.0f} "
            "GPUs. How long does one all-reduce take?",
            (
                Option(
                    "A",
                    f"About {factor * before:.0f} s, {factor:.0f} times as long",
                    "*Everybody must hear from everybody* is the picture of a parameter server, which would need "
                    f"{server:,.1f} s. The ring gives every GPU the same 2 × {GPUS.value - 1:,.0f}/{GPUS.value:,.0f} × "
                    f"{GRADIENTS_70B / 1e9:.0f} = {moved / 1e9:.1f} GB.",
                    value=factor * before,
                ),
                Option(
                    "B",
                    f"About {factor**0.5 * before:.0f} s, {factor**0.5:.0f} times as long",
                    "A square root is the law of a surface, as on a mesh. A ring has none: each chunk travels around "
                    "twice, and $N$ chunks travel at once.",
                    value=factor**0.5 * before,
                ),
                Option(
                    "C",
                    f"About {doublings * before:.1f} s, {doublings:.2f} times as long",
                    f"That is the growth of the tree, and the tree starts at {seventy('tree', GPUS_BEFORE.value):.1f} "
                    "s: it moves the whole message at every level.",
                    value=doublings * before,
                ),
                Option(
                    "D",
                    f"About {after:.1f} s, hardly longer",
                    f"Constant traffic per GPU, and {factor:.0f} times as many links at work.",
                    value=after,
                    correct=True,
                ),
            ),
            actual=after,
            form=lambda seconds: f"{number(seconds)} s",
            why=(
                f"{before:.3f} s become {after:.3f} s, {after / before:.3f} times. The bytes take "
                f"{before - start[0]:.3f} and {after - start[1]:.3f} s, the start-ups {1e3 * start[0]:.2f} and "
                f"{1e3 * start[1]:.2f} ms."
            ),
        )

    def plots(self, outcome: AllreduceOutcome) -> dict[str, Any]:
        o = outcome
        chosen = self.context
        active = list(ALLREDUCE).index(chosen)
        predicted = self.predicted()
        as_asked = (
            chosen == RING.id
            and self.message_bytes == GRADIENTS_70B
            and (self.bandwidth_bytes_s, self.latency_s) == (NIC, ALPHA)
        )
        ratio = o.times["tree"] / o.times["ring"]
        faster = "ring" if ratio > 1 else "tree"
        cross = o.crossover_bytes or np.nan
        side = "below" if self.message_bytes < cross else "above"
        return {
            "steps": self._steps(o),
            "ranks": collective_times(
                RANKS,
                [Algorithm(SHORT.get(name, NAMES[name]), o.over_ranks[name], TOKENS[name]) for name in ALLREDUCE],
                active=active,
                here=(self.ranks, o.time_s),
                here_text=in_seconds(o.time_s, 3),
                label="ranks",
                ticks=RANK_TICKS,
                predicted=(GPUS.value, predicted) if predicted is not None and as_asked else None,
                title="Time over the number of ranks",
                caption=(
                    f"{byte_size(self.message_bytes)} on {self.ranks:,} ranks: "
                    + ", ".join(f"{NAMES[name]} {in_seconds(o.times[name], 3)}" for name in ALLREDUCE)
                    + "."
                ),
            ),
            "sizes": collective_times(
                SIZES,
                [Algorithm(SHORT.get(name, NAMES[name]), o.over_sizes[name], TOKENS[name]) for name in ALLREDUCE],
                active=active,
                here=(self.message_bytes, o.time_s),
                here_text=in_seconds(o.time_s, 3),
                label="message size",
                ticks=SIZE_TICKS,
                crossover=(cross, byte_size(cross)),
                title="Time over the message size",
                caption=(
                    f"On {self.ranks:,} ranks ring and tree meet at {byte_size(cross)}. Your "
                    f"{byte_size(self.message_bytes)} lie {side}: the {faster} is "
                    f"{number(max(ratio, 1 / ratio))} times faster."
                ),
            ),
            "shares": latency_waterfall(
                [
                    Bar(
                        f"▸ {NAMES[name]}" if name == chosen else NAMES[name],
                        {"start-ups": o.latency_shares[name], "bytes": 1 - o.latency_shares[name]},
                    )
                    for name in ALLREDUCE
                ],
                title="What the time is made of, %",
                unit="%",
                scale=100,
                high=132,
                row=44,
                tokens=("series-2", "series-6"),
                caption=(
                    f"The {chosen} spends {scientific(100 * o.latency_share, 3)} % of {in_seconds(o.time_s, 3)} on "
                    f"{o.hops:,} start-ups in a row, {number(100 * o.bandwidth_share)} % on bytes."
                ),
            ),
        }

    def _steps(self, o: AllreduceOutcome) -> Any:
        ring = self.context == RING.id
        schedule = physics.allreduce_schedule(self.context, int(PICTURED.value))
        n, step = schedule.ranks, int(o.step)
        share = schedule.message_share(1)
        in_all = schedule.steps * share
        if step == 0:
            words = ("before the first step", f"{schedule.steps} steps follow")
            told = "Every rank holds its own gradients and nothing else."
        else:
            phase, links = schedule.phases[step - 1], len(schedule.links(step))
            words = (f"step {step} of {schedule.steps}", phase)
            passes = {
                "reduce-scatter": f"every rank passes one chunk, 1/{n} of the message, to its neighbour, which adds it",
                "all-gather": f"every rank passes a finished chunk, 1/{n} of the message, on; nothing is added now",
                "reduce": "ranks pass their whole sum up, which is added",
                "broadcast": "the finished message is copied down, whole",
            }[phase]
            idle = n - len(np.unique(schedule.links(step)))
            told = f"Step {step}, {phase}: {passes}. {counted(links, 'messages')} at once, " + (
                f"{idle} ranks idle." if idle else "no rank is idle."
            )
        return collective_steps(
            schedule,
            step,
            shape="circle" if ring else "tree",
            words=words,
            title=f"{'A ring' if ring else 'A tree'} of {n} ranks, step by step",
            caption=(
                f"{told} In sequence {schedule.steps} steps × {f'1/{n}' if ring else '1'} = {in_all:g} messages. The "
                "darker a cell, the more ranks are in its sum."
            ),
        )

    def metrics(self, outcome: AllreduceOutcome) -> list[Metric]:
        o = outcome
        return [
            Metric.of("All-reduce", in_seconds(o.time_s)),
            Metric("Algorithm bandwidth", number(o.algbw_bytes_s / 1e9), "GB/s"),
            Metric("Bus bandwidth", number(o.busbw_bytes_s / 1e9), "GB/s"),
            Metric("Hops in sequence", f"{o.hops:,}"),
            Metric.of("Bytes in sequence", byte_size(o.serial_bytes, 4)),
            Metric("Share of start-ups", scientific(100 * o.latency_share, 3), "%"),
            Metric.of("Critical size αβ", byte_size(o.critical_bytes)),
        ]

    def tables(self, outcome: AllreduceOutcome) -> list[Table]:
        o = outcome
        rows = tuple(
            (
                NAMES[name],
                in_seconds(o.times[name]),
                f"{hops(name, self.ranks):,}",
                byte_size(ALLREDUCE[name](self.message_bytes, self.ranks, 1.0, 0.0), 4),
            )
            for name in ALLREDUCE
        )
        return [
            Table(
                f"{byte_size(self.message_bytes)} on {self.ranks:,} ranks: hops and bytes in sequence",
                ("Algorithm", "time", "hops", "bytes"),
                rows,
                emphasis=list(ALLREDUCE).index(self.context),
            )
        ]

    def reflection(self) -> Question:
        now = seventy("ring", GPUS.value)
        fewer = seventy("ring", GPUS.value / 2)
        quicker = seventy("ring", GPUS.value, latency_s=ALPHA / 2)
        half = seventy("ring", GPUS.value, message_bytes=GRADIENTS_70B / 2)
        tree = seventy("tree", GPUS.value)
        return Question(
            f"{now:.1f} s is too long. Which single change cuts it by more than a third?",
            (
                Option(
                    "A",
                    f"{GPUS.value / 2:.0f} GPUs instead of {GPUS.value:,.0f}",
                    f"{fewer:.3f} s, {percent(1 - fewer / now)} better: the traffic per GPU hardly depends on $N$.",
                ),
                Option(
                    "B",
                    "Half the start-up cost α",
                    f"{quicker:.3f} s, {percent(1 - quicker / now)} better: start-ups are not what takes the time "
                    "here.",
                ),
                Option(
                    "C",
                    "Gradients in 8 bits",
                    f"{half:.3f} s, half. In this regime only bytes and bandwidth count.",
                    correct=True,
                ),
                Option(
                    "D",
                    "A tree instead of the ring",
                    f"{tree:.1f} s, {tree / now:.0f} times worse: every level of an unpipelined tree moves the whole "
                    "message.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("ring_allreduce_time", "tree_allreduce_time", "critical_message_bytes"),
            "For many ranks $2(N-1)/N$ tends to 2: a ring moves two messages per rank, however many ranks there are. "
            "Nothing moves fewer. To sum one chunk, $N - 1$ parts must leave their ranks, and $N - 1$ ranks must be "
            "sent the result: $2(N-1)M$ bytes in all, over $N$ ports. The critical size $\\alpha\\beta$ is that of one "
            "transfer, not of an all-reduce.",
        )


def hops(algorithm: str, ranks: float) -> int:
    """Start-ups in sequence: the time of an empty message in units of the start-up cost."""
    return round(ALLREDUCE[algorithm](0.0, ranks, 1.0, 1.0))


# --- Act II --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BucketOutcome:
    """One training step with bucketed gradients and small blocking calls.

    `gradient_curve_s` is the exposed gradient communication over `BUCKETS`, `double_curve_s` the exposed total of the
    double binary tree in the same scope. `holds` says whether the design is within budget at the network's usual
    start-up cost, whatever `latency_s` is set to.
    """

    buckets: int
    bucket_time_s: float
    total_gradient_comm_s: float
    bandwidth_term_s: float
    exposed_gradient_s: float
    exposed_small_s: float
    exposed_s: float
    exposed_fraction: float
    step_s: float
    bandwidth_wall: bool
    status: str
    bucket_bytes: float
    latency_s: float
    holds: bool
    gradient_curve_s: Array
    double_curve_s: Array

    @property
    def compute_s(self) -> float:
        """Computation of the step (s)."""
        return COMPUTE_S


def allreduce_s(message_bytes: Any, scope: str, algorithm: str, latency_s: float = ALPHA) -> Any:
    """An all-reduce over all GPUs of Act II (s): flat, or first inside the nodes."""
    if scope == "flat":
        return ALLREDUCE[algorithm](message_bytes, GPUS.value, NIC, latency_s)
    return physics.hierarchical_allreduce_time(
        message_bytes,
        NODES,
        NODE_GPUS,
        c.NVLINK4_BW.value,
        NIC,
        c.NVLINK_EFFECTIVE_LATENCY.value,
        latency_s,
        algorithm,
    )


def transfer_s(message_bytes: float, scope: str, algorithm: str) -> float:
    """The same without any start-up (s)."""
    if scope == "flat":
        return ALLREDUCE[algorithm](message_bytes, GPUS.value, NIC, 0.0)
    return physics.hierarchical_allreduce_time(
        message_bytes, NODES, NODE_GPUS, c.NVLINK4_BW.value, NIC, 0.0, 0.0, algorithm
    )


def exposed_gradients(gradient_bytes: float, buckets: Any, scope: str, algorithm: str, latency_s: float) -> Any:
    """Gradient communication that the backward pass does not hide (s), for one or many numbers of buckets."""
    bucket_s = allreduce_s(gradient_bytes / buckets, scope, algorithm, latency_s)
    return physics.exposed_bucketed_time(buckets, bucket_s, BACKWARD_S)


def small_calls_s(scope: str, algorithm: str, latency_s: float = ALPHA) -> float:
    """All small calls of a step (s)."""
    return SMALL_CALLS * allreduce_s(SMALL_BYTES.value, scope, algorithm, latency_s)


def exposed_in_all(
    scope: str,
    gradient_algorithm: str,
    small_algorithm: str,
    bucket_bytes: float,
    bytes_per_value: int,
    latency_s: float,
) -> tuple[float, float]:
    """Exposed communication of a design (s): gradients, small calls."""
    gradients = bytes_per_value * c.PARAMS_7B.value
    buckets = physics.bucket_count(gradients, bucket_bytes)
    return (
        exposed_gradients(gradients, buckets, scope, gradient_algorithm, latency_s),
        small_calls_s(scope, small_algorithm, latency_s),
    )


@cache
def passing_buckets(latency_s: float = ALPHA, bytes_per_value: int = 2) -> tuple[int, int] | None:
    """Fewest and most buckets with which hierarchical rings and trees for statistics stay within budget."""
    gradients = bytes_per_value * c.PARAMS_7B.value
    count = np.arange(1, 5000)
    exposed = exposed_gradients(gradients, count, "hierarchical", "ring", latency_s)
    passing = count[exposed + small_calls_s("hierarchical", "tree", latency_s) <= BUDGET_S]
    return (int(passing[0]), int(passing[-1])) if len(passing) else None


@cache
def ring_over_tree(latency_s: float) -> Array:
    """Ring time over tree time at the middle of every cell of the map."""
    middle = np.sqrt(MAP_EDGES[1:] * MAP_EDGES[:-1])[:, None]
    ring, tree = (ALLREDUCE[name](middle, RANKS, NIC, latency_s) for name in ("ring", "tree"))
    return np.asarray(ring / tree)


class TwoAlgorithms(Act):
    """Act II: large and small all-reduces on one network."""

    title = "One cluster, two algorithms"
    minutes = 23
    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "bucket_bytes": (5.012e7, 1.585e8, 3.981e8, 1e9, 1.995e9),
        "latency_s": (10e-6, 20e-6),
    }

    scope = choice(
        "Scope of an all-reduce",
        {"flat": f"flat: {GPUS.value:,.0f} ranks", "hierarchical": f"hierarchical: {NODE_GPUS} × {NODES}"},
        "flat",
        reason="all ranks in one collective, or inside the nodes first",
    )
    gradient_algorithm = choice(
        "Gradients by",
        {"ring": "ring", "tree": "tree"},
        "ring",
        reason="the two algorithms of the chapter",
        per_context={TREE.id: {"default": "tree"}},
    )
    small_algorithm = choice(
        "Statistics by",
        {"ring": "ring", "tree": "tree"},
        "ring",
        reason="the two algorithms of the chapter",
        per_context={TREE.id: {"default": "tree"}},
    )
    bucket_bytes = log_slider(
        "Bucket",
        1e6,
        2 * c.PARAMS_7B.value,
        20,
        BUCKET.value,
        also=(BUCKET_SOLVED.value,),
        text=byte_size,
        reason="from one parameter tensor to the whole gradient in BF16",
    )
    bytes_per_value = choice("Gradient format", FORMATS, 2, reason="formats in use: 1, 2 and 4 bytes a value")
    latency_s = start_up_cost("Start-up cost α between nodes")

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        scope: str,
        gradient_algorithm: str,
        bucket_bytes: float,
        small_algorithm: str,
        bytes_per_value: int,
        latency_s: float = ALPHA,
    ) -> BucketOutcome:
        gradients = bytes_per_value * c.PARAMS_7B.value
        buckets = physics.bucket_count(gradients, bucket_bytes)
        bucket_s = allreduce_s(gradients / buckets, scope, gradient_algorithm, latency_s)
        design = (scope, gradient_algorithm, small_algorithm, bucket_bytes, bytes_per_value)
        exposed_gradient, exposed_small = exposed_in_all(*design, latency_s)
        exposed = exposed_gradient + exposed_small
        fraction = exposed / COMPUTE_S
        bandwidth = transfer_s(gradients, scope, gradient_algorithm)
        holds = at_most(sum(exposed_in_all(*design, ALPHA)), BUDGET_S)
        counts = physics.bucket_count(gradients, BUCKETS)
        double = np.full(BUCKETS.shape, np.nan)
        if holds:
            double = exposed_gradients(gradients, counts, scope, "double_tree", latency_s)
            double = double + small_calls_s(scope, "double_tree", latency_s)
        return BucketOutcome(
            buckets=buckets,
            bucket_time_s=bucket_s,
            total_gradient_comm_s=buckets * bucket_s,
            bandwidth_term_s=bandwidth,
            exposed_gradient_s=exposed_gradient,
            exposed_small_s=exposed_small,
            exposed_s=exposed,
            exposed_fraction=fraction,
            step_s=COMPUTE_S + exposed,
            bandwidth_wall=not at_most(bandwidth, BACKWARD_S),
            status=(
                "stall"
                if not at_most(fraction, 1.0)
                else "ok"
                if at_most(fraction, BUDGET_FRACTION.value)
                else "over_budget"
            ),
            bucket_bytes=gradients / buckets,
            latency_s=latency_s,
            holds=holds,
            gradient_curve_s=exposed_gradients(gradients, counts, scope, gradient_algorithm, latency_s),
            double_curve_s=double,
        )

    @classmethod
    def asked(cls, algorithm: str = "ring", **changes: Any) -> BucketOutcome:
        """The job as it runs today, with one algorithm for all; some controls changed."""
        controls = {
            "scope": "flat",
            "gradient_algorithm": algorithm,
            "small_algorithm": algorithm,
            "bucket_bytes": BUCKET.value,
            "bytes_per_value": 2,
        }
        return cls.compute(RING.id, **{**controls, **changes})

    def limits(self) -> dict[str, Any]:
        if self.outcome is not None and self.outcome.holds:
            return {}
        return {"latency_s": f"Fixed at {1e6 * ALPHA:g} µs while you design. It moves once your design is in budget."}

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if values["latency_s"] == ALPHA:
            return {}
        design = {name: value for name, value in values.items() if name != "latency_s"}
        exposed = sum(exposed_in_all(**design, latency_s=ALPHA))
        return {} if at_most(exposed, BUDGET_S) else {"latency_s": ALPHA}

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        return Message(
            "Training Performance Lead, a speech-model lab",
            f"Same 7B job, same code, moved from {GPUS_BEFORE.value:.0f} to {GPUS.value:,.0f} GPUs. Compute is still "
            f"{COMPUTE_S:.2f} s a step, but the GPUs spend most of the time waiting. The trace shows hundreds of "
            f"gradient all-reduces and {SMALL_CALLS} tiny ones of {SMALL_BYTES.value:.0f} bytes. Leadership will pull "
            f"the allocation on Friday unless exposed communication is under "
            f"**{percent(BUDGET_FRACTION.value, 0)} of compute, {1e3 * BUDGET_S:.0f} milliseconds**.",
        )

    def concept(self) -> str:
        return (
            "Frameworks group gradients into *buckets*, so that communication starts while the backward pass still "
            "runs. Every bucket is one all-reduce. Small buckets overlap well and pay the start-up cost often; one "
            "giant bucket pays it once and overlaps with nothing. What is left after the backward pass is *exposed*: "
            "the last bucket at least.\n\n"
            f"Separately, {SMALL_CALLS} blocking calls for the statistics of layers cannot overlap at all."
        )

    def from_ledger(self) -> str:
        shard, ranks = self._shard()
        if shard is None or ranks is None:
            return ""
        return (
            f"In V2-05 each GPU exchanged a gradient shard of **{byte_size(shard)}** with {ranks:,.0f} data-parallel "
            "ranks: it is marked on the map of ring and tree."
        )

    def _shard(self) -> tuple[float | None, float | None]:
        """Bytes and ranks of the gradient shard of V2-05; None where there is none to draw."""
        shard, ranks = self.lab.read("v2_05", "gradient_shard_bytes"), self.lab.read("v2_05", "dp")
        return (shard, ranks) if shard and ranks and shard > 0 and ranks >= 1 else (None, None)

    def prediction(self) -> ChoicePrediction:
        o = self.asked()
        tree_start = 1 / ALPHA * allreduce_s(0.0, "flat", "tree")
        as_tree = o.bandwidth_term_s + o.buckets * tree_start * ALPHA
        start, moved = allreduce_s(0.0, "flat", "ring"), o.bandwidth_term_s / o.buckets
        crossover = physics.ring_tree_crossover_bytes(GPUS.value, NIC, ALPHA)
        return ChoicePrediction(
            f"A flat ring over {GPUS.value:,.0f} ranks, {2 * c.PARAMS_7B.value / 1e9:.0f} GB of gradients in buckets "
            f"of {BUCKET.value / 2**20:.0f} MiB. How long do all gradient all-reduces of a step take together, before "
            "any overlap?",
            (
                Option(
                    "A",
                    f"{o.bandwidth_term_s:.2f} s: the bytes are the bytes",
                    f"The bytes are unchanged by buckets, the start-ups are not: 2 × {GPUS.value - 1:,.0f} in a row "
                    f"for each of {o.buckets} buckets.",
                    value=o.bandwidth_term_s,
                ),
                Option(
                    "B",
                    f"{as_tree:.2f} s: a few start-ups per bucket",
                    f"{tree_start:.0f} in a row is the depth of a tree; a ring passes each chunk through "
                    f"{GPUS.value - 1:,.0f} neighbours, twice.",
                    value=as_tree,
                ),
                Option(
                    "C",
                    f"{2 * o.bandwidth_term_s:.2f} s: as much start-up as bytes",
                    f"Ring and *tree* are equal near {byte_size(crossover)}; inside the ring the start-ups of this "
                    f"bucket take {start / moved:.1f} times as long as its bytes.",
                    value=2 * o.bandwidth_term_s,
                ),
                Option(
                    "D",
                    f"{o.total_gradient_comm_s:.1f} s: start-ups above all",
                    f"{o.buckets * start:.2f} s of start-ups, {o.bandwidth_term_s:.2f} s of bytes.",
                    value=o.total_gradient_comm_s,
                    correct=True,
                ),
            ),
            actual=o.total_gradient_comm_s,
            form=lambda seconds: f"{number(seconds)} s",
            why=(
                f"{o.buckets} buckets × ({1e3 * start:.2f} ms of start-ups + {1e3 * moved:.3f} ms of bytes) = "
                f"{o.total_gradient_comm_s:.2f} s."
            ),
        )

    def challenge(self) -> str:
        return (
            f"Bring exposed communication to at most {percent(BUDGET_FRACTION.value, 0)} of the {COMPUTE_S:.3f} s of "
            f"compute, {1e3 * BUDGET_S:.2f} ms a step. "
            f"{'A ring' if self.context == RING.id else 'A tree'} for everything is where you start; each class "
            "of message may have its own algorithm. Once your design is in budget, the start-up cost α is yours to "
            "move, and a third algorithm appears on the first plot."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(f"Exposed ≤ {percent(BUDGET_FRACTION.value, 0)} of compute", lambda o: o.status == "ok"),
            Constraint(f"Transfer ≤ {1e3 * BACKWARD_S:.0f} ms window", lambda o: not o.bandwidth_wall),
            Constraint(f"Statistics ≤ {1e3 * BUDGET_S:.1f} ms", lambda o: at_most(o.exposed_small_s, BUDGET_S)),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure(
                "stall",
                "NETWORK STALL:",
                when=lambda o: o.status == "stall",
                text=lambda o: (
                    f"GPUs wait {o.exposed_s:.2f} s for every {COMPUTE_S:.2f} s of compute "
                    f"({100 * o.exposed_s / o.step_s:.0f} % idle). {counted(o.buckets, 'buckets')} "
                    f"× {1e3 * o.bucket_time_s:.2f} ms = {o.total_gradient_comm_s:.2f} s for a window of "
                    f"{BACKWARD_S:.2f} s; statistics {o.exposed_small_s:.2f} s."
                ),
            ),
            Failure(
                "wall",
                "BANDWIDTH WALL:",
                when=lambda o: o.bandwidth_wall,
                text=lambda o: (
                    f"no bucket size can hide this: {o.bandwidth_term_s:.3f} s of pure transfer, {BACKWARD_S:.3f} s of "
                    "backward pass. Move fewer bytes over the slow link."
                ),
                severity="warn",
            ),
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: BucketOutcome) -> dict[str, Any]:
        o = outcome
        return {
            "exposed": self._exposed(o),
            "timeline": self._timeline(o),
            "step": latency_waterfall(
                [
                    Bar(
                        "step",
                        {"compute": COMPUTE_S, "gradients": o.exposed_gradient_s, "statistics": o.exposed_small_s},
                    )
                ],
                title="Where the time of a step goes",
                unit="s",
                scale=1.0,
                limits=[Limit(COMPUTE_S + BUDGET_S, "budget")],
                tokens=("data", "series-4", "series-5"),
                caption=(
                    f"{COMPUTE_S:.3f} s of compute, {duration(o.exposed_gradient_s)} of exposed gradients, "
                    f"{duration(o.exposed_small_s)} of statistics: a step of {o.step_s:.4g} s, "
                    f"{percent(o.exposed_s / o.step_s)} of it waiting."
                ),
            ),
            "map": self._map(o),
        }

    def _exposed(self, o: BucketOutcome) -> Any:
        added = (
            " Dotted: the double binary tree for both classes, "
            f"{percent(float(np.nanmin(o.double_curve_s)) / COMPUTE_S)} of compute at its best bucket."
            if o.holds
            else ""
        )
        return exposed_over_bucket(
            BUCKETS,
            o.gradient_curve_s,
            o.exposed_small_s,
            other_s=o.double_curve_s,
            other=SHORT["double_tree"],
            budget=(BUDGET_S, "budget"),
            here=(self.bucket_bytes, o.exposed_s),
            title="Exposed communication over the bucket size",
            caption=(
                f"{byte_size(self.bucket_bytes)} buckets leave {duration(o.exposed_s)} exposed, "
                f"{percent(o.exposed_fraction)} of compute; the budget is {duration(BUDGET_S)}. Left of the lowest "
                f"point start-ups cost too much, right of it the last bucket is too long.{added}"
            ),
        )

    def _timeline(self, o: BucketOutcome) -> Any:
        index = np.arange(1.0, o.buckets + 1.0)
        ready = index * BACKWARD_S / o.buckets
        start = physics.bucket_start_time(index, o.buckets, o.bucket_time_s, BACKWARD_S)
        predicted = self.predicted()
        as_asked = self.context == RING.id and all(
            getattr(self, name) == value
            for name, value in (
                ("scope", "flat"),
                ("gradient_algorithm", "ring"),
                ("bucket_bytes", BUCKET.value),
                ("bytes_per_value", 2),
            )
        )
        exposed = max(0.0, float(start[-1]) + o.bucket_time_s - BACKWARD_S)
        return bucket_timeline(
            ready,
            start,
            o.bucket_time_s,
            backward_s=BACKWARD_S,
            predicted_s=float(ready[0]) + predicted if predicted is not None and as_asked else None,
            title="The buckets of one step",
            caption=(
                f"{counted(o.buckets, 'buckets')} of {byte_size(o.bucket_bytes)}, one ready every "
                f"{duration(BACKWARD_S / o.buckets)}, {duration(o.bucket_time_s)} each on the network; "
                f"{duration(exposed)} stay after the backward pass."
            ),
        )

    def _map(self, o: BucketOutcome) -> Any:
        flat = self.scope == "flat"
        ranks, part = (GPUS.value, 1) if flat else (float(NODES), NODE_GPUS)
        bucket, small = o.bucket_bytes / part, SMALL_BYTES.value / part
        shard, dp = self._shard()
        own = shard is not None and dp is not None
        at = physics.ring_tree_crossover_bytes(ranks, NIC, o.latency_s)
        sides = [
            f"{number(max(r, 1 / r))} times faster by {'tree' if r > 1 else 'ring'}"
            for r in (
                ALLREDUCE["ring"](n, ranks, NIC, o.latency_s) / ALLREDUCE["tree"](n, ranks, NIC, o.latency_s)
                for n in (bucket, small)
            )
        ]
        return ring_tree_map(
            RANKS,
            MAP_EDGES,
            ring_over_tree(o.latency_s),
            crossover=physics.ring_tree_crossover_bytes(RANKS, NIC, o.latency_s),
            spots=(
                Spot(("bucket", byte_size(bucket)), ranks, bucket),
                Spot(("statistics", byte_size(small)), ranks, small, marker="square"),
                Spot(
                    ("your V2-05", "gradient shard") if own else ("example", "shard"),
                    dp if own and dp else EXAMPLE_DP.value,
                    shard if own and shard else EXAMPLE_SHARD.value,
                    token="series-2",
                    marker="diamond",
                    drop=1.15,
                ),
            ),
            title="Ring or tree: which is faster, and how far",
            caption=(
                f"As the network between nodes sees them, on {ranks:,.0f} ranks: the bucket is {sides[0]}, the "
                f"statistics call {sides[1]}. Line: equal times, here {byte_size(at)}. The stronger a "
                "colour, the more: steps at 1.8, 3.2, 10 and 32 times."
            ),
        )

    def metrics(self, outcome: BucketOutcome) -> list[Metric]:
        o = outcome
        return [
            Metric("Buckets", f"{o.buckets:,}"),
            Metric.of("Time per bucket", duration(o.bucket_time_s)),
            Metric.of("All gradients", duration(o.total_gradient_comm_s, 4), note="before overlap"),
            Metric(
                "Pure transfer",
                f"{o.bandwidth_term_s:.4f}",
                "s",
                note=f"window {BACKWARD_S:.4f} s",
                status=held(not o.bandwidth_wall),
            ),
            Metric.of("Statistics", duration(o.exposed_small_s), status=held(at_most(o.exposed_small_s, BUDGET_S))),
            Metric.of("Exposed", duration(o.exposed_s), status=held(o.status == "ok")),
            Metric(
                "Exposed / compute",
                number(100 * o.exposed_fraction),
                "%",
                status=held(o.status == "ok"),
            ),
            Metric("Step", f"{o.step_s:.4f}", "s"),
        ]

    def tables(self, outcome: BucketOutcome) -> list[Table]:
        o = outcome

        def row(name: str, size: float, algorithm: str, calls: int) -> tuple[str, ...]:
            start, whole = (allreduce_s(n, self.scope, algorithm, o.latency_s) for n in (0.0, size))
            return (
                name,
                f"{calls:,} × {byte_size(size)}",
                duration(start),
                duration(whole - start),
                duration(calls * whole),
            )

        return [
            Table(
                "Two classes of messages",
                ("One call", "how often", "start-ups", "bytes", "all calls"),
                (
                    row(f"gradients, {self.gradient_algorithm}", o.bucket_bytes, self.gradient_algorithm, o.buckets),
                    row(f"statistics, {self.small_algorithm}", SMALL_BYTES.value, self.small_algorithm, SMALL_CALLS),
                ),
            )
        ]

    def reflection(self) -> Question:
        ring, tree = (small_calls_s("flat", name) for name in ("ring", "tree"))
        moved = transfer_s(2 * c.PARAMS_7B.value, "hierarchical", "ring")
        start = allreduce_s(0.0, "flat", "ring")
        once = transfer_s(SMALL_BYTES.value, "flat", "ring")
        return Question(
            f"{SMALL_CALLS} calls of {SMALL_BYTES.value:.0f} bytes cost {1e3 * ring:.0f} ms on the flat ring, more "
            f"than the transfer of {2 * c.PARAMS_7B.value / 1e9:.0f} GB by the hierarchical ring ({1e3 * moved:.0f} "
            "ms). Why?",
            (
                Option(
                    "A",
                    "Small packets get low priority in switches",
                    "Nothing else is on the wire in this model; an idle network shows the same time.",
                ),
                Option(
                    "B",
                    f"A call costs 2(N − 1)α = {1e3 * start:.1f} ms whatever its size; a tree needs "
                    f"{hops('tree', GPUS.value)} hops instead of {hops('ring', GPUS.value):,}",
                    f"By tree all {SMALL_CALLS} calls take {1e3 * tree:.1f} ms.",
                    correct=True,
                ),
                Option(
                    "C",
                    f"{SMALL_BYTES.value:.0f} bytes are below the critical size, so bandwidth drops",
                    f"The bytes of a call take {duration(once)}; nothing is transferred for longer. The start-ups are "
                    "the time.",
                ),
                Option(
                    "D",
                    "They should be compressed",
                    "There is nothing to compress: an empty message would take as long. Fuse the calls or use a tree.",
                ),
            ),
        )

    def peek(self) -> Peek:
        fewest, most = passing_buckets() or (0, 0)
        gradients = 2 * c.PARAMS_7B.value
        small = small_calls_s("hierarchical", "tree")
        return Peek(
            (
                "hierarchical_allreduce_time",
                "ring_tree_crossover_bytes",
                "bucket_count",
                "exposed_bucketed_time",
            ),
            f"Window of bucket sizes: of {1e3 * BUDGET_S:.2f} ms the statistics take {1e3 * small:.2f}, which leaves "
            f"$b$ = {1e3 * (BUDGET_S - small):.2f} ms for gradients. The left end solves "
            "$k t_b - (1 - 1/k) T_{bwd} = b$, the right end $t_b = b$: hierarchical rings pass with "
            f"{fewest} to {most} buckets, {byte_size(gradients / most)} to {byte_size(gradients / (fewest - 1))}.",
        )


# --- the lab -------------------------------------------------------------------------------------------------


def instructor_notes() -> str:
    """Notes with the numbers of the model in them."""
    flat, tree = (TwoAlgorithms.asked(name) for name in ("ring", "tree"))
    gradients = 2 * c.PARAMS_7B.value
    double = exposed_gradients(gradients, flat.buckets, "hierarchical", "double_tree", ALPHA)
    double += small_calls_s("hierarchical", "double_tree")
    crossovers = [physics.ring_tree_crossover_bytes(n, NIC, ALPHA) for n in (GPUS.value, NODES)]
    slow = passing_buckets(2 * ALPHA)
    slow_text = (
        f"narrows to {byte_size(gradients / slow[1])}-{byte_size(gradients / (slow[0] - 1))}" if slow else "is empty"
    )
    slowest = passing_buckets(4 * ALPHA)
    last = "is empty and the ring must go" if slowest is None else f"still holds {slowest[0]}-{slowest[1]} buckets"
    return (
        f"- Students mix up three sizes: $\\alpha\\beta$ ({byte_size(physics.critical_message_bytes(ALPHA, NIC))} "
        f"here), the crossover of ring and tree ({byte_size(crossovers[0])} on {GPUS.value:,.0f} ranks, "
        f"{byte_size(crossovers[1])} on {NODES} nodes), and the bucket. Ask them what happens at each.\n- A "
        f"coincidence to discuss: the default bucket lies next to the crossover of {GPUS.value:,.0f} ranks, so that "
        f"ring and tree cost almost the same there ({1e3 * flat.bucket_time_s:.1f} and {1e3 * tree.bucket_time_s:.1f} "
        "ms a bucket), and both are bad.\n- Naive moves fail: larger buckets alone, the hierarchy alone, 8 bits "
        "alone. FP32 cannot pass. Each pure context fails; the design that passes mixes them.\n- Once a design is in "
        "budget the double binary tree appears: hierarchical, with the default bucket, it leaves "
        f"{percent(double / COMPUTE_S)} exposed. Libraries use it for this reason; it stays hidden during the "
        "challenge so that the trade-off is understood first. Its limits are contention and set-up, which the model "
        f"leaves out.\n- Extension: move α of a passing design. At {2e6 * ALPHA:g} µs the window {slow_text}; at "
        f"{4e6 * ALPHA:g} µs it {last}."
    )


class OneRing(Lab):
    """The message size decides whether the depth or the traffic of an algorithm is paid."""

    volume, number, slug = 2, 6, "lab_06_collective_comms"
    title = "One Ring Does Not Rule Them All"
    question = "Which all-reduce for which message?"
    chapter = TEXTBOOK
    invariant = (
        "An all-reduce pays a latency term for the depth of its algorithm and a bandwidth term for its traffic; the "
        "size of the message decides which of them you pay."
    )
    contexts = (RING, TREE)
    acts = (SixteenTimes, TwoAlgorithms)
    briefing = (
        "Two opposite mistakes live side by side. *More GPUs make synchronising dearer for each of them*: the ring "
        "refutes it. *The ring is bandwidth-optimal, so use it everywhere*: its start-ups refute that. In Act I you "
        "put a number on sixteen times as many GPUs. In Act II large gradients and tiny statistics share one network, "
        "and the size of a bucket moves a message from one regime to the other."
    )
    reading = (
        Reading(
            f"{TEXTBOOK}, Gradient synchronization; AllReduce cost for a 70B model",
            "why every rank needs every gradient, and the size of the bill",
        ),
        Reading(
            f"{TEXTBOOK}, The reality: when physics fights back",
            "the alpha-beta model: a tax per start-up and a fee per byte",
        ),
        Reading(
            f"{TEXTBOOK}, Theory vs. practice: the NCCL reality gap",
            "why the effective start-up cost is several times the latency of the wire",
        ),
        Reading(
            f"{TEXTBOOK}, The bandwidth-optimal lower bound; Ring, Tree, Double binary tree",
            "what each algorithm costs",
        ),
        Reading(f"{TEXTBOOK}, The algorithm crossover point", "where ring and tree take equally long"),
        Reading(
            f"{TEXTBOOK}, Hierarchical AllReduce",
            "reduce-scatter inside the node, all-reduce across nodes, all-gather inside the node",
        ),
    )
    assumptions = (
        "- Full-duplex links without contention; reduction arithmetic is free.\n- The effective start-up cost lumps "
        "library overhead into one number per hop. Measured times of small messages vary by protocol, hence the "
        f"slider.\n- The tree is not pipelined; the double binary tree is its pipelined form.\n- Act II: {NODES} "
        f"nodes of {NODE_GPUS} GPUs with an adapter each; in the hierarchy the {NODE_GPUS} collectives of a node run "
        "side by side, and inside a node all is a ring over NVLink.\n- Equal buckets, ready at equal distances during "
        f"the backward pass; hidden traffic slows no computation down.\n- {SMALL_CALLS} calls of "
        f"{SMALL_BYTES.value:.0f} bytes: scale factors of every layer, forward and backward, all blocking.\n- The 7B "
        "job fits in 80 GB with ZeRO-1; memory is no constraint here."
    )
    constants = (
        c.PARAMS_70B,
        c.PARAMS_7B,
        c.LLAMA2_BATCH_TOKENS_POW2,
        c.LLAMA2_7B_LAYERS,
        c.H100_FLOPS_FP16_TENSOR,
        c.KERNEL_EFFICIENCY,
        c.IB_NDR_BW,
        c.IB_HDR_BW,
        c.ETH100_BW,
        c.NVLINK4_BW,
        c.IB_EFFECTIVE_LATENCY,
        c.NVLINK_EFFECTIVE_LATENCY,
        c.GPUS_PER_NODE,
        GPUS_BEFORE,
        GPUS,
        PICTURED,
        BUCKET,
        BUCKET_SOLVED,
        SMALL_BYTES,
        SMALL_PER_LAYER,
        BACKWARD_SHARE,
        BUDGET_FRACTION,
        EXAMPLE_SHARD,
        EXAMPLE_DP,
    )
    reads = (("v2_05", "gradient_shard_bytes"), ("v2_05", "dp"), ("v2_03", "oversubscription"))
    instructor_notes = instructor_notes()

    def result(self) -> float:
        return self.act2.outcome.exposed_fraction

    def decision(self) -> str:
        values = self.act2.values()
        used = {values["gradient_algorithm"], values["small_algorithm"]}
        if values["bytes_per_value"] == 1:
            return "compressed"
        if len(used) == 1:
            return f"{used.pop()}_everywhere"
        return "hierarchical_mixed" if values["scope"] == "hierarchical" else "flat_mixed"

    def extras(self) -> dict[str, Any]:
        names = ("bucket_bytes", "gradient_algorithm", "small_algorithm", "scope", "bytes_per_value")
        values = self.act2.values()
        return {**{name: values[name] for name in names}, "exposed_s": self.act2.outcome.exposed_s}

    def solution(self, context: str) -> dict[str, Any]:
        return {
            "scope": "hierarchical",
            "gradient_algorithm": "ring",
            "small_algorithm": "tree",
            "bucket_bytes": BUCKET_SOLVED.value,
        }

    def breaking(self, context: str) -> dict[str, Any]:
        return {"bucket_bytes": 1e6}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
