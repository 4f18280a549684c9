"""A vectorised root finder for smooth functions that cross zero once, going down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MAX_STEPS = 100
TOLERANCE = 1e-13


def falling_root(value_and_slope: Callable[[Array], tuple[Array, Array]], low: Array, high: Array) -> Array:
    """Root of a function that is positive at ``low`` and negative at ``high``, elementwise.

    Newton's method inside a bracket: a step that leaves the bracket becomes a bisection, so convergence is
    quadratic where the function is tame and never worse than bisection.

    Args:
        value_and_slope: the function and its derivative at an array of points.
        low: points at or left of the root.
        high: points at or right of the root.

    Returns:
        The root of each element.
    """
    x = np.array(high, dtype=np.float64)
    low, high = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    for _ in range(MAX_STEPS):
        value, slope = value_and_slope(x)
        low = np.where(value >= 0, x, low)
        high = np.where(value <= 0, x, high)
        step = x - value / slope
        inside = (step >= low) & (step <= high)
        following = np.where(inside, step, 0.5 * (low + high))
        if np.all(np.abs(following - x) <= TOLERANCE * np.abs(following)):
            return following
        x = following
    return x
