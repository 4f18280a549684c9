"""Themes, and plots that follow the window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from components.theme import DARK, LIGHT
from labs.catalog import find_lab
from tests.browser.eyes import look
from tests.browser.student import Student

LAB = find_lab(1, 2)


def background(student: Student) -> str:
    return student.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--page').trim()")


@pytest.mark.parametrize("system", ["light", "dark"])
def test_theme_follows_the_system_and_then_the_reader(new_student: Callable[..., Student], system: str) -> None:
    own, other = (LIGHT, DARK) if system == "light" else (DARK, LIGHT)
    student = new_student(lab=LAB, color_scheme=system).has_come_to("act1_explore").opens()
    expect(student.panel.locator(".figure canvas").first).to_be_visible()
    assert background(student) == own["page"]
    assert colours(student) == {own["muted"].lower()}

    button = student.page.get_by_role("button", name="Dark theme" if system == "light" else "Light theme")
    button.click()
    assert background(student) == other["page"]
    assert colours(student) == {other["muted"].lower()}

    # It is remembered: after a reload, on the index, in another lab, and for plots that are drawn later.
    student.reloads()
    expect(student.panel.locator(".figure canvas").first).to_be_visible()
    assert background(student) == other["page"]
    assert colours(student) == {other["muted"].lower()}
    student.moves_by_keyboard()
    student.switches_to(LAB.contexts[1].id)
    assert colours(student) == {other["muted"].lower()}
    student.opens_index()
    assert background(student) == other["page"]
    student.page.get_by_role("button", name="Light theme" if system == "light" else "Dark theme").click()
    assert background(student) == own["page"]


def colours(student: Student) -> set[str]:
    """The colours of the axes of every plot, as their models have them in the browser."""
    return {colour.lower() for colour in look(student.page, "axisColours")}


def test_theme_may_come_with_the_address(new_student: Callable[..., Student]) -> None:
    student = new_student(lab=LAB).opens(query="?theme=dark")
    assert background(student) == DARK["page"]
    expect(student.notices).to_have_count(0)


def test_a_lab_prints_without_its_controls(new_student: Callable[..., Student]) -> None:
    student = new_student(lab=LAB).has_come_to("act1_reflect").opens()
    student.page.emulate_media(media="print")
    expect(student.page.get_by_role("heading", level=1)).to_be_visible()
    expect(student.page.get_by_role("tablist")).to_be_hidden()
    expect(student.page.get_by_role("button")).to_have_count(0)
