"""Records what the page shows of an act in every state of a grid, by asking the lab itself."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from components.instruments.blueprint import blueprint
from components.instruments.layers import Axis, Plot
from labs import showing
from labs.act import Act
from labs.content import NumberPrediction, Prediction
from labs.lab import Lab
from labs.snapshot.columns import Table
from labs.snapshot.grid import Grid
from ledger import DesignLedger

#: Fields of the ledger entry that the student's way through the lab gives, not the controls.
OF_THE_RUN = ("context", "act1_prediction", "act1_correct", "constraint_hit")

#: So many predictions are recorded where they move what the controls move, too.
MOST_ANSWERS = 25

#: States and predictions drawn to check that a prediction and the controls move different things.
CHECKED = 30

_ALL = slice(None)


def _spread(count: int, most: int) -> list[int]:
    """Up to `most` of `count` positions, both ends among them, at equal distances."""
    step = -(-(count - 1) // (most - 1))
    return list(range(0, count, step))


class NotRecordableError(RuntimeError):
    """What a lab shows depends on more than its controls, its context and the prediction of the act itself."""


def answers(prediction: Prediction) -> Sequence[Any]:
    """Everything that a student can enter as a prediction, in the order in which a snapshot numbers it."""
    if isinstance(prediction, NumberPrediction):
        return prediction.entries()
    return [option.id for option in prediction.options]


class _Noted(dict[str, Any]):
    """Predictions that note which of them was asked for."""

    def __init__(self, predictions: Mapping[str, Any]) -> None:
        super().__init__(predictions)
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


class _NoHistory(DesignLedger):
    """A ledger that does not look up the first prediction: no recorded field shows it."""

    def first_prediction(self, chapter: int, volume: int = 1, act: str = "act1") -> dict[str, Any]:
        return {"act": act, "prediction": None, "correct": None}


@dataclass
class Recording:
    """What one act shows in one context: the columns, and the drawings that its plots use."""

    grid: Grid
    #: What can be entered as a prediction, in the order of the table.
    answers: Sequence[Any]
    table: Table
    drawings: list[str]


class Recorder:
    """Records one act of a lab that stands in the grid's context with its instruments open."""

    def __init__(self, run: Lab, act: Act, grid: Grid) -> None:
        self.run, self.act, self.grid = run, act, grid
        run.ledger = _NoHistory(run.ledger.store, run.ledger.student_id)
        self.answers = answers(act.prediction())
        self.drawings: list[str] = []
        self._structures: dict[tuple[Any, ...], int] = {}

    def record(self) -> Recording:
        """Visits every state. Raises NotRecordableError for an act that a snapshot cannot play."""
        recording = self._record()
        if self.act.key == "act1":
            # Of the ledger entry only what the controls of Act I change; the rest is recorded with Act II.
            recording.table.drop_constant("design/")
        return recording

    def _record(self) -> Recording:
        everywhere = range(len(self.grid))
        # A prediction moves a mark that the controls do not move: two of them show which slots it moves, and one
        # state shows where to. What was so believed is held against some states drawn at random.
        table = self._visit(everywhere, [self.answers[0], self.answers[-1]])
        if table.separable():
            whole = table.joined(self._visit([0], self.answers))
            if self._holds(whole):
                return Recording(self.grid, self.answers, whole, self.drawings)
        some = [self.answers[at] for at in _spread(len(self.answers), MOST_ANSWERS)]
        return Recording(self.grid, some, self._visit(everywhere, some), self.drawings)

    def _holds(self, table: Table) -> bool:
        """Whether the table shows in some states under some predictions what the act shows there."""
        dice = random.Random(0)
        for _ in range(CHECKED):
            state, at = dice.randrange(len(self.grid)), dice.randrange(len(self.answers))
            alone = self._visit([state], [self.answers[at]])
            if any(alone.shown(slot, 0, 0) != table.shown(slot, state, at) for slot in alone.columns):
                return False
        return True

    def _visit(self, states: Sequence[int], answers: Sequence[Any]) -> Table:
        table = Table(len(states), len(answers))
        for row, state in enumerate(states):
            table.put(row, _ALL, [("settled", self._enter(state)), *self._of_the_controls()])
            self._put_outcome(table, row, answers)
        return table

    def _enter(self, state: int) -> int:
        """Puts the act into a state, or into the one that the page shows in its place; returns that one's index.

        In some combinations controls give way; others `limits` keeps out of reach, and the physics refuses them.
        """
        settled = self.grid.settled(self.act, state)
        try:
            self.act.param.update(**self.grid.values(settled))
        except ValueError:
            settled = self.grid.index({name: spec.default for name, spec in self.act.specs.items()})
            self.act.param.update(**self.grid.values(settled))
        return settled

    def _put_outcome(self, table: Table, row: int, answers: Sequence[Any]) -> None:
        """What is read from the outcome; once for each prediction where the act asks for it."""
        noted = _Noted({**self.run.predictions, self.act.key: answers[0]})
        self.run.predictions = noted
        shown = list(self._of_the_outcome())
        if self.act.key == "act1":
            # Of the entry only what the controls of Act I change is kept; it may well name the other prediction.
            self.run.predictions = dict(noted)
            table.put(row, _ALL, self._of_the_design())
        if noted.asked - {self.act.key}:
            raise NotRecordableError(f"{type(self.act).__name__} shows the prediction of the other act")
        if not noted.asked:
            table.put(row, _ALL, shown)
            return
        table.put(row, 0, shown)
        for at, answer in enumerate(answers[1:], start=1):
            self.run.predictions = {**noted, self.act.key: answer}
            table.put(row, at, self._of_the_outcome())

    # --- slots ---------------------------------------------------------------------------------------------

    def _of_the_controls(self) -> Iterator[tuple[str, Any]]:
        act, run = self.act, self.run
        yield "limits", showing.limits(act)
        if act.key != "act2":
            return
        yield "badges", [badge["status"] for badge in showing.badges(run)]
        yield "solved", act.constraints_met()
        yield "danger", sorted(failure.id for failure in act.active_failures() if failure.severity == "danger")
        run.last_design = None
        run.note_design()
        yield "eligible", run.last_design is not None

    def _of_the_design(self) -> Iterator[tuple[str, Any]]:
        """The entry that saving would write; and what an answer to a question asked when saving makes different."""
        plain = dict(self._entry())
        yield from plain.items()
        for field, radio in self.run.questions().items():
            for answer in radio.options:
                self.run.named = {field: answer}
                yield from (
                    (f"{slot}?{field}={answer}", value) for slot, value in self._entry() if value != plain[slot]
                )
        self.run.named = {}

    def _entry(self) -> Iterator[tuple[str, Any]]:
        run = self.run
        if self.act.key == "act2":
            yield "result", showing.result_text(run)
        design = run.design()
        for row in showing.design_rows(run, design):
            if row[3] not in OF_THE_RUN and row[3] not in run.questions():
                yield f"design/{row[3]}", [_plain(design[row[3]]), row[1]]

    def _of_the_outcome(self) -> Iterator[tuple[str, Any]]:
        act = self.act
        if act.key == "act2":
            yield from self._of_the_design()
            if (reported := self.run.report_design()) is not None:
                yield from ((f"report/{cell}", text) for cell, text in reported.cells().items())
        yield "failures", showing.failures(act)
        for k, metric in enumerate(act.metrics(act.outcome)):
            yield f"metric/{k}", asdict(metric)
        for k, table in enumerate(act.tables(act.outcome)):
            shown = showing.table(table)
            yield f"table/{k}", {"title": shown["title"], "columns": shown["columns"]}
            for row, cells in enumerate(shown["rows"]):
                yield f"table/{k}/{row}", cells
        plots = act.plots(act.outcome)
        yield "plots", list(plots)
        for name, plot in plots.items():
            yield from self._of_a_plot(f"plot/{name}", plot)

    def _of_a_plot(self, slot: str, plot: Plot) -> Iterator[tuple[str, Any]]:
        drawing = self._drawing(plot)
        yield slot, drawing
        yield f"{slot}/title", plot.title
        yield f"{slot}/caption", plot.caption
        yield f"{slot}/key", [list(pair) for pair in plot.key]
        yield f"{slot}/x", _axis(plot.x)
        yield f"{slot}/y", _axis(plot.y)
        for k, layer in enumerate(plot.layers):
            for name, column in layer.columns().items():
                numeric = column.dtype.kind in "fiub"
                yield f"{slot}/{k}/{name}", column if numeric else [str(item) for item in column]

    def _drawing(self, plot: Plot) -> int:
        """Number of the drawing of a plot's structure."""
        structure = plot.structure()
        if structure not in self._structures:
            self._structures[structure] = len(self.drawings)
            self.drawings.append(blueprint(plot))
        return self._structures[structure]


def _axis(axis: Axis) -> list[Any]:
    """An axis as the browser writes it, in as many digits as a screen can show."""
    label, low, high, ticks = axis.for_browser()
    return [label, _rounded(low), _rounded(high), [[_rounded(at), name] for at, name in ticks]]


def _rounded(number: float) -> float:
    return float(f"{number:.8g}")


def _plain(value: Any) -> Any:
    """A field of a design as JSON; numpy's numbers are Python's there."""
    return json.loads(
        json.dumps(value, default=lambda number: number.item() if isinstance(number, np.generic) else str(number))
    )
