"""Every claim of docs/security.md names tests that exist; every relaxed source of the policy has its reason there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from labs.content_policy import content_policy

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
CLAIM = re.compile(r"^- \*\*([A-Z]+\d+)\*\* (.*?)(?=^- \*\*|^#|\Z)", re.MULTILINE | re.DOTALL)
TEST = re.compile(r"`((?:unit|browser|integration)/[\w/]+\.py(?:::\w+)+)`")
CLAIMS = {number: TEST.findall(body) for number, body in CLAIM.findall(TEXT)}
NAMED = sorted({test for tests in CLAIMS.values() for test in tests})


def collected(test: str) -> bool:
    """Whether pytest collects a test of this name: a function, or a method of a class, in a file of tests."""
    path, *names = test.split("::")
    file = ROOT / "tests" / path
    if not file.is_file() or not file.name.startswith("test_"):
        return False
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for name in names[:-1]:
        inner = [node for node in body if isinstance(node, ast.ClassDef) and node.name == name]
        if not inner or not name.startswith("Test"):
            return False
        body = inner[0].body
    functions = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return names[-1].startswith("test_") and names[-1] in functions


def skipped(test: str) -> bool:
    """Whether the test is marked as one that does not run."""
    path, *_, name = test.split("::")
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    return any("skip" in ast.unparse(mark) or "xfail" in ast.unparse(mark) for mark in found[0].decorator_list)


def test_every_claim_has_a_number_of_its_own_and_a_test() -> None:
    numbers = [number for number, _ in CLAIM.findall(TEXT)]
    assert len(numbers) >= 25
    assert len(set(numbers)) == len(numbers)
    assert [number for number, tests in CLAIMS.items() if not tests] == []
    # A name in the text that is not read as a claim's test would be held by nothing.
    assert len(TEST.findall(TEXT)) == sum(map(len, CLAIMS.values()))


@pytest.mark.parametrize("test", NAMED)
def test_a_named_test_is_there_and_runs(test: str) -> None:
    assert collected(test)
    assert not skipped(test)


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert not collected("unit/test_security_claims.py::test_of_nothing")
    assert not collected("unit/test_nothing.py::test_of_nothing")
    assert not collected("unit/test_security_claims.py::TestNothing::test_of_nothing")


def test_every_source_of_the_policy_has_its_reason() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `")]
    for directive in content_policy("labs.example.edu", nonce="abc").split("; "):
        name, *sources = directive.split()
        for source in set(sources) - {"'self'", "'none'"}:
            shown = "'nonce-" if source.startswith("'nonce-") else source.split("//")[0]
            assert any(row.startswith(f"| `{name}`") and shown in row for row in rows), (name, source)
