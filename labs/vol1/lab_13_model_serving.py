"""V1-13 Headroom Is the Product.

Act I: two half-idle fleets become one busy one, and the tail grows with the idle share and not with the load.
Act II: a fleet of replicas that must hold its tail with one of them dead, or a phone with one server, a metronome
of camera frames and nothing to buy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider
from components.instruments.latency_histogram import TimeMark, latency_histogram
from components.instruments.layers import Axis, Plot
from components.instruments.pareto import Box, Design, Trace, pareto_curve
from components.instruments.placing import log_ticks
from components.instruments.queueing import (
    LoadCurve,
    LoadPoint,
    LoadZone,
    Verdict,
    combination_grid,
    latency_against_utilization,
)
from components.instruments.waterfall import Bar, latency_waterfall
from components.metrics import Metric, Status, held
from components.quantity import counted, number, percent
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
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.hardware import Hardware

Array = npt.NDArray[np.float64]

H100, PHONE = Hardware.Cloud.H100, Hardware.Mobile.PhoneNPU
CLOUD = Context(
    "cloud",
    "Cloud",
    "cloud",
    f"{H100.name}: {H100.mem_capacity / 1e9:.0f} GB, {H100.mem_bandwidth / 1e12:.2f} TB/s, {H100.tdp_w:.0f} W. Many "
    "users, many replicas.",
)
MOBILE = Context(
    "mobile",
    "Mobile",
    "mobile",
    f"{PHONE.name}: {PHONE.mem_capacity / 1e9:.0f} GB, {PHONE.mem_bandwidth / 1e9:.0f} GB/s, "
    f"{c.MOBILE_INT8.value / 1e12:.0f} TOPS INT8, {PHONE.tdp_w:.0f} W. One camera, one server.",
)

CHAPTER = "ML Systems, Model Serving"
PERCENTILE = c.SLO_QUANTILE
TAIL_FACTOR = scenario(
    "tail_factor",
    -math.log1p(-PERCENTILE.value),
    "1",
    "P99 over mean of an exponential time, ln 100",
    "exact; the chapter rounds to 4.6",
    "derived",
)
ACT1_SERVICE = scenario("act1_service_s", 0.010, "s", "mean service time in the message", "the chapter's round figure")
RHO_BEFORE = scenario(
    "act1_rho_before", 0.50, "1", "utilization before the merge", "inside the chapter's band of 40 to 60 %"
)
RHO_AFTER = scenario("act1_rho_after", 0.85, "1", "utilization after the merge", "past the chapter's knee of 70 %")
SAFE = scenario("safe_utilization", 0.50, "1", "end of the green zone; drawn, in no formula", "the lab's scenario")
KNEE = scenario(
    "knee", 0.70, "1", "where the curve bends; drawn, in no formula", f"{CHAPTER}, figure on tail latency", "chapter"
)
BAND_LOW = scenario(
    "safe_band_low",
    0.40,
    "1",
    "production utilization, from; in no formula",
    f"{CHAPTER}, serving inversion",
    "chapter",
)
BAND_HIGH = scenario(
    "safe_band_high",
    0.60,
    "1",
    "most production utilization; in no formula",
    f"{CHAPTER}, serving inversion",
    "chapter",
)
FIXED = scenario(
    "fixed_s",
    0.005,
    "s",
    "fixed cost of a batch",
    f"{CHAPTER}, Throughput maximization strategy (there ResNet-50 on a V100; here a heavier request on an H100)",
    "chapter",
)
PER_ITEM = scenario(
    "per_item_s", 0.0006, "s", "cost of one more request in the batch", "as fixed_s; see request_flop", "chapter"
)
REQUEST_FLOP = scenario(
    "request_flop",
    24 * (2 * 384 * 12 * 1024**2 + 4 * 384**2 * 1024),
    "FLOP",
    "one request of 384 tokens to a ranker of 24 layers and width 1024",
    "BERT-Large, Devlin et al. 2019",
    "derived",
)
ARRIVAL = scenario("cloud_arrival_per_s", 5000, "1/s", "launch peak", f"{CHAPTER}, capacity planning", "chapter")
CLOUD_SLO = scenario("cloud_slo_s", 0.050, "s", "limit of the P99", f"{CHAPTER}, capacity planning", "chapter")
PRICE = c.H100_USD_HOUR
BUDGET = scenario(
    "cloud_budget",
    2.50,
    "USD",
    "budget for a million requests",
    "just above the cheapest feasible design, so that the batch must be right",
)
VENDOR_BATCH = scenario("vendor_batch", 16, "1", "the batch that the vendor advertises", "the lab's scenario")
MOBILE_SERVICE = scenario(
    "mobile_service_s",
    0.012,
    "s",
    "ResNet-50 INT8 on a phone NPU at the reference side, dispatch included",
    f"{CHAPTER}, ResNet-50 across the serving spectrum",
    "chapter",
)
REFERENCE_PX = scenario("mobile_ref_px", 224, "1", "side of the reference input, in pixels", CHAPTER, "chapter")
THROTTLE_HOT = scenario(
    "throttle_hot",
    1.6,
    "1",
    "service time of a hot phone over that of a cool one",
    "half the burst power is 1.26 times the time with P ~ f^3 and 2 times with P ~ f; 1.6 lies between",
)
MOBILE_SLO = scenario(
    "mobile_slo_s",
    0.100,
    "s",
    "a reaction that still feels immediate",
    "Miller 1968; Card, Moran and Newell 1983",
    "paper",
)
FPS_MIN = scenario("fps_min", 24, "1/s", "smooth preview", "cinema rate, the lowest camera mode above 15")
BUFFERS = scenario("camera_buffers", 8, "1", "frames that the camera lends out", "size of usual image-reader pools")
OVERFLOW_LIMIT = scenario(
    "overflow_limit", 0.01, "1", "share of frames that may find no buffer", "the same one in a hundred as the SLO"
)
SPIKE = scenario("spike", 10, "1", "traffic of a sale over normal traffic", f"{CHAPTER}, Black Friday", "chapter")
SPIKE_CAPACITY = scenario(
    "spike_capacity_per_s", 2000, "1/s", "what the fleet of the reflection can finish", "the lab's scenario"
)
OVERLOAD_LOOK = scenario("overload_look_s", 10, "s", "time into an overload that the banner looks ahead", "the lab's")

BATCHES = (1, 2, 4, 8, 16, 32)
FPS = (15, 24, 30, 60)
SIDES = (128, 160, 192, 224)
#: Replicas 0 to 64: the index of a curve is its number of replicas.
REPLICAS = np.arange(65.0)
BARS = 60
#: The tail approximation of constant service is not good enough for a percentile below this utilization.
APPROXIMATE_BELOW = 0.3

ZONES = (
    LoadZone(0.0, SAFE.value, "safe", "met"),
    LoadZone(SAFE.value, KNEE.value, "rising", "caution"),
    LoadZone(KNEE.value, 1.0, "steep", "violation"),
)
CURVE_KEY = (("P99", "data"), ("mean", "series-3"), ("one server, random arrivals (M/M/1)", "series-6"))


def ms(seconds: float, decimals: int = 1) -> str:
    """A time in milliseconds: 307.0 ms, 9,210 ms."""
    return f"{seconds * 1e3:,.{decimals if seconds < 1 else 0}f} ms" if math.isfinite(seconds) else "∞ ms"


def time_metric(
    label: str, seconds: float | None, *, about: bool = False, status: Status = "neutral", note: str = ""
) -> Metric:
    """A readout of a time in milliseconds, with a sign where it is an approximation."""
    if seconds is None:
        return Metric(label, "–", note=note)
    return Metric(label, f"{'≈ ' if about else ''}{number(seconds * 1e3, 4)}", "ms", note=note, status=status)


def usd(amount: float) -> str:
    """Money for a million requests: 2.22 USD."""
    return f"{amount:.2f} USD"


def frozen(values: Any) -> Array:
    """An array that sessions can share."""
    array = np.asarray(values, dtype=float)
    array.setflags(write=False)
    return array


def bars(survival: Array) -> tuple[Array, float]:
    """Share of requests between neighbouring edges, and beyond the last one, from the tail at the edges."""
    return survival[:-1] - survival[1:], float(survival[-1])


@dataclass(frozen=True)
class UnitCurves:
    """Mean and P99 over utilization for a service time of 1 s; times scale with the service time."""

    mean: Array
    p99: Array


@cache
def load_axis(end: float) -> Array:
    """Utilizations from 0 to `end`, one per percent."""
    return frozen(np.linspace(0, end, round(100 * end) + 1))


@cache
def unit_curves(model: str, end: float) -> UnitCurves:
    """The curves of one server: "mm1", "md1" (its P99 from 30 % on) or "dm1"."""
    rho = load_axis(end)
    if model == "mm1":
        return UnitCurves(
            frozen(physics.mm1_mean_latency(1.0, rho)),
            frozen(physics.mm1_latency_percentile(1.0, rho, PERCENTILE.value)),
        )
    if model == "dm1":
        return UnitCurves(
            frozen(physics.dm1_mean_latency(1.0, rho)),
            frozen(physics.dm1_latency_percentile(1.0, rho, PERCENTILE.value)),
        )
    shown = np.where(rho >= APPROXIMATE_BELOW - 1e-9, 1.0, np.nan)
    return UnitCurves(
        frozen(physics.md1_mean_latency(1.0, rho)),
        frozen(shown * physics.md1_latency_percentile(1.0, rho, PERCENTILE.value)),
    )


def load_curves(model: str, service_s: float, end: float) -> list[LoadCurve]:
    """Mean and P99 of a model, and M/M/1 in grey behind another one; what does not apply is hidden."""
    own, random = unit_curves(model, end), unit_curves("mm1", end)
    nothing = np.full(len(own.mean), np.nan)
    constant, other = model == "md1", model != "mm1"
    return [
        LoadCurve(service_s * random.mean if other else nothing, "series-6", "dashed", 1.5),
        LoadCurve(service_s * random.p99 if other else nothing, "series-6", "solid", 1.5),
        LoadCurve(service_s * own.mean, "series-3", "dashed"),
        LoadCurve(nothing if constant else service_s * own.p99, "data", "solid"),
        LoadCurve(service_s * own.p99 if constant else nothing, "data", "dotted", 3),
    ]


# --- Act I ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class QueueOutcome:
    """One server at one load (s, 1/s). Percentiles that a model cannot give are None.

    `edges_s`, `shares` and `beyond` are the histogram; `slower_than_mean` is a share of requests.
    """

    mean_s: float
    p99_s: float | None
    arrival_per_s: float
    in_flight: float
    p50_s: float | None
    p95_s: float | None
    p999_s: float | None
    service_s: float
    utilization: float
    model: str
    slower_than_mean: float
    edges_s: Array
    shares: Array
    beyond: float


def one_server(model: str, service_s: float, utilization: float) -> QueueOutcome:
    """One queue with one server, "mm1", "md1" or "dm1"."""
    quantiles = np.array([0.5, 0.95, PERCENTILE.value, 0.999])
    mean_of, percentile_of, survival_of = {
        "mm1": (physics.mm1_mean_latency, physics.mm1_latency_percentile, physics.mm1_survival),
        "md1": (physics.md1_mean_latency, physics.md1_latency_percentile, physics.md1_survival_approx),
        "dm1": (physics.dm1_mean_latency, physics.dm1_latency_percentile, physics.dm1_survival),
    }[model]
    mean = mean_of(service_s, utilization)
    p50, p95, p99, p999 = (float(time) for time in percentile_of(service_s, utilization, quantiles))
    edges = np.linspace(0.0, 1.5 * p99, BARS + 1)
    tail = survival_of(np.append(edges, mean), service_s, utilization)
    shares, beyond = bars(tail[:-1])
    arrival = utilization / service_s
    known = model != "md1" or at_least(utilization, APPROXIMATE_BELOW)
    return QueueOutcome(
        mean_s=mean,
        p99_s=p99 if known else None,
        arrival_per_s=arrival,
        in_flight=physics.littles_law_concurrency(arrival, mean),
        p50_s=p50 if model != "md1" else None,
        p95_s=p95 if known else None,
        p999_s=p999 if known else None,
        service_s=service_s,
        utilization=utilization,
        model=model,
        slower_than_mean=float(tail[-1]),
        edges_s=edges,
        shares=shares,
        beyond=beyond,
    )


@cache
def merged(model: str, utilization: float) -> QueueOutcome:
    """The server of the message at one load: "mm1" as asked, "dm1" for the camera."""
    return one_server(model, ACT1_SERVICE.value, utilization)


def proportional_mean() -> float:
    """The mean latency after the merge if it grew in proportion to load, which it does not (s)."""
    return merged("mm1", RHO_BEFORE.value).mean_s * RHO_AFTER.value / RHO_BEFORE.value


def p99_of(outcome: QueueOutcome) -> float:
    """The P99 of a model that always has one (s)."""
    assert outcome.p99_s is not None
    return outcome.p99_s


class Merge(Act):
    """Act I: what 85 % utilization does to the tail."""

    title = "What did the merge do to our P99?"
    minutes = 13

    utilization = slider(
        "Utilization",
        0,
        0.95,
        0.01,
        RHO_BEFORE.value,
        unit="%",
        scale=100,
        reason="at 95 % the mean is 20 service times; beyond it no axis is of use",
    )
    service_s = slider(
        "Mean service time",
        1e-3,
        0.1,
        1e-3,
        ACT1_SERVICE.value,
        unit="ms",
        scale=1e3,
        reason="a small ranker to one step of a large language model; scales every time and leaves the shape",
    )
    model = choice(
        "Service time",
        {"mm1": "variable (M/M/1)", "md1": "constant (M/D/1)"},
        "mm1",
        only_in=("cloud",),
        reason="random arrivals in both; a phone's camera has paced arrivals and variable service (D/M/1)",
    )
    axis = choice(
        "Latency axis",
        {"linear": "linear", "log": "logarithmic"},
        "linear",
        reason="a straight ruler shows the wall, a logarithmic one the approach to it",
    )

    @classmethod
    def compute(
        cls, context: str, *, service_s: float, utilization: float, model: str = "mm1", axis: str = "linear"
    ) -> QueueOutcome:
        return one_server(model if context == "cloud" else "dm1", service_s, utilization)

    def message(self) -> Message:
        before = merged("mm1", RHO_BEFORE.value)
        saved = 1 - RHO_BEFORE.value / RHO_AFTER.value
        return Message(
            "Head of Platform, a retail recommender",
            f"Finance made us merge two half-idle fleets. Utilization went from {percent(RHO_BEFORE.value, 0)} to "
            f"**{percent(RHO_AFTER.value, 0)}** and the bill fell by {percent(saved, 0)}. The mean service time is "
            f"still {ms(ACT1_SERVICE.value, 0)}, as scattered as ever; before the merge the dashboard showed a mean "
            f"latency of {ms(before.mean_s, 0)}. Tickets tripled overnight. Before I blame the network: what did the "
            "merge do to our P99?",
        )

    def from_ledger(self) -> str:
        loop_ms = self.lab.read("ch02", "act2_result")
        return (
            "" if loop_ms is None else f"Your Lab 02 design answered in {number(loop_ms)} ms with nobody else in line."
        )

    def concept(self) -> str:
        before = merged("mm1", RHO_BEFORE.value)
        mobile = (
            ""
            if self.context == "cloud"
            else "\n\nThe phone's camera sends its frames at equal gaps, one server answers them: **paced arrivals, "
            "variable service (D/M/1)**. The instruments show that queue; the question is about the server."
        )
        return (
            "Requests arrive independently of one another (*Poisson*), and their service times vary a lot "
            "(*exponential*: most are short, a few are several times the mean). Every server keeps its own queue, "
            "before and after the merge; the merge only sends each of them more. A request that finds its server busy "
            "waits. **Utilization** is the share of time that the server works. **P99** is the latency that one "
            "request in a hundred exceeds.\n\n"
            "**Little's Law**: requests in flight = arrivals per second × mean time in the system. Before the merge: "
            f"{before.arrival_per_s:g} per second × {ms(before.mean_s, 0)} = {before.in_flight:g}." + mobile
        )

    def prediction(self) -> ChoicePrediction:
        before, after = merged("mm1", RHO_BEFORE.value), merged("mm1", RHO_AFTER.value)
        phone = merged("dm1", RHO_AFTER.value)
        load = RHO_AFTER.value / RHO_BEFORE.value
        line = proportional_mean()
        p99, mean = p99_of(after), after.mean_s
        slower = percent(after.slower_than_mean, 0)
        idle_before, idle_after = percent(1 - RHO_BEFORE.value, 0), percent(1 - RHO_AFTER.value, 0)

        def option(letter: str, seconds: float, feedback: str, correct: bool = False) -> Option:
            shown = round(seconds * 1e3)
            return Option(letter, f"{shown} ms", value=seconds * 1e3, saved=shown, feedback=feedback, correct=correct)

        return ChoicePrediction(
            f"Mean service time {ms(ACT1_SERVICE.value, 0)}, {percent(RHO_AFTER.value, 0)} busy, random arrivals, "
            "service times that vary exponentially. What is the P99 latency now?",
            (
                option("A", line, "That is the mean on a line; the queue is not a line."),
                option(
                    "B", mean, f"{ms(mean, 0)} is right, for the *mean*: {slower} of the requests are slower than that."
                ),
                option(
                    "C",
                    line * TAIL_FACTOR.value,
                    f"You multiplied the tail by {load:.1f} because load grew by {load:.1f}. The idle share fell from "
                    f"{idle_before} to {idle_after}: divide by that.",
                ),
                option(
                    "D",
                    p99,
                    f"Both effects multiply: the mean is the service time over the idle share, the tail is "
                    f"{TAIL_FACTOR.value:.2f} means.",
                    correct=True,
                ),
            ),
            actual=p99 * 1e3,
            form=lambda value: f"{value:.1f} ms",
            why=(
                f"Going from {percent(RHO_BEFORE.value, 0)} to {percent(RHO_AFTER.value, 0)} multiplied the mean by "
                f"{mean / before.mean_s:.2f}, and the tail is {p99 / mean:.2f} means: the last "
                f"{100 * (RHO_AFTER.value - RHO_BEFORE.value):.0f} points of utilization cost "
                f"{ms(p99 - p99_of(before), 0)} of P99.\n\n"
                f"On the phone, at the same {percent(RHO_AFTER.value, 0)}, it is {ms(p99_of(phone))}, "
                f"{p99_of(phone) / p99:.2f} of the server's tail: the camera never sends two frames at once. Half of "
                "your tail was other people arriving together."
            ),
        )

    def plots(self, outcome: QueueOutcome) -> dict[str, Plot]:
        known = outcome.p99_s is not None
        p99 = outcome.p99_s if outcome.p99_s is not None else math.nan
        constant = outcome.model == "md1"
        log = self.axis == "log"
        service = outcome.service_s
        predicted = self.predicted()
        words = f"At {percent(outcome.utilization, 0)} the mean is {outcome.mean_s / service:.2f} service times"
        words += f", the P99 {p99 / service:.1f}. " if known else ". "
        if self.context == "cloud":
            words += f"Production fleets run at {100 * BAND_LOW.value:.0f} to {percent(BAND_HIGH.value, 0)}. "
        words += f"The orange line is the knee, {percent(KNEE.value, 0)}. "
        if predicted is not None and not math.isclose(service, ACT1_SERVICE.value):
            words += f"Your prediction was for a service time of {ms(ACT1_SERVICE.value, 0)}. "
        if constant:
            words += f"Dotted: an approximation, shown from {percent(APPROXIMATE_BELOW, 0)} on."
        before, after = (
            one_server(outcome.model, service, rho.value).mean_s - service for rho in (RHO_BEFORE, RHO_AFTER)
        )
        waits = {
            f"now, {percent(outcome.utilization, 0)}": outcome.mean_s - service,
            f"at {percent(RHO_BEFORE.value, 0)}": before,
            f"at {percent(RHO_AFTER.value, 0)}": after,
        }
        return {
            "load": latency_against_utilization(
                load_axis(0.95),
                load_curves(outcome.model, service, 0.95),
                at=outcome.utilization,
                points=(LoadPoint(p99, "P99"), LoadPoint(outcome.mean_s, "mean", "series-3")),
                zones=ZONES,
                knee=KNEE.value,
                low_s=service / 2 if log else 0.0,
                high_s=service * (200 if log else 50),
                log=log,
                predicted_s=math.nan if predicted is None else predicted / 1e3,
                title="Latency against utilization",
                caption=words,
                key=CURVE_KEY if outcome.model != "mm1" else CURVE_KEY[:2],
            ),
            "histogram": latency_histogram(
                outcome.edges_s,
                outcome.shares,
                marks=(
                    TimeMark(outcome.mean_s, "mean", "series-3", "dashed"),
                    TimeMark(math.nan if outcome.p95_s is None else outcome.p95_s, "P95", "muted", about=constant),
                    TimeMark(p99, "P99", "data"),
                ),
                late_s=p99,
                late="slowest 1 %",
                beyond=outcome.beyond,
                title="P99 latency histogram",
                caption=(
                    f"{percent(outcome.slower_than_mean, 0)} of the requests are slower than the mean of "
                    f"{ms(outcome.mean_s)}."
                    + (
                        f" One in a hundred takes longer than {ms(p99)}."
                        if known
                        else " The model is too coarse for a percentile at so low a load."
                    )
                ),
            ),
            "waterfall": latency_waterfall(
                [Bar(name, {"service": service, "waiting": wait}) for name, wait in waits.items()],
                title="A mean request: served or waiting",
                # Room for the longest total at 390 px.
                high=1.4e3 * (service + max(waits.values())),
                caption=(
                    f"A mean request is served for {ms(service)} and waits for {ms(outcome.mean_s - service)}; at "
                    f"{percent(RHO_AFTER.value, 0)} it waits for {ms(after)}."
                ),
            ),
        }

    def metrics(self, outcome: QueueOutcome) -> list[Metric]:
        constant = outcome.model == "md1"
        return [
            time_metric("Mean", outcome.mean_s),
            time_metric("P50", outcome.p50_s),
            time_metric("P95", outcome.p95_s, about=constant),
            time_metric("P99", outcome.p99_s),
            time_metric("P99.9", outcome.p999_s),
            Metric(
                "In flight",
                number(outcome.in_flight),
                "requests",
                note=f"{number(outcome.arrival_per_s)} completed per second",
            ),
        ]

    def reflection(self) -> Question:
        normal = SPIKE_CAPACITY.value * RHO_BEFORE.value
        surge = normal * SPIKE.value
        growth = physics.overload_backlog(surge, SPIKE_CAPACITY.value, 1.0)
        look = OVERLOAD_LOOK.value
        until = look * SPIKE_CAPACITY.value / growth
        wait = physics.overload_wait(surge, SPIKE_CAPACITY.value, until)
        near = 0.9
        multiple = physics.mm1_latency_percentile(1.0, near, PERCENTILE.value)
        return Question(
            f"Another fleet runs at a careful {percent(RHO_BEFORE.value, 0)}: it can finish "
            f"{SPIKE_CAPACITY.value:,.0f} requests/s and receives {normal:,.0f}. A sale multiplies traffic by ten. "
            "What happens?",
            (
                Option("A", "Latency grows ten-fold", "That is a line through a curve that has already ended."),
                Option(
                    "B",
                    "Latency grows three-fold: batches amortize the rest",
                    f"No batch size finishes more than the capacity, and {surge:,.0f} is "
                    f"{surge / SPIKE_CAPACITY.value:g} "
                    "times the capacity.",
                ),
                Option(
                    "C",
                    f"There is no steady latency: the queue grows by {growth:,.0f} requests every second, and after "
                    f"{until:g} s a new arrival waits {wait:g} s",
                    f"{surge:,.0f} arrive, {SPIKE_CAPACITY.value:,.0f} leave, the rest stays. The chapter's Black "
                    f"Friday is this: latency hits {wait:g} s.",
                    correct=True,
                ),
                Option(
                    "D",
                    f"P99 becomes {multiple:.0f} times the service time",
                    f"That is {percent(near, 0)} load. At {percent(surge / SPIKE_CAPACITY.value, 0)} the formula does "
                    "not apply, which is the point.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "offered_utilization",
                "mm1_mean_latency",
                "mm1_latency_percentile",
                "littles_law_concurrency",
                "dm1_sigma",
                "dm1_latency_percentile",
                "md1_latency_percentile",
            ),
            "With one server $\\rho = \\lambda S$, $W = S/(1-\\rho)$, $P99 = W \\ln 100$ and $L = \\lambda W$. For "
            "paced "
            "arrivals replace $\\rho$ in the denominator by $\\sigma = e^{-(1-\\sigma)/\\rho}$. At $\\rho \\geq 1$ "
            "none of "
            "this exists.",
        )


# --- Act II ---------------------------------------------------------------------------------------------


def served(batch: float) -> float:
    """Mean service time of a batch (s)."""
    return float(physics.batch_service_time(FIXED.value, PER_ITEM.value, batch))


def fleet_p99(
    arrival_per_s: float, batch: Any, replicas: Any, routing: str, service_model: str, quantile: Any = PERCENTILE.value
) -> Any:
    """Tail latency of the marketplace's fleet (s)."""
    return physics.batched_fleet_p99(
        arrival_per_s, batch, replicas, FIXED.value, PER_ITEM.value, routing, service_model, quantile
    )


