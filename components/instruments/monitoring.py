"""Monitoring and retraining: what an alarm reads on a quiet day, what an interval costs, when a trigger acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, log_ticks, sided_labels
from components.instruments.registry import instrument
from components.quantity import number, percent, plain, scientific

Array = npt.NDArray[np.float64]
NAN = float("nan")


def _share(value: float, axis: Axis) -> float:
    """Where `value` lies on an axis: 0 at its left end, 1 at its right end."""
    if axis.log:
        return float(np.log(value / axis.low) / np.log(axis.high / axis.low)) if value > 0 else 0.0
    return (value - axis.low) / (axis.high - axis.low)


def _height(share: float, axis: Axis) -> float:
    """The value at `share` of a logarithmic axis."""
    return float(axis.low * (axis.high / axis.low) ** share)


@dataclass(frozen=True)
class Quiet:
    """How an index is spread on a day on which nothing has changed: name and density at the readings of the plot."""

    name: str
    density: Array


@instrument(volume=1, chapter=14)
def quiet_readings(
    reading: Array,
    here: Quiet,
    there: Quiet,
    *,
    threshold: float,
    calibrated: float,
    false_alarms: float,
    today: float,
    quantity: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Readings of an index on quiet days, on a logarithmic axis, with two thresholds and today's reading.

    Densities are per unit of the logarithm, so that equal areas are equal probabilities: the red part of the own
    curve, beyond `threshold`, is the share of quiet days that raise an alarm (`false_alarms`). `there` is the curve
    of another sample size, for comparison. `today` stands at an end of the axis when it lies beyond; NaN hides it.
    """
    x = Axis(
        quantity,
        float(reading[0]),
        float(reading[-1]),
        log=True,
        ticks=tuple((10.0**k, scientific(10.0**k, 1) if k > -3 else f"10{_power(k)}") for k in range(-6, 1)),
    )
    y = Axis("share of quiet days (relative)", 0, 2.05, ticks=((0, "0"), (1, "peak")))
    shown = NAN if np.isnan(today) else min(max(today, x.low), x.high)
    beyond = reading >= threshold
    peak = float(reading[int(np.argmax(here.density))])
    other = float(reading[int(np.argmax(there.density))])

    def name(at: float, height: float, density: Quiet, token: str) -> tuple[Labels, ...]:
        return sided_labels(
            at, height, density.name, left=_share(at, x) > 0.5, gap=-34, token=token, baseline="bottom", plate=True
        )

    flags: list[Layer] = []
    for value, height, text, token, ink in (
        (threshold, 1.93, f"threshold {threshold:.2f}", "violation", "violation-ink"),
        (calibrated, 1.66, f"calibrated {scientific(calibrated, 3)}", "met", "met-ink"),
        (shown, 1.39, "" if np.isnan(today) else f"today {scientific(today, 2)}", "ink", "ink"),
    ):
        flags += [
            Segments(x0=value, x1=value, y0=0, y1=height, token=token, dash="dotted" if token == "ink" else "dashed"),
            *sided_labels(value, height, text, left=_share(value, x) > 0.5, gap=5, token=ink, bold=True, plate=True),
        ]
    layers: tuple[Layer, ...] = (
        Line(x=reading, y=there.density, token="series-6", width=1.5, dash="dashed"),
        Band(x=reading, low=0, high=here.density, token="data", alpha=0.28),
        Band(
            x=reading,
            low=0,
            high=np.where(beyond, here.density, 0.0),
            token="violation",
            alpha=0.75,
        ),
        Line(x=reading, y=here.density),
        *flags,
        *name(other, 1.03, there, "muted"),
        *name(peak, 1.18, here, "data"),
        Labels(
            x=threshold,
            y=0.0,
            text=f"{percent(false_alarms)} of quiet days" if false_alarms >= 0.0005 else "",
            token="violation-ink",
            bold=True,
            align="right",
            baseline="bottom",
            dx=-6,
            dy=-4,
            plate=True,
        ),
    )
    return Plot(title=title, caption=caption, x=x, y=y, layers=layers, height=270)


def _power(k: int) -> str:
    return str(k).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


@dataclass(frozen=True)
class CostTerm:
    """One term of a cost over the interval: name, colour, values; NaN where it is nothing."""

    name: str
    token: str
    values: Any


@dataclass(frozen=True)
class Mark:
    """A named interval across a plot: its days and what it is; NaN or beyond the axis hides it."""

    days: float
    text: str
    token: str
    ink: str


@dataclass(frozen=True)
class Interval:
    """The interval of a design (d), its cost per day, and what is written beside it. May lie beyond the axis."""

    days: float
    cost: float
    text: str


