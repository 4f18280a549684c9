"""A course with a title, a colour, some of the labs, and one that is not open yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from labs.catalog import find_lab
from tests.browser.judge import all_faults
from tests.browser.server import SUITE, Server
from tests.browser.student import Student

OPEN, CLOSED, ABSENT = find_lab(1, 2), find_lab(1, 8), find_lab(1, 0)
COURSE = """
title = "Systems for learning"
accent = "#E9B44C"
[labs]
offered = ["V1-02", "V1-08"]
[labs.opens]
V1-02 = 2020-01-01
V1-08 = 2999-01-01
"""


@pytest.fixture
def course_server(tmp_path: Path):
    file = tmp_path / "course.toml"
    file.write_text(COURSE, encoding="utf-8")
    server = Server(tmp_path / "server", (*SUITE, "--course", str(file))).start()
    yield server
    server.stop()


def test_a_course_is_what_its_file_says(new_student: Callable[..., Student], course_server: Server) -> None:
    student = new_student(course_server, OPEN).opens_index()
    page = student.page
    expect(page).to_have_title("Systems for learning")
    expect(page.get_by_role("heading", level=1)).to_have_text("Systems for learning")
    expect(page.locator(".card")).to_have_count(2)
    expect(student.card(OPEN).get_by_role("link")).to_have_count(1)
    closed = page.locator(".card").filter(has=page.get_by_role("heading", name=CLOSED.title))
    expect(closed.get_by_role("link")).to_have_count(0)
    expect(closed).to_contain_text("Opens Tuesday, 1 January 2999, 00:00 (UTC)")
    assert all_faults(page) == []

    student.opens()
    expect(page).to_have_title(f"{OPEN.title} · Systems for learning")
    student.goes_to("Act I")
    expect(student.prediction).to_be_visible()
    assert all_faults(page) == []

    # What is not open shows its question and its date, and nothing of the lab.
    page.goto(course_server.address_of(CLOSED) + "?act2.batch=8")
    expect(page.get_by_role("heading", level=1)).to_have_text(CLOSED.title)
    expect(page.get_by_text("This lab opens on Tuesday, 1 January 2999, 00:00 (UTC).")).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(0)
    assert all_faults(page) == []
    page.get_by_role("link", name="All labs").click()
    expect(page.locator(".card")).to_have_count(2)

    answer = page.request.get(course_server.address_of(ABSENT))
    assert answer.status == 404
    assert ABSENT.title not in answer.text()

    # Designs that solve the labs are not for those who are to find them.
    page.goto(f"{course_server.url}/gallery")
    expect(page.get_by_role("heading", level=1)).to_have_text("For instructors")
    expect(page.get_by_role("button", name="Draw the instruments")).to_have_count(0)
    assert all_faults(page) == []
