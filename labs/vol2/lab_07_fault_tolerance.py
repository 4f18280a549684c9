"""V2-07 The Square Root of Failure.

Act I: the same job on 8 and on 16,384 GPUs, and how far the checkpoint interval follows the failure rate. Act II: a
cluster that loses a fifth of its time, and which of storage, interval, mode and restart brings 90 % back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal, cast

import numpy as np

from components.controls import choice, log_slider, slider, stops
from components.instruments.layers import Plot
from components.instruments.reliability import (
    FieldPoint,
    LossBar,
    checkpoint_modes,
    checkpoint_tax,
    goodput_gauge,
    loss_breakdown,
    mtbf_scaling,
    training_progress,
)
from components.metrics import Metric, held
from components.quantity import counted, duration, number, percent, plain, quantity, setting, timespan, usd
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
from labs.content import Design
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.models import Models

POD_GPUS, CLUSTER_GPUS = int(c.GPUS_PER_NODE.value), int(c.LLAMA3_GPUS.value)
POD = Context("8gpu", "8-GPU pod", "cloud", "One node; in Act II it trains an 8B model.")
CLUSTER = Context("16k_gpu", "16k-GPU cluster", "cloud", f"{CLUSTER_GPUS:,} GPUs; in Act II they train a 405B model.")

HOUR, DAY = 3600.0, 86400.0

KOKOLIS = "Kokolis et al. 2025, as plotted in Fault Tolerance"
KOKOLIS_8 = scenario("kokolis_8_h", 1144.8, "hour", "time between failures of jobs on 8 GPUs", KOKOLIS, "paper")
KOKOLIS_1K = scenario("kokolis_1024_h", 7.9, "hour", "the same on 1,024 GPUs", KOKOLIS, "paper")
KOKOLIS_16K = scenario("kokolis_16384_h", 1.8, "hour", "the same on 16,384 GPUs, projected", KOKOLIS, "paper")
KOKOLIS_131K = scenario("kokolis_131072_h", 0.23, "hour", "the same on 131,072 GPUs, projected", KOKOLIS, "paper")
PCIE_MTBF = scenario("pcie_mtbf_h", 200_000, "hour", "PCIe link", "Fault Tolerance, worked example", "chapter")
PSU_MTBF = scenario(
    "psu_mtbf_h", 100_000, "hour", "power supply, shared by 8 GPUs", "Fault Tolerance, worked example", "chapter"
)
NIC_MTBF = scenario(
    "nic_mtbf_h", 150_000, "hour", "network adapter, shared by 8 GPUs", "Fault Tolerance, worked example", "chapter"
)
WORKED_GPUS = scenario("worked_gpus", 10_000, "GPU", "fleet of the worked example", "Fault Tolerance", "chapter")

WRITE_ACT1 = scenario(
    "write_act1_s",
    120,
    "s",
    "pause per synchronous save; every GPU writes its own shard, so it is the same for both sizes",
    "Fault Tolerance, checkpoint interval example",
    "chapter",
)
PARAMS_405B = scenario(
    "params_405b", Models.Language.Llama3_405B.params, "parameter", "model of the cluster", c.META, "paper"
)
STORAGE_16K = scenario(
    "storage_16k_bytes_s",
    100e9,
    "B/s",
    "the job's share of a parallel file system at the start",
    "Fault Tolerance, Checkpoint storage and recovery: 50 to 200 GB/s",
    "chapter",
)
STORAGE_LIMIT = scenario(
    "storage_limit_bytes_s", 200e9, "B/s", "largest share that the job may use", "top of the chapter's range", "chapter"
)
STORAGE_POD = scenario(
    "storage_pod_bytes_s",
    5e9,
    "B/s",
    "local NVMe of one node",
    "Fault Tolerance, Checkpoint storage and recovery: 5 to 10 GB/s",
    "chapter",
)
LLAMA3_STORAGE = scenario(
    "llama3_storage_bytes_s", 2e12, "B/s", "sustained rate of the run's file system", "Llama 3 report, 3.3.1", "paper"
)
FIXED_RESTART = scenario(
    "fixed_restart_s",
    360,
    "s",
    "detect 60, restart 180, warm up 120; reading the checkpoint comes on top",
    "mlsysim 0.3.0 recovery profile",
)
ASYNC_PAUSE = scenario(
    "async_pause_s",
    2.0,
    "s",
    "barrier and copy to host memory before an asynchronous write",
    "order of one collective barrier on 16,384 ranks",
)
TARGET = scenario(
    "target_goodput", 0.90, "1", "effective training time to reach", "Llama 3 report, 3.3.4: more than 90 %", "paper"
)
MAX_DUTY = scenario("max_duty", 0.50, "1", "largest share of the storage slice for checkpoints", "the lab's policy")
PROGRESS_FLOOR = scenario("progress_floor", 0.50, "1", "goodput below which the run is called off", "the lab's policy")
STEP_TIME = scenario("step_time_s", 5.71, "s", "one training step, without a design of V2-05", "example of Lab V2-05")

RUN_S = c.LLAMA3_DAYS.value * DAY
#: Time between failures of the cluster as the Llama 3 run measured it (s).
MEASURED_MTBF = RUN_S / c.LLAMA3_INTERRUPTIONS.value
RUN_POINT = FieldPoint(c.LLAMA3_GPUS.value, MEASURED_MTBF / HOUR)
FIELD_POINTS = (
    FieldPoint(8, KOKOLIS_8.value),
    FieldPoint(1024, KOKOLIS_1K.value),
    FieldPoint(16_384, KOKOLIS_16K.value, projected=True),
    FieldPoint(131_072, KOKOLIS_131K.value, projected=True),
)
REFERENCES = {f"{c.LLAMA3_DAYS.value:g} days": c.LLAMA3_DAYS.value * 24, "1 week": 168.0, "1 day": 24.0}

#: Sweeps: GPUs, and intervals from a few steps to a long weekend (s).
GPUS = 2.0 ** np.linspace(3, 17, 57)
INTERVALS = np.geomspace(30.0, 72 * HOUR, 240)

#: Parts of the loss, in the order of the stack.
PARTS = {
    "saves": "saves or pauses",
    "repeated work": "repeated work",
    "undrained work": "undrained work",
    "restarts": "restarts",
}


@dataclass(frozen=True)
class Size:
    """A number of GPUs at its best interval: time between failures (s), that interval (s), and its tax."""

    gpus: int
    mtbf_s: float
    interval_s: float
    tax: float

    @property
    def failures_per_day(self) -> float:
        """Expected failures of a day."""
        return physics.expected_failures(DAY, self.mtbf_s)


@dataclass(frozen=True)
class TaxOutcome:
    """What checkpoints cost a job, at its interval and at the best one; curves over GPUS and INTERVALS."""

    mtbf_s: float
    failures_per_day: float
    young_interval_s: float
    overhead: float
    overhead_at_optimum: float
    goodput_exact: float
    exact_interval_s: float
    pod: Size
    compared: Size
    predicted_interruptions: float
    mtbf_curve_s: np.ndarray
    saves: np.ndarray
    rework: np.ndarray


class CheckpointInterval(Act):
    """Act I: how far the best interval follows the failure rate."""

    title = "One number before noon"
    minutes = 14

    gpus = stops(
        "GPUs",
        tuple(2**k for k in range(3, 18)),
        CLUSTER_GPUS,
        text=lambda gpus: f"{gpus:,} GPUs",
        per_context={"8gpu": {"default": POD_GPUS}},
        reason="one node to the largest fleet that Kokolis et al. project",
    )
    gpu_mtbf_h = log_slider(
        "MTBF of one GPU",
        5_000,
        100_000,
        20,
        c.GPU_MTBF_H.value,
        unit="h",
        reason="worst field figures are near 8,000 h, server-grade specifications 100,000 h",
    )
    checkpoint_s = log_slider(
        "Save stops training for",
        1,
        900,
        20,
        WRITE_ACT1.value,
        text=timespan,
        reason="a snapshot in memory to a slow shared filer",
    )
    interval_s = log_slider(
        "Time between saves", 60, 72 * HOUR, 40, 20 * HOUR, text=timespan, reason="a minute to a long weekend"
    )

    @classmethod
    def compute(
        cls, context: str, *, gpus: float, gpu_mtbf_h: float, checkpoint_s: float, interval_s: float
    ) -> TaxOutcome:
        def size(count: float) -> Size:
            mtbf = physics.cluster_mtbf(gpu_mtbf_h * HOUR, count)
            best = physics.young_interval(checkpoint_s, mtbf)
            return Size(int(count), mtbf, best, physics.checkpoint_overhead(best, checkpoint_s, mtbf))

        here = size(gpus)
        mtbf = here.mtbf_s
        total = physics.checkpoint_overhead(INTERVALS, checkpoint_s, mtbf)
        saves = checkpoint_s / INTERVALS
        return TaxOutcome(
            mtbf_s=mtbf,
            failures_per_day=here.failures_per_day,
            young_interval_s=here.interval_s,
            overhead=physics.checkpoint_overhead(interval_s, checkpoint_s, mtbf),
            overhead_at_optimum=here.tax,
            goodput_exact=physics.goodput_exact(interval_s, checkpoint_s, 0.0, mtbf),
            exact_interval_s=physics.exact_checkpoint_interval(checkpoint_s, mtbf),
            pod=size(POD_GPUS),
            # A pod is compared with the cluster, anything else with the pod.
            compared=here if gpus != POD_GPUS else size(CLUSTER_GPUS),
            predicted_interruptions=physics.expected_failures(
                RUN_S, physics.cluster_mtbf(gpu_mtbf_h * HOUR, CLUSTER_GPUS)
            ),
            mtbf_curve_s=physics.cluster_mtbf(gpu_mtbf_h * HOUR, GPUS),
            saves=saves,
            rework=total - saves,
        )

    @classmethod
    @cache
    def asked(
        cls, gpus: int = CLUSTER_GPUS, interval_s: float | None = None, checkpoint_s: float = 120.0
    ) -> TaxOutcome:
        """The case of the question, at the best interval unless another one is named."""
        mtbf_h = c.GPU_MTBF_H.value
        best = physics.young_interval(checkpoint_s, physics.cluster_mtbf(mtbf_h * HOUR, gpus))
        return cls.compute("", gpus=gpus, gpu_mtbf_h=mtbf_h, checkpoint_s=checkpoint_s, interval_s=interval_s or best)

    def message(self) -> Message:
        return Message(
            "Hana, reliability engineer",
            f"Our {POD_GPUS}-GPU pod saves every {timespan(20 * HOUR)} and nobody has complained in two years. "
            f"On Monday the same job moves to {CLUSTER_GPUS:,} GPUs: the cluster will be interrupted "
            f"**{CLUSTER_GPUS // POD_GPUS:,} times more often**. Every save stops training for "
            f"{timespan(WRITE_ACT1.value)} on both. The launch script needs one number, the checkpoint interval, and I "
            "have until noon.",
        )

    def concept(self) -> str:
        return (
            f"Each GPU fails independently, on average every {c.GPU_MTBF_H.value:,.0f} hours, its **MTBF**. One "
            "failure stops the whole synchronous job and throws away the work since the last save.\n\n"
            f"A save costs {timespan(WRITE_ACT1.value)}. Save too often, and you pay for saves; too rarely, and "
            "you pay for **repeated work**. What both take together, as a share of the time, is the "
            "**tax** of checkpoints."
        )

    def from_ledger(self) -> str:
        own = cast(FaultToleranceLab, self.lab).own_fleet
        if own is None:
            return ""
        return (
            f"Your fleet of Lab V2-01, {own.gpus:,.0f} GPUs with {number(own.mtbf_h)} h between failures, is one more "
            "dot on the first plot."
        )

    def prediction(self) -> ChoicePrediction:
        pod, cluster = self.asked(POD_GPUS), self.asked()
        ratio = CLUSTER_GPUS / POD_GPUS
        actual = pod.young_interval_s / cluster.young_interval_s
        habit = self.asked(interval_s=pod.young_interval_s)
        hectic_s = pod.young_interval_s / ratio
        hectic = self.asked(interval_s=hectic_s)
        saving = WRITE_ACT1.value / (WRITE_ACT1.value + hectic_s)
        logarithm = math.log2(ratio)
        tree_s = pod.young_interval_s / logarithm
        tree = self.asked(interval_s=tree_s)
        return ChoicePrediction(
            f"Compared with the pod’s best interval, the best one on {CLUSTER_GPUS:,} GPUs is …",
            (
                Option(
                    "A",
                    "the same",
                    value=1.0,
                    feedback=(
                        f"The interval follows the failures, not the storage. With the pod’s "
                        f"{timespan(pod.young_interval_s)} the cluster almost never completes a segment: exact goodput "
                        f"{percent(habit.goodput_exact)}."
                    ),
                ),
                Option(
                    "B",
                    f"{ratio:,.0f} times shorter",
                    value=ratio,
                    feedback=(
                        f"{timespan(pod.young_interval_s)} over {ratio:,.0f} are {timespan(hectic_s)}, shorter than "
                        f"the save itself: {percent(saving, 0)} of the time goes into saving, exact goodput "
                        f"{percent(hectic.goodput_exact)}."
                    ),
                ),
                Option(
                    "C",
                    f"{actual:.0f} times shorter",
                    value=actual,
                    correct=True,
                    feedback=(
                        "Failures grow linearly, the response is a square root. The tax rises as much as the interval "
                        f"falls: from {percent(pod.overhead_at_optimum, 2)} to "
                        f"{percent(cluster.overhead_at_optimum)}."
                    ),
                ),
                Option(
                    "D",
                    f"{logarithm:.0f} times shorter",
                    value=logarithm,
                    feedback=(
                        f"A tree grows with $\\log_2$ {ratio:,.0f} = {logarithm:.0f}; this is no tree. Every "
                        f"{timespan(tree_s)} the tax is {percent(tree.overhead)} instead of "
                        f"{percent(cluster.overhead_at_optimum)}."
                    ),
                ),
            ),
            actual=actual,
            form=lambda times: f"{plain(times)}×",
            why=(
                f"{number(pod.young_interval_s / HOUR, 4)} h become {number(cluster.young_interval_s / 60, 4)} min: "
                f"$\\sqrt{{{ratio:.0f}}}$ times shorter."
            ),
        )

    def plots(self, outcome: TaxOutcome) -> dict[str, Any]:
        lab = cast(FaultToleranceLab, self.lab)
        predicted = self.predicted()
        observed = c.LLAMA3_INTERRUPTIONS.value
        flag = None
        if predicted is not None and self.context == CLUSTER.id:
            flag = self.asked(POD_GPUS).young_interval_s / predicted
        best, at_best = outcome.young_interval_s, outcome.overhead_at_optimum
        saves = self.checkpoint_s / self.interval_s
        wrong = physics.checkpoint_overhead(4 * best, self.checkpoint_s, outcome.mtbf_s)
        bent = " Above 100 % nothing is left: the sum is only a first order." if outcome.overhead > 1 else ""
        return {
            "mtbf": mtbf_scaling(
                GPUS,
                outcome.mtbf_curve_s / HOUR,
                here=(self.gpus, outcome.mtbf_s / HOUR),
                run=RUN_POINT,
                run_label="Llama 3",
                others=FIELD_POINTS,
                others_label="jobs on research clusters; hollow: projected",
                references=REFERENCES,
                own=lab.own_fleet,
                own_label="your V2-01 fleet",
                title="How often is the job interrupted?",
                caption=(
                    f"Ring: {self.gpus:,} GPUs, {duration(outcome.mtbf_s)} between failures. The line predicts "
                    f"{outcome.predicted_interruptions:,.1f} interruptions of {CLUSTER_GPUS:,} GPUs in "
                    f"{c.LLAMA3_DAYS.value:g} days; the Llama 3 run counted {observed:g}, where chance alone spreads "
                    f"by {math.sqrt(outcome.predicted_interruptions):.1f}. Dots: Kokolis et al. 2025."
                ),
            ),
            "tax": checkpoint_tax(
                INTERVALS,
                outcome.saves,
                outcome.rework,
                here=(self.interval_s, outcome.overhead),
                best=(best, at_best),
                predicted_s=flag,
                title=f"What checkpoints cost {self.gpus:,} GPUs",
                caption=(
                    f"Saving every {timespan(self.interval_s)}: {percent(saves)} saves and "
                    f"{percent(outcome.overhead - saves)} repeated work.{bent} Best: {timespan(best)} with "
                    f"{percent(at_best, 2 if at_best < 0.01 else 1)}; a quarter or four times of it costs "
                    f"{percent(wrong, 2 if wrong < 0.01 else 1)}."
                ),
            ),
        }

    def metrics(self, outcome: TaxOutcome) -> list[Metric]:
        best = outcome.overhead_at_optimum
        small = 2 if outcome.overhead < 0.01 else 1
        return [
            Metric.of("MTBF of the job", timespan(outcome.mtbf_s)),
            Metric("Failures per day", number(outcome.failures_per_day)),
            Metric(
                f"In {c.LLAMA3_DAYS.value:g} days", number(physics.expected_failures(RUN_S, outcome.mtbf_s)), "failures"
            ),
            Metric.of(
                "Best interval",
                timespan(outcome.young_interval_s, 4),
                note=f"exact: {timespan(outcome.exact_interval_s, 4)}",
            ),
            Metric(
                "Tax",
                f"{outcome.overhead * 100:,.{small}f}",
                "%",
                note=f"at the best: {percent(best, 2 if best < 0.01 else 1)}",
            ),
            Metric("Exact goodput", f"{outcome.goodput_exact * 100:.1f}", "%", note="without restart time"),
        ]

    def tables(self, outcome: TaxOutcome) -> list[Table]:
        def times(value: float) -> str:
            return f"{plain(value)}×"

        pod, other = outcome.pod, outcome.compared
        rows = (
            (
                "failures per day",
                number(pod.failures_per_day),
                number(other.failures_per_day),
                times(other.failures_per_day / pod.failures_per_day),
            ),
            (
                "best interval",
                timespan(pod.interval_s, 4),
                timespan(other.interval_s, 4),
                f"1/{plain(pod.interval_s / other.interval_s)}",
            ),
            ("tax at the best interval", percent(pod.tax, 2), percent(other.tax, 2), times(other.tax / pod.tax)),
        )
        columns = ("", f"{pod.gpus} GPUs (pod)", f"{other.gpus:,} GPUs", "ratio")
        return [Table("The same job on two sizes", columns, rows, emphasis=1)]

    def reflection(self) -> Question:
        now = self.asked().overhead_at_optimum
        halved = self.asked(checkpoint_s=WRITE_ACT1.value / 2).overhead_at_optimum
        return Question(
            f"{CLUSTER_GPUS:,} GPUs, interval always at its optimum: which investment lowers the tax more, storage "
            f"twice as fast ({timespan(WRITE_ACT1.value / 2)} saves) or GPUs that fail half as often? Ignore restart "
            "time.",
            (
                Option(
                    "A",
                    "Storage",
                    f"Half the write time divides the tax by $\\sqrt{{2}}$, to {percent(halved)}: no more than the "
                    "other.",
                ),
                Option(
                    "B",
                    "Reliability",
                    "Twice the time between failures also divides the tax by $\\sqrt{2}$. It would win only through "
                    "the restart term.",
                ),
                Option(
                    "C",
                    "Exactly the same",
                    correct=True,
                    feedback=(
                        "Both divide $\\sqrt{2\\delta/M}$ by $\\sqrt{2}$: "
                        f"{percent(now)} become {percent(halved)}. "
                        "With a restart time, reliability also shrinks $R/M$."
                    ),
                ),
                Option(
                    "D",
                    "Neither, only the interval matters",
                    "The interval only finds the bottom of the U. These two move the bottom.",
                ),
            ),
        )

    def peek(self) -> Peek:
        asked = self.asked()
        shorter = 1 - asked.exact_interval_s / asked.young_interval_s
        return Peek(
            (
                "cluster_mtbf",
                "series_mtbf",
                "expected_failures",
                "checkpoint_overhead",
                "young_interval",
                "exact_checkpoint_interval",
            ),
            "At the bottom of the U the derivative vanishes: $-\\delta/\\tau^2 + 1/(2M) = 0$, hence "
            "$\\tau^* = \\sqrt{2\\delta M}$ and a tax of $\\sqrt{2\\delta/M}$, half of it saves.\n\n"
            f"$M_1/N$ against the field: {CLUSTER_GPUS:,} GPUs in {c.LLAMA3_DAYS.value:g} days, predicted "
            f"{asked.predicted_interruptions:.1f} interruptions, observed {c.LLAMA3_INTERRUPTIONS.value:g}. Parts of "
            f"different kinds add their rates: {WORKED_GPUS.value:,.0f} GPUs with their PCIe links, power supplies and "
            f"adapters are interrupted every {number(worked_example() / HOUR)} h.\n\n"
            f"The square root is a first order, good while save and interval are short against $M$. Here the exact "
            f"optimum is {percent(shorter)} shorter.",
        )


@cache
def worked_example() -> float:
    """Time between failures of the chapter's fleet, from the rates of all its parts (s)."""
    gpus, nodes = WORKED_GPUS.value, WORKED_GPUS.value / c.GPUS_PER_NODE.value
    parts = ((gpus, c.GPU_MTBF_H), (gpus, PCIE_MTBF), (nodes, PSU_MTBF), (nodes, NIC_MTBF))
    return physics.series_mtbf(np.array([count / (mtbf.value * HOUR) for count, mtbf in parts]))


