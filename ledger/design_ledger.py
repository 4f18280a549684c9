"""`DesignLedger`: one student's ledger, the only part of this package that labs use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from ledger.clock import now
from ledger.contract import validate_design
from ledger.erased import refuse_erased
from ledger.errors import EventError
from ledger.event_kinds import ACTS, IMPORTED, PREDICTION_LOCKED, check_event
from ledger.first_prediction import first_prediction_in
from ledger.identity import check_student_id
from ledger.keys import KEYS, entry_key
from ledger.operations import ERASE, PROGRESS, RECORD, SAVE, START_OVER, Operation, carry_out, entry_in, event_in
from ledger.plain import plain
from ledger.records import Entry, Event, Waiting, check_attempt, check_score
from ledger.rounds import Round, read_rounds
from ledger.rows import claim_student, current_attempt, read_entries, read_events, read_progress
from ledger.scores import is_graded
from ledger.store import Store


class DesignLedger:
    """The ledger of one student. It reads and writes nothing of any other.

    Labs are named by `chapter` and `volume` (1 or 2). Every method raises UnknownLab for a lab that does not
    exist, and LedgerError when the store cannot be reached.
    """

    def __init__(self, store: Store, student_id: str) -> None:
        check_student_id(student_id)
        self.store = store
        self.student_id = student_id
        self._begun = now()

    def claim(self, connection: Connection) -> None:
        """Holds the student's row for writing. Raises ErasedError when everything was erased since this was opened."""
        refuse_erased(connection, self.student_id, self._begun)
        claim_student(connection, self.student_id)

    def save(
        self,
        chapter: int,
        volume: int = 1,
        *,
        design: dict[str, Any],
        attempts: int | None = None,
        progress: dict[str, Any] | None = None,
        score: float | None = None,
    ) -> Entry:
        """Saves the design of a lab in place of an earlier one, with a `saved` event and any progress and score given.

        All in one transaction: when this returns, it is on the disk. `attempts` counts from 1; without it the
        number of the present attempt is taken. A `score` from 0 to 1 counts if it is the best so far. Raises
        DesignError when the design breaks the lab's contract.
        """
        key = entry_key(volume, chapter)
        parts = {"design": validate_design(key, design), "progress": _state(progress), "score": _score(score)}
        operation = self._operation(SAVE, key, parts, _checked(attempts))
        return entry_in(operation, self._write(operation))

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
            row = read_progress(connection, self.student_id, key).get(key)
        return None if row is None else row.state

    def save_progress(self, chapter: int, volume: int = 1, *, state: dict[str, Any]) -> None:
        """Keeps the lab's state for the next visit. The index page shows the text under `state["state"]`.

        Raises StoredValueError for a state that JSON cannot hold.
        """
        self._write(self._operation(PROGRESS, entry_key(volume, chapter), {"progress": _state(state)}))

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
        parts = {"event": kind, "data": stored, "progress": _state(progress)}
        operation = self._operation(RECORD, key, parts, _checked(attempt))
        happened = event_in(operation, self._write(operation))
        assert happened is not None
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

    def graded(self, chapter: int, volume: int = 1) -> bool:
        """Whether a gradebook is told what the student reaches in a lab."""
        key = entry_key(volume, chapter)
        with self.store.reading() as connection:
            return is_graded(connection, self.student_id, key)

    def latest_round(self, chapter: int, volume: int = 1) -> Round | None:
        """The latest class round of a lab, open or not; None if it never had one."""
        key = entry_key(volume, chapter)
        with self.store.reading() as connection:
            return read_rounds(connection, [key]).get(key)

    def start_over(self, chapter: int, volume: int = 1) -> int:
        """Clears the progress of a lab and begins the next attempt, whose number is returned.

        The entry stays until the next save; the log, and with it the first prediction, stays for good.
        """
        return self._write(self._begin_anew(chapter, volume, entry_removed=False)) + 1

    def reset(self, chapter: int, volume: int = 1) -> None:
        """Removes the entry and the progress of a lab. The log stays, with the reset in it."""
        self._write(self._begin_anew(chapter, volume, entry_removed=True))

    def reset_all(self) -> None:
        """Removes every entry and all progress of this student, all or nothing. The log stays."""
        self._write(self._operation(ERASE, "", {"attempts": {}}))

    def _begin_anew(self, chapter: int, volume: int, *, entry_removed: bool) -> Operation:
        return self._operation(START_OVER, entry_key(volume, chapter), {"entry_removed": entry_removed})

    def _operation(self, kind: str, key: str, parts: dict[str, Any], attempt: int | None = None) -> Operation:
        return Operation(self.student_id, kind, key, parts, attempt, begun=self._begun)

    def _write(self, operation: Operation) -> int:
        """Carries out a change; returns the attempt that it belongs to. It is on the disk then."""
        with self.store.writing() as connection:
            return carry_out(connection, operation)

    def waiting(self) -> Waiting | None:
        """What has been done and is not in the store yet; of a ledger that writes at once that is nothing."""
        return None

    def settle(self) -> None:
        """Returns when nothing waits to be written, for what works on the store itself: files and imports.

        Raises StoreUnavailable when something waits.
        """

    def summary(self) -> dict[str, dict[str, Any]]:
        """One line per lab the student has touched, for the index page, in two queries.

        Key -> {"state": name of the state the lab is in, or None; "saved_at": time of the saved entry (UTC),
        or None; "correct": whether the first Act I prediction was right, or None}.
        """
        with self.store.reading() as connection:
            saved = read_entries(connection, self.student_id)
            states = read_progress(connection, self.student_id)
        return summary_of(saved, {key: row.state for key, row in states.items()})


def summary_of(saved: Mapping[str, Entry], states: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The lines of `DesignLedger.summary`, from entries and states of labs by key."""
    return {key: _summary_line(saved.get(key), states.get(key, {})) for key in KEYS if key in saved or key in states}


def _summary_line(entry: Entry | None, stored: dict[str, Any]) -> dict[str, Any]:
    state = stored.get("state")
    return {
        "state": state if isinstance(state, str) else None,
        "saved_at": entry.saved_at if entry else None,
        "correct": entry.design.get("act1_correct") if entry else None,
    }


def _state(progress: dict[str, Any] | None) -> dict[str, Any] | None:
    return plain(progress, "progress")


def _score(score: float | None) -> float | None:
    return None if score is None else check_score(score)


def _checked(attempt: int | None) -> int | None:
    return None if attempt is None else check_attempt(attempt)
