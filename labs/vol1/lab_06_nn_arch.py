"""V1-06 The Quadratic Wall and the Shape of a Model.

Act I: what a longer context costs while attention scores are held in memory, which is a square. Act II: one budget of
parameters for two deadlines, where width is the cheap way to spend it and a faster chip asks for the shallower model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from components.controls import Shortcuts, choice, slider, stops
from components.instruments.attention import attention_map, attention_scaling, attention_share
from components.instruments.clocks import ClockGroup, parallel_clocks
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.shape import shape_curve
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
from components.quantity import duration, number, percent, plain, quantity
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
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.hardware import Device, Hardware
from mlsysim.physics import transformer

CLOUD = Context("cloud", "Cloud", "cloud", "One H100 of 80 GB; in Act II it reads whole contracts.")
EDGE = Context("edge", "Edge", "edge", "One Jetson Orin NX of 16 GB; in Act II it sits in a vehicle.")

H100, ORIN_NX = Hardware.Cloud.H100, Hardware.Edge.JetsonOrinNX

HEADS = scenario("heads", 12, "head", "attention heads of the model in Act I", "Network Architectures", "chapter")
LAYERS = scenario("layers", 32, "layer", "layers of the model in Act I", "Network Architectures", "chapter")
HEAD_DIM = scenario("head_dim", 64, "1", "width of one head, as in GPT-2", c.RADFORD, "paper")
BYTES_FP16 = c.FP16_BYTES
BYTES_FP32 = scenario("bytes_fp32", 4, "B", "one score in FP32", "IEEE 754", "definition")
STAT_BYTES = scenario(
    "stat_bytes",
    transformer.STAT_BYTES,
    "B",
    "one FP32 log-sum-exp per row and head of tiled attention",
    "Dao et al. 2022",
    "paper",
)
TODAY_TOKENS = scenario("today_tokens", 4096, "token", "context of the model today", "the lab's scenario")
ASKED_TOKENS = scenario(
    "asked_tokens", 131_072, "token", "context that is asked for (128K)", "Network Architectures", "chapter"
)
CHAPTER_TOKENS = "Network Architectures, The Context Explosion"
BERT_TOKENS = scenario("bert_tokens", 512, "token", "context of BERT (2018)", CHAPTER_TOKENS, "chapter")
GPT2_TOKENS = scenario("gpt2_tokens", 1024, "token", "context of GPT-2 (2019)", CHAPTER_TOKENS, "chapter")
GPT3_CONTEXT = scenario("gpt3_tokens", 2048, "token", "context of GPT-3 (2020)", CHAPTER_TOKENS, "chapter")
GPT4_TOKENS = scenario("gpt4_tokens", 128_000, "token", "context of GPT-4 Turbo (2023)", CHAPTER_TOKENS, "chapter")
GEMINI_TOKENS = scenario("gemini_tokens", 1e6, "token", "context of Gemini 1.5 (2024)", CHAPTER_TOKENS, "chapter")
NOTEBOOK_TOKENS = scenario("notebook_tokens", 100_000, "token", "context of the notebook", CHAPTER_TOKENS, "chapter")
NOTEBOOK_BYTES = physics.attention_score_bytes(NOTEBOOK_TOKENS.value, HEADS.value, 1, BYTES_FP16.value)
KERNELS_STD = scenario(
    "kernels_standard",
    transformer.KERNELS["materialized"],
    "1",
    "kernels a layer: 2 norms, QKV, scores, softmax, weighted sum, output projection, 2 products and the activation "
    "of the feed-forward part, 2 residual additions",
    "counted from the block; nothing else is fused",
)
KERNELS_TILED = scenario(
    "kernels_tiled", transformer.KERNELS["tiled"], "1", "kernels a layer: attention is one of three", "counted"
)
PARAM_BUDGET = scenario(
    "param_budget",
    physics.transformer_params(16, 768),
    "parameter",
    "parameters of all blocks, 16 layers of width 768; embeddings excluded",
    "close to the 110 million of BERT-Base (Devlin et al. 2019)",
)
ORIN_GPU_FP16 = scenario(
    "orin_gpu_fp16", 15e12, "FLOP/s", "FP16 rate of the Orin's GPU alone, for comparison", "without its accelerators"
)
PARAM_TOL = scenario("param_tolerance", 0.05, "1", "allowed deviation from the budget", "width moves in heads of 64")
MAX_ASPECT = scenario(
    "max_aspect",
    128,
    "1",
    "largest width over depth that the team accepts",
    "a house rule: GPT-3 (12,288 over 96) and Llama-2 7B (4,096 over 32) stand at it",
)
VOCAB = scenario("vocab", 50_257, "1", "rows of the embedding", c.RADFORD, "paper")
WORK_UNITS = scenario(
    "work_units",
    transformer.WORK_UNITS,
    "1",
    "live vectors per token: residual, feed-forward hidden (4), output",
    "buffers are reused from layer to layer",
)
SHORT_TOKENS = scenario("short_tokens", 128, "token", "a spoken command, a short clause", "the lab's scenario")
EDGE_TOKENS = scenario("edge_tokens", 2048, "token", "an incident log", "the lab's scenario")
EDGE_LONG = scenario("edge_long_s", 28e-3, "s", "limit for a log", "a 30 Hz loop, less 5 ms to capture")
EDGE_SHORT = scenario("edge_short_s", 3e-3, "s", "limit for a command", "the lab's scenario")
EDGE_LOOP = scenario("edge_loop_s", 1 / 30, "s", "period of the loop", "30 Hz, the lab's scenario")
CLOUD_LONG = scenario("cloud_long_s", 1.0, "s", "limit for a contract", "the lab's scenario")
CLOUD_SHORT = scenario("cloud_short_s", 0.6e-3, "s", "limit for a clause", "the lab's scenario")
QUESTION_TOKENS = scenario("question_tokens", 512, "token", "tokens of the Act II question", "the lab's scenario")

#: Known contexts on the scaling plot.
MARKS = (
    ("BERT 2018", BERT_TOKENS.value),
    ("GPT-2 2019", GPT2_TOKENS.value),
    ("GPT-3 2020", GPT3_CONTEXT.value),
    ("GPT-4 Turbo 2023", GPT4_TOKENS.value),
    ("Gemini 1.5 2024", GEMINI_TOKENS.value),
)
#: The shapes of Act II with exactly the parameters of the budget: (layers, width).
SHAPES = {"64x384": (64, 384), "36x512": (36, 512), "16x768": (16, 768), "9x1024": (9, 1024), "4x1536": (4, 1536)}
DEEP, WIDE = SHAPES["64x384"], SHAPES["4x1536"]
#: Name of each attention algorithm in Act I, which does not say how it works, and in Act II.
NAMES = {"materialized": "standard", "tiled": "FlashAttention"}
PLAIN_NAMES = {"materialized": "standard", "tiled": "tiled"}

CONTEXTS_SWEPT = np.geomspace(BERT_TOKENS.value, 2.0**20, 45)
DEPTHS = np.geomspace(2, 96, 60)
#: The width that the budget leaves at each depth, whole heads or not.
WIDTHS = np.sqrt(PARAM_BUDGET.value / (12 * DEPTHS))


@dataclass(frozen=True)
class Setup:
    """What a context fixes: the device, its host's launch cost (s), the requests (tokens) and their limits (s)."""

    device: Device
    short_name: str
    launch_s: float
    target_tokens: int
    target_s: float
    short_target_s: float

    @property
    def peak(self) -> float:
        """Dense FP16 rate (FLOP/s)."""
        assert self.device.peak_fp16 is not None
        return self.device.peak_fp16

    @property
    def limit(self) -> Limit:
        """The memory line of the device (B)."""
        return Limit(self.device.mem_capacity, f"{self.short_name} {gb(self.device.mem_capacity)}")

    @property
    def rates(self) -> tuple[float, float, float]:
        """Arithmetic (FLOP/s), bandwidth (B/s) and launch cost (s), in the order of the physics."""
        return self.peak, self.device.mem_bandwidth, self.launch_s


