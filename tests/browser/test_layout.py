"""Small screens, large text, fingers: nothing is cut off and nothing needs sideways scrolling."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from labs.lab import Lab
from tests.browser.eyes import look
from tests.browser.student import Student
from tests.browser.tour import tour

#: A phone; and a laptop's 1280 pixels at 400 % zoom, which WCAG 1.4.10 asks for.
NARROW = (390, 320)
#: WCAG 2.5.8.
LEAST_TARGET = 24


def squeezed(page: Page) -> list[str]:
    """What does not fit into the widths above."""
    faults = []
    for width in NARROW:
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(60)
        if (beyond := look(page, "sideways")) > 0:
            faults.append(f"{width} px: scrolls sideways by {beyond} px because of {look(page, 'overflowing')}")
        if cut := look(page, "clipped"):
            faults.append(f"{width} px: text is cut off in {cut}")
        if small := look(page, "smallTargets", LEAST_TARGET):
            faults.append(f"{width} px: targets smaller than {LEAST_TARGET} px: {small}")
    return faults


def with_large_text(page: Page) -> list[str]:
    """What does not fit when a reader doubles the size of the text on a laptop."""
    page.set_viewport_size({"width": 1280, "height": 800})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    page.wait_for_timeout(60)
    faults = []
    if (beyond := look(page, "sideways")) > 0:
        faults.append(f"text at 200 %: scrolls sideways by {beyond} px because of {look(page, 'overflowing')}")
    if cut := look(page, "clipped"):
        faults.append(f"text at 200 %: cut off in {cut}")
    page.evaluate("document.documentElement.style.fontSize = ''")
    return faults


def test_lab_fits_small_screens_and_large_text(student: Student, lab: type[Lab]) -> None:
    faults = []
    for state in tour(student):
        faults += [f"{state}, {fault}" for fault in squeezed(student.page) + with_large_text(student.page)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("path", ["/", "/gallery", "/no-such-page"])
def test_page_fits_small_screens_and_large_text(new_student: Callable[..., Student], path: str) -> None:
    student = new_student()
    if path == "/no-such-page":
        student.watch.allow(r"404", "the page under test is the answer to a wrong address")
    student.page.goto(f"{student.server.url}{path}")
    student.page.get_by_role("main").first.wait_for()
    student.page.get_by_role("heading").first.wait_for()
    faults = squeezed(student.page) + with_large_text(student.page)
    assert not faults, "\n".join(faults)
