"""The gallery: every component with sample data, every instrument with that of the lab that introduces it."""

from __future__ import annotations

from collections.abc import Iterator

from panel.viewable import Viewable

from components.about import AboutModel
from components.action import Action
from components.banner import FailureBanner
from components.callout import Callout, StakeholderMessage
from components.controls import ControlPanel, choice, log_slider, slider
from components.instruments.figure import Figure
from components.instruments.layers import Plot
from components.instruments.registry import INSTRUMENTS
from components.layout import Stack
from components.ledger_panel import LedgerPanel
from components.metrics import ComparisonRow, Metric, MetricRow
from components.peek import MathPeek
from components.prediction import PredictionLock, PredictionOverlay
from components.reflection import Reflection
from labs.catalog import catalog
from labs.lab import Lab
from labs.score import RULE
from ledger import DesignLedger, new_student_id, open_store

OPTIONS = [{"id": letter, "text": f"Option {letter}"} for letter in "ABCD"]


def gallery() -> Stack:
    """The page's contents."""
    parts: list[Viewable] = [
        Callout.of(
            "For authors: what there is to build a lab from. A component is a class in `components`, an instrument a "
            "function in `components.instruments` that turns typed data into a plot.",
            title="Gallery",
        )
    ]
    for name, samples in component_samples():
        parts += [Callout.of(f"`{name}`"), *samples]
    for place, plots in instrument_samples().items():
        parts.append(_chapter(place, plots))
    return Stack(items=parts, max_width=1180, margin=(16, 16), align="center")


def _chapter(place: str, plots: dict[str, Plot]) -> Stack:
    """The instruments that a chapter introduces: their names at once, their drawings when they are asked for.

    All of them together would keep the server busy for a minute.
    """
    names = ", ".join(f"`{name}`" for name in plots)
    heading = Callout.of(names, title=f"Introduced in {place}")
    show = Action(label=f"Draw the instruments of {place}")
    chapter = Stack(items=[heading, show])

    def draw(_: object) -> None:
        # The button is gone once it was pressed, but a browser may send what it likes.
        if show not in chapter.items:
            return
        drawn = [(Callout.of(f"`{name}`"), Figure(plot)) for name, plot in plots.items()]
        chapter.items = [heading, *(part for pair in drawn for part in pair)]

    show.on_msg(draw)
    return chapter