#: Time between failures (s), GPUs and parameters of the job of each context.
MTBF = {POD.id: physics.cluster_mtbf(c.GPU_MTBF_H.value * HOUR, POD_GPUS), CLUSTER.id: MEASURED_MTBF}
GPUS_OF = {POD.id: POD_GPUS, CLUSTER.id: CLUSTER_GPUS}
PARAMS = {POD.id: Models.Language.Llama3_8B.params, CLUSTER.id: PARAMS_405B.value}
MODES = {"sync": "synchronous", "async": "asynchronous"}

Mode = Literal["sync", "async"]


@lru_cache(maxsize=512)
def sample_run(
    mtbf_s: float, interval_s: float, pause_s: float, drain_s: float, restart_s: float, mode: Mode, seed: int
) -> physics.TrainingRun:
    """One run of as many days as the published one. Sliders visit the same few hundred states again and again."""
    return physics.simulate_training_run(
        RUN_S, mtbf_s, interval_s, pause_s, drain_s, restart_s, mode, seed, detail=False
    )


@dataclass(frozen=True)
class GoodputOutcome:
    """A checkpoint design: what it loses (fractions of the time) and why. In a storm most of it is undefined."""

    write_s: float
    restart_s: float
    overhead: float | None
    goodput: float | None
    storage_duty: float
    lost_usd_per_day: float | None
    status: str
    mode: str
    gpus: int
    mtbf_s: float
    interval_s: float
    checkpoint_bytes: float
    parts: dict[str, float] | None
    survival: float
    exact_goodput: float | None
    best_interval_s: float
    allowed_tax: float
    sync_tax: np.ndarray
    async_tax: np.ndarray
    run: physics.TrainingRun | None


