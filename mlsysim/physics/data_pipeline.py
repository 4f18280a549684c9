"""Feeding an accelerator, moving data: rates of stages, what the slowest does to the rest, what bytes cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    COUNT,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Real,
    Result,
    Variable,
    formula,
)

BYTES_PER_GB = 1e9


@formula(
    latex=r"s = \frac{\mathrm{BW}}{b}",
    variables={
        "bandwidth_bytes_s": Variable(r"\mathrm{BW}", "B/s", "read bandwidth of the storage", NONNEGATIVE),
        "bytes_per_item": Variable("b", "B", "bytes read per item", POSITIVE),
    },
    result=Result("s", "item/s", "items that the storage supplies"),
    validity="Large sequential reads. Small random reads are slower; object stores need many connections at once.",
    source="Rate is bandwidth over size (course, Data Engineering: the feeding problem).",
)
def supply_rate(bandwidth_bytes_s: Real, bytes_per_item: Real) -> Real:
    """Items per second that a storage device delivers."""
    return bandwidth_bytes_s / bytes_per_item


@formula(
    latex=r"d = w r_w",
    variables={
        "workers": Variable("w", "1", "loader processes, one core each", COUNT),
        "items_s_per_worker": Variable("r_w", "item/s", "items that one worker decodes", POSITIVE),
    },
    result=Result("d", "item/s", "items that the loader decodes"),
    validity="A core for every worker, and memory bandwidth to spare. Formats stored decoded have no such stage.",
    source="Parallel workers without shared work; stalls measured by Mohan et al., PVLDB 2021.",
)
def decode_rate(workers: Real, items_s_per_worker: Real) -> Real:
    """Items per second that the loader's workers decode."""
    return workers * items_s_per_worker


@formula(
    latex=r"a = \frac{n R \eta}{F}",
    variables={
        "peak_flop_s": Variable("R", "FLOP/s", "peak rate of one device", POSITIVE),
        "efficiency": Variable(r"\eta", "1", "share of the peak that the model reaches when fed", POSITIVE_FRACTION),
        "flop_per_item": Variable("F", "FLOP", "arithmetic per item", POSITIVE),
        "devices": Variable("n", "1", "devices that share the work", COUNT),
    },
    result=Result("a", "item/s", "items that the accelerators consume when fed"),
    validity="Data parallelism whose communication hides behind the arithmetic.",
    source="Compute term of the iron law (course, ML Systems), as a rate.",
)
def accelerator_demand(peak_flop_s: Real, efficiency: Real, flop_per_item: Real, devices: Real) -> Real:
    """Items per second that fully fed accelerators consume."""
    return devices * peak_flop_s * efficiency / flop_per_item


@formula(
    latex=r"X = \min_i r_i",
    variables={
        "stage_items_s": Variable("r_i", "item/s", "rates of the stages", POSITIVE, vector=True),
    },
    result=Result("X", "item/s", "throughput of overlapped stages"),
    validity="Steady state with prefetching: every stage works on another batch at the same time.",
    source="Bottleneck law (course, Data Engineering).",
)
def pipeline_throughput(stage_items_s: npt.NDArray[np.float64]) -> Real:
    """Throughput of stages that overlap: the slowest sets the pace."""
    return np.min(stage_items_s, axis=-1)


@formula(
    latex=r"X = \frac{1}{\sum_i 1 / r_i}",
    variables={
        "stage_items_s": Variable("r_i", "item/s", "rates of the stages", POSITIVE, vector=True),
    },
    result=Result("X", "item/s", "throughput of stages in turn"),
    validity="No prefetching: one batch passes all stages before the next one starts.",
    source="Times of stages add up (course, Data Engineering).",
)
def serial_throughput(stage_items_s: npt.NDArray[np.float64]) -> Real:
    """Throughput of stages that wait for each other: their times add up."""
    return 1.0 / np.sum(1.0 / stage_items_s, axis=-1)


@formula(
    latex=r"f = 1 - \min\left(\frac{s}{d}, 1\right)",
    variables={
        "supply_items_s": Variable("s", "item/s", "items that arrive", NONNEGATIVE),
        "demand_items_s": Variable("d", "item/s", "items that the accelerators would consume", POSITIVE),
    },
    result=Result("f", "1", "share of the accelerators' time spent waiting for data"),
    validity="Steady state. Utilisation is what is left of one.",
    source="Feeding tax (course, Data Engineering); data stalls: Mohan et al., PVLDB 2021.",
)
def feeding_tax(supply_items_s: Real, demand_items_s: Real) -> Real:
    """Share of paid accelerator time that waits for data."""
    return 1.0 - np.minimum(supply_items_s / demand_items_s, 1.0)


