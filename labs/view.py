"""A lab on screen: the frame around its parts, and the way changes travel from the student to the page."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
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
from labs.report import report_name
from labs.site import gate
from labs.states import NEXT_STEP, reached
from ledger import MAX_BYTES, LedgerError, LedgerImportError, export_csv, export_json, import_csv, import_json
from mlsysim.physics import FORMULAS

log = logging.getLogger(__name__)

#: Controls are stored once they have rested this long: a drag is one write, not fifty.
REST_MS = 700

TAB_OF_STATE = {"briefing": "briefing", "saved": "act2"}


class LabView:
    """The page of one lab for one student.

    Tabs are built when they are first looked at, acts part by part as they unlock. One change by the student
    is one message to the browser.
    """

    def __init__(self, lab: Lab, *, home: str = "", forget: str = "", source_url: str = "") -> None:
        self.lab = lab
        self._forget = forget
        self._source_url = source_url
        self._acts: dict[str, ActView] = {}
        self._resting: Any = None
        self._ledger_panel: LedgerPanel | None = None
        self._report_panel: ReportPanel | None = None
        self.slots = {tab: Stack() for tab in ("briefing", "act1", "act2", "ledger")}
        active = TAB_OF_STATE.get(lab.state, lab.state[:4])
        self.frame = LabFrame(
            eyebrow=f"Volume {lab.volume} · Lab {lab.number:02d} · {lab.chapter}",
            title=lab.title,
            question=lab.question,
            home=home,
            active=active,
            minutes=" · ".join(f"Act {'I' * (i + 1)}: {act.minutes} min" for i, act in enumerate(lab.acts)),
            contexts=[self._context(context) for context in lab.contexts],
            **self.slots,
            **self._standing(),
        )
        self.frame.on_msg(self._frame_message)
        self._show_tab(active)

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
            "next_step": NEXT_STEP[lab.state],
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
        }

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
                notice, kind = act(), "success"
            except (LabError, LedgerError, LedgerImportError) as problem:
                notice, kind = str(problem), "danger"
            if self._ledger_panel is not None:
                self._ledger_panel.param.update(notice=notice, notice_kind=kind)

        self._change(run)

    def _save(self) -> str:
        self.lab.save()
        return "Saved to the ledger."

    def _decide(self, field: str, value: str) -> str:
        self.lab.decide(value, field)
        return ""

    def _export(self, form: Any) -> str:
        assert self._ledger_panel is not None
        forms = {"json": (export_json, "json", "application/json"), "csv": (export_csv, "csv", "text/csv")}
        if form not in forms:
            raise LabError(f"a ledger is exported as {' or '.join(forms)}")
        write, suffix, mime = forms[form]
        self._ledger_panel.download(f"mlsys-labs-ledger.{suffix}", write(self.lab.ledger), mime)
        return "The file was handed to your browser."

    def _import(self, name: str, text: str) -> str:
        if wait := gate().file(self.lab.ledger.student_id):
            raise LabError(f"that were many files in a short time; please try again in {math.ceil(wait)} s")
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
        return "Your work in every lab was erased on this server."

    def _rebuild(self) -> None:
        self._forget_tabs()
        self._go("briefing")

    def _forget_tabs(self) -> None:
        """Has the tabs built anew when they are next looked at."""
        self._acts.clear()
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

    def _change(self, change: Callable[[], None], controls: bool = False) -> None:
        """Carries out one change by the student: one message to the browser, whatever it touches."""
        with hold(pn.state.curdoc):
            self.lab.notices.clear()
            state = self.lab.state
            try:
                change()
            except (LabError, ControlError, ValueError) as problem:
                self.lab.notices.append(str(problem))
            except LedgerError as problem:
                self._not_saved(problem)
            for key, view in self._acts.items():
                if controls and key == self.frame.active:
                    view.refresh()
                if state != self.lab.state:
                    view.unlock()
            self.frame.param.update(**self._standing())
            if self.frame.active == "ledger":
                self._build_ledger()
        if controls:
            self._keep_when_at_rest()

    def _not_saved(self, problem: LedgerError) -> None:
        log.error("ledger: %s", problem)
        self.lab.notices.append(f"Not saved yet: {problem}")

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

        self._resting = document.add_timeout_callback(keep, REST_MS)
