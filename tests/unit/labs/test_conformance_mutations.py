"""The robot can fail: a toy lab with one thing broken is reported, by the rule that it breaks and for that reason."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import toy_lab
from toy_lab import Estimate, Move, Plan, ToyLab

from components.controls import choice, slider, stops
from components.instruments.layers import Axis, Labels
from components.instruments.registry import INSTRUMENTS, Introduction
from components.metrics import Metric
from labs import conformance_run
from labs.base import Constraint, Context, Failure, Message, NumberPrediction, Option, Peek, Question, Radio
from labs.conformance import RULES, check_lab, check_labs
from labs.content import ChoicePrediction, Gap
from labs.lab import Lab


def toy(act1: Mapping[str, Any] | None = None, act2: Mapping[str, Any] | None = None, **changes: Any) -> type[Lab]:
    """The toy lab with other members in its acts or in itself."""
    acts = (
        type("Act1", (Estimate,), {"__module__": toy_lab.__name__, **(act1 or {})}),
        type("Act2", (Plan,), {"__module__": toy_lab.__name__, **(act2 or {})}),
    )
    return type("BrokenLab", (ToyLab,), {"__module__": toy_lab.__name__, "acts": acts, **changes})


def first(**changes: Any) -> type[Lab]:
    """Act I changed."""
    return toy(act1=changes)


def second(**changes: Any) -> type[Lab]:
    """Act II changed."""
    return toy(act2=changes)


@pytest.mark.parametrize("number", RULES)
def test_a_good_lab_keeps_every_rule(number: int) -> None:
    report = check_lab(ToyLab, [number])
    assert report.passed, str(report)
    assert str(report) == "V1-03 lab_03_toy: keeps every rule"


# --- members that are broken ------------------------------------------------------------------------------


def asks(**changes: Any) -> Callable[[Any], ChoicePrediction]:
    """Act I's prediction with other attributes."""
    return lambda act: replace(Estimate.prediction(act), **changes)


def options(*letters: str, **changes: Any) -> Callable[[Any], ChoicePrediction]:
    """Act I's prediction in which the options with these letters differ."""

    def prediction(act: Any) -> ChoicePrediction:
        asked = Estimate.prediction(act)
        changed = tuple(replace(o, **changes) if o.id in letters else o for o in asked.options)
        return replace(asked, options=changed)

    return prediction


def number_asks(**changes: Any) -> Callable[[Any], NumberPrediction]:
    """Act II's prediction with other attributes."""
    return lambda act: replace(Plan.prediction(act), **changes)


def reflects(**changes: Any) -> Callable[[Any], Question]:
    """Act I's reflection in which option B differs."""

    def reflection(act: Any) -> Question:
        asked = Estimate.reflection(act)
        return replace(asked, options=tuple(replace(o, **changes) if o.id == "B" else o for o in asked.options))

    return reflection


def right_is_b(act: Any) -> ChoicePrediction:
    asked = Estimate.prediction(act)
    return replace(asked, options=tuple(replace(o, correct=o.id == "B") for o in asked.options))


class FiveOptions(Question):
    """A question that forgot to count."""

    def __post_init__(self) -> None:
        pass


def five_options(act: Any) -> Question:
    asked = Estimate.reflection(act)
    return FiveOptions(asked.question, (*asked.options, Option("E", "More", "More is more.")))


class WrongGap(ChoicePrediction):
    def gap(self, chosen: str) -> Gap:
        shown = super().gap(chosen)
        return replace(shown, text="about right", amount=1.0)


class WrongVerdict(NumberPrediction):
    def gap(self, value: float) -> Gap:
        return replace(super().gap(value), correct=True)


def wrong_gap(act: Any) -> ChoicePrediction:
    asked = Estimate.prediction(act)
    return WrongGap(asked.question, asked.options, asked.actual, asked.form, asked.why)


def wrong_verdict(act: Any) -> NumberPrediction:
    asked = Plan.prediction(act)
    return WrongVerdict(
        asked.question,
        asked.low,
        asked.high,
        asked.step,
        asked.unit,
        asked.actual,
        asked.tolerance,
        asked.feedback,
        "So.",
    )


