"""V1-02 The Iron Law and the Memory Wall.

Act I: one token of a language model on a faster card, where the time is a wait for bytes. Act II: a safety loop
that is too slow in a distant data centre because of light, and at the edge because of arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from components.controls import choice, slider, stops
from components.instruments.memory_wall import memory_wall_years
from components.instruments.reach import reach_map
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric
from components.quantity import counted, number, percent
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
    Reading,
    Table,
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.hardware import Device, Hardware
from mlsysim.core.models import Models

CLOUD = Context("cloud", "Cloud", "cloud", "A100 to H100; then a data centre far away.")
EDGE = Context("edge", "Edge", "edge", "Orin Nano to Orin NX; then a 25 W box in the cabinet.")

H100, A100 = Hardware.Cloud.H100, Hardware.Cloud.A100
ORIN_NX, ORIN_NANO = Hardware.Edge.JetsonOrinNX, Hardware.Edge.JetsonOrinNano
#: The upgrade of each context: old and new device.
UPGRADES = {"cloud": (A100, H100), "edge": (ORIN_NANO, ORIN_NX)}
GPUS = {"A100": A100, "H100": H100}

FLOP_PER_WEIGHT = c.FLOP_PER_WEIGHT
COMPUTE_GROWTH = scenario(
    "compute_growth", 1.6, "1", "growth of arithmetic per year", "ML Systems, memory-wall equation", "chapter"
)
BANDWIDTH_GROWTH = scenario(
    "bandwidth_growth", 1.2, "1", "growth of memory bandwidth per year", "ML Systems, memory-wall equation", "chapter"
)
CNN_EFFICIENCY = scenario(
    "cnn_efficiency",
    0.5,
    "1",
    "share of the dense peak that convolutions reach at batch 8",
    "mid-range of the chapter's 0.1 to 0.8",
)
FRAME = c.IMAGE_UINT8
STACK = scenario(
    "stack_s",
    1e-3,
    "s",
    "network stacks, switches and copies at both ends",
    "low end of the chapter's 1 to 5 ms inside a region",
)
LAUNCH = c.DECODE_OVERHEAD
FIBRE = scenario("fibre_speed_m_s", 2e8, "m/s", "light in glass, c/1.47", "ML Systems, light barrier", "chapter")
DEADLINE = scenario(
    "deadline_s", 10e-3, "s", "hard limit of the safety loop", "ML Systems: control below 10 ms", "chapter"
)
TARGET = scenario("target_s", 8e-3, "s", "deadline with a certification margin of 20 %", "the lab's scenario")
CAMERAS = scenario("cameras", 8, "1", "cameras of one robot cell", "the lab's scenario")
TOP1_FLOOR = scenario("top1_floor", 75.5, "percent", "least top-1 accuracy that is certified", "the lab's scenario")
TOP1_INT8 = scenario(
    "top1_int8",
    75.92,
    "percent",
    "ResNet-50 v1, post-training quantised",
    "torchvision model documentation",
    "datasheet",
)
TOP1 = {"fp16": c.RESNET50_TOP1.value, "int8": TOP1_INT8.value}
BYTES = {"fp16": 2, "int8": 1}
FASTEST_LINK = 12.5e9

YEARS = np.linspace(0, 10, 41)
DISTANCES_KM = np.linspace(0, 4000, 81)


@dataclass(frozen=True)
class TokenOutcome:
    """One token on the old and on the new device (s), its terms, and what a stream would take."""

    old_s: float
    new_s: float
    speedup: float
    old_terms: dict[str, float]
    new_terms: dict[str, float]
    old_overlapped_s: float
    new_overlapped_s: float
    intensity: float
    data_bytes: float
    ops_flop: float
    year_terms: dict[str, Any]


class TokenUpgrade(Act):
    """Act I: what 3.2 times the arithmetic does for a token."""

    title = "The invoice says 3.2 times"
    minutes = 14

    batch = stops(
        "Batch",
        (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        1,
        unit="sequences",
        reason="token batch of a server; 512 is past every ridge point here",
    )
    precision = choice(
        "Weights", {"fp16": "FP16", "int8": "INT8"}, "fp16", reason="1 or 2 bytes a weight; the arithmetic rate stays"
    )
    flop_multiplier = choice(
        "Next chip: arithmetic", {1: "1×", 2: "2×", 4: "4×"}, 1, reason="an imaginary successor of the new device"
    )
    bandwidth_multiplier = choice(
        "Next chip: bandwidth", {1: "1×", 2: "2×", 4: "4×"}, 1, reason="an imaginary memory for the new device"
    )
    overhead_s = slider(
        "Overhead",
        0,
        1e-3,
        0.05e-3,
        LAUNCH.value,
        unit="ms",
        scale=1e3,
        reason="0 is a perfect runtime, 1 ms an eager framework",
    )
    form = choice(
        "Form of the law",
        {"sum": "sum: one task", "overlapped": "max: a stream"},
        "sum",
        reason="one task waits for each term; a stream with double buffering hides the shorter transfer",
    )
    years = slider(
        "Years from now", 0, 10, 1, 0, unit="years", reason="ten years of extrapolation are already too many"
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        batch: float,
        precision: str,
        overhead_s: float,
        flop_multiplier: float = 1,
        bandwidth_multiplier: float = 1,
        form: str = "sum",
        years: float = 0,
    ) -> TokenOutcome:
        old, new = UPGRADES[context]
        params = Models.Language.GPT2XL.params
        data, ops = params * BYTES[precision], FLOP_PER_WEIGHT.value * params * batch
        terms, overlapped = [], []
        for device, arithmetic, memory in ((old, 1, 1), (new, flop_multiplier, bandwidth_multiplier)):
            bandwidth, rate = device.mem_bandwidth * memory, peak_fp16(device) * arithmetic
            terms.append(
                {"data": physics.transfer_time(data, bandwidth, 0.0), "compute": ops / rate, "overhead": overhead_s}
            )
            overlapped.append(physics.iron_law_latency_overlapped(data, bandwidth, ops, rate, overhead_s))
        sums = [
            physics.iron_law_latency(
                data, device.mem_bandwidth * memory, ops, peak_fp16(device) * arithmetic, overhead_s
            )
            for device, arithmetic, memory in ((old, 1, 1), (new, flop_multiplier, bandwidth_multiplier))
        ]
        shown = sums if form == "sum" else overlapped
        growth = {"data": BANDWIDTH_GROWTH.value, "compute": COMPUTE_GROWTH.value, "overhead": 1.0}
        return TokenOutcome(
            old_s=shown[0],
            new_s=shown[1],
            speedup=shown[0] / shown[1],
            old_terms=terms[0],
            new_terms=terms[1],
            old_overlapped_s=overlapped[0],
            new_overlapped_s=overlapped[1],
            intensity=physics.arithmetic_intensity(ops, data),
            data_bytes=data,
            ops_flop=ops,
            year_terms={name: terms[1][name] / growth[name] ** YEARS for name in growth},
        )

    @classmethod
    def asked(cls) -> TokenOutcome:
        """The case of the question: Cloud, FP16, batch 1, as it is today."""
        return cls.compute("cloud", batch=1, precision="fp16", overhead_s=LAUNCH.value)

    def message(self) -> Message:
        asked = self.asked()
        return Message(
            "CTO, a text-generation API company",
            "We moved interactive generation from A100 to H100. The invoice says "
            f"{peak_fp16(H100) / peak_fp16(A100):.1f} times the tensor arithmetic. We generate one token at a time "
            f"with a 1.5-billion-parameter FP16 model, batch 1, and a token took **{asked.old_s * 1e3:.2f} ms** "
            "before. The board sees the new number in an hour, and I have told them to expect half a millisecond. "
            "Will they get it?",
        )

    def from_ledger(self) -> str:
        axis = self.lab.read("ch01", "binding_axis")
        term = {
            "data": "the data term D/BW",
            "algorithm": "the compute term O/R",
            "machine": "the capacity of the machine, which is a limit and not a time",
        }.get(axis)
        return f"In Lab 01 your binding axis was **{axis}**: in the iron law that is {term}." if term else ""

    def concept(self) -> str:
        return (
            "The **iron law** adds three terms, each owned by another resource: $T = D/BW + O/R + L$. The *data* term "
            "moves $D$ bytes at the memory's bandwidth, the *compute* term does $O$ operations at the arithmetic "
            "rate, the *overhead* $L$ is paid whatever the size. A language model that generates one token reads all "
            "of its weights once and does two operations with each; operations per byte are its *arithmetic "
            "intensity*.\n\n| data sheet | A100 | H100 |\n|---|---|---|\n| dense FP16 arithmetic | "
            f"{peak_fp16(A100) / 1e12:.0f} TFLOP/s | {peak_fp16(H100) / 1e12:.0f} TFLOP/s |\n| memory bandwidth | "
            f"{A100.mem_bandwidth / 1e9:,.0f} GB/s | {H100.mem_bandwidth / 1e9:,.0f} GB/s |"
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        compute_share = asked.old_terms["compute"] / asked.old_s
        data_share = asked.old_terms["data"] / asked.old_s
        bandwidth_ratio = H100.mem_bandwidth / A100.mem_bandwidth
        int8 = self.compute("cloud", batch=1, precision="int8", overhead_s=LAUNCH.value)
        return ChoicePrediction(
            "How much faster is one token on the H100? Take the nearest.",
            (
                Option(
                    "A",
                    "3.2 times",
                    value=3.17,
                    saved=3.17,
                    feedback=(
                        f"Arithmetic was {percent(compute_share)} of the old token. Making {percent(compute_share)} "
                        f"infinitely fast saves {percent(compute_share)}."
                    ),
                ),
                Option(
                    "B",
                    "2.4 times",
                    value=2.41,
                    saved=2.41,
                    feedback=("Terms add; ratios do not average. Weigh each ratio by its share of the time."),
                ),
                Option(
                    "C",
                    "1.5 times",
                    value=1.53,
                    saved=1.53,
                    correct=True,
                    feedback=(
                        f"The data term shrinks {bandwidth_ratio:.2f} times, the overhead not at all: together "
                        f"{asked.speedup:.2f} times."
                    ),
                ),
                Option(
                    "D",
                    "1.0 times: no faster",
                    value=1.0,
                    saved=1.0,
                    feedback=(
                        "Memory-bound means that bandwidth is worth money. Halving the bytes with INT8 is worth "
                        "exactly as much as doubling "
                        f"the bandwidth: {asked.new_s / int8.new_s:.2f} times."
                    ),
                ),
            ),
            actual=asked.speedup,
            form=lambda ratio: f"{ratio:.2f} times",
            why=(
                f"The token goes from {asked.old_s * 1e3:.3f} to {asked.new_s * 1e3:.3f} ms: {percent(data_share, 0)} "
                f"of the old token was waiting for bytes, and bytes got {bandwidth_ratio:.2f} times faster."
            ),
        )

    def plots(self, outcome: TokenOutcome) -> dict[str, Any]:
        old, new = UPGRADES[self.context]
        form = self.form
        predicted = self.predicted()
        flags = []
        if predicted is not None and self.context == "cloud":
            flags.append(Limit(self.asked().old_s / predicted * 1e3, "your prediction", "series-2"))
        bars = [
            Bar(device.name, visible(terms, form))
            for device, terms in ((old, outcome.old_terms), (new, outcome.new_terms))
        ]
        largest = max(outcome.new_terms, key=lambda name: outcome.new_terms[name])
        crossing = np.log(outcome.new_terms["data"] / max(outcome.new_terms["overhead"], 1e-12)) / np.log(
            BANDWIDTH_GROWTH.value
        )
        future = f"Data falls to the overhead after {crossing:.1f} years. " if 0 < crossing < 10 else ""
        divergence = physics.memory_wall_divergence(self.years, COMPUTE_GROWTH.value, BANDWIDTH_GROWTH.value)
        return {
            "waterfall": latency_waterfall(
                bars,
                title="One token, term by term",
                limits=flags,
                caption=(
                    f"{new.name}: {outcome.new_s * 1e3:.3f} ms, of which {largest} is "
                    f"{percent(outcome.new_terms[largest] / sum(outcome.new_terms.values()))} of the sum. "
                    f"{old.name}: {outcome.old_s * 1e3:.3f} ms."
                ),
            ),
            "years": memory_wall_years(
                YEARS,
                outcome.year_terms,
                cursor=self.years,
                title=f"The same token on the successors of the {new.name}",
                caption=(
                    f"Extrapolation, not law: arithmetic grows {COMPUTE_GROWTH.value:g} times a year, bandwidth "
                    f"{BANDWIDTH_GROWTH.value:g} times. {future}After {counted(self.years, 'years')} the balance of "
                    f"the chip has moved {divergence:.2f} times."
                ),
            ),
        }

    def metrics(self, outcome: TokenOutcome) -> list[Metric]:
        old, new = UPGRADES[self.context]
        return [
            Metric(f"Token, {old.name}", number(outcome.old_s * 1e3, 4), "ms"),
            Metric(f"Token, {new.name}", number(outcome.new_s * 1e3, 4), "ms"),
            Metric("Speed-up", f"{outcome.speedup:.3f}", "times"),
            Metric("Intensity", number(outcome.intensity), "FLOP/B", note=f"ridge of {new.name}: {ridge(new):.0f}"),
        ]

    def tables(self, outcome: TokenOutcome) -> list[Table]:
        old, new = UPGRADES[self.context]
        rows = [
            ("D, bytes moved (GB)", *[number(outcome.data_bytes / 1e9)] * 2),
            (
                "BW (GB/s)",
                *[f"{d.mem_bandwidth * m / 1e9:,.0f}" for d, m in ((old, 1), (new, self.bandwidth_multiplier))],
            ),
            ("O, operations (GFLOP)", *[number(outcome.ops_flop / 1e9)] * 2),
            ("R (TFLOP/s)", *[f"{peak_fp16(d) * m / 1e12:,.0f}" for d, m in ((old, 1), (new, self.flop_multiplier))]),
            ("L, overhead (ms)", *[number(self.overhead_s * 1e3)] * 2),
            (
                "ridge point (FLOP/B)",
                f"{ridge(old):.1f}",
                f"{ridge(new, self.flop_multiplier, self.bandwidth_multiplier):.1f}",
            ),
            ("sum: one task (ms)", *[number(sum(t.values()) * 1e3, 5) for t in (outcome.old_terms, outcome.new_terms)]),
            ("max: a stream (ms)", *[number(t * 1e3, 5) for t in (outcome.old_overlapped_s, outcome.new_overlapped_s)]),
        ]
        return [
            Table("The terms of the iron law", ("", old.name, new.name), tuple(rows), 6 if self.form == "sum" else 7)
        ]

    def reflection(self) -> Question:
        asked = self.asked()
        doubled = self.compute("cloud", batch=1, precision="fp16", overhead_s=LAUNCH.value, flop_multiplier=2)
        gain = asked.new_s / doubled.new_s
        return Question(
            "The chip after the H100 doubles its arithmetic and keeps its memory. How much faster is the token (batch "
            "1, one task alone)?",
            (
                Option("A", "2.0 times", "That counts a term that is hardly there: twice nothing is nothing."),
                Option(
                    "B",
                    "1.5 times",
                    "That repeats the last upgrade's number without its reason: then, bandwidth grew too.",
                ),
                Option(
                    "C",
                    f"{gain:.4f} times",
                    correct=True,
                    feedback=(
                        f"{asked.new_s * 1e3:.4f} to {doubled.new_s * 1e3:.4f} ms, and exactly 1 in the overlapped "
                        "form."
                    ),
                ),
                Option(
                    "D",
                    "It gets slower, because the ratio of arithmetic to bandwidth gets worse",
                    ("Nothing gets slower; the new arithmetic merely idles."),
                ),
            ),
        )

    def peek(self) -> Peek:
        asked = self.asked()
        limit = asked.new_terms["data"] + asked.new_terms["overhead"]
        return Peek(
            (
                "iron_law_latency",
                "iron_law_latency_overlapped",
                "arithmetic_intensity",
                "ridge_point",
                "memory_wall_divergence",
            ),
            f"The speed-up is $T_{{old}}/T_{{new}}$. Here the intensity is {asked.intensity:g} FLOP/B against a ridge "
            f"of {ridge(H100):.0f}; with infinite arithmetic the token still takes {limit * 1e3:.4f} ms. The sum is "
            "for one task; a stream overlaps its transfers and takes the maximum.",
        )


def peak_fp16(device: Device) -> float:
    """Dense FP16 rate of a device of this lab (FLOP/s)."""
    assert device.peak_fp16 is not None
    return device.peak_fp16


def ridge(device: Device, arithmetic: float = 1, bandwidth: float = 1) -> float:
    """Ridge point of a device, or of a successor with multiples of its rates (FLOP/B)."""
    return physics.ridge_point(peak_fp16(device) * arithmetic, device.mem_bandwidth * bandwidth)


def visible(terms: dict[str, float], form: str) -> dict[str, float]:
    """The terms that a clock sees: all of them, or without the transfer that hides behind the longer one."""
    if form == "sum":
        return terms
    hidden = "compute" if terms["data"] >= terms["compute"] else "data"
    return {**terms, hidden: 0.0}


@dataclass(frozen=True)
class LoopOutcome:
    """One pass of the safety loop (s), term by term."""

    link_s: float
    stack_s: float
    data_s: float
    compute_s: float
    launch_s: float
    propagation_s: float
    total_s: float
    feasible: bool
    service_radius_m: float | None
    cameras: int
    top1: float
    reach_s: np.ndarray

    @property
    def terms(self) -> dict[str, float]:
        """The six terms in the order of the loop."""
        return {
            name: getattr(self, f"{name}_s") for name in ("link", "stack", "data", "compute", "launch", "propagation")
        }

    @property
    def largest(self) -> str:
        """Name of the largest term."""
        return max(self.terms, key=lambda name: self.terms[name])


class SafetyLoop(Act):
    """Act II: a loop of 8 ms, once from a data centre and once from a cabinet."""

    title = "A hand near the blade"
    minutes = 24

    distance_m = slider(
        "Distance to the data centre",
        0,
        4e6,
        10e3,
        1.5e6,
        unit="km",
        scale=1e-3,
        only_in=("cloud",),
        reason="the chapter's coast-to-coast is 3,600 km",
    )
    link_bytes_s = choice(
        "Leased line",
        {0.125e9: "1 Gb/s", 1.25e9: "10 Gb/s", FASTEST_LINK: "100 Gb/s"},
        1.25e9,
        only_in=("cloud",),
        reason="lines that can be leased",
    )
    gpu = choice("Accelerator", {"A100": "A100", "H100": "H100"}, "A100", only_in=("cloud",), reason="the two quotes")
    precision = choice(
        "Precision",
        {"fp16": "FP16", "int8": "INT8"},
        "fp16",
        reason=f"top-1 {TOP1['fp16']} and {TOP1['int8']} %; INT8 doubles the rate and halves every byte",
    )
    cameras = slider("Cameras", 1, 32, 1, 8, unit="cameras", reason="one camera to four cells")

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        cameras: int,
        precision: str,
        distance_m: float = 0.0,
        link_bytes_s: float = 0.0,
        gpu: str = "",
    ) -> LoopOutcome:
        model, remote = Models.Vision.ResNet50, context == "cloud"
        device = GPUS[gpu] if remote else ORIN_NX
        assert model.activations_per_item is not None
        assert model.flops_per_item is not None
        width = BYTES[precision]
        moved = physics.cnn_bytes_moved(model.params * width, 2 * model.activations_per_item * width, cameras)
        # One rule for all devices of this lab: INT8 runs at twice the FP16 rate, activations included.
        rate = CNN_EFFICIENCY.value * peak_fp16(device) * (2 if precision == "int8" else 1)
        terms = {
            "link": physics.transfer_time(cameras * FRAME.value, link_bytes_s, 0.0) if remote else 0.0,
            "stack": STACK.value if remote else 0.0,
            "data": moved / device.mem_bandwidth,
            "compute": cameras * model.flops_per_item / rate,
            "launch": LAUNCH.value,
        }
        local = sum(terms.values())
        light = physics.propagation_rtt(distance_m, FIBRE.value) if remote else 0.0
        total = local + light
        reach = physics.propagation_rtt(DISTANCES_KM * 1e3, FIBRE.value) if remote else np.zeros_like(DISTANCES_KM)
        return LoopOutcome(
            **{f"{name}_s": value for name, value in terms.items()},
            propagation_s=light,
            total_s=total,
            feasible=bool(
                at_most(total, TARGET.value)
                and at_least(cameras, CAMERAS.value)
                and at_least(TOP1[precision], TOP1_FLOOR.value)
            ),
            service_radius_m=physics.max_service_radius(TARGET.value, local, FIBRE.value) if remote else None,
            cameras=int(cameras),
            top1=TOP1[precision],
            reach_s=local + reach,
        )

    @classmethod
    def asked(cls, deadline_s: float = DEADLINE.value) -> float:
        """The answer to the question: reach of an H100, FP16, 8 cameras, 10 Gb/s (km)."""
        outcome = cls.compute("cloud", cameras=8, precision="fp16", distance_m=0.0, link_bytes_s=1.25e9, gpu="H100")
        return physics.max_service_radius(deadline_s, outcome.total_s, FIBRE.value) / 1e3

    @classmethod
    def default_total(cls) -> float:
        """What the plant measures today (s)."""
        return cls.evaluate("cloud")["total_s"]

    def message(self) -> Message:
        return Message(
            "Head of Machine Safety, a robotics manufacturer",
            f"Eight cameras watch each cell; a hand near the blade must stop it within {DEADLINE.value * 1e3:g} ms, "
            "and the certifier wants "
            f"20 % margin, so **{TARGET.value * 1e3:g} ms**. Vision runs in our own data centre 1,500 km away on a "
            "private 10 Gb/s line, on an "
            f"A100: we measure {self.default_total() * 1e3:.1f} ms. Purchasing offers H100s. The plant manager wants a "
            f"{c.ORIN_NX_TDP.value:g} W box in the cabinet instead. Both quotes expire tonight.",
        )

    def concept(self) -> str:
        return (
            "The overhead $L$ has parts of its own: the *launch* of the network, the network *stacks*, and the "
            "*propagation* of light. Light "
            f"in fibre covers {FIBRE.value / 1e6:,.0f} km in a millisecond. The *link* term is the cameras' frames, "
            f"{FRAME.value:,.0f} bytes "
            "each, over the line's rate."
        )

    def prediction(self) -> NumberPrediction:
        def feedback(km: float) -> str:
            if self.prediction().correct(km):
                return "You counted there and back, and left time for the work at the far end."
            if km == 0:
                return (
                    "A data centre is not too far by nature: after its own work there are milliseconds left for light."
                )
            if km > 1.8 * self.asked():
                return (
                    "Light has to come back, too: a millisecond of round trip is 100 km of distance, not 200, and "
                    "in glass, not vacuum."
                )
            if km > self.asked():
                return (
                    "That spends the whole deadline on light. The network stacks, the line and the card take their "
                    "share first."
                )
            return "You left more time for the work than it takes; the rest is distance given away."

        outcome = self.compute("cloud", cameras=8, precision="fp16", distance_m=0.0, link_bytes_s=1.25e9, gpu="H100")
        left = DEADLINE.value - outcome.total_s
        return NumberPrediction(
            "H100, FP16, 8 cameras, 10 Gb/s: how far away may the data centre be and still close the 10 ms loop?",
            low=0,
            high=4000,
            step=10,
            unit="km",
            actual=self.asked(),
            tolerance=100,
            absolute=True,
            feedback=feedback,
            digits=".0f",
            why=(
                f"{DEADLINE.value * 1e3:g} ms minus {outcome.total_s * 1e3:.3f} ms of work leaves {left * 1e3:.3f} ms "
                "of light, at 100 km per "
                "millisecond of round trip."
            ),
        )

    def challenge(self) -> str:
        return (
            f"Close the loop within **{TARGET.value * 1e3:g} ms** with at least {CAMERAS.value:g} cameras and a top-1 "
            f"of {TOP1_FLOOR.value:g} %, **once in each context**. Then stretch it: in Cloud the largest distance "
            "with 8 cameras, at the edge the largest number of cameras."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(f"Loop ≤ {TARGET.value * 1e3:g} ms", lambda o: at_most(o.total_s, TARGET.value)),
            Constraint(f"{CAMERAS.value:g} cameras or more", lambda o: at_least(o.cameras, CAMERAS.value)),
            Constraint(f"Top-1 ≥ {TOP1_FLOOR.value:g} %", lambda o: at_least(o.top1, TOP1_FLOOR.value)),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure(
                "light_barrier",
                "LIGHT BARRIER:",
                when=lambda o: not at_most(o.propagation_s, DEADLINE.value),
                text=lambda o: (
                    f"the round trip over {self.distance_m / 1e3:,.0f} km takes {o.propagation_s * 1e3:.1f} ms, the "
                    f"loop has {DEADLINE.value * 1e3:g}. No processor changes this."
                ),
            ),
            Failure(
                "deadline_missed",
                "DEADLINE MISSED:",
                when=lambda o: not at_most(o.total_s, TARGET.value),
                text=lambda o: (
                    f"{o.total_s * 1e3:.2f} ms, limit {TARGET.value * 1e3:g}. Largest term: {o.largest} with "
                    f"{percent(o.terms[o.largest] / o.total_s, 0)}."
                ),
            ),
        )

    def plots(self, outcome: LoopOutcome) -> dict[str, Any]:
        cloud = self.context == "cloud"
        design = f"{self.gpu}, {self.distance_m / 1e3:,.0f} km" if cloud else ORIN_NX.name
        start = self.at_defaults()
        radius = None if outcome.service_radius_m is None else outcome.service_radius_m / 1e3
        caption = (
            f"Farthest feasible distance {radius:,.0f} km for the {TARGET.value * 1e3:g} ms target."
            if radius
            else "No distance is feasible: the work alone takes too long."
            if cloud
            else "At the edge, distance plays no part."
        )
        return {
            "waterfall": latency_waterfall(
                [Bar(design, outcome.terms), Bar("at the start", start.terms)],
                title="One pass of the loop",
                limits=[Limit(TARGET.value * 1e3, "target", "met-ink"), Limit(DEADLINE.value * 1e3, "limit")],
                caption=(
                    f"{outcome.total_s * 1e3:.3f} ms; the largest term is {outcome.largest} with "
                    f"{outcome.terms[outcome.largest] * 1e3:.3f} ms."
                ),
            ),
            "reach": reach_map(
                DISTANCES_KM,
                outcome.reach_s,
                target_s=TARGET.value,
                deadline_s=DEADLINE.value,
                here_km=self.distance_m / 1e3 if cloud else None,
                here_s=outcome.total_s,
                radius_km=radius or None,
                predicted_km=self.predicted() if cloud else None,
                title="How far away may it be?",
                caption=caption,
            ),
        }

    def metrics(self, outcome: LoopOutcome) -> list[Metric]:
        in_time = at_most(outcome.total_s, TARGET.value)
        radius = outcome.service_radius_m
        return [
            Metric("Loop", f"{outcome.total_s * 1e3:.3f}", "ms", status="met" if in_time else "violated"),
            Metric(
                "Margin to target",
                f"{(TARGET.value - outcome.total_s) * 1e3:+.3f}",
                "ms",
                status="met" if in_time else "violated",
            ),
            Metric("Largest term", outcome.largest, note=f"{outcome.terms[outcome.largest] * 1e3:.3f} ms"),
            Metric("Service radius", "–" if radius is None else f"{radius / 1e3:,.0f}", "" if radius is None else "km"),
            Metric(
                "Top-1",
                f"{outcome.top1:.2f}",
                "%",
                status="met" if at_least(outcome.top1, TOP1_FLOOR.value) else "violated",
            ),
        ]

    def reflection(self) -> Question:
        edge = self.compute("edge", cameras=8, precision="int8")
        cloud = self.compute("cloud", cameras=8, precision="fp16", distance_m=1.5e6, link_bytes_s=1.25e9, gpu="H100")
        edge_left, cloud_left = (o.total_s - o.data_s - o.compute_s for o in (edge, cloud))
        edge_work, cloud_work = ((o.data_s + o.compute_s) for o in (edge, cloud))
        return Question(
            "Give both processors infinite arithmetic and infinite memory bandwidth (8 cameras; Edge INT8, Cloud H100 "
            "FP16 at 1,500 km over 10 Gb/s). What changes?",
            (
                Option("A", "Both loops fall below 8 ms", f"1,500 km still need {cloud_left * 1e3:.2f} ms."),
                Option(
                    "B",
                    f"The edge loop drops from {edge.total_s * 1e3:.1f} to {edge_left * 1e3:.1f} ms, the cloud loop "
                    f"from {cloud.total_s * 1e3:.1f} to {cloud_left * 1e3:.1f} ms",
                    correct=True,
                    feedback=(
                        f"Data and compute vanish, {edge_work * 1e3:.3f} ms at the edge and {cloud_work * 1e3:.3f} ms "
                        "in the cloud; launch, line, stacks and light stay."
                    ),
                ),
                Option(
                    "C",
                    "The cloud loop gains more milliseconds, because its chip is larger",
                    (
                        f"Arithmetic and data are {percent(cloud_work / cloud.total_s)} of the cloud loop: "
                        f"{cloud_work * 1e3:.2f} ms against "
                        f"{edge_work * 1e3:.1f} ms at the edge."
                    ),
                ),
                Option(
                    "D",
                    "Nothing changes in either: sensors and networks set the time",
                    (f"The edge loop is {percent(edge_work / edge.total_s, 0)} processor."),
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("iron_law_latency", "propagation_rtt", "max_service_radius", "transfer_time", "cnn_bytes_moved"),
            "In Cloud the loop is $T = nF/B_{link} + t_{stack} + D/BW + O/(\\eta R) + L + 2d/v$; at the edge the first "
            "two terms and the last "
            f"are gone. $v$ is {FIBRE.value / 1e6:,.0f} km/ms along a straight line; real routes are 1.3 to 2 times as "
            "long.",
        )


class IronLawLab(Lab):
    """The iron law, and which of its terms is worth money."""

    volume, number, slug = 1, 2, "lab_02_ml_systems"
    title = "The Iron Law and the Memory Wall"
    question = "Which of the three terms is your latency made of, and who owns it?"
    chapter = "ML Systems"
    invariant = (
        "Latency is a sum of three terms owned by three different resources; only the largest one is worth money."
    )
    contexts = (CLOUD, EDGE)
    acts = (TokenUpgrade, SafetyLoop)
    briefing = (
        "Latency does not follow TFLOPS. A chip that is three times stronger may be half as much faster again, or not "
        "faster at all, depending on which of three terms the time is made of. In Act I the largest term is the wait "
        "for memory; in Act II it is light in the cloud, arithmetic at the edge."
    )
    reading = (
        Reading("ML Systems, Physical Constraints: Why Paradigms Exist", "light barrier, power wall, memory wall"),
        Reading(
            "ML Systems, Analyzing Workloads, and The bottleneck principle",
            "the sum form for one task, the max form for a stream",
        ),
        Reading("ML Systems, System Balance and Hardware", "which term dominates in which paradigm"),
    )
    assumptions = (
        "- One task, executed once: the terms add. A stream with double buffering takes the longer transfer instead.\n"
        "- Decoding reads every weight once per token and does two operations with it; the cache of keys and values "
        "is left out.\n- Overhead is the same on every device, so that the comparison is about chips.\n- ResNet-50 "
        "writes and reads each activation once; weights are read once per batch.\n- Distance is a straight line in "
        "fibre. The line is private: public calls add 60 to 150 ms of software.\n- Orin NX: the dense FP16 rate is a "
        "quarter of the printed sparse INT8 figure and includes the accelerators; the GPU alone is slower, and INT8 "
        f"still passes with it.\n- The H100's {c.H100_FLOPS_FP16_TENSOR_SPARSE.value / 1e12:,.0f} TFLOP/s need 2:4 "
        "sparsity and appear in no time here."
    )
    constants = (
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_FLOPS_FP16_TENSOR_SPARSE,
        c.H100_MEM_BW,
        c.A100_FLOPS_FP16_TENSOR,
        c.A100_MEM_BW,
        c.ORIN_NX_FP16_DENSE,
        c.ORIN_NX_INT8_SPARSE,
        c.ORIN_NX_MEM_BW,
        c.ORIN_NX_TDP,
        c.ORIN_NANO_FP16_DENSE,
        c.ORIN_NANO_MEM_BW,
        c.GPT2XL_PARAMS,
        c.RESNET50_PARAMS,
        c.RESNET50_FLOPS,
        c.RESNET50_TOP1,
        TOP1_INT8,
        LAUNCH,
        FRAME,
        FLOP_PER_WEIGHT,
        CNN_EFFICIENCY,
        STACK,
        FIBRE,
        DEADLINE,
        TARGET,
        CAMERAS,
        TOP1_FLOOR,
        COMPUTE_GROWTH,
        BANDWIDTH_GROWTH,
    )
    reads = (("ch01", "context"), ("ch01", "binding_axis"))
    instructor_notes = (
        "- The most common wrong step is to apply 2d/v in one direction only: ask for the sentence *there and back*.\n"
        "- INT8 and double bandwidth are the same thing in Act I; at the edge INT8 also halves the arithmetic, and it "
        "never touches light.\n- When is the sum honest, and when the maximum?\n- Real fibre is 1.3 to 2 times the "
        "straight line. What is the radius at 1.5?\n- The box in the cabinet keeps protecting when the line is cut. "
        "Is that in the iron law?"
    )

    def open(self) -> None:
        origin = self.read("ch01", "context")
        if origin is not None:
            self.start_in("edge" if origin == "tiny" else "cloud", "Lab 01")

    def result(self) -> float:
        return self.act2.outcome.total_s * 1e3

    def decision(self) -> str:
        if not self.act2.outcome.feasible:
            return "unresolved"
        return "move_closer" if self.context == "cloud" else "edge_int8"

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "distance_km": act.distance_m / 1e3 if self.context == "cloud" else None,
            "precision": act.precision,
            "cameras": act.outcome.cameras,
            "largest_term": act.outcome.largest,
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"gpu": "H100", "distance_m": 500e3}
        return {"precision": "int8"}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"distance_m": 600e3} if context == "cloud" else {"precision": "fp16"}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
