"""What a snapshot holds of a lab besides its recorded states: texts, questions with every answer, controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from panel.custom import Child, Children

from components.base import HtmlComponent
from components.controls import Slider, Spec
from components.peek import MathPeek
from components.text import to_html, to_inline_html
from labs import showing
from labs.act import Act
from labs.catalog import catalog
from labs.content import NumberPrediction
from labs.lab import Lab
from labs.report import for_snapshot, report_name
from labs.robot import memory_ledger, opened
from labs.snapshot.grid import Grid
from labs.snapshot.recorder import Recording
from labs.states import NEXT_STEP, STATES
from labs.view import LabView
from ledger import KEYS, contract_of, parse_key

READS_TITLE = "Read from earlier labs; a live lab starts from these values, a snapshot from its defaults"
ONE_CONTEXT_COUNTS = (
    "A snapshot knows the controls of the context on screen; the other contexts count as they started. The live lab "
    "counts what you have set in each."
)


def lesson(lab: type[Lab], recordings: Mapping[str, Mapping[str, Recording]]) -> dict[str, Any]:
    """The lesson of a lab whose acts were recorded: `recordings[act][context]`. JSON."""
    run = lab(memory_ledger())
    view = LabView(run)
    frame = view.frame
    standing = {context.id: opened(lab, context=context.id) for context in lab.contexts}
    return {
        "key": lab.key(),
        "keys": list(KEYS),
        "opens": run.context,
        "frame": {
            "eyebrow": frame.eyebrow,
            "title": frame.title,
            "question": frame.question,
            "minutes": frame.minutes,
            "contexts": frame.contexts,
        },
        "states": list(STATES),
        "next_step": dict(NEXT_STEP),
        "tabs": {state: showing.tabs(state) for state in STATES},
        "badges": {context: [badge["label"] for badge in showing.badges(there)] for context, there in standing.items()},
        "briefing": [tree(part) for part in view.slots["briefing"].items],
        "acts": {key: _act(run, run.act(key), recordings[key]) for key in ("act1", "act2")},
        "questions": showing.ledger_questions(run),
        "fields": {context: _fields(there) for context, there in standing.items()},
        "of_act1": {
            context: [slot.removeprefix("design/") for slot in recording.table.columns if slot.startswith("design/")]
            for context, recording in recordings["act1"].items()
        },
        "save_hints": {
            "screen": ONE_CONTEXT_COUNTS if lab.counts_every_context else showing.SAVED_AS_SHOWN,
            "lost": showing.SAVED_LAST_THAT_WORKED,
        },
        "reads": [_read(key, field) for key, field in lab.reads],
        "reads_title": READS_TITLE,
        "report": None if (report := run.report()) is None else {**for_snapshot(report), "name": report_name(lab)},
    }


def tree(component: HtmlComponent) -> dict[str, Any]:
    """A component as the snapshot's script mounts it: its type, its properties, its children."""
    properties: dict[str, Any] = {}
    children: dict[str, Any] = {}
    inherited = set(HtmlComponent.param)
    for name, parameter in type(component).param.objects().items():
        value = getattr(component, name)
        if name in inherited or name == "name":
            continue
        if isinstance(parameter, Children):
            children[name] = [tree(child) for child in value]
        elif isinstance(parameter, Child):
            children[name] = tree(value)
        else:
            properties[name] = value
    return {"type": type(component).__name__, "properties": properties, "children": children}


def _act(run: Lab, act: Act, recordings: Mapping[str, Recording]) -> dict[str, Any]:
    specs: list[tuple[str, Spec]] = []
    texts = {}
    for context in recordings:
        run.set_context(context)
        message = act.message()
        texts[context] = {
            "message": {"role": message.role, "html": to_html(message.text)},
            "concept": to_html(act.concept()),
            "challenge": to_html(act.challenge()) if act.challenge() else "",
        }
    run.set_context(next(iter(recordings)))
    peek = act.peek()
    return {
        "texts": texts,
        "from_ledger": to_html(act.from_ledger()) if act.from_ledger() else "",
        "prediction": _prediction(run, act, next(iter(recordings.values())).answers),
        "reflection": _reflection(act),
        "peek": tree(MathPeek.of(peek.formulas, peek.note)),
        "controls": {context: _controls(act, recording.grid, specs) for context, recording in recordings.items()},
        "drawings": {context: recording.drawings for context, recording in recordings.items()},
    }


def _prediction(run: Lab, act: Act, answers: Sequence[Any]) -> dict[str, Any]:
    prediction = act.prediction()
    shown: dict[str, Any] = {
        "question": to_inline_html(prediction.question),
        "options": [],
        "range": {},
        "shuffled": False,
    }
    if isinstance(prediction, NumberPrediction):
        shown["range"] = {
            "low": answers[0],
            "high": answers[-1],
            "step": float(f"{answers[1] - answers[0]:.10g}"),
            "unit": prediction.unit,
        }
    else:
        ascending = prediction.ascending()
        shown |= {"options": showing.options(ascending or list(prediction.options)), "shuffled": ascending is None}
    said = []
    for answer in answers:
        recorded = answer if isinstance(prediction, NumberPrediction) else run.ledger_value(act.key, answer)
        overlay = showing.overlay(prediction, answer)
        said.append({"value": answer, "overlay": overlay, "ledger": recorded, "text": showing.design_value(recorded)})
    return {**shown, "answers": said}


def _reflection(act: Act) -> dict[str, Any]:
    question = act.reflection()
    ascending = question.ascending()
    said = {option.id: showing.feedback(question, option.id) for option in question.options}
    return {
        "question": to_inline_html(question.question),
        "options": showing.options(ascending or list(question.options)),
        "shuffled": ascending is None,
        "feedback": {id_: {"correct": each["correct"], "feedback": each["feedback"]} for id_, each in said.items()},
    }


def _controls(act: Act, grid: Grid, specs: list[tuple[str, Spec]]) -> list[dict[str, Any]]:
    """The controls of a context; `specs` collects those met so far, so that shared ones get the same number."""
    shown = []
    for name, spec in act.controls_in(grid.context).items():
        if (name, spec) not in specs:
            specs.append((name, spec))
        kept = grid.kept[name]
        total = len(spec.values())
        definition = spec.for_browser(name)
        if isinstance(spec, Slider):
            definition |= {"stops": [spec.text(value) for value in kept], "entry": None}
        else:
            definition["options"] = [{"id": str(value), "label": spec.text(value)} for value in kept]
        if len(kept) < total:
            definition["remark"] = f"{len(kept)} of {total} steps in this snapshot"
        shown.append(
            {
                "name": name,
                "spec": specs.index((name, spec)),
                "definition": definition,
                "values": list(kept),
                "texts": [spec.text(value) for value in kept],
                "ids": None if isinstance(spec, Slider) else [str(value) for value in kept],
                "default": kept.index(spec.default),
            }
        )
    return shown


def _fields(run: Lab) -> list[list[str]]:
    rows = showing.design_rows(run, run.design())
    return [[meaning, unit, name] for meaning, _, unit, name in rows]


def _read(key: str, field: str) -> dict[str, str]:
    volume, number = parse_key(key)
    titles = {lab.key(): lab.title for lab in catalog()}
    name = f"Lab {number:02d}" if volume == 1 else f"Volume 2, Lab {number:02d}"
    title = f"{name} ({titles[key]})" if key in titles else name
    return {"key": key, "field": field, "from": title, "meaning": contract_of(key).fields[field].meaning}
