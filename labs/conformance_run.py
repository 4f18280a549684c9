"""Rules of conformance about what a student can do in a lab: break, solve, save, resume, move, follow a link.

Each function takes a lab and yields what it found and what would be right. `labs.conformance` runs them.
"""

from __future__ import annotations

import math
import random
import re
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from components.controls import ControlError, Slider
from labs import robot
from labs.act import Act
from labs.conformance_content import Found
from labs.content import ChoicePrediction
from labs.lab import Lab, LabError
from labs.states import STATES
from ledger import CONTRACT, KEYS, DesignError, validate_design

#: States with all controls moved, per act and context.
JOINT_STATES = 60
#: States sampled to believe that no design passes; all of them where there are fewer.
HOPELESS_STATES = 2000
#: A plot may turn a label around or drop one: this many drawings per plot, context and prediction. Each change
#: between them is a new drawing (100 ms) where columns alone would take 1 ms.
DRAWINGS_PER_PLOT = 4
#: `compute` runs on every step of a drag: its median over the states may take this long (s).
COMPUTE_S = 0.02


# --- rule 4: a failure that can be triggered and reversed, a challenge that can be solved ---


def failure_and_challenge(lab: type[Lab]) -> Iterator[Found]:
    broken: list[str] = []
    healed: list[str] = []
    for context in (context.id for context in lab.contexts):
        yield from _badges(lab, context)
        yield from _solvable(lab, context)
        yield from _cliff_counts_rightly(lab, context)
        run = robot.opened(lab, context=context)
        breaking = run.breaking(context)
        if breaking is None:
            continue
        broken.append(context)
        yield from _breaks(run, context, breaking)
        if _heals(run, context):
            healed.append(context)
        elif run.solution(context) is not None:
            yield f"{context}: no reversal removes the banner of breaking()", "under solution() no red banner is left"
        if not run.constraint_hit:
            yield f"{context}: constraint_hit went back to false after the reversal", "once true, until Start over"
    if not broken:
        yield "breaking() is None in every context", "at least one failure of Act II that its controls can trigger"
    elif not healed:
        yield "no context has a failure that its controls remove again", "one that a student can trigger and reverse"


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
            yield (
                f"{context}: {method}() puts {name} at {value!r}, between two stops",
                (f"a value that a student can set, such as {min(spec.values(), key=lambda stop: abs(stop - value)):g}"),
            )


def _breaks(run: Lab, context: str, breaking: Mapping[str, Any]) -> Iterator[Found]:
    yield from _apply(run, context, "breaking", breaking)
    broken = robot.danger(run)
    if not broken:
        yield f"{context}: breaking() = {dict(breaking)} shows no red banner", "controls that trigger a danger failure"
    elif not run.constraint_hit:
        yield f"{context}: a red banner after a move did not set constraint_hit", "true"
    for failure in broken:
        text = failure.text(run.act2.outcome)
        if not re.search(r"\d", text):
            yield f"{context}: banner {failure.id} has no number: {text!r}", "the computed values that broke"
        if problem := robot.flaw(text, markdown=False):
            yield f"{context}: banner {failure.id} shows {problem}", "a text with computed values"


def _heals(run: Lab, context: str) -> bool:
    """Whether a reversal leaves none of the failures on screen: the solution, the defaults, or another state."""
    broken = {failure.id for failure in robot.danger(run)}

    def whole() -> bool:
        return not broken & {failure.id for failure in robot.danger(run)}

    run.reset_controls("act2")
    solution = run.solution(context)
    if solution is not None:
        for name, value in solution.items():
            run.set_control("act2", name, value)
        return whole()
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
            if value == getattr(run.act2, name) or not robot.accepted(partial(run.set_control, "act2", name, value)):
                continue
            expected = expected or bool(robot.danger(run))
        if run.constraint_hit != expected:
            yield (
                f"{run.context}: constraint_hit is {run.constraint_hit} at {run.act2.values()}",
                f"{expected}: a red banner of Act II after a move sets it, and nothing else",
            )
            return


# --- rule 10: one ledger entry as the contract says, and nothing lost ---


