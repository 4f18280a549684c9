"""Cost of the physics: a sweep of a million points, and one scalar call.

Run with ``python -m tests.benchmarks.bench_physics``.  Both are compared with plain Python that knows the
equation and checks nothing: a loop over the points, and one call of the same function.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mlsysim.physics import (
    average_power,
    batched_fleet_p99,
    dm1_sigma,
    exact_checkpoint_interval,
    iron_law_latency,
    mm1_latency_percentile,
    mmc_latency_percentile,
    ring_allreduce_time,
    three_d_step,
    young_interval,
)

POINTS = 1_000_000
LOOP_POINTS = 100_000
REPEATS = 5

Plain = Callable[[float], float]


def _plain_young(mtbf: float) -> float:
    return math.sqrt(2.0 * 120.0 * mtbf)


def _plain_iron(data: float) -> float:
    return data / 3.35e12 + 3e9 / 989e12 + 2e-4


def _plain_power(period: float) -> float:
    return 1e-5 + (0.1 - 1e-5) * 0.5 / period


def _plain_ring(message: float) -> float:
    return 2 * 127 / 128 * message / 50e9 + 2 * 127 * 2e-6


def _plain_mm1(utilization: float) -> float:
    return 0.01 * math.log(100.0) / (1.0 - utilization)


def _plain_sigma(utilization: float) -> float:
    low, high = 0.0, 1.0 - 1e-12
    while high - low > 1e-12:
        middle = 0.5 * (low + high)
        if math.exp(-(1 - middle) / utilization) > middle:
            low = middle
        else:
            high = middle
    return low


CASES: list[tuple[str, Callable[[Any], Any], Plain | None, tuple[float, float]]] = [
    ("young_interval", lambda x: young_interval(120.0, x), _plain_young, (1e3, 1e8)),
    ("iron_law_latency", lambda x: iron_law_latency(x, 3.35e12, 3e9, 989e12, 2e-4), _plain_iron, (1e6, 1e11)),
    ("average_power", lambda x: average_power(0.1, 1e-5, 0.5, x), _plain_power, (1.0, 1e4)),
    ("ring_allreduce_time", lambda x: ring_allreduce_time(x, 128, 50e9, 2e-6), _plain_ring, (1e3, 1e12)),
    ("mm1_latency_percentile", lambda x: mm1_latency_percentile(0.01, x, 0.99), _plain_mm1, (0.01, 0.95)),
    ("dm1_sigma", dm1_sigma, _plain_sigma, (0.05, 0.95)),
    ("exact_checkpoint_interval", lambda x: exact_checkpoint_interval(120.0, x), None, (1e3, 1e8)),
    ("mmc_latency_percentile", lambda x: mmc_latency_percentile(x, 0.0098, 10, 0.99), None, (1.0, 1000.0)),
]


def _best(run: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Shortest of a few runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _per_call(function: Callable[[float], Any], x: float, calls: int = 2000) -> float:
    def loop() -> None:
        for _ in range(calls):
            function(x)

    return _best(loop) / calls


def _composites() -> None:
    replicas, batches = np.arange(1, 65), np.array([[1], [2], [4], [8], [16], [32]])
    fleet = _best(
        lambda: batched_fleet_p99(5000.0, batches, replicas, 0.005, 0.0006, "shared_queue", "exponential", 0.99)
    )
    tp, pp = np.array([[1], [2], [4], [8], [16]]), np.array([1, 2, 4, 8, 16, 32])

    def step_map() -> Any:
        return three_d_step(
            params=175e9,
            layers=96,
            width=12_288,
            seq_len=2048,
            global_batch_seqs=1024,
            tp=tp,
            pp=pp,
            dp=1024 / (tp * pp),
            microbatch_seqs=1,
            zero_stage=1,
            recompute=False,
            interleave=1,
            rails=1,
            overlap_fraction=1.0,
            peak_flop_s=989e12,
            kernel_efficiency=0.5,
            intra_bandwidth_bytes_s=450e9,
            intra_latency_s=1e-6,
            inter_bandwidth_bytes_s=50e9,
            inter_latency_s=2e-6,
        )

    print(f"\nfleet map of 6 x 64 designs: {fleet * 1e3:.2f} ms; map of 30 layouts: {_best(step_map) * 1e3:.2f} ms")


def main() -> None:
    """Print the table."""
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {POINTS:,} points")
    print(f"{'formula':28}{'sweep ms':>10}{'loop ms':>10}{'loop/sweep':>12}{'call us':>10}{'call/plain':>12}")
    for name, function, plain, (low, high) in CASES:
        points = np.geomspace(low, high, POINTS)
        sweep = _best(lambda f=function, p=points: f(p), 3)  # type: ignore[misc]
        call = _per_call(function, math.sqrt(low * high))
        row = f"{name:28}{sweep * 1e3:10.1f}"
        if plain is None:
            print(row + f"{'':>10}{'':>12}{call * 1e6:10.1f}")
            continue
        few = points[:: POINTS // LOOP_POINTS].tolist()
        loop = _best(lambda f=plain, p=few: [f(x) for x in p], 2) * POINTS / len(few)  # type: ignore[misc]
        bare = _per_call(plain, math.sqrt(low * high))
        print(row + f"{loop * 1e3:10.1f}{loop / sweep:12.1f}{call * 1e6:10.1f}{call / bare:12.1f}")
    _composites()


if __name__ == "__main__":
    main()
