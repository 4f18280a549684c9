"""V2-08 The Utilization Trap.

Act I: a partition that is 80 % busy, and how long a job waits for the 20 % that are free. Act II: short tests and long
trainings on one gang slot, and what priority and preemption cost whom.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

import numpy as np

from components.controls import choice, slider, stops
from components.instruments.layers import Axis, Plot
from components.instruments.pareto import Box, Trace, pareto_curve
from components.instruments.pareto import Design as Place
from components.instruments.scheduling import (
    IDLE,
    OVERHEAD,
    PATIENT,
    URGENT,
    OccupancyBar,
    QueueCurve,
    QueuePoint,
    SchedulerPanel,
    occupancy_bars,
    queue_sample_path,
    scheduler_gantt,
    wait_against_load,
)
from components.metrics import Metric, held
from components.quantity import counted, number, percent, plain, timespan, usd
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
from mlsysim.physics.cluster_schedule import Policy

FIFO = Context("fifo", "FIFO", "cloud", "Jobs start in the order of their arrival.")
PRIORITY = Context("priority", "Priority", "mobile", "Tests go first; in Act II they may also stop a training.")

CHAPTER = "Fleet Orchestration"
NODES = scenario("partition_nodes", 64, "1", "nodes of the partition", f"{CHAPTER}, Bin packing", "chapter")
SHORT = scenario("short_h", 0.5, "hour", "full-scale test", "the chapter's mix, minutes to weeks")
LONG = scenario("long_h", 48, "hour", "training run", "the chapter's mix; gives its coefficient of variation of 3")
LONG_FRACTION = scenario(
    "long_fraction", 0.08, "1", "share of the jobs that are trainings", "gives the chapter's coefficient of variation"
)
UTILIZATION = scenario(
    "utilization", 0.80, "1", "load of Act I", f"{CHAPTER}, The queuing theory of GPU clusters", "chapter"
)
CKPT_INTERVAL = scenario(
    "checkpoint_interval_min",
    30,
    "min",
    "time between checkpoints; a killed job loses half of it",
    "gives the 15 min lost per forced preemption used with the course",
)
RESTART = scenario(
    "restart_min", 5, "min", "relaunch 180 s and warm-up 120 s, nothing to detect", "mlsysim 0.3.0 recovery profile"
)
SAVE = scenario(
    "save_min",
    2,
    "min",
    "checkpoint before a job yields",
    "Fault Tolerance: 2 min for multi-terabyte saves; the two-minute reclaim notice of a large cloud",
)
DETECTION = scenario(
    "detection_s", 60, "s", "part of a restart that a planned stop does not need", "mlsysim 0.3.0 recovery profile"
)
WAIT_TARGET = scenario(
    "wait_target_min", 10, "min", "mean wait of tests", "interactive use: a third of the test stops the work"
)
SLOWDOWN_LIMIT = scenario("slowdown_limit", 3.0, "1", "mean response of trainings over 48 h", "the lab's agreement")
MIN_UTILIZATION = scenario(
    "min_utilization", 0.75, "1", "productive load that finance demands", "between the chapter's 60-70 % and its 80 %"
)

GPUS = int(NODES.value * c.GPUS_PER_NODE.value)
#: What a day and a year of the whole partition cost (USD).
USD_PER_DAY = GPUS * 24 * c.GPU_USD_H_OWNED.value
USD_PER_YEAR = USD_PER_DAY * 365

#: The mix of the story: tests first, trainings second.
FRACTIONS = np.array([1 - LONG_FRACTION.value, LONG_FRACTION.value])
DURATIONS = np.array([SHORT.value, LONG.value])
MEAN_H, SECOND_H2, MIX_CV = (float(moment) for moment in physics.service_moments(FRACTIONS, DURATIONS))
#: What is left of the running job, on average, for somebody who arrives while one runs (h).
RESIDUAL_H = SECOND_H2 / (2 * MEAN_H)

#: Sweeps of offered load: of Act I up to the wall, of Act II over its slider.
LOADS = np.linspace(0, 0.98, 99)
LOADS2 = np.round(np.arange(0.30, 0.9501, 0.01), 2)
#: Coefficients of variation that are drawn besides the mix.
SPREADS = {"C = 0": 0.0, "C = 1": 1.0, "C = 3": 3.0, "C = 5": 5.0}

#: A sample path has half a year or so many jobs; the Gantt chart has the first of them.
PATH_H, PATH_JOBS, GANTT_JOBS = 26 * 7 * 24.0, 1500, 100
SEEDS, SEED = tuple(range(1, 13)), 11
KINDS = ("tests", "trainings")


@dataclass(frozen=True)
class Played:
    """A stream under a scheduler: how long it is seen (h) and how many jobs arrive then, as a path and as a chart."""

    schedule: physics.ClusterSchedule
    path_h: float
    path_jobs: int
    chart_h: float
    chart_jobs: int

    def mean_wait_h(self, urgent: bool) -> float:
        """Mean wait of a kind of job on the path (h); NaN where none came."""
        seen = self.schedule.wait_h[: self.path_jobs][self.schedule.stream.urgent[: self.path_jobs] == urgent]
        return float(seen.mean()) if len(seen) else np.nan

    def remark(self) -> str:
        """The mean waits of the jobs on the chart."""
        waits, urgent = self.schedule.wait_h[: self.chart_jobs], self.schedule.stream.urgent[: self.chart_jobs]
        words = [
            f"{kind} {timespan(3600 * float(waits[urgent == first].mean()), 2)}"
            for kind, first in zip(KINDS, (True, False), strict=True)
            if (urgent == first).any()
        ]
        return ", ".join(words)


@lru_cache(maxsize=64)
def play(
    policy: Policy,
    arrival_per_h: float,
    long_fraction: float,
    short_h: float,
    long_h: float,
    seed: int,
    slots: int = 1,
    cost_h: float = 0.0,
    save_h: float = 0.0,
) -> Played:
    """Half a year of arrivals under a scheduler. Sliders visit the same states again and again."""
    expected = arrival_per_h * PATH_H
    jobs = int(min(expected + 4 * np.sqrt(expected) + 10, PATH_JOBS))
    stream = physics.draw_jobs(arrival_per_h, long_fraction, short_h, long_h, jobs, seed)
    schedule = physics.schedule_jobs(stream, policy, slots=slots, cost_h=cost_h, save_h=save_h)
    path_h = min(PATH_H, float(stream.arrival_h[-1]))
    path_jobs = int(np.searchsorted(stream.arrival_h, path_h, side="right"))
    chart_jobs = min(GANTT_JOBS, path_jobs)
    chart_h = float(stream.arrival_h[GANTT_JOBS - 1]) if path_jobs > GANTT_JOBS else path_h
    return Played(schedule, path_h, path_jobs, chart_h, chart_jobs)


def span(hours: float) -> str:
    """How long a stream is seen, in words."""
    units = ((168.0, "weeks"), (24.0, "days"), (1.0, "h"))
    unit, name = next((size, name) for size, name in units if hours >= 3 * size or size == 1)
    return f"{plain(hours / unit, 2)} {name}"


@dataclass(frozen=True)
class QueueOutcome:
    """A queue of tests and trainings: its moments, mean waits (h) and curves over LOADS (mean jobs)."""

    mean_service_h: float
    service_cv: float
    wait_short_h: float
    wait_long_h: float
    jobs_waiting: float
    utilization: float
    slots: int
    load_short: float
    load_long: float
    waiting_probability: float
    multiple: float
    residual_h: float
    idle_usd_per_day: float
    spread_curves: np.ndarray
    mix_curve: np.ndarray
    priority_curves: np.ndarray
    fifo_run: Played
    priority_run: Played


class QueueWait(Act):
    """Act I: how long a job waits for a machine that is free a fifth of the time."""

    title = "A fifth of the machine is free"
    minutes = 13

    utilization = slider(
        "Offered load",
        0.10,
        0.95,
        0.01,
        UTILIZATION.value,
        unit="%",
        scale=100,
        reason="above 95 % a mean wait is not measurable within a year",
    )
    long_fraction = slider(
        "Share of trainings",
        0.01,
        0.30,
        0.01,
        LONG_FRACTION.value,
        unit="% of the jobs",
        scale=100,
        reason="rare to common trainings",
    )
    long_h = slider("Length of a training", 12, 336, 12, LONG.value, unit="h", reason="half a day to two weeks")
    short_h = slider("Length of a test", 0.1, 4, 0.1, SHORT.value, unit="h", reason="smoke test to short run")
    slots = stops(
        "Gangs at once",
        tuple(2**k for k in range(7)),
        1,
        text=lambda slots: counted(slots, "slots"),
        reason="one gang of all nodes to one gang per node; load and lengths stay",
        only_in=(FIFO.id,),
    )
    seed = stops("Arrivals", SEEDS, SEED, text=lambda seed: f"seed {seed}", reason="twelve streams of the same law")

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        utilization: float,
        long_fraction: float,
        short_h: float,
        long_h: float,
        slots: int = 1,
        seed: int = SEED,
    ) -> QueueOutcome:
        fractions, durations = np.array([1 - long_fraction, long_fraction]), np.array([short_h, long_h])
        mean, second, cv = (float(moment) for moment in physics.service_moments(fractions, durations))
        priority = context == PRIORITY.id
        gangs = 1 if priority else int(slots)
        arrivals = gangs * utilization / mean * fractions
        multiple = physics.allen_cunneen_multiple(gangs, utilization, cv, 1.0)
        waits = physics.priority_waits_nonpreemptive(arrivals, durations) if priority else np.full(2, mean * multiple)
        waiting = physics.littles_law_concurrency(arrivals / 3600, waits * 3600)
        loads = arrivals * durations / gangs
        # The spread of lengths is a factor of its own, so Erlang's recursion over the loads runs once.
        factors = (1 + np.array([*SPREADS.values(), cv]) ** 2) / 2
        curves = physics.allen_cunneen_multiple(gangs, LOADS, 1.0, 1.0) * factors[:, None]
        classes = physics.priority_waits_nonpreemptive(LOADS[:, None] / mean * fractions, durations) / mean
        # Rounded, so that a slider that comes back finds the run it had.
        stream = (round(float(arrivals.sum()), 12), long_fraction, short_h, long_h, int(seed), gangs)
        return QueueOutcome(
            mean_service_h=mean,
            service_cv=cv,
            wait_short_h=float(waits[0]),
            wait_long_h=float(waits[1]),
            jobs_waiting=float(waiting.sum()),
            utilization=utilization,
            slots=gangs,
            load_short=float(loads[0]),
            load_long=float(loads[1]),
            waiting_probability=physics.erlang_c(gangs, gangs * utilization),
            multiple=multiple,
            residual_h=second / (2 * mean),
            idle_usd_per_day=USD_PER_DAY * (1 - utilization),
            spread_curves=curves[:-1],
            mix_curve=curves[-1],
            priority_curves=np.where(priority, classes, np.nan).T,
            fifo_run=play("fifo", *stream),
            priority_run=play("priority", *stream),
        )

    @classmethod
    @cache
    def asked(cls, context: str = FIFO.id, slots: int = 1) -> QueueOutcome:
        """The case of the question: the mix of the story at 80 %."""
        return cls.compute(
            context,
            utilization=UTILIZATION.value,
            long_fraction=LONG_FRACTION.value,
            short_h=SHORT.value,
            long_h=LONG.value,
            slots=slots,
        )

    def message(self) -> Message:
        return Message(
            "Dagny, cluster operations manager",
            f"Our {GPUS}-GPU partition reports {percent(UTILIZATION.value, 0)} utilization, and I was told to be proud "
            f"of it. The average job takes {MEAN_H:.1f} hours. Researchers complain about the queue although a fifth "
            "of the machine is free, and their director wants an answer by Thursday. **How long does a new job wait?**",
        )

    def concept(self) -> str:
        return (
            f"Every job is a gang that takes the whole partition: one runs at a time. {percent(FRACTIONS[0], 0)} are "
            f"half-hour full-scale **tests**, {percent(FRACTIONS[1], 0)} are {LONG.value:g}-hour **trainings**. They "
            "arrive at random times (Poisson) and are served in order.\n\n*Utilization* is the share of the time that "
            "the machine is busy. The *coefficient of variation* of job lengths is their standard deviation over their "
            f"mean: 0 for identical jobs, 1 for exponential ones, {MIX_CV:.1f} here."
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        rho = UTILIZATION.value
        fixed, exponential = (MEAN_H * physics.pollaczek_khinchine_multiple(rho, cv) for cv in (0.0, 1.0))
        residual_only = rho * MEAN_H
        actual = asked.wait_short_h
        variability = (1 + MIX_CV**2) / 2
        return ChoicePrediction(
            "What is the mean wait in the queue before a job starts?",
            (
                Option(
                    "A",
                    f"about {residual_only:.1f} h",
                    value=residual_only,
                    feedback=(
                        "The running job is not a mean job. You arrive 8 times in 10 during work, and almost always "
                        f"during a {LONG.value:g}-hour training; then you also wait for the others in line."
                    ),
                ),
                Option(
                    "B",
                    f"about {fixed:.1f} h",
                    value=fixed,
                    feedback=(
                        "Right load factor, wrong variability factor: $(1 + C_s^2)/2$ is 0.5 for identical jobs, "
                        f"{variability:.0f} here."
                    ),
                ),
                Option(
                    "C",
                    f"about {exponential:.0f} h",
                    value=exponential,
                    feedback=(
                        "The rule of web servers. Right load factor; $(1 + C_s^2)/2$ is 1 for exponential jobs, "
                        f"{variability:.0f} here."
                    ),
                ),
                Option(
                    "D",
                    f"about {actual:.0f} h",
                    value=actual,
                    correct=True,
                    feedback=f"The {percent(1 - rho, 0)} that are free are free at other times.",
                ),
            ),
            actual=actual,
            form=lambda hours: f"{hours:.1f} h",
            why=(
                f"The mean wait is {actual:.1f} h, {asked.multiple:.0f} mean jobs: a utilization factor of "
                f"{rho / (1 - rho):.0f} times a variability factor of {variability:.0f}."
            ),
        )

    def run(self, outcome: QueueOutcome) -> Played:
        """The sample path of the scheduler of the context."""
        return outcome.priority_run if self.context == PRIORITY.id else outcome.fifo_run

    def plots(self, outcome: QueueOutcome) -> dict[str, Plot]:
        priority = self.context == PRIORITY.id
        mean = outcome.mean_service_h
        predicted = None if priority else self.predicted()
        own = self.run(outcome)
        stream = own.schedule.stream
        long_count = int(np.sum(~stream.urgent[: own.chart_jobs]))
        waits = (outcome.wait_short_h, outcome.wait_long_h)
        gangs = f"{outcome.slots} gangs at once" if outcome.slots > 1 else "one gang at a time"
        curves = [QueueCurve(curve, name) for name, curve in zip(SPREADS, outcome.spread_curves, strict=True)]
        curves += [
            QueueCurve(np.where(priority, np.nan, outcome.mix_curve), token="ink", bold=True),
            QueueCurve(outcome.priority_curves[0], token=URGENT, bold=True),
            QueueCurve(outcome.priority_curves[1], token=PATIENT, bold=True),
        ]
        return {
            "wait": wait_against_load(
                LOADS,
                curves,
                at=outcome.utilization,
                points=(
                    QueuePoint(np.nan if priority else waits[0] / mean, timespan(waits[0] * 3600), "ink"),
                    QueuePoint(waits[0] / mean if priority else np.nan, f"tests {timespan(waits[0] * 3600)}", URGENT),
                    QueuePoint(
                        waits[1] / mean if priority else np.nan, f"trainings {timespan(waits[1] * 3600)}", PATIENT
                    ),
                ),
                y=Axis("mean wait (mean jobs)", 0.01, 1000, log=True, ticks=decades(0.01, 1000)),
                levels={"1 day": 24 / mean, "1 week": 168 / mean},
                predicted=(UTILIZATION.value, np.nan if predicted is None else predicted / MEAN_H),
                title="Utilization against the wait",
                caption=(
                    f"{percent(outcome.utilization, 0)} busy, {gangs}, lengths with C = {number(outcome.service_cv)}: "
                    + (
                        f"tests wait {number(waits[0] / mean)}, trainings {number(waits[1] / mean)} mean jobs of "
                        f"{number(mean)} h. In order all would wait {number(outcome.multiple)}."
                        if priority
                        else f"a job waits {number(outcome.multiple)} mean jobs of {number(mean)} h. Thin lines: the "
                        "same load with other spreads of length."
                    )
                ),
            ),
            "gantt": scheduler_gantt(
                [
                    SchedulerPanel("FIFO", outcome.fifo_run.schedule, outcome.fifo_run.remark(), outcome.slots),
                    SchedulerPanel(
                        "Priority", outcome.priority_run.schedule, outcome.priority_run.remark(), outcome.slots
                    ),
                ],
                until_h=own.chart_h,
                jobs=own.chart_jobs,
                kinds=("tests", "trainings", "lost to stops"),
                title=f"The same {own.chart_jobs} arrivals under two schedulers",
                caption=(
                    "A row per job, in order of arrival; a thin line is its wait, mean waits on the right. "
                    f"{long_count} of the {own.chart_jobs} are trainings. FIFO makes everybody behind one wait for it; "
                    "with priority the tests jump the line whenever a job ends, and the trainings wait longer."
                ),
            ),
            "path": queue_sample_path(
                own.schedule,
                until_h=own.path_h,
                jobs=own.path_jobs,
                means=(
                    (np.nan if priority else waits[0], "mean (model)", "ink"),
                    (waits[0] if priority else np.nan, "tests (model)", URGENT),
                    (waits[1] if priority else np.nan, "trainings (model)", PATIENT),
                ),
                kinds=KINDS,
                title=f"{span(own.path_h)} of {PRIORITY.label if priority else FIFO.label}, seed {self.seed}",
                caption=path_caption(own, waits),
            ),
            "found": occupancy_bars(
                [
                    OccupancyBar("submitted", {"tests": 1 - self.long_fraction, "trainings": self.long_fraction}),
                    OccupancyBar(
                        "found",
                        {
                            "tests": outcome.load_short,
                            "trainings": outcome.load_long,
                            "idle": 1 - outcome.utilization,
                        },
                    ),
                ],
                {"tests": URGENT, "trainings": PATIENT, "idle": IDLE},
                axis="share of jobs, and of time (%)",
                title="What is submitted, and what a new job finds running",
                caption=(
                    f"A new job finds the machine idle in {percent(1 - outcome.utilization)}, in a test in "
                    f"{percent(outcome.load_short)}, in a training in {percent(outcome.load_long)} of all cases; of "
                    f"the training {number(self.long_h / 2)} h are left on average."
                    if outcome.slots == 1
                    else f"Each of the {outcome.slots} slots has these shares of its time. A new job waits only when "
                    f"all are busy: in {percent(outcome.waiting_probability)} of all cases."
                ),
            ),
        }

    def metrics(self, outcome: QueueOutcome) -> list[Metric]:
        return [
            Metric("Mean job", number(outcome.mean_service_h), "h"),
            Metric("Variation of lengths", f"{outcome.service_cv:.3f}", "times the mean"),
            Metric("Wait of tests", number(outcome.wait_short_h), "h"),
            Metric("Wait of trainings", number(outcome.wait_long_h), "h"),
            Metric("Jobs waiting", number(outcome.jobs_waiting), "jobs", note="rate × wait"),
            Metric("Utilization", f"{outcome.utilization * 100:.0f}", "%"),
            Metric("Idle capacity", f"{outcome.idle_usd_per_day:,.0f}", "USD/day"),
        ]

    def tables(self, outcome: QueueOutcome) -> list[Table]:
        rows = []
        for name, cv in (("identical", 0.0), ("exponential", 1.0), ("this mix", outcome.service_cv)):
            multiple = physics.allen_cunneen_multiple(outcome.slots, outcome.utilization, cv, 1.0)
            rows.append(
                (
                    name,
                    number(cv),
                    number((1 + cv**2) / 2),
                    number(multiple),
                    number(multiple * outcome.mean_service_h),
                )
            )
        columns = ("lengths", "C", "(1 + C²)/2", "wait (mean jobs)", "wait (h)")
        return [Table("Served in order, at this load", columns, tuple(rows), emphasis=2)]

    def reflection(self) -> Question:
        asked = self.asked().wait_short_h
        arrivals = UTILIZATION.value / MEAN_H * FRACTIONS
        faster = fifo_wait(arrivals, np.array([SHORT.value / 2, LONG.value]))
        fewer = fifo_wait(arrivals * 7 / 8, DURATIONS)
        capped = fifo_wait(arrivals * np.array([1, 2]), np.array([SHORT.value, LONG.value / 2]))

        def change(hours: float) -> str:
            return f"{hours:.1f} h ({percent(hours / asked - 1, 0)})"

        return Question(
            f"FIFO, one slot, {asked:.1f} h. Which change cuts the mean wait per start most?",
            (
                Option(
                    "A",
                    "Make the short tests twice as fast",
                    f"{change(faster)}. Everybody waits for trainings.",
                ),
                Option(
                    "B",
                    "Send every eighth job to another cluster (utilization "
                    f"{UTILIZATION.value:.2f} to {UTILIZATION.value * 7 / 8:.2f})",
                    f"{change(fewer)}, and an eighth of the work is paid elsewhere.",
                ),
                Option(
                    "C",
                    f"Cap job length at {LONG.value / 2:g} h; trainings resubmit from a checkpoint",
                    correct=True,
                    feedback=(
                        f"{change(capped)}, without hardware. Trainings queue twice, {2 * capped:.0f} h in all, as "
                        "before."
                    ),
                ),
                Option("D", "Forecast arrivals better", "0 %. A forecast does not reorder work."),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "mg1_wait",
                "pollaczek_khinchine_multiple",
                "service_moments",
                "erlang_c",
                "allen_cunneen_multiple",
                "priority_waits_nonpreemptive",
                "littles_law_concurrency",
            ),
            "An arrival samples *time*, not jobs: it finds a long job far more often than one is submitted. What is "
            f"left of the running job is $E[S^2]/(2E[S])$ = {RESIDUAL_H:.2f} h on average, "
            f"{RESIDUAL_H / MEAN_H:.0f} mean jobs. Times the {percent(UTILIZATION.value, 0)} that somebody is running "
            f"it is $W_0$ = {UTILIZATION.value * RESIDUAL_H:.2f} h, and $1/(1-\\rho)$ = "
            f"{1 / (1 - UTILIZATION.value):.0f} counts those who wait in front.",
        )


def decades(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Ticks at the powers of ten of an axis."""
    powers = np.arange(round(np.log10(low)), round(np.log10(high)) + 1)
    return tuple((float(10.0**k), plain(float(10.0**k))) for k in powers)


