"""V1-11 Two Roofs.

Act I: a card that is 98 % busy and does a third of a percent of its arithmetic. Act II: one decoding step as three
kinds of kernels, once in a cloud where batch is there for the taking, and once on a robot where it is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.roofline import (
    Gauge,
    Kernel,
    Roof,
    mfu_against_batch,
    roofline,
    upgrade_bars,
    utilization_gauges,
)
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric, held
from components.quantity import counted, number, percent, plain, usd
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

Array = npt.NDArray[np.float64]

CLOUD = Context("cloud", "Cloud", "cloud", "H100: batch is there for the taking.")
EDGE = Context("edge", "Edge", "edge", "Jetson Orin NX on a robot: one stream, four at most.")

H100 = Roof("H100", c.H100_FLOPS_FP16_TENSOR.value, c.H100_MEM_BW.value)
ORIN = Roof("Orin NX", c.ORIN_NX_FP16_DENSE.value, c.ORIN_NX_MEM_BW.value)
A100 = Roof("A100", c.A100_FLOPS_FP16_TENSOR.value, c.A100_MEM_BW.value)
MACHINES = {"cloud": H100, "edge": ORIN}

V100_DATASHEET = "NVIDIA V100 SXM2 data sheet"
V100_PEAK = scenario("v100_fp16", 125e12, "FLOP/s", "dense FP16 tensor peak", V100_DATASHEET, "datasheet")
V100_BW = scenario("v100_mem_bw", 0.9e12, "B/s", "HBM2 bandwidth", V100_DATASHEET, "datasheet")
V100 = Roof("V100", V100_PEAK.value, V100_BW.value)
ORIN_GPU = scenario(
    "orin_nx_gpu_fp16", 15e12, "FLOP/s", "tensor cores of the GPU alone; in no computation", "0.6 of the rated TOPS"
)
DASHBOARD = scenario(
    "dashboard", 0.98, "1", "GPU utilization on the dashboard; in no computation", "the lab's scenario"
)
REFRESH = scenario("refresh_usd", 1.4e6, "USD", "the vendor's quote; in no computation", "the lab's scenario")
NEXT_PART = scenario("next_part", 2, "1", "arithmetic of the vendor's next part over today's", "the lab's scenario")

CHAPTER = "Hardware Acceleration"
FP16 = c.FP16_BYTES
FP32 = scenario("fp32_bytes", 4, "B", "bytes of an FP32 value", "definition", "definition")
BATCH = scenario("kernel_batch", 32, "1", "sequences or images of a batched kernel", f"{CHAPTER}, notebooks", "chapter")
TOKENS = scenario("kernel_tokens", 512, "token", "tokens of a sequence", f"{CHAPTER}, notebooks", "chapter")
DENSE = scenario("dense_width", 2048, "1", "inputs and outputs of a dense layer", f"{CHAPTER}, notebook", "chapter")
CONV_IN = scenario("conv_in", 128, "1", "channels into the convolution", f"{CHAPTER}, notebook", "chapter")
CONV_OUT = scenario("conv_out", 256, "1", "channels out of the convolution", f"{CHAPTER}, notebook", "chapter")
CONV_SIDE = scenario("conv_side", 56, "1", "side of the feature map", f"{CHAPTER}, notebook", "chapter")
CONV_KERNEL = scenario("conv_kernel", 3, "1", "side of the kernel", f"{CHAPTER}, notebook", "chapter")
NORM_FLOP = scenario("norm_flop", 6, "FLOP", "LayerNorm, per value", f"{CHAPTER}, notebook", "chapter")
SOFTMAX_FLOP = scenario("softmax_flop", 3, "FLOP", "softmax, per score", f"{CHAPTER}, notebook", "chapter")
MOVED_INTENSITY = scenario(
    "moved_intensity", 200, "FLOP/B", "a kernel between the ridges of A100 and H100", "the lab's scenario"
)
E_SRAM = scenario("e_sram", 5e-12 / 4, "J/B", "8 KB SRAM access: 5 pJ per 32 bits", "Horowitz 2014", "paper")

PARAMS, LAYERS, WIDTH = c.PARAMS_7B.value, c.LLAMA2_7B_LAYERS.value, c.LLAMA2_7B_WIDTH.value
HEADS, HEAD_DIM, FFN = c.LLAMA2_7B_KV_HEADS.value, c.LLAMA2_7B_HEAD_DIM.value, c.LLAMA2_7B_FFN.value
ACT_BYTES = c.DECODE_GEMM_BYTES_7B.value
EW_BYTES = scenario(
    "elementwise_bytes",
    2 * LAYERS * (2 * 2 * WIDTH + 2 * 3 * WIDTH + 3 * FFN + 4 * WIDTH),
    "B/token",
    "unfused elementwise work: 2 norms, 2 residual additions, gated activation, rotary embedding, at 16 bit",
    "counted for the 7B decoder",
    "derived",
)
EW_FLOPS = scenario(
    "elementwise_flop",
    LAYERS * (12 * WIDTH + 2 * WIDTH + 5 * FFN + 6 * WIDTH),
    "FLOP/token",
    "arithmetic of the same",
    "counted for the 7B decoder",
    "derived",
)
GROUP = scenario("weight_group", 128, "1", "weights that share one 16-bit scale", "Lin et al. 2024 (AWQ)", "paper")
GROUPED_HEADS = scenario(
    "grouped_kv_heads", 8, "head", "KV heads when four query heads share one", "Ainslie et al. 2023", "paper"
)
OMNIQUANT = "Shao et al. 2024 (OmniQuant), Llama-2 7B, WikiText-2, groups of 128"
PERPLEXITY = {
    16: scenario("perplexity_16", 5.47, "1", "perplexity with 16-bit weights", OMNIQUANT, "paper"),
    8: scenario(
        "perplexity_8", 5.4704, "1", "perplexity with 8-bit weights", "ratio of llama.cpp's Q8_0 table", "paper"
    ),
    4: scenario("perplexity_4", 5.72, "1", "perplexity with 4-bit weights", OMNIQUANT, "paper"),
}
CONTEXT_CLOUD = scenario("context_cloud", 1024, "token", "cached context of a stream", "a chat turn")
CONTEXT_EDGE = scenario("context_edge", 512, "token", "cached context of a stream", "a robot's command history")
MFU_TARGET = scenario(
    "mfu_target", 0.40, "1", "the platform's goal", "inside the chapter's production range of 30 to 50 %"
)
STEP_CLOUD = scenario("step_cloud", 25e-3, "s", "limit of a step: 40 tokens/s for each user", "the lab's scenario")
STEP_EDGE = scenario("step_edge", 50e-3, "s", "limit of a step: 20 tokens/s", "a 20-token command every second")
RATE_EDGE = scenario("rate_edge", 20, "token/s", "tokens per second of a stream", "a 20-token command every second")
STREAMS_EDGE = scenario("streams_edge", 4, "1", "concurrent requests on board, at most", "the lab's scenario")

SEQ = {"cloud": CONTEXT_CLOUD.value, "edge": CONTEXT_EDGE.value}
MEMORY = {"cloud": c.H100_MEM_CAPACITY.value, "edge": c.ORIN_NX_APP_BYTES.value}
STEP_LIMIT = {"cloud": STEP_CLOUD.value, "edge": STEP_EDGE.value}
BATCHES = {"cloud": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512), "edge": (1, 2, 3, 4)}
#: Batches of the curves.
SWEEP = {
    "cloud": np.geomspace(1, 512, 73),
    "edge": np.geomspace(1, 4, 25),
}
#: Options of the first question: shares of the peak.
CLAIMS = {"A": DASHBOARD.value, "B": 0.5, "C": 0.05, "D": 0.0034}


def share(fraction: float) -> str:
    """A share as the overlay writes it: 98 %, 0.339 %."""
    return f"{plain(100 * fraction, 3)} %"


def ms(seconds: float) -> str:
    """A time in milliseconds, three digits; what is too short to matter reads as such."""
    return number(1e3 * seconds) if seconds >= 0.5e-6 else "< 0.001"


def tera(rate: float) -> str:
    """A rate in TFLOP/s, three digits."""
    return number(rate / 1e12)


# --- Act I ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """One kernel: names, arithmetic (FLOP), least memory traffic (B)."""

    label: str
    words: str
    ops_flop: float
    data_bytes: float


def product(m: float, n: float, k: float) -> tuple[float, float]:
    """Arithmetic and traffic of an FP16 matrix product."""
    width = FP16.value
    return physics.gemm_flops(m, n, k), physics.gemm_bytes(m, n, k, width, width, width)


def chapter_kernels() -> dict[str, Work]:
    """The seven kernels by the names of the control."""
    hidden, rows = c.BERT_WIDTH.value, BATCH.value * TOKENS.value
    values, scores = rows * hidden, BATCH.value * c.BERT_HEADS.value * TOKENS.value**2
    shape = (BATCH.value, CONV_SIDE.value, CONV_SIDE.value, CONV_IN.value, CONV_OUT.value, CONV_KERNEL.value)
    batched = f"batch {BATCH.value:g}"
    return {
        "decode_gemv": Work(
            "Decode GEMV", f"{WIDTH:g} × {WIDTH:g} matrix times one vector, FP16", *product(1, WIDTH, WIDTH)
        ),
        "dense_b32": Work(
            "Dense layer",
            f"{DENSE.value:g} to {DENSE.value:g}, {batched}, FP16",
            *product(BATCH.value, DENSE.value, DENSE.value),
        ),
        "qkv_prefill": Work(
            "QKV prefill",
            f"width {hidden:g}, {batched}, {TOKENS.value:g} tokens, FP16",
            *product(rows, 3 * hidden, hidden),
        ),
        "conv3x3": Work(
            "Conv 3×3",
            f"{CONV_IN.value:g} to {CONV_OUT.value:g} channels, {CONV_SIDE.value:g} × {CONV_SIDE.value:g}, {batched}",
            physics.conv2d_flops(*shape),
            physics.conv2d_bytes(*shape, FP16.value),
        ),
        "layernorm": Work(
            "LayerNorm",
            f"width {hidden:g}, {batched}, {TOKENS.value:g} tokens, FP16",
            NORM_FLOP.value * values,
            # Values in and out, and a scale and a shift per channel.
            FP16.value * (2 * values + 2 * hidden),
        ),
        "softmax": Work(
            "Softmax",
            f"scores of {c.BERT_HEADS.value:g} heads, {batched}, {TOKENS.value:g} tokens, FP16",
            SOFTMAX_FLOP.value * scores,
            2 * FP16.value * scores,
        ),
        "relu_fp32": Work("ReLU, FP32", "one operation for eight bytes", values, 2 * FP32.value * values),
    }


KERNELS = chapter_kernels()
NAMES = list(KERNELS)
OPS = np.array([work.ops_flop for work in KERNELS.values()])
TRAFFIC = np.array([work.data_bytes for work in KERNELS.values()])
INTENSITY: Array = np.asarray(physics.arithmetic_intensity(OPS, TRAFFIC))


@dataclass(frozen=True)
class KernelOutcome:
    """One kernel on one machine (FLOP/B, FLOP/s), and what the machine makes of all seven."""

    intensity: float
    ridge: float
    attainable_flop_s: float
    mfu: float
    compute_bound: bool
    time_us: float
    speedup_vs_stock: float
    mbu: float
    peak_flop_s: float
    bandwidth_bytes_s: float
    rates: Array
    speedups: Array
    sides: npt.NDArray[np.bool_]


class Utilization(Act):
    """Act I: what a busy card does, and what another one would."""

    title = "98 percent of what?"
    minutes = 13

    kernel = choice(
        "Kernel",
        {name: f"{work.label}: {work.words}" for name, work in KERNELS.items()},
        "decode_gemv",
        widget="select",
        reason=f"{INTENSITY.min():g} to {INTENSITY.max():.0f} FLOP/B: both sides of both ridges",
    )
    compute_scale = slider(
        "Arithmetic", 0.5, 4, 0.5, 1, unit="×", reason="half a part to two generations of arithmetic"
    )
    bandwidth_scale = slider("Bandwidth", 0.5, 4, 0.5, 1, unit="×", reason="the same for the memory")
    generations = choice(
        "Other machines",
        {False: "hidden", True: "shown"},
        False,
        reason="roofs of other machines, to see the ridge move; no number changes",
    )

    @classmethod
    def compute(
        cls, context: str, *, kernel: str, compute_scale: float, bandwidth_scale: float, generations: bool = False
    ) -> KernelOutcome:
        machine, at = MACHINES[context], NAMES.index(kernel)
        peak, bandwidth = machine.peak * compute_scale, machine.bandwidth * bandwidth_scale
        rates = np.asarray(physics.roofline_attainable(INTENSITY, peak, bandwidth))
        stock = np.asarray(physics.roofline_attainable(INTENSITY, machine.peak, machine.bandwidth))
        ridge = physics.ridge_point(peak, bandwidth)
        sides = np.greater_equal(INTENSITY, ridge)
        rate = float(rates[at])
        seconds = float(OPS[at]) / rate
        return KernelOutcome(
            intensity=float(INTENSITY[at]),
            ridge=ridge,
            attainable_flop_s=rate,
            mfu=physics.mfu(rate, peak),
            compute_bound=bool(sides[at]),
            time_us=1e6 * seconds,
            speedup_vs_stock=rate / float(stock[at]),
            mbu=physics.mbu(float(TRAFFIC[at]), seconds, bandwidth),
            peak_flop_s=peak,
            bandwidth_bytes_s=bandwidth,
            rates=rates,
            speedups=rates / stock,
            sides=sides,
        )

    @classmethod
    @cache
    def asked(cls, context: str = "cloud", compute_scale: float = 1, bandwidth_scale: float = 1) -> KernelOutcome:
        """The kernel of the question; in Cloud and at 1, 1 the case of the question."""
        return cls.compute(context, kernel="decode_gemv", compute_scale=compute_scale, bandwidth_scale=bandwidth_scale)

    def message(self) -> Message:
        return Message(
            "VP of Infrastructure, a hospital network",
            f"Our H100 shows **{percent(DASHBOARD.value, 0)} GPU utilization** while the drafting model writes for one "
            "doctor at a time. The vendor's next part has twice the TFLOP/s at the same memory, for a refresh of "
            f"{usd(REFRESH.value)}. Before I sign: how much of the {H100.peak / 1e12:.0f} TFLOP/s are we really using?",
        )

    def concept(self) -> str:
        sparse = c.H100_FLOPS_FP16_TENSOR_SPARSE.value / 1e12
        return (
            "A kernel needs operations and bytes; their ratio is its *arithmetic intensity*. A machine offers a peak "
            "rate and a bandwidth; their ratio is its *ridge point*. Generating one token for one user multiplies "
            "every weight matrix by one vector: each 2-byte weight is read once and used for one multiply and one "
            "add. *GPU utilization* on a dashboard is the share of time in which any kernel is running.\n\n"
            "| data sheet | H100 | Orin NX |\n|---|---|---|\n"
            f"| dense FP16 | {H100.peak / 1e12:.0f} TFLOP/s | {ORIN.peak / 1e12:.0f} TFLOP/s |\n"
            f"| memory bandwidth | {H100.bandwidth / 1e12:.2f} TB/s | {ORIN.bandwidth / 1e9:.0f} GB/s |\n"
            f"| printed with 2:4 sparsity | {sparse:,.0f} TFLOP/s, unused here | "
            f"{c.ORIN_NX_INT8_SPARSE.value / 1e12:.0f} TOPS INT8, divided by 4 |"
        )

    def prediction(self) -> ChoicePrediction:
        asked, edge = self.asked(), self.asked("edge")
        doubled, wider = self.asked("cloud", NEXT_PART.value, 1), self.asked("cloud", 1, 2)

        def option(letter: str, feedback: str, correct: bool = False) -> Option:
            return Option(letter, share(CLAIMS[letter]), value=CLAIMS[letter], feedback=feedback, correct=correct)

        return ChoicePrediction(
            f"What is the best possible MFU of this matrix-vector work on the H100: the highest share of its "
            f"{H100.peak / 1e12:.0f} TFLOP/s?",
            (
                option(
                    "A",
                    "The dashboard counted residency, not arithmetic: some kernel was there nearly all the time, and "
                    "it waited for bytes.",
                ),
                option(
                    "B",
                    "Waiting for memory does not cost a factor of two. It costs the ratio of ridge to intensity, "
                    f"{asked.ridge / asked.intensity:.0f}.",
                ),
                option(
                    "C",
                    f"The right direction, but the ridge is felt as tens. It is {asked.ridge:.0f} FLOP/B, against an "
                    f"intensity of {asked.intensity:.2f}.",
                ),
                option(
                    "D",
                    f"{asked.intensity:.4f} FLOP/B times {H100.bandwidth / 1e12:.2f} TB/s is "
                    f"{asked.attainable_flop_s / 1e12:.3f} TFLOP/s, and no kernel of this kind can have more.",
                    correct=True,
                ),
            ),
            actual=asked.mfu,
            form=share,
            why=(
                f"At {asked.intensity:.2f} FLOP/B the slope gives {asked.attainable_flop_s / 1e12:.2f} of "
                f"{H100.peak / 1e12:.0f} TFLOP/s. Set the arithmetic to {NEXT_PART.value:g}×: the speed-up is "
                f"{doubled.speedup_vs_stock:.2f} and MFU halves to {share(round(doubled.mfu, 4))}. Set the bandwidth "
                f"to 2×: the speed-up is {wider.speedup_vs_stock:.2f}.\n\n"
                f"On the Orin NX, a machine {H100.peak / ORIN.peak:.0f} times smaller, the same kernel reaches "
                f"{share(edge.mfu)}: its ridge is {edge.ridge:.0f}, nearly the same balance, so the diagnosis carries "
                "over even though nothing else does."
            ),
        )

    def plots(self, outcome: KernelOutcome) -> dict[str, Any]:
        cloud, machine = self.context == "cloud", MACHINES[self.context]
        changed = self.compute_scale != 1 or self.bandwidth_scale != 1
        at, work = NAMES.index(self.kernel), KERNELS[self.kernel]
        roof = Roof(machine.name, outcome.peak_flop_s, outcome.bandwidth_bytes_s)
        claimed = self.predicted() if cloud else None
        # The claim is about the kernel and the machine of the question, whatever the controls say since.
        asked = self.kernel == "decode_gemv"
        dots = [
            Kernel("" if i == at else one.label, float(INTENSITY[i]), float(outcome.rates[i]))
            for i, one in enumerate(KERNELS.values())
        ]
        dots.append(Kernel(work.label, outcome.intensity, outcome.attainable_flop_s, "data", 15, bold=True))
        others = (V100, A100) if cloud else (A100, H100)
        hidden = Roof("", math.nan, math.nan)
        side = "compute-bound" if outcome.compute_bound else "memory-bound"
        scales = f"{self.compute_scale:g}× arithmetic, {self.bandwidth_scale:g}× bandwidth"
        away = max(outcome.ridge, outcome.intensity) / min(outcome.ridge, outcome.intensity)
        place = f"{number(away)} times {'above' if outcome.compute_bound else 'below'} the ridge"
        winners = [one.label for one, gain in zip(KERNELS.values(), outcome.speedups, strict=True) if gain > 1 + 1e-9]
        gain = (
            f"{len(winners)} of {len(NAMES)} kernels gain"
            + (f": {', '.join(winners)}." if winners and len(winners) < len(NAMES) else ".")
            if changed
            else "Nothing is changed yet. Move a multiplier: which kernels gain is decided by the roof that holds them."
        )
        return {
            "roofline": roofline(
                roof,
                dots,
                stock=machine if changed else None,
                # The same number in both contexts, so that the toggle moves lines and draws nothing anew.
                references=[one if self.generations and one in others else hidden for one in (V100, A100, H100)],
                predicted=None if claimed is None else (float(INTENSITY[0]), claimed * machine.peak),
                title=f"The roofline of the {machine.name}" + (f", {scales}" if changed else ""),
                caption=(
                    f"{work.label}: {number(outcome.intensity)} FLOP/B, {place}, so {side}: "
                    f"{tera(outcome.attainable_flop_s)} of {tera(outcome.peak_flop_s)} TFLOP/s."
                    + (f" Grey: the stock {machine.name}." if changed else "")
                    + (
                        f" Ridges: {', '.join(f'{one.name} {one.ridge:.0f}' for one in others)} FLOP/B."
                        if self.generations
                        else ""
                    )
                ),
            ),
            "gauges": utilization_gauges(
                (
                    Gauge(
                        "busy",
                        DASHBOARD.value if cloud else None,
                        "series-6",
                        "dashboard: some kernel is running" if cloud else "nobody read a dashboard here",
                    ),
                    Gauge("MBU", outcome.mbu, "series-3", "useful bytes over bandwidth, at best"),
                    Gauge("MFU", outcome.mfu, "data", "" if asked and claimed is not None else "useful FLOP over peak"),
                ),
                predicted=claimed if asked else None,
                title="Three things called utilization",
                caption=(
                    f"{work.label}: MFU at most {share(outcome.mfu)}, MBU {share(outcome.mbu)}, "
                    f"{number(outcome.time_us, 4)} µs. "
                    + (
                        "The dashboard's reading belongs to the message; it would be the same at any MFU."
                        if cloud
                        else "A dashboard would show how busy the module is, and neither of these two."
                    )
                ),
            ),
            "upgrade": upgrade_bars(
                [one.label for one in KERNELS.values()],
                outcome.speedups,
                outcome.sides,
                selected=at,
                title=f"What the change is worth: {scales}",
                caption=f"{work.label}: {outcome.speedup_vs_stock:.2f}×. {gain}",
            ),
        }

    def metrics(self, outcome: KernelOutcome) -> list[Metric]:
        return [
            Metric(
                "Intensity", number(outcome.intensity, 4), "FLOP/B", note=f"ridge {number(outcome.ridge, 4)} FLOP/B"
            ),
            Metric("Attainable", number(outcome.attainable_flop_s / 1e12, 4), "TFLOP/s"),
            Metric("MFU", number(100 * outcome.mfu, 4), "%", note="of the dense peak, at best"),
            Metric("Bound by", "compute" if outcome.compute_bound else "memory"),
            Metric("Time", number(outcome.time_us, 4), "µs"),
            Metric("Speed-up", f"{outcome.speedup_vs_stock:.3f}", "times", note="over the stock machine"),
        ]

    def tables(self, outcome: KernelOutcome) -> list[Table]:
        rows = [
            (
                work.label,
                number(intensity),
                tera(rate),
                f"{number(100 * rate / outcome.peak_flop_s)} %",
            )
            for work, intensity, rate in zip(KERNELS.values(), INTENSITY, outcome.rates, strict=True)
        ]
        return [
            Table(
                "Seven kernels on this machine",
                ("", "FLOP/B", "TFLOP/s", "MFU"),
                tuple(rows),
                NAMES.index(self.kernel),
            )
        ]

    def reflection(self) -> Question:
        intensity = MOVED_INTENSITY.value
        old, new = (physics.roofline_attainable(intensity, machine.peak, machine.bandwidth) for machine in (A100, H100))
        peaks, bandwidths = H100.peak / A100.peak, H100.bandwidth / A100.bandwidth
        return Question(
            f"A kernel with {intensity:g} FLOP/B was compute-bound on an A100. How much faster does it run on an H100?",
            (
                Option(
                    "A",
                    f"{peaks:.2f} times",
                    f"That is the ratio of peaks. At {intensity:g} the kernel sits left of the new ridge, "
                    f"{H100.ridge:.0f}, and never touches the new roof.",
                    value=peaks,
                ),
                Option(
                    "B",
                    f"{new / old:.2f} times",
                    f"min({H100.peak / 1e12:.0f}, {H100.bandwidth / 1e12:.2f} × {intensity:g}) = {new / 1e12:.0f} over "
                    f"{old / 1e12:.0f} TFLOP/s: it changed sides.",
                    value=new / old,
                    correct=True,
                ),
                Option(
                    "C",
                    f"{bandwidths:.2f} times",
                    "That is the ratio of bandwidths, and the kernel did not wait for bandwidth on the A100. It is "
                    f"right below {A100.ridge:.0f} FLOP/B, the A100's ridge.",
                    value=bandwidths,
                ),
                Option(
                    "D",
                    "1.00 times",
                    "Both roofs rose, so every kernel gains something: the question is only which roof holds it now.",
                    value=1.0,
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "arithmetic_intensity",
                "ridge_point",
                "roofline_attainable",
                "mfu",
                "mbu",
                "gemm_flops",
                "gemm_bytes",
                "conv2d_flops",
                "conv2d_bytes",
            ),
            "A matrix times one vector has $I = 2nk/(2(nk + n + k)) \\approx 1$ FLOP/B in FP16. The slope is energy, "
            f"too: a 32-bit access costs {4e12 * c.E_DRAM.value:.0f} pJ in DRAM and {4e12 * E_SRAM.value:.0f} pJ in a "
            f"small SRAM, {c.E_DRAM.value / E_SRAM.value:.0f} times less. All of this is an upper bound: launch gaps "
            "and imperfect kernels only lower it.",
        )


# --- Act II -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One decoding step: times (s), traffic (B) and work (FLOP) of its three kinds of kernels; numbers or arrays."""

    linear_s: Any
    attention_s: Any
    elementwise_s: Any
    linear_bytes: Any
    cache_bytes: Any
    elementwise_bytes: Any
    linear_flop: Any
    attention_flop: Any
    weight_bytes: float

    @property
    def total_s(self) -> Any:
        """The step: kernels run one after another."""
        return self.linear_s + self.attention_s + self.elementwise_s

    @property
    def mfu_flop(self) -> Any:
        """Useful arithmetic: products with weights, and with the cache."""
        return self.linear_flop + self.attention_flop

    @property
    def moved_bytes(self) -> Any:
        """Traffic of the whole step."""
        return self.linear_bytes + self.cache_bytes + self.elementwise_bytes


