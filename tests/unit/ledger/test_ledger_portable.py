"""Carrying one student's ledger as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_designs import designs, example, unhurried

from ledger import (
    KEYS,
    DesignLedger,
    LedgerImportError,
    Store,
    export_csv,
    export_json,
    import_csv,
    import_json,
    open_store,
    parse_key,
)
from ledger.clock import now, to_iso
from ledger.portable_content import MAX_BYTES
from ledger.portable_csv import COLUMNS, from_cell, to_cell

LONG_AGO = "2020-01-01T00:00:00+00:00"


@pytest.fixture
def other(store: Store) -> DesignLedger:
    return DesignLedger(store, "student-two")


def file(*entries: dict[str, Any], **changes: Any) -> str:
    """A JSON file with these entries."""
    return json.dumps({"schema": "mlsys-labs/ledger", "version": 1, "entries": entries} | changes)


def entry(key: str = "ch02", saved_at: str = LONG_AGO, attempts: Any = 1, **changes: Any) -> dict[str, Any]:
    """The record of one entry."""
    return {"key": key, "design": example(key, **changes), "attempts": attempts, "saved_at": saved_at}


@unhurried
@given(data=st.data(), keys=st.lists(st.sampled_from(KEYS), unique=True, max_size=5))
@pytest.mark.parametrize(("export", "take"), [(export_json, import_json), (export_csv, import_csv)])
def test_export_then_import_is_the_identity(
    export: Callable[[DesignLedger], str], take: Callable[..., Any], data: st.DataObject, keys: list[str]
) -> None:
    store = open_store("sqlite://")
    one, two = DesignLedger(store, "one"), DesignLedger(store, "two")
    for key in keys:
        volume, chapter = parse_key(key)
        one.save(chapter, volume, design=data.draw(designs(key)), attempts=data.draw(st.integers(1, 99)))
    assert set(take(two, export(one)).imported) == set(keys)
    assert two.entries() == one.entries()
    report = take(two, export(one))
    assert report.imported == ()
    assert set(report.kept.values()) <= {"the same entry is already stored"}
    store.close()


def test_the_file_names_its_schema_and_no_student(ledger: DesignLedger) -> None:
    ledger.save(2, design=example("ch02"), progress={"state": "saved"})
    text = export_json(ledger, events=True)
    content = json.loads(text)
    assert (content["schema"], content["version"]) == ("mlsys-labs/ledger", 1)
    assert content["entries"][0]["key"] == "ch02"
    assert ledger.student_id not in text + export_csv(ledger)
    assert set(json.loads(export_json(ledger, progress=False))) == {
        "schema",
        "version",
        "exported_at",
        "entries",
    }


def test_the_newer_entry_wins_unless_told_to_replace(ledger: DesignLedger) -> None:
    ledger.save(2, design=example("ch02", cameras=1))
    old = file(entry(cameras=2))
    report = import_json(ledger, old)
    assert report.imported == ()
    assert "the stored entry is newer" in report.kept["ch02"]
    assert ledger.all()["ch02"]["cameras"] == 1
    newer = file(entry(cameras=3, saved_at=to_iso(now())))
    assert import_json(ledger, newer).imported == ("ch02",)
    assert ledger.all()["ch02"]["cameras"] == 3
    assert import_json(ledger, old, replace=True).imported == ("ch02",)
    stored = ledger.entry(2)
    assert stored is not None
    assert (stored.design["cameras"], stored.saved_at) == (2, datetime(2020, 1, 1, tzinfo=UTC))


def test_a_time_ahead_of_the_clock_counts_as_now(ledger: DesignLedger) -> None:
    import_json(ledger, file(entry(saved_at=to_iso(now() + timedelta(days=900)))))
    stored = ledger.entry(2)
    assert stored is not None
    assert stored.saved_at <= now()
    ledger.save(2, design=example("ch02", cameras=7))
    assert ledger.all()["ch02"]["cameras"] == 7


def test_labs_that_the_suite_does_not_have_are_skipped(ledger: DesignLedger) -> None:
    report = import_json(ledger, file(entry(), entry() | {"key": "v3_01"}))
    assert report.imported == ("ch02",)
    assert report.skipped == {"v3_01": "this suite has no such lab"}


def test_an_imported_prediction_stays_the_first_one(ledger: DesignLedger) -> None:
    import_json(ledger, file(entry(act1_prediction=1.53, act1_correct=False)))
    ledger.start_over(2)
    ledger.record("prediction_locked", 2, data={"act": "act1", "prediction": 3.17, "correct": True})
    ledger.save(2, design=example("ch02"))
    assert ledger.first_prediction(2) == {"act": "act1", "prediction": 1.53, "correct": False}
    assert ledger.first_prediction(2, act="act2") is None


def test_progress_follows_the_same_rule(ledger: DesignLedger, other: DesignLedger) -> None:
    ledger.save_progress(2, state={"state": "old"})
    text = export_json(ledger)
    other.save_progress(2, state={"state": "new"})
    assert import_json(other, text).progress == 0
    assert other.progress(2) == {"state": "new"}
    assert import_json(other, text, replace=True).progress == 1
    assert other.progress(2) == {"state": "old"}


def test_events_are_added_once(ledger: DesignLedger, other: DesignLedger) -> None:
    ledger.record("opened", 2)
    ledger.record("failure_entered", 2, data={"failure": "stall"})
    text = export_json(ledger, events=True)
    assert import_json(other, text).events == 2
    assert import_json(other, text).events == 0
    assert other.events() == ledger.events()


def test_a_partly_damaged_entry_keeps_its_valid_fields_on_the_way(ledger: DesignLedger) -> None:
    record = entry()
    del record["design"]["act1_correct"]
    import_json(ledger, file(record))
    assert "act1_correct" not in ledger.all()["ch02"]
    import_csv(ledger, export_csv(ledger), replace=True)
    assert "act1_correct" not in ledger.all()["ch02"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ('{"schema": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "is not an exported ledger"),
        ('{"schema": "other"}', "is not an exported ledger"),
        (file(version=2), "has version 2, this program reads version 1"),
        (file(version=True), "has version True"),
        (file(version=None), "has version None"),
        ('{"schema": "mlsys-labs/ledger"}', "has version None"),
        ('{"schema": "mlsys-labs/ledger", "version": 1}', "entries of the file must be a list"),
        (file(progress={}), "progress of the file must be a list"),
        (file(student="x"), "unknown fields student"),
        (file(3), "entries 1: it must be a mapping"),
        (file({"key": "ch02"}), "the field 'design' is missing"),
        (file(entry() | {"key": 2}), "key must be text such as ch02"),
        (file(entry() | {"more": 2}), "the field 'more' is unknown"),
        (file(entry(attempts=0)), "An attempt is a whole number"),
        (file(entry(attempts=True)), "An attempt is a whole number"),
        (file(entry(attempts=10**9)), "An attempt is a whole number"),
        (file(entry(saved_at="yesterday")), "is no time such as"),
        (file(entry(saved_at="2026-01-01T00:00:00")), "it has no time zone"),
        (file(entry() | {"saved_at": 5}), "a time must be text"),
        (file(entry(context="mars")), "context is 'mars'"),
        (file(entry(speed=1)), "'speed' is not a field"),
        (file(entry(), entry()), "ch02 stands in the file twice"),
        (file(progress=[{"key": "ch02", "state": [], "updated_at": LONG_AGO}]), "state must be a mapping"),
        (
            file(events=[{"key": "ch02", "attempt": 1, "kind": "x", "data": {}, "at": LONG_AGO}]),
            "no event kind",
        ),
        (
            file(events=[{"key": "ch02", "attempt": 1, "kind": [], "data": {}, "at": LONG_AGO}]),
            "no event kind",
        ),
        (b"\xff\xfe", "is not UTF-8"),
        (" " * (MAX_BYTES + 1), "has 1,000,001 bytes"),
    ],
)
def test_a_json_file_that_is_wrong_changes_nothing(ledger: DesignLedger, content: str | bytes, message: str) -> None:
    ledger.save(2, design=example("ch02"))
    before = (ledger.entries(), ledger.events())
    with pytest.raises(LedgerImportError, match=message) as caught:
        import_json(ledger, content, replace=True)
    assert "othing was imported" in str(caught.value)
    assert (ledger.entries(), ledger.events()) == before


def test_deeply_nested_progress_is_refused(ledger: DesignLedger) -> None:
    state: dict[str, Any] = {}
    for _ in range(200):
        state = {"in": state}
    with pytest.raises(LedgerImportError, match="nested deeper than 32"):
        import_json(ledger, file(progress=[{"key": "ch02", "state": state, "updated_at": LONG_AGO}]))


def test_many_problems_are_shown_in_part(ledger: DesignLedger) -> None:
    with pytest.raises(LedgerImportError, match="and 5 more problems"):
        import_json(ledger, file(*[entry(context="mars")] * 15))


def rows(ledger: DesignLedger) -> list[list[str]]:
    return list(csv.reader(io.StringIO(export_csv(ledger))))


def to_csv(table: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(table)
    return out.getvalue()


def test_the_table_has_one_row_per_field(ledger: DesignLedger) -> None:
    saved = ledger.save(2, design=example("ch02", act2_result=-0.5), attempts=2)
    table = rows(ledger)
    assert tuple(table[0]) == COLUMNS
    cells = {row[3]: row[4] for row in table[1:]}
    assert (cells["context"], cells["act1_correct"], cells["cameras"]) == ("cloud", "true", "")
    assert (cells["act2_result"], cells["attempts"]) == ("-0.5", "2")
    assert {tuple(row[:3]) for row in table[1:]} == {("ch02", "1", "2")}
    assert {row[5] for row in table[1:]} == {to_iso(saved.saved_at)}


def test_a_table_that_a_spreadsheet_has_saved_is_still_read(ledger: DesignLedger, other: DesignLedger) -> None:
    ledger.save(2, design=example("ch02"))
    text = "\ufeff" + export_csv(ledger).replace("true", "TRUE").replace("false", "FALSE") + "\r\n"
    assert import_csv(other, text.encode()).imported == ("ch02",)
    assert other.entries() == ledger.entries()


def changed(row: int, column: str, value: str) -> Callable[[list[list[str]]], None]:
    def change(table: list[list[str]]) -> None:
        table[row][COLUMNS.index(column)] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(0, "field", "name"), "first row must be key,volume"),
        (changed(1, "volume", "2"), "the row of context differs"),
        (changed(2, "chapter", "3"), "the row of act1_prediction differs"),
        (changed(2, "saved_at", LONG_AGO), "and the same saved_at"),
        (changed(1, "field", "speed"), "'speed' is not a field"),
        (changed(2, "field", "context"), "context stands in the file twice"),
        (changed(2, "value", "many"), "the value of act1_prediction, 'many', cannot be read"),
        (changed(1, "value", "mars"), "context is 'mars'"),
        (changed(-1, "value", "none"), "the value of attempts"),
        (lambda table: table[2].pop(), "line 3: 6 cells expected, not 5"),
        (lambda table: table.clear(), "first row must be"),
    ],
)
def test_a_table_that_is_wrong_changes_nothing(
    ledger: DesignLedger, other: DesignLedger, change: Callable[[list[list[str]]], None], message: str
) -> None:
    ledger.save(2, design=example("ch02"))
    table = rows(ledger)
    change(table)
    with pytest.raises(LedgerImportError, match=message):
        import_csv(other, to_csv(table))
    assert other.entries() == {}


def test_text_that_is_no_table_is_refused(ledger: DesignLedger) -> None:
    with pytest.raises(LedgerImportError, match="is not CSV"):
        import_csv(ledger, ",".join(COLUMNS) + '\n"open')


def test_unknown_labs_in_a_table_are_skipped(ledger: DesignLedger) -> None:
    table = [list(COLUMNS), ["v3_01", "3", "1", "context", "cloud", LONG_AGO]]
    assert import_csv(ledger, to_csv(table)).skipped == {"v3_01": "this suite has no such lab"}


@pytest.mark.parametrize("text", ["=1+1", "+a", "-a", "@a", "\tx", "'=1", "''-"])
def test_words_that_a_spreadsheet_would_run_are_neutralised(text: str) -> None:
    assert to_cell(text) == "'" + text
    assert from_cell(to_cell(text), None, "field") == text


@given(st.text(min_size=1))
def test_every_word_comes_back_from_its_cell(text: str) -> None:
    assert from_cell(to_cell(text), None, "field") == text
    assert not to_cell(text).startswith(("=", "+", "-", "@"))
