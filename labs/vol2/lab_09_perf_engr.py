"""V2-09 Profile First: Amdahl on the Critical Path.

Act I: a kernel that became 1.82 times faster in a step that became no faster, because the other lane sets its period.
Act II: six fixes and three engineer-weeks, spent on a streaming and on a batch tier of the same model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from components.controls import Shortcuts, choice, slider, stops
from components.instruments.critical_path import (
    Change,
    LaneStep,
    SpeedupLine,
    Total,
    amdahl_against_measured,
    removal_waterfall,
    two_lane_steps,
)
from components.instruments.layers import Axis
from components.instruments.pareto import Box, Design, Trace, pareto_curve
from components.instruments.placing import log_ticks
from components.instruments.roofline import Kernel, Roof, roofline
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
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
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.provenance import Constant

Array = npt.NDArray[np.float64]

STREAMING = Context("streaming", "Streaming", "cloud", "One stream per GPU: tokens have to come fast.")
BATCHED = Context("batch", "Batch", "tiny", "Many requests per GPU overnight: tokens have to come cheap.")

CHAPTER = "Performance Engineering"
DETECTIVE = "Performance Engineering, The profiler detective"
LOOP = "Performance Engineering, The profiling feedback loop"
CASE = "Performance Engineering, A 70B LLM Case Study"

SEQ = scenario("seq_len", 2048, "token", "mean cached length during decode", "middle of the model's window of 4,096")
KERNELS_EAGER = scenario("kernels_eager", 120, "1", "kernels of a layer in eager execution", DETECTIVE, "chapter")
KERNELS_FUSED = scenario("kernels_fused", 30, "1", "kernels of a layer after fusion", DETECTIVE, "chapter")
KERNELS_FIXED = scenario(
    "kernels_fixed", 8, "1", "7 weight products and 1 attention kernel, never fused away", c.TOUVRON, "paper"
)
BW_GEMM = scenario("bw_gemm", 2.8e12, "B/s", "reached by the weight products: 84 % of the peak", DETECTIVE, "chapter")
BW_ATTENTION = scenario("bw_attention", 1.9e12, "B/s", "reached by attention: 57 % of the peak", DETECTIVE, "chapter")
BW_GEMM_NEW = scenario(
    "bw_gemm_new", 0.95 * c.H100_MEM_BW.value, "B/s", "after a hand-written kernel", "95 %: the best that copies reach"
)
DISPATCH = scenario(
    "dispatch_s", 5.79e-6, "s", "host time per launch, eager", "calibrated to the 45 tokens/s of The profiler detective"
)
FLOOR = scenario(
    "floor_s", 1.4e-6, "s", "shortest useful kernel", "calibrated to the ceiling of 96 tokens/s in the same box"
)
GRAPH = scenario(
    "graph_s", 1e-4, "s", "host time of a step with CUDA Graphs", "one replay and the sampling, rounded up"
)
TRACE = scenario("trace_overhead", 0.15, "1", "what a tracer adds to the host", f"{LOOP}: 10 to 20 %", "chapter")
INT4_FACTOR = scenario("int4_factor", 0.55, "1", "time of the weight products after INT4 weights", CASE, "chapter")
INT4_BITS = scenario(
    "int4_bits",
    4.25,
    "bit",
    "4 bits and one FP16 scale per 64 weights",
    f"{CHAPTER}, Block-wise quantization",
    "chapter",
)
KV_INT8 = scenario("kv_int8", 1, "B", "one value of an INT8 cache; FP16 takes 2", "definition", "definition")
FP16 = c.FP16_BYTES
EFFICIENCY = scenario(
    "compute_efficiency",
    0.7,
    "1",
    "share of the peak that large products reach",
    "usual for libraries at a large batch",
)
RESERVE = scenario("reserve", 4e9, "B", "runtime, activations, fragmentation", "5 % of the device")
PRICE = c.H100_USD_HOUR
BUDGET = scenario("budget_weeks", 3.0, "1", "engineer-weeks: one engineer, one sprint", "the lab's scenario")
COMPLETION = scenario("completion_tokens", 80, "token", "length of an inline completion", "the lab's scenario")
DIALOGUE = scenario("dialogue_s", 0.4, "s", "limit of an uninterrupted dialogue", "Doherty and Thadani 1982", "paper")
COST_TARGET = scenario(
    "cost_target", 0.40, "USD", "per million tokens of a nightly summary", "half of the best cost before any fix"
)
BATCH_START = scenario("batch_start", 32, "1", "requests in the batch today", "the lab's scenario")
BATCH_MOST = scenario(
    "batch_most", 128, "1", "largest batch of the slider", "the last power of two that any set of fixes fits"
)
HAND_TUNED = scenario("hand_tuned", 10, "1", "largest speedup of a part", "hand-tuned kernels rarely exceed it")
TARGET = scenario("target_s", DIALOGUE.value / COMPLETION.value, "s", "per token", "400 ms over 80 tokens", "derived")

LAYERS, WIDTH, PARAMS = c.LLAMA2_7B_LAYERS.value, c.LLAMA2_7B_WIDTH.value, c.LLAMA2_7B_PARAMS.value
PEAK, BANDWIDTH, CAPACITY = c.H100_FLOPS_FP16_TENSOR.value, c.H100_MEM_BW.value, c.H100_MEM_CAPACITY.value
RIDGE = PEAK / BANDWIDTH
INT4_SPEEDUP = 1 / INT4_FACTOR.value


@dataclass(frozen=True)
class Item:
    """One fix of the menu: its control, its name, its price in engineer-weeks, and what it is."""

    key: str
    name: str
    cost: Constant
    what: str

    @property
    def weeks(self) -> float:
        """Engineer-weeks that it takes."""
        return self.cost.value


def _item(key: str, name: str, weeks: float, source: str, what: str) -> Item:
    return Item(key, name, scenario(f"weeks_{key}", weeks, "1", f"engineer-weeks for {name}", source), what)


ITEMS = (
    _item("fusion", "kernel fusion", 0.5, "a compiler flag and a test run", "120 kernels a layer become 30"),
    _item("graphs", "CUDA Graphs", 0.5, "a compiler mode and a test run", "one launch replays the whole step"),
    _item("int4", "INT4 weights", 1.5, "calibration and a quality study", "the verified gain of Act I"),
    _item(
        "kv_int8", "INT8 KV cache", 1.0, "a library switch, a quality check", "half of the bytes of each cached value"
    ),
    _item("attention_kernel", "attention kernel", 3.0, "written by hand", "1.9 to 2.8 TB/s"),
    _item("gemm_kernel", "GEMM kernel", 3.0, "written by hand", "2.8 to 3.18 TB/s"),
)
KEYS = tuple(item.key for item in ITEMS)
BY_KEY = {item.key: item for item in ITEMS}
#: Every set of fixes, one column of booleans per fix; a set is known by its row.
SETS = np.array([[bool(row >> k & 1) for k in range(len(KEYS))] for row in range(2 ** len(KEYS))])
NOTHING = dict.fromkeys(KEYS, False)
STREAM_PLAN = ("fusion", "graphs", "int4")

PARTS = {"gemm": "GEMM", "attention": "attention", "elementwise": "element-wise", "dispatch": "dispatch"}
KERNELS = ("gemm", "attention", "elementwise")
BATCHES: Array = np.arange(1.0, BATCH_MOST.value + 1)
FACTORS: Array = np.geomspace(1.0, HAND_TUNED.value, 61)


def ms(seconds: float) -> str:
    """A time in milliseconds, two decimals."""
    return f"{1e3 * seconds:.2f}"


def times(ratio: float) -> str:
    """A ratio as a speedup: 1.26×."""
    return f"{ratio:.2f}×"


def sequences(count: float) -> str:
    """A batch in words: 1 sequence, 32 sequences."""
    return counted(count, "sequences")


def weeks_of(keys: Sequence[str]) -> float:
    """Engineer-weeks of a set of fixes."""
    return sum(BY_KEY[key].weeks for key in keys)


# --- one decode step --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Profile:
    """One decode step by component (s): dispatch on the host, and the kernel families of the GPU. Arrays work, too."""

    dispatch: Any
    gemm: Any
    attention: Any
    elementwise: Any

    @property
    def busy(self) -> Any:
        """Time of the GPU lane (s)."""
        return self.gemm + self.attention + self.elementwise

    @property
    def step(self) -> Any:
        """Period of the step (s)."""
        return physics.async_step_time(self.dispatch, self.busy)

    @property
    def idle(self) -> Any:
        """Share of the step in which the GPU waits."""
        return physics.gpu_idle_fraction(self.dispatch, self.busy)

    @property
    def exposed(self) -> Any:
        """The lane that the step lasts for; the GPU on a tie."""
        return "host" if self.dispatch > self.busy else "GPU"

    @property
    def waiting(self) -> float:
        """Share of the step in which the lane that is not exposed waits."""
        return float(1 - min(self.dispatch, self.busy) / self.step)

    @property
    def largest(self) -> str:
        """The largest component of the exposed lane."""
        return "dispatch" if self.exposed == "host" else max(KERNELS, key=lambda part: getattr(self, part))

    def share(self, part: str) -> float:
        """Share of a component of the step."""
        return float(getattr(self, part) / self.step)

    def kernel_share(self, part: str) -> float:
        """Share of a kernel family of GPU time."""
        return float(getattr(self, part) / self.busy)

    def faster(self, part: str, factor: Any) -> Profile:
        """The step with one component made `factor` times faster; infinity makes it free."""
        return replace(self, **{part: getattr(self, part) / factor})

    def lanes(self, name: str) -> LaneStep:
        """The step as an instrument takes it."""
        return LaneStep(name, self.dispatch, {PARTS[part]: getattr(self, part) for part in KERNELS})


def profile(batch: Any, items: Mapping[str, Any], overhead: float = 0.0, seq_len: float = SEQ.value) -> Profile:
    """A decode step of `batch` sequences with a set of fixes; numbers or arrays."""
    kernels = np.where(items["fusion"], KERNELS_FUSED.value, KERNELS_EAGER.value)
    eager = physics.launch_time(LAYERS, kernels, DISPATCH.value, overhead)
    gemm_bandwidth = np.where(items["gemm_kernel"], BW_GEMM_NEW.value, BW_GEMM.value)
    made = Profile(
        dispatch=np.where(items["graphs"], GRAPH.value, eager),
        gemm=physics.weight_gemm_time(
            PARAMS,
            FP16.value,
            gemm_bandwidth,
            batch,
            PEAK,
            EFFICIENCY.value,
            np.where(items["int4"], INT4_FACTOR.value, 1.0),
        ),
        attention=physics.attention_decode_time(
            cache_bytes(batch, items["kv_int8"], seq_len),
            np.where(items["attention_kernel"], BW_GEMM.value, BW_ATTENTION.value),
        ),
        elementwise=physics.elementwise_time(
            LAYERS, kernels, FLOOR.value, batch, WIDTH, BW_GEMM.value, KERNELS_FIXED.value
        ),
    )
    if np.ndim(batch) or any(np.ndim(value) for value in items.values()):
        return made
    return Profile(float(made.dispatch), float(made.gemm), float(made.attention), float(made.elementwise))


def cache_bytes(batch: Any, kv_int8: Any, seq_len: float = SEQ.value) -> Any:
    """The key-value cache of `batch` sequences (B)."""
    return physics.kv_cache_bytes(
        LAYERS,
        c.LLAMA2_7B_KV_HEADS.value,
        c.LLAMA2_7B_HEAD_DIM.value,
        seq_len,
        batch,
        np.where(kv_int8, KV_INT8.value, FP16.value),
    )


def weight_bytes(int4: bool) -> float:
    """The weights (B)."""
    return float(PARAMS * (INT4_BITS.value / 8 if int4 else FP16.value))


def largest_batch(int4: bool, kv_int8: bool) -> int:
    """Sequences that fit beside the weights and the reserve."""
    fits = physics.max_batch_in_memory(CAPACITY, weight_bytes(int4) + RESERVE.value, float(cache_bytes(1, kv_int8)))
    return int(fits)


def usd(step_s: Any, batch: Any) -> Any:
    """Cost of a million tokens of one GPU (USD)."""
    return physics.usd_per_million(PRICE.value, 1, batch / step_s)


@cache
def survey(batch: int) -> Profile:
    """The step of every set of fixes at one batch, in the order of `SETS`."""
    return profile(float(batch), {key: SETS[:, k] for k, key in enumerate(KEYS)})


@cache
def sweep(row: int) -> Array:
    """Cost per million tokens over the batch for one set of fixes (USD)."""
    made = profile(BATCHES, dict(zip(KEYS, map(bool, SETS[row]), strict=True)))
    return np.asarray(usd(made.step, BATCHES))


def row_of(keys: Sequence[str]) -> int:
    """The row of `SETS` with these fixes."""
    return sum(1 << KEYS.index(key) for key in keys)


@dataclass(frozen=True)
class Made:
    """One fix on the way to a design: the step before and after it (s), and the lane exposed after it."""

    key: str
    before_s: float
    after_s: float
    lane: Any


def profiling_loop(batch: int, keys: Sequence[str]) -> tuple[tuple[Made, ...], tuple[Made, ...]]:
    """The fixes of a design in the order in which a profiler picks them, and the others as if each were made next.

    Each pick is the fix that removes most at that moment, the first of the menu on a tie.
    """
    all_sets = survey(batch)
    steps = np.asarray(all_sets.step)
    host = np.asarray(all_sets.dispatch > all_sets.busy)

    def made(row: int, key: str) -> Made:
        after = row | 1 << KEYS.index(key)
        return Made(key, float(steps[row]), float(steps[after]), "host" if host[after] else "GPU")

    row, left, path = 0, list(keys), []
    while left:
        pick = min((made(row, key) for key in left), key=lambda one: one.after_s)
        path.append(pick)
        left.remove(pick.key)
        row |= 1 << KEYS.index(pick.key)
    return tuple(path), tuple(made(row, key) for key in KEYS if key not in keys)


def axis_end(seconds: float) -> float:
    """The right end of a time axis (ms) that stays put while controls move a little."""
    return next((end for end in (12.0, 25.0, 32.0, 45.0, 60.0, 90.0) if end >= 1.04e3 * seconds), 1.15e3 * seconds)


def critical_path_table(made: Profile) -> Table:
    """Component by component: time, both shares, whether it is exposed, and what the step gains if it were free."""
    rows = []
    for part, name in PARTS.items():
        lane = "host" if part == "dispatch" else "GPU"
        gpu = "–" if lane == "host" else percent(made.kernel_share(part))
        gain = made.step / made.faster(part, np.inf).step
        exposed = "yes" if lane == made.exposed else "no: it waits"
        rows.append((name, ms(getattr(made, part)), gpu, percent(made.share(part)), exposed, times(gain)))
    return Table(
        "Critical path",
        ("component", "ms", "of GPU time", "of wall clock", "exposed now?", "step if it were free"),
        tuple(rows),
    )


# --- Act I ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WhatIfOutcome:
    """One component made faster: the step before it (s), shares before it, and three answers to what it is worth."""

    step_s: float
    gpu_busy_s: float
    dispatch_s: float
    actual_speedup: float
    kernel_share: float | None
    wall_share: float | None
    amdahl_from_kernel_share: float | None
    amdahl_from_wall_share: float | None
    target: str
    part_speedup: float
    before: Profile
    after: Profile
    next_steps: Mapping[str, Profile]
    kernel_curve: Array
    wall_curve: Array
    measured_curve: Array


class FasterKernel(Act):
    """Act I: what a verified kernel speedup is worth to a step."""

    title = "Verified three times"
    minutes = 13
    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "batch": (1, 8, 21, 22, 32, 58),
        "part_speedup": (1.0, INT4_SPEEDUP, 3.0, 10.0),
    }

    target = choice(
        "Component",
        {part: PARTS[part] for part in PARTS},
        "gemm",
        reason="the three kernel families of the GPU lane, and the host lane",
    )
    part_speedup = stops(
        "Made faster by",
        sorted({*(round(1 + k / 10, 1) for k in range(91)), INT4_SPEEDUP}),
        INT4_SPEEDUP,
        text=lambda factor: f"{factor:.2f}×" if abs(factor - INT4_SPEEDUP) < 1e-9 else f"{factor:g}×",
        reason="hand-tuned kernels rarely exceed tenfold; INT4 weights give 1/0.55",
        shortcuts=Shortcuts("What was verified", {"INT4: 1.82×": {"part_speedup": "1.82×"}}),
    )
    batch = slider(
        "Batch",
        1,
        58,
        1,
        1,
        unit="sequences",
        text=sequences,
        per_context={"batch": {"default": int(BATCH_START.value)}},
        reason="58 is the last FP16 batch that fits in 80 GB at 2,048 tokens",
    )
    tracer = choice(
        "Tracer",
        {False: "off", True: "attached"},
        False,
        reason="a tracer adds 10 to 20 % to every launch, and nothing to a kernel",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        batch: float | None = None,
        target: str = "gemm",
        part_speedup: float = INT4_SPEEDUP,
        tracer: bool = False,
        seq_len: float = SEQ.value,
    ) -> WhatIfOutcome:
        if batch is None:
            batch = BATCH_START.value if context == "batch" else 1
        before = profile(batch, NOTHING, TRACE.value if tracer else 0.0, seq_len)
        after = before.faster(target, part_speedup)
        host = target == "dispatch"
        kernel, wall = (None, None) if host else (before.kernel_share(target), before.share(target))
        unknown = np.full(len(FACTORS), np.nan)
        return WhatIfOutcome(
            step_s=before.step,
            gpu_busy_s=before.busy,
            dispatch_s=before.dispatch,
            actual_speedup=before.step / after.step,
            kernel_share=kernel,
            wall_share=wall,
            amdahl_from_kernel_share=None if kernel is None else physics.amdahl_speedup(kernel, part_speedup),
            amdahl_from_wall_share=None if wall is None else physics.amdahl_speedup(wall, part_speedup),
            target=target,
            part_speedup=part_speedup,
            before=before,
            after=after,
            next_steps={part: after.faster(part, part_speedup) for part in PARTS if part != target},
            kernel_curve=unknown if kernel is None else np.asarray(physics.amdahl_speedup(kernel, FACTORS)),
            wall_curve=unknown if wall is None else np.asarray(physics.amdahl_speedup(wall, FACTORS)),
            measured_curve=np.asarray(before.step / before.faster(target, FACTORS).step),
        )

    @classmethod
    @cache
    def asked(cls, context: str = "streaming") -> WhatIfOutcome:
        """INT4 weights on the eager step of a context; that of the question is streaming."""
        return cls.compute(context)

    def message(self) -> Message:
        asked = self.asked()
        return Message(
            "Lead of the code-completion product",
            f"Quantization is done: with INT4 weights our matrix kernels run **{INT4_SPEEDUP:.2f} times faster**, "
            f"verified in isolation three times, and the kernel profile says they are {percent(asked.kernel_share, 0)} "
            "of GPU time. We switch it on for the streaming tier on Monday, one user per GPU, "
            f"{1 / asked.step_s:.0f} tokens per second today. The director has a slide with a new number on it. Which "
            "number should it be?",
        )

    def from_ledger(self) -> str:
        knows = self.lab.read("ch12", "act1_correct")
        if knows is None:
            return ""
        if knows:
            return "You applied **Amdahl's law** correctly in V1-12: its recap is left out here."
        return "Amdahl's law caught you in V1-12: its recap stands below."

    def concept(self) -> str:
        asked = self.asked()
        before = asked.before
        rows = "\n".join(
            f"| {PARTS[part]} | {ms(getattr(before, part))} ms | {percent(before.kernel_share(part))} |"
            for part in KERNELS
        )
        recap = (
            ""
            if self.lab.read("ch12", "act1_correct")
            else " The share $f$ of the time that a change touches becomes $s$ times shorter, the rest stays; even "
            "$s = \\infty$ leaves $1 - f$."
        )
        return (
            f"One decode step of a 7B model launches {LAYERS * KERNELS_EAGER.value:,.0f} kernels. The host enqueues "
            "them one by one, and runs ahead of the GPU when it can. A profiler offers two views. The **timeline** "
            f"says that one step lasts {ms(asked.step_s)} ms of wall clock. The **kernel table** sums time by family:"
            f"\n\n| kernels | time | share |\n|---|---|---|\n{rows}\n| sum | {ms(before.busy)} ms | 100 % |\n\n"
            f"**Amdahl's law**: $S = 1/((1-f) + f/s)$.{recap} INT4 changes neither the number of launches nor the "
            "other kernels."
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        before = asked.before
        assert asked.kernel_share is not None
        assert asked.wall_share is not None
        saved = before.busy - asked.after.busy
        graphs = before.step / profile(1, {**NOTHING, "graphs": True}).step
        compiled = self.lab.read("ch07", "act2_decision") in ("jit", "aot")
        ledger = " In V1-07 a faster GPU gained nothing for the same reason, and you compiled." if compiled else ""
        return ChoicePrediction(
            f"INT4 makes the GEMM kernels {INT4_SPEEDUP:.2f} times faster (1/{INT4_FACTOR.value:g}). By which factor "
            "does the token rate of a single stream rise?",
            (
                Option(
                    "A",
                    times(INT4_SPEEDUP),
                    value=INT4_SPEEDUP,
                    feedback=(
                        "The microbenchmark measured a kernel. Users measure a step in which that kernel is "
                        f"{percent(asked.wall_share, 0)} of the clock and 0 % of the critical path."
                    ),
                ),
                Option(
                    "B",
                    times(asked.amdahl_from_kernel_share or 0),
                    value=asked.amdahl_from_kernel_share,
                    feedback=(
                        f"{percent(asked.kernel_share, 0)} is a share of GPU time. The GPU is idle for "
                        f"{percent(before.idle, 0)} of the step, so no share of GPU time can enter Amdahl here."
                    ),
                ),
                Option(
                    "C",
                    times(asked.amdahl_from_wall_share or 0),
                    value=asked.amdahl_from_wall_share,
                    feedback=(
                        "Right denominator, wrong structure: host and GPU overlap. Time that you remove from the "
                        "lane that waits becomes idle time."
                    ),
                ),
                Option(
                    "D",
                    "1.00×: no change",
                    value=1.0,
                    correct=True,
                    feedback=(
                        f"The exposed lane is the host. CUDA Graphs alone give {times(graphs)}, and no GPU kernel can "
                        "give anything."
                    ),
                ),
            ),
            actual=asked.actual_speedup,
            form=times,
            why=(
                f"The stream still runs at {1 / asked.after.step:.1f} tokens/s. The GPU finished its share {ms(saved)} "
                f"ms earlier and waited {ms(saved)} ms longer.{ledger}"
            ),
        )

    def plots(self, outcome: WhatIfOutcome) -> dict[str, Any]:
        o = outcome
        part, factor = PARTS[o.target], self.specs["part_speedup"].text(o.part_speedup)
        predicted = self.predicted() if self.context == "streaming" else None
        flag = Limit(
            np.nan if predicted is None else 1e3 * self.asked().step_s / predicted, "your prediction", "series-2"
        )
        saved = o.before.step - o.after.step
        off = getattr(o.before, o.target) - getattr(o.after, o.target)
        worth = {key: o.after.step - one.step for key, one in o.next_steps.items()}
        law = (
            "the kernel table has no share for dispatch, so Amdahl's law says nothing."
            if o.amdahl_from_kernel_share is None or o.amdahl_from_wall_share is None
            else f"Amdahl says {times(o.amdahl_from_kernel_share)} with the share of GPU time and "
            f"{times(o.amdahl_from_wall_share)} with the share of the clock."
        )
        best = max(worth, key=lambda key: worth[key])
        return {
            "lanes": two_lane_steps(
                [o.before.lanes("before"), o.after.lanes(f"{part} {factor}")],
                title="One step, two lanes",
                limits=[flag],
                high=axis_end(o.before.step),
                caption=(
                    f"The step lasts as long as its slower lane. {part.capitalize() if part != 'GEMM' else part} got "
                    f"{ms(off)} ms shorter, the step {ms(saved)} ms. The GPU now waits {percent(o.after.idle)} of it."
                ),
            ),
            "removed": removal_waterfall(
                Total("before", 1e3 * o.before.step, o.before.exposed),
                [Change(f"{part} {factor}", 1e3 * o.before.step, 1e3 * o.after.step, o.after.exposed)],
                Total("after", 1e3 * o.after.step, o.after.exposed),
                [
                    Change(f"{PARTS[key]} {factor}", 1e3 * o.after.step, 1e3 * one.step, one.exposed)
                    for key, one in o.next_steps.items()
                ],
                unit="ms",
                axis="time of one step (ms)",
                title="What the change removes, and what the same factor would remove elsewhere",
                limits=[flag],
                caption=(
                    f"{ms(saved)} ms removed, {ms(o.after.step)} ms remain. "
                    + (
                        f"Next, {PARTS[best]} {factor} would remove {ms(worth[best])} ms."
                        if worth[best] > 0
                        else "Next, no component removes anything at this factor."
                    )
                ),
            ),
            "amdahl": amdahl_against_measured(
                FACTORS,
                [
                    SpeedupLine("GPU time", o.kernel_curve, _or_nan(o.amdahl_from_kernel_share)),
                    SpeedupLine("wall clock", o.wall_curve, _or_nan(o.amdahl_from_wall_share)),
                ],
                SpeedupLine("the step", o.measured_curve, o.actual_speedup),
                here=o.part_speedup,
                part=part,
                top=next(
                    top
                    for top in (1.6, 2.5, 4.0, 11.0)
                    if top
                    >= 1.1 * np.nanmax([o.kernel_curve, o.measured_curve, np.full(len(FACTORS), predicted or 1.0)])
                ),
                predicted=None if predicted is None else (INT4_SPEEDUP, predicted),
                title="Amdahl's law with two shares, and the step itself",
                caption=f"At {factor}: {law} The step gains {times(o.actual_speedup)}.",
            ),
        }

    def metrics(self, outcome: WhatIfOutcome) -> list[Metric]:
        o = outcome
        return [
            Metric("Step before", ms(o.step_s), "ms", note=f"{number(self.batch / o.step_s)} tokens/s"),
            Metric("Step after", ms(o.after.step), "ms", note=f"{number(self.batch / o.after.step)} tokens/s"),
            Metric("Speedup of the step", f"{o.actual_speedup:.3f}", "times"),
            Metric("Amdahl, share of GPU time", _or_dash(o.amdahl_from_kernel_share), "times"),
            Metric("Amdahl, share of wall clock", _or_dash(o.amdahl_from_wall_share), "times"),
            Metric("GPU idle before", percent(o.before.idle), note=f"{o.before.exposed} exposed"),
        ]

    def tables(self, outcome: WhatIfOutcome) -> list[Table]:
        return [critical_path_table(outcome.before)]

    def reflection(self) -> Question:
        stream, batched = self.asked(), self.asked("batch")
        return Question(
            f"The same INT4 change on the batch tier ({BATCH_START.value:g} requests) gives "
            f"{times(batched.actual_speedup)}, and Amdahl predicts it to four digits. Why is Amdahl exact there?",
            (
                Option(
                    "A",
                    "Batching makes GEMMs compute-bound",
                    f"At {BATCH_START.value:g} FLOP/byte they are far below the ridge of {RIDGE:.0f}: still "
                    "memory-bound.",
                ),
                Option(
                    "B",
                    "The GPU lane has no gaps, so GPU time is wall-clock time and its components are serial",
                    "Both shares are the same number there, and nothing hides behind anything.",
                    correct=True,
                ),
                Option(
                    "C",
                    "INT4 is numerically better suited to batches",
                    "The quality of the numbers has nothing to do with their time.",
                ),
                Option(
                    "D",
                    "More requests make the GEMM share of the step larger",
                    f"Smaller: {percent(batched.kernel_share)} instead of {percent(stream.kernel_share)} of GPU time. "
                    "Attention grew.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "async_step_time",
                "launch_time",
                "gpu_idle_fraction",
                "amdahl_speedup",
                "weight_gemm_time",
                "attention_decode_time",
                "elementwise_time",
            ),
            "A step lasts $T = \\max(n L t, D)$: launches on the host against the GPU lane $D$, the sum of GEMM, "
            "attention and element-wise time. Amdahl's $S = 1/((1-f)+f/s)$ holds only where $f$ is a share of "
            "*exposed* time, and only until the other lane takes over.",
        )


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


# --- Act II -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SprintOutcome:
    """A set of fixes: the step (s), what it costs to run and to build, the way to it, and what is left to do.

    `start` is the step of the context before any fix, at the batch with which it starts; `resized` that at the batch
    of the design. `costs` and `eager_costs` run over the batch (USD per million tokens).
    """

    step_s: float
    gpu_busy_s: float
    dispatch_s: float
    idle_fraction: float
    memory_bytes: float
    engineer_weeks: float
    usd_per_million_tokens: float
    oom: bool
    meets_all: bool
    batch: int
    keys: tuple[str, ...]
    made: Profile
    start: Profile
    start_batch: int
    kv_bytes: float
    weight_bytes: float
    batch_limit: int
    path: tuple[Made, ...]
    waiting: tuple[Made, ...]
    costs: Array
    eager_costs: Array

    @property
    def start_usd(self) -> float:
        """Cost of a million tokens at the start (USD)."""
        return float(usd(self.start.step, self.start_batch))


def _switch(key: str) -> Any:
    item = BY_KEY[key]
    label = f"{item.name[0].upper()}{item.name[1:]}, {counted(item.weeks, 'weeks')}"
    return choice(label, {False: "off", True: "on"}, False, reason=f"{item.what}; {item.cost.source}")


class Sprint(Act):
    """Act II: three engineer-weeks for a tier that waits for its host and for one that waits for its memory."""

    title = "One engineer, one sprint"
    minutes = 23
    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {"batch": (1, 32, 58, 59, 64, 99, 112, 128)}

    fusion = _switch("fusion")
    graphs = _switch("graphs")
    int4 = _switch("int4")
    kv_int8 = _switch("kv_int8")
    attention_kernel = _switch("attention_kernel")
    gemm_kernel = _switch("gemm_kernel")
    batch = slider(
        "Batch",
        1,
        int(BATCH_MOST.value),
        1,
        int(BATCH_START.value),
        unit="sequences",
        text=sequences,
        only_in=("batch",),
        reason="134 is the largest that any set of fixes makes fit; streaming has one stream per GPU",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        batch: int | None = None,
        fusion: bool = False,
        graphs: bool = False,
        int4: bool = False,
        kv_int8: bool = False,
        attention_kernel: bool = False,
        gemm_kernel: bool = False,
    ) -> SprintOutcome:
        chosen = (fusion, graphs, int4, kv_int8, attention_kernel, gemm_kernel)
        keys = tuple(key for key, on in zip(KEYS, chosen, strict=True) if on)
        streaming = context == "streaming"
        start_batch = 1 if streaming else int(BATCH_START.value)
        size = 1 if streaming else int(start_batch if batch is None else batch)
        made = profile(size, dict(zip(KEYS, chosen, strict=True)))
        cost = float(usd(made.step, size))
        weeks, cached, weights = weeks_of(keys), float(cache_bytes(size, kv_int8)), weight_bytes(int4)
        memory = weights + cached + RESERVE.value
        oom = not at_most(memory, CAPACITY)
        fast = at_most(made.step, TARGET.value) if streaming else at_most(cost, COST_TARGET.value) and not oom
        path, waiting = profiling_loop(size, keys)
        return SprintOutcome(
            step_s=made.step,
            gpu_busy_s=made.busy,
            dispatch_s=made.dispatch,
            idle_fraction=made.idle,
            memory_bytes=memory,
            engineer_weeks=weeks,
            usd_per_million_tokens=cost,
            oom=oom,
            meets_all=fast and at_most(weeks, BUDGET.value),
            batch=size,
            keys=keys,
            made=made,
            start=profile(start_batch, NOTHING),
            start_batch=start_batch,
            kv_bytes=cached,
            weight_bytes=weights,
            batch_limit=largest_batch(int4, kv_int8),
            path=path,
            waiting=waiting,
            costs=sweep(row_of(keys)),
            eager_costs=sweep(0),
        )

    @classmethod
    @cache
    def plan(cls, context: str, *keys: str, batch: int | None = None) -> SprintOutcome:
        """The outcome of a set of fixes."""
        return cls.compute(context, batch=batch, **dict.fromkeys(keys, True))

    @classmethod
    def asked(cls) -> float:
        """What INT4 gives after fusion and CUDA Graphs."""
        return cls.plan("streaming", "fusion", "graphs").step_s / cls.plan("streaming", *STREAM_PLAN).step_s

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        stream = self.plan("streaming")
        best = self.plan("batch", batch=largest_batch(int4=False, kv_int8=False))
        return Message(
            "VP of Engineering",
            f"One engineer, one sprint: **{BUDGET.value:g} engineer-weeks**. The streaming team wants an "
            f"{COMPLETION.value:g}-token completion in {1e3 * DIALOGUE.value:.0f} ms, that is "
            f"{1e3 * TARGET.value:g} ms per token; we are at {1e3 * stream.step_s:.0f}. The batch team wants summaries "
            f"at {COST_TARGET.value:.2f} USD per million tokens; our best so far is {best.usd_per_million_tokens:.2f}. "
            "You get the same menu of six fixes for both. Tell me which ones to fund for each tier.",
        )

    def concept(self) -> str:
        rows = "\n".join(f"| {item.name} | {item.weeks:g} | {item.what} |" for item in ITEMS)
        return (
            "Six fixes, each with a price in engineer-weeks. Every switch profiles the step again, and the profile may "
            "change after every fix: the kernel table of yesterday is no evidence today.\n\n| fix | weeks | what it "
            f"is |\n|---|---|---|\n{rows}"
        )

    def prediction(self) -> NumberPrediction:
        asked = self.asked()
        fused, done = self.plan("streaming", "fusion", "graphs"), self.plan("streaming", *STREAM_PLAN)
        share = fused.made.kernel_share("gemm")
        old = FasterKernel.asked()
        small = old.before.elementwise - fused.made.elementwise

        def feedback(factor: float) -> str:
            if self.prediction().correct(factor):
                return "You read the share from the new profile, on the lane that is exposed now."
            if factor < 1.15:
                return "A fix off the critical path is worthless only as long as another lane hides it."
            if factor < asked:
                return (
                    f"You reused the share of the old profile. Fusion removed {1e3 * small:.1f} ms of small kernels, "
                    f"so the share of the GEMMs rose from {percent(old.kernel_share, 0)} to {percent(share, 0)}."
                )
            return f"Even now {percent(1 - share, 0)} of the step, a quarter, is not GEMM."

        return NumberPrediction(
            f"In Act I INT4 weights gave 1.00×. Suppose fusion and CUDA Graphs are already in: {ms(fused.step_s)} ms "
            "per token. What does the very same INT4 change give now?",
            low=1.0,
            high=4.0,
            step=0.05,
            unit="×",
            actual=asked,
            tolerance=0.1,
            digits=".3f",
            feedback=feedback,
            why=(
                f"INT4 did not change. The lane that it shortens became the exposed one: GEMM is {percent(share)} of "
                f"the step instead of 0 % of the critical path, and {ms(fused.step_s)} ms become {ms(done.step_s)}."
            ),
        )

    def challenge(self) -> str:
        weeks = SETS @ np.array([item.weeks for item in ITEMS])
        payable = weeks <= BUDGET.value
        if self.context == "streaming":
            fast = np.asarray(survey(1).step) <= TARGET.value
            return (
                f"At most **{1e3 * TARGET.value:g} ms per token** and {BUDGET.value:g} weeks. Of {len(SETS)} sets of "
                f"fixes {payable.sum()} are within the budget, and {(payable & fast).sum()} of these is fast enough. "
                "Then switch to Batch and look what your set is worth there."
            )
        return (
            f"At most **{COST_TARGET.value:.2f} USD per million tokens**, {BUDGET.value:g} weeks and "
            f"{CAPACITY / 1e9:.0f} GB. The batch is yours to choose. Then switch to Streaming and look what your set "
            "is worth there."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        budget = Constraint(f"Work ≤ {BUDGET.value:.1f} weeks", lambda o: at_most(o.engineer_weeks, BUDGET.value))
        if self.context == "streaming":
            return (
                Constraint(f"Token ≤ {1e3 * TARGET.value:.1f} ms", lambda o: at_most(o.step_s, TARGET.value)),
                budget,
            )
        return (
            Constraint(
                f"Cost ≤ {COST_TARGET.value:.2f} USD/M tokens",
                lambda o: at_most(o.usd_per_million_tokens, COST_TARGET.value),
            ),
            Constraint(f"Memory ≤ {CAPACITY / 1e9:.0f} GB", lambda o: not o.oom),
            budget,
        )

    def failures(self) -> tuple[Failure, ...]:
        budget = Failure(
            "over_budget",
            "OVER BUDGET:",
            when=lambda o: not at_most(o.engineer_weeks, BUDGET.value),
            text=lambda o: f"{o.engineer_weeks:.1f} engineer-weeks of {BUDGET.value:.1f}.",
        )
        if self.context == "streaming":
            slow = Failure(
                "slo_missed",
                "SLO MISSED:",
                when=lambda o: not at_most(o.step_s, TARGET.value),
                text=lambda o: (
                    f"{ms(o.step_s)} ms per token, target {ms(TARGET.value)} ({o.step_s / TARGET.value:.2f}×). Exposed "
                    f"lane: {o.made.exposed}; the other lane waits {percent(o.made.waiting, 0)} of the step."
                ),
            )
            return (slow, budget)
        return (
            Failure(
                "oom",
                "OUT OF MEMORY:",
                when=lambda o: o.oom,
                text=lambda o: (
                    f"{o.batch} sequences of {SEQ.value:,.0f} tokens need {o.kv_bytes / 1e9:.1f} GB of KV cache + "
                    f"{o.weight_bytes / 1e9:.1f} GB of weights + {RESERVE.value / 1e9:.1f} GB reserve = "
                    f"{o.memory_bytes / 1e9:.1f} GB; the GPU has {CAPACITY / 1e9:.1f} GB. Largest batch that fits: "
                    f"{o.batch_limit}."
                ),
            ),
            Failure(
                "cost_missed",
                "COST TARGET MISSED:",
                when=lambda o: not at_most(o.usd_per_million_tokens, COST_TARGET.value),
                text=lambda o: (
                    f"{o.usd_per_million_tokens:.3f} USD per million tokens, target {COST_TARGET.value:.3f}. Largest "
                    f"component: {PARTS[o.made.largest]}, {percent(o.made.share(o.made.largest), 0)} of the step."
                ),
            ),
            budget,
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: SprintOutcome) -> dict[str, Any]:
        streaming = self.context == "streaming"
        shown = {"removed": self._removed(outcome), "lanes": self._lanes(outcome)}
        if not streaming:
            shown["cost"] = self._cost(outcome)
        return {**shown, "roofline": self._roofline(outcome)}

    def _removed(self, o: SprintOutcome) -> Any:
        streaming = self.context == "streaming"
        worth = {one.key: one.before_s - one.after_s for one in o.waiting}
        best = max(worth, key=lambda key: worth[key], default=None)
        order = ", ".join(BY_KEY[one.key].name for one in o.path)
        chain = f"In the order in which a profiler would pick them: {order}. " if o.path else "No fix yet. "
        following = (
            f"Next, {BY_KEY[best].name} would remove most."
            if best is not None and worth[best] > 1e-9
            else "No single fix that is left would remove anything."
        )
        # Shown are milliseconds of a token, or dollars of a million.
        if streaming:
            predicted = self.predicted()
            fused = self.plan("streaming", "fusion", "graphs").step_s
            claim = np.nan if predicted is None else 1e3 * fused / predicted
            return removal_waterfall(
                Total("eager", 1e3 * o.start.step, o.start.exposed),
                [Change(BY_KEY[one.key].name, 1e3 * one.before_s, 1e3 * one.after_s, one.lane) for one in o.path],
                Total("now", 1e3 * o.step_s, o.made.exposed),
                [Change(BY_KEY[one.key].name, 1e3 * one.before_s, 1e3 * one.after_s, one.lane) for one in o.waiting],
                unit="ms",
                axis="time per token (ms)",
                title="What each fix removes, and what the others would remove now",
                limits=[
                    Limit(1e3 * TARGET.value, "target", "met"),
                    Limit(claim, "you, with INT4", "series-2"),
                ],
                caption=f"{chain}{ms(o.start.step)} ms became {ms(o.step_s)}. {following}",
            )
        resized = survey(o.batch)
        lane = "host" if float(resized.dispatch[0]) > float(resized.busy[0]) else "GPU"

        def cost(seconds: float) -> float:
            return float(usd(seconds, o.batch))

        return removal_waterfall(
            Total(f"eager, batch {o.start_batch}", o.start_usd, o.start.exposed),
            [
                Change(f"batch {o.batch}", o.start_usd, float(o.eager_costs[o.batch - 1]), lane),  # type: ignore[arg-type]
                *(Change(BY_KEY[one.key].name, cost(one.before_s), cost(one.after_s), one.lane) for one in o.path),
            ],
            Total("now", o.usd_per_million_tokens, o.made.exposed),
            [Change(BY_KEY[one.key].name, cost(one.before_s), cost(one.after_s), one.lane) for one in o.waiting],
            unit="USD",
            axis="cost of a million tokens (USD)",
            title="What each fix removes, and what the others would remove now",
            limits=[Limit(COST_TARGET.value, "target", "met")],
            caption=f"{chain}{o.start_usd:.3f} USD became {o.usd_per_million_tokens:.3f}. {following}",
        )

    def _lanes(self, o: SprintOutcome) -> Any:
        streaming = self.context == "streaming"
        largest = o.made.largest
        return two_lane_steps(
            [o.start.lanes(f"eager, batch {o.start_batch}"), o.made.lanes(f"now, batch {o.batch}")],
            title="One step, two lanes",
            limits=[Limit(1e3 * TARGET.value, "target", "met")] if streaming else [],
            high=axis_end(max(o.start.step, o.made.step)),
            caption=(
                f"The {o.made.exposed} lane is exposed, the other waits {percent(o.made.waiting, 0)} of the step. The "
                f"largest exposed component is {PARTS[largest]}, {percent(o.made.share(largest), 0)} of the step."
            ),
        )

    def _cost(self, o: SprintOutcome) -> Any:
        low, high = 0.2, 30.0
        return pareto_curve(
            [Trace(BATCHES, o.eager_costs, "no fix")],
            x=Axis("batch (sequences)", 0, BATCH_MOST.value + 2),
            y=Axis("cost of a million tokens (USD)", low, high, log=True, ticks=log_ticks(low, high)),
            box=Box(1, o.batch_limit + 0.5, low, COST_TARGET.value, f"≤ {COST_TARGET.value:.2f} USD, fits"),
            here=Design(o.batch, o.usd_per_million_tokens, f"{o.usd_per_million_tokens:.3f} USD"),
            chosen=Trace(BATCHES[::3], o.costs[::3]),
            named_at="first",
            shunned=Box(
                min(o.batch_limit + 0.5, BATCH_MOST.value + 2), BATCH_MOST.value + 2, low, high, "out of memory"
            ),
            title="Cost over the batch",
            caption=(
                f"With these fixes {o.batch_limit} sequences fit. At {o.batch} a million tokens cost "
                f"{o.usd_per_million_tokens:.3f} USD; the grey curve has no fix."
            ),
        )

    def _roofline(self, o: SprintOutcome) -> Any:
        def dots(
            made: Profile, batch: int, int4: bool, kv_int8: bool
        ) -> tuple[tuple[float, float], tuple[float, float]]:
            gemm = 2 * batch / (INT4_BITS.value / 8 if int4 else FP16.value)
            attention = 2 / (KV_INT8.value if kv_int8 else FP16.value)
            flops = float(cache_bytes(batch, kv_int8)) * attention
            return (gemm, 2 * PARAMS * batch / made.gemm), (attention, flops / made.attention)

        gemm, attention = dots(o.made, o.batch, "int4" in o.keys, "kv_int8" in o.keys)
        before = dots(o.start, o.start_batch, int4=False, kv_int8=False)
        held_back = (
            "A GPU with more FLOP/s lifts a roof that neither kernel touches."
            if gemm[1] < EFFICIENCY.value * PEAK * (1 - 1e-9)
            else f"GEMM has reached the {percent(EFFICIENCY.value, 0)} of the peak that large products reach."
        )
        return roofline(
            Roof("H100", PEAK, BANDWIDTH),
            [
                Kernel("GEMM", *gemm, "series-3", 14, "circle", True, before[0][0]),
                Kernel("attention", *attention, "series-5", 11, "square", True, before[1][0]),
            ],
            intensities=(0.1, 1e3),
            rates=(1e11, 1e15),
            title="Both kernels under the roof",
            caption=(
                f"GEMM {number(gemm[0])}, attention {number(attention[0])} FLOP/byte; the ridge is at {RIDGE:.0f}. "
                f"Rings mark the start. {held_back}"
            ),
        )

    def metrics(self, outcome: SprintOutcome) -> list[Metric]:
        o = outcome
        streaming = self.context == "streaming"
        return [
            Metric(
                "Time per token",
                ms(o.step_s),
                "ms",
                status=held(at_most(o.step_s, TARGET.value)) if streaming else "neutral",
                note=f"{number(o.batch / o.step_s)} tokens/s",
            ),
            Metric(
                "Million tokens",
                f"{o.usd_per_million_tokens:.3f}",
                "USD",
                status="neutral" if streaming else held(at_most(o.usd_per_million_tokens, COST_TARGET.value)),
            ),
            Metric(
                "Memory",
                f"{o.memory_bytes / 1e9:.1f}",
                "GB",
                status=held(not o.oom),
                note=f"{o.batch_limit} sequences fit",
            ),
            Metric("GPU idle", percent(o.idle_fraction), note=f"{o.made.exposed} exposed"),
            Metric(
                "Work",
                f"{o.engineer_weeks:.1f}",
                "weeks",
                status=held(at_most(o.engineer_weeks, BUDGET.value)),
                note=f"of {BUDGET.value:.1f}",
            ),
        ]

    def tables(self, outcome: SprintOutcome) -> list[Table]:
        return [critical_path_table(outcome.made)]

    def reflection(self) -> Question:
        done = self.plan("streaming", *STREAM_PLAN)
        cached = done.step_s / self.plan("streaming", *STREAM_PLAN, "kv_int8").step_s
        made = done.made
        return Question(
            f"After fusion, CUDA Graphs and INT4 the streaming step is {ms(done.step_s)} ms. What should the team do "
            "next?",
            (
                Option(
                    "A",
                    "Hand-write the element-wise kernels, the largest bar in the first profile",
                    f"That profile is stale: they take {ms(made.elementwise)} ms now, "
                    f"{percent(made.share('elementwise'), 0)} of the step.",
                ),
                Option(
                    "B",
                    "Profile again, then take the largest exposed component",
                    f"Weight GEMMs, {ms(made.gemm)} of {ms(done.step_s)} ms, {percent(made.share('gemm'), 0)}. The "
                    "next candidates are speculative decoding and INT4 kernels closer to the peak.",
                    correct=True,
                ),
                Option(
                    "C",
                    "Buy a GPU with more FLOP/s",
                    f"Both kernels are memory-bound: 1 to 4 FLOP/byte against a ridge of {RIDGE:.0f}.",
                ),
                Option(
                    "D",
                    "Add the INT8 KV cache, the best fix in the batch tier",
                    f"{times(cached)} here: attention is {percent(made.share('attention'), 0)} of the step.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "async_step_time",
                "launch_time",
                "weight_gemm_time",
                "attention_decode_time",
                "elementwise_time",
                "usd_per_million",
                "kv_cache_bytes",
                "max_batch_in_memory",
            ),
            f"A million tokens cost $10^6 p T/(3600 B)$ with $p$ = {PRICE.value:g} USD/h; memory is weights + cache + "
            f"{RESERVE.value / 1e9:g} GB. INT4 keeps the launches and multiplies the memory side of the GEMMs by "
            f"{INT4_FACTOR.value:g}, dequantization included; its {INT4_BITS.value:g} bits count in memory.",
        )


def instructor_notes() -> str:
    """Notes that quote the model."""
    stream, batched = FasterKernel.compute("streaming", tracer=True), FasterKernel.compute("batch", tracer=True)
    attention = FasterKernel.compute("batch", target="attention", part_speedup=3.0)
    return (
        "- Classes that took V1-07 have met a host-bound step. The news is that both views of the profiler suggest a "
        "gain: do not mention V1-07 before the prediction.\n"
        "- Students mix up *share of GPU time* and *share of wall clock* even after the reveal: let them compute both "
        "from the table by hand.\n"
        f"- Attaching the tracer is a measurement itself: the streaming step grows to {ms(stream.step_s)} ms, the "
        f"batch step stays at {ms(batched.step_s)}. If tracing slows the step, you are launch-bound.\n"
        f"- Amdahl was optimistic in batch, too: attention 3× gives {attention.actual_speedup:.2f}× where it says "
        f"{attention.amdahl_from_wall_share:.2f}×, because the host lane takes over. A maximum composes worse than a "
        "sum.\n"
        "- The weeks are invented. Let teams put in their own, and see whether the answer holds.\n"
        "- Extension: speculative decoding with 5 draft tokens, 78 % accepted, 3.52 tokens per verification step. "
        "Where does it enter the order, in either tier?"
    )


class ProfileFirst(Lab):
    """Amdahl's law read from the clock of the lane that is exposed."""

    volume, number, slug = 2, 9, "lab_09_perf_engr"
    title = "Profile First: Amdahl on the Critical Path"
    question = "Which lane is exposed, and what is a fix worth on it today?"
    chapter = CHAPTER
    invariant = (
        "Measure which lane and which component is exposed, remove that, measure again: the same change can be worth "
        "nothing today and 1.5 times tomorrow."
    )
    contexts = (STREAMING, BATCHED)
    acts = (FasterKernel, Sprint)
    briefing = (
        "A kernel that is k times faster does not make the system k times faster, and the longest bar of the kernel "
        "table is not always where to work. A decode step is two lanes at once: the host enqueues kernels, the GPU "
        "executes them, and the step lasts as long as the slower lane. In Act I a verified gain meets a step that "
        "does not move. In Act II the same six fixes are bought for two tiers of one model, and the tiers need "
        "different ones."
    )
    reading = (
        Reading(f"{CHAPTER}, The iron law of ML performance", "the overlapped form with its maximum, the flowchart"),
        Reading(f"{CHAPTER}, The roofline model", "memory-bound or compute-bound, the ridge of the H100"),
        Reading(f"{CHAPTER}, Block-wise quantization", "INT4 weights with group scales, and what they cost"),
        Reading(f"{CHAPTER}, Graph Compilation", "fusion, CUDA Graphs, modes and backends of a compiler"),
        Reading(f"{CHAPTER}, System Profiling", "reading the timeline, the profiler detective, the feedback loop"),
        Reading(f"{CHAPTER}, The Optimization Playbook, Fallacies and Pitfalls", "each fix moves the bottleneck"),
    )
    assumptions = (
        "- One H100, Llama-2 7B, greedy decode in steady state, no host synchronisation inside a step. A step lasts as "
        "long as its slower lane.\n"
        f"- Each sequence holds {SEQ.value:,.0f} tokens of cache; growth during decode is left out.\n"
        f"- Dispatch ({1e6 * DISPATCH.value:.2f} µs a launch) and the shortest kernel ({1e6 * FLOOR.value:.1f} µs) are "
        "calibrated to the chapter's two token rates, 45 observed and 96 possible. Its split of the step by percent "
        "does not close with the bytes moved, and is not used.\n"
        f"- Large products reach {EFFICIENCY.value:g} of the peak; that binds only at the very end of the batch "
        "slider.\n"
        "- Fixes do not change quality; INT4 and INT8 need a study, which their weeks contain.\n"
        "- Engineer-weeks are estimates: flags are cheap, library switches cost a week, hand-written kernels three."
    )
    constants = (
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_MEM_BW,
        c.H100_MEM_CAPACITY,
        c.LLAMA2_7B_PARAMS,
        c.LLAMA2_7B_LAYERS,
        c.LLAMA2_7B_WIDTH,
        c.LLAMA2_7B_KV_HEADS,
        c.LLAMA2_7B_HEAD_DIM,
        SEQ,
        KERNELS_EAGER,
        KERNELS_FUSED,
        KERNELS_FIXED,
        BW_GEMM,
        BW_ATTENTION,
        BW_GEMM_NEW,
        DISPATCH,
        FLOOR,
        GRAPH,
        TRACE,
        INT4_FACTOR,
        INT4_BITS,
        KV_INT8,
        FP16,
        EFFICIENCY,
        RESERVE,
        PRICE,
        BUDGET,
        COMPLETION,
        DIALOGUE,
        TARGET,
        COST_TARGET,
        BATCH_START,
        BATCH_MOST,
        HAND_TUNED,
        *(item.cost for item in ITEMS),
    )
    reads = (("ch07", "act2_decision"), ("ch12", "act1_correct"))
    instructor_notes = instructor_notes()

    def result(self) -> float:
        o = self.act2.outcome
        if self.context == "streaming":
            return float(o.start.step / o.step_s)
        return float(o.start_usd / o.usd_per_million_tokens)

    def decision(self) -> str:
        keys = set(self.act2.outcome.keys)
        if self.context == "batch":
            # They change nothing there.
            keys.discard("graphs")
        named = {
            frozenset(STREAM_PLAN): "fusion_graphs_int4",
            frozenset({"kv_int8", "fusion"}): "kv_int8_fusion",
            frozenset({"kv_int8", "int4"}): "kv_int8_int4",
            frozenset({"kv_int8", "fusion", "int4"}): "kv_int8_fusion_int4",
        }
        return named.get(frozenset(keys), "other")

    def extras(self) -> dict[str, Any]:
        o = self.act2.outcome
        return {
            "weights_bits": 4 if "int4" in o.keys else 16,
            "kv_bits": 8 if "kv_int8" in o.keys else 16,
            "batch": o.batch,
            "both_contexts_solved": self.solved == {context.id for context in self.contexts},
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "streaming":
            return dict.fromkeys(STREAM_PLAN, True)
        return {"kv_int8": True, "fusion": True, "batch": 112}

    def breaking(self, context: str) -> dict[str, Any]:
        if context == "streaming":
            return {"attention_kernel": True, "gemm_kernel": True}
        return {"batch": largest_batch(int4=False, kv_int8=False) + 1}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
