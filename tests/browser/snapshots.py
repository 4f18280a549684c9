"""Folders of snapshots as an author writes them, and somebody who reads one from disk, without any network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from labs import robot
from labs.lab import Lab
from labs.snapshot import grid
from labs.snapshot.suite import Style, snapshot
from tests.browser.student import Student

#: States recorded per act and context by tests: enough to break, to solve and to wander about.
BUDGET = {"act1": 16, "act2": 32}

#: How long a snapshot waits before it stores where a reader stands, and then some.
REST_MS = 600


class Folder:
    """A folder of snapshots; stands where a server stands for students of the live pages."""

    url = "file://"

    def __init__(self, path: Path, style: Style | None = None) -> None:
        self.path = path
        self.style = style or Style()

    def holds(self, *labs: type[Lab]) -> Folder:
        """Records what of the labs is not there yet."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grid, "BUDGET", BUDGET)
            snapshot(labs, self.path, self.style, processes=1)
        return self

    def address_of(self, lab: type[Lab]) -> str:
        """The file of a lab."""
        return f"file://{self.path}/{lab.slug}.html"

    def complaints(self) -> str:
        """A folder has no log."""
        return ""


class Reader(Student):
    """Somebody with a lab on a stick, whose ledger lies in the browser."""

    server: Folder  # type: ignore[assignment]

    def opens_index(self) -> Reader:
        self.page.goto(f"file://{self.server.path}/index.html")
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        return self

    def follows(self, query: Mapping[str, str]) -> Reader:
        """Opens the lab by a link."""
        self.page.goto("about:blank")
        assert self.lab is not None
        self.page.goto(f"{self.server.address_of(self.lab)}#{urlencode(query)}")
        expect(self.page.get_by_role("tablist")).to_be_visible()
        return self

    def run(self) -> Lab:
        """The lab as the browser has stored it."""
        assert self.lab is not None
        self.page.wait_for_timeout(REST_MS)
        stored = json.loads(self.page.evaluate("window.localStorage.getItem('mlsys-labs-ledger')") or "{}")
        ledger = robot.memory_ledger()
        progress: Any = stored.get("progress", {}).get(self.lab.key())
        if progress is not None:
            ledger.save_progress(self.lab.number, self.lab.volume, state=progress["state"])
        return self.lab(ledger)

    def rests(self) -> None:
        self.page.wait_for_timeout(REST_MS)
