"""What every lab of the course must keep to, checked by walking the student robot through it.

`check_lab` drives a lab through its public methods on a ledger in memory and reports what breaks a rule. One
function per rule; each yields what it found and what would be right. Rules 1 to 10 are the course's; 11 and 12
hold what a student can do at every stop of every control.
"""

from __future__ import annotations

import ast
import inspect
import math
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from components.controls import ControlError, Slider
from components.instruments.registry import INSTRUMENTS
from components.text import mathml
from labs import robot
from labs.act import Act
from labs.content import ChoicePrediction, NumberPrediction, Question
from labs.lab import Lab, LabError
from labs.states import STATES
from ledger import CONTRACT, KEYS, DesignError, validate_design
from mlsysim.core import constants as course_constants
from mlsysim.core.provenance import Constant
from mlsysim.physics import FORMULAS

#: States with all controls moved, per act and context.
JOINT_STATES = 300
#: States sampled to believe that no design passes; all of them where there are fewer.
HOPELESS_STATES = 2000
#: A plot may turn a label around or drop one: this many drawings per plot, context and prediction. Each change
#: between them is a new drawing (100 ms) where columns alone would take 1 ms.
DRAWINGS_PER_PLOT = 4
#: `compute` runs on every step of a drag: its median over the states may take this long (s).
COMPUTE_S = 0.02
#: Findings of one rule that are listed; the rest are counted.
LISTED = 8

MINUTES = {"act1": (12, 15), "act2": (20, 25)}
MINUTES_IN_ALL = (35, 40)

#: What was found, and what would be right.
Found = tuple[str, str]


@dataclass(frozen=True)
class Finding:
    """One breach of a rule."""

    rule: int
    found: str
    right: str

    def __str__(self) -> str:
        return f"rule {self.rule} ({RULES[self.rule].title}): {self.found}\n    right: {self.right}"


@dataclass(frozen=True)
class Report:
    """What the robot found in one lab."""

    lab: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the lab keeps every rule that was checked."""
        return not self.findings

    def __str__(self) -> str:
        if self.passed:
            return f"{self.lab}: keeps every rule"
        lines = "".join(f"\n  {finding}" for finding in self.findings)
        return f"{self.lab}: {len(self.findings)} finding{'s' if len(self.findings) > 1 else ''}{lines}"


@dataclass(frozen=True)
class Rule:
    """One rule: a title, and what looks for breaches."""

    title: str
    check: Callable[[type[Lab]], Iterator[Found]]


RULES: dict[int, Rule] = {}


def rule(number: int, title: str) -> Callable[[Callable[[type[Lab]], Iterator[Found]]], Any]:
    def register(check: Callable[[type[Lab]], Iterator[Found]]) -> Any:
        RULES[number] = Rule(title, check)
        return check

    return register


def check_lab(lab: type[Lab], rules: Iterable[int] | None = None) -> Report:
    """Every breach of the rules (all by default) in a lab. A rule that the lab makes crash is a breach of it."""
    findings: list[Finding] = []
    for number in RULES if rules is None else rules:
        found: dict[str, str] = {}
        try:
            for what, right in RULES[number].check(lab):
                found.setdefault(what, right)
        except Exception as problem:
            where = _place_of(problem, lab)
            found[f"{type(problem).__name__} at {where}: {problem}"] = "the robot walks through without an error"
        listed = list(found.items())
        if len(listed) > LISTED:
            listed[LISTED:] = [(f"{len(listed) - LISTED} findings more of this rule", "see those above first")]
        findings += [Finding(number, what, right) for what, right in listed]
    return Report(f"V{lab.volume}-{lab.number:02d} {lab.slug}", tuple(findings))


def check_labs(labs: Iterable[type[Lab]], rules: Iterable[int] | None = None) -> list[Report]:
    """A report for every lab."""
    chosen = None if rules is None else tuple(rules)
    return [check_lab(lab, chosen) for lab in labs]


def _place_of(problem: Exception, lab: type[Lab]) -> str:
    """The innermost line of the lab's own file that the error passed through; else where it was raised."""
    path = sys.modules[lab.__module__].__file__
    trace, place = problem.__traceback__, ""
    while trace is not None:
        file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        if file == path or trace.tb_next is None and not place:
            place = f"{file.rpartition('/')[2]}:{line}"
        trace = trace.tb_next
    return place


# --- the rules ------------------------------------------------------------------------------------------


@rule(1, "two acts in 35 to 40 minutes")
def two_acts(lab: type[Lab]) -> Iterator[Found]:
    if len(lab.acts) != 2 or len(set(lab.acts)) != 2:
        yield f"it has the acts {[act.__name__ for act in lab.acts]}", "two different acts"
        return
    for key, act in zip(robot.ACTS, lab.acts, strict=True):
        low, high = MINUTES[key]
        if not low <= act.minutes <= high:
            yield f"{key} takes {act.minutes} minutes", f"{low} to {high}"
        if not act.title:
            yield f"{key} has no title", "a title of a few words"
    if not MINUTES_IN_ALL[0] <= lab.minutes() <= MINUTES_IN_ALL[1]:
        yield f"both acts take {lab.minutes()} minutes", "{} to {}".format(*MINUTES_IN_ALL)
    for name in ("title", "question", "invariant", "chapter", "briefing", "assumptions"):
        if not getattr(lab, name).strip():
            yield f"{name} is empty", "a text: it is shown in the header, the briefing or the drawer"
    for context in lab.contexts:
        run = robot.opened(lab, "briefing", context.id)
        for act in (run.act1, run.act2):
            message = act.message()
            if not (message.role.strip() and message.text.strip() and act.concept().strip()):
                yield f"{act.key} in {context.id} lacks a message or a concept", "what a stakeholder asks, what to know"


