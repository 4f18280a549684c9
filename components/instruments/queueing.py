"""Queues under load: latency against utilization, and which combinations of settings hold their limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import log_ticks, sided_labels, spread
from components.instruments.registry import instrument
from components.quantity import number, plain

#: What the name of a horizontal line takes of the plot, as shares of its width (at 390 px) and height.
_NAME_WIDTH, _NAME_HEIGHT = 0.45, 0.075


@dataclass(frozen=True)
class LoadCurve:
    """One latency (s) over the utilizations of the plot; NaN hides it or a part. Token, dash and width are style."""

    latency_s: Any
    token: str = "data"
    dash: str = "solid"
    width: float = 2.5


@dataclass(frozen=True)
class LoadPoint:
    """A latency (s) of the current design, at its utilization. NaN or infinity hides it."""

    latency_s: float
    label: str
    token: str = "data"
    about: bool = False


@dataclass(frozen=True)
class LoadZone:
    """A range of utilization with a name and the colour token of its role."""

    low: float
    high: float
    label: str
    token: str


def _clear(wanted: float, heights: Sequence[npt.NDArray[Any]]) -> float:
    """Where on the axis the name of a line at `wanted` stands clear of the curves, as near to the line as can be."""
    taken = [(float(np.nanmin(h)), float(np.nanmax(h))) for h in heights if np.isfinite(h).any()]
    margin = 0.012
    candidates = [
        wanted + margin,
        wanted - margin - _NAME_HEIGHT,
        *(top + margin for _, top in taken),
        *(bottom - margin - _NAME_HEIGHT for bottom, _ in taken),
    ]

    def free(at: float) -> bool:
        crossed = any(bottom < at + _NAME_HEIGHT and top > at for bottom, top in taken)
        return 0 <= at <= 0.9 - _NAME_HEIGHT and not crossed and not at < wanted < at + _NAME_HEIGHT

    return min((at for at in candidates if free(at)), key=lambda at: abs(at - wanted), default=wanted + margin)


@instrument(volume=1, chapter=13)
def latency_against_utilization(
    utilization: npt.NDArray[Any],
    curves: Sequence[LoadCurve],
    *,
    at: float,
    points: Sequence[LoadPoint],
    zones: Sequence[LoadZone],
    knee: float,
    low_s: float,
    high_s: float,
    log: bool,
    title: str,
    predicted_s: float = np.nan,
    predicted: str = "predicted",
    limit_s: float = np.nan,
    limit: str = "",
    key: Sequence[tuple[str, str]] = (),
    caption: str = "",
) -> Plot:
    """Latency over utilization, with the zones of load shaded and the current design marked.

    `at` is the utilization of the design, `points` are its latencies; a point above the axis is named at the
    top with an arrow. `knee` is the utilization where the zones turn from caution to violation. `predicted_s`
    and `limit_s` are horizontal lines; NaN hides them. `key` names the curves by colour.
    """
    right = 100 * (1.0 if utilization[-1] > 0.95 else float(utilization[-1]))
    low, high = low_s * 1e3, high_s * 1e3
    x = utilization * 100

    def level(share: float) -> float:
        """Height at a share of the axis."""
        return float(low * (high / low) ** share) if log else low + share * (high - low)

    def share(values: Any) -> Any:
        """Where a latency in ms lies on the axis; the inverse of `level`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(values / low) / np.log(high / low) if log else (values - low) / (high - low)

    here = at * 100 if 0 <= at * 100 <= right else np.nan
    layers: list[Layer] = []
    for zone in zones:
        left, end = 100 * zone.low, min(100 * zone.high, right)
        layers += [
            Boxes(left=left, right=end, bottom=low, top=high, token=zone.token, alpha=0.1),
            Labels(
                x=(left + end) / 2,
                y=level(0.985),
                text=zone.label,
                token=f"{zone.token}-ink",
                align="center",
                baseline="top",
                size="8.5pt",
            ),
        ]
    layers.append(Segments(x0=100 * knee, x1=100 * knee, y0=low, y1=high, token="caution"))
    layers += [
        Line(
            x=x,
            y=np.where(np.asarray(curve.latency_s) > 0, np.asarray(curve.latency_s) * 1e3, np.nan),
            token=curve.token,
            dash=curve.dash,
            width=curve.width,
        )
        for curve in curves
    ]
    values = [point.latency_s * 1e3 for point in points]
    seen = [bool(np.isfinite(value) and np.isfinite(here)) for value in values]
    # Names of points that nearly coincide move apart; those above the axis stand under the names of the zones.
    wanted = [min(float(share(value)), 0.84) if shown else np.nan for value, shown in zip(values, seen, strict=True)]
    placed = spread([at for at in wanted if np.isfinite(at)], _NAME_HEIGHT, 0.02, 0.84)
    start = x <= _NAME_WIDTH * right
    taken = [share(np.asarray(curve.latency_s)[start] * 1e3) for curve in curves]
    on_left = here > 0.5 * right
    name = _NAME_WIDTH * right
    if here < name or (on_left and here < 2 * name):
        taken += [np.array([at, at + _NAME_HEIGHT + 0.02]) for at in placed]
    for value, words, token in ((predicted_s * 1e3, predicted, "series-2"), (limit_s * 1e3, limit, "violation")):
        y = value if low <= value <= high else np.nan
        layers += [
            Segments(x0=0, x1=right, y0=y, y1=y, token=token, dash="dashed"),
            Labels(
                x=0,
                y=level(_clear(float(share(y)), taken)) if np.isfinite(y) else np.nan,
                text=f"{words} {plain(value, 3)} ms" if np.isfinite(y) else "",
                token="violation-ink" if token == "violation" else token,
                baseline="bottom",
                dx=5,
            ),
        ]
    layers.append(Segments(x0=here, x1=here, y0=low, y1=high, token="ink", dash="dotted"))
    levels = iter(placed)
    for point, value, shown in zip(points, values, seen, strict=True):
        above = value > high
        words = f"{point.label} {'≈ ' if point.about else ''}{number(value)} ms{' ↑' if above else ''}"
        layers += [
            Points(x=here, y=value if shown and not above else np.nan, size=10, token=point.token),
            *sided_labels(
                here,
                level(next(levels)) if shown else np.nan,
                words if shown else "",
                left=on_left,
                gap=9,
                dy=-4,
                token=point.token,
                baseline="bottom",
                bold=True,
                plate=True,
            ),
        ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("utilization (%)", 0, right),
        y=Axis("latency (ms)", low, high, log=log, ticks=log_ticks(low, high) if log else ()),
        layers=tuple(layers),
        height=320,
        key=tuple(key),
    )


