"""V2-17 The Invariant Audit.

Act I: which ten percent of a fleet's resources raises its throughput most, beside the student's own record of both
volumes. Act II: eight audits of one programme, each from an earlier lab, which have to pass at the same time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.synthesis import (
    Account,
    AuditRow,
    Curve,
    Gain,
    Part,
    Serving,
    audit_board,
    carbon_account,
    family_board,
    serving_plane,
    speed_and_price,
    step_anatomy,
    tornado,
)
from components.metrics import Metric, held
from components.quantity import counted, number, percent, plain, quantity, usd
from components.report import Report, ReportAudit, ReportDesign
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
from labs.board import (
    FAMILIES,
    GUESSING,
    TOPICS,
    Board,
    family_record,
    interval_text,
    labs_of,
    name_of,
    record_caption,
    reported_families,
    reported_labs,
    right_text,
    walls_text,
)
from labs.record import FIELDS, typical_factor
from labs.report import SIGNS, today
from mlsysim import physics
from mlsysim.core import constants as c

Array = npt.NDArray[np.float64]

FLEET_GPUS, POD_GPUS = int(c.LLAMA3_GPUS.value), int(c.GPUS_PER_NODE.value)
FLEET = Context("fleet", "Full fleet", "cloud", f"{FLEET_GPUS:,} GPUs, one training job.")
POD = Context("pod", "One Pod", "cloud", f"The seed of the fleet: one node of {POD_GPUS} GPUs.")

HOUR, DAY, MI = 3600.0, 86_400.0, 1_048_576

TOUVRON = "Touvron et al. 2023 (Llama 2)"
TOKENS = scenario("training_tokens", 2e12, "token", "tokens of the training run", TOUVRON, "paper")
BATCH = scenario("batch_tokens", 4 * MI, "token", "tokens of a training step", f"{TOUVRON}: 4 M-token batches", "paper")
CRITICAL_BATCH = scenario(
    "critical_batch_tokens",
    8 * MI,
    "token",
    "critical batch: 4,096 sequences of 2,048 tokens",
    "the engine's rounded anchor at GPT-3 scale; form of McCandlish et al. 2018",
)
KERNEL_EFFICIENCY = c.KERNEL_EFFICIENCY
GRADIENT_BYTES = scenario("gradient_bytes", 2, "B", "one gradient", "BF16, sharded over the ranks (ZeRO 1 and 2)")
SAVE = scenario("checkpoint_s", 60, "s", "one checkpoint", "drain, barrier and 182 GB at about 3 GB/s, conservative")
RESTART = scenario("restart_s", 300, "s", "from a failure to the next step", "detection and reload")
REQUESTS = scenario("requests_per_day", 1e8, "1/day", "reports of 1,000 hospitals, 100,000 each", "the lab's scenario")
REPORT_TOKENS = scenario("report_tokens", 200, "token", "length of a report", "the lab's scenario")
CONTEXT_TOKENS = scenario("context_tokens", 1_000, "token", "mean context of a sequence", "the lab's scenario")
CACHE_BYTES = c.FP16_BYTES
SERVE_UTILIZATION = scenario("serve_utilization", 0.7, "1", "load of the serving fleet", "headroom for peaks")
LIMIT_DAYS = scenario("limit_days", 7, "day", "longest training", "the model is retrained every week")
LIMIT_EFFICIENCY = scenario(
    "limit_efficiency", 0.60, "1", "least scaling efficiency", "40 % communication is the most the programme pays for"
)
LIMIT_GOODPUT = scenario("limit_goodput", 0.95, "1", "least goodput", "the Llama 3 report has above 90 %")
LIMIT_TPOT = scenario("limit_tpot_s", 0.020, "s", "longest time per token", "a report of 200 tokens in 4 s")
LIMIT_CARBON = scenario(
    "limit_carbon_kg", 500_000, "kg", "training and a year of serving", "the board's cap, about a fifth of the proposal"
)
LIMIT_EPSILON = scenario("limit_epsilon", 1, "1", "privacy budget of a year", "telemetry portal of Lab V2-13")
LIMIT_ERROR = scenario("limit_error_usd", 500, "USD", "typical error of the portal", "telemetry portal of Lab V2-13")
SENSITIVITY = scenario("sensitivity_usd", 2, "USD", "what one person changes in an answer", "Lab V2-13, pooled data")
DELTA = scenario("delta", 1e-6, "1", "failure probability of the privacy promise", "Lab V2-13, pooled data")
RELEASES = scenario("releases", 2_000, "1/year", "answers that share one budget", "Lab V2-13, pooled data")
LIMIT_GAP = scenario("limit_gap", 0.05, "1", "widest gap in catch rates", "Lab V2-16, equity regime")
LIMIT_ACCURACY = scenario("limit_accuracy", 0.835, "1", "least accuracy", "Lab V2-16, equity regime")
BASE_A = c.APPROVAL_RATE_A
BASE_B = c.APPROVAL_RATE_B
SHARE_A = c.APPROVAL_SHARE_A
D_PRIME = c.APPROVAL_D_PRIME
CUT_BEST = scenario("cutoff_best", 0.5, "1", "most accurate cut-off, both groups", "Bayes' rule", "derived")
CUT_A = scenario("cutoff_equal_a", 0.59, "1", "cut-off of group A, equal opportunity", "computed in V2-16", "derived")
CUT_B = scenario("cutoff_equal_b", 0.29, "1", "cut-off of group B, equal opportunity", "computed in V2-16", "derived")
RAW_A = scenario("threshold_approval_a", 1.1477169, "1", "raw score, equal approval", "computed in V2-16", "derived")
RAW_B = scenario("threshold_approval_b", 0.3751943, "1", "raw score, equal approval", "computed in V2-16", "derived")
TAIL_PERCENTILE = scenario(
    "tail_percentile", 0.99, "1", "percentile beyond which a server is slow", "Dean and Barroso 2013", "paper"
)
TAIL_FANOUT = scenario("tail_fanout", 100, "1", "servers that a request asks", "Dean and Barroso 2013", "paper")
GOAL = scenario("goal_gain", 100, "1", "gain asked of a successor", "Conclusion: the 100x fleet", "chapter")
GOAL_HARDWARE = scenario("goal_hardware", 4, "1", "factor from hardware", "Conclusion: the 100x fleet", "chapter")
GOAL_ALGORITHMS = scenario(
    "goal_algorithms", 2.5, "1", "factor from algorithms", "Conclusion: the 100x fleet", "chapter"
)
SMALLER_FLEET = scenario(
    "smaller_fleet", 1_024, "GPU", "the fleet that the second question compares", "the lab's story"
)

MODEL = c.LLAMA2_13B_PARAMS.value
#: The cap in tonnes, as everybody speaks of it.
LIMIT_T = LIMIT_CARBON.value / 1e3
MTBF_S = c.LLAMA3_GPU_MTBF_H.value * HOUR
MESSAGE = GRADIENT_BYTES.value * MODEL
#: Power of a GPU with its share of the rack (kW), without the facility's overhead.
GPU_KW = c.H100_TDP.value / 1e3 * c.IT_RATIO.value


# --- a training step --------------------------------------------------------------------------------------

PARTS = {
    "compute": "computation",
    "network": "network",
    "nvlink": "links in the node",
    "latency": "start-up",
}


def step_parts(gpus: Any, batch: float = BATCH.value, network: float = c.IB_NDR_BW.value) -> dict[str, Any]:
    """The four terms of a step (s), one after the other; `gpus` may be an array of multiples of eight."""
    nodes = gpus / POD_GPUS
    peak = c.H100_FLOPS_FP16_TENSOR.value * KERNEL_EFFICIENCY.value
    shard = MESSAGE / POD_GPUS
    latency = physics.ring_allreduce_time(0.0, nodes, network, c.IB_EFFECTIVE_LATENCY.value)
    return {
        "compute": physics.training_flops(MODEL, batch) / (gpus * peak),
        "network": physics.ring_allreduce_time(shard, nodes, network, 0.0),
        "nvlink": physics.ring_allreduce_time(MESSAGE, POD_GPUS, c.NVLINK4_BW.value, 0.0) + 0.0 * nodes,
        "latency": latency,
    }


def step_time(parts: Mapping[str, Any]) -> Any:
    """The step by the fleet law: nothing is hidden."""
    exchange = parts["nvlink"] + parts["network"]
    return physics.fleet_step_time(parts["compute"], exchange, parts["latency"], 0.0)


def goodput_at(gpus: Any, interval_s: Any, save_s: float = SAVE.value, gpu_mtbf_s: float = MTBF_S) -> Any:
    """Useful share of the time with a checkpoint every `interval_s`."""
    mtbf = physics.cluster_mtbf(gpu_mtbf_s, gpus)
    return physics.goodput_first_order(physics.checkpoint_overhead(interval_s, save_s, mtbf), RESTART.value, mtbf)


def best_goodput(gpus: Any, save_s: float = SAVE.value, gpu_mtbf_s: float = MTBF_S) -> Any:
    """Useful share of the time at Young's interval."""
    best = physics.young_interval(save_s, physics.cluster_mtbf(gpu_mtbf_s, gpus))
    return goodput_at(gpus, best, save_s, gpu_mtbf_s)


