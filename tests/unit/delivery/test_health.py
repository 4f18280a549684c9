"""Endpoints for load balancers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application

from labs import site
from labs.health import ROUTES
from ledger import Outbox, Store, StoreUnavailable, open_store


class TestHealth(AsyncHTTPTestCase):
    """A server with these endpoints alone."""

    @pytest.fixture(autouse=True)
    def _given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = open_store(str(tmp_path / "ledger.db"))
        self.monkeypatch = monkeypatch
        outbox = Outbox(self.store)
        monkeypatch.setattr(site, "outbox", lambda: outbox)

    def get_app(self) -> Application:
        return Application(list(ROUTES))

    def ask(self, path: str) -> tuple[int, dict[str, str]]:
        answer = self.fetch(path)
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.code, json.loads(answer.body)

    def test_a_process_with_its_ledger_is_ready(self) -> None:
        assert self.ask("/healthz") == (200, {"status": "alive"})
        assert self.ask("/readyz") == (200, {"status": "ready"})

    def test_without_its_ledger_it_lives_and_is_not_ready(self) -> None:
        def gone(store: Store) -> None:
            raise StoreUnavailable(
                "The ledger at postgresql://db/labs could not be read: no route to host", "unreachable"
            )

        self.monkeypatch.setattr(Store, "ping", gone)
        assert self.ask("/healthz") == (200, {"status": "alive"})
        assert self.ask("/readyz") == (503, {"status": "the ledger cannot be reached"})
