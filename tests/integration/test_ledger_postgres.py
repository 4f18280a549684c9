"""The behaviour of the ledger, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from postgres import PASSWORD, postgres_server, postgres_url  # noqa: F401 - fixtures
from sqlalchemy import text

from ledger import (
    CONTRACT,
    KEYS,
    DesignError,
    DesignLedger,
    EventError,
    LedgerError,
    LedgerImportError,
    Store,
    UnknownLab,
    class_statistics,
    event_kinds,
    export_all,
    export_csv,
    export_json,
    import_all,
    import_csv,
    import_json,
    open_store,
    parse_key,
)
from ledger.class_record import class_record
from ledger.clock import now
from ledger.errors import RoundError
from ledger.live import LabLog
from ledger.rounds import latest_rounds, move_round, open_round
from ledger.tables import SCHEMA_VERSION

LOCKED = {"act": "act1", "prediction": 2.41, "correct": True}


def design(**changes: Any) -> dict[str, Any]:
    """A valid design of the second lab of Volume 1."""
    return {
        "context": "edge",
        "act1_prediction": 2.41,
        "act1_correct": True,
        "act2_result": 38.5,
        "act2_decision": "edge_int8",
        "constraint_hit": False,
    } | changes


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a store that does not exist yet."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    store = open_store(address)
    yield store
    store.close()


@pytest.fixture
def ledger(store: Store) -> DesignLedger:
    return DesignLedger(store, "student-one")


@pytest.fixture
def other(store: Store) -> DesignLedger:
    return DesignLedger(store, "student-two")


def test_a_saved_design_reads_back_with_attempts_and_time(ledger: DesignLedger) -> None:
    before = now()
    saved = ledger.save(chapter=2, design=design(distance_km=1500))
    assert ledger.get(2) == design(distance_km=1500, precision=None, cameras=None, largest_term=None)
    assert ledger.entry(2) == saved
    assert (saved.key, saved.volume, saved.chapter, saved.attempts) == ("ch02", 1, 2, 1)
    assert before <= saved.saved_at <= now()
    assert ledger.all() == {"ch02": ledger.get(2)}


def test_saving_again_replaces_the_entry_and_keeps_both_saves_in_the_log(ledger: DesignLedger) -> None:
    ledger.save(2, design=design(context="cloud", act2_decision="move_closer"))
    ledger.save(2, design=design(), attempts=3)
    entry = ledger.entry(2)
    assert entry is not None
    assert (entry.design["context"], entry.attempts) == ("edge", 3)
    log = ledger.events(2)
    assert [(event.kind, event.attempt, event.data["context"]) for event in log] == [
        ("saved", 1, "cloud"),
        ("saved", 3, "edge"),
    ]


def test_an_empty_ledger_has_nothing(ledger: DesignLedger) -> None:
    assert ledger.get(2) is None
    assert ledger.entry(2) is None
    assert ledger.progress(2) is None
    assert ledger.first_prediction(2) is None
    assert (ledger.all(), ledger.summary(), ledger.events(), ledger.attempt(2)) == ({}, {}, [], 1)


def test_a_design_against_the_contract_changes_nothing(ledger: DesignLedger) -> None:
    ledger.save(2, design=design())
    with pytest.raises(DesignError, match="context is 'tiny'"):
        ledger.save(2, design=design(context="tiny"), progress={"state": "saved"})
    assert ledger.all()["ch02"]["context"] == "edge"
    assert ledger.progress(2) is None
    assert len(ledger.events()) == 1


def test_labs_that_do_not_exist_are_refused(ledger: DesignLedger) -> None:
    with pytest.raises(UnknownLab):
        ledger.save(17, design=design())
    with pytest.raises(UnknownLab):
        ledger.get(0, volume=2)


def test_what_is_handed_out_is_a_copy(ledger: DesignLedger) -> None:
    state: dict[str, Any] = {"state": "act1_explore", "controls": [1, 2]}
    ledger.save(2, design=design(), progress=state)
    state["controls"].append(3)
    read = ledger.get(2)
    assert read is not None
    read["context"] = "changed"
    progress = ledger.progress(2)
    assert progress == {"state": "act1_explore", "controls": [1, 2]}
    progress["controls"].clear()
    assert ledger.get(2) != read
    assert ledger.progress(2) == {"state": "act1_explore", "controls": [1, 2]}


def test_save_writes_entry_progress_and_event_together_or_not_at_all(ledger: DesignLedger) -> None:
    with pytest.raises(ValueError, match="progress"):
        ledger.save(2, design=design(), progress={"state": object()})
    assert (ledger.get(2), ledger.events()) == (None, [])
    ledger.save(2, design=design(), progress={"state": "saved"})
    assert ledger.progress(2) == {"state": "saved"}
    with pytest.raises(ValueError, match="progress"):
        ledger.record("opened", 2, progress={"state": object()})
    assert [event.kind for event in ledger.events()] == ["saved"]


def test_two_students_never_see_each_others_data(ledger: DesignLedger, other: DesignLedger) -> None:
    ledger.record("prediction_locked", 2, data=LOCKED)
    ledger.save(2, design=design(), progress={"state": "saved"})
    assert (other.all(), other.summary(), other.events(), other.progress(2)) == ({}, {}, [], None)
    assert other.first_prediction(2) is None
    other.save(2, design=design(context="cloud"), progress={"state": "act2_explore"})
    other.start_over(2)
    other.reset_all()
    import_json(other, export_json(other), replace=True)
    assert ledger.all()["ch02"]["context"] == "edge"
    assert ledger.progress(2) == {"state": "saved"}
    assert ledger.attempt(2) == 1
    assert [event.kind for event in ledger.events()] == ["prediction_locked", "saved"]


@pytest.mark.parametrize("student", ["", "a'; DROP TABLE students; --", "x" * 65])
def test_only_pseudonyms_open_a_ledger(store: Store, student: str) -> None:
    with pytest.raises(LedgerError, match="student id"):
        DesignLedger(store, student)


def test_progress_is_replaced_and_survives_any_text(ledger: DesignLedger) -> None:
    ledger.save_progress(3, 2, state={"state": "briefing"})
    state = {"state": "act1_predict", "note": "Größe \u0000 \ud800 \U0001f600", "value": 1e308}
    ledger.save_progress(3, 2, state=state)
    assert ledger.progress(3, 2) == state
    assert ledger.progress(3, 1) is None


def test_numbers_outside_json_are_stored_as_none(ledger: DesignLedger) -> None:
    ledger.record("failure_entered", 2, data={"failure": "stall", "wait_s": float("inf")})
    ledger.save_progress(2, state={"wait_s": float("nan")})
    assert ledger.events()[0].data == {"failure": "stall", "wait_s": None}
    assert ledger.progress(2) == {"wait_s": None}


def test_events_keep_their_order_and_data(ledger: DesignLedger) -> None:
    for kind in event_kinds.EVENT_KINDS:
        data = {name: "act1" if name == "act" else kind for name in event_kinds.REQUIRED_DATA[kind]}
        happened = ledger.record(kind, 5, 2, data=data, attempt=2)
        assert ledger.events(5, 2)[-1] == happened
    assert tuple(event.kind for event in ledger.events()) == event_kinds.EVENT_KINDS
    assert ledger.events(5, 1) == []


def test_events_that_could_not_be_counted_are_refused(ledger: DesignLedger) -> None:
    with pytest.raises(EventError, match="kinds are opened"):
        ledger.record("clicked", 2)
    with pytest.raises(EventError, match="missing: prediction, correct"):
        ledger.record("prediction_locked", 2, data={"act": "act1"})
    with pytest.raises(EventError, match="act1 or act2"):
        ledger.record("prediction_locked", 2, data=LOCKED | {"act": 1})
    with pytest.raises(EventError, match="act1 and act2"):
        ledger.first_prediction(2, act="act3")
    assert ledger.events() == []


@pytest.mark.parametrize("attempt", [0, -1, True, 1.0, 10**12])
def test_attempts_are_counted_from_one(ledger: DesignLedger, attempt: Any) -> None:
    with pytest.raises(ValueError, match="An attempt is a whole number from 1"):
        ledger.save(2, design=design(), attempts=attempt)
    with pytest.raises(ValueError, match="An attempt is a whole number from 1"):
        ledger.record("opened", 2, attempt=attempt)
    assert (ledger.get(2), ledger.events()) == (None, [])


def test_start_over_clears_the_progress_and_keeps_the_first_prediction(ledger: DesignLedger) -> None:
    ledger.record("prediction_locked", 2, data=LOCKED)
    ledger.record("prediction_locked", 2, data={"act": "act2", "prediction": 7, "correct": False})
    ledger.save(2, design=design(), progress={"state": "saved"})
    assert ledger.start_over(2) == 2
    assert ledger.progress(2) is None
    assert ledger.get(2) is not None
    again = ledger.record("prediction_locked", 2, data=LOCKED | {"prediction": 1.0, "correct": False})
    assert again.attempt == 2
    assert ledger.save(2, design=design()).attempts == 2
    assert ledger.first_prediction(2) == LOCKED
    assert ledger.first_prediction(2, act="act2") == {"act": "act2", "prediction": 7, "correct": False}
    assert ledger.start_over(2) == 3
    assert (ledger.attempt(2), ledger.attempt(3)) == (3, 1)


def test_reset_removes_one_lab_and_reset_all_every_lab(ledger: DesignLedger) -> None:
    for chapter in (2, 3):
        ledger.record("prediction_locked", chapter, data=LOCKED)
        ledger.save_progress(chapter, state={"state": "act1_explore"})
    ledger.save(2, design=design())
    ledger.reset(2)
    assert (ledger.get(2), ledger.progress(2)) == (None, None)
    assert ledger.progress(3) is not None
    ledger.reset_all()
    assert (ledger.all(), ledger.summary()) == ({}, {})
    assert ledger.first_prediction(2) == LOCKED
    assert [event.data for event in ledger.events() if event.kind == "started_over"] == [
        {"entry_removed": True},
        {"entry_removed": True},
    ]


def test_the_summary_shows_every_touched_lab_in_course_order(ledger: DesignLedger) -> None:
    ledger.save_progress(1, 2, state={"state": "act1_explore"})
    entry = ledger.save(2, design=design(act1_correct=False), progress={"state": "saved"})
    ledger.save_progress(0, state={"no": "state"})
    summary = ledger.summary()
    assert list(summary) == ["ch00", "ch02", "v2_01"]
    assert summary["ch00"] == {"state": None, "saved_at": None, "correct": None}
    assert summary["ch02"] == {"state": "saved", "saved_at": entry.saved_at, "correct": False}
    assert summary["v2_01"] == {"state": "act1_explore", "saved_at": None, "correct": None}


def test_damaged_rows_read_as_missing_and_stay_in_the_store(
    ledger: DesignLedger, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.save(2, design=design(), progress={"state": "saved"})
    ledger.save(3, design=_valid_of("ch03"))
    with store.writing() as connection:
        connection.execute(text('UPDATE entries SET design = \'{"context": "edge", "act2_r\' WHERE key = \'ch02\''))
        connection.execute(text('UPDATE entries SET design = \'{"context": "mobile", "x": 1}\' WHERE key = \'ch03\''))
        connection.execute(text("UPDATE progress SET state = '[]'"))
    assert ledger.get(2) == {}
    assert ledger.get(3) == {"context": "mobile"}
    assert ledger.progress(2) == {}
    assert ledger.summary()["ch02"]["correct"] is None
    assert "ch02 cannot be read" in caplog.text
    assert any("act2_r" in line for line in export_all(store))


def _valid_of(key: str) -> dict[str, Any]:
    fields = CONTRACT[key].fields
    common = {name: (fields[name].vocabulary or (None,))[0] for name in fields if not fields[name].nullable}
    return common | {"act1_correct": True, "act2_result": None, "constraint_hit": False}


def test_a_store_opens_again_with_everything_in_it(address: str) -> None:
    first = open_store(address)
    DesignLedger(first, "student-one").save(2, design=design())
    first.close()
    second = open_store(address)
    assert DesignLedger(second, "student-one").get(2) is not None
    second.close()


def test_a_newer_schema_is_refused(address: str) -> None:
    store = open_store(address)
    with store.writing() as connection:
        connection.execute(
            text("UPDATE meta SET value = :newer WHERE name = 'schema'"), {"newer": str(SCHEMA_VERSION + 1)}
        )
    store.close()
    refusal = f"schema version {SCHEMA_VERSION + 1}, this program knows up to {SCHEMA_VERSION}"
    with pytest.raises(LedgerError, match=refusal):
        open_store(address)


@pytest.mark.parametrize("version", ["", "one", "0"])
def test_a_schema_version_that_makes_no_sense_is_refused(address: str, version: str) -> None:
    store = open_store(address)
    with store.writing() as connection:
        connection.execute(text("UPDATE meta SET value = :version WHERE name = 'schema'"), {"version": version})
    store.close()
    with pytest.raises(LedgerError, match="damaged"):
        open_store(address)


def test_a_failed_transaction_leaves_nothing_and_the_store_goes_on(ledger: DesignLedger, store: Store) -> None:
    def half_and_break() -> None:
        with store.writing() as connection:
            connection.execute(text("INSERT INTO meta (name, value) VALUES ('half', 'done')"))
            connection.execute(text("INSERT INTO entries (student) VALUES ('nobody')"))

    with pytest.raises(LedgerError, match="could not be written"):
        half_and_break()
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta WHERE name = 'half'")).scalar_one() == 0
    ledger.save(2, design=design())


def test_rows_without_a_student_are_refused_by_the_data_base(store: Store) -> None:
    with pytest.raises(LedgerError), store.writing() as connection:
        connection.execute(text("INSERT INTO progress VALUES ('nobody', 'ch02', '{}', '2026-01-01 00:00:00.000000')"))


# -- several threads and processes -------------------------------------------------------------------------


def test_threads_share_a_store(store: Store) -> None:
    def work(name: str) -> None:
        ledger = DesignLedger(store, name)
        for _ in range(10):
            ledger.save(2, design=design())

    threads = [threading.Thread(target=work, args=(f"thread-{number % 2}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(DesignLedger(store, f"thread-{number}").events()) for number in range(2)] == [20, 20]


def _write_fifty(address: str, student: str, barrier: Any) -> None:
    barrier.wait()
    ledger = DesignLedger(open_store(address), student)
    for number in range(50):
        ledger.save(2, design=design(cameras=number), progress={"number": number})


@pytest.mark.parametrize("students", [1, 4])
def test_four_processes_write_fifty_times_each_and_none_is_lost(address: str, students: int) -> None:
    """The store does not even exist when they start; with one student they all write the same rows."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    workers = [
        context.Process(target=_write_fifty, args=(address, f"student-{number % students}", barrier))
        for number in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    store = open_store(address)
    for number in range(students):
        ledger = DesignLedger(store, f"student-{number}")
        assert len(ledger.events()) == 200 // students
        assert ledger.all()["ch02"]["cameras"] == 49
        assert ledger.progress(2) == {"number": 49}
    store.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_uses_connections_of_its_own(ledger: DesignLedger, other: DesignLedger) -> None:
    ledger.save(2, design=design())
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for number in range(20):
                other.save(2, design=design(cameras=number))
            status = 0
        finally:
            os._exit(status)
    for number in range(20):
        ledger.save(2, design=design(cameras=number))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (len(ledger.events()), len(other.events())) == (21, 20)


