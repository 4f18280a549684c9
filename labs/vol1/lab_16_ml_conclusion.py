"""V1-16 The Architect's Audit.

Act I: where the time of one token goes, on four tiers, beside the student's own record of predictions. Act II: one
assistant on four tiers, seven limits each; every repair of a hardware wall moves the burden into operations.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.audit import (
    Design,
    Judged,
    Trace,
    TwoTerms,
    Wall,
    binding,
    moving_against_computing,
    prediction_record,
    usage_bars,
    usage_text,
    verdict_board,
    year_ahead,
)
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.roofline import Kernel, Roof, roofline
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric, Status
from components.quantity import counted, number, percent, plain, quantity, usd
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
from labs.record import FIELDS, Guess, Record, answer_of, guess_of, typical_factor
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.keyword_spotting import ZOO
from mlsysim.core.models import Model, Models
from mlsysim.core.provenance import Constant, Kind

CLOUD = Context("cloud", "Cloud", "cloud", "One H100 that answers for everybody.")
EDGE = Context("edge", "Edge", "edge", "A kiosk in a shop that answers offline.")
MOBILE = Context("mobile", "Mobile", "mobile", "A phone that answers privately.")
TINY = Context("tiny", "TinyML", "tiny", "A button cell that listens for the wake phrase.")
TIERS = ("cloud", "edge", "mobile", "tiny")
Constants = dict[str, Constant]
NAMES = {context.id: context.label for context in (CLOUD, EDGE, MOBILE, TINY)}


def by_tier(name: str, unit: str, meaning: str, **tiers: tuple[float, str] | tuple[float, str, Kind]) -> Constants:
    """One constant per tier: value, source, and kind where it is no assumption."""
    return {tier: scenario(f"{name}_{tier}", value[0], unit, meaning, *value[1:]) for tier, value in tiers.items()}


_CARD, _TASK = "Meta Llama 3.2 model card", "monotone in size; less spread than general suites: intents are easier"
LLAMA_1B: Constants = {
    name: scenario(f"llama32_1b_{name}", value, unit, "Llama-3.2 1B", _CARD, "paper")
    for name, value, unit in (
        ("params", 1.24e9, "parameter"),
        ("layers", 16, "layer"),
        ("kv_heads", 8, "head"),
        ("head_dim", 64, "1"),
    )
}
ACCURACY: Constants = {
    size: scenario(f"accuracy_{size}", value, "1", "intent accuracy of the assistant at 16 bits", _TASK)
    for size, value in (("70B", 0.95), ("8B", 0.92), ("1B", 0.86))
}
DROP_8 = scenario("drop_8_bits", 0.005, "1", "accuracy lost at 8 bits", "ML Systems: INT8 below one point", "chapter")
DROP_4 = scenario("drop_4_bits", 0.02, "1", "accuracy lost at 4 bits, any model", "one to three points are reported")
HALF_RATE = scenario(
    "tiny_rate_16_bits",
    c.MCU_OPS_CMSIS.value / 2,
    "op/s",
    "rate of the microcontroller at 16 bits; at 8 and 4 bits it is the measured one",
    "two 8-bit values per lane",
)
TOKENS = scenario("tokens", 32, "token", "mean reply", "a spoken answer")
CONTEXT_TOKENS = scenario("context_tokens", 1024, "token", "cache held per request", "a short conversation")
CACHE_BYTES = c.FP16_BYTES
_SHARE = "share of the peak that decoding arithmetic reaches"
EFFICIENCY = scenario("efficiency", 0.5, "1", _SHARE, "size of Labs 07 and 11")
DISPATCH_PHONE = scenario("overhead_phone_s", 1e-3, "s", "dispatch per step on the phone", "size of Labs 07 and 11")
FLOP_PER_WEIGHT = c.FLOP_PER_WEIGHT
ARRIVALS = by_tier(
    "arrival",
    "1/s",
    "requests, or windows, per second",
    cloud=(12, "43,200 requests an hour on one GPU"),
    edge=(0.05, "one every 20 s"),
    mobile=(0.02, "one every 50 s"),
    tiny=(5, "a window every 200 ms"),
)
SLO = scenario("slo_s", 8, "s", "P99 of a reply", "a pause people tolerate; attention breaks at 10 s (Miller 1968)")
PERIOD = scenario("period_s", 0.2, "s", "period of the wake-word windows", "arithmetic: one over the rate", "derived")
PERCENTILE = c.SLO_QUANTILE
_REACHED = "below what the tier's best model reaches"
FLOORS = by_tier(
    "floor",
    "1",
    "lowest accuracy that may be served",
    cloud=(0.90, _REACHED),
    edge=(0.86, _REACHED),
    mobile=(0.80, _REACHED),
    tiny=(0.92, _REACHED),
)
DECAYS = by_tier(
    "decay",
    "1/day",
    "relative loss of accuracy per day",
    cloud=(0.001, "between the cases of Lab 14"),
    mobile=(c.EDGE_DECAY.value, "as the edge of Lab 14"),
    tiny=(0.0002, "TinyML drifts slowest: quarterly"),
) | {"edge": c.EDGE_DECAY}
LAGS = by_tier(
    "lag",
    "day",
    "from data to the fleet",
    cloud=(0.5, "computed in Lab 14", "derived"),
    mobile=(c.EDGE_LAG.value, "store review and phased release"),
    tiny=(30, "a firmware campaign"),
) | {"edge": c.EDGE_LAG}
RUN_COSTS = by_tier(
    "run_cost",
    "USD",
    "one update",
    cloud=(5_000, "computed in Lab 14", "derived"),
    mobile=(5_000, "as in the cloud"),
    tiny=(20_000, "re-certification of the firmware"),
) | {"edge": c.RUN_COST_EDGE}
AUDITS = by_tier(
    "audit",
    "USD/year",
    "a year of cohort audits",
    cloud=(48_000, "4 log audits at the prices of Lab 15", "derived"),
    edge=(96_000, "twice the cloud's: images from sites"),
    mobile=(256_000, "2 panels of 800 people at the prices of Lab 15", "derived"),
    tiny=(128_000, "1 panel of 800 people at the prices of Lab 15", "derived"),
)
_SOLVABLE = "solvable with ten percent of slack"
BUDGETS = by_tier(
    "budget",
    "USD/year",
    "updates and audits of a year",
    cloud=(250_000, _SOLVABLE),
    edge=(280_000, _SOLVABLE),
    mobile=(330_000, _SOLVABLE),
    tiny=(300_000, _SOLVABLE),
)
GAP0 = scenario("gap0", 0.03, "1", "cohort gap at launch", "as Lab 15")
GATE = c.COHORT_GAP_GATE
FEEDBACK_OFF = scenario("feedback_off", 1.10, "1", "growth of the gap per unaudited update", "Lab 15", "chapter")
FEEDBACK_ON = scenario("feedback_on", 0.90, "1", "the same with audits", "audited outcomes feed back")
MARGIN = scenario("margin", 0.10, "1", "slack on limits that the student misjudged", "the chapter's habit of headroom")
BATTERY_SHARE = scenario("battery_share", 0.2, "1", "share of the phone's battery for a day of assistance", "a fifth")
POWER_LIMITS = by_tier(
    "power_limit",
    "W",
    "average power that the tier can feed",
    cloud=(10_200 / 8, "10.2 kW of a DGX H100 for 8 GPUs: NVIDIA data sheet", "datasheet"),
    mobile=(BATTERY_SHARE.value * c.MOBILE_BATTERY_J.value / 86_400, "battery_share of 15 Wh over a day", "derived"),
    tiny=(0.020, "a 1,000 mAh, 3 V cell for about six days"),
) | {"edge": c.ORIN_NX_TDP}
STORY_P99 = scenario("story_p99_s", 0.05, "s", "P99 that every team met", "ML Systems, Conclusion", "chapter")
STORY_DROP = scenario("story_drop", 4, "percent", "points lost on two phone models", "Conclusion", "chapter")
STORY_DAYS = scenario("story_days", 42, "day", "days until somebody noticed", "the lab's story")
KERNEL_BEFORE = scenario("kernel_before", 0.70, "1", "arithmetic efficiency today", "the kernel team's story")
KERNEL_AFTER = scenario("kernel_after", 0.95, "1", "arithmetic efficiency after a quarter", "the kernel team's story")
LABEL_LEVEL = scenario("label_level", 0.05, "1", "two-sided level of the test of row 09", "as Lab 14", "definition")
LABEL_POWER = scenario("label_power", 0.80, "1", "power of the test of row 09", "as Lab 14", "definition")
LABEL_DROP = scenario("label_drop", 0.02, "1", "loss that row 09 confirms", "two points")
_STATE = "weights, gradients and Adam's state of one parameter"
TRAIN_BYTES = scenario("train_bytes_per_parameter", 16, "B", _STATE, "Lab 08, mixed precision", "chapter")

CAPACITIES: Constants = {
    "cloud": c.H100_MEM_CAPACITY,
    "edge": c.ORIN_NX_MEM_CAPACITY,
    "mobile": c.MOBILE_APP_BYTES,
    "tiny": c.MCU_SRAM_USABLE,
}
BANDWIDTHS: Constants = {
    "cloud": c.H100_MEM_BW,
    "edge": c.ORIN_NX_MEM_BW,
    "mobile": c.MOBILE_NPU_MEM_BW,
    "tiny": c.MCU_MEM_BW,
}
PEAKS: Constants = {
    "cloud": c.H100_FLOPS_FP16_TENSOR,
    "edge": c.ORIN_NX_FP16_DENSE,
    "mobile": c.MOBILE_INT8,
    "tiny": c.MCU_OPS_CMSIS,
}
ACTIVE: Constants = {"cloud": c.H100_TDP, "edge": c.ORIN_NX_TDP, "mobile": c.MOBILE_POWER, "tiny": c.MCU_POWER}
DEVICES = {"cloud": "H100", "edge": "Orin NX", "mobile": "phone NPU", "tiny": "Cortex-M7"}
OVERHEADS = {"cloud": c.DECODE_OVERHEAD.value, "edge": c.DECODE_OVERHEAD.value, "mobile": DISPATCH_PHONE.value}

WATCHED = ("memory", "p99", "power")
WALLS = (*WATCHED, "accuracy", "gap", "cost", "rollout")
WALL_NAMES = {wall: wall for wall in WALLS} | {"p99": "P99", "gap": "cohort gap"}
#: Labs whose misjudged prediction asks for slack on a limit.
MARGIN_LABS = {
    "memory": (5, 6, 8),
    "p99": (2, 7, 11, 12, 13),
    "power": (1,),
    "accuracy": (3, 10, 14),
    "gap": (15,),
    "cost": (9,),
    "rollout": (4,),
}
#: The invariant of each lab, in a word.
TOPICS = {
    1: "magnitude gap",
    2: "iron law",
    3: "feedback loop",
    4: "data gravity",
    5: "memory",
    6: "attention",
    7: "dispatch",
    8: "training",
    9: "selection",
    10: "compression",
    11: "roofline",
    12: "benchmarks",
    13: "tail",
    14: "drift",
    15: "cohorts",
}
#: Whom the plot of the record shows where a student has none: labs that were predicted wrongly.
REFERENCE_WRONG = (2, 5, 7, 11, 13, 15)
ENOUGH = 5
YEAR = c.DAYS_PER_YEAR.value
ON, OFF = True, False


@dataclass(frozen=True)
class Tier:
    """A device and the service that runs on it: bytes, B/s, op/s, W, s, 1/day, days, USD."""

    device: str
    capacity: float
    bandwidth: float
    peak: float
    active_w: float
    power_limit_w: float
    slo_s: float
    decay: float
    lag_days: float
    run_usd: float
    overhead_s: float


TIER = {
    tier: Tier(
        DEVICES[tier],
        CAPACITIES[tier].value,
        BANDWIDTHS[tier].value,
        PEAKS[tier].value,
        ACTIVE[tier].value,
        POWER_LIMITS[tier].value,
        PERIOD.value if tier == "tiny" else SLO.value,
        DECAYS[tier].value,
        LAGS[tier].value,
        RUN_COSTS[tier].value,
        OVERHEADS.get(tier, 0.0),
    )
    for tier in TIERS
}


@dataclass(frozen=True)
class Network:
    """A model: a decoder with a cache, or a wake-word network (`ops` per window, bytes at 8 bits, no cache)."""

    name: str
    accuracy: float
    params: float = 0.0
    layers: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    bytes_int8: float = 0.0
    ops: float = 0.0

    def weight_bytes(self, bits: int) -> float:
        """Weights (of a wake-word network: weights and activations) in bytes."""
        return float(physics.quantized_bytes(self.params or self.bytes_int8, bits))

    def cache_bytes(self, requests: float) -> float:
        """Cache of so many full requests (B); none for a wake-word network."""
        if not self.layers:
            return 0.0
        heads, width = self.kv_heads, self.head_dim
        tokens, value = CONTEXT_TOKENS.value, CACHE_BYTES.value
        return float(physics.kv_cache_bytes(self.layers, heads, width, tokens, requests, value))

    def lost(self, bits: int) -> float:
        """Accuracy lost to compression; the wake-word networks lose nothing at 8 bits."""
        return {16: 0.0, 8: 0.0 if self.ops else DROP_8.value, 4: DROP_4.value}[bits]

    def rate(self, tier: Tier, bits: int) -> float:
        """Peak rate on a tier (op/s): weights are widened before the product, at 16 bits two lanes become one."""
        return HALF_RATE.value if self.ops and bits == 16 else tier.peak

    def work(self, requests: float) -> float:
        """Operations of one step: a token of every request, or one window."""
        return self.ops or FLOP_PER_WEIGHT.value * self.params * requests


def decoder(size: str, model: Model) -> Network:
    """A decoder of the course with the task accuracy of its size."""
    shape = (model.layers or 0, model.kv_heads or 0, model.head_dim or 0)
    return Network(size, ACCURACY[size].value, model.params, *shape)


NETWORKS = {
    "70B": decoder("70B", Models.Language.Llama2_70B),
    "8B": decoder("8B", Models.Language.Llama3_8B),
    "1B": Network(
        "1B",
        ACCURACY["1B"].value,
        LLAMA_1B["params"].value,
        *(int(LLAMA_1B[part].value) for part in ("layers", "kv_heads", "head_dim")),
    ),
    **{
        size: Network(
            zoo.name.replace("-" + size, " " + size), zoo.accuracy_pct / 100, bytes_int8=zoo.bytes_int8, ops=zoo.ops
        )
        for size, zoo in ((size, ZOO[f"dscnn_{size.lower()}"]) for size in "LMS")
    },
}


# --- the record of Labs 01 to 15 ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Audited(Record):
    """The student's record of Labs 01 to 15, and the slack that follows from it here."""

    def causes(self, wall: str) -> tuple[int, ...]:
        """The misjudged labs for which a limit asks for slack; none: no slack."""
        return tuple(lab for lab in MARGIN_LABS[wall] if lab in self.misjudged)

    def margin(self, wall: str) -> float:
        """Slack that a limit asks for."""
        return MARGIN.value if self.causes(wall) else 0.0

    def home(self) -> str | None:
        """The tier in which most designs stood, the first of several; None without any."""
        counts = Counter(line.context for line in self.lines if line.context in TIERS)
        return max(TIERS, key=lambda tier: (counts[tier], -TIERS.index(tier))) if counts else None