def component_samples() -> Iterator[tuple[str, list[Viewable]]]:
    """Name of each component, and it in the states that matter."""
    yield (
        "StakeholderMessage",
        [StakeholderMessage.of("Head of Platform, a retailer", "What did the merge do to our **P99**?")],
    )
    yield (
        "Callout",
        [
            Callout.of("Energy is power times time: $E = P\\,t$.", title="info: a concept"),
            Callout.of("Both terms are equal at the optimum.", kind="success", title="success: a right answer"),
            Callout.of("That counts a term that is not there.", kind="warn", title="warn: a wrong or missing answer"),
            Callout.of("96 GB needed, 80 available.", kind="danger", title="danger: a failure"),
        ],
    )
    yield (
        "PredictionLock",
        [
            PredictionLock(question="How long does one cell last?", options=OPTIONS),
            PredictionLock(question="How far away?", range={"low": 0, "high": 4000, "step": 10, "unit": "km"}),
            PredictionLock(question="How long does one cell last?", options=OPTIONS, locked=True, chosen="B"),
        ],
    )
    yield (
        "PredictionOverlay",
        [
            PredictionOverlay(predicted="720 h", actual="27 h", gap="26.7 times", html="<p>Charge is not energy.</p>"),
            PredictionOverlay(
                predicted="27 h", actual="27 h", gap="1.00 times", correct=True, html="<p>Which knob next?</p>"
            ),
        ],
    )
    yield (
        "Reflection",
        [
            Reflection(question="Which term binds?", options=OPTIONS),
            Reflection(
                question="Which term binds?", options=OPTIONS, chosen="A", feedback="<p>It was 0.6 % of the time.</p>"
            ),
        ],
    )
    yield (
        "FailureBanner",
        [
            FailureBanner(
                failures=[
                    {"severity": "danger", "title": "OOM:", "text": "96.0 GB needed, 80 GB available."},
                    {"severity": "warn", "title": "Late:", "text": "9.45 days, 0.45 too many."},
                ]
            )
        ],
    )
    yield (
        "MetricRow",
        [
            MetricRow.of(
                Metric("Loop", "7.42", "ms", status="met"),
                Metric("P99", "386", "ms", note="limit 50", status="violated"),
                Metric("Storage duty", "61", "%", status="caution"),
                Metric("Cameras", "8"),
            )
        ],
    )
    yield (
        "ComparisonRow",
        [
            ComparisonRow(
                title="Terms of the iron law",
                columns=["", "A100", "H100"],
                rows=[
                    {"cells": ["data (ms)", "1.471", "0.896"]},
                    {"cells": ["sum (ms)", "1.681", "1.099"], "emphasis": True},
                ],
            )
        ],
    )
    controls = {
        "batch": slider("Batch", 1, 32, 1, 8, unit="sequences", reason="a sample"),
        "interval": log_slider(
            "Interval", 60, 86400, 20, 3600, unit="min", scale=1 / 60, entry=True, reason="a sample"
        ),
        "precision": choice("Precision", {"fp16": "FP16", "int8": "INT8"}, "fp16", reason="a sample"),
        "rails": choice("Rails", {1: "1", 2: "2", 4: "4"}, 2, widget="select", reason="a sample"),
    }
    yield (
        "ControlPanel",
        [
            ControlPanel(
                controls=[control.spec.for_browser(name) for name, control in controls.items()],
                values={
                    name: control.spec.value_for_browser(control.spec.default) for name, control in controls.items()
                },
                limits={"precision": {"options": {"int8": "INT8 needs calibration data."}}},
            )
        ],
    )
    yield "MathPeek", [MathPeek.of(["young_interval"], "Both terms of the tax are equal at this interval.")]
    yield (
        "AboutModel",
        [
            AboutModel(
                html="<p>Failures are independent.</p>",
                constants=[["mtbf", "50,000 h", "per GPU, all causes", "chapter"]],
                ranges=[["Interval", "1 min to 72 h", "minutes to a long weekend"]],
                formulas=[["young_interval", "first order", "Young 1974"]],
            )
        ],
    )
    yield "Action", [Action(label="Open Act I", hint="38 minutes in all")]
    yield (
        "LedgerPanel",
        [
            LedgerPanel(
                rows=[
                    ["context when saved", "cloud", "", "context"],
                    ["latency of the loop", "7.42", "ms", "act2_result"],
                ],
                can_save=True,
                grading=RULE,
            )
        ],
    )


def instrument_samples() -> dict[str, dict[str, Plot]]:
    """Each instrument once, by the place of its introduction, with the data of the first lab that draws it."""
    samples: dict[str, Plot] = {}
    store = open_store("sqlite://")
    for lab in catalog():
        run = lab(DesignLedger(store, new_student_id()))
        for context in lab.contexts:
            run.set_context(context.id)
            for plot in _plots(run):
                samples.setdefault(plot.instrument, plot)
    chapters: dict[str, dict[str, Plot]] = {}
    for name, introduction in sorted(INSTRUMENTS.items(), key=lambda item: (item[1].volume, item[1].chapter)):
        if name in samples:
            place = f"V{introduction.volume}-{introduction.chapter:02d}"
            chapters.setdefault(place, {})[name] = samples[name]
    return chapters


def _plots(run: Lab) -> Iterator[Plot]:
    """What the acts draw at their defaults, and Act II for designs that break and that pass."""
    for act in (run.act1, run.act2):
        yield from act.plots(act.outcome).values()
    for design in (run.breaking(run.context), run.solution(run.context)):
        run.act2.param.update(**(design or {}))
        yield from run.act2.plots(run.act2.outcome).values()
        run.act2.reset()
