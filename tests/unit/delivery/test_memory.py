"""Garbage is looked for seldom while a class works, and thoroughly when it has left."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from labs import memory


@pytest.fixture(autouse=True)
def python_as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_was_there_at_the_start_is_not_looked_through_again() -> None:
    memory.settle()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold() == memory.THRESHOLDS


def test_memory_is_given_back_when_pages_were_left_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LOOK_MS", 10)
    given_back: list[int] = []
    sessions = [0, 3, 3, 1, 1, 1]
    monkeypatch.setattr(memory, "_return_to_system", lambda: given_back.append(len(sessions)))

    async def live() -> None:
        memory.give_back_when_left(lambda: sessions.pop(0) if len(sessions) > 1 else sessions[0])
        while len(sessions) > 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    loop = IOLoop(make_current=False)
    loop.run_sync(live)
    loop.close()
    assert len(given_back) == 1


def test_the_c_library_takes_memory_back() -> None:
    memory._return_to_system()
