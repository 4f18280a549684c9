"""What a lab counts for in a gradebook."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.catalog import catalog, find_lab, name_of
from labs.lab import Lab
from labs.score import COMPLETION, RULE, Standing, score, standing_of
from ledger import DesignLedger, Store, new_student_id, open_store
from ledger.scores import best_score
from tests.browser.walk import letter, some_answer

FIELDS = ("predicted", "explored", "reflected", "saved", "solved")
STANDINGS = st.builds(Standing, **dict.fromkeys(FIELDS, st.booleans()))


@given(STANDINGS, st.sampled_from(FIELDS))
def test_doing_more_is_never_worth_less(standing: Standing, more: str) -> None:
    assert 0 <= score(standing) <= score(replace(standing, **{more: True})) <= 1


@given(STANDINGS)
def test_there_are_three_scores(standing: Standing) -> None:
    complete = standing.predicted and standing.explored and standing.reflected and standing.saved
    assert score(standing) == (0 if not complete else 1 if standing.solved else COMPLETION)


def test_students_are_told_the_rule() -> None:
    assert "60% for completing" in RULE
    assert "40% for a design" in RULE


def kept(store: Store, run: Lab) -> float | None:
    """The score that saving has left in the ledger."""
    with store.reading() as connection:
        return best_score(connection, run.ledger.student_id, run.key())


def some_move(run: Lab, key: str) -> dict[str, Any]:
    """A control of an act that can be moved, to where the challenge is not met."""
    act = run.act(key)
    for name, spec in act.specs.items():
        for value in spec.values():
            if name in act.limits() or value == getattr(act, name):
                continue
            outcome = act.compute(run.context, **{**act.values(), name: value})
            if key == "act1" or not all(constraint.holds(outcome) for constraint in act.constraints()):
                return {name: value}
    raise AssertionError(f"no control of {key} can be moved without solving it")


def taken(lab: type[Lab], right: dict[str, bool], context: str, *, solving: bool) -> tuple[Store, Lab]:
    """Somebody who has taken a lab and saved it in `context`; `right` says of each act what they predicted."""
    store = open_store("sqlite://")
    run = lab(DesignLedger(store, new_student_id()))
    run.begin_act1()
    for key in ("act1", "act2"):
        run.lock(key, some_answer(run.act(key).prediction(), right[key]))
        if key == "act2":
            run.set_context(context)
        solution = run.solution(context) if key == "act2" and solving else None
        for name, value in (solution or some_move(run, key)).items():
            run.set_control(key, name, value)
        assert score(standing_of(run)) == 0
        run.answer(key, letter(run.act(key).reflection(), right[key]))
    for field, radio in lab.questions().items():
        run.decide(next(iter(radio.options)), field)
    run.save()
    return store, run


@pytest.mark.parametrize("right", [{"act1": a, "act2": b} for a in (True, False) for b in (True, False)])
@pytest.mark.parametrize("solving", [True, False])
def test_a_prediction_right_or_wrong_counts_nothing(right: dict[str, bool], solving: bool) -> None:
    lab = find_lab(1, 2)
    store, run = taken(lab, right, lab.contexts[0].id, solving=solving)
    assert kept(store, run) == (1.0 if solving else COMPLETION)


@pytest.mark.parametrize("lab", catalog(), ids=name_of)
def test_full_marks_can_be_reached_in_every_context_of_every_lab(lab: type[Lab]) -> None:
    for context in lab.contexts:
        store, run = taken(lab, {"act1": False, "act2": False}, context.id, solving=True)
        assert kept(store, run) == 1.0, context.id


@pytest.mark.parametrize("lab", catalog(), ids=name_of)
def test_completing_without_a_design_that_works_is_worth_its_share(lab: type[Lab]) -> None:
    """In a context in which a design can work; in others the lesson is that none does."""
    for context in lab.contexts:
        run = lab(DesignLedger(open_store("sqlite://"), new_student_id()))
        if run.solution(context.id) is None:
            continue
        store, run = taken(lab, {"act1": True, "act2": True}, context.id, solving=False)
        assert kept(store, run) == COMPLETION, context.id


def test_a_challenge_that_was_met_counts_although_the_saved_design_went_on() -> None:
    lab = find_lab(1, 2)
    store, run = taken(lab, {"act1": False, "act2": False}, lab.contexts[0].id, solving=True)
    run.reset_controls("act2")
    assert not run.act2.constraints_met()
    run.save()
    assert kept(store, run) == 1.0


def test_a_second_attempt_never_lowers_a_score() -> None:
    lab = find_lab(1, 2)
    store, run = taken(lab, {"act1": False, "act2": False}, lab.contexts[0].id, solving=True)
    run.start_over()
    assert score(standing_of(run)) == 0
    assert kept(store, run) == 1.0
