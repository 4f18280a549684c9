"""Changes on their way to a store that fails, hangs, loses answers, and comes back."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, text

from ledger import (
    DesignLedger,
    LedgerError,
    Outbox,
    Spool,
    Store,
    StoreUnavailable,
    WorkingLedger,
    failures,
    open_store,
)
from ledger import (
    outbox as outbox_module,
)
from ledger.address import ledger_url
from ledger.operations import PROGRESS, RECORD, Operation, carry_out_once

STUDENT = "student-one"


class Failing(Store):
    """A store that is taken away, that hangs, and whose confirmation of a commit can get lost."""

    def __init__(self, address: str) -> None:
        super().__init__(ledger_url(address))
        self.gone = False
        self.reason = failures.UNREACHABLE
        self.loses_answers = 0
        self.hangs: threading.Event | None = None

    @contextmanager
    def _transaction(self, verb: str, options: dict[str, Any]) -> Iterator[Connection]:
        if self.hangs is not None:
            self.hangs.wait()
        if self.gone and (verb == "written" or self.reason == failures.UNREACHABLE):
            raise StoreUnavailable("it is gone", self.reason)
        with super()._transaction(verb, options) as connection:
            yield connection
        if verb == "written" and self.loses_answers:
            self.loses_answers -= 1
            raise StoreUnavailable("the answer was lost", failures.UNREACHABLE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Failing]:
    open_store(str(tmp_path / "ledger.db")).close()
    failing = Failing(str(tmp_path / "ledger.db"))
    yield failing
    failing.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def outbox(store: Failing, folder: Path) -> Iterator[Outbox]:
    """Not started: tests send what waits themselves, with `flush`."""
    instance = Outbox(store, Spool(folder))
    yield instance
    instance.close()


def log_of(store: Store, student: str = STUDENT) -> list[Any]:
    """The numbers in a student's log, in its order."""
    return [event.data.get("number") for event in DesignLedger(store, student).events(2, 1)]


def opens(ledger: DesignLedger, number: int) -> None:
    ledger.record("opened", 2, 1, {"number": number}, progress={"state": "briefing", "number": number})


def opening(number: int, student: str = STUDENT) -> Operation:
    parts = {"event": "opened", "data": {"number": number}, "progress": {"number": number}}
    return Operation(student, RECORD, "ch02", parts, 1)


def keeping() -> Operation:
    return Operation(STUDENT, PROGRESS, "ch02", {"progress": {"state": "briefing"}}, 1)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def test_a_change_is_on_the_disk_at_once_while_the_store_answers(store: Failing, outbox: Outbox) -> None:
    ledger = WorkingLedger(outbox, STUDENT)
    opens(ledger, 1)
    assert ledger.waiting() is None
    assert log_of(store) == [1]


def test_changes_wait_in_order_and_keep_their_time(store: Failing, outbox: Outbox) -> None:
    ledger = WorkingLedger(outbox, STUDENT)
    opens(ledger, 1)
    store.gone = True
    events = [ledger.record("opened", 2, 1, {"number": number}) for number in (2, 3, 4)]
    waiting = ledger.waiting()
    assert waiting is not None
    assert (waiting.changes, waiting.since, waiting.reason) == (3, events[0].at, failures.UNREACHABLE)
    assert not outbox.flush()
    store.gone = False
    assert outbox.flush()
    assert ledger.waiting() is None
    assert log_of(store) == [1, 2, 3, 4]
    assert [event.at for event in DesignLedger(store, STUDENT).events(2, 1)][1:] == [event.at for event in events]


def test_a_lost_answer_doubles_nothing(store: Failing, outbox: Outbox) -> None:
    ledger = WorkingLedger(outbox, STUDENT)
    store.loses_answers = 3
    opens(ledger, 1)
    assert ledger.waiting() is not None
    assert log_of(store) == [1]
    opens(ledger, 2)
    assert not outbox.flush()
    assert not outbox.flush()
    assert outbox.flush()
    assert log_of(store) == [1, 2]


def test_a_store_that_hangs_is_not_waited_for(store: Failing, folder: Path) -> None:
    outbox = Outbox(store, Spool(folder), patience_s=1.0)
    ledger = WorkingLedger(outbox, STUDENT)
    opens(ledger, 1)
    store.hangs = threading.Event()
    began = time.monotonic()
    for number in (2, 3, 4, 5):
        opens(ledger, number)
    assert time.monotonic() - began < 3, "not only the first has waited"
    waiting = ledger.waiting()
    assert waiting is not None
    assert (waiting.changes, waiting.reason) == (4, failures.SLOW)
    # The attempt that hung goes through after all, beside the one that sends what waits.
    store.hangs.set()
    assert outbox.flush()
    eventually(lambda: log_of(store) == [1, 2, 3, 4, 5])
    outbox.close()


