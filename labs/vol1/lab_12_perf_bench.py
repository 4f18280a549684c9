"""V1-12 Precise and Wrong.

Act I: a vendor's clock around the model, a customer's clock around the parcel. Act II: a protocol that must rank two
candidates as production does, in a box that heats up at the edge, and on the wrong side of a ridge in the cloud.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider
from components.instruments.benchmark import (
    INSIDE,
    OUTSIDE,
    Claim,
    ClockedRun,
    MachineRoofs,
    Regime,
    StateCurve,
    Step,
    claim_intervals,
    clock_boundary,
    next_steps,
    roofs_compared,
    speedup_curve,
    state_trace,
)
from components.instruments.layers import Plot
from components.instruments.waterfall import Bar, latency_waterfall
from components.metrics import Metric, held
from components.quantity import number, percent, plain
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
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.hardware import Hardware

Array = npt.NDArray[np.float64]

EDGE = Context(
    "edge", "Edge", "edge", f"{Hardware.Edge.JetsonOrinNX.name}: camera and model share memory, one frame at a time."
)
CLOUD = Context(
    "cloud", "Cloud", "cloud", f"{Hardware.Cloud.H100.name}: a service in the same region, many users at once."
)

NOTEBOOK = "Benchmarking, Amdahl notebook"
BREAKDOWN = "Benchmarking, latency-breakdown table"
PRE = scenario("pre_ms", 8, "ms", "decode, resize and normalize one parcel's photograph", NOTEBOOK, "chapter")
INF = scenario("inf_ms", 10, "ms", "the model for one parcel", NOTEBOOK, "chapter")
CLAIMED = scenario("claimed_speedup", 5, "1", "speedup of the inference stage that is claimed", NOTEBOOK, "chapter")
NETWORK = scenario("network_ms", 20, "ms", "network of a request in the same region", f"within {BREAKDOWN}: 10 to 100")
POST = scenario("post_ms", 2, "ms", "postprocessing of that request", f"within {BREAKDOWN}: 0.5 to 10")
SHARE_LOW = scenario("inference_share_low", 0.10, "1", "inference in a production request, from", BREAKDOWN, "chapter")
SHARE_HIGH = scenario("inference_share_high", 0.50, "1", "inference in a production request, to", BREAKDOWN, "chapter")
OTHER_STAGE = scenario(
    "other_stage_ms", 10, "ms", "model stage of the question", "ML Benchmarking Framework", "chapter"
)
OTHER_PATH = scenario("other_path_ms", 50, "ms", "its whole request", "ML Benchmarking Framework", "chapter")
OTHER_SPEEDUP = scenario("other_speedup", 3, "1", "speedup of that stage", "ML Benchmarking Framework", "chapter")

RUNS_LEAST = scenario("runs_least", 5, "1", "least number of runs", "Benchmarking, Result interpretation", "chapter")
RUNS_BETTER = scenario(
    "runs_better", 10, "1", "better number of runs", "Benchmarking, Result interpretation", "chapter"
)
THROTTLE = scenario(
    "throttle",
    0.5,
    "1",
    "sustained over burst rate of candidate X in its enclosure",
    "Benchmarking, Purpose: throttling halves an advertised throughput",
    "chapter",
)
TAU_EDGE = scenario(
    "tau_edge_s",
    120,
    "s",
    "time constant of that heating",
    "tens of grams of heat spreader at a few K/W; minutes on sealed edge modules",
)
COLD = scenario(
    "cold_rate",
    0.5,
    "1",
    "rate of both cloud candidates at first, before compilation and caches",
    "the chapter discards the first 50 runs for this reason",
)
TAU_CLOUD = scenario("tau_cloud_s", 30, "s", "time constant of that warm-up", "compile and cache in a minute or two")
X_MODULE = scenario("x_module_w", 40, "W", "power of candidate X's module in its burst", "hypothetical part")
X_BOX = scenario("x_box_w", 25, "W", "power that the sealed box of candidate X can shed", "hypothetical part")
Y_EDGE = scenario(
    "y_edge_speedup", 3, "1", "stage speedup of candidate Y, 10 W, no throttling", "the chapter's 3 times"
)
X_PEAK = scenario("x_peak", 1978e12, "FLOP/s", "cloud candidate X: twice the arithmetic", "hypothetical part")
Y_BW = scenario(
    "y_bandwidth",
    4.8e12,
    "B/s",
    "cloud candidate Y: memory bandwidth of the H200",
    "NVIDIA H200 data sheet",
    "datasheet",
)
WEIGHTS = scenario("weights_16bit", 2 * c.PARAMS_7B.value, "B", "the 7B model at 16 bit", "2 B a parameter", "derived")
GEMM_BYTES = scenario(
    "gemm_activation_bytes",
    # Inputs and outputs of the four products of a layer: d to 3d, d to d, d to 2 FFN, FFN to d.
    2 * c.LLAMA2_7B_LAYERS.value * (8 * c.LLAMA2_7B_WIDTH.value + 3 * c.LLAMA2_7B_FFN.value),
    "B/token",
    "inputs and outputs of the dense layers, 16 bit",
    "layer shapes of Touvron et al. 2023",
    "derived",
)
BATCH = scenario("batch_production", 16, "1", "batch of the service", "interactive assistant under a latency target")
CACHED = scenario("cached_tokens", 1024, "1", "context of one sequence", "interactive assistant under a latency target")
TOKENS = scenario("output_tokens", 128, "1", "tokens of one answer", "interactive assistant under a latency target")
VENDOR_BATCH = scenario("vendor_batch", 512, "1", "batch of the vendor's matrix benchmark", "the lab's scenario")
HOST = scenario(
    "host_ms", 30, "ms", "network 20, tokenization and postprocessing 10 of a request", f"within the {BREAKDOWN}"
)
CV_CLOUD = scenario("cv_cloud", 0.040, "1", "standard deviation over mean of one window", "shared cloud host")
CV_EDGE = scenario("cv_edge", 0.032, "1", "standard deviation over mean of one window", "dedicated board")
SLOT = scenario("bench_slot_s", 3600, "s", "bench time for each candidate", "one hour each")
TOLERANCE = scenario(
    "gate", 0.05, "1", "largest bias and largest half-width", "below the 5.9 % between the edge candidates"
)
TRACE = scenario(
    "trace_s", 600, "s", "shortest time axis of the state trace", "five time constants of the slower state"
)

ORIGINAL = scenario(
    "accuracy_original", 0.95, "1", "accuracy of the original model", "compressed-model comparison", "chapter"
)
COMPRESSED = scenario(
    "accuracy_compressed", 0.94, "1", "accuracy of the compressed model", "compressed-model comparison", "chapter"
)
IMAGES = scenario("test_images", 1000, "image", "images of the test set", "compressed-model comparison", "chapter")
POINT = scenario("one_point", 0.01, "1", "one percentage point of accuracy", "definition", "definition")

Z = c.Z95.value
MS = 1e-3
NETWORK_ID, PRE_ID, INF_ID, POST_ID = "network", "preprocessing", "inference", "postprocessing"
#: The model's colour is the same in both acts.
STAGE_TOKENS = ("series-5", OUTSIDE, INSIDE, "series-6")
FACTORS = np.geomspace(1, 100, 121)
#: Progress through a session, dense at its start, where the state changes fastest.
PROGRESS = np.linspace(0, 1, 241) ** 2


def times(ratio: float, digits: int = 2) -> str:
    """A ratio in running text: 1.80 times."""
    return f"{ratio:.{digits}f} times"


def signed(fraction: float) -> str:
    """A bias: +9.8 %, +214 %, −0.04 %; what rounds to nothing has no sign."""
    size = error(abs(fraction))
    return size if size == error(0.0) else f"{'+' if fraction > 0 else '−'}{size}"


def error(fraction: float) -> str:
    """The size of a bias, with the decimals that it deserves: 214 %, 9.8 %, 0.04 %."""
    return percent(fraction, 0 if fraction >= 1 else 1 if fraction >= 1e-3 else 2)


# --- Act I ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PathOutcome:
    """A request before and after its inference stage got faster (ms); ratios otherwise."""

    before_ms: float
    after_ms: float
    end_to_end_speedup: float
    ceiling: float
    inference_fraction: float
    next_gain_preprocess: float
    next_gain_inference: float
    stages_ms: dict[str, float]
    curve: Array


class TwoClocks(Act):
    """Act I: what a five times faster model does for a parcel."""

    title = "3.6 milliseconds, says the plan"
    minutes = 12

    inference_speedup = slider(
        "Inference speedup",
        1,
        100,
        1,
        int(CLAIMED.value),
        unit="×",
        reason="today to very fast hardware, for which 100 stands",
    )
    preprocess_ms = slider(
        "Preprocessing", 1, 50, 1, int(PRE.value), unit="ms", reason="the chapter's range of preprocessing, 1 to 50 ms"
    )
    inference_ms = slider(
        "Inference, before",
        5,
        100,
        1,
        int(INF.value),
        unit="ms",
        reason="small to large vision models on today's device",
    )
    network_ms = slider(
        "Network",
        0,
        100,
        5,
        int(NETWORK.value),
        unit="ms",
        only_in=("cloud",),
        reason="the chapter's range of a network, up to 100 ms; 0 is a camera on the board",
    )
    postprocess_ms = slider(
        "Postprocessing",
        0,
        10,
        0.5,
        0,
        unit="ms",
        per_context={"cloud": {"default": POST.value}},
        reason="the chapter's range of postprocessing, up to 10 ms",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        inference_speedup: float,
        preprocess_ms: float,
        inference_ms: float,
        postprocess_ms: float,
        network_ms: float = 0,
    ) -> PathOutcome:
        stages = {NETWORK_ID: network_ms, PRE_ID: preprocess_ms, INF_ID: inference_ms, POST_ID: postprocess_ms}
        before = float(sum(stages.values()))
        share = inference_ms / before
        faster = inference_ms / inference_speedup
        after = before - inference_ms + faster
        return PathOutcome(
            before_ms=before,
            after_ms=after,
            end_to_end_speedup=physics.amdahl_speedup(share, inference_speedup),
            ceiling=physics.amdahl_ceiling(share),
            inference_fraction=share,
            next_gain_preprocess=physics.amdahl_speedup(preprocess_ms / after, 2),
            next_gain_inference=physics.amdahl_speedup(faster / after, 2),
            stages_ms=stages,
            curve=physics.amdahl_speedup(share, FACTORS),
        )

    @classmethod
    def case(cls, context: str = "edge") -> PathOutcome:
        """The defaults of a context; on the edge that is the case of the question."""
        network, post = (NETWORK.value, POST.value) if context == "cloud" else (0, 0)
        return cls.compute(
            context,
            inference_speedup=CLAIMED.value,
            preprocess_ms=PRE.value,
            inference_ms=INF.value,
            network_ms=network,
            postprocess_ms=post,
        )

    def message(self) -> Message:
        asked = self.case()
        planned = asked.before_ms / CLAIMED.value
        return Message(
            "Vision lead, a parcel-sorting operator",
            f"Our cameras need **{asked.before_ms:g} ms** per parcel, one step after the other: {PRE.value:g} ms to "
            f"decode and resize, {INF.value:g} ms for the model. The accelerator vendor shows **five times faster "
            f"inference**, and my plan already says {planned:g} ms per parcel and five times the belt speed. What do "
            "we actually get?",
        )

    def from_ledger(self) -> str:
        said = []
        mfu = self.lab.read("ch11", "act2_result")
        if mfu is not None:
            said.append(
                f"In Lab 11 your design claims **{percent(mfu)} MFU**: an upper bound until somebody measures it."
            )
        tax = self.lab.read("ch04", "feeding_tax")
        if tax is not None:
            said.append(
                f"In Lab 04 your accelerator lost **{percent(tax)}** of its time waiting for data. That wait is "
                "another stage that a clock around the model leaves out."
            )
        return " ".join(said)

    def concept(self) -> str:
        text = (
            "A speedup is a ratio of two times, and somebody chose where the clock starts and stops. The vendor put "
            "the clock around the model; your parcel is timed from photograph to decision. The waterfall shows the "
            "stages that each clock contains. The belt carries one parcel at a time, so the stages add."
        )
        if self.context == "cloud":
            text += (
                f" In *Cloud* the same model answers as a service: {NETWORK.value:g} ms of network in front of it, "
                f"{POST.value:g} ms of postprocessing behind."
            )
        return text

    def prediction(self) -> ChoicePrediction:
        asked, cloud = self.case(), self.case("cloud")
        share, gain = asked.inference_fraction, asked.end_to_end_speedup
        return ChoicePrediction(
            f"Inference becomes {CLAIMED.value:g} times faster. How much faster is the whole path of "
            f"{asked.before_ms:g} ms?",
            (
                Option(
                    "A",
                    "5.0 times",
                    value=5.0,
                    feedback=(
                        f"{times(CLAIMED.value / gain)} too high: {CLAIMED.value:g} times is the speedup of "
                        f"{percent(share, 0)} of the path. The other {PRE.value:g} ms take as long as before."
                    ),
                ),
                Option(
                    "B",
                    "3.0 times",
                    value=3.0,
                    feedback=(
                        f"{times(3 / gain)} too high: times add, speedups do not. The middle of 1 and "
                        f"{CLAIMED.value:g} is the answer only where both stages take equally long *afterwards*; here "
                        f"{PRE.value:g} ms stand beside {INF.value / CLAIMED.value:g}."
                    ),
                ),
                Option(
                    "C",
                    "1.8 times",
                    value=1.8,
                    correct=True,
                    feedback=f"{PRE.value:g} ms stay, {INF.value:g} ms become {INF.value / CLAIMED.value:g}.",
                ),
                Option(
                    "D",
                    "1.1 times",
                    value=1.1,
                    feedback=(
                        f"{times(gain / 1.1)} too low: more than half of the path, {percent(share, 0)}, did get faster."
                    ),
                ),
            ),
            actual=gain,
            form=times,
            why=(
                f"The path goes from {asked.before_ms:g} to {asked.after_ms:g} ms, and even infinitely fast hardware "
                f"stops at {times(asked.ceiling)}. Switch to *Cloud*: the same accelerator gives "
                f"{times(cloud.end_to_end_speedup)} with a ceiling of {times(cloud.ceiling)}, because inference is "
                f"{percent(cloud.inference_fraction, 0)} of what the user waits for. After this purchase, halving "
                f"preprocessing gains {times(asked.next_gain_preprocess)}, halving inference again "
                f"{times(asked.next_gain_inference)}."
            ),
        )

    def plots(self, outcome: PathOutcome) -> dict[str, Any]:
        factor = self.inference_speedup
        rest = outcome.before_ms - outcome.stages_ms[INF_ID]
        predicted = self.predicted() if self.context == "edge" else None

        def bar(name: str, speedup: float) -> Bar:
            stages = {**outcome.stages_ms, INF_ID: outcome.stages_ms[INF_ID] / speedup}
            return Bar(name, {stage: ms * MS for stage, ms in stages.items()})

        bars = [
            bar("before", 1),
            bar(f"now: {factor:g}×", factor),
            *(bar(f"{k}×", k) for k in (2, 5, 10)),
            bar("∞", math.inf),
        ]
        names = {"preprocessing": outcome.next_gain_preprocess, "inference": outcome.next_gain_inference}
        best = max(names, key=lambda name: names[name])
        return {
            "waterfall": latency_waterfall(
                bars,
                title="One request, stage by stage, as inference gets faster",
                row=44,
                high=1.45 * outcome.before_ms,
                tokens=STAGE_TOKENS,
                caption=(
                    f"{number(outcome.before_ms)} ms become {number(outcome.after_ms)} ms. The vendor's clock contains "
                    f"the inference stage alone; with none of it left, {number(rest)} ms remain."
                ),
            ),
            "curve": speedup_curve(
                FACTORS,
                outcome.curve,
                ceiling=outcome.ceiling,
                here=(factor, outcome.end_to_end_speedup),
                predicted=None if predicted is None else (CLAIMED.value, predicted),
                part="inference stage",
                title="What the path makes of it",
                caption=(
                    f"Inference is {percent(outcome.inference_fraction, 0)} of the path. A factor of {factor:g} there "
                    f"is one of {outcome.end_to_end_speedup:.2f} here, and no hardware goes beyond "
                    f"{times(outcome.ceiling)}."
                ),
            ),
            "next": next_steps(
                [Step(f"halve\n{name}", gain) for name, gain in names.items()],
                title="What next?",
                caption=(
                    f"After the purchase the better next step is {best}: another {times(names[best], 3)}, against "
                    f"{times(min(names.values()), 3)} for the other stage."
                ),
            ),
        }

    def metrics(self, outcome: PathOutcome) -> list[Metric]:
        return [
            Metric("Path", number(outcome.after_ms, 4), "ms", note=f"before: {number(outcome.before_ms, 4)} ms"),
            Metric("End-to-end speedup", f"{outcome.end_to_end_speedup:.3f}", "×"),
            Metric("Ceiling", f"{outcome.ceiling:.3f}", "×", note="inference in no time"),
            Metric("Inference, share of the path", f"{100 * outcome.inference_fraction:.1f}", "%"),
            Metric("Next: halve preprocessing", f"{outcome.next_gain_preprocess:.3f}", "×"),
            Metric("Next: halve inference again", f"{outcome.next_gain_inference:.3f}", "×"),
        ]

    def reflection(self) -> Question:
        share = OTHER_STAGE.value / OTHER_PATH.value
        gain = physics.amdahl_speedup(share, OTHER_SPEEDUP.value)

        def needed(speedup: float) -> str:
            """Share of the path that the stage would need for this end-to-end speedup."""
            return percent((1 - 1 / speedup) / (1 - 1 / OTHER_SPEEDUP.value), 0)

        return Question(
            f"A model stage of {OTHER_STAGE.value:g} ms inside a {OTHER_PATH.value:g} ms request is made "
            f"{OTHER_SPEEDUP.value:g} times faster. End to end?",
            (
                Option(
                    "A",
                    "3.0 times",
                    f"That is the stage, {percent(share, 0)} of the request.",
                    value=3.0,
                ),
                Option(
                    "B",
                    "2.0 times",
                    f"For that, inference would have to be {needed(2)} of the request. It is {percent(share, 0)}.",
                    value=2.0,
                ),
                Option(
                    "C",
                    "1.5 times",
                    f"For that, inference would have to be {needed(1.5)} of the request. It is {percent(share, 0)}.",
                    value=1.5,
                ),
                Option(
                    "D",
                    "1.15 times",
                    f"{OTHER_PATH.value:g} ms become {OTHER_PATH.value / gain:.1f}: {times(gain)}, and "
                    f"{times(physics.amdahl_ceiling(share))} at most.",
                    value=1.15,
                    correct=True,
                ),
            ),
        )

    def peek(self) -> Peek:
        asked = self.case()
        return Peek(
            ("amdahl_speedup", "amdahl_ceiling"),
            f"The share is $p = T_{{inf}}/T_{{total}}$ *before* the change. For the path of {asked.before_ms:g} ms "
            f"$p$ is {asked.inference_fraction:.3f} and the limit {asked.before_ms:g}/{PRE.value:g} = "
            f"{asked.ceiling:.2f}.",
        )


# --- Act II ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """What a context measures with: time constant (s), starting amplitude of each candidate, scatter of a window."""

    tau_s: float
    amplitude_x: float
    amplitude_y: float
    cv: float


BENCHES = {
    "edge": Bench(TAU_EDGE.value, 1 / THROTTLE.value - 1, 0.0, CV_EDGE.value),
    "cloud": Bench(TAU_CLOUD.value, COLD.value - 1, COLD.value - 1, CV_CLOUD.value),
}
PEAK, BANDWIDTH = c.H100_FLOPS_FP16_TENSOR.value, c.H100_MEM_BW.value
#: Peak rate and bandwidth of today's card and of the two candidates in the cloud.
CARDS = {"today": (PEAK, BANDWIDTH), "X": (X_PEAK.value, BANDWIDTH), "Y": (PEAK, Y_BW.value)}
BATCHES = tuple(2**k for k in range(10))
WORKLOADS = {"gemm": "matrix benchmark", "production": "production trace"}
BOUNDARIES = {"kernel": "the model alone", "end_to_end": "the whole request"}


@dataclass(frozen=True)
class Steady:
    """Hot machines: stage speedups of X and Y, and the share of the stage in today's request."""

    x: float
    y: float
    share: float


