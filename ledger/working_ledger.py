"""The ledger of one student as an open page uses it: the page goes on while the store cannot be reached."""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from typing import Any

from ledger.design_ledger import DesignLedger, summary_of
from ledger.errors import EventError, StoreUnavailable
from ledger.event_kinds import ACTS, FAILURE_ENTERED, FAILURE_LEFT
from ledger.keys import KEYS, entry_key
from ledger.known import Known
from ledger.operations import ERASE, PROGRESS, RECORD, Operation
from ledger.outbox import Outbox
from ledger.records import Entry, Event, Waiting
from ledger.rounds import Round, read_rounds
from ledger.rows import read_events, read_progress
from ledger.scores import is_graded

FRESH_S = 1.0
"""How old what a page knows may be before it asks the store again, in case the student has another page open."""


class WorkingLedger(DesignLedger):
    """A `DesignLedger` whose changes go through an outbox.

    A change is in the store when the method returns, or waits there: `waiting` tells. Where controls came to rest, and
    failures that came or went, is posted: nobody waits for the disk at every move. Reading gives what the store
    holds and what waits on top of it. Once something has been read, entries, attempts and first predictions can be
    read while the store is gone; everything else raises StoreUnavailable then.
    """

    def __init__(self, outbox: Outbox, student_id: str) -> None:
        super().__init__(outbox.store, student_id)
        self._outbox = outbox
        self._known: Known | None = None
        self._read_at = float("-inf")

    def waiting(self) -> Waiting | None:
        return self._outbox.waiting(self.student_id)

    def settle(self) -> None:
        self._outbox.settled(self.student_id)
        self._read_at = float("-inf")  # whoever asks is going to change the store itself
        if (waiting := self.waiting()) is not None:
            raise StoreUnavailable(
                f"{waiting.changes} of your changes wait to be saved; please try again when they are.", waiting.reason
            )

    # --- reading -------------------------------------------------------------------------------------------

    def entry(self, chapter: int, volume: int = 1) -> Entry | None:
        return copy.deepcopy(self._knows().entries.get(entry_key(volume, chapter)))

    def entries(self) -> dict[str, Entry]:
        known = self._knows().entries
        return {key: copy.deepcopy(known[key]) for key in KEYS if key in known}

    def attempt(self, chapter: int, volume: int = 1) -> int:
        return self._knows().attempt(entry_key(volume, chapter))

    def first_prediction(self, chapter: int, volume: int = 1, act: str = "act1") -> dict[str, Any] | None:
        if act not in ACTS:
            raise EventError(f"The acts of a lab are {' and '.join(ACTS)}, not {act!r}.")
        return copy.deepcopy(self._knows().first.get((entry_key(volume, chapter), act)))

    def progress(self, chapter: int, volume: int = 1) -> dict[str, Any] | None:
        key = entry_key(volume, chapter)
        return copy.deepcopy(self._states(key).get(key))

    def events(self, chapter: int | None = None, volume: int = 1) -> list[Event]:
        key = None if chapter is None else entry_key(volume, chapter)
        self.settle()
        return self._outbox.ask(lambda connection: read_events(connection, self.student_id, key))

    def graded(self, chapter: int, volume: int = 1) -> bool:
        key = entry_key(volume, chapter)
        try:
            return self._outbox.ask(lambda connection: is_graded(connection, self.student_id, key))
        except StoreUnavailable:
            return False  # a sentence about scores can wait until the ledger is back; the score itself is kept

    def latest_round(self, chapter: int, volume: int = 1) -> Round | None:
        key = entry_key(volume, chapter)
        return self._outbox.ask(lambda connection: read_rounds(connection, [key]).get(key))

    def summary(self) -> dict[str, dict[str, Any]]:
        return summary_of(self.entries(), self._states())

    def _states(self, key: str | None = None) -> dict[str, dict[str, Any]]:
        """States of labs by key, of all or of one: those in the store with what waits on top."""
        # Taken first: what reaches the store meanwhile is then seen twice, which does no harm, and never missed.
        pending = self._outbox.pending(self.student_id)
        stored = self._outbox.ask(lambda connection: read_progress(connection, self.student_id, key))
        late = Known({}, set(), [])
        for operation in pending:
            late.take(operation)
        states: dict[str, dict[str, Any] | None] = {name: row.state for name, row in stored.items()}
        return {name: state for name, state in (states | late.states).items() if state is not None}

    def _knows(self) -> Known:
        if self._known is not None and time.monotonic() - self._read_at < FRESH_S:
            return self._known
        pending = self._outbox.pending(self.student_id)
        if self._known is not None and pending:
            return self._known
        try:
            known = self._outbox.ask(lambda connection: Known.read(connection, self.student_id))
        except StoreUnavailable:
            if self._known is None:
                raise
            return self._known
        for operation in pending:
            known.take(operation)
        self._known, self._read_at = known, time.monotonic()
        return known

    # --- writing -------------------------------------------------------------------------------------------

    def _write(self, operation: Operation) -> int:
        # Where controls stand belongs to no attempt: the store need not be asked for the present one at every move.
        known = self._known if operation.kind == PROGRESS and self._known is not None else self._knows()
        if operation.kind == ERASE:
            operation = replace(operation, parts={"attempts": {key: known.attempt(key) for key in known.touched}})
        elif operation.attempt is None:
            operation = replace(operation, attempt=known.attempt(operation.key))
        if _may_be_posted(operation):
            self._outbox.post(operation)
        else:
            self._outbox.put(operation)
        known.take(operation)
        return operation.attempt or 1


def _may_be_posted(operation: Operation) -> bool:
    """Whether a page may go on before the change is in the store."""
    return operation.kind == PROGRESS or (
        operation.kind == RECORD and operation.parts["event"] in (FAILURE_ENTERED, FAILURE_LEFT)
    )