@lru_cache(maxsize=512)
def reference_p99(arrival_per_s: float, routing: str, service_model: str) -> Array:
    """P99 (s) for each of `BATCHES` (rows) and each number of replicas (columns)."""
    sizes = np.array(BATCHES, dtype=float)[:, None]
    return frozen(fleet_p99(arrival_per_s, sizes, REPLICAS[None, :], routing, service_model))


@lru_cache(maxsize=2048)
def batch_p99(arrival_per_s: float, batch: float, routing: str, service_model: str) -> Array:
    """P99 (s) of one batch size for each number of replicas."""
    if batch in BATCHES:
        return reference_p99(arrival_per_s, routing, service_model)[BATCHES.index(int(batch))]
    return frozen(fleet_p99(arrival_per_s, batch, REPLICAS, routing, service_model))


@lru_cache(maxsize=512)
def replica_costs(arrival_per_s: float) -> Array:
    """Cost of a million requests (USD) for each number of replicas."""
    return frozen(physics.usd_per_million(PRICE.value, REPLICAS, arrival_per_s))


@cache
def fewest_replicas(batch: int, routing: str, service_model: str) -> int | None:
    """Fewest replicas at launch traffic that hold the SLO with one of them dead; None if 64 do not."""
    p99 = batch_p99(ARRIVAL.value, float(batch), routing, service_model)
    holds = np.array([at_most(time, CLOUD_SLO.value) for time in p99])
    enough = np.flatnonzero(holds[1:] & holds[:-1]) + 1
    return int(enough[0]) if len(enough) else None


