"""Processor time and memory of groups of processes, looked at from outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

MEGABYTE = 1e6


@dataclass(frozen=True)
class Sample:
    """A look at a group: seconds since the start, processor seconds so far, memory of its own (MB)."""

    at_s: float
    cpu_s: float
    memory_mb: float


def look(roots: list[int], since: float) -> Sample:
    """The processes with these numbers, and all their children.

    Memory is what would come free if they ended (USS): pages that forks share are not counted again and again.
    """
    processes = [process for pid in roots for process in _family(pid)]
    cpu = memory = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
            cpu += times.user + times.system
            memory += process.memory_full_info().uss / MEGABYTE
        except psutil.NoSuchProcess:
            continue
    return Sample(time.perf_counter() - since, cpu, memory)


def _family(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


class Watch:
    """Looks at groups of processes every `every_s` until it is told to stop."""

    def __init__(self, groups: Mapping[str, list[int]], every_s: float = 5.0) -> None:
        self._groups = groups
        self._every_s = every_s
        self._since = time.perf_counter()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples: dict[str, list[Sample]] = {name: [] for name in groups}

    def start(self) -> Watch:
        """Begins to look."""
        self._thread.start()
        return self

    def now(self) -> dict[str, Sample]:
        """One look at every group."""
        return {name: look(pids, self._since) for name, pids in self._groups.items()}

    def stop(self) -> None:
        """Ends looking."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            for name, sample in self.now().items():
                self.samples[name].append(sample)
            if self._stopped.wait(self._every_s):
                return
