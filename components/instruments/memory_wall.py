"""The memory wall in years: the terms of one task on chips whose arithmetic outgrows their bandwidth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Labels, Layer, Plot, Segments
from components.instruments.registry import instrument
from components.theme import SERIES


@instrument(volume=1, chapter=2)
def memory_wall_years(
    years: npt.NDArray[Any], terms: Mapping[str, npt.NDArray[Any]], *, cursor: float, title: str, caption: str = ""
) -> Plot:
    """Stacked areas of time (s) per term over `years`, with a cursor at one year."""
    layers: list[Layer] = []
    base = np.zeros_like(years, dtype=float)
    for k, values in enumerate(terms.values()):
        top = base + values * 1e3
        layers.append(Band(x=years, low=base, high=top, token=SERIES[k % len(SERIES)], alpha=0.75))
        base = top
    high = float(base[0]) * 1.12
    total = float(np.interp(cursor, years, base))
    layers += [
        Segments(x0=cursor, x1=cursor, y0=0, y1=high, token="ink", dash="dotted"),
        Labels(
            x=cursor,
            y=min(total * 1.04, high),
            text=f"{total:.3g} ms",
            token="ink",
            bold=True,
            align="left" if cursor < 0.8 * float(years[-1]) else "right",
            dx=6 if cursor < 0.8 * float(years[-1]) else -6,
            baseline="bottom",
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("years from now", float(years[0]), float(years[-1])),
        y=Axis("time of one token (ms)", 0, high),
        layers=tuple(layers),
        height=270,
        key=tuple((name, SERIES[k % len(SERIES)]) for k, name in enumerate(terms)),
    )