class GoodputDesign(Act):
    """Act II: 90 % of a cluster's time, within a slice of storage."""

    title = "Ninety per cent"
    minutes = 22

    mode = choice("Saves", MODES, "sync", reason="the two schemes of the chapter")
    storage_bytes_s = slider(
        "Storage share",
        25e9,
        STORAGE_LIMIT.value,
        5e9,
        STORAGE_16K.value,
        unit="GB/s",
        scale=1e-9,
        per_context={"8gpu": {"low": 1e9, "high": 10e9, "step": 0.5e9, "default": STORAGE_POD.value}},
        reason="cluster: 50 to 200 GB/s of a parallel file system, less when it is congested; pod: NVMe of one node",
    )
    interval_s = log_slider(
        "Time between saves",
        30,
        72 * HOUR,
        40,
        HOUR,
        unit="min",
        scale=1 / 60,
        text=timespan,
        entry=True,
        reason="a few steps to a long weekend",
    )
    fixed_restart_s = slider(
        "Restart, fixed part",
        180,
        1800,
        30,
        FIXED_RESTART.value,
        unit="s",
        reason="a warm spare and early detection to recovery by hand",
    )
    seed = stops(
        "Sample run: seed", tuple(range(1, 13)), 1, text=lambda seed: f"seed {seed}", reason="twelve runs of chance"
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        mode: Mode,
        storage_bytes_s: float,
        interval_s: float,
        fixed_restart_s: float,
        seed: int = 1,
    ) -> GoodputOutcome:
        mtbf, gpus = MTBF[context], GPUS_OF[context]
        size = physics.checkpoint_bytes(PARAMS[context], c.CKPT_BYTES.value)
        write = physics.transfer_time(size, storage_bytes_s, 0.0)
        restart = fixed_restart_s + write
        duty = physics.storage_duty(write, interval_s)
        asynchronous = mode == "async"
        pause = ASYNC_PAUSE.value if asynchronous else write
        drain = write if asynchronous else 0.0
        storm = asynchronous and write >= interval_s
        overhead = goodput = lost = exact = run = parts = None
        if not storm:
            overhead = (
                physics.async_checkpoint_overhead(interval_s, pause, drain, mtbf)
                if asynchronous
                else physics.checkpoint_overhead(interval_s, write, mtbf)
            )
            goodput = physics.goodput_first_order(overhead, restart, mtbf)
            lost = (1 - goodput) * gpus * 24 * c.GPU_USD_H_OWNED.value
            parts = {
                "saves": pause / interval_s,
                "repeated work": interval_s / (2 * mtbf),
                "undrained work": drain / mtbf,
                "restarts": restart / mtbf,
            }
            exact = None if asynchronous else physics.goodput_exact(interval_s, write, restart, mtbf)
            run = sample_run(mtbf, interval_s, pause, drain, restart, mode, int(seed))
        protected = np.maximum(INTERVALS, write)
        return GoodputOutcome(
            write_s=write,
            restart_s=restart,
            overhead=overhead,
            goodput=goodput,
            storage_duty=duty,
            lost_usd_per_day=lost,
            status=status_of(goodput, duty),
            mode=mode,
            gpus=gpus,
            mtbf_s=mtbf,
            interval_s=interval_s,
            checkpoint_bytes=size,
            parts=parts,
            survival=1 - physics.failure_probability(interval_s + pause, mtbf),
            exact_goodput=exact,
            # A drain that is longer than the best interval moves the bottom of the curve to the edge of the storm.
            best_interval_s=max(physics.young_interval(pause, mtbf), drain),
            allowed_tax=1 - TARGET.value - restart / mtbf,
            sync_tax=physics.checkpoint_overhead(INTERVALS, write, mtbf),
            async_tax=np.where(
                write <= INTERVALS, physics.async_checkpoint_overhead(protected, ASYNC_PAUSE.value, write, mtbf), np.nan
            ),
            run=run,
        )

    @classmethod
    @cache
    def design(
        cls,
        mode: Mode,
        storage_bytes_s: float = STORAGE_16K.value,
        interval_s: float | None = None,
        fixed_restart_s: float = FIXED_RESTART.value,
        context: str = CLUSTER.id,
    ) -> GoodputOutcome:
        """A design that a text quotes, at its best interval unless another one is named."""
        chosen = interval_s
        if chosen is None:
            chosen = cls.design(mode, storage_bytes_s, HOUR, fixed_restart_s, context).best_interval_s
        return cls.compute(
            context, mode=mode, storage_bytes_s=storage_bytes_s, interval_s=chosen, fixed_restart_s=fixed_restart_s
        )

    @classmethod
    def start(cls, context: str) -> GoodputOutcome:
        """The design that runs today."""
        storage = {POD.id: STORAGE_POD, CLUSTER.id: STORAGE_16K}[context].value
        return cls.design("sync", storage, HOUR, FIXED_RESTART.value, context)

    def message(self) -> Message:
        start = self.start(CLUSTER.id)
        assert start.goodput is not None
        assert start.lost_usd_per_day is not None
        return Message(
            "Kofi, director of training infrastructure",
            f"We saved hourly, synchronously, and lost {percent(1 - start.goodput, 0)} of {CLUSTER_GPUS:,} GPUs to "
            f"failures: **{usd(round(start.lost_usd_per_day, -3))} a day**. The published run of this size reports "
            f"more than {percent(TARGET.value, 0)} effective training time. You may use at most "
            f"{setting(STORAGE_LIMIT.value, 'B/s')} of the shared file system, and not more than half of the time. "
            f"Show me {percent(TARGET.value, 0)}.",
        )

    def concept(self) -> str:
        start, pod = self.start(CLUSTER.id), self.start(POD.id)
        return (
            f"A checkpoint is {PARAMS_405B.value / 1e9:g} billion parameters × {c.CKPT_BYTES.value:g} bytes = "
            f"**{quantity(start.checkpoint_bytes, 'B')}**. *Synchronous*: training waits for the whole write. "
            f"*Asynchronous*: training waits {timespan(ASYNC_PAUSE.value)} while the state is copied to host memory, "
            "and the write **drains** in the background. A snapshot that has not drained protects nothing, and a drain "
            "that is not finished when the next snapshot starts piles up.\n\n"
            "After a failure: detect, restart, read the checkpoint back, warm up. The cluster fails as often as the "
            f"Llama 3 run was measured to, every {duration(start.mtbf_s, 4)}; the pod holds an 8B model "
            f"({quantity(pod.checkpoint_bytes, 'B')}) and fails every {number(pod.mtbf_s / HOUR)} h."
        )

    def from_ledger(self) -> str:
        lab = cast(FaultToleranceLab, self.lab)
        sentences = []
        if lab.own_pause is not None:
            pause_s, interval_min = lab.own_pause
            sentences.append(
                f"In Lab V2-04 your save paused training for {number(pause_s)} s every {number(interval_min)} min."
            )
        if lab.step_source:
            sentences.append(
                f"Intervals are also shown in steps of your {lab.step_source}, {number(lab.step_s)} s each."
            )
        return " ".join(sentences)

    def prediction(self) -> ChoicePrediction:
        now = self.design("sync")
        fast = self.design("sync", 2 * STORAGE_16K.value)
        often = self.design("sync", interval_s=now.best_interval_s / 2)
        overlapped = self.design("async")
        quick = self.design("sync", fixed_restart_s=now.restart_s / 2 - now.write_s)
        restarts = (now.parts or {})["restarts"]
        return ChoicePrediction(
            f"Start: synchronous, {setting(STORAGE_16K.value, 'B/s')} ({number(now.write_s)} s per save), best "
            f"interval {timespan(now.best_interval_s)}, restart {now.restart_s:.0f} s; goodput {percent(now.goodput)}. "
            "Which one change gains most?",
            (
                Option(
                    "A",
                    "Storage twice as fast, interval re-optimised",
                    value=fast.goodput,
                    feedback=gap_to(fast, overlapped, "faster storage")
                    + f"The square root again: half the write divides the tax by {math.sqrt(2):.2f} only.",
                ),
                Option(
                    "B",
                    "Save twice as often",
                    value=often.goodput,
                    feedback=gap_to(often, overlapped, "twice as many saves")
                    + "Left of the optimum the saves grow faster than the repeated work falls.",
                ),
                Option(
                    "C",
                    "Asynchronous saves, interval re-optimised",
                    value=overlapped.goodput,
                    correct=True,
                    feedback=(
                        f"Training stops {now.write_s / ASYNC_PAUSE.value:.0f} times shorter per save, so the best "
                        f"interval falls to {overlapped.best_interval_s:.0f} s, and the repeated work with it."
                    ),
                ),
                Option(
                    "D",
                    f"Restart twice as fast ({quick.restart_s:.0f} s), interval re-optimised",
                    value=quick.goodput,
                    feedback=gap_to(quick, overlapped, "a faster restart")
                    + f"Restarts take {percent(restarts)} in all; half of that is {percent(restarts / 2)}.",
                ),
            ),
            actual=cast(float, overlapped.goodput),
            form=percent,
            difference=True,
            difference_form=lambda gap: f"{gap * 100:.1f} points",
            numeric=False,
            why=(
                f"Asynchronous saves bring {percent(overlapped.goodput)}, "
                f"{points(cast(float, overlapped.goodput) - cast(float, now.goodput))} more than today’s best."
            ),
        )

    def challenge(self) -> str:
        target = percent(TARGET.value, 0)
        if self.context == POD.id:
            hourly = self.start(POD.id)
            best = self.design("sync", STORAGE_POD.value, context=POD.id)
            return (
                f"The pod reaches {percent(hourly.goodput)} with hourly saves and {percent(best.goodput, 2)} at its "
                f"optimum of {timespan(best.best_interval_s)}: every control is flat. The lesson is **not** to "
                f"engineer it, so it does not count. The challenge is the cluster: {target}."
            )
        return (
            f"Reach a goodput of at least **{target}** on {CLUSTER_GPUS:,} GPUs, with at most "
            f"{setting(STORAGE_LIMIT.value, 'B/s')} of storage and no more than {percent(MAX_DUTY.value, 0)} of its "
            "time for checkpoints. Then find a second way, in the other mode."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(
                f"Goodput ≥ {percent(TARGET.value, 0)}",
                lambda o: o.goodput is not None and at_least(o.goodput, TARGET.value),
            ),
            Constraint(
                f"Storage duty ≤ {percent(MAX_DUTY.value, 0)}", lambda o: at_most(o.storage_duty, MAX_DUTY.value)
            ),
            # The pod meets the other two by nature; the challenge is about the cluster.
            Constraint(f"{CLUSTER_GPUS:,} GPUs", lambda o: at_least(o.gpus, CLUSTER_GPUS)),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure("storm", "CHECKPOINT STORM:", when=lambda o: o.status == "storm", text=storm_text),
            Failure("no_progress", "NO PROGRESS:", when=lambda o: o.status == "no_progress", text=no_progress_text),
            Failure(
                "duty",
                "STORAGE:",
                severity="warn",
                when=lambda o: o.status == "duty",
                text=lambda o: (
                    f"checkpoints use {percent(o.storage_duty, 0)} of the storage slice, limit "
                    f"{percent(MAX_DUTY.value, 0)}; the data loader starves."
                ),
            ),
        )

    def plots(self, outcome: GoodputOutcome) -> dict[str, Plot]:
        start = self.start(self.context)
        predicted = self.predicted() if self.context == CLUSTER.id else None
        return {
            "goodput": goodput_gauge(
                outcome.goodput,
                target=TARGET.value,
                predicted=predicted,
                title="Goodput",
                empty="none: nothing is protected",
                caption=goodput_caption(outcome),
            ),
            "tax": checkpoint_modes(
                INTERVALS,
                outcome.sync_tax,
                outcome.async_tax,
                mode=outcome.mode,
                here=(outcome.interval_s, outcome.overhead),
                best_s=outcome.best_interval_s,
                storm_s=outcome.write_s,
                duty=(outcome.write_s / MAX_DUTY.value, f"duty {percent(MAX_DUTY.value, 0)}"),
                allowed=outcome.allowed_tax,
                title="The tax of saves and repeated work",
                caption=(
                    f"{MODES[outcome.mode].capitalize()} saves are cheapest every {timespan(outcome.best_interval_s)}. "
                    + (
                        f"Restarts leave {percent(outcome.allowed_tax)} of the "
                        f"{percent(1 - TARGET.value, 0)} that may be lost. "
                        if outcome.allowed_tax > 0
                        else f"Restarts alone take {percent(outcome.restart_s / outcome.mtbf_s)}. "
                    )
                    + f"Asynchronous saves pile up below {timespan(outcome.write_s)}."
                ),
            ),
            "loss": loss_breakdown(
                [LossBar("this design", outcome.parts), LossBar("at the start", start.parts)],
                PARTS,
                allowed=1 - TARGET.value,
                title="Where the time goes",
                caption=(
                    "A storm has no losses to show: no snapshot is ever complete."
                    if outcome.parts is None
                    else f"Largest loss: {loss_name(outcome)}, {percent(max(outcome.parts.values()))} of the time."
                    + (" What exceeds the whole of the time is cut." if sum(outcome.parts.values()) > 1 else "")
                ),
            ),
            "run": training_progress(
                None if outcome.run is None else outcome.run.time_s,
                None if outcome.run is None else outcome.run.useful_s,
                duration_s=RUN_S,
                goodput=outcome.goodput,
                title=f"One run of {c.LLAMA3_DAYS.value:g} days, seed {self.seed}",
                empty="a storm: nothing is protected",
                caption=(
                    "Every failure sends the run back to its beginning: no snapshot is ever complete."
                    if outcome.run is None
                    else f"{counted(len(outcome.run.failures_s), 'failures')} in this run, "
                    f"{physics.expected_failures(RUN_S, outcome.mtbf_s):.1f} expected; "
                    f"{number(outcome.run.useful_s[-1] / DAY)} of {c.LLAMA3_DAYS.value:g} days were useful, "
                    f"{percent(outcome.run.goodput)}."
                ),
            ),
        }

    def metrics(self, outcome: GoodputOutcome) -> list[Metric]:
        lab = cast(FaultToleranceLab, self.lab)
        good = outcome.goodput is not None and at_least(outcome.goodput, TARGET.value)
        exact = outcome.exact_goodput
        spare = at_most(outcome.storage_duty, MAX_DUTY.value)
        fine = 2 if self.context == POD.id else 1
        money = outcome.lost_usd_per_day
        return [
            Metric(
                "Goodput",
                share(outcome.goodput, fine),
                "" if outcome.goodput is None else "%",
                note="" if exact is None else f"exact model: {percent(exact, fine)}",
                status=held(good),
            ),
            Metric("Tax", share(outcome.overhead, fine), "" if outcome.overhead is None else "%"),
            Metric(
                "Restart",
                f"{outcome.restart_s:,.0f}",
                "s",
                note=f"{self.fixed_restart_s:.0f} fixed, {number(outcome.write_s)} read back",
            ),
            Metric("Lost per day", "–" if money is None else f"{money:,.{2 if money < 100 else 0}f}", "USD"),
            Metric.of(
                "Interval",
                timespan(outcome.interval_s),
                note=f"{number(outcome.interval_s / lab.step_s)} steps of {number(lab.step_s)} s",
            ),
            Metric("Storage duty", number(outcome.storage_duty * 100), "%", status=held(spare)),
        ]

    def tables(self, outcome: GoodputOutcome) -> list[Table]:
        daily = outcome.gpus * 24
        rows = []
        parts = outcome.parts or {}
        done = 0.0
        for key, label in PARTS.items():
            part = parts.get(key)
            if part is None:
                rows.append((label, "–", "–"))
                continue
            # What exceeds the whole of the time cannot be lost twice.
            visible = min(done + part, 1.0) - min(done, 1.0)
            done += part
            rows.append((label, percent(part, 2), f"{visible * daily:,.{1 if daily < 1000 else 0}f}"))
        emphasis = list(PARTS).index(largest_part(outcome)) if parts else None
        storage = (
            ("share of the job", setting(self.storage_bytes_s, "B/s")),
            ("checkpoint", quantity(outcome.checkpoint_bytes, "B")),
            ("one write", f"{number(outcome.write_s)} s"),
            ("duty: write over interval", f"{number(outcome.storage_duty * 100)} %"),
            ("average rate: bytes over interval", quantity(outcome.checkpoint_bytes / outcome.interval_s, "B/s")),
        )
        return [
            Table("The loss, part by part", ("", "% of the time", "GPU-hours a day"), tuple(rows), emphasis),
            Table("The storage slice", ("", "now"), storage),
        ]

    def reflection(self) -> Question:
        asked = self.design("async", interval_s=240.0)
        parts = asked.parts or {}
        return Question(
            f"Asynchronous, {setting(STORAGE_16K.value, 'B/s')}, every {timespan(asked.interval_s)}, "
            f"{FIXED_RESTART.value:g} s fixed restart: goodput {percent(asked.goodput)}. The largest remaining loss "
            "is …",
            (
                Option(
                    "A",
                    f"the {timespan(ASYNC_PAUSE.value)} pause",
                    f"{ASYNC_PAUSE.value:g} s in {asked.interval_s:g} s are {percent(parts['saves'])}.",
                ),
                Option(
                    "B",
                    "work repeated since the last snapshot",
                    f"Half an interval per failure is {percent(parts['repeated work'])}.",
                ),
                Option(
                    "C",
                    "the restart after a failure",
                    correct=True,
                    feedback=(
                        f"{percent(parts['restarts'])}, which neither mode nor interval touches. The next step is warm "
                        "spares and faster detection."
                    ),
                ),
                Option(
                    "D",
                    "snapshots that had not drained",
                    f"{number(asked.write_s)} s per failure are {percent(parts['undrained work'])}.",
                ),
            ),
        )

    def peek(self) -> Peek:
        start = self.start(CLUSTER.id)
        published = physics.transfer_time(start.checkpoint_bytes, LLAMA3_STORAGE.value, 0.0)
        return Peek(
            (
                "async_checkpoint_overhead",
                "goodput_first_order",
                "goodput_exact",
                "storage_duty",
                "failure_probability",
            ),
            "First order charges every failure half an interval. In fact a failure that strikes during or soon after a "
            "restart finds little work to destroy, so first order is conservative: the start has an exact goodput of "
            f"{percent(start.exact_goodput)}, first order {percent(start.goodput)}. Where the sum passes 100 % it says "
            "zero; a segment still survives with probability $e^{-(\\tau+\\delta)/M}$.\n\n"
            f"The published run wrote to {setting(LLAMA3_STORAGE.value, 'B/s')}: {number(published)} s per save.",
        )


