"""Fixtures of the ledger's unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger import DesignLedger, Store, open_store


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store in memory."""
    store = open_store("sqlite://")
    yield store
    store.close()


@pytest.fixture
def ledger(store: Store) -> DesignLedger:
    """The ledger of one student in the empty store."""
    return DesignLedger(store, "student-one")
