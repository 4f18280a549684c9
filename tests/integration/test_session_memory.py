"""Sessions that end leave nothing behind: a class that goes home gives its memory back."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import panel as pn
import pytest
from bokeh.client import pull_session

from components.instruments.figure import Figure
from labs import pages, site
from labs.lab import Lab
from labs.view import LabView
from labs.vol1.lab_02_ml_systems import IronLawLab
from ledger import DesignLedger, new_student_id, open_store

PATIENCE_S = 30
SESSIONS = 4


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server in this process; its visitor has reached the instruments of Act II."""
    store, student = open_store(str(tmp_path / "ledger.db")), new_student_id()
    lab = IronLawLab(DesignLedger(store, student))
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "batch", 2)
    lab.answer("act1", "A")
    lab.lock("act2", 1000)
    del lab
    monkeypatch.setattr(site, "store", lambda: store)
    monkeypatch.setattr(pages, "visit", lambda: site.Visit(student))
    server = pn.serve(
        {"lab": lambda: pages.lab_page(IronLawLab)},
        port=0,
        show=False,
        threaded=True,
        verbose=False,
        unused_session_lifetime_milliseconds=500,
        check_unused_sessions_milliseconds=250,
    )
    deadline = time.monotonic() + PATIENCE_S
    while not (running := [entry[0] for entry in pn.state._servers.values() if entry[0].port]):
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.1)
    yield f"http://localhost:{running[-1].port}/lab"
    server.stop()


def alive() -> Counter[str]:
    """How many labs, views and figures this process holds."""
    gc.collect()
    objects = gc.get_objects()
    return Counter(
        {kind.__name__: sum(1 for thing in objects if isinstance(thing, kind)) for kind in (Lab, LabView, Figure)}
    )


def wait_for(expected: Counter[str]) -> Counter[str]:
    """The counts, as soon as they are the expected ones or patience ends."""
    deadline = time.monotonic() + PATIENCE_S
    while (counted := alive()) != expected and time.monotonic() < deadline:
        time.sleep(0.25)
    return counted


def test_closed_sessions_are_collected(address: str) -> None:
    # Other tests in this process may hold labs of their own.
    before = alive()
    sessions = [pull_session(url=address) for _ in range(SESSIONS)]
    assert alive() - before == Counter(Lab=SESSIONS, LabView=SESSIONS, Figure=2 * SESSIONS)
    for session in sessions:
        session.close()
    assert wait_for(before) == before
