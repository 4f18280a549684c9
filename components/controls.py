"""Controls: parameters of an act that a student moves, and the panel that shows them.

A control is a `param.Parameter` whose value is in SI units; its spec says how it is shown (label, unit, stops)
and why its range is what it is. Sliders move over a list of stops, so that every state has a name, fits an
address, and can be recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import param

from components.base import HtmlComponent
from components.quantity import plain, with_unit

#: Two values of a slider closer than this are the same stop.
RELATIVE_TOLERANCE = 1e-9


class ControlError(ValueError):
    """A value that a control does not take: says what was wrong and what would be right."""


def brief(value: Any) -> str:
    """A value that came from outside, for a message that must not repeat it at length."""
    text = repr(value)
    return text if len(text) <= 42 else f"{text[:40]}…"


def _finite(value: Any) -> bool:
    """Whether `value` is a number that a float can hold; a boolean is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


@dataclass(frozen=True)
class Shortcuts:
    """Buttons that put several sliders to a setting at once, as moving each of them would.

    `settings` maps the words on a button to the stops, as the panel writes them, by the names of their sliders.
    """

    label: str
    settings: Mapping[str, Mapping[str, str]]

    def for_browser(self) -> dict[str, Any]:
        settings = [{"label": label, "stops": dict(stops)} for label, stops in self.settings.items()]
        return {"label": self.label, "settings": settings}


@dataclass(frozen=True)
class Slider:
    """A control over ascending stops. `scale` turns the SI value into the shown unit; `entry` allows typing.

    `shortcuts` stand above the slider; they may move others, too.
    """

    label: str
    reason: str
    default: float
    stops: tuple[float, ...]
    labels: tuple[str, ...]
    unit: str = ""
    scale: float = 1.0
    entry: bool = False
    shortcuts: Shortcuts | None = None

    @property
    def low(self) -> float:
        return self.stops[0]

    @property
    def high(self) -> float:
        return self.stops[-1]

    def nearest(self, value: float) -> int:
        """Index of the stop nearest to `value`."""
        return int(np.argmin(np.abs(np.asarray(self.stops) - value)))

    def check(self, value: Any) -> None:
        """Raises ControlError unless `value` is a number in the range; values between stops are allowed."""
        if not _finite(value):
            raise ControlError(f"{self.label}: {brief(value)} is not a number; allowed are {self.range_text()}")
        slack = RELATIVE_TOLERANCE * max(abs(self.low), abs(self.high))
        if not self.low - slack <= value <= self.high + slack:
            raise ControlError(f"{self.label}: {self.text(float(value))} is outside {self.range_text()}")

    def parse(self, text: str) -> float:
        """A value from an address or a typed entry, in SI units; snapped to a stop unless entry is allowed."""
        try:
            value = float(text)
        except ValueError:
            raise ControlError(
                f"{self.label}: {brief(text)} is not a number; allowed are {self.range_text()}"
            ) from None
        self.check(value)
        return value if self.entry else self.stops[self.nearest(value)]

    def text(self, value: float) -> str:
        """`value` with its unit, as the panel shows it."""
        index = self.nearest(value)
        if math.isclose(self.stops[index], value, rel_tol=RELATIVE_TOLERANCE):
            return self.labels[index]
        return with_unit(plain(value * self.scale), self.unit)

    def range_text(self) -> str:
        """The range in words."""
        return f"{self.labels[0]} to {self.labels[-1]}"

    def values(self) -> tuple[float, ...]:
        """Every value that the panel offers."""
        return self.stops

    def for_browser(self, name: str) -> dict[str, Any]:
        entry = (
            {"unit": self.unit, "low": self.low * self.scale, "high": self.high * self.scale} if self.entry else None
        )
        shortcuts = {"shortcuts": self.shortcuts.for_browser()} if self.shortcuts else {}
        definition = {"kind": "slider", "name": name, "label": self.label, "stops": list(self.labels), "entry": entry}
        return {**definition, **shortcuts}

    def value_for_browser(self, value: float) -> dict[str, Any]:
        index = self.nearest(value)
        # A stop fits the entry field; what was typed keeps its digits.
        digits = 4 if math.isclose(self.stops[index], value, rel_tol=RELATIVE_TOLERANCE) else 6
        return {"index": index, "text": self.text(value), "number": float(f"{value * self.scale:.{digits}g}")}


