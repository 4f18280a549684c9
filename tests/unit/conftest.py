"""For all unit tests: an empty ledger; examples that are not timed, because a busy machine must not fail a test; and
plots that are drawn once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from components.instruments.blueprint import keep_drawings_in
from ledger import DesignLedger, Store, open_store

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# All test processes share what HoloViews has drawn; tests of the drawing itself draw anew.
keep_drawings_in(Path(__file__).parents[2] / "build" / "drawings")


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