@dataclass(frozen=True)
class Verdict:
    """What the first failing limit of a combination can be, with the colour tokens of its ground and its text."""

    name: str
    token: str
    ink: str
    alpha: float = 1.0


@instrument(volume=1, chapter=13)
def combination_grid(
    columns: Sequence[str],
    rows: Sequence[str],
    values: Sequence[Sequence[str]],
    verdicts: Sequence[Sequence[str]],
    *,
    vocabulary: Sequence[Verdict],
    here: tuple[int, int],
    x_label: str,
    y_label: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Every combination of two settings as a cell: its value, and the first limit that it breaks.

    `values` and `verdicts` are rows of columns, drawn from the top; a verdict is the name of an entry of
    `vocabulary`. `here` is (row, column) of the current design.
    """
    across, down = np.meshgrid(np.arange(len(columns), dtype=float), np.arange(len(rows), dtype=float))
    x, y = across.ravel(), len(rows) - 1 - down.ravel()
    named = np.array([word for row in verdicts for word in row], dtype=object)
    written = np.array([word for row in values for word in row], dtype=object)
    layers: list[Layer] = []
    for verdict in vocabulary:
        chosen = named == verdict.name
        layers += [
            Boxes(
                left=np.where(chosen, x, np.nan) - 0.48,
                right=x + 0.48,
                bottom=y - 0.46,
                top=y + 0.46,
                token=verdict.token,
                alpha=verdict.alpha,
            ),
            Labels(
                x=x,
                y=y,
                text=np.where(chosen, written, ""),
                token=verdict.ink,
                align="center",
                baseline="bottom",
                bold=True,
            ),
            Labels(
                x=x,
                y=y,
                text=np.where(chosen, verdict.name, ""),
                token=verdict.ink,
                align="center",
                baseline="top",
                size="8.5pt",
                dy=2,
            ),
        ]
    row, column = float(len(rows) - 1 - here[0]), float(here[1])
    corners = ((-0.48, -0.46, 0.48, -0.46), (-0.48, 0.46, 0.48, 0.46), (-0.48, -0.46, -0.48, 0.46))
    edges = np.array([*corners, (0.48, -0.46, 0.48, 0.46)]) + np.array([column, row, column, row])
    layers.append(Segments(x0=edges[:, 0], y0=edges[:, 1], x1=edges[:, 2], y1=edges[:, 3], token="ink", width=3))
    return Plot(
        title=title,
        caption=caption,
        x=Axis(x_label, -0.55, len(columns) - 0.45, ticks=tuple((float(k), name) for k, name in enumerate(columns))),
        y=Axis(
            y_label,
            -0.55,
            len(rows) - 0.45,
            ticks=tuple((float(len(rows) - 1 - k), name) for k, name in enumerate(rows)),
        ),
        layers=tuple(layers),
        height=80 + 56 * len(rows),
    )
