"""V1-01 The Magnitude Gap.

Act I: a data-centre GPU against a microcontroller, quantity by quantity: no scale factor turns one into the other.
Act II: one keyword spotter on both machines; each meets another axis of Data, Algorithm and Machine first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from components.controls import choice, log_slider, slider
from components.instruments.dam import (
    AXES,
    Candidate,
    Ceiling,
    Usage,
    accuracy_map,
    capacity_bars,
    dam_comparison,
)
from components.instruments.layers import Axis
from components.instruments.magnitude import Gap, Workload, machine_shapes, magnitude_gap, seconds_text, workload_terms
from components.metrics import Metric, held
from components.quantity import count, number, percent, plain, quantity, setting
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
from mlsysim.core.hardware import Hardware
from mlsysim.core.keyword_spotting import SOURCE, ZOO
from mlsysim.core.models import Models

CLOUD = Context("cloud", "Cloud", "cloud", "One H100 and what it does with its bytes; then a million streams.")
TINY = Context("tiny", "TinyML", "tiny", "One Cortex-M7 and what fits it; then a wearable on 10 mW.")

H100, MCU = Hardware.Cloud.H100, Hardware.Tiny.CortexM7

TENSOR_CORES = scenario(
    "tensor_cores", 528, "1", "tensor cores of an H100: 132 multiprocessors of 4", c.H100_DATASHEET, "datasheet"
)
MCU_CLOCK = scenario("mcu_clock", 216e6, "Hz", "clock of the microcontroller", "ST STM32F7 data sheet", "datasheet")
MCU_FPU_PEAK = scenario(
    "mcu_flop_s_fpu_peak",
    2 * MCU_CLOCK.value,
    "FLOP/s",
    "rated single-precision peak, reached by no network here",
    "one fused multiply-add per clock: Arm Cortex-M7 and ST STM32F7 data sheets",
    "derived",
)
WINDOW = scenario(
    "window_bytes",
    32_000,
    "B",
    "one second of audio, 16 kHz at 16 bit",
    "format of Speech Commands: Warden 2018",
    "derived",
)
CLOUD_EFFICIENCY = scenario(
    "cloud_efficiency", 0.5, "1", "share of the dense peak that batched small networks reach", "generous"
)
ROUND_TRIP = scenario(
    "network_rtt_s",
    0.12,
    "s",
    "round trip from a wearable to a data centre in another region",
    "middle of the chapter's 50 to 150 ms, and 20 ms for the radio hop",
)
ACCURACY_TINY = scenario(
    "accuracy_min_tiny", 94.0, "percent", "accuracy promised for the wearable", "what the best family that fits reaches"
)
ACCURACY_CLOUD = scenario(
    "accuracy_min_cloud", 95.0, "percent", "accuracy promised for the service", "only the large networks reach it"
)
POWER_BUDGET = scenario(
    "power_budget_w",
    0.010,
    "W",
    "average power of the always-on spotter",
    "a wearable's battery of 300 mAh at 3.7 V then lasts 4.6 days between two charges",
)
RESPONSE_LIMIT = scenario(
    "response_limit_s", 0.35, "s", "from the end of a word to the reaction, at worst", "just below a noticed delay"
)
RADIO = scenario(
    "radio_j_per_byte", 1e-7, "J/B", "energy to send a byte, for the instructor's extension", "ML Systems", "chapter"
)
STREAMS_TARGET = scenario("streams_target", 1e6, "1", "wearables that one H100 has to serve", "the business case")

REFERENCE, CMSIS, FPU_PEAK = c.MCU_FLOPS_REFERENCE.value, c.MCU_OPS_CMSIS.value, MCU_FPU_PEAK.value
NIC = c.IB_NDR_BW.value
#: Bytes per value, rate (op/s) and name of each kernel library.
KERNELS = {
    "reference_fp32": (4, REFERENCE, "reference FP32"),
    "reference_int8": (1, REFERENCE, "reference INT8"),
    "cmsis_int8": (1, CMSIS, "CMSIS-NN INT8"),
}
#: The three rates that one may quote for the one chip (FLOP/s or op/s).
RATES = {
    REFERENCE: "reference kernels, measured",
    CMSIS: "optimised INT8 kernels, measured",
    FPU_PEAK: "peak of the FPU, rated",
}
CLOUD_BYTES = 2
#: What stands behind each axis of the cloud.
WALLS = {"Data": "The network port", "Algorithm": "Arithmetic", "Machine": "Device memory"}
#: The spotter as the framework exports it.
EXPORTED: dict[str, Any] = {"model": "dscnn_s", "kernels": "reference_fp32", "rate_hz": 4}
KIB = 1024


def dense_peak() -> float:
    """Dense FP16 rate of the H100 (FLOP/s)."""
    assert H100.peak_fp16 is not None
    return H100.peak_fp16


@dataclass(frozen=True)
class GapOutcome:
    """The H100 over the microcontroller in orders of magnitude, and a fleet of 10^k microcontrollers."""

    compute_orders: float
    memory_orders: float
    bandwidth_orders: float
    power_orders: float
    efficiency_orders: float
    fleet_power_w: float
    chips: float
    chips_w: float
    chips_bytes: float
    balance: float
    workloads: tuple[Workload, ...]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The five quantities, top to bottom."""
        return (
            Gap("arithmetic", self.compute_orders),
            Gap("memory", self.memory_orders),
            Gap("bandwidth", self.bandwidth_orders),
            Gap("power", self.power_orders),
            Gap("op per joule", self.efficiency_orders, scales=False),
        )


@cache
def lighthouses(context: str) -> tuple[Workload, ...]:
    """Four workloads at INT8 on the machine of a context: reference rate of the microcontroller, peak of the H100."""
    mobile, resnet, gpt = Models.Vision.MobileNetV2, Models.Vision.ResNet50, Models.Language.GPT2XL
    work = [("DS-CNN-S", ZOO["dscnn_s"].bytes_int8, ZOO["dscnn_s"].ops)]
    for model in (mobile, resnet, gpt):
        assert model.flops_per_item is not None
        work.append((model.name, model.params, model.flops_per_item))
    device, rate = (MCU, REFERENCE) if context == "tiny" else (H100, dense_peak())
    return tuple(
        Workload(
            name,
            data_s=physics.iron_law_latency(moved, device.mem_bandwidth, 0.0, rate, 0.0),
            compute_s=physics.iron_law_latency(0.0, device.mem_bandwidth, ops, rate, 0.0),
            occupancy=moved / device.mem_capacity,
        )
        for name, moved, ops in work
    )


