"""Overload: what retries do to load, when a collapse sustains itself, how long a new replica takes, and a game day.

The game day is a fluid model in steps of one second: requests are conserved, first come first served, and an attempt
whose caller has given up is still served in its turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import COUNT_OR_ZERO, FRACTION, NONNEGATIVE, Interval, Real, Result, Variable, formula

Array = npt.NDArray[np.float64]

ATTEMPT_FAILURE = Variable("q", "1", "probability that one attempt fails", FRACTION)
RETRIES = Variable("r", "1", "retries after the first attempt", COUNT_OR_ZERO)

BEYER = "Beyer et al. 2016, Site Reliability Engineering"


@formula(
    latex=r"p = q^{r + 1}",
    variables={"attempt_failure": ATTEMPT_FAILURE, "max_retries": RETRIES},
    result=Result("p", "1", "probability that a request fails with all of its attempts"),
    validity="Independent attempts. In an overload attempts fail together, and retries help nobody.",
    source="Product of independent failures.",
)
def retry_failure_probability(attempt_failure: Real, max_retries: Real) -> Real:
    """Probability that a request fails although it was tried again."""
    return attempt_failure ** (max_retries + 1.0)


@formula(
    latex=r"A = \frac{1 - q^{r + 1}}{1 - q}",
    variables={"attempt_failure": ATTEMPT_FAILURE, "max_retries": RETRIES},
    result=Result("A", "x", "attempts per request"),
    validity="Attempts are repeated at once until one succeeds or the retries are used up; r + 1 at total failure.",
    source=f"Geometric series; {BEYER}, Addressing Cascading Failures.",
)
def retry_amplification(attempt_failure: Real, max_retries: Real) -> Real:
    """Attempts that one request becomes."""
    some = np.less(attempt_failure, 1.0)
    success = np.where(some, 1.0 - attempt_failure, 1.0)
    return np.where(some, (1.0 - attempt_failure ** (max_retries + 1.0)) / success, max_retries + 1.0)


@formula(
    latex=r"A = a^{k}",
    variables={
        "attempts_per_layer": Variable("a", "1", "attempts that each layer makes", Interval(low=1.0)),
        "layers": Variable("k", "1", "layers that retry, one above the other", COUNT_OR_ZERO),
    },
    result=Result("A", "x", "attempts at the bottom per request at the top"),
    validity="Total failure at the bottom; every layer retries by itself.",
    source=f"{BEYER}, Addressing Cascading Failures.",
)
def layered_retry_amplification(attempts_per_layer: Real, layers: Real) -> Real:
    """Attempts that one request becomes when several layers retry."""
    return attempts_per_layer**layers


@formula(
    latex=r"\rho^{*} = \frac{1}{\min\left(1 + r, 1 + b\right)}",
    variables={
        "max_retries": RETRIES,
        "retry_budget": Variable(
            "b", "1", "cap on retries, as a share of first attempts; none without a value", NONNEGATIVE, optional=True
        ),
    },
    result=Result(r"\rho^{*}", "1", "first-attempt load over capacity above which a collapse sustains itself"),
    validity="Unbounded first-in first-out queue, nothing shed: once it is older than the time-out, all attempts fail.",
    source="Bronson et al. 2021; Huang et al. 2022.",
)
def metastable_utilization(max_retries: Real, retry_budget: Real | None = None) -> Real:
    """Utilization above which no repair of the trigger ends an overload."""
    attempts = 1.0 + max_retries
    return 1.0 / (attempts if retry_budget is None else np.minimum(attempts, 1.0 + retry_budget))


@formula(
    latex=r"t = t_p + t_f + t_l + t_w + t_c",
    variables={
        "provision_s": Variable("t_p", "s", "scheduling, instance and container", NONNEGATIVE),
        "fetch_s": Variable("t_f", "s", "fetching the weights over the network", NONNEGATIVE),
        "load_s": Variable("t_l", "s", "loading them into the accelerator", NONNEGATIVE),
        "warmup_s": Variable("t_w", "s", "first inferences and caches", NONNEGATIVE),
        "probe_s": Variable("t_c", "s", "until the readiness probe has passed", NONNEGATIVE),
    },
    result=Result("t", "s", "time from the decision to the first request"),
    validity="The steps follow one another.",
    source="Cold-start timeline (course, Inference at Scale).",
)
def cold_start_time(provision_s: Real, fetch_s: Real, load_s: Real, warmup_s: Real, probe_s: Real) -> Real:
    """Time until a new replica answers."""
    return provision_s + fetch_s + load_s + warmup_s + probe_s


# --- the game day ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """Adds replicas up to `maximum` times the fleet: every `sync_s` it wants offered load over `target` of capacity.

    New replicas are ready after `cold_start_s`. Fewer are wanted for `stabilization_s` before any is removed.
    """

    maximum: float
    cold_start_s: int
    target: float = 0.9
    sync_s: int = 15
    stabilization_s: int = 300


@dataclass(frozen=True, slots=True)
class Breaker:
    """Opens for `open_s` when the share of failed attempts reaches `threshold`, then sends `probes` to find out."""

    threshold: float = 0.5
    open_s: int = 30
    probes: float = 5.0


@dataclass(frozen=True, slots=True)
class Service:
    """A fleet behind one queue: replicas, requests per second of each, time in service, the caller's time-out (s).

    `queue_s` bounds the queue in seconds of capacity: what would wait longer is rejected, which costs nothing. None
    leaves it unbounded.
    """

    replicas: int
    replica_per_s: float
    service_s: float
    timeout_s: float
    queue_s: float | None = None
    breaker: Breaker | None = None
    autoscaler: Autoscaler | None = None


@dataclass(frozen=True, slots=True)
class Clients:
    """What callers send: first attempts per second, retries of each, the failures of a good day, and a retry budget."""

    first_per_s: float
    retries: int
    background_failure: float
    retry_budget: float | None = None

    @property
    def most_attempts(self) -> float:
        """Attempts per request when everything fails."""
        every = 1.0 + self.retries
        return every if self.retry_budget is None else min(every, 1.0 + self.retry_budget)


@dataclass(frozen=True, slots=True)
class Crash:
    """So many replicas are gone from `start_s` on and back after `recovery_s`."""

    start_s: int
    replicas: int
    recovery_s: int


@dataclass(frozen=True, slots=True)
class Surge:
    """First attempts are `factor` times as many from `start_s` to `end_s`."""

    start_s: int
    end_s: int
    factor: float


@dataclass(frozen=True, slots=True)
class GameDay:
    """What happened, second by second.

    `live` replicas, `first` attempts and `offered` attempts (1/s), `capacity` (1/s), `queue` (attempts) and its
    `delay_s` with the service, `failed` share of requests, and whether the breaker was `open` or probing.
    """

    live: Array
    capacity: Array
    first: Array
    offered: Array
    queue: Array
    delay_s: Array
    failed: Array
    open: npt.NDArray[np.bool_]

    def bad_requests(self, start_s: int, end_s: int) -> float:
        """Failed requests between two seconds."""
        return float(np.sum(self.first[start_s:end_s] * self.failed[start_s:end_s]))


def play_game_day(service: Service, clients: Clients, crash: Crash, surge: Surge, duration_s: int = 7200) -> GameDay:
    """Play a crash and a surge against a service whose clients retry.

    Per second: the autoscaler acts, replicas crash or come back, clients send first attempts and retries for what
    failed a second ago, the queue takes them (or rejects what exceeds its bound), capacity serves. When the delay
    exceeds the time-out everything that is served is stale, so all attempts fail.

    Args:
        service: the fleet and its protection.
        clients: what they send.
        crash: the first trigger.
        surge: the second one.
        duration_s: seconds to play, > 0.

    Returns:
        The day, second by second.

    Raises:
        ValueError: if an argument lies outside its range.

    Source: conservation of requests; retries and metastable failures: Bronson et al. 2021.
    """
    _require(service, clients, crash, duration_s)
    return _Player(service, clients, crash, surge, duration_s).play()


def _require(service: Service, clients: Clients, crash: Crash, duration_s: int) -> None:
    def positive(name: str, value: float, unit: str) -> None:
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be > 0 ({unit}), got {value!r}")

    positive("duration_s", duration_s, "s")
    positive("first_per_s", clients.first_per_s, "1/s")
    positive("replica_per_s", service.replica_per_s, "1/s")
    if not (service.service_s >= 0 and math.isfinite(service.timeout_s) and service.timeout_s > service.service_s):
        raise ValueError(
            f"timeout_s must be > service_s (s), got {service.timeout_s!r} with a service of {service.service_s!r}"
        )
    if not 0 <= crash.replicas < service.replicas:
        raise ValueError(
            f"crash.replicas must be in [0, replicas), got {crash.replicas!r} of {service.replicas!r} replicas"
        )
    if not 0 <= clients.background_failure <= 1:
        raise ValueError(f"background_failure must be in [0, 1], got {clients.background_failure!r}")
    if clients.retries < 0 or int(clients.retries) != clients.retries:
        raise ValueError(f"retries must be an integer >= 0, got {clients.retries!r}")
    if clients.retry_budget is not None and not clients.retry_budget >= 0:
        raise ValueError(f"retry_budget must be >= 0, got {clients.retry_budget!r}")
    if service.queue_s is not None and not service.queue_s >= 0:
        raise ValueError(f"queue_s must be >= 0 (s), got {service.queue_s!r}")
    if service.autoscaler is not None and not service.autoscaler.maximum >= 1:
        raise ValueError(f"autoscaler.maximum must be >= 1, got {service.autoscaler.maximum!r}")


#: Forgives rounding: of a number of replicas before it is made whole, and of a delay that equals the time-out.
_ROUNDING = 1e-9

#: A change smaller than this is none.
_SETTLED = 1e-13

_State = Literal["closed", "open", "probing"]


class _Player:
    """The state of a game day. Stretches in which nothing changes, or only the queue grows, are played in one step."""

    def __init__(self, service: Service, clients: Clients, crash: Crash, surge: Surge, duration_s: int) -> None:
        self.service, self.clients, self.crash, self.surge, self.duration_s = service, clients, crash, surge, duration_s
        self.queue, self.failure = 0.0, clients.background_failure
        self.specified, self.groups = service.replicas, list[list[int]]()
        self.unneeded_since: int | None = None
        self.open_until: int | None = None
        self.seen = clients.first_per_s * self._amplification(self.failure)
        scaler = service.autoscaler
        most = math.floor(service.replicas * scaler.maximum + _ROUNDING) if scaler else service.replicas
        self.most = most
        self.scaler = scaler if most > service.replicas else None

    def _amplification(self, failure: float) -> float:
        retries = self.clients.retries
        # `retry_amplification` in plain Python: called once a second.
        attempts = (1.0 - failure ** (retries + 1)) / (1.0 - failure) if failure < 1 else 1.0 + retries
        budget = self.clients.retry_budget
        return attempts if budget is None else min(attempts, 1.0 + budget)

    def play(self) -> GameDay:
        rows: list[tuple[float, ...]] = []
        counts: list[int] = []
        queue: list[float] = []
        time = 0
        while time < self.duration_s:
            before, failure = self.queue, self.failure
            row, state = self._second(time)
            rows.append(row)
            queue.append(self.queue)
            time += 1
            ahead = self._alike(time, row, before, failure) if state == "closed" else 0
            counts.append(1 + ahead)
            grown = self.queue - before
            queue += [self.queue + grown * k for k in range(1, ahead + 1)]
            self.queue += grown * ahead
            time += ahead
        live, first, offered, failed, opened = np.repeat(np.array(rows), counts, axis=0).T
        capacity = live * self.service.replica_per_s
        waiting = np.array(queue)
        return GameDay(
            live=live,
            capacity=capacity,
            first=first,
            offered=offered,
            queue=waiting,
            delay_s=waiting / capacity + self.service.service_s,
            failed=failed,
            open=opened > 0,
        )

    def _second(self, time: int) -> tuple[tuple[float, ...], _State]:
        """Plays one second; returns live replicas, first attempts, attempts, failed share, breaker open or not."""
        service, clients = self.service, self.clients
        if self.scaler is not None and time % self.scaler.sync_s == 0:
            self._scale(self.scaler, time)
        live = self._live(time)
        capacity = live * service.replica_per_s
        first = clients.first_per_s
        if self.surge.start_s <= time < self.surge.end_s:
            first *= self.surge.factor
        amplification = self._amplification(self.failure)
        state: _State = "closed"
        attempts = first * amplification
        if service.breaker is not None and self.open_until is not None:
            state = "open" if time < self.open_until else "probing"
            attempts = 0.0 if state == "open" else service.breaker.probes
        admitted = attempts
        if service.queue_s is not None:
            admitted = min(attempts, max(0.0, capacity * service.queue_s - self.queue + capacity))
        served = min(capacity, self.queue + admitted)
        self.queue += admitted - served
        rejected = (attempts - admitted) / attempts if attempts > 0 else 0.0
        stale = self.queue / capacity + service.service_s > service.timeout_s * (1.0 + _ROUNDING)
        failure = 1.0 if stale else 1.0 - (1.0 - clients.background_failure) * (1.0 - rejected)
        failed = 1.0 if state != "closed" else max(0.0, 1.0 - (1.0 - failure) * amplification)
        if state != "open":
            self.failure = failure
        if service.breaker is not None:
            self._trip(service.breaker, state, failure, time)
        self.seen = first if state == "open" else attempts
        return (live, first, attempts, failed, float(state != "closed")), state

    def _live(self, time: int) -> int:
        crash = self.crash
        down = crash.replicas if crash.start_s <= time < crash.start_s + crash.recovery_s else 0
        return self.service.replicas - down + sum(size for ready, size in self.groups if ready <= time)

    def _scale(self, scaler: Autoscaler, time: int) -> None:
        least = self.service.replicas
        wanted = math.ceil(self.seen / (self.service.replica_per_s * scaler.target) - _ROUNDING)
        wanted = min(max(wanted, least), self.most)
        if wanted < self.specified:
            if self.unneeded_since is None:
                self.unneeded_since = time
            if time - self.unneeded_since < scaler.stabilization_s:
                return
            surplus = self.specified - wanted
            while surplus > 0:
                cut = min(surplus, self.groups[-1][1])
                self.groups[-1][1] -= cut
                surplus -= cut
                if self.groups[-1][1] == 0:
                    self.groups.pop()
        elif wanted > self.specified:
            self.groups.append([time + scaler.cold_start_s, wanted - self.specified])
        self.specified, self.unneeded_since = wanted, None

    def _trip(self, breaker: Breaker, state: _State, failure: float, time: int) -> None:
        bad = failure >= breaker.threshold
        if state == "probing":
            self.open_until = time + breaker.open_s if bad else None
        elif state == "closed" and bad:
            self.open_until = time + breaker.open_s + 1

    def _alike(self, time: int, row: tuple[float, ...], before: float, failure: float) -> int:
        """Seconds from `time` on that repeat the last one, but for a queue that changes evenly."""
        if abs(self.failure - failure) > _SETTLED or self.open_until is not None:
            return 0
        live, first, attempts, *_ = row
        # The second just played must have offered what the next one will.
        if abs(attempts - first * self._amplification(self.failure)) > _SETTLED * attempts:
            return 0
        grown = self.queue - before
        until = min([at for at in self._changes() if at >= time] + [self.duration_s])
        if self.scaler is not None:
            until = min(until, -(-time // self.scaler.sync_s) * self.scaler.sync_s)
        if abs(grown) <= _SETTLED * self.queue:
            return max(0, until - time)
        if self.service.queue_s is not None or failure < 1:
            return 0
        capacity = live * self.service.replica_per_s
        if grown > 0:
            return max(0, until - time)
        # A queue that drains repeats itself only while it is too old to be of use.
        stale = capacity * (self.service.timeout_s - self.service.service_s)
        return max(0, min(until - time, math.floor((self.queue - stale) / -grown) - 2))

    def _changes(self) -> list[int]:
        """Seconds at which something happens from outside."""
        crash, surge = self.crash, self.surge
        return [
            crash.start_s,
            crash.start_s + crash.recovery_s,
            surge.start_s,
            surge.end_s,
            *(int(ready) for ready, _ in self.groups),
        ]
