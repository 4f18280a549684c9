"""Where a ledger lives: from what an operator writes to a SQLAlchemy URL."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ledger.errors import LedgerError


def ledger_url(address: str) -> URL:
    """The URL of the store that `address` names.

    Accepted: `sqlite:///folder/file.db` (four slashes for an absolute path), `sqlite://` (in memory, gone
    with the process), a bare path (a SQLite file; `~` is the home folder) and `postgresql://user@host/database`.
    Raises LedgerError for anything else.
    """
    if not address.strip():
        raise LedgerError("The address of the ledger is empty; give a file path or a postgresql:// URL.")
    if "://" not in address:
        return _sqlite(address)
    try:
        url = make_url(address)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise LedgerError(f"The address of the ledger cannot be read: {error}") from error
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        return _sqlite(url.database)
    raise LedgerError(f"A ledger cannot live in {backend!r}; use sqlite:///file.db or postgresql://host/database.")


def _sqlite(database: str | None) -> URL:
    if not database or database == ":memory:":
        return URL.create("sqlite")
    return URL.create("sqlite", database=str(Path(database).expanduser().absolute()))


def location(url: URL) -> str:
    """The place of a store as text for messages, without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "memory"
    return url.render_as_string(hide_password=True)