class MagnitudeGap(Act):
    """Act I: how many microcontrollers are one H100?"""

    title = "Four dollars a chip"
    minutes = 14

    k = slider(
        "Enlarge the microcontroller by 10^k",
        0,
        10,
        0.1,
        0,
        text=lambda k: f"k = {k:.1f}",
        reason="0 is the real chip, 10 lies just above the largest gap with sparsity",
    )
    mcu_rate_flop_s = choice(
        "Rate of the microcontroller",
        {rate: f"{name} ({setting(rate, 'FLOP/s')})" for rate, name in RATES.items()},
        REFERENCE,
        reason="the three rates that one may quote for one chip",
    )

    @classmethod
    def compute(cls, context: str, *, mcu_rate_flop_s: float, k: float = 0.0) -> GapOutcome:
        gap = physics.magnitude_gap_orders
        chips = 10.0**k
        return GapOutcome(
            compute_orders=gap(dense_peak(), mcu_rate_flop_s),
            memory_orders=gap(H100.mem_capacity, MCU.mem_capacity),
            bandwidth_orders=gap(H100.mem_bandwidth, MCU.mem_bandwidth),
            power_orders=gap(H100.tdp_w, MCU.tdp_w),
            efficiency_orders=gap(
                physics.flop_per_joule(dense_peak(), H100.tdp_w), physics.flop_per_joule(mcu_rate_flop_s, MCU.tdp_w)
            ),
            fleet_power_w=dense_peak() / mcu_rate_flop_s * MCU.tdp_w,
            chips=chips,
            chips_w=chips * MCU.tdp_w,
            chips_bytes=chips * MCU.mem_capacity,
            balance=physics.ridge_point(mcu_rate_flop_s, MCU.mem_bandwidth),
            workloads=lighthouses(context),
        )

    @classmethod
    def asked(cls, rate: float = REFERENCE) -> GapOutcome:
        """The case of the question: the measured rate of the reference kernels."""
        return cls.compute("cloud", mcu_rate_flop_s=rate)

    def message(self) -> Message:
        return Message(
            "VP of Product, a hearing-aid manufacturer",
            "Our keyword model runs beautifully on one H100 in the lab. The firmware team measured the shipping "
            f"microcontroller on the same FP32 network: about **{count(REFERENCE)} arithmetic operations per second**, "
            f"at {plain(MCU.tdp_w)} W. Finance asks why we do not simply order more of those chips; they cost four "
            "dollars. **How far apart are the two machines?** I present at 14:00.",
        )

    def concept(self) -> str:
        return (
            "Every ML system stands on three legs, and they cannot be moved one at a time:\n"
            "- **Data**: what must be moved;\n"
            "- **Algorithm**: what must be computed;\n"
            "- **Machine**: what is there to hold it and to do it.\n\n"
            "Machines are compared here in **orders of magnitude**: one order is a factor of ten, $g$ orders are "
            "$10^g$. Five quantities: arithmetic (operations per second), memory (bytes), bandwidth (bytes per "
            "second), power (watts), and operations per joule."
        )

    def prediction(self) -> ChoicePrediction:
        asked, peak, tuned = self.asked(), self.asked(FPU_PEAK), self.asked(CMSIS)
        per_clock = dense_peak() / (TENSOR_CORES.value * c.H100_TENSOR_CLOCK.value)
        return ChoicePrediction(
            "At its measured rate, how many of these microcontrollers match the dense FP16 arithmetic of one H100?",
            (
                Option(
                    "A",
                    "About a thousand",
                    value=3,
                    saved=3,
                    feedback=(
                        "A thousand would do if one core of the H100 were worth one microcontroller. Each of its "
                        f"{TENSOR_CORES.value:g} tensor cores retires {per_clock:,.0f} operations per clock, at a "
                        f"clock {c.H100_TENSOR_CLOCK.value / MCU_CLOCK.value:.1f} times higher."
                    ),
                ),
                Option(
                    "B",
                    "About a million",
                    value=6,
                    saved=6,
                    feedback=(
                        f"That is the ratio of data-sheet peaks, {count(10**peak.compute_orders)}. The shipping "
                        f"kernels reach {percent(REFERENCE / FPU_PEAK, 2)} of the FPU's peak; optimised INT8 kernels "
                        f"recover {asked.compute_orders - tuned.compute_orders:.1f} of the missing orders (Act II)."
                    ),
                ),
                Option(
                    "C",
                    "About a billion",
                    value=9,
                    saved=9,
                    correct=True,
                    feedback=(
                        "You divided by the rate that was measured, which is the one you own, and not by the peak of "
                        "a data sheet."
                    ),
                ),
                Option(
                    "D",
                    "About a trillion",
                    value=12,
                    saved=12,
                    feedback=(
                        "Too far by a thousand: a trillion of these chips would be "
                        f"{count(10 ** (12 - asked.compute_orders))} H100s, an exa-scale cluster and not one card."
                    ),
                ),
            ),
            actual=asked.compute_orders,
            form=lambda orders: count(10**orders),
            difference=True,
            difference_form=lambda orders: f"{plain(orders, 2)} orders",
            why=f"{orders_in_words(asked)}: no single scale factor turns one machine into the other.",
        )

    def plots(self, outcome: GapOutcome) -> dict[str, Any]:
        predicted = self.predicted()
        closed = [gap.name for gap in outcome.gaps if gap.scales and gap.remaining(self.k) <= 1e-9]
        still = [gap for gap in outcome.gaps if gap.scales and gap.remaining(self.k) > 1e-9]
        bridged = f"Bridged: {', '.join(closed)}. " if closed else "Nothing is bridged yet. "
        leader = max(still, key=lambda gap: gap.orders) if still else None
        return {
            "gap": magnitude_gap(
                outcome.gaps,
                k=self.k,
                predicted_orders=predicted,
                title="One H100 over the enlarged microcontroller",
                x_label="H100 / (microcontroller × 10^k)",
                caption=(
                    f"{bridged}Operations per joule stay {outcome.efficiency_orders:.2f} orders apart at any k: "
                    "arithmetic and power grow together."
                ),
            ),
            "shapes": machine_shapes(
                outcome.gaps,
                k=self.k,
                predicted_orders=predicted,
                larger="H100",
                smaller=f"{count(outcome.chips)} chips" if self.k else "one chip",
                title="Two machines, two shapes",
                x_label="multiples of one microcontroller",
                caption=(
                    f"{count(outcome.chips)} {'chips' if self.k else 'chip'}: {self.excess(outcome)}"
                    + (
                        f"{leader.name} is still {leader.remaining(self.k):.2f} orders short."
                        if leader
                        else "every quantity but operations per joule is there, power "
                        f"{count(outcome.chips_w / H100.tdp_w)} times over."
                    )
                ),
            ),
            "workloads": self.workload_plot(outcome),
        }

    def excess(self, outcome: GapOutcome) -> str:
        """What the fleet already draws beyond the H100, where its arithmetic is still missing."""
        times = outcome.chips_w / H100.tdp_w
        short = self.k < outcome.compute_orders
        return f"{count(times)} times the power of the H100, while " if times > 1 and short else ""

    def workload_plot(self, outcome: GapOutcome) -> Any:
        """The lighthouse workloads on the machine of the context."""
        if self.context == "tiny":
            refused = sum(not work.fits for work in outcome.workloads)
            return workload_terms(
                outcome.workloads,
                memory="SRAM",
                low_s=1e-4,
                high_s=1e6,
                title="Lighthouse workloads on the microcontroller",
                caption=(
                    f"Capacity refuses {refused} of {len(outcome.workloads)} before time matters: pale bars are "
                    "times that this chip never gets to spend. What fits is waiting for arithmetic."
                ),
            )
        gpt = outcome.workloads[-1]
        waiting = sum(work.data_s > work.compute_s for work in outcome.workloads)
        return workload_terms(
            outcome.workloads,
            memory="HBM",
            low_s=1e-9,
            high_s=1e-2,
            title="Lighthouse workloads on the H100",
            caption=(
                f"Everything fits. In {waiting} of {len(outcome.workloads)} the bytes take longer than the arithmetic, "
                f"for one token of {gpt.name} {gpt.data_s / gpt.compute_s:.0f} times as long."
            ),
        )

    def metrics(self, outcome: GapOutcome) -> list[Metric]:
        chips = count(outcome.chips)
        value, _, word = chips.partition(" ")
        return [
            Metric("Microcontrollers", value, word, note=f"10^{self.k:.1f}"),
            Metric.of("They draw", quantity(outcome.chips_w, "W"), note=f"one H100: {setting(H100.tdp_w, 'W')}"),
            Metric.of(
                "They hold", quantity(outcome.chips_bytes, "B"), note=f"one H100: {setting(H100.mem_capacity, 'B')}"
            ),
            Metric(
                "Arithmetic gap",
                f"{outcome.compute_orders - self.k:.2f}".replace("-", "−"),
                "orders",
                note=f"all of it: {setting(outcome.fleet_power_w, 'W')}",
            ),
            Metric(
                "Operations per byte",
                plain(outcome.balance, 3),
                "FLOP/B",
                note=f"one H100: {physics.ridge_point(dense_peak(), H100.mem_bandwidth):.0f}",
            ),
        ]

    def tables(self, outcome: GapOutcome) -> list[Table]:
        small, large = lighthouses("tiny"), lighthouses("cloud")

        def longer(work: Workload) -> str:
            terms = sorted((work.data_s, work.compute_s))
            return f"{'bytes' if work.data_s >= work.compute_s else 'arithmetic'}, {number(terms[1] / terms[0])} ×"

        rows = (
            (
                "microcontroller: SRAM",
                *(
                    f"fits, {percent(w.occupancy)}" if w.fits else f"{plain(w.occupancy, 4)} times too big"
                    for w in small
                ),
            ),
            ("microcontroller: time", *(seconds_text(w.data_s + w.compute_s) for w in small)),
            ("microcontroller: longer term", *(longer(w) for w in small)),
            ("H100: HBM", *("fits" if w.fits else "too big" for w in large)),
            ("H100: bytes", *(quantity(w.data_s, "s") for w in large)),
            ("H100: arithmetic", *(quantity(w.compute_s, "s") for w in large)),
            ("H100: longer term", *(longer(w) for w in large)),
        )
        return [
            Table(
                "One inference at INT8 (GPT-2 XL: one token), at any k",
                ("", *(work.name for work in small)),
                rows,
                0 if self.context == "tiny" else 6,
            )
        ]

    def reflection(self) -> Question:
        asked, tuned = self.asked(), self.asked(CMSIS)
        chips = 10**asked.compute_orders
        mcu_efficiency = physics.flop_per_joule(REFERENCE, MCU.tdp_w)
        efficiency = physics.flop_per_joule(dense_peak(), H100.tdp_w)
        return Question(
            f"Finance wires up {count(chips)} chips to equal one H100 in arithmetic. What do they draw?",
            (
                Option(
                    "A",
                    f"About {setting(H100.tdp_w, 'W')}: equal work costs equal energy",
                    value=H100.tdp_w,
                    feedback=(
                        "Equal work costs what the machine makes of it: at the measured rate the microcontroller does "
                        f"{count(mcu_efficiency)} operations per joule, the H100 {count(efficiency)}."
                    ),
                ),
                Option(
                    "B",
                    f"About {setting(H100.tdp_w / 10, 'W')}: small chips are ten times more efficient",
                    value=H100.tdp_w / 10,
                    feedback=(
                        "Small is not efficient: even with optimised kernels the H100 leads "
                        f"{10**tuned.efficiency_orders:.0f} times in operations per joule. TinyML does not win by "
                        "cheap operations; it wins by doing few of them, next to the sensor, without a network."
                    ),
                ),
                Option(
                    "C",
                    f"About {asked.fleet_power_w / 1e6:.0f} MW",
                    value=asked.fleet_power_w,
                    correct=True,
                    feedback=(
                        f"{count(chips)} times {plain(MCU.tdp_w)} W, {asked.fleet_power_w / H100.tdp_w:,.0f} times "
                        "the H100: the gap in operations per joule, which no number of chips closes."
                    ),
                ),
                Option(
                    "D",
                    f"About {setting(H100.tdp_w * 100, 'W')}: small chips are a hundred times worse",
                    value=H100.tdp_w * 100,
                    feedback="The right sign, three orders short.",
                ),
            ),
        )

    def peek(self) -> Peek:
        small = physics.ridge_point(REFERENCE, MCU.mem_bandwidth)
        large = physics.ridge_point(dense_peak(), H100.mem_bandwidth)
        sparse = physics.magnitude_gap_orders(c.H100_FLOPS_FP16_TENSOR_SPARSE.value, REFERENCE)
        return Peek(
            ("magnitude_gap_orders", "flop_per_joule", "ridge_point", "iron_law_latency"),
            f"$R/BW$ is the number of operations available per byte fetched: {large:.0f} on the H100, {small:g} on "
            "the microcontroller. A network that does $I$ operations per byte waits for data where $I$ is below this "
            "balance, and for arithmetic where it is above: between the two numbers the machines give opposite "
            f"answers. With 2:4 sparsity the gap in arithmetic would read {sparse:.2f} orders.",
        )


