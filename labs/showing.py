"""What a page shows of a lab as it stands, as plain data: the live page sends it, a snapshot records it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from components.controls import Spec
from components.quantity import number, percent, plain, quantity, with_unit
from components.text import to_html, to_inline_html
from labs.act import Act
from labs.content import NumberPrediction, Option, Prediction, Question, Table
from labs.lab import Lab
from labs.states import NEXT_STEP, reached
from ledger import contract_of
from mlsysim.core.provenance import Constant

#: Units that take a prefix in the table of constants; the others are written as they are.
PREFIXED = {"B", "B/s", "FLOP", "FLOP/s", "op", "op/s", "s", "W", "J"}

SAVED_AS_SHOWN = "The controls of Act II as they stand."
SAVED_LAST_THAT_WORKED = "The design on screen does not work: recorded is the last one that did."


def options(shown: list[Option]) -> list[dict[str, str]]:
    """The options of a question in the given order."""
    return [{"id": option.id, "text": to_inline_html(option.text)} for option in shown]


def number_range(prediction: NumberPrediction) -> dict[str, Any]:
    """What a question for a number takes."""
    return {"low": prediction.low, "high": prediction.high, "step": prediction.step, "unit": prediction.unit}


def definitions(specs: Mapping[str, Spec]) -> list[dict[str, Any]]:
    """The controls of an act in a context."""
    return [spec.for_browser(name) for name, spec in specs.items()]


def values(act: Act) -> dict[str, Any]:
    """Where the controls of an act stand."""
    return {name: spec.value_for_browser(getattr(act, name)) for name, spec in act.specs.items()}


def limits(act: Act) -> dict[str, Any]:
    """What is out of reach for now, and why."""
    return {
        name: {"reason": limit}
        if isinstance(limit, str)
        else {"options": {str(value): reason for value, reason in limit.items()}}
        for name, limit in act.limits().items()
    }


def failures(act: Act) -> list[dict[str, str]]:
    """The banners of an act."""
    return [
        {"severity": failure.severity, "title": failure.title, "text": failure.text(act.outcome)}
        for failure in act.active_failures()
    ]


def table(shown: Table) -> dict[str, Any]:
    """A comparison table."""
    rows = [{"cells": list(cells), "emphasis": i == shown.emphasis} for i, cells in enumerate(shown.rows)]
    return {"title": shown.title, "columns": list(shown.columns), "rows": rows}


def feedback(question: Question, chosen: str | None) -> dict[str, Any]:
    """The answer to a reflection, and what is said about it."""
    if chosen is None:
        return {"chosen": "", "correct": False, "feedback": ""}
    option = question.option(chosen)
    return {"chosen": chosen, "correct": option.correct, "feedback": to_html(option.feedback)}


def overlay(prediction: Prediction, answer: Any) -> dict[str, Any]:
    """A locked prediction against what the model gives."""
    gap = prediction.gap(answer)
    return {
        "predicted": gap.predicted,
        "actual": gap.actual,
        "gap": gap.text,
        "correct": gap.correct,
        "html": to_html(gap.why),
    }


def badges(lab: Lab) -> list[dict[str, str]]:
    """The constraints of Act II, measured once its instruments are open."""
    act = lab.act2
    open_ = reached(lab.state, "act2_explore")
    return [
        {
            "label": constraint.label,
            "status": "locked" if not open_ else "met" if constraint.holds(act.outcome) else "violated",
        }
        for constraint in act.constraints()
    ]


def tabs(state: str) -> list[dict[str, str]]:
    """The four parts of a lab, and what unlocks those that are locked."""
    act2 = (
        ""
        if reached(state, "act2_predict")
        else f"Act II opens once the Act I reflection is answered. {NEXT_STEP[state]}"
    )
    return [
        {"id": "briefing", "label": "Briefing", "locked": ""},
        {"id": "act1", "label": "Act I", "locked": ""},
        {"id": "act2", "label": "Act II", "locked": act2},
        {"id": "ledger", "label": "Ledger", "locked": ""},
    ]


def result_text(lab: Lab) -> str:
    """The key outcome of Act II with the unit that the ledger gives it."""
    result = lab.result()
    if result is None:
        return "–"
    field = contract_of(lab.key()).fields["act2_result"]
    unit = field.unit_in(lab.context)
    if unit == "fraction":
        return percent(result)
    # What has a vocabulary is counted, not measured.
    return with_unit(number(result, 4) if field.vocabulary is None else plain(result), unit)


def hud(lab: Lab) -> list[dict[str, str]]:
    """The footer that sums up."""
    open_ = reached(lab.state, "act2_explore")
    correct = None if lab.held else lab.correct.get("act1")
    solved = lab.act2.constraints_met()
    return [
        {"label": "Context", "value": lab.active_context.label, "status": "neutral"},
        {
            "label": "Act I prediction",
            "value": "–" if correct is None else "✓ right" if correct else "✕ wrong",
            "status": "neutral" if correct is None else "met" if correct else "caution",
        },
        {"label": "Act II result", "value": result_text(lab) if open_ else "–", "status": "neutral"},
        {
            "label": "Challenge",
            "value": ("✓ met" if solved else "open") if open_ else "–",
            "status": "met" if open_ and solved else "neutral",
        },
        {
            "label": "Cliff",
            "value": "explored the cliff" if lab.constraint_hit else "not yet explored",
            "status": "neutral",
        },
        {"label": "Ledger", **_saved(lab)},
    ]


def _saved(lab: Lab) -> dict[str, str]:
    entry = lab.ledger.entry(lab.number, lab.volume) if lab.state == "saved" else None
    if entry is None:
        return {"value": "not saved", "status": "neutral"}
    if lab.ledger.waiting() is not None:
        return {"value": "not saved yet", "status": "caution"}
    return {"value": f"✓ saved {entry.saved_at:%H:%M} UTC", "status": "met"}


def next_step(lab: Lab) -> str:
    """The one thing to do next."""
    return "Your prediction is locked. Wait for the class." if lab.held else NEXT_STEP[lab.state]


def constant(shown: Constant) -> list[str]:
    """A constant in the table of constants: name, value, meaning, source."""
    if shown.unit in PREFIXED:
        value = quantity(shown.value, shown.unit, 4)
    else:
        value = f"{plain(shown.value, 6)} {shown.unit}".removesuffix(" 1")
    return [shown.name, value, shown.meaning, f"{shown.source} ({shown.kind})"]


def ledger_questions(lab: Lab) -> list[dict[str, Any]]:
    """What a student is asked when saving."""
    return [
        {
            "id": field,
            "text": radio.question,
            "chosen": lab.named.get(field, ""),
            "options": [{"id": key, "label": label} for key, label in radio.options.items()],
        }
        for field, radio in lab.questions().items()
    ]


def save_hint(lab: Lab) -> str:
    """What is still missing before saving, or what will be saved."""
    if missing := lab.missing_to_save():
        return missing
    if lab.last_design is not None and not lab.eligible(lab.act2.outcome):
        return SAVED_LAST_THAT_WORKED
    return SAVED_AS_SHOWN


def design_value(value: Any) -> str:
    """A field of the ledger entry as the Ledger tab writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return plain(value, 5) if math.isfinite(value) else number(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {design_value(one)}" for name, one in value.items()) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(design_value, value)) or "–"
    return "–" if value is None else str(value)


def design_rows(lab: Lab, design: Mapping[str, Any]) -> list[list[str]]:
    """A ledger entry that saving would write: meaning, value, unit, field."""
    fields = contract_of(lab.key()).fields
    return [
        [fields[name].meaning, design_value(value), fields[name].unit_in(lab.context), name]
        for name, value in design.items()
    ]