@cache
def steady(context: str, workload: str, batch: int) -> Steady:
    """The stage and its share under a workload; on the edge the vendors' measurements, in the cloud a roofline."""
    if context == "edge":
        return Steady(CLAIMED.value * THROTTLE.value, Y_EDGE.value, INF.value / (PRE.value + INF.value))
    cached = CACHED.value if workload == "production" else 0
    step = {
        name: physics.decode_step_time(
            batch, cached, c.PARAMS_7B.value, WEIGHTS.value, GEMM_BYTES.value, c.KV_TOKEN_7B.value, peak, bandwidth
        )
        for name, (peak, bandwidth) in CARDS.items()
    }
    model = TOKENS.value * step["today"]
    return Steady(step["today"] / step["X"], step["today"] / step["Y"], model / (model + HOST.value * MS))


@cache
def dense_layers(batch: int) -> tuple[float, dict[str, float]]:
    """Intensity of the dense layers at a batch (FLOP/B), and what each card attains there (FLOP/s)."""
    intensity = physics.arithmetic_intensity(2 * c.PARAMS_7B.value * batch, WEIGHTS.value + GEMM_BYTES.value * batch)
    return intensity, {name: physics.roofline_attainable(intensity, *card) for name, card in CARDS.items()}


def first_of(x: float, y: float) -> str:
    """Name of the candidate with the larger speedup; empty for a tie."""
    return "" if x == y else "X" if x > y else "Y"