def points(difference: float) -> str:
    """A difference of two shares: 4.5 points."""
    return f"{difference * 100:.1f} points"


def share(value: float | None, decimals: int) -> str:
    """A share in percent without its sign, a dash where it is undefined."""
    return "–" if value is None else f"{value * 100:,.{decimals}f}"


def status_of(goodput: float | None, duty: float) -> str:
    """Name of a design's state, the worst one first. Without a goodput snapshots pile up."""
    if goodput is None:
        return "storm"
    if not at_least(goodput, PROGRESS_FLOOR.value):
        return "no_progress"
    if not at_most(duty, MAX_DUTY.value):
        return "duty"
    return "ok" if at_least(goodput, TARGET.value) else "below_target"


def gap_to(chosen: GoodputOutcome, best: GoodputOutcome, name: str) -> str:
    """The opening of a feedback: what a choice brings against the best one."""
    assert chosen.goodput is not None
    assert best.goodput is not None
    return (
        f"{percent(chosen.goodput)} with {name}, {percent(best.goodput)} with asynchronous saves: "
        f"{points(best.goodput - chosen.goodput)} apart. "
    )


def largest_part(outcome: GoodputOutcome) -> str:
    """Key of the largest loss; undefined in a storm."""
    assert outcome.parts is not None
    return max(outcome.parts, key=lambda key: cast(dict[str, float], outcome.parts)[key])