def orders_in_words(outcome: GapOutcome) -> str:
    """The four gaps that scale, in one clause."""
    return (
        f"{outcome.compute_orders:.1f} orders in arithmetic, {outcome.memory_orders:.1f} in memory, "
        f"{outcome.bandwidth_orders:.1f} in bandwidth, {outcome.power_orders:.1f} in power"
    )


@dataclass(frozen=True)
class SpotterOutcome:
    """A keyword spotter on one machine: demand over supply on the three axes, and what it promises.

    Times in s, powers in W, sizes in B. Fields of the other context are None.
    """

    u_data: float
    u_algorithm: float
    u_machine: float
    binding_axis: str
    response_s: float
    accuracy_pct: float
    feasible: bool
    inference_s: float
    footprint_bytes: float
    data_s: float | None = None
    compute_s: float | None = None
    duty: float | None = None
    average_power_w: float | None = None
    longest_s: float | None = None
    power_allows_s: float | None = None
    zoo_s: np.ndarray | None = None
    streams: float | None = None
    max_streams: float | None = None
    capacities: dict[str, float] | None = None
    watts_per_stream: float | None = None

    @property
    def shares(self) -> tuple[float, float, float]:
        """Demand over supply in the order data, algorithm, machine."""
        return (self.u_data, self.u_algorithm, self.u_machine)


