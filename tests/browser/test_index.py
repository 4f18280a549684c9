"""The index page, the gallery, and the page for wrong addresses."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from components.instruments.registry import INSTRUMENTS
from labs.catalog import catalog, find_lab, path_of
from labs.lab import Lab
from tests.browser.student import Student

LAB = find_lab(1, 2)
WRONG_PATHS = (
    "/no-such-page",
    "/vol1/lab_99_nothing",
    "/vol1/",
    "/%3Cscript%3Ealert(1)%3C/script%3E",
    "/../../etc/passwd",
)


def test_index_shows_one_card_per_lab(new_student: Callable[..., Student]) -> None:
    student = new_student().opens_index()
    expect(student.page).to_have_title("MLSys Labs")
    expect(student.page.locator(".card")).to_have_count(len(catalog()))
    for lab in catalog():
        card = student.card(lab)
        for text in (lab.title, lab.invariant, f"{lab.minutes()} min", *(context.label for context in lab.contexts)):
            expect(card).to_contain_text(text)
        expect(card).to_contain_text("Not started")


def test_card_leads_to_the_lab_and_back(new_student: Callable[..., Student], lab: type[Lab]) -> None:
    student = new_student().opens_index()
    link = student.card(lab).get_by_role("link")
    link.focus()
    student.page.keyboard.press("Enter")
    expect(student.page.get_by_role("heading", level=1)).to_have_text(lab.title)
    student.page.get_by_role("link", name="All labs").click()
    expect(student.page.get_by_role("heading", level=1)).to_have_text("MLSys Labs")


def test_index_follows_progress(new_student: Callable[..., Student]) -> None:
    student = new_student(lab=LAB)
    for state, text in (
        ("act1_predict", "In progress · Act I"),
        ("act2_explore", "In progress · Act II"),
        ("saved", "✓ Saved · prediction wrong"),
    ):
        student.has_come_to(state).opens_index()
        expect(student.card(LAB)).to_contain_text(text)
    expect(student.page.locator(".summary")).to_contain_text(f"1 of {len(catalog())} labs saved")


def test_gallery_shows_every_instrument(new_student: Callable[..., Student]) -> None:
    student = new_student()
    student.page.goto(f"{student.server.url}/gallery")
    expect(student.page).to_have_title("Gallery · MLSys Labs")
    for name in INSTRUMENTS:
        expect(student.page.locator(".callout code", has_text=name).first).to_be_visible()
    expect(student.page.locator("figure.figure .plot canvas").first).to_be_visible()


def test_wrong_address_leads_to_the_labs(new_student: Callable[..., Student]) -> None:
    student = new_student()
    student.watch.allow("404", "the page under test is the answer to a wrong address")
    for path in (
        "/no-such-page",
        "/vol1/lab_99_nothing",
        "/vol1/",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/../../etc/passwd",
    ):
        answer = student.page.goto(f"{student.server.url}{path}")
        assert answer is not None
        assert answer.status == 404, path
        expect(student.page.get_by_role("heading", level=1)).to_have_text("There is no such page")
        assert "alert(1)" not in student.page.content()
    student.page.get_by_role("link", name=LAB.title).click()
    expect(student.page.get_by_role("heading", level=1)).to_have_text(LAB.title)
    assert path_of(LAB) in student.page.url