def test_a_page_goes_on_from_what_it_knows(store: Failing, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.working_ledger.FRESH_S", 0)
    ledger = WorkingLedger(outbox, STUDENT)
    assert ledger.attempt(2, 1) == 1
    store.gone = True
    wrong = {"act": "act1", "prediction": 1.0, "correct": False}
    ledger.record("prediction_locked", 2, 1, wrong)
    assert ledger.first_prediction(2, 1) == wrong
    assert ledger.start_over(2, 1) == 2
    ledger.record("prediction_locked", 2, 1, {"act": "act1", "prediction": 2.0, "correct": True})
    assert ledger.first_prediction(2, 1) == wrong
    assert ledger.attempt(2, 1) == 2
    with pytest.raises(StoreUnavailable):
        ledger.progress(2, 1)
    with pytest.raises(StoreUnavailable):
        WorkingLedger(outbox, STUDENT).entries()
    store.gone = False
    outbox.flush()
    assert DesignLedger(store, STUDENT).attempt(2, 1) == ledger.attempt(2, 1) == 2
    assert [event.attempt for event in ledger.events(2, 1)] == [1, 1, 2]


def test_a_move_of_a_control_does_not_wait_for_the_store(
    store: Failing, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.working_ledger.FRESH_S", 0)
    ledger = WorkingLedger(outbox, STUDENT)
    assert ledger.attempt(2, 1) == 1
    monkeypatch.setattr(outbox, "ask", lambda _: pytest.fail("the store is asked"))
    ledger.save_progress(2, 1, state={"state": "act1_predict"})
    outbox.flush()
    assert DesignLedger(store, STUDENT).progress(2, 1) == {"state": "act1_predict"}


def test_a_page_opened_meanwhile_sees_what_waits(store: Failing, outbox: Outbox) -> None:
    """Where the store can be read and not written: a full disk."""
    first = WorkingLedger(outbox, STUDENT)
    opens(first, 1)
    store.gone, store.reason = True, failures.FULL
    first.save_progress(2, 1, state={"state": "act1_predict"})
    first.start_over(3, 1)
    second = WorkingLedger(outbox, STUDENT)
    assert second.progress(2, 1) == {"state": "act1_predict"}
    assert second.attempt(3, 1) == 2
    assert second.summary()["ch02"]["state"] == "act1_predict"
    assert second.waiting() is not None
    with pytest.raises(StoreUnavailable, match="2 of your changes wait"):
        second.settle()


def test_erasing_everything_waits_like_any_change(store: Failing, outbox: Outbox) -> None:
    ledger = WorkingLedger(outbox, STUDENT)
    opens(ledger, 1)
    store.gone, store.reason = True, failures.FULL
    ledger.reset_all()
    assert ledger.progress(2, 1) is None
    assert ledger.attempt(2, 1) == 2
    assert WorkingLedger(outbox, STUDENT).progress(2, 1) is None
    store.gone = False
    outbox.flush()
    plain = DesignLedger(store, STUDENT)
    assert plain.progress(2, 1) is None
    assert plain.attempt(2, 1) == 2


def test_what_waits_stands_in_a_private_file_at_once(store: Failing, outbox: Outbox, folder: Path) -> None:
    store.gone = True
    outbox.put(keeping())
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert b'"briefing"' in path.read_bytes()
    store.gone = False
    outbox.flush()
    assert not path.read_bytes().strip(b"\0")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process of its own is forked")
def test_another_process_takes_over_what_a_killed_one_has_left(store: Failing, folder: Path) -> None:
    """A child ends with changes waiting, one of them carried out without answer; another outbox sends the rest."""
    child = os.fork()
    if child == 0:
        own = Failing(store.location)
        killed = Outbox(own, Spool(folder))
        own.loses_answers = 1
        for number in (1, 2, 3):
            own.gone = number > 1
            killed.put(opening(number))
        os._exit(0)
    os.waitpid(child, 0)
    assert log_of(store) == [1]
    heir = Outbox(store, Spool(folder)).start()
    eventually(lambda: heir.backlog()[0] == 0 and log_of(store) == [1, 2, 3])
    heir.close()
    assert list(folder.iterdir()) == []


def test_the_file_of_a_living_process_is_left_alone(store: Failing, outbox: Outbox, folder: Path) -> None:
    store.gone = True
    outbox.put(keeping())
    other = Spool(folder)
    assert list(other.left_behind()) == []
    other.close()


def test_an_orderly_end_leaves_what_waits_for_the_next(store: Failing, folder: Path) -> None:
    store.gone = True
    ending = Outbox(store, Spool(folder)).start()
    ending.put(keeping())
    ending.close(patience_s=0.5)
    store.gone = False
    assert DesignLedger(store, STUDENT).progress(2, 1) is None
    following = Outbox(store, Spool(folder)).start()
    eventually(lambda: DesignLedger(store, STUDENT).progress(2, 1) == {"state": "briefing"})
    following.close()


def test_a_torn_line_is_dropped_and_a_damaged_one_kept_aside(folder: Path) -> None:
    spool = Spool(folder)
    sound = keeping()
    spool.append([sound])
    spool._write(b'{"id": broken}\n{"id": "was being wri', spool._end)
    spool.close()
    reader = Spool(folder)
    ((path, found),) = list(reader.left_behind())
    assert found == [sound]
    assert path.with_suffix(".damaged").read_bytes().endswith(b"wri")
    reader.close()


def test_without_room_for_the_file_changes_wait_in_memory(
    store: Failing, outbox: Outbox, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    store.gone = True
    with monkeypatch.context() as there:
        there.setattr("ledger.spool.os.write", full)
        outbox.put(opening(1))
        outbox.put(opening(2))
    assert "do not stop this process" in caplog.text
    outbox.put(opening(3))
    (path,) = folder.iterdir()
    assert path.read_bytes().count(b"\n") == 3
    store.gone = False
    outbox.flush()
    assert log_of(store) == [1, 2, 3]


def test_a_change_that_the_store_refuses_does_not_block_the_others(
    store: Failing, outbox: Outbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(connection: Connection, operation: Operation, *, late: bool = False) -> bool:
        if operation.parts["data"]["number"] == 3:
            raise LedgerError("never")
        return carry_out_once(connection, operation, late=late)

    store.gone = True
    for number in (2, 3, 4):
        outbox.put(opening(number))
    monkeypatch.setattr(outbox_module, "carry_out_once", refusing)
    store.gone = False
    assert outbox.flush()
    assert log_of(store) == [2, 4]
    assert '"number": 3' in (folder / "refused.jsonl").read_text()


def test_late_progress_does_not_replace_what_was_done_elsewhere_since(store: Failing, outbox: Outbox) -> None:
    here = WorkingLedger(outbox, STUDENT)
    opens(here, 1)
    store.gone = True
    opens(here, 2)
    store.gone = False
    elsewhere = DesignLedger(store, STUDENT)
    opens(elsewhere, 3)
    outbox.flush()
    assert elsewhere.progress(2, 1) == {"state": "briefing", "number": 3}
    assert log_of(store) == [1, 2, 3]


def test_a_full_disk_is_told_from_a_store_that_is_gone(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "ledger.db"))
    ledger = DesignLedger(store, STUDENT)
    opens(ledger, 1)
    with store.engine.connect() as connection:
        # The limit holds for this connection, which the pool gives out again.
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreUnavailable) as raised:
        ledger.save_progress(2, 1, state={"state": "briefing", "much": "x" * 100_000})
    assert raised.value.reason == failures.FULL
    assert "x" * 100 not in f"{raised.value}{raised.value.__cause__}"
    assert ledger.progress(2, 1) == {"state": "briefing", "number": 1}
    store.close()


class Days(RuleBasedStateMachine):
    """Any order of work, failures, lost answers, ends of the process and returns: each change once, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.room = tempfile.TemporaryDirectory()
        path = str(Path(self.room.name) / "ledger.db")
        open_store(path).close()
        self.store = Failing(path)
        self.folder = Path(self.room.name) / "outbox"
        self.done: dict[str, list[int]] = {"one": [], "two": []}
        self.number = 0
        self.outbox = Outbox(self.store, Spool(self.folder))

    @rule(student=st.sampled_from(["one", "two"]))
    def works(self, student: str) -> None:
        self.number += 1
        self.outbox.put(opening(self.number, student))
        self.done[student].append(self.number)

    @rule(gone=st.booleans(), reason=st.sampled_from(failures.REASONS))
    def store_goes_or_comes(self, gone: bool, reason: str) -> None:
        self.store.gone, self.store.reason = gone, reason

    @precondition(lambda self: not self.store.gone)
    @rule(times=st.integers(1, 3))
    def answers_get_lost(self, times: int) -> None:
        self.store.loses_answers = times

    @rule()
    def time_passes(self) -> None:
        self.outbox._take_over()
        self.outbox.flush()

    @rule()
    def process_is_killed(self) -> None:
        """Nothing is sent any more; the file stays, and its lock goes. A new process looks for it first."""
        spool = self.outbox._spool
        assert spool is not None
        self.outbox._pool.shutdown(wait=True)
        spool.close()
        self.outbox = Outbox(self.store, Spool(self.folder))
        self.outbox._take_over()

    @invariant()
    def nothing_is_doubled_or_out_of_order(self) -> None:
        gone, self.store.gone = self.store.gone, False
        for student, done in self.done.items():
            assert log_of(self.store, student) == done[: len(log_of(self.store, student))]
        self.store.gone = gone

    def teardown(self) -> None:
        self.store.gone, self.store.loses_answers = False, 0
        self.outbox._take_over()
        assert self.outbox.flush()
        for student, done in self.done.items():
            assert log_of(self.store, student) == done
            if done:
                assert DesignLedger(self.store, student).progress(2, 1) == {"number": done[-1]}
        self.outbox.close()
        self.store.close()
        self.room.cleanup()


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
