"""V1-03 The Loop That Was Not Watching.

Act I: half a year of green dashboards over a screening model that loses 0.04 points of sensitivity a day. Act II: a
loop from signal to release, whose length decides how old, and how bad, the served model gets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.controls import choice, slider
from components.instruments.drift import (
    Cycle,
    Lane,
    Level,
    Period,
    Saw,
    Spot,
    Trace,
    bin_shares,
    cycle_window,
    layered_timeline,
    retraining_sawtooth,
)
from components.instruments.layers import Axis
from components.instruments.waterfall import Bar, Limit, latency_waterfall
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

MOBILE = Context("mobile", "Mobile", "mobile", "The model runs on the clinics' tablets; images stay there.")
CLOUD = Context("cloud", "Cloud", "cloud", "Every image passes a central server, and one release serves all.")
NAMES = {"mobile": "Mobile", "cloud": "Cloud"}

SENS_0 = scenario(
    "sens_0",
    0.94,
    "1",
    "sensitivity of the retinopathy screener at release, in clinics",
    "between the chapter's target of 0.90 and the 0.975 of the controlled study (Gulshan et al. 2016)",
)
FLOOR = scenario("sens_floor", 0.90, "1", "sensitivity that the licence asks for", "ML Workflow: above 90 %", "chapter")
ALERT = scenario("sens_alert", 0.88, "1", "alert on the 7-day average of sensitivity", "ML Workflow", "chapter")
LAMBDA = scenario(
    "lam",
    0.40,
    "1",
    "loss of sensitivity per unit of harmful PSI",
    "8 points lost after a camera upgrade, at the 0.20 that counts as significant drift (both ML Workflow)",
)
HARMFUL = scenario(
    "harmful_per_day",
    0.001,
    "1/day",
    "harmful drift in PSI per day",
    "7.2 points in 180 days, inside the chapter's 5 to 10 percent within months",
)
BENIGN = scenario(
    "benign_per_day",
    0.001,
    "1/day",
    "drift that the index sees and the model does not mind, in PSI per day",
    "half of what a divergence index sees is harmless (logo overlays, another JPEG encoder)",
)
CHECK = scenario("psi_check_days", 1, "day", "the index is evaluated every night", "the lab's scenario")
NOISE = scenario(
    "psi_noise",
    0.0169,
    "1",
    "sampling noise of a ten-bin PSI from 1,000 images (95 %)",
    "chi-square quantile 16.92 at 9 degrees of freedom over 1,000",
    "derived",
)
BINS = c.PSI_BINS
LATENCY = scenario("latency_ms", 42, "ms", "serving P95 where Lab 02 left no other", "the lab's scenario")
LATENCY_ALERT = scenario("latency_alert_ms", 100, "ms", "alert on the serving P95", "ML Workflow", "chapter")
ERRORS = scenario("error_rate", 0.02, "percent", "failed requests", "the lab's scenario")
ERROR_ALERT = scenario("error_alert", 0.1, "percent", "alert on failed requests", "ML Workflow", "chapter")
QUEUE = scenario("queue", 12, "1", "images in the queue", "the lab's scenario")
QUEUE_ALERT = scenario("queue_alert", 50, "1", "alert on the queue", "ML Workflow", "chapter")
CLINICS = scenario("clinics", 500, "1", "clinics of the network", "ML Workflow, deployment economics", "chapter")
PATIENTS = scenario(
    "patients_per_day",
    25_000,
    "1/day",
    "screened patients: 500 clinics with 50 a day",
    "ML Workflow, deployment economics",
    "chapter",
)
PREVALENCE = scenario(
    "prevalence", 0.08, "1", "referable disease among screened patients", "published programmes: about 5 to 12 %"
)
RETRAIN = scenario("retrain_days", 2, "day", "data, fine-tuning, evaluation", "between the chapter's week and hour")
VALIDATION_MIN = scenario(
    "validation_min_days", 7, "day", "shadow and canary: one rolling window of 7 days", "ML Workflow", "chapter"
)
ROLLOUT_CLOUD = scenario("rollout_days_cloud", 1, "day", "one deployment", "the lab's scenario")
ROLLOUT_MOBILE = scenario(
    "rollout_days_mobile",
    22,
    "day",
    "store review 1, phased release 7, clinics that sync late 14",
    "phased release of 7 days: Apple developer documentation; the rest from the chapter's store-and-forward clinics",
)
TURNAROUND_CLOUD = scenario("turnaround_days_cloud", 14, "day", "from image to expert label", "ML Workflow: weeks")
TURNAROUND_MOBILE = scenario(
    "turnaround_days_mobile", 28, "day", "from image to expert label, shipped from a tablet first", "ML Workflow: weeks"
)
AUDITS_MAX = scenario(
    "audits_max", 300, "1/day", "patients whom the reading centre can grade", "six graders with 50 a day each"
)
Z = scenario("z_one_sided", 1.645, "1", "normal quantile, 95 % one-sided", "standard normal distribution", "definition")
RELEASES_MAX = scenario(
    "releases_max",
    6,
    "1/year",
    "releases that the quality department can sign",
    "one per two months under a pre-agreed change plan",
)
REVIEW_DAY = scenario("review_day", 180, "day", "day of the half-year review", "the lab's scenario")

ROLLOUT = {"cloud": ROLLOUT_CLOUD.value, "mobile": ROLLOUT_MOBILE.value}
TURNAROUND = {"cloud": TURNAROUND_CLOUD.value, "mobile": TURNAROUND_MOBILE.value}

YEAR = c.DAYS_PER_YEAR.value
#: Days of Act I, and the horizon of the sawtooth of Act II.
DAYS = np.arange(0.0, YEAR + 1)
HORIZON = 2 * YEAR
EXPECTED = np.full(int(BINS.value), 1 / BINS.value)
#: Ends of the plane of periods and loops (d): a design with another period stands at the edge.
PERIODS, LOOP_HIGH = (30.0, 130.0), 56.0
#: Lower end of the sawtooth (%): below every prediction that can be made.
LOWEST = 78.0


def sensitivity_at(days: Any, harmful_per_day: float = HARMFUL.value, sens_0: float = SENS_0.value) -> Any:
    """Sensitivity of a model whose training images are `days` old."""
    return physics.accuracy_after_drift(sens_0, LAMBDA.value, harmful_per_day * days)


def days_to_fall(level: float, harmful_per_day: float = HARMFUL.value, sens_0: float = SENS_0.value) -> float:
    """Days until sensitivity has fallen to `level`; infinite without harmful drift."""
    return (sens_0 - level) / (LAMBDA.value * harmful_per_day) if harmful_per_day > 0 else math.inf


#: Age at which a model reaches the floor, at the drift of the story (d).
ALLOWED_AGE = days_to_fall(FLOOR.value)
#: Points of sensitivity lost per day of age, at the drift of the story.
POINTS_A_DAY = 100 * LAMBDA.value * HARMFUL.value


def days_text(days: float) -> str:
    """A whole number of days with its noun."""
    return f"{days:.0f} {'day' if round(days) == 1 else 'days'}"


def day_text(day: float) -> str:
    """A day of an event, or that it never comes."""
    return f"day {day:,.0f}" if math.isfinite(day) else "never"


@dataclass(frozen=True)
class DriftOutcome:
    """One day of drift: what the three layers see, and the truth. Days are infinite where nothing ever happens."""

    sensitivity: float
    psi: float
    days_below_floor: float
    psi_alarm_day: float
    moderate_day: float
    floor_day: float
    alert_day: float
    turnaround_days: float
    positives_to_prove: float | None
    shares: np.ndarray
    binned_psi: float
    psi_by_day: np.ndarray
    sensitivity_by_day: np.ndarray


class GreenDashboard(Act):
    """Act I: what half a year of green means."""

    title = "Green for half a year"
    minutes = 13

    day = slider(
        "Day", 0, 365, 1, 180, unit="day", text=lambda day: f"day {day:g}", reason="one year; the review is on day 180"
    )
    harmful_per_day = slider(
        "Harmful drift",
        0,
        0.003,
        0.0002,
        HARMFUL.value,
        unit="PSI/day",
        reason="0.003 a day loses 8 points in 67 days, as a camera recall would",
    )
    benign_per_day = slider(
        "Benign drift",
        0,
        0.004,
        0.0005,
        BENIGN.value,
        unit="PSI/day",
        reason="none to four times the harmful drift of the story",
    )
    sens_0 = slider(
        "Sensitivity at release",
        0.9,
        0.975,
        0.005,
        SENS_0.value,
        unit="%",
        scale=100,
        reason="the licence to the controlled study",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        day: float = REVIEW_DAY.value,
        harmful_per_day: float = HARMFUL.value,
        benign_per_day: float = BENIGN.value,
        sens_0: float = SENS_0.value,
    ) -> DriftOutcome:
        rate = harmful_per_day + benign_per_day
        by_day = sensitivity_at(DAYS, harmful_per_day, sens_0)
        now = sensitivity_at(day, harmful_per_day, sens_0)
        floor_day = days_to_fall(FLOOR.value, harmful_per_day, sens_0)
        alarm_day, moderate_day = (
            physics.psi_signal_days(threshold.value, harmful_per_day, benign_per_day, CHECK.value)
            if rate > 0
            else math.inf
            for threshold in (c.PSI_SIGNIFICANT, c.PSI_MODERATE)
        )
        # A bell-shaped feature that has moved by the square root of the PSI shows just that PSI.
        shares = physics.gaussian_shift_bin_shares(math.sqrt(rate * day), int(BINS.value))
        lost = sens_0 - now
        return DriftOutcome(
            sensitivity=now,
            psi=rate * day,
            days_below_floor=max(0.0, day - floor_day),
            psi_alarm_day=alarm_day,
            moderate_day=moderate_day,
            floor_day=floor_day,
            alert_day=days_to_fall(ALERT.value, harmful_per_day, sens_0),
            turnaround_days=TURNAROUND[context],
            positives_to_prove=physics.proportion_sample_size(now, lost, Z.value) if lost > 0 else None,
            shares=shares,
            binned_psi=physics.population_stability_index(EXPECTED, shares),
            psi_by_day=rate * DAYS,
            sensitivity_by_day=by_day,
        )

    @classmethod
    def asked(cls) -> DriftOutcome:
        """The case of the question: the day of the review."""
        return cls.compute("mobile")

    def message(self) -> Message:
        asked = self.asked()
        return Message(
            f"VP of Clinical Operations, a screening network of {CLINICS.value:g} clinics",
            f"Half-year review at nine. The dashboard has been green for {REVIEW_DAY.value:g} days: P95 latency "
            f"{plain(self.lab.serving_ms, 3)} ms, errors {ERRORS.value:g} %, queue {QUEUE.value:g} images. Nobody "
            "touched the code. Yesterday three specialists came in and graded the newest images by hand: sensitivity "
            f"**{percent(asked.sensitivity)}**. At release it was {percent(SENS_0.value)}, and our licence says "
            f"{percent(FLOOR.value, 0)}. For how long have we been under the licence?",
        )

    def from_ledger(self) -> str:
        if self.lab.serving_ms == LATENCY.value:
            return ""
        return (
            f"Your Lab 02 design answered in **{plain(self.lab.serving_ms, 3)} ms**. That is the P95 latency on this "
            "dashboard."
        )

    def concept(self) -> str:
        bins = (
            "On the tablets the images stay where they are; each tablet reports ten bin counts a day, which is all "
            "the index needs. An image that an expert is to grade has to be shipped first: its label takes "
            f"{TURNAROUND['mobile']:g} days."
            if self.context == "mobile"
            else f"Every image passes the server, so the index sees all {PATIENTS.value:,.0f} of a day. An expert's "
            f"label takes {TURNAROUND['cloud']:g} days."
        )
        return (
            "A served model has three layers of metrics:\n\n"
            "| layer | measures | speaks within |\n|---|---|---|\n"
            "| operational | the machine: latency, errors, queue | seconds |\n"
            "| proxy | the images: how far from the training images | hours |\n"
            "| labelled | the answers: sensitivity | weeks |\n\n"
            "**Sensitivity** is the share of sick patients that the model finds. **Drift** is the distance between "
            "today's images and those of training; the *population stability index* (PSI) measures it over ten bins. "
            f"{bins}\n\nThe cameras were replaced clinic by clinic, at a steady pace."
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        lost = 100 * (SENS_0.value - asked.sensitivity)
        return ChoicePrediction(
            f"For how many of the {REVIEW_DAY.value:g} days was sensitivity below {percent(FLOOR.value, 0)}?",
            (
                Option(
                    "A",
                    "0 days: an alarm would have rung",
                    value=0,
                    saved=0,
                    feedback="The error alarm counts failed requests. A wrong answer is a successful request.",
                ),
                Option(
                    "B",
                    "About 7 days: the rolling average catches it",
                    value=7,
                    saved=7,
                    feedback=(
                        "A 7-day average of labelled cases needs labelled cases, and labels take weeks. The first ones "
                        f"came on day {REVIEW_DAY.value:g}."
                    ),
                ),
                Option(
                    "C",
                    "About 80 days",
                    value=80,
                    saved=80,
                    correct=True,
                    feedback=(
                        f"{lost:.1f} points in {REVIEW_DAY.value:g} days are {lost / REVIEW_DAY.value:.2f} points a "
                        "day; you only had to draw the line backwards."
                    ),
                ),
                Option(
                    "D",
                    "All 180 days: the model was bad from the start",
                    value=180,
                    saved=180,
                    feedback=(
                        f"The {percent(SENS_0.value)} at release were measured in the same clinics. Code and weights "
                        "are identical; the images are not."
                    ),
                ),
            ),
            actual=asked.days_below_floor,
            form=lambda days: f"{days:.0f} days",
            difference=True,
            why=(
                f"{LAMBDA.value:g} × {HARMFUL.value:g} a day is {POINTS_A_DAY:.2f} points a day: the floor was crossed "
                f"on day {asked.floor_day:.0f}. No operational metric contains a label, so none could tell."
            ),
        )

    def plots(self, outcome: DriftOutcome) -> dict[str, Any]:
        return {"layers": self._timeline(outcome), "bins": self._bins(outcome)}

    def _timeline(self, outcome: DriftOutcome) -> Any:
        day, serving = self.day, self.lab.serving_ms
        predicted = self.predicted()
        below = outcome.floor_day < day
        lowest = min(0.75, math.floor(20 * outcome.sensitivity_by_day[-1]) / 20)
        highest = max(0.8, float(outcome.psi_by_day[-1]))
        named = (c.PSI_MODERATE.value, c.PSI_SIGNIFICANT.value, highest)
        flat = np.ones_like(DAYS)
        machine = Lane(
            "Machine: share of its alert level",
            0,
            1.2,
            ((0, "0 %"), (0.5, "50 %"), (1, "100 %")),
            (
                Trace(
                    flat * serving / LATENCY_ALERT.value,
                    f"P95 latency {plain(serving, 3)} of {LATENCY_ALERT.value:g} ms",
                    token="met-ink",
                ),
                Trace(
                    flat * QUEUE.value / QUEUE_ALERT.value,
                    f"queue {QUEUE.value:g} of {QUEUE_ALERT.value:g} images",
                    token="series-3",
                ),
                Trace(
                    flat * ERRORS.value / ERROR_ALERT.value,
                    f"errors {ERRORS.value:g} of {ERROR_ALERT.value:g} %",
                    token="series-5",
                    below=True,
                ),
            ),
            (Level(1, "alert"),),
            pixels=124,
        )
        images = Lane(
            "Images: PSI, every night",
            0,
            highest,
            tuple((value, plain(value, 2)) for value in named if value == highest or value >= 0.1 * highest),
            (Trace(outcome.psi_by_day, here=f"{outcome.psi:.2f}"),),
            (
                Level(c.PSI_SIGNIFICANT.value, "significant", "caution", "caution-ink"),
                Level(c.PSI_MODERATE.value, "moderate", "series-6", "muted", below=True),
            ),
            pixels=112,
        )
        answers = Lane(
            "Answers: true sensitivity",
            lowest,
            1.0,
            tuple((k / 10, f"{10 * k} %") for k in range(math.ceil(10 * lowest), 11)),
            (Trace(outcome.sensitivity_by_day, here=percent(outcome.sensitivity), falling=True),),
            (
                Level(FLOOR.value, f"licence {percent(FLOOR.value, 0)}"),
                Level(ALERT.value, f"alert {percent(ALERT.value, 0)}", "caution", "caution-ink", "dotted", below=True),
            ),
            shaded=(outcome.floor_day, day) if below else None,
            pixels=120,
        )
        start = day if not below else outcome.floor_day
        claimed = math.nan if predicted is None else REVIEW_DAY.value - predicted
        crossed = (
            f"Sensitivity crosses the licence on {day_text(outcome.floor_day)}"
            if outcome.floor_day <= YEAR
            else "Sensitivity is never below the licence this year"
        )
        indexed = (
            f"crosses {c.PSI_SIGNIFICANT.value:.2f} on {day_text(outcome.psi_alarm_day - CHECK.value)}"
            if math.isfinite(outcome.psi_alarm_day)
            else "stands still"
        )
        return layered_timeline(
            DAYS,
            (machine, images, answers),
            (
                Period("model", start, day, days_text(outcome.days_below_floor), "violation", "violation-ink"),
                Period(
                    "you",
                    claimed,
                    REVIEW_DAY.value if predicted is not None else math.nan,
                    "" if predicted is None else days_text(predicted),
                    "series-2",
                    "series-2",
                ),
            ),
            cursor=day,
            cursor_text=day_text(day),
            periods_title="Time under the licence",
            x_label="day since release",
            title="One year in three layers of metrics",
            caption=(f"{crossed}; the index {indexed}; the machine is green on every day."),
        )

    def _bins(self, outcome: DriftOutcome) -> Any:
        return bin_shares(
            EXPECTED,
            outcome.shares,
            x_label="bin of image brightness, dark to bright",
            y_label="share of images (%)",
            title=f"What the index counts on {day_text(self.day)}",
            caption=(
                f"In training every bin held {percent(EXPECTED[0], 0)}. Now the darkest holds "
                f"{percent(outcome.shares[0])}, the brightest {percent(outcome.shares[-1])}. Ten bins read a PSI of "
                f"{outcome.binned_psi:.3f}; a finer histogram would approach {outcome.psi:.3f}."
            ),
        )

    def metrics(self, outcome: DriftOutcome) -> list[Metric]:
        positives = outcome.positives_to_prove
        return [
            Metric(
                "Sensitivity",
                f"{100 * outcome.sensitivity:.1f}",
                "%",
                status=held(at_least(outcome.sensitivity, FLOOR.value)),
            ),
            Metric(
                "Under the licence",
                f"{outcome.days_below_floor:.0f}",
                "days",
                status=held(at_most(outcome.days_below_floor, 0)),
            ),
            Metric("Observed PSI", f"{outcome.psi:.3f}", note=f"{self.harmful_per_day * self.day:.3f} of it harmful"),
            Metric(f"PSI alarm at {c.PSI_SIGNIFICANT.value:g}", day_text(outcome.psi_alarm_day)),
            Metric(
                "Labels that prove the loss",
                "–" if positives is None else f"{math.ceil(positives):,}",
                "" if positives is None else "sick",
                note="no loss yet"
                if positives is None
                else f"among {math.ceil(positives / PREVALENCE.value):,} graded patients",
            ),
        ]

    def tables(self, outcome: DriftOutcome) -> list[Table]:
        audit = outcome.alert_day + outcome.turnaround_days
        return [
            Table(
                f"First alarms (a label takes {days_text(outcome.turnaround_days)})",
                ("layer", "alarm", "fires"),
                (
                    ("machine", f"P95 > {LATENCY_ALERT.value:g} ms", "never"),
                    ("machine", f"errors > {ERROR_ALERT.value:g} %", "never"),
                    ("machine", f"queue > {QUEUE_ALERT.value:g} images", "never"),
                    ("images", f"PSI > {c.PSI_MODERATE.value:.2f}", day_text(outcome.moderate_day)),
                    ("images", f"PSI > {c.PSI_SIGNIFICANT.value:.2f}", day_text(outcome.psi_alarm_day)),
                    (
                        "answers",
                        f"sensitivity < {percent(ALERT.value, 0)}",
                        f"paid: {day_text(audit)}" if math.isfinite(audit) else "never",
                    ),
                    ("answers", "three specialists", day_text(REVIEW_DAY.value)),
                    ("truth", f"sensitivity < {percent(FLOOR.value, 0)}", day_text(outcome.floor_day)),
                ),
                emphasis=7,
            )
        ]

    def reflection(self) -> Question:
        drop = 0.03
        positives = physics.proportion_sample_size(SENS_0.value - drop, drop, Z.value)
        return Question(
            "Why did every operational metric stay green?",
            (
                Option(
                    "A",
                    "Their thresholds are too loose",
                    "Tighten them to 1 % and they still see only the machine, which works.",
                ),
                Option(
                    "B",
                    "They observe the machine axis; the failure is on the data axis",
                    "Latency, errors and queue are the same for a right and for a wrong answer.",
                    correct=True,
                ),
                Option(
                    "C",
                    "The drop is too small to be measured",
                    f"{positives:.0f} labelled sick patients show a drop of {100 * drop:.0f} points. Nobody labelled "
                    "them.",
                ),
                Option(
                    "D",
                    "Monitoring was switched off at some clinics",
                    "Then it would have rung: missing data are an operational failure, and those it does see.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "accuracy_after_drift",
                "population_stability_index",
                "gaussian_shift_bin_shares",
                "proportion_sample_size",
            ),
            "With steady drift $D = v\\,t$ the floor is crossed at $t = (A_0 - A_{floor})/(\\lambda v)$: "
            f"{SENS_0.value - FLOOR.value:.2f} over {LAMBDA.value * HARMFUL.value:g} a day is {ALLOWED_AGE:.0f} days. "
            "The index observes $(v + v_b)\\,t$, the benign part included. The line is a local fit: a large divergence "
            "can be harmless, and a small one fatal.",
        )


@dataclass(frozen=True)
class Loop:
    """The retraining loop of one context, in days; the signal and the period are infinite where nobody looks."""

    signal_days: float
    retrain_days: float
    validation_days: float
    rollout_days: float
    loop_days: float
    period_days: float
    age_days: float
    worst_sensitivity: float
    saw_day: np.ndarray
    saw_sensitivity: np.ndarray

    @property
    def stages(self) -> dict[str, float]:
        """What the age at replacement is made of; a signal that comes during a loop waits for its end."""
        answered = math.isfinite(self.signal_days)
        return {
            "signal": self.signal_days if answered else YEAR,
            "wait": self.period_days - self.signal_days if answered else 0.0,
            "retrain": self.retrain_days if answered else 0.0,
            "validate": self.validation_days if answered else 0.0,
            "ship": self.rollout_days if answered else 0.0,
        }

    @property
    def releases_at(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts (the signal, with the snapshot) and ends (the last device) of the loops within the horizon."""
        first = self.period_days
        starts: Any = np.arange(first, HORIZON, first) if math.isfinite(first) else np.array([])
        return starts, starts + self.loop_days