@rule(2, "predict first: four options with one right, or a bounded number, locked once")
def predict_first(lab: type[Lab]) -> Iterator[Found]:
    yield from _forward_only(lab)
    run = robot.opened(lab, "act1_predict")
    yield from _refused(run, "act1_predict")
    yield from _refused(robot.opened(lab, "act2_predict"), "act2_predict")
    for act in (run.act1, run.act2):
        yield from _sound_prediction(act)
        yield from _same_in_every_state(lab, act.key, "prediction", _shown_prediction)


def _forward_only(lab: type[Lab]) -> Iterator[Found]:
    run = lab(robot.memory_ledger())
    passed = list(dict.fromkeys(robot.steps(run)))
    if passed != list(STATES):
        yield f"the robot passed the states {', '.join(passed)}", f"{', '.join(STATES)}, in this order"
    if run.state != STATES[-1]:
        yield f"after saving the state is {run.state}", STATES[-1]
    for key in robot.ACTS:
        before = dict(run.predictions)
        if _accepted(lambda key=key: run.lock(key, robot.some_entry(run.act(key), 1))) or run.predictions != before:
            yield f"the prediction of {key} could be locked a second time", "a locked prediction stays"


def _refused(run: Lab, state: str) -> Iterator[Found]:
    """What must not be possible before the prediction of an act is locked."""
    key = state[:4]
    act = run.act(key)
    before = act.values()
    for name, spec in act.specs.items():
        other = next((value for value in spec.values() if value != before[name]), before[name])
        if _accepted(lambda name=name, other=other: run.set_control(key, name, other)) or act.values() != before:
            yield f"control {name} of {key} could be moved in state {run.state}", "controls come with the lock"
    reflection = act.reflection().options[0].id
    if _accepted(lambda: run.answer(key, reflection)):
        yield f"the reflection of {key} could be answered in state {run.state}", "it opens after a control was moved"
    prediction = act.prediction()
    wrong: list[Any] = ["no option", None, True]
    if isinstance(prediction, NumberPrediction):
        beyond = prediction.high - prediction.low
        wrong += [prediction.low - beyond, prediction.high + beyond, math.nan, math.inf, "A"]
    for value in wrong:
        if _accepted(lambda value=value: run.lock(key, value)):
            yield f"{key} took {value!r} as a prediction", "one of its options, or a number in its range"
            return
    if run.state != state:
        yield f"refused steps moved the lab from {state} to {run.state}", "a refused step changes nothing"


def _accepted(step: Callable[[], Any]) -> bool:
    try:
        step()
    except (LabError, ControlError, ValueError):
        return False
    return True


def _sound_prediction(act: Act) -> Iterator[Found]:
    prediction = act.prediction()
    if not prediction.question.strip():
        yield f"{act.key} asks nothing", "a question"
    if isinstance(prediction, NumberPrediction):
        ends = (prediction.low, prediction.high, prediction.step, prediction.actual, prediction.tolerance)
        if not all(map(math.isfinite, ends)) or not prediction.low < prediction.high:
            yield f"{act.key}: low, high, step, actual, tolerance are {ends}", "finite numbers, low below high"
        elif not prediction.low <= prediction.actual <= prediction.high:
            yield f"{act.key}: the model's {prediction.actual:g} lies outside the entry's range", "inside"
        elif not 0 < prediction.step <= (prediction.high - prediction.low) / 2 or prediction.tolerance <= 0:
            yield f"{act.key}: step {prediction.step:g}, tolerance {prediction.tolerance:g}", "both positive"
        elif not any(prediction.correct(value) for value in _grid(prediction)):
            yield f"{act.key}: no entry on the step's grid is right", "a step finer than the tolerance"
        return
    if not isinstance(prediction, ChoicePrediction):
        yield f"{act.key} predicts by a {type(prediction).__name__}", "ChoicePrediction or NumberPrediction"
        return
    yield from _four_options(f"the prediction of {act.key}", prediction)
    valued = [option for option in prediction.options if option.value is not None]
    if valued and len(valued) < 4:
        yield f"{act.key}: only {len(valued)} options have a value", "all four or none"
    shown = act.lab.options_in_order(prediction)
    if sorted(option.id for option in shown) != sorted(option.id for option in prediction.options):
        yield f"{act.key} shows the options {[option.id for option in shown]}", "all four of them"


def _grid(prediction: NumberPrediction) -> Iterator[float]:
    steps = math.floor((prediction.high - prediction.low) / prediction.step * (1 + 1e-9))
    nearest = round((prediction.actual - prediction.low) / prediction.step)
    for k in range(max(0, nearest - 2), min(steps, nearest + 2) + 1):
        yield prediction.low + k * prediction.step


def _four_options(place: str, question: Question) -> Iterator[Found]:
    options = question.options
    right = [option.id for option in options if option.correct]
    if len(options) != 4 or len(right) != 1:
        yield f"{place} has {len(options)} options, right: {right}", "4 options, 1 right"
    if len({option.text.strip() for option in options} - {""}) != len(options):
        yield f"{place} has an empty option or two with the same text", "four different texts"


