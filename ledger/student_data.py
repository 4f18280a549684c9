"""Everything that the ledger holds of one student: handed out as a file, found by name, and erased.

Which tables that is follows from the layout itself: each that has a column `student`. One that is added later is
covered without a word here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, delete, select

from ledger.clock import now, to_iso
from ledger.design_ledger import DesignLedger
from ledger.erased import note_erased
from ledger.identity import check_student_id
from ledger.people import names
from ledger.plain import from_text, to_text
from ledger.portable_json import DATA_SCHEMA, VERSION, export_json
from ledger.store import Store
from ledger.tables import metadata, students


def columns_of_students(layout: MetaData = metadata) -> dict[str, Column[Any]]:
    """Table name -> the column that names the student; children first, the table of the students themselves last."""
    found = {table.name: table.c.student for table in reversed(layout.sorted_tables) if "student" in table.c}
    return {**found, students.name: layout.tables[students.name].c.id}


def is_known(store: Store, student_id: str) -> bool:
    """Whether the ledger holds anything of a student."""
    with store.reading() as connection:
        return any(_rows(connection, column, student_id) for column in columns_of_students().values())


def find_by_name(store: Store, text: str) -> dict[str, str]:
    """Student id -> name, of those whose name holds `text`, in whatever case."""
    return {student: name for student, name in names(store).items() if text.casefold() in name.casefold()}


def student_data(store: Store, student_id: str) -> str:
    """Everything of a student as JSON text: `tables` row by row, and `ledger`, the part that can be imported again.

    The file as a whole can be imported in the Ledger tab, too. Raises LedgerError for an id of another form.
    """
    check_student_id(student_id)
    ledger = from_text(export_json(DesignLedger(store, student_id), events=True))
    with store.reading(snapshot=True) as connection:
        tables = {
            name: _rows(connection, column, student_id) for name, column in reversed(columns_of_students().items())
        }
    content = {
        "schema": DATA_SCHEMA,
        "version": VERSION,
        "exported_at": to_iso(now()),
        "student": student_id,
        "ledger": ledger,
        "tables": tables,
    }
    return to_text(content, "student", indent=1)


def erase_student(store: Store, student_id: str) -> dict[str, int]:
    """Removes every row of a student, log and name included, all or nothing; returns how many by table.

    Pages that are still open for the student can write nothing afterwards. Raises LedgerError for an id of another
    form, and when the store cannot be written: nothing is removed then.
    """
    check_student_id(student_id)
    with store.writing() as connection:
        note_erased(connection, student_id)
        return {
            name: connection.execute(delete(_table(column)).where(column == student_id)).rowcount
            for name, column in columns_of_students().items()
        }


def _table(column: Column[Any]) -> Table:
    table = column.table
    assert isinstance(table, Table)
    return table


def _rows(connection: Connection, column: Column[Any], student_id: str) -> list[dict[str, Any]]:
    table = _table(column)
    query = select(table).where(column == student_id).order_by(*table.primary_key)
    return [
        {name: to_iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
        for row in connection.execute(query).mappings()
    ]