@dataclass(frozen=True)
class LoopOutcome:
    """A loop as designed: what it costs in sensitivity, releases, audits. `loops` holds it for both contexts."""

    signal_days: float | None
    loop_days: float
    age_days: float
    worst_sensitivity: float
    releases_per_year: float
    missed_per_day: float
    feasible: bool
    audits_per_day: float
    validation_days: float
    days_below_floor: float
    loops: dict[str, Loop]


#: The controls that a signal uses; those of the others rest at their defaults.
USED = {
    "psi_alarm": ("psi_threshold", "benign_per_day"),
    "labelled_audit": ("drop", "audits_per_day"),
    "operational_only": (),
}
SIGNALS = {
    "operational_only": "Operational dashboards",
    "psi_alarm": "PSI alarm",
    "labelled_audit": "Labelled audit",
}


class RetrainingLoop(Act):
    """Act II: from a signal to the last device, before the served model is too old."""

    title = "An alarm is not a repair"
    minutes = 24

    signal = choice("Signal", SIGNALS, "psi_alarm", reason="one of the three layers of metrics")
    psi_threshold = slider(
        "PSI alarm: threshold",
        0.02,
        0.4,
        0.005,
        c.PSI_SIGNIFICANT.value,
        unit="PSI",
        reason="sampling noise to twice the textbook value",
    )
    benign_per_day = slider(
        "Benign drift",
        0,
        0.004,
        0.0005,
        BENIGN.value,
        unit="PSI/day",
        reason="none to four times the harmful drift",
    )
    drop = slider(
        "Audit: drop to prove",
        0.01,
        0.06,
        0.005,
        0.02,
        unit="points",
        scale=100,
        text=lambda drop: f"{100 * drop:g} point{'' if drop == 0.01 else 's'}",
        reason="a quarter of the allowed loss to one and a half times it",
    )
    audits_per_day = slider(
        "Audit: graded patients",
        20,
        1000,
        20,
        200,
        unit="a day",
        reason="a clinic's worth to three times the capacity",
    )
    validation_days = slider(
        "Shadow and canary",
        1,
        21,
        1,
        VALIDATION_MIN.value,
        unit="days",
        text=days_text,
        reason="a day to three rolling windows",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        signal: str,
        validation_days: float,
        psi_threshold: float = c.PSI_SIGNIFICANT.value,
        benign_per_day: float = BENIGN.value,
        drop: float = 0.02,
        audits_per_day: float = 200,
    ) -> LoopOutcome:
        loops = {
            name: cls.loop(name, signal, validation_days, psi_threshold, benign_per_day, drop, audits_per_day)
            for name in NAMES
        }
        loop = loops[context]
        releases = physics.releases_per_year(loop.signal_days, loop.loop_days)
        audits = audits_per_day if signal == "labelled_audit" else 0
        return LoopOutcome(
            signal_days=loop.signal_days if math.isfinite(loop.signal_days) else None,
            loop_days=loop.loop_days,
            age_days=loop.age_days,
            worst_sensitivity=loop.worst_sensitivity,
            releases_per_year=releases,
            missed_per_day=PATIENTS.value * PREVALENCE.value * (SENS_0.value - loop.worst_sensitivity),
            feasible=bool(
                at_least(loop.worst_sensitivity, FLOOR.value)
                and at_most(releases, RELEASES_MAX.value)
                and at_least(validation_days, VALIDATION_MIN.value)
                and at_most(audits, AUDITS_MAX.value)
            ),
            audits_per_day=audits,
            validation_days=validation_days,
            days_below_floor=min(max(0.0, loop.age_days - ALLOWED_AGE), loop.period_days),
            loops=loops,
        )

    @classmethod
    def loop(
        cls,
        context: str,
        signal: str,
        validation_days: float,
        psi_threshold: float,
        benign_per_day: float,
        drop: float,
        audits_per_day: float,
    ) -> Loop:
        """The loop of one context at the drift of the story."""
        signal_days = math.inf
        if signal == "psi_alarm":
            signal_days = physics.psi_signal_days(psi_threshold, HARMFUL.value, benign_per_day, CHECK.value)
        elif signal == "labelled_audit":
            signal_days = physics.audit_signal_days(
                drop,
                SENS_0.value,
                LAMBDA.value,
                HARMFUL.value,
                TURNAROUND[context],
                audits_per_day,
                PREVALENCE.value,
                Z.value,
            )
        loop_days = physics.loop_latency_days(RETRAIN.value, validation_days, ROLLOUT[context])
        period = max(signal_days, loop_days)
        # Without a signal nothing is ever replaced; the age is then that at the end of the year.
        answered = math.isfinite(signal_days)
        age = physics.model_age_days(signal_days, loop_days) if answered else YEAR
        day, ages = physics.served_age_trace(period, loop_days, HORIZON if answered else YEAR)
        return Loop(
            signal_days=signal_days,
            retrain_days=RETRAIN.value,
            validation_days=validation_days,
            rollout_days=ROLLOUT[context],
            loop_days=loop_days,
            period_days=period,
            age_days=age,
            worst_sensitivity=sensitivity_at(age),
            saw_day=day,
            saw_sensitivity=sensitivity_at(ages),
        )

    @classmethod
    def asked(cls, context: str = "mobile") -> LoopOutcome:
        """The case of the question: the textbook alarm, on the tablets."""
        return cls.compute(context, signal="psi_alarm", validation_days=VALIDATION_MIN.value)

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        used = USED[values["signal"]]
        unused = (name for names in USED.values() for name in names if name not in used)
        return {name: self.default(name) for name in unused if values[name] != self.default(name)}

    def limits(self) -> dict[str, Any]:
        return {
            name: f"Only the signal “{SIGNALS[signal]}” uses this."
            for signal, names in USED.items()
            for name in names
            if signal != self.signal
        }

    def message(self) -> Message:
        return Message(
            "Director of Quality, the same network",
            f"We install a drift alarm at the textbook value, **PSI above {c.PSI_SIGNIFICANT.value:.2f}**. After the "
            f"alarm: {RETRAIN.value:g} days to retrain, a week of shadow and canary, then shipping; on the tablets "
            "that means store review, a seven-day phased release, and two weeks for clinics that sync late. I can sign "
            f"{RELEASES_MAX.value:g} releases a year, the reading centre can grade {AUDITS_MAX.value:g} patients a "
            f"day, and sensitivity must never be under {percent(FLOOR.value, 0)} again. Does your loop hold?",
        )

    def concept(self) -> str:
        return (
            "A **loop** is a chain of stages with durations. The training snapshot of the next model is taken when "
            "the *signal* fires; until the last device is updated, the old model serves, and the world keeps "
            f"moving.\n\n| days for | Cloud | Mobile |\n|---|---|---|\n| retraining | {RETRAIN.value:g} | "
            f"{RETRAIN.value:g} |\n| shadow and canary, at least | {VALIDATION_MIN.value:g} | "
            f"{VALIDATION_MIN.value:g} |\n| shipping to the last device | {ROLLOUT['cloud']:g} | "
            f"{ROLLOUT['mobile']:g} |\n| an expert's label | {TURNAROUND['cloud']:g} | {TURNAROUND['mobile']:g} |\n\n"
            f"Drift goes on as in Act I: {POINTS_A_DAY:.2f} points a day. A *labelled audit* grades randomly chosen "
            "patients: a drop has to happen, its labels have to come, and enough sick patients have to be among them."
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        assert asked.signal_days is not None
        at_alarm, unanswered = sensitivity_at(asked.signal_days), sensitivity_at(YEAR)
        before = 100 * (SENS_0.value - at_alarm)
        during = 100 * (at_alarm - asked.worst_sensitivity)

        def option(letter: str, sensitivity: float, feedback: str, correct: bool = False) -> Option:
            value = round(100 * sensitivity, 1)
            return Option(letter, f"{value:.1f} %", value=value, feedback=feedback, correct=correct)

        return ChoicePrediction(
            f"Mobile, alarm at PSI > {c.PSI_SIGNIFICANT.value:.2f}, drift as in Act I (alarm on "
            f"{day_text(asked.signal_days)}). How low is the sensitivity of the old model when its last device gets "
            "the new one?",
            (
                option(
                    "A",
                    SENS_0.value,
                    "Detection is not correction: when the alarm rings the loss has happened, and the repair has not "
                    "begun.",
                ),
                option(
                    "B",
                    at_alarm,
                    "That is the day of the alarm. The loss does not stop when the alarm rings: the old model serves "
                    f"for {asked.loop_days:g} days more.",
                ),
                option(
                    "C",
                    asked.worst_sensitivity,
                    f"The model is {asked.signal_days:g} + {asked.loop_days:g} = {asked.age_days:g} days old, at "
                    f"{POINTS_A_DAY:.2f} points a day.",
                    correct=True,
                ),
                option(
                    "D",
                    unanswered,
                    f"That is a whole year without an answer. This loop answers after {asked.age_days:g} days.",
                ),
            ),
            actual=100 * asked.worst_sensitivity,
            form=lambda value: f"{value:.1f} %",
            difference=True,
            difference_form=lambda value: f"{value:.1f} points",
            why=(
                f"The alarm rings on {day_text(asked.signal_days)}, when {before:.2f} points are already gone; the "
                f"{asked.loop_days:g} days of loop cost another {during:.2f}."
            ),
        )

    def challenge(self) -> str:
        return (
            "Make **all four badges green, once in each context**: sensitivity never under "
            f"{percent(FLOOR.value, 0)}, at most {RELEASES_MAX.value:g} releases a year, at most {AUDITS_MAX.value:g} "
            f"graded patients a day, at least {VALIDATION_MIN.value:g} days of validation. Then triple the benign "
            "drift and see where the right threshold goes; and find out where a labelled audit can do the job alone."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(
                f"Sensitivity ≥ {percent(FLOOR.value, 0)}", lambda o: at_least(o.worst_sensitivity, FLOOR.value)
            ),
            Constraint(
                f"Releases ≤ {RELEASES_MAX.value:g} a year", lambda o: at_most(o.releases_per_year, RELEASES_MAX.value)
            ),
            Constraint(f"Audits ≤ {AUDITS_MAX.value:g} a day", lambda o: at_most(o.audits_per_day, AUDITS_MAX.value)),
            Constraint(
                f"Validation ≥ {VALIDATION_MIN.value:g} days",
                lambda o: at_least(o.validation_days, VALIDATION_MIN.value),
            ),
        )

    def failures(self) -> tuple[Failure, ...]:
        def silent(o: LoopOutcome) -> str:
            how_long = (
                f"{o.days_below_floor:.0f} days of the first year"
                if o.signal_days is None
                else f"{number(o.days_below_floor, 2)} days of every cycle"
            )
            return (
                f"served sensitivity falls to {percent(o.worst_sensitivity)}, "
                f"{100 * (FLOOR.value - o.worst_sensitivity):.2f} points under the licence, for {how_long}; "
                f"{number(o.missed_per_day)} sick patients a day are missed that the released model would have found. "
                "Operational alarms in that time: 0."
            )

        return (
            Failure(
                "silent_failure",
                "SILENT FAILURE:",
                when=lambda o: not at_least(o.worst_sensitivity, FLOOR.value),
                text=silent,
            ),
            Failure(
                "release_capacity",
                "RELEASE CAPACITY EXCEEDED:",
                when=lambda o: not at_most(o.releases_per_year, RELEASES_MAX.value),
                text=lambda o: (
                    f"{number(o.releases_per_year)} releases per year, {RELEASES_MAX.value:g} can be signed."
                ),
            ),
        )

    def plots(self, outcome: LoopOutcome) -> dict[str, Any]:
        other = next(name for name in NAMES if name != self.context)
        here, there = outcome.loops[self.context], outcome.loops[other]
        return {
            "sawtooth": self._sawtooth(here, there, other),
            "loop": self._bar(here, there, other),
            "window": self._window(here),
        }

    def _sawtooth(self, here: Loop, there: Loop, other: str) -> Any:
        answered = math.isfinite(here.signal_days)
        predicted = self.predicted() if self.context == "mobile" else None
        lowest = 100 * min(here.saw_sensitivity.min(), there.saw_sensitivity.min())
        fresh = sensitivity_at(here.loop_days)
        caption = (
            f"The first release comes on day {here.age_days:.1f}, when the old model is at "
            f"{percent(here.worst_sensitivity)}. Its successor starts at {percent(fresh)} and not at "
            f"{percent(SENS_0.value)}: its images are {here.loop_days:g} days old. Strokes at the foot: releases."
            if answered
            else f"No signal ever comes. After a year sensitivity is {percent(here.worst_sensitivity)}."
        )
        at = here.age_days if answered else math.nan
        return retraining_sawtooth(
            Saw(NAMES[self.context], here.saw_day, 100 * here.saw_sensitivity),
            (Saw(NAMES[other], there.saw_day, 100 * there.saw_sensitivity),),
            floor=100 * FLOOR.value,
            floor_text=f"licence {percent(FLOOR.value, 0)}",
            loops=here.releases_at,
            loops_text=f"loop: {days_text(here.loop_days)}",
            spots=(
                Spot(here.age_days, 100 * here.worst_sensitivity, percent(here.worst_sensitivity)),
                Spot(at, 100 * fresh, f"new model {percent(fresh)}", above=True),
            ),
            predicted=predicted,
            horizon=HORIZON,
            y=Axis("served sensitivity (%)", min(LOWEST, math.floor(lowest) - 2.0), 98.0),
            title="Sensitivity that patients get",
            caption=caption,
        )

    def _bar(self, here: Loop, there: Loop, other: str) -> Any:
        answered = math.isfinite(here.signal_days)
        spare = ALLOWED_AGE - here.age_days
        verdict = f"{abs(spare):.1f} days {'to spare' if spare >= 0 else 'too old'}"
        caption = (
            f"{NAMES[self.context]}: {here.signal_days:.1f} days to the signal, {here.loop_days:g} days of loop, "
            f"{verdict}. A model may get {ALLOWED_AGE:.0f} days old."
            if answered
            else f"Nothing signals, so nothing is replaced: after a year the model is {YEAR:.0f} days old, {verdict}."
        )
        return latency_waterfall(
            [Bar(NAMES[self.context], here.stages), Bar(NAMES[other], there.stages)],
            title="How old a model is when it is replaced",
            limits=[Limit(ALLOWED_AGE, "allowed")],
            unit="d",
            scale=1,
            caption=caption,
        )

    def _window(self, here: Loop) -> Any:
        least_period = YEAR / RELEASES_MAX.value
        least_loop = physics.loop_latency_days(RETRAIN.value, VALIDATION_MIN.value, ROLLOUT[self.context])
        return cycle_window(
            Cycle(NAMES[self.context], here.period_days, here.loop_days),
            oldest=ALLOWED_AGE,
            least_period=least_period,
            least_loop=least_loop,
            texts=(f"too old: under {percent(FLOOR.value, 0)}", "too many\nreleases", "validated too briefly"),
            periods=PERIODS,
            loop_high=LOOP_HIGH,
            title=f"Where a loop works in {NAMES[self.context]}",
            caption=(
                f"Both days together may be {ALLOWED_AGE:.0f}. {RELEASES_MAX.value:g} releases a year ask for "
                f"{least_period:.1f} days between two, and the shortest sound loop takes {least_loop:g}: the signal "
                f"has to come after {least_period:.1f} to {ALLOWED_AGE - least_loop:.0f} days."
            ),
        )

    def metrics(self, outcome: LoopOutcome) -> list[Metric]:
        signal = outcome.signal_days
        return [
            Metric(
                "Time to signal",
                "never" if signal is None else f"{signal:.1f}",
                "" if signal is None else "days",
                note=f"and a loop of {days_text(outcome.loop_days)}",
            ),
            Metric(
                "Age at replacement",
                f"{outcome.age_days:.1f}",
                "days",
                note=f"allowed {ALLOWED_AGE:.0f}",
                status=held(at_most(outcome.age_days, ALLOWED_AGE)),
            ),
            Metric(
                "Worst sensitivity",
                f"{100 * outcome.worst_sensitivity:.2f}",
                "%",
                status=held(at_least(outcome.worst_sensitivity, FLOOR.value)),
            ),
            Metric(
                "Releases",
                f"{outcome.releases_per_year:.2f}",
                "a year",
                status=held(at_most(outcome.releases_per_year, RELEASES_MAX.value)),
            ),
            Metric(
                "Graded patients",
                f"{outcome.audits_per_day:g}",
                "a day",
                status=held(at_most(outcome.audits_per_day, AUDITS_MAX.value)),
            ),
            Metric("Missed at the worst", number(outcome.missed_per_day), "sick a day", note="more than at release"),
        ]

    def reflection(self) -> Question:
        rate = HARMFUL.value + BENIGN.value
        highest = {
            name: rate * (ALLOWED_AGE - self.asked(name).loop_days - CHECK.value) for name in ("mobile", "cloud")
        }
        return Question(
            "The drift rates are known. Where should the threshold come from?",
            (
                Option(
                    "A",
                    f"The literature value {c.PSI_SIGNIFICANT.value:.2f}, adjusted after the first incident",
                    "The first incident is the harm.",
                ),
                Option(
                    "B",
                    "From the floor and the loop: allowed loss / loss rate, minus loop latency, minus check time, "
                    "times observed drift rate",
                    f"At most {highest['mobile']:.3f} in Mobile and {highest['cloud']:.3f} in Cloud; the releases that "
                    "can be signed bound it from below.",
                    correct=True,
                ),
                Option(
                    "C",
                    "As low as possible",
                    f"Every alarm is a release, and {RELEASES_MAX.value:g} a year can be signed.",
                ),
                Option(
                    "D",
                    "From the sampling noise of the index",
                    f"The noise of about {NOISE.value:.3f} bounds it from below. It does not say where it should be.",
                ),
            ),
        )

    def peek(self) -> Peek:
        mobile = self.asked().loop_days
        limit = sensitivity_at(2 * mobile)
        return Peek(
            (
                "psi_signal_days",
                "audit_signal_days",
                "loop_latency_days",
                "model_age_days",
                "releases_per_year",
                "accuracy_after_drift",
            ),
            "The worst sensitivity is $A_{min} = A_0 - \\lambda v\\,(P + t_l)$ with the period $P = \\max(t_s, t_l)$. "
            "Even a perfect detector, $t_s \\to 0$, serves a model two loops old: $A_0 - 2 \\lambda v\\,t_l$, in "
            f"Mobile {percent(limit)}. Drift is steady here; a sudden break makes the whole loop latency harm.",
        )


class WorkflowLab(Lab):
    """The feedback loop of operations, and what happens while it turns."""

    volume, number, slug = 1, 3, "lab_03_ml_workflow"
    title = "The Loop That Was Not Watching"
    question = "How old is your model when it is replaced, and what has the world done meanwhile?"
    chapter = "ML Workflow"
    invariant = (
        "The worst accuracy of a served model is set by its age when it is replaced: the time to a signal plus the "
        "latency of the loop."
    )
    contexts = (MOBILE, CLOUD)
    acts = (GreenDashboard, RetrainingLoop)
    briefing = (
        "Deployment does not end the project, and a green dashboard is not a good model: latency, errors and uptime "
        "measure the machine and cannot see that the world has moved. In Act I you date a loss that no alarm reported. "
        "In Act II you install an alarm and find that it is only the first stage of a loop: while the model is "
        "retrained, validated and shipped, the world keeps moving."
    )
    reading = (
        Reading("ML Workflow, Monitoring and Maintenance, and Production monitoring", "three layers of metrics"),
        Reading("ML Workflow, Multi-scale feedback", "why loops need different time constants"),
        Reading("ML Workflow, Constraint propagation principle", "why a loop must be designed at stage 1"),
        Reading("Introduction, ML vs. Traditional Software", "the degradation equation and its limits"),
    )
    assumptions = (
        "- Sensitivity falls in proportion to harmful divergence. That is a local fit to two observations, not a "
        "law.\n- Drift is steady. The index adds up harmful and benign drift and cannot tell them apart.\n- The "
        "snapshot of the next model is taken when the signal fires; one loop runs at a time, and each ends in a "
        "release.\n- The index is evaluated every night; its sampling noise is far below the thresholds.\n- An audit "
        "grades a random sample. If only flagged patients saw a specialist, missed cases would never be labelled.\n- "
        f"The tablets are smartphone class ({c.MOBILE_INT8.value / 1e12:g} TOPS INT8, "
        f"{c.MOBILE_NPU_MEM_BW.value / 1e9:g} GB/s, {c.MOBILE_MEM_CAPACITY.value / 1e9:g} GB, "
        f"{c.MOBILE_POWER.value:g} W); their speed plays no part in the loop.\n- The floor is on sensitivity. "
        "Specificity, and accuracy as a whole, are other numbers."
    )
    constants = (
        SENS_0,
        FLOOR,
        ALERT,
        LAMBDA,
        HARMFUL,
        BENIGN,
        CHECK,
        NOISE,
        BINS,
        c.PSI_MODERATE,
        c.PSI_SIGNIFICANT,
        LATENCY,
        LATENCY_ALERT,
        ERRORS,
        ERROR_ALERT,
        QUEUE,
        QUEUE_ALERT,
        CLINICS,
        PATIENTS,
        PREVALENCE,
        RETRAIN,
        VALIDATION_MIN,
        ROLLOUT_CLOUD,
        ROLLOUT_MOBILE,
        TURNAROUND_CLOUD,
        TURNAROUND_MOBILE,
        AUDITS_MAX,
        RELEASES_MAX,
        REVIEW_DAY,
        Z,
        c.DAYS_PER_YEAR,
        c.MOBILE_INT8,
        c.MOBILE_NPU_MEM_BW,
        c.MOBILE_MEM_CAPACITY,
        c.MOBILE_POWER,
    )
    reads = (("ch02", "context"), ("ch02", "act2_result"))
    instructor_notes = (
        f"- Students expect the retrained model to start at {percent(SENS_0.value, 0)}. It starts a loop old. Draw the "
        "snapshot on the time line first.\n"
        "- Verification bias: if only flagged patients see a specialist, missed cases are never labelled, and "
        "sensitivity cannot be measured at all. That is why the audit is a random sample.\n"
        "- Constraint propagation: a constraint found at stage N costs about $2^{N-1}$ times more. The loop has to be "
        "designed at stage 1; found at stage 6 it costs 32 times.\n"
        "- A divergence alarm is a reason to look, not a proof of harm. What would happen with benign drift 0.003 and "
        "no harmful drift?\n"
        "- Extension: a forced update shortens the shipping to tablets to 3 days. Which constraint binds then, and is "
        "it worth the clinics' anger?"
    )
    #: P95 latency on the green dashboard (ms): that of the student's Lab 02 where it is a serving latency.
    serving_ms: float = LATENCY.value

    def open(self) -> None:
        origin = self.read("ch02", "context")
        if origin is not None:
            self.start_in("mobile" if origin == "edge" else "cloud", "Lab 02")
        latency = self.read("ch02", "act2_result")
        self.serving_ms = latency if latency is not None and 1 <= latency <= 50 else LATENCY.value

    def result(self) -> float:
        return 100 * self.act2.outcome.worst_sensitivity

    def decision(self) -> str:
        return self.act2.signal

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "releases_per_year": act.outcome.releases_per_year,
            "loop_latency_days": act.outcome.loop_days,
            "psi_threshold": act.psi_threshold if act.signal == "psi_alarm" else None,
        }

    def solution(self, context: str) -> dict[str, Any]:
        return {"psi_threshold": 0.125 if context == "mobile" else 0.15}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"psi_threshold": 0.3}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
