"""What a lab declares to read from the ledger, it really uses: another value there changes something on its pages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from labs import robot
from labs.catalog import catalog, name_of
from labs.lab import Lab
from ledger import contract_of
from tests.unit.labs.earlier import filler, save_earlier

READS = [
    pytest.param(lab, key, field, id=f"{name_of(lab)}-{key}.{field}") for lab in catalog() for key, field in lab.reads
]
NUMBERS = (1.0, 2.0, 4.0, 8.0, 16.0, 0.1, 0.5, 100.0, 250.0, 1e3, 1e5, 3e9)


def some_values(key: str, field: str) -> tuple[Any, ...]:
    """Values that the contract allows for a field."""
    spec = contract_of(key).fields[field]
    if spec.pattern is not None:
        return (filler(spec),)
    if spec.vocabulary is not None:
        return spec.vocabulary if spec.type in ("number", "word") else (list(spec.vocabulary[:2]),)
    return {"boolean": (True, False), "number": NUMBERS}.get(spec.type, (filler(spec),))


@cache
def without_ledger(lab: type[Lab]) -> tuple[Any, ...]:
    """What the lab shows to somebody whose ledger is empty."""
    return tuple(pages(lab, ""))


def pages(lab: type[Lab], key: str, **fields: Any) -> Iterator[Any]:
    """What the lab shows of both acts in every context, the cheap things first."""
    ledger = robot.memory_ledger()
    if fields:
        save_earlier(ledger, key, **fields)
    run = lab(ledger)
    yield run.context, run.context_source
    for context in lab.contexts:
        run.set_context(context.id)
        for act in robot.acts(run):
            yield act.values(), act.from_ledger(), act.message(), act.concept()
            yield str(act.prediction()), str(act.metrics(act.outcome)), str(act.tables(act.outcome))
            for name, plot in act.plots(act.outcome).items():
                yield name, plot.caption, [str(layer.columns()) for layer in plot.layers]


@pytest.mark.parametrize(("lab", "key", "field"), READS)
def test_a_declared_read_is_used(lab: type[Lab], key: str, field: str) -> None:
    without = without_ledger(lab)
    for value in some_values(key, field):
        if any(shown != before for shown, before in zip(pages(lab, key, **{field: value}), without, strict=True)):
            return
    pytest.fail(f"no value of {key}.{field} changes anything")