WRITER = """
import sys
from ledger import DesignLedger, open_store
ledger = DesignLedger(open_store(sys.argv[1]), "student-one")
design = {
    "context": "edge", "act1_prediction": 2.41, "act1_correct": True, "act2_result": 38.5,
    "act2_decision": "edge_int8", "constraint_hit": False,
}
number = 0
while True:
    ledger.save(2, design=design | {"cameras": number}, progress={"number": number})
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("after", [0, 1, 17])
def test_a_killed_process_has_lost_nothing_that_save_returned(address: str, after: int) -> None:
    root = Path(__file__).resolve().parents[2]
    writer = subprocess.Popen([sys.executable, "-c", WRITER, address], stdout=subprocess.PIPE, text=True, cwd=root)
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) >= after:
            writer.send_signal(signal.SIGKILL)
            break
    returned = [after, *(int(line) for line in writer.stdout)][-1]
    assert writer.wait() == -signal.SIGKILL
    writer.stdout.close()
    store = open_store(address)
    ledger = DesignLedger(store, "student-one")
    saved = [event.data["cameras"] for event in ledger.events()]
    assert saved[: returned + 1] == list(range(returned + 1))
    assert len(saved) <= returned + 2
    assert ledger.all()["ch02"]["cameras"] == saved[-1]
    assert ledger.progress(2) == {"number": saved[-1]}
    store.close()


# -- export, import, statistics -----------------------------------------------------------------------------


def test_export_and_import_carry_a_ledger_to_another_student(ledger: DesignLedger, other: DesignLedger) -> None:
    ledger.record("prediction_locked", 2, data=LOCKED)
    for key in KEYS:
        volume, chapter = parse_key(key)
        if key != "ch16":
            ledger.save(chapter, volume, design=_valid_of(key), attempts=2, progress={"state": "saved"})
    report = import_json(other, export_json(ledger, events=True))
    assert (len(report.imported), report.progress, report.events) == (33, 33, 34)
    assert other.entries() == ledger.entries()
    assert other.progress(2) == {"state": "saved"}
    assert other.first_prediction(2) == LOCKED
    other.reset_all()
    assert import_csv(other, export_csv(ledger)).imported == report.imported
    assert other.entries() == ledger.entries()


def test_an_import_that_fails_changes_nothing(ledger: DesignLedger) -> None:
    ledger.save(2, design=design())
    before = (ledger.entries(), ledger.events())
    broken = export_json(ledger).replace('"edge"', '"tiny"')
    with pytest.raises(LedgerImportError, match="context is 'tiny'"):
        import_json(ledger, broken, replace=True)
    assert (ledger.entries(), ledger.events()) == before


def test_an_archive_moves_a_whole_course(store: Store, ledger: DesignLedger, other: DesignLedger) -> None:
    ledger.record("prediction_locked", 2, data=LOCKED)
    ledger.save(2, design=design(), progress={"state": "saved"})
    other.record("failure_entered", 2, data={"failure": "stall"})
    lines = list(export_all(store))
    copy = open_store("sqlite://")
    report = import_all(copy, lines)
    assert report.written == {"students": 2, "entries": 1, "progress": 1, "events": 3}
    assert list(export_all(copy))[1:] == lines[1:]
    again = import_all(store, lines)
    assert again.kept == {"entries": 1, "progress": 1, "events": 3}
    assert list(export_all(store))[1:] == lines[1:]


def test_an_archive_that_fails_half_way_changes_nothing(store: Store, ledger: DesignLedger) -> None:
    ledger.save(2, design=design())
    lines = list(export_all(store))
    fresh = [line.replace("student-one", "student-new") for line in lines]
    with pytest.raises(LedgerImportError, match="cut off"):
        import_all(store, fresh[:-1])
    assert list(export_all(store))[1:] == lines[1:]


def test_statistics_count_students(store: Store, ledger: DesignLedger, other: DesignLedger) -> None:
    for student, prediction in ((ledger, 2.41), (other, 1.0)):
        student.record("opened", 2)
        student.record("opened", 2)
        student.record("prediction_locked", 2, data=LOCKED | {"prediction": prediction, "correct": prediction == 2.41})
        student.record("failure_entered", 2, data={"failure": "stall", "at": str(now() + timedelta(seconds=1))})
        student.record("failure_entered", 2, data={"failure": "stall"})
    ledger.record("reflection_answered", 2, data={"act": "act1", "answer": "B", "correct": True})
    ledger.save(2, design=design())
    (lab,) = class_statistics(store, ["ch02"]).labs
    assert (lab.opened, lab.locked, lab.reflected, lab.saved) == (2, 2, 1, 1)
    assert lab.predictions == {3.17: 0, 2.41: 1, 1.53: 0, 1.0: 1}
    assert lab.share_correct == 0.5
    assert lab.failures == {"stall": 2}
    assert lab.decisions == {"edge_int8": 1}
    assert lab.results["edge"].median == 38.5
    assert len(class_statistics(store).labs) == 34


# -- PostgreSQL alone ---------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(LedgerError, match=r"tester:\*\*\*@127.0.0.1") as caught:
        open_store("postgresql://tester:topsecret@127.0.0.1:1/ledger")
    assert "topsecret" not in str(caught.value)


def test_a_data_base_of_another_program_is_left_as_it_is(postgres_url: str) -> None:  # noqa: F811
    import psycopg

    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE students (name text)")
    with pytest.raises(LedgerError, match="not a ledger of MLSys Labs") as caught:
        open_store(postgres_url)
    assert PASSWORD not in str(caught.value)
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == [("students",)]


def test_a_class_is_followed_while_it_works_and_led_through_a_round(store: Store, ledger: DesignLedger) -> None:
    log = LabLog(store, "ch02")
    assert not log.refresh()
    opened = open_round(store, "ch02")
    with pytest.raises(RoundError):
        open_round(store, "ch02")
    ledger.record("opened", 2, progress={"state": "act1_predict"})
    ledger.record("prediction_locked", 2, data=LOCKED, progress={"state": "act1_explore"})
    assert log.refresh()
    (trace,) = log.traces.values()
    first = trace.vote_in(opened.opened_at)
    assert first is not None
    assert (first.choice, trace.state, log.round) == (2.41, "act1_explore", opened)
    moved = move_round(store, "ch02", 1, "discuss")
    assert log.refresh()
    assert (log.round, latest_rounds(store, ["ch02", "ch03"])) == (moved, {"ch02": moved})
    assert not log.refresh()
    assert class_record(store, ["ch02"]).of_lab("ch02")[ledger.student_id].predictions["act1"].choice == 2.41
