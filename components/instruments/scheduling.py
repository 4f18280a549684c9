"""A cluster's queue: who ran and who waited under two schedulers, waits against load, and shares of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels, spread
from components.instruments.registry import instrument
from components.quantity import number, percent
from mlsysim.physics import ClusterSchedule

Array = npt.NDArray[np.float64]

#: Colours of the two kinds of job, of what preemption adds, and of time without work; the same in every plot here.
URGENT, PATIENT, OVERHEAD, IDLE = "series-5", "data", "violation", "line"
#: Hours in the units of a time axis, the longest first, each with the span (h) from which it is used.
_UNITS = ((24.0 * 7, "weeks", 24.0 * 7 * 5), (24.0, "days", 24.0 * 3), (1.0, "h", 0.0))


def _time_unit(span_h: float) -> tuple[float, str]:
    """Hours of the unit in which a time axis of this length reads well, and its name."""
    return next((hours, name) for hours, name, least in _UNITS if span_h >= least)


# --- the cluster over time ------------------------------------------------------------------------------


@dataclass(frozen=True)
class SchedulerPanel:
    """One scheduler's half of the Gantt chart: its name in a word or two, and a remark on its waits."""

    name: str
    schedule: ClusterSchedule
    remark: str = ""
    slots: int = 1


#: Where the rows of jobs and the machine's lane lie in a panel of height 1, for one slot and for several.
_LANE = {False: (0.03, 0.15), True: (0.03, 0.27)}
_ROWS_TOP, _ROWS_GAP = 0.95, 0.05


@instrument(volume=2, chapter=8)
def scheduler_gantt(
    panels: Sequence[SchedulerPanel],
    *,
    until_h: float,
    jobs: int,
    title: str,
    kinds: tuple[str, str, str],
    caption: str = "",
    height: int = 560,
) -> Plot:
    """The same arrivals under several schedulers, one panel each, from above: a row per job, and the machine below.

    Rows are the first `jobs` of the stream, the earliest on top; a thin line is the wait from arrival to start, dots
    are runs of urgent jobs, bars those of patient ones, a red tick a stop. The lane under the rows shows what each
    slot of the machine does. `kinds` names urgent jobs, patient jobs and the overhead of stops.
    """
    unit_h, unit = _time_unit(until_h)
    # A row is thinner than a line where there are many: bars keep a height that can be seen.
    half = max(0.006, 0.3 / max(jobs, 1))
    parts: dict[str, list[list[Array]]] = {}
    ticks: list[tuple[float, str]] = []
    lanes, remarks = [], []

    def add(name: str, *columns: Any) -> None:
        shape = np.broadcast_shapes(*(np.shape(column) for column in columns))
        parts.setdefault(name, []).append([np.broadcast_to(column, shape).astype(float) for column in columns])

    for k, panel in enumerate(panels):
        base = float(len(panels) - 1 - k)
        schedule, stream = panel.schedule, panel.schedule.stream
        low, high = (base + at for at in _LANE[panel.slots > 1])
        top, bottom = base + _ROWS_TOP, high + _ROWS_GAP
        row = top - (top - bottom) * (np.arange(jobs) + 0.5) / max(jobs, 1)
        urgent = stream.urgent[:jobs]
        arrival = stream.arrival_h[:jobs]
        start = np.minimum(schedule.start_h[:jobs], until_h)
        for name, chosen in (("waits of urgent", urgent), ("waits of patient", ~urgent)):
            add(name, arrival[chosen], row[chosen], start[chosen], row[chosen])
        ran = urgent & (schedule.start_h[:jobs] < until_h)
        add("urgent", schedule.start_h[:jobs][ran], row[ran])
        for name, stretches in (("work", schedule.work), ("overhead", schedule.overhead)):
            seen = (stretches.start_h < until_h) & (stretches.job < jobs)
            job, left = stretches.job[seen], stretches.start_h[seen]
            right = np.minimum(stretches.end_h[seen], until_h)
            height_of_slot = (high - low) / panel.slots
            floor = low + stretches.slot[seen] * height_of_slot
            of_patient = ~stream.urgent[job]
            for kind, chosen in (("urgent", ~of_patient), ("patient", of_patient)):
                add(
                    f"lane {kind} {name}",
                    left[chosen],
                    floor[chosen],
                    right[chosen],
                    floor[chosen] + height_of_slot,
                )
            where = row[job[of_patient]]
            add(f"rows {name}", left[of_patient], where - half, right[of_patient], where + half)
        stopped = (schedule.stop_h < until_h) & (schedule.stop_job < jobs)
        where = row[schedule.stop_job[stopped]]
        add("stops", schedule.stop_h[stopped], where - 2.2 * half, schedule.stop_h[stopped], where + 2.2 * half)
        ticks += [((top + bottom) / 2, panel.name), ((low + high) / 2, "machine")]
        lanes.append((low, high))
        remarks.append((base + 0.985, panel.remark))

    def column(name: str, width: int) -> list[Any]:
        """The columns of a part over all panels, times in the unit of the axis; a hidden mark where there is none."""
        joined = [np.concatenate(pieces) for pieces in zip(*parts[name], strict=True)]
        joined = joined if len(joined[0]) else [np.array([np.nan])] * width
        return [values / (unit_h if n % 2 == 0 else 1.0) for n, values in enumerate(joined)]

    def boxes(name: str, token: str, alpha: float = 1.0) -> Boxes:
        left, bottom, right, top = column(name, 4)
        return Boxes(left=left, bottom=bottom, right=right, top=top, token=token, alpha=alpha)

    def segments(name: str, token: str, width: float) -> Segments:
        x0, y0, x1, y1 = column(name, 4)
        return Segments(x0=x0, y0=y0, x1=x1, y1=y1, token=token, width=width)

    end = until_h / unit_h
    started_x, started_y = column("urgent", 2)
    edges = np.arange(1.0, len(panels))
    floors, ceilings = zip(*lanes, strict=True)
    layers: tuple[Layer, ...] = (
        Boxes(left=0, right=end, bottom=floors, top=ceilings, token=IDLE, alpha=0.6),
        Segments(x0=0, x1=end, y0=edges, y1=edges, token="muted", width=1),
        segments("waits of urgent", URGENT, 1),
        segments("waits of patient", PATIENT, 1.5),
        boxes("rows work", PATIENT),
        boxes("rows overhead", OVERHEAD),
        segments("stops", OVERHEAD, 1.5),
        Points(x=started_x, y=started_y, token=URGENT, size=4),
        boxes("lane patient work", PATIENT),
        boxes("lane urgent work", URGENT),
        boxes("lane patient overhead", OVERHEAD),
        Labels(
            x=end,
            y=[y for y, _ in remarks],
            text=[text for _, text in remarks],
            align="right",
            baseline="top",
            dx=-4,
            token="ink",
            bold=True,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"time ({unit})", 0, end),
        y=Axis("", 0.0, float(len(panels)), ticks=tuple(ticks)),
        layers=layers,
        height=height,
        key=((kinds[0], URGENT), (kinds[1], PATIENT), (kinds[2], OVERHEAD), ("idle", IDLE)),
    )


