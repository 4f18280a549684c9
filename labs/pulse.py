"""Looking at the ledger at intervals, once per process for all who want to know, and only while somebody does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from ledger import LedgerError

T = TypeVar("T")

log = logging.getLogger(__name__)


class Pulse(Generic[T]):
    """Calls `read` every `every_s` seconds while it has followers, and tells them what is new.

    `read` runs in a thread beside the pages; what it returns is told when it differs from the last. Followers are
    called in the thread of the pages. A ledger that cannot be read is logged and asked again at the next beat.
    """

    def __init__(self, read: Callable[[], T], every_s: float) -> None:
        self._read = read
        self._every_s = every_s
        self._followers: list[Callable[[T], None]] = []
        self._beating: asyncio.Task[None] | None = None
        self._last: list[T] = []

    def follow(self, told: Callable[[T], None]) -> Callable[[], None]:
        """Has `told` called with what is known, as soon as it is, and whenever it changes; returns how to stop."""
        self._followers.append(told)
        if self._last:
            told(self._last[0])
        if self._beating is None:
            self._beating = asyncio.ensure_future(self._beat())

        def stop() -> None:
            if told in self._followers:
                self._followers.remove(told)

        return stop

    async def _beat(self) -> None:
        try:
            while self._followers:
                began = time.monotonic()
                await self._look()
                await asyncio.sleep(max(0.0, self._every_s - (time.monotonic() - began)))
        finally:
            # What was known grows old while nobody looks.
            self._last.clear()
            self._beating = None

    async def _look(self) -> None:
        try:
            value = await asyncio.get_running_loop().run_in_executor(None, self._read)
        except LedgerError as problem:
            log.warning("not read: %s", problem)
            return
        if self._last and self._last[0] == value:
            return
        self._last[:] = [value]
        for told in tuple(self._followers):
            try:
                told(value)
            except Exception:
                # One session that fails must not leave all others without news.
                log.exception("a page could not be told")
