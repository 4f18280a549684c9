"""`DesignLedger`: one student's ledger, the only part of this package that labs use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ledger.clock import now
from ledger.contract import validate_design
from ledger.errors import ErasedError, EventError
from ledger.event_kinds import ACTS, IMPORTED, PREDICTION_LOCKED, SAVED, STARTED_OVER, check_event
from ledger.identity import check_student_id
from ledger.keys import KEYS, entry_key
from ledger.plain import plain
from ledger.records import Entry, Event, Progress, check_attempt
from ledger.rows import (
    add_events,
    claim_student,
    current_attempt,
    put_entry,
    put_progress,
    read_entries,
    read_events,
    read_progress,
    remove_entry,
    remove_progress,
    student_since,
)
from ledger.store import Store


class DesignLedger:
    """The ledger of one student. It reads and writes nothing of any other.

    Labs are named by `chapter` and `volume` (1 or 2). Every method raises UnknownLab for a lab that does not
    exist, and LedgerError when the store cannot be reached. What has been erased is not brought back by a page that was
    open before: writing then raises ErasedError.
    """

    def __init__(self, store: Store, student_id: str) -> None:
        check_student_id(student_id)
        self.store = store
        self.student_id = student_id
        self._since: datetime | None = None

    def claim(self, connection: Connection) -> None:
        """Holds the student's row for writing. Raises ErasedError when it was erased since it was first met here."""
        since = claim_student(connection, self.student_id)
        if self._since not in (None, since):
            raise ErasedError(
                "everything that was kept under this name or cookie has been erased; reload the page to begin anew"
            )
        self._since = since

    def save(
        self,
        chapter: int,
        volume: int = 1,
        *,
        design: dict[str, Any],
        attempts: int | None = None,
        progress: dict[str, Any] | None = None,
    ) -> Entry:
        """Saves the design of a lab in place of an earlier one, with a `saved` event and any progress given.

        All in one transaction: when this returns, it is on the disk. `attempts` counts from 1; without it the
        number of the present attempt is taken. Raises DesignError when the design breaks the lab's contract.
        """
        key = entry_key(volume, chapter)
        stored = validate_design(key, design)
        with self.store.writing() as connection:
            self.claim(connection)
            if attempts is None:
                attempts = current_attempt(connection, self.student_id, key)
            entry = Entry(key, stored, check_attempt(attempts), now())
            put_entry(connection, self.student_id, entry)
            if progress is not None:
                put_progress(connection, self.student_id, Progress(key, progress, entry.saved_at))
            add_events(connection, self.student_id, [Event(key, attempts, SAVED, stored, entry.saved_at)])
        return entry

    def get(self, chapter: int, volume: int = 1) -> dict[str, Any] | None:
        """The saved design of a lab, a copy of its sound fields; None when nothing was saved.

        A reader takes `.get(field)` and uses its fallback for None: a missing and a damaged field are the
        same case.
        """
        entry = self.entry(chapter, volume)
        return None if entry is None else entry.design

    def entry(self, chapter: int, volume: int = 1) -> Entry | None:
        """The saved design of a lab with its attempts and time; None when nothing was saved."""
        key = entry_key(volume, chapter)
        with self.store.reading() as connection:
            return read_entries(connection, self.student_id, key).get(key)

    def entries(self) -> dict[str, Entry]:
        """Every saved entry by key, in the order of the course."""
        with self.store.reading() as connection:
            return read_entries(connection, self.student_id)

    def all(self) -> dict[str, dict[str, Any]]:
        """Every saved design by key, in the order of the course."""
        return {key: entry.design for key, entry in self.entries().items()}

    def progress(self, chapter: int, volume: int = 1) -> dict[str, Any] | None:
        """The lab's own state as it was last saved, a copy; None when there is none."""
        key = entry_key(volume, chapter)
        with self.store.reading() as connection:
            self._since = self._since or student_since(connection, self.student_id)
            row = read_progress(connection, self.student_id, key).get(key)
        return None if row is None else row.state

    def save_progress(self, chapter: int, volume: int = 1, *, state: dict[str, Any]) -> None:
        """Keeps the lab's state for the next visit. The index page shows the text under `state["state"]`.

        Raises StoredValueError for a state that JSON cannot hold.
        """
        row = Progress(entry_key(volume, chapter), state, now())
        with self.store.writing() as connection:
            self.claim(connection)
            put_progress(connection, self.student_id, row)

    def record(
        self,
        kind: str,
        chapter: int,
        volume: int = 1,
        data: dict[str, Any] | None = None,
        attempt: int | None = None,
        *,
        progress: dict[str, Any] | None = None,
    ) -> Event:
        """Appends an event to the log, and keeps the state with it if given: both or neither.

        `kind` and the data it must carry are those of `ledger.event_kinds`; `attempt` is the present one
        unless given. Raises EventError for another kind or missing data.
        """
        key = entry_key(volume, chapter)
        stored = plain({} if data is None else data, "event data")
        check_event(kind, stored)
        with self.store.writing() as connection:
            self.claim(connection)
            if attempt is None:
                attempt = current_attempt(connection, self.student_id, key)
            happened = Event(key, check_attempt(attempt), kind, stored, now())
            add_events(connection, self.student_id, [happened])
            if progress is not None:
                put_progress(connection, self.student_id, Progress(key, progress, happened.at))
        return happened

    def events(self, chapter: int | None = None, volume: int = 1) -> list[Event]:
        """The log of this student, oldest first: of one lab, or of all when no chapter is given."""
        key = None if chapter is None else entry_key(volume, chapter)
        with self.store.reading() as connection:
            return read_events(connection, self.student_id, key)

    def attempt(self, chapter: int, volume: int = 1) -> int:
        """Number of the present attempt at a lab: 1, and one more for every "Start over"."""
        key = entry_key(volume, chapter)
        with self.store.reading() as connection:
            return current_attempt(connection, self.student_id, key)

    def first_prediction(self, chapter: int, volume: int = 1, act: str = "act1") -> dict[str, Any] | None:
        """The very first prediction locked in an act: a dict with "act", "prediction" and "correct", or None.

        It is read from the log, so neither "Start over" nor a reset changes it. An imported entry counts with
        the Act I prediction it brought. Raises EventError for an act other than "act1" and "act2".
        """
        if act not in ACTS:
            raise EventError(f"The acts of a lab are {' and '.join(ACTS)}, not {act!r}.")
        key = entry_key(volume, chapter)
        with self.store.reading() as connection:
            candidates = read_events(connection, self.student_id, key, (PREDICTION_LOCKED, IMPORTED))
        return first_prediction_in(candidates, act)

    def start_over(self, chapter: int, volume: int = 1) -> int:
        """Clears the progress of a lab and begins the next attempt, whose number is returned.

        The entry stays until the next save; the log, and with it the first prediction, stays for good.
        """
        key = entry_key(volume, chapter)
        with self.store.writing() as connection:
            self.claim(connection)
            return self._begin_anew(connection, key, entry_removed=False)

    def reset(self, chapter: int, volume: int = 1) -> None:
        """Removes the entry and the progress of a lab. The log stays, with the reset in it."""
        key = entry_key(volume, chapter)
        with self.store.writing() as connection:
            self.claim(connection)
            self._begin_anew(connection, key, entry_removed=True)

    def reset_all(self) -> None:
        """Removes every entry and all progress of this student, all or nothing. The log stays."""
        with self.store.writing() as connection:
            self.claim(connection)
            touched = read_entries(connection, self.student_id) | read_progress(connection, self.student_id)
            for key in touched:
                self._begin_anew(connection, key, entry_removed=True)

    def _begin_anew(self, connection: Connection, key: str, *, entry_removed: bool) -> int:
        attempt = current_attempt(connection, self.student_id, key)
        remove_progress(connection, self.student_id, key)
        if entry_removed:
            remove_entry(connection, self.student_id, key)
        data = {"entry_removed": entry_removed}
        add_events(connection, self.student_id, [Event(key, attempt, STARTED_OVER, data, now())])
        return attempt + 1

    def summary(self) -> dict[str, dict[str, Any]]:
        """One line per lab the student has touched, for the index page, in two queries.

        Key -> {"state": name of the state the lab is in, or None; "saved_at": time of the saved entry (UTC),
        or None; "correct": whether the first Act I prediction was right, or None}.
        """
        with self.store.reading() as connection:
            saved = read_entries(connection, self.student_id)
            states = read_progress(connection, self.student_id)
        return {key: _summary_line(saved.get(key), states.get(key)) for key in KEYS if key in saved or key in states}


def first_prediction_in(events: Iterable[Event], act: str) -> dict[str, Any] | None:
    """The first prediction of `act` among one student's events of one lab, oldest first; None if none is."""
    for event in events:
        if event.kind == PREDICTION_LOCKED and event.data.get("act") == act:
            return event.data
        if event.kind == IMPORTED and act == "act1" and event.data.get("act1_prediction") is not None:
            return {
                "act": act,
                "prediction": event.data["act1_prediction"],
                "correct": event.data.get("act1_correct"),
            }
    return None


def _summary_line(entry: Entry | None, row: Progress | None) -> dict[str, Any]:
    state = row.state.get("state") if row else None
    return {
        "state": state if isinstance(state, str) else None,
        "saved_at": entry.saved_at if entry else None,
        "correct": entry.design.get("act1_correct") if entry else None,
    }
