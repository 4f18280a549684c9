"""One student's ledger as a CSV table: one row per entry and field, for spreadsheets and pandas."""

from __future__ import annotations

import csv
import io
from typing import Any

from ledger.clock import to_iso
from ledger.contract import contract_of
from ledger.design_ledger import DesignLedger
from ledger.errors import LedgerImportError
from ledger.field import Field
from ledger.keys import parse_key
from ledger.plain import from_text, to_text
from ledger.portable_content import Content, file_text
from ledger.records import Entry
from ledger.wire import read_entry

COLUMNS = ("key", "volume", "chapter", "field", "value", "saved_at")

ATTEMPTS = "attempts"
"""Row beside those of the design that holds the number of attempts, which the ledger keeps outside it."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export_csv(ledger: DesignLedger) -> str:
    """The student's entries as CSV text with the columns of `COLUMNS`. The student's id is not in it.

    Numbers, booleans (true, false), lists and mappings are written as JSON, words as they are, None as an
    empty cell. A word that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for entry in ledger.entries().values():
        volume, chapter = parse_key(entry.key)
        for name, value in (*entry.design.items(), (ATTEMPTS, entry.attempts)):
            writer.writerow((entry.key, volume, chapter, name, to_cell(value), to_iso(entry.saved_at)))
    return out.getvalue()


def parse_csv(content: str | bytes) -> Content:
    """The checked content of a CSV file. Raises LedgerImportError naming what is wrong with it."""
    found = Content()
    for key, rows in _rows_by_key(file_text(content), found).items():
        found.take(f"rows of {key}", {"key": key, "rows": rows}, _entry_in, found.add_entry)
    return found.checked()


def _rows_by_key(text: str, found: Content) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(lines, [])
        if tuple(header) != COLUMNS:
            raise LedgerImportError(
                f"The file is not an exported ledger: its first row must be {','.join(COLUMNS)}. Nothing was imported."
            )
        for line in lines:
            if len(line) == len(COLUMNS):
                rows.setdefault(line[0], []).append(dict(zip(COLUMNS, line, strict=True)))
            elif line:
                found.problems.append(f"line {lines.line_num}: {len(COLUMNS)} cells expected, not {len(line)}")
    except csv.Error as error:
        raise LedgerImportError(f"The file is not CSV: {error}. Nothing was imported.") from error
    return rows


def _entry_in(record: dict[str, Any]) -> Entry:
    key, rows = record["key"], record["rows"]
    volume, chapter = parse_key(key)
    fields = contract_of(key).fields
    design: dict[str, Any] = {}
    attempts: Any = 1
    for row in rows:
        name = row["field"]
        if (row["volume"], row["chapter"], row["saved_at"]) != (
            str(volume),
            str(chapter),
            rows[0]["saved_at"],
        ):
            raise ValueError(
                f"every row must name volume {volume}, chapter {chapter} and the same saved_at; "
                f"the row of {name} differs"
            )
        if name in design:
            raise ValueError(f"{name} stands in the file twice")
        if name == ATTEMPTS:
            attempts = _json_cell(row["value"], name)
        else:
            design[name] = from_cell(row["value"], fields.get(name), name)
    return read_entry({"key": key, "design": design, "attempts": attempts, "saved_at": rows[0]["saved_at"]})


def to_cell(value: Any) -> str:
    """The cell for one value of a design."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return to_text(value)
    # An apostrophe in front of apostrophes too: else `from_cell` could not tell whose it takes away.
    return f"'{value}" if value.lstrip("'").startswith(_FORMULA_STARTS) else value


def from_cell(cell: str, field: Field | None, name: str) -> Any:
    """The value that a cell stands for, by the type of its field. Raises ValueError if it cannot be read."""
    if cell == "":
        return None
    if field is None or field.type == "word":
        quoted = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA_STARTS)
        return cell[1:] if quoted else cell
    if field.type == "boolean":
        cell = cell.lower()  # spreadsheets write TRUE
    return _json_cell(cell, name)


def _json_cell(cell: str, name: str) -> Any:
    try:
        return from_text(cell)
    except ValueError as error:
        raise ValueError(f"the value of {name}, {cell!r}, cannot be read ({error})") from error
