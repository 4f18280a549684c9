"""Serving a language model: memory full of keys and values, the slots of a batch over time, one decoding iteration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import log_ticks, sided_labels, spread
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import number, percent, plain
from mlsysim.physics import BatchSchedule

Array = npt.NDArray[np.float64]

GB = 1e9
#: More seats than this are drawn in groups: a mark would be narrower than a pixel.
MARKS = 1024
#: Rows of memory drawn beyond the capacity; what is demanded above them is written.
OVERFLOW = 3


def _ink(token: str) -> str:
    return f"{token}-ink" if token in ("met", "violation", "caution") else token


@dataclass(frozen=True)
class SeatBlocks:
    """The attention state of the seats, all alike: bytes reserved for one, bytes that hold tokens, seats busy."""

    count: float
    reserved: float
    used: float
    busy: float


def _pieces(start: Any, end: Any, row: float) -> tuple[Array, Array, Array, npt.NDArray[np.int_]]:
    """Intervals of addresses cut at the ends of rows: left and right within a row, the row, the interval's index."""
    start, end = np.atleast_1d(np.asarray(start, float)), np.atleast_1d(np.asarray(end, float))
    first = np.floor(start / row * (1 + 1e-12)).astype(int)
    last = np.maximum(first, np.ceil(end / row * (1 - 1e-12)).astype(int) - 1)
    index = np.repeat(np.arange(len(start)), last - first + 1)
    offset = np.arange(len(index)) - np.repeat(np.cumsum(last - first + 1) - (last - first + 1), last - first + 1)
    rows = (first[index] + offset).astype(float)
    left = np.maximum(start[index], rows * row) - rows * row
    right = np.minimum(end[index], (rows + 1) * row) - rows * row
    return left, right, rows, index


