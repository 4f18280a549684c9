"""The store of a ledger: one data base, used by any number of processes and threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from ledger.address import ledger_url, location
from ledger.errors import LedgerError
from ledger.failures import failure
from ledger.schema import check_tables, create_tables, is_empty, upgrade_tables
from ledger.sqlite_file import WRITE, prepare_file, sqlite_engine

_CREATION_LOCK = 0x4D4C5359  # number of the PostgreSQL advisory lock that makers of tables take in turn

POOL_WAIT_S = 5.0
"""How long a thread waits for a connection while others of its process use all."""

#: A PostgreSQL server that is gone, cut off or stuck is noticed within seconds, not after the quarter of an hour that
#: TCP takes by itself. What the URL of the ledger says goes before these.
_ENDS_OF_PATIENCE = {
    "connect_timeout": "3",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "options": "-c lock_timeout=10s -c statement_timeout=60s",
}


class Store:
    """An open store. Made by `open_store`; labs use it only through `DesignLedger`.

    Connections are made when first needed, and anew after a fork: a connection that parent and child share
    would mix their data.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self.location = location(url)
        """Where the store is, for messages; a password is not shown."""
        self._engine: Engine | None = None
        self._pid = 0
        if self._in_memory:
            self._tables_in_memory()

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine of this process."""
        if self._engine is None or self._pid != os.getpid():
            if self._engine is not None:
                if self._in_memory:
                    raise LedgerError("A ledger in memory cannot be used after a fork; name a file instead.")
                self._engine.dispose(close=False)  # the connections belong to the parent, which still uses them
            self._engine = self._new_engine()
            self._pid = os.getpid()
        return self._engine

    @property
    def _in_memory(self) -> bool:
        return self._url.get_backend_name() == "sqlite" and self._url.database is None

    def _new_engine(self) -> Engine:
        if self._url.get_backend_name() == "sqlite":
            return sqlite_engine(self._url.database)
        # pre_ping: a connection that a restarted server has dropped is replaced instead of failing a save.
        # hide_parameters: what students write does not get into messages, and with them into logs.
        return create_engine(
            self._url,
            pool_pre_ping=True,
            pool_timeout=POOL_WAIT_S,
            hide_parameters=True,
            connect_args={name: end for name, end in _ENDS_OF_PATIENCE.items() if name not in self._url.query},
        )

    def _tables_in_memory(self) -> None:
        with self.writing() as connection:
            create_tables(connection)

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """A transaction for reading. With `snapshot` everything read is of one moment.

        Raises StoreUnavailable when the data base cannot be reached or read.
        """
        options = {"isolation_level": "REPEATABLE READ"} if snapshot and self._is_postgresql else {}
        with self._transaction("read", options) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction for writing: committed, and on the disk, when the block ends; undone when it raises.

        Raises StoreUnavailable when the data base cannot be reached or written, LedgerError when it refuses a value.
        """
        with self._transaction("written", {WRITE: True}) as connection:
            yield connection

    def ping(self) -> None:
        """Returns if the data base answers; raises StoreUnavailable if it does not."""
        with self.reading() as connection:
            connection.execute(text("SELECT 1"))

    @contextmanager
    def _transaction(self, verb: str, options: dict[str, Any]) -> Iterator[Connection]:
        try:
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            message = f"The ledger at {self.location} could not be {verb}: {str(cause).strip()}"
            raise failure(message, error) from error

    @property
    def _is_postgresql(self) -> bool:
        return self._url.get_backend_name() == "postgresql"

    def close(self) -> None:
        """Closes the connections of this process; the store opens new ones if it is used again."""
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()


def open_store(address: str) -> Store:
    """Opens the ledger at `address` (forms: see `ledger.address.ledger_url`), making it if there is none.

    Raises LedgerError when it is damaged, belongs to another program, was made by a newer version of this
    one, or cannot be reached; what is there is then left untouched.
    """
    url = ledger_url(address)
    if url.get_backend_name() == "sqlite":
        if url.database is not None:
            prepare_file(url.database)
        return Store(url)
    store = Store(url)
    with store.writing() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _CREATION_LOCK})
        if is_empty(connection):
            create_tables(connection)
        check_tables(connection, store.location)
        upgrade_tables(connection)
    store.close()
    return store