def _shown_prediction(act: Act) -> Any:
    prediction = act.prediction()
    if isinstance(prediction, NumberPrediction):
        head: tuple[Any, ...] = (prediction.low, prediction.high, prediction.step, prediction.unit)
    else:
        head = tuple((option.id, option.text, option.value, option.correct) for option in prediction.options)
    gaps = tuple(prediction.gap(entry) for entry in robot.entries_to_try(prediction))
    return (prediction.question, prediction.actual, head, gaps)


def _same_in_every_state(lab: type[Lab], key: str, name: str, shown: Callable[[Act], Any]) -> Iterator[Found]:
    """The page builds questions, overlay and peek once: they must not hang on context or controls."""
    run = robot.opened(lab, "saved")
    first = shown(run.act(key))
    for context in lab.contexts:
        run.set_context(context.id)
        for state in ("the default", *robot.joint_moves(run.act(key), 6)):
            if not robot.same(shown(run.act(key)), first):
                yield (
                    f"the {name} of {key} changes with context or controls ({context.id}, {state})",
                    "the same for every state: it is on the page already when context and controls move",
                )
                return


@rule(3, "the overlay shows predicted, actual, and their exact ratio or difference")
def overlay(lab: type[Lab]) -> Iterator[Found]:
    run = robot.opened(lab, "briefing")
    for act in (run.act1, run.act2):
        prediction = act.prediction()
        for entry in robot.entries_to_try(prediction):
            for what, right in _overlay_of(prediction, entry):
                yield f"{act.key}, prediction {entry}: {what}", right
        if isinstance(prediction, ChoicePrediction):
            yield from _nearest_is_right(act.key, prediction)


def _overlay_of(prediction: ChoicePrediction | NumberPrediction, entry: Any) -> Iterator[Found]:
    gap = prediction.gap(entry)
    for name in ("predicted", "actual", "text", "why"):
        text = getattr(gap, name)
        if not str(text).strip():
            yield f"{name} is empty", "what was predicted, what the model gives, the gap, and why"
        if problem := robot.flaw(text):
            yield f"{name} shows {problem}", "a number with its unit"
    predicted: float | None
    if isinstance(prediction, NumberPrediction):
        predicted = float(entry)
        slack = prediction.tolerance * (1.0 if prediction.absolute else abs(prediction.actual))
        right = abs(predicted - prediction.actual) <= slack * (1 + 1e-9)
        difference = prediction.absolute
    else:
        option = next(option for option in prediction.options if option.id == entry)
        predicted, right, difference = option.value, option.correct, prediction.difference
        if option.gap:
            if predicted is not None:
                yield "it has a value and a gap in words", "the ratio is computed where there is a value"
            return
        if predicted is None:
            yield "it has neither a value nor a gap", "one of them"
            return
    if gap.correct != right:
        yield f"it counts as {'right' if gap.correct else 'wrong'}", "right" if right else "wrong"
    actual = prediction.actual
    if difference or predicted <= 0 or actual <= 0:
        amount, shown = abs(predicted - actual), prediction.form(abs(predicted - actual))
    else:
        amount = predicted / actual if predicted > actual else actual / predicted
        shown = f"{amount:.{2 if amount < 10 else 1}f} times"
    if gap.amount is None or not math.isclose(gap.amount, amount, rel_tol=1e-9, abs_tol=1e-300):
        yield f"the gap is {gap.amount}", f"{amount:g}"
    if gap.text != shown:
        yield f"the gap reads {gap.text!r}", repr(shown)
    for name, value in (("predicted", predicted), ("actual", actual)):
        if getattr(gap, name) != prediction.form(value) or not re.search(r"[\d∞]", getattr(gap, name)):
            yield f"{name} reads {getattr(gap, name)!r}", f"the number {value:g} with its unit"


def _nearest_is_right(key: str, prediction: ChoicePrediction) -> Iterator[Found]:
    valued = [option for option in prediction.options if option.value is not None]
    if not valued:
        return
    if not math.isfinite(prediction.actual):
        yield f"{key}: the model gives {prediction.actual}", "a finite number, where options have values"
        return

    def distance(value: float) -> float:
        if value > 0 and prediction.actual > 0 and not prediction.difference:
            return abs(math.log(value / prediction.actual))
        return abs(value - prediction.actual)

    if all(option.value > 0 for option in valued) or prediction.difference or prediction.actual <= 0:
        nearest = min(valued, key=lambda option: distance(option.value))
    else:
        nearest = min(valued, key=lambda option: abs(option.value - prediction.actual))
    if not nearest.correct:
        yield (
            f"{key}: option {nearest.id} ({nearest.value:g}) is nearest to the model's {prediction.actual:g}, "
            "but is not the right one",
            "the option nearest to what the model gives",
        )


@rule(4, "a failure that can be triggered and reversed, a challenge that can be solved")
def failure_and_challenge(lab: type[Lab]) -> Iterator[Found]:
    breakable = False
    for context in lab.contexts:
        yield from _badges(lab, context.id)
        breaking = robot.opened(lab).breaking(context.id)
        if breaking is not None:
            breakable = True
            yield from _breaks_and_heals(lab, context.id, breaking)
        yield from _solvable(lab, context.id)
        yield from _cliff_counts_rightly(lab, context.id)
    if not breakable:
        yield "breaking() is None in every context", "at least one failure of Act II that its controls can trigger"


