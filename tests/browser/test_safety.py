"""One student's record is nobody else's, and bad input changes nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from labs.catalog import find_lab
from labs.lab import Lab
from tests.browser.student import Student

LAB = find_lab(1, 2)
OTHER = find_lab(1, 0)


# --- two students ------------------------------------------------------------------------------------------


def test_two_students_never_see_each_other(new_student: Callable[..., Student]) -> None:
    busy = new_student(lab=LAB).has_come_to("act2_reflect").opens()
    other = new_student(lab=LAB).opens()
    assert busy.id != other.id
    busy.saves()

    other.opens_index()
    expect(other.card(LAB)).not_to_contain_text("Saved")
    other.opens()
    expect(other.tab("Briefing")).to_have_attribute("aria-selected", "true")
    expect(other.standing("Ledger")).to_have_text("not saved")
    assert other.exports_json()["entries"] == []
    assert len(other.exports("CSV").splitlines()) == 1
    other.starts_over()

    busy.opens_index()
    expect(busy.card(LAB)).to_contain_text("✓ Saved")
    busy.opens()
    assert [entry["key"] for entry in busy.exports_json()["entries"]] == [LAB.key()]


def test_tampered_cookie_begins_a_new_ledger_and_says_so(new_student: Callable[..., Student]) -> None:
    victim = new_student(lab=LAB).has_come_to("act2_reflect").opens()
    victim.saves()
    before = victim.ledger.entries()
    version, student_id, signature = victim.cookie["value"].split(".")
    forged = f"{version}.{student_id}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'B'}"

    thief = new_student(lab=LAB).carries(forged).opens()
    expect(thief.notices).to_contain_text("cannot be trusted")
    expect(thief.standing("Ledger")).to_have_text("not saved")
    thief.reloads()
    expect(thief.notices).to_have_count(0)
    assert thief.id != student_id
    assert thief.exports_json()["entries"] == []
    thief.carries(forged).opens_index()
    expect(thief.page.get_by_role("status")).to_contain_text("cannot be trusted")
    assert victim.server.ledger(student_id).entries() == before


@pytest.mark.parametrize("token", ["", "nonsense", "v1..", "v1.<script>.x", "v2.abc.def", "a" * 3000])
def test_senseless_cookie_is_harmless(new_student: Callable[..., Student], token: str) -> None:
    student = new_student(lab=LAB).carries(token).opens()
    expect(student.tab("Briefing")).to_have_attribute("aria-selected", "true")
    assert student.id


# --- addresses -----------------------------------------------------------------------------------------------

SCRIPT = "<script>window.intruded = true</script>"
IMAGE = "<img src=x onerror='window.intruded = true'>"


def bad_address(lab: type[Lab]) -> dict[str, str]:
    """An address of a lab that asks for what it does not have, in every way at once."""
    controls = lab.acts[1].controls_in(lab.contexts[0].id)
    senseless = itertools.cycle([IMAGE, "1e400", "nan", "-1e12", "\x00\ud7ff" * 100, SCRIPT, ""])
    return {
        "context": IMAGE,
        "act2.no_such_control": "1",
        f"act2.{SCRIPT}": SCRIPT,
        **{f"act2.{name}": value for name, value in zip(controls, senseless, strict=False)},
        "act2.": "",
        "act3.x": "1",
        "": "x",
        "__class__": "y",
    }


def test_wrong_address_gets_notices_and_the_state_that_was(student: Student, lab: type[Lab]) -> None:
    student.has_come_to("act2_explore").opens()
    usual, query = student.shown_controls(), bad_address(lab)
    student.opens(query="?" + urlencode(query))
    meant_for_the_lab = [name for name in query if name == "context" or name.startswith("act2.")]
    expect(student.notices).to_have_count(len(meant_for_the_lab))
    for notice in student.notices.all():
        expect(notice).to_contain_text("The link asked for something this lab does not have")
    assert student.shown_controls() == usual
    assert student.page.evaluate("window.intruded") is None
    assert student.page.locator("img[src=x], .notices script").count() == 0
    assert student.run().state == "act2_explore"


def test_good_address_leads_to_the_same_controls(student: Student, lab: type[Lab]) -> None:
    student.has_come_to("act2_explore").opens()
    student.moves_by_keyboard()
    shown = student.shown_controls()
    student.page.wait_for_url("**/*act2.*")
    address = student.page.url
    student.has_come_to("act2_explore")
    student.page.goto(address)
    expect(student.controls).to_be_visible()
    assert student.shown_controls() == shown
    expect(student.notices).to_have_count(0)


# --- files -----------------------------------------------------------------------------------------------------

BAD_FILES = {
    "empty": ("ledger.json", "", "not JSON"),
    "broken": ("ledger.json", '{"schema": "mlsys-labs/ledger", "version": 1, "entries": [', "not JSON"),
    "another program": ("ledger.json", '{"cells": [], "nbformat": 4}', "not an exported ledger"),
    "future version": ("ledger.json", '{"schema": "mlsys-labs/ledger", "version": 99, "entries": []}', "version"),
    "bad entry": (
        "ledger.json",
        '{"schema": "mlsys-labs/ledger", "version": 1, "entries": [{"key": "ch02", "design": 7}]}',
        "entries 1",
    ),
    "another table": ("grades.csv", "name,grade\nAda,1.0\n", "not an exported ledger"),
    "script": ("ledger.json", f'"{IMAGE}"', "not an exported ledger"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_is_refused_and_changes_nothing(new_student: Callable[..., Student], case: str) -> None:
    name, text, words = BAD_FILES[case]
    student = new_student(lab=LAB).has_come_to("saved").opens()
    before = student.ledger.entries(), student.ledger.progress(LAB.number, LAB.volume)
    said = student.imports(name, text)
    assert words in said
    assert "Nothing was imported" in said
    expect(student.ledger_status).to_have_class("status danger")
    assert (student.ledger.entries(), student.ledger.progress(LAB.number, LAB.volume)) == before
    assert student.page.evaluate("window.intruded") is None


@pytest.mark.parametrize("form", ["JSON", "CSV"])
def test_export_of_one_student_is_taken_up_by_another(new_student: Callable[..., Student], form: str) -> None:
    giver = new_student(lab=LAB).has_come_to("saved").opens()
    text = giver.exports(form)
    taker = new_student(lab=OTHER).opens()
    assert taker.imports(f"ledger.{form.lower()}", text).startswith("Imported 1 of 1 entries.")
    assert taker.ledger.all() == giver.ledger.all()
    again = taker.imports(f"ledger.{form.lower()}", text)
    assert "the same entry is already stored" in again
    taker.opens_index()
    expect(taker.card(LAB)).to_contain_text("✓ Saved")


def test_import_of_progress_in_the_lab_on_screen_is_shown_and_kept(new_student: Callable[..., Student]) -> None:
    """The page must not go on with what it had and write that over what came with the file."""
    taker = new_student(lab=LAB).opens()
    giver = new_student(lab=LAB).has_come_to("act2_explore").opens()
    text = json.dumps(giver.exports_json())
    taker.imports("ledger.json", text)
    taker.goes_to("Act II")
    expect(taker.controls).to_be_visible()
    taker.reloads()
    expect(taker.tab("Act II")).to_have_attribute("aria-selected", "true")
