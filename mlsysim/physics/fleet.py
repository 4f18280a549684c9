"""One training step and one run of a synchronous fleet: the fleet law, and the size beyond which it turns."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    Interval,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

COMPUTE = Variable("T_{comp}", "s", "computation of one step on this many GPUs", NONNEGATIVE)
COMM = Variable("T_{comm}", "s", "communication of one step before overlap", NONNEGATIVE)


@formula(
    latex=r"T_{sync} = \mu v \sqrt{2 \ln N}",
    variables={
        "mean_s": Variable(r"\mu", "s", "mean step time of one worker", NONNEGATIVE),
        "cv": Variable("v", "1", "standard deviation over mean of one worker", Interval(0.0, 1.0, high_open=True)),
        "workers": Variable("N", "1", "workers that meet at the barrier", AT_LEAST_ONE),
    },
    result=Result("T_{sync}", "s", "wait for the slowest worker"),
    validity="Upper bound for the mean of the largest of N Gaussian times; real tails are heavier. Zero for one.",
    source="Boucheron, Lugosi and Massart 2013, 2.5.",
)
def straggler_wait(mean_s: Real, cv: Real, workers: Real) -> Real:
    """Time that a barrier waits for its slowest worker."""
    return mean_s * cv * np.sqrt(2.0 * np.log(workers))


@formula(
    latex=r"T_{ovl} = \min\left(\phi T_{comm}, h T_{comp}\right)",
    variables={
        "comm_s": COMM,
        "compute_s": COMPUTE,
        "overlap_fraction": Variable(r"\phi", "1", "share of the communication that runs beside computation", FRACTION),
        "hideable_fraction": Variable("h", "1", "share of the computation that it can hide behind", FRACTION),
    },
    result=Result("T_{ovl}", "s", "communication that computation hides"),
    validity="First order: hidden traffic slows no computation down.",
    source="Overlap term of the fleet law (course, Introduction to Volume 2), bounded by the computation there is.",
)
def overlap_credit(comm_s: Real, compute_s: Real, overlap_fraction: Real, hideable_fraction: Real) -> Real:
    """Communication time that disappears behind computation."""
    return np.minimum(overlap_fraction * comm_s, hideable_fraction * compute_s)


@formula(
    latex=r"T_{step} = T_{comp} + T_{comm} + T_{sync} - T_{ovl}",
    variables={
        "compute_s": COMPUTE,
        "comm_s": COMM,
        "sync_s": Variable("T_{sync}", "s", "coordination: waiting for others", NONNEGATIVE),
        "overlap_s": Variable("T_{ovl}", "s", "communication that computation hides", NONNEGATIVE),
    },
    result=Result("T_{step}", "s", "step time"),
    validity="Synchronous training; all terms at the size of the fleet. No more can be hidden than is sent.",
    source="Fleet law (course, Introduction to Volume 2).",
)
def fleet_step_time(compute_s: Real, comm_s: Real, sync_s: Real, overlap_s: Real) -> Real:
    """Step time of a synchronous fleet: computation, exposed communication, coordination."""
    require_at_most("overlap_s", overlap_s, "comm_s", comm_s, "no more can be hidden than is sent")
    return compute_s + comm_s + sync_s - overlap_s


@formula(
    latex=r"f = \frac{T_{comp}}{T_{step}}",
    variables={"compute_s": COMPUTE, "step_s": Variable("T_{step}", "s", "step time", POSITIVE)},
    result=Result("f", "1", "share of a step that is computation"),
    validity="Below one half more than half of the silicon waits.",
    source="Fleet law (course, Introduction to Volume 2).",
)
def compute_fraction(compute_s: Real, step_s: Real) -> Real:
    """Share of a step in which GPUs compute."""
    require_at_most("compute_s", compute_s, "step_s", step_s, "computation is a part of the step")
    return compute_s / step_s


@formula(
    latex=r"H = \frac{N t}{3600}",
    variables={
        "gpus": Variable("N", "1", "GPUs", NONNEGATIVE),
        "duration_s": Variable("t", "s", "time for which they are held", NONNEGATIVE),
    },
    result=Result("H", "hour", "GPU-hours"),
    validity="All GPUs are held, and paid for, the whole time.",
    source="Definition.",
)
def gpu_hours(gpus: Real, duration_s: Real) -> Real:
    """GPU-hours that a fleet costs."""
    return gpus * duration_s / 3600.0


@formula(
    latex=r"N^{*} = \sqrt{\frac{W m}{C L}}",
    variables={
        "work_gpu_s": Variable("W", "s", "work of one step in GPU-seconds", POSITIVE),
        "exposed_comm_s": Variable("C", "s", "exposed communication of one step", POSITIVE),
        "component_mtbf_s": Variable("m", "s", "mean time between failures of one GPU", POSITIVE),
        "lost_time_s": Variable("L", "s", "time lost per interruption", POSITIVE),
    },
    result=Result("N^{*}", "1", "GPUs beyond which the run gets longer"),
    validity="Minimum of (W/N + C)(1 + N L/m): fixed work per step, communication that does not depend on N, "
    "coordination left out.",
    source="Fleet law with the renewal loss of failures, derivative in N set to zero.",
)
def fleet_size_optimum(work_gpu_s: Real, exposed_comm_s: Real, component_mtbf_s: Real, lost_time_s: Real) -> Real:
    """Size of a fleet beyond which one more GPU makes the run longer."""
    return np.sqrt(work_gpu_s * component_mtbf_s / (exposed_comm_s * lost_time_s))
