"""What a live view says of a lab before anybody has done anything: its questions, failures and contexts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from components.text import to_inline_html
from labs import showing
from labs.catalog import find_lab, name_of, path_of
from labs.content import NumberPrediction, Option, Prediction, Question
from labs.lab import Lab
from labs.record import option_of, run_of_nobody
from ledger import contract_of, parse_key

ACT_NAMES = {"act1": "Act I", "act2": "Act II"}

#: Columns of a histogram at most.
MOST_BINS = 20


@dataclass(frozen=True)
class Sheet:
    """A lab as its live view needs it. `failures` maps the id of a red banner to its title, `limits` a context to
    the constraints of its challenge."""

    name: str
    key: str
    title: str
    address: str
    predictions: dict[str, Prediction]
    reflections: dict[str, Question]
    failures: dict[str, str]
    contexts: dict[str, str]
    limits: dict[str, list[str]]
    units: dict[str, str]
    result: str


def sheet_of(lab: type[Lab]) -> Sheet:
    """The sheet of a lab. Questions depend on no student, so that those of nobody in particular will do."""
    return _sheet(lab.key())


@cache
def _sheet(key: str) -> Sheet:
    volume, number = parse_key(key)
    lab = find_lab(volume, number)
    run = run_of_nobody(lab)
    titles: dict[str, list[str]] = {}
    limits = {}
    for context in lab.contexts:
        run.set_context(context.id)
        limits[context.id] = [constraint.label for constraint in run.act2.constraints()]
        for failure in run.act2.failures():
            if failure.severity == "danger":
                titles.setdefault(failure.id, []).append(failure.title.rstrip(" :."))
    result = contract_of(lab.key()).fields["act2_result"]
    return Sheet(
        name=name_of(lab),
        key=lab.key(),
        title=lab.title,
        address=f"/{path_of(lab)}",
        predictions={key: run.act(key).prediction() for key in ACT_NAMES},
        reflections={key: run.act(key).reflection() for key in ACT_NAMES},
        failures={failure: " / ".join(dict.fromkeys(names)) for failure, names in titles.items()},
        contexts={context.id: context.label for context in lab.contexts},
        limits=limits,
        units={context.id: result.unit_in(context.id) for context in lab.contexts},
        result=result.meaning[:1].upper() + result.meaning[1:],
    )


@dataclass(frozen=True)
class Bin:
    """Where an answer is counted. `html` is rendered author's text; `low` and `high` bound a bin of numbers."""

    id: str
    html: str
    right: bool
    low: float = 0.0
    high: float = 0.0


def bins_of(lab: type[Lab], kind: str, act: str) -> tuple[Bin, ...]:
    """The bins of an act's question, in the order in which they are shown; `kind` is "prediction" or "reflection"."""
    return _bins(lab.key(), kind, act)


@cache
def _bins(key: str, kind: str, act: str) -> tuple[Bin, ...]:
    sheet = _sheet(key)
    asked: Prediction | Question = sheet.predictions[act] if kind == "prediction" else sheet.reflections[act]
    if isinstance(asked, NumberPrediction):
        return number_bins(asked)
    options: list[Option] = asked.ascending() or list(asked.options)
    return tuple(Bin(option.id, to_inline_html(option.text), option.correct) for option in options)


def number_bins(prediction: NumberPrediction) -> tuple[Bin, ...]:
    """Bins of equal width over the range of a number, each of whole steps; right is the one with the actual value."""
    steps = max(1, round((prediction.high - prediction.low) / prediction.step))
    per_bin = math.ceil(steps / MOST_BINS)
    width, count = prediction.step * per_bin, math.ceil(steps / per_bin)
    found = []
    for k in range(count):
        low, high = prediction.low + k * width, min(prediction.low + (k + 1) * width, prediction.high)
        holds = low <= prediction.actual < high or (k == count - 1 and prediction.actual == high)
        found.append(Bin(str(k), f"{low:,.4g} to {high:,.4g}", holds, low, high))
    return tuple(found)


def bin_of(lab: type[Lab], kind: str, act: str, stored: Any) -> str | None:
    """Id of the bin in which an answer is counted as the ledger keeps it; None if the question does not have it."""
    if kind == "reflection":
        return stored if any(stored == one.id for one in bins_of(lab, kind, act)) else None
    prediction = sheet_of(lab).predictions[act]
    if not isinstance(prediction, NumberPrediction):
        option = option_of(prediction, stored)
        return None if option is None else option.id
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        return None
    bins = bins_of(lab, kind, act)
    last = bins[-1]
    if stored == last.high:
        return last.id
    return next((one.id for one in bins if one.low <= stored < one.high), None)


def answer_text(lab: type[Lab], act: str, stored: Any) -> str:
    """A prediction as the ledger keeps it, in words; what the question does not have stands as it is."""
    prediction = sheet_of(lab).predictions[act]
    if isinstance(prediction, NumberPrediction):
        return prediction.form(stored) if isinstance(stored, int | float) else showing.design_value(stored)
    option = option_of(prediction, stored)
    return showing.design_value(stored) if option is None else option.text
