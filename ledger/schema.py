"""Making the tables in an empty data base, and telling a ledger from anything else."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, select, update

from ledger.errors import LedgerError
from ledger.tables import FIRST_TABLES, PRODUCT, SCHEMA_VERSION, meta, metadata


def create_tables(connection: Connection) -> None:
    """Makes the tables of the present schema version; the caller holds the transaction."""
    metadata.create_all(connection)
    connection.execute(
        meta.insert(),
        [{"name": "product", "value": PRODUCT}, {"name": "schema", "value": str(SCHEMA_VERSION)}],
    )


def is_empty(connection: Connection) -> bool:
    """Whether the data base holds none of the ledger's table names."""
    return not set(inspect(connection).get_table_names()) & set(metadata.tables)


def check_tables(connection: Connection, where: str) -> None:
    """Raises LedgerError unless the data base is a ledger of a schema version that this program knows."""
    missing = FIRST_TABLES - set(inspect(connection).get_table_names())
    about = {} if missing else {row.name: row.value for row in connection.execute(select(meta.c.name, meta.c.value))}
    if about.get("product") != PRODUCT:
        raise LedgerError(
            f"The data base at {where} is not a ledger of MLSys Labs. It was left as it is; "
            "name another file, or an empty data base."
        )
    version = about.get("schema", "")
    if not version.isdecimal() or int(version) < 1:
        raise LedgerError(f"The ledger at {where} names the schema version {version!r}: it is damaged.")
    if int(version) > SCHEMA_VERSION:
        raise LedgerError(
            f"The ledger at {where} has schema version {version}, this program knows up to {SCHEMA_VERSION}. "
            "It was left as it is; update the program."
        )


def is_older(connection: Connection) -> bool:
    """Whether a ledger, checked before, lacks tables of the present version."""
    return int(connection.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar_one()) < SCHEMA_VERSION


def upgrade_tables(connection: Connection) -> None:
    """Gives an older ledger the tables and indexes that came later and leaves what it holds.

    The caller holds the transaction.
    """
    if is_older(connection):
        metadata.create_all(connection)
        for table in metadata.tables.values():
            for index in table.indexes:
                index.create(connection, checkfirst=True)
        connection.execute(update(meta).where(meta.c.name == "schema").values(value=str(SCHEMA_VERSION)))
