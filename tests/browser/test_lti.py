"""A course on a learning platform of another origin that shows the labs in a frame; scores reach its gradebook."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from labs.catalog import find_lab
from labs.lti.tool_key import make_key
from labs.score import COMPLETION, RULE
from ledger import id_for_user, load_secret
from ledger.grades import waiting
from ledger.people import names
from tests.browser.judge import all_faults
from tests.browser.server import SUITE, Server
from tests.browser.student import Student
from tests.browser.walk import walk
from tests.lti_platform import LearningPlatform, learning_platform

LAB, CLOSED = find_lab(1, 2), find_lab(1, 8)

#: A score that has not reached the gradebook by then does not.
PATIENCE_S = 60


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[tuple[LearningPlatform, Server]]:
    """A platform, and the suite's server registered there."""
    key, file = tmp_path / "lti.pem", tmp_path / "course.toml"
    make_key(key)
    server = Server(tmp_path / "server", (*SUITE, "--course", str(file)))
    with learning_platform(server.url) as made:
        text = made.course(key) + '[labs]\noffered = ["V1-02", "V1-08"]\n[labs.opens]\nV1-08 = 2999-01-01\n'
        file.write_text(text, encoding="utf-8")
        server.start()
        yield made, server
        server.stop()


def comes_true(what: Callable[[], bool], said: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def test_a_course_links_to_a_lab_and_its_gradebook_is_told(
    new_student: Callable[..., Student], platform: tuple[LearningPlatform, Server]
) -> None:
    lms, server = platform
    teacher = new_student(server, LAB)
    teacher.watch.allow(lms.origin, "the platform is another origin")
    page = teacher.page

    # An instructor chooses the lab to which a link of the course leads.
    page.goto(lms.page_address(lms.link("/lti/launch", choosing=True), "teacher"))
    framed = page.frame_locator("iframe")
    expect(framed.get_by_role("heading", level=1)).to_have_text("Choose a lab")
    expect(framed.get_by_role("button")).to_have_count(2)
    expect(framed.get_by_text("Opens Tuesday, 1 January 2999, 00:00 (UTC)")).to_be_visible()
    framed.get_by_role("button", name=f"Choose Lab 02: {LAB.title}").click()
    expect(framed.get_by_role("heading", level=1)).to_have_text(f"Linked: Lab V1-02: {LAB.title}")
    (item,) = lms.chosen

    # The picker by itself, as a page of its own.
    page.goto(lms.login_address(lms.link("/lti/launch", choosing=True, shown_in="window"), "teacher"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a lab")
    assert all_faults(page) == []

    # A launch that cannot be followed says why.
    teacher.watch.allow("HTTP 404", "this course does not offer that lab")
    teacher.watch.allow("console error: Failed to load resource", "the same, in the console")
    page.goto(lms.login_address(lms.link("/vol1/lab_00_introduction"), "teacher"))
    expect(page.get_by_role("heading", level=1)).to_have_text("The lab cannot be opened")
    assert all_faults(page) == []

    # A student comes from the platform's page and finds the lab in its frame.
    link = lms.link(item["url"].removeprefix(lms.tool))
    page.goto(lms.page_address(link, "ada"))
    expect(framed.get_by_role("heading", level=1)).to_have_text(LAB.title)
    secret = load_secret(server.secret_path)
    student_id = id_for_user(f"lti {lms.origin} user-1", secret)
    assert names(server.store()) == {student_id: "Ada Lovelace"}

    # In a window of its own the browser keeps the cookie of the launch; work done there is that student's.
    walk(LAB, server.ledger(student_id), "act2_reflect", breaking=True)
    run = LAB(server.ledger(student_id))
    run.answer("act2", run.act2.reflection().options[0].id)
    assert not run.solved
    link.shown_in = "window"
    page.goto(lms.login_address(link, "ada"))
    expect(page.get_by_role("tablist")).to_be_visible()
    assert page.url == server.address_of(LAB)
    assert teacher.id == student_id
    lms.is_down = True
    teacher.saves()
    expect(teacher.panel.get_by_text(RULE)).to_be_visible()
    assert all_faults(page) == []

    # The platform is down and the server is killed; the score waits in the ledger.
    page.goto("about:blank")
    comes_true(lambda: "POST /token" in lms.asked, "nothing was sent")
    server.kill()
    assert waiting(server.store()) == 1
    assert lms.scores_of("ada") == []
    lms.is_down = False
    server.start()
    comes_true(lambda: lms.scores_of("ada") == [COMPLETION], "the score did not arrive")
    (column,) = lms.book.columns.values()
    assert (column["resourceLinkId"], column["resourceId"]) == (link.id, LAB.key())
    comes_true(lambda: waiting(server.store()) == 0, "the score was not noted as sent")