def fifo_wait(arrivals: np.ndarray, durations: np.ndarray) -> float:
    """Mean wait (h) of classes of jobs that one slot serves in order."""
    total = float(arrivals.sum())
    shares = arrivals / total
    return physics.mg1_wait(total, float(shares @ durations), float(shares @ durations**2))


def path_caption(run: Played, waits: tuple[float, float]) -> str:
    """What a sample path shows, against the model's means (h)."""
    seen = [
        f"{kind} waited {number(mean)} h, the model says {number(wait)}"
        for kind, urgent, wait in zip(KINDS, (True, False), waits, strict=True)
        if np.isfinite(mean := run.mean_wait_h(urgent))
    ]
    return (
        f"{run.path_jobs:,} jobs; {'; '.join(seen)}. Few trainings make most of the waiting, and {span(run.path_h)} "
        "are short for a mean: try other seeds."
        if seen
        else "No job arrived in half a year: try other seeds."
    )


POLICIES: dict[Policy, str] = {
    "fifo": "FIFO",
    "priority": "Priority",
    "preempt_kill": "Preempt and kill",
    "preempt_save": "Preempt and save",
}
#: How the policies are called where there is room for a word, and their colours.
NAMES: dict[Policy, tuple[str, str]] = {
    "fifo": ("FIFO", "series-6"),
    "priority": ("Priority", "series-3"),
    "preempt_kill": ("Kill", "series-4"),
    "preempt_save": ("Save", "data"),
}


