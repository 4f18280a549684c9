"""The form of one lab's contract, and short constructors with which the two volumes are written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.field import Field

COMMON_FIELDS = (
    "context",
    "act1_prediction",
    "act1_correct",
    "act2_result",
    "act2_decision",
    "constraint_hit",
)
"""The six fields of every entry."""

LETTERS = ("A", "B", "C", "D")
"""Ids of the four options of a prediction, where the contract gives no numbers or words."""


@dataclass(frozen=True)
class LabContract:
    """What one lab saves: its entry key, its contexts, and its fields by name, common fields first."""

    key: str
    contexts: tuple[str, ...]
    fields: Mapping[str, Field]

    @property
    def extra_fields(self) -> tuple[str, ...]:
        """Names of the fields that only this lab has."""
        return tuple(name for name in self.fields if name not in COMMON_FIELDS)


def number(name: str, unit: str, meaning: str, *allowed: float, minimum: float | None = None) -> Field:
    """An extra field that holds a number; None when its control does not exist in the saved context."""
    return Field(name, "number", meaning, allowed or None, unit=unit, nullable=True, minimum=minimum)


def word(name: str, meaning: str, *allowed: str) -> Field:
    """An extra field that holds one of the words `allowed`, or None."""
    return Field(name, "word", meaning, allowed, nullable=True)


def boolean(name: str, meaning: str) -> Field:
    """An extra field that holds True, False or None."""
    return Field(name, "boolean", meaning, nullable=True)


def lab(
    key: str,
    *extras: Field,
    contexts: tuple[str, ...],
    result: Field,
    decision: Field,
    prediction: tuple[Any, ...] = LETTERS,
    prediction_unit: str = "",
) -> LabContract:
    """The contract of one lab: the six common fields with this lab's vocabularies, then its extras."""
    prediction_type = "word" if isinstance(prediction[0], str) else "number"
    common = (
        Field("context", "word", "context on screen when saved", contexts),
        Field(
            "act1_prediction",
            prediction_type,  # type: ignore[arg-type]
            "option locked in the first attempt",
            prediction,
            unit=prediction_unit,
        ),
        Field("act1_correct", "boolean", "whether that first prediction was right"),
        result,
        decision,
        Field("constraint_hit", "boolean", "a failure banner of Act II was met after moving a control"),
    )
    return LabContract(key, contexts, {field.name: field for field in (*common, *extras)})


def result(unit: str, meaning: str, *allowed: float, **context_units: str) -> Field:
    """`act2_result`: the key outcome of the saved design, or None where it is infinite or undefined."""
    vocabulary = allowed or None
    return Field("act2_result", "number", meaning, vocabulary, unit=unit, nullable=True, context_units=context_units)


def decision(*allowed: str, pattern: str | None = None) -> Field:
    """`act2_decision`: a word from a list, or one built by a pattern."""
    return Field("act2_decision", "word", "what the saved design decided", allowed or None, pattern=pattern)
