"""Scores on their way to the gradebooks of learning platforms: a queue in the ledger that outlives any process.

Several processes and machines send from it. A lease of limited time makes sure that one of them at a time sends a
score, and that one of them makes a column; if its holder dies, the lease ends and somebody else goes on.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, and_, func, insert, or_, select, update

from ledger.clock import now
from ledger.keys import parse_key
from ledger.rows import claim_student, put_row
from ledger.scores import best_score
from ledger.store import Store
from ledger.tables import grade_columns, grade_deliveries, scores

MAX_PROBLEM = 200
"""Longest reason of a failure that is kept; a longer one is cut."""


@dataclass(frozen=True)
class GradeColumn:
    """A column of a gradebook: the place in a platform's course that leads to the lab `key`.

    `lineitem` is the address of the column, `lineitems` that of all columns of the course; one of them may be None.
    """

    issuer: str
    client_id: str
    deployment: str
    resource_link: str
    key: str
    lineitems: str | None = None
    lineitem: str | None = None

    @property
    def id(self) -> str:
        """Names the column in the ledger: follows from all but its addresses, which may change."""
        parts = (self.issuer, self.client_id, self.deployment, self.resource_link, self.key)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Delivery:
    """A score (0 to 1) that `column` has to be told of the person whom the platform calls `platform_user`.

    `attempts` counts those that failed since the score was reached; `lease` is the right to send.
    """

    student_id: str
    platform_user: str
    score: float
    column: GradeColumn
    attempts: int
    lease: str


def grade_to(store: Store, student_id: str, platform_user: str, column: GradeColumn) -> None:
    """Has `column` told what a student reaches in its lab, from now on and including what was reached before.

    Called at every launch: addresses that the platform has changed are taken over, an address that it does not
    name keeps the one that is known. Raises LedgerError when the store cannot be written.
    """
    parse_key(column.key)
    fields = ("issuer", "client_id", "deployment", "resource_link", "key", "lineitems", "lineitem")
    with store.writing() as connection:
        claim_student(connection, student_id)
        given = {name: value for name in fields if (value := getattr(column, name)) is not None}
        put_row(connection, grade_columns, {"id": column.id}, given)
        here = (grade_deliveries.c.student == student_id, grade_deliveries.c.grade_column == column.id)
        if connection.execute(select(grade_deliveries.c.pending).where(*here)).one_or_none() is None:
            row = {
                "student": student_id,
                "grade_column": column.id,
                "platform_user": platform_user,
                "pending": best_score(connection, student_id, column.key) is not None,
                "attempts": 0,
                "next_try": now(),
            }
            connection.execute(insert(grade_deliveries), row)
        else:
            # Somebody who comes again need not wait for what failed for long.
            connection.execute(update(grade_deliveries).where(*here).values(next_try=now()))


def claim_delivery(store: Store, lease_seconds: float) -> Delivery | None:
    """A score that is due, for whoever asks to send it within `lease_seconds`; None when none is due.

    Raises LedgerError when the store cannot be reached.
    """
    query = (
        select(grade_deliveries, grade_columns, scores.c.score)
        .join(grade_columns, grade_columns.c.id == grade_deliveries.c.grade_column)
        .join(scores, and_(scores.c.student == grade_deliveries.c.student, scores.c.key == grade_columns.c.key))
        .where(grade_deliveries.c.pending, grade_deliveries.c.next_try <= now(), _free(grade_deliveries))
        .order_by(grade_deliveries.c.next_try)
        .limit(1)
    )
    with store.reading() as connection:
        # Looking is cheap; the lock of a writer is not taken to find nothing.
        if connection.execute(query).first() is None:
            return None
    with store.writing() as connection:
        row = connection.execute(query.with_for_update(of=grade_deliveries, skip_locked=True)).mappings().first()
        if row is None:
            return None
        lease = secrets.token_hex(16)
        connection.execute(
            update(grade_deliveries)
            .where(
                grade_deliveries.c.student == row[grade_deliveries.c.student],
                grade_deliveries.c.grade_column == row[grade_deliveries.c.grade_column],
            )
            .values(lease=lease, lease_ends=now() + timedelta(seconds=lease_seconds))
        )
    column = GradeColumn(
        row[grade_columns.c.issuer],
        row[grade_columns.c.client_id],
        row[grade_columns.c.deployment],
        row[grade_columns.c.resource_link],
        row[grade_columns.c.key],
        row[grade_columns.c.lineitems],
        row[grade_columns.c.lineitem],
    )
    return Delivery(
        row[grade_deliveries.c.student],
        row[grade_deliveries.c.platform_user],
        row[scores.c.score],
        column,
        row[grade_deliveries.c.attempts],
        lease,
    )


def delivered(store: Store, delivery: Delivery) -> None:
    """Notes that the platform has taken the score. One that was reached meanwhile stays due.

    Raises LedgerError when the store cannot be written.
    """
    with store.writing() as connection:
        best = best_score(connection, delivery.student_id, delivery.column.key)
        more = best is not None and best > delivery.score
        values = {"sent": delivery.score, "pending": more, "attempts": 0, "problem": None}
        connection.execute(_held(delivery).values(**values, lease=None, lease_ends=None))


def not_delivered(store: Store, delivery: Delivery, problem: str, retry_seconds: float) -> None:
    """Notes why the platform has not taken the score, and when to try again.

    Raises LedgerError when the store cannot be written.
    """
    with store.writing() as connection:
        values = {
            "attempts": grade_deliveries.c.attempts + 1,
            "next_try": now() + timedelta(seconds=retry_seconds),
            "problem": problem[:MAX_PROBLEM],
        }
        connection.execute(_held(delivery).values(**values, lease=None, lease_ends=None))


def postpone(store: Store, delivery: Delivery, seconds: float) -> None:
    """Gives a score back without counting an attempt: somebody else is making its column.

    Raises LedgerError when the store cannot be written.
    """
    with store.writing() as connection:
        later = now() + timedelta(seconds=seconds)
        connection.execute(_held(delivery).values(next_try=later, lease=None, lease_ends=None))


def claim_column(store: Store, column: GradeColumn, lease_seconds: float) -> bool:
    """Whether the caller may find or make the column, for `lease_seconds`: nobody else may meanwhile.

    Raises LedgerError when the store cannot be written.
    """
    with store.writing() as connection:
        taken = connection.execute(
            update(grade_columns)
            .where(grade_columns.c.id == column.id, grade_columns.c.lineitem.is_(None), _free(grade_columns))
            .values(lease=secrets.token_hex(16), lease_ends=now() + timedelta(seconds=lease_seconds))
        )
        return taken.rowcount == 1


def column_found(store: Store, column: GradeColumn, lineitem: str) -> None:
    """Keeps the address of a column that was found or made. Raises LedgerError when the store cannot be written."""
    with store.writing() as connection:
        connection.execute(
            update(grade_columns)
            .where(grade_columns.c.id == column.id)
            .values(lineitem=lineitem, lease=None, lease_ends=None)
        )


def release_column(store: Store, column: GradeColumn) -> None:
    """Gives up a claim: the column was neither found nor made. Raises LedgerError when the store cannot be written."""
    with store.writing() as connection:
        connection.execute(
            update(grade_columns).where(grade_columns.c.id == column.id).values(lease=None, lease_ends=None)
        )


def waiting(store: Store) -> int:
    """How many scores have still to be told. Raises LedgerError when the store cannot be reached."""
    query = select(func.count()).select_from(grade_deliveries).where(grade_deliveries.c.pending)
    with store.reading() as connection:
        return connection.execute(query).scalar_one()


def _free(table: Table) -> Any:
    return or_(table.c.lease_ends.is_(None), table.c.lease_ends < now())


def _held(delivery: Delivery) -> Any:
    """An update of the delivery, by its holder alone: a lease that has ended may be another's by now."""
    return update(grade_deliveries).where(
        grade_deliveries.c.student == delivery.student_id,
        grade_deliveries.c.grade_column == delivery.column.id,
        grade_deliveries.c.lease == delivery.lease,
    )
