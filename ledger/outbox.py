"""Changes on their way to the store: at once when it answers, else in order and as soon as it does.

One outbox per process. It does not wait for the store longer than `PATIENCE_S`, since everybody's pages wait
with it; a change that has not been confirmed by then is queued and offered again, and its id keeps it from being
carried out twice. Each student's changes keep their order; different students do not wait for one another.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from ledger.clock import now
from ledger.errors import ErasedError, LedgerError, StoreUnavailable
from ledger.failures import SLOW, UNREACHABLE
from ledger.operations import Operation, carry_out_once, forget_old
from ledger.records import Waiting
from ledger.spool import Spool
from ledger.store import Store

PATIENCE_S = 2.0
"""How long a page waits for the store before it goes on without."""

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 5.0
"""Between two attempts while the store does not answer: twice as long each time, between these, less a random part."""

REST_S = 20.0
"""How often an outbox with nothing to do looks for changes that an ended process has left behind."""

FORGET_EVERY_S = 24 * 3600.0
"""How often the ids of old changes are forgotten."""

BATCH = 100
"""Most changes of one student in one transaction."""

#: A write that hangs keeps its thread until the connection ends; others find a free one meanwhile.
_THREADS = 4

ON_ITS_WAY = timedelta(seconds=1)
"""A change that was posted and is younger than this is not said to wait, while the store answers."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Observer(Protocol):
    """Is told how the store does, for monitoring. Called from any thread."""

    def wrote(self, seconds: float) -> None:
        """A transaction with changes was confirmed after this time."""

    def failed(self, reason: str) -> None:
        """The store was not available, for one of `ledger.failures.REASONS`."""


class _Nobody:
    def wrote(self, seconds: float) -> None:
        pass

    def failed(self, reason: str) -> None:
        pass


