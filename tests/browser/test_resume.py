"""Whatever state a student left, they come back to it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from labs.lab import Lab
from labs.states import NEXT_STEP, STATES, reached
from labs.view import TAB_OF_STATE
from tests.browser.student import ACT_TABS, Student


@pytest.mark.parametrize("half", [STATES[:4], STATES[4:]], ids=["first half", "second half"])
def test_every_state_is_resumed(student: Student, lab: type[Lab], half: tuple[str, ...]) -> None:
    for state in half:
        student.has_come_to(state).opens()
        expect(student.page.get_by_role("status").and_(student.page.locator(".next"))).to_have_text(NEXT_STEP[state])
        tab = TAB_OF_STATE.get(state, state[:4])
        expect(student.tab({"briefing": "Briefing", **ACT_TABS}[tab])).to_have_attribute("aria-selected", "true")
        expect(student.notices).to_have_count(0)
        if tab == "briefing":
            continue
        open_ = reached(state, f"{tab}_explore")
        expect(student.prediction.locator("input").first).to_be_enabled(enabled=not open_)
        expect(student.controls).to_have_count(1 if open_ else 0)
        expect(student.reflection).to_have_count(1 if reached(state, f"{tab}_reflect") else 0)
        if open_:
            assert student.shown_controls() == student.stored_controls()


def test_reload_keeps_a_control_that_was_just_moved(student: Student, lab: type[Lab]) -> None:
    student.has_come_to("act2_explore").opens()
    student.moves_by_keyboard()
    shown = student.shown_controls()
    student.rests()
    student.reloads()
    expect(student.controls).to_be_visible()
    assert student.shown_controls() == shown
