"""The index page, and the page for wrong addresses."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from urllib.parse import urljoin

from playwright.sync_api import expect

from labs.catalog import catalog, find_lab, path_of
from tests.browser.judge import all_faults
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


def test_every_card_leads_to_its_lab(new_student: Callable[..., Student]) -> None:
    student = new_student().opens_index()
    for lab in catalog():
        href = student.card(lab).get_by_role("link").get_attribute("href")
        answer = student.page.request.get(urljoin(student.page.url, href))
        assert answer.ok
        assert f"<title>{lab.title}" in unescape(answer.text())


def test_card_leads_to_the_lab_and_back(new_student: Callable[..., Student]) -> None:
    student = new_student().opens_index()
    student.card(LAB).get_by_role("link").focus()
    student.page.keyboard.press("Enter")
    expect(student.page.get_by_role("heading", level=1)).to_have_text(LAB.title)
    student.page.get_by_role("link", name="All labs").click()
    expect(student.page.get_by_role("heading", level=1)).to_have_text("MLSys Labs")


def test_index_is_fit_for_everybody(new_student: Callable[..., Student]) -> None:
    faults = all_faults(new_student().opens_index().page)
    assert not faults, "\n".join(faults)


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
    assert all_faults(student.page) == []
    student.page.get_by_role("link", name=LAB.title).click()
    expect(student.page.get_by_role("heading", level=1)).to_have_text(LAB.title)
    assert path_of(LAB) in student.page.url
