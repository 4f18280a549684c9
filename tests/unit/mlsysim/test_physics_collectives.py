"""Collectives: bounds, limits and crossovers of the algorithms, buckets against a simulation, steps against times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsysim.physics import (
    allreduce_algbw,
    allreduce_busbw,
    allreduce_schedule,
    bucket_count,
    bucket_start_time,
    critical_message_bytes,
    double_binary_tree_allreduce_time,
    exposed_bucketed_time,
    halving_doubling_allreduce_time,
    hierarchical_allreduce_time,
    ring_allgather_time,
    ring_allreduce_time,
    ring_reduce_scatter_time,
    ring_tree_crossover_bytes,
    star_allreduce_time,
    tree_allreduce_time,
)

# Down to a millibyte: below, times are so small that floats lose their digits.
message = st.just(0.0) | st.floats(1e-3, 1e12)
ranks = st.integers(1, 4096)
bandwidth = st.floats(1e6, 1e12)
latency = st.floats(0, 1e-3)
slack = 1 + 1e-9

ALGORITHMS = (ring_allreduce_time, tree_allreduce_time, double_binary_tree_allreduce_time, star_allreduce_time)


@given(message, ranks, bandwidth, latency)
def test_no_algorithm_beats_the_lower_bound(m, n, beta, alpha):
    bound = 2 * (n - 1) / n * m / beta
    for algorithm in ALGORITHMS:
        assert algorithm(m, n, beta, alpha) >= bound / slack


@given(message, bandwidth, latency)
def test_one_rank_has_nothing_to_exchange(m, beta, alpha):
    for algorithm in (*ALGORITHMS, halving_doubling_allreduce_time, ring_reduce_scatter_time, ring_allgather_time):
        assert algorithm(m, 1, beta, alpha) == 0
    for inner in ("ring", "tree", "double_tree"):
        assert hierarchical_allreduce_time(m, 1, 1, beta, beta, alpha, alpha, inner) == 0


@given(message, ranks, bandwidth, latency)
def test_a_ring_is_a_reduce_scatter_and_an_all_gather(m, n, beta, alpha):
    halves = ring_reduce_scatter_time(m, n, beta, alpha) + ring_allgather_time(m, n, beta, alpha)
    assert halves == pytest.approx(ring_allreduce_time(m, n, beta, alpha))


@given(message, st.integers(2, 4096), bandwidth)
def test_a_server_moves_n_times_what_a_ring_moves(m, n, beta):
    assert star_allreduce_time(m, n, beta, 0) == pytest.approx(n * ring_allreduce_time(m, n, beta, 0))


@given(message, st.integers(0, 12), bandwidth, latency)
def test_a_butterfly_has_the_steps_of_a_tree_and_the_bytes_of_a_ring(m, k, beta, alpha):
    n = 2**k
    parts = tree_allreduce_time(0, n, beta, alpha) + ring_allreduce_time(m, n, beta, 0)
    assert halving_doubling_allreduce_time(m, n, beta, alpha) == pytest.approx(parts)


def test_a_butterfly_needs_a_power_of_two():
    with pytest.raises(ValueError, match=r"ranks must be a power of two, got 6\.0"):
        halving_doubling_allreduce_time(1e9, 6, 1e9, 1e-6)


@given(st.integers(1, 40), st.integers(1, 7))
def test_depth_is_exact_beside_powers_of_two(k, off):
    depth = [tree_allreduce_time(0, n, 1.0, 0.5) for n in (2**k, 2**k + off)]
    assert depth == [k, (2**k + off - 1).bit_length()]


@given(st.integers(4, 4096), bandwidth, st.floats(1e-7, 1e-3), st.floats(0.01, 0.99))
def test_below_the_crossover_the_tree_is_faster_above_it_the_ring(n, beta, alpha, part):
    crossover = ring_tree_crossover_bytes(n, beta, alpha)
    both = (ring_allreduce_time, tree_allreduce_time)
    at, below, above = ([f(crossover * x, n, beta, alpha) for f in both] for x in (1, part, 1 / part))
    assert at[0] == pytest.approx(at[1])
    # With 4 ranks a ring has only one step more than a tree: still more.
    assert below[1] <= below[0] * slack
    assert above[0] <= above[1] * slack


def test_the_crossover_is_not_the_critical_size():
    assert critical_message_bytes(5e-6, 50e9) == pytest.approx(250e3)
    assert ring_tree_crossover_bytes(1024, 50e9, 5e-6) == pytest.approx(28.1e6, rel=5e-3)
    assert ring_tree_crossover_bytes(128, 50e9, 5e-6) == pytest.approx(5.0e6, rel=5e-2)
    # For many ranks about alpha beta N / log2 N.
    assert ring_tree_crossover_bytes(2**30, 50e9, 5e-6) == pytest.approx(250e3 * 2**30 / 30, rel=0.04)
    with pytest.raises(ValueError, match="an integer >= 4"):
        ring_tree_crossover_bytes(3, 50e9, 5e-6)


@given(message, st.integers(1, 512), st.integers(1, 16), bandwidth, bandwidth, latency, latency)
def test_a_hierarchy_is_flat_in_one_node_and_over_nodes_of_one(m, nodes, gpus, fast, slow, small, large):
    for name, algorithm in (
        ("ring", ring_allreduce_time),
        ("tree", tree_allreduce_time),
        ("double_tree", double_binary_tree_allreduce_time),
    ):
        inside = hierarchical_allreduce_time(m, 1, gpus, fast, slow, small, large, name)
        assert inside == pytest.approx(ring_allreduce_time(m, gpus, fast, small))
        flat = hierarchical_allreduce_time(m, nodes, 1, fast, slow, small, large, name)
        assert flat == pytest.approx(algorithm(m, nodes, slow, large))


def test_a_hierarchy_takes_the_algorithms_it_knows():
    with pytest.raises(ValueError, match="inter_algorithm must be one of 'ring', 'tree', 'double_tree'"):
        hierarchical_allreduce_time(1e9, 8, 8, 450e9, 50e9, 2e-6, 5e-6, "star")


@given(st.floats(1, 1e12), st.integers(2, 4096), bandwidth)
def test_bus_bandwidth_of_a_ring_without_start_up_is_the_link(m, n, beta):
    time = ring_allreduce_time(m, n, beta, 0)
    assert allreduce_busbw(m, time, n) == pytest.approx(beta)
    assert allreduce_algbw(m, time) == pytest.approx(beta * n / (2 * (n - 1)))


@given(st.floats(0, 1e12), st.floats(1, 1e12))
def test_buckets_hold_all_gradients(gradients, bucket):
    count = bucket_count(gradients, bucket)
    assert count >= 1
    assert gradients / count <= bucket * slack
    assert count == 1 or gradients / (count - 1) > bucket / slack


@given(st.integers(1, 200), st.floats(0, 10), st.floats(0, 10))
def test_exposed_time_is_what_a_simulation_leaves(buckets, bucket_s, backward_s):
    free = 0.0
    for bucket in range(1, buckets + 1):
        start = max(free, bucket * backward_s / buckets)
        assert bucket_start_time(bucket, buckets, bucket_s, backward_s) == pytest.approx(start, abs=1e-9)
        free = start + bucket_s
    assert exposed_bucketed_time(buckets, bucket_s, backward_s) == pytest.approx(free - backward_s, abs=1e-9)


def test_there_are_no_more_buckets_than_buckets():
    with pytest.raises(ValueError, match="bucket must be <= buckets"):
        bucket_start_time(5, 4, 1.0, 1.0)


@given(st.sampled_from(["ring", "tree"]), st.integers(2, 24), message, bandwidth, latency)
def test_steps_add_up_to_the_formula(algorithm, n, m, beta, alpha):
    schedule = allreduce_schedule(algorithm, n)
    time = sum(alpha + schedule.message_share(step) * m / beta for step in range(1, schedule.steps + 1))
    formula = ring_allreduce_time if algorithm == "ring" else tree_allreduce_time
    assert time == pytest.approx(formula(m, n, beta, alpha))


@given(st.sampled_from(["ring", "tree"]), st.integers(2, 24))
def test_every_rank_ends_with_every_part_exactly_once(algorithm, n):
    schedule = allreduce_schedule(algorithm, n)
    assert schedule.ranks == n
    assert schedule.chunks == (n if algorithm == "ring" else 1)
    assert schedule.parts.max() == 1
    assert np.all(schedule.summed(schedule.steps) == n)
    assert np.all(schedule.summed(0) == 1)
    for step in range(1, schedule.steps + 1):
        sources, targets = schedule.links(step).T
        # A port sends one message and receives one.
        assert len(set(sources)) == len(sources)
        assert len(set(targets)) == len(targets)


@pytest.mark.parametrize(("algorithm", "ranks", "words"), [("star", 8, "'ring' or 'tree'"), ("ring", 1, ">= 2")])
def test_schedules_that_do_not_exist(algorithm, ranks, words):
    with pytest.raises(ValueError, match=words):
        allreduce_schedule(algorithm, ranks)
