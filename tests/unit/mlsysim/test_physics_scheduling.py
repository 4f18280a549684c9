"""Waits of gang jobs: limits, conservation, and streams of jobs that confirm the formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsysim.physics import (
    allen_cunneen_multiple,
    draw_jobs,
    kleinrock_invariant,
    lindley_waits,
    mg1_wait,
    packing_efficiency,
    pollaczek_khinchine_multiple,
    preempted_service_time,
    priority_responses_preemptive,
    priority_waits_nonpreemptive,
    schedule_jobs,
    service_moments,
)

RATE = 0.8 / 4.3
ARRIVALS, DURATIONS = np.array([0.92, 0.08]) * RATE, np.array([0.5, 48.0])
load = st.floats(0.01, 0.98)
spread = st.floats(0, 10)
lengths = st.lists(st.floats(0.01, 1000), min_size=2, max_size=5)
POLICIES = ("fifo", "priority", "preempt_kill", "preempt_save")


@given(lengths)
def test_equal_jobs_have_no_variation_and_others_have_some(durations: list[float]) -> None:
    shares = [1 / len(durations)] * len(durations)
    mean, second, cv = service_moments(shares, durations)
    assert min(durations) * (1 - 1e-9) <= mean <= max(durations) * (1 + 1e-9)
    assert second == pytest.approx(mean**2 * (1 + cv**2))
    assert service_moments(shares, [durations[0]] * len(durations))[2] == pytest.approx(0, abs=1e-7)


@given(load, lengths)
def test_the_multiple_is_the_wait_over_the_mean(rho: float, durations: list[float]) -> None:
    mean, second, cv = service_moments([1 / len(durations)] * len(durations), durations)
    assert mg1_wait(rho / mean, mean, second) == pytest.approx(mean * pollaczek_khinchine_multiple(rho, cv), rel=1e-6)


@given(load, spread, st.integers(1, 63))
def test_one_server_is_exact_and_more_wait_less(rho: float, cv: float, servers: int) -> None:
    assert allen_cunneen_multiple(1, rho, cv, 1.0) == pytest.approx(pollaczek_khinchine_multiple(rho, cv))
    more, fewer = (allen_cunneen_multiple(c, rho, cv, 1.0) for c in (servers + 1, servers))
    assert more <= fewer * (1 + 1e-9)


@given(load, st.lists(st.floats(0.01, 100), min_size=2, max_size=5))
def test_priorities_conserve_the_load_weighted_wait(rho: float, durations: list[float]) -> None:
    loads = np.full(len(durations), rho / len(durations))
    arrivals = loads / durations
    waits = priority_waits_nonpreemptive(arrivals, durations)
    assert np.all(np.diff(waits) >= 0)
    in_order = rho * float(np.sum(arrivals * np.square(durations))) / 2 / (1 - rho)
    assert kleinrock_invariant(loads, waits) == pytest.approx(in_order)


@given(load, st.floats(0, 0.5))
def test_the_first_class_does_not_feel_the_cost_of_stops(rho: float, cost: float) -> None:
    arrivals = ARRIVALS * rho / 0.8
    free, paid = (priority_responses_preemptive(arrivals, DURATIONS, c) for c in (0.0, cost))
    assert free[0] == paid[0]
    assert free[1] <= paid[1]
    assert free[0] <= priority_waits_nonpreemptive(arrivals, DURATIONS)[0] + DURATIONS[0]


@given(st.floats(0.1, 100), st.floats(0, 1), st.floats(0, 2))
def test_what_stops_add_can_be_stopped_too(service: float, rate: float, cost: float) -> None:
    held = preempted_service_time(service, rate, cost)
    if rate * cost < 1:
        assert held == pytest.approx(service + rate * held * cost)
    else:
        assert held == np.inf


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=30))
def test_lindley_is_its_recursion(jobs: list[tuple[float, float]]) -> None:
    gaps, services = map(list, zip(*jobs, strict=True))
    waits = [0.0]
    for gap, service in zip(gaps[1:], services[:-1], strict=True):
        waits.append(max(0.0, waits[-1] + service - gap))
    assert lindley_waits(gaps, services) == pytest.approx(waits, abs=1e-9)


@given(st.integers(1, 64), st.integers(1, 64))
def test_packing_never_exceeds_the_node(node: int, job: int) -> None:
    if job > node:
        with pytest.raises(ValueError, match="gpus_requested must be <= gpus_per_node"):
            packing_efficiency(node, job)
    else:
        assert 0.5 < packing_efficiency(node, job) <= 1


def test_overload_is_infinite_and_never_negative() -> None:
    assert mg1_wait(1.0, 1.0, 2.0) == mg1_wait(2.0, 1.0, 2.0) == np.inf
    assert pollaczek_khinchine_multiple(1.2, 1.0) == allen_cunneen_multiple(4, 1.2, 1.0, 1.0) == np.inf
    waits = priority_waits_nonpreemptive(ARRIVALS * 1.4, DURATIONS)
    assert np.isfinite(waits[0])
    assert waits[1] == np.inf
    assert priority_responses_preemptive(ARRIVALS * 1.2, DURATIONS, 1.0)[1] == np.inf


def test_lists_must_fit() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        service_moments([0.5, 0.4], [1.0, 2.0])
    for function, arguments in (
        (service_moments, ([1.0], [1.0, 2.0])),
        (priority_waits_nonpreemptive, ([0.1], [1.0, 2.0])),
        (priority_responses_preemptive, ([0.1, 0.1, 0.1], [1.0, 2.0], 0.0)),
        (kleinrock_invariant, ([0.1], [1.0, 2.0])),
        (lindley_waits, ([1.0], [1.0, 2.0])),
    ):
        with pytest.raises(ValueError, match="must be as many as"):
            function(*arguments)


# --- streams of jobs ----------------------------------------------------------------------------------------


def _means(policy: Any, **settings: Any) -> tuple[float, float]:
    """Mean wait of urgent and mean response of patient jobs (h)."""
    waits, responses = [], []
    for seed in range(4):
        run = schedule_jobs(draw_jobs(RATE, 0.08, 0.5, 48.0, 60_000, seed), policy, **settings)
        urgent = run.stream.urgent
        waits.append(run.wait_h[urgent].mean())
        responses.append((run.end_h - run.stream.arrival_h)[~urgent].mean())
    return float(np.mean(waits)), float(np.mean(responses))


def test_streams_confirm_the_formulas() -> None:
    wait, response = _means("fifo")
    assert (wait, response) == pytest.approx((85.84, 85.84 + 48), rel=0.08)
    cobham = priority_waits_nonpreemptive(ARRIVALS, DURATIONS)
    assert _means("priority") == pytest.approx((cobham[0], cobham[1] + 48), rel=0.08)
    for policy, cost, save in (("preempt_kill", 1 / 3, 0.0), ("preempt_save", 7 / 60, 2 / 60)):
        short, long = priority_responses_preemptive(ARRIVALS, DURATIONS, cost)
        wait, response = _means(policy, cost_h=cost, save_h=save)
        assert response == pytest.approx(long, rel=0.08)
        # The save is charged to every test: an upper bound.
        assert short - 0.5 - 0.002 <= wait <= short - 0.5 + save + 0.002


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", range(3))
def test_every_schedule_is_possible(policy: Any, seed: int) -> None:
    stream = draw_jobs(RATE, 0.08, 0.5, 48.0, 400, seed)
    cost = 0.25 if policy.startswith("preempt") else 0.0
    run = schedule_jobs(stream, policy, cost_h=cost, save_h=0.05 if policy == "preempt_save" else 0.0)
    assert np.all(run.start_h >= stream.arrival_h - 1e-9)
    done = np.zeros(400)
    np.add.at(done, run.work.job, run.work.end_h - run.work.start_h)
    assert done == pytest.approx(stream.service_h)
    start = np.concatenate([run.work.start_h, run.overhead.start_h])
    end = np.concatenate([run.work.end_h, run.overhead.end_h])
    order = np.argsort(start)
    # The machine does one thing at a time.
    assert np.all(start[order][1:] >= end[order][:-1] - 1e-9)
    lost = float(np.sum(run.overhead.end_h - run.overhead.start_h))
    assert lost == pytest.approx(cost * len(run.stop_h))
    assert not np.any(stream.urgent[run.stop_job])


def test_slots_serve_in_order_and_are_never_shared() -> None:
    stream = draw_jobs(8 * RATE, 0.08, 0.5, 48.0, 2000, 5)
    for policy in ("fifo", "priority"):
        run = schedule_jobs(stream, policy, slots=8)
        for slot in range(8):
            mine = run.work.slot == slot
            order = np.argsort(run.start_h[mine])
            assert np.all(run.start_h[mine][order][1:] >= run.end_h[mine][order][:-1] - 1e-9)
        starts = run.start_h if policy == "fifo" else run.start_h[stream.urgent]
        assert np.all(np.diff(starts) >= -1e-9)
    one = schedule_jobs(stream, "fifo", slots=1)
    assert one.wait_h == pytest.approx(lindley_waits(np.diff(stream.arrival_h, prepend=0.0), stream.service_h))


def test_a_stream_stretches_with_the_rate_and_grows_at_its_end() -> None:
    one, two = (draw_jobs(rate, 0.1, 0.5, 48.0, 50, 3) for rate in (1.0, 2.0))
    assert one.arrival_h == pytest.approx(2 * two.arrival_h)
    longer = draw_jobs(1.0, 0.1, 0.5, 48.0, 80, 3)
    assert np.array_equal(longer.arrival_h[:50], one.arrival_h)
    more = draw_jobs(1.0, 0.3, 0.5, 48.0, 50, 3)
    assert not np.any(more.urgent & ~one.urgent)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": "sjf"}, "policy must be one of"),
        ({"policy": "preempt_kill", "slots": 2}, "slots must be"),
        ({"policy": "fifo", "slots": 0}, "slots must be"),
        ({"policy": "preempt_save", "cost_h": 0.1, "save_h": 0.2}, "save_h must be"),
    ],
)
def test_schedulers_refuse_what_they_cannot_do(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        schedule_jobs(draw_jobs(1.0, 0.1, 0.5, 48.0, 5, 1), **arguments)


@pytest.mark.parametrize(
    ("change", "name"),
    [({"arrival_per_h": 0.0}, "arrival_per_h"), ({"long_fraction": 1.5}, "long_fraction"), ({"jobs": 0}, "jobs")],
)
def test_streams_refuse_what_is_no_stream(change: dict[str, Any], name: str) -> None:
    valid: dict[str, Any] = {"arrival_per_h": 1.0, "long_fraction": 0.1, "short_h": 1.0, "long_h": 2.0, "jobs": 5}
    with pytest.raises(ValueError, match=name):
        draw_jobs(**valid | change, seed=1)
