"""A student's place in a class round: whether they wait for the class, and how they voted."""

from __future__ import annotations

from typing import Any

from labs.content import NumberPrediction
from labs.lab import Lab, LabError
from labs.states import reached
from ledger import Event
from ledger.event_kinds import PREDICTION_LOCKED, PREDICTION_REVISED
from ledger.rounds import REVEALED, REVOTE, Round


class Seat:
    """Keeps `lab.held` in step with the round of its lab.

    A student takes part who has locked the prediction of Act I since the round was opened. Whoever has locked it
    before has seen the instruments and goes on; whoever comes when the round is over has nobody to wait for.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.round: Round | None = None
        self.look()

    def look(self) -> None:
        """Reads the round of the lab anew. Raises LedgerError when that cannot be done."""
        self.take(self.lab.ledger.latest_round(self.lab.number, self.lab.volume))

    def take(self, latest: Round | None) -> None:
        """Takes note of where the class stands."""
        self.round = latest
        self.lab.held = (
            latest is not None and latest.is_open() and self.lab.state == "act1_explore" and self._lock() is not None
        )

    @property
    def phase(self) -> str:
        """The phase of the round for this student; empty if they do not take part, or do no longer."""
        if self.round is None or self._lock() is None:
            return ""
        if self.lab.held:
            return self.round.phase
        return REVEALED if self.round.phase == REVEALED else ""

    def revise(self, value: Any) -> None:
        """Casts the second vote. LabError when the class is not voting a second time, or for no answer."""
        self.look()
        if self.round is None or self.round.phase != REVOTE:
            raise LabError("the class is not voting a second time")
        if value is None:
            raise LabError("choose an answer first")
        self.lab.revise(value, self.round.number)

    def second(self) -> Any:
        """The second vote as the ledger keeps it; None if there is none."""
        if self.round is None:
            return None
        votes = [event for event in self._log(PREDICTION_REVISED) if event.data.get("round") == self.round.number]
        return votes[-1].data.get("prediction") if votes else None

    def second_choice(self) -> Any:
        """The second vote as the question has it: an option's id, or a number; None if there is none."""
        stored = self.second()
        prediction = self.lab.act1.prediction()
        if stored is None or isinstance(prediction, NumberPrediction):
            return stored
        return next((one.id for one in prediction.options if self.lab.ledger_value("act1", one.id) == stored), None)

    def _lock(self) -> Event | None:
        """The prediction of Act I that this student brought to the round, if they take part."""
        if self.round is None or not reached(self.lab.state, "act1_explore"):
            return None
        locks = [
            event
            for event in self._log(PREDICTION_LOCKED)
            if event.attempt == self.lab.attempt and event.data.get("act") == "act1"
        ]
        if not locks or locks[-1].at < self.round.opened_at:
            return None
        if self.round.phase == REVEALED and locks[-1].at >= self.round.changed_at:
            return None
        return locks[-1]

    def _log(self, kind: str) -> list[Event]:
        lab = self.lab
        return [event for event in lab.ledger.events(lab.number, lab.volume) if event.kind == kind]
