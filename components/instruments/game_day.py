"""A game day: a crash and a surge replayed, the seconds in which a service tips over, and where it may stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, log_ticks, sided_labels
from components.instruments.registry import instrument
from components.quantity import number, plain
from mlsysim.physics import GameDay

Array = npt.NDArray[np.float64]
NAN = float("nan")

#: Seconds that `tipping_point` shows, and how many of them lie before the one in which the service falls.
_WINDOW, _LEAD = 26, 13
_SMALL = "9pt"


@dataclass(frozen=True)
class Trigger:
    """What disturbs the service from outside, from `start_s` to `end_s`."""

    start_s: int
    end_s: int
    label: str


def _samples(day: GameDay, triggers: Sequence[Trigger]) -> npt.NDArray[np.int_]:
    """The seconds that a plot of the whole day draws: every sixth, and each one around the edges of the triggers."""
    last = len(day.live) - 1
    edges = [edge for trigger in triggers for edge in (trigger.start_s, trigger.end_s)]
    near = [np.arange(edge - 3, edge + 22) for edge in edges]
    return np.unique(np.clip(np.concatenate([np.arange(0, last + 1, 6), *near, [last]]), 0, last))


def _spans(flags: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """Starts and ends (s) of the stretches in which `flags` holds; one NaN each where it never does."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    if len(edges) == 0:
        return np.array([NAN]), np.array([NAN])
    return edges[::2].astype(float), edges[1::2].astype(float)


def _trigger_layers(triggers: Sequence[Trigger], low: float, high: float, at: float) -> list[Layer]:
    left = np.array([trigger.start_s / 60 for trigger in triggers])
    right = np.array([trigger.end_s / 60 for trigger in triggers])
    return [
        Boxes(left=left, right=np.maximum(right, left + 0.6), bottom=low, top=high, token="caution", alpha=0.2),
        Labels(
            x=left,
            y=at,
            text=[trigger.label for trigger in triggers],
            token="caution-ink",
            bold=True,
            dx=3,
            plate=True,
        ),
    ]


def _minutes(day: GameDay) -> Axis:
    length = len(day.live) / 60
    return Axis("minute of the game day", 0, length, ticks=tuple((float(m), f"{m}") for m in range(0, 121, 15)))


