"""The log of a lab, read bit by bit: whatever was read when, the traces are those of the whole log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from ledger_designs import example
from sqlalchemy import delete, event, insert, update

from ledger import DesignLedger, Store, class_statistics, export_json, import_json
from ledger.class_record import class_record, saved_entries
from ledger.clock import now
from ledger.live import LabLog, students_of
from ledger.plain import to_text
from ledger.rounds import open_round
from ledger.tables import events, progress


def lock(ledger: DesignLedger, prediction: Any, correct: bool, act: str = "act1", state: str = "act1_explore") -> None:
    data = {"act": act, "prediction": prediction, "correct": correct}
    ledger.record("prediction_locked", 2, data=data, progress={"state": state})


@pytest.fixture
def log(store: Store) -> LabLog:
    return LabLog(store, "ch02")


def traces(log: LabLog) -> dict[str, Any]:
    return {student: repr(trace) for student, trace in log.traces.items()}


def whole(store: Store) -> dict[str, Any]:
    """The traces of somebody who reads everything at once."""
    fresh = LabLog(store, "ch02")
    fresh.refresh()
    return traces(fresh)


def test_each_step_of_a_student_is_seen_by_the_next_refresh(store: Store, ledger: DesignLedger, log: LabLog) -> None:
    assert not log.refresh()
    ledger.record("opened", 2, progress={"state": "briefing"})
    assert log.refresh()
    assert not log.refresh()
    assert list(students_of(log.traces, "briefing")) == ["student-one"]
    # Opening Act I leaves no event, but another state.
    ledger.save_progress(2, state={"state": "act1_predict"})
    assert log.refresh()
    assert list(students_of(log.traces, "act1_predict")) == ["student-one"]
    lock(ledger, 2.41, True)
    ledger.record("reflection_answered", 2, data={"act": "act1", "answer": "B", "correct": False})
    ledger.record("reflection_answered", 2, data={"act": "act1", "answer": "A", "correct": True})
    ledger.record("failure_entered", 2, data={"failure": "late", "context": "edge"})
    ledger.record("challenge_solved", 2, data={"context": "edge", "controls": {}, "result": 7.5})
    assert log.refresh()
    trace = log.traces["student-one"]
    assert (trace.predictions["act1"].choice, trace.predictions["act1"].correct) == (2.41, True)
    assert (trace.answers["act1"].choice, trace.failures, trace.solved) == ("B", {"late"}, {"edge": 7.5})
    ledger.save(2, design=example("ch02", act2_result=9.0), progress={"state": "saved"})
    log.refresh()
    saved = log.traces["student-one"].saved
    assert saved is not None
    assert saved["act2_result"] == 9.0
    assert traces(log) == whole(store)
    # What was handed out before stays as it was: another thread may be showing it.
    assert trace.saved is None


def test_starting_over_keeps_the_first_prediction_and_begins_at_the_briefing(ledger: DesignLedger, log: LabLog) -> None:
    lock(ledger, 2.41, True)
    log.refresh()
    ledger.start_over(2)
    log.refresh()
    assert log.traces["student-one"].state == "briefing"
    lock(ledger, 1.0, False)
    log.refresh()
    trace = log.traces["student-one"]
    assert trace.state == "act1_explore"
    assert trace.predictions["act1"].choice == 2.41
    assert [mark.choice for mark in trace.locks] == [2.41, 1.0]
    ledger.save(2, design=example("ch02"))
    ledger.reset(2)
    log.refresh()
    assert log.traces["student-one"].saved is None


def test_the_first_vote_of_a_round_is_the_one_locked_in_it_and_the_second_the_last_revised(
    store: Store, ledger: DesignLedger, log: LabLog
) -> None:
    lock(ledger, 1.0, False)
    ledger.start_over(2)
    opened = open_round(store, "ch02")
    lock(ledger, 3.17, False)
    for choice in (1.53, 2.41):
        data = {"act": "act1", "prediction": choice, "correct": choice == 2.41, "round": opened.number}
        ledger.record("prediction_revised", 2, data=data)
    log.refresh()
    trace = log.traces["student-one"]
    first = trace.vote_in(opened.opened_at)
    assert first is not None
    assert first.choice == 3.17
    assert trace.vote_in(now() + timedelta(seconds=1)) is None
    assert trace.revised[1].choice == 2.41
    assert log.round == opened
    # Statistics, record and exports go on from the very first one.
    assert class_statistics(store, ["ch02"]).labs[0].predictions[1.0] == 1
    assert class_statistics(store, ["ch02"]).labs[0].locked == 1
    assert ledger.first_prediction(2) == {"act": "act1", "prediction": 1.0, "correct": False}
    other = DesignLedger(store, "student-two")
    ledger.save(2, design=example("ch02", act1_prediction=1.0, act1_correct=False))
    import_json(other, export_json(ledger))
    log.refresh()
    assert log.traces["student-two"].predictions["act1"].choice == 1.0
    assert traces(log) == whole(store)


def test_what_comes_late_or_goes_is_noticed(store: Store, ledger: DesignLedger, log: LabLog) -> None:
    other = DesignLedger(store, "student-two")
    for student in (ledger, other):
        student.record("opened", 2)
        lock(student, 2.41, True)
    log.refresh()
    # A transaction that ends late: its id is far below those that have been read.
    with store.writing() as connection:
        row = {"student": "student-two", "key": "ch02", "attempt": 1, "at": now()}
        connection.execute(
            insert(events), {**row, "id": 5000, "kind": "failure_entered", "data": to_text({"failure": "a"})}
        )
    log.refresh()
    with store.writing() as connection:
        connection.execute(
            insert(events), {**row, "id": 90, "kind": "failure_entered", "data": to_text({"failure": "b"})}
        )
    assert log.refresh()
    assert log.traces["student-two"].failures == {"a", "b"}
    # Somebody is erased.
    with store.writing() as connection:
        for table in (events, progress):
            connection.execute(delete(table).where(table.c.student == "student-two"))
    assert log.refresh()
    assert set(log.traces) == {"student-one"}
    assert traces(log) == whole(store)


def test_damaged_data_harms_nobody(store: Store, ledger: DesignLedger, log: LabLog) -> None:
    lock(ledger, ["odd"], False)
    ledger.record("failure_entered", 2, data={"failure": {"x": 1}})
    with store.writing() as connection:
        connection.execute(update(progress).values(state="{broken"))
    assert log.refresh()
    trace = log.traces["student-one"]
    assert trace.state is None
    assert trace.predictions["act1"].choice == ["odd"]
    assert len(trace.failures) == 1


@pytest.fixture
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that the store is asked."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    yield asked
    event.remove(store.engine, "before_cursor_execute", note)


def test_a_refresh_is_four_queries_and_reads_no_old_event(
    store: Store, ledger: DesignLedger, log: LabLog, statements: list[tuple[str, Any]]
) -> None:
    for _ in range(400):
        ledger.record("failure_entered", 2, data={"failure": "late"})
    log.refresh()
    statements.clear()
    log.refresh()
    assert len(statements) == 4
    (recent,) = [parameters for statement, parameters in statements if "events.id >" in statement]
    assert recent == ("ch02", 400 - 256)


def test_the_record_of_the_class_has_everybody_lab_by_lab(store: Store, ledger: DesignLedger) -> None:
    lock(ledger, 2.41, True)
    lock(ledger, 1.0, False)
    ledger.record("failure_entered", 2, data={"failure": "late"})
    ledger.record("failure_entered", 2, data={"failure": "late"})
    DesignLedger(store, "student-two").save_progress(4, state={"state": "act1_predict"})
    ledger.save(4, design=example("ch04"))
    record = class_record(store, ["ch02", "ch04"])
    assert set(record.standings) == {"student-one", "student-two"}
    one = record.standings["student-one"]["ch02"]
    assert (one.state, one.predictions["act1"].choice, one.failures) == ("act1_explore", 2.41, {"late"})
    assert record.standings["student-one"]["ch04"].saved_at is not None
    assert set(record.of_lab("ch04")) == {"student-one", "student-two"}
    assert [student for student, _ in saved_entries(store, ["ch02", "ch04"])] == ["student-one"]
    assert class_record(store, ["ch07"]).standings == {}
