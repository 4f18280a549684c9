"""Rules of conformance about what a lab says: acts, predictions, instruments, sources, equations, feedback.

Each function takes a lab and yields what it found and what would be right. `labs.conformance` runs them.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any

from components.controls import ControlError, Slider
from components.instruments.registry import INSTRUMENTS
from components.text import mathml
from labs import robot
from labs.act import Act
from labs.content import ChoicePrediction, NumberPrediction, Question
from labs.lab import Lab
from labs.states import STATES
from ledger import CONTRACT
from mlsysim.core import constants as course_constants
from mlsysim.core.provenance import Constant
from mlsysim.physics import FORMULAS

#: What was found, and what would be right.
Found = tuple[str, str]

MINUTES = {"act1": (12, 15), "act2": (20, 25)}
MINUTES_IN_ALL = (35, 40)


# --- rule 1: two acts in 35 to 40 minutes ---


def two_acts(lab: type[Lab]) -> Iterator[Found]:
    if len(lab.acts) != 2 or len(set(lab.acts)) != 2:
        yield f"it has the acts {[act.__name__ for act in lab.acts]}", "two different acts"
        return
    for key, kind in zip(robot.ACTS, lab.acts, strict=True):
        low, high = MINUTES[key]
        if not low <= kind.minutes <= high:
            yield f"{key} takes {kind.minutes} minutes", f"{low} to {high}"
        if not kind.title:
            yield f"{key} has no title", "a title of a few words"
    if not MINUTES_IN_ALL[0] <= lab.minutes() <= MINUTES_IN_ALL[1]:
        yield f"both acts take {lab.minutes()} minutes", "{} to {}".format(*MINUTES_IN_ALL)
    for name in ("title", "question", "invariant", "chapter", "briefing", "assumptions"):
        if not getattr(lab, name).strip():
            yield f"{name} is empty", "a text: it is shown in the header, the briefing or the drawer"
    for name in ("title", "question", "invariant"):
        if marks := sorted(set("$*`") & set(getattr(lab, name))):
            yield f"{name} has markup ({' '.join(marks)})", "plain text: a card shows it as it stands"
    for context in lab.contexts:
        run = robot.opened(lab, "briefing", context.id)
        for act in robot.acts(run):
            message = act.message()
            if not (message.role.strip() and message.text.strip() and act.concept().strip()):
                yield f"{act.key} in {context.id} lacks a message or a concept", "what a stakeholder asks, what to know"


# --- rule 2: predict first: four options with one right, or a bounded number, locked once ---


def predict_first(lab: type[Lab]) -> Iterator[Found]:
    yield from _forward_only(lab)
    run = robot.opened(lab, "act1_predict")
    yield from _refused(run, "act1_predict")
    yield from _refused(robot.opened(lab, "act2_predict"), "act2_predict")
    for act in robot.acts(run):
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
        if robot.accepted(partial(run.lock, key, robot.some_entry(run.act(key), 1))) or run.predictions != before:
            yield f"the prediction of {key} could be locked a second time", "a locked prediction stays"


def _refused(run: Lab, state: str) -> Iterator[Found]:
    """What must not be possible before the prediction of an act is locked."""
    key = state[:4]
    act = run.act(key)
    before = act.values()
    for name, spec in act.specs.items():
        other = next((value for value in spec.values() if value != before[name]), before[name])
        if robot.accepted(partial(run.set_control, key, name, other)) or act.values() != before:
            yield f"control {name} of {key} could be moved in state {run.state}", "controls come with the lock"
    reflection = act.reflection().options[0].id
    if robot.accepted(partial(run.answer, key, reflection)):
        yield f"the reflection of {key} could be answered in state {run.state}", "it opens after a control was moved"
    prediction = act.prediction()
    wrong: list[Any] = ["no option", None, True]
    if isinstance(prediction, NumberPrediction):
        beyond = prediction.high - prediction.low
        wrong += [prediction.low - beyond, prediction.high + beyond, math.nan, math.inf, "A"]
    for value in wrong:
        if robot.accepted(partial(run.lock, key, value)):
            yield f"{key} took {value!r} as a prediction", "one of its options, or a number in its range"
            return
    if run.state != state:
        yield f"refused steps moved the lab from {state} to {run.state}", "a refused step changes nothing"


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


# --- rule 3: the overlay shows predicted, actual, and their exact ratio or difference ---


def overlay(lab: type[Lab]) -> Iterator[Found]:
    run = robot.opened(lab, "briefing")
    for act in robot.acts(run):
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
        if problem := robot.flaw(text, markdown=name == "why"):
            yield f"{name} shows {problem}", "a number with its unit"
    predicted: float | None
    if isinstance(prediction, NumberPrediction):
        predicted = float(entry)
        slack = prediction.tolerance * (1.0 if prediction.absolute else abs(prediction.actual))
        right = abs(predicted - prediction.actual) <= slack * (1 + 1e-9)
        if prediction.factor:
            ratio = max(predicted, prediction.actual) / min(predicted, prediction.actual)
            right = ratio <= prediction.tolerance * (1 + 1e-9)
        difference = prediction.absolute
    else:
        option = next(option for option in prediction.options if option.id == entry)
        predicted, right, difference = option.value, option.correct, prediction.difference
        if option.gap:
            return
        if predicted is None:
            yield "it has neither a value nor a gap", "one of them"
            return
    if gap.correct != right:
        yield f"it counts as {'right' if gap.correct else 'wrong'}", "right" if right else "wrong"
    actual = prediction.actual
    if difference or predicted <= 0 or actual <= 0:
        form = getattr(prediction, "difference_form", None) or prediction.form
        amount, shown = abs(predicted - actual), form(abs(predicted - actual))
    else:
        amount = predicted / actual if predicted > actual else actual / predicted
        decimals = 2 if amount < 10 else 1 if amount < 1000 else 0
        shown = f"{amount:,.{decimals}f} times"
    if gap.amount is None or not math.isclose(gap.amount, amount, rel_tol=1e-9, abs_tol=1e-300):
        yield f"the gap is {gap.amount}", f"{amount:g}"
    if gap.text != shown:
        yield f"the gap reads {gap.text!r}", repr(shown)
    for name, value in (("predicted", predicted), ("actual", actual)):
        if getattr(gap, name) != prediction.form(value) or not re.search(r"[\d∞]", getattr(gap, name)):
            yield f"{name} reads {getattr(gap, name)!r}", f"the number {value:g} with its unit"


def _nearest_is_right(key: str, prediction: ChoicePrediction) -> Iterator[Found]:
    values = {option.id: option.value for option in prediction.options if option.value is not None}
    actual = prediction.actual
    if not values:
        return
    if not math.isfinite(actual):
        yield f"{key}: the model gives {actual}", "a finite number, where options have values"
        return
    ratios = not prediction.difference and actual > 0 and min(values.values()) > 0
    distance = {
        name: abs(math.log(value / actual)) if ratios else abs(value - actual) for name, value in values.items()
    }
    nearest = min(distance, key=lambda name: distance[name])
    if not prediction.option(nearest).correct:
        yield (
            f"{key}: option {nearest} ({values[nearest]:g}) is nearest to the model's {actual:g}, but counts as wrong",
            "the right option is the one nearest to what the model gives",
        )


# --- rule 5: contexts that change the outcome ---


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


# --- rule 6: no instrument before its chapter ---


def instruments_introduced(lab: type[Lab]) -> Iterator[Found]:
    for context in lab.contexts:
        run = robot.opened(lab, context=context.id)
        for act in robot.acts(run):
            plots = act.plots(act.outcome)
            if not plots and act.key == "act2":
                yield f"act2 in {context.id} has no instrument", "at least one plot"
            for name, plot in plots.items():
                introduced = INSTRUMENTS.get(plot.instrument)
                if introduced is None:
                    yield f"plot {name!r} of {act.key} comes from no registered instrument", "@instrument on its maker"
                elif (introduced.volume, introduced.chapter) > (lab.volume, lab.number):
                    first = f"V{introduced.volume}-{introduced.chapter:02d}"
                    yield f"{act.key} uses {plot.instrument}, introduced in {first}", "an instrument known by then"


# --- rule 7: every constant has a source, every range a reason ---


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
    for key, act in zip(robot.ACTS, lab.acts, strict=True):
        seen: dict[str, int] = {}
        for context in lab.contexts:
            specs = act.controls_in(context.id)
            if not specs:
                yield f"{key} in {context.id} has no control", "at least one"
            for name, spec in specs.items():
                seen[name] = max(seen.get(name, 0), len(spec.values()))
                for what, right in _control(spec):
                    yield f"{key} in {context.id}, control {name}: {what}", right
        for name in (name for name, most in seen.items() if most < 2):
            yield f"{key}, control {name} has one value in every context", "at least two in one of them"


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
    try:
        spec.check(spec.default)
    except ControlError as problem:
        yield f"its default is refused: {problem}", "a default within the range"
    texts = [spec.text(value) for value in values]
    doubled = {text for text in texts if texts.count(text) > 1} if len(set(texts)) < len(texts) else set()
    if doubled:
        yield f"two stops both read {sorted(doubled)[0]!r}", "labels that tell stops apart"
    for text in (*texts, spec.range_text(), spec.label, spec.reason):
        if shown := robot.flaw(text, markdown=False):
            yield f"it shows {shown}", "a number with its unit"
            break
    if isinstance(spec, Slider):
        if not any(math.isclose(spec.default, stop, rel_tol=1e-9, abs_tol=1e-300) for stop in spec.stops):
            yield f"its default {spec.default:g} lies between two stops", "a stop: reset must lead back to it"
        if not (math.isfinite(spec.low) and math.isfinite(spec.high)):
            yield f"its range is {spec.range_text()}", "finite ends"


# --- rule 8: a math peek in every act, from registered formulas that it runs ---


def math_peek(lab: type[Lab]) -> Iterator[Found]:
    run = robot.opened(lab, "briefing")
    used = _formulas_in(lab)
    for act in robot.acts(run):
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
    """Formulas that the lab's file names outside of peeks, and those that they and their helpers call."""
    calls = _calls_of_physics()
    found: set[str] = set()
    waiting = _names_in(_tree(sys.modules[lab.__module__])) & calls.keys()
    while waiting:
        found |= waiting
        waiting = {name for caller in waiting for name in calls[caller]} - found
    return found & FORMULAS.keys()


