"""The prediction that counts: the first that a student ever locked, as the log has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger.event_kinds import IMPORTED, PREDICTION_LOCKED
from ledger.records import Event


def first_prediction_in(events: Iterable[Event], act: str) -> dict[str, Any] | None:
    """The first prediction of `act` among one student's events of one lab, oldest first; None if none is."""
    for event in events:
        if event.kind == PREDICTION_LOCKED and event.data.get("act") == act:
            return event.data
        if event.kind == IMPORTED and act == "act1" and event.data.get("act1_prediction") is not None:
            return {
                "act": act,
                "prediction": event.data["act1_prediction"],
                "correct": event.data.get("act1_correct"),
            }
    return None
