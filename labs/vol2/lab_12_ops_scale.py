"""V2-12 All Green, Still Down.

Act I: five services that each meet their objective, and a product that does not, because a request counts calls.
Act II: a crash of 45 seconds and an hour of outage, and what ends an overload that feeds itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

import numpy as np

from components.controls import choice, slider
from components.instruments.game_day import (
    Trigger,
    game_day_replay,
    hourly_burn,
    metastability_map,
    queue_age,
    tipping_point,
)
from components.instruments.service_levels import (
    FanOut,
    Pace,
    budget_burndown,
    burn_composer,
    percentile_composer,
    request_chain,
)
from components.metrics import Metric, held
from components.quantity import counted, number, percent, plain, scientific
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
from mlsysim import physics
from mlsysim.core import constants as c

K8S = Context("k8s", "Kubernetes", "cloud", "One shard per node; replicas can be added, and start cold.")
BARE = Context("bare_metal", "Bare metal", "cloud", "Five shards per host; restarts are quick, nothing can be added.")

SRE_BOOK, WORKBOOK = "Beyer et al. 2016, Site Reliability Engineering", "Beyer et al. 2018, ch. 5"
COLD_START = "Inference at Scale, cold-start timeline"

SLO = scenario("slo", 0.999, "1", "objective of the product and, naively, of every call", WORKBOOK, "paper")
PERIOD = scenario("period_s", 30 * 86_400, "s", "window of the error budget, 30 days", WORKBOOK, "paper")
PAGE_LIMIT = scenario("page_limit", 0.02, "1", "share of the budget that one hour may burn", WORKBOOK, "paper")
SEQUENTIAL = scenario("sequential_calls", 4, "1", "gateway, authentication, ranking, formatter", "the lab's request")
FAN_OUT = scenario("fan_out", 20, "1", "feature shards asked at once", "the chapter's 10 to 50 components")
PER_HOST = scenario("shards_per_host", 5, "1", "shards on one host of a fixed fleet", "the lab's scenario")
STAGE_P99 = scenario("stage_p99_s", 0.1, "s", "P99 of one stage: 500 ms over five stages", "the lab's scenario")
LOAD = scenario("first_per_s", 144, "1/s", "first attempts offered", "80 % of 18 replicas")
CAPACITY = scenario("replica_per_s", 10, "1/s", "one 8-GPU replica of a 70B model", "Lab V2-10: 9.5 for chat, rounded")
SERVICE = scenario(
    "service_s", 0.2, "s", "time in service", "Performance Engineering: 200 ms to first token", "chapter"
)
BACKGROUND = scenario(
    "background_failure", 0.005, "1", "one attempt fails on a good day", "resets, evictions, restarts: half a percent"
)
BACKGROUND_LIMIT = scenario("background_limit", 1e-4, "1", "requests that may fail on a good day", "the lab's limit")
CRASH_AT = scenario("crash_at_s", 300, "s", "a bad configuration is pushed", "the lab's game day")
CRASH_SHARE = scenario("crash_share", 1 / 3, "1", "replicas that it kills, rounded up", "the lab's game day")
SURGE_START = scenario("surge_start_s", 3600, "s", "a launch begins", "the lab's game day")
SURGE_END = scenario("surge_end_s", 4800, "s", "and ends", "the lab's game day")
SURGE = scenario("surge", 1.6, "1", "first attempts during the launch", "far milder than the chapter's tenfold spike")
PROVISION = scenario("provision_s", 75, "s", "API 5, instance 60, container 10", COLD_START, "chapter")
FETCH = scenario("fetch_s", 300, "s", "weights from an object store", COLD_START, "chapter")
WEIGHTS_LOAD = scenario("load_s", 25, "s", "weights into the GPUs", COLD_START, "chapter")
WARMUP = scenario("warmup_s", 15, "s", "first inferences", COLD_START, "chapter")
PROBE = scenario("probe_s", 5, "s", "readiness probe", COLD_START, "chapter")
HPA_SYNC = scenario("hpa_sync_s", 15, "s", "period of the autoscaler", "Kubernetes documentation", "datasheet")
HPA_STAB = scenario("hpa_stab_s", 300, "s", "scale-down stabilization", "Kubernetes documentation", "datasheet")
HPA_TARGET = scenario("hpa_target", 0.9, "1", "load per replica it aims at", "70 to 80 % would over-buy here")
BREAKER_SHARE = scenario("breaker_share", 0.5, "1", "failures that open the breaker", "Inference at Scale", "chapter")
BREAKER_OPEN = scenario("breaker_open_s", 30, "s", "time it stays open", "Inference at Scale", "chapter")
BREAKER_PROBES = scenario("breaker_probes", 5, "1/s", "probes after that", "Inference at Scale", "chapter")
BUDGET = scenario("retry_budget", 0.1, "1", "recommended cap per client", f"{SRE_BOOK}, Handling Overload", "paper")
CAP_K8S = scenario("cap_k8s", 20, "1", "largest average", "the lab's cap: 640 USD/h")
CAP_BARE = scenario("cap_bare_metal", 23, "1", "most machines owned", "the lab's cap: 368 USD/h")
COLLAPSE_AFTER = scenario("collapse_after_s", 60, "s", "without a trigger until an outage counts as its own", "the lab")
LAYER_ATTEMPTS = scenario(
    "layer_attempts", 4, "1", "attempts of a layer that retries three times", f"{SRE_BOOK}, Cascading Failures", "paper"
)
LAYERS = scenario("layers", 3, "1", "layers that retry", f"{SRE_BOOK}, Cascading Failures", "paper")
SLOW_SHARE = scenario("slow_share", 0.01, "1", "servers that are slow", "Dean and Barroso 2013", "paper")
SLOW_FAN_OUT = scenario("slow_fan_out", 100, "1", "servers a request asks", "Dean and Barroso 2013", "paper")

DAYS = PERIOD.value / 86_400
HOUR_S, DAY_S = 3600, 7200
N_START = 18
RETRIES_START, TIMEOUT_START, QUEUE_START = 3, 2.0, 1.0

#: Requests that the budget of a month allows to be bad.
MONTHLY_BUDGET = (1 - SLO.value) * LOAD.value * PERIOD.value
#: Seconds until a replica is ready again (K8s by where its weights are).
COLD = {
    "object_store": int(
        physics.cold_start_time(PROVISION.value, FETCH.value, WEIGHTS_LOAD.value, WARMUP.value, PROBE.value)
    ),
    "node_cache": int(physics.cold_start_time(PROVISION.value, 0.0, WEIGHTS_LOAD.value, WARMUP.value, PROBE.value)),
}
RESTART = int(physics.cold_start_time(0.0, 0.0, WEIGHTS_LOAD.value, WARMUP.value, PROBE.value))
PRICE = {
    K8S.id: c.GPUS_PER_NODE.value * c.H100_USD_H_ON_DEMAND.value,
    BARE.id: c.GPUS_PER_NODE.value * c.GPU_USD_H_OWNED.value,
}

CALLS = np.unique(np.round(np.geomspace(1, 110, 70)))
OBJECTIVES = {0.99: "99 %", 0.999: "99.9 %", 0.9999: "99.99 %"}
SINGLE_NAMES = ("gateway", "authentication", "ranking", "formatter")
PROTECTIONS = {"none": "none", "breaker": "circuit breaker", "shed": "load shedding"}
RETRY_COUNTS = np.arange(6.0)
#: A fast-burn page: 2 % of the budget in one hour.
PAGE_BURN = PAGE_LIMIT.value * PERIOD.value / HOUR_S


def domains_of(context: str, shards: float) -> int:
    """Failure domains of the feature shards: every shard its own, or a host of five each."""
    return int(shards) if context == K8S.id else math.ceil(shards / PER_HOST.value)


@dataclass(frozen=True)
class BurnOutcome:
    """What the calls of a request leave of an objective; curves are burn rates at `CALLS` per objective."""

    hard_calls: int
    success: float
    bad_fraction: float
    burn_rate: float
    days_to_exhaust: float
    per_call_slo_required: float
    call_failure: float
    attempts: float
    domains: int
    shards: int
    curves: dict[str, np.ndarray]
    percentiles_s: dict[str, float]


class GreenDashboards(Act):
    """Act I: five green lights over 24 calls."""

    title = "Five green lights"
    minutes = 13

    sequential_calls = slider(
        "Calls in a row",
        1,
        10,
        1,
        SEQUENTIAL.value,
        text=lambda calls: f"{calls:g} calls" if calls > 1 else "1 call",
        reason="one gateway to a deep call graph",
    )
    fan_out = slider(
        "Feature shards",
        1,
        100,
        1,
        FAN_OUT.value,
        text=lambda shards: f"{shards:g} shards" if shards > 1 else "1 shard",
        reason="the chapter has 10 to 50 components, Dean and Barroso ask 100 servers",
    )
    per_call_slo = choice("Each call succeeds", OBJECTIVES, SLO.value, reason="two to four nines")
    retries = slider(
        "Retries per call", 0, 3, 1, 0, text=lambda count: f"{count:g}", reason="none, to a common library's default"
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        sequential_calls: float = SEQUENTIAL.value,
        fan_out: float = FAN_OUT.value,
        failure_domains: int | None = None,
        per_call_slo: float = SLO.value,
        retries: int = 0,
    ) -> BurnOutcome:
        domains = domains_of(context, fan_out) if failure_domains is None else failure_domains
        calls = int(sequential_calls + domains)
        failure = physics.retry_failure_probability(1 - per_call_slo, retries)
        bad = physics.fan_out_failure_probability(failure, calls)
        burn = physics.burn_rate(bad, SLO.value)
        mean = STAGE_P99.value / math.log(100)
        part = "shards" if context == K8S.id else "hosts"
        return BurnOutcome(
            hard_calls=calls,
            success=physics.availability_series(np.full(calls, 1 - failure)),
            bad_fraction=bad,
            burn_rate=burn,
            days_to_exhaust=DAYS / burn,
            per_call_slo_required=physics.per_call_slo_required(SLO.value, calls),
            call_failure=failure,
            attempts=physics.retry_amplification(1 - per_call_slo, retries),
            domains=domains,
            shards=int(fan_out),
            curves={
                name: physics.burn_rate(
                    physics.fan_out_failure_probability(
                        physics.retry_failure_probability(1 - objective, retries), CALLS
                    ),
                    SLO.value,
                )
                for objective, name in OBJECTIVES.items()
            },
            percentiles_s={
                "five P99s added": 5 * STAGE_P99.value,
                "five independent stages": physics.erlang_sum_quantile(5, mean, 0.99),
                "five stages, perfectly correlated": 5 * STAGE_P99.value,
                f"slowest of {domains} {part if domains > 1 else part[:-1]}": physics.max_exponential_quantile(
                    domains, mean, 0.99
                ),
            },
        )

    @classmethod
    @cache
    def asked(cls, context: str = K8S.id, **changed: Any) -> BurnOutcome:
        """The request of the question, or with some controls changed."""
        return cls.compute(context, **changed)

    def message(self) -> Message:
        return Message(
            "SRE lead, a video-recommendation company",
            "Five teams, five dashboards, five green lights: gateway, authentication, feature shards, ranking, "
            f"formatter each answer {percent(SLO.value)} of the calls they receive, and {percent(SLO.value)} is what "
            f"we sold. A request asks **{FAN_OUT.value:g} shards** for features, but that is an implementation detail. "
            "The review with our largest customer is tomorrow. How fast are we burning the monthly error budget?",
        )

    def concept(self) -> str:
        minutes = physics.error_budget_s(SLO.value, PERIOD.value) / 60
        return (
            f"The **error budget** is what the objective leaves: {percent(1 - SLO.value)} of the requests of {DAYS:g} "
            f"days, as many as {minutes:.1f} minutes of full outage. **Burn rate** 1 uses it up exactly at the end of "
            "the month.\n\nA request is good only if every call it makes is good, and all shard answers are needed. A "
            "dashboard counts *calls*: the one of the feature shards counts every single shard answer, the other four "
            "get one call per request. The feature client is a library inside the ranking service and adds no call. "
            "Failures are independent across **failure domains**; shards of one host fail as one. Nothing is retried."
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        boxes = self.asked(failure_domains=1)
        return ChoicePrediction(
            "Kubernetes, every shard on its own node. At which burn rate does the product run?",
            (
                Option(
                    "A",
                    "1×",
                    value=1.0,
                    feedback=f"{SLO.value:g} multiplied {asked.hard_calls} times is {asked.success:.3f}. All green is "
                    "not green: objectives do not compose.",
                ),
                Option(
                    "B",
                    "2.2×",
                    value=math.sqrt(5),
                    feedback="Errors do not add like noise, by the root of five. Failures are events, not zero-mean "
                    "noise: probabilities add.",
                ),
                Option(
                    "C",
                    "5×",
                    value=boxes.burn_rate,
                    feedback=f"You counted services. A request counts calls, and {FAN_OUT.value:g} of them hide in one "
                    "box.",
                ),
                Option(
                    "D",
                    "24×",
                    value=asked.burn_rate,
                    correct=True,
                    feedback=f"{SEQUENTIAL.value:g} + {FAN_OUT.value:g} = {asked.hard_calls} calls: the budget lasts "
                    f"{asked.days_to_exhaust * 24:.0f} hours.",
                ),
            ),
            actual=asked.burn_rate,
            form=lambda burn: f"{number(burn)}×",
            why=f"Every dashboard is green; the customer sees {percent(asked.success, 2)}.",
        )

    def plots(self, outcome: BurnOutcome) -> dict[str, Any]:
        predicted = self.predicted() if self.context == K8S.id else None
        before, after = singles(int(self.sequential_calls))
        k8s = self.context == K8S.id
        label = counted(outcome.shards, "shards")
        if not k8s:
            label += f" on {counted(outcome.domains, 'hosts')}"
        placement = (
            "Spread over nodes, failures are frequent, small and independent."
            if k8s
            else "Packed on hosts, fewer requests are bad, but the shards of a host vanish together."
        )
        lasts = outcome.days_to_exhaust > DAYS
        slowest = list(outcome.percentiles_s)[-1]
        independent = outcome.percentiles_s["five independent stages"]
        return {
            "chain": request_chain(
                before,
                FanOut(outcome.shards, outcome.domains, f"{label}, one light"),
                after,
                call_failure=outcome.call_failure,
                allowed=1 - SLO.value,
                title="One request, call by call",
                caption=(
                    f"{outcome.hard_calls} calls behind the green lights: {share(outcome.bad_fraction)} of the "
                    f"requests are lost, {share(1 - SLO.value)} may be. {placement}"
                ),
            ),
            "composer": burn_composer(
                CALLS,
                outcome.curves,
                OBJECTIVES[self.per_call_slo],
                here=(outcome.hard_calls, outcome.burn_rate),
                paces=(
                    Pace(1.0, "budget just lasts: 1×", "met"),
                    Pace(PAGE_BURN, f"page: {PAGE_BURN:g}×", "violation"),
                ),
                predicted=None if predicted is None else (self.asked().hard_calls, predicted),
                title="What more calls cost",
                caption=(
                    "Burn rate 1 uses the budget up at the end of the month. It grows with the number of calls: "
                    f"{outcome.hard_calls} calls at {OBJECTIVES[self.per_call_slo]} with {retries_text(self.retries)} "
                    f"burn {burn_text(outcome.burn_rate)}. Retries lower every curve."
                ),
            ),
            "burndown": budget_burndown(
                outcome.days_to_exhaust,
                period_days=DAYS,
                predicted_days=None if predicted is None else DAYS / predicted,
                title="The month’s error budget",
                caption=(
                    f"At this pace {percent(1 - DAYS / outcome.days_to_exhaust, 1)} of the budget is left at the end."
                    if lasts
                    else f"Gone after {number(outcome.days_to_exhaust)} of {DAYS:g} days; from then on every failure "
                    "breaks the promise."
                ),
            ),
            "percentiles": percentile_composer(
                outcome.percentiles_s,
                stage_s=STAGE_P99.value,
                high_s=0.6,
                title="Time composes otherwise",
                caption=(
                    f"Independent stages rarely are slow together: their sum has a P99 of {independent * 1e3:.1f} ms, "
                    f"not {5e3 * STAGE_P99.value:g}. The {slowest} takes "
                    f"{outcome.percentiles_s[slowest] * 1e3:.1f} ms at P99."
                ),
            ),
        }

    def metrics(self, outcome: BurnOutcome) -> list[Metric]:
        fine = at_most(outcome.burn_rate, 1)
        lasts = outcome.days_to_exhaust > DAYS
        return [
            Metric("Calls per request", f"{outcome.hard_calls}", note=f"{outcome.domains} of them in the fan-out"),
            Metric.of(
                "Lost requests",
                share(outcome.bad_fraction),
                note=f"{percent(outcome.success, 2)} are good",
                status=held(fine),
            ),
            Metric("Burn rate", short(outcome.burn_rate), "×", status=held(fine)),
            Metric(
                "Budget lasts",
                f"over {DAYS:g}" if lasts else number(outcome.days_to_exhaust),
                "days",
                status=held(lasts or fine),
            ),
            Metric(
                "Attempts per call",
                f"{outcome.attempts:.4f}",
                note=f"up to {1 + self.retries:g} when a service is down",
                status="caution" if self.retries else "neutral",
            ),
        ]

    def tables(self, outcome: BurnOutcome) -> list[Table]:
        needed = outcome.per_call_slo_required
        rows = (
            ("succeeds (%)", f"{needed * 100:.5f}", f"{(1 - outcome.call_failure) * 100:.10g}"),
            ("in nines", f"{-math.log10(1 - needed):.2f}", f"{-math.log10(outcome.call_failure):.2f}"),
            ("failures per million", number((1 - needed) * 1e6), short(outcome.call_failure * 1e6)),
        )
        return [
            Table(
                f"A call, if {outcome.hard_calls} of them are to keep {percent(SLO.value)}",
                ("", "needed", "now, retries included"),
                rows,
            )
        ]

    def reflection(self) -> Question:
        tight = self.asked(per_call_slo=1 - (1 - SLO.value) / 5)
        retried = self.asked(retries=1)
        packed = self.asked(failure_domains=1)
        independent = self.asked().percentiles_s["five independent stages"]
        return Question(
            "Which change brings the burn rate below 1 with least effort?",
            (
                Option(
                    "A",
                    f"Tighten every dashboard to {percent(1 - (1 - SLO.value) / 5, 2)}, a fifth of the allowed "
                    f"{percent(1 - SLO.value)} for each of the five",
                    f"Still {tight.hard_calls} calls per request: {percent((1 - SLO.value) / 5, 2)} each give "
                    f"{tight.burn_rate:.1f}×.",
                ),
                Option(
                    "B",
                    "Retry each failed call once",
                    correct=True,
                    feedback=f"{short(retried.call_failure * 1e6)} failure per million calls, burn "
                    f"{retried.burn_rate:.3f}×. Remember it: Act II sends the bill.",
                ),
                Option(
                    "C",
                    "Split the 500 ms into five times 100 ms more strictly",
                    f"Time was not the problem: independent stages already finish in {independent * 1e3:.0f} ms at "
                    "P99.",
                ),
                Option(
                    "D",
                    "Pack all shards on one host",
                    f"Burn {packed.burn_rate:.0f}×, and the host is now a single point of failure.",
                ),
            ),
        )

    def peek(self) -> Peek:
        slow = physics.fan_out_failure_probability(SLOW_SHARE.value, SLOW_FAN_OUT.value)
        return Peek(
            (
                "availability_series",
                "fan_out_failure_probability",
                "burn_rate",
                "error_budget_s",
                "per_call_slo_required",
                "erlang_sum_quantile",
                "max_exponential_quantile",
            ),
            "For small $p$ the budgets of the calls add: the product burns $n$ times what one call burns. The same "
            f"law says that with {percent(SLOW_SHARE.value, 0)} slow servers a request to {SLOW_FAN_OUT.value:g} of "
            f"them is slow in {percent(slow, 0)} of all cases (Dean and Barroso). The P99 of a sum is **not** the sum "
            "of the P99s: that needs stages which are slow at the same moment. Independence is the optimistic reading "
            "of a spread; a shared control plane correlates failures.",
        )


def singles(calls: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the calls made one after another, before the fan-out and after it."""
    gateway, authentication, ranking, formatter = SINGLE_NAMES
    if calls < 4:
        return SINGLE_NAMES[:calls], ()
    between = (f"call {k}" for k in range(3, calls - 1))
    return (gateway, authentication, *between, ranking), (formatter,)