def ledger_entry(lab: type[Lab]) -> Iterator[Found]:
    yield from _every_option_saved(lab)
    yield from _designs_fit(lab)
    yield from _resumes(lab)
    yield from _starts_over(lab)
    yield from _reads_what_there_is(lab)
    yield from _reads_any_ledger(lab)


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
    for name, question in lab.questions().items():
        field = CONTRACT[key].fields.get(name)
        words = field.vocabulary or () if field is not None else ()
        if set(question.options) != set(words) or not question.question.strip():
            yield f"asked for {name} it offers {', '.join(question.options)}", f"the contract's {', '.join(words)}"
    for context in lab.contexts:
        run = robot.opened(lab, "saved", context.id)
        for state in ("the default", *robot.joint_moves(run.act2, 50)):
            try:
                stored = validate_design(key, run.design())
            except DesignError as problem:
                yield f"{context.id}, {state}: {'; '.join(problem.problems)}", "a design that the contract allows"
                return
            if shown := robot.flaw(str(stored["act2_decision"]), False):
                yield f"{context.id}, {state}: the decision shows {shown}", "a word of the contract"


def _resumes(lab: type[Lab]) -> Iterator[Found]:
    run = lab(robot.memory_ledger())
    for _ in robot.steps(run):
        run.keep()
        yield from _lost(run)
    dice = random.Random(2)
    for context in (*lab.contexts, lab.contexts[0]):
        run.set_context(context.id)
        for key in robot.ACTS:
            for name, spec in run.act(key).specs.items():
                robot.accepted(partial(run.set_control, key, name, dice.choice(spec.values())))
        run.keep()
        yield from _lost(run)


def _lost(run: Lab) -> Iterator[Found]:
    again = type(run)(run.ledger)
    before, after = robot.standing(run), robot.standing(again)
    for name in before:
        if before[name] != after[name]:
            yield f"a reload in {run.state}, {run.context} changes {name} to {after[name]}", f"{before[name]}"
    if again.notices or not robot.same(again.act2.outcome, run.act2.outcome):
        yield f"a reload in {run.state}, {run.context} brings {again.notices or 'another outcome'}", "what was there"


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


def _reads_what_there_is(lab: type[Lab]) -> Iterator[Found]:
    for key, field in lab.reads:
        if key not in CONTRACT or field not in CONTRACT[key].fields:
            yield f"it reads {key}.{field}, which no lab saves", "a field of the ledger's contract"
        elif KEYS.index(key) >= KEYS.index(lab.key()):
            yield f"it reads {key}, which comes later in the course", "entries of earlier labs"


def _reads_any_ledger(lab: type[Lab]) -> Iterator[Found]:
    """Sound, extreme, half damaged and wholly damaged entries of all labs."""
    bare = _screen(lab(robot.memory_ledger()))
    noted: set[tuple[str, str]] = set()
    screens: list[Any] = []
    for seed in range(5):
        ledger = robot.NotingLedger(robot.full_ledger(seed))
        yield from _opens(lab(ledger), "full", screens)
        noted |= ledger.noted
    if lab.reads and all(shown == bare for shown in screens):
        yield "with and without an earlier ledger the screen is the same", "what was read is shown, with its source"
    for seed in range(2):
        yield from _opens(lab(robot.damaged_ledger(seed, 0.5)), "half damaged", [])
        yield from _opens(lab(robot.full_ledger(seed, extreme=True)), "full, extreme", None)
        damaged: list[Any] = []
        yield from _opens(lab(robot.damaged_ledger(seed)), "damaged", damaged)
        if damaged[0] != bare:
            odd = [there for there, here in zip(damaged[0], bare, strict=False) if there != here][:1]
            yield f"a ledger without one sound field changes the screen: {odd}", "the same as an empty ledger"
    # A field may be looked at only where another has a certain value: more ledgers, without the screen.
    for seed in range(5, 15):
        if set(lab.reads) <= noted:
            return
        ledger = robot.NotingLedger(robot.full_ledger(seed))
        _screen(lab(ledger))
        noted |= ledger.noted
    for key, field in sorted(set(lab.reads) - noted):
        yield f"it declares {key}.{field} but never reads it", "only what is read"