@dataclass(frozen=True)
class ProtocolOutcome:
    """What a protocol reports of both candidates, what production gives, and the gates.

    Speedups are ratios to today's machine, bias, half-width and separation fractions. `rate_x` and `rate_y` are rates
    over steady rate at `time_s`, `factor_x` and `factor_y` their means over the measured windows.
    """

    measured_x: float
    true_x: float
    bias_x: float
    measured_y: float
    true_y: float
    bias_y: float
    half_width: float
    session_s: float
    separation: float
    rank_ok: bool
    resolved: bool
    precisely_wrong: bool
    bias_ok: bool
    precision_ok: bool
    slot_ok: bool
    oom: bool
    feasible: bool
    hot: Steady
    serial_fraction: float
    memory_bytes: float
    factor_x: float
    factor_y: float
    time_s: Array
    rate_x: Array
    rate_y: Array

    @property
    def bias(self) -> float:
        """The larger error of the two candidates, without its sign."""
        return max(abs(self.bias_x), abs(self.bias_y))

    @property
    def measured_first(self) -> str:
        """The candidate that the protocol puts first."""
        return first_of(self.measured_x, self.measured_y)

    @property
    def true_first(self) -> str:
        """The candidate that production puts first."""
        return first_of(self.true_x, self.true_y)