def share(value: float) -> str:
    """A small share in percent: 2.37 %, 0.0024 %."""
    return f"{plain(value * 100, 3)} %" if value >= 1e-6 else f"{scientific(value * 100)} %"


def short(value: float) -> str:
    """A number of which only the size matters: 23.7, 0.024, 9.9 × 10⁻⁷."""
    return number(value) if value >= 1e-3 else scientific(value)


def burn_text(burn: float) -> str:
    """A burn rate: 23.7×."""
    return f"{short(burn)}×"


def retries_text(retries: float) -> str:
    """Retries in words: no retry, 1 retry, 2 retries."""
    return "no retry" if retries == 0 else counted(retries, "retries")


@dataclass(frozen=True)
class Held:
    """The first second of an outage that outlives its trigger."""

    second: int
    trigger_end_s: int
    offered: float
    first: float
    capacity: float
    queue: float


@dataclass(frozen=True)
class OutageOutcome:
    """One game day: what it burned (shares of the month's budget), what it cost, and where it got stuck."""

    burn_hour1: float
    burn_hour2: float
    avg_replicas: float
    cost_usd_per_h: float
    background_failure: float
    peak_attempts_ratio: float
    seconds_down_hour1: int
    seconds_down_hour2: int
    collapsed_at_end: bool
    meets_all: bool
    context: str
    replicas: int
    most_attempts: float
    utilization: float
    threshold: float
    thresholds: np.ndarray
    recovery_s: int
    crashed: int
    fell_after_s: int | None
    collapse: Held | None
    drain: Held | None
    day: physics.GameDay

    @property
    def worst_burn(self) -> float:
        """The larger burn of the two hours."""
        return max(self.burn_hour1, self.burn_hour2)

    @property
    def capped(self) -> bool:
        """Whether the fleet stays under the cap of its context."""
        if self.context == K8S.id:
            return at_most(self.avg_replicas, CAP_K8S.value)
        return at_most(self.replicas, CAP_BARE.value)