def _badges(lab: type[Lab], context: str) -> Iterator[Found]:
    act = robot.opened(lab, context=context).act2
    if not 2 <= len(act.constraints()) <= 4:
        yield f"{context}: {len(act.constraints())} badges", "2 to 4 constraints"
    if not act.challenge().strip():
        yield f"{context}: no challenge text", "what to achieve with the controls"
    ids = [failure.id for failure in act.failures()]
    if len(set(ids)) != len(ids) or not all(failure.title.strip() for failure in act.failures()):
        yield f"{context}: failures {ids}", "different ids, a title each"


def _apply(run: Lab, context: str, method: str, moves: Mapping[str, Any]) -> Iterator[Found]:
    for name, value in moves.items():
        try:
            run.set_control("act2", name, value)
        except (LabError, ControlError) as problem:
            yield f"{context}: {method}() cannot be done: {problem}", "moves that the controls allow in this order"
            continue
        spec = run.act2.specs[name]
        if not (isinstance(spec, Slider) and spec.entry) and value not in spec.values():
            yield f"{context}: {method}() puts {name} at {value!r}, between two stops", "a value that a student can set"


def _breaks_and_heals(lab: type[Lab], context: str, breaking: Mapping[str, Any]) -> Iterator[Found]:
    run = robot.opened(lab, context=context)
    yield from _apply(run, context, "breaking", breaking)
    broken = robot.danger(run)
    if not broken:
        yield f"{context}: breaking() = {dict(breaking)} shows no red banner", "controls that trigger a danger failure"
        return
    if not run.constraint_hit:
        yield f"{context}: a red banner after a move did not set constraint_hit", "true"
    for failure in broken:
        text = f"{failure.title} {failure.text(run.act2.outcome)}"
        if not re.search(r"\d", failure.text(run.act2.outcome)):
            yield f"{context}: banner {text!r} has no number", "the computed values that broke"
        if problem := robot.flaw(text):
            yield f"{context}: banner {failure.id} shows {problem}", "a text with computed values"
    if not _healed(run, context, {failure.id for failure in broken}):
        yield (
            f"{context}: no reversal removes the banner {', '.join(failure.id for failure in broken)}",
            "controls under which it disappears (the solution, the defaults, or another state)",
        )
    if not run.constraint_hit:
        yield f"{context}: constraint_hit went back to false after the reversal", "once true, true until Start over"


def _healed(run: Lab, context: str, broken: set[str]) -> bool:
    """Whether the solution, the defaults or some other state shows none of the broken failures."""

    def whole() -> bool:
        return not broken & {failure.id for failure in robot.danger(run)}

    solution = run.solution(context)
    if solution is not None:
        for name, value in solution.items():
            run.set_control("act2", name, value)
        return whole()
    run.reset_controls("act2")
    return whole() or any(whole() for _ in robot.joint_moves(run.act2, HOPELESS_STATES))


def _solvable(lab: type[Lab], context: str) -> Iterator[Found]:
    run = robot.opened(lab, context=context)
    if run.act2.constraints_met():
        yield f"{context}: the defaults solve the challenge", "defaults that break a constraint"
    solution = run.solution(context)
    if solution is None:
        states = robot.all_states(run.act2, HOPELESS_STATES) or robot.joint_moves(run.act2, HOPELESS_STATES)
        for state in states:
            if run.act2.constraints_met():
                yield f"{context}: solution() is None, but {state} solves the challenge", "that state as the solution"
                return
        return
    yield from _apply(run, context, "solution", solution)
    unmet = [constraint.label for constraint in run.act2.constraints() if not constraint.holds(run.act2.outcome)]
    if unmet:
        yield f"{context}: solution() = {dict(solution)} breaks {', '.join(unmet)}", "controls that meet every badge"
    elif danger := robot.danger(run):
        yield f"{context}: under solution() the banner {danger[0].id} is on", "no red banner where all badges are green"
    elif context not in run.solved:
        yield f"{context}: solving the challenge was not recorded", "the event challenge_solved"


def _cliff_counts_rightly(lab: type[Lab], context: str) -> Iterator[Found]:
    """`constraint_hit` against an account of its own, over toggles and moves."""
    run = robot.opened(lab, context=context)
    for there in (*lab.contexts, *reversed(lab.contexts)):
        run.set_context(there.id)
    if run.constraint_hit:
        yield f"{context}: start setting and context toggle alone set constraint_hit", "only a move of the student does"
    run.set_context(context)
    expected, dice = False, random.Random(1)
    for _ in range(30):
        if dice.random() < 0.2:
            run.set_context(dice.choice(lab.contexts).id)
        else:
            name = dice.choice(list(run.act2.specs))
            value = dice.choice(run.act2.specs[name].values())
            if value == getattr(run.act2, name) or not _accepted(
                lambda name=name, value=value: run.set_control("act2", name, value)
            ):
                continue
            expected = expected or bool(robot.danger(run))
        if run.constraint_hit != expected:
            yield (
                f"{run.context}: constraint_hit is {run.constraint_hit} at {run.act2.values()}",
                f"{expected}: a red banner of Act II after a move sets it, and nothing else",
            )
            return


