"""Plain JSON values: what the ledger stores, and the only place where it turns them into text and back."""

from __future__ import annotations

import json
import math
from typing import Any

from ledger.errors import StoredValueError

MAX_DEPTH = 32
"""How deep lists and mappings may be nested in what is stored."""


def plain(value: Any, where: str = "value", depth: int = 0) -> Any:
    """A deep copy of `value` made of dict, list, str, int, float, bool and None alone.

    NumPy scalars become Python numbers, tuples become lists, and numbers that JSON does not have (infinite,
    not a number) become None. Anything else, and what is nested deeper than MAX_DEPTH, raises
    StoredValueError naming the place by `where`.
    """
    if not isinstance(value, (str, int, float, bool, dict, list, tuple, type(None))) and hasattr(value, "item"):
        value = value.item()
    if depth > MAX_DEPTH:
        raise StoredValueError(f"{where.partition('[')[0]} is nested deeper than {MAX_DEPTH} levels.")
    if value is None or isinstance(value, bool):
        return value
    # Subclasses (an enum that is a str, numpy.float64) would not compare or print like the plain value.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return _finite(int(value))
    if isinstance(value, float):
        return _finite(float(value))
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise StoredValueError(f"{where} has the key {name!r}; the keys of stored data must be text.")
        return {str.__str__(name): plain(item, f"{where}[{name!r}]", depth + 1) for name, item in value.items()}
    raise StoredValueError(
        f"{where} is a {type(value).__name__}; the ledger stores text, numbers, booleans, None, lists, dicts."
    )


def _finite(number: int | float) -> int | float | None:
    try:
        return number if math.isfinite(number) else None
    except OverflowError:  # an integer beyond the range of a float, which other JSON readers would not take
        return None


def to_text(value: Any, where: str = "value", indent: int | None = None) -> str:
    """JSON text of `value` after `plain`; ASCII only, so that every data base and encoding can hold it."""
    return json.dumps(plain(value, where), allow_nan=False, indent=indent)


def from_text(text: str) -> Any:
    """The value that JSON `text` stands for. Raises ValueError for anything that is not JSON."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


# Made once: `json.loads` makes one for every text when constants are refused.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
