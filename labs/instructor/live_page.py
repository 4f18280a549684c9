"""The page on which an instructor follows a class through a lab, and leads it through a round."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from bokeh.document import Document
from panel.io import hold
from panel.viewable import Viewable

from components.classroom.live import LiveView
from labs import site
from labs.instructor.addresses import HOME
from labs.instructor.feed import feed_of
from labs.instructor.live import QUESTIONS, VOTED, Moment, everything, question_id
from labs.instructor.sheet import sheet_of
from labs.lab import Lab
from ledger import LedgerError
from ledger.rounds import REVEALED, VOTE, move_round, open_round


class LivePage:
    """One instructor's view of a lab. What is right, and names, are shown once they ask for it; names never on a
    projector."""

    def __init__(self, lab: type[Lab], document: Document, projector: bool) -> None:
        sheet = sheet_of(lab)
        self.lab = lab
        self._document = document
        self._projector = projector
        self._revealed: set[str] = set()
        self._with_names = False
        self._uncovered = False
        self._moment = Moment({})
        self.view = LiveView(
            lab=sheet.name,
            title=sheet.title,
            lab_address=sheet.address,
            home=HOME,
            projector=projector,
            result=sheet.result,
            **everything(lab, self._moment),
        )
        self.view.on_msg(self._message)
        stop = feed_of(lab).follow(self._told)
        document.on_session_destroyed(lambda session_context: stop())

    def _told(self, moment: Moment) -> None:
        self._document.add_next_tick_callback(partial(self._show, moment))

    def _show(self, moment: Moment) -> None:
        before, now = self._moment.round, moment.round
        if before is not None and (now is None or now.changed_at < before.changed_at):
            # Read before this page itself has taken the round on.
            moment, now = replace(moment, round=before), before
        if before is not None and now is not None and now != before:
            # The class sees it on its own pages at this moment: so does whoever looks at this one.
            if now.phase == REVEALED and now.number == before.number:
                self._revealed.add(VOTED)
            if now.number != before.number:
                self._revealed.discard(VOTED)
            self._uncovered = False
        self._moment = moment
        self._draw()

    def _draw(self) -> None:
        with hold(self._document):
            shown = everything(
                self.lab, self._moment, self._revealed, with_names=self._with_names, uncovered=self._uncovered
            )
            self.view.param.update(**shown, loaded=True, with_names=self._with_names)

    def _message(self, event: Any) -> None:
        message = event.data
        kind, value = message.get("type"), message.get("value")
        self.view.notice = ""
        if kind == "reveal" and value in {question_id(*asked) for asked in QUESTIONS}:
            self._revealed ^= {value}
        elif kind == "uncover":
            self._uncovered = True
        elif kind == "names" and not self._projector:
            self._with_names = not self._with_names
        elif kind == "round":
            self._lead(str(value))
        return self._draw()

    def _lead(self, phase: str) -> None:
        """Opens a round, or takes it on."""
        latest = self._moment.round
        try:
            if phase == VOTE:
                moved = open_round(site.store(), self.lab.key())
            elif latest is not None:
                moved = move_round(site.store(), self.lab.key(), latest.number, phase)
            else:
                return
        except LedgerError as problem:
            self.view.notice = str(problem)
            return
        # The buttons follow at once; everybody else hears of it with the next beat.
        self._show(Moment(self._moment.traces, moved, self._moment.names))


def live_page(lab: type[Lab], document: Document, projector: bool) -> Viewable:
    """The live view of a lab, drawn for a projector if asked for."""
    return LivePage(lab, document, projector).view
