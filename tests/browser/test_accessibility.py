"""WCAG 2.2 A and AA, as far as axe can tell, in every state of every page, light and dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labs.lab import Lab
from tests.browser.eyes import axe_violations
from tests.browser.student import Student
from tests.browser.tour import tour

THEMES = ("light", "dark")


@pytest.mark.parametrize("theme", THEMES)
def test_lab_has_no_violation_in_any_state(new_student: Callable[..., Student], lab: type[Lab], theme: str) -> None:
    student = new_student(lab=lab, color_scheme=theme)
    found = {state: violations for state in tour(student) if (violations := axe_violations(student.page))}
    assert not found, "\n".join(f"{state}: {line}" for state, lines in found.items() for line in lines)


@pytest.mark.parametrize("theme", THEMES)
def test_index_and_gallery_have_no_violation(new_student: Callable[..., Student], theme: str) -> None:
    student = new_student(color_scheme=theme)
    found = {}
    for path in ("/", "/gallery"):
        student.page.goto(f"{student.server.url}{path}")
        student.page.get_by_role("heading").first.wait_for()
        found[path] = axe_violations(student.page)
    assert not any(found.values()), "\n".join(f"{path}: {line}" for path, lines in found.items() for line in lines)