def loss_name(outcome: GoodputOutcome) -> str:
    """The largest loss in words."""
    key = largest_part(outcome)
    return {"sync": "saves", "async": "pauses"}[outcome.mode] if key == "saves" else key


def goodput_caption(outcome: GoodputOutcome) -> str:
    """What the gauge shows, in words."""
    if outcome.goodput is None:
        return "In a storm no snapshot is ever complete: there is nothing to return to."
    missing = TARGET.value - outcome.goodput
    verdict = f"{points(missing)} short of the target" if not at_least(-missing, 0) else "the target is met"
    return (
        f"{percent(outcome.goodput)}, {verdict}. Saves and repeated work take {percent(outcome.overhead or 0.0)}, "
        f"restarts {percent(outcome.restart_s / outcome.mtbf_s)}."
    )


def storm_text(outcome: GoodputOutcome) -> str:
    """Banner of a drain that never ends."""
    backlog = outcome.checkpoint_bytes * HOUR * (1 / outcome.interval_s - 1 / outcome.write_s)
    return (
        f"a checkpoint needs {outcome.write_s:.0f} s to reach storage, but a new one starts every "
        f"{outcome.interval_s:.0f} s. The backlog grows by {quantity(backlog, 'B')} per hour."
    )


def no_progress_text(outcome: GoodputOutcome) -> str:
    """Banner of a run that loses more than it does."""
    parts = outcome.parts or {}
    rework = parts["repeated work"] + parts["undrained work"]
    return (
        f"saves {percent(parts['saves'], 0)}, repeated work {percent(rework, 0)} and restarts "
        f"{percent(parts['restarts'], 0)} of {outcome.gpus:,} GPUs’ time; a segment survives with probability "
        f"{percent(outcome.survival, 0)}."
    )


