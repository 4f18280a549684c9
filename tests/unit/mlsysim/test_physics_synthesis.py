"""Properties of the formulas that close the course."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsysim.physics import (
    binormal_rates,
    binormal_threshold,
    decode_memory_time,
    orchestration_gain,
    tail_hit_probability,
    tokens_required,
)

positive = st.floats(1e-3, 1e3)
fractions = st.floats(0.01, 0.99)


@given(batch=positive, reference=positive, critical=positive, factor=st.floats(1.01, 50))
def test_a_larger_batch_needs_more_tokens_but_fewer_steps(batch, reference, critical, factor):
    def tokens(size: float) -> float:
        return float(tokens_required(1e9, size, reference, critical))

    assert tokens(batch * factor) > tokens(batch)
    assert tokens(batch * factor) / (batch * factor) < tokens(batch) / batch
    assert tokens(reference) == pytest.approx(1e9)


@given(critical=positive)
def test_at_the_critical_batch_tokens_are_twice_those_of_a_tiny_one(critical):
    assert tokens_required(1.0, critical, 0.0, critical) == pytest.approx(2.0)


@given(percentile=fractions, fanout=st.integers(1, 500))
def test_the_tail_only_grows_with_the_fan_out(percentile, fanout):
    here, next_ = tail_hit_probability(percentile, fanout), tail_hit_probability(percentile, fanout + 1)
    assert 0 <= here <= next_ <= 1
    assert tail_hit_probability(percentile, 1) == pytest.approx(1 - percentile)


def test_the_tail_at_its_ends():
    assert tail_hit_probability(1.0, 1000) == 0
    assert tail_hit_probability(0.0, 1) == 1
    assert np.asarray(tail_hit_probability(0.99, np.array([1, 100]))) == pytest.approx([0.01, 0.63397], rel=1e-4)


@pytest.mark.parametrize("fanout", [0, 1.5, -1, math.nan])
def test_a_fan_out_is_a_count(fanout):
    with pytest.raises(ValueError, match="fanout"):
        tail_hit_probability(0.99, fanout)


@given(weights=positive, cache=positive, bandwidth=positive)
def test_decoding_reads_what_it_reads_once(weights, cache, bandwidth):
    assert decode_memory_time(weights, cache, bandwidth) * bandwidth == pytest.approx(weights + cache)


@given(target=positive, hardware=positive, algorithm=positive)
def test_three_factors_make_the_gain(target, hardware, algorithm):
    assert orchestration_gain(target, hardware, algorithm) * hardware * algorithm == pytest.approx(target)


@given(cutoff=fractions, prevalence=fractions, d_prime=st.floats(0.2, 4))
def test_at_its_threshold_a_score_means_the_cut_off(cutoff, prevalence, d_prime):
    threshold = float(binormal_threshold(cutoff, prevalence, d_prime))
    log_odds = math.log(prevalence / (1 - prevalence)) + d_prime * threshold - d_prime**2 / 2
    assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(cutoff, rel=1e-6)


def test_the_best_cut_off_is_one_half():
    def accuracy(cutoff: float) -> float:
        return float(binormal_rates(float(binormal_threshold(cutoff, 0.3, 2.0)), 0.3, 2.0)["accuracy"])

    assert all(accuracy(0.5) >= accuracy(other) for other in (0.3, 0.45, 0.55, 0.8))
