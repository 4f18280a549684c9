"""What a sign-in calls the students: shown to instructors, kept apart from the log, removable by itself."""

from __future__ import annotations

from sqlalchemy import select

from ledger.clock import now
from ledger.identity import STUDENT, check_student_id
from ledger.instructors import put_role
from ledger.rows import claim_student, put_row
from ledger.store import Store
from ledger.tables import people

MAX_NAME = 200
"""Longest name that is kept; a longer one is cut."""


def remember_person(store: Store, student_id: str, name: str, role: str = STUDENT) -> None:
    """Keeps what a sign-in says of somebody: the name, in place of an earlier one, and whether they teach.

    An empty name is not kept. Raises LedgerError when the store cannot be written.
    """
    check_student_id(student_id)
    name = tidy_name(name)
    with store.writing() as connection:
        put_role(connection, student_id, role)
        if name:
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
