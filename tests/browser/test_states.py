"""What a newcomer sees, and the ledger, is fit for everybody: WCAG rules, keyboard, small screens, large text.

Both are made of the same parts in every lab. What differs from lab to lab is judged while each lab is played.
"""

from __future__ import annotations

import pytest

from labs.lab import Lab
from tests.browser.judge import all_faults
from tests.browser.student import Student
from tests.browser.tour import beginning, ledger


@pytest.mark.representatives
def test_first_and_last_states_are_fit_for_everybody(student: Student, lab: type[Lab]) -> None:
    faults = [f"{state}: {fault}" for state in beginning(student) for fault in all_faults(student.page, dark=False)]
    student.has_come_to("act2_reflect", breaking=True).opens()
    faults += [f"{state}: {fault}" for state in ledger(student) for fault in all_faults(student.page, dark=False)]
    assert not faults, "\n".join(faults)