_NETWORKS = tuple(ZOO.values())
_ZOO_BYTES = np.array([network.bytes_int8 for network in _NETWORKS])
_ZOO_OPS = np.array([network.ops for network in _NETWORKS])


def on_device(model: str, kernels: str, rate_hz: float) -> SpotterOutcome:
    """The spotter on the microcontroller: data and arithmetic one after the other, asleep in between."""
    network, (width, rate, _) = ZOO[model], KERNELS[kernels]
    footprint, period = network.bytes_int8 * width, 1.0 / rate_hz
    shares = physics.dam_utilization(
        footprint * rate_hz, MCU.mem_bandwidth, network.ops * rate_hz, rate, footprint, MCU.mem_capacity
    )
    inference = physics.iron_law_latency(footprint, MCU.mem_bandwidth, network.ops, rate, 0.0)
    duty = rate_hz * inference
    # A device that falls behind is active all the time.
    power = physics.average_power(MCU.tdp_w, sleep_power(), min(inference, period), period)
    response = physics.worst_case_response(period, inference)
    power_allows = (POWER_BUDGET.value - sleep_power()) / (MCU.tdp_w - sleep_power()) * period
    return SpotterOutcome(
        u_data=float(shares[0]),
        u_algorithm=float(shares[1]),
        u_machine=float(shares[2]),
        binding_axis=AXES[int(np.argmax(shares))],
        response_s=response,
        accuracy_pct=network.accuracy_pct,
        feasible=at_least(network.accuracy_pct, ACCURACY_TINY.value)
        and at_most(footprint, MCU.mem_capacity)
        and at_most(duty, 1.0)
        and at_most(power, POWER_BUDGET.value)
        and at_most(response, RESPONSE_LIMIT.value),
        inference_s=inference,
        footprint_bytes=footprint,
        data_s=footprint / MCU.mem_bandwidth,
        compute_s=network.ops / rate,
        duty=duty,
        average_power_w=power,
        longest_s=min(power_allows, RESPONSE_LIMIT.value - period),
        power_allows_s=power_allows,
        zoo_s=physics.iron_law_latency(_ZOO_BYTES * width, MCU.mem_bandwidth, _ZOO_OPS, rate, 0.0),
    )


def in_cloud(model: str, rate_hz: float, streams: float) -> SpotterOutcome:
    """The spotter on an H100 that serves many wearables, each streaming its audio all the time."""
    network, rate = ZOO[model], dense_peak() * CLOUD_EFFICIENCY.value
    weights = network.bytes_int8 * CLOUD_BYTES
    shares = physics.dam_utilization(
        streams * WINDOW.value,
        NIC,
        streams * rate_hz * network.ops,
        rate,
        weights + streams * WINDOW.value,
        H100.mem_capacity,
    )
    inference = physics.iron_law_latency(weights, H100.mem_bandwidth, network.ops, rate, 0.0)
    response = physics.worst_case_response(1.0 / rate_hz, inference) + ROUND_TRIP.value
    most = physics.max_streams(NIC, WINDOW.value, rate, network.ops, rate_hz, H100.mem_capacity, weights)
    return SpotterOutcome(
        u_data=float(shares[0]),
        u_algorithm=float(shares[1]),
        u_machine=float(shares[2]),
        binding_axis=AXES[int(np.argmax(shares))],
        response_s=response,
        accuracy_pct=network.accuracy_pct,
        feasible=at_least(network.accuracy_pct, ACCURACY_CLOUD.value)
        and at_most(float(shares.max()), 1.0)
        and at_most(response, RESPONSE_LIMIT.value)
        and at_least(streams, STREAMS_TARGET.value),
        inference_s=inference,
        footprint_bytes=weights,
        streams=streams,
        max_streams=most,
        capacities={
            "Data": NIC / WINDOW.value,
            "Algorithm": rate / (rate_hz * network.ops),
            "Machine": (H100.mem_capacity - weights) / WINDOW.value,
        },
        watts_per_stream=H100.tdp_w / streams,
    )


def sleep_power() -> float:
    """Power of the microcontroller in standby (W)."""
    assert MCU.sleep_power_w is not None
    return MCU.sleep_power_w


def milliseconds(seconds: float) -> str:
    """A time in ms with four digits at most: 22.46 ms, 5,403 ms."""
    return f"{number(seconds * 1e3, 4)} ms"


