"""Labs that stand for all others where a test concerns what labs are made of rather than each lab."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from components.controls import Slider
from labs import robot
from labs.act import Act
from labs.catalog import catalog
from labs.lab import Lab


def features(lab: type[Lab]) -> Iterator[str]:
    """What a page of the lab is made of: kinds of controls, questions, contexts and entries."""
    yield f"{len(lab.contexts)} contexts"
    yield "counts every context" if lab.counts_every_context else "counts one context"
    yield "asks for a decision" if lab.decision_radio is not None else "derives the decision"
    if lab.asks:
        yield "asks more"
    if lab.report is not Lab.report:
        yield "report"
    if lab.guide:
        yield "guide"
    for kind in lab.acts:
        if kind.settle is not Act.settle:
            yield "one control moves another"
        if len({frozenset(kind.controls_in(context.id)) for context in lab.contexts}) > 1:
            yield "controls of one context"
    for context in lab.contexts:
        run = robot.opened(lab, context=context.id)
        for act in robot.acts(run):
            yield f"{type(act.prediction()).__name__} in {act.key}"
            if act.tables(act.outcome):
                yield "tables"
            if act.limits():
                yield "stops out of reach"
            for spec in act.specs.values():
                if isinstance(spec, Slider):
                    yield "slider with entry" if spec.entry else "slider"
                    if spec.shortcuts is not None:
                        yield "shortcuts"
                else:
                    yield spec.widget


@cache
def representatives() -> tuple[type[Lab], ...]:
    """Few labs that together have every feature; more labs of the catalog add none."""
    remaining = {lab: set(features(lab)) for lab in catalog()}
    wanted, chosen = set().union(*remaining.values()), []
    while wanted:
        # Of labs that add as much, the earliest.
        best = max(remaining, key=lambda lab: len(remaining[lab] & wanted))
        wanted -= remaining.pop(best)
        chosen.append(best)
    return tuple(sorted(chosen, key=lambda lab: (lab.volume, lab.number)))