class Protocol(Act):
    """Act II: a measurement plan that has to survive production."""

    title = "One hour on the bench"
    minutes = 25

    workload = choice(
        "Workload",
        WORKLOADS,
        "gemm",
        only_in=("cloud",),
        reason="the vendor's synthetic benchmark against a trace of your service; a camera has one workload",
    )
    batch = choice(
        "Batch",
        {size: str(size) for size in BATCHES},
        int(VENDOR_BATCH.value),
        widget="select",
        unit="sequences",
        only_in=("cloud",),
        reason="512 is the vendor's; on the edge one frame comes at a time",
    )
    boundary = choice("The clock is around", BOUNDARIES, "kernel", reason="where the clock starts and stops")
    warmup_s = slider(
        "Warm-up discarded", 0, 600, 30, 0, unit="s", reason="none to five time constants of the slower state"
    )
    window_s = slider("Length of a window", 10, 300, 10, 10, unit="s", reason="the demo's ten seconds to minutes")
    windows = slider("Windows", 3, 30, 1, 3, unit="windows", reason="below and above the recommended number of runs")

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        boundary: str,
        warmup_s: float,
        window_s: float,
        windows: float,
        workload: str = "production",
        batch: int = 1,
    ) -> ProtocolOutcome:
        bench, hot = BENCHES[context], steady(context, workload, batch)
        production = steady(context, "production", int(BATCH.value) if context == "cloud" else 1)
        measuring = windows * window_s
        factor_x, factor_y = (
            physics.transient_mean_factor(amplitude, bench.tau_s, warmup_s, measuring)
            for amplitude in (bench.amplitude_x, bench.amplitude_y)
        )
        stages = hot.x * factor_x, hot.y * factor_y
        x, y = stages if boundary == "kernel" else (physics.amdahl_speedup(hot.share, stage) for stage in stages)
        true_x, true_y = (physics.amdahl_speedup(production.share, stage) for stage in (production.x, production.y))
        bias_x, bias_y = x / true_x - 1, y / true_y - 1
        largest = max(abs(bias_x), abs(bias_y))
        half = physics.relative_half_width(bench.cv, windows, Z)
        session = warmup_s + measuring
        separation = abs(y - x) / max(x, y)
        served = context == "cloud" and workload == "production"
        memory = WEIGHTS.value + (batch * CACHED.value * c.KV_TOKEN_7B.value if served else 0.0)
        oom = served and not at_most(memory, c.H100_MEM_CAPACITY.value)
        rank_ok = first_of(x, y) == first_of(true_x, true_y) != ""
        resolved = not at_most(separation, half)
        precisely_wrong = not at_most(largest, half)
        bias_ok, precision_ok = at_most(largest, TOLERANCE.value), at_most(half, TOLERANCE.value)
        slot_ok = at_most(session, SLOT.value)
        time_s = max(TRACE.value, session) * PROGRESS
        return ProtocolOutcome(
            measured_x=x,
            true_x=true_x,
            bias_x=bias_x,
            measured_y=y,
            true_y=true_y,
            bias_y=bias_y,
            half_width=half,
            session_s=session,
            separation=separation,
            rank_ok=rank_ok,
            resolved=resolved,
            precisely_wrong=precisely_wrong,
            bias_ok=bias_ok,
            precision_ok=precision_ok,
            slot_ok=slot_ok,
            oom=oom,
            feasible=rank_ok and resolved and bias_ok and precision_ok and slot_ok and not (precisely_wrong or oom),
            hot=hot,
            serial_fraction=1 - production.share,
            memory_bytes=memory,
            factor_x=factor_x,
            factor_y=factor_y,
            time_s=time_s,
            rate_x=physics.transient_rate_factor(bench.amplitude_x, bench.tau_s, time_s),
            rate_y=physics.transient_rate_factor(bench.amplitude_y, bench.tau_s, time_s),
        )

    @classmethod
    def production(cls, context: str) -> ProtocolOutcome:
        """Any protocol of a context, for its true values."""
        workload, batch = ("production", int(BATCH.value)) if context == "cloud" else ("production", 1)
        return cls.compute(
            context, boundary="end_to_end", warmup_s=0, window_s=10, windows=3, workload=workload, batch=batch
        )

    def message(self) -> Message:
        if self.context == "edge":
            return Message(
                "Procurement, the parcel operator",
                f"Candidate X shows **{CLAIMED.value:g} times** in a ten-second demo, candidate Y **{Y_EDGE.value:g} "
                f"times**. Cameras run all day in sealed boxes: X is a {X_MODULE.value:g} W module in a box that "
                f"sheds {X_BOX.value:g} W. One hour of bench time for each; I need the real end-to-end speedup within "
                "**five percent**, and the right order.",
            )
        vendor = steady("cloud", "gemm", int(VENDOR_BATCH.value))
        return Message(
            "Capacity planning, an assistant service",
            f"X has **{X_PEAK.value / PEAK:g} times** the TFLOP/s of our card, Y has **{Y_BW.value / BANDWIDTH:.2f} "
            f"times** its memory bandwidth. The vendor's matrix benchmark at batch {VENDOR_BATCH.value:g} puts X "
            f"first by **{percent(vendor.x / vendor.y - 1, 0)}**. We serve batch {BATCH.value:g}. Which one, and how "
            "sure are you?",
        )

    def concept(self) -> str:
        if self.context == "edge":
            given = (
                f"Given: today's parcel takes {PRE.value:g} + {INF.value:g} ms. A board heats up with a time constant "
                f"of {TAU_EDGE.value:g} s; single windows scatter by {percent(CV_EDGE.value)}."
            )
        else:
            given = (
                f"Given: a 7B decoder, contexts of {CACHED.value:,.0f} tokens, answers of {TOKENS.value:g}, and "
                f"{HOST.value:g} ms per request outside the card. Both candidates start cold, at half speed, and warm "
                f"up with a time constant of {TAU_CLOUD.value:g} s; single windows scatter by "
                f"{percent(CV_CLOUD.value)}."
            )
        return (
            "You now write the **protocol**. Four choices decide what the number means:\n\n"
            "- *workload and batch*: which roof is tested,\n"
            "- *boundary*: what is inside the clock,\n"
            "- *warm-up*: in which state the machine is,\n"
            "- *repetitions*: how wide the interval is.\n\n"
            f"Only the last one shrinks the interval. {given}"
        )

    def prediction(self) -> NumberPrediction:
        truth = self.production("edge")
        path = PRE.value + INF.value
        hot = CLAIMED.value * THROTTLE.value
        share = INF.value / path
        cool = physics.amdahl_speedup(share, CLAIMED.value)

        def feedback(ratio: float) -> str:
            if self.prediction().correct(ratio):
                return f"You kept both conditions: {path:g} ms over {PRE.value:g} + {INF.value / hot:g}."
            if ratio < truth.true_x:
                return (
                    f"Heat and boundary take much, but not that much: hot, the stage still takes {INF.value / hot:g} "
                    f"ms in place of {INF.value:g}."
                )
            if ratio < 0.5 * (cool + hot):
                return f"{times(cool)} forgets the heat: it is what the first seconds give to the whole path."
            if ratio < 0.5 * (hot + CLAIMED.value):
                return (
                    f"{times(hot)} forgets the boundary: it is the hot model alone, and {PRE.value:g} ms of every "
                    "parcel are outside of it."
                )
            return f"{times(CLAIMED.value)} is the headline: the model alone, in its first seconds."

        return NumberPrediction(
            f"Edge, candidate X: the {INF.value:g} ms inference stage runs {CLAIMED.value:g} times faster in the demo, "
            f"half of that once the box is hot; {PRE.value:g} ms of preprocessing stay. End-to-end speedup after an "
            "hour?",
            low=1.0,
            high=5.0,
            step=0.1,
            unit="×",
            actual=truth.true_x,
            tolerance=0.1,
            absolute=True,
            feedback=feedback,
            digits=".2f",
            why=(
                f"Stage {CLAIMED.value:.1f} → heat {hot:.1f} → boundary {truth.true_x:.1f}: each step was a condition "
                f"of the measurement that the headline left out. Candidate Y, {Y_EDGE.value:g} times at most, wins "
                f"with {times(truth.true_y)}."
            ),
        )

    def challenge(self) -> str:
        return (
            "Write a protocol that turns **every gate green, once in each context**: production's order, with a "
            f"difference that the interval resolves; a bias of at most {percent(TOLERANCE.value, 0)} that the interval "
            f"covers; a half-width of at most {percent(TOLERANCE.value, 0)}; a session of at most {SLOT.value:,.0f} s. "
            "Then break it on purpose: who gets the most wrong answer with the narrowest interval?"
        )

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint("Right order, resolved", lambda o: o.rank_ok and o.resolved and not o.oom),
            Constraint(
                f"Bias ≤ {percent(TOLERANCE.value, 0)} and ≤ half-width", lambda o: o.bias_ok and not o.precisely_wrong
            ),
            Constraint(f"Half-width ≤ {percent(TOLERANCE.value, 0)}", lambda o: o.precision_ok),
            Constraint(f"Session ≤ {SLOT.value:,.0f} s", lambda o: o.slot_ok),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure(
                "out_of_memory",
                "OUT OF MEMORY:",
                when=lambda o: o.oom,
                text=lambda o: (
                    f"weights {WEIGHTS.value / 1e9:g} GB + cache {(o.memory_bytes - WEIGHTS.value) / 1e9:.1f} GB = "
                    f"{o.memory_bytes / 1e9:.1f} GB, the card has {c.H100_MEM_CAPACITY.value / 1e9:g}. Nothing was "
                    "measured."
                ),
            ),
            Failure(
                "precise_and_wrong",
                "PRECISE AND WRONG:",
                when=lambda o: o.precisely_wrong and not o.oom,
                text=lambda o: (
                    f"a bias of {error(o.bias)} with an interval of ± {percent(o.half_width)}: the error is larger "
                    "than its bar. Making the bar narrower will not help."
                ),
            ),
            Failure(
                "wrong_order",
                "WRONG ORDER:",
                when=lambda o: not o.rank_ok and not o.oom,
                text=lambda o: (
                    f"your protocol ranks {o.measured_first or 'neither'} first "
                    f"({o.measured_x:.2f} against {o.measured_y:.2f}); production ranks {o.true_first} first "
                    f"({o.true_x:.2f} against {o.true_y:.2f})."
                ),
            ),
            Failure(
                "unresolved",
                "UNRESOLVED:",
                when=lambda o: not o.resolved and not o.oom,
                text=lambda o: (
                    f"the candidates differ by {percent(o.separation)}, your interval is ± {percent(o.half_width)}."
                ),
                severity="warn",
            ),
            Failure(
                "slot_exceeded",
                "SLOT EXCEEDED:",
                when=lambda o: not o.slot_ok,
                text=lambda o: f"{o.session_s:,.0f} s of {SLOT.value:,.0f}.",
                severity="warn",
            ),
        )

    def plots(self, outcome: ProtocolOutcome) -> dict[str, Plot]:
        return {
            "claims": self._claims(outcome),
            "clock" if self.context == "edge" else "roofs": (
                self._clock(outcome) if self.context == "edge" else self._roofs()
            ),
            "state": self._state(outcome),
        }

    def _claims(self, o: ProtocolOutcome) -> Plot:
        predicted = self.predicted() if self.context == "edge" else None
        if o.oom:
            caption = "The trace does not fit into the card's memory: nothing was measured."
        else:
            order = (
                f"Your protocol and production both put {o.true_first} first."
                if o.rank_ok
                else f"Your protocol puts {o.measured_first or 'neither'} first, production {o.true_first}."
            )
            caption = (
                f"{order} The larger bias is {error(o.bias)}, the interval ± {percent(o.half_width)}: more windows "
                "shrink the bar, and leave the dotted line as it is."
            )
        rows = (("X", o.measured_x, o.true_x), ("Y", o.measured_y, o.true_y))
        return claim_intervals(
            [Claim(name, math.nan if o.oom else measured, o.half_width, truth) for name, measured, truth in rows],
            predicted=None if predicted is None else (0, predicted),
            quantity="speedup over today (×)",
            low=0.45,
            high=5.6,
            title="What the protocol claims, and what production gives",
            caption=caption,
        )

    def _clock(self, o: ProtocolOutcome) -> Plot:
        def run(name: str, speedup: float) -> ClockedRun:
            return ClockedRun(name, PRE.value * MS, INF.value * MS / speedup)

        whole = self.boundary == "end_to_end"
        around = (
            f"The clock is around the whole parcel: {PRE.value:g} ms of preprocessing count."
            if whole
            else f"The clock is around the model: {PRE.value:g} ms of every parcel are outside of it."
        )
        return clock_boundary(
            [
                run("today", 1),
                run("X, first second", CLAIMED.value),
                run("X, measured", o.hot.x * o.factor_x),
                run("X, hot", o.hot.x),
                run("Y", o.hot.y),
            ],
            boundary="end_to_end" if whole else "kernel",
            parts=(PRE_ID, INF_ID),
            title="Where the clock starts and stops",
            caption=f"{around} Stage speedups are the vendors' measurements.",
        )

    def _roofs(self) -> Plot:
        production = int(BATCH.value)
        here, there = dense_layers(self.batch), dense_layers(production)

        def seen(rates: dict[str, float]) -> str:
            return " and ".join(f"{name} {rates[name] / rates['today']:.2f} times" for name in ("X", "Y"))

        tera = 1e12
        return roofs_compared(
            [
                MachineRoofs(
                    "today",
                    *CARDS["today"],
                    f"{PEAK / tera:,.0f} TFLOP/s",
                    f"{BANDWIDTH / tera:g} TB/s",
                    "series-6",
                    width=6,
                    above=False,
                ),
                MachineRoofs("X", *CARDS["X"], f"{X_PEAK.value / tera:,.0f} TFLOP/s", "", "data"),
                MachineRoofs("Y", *CARDS["Y"], "", f"{Y_BW.value / tera:g} TB/s", "series-3", dash="dashed"),
            ],
            [
                Regime(f"benchmark\nbatch {self.batch}", here[0], tuple(here[1].values()), "ink"),
                Regime(f"production\nbatch {production}", there[0], tuple(there[1].values()), "met-ink"),
            ],
            intensities=(0.5, 1e4),
            rates=(1e12, 6e15),
            title="Which roof does the benchmark test?",
            caption=(
                f"Dense layers at batch {self.batch}: {number(here[0])} FLOP/B, where {seen(here[1])} today's rate is "
                f"attainable. At production's batch of {production}: {number(there[0])} FLOP/B, {seen(there[1])}."
            ),
        )

    def _state(self, o: ProtocolOutcome) -> Plot:
        bench = BENCHES[self.context]
        edge = self.context == "edge"
        start = 1 + bench.amplitude_x
        behaviour = (
            f"X starts at {start:g} times its steady rate and throttles"
            if edge
            else f"Both candidates start at {percent(start, 0)} of their steady rate and warm up"
        )
        return state_trace(
            o.time_s,
            [
                StateCurve("X" if edge else "X and Y", o.rate_x, o.factor_x, "data"),
                StateCurve("Y" if edge else "", o.rate_y, o.factor_y, "series-3"),
            ],
            discard_s=self.warmup_s,
            window_s=self.window_s,
            windows=int(self.windows),
            slot_s=SLOT.value,
            title="In which state the machine is measured",
            caption=(
                f"{behaviour} with a time constant of {bench.tau_s:g} s. After {self.warmup_s:,.0f} s of warm-up, "
                f"{self.windows:g} windows of {self.window_s:g} s read {o.factor_x:.3f} times the steady rate."
            ),
        )

    def metrics(self, outcome: ProtocolOutcome) -> list[Metric]:
        o, cv = outcome, BENCHES[self.context].cv
        needed = math.ceil(physics.runs_for_half_width(cv, TOLERANCE.value, Z) - 1e-9)

        def measured(name: str, value: float, truth: float) -> Metric:
            return Metric(f"Measured, {name}", "–" if o.oom else f"{value:.3f}", "×", note=f"production {truth:.3f}")

        def bias(name: str, value: float) -> Metric:
            status = held(at_most(abs(value), min(TOLERANCE.value, o.half_width)) and not o.oom)
            return Metric(f"Bias, {name}", "–" if o.oom else signed(value).removesuffix(" %"), "%", status=status)

        return [
            measured("X", o.measured_x, o.true_x),
            measured("Y", o.measured_y, o.true_y),
            bias("X", o.bias_x),
            bias("Y", o.bias_y),
            Metric(
                "Half-width, 95 %",
                f"± {100 * o.half_width:.1f}",
                "%",
                note=f"{percent(TOLERANCE.value, 0)} takes {needed} windows",
                status=held(o.precision_ok),
            ),
            Metric(
                "X and Y differ by",
                "–" if o.oom else f"{100 * o.separation:.1f}",
                "%",
                note="must exceed the half-width",
                status=held(o.resolved and not o.oom),
            ),
        ]

    def tables(self, outcome: ProtocolOutcome) -> list[Table]:
        o = outcome
        gate = percent(TOLERANCE.value, 0)

        def row(name: str, value: str, limit: str, holds: bool) -> tuple[str, ...]:
            return (name, value, limit, "✓ yes" if holds else "✗ no")

        def shown(text: str) -> str:
            return "–" if o.oom else text

        rows = [
            row("ranked first", shown(o.measured_first or "neither"), o.true_first, o.rank_ok and not o.oom),
            row("difference", shown(percent(o.separation)), "> half-width", o.resolved and not o.oom),
            row(
                "bias of X",
                shown(signed(o.bias_x)),
                f"± {gate}",
                at_most(abs(o.bias_x), TOLERANCE.value) and not o.oom,
            ),
            row(
                "bias of Y",
                shown(signed(o.bias_y)),
                f"± {gate}",
                at_most(abs(o.bias_y), TOLERANCE.value) and not o.oom,
            ),
            row("larger bias", shown(error(o.bias)), "≤ half-width", not (o.precisely_wrong or o.oom)),
            row("half-width", percent(o.half_width), f"≤ {gate}", o.precision_ok),
            row("session", f"{o.session_s:,.0f} s", f"≤ {SLOT.value:,.0f} s", o.slot_ok),
        ]
        if self.context == "cloud":
            capacity = c.H100_MEM_CAPACITY.value / 1e9
            rows.append(row("memory", f"{o.memory_bytes / 1e9:.1f} GB", f"≤ {capacity:g} GB", not o.oom))
        enough = self.windows >= RUNS_LEAST.value
        rows.append(
            (
                "windows, advice",
                plain(self.windows),
                f"≥ {RUNS_LEAST.value:g}, better {RUNS_BETTER.value:g}",
                "✓ yes" if enough else "few",
            )
        )
        return [Table("Protocol ledger", ("Gate", "Value", "Limit", "Met"), tuple(rows))]

    def reflection(self) -> Question:
        half = physics.gap_half_width(ORIGINAL.value, IMAGES.value, COMPRESSED.value, IMAGES.value, Z)
        enough = physics.proportion_sample_size(ORIGINAL.value, POINT.value, Z)
        points = 100 * (ORIGINAL.value - COMPRESSED.value)
        return Question(
            f"A compressed model scores {percent(COMPRESSED.value, 0)} and the original {percent(ORIGINAL.value, 0)} "
            f"on the same {IMAGES.value:,.0f} test images. Is the loss real?",
            (
                Option(
                    "A",
                    "Yes: one point is one point",
                    f"The 95 % interval of the difference is ± {100 * half:.1f} points, twice the difference itself.",
                ),
                Option(
                    "B",
                    "It cannot be told from these data: the difference is inside the noise",
                    f"A loss of {points:.0f} point against a half-width of {half:.4f} for independent sets. A paired "
                    "test on the images on which the two models disagree may resolve more.",
                    correct=True,
                ),
                Option(
                    "C",
                    "No: models that differ by less than 2 % are always equivalent",
                    "Absence of evidence is no evidence of absence: "
                    f"{math.ceil(enough):,} images would pin one of the accuracies to a point.",
                ),
                Option(
                    "D",
                    "Yes, because both used the same images",
                    "Pairing helps only if the disagreements are counted, and the two scores do not tell them.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "relative_half_width",
                "runs_for_half_width",
                "transient_rate_factor",
                "transient_mean_factor",
                "decode_step_time",
                "roofline_attainable",
                "gap_half_width",
                "proportion_sample_size",
            ),
            "The bias does not contain $n$ except through $M$, the number of windows times their length. Boundary and "
            "workload enter through $p$ and $s$ of Amdahl's law, and no number of windows changes either.",
        )


class BenchmarkLab(Lab):
    """A benchmark predicts production only with its boundary, its regime and its state."""

    volume, number, slug = 1, 12, "lab_12_perf_bench"
    title = "Precise and Wrong"
    question = "What did the benchmark leave out, and would a narrower interval tell you?"
    chapter = "Benchmarking"
    invariant = (
        "A speedup is a statement about a boundary, a workload and a state. Statistics comes after these three, not "
        "instead of them."
    )
    contexts = (EDGE, CLOUD)
    acts = (TwoClocks, Protocol)
    briefing = (
        "A benchmark is not a number with an error bar that more repetitions make true. A component's speedup is not "
        "the system's: what was not accelerated sets a ceiling. And precision is not validity: repeating the wrong "
        "measurement shrinks the interval around the wrong value. In Act I a vendor's clock and yours time different "
        "things; in Act II you write the protocol that decides between two candidates."
    )
    reading = (
        Reading(
            "Benchmarking, ML Benchmarking Framework",
            "benchmarks as proxies; end-to-end and component metrics; the gap from peak to sustained",
        ),
        Reading("Benchmarking, End-to-end versus component latency", "the latency breakdown and the Amdahl notebook"),
        Reading(
            "Benchmarking, Result interpretation",
            f"what a complete claim states; at least {RUNS_LEAST.value:g} runs, better {RUNS_BETTER.value:g}; steady "
            "state",
        ),
        Reading("Benchmarking, the methodology checkpoint", "representative data, warm-up, isolation"),
        Reading("Benchmarking, From laboratory to production; Fallacies and Pitfalls", "what goes wrong most often"),
    )
    assumptions = (
        "- Stages run one after another. Pipelined stages would be limited by the slower one.\n"
        "- Heat and warm-up follow one exponential to a steady state (lumped model); the baseline is measured hot.\n"
        "- One session for each candidate: warm-up once, then the windows back to back.\n"
        "- Intervals are normal approximations for independent windows. With five windows the t quantile widens them "
        "by 18 %, and windows of one hot session are correlated.\n"
        "- Cloud: a 16-bit 7B decoder at the roofline, dense layers then attention; the matrix benchmark has no cache. "
        "X is hypothetical, Y has the H200's bandwidth.\n"
        f"- Production serves batch {BATCH.value:g} with {CACHED.value:,.0f} cached tokens; {HOST.value:g} ms of each "
        "request are outside the card.\n"
        "- Edge: stage speedups are what the vendors measured, in the first seconds; X halves when hot."
    )
    constants = (
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_MEM_BW,
        c.H100_MEM_CAPACITY,
        c.PARAMS_7B,
        c.LLAMA2_7B_LAYERS,
        c.LLAMA2_7B_WIDTH,
        c.LLAMA2_7B_FFN,
        c.KV_TOKEN_7B,
        c.Z95,
        PRE,
        INF,
        CLAIMED,
        NETWORK,
        POST,
        SHARE_LOW,
        SHARE_HIGH,
        OTHER_STAGE,
        OTHER_PATH,
        OTHER_SPEEDUP,
        RUNS_LEAST,
        RUNS_BETTER,
        THROTTLE,
        TAU_EDGE,
        COLD,
        TAU_CLOUD,
        X_MODULE,
        X_BOX,
        Y_EDGE,
        X_PEAK,
        Y_BW,
        WEIGHTS,
        GEMM_BYTES,
        BATCH,
        CACHED,
        TOKENS,
        VENDOR_BATCH,
        HOST,
        CV_CLOUD,
        CV_EDGE,
        SLOT,
        TOLERANCE,
        TRACE,
        ORIGINAL,
        COMPRESSED,
        IMAGES,
        POINT,
    )
    reads = (("ch11", "context"), ("ch11", "act2_result"), ("ch04", "feeding_tax"))
    decision_radio = Radio(
        "Which candidate do you recommend?",
        {"choose_x": "Candidate X", "choose_y": "Candidate Y", "undecided": "Undecided: the data do not tell"},
    )
    instructor_notes = (
        "- Ask groups to break the benchmark on purpose: who gets the most wrong answer with the narrowest interval?\n"
        "- The slope of trust: kernel, boundary, state, workload, statistics. Students start at the wrong end.\n- The "
        "interval ignores that windows of one hot session are correlated; restarting the device between runs would "
        "cost five time constants each.\n- Act I asks for the latency of one parcel. If the two stages are pipelined, "
        f"throughput goes from one parcel per {INF.value:g} ms to one per {PRE.value:g} ms: {INF.value / PRE.value:g} "
        "times, set by the stage that nobody bought.\n- Percentiles are left to Lab 13; means rank here, and a share "
        f"of inference of {percent(SHARE_LOW.value, 0)} to {percent(SHARE_HIGH.value, 0)} already explains why "
        "model-only means mislead.\n- Only ratios of means appear; discuss geometric means when several workloads are "
        "combined (MLPerf reports them separately).\n- Extension: find the shortest edge session that passes every "
        "gate, and explain which gate binds."
    )

    def open(self) -> None:
        context = self.read("ch11", "context")
        if context is not None:
            self.start_in(context, "Lab 11")

    def result(self) -> float:
        outcome = self.act2.outcome
        return float(outcome.measured_x if self.named.get("act2_decision") == "choose_x" else outcome.measured_y)

    def decision(self) -> str:
        return self.named.get("act2_decision", "undecided")

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "bias": act.outcome.bias,
            "half_width": act.outcome.half_width,
            "boundary": act.boundary,
            "warmup_s": act.warmup_s,
            "windows": act.windows,
            "serial_fraction": act.outcome.serial_fraction,
            "act2_prediction": self.predictions.get("act2"),
        }

    def solution(self, context: str) -> dict[str, Any]:
        windows = {"window_s": 60, "windows": 10}
        if context == "edge":
            return {"boundary": "end_to_end", "warmup_s": 300, **windows}
        return {"workload": "production", "batch": 16, "boundary": "end_to_end", "warmup_s": 120, **windows}

    def breaking(self, context: str) -> dict[str, Any]:
        if context == "edge":
            return {"boundary": "end_to_end", "windows": 30}
        return {"workload": "production", "batch": 128}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
