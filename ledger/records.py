"""What the ledger hands out: entries and events as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.errors import StoredValueError
from ledger.keys import parse_key

MAX_ATTEMPTS = 1_000_000
"""Largest attempt number that is believed."""


def check_attempt(value: object) -> int:
    """The number of an attempt. Raises StoredValueError unless it is a whole number from 1."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_ATTEMPTS:
        raise StoredValueError(f"An attempt is a whole number from 1 to {MAX_ATTEMPTS}, not {value!r}.")
    return value


def check_score(score: object) -> float:
    """A score. Raises StoredValueError unless it is a number from 0 to 1."""
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise StoredValueError(f"A score is a number from 0 to 1, not {score!r}.")
    return float(score)


@dataclass(frozen=True)
class Entry:
    """What a student saved in one lab: the design's sound fields, the attempts it took, the time (UTC)."""

    key: str
    design: dict[str, Any]
    attempts: int
    saved_at: datetime

    @property
    def volume(self) -> int:
        return parse_key(self.key)[0]

    @property
    def chapter(self) -> int:
        return parse_key(self.key)[1]


@dataclass(frozen=True)
class Progress:
    """How far a student is in one lab: the lab's own state, and when it was last written (UTC)."""

    key: str
    state: dict[str, Any]
    updated_at: datetime


@dataclass(frozen=True)
class Event:
    """One line of the append-only log: what happened, in which attempt at a lab, its data and time (UTC)."""

    key: str
    attempt: int
    kind: str
    data: dict[str, Any]
    at: datetime


@dataclass(frozen=True)
class Waiting:
    """Changes of one student that are not in the store yet: how many, since when (UTC), and one of
    `ledger.failures.REASONS`."""

    changes: int
    since: datetime
    reason: str
