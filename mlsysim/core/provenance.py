"""A number that can say where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import pint

from mlsysim.core.units import ureg

Kind = Literal["datasheet", "paper", "chapter", "derived", "assumption", "definition", "course"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant with its provenance.

    ``value`` is the magnitude in ``unit``, an SI unit (bytes, operations, seconds, watts, joules) unless the
    name or the unit itself says otherwise (hours, USD, percent).

    Attributes:
        name: the name in the course's material.
        value: magnitude in ``unit``.
        unit: a unit that the shared registry parses; "1" for a pure number.
        meaning: what the number is.
        source: the primary source.
        section: where the course introduces it.
        kind: what sort of evidence it is.
    """

    name: str
    value: float
    unit: str
    meaning: str
    source: str
    section: str
    kind: Kind

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"{self.name}: value must be finite, got {self.value!r}")
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.name}: kind must be one of {get_args(Kind)}, got {self.kind!r}")
        for field in ("name", "meaning", "source", "section"):
            if not getattr(self, field).strip():
                raise ValueError(f"{self.name or 'constant'}: {field} must not be empty")
        try:
            ureg.parse_units(_unit_text(self.unit))
        except (pint.errors.UndefinedUnitError, pint.errors.DefinitionSyntaxError, ValueError) as error:
            raise ValueError(f"{self.name}: unit {self.unit!r} cannot be parsed: {error}") from error

    def __float__(self) -> float:
        return float(self.value)

    @property
    def quantity(self) -> pint.Quantity[float]:
        """The constant as a quantity with its unit."""
        return ureg.Quantity(self.value, _unit_text(self.unit))


def _unit_text(unit: str) -> str:
    return "" if unit == "1" else unit