def reference_guesses() -> tuple[Guess, ...]:
    """Predictions of nobody, for the plot of a student without a record."""
    right = {lab: lab not in REFERENCE_WRONG for lab in TOPICS}
    return tuple(guess_of(lab_key(lab), right[lab], answer_of(lab_key(lab), right=right[lab])) for lab in TOPICS)


def lab_key(lab: int) -> str:
    """Ledger key of a lab of this volume."""
    return f"ch{lab:02d}"


def labs_text(labs: Sequence[int]) -> str:
    """Labs by number: Lab 02; Labs 02, 07."""
    return f"Lab{'s' if len(labs) > 1 else ''} {', '.join(f'{lab:02d}' for lab in labs)}"


def hits_text(record: Record) -> str:
    """Right predictions of those made, with the interval of their share once there are enough."""
    taken = len(record.taken)
    if taken < ENOUGH:
        return f"{record.hits} of {taken} right, too few to say more"
    low, high = physics.wilson_interval(record.hits, taken, c.Z95.value)
    return (
        f"{record.hits} of {taken} right, {percent(record.hits / taken, 0)} (95 % interval {percent(low, 0)} to "
        f"{percent(high, 0)}; guessing gives {percent(1 / 4, 0)})"
    )


def side_text(guesses: Sequence[Guess]) -> str:
    """How far wrong predictions are off, and to which side."""
    wrong = [line for line in guesses if line.correct is False and line.ratio is not None]
    factor = typical_factor(wrong)
    if factor is None:
        return ""
    low = sum(line.ratio < 1 for line in wrong if line.ratio is not None)
    return (
        f"The median wrong prediction is off by a factor of {plain(factor, 2)}; {low} too low, {len(wrong) - low} too "
        "high."
    )


# --- Act I --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Machine:
    """Where the workload of Act I runs: two H100s in the cloud, else the tier's device."""

    name: str
    short: str
    mark: str
    capacity: float
    bandwidth: float
    peak: float


MACHINE = {
    "cloud": Machine(
        "two H100s",
        "2 × H100",
        "H100s",
        c.TWO_H100_MEM_CAPACITY.value,
        c.TWO_H100_MEM_BW.value,
        c.TWO_H100_FLOPS_FP16.value,
    ),
    **{
        tier: Machine(
            TIER[tier].device, TIER[tier].device, mark, TIER[tier].capacity, TIER[tier].bandwidth, TIER[tier].peak
        )
        for tier, mark in (("edge", "Orin"), ("mobile", "phone"), ("tiny", "M7"))
    },
}
#: Model and bits of Act I on each tier.
WORKLOAD = {"cloud": ("70B", 16), "edge": ("8B", 4), "mobile": ("1B", 4), "tiny": ("S", 8)}


@dataclass(frozen=True)
class TokenOutcome:
    """Lower bounds of one step (s), their ratio, and what fills the memory (B)."""

    t_mem_s: float
    t_comp_s: float
    ratio: float
    max_batch: float | None
    intensity: float
    weight_bytes: float
    cache_bytes: float
    peak: float
    batch: int

    @property
    def step_s(self) -> float:
        """Both bounds, one after the other."""
        return self.t_mem_s + self.t_comp_s


