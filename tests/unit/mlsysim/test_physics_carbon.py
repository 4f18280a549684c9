"""Carbon: rebound, windows of clean hours, and hardware that is written off."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsysim.physics import (
    diurnal_intensity,
    embodied_kg_per_year,
    embodied_payback_days,
    implied_elasticity,
    jevons_demand,
    jevons_total_energy,
    min_shift_window_h,
    shift_saving_fraction,
    shifted_peak_load,
    window_mean_intensity,
    worst_case_delay_h,
)

gains = st.floats(1.01, 20)
elasticities = st.floats(0, 3)
shares = st.floats(0, 1)
swings = st.floats(0, 0.99)
windows = st.floats(0.1, 24)
loads = st.floats(0.01, 0.95)


@given(gains, elasticities, shares)
def test_total_energy_rises_where_demand_outruns_the_gain(gain: float, elasticity: float, passed: float) -> None:
    total = jevons_total_energy(gain, elasticity, passed, None)
    assert total == pytest.approx(gain ** (elasticity * passed - 1))
    assert total >= 1 - 1e-12 if elasticity * passed > 1 else total <= 1 + 1e-12


@given(gains, elasticities, st.floats(0.1, 50))
def test_a_cap_sets_an_absolute_limit(gain: float, elasticity: float, cap: float) -> None:
    capped = jevons_total_energy(gain, elasticity, 1.0, cap)
    assert capped <= cap / gain * (1 + 1e-12)
    assert capped <= jevons_total_energy(gain, elasticity, 1.0, None)


@given(gains, st.floats(0.01, 3))
def test_elasticity_is_found_again(gain: float, elasticity: float) -> None:
    assert implied_elasticity(gain, jevons_demand(gain, elasticity, 1.0)) == pytest.approx(elasticity, rel=1e-6)


@given(st.floats(0.001, 1), swings, windows)
def test_the_mean_of_a_window_is_the_mean_of_its_hours(mean: float, swing: float, window: float) -> None:
    edges = 13 - window / 2 + window * (np.arange(4000) + 0.5) / 4000
    sampled = float(np.mean(diurnal_intensity(mean, swing, edges, 13.0)))
    assert window_mean_intensity(mean, swing, window) == pytest.approx(sampled, rel=1e-5)


@given(shares, swings, windows)
def test_waiting_saves_at_most_share_times_swing(share: float, swing: float, window: float) -> None:
    saved = shift_saving_fraction(share, swing, window)
    assert -1e-12 <= saved <= share * swing * (1 + 1e-12)
    # The work that does not wait runs at the mean.
    assert 1 - saved == pytest.approx(1 - share + share * window_mean_intensity(1.0, swing, window))


@given(loads, st.floats(0.01, 1))
def test_the_narrowest_window_fills_the_fleet(load: float, share: float) -> None:
    window = min_shift_window_h(load, share)
    assert 0 < window <= 24
    assert shifted_peak_load(load, share, window) == pytest.approx(1.0)


@given(loads, shares, windows)
def test_a_day_of_work_is_neither_lost_nor_made(load: float, share: float, window: float) -> None:
    peak, outside = shifted_peak_load(load, share, window), (1 - share) * load
    assert peak * window + outside * (24 - window) == pytest.approx(24 * load)


def test_no_window_where_urgent_work_fills_the_fleet() -> None:
    with pytest.raises(ValueError, match="free"):
        min_shift_window_h(1.0, 0.0)
    assert min_shift_window_h(0.7, 0.0) == 0.0
    assert min_shift_window_h(1.0, 0.5) == pytest.approx(24.0)


def test_a_whole_day_is_no_shift() -> None:
    assert shift_saving_fraction(1.0, 0.8, 24.0) == pytest.approx(0.0, abs=1e-12)
    assert shifted_peak_load(0.7, 0.3, 24.0) == pytest.approx(0.7)
    assert worst_case_delay_h(24.0) == 0.0


@given(st.floats(1, 1e5), st.floats(1, 500), st.floats(0.5, 10))
def test_longer_life_lowers_the_charge(devices: float, kg: float, life: float) -> None:
    assert embodied_kg_per_year(devices, kg, life) * life == pytest.approx(devices * kg)
    assert embodied_payback_days(kg, 700.0, 1.12, 0.82) * 0.7 * 24 * 1.12 * 0.82 == pytest.approx(kg)
    assert math.isfinite(embodied_payback_days(kg, 700.0, 1.0, 0.05))
