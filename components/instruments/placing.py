"""Where labels go: apart when their values lie close together, on the side of a mark where there is room, at ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Labels
from components.quantity import plain


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> npt.NDArray[np.float64]:
    """`positions` moved apart until neighbours are at least `gap` from each other, within `low` to `high`.

    The order is kept. Where the room is too small for all, the gap gives way.
    """
    values = np.asarray(positions, dtype=float)
    if len(values) == 0:
        return values
    order = np.argsort(values, kind="stable")
    room = min(gap, (high - low) / max(len(values) - 1, 1))
    placed = np.clip(values[order], low, high)
    for k in range(1, len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + room)
    # What was pushed out at the upper end goes back, and pushes its lower neighbours down.
    placed[-1] = min(placed[-1], high)
    for k in range(len(placed) - 2, -1, -1):
        placed[k] = min(placed[k], placed[k + 1] - room)
    result = np.empty_like(placed)
    result[order] = placed
    return result


def sided_labels(x: Any, y: Any, text: Any, *, left: Any, gap: float = 6, **style: Any) -> tuple[Labels, Labels]:
    """Labels right of their marks, or left of them where `left` is true; `gap` in pixels.

    The alignment of a label is style, and another style is a new drawing. With two layers, of which every label
    fills one, a name changes sides by columns alone. `style` holds further fields of `Labels`.
    """
    words = np.atleast_1d(np.asarray(text, dtype=object))
    on_left = np.broadcast_to(np.asarray(left, dtype=bool), words.shape)
    return (
        Labels(x=x, y=y, text=np.where(on_left, "", words), align="left", dx=gap, **style),
        Labels(x=x, y=y, text=np.where(on_left, words, ""), align="right", dx=-gap, **style),
    )


def log_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Ticks of a logarithmic axis as plain numbers: 1, 2, 5 of every decade, 1 alone where there are many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if math.log10(high / low) < 3.5 else (1,)
    values = (step * 10.0**decade for decade in decades for step in steps)
    return tuple((value, plain(value)) for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9))


def decade_ticks(low: float, high: float, every: int = 1) -> tuple[tuple[float, str], ...]:
    """Every power of ten between the ends, or every second one, in few letters: 0.01, 100, 10k, 1M."""
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    prefix = {0: "", 1: "k", 2: "M", 3: "G"}
    return tuple(
        (10.0**k, f"{10 ** (k % 3)}{prefix[k // 3]}" if 0 <= k < 12 else plain(10.0**k))
        for k in powers
        if k % every == 0
    )