@rule(5, "contexts that change the outcome")
def contexts_differ(lab: type[Lab]) -> Iterator[Found]:
    ids = [context.id for context in lab.contexts]
    promised = CONTRACT[lab.key()].contexts
    if len(ids) < 2 or sorted(ids) != sorted(promised):
        yield f"it has the contexts {', '.join(ids)}", f"those of the ledger's contract: {', '.join(promised)}"
    for context in lab.contexts:
        if context.regime not in ("cloud", "edge", "mobile", "tiny") or not context.label.strip():
            yield f"context {context.id} has regime {context.regime!r}, label {context.label!r}", "a regime, a label"
    for key, act in zip(robot.ACTS, lab.acts, strict=True):
        outcomes = [act.evaluate(context) for context in ids]
        for k in range(1, len(outcomes)):
            if robot.same(outcomes[0], outcomes[k]):
                yield f"{key}: {ids[0]} and {ids[k]} have the same default outcome", "outcomes that differ"


@rule(6, "no instrument before its chapter")
def instruments_introduced(lab: type[Lab]) -> Iterator[Found]:
    for context in lab.contexts:
        run = robot.opened(lab, context=context.id)
        for act in (run.act1, run.act2):
            plots = act.plots(act.outcome)
            if not plots and act.key == "act2":
                yield f"act2 in {context.id} has no instrument", "at least one plot"
            for name, plot in plots.items():
                introduced = INSTRUMENTS.get(plot.instrument)
                if introduced is None:
                    yield f"plot {name!r} of {act.key} comes from no registered instrument", "@instrument on its maker"
                elif (introduced.volume, introduced.chapter) > (lab.volume, lab.number):
                    yield (
                        f"{act.key} uses {plot.instrument}, introduced in V{introduced.volume}-{introduced.chapter:02d}",
                        f"instruments up to V{lab.volume}-{lab.number:02d}",
                    )


@rule(7, "every constant has a source, every range a reason")
def sources_and_reasons(lab: type[Lab]) -> Iterator[Found]:
    if not lab.constants:
        yield "constants is empty", "every constant that the lab uses"
    for constant in lab.constants:
        if not isinstance(constant, Constant):
            yield f"{constant!r} among the constants", "a Constant with unit, meaning and source"
        elif not (constant.source.strip() and constant.unit.strip() and constant.meaning.strip()):
            yield f"constant {constant.name} lacks source, unit or meaning", "all three"
    listed = {constant.name for constant in lab.constants if isinstance(constant, Constant)}
    if len(listed) != len(lab.constants):
        yield "constants lists something twice", "each once"
    for name in sorted(_constants_in(lab) - listed):
        yield f"constant {name} is used in the file but not listed", "in `constants`: the drawer shows its source"
    for context in lab.contexts:
        for key, act in zip(robot.ACTS, lab.acts, strict=True):
            specs = act.controls_in(context.id)
            if not specs:
                yield f"{key} in {context.id} has no control", "at least one"
            for name, spec in specs.items():
                for what, right in _control(spec):
                    yield f"{key} in {context.id}, control {name}: {what}", right


def _constants_in(lab: type[Lab]) -> set[str]:
    """Names of the constants in the lab's file: those it defines, and those it takes from the course."""
    module = sys.modules[lab.__module__]
    own = {value.name for value in vars(module).values() if isinstance(value, Constant)}
    aliases = {name for name, value in vars(module).items() if value is course_constants}
    taken = {
        getattr(course_constants, node.attr)
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases
    }
    return own | {value.name for value in taken if isinstance(value, Constant)}


@cache
def _tree(module: Any) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _control(spec: Any) -> Iterator[Found]:
    if len(spec.reason.strip()) < 8:
        yield f"its reason is {spec.reason!r}", "why the range is what it is"
    if not spec.label.strip():
        yield "it has no label", "a label"
    values = spec.values()
    if len(values) < 2:
        yield f"it has {len(values)} value", "at least two"
    try:
        spec.check(spec.default)
    except ControlError as problem:
        yield f"its default is refused: {problem}", "a default within the range"
    texts = [spec.text(value) for value in values]
    doubled = {text for text in texts if texts.count(text) > 1} if len(set(texts)) < len(texts) else set()
    if doubled:
        yield f"two stops both read {sorted(doubled)[0]!r}", "labels that tell stops apart"
    for text in (*texts, spec.range_text(), spec.label, spec.reason):
        if problem := robot.flaw(text):
            yield f"it shows {problem}", "a number with its unit"
            break
    if isinstance(spec, Slider):
        if not any(math.isclose(spec.default, stop, rel_tol=1e-9, abs_tol=1e-300) for stop in spec.stops):
            yield f"its default {spec.default:g} lies between two stops", "a stop: reset must lead back to it"
        if not (math.isfinite(spec.low) and math.isfinite(spec.high)):
            yield f"its range is {spec.range_text()}", "finite ends"


@rule(8, "a math peek in every act, from registered formulas that it runs")
def math_peek(lab: type[Lab]) -> Iterator[Found]:
    run = robot.opened(lab, "briefing")
    used = _formulas_in(lab)
    for act in (run.act1, run.act2):
        names = act.peek().formulas
        if not names:
            yield f"the peek of {act.key} is empty", "names of registered formulas"
        for name in names:
            if name not in FORMULAS:
                yield f"{act.key} shows {name!r}, which is no formula", "a name in mlsysim.physics.FORMULAS"
                continue
            spec = FORMULAS[name].spec
            for latex in (spec.latex, *(variable.symbol for variable in spec.variables.values())):
                if "<math" not in mathml(latex):
                    yield f"{name}: {latex!r} does not become MathML", "LaTeX that latex2mathml reads"
            if not spec.validity.strip() or not spec.source.strip():
                yield f"{name} lacks validity or source", "where it stops being valid, who found it"
            if name not in used:
                yield f"{act.key} shows {name}, but the lab never calls it", "the equation shown is the code that runs"
        yield from _same_in_every_state(lab, act.key, "math peek", lambda act: act.peek())


