"""What a server process says of itself every few seconds: open pages, waiting changes, memory, processor time."""

from __future__ import annotations

import time
from collections.abc import Callable

from tornado.ioloop import IOLoop, PeriodicCallback

from labs.observe.metrics import LOOP_DELAY, MEMORY, PROCESSOR, SESSIONS, WAITING, WAITING_AGE, own_resources
from ledger import Outbox
from ledger.clock import now

EVERY_S = 2.0


class Sampler:
    """Takes the numbers of this process on its event loop. `open_pages` counts its sessions."""

    def __init__(self, outbox: Outbox, open_pages: Callable[[], int]) -> None:
        self._outbox = outbox
        self._open_pages = open_pages
        self._due = time.monotonic()

    def start(self, loop: IOLoop) -> None:
        """Begins as soon as `loop` runs."""

        def begin() -> None:
            self._due = time.monotonic()
            self.take()
            PeriodicCallback(self.take, 1000 * EVERY_S).start()

        loop.add_callback(begin)

    def take(self) -> None:
        """Looks once."""
        moment = time.monotonic()
        LOOP_DELAY.set(max(0.0, moment - self._due))
        self._due = moment + EVERY_S
        changes, oldest = self._outbox.backlog()
        WAITING.set(changes)
        WAITING_AGE.set(0.0 if oldest is None else (now() - oldest).total_seconds())
        SESSIONS.set(self._open_pages())
        memory, processor = own_resources()
        MEMORY.set(memory)
        PROCESSOR.set(processor)
