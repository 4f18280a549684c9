"""V2-05 The Parallelism Paradox.

Act I: a fully sharded data-parallel run gets four times the GPUs and the same batch, and hardly gains. Act II:
1,024 GPUs, nine days, and three axes along which a step can be split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider
from components.instruments.cascade import step_waterfall
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.mfu_map import mfu_map
from components.instruments.pipeline_gantt import pipeline_gantt
from components.instruments.scaling import Reference, Series, mfu_scaling, step_time_scaling
from components.instruments.waterfall import Limit
from components.metrics import Metric
from components.quantity import counted, number, percent, usd
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
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.physics import ThreeDStep, layout_error, three_d_step

DP = Context("dp", "Data parallel", "cloud", "Every GPU holds whole matrices and the whole depth; states are sharded.")
THREE_D = Context("3d", "3D-parallel", "tiny", "Tensor, pipeline and data parallelism on the links that suit them.")

TEXTBOOK = "Distributed Training Systems"
SEQ_LEN = scenario("seq_len", 2048, "token", "context length of GPT-3", "Brown et al. 2020, 2.1", "paper")
BATCH = scenario(
    "global_batch_seqs",
    1024,
    "1",
    "sequences per step",
    f"{TEXTBOOK} uses 2M tokens; the nearest power of two (GPT-3 used 3.2M)",
)
GPUS = c.CLUSTER_GPUS
GPUS_BEFORE = scenario("gpus_before", 256, "GPU", "GPUs of the run today", "the lab's scenario")
KERNEL_EFFICIENCY = c.KERNEL_EFFICIENCY
USABLE_HBM = scenario(
    "usable_hbm",
    0.9 * c.H100_MEM_CAPACITY.value,
    "B",
    "90 % of the HBM; the rest is CUDA context, NCCL buffers, fragmentation",
    "usual engineering reserve",
)
DEADLINE_DAYS = scenario("deadline_days", 9.0, "day", "reservation", "set so that the un-interleaved split misses it")
DP_MICROBATCH = scenario(
    "dp_microbatch_seqs", 4, "1", "largest microbatch of Act I in Data parallel", "the lab's scenario"
)
LLAMA3_MFU_8K = scenario(
    "llama3_mfu_8192", 0.43, "1", "measured MFU on 8,192 GPUs, TP-8, PP-16, DP-64", "Llama 3 report, Table 4", "paper"
)
LLAMA3_MFU_16K = scenario(
    "llama3_mfu_16384",
    0.41,
    "1",
    "measured MFU on 16,384 GPUs, TP-8, PP-16, DP-128",
    "Llama 3 report, Table 4",
    "paper",
)

TOKENS_PER_STEP = BATCH.value * SEQ_LEN.value
PARAM_BYTES = 2 * c.GPT3_175B_PARAMS.value
SECONDS_PER_DAY = 86_400.0
#: The slowest step that still finishes the run in time (s).
STEP_LIMIT = DEADLINE_DAYS.value * SECONDS_PER_DAY * TOKENS_PER_STEP / c.GPT3_TOKENS.value

TP, PP = (1, 2, 4, 8, 16), (1, 2, 4, 8, 16, 32)
MICROBATCHES, ZERO, INTERLEAVE, RAILS = (1, 2, 4, 8), (0, 1, 2, 3), (1, 2, 3), (1, 2, 4, 8)
SWEEP = 2 ** np.arange(7, 15)
#: What full recomputation adds to the compute of a step: one more forward pass.
RECOMPUTED = 1 / 3
#: Slices of the batch that the Gantt chart draws.
DRAWN_SLICES = 12

BASE: dict[str, Any] = {
    "params": c.GPT3_175B_PARAMS.value,
    "layers": int(c.GPT3_175B_LAYERS.value),
    "width": c.GPT3_175B_WIDTH.value,
    "seq_len": SEQ_LEN.value,
    "peak_flop_s": c.H100_FLOPS_FP16_TENSOR.value,
    "kernel_efficiency": KERNEL_EFFICIENCY.value,
    "intra_bandwidth_bytes_s": c.NVLINK4_BW.value,
    "intra_latency_s": c.NVLINK_ALPHA.value,
    "inter_bandwidth_bytes_s": c.IB_NDR_BW.value,
    "inter_latency_s": c.IB_LATENCY.value,
    "gpus_per_node": int(c.GPUS_PER_NODE.value),
}


def run_days(step_s: Any, global_batch_seqs: float = BATCH.value) -> Any:
    """Length of the whole run (days) at a step time."""
    return c.GPT3_TOKENS.value / (global_batch_seqs * SEQ_LEN.value) * step_s / SECONDS_PER_DAY


def run_usd(days: float, gpus: float = GPUS.value) -> float:
    """Price of so many days of the cluster."""
    return gpus * days * 24 * c.GPU_USD_H_OWNED.value


def dp_bandwidth(rails: float) -> float:
    """What one ring of whole replicas sends per second (B/s)."""
    return min(c.NVLINK4_BW.value, c.IB_NDR_BW.value * rails)


# --- Act I ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sweep:
    """A step and its parts (s) and the MFU over `SWEEP`; NaN where a GPU would be without a sequence."""

    step_s: npt.NDArray[Any]
    busy_s: npt.NDArray[Any]
    dp_comm_s: npt.NDArray[Any]
    bubble_s: npt.NDArray[Any]
    exposed_s: npt.NDArray[Any]
    mfu: npt.NDArray[Any]


def scaled_step(
    context: str, gpus: Any, overlap_fraction: float, rails: float, global_batch_seqs: float, **changes: Any
) -> ThreeDStep:
    """One step of Act I on `gpus`, which may be an array; `changes` replace constants."""
    if context == "dp":
        largest = np.minimum(DP_MICROBATCH.value, np.divide(global_batch_seqs, gpus))
        layout: dict[str, Any] = {
            "tp": 1,
            "pp": 1,
            "dp": gpus,
            "microbatch_seqs": largest.item() if largest.ndim == 0 else largest,
            "zero_stage": 3,
            "recompute": True,
        }
    else:
        layout = {"tp": 8, "pp": 8, "dp": gpus // 64, "microbatch_seqs": 1, "zero_stage": 1, "recompute": False}
    return three_d_step(
        **{
            **BASE,
            **layout,
            "interleave": 1,
            "rails": rails,
            "overlap_fraction": overlap_fraction,
            "global_batch_seqs": global_batch_seqs,
            **changes,
        }
    )


@cache
def sweep(context: str, overlap_fraction: float, rails: float, global_batch_seqs: float) -> Sweep:
    """A step over all GPU counts that have a sequence for everybody."""
    most = global_batch_seqs * (1 if context == "dp" else 64)
    possible = most >= SWEEP
    terms = scaled_step(context, SWEEP[possible], overlap_fraction, rails, global_batch_seqs)

    def spread_out(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        full = np.full(len(SWEEP), np.nan)
        full[possible] = values
        return full

    return Sweep(**{name: spread_out(getattr(terms, name)) for name in Sweep.__dataclass_fields__})


@dataclass(frozen=True)
class ScalingOutcome:
    """One step on the current GPUs, the run it makes, and the curves of both contexts."""

    step_s: float
    mfu: float
    busy_s: float
    bubble_s: float
    dp_comm_s: float
    exposed_s: float
    tokens_per_gpu: float
    memory_bytes: float
    days: float
    cost_usd: float
    gpu_seconds: float
    balance_tokens: float | None
    balance_gpus: float | None
    curves: Mapping[str, Sweep]


class FourTimesTheGpus(Act):
    """Act I: what 768 more GPUs do for a step whose batch stays."""

    title = "768 more GPUs"
    minutes = 14

    gpus = choice(
        "GPUs",
        {n: f"{n:,}" for n in (128, 256, 512, 1024, 2048, 4096, 8192)},
        256,
        reason="64 GPUs would need more memory than there is; data parallelism ends where no sequence is left",
    )
    overlap_fraction = slider(
        "Overlap of communication and compute",
        0,
        1,
        0.05,
        1.0,
        unit="%",
        scale=100,
        reason="0 is blocking communication, 100 % hides as much as there is compute",
    )
    rails = choice(
        "Rails: NICs that one ring uses at once",
        {n: str(n) for n in RAILS},
        1,
        widget="select",
        reason="a node has 8 NICs",
    )
    global_batch_seqs = choice(
        "Batch",
        {n: f"{n:,} sequences ({n * SEQ_LEN.value / 1e6:.1f}M tokens)" for n in (512, 1024, 2048, 4096)},
        1024,
        widget="select",
        reason="1 to 8.4M tokens, the range of published runs",
    )

    @classmethod
    def compute(
        cls, context: str, *, gpus: int, overlap_fraction: float, rails: int, global_batch_seqs: int
    ) -> ScalingOutcome:
        if context == "dp" and gpus > global_batch_seqs:
            raise ValueError(f"gpus must be <= global_batch_seqs in Data parallel, got {gpus} > {global_batch_seqs}")
        if context == "3d" and (gpus % 64 or gpus > 64 * global_batch_seqs):
            raise ValueError(f"gpus must be a multiple of 64 and <= 64 x global_batch_seqs in 3D, got {gpus}")
        terms = scaled_step(context, gpus, overlap_fraction, rails, global_batch_seqs)
        days = run_days(terms.step_s, global_batch_seqs)
        balance = (
            physics.dp_balance_tokens(
                3, 2, c.H100_FLOPS_FP16_TENSOR.value * KERNEL_EFFICIENCY.value, 8, dp_bandwidth(rails)
            )
            if context == "dp"
            else None
        )
        return ScalingOutcome(
            step_s=terms.step_s,
            mfu=terms.mfu,
            busy_s=terms.busy_s,
            bubble_s=terms.bubble_s,
            dp_comm_s=terms.dp_comm_s,
            exposed_s=terms.exposed_s,
            tokens_per_gpu=terms.tokens_per_gpu,
            memory_bytes=terms.memory_bytes,
            days=days,
            cost_usd=run_usd(days, gpus),
            gpu_seconds=gpus * terms.step_s,
            balance_tokens=balance,
            balance_gpus=global_batch_seqs * SEQ_LEN.value / balance if balance else None,
            curves={key: sweep(key, overlap_fraction, rails, global_batch_seqs) for key in ("dp", "3d")},
        )

    @classmethod
    @cache
    def asked(cls, gpus: float = GPUS.value) -> ScalingOutcome:
        """The case of the question on so many GPUs: Data parallel, perfect overlap, one rail, the batch as it is."""
        return cls.compute("dp", gpus=int(gpus), overlap_fraction=1.0, rails=1, global_batch_seqs=int(BATCH.value))

    @classmethod
    def speedup(cls) -> float:
        """The answer to the question."""
        return cls.asked(GPUS_BEFORE.value).step_s / cls.asked().step_s

    def limits(self) -> dict[str, Any]:
        if self.context == "3d":
            return {"rails": "TP-8 already uses all eight: each of its rings owns one NIC."}
        sequences = self.global_batch_seqs
        return {
            "gpus": {
                n: f"N GPUs need at least N sequences; the batch has {sequences:,}."
                for n in self.specs["gpus"].values()
                if n > sequences
            },
            "global_batch_seqs": {
                n: f"{self.gpus:,} GPUs need at least {self.gpus:,} sequences."
                for n in self.specs["global_batch_seqs"].values()
                if n < self.gpus
            },
        }

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # 3D trains on more GPUs than data parallelism has sequences for: what is left of them is the largest count.
        if self.context == "dp" and values["gpus"] > values["global_batch_seqs"]:
            return {"gpus": max(n for n in self.specs["gpus"].values() if n <= values["global_batch_seqs"])}
        return {}

    def message(self) -> Message:
        before = self.asked(GPUS_BEFORE.value)
        return Message(
            "Head of Pretraining, a language-model company",
            f"Our {c.GPT3_175B_PARAMS.value / 1e9:.0f}-billion-parameter run does **{before.step_s:.1f} seconds a "
            f"step** on {GPUS_BEFORE.value:g} H100s. The board has approved {GPUS.value - GPUS_BEFORE.value:g} more "
            "GPUs so that we finish four times sooner; the optimizer team insists that the global batch stays at "
            f"{TOKENS_PER_STEP / 1e6:.1f} million tokens. Finance signs tonight. What step time do I promise them?",
        )

    def concept(self) -> str:
        state = c.ADAM_STATE_BYTES.value * c.GPT3_175B_PARAMS.value
        return (
            f"The model does not fit on one GPU ({c.ADAM_STATE_BYTES.value:g} bytes per parameter make "
            f"{state / 1e12:.1f} TB), so data parallelism runs *fully sharded* (ZeRO-3): weights are gathered layer by "
            "layer for the forward and again for the backward pass, gradients are reduce-scattered, activations are "
            "recomputed. The collectives use one ring over all GPUs, with one "
            f"{c.IB_NDR_BW.value * 8 / 1e9:.0f} Gb/s port at each crossing between nodes.\n\n"
            "Assume the best case: communication overlaps perfectly with all compute. The batch is fixed, so each GPU "
            f"gets {self.asked(GPUS_BEFORE.value).tokens_per_gpu:,.0f} tokens a step at {GPUS_BEFORE.value:,.0f} GPUs "
            f"and {self.asked().tokens_per_gpu:,.0f} at {GPUS.value:,.0f}."
        )

    def prediction(self) -> ChoicePrediction:
        before, after = self.asked(GPUS_BEFORE.value), self.asked()
        ratio = before.step_s / after.step_s
        moved = 3 * (1 - 1 / GPUS.value) * PARAM_BYTES
        more = after.gpu_seconds / before.gpu_seconds
        return ChoicePrediction(
            f"{GPUS_BEFORE.value:g} to {GPUS.value:,.0f} GPUs, same batch, perfect overlap: how many times faster is a "
            "step?",
            (
                Option(
                    "A",
                    "4.0×",
                    value=4.0,
                    feedback=(
                        f"{moved / 1e9:,.0f} GB per GPU at {c.IB_NDR_BW.value / 1e9:g} GB/s "
                        f"take {moved / c.IB_NDR_BW.value:.0f} s, whatever the number of GPUs. A step is "
                        "not compute over $N$."
                    ),
                ),
                Option(
                    "B",
                    "3.4×",
                    value=3.4,
                    feedback=(
                        "An efficiency of 85 % holds while compute hides the traffic; at "
                        f"{after.balance_gpus:.0f} GPUs it stops hiding it."
                    ),
                ),
                Option(
                    "C",
                    "2.0×",
                    value=2.0,
                    feedback=(
                        "There is no gentle law of diminishing returns here: up to the balance point scaling is "
                        "perfect, after it there is none."
                    ),
                ),
                Option(
                    "D",
                    "1.1×",
                    value=ratio,
                    correct=True,
                    feedback=(
                        f"Read the bill, too: GPU-seconds per step rose {more:.2f} times. The "
                        f"{c.GPT3_TOKENS.value / 1e9:.0f}-billion-token run costs {after.cost_usd / 1e6:.3f}M USD "
                        f"instead of {before.cost_usd / 1e6:.3f}M and ends {before.days - after.days:.1f} days earlier "
                        f"({after.days:.1f} instead of {before.days:.1f})."
                    ),
                ),
            ),
            actual=ratio,
            form=lambda value: f"{value:.2f}×",
            why=(
                f"{before.step_s:.3f} s become {after.step_s:.3f} s. Compute per GPU fell four times, from "
                f"{before.busy_s:.2f} to {after.busy_s:.2f} s; bytes per GPU did not: communication goes from "
                f"{before.dp_comm_s:.2f} s, hidden, to {after.dp_comm_s:.2f} s, exposed."
            ),
        )

    def plots(self, outcome: ScalingOutcome) -> dict[str, Any]:
        data_parallel = self.context == "dp"
        curve = outcome.curves[self.context]
        other = outcome.curves["3d" if data_parallel else "dp"]
        names = {"dp": "DP", "3d": "3D: TP-8 × PP-8"}
        predicted = self.predicted()
        claim = None
        if predicted is not None and data_parallel:
            claim = (GPUS.value, self.asked(GPUS_BEFORE.value).step_s / predicted)
        parts = [
            ("compute and layers", outcome.busy_s),
            ("bubble", outcome.bubble_s),
            ("exposed communication", outcome.exposed_s),
        ]
        made_of = ", ".join(f"{name} {number(seconds)} s" for name, seconds in parts if seconds > 0)
        end = (
            f" Communication takes {number(outcome.dp_comm_s)} s before overlap; once every GPU has a single "
            "microbatch, more GPUs do not shorten it. The curves end where every GPU has one sequence."
            if data_parallel
            else f" The gradient shard takes {number(outcome.dp_comm_s)} s; what bends the curve is the bubble."
        )
        return {
            "time": step_time_scaling(
                SWEEP,
                [
                    Series("ideal 1/N", curve.step_s[0] * SWEEP[0] / SWEEP, "muted", 1.8, "dashed"),
                    Series("compute and layers", curve.busy_s, "series-3"),
                    Series("communication, before overlap", curve.dp_comm_s, "series-5"),
                    Series("bubble", curve.bubble_s, "series-4"),
                    Series("exposed communication", curve.exposed_s, "violation", 2, "dotted"),
                    Series("step", curve.step_s, "data", 3.5),
                ],
                here=(self.gpus, outcome.step_s),
                predicted=claim,
                balance_gpus=outcome.balance_gpus,
                title="Step time over the number of GPUs",
                caption=f"{self.gpus:,} GPUs: {number(outcome.step_s, 4)} s a step ({made_of}).{end}",
            ),
            "mfu": mfu_scaling(
                SWEEP,
                Series(names[self.context], curve.mfu, "data"),
                Series(names["3d" if data_parallel else "dp"], other.mfu, "series-6"),
                here=(self.gpus, outcome.mfu),
                ceiling=KERNEL_EFFICIENCY.value,
                references=(
                    Reference(LLAMA3_GPUS_HALF, LLAMA3_MFU_8K.value),
                    Reference(c.LLAMA3_GPUS.value, LLAMA3_MFU_16K.value),
                ),
                reference_label="Llama 3 405B, measured, 16M-token batch",
                title="MFU over the number of GPUs",
                caption=(
                    f"{self.gpus:,} GPUs with {outcome.tokens_per_gpu:,.0f} tokens each use "
                    f"{percent(outcome.mfu)} of the peak. 3D means TP-8, PP-8 and a replica per 64 GPUs, with ZeRO-1."
                ),
            ),
        }

    def metrics(self, outcome: ScalingOutcome) -> list[Metric]:
        return [
            Metric("Step", number(outcome.step_s, 4), "s"),
            Metric("MFU", f"{100 * outcome.mfu:.1f}", "%"),
            Metric("Tokens per GPU", f"{outcome.tokens_per_gpu:,.0f}"),
            Metric("Balance", number(outcome.balance_tokens, 5), "tokens/GPU"),
            Metric("GPUs at balance", number(outcome.balance_gpus)),
            Metric("Memory", f"{outcome.memory_bytes / 1e9:.1f}", "GB"),
            Metric("GPU time per step", f"{outcome.gpu_seconds:,.0f}", "GPU·s"),
            Metric(f"{c.GPT3_TOKENS.value / 1e9:.0f}G tokens", f"{outcome.days:.1f}", "days"),
            Metric("Price of the run", f"{outcome.cost_usd:,.0f}", "USD"),
        ]

    def reflection(self) -> Question:
        now = self.asked()

        def changed(batch: float = BATCH.value, **changes: Any) -> ThreeDStep:
            return scaled_step("dp", int(GPUS.value), 1.0, 1, batch, **changes)

        faster = changed(peak_flop_s=2 * BASE["peak_flop_s"])
        larger = changed(params=4 * BASE["params"])
        more_tokens = changed(4 * BATCH.value)
        latency = changed(inter_latency_s=BASE["inter_latency_s"] / 2)
        return Question(
            f"You own {GPUS.value:,.0f} GPUs in Data parallel, MFU {percent(now.mfu)}. Which single change at least "
            "doubles the MFU?",
            (
                Option(
                    "A",
                    "GPUs with twice the FLOP/s",
                    f"The step stays at {faster.step_s:.2f} s, so the MFU halves to {percent(faster.mfu)}.",
                ),
                Option(
                    "B",
                    "A model with four times the parameters at the same batch",
                    f"Compute and bytes both grow four times: {larger.step_s:.1f} s, MFU {percent(larger.mfu)}. Only "
                    "the share of the start-up times shrinks.",
                ),
                Option(
                    "C",
                    f"Four times the tokens per GPU: a batch of {4 * BATCH.value:,.0f} sequences",
                    f"{more_tokens.step_s:.2f} s for four times the work: MFU {percent(more_tokens.mfu)}. The limit is "
                    "statistical now, the critical batch size.",
                    correct=True,
                ),
                Option(
                    "D",
                    "Half the network latency",
                    f"{latency.step_s:.2f} s, MFU {percent(latency.mfu)}: the traffic is bound by bandwidth.",
                ),
            ),
        )

    def peek(self) -> Peek:
        asked = self.asked()
        return Peek(
            ("training_step_compute_time", "zero3_gather_time", "exposed_time", "dp_balance_tokens"),
            "A step is $T_{step} = T_c + \\max(0, T_{comm} - \\omega T_c)$, where $T_c$ includes recomputation: 8 "
            "instead of 6 FLOP per parameter and token. With one microbatch $T_{comm} \\approx 3 \\frac{N-1}{N} "
            f"M / \\beta$. Balance lies at $t^*$ = {number(asked.balance_tokens, 5)} tokens per GPU, or $N^*$ = "
            f"{number(asked.balance_gpus)} GPUs for this batch. **$P$ does not appear in $t^*$:** the balance point is "
            "the same for every model size.",
        )


LLAMA3_GPUS_HALF = c.LLAMA3_GPUS.value / 2


# --- Act II --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LayoutMap:
    """MFU and status of every tp and pp at one setting of the other controls: arrays of shape (pp, tp)."""

    mfu: npt.NDArray[Any]
    status: npt.NDArray[Any]


@dataclass(frozen=True)
class LayoutOutcome:
    """One split of the cluster. Without data for every replica only `tp`, `pp`, `dp` and `status` are defined."""

    tp: int
    pp: int
    dp: int
    status: str
    layouts: LayoutMap
    microbatches: float | None = None
    step_s: float | None = None
    mfu: float | None = None
    memory_bytes: float | None = None
    bubble_fraction: float | None = None
    exposed_s: float | None = None
    days: float | None = None
    cost_usd: float | None = None
    terms: Mapping[str, float] | None = None
    memory: Mapping[str, float] | None = None

    @property
    def name(self) -> str:
        """The split in the notation of the field."""
        return f"TP-{self.tp} × PP-{self.pp} × DP-{self.dp:,}"

    @property
    def runs(self) -> bool:
        """Whether the design trains at all, in time or not."""
        return self.status in ("late", "ok")


TERMS = ("compute", "recomputation", "tensor parallel", "stage to stage", "bubble", "exposed DP")
MEMORY_PARTS = ("state", "gathered layers", "activations", "working set")


def split_step(**layout: Any) -> ThreeDStep:
    """One step of the cluster of Act II; `layout` are controls of Act II, arrays allowed, `recompute` a boolean."""
    tp, pp = layout["tp"], layout["pp"]
    return three_d_step(
        **{
            **BASE,
            "microbatch_seqs": 1,
            "interleave": 1,
            "rails": 1,
            "overlap_fraction": 1.0,
            "global_batch_seqs": BATCH.value,
            "dp": int(GPUS.value) // (tp * pp),
            **layout,
        }
    )


def step_terms(step: ThreeDStep) -> dict[str, float]:
    """The six terms of a step (s)."""
    values = (step.compute_s, step.recompute_s, step.tensor_parallel_s, step.pipeline_s, step.bubble_s, step.exposed_s)
    return dict(zip(TERMS, values, strict=True))


def free_rails(tp: int) -> int:
    """NICs of a node that one data-parallel ring can have beside the other rings of its tensor group."""
    return max(1, int(c.GPUS_PER_NODE.value) // tp)


def judged(memory_bytes: Any, step_s: Any) -> npt.NDArray[Any]:
    """Status of designs that have a step: "oom", "late" or "ok"; "invalid" where it is NaN."""
    memory, step = np.asarray(memory_bytes), np.asarray(step_s)
    slack = 1 + 1e-9
    return np.select(
        [np.isnan(step), memory > USABLE_HBM.value * slack, step > STEP_LIMIT * slack], ["invalid", "oom", "late"], "ok"
    )


@cache
def layout_map(
    context: str, microbatch_seqs: int, zero_stage: int, recompute: str, interleave: int, rails: int
) -> LayoutMap:
    """The map behind the controls of Act II; Data parallel has one cell of it."""
    tp, pp = np.meshgrid(TP, PP)
    step = split_step(
        tp=tp,
        pp=pp,
        microbatch_seqs=microbatch_seqs,
        zero_stage=zero_stage,
        recompute=recompute == "full",
        interleave=interleave,
        rails=rails,
        on_invalid="nan",
    )
    status = judged(step.memory_bytes, step.step_s).astype(object)
    if context == "dp":
        status[(tp > 1) | (pp > 1)] = ""
    return LayoutMap(step.mfu, status)


@cache
def survey() -> Mapping[str, npt.NDArray[Any]]:
    """Every valid layout of Act II: its controls, `days` and `status`."""
    splits = [
        (pp, interleave, zero)
        for pp, interleave, zero in product(PP, INTERLEAVE, ZERO)
        if layout_error(layers=BASE["layers"], pp=pp, interleave=interleave, zero_stage=zero) is None
    ]
    rings = [(tp, rails) for tp, rails in product(TP, RAILS) if rails <= free_rails(tp)]
    rows = [
        (*ring, *split, size, recompute)
        for ring, split, size, recompute in product(rings, splits, MICROBATCHES, (False, True))
    ]
    names = ("tp", "rails", "pp", "interleave", "zero_stage", "microbatch_seqs", "recompute")
    layouts = dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True))
    step = split_step(**layouts, on_invalid="nan")
    status = judged(step.memory_bytes, step.step_s)
    return {
        **layouts,
        "days": run_days(step.step_s),
        "status": np.where(status == "invalid", "batch_exhausted", status),
    }


def best(**fixed: Any) -> tuple[dict[str, Any], float]:
    """The fastest layout that runs, among those with the given controls, and its days."""
    layouts = survey()
    chosen = np.isin(layouts["status"], ("late", "ok"))
    for name, value in fixed.items():
        chosen &= layouts[name] == value
    at = int(np.flatnonzero(chosen)[np.argmin(layouts["days"][chosen])])
    return {name: values[at].item() for name, values in layouts.items()}, float(layouts["days"][at])


#: The four designs of the question, by option.
PICKS: dict[str, dict[str, Any]] = {
    "A": {"tp": 1, "pp": 1, "zero_stage": 3, "recompute": True},
    "B": {"tp": 8, "pp": 8, "zero_stage": 1, "recompute": False},
    "C": {"tp": 64, "pp": 1, "zero_stage": 1, "recompute": False},
    "D": {"tp": 2, "pp": 32, "zero_stage": 1, "recompute": False},
}
PICK_NAMES = {
    "A": "DP-1,024 with ZeRO-3 and full recomputation",
    "B": "TP-8 × PP-8 × DP-16",
    "C": "TP-64 × DP-16",
    "D": "TP-2 × PP-32 × DP-16",
}


class NineDays(Act):
    """Act II: a split of 1,024 GPUs that fits in memory and finishes in nine days."""

    title = "1,024 GPUs, nine days"
    minutes = 23
    optional_plots = ("pipeline",)

    tp = choice(
        "Tensor parallel (TP)",
        {n: str(n) for n in TP},
        1,
        reason="8 is the size of a node; 16 is offered because it breaks",
        per_context={"dp": {"options": {1: "1"}}},
    )
    pp = choice(
        "Pipeline stages (PP)",
        {n: str(n) for n in PP},
        1,
        reason="powers of two that divide 96 layers",
        per_context={"dp": {"options": {1: "1"}}},
    )
    microbatch_seqs = choice(
        "Microbatch",
        {n: str(n) for n in MICROBATCHES},
        1,
        unit="sequences",
        reason="larger ones only lengthen the bubble; 8 already misses every deadline",
    )
    zero_stage = choice(
        "ZeRO stage",
        {0: "0", 1: "1", 2: "2", 3: "3"},
        3,
        reason="what the replicas shard: nothing, optimizer, and gradients, and weights (Rajbhandari et al. 2020)",
    )
    recompute = choice(
        "Recomputation",
        {"none": "scores only", "full": "full"},
        "full",
        reason="keep 34 or 2 bytes per token, unit of width and layer (Korthikanti et al. 2022)",
    )
    interleave = choice(
        "Interleaving: virtual stages",
        {n: str(n) for n in INTERLEAVE},
        1,
        reason="thinner slices shorten the bubble; PP-32 allows 1 and 3",
        per_context={"dp": {"options": {1: "1"}}},
    )
    rails = choice(
        "Rails: NICs per ring", {n: str(n) for n in RAILS}, 1, reason="a node has 8 NICs, at most 8/TP for one ring"
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        tp: int = 1,
        pp: int = 1,
        microbatch_seqs: int,
        zero_stage: int,
        recompute: str,
        interleave: int = 1,
        rails: int,
    ) -> LayoutOutcome:
        if reason := layout_error(layers=BASE["layers"], pp=pp, interleave=interleave, zero_stage=zero_stage):
            raise ValueError(reason)
        replicas = int(GPUS.value) // (tp * pp)
        layouts = layout_map(context, microbatch_seqs, zero_stage, recompute, interleave, rails)
        if not at_most(replicas * microbatch_seqs, BATCH.value):
            return LayoutOutcome(tp, pp, replicas, "batch_exhausted", layouts)
        step = split_step(
            tp=tp,
            pp=pp,
            microbatch_seqs=microbatch_seqs,
            zero_stage=zero_stage,
            recompute=recompute == "full",
            interleave=interleave,
            rails=rails,
        )
        days = run_days(step.step_s)
        memory = (step.state_bytes, step.gathered_bytes, step.activation_bytes, step.working_bytes)
        return LayoutOutcome(
            tp=tp,
            pp=pp,
            dp=replicas,
            status=str(judged(step.memory_bytes, step.step_s)),
            layouts=layouts,
            microbatches=step.microbatches,
            step_s=step.step_s,
            mfu=step.mfu,
            memory_bytes=step.memory_bytes,
            bubble_fraction=physics.pipeline_bubble_fraction(pp, step.microbatches, interleave),
            exposed_s=step.exposed_s,
            days=days,
            cost_usd=run_usd(days),
            terms=step_terms(step),
            memory=dict(zip(MEMORY_PARTS, memory, strict=True)),
        )

    # --- what is out of reach --------------------------------------------------------------------------------

    @staticmethod
    def layout_reason(pp: int, interleave: int, zero_stage: int) -> str:
        """Why a layout is impossible, for students; empty if it is possible."""
        if layout_error(layers=BASE["layers"], pp=pp, interleave=interleave, zero_stage=zero_stage) is None:
            return ""
        if zero_stage >= 2 and pp > 1:
            return "A pipeline takes ZeRO-0 or 1: stages 2 and 3 would gather or scatter again for every microbatch."
        if pp == 1:
            return "Interleaving needs pipeline stages."
        return f"{BASE['layers']} layers do not divide into {pp} × {counted(interleave, 'slices')}."

    def limits(self) -> dict[str, Any]:
        if self.context == "dp":
            locked = {
                "tp": "Data parallel: no matrix is cut. 3D-parallel frees this control.",
                "pp": "Data parallel: the depth is not cut. 3D-parallel frees this control.",
                "interleave": self.layout_reason(1, 2, 0),
            }
            return locked
        split = {"pp": self.pp, "interleave": self.interleave, "zero_stage": self.zero_stage}
        limits: dict[str, Any] = {
            name: {
                option: reason
                for option in self.specs[name].values()
                if (reason := self.layout_reason(**{**split, name: option}))
            }
            for name in split
        }
        most = free_rails(self.tp)
        limits["rails"] = {
            n: f"A node has {c.GPUS_PER_NODE.value:g} NICs; beside the other rings of TP-{self.tp} one ring has {most}."
            for n in RAILS
            if n > most
        }
        return limits

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A wider tensor group takes NICs from its rings; a pipeline left in 3D meets the ZeRO stage chosen in DP.
        settled: dict[str, Any] = {}
        if values["rails"] > free_rails(values["tp"]):
            settled["rails"] = free_rails(values["tp"])
        if values["pp"] > 1 and values["zero_stage"] > 1:
            settled["zero_stage"] = 1
        return settled

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        plan = FourTimesTheGpus.asked()
        return Message(
            "Director of Foundation Models, the same company",
            f"I have {GPUS.value:,.0f} H100s reserved for nine days, {usd(run_usd(DEADLINE_DAYS.value))}, and then "
            f"they belong to another team. The {c.GPT3_175B_PARAMS.value / 1e9:.0f}B run needs "
            f"{c.GPT3_TOKENS.value / 1e9:.0f} billion tokens, and the plan on my desk is pure data parallel: "
            f"**{plan.days:.1f} days**. Find a split that fits in memory and finishes inside the window, or I cancel "
            "the run.",
        )

    def concept(self) -> str:
        return (
            f"Three axes, $t \\times p \\times d$ = {GPUS.value:,.0f}. **Tensor parallelism** cuts every matrix: "
            "traffic in every layer, four all-reduces of $2sbh$ bytes. **Pipeline parallelism** cuts the depth: small "
            "messages, but stages idle while the pipeline fills and drains. **Data parallelism** replicates what is "
            "left: one gradient shard a step.\n\n"
            "Memory first: state, gathered layers and activations must fit in "
            f"{USABLE_HBM.value / 1e9:.0f} GB. *Interleaving* gives each stage $v$ thinner slices: the bubble shrinks "
            "$v$-fold, the traffic between stages grows $v$-fold."
        )

    def from_ledger(self) -> str:
        read = self.lab.read
        sentences = []
        tp, where = read("v2_02", "tp"), read("v2_02", "context")
        if tp is not None:
            sentences.append(f"In V2-02 you chose **TP-{tp:g}**.")
        if where == "single":
            sentences.append("This time the job has to leave the node.")
        oversubscription = read("v2_03", "oversubscription")
        if oversubscription is not None and oversubscription > 1:
            sentences.append(
                f"Your V2-03 fabric was oversubscribed **{oversubscription:g}:1**; this lab assumes full bandwidth."
            )
        return " ".join(sentences)

    @classmethod
    @cache
    def picks(cls) -> dict[str, ThreeDStep]:
        """The four designs of the question."""
        return {key: split_step(**layout) for key, layout in PICKS.items()}

    def prediction(self) -> ChoicePrediction:
        picks = self.picks()
        a, b, wide, deep = (picks[key] for key in "ABCD")
        moved = 3 * (1 - 1 / GPUS.value) * PARAM_BYTES
        layers = BASE["layers"]
        feedback = {
            "A": (
                f"{a.exposed_s:.1f} of its {a.step_s:.1f} s are waiting for {moved / 1e9:,.0f} GB per GPU through one "
                f"NIC; {a.recompute_s:.1f} s more are recomputation."
            ),
            "B": (
                f"TP takes {b.tensor_parallel_s:.2f} s on NVLink, the bubble {b.bubble_s:.2f} s, the exposed gradient "
                f"shard {b.exposed_s:.2f} s, on {b.compute_s:.2f} s of compute."
            ),
            "C": (
                f"The group leaves the node, and {layers * wide.microbatches * 4:,.0f} all-reduces a step ({layers} "
                f"layers × {wide.microbatches:.0f} microbatches × 4) run at {c.IB_NDR_BW.value / 1e9:.0f} GB/s: "
                f"{wide.tensor_parallel_s:.1f} s."
            ),
            "D": (
                f"The bubble is 31/({deep.microbatches:.0f} + 31) = {percent(deep.bubble_fraction, 0)} of the "
                f"pipelined time, {deep.bubble_s:.2f} s."
            ),
        }
        return ChoicePrediction(
            f"All four use {GPUS.value:,.0f} GPUs and one NIC per ring, and fit in memory. Which has the shortest "
            "step?",
            tuple(
                Option(key, PICK_NAMES[key], feedback[key], value=picks[key].step_s, correct=key == "B")
                for key in PICKS
            ),
            actual=b.step_s,
            form=lambda seconds: f"{seconds:.2f} s",
            numeric=False,
            why=(
                f"The shortest step is that of {PICK_NAMES['B']}, {b.step_s:.2f} s. Microbatches of one sequence; B, C "
                "and D with ZeRO-1, without recomputation or interleaving."
            ),
        )

    def challenge(self) -> str:
        limits = (
            f"at most {USABLE_HBM.value / 1e9:.0f} GB per GPU, {DEADLINE_DAYS.value:g} days (a step of "
            f"{STEP_LIMIT:.3f} s or less) and a sequence for every replica"
        )
        if self.context == "dp":
            _, days = best(tp=1, pp=1)
            return (
                f"Finish with {limits}. **No design of Data parallel does**: the best still takes {days:.2f} days. "
                "Find it, and the one thing that keeps it from being faster. Then switch to 3D-parallel."
            )
        status = survey()["status"]
        return (
            f"Find a split with {limits}. Of {len(status):,} valid layouts {np.isin(status, ('late', 'ok')).sum()} run "
            f"and {(status == 'ok').sum()} finish in time. Then make the run as short as you can."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(
                f"Memory ≤ {USABLE_HBM.value / 1e9:.0f} GB",
                lambda o: o.memory_bytes is not None and at_most(o.memory_bytes, USABLE_HBM.value),
            ),
            Constraint(
                f"Run ≤ {DEADLINE_DAYS.value:g} days",
                lambda o: o.days is not None and at_most(o.days, DEADLINE_DAYS.value),
            ),
            Constraint("Every replica has data", lambda o: o.status != "batch_exhausted"),
        )

    def failures(self) -> tuple[Failure, ...]:
        def out_of_memory(o: LayoutOutcome) -> str:
            assert o.memory is not None
            assert o.memory_bytes is not None
            parts = " + ".join(f"{name} {size / 1e9:.1f}" for name, size in o.memory.items())
            return (
                f"{o.memory_bytes / 1e9:.1f} GB per GPU, {USABLE_HBM.value / 1e9:.1f} GB usable: {parts}. Shard more "
                "(ZeRO), split more (TP, PP) or recompute."
            )

        def exhausted(o: LayoutOutcome) -> str:
            asked = o.dp * self.microbatch_seqs
            idle = o.dp - int(BATCH.value) // self.microbatch_seqs
            return (
                f"{o.dp:,} replicas × {counted(self.microbatch_seqs, 'sequences')} = {asked:,} > {BATCH.value:,.0f} "
                f"sequences in the batch: {idle:,} replicas would have no data. Data parallelism has run out of batch."
            )

        def late(o: LayoutOutcome) -> str:
            assert o.days is not None
            over = f"{o.days:.2f} days, {o.days - DEADLINE_DAYS.value:.2f} too many: step {o.step_s:.3f} s, needed "
            over += f"{STEP_LIMIT:.3f} s."
            if self.context == "dp" and at_most(o.days, best(tp=1, pp=1)[1]):
                ceiling = KERNEL_EFFICIENCY.value / (1 + RECOMPUTED)
                over += (
                    " Data parallel has nothing faster: memory forces full recomputation, which caps the MFU at "
                    f"{KERNEL_EFFICIENCY.value:g} × 3/4 = {percent(ceiling)}."
                )
            return over

        return (
            Failure("oom", "OUT OF MEMORY:", when=lambda o: o.status == "oom", text=out_of_memory),
            Failure(
                "batch_exhausted", "BATCH EXHAUSTED:", when=lambda o: o.status == "batch_exhausted", text=exhausted
            ),
            Failure(
                "leaves_node",
                "TP LEAVES THE NODE:",
                when=lambda o: o.tp > c.GPUS_PER_NODE.value,
                text=lambda o: (
                    f"the TP group spans {o.tp / c.GPUS_PER_NODE.value:.0f} nodes; every layer now synchronises at "
                    f"{c.IB_NDR_BW.value / 1e9:.0f} GB/s instead of {c.NVLINK4_BW.value / 1e9:.0f} GB/s."
                ),
                severity="warn",
            ),
            Failure("late", "LATE:", when=lambda o: o.status == "late", text=late, severity="warn"),
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: LayoutOutcome) -> dict[str, Any]:
        shown = {
            "memory": self._memory(outcome),
            "step": self._step(outcome),
            "map": mfu_map(
                TP,
                PP,
                outcome.layouts.mfu,
                outcome.layouts.status,
                here=(outcome.tp, outcome.pp),
                title="MFU of every split, % of the peak",
                caption=self._map_caption(outcome),
            ),
        }
        return {**shown, "pipeline": self._pipeline(outcome)} if outcome.pp > 1 else shown

    def _memory(self, outcome: LayoutOutcome) -> Any:
        total = outcome.memory_bytes or 0.0
        kept = self.lab.read("v2_04", "checkpoint_gb")
        state = c.ADAM_STATE_BYTES.value * c.GPT3_175B_PARAMS.value
        if outcome.memory is None:
            caption = "Nothing runs, so there is no memory to count."
        else:
            caption = f"{total / 1e9:.1f} GB per GPU: " + ", ".join(
                f"{name} {size / 1e9:.1f}" for name, size in outcome.memory.items() if size
            )
            left = USABLE_HBM.value - total
            caption += f". {abs(left) / 1e9:.1f} GB {'are left' if left >= 0 else 'too much'}."
        if kept is not None:
            caption += f" Your V2-04 checkpoint held {number(kept)} GB; the state here is {state / 1e9:,.0f} GB in all."
        return memory_ledger(
            [MemoryBar(outcome.name, outcome.memory or dict.fromkeys(MEMORY_PARTS, np.nan))],
            title="What fills the memory of one GPU",
            capacities=[
                Limit(USABLE_HBM.value, "usable", "violation"),
                Limit(c.H100_MEM_CAPACITY.value, "device", "ink"),
            ],
            high=max(100e9, 1.1 * total),
            caption=caption,
        )

    def _step(self, outcome: LayoutOutcome) -> Any:
        limits = [Limit(STEP_LIMIT, f"deadline {STEP_LIMIT:.3f} s")]
        if (predicted := self.predicted()) is not None:
            limits.append(Limit(predicted, f"your pick {number(predicted)} s", "series-2"))
        if outcome.terms is None:
            caption = "No step: some replicas have no data."
        else:
            lost = {name: seconds for name, seconds in outcome.terms.items() if name != "compute"}
            largest = max(lost, key=lambda name: lost[name])
            caption = (
                f"{outcome.name}: {outcome.step_s:.3f} s, of which {outcome.terms['compute']:.2f} are compute. The "
                f"largest loss is {largest} with {number(lost[largest])} s."
            )
        return step_waterfall(
            outcome.terms or dict.fromkeys(TERMS, np.nan),
            total="step",
            title="One step, term by term",
            limits=limits,
            caption=caption,
        )

    def _map_caption(self, outcome: LayoutOutcome) -> str:
        if self.context == "dp":
            return (
                "Data parallel is one cell of the map: TP-1, PP-1. The others open in 3D-parallel. Outlined in green: "
                "meets the deadline; hatched: out of memory; crossed: impossible."
            )
        status = outcome.layouts.status
        why = ""
        if self.zero_stage > 1:
            why = f" {self.layout_reason(2, 1, self.zero_stage)}"
        elif self.interleave > 1:
            why = f" {self.layout_reason(1, self.interleave, self.zero_stage)}"
        return (
            "The other controls as chosen, the design in the inner frame. Cells that meet the deadline (green "
            f"outline): {(status == 'ok').sum()}; late: {(status == 'late').sum()}; that do not fit (hatched): "
            f"{(status == 'oom').sum()}; impossible, or with no batch left (crossed): "
            f"{(status == 'invalid').sum()}.{why}"
        )

    def _pipeline(self, outcome: LayoutOutcome) -> Any:
        slices = 0 if outcome.microbatches is None else round(self.interleave * outcome.microbatches)
        drawn = min(DRAWN_SLICES, slices)
        schedule = physics.one_f_one_b(outcome.pp, drawn, 1 / self.interleave, 2 / self.interleave)
        thinned = "" if outcome.pp <= 8 else f" Every {'second' if outcome.pp == 16 else 'fourth'} stage is drawn."
        if outcome.bubble_fraction is None:
            title, caption = "The pipeline: nothing to do", "Some replicas have no data." + thinned
        else:
            title = f"The pipeline: {percent(outcome.bubble_fraction)} of its time are bubble"
            caption = (
                f"The first {drawn} of {slices} slices in 1F1B order, as if there were no more, so the idle share "
                f"drawn here is larger than the true one: (p − 1)/(v m + p − 1) = {outcome.pp - 1}/({slices} + "
                f"{outcome.pp - 1}).{thinned}"
                if drawn < slices
                else f"All {slices} slices in 1F1B order.{thinned}"
            )
        return pipeline_gantt(schedule, outcome.pp, title=title, caption=caption)

    def metrics(self, outcome: LayoutOutcome) -> list[Metric]:
        o = outcome
        fits = o.memory_bytes is not None and o.status != "oom"
        in_time = o.days is not None and at_most(o.days, DEADLINE_DAYS.value)

        def shown(value: float | None, digits: str, scale: float = 1.0) -> str:
            return "–" if value is None else f"{value * scale:,{digits}}"

        return [
            Metric("Replicas (DP)", f"{o.dp:,}"),
            Metric("Microbatches", shown(o.microbatches, ".0f")),
            Metric(
                "Memory",
                shown(o.memory_bytes, ".1f", 1e-9),
                "GB",
                status="neutral" if o.memory_bytes is None else "met" if fits else "violated",
            ),
            Metric("Step", shown(o.step_s, ".3f"), "s"),
            Metric("Bubble", shown(o.bubble_fraction, ".1f", 100), "%"),
            Metric("MFU", shown(o.mfu, ".1f", 100), "%"),
            Metric(
                "Run",
                shown(o.days, ".2f"),
                "days",
                status="neutral" if o.days is None else "met" if in_time else "violated",
            ),
            Metric("Price", shown(o.cost_usd, ".0f"), "USD"),
        ]

    def reflection(self) -> Question:
        a, b = (self.picks()[key] for key in "AB")
        layers = BASE["layers"]
        per_layer = 2 * SEQ_LEN.value * c.GPT3_175B_WIDTH.value
        moved = 3 * (1 - 1 / a.gpus) * PARAM_BYTES
        shard = 2 * (1 - 1 / 16) * PARAM_BYTES / 64
        boundaries = 2 * b.microbatches * per_layer / 8
        allreduces = layers / 8 * b.microbatches * 4
        nvlink = allreduces * 2 * (1 - 1 / 8) * per_layer
        unsplit = split_step(tp=1, pp=1, zero_stage=1, recompute=False)
        return Question(
            f"Why is {PICK_NAMES['B']} ({b.step_s:.2f} s) {a.step_s / b.step_s:.1f} times faster than DP "
            f"({a.step_s:.2f} s), although it communicates in every layer?",
            (
                Option(
                    "A",
                    "It needs fewer collectives",
                    f"Each GPU takes part in {allreduces:,.0f} TP all-reduces a step ({layers / 8:.0f} layers × "
                    f"{b.microbatches:.0f} microbatches × 4) instead of {3 * layers} sharding collectives ({layers} "
                    "layers × 3).",
                ),
                Option(
                    "B",
                    "Each kind of traffic runs on a link that can carry it",
                    f"The bytes per GPU on InfiniBand fall from {moved / 1e9:,.0f} GB to about "
                    f"{(shard + boundaries) / 1e9:.0f} GB ({shard / 1e9:.1f} GB of gradient shard, "
                    f"{boundaries / 1e9:.1f} GB across stage boundaries), and {nvlink / 1e9:.0f} GB stay on NVLink.",
                    correct=True,
                ),
                Option(
                    "C",
                    "Pipelining hides all communication",
                    f"TP time is not hidden ({b.tensor_parallel_s:.2f} s), and the bubble adds {b.bubble_s:.2f} s.",
                ),
                Option(
                    "D",
                    "ZeRO-1 is faster than ZeRO-3",
                    "Two volumes instead of three save a third, not a factor of "
                    f"{moved / (shard + boundaries):.0f}; and without the split ZeRO-1 needs "
                    f"{unsplit.memory_bytes / 1e9:.0f} GB.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "parallel_step_time",
                "pipeline_bubble_fraction",
                "tensor_parallel_time",
                "pipeline_p2p_time",
                "zero_state_bytes",
                "pipeline_activation_bytes",
            ),
            "The waterfall's six terms: $T_{busy}$ is *compute*, *recomputation* (a third of it), *tensor parallel* "
            "and *stage to stage*; the *bubble* is $\\frac{p-1}{v m} T_{busy}$; *exposed DP* is $T_{exp}$. For "
            "$m \\geq p$ a deeper pipeline does not hold fewer activations: $\\frac{L}{p} \\min(p, m) = L$. Balanced "
            "stages, no stragglers, embeddings left out.",
        )


# --- the lab -------------------------------------------------------------------------------------------------


def instructor_notes() -> str:
    """Notes with the numbers of the model in them."""
    curve = sweep("3d", 1.0, 1, BATCH.value)
    interleaved = {n: scaled_step("3d", n, 1.0, 1, BATCH.value, interleave=3).mfu for n in (128, 4096, 8192)}
    _, three_d = best()
    _, sharded = best(zero_stage=3)
    _, single_axis = best(tp=1, pp=1)
    return (
        "- Students usually fix the wrong thing: they ask for faster GPUs or lower latency when tokens per GPU is the "
        "cause. Let them derive $t^*$ on the board; that $P$ cancels surprises everyone and corrects the folk rule "
        "that bigger models scale better (they do only because they come with bigger batches).\n"
        "- Ask why TP-8 gets eight rails for free: each of its ranks owns its own ring and its own NIC. Ask why a "
        "deeper pipeline does not reduce activation memory under 1F1B.\n"
        f"- The honest point: with all eight rails a fully sharded run takes {single_axis:.2f} days, "
        f"{percent(single_axis / three_d - 1, 0)} more than the best 3D layout ({three_d:.2f}); with TP it takes "
        f"{sharded:.2f}. The paradox bites again at eight times the scale.\n"
        "- Extension: at which number of GPUs does the 3D layout with three virtual stages fall under 75 % of its "
        f"efficiency at 128? (MFU {interleaved[128]:.3f} at 128; {interleaved[4096]:.3f} at 4,096, "
        f"{percent(interleaved[4096] / interleaved[128], 0)}; {interleaved[8192]:.3f} at 8,192, "
        f"{percent(interleaved[8192] / interleaved[128], 0)}. Without interleaving: {curve.mfu[0]:.3f}, "
        f"{curve.mfu[5]:.3f}, {curve.mfu[6]:.3f}.)"
    )


class ParallelismParadox(Lab):
    """MFU is tokens per GPU against the link that carries the traffic."""

    volume, number, slug = 2, 5, "lab_05_dist_train"
    title = "The Parallelism Paradox"
    question = "Why do more kinds of communication make a training step faster?"
    chapter = TEXTBOOK
    invariant = (
        "MFU is set by the tokens per GPU and step against the link that carries the traffic. Three kinds of "
        "parallelism beat one because each kind is large only where the wire is fast."
    )
    contexts = (DP, THREE_D)
    acts = (FourTimesTheGpus, NineDays)
    briefing = (
        "A training step is not compute divided by GPUs. With a fixed batch the work of a GPU falls as $1/N$, while "
        "the bytes that it must move stay. Past a balance point more GPUs buy nothing. In Act I you find that point, "
        "and that the size of the model plays no part in it. In Act II you split a model three ways, which adds kinds "
        "of communication, a pipeline bubble and a memory that must be filled with care, and is still faster."
    )
    reading = (
        Reading(
            f"{TEXTBOOK}, Engineering trade-offs: selecting a parallelism strategy",
            "what each strategy sends, how often, over which link",
        ),
        Reading(
            f"{TEXTBOOK}, Trade-offs: the communication wall",
            "the three ceilings of data parallelism: memory, bandwidth, batch size",
        ),
        Reading(
            f"{TEXTBOOK}, Memory-efficient data parallelism: ZeRO and FSDP",
            "16 bytes per parameter, the four ZeRO stages, the 3M instead of 2M bytes of full sharding",
        ),
        Reading(
            f"{TEXTBOOK}, The mathematics of scaling efficiency, and Parallelism-infrastructure interaction",
            "the 175B model on 1,024 GPUs in three configurations",
        ),
        Reading(
            f"{TEXTBOOK}, Pipeline parallelism, and Tensor parallelism",
            "bubble fraction, interleaving, two all-reduces per layer and direction",
        ),
        Reading(
            f"{TEXTBOOK}, Hybrid-parallelism worked example", "memory of TP × PP, placement on the bandwidth hierarchy"
        ),
    )
    assumptions = (
        "- Balanced stages, no stragglers, first-order overlap, embeddings left out; products of attention scores "
        f"({percent(SEQ_LEN.value / (6 * c.GPT3_175B_WIDTH.value), 1)} of the FLOP here) are neglected.\n"
        "- NVLink's 900 GB/s count both directions; a ring sends at "
        f"{c.NVLINK4_BW.value / 1e9:.0f} GB/s, {c.NVLINK4_BW.value / c.IB_NDR_BW.value:.0f} times a NIC.\n"
        "- The peak is that of dense BF16. The sparse figure, "
        f"{c.H100_FLOPS_FP16_TENSOR_SPARSE.value / 1e12:,.0f} TFLOP/s, is used for no MFU.\n"
        "- Recomputation is not useful work: it lowers the MFU.\n"
        "- Communication hides behind the compute that exists: ZeRO-3 behind the whole step, the "
        "gradients of ZeRO-0 to 2 behind the last backward pass only.\n"
        "- With TP-8 each of the eight rings of a node owns one NIC; TP-1 can give one ring up to all eight.\n"
        "- Stages stand on different nodes. A layout is valid if stages times virtual stages divide the layers, and "
        "ZeRO-2 and 3 come without a pipeline.\n"
        "- The bubble fraction is (p − 1)/(v m + p − 1), a share of the pipelined time."
    )
    constants = (
        c.GPT3_175B_PARAMS,
        c.GPT3_175B_LAYERS,
        c.GPT3_175B_WIDTH,
        c.GPT3_TOKENS,
        SEQ_LEN,
        BATCH,
        GPUS,
        GPUS_BEFORE,
        c.GPUS_PER_NODE,
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_FLOPS_FP16_TENSOR_SPARSE,
        KERNEL_EFFICIENCY,
        c.H100_MEM_CAPACITY,
        USABLE_HBM,
        c.NVLINK4_BW,
        c.IB_NDR_BW,
        c.NVLINK_ALPHA,
        c.IB_LATENCY,
        c.ADAM_STATE_BYTES,
        DP_MICROBATCH,
        c.GPU_USD_H_OWNED,
        DEADLINE_DAYS,
        c.LLAMA3_GPUS,
        LLAMA3_MFU_8K,
        LLAMA3_MFU_16K,
    )
    reads = (("v2_02", "tp"), ("v2_02", "context"), ("v2_03", "oversubscription"), ("v2_04", "checkpoint_gb"))
    instructor_notes = instructor_notes()

    def eligible(self, outcome: LayoutOutcome) -> bool:
        """The ledger speaks of the last design that ran, in time or not."""
        return outcome.runs

    def _recorded(self) -> LayoutOutcome:
        return self.last_design.outcome if self.last_design is not None else self.act2.outcome

    def result(self) -> float | None:
        return self._recorded().mfu if self.last_design is not None else None

    def decision(self) -> str:
        design = self.last_design
        controls = design.controls if design is not None else self.act2.values()
        if controls["pp"] > 1:
            return "3d" if controls["interleave"] == 1 else "3d_interleaved"
        if controls["tp"] == 1:
            return "dp_zero3"
        return "tp_zero3" if controls["zero_stage"] == 3 else "tp_dp"

    def extras(self) -> dict[str, Any]:
        recorded = self._recorded()
        return {
            "tp": recorded.tp,
            "pp": recorded.pp,
            "dp": recorded.dp,
            "microbatches": recorded.microbatches,
            "gradient_shard_bytes": PARAM_BYTES / (recorded.tp * recorded.pp),
            "step_time_s": recorded.step_s,
            "memory_bytes": recorded.memory_bytes,
        }

    def solution(self, context: str) -> dict[str, Any] | None:
        if context == "dp":
            return None
        return {"zero_stage": 1, "recompute": "none", "tp": 8, "pp": 8, "interleave": 3}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"zero_stage": 1} if context == "dp" else {"tp": 8, "zero_stage": 1}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