def throughput(gpus: float, *, compute: float = 1, network: float = 1, mtbf: float = 1, checkpoint: float = 1) -> float:
    """Tokens per second of useful training, with each resource multiplied by its factor."""
    parts = step_parts(gpus, network=network * c.IB_NDR_BW.value)
    step = step_time({**parts, "compute": parts["compute"] / compute})
    useful = best_goodput(gpus, SAVE.value / checkpoint, MTBF_S * mtbf)
    # The start-up times do not depend on the bandwidth.
    return float(BATCH.value / step * useful)


RESOURCES = {
    "compute": "accelerator FLOP/s",
    "network": "inter-node bandwidth",
    "mtbf": "time between failures",
    "checkpoint": "checkpoint speed",
}


@lru_cache(maxsize=64)
def gains(gpus: int, perturbation: float) -> dict[str, float]:
    """Relative gain in throughput when one resource grows by a fraction, by resource."""
    now = throughput(gpus)
    return {name: throughput(gpus, **{name: 1 + perturbation}) / now - 1 for name in RESOURCES}


#: Sizes over which the anatomy of a step is drawn: whole nodes.
SIZES = POD_GPUS * np.unique(np.round(2.0 ** np.linspace(0, 11, 67)))


@cache
def anatomy() -> dict[str, Array]:
    """Share of each term in a step over SIZES."""
    parts = step_parts(SIZES)
    step = step_time(parts)
    return {name: np.asarray(parts[name] / step, dtype=float) for name in PARTS}


@cache
def crossing_gpus() -> int:
    """The smallest fleet of whole nodes on which the network takes longer than computing."""
    sizes = np.arange(POD_GPUS, FLEET_GPUS + 1, POD_GPUS, dtype=float)
    parts = step_parts(sizes)
    return int(sizes[np.argmax(parts["network"] >= parts["compute"])])


@dataclass(frozen=True)
class ElasticityOutcome:
    """A step (s), its shares, and what a little more of each resource brings (percent)."""

    step_s: float
    compute_share: float
    network_share: float
    gain_compute_pct: float
    gain_network_pct: float
    gain_mtbf_pct: float
    gain_checkpoint_pct: float
    gpus: int
    parts: dict[str, float]
    goodput: float
    tail: float

    @property
    def gains(self) -> dict[str, float]:
        """The gains as fractions, by resource."""
        return {name: getattr(self, f"gain_{name}_pct") / 100 for name in RESOURCES}

    def share(self, part: str) -> float:
        """Share of a term in the step."""
        return self.parts[part] / self.step_s

    @property
    def largest(self) -> str:
        """The term with the largest share."""
        return max(self.parts, key=lambda part: self.parts[part])


