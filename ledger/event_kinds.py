"""The fixed vocabulary of the event log, and the data that an event must carry to be counted later."""

from __future__ import annotations

from typing import Any

from ledger.errors import EventError

OPENED = "opened"
PREDICTION_LOCKED = "prediction_locked"
PREDICTION_REVISED = "prediction_revised"
CONTROL_FIRST_MOVED = "control_first_moved"
REFLECTION_ANSWERED = "reflection_answered"
FAILURE_ENTERED = "failure_entered"
FAILURE_LEFT = "failure_left"
CHALLENGE_SOLVED = "challenge_solved"
SAVED = "saved"
STARTED_OVER = "started_over"
IMPORTED = "imported"

REQUIRED_DATA: dict[str, tuple[str, ...]] = {
    OPENED: (),
    PREDICTION_LOCKED: ("act", "prediction", "correct"),
    PREDICTION_REVISED: ("act", "prediction", "correct"),
    CONTROL_FIRST_MOVED: (),
    REFLECTION_ANSWERED: ("act", "answer", "correct"),
    FAILURE_ENTERED: ("failure",),
    FAILURE_LEFT: ("failure",),
    CHALLENGE_SOLVED: (),
    SAVED: (),
    STARTED_OVER: (),
    IMPORTED: (),
}
"""Event kind -> the data that it must carry: `act` is "act1" or "act2", `failure` the id of a failure state.
More data is welcome. A revised prediction is a second vote in a class round, whose number is its `round`; it takes
nothing back: what counts as predicted is what was locked first."""

EVENT_KINDS = tuple(REQUIRED_DATA)
ACTS = ("act1", "act2")


def check_kind(kind: object) -> str:
    """The event kind. Raises EventError for anything that is none."""
    if not isinstance(kind, str) or kind not in REQUIRED_DATA:
        raise EventError(f"{kind!r} is no event kind; the kinds are {', '.join(EVENT_KINDS)}.")
    return kind


def check_event(kind: object, data: dict[str, Any]) -> str:
    """The event kind. Raises EventError for an unknown kind, missing data, or an unknown act."""
    known = check_kind(kind)
    required = REQUIRED_DATA[known]
    missing = [name for name in required if name not in data]
    if missing:
        raise EventError(f"A {known} event must carry {', '.join(required)}; missing: {', '.join(missing)}.")
    if "act" in data and data["act"] not in ACTS:
        raise EventError(f"The act of an event is {' or '.join(ACTS)}, not {data['act']!r}.")
    return known