@instrument(volume=2, chapter=10)
def memory_map(
    fixed: Sequence[tuple[str, float, str]],
    seats: SeatBlocks,
    *,
    capacity: float,
    largest: float,
    row: float,
    names: tuple[str, ...],
    title: str,
    caption: str = "",
) -> Plot:
    """The memory of a node, address by address from the bottom: weights, what else is fixed, then seat after seat.

    `fixed` are (name, bytes, colour token) in order. A seat is blue as far as it holds tokens (teal while it is
    idle) and hatched where it is only reserved. What lies above `capacity` (bytes) is red; up to three rows of it
    are drawn. `largest` is the largest capacity of any state, which sets the axis; `row` is the length of a row
    (bytes). `names` are the key's words for a busy seat, an idle one, and what is reserved in vain, as far as the
    act has them.
    """
    rows_held, rows_most = capacity / row, largest / row
    top = rows_most + OVERFLOW
    unit = row / GB
    base = sum(size for _, size, _ in fixed)
    # Seats that lie beyond the drawing need no boxes; the rest is grouped where there are too many.
    drawn = min(seats.count, math.ceil(max(0.0, (rows_held + OVERFLOW) * row - base) / seats.reserved))
    group = max(1, math.ceil(drawn / MARKS))
    ordinals = np.arange(0, drawn, group, dtype=float)
    sizes = np.minimum(group, seats.count - ordinals)
    start = base + ordinals * seats.reserved
    end = start + sizes * seats.reserved
    used = start + sizes * seats.used
    # A hair between neighbours tells one seat from the next.
    gap = np.minimum(0.12 * (end - start), 0.006 * row)
    limit = (rows_held + OVERFLOW) * row
    end, used = np.minimum(end - gap, limit), np.minimum(np.minimum(used, end - gap), limit)

    def blocks(
        left: Any, right: Any, keep: npt.NDArray[np.bool_], token: str, alpha: float = 1.0, hatch: str = ""
    ) -> Boxes:
        keep = keep & (right > left)
        if not keep.any():
            return Boxes(left=math.nan, right=math.nan, bottom=math.nan, top=math.nan, token=token, alpha=alpha,
                         hatch=hatch)  # fmt: skip
        a, b, at, _ = _pieces(left[keep], right[keep], row)
        return Boxes(left=a / GB, right=b / GB, bottom=at + 0.07, top=at + 0.93, token=token, alpha=alpha, hatch=hatch)

    edge = rows_held * row
    inside = start < edge * (1 - 1e-9)
    busy = ordinals < seats.busy - 1e-9
    whole = end <= edge * (1 + 1e-9)
    layers: list[Layer] = [
        Boxes(
            left=0,
            right=np.where(np.arange(round(rows_most)) < rows_held - 1e-9, unit, np.nan),
            bottom=np.arange(round(rows_most)) + 0.07,
            top=np.arange(round(rows_most)) + 0.93,
            token="sunken",
        )
    ]
    begin = 0.0
    for _, size, token in fixed:
        shown = np.array([size > 0])
        layers.append(blocks(np.array([begin]), np.array([begin + size]), shown, token))
        begin += size
    layers += [
        blocks(used, end, inside & whole, "caution", alpha=0.6, hatch="right_diagonal_line"),
        blocks(start, used, inside & whole & ~busy, "series-3", alpha=0.6),
        blocks(start, used, inside & whole & busy, "data"),
        blocks(start, end, ~(inside & whole), "violation"),
        Segments(x0=0, x1=unit, y0=rows_held, y1=rows_held, token="ink", width=3),
    ]
    # A seat that is a good part of a row carries its number, in its longest piece.
    roomy = seats.reserved > 0.14 * row and group == 1 and seats.used >= seats.reserved * (1 - 1e-9)
    a, b, at, index = _pieces(start, end, row) if roomy and len(start) else (np.array([]),) * 3 + (np.array([], int),)
    middle, height, numbers = [math.nan], [math.nan], [""]
    if len(index):
        longest = [max(np.flatnonzero(index == k), key=lambda piece: b[piece] - a[piece]) for k in range(len(start))]
        middle = [float(a[piece] + b[piece]) / 2 / GB for piece in longest]
        height = [float(at[piece]) + 0.5 for piece in longest]
        numbers = [f"{k + 1}" for k in range(len(start))]
    over = base + seats.count * seats.reserved - edge
    beyond = over > 1e-9 * edge
    layers += [
        Labels(x=middle, y=height, text=numbers, align="center", token="on-fill", size="9pt"),
        Labels(
            x=unit / 2,
            y=rows_held,
            text="" if beyond else f"{plain(edge / GB)} GB: {plain(round(max(0.0, -over) / GB, 1), 3)} GB free",
            align="center",
            baseline="bottom",
            token="ink",
            dy=-4,
            bold=True,
            plate=True,
        ),
        Labels(
            x=unit / 2,
            y=rows_held + 0.5 * OVERFLOW,
            text=f"↑ {plain(round(over / GB, 1), 4)} GB beyond {plain(edge / GB)} GB" if beyond else "",
            align="center",
            token="violation-ink",
            bold=True,
            plate=True,
        ),
    ]
    marks = np.arange(0, rows_most + 1, max(1, round(rows_most / 4)))
    key = [(name, token) for name, _, token in fixed]
    key += [*zip(names, ("data", "series-3", "caution"), strict=False), ("beyond capacity", "violation")]
    grouped = f" One block stands for {group} seats." if group > 1 else ""
    return Plot(
        title=title,
        caption=f"{caption}{grouped}",
        x=Axis(f"along a row ({plain(unit)} GB each)", 0, unit),
        y=Axis("memory of the node (GB)", 0, top, ticks=tuple((float(k), f"{k * unit:.0f}") for k in marks)),
        layers=tuple(layers),
        height=360,
        key=tuple(key),
    )


