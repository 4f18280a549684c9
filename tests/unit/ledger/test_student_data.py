"""Everything of one student: handed out, imported again, erased; and nothing of anybody else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from ledger_designs import example
from sqlalchemy import Column, ForeignKey, MetaData, String, Table, Text, insert, select

from ledger import (
    DesignLedger,
    ErasedError,
    Store,
    erase_student,
    export_all,
    find_by_name,
    import_all,
    import_json,
    is_known,
    open_store,
    student_data,
)
from ledger.archive import EXPORTED
from ledger.identity import INSTRUCTOR
from ledger.people import names, remember_person
from ledger.student_data import columns_of_students
from ledger.tables import metadata, students

#: Tables that an archive of the course leaves out, each with the reason.
LEFT_OUT_OF_ARCHIVES: dict[str, str] = {
    "grade_deliveries": "holds a platform's own ids of people; the next launch at the new place makes it anew",
}


def somebody(store: Store, student: str, name: str) -> DesignLedger:
    """A student with a row in every table."""
    ledger = DesignLedger(store, student)
    ledger.record("opened", 2)
    ledger.save(2, design=example("ch02"), progress={"state": "saved"}, score=0.6)
    remember_person(store, student, name, INSTRUCTOR)
    return ledger


@pytest.fixture
def later_table() -> Iterator[Table]:
    """A table that somebody adds to the layout later."""
    table = Table(
        "marks",
        metadata,
        Column("student", String(64), ForeignKey("students.id"), primary_key=True),
        Column("line", Text, nullable=False),
    )
    yield table
    metadata.remove(table)


def test_erasing_leaves_nothing_of_one_student_and_everything_of_others(later_table: Table) -> None:
    store = open_store("sqlite://")
    for student, name in (("s-one", "Ada Lovelace"), ("s-two", "Grace Hopper")):
        somebody(store, student, name)
        with store.writing() as connection:
            connection.execute(insert(later_table).values(student=student, line=f"line of {student}"))
    rows = erase_student(store, "s-one")
    once = dict.fromkeys(("people", "instructors", "marks", "scores", "entries", "progress", "students"), 1)
    assert rows == {**once, "events": 2, "grade_deliveries": 0}
    assert not is_known(store, "s-one")
    with store.reading() as connection:
        everything = [str(row) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    assert not any("s-one" in row or "Ada" in row for row in everything)
    assert sum("s-two" in row for row in everything) == 9
    assert erase_student(store, "s-one") == dict.fromkeys(rows, 0)


def test_every_table_that_points_at_a_student_names_the_column_alike() -> None:
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table is students:
                assert key.parent.name == "student", f"{table.name}.{key.parent.name} would be forgotten"
                assert table.name in columns_of_students()


def test_an_archive_carries_every_table_of_students() -> None:
    assert set(columns_of_students()) == {*EXPORTED, *LEFT_OUT_OF_ARCHIVES}


def test_a_table_is_found_by_its_column_alone() -> None:
    layout = MetaData()
    Table("students", layout, Column("id", String(64), primary_key=True))
    Table("notes", layout, Column("id", String(9), primary_key=True), Column("student", String(64)))
    Table("other", layout, Column("id", String(9), primary_key=True))
    assert list(columns_of_students(layout)) == ["notes", "students"]


def test_the_file_of_a_student_holds_everything_and_can_be_imported(later_table: Table) -> None:
    store = open_store("sqlite://")
    ledger = somebody(store, "s-one", "Ada Lovelace")
    somebody(store, "s-two", "Grace Hopper")
    with store.writing() as connection:
        connection.execute(insert(later_table).values(student="s-one", line="92 of 100"))
    text = student_data(store, "s-one")
    content = json.loads(text)
    assert content["student"] == "s-one"
    assert set(content["tables"]) == set(columns_of_students())
    assert content["tables"]["people"][0]["name"] == "Ada Lovelace"
    assert content["tables"]["marks"] == [{"student": "s-one", "line": "92 of 100"}]
    assert len(content["tables"]["events"]) == len(content["ledger"]["events"]) == 2
    assert "Grace" not in text
    elsewhere = DesignLedger(open_store("sqlite://"), "s-new")
    import_json(elsewhere, text)
    assert elsewhere.all() == ledger.all()
    assert elsewhere.progress(2) == {"state": "saved"}


def test_a_page_that_is_still_open_brings_nothing_back(store: Store) -> None:
    somebody(store, "s-one", "Ada Lovelace")
    reading, writing = DesignLedger(store, "s-one"), DesignLedger(store, "s-one")
    assert reading.progress(2) == {"state": "saved"}
    writing.save_progress(2, state={"state": "act1_predict"})
    erase_student(store, "s-one")
    for ledger in (reading, writing):
        with pytest.raises(ErasedError, match="erased"):
            ledger.save_progress(2, state={"state": "saved"})
        with pytest.raises(ErasedError):
            ledger.record("opened", 2)
        with pytest.raises(ErasedError):
            import_json(ledger, '{"schema": "mlsys-labs/ledger", "version": 1, "entries": []}')
    assert not is_known(store, "s-one")
    # Who comes anew begins anew; the page from before still does not write into that.
    DesignLedger(store, "s-one").record("opened", 3)
    with pytest.raises(ErasedError):
        writing.record("opened", 2)


def test_students_are_found_by_a_part_of_their_name(store: Store) -> None:
    somebody(store, "s-one", "Ada Lovelace")
    somebody(store, "s-two", "Grace Hopper")
    assert find_by_name(store, "love") == {"s-one": "Ada Lovelace"}
    assert find_by_name(store, "nobody") == {}


def test_names_move_with_a_course_and_stay_away_from_research(store: Store) -> None:
    somebody(store, "s-one", "Ada Lovelace")
    elsewhere = open_store("sqlite://")
    import_all(elsewhere, export_all(store))
    assert names(elsewhere) == {"s-one": "Ada Lovelace"}
    assert list(export_all(elsewhere))[1:] == list(export_all(store))[1:]
    assert not any("Ada" in line for line in export_all(store, with_names=False))
    # The later name stays.
    lines = list(export_all(store))
    remember_person(store, "s-one", "Ada King")
    assert import_all(store, lines).kept["people"] == 1
    assert names(store) == {"s-one": "Ada King"}


def test_no_name_nor_address_gets_into_the_log(store: Store) -> None:
    somebody(store, "s-one", "Ada Lovelace ada@example.org")
    with store.reading() as connection:
        for table in metadata.sorted_tables:
            rows = [str(row) for row in connection.execute(select(table))]
            assert any("ada@example.org" in row for row in rows) == (table.name == "people")
