"""For the tests of single labs: an empty ledger each."""

from __future__ import annotations

import pytest

from ledger import DesignLedger, new_student_id, open_store


@pytest.fixture
def ledger() -> DesignLedger:
    """The ledger of a new student, in memory."""
    return DesignLedger(open_store("sqlite://"), new_student_id())