@dataclass(frozen=True)
class Waits:
    """A policy at one load, or over a sweep: waits and responses (h), what is held, and the busy share."""

    busy: Any
    stops: Any
    held_h: Any
    wait_short_h: Any
    response_long_h: Any


def stop_cost_h(policy: Policy, checkpoint_interval_min: float, restart_min: float, save_min: float) -> float:
    """What a stop adds to a training (h)."""
    lost = {"preempt_kill": checkpoint_interval_min / 2 + restart_min, "preempt_save": save_min + restart_min}
    return lost.get(policy, 0.0) / 60


def waits_under(policy: Policy, load: Any, cost_h: float = 0.0, save_h: float = 0.0) -> Waits:
    """A policy over offered load, a number or a sweep; `save_h` is what a test waits for."""
    load = np.asarray(load, dtype=float)
    arrivals = load[..., None] / MEAN_H * FRACTIONS
    if policy == "fifo":
        wait = np.asarray(physics.mg1_wait(load / MEAN_H, MEAN_H, SECOND_H2))
        return Waits(load, 0 * load, LONG.value + 0 * load, wait, wait + LONG.value)
    if policy == "priority":
        waits = physics.priority_waits_nonpreemptive(arrivals, DURATIONS)
        return Waits(load, 0 * load, LONG.value + 0 * load, waits[..., 0], waits[..., 1] + LONG.value)
    responses = physics.priority_responses_preemptive(arrivals, DURATIONS, cost_h)
    urgent, patient = arrivals[..., 0], arrivals[..., 1]
    held_h = np.asarray(physics.preempted_service_time(LONG.value, urgent, cost_h))
    return Waits(
        urgent * SHORT.value + patient * held_h,
        urgent * held_h,
        held_h,
        responses[..., 0] - SHORT.value + save_h,
        responses[..., 1],
    )


