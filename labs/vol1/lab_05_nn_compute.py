"""V1-05 The Transistor Tax and the Memory Cliff.

Act I: a sigmoid needs fifty times the silicon of a ReLU, and its pass takes exactly as long. Act II: a backbone whose
stages fall off the edge of the on-chip memory, and four levers of which the last one only works after the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.activation import (
    FunctionCost,
    TierStep,
    activation_comparator,
    fold,
    gradient_bound_curve,
    ratio_over_working_set,
)
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.memory_tiers import Claim, Panel, Tier, bandwidth_cliff, batch_sweep
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric, Status, held
from components.quantity import counted, number, percent, plain, quantity, scientific
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
from mlsysim.core.hardware import Device, Hardware

CLOUD = Context("cloud", "Cloud", "cloud", "One H100 that fine-tunes the backbone.")
MOBILE = Context("mobile", "Mobile", "mobile", "A smartphone NPU that runs it, one frame at a time.")

TAX = "ML Systems, The transistor tax: logic unit cost"
RELU_TRANSISTORS = scenario(
    "relu_transistors", 50, "1", "comparator and multiplexer; a stylised budget, no measured die", TAX, "chapter"
)
SIGMOID_TRANSISTORS = scenario(
    "sigmoid_transistors",
    2500,
    "1",
    "high-precision exponential datapath, tanh taken equal; the chapter says over 2,500",
    TAX,
    "chapter",
)
RELU_CYCLES = scenario(
    "relu_cycles", 1, "1", "lane cycles of one compare-select", "ML Systems, footnote on the sigmoid", "chapter"
)
SIGMOID_CYCLES = scenario(
    "sigmoid_cycles",
    30,
    "1",
    "lane cycles of an exponential and a division, tanh taken equal; middle of 20 to 40",
    "ML Systems, footnote on the sigmoid; CUDA C++ Programming Guide: 16 special-function results against 128 lanes",
    "chapter",
)
SIGMOID_SLOPE = scenario("sigmoid_slope", 0.25, "1", "largest slope of the sigmoid", "derivative at zero", "definition")
UNIT_SLOPE = scenario(
    "unit_slope", 1.0, "1", "largest slope of ReLU and of tanh", "derivatives of both functions", "definition"
)
VANISHED = scenario(
    "vanished_share",
    1e-6,
    "1",
    "share of the gradient below which training stalls",
    "ML Systems, ten sigmoid layers pass about a millionth",
    "chapter",
)
LAYER_VALUES = scenario(
    "layer_values",
    224 * 224 * 64,
    "1",
    "values per frame of the layer in Act I: 224 x 224 x 64",
    "grid of ImageNet size, 64 channels as in VGG: Simonyan and Zisserman 2014",
)
BURST = scenario("burst_frames", 8, "1", "frames that the layer processes at once", "the lab's scenario")
TRAIN_FACTOR = c.TRAIN_FACTOR
TARGET_MOBILE = scenario(
    "target_mobile_s", 1.25e-3, "s", "share of the backbone in one frame", "the lab's scenario: part of 11.1 ms"
)
TARGET_CLOUD = scenario("target_cloud_images_s", 4444, "1/s", "8 million frames in 30 minutes", "the lab's scenario")
FRAME_RATE = scenario("frame_rate_hz", 90, "1/s", "frame rate of the headset", "the lab's scenario")
NOW_RATE = scenario("now_rate_hz", 12, "1/s", "frames per second today", "the lab's scenario")
GOAL_RATE = scenario("goal_rate_hz", 24, "1/s", "frames per second that the team aims at", "the lab's scenario")
FRAMES = scenario("frames", 8e6, "1", "labelled frames of one fine-tuning", "the lab's scenario")
PERIOD = scenario("period_s", 1800, "s", "time for one fine-tuning", "the lab's scenario")
MOBILE_SIDE = scenario("mobile_side_px", 768, "1", "least input side on the phone (px)", "the lab's scenario")
MOBILE_CHANNELS = scenario("mobile_channels", 32, "1", "least channels of the phone's network", "the lab's scenario")
CLOUD_SIDE = scenario("cloud_side_px", 512, "1", "least input side in the cloud (px)", "the lab's scenario")
CLOUD_CHANNELS = scenario("cloud_channels", 64, "1", "least channels of the cloud's network", "the lab's scenario")
CLOUD_BATCH = scenario("cloud_batch", 64, "1", "least batch of the fine-tuning", "the lab's scenario")

FUNCTIONS = {"relu": "ReLU", "sigmoid": "sigmoid", "tanh": "tanh"}
PRECISIONS = {4: "FP32", 2: "FP16", 1: "INT8"}
CYCLES = {"relu": RELU_CYCLES.value, "sigmoid": SIGMOID_CYCLES.value, "tanh": SIGMOID_CYCLES.value}
TRANSISTORS = {"relu": RELU_TRANSISTORS.value, "sigmoid": SIGMOID_TRANSISTORS.value, "tanh": SIGMOID_TRANSISTORS.value}
SLOPES = {"relu": UNIT_SLOPE.value, "sigmoid": SIGMOID_SLOPE.value, "tanh": UNIT_SLOPE.value}
DEPTHS = np.linspace(1, 20, 77)
STAGES = 6

US = 1e6
MB = 1e6
GB = 1e9


@dataclass(frozen=True)
class Setup:
    """A device with its three clocks and its two tiers of memory, in SI units."""

    name: str
    device: Device
    lane_rate: float
    onchip_bytes: float
    onchip_bandwidth: float

    def peak(self, bytes_per_value: int) -> float:
        """Rate of the matrix engine for values of this width (operations per second)."""
        rate = {4: self.device.peak_fp32, 2: self.device.peak_fp16, 1: self.device.peak_int8}[bytes_per_value]
        assert rate is not None
        return rate

    def tiers(self) -> dict[str, float]:
        """The arguments that describe the memory to `tiered_transfer_time`."""
        return {
            "capacity_bytes": self.onchip_bytes,
            "fast_bandwidth_bytes_s": self.onchip_bandwidth,
            "slow_bandwidth_bytes_s": self.device.mem_bandwidth,
        }


SETUPS = {
    "cloud": Setup(
        "H100", Hardware.Cloud.H100, c.H100_LANE_RATE.value, c.H100_ONCHIP_BYTES.value, c.H100_ONCHIP_BW.value
    ),
    "mobile": Setup(
        "phone",
        Hardware.Mobile.PhoneNPU,
        c.MOBILE_LANE_RATE.value,
        c.MOBILE_ONCHIP_BYTES.value,
        c.MOBILE_ONCHIP_BW.value,
    ),
}


def time_unit(longest_s: float) -> tuple[str, float]:
    """Unit and scale in which a plot whose longest time is `longest_s` keeps its numbers short."""
    return ("µs", US) if longest_s < 1e-3 else ("ms", 1e3)


def compared(seconds: float, start_s: float) -> str:
    """A time against the one at the start, in words."""
    ratio = start_s / seconds
    if abs(ratio - 1) < 5e-4:
        return "as at the start"
    return f"{number(max(ratio, 1 / ratio))} times {'faster' if ratio > 1 else 'slower'} than at the start"


def times(ratio: float) -> str:
    """A ratio in words; a ratio of one is no change."""
    return f"{ratio:,.0f} times" if ratio > 10 and ratio == round(ratio) else f"{ratio:.1f} times"


@dataclass(frozen=True)
class PassOutcome:
    """One stand-alone activation pass: its bytes, where they live, and what each function takes (s)."""

    working_set_bytes: float
    on_chip: bool
    relu_time_s: float
    sigmoid_time_s: float
    time_ratio: float
    lane_s: dict[str, float]
    memory_s: float
    on_chip_ratio: float
    off_chip_ratio: float
    break_even_cycles: float
    bounds: dict[str, float]

    def clock(self, function: str) -> str:
        """Which clock sets the time of a function's pass."""
        return "lanes" if self.lane_s[function] > self.memory_s else "memory"


