"""A stream of jobs on a cluster, played through by a scheduler: who ran when, and who waited."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from mlsysim.physics.scheduling import lindley_waits

Array = npt.NDArray[np.float64]
Policy = Literal["fifo", "priority", "preempt_kill", "preempt_save"]


@dataclass(frozen=True, slots=True)
class JobStream:
    """Jobs in the order of their arrival: when (h), how long (h), and whether they are urgent (short)."""

    arrival_h: Array
    service_h: Array
    urgent: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Stretches:
    """Stretches of time (h) in which a slot worked for a job."""

    job: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    start_h: Array
    end_h: Array


@dataclass(frozen=True, slots=True)
class ClusterSchedule:
    """What a scheduler made of a stream. Jobs in the order of their arrival, times in hours.

    `work` are the stretches of useful work, `overhead` those of saving, restarting and repeating; `stop_job` and
    `stop_h` are the preemptions.
    """

    stream: JobStream
    start_h: Array
    end_h: Array
    work: Stretches
    overhead: Stretches
    stop_job: npt.NDArray[np.int64]
    stop_h: Array

    @property
    def wait_h(self) -> Array:
        """Time from the arrival of each job to its first start."""
        return np.asarray(self.start_h - self.stream.arrival_h)


def draw_jobs(
    arrival_per_h: float, long_fraction: float, short_h: float, long_h: float, jobs: int, seed: int
) -> JobStream:
    """A Poisson stream of short (urgent) and long jobs.

    The same seed gives the same stream at every rate, stretched, and the same jobs stay long as others join them.

    Raises:
        ValueError: if a number lies outside its range.
    """
    for name, value in (("arrival_per_h", arrival_per_h), ("short_h", short_h), ("long_h", long_h), ("jobs", jobs)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be > 0, got {value!r}")
    if not 0 <= long_fraction <= 1:
        raise ValueError(f"long_fraction must be in [0, 1], got {long_fraction!r}")
    generator = np.random.default_rng(seed)
    # Pairs, so that a longer stream begins with the shorter one.
    chance = generator.random((jobs, 2))
    urgent = chance[:, 1] >= long_fraction
    return JobStream(
        np.cumsum(-np.log1p(-chance[:, 0])) / arrival_per_h, np.where(urgent, short_h, long_h), np.asarray(urgent)
    )


def schedule_jobs(
    stream: JobStream, policy: Policy, *, slots: int = 1, cost_h: float = 0.0, save_h: float = 0.0
) -> ClusterSchedule:
    """Plays a stream of gang jobs, each of which takes one whole slot.

    "fifo" starts jobs in the order of their arrival; "priority" starts the oldest urgent job first, and stops
    none. The preempting policies, on one slot, stop a long job for an urgent one; it resumes when no urgent job
    is left.

    Args:
        stream: the jobs.
        policy: the scheduler.
        slots: gangs that run at once; 1 for the preempting policies.
        cost_h: what each stop adds to the stopped job (h): repeated work, save and restart.
        save_h: the part of it (h) that it takes before it yields; 0 for "preempt_kill".

    Raises:
        ValueError: if an argument lies outside its range.
    """
    if policy not in get_args(Policy):
        raise ValueError(f"policy must be one of {', '.join(get_args(Policy))}, got {policy!r}")
    if slots < 1 or (slots > 1 and policy.startswith("preempt")):
        raise ValueError(f"slots must be >= 1, and 1 where jobs are stopped, got {slots!r}")
    if not 0 <= save_h <= cost_h < math.inf:
        raise ValueError(f"save_h must be in [0, cost_h], got {save_h!r} with a cost of {cost_h!r}")
    if policy.startswith("preempt"):
        return _preempting(stream, cost_h, save_h)
    if policy == "fifo" and slots == 1:
        gaps = np.diff(stream.arrival_h, prepend=0.0)
        return _uninterrupted(stream, stream.arrival_h + lindley_waits(gaps, stream.service_h), 0)
    start, slot = _in_slots(stream, policy == "priority", slots)
    return _uninterrupted(stream, start, slot)


def _stretches(rows: Sequence[tuple[float, float, float]]) -> Stretches:
    """Stretches on the only slot, from (job, start, end)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    job = table[:, 0].astype(np.int64)
    return Stretches(job, np.zeros_like(job), table[:, 1], table[:, 2])