def ungated(self: Lab, key: str, name: str, value: Any) -> None:
    self.act(key).set(name, value)
    if self.state.endswith("_explore") or self.state.endswith("_reflect"):
        self._moved(key)


def relock(self: Lab, key: str, value: Any) -> None:
    if key in self.predictions:
        self.predictions[key] = value
    else:
        Lab.lock(self, key, value)


def leap(self: Lab, key: str, value: Any) -> None:
    Lab.lock(self, key, value)
    self.state = f"{key}_reflect"


def takes_anything(self: Lab, key: str, value: Any) -> bool:
    prediction = self.act(key).prediction()
    if isinstance(prediction, NumberPrediction):
        return isinstance(value, float | int) and prediction.correct(value)
    return prediction.option(value).correct


def toggle_counts(self: Lab, context: str) -> None:
    Lab.set_context(self, context)
    self.constraint_hit = self.state.startswith("act2")


def forgets(self: Lab, moved: bool) -> None:
    Lab._watch_failures(self, moved)
    self.constraint_hit = moved and bool(self._failing_now())


def ignores_context(context: str, **controls: Any) -> Move:
    return Plan.compute("cloud", **controls)


def always(**changes: Any) -> Callable[[Any], tuple[Failure, ...]]:
    """Act II's failure with other attributes."""
    return lambda act: tuple(replace(failure, **changes) for failure in Plan.failures(act))


def from_nowhere(act: Any, outcome: Any) -> dict[str, Any]:
    return {"terms": replace(Estimate.plots(act, outcome)["terms"], instrument="")}


def from_the_future(act: Any, outcome: Any) -> dict[str, Any]:
    return {"terms": replace(Estimate.plots(act, outcome)["terms"], instrument="of_volume_two")}


def unknown_field(lab: Lab) -> dict[str, Any]:
    return {**ToyLab.extras(lab), "mood": "good"}


def wrong_type(lab: Lab) -> dict[str, Any]:
    return {**ToyLab.extras(lab), "psi_threshold": "high"}


def half_the_progress(lab: Lab) -> dict[str, Any]:
    return {**Lab.progress(lab), "controls": {}}


def latest_prediction(lab: Lab) -> dict[str, Any]:
    value = lab.ledger_value("act1", lab.predictions["act1"])
    return {**Lab.design(lab), "act1_prediction": value}


def trusting(lab: Lab) -> None:
    entry = lab.ledger.get(2, 1)
    lab.read("ch02", "context")
    lab.read("ch02", "act2_result")
    if entry is not None:
        lab.start_in("cloud" if entry["context"] == "cloud" else "mobile", "Lab 02")


def unclamped(lab: Lab) -> None:
    ToyLab.open(lab)
    copies = lab.read("ch02", "act2_result")
    if copies is not None:
        lab.act2.param.update(copies=copies * 10)


def unsaid(lab: Lab) -> None:
    ToyLab.open(lab)
    if lab.read("ch02", "act2_result") is not None:
        lab.act2.preset("copies", 3, "Lab 99")


def silent(lab: Lab) -> None:
    lab.read("ch02", "context")


MUTE = {"from_ledger": lambda act: ""}


def counts_nothing(self: Lab) -> None:
    self.context, self.state = self.contexts[0].id, "briefing"
    self._begin()
    self.open()


def shows(value: str) -> Callable[[Any, Any], list[Metric]]:
    return lambda act, outcome: [Metric("Move", value, "days")]


def bursts(context: str, *, link_bytes_s: float) -> Move:
    if link_bytes_s == 1e8:
        raise ZeroDivisionError("at the last stop")
    return Estimate.compute(context, link_bytes_s=link_bytes_s)


def growing(act: Any, outcome: Any) -> dict[str, Any]:
    plot = Estimate.plots(act, outcome)["terms"]
    more = tuple(Labels(x=0, y=0, text="x") for _ in range(int(4 * math.log10(outcome.wire_s))))
    return {"terms": replace(plot, layers=(*plot.layers, *more))}


def renamed(act: Any, outcome: Any) -> dict[str, Any]:
    return {f"terms {outcome.days > 30}": Estimate.plots(act, outcome)["terms"]}