def stored_bits(weight_bits: int) -> float:
    """Bits per weight, the scales of the groups included."""
    return physics.quantized_bits_per_weight(weight_bits, GROUP.value)


def decode_step(context: str, batch: Any, weight_bits: int, kv_bits: int, kv_heads: int, fused: bool) -> Step:
    """One token for each of `batch` streams (a number or an array)."""
    machine, seq = MACHINES[context], SEQ[context]

    def seconds(data_bytes: Any, ops_flop: Any) -> Any:
        return physics.iron_law_latency_overlapped(data_bytes, machine.bandwidth, ops_flop, machine.peak, 0.0)

    weights = physics.quantized_bytes(PARAMS, stored_bits(weight_bits))
    cache_bytes = physics.kv_cache_bytes(LAYERS, kv_heads, HEAD_DIM, seq, batch, kv_bits / 8)
    linear_bytes, linear_flop = weights + batch * ACT_BYTES, physics.forward_flops(PARAMS, batch)
    # Scores and weighted sum over the cached tokens: a multiply and an add each.
    attention_flop = 4 * seq * WIDTH * LAYERS * batch
    # Fused work runs inside other kernels and has no traffic of its own.
    elementwise_bytes = (0.0 if fused else EW_BYTES.value) * batch
    return Step(
        linear_s=seconds(linear_bytes, linear_flop),
        attention_s=seconds(cache_bytes, attention_flop),
        elementwise_s=seconds(elementwise_bytes, EW_FLOPS.value * batch),
        linear_bytes=linear_bytes,
        cache_bytes=cache_bytes,
        elementwise_bytes=elementwise_bytes,
        linear_flop=linear_flop,
        attention_flop=attention_flop,
        weight_bytes=weights,
    )


