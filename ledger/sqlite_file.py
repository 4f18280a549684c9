"""The SQLite file of a ledger: made whole or not at all, and looked at before anything is written to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from ledger.errors import LedgerError
from ledger.publish import publish
from ledger.schema import check_tables, create_tables, is_empty, is_older, upgrade_tables

APPLICATION_ID = 0x4D4C5359  # "MLSY", in the header of every ledger file
BUSY_TIMEOUT_S = 30.0
"""How long a process waits for another one that is writing."""

WRITE = "ledger_write"
"""Execution option of a connection that is going to write."""

_HEADER = b"SQLite format 3\x00"
_APPLICATION_ID_AT = slice(68, 72)


def sqlite_engine(path: str | None) -> Engine:
    """An engine for the ledger file at `path`, or for a data base in memory when it is None."""
    if path is None:
        # One connection, handed from thread to thread: a second one would see another, empty data base.
        return _engine(lambda: sqlite3.connect(":memory:", check_same_thread=False), pool_size=1)
    return _engine(lambda: _connect(path, "rw"), pool_size=5)


def prepare_file(path: str) -> None:
    """Makes the ledger file if it is missing, else checks it without writing; then sets write-ahead logging, and gives
    a file of an older version the tables it lacks.

    Raises LedgerError when the file is damaged, belongs to something else, was made by a newer program, or
    cannot be read and written. Such a file is left byte for byte as it was.
    """
    try:
        if not os.path.exists(path):
            _create(path)
        elif os.path.getsize(path) == 0:
            _fill(path)  # an empty file is an empty SQLite data base
        _check(path)
        _make_ready(path)
        _upgrade(path)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise LedgerError(f"The ledger file {path} cannot be used: {error}.") from error


def _connect(path: str, mode: str) -> sqlite3.Connection:
    """Opens an existing file: unlike a bare path, a URI with a mode never creates one by accident."""
    uri = f"file:{quote(Path(path).as_posix())}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)


def _engine(creator: Callable[[], sqlite3.Connection], pool_size: int) -> Engine:
    overflow = 10 if pool_size > 1 else 0
    engine = create_engine(
        "sqlite://",
        creator=creator,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=overflow,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver's guess
        connection.execute("PRAGMA foreign_keys = ON")
        # FULL: what `save` has returned survives a power cut, not only the end of the process.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes the write lock at once: one that began as a reader could not wait for it later.
        writes = connection.get_execution_options().get(WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _create(path: str) -> None:
    """Makes the file under another name and gives it its own when complete: nobody ever sees half of it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)

    def make(temporary: str) -> None:
        _fill(temporary)
        _make_ready(temporary)

    publish(path, make)


def _fill(path: str) -> None:
    """Makes the tables in an empty file, unless another process was faster."""
    engine = sqlite_engine(path)
    try:
        with engine.connect().execution_options(**{WRITE: True}) as connection, connection.begin():
            if is_empty(connection):
                connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
                create_tables(connection)
    finally:
        engine.dispose()


def _check(path: str) -> None:
    # Opened for writing, though nothing is written, so that a missing permission shows here: SQLite would
    # open the file for reading alone, without a word.
    with open(path, "r+b") as file:
        header = file.read(100)
    if not header.startswith(_HEADER):
        raise LedgerError(f"The file {path} is not a ledger, or it is damaged. It was left as it is.")
    # Looked up in the raw header: opening a stranger's data base, even to read, can leave files beside it.
    if int.from_bytes(header[_APPLICATION_ID_AT], "big") != APPLICATION_ID:
        raise LedgerError(
            f"The file {path} is the SQLite data base of another program. It was left as it is; name another file."
        )
    engine = _engine(lambda: _connect(path, "ro"), pool_size=1)
    try:
        with engine.connect() as connection:
            check_tables(connection, path)
            verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    except SQLAlchemyError as error:
        raise LedgerError(f"The ledger file {path} is damaged or unreadable: {error}. It was left as it is.") from error
    finally:
        engine.dispose()
    if verdict != "ok":
        raise LedgerError(f"The ledger file {path} is damaged: {verdict}. It was left as it is; restore a backup.")


def _upgrade(path: str) -> None:
    engine = sqlite_engine(path)
    try:
        with engine.connect() as connection:
            if not is_older(connection):
                return
        with engine.connect().execution_options(**{WRITE: True}) as connection, connection.begin():
            upgrade_tables(connection)
    finally:
        engine.dispose()


def _make_ready(path: str) -> None:
    connection = _connect(path, "rw")
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        # A change that is undone: a folder in which SQLite may not write beside the file shows here.
        connection.execute("UPDATE meta SET value = value")
        connection.rollback()
    finally:
        connection.close()
    if mode != "wal":
        raise LedgerError(
            f"The file system of {path} does not allow write-ahead logging (SQLite answered {mode!r}); "
            "use a local disk, or PostgreSQL."
        )
