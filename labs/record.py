"""A student's record of earlier labs: what the ledger keeps of each, and how far the first predictions were off.

The ledger keeps a prediction and whether it was right; what was asked, and what the model gives, the lab itself knows.
Both together say how well a student judges.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any, Self

from components.quantity import number, percent
from labs.catalog import UnknownLabError, find_lab
from labs.content import ChoicePrediction, NumberPrediction, Option, Prediction
from labs.lab import Lab
from ledger import COMMON_FIELDS, DesignLedger, Store, contract_of, new_student_id, open_store, parse_key

#: The fields of an entry that a record is made of: those that every lab saves.
FIELDS = tuple(COMMON_FIELDS)


@dataclass(frozen=True)
class Guess:
    """The prediction of one lab's first act.

    `correct` is None where the lab was not taken, or its entry is damaged. `predicted` and `actual` are what the
    overlay of that lab shows; a dash where it is not known. `ratio` is predicted over actual, None where that has no
    meaning: a prediction of nothing, or of a word.
    """

    number: int
    correct: bool | None = None
    predicted: str = "–"
    actual: str = "–"
    ratio: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the lab counts."""
        return self.correct is not None


@dataclass(frozen=True)
class Line:
    """One lab of a record: the prediction, whether a limit was broken by hand, and the saved design in words."""

    guess: Guess
    wall_found: bool | None
    context: str
    result: str
    decision: str

    @classmethod
    def read(cls, lab: Lab, key: str) -> Line:
        """The line of an entry; `lab` declares that it reads its `FIELDS`."""
        entry = {field: lab.read(key, field) for field in FIELDS}
        context, result, decision = entry["context"], entry["act2_result"], entry["act2_decision"]
        unit = contract_of(key).fields["act2_result"].unit_in(context)
        shown = "–" if result is None else percent(result) if unit == "fraction" else f"{number(result, 4)} {unit}"
        correct, stored = entry["act1_correct"], entry["act1_prediction"]
        return cls(
            Guess(parse_key(key)[1]) if correct is None else guess_of(key, correct, stored),
            entry["constraint_hit"],
            context or "–",
            shown.strip(),
            "–" if decision is None else decision.replace("_", " "),
        )


@dataclass(frozen=True)
class Record:
    """The lines of several labs."""

    lines: tuple[Line, ...]

    @classmethod
    def read(cls, lab: Lab, keys: Iterable[str]) -> Self:
        """The record as the ledger has it now."""
        return cls(tuple(Line.read(lab, key) for key in keys))

    @property
    def guesses(self) -> tuple[Guess, ...]:
        """The predictions, those that were not made included."""
        return tuple(line.guess for line in self.lines)

    @property
    def taken(self) -> tuple[Line, ...]:
        """The labs that count."""
        return tuple(line for line in self.lines if line.guess.taken)

    @property
    def hits(self) -> int:
        """Labs whose first prediction was right."""
        return sum(guess.correct is True for guess in self.guesses)

    @property
    def misjudged(self) -> frozenset[int]:
        """Numbers of the labs whose first prediction was wrong."""
        return frozenset(guess.number for guess in self.guesses if guess.correct is False)

    @property
    def walls_found(self) -> tuple[int, int]:
        """Labs in which a limit was broken by hand, and labs of which that is known."""
        known = [line.wall_found for line in self.lines if line.wall_found is not None]
        return sum(known), len(known)


@cache
def _store_of_nobody() -> Store:
    return open_store("sqlite://")


@cache
def first_question(key: str) -> Prediction | None:
    """The prediction of a lab's first act; None for a lab that is not there."""
    volume, chapter = parse_key(key)
    try:
        lab = find_lab(volume, chapter)
    except UnknownLabError:
        return None
    # A question depends neither on the controls nor on the student, so that of nobody in particular will do.
    return run_of_nobody(lab).act1.prediction()


def run_of_nobody(lab: type[Lab]) -> Lab:
    """A run through a lab that leaves no trace, for what every student sees alike."""
    return lab(DesignLedger(_store_of_nobody(), new_student_id()))


def guess_of(key: str, correct: bool | None, stored: Any) -> Guess:
    """What a stored prediction says, and what the model of its lab gives."""
    prediction = first_question(key)
    chapter = parse_key(key)[1]
    chosen = None if prediction is None else _answer(prediction, stored)
    if prediction is None or chosen is None:
        return Guess(chapter, correct, _plain(stored))
    gap = prediction.gap(chosen)
    value = chosen if isinstance(prediction, NumberPrediction) else prediction.option(chosen).value
    in_orders = contract_of(key).fields["act1_prediction"].unit.startswith("orders")
    return Guess(chapter, correct, gap.predicted, gap.actual, _ratio(value, prediction.actual, in_orders))


def answer_of(key: str, *, right: bool) -> Any:
    """A right or wrong answer to a lab's first question as the ledger stores it, for a record that is nobody's."""
    prediction = first_question(key)
    if prediction is None:
        return None
    if isinstance(prediction, NumberPrediction):
        return prediction.actual if right else prediction.low
    option = next(option for option in prediction.options if option.correct == right)
    words = contract_of(key).fields["act1_prediction"].type == "word"
    return option.id if words else option.recorded


def typical_factor(guesses: Iterable[Guess]) -> float | None:
    """By how much predictions are off: the median of larger over smaller; None without any ratio."""
    factors = [max(guess.ratio, 1 / guess.ratio) for guess in guesses if guess.ratio is not None]
    return median(factors) if factors else None


def _answer(prediction: Prediction, stored: Any) -> Any:
    """What was locked, from what the ledger keeps of it; None if the question does not have it."""
    if isinstance(prediction, NumberPrediction):
        return stored if isinstance(stored, int | float) and prediction.low <= stored <= prediction.high else None
    option = option_of(prediction, stored)
    return None if option is None else option.id


def option_of(prediction: ChoicePrediction, stored: Any) -> Option | None:
    """The option that stands for what the ledger keeps of a prediction; None if the question does not have it."""
    return next((option for option in prediction.options if _is_of(option, stored)), None)


def _is_of(option: Option, stored: Any) -> bool:
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        return option.id == stored
    return option.recorded is not None and math.isclose(option.recorded, stored, rel_tol=1e-9)


def _ratio(predicted: float | None, actual: float, in_orders: bool) -> float | None:
    if predicted is None or not (math.isfinite(predicted) and math.isfinite(actual)):
        return None
    if in_orders:
        return float(10.0 ** (predicted - actual))
    return predicted / actual if predicted > 0 and actual > 0 else None


def _plain(stored: Any) -> str:
    if isinstance(stored, int | float) and not isinstance(stored, bool):
        return number(stored)
    return "–" if stored is None else str(stored)
