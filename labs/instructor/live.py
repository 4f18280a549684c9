"""What the live view shows of a class in one lab, from its log, as plain data for the screen.

Two things are left out unless they are asked for, and then never reach a browser: names, and what is right.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.text import to_html
from labs.content import NumberPrediction
from labs.instructor.dots import dot_plot
from labs.instructor.people import roll
from labs.instructor.sheet import ACT_NAMES, Bin, bin_of, bins_of, sheet_of
from labs.lab import Lab
from labs.states import STATES
from ledger.live import LabLog, Mark, Trace, students_of
from ledger.rounds import PHASES, REVEALED, REVOTE, VOTE, Round

STATE_NAMES = {
    "briefing": "Briefing",
    "act1_predict": "Act I: predict",
    "act1_explore": "Act I: locked",
    "act1_reflect": "Act I: explore",
    "act2_predict": "Act II: predict",
    "act2_explore": "Act II: locked",
    "act2_reflect": "Act II: design",
    "saved": "Saved",
}
"""What the stepper calls the states of a lab."""

#: Questions with their own "reveal", in the order of the page: kind and act.
QUESTIONS = tuple((kind, act) for act in ACT_NAMES for kind in ("prediction", "reflection"))


def question_id(kind: str, act: str) -> str:
    """What a question is called between page and server."""
    return f"{kind}.{act}"


#: The question that a class round is about.
VOTED = question_id("prediction", "act1")


@dataclass(frozen=True, eq=False)
class Moment:
    """A class in one lab as it stands; every reading of the log makes a new one."""

    traces: Mapping[str, Trace]
    round: Round | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, log: LabLog, names: Mapping[str, str]) -> Moment:
        """What a log holds now."""
        return cls(dict(log.traces), log.round, names)


def counts(moment: Moment) -> list[dict[str, Any]]:
    """How many have opened the lab, locked each act, saved."""
    traces = moment.traces.values()
    steps = {
        "Opened": sum(1 for trace in traces if trace.opened),
        "Locked Act I": sum(1 for trace in traces if "act1" in trace.predictions),
        "Locked Act II": sum(1 for trace in traces if "act2" in trace.predictions),
        "Solved a challenge": sum(1 for trace in traces if trace.solved),
        "Saved": sum(1 for trace in traces if trace.saved is not None),
    }
    return [{"label": label, "value": value} for label, value in steps.items()]


def steps(moment: Moment, with_names: bool) -> list[dict[str, Any]]:
    """Where everybody stands: how many are in each state of the lab, and who."""
    found = {state: list(students_of(moment.traces, state)) for state in STATES}
    return [
        {
            "label": STATE_NAMES[state],
            "count": len(students),
            "names": roll(students, moment.names) if with_names else [],
        }
        for state, students in found.items()
    ]


def question(
    lab: type[Lab], moment: Moment, kind: str, act: str, revealed: bool, covered: bool = False
) -> dict[str, Any]:
    """The first answers to a question, by option or in bins of a number; how many, but not which, while `covered`."""
    sheet = sheet_of(lab)
    asked = (sheet.predictions if kind == "prediction" else sheet.reflections)[act]
    marks = (
        mark
        for trace in moment.traces.values()
        if (mark := (trace.predictions if kind == "prediction" else trace.answers).get(act)) is not None
    )
    tally = _tally(lab, kind, act, marks)
    bins = bins_of(lab, kind, act)
    total = sum(tally.values())
    shown: dict[str, Any] = {
        "id": question_id(kind, act),
        "title": f"{ACT_NAMES[act]}: {kind}",
        "question": to_html(asked.question),
        "unit": asked.unit if isinstance(asked, NumberPrediction) else "",
        "numeric": isinstance(asked, NumberPrediction),
        "total": total,
        "other": tally[None],
        "bars": [] if covered else [_bar(one, tally[one.id], revealed) for one in bins],
        "covered": covered,
        "revealed": revealed,
        "truth": "",
        "at": None,
    }
    if revealed and kind == "prediction":
        prediction = sheet.predictions[act]
        if math.isfinite(prediction.actual):
            shown["truth"] = f"The model gives {prediction.form(prediction.actual)}."
        if isinstance(prediction, NumberPrediction):
            shown["at"] = (prediction.actual - bins[0].low) / (bins[-1].high - bins[0].low)
    return shown


def failures(lab: type[Lab], moment: Moment, with_names: bool) -> list[dict[str, Any]]:
    """Who met which failure of Act II, most frequent first; those that nobody met at the end."""
    titles = sheet_of(lab).failures
    met = {failure: [s for s, trace in moment.traces.items() if failure in trace.failures] for failure in titles}
    lines = [
        {"title": titles[failure], "count": len(students), "names": roll(students, moment.names) if with_names else []}
        for failure, students in met.items()
    ]
    return sorted(lines, key=lambda line: -line["count"])


def results(lab: type[Lab], moment: Moment) -> list[dict[str, Any]]:
    """Results of saved designs by context, with those that solved the challenge and are not saved (yet)."""
    sheet = sheet_of(lab)
    lines = []
    for context, label in sheet.contexts.items():
        values = [pair for trace in moment.traces.values() if (pair := _result_in(context, trace)) is not None]
        lines.append(
            {
                "context": label,
                "unit": sheet.units[context],
                "limits": sheet.limits[context],
                "solved": sum(1 for trace in moment.traces.values() if context in trace.solved),
                "plot": dot_plot(values, sheet.units[context]) if values else None,
            }
        )
    return lines


def voting(latest: Round | None) -> bool:
    """Whether the class is casting votes: whoever sees the others' first is swayed by them."""
    return latest is not None and latest.is_open() and latest.phase in (VOTE, REVOTE)


