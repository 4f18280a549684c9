"""One student's record is nobody else's, and bad input changes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from labs.catalog import find_lab
from ledger import load_secret
from ledger.identity import INSTRUCTOR, Bearer, sign_role
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


def test_an_instructor_whose_link_is_over_is_told_how_to_come_back(new_student: Callable[..., Student]) -> None:
    teacher = new_student(lab=LAB)
    ended = Bearer("u-teacher", INSTRUCTOR, int(time.time()) - 1)
    teacher.carries(sign_role(ended, load_secret(teacher.server.secret_path))).opens()
    expect(teacher.notices).to_contain_text("let in as an instructor is over")
    expect(teacher.notices).to_contain_text("mlsys-labs launch-link --role instructor")
    teacher.reloads()
    expect(teacher.notices).to_have_count(0)


@pytest.mark.parametrize("token", ["", "nonsense", "v1..", "v1.<script>.x", "v2.abc.def", "a" * 3000])
def test_senseless_cookie_is_harmless(new_student: Callable[..., Student], token: str) -> None:
    student = new_student(lab=LAB).carries(token).opens()
    expect(student.tab("Briefing")).to_have_attribute("aria-selected", "true")
    assert student.id


IMAGE = "<img src=x onerror='window.intruded = true'>"

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