class TenPercent(Act):
    """Act I: which ten percent counts."""

    title = "Ten percent of one thing"
    minutes = 15

    gpus = stops(
        "GPUs",
        (8, 64, 512, 1024, 2048, 4096, 8192, FLEET_GPUS),
        FLEET_GPUS,
        text=lambda gpus: f"{gpus:,} GPUs",
        reason="one node to the published run",
        per_context={POD.id: {"default": POD_GPUS}},
    )
    perturbation = choice(
        "More of one resource", {0.05: "5 %", 0.1: "10 %", 0.2: "20 %"}, 0.1, reason="what a budget round grants"
    )
    fanout = stops(
        "Servers that a request asks",
        (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
        int(TAIL_FANOUT.value),
        unit="servers",
        reason="one server to a large index; moves the readout of the tail alone",
    )

    @cached_property
    def board(self) -> Board:
        """The student's record, read once per attempt."""
        return Board.of(self.lab)

    @classmethod
    def compute(
        cls, context: str, *, gpus: int, perturbation: float, fanout: int = int(TAIL_FANOUT.value)
    ) -> ElasticityOutcome:
        parts = {name: float(part) for name, part in step_parts(gpus).items()}
        step = float(step_time(parts))
        more = gains(int(gpus), perturbation)
        return ElasticityOutcome(
            step_s=step,
            compute_share=parts["compute"] / step,
            network_share=parts["network"] / step,
            gain_compute_pct=100 * more["compute"],
            gain_network_pct=100 * more["network"],
            gain_mtbf_pct=100 * more["mtbf"],
            gain_checkpoint_pct=100 * more["checkpoint"],
            gpus=int(gpus),
            parts=parts,
            goodput=float(best_goodput(gpus)),
            tail=float(physics.tail_hit_probability(TAIL_PERCENTILE.value, fanout)),
        )

    @classmethod
    @cache
    def asked(cls, gpus: int = FLEET_GPUS) -> ElasticityOutcome:
        """The case of the question, or the same on another fleet."""
        return cls.compute(FLEET.id, gpus=gpus, perturbation=0.1)

    def message(self) -> Message:
        return Message(
            "Chief Architect, a national health cloud",
            "Every week someone asks me for faster chips. I have money for **ten percent of one thing**: faster "
            "accelerators, a faster network between nodes, parts that fail less often, or faster checkpoints. The "
            f"fleet has {FLEET_GPUS:,} GPUs and trains a {MODEL / 1e9:.0f}-billion-parameter model on steps of four "
            "million tokens. Before you answer, show me how often your instinct has been right so far.",
        )

    def concept(self) -> str:
        return (
            "A step is **computation**, exchange over the **links inside nodes**, exchange over the **network between "
            "nodes**, and the **start-up times** of its messages, one after the other. Between failures some work is "
            "lost; checkpoints are written at the best interval. The sum decides.\n\nBelow stands your own record of "
            "both volumes. It is not scored: it says how far to trust the answer that comes to mind first."
        )

    def from_ledger(self) -> str:
        board = self.board
        record = board.record
        if not board.read:
            return (
                f"**No record yet.** The board of your {len(TOPICS)} earlier labs is empty: every one of them is "
                "grey below, and nothing is invented in their place. The question and both acts work as they are."
            )
        families = "\n".join(
            f"| {family.name} | {labs_of(family, board)} | {right_text(part)} | {interval_text(part)} | "
            f"{walls_text(part)} |"
            for family in FAMILIES
            for part in (board.of_family(family),)
        )
        rows = "\n".join(
            f"| {name_of(key)} {TOPICS[key]} | {line.guess.predicted} | {line.guess.actual} | "
            f"{SIGNS[line.guess.correct]} | {line.context} | {line.result} | {line.decision} |"
            for key, line in board.lines.items()
            if key in board.read
        )
        parts = [
            f"**Your record**: {right_text(record)} first predictions right, 95 % interval {interval_text(record)}; "
            f"guessing gives {percent(GUESSING, 0)}. Labs in which you broke a limit: {walls_text(record)}.",
            "| family | labs | right | 95 % interval | limit broken |\n|---|---|---|---|---|\n" + families,
            "| lab | you predicted | the model gave | | context | Act II result | decision |\n"
            f"|---|---|---|---|---|---|---|\n{rows}",
        ]
        missing = [name_of(key) for key in TOPICS if key not in board.read]
        if missing:
            parts.append(f"Not taken, and counted nowhere: {', '.join(missing)}.")
        return "\n\n".join(parts)

    def prediction(self) -> ChoicePrediction:
        asked, pod = self.asked(), self.asked(POD_GPUS)
        gain = asked.gains
        best = gain["network"]
        tokens = BATCH.value / FLEET_GPUS
        effect = gain["checkpoint"] / gain["mtbf"]

        def said(value: float) -> str:
            name = min(RESOURCES, key=lambda one: abs(gain[one] - value))
            return f"{RESOURCES[name]}, +{percent(value, 2)}"

        def times(name: str) -> str:
            return f"Inter-node bandwidth gives {percent(best, 2)}, {best / gain[name]:.1f} times as much."

        return ChoicePrediction(
            "Which 10 % raises the training throughput of the full fleet most?",
            (
                Option(
                    "compute",
                    "Faster accelerators: FLOP/s",
                    value=gain["compute"],
                    feedback=(
                        f"{times('compute')} At {POD_GPUS} GPUs you would be right "
                        f"({percent(pod.gains['compute'], 2)}). At {FLEET_GPUS:,} each GPU holds {tokens:.0f} tokens "
                        f"of a step: {percent(asked.compute_share)} of the time."
                    ),
                ),
                Option(
                    "network",
                    "A faster network: bandwidth between nodes",
                    value=best,
                    correct=True,
                    feedback=f"Yes, because its share of the step is {percent(asked.network_share)}.",
                ),
                Option(
                    "mtbf",
                    "Parts that fail less often: time between failures",
                    value=gain["mtbf"],
                    feedback=(
                        f"{times('mtbf')} Young’s rule has already paid most of the price of failures: the overhead "
                        "is a square root."
                    ),
                ),
                Option(
                    "checkpoint",
                    "Faster checkpoints: speed of saving",
                    value=gain["checkpoint"],
                    feedback=(
                        f"{times('checkpoint')} The same square root as for rarer failures, but it does not touch the "
                        f"restart time: {percent(effect, 0)} of their effect."
                    ),
                ),
            ),
            actual=best,
            form=said,
            why="A gain is at most the share of the step that it touches.",
            numeric=False,
        )

    def plots(self, outcome: ElasticityOutcome) -> dict[str, Any]:
        locked = self.lab.predictions.get(self.key)
        shares, crossing = anatomy(), crossing_gpus()
        best = max(outcome.gains, key=lambda name: outcome.gains[name])
        board = self.board
        last = len(SIZES) - 1
        return {
            "tornado": tornado(
                [Gain(RESOURCES[name], gain, name == locked) for name, gain in outcome.gains.items()],
                perturbation=self.perturbation,
                title=f"What {percent(self.perturbation, 0)} of one resource brings on {outcome.gpus:,} GPUs",
                caption=(
                    f"Most: {RESOURCES[best]}, {percent(outcome.gains[best], 2)}. The dashed line is "
                    f"{percent(self.perturbation, 0)} of everything: no resource brings more than its share of it. "
                    f"Computing holds {percent(outcome.compute_share)} of the step, the network "
                    f"{percent(outcome.network_share)}."
                ),
            ),
            "anatomy": step_anatomy(
                SIZES,
                [
                    Part(PARTS["compute"], shares["compute"], 8),
                    Part(PARTS["network"], shares["network"], last - 2, "right"),
                    Part(PARTS["nvlink"], shares["nvlink"], last - 2, "right"),
                    Part(PARTS["latency"], shares["latency"], last - 2, "right"),
                ],
                here=float(outcome.gpus),
                crossing=float(crossing),
                crossing_text=f"network leads from {crossing:,} GPUs",
                title="The anatomy of a step",
                caption=(
                    f"On {outcome.gpus:,} GPUs (line): "
                    + ", ".join(f"{name} {percent(outcome.share(part))}" for part, name in PARTS.items())
                    + f" of {quantity(outcome.step_s, 's')}. The four always add up to one."
                ),
            ),
            "record": family_board(
                [family_record(family, board) for family in FAMILIES],
                guessing=GUESSING,
                title="Your record, by the kind of limit",
                caption=record_caption(board),
            ),
        }

    def metrics(self, outcome: ElasticityOutcome) -> list[Metric]:
        largest = outcome.largest
        return [
            Metric.of("Step", quantity(outcome.step_s, "s", 4)),
            Metric.of("Computation", percent(outcome.compute_share), note="share of the step"),
            Metric.of("Largest share", percent(outcome.share(largest)), note=PARTS[largest]),
            Metric.of("Goodput", percent(outcome.goodput), note="at the best interval"),
            Metric.of(
                "Requests that meet a slow server",
                percent(outcome.tail),
                note=f"each asks {counted(self.fanout, 'servers')}",
            ),
        ]

    def tables(self, outcome: ElasticityOutcome) -> list[Table]:
        pod, fleet = self.asked(POD_GPUS), self.asked()
        rows = tuple(
            (
                name,
                *(f"{quantity(one.parts[part], 's')}, {percent(one.share(part))}" for one in (pod, outcome, fleet)),
            )
            for part, name in PARTS.items()
        )
        return [
            Table(
                "One step on three fleets",
                ("", f"{POD_GPUS} GPUs", f"here: {outcome.gpus:,}", f"{FLEET_GPUS:,} GPUs"),
                (*rows, ("step", *(quantity(one.step_s, "s", 4) for one in (pod, outcome, fleet)))),
            )
        ]

    def reflection(self) -> Question:
        parts = step_parts(FLEET_GPUS, network=2 * c.IB_NDR_BW.value)
        step = float(step_time(parts))
        before = self.asked().network_share

        def seconds(part: str) -> str:
            return f"{float(parts[part]):.3f} s of {step:.3f} s"

        return Question(
            f"At {FLEET_GPUS:,} GPUs you double the bandwidth between nodes. What holds the largest share of the step "
            "now?",
            (
                Option(
                    "A",
                    "Still the network between nodes",
                    f"{seconds('network')}: {percent(float(parts['network']) / step)} instead of {percent(before)}.",
                ),
                Option("B", "The accelerators", f"{percent(float(parts['compute']) / step)} of the step."),
                Option(
                    "C",
                    "The links inside the nodes",
                    f"Yes: {seconds('nvlink')}, {percent(float(parts['nvlink']) / step)}. Improving the largest share "
                    "promoted the next.",
                    correct=True,
                ),
                Option(
                    "D",
                    "The start-up times",
                    f"{percent(float(parts['latency']) / step)}, growing with every node.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "fleet_step_time",
                "training_flops",
                "ring_allreduce_time",
                "cluster_mtbf",
                "young_interval",
                "goodput_first_order",
                "tail_hit_probability",
            ),
            "For every rate $r_i$ the elasticity of the throughput is a share: "
            "$\\frac{d \\ln X}{d \\ln r_i} = \\frac{T_i}{T}$, and the sum over all terms is 1. It is Amdahl's law for "
            "small steps: a finite gain stays below share times growth. The time between failures is $m/N$, and at "
            "Young's interval its price is a square root. Wilson's interval shows why three labs prove little.",
        )


# --- Act II -----------------------------------------------------------------------------------------------

SITES = {"coal": c.CI_COAL, "us_average": c.CI_US, "renewable": c.CI_RENEW}
SITE_NAMES = {"coal": "coal", "us_average": "US average", "renewable": "renewable"}
POLICIES = {"accuracy": "accuracy", "equal_opportunity": "equal opportunity", "demographic_parity": "equal approval"}
QUANTIZED = ("quantize_weights", "quantize_weights_and_cache", "quantize_and_prune")


@dataclass(frozen=True)
class Audit:
    """One of the eight audits: its name, its limit in words, and the controls that move it."""

    name: str
    limit: str
    levers: str


AUDITS = {
    "deadline": Audit("deadline", f"{LIMIT_DAYS.value:g} days", "GPUs, batch, interval"),
    "communication": Audit("communication", percent(LIMIT_EFFICIENCY.value, 0), "fewer GPUs, larger batch"),
    "failure": Audit("failure", percent(LIMIT_GOODPUT.value, 0), "interval, fewer GPUs"),
    "memory": Audit("memory", f"{c.H100_MEM_CAPACITY.value / 1e9:g} GB", "sequences, precision"),
    "memory_wall": Audit("memory wall", f"{LIMIT_TPOT.value * 1e3:g} ms", "sequences, precision"),
    "carbon": Audit("carbon", f"{LIMIT_T:g} t", "site, fewer GPUs, sequences, precision"),
    "privacy": Audit("privacy", f"ε {LIMIT_EPSILON.value:g}, {usd(LIMIT_ERROR.value)}", "epsilon"),
    "equity": Audit("equity", f"{100 * LIMIT_GAP.value:g} points, {percent(LIMIT_ACCURACY.value)}", "decision policy"),
}


@cache
def policy_rates(policy: str) -> tuple[float, float]:
    """Accuracy and gap in catch rates of a decision policy."""
    if policy == "demographic_parity":
        thresholds = (RAW_A.value, RAW_B.value)
    else:
        cuts = (CUT_BEST.value,) * 2 if policy == "accuracy" else (CUT_A.value, CUT_B.value)
        thresholds = (
            float(physics.binormal_threshold(cuts[0], BASE_A.value, D_PRIME.value)),
            float(physics.binormal_threshold(cuts[1], BASE_B.value, D_PRIME.value)),
        )
    one = physics.binormal_rates(thresholds[0], BASE_A.value, D_PRIME.value)
    two = physics.binormal_rates(thresholds[1], BASE_B.value, D_PRIME.value)
    accuracy = SHARE_A.value * one["accuracy"] + (1 - SHARE_A.value) * two["accuracy"]
    return float(accuracy), float(abs(one["tpr"] - two["tpr"]))


def training_days(gpus: Any, batch: float, goodput: Any) -> Any:
    """Length of the training run; infinite where nothing useful is done."""
    tokens = physics.tokens_required(TOKENS.value, batch, BATCH.value, CRITICAL_BATCH.value)
    with np.errstate(divide="ignore"):
        return np.divide(tokens / batch * step_time(step_parts(gpus, batch)), np.asarray(goodput) * DAY)


def training_mwh(gpus: Any, days: Any) -> Any:
    """Energy of the training run with the facility's overhead (MWh)."""
    return gpus * GPU_KW * c.PUE.value * 24 * days / 1e3


@dataclass(frozen=True)
class Sweep:
    """Training over the size of the fleet at one batch and interval, and where its three audits pass."""

    gpus: Array
    days: Array
    mwh: Array
    passing: tuple[float, float]


#: Sizes of the sweep: whole nodes; and all of them, for the range in which the audits pass.
FEWEST_GPUS = 256
SWEEP = {
    FLEET.id: POD_GPUS * np.unique(np.round(2.0 ** np.linspace(5, 11, 61))),
    POD.id: SIZES,
}
ALL_SIZES = np.arange(POD_GPUS, FLEET_GPUS + 1, POD_GPUS, dtype=float)


@lru_cache(maxsize=128)
def sweep_of(context: str, batch: float, interval_s: float) -> Sweep:
    """The training runs that the plot shows."""
    gpus = SWEEP[context]
    days = training_days(gpus, batch, goodput_at(gpus, interval_s))
    everywhere = goodput_at(ALL_SIZES, interval_s)
    parts = step_parts(ALL_SIZES, batch)
    passing = (
        (training_days(ALL_SIZES, batch, everywhere) <= LIMIT_DAYS.value)
        & (parts["compute"] / step_time(parts) >= LIMIT_EFFICIENCY.value)
        & (everywhere >= LIMIT_GOODPUT.value)
        & (gpus[0] <= ALL_SIZES)
    )
    sizes = ALL_SIZES[passing]
    ends = (float(sizes[0]), float(sizes[-1])) if len(sizes) else (math.nan, math.nan)
    return Sweep(gpus, np.asarray(days), np.asarray(training_mwh(gpus, days)), ends)


SEQUENCES = np.arange(1, 97, dtype=float)


def weight_bytes(bits: int) -> float:
    """Weights of the served model (B)."""
    return float(physics.quantized_bytes(MODEL, bits))


def cache_bytes(sequences: Any) -> Any:
    """Keys and values of so many sequences (B)."""
    return physics.kv_cache_bytes(
        c.LLAMA2_13B_LAYERS.value,
        c.LLAMA2_13B_HEADS.value,
        c.LLAMA2_13B_HEAD_DIM.value,
        CONTEXT_TOKENS.value,
        sequences,
        CACHE_BYTES.value,
    )


@lru_cache(maxsize=4)
def token_times(bits: int) -> Array:
    """Time per token over SEQUENCES (s)."""
    return np.asarray(physics.decode_memory_time(weight_bytes(bits), cache_bytes(SEQUENCES), c.H100_MEM_BW.value))


@lru_cache(maxsize=4)
def most_sequences(bits: int) -> int:
    """The most sequences whose cache fits beside the weights."""
    return int(physics.max_batch_in_memory(c.H100_MEM_CAPACITY.value, weight_bytes(bits), float(cache_bytes(1))))


def serving_gpus(sequences: float, token_s: float) -> int:
    """GPUs that write all reports of a day at the planned load."""
    tokens_s = REQUESTS.value / DAY * REPORT_TOKENS.value
    return math.ceil(tokens_s / (sequences / token_s * SERVE_UTILIZATION.value))


def carbon_t(gpus: float, hours: float, intensity: float) -> float:
    """Carbon of running so many GPUs (t)."""
    return float(physics.carbon_kg(gpus * GPU_KW * hours, c.PUE.value, intensity)) / 1e3


def year_of_serving_t(sequences: float, token_s: float) -> float:
    """Carbon of a year of serving (t)."""
    return carbon_t(serving_gpus(sequences, token_s), 24 * c.DAYS_PER_YEAR.value, c.CI_US.value)


@dataclass(frozen=True)
class ProgrammeOutcome:
    """A programme before its eight audits: what was found, the room left (fraction of each limit), and why."""

    training_days: float
    scaling_efficiency: float
    goodput: float
    memory_gb: float
    tpot_ms: float
    serving_gpus: int
    training_carbon_t: float
    serving_carbon_t: float
    carbon_t: float
    typical_error_usd: float
    accuracy: float
    tpr_gap: float
    audits_passed: int
    passes: bool
    context: str
    gpus: int
    epsilon: float
    weight_gb: float
    cache_gb: float
    energy_mwh: float
    margins: dict[str, float]
    passed: dict[str, bool]
    sweep: Sweep

    @property
    def binding(self) -> str:
        """The audit with the smallest margin, the first of equals."""
        return min(AUDITS, key=lambda audit: self.margins[audit])

    @property
    def failing(self) -> list[str]:
        """The audits that fail."""
        return [audit for audit in AUDITS if not self.passed[audit]]

    def found(self, audit: str) -> str:
        """What an audit found, in words."""
        return {
            "deadline": f"{number(self.training_days)} days",
            "communication": f"{percent(self.scaling_efficiency)} efficiency",
            "failure": f"{percent(self.goodput)} goodput",
            "memory": f"{self.memory_gb:.1f} GB",
            "memory_wall": f"{self.tpot_ms:.1f} ms per token",
            "carbon": f"{self.carbon_t:,.1f} t" if self.carbon_t < 1000 else f"{self.carbon_t:,.0f} t",
            "privacy": f"ε {self.epsilon:g}, error {self.typical_error_usd:,.0f} USD",
            "equity": f"gap {100 * self.tpr_gap:.1f} points, {percent(self.accuracy)}",
        }[audit]


def room_below(value: float, limit: float) -> float:
    """Room under an upper limit, as a share of it."""
    return (limit - value) / limit


def room_text(margin: float) -> str:
    """A margin with its sign."""
    return "−∞" if math.isinf(margin) else f"{'+' if margin >= 0 else ''}{percent(margin, 0)}"


def room_above(value: float, limit: float) -> float:
    """Room over a lower limit, as a share of it."""
    return (value - limit) / limit


class EightAudits(Act):
    """Act II: one programme, eight audits."""

    title = "Eight green rows"
    minutes = 24

    gpus = stops(
        "GPUs for training",
        (FEWEST_GPUS, 512, 1024, 2048, 4096, 8192, FLEET_GPUS),
        FLEET_GPUS,
        text=lambda gpus: f"{gpus:,} GPUs",
        reason="a small cluster to the published run",
        per_context={POD.id: {"values": (POD_GPUS,), "default": POD_GPUS, "reason": "one node has eight"}},
    )
    batch_mi = choice(
        "Tokens per step",
        {n: f"{n} Mi" for n in (1, 2, 4, 8, 16)},
        4,
        reason="a quarter to four times the published batch of 4 Mi",
    )
    interval_min = stops(
        "Checkpoint every",
        (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240),
        10,
        unit="min",
        reason="five minutes to half a working day; Young's interval of the fleet lies between",
    )
    site = choice("Training site", SITE_NAMES, "coal", reason="grids of Lab V2-15; serving stays where patients are")
    weight_bits = choice(
        "Bits per weight in serving", {16: "16", 8: "8"}, 16, reason="formats of Lab 10 that keep the reports' quality"
    )
    sequences = slider(
        "Sequences per serving GPU",
        1,
        96,
        1,
        8,
        unit="sequences",
        reason="one request to more than 80 GB hold at either precision",
    )
    epsilon = slider(
        "Privacy budget of a year, ε",
        0.1,
        8,
        0.05,
        8,
        reason="strict to loose: the range of published deployments",
    )
    policy = choice("Decision policy", POLICIES, "accuracy", reason="three criteria of Lab V2-16")

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        batch_mi: int,
        interval_min: float,
        site: str,
        weight_bits: int,
        sequences: float,
        epsilon: float,
        policy: str,
        gpus: int = POD_GPUS,
    ) -> ProgrammeOutcome:
        batch, interval = float(batch_mi * MI), 60.0 * interval_min
        parts = step_parts(gpus, batch)
        efficiency = float(parts["compute"] / step_time(parts))
        goodput = float(goodput_at(gpus, interval))
        days = float(training_days(gpus, batch, goodput))
        weights, cached = weight_bytes(weight_bits), float(cache_bytes(sequences))
        token = float(physics.decode_memory_time(weights, cached, c.H100_MEM_BW.value))
        training_t = carbon_t(gpus, 24 * days, SITES[site].value)
        serving_t = year_of_serving_t(sequences, token)
        noise = physics.zcdp_noise_multiplier(epsilon, DELTA.value, RELEASES.value)
        error = float(physics.gaussian_mean_abs_error(SENSITIVITY.value * noise))
        accuracy, gap = policy_rates(policy)
        memory = weights + cached
        total_t = training_t + serving_t
        margins = {
            "deadline": room_below(days, LIMIT_DAYS.value),
            "communication": room_above(efficiency, LIMIT_EFFICIENCY.value),
            "failure": room_above(goodput, LIMIT_GOODPUT.value),
            "memory": room_below(memory, c.H100_MEM_CAPACITY.value),
            "memory_wall": room_below(token, LIMIT_TPOT.value),
            "carbon": room_below(total_t, LIMIT_T),
            "privacy": min(room_below(epsilon, LIMIT_EPSILON.value), room_below(error, LIMIT_ERROR.value)),
            "equity": min(room_below(gap, LIMIT_GAP.value), room_above(accuracy, LIMIT_ACCURACY.value)),
        }
        passed = {
            "deadline": at_most(days, LIMIT_DAYS.value),
            "communication": at_least(efficiency, LIMIT_EFFICIENCY.value),
            "failure": at_least(goodput, LIMIT_GOODPUT.value),
            "memory": at_most(memory, c.H100_MEM_CAPACITY.value),
            "memory_wall": at_most(token, LIMIT_TPOT.value),
            "carbon": at_most(total_t, LIMIT_T),
            "privacy": at_most(epsilon, LIMIT_EPSILON.value) and at_most(error, LIMIT_ERROR.value),
            "equity": at_most(gap, LIMIT_GAP.value) and at_least(accuracy, LIMIT_ACCURACY.value),
        }
        return ProgrammeOutcome(
            training_days=days,
            scaling_efficiency=efficiency,
            goodput=goodput,
            memory_gb=memory / 1e9,
            tpot_ms=1e3 * token,
            serving_gpus=serving_gpus(sequences, token),
            training_carbon_t=training_t,
            serving_carbon_t=serving_t,
            carbon_t=total_t,
            typical_error_usd=error,
            accuracy=accuracy,
            tpr_gap=gap,
            audits_passed=sum(passed.values()),
            passes=all(passed.values()),
            context=context,
            gpus=int(gpus),
            epsilon=epsilon,
            weight_gb=weights / 1e9,
            cache_gb=cached / 1e9,
            energy_mwh=float(training_mwh(gpus, days)),
            margins=margins,
            passed=passed,
            sweep=sweep_of(context, batch, interval),
        )

    @classmethod
    def design(cls, context: str = FLEET.id, **changes: Any) -> ProgrammeOutcome:
        """A design that a text quotes: the contractor's proposal, or a variant of it."""
        controls = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return _designed(context, tuple(sorted({**controls, **changes}.items())))

    @property
    def board(self) -> Board:
        """The student's record, read once per attempt."""
        return cast(TenPercent, self.lab.act1).board

    def message(self) -> Message:
        start = self.design()
        failing = len(start.failing)
        count = {4: "four", 5: "five", 6: "six"}.get(failing, str(failing))
        return Message(
            "Chair of the commissioning board, a national health cloud",
            "One thousand hospitals, one hundred thousand reports a day each, a model that is retrained every week. "
            f"The contractor's proposal runs on all {FLEET_GPUS:,} GPUs and fails my inspection on **{count} points "
            "out of eight**. I sign when all eight are green, and I want to see whether your own earlier decisions "
            "would have passed.",
        )

    def concept(self) -> str:
        rows = "\n".join(f"| {audit.name} | {WHAT[key]} | {audit.limit} |" for key, audit in AUDITS.items())
        return (
            "Eight audits, each from an earlier lab. Controls touch several of them at once: more GPUs shorten "
            "training but cost efficiency, goodput and carbon; larger batches repair efficiency but need more tokens; "
            "more sequences on a serving GPU save energy but slow each token and fill its memory.\n\n"
            f"| audit | what it looks at | limit |\n|---|---|---|\n{rows}"
        )

    def from_ledger(self) -> str:
        lab = cast(InvariantAuditLab, self.lab)
        if not lab.starts_from_ledger:
            return ""
        named = ", ".join(lab.starts_from_ledger)
        return (
            f"**{len(lab.starts_from_ledger)} of 4 starting values come from your ledger**: {named}. The others are "
            "the contractor's."
        )

    def prediction(self) -> ChoicePrediction:
        small, large = best_run(int(SMALLER_FLEET.value)), best_run(FLEET_GPUS)
        actual = small.days / large.days
        dearer = large.mwh / small.mwh
        parts = step_parts(FLEET_GPUS)
        exchange = float(step_time(parts) - parts["compute"])
        ratio = FLEET_GPUS / SMALLER_FLEET.value
        return ChoicePrediction(
            f"Training on {FLEET_GPUS:,} instead of {SMALLER_FLEET.value:,.0f} GPUs, same batch, each at its best "
            "checkpoint interval, is faster by how much?",
            (
                Option(
                    "x16",
                    "16 times",
                    value=16,
                    feedback="That would need communication to cost nothing.",
                ),
                Option(
                    "x8",
                    "8 times",
                    value=8,
                    feedback=(
                        f"Efficiency falls from {percent(small.efficiency)} to {percent(large.efficiency)}: more than "
                        "some loss."
                    ),
                ),
                Option(
                    "x4",
                    "4 times",
                    value=4,
                    feedback=(
                        f"No law of square roots here: computing shrinks to {float(parts['compute']):.2f} s and "
                        f"{exchange:.2f} s of exchange stay."
                    ),
                ),
                Option(
                    "x27",
                    f"{actual:.1f} times",
                    value=actual,
                    correct=True,
                    feedback=(
                        f"Yes: only the part that computes shrinks, and failures come {ratio:.0f} times as often."
                    ),
                ),
            ),
            actual=actual,
            form=lambda times: f"{plain(times, 3)}×",
            why=(
                f"Sixteen times the GPUs train {actual:.2f} times faster and use {dearer:.2f} times the energy, each "
                "at its own best interval."
            ),
        )

    def challenge(self) -> str:
        if self.context == POD.id:
            best = self.design(POD.id, interval_min=240)
            return (
                f"**This context cannot be commissioned.** {POD_GPUS} GPUs need {best.training_days:.0f} days where "
                f"{LIMIT_DAYS.value:g} are allowed: infrastructure determines what is possible. Turn every other row "
                "green, and see that the deadline alone stays red. The fleet context has a solution."
            )
        return (
            "Turn **all eight audits green** at once. Look for the control that moves two rows in opposite "
            "directions before you mend a single row."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        def hold(*audits: str) -> Callable[[ProgrammeOutcome], bool]:
            return lambda o: all(o.passed[audit] for audit in audits)

        memory, tpot = c.H100_MEM_CAPACITY.value / 1e9, LIMIT_TPOT.value * 1e3
        return (
            Constraint(
                f"≤ {LIMIT_DAYS.value:g} days, efficiency ≥ {percent(LIMIT_EFFICIENCY.value, 0)}, goodput ≥ "
                f"{percent(LIMIT_GOODPUT.value, 0)}",
                hold("deadline", "communication", "failure"),
            ),
            Constraint(f"≤ {memory:g} GB, ≤ {tpot:g} ms per token", hold("memory", "memory_wall")),
            Constraint(f"Carbon ≤ {LIMIT_T:g} t", hold("carbon")),
            Constraint(
                f"ε ≤ {LIMIT_EPSILON.value:g}, error ≤ {usd(LIMIT_ERROR.value)}, gap ≤ {100 * LIMIT_GAP.value:g} "
                "points",
                hold("privacy", "equity"),
            ),
        )

    def failures(self) -> tuple[Failure, ...]:
        capacity = c.H100_MEM_CAPACITY.value / 1e9
        return (
            Failure(
                "not_commissioned",
                "NOT COMMISSIONED:",
                when=lambda o: not o.passes,
                text=lambda o: (
                    f"{len(o.failing)} of {len(AUDITS)} audits fail. Binding: {AUDITS[o.binding].name}, "
                    f"{o.found(o.binding)} against {AUDITS[o.binding].limit}. Levers that move it: "
                    f"{AUDITS[o.binding].levers}."
                ),
            ),
            Failure(
                "out_of_memory",
                "OUT OF MEMORY:",
                when=lambda o: not o.passed["memory"],
                text=lambda o: (
                    f"{o.weight_gb:.1f} GB of weights and {o.cache_gb:.1f} GB of cache need {o.memory_gb:.1f} GB of "
                    f"{capacity:g}."
                ),
            ),
        )

    def rows(self, outcome: ProgrammeOutcome) -> list[AuditRow]:
        """The audits of a design beside the student's record in each family."""
        records = {family.audit: self.board.of_family(family) for family in FAMILIES if family.audit}
        return [
            AuditRow(
                audit.name,
                outcome.found(key),
                outcome.margins[key],
                f"you: {right_text(records[key])}" if records[key].taken else "",
            )
            for key, audit in AUDITS.items()
        ]

    def plots(self, outcome: ProgrammeOutcome) -> dict[str, Any]:
        o = outcome
        pod = self.context == POD.id
        claim = None if pod else self.predicted()
        small = best_run(int(SMALLER_FLEET.value))
        bits, other = self.weight_bits, 24 - self.weight_bits
        sweep = o.sweep
        binds = AUDITS[o.binding]
        start = self.at_defaults()
        where = (
            "no size of fleet passes the three audits of training at this batch and interval"
            if math.isnan(sweep.passing[0])
            else f"shaded: {sweep.passing[0]:,.0f} to {sweep.passing[1]:,.0f} GPUs pass the three audits of training"
        )
        times = token_times(bits)
        return {
            "audits": audit_board(
                self.rows(o),
                title=f"Eight audits: {o.audits_passed} green",
                caption=(
                    f"Binding is {binds.name}: {o.found(o.binding)} against {binds.limit}. It is moved by "
                    f"{binds.levers}. Right of a finding: your right predictions in that family."
                ),
            ),
            "training": speed_and_price(
                sweep.gpus,
                Curve(
                    "training (days)",
                    sweep.days,
                    0.2,
                    1000.0 if pod else 100.0,
                    tuple((d, f"{d:g} d") for d in (1.0, 10.0, 100.0, *((1000.0,) if pod else ()))),
                    o.training_days,
                    f"{number(o.training_days)} d",
                ),
                Curve(
                    "training energy (MWh)",
                    sweep.mwh,
                    50.0,
                    10_000.0,
                    ((100.0, "100 MWh"), (1000.0, "1,000"), (10_000.0, "10,000")),
                    o.energy_mwh,
                    f"{number(o.energy_mwh)} MWh",
                ),
                marker=float(o.gpus),
                passing=sweep.passing,
                limit_days=LIMIT_DAYS.value,
                predicted=None if claim is None else (float(FLEET_GPUS), small.days / claim),
                predicted_text="" if claim is None else f"your prediction: {plain(claim, 2)}×",
                title="Speed and its price",
                caption=(
                    f"{o.gpus:,} GPUs, {self.batch_mi} Mi tokens, a checkpoint every {self.interval_min:g} min: "
                    f"{number(o.training_days)} days and {number(o.energy_mwh)} MWh; {where}."
                ),
            ),
            "serving": serving_plane(
                SEQUENCES,
                Serving(f"{bits} bit", 1e3 * times, most_sequences(bits)),
                Serving(f"{other} bit", 1e3 * token_times(other), most_sequences(other)),
                marker=(self.sequences, o.tpot_ms),
                limit_ms=LIMIT_TPOT.value * 1e3,
                carbon=[(n, f"{year_of_serving_t(n, times[n - 1]):,.0f} t") for n in (24, 48, 72)],
                marker_text=f"{bits} bit, {counted(self.sequences, 'sequences')}: {o.serving_carbon_t:,.0f} t a year",
                title="The serving plane",
                caption=(
                    f"{o.serving_gpus:,} GPUs serve at {o.tpot_ms:.1f} ms per token. Longer queues emit less (tonnes "
                    f"a year along the line), up to the limit of {LIMIT_TPOT.value * 1e3:g} ms and the "
                    f"{most_sequences(bits)} sequences that memory holds."
                ),
            ),
            "carbon": carbon_account(
                [
                    Account("proposal", start.training_carbon_t, start.serving_carbon_t),
                    Account("now", o.training_carbon_t, o.serving_carbon_t),
                ],
                limit=LIMIT_T,
                title="Where the carbon comes from",
                caption=(
                    f"Now {o.training_carbon_t:,.1f} t of training and {o.serving_carbon_t:,.1f} t of a year of "
                    f"serving, against a cap of {LIMIT_T:g} t. Serving stays on the US grid."
                ),
            ),
        }

    def metrics(self, outcome: ProgrammeOutcome) -> list[Metric]:
        o = outcome
        return [
            Metric("Audits passed", f"{o.audits_passed}", f"of {len(AUDITS)}", status=held(o.passes)),
            Metric.of("Training", f"{number(o.training_days)} days", status=held(o.passed["deadline"])),
            Metric.of(
                "Efficiency",
                percent(o.scaling_efficiency),
                note=f"goodput {percent(o.goodput)}",
                status=held(o.passed["communication"] and o.passed["failure"]),
            ),
            Metric.of(
                "Per token",
                f"{o.tpot_ms:.1f} ms",
                note=f"{o.memory_gb:.1f} GB",
                status=held(o.passed["memory_wall"] and o.passed["memory"]),
            ),
            Metric.of("Carbon", o.found("carbon"), status=held(o.passed["carbon"])),
            Metric.of(
                "Typical error", usd(o.typical_error_usd), note=f"ε {o.epsilon:g}", status=held(o.passed["privacy"])
            ),
        ]

    def tables(self, outcome: ProgrammeOutcome) -> list[Table]:
        rows = tuple(
            (
                f"{'✓' if outcome.passed[key] else '✕'} {audit.name}",
                outcome.found(key),
                audit.limit,
                audit.levers,
            )
            for key, audit in AUDITS.items()
        )
        return [
            Table("The inspection", ("audit", "found", "limit", "levers"), rows, list(AUDITS).index(outcome.binding))
        ]

    def reflection(self) -> Question:
        left = physics.orchestration_gain(GOAL.value, GOAL_HARDWARE.value, GOAL_ALGORITHMS.value)
        known = f"{GOAL.value:g}/({GOAL_HARDWARE.value:g} × {GOAL_ALGORITHMS.value:g}) = {left:g}"
        added = GOAL.value - GOAL_HARDWARE.value - GOAL_ALGORITHMS.value
        return Question(
            f"A successor must be {GOAL.value:g} times as efficient; hardware gives {GOAL_HARDWARE.value:g} times, "
            f"algorithms {GOAL_ALGORITHMS.value:g} times. What follows?",
            (
                Option(
                    "A",
                    "Hardware first: it is the largest factor",
                    "The largest of two known factors, not of the three.",
                ),
                Option(
                    "B",
                    f"{left:g} times must come from how models, tools and retrieval are composed and scheduled",
                    f"Yes: {known}, more than either of the others.",
                    correct=True,
                ),
                Option("C", f"{added:g} times remain to be found", f"Gains multiply, they do not add: {known}."),
                Option("D", "Larger models", "That raises the work per answer, not the answers per joule."),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "tokens_required",
                "checkpoint_overhead",
                "goodput_first_order",
                "kv_cache_bytes",
                "decode_memory_time",
                "carbon_kg",
                "zcdp_noise_multiplier",
                "gaussian_mean_abs_error",
                "binormal_threshold",
                "orchestration_gain",
            ),
            "Training takes $T = \\frac{D}{B} \\cdot \\frac{T_{step}}{g}$, where $T_{step}$ is $6PB/(N R \\eta)$ plus "
            "the ring terms. Its energy is $N$ times power, racks, cooling and $T$: what does not shrink with $N$ is "
            "paid $N$ times. A design is feasible only where all margins are positive at once, and the smallest of "
            "them binds.",
        )


WHAT = {
    "deadline": "days of training",
    "communication": "share of a step that computes",
    "failure": "share of the time that is useful",
    "memory": "weights and cache of a serving GPU",
    "memory_wall": "time per token in serving",
    "carbon": "training and a year of serving",
    "privacy": "budget and error of the telemetry portal",
    "equity": "gap in catch rates, accuracy",
}


@dataclass(frozen=True)
class Run:
    """A training run at its best checkpoint interval."""

    days: float
    mwh: float
    efficiency: float
    goodput: float


@cache
def best_run(gpus: int) -> Run:
    """Training with the published batch at Young's interval."""
    goodput = float(best_goodput(gpus))
    days = float(training_days(gpus, BATCH.value, goodput))
    parts = step_parts(gpus)
    return Run(days, float(training_mwh(gpus, days)), float(parts["compute"] / step_time(parts)), goodput)


@lru_cache(maxsize=512)
def _designed(context: str, controls: tuple[tuple[str, Any], ...]) -> ProgrammeOutcome:
    """The outcome of a design that is not on screen."""
    return EightAudits.compute(context, **dict(controls))


#: A design that passes all eight audits.
REFERENCE: dict[str, Any] = {
    "gpus": 1024,
    "batch_mi": 4,
    "interval_min": 60,
    "site": "renewable",
    "weight_bits": 8,
    "sequences": 48,
    "epsilon": 1.0,
    "policy": "equal_opportunity",
}


def instructor_notes() -> str:
    """The notes, with the numbers that they quote."""
    coal = EightAudits.design(**{**REFERENCE, "site": "coal", "sequences": 64})
    tokens = BATCH.value / FLEET_GPUS
    small, large = best_run(int(SMALLER_FLEET.value)), best_run(FLEET_GPUS)
    return (
        "- Students arrive able to optimise any one number, and expect the optima to add up. Two invariants close the "
        "course: shares of a step add up to one, and a design is feasible only where all audits pass at once.\n- Show "
        "the ledger board before the prediction and say nothing; the Wilson intervals teach why three labs prove "
        "little.\n- The elasticity identity is Amdahl's law in differential form; connect it to Volume 1, Lab 12.\n- "
        f"Why {FLEET_GPUS:,} GPUs lose: {tokens:.0f} tokens per GPU and step, {small.days / large.days:.1f} times the "
        f"speed for {large.mwh / small.mwh:.1f} times the energy. Ask what a larger model would change (compute per "
        "token grows, so does the message; the ratio depends on tokens per GPU only).\n- The best design on coal "
        f"misses by {coal.carbon_t - LIMIT_T:.0f} t of {LIMIT_T:g}: serving, not training, owns "
        "the budget. Volume 2, Lab 15 in one line.\n- Do not let groups solve rows one by one; ask for the control "
        "that moves two rows in opposite directions.\n- Extension: let half of the exchange overlap with computation "
        "(fleet law) and find the new feasible set."
    )


class InvariantAuditLab(Lab):
    """The invariants of both volumes at once, and the student's own record of them."""

    volume, number, slug = 2, 17, "lab_17_ml_conclusion"
    title = "The Invariant Audit"
    question = "Which limit holds the whole, and does your design pass every audit at the same time?"
    chapter = "Conclusion"
    invariant = (
        "Shares of a step add up to one, so improving the largest promotes the next; and a design is feasible only "
        "where all audits pass at once."
    )
    contexts = (FLEET, POD)
    acts = (TenPercent, EightAudits)
    briefing = (
        "By now you can optimise any one number. This lab asks what happens when all of them share the same GPUs, the "
        "same joules and the same seconds. In Act I you spend ten percent on one resource of a fleet, with your own "
        "record of both volumes beside you: full, partial or empty, the lab works with any. In Act II you bring one "
        "programme, from its training to a year of serving, past eight audits at the same time. A report of one page, "
        "to print or to save, closes the course: you find it in the Ledger tab."
    )
    reading = (
        Reading(
            "Conclusion, Six principles of distributed ML systems",
            "one constraint, one question, one metric each; 419 failures in 54 days",
        ),
        Reading(
            "Conclusion, The complete production system",
            "coupled rates, budgets, failure exposures and policy constraints",
        ),
        Reading(
            "Conclusion, The path forward: projecting the 100x fleet",
            "where a hundredfold gain would have to come from",
        ),
        Reading(
            "Conclusion, Fallacies and pitfalls",
            "optimising one layer while hiding the constraint that it creates in another",
        ),
    )
    assumptions = (
        "- Nothing overlaps: computation, both exchanges and start-up times follow one another. Optimiser state and "
        "gradients are sharded, which is why 13 billion parameters train in 80 GB; activations are recomputed.\n- 4 Mi "
        "tokens are 1,024 sequences of 4,096: beyond 1,024 GPUs a sequence must be split. The model charges nothing "
        "for that, so it is kind to the large fleet.\n- The critical batch of this run is not published; 8 Mi is a "
        "rounded anchor. With 4, 6 or 16 Mi the feasible fleets stay feasible.\n- Goodput is a first order: losses are "
        "added. The time between failures counts all unexpected interruptions, not only those of GPUs.\n- A token "
        "takes the time to read weights and cache; its arithmetic is shorter and overlaps. Only weights are quantised."
        "\n- Serving stays on the US grid, for latency and residency, at 70 % load.\n- Privacy and equity are audited "
        "on the telemetry portal of Lab V2-13 and the score of Lab V2-16, as point values without interval.\n- Peak: "
        f"{c.H100_FLOPS_FP16_TENSOR.value / 1e12:.0f} TFLOP/s dense; NVLink {c.NVLINK4_BW.value / 1e9:.0f} GB/s in one "
        "direction."
    )
    constants = (
        c.LLAMA2_13B_PARAMS,
        c.LLAMA2_13B_LAYERS,
        c.LLAMA2_13B_HEADS,
        c.LLAMA2_13B_HEAD_DIM,
        TOKENS,
        BATCH,
        CRITICAL_BATCH,
        c.H100_FLOPS_FP16_TENSOR,
        KERNEL_EFFICIENCY,
        c.H100_MEM_BW,
        c.H100_MEM_CAPACITY,
        c.H100_TDP,
        c.NVLINK4_BW,
        c.IB_NDR_BW,
        c.IB_EFFECTIVE_LATENCY,
        c.GPUS_PER_NODE,
        GRADIENT_BYTES,
        c.LLAMA3_GPUS,
        c.LLAMA3_DAYS,
        c.LLAMA3_INTERRUPTIONS,
        c.LLAMA3_GPU_MTBF_H,
        SAVE,
        RESTART,
        c.IT_RATIO,
        c.PUE,
        c.CI_COAL,
        c.CI_US,
        c.CI_RENEW,
        REQUESTS,
        REPORT_TOKENS,
        CONTEXT_TOKENS,
        CACHE_BYTES,
        SERVE_UTILIZATION,
        LIMIT_DAYS,
        LIMIT_EFFICIENCY,
        LIMIT_GOODPUT,
        LIMIT_TPOT,
        LIMIT_CARBON,
        LIMIT_EPSILON,
        LIMIT_ERROR,
        SENSITIVITY,
        DELTA,
        RELEASES,
        LIMIT_GAP,
        LIMIT_ACCURACY,
        BASE_A,
        BASE_B,
        SHARE_A,
        D_PRIME,
        CUT_BEST,
        CUT_A,
        CUT_B,
        RAW_A,
        RAW_B,
        TAIL_PERCENTILE,
        TAIL_FANOUT,
        GOAL,
        GOAL_HARDWARE,
        GOAL_ALGORITHMS,
        SMALLER_FLEET,
        c.DAYS_PER_YEAR,
        c.Z95,
    )
    reads = (*((key, field) for key in TOPICS for field in FIELDS), ("v2_13", "epsilon_year"))
    instructor_notes = instructor_notes()

    def open(self) -> None:
        self.starts_from_ledger: list[str] = []
        epsilon = self.read("v2_13", "epsilon_year")
        bits = self.read("ch10", "act2_decision")
        site = self.read("v2_15", "context")
        policy = self.read("v2_16", "act2_decision")
        if epsilon is not None:
            self._start("epsilon", epsilon, "Lab V2-13")
        if bits is not None:
            self._start("weight_bits", 8 if bits in QUANTIZED else 16, "Lab V1-10")
        if site is not None:
            self._start("site", "renewable" if site == "renewable" else "coal", "Lab V2-15")
        if policy is not None:
            self._start("policy", policy if policy in POLICIES else "accuracy", "Lab V2-16")

    def _start(self, name: str, value: Any, source: str) -> None:
        self.act2.preset(name, value, source)
        spec = self.act2.specs[name]
        self.starts_from_ledger.append(f"{spec.label}: {spec.text(self.act2.default(name))} ({source})")

    @property
    def board(self) -> Board:
        """The student's record of both volumes."""
        return cast(TenPercent, self.act1).board

    def result(self) -> float:
        return float(self.act2.outcome.audits_passed)

    def decision(self) -> str:
        o = self.act2.outcome
        return "commission" if o.passes else str(o.binding)

    def extras(self) -> dict[str, Any]:
        o = self.act2.outcome
        return {
            "gpus": o.gpus,
            "training_days": o.training_days if math.isfinite(o.training_days) else None,
            "carbon_t": o.carbon_t,
            "labs_read": len(self.board.read),
            "share_correct": self.board.share_correct,
        }

    def report(self) -> Report:
        # Read anew: an imported file may have brought labs since the board was drawn.
        board = Board.of(self)
        return Report(
            eyebrow=f"MLSys Labs · Volume {self.volume} · Lab {self.number:02d} · {self.chapter}",
            title=self.title,
            invariant=self.invariant,
            date=today(),
            summary=self._summary(board),
            labs=reported_labs(board),
            families=reported_families(board),
            design=self.report_design(),
        )

    def report_design(self) -> ReportDesign:
        act, o = self.act2, self.act2.outcome
        open_ = "act2" in self.predictions
        controls = {
            "context": self.active_context.label,
            **{spec.label: spec.text(act.values()[name]) for name, spec in act.specs.items()},
            "audits passed": f"{o.audits_passed} of {len(AUDITS)}",
        }
        return ReportDesign(
            audits=tuple(
                ReportAudit(
                    key,
                    audit.name,
                    audit.limit,
                    *((o.found(key), room_text(o.margins[key]), SIGNS[o.passed[key]]) if open_ else ()),
                )
                for key, audit in AUDITS.items()
            ),
            controls=tuple((label, text if open_ else "–") for label, text in controls.items()),
            verdict=self._verdict() if open_ else "Act II has not been opened yet.",
        )

    def _summary(self, board: Board) -> tuple[tuple[str, str], ...]:
        record = board.record
        wrong = [guess for guess in record.guesses if guess.correct is False]
        factor = typical_factor(wrong)
        own = self.predictions.get("act1")
        return (
            ("labs in my ledger", f"{len(board.read)} of {len(TOPICS)}"),
            ("first predictions right", right_text(record) if record.taken else "–"),
            ("95 % interval", interval_text(record)),
            ("a wrong one is off by (median)", "–" if factor is None else f"{plain(factor, 2)}×"),
            ("labs with a limit broken", walls_text(record)),
            ("Act I here", "–" if own is None else f"{RESOURCES[own]} {SIGNS[self.correct['act1']]}"),
        )

    def _verdict(self) -> str:
        o = self.act2.outcome
        if o.passes:
            return f"Commissioned: all {len(AUDITS)} audits pass at once."
        binds = AUDITS[o.binding]
        return (
            f"Not commissioned: {len(o.failing)} of {len(AUDITS)} audits fail. Binding: {binds.name}, "
            f"{o.found(o.binding)} against {binds.limit}."
        )

    def solution(self, context: str) -> dict[str, Any] | None:
        return None if context == POD.id else REFERENCE

    def breaking(self, context: str) -> dict[str, Any]:
        return {"sequences": 96}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
