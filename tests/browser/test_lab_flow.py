"""Each lab, played by a student who guesses wrong, breaks the design, and repairs it.

On the way, the states with the most on the page are judged: WCAG rules, keyboard, small screens, large text, plots.
"""

from __future__ import annotations

from playwright.sync_api import expect

from labs.lab import Lab
from tests.browser.judge import all_faults
from tests.browser.representatives import representatives
from tests.browser.student import Student
from tests.browser.tour import FULLEST, fullest
from tests.browser.walk import breaking_context


def test_student_guesses_wrong_breaks_repairs_and_saves(student: Student, lab: type[Lab]) -> None:
    student.opens()
    expect(student.tab("Briefing")).to_have_attribute("aria-selected", "true")
    expect(student.page).to_have_title(f"{lab.title} · MLSys Labs")

    # Act I is locked until a prediction is made.
    student.goes_to("Act I")
    expect(student.prediction).to_be_visible()
    assert student.page.locator("canvas, figure.figure, form.controls").count() == 0
    assert student.badges.filter(has_text="not yet measured").count() == student.badges.count() > 0
    student.goes_to("Act II")
    expect(student.panel).to_contain_text("Act II opens once the Act I reflection is answered.")
    assert student.page.locator("canvas, figure.figure, form.controls").count() == 0

    student.goes_to("Act I")
    student.predicts(right=False)
    expect(student.panel.locator(".figure canvas").first).to_be_visible()
    for answer in student.prediction.locator("input").all():
        expect(answer).to_be_disabled()
    expect(student.prediction.get_by_role("button", name="Lock prediction")).to_have_count(0)
    expect(student.reflection).to_have_count(0)

    student.moves_by_keyboard()
    expect(student.overlay).to_be_visible()
    for label in ("You predicted", "The model gives", "Off by"):
        assert student.overlay.locator("div", has_text=label).locator("dd").last.inner_text().strip()
    assert student.reflects(right=False).strip() != "Not this one"

    # Act II: the design breaks, and is repaired, in every context that allows it.
    student.goes_to("Act II")
    student.predicts(right=False)
    student.moves_by_keyboard()
    broken, solved, faults = [], [], []
    run = student.run()
    for context in [*reversed([context.id for context in lab.contexts])]:
        student.switches_to(context)
        if (breaking := run.breaking(context)) is not None:
            student.resets_controls()
            student.sets(breaking)
            expect(student.banner.locator("nth=0")).to_be_visible()
            expect(student.panel.locator("[role=alert] .banner.danger")).not_to_have_count(0)
            expect(student.badges.and_(student.page.locator(".violated"))).not_to_have_count(0)
            expect(student.standing("Cliff")).to_have_text("explored the cliff")
            if context == breaking_context(lab, run):
                # Where the page is fullest: a reload comes back to it, and it is fit for everybody.
                student.rests()
                resumes(student)
                for state in fullest(student):
                    # Act I is made of the parts of Act II, with other words and plots.
                    first = state == FULLEST
                    found = all_faults(student.page, dark=first, keyboard=first or lab in representatives())
                    faults += [f"{state}: {fault}" for fault in found]
                student.goes_to("Act II")
            broken.append(context)
        if (solution := run.solution(context)) is not None:
            student.resets_controls()
            student.sets(solution)
            # An amber warning may stay under a design that meets every limit; a red banner may not.
            expect(student.panel.locator("[role=alert] .banner.danger")).to_have_count(0)
            expect(student.badges.and_(student.page.locator(".met"))).to_have_count(student.badges.count())
            expect(student.standing("Challenge")).to_have_text("✓ met")
            solved.append(context)
    assert broken
    assert solved
    assert not faults, "\n".join(faults)
    student.reflects(right=True)

    # The ledger keeps it.
    student.saves()
    expect(student.standing("Ledger")).to_contain_text("✓ saved")
    (entry,) = student.exports_json()["entries"]
    assert entry["key"] == lab.key()
    assert entry["design"]["act1_correct"] is False
    assert entry["design"]["constraint_hit"] is True
    assert entry["design"]["context"] == student.run().context

    # What was saved is there when the student comes back. What a page says of it is the same in every lab.
    student.goes_to("Act II")
    run = student.run()
    assert run.state == "saved"
    assert not run.notices
    assert student.stored_controls() == student.shown_controls()
    if lab in representatives():
        resumes(student)
        expect(student.standing("Ledger")).to_contain_text("✓ saved")

    # Starting over clears the lab, not the record.
    student.starts_over()
    expect(student.standing("Ledger")).to_have_text("not saved")
    first = student.ledger.first_prediction(lab.number, lab.volume)
    assert first is not None
    assert first["correct"] is False
    student.goes_to("Act I")
    student.predicts(right=True)
    assert student.ledger.attempt(lab.number, lab.volume) == 2
    assert student.ledger.first_prediction(lab.number, lab.volume) == first


def resumes(student: Student) -> None:
    """Reloads Act II: what it shows is what it has shown."""
    before = student.shown_controls()
    readouts = student.readouts()
    student.reloads()
    assert student.current_tab() == "Act II"
    expect(student.controls).to_be_visible()
    assert student.shown_controls() == before
    assert student.readouts() == readouts
