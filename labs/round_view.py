"""A class round on the page of a student who takes part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.classroom.round import ClassRound
from components.text import to_inline_html
from labs import showing
from labs.content import NumberPrediction
from labs.seat import Seat


class RoundView:
    """The panel of a round, under the locked prediction; `refresh` brings it to where the round stands."""

    def __init__(self, seat: Seat, on_change: Callable[[Callable[[], None]], None]) -> None:
        self.seat = seat
        self._on_change = on_change
        prediction = seat.lab.act1.prediction()
        self.panel = ClassRound(question=to_inline_html(prediction.question), **self._standing())
        if isinstance(prediction, NumberPrediction):
            self.panel.range = showing.number_range(prediction)
        else:
            self.panel.options = showing.options(seat.lab.options_in_order(prediction))
        self.panel.on_msg(self._message)

    def refresh(self) -> None:
        """Phase and votes as they stand."""
        self.panel.param.update(**self._standing())

    def _standing(self) -> dict[str, Any]:
        second = self.seat.second_choice()
        return {
            "phase": self.seat.phase,
            "first": self._text(self.seat.lab.predictions["act1"]),
            "second": "" if second is None else self._text(second),
            "chosen": "" if second is None else second if isinstance(second, str) else f"{second:g}",
        }

    def _text(self, answer: Any) -> str:
        prediction = self.seat.lab.act1.prediction()
        if isinstance(prediction, NumberPrediction):
            return to_inline_html(prediction.form(answer))
        return to_inline_html(prediction.option(answer).text)

    def _message(self, event: Any) -> None:
        message = event.data
        if message.get("type") == "revise":

            def revise() -> None:
                self.seat.revise(message.get("value"))
                self.refresh()

            self._on_change(revise)