@instrument(volume=2, chapter=8)
def queue_sample_path(
    schedule: ClusterSchedule,
    *,
    until_h: float,
    jobs: int,
    means: Sequence[tuple[float, str, str]],
    title: str,
    kinds: tuple[str, str],
    caption: str = "",
) -> Plot:
    """The wait of each job over the time of its arrival, and when the long ones ran.

    Dots are urgent jobs; a patient job is a dot at its arrival and a bar from its start to its end at the height of
    its wait. `means` are mean waits of a model (h, name, colour token), NaN hides one; `kinds` names both classes.
    """
    unit_h, unit = _time_unit(until_h)
    stream = schedule.stream
    urgent, arrival, wait = stream.urgent[:jobs], stream.arrival_h[:jobs] / unit_h, schedule.wait_h[:jobs]
    start, end = schedule.start_h[:jobs] / unit_h, schedule.end_h[:jobs] / unit_h
    width = until_h / unit_h
    known = [value for value, _, _ in means if np.isfinite(value)]
    high = max([1.2 * float(np.max(wait, initial=0.0)), *(1.3 * value for value in known), 0.1])
    late = ~urgent & (start < width)
    levels = np.array([value for value, _, _ in means])
    seen = np.isfinite(levels)
    places = np.full(len(levels), np.nan)
    places[seen] = spread(levels[seen], 0.09 * high, 0.0, 0.92 * high)

    def shown(values: Array) -> Any:
        return values if len(values) else np.nan

    layers: tuple[Layer, ...] = (
        Segments(
            x0=shown(start[late]),
            x1=shown(np.minimum(end[late], width)),
            y0=shown(wait[late]),
            y1=shown(wait[late]),
            token=PATIENT,
            width=4,
        ),
        Points(x=shown(arrival[urgent]), y=shown(wait[urgent]), token=URGENT, size=4),
        Points(x=shown(arrival[~urgent]), y=shown(wait[~urgent]), token=PATIENT, size=6, filled=False),
        *(
            layer
            for (value, name, token), place in zip(means, places, strict=True)
            for layer in (
                Segments(x0=0, x1=width, y0=value, y1=value, token="ink", dash="dashed", width=1.5),
                Labels(
                    x=width,
                    y=place,
                    text=f"{name} {number(value)} h" if np.isfinite(value) else "",
                    token=token,
                    align="right",
                    baseline="bottom",
                    dx=-4,
                    dy=-1,
                    bold=True,
                    plate=True,
                ),
            )
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"arrival ({unit})", 0, width),
        y=Axis("wait (h)", 0, high),
        layers=layers,
        height=300,
        key=((kinds[0], URGENT), (f"{kinds[1]}, bar while it runs", PATIENT)),
    )


