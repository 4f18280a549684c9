"""Limits, monotonicity and inverse pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsysim.physics import (
    async_checkpoint_overhead,
    average_power,
    battery_energy,
    battery_life,
    checkpoint_overhead,
    daly_interval,
    dm1_latency_percentile,
    dm1_max_utilization,
    dm1_mean_latency,
    dm1_overflow_probability,
    dm1_survival,
    duty_cycle,
    exact_checkpoint_interval,
    expected_failures,
    exposed_time,
    failure_probability,
    goodput_exact,
    goodput_first_order,
    iron_law_latency,
    iron_law_latency_overlapped,
    max_batch_in_memory,
    max_service_radius,
    max_trainable_params,
    md1_latency_percentile,
    md1_mean_latency,
    md1_survival_approx,
    min_check_period,
    mm1_latency_percentile,
    mm1_max_utilization,
    mm1_mean_latency,
    mm1_survival,
    mmc_latency_percentile,
    mmc_mean_latency,
    mmc_survival,
    mmc_wait_percentile,
    parallel_step_time,
    pipeline_bubble_fraction,
    propagation_rtt,
    ring_allreduce_time,
    series_mtbf,
    training_memory,
    training_state_bytes_per_param,
    transformer_activation_bytes,
    unsharded_state_bytes,
    young_interval,
    zero_state_bytes,
)

size = st.floats(1e-3, 1e15)
rate = st.floats(1e-3, 1e16)
seconds = st.floats(1e-6, 1e6)
below_one = st.floats(1e-3, 0.999)
percentile = st.floats(0.5, 0.9999)
count = st.integers(1, 4096)
slack = 1 + 1e-9


@given(size, rate, size, rate, seconds)
def test_overlap_saves_at_most_half(d: float, bw: float, o: float, r: float, overhead: float) -> None:
    both = iron_law_latency(d, bw, o, r, overhead)
    hidden = iron_law_latency_overlapped(d, bw, o, r, overhead)
    assert hidden <= both * slack
    assert hidden >= ((both - overhead) / 2 + overhead) / slack


@given(st.floats(1e-3, 10), st.floats(0, 10), st.floats(1e8, 3e8))
def test_the_service_radius_uses_up_the_deadline(deadline: float, local: float, speed: float) -> None:
    radius = max_service_radius(deadline, local, speed)
    if radius > 0:
        assert local + propagation_rtt(radius, speed) == pytest.approx(deadline, rel=1e-9)
    else:
        assert local >= deadline


@given(st.floats(0.1, 10), st.floats(1, 12), st.floats(0.1, 1), st.floats(1e-6, 100))
def test_battery_life_gives_the_energy_back(ah: float, volt: float, share: float, watt: float) -> None:
    energy = battery_energy(ah, volt, share)
    assert battery_life(energy, watt) * watt == pytest.approx(energy)


@given(st.floats(1, 1e6), st.floats(1, 1e8), st.floats(0.01, 10), st.floats(0, 0.01), st.floats(0.01, 10))
def test_the_shortest_period_reaches_the_life(e: float, life: float, pa: float, ps: float, ta: float) -> None:
    period = min_check_period(e, life, pa, ps, ta)
    if math.isinf(period):
        assert e / life <= ps
    elif period >= ta:
        assert battery_life(e, average_power(pa, ps, ta, period)) == pytest.approx(life, rel=1e-6)


@given(st.floats(0, 100), st.floats(1, 1000), st.floats(0, 5))
def test_average_power_lies_between_its_states(active: float, extra: float, sleep: float) -> None:
    period = active + extra
    power = average_power(sleep + 1, sleep, active, period)
    assert sleep <= power <= (sleep + 1) * slack
    assert power - sleep == pytest.approx(duty_cycle(active, period), abs=1e-12)


def test_rules_between_arguments() -> None:
    with pytest.raises(ValueError, match="active_s must be <= period_s"):
        duty_cycle(2.0, 1.0)
    with pytest.raises(ValueError, match=r"active_s must be <= period_s .* got 2\.0 > 1\.0"):
        average_power(1.0, 0.0, [0.5, 2.0, 3.0], 1.0)
    with pytest.raises(ValueError, match="sleep_power_w must be <= active_power_w"):
        average_power(1.0, 2.0, 0.5, 1.0)


# --- queues ---------------------------------------------------------------------------------------------


@given(seconds, below_one, percentile)
def test_mm1_utilization_inverts_the_percentile(service: float, rho: float, q: float) -> None:
    budget = mm1_latency_percentile(service, rho, q)
    assert mm1_max_utilization(service, budget, q) == pytest.approx(rho, abs=1e-9)


@given(seconds, st.floats(0.05, 0.999), percentile)
def test_dm1_utilization_inverts_the_percentile(service: float, rho: float, q: float) -> None:
    budget = dm1_latency_percentile(service, rho, q)
    assert dm1_max_utilization(service, budget, q) == pytest.approx(rho, abs=1e-6)


@given(seconds, st.floats(0, 0.999_999), percentile)
def test_pacing_and_constancy_help(service: float, rho: float, q: float) -> None:
    random = mm1_mean_latency(service, rho)
    assert service <= dm1_mean_latency(service, rho) * slack
    assert dm1_mean_latency(service, rho) <= random * slack
    assert service <= md1_mean_latency(service, rho) <= random * slack
    assert dm1_latency_percentile(service, rho, q) <= mm1_latency_percentile(service, rho, q) * slack
    assert md1_latency_percentile(service, rho, q) >= service


@given(seconds, st.floats(1.0, 100.0), percentile)
def test_an_unstable_queue_never_answers(service: float, rho: float, q: float) -> None:
    for mean in (mm1_mean_latency, md1_mean_latency, dm1_mean_latency):
        assert mean(service, rho) == math.inf
    for tail in (mm1_latency_percentile, md1_latency_percentile, dm1_latency_percentile):
        assert tail(service, rho, q) == math.inf
    for survival in (mm1_survival, md1_survival_approx, dm1_survival):
        assert survival(1e6, service, rho) == 1.0
    assert dm1_overflow_probability(rho, 8) == 1.0


@given(seconds, st.floats(0.01, 0.99), percentile)
def test_survival_at_a_percentile_of_one_server(service: float, rho: float, q: float) -> None:
    assert mm1_survival(mm1_latency_percentile(service, rho, q), service, rho) == pytest.approx(1 - q, rel=1e-6)
    assert dm1_survival(dm1_latency_percentile(service, rho, q), service, rho) == pytest.approx(1 - q, rel=1e-6)
    slowest = md1_latency_percentile(service, rho, q)
    if slowest > service * slack:
        assert md1_survival_approx(slowest, service, rho) == pytest.approx(min(rho, 1 - q), rel=1e-6)


@given(st.floats(0.0, 0.9999), seconds, st.integers(1, 200), percentile)
def test_survival_at_a_percentile_of_many_servers(rho: float, service: float, servers: int, q: float) -> None:
    arrival = rho * servers / service
    slowest = mmc_latency_percentile(arrival, service, servers, q)
    assert mmc_survival(slowest, arrival, service, servers) == pytest.approx(1 - q, rel=1e-6)
    assert slowest >= -math.log1p(-q) * service / slack
    assert slowest >= mmc_wait_percentile(arrival, service, servers, q)


@given(st.floats(0.01, 0.99), st.integers(1, 50), percentile)
def test_a_pool_is_never_slower_than_its_parts(rho: float, servers: int, q: float) -> None:
    pooled = mmc_latency_percentile(rho * servers, 1.0, servers, q)
    assert pooled <= mm1_latency_percentile(1.0, rho, q) * slack
    assert mmc_mean_latency(rho * servers, 1.0, servers) <= mm1_mean_latency(1.0, rho) * slack


@given(st.floats(0.01, 0.98), st.floats(1e-3, 0.01))
def test_tails_grow_with_utilization(rho: float, step: float) -> None:
    for tail in (mm1_latency_percentile, md1_latency_percentile, dm1_latency_percentile):
        assert tail(1.0, rho + step, 0.99) >= tail(1.0, rho, 0.99) / slack


# --- memory and parallelism -----------------------------------------------------------------------------


@given(st.floats(1e6, 1e13), st.sampled_from(["fp32", "mixed", "bf16"]), st.sampled_from(["sgd", "adam"]))
def test_state_of_the_largest_model_fills_the_memory(capacity: float, precision: str, optimizer: str) -> None:
    params = max_trainable_params(capacity, precision, optimizer)
    assert unsharded_state_bytes(params, precision, optimizer) == pytest.approx(capacity)
    assert params * training_state_bytes_per_param(precision, optimizer) == pytest.approx(capacity)


@given(st.floats(0, 1e12), st.floats(0.01, 1.0))
def test_frozen_layers_lower_the_floor(params: float, share: float) -> None:
    partly = training_memory(params, "mixed", "adam", 0.0, share)["total_bytes"]
    assert partly <= training_memory(params, "mixed", "adam")["total_bytes"] * slack
    assert partly == pytest.approx(unsharded_state_bytes(params, "mixed", "adam", share))


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.floats(1e6, 1e12))
def test_the_largest_batch_fits_and_one_more_does_not(capacity: float, fixed: float, each: float) -> None:
    batch = max_batch_in_memory(capacity, fixed, each)
    assert batch == 0 or fixed + batch * each <= capacity * slack
    assert fixed + (batch + 1) * each >= capacity / slack


@given(st.floats(0, 1e12), count)
def test_higher_zero_stages_never_need_more(params: float, ranks: int) -> None:
    stages = zero_state_bytes(params, ranks, [0, 1, 2, 3])
    assert np.all(np.diff(stages) <= 1e-9 * stages[0])
    assert stages[0] == pytest.approx(16 * params)
    assert stages[3] == pytest.approx(16 * params / ranks)


@given(st.floats(0, 1e12), count, rate, seconds)
def test_ring_traffic_is_bounded(message: float, ranks: int, bandwidth: float, latency: float) -> None:
    time = ring_allreduce_time(message, ranks, bandwidth, latency)
    assert time <= (2 * message / bandwidth + 2 * ranks * latency) * slack
    assert ring_allreduce_time(message, 1, bandwidth, latency) == 0.0


@given(st.floats(0, 1e3), st.floats(0, 1e3), st.floats(0, 1))
def test_hidden_time_is_bounded_by_both(comm: float, window: float, share: float) -> None:
    exposed = exposed_time(comm, window, share)
    assert 0 <= exposed <= comm
    assert comm - exposed <= window * slack


@given(st.integers(1, 64), st.integers(1, 256), st.integers(1, 4), st.floats(0.01, 100))
def test_the_bubble_fraction_is_the_share_of_the_stretched_time(p: int, m: int, v: int, busy: float) -> None:
    step = parallel_step_time(busy, p, m, v, 0.0)
    assert pipeline_bubble_fraction(p, m, v) == pytest.approx(1 - busy / step, abs=1e-12)


# --- failures -------------------------------------------------------------------------------------------


@given(st.floats(0, 1e4), st.floats(1e2, 1e8), st.floats(0.2, 5.0))
def test_young_is_the_bottom_of_the_tax(delta: float, mtbf: float, factor: float) -> None:
    best = young_interval(delta, mtbf)
    if best > 0:
        lowest = checkpoint_overhead(best, delta, mtbf)
        assert lowest <= checkpoint_overhead(best * factor, delta, mtbf) * slack
        assert lowest == pytest.approx(math.sqrt(2 * delta / mtbf))


@given(st.floats(1e-3, 1e5), st.floats(1e2, 1e8))
def test_the_three_intervals_agree_for_short_saves(delta: float, mtbf: float) -> None:
    exact = exact_checkpoint_interval(delta, mtbf)
    assert exact <= min(young_interval(delta, mtbf), mtbf) * slack
    if delta < 1e-2 * mtbf:
        assert daly_interval(delta, mtbf) == pytest.approx(exact, rel=1e-3)


@given(st.floats(1, 1e5), st.floats(0, 1e4), st.floats(0, 1e4), st.floats(1e2, 1e8))
def test_the_exact_goodput_is_a_fraction(tau: float, delta: float, restart: float, mtbf: float) -> None:
    exact = goodput_exact(tau, delta, restart, mtbf)
    assert 0 <= exact <= 1 * slack
    first = goodput_first_order(checkpoint_overhead(tau, delta, mtbf), restart, mtbf)
    assert first <= exact * slack + 1e-12  # first order is the conservative one


def test_goodput_is_zero_where_the_exponential_overflows() -> None:
    assert goodput_exact(1e6, 0.0, 0.0, 1.0) == 0.0
    assert goodput_exact(1.0, 0.0, 1e6, 1.0) == 0.0


@given(st.floats(0, 1e9), st.floats(1e-3, 1e9))
def test_a_failure_is_at_most_as_likely_as_expected(duration: float, mtbf: float) -> None:
    assert 0 <= failure_probability(duration, mtbf) <= min(1.0, expected_failures(duration, mtbf)) * slack


def test_rules_between_arguments_of_the_other_modules() -> None:
    with pytest.raises(ValueError, match="drain_s must be <= interval_s"):
        async_checkpoint_overhead(60.0, 2.0, 60.1, 1e4)
    assert async_checkpoint_overhead(60.0, 2.0, 60.0, 1e4) > 0
    with pytest.raises(ValueError, match="checkpoints must be <= layers"):
        transformer_activation_bytes(12, 128, 1, 64, 4, "mixed", True, checkpoints=[12, 13])
    with pytest.raises(ValueError, match="rates_per_s must have a sum > 0"):
        series_mtbf([0.0, 0.0])
    assert series_mtbf([0.0, 0.5]) == 2.0
    assert series_mtbf([[0.25, 0.25], [1.0, 3.0]]).tolist() == [2.0, 0.25]
