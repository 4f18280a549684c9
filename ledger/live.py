"""What a class does in one lab while it works: every student's trace, kept up to date by reading only what is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from ledger.contract import readable_design
from ledger.event_kinds import (
    ACTS,
    CHALLENGE_SOLVED,
    FAILURE_ENTERED,
    IMPORTED,
    OPENED,
    PREDICTION_LOCKED,
    PREDICTION_REVISED,
    REFLECTION_ANSWERED,
    SAVED,
    STARTED_OVER,
)
from ledger.instructors import of_the_class
from ledger.keys import parse_key
from ledger.rounds import Round, read_rounds
from ledger.rows import decoded
from ledger.store import Store
from ledger.tables import events, progress

OVERLAP_IDS = 256
"""So many of the newest ids are looked at again: transactions need not end in the order of their ids."""

OVERLAP = timedelta(seconds=30)
"""So much of the newest progress is looked at again: clocks of several machines differ."""

Order = tuple[datetime, int]
"""Place of an event in the log: its time and its id."""


@dataclass(frozen=True)
class Mark:
    """A choice that the log knows of: a prediction or an answer as the ledger keeps it, right or not, and its place."""

    choice: Any
    correct: bool | None
    order: Order


@dataclass
class Trace:
    """What one student has done in the lab, over all attempts.

    `predictions` and `answers` hold the very first one of each act, `locks` every prediction of Act I that was
    locked, `revised` the last second vote by round. `failures` are ids, `solved` maps a context to the result of the
    first design that met its challenge there, where the log has it. `saved` is the design in the ledger, if any.
    `state` is where the student stands, None if that is not known.
    """

    opened: bool = False
    predictions: dict[str, Mark] = field(default_factory=dict)
    locks: list[Mark] = field(default_factory=list)
    revised: dict[int, Mark] = field(default_factory=dict)
    answers: dict[str, Mark] = field(default_factory=dict)
    failures: set[str] = field(default_factory=set)
    solved: dict[str, float | None] = field(default_factory=dict)
    _saved: tuple[Order, dict[str, Any] | None] | None = None
    _began_anew: Order | None = None
    _progress: tuple[datetime, str | None] | None = None

    @property
    def saved(self) -> dict[str, Any] | None:
        """The sound fields of the saved design; None if there is none, or it was removed."""
        return None if self._saved is None else self._saved[1]

    @property
    def state(self) -> str | None:
        """Name of the state that the lab is in for this student."""
        known = self._progress
        if known is not None and (self._began_anew is None or known[0] >= self._began_anew[0]):
            return known[1]
        return "briefing" if self.opened or self._began_anew is not None else None

    def copy(self) -> Trace:
        """A trace that can grow without this one."""
        return replace(
            self,
            predictions=dict(self.predictions),
            locks=list(self.locks),
            revised=dict(self.revised),
            answers=dict(self.answers),
            failures=set(self.failures),
            solved=dict(self.solved),
        )

    def vote_in(self, opened: datetime, closed: datetime | None = None) -> Mark | None:
        """The first prediction of Act I locked from `opened` on, before `closed`: the first vote of a round."""
        inside = (mark for mark in self.locks if opened <= mark.order[0] and (closed is None or mark.order[0] < closed))
        return min(inside, key=lambda mark: mark.order, default=None)


class LabLog:
    """The traces of every student who has touched one lab; instructors are none (`ledger.instructors`).

    `refresh` brings them up to date with one set of queries. A trace that was handed out does not change
    any more: the next refresh puts another in its place. So one thread may refresh while another shows what it has
    found.
    """

    def __init__(self, store: Store, key: str) -> None:
        parse_key(key)
        self.key = key
        self.traces: dict[str, Trace]
        self.round: Round | None = None
        self._store = store
        self._forget()

    def _forget(self) -> None:
        self.traces = {}
        self._growing: set[str] = set()
        self._known: set[int] = set()
        self._last = 0
        self._kept: dict[str, datetime] = {}

    def refresh(self) -> bool:
        """Reads what has happened since; whether anything has. Raises LedgerError when the store cannot be read."""
        self._growing.clear()
        with self._store.reading(snapshot=True) as connection:
            changed = self._read_events(connection)
            query = select(func.count()).select_from(events).where(events.c.key == self.key)
            query = query.where(of_the_class(events.c.student))
            if connection.execute(query).scalar_one() != len(self._known):
                # Somebody was erased or began to teach, or a transaction ended very late: begin anew.
                self._forget()
                self._read_events(connection)
                changed = True
            changed = self._read_progress(connection) or changed
            latest = read_rounds(connection, [self.key]).get(self.key)
        changed = changed or latest != self.round
        self.round = latest
        return changed

    def _read_events(self, connection: Connection) -> bool:
        query = (
            select(events.c.id, events.c.student, events.c.kind, events.c.data, events.c.at)
            .where(events.c.key == self.key, events.c.id > self._last - OVERLAP_IDS, of_the_class(events.c.student))
            .order_by(events.c.id)
        )
        new = [row for row in connection.execute(query) if row.id not in self._known]
        for row in new:
            self._known.add(row.id)
            self._last = max(self._last, row.id)
            take(self._trace(row.student), self.key, row.kind, row.data, (row.at, row.id))
        return bool(new)

    def _read_progress(self, connection: Connection) -> bool:
        query = select(progress.c.student, progress.c.state, progress.c.updated_at).where(
            progress.c.key == self.key, of_the_class(progress.c.student)
        )
        if self._kept:
            query = query.where(progress.c.updated_at > max(self._kept.values()) - OVERLAP)
        changed = False
        for student, text, updated in connection.execute(query):
            if self._kept.get(student) == updated:
                continue
            self._kept[student] = updated
            state = decoded(text, self.key).get("state")
            trace = self._trace(student)
            known = trace.state
            trace._progress = (updated, state if isinstance(state, str) else None)
            changed = changed or trace.state != known
        return changed

    def _trace(self, student: str) -> Trace:
        """The trace of a student that this refresh may change."""
        if student not in self._growing:
            known = self.traces.get(student)
            self.traces[student] = Trace() if known is None else known.copy()
            self._growing.add(student)
        return self.traces[student]


def take(trace: Trace, key: str, kind: str, text: str, order: Order) -> None:
    """Adds an event of the log with its stored data to a trace, in whatever order events come."""
    data: Mapping[str, Any] = decoded(text, key)
    act = data.get("act")
    if kind == OPENED:
        trace.opened = True
    elif kind == PREDICTION_LOCKED and act in ACTS:
        mark = _mark(data, "prediction", order)
        _keep_first(trace.predictions, act, mark)
        if act == ACTS[0]:
            trace.locks.append(mark)
    elif kind == PREDICTION_REVISED and isinstance(data.get("round"), int):
        known = trace.revised.get(data["round"])
        if known is None or known.order < order:
            trace.revised[data["round"]] = _mark(data, "prediction", order)
    elif kind == REFLECTION_ANSWERED and act in ACTS:
        _keep_first(trace.answers, act, _mark(data, "answer", order))
    elif kind == FAILURE_ENTERED:
        trace.failures.add(str(data.get("failure")))
    elif kind == CHALLENGE_SOLVED:
        trace.solved.setdefault(str(data.get("context")), _number(data.get("result")))
    elif kind in (SAVED, IMPORTED):
        _keep_saved(trace, order, readable_design(key, dict(data)))
        if kind == IMPORTED and data.get("act1_prediction") is not None:
            brought = {"prediction": data["act1_prediction"], "correct": data.get("act1_correct")}
            _keep_first(trace.predictions, ACTS[0], _mark(brought, "prediction", order))
    elif kind == STARTED_OVER:
        trace._began_anew = max(trace._began_anew or order, order)
        if data.get("entry_removed") is True:
            _keep_saved(trace, order, None)


def students_of(traces: Mapping[str, Trace], state: str) -> Iterable[str]:
    """Who stands in a state."""
    return (student for student, trace in traces.items() if trace.state == state)


def _mark(data: Mapping[str, Any], name: str, order: Order) -> Mark:
    correct = data.get("correct")
    return Mark(data.get(name), correct if isinstance(correct, bool) else None, order)


def _keep_first(marks: dict[str, Mark], act: str, mark: Mark) -> None:
    known = marks.get(act)
    if known is None or mark.order < known.order:
        marks[act] = mark


def _keep_saved(trace: Trace, order: Order, design: dict[str, Any] | None) -> None:
    if trace._saved is None or trace._saved[0] < order:
        trace._saved = (order, design)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
