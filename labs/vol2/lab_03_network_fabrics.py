"""V2-03 The Bisection Budget.

Act I: a control message of 4,000 bytes on a link of twice the bandwidth. Act II: 1,024 GPUs under a leaf-spine
fabric, two jobs with different neighbours, and money for three quarters of a non-blocking spine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from components.controls import choice, stops
from components.instruments.fabric import (
    SIZES,
    Fabric,
    Link,
    Pattern,
    Share,
    StepBar,
    communication_bars,
    crossing_map,
    fabric_topology,
    lever_curves,
    message_regimes,
    share_bars,
)
from components.instruments.waterfall import Bar, latency_waterfall
from components.metrics import Metric, held
from components.quantity import counted, duration, number, percent, plain, setting
from labs.base import (
    Act,
    ChoicePrediction,
    Constraint,
    Context,
    Failure,
    Lab,
    Message,
    NumberPrediction,
    Option,
    Peek,
    Question,
    Radio,
    Reading,
    Table,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c

FLEET = Context("fleet1024", "1,024-GPU", "cloud", "128 nodes under a leaf-spine fat tree, one adapter per GPU.")
NODE = Context("node8", "8-GPU", "tiny", "One node: eight GPUs at one NVSwitch, no fabric at all.")

TEXTBOOK = "Network Fabrics"
SMALL = scenario("control_message", 4_000.0, "B", "control message of a pipeline", TEXTBOOK, "chapter")
SHARD = scenario("shard", 100e6, "B", "shard of a gradient", TEXTBOOK, "chapter")
UPGRADE_FRANCS = scenario("upgrade_price", 2.1e6, "1", "price of the upgrade in francs", "the lab's scenario")
GPUS = c.CLUSTER_GPUS
RACK_NODES = scenario("rack_nodes", 4.0, "1", "nodes under a top-of-rack leaf: 32 ports of 8 each", TEXTBOOK, "chapter")
RAIL_NODES = scenario("rail_nodes", 32.0, "1", "nodes under a rail leaf: 32 ports of 1 each", TEXTBOOK, "chapter")
LOCAL_EFFICIENCY = c.KERNEL_EFFICIENCY
MOE_TOKENS = scenario("moe_tokens", 8192.0, "token", "tokens per GPU and step of the MoE job", "the lab's scenario")
WAIT_LIMIT = scenario("wait_limit", 0.30, "1", "communication share that is accepted", TEXTBOOK, "chapter")
EXHAUSTED = scenario(
    "exhausted", 0.50, "1", "communication share at which the fabric sets the pace", "course, Fleet Law", "chapter"
)
BUDGET = scenario(
    "budget", 1.5e6, "USD", "money for switches and optics", "three quarters of the non-blocking price, a first offer"
)
GPU_USD = scenario(
    "gpu_price", 25_000.0, "USD", "one H100", "published list prices of 2023-24, low end of 25,000-30,000"
)

NODE_GPUS = int(c.GPUS_PER_NODE.value)
RADIX = int(c.SWITCH_RADIX.value)
FLOP_S = c.H100_FLOPS_FP16_TENSOR.value * LOCAL_EFFICIENCY.value
BYTES = 2
#: Gradient bytes of one GPU: tensor parallelism over the node leaves each an eighth.
DENSE_BYTES = BYTES * c.PARAMS_70B.value / NODE_GPUS
MOE_COMPUTE_S = physics.training_flops(c.MIXTRAL_ACTIVE_PARAMS.value, MOE_TOKENS.value) / FLOP_S

PER_LEAF = {"tor": int(RACK_NODES.value), "rail": int(RAIL_NODES.value)}
OVERSUBSCRIPTION, LINK_RATES = (1, 2, 4, 8), (200, 400)
WIRING = {"tor": "racks: 4 nodes per leaf", "rail": "rails: 32 nodes per leaf"}
PLACEMENT = {"packed": "packed, in leaf order", "random": "random, first come"}

LINKS = {
    "nvlink": Link("NVLink", c.NVLINK_ALPHA.value, c.NVLINK4_BW.value, "series-3"),
    "ndr": Link("NDR", c.IB_ALPHA.value, c.IB_NDR_BW.value, "data"),
    "hdr": Link("HDR", c.IB_ALPHA.value, c.IB_HDR_BW.value, "series-2"),
    "roce100": Link("RoCE", c.ETH_ALPHA.value, c.ETH100_BW.value, "series-4"),
}
#: Entries from 3.5 to 4.4 are right: the average, and the pace of the worst leaf.
TOLERANCE = 0.1275
#: Switches on the longest path, and the one that it is compared with.
HOPS = (1, 3, 5)


def million(usd: float, digits: int = 2) -> str:
    """Money in millions: 1.95M USD."""
    return f"{usd / 1e6:.{digits}f}M USD"


def size(value: float) -> str:
    """A message size: 4 KB, 100 MB, as the course writes it."""
    return setting(value, "B").replace(" kB", " KB")


# --- Act I ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MessageOutcome:
    """One message on one path, and what two levers gain for it (times; None without the lever)."""

    latency_s: float
    time_s: float
    crossover_bytes: float
    latency_share: float
    bytes_s: float
    faster_gain: float
    shorter_gain: float | None


def path(link: str, hops: Any) -> Any:
    """Start-up time of a path over so many switches (s)."""
    return physics.path_latency(LINKS[link].latency_s, hops, c.SWITCH_HOP_LATENCY.value)


def faster(link: str, hops: int, message_bytes: Any) -> Any:
    """Gain from twice the bandwidth."""
    bandwidth = LINKS[link].bandwidth_bytes_s
    latency = path(link, hops)
    return physics.transfer_time(message_bytes, bandwidth, latency) / physics.transfer_time(
        message_bytes, 2 * bandwidth, latency
    )


def shorter(link: str, message_bytes: Any) -> Any:
    """Gain from one switch instead of five."""
    bandwidth = LINKS[link].bandwidth_bytes_s
    return physics.transfer_time(message_bytes, bandwidth, path(link, HOPS[-1])) / physics.transfer_time(
        message_bytes, bandwidth, path(link, HOPS[0])
    )


class TwiceTheBandwidth(Act):
    """Act I: what a link of twice the bandwidth does for a message of 4,000 bytes."""

    title = "Twice the bandwidth"
    minutes = 13

    message_bytes = stops(
        "Message",
        [m * 10.0**k for k in range(10) for m in (1, 2, 4)] + [1e10],
        SMALL.value,
        text=size,
        reason="from a control word to a whole gradient",
    )
    link = choice(
        "Link",
        {
            "nvlink": "NVLink 4, through NVSwitch",
            "ndr": "InfiniBand NDR, 400 Gb/s",
            "hdr": "InfiniBand HDR, 200 Gb/s",
            "roce100": "RoCE, 100 Gb/s",
        },
        "hdr",
        reason="the links of the chapter",
        per_context={"node8": {"default": "nvlink"}},
    )
    hops = choice(
        "Switches on the path",
        {1: "1, same leaf", 3: "3, leaf to leaf", 5: "5, three tiers"},
        1,
        reason="same leaf or rail; leaf, spine, leaf; three tiers",
        per_context={"node8": {"options": {1: "1, the NVSwitch"}}},
    )

    @classmethod
    def compute(cls, context: str, *, message_bytes: float, link: str, hops: int) -> MessageOutcome:
        bandwidth = LINKS[link].bandwidth_bytes_s
        latency = path(link, hops)
        time = physics.transfer_time(message_bytes, bandwidth, latency)
        return MessageOutcome(
            latency_s=latency,
            time_s=time,
            crossover_bytes=physics.critical_message_bytes(latency, bandwidth),
            latency_share=latency / time,
            bytes_s=time - latency,
            faster_gain=faster(link, hops, message_bytes),
            shorter_gain=None if context == NODE.id or link == "nvlink" else shorter(link, message_bytes),
        )

    @classmethod
    @cache
    def times(cls, message_bytes: float = SMALL.value) -> tuple[float, float]:
        """The message on HDR and on NDR through one switch (s)."""
        hdr, ndr = (
            cls.compute(FLEET.id, message_bytes=message_bytes, link=link, hops=1).time_s for link in ("hdr", "ndr")
        )
        return hdr, ndr

    def limits(self) -> dict[str, Any]:
        if self.context == NODE.id:
            return {"hops": "Inside a node every pair of GPUs is one NVSwitch apart."}
        if self.link == "nvlink":
            return {"hops": {n: "NVLink ends at the NVSwitch of its node." for n in HOPS[1:]}}
        return {}

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"hops": 1} if values["link"] == "nvlink" and values["hops"] > 1 else {}

    def message(self) -> Message:
        return Message(
            "Cluster Operations Lead, a genomics institute",
            f"Our pipeline-parallel job sends {SMALL.value / 1e3:g}-kilobyte control messages all day and crawls. "
            f"Purchasing has approved the move from 200 to 400 gigabit InfiniBand, {UPGRADE_FRANCS.value / 1e6:g} "
            'million francs, on the promise **"twice the bandwidth, half the time"**. I need a number before the order '
            "leaves the house.",
        )

    def concept(self) -> str:
        return (
            "A message pays a start-up time $\\alpha$ (software, adapter, switches, error correction), and then "
            f"$n/\\beta$ for its bytes. Both generations here, HDR with {c.IB_HDR_BW.value / 1e9:g} GB/s and NDR with "
            f"{c.IB_NDR_BW.value / 1e9:g} GB/s, have $\\alpha$ = {duration(c.IB_ALPHA.value, 2)} through one switch."
        )

    def prediction(self) -> ChoicePrediction:
        old, new = self.times()
        big_old, big_new = self.times(SHARD.value)
        share_old, share_new = (1 - c.IB_ALPHA.value / time for time in (old, new))
        fec = c.FEC_LATENCY.value
        ndr = physics.critical_message_bytes(c.IB_ALPHA.value, c.IB_NDR_BW.value)
        nvlink = physics.critical_message_bytes(c.NVLINK_ALPHA.value, c.NVLINK4_BW.value)
        half = 1 / (0.5 + 0.25)
        slower = old / (new + fec)
        return ChoicePrediction(
            f"By which factor does a message of {SMALL.value:,.0f} bytes get faster on the new link?",
            (
                Option(
                    "A",
                    "2.00×",
                    "*Double bandwidth, half the time* counts the bytes alone. They take "
                    f"{percent(share_new, 0)} to {percent(share_old, 0)} of the time of this message.",
                    value=2.0,
                ),
                Option(
                    "B",
                    f"{half:.2f}×",
                    "*About half the time is bandwidth* guesses the split. It is "
                    f"{percent(1 - share_old, 0)} start-up to {percent(share_old, 0)} bytes, not 50 to 50.",
                    value=half,
                ),
                Option(
                    "C",
                    f"{old / new:.2f}×",
                    f"At {size(SMALL.value)} you are {ndr / SMALL.value:.0f} times below the crossover of {size(ndr)}.",
                    value=old / new,
                    correct=True,
                ),
                Option(
                    "D",
                    f"{slower:.2f}×",
                    f"*Slightly slower, because 400G needs error correction* counts {duration(fec, 2)} of FEC twice: "
                    "PAM4 lanes and their FEC came with HDR.",
                    value=slower,
                ),
            ),
            actual=old / new,
            form=lambda value: f"{value:.2f}×",
            why=(
                f"{duration(old)} become {duration(new)}. A shard of {size(SHARD.value)} gains "
                f"{big_old / big_new:.3f}× from the same upgrade. And mind the fast link: the crossover of NVLink lies "
                f"at {size(nvlink)}, {nvlink / ndr:.0f} times *higher* than that of NDR; faster links make more "
                "messages "
                "latency-bound."
            ),
        )

    def plots(self, outcome: MessageOutcome) -> dict[str, Any]:
        o = outcome
        link = LINKS[self.link]
        chosen = Link(link.name, o.latency_s, link.bandwidth_bytes_s, link.token)
        predicted = self.predicted()
        single = LINKS[self.link].latency_s
        further = o.latency_s - single
        side = "bandwidth" if self.message_bytes > o.crossover_bytes else "latency"
        terms = ("first switch", "further switches", "bytes")

        def bar(name: str, *parts: float) -> Bar:
            return Bar(name, dict(zip(terms, (part / o.time_s for part in parts), strict=True)))

        through = counted(self.hops, "switches")
        no_path = self.context == NODE.id or self.link == "nvlink"
        shown_sizes = np.full(SIZES.shape, np.nan) if no_path else shorter(self.link, SIZES)
        return {
            "regimes": message_regimes(
                [*LINKS.values()],
                chosen=chosen,
                here=self.message_bytes,
                clear=(0,) if self.context == NODE.id else (1, 2, 3),
                title="Latency or bandwidth: which term decides",
                caption=(
                    f"Bold: {link.name} through {through}. {size(self.message_bytes)} take {duration(o.time_s)}; the "
                    f"crossover lies at {size(o.crossover_bytes)}, so {side} decides. Dots: crossovers of the four "
                    "links through one switch."
                ),
            ),
            "levers": lever_curves(
                faster(self.link, self.hops, SIZES),
                shown_sizes,
                here=self.message_bytes,
                gains=(o.faster_gain, np.nan if o.shorter_gain is None else o.shorter_gain),
                names=(("twice the", "bandwidth"), "1 switch instead of 5"),
                predicted=None if predicted is None else (SMALL.value, predicted),
                title="What each lever gains",
                caption=(
                    f"{link.name}, {size(self.message_bytes)}: {o.faster_gain:.3f}× from twice the bandwidth, "
                    + (
                        "and no path to shorten behind one NVSwitch."
                        if o.shorter_gain is None
                        else f"{o.shorter_gain:.3f}× from one switch instead of five."
                    )
                ),
            ),
            "share": latency_waterfall(
                [
                    bar("now", single, further, o.bytes_s),
                    bar("twice the β", single, further, o.bytes_s / 2),
                    bar("1 switch", single, 0.0, o.bytes_s),
                ],
                title="What the time is made of, % of now",
                unit="%",
                scale=100,
                high=132,
                row=48,
                caption=(
                    f"Start-up takes {percent(o.latency_share)} of {duration(o.time_s)}, the bytes "
                    f"{percent(1 - o.latency_share)}."
                ),
            ),
        }

    def metrics(self, outcome: MessageOutcome) -> list[Metric]:
        o = outcome
        return [
            Metric.of("Transfer time", duration(o.time_s, 4)),
            Metric.of("Start-up α", duration(o.latency_s)),
            Metric("Share of start-up", f"{100 * o.latency_share:.1f}", "%"),
            Metric.of("Crossover n*", size(o.crossover_bytes)),
            Metric("Twice the bandwidth", f"{o.faster_gain:.3f}", "×"),
            Metric("1 switch instead of 5", "–" if o.shorter_gain is None else f"{o.shorter_gain:.3f}", "×"),
        ]

    def tables(self, outcome: MessageOutcome) -> list[Table]:
        sizes = (self.message_bytes, SMALL.value, SHARD.value)
        gains = [[float(faster(self.link, self.hops, n)) for n in sizes]]
        rows = [("Twice the bandwidth", *(f"{gain:.3f}×" for gain in gains[0]))]
        if outcome.shorter_gain is None:
            rows.append(("1 switch instead of 5", "–", "–", "–"))
        else:
            rows.append(("1 switch instead of 5", *(f"{float(shorter(self.link, n)):.3f}×" for n in sizes)))
        columns = ("Lever", "your message", size(SMALL.value), size(SHARD.value))
        return [Table(f"Two levers on {LINKS[self.link].name}", columns, tuple(rows))]

    def reflection(self) -> Question:
        old, new = self.times()
        big_old, big_new = self.times(SHARD.value)
        ring = physics.ring_allreduce_time(DENSE_BYTES, GPUS.value / NODE_GPUS, c.IB_NDR_BW.value, c.IB_ALPHA.value)
        start = physics.ring_allreduce_time(0.0, GPUS.value / NODE_GPUS, c.IB_NDR_BW.value, c.IB_ALPHA.value)
        hops = float(shorter("ndr", SMALL.value))
        return Question(
            "You own one lever per traffic class. What is their best use?",
            (
                Option(
                    "A",
                    "Faster links for both: both are network traffic",
                    f"The message of {size(SMALL.value)} gains {percent(old / new - 1, 0)}.",
                ),
                Option(
                    "B",
                    "Shorter paths for control messages, faster links or more paths for gradients",
                    f"{hops:.1f}× from the path for the one, {big_old / big_new:.1f}× from the bandwidth for the "
                    "other.",
                    correct=True,
                ),
                Option(
                    "C",
                    "Shorter paths for both: an AllReduce has 2(N − 1) steps",
                    f"With {GPUS.value / NODE_GPUS:.0f} nodes and {DENSE_BYTES / 1e9:g} GB the start-up of those steps "
                    f"costs {1e3 * start:.1f} ms of {1e3 * ring:.0f} ms.",
                ),
                Option(
                    "D",
                    "Bigger messages: batch the control words",
                    "A good trick where the protocol allows it, but a pipeline cannot wait for its own control words.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("transfer_time", "critical_message_bytes", "path_latency"),
            "Doubling $\\beta$ speeds a message up by $\\frac{\\alpha + n/\\beta}{\\alpha + n/2\\beta}$, a factor "
            "between "
            "1 and 2. The crossover holds for the start-up time of the *whole path*: every further switch moves it to "
            "larger messages.",
        )


# --- Act II --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FabricOutcome:
    """A fabric, what two jobs do on it, and what it costs.

    `*_crossing` are the shares of a job's bytes that climb to the spine, `*_throughput` the throughput relative to
    the non-blocking fabric of the same GPUs and links, `*_loss_usd` the price of the GPUs that idle for the rest.
    """

    gpus: int
    bisection_tb_s: float
    bisection_per_gpu_gb_s: float
    dense_crossing: float
    moe_crossing: float
    dense_slowdown: float
    moe_slowdown: float
    dense_comm_s: float
    dense_compute_s: float
    dense_fraction: float
    moe_comm_s: float
    moe_compute_s: float
    moe_fraction: float
    dense_throughput: float
    moe_throughput: float
    dense_loss_usd: float
    moe_loss_usd: float
    leaves: int
    spines: int
    optical_links: int
    switches: int
    fabric_cost_usd: float
    saved_usd: float
    exhausted: bool
    meets_challenge: bool

    @property
    def result(self) -> float:
        """The larger of the two communication shares."""
        return max(self.dense_fraction, self.moe_fraction)


def crossings(gpus: int, wiring: str) -> tuple[float, float]:
    """Shares of the bytes that climb to the spine: packed ring, random ring or all-to-all."""
    nodes, per_leaf = gpus // NODE_GPUS, PER_LEAF[wiring]
    return physics.crossing_fraction_ring(nodes, per_leaf), physics.crossing_fraction_uniform(nodes, per_leaf)


def fabric_price(gpus: int, oversubscription: int) -> float:
    """Price of switches and optics (USD)."""
    leaves, spines, uplinks = physics.leaf_spine_counts(gpus, RADIX, oversubscription)
    return physics.fabric_cost(leaves + spines, uplinks, c.SWITCH_USD.value, c.OPTICAL_LINK_USD.value)


@cache
def ring_order(nodes: int, per_leaf: int, placement: str) -> npt.NDArray[np.int64]:
    """The nodes, in the order of the leaves, as the drawn ring visits them.

    Of some random orders that one is drawn of which about as many edges leave their leaf as on average.
    """
    if placement == "packed":
        return np.arange(nodes)
    expected = nodes * physics.crossing_fraction_uniform(nodes, per_leaf)
    orders = [np.random.default_rng(seed).permutation(nodes) for seed in range(64)]

    def off(order: npt.NDArray[np.int64]) -> float:
        return abs(np.count_nonzero(order // per_leaf != np.roll(order, -1) // per_leaf) - expected)

    return min(orders, key=off)


class BisectionBudget(Act):
    """Act II: a fabric for two jobs that both leave their node."""

    title = "The bisection budget"
    minutes = 23

    gpus = choice(
        "GPUs",
        {n: f"{n:,}" for n in (256, 512, 1024, 2048)},
        1024,
        widget="select",
        reason="two tiers of switches with 64 ports end at 2,048",
    )
    link_gbit_s = choice(
        "Port per GPU",
        {200: "200 Gb/s (HDR)", 400: "400 Gb/s (NDR)"},
        400,
        reason="HDR and NDR",
        per_context={"node8": {"label": "Fleet to compare with: port per GPU"}},
    )
    oversubscription = choice(
        "Oversubscription of the spine",
        {r: f"{r}:1" for r in OVERSUBSCRIPTION},
        4,
        reason="divisors of the 32 uplinks of a leaf; 4:1 and 8:1 are cloud practice",
        per_context={"node8": {"label": "Fleet to compare with: oversubscription", "default": 1}},
    )
    wiring = choice("Wiring", WIRING, "tor", reason="32 down-ports hold 4 nodes with 8 ports, or 1 port of 32 nodes")
    placement = choice(
        "Placement of the ranks", PLACEMENT, "random", reason="topology-aware ranks, or nodes as they come free"
    )

    @classmethod
    @cache
    def compute(
        cls,
        context: str,
        *,
        gpus: int = int(GPUS.value),
        link_gbit_s: int = 400,
        oversubscription: int = 1,
        wiring: str = "tor",
        placement: str = "packed",
    ) -> FabricOutcome:
        inside = context == NODE.id
        # Inside a node the fleet's bytes are replayed over NVSwitch; its computation stays that of 1,024 GPUs.
        fleet = int(GPUS.value) if inside else gpus
        tokens = c.LLAMA2_BATCH_TOKENS.value
        dense_compute = physics.training_flops(c.PARAMS_70B.value, tokens) / (fleet * FLOP_S)
        gpus = NODE_GPUS if inside else gpus
        ranks = NODE_GPUS if inside else gpus // NODE_GPUS
        port = c.NVLINK4_BW.value if inside else link_gbit_s * 1e9 / 8
        latency = c.NVLINK_ALPHA.value if inside else c.IB_ALPHA.value
        r = 1 if inside else oversubscription
        packed, uniform = (0.0, 0.0) if inside else crossings(gpus, wiring)
        crossing = {"dense": packed if placement == "packed" else uniform, "moe": uniform}
        elsewhere = 1 - (1 / NODE_GPUS if inside else NODE_GPUS / gpus)
        moe_bytes = physics.moe_dispatch_bytes(
            c.MIXTRAL_LAYERS.value,
            c.MIXTRAL_TOP_K.value,
            c.MIXTRAL_WIDTH.value,
            MOE_TOKENS.value,
            BYTES,
            elsewhere,
        )

        def comm(job: str, ratio: int) -> float:
            bandwidth = physics.oversubscribed_bandwidth(port, ratio, crossing[job])
            if job == "moe":
                return moe_bytes / bandwidth
            return physics.ring_allreduce_time(DENSE_BYTES, ranks, bandwidth, latency)

        compute = {"dense": dense_compute, "moe": MOE_COMPUTE_S}
        now = {job: comm(job, r) for job in compute}
        free = {job: comm(job, 1) for job in compute}
        fraction = {job: physics.communication_fraction(now[job], compute[job]) for job in compute}
        throughput = {
            job: physics.oversubscription_relative_throughput(
                physics.communication_fraction(free[job], compute[job]), now[job] / free[job]
            )
            for job in compute
        }
        if inside:
            leaves = spines = uplinks = 0
            cost = saved = 0.0
        else:
            leaves, spines, uplinks = (int(n) for n in physics.leaf_spine_counts(gpus, RADIX, r))
            cost = fabric_price(gpus, r)
            saved = fabric_price(gpus, 1) - cost
        bisection = physics.fat_tree_bisection_bandwidth(gpus, port, r)
        largest = max(fraction.values())
        return FabricOutcome(
            gpus=gpus,
            bisection_tb_s=bisection / 1e12,
            bisection_per_gpu_gb_s=bisection / gpus / 1e9,
            dense_crossing=crossing["dense"],
            moe_crossing=crossing["moe"],
            dense_slowdown=max(1.0, r * crossing["dense"]),
            moe_slowdown=max(1.0, r * crossing["moe"]),
            dense_comm_s=now["dense"],
            dense_compute_s=dense_compute,
            dense_fraction=fraction["dense"],
            moe_comm_s=now["moe"],
            moe_compute_s=MOE_COMPUTE_S,
            moe_fraction=fraction["moe"],
            dense_throughput=throughput["dense"],
            moe_throughput=throughput["moe"],
            dense_loss_usd=(1 - throughput["dense"]) * gpus * GPU_USD.value,
            moe_loss_usd=(1 - throughput["moe"]) * gpus * GPU_USD.value,
            leaves=leaves,
            spines=spines,
            optical_links=uplinks,
            switches=leaves + spines,
            fabric_cost_usd=cost,
            saved_usd=saved,
            exhausted=not at_most(largest, EXHAUSTED.value),
            meets_challenge=not inside
            and gpus == GPUS.value
            and at_most(largest, WAIT_LIMIT.value)
            and at_most(cost, BUDGET.value),
        )

    @classmethod
    def offered(cls, oversubscription: int = 4, wiring: str = "tor", placement: str = "random") -> FabricOutcome:
        """A fabric for the 1,024 GPUs with ports of 400 Gb/s; the integrator's offer by default."""
        return cls.compute(FLEET.id, oversubscription=oversubscription, wiring=wiring, placement=placement)

    def limits(self) -> dict[str, Any]:
        if self.context != NODE.id:
            return {}
        reason = "One node has no fabric to configure. The 1,024-GPU context frees this control."
        return {"gpus": reason, "wiring": reason, "placement": reason}

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        return Message(
            "Chief Information Officer, a pharmaceutical research alliance",
            f'The integrator offers our {GPUS.value:,.0f} GPUs with a **4:1 spine**: "nobody needs full bisection, '
            'most traffic is local". Two teams will share it, one with a dense 70B model, one with a mixture of '
            f"experts. I have {BUDGET.value / 1e6:g} million dollars for switches and optics; the non-blocking "
            f"design is quoted at {self.offered(1).fabric_cost_usd / 1e6:.2f}. Neither team may spend more than "
            f"{percent(WAIT_LIMIT.value, 0)} of its time waiting.",
        )

    def concept(self) -> str:
        return (
            "*Bisection bandwidth* is the capacity of the cut through the middle. Leaves keep "
            f"{RADIX // 2} down-ports; oversubscription $r$:1 removes uplinks and spines. Whether a byte climbs to the "
            "spine depends on who talks to whom, and on who sits under which leaf.\n\n"
            "The dense job sums gradients in rings, one per adapter of a node. The mixture of experts sends every "
            "token "
            "to experts anywhere in the fleet, and back."
        )

    def from_ledger(self) -> str:
        nics, tp = self.lab.read("v2_02", "nics"), self.lab.read("v2_02", "tp")
        sentences = []
        if nics is not None:
            sentences.append(
                f"In V2-02 you gave a node **{counted(nics, 'adapters')}**: ports of {port_for(nics)} Gb/s per GPU are "
                "preselected."
            )
        if tp is not None and tp != NODE_GPUS:
            sentences.append(f"You chose TP-{tp:g} there; the gradient shard here assumes TP-{NODE_GPUS}.")
        return " ".join(sentences)

    @classmethod
    def answer(cls) -> float:
        """The answer to the question: AllReduce time on the offer over that on the non-blocking fabric."""
        return cls.offered().dense_comm_s / cls.offered(1).dense_comm_s

    @classmethod
    def entry_feedback(cls, value: float) -> str:
        """What is said to an entry of the prediction."""
        nodes, per_leaf = int(GPUS.value) // NODE_GPUS, PER_LEAF["tor"]
        crossing = cls.offered().dense_crossing
        low, high = ((1 + side * TOLERANCE) * cls.answer() for side in (-1, 1))
        if value < 1.45:
            return (
                f"A ring only talks to its neighbours, true; but in random order {percent(crossing)} of the neighbours "
                "sit under another leaf. Laid out by leaf, the value *is* 1.0."
            )
        if value < 2.45:
            whole = 1 / physics.oversubscription_relative_throughput(WAIT_LIMIT.value, 4.0)
            return (
                f"That is the whole step of a job with {percent(WAIT_LIMIT.value, 0)} communication: "
                f"{1 - WAIT_LIMIT.value:.1f} "
                f"+ {WAIT_LIMIT.value:.1f}·4 = {whole:.1f}. The question was the AllReduce alone."
            )
        if value < low:
            return (
                f"You left too much of the traffic at home: of the {nodes - 1} other nodes only {per_leaf - 1} share a "
                f"leaf, {percent((per_leaf - 1) / (nodes - 1))}."
            )
        if value <= high:
            return (
                f"4 × {nodes - per_leaf}/{nodes - 1} = {4 * crossing:.2f}, and a little less with the start-up times."
            )
        return "No collapse: each GPU still has a quarter of its port. The factor cannot exceed $r$ = 4."

    def prediction(self) -> NumberPrediction:
        offer, full = self.offered(), self.offered(1)
        passing = self.offered(2, "rail")
        gpus_usd = GPUS.value * GPU_USD.value
        return NumberPrediction(
            "Spine 4:1, four nodes per leaf, the ring of "
            f"{GPUS.value / NODE_GPUS:.0f} nodes in random order. How many times longer does the dense AllReduce take "
            "than on the non-blocking fabric?",
            low=1.0,
            high=10.0,
            step=0.1,
            unit="times",
            actual=self.answer(),
            tolerance=TOLERANCE,
            digits=".2f",
            feedback=self.entry_feedback,
            why=(
                f"{full.dense_comm_s:.3f} s become {offer.dense_comm_s:.3f} s: {percent(offer.dense_crossing)} of the "
                "ring's edges leave their leaf. Sorting the same ring by leaf brings it back to "
                f"{self.offered(4, 'tor', 'packed').dense_slowdown:.1f} times with not one cable more.\n\n"
                f"Then the money: 4:1 saves {million(offer.saved_usd, 3)}, "
                f"{percent(offer.saved_usd / full.fabric_cost_usd, 0)} of the fabric, but lets "
                f"{percent(1 - offer.dense_throughput, 0)} "
                f"of {million(gpus_usd, 1)} of GPUs idle in the dense job: {million(offer.dense_loss_usd, 1)}. Even "
                "2:1 "
                f"with rails gives up {percent(1 - passing.moe_throughput)} of the MoE team's throughput "
                f"({million(passing.moe_loss_usd, 1)}) to save {million(passing.saved_usd, 1)}."
            ),
        )

    def challenge(self) -> str:
        limits = (
            f"both jobs wait at most {percent(WAIT_LIMIT.value, 0)}, and switches and optics cost at most "
            f"{BUDGET.value / 1e6:g}M USD"
        )
        if self.context == NODE.id:
            return (
                f"The task is a fabric for {GPUS.value:,.0f} GPUs on which {limits}. **No design of the 8-GPU context "
                "is one**: a node has no fabric, and its two controls only change the fleet that it is compared with. "
                "See what one NVSwitch gives each GPU, then switch to 1,024-GPU."
            )
        designs, passing = passing_designs()
        return (
            f"{GPUS.value:,.0f} GPUs: {limits}. Of {designs} designs {len(passing)} pass. Ask first which bytes cross "
            "the spine, then how many uplinks they need."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(
                f"Dense wait ≤ {percent(WAIT_LIMIT.value, 0)}", lambda o: at_most(o.dense_fraction, WAIT_LIMIT.value)
            ),
            Constraint(
                f"MoE wait ≤ {percent(WAIT_LIMIT.value, 0)}", lambda o: at_most(o.moe_fraction, WAIT_LIMIT.value)
            ),
            Constraint(f"Fabric ≤ {BUDGET.value / 1e6:g}M USD", lambda o: at_most(o.fabric_cost_usd, BUDGET.value)),
            Constraint(f"{GPUS.value:,.0f} GPUs", lambda o: o.gpus == GPUS.value),
        )

    def failures(self) -> tuple[Failure, ...]:
        def exhausted(o: FabricOutcome) -> str:
            dense = o.dense_fraction > o.moe_fraction
            job = "The dense job" if dense else "The mixture of experts"
            crossing = o.dense_crossing if dense else o.moe_crossing
            comm, compute = (o.dense_comm_s, o.dense_compute_s) if dense else (o.moe_comm_s, o.moe_compute_s)
            port = self.link_gbit_s / 8
            kept = port / (o.dense_slowdown if dense else o.moe_slowdown)
            return (
                f"{job}: {percent(crossing, 0)} of its bytes climb a {self.oversubscription}:1 spine, so each GPU "
                f"keeps {kept:.1f} of {port:.0f} GB/s. Communication {comm:.2f} s, computation {compute:.2f} s. "
                "The spine sets the pace, not the GPUs. Remedies: remove fewer uplinks, wire in rails, pack the ranks "
                "(rings only)."
            )

        return (
            Failure("exhausted", "BISECTION EXHAUSTED:", when=lambda o: o.exhausted, text=exhausted),
            Failure(
                "over_budget",
                "OVER BUDGET:",
                when=lambda o: o.gpus == GPUS.value and not at_most(o.fabric_cost_usd, BUDGET.value),
                text=lambda o: (
                    f"{o.switches} switches and {o.optical_links:,} optical links cost "
                    f"{million(o.fabric_cost_usd, 3)}, "
                    f"{million(o.fabric_cost_usd - BUDGET.value, 3)} too much."
                ),
                severity="warn",
            ),
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: FabricOutcome) -> dict[str, Any]:
        steps = communication_bars(
            [
                StepBar("dense 70B", outcome.dense_compute_s, outcome.dense_comm_s),
                StepBar("MoE", outcome.moe_compute_s, outcome.moe_comm_s),
            ],
            limit=WAIT_LIMIT.value,
            title="One step of each job",
            caption=(
                f"Dashed: the step of which communication is exactly {percent(WAIT_LIMIT.value, 0)}. The dense job "
                f"waits {percent(outcome.dense_fraction)} of its step, the MoE job {percent(outcome.moe_fraction)}."
            ),
        )
        if self.context == NODE.id:
            return {"fabric": self._node(outcome), "ledger": self._fleet_against_node(outcome), "step": steps}
        return {
            "fabric": self._topology(outcome),
            "crossing": self._crossing(outcome),
            "step": steps,
            "ledger": self._against_nonblocking(outcome),
        }

    def _topology(self, o: FabricOutcome) -> Any:
        nodes, per_leaf = o.gpus // NODE_GPUS, PER_LEAF[self.wiring]
        slots = int(physics.leaf_spine_counts(o.gpus, RADIX, 1)[1])
        drawn = Fabric(
            nodes=nodes,
            nodes_per_group=per_leaf,
            leaves_per_group=1 if self.wiring == "tor" else NODE_GPUS,
            spines=o.spines,
            slots=slots,
            ring=ring_order(nodes, per_leaf, self.placement),
        )
        crossing_edges = int(np.count_nonzero(drawn.leaving()))
        load = "exhausted" if o.exhausted else "full" if max(o.dense_slowdown, o.moe_slowdown) > 1 else "free"
        ring = (
            "free" if o.dense_slowdown <= 1 else "full" if at_most(o.dense_fraction, EXHAUSTED.value) else "exhausted"
        )
        gone = (
            f"{slots - o.spines} of {slots} spines were removed (hollow)."
            if o.spines < slots
            else "No spine is removed."
        )
        place = "leaf" if self.wiring == "tor" else "group of eight rail leaves"
        several = f" One symbol stands for {drawn.symbols} switches." if drawn.symbols > 1 else ""
        return fabric_topology(
            drawn,
            load=load,
            ring_load=ring,
            tiers=(counted(o.spines, "spines"), f"{o.leaves} leaves", f"{nodes} nodes"),
            cut=f"the cut: {o.optical_links // 2:,} links, {number(o.bisection_tb_s)} TB/s",
            title="The fabric, its bisection, and the ring below it",
            key=(
                ("links across the cut with room", "data"),
                ("full: a job waits", "caution"),
                ("exhausted", "violation"),
                (f"ring edges inside a {'leaf' if self.wiring == 'tor' else 'group'}", "met"),
            ),
            caption=(
                f"{crossing_edges} of the {nodes} edges of the dense job's ring leave their {place} and climb; the "
                f"all-to-all of the experts ({percent(o.moe_crossing, 0)}) is not drawn. {gone}{several}"
            ),
        )

    def _node(self, o: FabricOutcome) -> Any:
        return fabric_topology(
            Fabric(
                nodes=NODE_GPUS,
                nodes_per_group=NODE_GPUS,
                leaves_per_group=0,
                spines=1,
                slots=1,
                ring=np.arange(NODE_GPUS),
            ),
            load="free",
            ring_load="free",
            tiers=("NVSwitch", "", f"{NODE_GPUS} GPUs"),
            cut=f"the cut: {NODE_GPUS // 2} links, {number(o.bisection_tb_s)} TB/s",
            title="One node, its bisection, and the ring below it",
            key=(("links across the cut", "data"), ("ring edges inside the node", "met")),
            caption=(
                f"Four GPUs on either side of the cut, {c.NVLINK4_BW.value / 1e9:.0f} GB/s each: "
                f"{number(o.bisection_per_gpu_gb_s)} GB/s of bisection per GPU. Every byte passes one switch, and "
                "nothing is oversubscribed."
            ),
        )

    def _fleet_against_node(self, o: FabricOutcome) -> Any:
        fleet = self.compute(FLEET.id, link_gbit_s=self.link_gbit_s, oversubscription=self.oversubscription)
        best = self.offered(1)
        total = fleet.bisection_tb_s / o.bisection_tb_s
        each = fleet.bisection_per_gpu_gb_s / o.bisection_per_gpu_gb_s
        return share_bars(
            [
                Share("bisection", total, f"{number(fleet.bisection_tb_s)} TB/s"),
                Share("per GPU", each, f"{number(fleet.bisection_per_gpu_gb_s)} GB/s"),
            ],
            reference="the 8-GPU node",
            high=best.bisection_tb_s / o.bisection_tb_s,
            title=f"{GPUS.value:,.0f} GPUs at {self.oversubscription}:1 beside the node",
            caption=(
                f"The node has {number(o.bisection_tb_s)} TB/s, {number(o.bisection_per_gpu_gb_s)} GB/s per GPU. The "
                f"fleet has {number(total)} times the total and {number(each)} times the share of a GPU."
            ),
        )

    def _against_nonblocking(self, o: FabricOutcome) -> Any:
        full = self.compute(FLEET.id, gpus=o.gpus, link_gbit_s=self.link_gbit_s)
        budget = BUDGET.value / full.fabric_cost_usd
        cut = o.bisection_tb_s / full.bisection_tb_s
        return share_bars(
            [
                Share("bisection", cut, f"{number(o.bisection_tb_s)} TB/s"),
                Share("per GPU", cut, f"{number(o.bisection_per_gpu_gb_s)} GB/s"),
                Share("uplinks", o.optical_links / full.optical_links, f"{o.optical_links:,}"),
                Share("switches", o.switches / full.switches, f"{o.switches}"),
                Share("price", o.fabric_cost_usd / full.fabric_cost_usd, million(o.fabric_cost_usd, 3)),
            ],
            reference="the non-blocking fabric",
            limit=(4, budget if budget < 1.05 else np.nan, "budget" if budget < 1.05 else ""),
            title="What the cut gives, and what it costs",
            caption=(
                f"{self.oversubscription}:1 leaves {plain(100 * cut)} % of the bisection for "
                f"{percent(o.fabric_cost_usd / full.fabric_cost_usd, 0)} of the price: leaves stay, uplinks and "
                "spines go."
                if self.oversubscription > 1
                else "1:1 is the non-blocking fabric itself: every leaf has as many ports up as down."
            ),
        )

    def _crossing(self, o: FabricOutcome) -> Any:
        packed, uniform = crossings(o.gpus, self.wiring)
        predicted = self.predicted()
        return crossing_map(
            [
                Pattern("random ring, all-to-all", uniform, "series-4"),
                Pattern("packed ring", packed, "series-3"),
            ],
            [("dense", o.dense_slowdown), ("MoE", o.moe_slowdown)],
            oversubscription=self.oversubscription,
            predicted=None if predicted is None else (4.0, predicted),
            title="Who pays for oversubscription",
            caption=(
                f"{PER_LEAF[self.wiring]} nodes per leaf: {percent(packed)} of a packed ring cross the spine, "
                f"{percent(uniform)} of a random ring or an all-to-all. A pattern is flat while r·x ≤ 1."
            ),
        )

    def metrics(self, outcome: FabricOutcome) -> list[Metric]:
        o = outcome
        return [
            Metric(
                "Dense job waits",
                f"{100 * o.dense_fraction:.1f}",
                "%",
                status=held(at_most(o.dense_fraction, WAIT_LIMIT.value)),
            ),
            Metric(
                "MoE job waits",
                f"{100 * o.moe_fraction:.1f}",
                "%",
                status=held(at_most(o.moe_fraction, WAIT_LIMIT.value)),
            ),
            Metric("Bisection", number(o.bisection_tb_s), "TB/s"),
            Metric("Bisection per GPU", number(o.bisection_per_gpu_gb_s), "GB/s"),
            Metric("Switches", f"{o.switches}"),
            Metric("Optical links", f"{o.optical_links:,}"),
            Metric(
                "Fabric",
                plain(o.fabric_cost_usd / 1e6),
                "M USD",
                status=held(at_most(o.fabric_cost_usd, BUDGET.value)),
            ),
            Metric("Saved", plain(o.saved_usd / 1e6), "M USD"),
        ]

    def tables(self, outcome: FabricOutcome) -> list[Table]:
        o = outcome
        rows = (
            ("dense 70B", o.dense_crossing, o.dense_slowdown, o.dense_throughput, o.dense_loss_usd),
            ("MoE", o.moe_crossing, o.moe_slowdown, o.moe_throughput, o.moe_loss_usd),
        )
        return [
            Table(
                "What each job pays",
                ("Job", "bytes over the spine", "slow-down", "throughput", "idle GPUs"),
                tuple(
                    (name, percent(crossing), f"{slowdown:.2f}×", percent(kept), million(lost))
                    for name, crossing, slowdown, kept, lost in rows
                ),
            )
        ]

    def reflection(self) -> Question:
        offer, full = self.offered(), self.offered(1)
        fewer = 1 - offer.optical_links / full.optical_links
        return Question(
            f'"4:1 cuts the switch bill by {percent(fewer, 0)}." What is true?',
            (
                Option(
                    "A",
                    "Yes: three of four uplinks are gone",
                    f"Uplinks and spines fall by {percent(fewer, 0)}, but the {offer.leaves} leaves stay: "
                    f"{full.switches} → {offer.switches} switches, minus "
                    f"{percent(1 - offer.switches / full.switches, 0)}.",
                ),
                Option(
                    "B",
                    f"Switches and optics fall by {percent(1 - offer.fabric_cost_usd / full.fabric_cost_usd, 0)}, the "
                    "bisection "
                    f"by {percent(fewer, 0)}, and a pattern pays once more than a quarter of its bytes cross the spine",
                    f"{full.fabric_cost_usd / 1e6:.3f} → {million(offer.fabric_cost_usd, 3)}, "
                    f"{number(full.bisection_tb_s)} → {offer.bisection_tb_s:.1f} TB/s, and each GPU keeps "
                    "$\\beta/\\max(1, 4x)$.",
                    correct=True,
                ),
                Option(
                    "C",
                    "Nothing changes: adaptive routing balances the load",
                    "It spreads traffic over the uplinks that exist; it cannot create capacity.",
                ),
                Option(
                    "D",
                    "Latency rises fourfold for all messages",
                    f"The path is the same; an idle spine forwards a message of {size(SMALL.value)} as before.",
                ),
            ),
        )

    def peek(self) -> Peek:
        rack_packed, rack_uniform = crossings(int(GPUS.value), "tor")
        rail_packed, _ = crossings(int(GPUS.value), "rail")
        return Peek(
            (
                "fat_tree_bisection_bandwidth",
                "oversubscribed_bandwidth",
                "crossing_fraction_ring",
                "crossing_fraction_uniform",
            ),
            "Oversubscription costs a pattern nothing as long as $r \\leq 1/x$: up to "
            f"{1 / rack_packed:.0f}:1 for a packed ring with four nodes per leaf, {1 / rail_packed:.0f}:1 with rails, "
            f"{1 / rack_uniform:.2f}:1 for an all-to-all under racks. The random value is an average: a synchronous "
            "ring "
            "runs at the pace of its worst leaf, for which $x$ = 1 is just as defensible.",
        )