def _formulas_in(lab: type[Lab]) -> set[str]:
    """Formulas that the lab's file names outside of peeks, and those that they call."""
    found: set[str] = set()
    waiting = _names_in(_tree(sys.modules[lab.__module__])) & FORMULAS.keys()
    while waiting:
        found |= waiting
        waiting = {name for caller in waiting for name in _called_by(caller)} - found
    return found


@cache
def _called_by(name: str) -> frozenset[str]:
    tree = ast.parse(inspect.getsource(inspect.unwrap(FORMULAS[name])))
    return frozenset(_names_in(tree) & FORMULAS.keys())


def _names_in(tree: ast.AST) -> set[str]:
    return {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    }


@rule(9, "feedback for every option of every question")
def feedback(lab: type[Lab]) -> Iterator[Found]:
    run = robot.opened(lab, "briefing")
    for act in (run.act1, run.act2):
        reflection = act.reflection()
        if not reflection.question.strip():
            yield f"the reflection of {act.key} asks nothing", "a question"
        yield from _four_options(f"the reflection of {act.key}", reflection)
        questions: list[tuple[str, list[tuple[Any, str]]]] = [
            ("reflection", [(option.id, option.feedback) for option in reflection.options])
        ]
        prediction = act.prediction()
        if isinstance(prediction, NumberPrediction):
            entries = [(entry, prediction.feedback(entry)) for entry in robot.entries_to_try(prediction)]
            yield from _sentences(f"{act.key}, prediction", entries)
            right = {text for entry, text in entries if prediction.correct(entry)}
            if right & {text for entry, text in entries if not prediction.correct(entry)}:
                yield f"{act.key}, prediction: right and wrong entries get the same feedback", "feedback to the idea"
        else:
            questions.append(("prediction", [(option.id, option.feedback) for option in prediction.options]))
        for name, texts in questions:
            yield from _sentences(f"{act.key}, {name}", texts)
            if len({text for _, text in texts}) != len(texts):
                yield f"{act.key}, {name}: two options have the same feedback", "feedback to the idea of each option"
        yield from _same_in_every_state(
            lab, act.key, "reflection", lambda act: tuple(robot.question_texts("", act.reflection()))
        )


def _sentences(place: str, texts: Iterable[tuple[Any, str]]) -> Iterator[Found]:
    for entry, text in texts:
        if not text.strip():
            yield f"{place}: no feedback to {entry}", "a sentence that meets the idea behind it"
        elif not re.search(r"[.!?…][)\"”’*_$]*$", text.strip()):
            yield f"{place}: feedback to {entry} ends in {text.strip()[-12:]!r}", "a whole sentence with its full stop"
        elif problem := robot.flaw(text):
            yield f"{place}: feedback to {entry} shows {problem}", "a text with computed numbers"


@rule(10, "one ledger entry as the contract says, and nothing lost")
def ledger_entry(lab: type[Lab]) -> Iterator[Found]:
    yield from _every_option_saved(lab)
    yield from _designs_fit(lab)
    yield from _resumes(lab)
    yield from _starts_over(lab)
    yield from _reads(lab)
    yield from _opens_with_any_ledger(lab)


def _every_option_saved(lab: type[Lab]) -> Iterator[Found]:
    contract = CONTRACT[lab.key()].fields
    for context in lab.contexts:
        for turn in range(4):
            run = robot.walk(robot.opened(lab, "briefing", context.id, turn), turn=turn)
            saved = run.ledger.all()
            if list(saved) != [lab.key()]:
                yield f"it wrote the entries {list(saved)}", f"one entry, {lab.key()}"
                continue
            entry = saved[lab.key()]
            if entry.keys() != contract.keys() or set(run.design()) != set(contract):
                odd = set(run.design()) ^ set(contract)
                yield f"{context.id}: the saved fields differ from the contract in {sorted(odd)}", ", ".join(contract)
            locked = run.predictions["act1"]
            prediction = run.act1.prediction()
            right, value = None, locked
            if isinstance(prediction, ChoicePrediction):
                option = prediction.option(locked)
                right, value = option.correct, locked if option.saved is None else option.saved
            else:
                right = prediction.correct(locked)
            if entry.get("context") != context.id or entry.get("act1_prediction") != value:
                yield (
                    f"{context.id}, option {locked}: saved {entry.get('context')}, {entry.get('act1_prediction')}",
                    f"{context.id}, {value}",
                )
            if entry.get("act1_correct") is not right:
                yield f"option {locked}: act1_correct is {entry.get('act1_correct')}", str(right)
            if entry.get("constraint_hit") is not run.constraint_hit:
                yield f"constraint_hit is {entry.get('constraint_hit')}", str(run.constraint_hit)


def _designs_fit(lab: type[Lab]) -> Iterator[Found]:
    """The entry of any design is what the contract allows: types, vocabularies, and no field but its own."""
    key = lab.key()
    words = CONTRACT[key].fields["act2_decision"].vocabulary
    if lab.decision_radio is not None and (not words or set(lab.decision_radio.options) != set(words)):
        yield f"the radio offers {', '.join(lab.decision_radio.options)}", f"the contract's {', '.join(words or ())}"
    for context in lab.contexts:
        run = robot.opened(lab, "saved", context.id)
        for state in ("the default", *robot.joint_moves(run.act2, 100)):
            try:
                stored = validate_design(key, run.design())
            except DesignError as problem:
                yield f"{context.id}, {state}: {'; '.join(problem.problems)}", "a design that the contract allows"
                return
            if problem := robot.flaw(str(stored["act2_decision"])):
                yield f"{context.id}, {state}: the decision shows {problem}", "a word of the contract"