@lru_cache(maxsize=256)
def played(
    context: str,
    replicas: int,
    retries: int,
    retry_budget: float | None,
    protection: str,
    queue_s: float,
    timeout_s: float,
    hpa_max: float,
    weights: str,
) -> physics.GameDay:
    """The game day of a design. Sliders come back to the same designs again and again."""
    k8s = context == K8S.id
    service = physics.Service(
        replicas=replicas,
        replica_per_s=CAPACITY.value,
        service_s=SERVICE.value,
        timeout_s=timeout_s,
        queue_s=queue_s if protection == "shed" else None,
        breaker=physics.Breaker(BREAKER_SHARE.value, int(BREAKER_OPEN.value), BREAKER_PROBES.value)
        if protection == "breaker"
        else None,
        autoscaler=physics.Autoscaler(
            hpa_max, COLD[weights], HPA_TARGET.value, int(HPA_SYNC.value), int(HPA_STAB.value)
        )
        if k8s
        else None,
    )
    return physics.play_game_day(
        service,
        physics.Clients(LOAD.value, retries, BACKGROUND.value, retry_budget),
        physics.Crash(int(CRASH_AT.value), crashed_of(replicas), recovery_of(context, weights)),
        physics.Surge(int(SURGE_START.value), int(SURGE_END.value), SURGE.value),
        DAY_S,
    )


