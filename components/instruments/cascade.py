"""The step waterfall: the terms of one time below one another, each beginning where the last one ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.instruments.layers import Axis, Boxes, Labels, Layer, Plot, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import number
from components.theme import SERIES


@instrument(volume=2, chapter=5)
def step_waterfall(
    terms: Mapping[str, float],
    *,
    total: str,
    title: str,
    limits: Sequence[Limit] = (),
    unit: str = "s",
    scale: float = 1.0,
    caption: str = "",
) -> Plot:
    """The terms of one sum as floating bars, one row each, and their `total` under them.

    `terms` are in seconds, NaN where there is nothing to show; `scale` turns them into `unit`. A limit (in
    `unit`) that lies beyond the axis stands at its end with an arrow.
    """
    widths = np.array([*terms.values()], dtype=float) * scale
    ends = np.cumsum(widths)
    count = len(widths)
    rows = np.arange(count, -1, -1).astype(float)
    reach = float(ends[-1]) if np.isfinite(ends[-1]) else 0.0
    first = min((limit.value for limit in limits), default=0.0)
    right = 1.24 * max(reach, first) or 1.0
    left = np.append(ends - widths, 0.0)
    stops = np.append(ends, ends[-1])
    sizes = np.append(widths, ends[-1])
    half = 0.34
    inside = [min(limit.value, right) for limit in limits]
    layers: list[Layer] = [
        Segments(x0=at, x1=at, y0=-0.5, y1=count + 0.5, token=limit.token, dash="dashed")
        for limit, at in zip(limits, inside, strict=True)
    ]
    layers.append(Segments(x0=ends, x1=ends, y0=rows[:-1] + half, y1=rows[1:] - half, token="series-6", width=1))
    layers += [
        Boxes(left=left[k], right=stops[k], bottom=rows[k] - half, top=rows[k] + half, token=token)
        for k, token in enumerate([*(SERIES[k % len(SERIES)] for k in range(count)), "ink"])
    ]
    # A size stands behind its bar, before a bar that ends far to the right, or inside one that fills the row.
    texts = np.array(["" if np.isnan(size) else f"{number(size)} {unit}" for size in sizes], dtype=object)
    far = stops > 0.55 * right
    before, within = far & (left > 0.45 * right), far & (left <= 0.45 * right)
    layers += [
        Labels(x=stops, y=rows, text=np.where(far, "", texts), token="ink", bold=True, dx=6, plate=True),
        Labels(
            x=left, y=rows, text=np.where(before, texts, ""), token="ink", bold=True, align="right", dx=-6, plate=True
        ),
        Labels(x=stops, y=rows, text=np.where(within, texts, ""), token="on-fill", bold=True, align="right", dx=-6),
    ]
    # Each limit has its own line above the bars for its name.
    for k, (limit, at) in enumerate(zip(limits, inside, strict=True)):
        layers += sided_labels(
            at,
            count + 0.75 + 0.55 * k,
            f"{limit.label}{' →' if limit.value > right else ''}",
            left=at > 0.5 * right,
            gap=0,
            token=f"{limit.token}-ink" if limit.token in ("met", "violation", "caution") else limit.token,
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"time ({unit})", 0, right),
        y=Axis(
            "",
            -0.6,
            count + 0.6 + 0.55 * len(limits),
            ticks=tuple((float(row), name) for row, name in zip(rows, [*terms, total], strict=True)),
        ),
        layers=tuple(layers),
        height=70 + 34 * (count + 1) + 19 * len(limits),
    )
