"""V1-04 Data Has Mass: Feeding the Accelerator.

Act I: a GPU that is busy 23 % of the time, where the wish is for more GPUs and the want is for bytes. Act II: a
petabyte that takes a day and 90,000 dollars to move, and a vehicle whose disk fills faster than its uplink empties it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from components.controls import choice, slider
from components.instruments.data_gravity import Plan, Stack, budget_stack, buffer_line, gravity_panel, petabytes
from components.instruments.data_pipeline import Stage, loader_timeline, pipeline_stages
from components.instruments.layers import Axis
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric, held
from components.quantity import counted, number, percent, plain, setting, usd
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

CLOUD = Context("cloud", "Cloud", "cloud", "One H100 on a cloud volume; then a petabyte in the East.")
EDGE = Context("edge", "Edge", "edge", "An Orin NX on a memory card; then a vehicle and its uplink.")

H100, A100, ORIN_NX = Hardware.Cloud.H100, Hardware.Cloud.A100, Hardware.Edge.JetsonOrinNX


def gpus_text(count: float) -> str:
    """A number of GPUs in words."""
    return counted(count, "GPUs")


# --- Act I ---
EFFICIENCY = scenario(
    "train_efficiency",
    0.18,
    "1",
    "share of the dense peak that ResNet-50 training reaches when fully fed",
    "assumption: public A100 measurements of some 2,600 images/s are 0.205 of its peak; a larger chip fills less well",
)
FP32_BYTES = scenario("fp32_bytes", 4 * c.IMAGE_UINT8.value, "B", "decoded image, 4 B per value", "derived", "derived")
CHAPTER = "Data Engineering, storage performance and cost"
OBJECT_STREAM = scenario("object_stream", 100e6, "B/s", "one connection to an object store", CHAPTER, "chapter")
VOLUME = scenario("cloud_volume", 250e6, "B/s", "cloud block volume", CHAPTER, "chapter")
SATA_SSD = scenario("sata_ssd", 500e6, "B/s", "SATA SSD, sequential read", CHAPTER, "chapter")
NVME_GEN3 = scenario("nvme_gen3", 3.5e9, "B/s", "PCIe Gen3 drive, sequential read", "data sheets", "datasheet")
MICROSD = scenario("microsd", 100e6, "B/s", "memory card", "UHS-I bus limit of 104 MB/s", "datasheet")
DECODE_CLOUD = scenario(
    "decode_per_worker_cloud",
    200,
    "image/s",
    "JPEG decode, crop and normalise on one server core",
    "assumption: 5 ms per image; that this stage stalls fast GPUs is measured in Mohan et al., PVLDB 2021",
)
DECODE_EDGE = scenario(
    "decode_per_worker_edge", 100, "image/s", "the same on one core of the Orin NX", "assumption: half a server core"
)
WORKERS = scenario(
    "loader_workers", 16, "1", "loader processes of the VM", "assumption: cloud VMs have 12 to 26 vCPUs per H100"
)
WORKERS_EDGE = scenario("loader_workers_edge", 4, "1", "loader processes on the Orin NX", "half of its 8 cores")
BATCH = scenario("batch", 256, "image", "images per step on one accelerator", "assumption: a common ResNet-50 batch")
GPUS_ASKED = scenario("gpus_asked", 4, "GPU", "one H100 and the three that the team wants", "the lab's scenario")

# --- Act II, Cloud ---
DATASET = scenario("dataset_bytes", 1e15, "B", "fleet video in the East, decimal", "Data Engineering", "chapter")
LINKS = (1.25e9, c.ETH100_BW.value, 50e9)
SCAN = scenario(
    "scan_bytes_s",
    10e9,
    "B/s",
    "parallel read of the object store inside its region",
    "assumption: 100 connections at 100 MB/s",
)
CORE_PRICE = scenario(
    "cpu_usd_core_hour", 0.0425, "USD/hour", "one core", "c5.xlarge list price, 0.17 USD/h for 4 vCPU (2024)"
)
A100_PRICE = scenario(
    "a100_usd_hour_scarce",
    6.00,
    "USD/GPU/hour",
    "the few GPUs next to the data",
    "assumption: a scarcity premium over some 3 to 4",
)
WEST = scenario("gpus_west_max", 64, "GPU", "H100s rented in the West", "the lab's scenario")
EAST = scenario("gpus_east_max", 16, "GPU", "A100s free in the East", "the lab's scenario")
EPOCHS = scenario("epochs", 3, "1", "passes of the fine-tune", "assumption: a fine-tune, not a training from scratch")
DEADLINE_H = scenario("deadline_h", 96, "hour", "from the start to the trained model", "the lab's scenario")
BUDGET = scenario("budget_usd", 30_000, "USD", "for everything", "the lab's scenario")
UNIQUE = scenario(
    "unique_fraction",
    0.25,
    "1",
    "frames that are no near-duplicates",
    "assumption: at 30 frames a second three of four repeat their neighbour",
)
UNIQUE_MIN = scenario("unique_min", 0.95, "1", "unique frames that must survive", "the lab's scenario")
RELEASES = scenario("releases_per_year", 5.75, "1/year", "releases without a Lab 03", "default of Lab 03's design")

# --- Act II, Edge ---
VEHICLE_CAMERAS = scenario("cameras", 8, "1", "cameras of one vehicle", "assumption: a surround set")
FPS = scenario("fps", 30, "1/s", "frames per second and camera", "assumption: video rate")
SHIFT_H = scenario("shift_h", 8, "hour", "a vehicle's working day", "assumption: one shift")
OUTAGE_DAYS = scenario("outage_min_days", 5, "day", "the depot may be offline so long", "assumption: a working week")
RATES = "assumption: typical sustained rate"
LTE = scenario("uplink_lte", 1.25e6, "B/s", "LTE, 10 Mb/s", RATES)
NR = scenario("uplink_5g", 6.25e6, "B/s", "5G, 50 Mb/s", RATES)
WIFI = scenario("uplink_wifi", 25e6, "B/s", "depot Wi-Fi, 200 Mb/s", RATES)
FIBRE = scenario("uplink_fibre", 125e6, "B/s", "fibre at the charging post, 1 Gb/s", RATES)
UPLINKS = {LTE.value: "LTE", NR.value: "5G", WIFI.value: "Wi-Fi", FIBRE.value: "fibre"}

FLOP_INFER = c.RESNET50_FLOPS.value
FLOP_TRAIN = c.TRAIN_FACTOR.value * FLOP_INFER
BYTES = {"jpeg": c.IMAGE_JPEG.value, "uint8": c.IMAGE_UINT8.value, "fp32": FP32_BYTES.value}
DECODE = {"cloud": DECODE_CLOUD.value, "edge": DECODE_EDGE.value}
#: Bytes that the cameras of one vehicle record in a day.
GENERATED = VEHICLE_CAMERAS.value * FPS.value * c.IMAGE_JPEG.value * SHIFT_H.value * 3600
LIST_PRICE = c.EGRESS_USD_GB.value
#: List prices by volume (2024): up to so many bytes, so many USD/GB. Only for the instructor's question.
TIERS = ((10e12, 0.09), (50e12, 0.085), (150e12, 0.07), (math.inf, 0.05))

STAGES = ("storage", "decode", "accelerator")
PARTS = {"read": "data", "decode": "series-2", "compute": "series-3", "idle": "series-5"}
#: Batches on the timeline; sizes on the gravity map (B), a job of which is proportional to its size; days on the
#: buffer's line.
BATCHES = 5
SIZES = np.geomspace(1e12, 1e16, 9)
DAYS = np.linspace(0, 30, 121)


def peak(context: str) -> float:
    """Dense FP16 rate of the accelerator of Act I (FLOP/s)."""
    rate = (H100 if context == "cloud" else ORIN_NX).peak_fp16
    assert rate is not None
    return rate


def demand(rate_flop_s: float | None, gpus: float = 1) -> float:
    """Images per second that fully fed accelerators train on, at the usual efficiency."""
    assert rate_flop_s is not None
    return float(physics.accelerator_demand(rate_flop_s, EFFICIENCY.value, FLOP_TRAIN, gpus))


def tiered_egress(size_bytes: float) -> float:
    """Egress of `size_bytes` at list prices that fall with volume (USD)."""
    edges = [0.0, *(min(edge, size_bytes) for edge, _ in TIERS)]
    return sum(
        physics.egress_cost(high - low, price) for low, high, (_, price) in zip(edges, edges[1:], TIERS, strict=False)
    )


# --- Act I ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FeedingOutcome:
    """Rates of the pipeline's stages (images/s), what comes out, and the time of one step (s)."""

    supply_items_s: float
    decode_items_s: float | None
    demand_items_s: float
    throughput_items_s: float
    utilization: float
    feeding_tax: float
    bottleneck: str
    demand_bytes_s: float
    wasted_usd_day: float | None
    read_s: float
    decode_s: float
    compute_s: float
    step_s: float
    idle_s: float

    @property
    def rates(self) -> dict[str, float]:
        """The stages that there are, with their rates, in the order of the flow."""
        decode = {} if self.decode_items_s is None else {"decode": self.decode_items_s}
        return {"storage": self.supply_items_s, **decode, "accelerator": self.demand_items_s}