def crashed_of(replicas: int) -> int:
    """Replicas that the crash kills."""
    return math.ceil(replicas * CRASH_SHARE.value - 1e-9)


def recovery_of(context: str, weights: str) -> int:
    """Seconds until crashed replicas are back."""
    return COLD[weights] if context == K8S.id else RESTART


def stuck(day: physics.GameDay, recovery_s: int) -> tuple[Held | None, Held | None]:
    """The first second in which an outage sustains itself, and the first one in which an old queue still drains."""
    ends = (int(CRASH_AT.value) + recovery_s, int(SURGE_END.value))
    late = int(COLLAPSE_AFTER.value)
    time = np.arange(len(day.live))
    quiet = ((time >= ends[0] + late) & (time < SURGE_START.value)) | (time >= ends[1] + late)
    down = quiet & (day.failed > 0.5)

    def first(flags: np.ndarray) -> Held | None:
        found = np.flatnonzero(flags)
        if len(found) == 0:
            return None
        k = int(found[0])
        end = ends[1] if k >= ends[1] else ends[0]
        return Held(k, end, *(float(line[k]) for line in (day.offered, day.first, day.capacity, day.queue)))

    return (
        first(down & (day.offered >= day.capacity)),
        first(down & (day.offered < day.capacity) & ~day.open),
    )