class ActivationPass(Act):
    """Act I: fifty times the silicon, thirty times the cycles, and the same time."""

    title = "Fifty times what?"
    minutes = 14

    batch = stops(
        "Burst",
        (1, 2, 4, 8, 16, 32, 64),
        8,
        text=lambda count: counted(count, "frames"),
        reason="one frame to about a second at 60 Hz",
    )
    bytes_per_value = choice(
        "Precision", PRECISIONS, 2, reason="the three storage formats of the chapter: 1, 2, 4 bytes"
    )
    cycles = slider("Sigmoid and tanh", 20, 40, 1, SIGMOID_CYCLES.value, unit="cycles", reason="the chapter's range")
    depth = slider(
        "Depth of the network",
        1,
        20,
        1,
        10,
        text=lambda count: counted(count, "layers"),
        reason="ten is the chapter's example",
    )

    @classmethod
    def compute(
        cls, context: str, *, batch: float, bytes_per_value: int, cycles: float, depth: float = 10
    ) -> PassOutcome:
        setup = SETUPS[context]
        values = LAYER_VALUES.value * batch
        working_set = 2 * physics.activation_bytes(LAYER_VALUES.value, batch, bytes_per_value)
        on_chip = bool(working_set <= setup.onchip_bytes)
        fast, slow = setup.onchip_bandwidth, setup.device.mem_bandwidth
        here = fast if on_chip else slow
        cost = {"relu": RELU_CYCLES.value, "sigmoid": cycles, "tanh": cycles}

        def pass_time(function: str) -> float:
            return float(physics.activation_pass_time(values, cost[function], bytes_per_value, setup.lane_rate, here))

        def ratio(bandwidth: float) -> float:
            return float(
                physics.activation_time_ratio(cycles, RELU_CYCLES.value, bytes_per_value, setup.lane_rate, bandwidth)
            )

        return PassOutcome(
            working_set_bytes=working_set,
            on_chip=on_chip,
            relu_time_s=pass_time("relu"),
            sigmoid_time_s=pass_time("sigmoid"),
            time_ratio=ratio(here),
            lane_s={name: values * cost[name] / setup.lane_rate for name in FUNCTIONS},
            memory_s=working_set / here,
            on_chip_ratio=ratio(fast),
            off_chip_ratio=ratio(slow),
            break_even_cycles=2 * bytes_per_value * setup.lane_rate / here,
            bounds={name: float(physics.gradient_bound(SLOPES[name], depth)) for name in FUNCTIONS},
        )

    @classmethod
    @cache
    def case(cls, context: str = "cloud", **changed: Any) -> PassOutcome:
        """The defaults with some controls changed."""
        defaults = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return cls.compute(context, **{**defaults, **changed})

    def message(self) -> Message:
        return Message(
            "Mobile AR team lead",
            f"We render at {NOW_RATE.value:g} frames per second and the goal is {GOAL_RATE.value:g}. All our hidden "
            "layers use sigmoid, and a consultant showed us the gate count: "
            f"**{SIGMOID_TRANSISTORS.value:,.0f} transistors against {RELU_TRANSISTORS.value:g} for ReLU**. He "
            "promises that replacing the function makes the activation step dozens of times faster, on the phone and "
            "in the cloud. Marketing wants to announce the speed-up on Monday. Can I sign?",
        )

    def from_ledger(self) -> str:
        known = self.lab.read("ch02", "act1_correct")
        if known is None:
            return ""
        if known:
            return (
                "In Lab 02 you saw through the invoice: a token on a faster card waits for the same bytes. Here the "
                "arithmetic gets cheaper instead of faster. Is that another story?"
            )
        return (
            "In Lab 02 the faster card surprised you: most of a token was a wait for bytes. The same two clocks, "
            "arithmetic and memory, run here."
        )

    def concept(self) -> str:
        h100, phone = SETUPS["cloud"], SETUPS["mobile"]
        spec = self.controls_in("cloud")["cycles"]
        return (
            "An activation layer that runs as a kernel of its own does three things for every value: read it from "
            "memory, evaluate the function on a vector *lane*, write the result. Lanes and memory work at the same "
            f"time.\n\n| | ReLU | sigmoid |\n|---|---|---|\n| transistors of one unit | {RELU_TRANSISTORS.value:g} | "
            f"{SIGMOID_TRANSISTORS.value:,.0f} |\n| lane cycles per value | {RELU_CYCLES.value:g} | "
            f"{spec.values()[0]:g} to {spec.values()[-1]:g} |\n\nThe layer holds {LAYER_VALUES.value:,.0f} values per "
            f"frame and runs in bursts of {BURST.value:g} frames in FP16. The {h100.name} offers "
            f"{number(h100.lane_rate / 1e12)} × 10¹² lane-cycles per second and "
            f"{quantity(h100.device.mem_bandwidth, 'B/s')} of memory bandwidth, the {phone.name} "
            f"{number(phone.lane_rate / 1e12, 2)} × 10¹² and {quantity(phone.device.mem_bandwidth, 'B/s', 2)}."
        )

    def prediction(self) -> ChoicePrediction:
        asked, phone, small = self.case(), self.case("mobile"), self.case(batch=2)
        setup = SETUPS["cloud"]
        evaluations = LAYER_VALUES.value * BURST.value
        silicon = physics.silicon_cost_ratio(SIGMOID_TRANSISTORS.value, RELU_TRANSISTORS.value)
        cycles = SIGMOID_CYCLES.value / RELU_CYCLES.value
        lanes = setup.lane_rate / c.H100_FP32_CLOCK.value
        lane_us, memory_us = asked.lane_s["sigmoid"] * US, asked.memory_s * US
        return ChoicePrediction(
            "The kernel reads its input from main memory and writes its output back. We swap sigmoid for ReLU. How "
            "many times faster does this activation pass run on the H100?",
            (
                Option(
                    "A",
                    times(silicon),
                    value=silicon,
                    feedback=(
                        f"{silicon:g} times is area and energy per unit, not time: {evaluations / 1e6:.1f} million "
                        f"sigmoid evaluations take {lane_us:.0f} µs of lane time, less than the {memory_us:.1f} µs "
                        "that the bytes need."
                    ),
                ),
                Option(
                    "B",
                    times(cycles),
                    value=cycles,
                    feedback=(
                        f"{SIGMOID_CYCLES.value:g} cycles are {asked.lane_s['sigmoid'] / evaluations * 1e12:.1f} ps "
                        f"per value when {lanes:,.0f} lanes work; the memory needs "
                        f"{asked.memory_s / evaluations * 1e12:.2f} ps per value."
                    ),
                ),
                Option(
                    "C",
                    times(small.time_ratio),
                    value=small.time_ratio,
                    feedback=(
                        f"{small.time_ratio:g} times is right only while the values never leave the chip. Set the "
                        "burst to 2 frames and you will see it."
                    ),
                ),
                Option(
                    "D",
                    "1.0 times: no change",
                    value=1.0,
                    correct=True,
                    feedback=(
                        "The pass is bound by bandwidth, whichever function runs. On the phone the same: "
                        f"{phone.memory_s * US:,.1f} µs for the bytes against {phone.lane_s['sigmoid'] * US:,.1f} µs "
                        "of lane work."
                    ),
                ),
            ),
            actual=asked.time_ratio,
            form=lambda ratio: f"{ratio:.2f} times" if ratio < 10 else times(ratio),
            why=(
                f"Both functions wait for the same {asked.working_set_bytes / MB:.0f} MB: {memory_us:.3f} µs at "
                f"{quantity(setup.device.mem_bandwidth, 'B/s')}, of which the sigmoid lanes need {lane_us:.2f}."
            ),
        )

    def plots(self, outcome: PassOutcome) -> dict[str, Any]:
        setup = SETUPS[self.context]
        other = "mobile" if self.context == "cloud" else "cloud"
        beside = self.compute(other, **self.values())
        slower = "sigmoid" if outcome.lane_s["sigmoid"] > outcome.memory_s else "memory"
        verdict = (
            f"Both wait {number(outcome.memory_s * US)} µs for the same bytes; the lanes have time to spare."
            if slower == "memory"
            else f"The sigmoid's lanes need {number(outcome.lane_s['sigmoid'] * US)} µs, the bytes only "
            f"{number(outcome.memory_s * US)}: now the tax shows."
        )
        half = outcome.memory_s / 2
        unit, scale = time_unit(outcome.sigmoid_time_s)
        depths = [
            ("sigmoid", physics.gradient_bound(SLOPES["sigmoid"], DEPTHS)),
            ("ReLU,\ntanh", physics.gradient_bound(SLOPES["relu"], DEPTHS)),
        ]
        return {
            "comparator": activation_comparator(
                [
                    FunctionCost(label, TRANSISTORS[name], outcome.lane_s[name], outcome.memory_s)
                    for name, label in FUNCTIONS.items()
                ],
                title="What each function costs: silicon, and time",
                caption=verdict,
            ),
            "ratio": ratio_over_working_set(
                TierStep(setup.name, setup.onchip_bytes, outcome.on_chip_ratio, outcome.off_chip_ratio),
                TierStep(SETUPS[other].name, SETUPS[other].onchip_bytes, beside.on_chip_ratio, beside.off_chip_ratio),
                working_set_bytes=outcome.working_set_bytes,
                ratio=outcome.time_ratio,
                references=[
                    Limit(SIGMOID_TRANSISTORS.value / RELU_TRANSISTORS.value, "silicon", "series-6"),
                    Limit(self.cycles / RELU_CYCLES.value, "cycles", "series-6"),
                ],
                predicted=self.predicted(),
                title="How many times longer a sigmoid takes than a ReLU",
                caption=(
                    f"On the {setup.name} in {PRECISIONS[self.bytes_per_value]}: {fold(outcome.on_chip_ratio)} times "
                    f"while both buffers fit into {setup.onchip_bytes / MB:.3g} MB, {fold(outcome.off_chip_ratio)} "
                    f"times beyond. A burst of {self.batch:g} needs {number(outcome.working_set_bytes / MB)} MB."
                ),
            ),
            "waterfall": latency_waterfall(
                [
                    Bar("memory", {"read": half, "write": half, "lanes": 0.0}),
                    Bar("sigmoid", {"read": 0.0, "write": 0.0, "lanes": outcome.lane_s["sigmoid"]}),
                    Bar("ReLU", {"read": 0.0, "write": 0.0, "lanes": outcome.lane_s["relu"]}),
                ],
                title="Memory and lanes run side by side: the longest bar is the pass",
                unit=unit,
                scale=scale,
                row=44,
                caption=(
                    f"A sigmoid pass takes {number(outcome.sigmoid_time_s * scale, 4)} {unit}, a ReLU pass "
                    f"{number(outcome.relu_time_s * scale, 4)} {unit}. The bars overlap in time; they do not add."
                ),
            ),
            "gradient": gradient_bound_curve(
                DEPTHS,
                depths,
                here=self.depth,
                threshold=Limit(VANISHED.value, "a millionth", "series-6"),
                title="What the slopes let through on the way back",
                caption=(
                    f"After {counted(self.depth, 'layers')} of sigmoid at most "
                    f"{scientific(outcome.bounds['sigmoid'])} of the gradient is left by the slopes alone. ReLU and "
                    "tanh have slopes up to 1."
                ),
            ),
        }

    def metrics(self, outcome: PassOutcome) -> list[Metric]:
        tier = "on chip" if outcome.on_chip else "in main memory"
        return [
            Metric("Working set", number(outcome.working_set_bytes / MB), "MB", note=tier),
            Metric("ReLU pass", number(outcome.relu_time_s * US), "µs", note=f"waits for {outcome.clock('relu')}"),
            Metric(
                "Sigmoid pass", number(outcome.sigmoid_time_s * US), "µs", note=f"waits for {outcome.clock('sigmoid')}"
            ),
            Metric(
                "Sigmoid over ReLU",
                fold(outcome.time_ratio),
                "times",
                note=f"no tax up to {plain(outcome.break_even_cycles, 3)} cycles",
                status="neutral" if outcome.time_ratio == 1 else "caution",
            ),
            Metric(
                "Sigmoid gradient",
                scientific(outcome.bounds["sigmoid"]),
                note=f"at most, {counted(self.depth, 'layers')}",
            ),
        ]

    def tables(self, outcome: PassOutcome) -> list[Table]:
        cost = {"relu": RELU_CYCLES.value, "sigmoid": self.cycles, "tanh": self.cycles}
        rows = [
            ("transistors of one unit", *[f"{TRANSISTORS[name]:,.0f}" for name in FUNCTIONS]),
            ("lane cycles per value", *[f"{cost[name]:g}" for name in FUNCTIONS]),
            ("largest slope", *[f"{SLOPES[name]:g}" for name in FUNCTIONS]),
            ("lane time (µs)", *[number(outcome.lane_s[name] * US) for name in FUNCTIONS]),
            ("memory time (µs)", *[number(outcome.memory_s * US)] * 3),
            ("the pass waits for", *[outcome.clock(name) for name in FUNCTIONS]),
        ]
        return [Table("Activation comparator", ("", *FUNCTIONS.values()), tuple(rows), emphasis=5)]

    def reflection(self) -> Question:
        ten = physics.gradient_bound(SIGMOID_SLOPE.value, 10)
        most = self.case(bytes_per_value=1, batch=1)
        return Question(
            "The pass takes the same time. Which statement explains why deep networks still dropped the sigmoid from "
            "their hidden layers?",
            (
                Option(
                    "A",
                    f"Its pass is {SIGMOID_TRANSISTORS.value / RELU_TRANSISTORS.value:g} times slower in a real "
                    "framework",
                    f"At {SIGMOID_CYCLES.value:g} cycles the plot shows {self.case().time_ratio:.1f} times off chip in "
                    f"FP16, and at most {most.time_ratio:g} times on chip (INT8, H100).",
                ),
                Option(
                    "B",
                    f"Its slope never exceeds {SIGMOID_SLOPE.value:g}, so ten layers pass at most "
                    f"{scientific(ten)} of the gradient, without any error message",
                    correct=True,
                    feedback=(
                        f"{SIGMOID_SLOPE.value:g} to the tenth power. The failure is silent: the loss just stops "
                        "moving."
                    ),
                ),
                Option(
                    "C",
                    "Its outputs need more bytes than those of a ReLU",
                    "Same format, same bytes: that is why the two passes take the same time.",
                ),
                Option("D", "Compilers cannot fuse it into the layer before it", "They can: Act II fuses it."),
            ),
        )

    def peek(self) -> Peek:
        h100, phone = self.case(), self.case("mobile")
        return Peek(
            ("activation_pass_time", "activation_time_ratio", "silicon_cost_ratio", "gradient_bound"),
            "The ratio is 1 whenever $c \\le 2 b R / \\mathrm{BW}$: in FP16 up to "
            f"{h100.break_even_cycles:g} cycles on the H100's main memory, up to {phone.break_even_cycles:.1f} on the "
            "phone's. The bandwidth is that of the tier that holds the values.",
        )


