"""Scores on their way to gradebooks."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_designs import example

from ledger import DesignLedger, Store, export_all, import_all, open_store
from ledger.errors import StoredValueError
from ledger.grades import (
    Delivery,
    GradeColumn,
    claim_column,
    claim_delivery,
    column_found,
    delivered,
    grade_to,
    not_delivered,
    postpone,
    release_column,
    waiting,
)
from ledger.scores import best_score

COLUMN = GradeColumn("https://lms.example.edu", "client", "1", "link-1", "ch02", "https://lms.example.edu/columns")
ELSEWHERE = replace(COLUMN, resource_link="link-2")


def save(store: Store, student: str, score: float) -> None:
    DesignLedger(store, student).save(2, design=example("ch02"), score=score)


def claimed(store: Store, seconds: float = 60) -> Delivery:
    delivery = claim_delivery(store, seconds)
    assert delivery is not None
    return delivery


def test_a_score_is_due_once_it_was_reached_and_until_it_was_taken(store: Store) -> None:
    grade_to(store, "student-one", "user-1", COLUMN)
    assert claim_delivery(store, 60) is None
    save(store, "student-one", 0.6)
    delivery = claimed(store)
    assert (delivery.student_id, delivery.platform_user, delivery.score) == ("student-one", "user-1", 0.6)
    assert delivery.column == COLUMN
    assert waiting(store) == 1
    delivered(store, delivery)
    assert (claim_delivery(store, 60), waiting(store)) == (None, 0)


def test_what_was_reached_before_the_gradebook_was_known_is_told(store: Store) -> None:
    save(store, "student-one", 1.0)
    grade_to(store, "student-one", "user-1", COLUMN)
    assert claimed(store).score == 1.0


def test_a_score_never_goes_down_and_is_told_when_it_rises(store: Store) -> None:
    grade_to(store, "student-one", "user-1", COLUMN)
    save(store, "student-one", 0.6)
    delivered(store, claimed(store))
    save(store, "student-one", 0.0)
    save(store, "student-one", 0.6)
    assert claim_delivery(store, 60) is None
    save(store, "student-one", 1.0)
    assert claimed(store).score == 1.0


def test_a_score_that_rises_while_the_last_one_is_on_its_way_stays_due(store: Store) -> None:
    grade_to(store, "student-one", "user-1", COLUMN)
    save(store, "student-one", 0.6)
    delivery = claimed(store)
    save(store, "student-one", 1.0)
    delivered(store, delivery)
    assert claimed(store).score == 1.0


def test_every_gradebook_of_a_student_is_told_and_those_of_other_labs_are_not(store: Store) -> None:
    for column in (COLUMN, ELSEWHERE, replace(COLUMN, key="ch03")):
        grade_to(store, "student-one", "user-1", column)
    save(store, "student-one", 0.6)
    found = {claimed(store).column for _ in range(2)}
    assert found == {COLUMN, ELSEWHERE}
    assert claim_delivery(store, 60) is None


def test_a_failure_is_tried_again_later_and_a_new_launch_does_not_wait(store: Store) -> None:
    grade_to(store, "student-one", "user-1", COLUMN)
    save(store, "student-one", 0.6)
    not_delivered(store, claimed(store), "down " * 100, 3600)
    assert (claim_delivery(store, 60), waiting(store)) == (None, 1)
    grade_to(store, "student-one", "user-1", COLUMN)
    assert claimed(store).attempts == 1


def test_a_score_that_is_put_off_counts_no_attempt(store: Store) -> None:
    grade_to(store, "student-one", "user-1", COLUMN)
    save(store, "student-one", 0.6)
    postpone(store, claimed(store), 0)
    assert claimed(store).attempts == 0


def test_a_lease_that_has_ended_is_somebody_elses(store: Store) -> None:
    """Its first holder was killed, or is so slow that the second has sent meanwhile."""
    grade_to(store, "student-one", "user-1", COLUMN)
    save(store, "student-one", 0.6)
    slow = claimed(store, 0)
    other = claimed(store)
    assert other.lease != slow.lease
    not_delivered(store, slow, "too late to matter", 3600)
    assert claim_delivery(store, 60) is None, "the second holder still has it"
    delivered(store, other)
    assert waiting(store) == 0


def test_one_at_a_time_looks_for_a_column(store: Store) -> None:
    grade_to(store, "student-one", "user-1", COLUMN)
    assert claim_column(store, COLUMN, 60)
    assert not claim_column(store, COLUMN, 60)
    release_column(store, COLUMN)
    assert claim_column(store, COLUMN, 0)
    assert claim_column(store, COLUMN, 60), "the lease before had ended"
    column_found(store, COLUMN, "https://lms.example.edu/columns/7")
    assert not claim_column(store, COLUMN, 60)
    # A launch that names no column keeps the one that was found; one that names another is believed.
    grade_to(store, "student-one", "user-1", COLUMN)
    save(store, "student-one", 0.6)
    assert claimed(store).column.lineitem == "https://lms.example.edu/columns/7"


def test_many_senders_take_each_score_once(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "ledger.db"))
    students = [f"student-{n}" for n in range(30)]
    for student in students:
        grade_to(store, student, f"user of {student}", COLUMN)
        save(store, student, 0.6)
    taken: list[str] = []

    def send() -> None:
        while (delivery := claim_delivery(store, 60)) is not None:
            taken.append(delivery.student_id)
            delivered(store, delivery)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert sorted(taken) == sorted(students)


def test_what_a_student_erases_is_forgotten_and_what_starts_over_is_kept(store: Store) -> None:
    ledger = DesignLedger(store, "student-one")
    grade_to(store, "student-one", "user-1", COLUMN)
    save(store, "student-one", 0.6)
    ledger.start_over(2)
    assert claimed(store, 0).score == 0.6
    ledger.reset_all()
    assert claim_delivery(store, 60) is None
    with store.reading() as connection:
        assert best_score(connection, "student-one", "ch02") is None


def test_a_student_is_told_whether_a_lab_is_graded(store: Store) -> None:
    grade_to(store, "student-one", "user-1", COLUMN)
    assert DesignLedger(store, "student-one").graded(2)
    assert not DesignLedger(store, "student-one").graded(3)
    assert not DesignLedger(store, "student-two").graded(2)


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), True, "1"])
def test_a_score_is_a_number_from_0_to_1_and_nothing_is_saved_with_another(store: Store, score: float) -> None:
    with pytest.raises(StoredValueError, match="from 0 to 1"):
        save(store, "student-one", score)
    assert DesignLedger(store, "student-one").entry(2) is None


def test_an_archive_brings_scores_and_no_ids_of_platforms(store: Store) -> None:
    grade_to(store, "student-one", "a-user-of-the-platform", COLUMN)
    save(store, "student-one", 0.6)
    lines = list(export_all(store))
    assert not any("a-user-of-the-platform" in line for line in lines)
    elsewhere = open_store("sqlite://")
    assert import_all(elsewhere, lines).written["scores"] == 1
    assert import_all(elsewhere, lines).kept["scores"] == 1
    # The student's next launch names the gradebook again, and it is told.
    grade_to(elsewhere, "student-one", "a-user-of-the-platform", COLUMN)
    assert claimed(elsewhere).score == 0.6


@given(st.lists(st.sampled_from([0.0, 0.6, 1.0]), max_size=8), st.integers(0, 8))
def test_in_whatever_order_things_happen_the_gradebook_ends_with_the_best(scores: list[float], known_at: int) -> None:
    store = open_store("sqlite://")
    told: list[float] = []
    for n, score in enumerate([*scores, 0.0]):
        if n == min(known_at, len(scores)):
            grade_to(store, "student-one", "user-1", COLUMN)
        save(store, "student-one", score)
        if (delivery := claim_delivery(store, 60)) is not None:
            told.append(delivery.score)
            delivered(store, delivery)
    assert told == sorted(set(told))
    assert told[-1] == max([*scores, 0.0])
    assert waiting(store) == 0