class GameDay(Act):
    """Act II: a crash and a surge against a service whose callers retry."""

    title = "They came back. The service did not."
    minutes = 25

    replicas = slider(
        "Replicas",
        12,
        30,
        1,
        N_START,
        text=lambda count: f"{count:g} replicas",
        reason="from overload (utilization 1.2) to below the threshold of one retry (0.48)",
    )
    retries = slider(
        "Retries",
        0,
        5,
        1,
        RETRIES_START,
        text=lambda count: f"{count:g}",
        reason="range of common client libraries; 4 attempts are the SRE book’s example",
    )
    retry_budget = choice(
        "Retry budget",
        {None: "none", BUDGET.value: "10 %", 0.2: "20 %"},
        None,
        reason="retries per first attempt; 10 % is the published recommendation",
    )
    protection = choice("Protection", PROTECTIONS, "none", reason="the chapter’s two defences")
    queue_s = slider(
        "Queue bound",
        0.25,
        2.0,
        0.25,
        QUEUE_START,
        unit="s",
        reason="up to the time-out, so that too long a queue can be tried",
    )
    timeout_s = slider(
        "Time-out of the caller",
        0.5,
        10.0,
        0.5,
        TIMEOUT_START,
        unit="s",
        reason="just above the service time, to the patience of a user",
    )
    hpa_max = slider(
        "Autoscaler, maximum",
        1.0,
        2.0,
        0.25,
        1.0,
        text=lambda times: "off" if times == 1 else f"{times:g} × the fleet",
        only_in=(K8S.id,),
        reason="off, to a cloud quota of twice the fleet",
    )
    weights = choice(
        "Weights come from",
        {
            name: f"{words}, {COLD[name]} s"
            for name, words in (("object_store", "object store"), ("node_cache", "node cache"))
        },
        "object_store",
        only_in=(K8S.id,),
        reason="the chapter’s cold start, with and without the fetch",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        replicas: int = N_START,
        retries: int = RETRIES_START,
        retry_budget: float | None = None,
        protection: str = "none",
        queue_s: float = QUEUE_START,
        timeout_s: float = TIMEOUT_START,
        hpa_max: float = 1.0,
        weights: str = "object_store",
    ) -> OutageOutcome:
        replicas, retries = int(replicas), int(retries)
        day = played(
            context, replicas, retries, retry_budget, protection, float(queue_s), float(timeout_s), hpa_max, weights
        )
        recovery = recovery_of(context, weights)
        burns = [day.bad_requests(start, start + HOUR_S) / MONTHLY_BUDGET for start in (0, HOUR_S)]
        average = float(np.mean(day.live))
        background = physics.retry_failure_probability(BACKGROUND.value, retries)
        down = day.failed > 0.5
        thresholds = physics.metastable_utilization(RETRY_COUNTS, retry_budget)
        collapse, drain = stuck(day, recovery)
        fell = np.flatnonzero(down[int(CRASH_AT.value) : HOUR_S])
        within = at_most(average, CAP_K8S.value) if context == K8S.id else at_most(replicas, CAP_BARE.value)
        return OutageOutcome(
            burn_hour1=burns[0],
            burn_hour2=burns[1],
            avg_replicas=average,
            cost_usd_per_h=(average if context == K8S.id else replicas) * PRICE[context],
            background_failure=background,
            peak_attempts_ratio=float(np.max(day.offered)) / LOAD.value,
            seconds_down_hour1=int(np.sum(down[:HOUR_S])),
            seconds_down_hour2=int(np.sum(down[HOUR_S:])),
            collapsed_at_end=bool(down[-1]),
            meets_all=bool(
                all(at_most(burn, PAGE_LIMIT.value) for burn in burns)
                and at_most(background, BACKGROUND_LIMIT.value)
                and within
            ),
            context=context,
            replicas=replicas,
            most_attempts=1 / physics.metastable_utilization(retries, retry_budget),
            utilization=LOAD.value / (CAPACITY.value * replicas),
            threshold=physics.metastable_utilization(retries, retry_budget),
            thresholds=thresholds,
            recovery_s=recovery,
            crashed=crashed_of(replicas),
            fell_after_s=int(fell[0]) if len(fell) else None,
            collapse=collapse,
            drain=None if collapse is not None else drain,
            day=day,
        )

    @classmethod
    @cache
    def design(cls, context: str = BARE.id, **changed: Any) -> OutageOutcome:
        """A design that a text quotes: the one at the start, or with some controls changed."""
        return cls.compute(context, **changed)

    def message(self) -> Message:
        return Message(
            "VP of Infrastructure, the same company",
            "Last Tuesday a bad configuration killed a third of our replicas. They were back quickly. The service was "
            "**not**. We now run a game day: the same crash at minute "
            f"{CRASH_AT.value / 60:g} and a launch surge of {percent(SURGE.value - 1, 0)} at minute "
            f"{SURGE_START.value / 60:g}. Neither hour may burn more than {percent(PAGE_LIMIT.value, 0)} of the "
            "monthly budget, or the pager goes off. And please, nobody proposes to switch retries off: half a percent "
            "of all attempts fail on a good day.",
        )

    def concept(self) -> str:
        return (
            f"**{N_START} replicas** of {CAPACITY.value:g} requests per second, {LOAD.value:g} offered. Clients retry "
            f"up to **{RETRIES_START} times**, at once; their time-out is {TIMEOUT_START:g} s. There is one unbounded "
            "queue, first in, first out: an attempt whose caller has given up is still served in its turn.\n\nYour "
            "levers are headroom, retries and a **retry budget**, and a protection: a **circuit breaker** stops "
            f"calling for {BREAKER_OPEN.value:g} s when half of the attempts fail, **load shedding** bounds the queue "
            "and rejects the rest at once. On Kubernetes there are also the autoscaler and the place of the weights: a "
            f"crashed or new replica is ready after {COLD['object_store']} or {COLD['node_cache']} s. On bare metal it "
            f"is back after {RESTART} s, but no machine can be added."
        )

    def from_ledger(self) -> str:
        lab = cast(OpsAtScaleLab, self.lab)
        sentences = []
        if (node := lab.read("v2_10", "node_capacity_req_s")) is not None and node > 0:
            sentences.append(
                f"Your node of Lab V2-10 sustains **{number(node)} requests/s**; here a replica counts as a round "
                f"{CAPACITY.value:g}."
            )
        busy, policy = lab.read("v2_08", "busy_fraction"), lab.read("v2_08", "act2_decision")
        if busy is not None and policy is not None:
            sentences.append(
                f"In Lab V2-08 you kept {percent(busy, 0)} of a cluster busy ({POLICIES.get(policy, policy)}): a "
                "batch job may wait for that, a caller with a time-out may not."
            )
        if lab.read("ch13", "context") is not None:
            sentences.append("Little’s law from Lab 13 holds here, too: a queue of $Q$ attempts is $Q/C$ seconds old.")
        return " ".join(sentences)

    def prediction(self) -> ChoicePrediction:
        start, single = self.design(), self.design(retries=0)
        cold = self.design(K8S.id)
        growth = RETRIES_START * LOAD.value + LOAD.value - CAPACITY.value * N_START
        return ChoicePrediction(
            f"On bare metal a third of the replicas crash at minute {CRASH_AT.value / 60:g} and are back {RESTART} s "
            "later; nothing else is changed. For how many seconds of the first hour is the service down (over half of "
            "the requests failing)?",
            (
                Option(
                    "A",
                    f"{RESTART} s",
                    value=float(RESTART),
                    feedback=f"The cause lasted {RESTART} s. Its effect feeds itself: retries keep the queue older "
                    "than the time-out.",
                ),
                Option(
                    "B",
                    f"{single.seconds_down_hour1} s",
                    value=float(single.seconds_down_hour1),
                    feedback="True with retries off: the crash, and the drain of its backlog. With three retries the "
                    f"backlog grows by {growth:g} attempts per second even after repair.",
                ),
                Option(
                    "C",
                    f"{COLD['object_store']} s",
                    value=float(COLD["object_store"]),
                    feedback="That is Kubernetes’ recovery time. On bare metal machines were back after "
                    f"{RESTART} s, and on Kubernetes the outage is {cold.seconds_down_hour1:,} s as well.",
                ),
                Option(
                    "D",
                    f"{start.seconds_down_hour1:,} s",
                    value=float(start.seconds_down_hour1),
                    correct=True,
                    feedback=f"{start.fell_after_s} s to fall, and no repair of the trigger brings it back.",
                ),
            ),
            actual=float(start.seconds_down_hour1),
            form=lambda seconds: f"{seconds:,.0f} s",
            why=(
                f"In {start.fell_after_s} s the queue outgrew the {TIMEOUT_START:g} s time-out. From then on every "
                f"answer was late, every request came {start.most_attempts:g} times, "
                f"{start.most_attempts * LOAD.value:g} attempts met {CAPACITY.value * N_START:g} of capacity. When the "
                f"machines returned, nothing changed: {percent(start.utilization, 0)} utilization is above "
                f"{percent(start.threshold, 0)}."
            ),
        )

    def challenge(self) -> str:
        limit, background = percent(PAGE_LIMIT.value, 0), percent(BACKGROUND_LIMIT.value, 2)
        cap = (
            f"at most {CAP_K8S.value:g} replicas on average"
            if self.context == K8S.id
            else f"at most {CAP_BARE.value:g} machines"
        )
        return (
            f"Survive both hours with at most **{limit}** of the monthly budget in each, with no more than "
            f"{background} of the requests failing on a good day (so with at least one retry), and with **{cap}**."
        )

    def limits(self) -> dict[str, str]:
        return {} if self.protection == "shed" else {"queue_s": "Only load shedding bounds the queue."}

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A bound that nothing enforces is no part of a design.
        return {} if values["protection"] == "shed" else {"queue_s": QUEUE_START}

    def constraints(self) -> tuple[Constraint, ...]:
        limit = percent(PAGE_LIMIT.value, 0)
        cap = f"Average ≤ {CAP_K8S.value:g} replicas" if self.context == K8S.id else f"N ≤ {CAP_BARE.value:g}"
        return (
            Constraint(f"Hour 1 ≤ {limit}", lambda o: at_most(o.burn_hour1, PAGE_LIMIT.value)),
            Constraint(f"Hour 2 ≤ {limit}", lambda o: at_most(o.burn_hour2, PAGE_LIMIT.value)),
            Constraint(
                f"Good day ≤ {percent(BACKGROUND_LIMIT.value, 2)}",
                lambda o: at_most(o.background_failure, BACKGROUND_LIMIT.value),
            ),
            Constraint(cap, lambda o: o.capped),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure("collapse", "SELF-SUSTAINING OUTAGE.", when=lambda o: o.collapse is not None, text=collapse_text),
            Failure("drain", "SLOW DRAIN.", when=lambda o: o.drain is not None, text=drain_text),
            Failure(
                "fast_burn", "FAST BURN.", when=lambda o: not at_most(o.worst_burn, PAGE_LIMIT.value), text=burn_banner
            ),
            Failure("over_cap", "OVER THE CAP.", when=lambda o: not o.capped, text=cap_text),
            Failure(
                "few_retries",
                "TOO FEW RETRIES.",
                when=lambda o: not at_most(o.background_failure, BACKGROUND_LIMIT.value),
                text=lambda o: (
                    f"{scientific(o.background_failure)} of the requests fail on a good day, limit "
                    f"{scientific(BACKGROUND_LIMIT.value, 1)}."
                ),
            ),
        )

    def plots(self, outcome: OutageOutcome) -> dict[str, Any]:
        crash_at = int(CRASH_AT.value)
        crash = Trigger(crash_at, crash_at + outcome.recovery_s, "crash")
        surge = Trigger(int(SURGE_START.value), int(SURGE_END.value), f"surge ×{SURGE.value:g}")
        day = outcome.day
        down = outcome.seconds_down_hour1 + outcome.seconds_down_hour2
        during = LOAD.value / (CAPACITY.value * (outcome.replicas - outcome.crashed))
        oldest = float(np.max(day.delay_s))
        shed = self.protection == "shed"
        return {
            "replay": game_day_replay(
                day,
                (crash, surge),
                predicted_s=self.predicted(),
                title="Two hours, replayed",
                caption=(
                    f"{outcome.crashed} of {outcome.replicas} replicas are gone for {outcome.recovery_s} s; more than "
                    f"half of the requests fail for {outcome.seconds_down_hour1:,} s of hour 1 and "
                    f"{outcome.seconds_down_hour2:,} s of hour 2 (red). Offered attempts peak at "
                    f"{outcome.peak_attempts_ratio:.2f} times the load."
                ),
            ),
            "tipping": tipping_point(
                day,
                crash,
                timeout_s=self.timeout_s,
                title="The fall, second by second" if down else "The crash, second by second",
                caption=tipping_caption(outcome, self.timeout_s),
            ),
            "age": queue_age(
                day,
                (crash, surge),
                timeout_s=self.timeout_s,
                title="How old is what is being served?",
                caption=(
                    f"The queue is at most {number(oldest)} s old. Where it is older than the time-out, capacity works "
                    "for callers who have left."
                    if oldest > self.timeout_s
                    else f"At most {number(oldest)} s, always younger than the time-out: every answer has a reader."
                ),
            ),
            "burn": hourly_burn(
                (("hour 1", outcome.burn_hour1), ("hour 2", outcome.burn_hour2)),
                limit=PAGE_LIMIT.value,
                title="What the hours burned",
                caption=(
                    f"Hour 1 used {share(outcome.burn_hour1)} and hour 2 {share(outcome.burn_hour2)} of the "
                    f"month’s {MONTHLY_BUDGET:,.0f} bad requests."
                ),
            ),
            "map": metastability_map(
                outcome.thresholds,
                here=(outcome.utilization, int(self.retries)),
                moments=(("crash", during), ("surge", SURGE.value * outcome.utilization)),
                title="Would it heal by itself?",
                caption=(
                    f"An unbounded queue stays down once pushed above {percent(outcome.threshold, 0)} of capacity; "
                    f"this fleet stands at {percent(outcome.utilization, 0)}."
                    + (" The bounded queue of this design does not obey the map." if shed else "")
                ),
            ),
        }

    def metrics(self, outcome: OutageOutcome) -> list[Metric]:
        background = at_most(outcome.background_failure, BACKGROUND_LIMIT.value)
        return [
            Metric(
                "Down, hour 1",
                f"{outcome.seconds_down_hour1:,}",
                "s",
                note=f"hour 2: {outcome.seconds_down_hour2:,} s",
            ),
            Metric(
                "Burn, hour 1",
                number(outcome.burn_hour1 * 100),
                "%",
                status=held(at_most(outcome.burn_hour1, PAGE_LIMIT.value)),
            ),
            Metric(
                "Burn, hour 2",
                number(outcome.burn_hour2 * 100),
                "%",
                status=held(at_most(outcome.burn_hour2, PAGE_LIMIT.value)),
            ),
            Metric("Fails, good day", scientific(outcome.background_failure), status=held(background)),
            Metric("Peak attempts", f"{outcome.peak_attempts_ratio:.2f}", "× load"),
            Metric(
                "Average fleet",
                f"{outcome.avg_replicas:.2f}",
                note=f"{outcome.cost_usd_per_h:,.0f} USD/h",
                status=held(outcome.capped),
            ),
        ]

    def tables(self, outcome: OutageOutcome) -> list[Table]:
        steps = (
            ("schedule, instance, container", PROVISION, (True, True, False)),
            ("fetch the weights", FETCH, (True, False, False)),
            ("load the weights", WEIGHTS_LOAD, (True, True, True)),
            ("warm up", WARMUP, (True, True, True)),
            ("readiness probe", PROBE, (True, True, True)),
        )
        rows = [(name, *(f"{step.value:g}" if there else "–" for there in present)) for name, step, present in steps]
        rows.append(("together", f"{COLD['object_store']}", f"{COLD['node_cache']}", f"{RESTART}"))
        return [
            Table(
                "Until a replica answers (s)",
                ("", "object store", "node cache", "bare metal"),
                tuple(rows),
                len(rows) - 1,
            )
        ]

    def reflection(self) -> Question:
        doubled = self.design(K8S.id, hpa_max=2.0, weights="node_cache")
        saved = self.design(K8S.id, **SOLUTIONS[K8S.id])
        return Question(
            "Why did load shedding end a collapse that twice the machines could not?",
            (
                Option(
                    "A",
                    "Rejecting is faster than serving, so users retry more",
                    "They do; the rejected attempts cost almost nothing. That alone would end nothing.",
                ),
                Option(
                    "B",
                    "It keeps the queue younger than the time-out, so every served request still has a caller",
                    correct=True,
                    feedback="Goodput equals capacity. Twice the machines with node cache burn "
                    f"{percent(doubled.burn_hour1)} in hour 1, because {doubled.most_attempts * LOAD.value:g} attempts "
                    f"exceed {2 * N_START * CAPACITY.value:g}; shedding {percent(saved.burn_hour1, 2)}.",
                ),
                Option(
                    "C",
                    f"It lowers the offered load below {LOAD.value:g} per second",
                    f"Offered attempts rise: with shedding they peak at {saved.peak_attempts_ratio:.2f} times the "
                    "load.",
                ),
                Option(
                    "D",
                    "It hides failures from the objective",
                    "A rejection is counted as bad like any other failure.",
                ),
            ),
        )

    def peek(self) -> Peek:
        layered = physics.layered_retry_amplification(LAYER_ATTEMPTS.value, LAYERS.value)
        return Peek(
            (
                "retry_amplification",
                "metastable_utilization",
                "retry_failure_probability",
                "layered_retry_amplification",
                "cold_start_time",
                "burn_rate",
            ),
            "Offered attempts are $x = \\lambda (1 - q^{r+1})/(1 - q)$, with the failures $q$ of the second before. A "
            "fleet is vulnerable where $\\lambda/C > 1/(1 + r)$. Under shedding the bad share of an overload is only "
            "$1 - C/\\lambda$. What an outage burns is its bad share times its duration, over the error budget in "
            f"seconds. {LAYERS.value:g} layers that each try {LAYER_ATTEMPTS.value:g} times make {layered:g} attempts "
            "of one request. The model is a fluid: no jitter, no partial time-outs, and rejections are free.",
        )


