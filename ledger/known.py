"""What an open page knows of its student's ledger: enough to go on while the store cannot be asked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from ledger.event_kinds import ACTS, IMPORTED, PREDICTION_LOCKED, STARTED_OVER
from ledger.first_prediction import first_prediction_in
from ledger.operations import ERASE, RECORD, SAVE, START_OVER, Operation, entry_in, event_in
from ledger.records import Entry, Event
from ledger.rows import read_entries, read_events
from ledger.tables import progress

_KINDS = (STARTED_OVER, PREDICTION_LOCKED, IMPORTED)


class Known:
    """Entries, attempts and first predictions of one student. `take` brings in a change that was made since.

    Taking the same change twice changes nothing: it may have reached the store while that was being read.
    """

    def __init__(self, entries: dict[str, Entry], begun: set[str], events: list[Event]) -> None:
        self.entries = entries
        #: Labs with an entry or a state.
        self.touched = begun | set(entries)
        self.attempts: dict[str, int] = {}
        self.first: dict[tuple[str, str], dict[str, Any]] = {}
        #: States of labs, where this page has seen or made them; None where one was cleared.
        self.states: dict[str, dict[str, Any] | None] = {}
        lines: dict[str, list[Event]] = {}
        for event in events:
            lines.setdefault(event.key, []).append(event)
        for key, own in lines.items():
            self.attempts[key] = 1 + sum(event.kind == STARTED_OVER for event in own)
            self._note_first(key, own)

    @classmethod
    def read(cls, connection: Connection, student: str) -> Known:
        """What the store holds of a student."""
        begun = set(connection.execute(select(progress.c.key).where(progress.c.student == student)).scalars())
        return cls(read_entries(connection, student), begun, read_events(connection, student, kinds=_KINDS))

    def attempt(self, key: str) -> int:
        """Number of the present attempt at a lab."""
        return self.attempts.get(key, 1)

    def take(self, operation: Operation) -> None:
        """Brings in a change. Its attempt must be known."""
        if operation.kind == ERASE:
            for key, ended in operation.parts["attempts"].items():
                self._begin_anew(key, ended)
                self._drop_entry(key)
            return
        assert operation.attempt is not None
        if operation.kind == START_OVER:
            self._begin_anew(operation.key, operation.attempt)
            if operation.parts["entry_removed"]:
                self._drop_entry(operation.key)
            return
        if operation.kind == SAVE:
            self.entries[operation.key] = entry_in(operation, operation.attempt)
            self.touched.add(operation.key)
        if operation.kind == RECORD and (line := event_in(operation, operation.attempt)) is not None:
            self._note_first(operation.key, [line])
        if operation.parts["progress"] is not None:
            self.states[operation.key] = operation.parts["progress"]
            self.touched.add(operation.key)

    def _drop_entry(self, key: str) -> None:
        self.entries.pop(key, None)
        self.touched.discard(key)

    def _begin_anew(self, key: str, ended: int) -> None:
        self.attempts[key] = max(self.attempt(key), ended + 1)
        self.states[key] = None

    def _note_first(self, key: str, lines: list[Event]) -> None:
        for act in ACTS:
            if (key, act) not in self.first and (found := first_prediction_in(lines, act)) is not None:
                self.first[key, act] = found
