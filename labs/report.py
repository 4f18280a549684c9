"""What the report of a lab says of earlier labs, as plain data."""

from __future__ import annotations

from typing import Any

from components.quantity import percent
from components.report import Report, ReportFamily, ReportLab
from labs.content import NumberPrediction
from labs.lab import Lab
from labs.record import Line, Record, first_question, guess_of
from ledger import contract_of
from ledger.clock import now

#: Whether a first prediction was right, as a sign.
SIGNS = {True: "✓", False: "✕", None: "–"}
_YES = {True: "yes", False: "no", None: "–"}


def today() -> str:
    """The date that a report bears."""
    return f"{now():%Y-%m-%d}"


def report_name(lab: type[Lab]) -> str:
    """Name of the file in which a report is saved."""
    return f"{lab.slug}_report.html"


def report_lab(key: str, name: str, line: Line) -> ReportLab:
    """A lab of a record."""
    guess = line.guess
    return ReportLab(
        key,
        name,
        guess.predicted,
        guess.actual,
        SIGNS[guess.correct],
        _YES[line.wall_found],
        line.result,
        line.decision,
    )


def report_family(
    key: str,
    name: str,
    labs: tuple[str, ...],
    record: Record,
    interval: tuple[float, float] | None,
    limit: str,
) -> ReportFamily:
    """Labs of one kind with these keys; `limit` says in how many a limit was broken."""
    taken = len(record.taken)
    right = f"{record.hits} of {taken}" if taken else "–"
    if interval is None or not taken:
        return ReportFamily(key, name, labs, right, "–", limit)
    low, high = (round(100 * end, 1) for end in interval)
    within = f"{low:.0f} to {percent(interval[1], 0)}"
    return ReportFamily(key, name, labs, right, within, limit, round(100 * record.hits / taken, 1), low, high)


def for_snapshot(report: Report) -> dict[str, Any]:
    """A report as a snapshot fills it in without a server: the page of nobody, and what each lab's answers mean."""
    return {
        "document": report.document(),
        "labs": {lab.key: _reading(lab.key) for lab in report.labs},
        "families": {family.key: list(family.labs) for family in report.families},
    }


def _reading(key: str) -> dict[str, Any]:
    """How to read the entry of a lab: its units, and what the answers to its first question say."""
    fields = contract_of(key).fields
    result = fields["act2_result"]
    reading: dict[str, Any] = {"unit": result.unit, "units": dict(result.context_units), "answers": [], "actual": "–"}
    prediction = first_question(key)
    if prediction is None:
        return reading
    reading["actual"] = prediction.form(prediction.actual)
    if isinstance(prediction, NumberPrediction):
        return {**reading, "asked_unit": prediction.unit, "value": prediction.actual}
    words = fields["act1_prediction"].type == "word"
    for option in prediction.options:
        stored = option.id if words or option.recorded is None else option.recorded
        guess = guess_of(key, option.correct, stored)
        reading["answers"].append([stored, guess.predicted, guess.ratio])
    return reading
