"""What a student sees of one act: built part by part as the act unlocks, then fed from its outcome."""

from __future__ import annotations

from typing import Any

from panel.viewable import Viewable

from components.banner import FailureBanner
from components.callout import Callout, StakeholderMessage
from components.controls import ControlError, ControlPanel, Options, Slider, brief
from components.instruments.figure import Figure
from components.layout import Columns, Stack, Workbench
from components.metrics import ComparisonRow, MetricRow
from components.peek import MathPeek
from components.prediction import PredictionLock, PredictionOverlay
from components.reflection import Reflection
from components.text import to_html, to_inline_html
from labs import showing
from labs.act import Act
from labs.content import NumberPrediction
from labs.lab import LabError
from labs.states import reached


class ActView:
    """The parts of an act. `refresh` brings those that depend on the outcome up to date, `unlock` adds parts."""

    def __init__(self, act: Act, on_change: Any) -> None:
        self.act = act
        self.lab = act.lab
        self._on_change = on_change
        self._figures: dict[str, Figure] = {}
        self._tables: list[ComparisonRow] = []
        self._workbench: Workbench | None = None
        self._round: Viewable | None = None
        self._closing: list[Viewable] = []
        message = act.message()
        self._message = StakeholderMessage.of(message.role, message.text)
        self._concept = Callout.of(act.concept(), title="Concept")
        self._challenge: Callout | None = None
        self._lock = self._prediction_lock()
        self.body = Stack(items=self._opening())
        self.unlock()

    # --- parts ---------------------------------------------------------------------------------------------

    def _opening(self) -> list[Viewable]:
        parts: list[Viewable] = [Columns(items=[self._message, self._concept])]
        if read := self.act.from_ledger():
            parts.append(Callout.of(read, title="From your ledger"))
        return [*parts, self._lock]

    def _prediction_lock(self) -> PredictionLock:
        prediction = self.act.prediction()
        lock = PredictionLock(question=to_inline_html(prediction.question), **self._locked())
        if isinstance(prediction, NumberPrediction):
            lock.range = showing.number_range(prediction)
        else:
            lock.options = showing.options(self.lab.options_in_order(prediction))
        lock.on_msg(self._lock_message)
        return lock

    def _locked(self) -> dict[str, Any]:
        value = self.lab.predictions.get(self.act.key)
        shown = "" if value is None else value if isinstance(value, str) else f"{value:g}"
        return {"locked": value is not None, "chosen": shown}

    def _control_panel(self) -> ControlPanel:
        panel = ControlPanel(
            controls=showing.definitions(self.act.specs),
            values=showing.values(self.act),
            limits=showing.limits(self.act),
        )
        panel.on_msg(self._control_message)
        return panel

    def _build_workbench(self) -> Workbench:
        outcome = self.act.outcome
        self._controls = self._control_panel()
        self._banner = FailureBanner(failures=showing.failures(self.act))
        self._metrics = MetricRow.of(*self.act.metrics(outcome))
        self._figures = {name: Figure(plot) for name, plot in self.act.plots(outcome).items()}
        self._tables = [ComparisonRow(**showing.table(table)) for table in self.act.tables(outcome)]
        self._main = Stack(items=[self._banner, self._metrics, *self._figures.values(), *self._tables])
        return Workbench(side=self._controls, main=self._main)

    def _build_closing(self) -> list[Viewable]:
        overlay = PredictionOverlay(**showing.overlay(self.act.prediction(), self.lab.predictions[self.act.key]))
        question = self.act.reflection()
        self._reflection = Reflection(
            question=to_inline_html(question.question),
            options=showing.options(self.lab.options_in_order(question)),
            **self._answer(),
        )
        self._reflection.on_msg(self._answer_message)
        peek = self.act.peek()
        return [overlay, self._reflection, MathPeek.of(peek.formulas, peek.note)]

    def _answer(self) -> dict[str, Any]:
        return showing.feedback(self.act.reflection(), self.lab.answers.get(self.act.key))

    # --- changes -------------------------------------------------------------------------------------------

    def unlock(self) -> None:
        """Adds the parts that the state of the lab, and the class, have opened since."""
        key = self.act.key
        locked = reached(self.lab.state, f"{key}_explore")
        explore = locked and not self.lab.held
        reflect = reached(self.lab.state, f"{key}_reflect")
        if locked:
            self._lock.param.update(**self._locked())
        if (explore and self._workbench is None) or (reflect and not self._closing):
            opening = [part for part in self.body.items if part not in (self._workbench, *self._closing)]
            if explore and self._workbench is None:
                if challenge := self.act.challenge():
                    self._challenge = Callout.of(challenge, title="Your challenge")
                    opening.append(self._challenge)
                self._workbench = self._build_workbench()
            if reflect and not self._closing:
                self._closing = self._build_closing()
            self.body.items = [*opening, self._workbench, *self._closing]

    def show_round(self, panel: Viewable | None) -> None:
        """Puts the panel of a class round under the locked prediction, or takes it away."""
        parts = [part for part in self.body.items if part is not self._round]
        if panel is not None:
            parts.insert(parts.index(self._lock) + 1, panel)
        if panel is not self._round:
            self._round, self.body.items = panel, parts

    def refresh(self) -> None:
        """Everything that depends on the outcome."""
        if self._workbench is None:
            return
        outcome = self.act.outcome
        self._controls.param.update(values=showing.values(self.act), limits=showing.limits(self.act))
        self._banner.failures = showing.failures(self.act)
        self._metrics.show(self.act.metrics(outcome))
        plots = self.act.plots(outcome)
        if plots.keys() == self._figures.keys():
            for name, plot in plots.items():
                self._figures[name].show(plot)
        else:
            self._figures = {name: self._figures.get(name) or Figure(plot) for name, plot in plots.items()}
            for name, plot in plots.items():
                self._figures[name].show(plot)
            self._main.items = [self._banner, self._metrics, *self._figures.values(), *self._tables]
        for row, table in zip(self._tables, self.act.tables(outcome), strict=True):
            row.param.update(**showing.table(table))

    def enter_context(self) -> None:
        """The toggle has moved: message, controls, and all that follows."""
        message = self.act.message()
        self._message.param.update(role=message.role, html=to_html(message.text))
        self._concept.html = to_html(self.act.concept())
        if self._challenge is not None:
            self._challenge.html = to_html(self.act.challenge())
        if self._workbench is not None:
            self._controls.param.update(
                controls=showing.definitions(self.act.specs),
                values=showing.values(self.act),
                limits=showing.limits(self.act),
            )
            self.refresh()

    def _lock_message(self, event: Any) -> None:
        message = event.data
        if message.get("type") == "lock":
            self._on_change(lambda: self.lab.lock(self.act.key, message.get("value")))

    def _answer_message(self, event: Any) -> None:
        message = event.data
        if message.get("type") == "answer":

            def answer() -> None:
                self.lab.answer(self.act.key, message.get("value"))
                self._reflection.param.update(**self._answer())

            self._on_change(answer)

    def _control_message(self, event: Any) -> None:
        message = event.data

        def move() -> None:
            try:
                if message.get("type") == "reset":
                    self.lab.reset_controls(self.act.key)
                else:
                    name = message.get("name")
                    self.lab.set_control(self.act.key, name, self._value_of(name, message))
            except ControlError:
                # The control springs back to the value that holds; the reason is on the page beside it.
                self._controls.param.trigger("values")
                raise
            finally:
                self._controls.acknowledged = int(message.get("sequence") or 0)

        self._on_change(move, controls=True)

    def _value_of(self, name: str, message: dict[str, Any]) -> Any:
        spec = self.act.specs.get(name)
        if isinstance(spec, Slider):
            if "index" in message:
                index = message["index"]
                if not isinstance(index, int) or not 0 <= index < len(spec.stops):
                    raise ControlError(f"{spec.label}: no stop number {index!r}")
                return spec.stops[index]
            if spec.entry and isinstance(message.get("number"), int | float):
                return spec.parse(str(message["number"] / spec.scale))
        if isinstance(spec, Options) and "option" in message:
            return spec.parse(str(message["option"]))
        raise LabError(f"there is no control {brief(name)} that takes this")
