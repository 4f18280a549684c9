"""Whether the ledger holds what the students were told it holds: each write once, none lost, none doubled."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from labs import showing
from labs.lab import Lab
from labs.states import reached
from ledger import DesignLedger, Store, identity
from ledger.event_kinds import CONTROL_FIRST_MOVED, OPENED, PREDICTION_LOCKED, REFLECTION_ANSWERED, SAVED

#: Events of which each has one cause that a student knows of. Failures come and go with the controls.
COUNTED = (OPENED, PREDICTION_LOCKED, CONTROL_FIRST_MOVED, REFLECTION_ANSWERED, SAVED)


@dataclass
class Count:
    """Writes that were answered, writes found, and every difference in words."""

    expected: int = 0
    found: int = 0
    differences: list[str] = field(default_factory=list)

    def compare(self, who: str, what: str, expected: Any, found: Any) -> None:
        """One write that must be there as it was answered."""
        self.expected += 1
        if expected == found:
            self.found += 1
        else:
            self.differences.append(f"{who}: {what}: expected {expected!r}, found {found!r}")


def hold_against(store: Store, lab: type[Lab], secret: bytes, visits: list[dict[str, Any]]) -> Count:
    """Holds the ledger against what every student was answered."""
    count = Count()
    for number, visit in enumerate(visits):
        who = f"student {number}"
        if visit["token"] is None:
            continue
        ledger = DesignLedger(store, identity.read(visit["token"], secret))
        _events(count, who, ledger, lab, visit["done"])
        run = lab(ledger)
        for act, shown in visit["done"]["controls"].items():
            count.compare(who, f"controls of {act}", shown, showing.values(run.act(act)))
        if visit["done"]["saved"]:
            entry = ledger.entry(lab.number, lab.volume)
            count.compare(who, "entry", 1, None if entry is None else entry.attempts)
            count.compare(who, "state", True, reached(run.state, "saved"))
            count.compare(who, "decisions", visit["done"]["decisions"], run.named)
    return count


def _events(count: Count, who: str, ledger: DesignLedger, lab: type[Lab], done: dict[str, Any]) -> None:
    """Each event that follows from what was done, as often as it was done."""
    events = [event for event in ledger.events(lab.number, lab.volume) if event.kind in COUNTED]
    found = Counter((event.kind, event.data.get("act", "")) for event in events)
    expected = Counter(
        [
            (OPENED, ""),
            *((PREDICTION_LOCKED, act) for act in done["predictions"]),
            *((CONTROL_FIRST_MOVED, act) for act in done["moved"]),
            *((REFLECTION_ANSWERED, act) for act in done["answers"]),
            *([(SAVED, "")] if done["saved"] else []),
        ]
    )
    for kind in expected | found:
        count.compare(who, " ".join(kind), expected[kind], found[kind])
    for event in events:
        if event.kind == REFLECTION_ANSWERED:
            act = event.data["act"]
            count.compare(who, f"answer in {act}", done["answers"].get(act), event.data["answer"])