def _resumes(lab: type[Lab]) -> Iterator[Found]:
    run = lab(robot.memory_ledger())
    for _ in robot.steps(run):
        run.keep()
        again = lab(run.ledger)
        if again.notices or robot.standing(again) != robot.standing(run):
            lost = [name for name, value in robot.standing(run).items() if robot.standing(again)[name] != value]
            yield f"a reload in {run.state} loses {', '.join(lost)} {again.notices}", "the same state as before"
            return
    for context in (*lab.contexts, lab.contexts[0]):
        run.set_context(context.id)
        for key in robot.ACTS:
            for _ in robot.joint_moves(run.act(key), 2):
                pass
        run.keep()
        again = lab(run.ledger)
        if robot.standing(again) != robot.standing(run) or again.act2.values() != run.act2.values():
            yield f"a reload in {context.id} loses controls: {again.act2.values()}", str(run.act2.values())


def _starts_over(lab: type[Lab]) -> Iterator[Found]:
    run = robot.opened(lab, "saved")
    first = run.ledger.all()[lab.key()]
    run.start_over()
    fresh = lab(robot.memory_ledger())
    if (run.attempt, run.state, run.constraint_hit) != (2, STATES[0], False) or run.predictions or run.answers:
        yield f"after Start over: attempt {run.attempt}, state {run.state}", "attempt 2, everything cleared"
    if run.act1.values() != fresh.act1.values() or run.act2.values() != fresh.act2.values():
        yield "after Start over the controls are not at their defaults", "all controls of a fresh lab"
    robot.walk(run, turn=1)
    second = run.ledger.all()[lab.key()]
    for name in ("act1_prediction", "act1_correct"):
        if first[name] != second[name]:
            yield f"a second attempt changed {name} to {second[name]}", f"the first one, {first[name]}, for good"


def _reads(lab: type[Lab]) -> Iterator[Found]:
    for key, field in lab.reads:
        if key not in CONTRACT or field not in CONTRACT[key].fields:
            yield f"it reads {key}.{field}, which no lab saves", "a field of the ledger's contract"
        elif KEYS.index(key) >= KEYS.index(lab.key()):
            yield f"it reads {key}, which comes later in the course", "entries of earlier labs"
    if not lab.reads:
        return
    noted: set[tuple[str, str]] = set()
    bare, differs = _screen(lab(robot.memory_ledger())), False
    for seed in range(12):
        ledger = robot.NotingLedger(robot.full_ledger(seed))
        shown = _screen(lab(ledger))
        differs = differs or shown != bare
        noted |= ledger.noted
    for key, field in sorted(set(lab.reads) - noted):
        yield f"it declares {key}.{field} but never reads it", "only what is read"
    if not differs:
        yield "with and without an earlier ledger the screen is the same", "what was read is shown, with its source"


def _screen(run: Lab) -> list[Any]:
    """Everything that a student reads in both contexts, to compare ledgers with."""
    robot.walk(run, "act2_explore")
    shown: list[Any] = [run.context, run.context_source]
    for context in (run.context, *(context.id for context in run.contexts)):
        run.set_context(context)
        for act in (run.act1, run.act2):
            plots = act.plots(act.outcome)
            shown += [*robot.fixed_texts(act), *robot.live_texts(act, plots)]
            shown.append({name: act.preset_source(name) for name in act.specs})
    return shown


def _opens_with_any_ledger(lab: type[Lab]) -> Iterator[Found]:
    bare = _screen(lab(robot.memory_ledger()))
    kinds: dict[str, Callable[[int], Any]] = {
        "full": robot.full_ledger,
        "damaged": robot.damaged_ledger,
        "half damaged": lambda seed: robot.damaged_ledger(seed, 0.5),
    }
    for kind, make in kinds.items():
        for seed in range(8 if kind == "full" else 4):
            run = lab(make(seed))
            if run.notices:
                yield f"with a {kind} ledger it opens with the notice {run.notices[0]!r}", "no notice"
            shown = _screen(run)
            if kind == "damaged" and shown != bare:
                odd = next((there for there, here in zip(shown, bare, strict=False) if there != here), "its length")
                yield f"a ledger without one sound field changes the screen: {odd}", "the same as an empty ledger"
                break
            for place, text in (part for part in shown if isinstance(part, tuple)):
                if problem := robot.flaw(text):
                    yield f"with a {kind} ledger, {place} shows {problem}", "a text with computed numbers"
            yield from _within_range(run, kind)


def _within_range(run: Lab, kind: str) -> Iterator[Found]:
    for context in run.contexts:
        run.set_context(context.id)
        for act in (run.act1, run.act2):
            for name, value in act.values().items():
                try:
                    act.specs[name].check(value)
                except ControlError as problem:
                    yield f"with a {kind} ledger {act.key}.{name} starts out of range: {problem}", "clamped"


