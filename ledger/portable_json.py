"""One student's ledger as a JSON file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.clock import now, to_iso
from ledger.design_ledger import DesignLedger
from ledger.errors import LedgerImportError
from ledger.plain import from_text, to_text
from ledger.portable_content import Content, file_text
from ledger.rows import read_entries, read_events, read_progress
from ledger.wire import (
    entry_record,
    event_record,
    progress_record,
    read_entry,
    read_event,
    read_progress_record,
)

SCHEMA = "mlsys-labs/ledger"
DATA_SCHEMA = "mlsys-labs/student-data"
"""Schema of a file with everything of a student, one part of which is a file of the schema above."""
VERSION = 1
_REQUIRED = ("schema", "version", "entries")
_OPTIONAL = ("exported_at", "progress", "events")


def export_json(ledger: DesignLedger, *, progress: bool = True, events: bool = False) -> str:
    """The student's ledger as JSON text: every entry, the progress in each lab unless `progress` is false,
    and the log if `events` is true. The student's id is not in it."""
    with ledger.store.reading(snapshot=True) as connection:
        content: dict[str, Any] = {
            "schema": SCHEMA,
            "version": VERSION,
            "exported_at": to_iso(now()),
            "entries": [entry_record(entry) for entry in read_entries(connection, ledger.student_id).values()],
        }
        if progress:
            states = read_progress(connection, ledger.student_id)
            content["progress"] = [progress_record(row) for row in states.values()]
        if events:
            log = read_events(connection, ledger.student_id)
            content["events"] = [event_record(event) for event in log]
    return to_text(content, "ledger", indent=1)


def parse_json(content: str | bytes) -> Content:
    """The checked content of a JSON file. Raises LedgerImportError naming what is wrong with it."""
    top = _top_level(file_text(content))
    found = Content()
    sections: tuple[tuple[str, Callable[[dict[str, Any]], Any], Callable[[Any], None]], ...] = (
        ("entries", read_entry, found.add_entry),
        ("progress", read_progress_record, found.add_progress),
        ("events", read_event, found.events.append),
    )
    for name, read, keep in sections:
        for number, record in enumerate(top.get(name, []), start=1):
            found.take(f"{name} {number}", record, read, keep)
    return found.checked()


def _top_level(text: str) -> dict[str, Any]:
    try:
        top = from_text(text)
    except ValueError as error:
        raise LedgerImportError(f"The file is not JSON: {error}. Nothing was imported.") from error
    if isinstance(top, dict) and top.get("schema") == DATA_SCHEMA:
        top = top.get("ledger")
    if not isinstance(top, dict) or top.get("schema") != SCHEMA:
        raise LedgerImportError(
            f'The file is not an exported ledger: its "schema" is not "{SCHEMA}". Nothing was imported.'
        )
    if top.get("version") != VERSION or isinstance(top["version"], bool):
        raise LedgerImportError(
            f"The file has version {top.get('version')!r}, this program reads version {VERSION}. Nothing was imported."
        )
    for name in ("entries", "progress", "events"):
        if not isinstance(top.get(name, [] if name in _OPTIONAL else None), list):
            raise LedgerImportError(f"The {name} of the file must be a list. Nothing was imported.")
    unknown = [name for name in top if name not in (*_REQUIRED, *_OPTIONAL)]
    if unknown:
        raise LedgerImportError(f"The file has the unknown fields {', '.join(unknown)}. Nothing was imported.")
    return top