@formula(
    latex=r"T = \frac{e N}{X}",
    variables={
        "items": Variable("N", "item", "items of the data set", NONNEGATIVE),
        "epochs": Variable("e", "1", "passes over the data set", NONNEGATIVE),
        "items_s": Variable("X", "item/s", "training throughput", POSITIVE),
    },
    result=Result("T", "s", "training time"),
    validity="Steady throughput; start-up, evaluation and restarts are left out.",
    source="Work over rate (course, Data Engineering).",
)
def training_time(items: Real, epochs: Real, items_s: Real) -> Real:
    """Time to pass over a data set some number of times."""
    return epochs * items / items_s


@formula(
    latex=r"q = \min\left(1, \frac{1}{r u}\right)",
    variables={
        "reduction_factor": Variable("r", "1", "data before over data after the filter", AT_LEAST_ONE),
        "unique_fraction": Variable("u", "1", "share of the items that repeat no other", POSITIVE_FRACTION),
    },
    result=Result("q", "1", "share of the unique items that survives"),
    validity="A filter that drops every duplicate before the first unique item; a real one errs both ways.",
    source="Counting (course, Data Engineering: data gravity and deduplication).",
)
def unique_retained(reduction_factor: Real, unique_fraction: Real) -> Real:
    """Share of unique items left after a filter that drops duplicates first."""
    return np.minimum(1.0, 1.0 / (reduction_factor * unique_fraction))


@formula(
    latex=r"B = \max\left(0, \frac{G}{r} - \beta t\right)",
    variables={
        "generated_bytes_day": Variable("G", "B", "bytes generated a day", NONNEGATIVE),
        "reduction_factor": Variable("r", "1", "data before over data after the filter", AT_LEAST_ONE),
        "uplink_bytes_s": Variable(r"\beta", "B/s", "sustained rate of the uplink", NONNEGATIVE),
        "upload_s_day": Variable("t", "s", "seconds of upload a day", NONNEGATIVE),
    },
    result=Result("B", "B", "growth of the backlog a day"),
    validity="Daily totals; what happens within a day is left out.",
    source="Conservation of bytes (course, Data Engineering).",
)
def backlog_growth(generated_bytes_day: Real, reduction_factor: Real, uplink_bytes_s: Real, upload_s_day: Real) -> Real:
    """Bytes a day that are kept and cannot be uploaded."""
    return np.maximum(0.0, generated_bytes_day / reduction_factor - uplink_bytes_s * upload_s_day)


@formula(
    latex=r"C = \frac{p n}{10^{9}}",
    variables={
        "bytes": Variable("n", "B", "bytes that leave", NONNEGATIVE),
        "usd_per_gb": Variable("p", "USD/GB", "price of a decimal gigabyte", NONNEGATIVE),
    },
    result=Result("C", "USD", "cost of the transfer"),
    validity="A flat price per decimal gigabyte; list prices fall with volume.",
    source="List prices of cloud providers (course, Data Engineering: data gravity).",
)
def egress_cost(bytes: Real, usd_per_gb: Real) -> Real:
    """Price of data that leaves a provider."""
    return bytes / BYTES_PER_GB * usd_per_gb


def loader_schedule(
    stage_s: Sequence[float], batches: int, *, prefetch: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """When each stage works on each batch, from a cold start.

    With prefetching a stage starts a batch as soon as it holds it, is free itself, and the next stage has taken the
    batch before (a buffer of one batch between stages). Without, a batch passes all stages before the next starts.

    Args:
        stage_s: time of each stage for one batch (s), in the order of the pipeline.
        batches: number of batches, at least one.
        prefetch: whether the stages overlap.

    Returns:
        Starts and ends (s), each of the shape (stages, batches).
    """
    starts = np.zeros((len(stage_s), batches))
    ends = np.zeros_like(starts)
    last = len(stage_s) - 1
    for k in range(batches):
        for i, time_s in enumerate(stage_s):
            ready = [ends[i - 1, k] if i else 0.0]
            if k:
                ready.append(ends[i, k - 1])
                if prefetch and i < last:
                    ready.append(starts[i + 1, k - 1])
                if not prefetch and i == 0:
                    ready.append(ends[last, k - 1])
            starts[i, k] = max(ready)
            ends[i, k] = starts[i, k] + time_s
    return starts, ends