def flat(act: Any, outcome: Any) -> dict[str, Any]:
    return {"terms": replace(Estimate.plots(act, outcome)["terms"], x=Axis("", 0, 0))}


def captioned(text: str) -> Callable[[Any, Any], dict[str, Any]]:
    return lambda act, outcome: {"terms": replace(Estimate.plots(act, outcome)["terms"], caption=text)}


_ticks = itertools.count()


def restless(context: str, *, link_bytes_s: float) -> Move:
    return replace(Estimate.compute(context, link_bytes_s=link_bytes_s), copies=float(next(_ticks)))


@dataclass
class Mutable:
    days: float
    wire_s: float = 1.0
    wait_s: float = 1.0


def thawed(context: str, *, link_bytes_s: float) -> Mutable:
    return Mutable(link_bytes_s if context == "cloud" else 2.0)


def other_evaluate(cls: type, context: str | None = None, **controls: Any) -> dict[str, Any]:
    return {**super(Estimate, cls).evaluate(context, **controls), "days": 1.0}


def reason(text: str) -> Any:
    return slider("Copies", 1, 4, 1, 1, unit="copies", reason=text)


def per_context(text: str) -> Callable[[Any], Question]:
    def reflection(act: Any) -> Question:
        return replace(Estimate.reflection(act), question=f"{text} in {act.context}?")

    return reflection


