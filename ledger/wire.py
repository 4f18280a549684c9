"""Entries, progress and events as JSON records: how they are written to files and read back, checked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ledger.clock import from_iso, now, to_iso
from ledger.contract import validate_design
from ledger.event_kinds import check_event
from ledger.keys import parse_key
from ledger.plain import plain
from ledger.records import Entry, Event, Progress, check_attempt


def entry_record(entry: Entry) -> dict[str, Any]:
    """The JSON record of an entry."""
    return {
        "key": entry.key,
        "design": entry.design,
        "attempts": entry.attempts,
        "saved_at": to_iso(entry.saved_at),
    }


def progress_record(row: Progress) -> dict[str, Any]:
    """The JSON record of a lab's progress."""
    return {"key": row.key, "state": row.state, "updated_at": to_iso(row.updated_at)}


def event_record(event: Event) -> dict[str, Any]:
    """The JSON record of an event."""
    return {
        "key": event.key,
        "attempt": event.attempt,
        "kind": event.kind,
        "data": event.data,
        "at": to_iso(event.at),
    }


def read_entry(record: dict[str, Any]) -> Entry:
    """The entry in a record. Raises ValueError for a malformed record or a design against the contract.

    Fields of the design may be missing, as in an entry that was partly damaged when it was exported.
    """
    check_names(record, "key", "design", "attempts", "saved_at")
    key = key_in(record)
    design = validate_design(key, record["design"], complete=False)
    return Entry(key, design, check_attempt(record["attempts"]), time_in(record, "saved_at"))


def read_progress_record(record: dict[str, Any]) -> Progress:
    """The progress in a record. Raises ValueError for a malformed record."""
    check_names(record, "key", "state", "updated_at")
    return Progress(key_in(record), mapping_in(record, "state"), time_in(record, "updated_at"))


def read_event(record: dict[str, Any]) -> Event:
    """The event in a record. Raises ValueError for a malformed record, an unknown kind or missing data."""
    check_names(record, "key", "attempt", "kind", "data", "at")
    data = mapping_in(record, "data")
    kind = check_event(record["kind"], data)
    return Event(key_in(record), check_attempt(record["attempt"]), kind, data, time_in(record, "at"))


def check_names(record: dict[str, Any], *names: str) -> None:
    """Raises ValueError unless the record has exactly these fields."""
    for name in names:
        if name not in record:
            raise ValueError(f"the field {name!r} is missing")
    for name in record:
        if name not in names:
            raise ValueError(f"the field {name!r} is unknown; the fields are {', '.join(names)}")


def key_in(record: dict[str, Any]) -> str:
    """The entry key in a record. Raises UnknownLab for a lab that this suite does not have."""
    key = record["key"]
    if not isinstance(key, str):
        raise ValueError(f"the key must be text such as ch02, not {key!r}")
    parse_key(key)
    return key


def time_in(record: dict[str, Any], name: str) -> datetime:
    """A time in a record. One that lies ahead, from a clock that is fast, is taken as now: else it would
    count as newer than everything that is really saved later."""
    return min(from_iso(record[name]), now())


def mapping_in(record: dict[str, Any], name: str) -> dict[str, Any]:
    """A mapping in a record. Raises ValueError for anything else, and for one that cannot be stored."""
    value = plain(record[name], name)
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be a mapping, not {value!r}")
    return value