@cache
def passing_designs() -> tuple[int, tuple[dict[str, Any], ...]]:
    """How many fabrics 1,024 GPUs can have, and the controls of those that pass."""
    names = ("link_gbit_s", "oversubscription", "wiring", "placement")
    designs = [
        dict(zip(names, values, strict=True)) for values in product(LINK_RATES, OVERSUBSCRIPTION, WIRING, PLACEMENT)
    ]
    passing = tuple(
        design
        for design in designs
        if BisectionBudget.compute(FLEET.id, gpus=int(GPUS.value), **design).meets_challenge
    )
    return len(designs), passing


def port_for(nics: float) -> int:
    """The port per GPU (Gb/s) of a node with so many adapters of 400 Gb/s: half of them leave half of the rate."""
    return LINK_RATES[0] if nics <= NODE_GPUS / 2 else LINK_RATES[1]


# --- the lab -------------------------------------------------------------------------------------------------


def instructor_notes() -> str:
    """Notes with the numbers of the model in them."""
    offer, full, passing = (BisectionBudget.offered(r, wiring) for r, wiring in ((4, "tor"), (1, "tor"), (2, "rail")))
    cables = GPUS.value * c.OPTICAL_LINK_USD.value
    three_tiers = physics.fat_tree_switches(4096, RADIX, 3)
    two_tiers = physics.fat_tree_switches(2048, RADIX, 2) * 2
    return (
        "- Two half-truths meet here. *A link twice as fast halves the time* is true only above the crossover "
        "$n^* = \\alpha\\beta$; below it the path decides. *4:1 makes everything four times slower* and *most traffic "
        "is "
        "local anyway* are special cases of one rule: a flow of which the share $x$ climbs keeps "
        "$\\beta/\\max(1, r x)$.\n"
        "- Ask for $x$ before touching $r$: who talks to whom is the question, topology only answers it.\n"
        "- A ring crosses the *bisection* in two places; that an AllReduce is bounded by bisection is literally true "
        "only for patterns whose bytes cross it. Full bisection is insurance against not knowing the pattern.\n"
        "- The fluid model has no incast, no hash collisions and no pauses; real fabrics are worse, seldom better.\n"
        f"- The {offer.dense_slowdown:.2f} is an average. Under four nodes per leaf most leaves see all four edges of "
        "a "
        "random ring leave: 4.0 is just as defensible, and the accepted band holds both.\n"
        "- Rail wiring looks free because node cables are left out. If rails need "
        f"{GPUS.value:,.0f} optical cables ({million(cables, 3)}) where racks need copper, the passing design costs "
        f"{million(passing.fabric_cost_usd + cables, 3)}, more than the non-blocking racks at "
        f"{million(full.fabric_cost_usd, 3)}. Who pays for distance?\n"
        "- Let students find the rails of 256 GPUs: 32 nodes under one leaf per rail, $x$ = 0, any $r$ is free.\n"
        f"- Extension: 4,096 GPUs need three tiers: {three_tiers:.0f} switches, where two separate fabrics of two "
        "tiers "
        f"need {two_tiers:.0f}. What does the extra tier do to $\\alpha$ and to the price per GPU?"
    )


