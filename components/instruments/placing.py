"""Where labels go when their values lie close together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


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
