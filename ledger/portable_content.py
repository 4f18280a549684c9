"""What a portable file holds, and the checks that every such file passes before anything is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ledger.errors import LedgerImportError, UnknownLab
from ledger.records import Entry, Event, Progress

MAX_BYTES = 1_000_000
"""Largest file that is imported; one student's ledger is far smaller."""

_SHOWN_PROBLEMS = 10

T = TypeVar("T")


@dataclass
class Content:
    """The checked content of a portable file. `skipped` gives for each unknown key why it is not imported."""

    entries: dict[str, Entry] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, where: str, record: Any, read: Callable[[dict[str, Any]], T], keep: Callable[[T], None]) -> None:
        """Reads one record and keeps it; an unknown lab is noted as skipped, a ValueError as a problem."""
        try:
            if not isinstance(record, dict):
                raise ValueError(f"it must be a mapping, not {record!r}")
            keep(read(record))
        except UnknownLab:
            self.skipped[str(record["key"])] = "this suite has no such lab"
        except ValueError as error:
            self.problems.append(f"{where}: {error}")

    def add_entry(self, entry: Entry) -> None:
        """Adds an entry. Raises ValueError when its key is there already."""
        _add_once(self.entries, entry.key, entry)

    def add_progress(self, row: Progress) -> None:
        """Adds the progress of a lab. Raises ValueError when its key is there already."""
        _add_once(self.progress, row.key, row)

    def checked(self) -> Content:
        """This content. Raises LedgerImportError naming the problems if there is one."""
        if self.problems:
            shown = "; ".join(problem.rstrip(".") for problem in self.problems[:_SHOWN_PROBLEMS])
            more = len(self.problems) - _SHOWN_PROBLEMS
            raise LedgerImportError(
                f"Nothing was imported. {shown}{f'; and {more} more problems' if more > 0 else ''}."
            )
        return self


def _add_once(found: dict[str, T], key: str, value: T) -> None:
    if key in found:
        raise ValueError(f"{key} stands in the file twice")
    found[key] = value


def file_text(content: str | bytes) -> str:
    """The text of an uploaded file. Raises LedgerImportError when it is too large or not UTF-8."""
    size = len(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise LedgerImportError(
            f"The file has {size:,} bytes; a ledger has at most {MAX_BYTES:,}. Nothing was imported."
        )
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        raise LedgerImportError(f"The file is not UTF-8 text ({error}). Nothing was imported.") from error
    return text.removeprefix("\ufeff")  # the byte order mark that spreadsheets write
