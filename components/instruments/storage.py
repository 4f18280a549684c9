"""Storage of a fleet: caches against placement, levels on a logarithmic axis, a channel that two jobs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument

NAN = float("nan")
Array = npt.NDArray[np.float64]

#: What a bar may be: each tone is a colour of its own layer, so that a bar changes colour by columns alone.
Tone = Literal["data", "series-3", "caution", "met", "violation"]
TONES: tuple[Tone, ...] = ("data", "series-3", "caution", "met", "violation")
INKS = {
    "data": "data",
    "series-3": "series-3",
    "caution": "caution-ink",
    "met": "met-ink",
    "violation": "violation-ink",
}


# --- caches ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Policy:
    """How local storage is used: its name, its colour, and its hit ratio over the cached fractions of the plot."""

    name: str
    token: str
    hits: Array


@instrument(volume=2, chapter=4)
def cache_cliff(
    fraction: Array,
    policies: tuple[Policy, Policy, Policy],
    *,
    emphasis: tuple[int, ...],
    active: int,
    here: tuple[float, float],
    here_text: str,
    start: tuple[float, float] | None,
    start_text: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Hit ratio over the cached fraction of the data, for LRU in a fixed order, LRU in fresh orders, and placement.

    `policies` come in this order; those in `emphasis` are drawn strongly, the `active` one is underlaid. `here` is
    the cache in use (a fraction beyond the axis stands at its end), `start` one to compare with.
    """
    end = float(fraction[-1])
    x, y = min(here[0], end), here[1]
    ring_x, ring_y = start or (NAN, NAN)
    late = bool(x > 0.5)
    layers: list[Layer] = [
        Line(x=fraction, y=policies[active].hits, token="ink", width=9, alpha=0.16),
        *(
            Line(x=fraction, y=policy.hits, token=policy.token, width=3 if k in emphasis else 1.3)
            for k, policy in enumerate(policies)
        ),
        Points(x=ring_x, y=ring_y, size=11, token="ink", filled=False),
        Labels(
            x=ring_x,
            y=ring_y,
            text=start_text if start else "",
            token="muted",
            align="center",
            baseline="bottom",
            dy=-9,
            plate=True,
        ),
        Points(x=x, y=y, size=13, token="ink"),
        *sided_labels(
            x,
            y,
            here_text,
            left=late,
            gap=2,
            token="ink",
            bold=True,
            plate=True,
            baseline="bottom",
            dy=-24,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        # Room for the marker at the end.
        x=Axis("cached fraction of the data", 0, 1.04 * end, ticks=tuple((t / 4, f"{t * 25} %") for t in range(5))),
        y=Axis("hits", -0.13, 1.24, ticks=tuple((t / 4, f"{t * 25} %") for t in range(5))),
        layers=tuple(layers),
        height=310,
        # Names at the curves would collide with them on a narrow screen.
        key=tuple((policy.name, policy.token) for policy in policies),
    )


@instrument(volume=2, chapter=4)
def cache_reads(
    item: npt.NDArray[np.int_],
    hit: npt.NDArray[np.bool_],
    resident: npt.NDArray[np.bool_],
    *,
    title: str,
    caption: str = "",
) -> Plot:
    """Reads of a few items through a cache, one column a read: what the cache held, and whether the read hit it.

    `resident` has the shape (items, reads) and says what lay in the cache before each read. Every item is read once
    a pass; passes are parted by lines.
    """
    items, reads = resident.shape
    rows, columns = np.nonzero(resident)
    at = np.arange(reads) + 0.5
    passes = np.arange(reads // items)
    layers: tuple[Layer, ...] = (
        Boxes(left=columns, right=columns + 1.0, bottom=rows, top=rows + 1.0, token="data", alpha=0.22),
        Segments(x0=passes * items, x1=passes * items, y0=0, y1=items + 1.2, token="series-6", dash="dotted", width=1),
        Labels(
            x=passes * items,
            y=items + 1.2,
            text=[f"pass {k + 1}" for k in passes],
            token="muted",
            baseline="top",
            dx=4,
        ),
        Points(x=np.where(hit, NAN, at), y=item + 0.5, token="violation", marker="x", size=7),
        Points(x=np.where(hit, at, NAN), y=item + 0.5, token="met", size=7),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "reads, one after the other", 0, reads, ticks=tuple((float(k), f"{k}") for k in range(0, reads + 1, items))
        ),
        y=Axis("shard", 0, items + 1.4, ticks=tuple((k + 0.5, f"{k + 1}") for k in range(0, items, 3))),
        layers=layers,
        height=230,
        key=(("in the cache", "data"), ("● hit", "met"), ("× miss", "violation")),
    )


# --- levels ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Level:
    """One bar: what is written above it, its value, what it could be at most, and a limit of its own.

    NaN leaves the capacity or the limit out. A value below the axis has no bar.
    """

    text: str
    value: float
    tone: Tone = "data"
    capacity: float = NAN
    limit: float = NAN
    limit_text: str = ""


@instrument(volume=2, chapter=4)
def level_bars(
    levels: Sequence[Level],
    *,
    axis: Axis,
    mark: float | None = None,
    mark_text: str = "",
    flagged: int | None = None,
    predicted: float | None = None,
    predicted_text: str = "",
    title: str,
    caption: str = "",
) -> Plot:
    """Quantities of very different size as bars on a logarithmic axis, compared by their ends, words above each bar.

    A lighter bar behind shows a capacity, a dashed stroke across one bar its own limit, `mark` a line through all
    rows. `flagged` is the row at which `predicted`, what the student claimed, is flagged (None: no room for it).
    """
    low, high = axis.low, axis.high
    count = len(levels)
    rows = np.arange(count, 0, -1).astype(float)
    values = np.array([level.value for level in levels])
    seen = np.where(values > low, np.minimum(values, high), NAN)
    capacities = np.array([min(level.capacity, high) for level in levels])
    limits = np.array([level.limit for level in levels])
    tones = np.array([level.tone for level in levels])
    half = 0.19
    # A flag is named under its bar; a mark above all rows.
    bottom, top = (0.35 if flagged is None else -0.1), count + (0.62 if mark is None else 0.98)
    line = NAN if mark is None else min(max(mark, low), high)
    flag = NAN if predicted is None else min(max(predicted, low), high)
    row = NAN if flagged is None else float(rows[flagged])

    def beyond_middle(value: float | Array, share: float = 0.5) -> npt.NDArray[np.bool_]:
        return np.asarray(np.log(np.maximum(value, low) / low) > share * np.log(high / low))

    layers: list[Layer] = [
        Boxes(left=low, right=capacities, bottom=rows - half, top=rows + half, token="data", alpha=0.18),
        Segments(x0=line, x1=line, y0=bottom, y1=top, token="ink", dash="dashed", width=1.5),
    ]
    for tone in TONES:
        shown = np.where(tones == tone, seen, NAN)
        layers.append(Boxes(left=low, right=shown, bottom=rows - half, top=rows + half, token=tone))
    layers += [
        Segments(x0=limits, x1=limits, y0=rows - half - 0.09, y1=rows + half + 0.09, token="surface", width=6),
        Segments(x0=limits, x1=limits, y0=rows - half - 0.09, y1=rows + half + 0.09, token="violation", dash="dashed"),
    ]
    layers += sided_labels(
        limits,
        rows,
        [level.limit_text for level in levels],
        left=beyond_middle(np.where(np.isnan(limits), low, limits), 0.68),
        gap=5,
        token="violation-ink",
        plate=True,
    )
    for tone in TONES:
        layers.append(
            Labels(
                x=low,
                y=rows + half,
                text=[level.text if level.tone == tone else "" for level in levels],
                token=INKS[tone] if tone != "data" else "ink",
                bold=tone != "data",
                baseline="bottom",
                dx=3,
                dy=-2,
                plate=True,
            )
        )
    layers += [
        *sided_labels(
            line,
            top,
            mark_text,
            left=bool(beyond_middle(0.0 if mark is None else line)),
            gap=4,
            token="ink",
            baseline="top",
            dy=2,
            plate=True,
        ),
        Segments(x0=flag, x1=flag, y0=row - half - 0.14, y1=row + half, token="surface", width=7),
        Segments(x0=flag, x1=flag, y0=row - half - 0.14, y1=row + half, token="series-2", width=3),
        *sided_labels(
            flag,
            row - half - 0.05,
            predicted_text if predicted is not None else "",
            left=bool(beyond_middle(0.0 if predicted is None else flag)),
            gap=5,
            token="series-2",
            bold=True,
            baseline="top",
            dy=2,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=axis,
        y=Axis("", bottom, top, ticks=((bottom - 9.0, ""),)),
        layers=tuple(layers),
        height=round(60 + 54 * (top - bottom)),
    )


# --- capacity and shared bandwidth ----------------------------------------------------------------------------


@instrument(volume=2, chapter=4)
def drive_bay(drives: int, bays: int, drive_tb: float, needed_tb: float, *, title: str, caption: str = "") -> Plot:
    """The drives in the bays of a fleet, filled from the left with what has to fit, and the line that it reaches.

    Each of the `bays` holds `drive_tb` when taken, over all nodes; `drives` of them are.
    """
    left = np.arange(bays) * drive_tb
    taken = np.arange(bays) < drives
    gap = 0.05 * drive_tb
    right = left + drive_tb - gap
    filled = np.clip(needed_tb, left, right)
    fits = drives * drive_tb >= needed_tb * (1 - 1e-9)
    used = taken & (filled > left)
    layers: list[Layer] = [
        Boxes(left=left, right=right, bottom=-0.4, top=0.4, token="grid"),
        Boxes(left=left, right=np.where(taken, right, NAN), bottom=-0.4, top=0.4, token="data", alpha=0.3),
        Boxes(left=left, right=np.where(used & fits, filled, NAN), bottom=-0.4, top=0.4, token="met"),
        Boxes(left=left, right=np.where(used & (not fits), filled, NAN), bottom=-0.4, top=0.4, token="violation"),
        Segments(x0=needed_tb, x1=needed_tb, y0=-0.5, y1=0.95, token="ink", dash="dashed"),
        *sided_labels(
            needed_tb,
            0.95,
            f"data: {needed_tb:,.0f} TB",
            left=bool(needed_tb > 0.5 * bays * drive_tb),
            gap=5,
            token="ink",
            bold=True,
            baseline="top",
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("local capacity of all nodes (TB)", 0, bays * drive_tb),
        y=Axis("", -0.6, 1.0, ticks=((-9.0, ""),)),
        layers=tuple(layers),
        height=140,
    )


@dataclass(frozen=True)
class Sharing:
    """A channel that a reader and a writer share: rates in B/s, times in s.

    `calm_read` is what the reader gets between the writes, `storm_read` while one lasts; a write begins every
    `interval`, the first one after the first interval, and lasts `write`.
    """

    share: float
    calm_read: float
    storm_read: float
    interval: float
    write: float


@instrument(volume=2, chapter=4)
def share_timeline(
    sharing: Sharing,
    *,
    minutes: float,
    demand: float,
    stalled: bool,
    title: str,
    caption: str = "",
) -> Plot:
    """Who uses a shared channel while time passes: reads below, writes of checkpoints on top of them, the rest free.

    `demand` is what the reader would take (B/s), a line that may lie above the share; with `stalled` the reads are
    red. Writes that last longer than their interval run without a pause.
    """
    gb = 1e-9
    interval, write = sharing.interval / 60, min(sharing.write, sharing.interval) / 60
    starts = np.arange(1, int(np.floor(minutes / interval * (1 + 1e-9))) + 1) * interval
    starts = starts[starts < minutes]
    ends = np.minimum(starts + write, minutes)
    calm_from = np.concatenate([[0.0], ends])
    calm_to = np.concatenate([starts, [minutes]])
    share, calm, storm = sharing.share * gb, sharing.calm_read * gb, sharing.storm_read * gb
    top = 1.22 * max(share, demand * gb)

    def reads(token: str, shown: bool) -> list[Layer]:
        return [
            Boxes(left=calm_from, right=calm_to, bottom=0, top=calm if shown else NAN, token=token),
            Boxes(left=starts, right=ends, bottom=0, top=storm if shown else NAN, token=token),
        ]

    layers: list[Layer] = [
        Boxes(left=0, right=minutes, bottom=0, top=share, token="series-6", alpha=0.22),
        *reads("data", not stalled),
        *reads("violation", stalled),
        Boxes(left=starts, right=ends, bottom=storm, top=share, token="caution"),
        Segments(x0=0, x1=minutes, y0=share, y1=share, token="ink", width=1.5),
        Segments(
            x0=0,
            x1=minutes,
            y0=demand * gb if demand > 0 else NAN,
            y1=demand * gb,
            token="data",
            dash="dashed",
        ),
        Labels(
            x=minutes,
            y=share,
            text=f"share {share:,.0f}",
            token="ink",
            bold=True,
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-2,
            plate=True,
        ),
        Labels(
            x=0,
            y=demand * gb if demand > 0 else NAN,
            text=f"demand {demand * gb:,.1f}" if demand > 0 else "",
            token="data",
            bold=True,
            baseline="bottom",
            dx=4,
            dy=-2,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time (min)", 0, minutes),
        y=Axis("GB/s", 0, top),
        layers=tuple(layers),
        height=250,
        key=(
            ("reads", "violation" if stalled else "data"),
            ("checkpoint writes", "caution"),
            ("free", "series-6"),
        ),
    )
