"""Failures and checkpoints: how often a fleet is interrupted, what saving costs, and what is left as useful work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.registry import instrument
from components.quantity import number, percent, timespan

Array = npt.NDArray[np.float64]

#: Colour of each way to lose time, the same in every plot of this module; an unknown name has no colour.
LOSS_TOKENS = {"saves": "series-3", "repeated work": "series-5", "undrained work": "series-4", "restarts": "series-6"}

#: Named positions on an axis of intervals (s).
_CLOCK = (
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3600.0, "1 h"),
    (6 * 3600.0, "6 h"),
    (86400.0, "1 d"),
    (3 * 86400.0, "3 d"),
)


def _decades(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Ticks at every power of ten of a logarithmic axis, written out."""
    powers = 10.0 ** np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    return tuple((float(power), f"{power:,.10g}") for power in powers)


def _beside(
    x: float, y: float, text: str, *, before: bool, gap: float = 6, dy: float = 0, **style: Any
) -> tuple[Labels, Labels]:
    """A label on one side of a mark; both sides are layers, so that changing sides needs no new drawing."""
    style = {"plate": True, "dy": dy, **style}
    return (
        Labels(x=x, y=y, text="" if before else text, align="left", dx=gap, **style),
        Labels(x=x, y=y, text=text if before else "", align="right", dx=-gap, **style),
    )


def _flag(
    x: float | None, top: float, text: str, *, low: float, high: float, token: str, ink: str, dash: str
) -> tuple[Layer, ...]:
    """A vertical line up to `top`, named there on the side with more room; None hides it."""
    at = np.nan if x is None else x
    late = x is not None and np.log(x / low) > 0.55 * np.log(high / low)
    return (
        Segments(x0=at, x1=at, y0=0, y1=top, token=token, dash=dash),
        *_beside(at, top, "" if x is None else text, before=late, baseline="top", token=ink),
    )


def _here(x: float, y: float | None, high: float, *, inward: bool) -> tuple[Layer, ...]:
    """The design on a curve of shares: a dot with its value; at the upper edge, with an arrow, if it lies beyond.

    `inward` puts the value on the left: it stands inside a U for a dot on its right branch.
    """
    beyond = y is not None and y > high
    inside = np.nan if y is None or beyond else y * 100
    text = "" if y is None else percent(y, 1 if y < 1 else 0)
    return (
        Points(x=x, y=inside, size=12, token="ink"),
        Points(x=x, y=high * 97 if beyond else np.nan, size=12, marker="triangle", token="ink"),
        *_beside(x, inside, "" if beyond else text, before=inward, dy=-13, bold=True, token="ink"),
        *_beside(
            x,
            high * 100,
            f"{text} ↑" if beyond else "",
            before=inward,
            gap=9,
            baseline="top",
            bold=True,
            dy=2,
            token="ink",
        ),
    )


@dataclass(frozen=True)
class FieldPoint:
    """A published or own mean time between failures of a job: GPUs, hours, whether it was projected."""

    gpus: float
    mtbf_h: float
    projected: bool = False


@instrument(volume=2, chapter=7)
def mtbf_scaling(
    gpus: Array,
    mtbf_h: Array,
    *,
    here: tuple[float, float],
    run: FieldPoint,
    run_label: str,
    others: Sequence[FieldPoint],
    others_label: str,
    references: Mapping[str, float],
    own: FieldPoint | None = None,
    own_label: str = "",
    title: str,
    caption: str = "",
    y_range: tuple[float, float] = (0.01, 3e4),
) -> Plot:
    """Mean time between failures (h) over the number of GPUs, on logarithmic axes, against field data.

    `here` is the point in use on the line (GPUs, h). `run` is one measured run (a star, named `run_label`), `others`
    are further data (dots, hollow where projected), `references` names durations (h) across the plot. `own` is one
    more point, of the student.
    """
    left, right = float(gpus[0]), float(gpus[-1])
    measured = [point for point in others if not point.projected]
    projected = [point for point in others if point.projected]
    # On the falling line there is room above it on the right, except near the right edge.
    late = bool(np.log(here[0] / left) > 0.75 * np.log(right / left))
    there = own or FieldPoint(np.nan, np.nan)
    spans = np.array(list(references.values()))
    layers: tuple[Layer, ...] = (
        Segments(x0=left, x1=right, y0=spans, y1=spans, token="line", width=1.5, dash="dashed"),
        Labels(x=right, y=spans, text=list(references), align="right", baseline="bottom", dy=-1, dx=-2, token="muted"),
        Line(x=gpus, y=mtbf_h, width=3),
        Points(x=[p.gpus for p in measured], y=[p.mtbf_h for p in measured], token="series-3", size=10),
        Points(x=[p.gpus for p in projected], y=[p.mtbf_h for p in projected], token="series-3", size=10, filled=False),
        Points(x=there.gpus, y=there.mtbf_h, token="series-2", size=12, marker="diamond"),
        *_beside(
            there.gpus,
            there.mtbf_h,
            own_label if own else "",
            before=own is not None and bool(np.log(own.gpus / left) > 0.5 * np.log(right / left)),
            gap=9,
            dy=9,
            token="series-2",
        ),
        Points(x=run.gpus, y=run.mtbf_h, token="series-5", size=17, marker="star"),
        Labels(x=run.gpus, y=run.mtbf_h, text=run_label, token="series-5", dx=-8, dy=-18),
        Points(x=here[0], y=here[1], token="ink", size=19, filled=False),
        *(
            label
            for shown, before, dy in ((not late, False, -11), (late, True, 12))
            for label in _beside(
                *here, timespan(here[1] * 3600) if shown else "", before=before, gap=11, dy=dy, bold=True, token="ink"
            )
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "GPUs",
            left / 1.2,
            right * 1.4,
            log=True,
            ticks=tuple((float(n), f"{n:,}") for n in (8, 64, 512, 4096, 32768)),
        ),
        y=Axis("time between failures (h)", *y_range, log=True, ticks=_decades(*y_range)),
        layers=layers,
        height=310,
        key=(("failures of independent GPUs", "data"), (others_label, "series-3")),
    )


