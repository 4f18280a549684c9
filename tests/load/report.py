"""What a run comes to: figures, budgets, and both in words."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.load.run import Run
from tests.load.usage import Sample

#: Budgets on two processors.
OPENED_WITHIN_S = 20.0
ANSWERED_P95_S = 0.5
MEMORY_BACK_TO = 1.10
#: A generator whose clock is later than this measures itself.
GENERATOR_LAG_S = 0.1


@dataclass(frozen=True)
class Spread:
    """A distribution in a few numbers (s)."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of values; of none at all, zeros."""
    if not values:
        return Spread(0, 0.0, 0.0, 0.0, 0.0)
    if len(values) == 1:
        return Spread(1, *[values[0]] * 4)
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return Spread(len(values), cuts[49], cuts[94], cuts[98], max(values))


def figures(run: Run) -> dict[str, Any]:
    """Everything that is reported, as JSON."""
    visits = run.generated["visits"]
    by_kind: dict[str, list[float]] = {}
    for visit in visits:
        for kind, seconds in visit["latencies"]:
            by_kind.setdefault(kind, []).append(seconds)
    opened = [visit["opened_s"] for visit in visits if visit["opened_s"] is not None]
    lag = run.generated["lag_s"]
    errors = [visit["error"] for visit in visits if visit["error"]]
    return {
        "plan": {name: value for name, value in asdict(run.plan).items() if name not in ("url", "certificate")},
        "machine": {"processors": run.processors, "server_processes": run.processes, "load_before": run.load_before},
        "opened_s": asdict(spread(opened)),
        "answered_s": asdict(spread([seconds for values in by_kind.values() for seconds in values])),
        "answered_by_kind_s": {kind: asdict(spread(values)) for kind, values in sorted(by_kind.items())},
        "errors": errors,
        "server_complaints": run.complaints,
        "ledger": asdict(run.ledger),
        "usage": {name: _usage(run, name) for name in run.samples},
        "generator": {
            "cpu_s": run.generated["cpu_s"],
            "seconds": run.generated["seconds"],
            "lag_p95_s": spread(lag).p95,
            "lag_max_s": spread(lag).max,
        },
    }


def _usage(run: Run, group: str) -> dict[str, float]:
    samples = run.samples[group]
    before, after = run.baseline[group], run.after_rest[group]
    seconds = run.generated["seconds"]
    working = [sample for sample in samples if sample.at_s <= before.at_s + seconds]
    return {
        "cpu_s": working[-1].cpu_s - before.cpu_s,
        "processors_used": (working[-1].cpu_s - before.cpu_s) / seconds,
        "processors_used_at_most": _busiest(samples),
        "memory_before_mb": before.memory_mb,
        "memory_at_most_mb": max(sample.memory_mb for sample in samples),
        "memory_after_rest_mb": after.memory_mb,
    }


def _busiest(samples: Sequence[Sample]) -> float:
    """Processors in use in the busiest interval between two looks."""
    pairs = itertools.pairwise(samples)
    return max(((b.cpu_s - a.cpu_s) / (b.at_s - a.at_s) for a, b in pairs), default=0.0)


def failures(found: dict[str, Any], *, time: bool = True, memory: bool = True) -> list[str]:
    """Every budget that was missed, in words; those of time and memory only where they were measured for it."""
    ledger, suite = found["ledger"], found["usage"]["suite"]
    missed = []
    if found["opened_s"]["count"] != found["plan"]["students"]:
        missed.append(f"{found['opened_s']['count']} of {found['plan']['students']} pages became usable")
    if found["errors"]:
        missed.append(f"{len(found['errors'])} students met an error, the first: {found['errors'][0]}")
    if found["server_complaints"]:
        missed.append(f"the servers logged errors:\n{found['server_complaints']}")
    if ledger["differences"]:
        missed.append(f"{len(ledger['differences'])} writes are not as answered, first: {ledger['differences'][0]}")
    if time and found["opened_s"]["max"] > OPENED_WITHIN_S:
        missed.append(f"a page took {found['opened_s']['max']:.1f} s, allowed are {OPENED_WITHIN_S:.0f} s")
    if time and found["answered_s"]["p95"] > ANSWERED_P95_S:
        missed.append(f"p95 of answers is {found['answered_s']['p95']:.3f} s, allowed are {ANSWERED_P95_S} s")
    if memory and suite["memory_after_rest_mb"] > MEMORY_BACK_TO * suite["memory_before_mb"]:
        missed.append(
            f"memory was {suite['memory_before_mb']:.0f} MB before and {suite['memory_after_rest_mb']:.0f} MB after"
        )
    return missed


def text(found: dict[str, Any]) -> str:
    """The figures for people."""
    plan, machine, generator = found["plan"], found["machine"], found["generator"]
    lines = [
        f"{plan['students']} students open a lab within {plan['opening_s']:.0f} s, then each acts every "
        f"{plan['pace_s']:g} s for {plan['acting_s']:.0f} s",
        f"{machine['server_processes']} server processes on {machine['processors']} processors; load before "
        f"{machine['load_before']:.1f}",
        "",
        _line("page usable", found["opened_s"]),
        _line("action answered", found["answered_s"]),
        *(_line(f"  {kind}", values) for kind, values in found["answered_by_kind_s"].items()),
        "",
        f"errors: {len(found['errors'])}",
        f"ledger: {found['ledger']['found']} of {found['ledger']['expected']} writes as answered",
        "",
        *(
            f"{name:<11} {use['processors_used']:5.2f} processors (at most {use['processors_used_at_most']:.2f}), "
            f"memory {use['memory_before_mb']:.0f} MB before, {use['memory_at_most_mb']:.0f} at most, "
            f"{use['memory_after_rest_mb']:.0f} after rest"
            for name, use in found["usage"].items()
        ),
        f"students    {generator['cpu_s'] / generator['seconds']:5.2f} processors, their clock late by "
        f"{1e3 * generator['lag_p95_s']:.0f} ms (p95), {1e3 * generator['lag_max_s']:.0f} ms (max)",
    ]
    if generator["lag_p95_s"] > GENERATOR_LAG_S:
        lines.append(
            "The students' own process was late: the machine is too small for both, or busy with something else."
        )
    return "\n".join(lines)


def _line(what: str, values: dict[str, float]) -> str:
    return (
        f"{what:<17} p50 {1e3 * values['p50']:7.0f} ms   p95 {1e3 * values['p95']:7.0f} ms   "
        f"p99 {1e3 * values['p99']:7.0f} ms   max {1e3 * values['max']:7.0f} ms   ({values['count']})"
    )