POLICIES = {
    "fifo": "first in, first out",
    "priority": "with priorities",
    "preempt_kill": "with preemption that kills",
    "preempt_save": "with preemption that saves",
}

#: Designs that solve the challenge, per context.
SOLUTIONS: dict[str, dict[str, Any]] = {
    K8S.id: {"retry_budget": BUDGET.value, "protection": "shed", "hpa_max": 1.5, "weights": "node_cache"},
    BARE.id: {"replicas": 23, "retries": 1, "protection": "shed"},
}


def collapse_text(outcome: OutageOutcome) -> str:
    """Banner of an outage that outlives its cause."""
    held_ = cast(Held, outcome.collapse)
    both = outcome.burn_hour1 + outcome.burn_hour2
    rho = held_.first / held_.capacity
    return (
        f"The trigger ended at minute {held_.trigger_end_s / 60:.1f}; {held_.offered:.0f} attempts/s for "
        f"{held_.first:.0f} requests/s keep {held_.capacity:.0f} req/s of capacity busy with expired work. Utilization "
        f"{rho:.2f} > {outcome.threshold:.2f} = 1/{plain(outcome.most_attempts)}. Budget used: {percent(both, 0)}."
    )


def drain_text(outcome: OutageOutcome) -> str:
    """Banner of a backlog that outlives the game day's patience."""
    held_ = cast(Held, outcome.drain)
    rate = held_.capacity - held_.offered
    return (
        f"{held_.queue:,.0f} expired attempts in the queue drain at {rate:.0f} per second: "
        f"{number(held_.queue / rate / 60)} more minutes of outage."
    )


