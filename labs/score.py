"""What a lab counts for in a gradebook: having done it, and a design that works. Never whether a prediction was right.

A wrong prediction is what the labs are for; a score that punished it would teach to guess safely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labs.lab import Lab

#: Share of the score for completing a lab; the rest is for a design that meets all constraints.
COMPLETION = 0.6

#: The rule, as students read it.
RULE = (
    f"Your course's gradebook is told a score for this lab when you save: {COMPLETION:.0%} for completing both acts, "
    f"and {1 - COMPLETION:.0%} for a design that has met all constraints. Predictions count neither way, and a score "
    "never goes down."
)


@dataclass(frozen=True)
class Standing:
    """What a student has done in a lab.

    Attributes:
        predicted: a prediction is locked in both acts, whatever it is.
        explored: a control was moved in both acts.
        reflected: both reflections are answered, whatever the answer.
        saved: the design was saved to the ledger.
        solved: a design met all constraints, or none can in the context that was saved.
    """

    predicted: bool = False
    explored: bool = False
    reflected: bool = False
    saved: bool = False
    solved: bool = False


def score(standing: Standing) -> float:
    """The score of a lab, from 0 to 1."""
    if not (standing.predicted and standing.explored and standing.reflected and standing.saved):
        return 0.0
    return 1.0 if standing.solved else COMPLETION


def standing_of(run: Lab) -> Standing:
    """Where a student stands in a lab."""
    acts = {"act1", "act2"}
    return Standing(
        predicted=acts <= run.predictions.keys(),
        explored=acts <= run.moved,
        reflected=acts <= run.answers.keys(),
        saved=run.state == "saved",
        solved=bool(run.solved) or run.act2.constraints_met() or run.solution(run.context) is None,
    )
