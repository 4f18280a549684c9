"""Looking at intervals: once for everybody, only while somebody wants to know, and in spite of failures."""

from __future__ import annotations

import asyncio
import logging

import pytest

from labs.pulse import Pulse
from ledger import LedgerError

EVERY_S = 0.02


class Ledger:
    """Something that is read, and counts how often."""

    def __init__(self) -> None:
        self.value = 0
        self.reads = 0
        self.broken = False

    def read(self) -> int:
        self.reads += 1
        if self.broken:
            raise LedgerError("no route to host")
        return self.value


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(EVERY_S / 4)
    raise AssertionError("it never came to that")


def test_all_followers_share_one_reading_and_hear_of_changes_alone() -> None:
    async def run() -> None:
        ledger = Ledger()
        pulse = Pulse(ledger.read, EVERY_S)
        one: list[int] = []
        two: list[int] = []
        stop_one = pulse.follow(one.append)
        await until(lambda: one == [0])
        stop_two = pulse.follow(two.append)
        assert two == [0]
        before = ledger.reads
        await until(lambda: ledger.reads > before + 2)
        ledger.value = 1
        await until(lambda: one == two == [0, 1])
        stop_one()
        ledger.value = 2
        await until(lambda: two == [0, 1, 2])
        assert one == [0, 1]
        stop_two()
        await until(lambda: pulse._beating is None)
        read = ledger.reads
        await asyncio.sleep(4 * EVERY_S)
        assert ledger.reads == read
        # Whoever comes back is told what is, not what was.
        ledger.value = 3
        again: list[int] = []
        pulse.follow(again.append)()
        assert again == []
        stop = pulse.follow(again.append)
        await until(lambda: again == [3])
        stop()

    asyncio.run(run())


def test_neither_a_ledger_out_of_reach_nor_a_page_that_fails_stops_it(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        ledger = Ledger()
        pulse = Pulse(ledger.read, EVERY_S)
        heard: list[int] = []

        def fails(_: int) -> None:
            raise RuntimeError("this page is gone")

        stops = [pulse.follow(fails), pulse.follow(heard.append)]
        await until(lambda: heard == [0])
        ledger.broken = True
        await until(lambda: "no route to host" in caplog.text)
        ledger.broken, ledger.value = False, 1
        await until(lambda: heard == [0, 1])
        for stop in stops:
            stop()

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert "this page is gone" in caplog.text
