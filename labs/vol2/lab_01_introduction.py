"""V2-01 The Scale Illusion.

Act I: a thousand reliable parts, and how often all of them are up. Act II: a run of 175 billion parameters that has to
end in thirty hours, and a proposal to buy sixteen times the GPUs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.fleet import (
    Fleet,
    StepParts,
    availability_curve,
    compute_share,
    count_check,
    failure_calendar,
    step_breakdown,
    time_to_train,
)
from components.instruments.layers import Plot
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
from components.quantity import count, counted, number, percent, plain, scientific
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
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c

NODE_GPUS = int(c.GPUS_PER_NODE.value)
CLOUD = Context("cloud", "Cloud", "cloud", f"One rented node of {NODE_GPUS} H100s.")
FLEET = Context("fleet", "Fleet", "tiny", "Dozens to tens of thousands of H100s that train one model together.")

HOUR, DAY = 3600.0, 86_400.0
CHAPTER = "Introduction to ML Systems at Scale"

# --- the story -----------------------------------------------------------------------------------------------

MERGED_GPUS = scenario("merged_gpus", 1_000, "GPU", "GPUs of the merged job of Act I", "the lab's scenario")
PART_AVAILABILITY = scenario(
    "A_3N",
    0.999,
    "1",
    "share of the time that one GPU is up: three nines",
    f"{CHAPTER}, The reliability gap",
    "chapter",
)
GPUS_25K = scenario(
    "N_25K",
    25_000,
    "GPU",
    "illustrative fleet of the GPT-4 class, which its maker has not disclosed",
    f"{CHAPTER}, The Scale Moment",
    "chapter",
)
LOCAL_EFF = c.KERNEL_EFFICIENCY
JITTER_CV = scenario(
    "jitter_cv",
    0.01,
    "1",
    "standard deviation over mean of one GPU's step time",
    "assumption: a healthy, clock-locked fleet; a straggler ten percent late is a fault, not jitter",
)
HIDEABLE = scenario(
    "hideable",
    2 / 3,
    "1",
    "share of the compute, the backward pass, that gradient traffic can hide behind",
    "4 of 6 FLOP per parameter and token, Kaplan et al. 2020",
    "paper",
)
BATCH_SMALL = scenario(
    "batch_small_tokens", 2e6, "token", "batch of GPT-3 6.7B and 13B", "Brown et al. 2020, Table 2.1", "paper"
)
BATCH_175B = scenario(
    "batch_175b_tokens", 3.2e6, "token", "batch of GPT-3 175B", "Brown et al. 2020, Table 2.1", "paper"
)
STEP_EXAMPLE = scenario(
    "t_iter_s",
    1.2,
    "s",
    "local math of one step in the example of the question",
    f"{CHAPTER}, The coordination and energy tax",
    "chapter",
)
SYNC_EXAMPLE = scenario(
    "sync_bytes",
    700e9,
    "B",
    "bytes through each endpoint: FP16 gradients of 175B parameters, twice, by a ring",
    f"{CHAPTER}, The coordination and energy tax",
    "chapter",
)
ACCEPTED_LOW = scenario(
    "accepted_low", 2.0, "percent", "lowest entry that counts as right, a factor of two below", "the lab's tolerance"
)
IDLE_LIMIT = scenario(
    "idle_limit",
    0.5,
    "1",
    "compute fraction below which most of the silicon waits",
    f"{CHAPTER}, The fleet law",
    "chapter",
)
DEADLINE_D = scenario("deadline_d", 1.25, "day", "time until the competition closes", "the lab's scenario")
BUDGET_GPU_H = scenario(
    "budget_gpu_h", 230_000, "hour", "GPU-hours that may be spent", "1.3 times the ideal run, the lab's scenario"
)
GPUS_TODAY = scenario("gpus_today", 1_024, "GPU", "GPUs of the run today", "the lab's scenario")
GPUS_PROPOSED = scenario("gpus_proposed", 16_384, "GPU", "GPUs of the proposal, 16 times as many", "the lab's scenario")
LOST_TODAY = scenario(
    "lost_today_min",
    60,
    "min",
    "time lost per interruption today: detect, restart, redo since the last save",
    "assumption: automated recovery takes 10 to 30 min, a manual one 1 to 2 h",
)
NETWORK_SHARE = scenario(
    "network_share",
    0.20,
    "1",
    "share of exposed network in the profile of the last question",
    f"{CHAPTER}, Amdahl's distributed pitfall",
    "chapter",
)

#: Sustained rate of one GPU before any exchange between copies (FLOP/s).
LOCAL_FLOP_S = LOCAL_EFF.value * c.H100_FLOPS_FP16_TENSOR.value
GPU_MTBF_S = c.GPU_MTBF_H.value * HOUR
MOST_GPUS, FEWEST_GPUS = 32_768, 64


@dataclass(frozen=True)
class Model:
    """A model of the GPT-3 family: its name, parameters, and batch (tokens)."""

    name: str
    params: float
    batch: float

    @property
    def steps(self) -> float:
        """Steps of the whole run, not rounded."""
        return c.GPT3_TOKENS.value / self.batch

    @property
    def work_s(self) -> float:
        """Math of one step in GPU-seconds."""
        return physics.training_flops(self.params, self.batch) / LOCAL_FLOP_S

    @property
    def ideal_gpu_hours(self) -> float:
        """GPU-hours of the run if math were all there is."""
        return physics.gpu_hours(1, self.steps * self.work_s)


MODELS = {
    "gpt3-6.7b": Model("GPT-3 6.7B", c.GPT3_6_7B_PARAMS.value, BATCH_SMALL.value),
    "gpt3-13b": Model("GPT-3 13B", c.GPT3_13B_PARAMS.value, BATCH_SMALL.value),
    "gpt3-175b": Model("GPT-3 175B", c.GPT3_175B_PARAMS.value, BATCH_175B.value),
}
ASKED_MODEL = "gpt3-175b"


@dataclass(frozen=True)
class Link:
    """What connects the GPUs: a long and a short name, bandwidth in one direction (B/s), start-up time (s)."""

    name: str
    short: str
    bandwidth: float
    latency: float


LINKS = {
    "eth100": Link("Ethernet, 100 Gb/s", "Ethernet", c.ETH100_BW.value, c.ETH_ALPHA.value),
    "hdr": Link("InfiniBand HDR, 200 Gb/s", "HDR", c.IB_HDR_BW.value, c.IB_ALPHA.value),
    "ndr": Link("InfiniBand NDR, 400 Gb/s", "NDR", c.IB_NDR_BW.value, c.IB_ALPHA.value),
    "nvlink": Link("NVLink 4, 450 GB/s", "NVLink", c.NVLINK4_BW.value, c.NVLINK_ALPHA.value),
}


def of_the_time(value: float) -> str:
    """A share of the time, as a power of ten where percent would read 0.0."""
    return percent(value) if value >= 5e-4 else scientific(value)


# --- Act I ---------------------------------------------------------------------------------------------------

#: Counts over which availability is drawn, and fleets marked on it.
PARTS = np.geomspace(1.0, 100_000.0, 121)
MARKED = np.array([NODE_GPUS, MERGED_GPUS.value, c.LLAMA3_GPUS.value, GPUS_25K.value], dtype=float)
NINES = {
    0.99: "99 %, two nines",
    0.999: "99.9 %, three nines",
    0.9999: "99.99 %, four nines",
    0.99999: "99.999 %, five nines",
}
RUN_S = c.LLAMA3_DAYS.value * DAY
#: One draw of chance: interruptions of a fleet in units of its mean time between failures. A fleet that fails more
#: often plays the same draw faster, so that a slider moves strokes and does not shuffle them. The seed is one whose
#: counts lie near the expected ones at every rate.
DRAW = np.cumsum(np.random.default_rng(254).exponential(size=720))


@dataclass(frozen=True)
class AvailabilityOutcome:
    """A fleet of equal parts: how often all are up, how often one fails; curves over PARTS, one per entry of NINES."""

    all_up_probability: float
    fleet_mtbf_h: float
    failures_per_day: float
    clean_day_probability: float
    gpus: int
    availability: float
    one_down: float
    mean_down: float
    published_expected: float
    marked: npt.NDArray[Any]
    instants_h: npt.NDArray[Any]


@cache
def availability_curves() -> tuple[tuple[str, npt.NDArray[Any]], ...]:
    """Share of the time in which all parts are up, for two to five nines."""
    return tuple(
        ("5 nines" if k == 5 else f"{k}", physics.all_up_probability(availability, PARTS))
        for k, availability in enumerate(NINES, start=2)
    )


class ThreeNines(Act):
    """Act I: what 99.9 % of every part promises for the whole."""

    title = "Three nines, a thousand times"
    minutes = 13

    gpus = stops(
        "GPUs",
        tuple(sorted({*(2**k for k in range(16)), int(MERGED_GPUS.value), int(GPUS_25K.value)})),
        int(MERGED_GPUS.value),
        text=lambda gpus: counted(gpus, "GPUs"),
        per_context={"cloud": {"default": NODE_GPUS}},
        reason="one GPU to twice the published run of 16,384",
    )
    availability = choice(
        "Availability of one GPU",
        NINES,
        PART_AVAILABILITY.value,
        reason="a decade on either side of the chapter's pair",
    )
    gpu_mtbf_h = slider(
        "MTBF of one GPU",
        10_000,
        200_000,
        10_000,
        c.GPU_MTBF_H.value,
        unit="h",
        reason="a bad batch to the figure of a switch",
    )

    @classmethod
    def compute(cls, context: str, *, gpus: int, availability: float, gpu_mtbf_h: float) -> AvailabilityOutcome:
        mtbf = physics.cluster_mtbf(gpu_mtbf_h * HOUR, gpus)
        per_day = physics.expected_failures(DAY, mtbf)
        return AvailabilityOutcome(
            all_up_probability=physics.all_up_probability(availability, gpus),
            fleet_mtbf_h=mtbf / HOUR,
            failures_per_day=per_day,
            # One minus a probability of nearly one would have no digits left.
            clean_day_probability=math.exp(-per_day),
            gpus=int(gpus),
            availability=availability,
            one_down=physics.one_down_probability(availability, gpus),
            mean_down=gpus * (1 - availability),
            published_expected=physics.expected_failures(
                RUN_S, physics.cluster_mtbf(gpu_mtbf_h * HOUR, c.LLAMA3_GPUS.value)
            ),
            marked=physics.all_up_probability(availability, MARKED),
            instants_h=DRAW * mtbf / HOUR,
        )

    @classmethod
    @cache
    def asked(cls, gpus: float = MERGED_GPUS.value) -> AvailabilityOutcome:
        """So many of the GPUs of the question."""
        return cls.compute(
            FLEET.id, gpus=int(gpus), availability=PART_AVAILABILITY.value, gpu_mtbf_h=c.GPU_MTBF_H.value
        )

    def message(self) -> Message:
        return Message(
            "Head of Platform Reliability, a national weather service",
            f"We are merging our clusters into one {MERGED_GPUS.value:,.0f}-GPU training job. The vendor's acceptance "
            f"test shows **{plain(PART_AVAILABILITY.value * 100)} percent availability** for every single GPU, and the "
            "director has promised parliament “three nines” for the whole system. I have to sign that sentence at five "
            f"o'clock. If every part is up {plain(PART_AVAILABILITY.value * 100)} percent of the time, how much of the "
            "time is the *whole* thousand up?",
        )

    def concept(self) -> str:
        return (
            "A synchronous training step ends when the last worker arrives; **one missing worker stops all**.\n\n"
            "*Availability* is the share of the time that a part is up; *MTBF* is the mean time between its failures. "
            "Parts fail independently of each other."
        )

    def from_ledger(self) -> str:
        return cast(ScaleIllusion, self.lab).greeting

    def prediction(self) -> ChoicePrediction:
        parts, part = MERGED_GPUS.value, PART_AVAILABILITY.value
        now = self.asked()
        node, large = self.asked(NODE_GPUS), self.asked(GPUS_25K.value)
        actual = now.all_up_probability
        averaged = physics.all_up_probability(part, math.sqrt(parts))
        more = 1 - actual - now.one_down
        return ChoicePrediction(
            f"Share of the time in which all {parts:,.0f} GPUs are up at once?",
            (
                Option(
                    "A",
                    f"About {plain(part * 100)} %",
                    value=part,
                    feedback=(
                        f"The fleet does not inherit the quality of its parts. {part / actual:.1f} times too high: the "
                        "promise holds for one part, not for the AND of a thousand."
                    ),
                ),
                Option(
                    "B",
                    f"About {averaged * 100:.0f} %",
                    value=averaged,
                    feedback=(
                        f"As if ups and downs averaged out and only $\\sqrt{{{parts:.0f}}}$ mattered: "
                        f"{averaged / actual:.1f} times too high. Averaging shrinks noise in a *sum*; a chain has no "
                        "averaging."
                    ),
                ),
                Option(
                    "C",
                    f"About {actual * 100:.0f} %",
                    value=actual,
                    correct=True,
                    feedback=(
                        f"$(1 - 1/{parts:.0f})^{{{parts:.0f}}}$ is $e^{{-1}}$ to three digits, no accident: "
                        "four nines and ten thousand parts give the same."
                    ),
                ),
                Option(
                    "D",
                    "About 0 %",
                    value=0.0,
                    feedback=(
                        f"{now.mean_down:.0f} GPU is down *on average*, which is no certainty: in "
                        f"{percent(actual, 0)} of all instants it is none, in {percent(now.one_down, 0)} one, in "
                        f"{percent(more, 0)} two or more."
                    ),
                ),
            ),
            actual=actual,
            form=lambda value: f"{value * 100:.4g} %",
            difference_form=lambda gap: f"{gap * 100:.1f} points",
            why=(
                f"${part}^{{{parts:.0f}}}$ = {actual:.4f}. Eight of the same parts, one Cloud node, are all up "
                f"{percent(node.all_up_probability)} of the time and see one failure in {node.fleet_mtbf_h / 24:.0f} "
                f"days; {GPUS_25K.value:,.0f} GPUs are interrupted every {number(large.fleet_mtbf_h, 1)} hours."
            ),
        )

    def plots(self, outcome: AvailabilityOutcome) -> dict[str, Plot]:
        predicted = self.predicted()
        expected, observed = outcome.published_expected, c.LLAMA3_INTERRUPTIONS.value
        implied = physics.implied_component_mtbf(RUN_S, observed, c.LLAMA3_GPUS.value) / HOUR
        others = ", ".join(
            f"{int(n):,}: {of_the_time(float(p))}" for n, p in zip(MARKED, outcome.marked, strict=True) if p >= 1e-300
        )
        verdict = "well within that" if abs(expected - observed) <= 2 * math.sqrt(expected) else "far outside of that"
        week = outcome.instants_h[outcome.instants_h < 168]
        days = len(np.unique(week // 24))
        return {
            "availability": availability_curve(
                PARTS,
                availability_curves(),
                chosen=list(NINES).index(outcome.availability),
                here=(outcome.gpus, outcome.all_up_probability),
                marks=(MARKED, outcome.marked),
                predicted=None if predicted is None else (MERGED_GPUS.value, predicted),
                title=f"How often are all {outcome.gpus:,} up?" if outcome.gpus > 1 else "How often is one GPU up?",
                caption=(
                    f"{outcome.gpus:,} of {plain(outcome.availability * 100, 5)} % each are up together "
                    f"{of_the_time(outcome.all_up_probability)} of the time. Rings: {others}. A nine more moves the "
                    "fall one decade to the right and leaves its shape."
                ),
            ),
            "week": failure_calendar(
                outcome.instants_h,
                title=f"A week of {counted(outcome.gpus, 'GPUs')}",
                caption=(
                    f"One draw of chance, a stroke per interruption: {len(week):,} in the week, "
                    f"{number(7 * outcome.failures_per_day)} expected. {7 - days} of 7 days are clean; a day is "
                    f"clean with probability {of_the_time(outcome.clean_day_probability)}."
                ),
            ),
            "check": count_check(
                expected,
                observed,
                model_label="model",
                observed_label="Llama 3",
                title=f"{c.LLAMA3_DAYS.value:g} days on {c.LLAMA3_GPUS.value:,.0f} GPUs, against the record",
                caption=(
                    f"With {self.gpu_mtbf_h:,.0f} h per GPU the model expects {expected:,.1f} interruptions, give or "
                    f"take {2 * math.sqrt(expected):.0f} by chance; the published run counted {observed:g}, "
                    f"{verdict}. It implies {implied:,.0f} h per GPU."
                ),
            ),
        }

    def metrics(self, outcome: AvailabilityOutcome) -> list[Metric]:
        clean = outcome.clean_day_probability
        return [
            Metric(
                "All up",
                of_the_time(outcome.all_up_probability).removesuffix(" %"),
                "%" if outcome.all_up_probability >= 5e-4 else "",
                note=f"of the time; {number(outcome.mean_down)} down on average",
            ),
            Metric(
                "Fleet MTBF",
                number(outcome.fleet_mtbf_h),
                "h",
                note=f"{number(outcome.fleet_mtbf_h / 24)} days" if outcome.fleet_mtbf_h > 48 else "",
            ),
            Metric("Interruptions", number(outcome.failures_per_day), "per day"),
            Metric("A clean 24 h", scientific(clean, 3), note="probability"),
        ]

    def tables(self, outcome: AvailabilityOutcome) -> list[Table]:
        none, one = outcome.all_up_probability, outcome.one_down
        more = max(0.0, 1 - none - one)
        rows = [("none", none), ("exactly one", one), ("two or more", more)]
        largest = int(np.argmax([value for _, value in rows]))
        return [
            Table(
                "GPUs down at one instant",
                ("how many", "share of the time"),
                tuple((name, of_the_time(value)) for name, value in rows),
                largest,
            )
        ]

    def reflection(self) -> Question:
        large, thousand = self.asked(GPUS_25K.value), self.asked()
        ideal_days = MODELS[ASKED_MODEL].ideal_gpu_hours / MERGED_GPUS.value / 24
        better = 10 * large.fleet_mtbf_h
        fleet = physics.cluster_mtbf(GPU_MTBF_S, c.LLAMA3_GPUS.value)
        slow, fast = (physics.goodput_fraction(fleet, minutes * 60) for minutes in (60.0, 10.0))
        return Question(
            f"Interruptions come every {number(large.fleet_mtbf_h, 1)} hours at {GPUS_25K.value:,.0f} GPUs. What is "
            "the engineering answer?",
            (
                Option(
                    "A",
                    "Buy parts with ten times the MTBF.",
                    f"Then one comes every {number(better, 2)} h, still {30 * 24 / better:.0f} times in a month: "
                    "necessary work, not a solution.",
                ),
                Option(
                    "B",
                    f"Keep jobs below {MERGED_GPUS.value:,.0f} GPUs.",
                    f"That is still one interruption every {number(thousand.fleet_mtbf_h, 2)} h, and the "
                    f"{c.GPT3_175B_PARAMS.value / 1e9:.0f}B run of Act II would take {ideal_days:.1f} days even with "
                    "free communication.",
                ),
                Option(
                    "C",
                    "Treat failure as normal operation: detect, restart and reload automatically, so that each one "
                    "costs minutes.",
                    "The time lost per interruption is the factor that software controls today: from 60 to 10 min it "
                    f"lifts the goodput of {c.LLAMA3_GPUS.value:,.0f} GPUs from {percent(slow, 0)} to "
                    f"{percent(fast, 0)}.",
                    correct=True,
                ),
                Option(
                    "D",
                    "Go asynchronous, so that nobody waits.",
                    "It trades waiting for stale gradients, so the overhead is moved and not removed; and the state of "
                    "a dead node is still lost.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("all_up_probability", "cluster_mtbf", "expected_failures", "goodput_fraction", "implied_component_mtbf"),
            "$A$ is the availability of one part, $N$ the number of parts, $m$ the MTBF of one part, $L$ the time lost "
            "per interruption. A clean time $t$ has probability $e^{-tN/m}$, and goodput is "
            "$\\frac{m/N}{m/N + L}$. Availability asks how long a *repair* takes; a job with spares pays $L$ only.",
        )


# --- Act II --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sweep:
    """Length of the run (days) over the number of GPUs: math alone, the step law, and with failures."""

    gpus: npt.NDArray[Any]
    ideal: npt.NDArray[Any]
    step_law: npt.NDArray[Any]
    with_failures: npt.NDArray[Any]


@dataclass(frozen=True)
class FleetOutcome:
    """A design: its step (s), its run, and what it breaks. `optimum_gpus` is None where there is no exchange."""

    compute_s: float
    comm_s: float
    sync_s: float
    overlap_s: float
    step_s: float
    compute_fraction: float
    fleet_mtbf_h: float
    goodput: float
    effective_fraction: float
    days: float
    gpu_hours: float
    state_gb: float
    oom: bool
    idle_majority: bool
    inversion: bool
    meets_challenge: bool
    context: str
    model: str
    gpus: int
    gpus_per_copy: int
    link: str
    exposed_s: float
    days_at_half: float | None
    optimum_gpus: float | None
    sweep: Sweep


def step_of(
    model: Model, gpus: Any, gpus_per_copy: int, link: Link, grad_bytes: float, overlap: float
) -> dict[str, Any]:
    """One step of a fleet by the fleet law (s); `gpus` may be an array."""
    compute = physics.training_step_compute_time(
        model.params, model.batch, gpus, c.H100_FLOPS_FP16_TENSOR.value, LOCAL_EFF.value
    )
    message = grad_bytes * model.params / gpus_per_copy
    comm = physics.ring_allreduce_time(message, gpus / gpus_per_copy, link.bandwidth, link.latency)
    sync = physics.straggler_wait(compute, JITTER_CV.value, gpus)
    hidden = physics.overlap_credit(comm, compute, overlap, HIDEABLE.value)
    return {
        "compute_s": compute,
        "comm_s": comm,
        "sync_s": sync,
        "overlap_s": hidden,
        "step_s": physics.fleet_step_time(compute, comm, sync, hidden),
    }


def run_days(model: Model, step_s: Any, goodput: Any = 1.0) -> Any:
    """Length of a whole run (days) at a step time and a share of useful time."""
    return model.steps * step_s / goodput / DAY


def goodput_of(gpus: Any, lost_min: float) -> Any:
    """Useful share of the time of so many GPUs."""
    return physics.goodput_fraction(physics.cluster_mtbf(GPU_MTBF_S, gpus), lost_min * 60.0)


@lru_cache(maxsize=256)
def sweep_of(
    context: str, model: str, gpus_per_copy: int, link: str, grad_bytes: int, overlap: float, lost_min: float
) -> Sweep:
    """The run over whole numbers of copies; one node has nothing to sweep but the ideal."""
    chosen = MODELS[model]
    if context == CLOUD.id:
        gpus = np.geomspace(NODE_GPUS, MOST_GPUS, 61)
        nothing = np.full(len(gpus), np.nan)
        return Sweep(gpus, run_days(chosen, chosen.work_s / gpus), nothing, nothing)
    # Small fleets round to the same number of copies more than once, which no curve shows.
    copies = np.round(np.geomspace(FEWEST_GPUS / gpus_per_copy, MOST_GPUS / gpus_per_copy, 61))
    gpus = copies * gpus_per_copy
    step = step_of(chosen, gpus, gpus_per_copy, LINKS[link], grad_bytes, overlap)
    return Sweep(
        gpus,
        run_days(chosen, step["compute_s"]),
        run_days(chosen, step["step_s"]),
        run_days(chosen, step["step_s"], goodput_of(gpus, lost_min)),
    )


def unsharded_fraction(bandwidth: float) -> float:
    """Compute fraction of the example of the question over a link: no split of the model, no overlap."""
    compute = STEP_EXAMPLE.value
    step = physics.fleet_step_time(compute, physics.transfer_time(SYNC_EXAMPLE.value, bandwidth, 0.0), 0.0, 0.0)
    return physics.compute_fraction(compute, step)


class ThirtyHours(Act):
    """Act II: 175 billion parameters in 30 hours."""

    title = "Thirty hours"
    minutes = 23

    model = choice(
        "Model",
        {key: model.name for key, model in MODELS.items()},
        ASKED_MODEL,
        widget="select",
        reason="the published family, all trained on 300 billion tokens",
    )
    gpus = stops(
        "GPUs",
        tuple(2**k for k in range(6, 16)),
        int(GPUS_TODAY.value),
        text=lambda gpus: counted(gpus, "GPUs"),
        per_context={"cloud": {"values": (NODE_GPUS,), "default": NODE_GPUS, "reason": "one node has eight"}},
        reason="one copy of the model to twice the published run of 16,384",
    )
    gpus_per_copy = choice(
        "GPUs per copy of the model",
        {n: str(n) for n in (8, 16, 32, 64)},
        64,
        per_context={"cloud": {"options": {n: str(n) for n in (1, 2, 4, 8)}, "default": 8}},
        reason="64 is the first at which the state of 175 billion parameters fits",
    )
    link = choice(
        "Link, one port per GPU",
        {key: LINKS[key].name for key in ("eth100", "hdr", "ndr")},
        "eth100",
        per_context={"cloud": {"options": {"nvlink": LINKS["nvlink"].name}, "default": "nvlink"}},
        reason="three generations of one port per GPU",
    )
    grad_bytes = choice(
        "Gradients", {4: "FP32, 4 bytes", 2: "BF16, 2 bytes"}, 4, reason="the two formats in which gradients travel"
    )
    overlap = slider(
        "Communication started during the backward pass",
        0,
        0.8,
        0.1,
        0.0,
        unit="%",
        scale=100,
        reason="the last gradient bucket cannot be hidden, so 100 % is impossible",
    )
    lost_min = slider(
        "Time lost per interruption",
        5,
        120,
        5,
        LOST_TODAY.value,
        unit="min",
        reason="a scripted restart to a person with a pager",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        model: str,
        gpus_per_copy: int,
        grad_bytes: int,
        overlap: float,
        lost_min: float,
        gpus: int = NODE_GPUS,
        link: str = "nvlink",
    ) -> FleetOutcome:
        if context == CLOUD.id:
            gpus, link = NODE_GPUS, "nvlink"
        if gpus < gpus_per_copy:
            raise ValueError(f"gpus must be >= gpus_per_copy, got {gpus} < {gpus_per_copy}")
        chosen = MODELS[model]
        fleet = context == FLEET.id

        def step_on(count: int) -> dict[str, Any]:
            return step_of(chosen, count, gpus_per_copy, LINKS[link], grad_bytes, overlap)

        step = step_on(gpus)
        fraction = physics.compute_fraction(step["compute_s"], step["step_s"])
        goodput = goodput_of(gpus, lost_min)
        days = run_days(chosen, step["step_s"], goodput)
        spent = physics.gpu_hours(gpus, days * DAY)
        state = physics.zero_state_bytes(chosen.params / gpus_per_copy, 1, 0)
        exposed = step["comm_s"] - step["overlap_s"]
        half = gpus // 2
        before = None
        if fleet and half >= max(FEWEST_GPUS, gpus_per_copy):
            before = run_days(chosen, step_on(half)["step_s"], goodput_of(half, lost_min))
        oom = not at_most(state, c.H100_MEM_CAPACITY.value)
        idle = not at_least(fraction, IDLE_LIMIT.value)
        inversion = before is not None and not at_most(days, before)
        return FleetOutcome(
            **step,
            compute_fraction=fraction,
            fleet_mtbf_h=physics.cluster_mtbf(GPU_MTBF_S, gpus) / HOUR,
            goodput=goodput,
            effective_fraction=fraction * goodput,
            days=days,
            gpu_hours=spent,
            state_gb=state / 1e9,
            oom=oom,
            idle_majority=idle,
            inversion=inversion,
            meets_challenge=(
                fleet
                and model == ASKED_MODEL
                and at_most(days, DEADLINE_D.value)
                and at_most(spent, BUDGET_GPU_H.value)
                and not (oom or idle or inversion)
            ),
            context=context,
            model=model,
            gpus=int(gpus),
            gpus_per_copy=int(gpus_per_copy),
            link=link,
            exposed_s=exposed,
            days_at_half=before,
            optimum_gpus=(
                physics.fleet_size_optimum(chosen.work_s, exposed, GPU_MTBF_S, lost_min * 60.0)
                if fleet and exposed > 0
                else None
            ),
            sweep=sweep_of(context, model, gpus_per_copy, link, grad_bytes, overlap, lost_min),
        )

    @classmethod
    @cache
    def design(
        cls,
        gpus: float = GPUS_TODAY.value,
        link: str = "eth100",
        grad_bytes: int = 4,
        overlap: float = 0.0,
        lost_min: float = LOST_TODAY.value,
        gpus_per_copy: int = 64,
    ) -> FleetOutcome:
        """A design of the 175B run that a text quotes; today's unless something else is named."""
        return cls.compute(
            FLEET.id,
            model=ASKED_MODEL,
            gpus=int(gpus),
            gpus_per_copy=gpus_per_copy,
            link=link,
            grad_bytes=grad_bytes,
            overlap=overlap,
            lost_min=lost_min,
        )

    @classmethod
    @cache
    def node(cls, model: str, gpus_per_copy: int) -> FleetOutcome:
        """A design of one node that a text quotes."""
        return cls.compute(
            CLOUD.id,
            model=model,
            gpus_per_copy=gpus_per_copy,
            grad_bytes=4,
            overlap=0.0,
            lost_min=LOST_TODAY.value,
        )

    def limits(self) -> Mapping[str, str]:
        if self.context == FLEET.id:
            return {}
        return {
            "gpus": f"One node has {NODE_GPUS} GPUs; more of them are a fleet.",
            "link": "Inside a node there is NVLink.",
        }

    def message(self) -> Message:
        today = self.design()
        times = GPUS_PROPOSED.value / GPUS_TODAY.value
        return Message(
            "Chief Scientist, a public research alliance",
            f"Our {c.GPT3_175B_PARAMS.value / 1e9:.0f}-billion-parameter run sits on {GPUS_TODAY.value:,.0f} H100s "
            f"with 100-gigabit Ethernet and takes **{today.days:.1f} days**. The competition closes in "
            f"**{DEADLINE_D.value * 24:.0f} hours**. Someone proposes the obvious: {times:.0f} times the GPUs, same "
            f"everything else. We have {BUDGET_GPU_H.value:,.0f} GPU-hours and not one more. Tell me what to build.",
        )

    def concept(self) -> str:
        return (
            "A step of a fleet has three C's. **Computation** is shared: $W/N$. **Communication** is not: in a ring "
            "every endpoint moves about twice its gradient bytes, whatever $N$ is. **Coordination** is the wait for "
            f"the slowest.\n\nOverlap hides traffic behind the backward pass only, {percent(HIDEABLE.value, 0)} of "
            "the computation. The batch is fixed, so each GPU has less to compute the more of them there are."
        )

    def prediction(self) -> NumberPrediction:
        compute, moved = STEP_EXAMPLE.value, SYNC_EXAMPLE.value
        actual = unsharded_fraction(c.IB_HDR_BW.value) * 100
        wire = moved / c.IB_HDR_BW.value
        ndr, ethernet, nvlink = (
            unsharded_fraction(value) * 100 for value in (c.IB_NDR_BW.value, c.ETH100_BW.value, c.NVLINK4_BW.value)
        )
        gigabits = c.IB_HDR_BW.value * 8
        confused = unsharded_fraction(gigabits) * 100
        tolerance = actual / ACCEPTED_LOW.value

        def feedback(entry: float) -> str:
            if not at_least(entry * tolerance, actual):
                return f"Too dark: even 100 Gb/s Ethernet leaves {ethernet:.1f} %."
            if at_most(entry, actual * tolerance):
                return (
                    f"{c.IB_HDR_BW.value / 1e9:g} GB/s, {wire:.0f} s of transfer, {compute:g} s of math: a 200-gigabit "
                    "port is slow for a model that nothing splits."
                )
            if entry < 20:
                return (
                    f"Too bright: {moved / 1e9:.0f} GB at {c.IB_HDR_BW.value / 1e9:g} GB/s are {wire:.0f} s. Twice the "
                    f"link (NDR) would give only {ndr:.1f} %."
                )
            if entry <= 40:
                return (
                    f"You divided by {gigabits / 1e9:.0f} GB/s. The {gigabits / 1e9:.0f} are giga*bits*; with "
                    f"gigabytes it would be {compute:g}/({compute:g} + {moved / gigabits:g}) = {confused:.1f} %."
                )
            if entry < 80:
                return (
                    f"That is NVLink's world: at {c.NVLINK4_BW.value / 1e9:.0f} GB/s the step would be {nvlink:.1f} % "
                    f"math. A 200-gigabit port carries one {c.NVLINK4_BW.value / c.IB_HDR_BW.value:.0f}th of that."
                )
            return (
                "You let the link's marketing name do the arithmetic: "
                f"{wire:.0f} s of transfer against {compute:g} s of math."
            )

        return NumberPrediction(
            f"{c.GPT3_175B_PARAMS.value / 1e9:.0f}B parameters, FP16 gradients, pure data parallelism: each endpoint "
            f"moves {moved / 1e9:.0f} GB per step through one 200-gigabit InfiniBand port. Local math takes "
            f"{compute:g} s, nothing overlaps. What percentage of the step is useful computation?",
            low=1,
            high=100,
            step=1,
            unit="%",
            actual=actual,
            tolerance=tolerance,
            factor=True,
            digits=".3g",
            feedback=feedback,
            why=(
                f"{compute:g} s of {compute:g} + {wire:.0f} s are math. NDR would give {ndr:.1f} %, 100 Gb/s Ethernet "
                f"{ethernet:.1f} %. No link rescues unsharded data parallelism at this size; splitting the model over "
                "64 GPUs divides the message by 64."
            ),
        )

    def challenge(self) -> str:
        asked = MODELS[ASKED_MODEL]
        if self.context == CLOUD.id:
            large, small = self.node(ASKED_MODEL, NODE_GPUS), self.node("gpt3-13b", 4)
            return (
                f"One node cannot win: {asked.name} needs {large.state_gb:.0f} GB per GPU, and would take "
                f"{large.days:,.0f} days if it fitted. Find a design that **fits**: "
                f"{MODELS[small.model].name} in copies of {small.gpus_per_copy} takes {small.state_gb:.0f} GB and "
                f"{small.days:.1f} days, {percent(small.compute_fraction, 0)} of them math. A node starves for math "
                "and memory, a fleet for wire and repair. The challenge is in Fleet."
            )
        return (
            f"Train {asked.name} in at most **{DEADLINE_D.value:g} days**, for at most "
            f"**{BUDGET_GPU_H.value:,.0f} GPU-hours**, within {c.H100_MEM_CAPACITY.value / 1e9:.0f} GB per GPU, with "
            f"at least {percent(IDLE_LIMIT.value, 0)} of every step math. Math alone costs "
            f"{asked.ideal_gpu_hours:,.0f} GPU-hours: you may waste "
            f"{percent(BUDGET_GPU_H.value / asked.ideal_gpu_hours - 1, 0)} on top."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        # The deadline is about one model; in Cloud it cannot be met, which is the point of the fleet.
        run = Constraint(
            f"175B run ≤ {DEADLINE_D.value:g} d",
            lambda o: o.model == ASKED_MODEL and at_most(o.days, DEADLINE_D.value) and not o.inversion,
        )
        memory = Constraint(f"Memory ≤ {c.H100_MEM_CAPACITY.value / 1e9:.0f} GB", lambda o: not o.oom)
        if self.context == CLOUD.id:
            return run, memory
        return (
            run,
            Constraint(f"GPU-hours ≤ {BUDGET_GPU_H.value:,.0f}", lambda o: at_most(o.gpu_hours, BUDGET_GPU_H.value)),
            memory,
            Constraint(f"Math ≥ {percent(IDLE_LIMIT.value, 0)}", lambda o: not o.idle_majority),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure("idle", "Fleet idle.", when=lambda o: o.idle_majority, text=idle_text),
            Failure(
                "oom",
                "Out of memory.",
                when=lambda o: o.oom,
                text=lambda o: (
                    f"{o.state_gb:.1f} GB of weights, gradients and optimizer state per GPU, "
                    f"{c.H100_MEM_CAPACITY.value / 1e9:.0f} GB available."
                ),
            ),
            Failure("inversion", "Scaling inversion.", when=lambda o: o.inversion, text=inversion_text),
        )

    def plots(self, outcome: FleetOutcome) -> dict[str, Plot]:
        return {
            "step": self._step(outcome),
            "run": self._run(outcome),
            "share": self._share(outcome),
            "memory": self._memory(outcome),
        }

    def _step(self, o: FleetOutcome) -> Plot:
        hidden = f", and {number(o.overlap_s)} s hide behind the backward pass" if o.overlap_s > 0 else ""
        return step_breakdown(
            StepParts(o.compute_s, o.exposed_s, o.sync_s, o.overlap_s),
            limit=IDLE_LIMIT.value,
            title=f"One step of {counted(o.gpus, 'GPUs')}: {number(o.step_s)} s",
            caption=(
                f"{number(o.compute_s)} s of math, {number(o.exposed_s)} s of exposed communication{hidden}, "
                f"{number(o.sync_s)} s of waiting for the slowest. Math has to reach the dashed line."
                if o.comm_s > 0
                else f"{number(o.compute_s)} s of math, {number(o.sync_s)} s of waiting for the slowest. There is one "
                "copy of the model, and nobody to exchange gradients with."
            ),
        )

    def _run(self, o: FleetOutcome) -> Plot:
        chosen, sweep = MODELS[o.model], o.sweep
        fleet = o.context == FLEET.id
        asked = fleet and o.model == ASKED_MODEL
        allowed = np.minimum(DEADLINE_D.value, BUDGET_GPU_H.value / 24 / sweep.gpus) if asked else None
        slowest = run_days(chosen, chosen.work_s / (FEWEST_GPUS if fleet else NODE_GPUS))
        fastest = run_days(chosen, chosen.work_s / MOST_GPUS)
        others = [
            # A design that is the one on screen needs no second name.
            Fleet(
                name if asked and other.days != o.days else "",
                other.gpus if asked else np.nan,
                other.days,
            )
            for name, other in (("today", self.design()), ("proposal", self.design(GPUS_PROPOSED.value)))
        ]
        if not fleet:
            end = " One node is one point; the grey line is math alone on more GPUs."
        elif o.optimum_gpus is None:
            end = " One copy exchanges nothing."
        elif o.optimum_gpus > MOST_GPUS:
            end = f" The turn lies beyond the axis, near {number(o.optimum_gpus)} GPUs."
        else:
            end = f" Beyond {number(o.optimum_gpus)} GPUs the run gets longer."
        wedge = " Green: on time and in budget." if asked else ""
        return time_to_train(
            sweep.gpus,
            sweep.ideal,
            sweep.step_law,
            sweep.with_failures,
            here=Fleet(f"{number(o.days)} d", o.gpus, o.days),
            others=others,
            optimum=o.optimum_gpus,
            allowed=allowed,
            x_range=(FEWEST_GPUS if fleet else NODE_GPUS, MOST_GPUS),
            y_range=(0.55 * fastest, 2.6 * slowest),
            title=f"How long {chosen.name} takes",
            caption=(
                f"{counted(o.gpus, 'GPUs')}: {number(o.days)} days and {o.gpu_hours:,.0f} GPU-hours; math alone would "
                f"take {number(chosen.ideal_gpu_hours / o.gpus / 24)} days.{end}{wedge}"
            ),
        )

    def _share(self, o: FleetOutcome) -> Plot:
        predicted = self.predicted()
        bars = [("this design", o.compute_fraction)]
        bars += [(link.short, unsharded_fraction(link.bandwidth)) for link in LINKS.values()]
        asked = 1 + list(LINKS).index("hdr")
        return compute_share(
            bars,
            limit=IDLE_LIMIT.value,
            predicted=None if predicted is None else (asked, predicted / 100),
            title="How much of a step is math?",
            caption=(
                f"This design: {percent(o.compute_fraction)}. Below it the case of the question, "
                f"{SYNC_EXAMPLE.value / 1e9:.0f} GB per step that no split divides, over four links: not even NVLink "
                "makes half of the step math."
            ),
        )

    def _memory(self, o: FleetOutcome) -> Plot:
        chosen = MODELS[o.model]
        sizes = cast(tuple[int, ...], self.controls_in(o.context)["gpus_per_copy"].values())
        bytes_of = {"weights": 2.0, "gradients": 2.0, "master weights": 4.0, "Adam moments": 8.0}
        capacity = c.H100_MEM_CAPACITY.value
        fits = [n for n in sizes if at_most(physics.zero_state_bytes(chosen.params / n, 1, 0), capacity)]
        return memory_ledger(
            [
                MemoryBar(
                    f"{n}\nchosen" if n == o.gpus_per_copy else f"{n}",
                    {name: size * chosen.params / n for name, size in bytes_of.items()},
                )
                for n in sizes
            ],
            title="State per GPU, by GPUs per copy",
            capacities=[Limit(capacity, "HBM")],
            caption=(
                f"{chosen.name} over {counted(o.gpus_per_copy, 'GPUs')}: "
                f"{c.ADAM_STATE_BYTES.value:g} bytes × {count(chosen.params)} / {o.gpus_per_copy} = "
                f"{number(o.state_gb)} GB. "
                + (f"From {fits[0]} per copy on it fits." if fits else "No size offered here fits.")
            ),
        )

    def metrics(self, outcome: FleetOutcome) -> list[Metric]:
        o = outcome
        fleet = o.context == FLEET.id
        late = fleet and o.model == ASKED_MODEL
        return [
            Metric(
                "Run",
                number(o.days),
                "days",
                status=held(at_most(o.days, DEADLINE_D.value)) if late else "neutral",
            ),
            Metric(
                "GPU-hours",
                f"{o.gpu_hours:,.0f}",
                status=held(at_most(o.gpu_hours, BUDGET_GPU_H.value)) if fleet else "neutral",
            ),
            Metric("Compute fraction", f"{o.compute_fraction * 100:.1f}", "%", status=held(not o.idle_majority)),
            Metric("Goodput", f"{o.goodput * 100:.{2 if o.goodput > 0.99 else 1}f}", "%"),
            Metric("Effective", f"{o.effective_fraction * 100:.1f}", "%", note="compute fraction × goodput"),
            Metric(
                "Fleet MTBF",
                number(o.fleet_mtbf_h),
                "h",
                note=f"{number(o.fleet_mtbf_h / 24)} days" if o.fleet_mtbf_h > 48 else "",
            ),
        ]

    def tables(self, outcome: FleetOutcome) -> list[Table]:
        rows = [
            ("design", outcome),
            ("today", self.design()),
            ("proposal", self.design(GPUS_PROPOSED.value)),
        ]
        return [
            Table(
                f"This design, {GPUS_TODAY.value:,.0f} GPUs today, {GPUS_PROPOSED.value:,.0f} proposed",
                ("", "days", "GPU-h", "math", "goodput"),
                tuple(
                    (
                        name,
                        number(o.days),
                        f"{o.gpu_hours / 1e3:,.0f}k",
                        percent(o.compute_fraction, 0),
                        percent(o.goodput, 2 if o.goodput > 0.99 else 1),
                    )
                    for name, o in rows
                ),
                0,
            )
        ]

    def reflection(self) -> Question:
        network = NETWORK_SHARE.value
        computing = 1 - network
        best = physics.amdahl_speedup(computing, math.inf)
        return Question(
            f"A profile shows {percent(computing, 0)} computation, {percent(network, 0)} exposed network. Marketing "
            "offers a GPU that is infinitely fast. Best possible speedup of the step?",
            (
                Option(
                    "A",
                    f"{physics.amdahl_speedup(network, math.inf):g}×",
                    f"That is what removing the *network* would give, 1/{computing:g}.",
                    value=physics.amdahl_speedup(network, math.inf),
                ),
                Option(
                    "B",
                    f"{computing / network:g}×",
                    f"{computing:g}/{network:g} is the ratio of the parts, not of the totals.",
                    value=computing / network,
                ),
                Option(
                    "C",
                    f"{best:g}×",
                    f"1/{network:g}: Amdahl's law with the network as the serial part.",
                    value=best,
                    correct=True,
                ),
                Option(
                    "D",
                    "Unbounded, it is the GPUs that we pay for",
                    f"The network time remains; the last {percent(network, 0)} never shrink.",
                    value=math.inf,
                ),
            ),
        )

    def peek(self) -> Peek:
        asked = MODELS[ASKED_MODEL]
        return Peek(
            (
                "fleet_step_time",
                "ring_allreduce_time",
                "straggler_wait",
                "overlap_credit",
                "fleet_size_optimum",
                "amdahl_speedup",
            ),
            "A run is proportional to $\\left(\\frac{W}{N} + C\\right)\\left(1 + \\frac{N L}{m}\\right)$. The first "
            f"factor stops falling, the second keeps rising. $W$ is the work of a step, {asked.work_s:,.0f} "
            f"GPU-seconds for {asked.name}; $C$ the exposed communication, $m$ the "
            f"{c.GPU_MTBF_H.value:,.0f} h of one GPU, $L$ the time lost per interruption. Traffic inside a copy of the "
            "model is part of the local efficiency; Lab V2-02 opens that box.",
        )


def idle_text(o: FleetOutcome) -> str:
    """Banner of a fleet that mostly waits."""
    return (
        f"At {counted(o.gpus, 'GPUs')} over {LINKS[o.link].name}, exposed communication takes {o.exposed_s:.2f} s of a "
        f"{o.step_s:.2f} s step: only {percent(o.compute_fraction, 0)} is math. More GPUs now buy waiting."
    )


def inversion_text(o: FleetOutcome) -> str:
    """Banner of a fleet beyond its best size."""
    return (
        f"Doubling from {o.gpus // 2:,} to {o.gpus:,} GPUs lengthened the run from {o.days_at_half or 0:.2f} to "
        f"{o.days:.2f} days: an interruption every {o.fleet_mtbf_h:.1f} h now costs more than the extra math saves."
    )


def instructor_notes() -> str:
    """Notes with the numbers of the model in them."""
    repair = c.GPU_MTBF_H.value * (1 - PART_AVAILABILITY.value)
    off = c.LLAMA3_GPU_MTBF_H.value / c.GPU_MTBF_H.value - 1
    wait = physics.straggler_wait(1.0, JITTER_CV.value, 8192)
    return (
        f"- {plain(PART_AVAILABILITY.value * 100)} % availability and {c.GPU_MTBF_H.value:,.0f} h between failures "
        f"together mean {repair:.0f} h of repair per part. The job does not wait for the repair if spare nodes stand "
        "by; it pays only $L$. Ask which of the two numbers the director should have promised.\n- The answer 0 % is "
        "the most instructive mistake: have the class compute P(0), P(1), P(≥ 2) for a Poisson count of mean 1.\n- "
        f"Ask why the {c.LLAMA3_DAYS.value:g}-day record fits {c.GPU_MTBF_H.value:,.0f} h per GPU within "
        f"{percent(off)} although hosts, cables and software failed too: the figure is per GPU *slot*, everything "
        "included.\n- Ring traffic per endpoint tends to $2M$ and does not grow with $N$; students often blame "
        "“all-to-all”. What shrinks is the compute it has to be compared with.\n- The straggler term is a bound for "
        "Gaussian jitter; real tails are heavier. Let students double the jitter in their heads: 8,192 GPUs wait "
        f"{percent(2 * wait, 0)} instead of {percent(wait, 0)}.\n- Extension: keep the tokens per GPU constant "
        "instead of the global batch (weak scaling, Gustafson). Which failure state disappears, which stays, and what "
        "does the optimizer say about the batch?"
    )


# --- the lab -------------------------------------------------------------------------------------------------

LEVERS = {
    "more_gpus": "more GPUs",
    "faster_link": "a faster link",
    "smaller_gradients": "smaller gradients",
    "overlap": "overlap with the backward pass",
    "faster_recovery": "faster recovery",
    "fewer_gpus": "fewer GPUs",
}
TERMS = {"memory_bandwidth": "memory bandwidth", "compute": "computation"}
PLACES = {"cloud": "in the Cloud", "edge": "at the Edge", "mobile": "on a Mobile device", "tiny": "on TinyML"}


class ScaleIllusion(Lab):
    """A fleet is as healthy as the AND of its parts and as fast as its slowest exchange."""

    volume, number, slug = 2, 1, "lab_01_introduction"
    title = "The Scale Illusion"
    question = "What is left of reliable parts and fast GPUs when thousands of them have to act as one machine?"
    chapter = CHAPTER
    invariant = (
        "A synchronous fleet is one machine: as healthy as the AND of its parts, as fast as its slowest exchange. Its "
        "run takes (W/N + C)(1 + N L/m), so there is a size beyond which one more GPU makes it longer."
    )
    contexts = (CLOUD, FLEET)
    acts = (ThreeNines, ThirtyHours)
    decision_radio = Radio("Which lever was decisive?", LEVERS)
    briefing = (
        "Two beliefs come along from single machines: a fleet of reliable parts is a reliable fleet, and $N$ times the "
        "GPUs is $N$ times the speed. Both fail for the same reason. A synchronous fleet is *one* machine: it runs "
        "while every part runs, and steps as fast as its slowest exchange. In Act I you measure what a thousand good "
        "parts are worth together, in Act II you put failures and communication into one design and find the size "
        "beyond which more GPUs make a run longer."
    )
    reading = (
        Reading("The Scale Moment", "the worked example on scale and reliability; the run on 16,384 GPUs"),
        Reading(
            "Communication becomes dominant, and Failure becomes routine",
            "why the two costs appear only at scale",
        ),
        Reading(
            "The reliability gap",
            "how the availability of parts becomes that of the whole, and its collapse",
        ),
        Reading("The fleet law", "the three C's, the compute fraction, Amdahl's distributed pitfall"),
    )
    assumptions = (
        "- Parts fail independently and at a constant rate, and any failure stops the whole job.\n"
        f"- {c.GPU_MTBF_H.value:,.0f} h is charged to a GPU *slot*: hosts, cables and software included.\n"
        "- The job loses a fixed time per interruption; spare nodes stand by, so it does not wait for repairs.\n"
        "- The global batch is fixed, so the math of a GPU shrinks as 1/N.\n"
        f"- Local math reaches {percent(LOCAL_EFF.value, 0)} of the dense FP16 peak; the sparse figure is used "
        "nowhere. Traffic inside a copy of the model is part of that efficiency.\n"
        "- Gradients are averaged over the copies by a ring, one port per GPU and one direction at a time; NVLink's "
        f"900 GB/s count both, a ring sends at {c.NVLINK4_BW.value / 1e9:.0f}.\n"
        f"- A barrier waits for the largest of N Gaussian step times, {percent(JITTER_CV.value, 0)} apart: an upper "
        "bound for healthy GPUs.\n"
        f"- State is {c.ADAM_STATE_BYTES.value:g} bytes per parameter (weights 2, gradients 2, master weights 4, two "
        "Adam moments 8), split over the GPUs of a copy; activations are not counted."
    )
    constants = (
        c.GPU_MTBF_H,
        GPUS_25K,
        MERGED_GPUS,
        PART_AVAILABILITY,
        c.LLAMA3_GPUS,
        c.LLAMA3_DAYS,
        c.LLAMA3_INTERRUPTIONS,
        c.LLAMA3_GPU_MTBF_H,
        c.GPUS_PER_NODE,
        c.H100_FLOPS_FP16_TENSOR,
        LOCAL_EFF,
        c.H100_MEM_CAPACITY,
        c.ADAM_STATE_BYTES,
        c.GPT3_6_7B_PARAMS,
        c.GPT3_13B_PARAMS,
        c.GPT3_175B_PARAMS,
        c.GPT3_TOKENS,
        BATCH_SMALL,
        BATCH_175B,
        c.NVLINK4_BW,
        c.ETH100_BW,
        c.IB_HDR_BW,
        c.IB_NDR_BW,
        c.NVLINK_ALPHA,
        c.ETH_ALPHA,
        c.IB_ALPHA,
        STEP_EXAMPLE,
        SYNC_EXAMPLE,
        ACCEPTED_LOW,
        JITTER_CV,
        HIDEABLE,
        LOST_TODAY,
        IDLE_LIMIT,
        DEADLINE_D,
        BUDGET_GPU_H,
        GPUS_TODAY,
        GPUS_PROPOSED,
        NETWORK_SHARE,
    )
    reads = (("ch16", "context"), ("ch16", "dominant_term"))
    instructor_notes = instructor_notes()

    #: What the last lab of Volume 1 has to say here.
    greeting: str = ""

    def open(self) -> None:
        self.start_in(FLEET.id, "")
        place, term = (self.read(key, field) for key, field in self.reads)
        said = []
        if place in PLACES:
            said.append(f"Your capstone of Volume 1 stood {PLACES[place]}.")
        if term in TERMS:
            said.append(
                f"Its budget was dominated by {TERMS[term]}; a fleet adds two terms that one machine does not have, "
                "the exchange between machines and their failures."
            )
        self.greeting = " ".join(said)

    def result(self) -> float | None:
        return self.act2.outcome.effective_fraction

    def decision(self) -> str:
        return self.named.get("act2_decision", "more_gpus")

    def extras(self) -> dict[str, Any]:
        o = self.act2.outcome
        return {
            "fleet_gpus": o.gpus,
            "link": o.link,
            "fleet_mtbf_h": o.fleet_mtbf_h,
            "lost_min": self.act2.lost_min,
            "compute_fraction": o.compute_fraction,
        }

    def solution(self, context: str) -> dict[str, Any] | None:
        if context == CLOUD.id:
            return None
        return {"gpus": 8192, "link": "ndr", "grad_bytes": 2, "overlap": 0.5, "lost_min": 30}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"model": "gpt3-13b", "gpus_per_copy": 1} if context == CLOUD.id else {"gpus": 4096}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