class Outbox:
    """The changes of this process on their way to `store`. Made anew after a fork: threads do not survive one.

    `spool` keeps what waits through the end of the process; without one it is kept in memory alone.
    """

    def __init__(
        self,
        store: Store,
        spool: Spool | None = None,
        *,
        patience_s: float = PATIENCE_S,
        observer: Observer | None = None,
    ) -> None:
        self.store = store
        self.observer = observer or _Nobody()
        self._spool = spool
        self._patience = patience_s
        self._changed = threading.Condition()
        self._queues: dict[str, deque[Operation]] = {}
        #: What waits and stands in no file yet.
        self._unspooled: list[Operation] = []
        #: Why the store was last found unavailable; None once it has answered.
        self._trouble: str | None = None
        #: Whether it was not even to be read then. Without room, or while somebody writes for long, it mostly is.
        self._unreadable = False
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="ledger")
        self._ending = threading.Event()
        self._forgot = float("-inf")
        self._worker = threading.Thread(target=self._run, name="ledger-outbox", daemon=True)

    def start(self) -> Outbox:
        """Begins to send what waits, and what ended processes have left behind."""
        self._worker.start()
        return self

    # --- what pages ask ------------------------------------------------------------------------------------

    def put(self, operation: Operation) -> bool:
        """Takes a change: True if it is in the store when this returns, False if it waits.

        Raises LedgerError for a change that the store refuses whatever its state.
        """
        direct = self.settled(operation.student) and self._trouble is None
        if direct:
            try:
                self._within_patience(lambda: self._send([operation], late=False))
                return True
            except StoreUnavailable as problem:
                self._report(problem)
        with self._changed:
            self._queues.setdefault(operation.student, deque()).append(operation)
            self._keep([operation])
            self._changed.notify_all()
        return False

    def post(self, operation: Operation) -> None:
        """Takes a change that need not be in the store when this returns: it is sent at once, and nobody waits for it.

        Should the process be killed within that moment, it is lost.
        """
        with self._changed:
            self._queues.setdefault(operation.student, deque()).append(operation)
            if self._trouble is not None:
                self._keep([operation])
            else:
                self._unspooled.append(operation)
            self._changed.notify_all()

    def settled(self, student: str) -> bool:
        """Whether nothing of a student waits; what is on its way is waited for."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._trouble is not None or student not in self._queues, timeout=self._patience
            )
            return student not in self._queues

    def ask(self, question: Callable[[Connection], T]) -> T:
        """The answer of the store to `question`. Raises StoreUnavailable, at once while it is known not to answer."""
        return self._read(lambda: self._answer(question))

    def ping(self) -> None:
        """Returns if the store can be read; raises StoreUnavailable like `ask`."""
        self._read(self.store.ping)

    def _read(self, call: Callable[[], T]) -> T:
        trouble = self._trouble
        if trouble is not None and self._unreadable:
            raise StoreUnavailable(f"The ledger at {self.store.location} does not answer.", trouble)
        try:
            return self._within_patience(call)
        except StoreUnavailable as problem:
            self._report(problem, reading=True)
            raise

    def pending(self, student: str) -> list[Operation]:
        """The changes of a student that wait, in order."""
        with self._changed:
            return list(self._queues.get(student, ()))

    def waiting(self, student: str) -> Waiting | None:
        """How much of a student waits, since when and why; None if nothing does, or is merely on its way."""
        with self._changed:
            queue = self._queues.get(student)
            if not queue or (self._trouble is None and now() - queue[0].at < ON_ITS_WAY):
                return None
            return Waiting(len(queue), queue[0].at, self._trouble or SLOW)

    def backlog(self) -> tuple[int, datetime | None]:
        """How many changes of all students wait, and when the oldest was made."""
        with self._changed:
            oldest = min((queue[0].at for queue in self._queues.values()), default=None)
            return sum(map(len, self._queues.values())), oldest

    # --- the store -----------------------------------------------------------------------------------------

    def _within_patience(self, call: Callable[[], T]) -> T:
        future = self._pool.submit(call)
        try:
            return future.result(self._patience)
        except TimeoutError:
            future.cancel()
            message = f"The ledger at {self.store.location} has not answered within {self._patience:g} s."
            raise StoreUnavailable(message, SLOW) from None

    def _answer(self, question: Callable[[Connection], T]) -> T:
        with self.store.reading() as connection:
            return question(connection)

    def _send(self, operations: list[Operation], *, late: bool) -> None:
        began = time.perf_counter()
        with self.store.writing() as connection:
            for one in operations:
                carry_out_once(connection, one, late=late)
        self.observer.wrote(time.perf_counter() - began)

    def _report(self, problem: StoreUnavailable, *, reading: bool = False) -> None:
        self.observer.failed(problem.reason)
        with self._changed:
            if self._trouble is None:
                _log.error("changes wait from now on: %s", problem)
            self._trouble = problem.reason
            self._unreadable = self._unreadable or reading or problem.reason == UNREACHABLE
            self._changed.notify_all()

    def _answers_again(self) -> None:
        with self._changed:
            if self._trouble is not None:
                _log.warning("the ledger answers again")
            self._trouble, self._unreadable = None, False

    # --- the file ------------------------------------------------------------------------------------------

    def _keep(self, operations: list[Operation]) -> None:
        """Writes what waits into the file; what cannot be written is tried again with the next. Under the lock."""
        if self._spool is None:
            return
        was_behind = bool(self._unspooled)
        self._unspooled += operations
        try:
            self._spool.append(self._unspooled)
        except OSError as problem:
            if not was_behind:
                _log.error("waiting changes are in memory alone; do not stop this process: %s", problem)
        else:
            self._unspooled = []

    def _take_over(self) -> None:
        if self._spool is None:
            return
        for path, operations in self._spool.left_behind():
            with self._changed:
                if operations:
                    try:
                        self._spool.append(operations)
                    except OSError as problem:
                        _log.error("waiting changes stay in %s for now: %s", path, problem)
                        return
                    for one in reversed(operations):
                        self._queues.setdefault(one.student, deque()).appendleft(one)
                path.unlink()
            if operations:
                _log.warning("took over %d waiting changes of a process that has ended", len(operations))

    # --- sending what waits --------------------------------------------------------------------------------

    def _run(self) -> None:
        wait = FIRST_WAIT_S
        while not self._ending.is_set():
            try:
                self._take_over()
                done = self.flush()
            except Exception:  # the thread must live on: everything that waits depends on it
                _log.exception("sending waiting changes failed")
                done = False
            if done:
                wait = FIRST_WAIT_S
                with self._changed:
                    self._changed.wait_for(self._has_work, timeout=REST_S)
            else:
                self._ending.wait(wait * random.uniform(0.7, 1.0))
                wait = min(2 * wait, LONGEST_WAIT_S)

    def _has_work(self) -> bool:
        return bool(self._queues) or self._trouble is not None or self._ending.is_set()

    def flush(self) -> bool:
        """Sends what waits, once; False if the store does not take it. For one thread at a time: the outbox's own."""
        try:
            while (batch := self._next_batch()) is not None:
                self._send_batch(batch)
                self._answers_again()
            if self._trouble is not None:
                self.store.ping()
                self._answers_again()
            if time.monotonic() - self._forgot > FORGET_EVERY_S:
                forget_old(self.store)
                self._forgot = time.monotonic()
        except StoreUnavailable as problem:
            self._report(problem)
            with self._changed:
                if self._unspooled:
                    self._keep([])
            return False
        return True

    def _next_batch(self) -> list[Operation] | None:
        with self._changed:
            queue = next(iter(self._queues.values()), None)
            return None if queue is None else list(queue)[:BATCH]

    def _send_batch(self, batch: list[Operation]) -> None:
        try:
            self._send(batch, late=True)
        except StoreUnavailable:
            raise
        except LedgerError as problem:
            if len(batch) > 1:
                for one in batch:
                    self._send_batch([one])
                return
            if isinstance(problem, ErasedError):
                # Nothing of the student is to be kept, here neither.
                _log.info("a change of a student who had everything erased was dropped")
            else:
                _log.error("the ledger refuses a change for good; it was put aside: %s", problem)
                if self._spool is not None:
                    self._spool.put_aside(batch[0], str(problem))
        self._sent(batch)

    def _sent(self, batch: list[Operation]) -> None:
        with self._changed:
            student = batch[0].student
            queue = self._queues[student]
            for _ in batch:
                queue.popleft()
            sent = {one.id for one in batch}
            self._unspooled = [one for one in self._unspooled if one.id not in sent]
            # The others have their turn; this student comes again.
            del self._queues[student]
            if queue:
                self._queues[student] = queue
            if not self._queues:
                self._unspooled = []
                if self._spool is not None:
                    try:
                        self._spool.clear()
                    except OSError as problem:
                        # Nothing is lost and nothing doubled: these changes are known by their ids.
                        _log.error("the file of waiting changes could not be emptied: %s", problem)
            self._changed.notify_all()

    def close(self, patience_s: float = 5.0) -> None:
        """Sends what waits, if the store takes it in this time; what it does not take stays in the file."""
        self._ending.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + patience_s
        if self._worker.is_alive():
            self._worker.join(patience_s)
        if not self._worker.is_alive() and self._queues:
            last = threading.Thread(target=self.flush, daemon=True)
            last.start()
            last.join(max(0.0, deadline - time.monotonic()))
        left, oldest = self.backlog()
        if left:
            _log.error("%d changes wait at the end, the oldest of %s; the next start sends them", left, oldest or now())
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._spool is not None:
            self._spool.close()
