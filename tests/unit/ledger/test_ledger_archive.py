"""The archive of a whole course."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ledger_designs import example

from ledger import DesignLedger, LedgerImportError, Store, export_all, import_all

STUDENT = {"table": "students", "student": "student-two", "created": "2026-01-01T00:00:00+00:00"}
PERSON = {"table": "people", "student": "student-two", "name": "Ada", "seen_at": "2026-01-01T00:00:00+00:00"}
ENTRY = {
    "table": "entries",
    "student": "student-two",
    "key": "ch02",
    "design": {"context": "edge"},
    "attempts": 1,
    "saved_at": "2026-01-01T00:00:00+00:00",
}
EVENT = {
    "table": "events",
    "student": "student-two",
    "key": "ch02",
    "attempt": 1,
    "kind": "opened",
    "data": {},
    "at": "2026-01-01T00:00:00+00:00",
}


def archive(*rows: Any, end: Any = None) -> list[str]:
    head = {"schema": "mlsys-labs/ledger-archive", "version": 1, "exported_at": "2026-01-01T00:00:00+00:00"}
    return [json.dumps(line) for line in (head, *rows, end or {"table": "end", "rows": len(rows)})]


def test_newer_rows_win_unless_told_to_replace(store: Store, ledger: DesignLedger) -> None:
    ledger.save(2, design=example("ch02"), progress={"state": "saved"})
    old = [line.replace("student-two", "student-one") for line in archive(STUDENT, ENTRY)]
    assert import_all(store, old).kept == {"entries": 1}
    assert ledger.all()["ch02"]["context"] == "cloud"
    assert import_all(store, old, replace=True).written == {"students": 1, "entries": 1}
    assert ledger.all() == {"ch02": {"context": "edge"}}


def test_damaged_designs_are_carried_as_they_are(store: Store) -> None:
    import_all(store, archive(STUDENT, ENTRY | {"design": '{"context": "ed'}))
    assert DesignLedger(store, "student-two").get(2) == {}
    assert any('{\\"context\\": \\"ed' in line for line in export_all(store))


def test_blank_lines_are_ignored(store: Store) -> None:
    assert import_all(store, ["", *archive(STUDENT), "\n"]).written == {"students": 1}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "cut off"),
        (["{"], "Line 1 of the archive"),
        (["[]"], "a mapping was expected"),
        (['{"schema": "mlsys-labs/ledger"}'], "is not an archive"),
        (['{"schema": "mlsys-labs/ledger-archive", "version": 4}'], "has version 4"),
        (archive(STUDENT)[:-1], "cut off"),
        (archive(STUDENT, end={"table": "end", "rows": 2}), "names 2 rows, but 1 were found"),
        ([*archive(STUDENT), json.dumps(ENTRY)], "lines after the last one"),
        (archive({"table": "grades"}), "table must be one of"),
        (archive({"table": []}), "table must be one of"),
        (archive(STUDENT | {"student": "a b"}), "is no student id"),
        (archive(STUDENT | {"name": "Ada"}), "'name' is unknown"),
        (archive(STUDENT, PERSON | {"name": 3}), "the name must be text"),
        (archive(STUDENT, ENTRY | {"key": "ch99"}), "is no ledger key"),
        (archive(STUDENT, ENTRY | {"design": 3}), "design must be a mapping"),
        (archive(STUDENT, EVENT | {"kind": "clicked"}), "is no event kind"),
        (archive(STUDENT, EVENT | {"data": "damaged", "kind": "clicked"}), "is no event kind"),
    ],
)
def test_an_archive_that_is_wrong_changes_nothing(store: Store, lines: list[str], message: str) -> None:
    before = list(export_all(store))[1:]
    with pytest.raises(LedgerImportError, match=message) as caught:
        import_all(store, lines)
    assert "Nothing was imported" in str(caught.value)
    assert list(export_all(store))[1:] == before
