"""Service levels and overload: properties, and the game day against a plain second-by-second replay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlsysim.physics import (
    Autoscaler,
    Breaker,
    Clients,
    Crash,
    GameDay,
    Service,
    Surge,
    availability_series,
    burn_rate,
    erlang_sum_quantile,
    fan_out_failure_probability,
    layered_retry_amplification,
    max_exponential_quantile,
    metastable_utilization,
    per_call_slo_required,
    play_game_day,
    retry_amplification,
    retry_failure_probability,
)

chances = st.floats(0.0, 1.0)
inner = st.floats(1e-6, 1 - 1e-6)
retries = st.integers(0, 8)
calls = st.integers(1, 200)


@given(inner, calls)
def test_the_objective_of_a_call_gives_the_objective_of_the_whole(slo, count):
    each = per_call_slo_required(slo, count)
    assert availability_series([each] * count) == pytest.approx(slo)
    assert fan_out_failure_probability(1 - each, count) == pytest.approx(1 - slo, rel=1e-6, abs=1e-12)
    assert burn_rate(1 - slo, slo) == pytest.approx(1)


@given(st.floats(1e-12, 1e-7), st.integers(1, 100))
def test_small_budgets_add(failure, count):
    assert fan_out_failure_probability(failure, count) == pytest.approx(count * failure, rel=1e-4)


@given(st.integers(1, 60), st.floats(1e-3, 10), st.floats(0.01, 0.999))
def test_sum_of_stages_is_the_erlang_quantile(stages, mean, percentile):
    expected = stats.gamma.ppf(percentile, stages, scale=mean)
    assert erlang_sum_quantile(stages, mean, percentile) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 200), st.floats(1e-3, 10), st.floats(0.01, 0.999))
def test_slowest_branch_is_reached_with_the_percentile(branches, mean, percentile):
    slowest = max_exponential_quantile(branches, mean, percentile)
    assert (1 - math.exp(-slowest / mean)) ** branches == pytest.approx(percentile, rel=1e-9)


@given(chances, retries)
def test_attempts_are_the_sum_of_the_tries(failure, count):
    assert retry_amplification(failure, count) == pytest.approx(sum(failure**k for k in range(count + 1)), rel=1e-6)
    assert 1 <= retry_amplification(failure, count) <= 1 + count + 1e-9
    assert retry_failure_probability(failure, count) <= failure


@given(retries, st.one_of(st.none(), st.floats(0, 10)))
def test_threshold_is_the_reciprocal_of_the_most_attempts(count, budget):
    clients = Clients(1.0, count, 0.0, budget)
    assert metastable_utilization(count, budget) == pytest.approx(1 / clients.most_attempts)
    assert metastable_utilization(count, budget) >= metastable_utilization(count)
    assert layered_retry_amplification(1 + count, 1) == retry_amplification(1.0, count)


# --- the game day -------------------------------------------------------------------------------------------

CRASH_AT, SURGE, DURATION = 60, Surge(600, 900, 1.6), 1500


def _plain(service: Service, clients: Clients, crash: Crash) -> dict[str, np.ndarray]:
    """The rules of the day, one second after the other, with nothing left out."""

    def amplified(failure: float) -> float:
        return min(float(retry_amplification(failure, clients.retries)), clients.most_attempts)

    queue, failure, specified, groups = 0.0, clients.background_failure, service.replicas, []
    since, open_until = None, None
    seen = clients.first_per_s * amplified(failure)
    scaler, breaker = service.autoscaler, service.breaker
    rows = []
    for t in range(DURATION):
        if scaler and t % scaler.sync_s == 0:
            most = math.floor(service.replicas * scaler.maximum + 1e-9)
            need = math.ceil(seen / (service.replica_per_s * scaler.target) - 1e-9)
            wanted = min(max(need, service.replicas), most)
            if wanted > specified:
                groups.append([t + scaler.cold_start_s, wanted - specified])
                specified, since = wanted, None
            elif wanted < specified:
                since = t if since is None else since
                if t - since >= scaler.stabilization_s:
                    for _ in range(specified - wanted):
                        groups[-1][1] -= 1
                        groups = [group for group in groups if group[1]]
                    specified, since = wanted, None
            else:
                since = None
        down = crash.replicas if crash.start_s <= t < crash.start_s + crash.recovery_s else 0
        capacity = service.replica_per_s * (service.replicas - down + sum(n for ready, n in groups if ready <= t))
        first = clients.first_per_s * (SURGE.factor if SURGE.start_s <= t < SURGE.end_s else 1)
        shut = open_until is not None and t < open_until
        probing = open_until is not None and t == open_until
        tries = amplified(failure)
        offered = 0.0 if shut else breaker.probes if probing and breaker else first * tries
        admitted = offered
        if service.queue_s is not None:
            admitted = min(offered, max(0.0, capacity * service.queue_s - queue + capacity))
        queue = max(0.0, queue + admitted - capacity)
        rejected = (offered - admitted) / offered if offered else 0.0
        late = queue / capacity + service.service_s > service.timeout_s * (1 + 1e-9)
        now = 1.0 if late else 1 - (1 - clients.background_failure) * (1 - rejected)
        failed = 1.0 if shut or probing else max(0.0, 1 - (1 - now) * tries)
        failure = failure if shut else now
        if breaker:
            if probing:
                open_until = None if now < breaker.threshold else t + breaker.open_s
            elif not shut and now >= breaker.threshold:
                open_until = t + breaker.open_s + 1
        rows.append((capacity, offered, queue, failed, shut or probing))
        seen = first if shut else offered
    return dict(zip(("capacity", "offered", "queue", "failed", "open"), np.array(rows, float).T, strict=True))


def _played(service: Service, clients: Clients, crash: Crash) -> GameDay:
    return play_game_day(service, clients, crash, SURGE, DURATION)


@settings(max_examples=60, deadline=None)
@given(
    replicas=st.integers(12, 30),
    count=st.integers(0, 5),
    budget=st.sampled_from([None, 0.1, 0.2]),
    queue=st.sampled_from([None, 0.25, 1.0, 2.0]),
    breaker=st.booleans(),
    timeout=st.sampled_from([0.5, 2.0, 10.0]),
    maximum=st.sampled_from([None, 1.0, 1.5, 2.0]),
    recovery=st.sampled_from([45, 120, 420]),
)
def test_stretches_equal_a_plain_replay(replicas, count, budget, queue, breaker, timeout, maximum, recovery):
    scaler = None if maximum is None else Autoscaler(maximum, recovery)
    service = Service(replicas, 10.0, 0.2, timeout, queue, Breaker() if breaker else None, scaler)
    clients, crash = Clients(144.0, count, 0.005, budget), Crash(CRASH_AT, math.ceil(replicas / 3), recovery)
    day, plain = _played(service, clients, crash), _plain(service, clients, crash)
    for name, expected in plain.items():
        np.testing.assert_allclose(getattr(day, name), expected, rtol=1e-7, atol=1e-5, err_msg=name)


QUIET: dict[str, Any] = {"replicas": 18, "replica_per_s": 10.0, "service_s": 0.2, "timeout_s": 2.0}


def test_a_day_without_a_trigger_is_quiet():
    day = play_game_day(Service(**QUIET), Clients(144.0, 3, 0.005), Crash(0, 0, 0), Surge(0, 0, 1.0), 500)
    assert np.all(day.queue == 0)
    assert np.allclose(day.failed, 0.005**4, atol=1e-12)
    assert day.bad_requests(0, 500) == pytest.approx(500 * 144 * 0.005**4, abs=1e-6)


def test_overload_outlives_its_cause_above_the_threshold_only():
    crash = Crash(CRASH_AT, 6, 45)
    no_surge = Surge(0, 0, 1.0)
    for count, stays in ((3, True), (0, False)):
        day = play_game_day(Service(**QUIET), Clients(144.0, count, 0.005), crash, no_surge, 1200)
        assert (day.failed[-1] > 0.5) is np.bool_(stays)
        assert (metastable_utilization(count) < 144 / 180) is stays


@pytest.mark.parametrize(
    ("changed", "clients", "crash", "message"),
    [
        ({"timeout_s": 0.2}, {}, 6, "timeout_s must be > service_s"),
        ({"queue_s": -1.0}, {}, 6, "queue_s must be >= 0"),
        ({"replica_per_s": 0.0}, {}, 6, "replica_per_s must be > 0"),
        ({"autoscaler": Autoscaler(0.5, 10)}, {}, 6, "autoscaler.maximum must be >= 1"),
        ({}, {"retries": -1}, 6, "retries must be an integer >= 0"),
        ({}, {"background_failure": 1.5}, 6, "background_failure must be in"),
        ({}, {"retry_budget": -0.1}, 6, "retry_budget must be >= 0"),
        ({}, {"first_per_s": math.nan}, 6, "first_per_s must be > 0"),
        ({}, {}, 18, "crash.replicas must be in"),
    ],
)
def test_what_the_day_refuses(changed, clients, crash, message):
    callers = Clients(**{"first_per_s": 144.0, "retries": 3, "background_failure": 0.005, **clients})
    with pytest.raises(ValueError, match=message):
        play_game_day(Service(**{**QUIET, **changed}), callers, Crash(CRASH_AT, crash, 45), SURGE, 100)