CASES: list[tuple[int, str, str, type[Lab]]] = [
    # rule, what the finding must say, name of the case, lab
    (1, "act2 takes 30 minutes", "long act", second(minutes=30)),
    (1, "act1 takes 5 minutes", "short act", first(minutes=5)),
    (1, "title", "no title", first(title="")),
    (1, "invariant is empty", "no invariant", toy(invariant=" ")),
    (1, "invariant has markup ($)", "formula on a card", toy(invariant="It grows as $n^2$.")),
    (1, "lacks a message", "no message", first(message=lambda act: Message("", ""))),
    (2, "could be moved", "controls before the lock", toy(set_control=ungated)),
    (2, "a second time", "second lock", toy(lock=relock)),
    (2, "states", "states out of order", toy(lock=leap)),
    (2, "as a prediction", "entry out of bounds", toy(_judge=takes_anything)),
    (2, "outside the entry's range", "actual out of reach", second(prediction=number_asks(high=1.0))),
    (2, "no entry on the step's grid", "coarse step", second(prediction=number_asks(step=9.9, tolerance=0.001))),
    (2, "finite numbers", "no finite range", second(prediction=number_asks(high=math.inf))),
    (2, "options have a value", "half of the values", first(prediction=options("A", value=None, gap="nothing at all"))),
    (2, "changes with context", "another question per context", first(
        prediction=lambda act: replace(Estimate.prediction(act), question=f"In {act.context}?"))),
    (3, "gap is 1.0", "wrong gap", first(prediction=wrong_gap)),
    (3, "counts as right", "wrong verdict", second(prediction=wrong_verdict)),
    (3, "nearest", "wrong option is right", first(prediction=right_is_b)),
    (3, "a number that is none", "nan in the overlay", first(prediction=asks(form=lambda days: f"{days * math.nan}"))),
    (3, "predicted reads 'long'", "no number", first(prediction=asks(form=lambda days: "long"))),
    (4, "no red banner", "breaking does not break", toy(breaking=lambda lab, context: {"link_bytes_s": 1e8})),
    (4, "None in every context", "nothing breaks", toy(breaking=lambda lab, context: None)),
    (4, "cannot be done", "breaking names no control", toy(breaking=lambda lab, context: {"speed": 3})),
    (4, "between two stops", "solution off the stops", toy(solution=lambda lab, context: {"link_bytes_s": 9.8e7})),
    (4, "breaks Move", "solution does not solve", toy(solution=lambda lab, context: {"copies": 2})),
    (4, "solves the challenge", "solvable after all", toy(solution=lambda lab, context: None)),
    (4, "the defaults solve", "solved from the start", second(constraints=lambda act: (
        Constraint("Copies ≥ 1", lambda o: o.copies >= 1), Constraint("Days ≥ 0", lambda o: o.days >= 0)))),
    (4, "badges", "one badge", second(constraints=lambda act: Plan.constraints(act)[:1])),
    (4, "no challenge text", "no challenge", second(challenge=lambda act: "")),
    (4, "no number", "banner without numbers", second(failures=always(text=lambda o: "It is late."))),
    (4, "no reversal", "no way back", second(failures=always(when=lambda o: True))),
    (4, "different ids", "failures of one name", second(failures=lambda act: Plan.failures(act) * 2)),
    (4, "toggle alone", "toggle counts", toy(set_context=toggle_counts)),
    (4, "went back to false", "cliff forgotten", toy(_watch_failures=forgets)),
    (5, "same default outcome", "contexts without effect", second(compute=staticmethod(ignores_context))),
    (5, "contexts", "contexts of another lab", toy(contexts=(ToyLab.contexts[0], Context("edge", "Edge", "edge")))),
    (5, "regime", "no regime", toy(contexts=(ToyLab.contexts[0], Context("mobile", "Mobile", "phone")))),
    (6, "no registered instrument", "plot from nowhere", first(plots=from_nowhere)),
    (6, "introduced in V2-01", "plot from the future", first(plots=from_the_future)),
    (6, "no instrument", "no plots", second(plots=lambda act, outcome: {})),
    (7, "constants is empty", "no constants", toy(constants=())),
    (7, "not listed", "constant not listed", toy(constants=ToyLab.constants[1:])),
    (7, "twice", "constant listed twice", toy(constants=(*ToyLab.constants, ToyLab.constants[0]))),
    (7, "among the constants", "a bare number", toy(constants=(*ToyLab.constants, 7))),
    (7, "its reason", "range without reason", second(copies=reason(""))),
    (7, "between two stops", "default off the stops", second(
        copies=slider("Copies", 1, 4, 1, 1.5, reason="one to four"))),
    (7, "both read", "stops that look alike", second(
        copies=stops("Copies", (1, 2, 3), 1, reason="one to three", text=lambda value: "some"))),
    (7, "exponent form", "range in Python's form", second(
        copies=stops("Copies", (1.0, 2e9), 1.0, reason="one to many", text=lambda value: f"{value:g}"))),
    (7, "one value", "nothing to choose", second(copies=choice("Copies", {1: "one"}, 1, reason="there is only one"))),
    (8, "which is no formula", "unknown formula", first(peek=lambda act: Peek(("perpetual_motion",)))),
    (8, "never calls it", "formula for show", first(peek=lambda act: Peek(("young_interval",)))),
    (8, "is empty", "empty peek", first(peek=lambda act: Peek(()))),
    (8, "changes with context", "peek per context", first(
        peek=lambda act: Peek(("transfer_time",), f"In {act.context}."))),
    (9, "no feedback to B", "no feedback", first(reflection=reflects(feedback=" "))),
    (9, "same feedback", "feedback twice", first(reflection=reflects(feedback="Then rate would not matter."))),
    (9, "ends in", "half a sentence", first(reflection=reflects(feedback="The wait does not know, and"))),
    (9, "a number that is none", "nan in feedback", first(reflection=reflects(feedback="It takes nan days."))),
    (9, "no feedback to A", "prediction without feedback", first(prediction=options("A", feedback=""))),
    (9, "same text", "option twice", first(reflection=reflects(text="Nothing"))),
    (9, "5 options", "five options", first(reflection=five_options)),
    (9, "right and wrong entries", "one feedback for all", second(
        prediction=number_asks(feedback=lambda value: "So it is."))),
    (9, "changes with context", "reflection per context", first(reflection=per_context("What changes"))),
    (10, "mood", "field of no contract", toy(extras=unknown_field)),
    (10, "differ from the contract", "extras left out", toy(extras=lambda lab: {})),
    (10, "psi_threshold", "field of the wrong type", toy(extras=wrong_type)),
    (10, "act2_decision", "decision of no contract", toy(decision=lambda lab: "shrug")),
    (10, "it offers", "radio of no contract", toy(decision_radio=Radio("What now?", {"psi_alarm": "alarm"}))),
    (10, "controls of act", "reload loses controls", toy(progress=half_the_progress)),
    (10, "second attempt changed", "first prediction lost", toy(design=latest_prediction)),
    (10, "attempt 1", "attempts not counted", toy(start_over=counts_nothing)),
    (10, "comes later", "reads the future", toy(reads=(*ToyLab.reads, ("ch04", "context")))),
    (10, "no lab saves", "reads no field", toy(reads=(*ToyLab.reads, ("ch02", "mood")))),
    (10, "never reads it", "declares too much", toy(reads=(*ToyLab.reads, ("ch01", "context")))),
    (10, "without declaring it", "declares too little", toy(reads=(("ch02", "context"),))),
    (10, "KeyError", "trusts the ledger", toy(open=trusting)),
    (10, "out of range", "preset out of range", toy(open=unclamped)),
    (10, "no text says so", "preset in silence", toy(open=unsaid)),
    (10, "the screen is the same", "reads in silence", toy(MUTE, MUTE, open=silent)),
    (11, "readout 'Move'", "nan in a readout", first(metrics=shows("nan"))),
    (11, "readout 'Move'", "None in a readout", second(metrics=shows("None"))),
    (11, "exponent form", "Python's numbers", first(metrics=shows("1e+06"))),
    (11, "unrounded", "unrounded numbers", first(metrics=shows("0.30000000000000004"))),
    (11, "a brace", "placeholder left", first(plots=captioned("{outcome.days} days"))),
    (11, "no title or no caption", "no caption", first(plots=captioned(""))),
    (11, "ZeroDivisionError at test_conformance", "a stop that bursts", first(compute=staticmethod(bursts))),
    (11, "number of layers varies", "layers that come and go", first(plots=growing)),
    (11, "always", "plots that come and go", first(plots=renamed)),
    (11, "axis runs from 0 to 0", "empty axis", first(plots=flat)),
    (11, "not one of the theme's", "unknown colour", first(
        plots=lambda act, outcome: {"terms": replace(Estimate.plots(act, outcome)["terms"], key=(("a", "pink"),))})),
    (12, "another outcome", "compute with a memory", first(compute=staticmethod(restless))),
    (12, "frozen dataclass", "outcome that can change", first(
        compute=staticmethod(thawed), plots=lambda act, outcome: {}, metrics=shows("1"))),
    (12, "does not lead back", "link without controls", toy(address=lambda lab: {"context": lab.context})),
    (12, "evaluate() and the page differ", "two computations", first(evaluate=classmethod(other_evaluate))),
    (12, "limits() names", "limit of no control", second(limits=lambda act: {"speed": "too fast"})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "says", "lab"), [pytest.param(n, says, lab, id=f"rule{n}-{name}") for n, says, name, lab in CASES]
)
def test_a_broken_lab_is_reported(number: int, says: str, lab: type[Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(INSTRUMENTS, "of_volume_two", Introduction(2, 1))
    monkeypatch.setattr(conformance_run, "JOINT_STATES", 30)
    report = check_lab(lab, [number])
    assert not report.passed, f"rule {number} did not notice"
    assert any(says in str(finding) for finding in report.findings), f"no finding says {says!r}:\n{report}"


def test_slow_computation_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance_run, "COMPUTE_S", 0.0)
    assert "computes for" in str(check_lab(ToyLab, [11]))


def test_every_rule_has_a_case_that_breaks_it() -> None:
    assert {number for number, *_ in CASES} == set(RULES)


def test_a_report_says_what_is_right_and_lists_no_flood() -> None:
    lab = toy(act1={"minutes": 3, "title": "", "reflection": reflects(feedback="")}, act2={"minutes": 3, "title": ""})
    good, bad = check_labs([ToyLab, lab], [1, 9])
    assert good.passed
    assert not bad.passed
    text = str(bad)
    assert "V1-03 lab_03_toy: " in text
    assert "rule 1 (two acts in 35 to 40 minutes)" in text
    assert "right: 12 to 15" in text
    assert max(sum(finding.rule == number for finding in bad.findings) for number in RULES) <= 9