def retention(weight_bits: int) -> float:
    """Quality that a weight format keeps."""
    return physics.quality_retention(PERPLEXITY[16].value, PERPLEXITY[weight_bits].value)


@dataclass(frozen=True)
class DecodeOutcome:
    """A decoding design: times in ms, memory in bytes, rates in FLOP/s; `curve` is the MFU over `SWEEP`.

    `elementwise_intensity` is undefined when the work is fused. `longest` is the longest part, `bound` what it waits
    for. `most_in_memory` is the batch at which memory is full.
    """

    linear_intensity: float
    attention_intensity: float
    linear_ms: float
    attention_ms: float
    elementwise_ms: float
    step_ms: float
    memory_bytes: float
    mfu: float
    mbu: float
    tokens_per_s_per_stream: float
    mfu_ceiling: float
    oom: bool
    target_ok: bool
    latency_ok: bool
    feasible: bool
    batch: int
    weight_bits: int
    weight_bytes: float
    kv_bytes: float
    elementwise_intensity: float | None
    ridge: float
    ridge_batch: float
    longest: str
    bound: str
    most_in_memory: float
    curve: Array

    @property
    def parts(self) -> dict[str, float]:
        """The three kinds of kernels (s)."""
        return {
            "dense layers": self.linear_ms / 1e3,
            "attention": self.attention_ms / 1e3,
            "elementwise": self.elementwise_ms / 1e3,
        }