@instrument(volume=2, chapter=12)
def game_day_replay(
    day: GameDay,
    triggers: Sequence[Trigger],
    *,
    predicted_s: float | None = None,
    title: str,
    caption: str = "",
    y_range: tuple[float, float] = (50.0, 2000.0),
) -> Plot:
    """Capacity, first attempts and offered attempts (1/s) over the day, red where more than half of requests fail.

    Offered attempts have gaps while a breaker is open. `predicted_s` is a time down after the first trigger that was
    predicted.
    """
    low, high = y_range
    at = _samples(day, triggers)
    minute = at / 60
    start, end = _spans(day.failed > 0.5)
    begin = triggers[0].start_s / 60
    until = NAN if predicted_s is None else begin + predicted_s / 60
    mark = high * 0.74
    layers: list[Layer] = [
        Boxes(left=start / 60, right=end / 60, bottom=low, top=high, token="violation", alpha=0.14),
        *_trigger_layers(triggers, low, high, low * 1.22),
        Line(x=minute, y=day.first[at], token="data", width=2),
        Line(x=minute, y=np.where(day.open[at], NAN, day.offered[at]), token="violation", width=2.5),
        Line(x=minute, y=day.capacity[at], token="ink", width=2.5, dash="dashed"),
        Segments(x0=begin, x1=until, y0=mark, y1=mark, token="series-2", width=4),
        Points(x=until, y=mark, token="series-2", size=10),
        *sided_labels(
            until,
            mark,
            "" if predicted_s is None else "your prediction: back here",
            left=bool(until > 40),
            gap=8,
            token="series-2",
            bold=True,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=_minutes(day),
        y=Axis("requests per second", low, high, log=True, ticks=log_ticks(low, high)),
        layers=tuple(layers),
        height=320,
        key=(
            ("capacity", "ink"),
            ("first attempts", "data"),
            ("offered, retries included", "violation"),
            ("crash and surge", "caution"),
        ),
    )


def _clock(second: int) -> str:
    return f"{second // 60}:{second % 60:02d}"


@instrument(volume=2, chapter=12)
def tipping_point(day: GameDay, crash: Trigger, *, timeout_s: float, title: str, caption: str = "") -> Plot:
    """Second by second how retries tip a service over: first attempts and retries stacked, against capacity.

    Shows the seconds around the first one in which more than half of the requests fail, or around the crash where
    there is none. Above the bars stands the delay of the queue, against the time-out of the callers.
    """
    down = np.flatnonzero(day.failed > 0.5)
    fell = int(down[0]) if len(down) else None
    first = min(max((crash.start_s if fell is None else fell) - _LEAD, 0), len(day.live) - _WINDOW)
    at = np.arange(first, first + _WINDOW)
    new = np.minimum(day.first[at], day.offered[at])
    offered, capacity = day.offered[at], day.capacity[at]
    stale = day.delay_s[at] > timeout_s
    highest = max(float(np.max(offered)), float(np.max(capacity)), 1.0)
    top = 1.5 * highest
    shown = crash.start_s if first <= crash.start_s < first + _WINDOW else NAN
    falls = NAN if fell is None else float(fell)
    left, right = at + 0.08, at + 0.92
    times = offered[-1] / day.first[at[-1]]
    delays = np.array([number(delay, 2) if delay >= 10 else f"{delay:.1f}" for delay in day.delay_s[at]], dtype=object)
    some = (np.arange(_WINDOW) % 4 == 1) & (np.arange(_WINDOW) < _WINDOW - 1)
    layers: tuple[Layer, ...] = (
        Boxes(left=falls, right=float(at[-1] + 1), bottom=0, top=top, token="violation", alpha=0.12),
        Boxes(left=left, right=right, bottom=0, top=new, token="data"),
        Boxes(left=left, right=right, bottom=new, top=np.where(offered > new, offered, NAN), token="violation"),
        Segments(x0=at, x1=at + 1, y0=capacity, y1=capacity, token="ink", width=3),
        Segments(x0=shown, x1=shown, y0=0, y1=highest * 1.13, token="caution", dash="dashed"),
        Labels(
            x=shown,
            y=highest * 1.13,
            text=crash.label if np.isfinite(shown) else "",
            token="caution-ink",
            bold=True,
            align="right",
            baseline="top",
            dx=-4,
            plate=True,
        ),
        Segments(x0=falls, x1=falls, y0=0, y1=highest * 1.13, token="violation", dash="dashed"),
        Labels(
            x=falls,
            y=highest * 1.13,
            text="" if fell is None else "down",
            token="violation-ink",
            bold=True,
            baseline="top",
            dx=4,
            plate=True,
        ),
        Labels(
            x=at[-1] + 1,
            y=highest,
            text=f"×{times:.1f}" if times > 1.05 else "",
            token="violation-ink",
            bold=True,
            align="right",
            baseline="bottom",
            dy=-3,
            dx=-2,
            plate=True,
        ),
        Labels(x=at[0], y=top * 0.985, text="age of the queue (s):", token="muted", baseline="top", dx=2, size=_SMALL),
        Labels(
            x=at + 0.5,
            y=top * 0.925,
            text=np.where(some & ~stale, delays, ""),
            token="met-ink",
            bold=True,
            align="center",
            baseline="top",
            size=_SMALL,
        ),
        Labels(
            x=at + 0.5,
            y=top * 0.925,
            text=np.where(some & stale, delays, ""),
            token="violation-ink",
            bold=True,
            align="center",
            baseline="top",
            size=_SMALL,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "time (min:s)",
            float(at[0]),
            float(at[-1] + 1),
            ticks=tuple((float(second), _clock(int(second))) for second in at[1::4]),
        ),
        y=Axis("attempts per second", 0, top),
        layers=layers,
        height=300,
        key=(("first attempts", "data"), ("retries", "violation"), ("capacity", "ink")),
    )


@instrument(volume=2, chapter=12)
def queue_age(
    day: GameDay,
    triggers: Sequence[Trigger],
    *,
    timeout_s: float,
    title: str,
    caption: str = "",
    y_range: tuple[float, float] = (0.1, 100_000.0),
) -> Plot:
    """Delay of the queue with the service (s) over the day, red above the time-out: what is served there is stale."""
    low, high = y_range
    at = _samples(day, triggers)
    minute, delay = at / 60, np.clip(day.delay_s[at], low, high)
    layers: list[Layer] = [
        *_trigger_layers(triggers, low, high, high * 0.45),
        Band(x=minute, low=timeout_s, high=np.maximum(delay, timeout_s), token="violation", alpha=0.35),
        Line(x=minute, y=delay, token="data", width=2.5),
        Segments(x0=0, x1=len(day.live) / 60, y0=timeout_s, y1=timeout_s, token="violation", dash="dashed"),
        Labels(
            x=len(day.live) / 60,
            y=timeout_s,
            text=f"time-out {plain(timeout_s)} s",
            token="violation-ink",
            align="right",
            baseline="top",
            dx=-4,
            dy=3,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=_minutes(day),
        y=Axis("queue and service (s)", low, high, log=True, ticks=decade_ticks(low, high)),
        layers=tuple(layers),
        height=250,
    )


@instrument(volume=2, chapter=12)
def hourly_burn(
    burns: Sequence[tuple[str, float]],
    *,
    limit: float,
    title: str,
    caption: str = "",
    low: float = 1e-5,
    high: float = 2.0,
) -> Plot:
    """Shares of the monthly error budget that stretches of time used, as bars on a logarithmic axis, with a limit."""
    used = np.array([burn for _, burn in burns])
    rows = np.arange(len(burns) - 1, -1, -1).astype(float)
    met = used <= limit * (1 + 1e-9)
    ends = np.clip(used, low, high) * 100
    texts = np.array([f"{number(burn * 100)} %" for burn in used], dtype=object)
    within = ends > 0.02
    left, right = low * 100, high * 100
    layers: tuple[Layer, ...] = (
        Boxes(left=left, right=right, bottom=rows - 0.3, top=rows + 0.3, token="grid"),
        Boxes(left=left, right=np.where(met, ends, NAN), bottom=rows - 0.3, top=rows + 0.3, token="met-ink"),
        Boxes(left=left, right=np.where(met, NAN, ends), bottom=rows - 0.3, top=rows + 0.3, token="violation-ink"),
        Segments(x0=limit * 100, x1=limit * 100, y0=-0.45, y1=len(burns) - 0.45, token="ink", width=3),
        Labels(
            x=limit * 100,
            y=len(burns) - 0.43,
            text=f"page at {plain(limit * 100)} %",
            token="ink",
            align="center",
            baseline="bottom",
        ),
        Labels(x=ends, y=rows, text=np.where(within, texts, ""), token="on-fill", bold=True, align="right", dx=-6),
        Labels(x=ends, y=rows, text=np.where(within, "", texts), token="ink", bold=True, dx=6),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("share of the monthly error budget (%)", left, right, log=True, ticks=decade_ticks(left, right)),
        y=Axis(
            "",
            -0.6,
            len(burns) - 0.05,
            ticks=tuple((float(row), name) for row, (name, _) in zip(rows, burns, strict=True)),
        ),
        layers=layers,
        height=170,
    )


@instrument(volume=2, chapter=12)
def metastability_map(
    thresholds: Array,
    *,
    here: tuple[float, int],
    moments: Sequence[tuple[str, float]],
    title: str,
    caption: str = "",
    x_high: float = 1.25,
) -> Plot:
    """Where a service with an unbounded queue may stand: utilization by first attempts across, retries upwards.

    `thresholds` are the utilizations above which a collapse sustains itself, for 0, 1, 2 ... retries. `here` is the
    design (utilization, retries); `moments` name other utilizations that it passes through, drawn hollow.
    """
    rows = np.arange(len(thresholds)).astype(float)
    stable = np.minimum(thresholds, 1.0)
    low, top = -0.5, len(thresholds) - 0.5
    mine = float(thresholds[here[1]])
    away = np.array([min(value, x_high * 0.985) for _, value in moments])
    beyond = np.array([value > x_high for _, value in moments])
    names = np.array(
        [f"{name} →" if far else name for (name, _), far in zip(moments, beyond, strict=True)], dtype=object
    )
    vulnerable = float(np.mean(stable)) < 0.88
    layers: tuple[Layer, ...] = (
        Boxes(left=0, right=stable, bottom=rows - 0.5, top=rows + 0.5, token="met", alpha=0.2),
        Boxes(left=stable, right=1.0, bottom=rows - 0.5, top=rows + 0.5, token="caution", alpha=0.24),
        Boxes(left=1.0, right=x_high, bottom=low, top=top, token="violation", alpha=0.22),
        Segments(x0=stable, x1=stable, y0=rows - 0.5, y1=rows + 0.5, token="caution", width=2.5),
        Labels(x=0.02, y=0, text="heals by itself", token="met-ink", bold=True),
        Labels(
            x=0.98,
            y=top - 0.08,
            text="stays down once pushed" if vulnerable else "",
            token="caution-ink",
            bold=True,
            align="right",
            baseline="top",
            plate=True,
        ),
        Labels(
            x=1.035,
            y=top - 0.15,
            text="overloaded",
            token="violation-ink",
            bold=True,
            align="right",
            angle=90,
        ),
        Segments(x0=here[0], x1=away, y0=here[1], y1=here[1], token="ink", width=1.5, dash="dotted"),
        Points(x=away, y=np.full_like(away, here[1]), token="ink", size=10, filled=False),
        # Moments may lie close together: their names stand above and below in turn.
        *(
            Labels(
                x=away[k::2],
                y=here[1],
                text=names[k::2],
                token="ink",
                align="right",
                baseline="bottom" if k == 0 else "top",
                dx=8,
                dy=-8 if k == 0 else 9,
                plate=True,
                size=_SMALL,
            )
            for k in (0, 1)
        ),
        Points(x=here[0], y=here[1], token="ink", size=14),
        *sided_labels(
            here[0],
            here[1],
            f"{here[0]:.2f} {'>' if here[0] > mine else '≤'} {mine:.2f}",
            left=True,
            gap=12,
            token="ink",
            bold=True,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("utilization by first attempts (load / capacity)", 0, x_high),
        y=Axis("retries", low, top, ticks=tuple((float(row), f"{int(row)}") for row in rows)),
        layers=layers,
        height=280,
    )
