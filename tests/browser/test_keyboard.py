"""Everything works without a mouse, and a reader sees where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from labs.catalog import find_lab
from tests.browser.eyes import look
from tests.browser.student import Student

LAB = find_lab(1, 2)


def test_tabs_follow_the_arrow_keys(new_student: Callable[..., Student]) -> None:
    student = new_student(lab=LAB).opens()
    keyboard = student.page.keyboard
    student.tab("Briefing").focus()
    for key, name in (
        ("ArrowRight", "Act I"),
        ("ArrowRight", "Act II"),
        ("End", "Ledger"),
        ("ArrowRight", "Briefing"),
        ("ArrowLeft", "Ledger"),
        ("Home", "Briefing"),
    ):
        keyboard.press(key)
        expect(student.tab(name)).to_be_focused()
        expect(student.tab(name)).to_have_attribute("aria-selected", "true")
        expect(student.page.get_by_role("tabpanel", name=name)).to_be_visible()
        assert student.page.get_by_role("tab").and_(student.page.locator("[tabindex='0']")).count() == 1


def test_a_lab_is_done_by_keyboard_alone(new_student: Callable[..., Student]) -> None:
    """From the briefing to the first feedback with Tab, arrows, Space and Enter."""
    student = new_student(lab=LAB).opens()
    keyboard = student.page.keyboard

    def tab_to(name: str, role: Any = "button") -> None:
        target = student.page.get_by_role(role, name=name)
        for _ in range(60):
            keyboard.press("Tab")
            if target.evaluate_all("nodes => nodes.some((node) => node.getRootNode().activeElement === node)"):
                return
        raise AssertionError(f"{name} is not reached")

    tab_to("Open Act I")
    keyboard.press("Enter")
    expect(student.prediction).to_be_visible()
    student.tab("Act I").focus()
    tab_to("times", "radio")
    keyboard.press("ArrowDown")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(student.controls).to_be_visible()
    student.tab("Act I").focus()
    tab_to("Batch", "slider")
    keyboard.press("ArrowRight")
    expect(student.reflection).to_be_visible()
    expect(student.page.get_by_role("slider", name="Batch")).to_be_focused()


def test_reading_order_survives_the_unlocking(new_student: Callable[..., Student]) -> None:
    """Locking a prediction replaces parts of the page; the keyboard must not fall back to its top."""
    student = new_student(lab=LAB).opens()
    student.goes_to("Act I")
    student.predicts(right=False)
    student.page.keyboard.press("Tab")
    report = look(student.page, "focusReport")
    assert report is not None
    assert "All labs" not in report["name"], report


def test_reduced_motion_is_respected(new_student: Callable[..., Student]) -> None:
    student = new_student(lab=LAB, reduced_motion="reduce").has_come_to("act2_reflect").opens()
    student.goes_to("Act I")
    expect(student.overlay).to_be_visible()
    assert look(student.page, "animations") == []


def test_tools_of_a_plot_come_with_the_keyboard(new_student: Callable[..., Student]) -> None:
    student = new_student(lab=LAB).has_come_to("act1_explore").opens()
    plot = student.panel.locator(".figure").first
    expect(plot.locator(".bk-events")).to_be_visible()
    save = plot.get_by_title("Save", exact=True)
    expect(save).to_be_hidden()
    plot.locator(".bk-events").focus()
    expect(save).to_be_visible()
    for _ in range(8):
        student.page.keyboard.press("Tab")
        report = look(student.page, "focusReport")
        assert report["shown"], report
        if "Save" in report["title"]:
            break
    else:
        raise AssertionError("the Save tool is not reached")
    with student.page.expect_download() as download:
        student.page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".png")
    student.page.get_by_role("tab", selected=True).focus()
    expect(save).to_be_hidden()
