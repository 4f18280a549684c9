"""The class as tables for a spreadsheet: `/instructor/export/progress.csv`, `predictions.csv`, `results.csv`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tornado.ioloop import IOLoop

from labs import showing, site
from labs.catalog import name_of
from labs.instructor.addresses import HOME
from labs.instructor.guard import InstructorHandler
from labs.instructor.live import STATE_NAMES
from labs.instructor.sheet import ACT_NAMES, answer_text
from labs.instructor.spreadsheet import csv_text
from labs.lab import Lab
from ledger import Store, contract_of
from ledger.class_record import class_record, saved_entries
from ledger.people import names

Row = Sequence[Any]


def _keys(labs: Sequence[type[Lab]]) -> list[str]:
    return [lab.key() for lab in labs]


def progress_rows(store: Store, labs: Sequence[type[Lab]]) -> Iterator[Row]:
    """One row per student: in which state each lab is."""
    known = names(store)
    for student, standings in class_record(store, _keys(labs)).standings.items():
        states = [
            "" if (standing := standings.get(lab.key())) is None else STATE_NAMES.get(standing.state or "", "Opened")
            for lab in labs
        ]
        yield student, known.get(student, ""), *states


def prediction_rows(store: Store, labs: Sequence[type[Lab]]) -> Iterator[Row]:
    """One row per student, lab and act: the first prediction, and the second vote of the latest class round."""
    known = names(store)
    record = class_record(store, _keys(labs))
    for student, standings in record.standings.items():
        for lab in labs:
            standing = standings.get(lab.key())
            for act in ACT_NAMES if standing is not None else ():
                assert standing is not None
                mark = standing.predictions.get(act)
                if mark is None:
                    continue
                second = standing.second if act == "act1" else None
                yield (
                    student,
                    known.get(student, ""),
                    name_of(lab),
                    ACT_NAMES[act],
                    answer_text(lab, act, mark.choice),
                    showing.design_value(mark.choice),
                    mark.correct,
                    mark.order[0],
                    None if second is None else answer_text(lab, act, second.choice),
                    None if second is None else second.correct,
                )


def result_rows(store: Store, labs: Sequence[type[Lab]]) -> Iterator[Row]:
    """One row per saved entry: the design's result and decision."""
    known = names(store)
    offered = {lab.key(): lab for lab in labs}
    for student, entry in saved_entries(store, list(offered)):
        design = entry.design
        context = design.get("context")
        yield (
            student,
            known.get(student, ""),
            name_of(offered[entry.key]),
            context,
            design.get("act2_result"),
            contract_of(entry.key).fields["act2_result"].unit_in(context),
            design.get("act2_decision"),
            design.get("constraint_hit"),
            entry.attempts,
            entry.saved_at,
        )


@dataclass(frozen=True)
class Export:
    """A table: its columns, and how its rows are made of the labs of the course."""

    columns: Callable[[Sequence[type[Lab]]], Sequence[str]]
    rows: Callable[[Store, Sequence[type[Lab]]], Iterator[Row]]


_WHO = ("student", "name")
EXPORTS = {
    "progress": Export(lambda labs: (*_WHO, *map(name_of, labs)), progress_rows),
    "predictions": Export(
        lambda _: (
            *_WHO,
            *("lab", "act", "prediction", "stored", "right", "locked_at_utc", "second_vote", "second_vote_right"),
        ),
        prediction_rows,
    ),
    "results": Export(
        lambda _: (
            *_WHO,
            *("lab", "context", "act2_result", "unit", "act2_decision", "constraint_hit", "attempts", "saved_at_utc"),
        ),
        result_rows,
    ),
}


class Download(InstructorHandler):
    """Hands out a table as a file."""

    async def get(self, name: str) -> None:
        labs, store, export = site.course().offered, site.store(), EXPORTS[name]
        # Some hundred thousand events are read for a large class: not in the thread that answers the pages.
        text = await IOLoop.current().run_in_executor(
            None, lambda: csv_text(export.columns(labs), export.rows(store, labs))
        )
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="mlsys-labs-{name}.csv"')
        self.set_header("Cache-Control", "no-store")
        self.finish(text)


ROUTES = ((rf"{HOME}/export/({'|'.join(EXPORTS)})\.csv", Download),)