@instrument(volume=2, chapter=10)
def seat_map(
    wanted: int, seated: float, *, predicted: float | None, rows: int = 10, noun: str, title: str, caption: str = ""
) -> Plot:
    """Every request that was promised a place as a square: those that are seated, and those that are not.

    The seats fill columns of `rows` squares from the left; `predicted` marks how many the student expected.
    """
    index = np.arange(wanted)
    column, row = index // rows, rows - 1 - index % rows
    held = index < seated
    columns = math.ceil(wanted / rows)

    def tiles(which: npt.NDArray[np.bool_], token: str, alpha: float = 1.0) -> Boxes:
        return Boxes(
            left=np.where(which, column + 0.1, np.nan),
            right=column + 0.9,
            bottom=row + 0.1,
            top=row + 0.9,
            token=token,
            alpha=alpha,
        )

    guess = math.nan if predicted is None else min(predicted, wanted) - 1
    x0, y0 = (guess // rows, rows - 1 - guess % rows) if predicted is not None else (math.nan, math.nan)
    late = predicted is not None and x0 > 0.5 * columns
    more = f", and {seated - wanted:,.0f} more" if seated > wanted else ""
    met = seated >= wanted
    text = f"{min(seated, wanted):,.0f} of {wanted:,} seated{more}"
    flagged = "" if predicted is None else f"you predicted {predicted:,.0f}"
    return Plot(
        title=title,
        caption=caption,
        x=Axis(noun, 0, columns, ticks=tuple((k / rows, f"{k}") for k in range(0, wanted + 1, 50))),
        y=Axis("", -1.7, rows + 1.9, ticks=((-9.0, ""),)),
        layers=(
            tiles(held, "data"),
            tiles(~held, "violation", 0.35),
            Segments(
                x0=[x0 + 0.02, x0 + 0.02, x0 + 0.02, x0 + 0.98],
                x1=[x0 + 0.98, x0 + 0.98, x0 + 0.02, x0 + 0.98],
                y0=[y0 + 0.02, y0 + 0.98, y0 + 0.02, y0 + 0.02],
                y1=[y0 + 0.02, y0 + 0.98, y0 + 0.98, y0 + 0.98],
                token="series-2",
                width=3,
            ),
            *(
                Labels(
                    x=x0 + (1.0 if left else 0.0),
                    y=-0.2,
                    text=flagged if late == left else "",
                    token="series-2",
                    align="right" if left else "left",
                    baseline="top",
                    bold=True,
                )
                for left in (False, True)
            ),
            *(
                Labels(x=0, y=rows + 0.3, text=text if met == shown else "", token=token, bold=True, baseline="bottom")
                for shown, token in ((True, "met-ink"), (False, "violation-ink"))
            ),
        ),
        height=230,
        key=(("seated", "data"), ("turned away", "violation")),
    )


@dataclass(frozen=True)
class SlotPanel:
    """The slots of one scheduler over time: its name, its requests, and whether it is the chosen one."""

    name: str
    schedule: BatchSchedule
    chosen: bool


@instrument(volume=2, chapter=10)
def batch_timeline(panels: Sequence[SlotPanel], *, slots: int, horizon: float, title: str, caption: str = "") -> Plot:
    """The slots of a batch over the iterations, one panel per scheduler: tokens that a reader gets, and padding.

    Each row is a slot, each bar a request. The chosen scheduler is drawn in full, the other one pale.
    """
    head = 5.0
    pitch = slots + head
    layers: list[Layer] = []
    height = pitch * len(panels)
    hair = 0.003 * horizon
    for chosen in (False, True):
        parts: dict[str, list[Array]] = {"useful": [], "padding": []}
        for k, panel in enumerate(panels):
            if panel.chosen != chosen:
                continue
            run = panel.schedule
            low = height - k * pitch - head - 1 - run.slot
            late = run.end > run.done + 1e-9
            done = np.where(late, run.done, np.maximum(run.start, run.end - hair))
            parts["useful"].append(np.stack([run.start, done, low]))
            end = np.where(late, np.maximum(run.done, run.end - hair), np.nan)
            parts["padding"].append(np.stack([run.done, end, low]))
        for name, token in (("useful", "data"), ("padding", "caution")):
            columns = np.concatenate(parts[name], axis=1) if parts[name] else np.full((3, 1), np.nan)
            layers.append(
                Boxes(
                    left=columns[0],
                    right=columns[1],
                    bottom=columns[2] + 0.08,
                    top=columns[2] + 0.92,
                    token=token,
                    alpha=1.0 if chosen else 0.4,
                )
            )
    for k, panel in enumerate(panels):
        share = panel.schedule.useful_share
        layers.append(
            Labels(
                x=0,
                y=height - k * pitch - head + 0.4,
                text=f"{'▶ ' if panel.chosen else ''}{panel.name}: {percent(share, 0)} useful",
                token="ink",
                bold=True,
                baseline="bottom",
            )
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "decoding iteration",
            0,
            horizon,
            ticks=tuple((k * horizon / 4, f"{k * horizon / 4:,.0f}") for k in range(5)),
        ),
        y=Axis(f"{slots} slots", 0, height, ticks=((-9.0, ""),)),
        layers=tuple(layers),
        height=360,
        key=(("useful token", "data"), ("padding", "caution")),
    )


