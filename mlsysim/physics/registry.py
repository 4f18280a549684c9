"""Registration of the physics: one decorated function per formula.

A formula is a plain function over NumPy values in SI units.  ``@formula(...)`` adds what the rest of the
suite needs to know about it (its equation, its symbols, where it holds, who found it) and guards every call:
each argument is checked against its domain, scalars come back as Python scalars, arrays are broadcast.
The equation shown to a student and the code that runs are therefore one registered object.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ParamSpec, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

Real: TypeAlias = float | npt.NDArray[np.float64]
P = ParamSpec("P")


# --- domains --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers between two ends.  Infinity is refused unless ``allow_inf`` and ``high`` is infinite."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    integer: bool = False
    allow_inf: bool = False

    def describe(self) -> str:
        """The allowed range in words: ``> 0``, ``in (0, 1]``, ``an integer >= 1``."""
        noun = "an integer " if self.integer else ""
        if math.isinf(self.low) and math.isinf(self.high):
            return noun.strip() or "a finite number"
        if math.isinf(self.high):
            return f"{noun}{'>' if self.low_open else '>='} {self.low:g}"
        if math.isinf(self.low):
            return f"{noun}{'<' if self.high_open else '<='} {self.high:g}"
        left, right = "(" if self.low_open else "[", ")" if self.high_open else "]"
        return f"{noun}in {left}{self.low:g}, {self.high:g}{right}"

    def admits(self, x: float) -> bool:
        """Whether one number lies in the interval; NaN never does."""
        above = x > self.low if self.low_open else x >= self.low
        below = x < self.high if self.high_open else x <= self.high
        if not (above and below):
            return False
        if abs(x) > sys.float_info.max:
            # Infinity, or a Python integer that no float can hold.
            return self.allow_inf and x == math.inf
        return not self.integer or x == int(x)

    def rejected(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Mask of the elements that lie outside (NaN included)."""
        above = x > self.low if self.low_open else x >= self.low
        below = x < self.high if self.high_open else x <= self.high
        ok = above & below
        if not self.allow_inf:
            ok &= np.isfinite(x)
        if self.integer:
            ok &= np.floor(x) == x
        return cast("npt.NDArray[np.bool_]", ~ok)


@dataclass(frozen=True, slots=True)
class Choices:
    """One of a few names."""

    options: tuple[str, ...]

    def describe(self) -> str:
        """The allowed names."""
        return "one of " + ", ".join(repr(option) for option in self.options)


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false; numbers are refused, because 0.5 has no meaning here."""

    def describe(self) -> str:
        """The allowed values."""
        return "True or False"


Domain: TypeAlias = Interval | Choices | Boolean

ANY = Interval()
POSITIVE = Interval(low=0.0, low_open=True)
NONNEGATIVE = Interval(low=0.0)
AT_LEAST_ONE = Interval(low=1.0)
COUNT = Interval(low=1.0, integer=True)
COUNT_OR_ZERO = Interval(low=0.0, integer=True)
FRACTION = Interval(low=0.0, high=1.0)
POSITIVE_FRACTION = Interval(low=0.0, high=1.0, low_open=True)
PROBABILITY_OPEN = Interval(low=0.0, high=1.0, low_open=True, high_open=True)


# --- what is known about a formula ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Variable:
    """One argument: its symbol in the equation, its unit ("1" if none), its meaning and its domain.

    A ``vector`` argument is a list consumed whole along its last axis (bin shares, failure rates).
    An ``optional`` argument may be None, which the formula gives a meaning of its own.
    A ``structural`` argument sets the length of a vector result (stages, bins): one number per call, no array.
    """

    symbol: str
    unit: str
    meaning: str
    domain: Domain
    vector: bool = False
    optional: bool = False
    structural: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What a formula returns.  ``kind`` is "real", "integer", "boolean" or "vector"."""

    symbol: str
    unit: str
    meaning: str
    kind: str = "real"

    def __post_init__(self) -> None:
        if self.kind not in ("real", "integer", "boolean", "vector"):
            raise ValueError(f"Result.kind must be real, integer, boolean or vector, got {self.kind!r}")