@dataclass(frozen=True)
class StageTimes:
    """The stages of the backbone for one or more batches: bytes, residence, and the four clocks (s per pass)."""

    working_set: npt.NDArray[np.float64]
    resident: npt.NDArray[np.float64]
    matrix: npt.NDArray[np.float64]
    memory: npt.NDArray[np.float64]
    lane: npt.NDArray[np.float64]
    pass_memory: npt.NDArray[np.float64]
    time: npt.NDArray[np.float64]


@lru_cache(maxsize=4096)
def stage_times(
    context: str,
    resolution_px: int,
    channels: int,
    batch: tuple[float, ...],
    bytes_per_value: int,
    cycles: float,
    fused: bool,
    placement: str,
) -> StageTimes:
    """One forward pass, a row for each of `batch` and a column for each stage."""
    setup = SETUPS[context]
    column = np.array(batch, dtype=float)[:, None]
    values = physics.pyramid_values(resolution_px, channels)
    weights = physics.pyramid_weights(channels)
    outputs = values[1:]
    working_set = physics.activation_bytes(values[:-1] + outputs, column, bytes_per_value)
    matrix = 2 * column * physics.pyramid_macs(resolution_px, channels) / setup.peak(bytes_per_value)
    activations = physics.tiered_transfer_time(working_set, working_set, **setup.tiers(), placement=placement)
    memory = weights * bytes_per_value / setup.device.mem_bandwidth + activations
    traffic = 2 * physics.activation_bytes(outputs, column, bytes_per_value)
    lane = column * outputs * cycles / setup.lane_rate
    pass_memory = physics.tiered_transfer_time(traffic, traffic, **setup.tiers(), placement=placement)
    return StageTimes(
        working_set=working_set,
        resident=physics.resident_fraction(working_set, setup.onchip_bytes, placement),
        matrix=matrix,
        memory=memory,
        lane=lane,
        pass_memory=pass_memory,
        time=physics.layer_time(matrix, memory, lane, pass_memory, fused),
    )


