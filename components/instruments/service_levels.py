"""Service levels: the calls behind one request, how fast they burn an error budget, and whose tail the user sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, log_ticks, sided_labels
from components.instruments.registry import instrument
from components.quantity import number, plain, scientific

Array = npt.NDArray[np.float64]
NAN = float("nan")

#: Height of the lowest and of the highest point of the boxes of `request_chain`; the loss below reaches from 0 to 1.
_BOXES = (1.3, 2.5)
#: Width of a fan-out in boxes of single calls.
_FAN_WIDTH = 3.4


@dataclass(frozen=True)
class FanOut:
    """Calls made at once, all of which are awaited: `parts` in `domains` that fail as one, named `label`."""

    parts: int
    domains: int
    label: str


def _share(value: float) -> str:
    """A small share in percent with as many digits as it needs."""
    return f"{plain(value * 100, 3)} %" if value >= 1e-6 else f"{scientific(value * 100)} %"


def _cells(fan: FanOut, left: float) -> tuple[Array, Array]:
    """Rectangles (left, bottom, right, top in columns) of the domains of a fan-out, and of the parts in them."""
    width, (bottom, top) = _FAN_WIDTH - 0.2, _BOXES
    columns = int(np.ceil(np.sqrt(2.2 * fan.domains)))
    rows = int(np.ceil(fan.domains / columns))
    step, rise = width / columns, (top - bottom) / rows
    domains, parts = [], []
    per_domain = int(np.ceil(fan.parts / fan.domains))
    for k in range(fan.domains):
        x, y = left + 0.1 + step * (k % columns), top - rise * (k // columns + 1)
        domains.append((x + 0.06 * step, y + 0.08 * rise, x + 0.94 * step, y + 0.92 * rise))
        here = min(per_domain, fan.parts - k * per_domain)
        wide = 0.82 * step / per_domain
        parts += [
            (
                x + 0.09 * step + wide * (j + 0.08),
                y + 0.16 * rise,
                x + 0.09 * step + wide * (j + 0.92),
                y + 0.84 * rise,
            )
            for j in range(here)
        ]
    return np.array(domains), np.array(parts)


@instrument(volume=2, chapter=12)
def request_chain(
    before: Sequence[str],
    fan: FanOut,
    after: Sequence[str],
    *,
    call_failure: float,
    allowed: float,
    title: str,
    caption: str = "",
) -> Plot:
    """The calls of one request as a chain of boxes, and below it the share of requests lost so far, call by call.

    `before` and `after` are calls made one after another around the fan-out. Each call fails with `call_failure`;
    `allowed` is the share of requests that may be lost in all.
    """
    singles = [*before, *after]
    places = [float(k) for k in range(len(before))]
    fan_left = float(len(before))
    places += [fan_left + _FAN_WIDTH + k for k in range(len(after))]
    end = len(singles) + _FAN_WIDTH
    # The loss after every call, at the place where the call is drawn.
    steps = [place + 0.5 for place in places[: len(before)]]
    steps += list(fan_left + 0.2 + (_FAN_WIDTH - 0.4) * (np.arange(fan.domains) + 0.5) / fan.domains)
    steps += [place + 0.5 for place in places[len(before) :]]
    lost = -np.expm1(np.arange(len(steps) + 1) * np.log1p(-call_failure))
    scale = 1 / max(float(lost[-1]), allowed)
    x = np.concatenate([[0.0], np.repeat(steps, 2), [end]])
    y = np.repeat(lost, 2) * scale
    total, limit = float(lost[-1]), allowed * scale
    domains, parts = _cells(fan, fan_left)
    left = np.array(places)
    bottom, top = _BOXES
    middle = (bottom + top) / 2
    edges = sorted({*places, fan_left, end})
    named = [total, allowed] if total > allowed else [allowed, total]
    ticks = [(0.0, "0"), (named[0] * scale, _share(named[0]))]
    if 0.15 < named[1] * scale < 0.85:
        ticks.append((named[1] * scale, _share(named[1])))
    layers: tuple[Layer, ...] = (
        Band(x=x, low=0.0, high=y, token="violation", alpha=0.22),
        Line(x=x, y=y, token="violation", width=2.5),
        Segments(x0=0, x1=end, y0=limit, y1=limit, token="met", dash="dashed"),
        Labels(
            x=0,
            y=limit,
            text=f"{_share(allowed)} may be lost",
            token="met-ink",
            baseline="bottom",
            dx=4,
            dy=-2,
            plate=True,
        ),
        # A small loss stands above its line, a large one under the top.
        Labels(
            x=end,
            y=total * scale,
            text=f"{_share(total)} lost" if abs(total * scale - limit) > 0.02 else "",
            token="violation-ink",
            bold=True,
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-3,
            plate=True,
        ),
        Segments(x0=0, x1=end, y0=middle, y1=middle, token="line", width=2),
        Boxes(left=left + 0.09, right=left + 0.91, bottom=bottom, top=top, token="met-ink"),
        Labels(x=left + 0.5, y=middle, text=singles, token="on-fill", align="center", angle=90, size="9pt"),
        Boxes(
            left=fan_left + 0.04,
            right=fan_left + _FAN_WIDTH - 0.04,
            bottom=bottom - 0.03,
            top=top + 0.03,
            token="surface",
            outline="line",
        ),
        Boxes(
            left=domains[:, 0],
            bottom=domains[:, 1],
            right=domains[:, 2],
            top=domains[:, 3],
            token="met",
            alpha=0.25,
        ),
        Boxes(left=parts[:, 0], bottom=parts[:, 1], right=parts[:, 2], top=parts[:, 3], token="met-ink"),
        Labels(
            x=end,
            y=top + 0.08,
            text=fan.label,
            token="ink",
            bold=True,
            align="right",
            dx=-4,
            baseline="bottom",
        ),
        Segments(x0=edges, x1=edges, y0=0, y1=bottom - 0.12, token="grid", width=1),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("the calls of one request, in order", 0, end, ticks=((-9.0, ""),)),
        y=Axis("requests lost", -0.04, top + 0.42, ticks=tuple(ticks)),
        layers=layers,
        height=330,
    )


@dataclass(frozen=True)
class Pace:
    """A burn rate across a plot: where, and what it means."""

    value: float
    label: str
    token: str


@instrument(volume=2, chapter=12)
def burn_composer(
    calls: Array,
    curves: Mapping[str, Array],
    chosen: str,
    *,
    here: tuple[float, float],
    paces: Sequence[Pace],
    predicted: tuple[float, float] | None,
    title: str,
    caption: str = "",
    y_range: tuple[float, float] = (0.01, 1000.0),
) -> Plot:
    """Burn rate over the calls of a request, one curve per objective of a single call, on logarithmic axes.

    `curves` maps the objective's name to burn rates at `calls`, `chosen` is drawn bold. `here` is the design (calls,
    burn rate); below the range it stands at the edge with an arrow. `predicted` is a point that was predicted.
    """
    low, high = y_range
    left, right = float(calls[0]), float(calls[-1]) * 1.05
    below, above = here[1] < low, here[1] > high
    flag = predicted or (NAN, NAN)
    late = here[0] > 12
    text = f"{number(here[1]) if here[1] >= 1e-3 else scientific(here[1])}×"
    arrow = " ↓" if below else " ↑" if above else ""
    layers: list[Layer] = [
        Boxes(left=left, right=right, bottom=paces[0].value, top=high, token="violation", alpha=0.06),
    ]
    for pace in paces:
        layers += [
            Segments(x0=left, x1=right, y0=pace.value, y1=pace.value, token=pace.token, dash="dashed", width=1.5),
            Labels(
                x=3.2,
                y=pace.value,
                text=pace.label,
                token=f"{pace.token}-ink",
                baseline="bottom",
                dx=4,
                dy=-1,
                plate=True,
            ),
        ]
    for name, burn in curves.items():
        seen = np.where((burn >= low) & (burn <= high), burn, NAN)
        bold = name == chosen
        inside = np.flatnonzero(np.isfinite(seen))
        last = int(inside[-1]) if len(inside) else 0
        gap = np.full_like(seen, NAN)
        layers += [
            Line(x=calls, y=gap if bold else seen, token="series-6", width=1.5),
            Line(x=calls, y=seen if bold else gap, token="data", width=3.5),
            # A curve is named where it begins, or at its end where it begins below the plot.
            Labels(
                x=calls[0],
                y=seen[0],
                text=f"{name} per call" if np.isfinite(seen[0]) else "",
                token="muted",
                baseline="top",
                dx=4,
                dy=4,
                plate=True,
            ),
            Labels(
                x=calls[last],
                y=seen[last],
                text=f"{name} per call" if len(inside) and not np.isfinite(seen[0]) else "",
                token="muted",
                align="right",
                baseline="bottom",
                dx=-2,
                dy=-9,
                plate=True,
            ),
        ]
    layers += [
        Points(x=flag[0], y=np.clip(flag[1], low, high), token="series-2", size=15, filled=False),
        *sided_labels(
            flag[0],
            np.clip(flag[1], low, high),
            "your prediction" if predicted else "",
            left=True,
            gap=9,
            token="series-2",
            baseline="top",
            dy=17,
            plate=True,
        ),
        Points(x=here[0], y=NAN if below or above else here[1], token="ink", size=12),
        Points(x=here[0], y=low * 1.25 if below else NAN, token="ink", size=12, marker="inverted_triangle"),
        Points(x=here[0], y=high / 1.25 if above else NAN, token="ink", size=12, marker="triangle"),
        *sided_labels(
            here[0],
            np.clip(here[1], low * 1.6, high / 1.6),
            text + arrow,
            left=late,
            gap=10,
            token="ink",
            bold=True,
            baseline="bottom",
            dy=-3,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("calls that a request depends on", left, right, log=True, ticks=log_ticks(1, 100)),
        y=Axis("burn rate (×)", low, high, log=True, ticks=decade_ticks(low, high)),
        layers=tuple(layers),
        height=320,
    )


@instrument(volume=2, chapter=12)
def budget_burndown(
    days: float, *, period_days: float, predicted_days: float | None = None, title: str, caption: str = ""
) -> Plot:
    """The error budget over its period: what is left of it at a steady burn, against the pace that would just do.

    `days` is when the budget is gone, beyond the period or infinite where it lasts; `predicted_days` likewise.
    """
    gone = min(days, period_days)
    left = 100 * (1 - gone / days)
    guess = NAN if predicted_days is None else min(predicted_days, period_days)
    guess_left = 0.0 if predicted_days is None else 100 * (1 - guess / predicted_days)
    lasts = days > period_days * (1 + 1e-9)
    empty = period_days - gone
    layers: tuple[Layer, ...] = (
        Boxes(left=gone if empty > 0 else NAN, right=period_days, bottom=0, top=100, token="violation", alpha=0.1),
        Band(x=[0.0, gone], low=0.0, high=[100.0, left], token="data", alpha=0.35),
        Segments(x0=0, x1=period_days, y0=100, y1=0, token="met", dash="dashed", width=1.5),
        Segments(x0=0, x1=guess, y0=100, y1=guess_left, token="series-2", dash="dotted", width=2.5),
        Segments(x0=0, x1=gone, y0=100, y1=left, token="data", width=3.5),
        Points(x=NAN if lasts else gone, y=0, token="violation", size=13, marker="x"),
        Points(x=guess, y=guess_left, token="series-2", size=11, filled=False),
        *sided_labels(
            guess,
            guess_left,
            "" if predicted_days is None else "your prediction",
            left=bool(guess > 0.5 * period_days),
            gap=9,
            token="series-2",
            baseline="bottom",
            dy=-3,
            plate=True,
        ),
        *sided_labels(
            gone,
            18,
            "" if lasts else f"gone after {number(days)} days",
            left=bool(gone > 0.5 * period_days),
            gap=10,
            token="violation-ink",
            bold=True,
            plate=True,
        ),
        Labels(
            x=period_days / 2,
            y=82,
            text=f"never this month: {number(left)} % is left" if lasts else "",
            token="met-ink",
            bold=True,
            align="center",
            plate=True,
        ),
        Labels(
            x=period_days,
            y=66,
            text="dashed: the pace that just lasts",
            token="met-ink",
            align="right",
            dx=-4,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("day of the month", 0, period_days * 1.02, ticks=tuple((float(d), f"{d}") for d in range(0, 31, 5))),
        y=Axis("budget left (%)", -4, 104, ticks=tuple((float(p), f"{p}") for p in range(0, 101, 25))),
        layers=layers,
        height=240,
    )


@instrument(volume=2, chapter=12)
def percentile_composer(
    times_s: Mapping[str, float], *, stage_s: float, high_s: float, title: str, caption: str = ""
) -> Plot:
    """Horizontal bars of percentiles of the same stages composed in several ways (ms), against one stage."""
    names, values = list(times_s), np.array([*times_s.values()]) * 1e3
    rows = np.arange(len(names), 0, -1).astype(float)
    high, stage = high_s * 1e3, stage_s * 1e3
    texts: Any = np.array([f"{number(value, 4)} ms" for value in values], dtype=object)
    long = values > 0.62 * high
    layers: tuple[Layer, ...] = (
        Boxes(left=0, right=np.minimum(values, high), bottom=rows - 0.42, top=rows - 0.02, token="data"),
        Segments(x0=stage, x1=stage, y0=0.5, y1=len(names) + 0.5, token="caution", dash="dashed"),
        Labels(
            x=stage,
            y=0.44,
            text=f"P99 of one stage, {number(stage)} ms",
            token="caution-ink",
            baseline="top",
            align="left",
            dx=-20,
        ),
        Labels(x=0, y=rows + 0.02, text=names, token="ink", baseline="bottom", dx=2),
        Labels(x=values, y=rows - 0.22, text=np.where(long, "", texts), token="ink", bold=True, dx=6),
        Labels(
            x=values, y=rows - 0.22, text=np.where(long, texts, ""), token="on-fill", bold=True, align="right", dx=-6
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("latency at P99 (ms)", 0, high, ticks=tuple((float(v), plain(v)) for v in range(0, int(high) + 1, 100))),
        y=Axis("", 0.05, len(names) + 0.55, ticks=((-9.0, ""),)),
        layers=layers,
        height=270,
    )