@instrument(volume=2, chapter=10)
def iteration_lanes(
    memory: Sequence[tuple[str, float]],
    compute: tuple[str, float],
    after: Sequence[tuple[str, float]],
    *,
    title: str,
    caption: str = "",
) -> Plot:
    """One decoding iteration as two lanes that run at once, memory over arithmetic, and what follows both.

    `memory` are the parts of the upper lane (name, seconds), `compute` is the lower one, `after` the parts that
    wait for the longer of the two. The waiting lane stands pale behind its bar.
    """
    milli = 1e3
    tokens = ("series-6", "data")
    reads = [seconds * milli for _, seconds in memory]
    work = compute[1] * milli
    both = max(sum(reads), work)
    total = both + sum(seconds for _, seconds in after) * milli
    right = 1.42 * total
    layers: list[Layer] = [
        Boxes(left=[0, 0], right=both, bottom=[1.12, 0.12], top=[1.88, 0.88], token="line", alpha=0.6)
    ]
    begin = 0.0
    marks: list[tuple[float, float, float, str]] = []
    for (name, _), width, token in zip(memory, reads, tokens, strict=True):
        layers.append(Boxes(left=begin, right=begin + width, bottom=1.12, top=1.88, token=token))
        marks.append((begin, width, 1.5, name))
        begin += width
    layers.append(Boxes(left=0, right=work, bottom=0.12, top=0.88, token="series-5"))
    marks.append((0.0, work, 0.5, compute[0]))
    begin = both
    for (name, seconds), token in zip(after, ("series-3", "series-4"), strict=True):
        layers.append(Boxes(left=begin, right=begin + seconds * milli, bottom=0.12, top=1.88, token=token))
        marks.append((begin, seconds * milli, 1.0, name))
        begin += seconds * milli
    # A name needs room on the narrowest screen: some 230 px of plot, 6.5 px a letter.
    written = []
    for _, width, _, name in marks:
        room = width / right * 230 / 6.5
        full, short = f"{name} {number(width, 2)}", number(width, 2)
        written.append(full if len(full) < room else short if len(short) < room else "")
    layers += [
        Labels(
            x=[at + width / 2 for at, width, _, _ in marks],
            y=[y for _, _, y, _ in marks],
            text=written,
            align="center",
            token="on-fill",
            bold=True,
        ),
        Labels(x=total, y=1.0, text=f"{number(total)} ms", dx=6, token="ink", bold=True),
    ]
    names = [*(name for name, _ in memory), compute[0], *(name for name, _ in after)]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time (ms)", 0, right),
        y=Axis("", 0, 2, ticks=((1.5, "memory"), (0.5, "arithmetic"))),
        layers=tuple(layers),
        height=190,
        key=tuple(zip(names, (*tokens, "series-5", "series-3", "series-4"), strict=True)),
    )


@dataclass(frozen=True)
class SweepCurve:
    """One quantity over the sweep; NaN where it does not exist."""

    label: str
    values: Any
    token: str = "data"


@dataclass(frozen=True)
class SweepPoint:
    """Where a design stands on the plot: (x, y), its words and colour. A value off the axis is written at its edge."""

    x: float
    y: float
    label: str
    token: str = "data"
    filled: bool = True