class TheBisectionBudget(Lab):
    """Bandwidth that counts is what survives the narrowest cut that the traffic crosses."""

    volume, number, slug = 2, 3, "lab_03_network_fabrics"
    title = "The Bisection Budget"
    question = "How much of a port is left after the narrowest cut that the traffic crosses?"
    chapter = TEXTBOOK
    invariant = (
        "The bandwidth that counts is what survives the narrowest cut that the traffic pattern crosses; the fat tree "
        "is "
        "the machine for buying that cut."
    )
    contexts = (FLEET, NODE)
    acts = (TwiceTheBandwidth, BisectionBudget)
    briefing = (
        "The speed of a link is printed on its data sheet. What a job gets from it is decided elsewhere: by the size "
        "of "
        "its messages, by the switches on their path, and by the narrowest cut that its traffic has to cross. In Act I "
        "you put a number on a link upgrade. In Act II you buy a fabric for two jobs that talk to different "
        "neighbours, "
        "with money for three quarters of the full spine."
    )
    reading = (
        Reading(
            f"{TEXTBOOK}, Level 2: Transport, The α-β performance model",
            "the two regimes of a transfer, and the size at which they meet",
        ),
        Reading(
            f"{TEXTBOOK}, When does AllReduce become the bottleneck?",
            "70B parameters under pure data parallelism on 1,024 GPUs",
        ),
        Reading(
            f"{TEXTBOOK}, Level 3: Switch and topology",
            "fat trees and rails: hosts per radix, bisection of 25.6 and 6.4 TB/s",
        ),
        Reading(
            f"{TEXTBOOK}, Fallacies and pitfalls",
            "more bandwidth always means faster training; most traffic is local",
        ),
    )
    assumptions = (
        f"- One adapter per GPU; leaves keep {RADIX // 2} of {RADIX} ports for their nodes, oversubscription removes "
        "uplinks.\n"
        "- Fluid flow with ideal load balance; communication and computation do not overlap.\n"
        "- The dense job: 70B parameters, TP-8 inside a node, one ring per adapter over all nodes. Its tensor-parallel "
        "traffic stays on NVLink.\n"
        "- The MoE job: a model of the Mixtral class whose experts are spread over all GPUs; its own gradient exchange "
        "is left out. With rails a byte first hops over NVLink to the right rail.\n"
        "- Adapters and node cables are taken as equal in all designs and left out of the price. Racks with copper "
        "would be cheaper.\n"
        "- Start-up times are per message and hold through one switch; switches are counted, not links between them.\n"
        "- In 8-GPU the same bytes per GPU are replayed over NVSwitch."
    )
    constants = (
        c.IB_ALPHA,
        c.IB_NDR_BW,
        c.IB_HDR_BW,
        c.ETH_ALPHA,
        c.ETH100_BW,
        c.NVLINK_ALPHA,
        c.NVLINK4_BW,
        c.SWITCH_HOP_LATENCY,
        c.FEC_LATENCY,
        SMALL,
        SHARD,
        UPGRADE_FRANCS,
        c.SWITCH_RADIX,
        GPUS,
        c.GPUS_PER_NODE,
        RACK_NODES,
        RAIL_NODES,
        c.SWITCH_USD,
        c.OPTICAL_LINK_USD,
        GPU_USD,
        c.PARAMS_70B,
        c.LLAMA2_BATCH_TOKENS,
        c.MIXTRAL_ACTIVE_PARAMS,
        c.MIXTRAL_LAYERS,
        c.MIXTRAL_WIDTH,
        c.MIXTRAL_TOP_K,
        MOE_TOKENS,
        c.H100_FLOPS_FP16_TENSOR,
        LOCAL_EFFICIENCY,
        WAIT_LIMIT,
        EXHAUSTED,
        BUDGET,
    )
    reads = (("v2_02", "nics"), ("v2_02", "tp"))
    decision_radio = Radio(
        "Which choice carried your design?",
        {
            "nonblocking": "a non-blocking spine",
            "oversubscribe": "removing uplinks",
            "rail_wiring": "rail wiring",
            "packed_placement": "packed placement",
            "slower_links": "slower links",
        },
    )
    instructor_notes = instructor_notes()

    def open(self) -> None:
        nics = self.read("v2_02", "nics")
        if nics is not None:
            self.act2.preset("link_gbit_s", port_for(nics), "V2-02", context=FLEET.id)

    def result(self) -> float:
        return self.act2.outcome.result

    def extras(self) -> dict[str, Any]:
        values, o = self.act2.values(), self.act2.outcome
        fabric = {name: values[name] for name in ("oversubscription", "wiring", "placement")}
        if self.context == NODE.id:
            # One node has no spine, no leaves and no ranks to place.
            fabric = dict.fromkeys(fabric)
        return {**fabric, "bisection_tb_s": o.bisection_tb_s, "fabric_cost_usd": o.fabric_cost_usd}

    def solution(self, context: str) -> dict[str, Any] | None:
        return {"oversubscription": 2, "wiring": "rail", "placement": "packed"} if context == FLEET.id else None

    def breaking(self, context: str) -> dict[str, Any] | None:
        return {"oversubscription": 8} if context == FLEET.id else None


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
