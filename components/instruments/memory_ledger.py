"""The memory ledger: what fills a memory, item by item, against what the memory holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.instruments.layers import Axis, Boxes, Labels, Layer, Plot, Segments
from components.instruments.placing import spread
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import plain
from components.theme import SERIES

#: Half the width of a bar; bars stand one apart.
HALF = 0.34
#: Height of the drawing, and of a two-line label in it, in pixels.
HEIGHT, LABEL = 330, 34
#: What the axis, its label and the names of the bars take of the height.
FURNITURE = 75


@dataclass(frozen=True)
class MemoryBar:
    """One configuration: its name (a line break is allowed) and its parts in bytes, in the order of all bars."""

    name: str
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        """The sum of the parts (B)."""
        return sum(self.parts.values())


@instrument(volume=1, chapter=5)
def memory_ledger(
    bars: Sequence[MemoryBar],
    *,
    title: str,
    capacities: Sequence[Limit],
    high: float | None = None,
    caption: str = "",
    unit: str = "GB",
    scale: float = 1e-9,
) -> Plot:
    """Vertical stacked bars of memory, one per configuration, under lines for what there is.

    `bars` share their part names and stand left to right; parts are stacked in their order, the first at the
    bottom. `capacities` are lines at values in bytes, named at their right ends (labels of up to 12 letters, or
    with line breaks, fit at 390 px); a total that exceeds the lowest of those with the token "violation" is written
    in red. A prediction is one more line, with its own token; a line at NaN is hidden.
    `high` (bytes) fixes the top of the axis: a taller bar is cut there and its total marked with an arrow. `scale`
    turns bytes into `unit`.
    """
    names = list(bars[0].parts)
    middle = np.arange(len(bars)).astype(float)
    heights = np.array([[bar.parts[name] * scale for name in names] for bar in bars])
    tops = np.cumsum(heights, axis=1)
    totals = tops[:, -1]
    values = [limit.value * scale for limit in capacities]
    top = high * scale if high is not None else (1.2 * float(np.nanmax([*totals, *values])) or 1.0)
    line = top * LABEL / 2 / (HEIGHT - FURNITURE)

    layers: list[Layer] = [
        Boxes(
            left=middle - HALF,
            right=middle + HALF,
            bottom=np.minimum(tops[:, k] - heights[:, k], top),
            top=np.minimum(tops[:, k], top),
            token=SERIES[k % len(SERIES)],
        )
        for k in range(len(names))
    ]
    # Lines end where the bars end; their names stand to the right of that, where nothing else is drawn.
    end = float(middle[-1]) + HALF + 0.1
    places = iter(spread([value for value in values if not math.isnan(value)], 2 * line, line, top - line))
    for limit, value in zip(capacities, values, strict=True):
        hidden = math.isnan(value)
        layers += [
            # A strip of surface under the line keeps it visible on a segment of a similar colour.
            Segments(x0=-0.5, x1=end, y0=value, y1=value, token="surface", width=5),
            Segments(x0=-0.5, x1=end, y0=value, y1=value, token=limit.token, dash="dashed"),
            Labels(
                x=end,
                y=math.nan if hidden else next(places),
                text="" if hidden else f"{limit.label}\n{plain(value)} {unit}{' ↑' if value > top else ''}",
                token=f"{limit.token}-ink" if limit.token in ("met", "violation", "caution") else limit.token,
                dx=5,
            ),
        ]
    centres = tops - heights / 2
    crossed = np.any(np.abs(centres[..., None] - np.array(values)) < 0.6 * line, axis=-1)
    # A number needs room and no line through it; the others are in the caption and the readouts.
    roomy = (heights > 1.15 * line) & (tops <= top) & ~crossed
    layers.append(
        Labels(
            x=np.repeat(middle, len(names)),
            y=centres.ravel(),
            text=[plain(value, 3) if fits else "" for value, fits in zip(heights.ravel(), roomy.ravel(), strict=True)],
            align="center",
            token="on-fill",
        )
    )
    red = [value for limit, value in zip(capacities, values, strict=True) if limit.token == "violation"]
    over = totals > min(red, default=np.inf) * (1 + 1e-9)
    written = [f"{plain(total)}{' ↑' if total > top else ''}" for total in totals]
    for chosen, token in ((~over, "ink"), (over, "violation-ink")):
        layers.append(
            Labels(
                x=middle,
                y=np.minimum(totals, top - line),
                text=[text if shown else "" for text, shown in zip(written, chosen, strict=True)],
                align="center",
                baseline="bottom",
                token=token,
                bold=True,
                dy=-3,
                plate=True,
            )
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "",
            -0.5,
            end + 0.38 * len(bars),
            ticks=tuple((float(at), bar.name) for at, bar in zip(middle, bars, strict=True)),
        ),
        y=Axis(f"memory ({unit})", 0, top),
        layers=tuple(layers),
        height=HEIGHT,
        key=tuple((name, SERIES[k % len(SERIES)]) for k, name in enumerate(names)),
    )
