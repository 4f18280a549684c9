"""What a lab is made of, as data: contexts, questions, constraints, failures, reading.

Everything here is plain and frozen; it knows no screen. Text is the author's Markdown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

#: A design exactly on a limit is feasible: comparisons forgive this relative error.
RELATIVE_TOLERANCE = 1e-9

Regime = Literal["cloud", "edge", "mobile", "tiny"]


def at_most(value: float, limit: float) -> bool:
    """Whether `value <= limit`, forgiving a relative error of 1e-9. NaN is never within a limit."""
    return value <= limit + RELATIVE_TOLERANCE * abs(limit)


def at_least(value: float, limit: float) -> bool:
    """Whether `value >= limit`, forgiving a relative error of 1e-9. NaN is never within a limit."""
    return value >= limit - RELATIVE_TOLERANCE * abs(limit)


@dataclass(frozen=True)
class Context:
    """One of the situations of a lab, two or more. `regime` gives its colour, `note` one line beside the toggle."""

    id: str
    label: str
    regime: Regime
    note: str = ""


@dataclass(frozen=True)
class Message:
    """What a stakeholder asks. `role` names a role and a kind of institution."""

    role: str
    text: str


@dataclass(frozen=True)
class Option:
    """One answer. `id` is its letter in the sheet, not its position on screen.

    `feedback` says what is wrong with the idea behind it (or why it is right). A prediction's option has a
    `value`, the quantity that it claims; `saved` is what the ledger keeps where that is a rounded number.
    Options of a reflection are shown in ascending order, too, when all have a value.
    `gap` replaces the computed ratio where the option claims something that has no value.
    """

    id: str
    text: str
    feedback: str
    value: float | None = None
    correct: bool = False
    saved: float | None = None
    gap: str = ""

    @property
    def recorded(self) -> float | None:
        """The number that the ledger keeps; None where it keeps the id."""
        return self.value if self.saved is None else self.saved


class OptionsError(ValueError):
    """A question does not have exactly four options of which exactly one is right."""


def _check_options(options: Sequence[Option]) -> None:
    right = [option.id for option in options if option.correct]
    if len(options) != 4 or len(right) != 1 or len({option.id for option in options}) != 4:
        raise OptionsError(f"needs 4 options with different ids and 1 right one, got {len(options)} with {right} right")


@dataclass(frozen=True)
class Question:
    """A reflection: four options, one right, feedback to each."""

    question: str
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        _check_options(self.options)

    def option(self, option_id: str) -> Option:
        """The option with this id; ValueError names the ids."""
        for option in self.options:
            if option.id == option_id:
                return option
        raise ValueError(f"{option_id!r} is no option here; options are {', '.join(o.id for o in self.options)}")

    def ascending(self) -> list[Option] | None:
        """The options in ascending order of their values, where they are shown so; None where they are shuffled."""
        if any(option.value is None for option in self.options):
            return None
        return sorted(self.options, key=lambda option: option.value or 0.0)


@dataclass(frozen=True)
class Gap:
    """Predicted against actual, as shown: the texts, and the number in `amount` (ratio or difference)."""

    predicted: str
    actual: str
    text: str
    amount: float | None
    correct: bool
    why: str


def _gap_text(predicted: float, actual: float, form: Callable[[float], str], difference: bool) -> tuple[str, float]:
    """The ratio of the two, or their difference where asked for or where a ratio does not exist."""
    if difference or predicted <= 0 or actual <= 0 or not (math.isfinite(predicted) and math.isfinite(actual)):
        return form(abs(predicted - actual)), abs(predicted - actual)
    ratio = max(predicted, actual) / min(predicted, actual)
    return f"{ratio:,.{2 if ratio < 10 else 1 if ratio < 1000 else 0}f} times", ratio


@dataclass(frozen=True)
class ChoicePrediction(Question):
    """A prediction by one of four options.

    `actual` is what the model gives (SI or the unit that `form` writes), `why` the sentence that explains it.
    Options with values are shown in ascending order when `numeric`, others in an order shuffled per attempt.
    With `difference` the gap is a difference, written by `difference_form` where that is not `form` (points
    between percentages).
    """

    actual: float = math.nan
    form: Callable[[float], str] = str
    why: str = ""
    numeric: bool = True
    difference: bool = False
    difference_form: Callable[[float], str] | None = None

    def ascending(self) -> list[Option] | None:
        return super().ascending() if self.numeric else None

    def gap(self, chosen: str) -> Gap:
        """The overlay for the option with id `chosen`."""
        option = self.option(chosen)
        if option.gap:
            text, amount = option.gap, None
        elif option.value is None:
            raise ValueError(f"option {chosen} has neither a value nor a gap")
        else:
            text, amount = _gap_text(option.value, self.actual, self.difference_form or self.form, self.difference)
        predicted = option.text if option.value is None else self.form(option.value)
        return Gap(predicted, self.form(self.actual), text, amount, option.correct, f"{self.why}\n\n{option.feedback}")


@dataclass(frozen=True)
class NumberPrediction:
    """A prediction by a bounded number; right within `tolerance`, relative unless `absolute`.

    With `factor` the tolerance is a ratio: 2 accepts from half to twice the value.

    `feedback` maps an entry to the sentence that meets the idea behind it.
    """

    question: str
    low: float
    high: float
    step: float
    unit: str
    actual: float
    tolerance: float
    feedback: Callable[[float], str]
    why: str = ""
    absolute: bool = False
    digits: str = ".4g"
    factor: bool = False

    def entries(self) -> list[float]:
        """Every number that the question takes in its steps, ascending."""
        steps = round((self.high - self.low) / self.step)
        return [float(f"{self.low + k * self.step:.10g}") for k in range(steps + 1)]

    def correct(self, value: float) -> bool:
        """Whether `value` lies within the tolerance."""
        if self.factor:
            return at_least(value * self.tolerance, self.actual) and at_most(value, self.actual * self.tolerance)
        return at_most(abs(value - self.actual), self.tolerance * (1 if self.absolute else abs(self.actual)))

    def form(self, value: float) -> str:
        """`value` with the unit of the question."""
        return f"{value:,{self.digits}} {self.unit}".strip()

    def gap(self, value: float) -> Gap:
        """The overlay for the entry `value`."""
        text, amount = _gap_text(value, self.actual, self.form, self.absolute)
        why = f"{self.why}\n\n{self.feedback(value)}"
        return Gap(self.form(value), self.form(self.actual), text, amount, self.correct(value), why)


Prediction = ChoicePrediction | NumberPrediction


@dataclass(frozen=True)
class Constraint:
    """A limit with its badge; `holds` reads the act's outcome. `label` names quantity and limit."""

    label: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Failure:
    """A state in which the design breaks (danger) or misses its target (warn), and what the banner says."""

    id: str
    title: str
    when: Callable[[Any], bool]
    text: Callable[[Any], str]
    severity: Literal["danger", "warn"] = "danger"


@dataclass(frozen=True)
class Reading:
    """A section to read first, and what to look for in it."""

    section: str
    why: str


@dataclass(frozen=True)
class Peek:
    """Which registered formulas an act shows, and the author's note on them."""

    formulas: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A comparison table beside the instruments."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    emphasis: int | None = None


@dataclass(frozen=True)
class Note:
    """A text of the briefing with a title; `kind` is that of a callout."""

    title: str
    text: str
    kind: Literal["info", "success", "warn", "danger"] = "info"


@dataclass(frozen=True)
class Radio:
    """A question that the student answers when saving: id to label."""

    question: str
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Design:
    """A design of Act II: the context in which it stood, its controls and their outcome."""

    context: str
    controls: Mapping[str, Any]
    outcome: Any
