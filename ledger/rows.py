"""Statements on one student's rows. Every one names the student, so that nobody meets another's data."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from ledger.clock import now
from ledger.contract import readable_design
from ledger.event_kinds import STARTED_OVER
from ledger.keys import KEYS
from ledger.plain import from_text, to_text
from ledger.records import Entry, Event, Progress
from ledger.tables import entries, events, progress, students

_log = logging.getLogger(__name__)

Row = TypeVar("Row")


def claim_student(connection: Connection, student: str, created: datetime | None = None) -> None:
    """Makes the student's row if it is missing, and holds it: writers for one student go one by one."""
    row = {"id": student, "created": created or now()}
    connection.execute(_upsert(connection, students).values(row).on_conflict_do_nothing())
    connection.execute(select(students.c.id).where(students.c.id == student).with_for_update())


def put_entry(connection: Connection, student: str, entry: Entry) -> None:
    """Stores an entry in place of the one with the same key."""
    values = {"design": to_text(entry.design), "attempts": entry.attempts, "saved_at": entry.saved_at}
    put_row(connection, entries, {"student": student, "key": entry.key}, values)


def put_progress(connection: Connection, student: str, row: Progress) -> None:
    """Stores the state of a lab in place of the earlier one."""
    values = {"state": to_text(row.state, "progress"), "updated_at": row.updated_at}
    put_row(connection, progress, {"student": student, "key": row.key}, values)


def add_events(connection: Connection, student: str, rows: Iterable[Event]) -> None:
    """Appends events to the log."""
    values = [
        {
            "student": student,
            "key": row.key,
            "attempt": row.attempt,
            "kind": row.kind,
            "data": to_text(row.data, "event data"),
            "at": row.at,
        }
        for row in rows
    ]
    if values:
        connection.execute(insert(events), values)


def read_entries(connection: Connection, student: str, key: str | None = None) -> dict[str, Entry]:
    """The student's entries by key, in the order of the course: all, or only that of `key`."""
    query = select(entries).where(entries.c.student == student)
    if key is not None:
        query = query.where(entries.c.key == key)
    found = {
        row.key: Entry(row.key, readable_design(row.key, decoded(row.design, row.key)), row.attempts, row.saved_at)
        for row in connection.execute(query)
    }
    return _in_course_order(found)


def read_progress(connection: Connection, student: str, key: str | None = None) -> dict[str, Progress]:
    """The student's progress by key, in the order of the course: all, or only that of `key`."""
    query = select(progress).where(progress.c.student == student)
    if key is not None:
        query = query.where(progress.c.key == key)
    found = {
        row.key: Progress(row.key, decoded(row.state, row.key), row.updated_at) for row in connection.execute(query)
    }
    return _in_course_order(found)


def read_events(
    connection: Connection, student: str, key: str | None = None, kinds: tuple[str, ...] | None = None
) -> list[Event]:
    """The student's events, oldest first; only those of one lab or of some kinds if given."""
    query = select(events).where(events.c.student == student).order_by(events.c.at, events.c.id)
    if key is not None:
        query = query.where(events.c.key == key)
    if kinds is not None:
        query = query.where(events.c.kind.in_(kinds))
    return [
        Event(row.key, row.attempt, row.kind, decoded(row.data, row.key), row.at) for row in connection.execute(query)
    ]


def current_attempt(connection: Connection, student: str, key: str) -> int:
    """Number of the student's present attempt at a lab: 1, and one more for every "Start over"."""
    query = select(func.count()).where(events.c.student == student, events.c.key == key, events.c.kind == STARTED_OVER)
    return 1 + connection.execute(query).scalar_one()


def remove_entry(connection: Connection, student: str, key: str) -> None:
    """Removes the student's entry for a lab, if there is one."""
    connection.execute(delete(entries).where(entries.c.student == student, entries.c.key == key))


def remove_progress(connection: Connection, student: str, key: str) -> None:
    """Removes the student's progress in a lab, if there is any."""
    connection.execute(delete(progress).where(progress.c.student == student, progress.c.key == key))


def decoded(text: str, key: str) -> dict[str, Any]:
    """The mapping that stored JSON text stands for.

    Text that a defect or a hand has damaged reads as an empty mapping, for a reader the same case as a
    missing entry; the text itself stays in the store, and the log says so.
    """
    try:
        value = from_text(text)
        if isinstance(value, dict):
            return value
        reason = f"a mapping was expected, not a {type(value).__name__}"
    except ValueError as error:
        reason = str(error)
    _log.warning("Stored data of %s cannot be read and is taken as missing: %s", key, reason)
    return {}


def _in_course_order(found: dict[str, Row]) -> dict[str, Row]:
    return {key: found[key] for key in KEYS if key in found}


def _upsert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def put_row(connection: Connection, table: Table, identity: dict[str, Any], values: dict[str, Any]) -> None:
    """Stores a row with the primary key `identity`, in place of the one that has it."""
    statement = _upsert(connection, table).values(**identity, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(identity), set_=values))


def add_if_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Adds a row unless one with its primary key is there; says whether it was added."""
    # What was added is asked back: the count of rows of an insertion is not kept for every data base.
    statement = _upsert(connection, table).values(row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None
