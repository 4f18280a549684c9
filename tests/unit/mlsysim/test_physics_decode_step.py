"""Properties of a decode step of two lanes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsysim.physics import async_step_time, attention_decode_time, elementwise_time, gpu_idle_fraction

TIMES = st.floats(1e-6, 1e3)
COUNTS = st.integers(1, 4096)


@given(TIMES, TIMES)
def test_the_slower_lane_sets_the_period(host, busy):
    step = async_step_time(host, busy)
    assert step == max(host, busy)
    assert step * (1 - gpu_idle_fraction(host, busy)) == pytest.approx(busy)


@given(TIMES, TIMES, st.floats(1, 100))
def test_a_faster_lane_that_waits_gains_nothing(host, busy, factor):
    before, after = async_step_time(host, busy), async_step_time(host, busy / factor)
    assert after <= before
    if busy <= host:
        assert after == before
        assert gpu_idle_fraction(host, busy / factor) >= gpu_idle_fraction(host, busy)


@given(st.floats(0, 1e12), st.floats(1e9, 1e13))
def test_attention_reads_its_cache_once(kv_bytes, bandwidth):
    assert attention_decode_time(2 * kv_bytes, bandwidth) == pytest.approx(
        2 * attention_decode_time(kv_bytes, bandwidth)
    )
    assert attention_decode_time(kv_bytes, 2 * bandwidth) * 2 == pytest.approx(
        attention_decode_time(kv_bytes, bandwidth)
    )


@given(COUNTS, st.integers(8, 200), st.floats(0, 1e-5), COUNTS, COUNTS, st.floats(1e11, 1e13))
def test_small_kernels_sit_on_the_floor_or_stream(layers, kernels, floor, batch, width, bandwidth):
    time = elementwise_time(layers, kernels, floor, batch, width, bandwidth)
    assert time >= (kernels - 8) * layers * floor * (1 - 1e-12)
    assert elementwise_time(layers, kernels, floor, batch + 1, width, bandwidth) >= time
    assert elementwise_time(layers, 8, floor, batch, width, bandwidth) == 0


def test_errors():
    with pytest.raises(ValueError, match="fixed_kernels"):
        elementwise_time(32, 7, 1e-6, 1, 4096, 1e12)
    with pytest.raises(ValueError, match="host_s"):
        async_step_time(-1.0, 1.0)
    with pytest.raises(ValueError, match="host_s"):
        gpu_idle_fraction(0.0, 1.0)
    with pytest.raises(ValueError, match="bandwidth_bytes_s"):
        attention_decode_time(1.0, 0.0)