@dataclass(frozen=True, slots=True)
class FormulaSpec:
    """Everything a math peek, a test or a document needs to know about one formula."""

    name: str
    latex: str
    variables: Mapping[str, Variable]
    result: Result | Mapping[str, Result]
    validity: str
    source: str
    module: str
    summary: str
    sympy_latex: str | None = None


class Formula(Protocol[P]):
    """A registered formula: the function itself plus its ``spec``."""

    spec: FormulaSpec
    __name__: str
    __doc__: str | None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Evaluate the formula."""


_registered: dict[str, Formula[...]] = {}

FORMULAS: Mapping[str, Formula[...]] = MappingProxyType(_registered)
"""Every registered formula by name (read-only)."""


def formula(
    *,
    latex: str,
    variables: Mapping[str, Variable],
    result: Result | Mapping[str, Result],
    validity: str,
    source: str,
    sympy_latex: str | None = None,
) -> Callable[[Callable[P, Any]], Formula[P]]:
    """Register a function as a formula and guard its calls.

    Args:
        latex: the equation as shown to students.
        variables: argument name to ``Variable``, in the order of the signature.
        result: what comes back, or one ``Result`` per key for a formula that returns a mapping.
        validity: where the law holds and where it stops.
        source: law and paper.
        sympy_latex: the right-hand side in a form that SymPy parses, where ``latex`` is not one.

    Raises:
        ValueError: if variables and signature differ, or the name is taken.
    """

    def register(function: Callable[P, Any]) -> Formula[P]:
        name = function.__name__
        signature = inspect.signature(function)
        if list(signature.parameters) != list(variables):
            raise ValueError(
                f"{name}: variables {list(variables)} do not match the signature {list(signature.parameters)}"
            )
        if name in _registered:
            raise ValueError(f"a formula named {name} is already registered")
        if not inspect.getdoc(function):
            raise ValueError(f"{name}: a formula needs a docstring")
        frozen_result = result if isinstance(result, Result) else MappingProxyType(dict(result))
        spec = FormulaSpec(
            name=name,
            latex=latex,
            variables=MappingProxyType(dict(variables)),
            result=frozen_result,
            validity=validity,
            source=source,
            module=function.__module__,
            summary=(inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " "),
            sympy_latex=sympy_latex,
        )
        guarded = cast("Formula[P]", _guard(function, signature, spec))
        guarded.spec = spec
        guarded.__doc__ = _docstring(function, spec)
        _registered[name] = guarded
        return guarded

    return register


def require_at_most(name: str, value: Real, limit_name: str, limit: Real, reason: str) -> None:
    """Enforce a rule between two arguments, such as ``active_s <= period_s``, for scalars and arrays.

    Args:
        name: the argument that is bounded.
        value: its value.
        limit_name: the argument that bounds it.
        limit: that argument's value.
        reason: what a larger value would mean.

    Raises:
        ValueError: naming both arguments and the first pair that breaks the rule.
    """
    broken = value > limit
    if broken.any() if isinstance(broken, np.ndarray) else broken:
        pairs = np.broadcast_arrays(broken, value, limit)
        worst = [pair[pairs[0]].flat[0].item() for pair in pairs[1:]]
        raise ValueError(f"{name} must be <= {limit_name} ({reason}), got {worst[0]!r} > {worst[1]!r}")


# --- the guard around every call ------------------------------------------------------------------------

Shape: TypeAlias = tuple[int, ...]
_MISSING = object()


def _guard(function: Callable[..., Any], signature: inspect.Signature, spec: FormulaSpec) -> Callable[..., Any]:
    names = tuple(spec.variables)
    parameters = tuple(
        (name, _MISSING if p.default is inspect.Parameter.empty else p.default)
        for name, p in signature.parameters.items()
    )

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        # signature.bind costs as much as a whole scalar formula, so it only words the errors.
        values = list(args)
        by_name = 0
        for name, default in parameters[len(args) :]:
            if name in kwargs:
                values.append(kwargs[name])
                by_name += 1
            elif default is _MISSING:
                break
            else:
                values.append(default)
        if len(values) != len(names) or by_name != len(kwargs):
            signature.bind(*args, **kwargs)
        return values

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        values = bind(args, kwargs)
        shapes: list[Shape] = []
        for i, (argument, variable) in enumerate(spec.variables.items()):
            value, domain = values[i], variable.domain
            if (type(value) is float or type(value) is int) and type(domain) is Interval and not variable.vector:
                if not domain.admits(value):
                    raise _refusal(argument, variable, value)
                values[i] = np.float64(value)
                continue
            values[i], shape = _checked(argument, variable, value)
            if shape is not None:
                shapes.append(shape)
        # Overflow to infinity and 0/0 on masked branches are ordinary here; formulas state their limits.
        with np.errstate(all="ignore"):
            if not shapes:
                return _finish(function(*values), spec.result, None)
            return _on_arrays(function, values, _common_shape(spec, shapes), spec)

    return call


def _refusal(argument: str, variable: Variable, value: Any) -> ValueError:
    unit = "" if variable.unit == "1" else f" ({variable.unit})"
    shown = value if isinstance(value, (str, bool)) or value is None else _shown(value)
    return ValueError(f"{argument} must be {variable.domain.describe()}{unit}, got {shown!r}")


def _shown(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _checked(argument: str, variable: Variable, value: Any) -> tuple[Any, Shape | None]:
    """Validate one argument; return it ready for the formula and its shape (None for a scalar)."""
    if value is None:
        if variable.optional:
            return None, None
        raise _refusal(argument, variable, value)
    domain = variable.domain
    if isinstance(domain, Choices):
        return _checked_choice(argument, variable, domain, value)
    if isinstance(domain, Boolean):
        flags = _as_array(argument, variable, value)
        if flags.dtype != np.bool_:
            raise _refusal(argument, variable, value)
        return (flags, flags.shape) if flags.ndim else (bool(flags), None)
    if not isinstance(value, (np.ndarray, np.generic, Sequence)) and hasattr(value, "__float__"):
        value = value if isinstance(value, bool) else float(value)
    numbers = _as_array(argument, variable, value)
    if numbers.dtype.kind not in "iuf":
        raise _refusal(argument, variable, value)
    numbers = numbers.astype(np.float64)
    rejected = domain.rejected(numbers)
    if np.any(rejected):
        raise _refusal(argument, variable, numbers[rejected].flat[0])
    if variable.structural and numbers.ndim:
        raise ValueError(f"{argument} must be one number per call (it sets the length of the result), got {value!r}")
    if variable.vector:
        if numbers.ndim == 0 or numbers.shape[-1] == 0:
            raise ValueError(f"{argument} must be a list of at least one value, got {value!r}")
        return numbers, numbers.shape[:-1] or None
    return (numbers, numbers.shape) if numbers.ndim else (np.float64(numbers), None)


def _as_array(argument: str, variable: Variable, value: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:  # a ragged list
        raise _refusal(argument, variable, value) from None


def _checked_choice(argument: str, variable: Variable, domain: Choices, value: Any) -> tuple[Any, Shape | None]:
    if isinstance(value, str):
        if value not in domain.options:
            raise _refusal(argument, variable, value)
        return str(value), None
    if not isinstance(value, (np.ndarray, list, tuple)):
        raise _refusal(argument, variable, value)
    chosen = _as_array(argument, variable, value)
    for option in chosen.flat:
        if option not in domain.options:
            raise _refusal(argument, variable, option)
    return (chosen.astype(np.str_), chosen.shape) if chosen.ndim else (str(chosen), None)


def _common_shape(spec: FormulaSpec, shapes: list[Shape]) -> Shape:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"{spec.name}: arguments of shapes {shapes} do not broadcast together") from None


def _on_arrays(function: Callable[..., Any], values: list[Any], shape: Shape, spec: FormulaSpec) -> Any:
    variables = tuple(spec.variables.values())
    named = [i for i, v in enumerate(values) if isinstance(v, np.ndarray) and isinstance(variables[i].domain, Choices)]
    if not named:
        return _finish(function(*values), spec.result, shape)
    # A name selects a branch inside the formula, so each combination of names is evaluated on its own cells.
    spread = [
        np.broadcast_to(v, (*shape, v.shape[-1]) if variables[i].vector else shape)
        if isinstance(v, np.ndarray) and not (variables[i].vector and v.ndim == 1)
        else v
        for i, v in enumerate(values)
    ]
    results: dict[str, Any] = {}
    for names in itertools.product(*(np.unique(values[i]) for i in named)):
        cells = np.logical_and.reduce([spread[i] == name for i, name in zip(named, names, strict=True)])
        picked = [v[cells] if isinstance(v, np.ndarray) and v.shape[: len(shape)] == shape else v for v in spread]
        for i, name in zip(named, names, strict=True):
            picked[i] = str(name)
        part = _finish(function(*picked), spec.result, (int(cells.sum()),))
        for key, piece in part.items() if isinstance(part, dict) else ((spec.name, part),):
            out = results.setdefault(key, np.empty(shape + piece.shape[1:], dtype=piece.dtype))
            out[cells] = piece
    return results if isinstance(spec.result, Mapping) else results[spec.name]


def _finish(value: Any, result: Result | Mapping[str, Result], shape: Shape | None) -> Any:
    """Give a formula's raw value its promised form: Python scalars, or arrays of the common shape."""
    if isinstance(result, Mapping):
        return {key: _finish(value[key], one, shape) for key, one in result.items()}
    if shape is None:
        if value is None:
            return None
        if result.kind == "vector":
            return np.asarray(value, dtype=np.float64)
        if result.kind == "boolean":
            return bool(value)
        if result.kind == "integer" and math.isfinite(value):
            return int(value)
        return float(value)
    array = np.asarray(value, dtype=np.bool_ if result.kind == "boolean" else np.float64)
    full = (*shape, array.shape[-1]) if result.kind == "vector" else shape
    if array.shape != full:
        array = np.broadcast_to(array, full).copy()
    if result.kind == "integer" and np.all(np.isfinite(array)):
        return array.astype(np.int64)
    return array


# --- documentation --------------------------------------------------------------------------------------


def _docstring(function: Callable[..., Any], spec: FormulaSpec) -> str:
    """The written docstring followed by sections made from the specification."""
    lines = [inspect.getdoc(function) or "", "", "Args:"]
    for argument, variable in spec.variables.items():
        lines += _wrapped(f"{argument}: {variable.meaning}{_unit(variable.unit)}; {variable.domain.describe()}.")
    lines += ["", "Returns:"]
    if isinstance(spec.result, Result):
        lines += _wrapped(f"{spec.result.meaning}{_unit(spec.result.unit)}.")
    else:
        for key, one in spec.result.items():
            lines += _wrapped(f"{key}: {one.meaning}{_unit(one.unit)}.")
    lines += ["", "Raises:", "    ValueError: if an argument lies outside its range (NaN always does)."]
    lines += ["", f"Validity: {spec.validity}", f"Source: {spec.source}"]
    return "\n".join(lines)


def _unit(unit: str) -> str:
    return "" if unit == "1" else f" [{unit}]"


def _wrapped(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, width=100, initial_indent="    ", subsequent_indent="        ")