def projected(mode: Mode, storage_bytes_s: float, interval_s: float | None, fixed_restart_s: float = 360.0) -> float:
    """Goodput of a design of the cluster if it failed as often as the projection of Kokolis et al. says."""
    mtbf = KOKOLIS_16K.value * HOUR
    design = GoodputDesign.design(mode, storage_bytes_s, HOUR, fixed_restart_s)
    tau = interval_s or physics.young_interval(design.write_s, mtbf)
    overhead = (
        physics.async_checkpoint_overhead(tau, ASYNC_PAUSE.value, design.write_s, mtbf)
        if mode == "async"
        else physics.checkpoint_overhead(tau, design.write_s, mtbf)
    )
    return physics.goodput_first_order(overhead, design.restart_s, mtbf)


#: The cluster with the file system of the published run.
FAST_WRITE = GoodputDesign.design("sync", LLAMA3_STORAGE.value)


NOTES = (
    f"- The Llama 3 report gives {c.LLAMA3_GPU_MTBF_H.value:,.0f} GPU-hours per interruption, the textbook "
    f"{c.GPU_MTBF_H.value:,.0f}: they agree within {percent(c.LLAMA3_GPU_MTBF_H.value / c.GPU_MTBF_H.value - 1)}. "
    "Both are *all-cause* numbers, although the book speaks of a GPU.\n- Why is a tax of "
    f"{percent(CheckpointInterval.asked().overhead_at_optimum, 0)} at two-minute saves incompatible with more than "
    f"{percent(TARGET.value, 0)} effective training time, and what must the run have done? Its saves were short: "
    f"{quantity(FAST_WRITE.checkpoint_bytes, 'B')} at {setting(LLAMA3_STORAGE.value, 'B/s')} are "
    f"{number(FAST_WRITE.write_s, 2)} s, which gives {percent(FAST_WRITE.goodput)} even synchronously.\n- "
    "Independence is an assumption: infant mortality, a bad node that rejoins, a switch that takes 64 GPUs at once. "
    f"Jobs on other clusters fail every {KOKOLIS_1K.value:g} h at 1,024 GPUs, "
    f"{c.GPU_MTBF_H.value / 1024 / KOKOLIS_1K.value:.0f} times worse per GPU.\n- Extension: with "
    f"{KOKOLIS_16K.value:g} h between failures of {CLUSTER_GPUS:,} GPUs, which passing design still passes? "
    f"Asynchronous, 100 GB/s, 4 min: {percent(projected('async', 100e9, 240.0), 2)}, by a hair; asynchronous, 50 "
    f"GB/s: {percent(projected('async', 50e9, 240.0))}; synchronous, 200 GB/s, 240 s restart, interval re-tuned: "
    f"{percent(projected('sync', 200e9, None, 240.0))}."
)


