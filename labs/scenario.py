"""Numbers that belong to one lab's story."""

from __future__ import annotations

from mlsysim.core.provenance import Constant, Kind


def scenario(name: str, value: float, unit: str, meaning: str, source: str, kind: Kind = "assumption") -> Constant:
    """A constant of one lab: a limit, a price, a load. Numbers that two labs share live in `mlsysim.core`."""
    return Constant(name, value, unit, meaning, source, "this lab", kind)
