"""The P99 latency histogram: how many requests take how long, and which of them are too late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Plot, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.quantity import number, plain

#: Bars fill this part of the height; names of the marks stand above.
_BARS = 0.68


@dataclass(frozen=True)
class TimeMark:
    """A vertical line at a time in seconds: mean, percentile, limit. NaN or infinity hides it.

    `about` marks an approximate value with a sign. Token and dash are style: the same at every call.
    """

    value_s: float
    label: str
    token: str = "ink"
    dash: str = "solid"
    about: bool = False


@instrument(volume=1, chapter=13)
def latency_histogram(
    edges_s: npt.NDArray[Any],
    shares: npt.NDArray[Any],
    *,
    marks: Sequence[TimeMark],
    late_s: float,
    late: str,
    beyond: float,
    title: str,
    caption: str = "",
    empty: str = "",
) -> Plot:
    """Share of requests per bar of time in the system, with mean, percentiles and limit as lines.

    `edges_s` (s, one more than `shares`) are the edges of the bars. What is right of `late_s` is red and
    hatched, and named `late`; NaN where nothing is late by definition. `beyond` is the share of requests
    that take longer than the axis. `empty` is written across a plot that has no distribution to show.
    """
    edges, percent = edges_s * 1e3, np.asarray(shares, dtype=float) * 100
    left, right = edges[:-1], edges[1:]
    end = float(edges[-1])
    tallest = float(np.max(percent, initial=0.0))
    top = tallest / _BARS if tallest > 0 else 1.0
    limit = late_s * 1e3
    # Without a limit every bar is in time; the bar that the limit cuts is drawn in two parts.
    cut = limit if np.isfinite(limit) else end
    in_time, too_late = left < cut, right > cut
    gap = 0.12 * (edges[1] - edges[0])
    hidden = np.where(percent > 0, percent, np.nan)
    late_from = limit if 0 <= limit < end else np.nan
    values = np.array([mark.value_s * 1e3 for mark in marks], dtype=float)
    shown = np.isfinite(values) & (values <= end)
    # The leftmost line is the tallest: its name then stands above the ends of all lines to its right.
    order = np.empty(len(marks), dtype=int)
    order[np.argsort(np.where(shown, values, np.inf), kind="stable")] = np.arange(len(marks))
    heights = top * (0.965 - 0.078 * order)
    layers: list[Layer] = [
        Boxes(left=late_from, right=end, bottom=0, top=top, token="violation", alpha=0.07),
        Boxes(
            left=np.where(in_time, left, np.nan) + gap / 2,
            right=np.minimum(right, cut) - gap / 2,
            bottom=0,
            top=hidden,
            token="data",
        ),
        Boxes(
            left=np.where(too_late, np.maximum(left, cut), np.nan) + gap / 2,
            right=right - gap / 2,
            bottom=0,
            top=hidden,
            token="violation",
            hatch="right_diagonal_line",
        ),
        Labels(
            x=end if np.isfinite(late_from) else np.nan,
            y=top * 0.34,
            text=late if np.isfinite(late_from) else "",
            align="right",
            dx=-4,
            token="violation-ink",
            bold=True,
            plate=True,
        ),
        Labels(
            x=end,
            y=top * 0.14,
            text=""
            if empty or beyond == 0
            else f"{'< 0.01' if 0 < beyond < 1e-4 else number(100 * beyond, 2)} % beyond →",
            align="right",
            dx=-4,
            token="muted",
            plate=True,
        ),
    ]
    for mark, value, seen, height in zip(marks, values, shown, heights, strict=True):
        at = value if seen else np.nan
        # The unit stands at the axis: the names have to fit a narrow screen.
        text = f"{mark.label} {'≈ ' if mark.about else ''}{plain(value, 4 if value >= 1000 else 3)}" if seen else ""
        layers += [
            Segments(x0=at, x1=at, y0=0, y1=height, token=mark.token, dash=mark.dash),
            *sided_labels(
                at, height, text, left=value > 0.72 * end, gap=5, token=mark.token, baseline="top", bold=True
            ),
        ]
    layers.append(Labels(x=end / 2, y=top * 0.55, text=empty, align="center", token="violation-ink", bold=True))
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time in the system (ms)", 0, end),
        y=Axis("share of requests per bar (%)", 0, top),
        layers=tuple(layers),
        height=300,
    )
