"""A course's file, read and checked; whatever is wrong with it is said with its line."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from components.theme import HEADER
from labs.course.model import Course
from labs.course.table import Table

#: What pydantic calls a mistake, and what the author of a file should read instead.
_WORDS = {
    "missing": "is missing; a table like this has {known}",
    "extra_forbidden": "is not known here; expected {known}",
    "string_type": "must be a text",
    "bool_type": "must be true or false, without quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must name at least one",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be at least {ge:g}",
    "datetime_type": "must be a date or a moment without quotes, such as 2026-09-14 or 2026-09-14T08:00:00",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": f"must be a colour such as {HEADER['header-end']}",
    "value_error": "{error}",
}

_HEADER = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


class CourseFileError(ValueError):
    """A file that cannot be used; one sentence per problem, each with its line."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}{problem}" for problem in problems))


def load_course(path: str | Path) -> Course:
    """The course of a file; CourseFileError says what is wrong and what would be right."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise CourseFileError(path, [f": cannot be read: {problem.strerror}"]) from None
    except UnicodeDecodeError:
        raise CourseFileError(path, [": is not a text file in UTF-8"]) from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise CourseFileError(path, [_where(str(problem), text)]) from None
    try:
        return Course.model_validate(content)
    except ValidationError as problem:
        lines = dict(_lines(text))
        errors = problem.errors()
        # A list whose only item is wrong also counts as empty, which would send its author astray.
        within = {error["loc"][:-1] for error in errors}
        told = [error for error in errors if error["type"] != "too_short" or error["loc"] not in within]
        raise CourseFileError(path, [_sentence(error, lines) for error in told]) from None


def _where(message: str, text: str) -> str:
    """A message of the TOML reader with its line first."""
    what, _, place = message.rpartition(" (at ")
    found = re.match(r"line (\d+), column (\d+)", place)
    line, column = found.groups() if found else (len(text.splitlines()), "after its end")
    return f", line {line}: {what} (column {column})"


def _sentence(error: Any, lines: dict[tuple[str, ...], int]) -> str:
    """What is wrong with one field."""
    place = tuple(str(part) for part in error["loc"] if part != "[key]")
    # The line of the field, of the table it is missing from or, for a table without a line, of what is first in it.
    around = [lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines]
    within = [line for known, line in lines.items() if known[: len(place)] == place]
    line = next(iter([*around, *within]), None)
    # A field that is only there to be refused is not offered.
    fields = _table_at(place[:-1]).model_fields
    known = ", ".join(name for name, field in fields.items() if not field.exclude)
    context = {"known": known, **error.get("ctx", {})}
    words = _WORDS.get(error["type"], error["msg"]).format(**context)
    name = ".".join(part for part in place if not part.isdigit())
    return f"{f', line {line}' if line else ''}: {name}: {words}"


def _table_at(place: tuple[str, ...]) -> type[Table]:
    """The innermost table on the way to a place."""
    table: type[Table] = Course
    for part in place:
        if part.isdigit():
            continue
        kind = table.model_fields[part].annotation if part in table.model_fields else None
        # A list of tables is a list of one kind of them.
        kind = next(iter(get_args(kind)), kind)
        if not (isinstance(kind, type) and issubclass(kind, Table)):
            break
        table = kind
    return table


def _lines(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """The line of every table and every key that has one of its own; tables of a list are numbered from 0."""
    table: tuple[str, ...] = ()
    listed: Counter[tuple[str, ...]] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                listed[table] += 1
                table = (*table, str(listed[table] - 1))
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_parts(key[1])), number


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