# --- waits against load ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class QueueCurve:
    """A wait over the loads of the plot, in the unit of its axis; NaN or infinity breaks it. Token and dash are style.

    `bold` makes it the one in use.
    """

    wait: Any
    label: str = ""
    token: str = "series-6"
    dash: str = "solid"
    bold: bool = False


@dataclass(frozen=True)
class QueuePoint:
    """A wait of the current design, in the unit of the axis, and what it says. NaN hides it, infinity is at the top."""

    wait: float
    label: str
    token: str = "data"


@instrument(volume=2, chapter=8)
def wait_against_load(
    load: Array,
    curves: Sequence[QueueCurve],
    *,
    at: float,
    points: Sequence[QueuePoint],
    y: Axis,
    levels: Mapping[str, float] | None = None,
    target: tuple[float, str] = (np.nan, ""),
    target_over: bool = False,
    predicted: tuple[float, float] | None = None,
    title: str,
    caption: str = "",
    named: bool = True,
    height: int = 340,
) -> Plot:
    """Mean waits over offered load on a logarithmic axis, up to the wall at 100 %.

    `at` is the load of the design and `points` its waits; `levels` names waits across the plot. `target` is a limit
    with its name (over its line if `target_over`), the room under it shaded. `predicted` is a (load, wait) that the
    student predicted; pass it always, with NaN to hide it. Curves are named at their ends, or, with the prediction,
    in the key unless `named`.
    """
    left, right = float(load[0]), 1.0
    room = 0.24 * (right - left) if named else 0.02 * (right - left)

    def share(value: Any) -> Any:
        """Where a wait lies on the axis."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(np.asarray(value, dtype=float) / y.low) / np.log(y.high / y.low)

    def level(value: Any) -> Any:
        """The wait at a share of the axis."""
        return y.low * (y.high / y.low) ** np.asarray(value, dtype=float)

    drawn = [np.asarray(curve.wait, dtype=float) for curve in curves]
    drawn = [np.where((wait >= y.low) & (wait <= y.high), wait, np.nan) for wait in drawn]
    hidden = np.full_like(load, np.nan)
    goal, goal_name = target
    marks = levels or {}
    layers: list[Layer] = [
        Boxes(left=left * 100, right=right * 100, bottom=y.low, top=goal, token="met", alpha=0.12),
        Segments(x0=left * 100, x1=right * 100, y0=goal, y1=goal, token="met", dash="dashed"),
        Segments(x0=right * 100, x1=right * 100, y0=y.low, y1=y.high, token="violation"),
        Segments(
            x0=left * 100, x1=right * 100, y0=list(marks.values()) or [np.nan], y1=list(marks.values()) or [np.nan],
            token="line", dash="dashed", width=1.5,
        ),
    ]  # fmt: skip
    for curve, wait in zip(curves, drawn, strict=True):
        layers += [
            Line(x=load * 100, y=hidden if curve.bold else wait, token=curve.token, dash=curve.dash, width=1.5),
            Line(x=load * 100, y=wait if curve.bold else hidden, token=curve.token, dash=curve.dash, width=3.5),
        ]
    ends = [np.flatnonzero(np.isfinite(wait)) for wait in drawn]
    last = [float(wait[end[-1]]) if len(end) else np.nan for wait, end in zip(drawn, ends, strict=True)]
    known = [n for n, curve in enumerate(curves) if named and curve.label and np.isfinite(last[n])]
    heights = np.full(len(curves), np.nan)
    heights[known] = level(spread([float(share(last[n])) for n in known], 0.06, 0.02, 0.98))
    layers += [
        Labels(
            x=right * 100,
            y=heights,
            text=[curve.label if n in known else "" for n, curve in enumerate(curves)],
            dx=6,
            token="muted",
        ),
        Labels(
            x=left * 100,
            y=list(marks.values()) or [np.nan],
            text=list(marks) or [""],
            token="muted",
            baseline="bottom",
            dx=4,
            dy=-1,
        ),
        Labels(
            x=left * 100,
            y=goal,
            text=goal_name,
            token="met-ink",
            baseline="bottom" if target_over else "top",
            dx=4,
            dy=-2 if target_over else 3,
            plate=True,
        ),
    ]
    if predicted is not None:
        x_guess, guess = predicted[0] * 100, predicted[1]
        layers += [
            Points(x=x_guess, y=guess, token="series-2", marker="diamond", size=12),
            *sided_labels(
                x_guess,
                guess,
                "your prediction" if named and np.isfinite(guess) else "",
                left=predicted[0] > 0.5 * (left + right),
                gap=11,
                dy=9,
                token="series-2",
                plate=True,
            ),
        ]
    layers.append(Segments(x0=at * 100, x1=at * 100, y0=y.low, y1=y.high, token="ink", dash="dotted", width=1.5))
    steps = tuple((float(at), str(at)) for at in range(0, 101, 20 if right - left > 0.8 else 10) if at >= left * 100)
    guessed = () if predicted is None else (("your prediction", "series-2"),)
    values = np.array([point.wait for point in points])
    seen = ~np.isnan(values)
    shares = np.clip(share(np.where(np.isposinf(values), y.high, values)), 0.0, 1.0)
    places = np.full(len(points), np.nan)
    places[seen] = spread(shares[seen] + 0.045, 0.075, 0.03, 0.95)
    for point, where, place, visible in zip(points, shares, places, seen, strict=True):
        endless = np.isposinf(point.wait)
        layers += [
            Points(x=at * 100, y=level(where) if visible and not endless else np.nan, size=12, token=point.token),
            Points(x=at * 100, y=y.high if endless else np.nan, size=14, token="violation", marker="triangle"),
            *sided_labels(
                at * 100,
                level(place) if visible else np.nan,
                point.label if visible else "",
                left=at > left + 0.45 * (right - left),
                gap=10,
                token=point.token,
                bold=True,
                plate=True,
            ),
        ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("offered load (% of the time)", left * 100, (right + room) * 100, ticks=steps),
        y=y,
        layers=tuple(layers),
        height=height,
        key=() if named else (*((curve.label, curve.token) for curve in curves), *guessed),
    )


# --- shares ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OccupancyBar:
    """One whole and its parts as fractions, named as in all bars of a plot."""

    name: str
    parts: Mapping[str, float]


@instrument(volume=2, chapter=8)
def occupancy_bars(
    bars: Sequence[OccupancyBar],
    tokens: Mapping[str, str],
    *,
    title: str,
    axis: str,
    caption: str = "",
    high: float = 1.0,
) -> Plot:
    """Stacked bars of shares (%) against the whole, which is a line; what lies beyond it is hatched.

    `tokens` names the parts in their order, each with its colour; `high` is the end of the axis as a fraction, and
    what would lie beyond it is cut.
    """
    names = list(tokens)
    rows = np.arange(len(bars))[::-1].astype(float)
    ticks = tuple((float(row), bar.name) for row, bar in zip(rows, bars, strict=True))
    widths = np.array([[bar.parts.get(name, 0.0) for name in names] for bar in bars])
    ends = np.minimum(np.cumsum(widths, axis=1), high) * 100
    starts = np.concatenate([np.zeros((len(bars), 1)), ends[:, :-1]], axis=1)
    totals = widths.sum(axis=1)
    over = totals > 1 + 1e-9
    layers: list[Layer] = [
        Boxes(
            left=starts[:, k], right=ends[:, k], bottom=rows - 0.32, top=rows + 0.32, token=tokens[name],
            alpha=0.6 if tokens[name] == IDLE else 1.0,
        )
        for k, name in enumerate(names)
    ]  # fmt: skip
    layers += [
        Boxes(
            left=np.where(over, 100.0, np.nan),
            right=np.where(over, np.minimum(totals, high) * 100, np.nan),
            bottom=rows - 0.32,
            top=rows + 0.32,
            token="violation",
            hatch="/",
        ),
        Segments(x0=100, x1=100, y0=-0.5, y1=len(bars) - 0.5, token="ink", width=2),
    ]
    # A share inside its part needs some 34 px of the narrowest plot (200 px).
    wide = (ends - starts) / (high * 100) * 200 > 34
    for k, name in enumerate(names):
        layers.append(
            Labels(
                x=(starts[:, k] + ends[:, k]) / 2,
                y=rows,
                text=np.where(wide[:, k], [percent(width, 0) for width in widths[:, k]], ""),
                align="center",
                token="ink" if tokens[name] == IDLE else "on-fill",
                bold=True,
            )
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(axis, 0, high * 100 + 0.5),
        y=Axis("", -0.6, len(bars) - 0.4, ticks=ticks),
        layers=tuple(layers),
        height=90 + 56 * len(bars),
        key=tuple(tokens.items()),
    )