def gb(size: float, digits: int = 4) -> str:
    """Bytes as gigabytes: 80 GB, 412.3 GB."""
    return f"{plain(size / 1e9, digits)} GB"


def ms(seconds: float, digits: int = 4) -> str:
    """A time in milliseconds: 132.5 ms, 0.6 ms."""
    return f"{plain(seconds * 1e3, digits)} ms"


def seconds(time_s: float) -> str:
    """A time in milliseconds below one second, in seconds from there: 121.7 ms, 69.92 s."""
    return f"{number(time_s, 4)} s" if time_s >= 1 else duration(time_s, 4)


def times(ratio: float, digits: int = 3) -> str:
    """A ratio to so many digits: 14.1, 198.7."""
    return number(ratio, digits)


def written(shape: tuple[float, float]) -> str:
    """A shape in words that stay on one line: 64 × 384."""
    return f"{shape[0]:g}\u00a0×\u00a0{shape[1]:g}"


def tiled_launches(shape: tuple[int, int]) -> float:
    """Launching one pass of a shape with tiled attention on the edge host (s)."""
    return physics.launch_time(shape[0], KERNELS_TILED.value, c.LAUNCH_EDGE.value)


def traffic_ratio(tokens: float) -> float:
    """How many times the bytes of tiled attention standard attention moves."""
    standard, tiled = (
        physics.attention_traffic_bytes(tokens, HEADS.value * HEAD_DIM.value, 1, BYTES_FP16.value, name)
        for name in NAMES
    )
    return standard / tiled


SETUPS = {
    "cloud": Setup(H100, "H100", c.LAUNCH_HOST.value, int(ASKED_TOKENS.value), CLOUD_LONG.value, CLOUD_SHORT.value),
    "edge": Setup(ORIN_NX, "Orin", c.LAUNCH_EDGE.value, int(EDGE_TOKENS.value), EDGE_LONG.value, EDGE_SHORT.value),
}


@dataclass(frozen=True)
class ContextOutcome:
    """What attention holds in memory (B) at a context, the longest context that fits, and the arithmetic."""

    layer_bytes: float
    total_bytes: float
    fits: bool
    max_context_tokens: int
    attention_flop_share: float
    capacity_bytes: float
    scores_bytes: float
    crossover_tokens: float
    prefill_s: float
    width: float
    one_layer_swept: np.ndarray
    live_swept: np.ndarray
    tiled_swept: np.ndarray
    linear_swept: np.ndarray
    share_swept: np.ndarray


