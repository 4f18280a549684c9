"""Students who had everything erased: what was begun before that writes nothing any more.

A page that is still open, or a change that still waits somewhere, would otherwise bring a part of them back. What is
kept is a hash of the pseudonym, which stands in no other table then, and the time.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, select

from ledger.clock import now
from ledger.errors import ErasedError
from ledger.rows import put_row
from ledger.tables import erased


def note_erased(connection: Connection, student: str) -> None:
    """Notes that everything of a student is being erased, in the caller's transaction."""
    put_row(connection, erased, {"id": _hash(student)}, {"at": now()})


def refuse_erased(connection: Connection, student: str, begun: datetime) -> None:
    """Raises ErasedError for what was begun before the student had everything erased."""
    at = connection.execute(select(erased.c.at).where(erased.c.id == _hash(student))).scalar()
    if at is not None and begun <= at:
        raise ErasedError(
            "everything that was kept under this name or cookie has been erased; reload the page to begin anew"
        )


def _hash(student: str) -> str:
    return hashlib.sha256(f"erased {student}".encode()).hexdigest()[:32]
