"""A lab on screen: the frame around its parts, and the way changes travel from the student to the page."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import panel as pn
from panel.io import hold

from components.about import AboutModel
from components.action import Action
from components.callout import Callout
from components.controls import ControlError
from components.frame import LabFrame
from components.layout import Columns, Stack
from components.ledger_panel import LedgerPanel
from components.report import ReportPanel
from components.text import to_html
from labs import showing
from labs.act_view import ActView
from labs.lab import Lab, LabError
from labs.observe.metrics import CHANGE_SECONDS
from labs.report import report_name
from labs.round_view import RoundView
from labs.score import RULE
from labs.seat import Seat
from labs.site import gate
from labs.states import reached
from labs.unsaved import ALL_SAVED, SAVED, SAVED_LATER, unsaved
from ledger import (
    MAX_BYTES,
    LedgerError,
    LedgerImportError,
    StoreUnavailable,
    export_csv,
    export_json,
    import_csv,
    import_json,
)
from ledger.rounds import Round
from mlsysim.physics import FORMULAS

log = logging.getLogger(__name__)

#: Controls are stored once they have rested this long: a drag is one write, not fifty.
REST_MS = 700

#: While changes wait to be saved, the page looks this often whether they are; then it says so for a while.
LOOK_MS = 500
SAID_MS = 6000

TAB_OF_STATE = {"briefing": "briefing", "saved": "act2"}


class LabView:
    """The page of one lab for one student.

    Tabs are built when they are first looked at, acts part by part as they unlock. One change by the student
    is one message to the browser.
    """

    def __init__(
        self,
        lab: Lab,
        *,
        home: str = "",
        forget: str = "",
        source_url: str = "",
        seat: Seat | None = None,
        account: dict[str, str] | None = None,
        place: str = "page",
        server: str = "",
    ) -> None:
        self.lab = lab
        self._forget = forget
        #: Where a class takes this lab together, the student's place in its rounds.
        self.seat = seat
        self._round: RoundView | None = None
        self._source_url = source_url
        self._acts: dict[str, ActView] = {}
        self._resting: Any = None
        self._looking: Any = None
        self._ledger_panel: LedgerPanel | None = None
        self._report_panel: ReportPanel | None = None
        self.slots = {tab: Stack() for tab in ("briefing", "act1", "act2", "ledger")}
        active = TAB_OF_STATE.get(lab.state, lab.state[:4])
        self.frame = LabFrame(
            eyebrow=f"Volume {lab.volume} · Lab {lab.number:02d} · {lab.chapter}",
            title=lab.title,
            question=lab.question,
            home=home,
            account=account or {},
            place=place,
            server=server,
            active=active,
            minutes=" · ".join(f"Act {'I' * (i + 1)}: {act.minutes} min" for i, act in enumerate(lab.acts)),
            contexts=[self._context(context) for context in lab.contexts],
            **self.slots,
            **self._standing(),
        )
        self.frame.on_msg(self._frame_message)
        self._show_tab(active)
        self._show_waiting()

    # --- the frame -----------------------------------------------------------------------------------------

    def _context(self, context: Any) -> dict[str, str]:
        source = self.lab.context_source
        preset = f"Preset from your {source}." if source and context.id == self.lab.context else ""
        return {
            "id": context.id,
            "label": context.label,
            "regime": context.regime,
            "note": " ".join(filter(None, (context.note, preset))),
        }

    def _standing(self) -> dict[str, Any]:
        lab = self.lab
        return {
            "context": lab.context,
            "badges": showing.badges(lab),
            "tabs": showing.tabs(lab.state),
            "hud": showing.hud(lab),
            "next_step": showing.next_step(lab),
            "notices": list(lab.notices),
            "address": lab.address(),
        }

    # --- tabs ----------------------------------------------------------------------------------------------

    def _show_tab(self, tab: str) -> None:
        slot = self.slots[tab]
        if tab == "ledger":
            self._build_ledger()
        elif slot.items:
            return
        elif tab == "briefing":
            slot.items = self._briefing()
        elif tab == "act1" or reached(self.lab.state, "act2_predict"):
            if tab == "act1":
                self.lab.begin_act1()
            self._acts[tab] = ActView(self.lab.act(tab), self._change)
            slot.items = [self._acts[tab].body]
            self._show_round()

    def _briefing(self) -> list[Any]:
        lab = self.lab
        reading = "\n".join(f"- *{item.section}*: {item.why}" for item in lab.reading)
        start = Action(
            label="Open Act I", hint=f"{lab.minutes()} minutes in all. Your state is kept: you can leave and return."
        )
        start.on_msg(lambda _: self._change(lambda: self._go("act1")))
        about = Callout.of(f"{lab.briefing}\n\n**Invariant.** {lab.invariant}", title="What this lab is about")
        read = Callout.of(reading, title="Read first" if lab.reading_required else "Reading, if you like")
        return [Columns(items=[about, read]), *self._guide(), start, self._about()]

    def _guide(self) -> list[Columns]:
        notes = [Callout.of(note.text, title=note.title, kind=note.kind) for note in self.lab.guide]
        return [Columns(items=[notes[0], Stack(items=notes[1:])])] if notes else []

    def _about(self) -> AboutModel:
        lab = self.lab
        names = dict.fromkeys(name for act in (lab.act1, lab.act2) for name in act.peek().formulas)
        specs = {
            spec.label: spec
            for act in lab.acts
            for context in lab.contexts
            for spec in act.controls_in(context.id).values()
        }
        return AboutModel(
            html=to_html(lab.assumptions),
            constants=[showing.constant(constant) for constant in lab.constants],
            ranges=[[label, spec.range_text(), spec.reason] for label, spec in specs.items()],
            formulas=[[name, FORMULAS[name].spec.validity, FORMULAS[name].spec.source] for name in names],
            source_url=self._source_url,
        )

    def _go(self, tab: str, asked: int = 0) -> None:
        self._show_tab(tab)
        self.frame.param.update(active=tab, tab_answered=max(asked, self.frame.tab_answered))

    # --- the ledger tab ------------------------------------------------------------------------------------

    def _build_ledger(self) -> None:
        if self._ledger_panel is None:
            self._ledger_panel = LedgerPanel(forget=self._forget, most_bytes=MAX_BYTES, **self._ledger_state())
            self._ledger_panel.on_msg(self._ledger_message)
            if (report := self.lab.report()) is not None:
                self._report_panel = ReportPanel(page=report.document(), file_name=report_name(type(self.lab)))
            self.slots["ledger"].items = [part for part in (self._ledger_panel, self._report_panel) if part is not None]
        else:
            self._ledger_panel.param.update(**self._ledger_state())
            if self._report_panel is not None and (report := self.lab.report()) is not None:
                self._report_panel.page = report.document()

    def _ledger_state(self) -> dict[str, Any]:
        lab = self.lab
        open_ = reached(lab.state, "act2_explore")
        return {
            "rows": showing.design_rows(lab, lab.design()) if open_ else [],
            "questions": showing.ledger_questions(lab) if open_ else [],
            "can_save": not lab.missing_to_save(),
            "save_hint": showing.save_hint(lab),
            "grading": RULE if self._graded else "",
        }

    @cached_property
    def _graded(self) -> bool:
        """Whether a gradebook is told of this lab; that follows from how the student came here."""
        return self.lab.ledger.graded(self.lab.number, self.lab.volume)

    def _ledger_message(self, event: Any) -> None:
        message = event.data
        actions: dict[str, Callable[[], str]] = {
            "save": self._save,
            "export": lambda: self._export(message.get("format")),
            "import": lambda: self._import(str(message.get("name", "")), str(message.get("text", ""))),
            "decide": lambda: self._decide(str(message.get("name")), str(message.get("value"))),
            "start_over": self._start_over,
            "erase_all": self._erase_all,
        }
        act = actions.get(message.get("type"))
        if act is None:
            return

        def run() -> None:
            assert self._ledger_panel is not None
            try:
                notice = act()
                kind = "success" if self.lab.ledger.waiting() is None else "warn"
            except (LabError, LedgerError, LedgerImportError) as problem:
                notice, kind = str(problem), "danger"
            if self._ledger_panel is not None:
                self._ledger_panel.param.update(notice=notice, notice_kind=kind)

        self._change(run)

    def _save(self) -> str:
        self.lab.save()
        return SAVED if self.lab.ledger.waiting() is None else SAVED_LATER

    def _decide(self, field: str, value: str) -> str:
        self.lab.decide(value, field)
        return ""

    def _export(self, form: Any) -> str:
        assert self._ledger_panel is not None
        forms = {"json": (export_json, "json", "application/json"), "csv": (export_csv, "csv", "text/csv")}
        if form not in forms:
            raise LabError(f"a ledger is exported as {' or '.join(forms)}")
        write, suffix, mime = forms[form]
        self.lab.ledger.settle()
        self._ledger_panel.download(f"mlsys-labs-ledger.{suffix}", write(self.lab.ledger), mime)
        return "The file was handed to your browser."

    def _import(self, name: str, text: str) -> str:
        if wait := gate().file(self.lab.ledger.student_id):
            raise LabError(f"that were many files in a short time; please try again in {math.ceil(wait)} s")
        self.lab.ledger.settle()
        report = (import_csv if name.lower().endswith(".csv") else import_json)(self.lab.ledger, text)
        kept = "".join(f" {key} stayed: {why}." for key, why in report.kept.items())
        skipped = "".join(f" {key} was left out: {why}." for key, why in report.skipped.items())
        resumed = ""
        if report.progress and self.lab.resume():
            self._forget_tabs()
            resumed = " This lab goes on where the file left it."
        entries = len(report.imported) + len(report.kept)
        return f"Imported {len(report.imported)} of {entries} entries.{kept}{skipped}{resumed}"

    def _start_over(self) -> str:
        self.lab.start_over()
        self._rebuild()
        return "This lab starts over."

    def _erase_all(self) -> str:
        self.lab.erase_all()
        self._rebuild()
        later = (
            "" if self.lab.ledger.waiting() is None else " It will be erased on disk as soon as that can be written."
        )
        return f"Your work in every lab was erased on this server.{later}"

    def _rebuild(self) -> None:
        self._forget_tabs()
        self._go("briefing")

    def _forget_tabs(self) -> None:
        """Has the tabs built anew when they are next looked at."""
        self._acts.clear()
        self._round = None
        for tab in ("briefing", "act1", "act2"):
            self.slots[tab].items = []
        self.frame.contexts = [self._context(context) for context in self.lab.contexts]

    # --- changes -------------------------------------------------------------------------------------------

    def _frame_message(self, event: Any) -> None:
        message = event.data
        kind, value = message.get("type"), message.get("value")
        if kind == "context":
            self._change(lambda: self._switch_context(str(value)))
        elif kind == "tab" and value in self.slots:
            self._change(lambda: self._go(value, int(message.get("sequence") or 0)))
        elif kind == "open_ledger":
            self._change(lambda: self._go("ledger"))

    def _switch_context(self, context: str) -> None:
        self.lab.set_context(context)
        self.frame.contexts = [self._context(context) for context in self.lab.contexts]
        for view in self._acts.values():
            view.enter_context()

    def _change(self, change: Callable[[], None], controls: bool = False, by_student: bool = True) -> None:
        """Carries out one change: one message to the browser, whatever it touches.

        What was said of the last one is gone with the student's next, not with what the class does.
        """
        with CHANGE_SECONDS.time(), hold(pn.state.curdoc):
            if by_student:
                self.lab.notices.clear()
            state = self.lab.state
            try:
                change()
            except (LabError, ControlError, ValueError) as problem:
                self.lab.notices.append(str(problem))
            except LedgerError as problem:
                self._not_saved(problem)
            if state != self.lab.state:
                self._look_at_class()
            for key, view in self._acts.items():
                if controls and key == self.frame.active:
                    view.refresh()
                if state != self.lab.state:
                    view.unlock()
            self.frame.param.update(**self._standing())
            if self.frame.active == "ledger":
                self._build_ledger()
            self._show_waiting()
        if controls:
            self._keep_when_at_rest()

    def enter_round(self, latest: Round | None) -> None:
        """The class has gone on: `latest` is the lab's round now."""
        if (seat := self.seat) is None:
            return

        def go_on() -> None:
            seat.take(latest)
            self._show_round()
            for view in self._acts.values():
                view.unlock()

        self._change(go_on, by_student=False)

    def _look_at_class(self) -> None:
        """After a step of the student: whether it is one that the class takes together."""
        if self.seat is not None and self.lab.state in ("briefing", "act1_predict", "act1_explore", "act1_reflect"):
            try:
                self.seat.look()
                self._show_round()
            except StoreUnavailable as problem:
                # What the student does goes on by itself; the page says that it is not saved yet.
                log.warning("where the class stands is not known: %s", problem)

    def _show_round(self) -> None:
        if self.seat is None or "act1" not in self._acts:
            return
        if not self.seat.phase:
            self._round = None
        elif self._round is None:
            self._round = RoundView(self.seat, self._change)
        else:
            self._round.refresh()
        self._acts["act1"].show_round(None if self._round is None else self._round.panel)

    def _not_saved(self, problem: LedgerError) -> None:
        # Only the data base's own words: others may quote what the student entered.
        log.error("ledger: %s", problem if isinstance(problem, StoreUnavailable) else type(problem).__name__)
        self.lab.notices.append(f"Not saved yet: {problem}")

    def _show_waiting(self) -> None:
        """Says what is not saved yet; looks again by itself until everything is, and says that, too."""
        shown, now = self.frame.unsaved, unsaved(self.lab.ledger.waiting())
        if now:
            if shown != now:
                self.frame.unsaved = now
            self._look_again(LOOK_MS)
        elif shown.get("changes"):
            self.frame.param.update(unsaved={"text": ALL_SAVED, "changes": 0, "since": ""}, **self._standing())
            if self._ledger_panel is not None and self._ledger_panel.notice == SAVED_LATER:
                self._ledger_panel.param.update(notice=SAVED, notice_kind="success")
            self._look_again(SAID_MS)

    def _look_again(self, after_ms: int) -> None:
        def look() -> None:
            self._looking = None
            with hold(pn.state.curdoc):
                if not unsaved(self.lab.ledger.waiting()) and not self.frame.unsaved.get("changes"):
                    self.frame.unsaved = {}
                else:
                    self._show_waiting()

        document = pn.state.curdoc
        if document is None or document.session_context is None:
            return
        if self._looking is not None:
            document.remove_timeout_callback(self._looking)
        self._looking = document.add_timeout_callback(look, after_ms)

    def _keep_when_at_rest(self) -> None:
        document = pn.state.curdoc
        if document is None or document.session_context is None:
            return
        if self._resting is not None:
            document.remove_timeout_callback(self._resting)

        def keep() -> None:
            self._resting = None
            try:
                self.lab.keep()
            except LedgerError as problem:
                self._not_saved(problem)
                self.frame.notices = list(self.lab.notices)
            self._show_waiting()

        self._resting = document.add_timeout_callback(keep, REST_MS)
