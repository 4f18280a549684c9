"""Every state of every lab is fit for everybody: WCAG rules, keyboard, small screens, large text, painted plots."""

from __future__ import annotations

from labs.lab import Lab
from tests.browser.judge import all_faults
from tests.browser.representatives import representatives
from tests.browser.student import Student
from tests.browser.tour import FULLEST, fullest, tour


def test_every_state_is_fit_for_everybody(student: Student, lab: type[Lab]) -> None:
    # What a newcomer sees, and the ledger, is made of the same parts in every lab.
    states = tour(student) if lab in representatives() else fullest(student)
    faults = [f"{state}: {fault}" for state in states for fault in all_faults(student.page, dark=state == FULLEST)]
    assert not faults, "\n".join(faults)