@instrument(volume=1, chapter=14)
def retraining_cost_curve(
    interval: Array,
    terms: Sequence[CostTerm],
    total: Array,
    *,
    here: Interval,
    budget: float,
    budget_text: str,
    least: Mark,
    most: Mark,
    marks: Sequence[Mark],
    window: tuple[float, float],
    predicted: float | None,
    y: Axis,
    title: str,
    caption: str = "",
) -> Plot:
    """What retraining costs a day over its interval, on logarithmic axes, and where the design stands.

    Left of `least` and right of `most` intervals are not allowed; `marks` are further named intervals, `window` (NaN
    if there is none) those that keep every limit, green up to the `budget`. `predicted` flags an interval.
    """
    x = Axis(
        "days between two retrainings",
        float(interval[0]),
        float(interval[-1]),
        log=True,
        ticks=tuple((value, plain(value)) for value in (0.25, 1, 3, 10, 30, 90, 180)),
    )
    low, high = window
    left_end = min(max(least.days, x.low), x.high)
    right_end = min(max(most.days, x.low), x.high)
    at, cost = min(max(here.days, x.low), x.high), min(max(here.cost, y.low), y.high)
    # The name of the budget stands at the end at which the costs are far above it, and below its line: above the
    # line stands the name of the design.
    roomy = bool(total[-1] > 3 * budget)
    arrow = "" if x.low <= here.days <= x.high else " →"
    layers: list[Layer] = [
        Boxes(left=x.low, right=left_end, bottom=y.low, top=y.high, token="caution", alpha=0.14),
        Boxes(left=right_end, right=x.high, bottom=y.low, top=y.high, token="violation", alpha=0.12),
        Boxes(left=low, right=high, bottom=y.low, top=budget, token="met", alpha=0.3),
        Segments(x0=x.low, x1=x.high, y0=budget, y1=budget, token="violation", dash="dashed"),
        *(Line(x=interval, y=term.values, token=term.token, width=2, dash="dashed") for term in terms),
        Line(x=interval, y=total, width=3),
    ]
    flags = [
        most,
        *marks,
        least,
        Mark(NAN if predicted is None else predicted, "your prediction", "series-2", "series-2"),
    ]
    names: list[Layer] = []
    for k, mark in enumerate(flags):
        shown = mark.days if x.low <= mark.days <= x.high else NAN
        top = _height(0.965 - 0.062 * k, y)
        layers.append(
            Segments(x0=shown, x1=shown, y0=y.low, y1=top, token=mark.token, dash="dotted" if k else "dashed")
        )
        names += sided_labels(
            shown,
            top,
            "" if np.isnan(shown) else mark.text,
            left=not np.isnan(shown) and _share(shown, x) > 0.5,
            gap=5,
            token=mark.ink,
            bold=True,
            plate=True,
        )
    layers += [
        *names,
        *sided_labels(
            x.high if roomy else x.low,
            budget,
            budget_text,
            left=roomy,
            gap=5,
            dy=3,
            token="violation-ink",
            baseline="top",
            plate=True,
        ),
        Points(x=at, y=cost, token="ink", size=15, filled=False),
        *sided_labels(
            at,
            cost,
            f"{here.text}{arrow}",
            left=_share(at, x) > 0.5,
            # Above the point lies the inside of the U.
            gap=11,
            dy=-15,
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
        height=370,
        key=(("together", "data"), *((term.name, term.token) for term in terms)),
    )


@instrument(volume=1, chapter=14)
def trigger_delay(
    drop: Array,
    happens: Array,
    confirmed: Array,
    delay: float,
    *,
    here: tuple[float, float],
    here_text: str,
    in_use: bool,
    window: tuple[float, float],
    y: Axis,
    title: str,
    caption: str = "",
) -> Plot:
    """When a trigger acts, over the drop of accuracy that it waits for: logarithmic axes, a V with a best drop.

    `happens` is the time to the drop, `confirmed` the time to label enough outcomes (NaN without labels), `delay`
    that of a single label (d). `window` are the intervals that a design may have; `here` is the trigger that is set
    (drop as a fraction, days), hollow unless `in_use`.
    """
    points = drop * 100
    x = Axis(
        "drop that triggers (points of accuracy)",
        float(points[0]),
        float(points[-1]),
        log=True,
        ticks=log_ticks(float(points[0]), float(points[-1])),
    )
    low, high = window
    at, days = 100 * here[0], min(max(here[1], y.low), y.high)
    above = here[1] > y.high
    hidden = not np.isfinite(here[1])
    layers: tuple[Layer, ...] = (
        Boxes(left=x.low, right=x.high, bottom=low, top=high, token="met", alpha=0.3),
        Labels(
            x=x.high,
            y=low,
            text="" if np.isnan(low) else f"allowed: {number(low, 2)} to {number(high, 2)} days",
            token="met-ink",
            align="right",
            baseline="top",
            dx=-4,
            dy=2,
            bold=True,
            plate=True,
        ),
        Line(x=points, y=happens, token="series-4", width=2, dash="dashed"),
        Line(x=points, y=confirmed, token="series-5", width=2, dash="dashed"),
        Segments(x0=x.low, x1=x.high, y0=delay, y1=delay, token="series-6", dash="dotted"),
        Line(x=points, y=happens + confirmed + delay, width=3),
        Points(x=at, y=days if in_use and not hidden else NAN, token="ink", size=13),
        Points(x=at, y=NAN if in_use or hidden else days, token="ink", size=13, filled=False),
        *sided_labels(
            at,
            _height(_share(days, y) + (-0.055 if above else 0.07), y),
            "" if hidden else f"{here_text}{' ↑' if above else ''}",
            left=_share(at, x) > 0.5,
            gap=11,
            token="ink",
            bold=True,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=x,
        y=y,
        layers=layers,
        height=290,
        key=(
            ("trigger acts", "data"),
            ("drop happens", "series-4"),
            ("labels come", "series-5"),
            ("delay of one label", "series-6"),
        ),
    )


def days_axis(label: str, low: float, high: float) -> Axis:
    """A logarithmic axis of days or money with a tick at every power of ten."""
    return Axis(label, low, high, log=True, ticks=decade_ticks(low, high))
