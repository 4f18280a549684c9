"""The best that a student has reached in a lab, and which gradebooks have still to be told."""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, func, select, update

from ledger.clock import now
from ledger.records import check_score
from ledger.rows import put_row
from ledger.tables import grade_columns, grade_deliveries, scores


def keep_score(connection: Connection, student: str, key: str, score: float) -> None:
    """Keeps a score (0 to 1) if it is the best so far; every gradebook that was told less is to be told at once.

    Raises StoredValueError for a score out of range.
    """
    score = check_score(score)
    known = best_score(connection, student, key)
    if known is not None and known >= score:
        return
    put_row(connection, scores, {"student": student, "key": key}, {"score": score, "at": now()})
    connection.execute(
        update(grade_deliveries)
        .where(
            grade_deliveries.c.student == student,
            grade_deliveries.c.grade_column.in_(select(grade_columns.c.id).where(grade_columns.c.key == key)),
            func.coalesce(grade_deliveries.c.sent, -1) < score,
        )
        .values(pending=True, attempts=0, next_try=now())
    )


def best_score(connection: Connection, student: str, key: str) -> float | None:
    """The best that a student has reached in a lab; None before anything was saved."""
    query = select(scores.c.score).where(scores.c.student == student, scores.c.key == key)
    return connection.execute(query).scalar()


def is_graded(connection: Connection, student: str, key: str) -> bool:
    """Whether a gradebook is told of this student and lab."""
    told = exists().where(
        grade_deliveries.c.student == student,
        grade_deliveries.c.grade_column == grade_columns.c.id,
        grade_columns.c.key == key,
    )
    return bool(connection.execute(select(told)).scalar())


def remove_score(connection: Connection, student: str, key: str) -> None:
    """Forgets what a student has reached in a lab. Gradebooks keep what they were told."""
    connection.execute(delete(scores).where(scores.c.student == student, scores.c.key == key))