@cache
def launch(
    batch: int, replicas: int, routing: str = "shared_queue", service_model: str = "exponential"
) -> ServingOutcome:
    """A fleet at launch traffic, for the texts."""
    return Serving.compute(
        "cloud", replicas=replicas, batch=batch, routing=routing, service_model=service_model, traffic_multiplier=1.0
    )


@cache
def cheapest(batch: int, routing: str = "shared_queue", service_model: str = "exponential") -> ServingOutcome:
    """The fleet with the fewest replicas that hold the SLO with one of them dead."""
    replicas = fewest_replicas(batch, routing, service_model)
    assert replicas is not None
    return launch(batch, replicas, routing, service_model)


def idle_p99(batch: float) -> float:
    """P99 of a fleet in which nothing ever queues (s): no number of replicas goes below it."""
    wait = physics.batch_formation_wait_max(batch, ARRIVAL.value)
    return float(wait + physics.mm1_latency_percentile(served(batch), 0.0, PERCENTILE.value))


@cache
def constant_service_designs() -> tuple[int, int, int]:
    """Constant service, one shared queue: fewest replicas of any batch, and smallest and largest batch with them."""
    fewest = {batch: fewest_replicas(batch, "shared_queue", "fixed") for batch in range(1, BATCHES[-1] + 1)}
    found = {batch: replicas for batch, replicas in fewest.items() if replicas is not None}
    least = min(found.values())
    sizes = [batch for batch, replicas in found.items() if replicas == least]
    return least, sizes[0], sizes[-1]