def class_round(lab: type[Lab], moment: Moment, revealed: bool, covered: bool = False) -> dict[str, Any]:
    """The latest round of the lab: its phase, first and second votes side by side, and the shift between them.

    Counted are those who locked Act I in the round; of these, `shift` and `moved` take those who voted twice. `moved`
    says how right and wrong became each other.
    """
    latest = moment.round
    if latest is None:
        nothing: dict[str, Any] = {"rows": [], "moved": [], "covered": False}
        return {**nothing, "number": 0, "phase": "", "open": False, "first": 0, "second": 0}
    closed = latest.changed_at if latest.phase == REVEALED else None
    votes = [
        (first, trace.revised.get(latest.number))
        for trace in moment.traces.values()
        if (first := trace.vote_in(latest.opened_at, closed)) is not None
    ]
    twice = [(first, second) for first, second in votes if second is not None]
    before = _tally(lab, "prediction", "act1", (first for first, _ in votes))
    after = _tally(lab, "prediction", "act1", (second for _, second in twice))
    # Whoever has not voted again has not left an option.
    left = _tally(lab, "prediction", "act1", (first for first, _ in twice))
    rows = []
    for one in bins_of(lab, "prediction", "act1"):
        shift = after[one.id] - left[one.id]
        rows.append(
            {
                "text": one.html,
                "first": before[one.id],
                "second": after[one.id],
                "shift": f"{shift:+d}".replace("-", "−") if shift else "±0",
                "right": one.right and revealed,
            }
        )
    both = Counter((first.correct, second.correct) for first, second in twice)
    return {
        "number": latest.number,
        "phase": latest.phase,
        "open": latest.is_open(),
        "rows": [] if covered else rows,
        "covered": covered,
        "first": len(votes),
        "second": len(twice),
        "moved": [
            {"label": "right both times", "count": both[True, True]},
            {"label": "wrong, then right", "count": both[False, True]},
            {"label": "right, then wrong", "count": both[True, False]},
            {"label": "wrong both times", "count": both[False, False]},
        ]
        if revealed and both
        else [],
    }


def next_phases(latest: Round | None) -> list[str]:
    """What an instructor may do with a round: open one ("vote"), or take the open one on."""
    if latest is None or not latest.is_open():
        return [PHASES[0]]
    return list(dict.fromkeys((PHASES[PHASES.index(latest.phase) + 1], REVEALED)))


def everything(
    lab: type[Lab],
    moment: Moment,
    revealed: Collection[str] = (),
    *,
    with_names: bool = False,
    uncovered: bool = False,
) -> dict[str, Any]:
    """All of the above: the properties of the screen. Votes are covered while they are cast, unless `uncovered`."""
    covered = voting(moment.round) and not uncovered
    return {
        "counts": counts(moment),
        "steps": steps(moment, with_names),
        "questions": [
            question(lab, moment, kind, act, one in revealed, covered and one == VOTED)
            for kind, act in QUESTIONS
            for one in (question_id(kind, act),)
        ],
        "round": {
            **class_round(lab, moment, VOTED in revealed, covered),
            "next": next_phases(moment.round),
        },
        "failures": failures(lab, moment, with_names),
        "results": results(lab, moment),
    }


def _tally(lab: type[Lab], kind: str, act: str, marks: Iterable[Mark]) -> Counter[str | None]:
    """Answers by bin; None counts those that the question does not have."""
    return Counter(bin_of(lab, kind, act, mark.choice) for mark in marks)


def _bar(one: Bin, count: int, revealed: bool) -> dict[str, Any]:
    return {"text": one.html, "count": count, "right": one.right and revealed}


def _result_in(context: str, trace: Trace) -> tuple[float, bool] | None:
    """The result of a student's design in a context, and whether they have met its challenge."""
    met = context in trace.solved
    saved = trace.saved
    value = saved.get("act2_result") if saved is not None and saved.get("context") == context else None
    if value is None:
        value = trace.solved.get(context)
    if value is None or not math.isfinite(value):
        return None
    return float(value), met