def _opens(run: Lab, kind: str, screens: list[Any] | None) -> Iterator[Found]:
    """Opens with a ledger, walks on, and reads the screen, whose texts go to `screens` (None: not looked at)."""
    if run.notices:
        yield f"with a ledger ({kind}) it opens with the notice {run.notices[0]!r}", "no notice"
    shown = _screen(run)
    if screens is not None:
        screens.append(shown)
        for place, text, markdown in (part for part in shown if isinstance(part, robot.Shown)):
            if problem := robot.flaw(text, markdown):
                yield f"with a ledger ({kind}), {place} shows {problem}", "a text with computed numbers"
    said = " ".join(str(part.text) for part in shown if isinstance(part, robot.Shown))
    for name, source in (item for part in shown if isinstance(part, dict) for item in part.items()):
        if source not in said:
            yield (
                f"with a ledger ({kind}) {name} is preset from {source}, and no text says so",
                f"a sentence on {source}",
            )
    yield from _within_range(run, kind)


def _screen(run: Lab) -> list[Any]:
    """Everything that a student reads in every context, to compare ledgers with."""
    robot.walk(run, "act2_explore")
    shown: list[Any] = [run.context, run.context_source]
    for context in run.contexts:
        run.set_context(context.id)
        for act in robot.acts(run):
            shown += [*robot.fixed_texts(act), *robot.live_texts(act, act.plots(act.outcome))]
            shown.append({name: act.preset_source(name) for name in act.specs})
    return shown


def _within_range(run: Lab, kind: str) -> Iterator[Found]:
    for context in run.contexts:
        run.set_context(context.id)
        for act in robot.acts(run):
            for name, value in act.values().items():
                try:
                    act.specs[name].check(value)
                except ControlError as problem:
                    yield f"with a ledger ({kind}) {act.key}.{name} starts out of range: {problem}", "clamped"


# --- rule 11: every stop of every control computes and shows ---


def every_state(lab: type[Lab]) -> Iterator[Found]:
    for context in lab.contexts:
        for key in robot.ACTS:
            run = robot.opened(lab, "saved", context.id)
            yield from _fixed(run.act(key))
            yield from _sweep(run, key)


def _fixed(act: Act) -> Iterator[Found]:
    for place, text, markdown in robot.fixed_texts(act):
        if problem := robot.flaw(text, markdown):
            yield f"{act.key} in {act.context}, {place} shows {problem}", "a text with computed numbers"


def _sweep(run: Lab, key: str) -> Iterator[Found]:
    act, where = run.act(key), f"{key} in {run.context}"
    choices = robot.entries_to_try(act.prediction())
    drawings: dict[tuple[str, Any], set[Any]] = {}
    names: list[str] | None = None
    tables: int | None = None
    seconds: list[float] = []
    complained: set[Any] = set()
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
            count = len(act.tables(act.outcome))
            lasting = [name for name in plots if name not in act.optional_plots]
            if names is None or tables is None:
                names, tables = lasting, count
            if lasting != names or count != tables:
                yield f"{where}, {state}: plots {lasting}, {count} tables", f"always {names}, {tables} tables"
                return
            for name, plot in plots.items():
                drawings.setdefault((name, choice), set()).add(plot.structure())
                for problem in robot.plot_flaws(plot):
                    if (name, problem) not in complained:
                        complained.add((name, problem))
                        yield f"{where}, {state}: plot {name!r}: {problem}", "a plot that can be drawn and read"
            for place, text, markdown in robot.live_texts(act, plots):
                if (shown := robot.flaw(text, markdown)) and place not in complained:
                    complained.add(place)
                    yield f"{where}, {state}: {place} shows {shown}", "a text with computed numbers"
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
        return f"axis scale, named ticks or height vary: {sorted({shape[:3] for shape in ordered})[:4]}"
    for styles in zip(*(shape[3] for shape in ordered), strict=True):
        if len(set(styles)) > 1:
            return f"the style of a layer varies: {sorted(set(styles), key=repr)[:3]}"
    return "nothing"


# --- rule 12: the same controls, the same outcome: links, evaluate, repetition ---


def same_outcome(lab: type[Lab]) -> Iterator[Found]:
    for context in lab.contexts:
        run = robot.opened(lab, "saved", context.id)
        for act in robot.acts(run):
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
        for seed in range(5):
            for act in robot.acts(run):
                for _ in robot.joint_moves(act, 1, seed):
                    pass
            other = robot.opened(lab, "saved")
            other.act1.reset()
            other.act2.reset()
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
