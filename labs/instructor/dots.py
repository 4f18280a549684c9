"""A dot plot of results: one dot per design, stacked where they meet, with the middle half of the class marked."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from components.quantity import number, percent

#: Places along the axis on which dots are stacked: an odd number, so that one of them is the middle.
SLOTS = 41
#: From this ratio of the largest to the smallest on, the axis is logarithmic.
WIDE = 30.0
#: Designs from which on there is a middle half to speak of.
FEWEST = 4


def dot_plot(values: Sequence[tuple[float, bool]], unit: str) -> dict[str, Any]:
    """The plot of `values`, pairs of a result and whether its challenge was met, as the front end draws it.

    Places are fractions of the axis, 0 to 1. At least one value, all of them finite.
    """
    results = sorted(value for value, _ in values)
    low, high = results[0], results[-1]
    logarithmic = low > 0 and high / low >= WIDE

    def place(value: float) -> float:
        if high == low:
            return 0.5
        if logarithmic:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    stacks = Counter((round(place(value) * (SLOTS - 1)), met) for value, met in values)
    lower, middle, upper = statistics.quantiles(results, method="inclusive") if len(results) > 1 else (low, low, low)
    return {
        "stacks": [
            {"at": slot / (SLOTS - 1), "met": stacks[slot, True], "open": stacks[slot, False]}
            for slot in sorted({slot for slot, _ in stacks})
        ],
        "half": len(results) >= FEWEST,
        "middle": [place(lower), place(middle), place(upper)],
        "ends": [result_text(low, unit), result_text(high, unit)] if high > low else [result_text(low, unit)],
        "scale": "logarithmic axis" if logarithmic else "",
        "text": summary(len(results), lower, middle, upper, unit),
    }


def summary(count: int, lower: float, middle: float, upper: float, unit: str) -> str:
    """The plot in words."""
    designs = f"{count} {'design' if count == 1 else 'designs'}, median {result_text(middle, unit)}"
    if count < FEWEST:
        return designs
    return f"{designs}; the middle half from {result_text(lower, unit)} to {result_text(upper, unit)}"


def result_text(value: float, unit: str) -> str:
    """A result with its unit, as the labs write it."""
    return percent(value) if unit == "fraction" else f"{number(value, 4)} {unit}".strip()
