"""An act: controls, one derived outcome, and what a student reads about it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import param

from components.controls import Control, ControlError, Slider, Spec, brief
from components.instruments.layers import Plot
from components.metrics import Metric
from labs.content import Constraint, Context, Failure, Message, NumberPrediction, Peek, Prediction, Question, Table

if TYPE_CHECKING:
    from labs.lab import Lab


class Act(param.Parameterized):
    """One half of a lab. Subclasses declare controls and fill in the methods below.

    The controls are `Control` parameters (see `components.controls`). `compute` is a pure function of context
    and controls; its result, a frozen dataclass, is the act's only derived value: `outcome` is set once per
    change, and everything on screen is read from it.
    """

    outcome = param.Parameter(doc="What `compute` returned for the controls as they stand.")

    #: Set by the lab that contains the act.
    contexts: ClassVar[tuple[Context, ...]] = ()
    key: ClassVar[str] = ""

    title: ClassVar[str] = ""
    minutes: ClassVar[int] = 0
    #: Plots that are there only while they have something to say; all others keep their names in a context.
    optional_plots: ClassVar[tuple[str, ...]] = ()
    #: Stops that a static snapshot keeps of a control besides its default and what solves or breaks the act.
    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {}

    # --- what an author writes -----------------------------------------------------------------------------

    @classmethod
    def compute(cls, context: str, *args: Any, **controls: Any) -> Any:
        """The outcome of `controls` in `context`: a frozen dataclass in SI units. Calls `mlsysim.physics`."""
        raise NotImplementedError

    def message(self) -> Message:
        """What the stakeholder asks in the current context."""
        raise NotImplementedError

    def concept(self) -> str:
        """What a student must know to predict, and no more. Markdown."""
        raise NotImplementedError

    def from_ledger(self) -> str:
        """What earlier labs of this student have to say here; empty if nothing. Markdown."""
        return ""

    def prediction(self) -> Prediction:
        """The question before the instruments. Its answer does not depend on the controls."""
        raise NotImplementedError

    def plots(self, outcome: Any) -> Mapping[str, Plot]:
        """The instruments, by name, for an outcome. The same names in a context every time, `optional_plots` apart."""
        raise NotImplementedError

    def metrics(self, outcome: Any) -> list[Metric]:
        """The readouts."""
        raise NotImplementedError

    def tables(self, outcome: Any) -> list[Table]:
        """Comparison tables under the instruments."""
        return []

    def constraints(self) -> tuple[Constraint, ...]:
        """The limits of the design challenge in the current context; none in an act without a challenge."""
        return ()

    def failures(self) -> tuple[Failure, ...]:
        """The failure states in the current context."""
        return ()

    def challenge(self) -> str:
        """What the student has to achieve with the controls; empty in an act without a challenge. Markdown."""
        return ""

    def limits(self) -> Mapping[str, str | Mapping[Any, str]]:
        """What is out of reach for now: control to reason, or control to option to reason."""
        return {}

    def settle(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Controls that have to follow when another one or the context changes, name to new value; none by default.

        Asked with the values that would hold, before anything is computed from them. `limits` is for what a
        student must undo first, `settle` for what gives way of itself.
        """
        return {}

    def reflection(self) -> Question:
        """The question after the instruments."""
        raise NotImplementedError

    def peek(self) -> Peek:
        """The registered formulas behind the act."""
        raise NotImplementedError

    def predicted(self) -> float | None:
        """What the student's locked prediction claims, for drawing on a plot; None before the lock."""
        value = self.lab.predictions.get(self.key)
        prediction = self.prediction()
        if value is None or isinstance(prediction, NumberPrediction):
            return value
        return prediction.option(value).value

    # --- controls and outcome ------------------------------------------------------------------------------

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self.lab = lab
        self._remembered: dict[str, dict[str, Any]] = {}
        self._presets: dict[str, list[tuple[Any, str, Spec]]] = {}
        self._enter_context(lab.context)
        self.param.watch(self._refresh, list(self.control_params()))

    @classmethod
    @cache
    def control_params(cls) -> Mapping[str, Control]:
        """Every control of the act, in the order of declaration."""
        own = {name: parameter for name, parameter in cls.param.objects().items() if isinstance(parameter, Control)}
        order = [name for klass in reversed(cls.__mro__) for name in vars(klass) if name in own]
        return {name: own[name] for name in dict.fromkeys(order)}

    @classmethod
    @cache
    def controls_in(cls, context: str) -> Mapping[str, Spec]:
        """The controls that exist in `context`, with the spec that holds there."""
        return {
            name: parameter.spec_in(context)
            for name, parameter in cls.control_params().items()
            if parameter.present_in(context)
        }

    @classmethod
    def evaluate(cls, context: str | None = None, **controls: Any) -> dict[str, Any]:
        """The outcome as a mapping; controls that are not named keep their defaults in `context`.

        Raises ValueError for a context or a control that the act does not have, and whatever the physics
        raises for values outside its domain. Fields that are undefined for the given controls are left out.
        """
        chosen = context if context is not None else cls.contexts[0].id
        if chosen not in {known.id for known in cls.contexts}:
            raise ValueError(f"context must be one of {', '.join(c.id for c in cls.contexts)}, got {chosen!r}")
        defaults = {name: spec.default for name, spec in cls.controls_in(chosen).items()}
        takes = set(inspect.signature(cls.compute).parameters) - {"context"}
        if unknown := set(controls) - takes:
            raise ValueError(
                f"{cls.__name__} has no control {', '.join(sorted(unknown))}; it has {', '.join(sorted(takes))}"
            )
        outcome = cls.compute(chosen, **{**defaults, **controls})
        return {
            field.name: value
            for field in dataclasses.fields(outcome)
            if (value := getattr(outcome, field.name)) is not None
        }

    def at_defaults(self) -> Any:
        """The outcome of the current context's default controls: what a design is compared with."""
        return self.compute(self.context, **{name: spec.default for name, spec in self.specs.items()})

    @property
    def context(self) -> str:
        """Id of the context on screen."""
        return self.lab.context

    @property
    def specs(self) -> Mapping[str, Spec]:
        """The controls of the current context."""
        return self.controls_in(self.context)

    def values(self) -> dict[str, Any]:
        """The controls of the current context as they stand, in SI units."""
        return {name: getattr(self, name) for name in self.specs}

    def default(self, name: str) -> Any:
        """Where a control stands before it is moved: its preset from the ledger, else its spec's default."""
        return self._start(name, self.specs[name])[0]

    def preset_source(self, name: str) -> str:
        """Where a control's preset comes from; empty if it has none in this context."""
        return self._start(name, self.specs[name])[1]

    def _start(self, name: str, spec: Spec) -> tuple[Any, str]:
        """Where a control with this spec starts, and what preset it; empty if nothing did."""
        # A control with another range per context is another control there, and has a start of its own.
        presets = ((value, source) for value, source, known in self._presets.get(name, ()) if known == spec)
        return next(presets, (spec.default, ""))

    def preset(self, name: str, value: Any, source: str, context: str | None = None) -> None:
        """Starts a control at a value read from the ledger: rounded to a stop, clamped to its range.

        `context` is the one in which it starts there; the one on screen by default.
        """
        where = self.context if context is None else context
        spec = self.controls_in(where)[name]
        if isinstance(spec, Slider):
            value = spec.stops[spec.nearest(min(max(value, spec.low), spec.high))]
        spec.check(value)
        self._presets[name] = [*(one for one in self._presets.get(name, ()) if one[2] != spec), (value, source, spec)]
        if spec == self.specs.get(name):
            self.param.update(**{name: value})
        elif name in self._remembered.get(where, {}):
            self._remembered[where][name] = value

    def set(self, name: str, value: Any) -> None:
        """Moves a control. ControlError if it does not exist here, does not take the value, or is out of reach."""
        if name not in self.specs:
            raise ControlError(f"there is no control {name!r} in this context; there are {', '.join(self.specs)}")
        self.specs[name].check(value)
        limit = self.limits().get(name)
        reason = limit if isinstance(limit, str) else (limit or {}).get(value)
        if reason is not None:
            raise ControlError(f"{self.specs[name].label}: {self.specs[name].text(value)} is out of reach. {reason}")
        self.param.update(**{name: value, **self.settle({**self.values(), name: value})})

    def reset(self) -> None:
        """Puts every control of the current context back to its default."""
        self.param.update(**{name: self.default(name) for name in self.specs})

    def constraints_met(self) -> bool:
        """Whether the controls as they stand solve the challenge."""
        constraints = self.constraints()
        return bool(constraints) and all(constraint.holds(self.outcome) for constraint in constraints)

    def active_failures(self) -> list[Failure]:
        """The failure states that hold right now."""
        return [failure for failure in self.failures() if failure.when(self.outcome)]

    def _refresh(self, *_: Any) -> None:
        self.outcome = self.compute(self.context, **self.values())

    def _enter_context(self, context: str, left: str | None = None) -> None:
        """Takes the controls of `context`: shared ones keep their value, others the one they had there."""
        if left is not None:
            self._remembered[left] = {name: getattr(self, name) for name in self.controls_in(left)}
        values = self._on_entering(context, self.controls_in(left) if left is not None else {})
        with param.parameterized.discard_events(self):
            self.param.update(**{**values, **self.settle(values)})
        self._refresh()

    def _on_entering(self, context: str, before: Mapping[str, Spec]) -> dict[str, Any]:
        """The controls of `context` for somebody who comes from a context with the controls `before`."""
        remembered = self._remembered.get(context, {})
        return {
            name: getattr(self, name)
            if before.get(name) is spec or before.get(name) == spec
            else remembered.get(name, self._start(name, spec)[0])
            for name, spec in self.controls_in(context).items()
        }

    def values_in(self, context: str) -> dict[str, Any]:
        """The controls as they stand in `context`, on screen or not: as they were left there, else as they start."""
        return self._on_entering(context, self.specs)

    def remembered(self) -> dict[str, dict[str, Any]]:
        """The values of every context visited, for the ledger."""
        return {**self._remembered, self.context: self.values()}

    def restore(self, remembered: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Takes up values that the ledger kept; returns a complaint for each one that no longer fits."""
        complaints = []
        for context, values in remembered.items():
            specs = self.controls_in(context)
            kept = {}
            for name, value in values.items():
                try:
                    specs[name].check(value)
                except (KeyError, ControlError):
                    complaints.append(
                        f"{brief(name)} = {brief(value)} is no longer offered, and is back at its default"
                    )
                else:
                    kept[name] = value
            self._remembered[context] = kept
        current = self._remembered.get(self.context, {})
        self.param.update(**{name: current.get(name, self.default(name)) for name in self.specs})
        self._refresh()
        return complaints