class Decoding(Act):
    """Act II: every lever moves a dot, moves a roof, or does nothing."""

    title = "Three dots, one step"
    minutes = 24

    batch = stops(
        "Batch",
        BATCHES["cloud"],
        64,
        text=lambda value: counted(value, "streams"),
        per_context={"edge": {"values": BATCHES["edge"], "default": 1}},
        reason="512 is the first power of two past the ridge of a dense layer; a robot has four requests at most",
    )
    weight_bits = choice(
        "Weights",
        {16: "16 bit", 8: "8 bit", 4: "4 bit"},
        16,
        reason="the formats of Lab 10 whose quality is acceptable, one scale per 128 weights",
    )
    kv_bits = choice("KV cache", {16: "16 bit", 8: "8 bit"}, 16, reason="as in Lab 10")
    kv_heads = choice(
        "KV heads of the checkpoint",
        {32: "32, one per query head", 8: "8, shared by four"},
        32,
        reason="grouped queries; another checkpoint, not a switch in the runtime",
    )
    fused = choice(
        "Elementwise work",
        {False: "own kernels", True: "fused"},
        False,
        reason="the lever of Lab 07: norms, additions and activations inside other kernels",
    )

    @classmethod
    def compute(
        cls, context: str, *, batch: float, weight_bits: int, kv_bits: int, kv_heads: int, fused: bool
    ) -> DecodeOutcome:
        machine, seq = MACHINES[context], SEQ[context]
        made = decode_step(context, batch, weight_bits, kv_bits, kv_heads, fused)
        step = made.total_s
        memory = made.weight_bytes + made.cache_bytes
        mfu = physics.mfu(made.mfu_flop / step, machine.peak)
        rate = 1 / step
        swept = decode_step(context, SWEEP[context], weight_bits, kv_bits, kv_heads, fused)
        token = physics.kv_cache_bytes(LAYERS, kv_heads, HEAD_DIM, 1, 1, kv_bits / 8)
        ridge = physics.ridge_point(machine.peak, machine.bandwidth)
        times = {
            "dense layers": (made.linear_s, made.linear_flop),
            "attention": (made.attention_s, made.attention_flop),
            "elementwise": (made.elementwise_s, EW_FLOPS.value * batch),
        }
        longest = max(times, key=lambda name: times[name][0])
        seconds, flop = times[longest]
        oom = not at_most(memory, MEMORY[context])
        target = at_least(mfu, MFU_TARGET.value) if context == "cloud" else at_least(rate, RATE_EDGE.value)
        in_time = at_most(step, STEP_LIMIT[context])
        return DecodeOutcome(
            linear_intensity=physics.arithmetic_intensity(made.linear_flop, made.linear_bytes),
            attention_intensity=physics.decode_attention_intensity(HEADS, kv_heads, kv_bits / 8),
            linear_ms=1e3 * made.linear_s,
            attention_ms=1e3 * made.attention_s,
            elementwise_ms=1e3 * made.elementwise_s,
            step_ms=1e3 * step,
            memory_bytes=memory,
            mfu=mfu,
            mbu=physics.mbu(made.moved_bytes, step, machine.bandwidth),
            tokens_per_s_per_stream=rate,
            mfu_ceiling=physics.decode_mfu_ceiling(PARAMS, LAYERS, WIDTH, seq, token, machine.peak, machine.bandwidth),
            oom=oom,
            target_ok=target,
            latency_ok=in_time,
            feasible=not oom and target and in_time,
            batch=int(batch),
            weight_bits=weight_bits,
            weight_bytes=made.weight_bytes,
            kv_bytes=made.cache_bytes,
            elementwise_intensity=None if fused else physics.arithmetic_intensity(EW_FLOPS.value, EW_BYTES.value),
            ridge=ridge,
            ridge_batch=physics.gemm_ridge_batch(ridge, WIDTH, WIDTH, stored_bits(weight_bits) / 8, FP16.value),
            longest=longest,
            bound="compute" if at_least(flop / machine.peak, seconds) else "memory",
            most_in_memory=(MEMORY[context] - made.weight_bytes) * batch / made.cache_bytes,
            curve=np.asarray(physics.mfu(swept.mfu_flop / swept.total_s, machine.peak)),
        )

    def message(self) -> Message:
        if self.context == "edge":
            bench = design("edge")
            return Message(
                "Robotics lead, a warehouse operator",
                f"One robot, at most {STREAMS_EDGE.value:g} concurrent requests on board, "
                f"**{MEMORY['edge'] / 1e9:.0f} GB** left of the Orin NX. On the bench, with all "
                f"{c.ORIN_NX_MEM_CAPACITY.value / 1e9:.0f} GB to itself, the 7B model answered at "
                f"{bench.tokens_per_s_per_stream:.0f} tokens a second; the planner needs "
                f"**{RATE_EDGE.value:g}**. Procurement offers a module with twice the TOPS.",
            )
        return Message(
            "Director of inference, a public-sector assistant",
            "Thousands of users wait, so batch is there for the taking. I want "
            f"**MFU above {percent(MFU_TARGET.value, 0)}** on the 7B model, **{1e3 * STEP_CLOUD.value:.0f} ms per "
            f"token** at most, contexts of {CONTEXT_CLOUD.value:,.0f} tokens, one {MEMORY['cloud'] / 1e9:.0f} GB card.",
        )

    def concept(self) -> str:
        kept = ", ".join(f"{percent(retention(bits), 1)} at {bits} bit" for bits in (16, 8, 4))
        return (
            "A decoding step is three kinds of kernels. *Dense layers* multiply the new tokens by the weights, which "
            "all streams share. *Attention* reads the KV cache, and every stream has its own. *Elementwise* work "
            "(norms, additions, activations) reads and writes what the others made. Each kind is a dot of its own, "
            "with its own lever; they run one after another, and arithmetic is FP16 whatever the storage.\n\n"
            f"Quality that the weight formats keep in Lab 10: {kept}."
        )

    def from_ledger(self) -> str:
        bits, kept = self.lab.read("ch10", "weight_bits"), self.lab.read("ch10", "act2_result")
        if bits not in (16, 8, 4, 3, 2):
            return ""
        quality = f", which kept {percent(kept, 1)} of the quality" if kept is not None and 0 < kept <= 1 else ""
        offered = "" if bits in PERPLEXITY else " Fewer than 4 bits are not offered here."
        return (
            f"In Lab 10 you settled on **{bits:g}-bit weights**{quality}. The weights here start at 16 bit all the "
            f"same, so that you see what the format is worth.{offered}"
        )

    def prediction(self) -> ChoicePrediction:
        ridge = H100.ridge
        plain16 = physics.decode_attention_intensity(HEADS, HEADS, FP16.value)
        grouped = physics.decode_attention_intensity(HEADS, GROUPED_HEADS.value, 1)
        dense = physics.gemm_ridge_batch(ridge, WIDTH, WIDTH, FP16.value, FP16.value)
        claims = {"A": ridge, "B": dense, "C": ridge * HEADS}
        short = f"{ridge / plain16:.0f} times the intensity"

        def option(letter: str, feedback: str) -> Option:
            return Option(
                letter,
                f"{claims[letter]:,.0f} streams",
                gap=short,
                feedback=(
                    f"{feedback} At batch {claims[letter]:,.0f} the attention dot still sits at {plain16:.1f} FLOP/B."
                ),
            )

        return ChoicePrediction(
            f"At which batch does attention over a 16-bit KV cache, with {HEADS:g} query heads and {HEADS:g} KV heads, "
            "become compute-bound on the H100?",
            (
                option("A", f"{ridge:.0f} is right for a kernel whose only traffic is shared weights."),
                option(
                    "B",
                    f"{dense:.0f} is the batch of a dense {WIDTH:g}-square layer, activations included. Its weights "
                    "are shared; a cache is not.",
                ),
                option(
                    "C",
                    f"There is no batch in the formula. With {HEADS:g} KV heads every head brings its own bytes; "
                    f"sharing them moves the dot right, but {GROUPED_HEADS.value:g} KV heads with an 8-bit cache reach "
                    f"only {grouped:.1f} FLOP/B, still {ridge / grouped:.0f} times below the ridge.",
                ),
                Option(
                    "D",
                    "no batch does",
                    gap="nothing",
                    correct=True,
                    feedback="New streams bring new arithmetic and new bytes in the same proportion.",
                ),
            ),
            form=lambda _: "no batch does",
            actual=0.0,
            why=(
                f"Each cached value is read for its own stream only: 2 × {HEADS:g} / ({HEADS:g} × {FP16.value:g} B) = "
                f"{plain16:.1f} FLOP/B at every batch, {ridge / plain16:.0f} times below the ridge."
            ),
            numeric=False,
        )

    def challenge(self) -> str:
        if self.context == "edge":
            return (
                f"Reach **{RATE_EDGE.value:g} tokens/s per stream** within {MEMORY['edge'] / 1e9:.0f} GB. Then find "
                "out which of your levers was needed, and what MFU the winning design shows."
            )
        return (
            f"Reach **MFU {percent(MFU_TARGET.value, 0)}** with at most {1e3 * STEP_CLOUD.value:.0f} ms per step in "
            f"{MEMORY['cloud'] / 1e9:.0f} GB. The larger batch is the first idea: watch the ceiling and the memory."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        target = (
            f"MFU ≥ {percent(MFU_TARGET.value, 0)}"
            if self.context == "cloud"
            else f"≥ {RATE_EDGE.value:g} tokens/s per stream"
        )
        return (
            Constraint(f"Memory ≤ {MEMORY[self.context] / 1e9:.0f} GB", lambda o: not o.oom),
            Constraint(target, lambda o: o.target_ok),
            Constraint(f"Step ≤ {1e3 * STEP_LIMIT[self.context]:.0f} ms", lambda o: o.latency_ok),
        )

    def failures(self) -> tuple[Failure, ...]:
        roof = " The batch that fills the roof does not fit." if self.context == "cloud" else ""
        return (
            Failure(
                "oom",
                "OUT OF MEMORY:",
                when=lambda o: o.oom,
                text=lambda o: (
                    f"weights {o.weight_bytes / 1e9:.2f} + cache {o.kv_bytes / 1e9:.2f} = {o.memory_bytes / 1e9:.2f} "
                    f"GB, limit {MEMORY[self.context] / 1e9:.0f} GB.{roof}"
                ),
            ),
            Failure(
                "deadline",
                "DEADLINE:",
                when=lambda o: not o.latency_ok,
                text=lambda o: f"{o.step_ms:.1f} ms per token, limit {1e3 * STEP_LIMIT[self.context]:.0f} ms.",
                severity="warn",
            ),
        )

    def plots(self, outcome: DecodeOutcome) -> dict[str, Any]:
        cloud, machine, start = self.context == "cloud", MACHINES[self.context], self.at_defaults()
        o = outcome
        return {
            "roofline": self._roofline(o, start, machine, cloud),
            "gauges": utilization_gauges(
                (
                    Gauge("MBU", o.mbu, "series-3", "bytes over bandwidth"),
                    Gauge(
                        "MFU",
                        o.mfu,
                        "data",
                        "FLOP over peak",
                        o.mfu_ceiling,
                        f"ceiling {number(100 * o.mfu_ceiling)} %",
                        "caution",
                    ),
                ),
                title="What the step uses",
                caption=(
                    f"The step uses {percent(o.mbu)} of the bandwidth and {percent(o.mfu, 2)} of the arithmetic; with "
                    f"this cache no batch takes MFU above {percent(o.mfu_ceiling, 2)}. "
                    f"{o.tokens_per_s_per_stream:.1f} tokens/s for each stream."
                ),
            ),
            "step": latency_waterfall(
                [Bar("your design", o.parts), Bar("at the start", start.parts)],
                title="One step, kind by kind",
                limits=[Limit(1e3 * STEP_LIMIT[self.context], "limit")],
                # Room for the longest total at 390 px.
                high=1.5 * max(o.step_ms, start.step_ms, 1e3 * STEP_LIMIT[self.context]),
                caption=(
                    f"{number(o.step_ms, 4)} ms: dense layers {ms(o.linear_ms / 1e3)}, attention "
                    f"{ms(o.attention_ms / 1e3)}, elementwise {ms(o.elementwise_ms / 1e3)} ms. The longest part, "
                    f"{o.longest}, waits for {'arithmetic' if o.bound == 'compute' else 'memory'}."
                ),
            ),
            "mfu_batch": mfu_against_batch(
                SWEEP[self.context],
                o.curve,
                start.curve,
                here=(o.batch, o.mfu),
                ceiling=o.mfu_ceiling,
                most_in_memory=o.most_in_memory,
                target=MFU_TARGET.value if cloud else math.nan,
                ticks=BATCHES[self.context],
                title="What batch can do for MFU",
                caption=self._batch_words(o, cloud),
            ),
            "memory": memory_ledger(
                [
                    MemoryBar(name, {"weights": one.weight_bytes, "KV cache": one.kv_bytes})
                    for name, one in (("your design", o), ("at the start", start))
                ],
                title="What fills the memory",
                capacities=[Limit(MEMORY[self.context], "limit")],
                caption=(
                    f"Weights {o.weight_bytes / 1e9:.2f} GB, cache {o.kv_bytes / 1e9:.2f} GB for {o.batch} "
                    f"stream{'' if o.batch == 1 else 's'} of {SEQ[self.context]:,.0f} tokens: "
                    f"{o.memory_bytes / 1e9:.2f} of {MEMORY[self.context] / 1e9:.0f} GB."
                ),
            ),
        }

    def _roofline(self, o: DecodeOutcome, start: DecodeOutcome, machine: Roof, cloud: bool) -> Any:
        def dot(name: str, intensity: float | None, origin: float | None, token: str, size: int, marker: str) -> Kernel:
            at = math.nan if intensity is None else intensity
            rate = at if math.isnan(at) else physics.roofline_attainable(at, machine.peak, machine.bandwidth)
            return Kernel(name, at, rate, token, size, marker, True, math.nan if origin is None else origin)

        locked = self.lab.predictions.get(self.key) if cloud else None
        claims = {option.id: option.text for option in self.prediction().options}
        if locked is None:
            claim = None
        elif locked == "D":
            claim = (start.attention_intensity, machine.at(start.attention_intensity))
        else:
            # Where attention would be compute-bound, at the batch that was named.
            claim = (machine.ridge, machine.peak)
        elementwise = (
            "Elementwise work is fused: no bytes of its own, no dot."
            if o.elementwise_intensity is None
            else f"Elementwise work: {number(o.elementwise_intensity)}."
        )
        return roofline(
            machine,
            [
                dot("dense", o.linear_intensity, start.linear_intensity, "data", 16, "circle"),
                dot("attention", o.attention_intensity, start.attention_intensity, "series-2", 9, "square"),
                dot("elementwise", o.elementwise_intensity, start.elementwise_intensity, "series-3", 9, "triangle"),
            ],
            ridge_note=f"dense: batch {o.ridge_batch:.0f}",
            predicted=claim,
            prediction=f"predicted: {claims.get(locked or '', '')}",
            title=f"Three kinds of kernels on the {machine.name}",
            caption=(
                f"Dense layers {number(o.linear_intensity)} FLOP/B, attention {number(o.attention_intensity)}, ridge "
                f"{machine.ridge:.0f}. {elementwise} Rings mark the design at the start. A dense layer of {WIDTH:g} × "
                f"{WIDTH:g} reaches the ridge at batch {o.ridge_batch:.0f} with {o.weight_bits}-bit weights; attention "
                "reaches it at none."
            ),
        )

    @staticmethod
    def _batch_words(o: DecodeOutcome, cloud: bool) -> str:
        if not cloud:
            fits = (
                "Not even one stream fits."
                if o.most_in_memory < 1
                else f"There is no batch beyond {STREAMS_EDGE.value:g}: MFU is not what this machine can be judged by."
            )
        elif o.most_in_memory >= BATCHES["cloud"][-1]:
            fits = "Every batch shown fits."
        else:
            fits = f"More than {math.floor(o.most_in_memory + 1e-9)} streams do not fit."
        reached = f"MFU {percent(o.mfu, 2)} at batch {o.batch}; the ceiling of this cache is"
        return f"{reached} {percent(o.mfu_ceiling, 2)}. {fits}"

    def metrics(self, outcome: DecodeOutcome) -> list[Metric]:
        o, cloud = outcome, self.context == "cloud"
        return [
            Metric(
                "MFU",
                f"{100 * o.mfu:.2f}",
                "%",
                note=f"ceiling {100 * o.mfu_ceiling:.2f} %, at any batch",
                status=held(o.target_ok) if cloud else "neutral",
            ),
            Metric("MBU", f"{100 * o.mbu:.1f}", "%"),
            Metric("Step", number(o.step_ms, 4), "ms", status=held(o.latency_ok)),
            Metric(
                "Per stream",
                number(o.tokens_per_s_per_stream),
                "tokens/s",
                status="neutral" if cloud else held(o.target_ok),
            ),
            Metric("Memory", number(o.memory_bytes / 1e9, 4), "GB", status=held(not o.oom)),
            Metric("Quality kept", f"{100 * retention(o.weight_bits):.1f}", "%", note="by the weights, from Lab 10"),
        ]

    def tables(self, outcome: DecodeOutcome) -> list[Table]:
        o = outcome
        intensities = (o.linear_intensity, o.attention_intensity, o.elementwise_intensity)

        def ridge(intensity: float | None) -> str:
            if intensity is None:
                return "fused"
            return "above" if intensity >= o.ridge else f"{number(o.ridge / intensity)} ×"

        rows = [
            (
                name,
                number(intensity),
                ridge(intensity),
                ms(seconds),
            )
            for (name, seconds), intensity in zip(o.parts.items(), intensities, strict=True)
        ]
        return [
            Table(
                "The three kinds of kernels",
                ("", "FLOP/B", "below ridge", "time, ms"),
                tuple(rows),
                list(o.parts).index(o.longest),
            )
        ]

    def reflection(self) -> Question:
        best = design("edge", weight_bits=4)
        arithmetic = best.mfu * best.step_ms
        return Question(
            f"Your Edge design shows {percent(best.mfu)} MFU and {percent(best.mbu, 0)} MBU. A colleague calls it "
            "wasteful and wants the module with twice the TOPS and the same memory. What happens?",
            (
                Option(
                    "A",
                    "Tokens per second double",
                    f"The arithmetic takes {arithmetic:.2f} ms of {best.step_ms:.0f} ms. Halving it saves nothing, "
                    "because it hides behind the bytes.",
                ),
                Option("B", "About 1.5 times the tokens per second", "No kernel of this step is near the roof."),
                Option(
                    "C",
                    f"Nothing; MFU falls to {percent(best.mfu / 2, 2)}",
                    "All three kinds of kernels sit on the slope. The same rate is divided by twice the peak: the "
                    "better machine has the worse score.",
                    correct=True,
                ),
                Option(
                    "D",
                    "It gets slower: a larger chip has more overhead",
                    "The model has no such term, and the time is set by bytes.",
                ),
            ),
        )

    def peek(self) -> Peek:
        int8 = c.H100_FLOPS_INT8_TENSOR.value / H100.bandwidth
        fp16_rows = physics.gemm_ridge_batch(H100.ridge, WIDTH, WIDTH, 2, 2)
        half_rows = physics.gemm_ridge_batch(H100.ridge, WIDTH, WIDTH, 1, 2)
        int8_rows = physics.gemm_ridge_batch(int8, WIDTH, WIDTH, 1, 1)
        return Peek(
            (
                "iron_law_latency_overlapped",
                "kv_cache_bytes",
                "decode_attention_intensity",
                "gemm_ridge_batch",
                "decode_mfu_ceiling",
                "mbu",
                "quantized_bits_per_weight",
            ),
            "The step is the sum of three rooflines, one for each kind of kernel. Storing weights in INT8 halves the "
            f"batch at which a dense layer turns, {fp16_rows:.0f} to {half_rows:.0f}; INT8 arithmetic as well doubles "
            f"the ridge to {int8:.0f} and leaves that batch where it was, {int8_rows:.0f}. Kernels run one after "
            "another at ideal rates: every real step is slower.",
        )


@cache
def design(
    context: str,
    batch: int | None = None,
    weight_bits: int = 16,
    kv_bits: int = 16,
    kv_heads: int = 32,
    fused: bool = False,
) -> DecodeOutcome:
    """A design for the texts; what is not named stays at its default."""
    chosen = batch if batch is not None else 64 if context == "cloud" else 1
    return Decoding.compute(
        context, batch=chosen, weight_bits=weight_bits, kv_bits=kv_bits, kv_heads=kv_heads, fused=fused
    )


def context_of_ceiling(wanted: float) -> float:
    """Cached tokens at which the grouped 8-bit cache has this ceiling on the H100."""
    token = physics.kv_cache_bytes(LAYERS, GROUPED_HEADS.value, HEAD_DIM, 1, 1, 1)
    # The ceiling with attention waiting for memory, solved for the context.
    return 2 * PARAMS * (1 - wanted) / (wanted * token * H100.ridge - 4 * WIDTH * LAYERS)


def notes() -> str:
    """What an instructor should know, with the designs that it quotes."""
    plain_step, shared = design("cloud", 256), design("cloud", 256, 8, 8, 8)
    return (
        f"- Ask before the reveal what *{percent(DASHBOARD.value, 0)} utilization* could mean; let them list three "
        f"definitions.\n- The ridge rises with each generation ({V100.ridge:.0f}, {A100.ridge:.0f}, {H100.ridge:.0f} "
        "FLOP/B): the same code can fall off the roof by being moved to a better machine.\n- Fusion is a lever that "
        f"is real for its dot ({number(plain_step.elementwise_intensity, 2)} FLOP/B) and nearly invisible in the "
        f"step: {plain_step.elementwise_ms:.1f} ms of {plain_step.step_ms:.0f} at batch {plain_step.batch}, and "
        f"{percent(shared.elementwise_ms / shared.step_ms)} once attention is fixed.\n- QKV prefill is compute-bound "
        "on both devices. Why do serving systems separate prefill and decoding?\n- MFU is the wrong score where batch "
        "does not exist. What would you put on the robot's dashboard?\n- Extension: below which context length can "
        "the grouped, 8-bit design exceed 60 % MFU? (Solve the ceiling for the context: about "
        f"{context_of_ceiling(0.6):.0f} tokens.)"
    )


class TwoRoofsLab(Lab):
    """The roofline, the ridge, and which lever moves what."""

    volume, number, slug = 1, 11, "lab_11_hw_accel"
    title = "Two Roofs"
    question = "Which of two roofs holds your kernel, and which lever moves the dot?"
    chapter = CHAPTER
    invariant = (
        "A kernel runs at the lower of two roofs: the peak, or bandwidth times intensity. The ridge point says which."
    )
    contexts = (CLOUD, EDGE)
    acts = (Utilization, Decoding)
    briefing = (
        f"*The GPU is {percent(DASHBOARD.value, 0)} utilized* and *the new part has twice the TFLOP/s* waste more "
        "money than any other two sentences of this field. The first says that some kernel was resident, the second "
        "measures a roof that most kernels never touch. What replaces both is one line: attainable rate = min(peak, "
        "bandwidth × intensity). Every lever moves a dot (batch, precision, fusion, shared heads), moves a roof "
        "(hardware), or does nothing, and which one it is can be computed before anything is bought."
    )
    reading = (
        Reading("Understanding the AI memory wall", "compute has grown faster than bandwidth"),
        Reading("Roofline Model", "arithmetic intensity is a property of an implementation"),
        Reading("Hardware ridge points", "the utilization gap on V100, A100 and H100"),
        Reading("Calculating memory bandwidth bounds", "the convolution, the dense layer and LayerNorm"),
        Reading("Kernel fusion", "removing round trips through memory"),
    )
    assumptions = (
        "- Everything here is an upper bound: transfers and arithmetic of a kernel overlap fully, kernels run one "
        "after another without gaps. Launches, scheduling and imperfect kernels only lower it.\n- Peaks are dense. "
        f"The H100's {c.H100_FLOPS_FP16_TENSOR_SPARSE.value / 1e12:,.0f} TFLOP/s need 2:4 sparsity and appear in no "
        f"number.\n- Orin NX: {ORIN.peak / 1e12:.0f} TFLOP/s come from the printed TOPS, which count the GPU and both "
        f"accelerators. The GPU alone has about {ORIN_GPU.value / 1e12:.0f}, and its ridge is then nearer "
        f"{ORIN_GPU.value / ORIN.bandwidth:.0f}; no conclusion changes.\n- Every operand of a kernel crosses the "
        "memory interface once. The chapter's table gives ranges; its notebooks, used here, compute particular "
        "shapes.\n- Weights in 8 and 4 bit carry one 16-bit scale per 128 weights. Arithmetic is FP16 whatever the "
        "storage.\n- Grouped queries also shrink the key and value projections; that is left out, as is the softmax "
        f"of the decoding step.\n- On the robot {(c.ORIN_NX_MEM_CAPACITY.value - MEMORY['edge']) / 1e9:.0f} of "
        f"{c.ORIN_NX_MEM_CAPACITY.value / 1e9:.0f} GB belong to the system and the perception stack."
    )
    constants = (
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_FLOPS_FP16_TENSOR_SPARSE,
        c.H100_FLOPS_INT8_TENSOR,
        c.H100_MEM_BW,
        c.H100_MEM_CAPACITY,
        c.ORIN_NX_FP16_DENSE,
        c.ORIN_NX_INT8_SPARSE,
        c.ORIN_NX_MEM_BW,
        c.ORIN_NX_MEM_CAPACITY,
        c.ORIN_NX_APP_BYTES,
        c.A100_FLOPS_FP16_TENSOR,
        c.A100_MEM_BW,
        ORIN_GPU,
        V100_PEAK,
        V100_BW,
        DASHBOARD,
        REFRESH,
        NEXT_PART,
        FP16,
        FP32,
        BATCH,
        TOKENS,
        c.BERT_WIDTH,
        c.BERT_HEADS,
        DENSE,
        CONV_IN,
        CONV_OUT,
        CONV_SIDE,
        CONV_KERNEL,
        NORM_FLOP,
        SOFTMAX_FLOP,
        MOVED_INTENSITY,
        c.E_DRAM,
        E_SRAM,
        c.PARAMS_7B,
        c.LLAMA2_7B_LAYERS,
        c.LLAMA2_7B_WIDTH,
        c.LLAMA2_7B_KV_HEADS,
        c.LLAMA2_7B_HEAD_DIM,
        c.LLAMA2_7B_FFN,
        c.DECODE_GEMM_BYTES_7B,
        EW_BYTES,
        EW_FLOPS,
        GROUP,
        GROUPED_HEADS,
        *PERPLEXITY.values(),
        CONTEXT_CLOUD,
        CONTEXT_EDGE,
        MFU_TARGET,
        STEP_CLOUD,
        STEP_EDGE,
        RATE_EDGE,
        STREAMS_EDGE,
    )
    reads = (("ch10", "context"), ("ch10", "weight_bits"), ("ch10", "act2_result"))
    decision_radio = Radio(
        "Which lever do you defend before your stakeholder?",
        {
            "increase_batch": "a larger batch",
            "quantize_weights": "quantized weights",
            "shrink_kv": "a smaller KV cache",
            "combined": "a combination",
            "buy_compute": "more arithmetic",
            "buy_bandwidth": "more bandwidth",
        },
    )
    instructor_notes = notes()

    def open(self) -> None:
        origin = self.read("ch10", "context")
        if origin is not None:
            self.start_in("edge" if origin == "mobile" else "cloud", "Lab 10")

    def result(self) -> float:
        return self.act2.outcome.mfu

    def extras(self) -> dict[str, Any]:
        act, outcome = self.act2, self.act2.outcome
        return {
            "batch": act.batch,
            "kv_heads": act.kv_heads,
            "weight_bits": act.weight_bits,
            "kv_bits": act.kv_bits,
            "mbu": outcome.mbu,
            "step_ms": outcome.step_ms,
            "act2_prediction": self.predictions.get("act2"),
            "bound": outcome.bound,
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"kv_heads": 8, "kv_bits": 8, "weight_bits": 8, "fused": True, "batch": 256}
        return {"weight_bits": 4}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"batch": 128} if context == "cloud" else {"batch": 2}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