@lru_cache(maxsize=64)
def frame_combinations(throttle: float, service_model: str) -> Frames:
    """Every side (rows, large first) at every frame rate (columns)."""
    sides, rates = np.array(SIDES[::-1], dtype=float)[:, None], np.array(FPS, dtype=float)[None, :]
    return frames(rates, sides, throttle, service_model)


@dataclass(frozen=True)
class Frames:
    """Frames of a camera on one server: times in s, the share that finds no buffer; numbers or arrays."""

    p99_s: Any
    mean_s: Any
    overflow: Any
    utilization: Any
    service_s: Any


def frames(
    fps: Any, resolution_px: Any, throttle: float, service_model: str, quantile: Any = PERCENTILE.value
) -> Frames:
    """What becomes of frames at equal gaps; `quantile` is the percentile in `p99_s`."""
    service = physics.resolution_scaled_time(MOBILE_SERVICE.value, resolution_px, REFERENCE_PX.value) * throttle
    utilization = physics.offered_utilization(fps, service, 1)
    if service_model == "exponential":
        return Frames(
            p99_s=physics.dm1_latency_percentile(service, utilization, quantile),
            mean_s=physics.dm1_mean_latency(service, utilization),
            overflow=physics.dm1_overflow_probability(utilization, BUFFERS.value),
            utilization=utilization,
            service_s=service,
        )
    # Frames at equal gaps that each take the same time never meet, as long as one is done before the next.
    stable = np.less(utilization, 1.0)
    time = np.where(stable, service, np.inf)
    return Frames(
        p99_s=np.where(np.greater(quantile, 0.0), time, 0.0),
        mean_s=time,
        overflow=np.where(stable, 0.0, 1.0),
        utilization=utilization,
        service_s=service,
    )


@dataclass(frozen=True)
class ServingOutcome:
    """A serving design (s, 1/s). Fields of the other context are None.

    `late` is the share of requests beyond the SLO, `capacity_per_s` what can leave, `overload_wait_s` the wait of
    an arrival ten seconds into an overload, `edges_s` with `shares` and `beyond` the histogram.
    """

    utilization: float
    p99_s: float
    mean_s: float
    in_flight: float
    stable: bool
    slo_met: bool
    all_met: bool
    service_s: float
    p95_s: float
    slo_s: float
    arrival_per_s: float
    capacity_per_s: float
    overload_wait_s: float
    as_asked: bool
    late: float
    edges_s: Array
    shares: Array
    beyond: float
    service_model: str
    p99_one_replica_lost_s: float | None = None
    cost_per_million_usd: float | None = None
    n_plus_1_met: bool | None = None
    budget_met: bool | None = None
    replicas: int | None = None
    batch: int | None = None
    routing: str | None = None
    overflow_probability: float | None = None
    fps_met: bool | None = None
    buffers_met: bool | None = None
    fps: int | None = None
    resolution_px: int | None = None
    throttle: float | None = None

    @property
    def approximate(self) -> bool:
        """Whether the P99 is an approximation that deserves a sign."""
        if self.service_model != "fixed" or self.replicas is None:
            return False
        return self.routing == "shared_queue" or not at_least(self.utilization, APPROXIMATE_BELOW)


def reach(p99_s: float, slo_s: float) -> Array:
    """Edges of the histogram: to one and a half times the SLO or the P99, whichever is later."""
    return np.linspace(0.0, 1.5 * max(slo_s, p99_s if math.isfinite(p99_s) else 0.0), BARS + 1)