class KeywordSpotter(Act):
    """Act II: one spotter, two machines, two different walls."""

    title = "Ship the spotter"
    minutes = 22

    model = choice(
        "Network",
        {name: network.name for name, network in ZOO.items()},
        EXPORTED["model"],
        widget="select",
        reason="the published zoo: four families in three sizes",
    )
    rate_hz = slider(
        "Inferences per second",
        1,
        10,
        1,
        EXPORTED["rate_hz"],
        unit="Hz",
        reason="below 1 a window of one second is skipped, above 10 successive windows overlap by more than 90 %",
    )
    kernels = choice(
        "Kernels",
        {name: label for name, (_, _, label) in KERNELS.items()},
        EXPORTED["kernels"],
        only_in=("tiny",),
        reason="what the export, the quantiser and the vendor's library give",
    )
    streams = log_slider(
        "Streams on one H100",
        1e3,
        1e8,
        20,
        2e6,
        text=lambda streams: count(streams, 4),
        only_in=("cloud",),
        reason="from a pilot to more than all three axes can carry",
    )

    @classmethod
    def compute(
        cls, context: str, *, model: str, rate_hz: float, kernels: str = "", streams: float = 0.0
    ) -> SpotterOutcome:
        return on_device(model, kernels, rate_hz) if context == "tiny" else in_cloud(model, rate_hz, streams)

    @classmethod
    def asked(cls) -> SpotterOutcome:
        """The case of the question: DS-CNN-S as exported, four times a second on the microcontroller."""
        return cls.compute("tiny", **EXPORTED)

    @property
    def network(self) -> str:
        """Name of the chosen network."""
        return ZOO[self.model].name

    def message(self) -> Message:
        return Message(
            "Director of Wearables, the same manufacturer",
            f"Ship the spotter. On the device: **{ACCURACY_TINY.value:g} %** accuracy, a reaction within "
            f"**{RESPONSE_LIMIT.value * 1e3:g} ms**, **{setting(POWER_BUDGET.value, 'W')}** on average, "
            f"{MCU.mem_capacity / KIB:g} KB of SRAM and not a byte more. If you cannot, we stream raw audio and serve "
            f"**{count(STREAMS_TARGET.value)}** devices from one H100 at {ACCURACY_CLOUD.value:g} %. Tell me which "
            "wall you hit on each side.",
        )

    def concept(self) -> str:
        return (
            "On each axis of D·A·M, **demand over supply** says how far it is used: bytes to move over bandwidth, "
            "operations to do over the rate that does them, bytes to hold over memory. Above 1 the axis is violated; "
            "the largest of the three **binds**, and improving another buys nothing.\n\n"
            "*Kernels* belong to the edge between Algorithm and Machine: the same network on the same chip, with "
            f"other code. Asleep at {setting(sleep_power(), 'W')} the chip forgets its SRAM, so every inference loads "
            "the network from flash again, and then it must fit."
        )

    def from_ledger(self) -> str:
        days = self.lab.read("ch00", "act2_result")
        if days is None or not 0 < days < 1e6:
            return ""
        return (
            f"Your patch of Lab 00 lived **{number(days)} days**. This spotter wakes {EXPORTED['rate_hz']} times a "
            f"second, and its battery is charged every few days: {setting(POWER_BUDGET.value, 'W')} on average."
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        network, rate = ZOO[EXPORTED["model"]], EXPORTED["rate_hz"]
        width = KERNELS[EXPORTED["kernels"]][0]
        claims = {asked.u_data: "Data", asked.u_algorithm: "Algorithm", asked.u_machine: "Machine", 1.0: "no axis"}

        def form(share: float) -> str:
            return f"{claims.get(share, 'an axis')}: {number(share)}"

        return ChoicePrediction(
            f"Take {network.name} as the framework exports it: FP32, reference kernels, {rate} inferences per second "
            "on the microcontroller. Which axis is over its limit?",
            (
                Option(
                    "A",
                    f"Machine: four bytes per weight overflow {MCU.mem_capacity / KIB:g} KB",
                    value=asked.u_machine,
                    feedback=(
                        f"{width} bytes for each value of a {network.bytes_int8 / 1e3:g} kB network are "
                        f"{asked.footprint_bytes / 1e3:.0f} kB: it fits. TinyML is not always a question of memory."
                    ),
                ),
                Option(
                    "B",
                    "Data: flash cannot deliver the weights fast enough",
                    value=asked.u_data,
                    feedback=(
                        f"{asked.footprint_bytes / 1e3:.1f} kB, {rate} times a second, are "
                        f"{asked.footprint_bytes * rate / 1e6:.2f} MB/s of {MCU.mem_bandwidth / 1e6:g}. The bandwidth "
                        "wall of the cloud does not stand everywhere."
                    ),
                ),
                Option(
                    "C",
                    f"Algorithm: the arithmetic of one inference takes longer than {1 / rate:g} s",
                    value=asked.u_algorithm,
                    correct=True,
                    feedback=(
                        f"The chip needs {number(asked.inference_s)} s for what is due every {1 / rate:g} s. Only "
                        "faster kernels or fewer operations help."
                    ),
                ),
                Option(
                    "D",
                    "None: a keyword spotter is tiny",
                    value=1.0,
                    feedback="It fits, and fitting is necessary but not sufficient: it must also be done in time.",
                ),
            ),
            actual=asked.u_algorithm,
            form=form,
            numeric=False,
            why=(
                f"The binding axis is Algorithm: {count(network.ops)} operations, {rate} times a second, on a chip "
                f"that does {count(REFERENCE)}: {number(asked.u_algorithm)} times its limit."
            ),
        )

    def predicted_axis(self) -> str | None:
        """The axis that the locked prediction names: one of `AXES`, "none", or None before the lock."""
        claimed, asked = self.predicted(), self.asked()
        if claimed is None:
            return None
        return next((axis for axis, share in zip(AXES, asked.shares, strict=True) if share == claimed), "none")

    def challenge(self) -> str:
        if self.context == "tiny":
            return (
                f"Meet all badges: at least **{ACCURACY_TINY.value:g} %**, within **{MCU.mem_capacity / KIB:g} KiB**, "
                f"**{setting(POWER_BUDGET.value, 'W')}** and **{RESPONSE_LIMIT.value * 1e3:g} ms**. Then lower the "
                "power as far as the limits let you. Before each move, say which axis it relaxes."
            )
        return (
            f"Serve at least **{count(STREAMS_TARGET.value)} streams** from one H100 with **{ACCURACY_CLOUD.value:g} "
            f"%**, no axis over its limit, and a response within **{RESPONSE_LIMIT.value * 1e3:g} ms**. Then make "
            "another axis bind, without leaving the million."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        response = Constraint(
            f"Response ≤ {RESPONSE_LIMIT.value * 1e3:g} ms", lambda o: at_most(o.response_s, RESPONSE_LIMIT.value)
        )
        if self.context == "tiny":
            return (
                Constraint(
                    f"Accuracy ≥ {ACCURACY_TINY.value:.1f} %", lambda o: at_least(o.accuracy_pct, ACCURACY_TINY.value)
                ),
                Constraint(
                    f"SRAM ≤ {MCU.mem_capacity / KIB:g} KiB", lambda o: at_most(o.footprint_bytes, MCU.mem_capacity)
                ),
                # A device that misses real time is active all the time, so this badge holds real time, too.
                Constraint(
                    f"Power ≤ {setting(POWER_BUDGET.value, 'W')}",
                    lambda o: at_most(o.duty, 1.0) and at_most(o.average_power_w, POWER_BUDGET.value),
                ),
                response,
            )
        return (
            Constraint(
                f"Accuracy ≥ {ACCURACY_CLOUD.value:.1f} %", lambda o: at_least(o.accuracy_pct, ACCURACY_CLOUD.value)
            ),
            Constraint("Every axis ≤ 1", lambda o: at_most(max(o.shares), 1.0)),
            response,
            Constraint(f"Streams ≥ {count(STREAMS_TARGET.value)}", lambda o: at_least(o.streams, STREAMS_TARGET.value)),
        )

    def failures(self) -> tuple[Failure, ...]:
        if self.context == "tiny":
            precision = "FP32" if KERNELS[self.kernels][0] == 4 else "INT8"
            return (
                Failure(
                    "sram",
                    "DOES NOT FIT:",
                    when=lambda o: not at_most(o.footprint_bytes, MCU.mem_capacity),
                    text=lambda o: (
                        f"{self.network} at {precision} needs {o.footprint_bytes / 1e3:,.1f} kB, the chip has "
                        f"{MCU.mem_capacity / 1e3:.1f} kB. There is no paging."
                    ),
                ),
                Failure(
                    "real_time",
                    "REAL TIME MISSED:",
                    when=lambda o: not at_most(o.duty, 1.0),
                    text=lambda o: (
                        f"one inference takes {number(o.inference_s)} s, {self.rate_hz:g} per second "
                        f"{'needs' if self.rate_hz == 1 else 'need'} {number(1 / self.rate_hz)} s or less. The device "
                        f"falls {number(o.duty)} times behind."
                    ),
                ),
            )
        return (
            Failure(
                "ingest",
                "INGEST SATURATED:",
                when=lambda o: not at_most(o.u_data, 1.0),
                text=lambda o: (
                    f"{count(o.streams, 4)} streams bring {quantity(o.streams * WINDOW.value, 'B/s')}, the port takes "
                    f"{setting(NIC, 'B/s')}. The arithmetic is {percent(o.u_algorithm)} busy."
                ),
            ),
            Failure(
                "arithmetic",
                "ARITHMETIC SATURATED:",
                when=lambda o: not at_most(o.u_algorithm, 1.0),
                text=lambda o: (
                    f"{count(o.streams, 4)} streams of {self.network} at {self.rate_hz:g} Hz ask for "
                    f"{quantity(o.u_algorithm * dense_peak() * CLOUD_EFFICIENCY.value, 'FLOP/s')}, the H100 sustains "
                    f"{quantity(dense_peak() * CLOUD_EFFICIENCY.value, 'FLOP/s')}."
                ),
                severity="warn",
            ),
        )

    def other_side(self) -> SpotterOutcome:
        """The same network at the same rate in the other context, whose own control stands at its default."""
        other = "cloud" if self.context == "tiny" else "tiny"
        specs = self.controls_in(other)
        own: dict[str, Any] = {name: spec.default for name, spec in specs.items() if name not in ("model", "rate_hz")}
        return self.compute(other, model=self.model, rate_hz=self.rate_hz, **own)

    def plots(self, outcome: SpotterOutcome) -> dict[str, Any]:
        tiny = self.context == "tiny"
        other, axis = self.other_side(), self.predicted_axis()
        defaults: dict[str, Any] = {
            name: spec.default for kind in self.contexts for name, spec in self.controls_in(kind.id).items()
        }
        kernels = KERNELS[self.kernels if tiny else defaults["kernels"]][2]
        streams = self.streams if tiny is False else defaults["streams"]
        device = Usage(f"Microcontroller, {kernels}", (outcome if tiny else other).shares)
        server = Usage(f"H100, {count(streams, 4)} streams", (other if tiny else outcome).shares)
        binding = max(outcome.shares)
        comparison = dam_comparison(
            [device, server] if tiny else [server, device],
            start=self.at_defaults().shares,
            predicted=None if axis is None else (0 if tiny else 1, axis),
            title=f"{self.network} at {self.rate_hz:g} Hz: demand over supply",
            caption=(
                f"{outcome.binding_axis.capitalize()} binds at {number(binding)} of its limit. The other machine, its "
                f"{'streams' if tiny else 'kernels'} as they start there, is bound by "
                f"{other.binding_axis.capitalize()}."
            ),
        )
        return {"dam": comparison, "zoo" if tiny else "capacity": self.map(outcome) if tiny else self.walls(outcome)}

    def map(self, outcome: SpotterOutcome) -> Any:
        """The zoo on the microcontroller, with what the limits leave of it."""
        assert outcome.zoo_s is not None
        assert outcome.longest_s is not None
        assert outcome.power_allows_s is not None
        period, width = 1 / self.rate_hz, KERNELS[self.kernels][0]
        by_power = outcome.power_allows_s <= outcome.longest_s
        left = (
            f"{'power' if by_power else 'response'}: {milliseconds(outcome.longest_s)}" if outcome.longest_s > 0 else ""
        )
        candidates = [
            Candidate(
                network.name,
                network.family,
                float(seconds),
                network.accuracy_pct,
                at_most(network.bytes_int8 * width, MCU.mem_capacity),
            )
            for network, seconds in zip(_NETWORKS, outcome.zoo_s, strict=True)
        ]
        inside = [
            one.name
            for one in candidates
            if one.fits and at_most(one.cost, outcome.longest_s) and at_least(one.accuracy_pct, ACCURACY_TINY.value)
        ]
        return accuracy_map(
            candidates,
            chosen=list(ZOO).index(self.model),
            accuracy_min_pct=ACCURACY_TINY.value,
            allowed=Ceiling(max(outcome.longest_s, 0.0), left),
            beyond=Ceiling(period, f"real time: {milliseconds(period)}"),
            x=Axis(
                "time of one inference",
                1e-5,
                2e2,
                log=True,
                ticks=((1e-5, "10 µs"), (1e-3, "1 ms"), (1e-1, "100 ms"), (10.0, "10 s")),
            ),
            title=f"The zoo on this chip, {KERNELS[self.kernels][2]}, {self.rate_hz:g} Hz",
            memory="SRAM",
            caption=(
                f"{len(inside)} of {len(candidates)} networks {'meets' if len(inside) == 1 else 'meet'} every limit"
                f"{': ' + ', '.join(inside) if inside else ''}. "
                + (
                    f"At {self.rate_hz:g} Hz an inference may take {milliseconds(outcome.longest_s)}: "
                    f"{'the power' if by_power else 'the response'} decides."
                    if outcome.longest_s > 0
                    else f"At {self.rate_hz:g} Hz the wait for the next window alone takes {milliseconds(period)}, "
                    f"more than the {RESPONSE_LIMIT.value * 1e3:g} ms allowed."
                )
            ),
        )

    def walls(self, outcome: SpotterOutcome) -> Any:
        """How many streams each axis of the H100 carries."""
        assert outcome.capacities is not None
        assert outcome.streams is not None
        assert outcome.max_streams is not None
        first = min(outcome.capacities, key=lambda name: outcome.capacities[name] if outcome.capacities else 0.0)
        return capacity_bars(
            outcome.capacities,
            load=outcome.streams,
            load_text=f"now {count(outcome.streams, 4)}",
            target=STREAMS_TARGET.value,
            target_text=f"asked {count(STREAMS_TARGET.value)}",
            title="How many streams each axis carries",
            x_label="streams on one H100",
            caption=(
                f"{WALLS[first]} is the first wall, at {count(outcome.max_streams)} streams. A larger network or a "
                "higher rate moves one bar only: Algorithm."
            ),
        )

    def metrics(self, outcome: SpotterOutcome) -> list[Metric]:
        met = [constraint.holds(outcome) for constraint in self.constraints()]
        accuracy = Metric("Accuracy", f"{outcome.accuracy_pct:.1f}", "%", status=held(met[0]))
        response = held(at_most(outcome.response_s, RESPONSE_LIMIT.value))
        if self.context == "tiny":
            assert outcome.duty is not None
            share = outcome.footprint_bytes / MCU.mem_capacity
            return [
                accuracy,
                Metric(
                    "Footprint",
                    f"{outcome.footprint_bytes / 1e3:,.1f}",
                    "kB",
                    note=f"{percent(share)} of the SRAM",
                    status=held(met[1]),
                ),
                Metric.of(
                    "Inference",
                    quantity(outcome.inference_s, "s", 4),
                    note=f"data {quantity(outcome.data_s, 's')}, arithmetic {quantity(outcome.compute_s, 's')}",
                ),
                Metric(
                    "Duty", number(outcome.duty), note="at most 1: real time", status=held(at_most(outcome.duty, 1))
                ),
                Metric.of(
                    "Average power", f"{number((outcome.average_power_w or 0) * 1e3, 4)} mW", status=held(met[2])
                ),
                Metric("Response", f"{outcome.response_s * 1e3:,.1f}", "ms", status=response),
            ]
        return [
            accuracy,
            *(
                Metric(f"{axis.capitalize()} used", percent(share), status=held(at_most(share, 1)))
                for axis, share in zip(AXES, outcome.shares, strict=True)
            ),
            Metric(
                "Streams at saturation",
                *_split(count(outcome.max_streams or 0.0, 4)),
                note=f"now {quantity(outcome.watts_per_stream, 'W')} of GPU each",
                status=held(met[3]),
            ),
            Metric("Response", f"{outcome.response_s * 1e3:,.1f}", "ms", status=response),
        ]

    def tables(self, outcome: SpotterOutcome) -> list[Table]:
        tiny = self.context == "tiny"
        width = KERNELS[self.kernels][0] if tiny else CLOUD_BYTES
        rows = tuple(
            (
                network.name,
                f"{network.accuracy_pct:.1f} %",
                count(network.ops, 4),
                f"{network.bytes_int8 * width / 1e3:,.1f} kB",
            )
            for network in _NETWORKS
        )
        precision = {1: "INT8", 2: "FP16", 4: "FP32"}[width]
        return [
            Table(
                f"The zoo: {SOURCE}",
                ("network", "accuracy", "operations", f"memory at {precision}"),
                rows,
                list(ZOO).index(self.model),
            )
        ]

    def reflection(self) -> Question:
        asked = self.asked()
        million = STREAMS_TARGET.value
        cloud = self.compute("cloud", model=EXPORTED["model"], rate_hz=EXPORTED["rate_hz"], streams=million)
        network = ZOO[EXPORTED["model"]]
        return Question(
            f"{network.name} at {EXPORTED['rate_hz']} inferences per second on both machines, the device as exported "
            "(FP32, reference kernels). Which statement survives?",
            (
                Option(
                    "A",
                    "The cloud is limited by arithmetic, because it serves a million users",
                    f"At {count(million)} streams its port is {percent(cloud.u_data, 0)} busy, its memory "
                    f"{percent(cloud.u_machine, 0)}, its arithmetic {percent(cloud.u_algorithm, 0)}.",
                ),
                Option(
                    "B",
                    "The device is limited by Algorithm and the cloud by Data, so the same optimisation (faster "
                    "kernels) rescues one and is worth nothing on the other",
                    correct=True,
                    feedback=(
                        f"Algorithm stands at {number(asked.u_algorithm)} on the device, Data at "
                        f"{number(cloud.u_data)} in the cloud, where arithmetic uses {number(cloud.u_algorithm)}."
                    ),
                ),
                Option(
                    "C",
                    "Quantising the weights is the first step on both",
                    f"On the device it relaxes an axis that has slack, {number(asked.u_machine)}, and leaves the one "
                    "that binds; in the cloud the port carries audio, not weights.",
                ),
                Option(
                    "D",
                    "Memory limits both",
                    f"It stands at {number(asked.u_machine)} on the device and at {number(cloud.u_machine)} per "
                    f"{count(million)} streams in the cloud, and is the largest in neither.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("dam_utilization", "iron_law_latency", "average_power", "worst_case_response", "max_streams"),
            "The binding axis is the largest of $u_D$, $u_A$, $u_M$. The microcontroller does data and arithmetic one "
            "after the other, so its duty is $u_D + u_A$; in the cloud the response gains the round trip of "
            f"{ROUND_TRIP.value * 1e3:g} ms. Not covered: recurrent layers (CRNN) may run below the "
            f"{CMSIS / 1e6:.0f} Mop/s measured on a convolutional network, and the radio's energy.",
        )


def _split(text: str) -> tuple[str, str]:
    """A count and its word, for a readout: 1.56, million."""
    value, _, word = text.partition(" ")
    return value, word


class MagnitudeGapLab(Lab):
    """Data, Algorithm and Machine, and two machines between which no scale factor leads."""

    volume, number, slug = 1, 1, "lab_01_ml_intro"
    title = "The Magnitude Gap"
    question = "A data-centre GPU and a microcontroller: two sizes of one machine, or two machines?"
    chapter = "Introduction"
    invariant = (
        "Data, Algorithm and Machine are one system. Find the axis that binds on this machine: improving another "
        "buys nothing, and moving one moves the others."
    )
    contexts = (CLOUD, TINY)
    acts = (MagnitudeGap, KeywordSpotter)
    briefing = (
        "It is tempting to see a GPU as *a faster version* of a microcontroller, and to train once and shrink until "
        "it fits. The gap between the two is not one number: Act I measures it quantity by quantity. Act II puts one "
        "keyword spotter on both machines and asks which axis binds on each."
    )
    reading = (
        Reading("Introduction, Defining ML Systems", "the D·A·M taxonomy; why improving one axis moves the bottleneck"),
        Reading(
            "Introduction, the callout on four deployment paradigms",
            "how far memory and compute of the tiers lie apart",
        ),
        Reading("Introduction, Iron Law of ML Systems", "its three terms only: Lab 02 works with them"),
        Reading("Introduction, Lighthouse models", "which workload stresses what"),
    )
    assumptions = (
        "- The microcontroller's reference rate is what unoptimised kernels sustain; its FPU peak is shown for "
        "comparison and used in no time.\n- H100 times of Act I are at the dense peak, so real ones are longer. The "
        "sparse figure appears in a note only.\n- What the chapter says of *tiers* (megawatts to milliwatts, "
        "terabytes to kilobytes) spans nine orders; between these two *devices* power and memory are closer, and "
        "arithmetic is not.\n- SRAM is counted in binary kilobytes, HBM in decimal ones: their ratio moves by a few "
        "per cent.\n- Every byte of a network is touched once per inference. Standby does not keep SRAM, so each "
        "inference loads the network from quad-SPI flash.\n- In the cloud every wearable streams all the time; one "
        "window per stream is resident.\n- Whole-system power, the radio and the host are left out."
    )
    constants = (
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_FLOPS_FP16_TENSOR_SPARSE,
        c.H100_MEM_BW,
        c.H100_MEM_CAPACITY,
        c.H100_TDP,
        c.H100_TENSOR_CLOCK,
        TENSOR_CORES,
        c.MCU_FLOPS_REFERENCE,
        c.MCU_OPS_CMSIS,
        MCU_FPU_PEAK,
        MCU_CLOCK,
        c.MCU_MEM_BW,
        c.MCU_SRAM,
        c.MCU_POWER,
        c.MCU_SLEEP_POWER,
        c.DSCNN_S_BYTES,
        c.DSCNN_S_OPS,
        c.DSCNN_S_ACCURACY,
        c.MOBILENETV2_FLOPS,
        c.RESNET50_PARAMS,
        c.RESNET50_FLOPS,
        c.GPT2XL_PARAMS,
        WINDOW,
        c.IB_NDR_BW,
        CLOUD_EFFICIENCY,
        ROUND_TRIP,
        ACCURACY_TINY,
        ACCURACY_CLOUD,
        POWER_BUDGET,
        RESPONSE_LIMIT,
        STREAMS_TARGET,
        RADIO,
    )
    reads = (("ch00", "home_context"), ("ch00", "act2_result"))
    instructor_notes = (
        "- Students defend *a million* in Act I with data sheets. They are right about peaks: use it to separate the "
        "rated peak from the sustained rate, a theme of Labs 11 and 12.\n"
        "- What students resist: the small chip is *less* efficient per operation. Ask what it saves instead "
        "(network, latency, privacy, standing power).\n"
        "- Let a pair take one context each and argue which axis to buy. Both will be right.\n"
        f"- Extension: at {RADIO.value * 1e9:g} nJ per byte, streaming {WINDOW.value / 1e3:g} kB/s costs "
        f"{RADIO.value * WINDOW.value * 1e3:.1f} mW on the device, less than the local spotter with CMSIS-NN. Which "
        "facts still decide for local? At which local efficiency does the sign flip?\n"
        "- Second extension: where on the k axis does a Jetson Orin NX stand for each quantity?"
    )

    def open(self) -> None:
        home = self.read("ch00", "home_context")
        if home is not None:
            self.start_in("cloud" if home in ("cloud", "edge") else "tiny", "Lab 00")

    def result(self) -> float | None:
        outcome = self.act2.outcome
        return outcome.average_power_w * 1e3 if self.context == "tiny" else outcome.streams

    def decision(self) -> str:
        return str(self.act2.model)

    def extras(self) -> dict[str, Any]:
        return {
            "kernels": self.act2.kernels if self.context == "tiny" else "cloud_fp16",
            "binding_axis": self.act2.outcome.binding_axis,
            "rate_hz": self.act2.rate_hz,
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"model": "dscnn_l", "rate_hz": 5.0, "streams": STREAMS_TARGET.value}
        return {"kernels": "cmsis_int8"}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"streams": 1e7} if context == "cloud" else {"model": "dscnn_l"}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
