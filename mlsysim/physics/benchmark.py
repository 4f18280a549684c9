"""Benchmarks: what a faster part does for the whole, and what a run measures before the machine is steady."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    Interval,
    Real,
    Result,
    Variable,
    formula,
)

SHARE = "share of the time that the accelerated part takes, before the change"
#: An infinitely fast part takes no time: the speedup is then the ceiling.
PART_SPEEDUP = Variable("s", "1", "speedup of that part", Interval(low=0.0, low_open=True, allow_inf=True))
#: At -1 the machine would stand still at first.
AMPLITUDE = Variable(
    "A",
    "1",
    "rate at the start over the steady rate, less one: positive for a boost, negative for a cold start",
    Interval(low=-1.0, low_open=True),
)
TIME_CONSTANT = Variable(r"\tau", "s", "time constant of the approach to the steady state", POSITIVE)
FIRST_ORDER = (
    "First-order (lumped) model: one time constant, and a steady state that is reached. A governor that switches "
    "between fixed clocks makes steps instead."
)


@formula(
    latex=r"S = \frac{1}{(1 - p) + \frac{p}{s}}",
    variables={"parallel_fraction": Variable("p", "1", SHARE, FRACTION), "part_speedup": PART_SPEEDUP},
    result=Result("S", "1", "speedup of the whole"),
    validity="Parts that run one after another; the other parts take as long as before. A pipeline overlaps them.",
    source="Amdahl 1967.",
)
def amdahl_speedup(parallel_fraction: Real, part_speedup: Real) -> Real:
    """Speedup of the whole when one part of it becomes faster."""
    return 1.0 / ((1.0 - parallel_fraction) + parallel_fraction / part_speedup)


@formula(
    latex=r"S_{m} = \frac{1}{1 - p}",
    variables={"parallel_fraction": Variable("p", "1", SHARE, Interval(low=0.0, high=1.0, high_open=True))},
    result=Result("S_{m}", "1", "largest speedup of the whole"),
    validity="As Amdahl's law, for a part that takes no time at all.",
    source="Amdahl 1967.",
)
def amdahl_ceiling(parallel_fraction: Real) -> Real:
    """Speedup of the whole that no acceleration of the part exceeds."""
    return 1.0 / (1.0 - parallel_fraction)


@formula(
    latex=r"k = 1 + A e^{-t / \tau}",
    variables={
        "amplitude": AMPLITUDE,
        "time_constant_s": TIME_CONSTANT,
        "time_s": Variable("t", "s", "time since the start", NONNEGATIVE),
    },
    result=Result("k", "1", "rate at this moment over the steady rate"),
    validity=FIRST_ORDER,
    source="Lumped thermal model (Incropera and DeWitt).",
)
def transient_rate_factor(amplitude: Real, time_constant_s: Real, time_s: Real) -> Real:
    """Rate over steady rate while a machine heats up or warms up."""
    return 1.0 + amplitude * np.exp(-time_s / time_constant_s)


@formula(
    latex=r"k_m = 1 + \frac{A \tau}{M} \left(e^{-t_0 / \tau} - e^{-(t_0 + M) / \tau}\right)",
    variables={
        "amplitude": AMPLITUDE,
        "time_constant_s": TIME_CONSTANT,
        "discard_s": Variable("t_0", "s", "warm-up that is discarded", NONNEGATIVE),
        "measured_s": Variable("M", "s", "time measured after it", POSITIVE),
    },
    result=Result("k_m", "1", "measured mean rate over the steady rate"),
    validity=FIRST_ORDER,
    source="Mean of the lumped thermal model over the measured time.",
)
def transient_mean_factor(amplitude: Real, time_constant_s: Real, discard_s: Real, measured_s: Real) -> Real:
    """Mean rate that a run reports, over the rate that the machine sustains."""
    # exp(-t0/tau) - exp(-(t0+M)/tau) without cancellation for short runs.
    fading = -np.expm1(-measured_s / time_constant_s)
    return 1.0 + amplitude * time_constant_s / measured_s * np.exp(-discard_s / time_constant_s) * fading
