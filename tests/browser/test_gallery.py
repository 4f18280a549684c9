"""The gallery: opened once, since it draws every instrument there is, and looked at from all sides."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from components.instruments.registry import INSTRUMENTS
from tests.browser.judge import all_faults
from tests.browser.student import Student


def test_gallery_shows_every_instrument_and_is_fit_for_everybody(new_student: Callable[..., Student]) -> None:
    student = new_student()
    student.page.goto(f"{student.server.url}/gallery")
    expect(student.page).to_have_title("Gallery · MLSys Labs")
    for name in INSTRUMENTS:
        expect(student.page.locator(".callout code", has_text=name).first).to_be_visible()
    student.page.get_by_role("button", name="Draw the instruments of V1-02").click()
    expect(student.page.locator(".figure .plot canvas").first).to_be_visible()
    faults = all_faults(student.page)
    assert not faults, "\n".join(faults)
