"""Carrying one student's ledger from one place to another, as JSON (everything) or CSV (the entries)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger.clock import now, to_iso
from ledger.design_ledger import DesignLedger
from ledger.event_kinds import IMPORTED
from ledger.plain import plain, to_text
from ledger.portable_content import Content
from ledger.portable_csv import export_csv, parse_csv
from ledger.portable_json import export_json, parse_json
from ledger.records import Entry, Event
from ledger.rows import (
    add_events,
    current_attempt,
    put_entry,
    put_progress,
    read_entries,
    read_events,
    read_progress,
)

__all__ = ["ImportReport", "export_csv", "export_json", "import_csv", "import_json"]


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    `imported` are the keys whose entry was taken, `kept` says for each key why the stored entry stayed,
    `skipped` why a key of the file was left out. `progress` and `events` count the labs whose progress and
    the lines of the log that were taken.
    """

    imported: tuple[str, ...]
    kept: dict[str, str]
    skipped: dict[str, str]
    progress: int = 0
    events: int = 0


def import_json(ledger: DesignLedger, content: str | bytes, replace: bool = False) -> ImportReport:
    """Takes an exported JSON file into the student's ledger.

    Of an entry in both places the newer one wins; with `replace` that of the file, however old. The same
    holds for progress. Log lines that the ledger does not have yet are added. Labs that this suite does not
    know are skipped. The file is checked whole before anything is written, and then all of it is written or
    nothing.
    Raises LedgerImportError when it is not JSON, has another schema or version, is larger than 1 MB, or
    breaks the contract; nothing is changed then.
    """
    return _merge(ledger, parse_json(content), replace)


def import_csv(ledger: DesignLedger, content: str | bytes, replace: bool = False) -> ImportReport:
    """Takes an exported CSV file into the student's ledger; rules and errors are those of `import_json`."""
    return _merge(ledger, parse_csv(content), replace)


def _merge(ledger: DesignLedger, content: Content, replace: bool) -> ImportReport:
    student = ledger.student_id
    with ledger.store.writing() as connection:
        ledger.claim(connection)
        log = _missing_events(connection, student, content.events)
        add_events(connection, student, log)
        imported, kept = _merge_entries(connection, student, content, replace)
        states = read_progress(connection, student)
        taken = [
            row
            for key, row in content.progress.items()
            if replace or key not in states or row.updated_at > states[key].updated_at
        ]
        for row in taken:
            put_progress(connection, student, row)
    return ImportReport(tuple(imported), kept, content.skipped, len(taken), len(log))


def _merge_entries(
    connection: Connection, student: str, content: Content, replace: bool
) -> tuple[list[str], dict[str, str]]:
    stored = read_entries(connection, student)
    imported: list[str] = []
    kept: dict[str, str] = {}
    for key, entry in content.entries.items():
        reason = None if replace else _reason_to_keep(stored.get(key), entry)
        if reason:
            kept[key] = reason
            continue
        put_entry(connection, student, entry)
        attempt = current_attempt(connection, student, key)
        # The log keeps the prediction that came with the entry: `first_prediction` must still find it later.
        add_events(connection, student, [Event(key, attempt, IMPORTED, entry.design, now())])
        imported.append(key)
    return imported, kept


def _reason_to_keep(stored: Entry | None, entry: Entry) -> str | None:
    if stored is None or not stored.design:  # nothing there, or nothing that can still be read
        return None
    if stored == entry:
        return "the same entry is already stored"
    if stored.saved_at >= entry.saved_at:
        return f"the stored entry is newer ({to_iso(stored.saved_at)})"
    return None


def _missing_events(connection: Connection, student: str, offered: list[Event]) -> list[Event]:
    seen = {_identity(event) for event in read_events(connection, student)} if offered else set()
    missing = []
    for event in offered:
        if _identity(event) not in seen:
            seen.add(_identity(event))
            missing.append(event)
    return missing


def _identity(event: Event) -> tuple[Any, ...]:
    return (event.key, event.attempt, event.kind, to_text(plain(event.data)), event.at)
