"""Small screens, large text, fingers: nothing is cut off and nothing needs sideways scrolling."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labs.lab import Lab
from tests.browser.judge import squeezed, with_large_text
from tests.browser.student import Student
from tests.browser.tour import tour


def test_lab_fits_small_screens_and_large_text(student: Student, lab: type[Lab]) -> None:
    faults = []
    for state in tour(student):
        faults += [f"{state}, {fault}" for fault in squeezed(student.page) + with_large_text(student.page)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("path", ["/", "/no-such-page"])
def test_page_fits_small_screens_and_large_text(new_student: Callable[..., Student], path: str) -> None:
    student = new_student()
    if path == "/no-such-page":
        student.watch.allow(r"404", "the page under test is the answer to a wrong address")
    student.page.goto(f"{student.server.url}{path}")
    student.page.get_by_role("main").first.wait_for()
    student.page.get_by_role("heading").first.wait_for()
    faults = squeezed(student.page) + with_large_text(student.page)
    assert not faults, "\n".join(faults)