@instrument(volume=2, chapter=7)
def checkpoint_tax(
    interval_s: Array,
    saves: Array,
    rework: Array,
    *,
    here: tuple[float, float],
    best: tuple[float, float],
    predicted_s: float | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """The tax of checkpoints over their interval: saves, repeated work, and the U of their sum, cut at 100 %.

    `here` and `best` are (interval in s, tax as a fraction); `predicted_s` flags an interval that was predicted.
    """
    low, high = float(interval_s[0]), float(interval_s[-1])
    layers: tuple[Layer, ...] = (
        Line(x=interval_s, y=saves * 100, token=LOSS_TOKENS["saves"], width=2, dash="dashed"),
        Line(x=interval_s, y=rework * 100, token=LOSS_TOKENS["repeated work"], width=2, dash="dashed"),
        Line(x=interval_s, y=(saves + rework) * 100, width=3),
        *_flag(
            best[0] if low <= best[0] <= high else None,
            88,
            f"best {timespan(best[0])}",
            low=low,
            high=high,
            token="met",
            ink="met-ink",
            dash="dotted",
        ),
        *_flag(predicted_s, 78, "your prediction", low=low, high=high, token="series-2", ink="series-2", dash="dotted"),
        Points(x=best[0], y=best[1] * 100, token="met", size=13, filled=False),
        *_here(*here, 1.0, inward=here[0] > best[0]),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time between saves", low / 1.1, high * 1.1, log=True, ticks=_CLOCK),
        y=Axis("lost time (%)", -2, 100),
        layers=layers,
        height=310,
        key=(
            ("saves", LOSS_TOKENS["saves"]),
            ("repeated work", LOSS_TOKENS["repeated work"]),
            ("together: the tax", "data"),
        ),
    )


@instrument(volume=2, chapter=7)
def checkpoint_modes(
    interval_s: Array,
    synchronous: Array,
    asynchronous: Array,
    *,
    mode: str,
    here: tuple[float, float | None],
    best_s: float,
    storm_s: float,
    duty: tuple[float, str],
    allowed: float,
    title: str,
    caption: str = "",
    high: float = 0.4,
) -> Plot:
    """The tax of synchronous and asynchronous checkpoints over their interval, `mode` ("sync", "async") in bold.

    The asynchronous curve ends where a new snapshot starts before the last one is written (`storm_s`, shaded). `duty`
    is the interval (s) at which the storage limit binds, and its name. A tax under `allowed` (fraction) meets the
    target; a negative one cannot be met. `here` is the design (interval in s, tax or None in a storm), `best_s` the
    bottom of its curve. Shares above `high` lie outside the plot.
    """
    low, last = float(interval_s[0]), float(interval_s[-1])
    curves = {"sync": (synchronous, "data", "synchronous"), "async": (asynchronous, "series-2", "asynchronous")}
    gap = np.full_like(interval_s, np.nan)
    room = np.log(max(storm_s, low) / low) / np.log(last / low)
    possible = allowed > 0
    level = allowed * 100 if possible else np.nan
    layers: tuple[Layer, ...] = (
        Boxes(left=low / 1.1, right=last * 1.1, bottom=0, top=level, token="met", alpha=0.14),
        Segments(x0=low / 1.1, x1=last * 1.1, y0=level, y1=level, token="met", dash="dashed"),
        Labels(
            x=last,
            y=level,
            text=f"tax allowed: {percent(allowed)}" if possible else "",
            token="met-ink",
            align="right",
            baseline="bottom",
            dy=-2,
            plate=True,
        ),
        Labels(
            x=last,
            y=0,
            text="" if possible else "restarts alone exceed the target",
            token="violation-ink",
            align="right",
            baseline="bottom",
            dy=-4,
            plate=True,
        ),
        Boxes(
            left=low / 1.1,
            right=storm_s if storm_s > low else np.nan,
            bottom=0,
            top=high * 100,
            token="violation",
            alpha=0.16,
        ),
        Labels(
            x=np.sqrt(low * max(storm_s, low)),
            y=high * 55,
            text="async storm" if room > 0.045 else "",
            token="violation-ink",
            align="center",
            angle=90,
        ),
        *(
            Line(x=interval_s, y=y * 100 if bold == (mode == name) else gap, token=token, width=3.5 if bold else 1.5)
            for name, (y, token, _) in curves.items()
            for bold in (False, True)
        ),
        *_flag(
            duty[0] if low <= duty[0] <= last else None,
            high * 88,
            duty[1],
            low=low,
            high=last,
            token="caution",
            ink="caution-ink",
            dash="dashed",
        ),
        *_flag(
            best_s if low <= best_s <= last else None,
            high * 78,
            f"best {timespan(best_s)}",
            low=low,
            high=last,
            token="met",
            ink="met-ink",
            dash="dotted",
        ),
        Points(x=here[0], y=high * 50 if here[1] is None else np.nan, token="violation", size=16, marker="x"),
        *_here(*here, high, inward=here[0] > best_s),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time between saves", low / 1.1, last * 1.1, log=True, ticks=_CLOCK),
        y=Axis("lost time (%)", -2 * high, high * 100),
        layers=layers,
        height=310,
        key=tuple(
            (f"{label}{', this design' if name == mode else ''}", token) for name, (_, token, label) in curves.items()
        ),
    )


@instrument(volume=2, chapter=7)
def goodput_gauge(
    goodput: float | None,
    *,
    target: float,
    predicted: float | None = None,
    title: str,
    caption: str = "",
    empty: str = "",
) -> Plot:
    """The useful share of the time as a bar from 0 to 100 %, with the target and a prediction marked.

    Without a goodput the bar is empty and says `empty`.
    """
    met = goodput is not None and goodput >= target * (1 - 1e-9)
    value = 0.0 if goodput is None else goodput * 100
    text = empty if goodput is None else percent(goodput)
    roomy = value > 18
    guess = np.nan if predicted is None else predicted * 100
    layers: tuple[Layer, ...] = (
        Boxes(left=0, right=100, bottom=-0.5, top=0.5, token="grid"),
        Boxes(left=0, right=np.nan if met else value, bottom=-0.5, top=0.5, token="data"),
        # The darker green: the number on it is text.
        Boxes(left=0, right=value if met else np.nan, bottom=-0.5, top=0.5, token="met-ink"),
        Segments(x0=target * 100, x1=target * 100, y0=-0.62, y1=1.0, token="ink", width=3),
        Segments(x0=guess, x1=guess, y0=-1.0, y1=0.62, token="series-2", width=3, dash="dotted"),
        Labels(
            x=target * 100,
            y=0.66,
            text=f"target {percent(target, 0)}",
            token="ink",
            align="right",
            baseline="bottom",
            dx=-5,
        ),
        Labels(
            x=guess,
            y=-0.62,
            text="" if predicted is None else f"your prediction {percent(predicted)}",
            token="series-2",
            align="right",
            baseline="top",
            dx=-5,
            dy=2,
        ),
        Labels(x=0, y=0, text=text if roomy else "", token="on-fill", bold=True, dx=12, size="12pt"),
        Labels(x=value, y=0, text="" if roomy else text, token="ink", bold=True, dx=8),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("useful share of the time (%)", 0, 101),
        y=Axis("", -1.25, 1.25, ticks=((-9.0, ""),)),
        layers=layers,
        height=150,
    )


@dataclass(frozen=True)
class LossBar:
    """One design: its name and its losses as fractions of the time, named as in `LOSS_TOKENS`; None in a storm."""

    name: str
    parts: Mapping[str, float] | None

    @property
    def total(self) -> float:
        """The sum of the parts; NaN where they are undefined."""
        return np.nan if self.parts is None else sum(self.parts.values())


@instrument(volume=2, chapter=7)
def loss_breakdown(
    bars: Sequence[LossBar], parts: Mapping[str, str], *, allowed: float, title: str, caption: str = ""
) -> Plot:
    """Horizontal stacked bars of lost time (%), one per design, cut at 100 %, against what the target allows.

    `parts` names the stack: key of each part in the bars to its label; a bar may lack some.
    """
    rows = np.arange(len(bars))[::-1].astype(float)
    widths = np.array([[np.nan if bar.parts is None else bar.parts.get(key, 0.0) for key in parts] for bar in bars])
    ends = np.minimum(np.cumsum(widths, axis=1) * 100, 100.0)
    starts = np.minimum(ends, np.minimum((np.cumsum(widths, axis=1) - widths) * 100, 100.0))
    totals = np.array([bar.total for bar in bars])
    largest = float(np.nanmax([*np.minimum(totals, 1.0), allowed]))
    # Small losses fill the plot too; few ends keep the axis still while a slider moves.
    right = next((end for end in (15.0, 30.0, 60.0) if largest * 125 <= end), 140.0)
    top = len(bars) - 0.4
    visible = np.where(np.isnan(totals), "", [percent(t, 1 if not t >= 1 else 0) for t in totals])
    shown = [
        "storm: nothing is protected" if np.isnan(t) else f"{text}{' →' if t > 1 else ''}"
        for t, text in zip(totals, visible, strict=True)
    ]
    layers: list[Layer] = [
        # Behind the bars: it shows between them, and crosses no number.
        Segments(x0=allowed * 100, x1=allowed * 100, y0=-0.5, y1=top, token="met", dash="dashed"),
        *(
            Boxes(left=starts[:, k], right=ends[:, k], bottom=rows - 0.32, top=rows + 0.32, token=LOSS_TOKENS[key])
            for k, key in enumerate(parts)
        ),
    ]
    layers += [
        Labels(
            x=((starts + ends) / 2).ravel(),
            y=np.repeat(rows, len(parts)),
            text=[
                percent(width) if end - start > 0.14 * right else ""
                for width, start, end in zip(widths.ravel(), starts.ravel(), ends.ravel(), strict=True)
            ],
            align="center",
            token="on-fill",
        ),
        *_beside(
            allowed * 100,
            top,
            f"allowed: {percent(allowed, 0)}",
            before=allowed * 100 > 0.55 * right,
            gap=4,
            baseline="bottom",
            token="met-ink",
        ),
        Labels(
            x=np.where(np.isnan(totals), 0, ends[:, -1]), y=rows, text=shown, dx=6, bold=True, token="ink", plate=True
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("lost time (%)", 0, right, ticks=tuple((float(t), f"{t:g}") for t in _ticks(right))),
        y=Axis("", -0.6, top + 0.35, ticks=tuple((float(row), bar.name) for row, bar in zip(rows, bars, strict=True))),
        layers=tuple(layers),
        height=108 + 56 * len(bars),
        key=tuple((label, LOSS_TOKENS[key]) for key, label in parts.items()),
    )


def _ticks(right: float) -> npt.NDArray[Any]:
    """A few round positions from 0 to at most 100."""
    step = next(step for step in (5.0, 10.0, 20.0) if right <= 6.1 * step or step == 20.0)
    return np.arange(0, min(right, 100) + step / 2, step)


@instrument(volume=2, chapter=7)
def training_progress(
    time_s: Array | None,
    useful_s: Array | None,
    *,
    duration_s: float,
    goodput: float | None,
    title: str,
    caption: str = "",
    empty: str = "",
) -> Plot:
    """Useful work over the time of one run (days), under the run without losses and the computed goodput.

    Without a run the plot says `empty`.
    """
    day = 86400.0
    days = duration_s / day
    none = np.array([np.nan])
    end = np.nan if useful_s is None else float(useful_s[-1]) / day
    layers: tuple[Layer, ...] = (
        Line(x=[0, days], y=[0, days], token="muted", width=1.5, dash="dashed"),
        Line(x=[0, days], y=[0, np.nan if goodput is None else goodput * days], token="met", width=2, dash="dashed"),
        Line(x=none if time_s is None else time_s / day, y=none if useful_s is None else useful_s / day),
        # The number stands under a rising curve, over a flat one.
        *(
            Labels(
                x=days,
                y=end,
                text="" if useful_s is None or rising != (end > 0.35 * days) else f"{number(end)} d",
                align="right",
                baseline="top" if rising else "bottom",
                dx=-4,
                dy=42 if rising else -8,
                bold=True,
                token="data",
                plate=True,
            )
            for rising in (True, False)
        ),
        Labels(
            x=days / 2,
            y=days / 2,
            text=empty if time_s is None else "",
            align="center",
            token="violation-ink",
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("day of the run", 0, days * 1.01),
        y=Axis("useful work (days)", 0, days * 1.01),
        layers=layers,
        height=290,
        key=(("no losses", "muted"), ("computed goodput", "met"), ("this run", "data")),
    )
