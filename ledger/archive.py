"""The whole ledger of a course as JSON lines: for moving to another data base, and for research on the class.

The first line names schema and version, then each line holds one row, `{"table": "entries", ...}`, and the
last line counts the rows, so that a file that was cut off is noticed. Students appear by their pseudonym; the names
that a sign-in gave them stand in lines of their own, and are left out for research.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select

from ledger.clock import now, to_iso
from ledger.errors import LedgerError, LedgerImportError
from ledger.event_kinds import check_kind
from ledger.identity import check_student_id
from ledger.people import tidy_name
from ledger.plain import from_text, to_text
from ledger.records import check_attempt, check_score
from ledger.rows import claim_student, put_row
from ledger.store import Store
from ledger.tables import entries, events, instructors, people, progress, scores, students
from ledger.wire import check_names, key_in, mapping_in, time_in

SCHEMA = "mlsys-labs/ledger-archive"
VERSION = 3
READ_VERSIONS = (1, 2, 3)
"""Version 1 had no names, and version 2 did not say who teaches."""

EXPORTED = (students.name, people.name, instructors.name, entries.name, progress.name, events.name, scores.name)
"""The tables that an archive carries."""

_END = "end"


@dataclass(frozen=True)
class ArchiveReport:
    """What `import_all` did, in rows by table: `written`, and `kept` where the stored row was not older."""

    written: dict[str, int]
    kept: dict[str, int]


def export_all(store: Store, *, with_names: bool = True) -> Iterator[str]:
    """Every row of the ledger, line by line without line ends, all of one moment; names only `with_names`.

    Stored JSON that is damaged is exported as the text it is: nothing is lost.
    """
    yield to_text({"schema": SCHEMA, "version": VERSION, "exported_at": to_iso(now())})
    rows = 0
    with store.reading(snapshot=True) as connection:
        for record in _records(connection, with_names):
            rows += 1
            yield to_text(record, "row")
    yield to_text({"table": _END, "rows": rows})


def import_all(store: Store, lines: Iterable[str], replace: bool = False) -> ArchiveReport:
    """Takes the lines of `export_all` into the store, all or nothing.

    Of an entry, progress or name in both places the newer one wins; with `replace` that of the archive. Events that
    the store does not have are added. Raises LedgerImportError, naming the line, for anything that is no
    archive, was cut off, or breaks the form; nothing is changed then.
    """
    importer = _Importer(replace)
    with store.writing() as connection:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                importer.take(connection, from_text(line))
            except ValueError as error:
                raise LedgerImportError(f"Line {number} of the archive: {error}. Nothing was imported.") from error
        if importer.state != "ended":
            raise LedgerImportError("The archive was cut off: its last line is missing. Nothing was imported.")
    return ArchiveReport(dict(importer.written), dict(importer.kept))


def _records(connection: Connection, with_names: bool) -> Iterator[dict[str, Any]]:
    for row in connection.execute(select(students).order_by(students.c.id)):
        yield {"table": "students", "student": row.id, "created": to_iso(row.created)}
    for row in connection.execute(select(people).order_by(people.c.student)) if with_names else ():
        yield {"table": "people", "student": row.student, "name": row.name, "seen_at": to_iso(row.seen_at)}
    for row in connection.execute(select(instructors).order_by(instructors.c.student)):
        yield {"table": "instructors", "student": row.student, "seen_at": to_iso(row.seen_at)}
    for row in connection.execute(select(entries).order_by(entries.c.student, entries.c.key)):
        yield {
            **_place("entries", row),
            "design": _opened(row.design),
            "attempts": row.attempts,
            "saved_at": to_iso(row.saved_at),
        }
    for row in connection.execute(select(progress).order_by(progress.c.student, progress.c.key)):
        yield {**_place("progress", row), "state": _opened(row.state), "updated_at": to_iso(row.updated_at)}
    for row in connection.execute(select(scores).order_by(scores.c.student, scores.c.key)):
        yield {**_place("scores", row), "score": row.score, "at": to_iso(row.at)}
    for row in connection.execute(select(events).order_by(events.c.student, events.c.at, events.c.id)):
        yield {
            **_place("events", row),
            "attempt": row.attempt,
            "kind": row.kind,
            "data": _opened(row.data),
            "at": to_iso(row.at),
        }


def _place(table: str, row: Row[Any]) -> dict[str, Any]:
    return {"table": table, "student": row.student, "key": row.key}


def _opened(text: str) -> Any:
    """The mapping in stored text, or the text itself when it is damaged."""
    try:
        value = from_text(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text


def _closed(record: dict[str, Any], name: str) -> str:
    """The text to store for what `_opened` gave out."""
    value = record[name]
    return value if isinstance(value, str) else to_text(mapping_in(record, name), name)


def _identity(record: dict[str, Any]) -> dict[str, str]:
    """The primary key of an entry, progress or score."""
    return {"student": record["student"], "key": key_in(record)}


class _Importer:
    """Takes the lines of an archive one by one, within the transaction of `import_all`."""

    def __init__(self, replace: bool) -> None:
        self.replace = replace
        self.state = "new"
        self.written: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self._student_of_log = ""
        self._log: set[tuple[Any, ...]] = set()

    def take(self, connection: Connection, record: Any) -> None:
        """Takes one line. Raises ValueError for a line that cannot stand here."""
        if not isinstance(record, dict):
            raise ValueError(f"a mapping was expected, not {record!r}")
        if self.state == "new":
            self._begin(record)
        elif self.state == "ended":
            raise ValueError("there are lines after the last one")
        elif record.get("table") == _END:
            self._end(record)
        else:
            self._row(connection, record)

    def _begin(self, record: dict[str, Any]) -> None:
        if record.get("schema") != SCHEMA:
            raise ValueError(f"the file is not an archive of a ledger: its schema is not {SCHEMA!r}")
        if record.get("version") not in READ_VERSIONS:
            known = " and ".join(map(str, READ_VERSIONS))
            raise ValueError(f"the archive has version {record.get('version')!r}; this program reads {known}")
        self.state = "rows"

    def _end(self, record: dict[str, Any]) -> None:
        rows = self.written.total() + self.kept.total()
        if record.get("rows") != rows:
            raise ValueError(f"the archive names {record.get('rows')!r} rows, but {rows} were found")
        self.state = "ended"

    def _row(self, connection: Connection, record: dict[str, Any]) -> None:
        takers = {
            "students": self._student,
            "people": self._person,
            "instructors": self._instructor,
            "entries": self._entry,
            "progress": self._progress,
            "scores": self._score,
            "events": self._event,
        }
        table = str(record.get("table"))
        if table not in takers:
            raise ValueError(f"the table must be one of {', '.join(takers)}, not {table!r}")
        try:
            check_student_id(record.get("student"))
        except LedgerError as error:
            raise ValueError(str(error)) from error
        was_written = takers[table](connection, record)
        (self.written if was_written else self.kept)[table] += 1

    def _student(self, connection: Connection, record: dict[str, Any]) -> bool:
        check_names(record, "table", "student", "created")
        claim_student(connection, record["student"], time_in(record, "created"))
        return True

    def _person(self, connection: Connection, record: dict[str, Any]) -> bool:
        check_names(record, "table", "student", "name", "seen_at")
        if not isinstance(record["name"], str):
            raise ValueError(f"the name must be text, not {record['name']!r}")
        values = {"name": tidy_name(record["name"]), "seen_at": time_in(record, "seen_at")}
        return self._newer_wins(connection, people, {"student": record["student"]}, values, "seen_at")

    def _instructor(self, connection: Connection, record: dict[str, Any]) -> bool:
        check_names(record, "table", "student", "seen_at")
        values = {"seen_at": time_in(record, "seen_at")}
        return self._newer_wins(connection, instructors, {"student": record["student"]}, values, "seen_at")

    def _entry(self, connection: Connection, record: dict[str, Any]) -> bool:
        check_names(record, "table", "student", "key", "design", "attempts", "saved_at")
        values = {
            "design": _closed(record, "design"),
            "attempts": check_attempt(record["attempts"]),
            "saved_at": time_in(record, "saved_at"),
        }
        return self._newer_wins(connection, entries, _identity(record), values, "saved_at")

    def _progress(self, connection: Connection, record: dict[str, Any]) -> bool:
        check_names(record, "table", "student", "key", "state", "updated_at")
        values = {"state": _closed(record, "state"), "updated_at": time_in(record, "updated_at")}
        return self._newer_wins(connection, progress, _identity(record), values, "updated_at")

    def _score(self, connection: Connection, record: dict[str, Any]) -> bool:
        check_names(record, "table", "student", "key", "score", "at")
        values = {"score": check_score(record["score"]), "at": time_in(record, "at")}
        return self._newer_wins(connection, scores, _identity(record), values, "at")

    def _newer_wins(
        self, connection: Connection, table: Table, identity: dict[str, str], values: dict[str, Any], time: str
    ) -> bool:
        query = select(table.c[time]).where(*(table.c[name] == value for name, value in identity.items()))
        stored = connection.execute(query).scalar()
        if stored is not None and stored >= values[time] and not self.replace:
            return False
        put_row(connection, table, identity, values)
        return True

    def _event(self, connection: Connection, record: dict[str, Any]) -> bool:
        check_names(record, "table", "student", "key", "attempt", "kind", "data", "at")
        values = {
            "student": record["student"],
            "key": key_in(record),
            "attempt": check_attempt(record["attempt"]),
            "kind": check_kind(record["kind"]),
            "data": _closed(record, "data"),
            "at": time_in(record, "at"),
        }
        known = self._log_of(connection, record["student"])
        if tuple(values.values()) in known:
            return False
        known.add(tuple(values.values()))
        connection.execute(insert(events), values)
        return True

    def _log_of(self, connection: Connection, student: str) -> set[tuple[Any, ...]]:
        """The events of one student that are stored; archives are sorted by student: one set is enough."""
        if student != self._student_of_log:
            columns = (
                events.c.student,
                events.c.key,
                events.c.attempt,
                events.c.kind,
                events.c.data,
                events.c.at,
            )
            rows = connection.execute(select(*columns).where(events.c.student == student))
            self._student_of_log, self._log = student, {tuple(row) for row in rows}
        return self._log
