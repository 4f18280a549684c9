"""What a class did, lab by lab: counts and distributions, never a student, and instructors not among them."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from ledger.contract import contract_of, readable_design
from ledger.event_kinds import FAILURE_ENTERED, IMPORTED, OPENED, PREDICTION_LOCKED, REFLECTION_ANSWERED
from ledger.first_prediction import first_prediction_in
from ledger.instructors import of_the_class
from ledger.keys import KEYS
from ledger.plain import to_text
from ledger.records import Event
from ledger.rows import decoded
from ledger.store import Store
from ledger.tables import entries, events

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Quantiles:
    """Five-number summary of the `act2_result` of the designs saved in one context, in `unit`."""

    count: int
    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float
    unit: str


@dataclass(frozen=True)
class LabStatistics:
    """How a class did in one lab. All counts are numbers of students, each counted once.

    `predictions` counts the very first Act I prediction by option, `correct` those of them that were right
    and `judged` those known to be right or wrong. `failures` counts who met each failure state, `decisions`
    the saved `act2_decision`. `results` is by context, because the unit of a result can depend on it.
    """

    key: str
    opened: int
    locked: int
    reflected: int
    saved: int
    predictions: dict[str | float, int]
    correct: int
    judged: int
    failures: dict[str, int]
    decisions: dict[str, int]
    results: dict[str, Quantiles]

    @property
    def share_correct(self) -> float | None:
        """Share of right first predictions, 0 to 1; None when nobody has predicted."""
        return self.correct / self.judged if self.judged else None


@dataclass(frozen=True)
class ClassStatistics:
    """The statistics of the labs that were asked for, in the order of the course."""

    labs: tuple[LabStatistics, ...]

    def to_frame(self) -> pandas.DataFrame:
        """One row per lab: key, opened, locked, reflected, saved, judged, correct, share_correct."""
        names = ("key", "opened", "locked", "reflected", "saved", "judged", "correct", "share_correct")
        return _frame(names, ([getattr(lab, name) for name in names] for lab in self.labs))

    def predictions_frame(self) -> pandas.DataFrame:
        """One row per lab and option of the Act I prediction: key, prediction, students."""
        return self._counts_frame("prediction", "predictions")

    def failures_frame(self) -> pandas.DataFrame:
        """One row per lab and failure state: key, failure, students."""
        return self._counts_frame("failure", "failures")

    def decisions_frame(self) -> pandas.DataFrame:
        """One row per lab and saved decision: key, decision, students."""
        return self._counts_frame("decision", "decisions")

    def results_frame(self) -> pandas.DataFrame:
        """One row per lab and context: the five numbers of `act2_result`, with their unit."""
        names = ("count", "minimum", "lower_quartile", "median", "upper_quartile", "maximum", "unit")
        rows = (
            [lab.key, context, *(getattr(quantiles, name) for name in names)]
            for lab in self.labs
            for context, quantiles in lab.results.items()
        )
        return _frame(("key", "context", *names), rows)

    def _counts_frame(self, column: str, attribute: str) -> pandas.DataFrame:
        rows = ([lab.key, what, count] for lab in self.labs for what, count in getattr(lab, attribute).items())
        return _frame(("key", column, "students"), rows)


def class_statistics(store: Store, keys: Collection[str] | None = None) -> ClassStatistics:
    """The statistics of the labs with these keys, of all 34 without.

    Raises UnknownLab for a key that names no lab.
    """
    wanted = [key for key in KEYS if keys is None or key in keys]
    for key in keys or ():
        contract_of(key)
    with store.reading(snapshot=True) as connection:
        reached = _students_by_kind(connection, wanted)
        first = _first_predictions(connection, wanted)
        failures = _failures(connection, wanted)
        designs = _designs(connection, wanted)
    return ClassStatistics(
        tuple(
            LabStatistics(
                key=key,
                opened=reached[key, OPENED],
                locked=len(first[key]),
                reflected=reached[key, REFLECTION_ANSWERED],
                saved=len(designs[key]),
                predictions=_predictions(key, first[key]),
                correct=sum(prediction.get("correct") is True for prediction in first[key]),
                judged=sum(isinstance(prediction.get("correct"), bool) for prediction in first[key]),
                failures=_most_common_first(failures[key]),
                decisions=_most_common_first(Counter(_present(designs[key], "act2_decision"))),
                results=_results(key, designs[key]),
            )
            for key in wanted
        )
    )


def _students_by_kind(connection: Connection, keys: list[str]) -> Counter[tuple[str, str]]:
    query = (
        select(events.c.key, events.c.kind, func.count(events.c.student.distinct()))
        .where(
            events.c.key.in_(keys),
            events.c.kind.in_((OPENED, REFLECTION_ANSWERED)),
            of_the_class(events.c.student),
        )
        .group_by(events.c.key, events.c.kind)
    )
    return Counter({(key, kind): count for key, kind, count in connection.execute(query)})


def _first_predictions(connection: Connection, keys: list[str]) -> dict[str, list[dict[str, Any]]]:
    query = (
        select(events)
        .where(
            events.c.key.in_(keys),
            events.c.kind.in_((PREDICTION_LOCKED, IMPORTED)),
            of_the_class(events.c.student),
        )
        .order_by(events.c.key, events.c.student, events.c.at, events.c.id)
    )
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (key, _student), rows in groupby(connection.execute(query), lambda row: (row.key, row.student)):
        log = (Event(row.key, row.attempt, row.kind, decoded(row.data, row.key), row.at) for row in rows)
        prediction = first_prediction_in(log, "act1")
        if prediction is not None:
            found[key].append(prediction)
    return found


def _failures(connection: Connection, keys: list[str]) -> dict[str, Counter[str]]:
    query = (
        select(events.c.key, events.c.student, events.c.data)
        .where(events.c.key.in_(keys), events.c.kind == FAILURE_ENTERED, of_the_class(events.c.student))
        .distinct()
    )
    met = {(key, student, str(decoded(data, key).get("failure"))) for key, student, data in connection.execute(query)}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for key, _student, failure in met:
        counts[key][failure] += 1
    return counts


def _designs(connection: Connection, keys: list[str]) -> dict[str, list[dict[str, Any]]]:
    query = select(entries.c.key, entries.c.design).where(entries.c.key.in_(keys), of_the_class(entries.c.student))
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for key, text in connection.execute(query):
        found[key].append(readable_design(key, decoded(text, key)))
    return found


def _results(key: str, designs: list[dict[str, Any]]) -> dict[str, Quantiles]:
    contract = contract_of(key)
    results = {}
    for context in contract.contexts:
        values = list(_present((design for design in designs if design.get("context") == context), "act2_result"))
        if values:
            results[context] = _quantiles(values, contract.fields["act2_result"].unit_in(context))
    return results


def _quantiles(values: list[float], unit: str) -> Quantiles:
    # `statistics.quantiles` needs two values; one value is all its own quantiles.
    lower, median, upper = statistics.quantiles(values * 2 if len(values) == 1 else values, method="inclusive")
    return Quantiles(len(values), min(values), lower, median, upper, max(values), unit)


def _present(designs: Iterable[dict[str, Any]], name: str) -> Iterator[Any]:
    return (design[name] for design in designs if design.get(name) is not None)


def _predictions(key: str, first: list[dict[str, Any]]) -> dict[str | float, int]:
    """Counts of the options in the order of the contract, unchosen ones with zero, then of anything else."""
    options = contract_of(key).fields["act1_prediction"].vocabulary or ()
    chosen = (prediction.get("prediction") for prediction in first)
    counts = Counter(option if isinstance(option, (str, int, float)) else to_text(option) for option in chosen)
    return dict.fromkeys(options, 0) | counts


def _most_common_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _frame(columns: Iterable[str], rows: Iterable[list[Any]]) -> pandas.DataFrame:
    import pandas  # here, because labs read and save without it

    return pandas.DataFrame(list(rows), columns=list(columns))
