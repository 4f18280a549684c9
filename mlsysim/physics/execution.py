"""Host and device: a queue of kernels that one fills and the other empties, and what compiling is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import (
    COUNT,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Boolean,
    Real,
    Result,
    Variable,
    formula,
)

OPS = Variable("N", "1", "operations, one kernel each", NONNEGATIVE)
DISPATCH = Variable("t_d", "s", "framework dispatch per operation", NONNEGATIVE)
LAUNCH = Variable("t_l", "s", "launch per kernel", NONNEGATIVE)
DEVICE = Variable("D", "s", "time of all kernels on the device", NONNEGATIVE)
BUSY_DEVICE = Variable("D", "s", "time of all kernels on the device", POSITIVE)
OVERLAP = Variable("q", "1", "1: the host runs ahead and fills a queue; 0: it waits after every operation", Boolean())
COMPILE = Variable("T_c", "s", "time to compile", NONNEGATIVE)
EAGER_ITEM = Variable("t_e", "s", "time per item, eager", NONNEGATIVE)
COMPILED_ITEM = Variable("t_k", "s", "time per item, compiled", NONNEGATIVE)

LAW = "Dispatch overhead law (course, ML Frameworks)."


@formula(
    latex=r"H = N \left(t_d + t_l\right)",
    variables={"ops": OPS, "dispatch_s": DISPATCH, "launch_s": LAUNCH},
    result=Result("H", "s", "time of the host for one pass"),
    validity="One kernel per operation and the same cost for each; without dispatch it is the launches of a compiled "
    "program.",
    source=LAW,
)
def host_time(ops: Real, dispatch_s: Real, launch_s: Real) -> Real:
    """Time that the host needs to dispatch and launch every operation of a pass."""
    return ops * (dispatch_s + launch_s)


@formula(
    latex=r"D = \max\left(\frac{\tau P b}{\mathrm{BW}}, \frac{2 P B}{\eta R}\right)",
    variables={
        "params": Variable("P", "parameter", "weights that a step reads", NONNEGATIVE),
        "bytes_per_weight": Variable("b", "B", "bytes per weight", POSITIVE),
        "bandwidth_bytes_s": Variable(r"\mathrm{BW}", "B/s", "memory bandwidth", POSITIVE),
        "batch": Variable("B", "1", "sequences decoded together", COUNT),
        "peak_flop_s": Variable("R", "FLOP/s", "dense peak arithmetic rate", POSITIVE),
        "compute_efficiency": Variable(r"\eta", "1", "share of the peak that the kernels reach", POSITIVE_FRACTION),
        "time_factor": Variable(r"\tau", "1", "factor on the time of reading", POSITIVE),
    },
    result=Result("D", "s", "device time of one decode step"),
    validity="One token per sequence. Weights only: the traffic of the key-value cache comes on top.",
    source="Roofline: Williams, Waterman and Patterson 2009.",
)
def weight_gemm_time(
    params: Real,
    bytes_per_weight: Real,
    bandwidth_bytes_s: Real,
    batch: Real,
    peak_flop_s: Real,
    compute_efficiency: Real = 1.0,
    time_factor: Real = 1.0,
) -> Real:
    """Device time of a decode step: the weights are read once, and every sequence does two operations with each."""
    return np.maximum(
        time_factor * params * bytes_per_weight / bandwidth_bytes_s,
        2.0 * params * batch / (compute_efficiency * peak_flop_s),
    )


@formula(
    latex=r"T = q \max\left(N \left(t_d + t_l\right), D\right) + \left(1 - q\right) \left(N \left(t_d + t_l\right) + D"
    r"\right)",
    variables={"ops": OPS, "dispatch_s": DISPATCH, "launch_s": LAUNCH, "device_s": DEVICE, "overlap": OVERLAP},
    result=Result("T", "s", "time of one eager pass"),
    validity="The queue form is exact up to one kernel while each kernel is shorter, or each longer, than its host "
    "cost. The sum is what a synchronise after every operation costs.",
    source=LAW,
)
def eager_step_time(ops: Real, dispatch_s: Real, launch_s: Real, device_s: Real, overlap: bool) -> Real:
    """Time of a pass: the slower of host and device where they overlap, their sum where they take turns."""
    host = host_time(ops, dispatch_s, launch_s)
    return np.where(overlap, np.maximum(host, device_s), host + device_s)


@formula(
    latex=r"\rho = \frac{N \left(t_d + t_l\right)}{D}",
    variables={"ops": OPS, "dispatch_s": DISPATCH, "launch_s": LAUNCH, "device_s": BUSY_DEVICE},
    result=Result(r"\rho", "1", "overhead ratio"),
    validity="Above 1 the host sets the pace, below 1 the device does.",
    source=LAW,
)
def dispatch_overhead_ratio(ops: Real, dispatch_s: Real, launch_s: Real, device_s: Real) -> Real:
    """Host time over device time."""
    return host_time(ops, dispatch_s, launch_s) / device_s


@formula(
    latex=r"u = \frac{D}{T}",
    sympy_latex=r"\frac{D}{q \max\left(N (t_d + t_l), D\right) + (1 - q) \left(N (t_d + t_l) + D\right)}",
    variables={"ops": OPS, "dispatch_s": DISPATCH, "launch_s": LAUNCH, "device_s": BUSY_DEVICE, "overlap": OVERLAP},
    result=Result("u", "1", "share of the time in which the device works"),
    validity="T is the time of the pass. Busy is not efficient: a kernel may wait for memory while it runs.",
    source=LAW,
)
def gpu_busy_fraction(ops: Real, dispatch_s: Real, launch_s: Real, device_s: Real, overlap: bool) -> Real:
    """Device time over the time of the pass."""
    return device_s / eager_step_time(ops, dispatch_s, launch_s, device_s, overlap)


@formula(
    latex=r"r = \frac{m_u}{m_f}",
    variables={
        "trips_unfused": Variable("m_u", "1", "reads and writes of the tensor by separate kernels", COUNT),
        "trips_fused": Variable("m_f", "1", "reads and writes by the fused kernel", COUNT),
    },
    result=Result("r", "1", "times that fusing divides the traffic"),
    validity="Element-wise chains: intermediate values stay in registers, the tensor does not fit into a cache.",
    source="Kernel fusion (course, ML Frameworks).",
)
def fusion_traffic_ratio(trips_unfused: Real, trips_fused: Real = 2.0) -> Real:
    """How many times less memory traffic a fused chain of operations makes. A trip is one read or one write."""
    return trips_unfused / trips_fused


@formula(
    latex=r"T = \left(n - f \left(n - 1\right)\right) \max\left(t_m, \frac{2 v b}{\mathrm{BW}}\right)",
    variables={
        "ops": Variable("n", "1", "element-wise operations in a row", COUNT),
        "values": Variable("v", "1", "values of the tensor", NONNEGATIVE),
        "bytes_per_value": Variable("b", "B", "bytes of one value", POSITIVE),
        "bandwidth_bytes_s": Variable(r"\mathrm{BW}", "B/s", "memory bandwidth", POSITIVE),
        "per_kernel_s": Variable("t_m", "s", "least time of a kernel: its dispatch and launch", NONNEGATIVE),
        "fused": Variable("f", "1", "1: one fused kernel; 0: one kernel per operation", Boolean()),
    },
    result=Result("T", "s", "time of the chain"),
    validity="Each kernel reads and writes the tensor once. Fusing n operations gives n-fold in both regimes.",
    source="Kernel fusion (course, ML Frameworks).",
)
def elementwise_chain_time(
    ops: Real, values: Real, bytes_per_value: Real, bandwidth_bytes_s: Real, per_kernel_s: Real, fused: bool
) -> Real:
    """Time of a chain of element-wise operations as separate kernels, or as a fused one."""
    kernels = np.where(fused, 1.0, ops)
    return kernels * np.maximum(per_kernel_s, 2.0 * values * bytes_per_value / bandwidth_bytes_s)


@formula(
    latex=r"N_{be} = \frac{T_c}{t_e - t_k}",
    variables={"compile_s": COMPILE, "eager_item_s": EAGER_ITEM, "compiled_item_s": COMPILED_ITEM},
    result=Result("N_{be}", "1", "items after which compiling has paid"),
    validity="Infinite where the compiled program is not faster.",
    source="Compilation continuum principle (course, ML Frameworks).",
)
def compile_breakeven_items(compile_s: Real, eager_item_s: Real, compiled_item_s: Real) -> Real:
    """Items that have to pass before the time saved on each repays the time to compile."""
    saved = eager_item_s - compiled_item_s
    return np.where(saved > 0, compile_s / saved, np.inf)


@formula(
    latex=r"\beta = \frac{n_p \left(t_e - t_k\right)}{T_c \left(1 + n_d\right)}",
    variables={
        "n_prod": Variable("n_p", "1", "items in production per compiled version", NONNEGATIVE),
        "n_dev": Variable("n_d", "1", "further compilations of the version while it is developed", NONNEGATIVE),
        "eager_item_s": EAGER_ITEM,
        "compiled_item_s": COMPILED_ITEM,
        "compile_s": Variable("T_c", "s", "time to compile", POSITIVE),
    },
    result=Result(r"\beta", "1", "time saved over time spent"),
    validity="Compile where it exceeds 1. Negative where the compiled program is slower.",
    source="Compilation continuum principle (course, ML Frameworks).",
)
def compilation_benefit(n_prod: Real, n_dev: Real, eager_item_s: Real, compiled_item_s: Real, compile_s: Real) -> Real:
    """Seconds saved in production per second spent on compiling."""
    return n_prod * (eager_item_s - compiled_item_s) / (compile_s * (1.0 + n_dev))


@dataclass(frozen=True)
class DispatchSchedule:
    """Host and device over time (s): one entry per launch on the host, one per kernel on the device.

    Attributes:
        dispatch_start: when the framework takes up an operation.
        dispatch_end: when it is dispatched, and its launch begins.
        launch_end: when the launch has reached the device.
        start: when a kernel begins on the device.
        end: when it ends.
    """

    dispatch_start: npt.NDArray[Any]
    dispatch_end: npt.NDArray[Any]
    launch_end: npt.NDArray[Any]
    start: npt.NDArray[Any]
    end: npt.NDArray[Any]

    @property
    def makespan(self) -> float:
        """When the last kernel ends (s)."""
        return float(self.end[-1])


def dispatch_schedule(
    kernels: int, dispatch_s: float, launch_s: float, kernel_s: float, *, overlap: bool = True, replay: bool = False
) -> DispatchSchedule:
    """The first kernels of a pass: a first-in, first-out queue from host to device, kernels of equal length.

    Args:
        kernels: how many, at least 1.
        dispatch_s: framework dispatch per operation; 0 in a compiled program.
        launch_s: launch per kernel, or of the whole graph.
        kernel_s: one kernel on the device.
        overlap: the host runs ahead; otherwise it waits for each kernel.
        replay: one launch releases all kernels of a recorded graph.
    """
    if kernels < 1:
        raise ValueError(f"kernels must be an integer >= 1, got {kernels!r}")
    for name, value in (("dispatch_s", dispatch_s), ("launch_s", launch_s), ("kernel_s", kernel_s)):
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} must be >= 0 (s), got {value!r}")
    index = np.arange(kernels)
    period = dispatch_s + launch_s + (0.0 if overlap else kernel_s)
    begun = index[:1] * period if replay else index * period
    launched = begun + dispatch_s + launch_s
    ready = np.full(kernels, launched[0]) if replay else launched
    # A kernel starts when it has been launched and its predecessor is done.
    end = np.maximum.accumulate(ready - index * kernel_s) + (index + 1) * kernel_s
    return DispatchSchedule(begun, begun + dispatch_s, launched, end - kernel_s, end)
