"""Clocks that run at the same time: a task takes as long as the slowest of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.instruments.layers import Axis, Boxes, Labels, Layer, Plot, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import plain

#: Colours of the clocks, here and where their curves are drawn: not that of a student's prediction.
CLOCK_TOKENS = ("series-5", "data", "series-3", "series-4")
#: Height of a bar, of a group of bars and of the axis below them, in pixels.
BAR, GROUP_GAP, FURNITURE = 21, 18, 62


@dataclass(frozen=True)
class ClockGroup:
    """One task: its name (a line break is allowed), and its clocks in seconds, in the order of all groups.

    `reference_s` is the time that counts as 1 on the axis: the task's own limit, or one unit of time for all.
    """

    name: str
    clocks: Mapping[str, float]
    reference_s: float = 1e-3

    @property
    def longest(self) -> str:
        """Name of the clock that the task waits for."""
        return max(self.clocks, key=lambda name: self.clocks[name])


@instrument(volume=1, chapter=6)
def parallel_clocks(
    groups: Sequence[ClockGroup],
    *,
    title: str,
    axis: str,
    limits: Sequence[Limit] = (),
    percent: bool = False,
    most: float | None = None,
    caption: str = "",
) -> Plot:
    """Horizontal bars, one per clock, grouped by task; the longest of a group is its time and is written bold.

    Bars are in units of their group's `reference_s`, their labels in milliseconds. `limits` are lines in units of
    the axis (NaN hides one). `percent` writes the axis in percent, `most` cuts it: a longer bar ends at the edge and
    its label has an arrow.
    """
    names = list(groups[0].clocks)
    values = np.array([[group.clocks[name] / group.reference_s for name in names] for group in groups])
    written = [
        [f"{plain(group.clocks[name] * 1e3, 4 if name == group.longest else 3)} ms" for name in names]
        for group in groups
    ]
    furthest = max([float(values.max()), *(limit.value for limit in limits if not math.isnan(limit.value))])
    right = 1.3 * furthest if most is None else min(1.3 * furthest, most)
    right = right if right > 0 else 1.0
    # Bars of a group touch; positions count bars from below, the first group on top.
    step = len(names) + GROUP_GAP / BAR
    bottoms = np.array(
        [[(len(groups) - 1 - g) * step + len(names) - 1 - k for k in range(len(names))] for g in range(len(groups))]
    )
    top = (len(groups) - 1) * step + len(names)
    cut = values > right
    ends = np.minimum(values, right)
    texts = np.array(
        [
            [f"{text} →" if over else text for text, over in zip(*row, strict=True)]
            for row in zip(written, cut, strict=True)
        ],
        dtype=object,
    )
    longest = np.array([[name == group.longest for name in names] for group in groups])
    layers: list[Layer] = [
        Boxes(
            left=0,
            right=ends[:, k],
            bottom=bottoms[:, k] + 0.08,
            top=bottoms[:, k] + 0.92,
            token=CLOCK_TOKENS[k % len(CLOCK_TOKENS)],
        )
        for k in range(len(names))
    ]
    for limit in limits:
        layers += [
            Segments(x0=limit.value, x1=limit.value, y0=-0.2, y1=top + 0.25, token=limit.token, dash="dashed"),
            *sided_labels(
                limit.value,
                top + 0.25,
                "" if math.isnan(limit.value) else limit.label,
                left=limit.value > 0.6 * right,
                gap=4,
                token=f"{limit.token}-ink" if limit.token in ("met", "violation", "caution") else limit.token,
                baseline="bottom",
            ),
        ]
    # A label stands behind its bar, or in it where there is no room behind.
    tight = ends > 0.72 * right
    for is_longest in (True, False):
        chosen = longest == is_longest
        layers += [
            Labels(
                x=ends.ravel(),
                y=bottoms.ravel() + 0.5,
                text=np.where(chosen & (tight == inside), texts, "").ravel(),
                token="on-fill" if inside else "ink" if is_longest else "muted",
                bold=is_longest,
                align="right" if inside else "left",
                dx=-6 if inside else 6,
                plate=not inside,
            )
            for inside in (True, False)
        ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(axis, 0, right, ticks=_ticks(right, percent)),
        y=Axis(
            "",
            -0.25,
            top + (1.15 if limits else 0.2),
            ticks=tuple((float(bottoms[g].mean()) + 0.5, group.name) for g, group in enumerate(groups)),
        ),
        layers=tuple(layers),
        height=FURNITURE + round(BAR * (top + 1.4)),
        key=tuple((name, CLOCK_TOKENS[k % len(CLOCK_TOKENS)]) for k, name in enumerate(names)),
    )


def _ticks(right: float, percent: bool) -> tuple[tuple[float, str], ...]:
    """Four or so round positions from 0 to `right`."""
    raw = right / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(k * power for k in (1, 2, 2.5, 5, 10) if k * power >= raw * (1 - 1e-9))
    values = [k * step for k in range(int(right / step * (1 + 1e-9)) + 1)]
    return tuple((value, f"{100 * value:g} %" if percent else plain(value)) for value in values)
