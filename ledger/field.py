"""One field of a saved design: its type, its vocabulary, and the check of a value against them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FieldType = Literal["number", "word", "boolean", "list", "mapping"]

_JSON_TYPES: dict[FieldType, tuple[type, ...]] = {
    "number": (int, float),
    "word": (str,),
    "boolean": (bool,),
    "list": (list,),
    "mapping": (dict,),
}


@dataclass(frozen=True)
class Field:
    """What one field of a design may hold.

    `vocabulary` lists the allowed values of a number or word, or the allowed items of a list or mapping;
    None means any value of the type. `pattern` is a regular expression for the whole of a word.
    `map_keys` are the allowed keys of a mapping. `unit` is text for people, never part of a value; where the
    unit depends on the context, `context_units` maps context -> unit. A `nullable` field may hold None.
    """

    name: str
    type: FieldType
    meaning: str
    vocabulary: tuple[Any, ...] | None = None
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    pattern: str | None = None
    map_keys: tuple[str, ...] = ()
    context_units: Mapping[str, str] = field(default_factory=dict)

    def unit_in(self, context: str | None) -> str:
        """Unit of the value when it was saved in `context`; empty for a value without unit."""
        return self.context_units.get(context or "", self.unit)

    def problem(self, value: Any) -> str | None:
        """What is wrong with a plain JSON `value`, as half a sentence; None when it is allowed."""
        if value is None:
            return None if self.nullable else "must not be empty"
        if not _has_type(value, self.type):
            return f"must be a {self.type}, not {value!r}"
        if isinstance(value, (list, dict)):
            return self._collection_problem(value)
        return self._scalar_problem(value)

    def _scalar_problem(self, value: Any) -> str | None:
        if self.vocabulary is not None and value not in self.vocabulary:
            return f"is {value!r}; allowed: {_listed(self.vocabulary)}"
        if self.minimum is not None and value < self.minimum:
            return f"is {value!r}; it must be at least {self.minimum:g}"
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            return f"is {value!r}; it must match {self.pattern}"
        return None

    def _collection_problem(self, value: list[Any] | dict[str, Any]) -> str | None:
        items: list[Any] = value if isinstance(value, list) else list(value.values())
        allowed = self.vocabulary or ()
        for item in items:
            if item not in allowed:
                return f"contains {item!r}; allowed: {_listed(allowed)}"
        if isinstance(value, list) and len(set(items)) != len(items):
            return "names something twice"
        if isinstance(value, dict):
            for name in value:
                if name not in self.map_keys:
                    return f"has the key {name!r}; allowed: {_listed(self.map_keys)}"
        return None


def _has_type(value: Any, name: FieldType) -> bool:
    if isinstance(value, bool):  # which in Python is an int, but in the ledger never a number
        return name == "boolean"
    return isinstance(value, _JSON_TYPES[name])


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(str(value) for value in values)
