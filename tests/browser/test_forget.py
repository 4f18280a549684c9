"""A student has everything erased that the server holds of them."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from labs.catalog import find_lab
from ledger import is_known
from ledger.people import names, remember_person
from tests.browser.judge import all_faults
from tests.browser.student import Student

LAB = find_lab(1, 2)


def test_a_student_is_forgotten_and_begins_anew(new_student: Callable[..., Student]) -> None:
    student = new_student(lab=LAB).has_come_to("act2_reflect").opens()
    server, known = student.server, student.id
    student.saves()
    remember_person(server.store(), known, "Ada Lovelace")
    other = new_student(lab=LAB).has_come_to("saved")
    # A second page of the same student stays open.
    second = student.page.context.new_page()
    second.goto(server.address_of(LAB))
    expect(second.get_by_role("tab", name="Ledger")).to_be_visible()

    student.panel.get_by_role("button", name="Erase everything the server holds of me").click()
    assert is_known(server.store(), known)
    student.panel.get_by_role("button", name="Really erase everything?").click()
    expect(student.page.get_by_role("heading", level=1)).to_have_text("Everything was erased")
    assert all_faults(student.page) == []
    assert not is_known(server.store(), known)
    assert known not in names(server.store())
    assert is_known(server.store(), other.id)

    # The page that was open writes nothing of it back, and says so.
    second.get_by_role("tab", name="Ledger").click()
    second.get_by_role("button", name="Start this lab over").click()
    second.get_by_role("button", name="Really start over?").click()
    expect(second.get_by_text("has been erased; reload the page").first).to_be_visible()
    assert not is_known(server.store(), known)
    second.close()

    student.page.get_by_role("link", name="All labs").click()
    student.opens()
    assert student.id != known
    expect(student.tab("Briefing")).to_have_attribute("aria-selected", "true")
    assert student.exports_json()["entries"] == []


def test_many_files_in_a_short_time_and_one_too_large_are_refused(new_student: Callable[..., Student]) -> None:
    student = new_student(lab=LAB).has_come_to("saved").opens()
    text = student.exports("JSON")
    assert "a ledger has at most" in student.imports("ledger.json", text + " " * 1_000_000)
    for _ in range(10):
        student.goes_to("Ledger")
        student.panel.locator("input[type=file]").set_input_files(
            {"name": "ledger.json", "mimeType": "application/json", "buffer": text.encode()}
        )
    expect(student.ledger_status).to_contain_text("Imported")
    student.panel.locator("input[type=file]").set_input_files(
        {"name": "ledger.json", "mimeType": "application/json", "buffer": text.encode()}
    )
    expect(student.ledger_status).to_contain_text("many files in a short time")
