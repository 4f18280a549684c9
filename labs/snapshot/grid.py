"""Which states of an act's controls a snapshot holds.

Each control keeps some of its stops; every combination of kept stops is recorded, so that in the snapshot, too,
controls move independently of one another.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.controls import ControlError, Options, Slider, Spec
from labs.act import Act
from labs.lab import Lab
from labs.robot import opened

#: States recorded at most per context, unless what must be reachable needs more.
BUDGET = {"act1": 600, "act2": 1_500}

#: How much rather a named option is kept than a slider's stop.
OPTION_WEIGHT = 3


@dataclass(frozen=True)
class Grid:
    """The kept values of each control in one context; a state's index counts the last control fastest."""

    context: str
    kept: Mapping[str, tuple[Any, ...]]

    def __len__(self) -> int:
        return math.prod(map(len, self.kept.values()))

    def values(self, index: int) -> dict[str, Any]:
        """The controls in the state with this index."""
        values = {}
        for name, kept in reversed(list(self.kept.items())):
            index, at = divmod(index, len(kept))
            values[name] = kept[at]
        return {name: values[name] for name in self.kept}

    def settled(self, act: Act, index: int) -> int:
        """Index of the state that the act makes of the one with this index, in which some controls may give way."""
        values = self.values(index)
        return self.index({**values, **act.settle(values)})

    def index(self, values: Mapping[str, Any]) -> int:
        """Index of the state nearest to `values`."""
        index = 0
        for name, kept in self.kept.items():
            index = index * len(kept) + _nearest(kept, values[name])
        return index


def _nearest(kept: tuple[Any, ...], value: Any) -> int:
    if value in kept:
        return kept.index(value)
    return min(range(len(kept)), key=lambda at: abs(kept[at] - value))


@dataclass
class _Choice:
    """A control as one or several contexts have it, and which of its values are kept."""

    spec: Spec
    kept: set[Any]

    @property
    def values(self) -> tuple[Any, ...]:
        """What the control offers, in order; a default or a design may lie between two stops of a slider."""
        offered = self.spec.values()
        return tuple(sorted({*offered, *self.kept})) if isinstance(self.spec, Slider) else offered

    def in_order(self) -> tuple[Any, ...]:
        """The kept values."""
        return tuple(value for value in self.values if value in self.kept)

    def widest_gap(self) -> tuple[int, Any]:
        """Width of the widest gap between kept values, in stops, and the value in its middle."""
        values = self.values
        ends = [-1, *(at for at, value in enumerate(values) if value in self.kept), len(values)]
        low, high = max(itertools.pairwise(ends), key=lambda gap: gap[1] - gap[0])
        return high - low, values[(low + high) // 2] if high - low > 1 else None

    def loss(self) -> float:
        """The part of the range that the widest gap spans. A named option that is missing is a greater loss."""
        return self.widest_gap()[0] / (len(self.values) + 1) * (OPTION_WEIGHT if isinstance(self.spec, Options) else 1)


def grids(lab: type[Lab], key: str) -> dict[str, Grid]:
    """The recorded states of the act `key` of a lab, by context.

    Kept are defaults, what solves and what breaks, and what the act names in `snapshot_stops`; then ends, and the
    middles of the widest gaps, until the budget is reached. A control that two contexts share keeps the same stops in
    both.
    """
    run = opened(lab)
    act = run.act(key)
    shared: list[tuple[str, _Choice]] = []
    by_context: dict[str, dict[str, _Choice]] = {}
    for context in (context.id for context in lab.contexts):
        by_context[context] = {}
        for name, spec in act.controls_in(context).items():
            known = next((choice for other, choice in shared if other == name and choice.spec == spec), None)
            choice = known or _Choice(spec, set())
            if known is None:
                shared.append((name, choice))
            by_context[context][name] = choice
            choice.kept.add(spec.default)
    _keep_what_matters(run, act, by_context)
    _fill(by_context, BUDGET[key])
    while _keep_where_controls_settle(run, act, by_context):
        pass
    return {context: _grid(context, choices) for context, choices in by_context.items()}


def _grid(context: str, choices: Mapping[str, _Choice]) -> Grid:
    return Grid(context, {name: choice.in_order() for name, choice in choices.items()})


def _keep_where_controls_settle(run: Lab, act: Act, by_context: Mapping[str, Mapping[str, _Choice]]) -> bool:
    """Keeps the values to which controls give way in some recorded state; says whether any was missing."""
    missing = False
    for context, choices in by_context.items():
        run.set_context(context)
        states = _grid(context, choices)
        for index in range(len(states)):
            for name, value in act.settle(states.values(index)).items():
                if value not in states.kept[name]:
                    choices[name].kept.add(value)
                    missing = True
    return missing


def _keep_what_matters(run: Lab, act: Act, by_context: Mapping[str, Mapping[str, _Choice]]) -> None:
    for context, choices in by_context.items():
        designs = [run.solution(context), run.breaking(context)] if act.key == "act2" else []
        for name, choice in choices.items():
            choice.kept |= {stop for stop in act.snapshot_stops.get(name, ()) if _takes(choice.spec, stop)}
        for design in filter(None, designs):
            for name, value in design.items():
                choices[name].kept.add(value)


def _takes(spec: Spec, stop: Any) -> bool:
    """Whether a control has this stop; where contexts have ranges of their own, some stops belong to one of them."""
    try:
        spec.check(stop)
    except ControlError:
        return False
    return True


def _fill(by_context: Mapping[str, Mapping[str, _Choice]], budget: int) -> None:
    """Keeps more as long as every context stays in its budget: ends first, then the middle of the widest gap.

    The widest is the gap that spans the largest part of its control's range.
    """
    open_ = {id(choice): choice for choices in by_context.values() for choice in choices.values()}
    for choice in open_.values():
        for end in (choice.values[0], choice.values[-1]):
            if _fits(choice, end, by_context, budget):
                choice.kept.add(end)
    while open_:
        at, choice = max(open_.items(), key=lambda item: item[1].loss())
        width, middle = choice.widest_gap()
        if width < 2 or not _fits(choice, middle, by_context, budget):
            del open_[at]
        else:
            choice.kept.add(middle)


def _fits(choice: _Choice, value: Any, by_context: Mapping[str, Mapping[str, _Choice]], budget: int) -> bool:
    """Whether every context that has the control stays in its budget if it keeps the value, too."""
    return all(
        math.prod(len(other.kept | {value}) if other is choice else len(other.kept) for other in choices.values())
        <= budget
        for choices in by_context.values()
        if any(other is choice for other in choices.values())
    )