class CostOfAToken(Act):
    """Act I: where the time of a token goes, tier by tier."""

    title = "Where a token's time goes"
    minutes = 13

    batch = stops(
        "Requests decoded together",
        (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        1,
        unit="requests",
        reason="512 is past the ridge of every device here; a phone and a button cell serve one user",
        only_in=("cloud", "edge"),
    )
    bits = choice(
        "Bits per weight",
        {16: "16", 8: "8", 4: "4"},
        16,
        reason="formats of Lab 10; each tier starts with what its model is shipped in",
        per_context={tier: {"default": WORKLOAD[tier][1]} for tier in TIERS[1:]},
    )
    keep_cache = choice(
        "Cache of keys and values",
        {OFF: "leave out", ON: "count it"},
        OFF,
        reason="the cache of every request is read with each token, beside the weights",
        only_in=("cloud", "edge", "mobile"),
    )

    @cached_property
    def record(self) -> Audited:
        """The student's record, read once per attempt."""
        return Audited.read(self.lab, map(lab_key, TOPICS))

    @classmethod
    def compute(
        cls, context: str, *, batch: int = 1, bits: int | None = None, keep_cache: bool = False
    ) -> TokenOutcome:
        model, shipped = WORKLOAD[context]
        chosen, network, machine = shipped if bits is None else bits, NETWORKS[model], MACHINE[context]
        together = 1 if context in ("mobile", "tiny") else batch
        weights = network.weight_bytes(chosen)
        cache = network.cache_bytes(together) if keep_cache else 0.0
        ops = network.work(together)
        peak = HALF_RATE.value if network.ops and chosen == 16 else machine.peak
        one = network.cache_bytes(1)
        return TokenOutcome(
            t_mem_s=physics.transfer_time(weights + cache, machine.bandwidth, 0.0),
            t_comp_s=ops / peak,
            ratio=physics.memory_compute_ratio(weights + cache, machine.bandwidth, ops, peak),
            max_batch=float(physics.max_batch_in_memory(machine.capacity, weights, one)) if one else None,
            intensity=physics.arithmetic_intensity(ops, weights + cache),
            weight_bytes=weights,
            cache_bytes=cache,
            peak=peak,
            batch=int(together),
        )

    @classmethod
    def asked(cls, context: str = "cloud", **controls: Any) -> TokenOutcome:
        """The case of the question (cloud: 70B, 16 bits, batch 1), or a variant of it."""
        return cls.compute(context, **controls)

    def message(self) -> Message:
        return Message(
            "Chief Architect, an assistant company",
            f"Every team hit its number: depthwise convolutions, INT8, P99 below {STORY_P99.value * 1e3:g} ms. In "
            f"{STORY_DAYS.value / 7:g} weeks accuracy fell **{STORY_DROP.value:g} points** on two phone models, and "
            "nobody's dashboard moved. At the same meeting the kernel team asks for a quarter to lift arithmetic "
            f"efficiency from {percent(KERNEL_BEFORE.value, 0)} to {percent(KERNEL_AFTER.value, 0)} on the "
            "70-billion model. Tell me first where a token's time goes. All the other arguments hang on it.",
        )

    def concept(self) -> str:
        cloud, weights = MACHINE["cloud"], self.asked().weight_bytes
        return (
            "Decoding one token reads **every weight once** and does **two operations** with it. Two lower bounds "
            "follow: bytes over bandwidth for moving the weights, operations over the peak for computing with them. "
            f"Two H100s share the {quantity(weights, 'B')} of FP16 weights: together "
            f"{quantity(cloud.bandwidth, 'B/s')} "
            f"and {number(cloud.peak / 1e12, 4)} TFLOP/s dense. The link between them and the cache of keys and values "
            "are left out."
        )

    def from_ledger(self) -> str:
        record = self.record
        if not record.taken:
            return (
                "**No record yet.** You can take this lab without one. Then no limit of Act II asks for slack, and the "
                "plot *Predicted against actual* shows a **reference engineer** in your place "
                f"({len(TOPICS) - len(REFERENCE_WRONG)} of {len(TOPICS)} right, wrong in "
                f"{labs_text(REFERENCE_WRONG)}), "
                "none of whose numbers enters a computation."
            )
        found, known = record.walls_found
        missing = [line.number for line in record.guesses if not line.taken]
        asked = [wall for wall in WALLS if record.causes(wall)]
        rows = "\n".join(
            f"| {line.guess.number:02d} {TOPICS[line.guess.number]} | {line.guess.predicted} | {line.guess.actual} | "
            f"{'✓ right' if line.guess.correct else '✕ wrong'} | "
            f"{'–' if line.wall_found is None else 'yes' if line.wall_found else 'no'} | {line.context} | "
            f"{line.result} | {line.decision} |"
            for line in record.taken
        )
        parts = [
            f"**Your record of Labs 01 to 15**, a mirror and no grade. First predictions: **{hits_text(record)}**. "
            f"Walls you found by breaking something: {found} of {known}. "
            f"{side_text(record.guesses)}",
            "| lab | you predicted | the model gave | | wall found | context | Act II result | decision |\n"
            f"|---|---|---|---|---|---|---|---|\n{rows}",
        ]
        if missing:
            parts.append(f"Not taken, and counted nowhere: {labs_text(missing)}.")
        parts.append(
            "What you misjudged asks for ten percent of slack in Act II: "
            + "; ".join(f"**{WALL_NAMES[wall]}** ({labs_text(record.causes(wall))})" for wall in asked)
            + "."
            if asked
            else "You misjudged nothing that you took: no limit of Act II asks for slack."
        )
        return "\n\n".join(parts)

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        sparse = asked.ratio * c.H100_FLOPS_FP16_TENSOR_SPARSE.value / c.H100_FLOPS_FP16_TENSOR.value
        return ChoicePrediction(
            "One token, 70 billion parameters, FP16, batch 1, two H100s. Moving the weights takes how many times as "
            "long as computing with them?",
            (
                Option(
                    "A",
                    "0.003 times: the computing takes long",
                    value=1 / asked.ratio,
                    saved=0.003,
                    feedback=f"{number(asked.t_comp_s * 1e3, 2)} ms of arithmetic. Compute is the cheap part.",
                ),
                Option(
                    "B",
                    "1 time: about as long",
                    value=1.0,
                    saved=1,
                    feedback=(
                        "The chip is balanced for products of dense matrices, not for a matrix times one vector."
                    ),
                ),
                Option(
                    "C",
                    "295 times",
                    value=asked.ratio,
                    saved=295,
                    correct=True,
                    feedback=(
                        f"{number(asked.t_mem_s * 1e3, 5)} ms against {number(asked.t_comp_s * 1e3, 4)} ms: the ridge "
                        "itself, because one operation per byte is offered."
                    ),
                ),
                Option(
                    "D",
                    "590 times",
                    value=sparse,
                    saved=590,
                    feedback=(
                        "The right method with the wrong peak: "
                        f"{c.H100_FLOPS_FP16_TENSOR_SPARSE.value / 1e12:,.0f} TFLOP/s need 2:4 sparse weights."
                    ),
                ),
            ),
            actual=asked.ratio,
            form=lambda ratio: f"{number(ratio)} times",
            why=(
                f"An H100 wants {physics.ridge_point(c.H100_FLOPS_FP16_TENSOR.value, c.H100_MEM_BW.value):.0f} "
                "operations per byte; decoding "
                "offers one."
            ),
        )

    def plots(self, outcome: TokenOutcome) -> dict[str, Any]:
        here, machine = self.context, MACHINE[self.context]
        outcomes = {tier: outcome if tier == here else self.asked(tier) for tier in TIERS}
        predicted = self.predicted() if here == "cloud" else None
        model = NETWORKS[WORKLOAD[here][0]]
        ridge = outcome.peak / machine.bandwidth
        claimed = None if predicted is None else ridge / predicted
        roof = Roof(machine.mark, outcome.peak, machine.bandwidth)
        unit, scale = {"tiny": ("kB", 1e-3)}.get(here, ("GB", 1e-9))
        most = (
            "A button cell holds one window and no cache."
            if outcome.max_batch is None
            else f"Beside the weights {plain(outcome.max_batch)} requests fit with their caches."
        )
        start = self.at_defaults()
        return {
            "terms": moving_against_computing(
                [
                    TwoTerms(f"{NETWORKS[WORKLOAD[tier][0]].name}\n{MACHINE[tier].short}", o.t_mem_s, o.t_comp_s)
                    for tier, o in outcomes.items()
                ],
                selected=TIERS.index(here),
                predicted_s=None if predicted is None else self.asked().t_mem_s / predicted,
                title="One step on four tiers: moving against computing",
                caption=(
                    f"{NAMES[here]}: {quantity(outcome.t_mem_s, 's')} to move, {quantity(outcome.t_comp_s, 's')} to "
                    f"compute. {self._side(outcome)} The shaded row follows the controls, the others stand at their "
                    "start."
                ),
            ),
            "roofline": roofline(
                roof,
                [Kernel(f"{model.name}, batch {outcome.batch}", outcome.intensity, roof.at(outcome.intensity), "data")],
                references=[Roof(one.mark, one.peak, one.bandwidth) for t, one in MACHINE.items() if t != here],
                predicted=None if claimed is None else (claimed, roof.at(claimed)),
                intensities=(0.1, 1e5),
                rates=(1e6, 1e16),
                unit=("GFLOP/s", 1e9),
                title=f"Four roofs: {machine.name} in front",
                caption=(
                    f"{number(outcome.intensity)} operations per byte against a ridge of {number(ridge)}: "
                    f"{'left of it, under the slope.' if outcome.intensity < ridge else 'right of it, under the roof.'}"
                    f" {most}"
                ),
            ),
            "memory": memory_ledger(
                [
                    MemoryBar(name, {"weights": o.weight_bytes, "cache": o.cache_bytes})
                    for name, o in (("at the start", start), ("now", outcome))
                ],
                capacities=[Limit(machine.capacity, "memory", "violation")],
                high=machine.capacity * 2.2,
                unit=unit,
                scale=scale,
                title=f"What fills the memory of {machine.name}",
                caption=(
                    f"{quantity(outcome.weight_bytes, 'B')} of weights and {quantity(outcome.cache_bytes, 'B')} of "
                    f"cache against {quantity(machine.capacity, 'B')}. {most}"
                ),
            ),
            "record": self._record_plot(),
        }

    def _record_plot(self) -> Any:
        record = self.record
        reference = not record.taken
        guesses = reference_guesses() if reference else record.guesses
        found, known = record.walls_found
        caption = (
            f"You have no record yet. This is nobody's: {len(TOPICS) - len(REFERENCE_WRONG)} of {len(TOPICS)} right. "
            if reference
            else f"{hits_text(record)}. Walls found: {found} of {known}. "
        )
        return prediction_record(
            [Judged(f"{line.number:02d} {TOPICS[line.number]}", line.ratio, line.correct) for line in guesses],
            title=(
                "Predicted against actual, lab by lab: a reference engineer, not you"
                if reference
                else "Predicted against actual, lab by lab: your record"
            ),
            reference=reference,
            caption=f"{caption}{side_text(guesses)}".strip(),
        )

    @staticmethod
    def _side(outcome: TokenOutcome) -> str:
        if outcome.ratio >= 1:
            return f"Moving takes {number(outcome.ratio)} times as long."
        return f"Computing takes {number(1 / outcome.ratio)} times as long: the same law, another term."

    def metrics(self, outcome: TokenOutcome) -> list[Metric]:
        machine = MACHINE[self.context]
        return [
            Metric.of("Moving", quantity(outcome.t_mem_s, "s", 4)),
            Metric.of("Computing, at peak", quantity(outcome.t_comp_s, "s", 4)),
            Metric("Ratio", number(outcome.ratio, 4), "times", note="moving over computing"),
            Metric(
                "Intensity",
                number(outcome.intensity),
                "op/B",
                note=f"ridge: {number(outcome.peak / machine.bandwidth)}",
            ),
            Metric(
                "Largest batch that fits",
                "–" if outcome.max_batch is None else plain(outcome.max_batch),
                "" if outcome.max_batch is None else "requests",
                note="one window at a time" if outcome.max_batch is None else "with their caches",
            ),
        ]

    def tables(self, outcome: TokenOutcome) -> list[Table]:
        cloud = self.asked()
        most = int(cloud.max_batch or 0)
        full = self.asked(batch=most, keep_cache=True)
        return [
            Table(
                "The same law on four tiers, one request at the start",
                ("", *(NAMES[tier] for tier in TIERS)),
                (
                    ("model, bits", *(f"{NETWORKS[m].name}, {bits}" for m, bits in WORKLOAD.values())),
                    ("moving", *(quantity(self.asked(tier).t_mem_s, "s") for tier in TIERS)),
                    ("computing", *(quantity(self.asked(tier).t_comp_s, "s") for tier in TIERS)),
                    ("ratio", *(number(self.asked(tier).ratio, 4) for tier in TIERS)),
                ),
            ),
            Table(
                "Why the cloud cannot batch its way to the ridge at 16 bits",
                ("", "value"),
                (
                    ("ridge (requests)", f"{cloud.peak / MACHINE['cloud'].bandwidth:.0f}"),
                    ("requests that fit", f"{most}"),
                    ("reads of a step with them", quantity(full.t_mem_s, "s", 4)),
                    ("share that arithmetic at peak would fill", percent(full.t_comp_s / full.t_mem_s)),
                ),
            ),
        ]

    def failures(self) -> tuple[Failure, ...]:
        machine = MACHINE[self.context]
        return (
            Failure(
                "no_room",
                "DOES NOT FIT:",
                when=lambda o: not at_most(o.weight_bytes + o.cache_bytes, machine.capacity),
                text=lambda o: (
                    f"weights and caches of {counted(o.batch, 'requests')} are "
                    f"{quantity(o.weight_bytes + o.cache_bytes, 'B')}, the memory has "
                    f"{quantity(machine.capacity, 'B')}."
                ),
                severity="warn",
            ),
        )

    def reflection(self) -> Question:
        asked = self.asked()
        move = asked.t_mem_s
        before, after = asked.t_comp_s / KERNEL_BEFORE.value, asked.t_comp_s / KERNEL_AFTER.value
        ratio = KERNEL_AFTER.value / KERNEL_BEFORE.value
        share = before / (move + before)
        middle = 1.10
        needed = (1 - 1 / middle) / (1 - KERNEL_BEFORE.value / KERNEL_AFTER.value)
        return Question(
            f"The kernel team reaches {percent(KERNEL_AFTER.value, 0)} from {percent(KERNEL_BEFORE.value, 0)}. How "
            f"much faster is a token, whose weights take {number(move * 1e3, 5)} ms to move?",
            (
                Option(
                    "A",
                    f"{ratio:.2f} times, {percent(KERNEL_AFTER.value, 0)} over {percent(KERNEL_BEFORE.value, 0)}",
                    "Only if arithmetic were all of the time.",
                ),
                Option(
                    "B",
                    f"{middle:.2f} times",
                    f"That would need arithmetic to be {percent(needed, 0)} of a token's time; it is {percent(share)}.",
                ),
                Option(
                    "C",
                    f"{(move + before) / (move + after):.4f} times",
                    f"({number(move * 1e3, 5)} + {number(before * 1e3, 4)}) over ({number(move * 1e3, 5)} + "
                    f"{number(after * 1e3, 3)}) ms: a quarter of work for "
                    f"{percent((move + before) / (move + after) - 1, 2)}.",
                    correct=True,
                ),
                Option(
                    "D",
                    "It becomes slower, because of heat",
                    "Nothing in the model says so, and the time is spent waiting for memory.",
                ),
            ),
        )

    def peek(self) -> Peek:
        four, batch = self.asked(bits=4), self.asked(batch=16)
        return Peek(
            ("memory_compute_ratio", "ridge_point", "arithmetic_intensity", "max_batch_in_memory", "kv_cache_bytes"),
            "With one read of the weights per step the ratio is ridge over intensity: $r = R / (BW \\cdot I)$. It is "
            "1 at "
            "the batch $B^{*} = $ ridge, if memory holds that many: $B_{max} = (M - D)/s$. Four bits cut the ratio "
            f"to {number(four.ratio)}, a batch of 16 to {number(batch.ratio)}; neither needs a new kernel. Both times "
            "are "
            "lower bounds: full bandwidth, full peak.",
        )


# --- Act II -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AuditOutcome:
    """A design of one tier against its seven limits: quantities (B, s, W, 1, USD), usages, and what is behind them."""

    memory_bytes: float
    service_s: float
    p99_s: float
    power_w: float
    accuracy: float
    cohort_gap: float
    annual_cost_usd: float
    usage_memory: float
    usage_p99: float
    usage_power: float
    usage_accuracy: float
    usage_gap: float
    usage_cost: float
    usage_rollout: float
    all_met: bool
    silent_degradation: bool
    network: Network
    terms: dict[str, float]
    weight_bytes: float
    weight_bytes_16: float
    cache_bytes: float
    intensity: float
    utilization: float
    points_lost: float
    age_limit_days: float
    updates: int
    gap_days: npt.NDArray[np.float64]
    gap_trace: npt.NDArray[np.float64]
    age_days: npt.NDArray[np.float64]
    accuracy_trace: npt.NDArray[np.float64]

    @property
    def usages(self) -> dict[str, float]:
        """Usage of each limit, in the order of the walls."""
        return {wall: getattr(self, f"usage_{wall}") for wall in WALLS}

    @property
    def largest(self) -> str:
        """The largest term of a step."""
        return max(self.terms, key=lambda term: self.terms[term])

    def share(self, term: str) -> float:
        """Share of a term in a step."""
        return self.terms[term] / sum(self.terms.values())


def step_terms(tier: Tier, network: Network, bits: int, batch: int) -> dict[str, float]:
    """Moving, computing and dispatching of one step (s): a token of every request, or one window."""
    moved = network.weight_bytes(bits) + network.cache_bytes(batch)
    moving = physics.transfer_time(moved, tier.bandwidth, 0.0)
    if network.ops:
        return {"moving": moving, "computing": network.ops / network.rate(tier, bits), "dispatch": 0.0}
    step = physics.lm_step_time(
        network.weight_bytes(bits),
        network.cache_bytes(batch),
        tier.bandwidth,
        network.params,
        batch,
        tier.peak,
        EFFICIENCY.value,
        tier.overhead_s,
    )
    return {"moving": moving, "computing": step - moving - tier.overhead_s, "dispatch": tier.overhead_s}


@lru_cache(maxsize=4096)
def tail(context: str, service_s: float, batch: int) -> float:
    """P99 of a reply (s): `batch` slots behind one queue; a paced window only has to end before the next."""
    tier = TIER[context]
    if context == "tiny":
        return service_s if at_most(service_s, tier.slo_s) else math.inf
    return float(physics.mmc_latency_percentile(ARRIVALS[context].value, service_s, float(batch), PERCENTILE.value))


def gap_steps(interval_days: float, factor: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Days and cohort gap over a year, one step per update."""
    begins = interval_days * np.arange(math.floor(YEAR / interval_days) + 1)
    ends = np.append(begins[1:], YEAR)
    gaps = physics.bias_feedback_gap(GAP0.value, factor, np.arange(len(begins), dtype=float))
    return np.column_stack([begins, ends]).ravel(), np.repeat(gaps, 2)


class FourDesigns(Act):
    """Act II: one assistant on four tiers, seven limits each."""

    title = "One recipe, four walls"
    minutes = 25

    model = choice(
        "Model",
        {"70B": "70B", "8B": "8B"},
        "8B",
        reason="sizes with a known task accuracy that a tier might run",
        per_context={
            "edge": {"options": {"8B": "8B", "1B": "1B"}, "default": "8B"},
            "mobile": {"options": {"8B": "8B", "1B": "1B"}, "default": "8B", "reason": "what a phone might run"},
            "tiny": {"options": {"L": "DS-CNN L", "M": "DS-CNN M", "S": "DS-CNN S"}, "default": "M"},
        },
    )
    bits = choice(
        "Bits per weight",
        {16: "16", 8: "8", 4: "4"},
        8,
        reason="formats of Lab 10, on the cloud's GPU",
        per_context={
            "edge": {"reason": "formats of Lab 10, on the kiosk"},
            "mobile": {"reason": "formats of Lab 10, on the phone"},
            "tiny": {"reason": "formats of Lab 10, on the microcontroller"},
        },
    )
    batch = stops(
        "Slots that decode together",
        (1, 2, 4, 8, 16, 32, 64),
        8,
        unit="slots",
        reason="at 64 the cache alone passes what 70B at 8 bits leaves free; phone and button cell have one user",
        per_context={"edge": {"reason": "one queue of customers at the kiosk; more slots read more cache"}},
        only_in=("cloud", "edge"),
    )
    interval_days = slider(
        "Days between two updates",
        1,
        180,
        1,
        90,
        unit="days",
        reason="daily to half a year, which no tier survives; servers take an update in half a day",
        per_context={
            "edge": {"reason": "daily to half a year; kiosks take an update in two weeks"},
            "mobile": {"reason": "daily to half a year; a store release takes two weeks to reach the phones"},
            "tiny": {"reason": "daily to half a year; a firmware campaign takes a month"},
        },
    )
    cohort_audit = choice(
        "Cohort audits",
        {OFF: "off", ON: "on"},
        OFF,
        reason="audits of logs: outcomes of each cohort are sampled and feed back",
        per_context={
            "edge": {"reason": "audits of images from the sites"},
            "mobile": {"reason": "two panels of people a year"},
            "tiny": {"reason": "one panel of people a year"},
        },
    )

    # --- the model -----------------------------------------------------------------------------------------

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        model: str,
        bits: int,
        interval_days: float,
        cohort_audit: bool,
        batch: int = 1,
        margin: float | Mapping[str, float] = 0.0,
    ) -> AuditOutcome:
        tier, network = TIER[context], NETWORKS[model]
        slots = 1 if context in ("mobile", "tiny") else batch
        terms = step_terms(tier, network, bits, slots)
        service = sum(terms.values()) * (1 if network.ops else TOKENS.value)
        load = physics.littles_law_concurrency(ARRIVALS[context].value, service)
        weights, cache = network.weight_bytes(bits), network.cache_bytes(slots)
        p99 = tail(context, service, slots)
        power = tier.active_w * min(1.0, load)
        lost = network.lost(bits)
        accuracy = physics.accuracy_at_age(network.accuracy, lost, tier.decay, interval_days, tier.lag_days)
        floor = FLOORS[context].value
        updates = math.floor(YEAR / interval_days)
        factor = FEEDBACK_ON.value if cohort_audit else FEEDBACK_OFF.value
        gap = physics.bias_feedback_gap(GAP0.value, factor, updates)
        audit = AUDITS[context].value if cohort_audit else 0.0
        cost = tier.run_usd * YEAR / interval_days + audit
        usage = {
            "memory": physics.constraint_usage(weights + cache, tier.capacity),
            "p99": physics.constraint_usage(p99, tier.slo_s),
            "power": physics.constraint_usage(power, tier.power_limit_w),
            "accuracy": physics.constraint_usage(1.0 - accuracy, 1.0 - floor),
            "gap": physics.constraint_usage(gap, GATE.value),
            "cost": physics.constraint_usage(cost, BUDGETS[context].value),
            "rollout": physics.constraint_usage(tier.lag_days, interval_days),
        }
        slack = {wall: margin if isinstance(margin, int | float) else margin.get(wall, 0.0) for wall in WALLS}
        fresh = network.accuracy - lost
        gap_days, gap_trace = gap_steps(interval_days, factor)
        days, ages = physics.served_age_trace(interval_days, tier.lag_days, YEAR)
        return AuditOutcome(
            memory_bytes=weights + cache,
            service_s=service,
            p99_s=p99,
            power_w=power,
            accuracy=accuracy,
            cohort_gap=gap,
            annual_cost_usd=cost,
            usage_memory=usage["memory"],
            usage_p99=usage["p99"],
            usage_power=usage["power"],
            usage_accuracy=usage["accuracy"],
            usage_gap=usage["gap"],
            usage_cost=usage["cost"],
            usage_rollout=usage["rollout"],
            all_met=all(at_most(usage[wall], 1.0 - slack[wall]) for wall in WALLS),
            silent_degradation=all(at_most(usage[wall], 1.0) for wall in WATCHED)
            and not (at_most(usage["accuracy"], 1.0) and at_most(usage["gap"], 1.0)),
            network=network,
            terms=terms,
            weight_bytes=weights,
            weight_bytes_16=network.weight_bytes(16),
            cache_bytes=cache,
            intensity=physics.arithmetic_intensity(network.work(slots), weights + cache),
            utilization=load / slots,
            points_lost=lost,
            age_limit_days=physics.max_age_for_floor(fresh, floor, tier.decay) if fresh > floor else 0.0,
            updates=updates,
            gap_days=gap_days,
            gap_trace=gap_trace,
            age_days=days,
            accuracy_trace=physics.exponential_accuracy(fresh, tier.decay, ages),
        )

    @classmethod
    def recipe(cls, context: str, **changes: Any) -> AuditOutcome:
        """The cloud team's recipe on a tier: the defaults, or a variant of them."""
        controls = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return _designed(context, tuple(sorted({**controls, **changes}.items())))

    @classmethod
    def broken(cls, outcome: AuditOutcome) -> list[str]:
        """Names of the limits that a design breaks."""
        return [WALL_NAMES[wall] for wall, usage in outcome.usages.items() if not at_most(usage, 1.0)]

    @classmethod
    def serves(cls, context: str) -> bool:
        """Whether 8B at 8 bits fits a tier and meets its P99 limit at batch 1 or 8."""
        tier, network = TIER[context], NETWORKS["8B"]
        return any(
            at_most(network.weight_bytes(8) + network.cache_bytes(batch), tier.capacity)
            and at_most(reply_p99(context, "8B", 8, batch), tier.slo_s)
            for batch in ((1, 8) if context in ("cloud", "edge") else (1,))
        )

    def tiers(self) -> dict[str, AuditOutcome]:
        """The designs of all four tiers as they stand."""
        return {
            tier: self.outcome if tier == self.context else _designed(tier, tuple(sorted(self.values_in(tier).items())))
            for tier in TIERS
        }

    def walls(self, outcome: AuditOutcome) -> tuple[Wall, ...]:
        """The limits of a design with the slack that the student's record asks for."""
        record = self.record
        return tuple(
            Wall(
                WALL_NAMES[wall],
                usage,
                record.margin(wall),
                f"10 % clear: {labs_text(record.causes(wall))}" if record.causes(wall) else "",
                wall in WATCHED,
            )
            for wall, usage in outcome.usages.items()
        )

    def holds(self, outcome: AuditOutcome) -> bool:
        """Whether a design keeps every limit with its slack."""
        return all(self._kept(wall, outcome) for wall in WALLS)

    def _kept(self, wall: str, outcome: AuditOutcome) -> bool:
        return at_most(outcome.usages[wall], 1.0 - self.record.margin(wall))

    @property
    def record(self) -> Audited:
        """The student's record, read once per attempt."""
        return self.lab.act1.record

    # --- what a student reads ------------------------------------------------------------------------------

    def message(self) -> Message:
        return Message(
            "Chief Architect, an assistant company",
            "One assistant, four tiers: the cloud answers, the shop kiosk answers offline, the phone answers "
            "privately, the button cell listens for the wake phrase. The cloud team offers its recipe to everybody: "
            "**8 billion parameters, 8 bits, batch 8, an update every quarter, no cohort audit**. I want four designs "
            "that hold for a year, and I want to know on each tier which constraint wrote the design.",
        )

    def concept(self) -> str:
        def row(title: str, show: Callable[[str], str]) -> str:
            return f"| {title} | " + " | ".join(show(tier) for tier in TIERS) + " |\n"

        return (
            "A **usage** is a quantity over its limit; 1 is the wall, and 0.9 where your record asks for slack. A "
            "design holds when all seven hold: memory, P99, power, accuracy of the oldest served model, cohort gap "
            "after a year of updates, yearly cost, rollouts that do not overlap. *Dashboards see memory, P99 and "
            "power.* The others are seen only by whoever measures them. Take the tiers in order, about five minutes "
            "each.\n\n| | "
            + " | ".join(NAMES[tier] for tier in TIERS)
            + " |\n|---|---|---|---|---|\n"
            + row("memory for the model", lambda tier: quantity(TIER[tier].capacity, "B"))
            + row("bandwidth", lambda tier: quantity(TIER[tier].bandwidth, "B/s"))
            + row("requests (windows) per second", lambda tier: plain(ARRIVALS[tier].value))
            + row("P99 limit", lambda tier: f"{plain(TIER[tier].slo_s)} s")
            + row("power limit", lambda tier: power_text(TIER[tier].power_limit_w))
            + row("accuracy floor", lambda tier: percent(FLOORS[tier].value, 0))
            + row("budget a year (USD)", lambda tier: f"{BUDGETS[tier].value:,.0f}")
            + row("days from data to fleet", lambda tier: plain(TIER[tier].lag_days))
            + f"\nA reply has {TOKENS.value:g} tokens; every token reads the weights once for all slots. An update "
            f"multiplies the cohort gap of {100 * GAP0.value:g} points by {FEEDBACK_OFF.value:.2f}, with audits by "
            f"{FEEDBACK_ON.value:.2f}; the gate is {100 * GATE.value:g} points."
        )

    def from_ledger(self) -> str:
        parts = []
        asked = [wall for wall in WALLS if self.record.causes(wall)]
        if asked:
            parts.append(
                "**Slack of ten percent**, because a prediction missed there: "
                + "; ".join(f"{WALL_NAMES[wall]} ({labs_text(self.record.causes(wall))})" for wall in asked)
                + ". The bars below show it as a second line before the wall."
            )
        interval = self.lab.read("ch14", "retrain_interval_days")
        if interval is not None:
            parts.append(
                f"In Lab 14 your policy retrained every **{counted(interval, 'days', 3)}**: every tier starts with "
                "that interval, rounded and kept between 1 and 180 days."
            )
        return "\n\n".join(parts)

    def prediction(self) -> ChoicePrediction:
        actual = sum(self.serves(tier) for tier in TIERS)
        kiosk, alone, cloud = (
            reply_p99("edge", "8B", 8, 1),
            reply_p99("edge", "8B", 8, 8),
            reply_p99("cloud", "8B", 8, 8),
        )
        weights = NETWORKS["8B"].weight_bytes(8)
        fitting = weights + NETWORKS["8B"].cache_bytes(1)
        broke = "; ".join(f"{NAMES[tier]}: {', '.join(self.broken(self.recipe(tier)))}" for tier in TIERS)
        binds = ", ".join(self.binding_of(reference_design(tier)) for tier in TIERS)
        return ChoicePrediction(
            "8B at 8 bits, at batch 1 or at batch 8, whichever suits the tier better. On how many of the four tiers "
            "does it both fit and meet its P99 limit?",
            (
                Option(
                    "A",
                    "4: eight bits are small",
                    value=4,
                    feedback="Small for a server; a phone app and a microcontroller count in other units.",
                ),
                Option(
                    "B",
                    "3: everywhere but on the microcontroller",
                    value=3,
                    feedback=(
                        f"The phone has {quantity(TIER['mobile'].capacity, 'B', 1)} for you, and the kiosk reads "
                        f"{quantity(weights, 'B', 2)} for every token."
                    ),
                ),
                Option(
                    "C",
                    "2: cloud and kiosk",
                    value=2,
                    feedback=(
                        f"It fits the kiosk, and its P99 is {kiosk:.1f} s there ({alone:.1f} s at batch 8) against "
                        f"{SLO.value:g}."
                    ),
                ),
                Option(
                    "D",
                    "1: the cloud alone",
                    value=1,
                    correct=True,
                    feedback=(
                        f"Kiosk {kiosk:.1f} s, phone {quantity(fitting, 'B')} against "
                        f"{quantity(TIER['mobile'].capacity, 'B', 1)}, microcontroller "
                        f"{weights / TIER['tiny'].capacity:,.0f} times too large; cloud {cloud:.2f} s at batch 8, "
                        "while at batch 1 its queue has no end."
                    ),
                ),
            ),
            actual=actual,
            form=lambda tiers: f"{tiers:g} of {len(TIERS)} tiers",
            difference=True,
            difference_form=lambda tiers: counted(tiers, "tiers"),
            why=(
                f"The common recipe breaks another wall on each tier ({broke}). In four designs that hold, what binds "
                f"is {binds}, in the order of the tiers: every repair of a hardware wall was paid for in freshness "
                "and money. The burden moved to operations."
            ),
        )

    @classmethod
    def binding_of(cls, outcome: AuditOutcome) -> str:
        """Name of the limit that binds a design, without any slack."""
        return WALL_NAMES[max(WALLS, key=lambda wall: (outcome.usages[wall], -WALLS.index(wall)))]

    def challenge(self) -> str:
        asked = sum(bool(self.record.causes(wall)) for wall in WALLS)
        slack = (
            f" Your record asks for ten percent of slack on {asked} of the seven."
            if asked
            else " No limit asks for slack."
        )
        return (
            "Keep **all seven limits on all four tiers**; the toggle above takes you from tier to tier, and each "
            "keeps its "
            f"own controls.{slack} Then compare with others: whose *largest* usage over the four tiers is smallest?"
        )

    def constraints(self) -> tuple[Constraint, ...]:
        tier = TIER[self.context]

        def limit(wall: str, full: float) -> float:
            return (1.0 - self.record.margin(wall)) * full

        floor = 1.0 - limit("accuracy", 1.0 - FLOORS[self.context].value)
        return (
            Constraint(
                f"≤ {quantity(limit('memory', tier.capacity), 'B')}, {plain(limit('p99', tier.slo_s), 3)} s, "
                f"{power_text(limit('power', tier.power_limit_w))}",
                lambda o: all(self._kept(wall, o) for wall in WATCHED),
            ),
            Constraint(f"Accuracy ≥ {plain(100 * floor, 3)} %", lambda o: self._kept("accuracy", o)),
            Constraint(f"Gap ≤ {plain(100 * limit('gap', GATE.value), 3)} points", lambda o: self._kept("gap", o)),
            Constraint(
                f"≤ {usd(limit('cost', BUDGETS[self.context].value))}/year, updates ≥ "
                f"{plain(tier.lag_days / (1.0 - self.record.margin('rollout')), 3)} d apart",
                lambda o: self._kept("cost", o) and self._kept("rollout", o),
            ),
        )

    def failures(self) -> tuple[Failure, ...]:
        tier, floor, budget = TIER[self.context], FLOORS[self.context].value, BUDGETS[self.context].value

        def over(wall: str) -> Callable[[AuditOutcome], bool]:
            return lambda o: not at_most(o.usages[wall], 1.0)

        def hard(o: AuditOutcome) -> bool:
            return any(not at_most(o.usages[wall], 1.0) for wall in WATCHED)

        def short(o: AuditOutcome) -> list[str]:
            return [w for w in WALLS if at_most(o.usages[w], 1.0) and not self._kept(w, o)]

        return (
            Failure(
                "memory",
                "DOES NOT FIT:",
                when=over("memory"),
                text=lambda o: (
                    f"{quantity(o.memory_bytes, 'B')} of {quantity(tier.capacity, 'B')}. Fewer bits or a smaller model."
                ),
            ),
            Failure(
                "tail",
                "TAIL OVER BUDGET:",
                when=over("p99"),
                text=lambda o: (
                    (
                        f"P99 {number(o.p99_s)} s, limit {tier.slo_s:g} s"
                        if math.isfinite(o.p99_s)
                        else f"at {percent(o.utilization, 0)} of capacity the queue has no steady state; the limit is "
                        f"{tier.slo_s:g} s"
                    )
                    + f" ({o.largest} is {percent(o.share(o.largest), 0)} of a step). A smaller model, fewer bits"
                    + (", or more slots." if self.context == "cloud" else ".")
                ),
            ),
            Failure(
                "power",
                "POWER LIMIT:",
                when=over("power"),
                text=lambda o: (
                    f"{power_text(o.power_w)} on average, limit {power_text(tier.power_limit_w)}. A smaller model."
                ),
            ),
            Failure(
                "silent",
                "ALL DASHBOARDS GREEN:",
                when=lambda o: o.silent_degradation,
                text=lambda o: (
                    f"memory {percent(o.usage_memory, 0)}, P99 {percent(o.usage_p99, 0)}, power "
                    f"{percent(o.usage_power, 0)} of their limits. Accuracy {percent(o.accuracy)} (floor "
                    f"{percent(floor, 0)}), cohort gap {gap_text(o.cohort_gap)} (gate {100 * GATE.value:g}). Nobody "
                    "was paged."
                ),
            ),
            Failure(
                "rollout",
                "ROLLOUT OVERLAP:",
                when=over("rollout"),
                text=lambda o: (
                    f"an update takes {tier.lag_days:g} days to reach the fleet, and the next one starts after "
                    f"{tier.lag_days / o.usage_rollout:g}. A longer interval."
                ),
            ),
            Failure(
                "floor",
                "Also below the floor:",
                when=lambda o: hard(o) and over("accuracy")(o),
                text=lambda o: f"the oldest served model reaches {percent(o.accuracy)}, floor {percent(floor, 0)}.",
                severity="warn",
            ),
            Failure(
                "gate",
                "Also over the gate:",
                when=lambda o: hard(o) and over("gap")(o),
                text=lambda o: f"the cohort gap grows to {gap_text(o.cohort_gap)}, gate {100 * GATE.value:g} points.",
                severity="warn",
            ),
            Failure(
                "budget",
                "OVER BUDGET:",
                when=over("cost"),
                text=lambda o: f"{usd(o.annual_cost_usd)} a year, limit {usd(budget)}.",
                severity="warn",
            ),
            Failure(
                "margin",
                "MARGIN MISSED:",
                when=lambda o: bool(short(o)),
                text=lambda o: (
                    "; ".join(
                        f"{WALL_NAMES[w]} at {usage_text(o.usages[w])}, because you misjudged "
                        f"{labs_text(self.record.causes(w))}"
                        for w in short(o)
                    )
                    + ". Keep ten percent clear here."
                ),
                severity="warn",
            ),
        )

    # --- what a student sees -------------------------------------------------------------------------------

    def plots(self, outcome: AuditOutcome) -> dict[str, Any]:
        here, designs = self.context, self.tiers()
        walls = self.walls(outcome)
        binds = walls[binding(walls)]
        start = self.recipe(here)
        holding = [NAMES[tier] for tier, one in designs.items() if self.holds(one)]
        untouched = [
            NAMES[tier]
            for tier in TIERS
            if tier != here
            and self.values_in(tier) == {name: spec.default for name, spec in self.controls_in(tier).items()}
        ]
        return {
            "usages": usage_bars(
                walls,
                title=f"Seven limits of the {NAMES[here]} design",
                caption=(
                    f"What binds is {binds.name}, at {usage_text(binds.usage)} of its limit. "
                    f"{self._unbroken(walls[: len(WATCHED)])} of {len(WATCHED)} limits on the dashboards hold, and "
                    f"{self._unbroken(walls[len(WATCHED) :])} of {len(WALLS) - len(WATCHED)} that only measuring shows."
                ),
            ),
            "board": verdict_board(
                [Design(NAMES[tier], self.walls(one)) for tier, one in designs.items()],
                selected=TIERS.index(here),
                title="All four tiers, as their designs stand",
                caption=(
                    f"{len(holding)} of {len(TIERS)} hold{' (' + ', '.join(holding) + ')' if holding else ''}. The "
                    "inner frame is what binds each design."
                    + (f" Still at the common recipe: {', '.join(untouched)}." if untouched else "")
                ),
            ),
            "year": year_ahead(
                Trace(outcome.age_days, outcome.accuracy_trace, FLOORS[here].value),
                Trace(outcome.gap_days, outcome.gap_trace, GATE.value),
                title="A year of operation: what no dashboard shows",
                caption=(
                    f"{outcome.updates} updates. The oldest served model keeps {percent(outcome.accuracy)} of its "
                    f"requests right (floor {percent(FLOORS[here].value, 0)}); the cohort gap ends at "
                    f"{gap_text(outcome.cohort_gap)} (gate {100 * GATE.value:g})."
                ),
            ),
            "waterfall": latency_waterfall(
                [Bar("your design", outcome.terms), Bar("the recipe", start.terms)],
                title="One window, term by term" if here == "tiny" else "One token of every slot, term by term",
                high=1.5e3 * max(sum(outcome.terms.values()), sum(start.terms.values())),
                caption=(
                    f"{outcome.largest.capitalize()} is {percent(outcome.share(outcome.largest))} of "
                    f"{quantity(sum(outcome.terms.values()), 's')}. "
                    + (
                        f"A reply of {TOKENS.value:g} tokens takes {quantity(outcome.service_s, 's')} alone, "
                        f"{quantity(outcome.p99_s, 's')} at P99."
                        if here != "tiny"
                        else f"The next window begins after {quantity(PERIOD.value, 's')}."
                    )
                ),
            ),
        }

    @staticmethod
    def _unbroken(walls: Sequence[Wall]) -> int:
        return sum(wall.state != "broken" for wall in walls)

    def metrics(self, outcome: AuditOutcome) -> list[Metric]:
        tier, here = TIER[self.context], self.context
        walls = self.walls(outcome)
        binds = walls[binding(walls)]
        designs = self.tiers()
        status: dict[str, Status] = {
            wall: "met" if self._kept(wall, outcome) else "caution" if at_most(usage, 1.0) else "violated"
            for wall, usage in outcome.usages.items()
        }
        return [
            Metric.of(
                "Memory",
                quantity(outcome.memory_bytes, "B"),
                note=f"of {quantity(tier.capacity, 'B')}",
                status=status["memory"],
            ),
            Metric.of(
                "P99", quantity(outcome.p99_s, "s"), note=f"limit {quantity(tier.slo_s, 's', 1)}", status=status["p99"]
            ),
            Metric.of(
                "Power",
                power_text(outcome.power_w),
                note=f"limit {power_text(tier.power_limit_w)}",
                status=status["power"],
            ),
            Metric.of(
                "Accuracy, oldest model",
                percent(outcome.accuracy),
                note=f"floor {percent(FLOORS[here].value, 0)}",
                status=status["accuracy"],
            ),
            Metric.of(
                "Cohort gap after a year",
                gap_text(outcome.cohort_gap),
                note=f"gate {100 * GATE.value:g} points",
                status=status["gap"],
            ),
            Metric.of(
                "Cost a year",
                usd(outcome.annual_cost_usd),
                note=f"budget {usd(BUDGETS[here].value)}",
                status=status["cost"],
            ),
            Metric("What binds", binds.name, note=f"usage {usage_text(binds.usage)}"),
            Metric("Tiers that hold", f"{sum(map(self.holds, designs.values()))} of {len(TIERS)}"),
        ]

    def tables(self, outcome: AuditOutcome) -> list[Table]:
        designs = self.tiers()
        bound = {tier: self.walls(one) for tier, one in designs.items()}
        return [
            Table(
                "What wrote each design",
                ("tier", "your design", "limits that hold", "what binds it", "the recipe broke"),
                tuple(
                    (
                        NAMES[tier],
                        design_text(tier, self.values_in(tier)),
                        f"{sum(w.state == 'met' for w in walls)} of {len(walls)}",
                        f"{walls[binding(walls)].name}, {usage_text(walls[binding(walls)].usage)}",
                        ", ".join(self.broken(self.recipe(tier))),
                    )
                    for tier, walls in bound.items()
                ),
                emphasis=TIERS.index(self.context),
            ),
            Table(
                "Fifteen invariants in this design, lab by lab",
                ("lab", "this design", "verdict"),
                tuple(
                    (f"{lab:02d} {topic}", text, verdict)
                    for (lab, topic), (text, verdict) in zip(TOPICS.items(), self._invariants(outcome), strict=True)
                ),
            ),
        ]

    def _invariants(self, o: AuditOutcome) -> list[tuple[str, str]]:
        """Readout and verdict of each lab's invariant for a design; a dash where nothing is limited."""
        here, tier = self.context, TIER[self.context]
        tiny, interval = here == "tiny", self.interval_days
        age = interval + tier.lag_days
        one = o.network.cache_bytes(1)
        computing = min(o.share("computing"), 1 - 1e-12)
        train = TRAIN_BYTES.value * (o.network.params or o.network.bytes_int8)
        labels = physics.one_proportion_sample_size(
            o.accuracy, o.accuracy - LABEL_DROP.value, LABEL_LEVEL.value, LABEL_POWER.value
        )
        step = "window" if tiny else "step"
        peak = tier.peak if not tiny else o.network.ops / o.terms["computing"]
        orders = physics.magnitude_gap_orders(c.H100_TDP.value, tier.active_w)

        def verdict(holds: bool) -> str:
            return "✓ holds" if holds else "✕ broken"

        return [
            (f"{orders:.2f} orders of power below an H100", "–"),
            (f"{o.largest} is {percent(o.share(o.largest), 0)} of a {step}", "–"),
            (
                f"oldest model {age:g} d, floor after {plain(o.age_limit_days, 3)} d",
                verdict(at_most(age, o.age_limit_days)),
            ),
            (
                f"{quantity(o.weight_bytes, 'B')} per update and device, "
                f"{quantity(o.weight_bytes * YEAR / interval, 'B')} a year",
                "–",
            ),
            (f"{percent(o.usage_memory, 0)} of the memory", verdict(at_most(o.usage_memory, 1.0))),
            ("–" if tiny else f"{quantity(one, 'B')} per request, {percent(one / tier.capacity)} of the memory", "–"),
            ("–" if tiny else f"dispatch is {percent(o.share('dispatch'))} of a step", "–"),
            (
                f"{quantity(train, 'B')} to train on the device, {number(train / tier.capacity)} times its memory",
                verdict(at_most(train, tier.capacity)),
            ),
            (f"{number(math.ceil(labels), 4)} labels confirm a loss of {100 * LABEL_DROP.value:g} points", "–"),
            (
                f"{percent(o.weight_bytes / o.weight_bytes_16, 0)} of the bytes at 16 bits, "
                f"{100 * o.points_lost:.1f} points lost",
                "–",
            ),
            (f"{number(o.intensity)} op/B, ridge {number(peak / tier.bandwidth)}", "–"),
            (f"at most {physics.amdahl_ceiling(computing):.3f} times from free arithmetic", "–"),
            (
                f"P99 at {usage_text(o.usage_p99)} of its limit, load {number(o.utilization)} of capacity",
                verdict(at_most(o.usage_p99, 1.0)),
            ),
            (f"accuracy at {usage_text(o.usage_accuracy)} of its limit", verdict(at_most(o.usage_accuracy, 1.0))),
            (
                f"{gap_text(o.cohort_gap)} after {o.updates} updates, audits {'on' if self.cohort_audit else 'off'}",
                verdict(at_most(o.usage_gap, 1.0)),
            ),
        ]

    def reflection(self) -> Question:
        tier, floor = TIER["edge"], FLOORS["edge"].value
        eight, four = (self.recipe("edge", bits=bits, batch=1) for bits in (8, 4))
        sound = four.age_limit_days - tier.lag_days
        unaudited = shortest_unaudited_days()
        audited = math.ceil(tier.run_usd * YEAR / (BUDGETS["edge"].value - AUDITS["edge"].value))
        lost = 100 * (four.points_lost - eight.points_lost)
        return Question(
            "The edge design went from 8 to 4 bits to meet the tail. Where did the burden go?",
            (
                Option(
                    "A",
                    "Nowhere: fewer bytes are simply better",
                    f"Accuracy lost {lost:.1f} points, and something must pay for them.",
                ),
                Option(
                    "B",
                    "Into operations: the model may age less, so updates come sooner, and more updates need the cohort "
                    "audit",
                    f"Its age limit is {plain(four.age_limit_days, 3)} days instead of "
                    f"{plain(eight.age_limit_days, 3)} "
                    f"(floor {percent(floor, 0)}). After {tier.lag_days:g} days of rollout that leaves "
                    f"{math.floor(sound)} days between updates, and an unaudited loop needs at least {unaudited}; the "
                    f"audit's {usd(AUDITS['edge'].value)} then forbid intervals under {audited} days.",
                    correct=True,
                ),
                Option("C", "Into memory: the cache grows", "The cache keeps its 16 bits and its size."),
                Option(
                    "D",
                    "Into the roofline: the workload became compute-bound",
                    f"Moving the bytes is still {percent(four.share('moving'), 0)} of the step.",
                ),
            ),
        )

    def peek(self) -> Peek:
        cycles = math.log(GATE.value / GAP0.value) / math.log(FEEDBACK_OFF.value)
        return Peek(
            (
                "constraint_usage",
                "lm_step_time",
                "mmc_latency_percentile",
                "accuracy_at_age",
                "max_age_for_floor",
                "bias_feedback_gap",
            ),
            "Seven usages: bytes over capacity, P99 over its limit, power over its limit, error over the largest error "
            "$(1-A)/(1-A_f)$, gap over gate, cost over budget, lag over interval. Two of them pull the interval apart: "
            "$T_{max} = \\ln((A-\\delta)/A_f)/\\gamma - L$ from above, and without audits from below "
            f"$k \\le \\ln(\\Delta_{{max}}/\\Delta_0)/\\ln\\alpha$, here {cycles:.2f}: unaudited updates must be at "
            "least "
            f"{shortest_unaudited_days()} days apart. The conservation of complexity is a habit of search, not a law: "
            "look "
            "where the cost went.",
        )


@lru_cache(maxsize=4096)
def _designed(context: str, controls: tuple[tuple[str, Any], ...]) -> AuditOutcome:
    """The outcome of a design that is not on screen."""
    return FourDesigns.compute(context, **dict(controls))


def reply_p99(context: str, model: str, bits: int, batch: int) -> float:
    """P99 of a reply of a decoder on a tier (s), without a limit of its own."""
    if context == "tiny":
        return math.inf
    terms = step_terms(TIER[context], NETWORKS[model], bits, batch)
    return tail(context, sum(terms.values()) * TOKENS.value, batch)


def shortest_unaudited_days() -> int:
    """Smallest whole interval at which a year of unaudited updates keeps the gate."""
    most = math.floor(math.log(GATE.value / GAP0.value) / math.log(FEEDBACK_OFF.value))
    return math.floor(YEAR / (most + 1)) + 1


def gap_text(gap: float) -> str:
    """A cohort gap in points; beyond 100 the model has left its range."""
    return "> 100 points" if gap > 1 else f"{100 * gap:.1f} points"


def power_text(watts: float) -> str:
    """A power without trailing zeros: 1,275 W, 125 mW."""
    return f"{plain(watts, 4 if watts >= 1e3 else 3)} W" if watts >= 1 else f"{plain(1e3 * watts, 3)} mW"


def design_text(context: str, controls: Mapping[str, Any]) -> str:
    """A design in one line."""
    slots = f", batch {controls['batch']:g}" if "batch" in controls else ""
    return (
        f"{NETWORKS[controls['model']].name}, {controls['bits']} bits{slots}, every {controls['interval_days']:g} d, "
        f"audits {'on' if controls['cohort_audit'] else 'off'}"
    )


#: Designs that hold even if every limit asks for slack.
REFERENCE_DESIGNS: dict[str, dict[str, Any]] = {
    "cloud": {"model": "70B", "bits": 4, "interval_days": 12, "cohort_audit": ON},
    "edge": {"bits": 4, "batch": 1, "interval_days": 25, "cohort_audit": ON},
    "mobile": {"model": "1B", "interval_days": 46, "cohort_audit": ON},
    "tiny": {"model": "S", "interval_days": 53, "cohort_audit": ON},
}


def reference_design(context: str) -> AuditOutcome:
    """A design of a tier that holds."""
    return FourDesigns.recipe(context, **REFERENCE_DESIGNS[context])


class ArchitectsAuditLab(Lab):
    """All constraints of the volume at once, on four tiers, and the student's own record."""

    volume, number, slug = 1, 16, "lab_16_ml_conclusion"
    title = "The Architect's Audit"
    question = "Which constraint wrote your design, and where did the burden go when you relieved it?"
    chapter = "Conclusion"
    invariant = (
        "Constraints propagate: one recipe meets another wall on each tier, and relieving it moves the burden. Look "
        "where the cost went."
    )
    contexts = (CLOUD, EDGE, MOBILE, TINY)
    counts_every_context = True
    acts = (CostOfAToken, FourDesigns)
    briefing = (
        "Fifteen parts that each met their target do not make a system that does. Quantize, and accuracy comes nearer "
        "its floor; retrain oftener, and a cohort falls behind unless somebody pays for audits; audit, and the budget "
        "binds. This lab puts the limits of the whole volume on one screen, for four tiers. It also holds your own "
        "predictions of Labs 01 to 15 against what the models gave: where you misjudged a limit, it asks you for a "
        "safety margin. With some of those labs, or none, it works as well."
    )
    reading = (
        Reading("Conclusion, Synthesizing ML systems", "a launch that fell four points: the system is the model"),
        Reading("Conclusion, Lighthouse models: constraint propagation", "the table of MobileNetV2's journey"),
        Reading(
            "Conclusion, Thirteen quantitative principles, and The integrated framework",
            "what one decision from FP16 to INT8 touches",
        ),
        Reading("Conclusion, the callout The cost of a token", "70 billion parameters on two H100s"),
        Reading("Conclusion, Principles in practice, and Fallacies and pitfalls", "integration, aggregates, Amdahl"),
    )
    assumptions = (
        "- Decoding only: reading the prompt and the arithmetic of attention are left out; terms of a step add up.\n- "
        "Every slot holds a full cache, whatever the load. Slots decode together behind one queue; reply lengths "
        "vary, so service times are exponential. Windows of the microcontroller are paced and equal.\n- Power is the "
        "busy share times the active power: an upper bound with several slots, idle left out.\n- Weights are widened "
        "before the product: the arithmetic rate is the same at 16, 8 and 4 bits, except that the microcontroller is "
        "half as fast at 16.\n- The phone gives half of its memory to an app. Orin NX: a quarter of the printed "
        "sparse INT8 rate; decoding is 96 % movement, so nothing depends on it.\n- The microcontroller runs measured "
        "INT8 kernels, not the 1 MFLOP/s of unoptimised ones in Lab 01.\n- Accuracies, decay, prices and budgets are "
        "assumptions chosen together: they set where the walls stand, not which formulas build them.\n- The growth of "
        "the cohort gap per update is a fitted model with a constant factor.\n- The H100's "
        f"{c.H100_FLOPS_FP16_TENSOR_SPARSE.value / 1e12:,.0f} TFLOP/s need 2:4 sparsity and appear in a wrong option "
        "only."
    )
    constants = (
        *CAPACITIES.values(),
        *BANDWIDTHS.values(),
        *PEAKS.values(),
        c.H100_FLOPS_FP16_TENSOR_SPARSE,
        c.TWO_H100_FLOPS_FP16,
        c.TWO_H100_MEM_BW,
        c.TWO_H100_MEM_CAPACITY,
        *ACTIVE.values(),
        c.MOBILE_BATTERY_J,
        BATTERY_SHARE,
        *(limit for limit in POWER_LIMITS.values() if limit is not c.ORIN_NX_TDP),
        HALF_RATE,
        c.PARAMS_70B,
        c.PARAMS_70B_LAYERS,
        c.PARAMS_70B_KV_HEADS,
        c.PARAMS_70B_HEAD_DIM,
        c.LLAMA31_8B_PARAMS,
        c.LLAMA31_8B_LAYERS,
        c.LLAMA31_8B_KV_HEADS,
        c.LLAMA31_8B_HEAD_DIM,
        *LLAMA_1B.values(),
        c.DSCNN_S_BYTES,
        c.DSCNN_M_BYTES,
        c.DSCNN_L_BYTES,
        c.DSCNN_S_OPS,
        c.DSCNN_M_OPS,
        c.DSCNN_L_OPS,
        c.DSCNN_S_ACCURACY,
        c.DSCNN_M_ACCURACY,
        c.DSCNN_L_ACCURACY,
        *ACCURACY.values(),
        DROP_8,
        DROP_4,
        TOKENS,
        CONTEXT_TOKENS,
        CACHE_BYTES,
        EFFICIENCY,
        c.DECODE_OVERHEAD,
        DISPATCH_PHONE,
        FLOP_PER_WEIGHT,
        *ARRIVALS.values(),
        SLO,
        PERIOD,
        PERCENTILE,
        *FLOORS.values(),
        *DECAYS.values(),
        *LAGS.values(),
        *RUN_COSTS.values(),
        *AUDITS.values(),
        *BUDGETS.values(),
        GAP0,
        GATE,
        FEEDBACK_OFF,
        FEEDBACK_ON,
        MARGIN,
        STORY_P99,
        STORY_DROP,
        STORY_DAYS,
        KERNEL_BEFORE,
        KERNEL_AFTER,
        LABEL_LEVEL,
        LABEL_POWER,
        LABEL_DROP,
        TRAIN_BYTES,
        c.DAYS_PER_YEAR,
        c.Z95,
    )
    reads = (
        *((lab_key(lab), field) for lab in TOPICS for field in FIELDS),
        ("ch14", "retrain_interval_days"),
    )
    instructor_notes = (
        "- The ratio 295 is the ridge itself, and its inverse was the MFU of Lab 11's matrix times one vector: a "
        "recall on purpose. Ask who noticed; then ask why the phone's is 129 and the microcontroller's 0.04.\n- "
        "*Complexity is conserved* is a heuristic: find a change that simply helps (INT8 for the wake word: half the "
        "bytes, twice the rate, no loss).\n- Put on the board what the one recipe broke on each tier, and what binds "
        "after the repair: floor or budget, nearly everywhere. Where did the hardware walls go?\n- The margin rule is "
        "debatable engineering: should one's own misjudgement buy headroom? Let them argue with Lab 13.\n- The result "
        "that students expect least: more frequent updates make the product worse for a cohort. Trace it through Labs "
        "14 and 15.\n- Towards Volume 2: traffic grows to 120 requests/s. Show that no batch on one H100 serves 70B "
        "at 4 bits within 8 s, and that the next constraint is not on this list: the network."
    )

    def open(self) -> None:
        interval = self.read("ch14", "retrain_interval_days")
        if interval is not None:
            for tier in TIERS:
                self.act2.preset("interval_days", interval, "Lab 14", tier)
        home = self.record.home()
        if home is not None:
            self.start_in(home, "Labs 01 to 15")

    @property
    def record(self) -> Audited:
        """The student's record of Labs 01 to 15."""
        return self.act2.record

    def _designs(self) -> dict[str, AuditOutcome]:
        return self.act2.tiers()

    def result(self) -> float:
        return float(sum(map(self.act2.holds, self._designs().values())))

    def decision(self) -> str:
        parts = ((tier, self.act2.values_in(tier)) for tier in TIERS)
        return ";".join(f"{tier}:{controls['model']}-{controls['bits']}" for tier, controls in parts)

    def extras(self) -> dict[str, Any]:
        designs, record = self._designs(), self.record
        walls = {tier: self.act2.walls(one) for tier, one in designs.items()}
        cloud = designs["cloud"].terms
        return {
            "binding": {tier: WALLS[binding(one)] for tier, one in walls.items()},
            "margins": [wall for wall in WALLS if record.causes(wall)],
            "dominant_term": "memory_bandwidth" if cloud["moving"] >= cloud["computing"] else "compute",
            "hits": record.hits,
            "taken": len(record.taken),
        }

    def solution(self, context: str) -> dict[str, Any]:
        return REFERENCE_DESIGNS[context]

    def breaking(self, context: str) -> dict[str, Any]:
        broken: dict[str, dict[str, Any]] = {
            "cloud": {"interval_days": 120},
            "edge": {"bits": 16},
            "mobile": {"bits": 16},
            "tiny": {"model": "L"},
        }
        return broken[context]


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
