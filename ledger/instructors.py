"""Who teaches: what instructors do in a lab is kept for them like anybody's, and does not count as the class's.

Somebody is an instructor to the ledger as long as their last sign-in or launch said so; it says so of the work that
they did before, too.
"""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, Connection, delete, select

from ledger.clock import now
from ledger.identity import INSTRUCTOR, check_student_id
from ledger.rows import claim_student, put_row
from ledger.tables import instructors


def put_role(connection: Connection, student_id: str, role: str) -> None:
    """Notes whether somebody who has just come teaches. Raises LedgerError for an id of another form."""
    check_student_id(student_id)
    if role == INSTRUCTOR:
        claim_student(connection, student_id)
        put_row(connection, instructors, {"student": student_id}, {"seen_at": now()})
    else:
        connection.execute(delete(instructors).where(instructors.c.student == student_id))


def of_the_class(student: Column[str]) -> ColumnElement[bool]:
    """The condition that a row, whose column `student` names whose it is, is no instructor's."""
    return student.not_in(select(instructors.c.student))