def burn_banner(outcome: OutageOutcome) -> str:
    """Banner of hours that burn too much."""
    hours = [
        f"hour {k}: {percent(burn)}"
        for k, burn in ((1, outcome.burn_hour1), (2, outcome.burn_hour2))
        if not at_most(burn, PAGE_LIMIT.value)
    ]
    said = " and ".join(hours)
    return f"{said[0].upper()}{said[1:]} of the monthly budget (limit {percent(PAGE_LIMIT.value, 0)})."


def cap_text(outcome: OutageOutcome) -> str:
    """Banner of a fleet that is too expensive."""
    if outcome.context == K8S.id:
        return f"{outcome.avg_replicas:.1f} replicas on average, limit {CAP_K8S.value:g}."
    return f"{outcome.replicas} machines, limit {CAP_BARE.value:g}."


def tipping_caption(outcome: OutageOutcome, timeout_s: float) -> str:
    """What the seconds around the fall show, in words."""
    down = np.flatnonzero(outcome.day.failed > 0.5)
    if len(down) == 0:
        return (
            f"{outcome.crashed} of {outcome.replicas} replicas vanish at minute {CRASH_AT.value / 60:g}, and at no "
            "second of the two hours do more than half of the requests fail."
        )
    fell = int(down[0])
    since = fell - int(CRASH_AT.value)
    when = f"{since} s after the crash" if 0 <= since < HOUR_S - CRASH_AT.value else f"at minute {fell / 60:.1f}"
    if bool(outcome.day.open[min(fell + 1, DAY_S - 1)]):
        return (
            f"The attempts of a second fail {when}: the breaker opens and stops all calls for {BREAKER_OPEN.value:g} "
            "s, in which the queue drains, and every request is lost."
        )
    if outcome.day.delay_s[fell] > timeout_s:
        return (
            f"The queue grows older than the {plain(timeout_s)} s time-out {when}. From then on whatever is answered "
            f"has no reader, and every request is sent {counted(outcome.most_attempts, 'times')}."
        )
    return f"More than half of the requests fail {when}: rejected, not answered late."


