"""The latency waterfall: where the time of one task goes, term by term."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.instruments.layers import Axis, Boxes, Labels, Layer, Plot, Segments
from components.instruments.registry import instrument
from components.quantity import number, percent
from components.theme import SERIES


@dataclass(frozen=True)
class Bar:
    """One design or device: its name and its terms in seconds, in the order of all bars."""

    name: str
    terms: Mapping[str, float]

    @property
    def total(self) -> float:
        """The sum of the terms (s)."""
        return sum(self.terms.values())


@dataclass(frozen=True)
class Limit:
    """A line across a plot: a value on its axis, what it is, and the colour token of its role."""

    value: float
    label: str
    token: str = "violation"


@instrument(volume=1, chapter=2)
def latency_waterfall(
    bars: Sequence[Bar],
    *,
    title: str,
    limits: Sequence[Limit] = (),
    unit: str = "ms",
    scale: float = 1e3,
    high: float | None = None,
    caption: str = "",
    row: int = 62,
    tokens: Sequence[str] = SERIES,
) -> Plot:
    """Horizontal stacked bars of time, one per design, with the largest term named on each.

    `bars` share their term names and are drawn top to bottom. `scale` turns seconds into `unit`; `high` (in
    `unit`) fixes the right end of the axis, `row` is the height of a bar with its gap in pixels, `tokens` the colours
    of the terms in their order.
    """
    names = list(bars[0].terms)
    rows = np.arange(len(bars))[::-1].astype(float)
    widths = np.array([[bar.terms[name] * scale for name in names] for bar in bars])
    ends = np.cumsum(widths, axis=1)
    starts = ends - widths
    reach = max([*ends[:, -1], *(limit.value for limit in limits)])
    right = high if high is not None else float(reach) * 1.32 or 1.0
    layers: list[Layer] = [
        Boxes(left=starts[:, k], right=ends[:, k], bottom=rows - 0.32, top=rows + 0.32, token=tokens[k % len(tokens)])
        for k in range(len(names))
    ]
    largest = widths.argmax(axis=1)
    picked = np.arange(len(bars))
    share = np.divide(widths[picked, largest], ends[:, -1], out=np.zeros(len(bars)), where=ends[:, -1] > 0)
    # A name inside its segment needs room on the narrowest screen (some 200 px of plot, 6.5 px a letter); where there
    # is less, the share stands alone, and what is too narrow for that is named in the caption and the readouts.
    room = widths[picked, largest] / right * 200 / 6.5
    inside = [
        text if len(text) < letters else f"{percent(s, 0)}" if letters > 5 else ""
        for text, s, letters in zip(
            [f"{names[k]}: {percent(s, 0)}" for k, s in zip(largest, share, strict=True)], share, room, strict=True
        )
    ]
    layers += [
        Labels(
            x=starts[picked, largest] + widths[picked, largest] / 2,
            y=rows,
            text=inside,
            align="center",
            token="on-fill",
            bold=True,
        )
    ]
    top = len(bars) - 0.4
    for limit in limits:
        layers += [
            Segments(x0=limit.value, x1=limit.value, y0=-0.5, y1=top, token=limit.token, dash="dashed"),
            # Named to the right of the line, or to its left near the end of the axis.
            *(
                Labels(
                    x=limit.value,
                    y=top,
                    text=limit.label if (limit.value > 0.72 * right) == late else "",
                    token=limit.token,
                    dy=-2,
                    baseline="bottom",
                    align="right" if late else "left",
                    dx=-4 if late else 4,
                )
                for late in (False, True)
            ),
        ]
    # Totals come last, on a plate: a limit often runs right behind one.
    layers.append(
        Labels(
            x=ends[:, -1],
            y=rows,
            text=[f"{number(total)} {unit}" for total in ends[:, -1]],
            dx=6,
            token="ink",
            bold=True,
            plate=True,
        )
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"time ({unit})", 0, right),
        y=Axis(
            "",
            -0.6,
            len(bars) - 0.4 + (0.35 if limits else 0.1),
            ticks=tuple((float(row), bar.name) for row, bar in zip(rows, bars, strict=True)),
        ),
        layers=tuple(layers),
        height=90 + row * len(bars) + (18 if limits else 0),
        key=tuple((name, tokens[k % len(tokens)]) for k, name in enumerate(names)),
    )
