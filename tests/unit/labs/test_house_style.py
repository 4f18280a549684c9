"""Texts of all labs are written in one way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = sorted([*ROOT.glob("labs/vol*/lab_*.py"), *ROOT.glob("components/**/*.py")])


def text_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and content of every text of a module; a number that is written as percent shows as `{}%`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(map(_part, node.values))


def _part(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    assert isinstance(value, ast.FormattedValue)
    spec = ast.unparse(value.format_spec) if value.format_spec else ""
    return "{}%" if spec.rstrip("'\"").endswith("%") else "{}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_space_stands_before_percent(path: Path) -> None:
    """As before every unit (ISO 80000-1): 30 %. `components.quantity.percent` writes it."""
    # Style sheets have lengths in percent, without one.
    assert [(line, text) for line, text in text_of(path) if re.search(r"[\d}]%(?![;)])", text)] == []