def notes() -> str:
    """The instructor's notes, with the designs that they quote."""
    design = GameDay.design
    patient, doubled = design(K8S.id, timeout_s=10.0), design(K8S.id, hpa_max=2.0, weights="node_cache")
    budget, breaker = design(retry_budget=BUDGET.value), design(K8S.id, protection="breaker", **ELASTIC)
    long_queue = design(K8S.id, **{**SOLUTIONS[K8S.id], "queue_s": 2.0})
    smaller = design(BARE.id, **{**SOLUTIONS[BARE.id], "replicas": 22})
    return (
        f"- The product law is that of V2-01 ({SLO.value:g} to the power of 1,000). The news of Act I is what counts "
        f"as a call: {GreenDashboards.asked().hard_calls}, not the 5 boxes of the diagram. Spreading makes failures "
        "frequent, small and independent; packing makes them rarer, and larger per event.\n- Expect disbelief at the "
        f"identical {design().seconds_down_hour1:,} s in both contexts: a crash of {RESTART} s and one of "
        f"{COLD['object_store']} s give the same outage to the second. Step through *The fall, second by second*. Ask "
        "for the human equivalent of shedding, and of a retry budget.\n- Naive moves that fail: a time-out of 10 s on "
        f"Kubernetes burns {percent(patient.burn_hour1)} in hour 1; twice the fleet with node cache "
        f"{percent(doubled.burn_hour1)}; a retry budget alone, on bare metal, {percent(budget.burn_hour1)} and "
        f"{percent(budget.burn_hour2)}; the breaker with autoscaler 1.5 and node cache {percent(breaker.burn_hour1)} "
        f"and {percent(breaker.burn_hour2)}; a queue bound of 2 s, older than the time-out with the service, "
        f"{percent(long_queue.burn_hour1)} and {percent(long_queue.burn_hour2)}; on bare metal 22 machines "
        f"{percent(smaller.burn_hour2)}.\n- With unlimited retries the amplified load makes the autoscaler buy "
        "replicas: a retry budget is also a money budget.\n- Kubernetes buys elasticity and pays the cold start in "
        "burn, so shorten it; bare metal heals fast but has only what it owns, so own the headroom and shed the "
        "rest.\n- The fluid model has no jitter, no partial time-outs and free rejections: discuss each. Extension: "
        "give a rejection 5 % of a service and find the retry budget that is then needed; or put three retrying "
        "layers in series and redraw the map."
    )


ELASTIC = {"hpa_max": 1.5, "weights": "node_cache"}


class OpsAtScaleLab(Lab):
    """Error budgets over many calls, and an overload that outlives its cause."""

    volume, number, slug = 2, 12, "lab_12_ops_scale"
    title = "All Green, Still Down"
    question = "Why does a product of green services burn its budget, and why does it stay down after the repair?"
    chapter = "ML Operations at Scale"
    invariant = (
        "Budgets add over calls; retries square the odds but multiply the load by up to 1 + r; and a fleet above "
        "1/(1 + r) of its capacity without shedding can be pushed into a collapse that no repair of the trigger ends."
    )
    contexts = (K8S, BARE)
    acts = (GreenDashboards, GameDay)
    briefing = (
        "Two beliefs fall here. First: if every service meets its objective, the product meets it. A request that "
        "needs $n$ calls succeeds with the product of $n$ success rates, and fan-out makes $n$ far larger than the "
        "number of boxes on the diagram. Second: a fault lasts as long as its cause. Retries, the cheapest cure for "
        "the first problem, multiply load exactly when capacity is short; with an unbounded queue the servers spend "
        "their time on requests whose callers have left, and the overload sustains itself after its cause is gone."
    )
    reading = (
        Reading("ML Operations at Scale, The N-models problem", "practices and failures do not compose"),
        Reading("ML Operations at Scale, The alert fatigue problem", "the same algebra for false alarms"),
        Reading("ML Operations at Scale, On-call practices for ML teams", "error budgets and what pages whom"),
        Reading("Inference at Scale, Circuit breakers and backpressure", "and the box on cascading failures"),
        Reading("Inference at Scale, The cold start problem", f"where {COLD['object_store']} seconds go"),
    )
    assumptions = (
        "- Failures of different failure domains are independent; shards of one host answer or fail together, so a "
        "host counts as one call.\n- Stages have exponential latency, which is exact for M/M/1 queues, also in "
        "tandem.\n- The game day is a fluid in steps of one second: requests are conserved, retries follow at once, "
        "every attempt in a second meets the same fate, and a rejection costs nothing.\n- Expired attempts are served "
        "in their turn unless they are shed.\n- The crash takes a third of the replicas, rounded up, but none that the "
        "autoscaler added.\n- The autoscaler sees attempts, not requests: it cannot tell a retry from demand.\n- "
        "Kubernetes is billed by the average of ready replicas; start-up minutes are left out, under 2 % in the plans "
        "that pass. Owned machines cost the same when they are down.\n- One replica serves a round "
        f"{CAPACITY.value:g} requests per second, whatever your Lab V2-10 found."
    )
    constants = (
        SLO,
        PERIOD,
        PAGE_LIMIT,
        SEQUENTIAL,
        FAN_OUT,
        PER_HOST,
        STAGE_P99,
        SLOW_SHARE,
        SLOW_FAN_OUT,
        LOAD,
        CAPACITY,
        SERVICE,
        BACKGROUND,
        BACKGROUND_LIMIT,
        CRASH_AT,
        CRASH_SHARE,
        SURGE_START,
        SURGE_END,
        SURGE,
        PROVISION,
        FETCH,
        WEIGHTS_LOAD,
        WARMUP,
        PROBE,
        HPA_SYNC,
        HPA_STAB,
        HPA_TARGET,
        BREAKER_SHARE,
        BREAKER_OPEN,
        BREAKER_PROBES,
        BUDGET,
        COLLAPSE_AFTER,
        LAYER_ATTEMPTS,
        LAYERS,
        c.GPUS_PER_NODE,
        c.H100_USD_H_ON_DEMAND,
        c.GPU_USD_H_OWNED,
        CAP_K8S,
        CAP_BARE,
    )
    reads = (
        ("v2_10", "node_capacity_req_s"),
        ("v2_08", "busy_fraction"),
        ("v2_08", "act2_decision"),
        ("ch13", "context"),
    )
    instructor_notes = notes()

    def result(self) -> float:
        return self.act2.outcome.worst_burn

    def decision(self) -> str:
        act = self.act2
        if act.protection == "shed":
            elastic = self.context == K8S.id and act.weights == "node_cache" and act.hpa_max > 1
            return "shed_cache_autoscale" if elastic else "shed_headroom"
        if act.protection == "breaker":
            return "breaker"
        return "other" if at_most(act.replicas, N_START) else "headroom_only"

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "replicas": act.replicas,
            "retries": act.retries,
            "retry_budget": act.retry_budget,
            "cost_usd_per_h": act.outcome.cost_usd_per_h,
        }

    def solution(self, context: str) -> dict[str, Any]:
        return SOLUTIONS[context]

    def breaking(self, context: str) -> dict[str, Any]:
        return {"retries": 4, "retry_budget": None, "protection": "none"}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
