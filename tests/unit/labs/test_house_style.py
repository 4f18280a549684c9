"""Texts of all labs are written in one way, and what they share is defined once."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.catalog import catalog
from mlsysim.core import constants
from mlsysim.core.provenance import Constant

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


def test_a_constant_is_defined_once() -> None:
    """What two labs need under one name and value stands in the registry; no lab hides a name of the registry."""
    first: dict[tuple[str, float, str], Constant] = {}
    again = []
    for module in (constants, *(sys.modules[lab.__module__] for lab in catalog())):
        for name, value in vars(module).items():
            if not isinstance(value, Constant):
                continue
            if first.setdefault((name, value.value, value.unit), value) is not value:
                again.append(f"{module.__name__}: {name}")
            if constants.CONSTANTS.get(name, value) is not value:
                again.append(f"{module.__name__}: {name} is another constant than the registry's")
    assert again == []