@rule(11, "every stop of every control computes and shows")
def every_state(lab: type[Lab]) -> Iterator[Found]:
    for context in lab.contexts:
        for key in robot.ACTS:
            run = robot.opened(lab, "saved", context.id)
            yield from _fixed(run.act(key))
            yield from _sweep(run, key)


def _fixed(act: Act) -> Iterator[Found]:
    for place, text in robot.fixed_texts(act):
        if problem := robot.flaw(text):
            yield f"{act.key} in {act.context}, {place} shows {problem}", "a text with computed numbers"


def _sweep(run: Lab, key: str) -> Iterator[Found]:
    act, where = run.act(key), f"{key} in {run.context}"
    choices = robot.entries_to_try(act.prediction())
    drawings: dict[tuple[str, Any], set[Any]] = {}
    names, tables, seconds, complained = None, None, [], set()
    for k, choice in enumerate(choices):
        # Every prediction is drawn; the single moves need it once.
        run.predictions[key] = choice
        joint = robot.joint_moves(act, math.ceil(JOINT_STATES / len(choices)), seed=k)
        states = (move for moves in ((robot.single_moves(act), joint) if k == 0 else (joint,)) for move in moves)
        while True:
            begun = time.process_time()
            state = next(states, None)
            if state is None:
                break
            seconds.append(time.process_time() - begun)
            plots = act.plots(act.outcome)
            shape = [len(table.rows[0]) if table.rows else 0 for table in act.tables(act.outcome)]
            names, tables = names or list(plots), tables if tables is not None else len(shape)
            if list(plots) != names or len(shape) != tables:
                yield f"{where}, {state}: plots {list(plots)}, {len(shape)} tables", f"always {names}, {tables} tables"
                return
            for name, plot in plots.items():
                drawings.setdefault((name, choice), set()).add(plot.structure())
                for problem in robot.plot_flaws(plot):
                    if (name, problem) not in complained:
                        complained.add((name, problem))
                        yield f"{where}, {state}: plot {name!r}: {problem}", "a plot that can be drawn and read"
            for place, text in robot.live_texts(act, plots):
                if (problem := robot.flaw(text)) and place not in complained:
                    complained.add(place)
                    yield f"{where}, {state}: {place} shows {problem}", "a text with computed numbers"
    for (name, _), shapes in drawings.items():
        if len(shapes) > DRAWINGS_PER_PLOT:
            yield (
                f"{where}: plot {name!r} has {len(shapes)} drawings; {_what_varies(shapes)}",
                f"at most {DRAWINGS_PER_PLOT}: hide a layer with NaN or '' instead of leaving it out",
            )
            break
    if seconds and statistics.median(seconds) > COMPUTE_S:
        yield f"{where}: a move computes for {1e3 * statistics.median(seconds):.0f} ms", f"below {1e3 * COMPUTE_S:g} ms"


def _what_varies(shapes: set[Any]) -> str:
    """In words, the first thing in which drawings differ."""
    ordered = sorted(shapes, key=repr)
    counts = sorted({len(shape[3]) for shape in ordered})
    if len(counts) > 1:
        return f"the number of layers varies: {counts}"
    if len({shape[:3] for shape in ordered}) > 1:
        return f"axis scale or height varies: {sorted({shape[:3] for shape in ordered})[:4]}"
    for styles in zip(*(shape[3] for shape in ordered), strict=True):
        if len(set(styles)) > 1:
            return f"the style of a layer varies: {sorted(set(styles), key=repr)[:3]}"
    return "nothing"


@rule(12, "the same controls, the same outcome: links, evaluate, repetition")
def same_outcome(lab: type[Lab]) -> Iterator[Found]:
    for context in lab.contexts:
        run = robot.opened(lab, "saved", context.id)
        for act in (run.act1, run.act2):
            act.reset()
            yield from _one_outcome(act, context.id)
            for state in robot.joint_moves(act, 20):
                if not robot.same(act.compute(act.context, **act.values()), act.outcome):
                    yield f"{act.key} in {context.id}, {state}: compute gives another outcome", "a pure function"
                    break
                limits = act.limits()
                unknown = set(limits) - set(act.specs)
                if unknown:
                    yield f"{act.key} in {context.id}: limits() names {sorted(unknown)}", "controls of this context"
        for seed in range(10):
            for act in (run.act1, run.act2):
                for _ in robot.joint_moves(act, 1, seed):
                    pass
            other = robot.opened(lab, "saved")
            other.follow(run.address().items())
            if other.notices or _reached(other) != _reached(run):
                lost = [name for name in _reached(run) if _reached(other)[name] != _reached(run)[name]]
                yield f"a link of {context.id} does not lead back: {', '.join(lost)} {other.notices}", "the same state"
                break


def _one_outcome(act: Act, context: str) -> Iterator[Found]:
    outcome = act.outcome
    if not getattr(type(outcome), "__dataclass_params__", None) or not type(outcome).__dataclass_params__.frozen:
        yield f"{act.key}: the outcome is a {type(outcome).__name__}", "a frozen dataclass"
        return
    evaluated = type(act).evaluate(context)
    for field in fields(outcome):
        value = getattr(outcome, field.name)
        if not robot.same(evaluated.get(field.name), value):
            yield f"{act.key} in {context}: evaluate() and the page differ in {field.name}", "the same compute"


def _reached(run: Lab) -> dict[str, Any]:
    return {
        "context": run.context,
        **{f"act1.{name}": value for name, value in run.act1.values().items()},
        **{f"act2.{name}": value for name, value in run.act2.values().items()},
    }
