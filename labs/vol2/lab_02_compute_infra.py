"""V2-02 The Interconnect Wall.

Act I: two quotes for an eight-GPU chassis, and what a data sheet means by bandwidth. Act II: a model of 70 billion
parameters on rented nodes whose adapters are billed one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from components.controls import choice, stops
from components.instruments.interconnect import (
    ClusterLinks,
    Lane,
    Ratio,
    SplitStep,
    Tier,
    bandwidth_staircase,
    convention_readout,
    duplex_lanes,
    efficiency_over_batch,
    parallelism_map,
    parallelism_timeline,
)
from components.instruments.layers import Plot
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
from components.quantity import count, counted, number, percent, plain, quantity
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
    Radio,
    Reading,
    Table,
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c

NODE_GPUS = int(c.GPUS_PER_NODE.value)
SINGLE = Context("single", "Single-node", "cloud", f"{NODE_GPUS} H100s in one chassis, joined by NVLink or PCIe only.")
MULTI = Context("multi", "Multi-node", "tiny", "Such nodes joined by InfiniBand.")

CHAPTER = "Compute Infrastructure"
GB = 1e9

# --- the story -----------------------------------------------------------------------------------------------

MESSAGE_BYTES = scenario(
    "message_bytes",
    10e9,
    "B",
    "buffer that one GPU hands to its neighbour",
    f"{CHAPTER}, Bandwidth hierarchy",
    "chapter",
)
NVLINK_LINKS = scenario("nvlink_links", 18, "1", "NVLink lanes of one GPU", c.H100_DATASHEET, "datasheet")
NODE_SAVING = scenario(
    "node_saving",
    0.40,
    "1",
    "price cut claimed for the PCIe chassis",
    "assumption: order of the gap between list prices of HGX and PCIe servers",
)
PARAMS_7B_CLASS = scenario(
    "params_7b_class", 6.7e9, "parameter", "model of the 7B class", "Touvron et al. 2023, rounded", "paper"
)
LOCAL_EFF = c.KERNEL_EFFICIENCY
AR_PER_LAYER = scenario(
    "allreduces_per_layer",
    4,
    "1",
    "AllReduces per layer and step: 2 forward, 2 backward",
    "Shoeybi et al. 2019",
    "paper",
)
ACT_BYTES = scenario(
    "act_bytes", 2, "B", "BF16 activations", "assumption: mixed-precision practice, standard since 2020"
)
GRAD_BYTES = scenario(
    "grad_bytes", 2, "B", "BF16 gradients", "assumption: mixed-precision practice, standard since 2020"
)
RESERVE = scenario(
    "reserve_bytes",
    8e9,
    "B",
    "activations with recomputation, communication buffers, CUDA context",
    "assumption: one tenth of the HBM",
)
TOKENS_DEFAULT = scenario(
    "tokens_per_replica",
    16_384,
    "token",
    "tokens of one replica and step at the start",
    "assumption: a few sequences, no accumulation",
)
BATCH_MAX = scenario(
    "batch_max",
    2.0**20,
    "token",
    "limit for the global batch",
    "assumption: a quarter of Llama-2's batch; larger ones use tokens less well (McCandlish et al. 2018)",
)
TARGET_EFF = scenario(
    "target_eff", 0.80, "1", "useful computation that is asked for", f"{CHAPTER}, functional above 80 %", "chapter"
)
WALL = scenario(
    "wall",
    0.50,
    "1",
    "communication share above which most of the silicon waits",
    "Introduction to ML Systems at Scale, The fleet law",
    "chapter",
)
NODES_FIRST = scenario("nodes_first", 2, "1", "nodes of the first attempt", "the lab's scenario")
TP_FIRST = scenario("tp_first", 16, "GPU", "tensor-parallel GPUs of the first attempt", "the lab's scenario")

#: Sustained rate of one GPU before any exchange (FLOP/s).
LOCAL_FLOP_S = LOCAL_EFF.value * c.H100_FLOPS_FP16_TENSOR.value
CAPACITY = c.H100_MEM_CAPACITY.value
NODES = (1, 2, 4)
TP_SINGLE, TP_MULTI = (1, 2, 4, 8), (1, 2, 4, 8, 16, 32)
NICS = (1, 2, 4, 8)
TOKENS = tuple(2**k for k in range(12, 19))
#: Tokens over which efficiency is drawn.
SWEEP = 2.0 ** np.linspace(12, 18, 49)


@dataclass(frozen=True)
class Model:
    """A dense transformer: name, parameters, layers, width."""

    name: str
    params: float
    layers: float
    width: float


MODELS = {
    "7b": Model("7B class", PARAMS_7B_CLASS.value, c.LLAMA2_7B_LAYERS.value, c.LLAMA2_7B_WIDTH.value),
    "30b": Model("OPT-30B", c.OPT_30B_PARAMS.value, c.OPT_30B_LAYERS.value, c.OPT_30B_WIDTH.value),
    "70b": Model("Llama-2 70B", c.PARAMS_70B.value, c.PARAMS_70B_LAYERS.value, c.PARAMS_70B_WIDTH.value),
    "175b": Model("GPT-3 175B", c.GPT3_175B_PARAMS.value, c.GPT3_175B_LAYERS.value, c.GPT3_175B_WIDTH.value),
}
ASKED_MODEL = "70b"


@dataclass(frozen=True)
class Link:
    """What joins the GPUs of a node: its name and its bandwidth in one direction (B/s)."""

    name: str
    bandwidth: float


LINKS = {"nvlink": Link("NVLink", c.NVLINK4_BW.value), "pcie": Link("PCIe", c.PCIE5_BW.value)}


def rate(bandwidth: float) -> str:
    """A bandwidth in GB/s."""
    return f"{plain(bandwidth / GB)} GB/s"


# --- Act I ---------------------------------------------------------------------------------------------------

CONVENTIONS = {"one_way": "One way, like for like", "as_printed": "As printed on the data sheet"}
SIZES = (*(step * 10.0**k for k in range(6, 11) for step in (1, 2, 5)), 1e11)


@dataclass(frozen=True)
class StaircaseOutcome:
    """One message over every tier (s), and how many times slower than NVLink the two lower tiers are.

    `boundary_ratio` is the one that the context is about: PCIe in a chassis, the network between chassis.
    """

    hbm_s: float
    nvlink_s: float
    pcie_s: float
    ib_ndr_s: float
    pcie_over_nvlink: float
    ib_over_nvlink: float
    boundary_ratio: float
    context: str
    bytes: float
    convention: str
    nvlink_rate: float


class SmallPrint(Act):
    """Act I: one message, four links, and two ways to quote them."""

    title = "Two quotes and the small print"
    minutes = 13

    bytes = stops(
        "Message",
        SIZES,
        MESSAGE_BYTES.value,
        text=lambda size: quantity(size, "B", 1).replace(".0 ", " "),
        reason="below 1 MB start-up time counts, which is the topic of V2-03; the largest is a shard of a model",
    )
    convention = choice(
        "Count NVLink",
        CONVENTIONS,
        "one_way",
        reason="the two ways in which the speed of a link is quoted",
    )

    @classmethod
    def compute(cls, context: str, *, bytes: float, convention: str = "one_way") -> StaircaseOutcome:
        nvlink = c.NVLINK4_BW_PRINTED.value if convention == "as_printed" else c.NVLINK4_BW.value
        hbm_s, nvlink_s, pcie_s, ib_s = (
            physics.transfer_time(bytes, bandwidth, 0.0)
            for bandwidth in (c.H100_MEM_BW.value, nvlink, c.PCIE5_BW.value, c.IB_NDR_BW.value)
        )
        pcie, ib = pcie_s / nvlink_s, ib_s / nvlink_s
        return StaircaseOutcome(
            hbm_s=hbm_s,
            nvlink_s=nvlink_s,
            pcie_s=pcie_s,
            ib_ndr_s=ib_s,
            pcie_over_nvlink=pcie,
            ib_over_nvlink=ib,
            boundary_ratio=pcie if context == SINGLE.id else ib,
            context=context,
            bytes=bytes,
            convention=convention,
            nvlink_rate=nvlink,
        )

    @classmethod
    @cache
    def asked(cls, convention: str = "one_way") -> StaircaseOutcome:
        """The buffer of the question."""
        return cls.compute(SINGLE.id, bytes=MESSAGE_BYTES.value, convention=convention)

    def message(self) -> Message:
        return Message(
            "Infrastructure Architect, a university computing centre",
            f"Two quotes for an eight-H100 chassis: one with NVLink, one that joins the same GPUs through PCIe Gen5 "
            f"and is {percent(NODE_SAVING.value, 0)} cheaper. The sheets say “{rate(c.NVLINK4_BW_PRINTED.value)}”, "
            f"“{rate(c.PCIE5_BW.value)}” and, for the network, “{c.IB_NDR_BW.value * 8 / GB:.0f} Gb/s”. The tender "
            f"closes tonight. **How much slower is the cheap box** when one GPU hands {MESSAGE_BYTES.value / GB:.0f} "
            "GB to its neighbour?",
        )

    def concept(self) -> str:
        return (
            "Data leaves a GPU through four tiers: the **package** (HBM), the **chassis** (NVLink), the **PCIe** "
            "board, and the **cable** (InfiniBand). Each boundary has its own medium.\n\n"
            "A data sheet may mean two things by bandwidth: one direction, or both directions summed; and it may count "
            "bits or bytes. A transfer goes *one* way."
        )

    def from_ledger(self) -> str:
        return cast(InterconnectWall, self.lab).greeting

    def prediction(self) -> ChoicePrediction:
        now, printed = self.asked(), self.asked("as_printed")
        both = c.NVLINK4_BW_PRINTED.value
        actual, naive = now.pcie_over_nvlink, printed.pcie_over_nvlink
        bits = 8 * naive
        two_way = both / (2 * c.PCIE5_BW.value)
        return ChoicePrediction(
            f"Time over PCIe Gen5 x16 ({rate(c.PCIE5_BW.value)} per direction) divided by time over NVLink 4 "
            f"({rate(both)} as printed)?",
            (
                Option(
                    "A",
                    "About 2×",
                    "Both are inside the same box, and still each boundary has its own medium: "
                    f"{NVLINK_LINKS.value:.0f} short copper links against one standard slot.",
                    value=2.0,
                ),
                Option(
                    "B",
                    f"About {actual:.0f}×",
                    f"Right, and you read the small print: {plain(both / GB)} counts both directions, "
                    f"{plain(c.NVLINK4_BW.value / GB)} go one way.",
                    value=actual,
                    correct=True,
                ),
                Option(
                    "C",
                    f"About {naive:.0f}×",
                    f"{naive:.0f} is a round trip compared with a single trip. The “{two_way:.0f}× PCIe” of the maker "
                    f"compares {plain(both / GB)} with {plain(2 * c.PCIE5_BW.value / GB)}.",
                    value=naive,
                ),
                Option(
                    "D",
                    "Over 100×",
                    f"As if {plain(c.PCIE5_BW.value / GB)} were gigabits. They are gigabytes; only network ports are "
                    "sold in bits.",
                    value=bits,
                ),
            ),
            actual=actual,
            form=lambda value: f"{number(value)}×",
            why=(
                f"One way the gap is {actual:.1f}×: {quantity(now.pcie_s, 's')} against {quantity(now.nvlink_s, 's')}. "
                f"Leaving the chassis costs {now.ib_over_nvlink:.0f}× like for like; the {printed.ib_over_nvlink:.0f} "
                f"in the chapter divides the two-way {plain(both / GB)} by the one-way "
                f"{plain(c.IB_NDR_BW.value / GB)}."
            ),
        )

    def plots(self, outcome: StaircaseOutcome) -> dict[str, Plot]:
        o = outcome
        predicted = self.predicted()
        like, sheet = self.asked(), self.asked("as_printed")
        printed = o.convention == "as_printed"
        lower = "PCIe" if o.context == SINGLE.id else "an NDR port"
        return {
            "staircase": bandwidth_staircase(
                (
                    Tier("HBM3", "mm", o.hbm_s, c.H100_MEM_BW.value),
                    Tier("NVLink 4", "tens of cm", o.nvlink_s, o.nvlink_rate),
                    Tier("PCIe Gen5", "cm of board", o.pcie_s, c.PCIE5_BW.value),
                    Tier("NDR port", "metres", o.ib_ndr_s, c.IB_NDR_BW.value),
                ),
                pair=(1, 2) if o.context == SINGLE.id else (1, 3),
                predicted=None if predicted is None else ("PCIe", predicted * o.nvlink_s),
                title=f"{quantity(o.bytes, 'B', 1).replace('.0 ', ' ')} down the staircase",
                caption=(
                    f"{quantity(o.nvlink_s, 's')} over NVLink, {quantity(o.pcie_s, 's')} over PCIe, "
                    f"{quantity(o.ib_ndr_s, 's')} through a network port: {lower} takes {number(o.boundary_ratio)} "
                    "times as long as NVLink"
                    + (", if its two directions are counted as one." if printed else ", one way.")
                ),
            ),
            "lanes": duplex_lanes(
                (
                    Lane("NVLink 4", c.NVLINK4_BW.value, f"“{plain(c.NVLINK4_BW_PRINTED.value / GB)} GB/s”", printed),
                    Lane("PCIe Gen5", c.PCIE5_BW.value, f"“{plain(c.PCIE5_BW.value / GB)} GB/s”", False),
                    Lane("NDR port", c.IB_NDR_BW.value, f"“{c.IB_NDR_BW.value * 8 / GB:.0f} Gb/s”", False),
                ),
                title="What the data sheet counts",
                caption=(
                    f"In quotes what is printed. “{plain(c.NVLINK4_BW_PRINTED.value / GB)}” adds the way back, which "
                    f"carries nothing of this message; “{c.IB_NDR_BW.value * 8 / GB:.0f}” counts bits, eight to a byte."
                ),
            ),
            "convention": convention_readout(
                (
                    Ratio("PCIe", like.pcie_over_nvlink, sheet.pcie_over_nvlink),
                    Ratio("NDR port", like.ib_over_nvlink, sheet.ib_over_nvlink),
                ),
                printed=printed,
                predicted=None if predicted is None else (0, predicted),
                title="The same gap under two conventions",
                caption=(
                    f"PCIe: {like.pcie_over_nvlink:.2f}× one way, {sheet.pcie_over_nvlink:.2f}× as printed. Network "
                    f"port: {like.ib_over_nvlink:.1f}× and {sheet.ib_over_nvlink:.1f}×. The size of the message "
                    "cancels."
                ),
            ),
        }

    def metrics(self, outcome: StaircaseOutcome) -> list[Metric]:
        o = outcome
        return [
            Metric.of("NVLink", quantity(o.nvlink_s, "s"), note=rate(o.nvlink_rate)),
            Metric.of("PCIe Gen5", quantity(o.pcie_s, "s"), note=f"{number(o.pcie_over_nvlink)}× NVLink"),
            Metric.of("NDR port", quantity(o.ib_ndr_s, "s"), note=f"{number(o.ib_over_nvlink)}× NVLink"),
            Metric.of("HBM", quantity(o.hbm_s, "s"), note="never leaves the package"),
        ]

    def reflection(self) -> Question:
        asked = MODELS[ASKED_MODEL]
        sums = AR_PER_LAYER.value * asked.layers
        inside, across = (
            allreduce_s(MESSAGE_BYTES.value, NODE_GPUS * nodes, c.NVLINK4_BW.value, network_per_gpu(1))
            for nodes in (1, 2)
        )
        return Question(
            "Which traffic belongs on the network, which inside the chassis?",
            (
                Option(
                    "A",
                    "Tensor parallelism on the network: it is the newest.",
                    f"It takes {AR_PER_LAYER.value:.0f} AllReduces per layer and step, {sums:.0f} for a "
                    f"{count(asked.params)} model. Each would be up to {self.asked().pcie_over_nvlink:.0f}× longer "
                    f"over PCIe, and about {across / inside:.0f}× stretched over two nodes with one adapter each.",
                ),
                Option(
                    "B",
                    "Tensor parallelism inside, data parallelism across.",
                    "Gradients cross once per step, activations hundreds of times.",
                    correct=True,
                ),
                Option(
                    "C",
                    "Data parallelism inside, because gradients are the bigger message.",
                    "Bigger, but once per step: what counts is bytes *per unit of computation*.",
                ),
                Option(
                    "D",
                    "Anywhere: frameworks overlap communication.",
                    "The next layer needs the sum that the AllReduce delivers: there is nothing to overlap it with.",
                ),
            ),
        )

    def peek(self) -> Peek:
        now = self.asked()
        return Peek(
            ("transfer_time",),
            "The start-up time $\\alpha$ is left out: only large messages are studied here. $\\beta$ is the bandwidth "
            f"of *one* direction: {plain(c.NVLINK4_BW.value / GB)} GB/s for NVLink 4, {plain(c.PCIE5_BW.value / GB)} "
            f"for PCIe Gen5 x16, {plain(c.IB_NDR_BW.value / GB)} for an NDR port, hence ratios of "
            f"{now.pcie_over_nvlink:.2f} and {now.ib_over_nvlink:.1f} for any $n$.",
        )


# --- Act II: the model ---------------------------------------------------------------------------------------


def network_per_gpu(nics: float) -> float:
    """Network bandwidth of one GPU (B/s): the adapters of a node shared by its GPUs."""
    return c.IB_NDR_BW.value * nics / NODE_GPUS


def allreduce_s(message: Any, ranks: int, node_bandwidth: float, network: float) -> Any:
    """An AllReduce (s) over neighbouring GPUs: one ring in a node, hierarchical beyond it."""
    inside = min(ranks, NODE_GPUS)
    return physics.hierarchical_allreduce_time(
        message, ranks // inside, inside, node_bandwidth, network, 0.0, 0.0, "ring"
    )


@dataclass(frozen=True)
class Split:
    """A way to split a model; `gpus` in the cluster, `tp` in a group, bandwidths of a GPU in and between nodes."""

    model: Model
    gpus: int
    tp: int
    node_bandwidth: float
    network: float

    @property
    def dp(self) -> int:
        """Replicas."""
        return self.gpus // self.tp

    @property
    def state(self) -> float:
        """State of one GPU with its reserve (B)."""
        return physics.zero_state_bytes(self.model.params / self.tp, self.dp, 1) + RESERVE.value

    @property
    def fits(self) -> bool:
        """Whether the state fits the memory."""
        return at_most(self.state, CAPACITY)

    @property
    def gradient_bytes(self) -> float:
        """Gradients that one GPU exchanges per step (B)."""
        return GRAD_BYTES.value * self.model.params / self.tp

    def tensor_bytes(self, tokens: Any) -> Any:
        """What the AllReduces of a tensor-parallel group carry in one step (B)."""
        return physics.tp_message_bytes(
            self.model.layers, self.model.width, tokens, ACT_BYTES.value, AR_PER_LAYER.value
        )

    def step(self, tokens: Any) -> tuple[Any, Any, Any]:
        """Math, tensor-parallel and data-parallel traffic of one step (s); `tokens` may be an array."""
        compute = physics.training_step_compute_time(
            self.model.params, tokens, self.tp, c.H100_FLOPS_FP16_TENSOR.value, LOCAL_EFF.value
        )
        tensor = allreduce_s(self.tensor_bytes(tokens), self.tp, self.node_bandwidth, self.network)
        local = min(self.dp, max(1, NODE_GPUS // self.tp))
        data = physics.hierarchical_allreduce_time(
            self.gradient_bytes, self.dp // local, local, self.node_bandwidth, self.network, 0.0, 0.0, "ring"
        )
        return compute, tensor, data

    def efficiency(self, tokens: Any) -> Any:
        """Share of a step that is math."""
        compute, tensor, data = self.step(tokens)
        return compute / (compute + tensor + data)

    @property
    def ceiling(self) -> float:
        """What the efficiency tends to with ever more tokens: tensor-parallel traffic grows with the math."""
        if self.tp <= NODE_GPUS:
            model = self.model
            ratio = physics.tp_comm_compute_ratio(
                model.params, model.layers, model.width, self.tp, self.node_bandwidth, LOCAL_FLOP_S
            )
        else:
            compute, tensor, _ = self.step(1.0)
            ratio = tensor / compute
        return 1 / (1 + ratio)


def split_of(model: str, node_link: str, nodes: int, tp: int, nics: int) -> Split:
    """The split that controls describe."""
    return Split(MODELS[model], nodes * NODE_GPUS, tp, LINKS[node_link].bandwidth, network_per_gpu(nics))


@lru_cache(maxsize=512)
def curve_of(model: str, node_link: str, nodes: int, tp: int, nics: int) -> npt.NDArray[Any]:
    """Efficiency over SWEEP."""
    return cast(npt.NDArray[Any], split_of(model, node_link, nodes, tp, nics).efficiency(SWEEP))


@cache
def passing() -> tuple[tuple[int, int, int, int, str], ...]:
    """Every design of the challenge that passes: nodes, tp, adapters, tokens, node link."""
    found = []
    for link in LINKS:
        for nodes in NODES:
            for tp in (tp for tp in TP_MULTI if tp <= NODE_GPUS * nodes):
                for nics in NICS:
                    split = split_of(ASKED_MODEL, link, nodes, tp, nics)
                    if split.fits:
                        efficiency = split.efficiency(np.array(TOKENS, dtype=float))
                        found += [
                            (nodes, tp, nics, tokens, link)
                            for tokens, value in zip(TOKENS, efficiency, strict=True)
                            if at_least(value, TARGET_EFF.value) and at_most(split.dp * tokens, BATCH_MAX.value)
                        ]
    return tuple(found)


@cache
def fewest_adapters() -> int:
    """Adapters per node of the cheapest design that passes."""
    return min(nics for _, _, nics, _, _ in passing())


# --- Act II --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SplitOutcome:
    """A design: its step (s), what share of it is math, its memory, and what it breaks."""

    dp: int
    compute_s: float
    tp_comm_s: float
    dp_comm_s: float
    step_s: float
    efficiency: float
    comm_fraction: float
    state_gb: float
    global_batch_tokens: int
    oom: bool
    interconnect_wall: bool
    meets_challenge: bool
    context: str
    model: str
    node_link: str
    nodes: int
    gpus: int
    tp: int
    nics: int
    tokens: int
    idle_gpus: float
    tensor_bytes: float
    gradient_bytes: float
    ceiling: float


class EightyPercent(Act):
    """Act II: 80 percent useful computation, with as few adapters as possible."""

    title = "Eighty percent, few adapters"
    minutes = 23

    model = choice(
        "Model",
        {key: model.name for key, model in MODELS.items()},
        ASKED_MODEL,
        widget="select",
        per_context={"single": {"default": "30b"}},
        reason="from “fits on one GPU” to “fits nowhere here”",
    )
    node_link = choice(
        "Link inside a node",
        {key: f"{link.name}, {rate(link.bandwidth)}" for key, link in LINKS.items()},
        "nvlink",
        reason="the two chassis of Act I",
    )
    nodes = choice(
        "Nodes",
        {n: str(n) for n in NODES},
        int(NODES_FIRST.value),
        per_context={"single": {"options": {1: "1"}, "default": 1, "reason": "one chassis"}},
        reason="the contract covers four nodes",
    )
    tp = choice(
        "Tensor parallelism over",
        {n: str(n) for n in TP_MULTI},
        int(TP_FIRST.value),
        unit="GPUs",
        per_context={"single": {"options": {n: str(n) for n in TP_SINGLE}, "default": NODE_GPUS}},
        reason="divisors of the cluster",
    )
    nics = choice(
        "Adapters per node",
        {n: str(n) for n in NICS},
        int(c.NICS_PER_NODE.value),
        only_in=(MULTI.id,),
        reason="one adapter per GPU is the most that a node has",
    )
    tokens = stops(
        "Tokens per replica and step",
        TOKENS,
        int(TOKENS_DEFAULT.value),
        text=lambda tokens: f"{tokens:,} tokens",
        reason="two 2,048-token sequences to 64 of 4,096: from no accumulation to much",
    )

    @classmethod
    def compute(
        cls, context: str, *, model: str, node_link: str, tp: int, tokens: int, nodes: int = 1, nics: int = NICS[-1]
    ) -> SplitOutcome:
        if context == SINGLE.id:
            nodes, nics = 1, NICS[-1]
        gpus = nodes * NODE_GPUS
        if tp > gpus:
            raise ValueError(f"tp must be <= {gpus} GPUs of {nodes} nodes, got {tp}")
        split = split_of(model, node_link, nodes, tp, nics)
        compute, tensor, data = split.step(tokens)
        step = compute + tensor + data
        efficiency = compute / step
        batch = split.dp * tokens
        return SplitOutcome(
            dp=split.dp,
            compute_s=compute,
            tp_comm_s=tensor,
            dp_comm_s=data,
            step_s=step,
            efficiency=efficiency,
            comm_fraction=1 - efficiency,
            state_gb=split.state / GB,
            global_batch_tokens=int(batch),
            oom=not split.fits,
            interconnect_wall=not at_most(1 - efficiency, WALL.value),
            meets_challenge=(
                context == MULTI.id
                and model == ASKED_MODEL
                and at_least(efficiency, TARGET_EFF.value)
                and split.fits
                and at_most(batch, BATCH_MAX.value)
            ),
            context=context,
            model=model,
            node_link=node_link,
            nodes=int(nodes),
            gpus=gpus,
            tp=int(tp),
            nics=int(nics),
            tokens=int(tokens),
            idle_gpus=(1 - efficiency) * gpus,
            tensor_bytes=split.tensor_bytes(tokens),
            gradient_bytes=split.gradient_bytes,
            ceiling=split.ceiling,
        )

    @classmethod
    @cache
    def design(
        cls,
        nodes: int = int(NODES_FIRST.value),
        tp: int = int(TP_FIRST.value),
        nics: int = NICS[-1],
        tokens: int = int(TOKENS_DEFAULT.value),
        node_link: str = "nvlink",
    ) -> SplitOutcome:
        """A design of the 70B run that a text quotes; the first attempt unless something else is named."""
        return cls.compute(
            MULTI.id, model=ASKED_MODEL, node_link=node_link, nodes=nodes, tp=tp, nics=nics, tokens=tokens
        )

    @classmethod
    @cache
    def chassis(cls, model: str, tp: int, node_link: str, tokens: int = int(TOKENS_DEFAULT.value)) -> SplitOutcome:
        """A design of one chassis that a text quotes."""
        return cls.compute(SINGLE.id, model=model, node_link=node_link, tp=tp, tokens=tokens)

    def limits(self) -> Mapping[str, str | Mapping[Any, str]]:
        if self.context == SINGLE.id:
            return {"nodes": "One chassis; more of them are Multi-node."}
        gpus = self.nodes * NODE_GPUS
        have = f"{counted(self.nodes, 'nodes')} {'has' if self.nodes == 1 else 'have'} {gpus} GPUs."
        return {"tp": {tp: have for tp in TP_MULTI if tp > gpus}}

    def settle(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        most = values["nodes"] * NODE_GPUS
        return {"tp": most} if values["tp"] > most else {}

    def message(self) -> Message:
        asked = MODELS[ASKED_MODEL]
        return Message(
            "Director of Research Computing, an open-model consortium",
            f"We rent up to {NODES[-1]} H100 nodes for a {count(asked.params)} parameter model. The provider bills "
            "every network adapter separately: one, two, four or eight per node. Our first attempt ran **tensor "
            f"parallelism over {TP_FIRST.value:.0f} GPUs** because “more is faster”, and nobody can tell me why the "
            f"step time disappointed. Give me **{percent(TARGET_EFF.value, 0)} useful computation** with as few "
            "adapters as possible.",
        )

    def concept(self) -> str:
        return (
            f"**Tensor parallelism** ($t$) cuts each matrix and sums partial results {AR_PER_LAYER.value:.0f} times "
            "per layer. **Data parallelism** ($d$ = GPUs/$t$) repeats the model and sums gradients once per step. "
            "Memory: $t$ divides everything, $d$ divides only the optimizer state (ZeRO stage 1).\n\n"
            f"An AllReduce that leaves the node is *hierarchical*: sum inside each node, exchange the {NODE_GPUS} "
            "shards between the nodes over all adapters at once, spread the result inside."
        )

    def from_ledger(self) -> str:
        return cast(InterconnectWall, self.lab).adapters_note

    def prediction(self) -> ChoicePrediction:
        first, node = self.design(), self.design(1, NODE_GPUS)
        first_ratio, node_ratio = (o.tp_comm_s / o.compute_s for o in (first, node))
        longer = first.tp_comm_s / node.tp_comm_s
        same_math = node.compute_s / (node.compute_s + first.tp_comm_s)
        flat_s = physics.ring_allreduce_time(first.tensor_bytes, first.tp, c.IB_NDR_BW.value, 0.0)
        flat = first.compute_s / (first.compute_s + flat_s)
        network = c.NICS_PER_NODE.value * c.IB_NDR_BW.value
        actual = first.efficiency
        return ChoicePrediction(
            f"Tensor parallelism over {NODE_GPUS} GPUs in one NVLink node leaves {percent(node.efficiency, 0)} useful "
            f"computation for the 70B model. You stretch it over {first.tp} GPUs in two nodes, with all eight adapters "
            f"per node ({NICS[-1]} × {plain(c.IB_NDR_BW.value / GB)} = {rate(network)}). Useful computation now?",
            (
                Option(
                    "A",
                    percent(node.efficiency, 0),
                    f"{rate(network)} look like NVLink's {plain(c.NVLINK4_BW.value / GB)}, but {NODE_GPUS} GPUs share "
                    f"them: per GPU the network has {plain(network_per_gpu(NICS[-1]) / GB)}.",
                    value=node.efficiency,
                ),
                Option(
                    "B",
                    percent(same_math, 0),
                    f"The traffic takes {longer:.2f}× as long, but $t$ also divides the work.",
                    value=same_math,
                ),
                Option(
                    "C",
                    percent(actual, 0),
                    f"Right: half the math per GPU, {longer:.2f} times the traffic time.",
                    value=actual,
                    correct=True,
                ),
                Option(
                    "D",
                    percent(flat, 0),
                    "A hierarchical AllReduce uses all eight adapters at once; one flat ring through a single port "
                    f"would indeed give {percent(flat, 0)}.",
                    value=flat,
                ),
            ),
            actual=actual,
            form=percent,
            why=(
                f"The AllReduce became {longer:.2f}× longer (eight GPUs share the {plain(network / GB)} GB/s) while "
                f"every GPU's math was halved, so the ratio of traffic to math rose {first_ratio / node_ratio:.1f}×, "
                f"from {node_ratio:.3f} to {first_ratio:.3f}."
            ),
        )

    def challenge(self) -> str:
        target = percent(TARGET_EFF.value, 0)
        if self.context == SINGLE.id:
            one = self.chassis(ASKED_MODEL, NODE_GPUS, "nvlink")
            return (
                f"No design passes here: the 70B model needs at least {one.state_gb:.0f} GB per GPU in one chassis. "
                "Price the two quotes of Act I instead. For which model is the PCIe chassis a bargain, and for which "
                f"one does a {percent(NODE_SAVING.value, 0)} saving cost more than half of the machine? The challenge "
                "is in Multi-node."
            )
        return (
            f"{MODELS[ASKED_MODEL].name} on at most {NODES[-1]} nodes: at least **{target} useful computation**, at "
            f"most **{CAPACITY / GB:.0f} GB** per GPU, a global batch of at most **{BATCH_MAX.value:,.0f} tokens**. "
            "Every design within these limits passes; the best one pays for the fewest adapters per node."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        # The target is about one model; a chassis cannot hold it, which is why there are nodes.
        return (
            Constraint(
                f"70B useful computation ≥ {percent(TARGET_EFF.value, 0)}",
                lambda o: o.model == ASKED_MODEL and at_least(o.efficiency, TARGET_EFF.value),
            ),
            Constraint(f"Memory ≤ {CAPACITY / GB:.0f} GB", lambda o: not o.oom),
            Constraint(
                f"Global batch ≤ {BATCH_MAX.value:,.0f}", lambda o: at_most(o.global_batch_tokens, BATCH_MAX.value)
            ),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure("wall", "Interconnect wall.", when=lambda o: o.interconnect_wall, text=wall_text),
            Failure(
                "oom",
                "Out of memory.",
                when=lambda o: o.oom,
                text=lambda o: (
                    f"{o.state_gb:.1f} GB per GPU; {CAPACITY / GB:.0f} GB available. Raise t, or add replicas so that "
                    "each keeps a smaller slice of the optimizer."
                ),
            ),
        )

    def plots(self, outcome: SplitOutcome) -> dict[str, Plot]:
        return {
            "map": self._map(outcome),
            "timeline": self._timeline(outcome),
            "batch": self._batch(outcome),
            "memory": self._memory(outcome),
        }

    def _map(self, o: SplitOutcome) -> Plot:
        multi = o.context == MULTI.id
        link = LINKS[o.node_link]
        network = f"{o.nics} × {rate(c.IB_NDR_BW.value)} per node"
        if o.tp == 1:
            tensor = "There is no tensor group: the whole model sits on every GPU"
        elif o.tp <= NODE_GPUS:
            tensor = f"The group of {o.tp} stays in its node, on {link.name} at {rate(link.bandwidth)}"
        else:
            tensor = (
                f"The group of {o.tp} leaves its node: between nodes each GPU has "
                f"{rate(network_per_gpu(o.nics))}, against {plain(link.bandwidth / GB)} inside"
            )
        if o.dp == 1:
            peers = "one replica, so no gradients are exchanged"
        else:
            peers = f"{o.dp} replicas exchange {number(o.gradient_bytes / GB)} GB of gradients per GPU and step"
        return parallelism_map(
            o.nodes,
            slots=NODES[-1] if multi else 1,
            gpus_per_node=NODE_GPUS,
            tp=o.tp,
            adapters=o.nics if multi else 0,
            links=ClusterLinks(link.name, network),
            title=f"Whom GPU 0 talks to: {o.tp} × {o.dp}",
            caption=f"{tensor}; {peers}.",
        )

    def _rows(self, o: SplitOutcome) -> tuple[list[SplitStep], int]:
        """The bars of the timeline and the index of this design."""
        if o.context == SINGLE.id:
            splits = [split_of(o.model, link, o.nodes, o.tp, o.nics) for link in LINKS]
            bars = [bar_of(link.name, split, o.tokens) for link, split in zip(LINKS.values(), splits, strict=True)]
            return bars, list(LINKS).index(o.node_link)
        bars = []
        for tp in TP_MULTI:
            name = f"TP {tp}"
            if tp > o.gpus:
                bars.append(SplitStep(name, np.nan, np.nan, np.nan, f"needs {tp // NODE_GPUS} nodes"))
                continue
            split = split_of(o.model, o.node_link, o.nodes, tp, o.nics)
            if split.fits or tp == o.tp:
                bars.append(bar_of(name, split, o.tokens))
            else:
                bars.append(SplitStep(name, np.nan, np.nan, np.nan, f"does not fit: {split.state / GB:.0f} GB"))
        return bars, TP_MULTI.index(o.tp)

    def _timeline(self, o: SplitOutcome) -> Plot:
        bars, chosen = self._rows(o)
        if o.context == SINGLE.id:
            nvlink, pcie = bars
            title = f"One step of {MODELS[o.model].name}, TP {o.tp}"
            says = (
                f"{percent(nvlink.efficiency)} of the step is math over NVLink, {percent(pcie.efficiency)} over PCIe: "
                f"the cheap chassis does {percent(1 - nvlink.total / pcie.total, 0)} less work per hour for "
                f"{percent(NODE_SAVING.value, 0)} less money."
            )
        else:
            title = f"One step on {counted(o.nodes, 'nodes')}, by tensor-parallel degree"
            says = (
                f"Outlined, TP {o.tp}: {number(o.compute_s)} s of math, {number(o.tp_comm_s)} s of tensor-parallel and "
                f"{number(o.dp_comm_s)} s of data-parallel traffic. Behind each bar the share that is math."
            )
        return parallelism_timeline(bars, chosen=chosen, wall=WALL.value, title=title, caption=says)

    def _batch(self, o: SplitOutcome) -> Plot:
        degrees = TP_SINGLE if o.context == SINGLE.id else TP_MULTI
        nothing = np.full(len(SWEEP), np.nan)
        curves = []
        for tp in degrees:
            shown = tp <= o.gpus and (tp == o.tp or split_of(o.model, o.node_link, o.nodes, tp, o.nics).fits)
            values = curve_of(o.model, o.node_link, o.nodes, tp, o.nics) if shown else nothing
            curves.append((f"TP {tp}", values))
        if o.dp == 1:
            says = "One replica exchanges no gradients, so the curve is flat: tokens cancel."
        elif o.tp == 1:
            says = "Only gradients cross a link, once per step: more tokens dilute them."
        else:
            says = "More tokens dilute the gradients; tensor-parallel traffic grows with them and sets the ceiling."
        return efficiency_over_batch(
            SWEEP,
            curves,
            chosen=degrees.index(o.tp),
            here=(o.tokens, o.efficiency),
            ceiling=o.ceiling,
            target=TARGET_EFF.value,
            predicted=self.predicted() if o.context == MULTI.id else None,
            title="What a bigger batch can hide",
            caption=f"TP {o.tp} reaches {percent(o.efficiency)} now and at most {percent(o.ceiling)} (dotted). {says}",
        )

    def _memory(self, o: SplitOutcome) -> Plot:
        params = MODELS[o.model].params
        if o.context == SINGLE.id:
            # What a chassis can change is the tensor-parallel degree, what a contract can is the number of nodes.
            shown = [(f"TP {tp}", tp, o.gpus, tp == o.tp) for tp in TP_SINGLE]
            title = "Memory per GPU, by tensor-parallel degree"
        else:
            shown = [(counted(n, "nodes"), o.tp, n * NODE_GPUS, n == o.nodes) for n in NODES]
            title = f"Memory per GPU at TP {o.tp}, by nodes"
        bars = []
        for name, tp, gpus, chosen in shown:
            # A group that is larger than the cluster has no bar.
            whole = params if tp <= gpus else np.nan
            bars.append(
                MemoryBar(
                    f"{name}\nchosen" if chosen else name,
                    {
                        "weights": 2 * whole / tp,
                        "gradients": 2 * whole / tp,
                        "optimizer": 12 * whole / gpus,
                        "reserve": RESERVE.value + 0 * whole,
                    },
                )
            )
        return memory_ledger(
            bars,
            title=title,
            capacities=[Limit(CAPACITY, "HBM")],
            high=2.4 * CAPACITY,
            caption=(
                f"TP {o.tp} with {counted(o.dp, 'replicas')}: {number(o.state_gb)} GB. Tensor parallelism divides "
                "weights and gradients; the optimizer is spread over all GPUs, so only more nodes shrink its slice."
            ),
        )

    def metrics(self, outcome: SplitOutcome) -> list[Metric]:
        o = outcome
        asked = o.model == ASKED_MODEL and o.context == MULTI.id
        return [
            Metric(
                "Useful computation",
                f"{o.efficiency * 100:.1f}",
                "%",
                status=held(at_least(o.efficiency, TARGET_EFF.value)) if asked else "neutral",
            ),
            Metric("Communication", f"{o.comm_fraction * 100:.1f}", "%", status=held(not o.interconnect_wall)),
            Metric("Step", number(o.step_s), "s", note=f"{number(o.compute_s)} s of math"),
            Metric("Replicas", f"{o.dp}", note=f"of {counted(o.tp, 'GPUs')} each"),
            Metric(
                "Global batch",
                f"{o.global_batch_tokens:,}",
                "tokens",
                status=held(at_most(o.global_batch_tokens, BATCH_MAX.value)),
            ),
            Metric("Idle GPUs", number(o.idle_gpus), f"of {o.gpus}", note="on average"),
            Metric("Memory per GPU", number(o.state_gb), "GB", status=held(not o.oom)),
        ]

    def tables(self, outcome: SplitOutcome) -> list[Table]:
        o = outcome
        if o.context == SINGLE.id:
            rows = [
                (link.name, self.compute(o.context, model=o.model, node_link=key, tp=o.tp, tokens=o.tokens))
                for key, link in LINKS.items()
            ]
            emphasis, title = list(LINKS).index(o.node_link), "The two quotes"
        else:
            rows = [
                ("this design", o),
                ("first attempt", self.design()),
                ("one node", self.design(1, NODE_GPUS)),
            ]
            emphasis, title = 0, "Against the first attempt"
        return [
            Table(
                title,
                ("", "useful", "s/step", "GB", "tokens/s"),
                tuple(
                    (
                        name,
                        percent(row.efficiency),
                        number(row.step_s),
                        f"{row.state_gb:.1f}{' ✗' if row.oom else ''}",
                        f"{row.global_batch_tokens / row.step_s:,.0f}",
                    )
                    for name, row in rows
                ),
                emphasis,
            )
        ]

    def reflection(self) -> Question:
        first = self.design()
        times = 4
        more = self.design(tokens=int(TOKENS_DEFAULT.value * times))
        return Question(
            f"TP = {first.tp} over two nodes is at {percent(first.efficiency, 0)}. The team proposes to quadruple the "
            "tokens per step. Effect on the share of the step that tensor-parallel traffic takes?",
            (
                Option(
                    "A",
                    "It falls to a quarter: the same AllReduce serves more tokens.",
                    "The AllReduce carries one value per token and channel, so it grows with the tokens: from "
                    f"{number(first.tp_comm_s)} to {number(more.tp_comm_s)} s.",
                ),
                Option(
                    "B",
                    "It halves.",
                    "Neither bytes nor FLOPs scale with a square root: both grow fourfold.",
                ),
                Option(
                    "C",
                    "It does not change.",
                    f"$\\rho$ contains no tokens: {percent(more.efficiency)} again. Only $h$, $t$, $\\beta$ and $F$ "
                    "matter; wider models and faster links move the wall, batches do not.",
                    correct=True,
                ),
                Option(
                    "D",
                    "It rises: bigger messages congest the link.",
                    f"In seconds it grows fourfold, and so does the math, from {number(first.compute_s)} to "
                    f"{number(more.compute_s)} s; the time per byte is constant in this regime.",
                ),
            ),
        )

    def peek(self) -> Peek:
        node = self.design(1, NODE_GPUS)
        slow = self.design(1, NODE_GPUS, node_link="pcie")
        return Peek(
            (
                "tp_comm_compute_ratio",
                "tp_message_bytes",
                "training_step_compute_time",
                "hierarchical_allreduce_time",
                "zero_state_bytes",
            ),
            "Useful computation is $\\frac{1}{1 + \\rho_{TP} + \\rho_{DP}}$. For one group per node\n\n"
            "$\\rho_{DP} = \\frac{2 (d - 1)}{d} \\cdot \\frac{2 P}{t \\beta_o} \\cdot \\frac{t F}{6 P D}$\n\n"
            "falls as $1/D$; $\\rho_{TP}$ holds no $D$. "
            f"$\\beta_o$ is the network of one GPU, {plain(c.IB_NDR_BW.value / GB)} GB/s times adapters over "
            f"{NODE_GPUS}. For the 70B model at $t$ = {NODE_GPUS}, $\\rho_{{TP}}$ is "
            f"{node.tp_comm_s / node.compute_s:.3f} on NVLink and {slow.tp_comm_s / slow.compute_s:.3f} on PCIe. "
            "Start-up times are left out.",
        )


def bar_of(name: str, split: Split, tokens: int) -> SplitStep:
    """A step as a bar of the timeline."""
    compute, tensor, data = split.step(tokens)
    return SplitStep(name, compute, tensor, data)


def wall_text(o: SplitOutcome) -> str:
    """Banner of a design that mostly communicates; names the larger of the two exchanges."""
    idle = f"{o.idle_gpus:.0f} of {o.gpus} GPUs are idle on average."
    link = LINKS[o.node_link].name
    if o.tp_comm_s >= o.dp_comm_s:
        path = link if o.tp <= NODE_GPUS else f"{link} and {counted(o.nics, 'adapters')} per node"
        return (
            f"Tensor parallelism over {o.tp} GPUs exchanges {o.tensor_bytes / GB:.0f} GB per step over {path}: "
            f"{o.tp_comm_s:.2f} s of traffic for {o.compute_s:.2f} s of math. {idle} Bring the group back inside the "
            "NVLink domain."
        )
    return (
        f"{o.dp} replicas exchange {o.gradient_bytes / GB:.1f} GB of gradients per GPU and step: {o.dp_comm_s:.2f} s "
        f"of traffic for {o.compute_s:.2f} s of math. {idle} Give each replica more tokens per step."
    )


def instructor_notes() -> str:
    """Notes with the numbers of the model in them."""
    node = EightyPercent.design(1, NODE_GPUS)
    two = EightyPercent.design(2, NODE_GPUS, tokens=131_072)
    per_gpu = MODELS[ASKED_MODEL].params / NODE_GPUS
    stage2 = (physics.zero_state_bytes(per_gpu, 2, 2) + RESERVE.value) / GB
    first = EightyPercent.design()
    return (
        "- Let students measure the wall with a ruler: the curves of TP 8 and TP 16 run to a ceiling each, "
        f"{percent(node.ceiling)} and {percent(first.ceiling)}, and the ceiling is $1/(1 + \\rho_{{TP}})$.\n"
        "- NVLink SHARP adds inside the switch and roughly halves the bytes per GPU; the computed "
        f"{percent(node.efficiency, 0)} then moves towards the chapter's 85 to 95 %.\n"
        "- The data-parallel AllReduce may hide behind the last backward pass. With full overlap two adapters would "
        f"pass too ({percent(node.ceiling)}). Good debate: would you sign a contract on that?\n"
        f"- Two nodes at {percent(two.efficiency)} look fine until the memory is read ({two.state_gb:.1f} GB). Which "
        f"sharding stage would rescue them? Stage 2 still needs {stage2:.2f} GB; stage 3 fits but adds traffic.\n"
        "- Extension: FP8 math at unchanged links. Which configurations of today hit the wall tomorrow?"
    )


# --- the lab -------------------------------------------------------------------------------------------------

CHOICES = {
    "tp_in_node": "tensor parallelism inside the node",
    "tp_across_nodes": "tensor parallelism across nodes",
    "more_nics": "more adapters",
    "bigger_batch": "more tokens per replica",
    "more_nodes": "more nodes",
    "pcie_chassis": "the PCIe chassis",
}
#: Adapters with the bandwidth per node of the link chosen in V2-01.
ADAPTERS = {"eth100": 2, "hdr": 4, "ndr": 8, "nvlink": 8}


class InterconnectWall(Lab):
    """Every boundary that a message crosses costs bandwidth; what crosses it often has to stay inside."""

    volume, number, slug = 2, 2, "lab_02_compute_infra"
    title = "The Interconnect Wall"
    question = "Which traffic may leave the chassis, and which must never?"
    chapter = CHAPTER
    invariant = (
        "Bandwidth falls at every boundary: NVLink, PCIe, cable. Tensor-parallel traffic and math grow with the tokens "
        "alike, so their ratio depends on width, group size and link alone: no batch hides it."
    )
    contexts = (SINGLE, MULTI)
    acts = (SmallPrint, EightyPercent)
    decision_radio = Radio("Which choice carried your design?", CHOICES)
    briefing = (
        "“The GPUs are all connected” hides a staircase: package, chassis, board, cable. Data sheets print its steps "
        "in different units, both directions or one, bits or bytes. In Act I you read the small print of two quotes. "
        "In Act II you split a model over rented nodes and find out which traffic a bigger batch can hide, and which "
        "it cannot."
    )
    reading = (
        Reading(f"{CHAPTER}, The Node", "why the chassis is the boundary; what eight GPUs can and cannot hold"),
        Reading(
            f"{CHAPTER}, Bandwidth hierarchy", "“The physics of the staircase”: the table of tiers, the 10 GB transfer"
        ),
        Reading(
            f"{CHAPTER}, The PCIe hierarchy within a node",
            f"{rate(c.PCIE5_BW.value)} per direction, root complexes, one adapter per GPU",
        ),
        Reading(
            f"{CHAPTER}, Dense node designs",
            "“The NVLink bandwidth surprise”: NVSwitch, AllReduce per layer, attempts over PCIe",
        ),
    )
    assumptions = (
        "- Bandwidth is that of one direction; start-up times are left out, since only large messages are studied.\n"
        f"- Math runs at {percent(LOCAL_EFF.value, 0)} of the dense FP16 peak, 6 FLOP per parameter and token.\n"
        f"- Tensor parallelism takes {AR_PER_LAYER.value:.0f} AllReduces per layer and step, two forward and two "
        "backward (Megatron-LM), in BF16. Nothing hides them: the next layer waits for the sum.\n"
        "- Data parallelism sums BF16 gradients once per step; hiding it behind the backward pass is left out.\n"
        "- AllReduces are rings; beyond a node they are hierarchical, with the shards side by side on all adapters, "
        "which the GPUs of a node share equally.\n"
        "- Memory is 4 + 12/d bytes per parameter of a shard (ZeRO stage 1: optimizer state over the d replicas) plus "
        f"{RESERVE.value / GB:.0f} GB for activations with recomputation and buffers.\n"
        "- The model sends no traffic but these: no pipeline, no congestion, no stragglers."
    )
    constants = (
        c.H100_MEM_BW,
        c.NVLINK4_BW,
        c.NVLINK4_BW_PRINTED,
        c.PCIE5_BW,
        c.IB_NDR_BW,
        c.NICS_PER_NODE,
        c.GPUS_PER_NODE,
        c.H100_MEM_CAPACITY,
        c.H100_FLOPS_FP16_TENSOR,
        LOCAL_EFF,
        MESSAGE_BYTES,
        NVLINK_LINKS,
        NODE_SAVING,
        PARAMS_7B_CLASS,
        c.LLAMA2_7B_LAYERS,
        c.LLAMA2_7B_WIDTH,
        c.OPT_30B_PARAMS,
        c.OPT_30B_LAYERS,
        c.OPT_30B_WIDTH,
        c.PARAMS_70B,
        c.PARAMS_70B_LAYERS,
        c.PARAMS_70B_WIDTH,
        c.GPT3_175B_PARAMS,
        c.GPT3_175B_LAYERS,
        c.GPT3_175B_WIDTH,
        AR_PER_LAYER,
        ACT_BYTES,
        GRAD_BYTES,
        RESERVE,
        TOKENS_DEFAULT,
        BATCH_MAX,
        TARGET_EFF,
        WALL,
        NODES_FIRST,
        TP_FIRST,
    )
    reads = (("v2_01", "link"), ("v2_01", "fleet_gpus"))
    instructor_notes = instructor_notes()

    #: What V2-01 has to say here, in either act.
    greeting: str = ""
    adapters_note: str = ""

    def open(self) -> None:
        self.start_in(MULTI.id, "")
        link, gpus = (self.read(key, field) for key, field in self.reads)
        self.greeting = self.adapters_note = ""
        if gpus is not None and gpus >= NODE_GPUS:
            self.greeting = f"Your fleet of {gpus:,.0f} GPUs in V2-01 is {plain(gpus / NODE_GPUS, 6)} of these nodes."
        if link in ADAPTERS:
            adapters = ADAPTERS[link]
            self.act2.preset("nics", adapters, "V2-01")
            self.adapters_note = (
                f"You ended V2-01 with one {LINK_NAMES[link]} port per GPU; as NDR adapters that is {adapters} per "
                "node, which is where the control starts."
            )

    def result(self) -> float | None:
        return cast(float, self.act2.outcome.efficiency)

    def decision(self) -> str:
        return self.named.get("act2_decision", "tp_in_node")

    def extras(self) -> dict[str, Any]:
        o = self.act2.outcome
        return {
            "tp": o.tp,
            "dp": o.dp,
            "nics": o.nics if o.context == MULTI.id else None,
            "tokens": o.tokens,
            "fewest_nics": bool(o.meets_challenge and o.nics == fewest_adapters()),
        }

    def solution(self, context: str) -> dict[str, Any] | None:
        if context == SINGLE.id:
            return None
        return {"nodes": 4, "tp": 8, "nics": 4, "tokens": 262_144}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"node_link": "pcie"} if context == SINGLE.id else {"nics": 1}


LINK_NAMES = {"eth100": "100 Gb/s Ethernet", "hdr": "HDR", "ndr": "NDR", "nvlink": "NVLink-class"}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
