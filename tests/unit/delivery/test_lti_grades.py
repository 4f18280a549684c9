"""Scores reach the gradebook of a platform, whatever happens on the way."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from labs import site
from labs.catalog import find_lab
from labs.lti.grade_service import GradeService
from labs.lti.handlers import tool_key
from labs.lti.sender import FIRST_RETRY_S, LONGEST_RETRY_S, Sender, retry_after, start_sending
from ledger import DesignLedger, LedgerError
from ledger.clock import now
from ledger.grades import claim_delivery, waiting
from ledger.tables import grade_columns, grade_deliveries
from tests.lti_platform import LINEITEM, SCORE, LearningPlatform, Link, Person
from tests.unit.delivery.lti_tool import Visitor
from tests.unit.ledger.ledger_designs import example

LAB = find_lab(1, 2)
PAGE = "/vol1/lab_02_ml_systems"


@pytest.fixture
def link(platform: LearningPlatform) -> Link:
    return platform.link(PAGE)


def sender() -> Sender:
    key = tool_key()
    assert key is not None
    return Sender(site.store(), site.course().lti, key)


def comes_and_saves(visitor: Visitor, link: Link, person: str, score: float) -> None:
    """Somebody follows a link and saves the lab; the score is what the lab gives for it."""
    visitor.follows(visitor.launches(link, person))
    who = site.identify(None, visitor.cookies[site.COOKIE])
    DesignLedger(site.store(), who.student_id).save(2, design=example(LAB.key()), score=score)


def row(table: Any = grade_deliveries) -> Any:
    with site.store().reading() as connection:
        return connection.execute(select(table)).one()


def is_time() -> None:
    """The pause after a failure is over."""
    with site.store().writing() as connection:
        connection.execute(update(grade_deliveries).values(next_try=now()))


def test_a_score_goes_to_the_column_that_the_platform_has_made(visitor: Visitor, link: Link) -> None:
    platform = visitor.platform
    link.lineitem = platform.column_of(link, LAB.key())
    comes_and_saves(visitor, link, "ada", 0.6)
    assert sender().send_due() == 1
    assert platform.book.scores == [(link.lineitem, "user-1", 0.6)]
    assert sender().send_due() == 0
    assert "GET /columns" not in platform.asked


def test_a_column_is_made_where_there_is_none_and_found_again(visitor: Visitor, link: Link) -> None:
    platform = visitor.platform
    platform.link("/elsewhere")
    platform.column_of(platform.links["link-2"], LAB.key())
    comes_and_saves(visitor, link, "ada", 0.6)
    sender().send_due()
    (made,) = [column for column in platform.book.columns.values() if column["resourceLinkId"] == link.id]
    assert made["label"] == f"Lab V1-02: {LAB.title}"
    assert platform.book.scores == [(made["id"], "user-1", 0.6)]
    # A process that died after the column was made and before it was noted makes no second one.
    with site.store().writing() as connection:
        connection.execute(update(grade_columns).values(lineitem=None))
    comes_and_saves(visitor, link, "nameless", 1.0)
    assert sender().send_due() == 1
    assert len(platform.book.columns) == 2
    assert platform.book.scores[-1] == (made["id"], "user-2", 1.0)


def test_senders_of_several_processes_make_one_column_and_send_each_score_once(visitor: Visitor, link: Link) -> None:
    platform = visitor.platform
    for n in range(8):
        platform.people[f"p{n}"] = Person(f"user-p{n}")
        comes_and_saves(visitor, link, f"p{n}", 0.6)
    threads = [threading.Thread(target=sender().send_due) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    is_time()
    sender().send_due()
    assert len(platform.book.columns) == 1
    assert sorted(user for _, user, _ in platform.book.scores) == sorted(f"user-p{n}" for n in range(8))
    assert waiting(site.store()) == 0


def test_a_platform_that_is_down_is_told_when_it_is_back(
    visitor: Visitor, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    platform = visitor.platform
    comes_and_saves(visitor, link, "ada", 0.6)
    platform.is_down = True
    for attempts in (1, 2):
        assert sender().send_due() == 0
        found = row()
        assert (found.pending, found.attempts, found.lease) == (True, attempts, None)
        assert "503" in found.problem
        assert (found.next_try - now()).total_seconds() == pytest.approx(retry_after(attempts - 1), abs=5)
        assert sender().send_due() == 0, "not before its time"
        is_time()
    platform.is_down = False
    assert sender().send_due() == 1
    assert platform.scores_of("ada") == [0.6]
    assert (row().pending, row().problem) == (False, None)
    assert "Ada" not in caplog.text
    assert "user-1" not in caplog.text


def test_a_platform_that_nobody_can_reach_is_tried_again(visitor: Visitor, link: Link) -> None:
    comes_and_saves(visitor, link, "ada", 0.6)
    visitor.platform.close()
    assert sender().send_due() == 0
    assert (row().pending, "does not answer" in row().problem) == (True, True)


def test_pauses_grow_and_have_an_end() -> None:
    pauses = [retry_after(n) for n in range(100)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (FIRST_RETRY_S, LONGEST_RETRY_S)


def test_a_column_that_is_gone_or_access_that_has_ended_is_no_end(visitor: Visitor, link: Link) -> None:
    platform = visitor.platform
    link.lineitem = platform.column_of(link, LAB.key())
    comes_and_saves(visitor, link, "ada", 0.6)
    same = sender()
    assert same.send_due() == 1
    # Access is kept, and asked for anew when the platform has forgotten it.
    comes_and_saves(visitor, link, "nameless", 0.6)
    platform._granted.clear()
    assert same.send_due() == 0
    is_time()
    assert same.send_due() == 1
    gone = platform.book.columns.pop(link.lineitem)
    comes_and_saves(visitor, link, "nameless", 1.0)
    assert same.send_due() == 0
    platform.book.columns[link.lineitem] = gone
    is_time()
    assert same.send_due() == 1
    assert [complaint.split(": ")[-1][:9] for complaint in platform.complaints] == ["no access", "no column"]
    platform.complaints.clear()


def test_a_redirect_out_of_the_platform_is_not_followed(visitor: Visitor, link: Link) -> None:
    platform = visitor.platform
    link.lineitem = platform.column_of(link, LAB.key())
    comes_and_saves(visitor, link, "ada", 0.6)
    platform.redirects_to = f"{platform.origin.replace('127.0.0.1', 'localhost')}/elsewhere"
    assert sender().send_due() == 0
    assert "307" in row().problem
    assert not any("/elsewhere" in asked for asked in platform.asked)


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "https://evil.example/columns", "file:///etc/passwd", "http://localhost:1/", ""],
)
def test_an_address_that_is_not_the_platforms_is_never_asked(visitor: Visitor, link: Link, url: str) -> None:
    """A launch with it is not taken; if it came into the ledger in another way, it is refused here once more."""
    comes_and_saves(visitor, link, "ada", 0.6)
    with site.store().writing() as connection:
        connection.execute(update(grade_columns).values(lineitems=url))
    assert sender().send_due() == 0
    assert "none of the platform's hosts" in row().problem


def test_the_page_after_next_is_looked_through_too(visitor: Visitor, link: Link, monkeypatch: Any) -> None:
    """A platform that lists few columns at a time."""
    platform, key = visitor.platform, tool_key()
    assert key is not None
    comes_and_saves(visitor, link, "ada", 0.6)
    service = GradeService(site.course().lti.platforms[0], key)
    delivery = claim_delivery(site.store(), 60)
    assert delivery is not None
    wanted = {"id": f"{platform.origin}/columns/9", "resourceLinkId": link.id, "resourceId": LAB.key()}
    pages = {"1": [{"id": "x"}, "no column"], "2": [wanted]}

    def ask(method: str, url: str, **_: Any) -> tuple[Any, dict[str, str]]:
        assert method == "GET"
        page = "2" if "page=2" in url else "1"
        following = {"Link": f'<{platform.origin}/first>; rel="first", <{platform.origin}/columns?page=2>; rel="next"'}
        return pages[page], following if page == "1" else {}

    monkeypatch.setattr(service, "_ask", ask)
    assert service.find_or_make_column(delivery.column, "label") == wanted["id"]


def test_a_platform_that_was_taken_out_of_the_course_waits(visitor: Visitor, link: Link, own_site: Path) -> None:
    comes_and_saves(visitor, link, "ada", 0.6)
    key = tool_key()
    assert key is not None
    without = site.course().lti.model_copy(update={"platforms": ()})
    assert Sender(site.store(), without, key).send_due() == 0
    assert "does not name the platform" in row().problem
    is_time()
    assert sender().send_due() == 1


def test_a_defect_holds_up_one_score_and_not_the_others(
    visitor: Visitor, link: Link, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for person in ("ada", "nameless"):
        comes_and_saves(visitor, link, person, 0.6)
    send = GradeService.send

    def breaks(self: GradeService, lineitem: str, user: str, score: float) -> None:
        if user == "user-1":
            raise RuntimeError("a defect")
        send(self, lineitem, user, score)

    monkeypatch.setattr(GradeService, "send", breaks)
    assert sender().send_due() == 1
    assert waiting(site.store()) == 1
    assert any(record.exc_info for record in caplog.records), "a defect is logged with where it happened"


def test_the_thread_sends_by_itself_and_outlives_a_ledger_that_is_away(
    visitor: Visitor, link: Link, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("labs.lti.sender.PAUSE_S", 0.02)
    comes_and_saves(visitor, link, "ada", 1.0)
    broken = threading.Event()
    first = Sender.send_due

    def away(self: Sender) -> int:
        if not broken.is_set():
            broken.set()
            raise LedgerError("no route to host")
        return first(self)

    monkeypatch.setattr(Sender, "send_due", away)
    key = tool_key()
    assert key is not None
    with caplog.at_level(logging.ERROR):
        stop = start_sending(site.store(), site.course().lti, key)
        for _ in range(600):
            if visitor.platform.scores_of("ada"):
                break
            stop.wait(0.05)
        stop.set()
    assert visitor.platform.scores_of("ada") == [1.0]
    assert "no route to host" in caplog.text


def test_the_platform_itself_tells_right_from_wrong(visitor: Visitor, link: Link) -> None:
    """What the tests above rest on: the platform on loopback does not take everything."""
    platform = visitor.platform
    for form in (
        {},
        {"grant_type": "client_credentials"},
        {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": platform.sign({"iss": "labs-client", "sub": "labs-client"}),
            "scope": f"{LINEITEM} {SCORE}",
        },
    ):
        assert visitor.asks("POST", f"{platform.origin}/token", form).status >= 400
    assert visitor.asks("GET", f"{platform.origin}/columns?course=1").status == 401
    assert visitor.asks("POST", f"{platform.origin}/deep?page=3", {"JWT": "x.y.z"}).status == 401
    assert len(platform.complaints) == 5
    platform.complaints.clear()