class FeedingPipeline(Act):
    """Act I: throughput is the minimum over stages."""

    title = "Twenty-three percent busy"
    minutes = 14

    storage_bytes_s = choice(
        "Storage",
        {
            OBJECT_STREAM.value: "object stream, 100 MB/s",
            VOLUME.value: "cloud block volume, 250 MB/s",
            SATA_SSD.value: "SATA SSD, 500 MB/s",
            NVME_GEN3.value: "NVMe Gen3, 3.5 GB/s",
            c.NVME_BW.value: "NVMe Gen4, 7 GB/s",
        },
        VOLUME.value,
        widget="select",
        reason="what can be attached to the machine",
        per_context={
            "edge": {
                "options": {
                    MICROSD.value: "microSD card, 100 MB/s",
                    SATA_SSD.value: "SATA SSD, 500 MB/s",
                    NVME_GEN3.value: "NVMe Gen3, 3.5 GB/s",
                },
                "default": MICROSD.value,
            }
        },
    )
    format = choice(
        "Stored as",
        {"jpeg": "JPEG", "uint8": "uint8", "fp32": "FP32 tensor"},
        "jpeg",
        reason="decoded formats need no decoding; an FP32 tensor is four times the bytes",
    )
    workers = slider(
        "Loader workers",
        1,
        64,
        1,
        WORKERS.value,
        unit="processes",
        text=lambda count: counted(count, "processes"),
        reason="cores of the machine: 64 of a server, 8 of the Orin NX",
        per_context={"edge": {"high": 8, "default": WORKERS_EDGE.value}},
    )
    gpus = slider("H100s", 1, 8, 1, 1, text=gpus_text, unit="GPUs", only_in=("cloud",), reason="what one server holds")
    efficiency = slider(
        "Efficiency when fed",
        0.05,
        1,
        0.01,
        EFFICIENCY.value,
        unit="of peak",
        reason="1 is the data sheet's peak, which no training reaches; 0.05 a model of small layers",
    )
    prefetch = choice(
        "Prefetching", {True: "on", False: "off"}, True, reason="whether the stages work at the same time or in turn"
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        storage_bytes_s: float,
        format: str,
        workers: float,
        efficiency: float,
        prefetch: bool,
        gpus: float = 1,
    ) -> FeedingOutcome:
        supply = float(physics.supply_rate(storage_bytes_s, BYTES[format]))
        decode = float(physics.decode_rate(workers, DECODE[context])) if format == "jpeg" else None
        wanted = float(physics.accelerator_demand(peak(context), efficiency, FLOP_TRAIN, gpus))
        rates = [supply, *([] if decode is None else [decode]), wanted]
        flow = float((physics.pipeline_throughput if prefetch else physics.serial_throughput)(np.array(rates)))
        tax = float(physics.feeding_tax(flow, wanted))
        names = [name for name in STAGES if name != "decode" or decode is not None]
        # On a tie the first in the order of the flow.
        bottleneck = names[rates.index(min(rates))]
        # One step: a batch on every accelerator.
        images = BATCH.value * gpus
        return FeedingOutcome(
            supply_items_s=supply,
            decode_items_s=decode,
            demand_items_s=wanted,
            throughput_items_s=flow,
            utilization=flow / wanted,
            feeding_tax=tax,
            bottleneck=bottleneck,
            demand_bytes_s=wanted * BYTES[format],
            wasted_usd_day=tax * gpus * c.H100_USD_H_ON_DEMAND.value * 24 if context == "cloud" else None,
            read_s=images / supply,
            decode_s=0.0 if decode is None else images / decode,
            compute_s=images / wanted,
            step_s=images / flow,
            idle_s=images / flow - images / wanted,
        )

    @classmethod
    @cache
    def asked(cls, gpus: int = 1, storage: float = VOLUME.value, workers: float = WORKERS.value) -> FeedingOutcome:
        """The retailer's pipeline, with other numbers of GPUs, another storage or more workers."""
        return cls.compute(
            "cloud",
            storage_bytes_s=storage,
            format="jpeg",
            workers=workers,
            efficiency=EFFICIENCY.value,
            prefetch=True,
            gpus=gpus,
        )

    @classmethod
    def enough_workers(cls) -> int:
        """Loader workers that keep one H100 busy."""
        return math.ceil(cls.asked().demand_items_s / DECODE_CLOUD.value)

    def message(self) -> Message:
        more = GPUS_ASKED.value - 1
        return Message(
            "Head of Machine Learning, an online retailer",
            "ResNet-50 on our product photos: one H100, images on a standard cloud volume, and the monitor says "
            f"**{percent(self.asked().utilization, 0)} GPU utilisation**. The team wants {plain(more)} more H100s on "
            f"the same volume by Friday; that is {c.H100_USD_H_ON_DEMAND.value * 24:,.0f} dollars a day each. Sign, "
            "or tell me what to buy instead.",
        )

    def concept(self) -> str:
        return (
            "A **loader** reads, decodes and hands over batches while the accelerator works on the one before. Three "
            "stages, each with a rate in images per second: *storage* delivers bytes, *loader workers* on CPU cores "
            "turn JPEG files into pixels, the *accelerator* trains.\n\n"
            "| data sheet | Cloud | Edge |\n|---|---|---|\n"
            f"| storage | volume, {VOLUME.value / 1e6:g} MB/s | microSD, {MICROSD.value / 1e6:g} MB/s |\n"
            f"| one image | {c.IMAGE_JPEG.value / 1e3:g} KB | {c.IMAGE_JPEG.value / 1e3:g} KB |\n"
            f"| loader workers | {WORKERS.value:g} | {WORKERS_EDGE.value:g} |\n"
            f"| accelerator | H100 | Orin NX |"
        )

    def prediction(self) -> ChoicePrediction:
        one, four = self.asked(), self.asked(int(GPUS_ASKED.value))
        return ChoicePrediction(
            "With four H100s behind the same volume, training throughput becomes …",
            (
                Option(
                    "A",
                    "four times what it is",
                    value=4,
                    saved=4,
                    feedback=(
                        "Utilisation below 100 % is no reason for more of the same: one GPU already waits "
                        f"{percent(one.feeding_tax, 0)} of the time; four would wait {percent(four.feeding_tax, 0)}."
                    ),
                ),
                Option(
                    "B",
                    "about twice what it is",
                    value=2,
                    saved=2,
                    feedback=(
                        "Diminishing returns are still returns, and there are none: nothing in the pipeline got "
                        "faster, not even by half."
                    ),
                ),
                Option(
                    "C",
                    "what it is now",
                    value=1,
                    saved=1,
                    correct=True,
                    feedback=(
                        f"{number(one.throughput_items_s, 5)} images/s before and after; utilisation falls from "
                        f"{percent(one.utilization)} to {percent(four.utilization)}."
                    ),
                ),
                Option(
                    "D",
                    "about a quarter of what it is",
                    value=0.25,
                    saved=0.25,
                    feedback=(
                        "They do fight for the volume, but they lose nothing in sum: sharing divides the supply per "
                        "GPU by four, and the total is what trains the model."
                    ),
                ),
            ),
            actual=four.throughput_items_s / one.throughput_items_s,
            form=lambda ratio: f"{ratio:.2f} times",
            why=(
                f"The volume delivers {VOLUME.value / 1e6:g} MB/s whoever asks: "
                f"{four.throughput_items_s:,.0f} images/s, at {percent(four.utilization)} utilisation."
            ),
        )

    def plots(self, outcome: FeedingOutcome) -> dict[str, Any]:
        predicted = self.predicted() if self.context == "cloud" else None
        claimed = None if predicted is None else predicted * self.asked().throughput_items_s
        return {
            "stages": pipeline_stages(
                self._stages(outcome),
                flow=Stage(f"result: {number(outcome.throughput_items_s, 4)} images/s", outcome.throughput_items_s),
                narrowest=STAGES.index(outcome.bottleneck) if self.prefetch else None,
                mark=outcome.demand_items_s,
                mark_text=f"demand {number(outcome.demand_items_s, 4)}",
                predicted=claimed,
                predicted_text=f"you said, with {GPUS_ASKED.value:g} GPUs",
                unit="images per second",
                low=10,
                high=1e6,
                title="Rates of the stages, and what runs through all of them",
                caption=self._stages_caption(outcome),
            ),
            "waterfall": self._waterfall(outcome),
            "timeline": self._timeline(outcome),
        }

    def _accelerator(self) -> str:
        if self.context == "edge":
            return "Orin NX"
        return "H100" if self.gpus == 1 else f"{self.gpus:g} H100s"

    def _stages(self, outcome: FeedingOutcome) -> list[Stage]:
        names = {
            "storage": "storage",
            "decode": counted(self.workers, "cores"),
            "accelerator": self._accelerator(),
        }
        made = []
        for key in STAGES:
            rate = outcome.rates.get(key, math.nan)
            if math.isnan(rate):
                made.append(Stage("cores: nothing to decode", rate))
                continue
            share = outcome.throughput_items_s / rate
            used = percent(share, 0 if share > 0.01 else 1)
            tight = self.prefetch and key == outcome.bottleneck
            made.append(Stage(f"{names[key]}: {number(rate, 4)}, {'bottleneck' if tight else f'{used} used'}", rate))
        return made

    def _stages_caption(self, outcome: FeedingOutcome) -> str:
        flow, rates = outcome.throughput_items_s, outcome.rates
        if not self.prefetch:
            return (
                f"In turn, the stages reach {number(flow, 4)} images/s, less than the slowest of them alone "
                f"({number(min(rates.values()), 4)})."
            )
        others = {name: rate for name, rate in rates.items() if name != outcome.bottleneck}
        following = min(others, key=lambda name: others[name])
        words = {"storage": "Storage", "decode": "Decoding", "accelerator": "The accelerator"}
        return (
            f"{words[outcome.bottleneck]} sets the pace: {number(flow, 4)} images/s. The next wall is "
            f"{words[following].lower()} at {number(others[following], 4)}, "
            f"{number(others[following] / flow, 3)} times as fast."
        )

    def _waterfall(self, outcome: FeedingOutcome) -> Any:
        apart = {"read": outcome.read_s, "decode": outcome.decode_s, "compute": outcome.compute_s}
        in_turn, longest = sum(apart.values()), max(apart.values())
        overlapped = {"read": 0.0, "decode": 0.0, "compute": outcome.compute_s, "idle": longest - outcome.compute_s}
        unit, scale = ("ms", 1e3) if in_turn < 0.6 else ("s", 1.0)
        times = {**apart, "step": outcome.step_s, "idle": outcome.idle_s}
        text = {name: number(time * scale, 4) for name, time in times.items()}
        return latency_waterfall(
            [
                Bar("▸ overlapped" if self.prefetch else "overlapped", overlapped),
                Bar("in turn" if self.prefetch else "▸ in turn", {**apart, "idle": 0.0}),
            ],
            title=f"One step of {BATCH.value * self._count():,.0f} images",
            unit=unit,
            scale=scale,
            # Room for the total on the narrowest screen.
            high=1.6 * scale * in_turn,
            caption=(
                f"Read {text['read']}, decode {text['decode']}, compute {text['compute']} {unit}. "
                f"{'Overlapped' if self.prefetch else 'In turn'}, a step takes {text['step']} {unit}, of which the "
                f"accelerator waits {text['idle']}."
            ),
        )

    def _count(self) -> float:
        return self.gpus if self.context == "cloud" else 1

    def _timeline(self, outcome: FeedingOutcome) -> Any:
        times = [outcome.read_s, outcome.decode_s, outcome.compute_s]
        starts, ends = physics.loader_schedule(times, BATCHES, prefetch=self.prefetch)
        waiting = 1 - outcome.compute_s * BATCHES / ends[-1, -1]
        return loader_timeline(
            ["storage", "cores", self._accelerator()],
            starts,
            ends,
            tokens=[PARTS["read"], PARTS["decode"], PARTS["compute"]],
            title=f"The first {BATCHES} steps, from a cold start",
            caption=(
                f"Hatched: the accelerator waits, {percent(waiting, 0)} of this time with the start and "
                f"{percent(outcome.feeding_tax, 0)} in the long run."
            ),
        )

    def metrics(self, outcome: FeedingOutcome) -> list[Metric]:
        wasted = outcome.wasted_usd_day
        return [
            Metric("Throughput", number(outcome.throughput_items_s, 4), "images/s"),
            Metric.of("Utilisation", percent(outcome.utilization)),
            Metric.of("Feeding tax", percent(outcome.feeding_tax), note="paid time that waits for data"),
            Metric.of("Demand", f"{number(outcome.demand_bytes_s / 1e9, 4)} GB/s", note="to keep it busy"),
            Metric("Wasted", "–", note="the Orin is owned, not rented")
            if wasted is None
            else Metric.of("Wasted", f"{number(wasted, 3)} USD/day", note="feeding tax, in rent"),
        ]

    def reflection(self) -> Question:
        one, two = self.asked(), self.asked(2)
        fast = self.asked(1, c.NVME_BW.value)
        enough = self.enough_workers()
        full = self.asked(1, c.NVME_BW.value, enough)
        return Question(
            "Which of these brings the one H100 to full utilisation?",
            (
                Option(
                    "A",
                    "A second H100",
                    f"It takes half of the supply away: the tax grows from {percent(one.feeding_tax, 0)} to "
                    f"{percent(two.feeding_tax, 0)}.",
                ),
                Option(
                    "B",
                    "An NVMe drive alone",
                    f"Half right: the bottleneck moved, it did not vanish. Utilisation is {percent(fast.utilization)}, "
                    f"for the decode wall stands at {fast.throughput_items_s:,.0f} images/s.",
                ),
                Option(
                    "C",
                    f"An NVMe drive, and with it {enough} or more workers or a decoded uint8 copy",
                    correct=True,
                    feedback=(
                        f"Every stage that is slower than {full.demand_items_s:,.0f} images/s has to go: utilisation "
                        f"{percent(full.utilization, 0)}."
                    ),
                ),
                Option(
                    "D",
                    "Larger batches",
                    "Images per second are missing, not images per batch: a larger batch waits longer for its bytes.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "supply_rate",
                "decode_rate",
                "accelerator_demand",
                "pipeline_throughput",
                "serial_throughput",
                "feeding_tax",
            ),
            "Together: $X=\\min(BW/b,\\ w\\,r_w,\\ nR\\eta/F)$. Prefetching is what turns the sum of times into their "
            "maximum. A decoded format has no second term. Random small reads are slower than sequential ones, and an "
            "object store needs many connections to be fast.",
        )


# --- Act II -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CloudJob:
    """Filter, transfer and training of the petabyte: hours, dollars, and what is left of the unique frames.

    `move` and `stay` are hours and dollars of both placements at the same reduction and price, `whole` those of
    moving everything unfiltered to all GPUs of the West.
    """

    filter_h: float
    transfer_h: float
    train_h: float
    total_h: float
    egress_usd: float
    gpu_usd: float
    filter_usd: float
    cost_usd: float
    unique_retained: float
    feasible: bool
    moved_bytes: float
    move: tuple[float, float]
    stay: tuple[float, float]
    whole: tuple[float, float]

    @property
    def hours(self) -> dict[str, float]:
        """Hours of the steps, in their order."""
        return {"filter": self.filter_h, "transfer": self.transfer_h, "train": self.train_h}

    @property
    def dollars(self) -> dict[str, float]:
        """Dollars of the steps, in their order."""
        return {"filter": self.filter_usd, "transfer": self.egress_usd, "train": self.gpu_usd}


@dataclass(frozen=True)
class VehicleDay:
    """What one vehicle records, keeps and uploads a day (B), and how long its buffer lasts (days)."""

    kept_bytes_day: float
    uplink_capacity_bytes_day: float
    growth_bytes_day: float
    overflow_days: float | None
    outage_days: float
    unique_retained: float
    feasible: bool
    filter_load: float
    buffer_bytes: float

    @property
    def no_overflow(self) -> bool:
        """Whether what is kept can be uploaded."""
        return at_most(self.kept_bytes_day, self.uplink_capacity_bytes_day)


def job(placement: str, reduction: float, link_bytes_s: float, gpus: float, usd_per_gb: float) -> dict[str, float]:
    """The job in the cloud: hours and dollars of its steps, which run one after the other."""
    moving = placement == "move"
    kept = DATASET.value / reduction
    images = DATASET.value / c.IMAGE_JPEG.value
    filtered = reduction > 1
    core_hours = physics.training_time(images, 1, DECODE_CLOUD.value) / 3600
    rate = demand((H100 if moving else A100).peak_fp16, gpus)
    if not moving:
        rate = physics.pipeline_throughput(np.array([physics.supply_rate(SCAN.value, c.IMAGE_JPEG.value), rate]))
    train_h = physics.training_time(images / reduction, EPOCHS.value, rate) / 3600
    return {
        "filter_h": physics.transfer_time(DATASET.value, SCAN.value, 0.0) / 3600 if filtered else 0.0,
        "transfer_h": physics.transfer_time(kept, link_bytes_s, 0.0) / 3600 if moving else 0.0,
        "train_h": train_h,
        "egress_usd": physics.egress_cost(kept, usd_per_gb) if moving else 0.0,
        "gpu_usd": gpus * train_h * (c.H100_USD_H_ON_DEMAND.value if moving else A100_PRICE.value),
        "filter_usd": core_hours * CORE_PRICE.value if filtered else 0.0,
    }


def totals(steps: dict[str, float]) -> tuple[float, float]:
    """Hours and dollars of a job."""
    hours, dollars = (sum(value for name, value in steps.items() if name.endswith(unit)) for unit in ("_h", "_usd"))
    return hours, dollars


class DataGravity(Act):
    """Act II: move the bytes, move the work, or shrink the data."""

    title = "A petabyte in the East"
    minutes = 24

    placement = choice(
        "Where the training runs",
        {"move": "move data West", "in_place": "train in place"},
        "move",
        only_in=("cloud",),
        reason="the two ends of the line: 64 H100s far from the data, 16 A100s beside it",
    )
    uplink_bytes_s = choice(
        "Uplink while parked",
        {
            LTE.value: "LTE, 10 Mb/s",
            NR.value: "5G, 50 Mb/s",
            WIFI.value: "depot Wi-Fi, 200 Mb/s",
            FIBRE.value: "fibre, 1 Gb/s",
        },
        LTE.value,
        widget="select",
        only_in=("edge",),
        reason="what a depot can be given",
    )
    parked_h = slider(
        "Parked at the depot",
        2,
        14,
        1,
        8,
        unit="h/day",
        only_in=("edge",),
        reason="the vehicle works 8 hours, and must charge",
    )
    buffer_bytes = choice(
        "Buffer in the vehicle",
        {0.5e12: "0.5 TB", 1e12: "1 TB", 2e12: "2 TB", 4e12: "4 TB", 8e12: "8 TB"},
        1e12,
        only_in=("edge",),
        reason="disks on sale for vehicles",
    )
    reduction = slider(
        "Filter shrinks the data",
        1,
        10,
        0.1,
        1,
        unit="×",
        reason="no filter, to far beyond the factor of 4 that only drops near-duplicates",
    )
    link_bytes_s = choice(
        "Line to the West",
        dict(zip(LINKS, ("10 Gb/s", "100 Gb/s", "400 Gb/s"), strict=True)),
        c.ETH100_BW.value,
        only_in=("cloud",),
        reason="dedicated lines on offer",
    )
    gpus_west = slider(
        "H100s in the West",
        8,
        64,
        8,
        WEST.value,
        unit="GPUs",
        only_in=("cloud",),
        reason="whole servers of the rented 64",
    )
    gpus_east = slider(
        "A100s in the East", 2, 16, 2, EAST.value, unit="GPUs", only_in=("cloud",), reason="the 16 free beside the data"
    )
    egress_usd_per_gb = slider(
        "What if: egress price",
        0,
        0.12,
        0.01,
        LIST_PRICE,
        unit="USD/GB",
        only_in=("cloud",),
        reason="nothing, to a third above the list price",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        reduction: float,
        placement: str = "move",
        link_bytes_s: float = c.ETH100_BW.value,
        gpus: float | None = None,
        gpus_west: float = WEST.value,
        gpus_east: float = EAST.value,
        egress_usd_per_gb: float = LIST_PRICE,
        uplink_bytes_s: float = LTE.value,
        parked_h: float = 8,
        buffer_bytes: float = 1e12,
    ) -> CloudJob | VehicleDay:
        """The outcome; `gpus`, where given, is the number at the chosen placement, whatever the two sliders say."""
        unique = float(physics.unique_retained(reduction, UNIQUE.value))
        if context == "edge":
            return cls._vehicle(reduction, unique, uplink_bytes_s, parked_h, buffer_bytes)
        moving = placement == "move"
        count = {"move": gpus_west, "in_place": gpus_east}
        if gpus is not None:
            count[placement] = gpus
        plans = {side: job(side, reduction, link_bytes_s, count[side], egress_usd_per_gb) for side in count}
        steps = plans[placement]
        hours, dollars = totals(steps)
        return CloudJob(
            **steps,
            total_h=hours,
            cost_usd=dollars,
            unique_retained=unique,
            feasible=bool(
                at_most(hours, DEADLINE_H.value)
                and at_most(dollars, BUDGET.value)
                and at_least(unique, UNIQUE_MIN.value)
            ),
            moved_bytes=DATASET.value / reduction if moving else 0.0,
            move=totals(plans["move"]),
            stay=totals(plans["in_place"]),
            whole=totals(job("move", 1, link_bytes_s, count["move"], egress_usd_per_gb)),
        )

    @classmethod
    def _vehicle(
        cls, reduction: float, unique: float, uplink_bytes_s: float, parked_h: float, buffer_bytes: float
    ) -> VehicleDay:
        kept, seconds = GENERATED / reduction, parked_h * 3600
        capacity = uplink_bytes_s * seconds
        fits = at_most(kept, capacity)
        growth = 0.0 if fits else float(physics.backlog_growth(GENERATED, reduction, uplink_bytes_s, seconds))
        outage = buffer_bytes / kept
        return VehicleDay(
            kept_bytes_day=kept,
            uplink_capacity_bytes_day=capacity,
            growth_bytes_day=growth,
            overflow_days=None if fits else buffer_bytes / growth,
            outage_days=outage,
            unique_retained=unique,
            feasible=bool(fits and at_least(outage, OUTAGE_DAYS.value) and at_least(unique, UNIQUE_MIN.value)),
            filter_load=cls.filter_load() if reduction > 1 else 0.0,
            buffer_bytes=buffer_bytes,
        )

    @classmethod
    @cache
    def filter_load(cls) -> float:
        """Share of the Orin NX that looks at every frame of every camera once."""
        rate = physics.accelerator_demand(peak("edge"), EFFICIENCY.value, FLOP_INFER, 1)
        return float(VEHICLE_CAMERAS.value * FPS.value / rate)

    @classmethod
    @cache
    def plan(cls, placement: str, reduction: float = 1.0, link_bytes_s: float = c.ETH100_BW.value) -> CloudJob:
        """A plan at list price with all GPUs of its side."""
        outcome = cls.compute("cloud", placement=placement, reduction=reduction, link_bytes_s=link_bytes_s)
        assert isinstance(outcome, CloudJob)
        return outcome

    # The what-if price opens with a design that meets the challenge at the list price, and goes back to the list
    # price with a design that does not: nobody solves the challenge by making egress free.

    def _solved_at_list_price(self, values: dict[str, Any]) -> bool:
        return bool(self.compute("cloud", **{**values, "egress_usd_per_gb": LIST_PRICE}).feasible)

    def settle(self, values: Any) -> dict[str, Any]:
        if values.get("egress_usd_per_gb", LIST_PRICE) == LIST_PRICE or self._solved_at_list_price(dict(values)):
            return {}
        return {"egress_usd_per_gb": LIST_PRICE}

    def limits(self) -> dict[str, Any]:
        if self.context == "edge":
            return {}
        if self._solved_at_list_price(self.values()):
            return {}
        return {
            "egress_usd_per_gb": f"Opens while the design meets all limits at the list price of {LIST_PRICE:g} USD/GB."
        }

    def message(self) -> Message:
        return Message(
            "Head of Perception, an autonomous-vehicle company",
            f"One petabyte of fleet video sits in an object store in the East. Our **{WEST.value:g} H100s** are rented "
            "from another provider in the West; next to the data only "
            f"**{EAST.value:g} old A100s** are free. Retrain within **{DEADLINE_H.value:g} hours**, "
            f"**{BUDGET.value:,.0f} dollars** for everything, and do not throw away a rare scene. And tell the depots "
            "what the vehicles should upload: the trucks fill their disks in a day.",
        )

    def from_ledger(self) -> str:
        releases = self._releases()
        if releases is None:
            return ""
        return (
            f"In Lab 03 you planned **{number(releases)} releases a year**. Each retrains, so egress is paid that "
            "often."
        )

    def _releases(self) -> float | None:
        """Releases a year of the student's own Lab 03, where there are any."""
        releases = self.lab.read("ch03", "releases_per_year")
        return releases or None

    def concept(self) -> str:
        return (
            "Three things can move: the *bytes*, the *compute*, or the decision which bytes matter. A **filter** next "
            "to the data drops near-duplicate frames before anything travels; "
            f"{percent(1 - UNIQUE.value, 0)} of the frames are near-duplicates. It reads everything once, at "
            f"{SCAN.value / 1e9:g} GB/s. Data that leaves a provider is billed as *egress*, "
            f"{LIST_PRICE:g} dollars a gigabyte at list price.\n\n"
            f"A vehicle records {VEHICLE_CAMERAS.value:g} cameras at {FPS.value:g} frames a second, "
            f"{SHIFT_H.value:g} hours a day, {c.IMAGE_JPEG.value / 1e3:g} KB a frame. It uploads while parked and "
            f"keeps the rest in a buffer; the depot may be offline for {OUTAGE_DAYS.value:g} days."
        )

    def prediction(self) -> ChoicePrediction:
        hours = self.plan("move").transfer_h
        line = c.ETH100_BW.value
        return ChoicePrediction(
            "How long does 1 PB take over a dedicated 100 Gb/s line that is always full?",
            (
                Option(
                    "A",
                    f"About {hours / 100 * 60:.0f} minutes",
                    value=hours / 100,
                    feedback=(
                        "Between clouds data does not move practically at once: that is a hundred times too fast, and "
                        f"would take a line of {line * 8 * 100 / 1e12:g} Tb/s."
                    ),
                ),
                Option(
                    "B",
                    f"About {hours / 8:.1f} hours",
                    value=hours / 8,
                    feedback="100 Gb/s read as 100 GB/s. A byte has eight bits.",
                ),
                Option(
                    "C",
                    f"About {hours:.0f} hours",
                    value=hours,
                    correct=True,
                    feedback=f"{DATASET.value / line:,.0f} seconds.",
                ),
                Option(
                    "D",
                    f"About {hours * 10 / 24:.0f} days",
                    value=hours * 10,
                    feedback=(
                        "A factor of ten was lost among peta, tera and giga. So long it takes over "
                        f"{line * 8 / 10 / 1e9:g} Gb/s."
                    ),
                ),
            ),
            actual=hours,
            form=lambda value: f"{number(value)} h",
            why=(f"100 gigabits are {line / 1e9:g} gigabytes, and a petabyte is {DATASET.value / 1e9:,.0f} gigabytes."),
        )

    def challenge(self) -> str:
        if self.context == "edge":
            return (
                "Let the vehicle **keep up**: what it keeps in a day must be uploaded in a day, the buffer must "
                f"survive **{OUTAGE_DAYS.value:g} days** with the depot offline, and at least "
                f"**{percent(UNIQUE_MIN.value, 0)}** of the unique frames must survive. Then try it without a filter, "
                "and ask what a fleet of such disks and lines costs."
            )
        return (
            f"Retrain within **{DEADLINE_H.value:g} h** and **{usd(BUDGET.value)}**, with at least "
            f"**{percent(UNIQUE_MIN.value, 0)}** of the unique frames. Then find the cheapest and the fastest plan, "
            "and ask what the price of egress would have to be for moving everything."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        unique = Constraint(
            f"Unique ≥ {percent(UNIQUE_MIN.value, 0)}", lambda o: at_least(o.unique_retained, UNIQUE_MIN.value)
        )
        if self.context == "edge":
            return (
                Constraint("No overflow", lambda o: o.no_overflow),
                Constraint(
                    f"Outage ≥ {OUTAGE_DAYS.value:g} days", lambda o: at_least(o.outage_days, OUTAGE_DAYS.value)
                ),
                unique,
            )
        return (
            Constraint(f"Time ≤ {DEADLINE_H.value:g} h", lambda o: at_most(o.total_h, DEADLINE_H.value)),
            Constraint(f"Cost ≤ {usd(BUDGET.value)}", lambda o: at_most(o.cost_usd, BUDGET.value)),
            unique,
        )

    def failures(self) -> tuple[Failure, ...]:
        lost = Failure(
            "rare_scenes_lost",
            "RARE SCENES LOST:",
            when=lambda o: not at_least(o.unique_retained, UNIQUE_MIN.value),
            text=lambda o: f"only {percent(o.unique_retained)} of unique frames survive the filter.",
        )
        if self.context == "edge":
            return (Failure("buffer_overflow", "BUFFER OVERFLOW:", lambda o: not o.no_overflow, overflow_text), lost)
        return (
            Failure(
                "data_gravity",
                "DATA GRAVITY:",
                lambda o: not (at_most(o.total_h, DEADLINE_H.value) and at_most(o.cost_usd, BUDGET.value)),
                gravity_text,
            ),
            lost,
        )

    def plots(self, outcome: CloudJob | VehicleDay) -> dict[str, Any]:
        if isinstance(outcome, VehicleDay):
            return self._vehicle_plots(outcome)
        start = self.at_defaults()
        names = {"filter": "series-3", "transfer": "data", "train": "series-2"}
        predicted = self.predicted()
        now = "this plan"
        budget = BUDGET.value
        return {
            "time": budget_stack(
                [Stack(now, outcome.hours), Stack("at the start", start.hours)],
                tokens=names,
                limit=Limit(DEADLINE_H.value, f"deadline {DEADLINE_H.value:g} h"),
                axis=Axis("time (h)", 0, 320),
                unit="h",
                title="Hours, one step after the other",
                predicted=predicted,
                predicted_text="" if predicted is None else f"your transfer: {number(predicted)} h",
                flagged=True,
                caption=largest(outcome.hours, "h"),
            ),
            "cost": budget_stack(
                [Stack(now, outcome.dollars), Stack("at the start", start.dollars)],
                tokens=names,
                limit=Limit(budget, f"budget {usd(budget)}"),
                axis=Axis(
                    "cost (USD)",
                    0,
                    130_000,
                    ticks=tuple((1e3 * k, f"{k},000" if k else "0") for k in range(0, 121, 40)),
                ),
                unit="USD",
                title="Dollars: cores for the filter, egress, GPUs",
                caption=largest(outcome.dollars, "USD"),
            ),
            **self._gravity(outcome),
        }

    def _gravity(self, outcome: CloudJob) -> dict[str, Any]:
        chosen = 0 if self.placement == "move" else 1
        share = SIZES / DATASET.value
        drawn = {}
        for k, (name, limit, text, axis) in enumerate(
            (
                ("hours", DEADLINE_H.value, f"{DEADLINE_H.value:g} h", Axis("hours", 0.01, 1e5, log=True)),
                ("dollars", BUDGET.value, usd(BUDGET.value), Axis("USD", 1, 1e7, log=True)),
            )
        ):
            both = outcome.move[k], outcome.stay[k]
            carried = [DATASET.value * limit / value if value > 0 else math.inf for value in both]
            plans = tuple(
                Plan(label, token, share * value, carries)
                for label, token, value, carries in zip(
                    ("move", "in place"), ("data", "series-2"), both, carried, strict=True
                )
            )
            drawn[name] = gravity_panel(
                SIZES,
                (plans[0], plans[1]),
                chosen=chosen,
                here=(DATASET.value, both[chosen]),
                limit=limit,
                limit_text=text,
                y=axis,
                title=f"{name.capitalize()} over the size of the data, filter {plain(self.reduction)}×",
                caption=(
                    f"Within {text}, moving carries {petabytes(carried[0])} and training in place "
                    f"{petabytes(carried[1])}. "
                    + (
                        "The lines are parallel: no size turns the slower plan into the faster one."
                        if k == 0
                        else "What size decides is which limit a plan breaks first."
                    )
                ),
            )
        return drawn

    def _vehicle_plots(self, outcome: VehicleDay) -> dict[str, Any]:
        gb = 1e-9
        kept, capacity = outcome.kept_bytes_day * gb, outcome.uplink_capacity_bytes_day * gb
        flow = min(kept, capacity)
        narrow = not outcome.no_overflow
        level = np.minimum(outcome.growth_bytes_day * DAYS, outcome.buffer_bytes)
        offline = np.minimum(outcome.kept_bytes_day * DAYS, outcome.buffer_bytes)
        lasts = (
            "In service the buffer is empty again every day. "
            if outcome.overflow_days is None
            else f"In service {number(outcome.growth_bytes_day * gb, 4)} GB a day stay behind: the buffer overflows "
            f"after {number(outcome.overflow_days)} days. "
        )
        return {
            "day": pipeline_stages(
                [
                    Stage(f"kept: {number(kept, 4)} GB/day, {percent(flow / kept, 0)} leave", kept),
                    Stage(
                        f"{UPLINKS[self.uplink_bytes_s]}, {self.parked_h:g} h: {number(capacity, 4)}, "
                        f"{'bottleneck' if narrow else f'{percent(flow / capacity, 0)} used'}",
                        capacity,
                    ),
                ],
                flow=Stage(f"uploaded: {number(flow, 4)} GB/day", flow),
                narrowest=1 if narrow else None,
                mark=GENERATED * gb,
                mark_text=f"generated {number(GENERATED * gb, 4)}",
                predicted=None,
                predicted_text="",
                unit="GB per day",
                low=1,
                high=1e5,
                title="A day of one vehicle",
                caption=(
                    f"The cameras record {number(GENERATED * gb, 4)} GB a day, the filter keeps {number(kept, 4)}, "
                    f"the uplink can carry {number(capacity, 4)}."
                ),
            ),
            "buffer": buffer_line(
                DAYS,
                level,
                offline,
                capacity_bytes=outcome.buffer_bytes,
                full_days=outcome.overflow_days,
                offline_full_days=outcome.outage_days,
                needed_days=OUTAGE_DAYS.value,
                title="The buffer over a month",
                caption=f"{lasts}With the depot offline it is full after {number(outcome.outage_days)} days.",
            ),
        }

    def metrics(self, outcome: CloudJob | VehicleDay) -> list[Metric]:
        unique = Metric.of(
            "Unique frames kept",
            percent(outcome.unique_retained),
            status=held(at_least(outcome.unique_retained, UNIQUE_MIN.value)),
        )
        if isinstance(outcome, VehicleDay):
            gb = 1e-9
            return [
                Metric("Generated", number(GENERATED * gb, 5), "GB/day"),
                Metric("Kept", number(outcome.kept_bytes_day * gb, 4), "GB/day"),
                Metric("Uplink carries", number(outcome.uplink_capacity_bytes_day * gb, 4), "GB/day"),
                Metric(
                    "Overflows after",
                    "never" if outcome.overflow_days is None else number(outcome.overflow_days),
                    "" if outcome.overflow_days is None else "days",
                    status=held(outcome.no_overflow),
                ),
                Metric(
                    "Outage tolerated",
                    number(outcome.outage_days),
                    "days",
                    status=held(at_least(outcome.outage_days, OUTAGE_DAYS.value)),
                ),
                unique,
                Metric.of("Filter load", percent(outcome.filter_load, 0), note="of the Orin NX"),
            ]
        releases = self._releases()
        yearly = outcome.egress_usd * (releases or RELEASES.value)
        often = f"{number(releases or RELEASES.value)} releases a year"
        return [
            Metric("Time", number(outcome.total_h, 4), "h", status=held(at_most(outcome.total_h, DEADLINE_H.value))),
            Metric("Cost", f"{outcome.cost_usd:,.0f}", "USD", status=held(at_most(outcome.cost_usd, BUDGET.value))),
            unique,
            Metric("Egress a year", number(yearly, 4), "USD", note=f"{often}{', Lab 03' if releases else ''}"),
            Metric(
                "Moving all of it",
                f"{outcome.whole[1]:,.0f}",
                "USD",
                note=f"no filter, {self.egress_usd_per_gb:g} USD/GB: {number(outcome.whole[0], 4)} h",
            ),
        ]

    def tables(self, outcome: CloudJob | VehicleDay) -> list[Table]:
        if isinstance(outcome, VehicleDay):
            return [self._uplinks(outcome)]
        what = {
            "filter": "filter in the East",
            "transfer": "transfer and egress",
            "train": f"train, {EPOCHS.value:g} epochs",
        }
        rows = [
            (what[name], number(hours, 4), f"{dollars:,.0f}")
            for (name, hours), dollars in zip(outcome.hours.items(), outcome.dollars.values(), strict=True)
        ]
        rows.append(("together", number(outcome.total_h, 4), f"{outcome.cost_usd:,.0f}"))
        return [Table("The plan, step by step", ("", "hours", "USD"), tuple(rows), 3)]

    def _uplinks(self, outcome: VehicleDay) -> Table:
        rows = []
        for rate, name in UPLINKS.items():
            carries = rate * self.parked_h * 3600
            fits = at_most(outcome.kept_bytes_day, carries)
            days = outcome.buffer_bytes / (outcome.kept_bytes_day - carries) if not fits else math.inf
            rows.append((name, number(carries / 1e9, 4), "never" if fits else f"{number(days)} days"))
        return Table(
            f"Every uplink, {self.parked_h:g} h a day",
            ("", "carries, GB/day", "overflows after"),
            tuple(rows),
            list(UPLINKS).index(self.uplink_bytes_s),
        )

    def reflection(self) -> Question:
        stay, move = self.plan("in_place"), self.plan("move")
        h100, a100 = demand(H100.peak_fp16), demand(A100.peak_fp16)
        h100_price = c.H100_USD_H_ON_DEMAND.value
        cheaper = (A100_PRICE.value / a100) / (h100_price / h100)
        return Question(
            f"Without a filter, the whole job costs {stay.cost_usd:,.0f} dollars on the A100s in the East and "
            f"{move.cost_usd:,.0f} on the H100s in the West. Why?",
            (
                Option(
                    "A",
                    "An A100 trains an image for less money",
                    f"At {A100_PRICE.value:g} and {h100_price:g} dollars an hour and {a100:,.0f} and {h100:,.0f} "
                    f"images/s the H100 is {cheaper:.1f} times cheaper per image.",
                ),
                Option(
                    "B",
                    f"Egress of a petabyte costs {move.egress_usd / move.gpu_usd:.0f} times the training run it feeds, "
                    "and staying put costs none",
                    correct=True,
                    feedback=(
                        f"{move.egress_usd:,.0f} against {move.gpu_usd:,.0f} dollars. The unit that matters is dollars "
                        "per useful image, *including its journey*."
                    ),
                ),
                Option(
                    "C",
                    "A100s need fewer bytes",
                    f"An image has {c.IMAGE_JPEG.value / 1e3:g} KB on both.",
                ),
                Option(
                    "D",
                    "Transfers fail often and have to be repeated",
                    "Nothing fails in this model: the line is dedicated and always full. The bill is for success.",
                ),
            ),
        )

    def peek(self) -> Peek:
        stay, move = self.plan("in_place"), self.plan("move")
        price = (stay.cost_usd - move.gpu_usd) / (DATASET.value / 1e9)
        return Peek(
            ("transfer_time", "egress_cost", "training_time", "unique_retained", "backlog_growth"),
            "For $D$ bytes and a reduction $r$: $t=D/(r\\,BW)$ and $C=pD/r$. Move when "
            "$pD/r + C_{far} < C_{near}$, the two being what the GPUs cost there and here, and time allows. Without a "
            f"filter the two plans cost the same at {price:.4f} USD/GB. Real list prices fall with volume, and a "
            "filter errs both ways.",
        )


def gravity_text(outcome: CloudJob) -> str:
    """What the plan takes, step by step, against time and budget."""
    filtering = (
        f"filtering takes {number(outcome.filter_h)} h and {usd(outcome.filter_usd)}; " if outcome.filter_h else ""
    )
    moving = (
        f"moving {setting(outcome.moved_bytes, 'B')} takes {number(outcome.transfer_h)} h and {usd(outcome.egress_usd)}"
        if outcome.moved_bytes
        else "staying put moves nothing"
    )
    return (
        f"{filtering}{moving}; training takes {number(outcome.train_h)} h and {usd(outcome.gpu_usd)}. Total "
        f"{number(outcome.total_h, 4)} h of {DEADLINE_H.value:g}, {usd(outcome.cost_usd)} of {usd(BUDGET.value)}."
    )


def overflow_text(outcome: VehicleDay) -> str:
    """What arrives, what leaves, and when the buffer is full."""
    return (
        f"{number(outcome.kept_bytes_day / 1e9, 4)} GB a day arrive, "
        f"{number(outcome.uplink_capacity_bytes_day / 1e9, 4)} leave. The oldest frames are overwritten after "
        f"{number(outcome.overflow_days)} days."
    )


def largest(steps: dict[str, float], unit: str) -> str:
    """The steps of a plan in words, with the largest one."""
    total = sum(steps.values())
    name = max(steps, key=lambda key: steps[key])
    share = percent(steps[name] / total, 0) if total else percent(0.0, 0)
    return f"{number(total, 4)} {unit}, of which {name} is {share}."


class DataEngineeringLab(Lab):
    """Data gravity: what an accelerator waits for, and what its bytes cost to move."""

    volume, number, slug = 1, 4, "lab_04_data_engr"
    title = "Data Has Mass: Feeding the Accelerator"
    question = "What does your accelerator wait for, and what does it cost to bring the data closer?"
    chapter = "Data Engineering"
    invariant = (
        "Throughput is the minimum over stages. Bytes have a time and a price to move; above the size at which a "
        "deadline or a budget breaks, move the work, or shrink the data."
    )
    contexts = (CLOUD, EDGE)
    acts = (FeedingPipeline, DataGravity)
    briefing = (
        "A GPU that is busy a quarter of the time does not need company. It needs bytes. A training pipeline runs at "
        "the rate of its slowest stage, and the stage that comes next is waiting behind it. In Act I you find the "
        "bottleneck and watch it move; in Act II a petabyte has to reach its accelerators, or they it."
    )
    reading = (
        Reading(
            "Data Engineering, Data gravity, and The physics of data gravity", "one petabyte, in time and in money"
        ),
        Reading("Data Engineering, The feeding problem", "flow rate and the feeding tax"),
        Reading(
            "Data Engineering, Storage performance and cost, and Storage bandwidth budget",
            "the tiers, and which of them keeps an accelerator busy",
        ),
        Reading("Data Engineering, Format efficiency", "useful bytes per byte read"),
    )
    assumptions = (
        "- Act I trains in both contexts, at the edge as on-device fine-tuning: forward and backward pass are three "
        f"times the forward pass.\n- When fed, training reaches {EFFICIENCY.value:g} of the dense FP16 peak, on every "
        "accelerator; 1 on the slider is the data sheet's own argument.\n- Reads are large and sequential. Small "
        "random reads are slower; an object store is fast only over many connections.\n- Workers add decoding, not "
        "disk bandwidth. Formats stored decoded need no decoding.\n- The steps of the job in the cloud run one after "
        "the other. GPUs are paid while they train; storage and the line itself are not billed.\n- Egress is "
        f"{LIST_PRICE:g} USD/GB, flat: internet egress to another provider. Between regions of one provider some 0.02 "
        "is usual, and list prices fall with volume.\n- The filter drops every near-duplicate before the first unique "
        "frame. A real one errs both ways.\n- A petabyte is decimal: a million gigabytes.\n- The vehicle's buffer is "
        "balanced by the day; what happens within a day is left out."
    )
    constants = (
        c.H100_FLOPS_FP16_TENSOR,
        c.A100_FLOPS_FP16_TENSOR,
        c.ORIN_NX_FP16_DENSE,
        c.RESNET50_FLOPS,
        c.TRAIN_FACTOR,
        EFFICIENCY,
        c.IMAGE_JPEG,
        c.IMAGE_UINT8,
        FP32_BYTES,
        OBJECT_STREAM,
        VOLUME,
        SATA_SSD,
        NVME_GEN3,
        c.NVME_BW,
        MICROSD,
        DECODE_CLOUD,
        DECODE_EDGE,
        WORKERS,
        WORKERS_EDGE,
        BATCH,
        GPUS_ASKED,
        c.H100_USD_H_ON_DEMAND,
        DATASET,
        c.ETH100_BW,
        c.EGRESS_USD_GB,
        SCAN,
        CORE_PRICE,
        A100_PRICE,
        WEST,
        EAST,
        EPOCHS,
        DEADLINE_H,
        BUDGET,
        UNIQUE,
        UNIQUE_MIN,
        RELEASES,
        VEHICLE_CAMERAS,
        FPS,
        SHIFT_H,
        OUTAGE_DAYS,
        LTE,
        NR,
        WIFI,
        FIBRE,
    )
    reads = (("ch02", "context"), ("ch03", "releases_per_year"))
    instructor_notes = (
        "- Collect the errors of bits and bytes in public: 2.8 hours is the most frequent wrong answer, and the "
        f"cheapest lesson.\n- The {percent(FeedingPipeline.asked().utilization, 0)} of the message are no decoration: "
        f"they are {VOLUME.value / 1e6:g} MB/s over {FeedingPipeline.asked().demand_bytes_s / 1e9:.4f} GB/s. Let "
        "students derive them.\n- The bottleneck moves. Ask for the *third* purchase after the drive and the workers: "
        "the accelerator, at last.\n- The filter is a decision about accuracy, too (Lab 09): near-duplicate is a "
        "threshold in an embedding space.\n- Real list prices fall with volume (0.09, 0.085, 0.07, 0.05 USD/GB at 10, "
        f"50, 150 TB): the petabyte costs {tiered_egress(DATASET.value):,.0f}. Which conclusions survive? Moving "
        "still breaks the budget without the filter.\n- At the edge brute force works: 8 TB with fibre from 3 hours, "
        "or Wi-Fi from 12. What does a fleet of such disks and lines cost against a filter that takes "
        f"{percent(DataGravity.filter_load(), 0)} of an Orin?"
    )

    def open(self) -> None:
        origin = self.read("ch02", "context")
        if origin is not None:
            self.start_in("edge" if origin == "edge" else "cloud", "Lab 02")

    def result(self) -> float:
        outcome = self.act2.outcome
        return outcome.cost_usd if isinstance(outcome, CloudJob) else outcome.outage_days

    def decision(self) -> str:
        filtered = self.act2.reduction > 1
        if self.context == "edge":
            return "edge_filter" if filtered else "edge_raw"
        if self.act2.placement == "move":
            return "filter_then_move" if filtered else "move_data"
        return "filter_then_train_in_place" if filtered else "train_in_place"

    def extras(self) -> dict[str, Any]:
        pipeline = self.act1.outcome
        return {
            "feeding_tax": pipeline.feeding_tax,
            "bottleneck": pipeline.bottleneck,
            "reduction": self.act2.reduction,
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"placement": "in_place", "reduction": 4.0}
        return {"uplink_bytes_s": NR.value, "parked_h": 12, "reduction": 4.0, "buffer_bytes": 2e12}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"link_bytes_s": 50e9} if context == "cloud" else {"parked_h": 14}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
