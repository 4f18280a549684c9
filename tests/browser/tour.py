"""Every state of a lab's page that looks different, one after another."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import expect

from tests.browser.student import Student

#: The state in which most is on the page.
FULLEST = "Act II, design broken"


def tour(student: Student) -> Iterator[str]:
    """Names of the states; the page shows each while the caller holds its name."""
    yield from beginning(student)
    student.has_come_to("act2_reflect", breaking=True).opens()
    yield from fullest(student)
    yield from ledger(student)


def beginning(student: Student) -> Iterator[str]:
    """The states of a newcomer."""
    student.opens()
    student.page.get_by_text("About this model").click()
    yield "briefing"
    student.goes_to("Act I")
    expect(student.prediction).to_be_visible()
    yield "Act I, before the prediction"


def fullest(student: Student) -> Iterator[str]:
    """The states with everything on the page that an act has, of somebody who has opened a broken Act II."""
    expect(student.banner).not_to_have_count(0)
    yield from drawn(student, FULLEST)
    student.goes_to("Act I")
    expect(student.overlay).to_be_visible()
    yield from drawn(student, "Act I, explored and answered")


def drawn(student: Student, state: str) -> Iterator[str]:
    """One state, once the tab on screen shows its plots and nothing is folded."""
    expect(student.panel.locator(".figure canvas").first).to_be_visible()
    student.opens_all_drawers()
    yield state


def ledger(student: Student) -> Iterator[str]:
    """The state of the last tab."""
    student.goes_to("Ledger")
    expect(student.panel.get_by_role("row").nth(1)).to_be_visible()
    yield "Ledger"
