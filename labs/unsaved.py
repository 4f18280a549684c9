"""What the page says of changes that are not in the ledger yet."""

from __future__ import annotations

from typing import Any

from ledger import Waiting, failures

REASONS = {
    failures.UNREACHABLE: "The ledger cannot be reached for now.",
    failures.FULL: "The disk of the ledger is full; please tell your instructor.",
    failures.SLOW: "The ledger is slow to answer.",
}
GO_ON = "Go on working: your changes are kept and will be saved by themselves."
ALL_SAVED = "All your changes are saved."

SAVED = "Saved to the ledger."
#: Said in place of that while it cannot be true.
SAVED_LATER = "Not saved yet: your design is kept, and will be in the ledger as soon as that can be written."


def unsaved(waiting: Waiting | None) -> dict[str, Any]:
    """Contents of the frame's line about unsaved changes; empty when there are none."""
    if waiting is None:
        return {}
    return {
        "text": f"{REASONS[waiting.reason]} {GO_ON}",
        "changes": waiting.changes,
        "since": waiting.since.isoformat(),
    }