@dataclass(frozen=True)
class Options:
    """A control over a few named values. `widget` is "radios" or "select"."""

    label: str
    reason: str
    default: Any
    options: Mapping[Any, str]
    widget: str = "radios"
    unit: str = ""

    def check(self, value: Any) -> None:
        """Raises ControlError unless `value` is one of the options."""
        # True equals 1 and 1.0 in Python, but "on" is not the number one.
        if not any(value == option and isinstance(value, bool) == isinstance(option, bool) for option in self.options):
            raise ControlError(f"{self.label}: {brief(value)} is not an option; allowed are {self.range_text()}")

    def parse(self, text: str) -> Any:
        """The option whose id is `text`."""
        for value in self.options:
            if str(value) == text:
                return value
        raise ControlError(f"{self.label}: {brief(text)} is not an option; allowed are {self.range_text()}")

    def text(self, value: Any) -> str:
        return self.options[value]

    def range_text(self) -> str:
        return ", ".join(self.options.values())

    def values(self) -> tuple[Any, ...]:
        return tuple(self.options)

    def for_browser(self, name: str) -> dict[str, Any]:
        options = [{"id": str(value), "label": label} for value, label in self.options.items()]
        return {"kind": self.widget, "name": name, "label": self.label, "options": options}

    def value_for_browser(self, value: Any) -> dict[str, Any]:
        return {"option": str(value)}


Spec = Slider | Options


class Control(param.Parameter):
    """A parameter with a `Spec`, and variants of it for contexts in which range, options or default differ."""

    __slots__ = ["only_in", "spec", "variants"]

    _slot_defaults = dict(param.Parameter._slot_defaults, spec=None, variants={}, only_in=())

    def __init__(
        self,
        default: Any = param.Undefined,
        *,
        spec: Any = param.Undefined,
        variants: Any = param.Undefined,
        only_in: Any = param.Undefined,
        **params: Any,
    ) -> None:
        # The slots come first: `Parameter.__init__` validates the default.
        self.spec = spec
        self.variants = variants
        self.only_in = only_in
        super().__init__(default=default, **params)

    def spec_in(self, context: str) -> Spec:
        """The spec that holds in `context`."""
        return (self.variants or {}).get(context, self.spec)

    def present_in(self, context: str) -> bool:
        """Whether the control exists in `context`."""
        return not self.only_in or context in self.only_in


def _control(spec: Spec, per_context: Mapping[str, Spec] | None, only_in: Iterable[str]) -> Any:
    return Control(
        default=spec.default,
        spec=spec,
        variants=dict(per_context or {}),
        only_in=tuple(only_in),
        label=spec.label,
        doc=f"{spec.reason} ({spec.unit or 'no unit'}; {spec.range_text()})",
    )


def stops(
    label: str,
    values: Iterable[float],
    default: float,
    *,
    reason: str,
    unit: str = "",
    scale: float = 1.0,
    text: Callable[[float], str] | None = None,
    entry: bool = False,
    shortcuts: Shortcuts | None = None,
    per_context: Mapping[str, Mapping[str, Any]] | None = None,
    only_in: Iterable[str] = (),
) -> Any:
    """A slider over the given SI `values`; `text` formats a value, otherwise it is scaled and given its unit."""

    def spec(values: Iterable[float] = tuple(values), default: float = default, reason: str = reason) -> Slider:
        ordered = tuple(float(value) if isinstance(value, float) else value for value in values)
        if list(ordered) != sorted(set(ordered)):
            raise ValueError(f"{label}: stops must ascend and differ, got {ordered}")
        write = text or (lambda value: with_unit(plain(value * scale), unit))
        labels = tuple(write(value) for value in ordered)
        made = Slider(label, reason, default, ordered, labels, unit, scale, entry, shortcuts)
        made.check(default)
        return made

    return _control(spec(), {name: spec(**change) for name, change in (per_context or {}).items()}, only_in)


