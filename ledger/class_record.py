"""What every student of a class has done, lab by lab, for the instructor's tables: by pseudonym, in few queries.

Instructors are left out (`ledger.instructors`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ledger.contract import contract_of, readable_design
from ledger.event_kinds import FAILURE_ENTERED, IMPORTED, PREDICTION_LOCKED, PREDICTION_REVISED
from ledger.instructors import of_the_class
from ledger.live import Mark, Trace, take
from ledger.records import Entry
from ledger.rows import decoded
from ledger.store import Store
from ledger.tables import entries, events, progress

#: Kinds of events that say what was predicted.
_PREDICTIONS = (PREDICTION_LOCKED, PREDICTION_REVISED, IMPORTED)


@dataclass(frozen=True)
class Standing:
    """One student in one lab: the state of the lab, when an entry was saved, the first predictions by act, the last
    second vote, and the failures met."""

    state: str | None
    saved_at: datetime | None
    predictions: dict[str, Mark]
    second: Mark | None
    failures: frozenset[str]


@dataclass(frozen=True)
class ClassRecord:
    """Student id -> key of a lab -> where the student stands; a lab that was never opened is left out."""

    standings: dict[str, dict[str, Standing]]

    def of_lab(self, key: str) -> dict[str, Standing]:
        """Student id -> standing in one lab."""
        return {student: labs[key] for student, labs in self.standings.items() if key in labs}


def class_record(store: Store, keys: Collection[str]) -> ClassRecord:
    """The record of the labs with these keys. Raises UnknownLab for a key that names no lab."""
    for key in keys:
        contract_of(key)
    with store.reading(snapshot=True) as connection:
        traces = _predictions(connection, keys)
        failures = _failures(connection, keys)
        states = _states(connection, keys)
        query = select(entries.c.student, entries.c.key, entries.c.saved_at).where(
            entries.c.key.in_(keys), of_the_class(entries.c.student)
        )
        saved = {(row.student, row.key): row.saved_at for row in connection.execute(query)}
    found: dict[str, dict[str, Standing]] = {}
    for student, key in sorted(traces.keys() | failures.keys() | states.keys() | saved.keys()):
        trace = traces.get((student, key), Trace())
        found.setdefault(student, {})[key] = Standing(
            state=states.get((student, key)),
            saved_at=saved.get((student, key)),
            predictions=trace.predictions,
            second=trace.revised[max(trace.revised)] if trace.revised else None,
            failures=frozenset(failures.get((student, key), ())),
        )
    return ClassRecord(found)


def saved_entries(store: Store, keys: Collection[str]) -> list[tuple[str, Entry]]:
    """Every saved entry of these labs with its student, in the order of students and labs."""
    query = (
        select(entries)
        .where(entries.c.key.in_(keys), of_the_class(entries.c.student))
        .order_by(entries.c.student, entries.c.key)
    )
    with store.reading() as connection:
        return [
            (
                row.student,
                Entry(row.key, readable_design(row.key, decoded(row.design, row.key)), row.attempts, row.saved_at),
            )
            for row in connection.execute(query)
        ]


def _predictions(connection: Connection, keys: Collection[str]) -> dict[tuple[str, str], Trace]:
    query = (
        select(events.c.id, events.c.student, events.c.key, events.c.kind, events.c.data, events.c.at)
        .where(events.c.key.in_(keys), events.c.kind.in_(_PREDICTIONS), of_the_class(events.c.student))
        .order_by(events.c.id)
    )
    found: dict[tuple[str, str], Trace] = {}
    for row in connection.execute(query):
        trace = found.setdefault((row.student, row.key), Trace())
        take(trace, row.key, row.kind, row.data, (row.at, row.id))
    return found


def _failures(connection: Connection, keys: Collection[str]) -> dict[tuple[str, str], set[str]]:
    # A failure is met over and over: the data base sums that up.
    query = (
        select(events.c.student, events.c.key, events.c.data)
        .where(events.c.key.in_(keys), events.c.kind == FAILURE_ENTERED, of_the_class(events.c.student))
        .distinct()
    )
    found: dict[tuple[str, str], set[str]] = {}
    for student, key, data in connection.execute(query):
        found.setdefault((student, key), set()).add(str(decoded(data, key).get("failure")))
    return found


def _states(connection: Connection, keys: Collection[str]) -> dict[tuple[str, str], str | None]:
    query = select(progress.c.student, progress.c.key, progress.c.state).where(
        progress.c.key.in_(keys), of_the_class(progress.c.student)
    )
    return {(student, key): _state(key, text) for student, key, text in connection.execute(query)}


def _state(key: str, text: str) -> str | None:
    state: Any = decoded(text, key).get("state")
    return state if isinstance(state, str) else None
