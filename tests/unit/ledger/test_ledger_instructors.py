"""Instructors who work through a lab: kept like everybody's work, and counted as nobody's."""

from __future__ import annotations

from ledger_designs import example

from ledger import DesignLedger, Store, class_statistics, export_all, import_all, open_store, student_data
from ledger.class_record import class_record, saved_entries
from ledger.identity import INSTRUCTOR, STUDENT
from ledger.live import LabLog
from ledger.people import names, remember_person


def work(store: Store, student: str) -> None:
    """What counts: everything that a class is told of one lab."""
    ledger = DesignLedger(store, student)
    ledger.record("opened", 2)
    ledger.record("prediction_locked", 2, data={"act": "act1", "prediction": 2.41, "correct": False})
    ledger.record("failure_entered", 2, data={"failure": "deadline"})
    ledger.record("reflection_answered", 2, data={"act": "act1", "answer": "a", "correct": True})
    ledger.save(2, design=example("ch02"), progress={"state": "saved"})


def counted(store: Store, log: LabLog) -> list[int]:
    """How many each of the places counts that speak of a class."""
    log.refresh()
    (lab,) = class_statistics(store, ["ch02"]).labs
    numbers = [lab.opened, lab.locked, lab.reflected, lab.saved, lab.judged, sum(lab.failures.values())]
    numbers += [sum(lab.decisions.values()), sum(result.count for result in lab.results.values())]
    return [
        *numbers,
        len(class_record(store, ["ch02"]).standings),
        len(saved_entries(store, ["ch02"])),
        len(log.traces),
    ]


def test_who_teaches_counts_nowhere_and_keeps_everything(store: Store) -> None:
    log = LabLog(store, "ch02")
    for who in ("a-student", "a-teacher", "another"):
        work(store, who)
    assert set(counted(store, log)) == {3}
    # Work from before it was known is left out, too, and a view that is open already follows.
    remember_person(store, "a-teacher", "", INSTRUCTOR)
    assert set(counted(store, log)) == {2}
    assert set(counted(store, LabLog(store, "ch02"))) == {2}
    work(store, "a-teacher")
    assert set(counted(store, log)) == {2}
    assert DesignLedger(store, "a-teacher").get(2) is not None
    assert '"instructors": [' in student_data(store, "a-teacher")


def test_who_comes_back_as_a_student_counts_again(store: Store) -> None:
    work(store, "somebody")
    log = LabLog(store, "ch02")
    remember_person(store, "somebody", "Ada", INSTRUCTOR)
    assert set(counted(store, log)) == {0}
    remember_person(store, "somebody", "Ada", STUDENT)
    assert set(counted(store, log)) == {1}
    assert names(store) == {"somebody": "Ada"}


def test_a_student_without_a_name_leaves_no_trace_by_coming(store: Store) -> None:
    remember_person(store, "somebody", "", STUDENT)
    assert not any('"somebody"' in line for line in export_all(store))


def test_an_archive_says_who_teaches(store: Store) -> None:
    work(store, "a-teacher")
    remember_person(store, "a-teacher", "Grace", INSTRUCTOR)
    other = open_store("sqlite://")
    assert import_all(other, export_all(store, with_names=False)).written["instructors"] == 1
    assert set(counted(other, LabLog(other, "ch02"))) == {0}
    assert import_all(other, export_all(store)).kept["instructors"] == 1
    other.close()
