"""Changes of a ledger as values: what is to happen, to whom, and when it happened.

A change can be carried out at once or later, in another process or after a restart, and offered any number of times:
its id makes sure that it is carried out once.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete

from ledger.clock import from_iso, now, to_iso
from ledger.erased import refuse_erased
from ledger.event_kinds import SAVED, STARTED_OVER, check_event
from ledger.identity import check_student_id
from ledger.plain import plain
from ledger.records import Entry, Event, Progress, check_attempt
from ledger.rows import (
    add_events,
    add_if_new,
    claim_student,
    current_attempt,
    put_entry,
    put_progress,
    read_entries,
    read_progress,
    remove_entry,
    remove_progress,
)
from ledger.scores import keep_score, remove_score
from ledger.store import Store
from ledger.tables import operations
from ledger.wire import check_names, key_in, mapping_in

RECORD = "record"
PROGRESS = "progress"
SAVE = "save"
START_OVER = "start_over"
ERASE = "erase"

#: Kind to the names of what it carries.
_PARTS: dict[str, tuple[str, ...]] = {
    RECORD: ("event", "data", "progress"),
    PROGRESS: ("progress",),
    SAVE: ("design", "progress", "score"),
    START_OVER: ("entry_removed",),
    ERASE: ("attempts",),
}
KINDS = tuple(_PARTS)

REMEMBERED_FOR = timedelta(days=60)
"""How long the id of a change is known after it was carried out; nothing may wait longer and be offered again."""


def _new_id() -> str:
    """32 hexadecimal digits, the time first: ids of the same hour lie together in the data base's index."""
    return f"{time.time_ns() // 1000:014x}{secrets.token_hex(9)}"


@dataclass(frozen=True)
class Operation:
    """One change of one student's ledger.

    `key` names the lab, empty for a change of all; `attempt` is the attempt it belongs to, None for the present one.
    `parts` are plain JSON values, named by `kind`; `attempts` of an erasure are the attempts that it ends, by lab, as
    far as whoever asked for it knew them. `begun` is when the ledger was opened through which the change was made.
    """

    student: str
    kind: str
    key: str
    parts: dict[str, Any]
    attempt: int | None = None
    at: datetime = field(default_factory=now)
    begun: datetime = field(default_factory=now)
    id: str = field(default_factory=_new_id)


def as_record(operation: Operation) -> dict[str, Any]:
    """The JSON record of an operation."""
    return {
        "id": operation.id,
        "student": operation.student,
        "kind": operation.kind,
        "key": operation.key,
        "attempt": operation.attempt,
        "at": to_iso(operation.at),
        "begun": to_iso(operation.begun),
        "parts": operation.parts,
    }


def from_record(record: Any) -> Operation:
    """The operation in a record. Raises ValueError for anything else."""
    if not isinstance(record, dict):
        raise ValueError(f"a mapping was expected, not a {type(record).__name__}")
    check_names(record, "id", "student", "kind", "key", "attempt", "at", "begun", "parts")
    kind, identifier = record["kind"], record["id"]
    if kind not in _PARTS:
        raise ValueError(f"the kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= 32:
        raise ValueError("the id must be text of 1 to 32 characters")
    check_student_id(record["student"])
    parts = mapping_in(record, "parts")
    check_names(parts, *_PARTS[kind])
    if kind == RECORD:
        check_event(parts["event"], mapping_in(parts, "data"))
    attempt = None if record["attempt"] is None else check_attempt(record["attempt"])
    key = "" if kind == ERASE else key_in(record)
    at, begun = from_iso(record["at"]), from_iso(record["begun"])
    return Operation(record["student"], kind, key, parts, attempt, at, begun, identifier)


def carry_out(connection: Connection, operation: Operation, *, late: bool = False) -> int:
    """Makes the change in the caller's transaction; returns the attempt that it belongs to.

    With `late` the student may have gone on elsewhere since it happened: progress and an entry that are newer stay.
    The log gets its line in any case, with the time at which it happened. Raises ErasedError when the student has had
    everything erased since the change was begun.
    """
    refuse_erased(connection, operation.student, operation.begun)
    claim_student(connection, operation.student)
    if operation.kind == ERASE:
        touched = read_entries(connection, operation.student) | read_progress(connection, operation.student)
        for key in touched:
            _begin_anew(connection, operation, key, entry_removed=True, late=late)
        return 1
    if operation.kind == START_OVER:
        return _begin_anew(
            connection, operation, operation.key, entry_removed=operation.parts["entry_removed"], late=late
        )
    attempt = operation.attempt
    if attempt is None:
        attempt = current_attempt(connection, operation.student, operation.key)
    if operation.kind == SAVE and not (late and _newer_entry(connection, operation, operation.key)):
        put_entry(connection, operation.student, entry_in(operation, attempt))
    if (line := event_in(operation, attempt)) is not None:
        add_events(connection, operation.student, [line])
    state = operation.parts["progress"]
    if state is not None and not (late and _newer_progress(connection, operation, operation.key)):
        put_progress(connection, operation.student, Progress(operation.key, state, operation.at))
    if operation.kind == SAVE and operation.parts["score"] is not None:
        keep_score(connection, operation.student, operation.key, operation.parts["score"])
    return attempt


def carry_out_once(connection: Connection, operation: Operation, *, late: bool = False) -> bool:
    """`carry_out`, unless that has been done before; says whether it was done now."""
    refuse_erased(connection, operation.student, operation.begun)
    claim_student(connection, operation.student)
    if not add_if_new(connection, operations, {"id": operation.id, "applied": now()}):
        return False
    carry_out(connection, operation, late=late)
    return True


def forget_old(store: Store) -> None:
    """Removes the ids of changes that can no longer be waiting anywhere. Raises StoreUnavailable."""
    with store.writing() as connection:
        connection.execute(delete(operations).where(operations.c.applied < now() - REMEMBERED_FOR))


def entry_in(operation: Operation, attempt: int) -> Entry:
    """The entry that an operation saves."""
    return Entry(operation.key, operation.parts["design"], attempt, operation.at)


def event_in(operation: Operation, attempt: int) -> Event | None:
    """The line of the log that an operation about one lab writes; None for one that leaves no trace there."""
    if operation.kind == RECORD:
        return Event(operation.key, attempt, operation.parts["event"], plain(operation.parts["data"]), operation.at)
    if operation.kind == SAVE:
        return Event(operation.key, attempt, SAVED, operation.parts["design"], operation.at)
    if operation.kind == START_OVER:
        data = {"entry_removed": operation.parts["entry_removed"]}
        return Event(operation.key, attempt, STARTED_OVER, data, operation.at)
    return None


def _begin_anew(connection: Connection, operation: Operation, key: str, *, entry_removed: bool, late: bool) -> int:
    attempt = current_attempt(connection, operation.student, key)
    if not (late and _newer_progress(connection, operation, key)):
        remove_progress(connection, operation.student, key)
    if entry_removed and not (late and _newer_entry(connection, operation, key)):
        remove_entry(connection, operation.student, key)
        remove_score(connection, operation.student, key)
    data = {"entry_removed": entry_removed}
    add_events(connection, operation.student, [Event(key, attempt, STARTED_OVER, data, operation.at)])
    return attempt


def _newer_entry(connection: Connection, operation: Operation, key: str) -> bool:
    stored = read_entries(connection, operation.student, key).get(key)
    return stored is not None and stored.saved_at > operation.at


def _newer_progress(connection: Connection, operation: Operation, key: str) -> bool:
    stored = read_progress(connection, operation.student, key).get(key)
    return stored is not None and stored.updated_at > operation.at