def slider(
    label: str,
    low: float,
    high: float,
    step: float,
    default: float,
    *,
    unit: str = "",
    scale: float = 1.0,
    per_context: Mapping[str, Mapping[str, Any]] | None = None,
    **rest: Any,
) -> Any:
    """A linear slider in SI units. In a `per_context` entry, `low`, `high`, `step`, `default`, `reason` may differ."""

    def spaced(low: float = low, high: float = high, step: float = step) -> tuple[float, ...]:
        count = round((high - low) / step)
        if not math.isclose(low + count * step, high, rel_tol=1e-9, abs_tol=1e-6 * step):
            raise ValueError(f"{label}: steps of {step:g} from {low:g} do not end at {high:g}")
        # Stops are written as a reader would: 0.3, not 0.30000000000000004.
        return tuple(float(f"{low + k * step:.10g}") for k in range(count + 1))

    changed = {
        name: {
            **{key: value for key, value in change.items() if key == "reason"},
            "values": spaced(**{key: value for key, value in change.items() if key not in ("default", "reason")}),
            "default": change.get("default", default),
        }
        for name, change in (per_context or {}).items()
    }
    return stops(label, spaced(), default, unit=unit, scale=scale, per_context=changed, **rest)


def log_slider(
    label: str,
    low: float,
    high: float,
    per_decade: int,
    default: float,
    *,
    also: Iterable[float] = (),
    per_context: Mapping[str, Mapping[str, float]] | None = None,
    **rest: Any,
) -> Any:
    """A slider with `per_decade` stops a decade; defaults, ends and the values in `also` are stops themselves."""

    def spaced(low: float = low, high: float = high, default: float = default) -> tuple[float, ...]:
        count = round(per_decade * math.log10(high / low))
        grid = [float(f"{low * 10 ** (k / per_decade):.4g}") for k in range(count + 1)]
        exact = [value for value in (low, high, default, *also) if low <= value <= high]
        # An exact value takes the place of a grid point that is nearly the same.
        near = 10 ** (0.45 / per_decade)
        kept = [
            point
            for point in grid
            if low < point < high and all(not 1 / near < point / value < near for value in exact)
        ]
        return tuple(sorted({*kept, *map(float, exact)}))

    changed = {
        name: {"values": spaced(**change), "default": change.get("default", default)}
        for name, change in (per_context or {}).items()
    }
    return stops(label, spaced(), default, per_context=changed, **rest)


def choice(
    label: str,
    options: Mapping[Any, str],
    default: Any,
    *,
    reason: str,
    widget: str = "radios",
    unit: str = "",
    per_context: Mapping[str, Mapping[str, Any]] | None = None,
    only_in: Iterable[str] = (),
) -> Any:
    """A control over named options, shown as radio buttons or, with `widget="select"`, as a menu."""
    spec = Options(label, reason, default, dict(options), widget, unit)
    variants = {name: replace(spec, **change) for name, change in (per_context or {}).items()}
    for made in (spec, *variants.values()):
        made.check(made.default)
    return _control(spec, variants, only_in)


class ControlPanel(HtmlComponent):
    """The controls of an act as one form.

    Sends `{"type": "set", "name", "index" | "number" | "option", "sequence"}` and `{"type": "reset", "sequence"}`;
    the next change is sent once `acknowledged` has reached the sequence number of the last.

    :Example:

    >>> ControlPanel(controls=[spec.for_browser("batch")], values={"batch": spec.value_for_browser(8)})
    """

    controls = param.List(default=[], item_type=dict, doc="Definitions, from `Spec.for_browser`.")
    values = param.Dict(default={}, doc="Name to shown value, from `Spec.value_for_browser`.")
    limits = param.Dict(default={}, doc="Name to `{reason}` or `{options: {id: reason}}` for what is out of reach.")
    acknowledged = param.Integer(default=0, doc="Sequence number of the last change that was carried out.")