class FaultToleranceLab(Lab):
    """How checkpoints, failures and restarts share a cluster's time."""

    volume, number, slug = 2, 7, "lab_07_fault_tolerance"
    title = "The Square Root of Failure"
    question = (
        f"When a cluster fails {CLUSTER_GPUS // POD_GPUS:,} times more often than a pod, how much more often must it "
        "save?"
    )
    chapter = "Fault Tolerance and Reliability"
    invariant = (
        "Failures grow linearly with the number of GPUs; the best checkpoint interval falls, and its tax grows, only "
        "with the square root."
    )
    contexts = (POD, CLUSTER)
    acts = (CheckpointInterval, GoodputDesign)
    briefing = (
        "Failure is treated as an exception, and the checkpoint interval as a habit: every hour. When a cluster fails "
        "thousands of times more often than a pod, neither the old habit nor saving thousands of times more often "
        "survives the arithmetic. Reliability cannot be bought back by saving more often; it is bought by making the "
        "save shorter, or by taking it off the critical path. The same formula leaves the pod alone and makes the "
        "cluster a problem of storage engineering."
    )
    reading = (
        Reading("Fault Tolerance, The mathematics of inevitable failure", "exponential survival, and MTBF over N"),
        Reading("Fault Tolerance, The Young-Daly law", "the U-shaped tax and its square root"),
        Reading("Fault Tolerance, Worked example: cluster MTBF calculation", "rates of parts add; field data"),
        Reading(
            "Fault Tolerance, Checkpoint interval from failure analysis",
            f"an example: {timespan(physics.young_interval(WRITE_ACT1.value, 3 * HOUR))}; and when the formula bends",
        ),
        Reading("Fault Tolerance, Checkpoint overhead analysis", "what a stop-the-world save costs"),
        Reading("Fault Tolerance, Synchronous vs. asynchronous checkpointing", "snapshot, drain, limits of storage"),
    )
    assumptions = (
        "- GPUs fail independently and at a constant rate, and any failure stops the whole job. Real failures come in "
        f"bursts, and a shared switch takes many GPUs at once.\n- {c.GPU_MTBF_H.value:,.0f} h is an all-cause number "
        f"per GPU, software and network included; the Llama 3 run gives {c.LLAMA3_GPU_MTBF_H.value:,.0f} h.\n- A "
        f"checkpoint holds {c.CKPT_BYTES.value:g} bytes per parameter: weight, master copy and two moments. Gradients "
        "are not saved.\n- A checkpoint is read back at the rate at which it was written.\n- A restart is a term of "
        "its own and not part of the square root.\n- Act II decides by first-order goodput, which is conservative; "
        "readouts also show the exact model of synchronous saves.\n- Storage duty is the write over the interval, in "
        "both modes."
    )
    constants = (
        c.GPU_MTBF_H,
        c.GPUS_PER_NODE,
        c.LLAMA3_GPUS,
        c.LLAMA3_DAYS,
        c.LLAMA3_INTERRUPTIONS,
        c.LLAMA3_GPU_MTBF_H,
        KOKOLIS_8,
        KOKOLIS_1K,
        KOKOLIS_16K,
        KOKOLIS_131K,
        PCIE_MTBF,
        PSU_MTBF,
        NIC_MTBF,
        WORKED_GPUS,
        WRITE_ACT1,
        PARAMS_405B,
        c.LLAMA31_8B_PARAMS,
        c.CKPT_BYTES,
        STORAGE_16K,
        STORAGE_LIMIT,
        STORAGE_POD,
        LLAMA3_STORAGE,
        FIXED_RESTART,
        ASYNC_PAUSE,
        TARGET,
        MAX_DUTY,
        PROGRESS_FLOOR,
        c.GPU_USD_H_OWNED,
        STEP_TIME,
    )
    reads = (
        ("v2_05", "step_time_s"),
        ("v2_04", "pause_s"),
        ("v2_04", "interval_min"),
        ("v2_01", "fleet_gpus"),
        ("v2_01", "fleet_mtbf_h"),
    )

    instructor_notes = NOTES

    #: One training step (s) and the lab that it comes from; pause (s) and interval (min) of V2-04; fleet of V2-01.
    step_s: float = STEP_TIME.value
    step_source: str = ""
    own_pause: tuple[float, float] | None = None
    own_fleet: FieldPoint | None = None

    def open(self) -> None:
        self.start_in(CLUSTER.id, "")
        step, pause, interval, gpus, mtbf = (self.read(key, field) for key, field in self.reads)
        usable = positive(step)
        self.step_s, self.step_source = (step, "Lab V2-05") if usable else (STEP_TIME.value, "")
        self.own_pause = (pause, interval) if positive(pause) and positive(interval) else None
        # A fleet that lies outside the plot would be a dot that nobody sees.
        seen = gpus is not None and mtbf is not None and GPUS[0] <= gpus <= GPUS[-1] and 0.1 <= mtbf <= 1e4
        self.own_fleet = FieldPoint(gpus, mtbf) if seen else None

    def eligible(self, outcome: GoodputOutcome) -> bool:
        return outcome.status != "storm"

    def result(self) -> float | None:
        return None if self.last_design is None else self.last_design.outcome.goodput

    def decision(self) -> str:
        controls = self._recorded().controls
        if controls["mode"] == "async":
            return "async"
        slow = at_least(controls["fixed_restart_s"], FIXED_RESTART.value)
        return "sync_fast_storage" if slow else "sync_fast_restart"

    def extras(self) -> dict[str, Any]:
        design = self._recorded()
        return {
            "checkpoint_interval_s": design.controls["interval_s"],
            "checkpoint_write_s": design.outcome.write_s,
            "fixed_restart_s": design.controls["fixed_restart_s"],
            "cluster_mtbf_s": design.outcome.mtbf_s,
            "mode": design.controls["mode"],
        }

    def _recorded(self) -> Design:
        """The last design outside a storm: result, name and numbers of an entry belong to one design."""
        return self.last_design or Design(self.context, self.act2.values(), self.act2.outcome)

    def solution(self, context: str) -> dict[str, Any] | None:
        return {"mode": "async", "interval_s": 240.0} if context == CLUSTER.id else None

    def breaking(self, context: str) -> dict[str, Any]:
        if context == CLUSTER.id:
            return {"mode": "async", "storage_bytes_s": 25e9, "interval_s": 200.0}
        return {"mode": "async", "storage_bytes_s": 1e9, "interval_s": 30.0}


def positive(value: Any) -> bool:
    """Whether a value from the ledger is a number that can be divided by."""
    return value is not None and value > 0


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
