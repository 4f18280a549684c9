"""Random valid arguments for any registered formula, made from the domains of its variables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from mlsysim.physics import FORMULAS
from mlsysim.physics.registry import Boolean, Choices, FormulaSpec, Interval, Variable

ATTEMPTS = 500


def draw(variable: Variable, generator: np.random.Generator) -> Any:
    """One valid value: moderate, so that products of several stay far from overflow."""
    domain = variable.domain
    if variable.vector:
        single = Variable(variable.symbol, variable.unit, variable.meaning, domain)
        drawn = [draw(single, generator) for _ in range(4)]
        # Fractions in a list are the shares of a whole.
        return [part / sum(drawn) for part in drawn] if isinstance(domain, Interval) and domain.high == 1 else drawn
    if isinstance(domain, Choices):
        return str(generator.choice(domain.options))
    if isinstance(domain, Boolean):
        return bool(generator.integers(2))
    return draw_number(domain, generator)


def draw_number(domain: Interval, generator: np.random.Generator) -> float | int:
    """One valid number of an interval."""
    low = domain.low if math.isfinite(domain.low) else -1e3
    if domain.integer:
        first = math.ceil(low) + (1 if domain.low_open and low == math.ceil(low) else 0)
        last = math.floor(domain.high) if math.isfinite(domain.high) else first + 12
        return int(generator.integers(first, last + 1))
    if math.isfinite(domain.high):
        return float(low + (domain.high - low) * generator.uniform(0.02, 0.98))
    return float(low + 10.0 ** generator.uniform(-2.0, 2.0))


def structural(spec: FormulaSpec) -> set[str]:
    """Arguments that take one number per call."""
    return {name for name, variable in spec.variables.items() if variable.structural}


def sample(
    spec: FormulaSpec, generator: np.random.Generator, fixed: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Valid arguments of a formula, drawn again until its rules between arguments hold too; `fixed` ones are kept."""
    for _ in range(ATTEMPTS):
        arguments = {name: draw(variable, generator) for name, variable in spec.variables.items()} | fixed
        try:
            FORMULAS[spec.name](**arguments)
        except ValueError:
            continue
        return arguments
    raise AssertionError(f"no valid arguments of {spec.name} in {ATTEMPTS} attempts")


def outside(domain: Interval) -> list[float]:
    """Numbers that an interval refuses, NaN among them."""
    values = [math.nan, -math.inf]
    if not domain.allow_inf:
        values.append(math.inf)
    if math.isfinite(domain.low):
        values.append(domain.low - 1.0)
        if domain.low_open:
            values.append(domain.low)
    if math.isfinite(domain.high):
        values.append(domain.high + 1.0)
        if domain.high_open:
            values.append(domain.high)
    if domain.integer:
        values.append((domain.low if math.isfinite(domain.low) else 0.0) + 0.5)
    return values
