"""A training run with failures, played through once with a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """Corner points of useful work over time (s), straight lines between them, and the failures (s)."""

    time_s: Array
    useful_s: Array
    failures_s: Array

    @property
    def goodput(self) -> float:
        """Useful work at the end over the whole time."""
        return float(self.useful_s[-1] / self.time_s[-1])


def simulate_training_run(
    duration_s: float,
    mtbf_s: float,
    interval_s: float,
    pause_or_write_s: float,
    drain_s: float,
    restart_s: float,
    mode: Literal["sync", "async"],
    seed: int,
    detail: bool = True,
) -> TrainingRun:
    """Play one training run: segments of work, saves, failures, restarts.

    Failures form a Poisson process, so they also strike during saves and restarts; one during a restart
    begins it again.  A failure returns the work to the last protected state: the last finished save ("sync"),
    or the last snapshot whose background write is complete ("async").

    Args:
        duration_s: length of the run (s), > 0.
        mtbf_s: mean time between failures (s), > 0.
        interval_s: work between saves (s), > 0.
        pause_or_write_s: what a save stops the work for (s), >= 0: the whole write, or the pause.
        drain_s: background write of a snapshot (s), 0 to ``interval_s``; not used in mode "sync".
        restart_s: time from a failure to computing again (s), >= 0.
        mode: "sync" or "async".
        seed: seed of the failures.
        detail: whether every save has its corner points. Without them a stretch between failures is one
            straight line, which is all that a plot of weeks can show, and about eight times faster.

    Returns:
        The run's corner points and failures.

    Raises:
        ValueError: if an argument lies outside its range.

    Source: failure model of Daly 2006; two-phase checkpoints of Mohan et al. 2021.
    """
    for name, value, low_open in (
        ("duration_s", duration_s, True),
        ("mtbf_s", mtbf_s, True),
        ("interval_s", interval_s, True),
        ("pause_or_write_s", pause_or_write_s, False),
        ("drain_s", drain_s, False),
        ("restart_s", restart_s, False),
    ):
        if not (math.isfinite(value) and (value > 0 if low_open else value >= 0)):
            raise ValueError(f"{name} must be {'>' if low_open else '>='} 0 (s), got {value!r}")
    if mode not in ("sync", "async"):
        raise ValueError(f"mode must be one of 'sync', 'async', got {mode!r}")
    if mode == "async" and drain_s > interval_s:
        raise ValueError(f"drain_s must be <= interval_s (snapshots would pile up), got {drain_s} > {interval_s}")
    drain = drain_s if mode == "async" else 0.0

    failures = _failure_times(duration_s, mtbf_s, seed)
    stretches: list[tuple[float, float, float]] = []  # start, work at the start, end
    times, works = [0.0], [0.0]
    start, saved = 0.0, 0.0
    cycle = interval_s + pause_or_write_s
    for failure in [*failures.tolist(), math.inf]:
        if failure < start:
            # The restart had not finished, so it begins again.
            start = failure + restart_s
            continue
        if start >= duration_s:
            break
        end = min(failure, duration_s)
        stretches.append((start, saved, end))
        whole = math.floor((end - start) / cycle)
        reached = saved + whole * interval_s + min(end - start - whole * cycle, interval_s)
        times += [start, end]
        works += [saved, reached]
        if failure == math.inf:
            break
        protected = max(0, math.floor((end - start - drain) / cycle + 1e-12))
        saved = min(saved + protected * interval_s, reached)
        start = failure + restart_s
        times += [end, min(start, duration_s)]
        works += [saved, saved]
    time, work = np.array(times), np.array(works)
    if detail:
        corners = [_corners(*stretch, interval_s, pause_or_write_s) for stretch in stretches]
        time = np.concatenate([time, *(t for t, _ in corners)])
        work = np.concatenate([work, *(w for _, w in corners)])
        # Corners of one stretch lie strictly within it; a stable sort keeps the fall at a failure a fall.
        order = np.argsort(time, kind="stable")
        time, work = time[order], work[order]
    if time[-1] < duration_s:
        time, work = np.append(time, duration_s), np.append(work, work[-1])
    return TrainingRun(np.minimum(time, duration_s), work, failures)


def _failure_times(duration_s: float, mtbf_s: float, seed: int) -> Array:
    generator = np.random.default_rng(seed)
    expected = duration_s / mtbf_s
    batch = math.ceil(expected + 10.0 * math.sqrt(expected) + 10.0)
    times = np.cumsum(generator.exponential(mtbf_s, batch))
    while times[-1] < duration_s:
        times = np.concatenate([times, times[-1] + np.cumsum(generator.exponential(mtbf_s, batch))])
    return times[times < duration_s]


def _corners(start: float, saved: float, end: float, interval: float, pause: float) -> tuple[Array, Array]:
    """Corner points strictly inside failure-free work from ``start`` to ``end``: up in segments, flat in saves."""
    cycle = interval + pause
    index = np.arange(1.0, math.floor((end - start) / cycle) + 2.0)
    times = np.column_stack([start + (index - 1.0) * cycle + interval, start + index * cycle]).ravel()
    works = np.repeat(saved + index * interval, 2)
    inside = (times > start) & (times < end)
    return times[inside], works[inside]