class Serving(Act):
    """Act II: a launch with one replica dead, or a camera on a hot phone."""

    title = "Forty-eight hours to launch"
    minutes = 24

    replicas = slider(
        "Replicas",
        1,
        64,
        1,
        30,
        unit="GPUs",
        only_in=("cloud",),
        reason="28 is the stability limit at batch 1, 59 the smallest fleet of separate queues with a spare",
    )
    batch = slider(
        "Batch", 1, 32, 1, 1, unit="queries", only_in=("cloud",), reason="the chapter's table of batches ends at 32"
    )
    routing = choice(
        "Who waits for whom",
        {"random_split": "separate queues, picked at random", "shared_queue": "one shared queue"},
        "random_split",
        only_in=("cloud",),
        reason="a load balancer that picks a replica, or replicas that pull work",
    )
    traffic_multiplier = slider(
        "Traffic",
        0.2,
        10,
        0.1,
        1.0,
        unit=f"× {ARRIVAL.value:,.0f}/s",
        only_in=("cloud",),
        reason="night to Black Friday",
    )
    fps = choice(
        "Frame rate", {rate: f"{rate}/s" for rate in FPS}, 60, only_in=("mobile",), reason="the standard camera modes"
    )
    resolution_px = choice(
        "Input side",
        {side: f"{side} px" for side in SIDES},
        224,
        only_in=("mobile",),
        reason="the classifier was trained at 224; 128 is the chapter's cheap pre-classifier",
    )
    throttle = slider(
        "Throttling",
        1.0,
        2.0,
        0.1,
        THROTTLE_HOT.value,
        unit="× the time",
        only_in=("mobile",),
        reason="a cool phone to half the power with power in proportion to frequency",
    )
    service_model = choice(
        "Service time",
        {"exponential": "variable (planning)", "fixed": "constant"},
        "exponential",
        reason="exponential service is the safe planning bound, constant service its opposite",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        service_model: str,
        replicas: float = 30,
        batch: float = 1,
        routing: str = "random_split",
        traffic_multiplier: float = 1.0,
        fps: float = 60,
        resolution_px: float = 224,
        throttle: float = THROTTLE_HOT.value,
    ) -> ServingOutcome:
        if context == "cloud":
            return cls.fleet(replicas, batch, routing, service_model, traffic_multiplier)
        return cls.camera(fps, resolution_px, throttle, service_model)

    @classmethod
    def fleet(
        cls, replicas: float, batch: float, routing: str, service_model: str, traffic_multiplier: float
    ) -> ServingOutcome:
        """A fleet of replicas in the data centre."""
        arrival, slo = ARRIVAL.value * traffic_multiplier, CLOUD_SLO.value
        service = served(batch)
        utilization = physics.offered_utilization(arrival / batch, service, replicas)
        counts = np.array([replicas, replicas - 1, replicas])
        quantiles = np.array([PERCENTILE.value, PERCENTILE.value, 0.95])
        p99, lost, p95 = (float(time) for time in fleet_p99(arrival, batch, counts, routing, service_model, quantiles))
        stable = utilization < 1.0
        fleet = (arrival, batch, replicas, FIXED.value, PER_ITEM.value, routing, service_model)
        mean = physics.batched_fleet_mean(*fleet)
        edges = reach(p99, slo)
        tail = physics.batched_fleet_survival(np.append(edges, slo), *fleet)
        shares, beyond = bars(tail[:-1])
        cost = physics.usd_per_million(PRICE.value, replicas, arrival)
        capacity = replicas * batch / service
        slo_met, n_plus_1, budget = at_most(p99, slo), at_most(lost, slo), at_most(cost, BUDGET.value)
        return ServingOutcome(
            utilization=utilization,
            p99_s=p99,
            p99_one_replica_lost_s=lost,
            p95_s=p95,
            mean_s=mean,
            in_flight=physics.littles_law_concurrency(arrival, mean) if stable else math.inf,
            cost_per_million_usd=cost,
            stable=stable,
            slo_met=slo_met,
            n_plus_1_met=n_plus_1,
            budget_met=budget,
            all_met=stable and slo_met and n_plus_1 and budget,
            service_s=service,
            slo_s=slo,
            arrival_per_s=arrival,
            capacity_per_s=capacity,
            overload_wait_s=physics.overload_wait(arrival, capacity, OVERLOAD_LOOK.value),
            as_asked=service_model == "exponential" and math.isclose(traffic_multiplier, 1.0),
            late=float(tail[-1]),
            edges_s=edges,
            shares=shares,
            beyond=beyond,
            service_model=service_model,
            replicas=int(replicas),
            batch=int(batch),
            routing=routing,
        )

    @classmethod
    def camera(cls, fps: float, resolution_px: float, throttle: float, service_model: str) -> ServingOutcome:
        """A camera that sends frames to the phone's one server."""
        slo = MOBILE_SLO.value
        made = frames(fps, resolution_px, throttle, service_model, np.array([PERCENTILE.value, 0.95]))
        p99, p95 = (float(time) for time in made.p99_s)
        utilization, service = made.utilization, made.service_s
        mean, overflow = float(made.mean_s), float(made.overflow)
        stable = utilization < 1.0
        edges = reach(p99, slo)
        times = np.append(edges, slo)
        if service_model == "exponential":
            tail = physics.dm1_survival(times, service, utilization)
        else:
            tail = np.where((times < service) | (not stable), 1.0, 0.0)
        shares, beyond = bars(tail[:-1])
        capacity = 1 / service
        slo_met, fps_met = at_most(p99, slo), at_least(fps, FPS_MIN.value)
        buffers_met = at_most(overflow, OVERFLOW_LIMIT.value)
        return ServingOutcome(
            utilization=utilization,
            p99_s=p99,
            p95_s=p95,
            mean_s=mean,
            in_flight=physics.littles_law_concurrency(fps, mean) if stable else math.inf,
            overflow_probability=overflow,
            stable=stable,
            slo_met=slo_met,
            fps_met=fps_met,
            buffers_met=buffers_met,
            all_met=stable and slo_met and fps_met and buffers_met,
            service_s=service,
            slo_s=slo,
            arrival_per_s=float(fps),
            capacity_per_s=capacity,
            overload_wait_s=physics.overload_wait(fps, capacity, OVERLOAD_LOOK.value),
            as_asked=service_model == "exponential" and math.isclose(throttle, THROTTLE_HOT.value),
            late=float(tail[-1]),
            edges_s=edges,
            shares=shares,
            beyond=beyond,
            service_model=service_model,
            fps=int(fps),
            resolution_px=int(resolution_px),
            throttle=throttle,
        )

    def message(self) -> Message:
        if self.context == "mobile":
            return Message(
                "Camera product owner, a phone maker",
                f"Reviewers film for ten minutes; the phone is hot and inference takes {THROTTLE_HOT.value:g} times "
                f"as long. Live labels must follow within **{ms(MOBILE_SLO.value, 0)}**, at **{FPS_MIN.value:g} "
                "frames a second** or more, and keep as much resolution as you can. I cannot ship a second NPU.",
            )
        return Message(
            "SRE lead, marketplace search",
            f"Launch is in 48 hours: {ARRIVAL.value:,.0f} queries/s, P99 at most **{ms(CLOUD_SLO.value, 0)}**, and it "
            f"must hold **with one replica dead**. Finance pays {usd(BUDGET.value)} per million queries, "
            f"{affordable(ARRIVAL.value)} replicas. The vendor says that batch {VENDOR_BATCH.value:g} gets "
            f"{batching_gain(VENDOR_BATCH.value):.1f} times the queries out of every GPU.",
        )

    def from_ledger(self) -> str:
        share = self.lab.read("ch12", "serial_fraction")
        if share is None:
            return ""
        return (
            f"In Lab 12 {percent(share, 0)} of a request was spent outside the model; the service times here are the "
            "model's alone."
        )

    def concept(self) -> str:
        fleet = (
            f"A batch of $B$ queries takes {ms(FIXED.value, 0)} + {PER_ITEM.value * 1e3:g} ms × $B$ on one replica: it "
            "shares one fixed cost, but its first query waits for the last. Replicas can have *separate queues* (the "
            "load balancer picks one at random) or pull from *one queue*. A replica costs "
            f"{PRICE.value:g} USD an hour. The planning model lets the service of a batch vary exponentially, a safe "
            "bound; after committing you may switch to constant service."
        )
        phone = (
            f"\n\nThe phone has one server. A frame of {REFERENCE_PX.value:g} px takes {ms(MOBILE_SERVICE.value, 0)} "
            "when cool, and time goes with the square of the side. Frames come at equal gaps. A frame that finds all "
            f"{BUFFERS.value:g} camera buffers taken is dropped; {percent(OVERFLOW_LIMIT.value, 0)} may be. The "
            "question below is about the cloud."
        )
        return fleet + (phone if self.context == "mobile" else "")

    def prediction(self) -> ChoicePrediction:
        best, single = cheapest(8), cheapest(1)
        least, first, last = constant_service_designs()
        wide = launch(last, least, service_model="fixed")
        ratio = cost(single) / cost(best)

        def never(batch: int) -> str:
            return f"infeasible: an idle fleet already shows {ms(idle_p99(batch))}"

        return ChoicePrediction(
            f"One shared queue, {ARRIVAL.value:,.0f} queries/s, variable service (the planning model). P99 at most "
            f"{ms(CLOUD_SLO.value, 0)}, also with one replica dead. Which of these batch sizes is cheapest?",
            (
                Option(
                    "A",
                    "1 query",
                    value=1,
                    gap=f"{ratio:.1f} times the cost",
                    feedback=(
                        f"Batch 1 needs {single.replicas} replicas with the spare, {usd(cost(single))} per million. "
                        f"Batching pays even where latency is the goal: {ratio:.1f} times."
                    ),
                ),
                Option(
                    "B",
                    "8 queries",
                    value=8,
                    correct=True,
                    feedback=f"Ten replicas, and losing one costs {ms(lost(best) - best.p99_s)} of P99.",
                ),
                Option(
                    "C",
                    "16 queries",
                    value=16,
                    gap=never(16),
                    feedback=(
                        f"No number of replicas helps: {ms(served(16))} of mean service has a P99 of "
                        f"{ms(served(16) * TAIL_FACTOR.value)}, and the first query waits for the fifteen behind it. "
                        "Throughput per replica is not the cost of a tail."
                    ),
                ),
                Option(
                    "D",
                    "32 queries",
                    value=32,
                    gap=never(32),
                    feedback="The largest batch that fits is the best in training. Here its own service is the tail.",
                ),
            ),
            actual=8,
            form=lambda value: counted(value, "queries"),
            why=(
                f"Batch {best.batch} holds with {best.replicas} replicas, spare included: P99 {ms(best.p99_s)}, "
                f"{ms(lost(best))} with one lost, {usd(cost(best))} per million.\n\n**Check the assumption.** With "
                f"constant service, batches {first} to {last} on {least} replicas become legal (batch {last}: "
                f"{ms(wide.p99_s)}, {usd(cost(wide))}). Your answer depended on how variable one service time is. "
                "Measure it before you buy."
            ),
        )

    def challenge(self) -> str:
        if self.context == "mobile":
            return (
                f"Keep the **largest resolution** with P99 ≤ {ms(MOBILE_SLO.value, 0)}, at least {FPS_MIN.value:g} "
                f"frames a second and at most {percent(OVERFLOW_LIMIT.value, 0)} of the frames dropped, on a hot "
                f"phone ({THROTTLE_HOT.value:g} × the time) with variable service."
            )
        return (
            f"Find the **cheapest fleet** with P99 ≤ {ms(CLOUD_SLO.value, 0)}, with one replica fewer as well, for at "
            f"most {usd(BUDGET.value)} per million queries, at {ARRIVAL.value:,.0f} queries/s with variable service. "
            "Then break it: ten times the traffic is a slider away."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        if self.context == "mobile":
            return (
                Constraint(f"P99 ≤ {ms(MOBILE_SLO.value, 0)}", lambda o: o.slo_met),
                Constraint(f"Frames ≥ {FPS_MIN.value:g}/s", lambda o: o.fps_met),
                Constraint(f"Dropped ≤ {percent(OVERFLOW_LIMIT.value, 0)}", lambda o: o.buffers_met),
                Constraint(f"As asked: {THROTTLE_HOT.value:g} × hot, variable", lambda o: o.as_asked),
            )
        return (
            Constraint(f"P99 ≤ {ms(CLOUD_SLO.value, 0)}", lambda o: o.slo_met),
            Constraint(f"P99 with one lost ≤ {ms(CLOUD_SLO.value, 0)}", lambda o: o.n_plus_1_met),
            Constraint(f"Cost ≤ {usd(BUDGET.value)} per million", lambda o: o.budget_met),
            Constraint(f"As asked: {ARRIVAL.value:,.0f}/s, variable", lambda o: o.as_asked),
        )

    def failures(self) -> tuple[Failure, ...]:
        shared = (
            Failure("queue_diverges", "QUEUE DIVERGES:", when=lambda o: not o.stable, text=self._diverges),
            Failure(
                "slo_violated",
                "SLO VIOLATED:",
                when=lambda o: o.stable and not o.slo_met,
                text=lambda o: (
                    f"P99 {ms(o.p99_s)} against {ms(o.slo_s, 0)}, while the mean is {ms(o.mean_s)} and the dashboard "
                    "is green."
                ),
            ),
        )
        if self.context == "mobile":
            return (
                *shared,
                Failure(
                    "buffers_exhausted",
                    "CAMERA BUFFERS EXHAUSTED:",
                    when=lambda o: o.stable and not o.buffers_met,
                    text=lambda o: (
                        f"{percent(o.overflow_probability)} of the frames find all {BUFFERS.value:g} buffers taken and "
                        "are dropped."
                    ),
                ),
            )
        return (
            *shared,
            Failure(
                "no_spare",
                "NO N+1:",
                when=lambda o: o.slo_met and not o.n_plus_1_met,
                text=lambda o: (
                    "with one replica dead "
                    + (
                        f"P99 is {ms(o.p99_one_replica_lost_s)}."
                        if math.isfinite(o.p99_one_replica_lost_s)
                        else "the queue diverges."
                    )
                ),
                severity="warn",
            ),
            Failure(
                "over_budget",
                "OVER BUDGET:",
                when=lambda o: not o.budget_met,
                text=lambda o: (
                    f"{usd(o.cost_per_million_usd)} per million queries against {usd(BUDGET.value)}. Replicas that the "
                    f"budget pays for at this traffic: {affordable(o.arrival_per_s)}."
                ),
                severity="warn",
            ),
        )

    def _diverges(self, o: ServingOutcome) -> str:
        phone = o.replicas is None
        digits = 3 if phone else 4
        excess = physics.overload_backlog(o.arrival_per_s, o.capacity_per_s, 1.0)
        remedy = "Slow the camera or shrink the work." if phone else "Shed load, add replicas or shrink the work."
        if excess <= 1e-9 * o.capacity_per_s:
            return (
                f"{number(o.arrival_per_s, digits)} arrive per second and exactly as many can leave: no burst is ever "
                f"worked off, and the queue has no steady length. {remedy}"
            )
        return (
            f"{number(o.arrival_per_s, digits)} arrive per second, {number(o.capacity_per_s, digits)} can leave. The "
            f"backlog grows by {number(excess, digits)} per second; a request that arrives "
            f"{OVERLOAD_LOOK.value:g} s from now waits {number(o.overload_wait_s)} s. {remedy}"
        )

    def plots(self, outcome: ServingOutcome) -> dict[str, Plot]:
        second = (
            {"cost": self._cost_plot(outcome)}
            if outcome.replicas is not None
            else {"combinations": self._combinations(outcome)}
        )
        return {"histogram": self._histogram(outcome), **second, "load": self._load_plot(outcome)}

    def _histogram(self, o: ServingOutcome) -> Plot:
        late = "none late" if o.late == 0 else f"{share_text(o.late)} % late"
        if o.stable:
            in_time = "All" if o.late == 0 else "More than 99.99 %" if o.late < 1e-4 else percent(1 - o.late, 2)
            caption = f"{in_time} of the {'frames' if o.batch is None else 'queries'} answer within {ms(o.slo_s, 0)}. "
            if o.mean_s < o.p99_s:
                caption += f"One in a hundred takes longer than {'about ' if o.approximate else ''}{ms(o.p99_s)}."
            else:
                caption += f"Each takes {ms(o.p99_s)}: none waits for another."
            if o.batch is not None and o.batch > 1:
                caption += (
                    " The bars count every query as the first of its batch, which waits longest for the others; the "
                    "mean counts its average place."
                )
        else:
            caption = "As much arrives as can leave, or more: no share of the requests is steady."
        return latency_histogram(
            o.edges_s,
            o.shares if o.stable else np.zeros(BARS),
            marks=(
                TimeMark(o.mean_s, "mean", "series-3", "dashed"),
                TimeMark(o.p95_s, "P95", "muted", about=o.approximate),
                TimeMark(o.p99_s, "P99", "data", about=o.approximate),
                TimeMark(o.slo_s, "SLO", "violation", "dashed"),
            ),
            late_s=o.slo_s,
            late=late if o.stable else "",
            beyond=o.beyond,
            title="P99 latency histogram",
            caption=caption,
            empty="" if o.stable else "no steady state",
        )

    def _cost_plot(self, o: ServingOutcome) -> Plot:
        assert o.batch is not None
        assert o.routing is not None
        costs = replica_costs(o.arrival_per_s)
        reference = reference_p99(o.arrival_per_s, o.routing, o.service_model)
        own = batch_p99(o.arrival_per_s, float(o.batch), o.routing, o.service_model)
        predicted = self.predicted()
        wall = reference[BATCHES.index(int(predicted))] if predicted is not None else np.full(len(costs), np.nan)
        finite = own[np.isfinite(own)]
        if not len(finite):
            floor = f"With up to 64 replicas batch {o.batch} never keeps up with this traffic."
        else:
            floor = (
                f"Batch {o.batch}: no fleet of up to 64 replicas goes below "
                f"{'about ' if o.service_model == 'fixed' else ''}{ms(float(finite.min()))}."
            )
        ringed = f"; ringed: batch {o.batch} on {o.replicas}" if o.stable else ""
        return pareto_curve(
            [
                Trace(times * 1e3, costs, "" if size == o.batch else f"{size}")
                for size, times in zip(BATCHES, reference, strict=True)
            ],
            x=Axis("P99 (ms)", 5, 1000, log=True, ticks=log_ticks(5, 500)),
            y=Axis("USD per million queries", 0.2, 20, log=True, ticks=log_ticks(0.2, 20)),
            box=Box(0, CLOUD_SLO.value * 1e3, 0, BUDGET.value, "SLO and budget hold"),
            here=Design(o.p99_s * 1e3, cost(o)),
            chosen=Trace(own * 1e3, costs, f"batch {o.batch}"),
            predicted=Trace(wall * 1e3, costs, "your prediction"),
            named_at="first",
            title="Cost against P99, one curve per batch size",
            caption=(
                f"Each curve is traced by 1 to 64 replicas and named by its batch size{ringed}. {floor} One replica "
                f"more costs {usd(float(costs[1]))} per million."
            ),
        )

    def _combinations(self, o: ServingOutcome) -> Plot:
        assert o.fps is not None
        assert o.resolution_px is not None
        assert o.throttle is not None
        grid = frame_combinations(o.throttle, o.service_model)
        verdicts = [
            [
                first_failure(rate, *(float(part[row, k]) for part in (grid.p99_s, grid.overflow, grid.utilization)))
                for k, rate in enumerate(FPS)
            ]
            for row in range(len(SIDES))
        ]
        good = sum(verdict == "✓ ok" for row in verdicts for verdict in row)
        largest = next((SIDES[::-1][k] for k, row in enumerate(verdicts) if "✓ ok" in row), None)
        return combination_grid(
            [f"{rate}" for rate in FPS],
            [f"{side}" for side in SIDES[::-1]],
            [[f"{time * 1e3:.1f}" if math.isfinite(time) else "∞" for time in row] for row in grid.p99_s],
            verdicts,
            vocabulary=VERDICTS,
            here=(SIDES[::-1].index(o.resolution_px), FPS.index(o.fps)),
            x_label="frames per second",
            y_label="input side (px)",
            title="P99 in ms of every combination, and the first limit it breaks",
            caption=(
                f"At {o.throttle:g} × the time {good} of {len(FPS) * len(SIDES)} combinations hold every limit"
                + (f"; the largest side among them is {largest} px." if largest else ".")
            ),
        )

    def _load_plot(self, o: ServingOutcome) -> Plot:
        cloud = o.replicas is not None
        single = physics.mm1_latency_percentile(o.service_s, o.utilization, PERCENTILE.value)
        if not o.stable:
            caption = f"At {percent(o.utilization, 0)} load there is no steady latency to draw."
        elif cloud:
            caption = (
                f"Curves: one server with its own queue and {ms(o.service_s)} of variable service. At "
                f"{percent(o.utilization)} its P99 is {ms(single)}; that of "
                + ("your separate queues" if o.routing == "random_split" else "your shared queue")
                + f" is {ms(o.p99_s)}"
                + (", the wait for the batch included." if o.batch != 1 else ".")
            )
        else:
            caption = (
                f"A frame takes {ms(o.service_s)} of service, {percent(o.utilization)} of the time the server works. "
                + (
                    f"With random arrivals the P99 would be {ms(single)}; here it is {ms(o.p99_s)}."
                    if o.service_model == "exponential"
                    else "Paced arrivals and constant service: the server is free when the next frame comes."
                )
            )
        model = "mm1" if cloud else "dm1"
        hidden = not cloud and o.service_model == "fixed"
        return latency_against_utilization(
            load_axis(0.99),
            load_curves(model, math.nan if hidden else o.service_s, 0.99),
            at=o.utilization,
            points=(LoadPoint(o.p99_s, "P99", about=o.approximate), LoadPoint(o.mean_s, "mean", "series-3")),
            zones=ZONES,
            knee=KNEE.value,
            low_s=o.slo_s / 20,
            high_s=o.slo_s * 20,
            log=True,
            limit_s=o.slo_s,
            limit="SLO",
            title="Latency against utilization",
            caption=caption,
            key=CURVE_KEY[:2] if cloud else CURVE_KEY,
        )

    def metrics(self, outcome: ServingOutcome) -> list[Metric]:
        o = outcome
        p99 = time_metric("P99", o.p99_s, about=o.approximate, status=held(o.slo_met))
        mean = time_metric("Mean", o.mean_s)
        load = Metric(
            "Utilization",
            f"{100 * o.utilization:.1f}",
            "%",
            note="" if o.stable else "no steady state",
            status="neutral" if o.stable else "violated",
        )
        flight = Metric("In flight", number(o.in_flight), "frames" if o.replicas is None else "queries")
        if o.replicas is None:
            assert o.overflow_probability is not None
            return [
                p99,
                mean,
                load,
                flight,
                Metric("Service time", number(o.service_s * 1e3), "ms"),
                Metric("Dropped", share_text(o.overflow_probability), "%", status=held(bool(o.buffers_met))),
            ]
        return [
            p99,
            time_metric(
                "P99, one lost", o.p99_one_replica_lost_s, about=o.approximate, status=held(bool(o.n_plus_1_met))
            ),
            mean,
            load,
            flight,
            Metric("Cost", f"{cost(o):.2f}", "USD per million", status=held(bool(o.budget_met))),
        ]

    def reflection(self) -> Question:
        pooled, separate = cheapest(1), cheapest(1, "random_split")
        best = cheapest(8)
        return Question(
            f"Same load, batch 1, one spare included: one shared queue needs {pooled.replicas} replicas, separate "
            f"queues need {separate.replicas}. Why?",
            (
                Option("A", "The load balancer adds latency", "No such term is in the model."),
                Option(
                    "B",
                    "With separate queues a request can wait behind one busy replica while others are idle; a shared "
                    "queue wastes no idle server, so the same tail is reached at a higher load",
                    f"The {pooled.replicas} pooled replicas run at {percent(pooled.utilization, 0)}, the "
                    f"{separate.replicas} separate ones at {percent(separate.utilization, 0)}.",
                    correct=True,
                ),
                Option(
                    "C",
                    "A shared queue fills its batches sooner",
                    f"True for larger batches, and it widens the gap ({best.replicas} replicas at batch {best.batch} "
                    "against no number that works); but at batch 1 nobody waits for a batch.",
                ),
                Option(
                    "D",
                    "Little's Law does not hold for separate queues",
                    f"It always holds: {pooled.in_flight:.1f} in flight with {pooled.replicas} pooled replicas, "
                    f"{separate.in_flight:.1f} with {separate.replicas} separate ones: twice the machines and more "
                    "people in line.",
                ),
            ),
        )

    def peek(self) -> Peek:
        separate = fewest_replicas(1, "random_split", "exponential")
        assert separate is not None
        alone = launch(1, separate - 1, "random_split")
        limit = physics.mm1_max_utilization(served(1), CLOUD_SLO.value, PERCENTILE.value)
        pooled = sorted(
            launch(batch, 10).utilization for batch in range(1, 33) if fewest_replicas(batch, *PLANNING) == 10
        )
        return Peek(
            (
                "batch_service_time",
                "batched_fleet_p99",
                "erlang_c",
                "mmc_latency_percentile",
                "mm1_max_utilization",
                "usd_per_million",
                "overload_wait",
                "resolution_scaled_time",
                "dm1_latency_percentile",
                "dm1_overflow_probability",
            ),
            f"No fleet goes below $\\frac{{B-1}}{{\\lambda}} + {TAIL_FACTOR.value:.3f}\\,S(B)$, and stability asks "
            f"for $c > \\lambda S(B)/B$. Where the {100 * BAND_LOW.value:.0f} to {percent(BAND_HIGH.value, 0)} rule "
            f"comes from: {alone.replicas} separate queues at batch 1 just hold the SLO at "
            f"{percent(alone.utilization)} load, because one server may be {percent(limit)} busy at most. It is a "
            f"rule for one server per queue: pooled fleets of ten replicas are safe at {100 * pooled[0]:.0f} to "
            f"{percent(pooled[-1], 0)}.",
        )


PLANNING = ("shared_queue", "exponential")

VERDICTS = (
    Verdict("✓ ok", "met-soft", "met-ink"),
    Verdict("diverges", "violation", "on-fill"),
    Verdict("P99", "violation-soft", "violation-ink"),
    Verdict("frames", "caution-soft", "caution-ink"),
    Verdict("buffers", "data-soft", "data"),
)


def first_failure(fps: float, p99_s: float, overflow: float, utilization: float) -> str:
    """The first limit that a camera setting breaks, in the order in which a student meets them."""
    if utilization >= 1:
        return "diverges"
    if not at_most(p99_s, MOBILE_SLO.value):
        return "P99"
    if not at_least(fps, FPS_MIN.value):
        return "frames"
    return "✓ ok" if at_most(overflow, OVERFLOW_LIMIT.value) else "buffers"


def share_text(fraction: float) -> str:
    """A share in percent, where tiny ones need no digits."""
    return "< 0.01" if 0 < fraction < 1e-4 else number(100 * fraction, 2)


def affordable(arrival_per_s: float) -> int:
    """Replicas that the budget pays for at a traffic."""
    return int(BUDGET.value / physics.usd_per_million(PRICE.value, 1, arrival_per_s))


def batching_gain(batch: float) -> float:
    """Queries per second of a replica with a batch over those without."""
    return batch * served(1) / served(batch)


def cost(outcome: ServingOutcome) -> float:
    """Cost of a fleet (USD per million)."""
    assert outcome.cost_per_million_usd is not None
    return outcome.cost_per_million_usd


def lost(outcome: ServingOutcome) -> float:
    """P99 of a fleet with one replica dead (s)."""
    assert outcome.p99_one_replica_lost_s is not None
    return outcome.p99_one_replica_lost_s


class ServingLab(Lab):
    """Spare capacity, and who waits for whom."""

    volume, number, slug = 1, 13, "lab_13_model_serving"
    title = "Headroom Is the Product"
    question = "How much of your capacity must stand idle so that one request in a hundred is not too slow?"
    chapter = "Model Serving"
    invariant = (
        "The number in flight is arrival rate times time in system (Little). The tail, not the mean, is what the SLO "
        "buys; spare capacity is the goods sold."
    )
    contexts = (CLOUD, MOBILE)
    acts = (Merge, Serving)
    briefing = (
        "Training teaches that an idle accelerator is wasted money. A serving system that is loaded by that rule "
        "fails twice: waiting grows as $1/(1-\\rho)$ and not as $\\rho$, and one request in a hundred is "
        f"{TAIL_FACTOR.value:.1f} times slower than the mean that the dashboard shows. How much capacity must stay "
        "idle depends on who waits for whom: many users can share one queue in front of many replicas; a phone has "
        "one server, a metronome of camera frames and nothing to buy."
    )
    reading = (
        Reading(
            "Serving paradigm, The serving inversion",
            "headroom of 40 to 60 %, and the Black Friday example of a ten-fold spike",
        ),
        Reading("Little's Law; The utilization-latency relationship", "the table of latency multiples"),
        Reading("Tail latency", "the P99 equation; constant service about halves it"),
        Reading(
            "The batching tax; Throughput maximization strategy", "what a batch gains and what its first item pays"
        ),
        Reading(
            "The cost of latency; ResNet-50 capacity planning; Multi-server considerations; Tail-tolerant techniques",
            "from a percentile to a number of GPUs; shedding and degrading",
        ),
        Reading(
            "The spectrum of serving architectures; Resolution and input size trade-offs",
            "mobile serving at batch 1; work goes with the square of the side",
        ),
    )
    assumptions = (
        "- Arrivals in the cloud are Poisson; on the phone frames come at equal gaps. First come, first served, "
        "nothing is shed.\n- *Variable* service is exponential, a safe planning bound; *constant* service is the "
        "other end. Real service lies between: measure it.\n- One server is exact (M/M/1, D/M/1), a shared queue with "
        "variable service too (M/M/c). Constant service uses the exponential tail of M/D/1, shown as a percentile "
        f"from {percent(APPROXIMATE_BELOW, 0)} load on, and for a shared queue half the wait of M/M/c; such values "
        "carry ≈.\n- A fleet's P99 is a planning bound: batches arrive more evenly than Poisson, and the first "
        "query's wait for its batch is added whole.\n- The share of frames without a buffer comes from an infinite "
        "queue, an upper bound for a finite pool.\n- Time goes with the square of the input side (compute-bound "
        f"convolution); measured exponents are a little lower.\n- A query is {REQUEST_FLOP.value / 1e9:.0f} GFLOP: in "
        f"{PER_ITEM.value * 1e3:g} ms that is "
        f"{percent(REQUEST_FLOP.value / PER_ITEM.value / c.H100_FLOPS_FP16_TENSOR.value)} of an H100's dense "
        f"{c.H100_FLOPS_FP16_TENSOR.value / 1e12:.0f} TFLOP/s. The "
        f"{c.H100_FLOPS_FP16_TENSOR_SPARSE.value / 1e12:,.0f} TFLOP/s of its data sheet need 2:4 sparsity and are not "
        "used."
    )
    constants = (
        PERCENTILE,
        TAIL_FACTOR,
        ACT1_SERVICE,
        RHO_BEFORE,
        RHO_AFTER,
        SAFE,
        KNEE,
        BAND_LOW,
        BAND_HIGH,
        FIXED,
        PER_ITEM,
        REQUEST_FLOP,
        ARRIVAL,
        CLOUD_SLO,
        PRICE,
        BUDGET,
        VENDOR_BATCH,
        MOBILE_SERVICE,
        REFERENCE_PX,
        THROTTLE_HOT,
        MOBILE_SLO,
        FPS_MIN,
        BUFFERS,
        OVERFLOW_LIMIT,
        SPIKE,
        SPIKE_CAPACITY,
        OVERLOAD_LOOK,
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_FLOPS_FP16_TENSOR_SPARSE,
        c.H100_MEM_CAPACITY,
        c.H100_MEM_BW,
        c.H100_TDP,
        c.MOBILE_MEM_CAPACITY,
        c.MOBILE_NPU_MEM_BW,
        c.MOBILE_INT8,
        c.MOBILE_POWER,
    )
    reads = (("ch12", "context"), ("ch02", "act2_result"), ("ch12", "serial_fraction"))
    instructor_notes = (
        f"- Most students choose {1e3 * TAIL_FACTOR.value * proportional_mean():.0f} ms in Act I: they know that "
        "tails are long and still draw a straight line. Have them compute the idle share before and after, "
        f"{percent(1 - RHO_BEFORE.value, 0)} to {percent(1 - RHO_AFTER.value, 0)}.\n- {percent(RHO_AFTER.value, 0)} "
        "is not a bit over the knee. Ask for the utilization at which P99 is 100 ms "
        f"({physics.mm1_max_utilization(ACT1_SERVICE.value, 0.1, PERCENTILE.value):.3f}) and 200 ms "
        f"({physics.mm1_max_utilization(ACT1_SERVICE.value, 0.2, PERCENTILE.value):.3f}).\n- The "
        f"{100 * BAND_LOW.value:.0f} to {percent(BAND_HIGH.value, 0)} rule is a rule for one server per queue. Let "
        f"one group defend {percent(launch(1, 29).utilization, 0)} utilization for 29 pooled replicas at batch 1 "
        f"({ms(launch(1, 29).p99_s)}), and another ask what happens when one dies (28: the queue diverges).\n- "
        "Phones: why do two camera frames never collide, and what do notifications, garbage collection or another app "
        "do to the service time?\n- Extension: put a limit K on the queue and reject beyond it. Which K keeps "
        f"admitted requests under {ms(CLOUD_SLO.value, 0)} at twice the traffic, and what share is rejected? (Fluid "
        f"answer: at least {percent(1 - launch(8, 10).capacity_per_s / (2 * ARRIVAL.value), 0)}.)"
    )

    def open(self) -> None:
        origin = self.read("ch12", "context")
        if origin is not None:
            self.start_in("mobile" if origin == "edge" else "cloud", "Lab 12")

    def result(self) -> float:
        o = self.act2.outcome
        return 1e3 * (o.p99_s if o.stable else o.overload_wait_s)

    def decision(self) -> str:
        act = self.act2
        if self.context == "cloud":
            if act.routing == "random_split":
                return "split"
            return "shared_unbatched" if act.batch == 1 else "shared_batched"
        if act.resolution_px < REFERENCE_PX.value:
            return "shrink_work"
        return "slow_camera" if act.fps < max(FPS) else "unresolved"

    def extras(self) -> dict[str, Any]:
        o = self.act2.outcome
        return {
            "utilization": o.utilization,
            "cost_per_million_usd": o.cost_per_million_usd,
            "batch": o.batch,
            "replicas": o.replicas,
            "fps": o.fps,
            "resolution_px": o.resolution_px,
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"routing": "shared_queue", "batch": 8, "replicas": 10}
        return {"fps": 30, "resolution_px": 192}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"traffic_multiplier": 2.0} if context == "cloud" else {"fps": 60, "resolution_px": 192}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
