"""When the server is gone, slow, killed, or out of reach."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from labs.catalog import find_lab
from tests.browser.eyes import wait_until
from tests.browser.server import Server
from tests.browser.student import Student

LAB = find_lab(1, 2)

#: How long a busy machine may take to store what was chosen.
STORED_SECONDS = 30


#: A field in the page, and somebody who goes on typing in it.
TYPES_ON = """
    window.field = document.body.appendChild(document.createElement("input"))
    window.field.focus({preventScroll: true})
    const typed = () => new InputEvent("input", {bubbles: true, composed: true})
    window.typing = setInterval(() => window.field.dispatchEvent(typed()), 500)
"""


def expects_a_lost_connection(student: Student) -> None:
    student.watch.allow(
        r"ERR_CONNECTION_(REFUSED|RESET|CLOSED)|WebSocket|ERR_EMPTY_RESPONSE", "the server is taken away in this test"
    )


def test_page_says_when_the_server_is_gone_and_goes_on_by_itself_when_it_is_back(
    new_student: Callable[..., Student], own_server: Server
) -> None:
    student = new_student(own_server, LAB).has_come_to("act2_reflect").opens()
    expects_a_lost_connection(student)
    notice = student.page.locator(".connection[role=alert]")
    # Another tab than the one that the state leads to, and some way down.
    student.goes_to("Act I")
    expect(student.controls).to_be_visible()
    student.page.evaluate("window.scrollTo(0, 600)")
    expect(notice).to_be_empty()
    own_server.kill()
    expect(notice).to_contain_text("Connection lost.")
    expect(notice.get_by_role("button")).to_have_count(0)
    # A reader who is typing is not interrupted; then the page goes on without being asked.
    student.page.evaluate(TYPES_ON)
    own_server.start()
    expect(notice).to_contain_text("This page goes on by itself when you have finished typing.")
    expect(notice.get_by_role("button", name="Go on now")).to_be_visible()
    student.page.evaluate("window.stay = true; clearInterval(window.typing); window.field.remove()")
    wait_until(student.page, "window.stay === undefined")
    expect(student.tab("Act I")).to_have_attribute("aria-selected", "true")
    expect(student.controls).to_be_visible()
    expect(notice).to_be_empty()
    wait_until(student.page, "Math.abs(window.scrollY - 600) < 30")


def test_killed_server_resumes_where_every_student_was(new_student: Callable[..., Student], own_server: Server) -> None:
    student = new_student(own_server, LAB).has_come_to("act1_reflect").opens()
    expects_a_lost_connection(student)
    student.moves_by_keyboard()
    student.reflects(right=False)
    student.goes_to("Act II")
    student.predicts(right=False)
    student.sets({"distance_m": 600e3})
    shown, readouts = student.shown_controls(), student.readouts()
    student.rests()
    own_server.kill()
    own_server.start()
    student.opens()
    expect(student.tab("Act II")).to_have_attribute("aria-selected", "true")
    assert student.shown_controls() == shown
    assert student.readouts() == readouts


def test_nothing_is_lost_when_the_server_is_killed_right_after_saved(
    new_student: Callable[..., Student], own_server: Server
) -> None:
    student = new_student(own_server, LAB).has_come_to("act2_reflect").opens()
    expects_a_lost_connection(student)
    student.saves()
    own_server.kill()
    entry = student.ledger.entry(LAB.number, LAB.volume)
    assert entry is not None
    assert entry.design["act1_correct"] is False
    own_server.start()
    student.opens()
    expect(student.standing("Ledger")).to_contain_text("✓ saved")


def test_page_without_a_websocket_says_so_instead_of_staying_blank(new_student: Callable[..., Student]) -> None:
    student = new_student()
    student.watch.allow(
        r"Lost websocket|[Ww]eb[Ss]ocket|bokeh|ClientSession", "the network refuses WebSockets in this test"
    )
    student.page.route_web_socket("**/*", lambda socket: socket.close())
    student.page.goto(student.server.url)
    expect(student.page.get_by_role("alert")).to_contain_text("Nothing has come from the server yet.")


def test_a_choice_stands_while_answers_to_earlier_ones_arrive(
    new_student: Callable[..., Student], own_server: Server
) -> None:
    lab = find_lab(2, 9)
    student = new_student(own_server, lab).has_come_to("act2_explore").opens()
    expects_a_lost_connection(student)
    student.goes_to("Act II")
    expect(student.panel.locator(".figure canvas").first).to_be_visible()
    switches = student.controls.get_by_role("group").get_by_role("radio", name="on", exact=True)
    assert switches.count() >= 4
    own_server.pauses()
    for switch in switches.all():
        switch.check()
    # Looks at every choice as often as it can, while the server answers one after the other.
    student.page.evaluate("window.fell = []")
    switches.evaluate_all(
        "(all) => setInterval(() => window.fell.push(...all.filter((e) => !e.checked).map((e) => e.name)), 1)"
    )
    own_server.goes_on()
    chosen = student.shown_controls()
    for _ in range(STORED_SECONDS):
        student.rests()
        if student.stored_controls() == chosen:
            break
    assert student.stored_controls() == student.shown_controls() == chosen
    assert student.page.evaluate("window.fell") == []
