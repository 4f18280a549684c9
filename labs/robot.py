"""The student robot: walks a lab through its states on a ledger in memory, and reads what would be on screen.

It needs no browser and no server. `labs.conformance` asks it questions; tests of single labs may use it too.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from html import unescape
from typing import Any, NamedTuple

import numpy as np

from components.controls import ControlError, Options, Spec
from components.instruments.layers import Cells, Labels, Plot
from components.text import to_html
from components.theme import LIGHT
from labs.act import Act
from labs.content import ChoicePrediction, Prediction, Question
from labs.lab import Lab, LabError
from labs.states import reached
from ledger import CONTRACT, DesignLedger, Field, Store, entry_key, open_store
from ledger.clock import now
from ledger.plain import to_text
from ledger.rows import claim_student, put_row
from ledger.tables import entries

ACTS = ("act1", "act2")

#: A slider with more stops than this is sampled; its ends and its default are always among the samples.
MOST_STOPS = 300


# --- ledgers --------------------------------------------------------------------------------------------


_students = itertools.count(1)


@cache
def _store() -> Store:
    return open_store("sqlite://")


def memory_ledger() -> DesignLedger:
    """The empty ledger of a new student, in memory; gone with the process."""
    return DesignLedger(_store(), f"robot-{next(_students)}")


class NotingLedger(DesignLedger):
    """A ledger that notes in `noted` which (key, field) of which entry was looked at."""

    def __init__(self, ledger: DesignLedger) -> None:
        super().__init__(ledger.store, ledger.student_id)
        self.noted: set[tuple[str, str]] = set()

    def get(self, chapter: int, volume: int = 1) -> dict[str, Any] | None:
        design = super().get(chapter, volume)
        return None if design is None else _NotingDesign(entry_key(volume, chapter), design, self.noted)


class _NotingDesign(dict[str, Any]):
    def __init__(self, key: str, design: Mapping[str, Any], noted: set[tuple[str, str]]) -> None:
        super().__init__(design)
        self._key, self._noted = key, noted

    def get(self, field: str, default: Any = None) -> Any:
        self._noted.add((self._key, field))
        return super().get(field, default)

    def __getitem__(self, field: str) -> Any:
        self._noted.add((self._key, field))
        return super().__getitem__(field)


def _some_value(field: Field, dice: random.Random, extreme: bool) -> Any:
    """A value that the contract allows for a field; `extreme` numbers are allowed, too, but no lab ever saves them."""
    if field.nullable and dice.random() < 0.15:
        return None
    if field.pattern is not None:
        return _some_word(field.pattern, dice)
    words = list(field.vocabulary or ())
    if field.type == "list":
        return dice.sample(words, dice.randint(0, len(words)))
    if field.type == "mapping":
        return {name: dice.choice(words) for name in field.map_keys if dice.random() < 0.8}
    if field.type == "boolean":
        return dice.random() < 0.5
    if words:
        return dice.choice(words)
    drawn = dice.choice([0, 1, 8, 10 ** dice.uniform(-3, 4), 10 ** dice.uniform(-3, 4), dice.randint(1, 64)])
    if extreme:
        drawn = dice.choice([0, -1, -1e30, 1e-30, 1e30, 10**15])
    return drawn if field.minimum is None else max(field.minimum, drawn)


def _some_word(pattern: str, dice: random.Random) -> str:
    """A word of a pattern that is made of plain text and groups of alternatives."""
    word = re.sub(r"\(([^()]*)\)", lambda group: dice.choice(group[1].split("|")), pattern)
    if not re.fullmatch(pattern, word):
        raise NotImplementedError(f"the robot cannot make a word of the pattern {pattern}")
    return word


def _some_designs(dice: random.Random, extreme: bool = False) -> dict[str, dict[str, Any]]:
    return {
        key: {name: _some_value(field, dice, extreme) for name, field in contract.fields.items()}
        for key, contract in CONTRACT.items()
    }


def full_ledger(seed: int, extreme: bool = False) -> DesignLedger:
    """A ledger with a random entry of every lab, each as the contract allows it."""
    return _written(_some_designs(random.Random(seed), extreme))


_WRONG: Mapping[str, tuple[Any, ...]] = {
    "number": ("27", True, [1], {}, "nan"),
    "word": (7, True, "no such word", ["cloud"], "<script>alert(1)</script>", ""),
    "boolean": ("yes", 1, [], 0),
    "list": ("memory", {"memory": 1}, 3, ["no such item"]),
    "mapping": (["memory"], "memory", 1.5, {"nowhere": "nothing"}),
}


def damaged_ledger(seed: int, share: float = 1.0) -> DesignLedger:
    """A full ledger in which a `share` of the fields of every entry holds a value of the wrong type or vocabulary.

    With share 1 nothing in it is sound, and a reader must behave as with an empty ledger.
    """
    dice = random.Random(seed)
    designs = _some_designs(dice)
    for key, design in designs.items():
        for name, field in CONTRACT[key].fields.items():
            if dice.random() < share:
                design[name] = dice.choice([value for value in _WRONG[field.type] if field.problem(value) is not None])
    return _written(designs)


def _written(designs: Mapping[str, Mapping[str, Any]]) -> DesignLedger:
    """A ledger with these entries, written past the contract as a defect or a hand would."""
    ledger = memory_ledger()
    with ledger.store.writing() as connection:
        claim_student(connection, ledger.student_id)
        for key, design in designs.items():
            row = {"design": to_text(dict(design)), "attempts": 1, "saved_at": now()}
            put_row(connection, entries, {"student": ledger.student_id, "key": key}, row)
    return ledger


# --- walking --------------------------------------------------------------------------------------------


def acts(lab: Lab) -> tuple[Act, Act]:
    """Both acts."""
    return lab.act1, lab.act2


def accepted(step: Callable[[], Any]) -> bool:
    """Whether the lab takes a step; it refuses by raising one of its own errors."""
    try:
        step()
    except (LabError, ControlError, ValueError):
        return False
    return True


def entries_to_try(prediction: Prediction) -> list[Any]:
    """What the robot locks in: every option, or numbers at the ends, in the middle and around the tolerance."""
    if isinstance(prediction, ChoicePrediction):
        return [option.id for option in prediction.options]
    width = prediction.tolerance * (1 if prediction.absolute else abs(prediction.actual))
    steps = (-1.001, -0.999, 0.999, 1.001)
    if prediction.factor:
        around = [prediction.actual * prediction.tolerance**step for step in steps]
    else:
        around = [prediction.actual + width * step for step in steps]
    wanted = [prediction.low, prediction.high, (prediction.low + prediction.high) / 2, prediction.actual, *around]
    return list(dict.fromkeys(min(max(value, prediction.low), prediction.high) for value in wanted))


def some_entry(act: Act, turn: int = 0) -> Any:
    """One of the entries to try; another for another turn."""
    choices = entries_to_try(act.prediction())
    return choices[turn % len(choices)]


def shift(lab: Lab, key: str) -> str:
    """Moves one control of an act to another value; the name of the control. Fails if none can be moved."""
    act = lab.act(key)
    for name, spec in act.specs.items():
        for value in spec.values():
            if value != getattr(act, name):
                try:
                    lab.set_control(key, name, value)
                except ControlError:
                    continue
                return name
    raise AssertionError(f"no control of {key} can be moved in {lab.context}")


def steps(lab: Lab, turn: int = 0) -> Iterator[str]:
    """Walks a fresh lab to the end, one step of the student at a time; yields the state after each.

    `turn` chooses the options: the predictions and answers of turn 0 to 3 are the first to fourth option.
    """
    yield lab.state
    lab.begin_act1()
    yield lab.state
    for key in ACTS:
        act = lab.act(key)
        lab.lock(key, some_entry(act, turn))
        yield lab.state
        shift(lab, key)
        yield lab.state
        lab.answer(key, act.reflection().options[turn % 4].id)
        if key == "act1":
            yield lab.state
    for field, question in lab.questions().items():
        choices = list(question.options)
        lab.decide(choices[turn % len(choices)], field)
    lab.save()
    yield lab.state


def walk(lab: Lab, until: str = "saved", turn: int = 0) -> Lab:
    """Walks a fresh lab up to a state; the lab itself."""
    for state in steps(lab, turn):
        if reached(state, until):
            break
    return lab


def walk_on(lab: Lab, turn: int = 0) -> Lab:
    """Walks a lab that was left or restored in any state to the end; the lab itself."""
    lab.begin_act1()
    for key in ACTS:
        if key not in lab.predictions:
            lab.lock(key, some_entry(lab.act(key), turn))
        if not reached(lab.state, f"{key}_reflect"):
            shift(lab, key)
        lab.answer(key, lab.act(key).reflection().options[turn % 4].id)
    for field, question in lab.questions().items():
        lab.decide(next(iter(question.options)), field)
    lab.save()
    return lab


def opened(lab: type[Lab], until: str = "act2_explore", context: str | None = None, turn: int = 0) -> Lab:
    """A lab on an empty ledger, walked up to a state in a context."""
    run = lab(memory_ledger())
    if context is not None:
        run.set_context(context)
    return walk(run, until, turn)


# --- states of the controls -----------------------------------------------------------------------------


def tried_values(spec: Spec) -> list[Any]:
    """The values of a control that the robot visits: all, or a sample with both ends and the default."""
    values = list(spec.values())
    if len(values) <= MOST_STOPS:
        return values
    chosen = set(np.linspace(0, len(values) - 1, MOST_STOPS - 1).round().astype(int).tolist())
    return [value for k, value in enumerate(values) if k in chosen or value == spec.default]


def single_moves(act: Act) -> Iterator[str]:
    """Visits every value of every control with the others at their defaults; yields what was moved.

    Values that the act says are out of reach are left out.
    """
    for name, spec in act.specs.items():
        act.reset()
        for value in tried_values(spec):
            if try_move(act, name, value):
                yield f"{name} = {value!r}"
    act.reset()


def joint_moves(act: Act, count: int, seed: int = 0) -> Iterator[str]:
    """Visits `count` states of random values, ends more often than the rest; a few controls change each time."""
    dice = random.Random(seed)
    specs = list(act.specs.items())
    for k in range(count):
        for name, spec in dice.sample(specs, len(specs) if k == 0 else dice.randint(1, min(3, len(specs)))):
            values = spec.values()
            at_end = not isinstance(spec, Options) and dice.random() < 0.25
            try_move(act, name, dice.choice((values[0], values[-1])) if at_end else dice.choice(values))
        yield ", ".join(f"{name} = {value!r}" for name, value in act.values().items())


def all_states(act: Act, most: int) -> Iterator[str] | None:
    """Visits every combination of the controls; None if there are more than `most`."""
    names = list(act.specs)
    if math.prod(len(act.specs[name].values()) for name in names) > most:
        return None

    def visit(rest: list[str]) -> Iterator[str]:
        if not rest:
            yield ", ".join(f"{name} = {value!r}" for name, value in act.values().items())
            return
        for value in act.specs[rest[0]].values():
            if try_move(act, rest[0], value):
                yield from visit(rest[1:])

    return visit(names)


def try_move(act: Act, name: str, value: Any) -> bool:
    """Moves a control; False if the act says that the value is out of reach."""
    limit = act.limits().get(name)
    if (limit if isinstance(limit, str) else (limit or {}).get(value)) is not None:
        return False
    act.set(name, value)
    return True


# --- what is on screen ----------------------------------------------------------------------------------


class Shown(NamedTuple):
    """A text on screen: where it stands, what it says, and whether the page renders Markdown there."""

    place: str
    text: Any
    markdown: bool = False


def fixed_texts(act: Act) -> Iterator[Shown]:
    """What an act says before and after its instruments."""
    message, prediction, reflection = act.message(), act.prediction(), act.reflection()
    yield Shown("role of the message", message.role)
    yield Shown("message", message.text, True)
    yield Shown("concept", act.concept(), True)
    yield Shown("from the ledger", act.from_ledger(), True)
    yield Shown("challenge", act.challenge(), True)
    yield Shown("prediction", prediction.question, True)
    if isinstance(prediction, Question):
        yield from question_texts("prediction", prediction)
    for entry in entries_to_try(prediction):
        gap = prediction.gap(entry)
        for part in ("predicted", "actual", "text"):
            yield Shown(f"overlay for {entry}, {part}", getattr(gap, part))
        yield Shown(f"overlay for {entry}, why", gap.why, True)
    yield Shown("reflection", reflection.question, True)
    yield from question_texts("reflection", reflection)
    yield Shown("math peek", act.peek().note, True)
    for constraint in act.constraints():
        yield Shown("badge", constraint.label)


def question_texts(place: str, question: Question) -> Iterator[Shown]:
    """Text and feedback of every option."""
    for option in question.options:
        yield Shown(f"{place}, option {option.id}", option.text, True)
        yield Shown(f"{place}, feedback to {option.id}", option.feedback, True)


def live_texts(act: Act, plots: Mapping[str, Plot]) -> Iterator[Shown]:
    """What the controls change on screen."""
    outcome = act.outcome
    for metric in act.metrics(outcome):
        yield Shown(f"readout {metric.label!r}", " ".join((metric.label, str(metric.value), metric.unit, metric.note)))
    for table in act.tables(outcome):
        yield Shown(f"table {table.title!r}", " | ".join((table.title, *table.columns)))
        for row in table.rows:
            yield Shown(f"table {table.title!r}, row {row[0]!r}", " | ".join(row))
    for failure in act.active_failures():
        yield Shown(f"banner {failure.id}", f"{failure.title} {failure.text(outcome)}")
    for control, limit in act.limits().items():
        for reason in [limit] if isinstance(limit, str) else limit.values():
            yield Shown(f"limit of {control}", reason)
    for name, spec in act.specs.items():
        yield Shown(f"control {name}", spec.text(getattr(act, name)))
    for name, plot in plots.items():
        for text in plot_texts(plot):
            yield Shown(f"plot {name!r}", text)


def plot_texts(plot: Plot) -> Iterator[Any]:
    """Every word on a plot."""
    yield from (plot.title, plot.caption, plot.x.label, plot.y.label)
    yield from (label for label, _ in plot.key)
    for axis in (plot.x, plot.y):
        yield from (text for _, text in axis.ticks)
    for layer in plot.layers:
        if isinstance(layer, Labels):
            yield from layer.columns()["text"]


#: Words behind a 1 that end in an s and are no plurals: a unit, and what follows a name that ends in 1 (Group 1 lies).
_NO_PLURALS = (
    *("ms", "ns", "is", "was", "has", "as", "plus", "its"),
    *("holds", "lies", "meets", "needs", "pays", "reaches", "spreads", "stays", "takes", "uses"),
)

_FLAWS = (
    (
        # Also in bold; not the 1 of 21, 0.1, 10^-1, 4:1 or Lab 1-1.
        re.compile(rf"(?<![\w.,:^×·+/–−-])1\**[ \u00a0]\**(?!(?:{'|'.join(_NO_PLURALS)})\b)[A-Za-z]+(?<!s)s\b"),
        "a plural behind a 1; use components.quantity.counted",
    ),
    (re.compile(r"(?<![\w-])-?(?:nan|NaN|inf|Inf)(?![\w-])"), "a number that is none; write ∞ or –"),
    # "None" may begin a sentence or be the name of an option, but it is no value.
    (re.compile(r"(?<!^)(?<![.!?]\s)\bNone\b(?! of\b)", re.MULTILINE), "Python's None; write –"),
    (re.compile(r"\d[eE][+-]\d"), "a number in Python's exponent form; use components.quantity"),
    (re.compile(r"\d\.\d{8,}"), "an unrounded number; use components.quantity"),
    (re.compile(r"[{}]"), "a brace outside an equation: a placeholder that was not filled in?"),
    (re.compile(r"<(?:function|class|bound|built-in)|\bobject at 0x|\barray\(|\bnp\.\w+\("), "a Python object"),
)
_EQUATION = re.compile(r"<math.*?</math>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_MATH = re.compile(r"\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL)


_MARKUP = re.compile(r"\*\*|`|\$[^$]+\$|\]\(|\\[a-zA-Z]+|</?[a-z]+(?: [^<>]*)?>")


@lru_cache(maxsize=100_000)
def flaw(text: Any, markdown: bool = True) -> str | None:
    """What is wrong with a text as a reader sees it; None if nothing is."""
    if not isinstance(text, str):
        return f"a {type(text).__name__} in place of a text"
    seen = unescape(_TAG.sub(" ", _EQUATION.sub("", to_html(text)))) if markdown else text
    if found := _MARKUP.search(seen):
        where = "left after rendering" if markdown else "where the page shows plain text"
        return f"markup {where} (…{seen[max(0, found.start() - 20) : found.end() + 20]}…)"
    shown = _MATH.sub("", text) if markdown else text
    for pattern, complaint in _FLAWS:
        if found := pattern.search(shown):
            return f"{complaint} (…{shown[max(0, found.start() - 20) : found.end() + 20]}…)"
    return None


def plot_flaws(plot: Plot) -> Iterator[str]:
    """What is wrong with a plot apart from its words: axes, colours, data."""
    for name, axis in (("x", plot.x), ("y", plot.y)):
        if not (math.isfinite(axis.low) and math.isfinite(axis.high) and axis.low < axis.high):
            yield f"its {name} axis runs from {axis.low} to {axis.high}"
        elif axis.log and axis.low <= 0:
            yield f"its logarithmic {name} axis starts at {axis.low}"
        if not axis.label and not axis.ticks:
            yield f"its {name} axis has neither a label nor named positions"
    if not plot.title or not plot.caption:
        yield "it has no title or no caption"
    for token in {layer.token for layer in plot.layers} | {token for _, token in plot.key}:
        if token not in LIGHT:
            yield f"colour token {token!r} is not one of the theme's"
    for layer in plot.layers:
        columns = layer.columns()
        if len({len(column) for column in columns.values()}) != 1:
            yield f"the columns of a {type(layer).__name__} differ in length"
        for name, column in columns.items():
            if name != "text" and not isinstance(layer, Cells) and np.asarray(column).dtype.kind not in "fiu":
                yield f"column {name} of a {type(layer).__name__} holds {np.asarray(column).dtype}, not numbers"


def standing(lab: Lab) -> dict[str, Any]:
    """Everything that a reload must bring back."""
    return {
        "state": lab.state,
        "context": lab.context,
        "context_source": lab.context_source,
        "predictions": dict(lab.predictions),
        "answers": dict(lab.answers),
        "moved": set(lab.moved),
        "constraint_hit": lab.constraint_hit,
        "named": dict(lab.named),
        "solved": set(lab.solved),
        "attempt": lab.attempt,
        "last design": lab.last_design and (lab.last_design.context, dict(lab.last_design.controls)),
        "controls of act1": lab.act1.remembered(),
        "controls of act2": lab.act2.remembered(),
    }


def danger(lab: Lab) -> list[Any]:
    """The red failures of Act II that hold right now."""
    return [failure for failure in lab.act2.active_failures() if failure.severity == "danger"]


def same(left: Any, right: Any) -> bool:
    """Whether two outcomes or parts of them are equal, arrays and NaN included."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        a, b = np.asarray(left), np.asarray(right)
        if a.shape != b.shape:
            return False
        return bool(np.array_equal(a, b, equal_nan=True)) if a.dtype.kind in "fc" else bool(np.array_equal(a, b))
    if isinstance(left, tuple | list) and isinstance(right, tuple | list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right):
        return True
    if hasattr(left, "__dataclass_fields__") and type(left) is type(right):
        return all(same(getattr(left, name), getattr(right, name)) for name in left.__dataclass_fields__)
    return bool(left == right)
