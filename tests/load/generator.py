"""All students of a run, in one process of its own: `python -m tests.load.generator` with a plan as JSON on its input.

It prints what happened as JSON. That it was not itself too slow is part of that: `lag`, how late its own clock rang.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from tornado.httpclient import AsyncHTTPClient

from tests.load.protocol import Page
from tests.load.student import Done, Student

#: The cookie that says who somebody is.
IDENTITY = "mlsys_student"


@dataclass(frozen=True)
class Plan:
    """A class: `students` open `url` within `opening_s`, and each acts every `pace_s` for `acting_s`."""

    url: str
    certificate: str | None
    students: int
    opening_s: float
    pace_s: float
    acting_s: float


@dataclass
class Visit:
    """What became of one student."""

    opened_s: float | None = None
    latencies: list[tuple[str, float]] = field(default_factory=list)
    token: str | None = None
    done: Done = field(default_factory=Done)
    error: str | None = None


async def visit(plan: Plan, number: int, start: float) -> Visit:
    """One student, from opening the page to leaving it."""
    came = Visit()
    begins = start + plan.opening_s * number / plan.students
    await asyncio.sleep(begins - time.perf_counter())
    page = Page(plan.url, plan.certificate)
    student = Student(page, seed=number)
    came.done, came.latencies = student.done, student.latencies
    try:
        await page.open()
        came.opened_s = time.perf_counter() - begins
        came.token = page.cookie(IDENTITY)
        for i, (kind, step) in enumerate(student.plan(round(plan.acting_s / plan.pace_s))):
            await asyncio.sleep(begins + (i + 1) * plan.pace_s - time.perf_counter())
            await student.act(kind, step)
        # Stays until controls that were moved last have come to rest.
        await asyncio.sleep(plan.pace_s)
        if page.failure is not None:
            came.error = page.failure
    except Exception as problem:
        came.error = f"{type(problem).__name__}: {problem}"
    finally:
        await page.close()
    return came


async def lag(samples: list[float]) -> None:
    """Notes how much later than asked this process was called."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.1)
        samples.append(time.perf_counter() - before - 0.1)


async def run(plan: Plan) -> dict[str, Any]:
    """The whole class; returns what happened."""
    AsyncHTTPClient.configure(None, max_clients=plan.students)
    late: list[float] = []
    clock = asyncio.create_task(lag(late))
    start = time.perf_counter()
    visits = await asyncio.gather(*(visit(plan, number, start) for number in range(plan.students)))
    clock.cancel()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "visits": [asdict(one) for one in visits],
        "seconds": time.perf_counter() - start,
        "cpu_s": used.ru_utime + used.ru_stime,
        "lag_s": sorted(late),
    }


if __name__ == "__main__":
    json.dump(asyncio.run(run(Plan(**json.load(sys.stdin)))), sys.stdout)
