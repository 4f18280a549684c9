"""What a sign-in calls the students: shown to instructors, kept apart from the log, removable by itself."""

from __future__ import annotations

from sqlalchemy import select

from ledger.clock import now
from ledger.identity import check_student_id
from ledger.rows import claim_student, put_row
from ledger.store import Store
from ledger.tables import people

MAX_NAME = 200
"""Longest name that is kept; a longer one is cut."""


def remember_name(store: Store, student_id: str, name: str) -> None:
    """Keeps the name that a sign-in gave for a student, in place of an earlier one. An empty name is not kept.

    Raises LedgerError when the store cannot be written.
    """
    check_student_id(student_id)
    name = tidy_name(name)
    if not name:
        return
    with store.writing() as connection:
        claim_student(connection, student_id)
        put_row(connection, people, {"student": student_id}, {"name": name, "seen_at": now()})


def tidy_name(name: str) -> str:
    """A name as it is kept: on one line, and not longer than MAX_NAME."""
    return " ".join(name.split())[:MAX_NAME]


def names(store: Store) -> dict[str, str]:
    """Student id -> name, of all whose name is known."""
    with store.reading() as connection:
        return {row.student: row.name for row in connection.execute(select(people.c.student, people.c.name))}


def name_of(store: Store, student_id: str) -> str:
    """The name of one student; empty if it is not known."""
    with store.reading() as connection:
        return connection.execute(select(people.c.name).where(people.c.student == student_id)).scalar() or ""