class ContextWindow(Act):
    """Act I: 199 times the memory, and how much context it buys."""

    title = "A context window is not a budget line"
    minutes = 14

    seq_len = stops(
        "Context",
        tuple(2**k for k in range(9, 21)),
        int(TODAY_TOKENS.value),
        unit="tokens",
        text=lambda tokens: f"{tokens:,.0f} tokens",
        reason="octaves from BERT's window to Gemini's",
    )
    heads = choice(
        "Heads",
        {n: str(n) for n in (4, 8, 12, 16, 25, 32, 64, 96)},
        int(HEADS.value),
        widget="select",
        reason="small encoders to GPT-3; 25 is GPT-2 XL. A head is 64 wide",
    )
    layers_live = choice(
        "Layers whose scores are alive",
        {1: "1, inference", int(LAYERS.value): f"{LAYERS.value:g}, training"},
        1,
        reason="inference forgets a layer's scores once it has passed, training keeps all for the backward pass",
    )
    bytes_per_value = choice(
        "Scores in",
        {int(BYTES_FP16.value): "FP16", int(BYTES_FP32.value): "FP32"},
        int(BYTES_FP16.value),
        reason="2 or 4 bytes a score",
    )
    algorithm = choice("Attention", NAMES, "materialized", reason="the two ways to compute exact attention")

    @classmethod
    def compute(
        cls, context: str, *, seq_len: float, heads: float, layers_live: float, bytes_per_value: float, algorithm: str
    ) -> ContextOutcome:
        setup = SETUPS[context]
        capacity, width = setup.device.mem_capacity, HEAD_DIM.value * heads

        def held_bytes(tokens: Any, layers: float) -> Any:
            """What the chosen algorithm holds for so many layers."""
            if algorithm == "tiled":
                return physics.tiled_attention_state_bytes(tokens, heads, layers, STAT_BYTES.value)
            return physics.attention_score_bytes(tokens, heads, layers, bytes_per_value)

        swept = CONTEXTS_SWEPT
        total = held_bytes(seq_len, layers_live)
        live = physics.attention_score_bytes(swept, heads, layers_live, bytes_per_value)
        today = physics.attention_score_bytes(TODAY_TOKENS.value, heads, layers_live, bytes_per_value)
        # The prefill passes all layers of the model, however many hold their scores.
        params = physics.transformer_params(LAYERS.value, width)
        flops = physics.forward_flops(params, seq_len) + physics.attention_flops(seq_len, width, LAYERS.value)
        return ContextOutcome(
            layer_bytes=held_bytes(seq_len, 1),
            total_bytes=total,
            fits=at_most(total, capacity),
            max_context_tokens=physics.max_context_tokens(capacity, heads, layers_live, bytes_per_value),
            attention_flop_share=physics.attention_flop_share(seq_len, width),
            capacity_bytes=capacity,
            scores_bytes=physics.attention_score_bytes(seq_len, heads, layers_live, bytes_per_value),
            crossover_tokens=physics.attention_crossover_tokens(width),
            prefill_s=flops / setup.peak,
            width=width,
            one_layer_swept=live / layers_live,
            live_swept=live,
            tiled_swept=physics.tiled_attention_state_bytes(swept, heads, layers_live, STAT_BYTES.value),
            linear_swept=today * swept / TODAY_TOKENS.value,
            share_swept=physics.attention_flop_share(swept, width),
        )

    @classmethod
    @cache
    def case(cls, context: str = "cloud", **changed: Any) -> ContextOutcome:
        """The defaults with some controls changed."""
        defaults = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return cls.compute(context, **{**defaults, **changed})

    @classmethod
    def memory_ratio(cls, context: str = "cloud") -> float:
        """How many times today's scores of one layer fit in the memory."""
        today = cls.case(context)
        return today.capacity_bytes / today.layer_bytes

    @classmethod
    def growth(cls, context: str = "cloud") -> float:
        """How many times longer the context gets in all of the memory."""
        return cls.case(context).max_context_tokens / TODAY_TOKENS.value

    def message(self) -> Message:
        today, setup = self.case(self.context), SETUPS[self.context]
        share = today.layer_bytes / today.capacity_bytes
        there = "card" if self.context == "cloud" else "module in the customer's building"
        return Message(
            "VP of Product, enterprise documents",
            f"A competitor announced 128K-token context this morning; sales wants an answer by Friday. Our model runs "
            f"at {TODAY_TOKENS.value:,.0f} tokens, where one layer's attention scores take "
            f"**{today.layer_bytes / 1e9:.2f} GB** of a {gb(setup.device.mem_capacity)} {there}: one part in "
            f"{1 / share:.0f}. Engineering keeps saying memory will explode. Why is a "
            f"{ASKED_TOKENS.value / TODAY_TOKENS.value:g}-times longer window a problem when we use {percent(share)} "
            "of the memory?",
        )

    def concept(self) -> str:
        return (
            "Every token compares itself with every other token. For each head this makes an $N \\times N$ matrix of "
            f"*scores*, stored in FP16. The model has {HEADS.value:g} heads of size {HEAD_DIM.value:g} and "
            f"{LAYERS.value:g} layers; in inference one layer's scores are alive at a time."
        )

    def prediction(self) -> ChoicePrediction:
        asked, ratio, growth = self.case(), self.memory_ratio(), self.growth()
        today = TODAY_TOKENS.value
        linear, cubic = today * ratio, today * ratio ** (1 / 3)
        limit = asked.max_context_tokens

        def about(tokens: float) -> str:
            return f"about {plain(tokens, 3)} tokens"

        return ChoicePrediction(
            f"One layer's scores take {asked.layer_bytes:,.0f} B at {today:,.0f} tokens and the H100 has "
            f"{gb(asked.capacity_bytes)}, {ratio:.1f} times as much. If scores could use the whole card, how long "
            "could the context get?",
            (
                Option(
                    "A",
                    about(linear),
                    value=round(linear),
                    feedback=(
                        f"{times(linear / limit)} times too long: you extended a straight line; the curve has slope 2."
                    ),
                ),
                Option(
                    "B",
                    about(linear / 2),
                    value=round(linear / 2),
                    feedback=(
                        f"{times(linear / 2 / limit, 2)} times too long: a second copy changes the constant, not the "
                        "exponent."
                    ),
                ),
                Option(
                    "C",
                    about(limit),
                    value=limit,
                    correct=True,
                    feedback=(
                        f"The window grows with the square root of the memory: √{ratio:.1f} = {math.sqrt(ratio):.1f}."
                    ),
                ),
                Option(
                    "D",
                    about(cubic),
                    value=round(cubic),
                    feedback=(
                        f"{times(limit / cubic, 2)} times too short: queries, keys and values are $N \\times d$ each; "
                        "only one $N \\times N$ product is stored."
                    ),
                ),
            ),
            actual=limit,
            form=lambda tokens: f"{tokens:,.0f} tokens",
            why=(
                f"Memory grows with $N^2$, so {ratio:.0f} times the memory buys {growth:.1f} times the context. On "
                f"the Orin's {gb(ORIN_NX.mem_capacity)} the same sum gives "
                f"{self.case('edge').max_context_tokens:,} tokens."
            ),
        )

    def plots(self, outcome: ContextOutcome) -> dict[str, Any]:
        setup, standard = SETUPS[self.context], self.algorithm == "materialized"
        tokens, limit = self.seq_len, outcome.max_context_tokens
        # The question was about one model on one card; elsewhere its answer would claim something it did not say.
        asked = ("cloud", HEADS.value, 1, BYTES_FP16.value)
        here = (self.context, self.heads, self.layers_live, self.bytes_per_value)
        predicted = self.predicted() if here == asked else None
        several = self.layers_live > 1
        layers = f"{self.layers_live:g} layers" if several else "one layer"
        side, area = (max(limit, tokens) / min(limit, tokens)) ** np.array([1, 2])
        memory = f"{gb(outcome.capacity_bytes)} of the {setup.short_name}"
        compared = (
            f"The {memory} hold {times(area)} such maps, in a square only {times(side)} times as wide."
            if limit >= tokens
            else f"The map is {times(area)} times the {memory}, and only {times(side)} times as wide."
        )
        if not standard:
            compared += f" It is not stored: {quantity(outcome.total_bytes, 'B')} are held instead."
        block = tokens / 16
        return {
            "map": attention_map(
                tokens,
                outcome.scores_bytes,
                stored=standard,
                held_bytes=outcome.total_bytes,
                capacity=setup.limit,
                capacity_tokens=limit,
                predicted=predicted,
                title=f"Attention of one head: {tokens:,.0f} × {tokens:,.0f} scores",
                caption=(
                    f"Areas are bytes, for {self.heads:g} heads and {layers}. {compared} Each block of the magnified "
                    f"map is {block:,.0f} × {block:,.0f} scores; the pattern is illustrative."
                ),
            ),
            "scaling": attention_scaling(
                CONTEXTS_SWEPT,
                one_layer=outcome.one_layer_swept,
                all_layers=outcome.live_swept if several else None,
                tiled=outcome.tiled_swept,
                linear=outcome.linear_swept,
                names=("one layer", layers, "FlashAttention", "linear"),
                here=(tokens, outcome.total_bytes),
                capacity=Limit(setup.device.mem_capacity, gb(setup.device.mem_capacity)),
                capacity_tokens=limit,
                marks=MARKS,
                predicted=predicted,
                title="What a longer context holds in memory",
                caption=(
                    f"{tokens:,.0f} tokens, {NAMES[self.algorithm]}, {layers}: {quantity(outcome.total_bytes, 'B', 4)} "
                    f"of {gb(outcome.capacity_bytes)}. Standard attention fills the memory at {limit:,} tokens."
                ),
            ),
            "share": attention_share(
                CONTEXTS_SWEPT,
                outcome.share_swept,
                here=(tokens, outcome.attention_flop_share),
                crossover=outcome.crossover_tokens,
                title="Where the arithmetic goes",
                caption=(
                    f"Width {outcome.width:,.0f}: attention is half of the arithmetic at "
                    f"{outcome.crossover_tokens:,.0f} tokens, and {percent(outcome.attention_flop_share)} of it at "
                    f"{tokens:,.0f}, whichever algorithm."
                ),
            ),
        }

    def metrics(self, outcome: ContextOutcome) -> list[Metric]:
        share = outcome.total_bytes / outcome.capacity_bytes
        used = f"{plain(share, 3)} ×" if share > 1 else f"{plain(100 * share, 3)} % of"
        return [
            Metric.of("One layer", quantity(outcome.layer_bytes, "B", 4)),
            Metric.of(
                "Live layers",
                quantity(outcome.total_bytes, "B", 4),
                note=f"{used} {gb(outcome.capacity_bytes)}",
                status=held(outcome.fits),
            ),
            Metric("Longest context", f"{outcome.max_context_tokens:,}", "tokens", note="standard, scores alone"),
            Metric(
                "Attention in the arithmetic",
                f"{100 * outcome.attention_flop_share:.1f}",
                "%",
                note=f"half at {outcome.crossover_tokens:,.0f} tokens",
            ),
            Metric.of(
                "Prefill, at least", seconds(outcome.prefill_s), note=f"{LAYERS.value:g} layers at the dense peak"
            ),
        ]

    def tables(self, outcome: ContextOutcome) -> list[Table]:
        def row(algorithm: str) -> tuple[str, str, str]:
            sizes = (
                self.compute(self.context, **{**self.values(), "layers_live": n, "algorithm": algorithm}).total_bytes
                for n in (1, int(LAYERS.value))
            )
            one, every = (quantity(size, "B", 4) for size in sizes)
            return NAMES[algorithm], one, every

        return [
            Table(
                f"In memory at {self.seq_len:,.0f} tokens",
                ("", "1 layer", f"{LAYERS.value:g} layers"),
                tuple(row(algorithm) for algorithm in NAMES),
                list(NAMES).index(self.algorithm),
            )
        ]

    def reflection(self) -> Question:
        wish, tiled = (self.case(seq_len=int(ASKED_TOKENS.value), algorithm=name) for name in NAMES)
        return Question(
            "FlashAttention brings the extra memory from $O(N^2)$ to $O(N)$. How?",
            (
                Option(
                    "A",
                    "It stores a low-rank factorisation of the scores",
                    "That would approximate; FlashAttention is exact.",
                ),
                Option(
                    "B",
                    "It walks over tiles of keys and values, keeps a running maximum and sum per row on the chip, and "
                    "never writes the $N \\times N$ matrix",
                    correct=True,
                    feedback=(
                        "The $4 N^2 d$ operations remain: at 128K the prefill still needs "
                        f"{wish.prefill_s:.2f} s of an H100 at its full peak."
                    ),
                ),
                Option("C", "It drops heads in deep layers", "The model is unchanged: every head is computed."),
                Option(
                    "D",
                    "It stores the scores in INT8",
                    f"That would save a factor of {BYTES_FP16.value:g}, not of N/2: at 128K the scores shrink "
                    f"{wish.layer_bytes / tiled.layer_bytes:,.0f} times.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "attention_score_bytes",
                "max_context_tokens",
                "tiled_attention_state_bytes",
                "attention_flop_share",
                "attention_crossover_tokens",
                "attention_flops",
            ),
            "Twice the memory buys $\\sqrt{2}$ times the context. With a feed-forward part of four widths the share is "
            "$N/(N + 6 d)$: at short contexts nearly all arithmetic is in the weights.",
        )


@dataclass(frozen=True)
class ShapeOutcome:
    """One shape of the model: its two requests (s) with their clocks, its memory (B), and the line of its budget."""

    params: float
    aspect_ratio: float
    latency_s: float
    short_latency_s: float
    memory_bytes: float
    oom: bool
    budget_ok: bool
    aspect_ok: bool
    long_ok: bool
    short_ok: bool
    layers: int
    width: int
    seq_len: int
    capacity_bytes: float
    target_latency_s: float
    clocks: Mapping[str, float]
    short_clocks: Mapping[str, float]
    memory_parts: Mapping[str, Mapping[str, float]]
    swept: Mapping[str, np.ndarray]
    short_swept: np.ndarray
    shapes_s: np.ndarray

    @property
    def deviation(self) -> float:
        """Parameters over the budget, less one."""
        return self.params / PARAM_BUDGET.value - 1

    @property
    def binding(self) -> str:
        """The clock that the long request waits for."""
        return max(self.clocks, key=lambda name: self.clocks[name])

    @property
    def short_binding(self) -> str:
        """The clock that the short request waits for."""
        return max(self.short_clocks, key=lambda name: self.short_clocks[name])


class ModelShape(Act):
    """Act II: deep or wide, for a long and a short request."""

    title = "Deep or wide?"
    minutes = 24
    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "layers": tuple(sorted(layers for layers, _ in SHAPES.values())),
        "width": tuple(sorted(width for _, width in SHAPES.values())),
        "seq_len": (int(QUESTION_TOKENS.value),),
    }

    layers = slider(
        "Depth",
        2,
        96,
        1,
        DEEP[0],
        unit="layers",
        reason="up to the 96 layers of GPT-3",
        shortcuts=Shortcuts(
            "Layers × width, exactly the budget",
            {
                written(shape): {"layers": f"{shape[0]} layers", "width": plain(shape[1], 5)}
                for shape in SHAPES.values()
            },
        ),
    )
    width = slider(
        "Width",
        128,
        3072,
        64,
        DEEP[1],
        reason=f"in heads of 64, and past the {WIDTHS[0]:,.0f} that the budget leaves to two layers",
    )
    seq_len = stops(
        "Context",
        tuple(2**k for k in range(7, 19)),
        int(ASKED_TOKENS.value),
        unit="tokens",
        text=lambda tokens: f"{tokens:,.0f} tokens",
        reason="octaves from a spoken command to twice a contract",
        per_context={"edge": {"default": int(EDGE_TOKENS.value)}},
    )
    algorithm = choice(
        "Attention", PLAIN_NAMES, "materialized", reason="scores in memory, or tile by tile on the chip; both are exact"
    )

    @classmethod
    def compute(cls, context: str, *, layers: float, width: float, seq_len: float, algorithm: str) -> ShapeOutcome:
        setup = SETUPS[context]
        rates, capacity = setup.rates, setup.device.mem_capacity

        def clocks(tokens: float) -> dict[str, float]:
            found = physics.forward_clocks(layers, width, tokens, algorithm, *rates)
            return {name: float(time_s) for name, time_s in found.items()}

        def parts(kind: str) -> dict[str, float]:
            return {
                name: float(size)
                for name, size in physics.forward_memory_parts(layers, width, seq_len, kind, VOCAB.value).items()
            }

        params = physics.transformer_params(layers, width)
        long_clocks, short_clocks = clocks(seq_len), clocks(SHORT_TOKENS.value)
        long_s, short_s = max(long_clocks.values()), max(short_clocks.values())
        memory = physics.forward_memory_bytes(layers, width, seq_len, algorithm, VOCAB.value)
        swept = physics.forward_clocks(DEPTHS, WIDTHS, seq_len, algorithm, *rates)
        depths, widths = np.array(list(SHAPES.values()), dtype=float).T
        return ShapeOutcome(
            params=params,
            aspect_ratio=width / layers,
            latency_s=long_s,
            short_latency_s=short_s,
            memory_bytes=memory,
            oom=not at_most(memory, capacity),
            budget_ok=at_most(abs(params / PARAM_BUDGET.value - 1), PARAM_TOL.value),
            aspect_ok=at_most(width / layers, MAX_ASPECT.value),
            long_ok=at_least(seq_len, setup.target_tokens) and at_most(long_s, setup.target_s),
            short_ok=at_most(short_s, setup.short_target_s),
            layers=int(layers),
            width=int(width),
            seq_len=int(seq_len),
            capacity_bytes=capacity,
            target_latency_s=physics.transformer_forward_time(layers, width, setup.target_tokens, algorithm, *rates),
            clocks=long_clocks,
            short_clocks=short_clocks,
            memory_parts={kind: parts(kind) for kind in PLAIN_NAMES},
            swept={name: np.asarray(times_s) for name, times_s in swept.items()},
            short_swept=physics.transformer_forward_time(DEPTHS, WIDTHS, SHORT_TOKENS.value, algorithm, *rates),
            shapes_s=physics.transformer_forward_time(depths, widths, seq_len, algorithm, *rates),
        )

    @classmethod
    @cache
    def case(cls, context: str, shape: tuple[int, int], tokens: int, algorithm: str = "materialized") -> ShapeOutcome:
        """A shape (layers, width) at a context."""
        return cls.compute(context, layers=shape[0], width=shape[1], seq_len=tokens, algorithm=algorithm)

    @classmethod
    def asked(cls, context: str = "edge") -> tuple[ShapeOutcome, ShapeOutcome]:
        """The case of the question: the deep and the wide shape at 512 tokens, standard attention."""
        deep, wide = (cls.case(context, shape, int(QUESTION_TOKENS.value)) for shape in (DEEP, WIDE))
        return deep, wide

    @classmethod
    def slowdown(cls, context: str = "edge") -> float:
        """How many times slower the deep shape is in the case of the question."""
        deep, wide = cls.asked(context)
        return deep.latency_s / wide.latency_s

    def message(self) -> Message:
        setup = SETUPS[self.context]
        draft = self.case(self.context, DEEP, setup.target_tokens)
        size = f"{PARAM_BUDGET.value / 1e6:.0f} M"
        if self.context == "edge":
            return Message(
                "Autonomy lead, a vehicle maker",
                f"The incident-log classifier gets {size} parameters and must read {setup.target_tokens:,} tokens "
                f"within **{ms(setup.target_s)}** of our {EDGE_LOOP.value * 1e3:.0f} ms loop on the Orin; a driver's "
                f"command of {SHORT_TOKENS.value:g} tokens gets **{ms(setup.short_target_s)}**. Research gave us "
                f"{DEEP[0]} thin layers because deep is smart. It takes **{ms(draft.latency_s, 3)}**.",
            )
        return Message(
            "Contract-review product lead, a legal software company",
            f"The same {size} encoder, but whole contracts: **{setup.target_tokens:,} tokens in "
            f"{duration(setup.target_s, 1)}** on one H100, and short clauses of {SHORT_TOKENS.value:g} tokens in "
            f"**{ms(setup.short_target_s)}**. The {DEEP[0]}-layer draft runs out of memory on the first contract: it "
            f"wants **{gb(draft.memory_bytes, 3)}**.",
        )

    def from_ledger(self) -> str:
        if self.lab.read("ch05", "fused") is not True:
            return ""
        return (
            "In Lab 05 you fused a pass to save bytes; the same move is available here, and attention starts *tiled*."
        )

    def concept(self) -> str:
        shapes = ", ".join(written(shape) for shape in reversed(SHAPES.values()))
        return (
            f"A block of width $d$ has $12 d^2$ parameters. {shapes} (layers × width) all have exactly "
            f"{PARAM_BUDGET.value:,.0f}. Layer $l + 1$ waits for layer $l$. A layer is {KERNELS_STD.value:g} kernels, "
            f"{KERNELS_TILED.value:g} with *tiled* attention, each launched by the host: "
            f"{c.LAUNCH_EDGE.value * 1e6:g} µs on the Orin's CPU, {c.LAUNCH_HOST.value * 1e6:g} µs on the server. "
            "Launches run ahead of the device, so a pass takes the *longest* of launching, arithmetic and memory "
            "traffic. Scores are traffic, unless attention is tiled."
        )

    def prediction(self) -> ChoicePrediction:
        deep, wide = self.asked()
        actual, depths = self.slowdown(), DEEP[0] / WIDE[0]
        launches = DEEP[0] * KERNELS_STD.value
        scores = physics.attention_flops(QUESTION_TOKENS.value, DEEP[1], DEEP[0]) / physics.attention_flops(
            QUESTION_TOKENS.value, WIDE[1], WIDE[0]
        )
        return ChoicePrediction(
            f"On the Orin, {QUESTION_TOKENS.value:g} tokens, standard attention: {DEEP[0]} layers of width {DEEP[1]} "
            f"against {WIDE[0]} layers of width {WIDE[1]:,}, the same parameters. How much slower is the deep one?",
            (
                Option(
                    "A",
                    "1.0 times: no difference",
                    value=1.0,
                    feedback=(
                        f"The dense work is equal, but {launches:,.0f} launches are not hidden by it, and "
                        f"{scores:g} times the score traffic is not free."
                    ),
                ),
                Option(
                    "B",
                    f"{actual:.1f} times slower",
                    value=actual,
                    correct=True,
                    feedback=(
                        f"{ms(deep.latency_s)} of launches against {number(wide.latency_s * 1e3)} ms of arithmetic."
                    ),
                ),
                Option(
                    "C",
                    f"{depths:g} times slower",
                    value=depths,
                    feedback=(
                        "That is right on the H100, where each kernel is shorter than its launch. On the Orin the wide "
                        "model is already busy computing."
                    ),
                ),
                Option(
                    "D",
                    "0.5 times: the deep one is faster",
                    value=0.5,
                    feedback=f"Each layer is quicker, but there are {depths:g} times as many, in sequence.",
                ),
            ),
            actual=actual,
            form=lambda ratio: f"{ratio:.2f} times",
            why=(
                f"{written(DEEP)}: {ms(deep.clocks['launch'])} launching, {ms(deep.clocks['memory'])} memory, "
                f"{number(deep.clocks['compute'] * 1e3)} ms arithmetic. {written(WIDE)}: "
                f"{number(wide.clocks['launch'] * 1e3)}, {number(wide.clocks['memory'] * 1e3)} and "
                f"{number(wide.clocks['compute'] * 1e3)} ms. The longest counts."
            ),
        )

    def challenge(self) -> str:
        setup = SETUPS[self.context]
        return (
            f"Find a shape of **{PARAM_BUDGET.value / 1e6:.0f} M parameters** (within {percent(PARAM_TOL.value, 0)}), "
            f"at most {MAX_ASPECT.value:g} times as wide as it is deep, that reads **{setup.target_tokens:,} tokens in "
            f"{ms(setup.target_s)}** and **{SHORT_TOKENS.value:g} tokens in {ms(setup.short_target_s)}**, and fits in "
            f"{gb(setup.device.mem_capacity)}. Then try your answer in the other context."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        setup = SETUPS[self.context]
        long_limit = duration(setup.target_s, 1) if setup.target_s >= 1 else ms(setup.target_s)
        return (
            Constraint(f"{setup.target_tokens:,} tokens ≤ {long_limit}", lambda o: o.long_ok),
            Constraint(f"{SHORT_TOKENS.value:g} tokens ≤ {ms(setup.short_target_s)}", lambda o: o.short_ok),
            Constraint(
                f"{PARAM_BUDGET.value / 1e6:.0f} M ± {percent(PARAM_TOL.value, 0)}, d/L ≤ {MAX_ASPECT.value:g}",
                lambda o: o.budget_ok and o.aspect_ok,
            ),
            Constraint(f"Memory ≤ {gb(setup.device.mem_capacity)}", lambda o: not o.oom),
        )

    def failures(self) -> tuple[Failure, ...]:
        setup = SETUPS[self.context]

        def out_of_memory(o: ShapeOutcome) -> str:
            parts = o.memory_parts[self.algorithm]
            if max(parts, key=lambda name: parts[name]) == "scores":
                return (
                    f"attention scores do not fit. One layer needs {parts['scores'] / 1e9:,.1f} GB of "
                    f"{gb(o.capacity_bytes)} at {o.seq_len:,} tokens. Halving the context divides this by four; "
                    "tiling removes it."
                )
            return (
                f"the model takes {o.memory_bytes / 1e9:.1f} GB of {gb(o.capacity_bytes)}, of which weights "
                f"{parts['weights'] / 1e9:.1f} and activations {parts['activations'] / 1e9:.1f}. Tiling does not help: "
                "return to the budget."
            )

        return (
            Failure("oom", "OOM:", when=lambda o: o.oom, text=out_of_memory),
            Failure(
                "deadline",
                "DEADLINE MISSED:",
                when=lambda o: not at_most(o.latency_s, setup.target_s),
                text=lambda o: (
                    f"{o.seq_len:,} tokens take {ms(o.latency_s)}, {ms(o.latency_s - setup.target_s)} over the limit. "
                    f"Binding clock: {o.binding}."
                ),
                severity="warn",
            ),
            Failure(
                "short_deadline",
                "SHORT REQUEST TOO SLOW:",
                when=lambda o: not o.short_ok,
                text=lambda o: (
                    f"{SHORT_TOKENS.value:g} tokens take {ms(o.short_latency_s)}, limit {ms(setup.short_target_s)}. "
                    f"Binding clock: {o.short_binding}."
                ),
                severity="warn",
            ),
            Failure(
                "context_cut",
                "CONTEXT CUT:",
                when=lambda o: not at_least(o.seq_len, setup.target_tokens),
                text=lambda o: f"{o.seq_len:,} tokens are read, {setup.target_tokens:,} are needed.",
                severity="warn",
            ),
        )

    def plots(self, outcome: ShapeOutcome) -> dict[str, Any]:
        setup, tokens = SETUPS[self.context], outcome.seq_len
        predicted = self.predicted() if self.context == "edge" else None
        deep, wide = self.asked(self.context)
        in_question = tokens == QUESTION_TOKENS.value and self.algorithm == "materialized"
        long_name, short_name = f"{tokens:,} tokens", f"{SHORT_TOKENS.value:g} tokens"
        target_name = f"{setup.target_tokens:,} tokens"
        shape = written((outcome.layers, outcome.width))
        held_bytes = {name: quantity(size, "B") for name, size in outcome.memory_parts[self.algorithm].items()}
        bars = [
            MemoryBar(f"{name}\n{'(yours)' if kind == self.algorithm else ''}", outcome.memory_parts[kind])
            for kind, name in PLAIN_NAMES.items()
        ]
        fills = [bar.total / setup.device.mem_capacity for bar in bars]
        fastest = min(SHAPES, key=lambda name: outcome.shapes_s[list(SHAPES).index(name)])
        best = float(outcome.shapes_s.min())
        return {
            "shape": shape_curve(
                DEPTHS,
                outcome.swept,
                outcome.short_swept,
                # On a phone there is room for every other width.
                shapes=tuple(
                    (f"{layers}\n× {width}" if k % 2 == 0 else str(layers), float(layers))
                    for k, (layers, width) in enumerate(SHAPES.values())
                ),
                shapes_s=outcome.shapes_s,
                here=(float(outcome.layers), outcome.latency_s, outcome.short_latency_s),
                names=(long_name, short_name),
                limits=(
                    Limit(setup.target_s, "limit"),
                    Limit(setup.short_target_s, f"limit, {SHORT_TOKENS.value:g}"),
                ),
                shallowest=Limit(
                    (PARAM_BUDGET.value / 12 / MAX_ASPECT.value**2) ** (1 / 3), f"d/L > {MAX_ASPECT.value:g}", "caution"
                ),
                predicted=None
                if predicted is None or not in_question
                else (float(DEEP[0]), predicted * wide.latency_s),
                title=f"The same parameters at every depth: {tokens:,} tokens, {PLAIN_NAMES[self.algorithm]} attention",
                caption=(
                    f"Yours: {shape}, {long_name} in {ms(outcome.latency_s)} "
                    f"({outcome.binding}), {short_name} in {ms(outcome.short_latency_s)} ({outcome.short_binding}). "
                    f"The fastest of the five is {written(SHAPES[fastest])} with {ms(best)}. Grey: the longest of the "
                    f"three clocks, for both requests. Limits: {ms(setup.target_s)} for {target_name}, "
                    f"{ms(setup.short_target_s)} for {short_name}."
                ),
            ),
            "clocks": parallel_clocks(
                [
                    ClockGroup(f"{tokens:,}\ntokens", outcome.clocks, setup.target_s),
                    ClockGroup(f"{SHORT_TOKENS.value:g}\ntokens", outcome.short_clocks, setup.short_target_s),
                ],
                axis="time, of the limit of the request",
                limits=[Limit(1.0, "limit")],
                percent=True,
                most=3.0,
                title=f"Your shape, clock by clock: {shape}",
                caption=(
                    f"The longest clock is the pass, written bold. 100 % are {ms(setup.target_s)} and "
                    f"{ms(setup.short_target_s)}. A bar that goes on beyond the edge has an arrow."
                ),
            ),
            "memory": memory_ledger(
                bars,
                title=f"What is in memory at {tokens:,} tokens",
                capacities=[Limit(setup.device.mem_capacity, setup.short_name)],
                high=min(2.0, 1.2 * max(1.0, *fills)) * setup.device.mem_capacity,
                caption=(
                    f"{gb(outcome.memory_bytes)} of {gb(outcome.capacity_bytes)}: scores {held_bytes['scores']}, "
                    f"activations {held_bytes['activations']}, weights {held_bytes['weights']}, embeddings "
                    f"{held_bytes['embeddings']}. One layer's scores are alive."
                ),
            ),
            "question": parallel_clocks(
                [ClockGroup(f"{shape[0]}\n× {shape[1]}", o.clocks) for shape, o in ((DEEP, deep), (WIDE, wide))],
                axis="time (ms)",
                limits=[
                    Limit(
                        math.nan if predicted is None else predicted * wide.latency_s * 1e3,
                        "predicted for the deep one",
                        "series-2",
                    )
                ],
                title=f"The two shapes of the question: {QUESTION_TOKENS.value:g} tokens, standard, {setup.short_name}",
                caption=(
                    f"Deep {ms(deep.latency_s)} ({deep.binding}), wide {number(wide.latency_s * 1e3)} ms "
                    f"({wide.binding}): {number(self.slowdown(self.context))} times. The dense arithmetic is the same."
                ),
            ),
        }

    def metrics(self, outcome: ShapeOutcome) -> list[Metric]:
        setup = SETUPS[self.context]
        return [
            Metric.of(
                f"{outcome.seq_len:,} tokens",
                ms(outcome.latency_s),
                note=f"waits for {outcome.binding}",
                status=held(outcome.long_ok),
            ),
            Metric.of(
                f"{SHORT_TOKENS.value:g} tokens",
                ms(outcome.short_latency_s),
                note=f"waits for {outcome.short_binding}",
                status=held(outcome.short_ok),
            ),
            Metric(
                "Parameters",
                f"{outcome.params / 1e6:,.1f}",
                "M",
                note="exactly the budget"
                if outcome.deviation == 0
                else f"{100 * outcome.deviation:+,.1f} % off the budget".replace("-", "−"),
                status=held(outcome.budget_ok),
            ),
            Metric("Width over depth", plain(outcome.aspect_ratio), status=held(outcome.aspect_ok)),
            Metric.of(
                "Memory",
                quantity(outcome.memory_bytes, "B"),
                note=f"of {gb(setup.device.mem_capacity)}",
                status=held(not outcome.oom),
            ),
        ]

    def tables(self, outcome: ShapeOutcome) -> list[Table]:
        setup = SETUPS[self.context]
        verdict = {True: "✓ yes", False: "✕ no"}
        reads = at_least(outcome.seq_len, setup.target_tokens)
        rows = (
            (
                "size",
                f"{outcome.params / 1e6:,.1f} M",
                f"{PARAM_BUDGET.value / 1e6:.0f} M ± {percent(PARAM_TOL.value, 0)}",
                verdict[outcome.budget_ok],
            ),
            ("d/L", plain(outcome.aspect_ratio), f"≤ {MAX_ASPECT.value:g}", verdict[outcome.aspect_ok]),
            ("tokens", f"{outcome.seq_len:,}", f"≥ {setup.target_tokens:,}", verdict[reads]),
            (
                f"time at {outcome.seq_len:,}",
                ms(outcome.latency_s),
                f"≤ {ms(setup.target_s)}",
                verdict[at_most(outcome.latency_s, setup.target_s)],
            ),
            (
                f"time at {SHORT_TOKENS.value:g}",
                ms(outcome.short_latency_s),
                f"≤ {ms(setup.short_target_s)}",
                verdict[outcome.short_ok],
            ),
            ("memory", gb(outcome.memory_bytes, 3), f"≤ {gb(outcome.capacity_bytes)}", verdict[not outcome.oom]),
        )
        return [Table("The contract", ("", "yours", "limit", "kept?"), rows)]

    def reflection(self) -> Question:
        cloud, edge = self.slowdown("cloud"), self.slowdown("edge")
        scores = (DEEP[0] * DEEP[1]) / (WIDE[0] * WIDE[1])
        largest = max(o.memory_bytes for o in self.asked("edge"))
        return Question(
            f"The same change of shape is worth {cloud:.0f} times on the H100 and {edge:.1f} times on the Orin, at "
            f"{QUESTION_TOKENS.value:g} tokens. Why?",
            (
                Option(
                    "A",
                    "The H100 has more cores for each layer",
                    "More cores shorten the work of a kernel; they do not add launches.",
                ),
                Option(
                    "B",
                    "On the H100 every kernel is shorter than its launch, so time counts kernels; on the Orin the wide "
                    "model's arithmetic already takes longer than its launches",
                    correct=True,
                    feedback="A faster chip makes depth relatively dearer.",
                ),
                Option(
                    "C",
                    "The Orin has less memory",
                    f"Neither shape is near its {gb(ORIN_NX.mem_capacity)}: the larger takes {gb(largest, 2)}.",
                ),
                Option(
                    "D",
                    f"The arithmetic differs by {DEEP[0] / WIDE[0]:g} times",
                    f"The dense arithmetic is equal; that of attention differs by {scores:g} times.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "transformer_forward_time",
                "transformer_params",
                "attention_traffic_bytes",
                "launch_time",
                "forward_memory_bytes",
            ),
            "At equal parameters $d L = P/(12 d)$: doubling the width halves every term with $N^2$ and quarters the "
            "depth, and with it the launches.",
        )


class ArchitectureLab(Lab):
    """What a longer context costs, and whether depth or width is the cheaper way to spend parameters."""

    volume, number, slug = 1, 6, "lab_06_nn_arch"
    title = "The Quadratic Wall and the Shape of a Model"
    question = "What does a longer context cost, and is depth or width the cheaper way to spend parameters?"
    chapter = "Network Architectures"
    invariant = (
        "An architecture is a hardware contract: context length is paid in squares, depth is paid in sequence. Tiling "
        "tears up the memory clause of the contract, never the arithmetic clause."
    )
    contexts = (CLOUD, EDGE)
    acts = (ContextWindow, ModelShape)
    briefing = (
        "Two beliefs are on trial. *Twice the memory, twice the context*: while attention scores are held in memory, "
        "context grows with the square root. *Same parameters, same latency*: depth is a chain of steps that wait for "
        "each other, and everything quadratic in the context grows with depth too. In Act I you answer a sales "
        "promise; in Act II you choose the shape of a model for two deadlines at once."
    )
    reading = (
        Reading(
            "Network Architectures, Attention: Dynamic processing",
            f"memory requirements, and the notebook on the quadratic bottleneck: {NOTEBOOK_TOKENS.value:,.0f} tokens "
            f"and {HEADS.value:g} heads take {gb(NOTEBOOK_BYTES)} a layer",
        ),
        Reading(
            "Network Architectures, box The quadratic wall", f"why early models stopped at {BERT_TOKENS.value:g} tokens"
        ),
        Reading(
            "Network Architectures, Transformers: Parallel Sequence Processing",
            "structure, mapping, and the quadratic compute wall",
        ),
        Reading(
            "Network Architectures, figure The Context Explosion",
            f"{BERT_TOKENS.value:g} tokens in 2018, a million in 2024",
        ),
        Reading(
            "Neural Computation, box The Depth vs. Width Trade-off", "depth adds steps in sequence, width is parallel"
        ),
        Reading("ML Frameworks, The memory wall (a look ahead)", "what launching a kernel costs"),
    )
    assumptions = (
        "- One $N \\times N$ matrix per head, softmax in place, every token seeing every other. Weights and "
        "activations are left out of the longest context, so it is an upper bound.\n"
        "- Arithmetic at the dense peak, memory at its full bandwidth, one sequence in one pass: times are lower "
        "bounds. There is no decoding and no cache of keys and values.\n"
        "- Launches queue ahead of the device, so the host's time stands beside the device's, not on top of it.\n"
        "- Traffic of tiled attention is the compulsory minimum. Dao et al. report about 9 times fewer bytes measured "
        "for GPT-2 Medium, forward and backward; the course 10 to 20 times, this model "
        f"{traffic_ratio(GPT2_TOKENS.value):.0f} at {GPT2_TOKENS.value:,.0f} tokens.\n"
        "- Orin NX: the dense FP16 rate is a quarter of the printed sparse INT8 figure and includes the accelerators. "
        f"The GPU alone is slower by a factor of {SETUPS['edge'].peak / ORIN_GPU_FP16.value:.2f} and would miss the "
        "log's limit; the order of the shapes stays.\n"
        f"- The aspect limit of {MAX_ASPECT.value:g} is a rule of this team, not a law: Kaplan et al. 2020 find the "
        "loss within about 3 % up to d/L = 715.\n"
        "- The attention pattern on the map is illustrative; its area is computed."
    )
    constants = (
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_MEM_BW,
        c.H100_MEM_CAPACITY,
        c.ORIN_NX_FP16_DENSE,
        c.ORIN_NX_MEM_BW,
        c.ORIN_NX_MEM_CAPACITY,
        c.LAUNCH_HOST,
        c.LAUNCH_EDGE,
        c.GPT2XL_WIDTH,
        HEADS,
        LAYERS,
        HEAD_DIM,
        BYTES_FP16,
        BYTES_FP32,
        STAT_BYTES,
        TODAY_TOKENS,
        ASKED_TOKENS,
        BERT_TOKENS,
        GPT2_TOKENS,
        GPT3_CONTEXT,
        GPT4_TOKENS,
        GEMINI_TOKENS,
        NOTEBOOK_TOKENS,
        KERNELS_STD,
        KERNELS_TILED,
        ORIN_GPU_FP16,
        PARAM_BUDGET,
        PARAM_TOL,
        MAX_ASPECT,
        VOCAB,
        WORK_UNITS,
        SHORT_TOKENS,
        EDGE_TOKENS,
        EDGE_LONG,
        EDGE_SHORT,
        EDGE_LOOP,
        CLOUD_LONG,
        CLOUD_SHORT,
        QUESTION_TOKENS,
    )
    reads = (("ch05", "context"), ("ch05", "fused"))
    instructor_notes = (
        "- Students who know the letter O(N²) still extend the straight line: knowing the letter is not solving for "
        "N.\n- When does attention dominate the arithmetic? Only beyond 6 d tokens: "
        f"{physics.attention_crossover_tokens(HEADS.value * HEAD_DIM.value):,.0f} here, "
        f"{physics.attention_crossover_tokens(c.GPT2XL_WIDTH.value):,.0f} for GPT-2 XL. At {BERT_TOKENS.value:g} "
        f"tokens it is {percent(physics.attention_flop_share(BERT_TOKENS.value, HEADS.value * HEAD_DIM.value), 0)}. "
        "Memory meets the wall long before arithmetic does.\n- The scores of one layer grow with d (more heads), "
        "their sum over the layers with L d: wide is worse at the peak of inference, deep in training. On the Edge at "
        "32,768 tokens 16 × 768 runs out of memory, 64 × 384 does not.\n- Quality hardly depends on the shape over a "
        "wide range (Kaplan et al. 2020). Who in a company sets a rule like d/L ≤ 128, and what experiment would move "
        f"it?\n- Extension: double the speed of the edge host. {written(DEEP)} still misses the command's "
        f"{ms(EDGE_SHORT.value)} ({ms(tiled_launches(DEEP) / 2)}); {written(SHAPES['36x512'])} meets them "
        f"({ms(tiled_launches(SHAPES['36x512']) / 2)}) but still misses {ms(EDGE_LONG.value)} at "
        f"{EDGE_TOKENS.value:,.0f} tokens, which are bound by arithmetic."
    )

    def open(self) -> None:
        origin = self.read("ch05", "context")
        if origin is not None:
            self.start_in("edge" if origin == "mobile" else "cloud", "Lab 05")
        if self.read("ch05", "fused") is True:
            self.act2.preset("algorithm", "tiled", "Lab 05")

    def result(self) -> float:
        return self.act2.outcome.target_latency_s

    def decision(self) -> str:
        act = self.act2
        if not at_least(act.seq_len, SETUPS[self.context].target_tokens):
            return "cut_context"
        wider = act.layers < DEEP[0]
        if act.algorithm == "tiled":
            return "tile_and_widen" if wider else "tile_only"
        return "widen_only" if wider else "unchanged"

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "layers": int(act.layers),
            "width": int(act.width),
            "seq_len": int(act.seq_len),
            "attention_algorithm": act.algorithm,
            "max_context_tokens": self.act1.outcome.max_context_tokens,
        }

    def solution(self, context: str) -> dict[str, Any]:
        layers, width = SHAPES["9x1024" if context == "cloud" else "16x768"]
        return {"layers": layers, "width": width, "algorithm": "tiled"}

    def breaking(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"seq_len": 2 * int(ASKED_TOKENS.value)}
        layers, width = SHAPES["16x768"]
        return {"layers": layers, "width": width, "seq_len": 16 * int(EDGE_TOKENS.value)}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
