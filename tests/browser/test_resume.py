"""Whatever state a student left, they come back to it: by a new visit, a reload, a link; and no bad link harms it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from labs.catalog import find_lab
from labs.lab import Lab
from labs.states import NEXT_STEP, STATES, reached
from labs.view import TAB_OF_STATE
from tests.browser.student import ACT_TABS, Student

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


def is_resumed(student: Student, state: str) -> None:
    """Comes back as somebody who has left a lab in `state`."""
    student.has_come_to(state).opens()
    expect(student.page.get_by_role("status").and_(student.page.locator(".next"))).to_have_text(NEXT_STEP[state])
    tab = TAB_OF_STATE.get(state, state[:4])
    expect(student.tab({"briefing": "Briefing", **ACT_TABS}[tab])).to_have_attribute("aria-selected", "true")
    expect(student.notices).to_have_count(0)
    if tab == "briefing":
        return
    open_ = reached(state, f"{tab}_explore")
    expect(student.prediction.locator("input").first).to_be_enabled(enabled=not open_)
    expect(student.controls).to_have_count(1 if open_ else 0)
    expect(student.reflection).to_have_count(1 if reached(state, f"{tab}_reflect") else 0)
    if open_:
        assert student.shown_controls() == student.stored_controls()


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_resumed(new_student: Callable[..., Student], state: str) -> None:
    is_resumed(new_student(lab=find_lab(1, 2)), state)


@pytest.mark.representatives
def test_reload_link_and_bad_link_lead_to_the_state_that_was(student: Student, lab: type[Lab]) -> None:
    is_resumed(student, "act1_reflect")
    is_resumed(student, "act2_explore")
    student.moves_by_keyboard()
    student.page.wait_for_url("**/*act2.*")
    address = student.page.url
    student.rests()
    # At rest, because one control may have moved another.
    shown = student.shown_controls()
    student.reloads()
    expect(student.controls).to_be_visible()
    assert student.shown_controls() == shown

    # Somebody else follows the link: the same controls, in their own state.
    student.has_come_to("act2_explore")
    student.page.goto(address)
    expect(student.controls).to_be_visible()
    assert student.shown_controls() == shown
    expect(student.notices).to_have_count(0)

    # A link that asks for what the lab does not have gets a notice for each part, and changes nothing.
    student.has_come_to("act2_explore")
    query = bad_address(lab)
    student.opens(query="?" + urlencode(query))
    meant_for_the_lab = [name for name in query if name == "context" or name.startswith("act2.")]
    expect(student.notices).to_have_count(len(meant_for_the_lab))
    for notice in student.notices.all():
        expect(notice).to_contain_text("The link asked for something this lab does not have")
    assert student.shown_controls() == student.stored_controls()
    assert student.page.evaluate("window.intruded") is None
    assert student.page.locator("img[src=x], .notices script").count() == 0
    assert student.run().state == "act2_explore"
