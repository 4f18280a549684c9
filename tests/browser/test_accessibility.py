"""WCAG 2.2 A and AA, as far as axe can tell, in every state of every page, light and dark."""

from __future__ import annotations

from collections.abc import Callable

from labs.lab import Lab
from tests.browser.judge import violations_in_both_themes
from tests.browser.student import Student
from tests.browser.tour import tour


def test_lab_has_no_violation_in_any_state(student: Student, lab: type[Lab]) -> None:
    found = [f"{state}: {line}" for state in tour(student) for line in violations_in_both_themes(student.page)]
    assert not found, "\n".join(found)


def test_index_has_no_violation(new_student: Callable[..., Student]) -> None:
    found = violations_in_both_themes(new_student().opens_index().page)
    assert not found, "\n".join(found)