#: Decision to control, the value that uses the lever, and the value that does not.
LEVERS: dict[str, tuple[str, Any, Any]] = {
    "fuse": ("fused", True, False),
    "quantize": ("bytes_per_value", 1, 2),
    "plan_buffer": ("placement", "planned", "cache"),
    "swap_activation": ("activation", "relu", "sigmoid"),
}
LEVER_NAMES = {
    "fuse": "fuse the activation pass",
    "quantize": "INT8",
    "plan_buffer": "plan the buffer",
    "swap_activation": "ReLU",
}
#: Terms of a stage in the waterfall: the clock that binds its kernel, and the one that binds a separate pass.
CLOCKS = ("memory", "matrix engine", "lanes", "pass (memory)", "pass (lanes)")
#: The same in a sentence, and as a readout.
CLOCK_WORDS = {
    "memory": "memory",
    "matrix engine": "the matrix engine",
    "lanes": "the lanes",
    "pass (memory)": "the memory of the separate pass",
    "pass (lanes)": "the lanes of the separate pass",
}
CLOCK_NAMES = {"pass (memory)": "separate pass", "pass (lanes)": "separate pass"}


@dataclass(frozen=True)
class BackboneOutcome:
    """The backbone in one setting: time, memory, stage by stage, over the batch, and lever by lever."""

    time_per_image_s: float
    images_per_s: float
    memory_bytes: float
    oom: bool
    capacity_bytes: float
    values: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    stages: StageTimes
    terms: tuple[dict[str, float], ...]
    parts: dict[str, dict[str, float]]
    phase: str
    largest: str
    largest_share: float
    sweep_batch: npt.NDArray[np.float64]
    sweep_images_s: npt.NDArray[np.float64]
    sweep_memory: npt.NDArray[np.float64]
    levers: dict[str, float | None]
    batch_delta_s: float
    requirement: bool

    @property
    def activation_share(self) -> float:
        """Share of the memory that activations take."""
        return self.parts[self.phase]["activations"] / self.memory_bytes

    @property
    def spilled(self) -> list[int]:
        """Numbers of the stages of which not everything stays on chip."""
        return [k + 1 for k, held_share in enumerate(self.stages.resident[0]) if held_share < 1]


def numbered(stages: list[int]) -> str:
    """Stage numbers in words: stage 3; stages 1, 2 and 4; all six stages."""
    if len(stages) == STAGES:
        return "all six stages"
    if len(stages) == 1:
        return f"stage {stages[0]}"
    return f"stages {', '.join(map(str, stages[:-1]))} and {stages[-1]}"


