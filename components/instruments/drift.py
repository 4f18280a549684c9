"""Drift and its answer: what each layer of metrics sees, how the data moved, how old the served model gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels, spread
from components.instruments.registry import instrument
from components.quantity import percent

Array = npt.NDArray[np.float64]
NAN = float("nan")

#: Pixels of a lane's title, of a line of text, and of the horizontal axis under the lanes.
_TITLE, _TEXT, _AXIS = 24, 14, 58


@dataclass(frozen=True)
class Trace:
    """A quantity over time in a lane: a value per position, its name and its value at the cursor.

    The name stands at the left end, above the line or `below` it.
    """

    values: Any
    name: str = ""
    here: str = ""
    token: str = "data"
    falling: bool = False
    below: bool = False


@dataclass(frozen=True)
class Level:
    """A limit in a lane: its value and its name, above the line or `below` it."""

    value: float
    name: str
    token: str = "violation"
    ink: str = "violation-ink"
    dash: str = "dashed"
    below: bool = False


@dataclass(frozen=True)
class Lane:
    """One strip of a layered timeline, with a scale of its own; `shaded` is a span of time in which it is bad."""

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    traces: tuple[Trace, ...]
    levels: tuple[Level, ...] = ()
    shaded: tuple[float, float] | None = None
    pixels: int = 96


@dataclass(frozen=True)
class Period:
    """A span of time as a bar with a name and a text; NaN hides it."""

    name: str
    start: float
    end: float
    text: str
    token: str = "data"
    ink: str = "data"


def _clear_above(height: float, others: Sequence[float]) -> float:
    """The height of the topmost line of a bundle that leaves no room for a name between its lines.

    Lower lines of a bundle get slightly less, so that their names keep the order of the lines.
    """
    top = height
    for other in sorted(others):
        if top < other < top + _TEXT + 2:
            top = other
    return top + 1e-3 * (height - top)


@instrument(volume=1, chapter=3)
def layered_timeline(
    time: Array,
    lanes: Sequence[Lane],
    periods: Sequence[Period],
    *,
    cursor: float,
    cursor_text: str,
    periods_title: str,
    x_label: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Strips of different quantities over one axis of time, a cursor through all of them, and named spans below.

    Every lane has its own scale, written at its left; its title names quantity and unit. Levels and traces of a
    lane are style: the same at every call.
    """
    left, right = float(time[0]), float(time[-1])
    row = 22
    total = sum(lane.pixels + _TITLE for lane in lanes) + _TITLE + row * len(periods)
    on_left = cursor > left + 0.55 * (right - left)
    back: list[Layer] = []
    front: list[Layer] = []
    ticks: list[tuple[float, str]] = []
    top = float(total)

    def heading(text: str) -> Labels:
        return Labels(x=left, y=top - _TITLE + 5, text=text, token="muted", bold=True, baseline="bottom", dx=1)

    for lane in lanes:
        back.append(heading(lane.title))
        bottom, upper = top - _TITLE - lane.pixels, top - _TITLE

        def at(value: Any, lane: Lane = lane, bottom: float = bottom) -> Any:
            share = (np.asarray(value, dtype=float) - lane.low) / (lane.high - lane.low)
            return bottom + lane.pixels * np.clip(share, 0, 1)

        bad = lane.shaded or (NAN, NAN)
        back += [
            Boxes(left=left, right=right, bottom=bottom, top=upper, token="sunken", alpha=0.55),
            Boxes(left=bad[0], right=bad[1], bottom=bottom, top=upper, token="violation", alpha=0.2),
        ]
        for level in lane.levels:
            back += [
                Segments(
                    x0=left,
                    x1=right,
                    y0=at(level.value),
                    y1=at(level.value),
                    token=level.token,
                    dash=level.dash,
                    width=1.5,
                ),
                Labels(
                    x=right,
                    y=at(level.value),
                    text=level.name,
                    token=level.ink,
                    align="right",
                    baseline="top" if level.below else "bottom",
                    dx=-3,
                    dy=2 if level.below else -1,
                    plate=True,
                ),
            ]
        back += [Line(x=time, y=at(trace.values), token=trace.token) for trace in lane.traces]
        left_ends = [float(at(trace.values)[0]) for trace in lane.traces]
        starts = [
            end - 9 if trace.below else _clear_above(end, left_ends) + 9
            for end, trace in zip(left_ends, lane.traces, strict=True)
        ]
        names = spread(starts, _TEXT + 1, bottom + _TEXT / 2, upper - _TEXT / 2)
        for trace, height in zip(lane.traces, names, strict=True):
            front.append(
                Labels(x=left, y=height if trace.name else NAN, text=trace.name, token=trace.token, dx=5, plate=True)
            )
            value = float(np.interp(cursor, time, at(trace.values))) if trace.here else NAN
            # Beside a line there is room below it where it rises, above it where it falls, and the other way round
            # on its left.
            near = min(max(value + (11 if trace.falling != on_left else -11), bottom + 7), upper - 7)
            front += [
                Points(x=cursor, y=value, token=trace.token, size=9),
                *sided_labels(cursor, near, trace.here, left=on_left, gap=8, token=trace.token, bold=True, plate=True),
            ]
        ticks += [(float(at(value)), text) for value, text in lane.ticks]
        top = bottom
    back.append(heading(periods_title))
    day = Labels(
        x=right,
        y=top - _TITLE + 5,
        text=cursor_text,
        token="ink",
        align="right",
        baseline="bottom",
        dx=-3,
        bold=True,
        plate=True,
    )
    for k, period in enumerate(periods):
        middle = top - _TITLE - row * (k + 0.5)
        beside = period.start > left + 0.36 * (right - left)
        front += [
            Boxes(left=period.start, right=period.end, bottom=middle - 7, top=middle + 7, token=period.token),
            # A span of no length is a stroke.
            Segments(x0=period.end, x1=period.end, y0=middle - 7, y1=middle + 7, token=period.token, width=3),
            *sided_labels(
                period.start if beside else period.end,
                middle,
                period.text,
                left=beside,
                gap=6,
                token=period.ink,
                bold=True,
                plate=True,
            ),
        ]
        ticks.append((middle, period.name))
    front += [
        Segments(x0=cursor, x1=cursor, y0=0, y1=total - _TITLE, token="ink", dash="dotted", width=1.5),
        day,
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(x_label, left, right),
        y=Axis("", 0, total, ticks=tuple(ticks)),
        layers=(*back, *front),
        height=int(total) + _AXIS,
    )


