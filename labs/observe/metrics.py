"""What is counted and measured, for Prometheus.

With several server processes each writes its numbers into a file of a common folder, and whichever is asked adds them
up; the folder is named by an environment variable that `prometheus_client` reads when it is imported.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

from labs.observe.processes import FOLDER_VARIABLE

# When each series began would double their number; Prometheus notes that by itself.
disable_created_metrics()

REGISTRY = CollectorRegistry()

_FAST = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)
_WRITES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

SESSIONS = Gauge("mlsys_labs_open_sessions", "Pages that are open.", registry=REGISTRY, multiprocess_mode="livesum")
PAGE_SECONDS = Histogram(
    "mlsys_labs_session_creation_seconds",
    "Making a page, in processor-bound wall time.",
    buckets=_FAST,
    registry=REGISTRY,
)
CHANGE_SECONDS = Histogram(
    "mlsys_labs_change_seconds", "Carrying out one change by a student.", buckets=_FAST, registry=REGISTRY
)
WRITE_SECONDS = Histogram(
    "mlsys_labs_ledger_write_seconds", "One confirmed transaction of the ledger.", buckets=_WRITES, registry=REGISTRY
)
FAILURES = Counter(
    "mlsys_labs_ledger_failures", "Times that the ledger was not available, by reason.", ["reason"], registry=REGISTRY
)
WAITING = Gauge(
    "mlsys_labs_ledger_waiting_changes",
    "Changes that are not in the ledger yet.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
WAITING_AGE = Gauge(
    "mlsys_labs_ledger_oldest_waiting_seconds",
    "Age of the oldest of them.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
REQUESTS = Counter("mlsys_labs_http_requests", "Requests answered.", ["route", "method", "status"], registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "mlsys_labs_http_request_seconds", "Answering a request.", ["route"], buckets=_FAST, registry=REGISTRY
)
MEMORY = Gauge(
    "mlsys_labs_process_resident_memory_bytes",
    "Memory of a server process.",
    registry=REGISTRY,
    multiprocess_mode="liveall",
)
PROCESSOR = Gauge(
    "mlsys_labs_process_cpu_seconds",
    "Processor time that a server process has used.",
    registry=REGISTRY,
    multiprocess_mode="liveall",
)
LOOP_DELAY = Gauge(
    "mlsys_labs_event_loop_delay_seconds",
    "How late a server process came to its last look at itself.",
    registry=REGISTRY,
    multiprocess_mode="liveall",
)

_FILE_OF_PROCESS = re.compile(r"_(\d+)\.db$")


class LedgerObserver:
    """Counts what an outbox tells."""

    def wrote(self, seconds: float) -> None:
        WRITE_SECONDS.observe(seconds)

    def failed(self, reason: str) -> None:
        FAILURES.labels(reason).inc()


def own_resources() -> tuple[float, float]:
    """Resident memory (bytes; not a number where the system does not tell) and used processor time (s)."""
    times = os.times()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        memory = float(pages * os.sysconf("SC_PAGE_SIZE"))
    except OSError:
        memory = math.nan
    return memory, times.user + times.system


def exposition() -> bytes:
    """All numbers in Prometheus's text format: of this process, or of all that share a folder."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return generate_latest(REGISTRY)
    _forget_ended(folder)
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together, folder)
    return generate_latest(together)


def _forget_ended(folder: str) -> None:
    """Takes out what processes that have ended claim to hold at present: their pages, their memory."""
    known = {match[1] for path in Path(folder).glob("gauge_live*.db") if (match := _FILE_OF_PROCESS.search(path.name))}
    for process in known:
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            multiprocess.mark_process_dead(int(process), folder)
        except PermissionError:
            continue
