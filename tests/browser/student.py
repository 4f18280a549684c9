"""What a student does with a lab, and what they can see. Tests are written in these words."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import FilePayload, Locator, Page, expect

from components.controls import Options, Slider, Spec
from labs.content import NumberPrediction
from labs.lab import Lab
from labs.site import COOKIE
from labs.view import REST_MS
from ledger import DesignLedger, identity, load_secret, new_student_id
from tests.browser.server import Server
from tests.browser.walk import letter, some_number, walk
from tests.browser.watch import Watch

TABS = ("Briefing", "Act I", "Act II", "Ledger")
ACT_TABS = {"act1": "Act I", "act2": "Act II"}

#: Sliders are moved by arrow keys up to this many stops; farther, they are dragged.
MOST_KEY_PRESSES = 12

#: How long a control may stay out of reach after the change that brings it into reach.
LIMIT_SECONDS = 15


class Student:
    """One person with a browser of their own, who learns only from the page."""

    def __init__(self, page: Page, server: Server, lab: type[Lab] | None, watch: Watch) -> None:
        self.page = page
        self.server = server
        self.lab = lab
        self.watch = watch

    # --- coming and going ----------------------------------------------------------------------------------

    def opens(self, lab: type[Lab] | None = None, query: str = "") -> Student:
        """Goes to a lab's page."""
        self.lab = lab or self.lab
        assert self.lab is not None
        self.page.goto(self.server.address_of(self.lab) + query)
        expect(self.page.get_by_role("tablist")).to_be_visible()
        return self

    def opens_index(self) -> Student:
        """Goes to the index of the course."""
        self.page.goto(f"{self.server.url}/")
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        return self

    def card(self, lab: type[Lab]) -> Locator:
        """A lab's card on the index page."""
        return self.page.locator(".card").filter(
            has=self.page.get_by_role("link", name=f"Lab {lab.number:02d}: {lab.title}")
        )

    def reloads(self) -> Student:
        """The reload button of the browser."""
        self.page.reload()
        expect(self.page.get_by_role("tablist")).to_be_visible()
        return self

    def has_come_to(self, state: str, *, breaking: bool = False) -> Student:
        """Makes this somebody who has taken the lab up to `state` earlier, with wrong predictions."""
        assert self.lab is not None
        student_id = new_student_id()
        walk(self.lab, self.server.ledger(student_id), state, breaking=breaking)
        return self.is_known_as(student_id)

    def is_known_as(self, student_id: str) -> Student:
        """Gives the browser the cookie of a student."""
        return self.carries(identity.sign(student_id, load_secret(self.server.secret_path)))

    def carries(self, token: str) -> Student:
        """Gives the browser a cookie, genuine or not."""
        self.page.context.clear_cookies()
        self.page.context.add_cookies([{"name": COOKIE, "value": token, "url": self.server.url}])
        return self

    @property
    def id(self) -> str:
        """The pseudonym under which the server keeps this student's ledger."""
        return self.server.student_id(self.cookie["value"])

    @property
    def cookie(self) -> Mapping[str, Any]:
        """The cookie that stands for this student."""
        return next(cookie for cookie in self.page.context.cookies() if cookie["name"] == COOKIE)

    @property
    def ledger(self) -> DesignLedger:
        """The ledger as it lies on the disk."""
        return self.server.ledger(self.id)

    def run(self) -> Lab:
        """The lab as the ledger has it: what is asked, what is right, where the controls stand."""
        assert self.lab is not None
        return self.lab(self.ledger)

    # --- finding the way -----------------------------------------------------------------------------------

    def tab(self, name: str) -> Locator:
        """A tab of the lab."""
        return self.page.get_by_role("tab", name=re.compile(f"^{name}( ?, locked)?$"))

    def goes_to(self, name: str) -> Locator:
        """Clicks a tab; returns what it shows."""
        self.tab(name).click()
        expect(self.tab(name)).to_have_attribute("aria-selected", "true")
        return self.panel

    @property
    def panel(self) -> Locator:
        """What the chosen tab shows."""
        return self.page.get_by_role("tabpanel")

    def current_tab(self) -> str:
        """Name of the chosen tab."""
        return self.page.get_by_role("tab", selected=True).inner_text().strip()

    @property
    def badges(self) -> Locator:
        """The constraint badges in the header."""
        return self.page.get_by_role("list", name="Constraints").get_by_role("listitem")

    @property
    def banner(self) -> Locator:
        """The failure banners of the act on screen."""
        return self.panel.locator("[role=alert] .banner")

    @property
    def notices(self) -> Locator:
        """Messages about the page itself."""
        return self.page.locator(".notices .notice")

    def standing(self, label: str) -> Locator:
        """One item of the footer."""
        return self.page.locator(".hud-items > div").filter(has=self.page.get_by_text(label, exact=True)).locator("dd")

    # --- predicting and answering ----------------------------------------------------------------------------

    @property
    def prediction(self) -> Locator:
        """The prediction of the act on screen."""
        return self.panel.get_by_role("region", name="Prediction")

    @property
    def controls(self) -> Locator:
        """The controls of the act on screen."""
        return self.panel.get_by_role("form", name="Controls")

    @property
    def overlay(self) -> Locator:
        """Predicted against actual."""
        return self.panel.get_by_role("status", name="Predicted and actual")

    @property
    def reflection(self) -> Locator:
        """The question after the instruments."""
        return self.panel.get_by_role("region", name="Reflection")

    def predicts(self, *, right: bool) -> None:
        """Commits to a prediction of the act on screen."""
        prediction = self.run().act(self._act_on_screen()).prediction()
        if isinstance(prediction, NumberPrediction):
            self.prediction.get_by_role("spinbutton").fill(f"{some_number(prediction, right):.10g}")
        else:
            self._chooses(self.prediction, letter(prediction, right))
        self.prediction.get_by_role("button", name="Lock prediction").click()
        expect(self.controls).to_be_visible()

    def reflects(self, *, right: bool) -> str:
        """Answers the reflection of the act on screen; returns the feedback."""
        question = self.run().act(self._act_on_screen()).reflection()
        self._chooses(self.reflection, letter(question, right))
        self.reflection.get_by_role("button", name="Check answer").click()
        feedback = self.reflection.locator(f".feedback.{'success' if right else 'warn'}")
        expect(feedback).to_be_visible()
        return feedback.inner_text()

    def _act_on_screen(self) -> str:
        name = self.current_tab()
        return next(key for key, tab in ACT_TABS.items() if tab == name)

    def _chooses(self, region: Locator, letter: str) -> None:
        region.locator(f"input[type=radio][value='{letter}']").check()

    # --- controls --------------------------------------------------------------------------------------------

    def switches_to(self, context: str) -> None:
        """The context toggle."""
        toggle = self.page.get_by_role("group", name="Context")
        radio = toggle.locator(f"input[value='{context}']")
        radio.check()
        assert self.lab is not None
        label = next(known.label for known in self.lab.contexts if known.id == context)
        expect(self.standing("Context")).to_have_text(label)
        # Which controls there are is read from the ledger, which is written after the page has been answered.
        deadline = time.monotonic() + LIMIT_SECONDS
        while self.run().context != context:
            assert time.monotonic() < deadline, f"the ledger has the context {self.run().context}, not {context}"
            self.page.wait_for_timeout(50)

    def resets_controls(self) -> None:
        """Puts the controls of the act back to their defaults, and looks until they are there."""
        self.controls.get_by_role("button", name="Reset controls").click()
        act = self.run().act(self._act_on_screen())
        defaults = {
            name: spec.text(act.default(name)) if isinstance(spec, Slider) else str(act.default(name))
            for name, spec in act.specs.items()
        }
        deadline = time.monotonic() + LIMIT_SECONDS
        while self.shown_controls() != defaults:
            assert time.monotonic() < deadline, f"the controls did not go back: {self.shown_controls()}"
            self.page.wait_for_timeout(50)

    def sets(self, values: Mapping[str, Any]) -> None:
        """Sets controls of the act on screen. Those that others keep out of reach come after these."""
        assert self.lab is not None
        run = self.run()
        specs = run.act(self._act_on_screen()).specs
        waiting, deadline = dict(values), time.monotonic() + LIMIT_SECONDS
        while waiting:
            ready = [name for name in waiting if self._in_reach(specs[name], waiting[name])]
            if not ready:
                # A limit that a change lifts is lifted by the server's answer.
                assert time.monotonic() < deadline, f"out of reach: {', '.join(waiting)}"
                self.page.wait_for_timeout(50)
                continue
            self._set(specs[ready[0]], waiting.pop(ready[0]))

    def _group(self, spec: Spec) -> Locator:
        return self.controls.get_by_role("group", name=spec.label, exact=True)

    def _in_reach(self, spec: Spec, value: Any) -> bool:
        if isinstance(spec, Slider):
            return self._slider(spec).is_enabled()
        if spec.widget == "radios":
            return self._group(spec).locator(f"input[value='{value}']").is_enabled()
        option = self._select(spec).locator(f"option[value='{value}']")
        return self._select(spec).is_enabled() and option.get_attribute("disabled") is None

    def _slider(self, spec: Slider) -> Locator:
        return self.controls.get_by_role("slider", name=spec.label, exact=True)

    def _select(self, spec: Options) -> Locator:
        return self.controls.get_by_role("combobox", name=spec.label, exact=True)

    def _set(self, spec: Spec, value: Any) -> None:
        if isinstance(spec, Options):
            if spec.widget == "radios":
                self._group(spec).locator(f"input[value='{value}']").check()
            else:
                self._select(spec).select_option(str(value))
            return
        if value not in spec.stops and spec.entry:
            entry = self.controls.get_by_role("spinbutton", name=spec.label)
            entry.fill(f"{value * spec.scale:.10g}")
            entry.press("Enter")
            return
        slider, target = self._slider(spec), spec.nearest(value)
        distance = target - int(slider.input_value())
        if abs(distance) > MOST_KEY_PRESSES:
            slider.fill(str(target))
        else:
            slider.focus()
            for _ in range(abs(distance)):
                slider.press("ArrowRight" if distance > 0 else "ArrowLeft")
        expect(slider).to_have_value(str(target))

    def rests(self) -> None:
        """Leaves the controls alone until the server has stored them."""
        self.page.wait_for_timeout(REST_MS + 300)

    def moves_by_keyboard(self) -> None:
        """Moves the first control that can be moved, with arrow keys; the readouts of the act must follow."""
        assert self.lab is not None
        for spec in self.run().act(self._act_on_screen()).specs.values():
            before = self.readouts()
            if self._nudge(spec):
                try:
                    expect(self.panel.locator(".main")).not_to_have_text(before, timeout=3000)
                except AssertionError:
                    continue  # A control may change nothing at its default; the next one will.
                return
        raise AssertionError("no control changed anything on the page")

    def readouts(self) -> str:
        """The text beside the controls: readouts, captions, tables, banners."""
        return self.panel.locator(".main").inner_text()

    def _nudge(self, spec: Spec) -> bool:
        if isinstance(spec, Slider):
            slider = self._slider(spec)
            if not slider.is_enabled() or slider.get_attribute("max") == "0":
                return False
            slider.focus()
            before = slider.input_value()
            slider.press("ArrowRight")
            if slider.input_value() == before:
                slider.press("ArrowLeft")
            assert slider.input_value() != before
            return True
        if spec.widget == "radios":
            checked = self._group(spec).locator("input:checked")
            checked.focus()
            before = checked.input_value()
            checked.press("ArrowRight")
            return self._group(spec).locator("input:checked").input_value() != before
        select = self._select(spec)
        select.focus()
        before = select.input_value()
        select.press("ArrowDown")
        return select.input_value() != before

    def shown_controls(self) -> dict[str, Any]:
        """Where the controls of the act on screen stand, as the page shows them."""
        assert self.lab is not None
        shown: dict[str, Any] = {}
        for name, spec in self.run().act(self._act_on_screen()).specs.items():
            if isinstance(spec, Slider):
                shown[name] = self._slider(spec).get_attribute("aria-valuetext")
            elif spec.widget == "radios":
                shown[name] = self._group(spec).locator("input:checked").input_value()
            else:
                shown[name] = self._select(spec).input_value()
        return shown

    def opens_all_drawers(self) -> None:
        """Unfolds what is folded on the tab on screen."""
        for drawer in self.panel.locator("details:not([open]) > summary").all():
            drawer.click()

    def stored_controls(self) -> dict[str, Any]:
        """Where the ledger has the controls of the act on screen, in the words of the page."""
        act = self.run().act(self._act_on_screen())
        return {
            name: spec.text(act.values()[name]) if isinstance(spec, Slider) else str(act.values()[name])
            for name, spec in act.specs.items()
        }

    # --- ledger ----------------------------------------------------------------------------------------------

    @property
    def ledger_status(self) -> Locator:
        """What the Ledger tab says about the last action."""
        return self.panel.locator(".ledger > .status")

    def answers_questions(self) -> None:
        """Answers what the Ledger tab asks before saving, always with the first answer."""
        assert self.lab is not None
        for radio in self.lab.questions().values():
            group = self.panel.get_by_role("group", name=radio.question)
            group.get_by_role("radio").first.check()

    def saves(self) -> None:
        """Saves to the ledger and waits until the page says so."""
        self.goes_to("Ledger")
        self.answers_questions()
        self.panel.get_by_role("button", name="Save to ledger").click()
        expect(self.ledger_status).to_have_text("Saved to the ledger.")

    def exports(self, form: str = "JSON") -> str:
        """The text of the exported file."""
        self.goes_to("Ledger")
        with self.page.expect_download() as download:
            self.panel.get_by_role("button", name=f"Export {form}").click()
        return Path(download.value.path()).read_text(encoding="utf-8")

    def exports_json(self) -> dict[str, Any]:
        """The exported file, parsed."""
        return json.loads(self.exports("JSON"))

    def imports(self, name: str, text: str) -> str:
        """Chooses a file to import; returns what the page says about it."""
        self.goes_to("Ledger")
        before = self.ledger_status.inner_text()
        file: FilePayload = {"name": name, "mimeType": "application/octet-stream", "buffer": text.encode()}
        self.panel.locator("input[type=file]").set_input_files(file)
        expect(self.ledger_status).not_to_have_text(before)
        return self.ledger_status.inner_text()

    def starts_over(self) -> None:
        """Clears the lab, in two clicks."""
        self.goes_to("Ledger")
        self.panel.get_by_role("button", name="Start this lab over").click()
        self.panel.get_by_role("button", name="Really start over?").click()
        expect(self.tab("Briefing")).to_have_attribute("aria-selected", "true")
