"""Batteries and duty cycles: energy is power times time."""

from __future__ import annotations

import numpy as np

from mlsysim.core.constants import LTE_UPLINK_BASE, LTE_UPLINK_SLOPE
from mlsysim.physics.registry import (
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

ACTIVE_POWER = Variable("P_a", "W", "power while active", NONNEGATIVE)
SLEEP_POWER = Variable("P_s", "W", "power while asleep", NONNEGATIVE)
ACTIVE_TIME = Variable("t_a", "s", "active time per period", NONNEGATIVE)
PERIOD = Variable("T", "s", "time from one check to the next", POSITIVE)

SECONDS_PER_HOUR = 3600.0


def _require_fit(active_s: Real, period_s: Real) -> None:
    require_at_most("active_s", active_s, "period_s", period_s, "the job does not fit its period")


def _require_power_order(active_power_w: Real, sleep_power_w: Real) -> None:
    require_at_most("sleep_power_w", sleep_power_w, "active_power_w", active_power_w, "sleep saves power")


@formula(
    latex=r"E = 3600 \, C \, V \, f",
    variables={
        "capacity_ah": Variable("C", "A h", "rated charge", POSITIVE),
        "voltage_v": Variable("V", "V", "nominal voltage", POSITIVE),
        "usable_fraction": Variable("f", "1", "share usable before the cut-off", POSITIVE_FRACTION),
    },
    result=Result("E", "J", "usable energy"),
    validity="Energy only: no ageing, no temperature, no limit on pulse currents, so it is an upper bound.",
    source="Definition of electrical energy; 3600 s per hour.",
)
def battery_energy(capacity_ah: Real, voltage_v: Real, usable_fraction: Real) -> Real:
    """Energy that one battery can deliver."""
    return SECONDS_PER_HOUR * capacity_ah * voltage_v * usable_fraction


@formula(
    latex=r"t = \frac{E}{\bar{P}}",
    variables={
        "energy_j": Variable("E", "J", "usable energy", NONNEGATIVE),
        "power_w": Variable(r"\bar{P}", "W", "average power", POSITIVE),
    },
    result=Result("t", "s", "battery life"),
    validity="Energy-only model: no self-discharge, no ageing, so it is an upper bound.",
    source="Energy is power times time.",
)
def battery_life(energy_j: Real, power_w: Real) -> Real:
    """How long an energy store lasts at an average power."""
    return energy_j / power_w


@formula(
    latex=r"d = \frac{t_a}{T}",
    variables={"active_s": ACTIVE_TIME, "period_s": PERIOD},
    result=Result("d", "1", "duty cycle"),
    validity="One job per period that fits its period; a longer active time is an error.",
    source="Definition.",
)
def duty_cycle(active_s: Real, period_s: Real) -> Real:
    """Share of the time that a periodic job is active."""
    _require_fit(active_s, period_s)
    return active_s / period_s


@formula(
    latex=r"\bar{P} = P_s + (P_a - P_s) \frac{t_a}{T}",
    variables={
        "active_power_w": ACTIVE_POWER,
        "sleep_power_w": SLEEP_POWER,
        "active_s": ACTIVE_TIME,
        "period_s": PERIOD,
    },
    result=Result(r"\bar{P}", "W", "average power"),
    validity="Two states; the energy of waking up counts as active time. Active power at or above sleep power.",
    source="Time average of a two-state load.",
)
def average_power(active_power_w: Real, sleep_power_w: Real, active_s: Real, period_s: Real) -> Real:
    """Average power of a device that works for a moment and sleeps the rest of its period."""
    _require_fit(active_s, period_s)
    _require_power_order(active_power_w, sleep_power_w)
    return sleep_power_w + (active_power_w - sleep_power_w) * active_s / period_s


@formula(
    latex=r"t_r = T + t_a",
    variables={"period_s": PERIOD, "active_s": ACTIVE_TIME},
    result=Result("t_r", "s", "worst-case response"),
    validity="Strictly periodic checks; the event happens just after a check has sampled its sensor.",
    source="Worst case of a polled event.",
)
def worst_case_response(period_s: Real, active_s: Real) -> Real:
    """Longest time from an event to its detection."""
    return period_s + active_s


@formula(
    latex=r"T_{min} = \frac{(P_a - P_s) t_a}{\frac{E}{t} - P_s}",
    variables={
        "energy_j": Variable("E", "J", "usable energy", NONNEGATIVE),
        "target_life_s": Variable("t", "s", "life to reach", POSITIVE),
        "active_power_w": ACTIVE_POWER,
        "sleep_power_w": SLEEP_POWER,
        "active_s": ACTIVE_TIME,
    },
    result=Result("T_{min}", "s", "shortest period that reaches the life"),
    validity="Infinite when the sleep power alone uses up the budget E/t. Below the active time the budget "
    "allows the device to stay active all the time.",
    source="Average power of a two-state load solved for the period.",
)
def min_check_period(
    energy_j: Real, target_life_s: Real, active_power_w: Real, sleep_power_w: Real, active_s: Real
) -> Real:
    """Shortest checking period with which a battery reaches a target life."""
    _require_power_order(active_power_w, sleep_power_w)
    spare_w = energy_j / target_life_s - sleep_power_w
    return np.where(spare_w > 0, (active_power_w - sleep_power_w) * active_s / spare_w, np.inf)


@formula(
    latex=r"E = M e_m + D e_d",
    variables={
        "macs": Variable("M", "1", "multiply-accumulates", NONNEGATIVE),
        "mac_energy_j": Variable("e_m", "J", "energy of one multiply and one add", NONNEGATIVE),
        "bytes_moved": Variable("D", "B", "bytes read from off-chip memory", NONNEGATIVE),
        "dram_j_per_byte": Variable("e_d", "J/B", "energy of one off-chip byte", NONNEGATIVE),
    },
    result=Result("E", "J", "energy of one inference"),
    validity="Arithmetic and off-chip traffic only: no on-chip memory, no control, no leakage.",
    source="Horowitz 2014 (course, Model Compression).",
)
def inference_energy_j(macs: Real, mac_energy_j: Real, bytes_moved: Real, dram_j_per_byte: Real) -> Real:
    """Energy of one inference: its arithmetic, and the bytes that it fetches."""
    return macs * mac_energy_j + bytes_moved * dram_j_per_byte


@formula(
    latex=r"P = 1.28804 + 0.43839 r",
    variables={"throughput_mbit_s": Variable("r", "Mbit/s", "uplink throughput", POSITIVE)},
    result=Result("P", "W", "power of the radio while it sends"),
    validity="A phone on LTE, radio already connected; promotion and tail of the radio states come on top.",
    source="Huang et al. 2012 (MobiSys), measured LTE power model.",
)
def lte_uplink_power(throughput_mbit_s: Real) -> Real:
    """Power of a phone's LTE radio during an upload."""
    return LTE_UPLINK_BASE.value + LTE_UPLINK_SLOPE.value * throughput_mbit_s