@cache
def _calls_of_physics() -> dict[str, frozenset[str]]:
    """Name of everything defined in `mlsysim.physics` to the names of such things in its body."""
    bodies: dict[str, set[str]] = {}
    for module in [module for name, module in sys.modules.items() if name.startswith("mlsysim.physics.")]:
        for node in _tree(module).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                bodies.setdefault(node.name, set()).update(_names_in(node))
    return {name: frozenset(names & bodies.keys()) for name, names in bodies.items()}


def _names_in(tree: ast.AST) -> set[str]:
    return {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    }


# --- rule 9: feedback for every option of every question ---


def feedback(lab: type[Lab]) -> Iterator[Found]:
    run = robot.opened(lab, "briefing")
    for act in robot.acts(run):
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
            lab, act.key, "reflection", lambda act: (act.reflection().question, act.reflection().options)
        )


def _sentences(place: str, texts: Iterable[tuple[Any, str]]) -> Iterator[Found]:
    for entry, text in texts:
        if not text.strip():
            yield f"{place}: no feedback to {entry}", "a sentence that meets the idea behind it"
        elif not re.search(r"[.!?…][)\"”’*_$]*$", text.strip()):
            yield f"{place}: feedback to {entry} ends in {text.strip()[-12:]!r}", "a whole sentence with its full stop"
        elif problem := robot.flaw(text):
            yield f"{place}: feedback to {entry} shows {problem}", "a text with computed numbers"