@dataclass(frozen=True)
class PolicyOutcome:
    """A policy at a load: busy share, waits, slowdown, verdict. In a collapse slowdown and idle money are undefined."""

    busy_fraction: float
    preemptions_per_long_job: float
    wait_short_min: float
    long_slowdown: float | None
    idle_usd_per_day: float | None
    status: str
    policy: Policy
    utilization: float
    load_short: float
    load_long: float
    cost_h: float
    held_h: float
    wait_long_h: float
    fifo_wait_h: float
    curves: dict[Policy, Waits]
    run: Played
    compared: Played

    @property
    def overhead(self) -> float:
        """Share of the partition that stops cost."""
        return self.busy_fraction - self.utilization


class SchedulingPolicy(Act):
    """Act II: who waits for whom."""

    title = "Ten minutes for a test"
    minutes = 24

    policy = choice(
        "Policy",
        POLICIES,
        "fifo",
        per_context={PRIORITY.id: {"default": "priority"}},
        reason="the schedulers of the chapter: in order, next in line, forced and graceful preemption",
    )
    utilization = slider(
        "Offered load", 0.30, 0.95, 0.01, MIN_UTILIZATION.value, unit="%", scale=100, reason="idle to overfull"
    )
    checkpoint_interval_min = slider(
        "Checkpoint interval (kill)",
        3.5,
        120,
        0.5,
        CKPT_INTERVAL.value,
        unit="min",
        reason="the range of Lab V2-07; a killed training loses half of it",
        only_in=(PRIORITY.id,),
    )
    restart_min = slider(
        "Restart (kill, save)",
        1,
        30,
        0.5,
        RESTART.value,
        unit="min",
        reason="warm spare to recovery by hand",
        only_in=(PRIORITY.id,),
    )
    save_min = slider(
        "Save before yielding (save)",
        0.1,
        10,
        0.1,
        SAVE.value,
        unit="min",
        reason="a snapshot in memory to a slow shared filer; the test waits for it",
        only_in=(PRIORITY.id,),
    )
    seed = stops("Arrivals", SEEDS, SEED, text=lambda seed: f"seed {seed}", reason="twelve streams of the same law")

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        policy: Policy,
        utilization: float,
        checkpoint_interval_min: float = CKPT_INTERVAL.value,
        restart_min: float = RESTART.value,
        save_min: float = SAVE.value,
        seed: int = SEED,
    ) -> PolicyOutcome:
        costs = {name: stop_cost_h(name, checkpoint_interval_min, restart_min, save_min) for name in POLICIES}
        saves = {name: save_min / 60 if name == "preempt_save" else 0.0 for name in POLICIES}
        now = waits_under(policy, utilization, costs[policy], saves[policy])
        busy, response = float(now.busy), float(now.response_long_h)
        stable = busy < 1
        slowdown = response / LONG.value if stable else None
        wait_min = float(now.wait_short_h) * 60
        arrivals = utilization / MEAN_H
        stream = (round(arrivals, 12), LONG_FRACTION.value, SHORT.value, LONG.value, int(seed))
        # Where the policy itself is FIFO, the chart compares it with what the other context offers.
        other: Policy = "priority" if policy == "fifo" else policy
        fifo = play("fifo", *stream)
        return PolicyOutcome(
            busy_fraction=busy,
            preemptions_per_long_job=float(now.stops),
            wait_short_min=wait_min,
            long_slowdown=slowdown,
            idle_usd_per_day=USD_PER_DAY * (1 - busy) if stable else None,
            status=status_of(slowdown, wait_min, utilization),
            policy=policy,
            utilization=utilization,
            load_short=arrivals * FRACTIONS[0] * SHORT.value,
            load_long=arrivals * FRACTIONS[1] * LONG.value,
            cost_h=costs[policy],
            held_h=float(now.held_h),
            wait_long_h=response - LONG.value,
            fifo_wait_h=float(waits_under("fifo", utilization).wait_short_h),
            curves={name: waits_under(name, LOADS2, costs[name], saves[name]) for name in POLICIES},
            run=fifo,
            compared=play(other, *stream, cost_h=costs[other], save_h=saves[other]),
        )

    @classmethod
    @cache
    def design(
        cls,
        policy: Policy,
        utilization: float = MIN_UTILIZATION.value,
        checkpoint_interval_min: float = CKPT_INTERVAL.value,
        restart_min: float = RESTART.value,
        save_min: float = SAVE.value,
    ) -> PolicyOutcome:
        """A design that a text quotes."""
        return cls.compute(
            "",
            policy=policy,
            utilization=utilization,
            checkpoint_interval_min=checkpoint_interval_min,
            restart_min=restart_min,
            save_min=save_min,
        )

    def message(self) -> Message:
        wait = self.design("fifo").fifo_wait_h
        return Message(
            "Teodora, VP of research platform",
            f"Half-hour tests now wait **{wait:.0f} hours**, so people stop testing, and the trainings fail for silly "
            f"reasons. Finance will not accept less than {percent(MIN_UTILIZATION.value, 0)} productive load on "
            f"{USD_PER_YEAR / 1e6:.0f} million dollars a year of GPUs. I promised the teams {WAIT_TARGET.value:g} "
            f"minutes for a test, and at most {SLOWDOWN_LIMIT.value:g} times the ideal for a training. One policy, by "
            "the end of the sprint.",
        )

    def concept(self) -> str:
        return (
            "Three ways to let tests go first. **Priority** without preemption: a test is next in line when the "
            "running job ends. **Preempt and kill**: the training loses its work since the last checkpoint. **Preempt "
            "and save**: it writes a checkpoint first, so the test waits for the save. Every preemption also costs a "
            "restart.\n\n*Overhead* keeps the machine busy without producing anything: *productive load* is what jobs "
            "bring, the *busy fraction* is what a dashboard shows."
        )

    def from_ledger(self) -> str:
        return cast(FleetLab, self.lab).read_from_v2_07

    @classmethod
    @cache
    def growth(cls) -> tuple[float, float, float]:
        """Waits at 80 %: of everybody in order, of tests and of trainings with priority (h)."""
        fifo, priority = waits_under("fifo", UTILIZATION.value), waits_under("priority", UTILIZATION.value)
        return float(fifo.wait_short_h), float(priority.wait_short_h), float(priority.response_long_h) - LONG.value

    def prediction(self) -> ChoicePrediction:
        fifo, tests, trainings = self.growth()
        gain, actual = fifo - tests, trainings - fifo
        loads = UTILIZATION.value / MEAN_H * FRACTIONS * DURATIONS
        conserved = physics.kleinrock_invariant(loads, np.array([tests, trainings]))
        by_count = gain * FRACTIONS[0] / FRACTIONS[1]
        return ChoicePrediction(
            f"Utilization {UTILIZATION.value:.2f}. Tests get non-preemptive priority, and their mean wait falls from "
            f"{fifo:.1f} h to {tests:.1f} h. By how much does the mean wait of the trainings grow?",
            (
                Option(
                    "A",
                    "not at all",
                    value=0.0,
                    feedback=f"{percent(loads[0])} of the time are not nothing: somebody waits for the tests, too.",
                ),
                Option(
                    "B",
                    f"by about {actual:.0f} h",
                    value=actual,
                    correct=True,
                    feedback=(
                        f"The load-weighted wait, {conserved:.2f} h, is conserved: tests carry {loads[0]:.3f} of it, "
                        f"trainings {loads[1]:.3f}."
                    ),
                ),
                Option(
                    "C",
                    f"by about {gain:.0f} h",
                    value=gain,
                    feedback=f"Hours are weighted by load, {loads[0]:.3f} against {loads[1]:.3f}, not one for one.",
                ),
                Option(
                    "D",
                    f"by about {round(by_count, -1):.0f} h",
                    value=by_count,
                    feedback="Weighting by count would make a half-hour job as heavy as a two-day one.",
                ),
            ),
            actual=actual,
            form=lambda hours: f"{hours:.2f} h" if 0 < hours < 100 else f"{hours:.0f} h",
            why=(
                f"{loads[0]:.4f} × {gain:.2f} h = {loads[1]:.4f} × {actual:.2f} h: trainings go from {fifo:.1f} h to "
                f"{trainings:.1f} h."
            ),
        )

    def challenge(self) -> str:
        goals = (
            f"tests wait at most **{WAIT_TARGET.value:g} min**, trainings take at most **{SLOWDOWN_LIMIT.value:g} "
            f"times** their {LONG.value:g} h, productive load is at least **{percent(MIN_UTILIZATION.value, 0)}**, and "
            "the queue is stable"
        )
        if self.context == FIFO.id:
            low = self.design("fifo", 0.30)
            target_h = WAIT_TARGET.value / 60
            return (
                f"The goal: {goals}. **No design of this context reaches it**, and that is its lesson: in order, only "
                f"load helps. At {percent(low.utilization, 0)} a test still waits {low.fifo_wait_h:.1f} h; "
                f"{WAIT_TARGET.value:g} minutes need {percent(target_h / (target_h + RESIDUAL_H), 2)} utilization. The "
                "challenge is in the Priority context."
            )
        return f"Find a policy and its settings: {goals}. Then find a second way, with the other kind of preemption."

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(f"Tests ≤ {WAIT_TARGET.value:g} min", lambda o: at_most(o.wait_short_min, WAIT_TARGET.value)),
            Constraint(
                f"Training ≤ {SLOWDOWN_LIMIT.value:g} × {LONG.value:g} h",
                lambda o: o.long_slowdown is not None and at_most(o.long_slowdown, SLOWDOWN_LIMIT.value),
            ),
            Constraint(
                f"Productive load ≥ {percent(MIN_UTILIZATION.value, 0)}",
                lambda o: at_least(o.utilization, MIN_UTILIZATION.value),
            ),
            Constraint("Busy < 100 %", lambda o: o.busy_fraction < 1),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure("collapse", "QUEUE COLLAPSE:", when=lambda o: o.status == "collapse", text=collapse_text),
            Failure(
                "test_wait",
                "TESTS:",
                severity="warn",
                when=lambda o: o.status == "miss" and not at_most(o.wait_short_min, WAIT_TARGET.value),
                text=lambda o: (
                    f"a test waits {timespan(o.wait_short_min * 60)} for a {SHORT.value * 60:g} min run, target "
                    f"{WAIT_TARGET.value:g} min."
                ),
            ),
            Failure(
                "slowdown",
                "TRAININGS:",
                severity="warn",
                when=lambda o: o.status == "miss" and not at_most(o.long_slowdown, SLOWDOWN_LIMIT.value),
                text=lambda o: (
                    f"a training takes {o.long_slowdown:.2f} times its {LONG.value:g} h, limit "
                    f"{SLOWDOWN_LIMIT.value:g}."
                ),
            ),
            Failure(
                "load",
                "LOAD:",
                severity="warn",
                when=lambda o: o.status == "miss" and not at_least(o.utilization, MIN_UTILIZATION.value),
                text=lambda o: (
                    f"productive load {percent(o.utilization, 0)}, finance asks for "
                    f"{percent(MIN_UTILIZATION.value, 0)}."
                ),
            ),
        )

    def limits(self) -> dict[str, Any]:
        in_order = self.context == FIFO.id
        closed = [name for name in POLICIES if (name == "fifo") != in_order]
        reason = (
            "In this context jobs are served in order; the Priority context has the other policies."
            if in_order
            else "In this context tests go first; the FIFO context serves jobs in order."
        )
        return {"policy": dict.fromkeys(closed, reason)}

    def plots(self, outcome: PolicyOutcome) -> dict[str, Plot]:
        predicted = self.predicted()
        name = NAMES[outcome.policy][0]
        compared: Policy = "priority" if outcome.policy == "fifo" else outcome.policy
        slowdown = outcome.long_slowdown
        response_h = np.inf if slowdown is None else slowdown * LONG.value
        wait = timespan(outcome.wait_short_min * 60)
        growth = "∞, no end" if slowdown is None else f"{number(response_h)} h = {slowdown:.2f}×"
        fifo_response = self.growth()[0] + LONG.value
        counted = outcome.compared.schedule
        stops_seen = int(np.sum(counted.stop_h < outcome.compared.chart_h))
        return {
            "gantt": scheduler_gantt(
                [
                    SchedulerPanel("FIFO", outcome.run.schedule, outcome.run.remark()),
                    SchedulerPanel(NAMES[compared][0], counted, outcome.compared.remark()),
                ],
                until_h=outcome.run.chart_h,
                jobs=outcome.run.chart_jobs,
                kinds=("tests", "trainings", "lost to stops"),
                title=f"The same {outcome.run.chart_jobs} arrivals: FIFO above, {POLICIES[compared]} below",
                caption=(
                    f"A row per job, a thin line is its wait; mean waits on the right. {POLICIES[compared]} makes "
                    f"{stops_seen or 'no'} stops{' (red ticks)' if stops_seen else ''}. In "
                    f"{span(outcome.compared.path_h)} of this stream tests waited "
                    f"{timespan(3600 * outcome.run.mean_wait_h(True), 2)} in order and "
                    f"{timespan(3600 * outcome.compared.mean_wait_h(True), 2)} here, trainings "
                    f"{timespan(3600 * outcome.run.mean_wait_h(False), 2)} and "
                    f"{timespan(3600 * outcome.compared.mean_wait_h(False), 2)} before they first start."
                ),
            ),
            "tests": wait_against_load(
                LOADS2,
                [
                    QueueCurve(outcome.curves[key].wait_short_h, label, colour, bold=key == outcome.policy)
                    for key, (label, colour) in NAMES.items()
                ],
                at=outcome.utilization,
                points=(QueuePoint(outcome.wait_short_min / 60, wait, "ink"),),
                y=Axis("mean wait of tests", 1 / 600, 1680, log=True, ticks=CLOCK_TESTS),
                target=(WAIT_TARGET.value / 60, f"target {WAIT_TARGET.value:g} min"),
                target_over=True,
                named=False,
                title="Tests",
                caption=(
                    f"{POLICIES[outcome.policy]} at {percent(outcome.utilization, 0)}: a test waits {wait}. Priority "
                    "still waits for the end of the running training; preemption does not."
                ),
            ),
            "trainings": wait_against_load(
                LOADS2,
                [
                    QueueCurve(outcome.curves[key].response_long_h, label, colour, bold=key == outcome.policy)
                    for key, (label, colour) in NAMES.items()
                ],
                at=outcome.utilization,
                points=(QueuePoint(response_h, growth, "ink"),),
                y=Axis("response of trainings", 40, 3360, log=True, ticks=CLOCK_TRAININGS),
                target=(
                    SLOWDOWN_LIMIT.value * LONG.value,
                    f"limit {SLOWDOWN_LIMIT.value * LONG.value:g} h",
                ),
                predicted=(UTILIZATION.value, np.nan if predicted is None else fifo_response + predicted),
                named=False,
                title="Trainings",
                caption=(
                    "The queue has no steady state: a training never ends on average."
                    if slowdown is None
                    else f"A training takes {number(response_h)} h from submission to end, {slowdown:.2f} times its "
                    f"{LONG.value:g} h. A line ends where its policy collapses; your prediction is for Priority at "
                    f"{percent(UTILIZATION.value, 0)}."
                ),
            ),
            "busy": occupancy_bars(
                [
                    OccupancyBar("work", {"tests": outcome.load_short, "trainings": outcome.load_long,
                                      "idle": 1 - outcome.utilization}),
                    OccupancyBar(name, {"tests": outcome.load_short, "trainings": outcome.load_long,
                                    "lost to stops": outcome.overhead, "idle": max(0.0, 1 - outcome.busy_fraction)}),
                ],
                {"tests": URGENT, "trainings": PATIENT, "lost to stops": OVERHEAD, "idle": IDLE},
                axis="share of the partition (%)",
                high=1.3,
                title="What keeps the machine busy",
                caption=(
                    f"Work {percent(outcome.utilization, 0)}, overhead {percent(outcome.overhead)}: busy "
                    f"{percent(outcome.busy_fraction)}. "
                    + ("The dashboard shows 100 %." if outcome.busy_fraction >= 1 else "Busy is not productive.")
                ),
            ),
            "tradeoff": pareto_curve(
                [
                    Trace(
                        outcome.curves[key].wait_short_h[LOADS2 >= LOW] * 60,
                        outcome.curves[key].response_long_h[LOADS2 >= LOW] / LONG.value,
                        label,
                        colour,
                    )
                    for key, (label, colour) in NAMES.items()
                ],
                x=Axis("mean wait of tests", 0.5, 50_000, log=True, ticks=CLOCK_MINUTES),
                y=Axis("training slowdown (×)", 1, 10),
                box=Box(0.5, WAIT_TARGET.value, 1, SLOWDOWN_LIMIT.value, "both promises kept"),
                here=Place(outcome.wait_short_min, np.inf if slowdown is None else slowdown, name),
                named_at="key",
                title=f"Who pays: tests against trainings at {percent(MIN_UTILIZATION.value, 0)} load and more",
                caption=(
                    f"Each line is a policy, from {percent(MIN_UTILIZATION.value, 0)} load at its lower end to "
                    f"{percent(LOADS2[-1], 0)}. Priority helps the tests at almost no cost to the trainings; only "
                    f"preemption comes into the box, and only near {percent(MIN_UTILIZATION.value, 0)}."
                ),
            ),
        }  # fmt: skip

    def metrics(self, outcome: PolicyOutcome) -> list[Metric]:
        slowdown, money = outcome.long_slowdown, outcome.idle_usd_per_day
        steady = slowdown is not None
        return [
            Metric.of(
                "Test wait",
                timespan(outcome.wait_short_min * 60),
                status=held(at_most(outcome.wait_short_min, WAIT_TARGET.value)),
            ),
            Metric(
                "Training slowdown",
                f"{slowdown:.2f}" if slowdown is not None else "∞",
                "×",
                status=held(slowdown is not None and at_most(slowdown, SLOWDOWN_LIMIT.value)),
            ),
            Metric(
                "Productive load",
                f"{outcome.utilization * 100:.0f}",
                "%",
                status=held(at_least(outcome.utilization, MIN_UTILIZATION.value)),
            ),
            Metric(
                "Busy",
                f"{outcome.busy_fraction * 100:.1f}",
                "%",
                note=f"{percent(outcome.overhead)} lost to stops",
                status=held(steady),
            ),
            Metric("Idle capacity", "–" if money is None else f"{money:,.0f}", "USD/day"),
        ]

    def tables(self, outcome: PolicyOutcome) -> list[Table]:
        loads = np.array([outcome.load_short, outcome.load_long])
        fifo = np.full(2, outcome.fifo_wait_h)
        own = np.array([outcome.wait_short_min / 60, outcome.wait_long_h])
        steady = bool(np.isfinite(own[1]))
        weighted = number(physics.kleinrock_invariant(loads, own)) if steady else "∞"
        law = "" if not outcome.policy.startswith("preempt") else "; preemption is outside the law"
        rows = [
            (kind, f"{load:.3f}", number(before), number(after) if np.isfinite(after) else "∞")
            for kind, load, before, after in zip(KINDS, loads, fifo, own, strict=True)
        ]
        rows.append(
            (
                f"weighted by load{law}",
                f"{sum(loads):.3f}",
                number(physics.kleinrock_invariant(loads, fifo)),
                weighted,
            )
        )
        stopped = (
            ("stops per training", number(outcome.preemptions_per_long_job)),
            ("each costs (min)", number(outcome.cost_h * 60)),
            ("a training holds the machine (h)", number(outcome.held_h, 4)),
        )
        return [
            Table("The law of conservation: mean waits (h)", ("", "load", "FIFO", "this policy"), tuple(rows), 2),
            Table("Preemption", ("", "now"), stopped),
        ]

    def reflection(self) -> Question:
        fifo, tests, _ = self.growth()
        free = waits_under("preempt_kill", UTILIZATION.value)
        minutes, response = float(free.wait_short_h) * 60, float(free.response_long_h)
        before = fifo + LONG.value
        residual = UTILIZATION.value * RESIDUAL_H
        load = UTILIZATION.value / MEAN_H * FRACTIONS[0] * SHORT.value
        return Question(
            f"Free preemption (cost 0) brings tests from {fifo:.1f} h to {minutes:.1f} min at load "
            f"{UTILIZATION.value:.2f}, and costs the trainings {percent(response / before - 1, 0)} (response "
            f"{before:.1f} h to {response:.1f} h). Why is that possible, although priority alone gave {tests:.1f} h?",
            (
                Option(
                    "A",
                    "Preemption adds capacity",
                    "At cost 0 it adds none, and at any real cost it removes some.",
                ),
                Option(
                    "B",
                    "Tests no longer wait for the remainder of a running training, which is nearly all of their wait",
                    correct=True,
                    feedback=(
                        f"{residual:.2f} h of the {tests:.2f} h are that remainder, $W_0$; the rest is the factor "
                        f"$1/(1-{load:.4f})$."
                    ),
                ),
                Option("C", "Tests became shorter", "Half an hour, as before; only their wait shrank."),
                Option(
                    "D",
                    "Trainings became shorter, because they run in pieces",
                    f"Each still needs {LONG.value:g} h of the machine, and more with a real cost of preemption.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "priority_waits_nonpreemptive",
                "kleinrock_invariant",
                "preempted_service_time",
                "priority_responses_preemptive",
            ),
            "Stability needs $\\rho_s + \\lambda_l S/(1 - \\lambda_s c) < 1$: load and cost both push toward the wall. "
            "A killed training loses $c$ = half a checkpoint interval and a restart; one that saves loses $c$ = the "
            "save and a restart, and the test waits for the save (charged to every test, an upper bound).",
        )


#: Ticks of waits in hours and in minutes, and the first load that finance accepts on the sweep.
CLOCK_TESTS = ((1 / 600, "6 s"), (1 / 60, "1 min"), (1 / 6, "10 min"), (1.0, "1 h"), (24.0, "1 d"), (168.0, "1 week"),
               (1680.0, "10 weeks"))  # fmt: skip
CLOCK_TRAININGS = ((48.0, "48 h"), (168.0, "1 week"), (504.0, "3 weeks"), (1680.0, "10 weeks"))
CLOCK_MINUTES = ((1.0, "1 min"), (10.0, "10 min"), (60.0, "1 h"), (1440.0, "1 d"), (10_080.0, "1 week"))
LOW = MIN_UTILIZATION.value - 1e-9


def status_of(slowdown: float | None, wait_min: float, utilization: float) -> str:
    """Name of a design's state; without a slowdown the queue has collapsed."""
    if slowdown is None:
        return "collapse"
    kept = at_most(wait_min, WAIT_TARGET.value) and at_most(slowdown, SLOWDOWN_LIMIT.value)
    return "ok" if kept and at_least(utilization, MIN_UTILIZATION.value) else "miss"


def collapse_text(outcome: PolicyOutcome) -> str:
    """Banner of a queue that grows without end."""
    return (
        f"offered work {percent(outcome.utilization, 0)} + preemption overhead {percent(outcome.overhead)} = "
        f"{percent(outcome.busy_fraction)} of the partition. {outcome.preemptions_per_long_job:.1f} preemptions per "
        f"training add {outcome.held_h - LONG.value:.1f} h to each; the backlog grows by "
        f"{GPUS * (outcome.busy_fraction - 1):.1f} GPU-hours every hour."
    )


#: Variation and wait (h) at the load of Act I, were lengths exponential inside each class: twice the second moment.
EXPONENTIAL_CV = float(np.sqrt(2 * SECOND_H2 / MEAN_H**2 - 1))
EXPONENTIAL_WAIT_H = physics.mg1_wait(UTILIZATION.value / MEAN_H, MEAN_H, 2 * SECOND_H2)
PACKED = physics.packing_efficiency(c.GPUS_PER_NODE.value, 6)
BUSY_IN_TRAININGS = float(FRACTIONS[1] * DURATIONS[1] / MEAN_H)
NOTES = (
    f"- Spend time on the inspection paradox: by count {percent(FRACTIONS[1], 0)} of the jobs are trainings, by time "
    f"{percent(BUSY_IN_TRAININGS, 0)} of the busy hours, and an arriving job samples time.\n- Be honest about the "
    f"single server: a fleet that runs eight gangs at once waits {QueueWait.asked(slots=8).wait_short_h:.1f} h instead "
    f"of {QueueWait.asked().wait_short_h:.1f} h. Twenty mean jobs is a statement about one gang slot, or about jobs "
    f"that need the whole partition, not about every cluster at {percent(UTILIZATION.value, 0)}. When may one pool "
    "(identical slots, jobs that fit one), and what does gang size do to the number of slots?\n- The mean hides the "
    "tail: the median wait is well below the mean. The formulas give means only; use the sample path for percentiles.\n"
    f"- Extension, fragmentation: if trainings ask for 6 of 8 GPUs of a node, packing efficiency is {PACKED:.2f}, so "
    f"{percent(UTILIZATION.value, 0)} utilization is {percent(UTILIZATION.value * PACKED, 0)} productive. Redo the "
    "challenge with productive load = load × packing."
)


class FleetLab(Lab):
    """How utilization, the spread of job lengths and the policy share out the wait."""

    volume, number, slug = 2, 8, "lab_08_fleet_orch"
    title = "The Utilization Trap"
    question = "The dashboard shows 80 % busy, so a fifth of the machine is free: how long does a new job wait?"
    chapter = CHAPTER
    invariant = (
        "A wait is a utilization factor times a variability factor; a policy redistributes it by load, and preemption "
        "changes it at a price in utilization."
    )
    contexts = (FIFO, PRIORITY)
    acts = (QueueWait, SchedulingPolicy)
    briefing = (
        f"A dashboard at {percent(UTILIZATION.value, 0)} looks like a job well done, and as if waits were short. With "
        "jobs of very different lengths the opposite is true: a new job does not see the capacity that is free, but "
        "what is left of the job that runs, and long jobs are seen far more often than their share of the count. Nor "
        "is scheduling zero-sum: a class that carries a tenth of the load can be served almost for free. Only "
        "preemption removes the remainder of a running training, and it burns capacity until the queue explodes."
    )
    reading = (
        Reading("Fleet Orchestration, The Scheduling Problem", "idle GPUs, and gang scheduling as all-or-nothing"),
        Reading("Fleet Orchestration, Scheduling objectives and their conflicts", "throughput, fairness, latency"),
        Reading("Fleet Orchestration, The queuing theory of GPU clusters", "Pollaczek-Khinchine, a variation of 3"),
        Reading("Fleet Orchestration, Bin packing", "fragmentation: 6-GPU jobs on 8-GPU nodes"),
        Reading("Fleet Orchestration, Gang scheduling, and The economics of idle GPUs", "backfill, cost of idle time"),
        Reading("Fleet Orchestration, Orchestration Paradigms", "priority classes, preempting and non-preempting"),
        Reading("Fault Tolerance, Checkpoint interval from failure analysis", "what a preempted job loses"),
    )
    assumptions = (
        "- Jobs arrive at random times (Poisson), nobody gives up, and the queue is in steady state: the formulas give "
        "means, and nothing about medians or percentiles.\n- One slot is one gang of the whole partition. Several "
        "slots are an approximation (Allen-Cunneen) for identical slots and jobs that fit one.\n- All tests have one "
        "length and all trainings another: with exponential lengths inside each class the variation would be "
        f"{EXPONENTIAL_CV:.2f} and the wait {EXPONENTIAL_WAIT_H:.0f} h.\n- A scheduler knows the class of a job, not "
        "its length.\n- A killed training loses half a checkpoint interval on average; what a stop adds can be stopped "
        "again, and its spread is left out.\n- Offered work is productive; saving, repeating and restarting are not.\n"
        f"- GPUs cost {usd(c.GPU_USD_H_OWNED.value, 2)} an hour, busy or idle."
    )
    constants = (
        NODES,
        c.GPUS_PER_NODE,
        SHORT,
        LONG,
        LONG_FRACTION,
        UTILIZATION,
        c.GPU_USD_H_OWNED,
        CKPT_INTERVAL,
        RESTART,
        SAVE,
        DETECTION,
        WAIT_TARGET,
        SLOWDOWN_LIMIT,
        MIN_UTILIZATION,
    )
    reads = (("v2_07", "checkpoint_interval_s"), ("v2_07", "fixed_restart_s"))
    instructor_notes = NOTES

    #: What an earlier design set here, in a sentence; empty without one.
    read_from_v2_07: str = ""

    def open(self) -> None:
        interval, restart = (self.read(key, field) for key, field in self.reads)
        said = []
        if interval is not None and interval > 0:
            self.act2.preset("checkpoint_interval_min", interval / 60, "Lab V2-07", PRIORITY.id)
            said.append(f"a checkpoint every {timespan(interval)}")
        if restart is not None and restart > DETECTION.value:
            self.act2.preset("restart_min", (restart - DETECTION.value) / 60, "Lab V2-07", PRIORITY.id)
            said.append(
                f"a fixed restart of {timespan(restart)}, of which a planned stop does not need the "
                f"{DETECTION.value:g} s of detection"
            )
        self.read_from_v2_07 = f"Your Lab V2-07 design sets the sliders: {', and '.join(said)}." if said else ""

    def eligible(self, outcome: PolicyOutcome) -> bool:
        return outcome.status != "collapse"

    def result(self) -> float | None:
        return cast(float, self._recorded().controls["utilization"])

    def decision(self) -> str:
        return cast(str, self._recorded().controls["policy"])

    def extras(self) -> dict[str, Any]:
        outcome = self._recorded().outcome
        return {
            "busy_fraction": outcome.busy_fraction,
            "short_wait_min": outcome.wait_short_min,
            "long_slowdown": outcome.long_slowdown,
        }

    def _recorded(self) -> Design:
        """The last design with a steady state: a queue that collapses has no slowdown to record."""
        return self.last_design or Design(self.context, self.act2.values(), self.act2.outcome)

    def solution(self, context: str) -> dict[str, Any] | None:
        return {"policy": "preempt_save"} if context == PRIORITY.id else None

    def breaking(self, context: str) -> dict[str, Any] | None:
        return {"policy": "preempt_kill", "utilization": 0.95} if context == PRIORITY.id else None


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
