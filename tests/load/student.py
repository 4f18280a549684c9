"""A student at work: knows of a lab only what its page shows, and sends what its page would send."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.load.protocol import Component, Page


@dataclass
class Done:
    """What a student has done and been answered, for the ledger to be held against."""

    predictions: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    #: Acts in which a control was moved.
    moved: list[str] = field(default_factory=list)
    #: Act to where its controls stood at the end, in the words of the page.
    controls: dict[str, Any] = field(default_factory=dict)
    decisions: dict[str, str] = field(default_factory=dict)
    saved: bool = False


#: Takes an action; returns the seconds from its message to the answer.
Step = Callable[[], Awaitable[float]]


class Student:
    """One student on one page. `latencies` are `(kind of action, seconds)`."""

    def __init__(self, page: Page, seed: int) -> None:
        self.page = page
        self.done = Done()
        self.latencies: list[tuple[str, float]] = []
        self._choose = random.Random(seed)
        self._tabs = 0
        self._act = ""

    def plan(self, actions: int) -> list[tuple[str, Step]]:
        """A whole lab in about so many actions: most of them moves of a control, divided between the acts."""
        fixed = 8
        moves = max(2, actions - fixed)
        first = moves // 2
        return [
            *self._one_act("act1", first),
            *self._one_act("act2", moves - first),
            ("tab", lambda: self._show("ledger")),
            ("save", self._save),
        ]

    def _one_act(self, act: str, moves: int) -> list[tuple[str, Step]]:
        return [
            ("tab", lambda: self._show(act)),
            ("lock", self._lock),
            *[("move", self._move)] * moves,
            ("answer", self._answer),
        ]

    async def act(self, kind: str, step: Step) -> None:
        """Takes one action and notes how long its answer took."""
        self.latencies.append((kind, await step()))

    # --- actions ---------------------------------------------------------------------------------------------

    def _component(self, kind: str) -> Component:
        return self.page.components[kind]

    async def _ask(self, component: Component, message: dict[str, Any], answered: Callable[[], bool]) -> float:
        start = time.perf_counter()
        await self.page.send(component, message)
        await self.page.until(answered)
        return time.perf_counter() - start

    async def _show(self, tab: str) -> float:
        self._tabs += 1
        frame, number = self._component("LabFrame"), self._tabs
        if tab in ("act1", "act2"):
            self._act = tab
        return await self._ask(
            frame,
            {"type": "tab", "value": tab, "sequence": number},
            lambda: frame.data.get("tab_answered", 0) >= number and frame.data.get("active") == tab,
        )

    async def _lock(self) -> float:
        lock = self._component("PredictionLock")
        before = self.page.components.get("ControlPanel")
        if lock.data.get("options"):
            value = self._choose.choice(lock.data["options"])["id"]
        else:
            asked = lock.data["range"]
            steps = int((asked["high"] - asked["low"]) / asked["step"])
            value = asked["low"] + asked["step"] * self._choose.randint(0, steps)
        took = await self._ask(
            lock,
            {"type": "lock", "value": value},
            lambda: bool(lock.data.get("locked")) and self.page.components.get("ControlPanel") is not before,
        )
        self.done.predictions[self._act] = value
        return took

    async def _move(self) -> float:
        panel = self._component("ControlPanel")
        sequence = panel.data.get("acknowledged", 0) + 1
        took = await self._ask(
            panel,
            {"type": "set", **self._some_value(panel), "sequence": sequence},
            lambda: panel.data.get("acknowledged", 0) >= sequence,
        )
        if self._act not in self.done.moved:
            self.done.moved.append(self._act)
        self.done.controls[self._act] = panel.data["values"]
        return took

    def _some_value(self, panel: Component) -> dict[str, Any]:
        """A control that can be moved, and another value for it."""
        limits = panel.data.get("limits", {})
        controls = [spec for spec in panel.data["controls"] if "reason" not in limits.get(spec["name"], {})]
        for spec in self._choose.sample(controls, len(controls)):
            name, stands = spec["name"], panel.data["values"][spec["name"]]
            if spec["kind"] == "slider":
                stops = [index for index in range(len(spec["stops"])) if index != stands["index"]]
                if stops:
                    return {"name": name, "index": self._choose.choice(stops)}
            else:
                refused = limits.get(name, {}).get("options", {})
                options = [option["id"] for option in spec["options"] if option["id"] not in refused]
                if others := [option for option in options if option != stands["option"]]:
                    return {"name": name, "option": self._choose.choice(others)}
        raise AssertionError("no control can be moved")

    async def _answer(self) -> float:
        reflection = self._component("Reflection")
        value = self._choose.choice(reflection.data["options"])["id"]
        took = await self._ask(
            reflection, {"type": "answer", "value": value}, lambda: reflection.data.get("chosen") == value
        )
        self.done.answers[self._act] = value
        return took

    async def _save(self) -> float:
        """Answers what the Ledger tab asks, and saves; the time is that of saving."""
        panel = self._component("LedgerPanel")
        for question in list(panel.data.get("questions", [])):
            value = question["options"][0]["id"]
            await self._ask(
                panel,
                {"type": "decide", "name": question["id"], "value": value},
                lambda question=question, value=value: any(
                    one["id"] == question["id"] and one["chosen"] == value for one in panel.data["questions"]
                ),
            )
            self.done.decisions[question["id"]] = value
        took = await self._ask(panel, {"type": "save"}, lambda: panel.data.get("notice") == "Saved to the ledger.")
        self.done.saved = True
        return took
