"""The tables of the ledger, the same in SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = 3
"""Number of the table layout below. Raise it with every change of the layout. A change that only adds tables needs
no more: an older ledger gets them when it is opened."""

FIRST_TABLES = frozenset({"meta", "students", "entries", "progress", "events"})
"""The tables of version 1, which every ledger has."""

PRODUCT = "mlsys-labs ledger"
"""What the table `meta` names as its owner; a data base without it is somebody else's."""


class UtcTime(TypeDecorator[datetime]):
    """A time in UTC. PostgreSQL keeps the zone, SQLite does not: there it is taken off and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(64), nullable=False),
)

students = Table(
    "students",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("created", UtcTime, nullable=False),
)


# JSON is kept as text written by ledger.plain: it reads the same from both data bases, and PostgreSQL users
# can still query it (`design::jsonb ->> 'context'`).
entries = Table(
    "entries",
    metadata,
    Column("student", String(64), ForeignKey("students.id"), primary_key=True),
    Column("key", String(8), primary_key=True),
    Column("design", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("saved_at", UtcTime, nullable=False),
)

progress = Table(
    "progress",
    metadata,
    Column("student", String(64), ForeignKey("students.id"), primary_key=True),
    Column("key", String(8), primary_key=True),
    Column("state", Text, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index("progress_of_lab", "key", "updated_at"),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("student", String(64), ForeignKey("students.id"), nullable=False),
    Column("key", String(8), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("events_of_student", "student", "key", "kind"),
    Index("events_of_lab", "key", "kind"),
    sqlite_autoincrement=True,
)

erased = Table(
    "erased",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", UtcTime, nullable=False),
)
"""Students of whom everything was erased, by a hash of their id, and when: see `ledger.erased`."""

people = Table(
    "people",
    metadata,
    Column("student", String(64), ForeignKey("students.id"), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)
"""What a sign-in calls a student: for the instructor's tables alone, apart from the log, and removable by itself."""

instructors = Table(
    "instructors",
    metadata,
    Column("student", String(64), ForeignKey("students.id"), primary_key=True),
    Column("seen_at", UtcTime, nullable=False),
)
"""Who of the students is none, but teaches, and when that was last said: see `ledger.instructors`."""

used_tokens = Table(
    "used_tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("expires", UtcTime, nullable=False),
)
"""One-time tokens that were used, kept until they would have expired: all processes and machines know them."""

operations = Table(
    "operations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("applied", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
"""Ids of the changes that were carried out, so that none is carried out twice; `ledger.operations` forgets old ones."""
scores = Table(
    "scores",
    metadata,
    Column("student", String(64), ForeignKey("students.id"), primary_key=True),
    Column("key", String(8), primary_key=True),
    Column("score", Float, nullable=False),
    Column("at", UtcTime, nullable=False),
)
"""The best that a student has reached in a lab, from 0 to 1: what the gradebook of a learning platform is told."""

grade_columns = Table(
    "grade_columns",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("resource_link", Text, nullable=False),
    Column("key", String(8), nullable=False),
    Column("lineitems", Text),
    Column("lineitem", Text),
    Column("lease", String(32)),
    Column("lease_ends", UtcTime),
)
"""Columns of gradebooks: one for each place in a platform's course that leads to a lab. Without `lineitem` the column
has still to be found or made, by whoever holds the lease."""

grade_deliveries = Table(
    "grade_deliveries",
    metadata,
    Column("student", String(64), ForeignKey("students.id"), primary_key=True),
    Column("grade_column", String(64), ForeignKey("grade_columns.id"), primary_key=True),
    Column("platform_user", Text, nullable=False),
    Column("sent", Float),
    Column("pending", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try", UtcTime, nullable=False),
    Column("lease", String(32)),
    Column("lease_ends", UtcTime),
    Column("problem", String(200)),
    Index("grade_deliveries_due", "pending", "next_try"),
)
"""What a column was told of a student, and what it has still to be told. `platform_user` is the platform's own id of
the student, without which it takes no score: personal, and to be removed with the student."""
rounds = Table(
    "rounds",
    metadata,
    Column("key", String(8), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("phase", String(16), nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)
"""Class rounds of a lab's first act, see `ledger.rounds`. They name no student."""
