"""Storage of a training fleet: caches and placement, shared bandwidth, checkpoints that become durable."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Boolean,
    Real,
    Result,
    Variable,
    formula,
)

CACHED = Variable("c", "1", "capacity of the cache over the size of the data", NONNEGATIVE)
HITS = Result("h", "1", "share of the reads that the cache serves")
DATASET = Variable("D", "B", "size of the data set", NONNEGATIVE)
SHARE = Variable("s", "B/s", "bandwidth of the shared channel", POSITIVE)
READ_DEMAND = Variable("R", "B/s", "what the reader would take", NONNEGATIVE)
INTERVAL = Variable(r"\tau", "s", "time between saves", POSITIVE)


@formula(
    latex=r"h = \left\lfloor \min\left(1, c\right) \right\rfloor",
    variables={"cached_fraction": CACHED},
    result=HITS,
    validity="Least recently used (or first in, first out), repeated passes in one fixed order: a scan that is longer "
    "than the cache evicts every item just before its next use.",
    source="Course, Data Storage; stack distance: Mattson et al. 1970.",
)
def lru_hit_ratio_cyclic(cached_fraction: Real) -> Real:
    """Hits of an LRU cache under passes in the same order: none until everything fits."""
    return np.where(cached_fraction >= 1.0, 1.0, 0.0)


@formula(
    latex=r"h = c + \left(1 - c\right) \ln\left(1 - c\right)",
    # Beyond c = 1 everything fits; zero to the power of zero is one.
    sympy_latex=r"\min(1, c) + \ln((1 - \min(1, c))^{1 - \min(1, c)})",
    variables={"cached_fraction": CACHED},
    result=HITS,
    validity="Least recently used, a fresh random order for every pass, many items; 1 as soon as everything fits. "
    "A small cache gives half the square of c.",
    source="An item at position u of one pass and v of the next is reused at distance 1 - u(1 - v); integrated over "
    "both.",
)
def lru_hit_ratio_reshuffled(cached_fraction: Real) -> Real:
    """Hits of an LRU cache under passes in a fresh random order each."""
    inside = np.minimum(cached_fraction, 1.0)
    rest = 1.0 - inside
    logarithm = np.log1p(-np.where(rest > 0, inside, 0.0))
    return np.maximum(inside + rest * logarithm, 0.0)


@formula(
    latex=r"h = \min\left(1, c\right)",
    variables={"cached_fraction": CACHED},
    result=HITS,
    validity="A fixed part of the data stays where it is placed, and nothing is evicted.",
    source="Mohan et al., PVLDB 2021.",
)
def pinned_hit_ratio(cached_fraction: Real) -> Real:
    """Hits of a fixed placement: what is local is always local."""
    return np.minimum(1.0, cached_fraction)


@formula(
    latex=r"r = \min\left(\frac{B_l}{q + \left(1 - q\right) h}, \frac{B_r}{1 - h}\right)",
    variables={
        "hit_ratio": Variable("h", "1", "share of the reads served locally", FRACTION),
        "local_bandwidth_bytes_s": Variable("B_l", "B/s", "bandwidth of the local drives", POSITIVE),
        "remote_bandwidth_bytes_s": Variable("B_r", "B/s", "bandwidth of the remote storage", POSITIVE),
        "caches_misses": Variable("q", "1", "1: misses pass through the drives; 0: they bypass them", Boolean()),
    },
    result=Result("r", "B/s", "rate at which data arrives"),
    validity="Both tiers deliver in parallel, and reads are spread evenly; a tier that is not used sets no limit.",
    source="Bottleneck law over two tiers (course, Data Storage).",
)
def tiered_read_rate(
    hit_ratio: Real, local_bandwidth_bytes_s: Real, remote_bandwidth_bytes_s: Real, caches_misses: bool
) -> Real:
    """Read rate of local drives in front of remote storage."""
    through = np.where(caches_misses, 1.0, hit_ratio)
    missed = 1.0 - hit_ratio
    local = np.where(through > 0, local_bandwidth_bytes_s / np.where(through > 0, through, 1.0), np.inf)
    remote = np.where(missed > 0, remote_bandwidth_bytes_s / np.where(missed > 0, missed, 1.0), np.inf)
    return np.minimum(local, remote)


@formula(
    latex=r"B = \frac{N \eta D}{T}",
    variables={
        "gpus": Variable("N", "GPU", "accelerators that read", AT_LEAST_ONE),
        "utilization": Variable(r"\eta", "1", "share of the time that they work", POSITIVE_FRACTION),
        "batch_bytes": Variable("D", "B", "bytes of one accelerator's batch", NONNEGATIVE),
        "step_s": Variable("T", "s", "time of one step", POSITIVE),
    },
    result=Result("B", "B/s", "read bandwidth that keeps them at work"),
    validity="Averages; a loader must also hide the variance of single reads.",
    source="Data pipeline equation (course, Data Storage).",
)
def required_read_bandwidth(gpus: Real, utilization: Real, batch_bytes: Real, step_s: Real) -> Real:
    """Read bandwidth that accelerators need."""
    return gpus * utilization * batch_bytes / step_s


@formula(
    latex=r"f = \frac{q \max\left(0, T_d - T_c\right) + \left(1 - q\right) T_d}"
    r"{q \max\left(T_c, T_d\right) + \left(1 - q\right) \left(T_c + T_d\right)}",
    variables={
        "compute_s": Variable("T_c", "s", "time to compute a step", POSITIVE),
        "io_s": Variable("T_d", "s", "time to read its batch", NONNEGATIVE),
        "overlapped": Variable("q", "1", "1: reading runs beside computing; 0: they alternate", Boolean()),
    },
    result=Result("f", "1", "share of the step spent waiting for data"),
    validity="Steady state with constant times. Up to 2 % is healthy, more than 10 % a bottleneck.",
    source="Data stall ratio (course, Data Storage).",
)
def data_stall_fraction(compute_s: Real, io_s: Real, overlapped: bool) -> Real:
    """Share of a step that waits for data."""
    waits = np.where(overlapped, np.maximum(0.0, io_s - compute_s), io_s)
    step = np.where(overlapped, np.maximum(compute_s, io_s), compute_s + io_s)
    return waits / step


@formula(
    latex=r"d = \left\lceil \frac{T_{99}}{T_c} \right\rceil",
    variables={
        "p99_io_s": Variable("T_{99}", "s", "99th percentile of the time to read a batch", NONNEGATIVE),
        "compute_s": Variable("T_c", "s", "time to compute a step", POSITIVE),
    },
    result=Result("d", "batches", "batches to read ahead", kind="integer"),
    validity="Hides the variance of reads. No depth hides a supply that is below the demand on average.",
    source="Pipelining and prefetching (course, Data Storage).",
)
def prefetch_depth(p99_io_s: Real, compute_s: Real) -> Real:
    """Batches to read ahead, so that a slow read stalls no step."""
    return np.ceil(p99_io_s / compute_s)


@formula(
    latex=r"V = C \left\lfloor \frac{D}{\tau} \right\rfloor",
    variables={
        "checkpoint_bytes": Variable("C", "B", "size of a checkpoint", NONNEGATIVE),
        "duration_s": Variable("D", "s", "length of the run", NONNEGATIVE),
        "interval_s": INTERVAL,
    },
    result=Result("V", "B", "bytes written for checkpoints"),
    validity="Full checkpoints at fixed times; incremental ones write less.",
    source="Course, Data Storage: checkpoint storage.",
)
def checkpoint_volume_bytes(checkpoint_bytes: Real, duration_s: Real, interval_s: Real) -> Real:
    """Bytes that the checkpoints of a run write."""
    return checkpoint_bytes * np.floor(duration_s / interval_s)


@formula(
    latex=r"B_w = s - \min\left(R, \frac{s}{2}\right)",
    variables={"share_bytes_s": SHARE, "read_demand_bytes_s": READ_DEMAND},
    result=Result("B_w", "B/s", "what a checkpoint storm writes"),
    validity="One reader and one greedy writer on one channel, shared fairly (max-min): the reader keeps at most half.",
    source="Max-min fairness: Bertsekas and Gallager 1992.",
)
def storm_write_bandwidth(share_bytes_s: Real, read_demand_bytes_s: Real) -> Real:
    """Write bandwidth of a checkpoint storm beside a reader."""
    return share_bytes_s - np.minimum(read_demand_bytes_s, share_bytes_s / 2.0)


@formula(
    latex=r"B_m = \left(1 - \min\left(1, q\right)\right) \min\left(R, s\right) "
    r"+ \min\left(1, q\right) \min\left(R, \frac{s}{2}\right)",
    variables={
        "share_bytes_s": SHARE,
        "read_demand_bytes_s": READ_DEMAND,
        "storm_duty": Variable("q", "1", "write time over time between saves", NONNEGATIVE),
    },
    result=Result("B_m", "B/s", "mean read bandwidth"),
    validity="Time average over the cycle of saves; loaders buffer enough to use the average.",
    source="Max-min fairness (Bertsekas and Gallager 1992), averaged over time.",
)
def mean_read_bandwidth(share_bytes_s: Real, read_demand_bytes_s: Real, storm_duty: Real) -> Real:
    """Mean bandwidth of a reader that shares its channel with checkpoint storms."""
    duty = np.minimum(1.0, storm_duty)
    calm = np.minimum(read_demand_bytes_s, share_bytes_s)
    storm = np.minimum(read_demand_bytes_s, share_bytes_s / 2.0)
    return (1.0 - duty) * calm + duty * storm


@formula(
    latex=r"f = \min\left(1, \frac{\delta}{\tau}\right)",
    variables={
        "pause_s": Variable(r"\delta", "s", "time that a save stops training", NONNEGATIVE),
        "interval_s": INTERVAL,
    },
    result=Result("f", "1", "share of the time spent saving"),
    validity="Saves start at fixed times; work that is repeated after failures is not counted.",
    source="Course, Data Storage: checkpoint storage.",
)
def checkpoint_pause_fraction(pause_s: Real, interval_s: Real) -> Real:
    """Share of the time that saves stop training."""
    return np.minimum(1.0, pause_s / interval_s)


@formula(
    latex=r"P = \tau + T_w",
    variables={
        "interval_s": Variable(r"\tau", "s", "time between saves", NONNEGATIVE),
        "durable_write_s": Variable("T_w", "s", "time until a checkpoint is on durable storage", NONNEGATIVE),
    },
    result=Result("P", "s", "age of the newest durable state, at worst"),
    validity="Every write ends before the next save; otherwise nothing becomes durable.",
    source="A failure just before a write ends falls back on the save before it.",
)
def recovery_point_s(interval_s: Real, durable_write_s: Real) -> Real:
    """Most work that a failure can cost."""
    return interval_s + durable_write_s


@formula(
    latex=r"T = \frac{D}{B_f} + \left(E - 1\right) \frac{D}{B_l}",
    variables={
        "dataset_bytes": DATASET,
        "epochs": Variable("E", "1", "passes over the data set", AT_LEAST_ONE),
        "fill_bandwidth_bytes_s": Variable("B_f", "B/s", "bandwidth of the first pass", POSITIVE),
        "local_bandwidth_bytes_s": Variable("B_l", "B/s", "bandwidth of the later passes", POSITIVE),
    },
    result=Result("T", "s", "time of all passes"),
    validity="The data fits on the local drives; the first pass trains while it fills them.",
    source="Size over bandwidth, pass by pass (course, Data Storage).",
)
def staged_run_time(
    dataset_bytes: Real, epochs: Real, fill_bandwidth_bytes_s: Real, local_bandwidth_bytes_s: Real
) -> Real:
    """Time of a run whose first pass stages the data."""
    return dataset_bytes / fill_bandwidth_bytes_s + (epochs - 1.0) * dataset_bytes / local_bandwidth_bytes_s


@formula(
    latex=r"g = \frac{D}{J}",
    variables={
        "data_bytes": Variable("D", "B", "data that the job reads", NONNEGATIVE),
        "job_bytes": Variable("J", "B", "what must move to run the job elsewhere", POSITIVE),
    },
    result=Result("g", "1", "how much heavier the data is"),
    validity="Both would travel over the same line.",
    source="Data gravity: McCrory 2010; Gray 2003.",
)
def data_gravity_ratio(data_bytes: Real, job_bytes: Real) -> Real:
    """How many times heavier the data is than the job that reads it."""
    return data_bytes / job_bytes


@formula(
    latex=r"E = \frac{K_s}{K_e}",
    variables={
        "stage_cost_per_run": Variable("K_s", "USD", "cost of staging the data once", POSITIVE),
        "stream_cost_per_epoch": Variable("K_e", "USD", "cost of streaming it in one pass", POSITIVE),
    },
    result=Result("E", "1", "passes from which staging is cheaper"),
    validity="Costs that do not depend on the number of passes otherwise.",
    source="Storage economics, egress example (course, Data Storage).",
)
def staging_breakeven_epochs(stage_cost_per_run: Real, stream_cost_per_epoch: Real) -> Real:
    """Passes from which staging costs less than streaming."""
    return stage_cost_per_run / stream_cost_per_epoch


CachePolicy = Literal["fixed", "reshuffled", "pinned"]


@dataclass(frozen=True)
class CacheTrace:
    """Reads of a small data set through a cache, pass after pass, after the cache has been warmed.

    Attributes:
        item: the item that each read wants, from 0 on.
        hit: whether the cache held it.
        resident: what the cache held before each read, of the shape (items, reads).
    """

    item: npt.NDArray[np.int_]
    hit: npt.NDArray[np.bool_]
    resident: npt.NDArray[np.bool_]


def simulate_cache(items: int, capacity: int, passes: int, policy: CachePolicy, seed: int = 0) -> CacheTrace:
    """Reads every item once a pass through a cache: LRU in a "fixed" or "reshuffled" order, or "pinned" in part.

    Args:
        items: items of the data set.
        capacity: items that the cache holds.
        passes: passes to record; one more warms the cache.
        policy: order of the reads under LRU, or fixed placement.
        seed: of the random orders.
    """
    generator = np.random.default_rng(seed)
    held: OrderedDict[int, None] = OrderedDict.fromkeys(range(capacity) if policy == "pinned" else ())
    order = np.arange(items)
    wanted: list[int] = []
    hits: list[bool] = []
    resident: list[npt.NDArray[np.bool_]] = []
    for turn in range(passes + 1):
        if policy == "reshuffled":
            order = generator.permutation(items)
        for item in order.tolist():
            if turn:
                wanted.append(item)
                hits.append(item in held)
                resident.append(np.isin(np.arange(items), list(held)))
            if policy == "pinned" or not capacity:
                continue
            held.pop(item, None)
            held[item] = None
            if len(held) > capacity:
                held.popitem(last=False)
    return CacheTrace(np.array(wanted), np.array(hits), np.array(resident).T)
