"""A lab on paper: what a snapshot prints. The instructor's version has answers, solutions and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from components.documents import TEMPLATES, render
from components.metrics import Metric
from components.text import to_html, to_inline_html
from labs import showing
from labs.act import Act
from labs.content import ChoicePrediction, NumberPrediction, Option
from labs.lab import Lab
from labs.robot import memory_ledger, opened
from ledger import DesignLedger

CSS = (TEMPLATES / "handout.css").read_text(encoding="utf-8")


def handout(lab: type[Lab], *, answers: bool) -> str:
    """The printed lab as HTML: without answers for students, with them for instructors."""
    # The order of unordered options is drawn from the student's name: on paper everybody has the same.
    run = lab(DesignLedger(memory_ledger().store, "handout"))
    return render(
        "handout.html",
        answers=answers,
        lab=lab,
        contexts=_listed([context.label for context in lab.contexts]),
        briefing=_html(lab.briefing),
        invariant=_inline(lab.invariant),
        reading=[(_inline(item.section), _inline(item.why)) for item in lab.reading],
        acts=[_act(lab, run, act, answers) for act in (run.act1, run.act2)],
        assumptions=_html(lab.assumptions),
        constants=[showing.constant(constant) for constant in lab.constants],
        notes=_html(lab.instructor_notes) if answers and lab.instructor_notes else "",
    )


class _Told(NamedTuple):
    """What a student is told at the start of an act in a context."""

    role: str
    message: Markup
    concept: Markup


def _listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them: Cloud, Edge and Mobile."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _html(markdown: str) -> Markup:
    return Markup(to_html(markdown))


def _inline(markdown: str) -> Markup:
    return Markup(to_inline_html(markdown))


def _act(lab: type[Lab], run: Lab, act: Act, answers: bool) -> dict[str, Any]:
    contexts: list[dict[str, Any]] = []
    for context in lab.contexts:
        run.set_context(context.id)
        message = act.message()
        told = _Told(message.role, _html(message.text), _html(act.concept()))
        contexts.append(
            {
                "label": context.label,
                # What was said in the context before is not said again.
                "told": None if contexts and contexts[-1]["whole"] == told else told,
                "whole": told,
                "challenge": _html(act.challenge()) if act.challenge() else "",
                "constraints": [constraint.label for constraint in act.constraints()],
                "controls": [(spec.label, spec.range_text(), spec.text(spec.default)) for spec in act.specs.values()],
                "designs": _designs(lab, context.id) if answers and act.key == "act2" else [],
            }
        )
    run.set_context(lab.contexts[0].id)
    prediction, reflection = act.prediction(), act.reflection()
    actual = f"**The model gives {prediction.form(prediction.actual)}.** {prediction.why}"
    if isinstance(prediction, NumberPrediction):
        asked: dict[str, Any] = {"range": f"{prediction.low:g} to {prediction.high:g} {prediction.unit}", "options": []}
    else:
        asked = {"range": "", "options": _options(run.options_in_order(prediction), answers, prediction)}
    return {
        "name": {"act1": "Act I", "act2": "Act II"}[act.key],
        "title": act.title,
        "minutes": act.minutes,
        "contexts": contexts,
        "question": _inline(prediction.question),
        **asked,
        "actual": _html(actual) if answers else "",
        "reflection": _inline(reflection.question),
        "reflection_options": _options(run.options_in_order(reflection), answers),
    }


def _options(
    options: Sequence[Option], answers: bool, prediction: ChoicePrediction | None = None
) -> list[dict[str, Any]]:
    """The options of a question; wrong ones of a prediction with the gap."""

    def said(option: Option) -> str:
        gap = f"Off by {prediction.gap(option.id).text}. " if prediction and not option.correct else ""
        return f"{gap}{option.feedback}"

    return [
        {
            "text": _inline(option.text),
            "correct": answers and option.correct,
            "feedback": _html(said(option)) if answers else "",
        }
        for option in options
    ]


def _designs(lab: type[Lab], context: str) -> list[dict[str, Any]]:
    """A design that solves the challenge and one that breaks, with the readouts of both."""
    run = opened(lab, context=context)
    found = []
    for title, moves in (
        ("A design that meets the challenge", run.solution(context)),
        ("A design that breaks", run.breaking(context)),
    ):
        if moves is None:
            continue
        run.act2.reset()
        for name, value in moves.items():
            run.set_control("act2", name, value)
        found.append(_design(title, run, moves))
    return found


def _design(title: str, run: Lab, moves: Mapping[str, Any]) -> dict[str, Any]:
    act = run.act2
    metrics: list[Metric] = act.metrics(act.outcome)
    return {
        "title": title,
        "controls": [(spec.label, spec.text(act.values()[name]), name in moves) for name, spec in act.specs.items()],
        "metrics": [(metric.label, f"{metric.value} {metric.unit}".strip()) for metric in metrics],
        "failures": [(failure["title"], failure["text"]) for failure in showing.failures(act)],
    }