class Spill(Act):
    """Act II: three clocks, two tiers, and the lever that only works last."""

    title = "The spill"
    minutes = 24

    resolution_px = stops(
        "Input side",
        (224, 256, 384, 512, 768, 1024),
        512,
        unit="px",
        reason="the side of ImageNet, then camera crops; multiples of 32, so that five halvings come out even",
        per_context={"mobile": {"default": 768}},
    )
    channels = stops(
        "Channels of stage 1",
        (16, 24, 32, 48, 64),
        64,
        reason="mobile networks to the width of VGG",
        per_context={"mobile": {"default": 32}},
    )
    batch = stops(
        "Batch",
        tuple(2**k for k in range(13)),
        256,
        text=lambda count: counted(count, "images"),
        reason="one image to more than the memory holds",
        per_context={"mobile": {"values": tuple(2**k for k in range(7)), "default": 1}},
    )
    bytes_per_value = choice("Precision", PRECISIONS, 2, reason="1, 2 or 4 bytes; each runs at its own matrix rate")
    activation = choice("Activation", FUNCTIONS, "sigmoid", reason="one lane cycle per value, or thirty")
    fused = choice(
        "Activation pass",
        {False: "separate", True: "fused"},
        False,
        reason="a kernel of its own, or inside the matrix kernel",
    )
    placement = choice(
        "On-chip memory",
        {"cache": "cache", "planned": "planned"},
        "cache",
        reason="an unmanaged cache keeps all or nothing, a planned buffer as much as fits",
    )
    phase = choice(
        "Phase",
        {"inference": "inference", "training": "training"},
        "training",
        reason="training keeps every activation and takes three passes",
        per_context={"mobile": {"default": "inference"}},
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        resolution_px: int,
        channels: int,
        batch: int,
        bytes_per_value: int,
        activation: str,
        fused: bool,
        placement: str,
        phase: str,
    ) -> BackboneOutcome:
        if phase not in ("inference", "training"):
            raise ValueError(f"phase must be 'inference' or 'training', got {phase!r}")
        if phase == "training" and bytes_per_value == 1:
            raise ValueError("bytes_per_value 1 (INT8) is no training format; training takes 2 or 4")
        setup = SETUPS[context]
        passes = TRAIN_FACTOR.value if phase == "training" else 1.0
        setting: dict[str, Any] = {
            "resolution_px": resolution_px,
            "channels": channels,
            "batch": batch,
            "bytes_per_value": bytes_per_value,
            "activation": activation,
            "fused": fused,
            "placement": placement,
        }

        def run(batches: tuple[float, ...] | None = None, **changed: Any) -> StageTimes:
            chosen = {**setting, **changed}
            cycles = CYCLES[chosen.pop("activation")]
            one = (float(chosen.pop("batch")),)
            return stage_times(context, batch=batches or one, cycles=cycles, **chosen)

        def per_image(**changed: Any) -> float:
            return float(run(**changed).time.sum() * passes / changed.get("batch", batch))

        stages = run()
        now = per_image()
        values, weights = physics.pyramid_values(resolution_px, channels), physics.pyramid_weights(channels)
        # The other phase is shown beside this one; where that is training, INT8 gives way to FP16.
        widths = {"inference": bytes_per_value, "training": max(bytes_per_value, 2)}
        memory = {"inference": physics.cnn_inference_memory, "training": physics.cnn_training_memory}
        parts = {}
        for name, width in widths.items():
            held_weights = float(weights.sum() * width)
            gradients = held_weights if name == "training" else 0.0
            total = float(memory[name](weights.sum(), values, batch, width))
            parts[name] = {
                "weights": held_weights,
                "gradients": gradients,
                "activations": total - held_weights - gradients,
            }
        used = float(memory[phase](weights.sum(), values, batch, bytes_per_value))
        clocks = (stages.memory, stages.matrix, stages.lane, stages.pass_memory)
        columns = np.array([clock[0] for clock in clocks]).T * passes / batch
        terms = tuple(cls._terms(*map(float, column), fused=fused) for column in columns)
        by_clock = {name: sum(term[name] for term in terms) for name in CLOCKS}
        largest = max(by_clock, key=lambda name: by_clock[name])
        sweep = tuple(float(size) for size in cls.controls_in(context)["batch"].values())
        levers: dict[str, float | None] = {}
        for lever, (name, on, off) in LEVERS.items():
            if phase == "training" and lever == "quantize":
                levers[lever] = None
            else:
                levers[lever] = per_image(**{name: off if setting[name] == on else on}) - now
        defaults = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return BackboneOutcome(
            time_per_image_s=now,
            images_per_s=1 / now,
            memory_bytes=used,
            oom=not at_most(used, setup.device.mem_capacity),
            capacity_bytes=setup.device.mem_capacity,
            values=values,
            weights=weights,
            stages=stages,
            terms=terms,
            parts=parts,
            phase=phase,
            largest=largest,
            largest_share=by_clock[largest] / now,
            sweep_batch=np.array(sweep),
            sweep_images_s=np.array(sweep) / (run(sweep).time.sum(axis=-1) * passes),
            sweep_memory=memory[phase](weights.sum(), values, np.array(sweep), bytes_per_value),
            levers=levers,
            batch_delta_s=per_image(batch=defaults["batch"]) - now,
            requirement=cls._required(context, resolution_px, channels, batch, phase),
        )

    @staticmethod
    def _terms(memory: float, matrix: float, lane: float, pass_memory: float, *, fused: bool) -> dict[str, float]:
        """The time of a stage under the names of the clocks that set it."""
        kernel = {"memory": memory, "matrix engine": matrix, **({"lanes": lane} if fused else {})}
        slowest = max(kernel, key=lambda name: kernel[name])
        terms = dict.fromkeys(CLOCKS, 0.0)
        terms[slowest] = kernel[slowest]
        if not fused:
            terms["pass (lanes)" if lane > pass_memory else "pass (memory)"] = max(lane, pass_memory)
        return terms

    @staticmethod
    def _required(context: str, resolution_px: float, channels: float, batch: float, phase: str) -> bool:
        """Whether the design does what the stakeholder asks for, whatever its speed."""
        if context == "mobile":
            return (
                at_least(resolution_px, MOBILE_SIDE.value)
                and at_least(channels, MOBILE_CHANNELS.value)
                and batch == 1
                and phase == "inference"
            )
        return (
            at_least(resolution_px, CLOUD_SIDE.value)
            and at_least(channels, CLOUD_CHANNELS.value)
            and at_least(batch, CLOUD_BATCH.value)
            and phase == "training"
        )

    @classmethod
    @cache
    def case(cls, context: str, **changed: Any) -> BackboneOutcome:
        """The defaults of a context with some controls changed."""
        defaults = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return cls.compute(context, **{**defaults, **changed})

    @classmethod
    @cache
    def asked(
        cls, batch: int, placement: str = "cache", context: str = "mobile", width: int = 1
    ) -> tuple[float, float]:
        """Stage 2 of the question: its working set (B) and the time to move it (s) for a batch."""
        values = physics.pyramid_values(224, 64)
        working_set = physics.activation_bytes(values[1] + values[2], batch, width)
        return working_set, float(
            physics.tiered_transfer_time(working_set, working_set, **SETUPS[context].tiers(), placement=placement)
        )

    def limits(self) -> Mapping[str, str | Mapping[Any, str]]:
        if self.phase == "training":
            return {"bytes_per_value": {1: "INT8 is not a training format: gradients need more than 256 levels."}}
        return {}

    def settle(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if values.get("phase") == "training" and values.get("bytes_per_value") == 1:
            return {"bytes_per_value": 2}
        return {}

    def message(self) -> Message:
        start = self.case(self.context)
        if self.context == "mobile":
            return Message(
                "AR platform owner",
                f"At {FRAME_RATE.value:g} Hz a frame lasts {1e3 / FRAME_RATE.value:.1f} ms, and the segmentation "
                f"backbone owns **{TARGET_MOBILE.value * 1e3:g} ms** of it. We need {MOBILE_SIDE.value:g}-pixel input "
                f"and at least {MOBILE_CHANNELS.value:g} channels, one frame at a time. Today it takes "
                f"**{start.time_per_image_s * 1e3:.1f} ms**, and the NPU vendor says that its arithmetic peak is fine.",
            )
        return Message(
            "Data engine lead",
            f"{FRAMES.value / 1e6:g} million labelled frames must be fine-tuned every {PERIOD.value / 60:g} minutes on "
            f"one H100: **{TARGET_CLOUD.value:,.0f} images per second** at {CLOUD_SIDE.value:g} pixels and "
            f"{CLOUD_CHANNELS.value:g} channels, batch {CLOUD_BATCH.value:g} or more. We get about "
            f"**{round(start.images_per_s, -2):,.0f}**, whatever batch we use.",
        )

    def concept(self) -> str:
        setup = SETUPS[self.context]
        faster = setup.onchip_bandwidth / setup.device.mem_bandwidth
        return (
            "A backbone of six stages; from one to the next the side halves and the channels double. Every stage reads "
            "its input and writes its output: that is its *working set*. If it fits into the on-chip memory "
            f"({setup.onchip_bytes / MB:.3g} MB on the {setup.name}) it moves {faster:g} times faster than from main "
            "memory. An unmanaged **cache** keeps everything or nothing; a **planned** buffer keeps as much as fits. "
            "Training holds all activations until the backward pass, inference only the largest neighbouring pair.\n\n"
            "A stage takes as long as the slowest of its clocks: matrix engine, memory, and the lanes that evaluate "
            "the activation. A *separate* activation pass reads and writes the output once more."
        )

    def prediction(self) -> ChoicePrediction:
        (set1, time1), (set2, time2), planned = self.asked(1), self.asked(2), self.asked(2, "planned")[1]
        capacity = SETUPS["mobile"].onchip_bytes
        actual = time2 / time1
        fits, spills = (self.asked(batch, context="cloud", width=2)[0] for batch in (3, 4))
        return ChoicePrediction(
            "Phone, INT8, 224-pixel input, 64 channels, on-chip memory run as an unmanaged cache: the working set of "
            f"stage 2 takes {set1 / MB:.2f} of the {capacity / MB:.2f} MB. We raise the batch from 1 to 2. By what "
            "factor does the time to move this stage's activations grow, for the whole batch?",
            (
                Option(
                    "A",
                    "1 time: not at all",
                    value=1,
                    feedback=(
                        "More parallelism does not create bytes per second; the bytes doubled and moved to a slower "
                        "tier."
                    ),
                ),
                Option(
                    "B",
                    "2 times",
                    value=2,
                    feedback=(
                        f"True as long as the set fits. {set2 / MB:.2f} MB does not fit into {capacity / MB:.2f} MB, "
                        "and an unmanaged cache then keeps nothing."
                    ),
                ),
                Option(
                    "C",
                    "10 times",
                    value=10,
                    feedback=(f"Right per image. The batch also has twice the bytes: 2 × {actual / 2:g} = {actual:g}."),
                ),
                Option(
                    "D", "20 times", value=20, correct=True, feedback="Twice the bytes at a tenth of the bandwidth."
                ),
            ),
            actual=actual,
            form=lambda factor: f"{factor:.1f} times",
            why=(
                f"One more frame pushed the stage over the edge of the on-chip memory: {time1 * US:.2f} µs became "
                f"{time2 * US:.1f}. A planned buffer would have grown {planned / time1:.2f} times. On the H100 the "
                f"same cliff sits between batch 3 ({fits / MB:.1f} MB) and batch 4 ({spills / MB:.1f} MB) in FP16."
            ),
        )

    def challenge(self) -> str:
        if self.context == "mobile":
            return (
                f"Bring one image to **{TARGET_MOBILE.value * 1e3:g} ms** with at least {MOBILE_SIDE.value:g} px and "
                f"{MOBILE_CHANNELS.value:g} channels, batch 1, inference, within "
                f"{SETUPS['mobile'].device.mem_capacity / GB:g} GB. Try ReLU **first**, and again at the end."
            )
        return (
            f"Train at **{TARGET_CLOUD.value:,.0f} images/s** or more with {CLOUD_SIDE.value:g} px, "
            f"{CLOUD_CHANNELS.value:g} channels and a batch of {CLOUD_BATCH.value:g} or more, within "
            f"{SETUPS['cloud'].device.mem_capacity / GB:g} GB. Try a larger batch and ReLU before anything else."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        capacity = SETUPS[self.context].device.mem_capacity / GB
        fits = Constraint(f"Memory ≤ {capacity:g} GB", lambda o: not o.oom)
        if self.context == "mobile":
            return (
                Constraint(
                    f"≤ {TARGET_MOBILE.value * 1e3:g} ms per image",
                    lambda o: at_most(o.time_per_image_s, TARGET_MOBILE.value),
                ),
                Constraint(
                    f"{MOBILE_SIDE.value:g} px, {MOBILE_CHANNELS.value:g} channels, batch 1, inference",
                    lambda o: o.requirement,
                ),
                fits,
            )
        return (
            Constraint(f"≥ {TARGET_CLOUD.value:,.0f} images/s", lambda o: at_least(o.images_per_s, TARGET_CLOUD.value)),
            Constraint(
                f"{CLOUD_SIDE.value:g} px, {CLOUD_CHANNELS.value:g} channels, batch ≥ {CLOUD_BATCH.value:g}, training",
                lambda o: o.requirement,
            ),
            fits,
        )

    def failures(self) -> tuple[Failure, ...]:
        device = SETUPS[self.context].name

        def too_much(o: BackboneOutcome) -> str:
            leave = ", or leave training" if o.phase == "training" else ""
            return (
                f"activations do not fit. Required {o.memory_bytes / GB:.1f} GB, available "
                f"{o.capacity_bytes / GB:.0f} GB on the {device}; {percent(o.activation_share, 0)} of it is "
                f"activations. Reduce batch, resolution or precision{leave}."
            )

        def spilled(o: BackboneOutcome) -> str:
            kept = [o.stages.resident[0][k - 1] for k in o.spilled]
            how = (
                f"partly from main memory; the least resident one keeps {percent(min(kept), 0)} on chip"
                if self.placement == "planned"
                else "from main memory, with nothing kept on chip"
            )
            return f"{numbered(o.spilled)} {'works' if len(kept) == 1 else 'work'} {how}."

        return (
            Failure("oom", "OOM:", when=lambda o: o.oom, text=too_much),
            Failure("spill", "Spill:", when=lambda o: bool(o.spilled), text=spilled, severity="warn"),
        )

    def plots(self, outcome: BackboneOutcome) -> dict[str, Any]:
        return {
            "stages": self._waterfall(outcome),
            "cliff": self._cliff(outcome),
            "sweep": self._sweep(outcome),
            "ledger": self._ledger(outcome),
        }

    def _waterfall(self, outcome: BackboneOutcome) -> Any:
        mobile = self.context == "mobile"
        target = TARGET_MOBILE.value if mobile else 1 / TARGET_CLOUD.value
        unit, scale = time_unit(outcome.time_per_image_s)
        total = {name: sum(term[name] for term in outcome.terms) for name in CLOCKS}
        bars = [Bar(f"stage {k + 1}", term) for k, term in enumerate(outcome.terms)]
        start = self.case(self.context).time_per_image_s
        return latency_waterfall(
            [*bars, Bar("total", total)],
            title="Time per image, by the clock that each stage waits for",
            unit=unit,
            scale=scale,
            limits=[Limit(target * scale, f"budget {number(target * scale)} {unit}", "met-ink")],
            row=40,
            caption=(
                f"{number(outcome.time_per_image_s * scale, 4)} {unit} per image, "
                f"{percent(outcome.largest_share, 0)} of it a wait for {CLOCK_WORDS[outcome.largest]}. At the start: "
                f"{number(start * scale, 4)} {unit}."
            ),
        )

    def _cliff(self, outcome: BackboneOutcome) -> Any:
        setup = SETUPS[self.context]
        stages = outcome.stages
        factor = self.predicted()
        claim = None
        if factor is not None and self.context == "mobile":
            (set1, time1), (set2, _) = self.asked(1), self.asked(2)
            claim = Claim((set1, set1 / time1), (set2, set2 / (factor * time1)), "your\nprediction")
        low, high = setup.onchip_bytes / 2e4, setup.onchip_bytes * 2e6
        # Fine where the planned buffer bends, coarse where it has come down.
        bend = 30 * setup.onchip_bytes
        grid = np.concatenate([np.geomspace(setup.onchip_bytes, bend, 60), np.geomspace(bend, high, 20)[1:]])
        curves = [
            (
                "cache",
                np.array([low, setup.onchip_bytes, setup.onchip_bytes, high]),
                np.array([setup.onchip_bandwidth] * 2 + [setup.device.mem_bandwidth] * 2),
            ),
            (
                "planned",
                np.concatenate([[low], grid]),
                np.concatenate([[setup.onchip_bandwidth], bandwidth(setup, grid, "planned")]),
            ),
        ]
        on_chip = STAGES - len(outcome.spilled)
        return bandwidth_cliff(
            stages.working_set[0],
            bandwidth(setup, stages.working_set[0], self.placement),
            curves=curves,
            chosen="planned" if self.placement == "planned" else "cache",
            capacity_bytes=setup.onchip_bytes,
            fast=Tier("on chip", setup.onchip_bandwidth),
            slow=Tier("main memory", setup.device.mem_bandwidth),
            claim=claim,
            title="Where the stages stand on the memory cliff",
            caption=(
                f"The dots are the six stages. {on_chip} of {STAGES} work entirely on chip; the largest working set "
                f"is {number(float(stages.working_set.max()) / MB)} MB against {setup.onchip_bytes / MB:.3g} MB."
                + (" Rings: stage 2 of the question, and where your answer puts it." if claim else "")
            ),
        )

    def _sweep(self, outcome: BackboneOutcome) -> Any:
        mobile = self.context == "mobile"
        rate = 1 / TARGET_MOBILE.value if mobile else TARGET_CLOUD.value
        fitting = outcome.sweep_batch[outcome.sweep_memory <= outcome.capacity_bytes * (1 + 1e-9)]
        best = float(outcome.sweep_images_s.max())
        most = (
            f"The largest batch offered that fits is {fitting.max():,.0f}."
            if len(fitting)
            else "Not even one image fits."
        )
        return batch_sweep(
            outcome.sweep_batch,
            [
                Panel(
                    "images/s",
                    outcome.sweep_images_s,
                    outcome.images_per_s,
                    Limit(rate, f"target {rate:,.0f}", "met"),
                    at_least=True,
                ),
                Panel(
                    "memory (GB)",
                    outcome.sweep_memory / GB,
                    outcome.memory_bytes / GB,
                    Limit(outcome.capacity_bytes / GB, f"{outcome.capacity_bytes / GB:g} GB", "violation"),
                ),
            ],
            here=self.batch,
            title="What the batch does",
            caption=f"Whatever the batch, at most {number(best, 4)} images/s in this setting. {most}",
        )

    def _ledger(self, outcome: BackboneOutcome) -> Any:
        device = SETUPS[self.context].name
        names = {phase: phase for phase in outcome.parts}
        names[outcome.phase] += "\n(yours)"
        if outcome.phase == "inference":
            names["training"] += f"\n(in {PRECISIONS[max(self.bytes_per_value, 2)]})"
        totals = {phase: sum(parts.values()) for phase, parts in outcome.parts.items()}
        return memory_ledger(
            [MemoryBar(names[phase], parts) for phase, parts in outcome.parts.items()],
            title="What fills the device memory",
            capacities=[Limit(outcome.capacity_bytes, device)],
            caption=(
                f"Your design holds {number(outcome.memory_bytes / GB)} GB, {percent(outcome.activation_share)} of it "
                f"activations. Training holds {totals['training'] / totals['inference']:.2g} times what inference "
                "does, optimizer not counted."
            ),
        )

    def metrics(self, outcome: BackboneOutcome) -> list[Metric]:
        mobile = self.context == "mobile"
        in_time = (
            at_most(outcome.time_per_image_s, TARGET_MOBILE.value)
            if mobile
            else at_least(outcome.images_per_s, TARGET_CLOUD.value)
        )
        status: Status = held(in_time)
        start = self.case(self.context).time_per_image_s
        on_chip = STAGES - len(outcome.spilled)
        return [
            Metric(
                "Time per image",
                number(outcome.time_per_image_s * 1e3, 4),
                "ms",
                note=compared(outcome.time_per_image_s, start),
                status=status if mobile else "neutral",
            ),
            Metric("Throughput", number(outcome.images_per_s, 4), "images/s", status="neutral" if mobile else status),
            Metric(
                "Memory",
                number(outcome.memory_bytes / GB),
                "GB",
                note=f"of {outcome.capacity_bytes / GB:g} GB",
                status=held(not outcome.oom),
            ),
            Metric(
                "Waits for",
                CLOCK_NAMES.get(outcome.largest, outcome.largest),
                note=f"{percent(outcome.largest_share, 0)} of the time",
            ),
            Metric("On chip", f"{on_chip} of {STAGES}", "stages"),
        ]

    def tables(self, outcome: BackboneOutcome) -> list[Table]:
        return [self._levers(outcome), self._bytes_table(outcome), self._clock_table(outcome)]

    def _levers(self, outcome: BackboneOutcome) -> Table:
        rows = []
        for lever, (name, on, off) in LEVERS.items():
            used = getattr(self, name) == on
            delta = outcome.levers[lever]
            if delta is None:
                rows.append((LEVER_NAMES[lever], "off", "not a training format"))
                continue
            word = f"back to {self.specs[name].text(off)}" if used else "switch it on"
            rows.append((LEVER_NAMES[lever], "on" if used else "off", f"{word}: {signed(delta)}"))
        default = self.specs["batch"].default
        same = self.batch == default
        rows.append(
            (
                "batch",
                plain(self.batch),
                "as at the start" if same else f"back to {plain(default)}: {signed(outcome.batch_delta_s)}",
            )
        )
        return Table("Levers: what one move alone changes, per image", ("lever", "now", "effect"), tuple(rows))

    def _bytes_table(self, outcome: BackboneOutcome) -> Table:
        rows = []
        for k, resident in enumerate(outcome.stages.resident[0]):
            partly = f"{percent(resident, 0)} on chip"
            rows.append(
                (
                    str(k + 1),
                    f"{self.resolution_px // 2**k} px × {self.channels * 2**k}",
                    number(outcome.values[k + 1] / 1e6),
                    number(outcome.weights[k] / 1e6),
                    number(outcome.stages.working_set[0][k] / MB),
                    {1.0: "✓ on chip", 0.0: "✕ main memory"}.get(float(resident), partly),
                )
            )
        columns = ("stage", "side × channels", "values (M)", "weights (M)", "working set (MB)", "tier")
        return Table("Memory ledger: values per image, working set of the batch", columns, tuple(rows))

    def _clock_table(self, outcome: BackboneOutcome) -> Table:
        stages, rows = outcome.stages, []
        for k, terms in enumerate(outcome.terms):
            separate = number(max(stages.pass_memory[0][k], stages.lane[0][k]) * US)
            rows.append(
                (
                    str(k + 1),
                    *(number(clock[0][k] * US) for clock in (stages.matrix, stages.memory, stages.lane)),
                    "fused" if self.fused else separate,
                    ", ".join(name for name, value in terms.items() if value > 0),
                )
            )
        columns = ("stage", "matrix", "memory", "lanes", "pass", "waits for")
        return Table("Clocks of one forward pass of the whole batch (µs)", columns, tuple(rows))

    def reflection(self) -> Question:
        first = 1 - self.case("mobile", activation="relu").time_per_image_s / self.case("mobile").time_per_image_s
        solved = PHONE_SOLUTION
        slow, fast = self.case("mobile", **{**solved, "activation": "sigmoid"}), self.case("mobile", **solved)
        last = 1 - fast.time_per_image_s / slow.time_per_image_s
        lane, memory = slow.stages.lane[0][0] * US, slow.stages.memory[0][0] * US
        return Question(
            f"In the phone design the swap to ReLU saved {percent(first)} at the start and {percent(last, 0)} at the "
            "end. Why?",
            (
                Option("A", "ReLU itself runs faster in INT8", "Lane cycles per value did not change."),
                Option(
                    "B",
                    "After fusing, halving the bytes and planning the buffer, lane work became the slowest clock of "
                    "the largest stage",
                    correct=True,
                    feedback=(
                        f"In stage 1 the sigmoid's lanes need {lane:.0f} µs against {memory:.0f} µs for the memory; "
                        f"the swap saves exactly this difference, {lane - memory:.0f} µs. Remove the large term and "
                        "the small one surfaces."
                    ),
                ),
                Option(
                    "C",
                    "Only ReLU can be fused",
                    f"The fused sigmoid design ran at {slow.time_per_image_s * 1e3:.3f} ms.",
                ),
                Option("D", "The measurement is noisy", "Nothing was measured: the model is deterministic."),
            ),
        )

    def peek(self) -> Peek:
        setup = SETUPS["mobile"]
        return Peek(
            (
                "layer_time",
                "tiered_transfer_time",
                "resident_fraction",
                "pyramid_values",
                "pyramid_macs",
                "cnn_inference_memory",
                "cnn_training_memory",
            ),
            "The clocks of stage $i$: $t_x = 2 B\\,\\mathrm{MAC}_i / R(b)$ with the matrix rate for $b$ bytes; $t_d$ "
            "is the weights from main memory plus the tiered transfer of $W_i = B b (n_{i-1} + n_i)$; $t_l = B n_i c / "
            "R$ on the lanes; $t_p$ moves $2 B b n_i$. The depth of the cliff is $\\mathrm{BW}_f/\\mathrm{BW}_s$ = "
            f"{setup.onchip_bandwidth / setup.device.mem_bandwidth:g}. Training multiplies the time by "
            f"{TRAIN_FACTOR.value:g}.",
        )


def bandwidth(setup: Setup, working_set: npt.NDArray[np.float64], placement: str) -> npt.NDArray[np.float64]:
    """Bandwidth that working sets get (B/s)."""
    rates: npt.NDArray[np.float64] = working_set / physics.tiered_transfer_time(
        working_set, working_set, **setup.tiers(), placement=placement
    )
    return rates


def signed(seconds: float) -> str:
    """A change of a time in ms or µs, with its sign."""
    if abs(seconds) < 5e-10:
        return "no change"
    size = f"{abs(seconds) * 1e3:.3f} ms" if abs(seconds) >= 1e-4 else f"{number(abs(seconds) * US)} µs"
    return f"{'+' if seconds > 0 else '−'}{size}"


#: The four levers together: the one design of the offered ones that solves the phone's challenge.
PHONE_SOLUTION: dict[str, Any] = {name: on for name, on, _ in LEVERS.values()}


class ActivationCostLab(Lab):
    """Activation cost and the memory hierarchy."""

    volume, number, slug = 1, 5, "lab_05_nn_compute"
    title = "The Transistor Tax and the Memory Cliff"
    question = "When does a function that needs fifty times the silicon cost any time at all?"
    chapter = "Neural Computation"
    invariant = (
        "A layer's time is set by the slowest of three clocks (arithmetic lanes, matrix engine, memory tier), and the "
        "tier in which the activations live decides whether the transistor tax is visible at all."
    )
    contexts = (CLOUD, MOBILE)
    acts = (ActivationPass, Spill)
    briefing = (
        "A sigmoid unit costs fifty times the silicon of a ReLU unit. Does it cost fifty times the time? That depends "
        "on where its values live. In Act I you find the place in which the tax is invisible, and the place in which "
        "it is not. In Act II a whole backbone falls off the edge of the on-chip memory, and you decide which lever "
        "brings it back. Fix the memory hierarchy first; only then does the choice of the activation function show."
    )
    reading = (
        Reading("Nonlinear activation functions (Sigmoid, Tanh, ReLU)", "definitions, peak slopes, cycle counts"),
        Reading("The transistor tax: logic unit cost", "50 against 2,500 transistors, and why hardware prefers ReLU"),
        Reading(
            "Model size and computational complexity (Memory: training vs. inference; Quick Estimation for ML "
            "Engineers)",
            "activation bytes, and the rule for the largest batch",
        ),
        Reading(
            "Gradient computation and backpropagation; Computational implementation details",
            "why training keeps every activation; forward N, backward about 2N operations",
        ),
        Reading("Box: The Depth vs. Width Trade-off", "prepares Lab 06"),
    )
    assumptions = (
        "- Idealised peaks and perfect overlap within a kernel: times are lower bounds. No thermal limit, one device.\n"
        "- A stand-alone activation pass reads each value once and writes it once.\n"
        "- An unmanaged cache under cyclic reuse keeps everything or nothing; real replacement policies lie between "
        "that and the planned buffer.\n"
        "- Weights stream from main memory once per batch; biases are left out.\n"
        "- FP32 runs on the CUDA cores of the H100 and on the phone's GPU. INT8 is for inference only.\n"
        "- Training holds weights, gradients and every activation. Optimizer state is left to Lab 08.\n"
        "- The transistor counts are the chapter's stylised budget. The book rounds on-chip memory to 30 to 50 MB at "
        "15 to 20 TB/s; here stand the sums of vendor numbers. At 15 TB/s the cliff would be 4.5 times deep instead "
        "of 10, and no conclusion would change."
    )
    constants = (
        c.H100_MEM_BW,
        c.H100_MEM_CAPACITY,
        c.H100_FLOPS_FP32,
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_FLOPS_INT8_TENSOR,
        c.H100_FP32_CLOCK,
        c.H100_LANE_RATE,
        c.H100_ONCHIP_BYTES,
        c.H100_ONCHIP_BW,
        c.MOBILE_NPU_MEM_BW,
        c.MOBILE_MEM_CAPACITY,
        c.MOBILE_FP32,
        c.MOBILE_FP16,
        c.MOBILE_INT8,
        c.MOBILE_LANE_RATE,
        c.MOBILE_ONCHIP_BYTES,
        c.MOBILE_ONCHIP_BW,
        RELU_TRANSISTORS,
        SIGMOID_TRANSISTORS,
        RELU_CYCLES,
        SIGMOID_CYCLES,
        SIGMOID_SLOPE,
        UNIT_SLOPE,
        VANISHED,
        LAYER_VALUES,
        BURST,
        TRAIN_FACTOR,
        TARGET_MOBILE,
        TARGET_CLOUD,
        FRAME_RATE,
        NOW_RATE,
        GOAL_RATE,
        FRAMES,
        PERIOD,
        MOBILE_SIDE,
        MOBILE_CHANNELS,
        CLOUD_SIDE,
        CLOUD_CHANNELS,
        CLOUD_BATCH,
    )
    reads = (("ch02", "context"), ("ch02", "act1_correct"))
    decision_radio = Radio(
        "Which lever do you defend as decisive? The table of levers in Act II says what each one is worth.",
        {
            "fuse": "fuse the activation pass",
            "quantize": "store in INT8",
            "plan_buffer": "plan the on-chip buffer",
            "swap_activation": "swap the activation for ReLU",
            "shrink_batch": "shrink the batch",
        },
    )
    instructor_notes = (
        "- The typical error is to quote 50 times without a denominator. Ask: *50 times what: area, energy, cycles, "
        "or time?*\n- Let the class find the burst size at which the phone and the H100 leave the on-chip tier (FP16: "
        "the phone never fits one frame, the H100 up to 2) and argue which is easier to change in a product.\n- The "
        "chapter also quotes about 1 ns for a first-level cache hit against 100 ns for main memory. That is the "
        "latency of one dependent access; streaming sees the ratio of bandwidths. When does each apply?\n- With an "
        "8-bit lookup table a sigmoid costs about 2 cycles. What is left of the ReLU lever in the phone's final "
        "design?\n- Fused, lanes and matrix engine overlap here. What if they share issue slots?"
    )

    def open(self) -> None:
        origin = self.read("ch02", "context")
        if origin is not None:
            self.start_in("mobile" if origin == "edge" else "cloud", "Lab 02")

    def result(self) -> float:
        return self.act2.outcome.time_per_image_s

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "activation": act.activation,
            "fused": act.fused,
            "bytes_per_value": act.bytes_per_value,
            "placement": act.placement,
            "batch": act.batch,
            "memory_bytes": act.outcome.memory_bytes,
        }

    def solution(self, context: str) -> dict[str, Any]:
        return {"fused": True} if context == "cloud" else dict(PHONE_SOLUTION)

    def breaking(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"batch": 2048}
        return {"phase": "training", "bytes_per_value": 4, "batch": 64}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
