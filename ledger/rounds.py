"""Class rounds (peer instruction): a class votes on a lab's first prediction, discusses, votes again, and sees.

A round belongs to a lab and names no student. The first vote is the prediction that a student locks anyway.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from ledger.clock import now
from ledger.errors import RoundError
from ledger.keys import parse_key
from ledger.store import Store
from ledger.tables import rounds

VOTE = "vote"
DISCUSS = "discuss"
REVOTE = "revote"
REVEALED = "revealed"
PHASES = (VOTE, DISCUSS, REVOTE, REVEALED)
"""The phases of a round, in their order. It may go on to the next one, or at once to the last."""

LONGEST_HOLD = timedelta(minutes=30)
"""After this time a round that nobody revealed is over: no student waits for somebody who has left the room."""


@dataclass(frozen=True)
class Round:
    """A round of the lab with this key, numbered from 1. Times are UTC; `changed_at` is when its phase began."""

    key: str
    number: int
    phase: str
    opened_at: datetime
    changed_at: datetime

    def is_open(self, moment: datetime | None = None) -> bool:
        """Whether students of this round wait for the class at `moment`, by default now."""
        return self.phase != REVEALED and (moment or now()) < self.opened_at + LONGEST_HOLD


def latest_rounds(store: Store, keys: Collection[str]) -> dict[str, Round]:
    """Key -> the latest round of that lab, open or not; labs that never had one are left out.

    Raises LedgerError when the store cannot be read.
    """
    with store.reading() as connection:
        return read_rounds(connection, keys)


def read_rounds(connection: Connection, keys: Collection[str]) -> dict[str, Round]:
    """The same, within a transaction."""
    query = select(rounds).where(rounds.c.key.in_(keys)).order_by(rounds.c.number)
    return {row.key: Round(**row._mapping) for row in connection.execute(query)}


def open_round(store: Store, key: str) -> Round:
    """Opens the next round of a lab, in its phase "vote".

    Raises UnknownLab for a key that names no lab, RoundError while a round of it is open.
    """
    parse_key(key)
    with store.writing() as connection:
        last = read_rounds(connection, [key]).get(key)
        if last is not None and last.is_open():
            raise RoundError(f"A round of this lab is open already, in its phase {last.phase!r}; reveal it first.")
        moment = now()
        opened = Round(key, 1 if last is None else last.number + 1, VOTE, moment, moment)
        try:
            with connection.begin_nested():
                connection.execute(insert(rounds), vars(opened))
        except IntegrityError:
            raise RoundError("A round of this lab was opened at the same moment by somebody else.") from None
    return opened


def move_round(store: Store, key: str, number: int, phase: str) -> Round:
    """Takes a round on to a later phase. To be where it is asked to go already is no error.

    Raises RoundError for a phase that does not follow, or a round that is over.
    """
    if phase not in PHASES:
        raise RoundError(f"{phase!r} is no phase of a round; the phases are {', '.join(PHASES)}.")
    with store.writing() as connection:
        latest = read_rounds(connection, [key]).get(key)
        if latest is None or latest.number != number:
            raise RoundError("There is a newer round of this lab, or none.")
        if latest.phase == phase:
            return latest
        if not latest.is_open():
            raise RoundError("This round is over; open a new one.")
        following = {PHASES[PHASES.index(latest.phase) + 1], REVEALED}
        if phase not in following:
            raise RoundError(f"A round in its phase {latest.phase!r} does not go on to {phase!r}.")
        moved = Round(key, number, phase, latest.opened_at, now())
        # Only from where it was: of two instructors who press at once, one is told that it has moved on.
        place = (rounds.c.key == key) & (rounds.c.number == number) & (rounds.c.phase == latest.phase)
        changed = connection.execute(update(rounds).where(place).values(phase=phase, changed_at=moved.changed_at))
        if changed.rowcount != 1:
            raise RoundError("The round was taken on at the same moment by somebody else.")
    return moved
