"""V1-07 The Dispatch Tax and the Price of Compiling.

Act I: a faster card that makes no token faster, because one host feeds both cards. Act II: a compiler that removes
dispatch, launches and memory trips, paid for in compile time, once for a data centre and once for a robot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.compiling import Chain, CostLine, break_even_plot, bucket_plot, trip_counter
from components.instruments.dispatch import Pass, Run, batch_throughput, dispatch_timeline, host_device_race
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
from components.quantity import counted, duration, number, percent, plain
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
from mlsysim.physics import DispatchSchedule

Array = npt.NDArray[np.float64]

CLOUD = Context("cloud", "Cloud", "cloud", "A100 to H100; then search ranking, released every week.")
EDGE = Context("edge", "Edge", "edge", "Orin NX to AGX Orin; then a robot that restarts every morning.")


@dataclass(frozen=True)
class Chip:
    """What this lab needs of a device: names, dense FP16 rate (FLOP/s), memory bandwidth (B/s)."""

    name: str
    short: str
    peak: float
    bandwidth: float


A100 = Chip("A100 80GB SXM", "A100", c.A100_FLOPS_FP16_TENSOR.value, c.A100_MEM_BW.value)
H100 = Chip("H100 SXM5", "H100", c.H100_FLOPS_FP16_TENSOR.value, c.H100_MEM_BW.value)
ORIN_NX = Chip("Jetson Orin NX 16GB", "Orin NX", c.ORIN_NX_FP16_DENSE.value, c.ORIN_NX_MEM_BW.value)
AGX = Chip("Jetson AGX Orin 64GB", "AGX Orin", c.AGX_ORIN_FP16_DENSE.value, c.AGX_ORIN_MEM_BW.value)
#: The upgrade of each context: old and new device.
UPGRADES = {"cloud": (A100, H100), "edge": (ORIN_NX, AGX)}

DISPATCH_EDGE = scenario(
    "dispatch_edge", 30e-6, "s", "framework dispatch on the Jetson's ARM cores", "three times the server's: one thread"
)
LAUNCH_EDGE = c.LAUNCH_EDGE
OPS_PER_BLOCK = scenario(
    "ops_per_block",
    12,
    "1",
    "2 norms, QKV, scores, softmax, weighted sum, output projection, 2 feed-forward products, activation, 2 additions",
    "counted; one kernel each in eager mode",
)
TILED_SAVES = scenario(
    "tiled_saves", 2, "1", "kernels that one kernel for scores, softmax and weighted sum saves", "counted", "derived"
)
BYTES_FP16 = c.FP16_BYTES
HALF_AND_HALF = scenario("half_and_half", 1.3, "1", "the gain of somebody who mixes without computing", "option C")
MLP_OPS = scenario("small_mlp_ops", 6, "1", "operations of the chapter's small MLP", "The Dispatch Tax", "chapter")
MLP_OP = scenario("small_mlp_op_s", 5e-6, "s", "host cost of one of them", "The Dispatch Tax", "chapter")
MLP_DEVICE = scenario("small_mlp_device_s", 2.6e-6, "s", "device time of all of them", "The Dispatch Tax", "chapter")

RESNET_EAGER = scenario(
    "resnet_eager", 1450, "1/s", "ResNet-50 on an A100, batch 32, eager", "ML Frameworks, representative", "chapter"
)
RESNET_COMPILED = scenario(
    "resnet_compiled", 2150, "1/s", "the same, compiled", "ML Frameworks, representative", "chapter"
)
RESNET_COMPILE = scenario("resnet_compile", 30, "s", "time to compile it", "ML Frameworks", "chapter")
IMAGENET = scenario("imagenet_images", 1.28e6, "1", "images of one epoch of ImageNet", "Deng et al. 2009", "paper")

MAX_TOKENS = scenario(
    "max_tokens", 512, "token", "longest request; lengths are uniform up to it", "window of BERT; uniform is assumed"
)
SHOWN_TOKENS = scenario("shown_tokens", 256, "token", "the request that is drawn", "half of the longest")
COMPILE_CLOUD = scenario(
    "compile_cloud", 45, "s", "just-in-time compile per shape", "middle of the chapter's 30 to 60 s", "chapter"
)
COMPILE_EDGE = scenario("compile_edge", 135, "s", "the same on the Jetson", "three times the server's: one thread")
AOT_BUILD = scenario(
    "aot_build", 3600, "s", "offline build of one engine, autotuned", "the chapter's hour-long autotuning", "chapter"
)
COMPILE_PEAK = scenario(
    "compile_peak", 2e9, "B", "memory of the compiler at its peak", "upper end of the chapter's 0.5 to 2 GB", "chapter"
)
GRAPH_BYTES = scenario(
    "graph_bytes", 100e6, "B", "stored graph of one shape", "upper end of the chapter's 10 to 100 MB", "chapter"
)
EDGE_FREE = scenario("edge_free", 2e9, "B", "memory that perception leaves", "14 of 16 GB are taken")
CLOUD_RATE = scenario("cloud_rate", 1e7, "1/day", "requests a day", "the lab's scenario")
EDGE_RATE = scenario("edge_rate", 100, "1/hour", "commands an hour", "the lab's scenario")
CLOUD_WINDOW = scenario("cloud_window", 900, "s", "from merge to release", "the lab's scenario")
EDGE_WINDOW = scenario("edge_window", 86_400, "s", "over-the-air build", "the lab's scenario")
EDGE_BOOT = scenario("edge_boot", 60, "s", "from power to ready", "the lab's scenario")
TARGET_CLOUD = scenario("target_cloud", 0.102e-3, "s", "mean latency limit", "the lab's scenario")
TARGET_EDGE = scenario("target_edge", 3.2e-3, "s", "mean latency limit", "the lab's scenario")

#: The encoder of Act II has the shape of BERT-Base; its blocks hold 12 L d^2 weights.
LAYERS, WIDTH = c.BERT_LAYERS.value, c.BERT_WIDTH.value
SHAPE = {"layers": LAYERS, "width": WIDTH, "heads": c.BERT_HEADS.value, "bytes_per_value": BYTES_FP16.value}
WEIGHT_BYTES = 12 * LAYERS * WIDTH**2 * BYTES_FP16.value
ENCODER_OPS = LAYERS * OPS_PER_BLOCK.value
#: Kernels of a block when fused: QKV, attention, output projection, add and norm, FFN 1 with activation, FFN 2, add and
#: norm.
FUSED_KERNELS = physics.encoder.KERNELS_FUSED
MOST_BUCKETS = 32
BUCKETS = np.arange(1.0, MOST_BUCKETS + 1)
#: Batches of the slider, and those of the curves between them.
BATCHES = tuple(2**k for k in range(13))
CURVE: Array = np.unique(np.round(2.0 ** np.linspace(0, 12, 97)))
#: Operations that the timeline of Act I draws.
DRAWN = 24

CHAINS = (
    Chain(
        "LayerNorm as primitives",
        (("mean", "R"), ("var", "R"), ("norm", "RW"), ("scale", "RW"), ("dropout", "RW"), ("ReLU", "RW")),
    ),
    Chain("one kernel each", (("LayerNorm", "RW"), ("dropout", "RW"), ("ReLU", "RW"))),
    Chain("fused", (("all three", "RW"),)),
)


# --- Act I ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TokenOutcome:
    """One token on the old and the new device (s): host, device, step, and what a batch would make of it."""

    host_s: float
    dispatch_s: float
    launch_s: float
    old_memory_s: float
    old_compute_s: float
    new_memory_s: float
    new_compute_s: float
    old_device_s: float
    new_device_s: float
    old_step_s: float
    new_step_s: float
    speedup: float
    old_busy_fraction: float
    new_busy_fraction: float
    old_overhead_ratio: float
    new_overhead_ratio: float
    free_host_speedup: float
    queued_s: tuple[float, float]
    turns_s: tuple[float, float]
    ops: int
    crossing_batch: float
    old_rates: Array
    new_rates: Array
    host_rates: Array
    old_schedule: DispatchSchedule
    new_schedule: DispatchSchedule


class FasterChip(Act):
    """Act I: what a faster device does for a program that waits for its host."""

    title = "The faster chip"
    minutes = 14

    blocks = slider("Blocks", 1, 96, 1, 48, reason="48 is GPT-2 XL, 96 the depth of GPT-3")
    ops_per_block = slider(
        "Operations per block",
        1,
        24,
        1,
        12,
        reason="12 as counted; a compiler merges, a debugger adds",
    )
    dispatch_s = slider(
        "Framework dispatch",
        1e-6,
        60e-6,
        1e-6,
        c.DISPATCH_HOST.value,
        unit="µs",
        scale=1e6,
        per_context={"edge": {"default": DISPATCH_EDGE.value}},
        reason="from compiled host code to a slow embedded interpreter",
    )
    launch_s = slider(
        "Kernel launch",
        5e-6,
        20e-6,
        1e-6,
        c.LAUNCH_HOST.value,
        unit="µs",
        scale=1e6,
        per_context={"edge": {"default": LAUNCH_EDGE.value}},
        reason="the chapter's range",
    )
    batch = stops(
        "Batch",
        BATCHES,
        1,
        text=lambda batch: counted(batch, "sequences"),
        reason="1 is a single stream; 4,096 is past the point where the H100 is slower than its host",
    )
    overlap = choice(
        "Host and device",
        {True: "queued", False: "synchronous"},
        True,
        reason="the framework's default, or a tensor printed after every operation",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        blocks: float,
        ops_per_block: float,
        dispatch_s: float,
        launch_s: float,
        batch: float,
        overlap: bool,
    ) -> TokenOutcome:
        params, width = c.GPT2XL_PARAMS.value, BYTES_FP16.value
        ops = int(blocks * ops_per_block)
        host = physics.host_time(ops, dispatch_s, launch_s)
        chips = UPGRADES[context]

        def step(device: Any, queued: bool) -> Any:
            return physics.eager_step_time(ops, dispatch_s, launch_s, device, queued)

        def device(chip: Chip, sequences: Any) -> Any:
            return physics.weight_gemm_time(params, width, chip.bandwidth, sequences, chip.peak)

        devices = [device(chip, batch) for chip in chips]
        memory = [physics.transfer_time(params * width, chip.bandwidth, 0.0) for chip in chips]
        steps = [step(one, overlap) for one in devices]
        busy = [physics.gpu_busy_fraction(ops, dispatch_s, launch_s, one, overlap) for one in devices]
        ratio = [physics.dispatch_overhead_ratio(ops, dispatch_s, launch_s, one) for one in devices]
        schedules = [
            physics.dispatch_schedule(min(ops, DRAWN), dispatch_s, launch_s, one / ops, overlap=overlap)
            for one in devices
        ]
        new = chips[1]
        return TokenOutcome(
            host_s=host,
            dispatch_s=ops * dispatch_s,
            launch_s=ops * launch_s,
            old_memory_s=memory[0],
            old_compute_s=2 * params * batch / chips[0].peak,
            new_memory_s=memory[1],
            new_compute_s=2 * params * batch / new.peak,
            old_device_s=devices[0],
            new_device_s=devices[1],
            old_step_s=steps[0],
            new_step_s=steps[1],
            speedup=steps[0] / steps[1],
            old_busy_fraction=busy[0],
            new_busy_fraction=busy[1],
            old_overhead_ratio=ratio[0],
            new_overhead_ratio=ratio[1],
            free_host_speedup=devices[0] / devices[1],
            queued_s=(step(devices[0], True), step(devices[1], True)),
            turns_s=(step(devices[0], False), step(devices[1], False)),
            ops=ops,
            crossing_batch=host * new.peak / (2 * params) if host > memory[1] else math.nan,
            old_rates=CURVE / step(device(chips[0], CURVE), overlap),
            new_rates=CURVE / step(device(new, CURVE), overlap),
            host_rates=CURVE / host,
            old_schedule=schedules[0],
            new_schedule=schedules[1],
        )

    @classmethod
    @cache
    def asked(cls, context: str = "cloud") -> TokenOutcome:
        """The default case of a context; that of the question is Cloud."""
        defaults: dict[str, Any] = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return cls.compute(context, **defaults)

    def message(self) -> Message:
        asked = self.asked(self.context)
        old, new = UPGRADES[self.context]
        faster = (
            f"The {new.short} reads memory {new.bandwidth / old.bandwidth:.2f} times faster and multiplies "
            f"{new.peak / old.peak:.1f} times faster"
        )
        if self.context == "cloud":
            return Message(
                "Platform lead, a text-generation service",
                f"Single-stream GPT-2 XL decoding gives **{1 / asked.old_step_s:.0f} tokens per second** on our A100s. "
                f"{faster}, and the host servers stay the same. Procurement wants my signature under the H100 order "
                "today. What shall I promise the product team?",
            )
        return Message(
            "Platform lead, a maker of talking robots",
            f"GPT-2 XL speaks from an Orin NX with **{1 / asked.old_step_s:.0f} tokens per second**. {faster}, with "
            "the same kind of CPU core. Somebody just saw an H100 do nothing for a data centre. Is our upgrade "
            "worth its price?",
        )

    def from_ledger(self) -> str:
        read = self.lab.read
        layers, algorithm = read("ch06", "layers"), read("ch06", "attention_algorithm")
        if not layers or layers < 0 or algorithm is None:
            return ""
        tiled = algorithm == "tiled"
        kernels = OPS_PER_BLOCK.value - (TILED_SAVES.value if tiled else 0)
        edge = read("ch06", "context") == "edge"
        launches = physics.host_time(layers * kernels, 0.0, LAUNCH_EDGE.value if edge else c.LAUNCH_HOST.value)
        return (
            f"Your Lab 06 shape: {plain(layers)} layers × {kernels:g} kernels (attention {algorithm}) = "
            f"**{number(launches * 1e3)} ms** of launches per pass on {'a Jetson' if edge else 'a server'}, before any "
            "dispatch."
        )

    def concept(self) -> str:
        old, new = UPGRADES[self.context]
        specs = self.controls_in(self.context)
        ops = specs["blocks"].default * specs["ops_per_block"].default
        return (
            f"The model runs in eager style: {specs['blocks'].default} blocks of {specs['ops_per_block'].default} "
            f"operations, {ops} in all. For each one the host spends {specs['dispatch_s'].default * 1e6:.0f} µs on "
            f"Python **dispatch** and {specs['launch_s'].default * 1e6:.0f} µs on the **launch** of a kernel. It does "
            "not wait for the result: it runs ahead and fills a queue that the device empties. Each token reads all "
            f"{c.GPT2XL_PARAMS.value * BYTES_FP16.value / 1e9:.1f} GB of FP16 weights once.\n\n"
            f"| data sheet | {old.short} | {new.short} |\n|---|---|---|\n"
            f"| dense FP16 arithmetic | {plain(old.peak / 1e12)} TFLOP/s | {plain(new.peak / 1e12)} TFLOP/s |\n"
            f"| memory bandwidth | {plain(old.bandwidth / 1e9)} GB/s | {plain(new.bandwidth / 1e9)} GB/s |"
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        arithmetic, memory = H100.peak / A100.peak, H100.bandwidth / A100.bandwidth
        host, old, new = (part * 1e3 for part in (asked.host_s, asked.old_device_s, asked.new_device_s))
        return ChoicePrediction(
            "How much faster will one token be on the H100 than on the A100 (single stream)?",
            (
                Option(
                    "A",
                    f"{arithmetic:.1f}×",
                    value=arithmetic,
                    feedback=f"Arithmetic is {asked.new_compute_s * 1e6:.0f} µs of the token; nobody waits for it.",
                ),
                Option(
                    "B",
                    f"{memory:.1f}×",
                    value=memory,
                    feedback="True for the device alone; the bars show the device waiting for the host.",
                ),
                Option(
                    "C",
                    f"{HALF_AND_HALF.value:.1f}×",
                    value=HALF_AND_HALF.value,
                    feedback=(
                        f"Compute it: max({host:.2f}, {old:.2f}) and max({host:.2f}, {new:.2f}) are the same number. "
                        "Shares cannot be mixed where one side hides behind the other."
                    ),
                ),
                Option(
                    "D",
                    "1.0× (no gain)",
                    value=1.0,
                    correct=True,
                    feedback=(
                        "Both chips wait for the same host; even a synchronise after every operation would leave "
                        f"{asked.turns_s[0] / asked.turns_s[1]:.2f}×."
                    ),
                ),
            ),
            actual=asked.speedup,
            form=lambda ratio: f"{ratio:.2f}×",
            why=(
                f"The host needs {host:.2f} ms to say what the H100 does in {new:.2f} ms: "
                f"{1 / asked.old_step_s:.0f} tokens per second before, {1 / asked.new_step_s:.0f} after."
            ),
        )

    def plots(self, outcome: TokenOutcome) -> dict[str, Any]:
        old, new = UPGRADES[self.context]
        predicted = self.predicted() if self.context == "cloud" else None
        claimed = None if predicted is None else self.asked().old_step_s / predicted
        drawn = min(outcome.ops, DRAWN)
        runs = [
            Run(
                f"{chip.short}: {counted(drawn, 'kernels')} in {number(plan.makespan * 1e6)} µs",
                plan,
            )
            for chip, plan in ((old, outcome.old_schedule), (new, outcome.new_schedule))
        ]
        per_op = outcome.host_s / outcome.ops * 1e6
        kernel = outcome.new_device_s / outcome.ops * 1e6
        if not self.overlap:
            pace = "Host and device take turns: while one works, the other waits."
        elif per_op > kernel:
            pace = f"The {new.short} ends each kernel before the host has the next one ready."
        else:
            pace = f"The host runs ahead: kernels queue up in front of the {new.short}."
        gain = (
            "The step does not change."
            if math.isclose(outcome.speedup, 1.0, rel_tol=5e-4)
            else f"The step is {outcome.speedup:.2f} times faster."
        )
        crossing = outcome.crossing_batch
        meeting = (
            f"The {new.short} takes as long as its host from a batch of {crossing:,.0f} on; below that, more sequences "
            "ride along for free."
            if crossing >= 1
            else f"The {new.short} is slower than its host at every batch: the launches hide behind the kernels."
        )
        return {
            "timeline": dispatch_timeline(
                runs,
                title=f"The first {drawn} operations of a token" if drawn > 1 else "The only operation of a token",
                caption=(
                    f"The host needs {number(per_op)} µs per operation, a kernel of the {new.short} "
                    f"{number(kernel)} µs. {pace}"
                ),
            ),
            "race": host_device_race(
                [
                    Pass(
                        old.short,
                        outcome.dispatch_s,
                        outcome.launch_s,
                        outcome.old_memory_s,
                        outcome.old_compute_s,
                        outcome.old_step_s,
                        turns=not self.overlap,
                    ),
                    Pass(
                        new.short,
                        outcome.dispatch_s,
                        outcome.launch_s,
                        outcome.new_memory_s,
                        outcome.new_compute_s,
                        outcome.new_step_s,
                        turns=not self.overlap,
                    ),
                ],
                title="One token, host and device",
                predicted_s=claimed,
                caption=(
                    f"{old.short} {number(self.batch / outcome.old_step_s)}, {new.short} "
                    f"{number(self.batch / outcome.new_step_s)} tokens per second. {gain} The {new.short} waits for "
                    f"{'memory' if outcome.new_memory_s >= outcome.new_compute_s else 'arithmetic'} while it works, "
                    f"and works {percent(outcome.new_busy_fraction, 0)} of the time."
                ),
            ),
            "batch": batch_throughput(
                CURVE,
                ((old.short, outcome.old_rates), (new.short, outcome.new_rates)),
                outcome.host_rates,
                batch=self.batch,
                crossing=crossing,
                crossing_label=f"meets host at {crossing:,.0f}" if crossing >= 1 else "",
                predicted=None if claimed is None else 1 / claimed,
                title="More sequences for the same launches",
                caption=meeting,
            ),
        }

    def metrics(self, outcome: TokenOutcome) -> list[Metric]:
        old, new = UPGRADES[self.context]
        return [
            Metric(f"Step, {old.short}", number(outcome.old_step_s * 1e3, 4), "ms"),
            Metric(f"Step, {new.short}", number(outcome.new_step_s * 1e3, 4), "ms"),
            Metric("Speed-up", f"{outcome.speedup:.3f}", "×"),
            Metric(
                f"{new.short} busy",
                f"{100 * outcome.new_busy_fraction:.1f}",
                "%",
                note=f"{old.short} {percent(outcome.old_busy_fraction)}",
            ),
            Metric(
                "Overhead ratio",
                number(outcome.new_overhead_ratio),
                note=f"host over device; {old.short} {number(outcome.old_overhead_ratio)}",
            ),
            Metric(
                "If host work vanished", f"{outcome.free_host_speedup:.3f}", "×", note="what the devices alone gain"
            ),
        ]

    def tables(self, outcome: TokenOutcome) -> list[Table]:
        old, new = UPGRADES[self.context]
        rows = [
            ("host: dispatch and launch (ms)", *[number(outcome.host_s * 1e3, 4)] * 2),
            ("device: memory (ms)", *[number(t * 1e3, 4) for t in (outcome.old_memory_s, outcome.new_memory_s)]),
            ("device: arithmetic (ms)", *[number(t * 1e3) for t in (outcome.old_compute_s, outcome.new_compute_s)]),
            ("step, queued: the longer (ms)", *[number(t * 1e3, 4) for t in outcome.queued_s]),
            ("step, synchronous: the sum (ms)", *[number(t * 1e3, 4) for t in outcome.turns_s]),
        ]
        return [Table("Host and device", ("", old.short, new.short), tuple(rows), 3 if self.overlap else 4)]

    def reflection(self) -> Question:
        asked = self.asked()
        old, new = (number(part * 1e3, 2) for part in (asked.old_device_s, asked.new_device_s))
        return Question(
            f"After the upgrade the share of time in which the GPU is busy fell from "
            f"{percent(asked.old_busy_fraction, 0)} to {percent(asked.new_busy_fraction, 0)}. Why?",
            (
                Option(
                    "A",
                    "The new card throttles at low load",
                    f"Each kernel runs faster than before ({new} ms against {old} ms in all), and there is no thermal "
                    "term.",
                ),
                Option(
                    "B",
                    "The step is bound by the host and stays; the work in it got shorter",
                    f"The busy share is device over step: {asked.new_device_s * 1e3:.2f} of "
                    f"{asked.new_step_s * 1e3:.2f} ms. A faster chip amplifies the dispatch tax.",
                    correct=True,
                ),
                Option(
                    "C",
                    "The H100 needs more launches per block",
                    f"The program is unchanged: {asked.ops} operations, {asked.ops} launches.",
                ),
                Option(
                    "D",
                    "HBM3 has a longer warm-up",
                    "The weights are read at full bandwidth for every token; nothing in the model warms up.",
                ),
            ),
        )

    def peek(self) -> Peek:
        small = physics.dispatch_overhead_ratio(MLP_OPS.value, 0.0, MLP_OP.value, MLP_DEVICE.value)
        return Peek(
            ("host_time", "weight_gemm_time", "eager_step_time", "dispatch_overhead_ratio", "gpu_busy_fraction"),
            f"The chapter's small MLP is worse off still: {MLP_OPS.value:g} operations of {MLP_OP.value * 1e6:g} µs "
            f"around {MLP_DEVICE.value * 1e6:g} µs of work are an overhead ratio of {small:.1f}; taking turns, "
            f"{percent(small / (1 + small), 0)} of the time is waiting. The cache of keys and values would lengthen "
            "device time, not host time.",
        )


# --- Act II -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """Where the encoder of a context runs, what compiling costs there, and what the contract asks for (SI units)."""

    chip: Chip
    dispatch_s: float
    launch_s: float
    shape_s: float
    rate_per_s: float
    target_s: float
    window_s: float
    boot_limit_s: float
    free_bytes: float

    @property
    def device(self) -> dict[str, float]:
        """The device as keyword arguments of the physics."""
        return {"peak_flop_s": self.chip.peak, "bandwidth_bytes_s": self.chip.bandwidth}


SITES = {
    "cloud": Site(
        H100,
        c.DISPATCH_HOST.value,
        c.LAUNCH_HOST.value,
        COMPILE_CLOUD.value,
        CLOUD_RATE.value / 86_400,
        TARGET_CLOUD.value,
        CLOUD_WINDOW.value,
        math.inf,
        c.H100_MEM_CAPACITY.value,
    ),
    "edge": Site(
        ORIN_NX,
        DISPATCH_EDGE.value,
        LAUNCH_EDGE.value,
        COMPILE_EDGE.value,
        EDGE_RATE.value / 3_600,
        TARGET_EDGE.value,
        EDGE_WINDOW.value,
        EDGE_BOOT.value,
        EDGE_FREE.value,
    ),
}


@dataclass(frozen=True)
class RequestOutcome:
    """The service in one mode: latency (s), the price of compiling (s), memory (B), and which lines hold."""

    mode: str
    buckets: int
    mean_latency_s: float
    eager_latency_s: float
    compile_on_device_s: float
    release_build_s: float
    boot_s: float
    breakeven_requests: float | None
    net_saved_s: float
    ram_bytes: float
    ram_ok: bool
    build_ok: bool
    boot_ok: bool
    roi_ok: bool
    latency_ok: bool
    #: The compiled program as the switches stand, whether it is chosen or not.
    compiled_s: float
    compiled_means_s: Array
    jit_fixed_s: float
    jit_breakeven: float
    optimum: float | None
    payback: float | None
    eager_pass: Pass
    own_pass: Pass
    eager_block: DispatchSchedule
    own_block: DispatchSchedule
    memory: Mapping[str, Mapping[str, float]]


@cache
def eager_mean(context: str) -> float:
    """Mean time of an eager request over all lengths, without padding (s)."""
    site = SITES[context]
    tokens = np.arange(1.0, MAX_TOKENS.value + 1)
    device = physics.encoder_device_time(tokens, False, **site.device, **SHAPE)
    return float(np.mean(physics.eager_step_time(ENCODER_OPS, site.dispatch_s, site.launch_s, device, True)))


@cache
def compiled_means(context: str, fused: bool, replay: bool) -> Array:
    """Mean time of a compiled request for every number of buckets (s)."""
    site = SITES[context]
    means = physics.bucketed_mean_time(BUCKETS, MAX_TOKENS.value, fused, replay, **site.device, launch_s=site.launch_s)
    return np.asarray(means, dtype=np.float64)


@cache
def device_parts(context: str, tokens: float, fused: bool) -> tuple[float, float]:
    """Memory and arithmetic time of a pass on the device (s)."""
    chip = SITES[context].chip
    memory = physics.transfer_time(physics.encoder_traffic_bytes(tokens, fused, **SHAPE), chip.bandwidth, 0.0)
    flop = 2 * (WEIGHT_BYTES / BYTES_FP16.value) * tokens + 4 * tokens**2 * WIDTH * LAYERS
    return float(memory), flop / chip.peak


@cache
def drawn_request(context: str, compiled: bool, fused: bool, replay: bool) -> tuple[Pass, DispatchSchedule]:
    """The drawn request without padding, and its first block: eager, or compiled as the switches say."""
    site = SITES[context]
    tokens = SHOWN_TOKENS.value
    fused, replay = fused and compiled, replay and compiled
    memory, arithmetic = device_parts(context, tokens, fused)
    device = physics.encoder_device_time(tokens, fused, **site.device, **SHAPE)
    block = int(FUSED_KERNELS if fused else OPS_PER_BLOCK.value)
    kernels = block * LAYERS
    dispatch = 0.0 if compiled else site.dispatch_s
    launches = 1 if replay else kernels
    step = (
        physics.compiled_item_time(tokens, fused, replay, **site.device, launch_s=site.launch_s, **SHAPE)
        if compiled
        else physics.eager_step_time(kernels, dispatch, site.launch_s, device, True)
    )
    one = Pass(
        "yours" if compiled else "eager",
        launches * dispatch,
        launches * site.launch_s,
        memory,
        arithmetic,
        float(step),
        turns=replay,
    )
    return one, physics.dispatch_schedule(block, dispatch, site.launch_s, device / kernels, replay=replay)


def lifetime(requests: float) -> str:
    """What a number of requests between two compiles means in the context that has such numbers."""
    if requests >= CLOUD_RATE.value:
        days = requests / CLOUD_RATE.value
        return f"{counted(days, 'days')}, {plain(requests / 1e6)} million requests"
    return f"{plain(requests / EDGE_RATE.value)} h, {requests:,.0f} requests"


class CompileForWhom(Act):
    """Act II: a compiler for a data centre with releases, and for a robot with mornings."""

    title = "Compile, and for whom?"
    minutes = 24

    mode = choice(
        "Execution",
        {"eager": "eager", "jit": "JIT", "aot": "AOT"},
        "eager",
        reason="operation by operation; compiled on the serving machine; compiled on a build farm",
    )
    fused = choice(
        "Fusion", {False: "off", True: "on"}, False, reason="12 kernels a block, or 7 with fewer memory trips"
    )
    replay = choice(
        "Graph replay", {False: "off", True: "on"}, False, reason="one launch per kernel, or one for the recorded graph"
    )
    buckets = slider("Buckets", 1, MOST_BUCKETS, 1, 1, unit="", reason="32 buckets are one for every 16 tokens")
    requests = slider(
        "One compile serves",
        CLOUD_RATE.value,
        28 * CLOUD_RATE.value,
        CLOUD_RATE.value,
        7 * CLOUD_RATE.value,
        text=lifetime,
        per_context={
            "edge": {
                "low": EDGE_RATE.value,
                "high": 720 * EDGE_RATE.value,
                "step": EDGE_RATE.value,
                "default": 24 * EDGE_RATE.value,
            }
        },
        reason="daily to monthly releases; restarts every hour to every month",
    )

    @classmethod
    def compute(
        cls, context: str, *, mode: str, buckets: float, fused: bool, replay: bool, requests: float
    ) -> RequestOutcome:
        site, cloud = SITES[context], context == "cloud"
        count, eager = int(buckets), eager_mean(context)
        means = compiled_means(context, bool(fused), bool(replay))
        compiled = float(means[count - 1])
        mean = eager if mode == "eager" else compiled
        jit, aot = count * site.shape_s, count * AOT_BUILD.value
        on_device = jit if mode == "jit" else 0.0
        build = {"eager": 0.0, "jit": jit if cloud else 0.0, "aot": aot}[mode]
        boot = 0.0 if cloud else on_device
        breakeven = physics.compile_breakeven_items(jit, eager, compiled)
        saved = requests * (eager - mean) - on_device
        graphs = count * GRAPH_BYTES.value
        memory = {
            "eager": {"weights": WEIGHT_BYTES, "graphs": 0.0, "compiler": 0.0},
            "JIT": {"weights": WEIGHT_BYTES, "graphs": graphs, "compiler": COMPILE_PEAK.value},
            "AOT": {"weights": count * WEIGHT_BYTES, "graphs": graphs, "compiler": 0.0},
        }
        ram = sum(memory[{"eager": "eager", "jit": "JIT", "aot": "AOT"}[mode]].values())
        optimum = None
        if mode == "jit" and replay:
            longest = physics.encoder_device_time(MAX_TOKENS.value, bool(fused), **site.device, **SHAPE)
            slope = longest - WEIGHT_BYTES / site.chip.bandwidth
            optimum = max(1.0, physics.optimal_bucket_count(requests, slope, site.shape_s))
        eager_pass, eager_block = drawn_request(context, False, False, False)
        own_pass, own_block = drawn_request(context, mode != "eager", bool(fused), bool(replay))
        return RequestOutcome(
            mode=mode,
            buckets=count,
            mean_latency_s=mean,
            eager_latency_s=eager,
            compile_on_device_s=on_device,
            release_build_s=build,
            boot_s=boot,
            breakeven_requests=breakeven if mode == "jit" else None,
            net_saved_s=saved,
            ram_bytes=ram,
            ram_ok=at_most(ram, site.free_bytes),
            build_ok=at_most(build, site.window_s),
            boot_ok=cloud or at_most(boot, site.boot_limit_s),
            roi_ok=bool(mode == "eager" or saved > 0),
            latency_ok=at_most(mean, site.target_s),
            compiled_s=compiled,
            compiled_means_s=means,
            jit_fixed_s=jit,
            jit_breakeven=breakeven,
            optimum=optimum,
            payback=physics.compilation_benefit(requests, 0, eager, mean, on_device) if mode == "jit" else None,
            eager_pass=eager_pass,
            own_pass=own_pass,
            eager_block=eager_block,
            own_block=own_block,
            memory=memory,
        )

    @classmethod
    def case(cls, context: str, **controls: Any) -> RequestOutcome:
        """The outcome with some controls changed from their defaults in `context`."""
        defaults: dict[str, Any] = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return cls.compute(context, **(defaults | controls))

    @property
    def site(self) -> Site:
        """Device and contract of the current context."""
        return SITES[self.context]

    @staticmethod
    def resnet_images() -> float:
        """The answer to the question: images after which compiling ResNet-50 has paid."""
        return float(
            physics.compile_breakeven_items(RESNET_COMPILE.value, 1 / RESNET_EAGER.value, 1 / RESNET_COMPILED.value)
        )

    def message(self) -> Message:
        eager = f"{eager_mean(self.context) * 1e3:.2f} ms"
        if self.context == "cloud":
            return Message(
                "Search-ranking lead, an online shop",
                f"{CLOUD_RATE.value / 1e6:.0f} million requests a day, weekly releases, lengths anywhere up to "
                f"{MAX_TOKENS.value:g} tokens. Eager takes **{eager}**; I need a mean of "
                f"**{TARGET_CLOUD.value * 1e3:g} ms**, and a release must be out {CLOUD_WINDOW.value / 60:g} minutes "
                "after merge.",
            )
        return Message(
            "Robot fleet lead, a logistics company",
            f"{EDGE_RATE.value:g} commands an hour. The robot restarts every morning and must be ready in "
            f"{EDGE_BOOT.value:g} seconds with the {EDGE_FREE.value / 1e9:g} GB that perception leaves us. Eager takes "
            f"**{eager}**; I need **{TARGET_EDGE.value * 1e3:g} ms** on average. Over-the-air builds may take a day.",
        )

    def concept(self) -> str:
        return (
            "**Compiling** replaces the Python dispatch of every operation by one prepared program; the launches "
            "remain. **Fusing** merges neighbouring kernels: fewer launches, fewer trips to memory. **Replay** records "
            "the whole graph and launches it once, but a recorded graph has fixed shapes: requests are padded up to "
            "**buckets**, and every bucket is compiled separately. It is compiled *just in time* on the serving "
            "machine (**JIT**), or *ahead of time* on a build farm (**AOT**), which takes longer and puts a copy of "
            "the weights into every engine.\n\n"
            f"The encoder has {LAYERS:g} blocks of width {WIDTH:g}; requests are uniform up to {MAX_TOKENS.value:g} "
            f"tokens. Per bucket JIT takes {COMPILE_CLOUD.value:g} s on a server and {COMPILE_EDGE.value:g} s on the "
            f"Jetson, AOT {AOT_BUILD.value:,.0f} s on the farm."
        )

    def prediction(self) -> ChoicePrediction:
        seconds, eager, compiled = RESNET_COMPILE.value, RESNET_EAGER.value, RESNET_COMPILED.value
        actual = self.resnet_images()
        rate_difference, forgone = seconds * (compiled - eager), seconds * eager
        saved = (1 / eager - 1 / compiled) * 1e3
        return ChoicePrediction(
            f"ResNet-50 runs at {eager:,.0f} images/s in eager mode and at {compiled:,.0f} compiled; compiling takes "
            f"{seconds:g} s. After how many images has it paid for itself?",
            (
                Option(
                    "A",
                    f"{rate_difference:,.0f}",
                    value=rate_difference,
                    feedback=(
                        f"Too early by {actual / rate_difference:.1f} times: each image saves only {saved:.2f} ms. A "
                        "difference of rates times the compile time adds up nothing that was saved."
                    ),
                ),
                Option(
                    "B",
                    f"{forgone:,.0f}",
                    value=forgone,
                    feedback=(
                        f"Too early by {actual / forgone:.1f} times: each image saves only {saved:.2f} ms. These are "
                        "the images that eager mode would have done during the compile."
                    ),
                ),
                Option(
                    "C",
                    f"{round(actual, -3):,.0f}",
                    value=actual,
                    correct=True,
                    feedback=f"{seconds:g} s divided by {saved:.4f} ms saved per image.",
                ),
                Option(
                    "D",
                    f"{IMAGENET.value:,.0f}",
                    value=IMAGENET.value,
                    feedback=(
                        f"It pays after {percent(actual / IMAGENET.value, 0)} of an epoch of ImageNet, about a tenth."
                    ),
                ),
            ),
            actual=actual,
            form=lambda images: f"{images:,.0f} images",
            why=f"An image takes {1e3 / eager:.3f} ms eager and {1e3 / compiled:.3f} ms compiled.",
        )

    def challenge(self) -> str:
        site = self.site
        return (
            f"Meet all five lines of the contract card on the {site.chip.short}, **once in each context**: a mean of "
            f"**{site.target_s * 1e3:g} ms**, a compile that repays itself, and the limits on build, start-up and "
            "memory. Then switch fusion off, and replay, and note which of the two you could do without."
        )

    def limits(self) -> dict[str, str]:
        if self.mode != "eager":
            return {}
        return dict.fromkeys(("fused", "replay"), "Needs a compiled graph: choose JIT or AOT.")

    def constraints(self) -> tuple[Constraint, ...]:
        site = self.site
        time = (
            Constraint(f"Build ≤ {site.window_s:g} s", lambda o: o.build_ok)
            if self.context == "cloud"
            else Constraint(f"Boot ≤ {site.boot_limit_s:g} s", lambda o: o.boot_ok)
        )
        return (
            Constraint(f"Mean ≤ {site.target_s * 1e3:g} ms", lambda o: o.latency_ok),
            Constraint("Compile repaid", lambda o: o.roi_ok),
            time,
            Constraint(f"RAM ≤ {site.free_bytes / 1e9:g} GB", lambda o: o.ram_ok),
        )

    def failures(self) -> tuple[Failure, ...]:
        site = self.site
        place = f"{site.free_bytes / 1e9:.0f} GB free on {site.chip.name}"

        def debt(o: RequestOutcome) -> str:
            if o.mean_latency_s >= o.eager_latency_s:
                return (
                    f"{o.mean_latency_s * 1e3:.2f} ms compiled, {o.eager_latency_s * 1e3:.2f} ms eager: every request "
                    f"costs more, {number(-o.net_saved_s)} s so far; break-even never."
                )
            recovered = self.requests * (o.eager_latency_s - o.mean_latency_s)
            return (
                f"{o.compile_on_device_s:.0f} s spent, {recovered:.1f} s recovered before the next "
                f"{'release' if self.context == 'cloud' else 'restart'}; break-even at "
                f"{o.breakeven_requests:,.0f} requests, you have {self.requests:,.0f}."
            )

        return (
            Failure(
                "compiler_oom",
                "COMPILER OUT OF MEMORY:",
                when=lambda o: o.mode == "jit" and not o.ram_ok,
                text=lambda o: (
                    f"needs {o.ram_bytes / 1e9:.2f} GB, {place}: {percent(COMPILE_PEAK.value / o.ram_bytes, 0)} is the "
                    "compiler itself. Build elsewhere (AOT) or stay eager."
                ),
            ),
            Failure(
                "engines_oom",
                "ENGINES DO NOT FIT:",
                when=lambda o: o.mode == "aot" and not o.ram_ok,
                text=lambda o: f"{o.buckets} engines need {o.ram_bytes / 1e9:.2f} GB, {place}. Use fewer shapes.",
            ),
            Failure(
                "release_blocked",
                "RELEASE BLOCKED:",
                when=lambda o: not o.build_ok,
                text=lambda o: (
                    f"compiling {counted(o.buckets, 'shapes')} takes "
                    f"{o.release_build_s:,.0f} s, the window is {site.window_s:,.0f} s."
                ),
            ),
            Failure(
                "robot_not_ready",
                "ROBOT NOT READY:",
                when=lambda o: not o.boot_ok,
                text=lambda o: f"compiling at start-up takes {o.boot_s:,.0f} s, the limit is {site.boot_limit_s:g} s.",
            ),
            Failure(
                "compile_debt",
                "COMPILE DEBT:",
                when=lambda o: o.net_saved_s < 0,
                text=debt,
                severity="warn",
            ),
        )

    def plots(self, outcome: RequestOutcome) -> dict[str, Any]:
        site = self.site
        return {
            "timeline": self._timeline(outcome),
            "race": self._race(outcome),
            "buckets": self._buckets(outcome),
            "break_even": self._break_even(outcome),
            "memory": memory_ledger(
                [
                    MemoryBar(f"{name}\n(yours)" if name.lower() == outcome.mode else name, parts)
                    for name, parts in outcome.memory.items()
                ],
                title=f"Memory on the {site.chip.short}",
                capacities=[Limit(site.free_bytes, "free", "violation")],
                caption=(
                    f"Yours takes {outcome.ram_bytes / 1e9:.2f} of {site.free_bytes / 1e9:g} GB. JIT brings the "
                    f"compiler along ({COMPILE_PEAK.value / 1e9:g} GB); every AOT engine brings its own weights "
                    f"({WEIGHT_BYTES / 1e9:.2f} GB)."
                ),
            ),
            "trips": self._trips(outcome),
        }

    def _timeline(self, outcome: RequestOutcome) -> Any:
        eager, own = outcome.eager_block, outcome.own_block
        launches = len(own.launch_end)
        said = (
            "Yours is eager, too: the host decides when a kernel starts."
            if outcome.mode == "eager"
            else f"Yours needs {counted(launches, 'launches')} for {len(own.end)} kernels and "
            f"is done {eager.makespan / own.makespan:.1f} times sooner."
        )
        return dispatch_timeline(
            [
                Run(f"{name}: {len(plan.end)} kernels in {number(plan.makespan * 1e6)} µs", plan)
                for name, plan in (("eager", eager), ("yours", own))
            ],
            title=f"The first block of a request of {SHOWN_TOKENS.value:g} tokens",
            caption=f"Eager pays {len(eager.launch_end)} times for dispatch and launch. {said}",
        )

    def _race(self, outcome: RequestOutcome) -> Any:
        own = outcome.own_pass
        parts = {
            "launches": own.dispatch_s + own.launch_s,
            "memory": own.memory_s,
            "arithmetic": own.compute_s,
        }
        bound = max(parts, key=lambda name: parts[name])
        if outcome.mode == "eager":
            bound = "the host" if bound == "launches" else bound
        return host_device_race(
            [outcome.eager_pass, replace(own, name="yours")],
            title=f"The whole request, {SHOWN_TOKENS.value:g} tokens without padding",
            caption=(
                f"Yours takes {number(own.step_s * 1e3)} ms, eager {number(outcome.eager_pass.step_s * 1e3)} ms. "
                f"Yours waits for {bound}."
            ),
        )

    def _buckets(self, outcome: RequestOutcome) -> Any:
        site, cloud = self.site, self.context == "cloud"
        eager = outcome.mode == "eager"
        ahead = outcome.mode == "aot"
        shape_s = AOT_BUILD.value if ahead else site.shape_s
        limit, what = (site.window_s, "build") if cloud or ahead else (site.boot_limit_s, "boot")
        per_bucket = WEIGHT_BYTES + GRAPH_BYTES.value if ahead else GRAPH_BYTES.value
        fixed = 0.0 if ahead else WEIGHT_BYTES + COMPILE_PEAK.value
        by_time = math.floor(limit / shape_s * (1 + 1e-9))
        by_memory = max(0, math.floor((site.free_bytes - fixed) / per_bucket * (1 + 1e-9)))
        none = math.inf if eager else None
        walls = [
            Limit(
                none or by_time,
                f"{what} ≤ {limit:,.0f} s: {by_time or 'none'}",
                "caution",
            ),
            Limit(none or by_memory, f"RAM ≤ {site.free_bytes / 1e9:g} GB: {by_memory or 'none'}", "violation"),
        ]
        paid = outcome.release_build_s or outcome.boot_s
        label = "yours: eager" if eager else f"{outcome.buckets}: {outcome.mean_latency_s * 1e3:.4g} ms"
        means = outcome.compiled_means_s
        flat = math.isclose(means[0], means[-1], rel_tol=1e-9)
        enough = np.flatnonzero(means <= site.target_s * (1 + 1e-9))
        if eager:
            said = "Eager mode runs every length as it is; the curve is the compiled program as the switches stand."
        elif flat:
            said = "Launches take longer than the device for every length, so padding is free and buckets buy nothing."
        elif not len(enough):
            said = f"No number of buckets reaches {site.target_s * 1e3:g} ms with these switches."
        else:
            said = f"{BUCKETS[enough[0]]:.0f} buckets or more reach {site.target_s * 1e3:g} ms."
        cost = "bucket costs" if outcome.buckets == 1 else "buckets cost"
        price = "" if eager else f" {outcome.buckets} {cost} {duration(paid)} of {what} time."
        return bucket_plot(
            means,
            here=(outcome.buckets, outcome.mean_latency_s),
            here_label=label,
            eager_s=outcome.eager_latency_s,
            target=Limit(site.target_s, f"target {site.target_s * 1e3:g} ms"),
            walls=walls,
            optimum=math.nan if outcome.optimum is None else outcome.optimum,
            title="How many lengths to compile",
            caption=said + price,
        )

    def _break_even(self, outcome: RequestOutcome) -> Any:
        site = self.site
        crossing = float(outcome.jit_breakeven)
        at_s = crossing * outcome.eager_latency_s if math.isfinite(crossing) else math.nan
        after = (
            f"after {crossing:,.0f} requests, {duration(crossing / site.rate_per_s)} of traffic"
            if math.isfinite(crossing)
            else "never: the compiled program is not faster"
        )
        return break_even_plot(
            (
                CostLine("eager", 0.0, outcome.eager_latency_s, "series-6"),
                CostLine("AOT", 0.0, outcome.compiled_s, "series-3", "dashed"),
                CostLine("JIT", outcome.jit_fixed_s, outcome.compiled_s, "data"),
            ),
            low=100.0,
            high=1e9,
            crossing=crossing,
            crossing_at_s=at_s,
            lifetime=self.requests,
            lifetime_label="next release" if self.context == "cloud" else "next restart",
            predicted=self.predicted(),
            predicted_label="you, for\nResNet-50",
            item="requests since the compile",
            title="Time on the serving machine",
            caption=(
                f"JIT pays {duration(outcome.jit_fixed_s)} first and overtakes eager {after}. AOT pays on the build "
                "farm. The dotted line is your prediction for ResNet-50, in images."
            ),
        )

    def _trips(self, outcome: RequestOutcome) -> Any:
        site = self.site
        fused = outcome.mode != "eager" and self.fused
        values = MAX_TOKENS.value * WIDTH
        apart, merged = (
            physics.elementwise_chain_time(
                len(CHAINS[1].kernels), values, BYTES_FP16.value, site.chip.bandwidth, site.launch_s, one
            )
            for one in (False, True)
        )
        ratios = [physics.fusion_traffic_ratio(chain.trips, CHAINS[2].trips) for chain in CHAINS[:2]]
        by_bytes = 2 * values * BYTES_FP16.value / site.chip.bandwidth > site.launch_s
        return trip_counter(
            CHAINS,
            chosen=2 if fused else 1,
            title="What fusion removes: LayerNorm, dropout, ReLU",
            caption=(
                f"Fusing saves {ratios[0]:g} times the traffic against primitives and {ratios[1]:g} times against one "
                f"kernel each. For {MAX_TOKENS.value:g} × {WIDTH:g} values on the {site.chip.short}: "
                f"{number(apart * 1e6)} µs compiled apart, {number(merged * 1e6)} µs fused, a wait for "
                f"{'bytes' if by_bytes else 'launches'}."
            ),
        )

    def metrics(self, outcome: RequestOutcome) -> list[Metric]:
        site = self.site
        crossing = outcome.breakeven_requests
        traffic = (
            f"{duration(crossing / site.rate_per_s)} of traffic"
            if crossing is not None and math.isfinite(crossing)
            else ""
        )
        breakeven = "–" if crossing is None else f"{crossing:,.0f}" if math.isfinite(crossing) else "never"
        payback = outcome.payback
        return [
            Metric(
                "Mean latency",
                number(outcome.mean_latency_s * 1e3, 4),
                "ms",
                note=f"eager {number(outcome.eager_latency_s * 1e3, 4)} ms",
                status=held(outcome.latency_ok),
            ),
            Metric("Break-even", breakeven, "requests" if traffic else "", note=traffic),
            Metric.of(
                "Net time saved",
                duration(outcome.net_saved_s),
                note="" if payback is None else f"{number(payback)} s per second of compiling",
                status=held(outcome.roi_ok),
            ),
            Metric("Build", f"{outcome.release_build_s:,.0f}", "s", status=held(outcome.build_ok)),
            Metric("Start-up", f"{outcome.boot_s:,.0f}", "s", status=held(outcome.boot_ok)),
            Metric(
                "Memory",
                f"{outcome.ram_bytes / 1e9:.2f}",
                "GB",
                note=f"{site.free_bytes / 1e9:g} GB free",
                status=held(outcome.ram_ok),
            ),
        ]

    def tables(self, outcome: RequestOutcome) -> list[Table]:
        site = self.site
        boot = "none" if math.isinf(site.boot_limit_s) else f"≤ {site.boot_limit_s:g} s"
        lines = (
            (
                "mean latency",
                f"{number(outcome.mean_latency_s * 1e3, 4)} ms",
                f"≤ {site.target_s * 1e3:g} ms",
                outcome.latency_ok,
            ),
            ("net time saved", f"{number(outcome.net_saved_s, 4)} s", "> 0 s or eager", outcome.roi_ok),
            ("release build", f"{outcome.release_build_s:,.0f} s", f"≤ {site.window_s:,.0f} s", outcome.build_ok),
            ("compile at start-up", f"{outcome.boot_s:,.0f} s", boot, outcome.boot_ok),
            (
                "memory",
                f"{outcome.ram_bytes / 1e9:.2f} GB",
                f"≤ {site.free_bytes / 1e9:g} GB",
                outcome.ram_ok,
            ),
        )
        return [
            Table(
                "Contract card",
                ("", "yours", "limit"),
                tuple((name, f"{'✓' if ok else '✕'} {value}", limit) for name, value, limit, ok in lines),
            )
        ]

    def reflection(self) -> Question:
        fused = self.case("cloud", mode="jit", fused=True)
        site = SITES["cloud"]
        launches = physics.host_time(FUSED_KERNELS * LAYERS, 0.0, site.launch_s) * 1e3
        memory, arithmetic = (part * 1e3 for part in device_parts("cloud", MAX_TOKENS.value, True))
        return Question(
            f"Cloud, fusion without replay: {fused.eager_latency_s * 1e3:.2f} ms became "
            f"{fused.mean_latency_s * 1e3:.2f} ms, and the number of buckets made no difference. Why?",
            (
                Option(
                    "A",
                    "All requests have the same length",
                    f"Lengths are uniform up to {MAX_TOKENS.value:g} tokens.",
                ),
                Option(
                    "B",
                    f"{FUSED_KERNELS * LAYERS:g} launches take longer than the device needs for any length",
                    f"{FUSED_KERNELS * LAYERS:g} launches of {site.launch_s * 1e6:g} µs take {launches:.2f} ms, so "
                    "padding is free. Replay removes the launches, and padding starts to cost.",
                    correct=True,
                ),
                Option("C", "Fusion removes padding", "It removes memory trips and kernels; the padded tokens stay."),
                Option(
                    "D",
                    "The device is bound by arithmetic",
                    f"Even at {MAX_TOKENS.value:g} tokens the device needs {max(memory, arithmetic):.2f} ms, and that "
                    f"is memory time (arithmetic {arithmetic:.2f} ms).",
                ),
            ),
        )

    def peek(self) -> Peek:
        week = self.case("cloud", mode="jit", fused=True, replay=True)
        return Peek(
            (
                "compile_breakeven_items",
                "compilation_benefit",
                "encoder_device_time",
                "compiled_item_time",
                "bucketed_mean_time",
                "optimal_bucket_count",
                "fusion_traffic_ratio",
            ),
            f"With a week of cloud traffic $k^*$ is {week.optimum:.2f}. Buckets follow the square-root law of "
            "checkpoint intervals: a fixed cost against a waste that shrinks as $1/k$. Compilers that accept dynamic "
            "shapes save compile time and padding, and lose replay and part of the tuning.",
        )


class DispatchLab(Lab):
    """Host and device, and when compiling pays."""

    volume, number, slug = 1, 7, "lab_07_ml_frameworks"
    title = "The Dispatch Tax and the Price of Compiling"
    question = "Who sets the pace, the host or the device, and when does compiling pay?"
    chapter = "ML Frameworks"
    invariant = (
        "An eager program is a queue fed by the host: the step takes the longer of host time and device time. Fusion "
        "removes bytes, graph replay removes launches, and both are bought with compile time that only reuse repays."
    )
    contexts = (CLOUD, EDGE)
    acts = (FasterChip, CompileForWhom)
    briefing = (
        "A faster device gives a faster step only where the device is what the step waits for. In Act I a host that "
        "dispatches one operation after the other sets the pace. In Act II a compiler takes that work away, and the "
        "same program then waits for launches on a fast chip and for bytes on a slow one: the two contexts need "
        "opposite levers."
    )
    reading = (
        Reading(
            "ML Frameworks, Why execution strategy matters: The memory wall", "what fusion saves; 5 to 20 µs a launch"
        ),
        Reading(
            "ML Frameworks, Modern compilation: torch.compile",
            "10 µs of dispatch, 5 µs of launch; compile time, memory and graphs",
        ),
        Reading(
            "ML Frameworks, The compilation continuum principle and The dispatch overhead law",
            "when a compile has paid; who sets the pace",
        ),
        Reading("ML Frameworks, Frameworks for the edge: TinyML and micro-runtimes", "compiling ahead of time"),
    )
    assumptions = (
        "- One kernel per operation in eager mode, all kernels of a pass equally long. The maximum of host and device "
        "is then exact up to one kernel.\n"
        "- Act I reads the weights once per token; cache of keys and values and attention are left out: both would "
        "lengthen device time, not host time.\n"
        "- The Jetson's cores take three times as long as the server's for dispatch, launch and compile; both Jetsons "
        "have the same type of core.\n"
        "- Orin NX: the dense FP16 rate is a quarter of the printed sparse INT8 figure and includes the accelerators; "
        "with the GPU alone (nearer 15 TFLOP/s) the encoder would turn arithmetic-bound at "
        f"{MAX_TOKENS.value:g} tokens.\n"
        "- Requests are uniform in length and padded up to their bucket. Eager mode does not pad.\n"
        f"- A compiler peaks at {COMPILE_PEAK.value / 1e9:g} GB, a stored graph takes {GRAPH_BYTES.value / 1e6:g} MB: "
        "the upper ends of the chapter's ranges. Every AOT "
        "engine holds a copy of the weights.\n"
        f"- {RESNET_EAGER.value:,.0f} and {RESNET_COMPILED.value:,.0f} images/s are the chapter's "
        "representative values and serve the prediction only.\n"
        f"- The H100's {c.H100_FLOPS_FP16_TENSOR_SPARSE.value / 1e12:,.0f} TFLOP/s need 2:4 sparsity and appear in no "
        "time here."
    )
    constants = (
        c.DISPATCH_HOST,
        c.LAUNCH_HOST,
        DISPATCH_EDGE,
        LAUNCH_EDGE,
        c.GPT2XL_PARAMS,
        BYTES_FP16,
        OPS_PER_BLOCK,
        TILED_SAVES,
        c.A100_FLOPS_FP16_TENSOR,
        c.A100_MEM_BW,
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_FLOPS_FP16_TENSOR_SPARSE,
        c.H100_MEM_BW,
        c.H100_MEM_CAPACITY,
        c.ORIN_NX_FP16_DENSE,
        c.ORIN_NX_MEM_BW,
        c.AGX_ORIN_FP16_DENSE,
        c.AGX_ORIN_MEM_BW,
        HALF_AND_HALF,
        MLP_OPS,
        MLP_OP,
        MLP_DEVICE,
        RESNET_EAGER,
        RESNET_COMPILED,
        RESNET_COMPILE,
        IMAGENET,
        c.BERT_LAYERS,
        c.BERT_WIDTH,
        c.BERT_HEADS,
        MAX_TOKENS,
        SHOWN_TOKENS,
        COMPILE_CLOUD,
        COMPILE_EDGE,
        AOT_BUILD,
        COMPILE_PEAK,
        GRAPH_BYTES,
        EDGE_FREE,
        CLOUD_RATE,
        EDGE_RATE,
        CLOUD_WINDOW,
        EDGE_WINDOW,
        EDGE_BOOT,
        TARGET_CLOUD,
        TARGET_EDGE,
    )
    reads = (("ch06", "context"), ("ch06", "layers"), ("ch06", "attention_algorithm"))
    instructor_notes = (
        "- Misread most often: *the GPU is at 10 %, so it is too fast; buy a smaller one*. On this host a slower "
        f"device costs nothing until {FasterChip.asked().host_s * 1e3:.2f} ms; the real fix is on the host side.\n"
        "- Show the synchronous form, too: it is what a profiler shows if somebody printed a tensor every layer.\n"
        "- Ask why the chapter's 5× for LayerNorm, dropout and ReLU and a simple count of 3× are both right: ten or "
        "six trips before fusing.\n"
        "- Not modelled: compilers that accept dynamic shapes. They save compile time and padding, and lose replay and "
        "part of the tuning. Which line of the contract would each loss break?\n"
        "- Buckets follow the same square-root law as the checkpoint intervals of Volume 2.\n"
        "- Extension: the cloud fleet has 100 servers that each compile at start-up. What changes? (The compile is "
        "paid 100 times per release; the optimum falls tenfold unless the cache is shared.)"
    )

    def open(self) -> None:
        origin = self.read("ch06", "context")
        if origin in ("cloud", "edge"):
            self.start_in(origin, "Lab 06")

    def result(self) -> float:
        return float(self.act2.outcome.mean_latency_s)

    def decision(self) -> str:
        return str(self.act2.mode)

    def extras(self) -> dict[str, Any]:
        act = self.act2
        compiled = act.mode != "eager"
        crossing = act.outcome.breakeven_requests
        return {
            "fused": bool(compiled and act.fused),
            "replay": bool(compiled and act.replay),
            "buckets": int(act.buckets),
            "breakeven_requests": crossing if crossing is not None and math.isfinite(crossing) else None,
        }

    def solution(self, context: str) -> dict[str, Any]:
        best = {"cloud": {"mode": "jit", "buckets": 8}, "edge": {"mode": "aot", "buckets": 7}}[context]
        return {**best, "fused": True, "replay": True}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"mode": "aot"} if context == "cloud" else {"mode": "jit"}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
