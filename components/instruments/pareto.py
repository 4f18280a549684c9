"""The Pareto curve: designs in a plane of two goods, with the box in which a design is acceptable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument


@dataclass(frozen=True)
class Trace:
    """A family of designs as a curve, in the units of the axes. NaN or infinity breaks it.

    `token` is its colour where curves are told apart by a key.
    """

    x: Any
    y: Any
    label: str = ""
    token: str = "series-6"


@dataclass(frozen=True)
class Design:
    """One design as a named point, in the units of the axes. NaN or infinity hides it."""

    x: float
    y: float
    label: str = ""


@dataclass(frozen=True)
class Box:
    """The region in which all limits hold. An end beyond the axes is cut there."""

    left: float
    right: float
    bottom: float
    top: float
    label: str = ""


def _within(trace: Trace, x: Axis, y: Axis) -> npt.NDArray[np.bool_]:
    """Which points of a trace lie inside the axes."""
    across, up = (np.asarray(values, dtype=float) for values in (trace.x, trace.y))
    return np.asarray((across >= x.low) & (across <= x.high) & (up >= y.low) & (up <= y.high))


def _share(value: float, axis: Axis) -> float:
    """Where a value lies between the ends of an axis."""
    if axis.log:
        return float(np.log(value / axis.low) / np.log(axis.high / axis.low))
    return (value - axis.low) / (axis.high - axis.low)


def _at(share: float, axis: Axis) -> float:
    """The value at a share of the way between the ends of an axis."""
    if axis.log:
        return float(axis.low * (axis.high / axis.low) ** share)
    return axis.low + share * (axis.high - axis.low)


def _end(trace: Trace, x: Axis, y: Axis, which: Literal["first", "last"]) -> tuple[float, float]:
    """The first or last point of a trace that the axes show; NaN if there is none."""
    shown = np.flatnonzero(_within(trace, x, y))
    if not len(shown):
        return np.nan, np.nan
    k = shown[0 if which == "first" else -1]
    return float(np.asarray(trace.x)[k]), float(np.asarray(trace.y)[k])


@instrument(volume=1, chapter=9)
def pareto_curve(
    traces: Sequence[Trace],
    *,
    x: Axis,
    y: Axis,
    box: Box,
    here: Design,
    title: str,
    caption: str = "",
    chosen: Trace | None = None,
    frontier: Trace | None = None,
    predicted: Trace | None = None,
    marks: Sequence[Design] = (),
    shunned: Box | None = None,
    named_at: Literal["first", "last", "key"] = "last",
    height: int = 340,
) -> Plot:
    """Families of designs as curves, one design ringed, the acceptable region shaded.

    `chosen` is the family of the current design, drawn strong with its members as dots; `frontier` the
    envelope of designs that nothing dominates; `predicted` the family that the student predicted; `marks`
    other single designs; `shunned` a region, from some x on, that no design should enter, named along its left edge.
    Each curve is named at its `named_at` point inside the axes, or, where their ends lie too close together, in a
    key above the plot; a current design outside the axes is a ring on their edge. Pass the optional parts always or
    never: an empty trace (NaN) hides itself, None leaves the layer out.
    """
    layers: list[Layer] = [
        Boxes(
            left=max(box.left, x.low),
            right=min(box.right, x.high),
            bottom=max(box.bottom, y.low),
            top=min(box.top, y.high),
            token="met",
            alpha=0.16,
        ),
        Labels(
            x=max(box.left, x.low),
            y=max(box.bottom, y.low),
            text=box.label,
            token="met-ink",
            baseline="bottom",
            dx=6,
            dy=-4,
            bold=True,
        ),
    ]
    if shunned is not None:
        layers += [
            Boxes(
                left=max(shunned.left, x.low),
                right=min(shunned.right, x.high),
                bottom=max(shunned.bottom, y.low),
                top=min(shunned.top, y.high),
                token="violation",
                alpha=0.1,
            ),
            Labels(
                x=max(shunned.left, x.low),
                y=max(shunned.bottom, y.low),
                text=shunned.label,
                token="violation-ink",
                angle=90,
                baseline="top",
                dx=5,
                dy=-6,
            ),
        ]
    layers += [Line(x=trace.x, y=trace.y, token=trace.token, width=1.5) for trace in traces]
    if frontier is not None:
        layers.append(Line(x=frontier.x, y=frontier.y, token="ink", width=4, alpha=0.45))
    if predicted is not None:
        top = _end(predicted, x, y, "last" if named_at == "first" else "first")
        layers += [
            Line(x=predicted.x, y=predicted.y, token="series-2", width=3, dash="dashed"),
            *sided_labels(
                top[0],
                top[1],
                predicted.label if np.isfinite(top[0]) else "",
                left=np.isfinite(top[0]) and _share(top[0], x) > 0.6,
                token="series-2",
                gap=-4,
                baseline="bottom",
                dy=-4,
            ),
        ]
    if chosen is not None:
        layers += [Line(x=chosen.x, y=chosen.y, width=2.5), Points(x=chosen.x, y=chosen.y, size=4)]
    listed = named_at == "key"
    named = [*traces] if chosen is None else [*traces, chosen]
    ends = [_end(trace, x, y, "first" if named_at == "first" else "last") for trace in named]
    words = [trace.label if np.isfinite(end[0]) and not listed else "" for trace, end in zip(named, ends, strict=True)]
    # A name of a few letters needs less room on its right than one of a word.
    on_left = [
        bool(np.isfinite(end[0]) and _share(end[0], x) > (0.9 if len(word) < 4 else 0.75))
        for end, word in zip(ends, words, strict=True)
    ]
    for part, token, bold in ((slice(0, len(traces)), "muted", False), (slice(len(traces), None), "data", True)):
        if words[part]:
            layers += sided_labels(
                [end[0] for end in ends[part]],
                [end[1] for end in ends[part]],
                words[part],
                left=on_left[part],
                token=token,
                bold=bold,
                dy=5,
            )
    if marks:
        layers += [
            Points(x=[mark.x for mark in marks], y=[mark.y for mark in marks], size=9, token="ink", marker="diamond"),
            *sided_labels(
                [mark.x for mark in marks],
                [mark.y for mark in marks],
                [mark.label if np.isfinite(mark.x + mark.y) else "" for mark in marks],
                left=[bool(np.isfinite(mark.x) and mark.x > x.low and _share(mark.x, x) > 0.7) for mark in marks],
                token="ink",
                gap=4,
                baseline="bottom",
                dy=-6,
            ),
        ]
    known = bool(np.isfinite(here.x) and np.isfinite(here.y))
    at = (min(max(here.x, x.low), x.high), min(max(here.y, y.low), y.high)) if known else (np.nan, np.nan)
    outside = known and at != (here.x, here.y)
    name = " ".join(filter(None, (here.label, "beyond the axes" if outside else ""))) if known else ""
    layers += [
        Points(x=np.nan if outside else at[0], y=at[1], size=7, token="ink"),
        Points(x=at[0], y=at[1], size=17, token="ink", filled=False),
        # Below the ring, where a family that levels off leaves room, and above the lower edge.
        *sided_labels(
            at[0],
            _at(max(_share(at[1], y) - 0.055, 0.06), y) if known else np.nan,
            name,
            left=known and _share(at[0], x) > 0.72,
            gap=12,
            token="ink",
            bold=True,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=x,
        y=y,
        layers=tuple(layers),
        height=height,
        key=tuple((trace.label, trace.token) for trace in traces) if listed else (),
    )