def _uninterrupted(stream: JobStream, start: Array, slot: npt.NDArray[np.int64] | int) -> ClusterSchedule:
    """The schedule of jobs that run from start to end."""
    jobs = np.arange(len(start))
    end = start + stream.service_h
    work = Stretches(jobs, np.broadcast_to(slot, jobs.shape).astype(np.int64), start, end)
    return ClusterSchedule(stream, start, end, work, _stretches([]), np.zeros(0, dtype=np.int64), np.zeros(0))


def _in_slots(stream: JobStream, urgent_first: bool, slots: int) -> tuple[Array, npt.NDArray[np.int64]]:
    """Start and slot of each job: whenever a slot falls free, the next in line takes it."""
    arrival, service = stream.arrival_h.tolist(), stream.service_h.tolist()
    order = np.arange(len(arrival))
    classes = [order[stream.urgent], order[~stream.urgent]] if urgent_first else [order]
    lines = [[*line.tolist()] for line in classes]
    heads = [0] * len(lines)
    free = [(0.0, k) for k in range(slots)]
    start, slot = np.zeros(len(arrival)), np.zeros(len(arrival), dtype=np.int64)
    for _ in arrival:
        now, k = heapq.heappop(free)
        waiting = [(arrival[line[heads[n]]], n) for n, line in enumerate(lines) if heads[n] < len(line)]
        # Nobody waits: the slot stays idle until somebody comes.
        now = max(now, min(waiting)[0])
        n = next(n for came, n in waiting if came <= now)
        job = lines[n][heads[n]]
        heads[n] += 1
        start[job], slot[job] = now, k
        heapq.heappush(free, (now + service[job], k))
    return start, slot


def _preempting(stream: JobStream, cost: float, save: float) -> ClusterSchedule:
    """Urgent jobs stop the long one that runs; each stop adds `cost` to it, of which `save` comes before it yields."""
    arrival, service = stream.arrival_h.tolist(), stream.service_h.tolist()
    urgent, patient = (np.flatnonzero(mask).tolist() for mask in (stream.urgent, ~stream.urgent))
    start, end = np.full(len(arrival), np.nan), np.full(len(arrival), np.nan)
    work: list[tuple[float, float, float]] = []
    overhead: list[tuple[float, float, float]] = []
    stops: list[tuple[int, float]] = []
    now, u, p = 0.0, 0, 0
    current, left, lost = -1, 0.0, 0.0
    while u < len(urgent) or p < len(patient) or current >= 0:
        next_urgent = arrival[urgent[u]] if u < len(urgent) else math.inf
        if next_urgent <= now:
            job = urgent[u]
            u += 1
            start[job], end[job] = now, now + service[job]
            work.append((job, now, now + service[job]))
            now += service[job]
            continue
        if current < 0:
            next_patient = arrival[patient[p]] if p < len(patient) else math.inf
            if next_patient > now:
                now = min(next_urgent, next_patient)
                continue
            current, p = patient[p], p + 1
            start[current], left, lost = now, service[current], 0.0
        stopped = min(next_urgent, now + lost + left)
        resumed = min(now + lost, stopped)
        if resumed > now:
            overhead.append((current, now, resumed))
        if stopped > resumed:
            work.append((current, resumed, stopped))
        if next_urgent >= now + lost + left:
            end[current], current, now = stopped, -1, stopped
            continue
        stops.append((current, stopped))
        if save > 0:
            overhead.append((current, stopped, stopped + save))
        lost = lost - (resumed - now) + cost - save
        left -= stopped - resumed
        now = stopped + save
    return ClusterSchedule(
        stream,
        start,
        end,
        _stretches(work),
        _stretches(overhead),
        np.array([job for job, _ in stops], dtype=np.int64),
        np.array([at for _, at in stops]),
    )
