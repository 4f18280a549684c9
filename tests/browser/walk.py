"""Students who have come some way already: the lab's own model is walked on the server's ledger, from outside."""

from __future__ import annotations

from labs.content import NumberPrediction, Prediction
from labs.lab import Lab
from labs.states import reached
from ledger import DesignLedger


def letter(question: object, right: bool) -> str:
    """Id of the right option of a question, or of a wrong one."""
    return next(option.id for option in question.options if option.correct is right)  # type: ignore[attr-defined]


def some_number(prediction: NumberPrediction, right: bool) -> float:
    """An entry that a prediction counts as right, or as wrong."""
    entries = prediction.entries()
    if right:
        return min(entries, key=lambda value: abs(value - prediction.actual))
    # Half way up the range rather than its end: a value that somebody would enter.
    wrong = [value for value in entries if not prediction.correct(value)]
    return wrong[len(wrong) // 2]


def some_answer(prediction: Prediction, right: bool) -> str | float:
    """What a student enters as a prediction."""
    if isinstance(prediction, NumberPrediction):
        return some_number(prediction, right)
    return letter(prediction, right)


def other_values(run: Lab, key: str) -> dict[str, object]:
    """One control of an act that can be moved, away from where it stands."""
    act = run.act(key)
    limits = act.limits()
    for name, spec in act.specs.items():
        if name in limits:
            continue
        value = next(value for value in spec.values() if value != getattr(act, name))
        return {name: value}
    raise AssertionError(f"no control of {key} can be moved")


def breaking_context(lab: type[Lab], run: Lab) -> str:
    """A context in which the controls can trigger a failure."""
    return next(context.id for context in lab.contexts if run.breaking(context.id) is not None)


def walk(lab: type[Lab], ledger: DesignLedger, state: str, *, breaking: bool = False) -> Lab:
    """Takes a new student to `state`, with wrong predictions; with `breaking`, Act II ends in a failure."""
    run = lab(ledger)
    if reached(state, "act1_predict"):
        run.begin_act1()
    for key in ("act1", "act2"):
        if reached(state, f"{key}_explore"):
            run.lock(key, some_answer(run.act(key).prediction(), right=False))
        if reached(state, f"{key}_reflect"):
            if breaking and key == "act2":
                run.set_context(breaking_context(lab, run))
            wanted = run.breaking(run.context) if breaking and key == "act2" else other_values(run, key)
            assert wanted is not None
            for name, value in wanted.items():
                run.set_control(key, name, value)
            run.keep()
        if (key == "act1" and reached(state, "act2_predict")) or (key == "act2" and reached(state, "act2_reflect")):
            run.answer(key, letter(run.act(key).reflection(), right=key == "act2"))
    if reached(state, "saved"):
        for field, radio in lab.questions().items():
            run.decide(next(iter(radio.options)), field)
        run.save()
    assert run.state == state
    return run