@instrument(volume=1, chapter=3)
def bin_shares(
    expected: Array,
    actual: Array,
    *,
    x_label: str,
    y_label: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Shares of today's data in the bins of the training data, against the shares that were expected.

    What a bin has too many is coloured, what it has too few is hatched: the index adds up both.
    """
    count = len(actual)
    left = np.arange(count, dtype=float)
    wanted, found = np.asarray(expected) * 100, np.asarray(actual) * 100
    common = np.minimum(wanted, found)
    high = max(2.6 * float(np.max(wanted)), 1.18 * float(np.max(found)))
    # Two-digit numbers under every one of many bins would run into each other on a narrow screen.
    named = range(count) if count <= 12 else (0, *range(4, count, 5))

    def bars(bottom: Any, top: Any, token: str, **style: Any) -> Boxes:
        shown = np.where(np.asarray(top) > np.asarray(bottom), top, NAN)
        return Boxes(left=left + 0.08, right=left + 0.92, bottom=bottom, top=shown, token=token, **style)

    def outer(k: int, align: str) -> Labels:
        return Labels(
            x=left[k] + (0.08 if align == "left" else 0.92),
            y=max(found[k], wanted[k]),
            text=percent(float(actual[k])),
            token="ink",
            align=align,
            baseline="bottom",
            dy=-4,
            bold=True,
            plate=True,
        )

    return Plot(
        title=title,
        caption=caption,
        x=Axis(x_label, 0, count, ticks=tuple((k + 0.5, str(k + 1)) for k in named)),
        y=Axis(y_label, 0, high),
        layers=(
            bars(np.zeros(count), common, "data"),
            bars(common, found, "series-3"),
            bars(common, wanted, "series-6", alpha=0.45, hatch="right_diagonal_line"),
            Segments(x0=left, x1=left + 1, y0=wanted, y1=wanted, token="ink", dash="dashed", width=1.5),
            outer(0, "left"),
            outer(-1, "right"),
        ),
        height=250,
        key=(("as in training", "data"), ("too many", "series-3"), ("too few (hatched)", "series-6")),
    )


@dataclass(frozen=True)
class Saw:
    """A served quality over time as the corners of a sawtooth."""

    name: str
    day: Array
    value: Array


@dataclass(frozen=True)
class Spot:
    """A point of the sawtooth with a text below it or `above` it. NaN hides it."""

    day: float
    value: float
    text: str
    above: bool = False


def _with_crossings(saw: Saw, floor: float) -> tuple[Array, Array]:
    """The corners of a saw and the points at which it crosses `floor`."""
    day, value = np.asarray(saw.day, dtype=float), np.asarray(saw.value, dtype=float)
    cut = np.flatnonzero((value[:-1] - floor) * (value[1:] - floor) < 0)
    share = (floor - value[cut]) / (value[cut + 1] - value[cut])
    crossed = day[cut] + share * (day[cut + 1] - day[cut])
    return np.insert(day, cut + 1, crossed), np.insert(value, cut + 1, floor)


@instrument(volume=1, chapter=3)
def retraining_sawtooth(
    served: Saw,
    others: Sequence[Saw],
    *,
    floor: float,
    floor_text: str,
    loops: tuple[Array, Array],
    loops_text: str,
    spots: Sequence[Spot],
    predicted: float | None,
    horizon: float,
    y: Axis,
    title: str,
    caption: str = "",
) -> Plot:
    """Quality of the served model over time: it falls with the age of the model and jumps at every release.

    `loops` are the starts and ends of the loops from signal to release (days), shaded; the area under `floor` is
    red. `spots` name points of the sawtooth, `predicted` is the level that the student predicted.
    """
    day, value = _with_crossings(served, floor)
    level = NAN if predicted is None else predicted
    # Without a loop there is one that NaN hides: a layer without a row could not be drawn.
    starts, ends = (np.asarray(edge, dtype=float) if len(edge) else np.array([NAN]) for edge in loops)
    ends = np.minimum(ends, horizon)
    first = float(starts[0])
    stroke = 0.05 * (y.high - y.low)
    layers: list[Layer] = [
        Boxes(left=starts, right=ends, bottom=y.low, top=y.high, token="caution", alpha=0.13),
        *sided_labels(
            first,
            y.high,
            loops_text if np.isfinite(first) else "",
            left=first > 0.55 * horizon,
            gap=4,
            token="caution-ink",
            baseline="top",
            dy=3,
            plate=True,
        ),
        Band(x=day, low=np.minimum(value, floor), high=floor, token="violation", alpha=0.4),
        Segments(x0=0, x1=horizon, y0=floor, y1=floor, token="violation", dash="dashed"),
        *(Line(x=saw.day, y=saw.value, token="series-6", width=1.5) for saw in others),
        Line(x=served.day, y=served.value, width=3),
        Segments(x0=ends, x1=ends, y0=y.low, y1=y.low + stroke, token="ink", width=3),
        Labels(
            x=horizon,
            y=floor,
            text=floor_text,
            token="violation-ink",
            align="right",
            baseline="bottom",
            dx=-3,
            dy=-2,
            plate=True,
        ),
        Segments(x0=0, x1=horizon, y0=level, y1=level, token="series-2", dash="dotted"),
        # Close to the floor there is room below the line only, elsewhere also above it.
        *(
            Labels(
                x=horizon,
                y=level,
                text="your prediction" if predicted is not None and (abs(predicted - floor) < 2) == near else "",
                token="series-2",
                align="right",
                baseline="top" if near else "bottom",
                dx=-3,
                dy=3 if near else -3,
                bold=True,
                plate=True,
            )
            for near in (False, True)
        ),
    ]
    for spot in spots:
        layers += [
            Points(x=spot.day, y=spot.value, token="ink", size=9, filled=False),
            *sided_labels(
                spot.day,
                spot.value,
                spot.text if np.isfinite(spot.day + spot.value) else "",
                left=spot.day > 0.6 * horizon,
                gap=7,
                token="ink",
                bold=True,
                baseline="bottom" if spot.above else "top",
                dy=-3 if spot.above else 3,
                plate=True,
            ),
        ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("day since the first release", 0, horizon),
        y=y,
        layers=tuple(layers),
        height=320,
        key=((served.name, "data"), *((saw.name, "series-6") for saw in others)),
    )


@dataclass(frozen=True)
class Cycle:
    """A retraining cycle: days between two snapshots (infinite when none follows), and from signal to release."""

    name: str
    period: float
    loop: float


@instrument(volume=1, chapter=3)
def cycle_window(
    here: Cycle,
    *,
    oldest: float,
    least_period: float,
    least_loop: float,
    texts: tuple[str, str, str],
    periods: tuple[float, float],
    loop_high: float,
    title: str,
    caption: str = "",
) -> Plot:
    """The plane of period and loop latency, with the window in which a model never gets too old.

    Period and loop together must not exceed `oldest` (days); the period is at least `least_period`, the loop at
    least `least_loop`. `texts` name what is wrong beyond each of the three, in this order. `periods` are the ends of
    the axis of periods; one beyond them stands at the edge with an arrow.
    """
    corner = oldest - least_loop
    low, high = periods
    x, y = min(max(here.period, low), high), min(here.loop, loop_high)
    name = here.name
    if here.period < low:
        name = f"← {name}"
    elif here.period > high:
        name = f"{name} →" if np.isfinite(here.period) else f"{name}: never →"
    layers: tuple[Layer, ...] = (
        Boxes(left=low, right=least_period, bottom=least_loop, top=loop_high, token="caution", alpha=0.16),
        Boxes(left=low, right=high, bottom=0, top=least_loop, token="series-6", alpha=0.2),
        Band(
            x=np.array([least_period, corner, high]),
            low=np.array([oldest - least_period, least_loop, least_loop]),
            high=loop_high,
            token="violation",
            alpha=0.16,
        ),
        Band(
            x=np.array([least_period, corner]),
            low=least_loop,
            high=np.array([oldest - least_period, least_loop]),
            token="met",
            alpha=0.5,
        ),
        Segments(x0=least_period, x1=corner, y0=oldest - least_period, y1=least_loop, token="violation", dash="dashed"),
        Segments(x0=least_period, x1=least_period, y0=least_loop, y1=loop_high, token="caution", dash="dashed"),
        Segments(x0=low, x1=high, y0=least_loop, y1=least_loop, token="series-6", dash="dashed"),
        Labels(
            x=high,
            y=loop_high,
            text=texts[0],
            token="violation-ink",
            align="right",
            baseline="top",
            dx=-5,
            dy=5,
            bold=True,
        ),
        Labels(x=low, y=loop_high, text=texts[1], token="caution-ink", baseline="top", dx=5, dy=5, bold=True),
        Labels(x=low, y=0, text=texts[2], token="muted", baseline="bottom", dx=5, dy=-5, bold=True),
        Points(x=x, y=y, size=13),
        # Below the point: beside it lies the window.
        *sided_labels(
            x, y, name, left=x > low + 0.7 * (high - low), gap=-4, dy=15, token="data", bold=True, plate=True
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("days between two snapshots", low, high),
        y=Axis("days from signal to last device", 0, loop_high),
        layers=layers,
        height=290,
    )