@instrument(volume=2, chapter=10)
def serving_sweep(
    x: Array,
    curves: Sequence[SweepCurve],
    *,
    x_label: str,
    y_label: str,
    low: float,
    high: float,
    log: bool,
    points: Sequence[SweepPoint],
    limits: Sequence[Limit] = (),
    wall: float = math.nan,
    wall_label: str = "memory ends",
    empty: str = "",
    title: str,
    caption: str = "",
) -> Plot:
    """Quantities over seats (or tokens) on a logarithmic axis, with limits, and the wall beyond which memory is full.

    `wall` is the x from which on nothing fits: curves are dotted there and the region is shaded; NaN hides it.
    `limits` are horizontal lines in the unit of the axis, `points` the design and what it is compared with. Where
    there is no curve, `empty` says so.
    """
    first, last = float(x[0]), float(x[-1])

    def level(share: float) -> float:
        return float(low * (high / low) ** share) if log else low + share * (high - low)

    def share(y: float) -> float:
        if not math.isfinite(y):
            return math.nan
        return math.log(max(y, 1e-12) / low) / math.log(high / low) if log else (y - low) / (high - low)

    def across(at: float) -> float:
        return math.log(at / first) / math.log(last / first)

    fits = np.ones(len(x), bool) if math.isnan(wall) else x <= wall * (1 + 1e-9)
    edge = wall if math.isfinite(wall) and wall < last else math.nan
    start = max(edge, first) if math.isfinite(edge) else math.nan
    layers: list[Layer] = [
        Boxes(left=start, right=last, bottom=low, top=high, token="violation", alpha=0.08),
        Segments(x0=start, x1=start, y0=low, y1=high, token="violation", width=1.5),
        *sided_labels(
            start,
            high,
            wall_label if math.isfinite(start) else "",
            left=math.isfinite(start) and across(start) > 0.6,
            token="violation-ink",
            baseline="top",
            dy=4,
            size="9pt",
        ),
    ]
    for curve in curves:
        values = np.asarray(curve.values, float)
        # The dotted part starts where the solid one ends.
        beyond = ~fits
        if beyond.any() and fits.any():
            beyond = beyond.copy()
            beyond[np.flatnonzero(fits)[-1]] = True
        layers += [
            Line(x=x, y=np.where(fits, values, np.nan), token=curve.token),
            Line(x=x, y=np.where(beyond, values, np.nan), token=curve.token, dash="dotted", width=2),
        ]
    # Names of points keep apart from each other and from the names of the limits on the same side.
    for limit in limits:
        y = limit.value if low <= limit.value <= high else math.nan
        layers += [
            Segments(x0=first, x1=last, y0=y, y1=y, token=limit.token, dash="dashed", width=1.8),
            Labels(
                x=first,
                y=y,
                text=limit.label if math.isfinite(y) else "",
                token=_ink(limit.token),
                baseline="bottom",
                dx=5,
                dy=-2,
                plate=True,
            ),
        ]
    seen = [math.isfinite(point.y) and math.isfinite(point.x) for point in points]
    wanted = [float(np.clip(share(point.y), 0.03, 0.84)) for point, shown in zip(points, seen, strict=True) if shown]
    places = iter(spread(wanted, 0.085, 0.03, 0.84))
    for point, shown in zip(points, seen, strict=True):
        on_axis = shown and low <= point.y <= high
        arrow = "" if not shown or on_axis else " ↑" if point.y > high else " ↓"
        layers += [
            Points(x=point.x, y=point.y if on_axis else math.nan, size=12, token=point.token, filled=point.filled),
            *sided_labels(
                point.x if shown else math.nan,
                level(next(places)) if shown else math.nan,
                f"{point.label}{arrow}" if shown else "",
                left=shown and across(point.x) > 0.66,
                gap=11,
                token=_ink(point.token),
                bold=True,
                plate=True,
            ),
        ]
    layers.append(
        Labels(
            x=math.sqrt(first * last),
            y=level(0.62),
            text="" if any(np.isfinite(np.asarray(curve.values, float)).any() for curve in curves) else empty,
            align="center",
            token="violation-ink",
            bold=True,
            plate=True,
        )
    )
    ticks = tuple((float(value), _si(value)) for value in 2.0 ** np.arange(math.log2(first), math.log2(last) + 0.5, 1))
    sparse = ticks if len(ticks) <= 5 else ticks[:: 2 if len(ticks) <= 9 else 3]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(x_label, first / 1.06, last * 1.12, log=True, ticks=sparse),
        y=Axis(y_label, low, high, log=log, ticks=log_ticks(low, high) if log else ()),
        layers=tuple(layers),
        height=310,
        key=tuple((curve.label, curve.token) for curve in curves),
    )


def _si(value: float) -> str:
    """A power of two as a tick: 512, 1k, 128k."""
    return f"{value:g}" if value < 1024 else f"{value / 1024:g}k"
