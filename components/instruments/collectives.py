"""Collectives: an all-reduce step by step, its time by algorithm, and gradients in buckets behind a backward pass."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Cells, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels, spread
from components.instruments.registry import instrument
from components.quantity import duration, plain, setting
from mlsysim.physics import CollectiveSchedule

Array = npt.NDArray[np.float64]


def byte_size(value: float, digits: int = 3) -> str:
    """A message size as networks write it: 256 B, 100 KB, 26.2 MB."""
    return setting(value, "B", digits).replace(" kB", " KB")


def _time_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Ticks of a logarithmic time axis at whole decades with their units, six at most: 10 µs, 1 ms, 100 s."""
    first, last = round(math.log10(low)), round(math.log10(high))
    every = -(-(last - first) // 6)
    units = ((0, "s"), (-3, "ms"), (-6, "µs"), (-9, "ns"))
    ticks = []
    for k in range(first, last + 1, every):
        base, unit = next(((base, unit) for base, unit in units if k >= base), units[-1])
        ticks.append((10.0**k, f"{10 ** (k - base):,} {unit}"))
    return tuple(ticks)


def _decades(values: Array) -> tuple[float, float]:
    """Whole decades around positive values."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high) + 1e-12)


# --- step by step --------------------------------------------------------------------------------------------

#: Half of the height of a strip of chunks.
STRIP = 0.055
#: Pixels of a unit to the right over pixels of a unit upwards, midway between a phone and a desk.
ASPECT = 1.6


def _places(schedule: CollectiveSchedule, shape: str) -> tuple[Array, Array, float]:
    """Where the ranks stand (n, 2), where the middles of their strips are, and the width of a strip."""
    rank = np.arange(schedule.ranks)
    if shape == "circle":
        angle = np.pi / 2 - 2 * np.pi * rank / schedule.ranks
        around = np.column_stack([np.cos(angle), np.sin(angle)])
        return around * (0.5, 0.56), around * (0.82, 0.92), 0.34
    # In a binomial tree a rank stands as high as many trailing zeros its number has; rank 0 is the root.
    top = (schedule.ranks - 1).bit_length()
    level = np.array([top if r == 0 else (int(r) & -int(r)).bit_length() - 1 for r in rank])
    across = 1.9 / schedule.ranks
    dots = np.column_stack([-0.95 + across * (rank + 0.5), -0.62 + 1.5 * level / top])
    return dots, dots - (0.05, 0.2), 0.86 * across


def _arrows(tails: Array, tips: Array) -> tuple[Array, Array]:
    """Shafts and heads of arrows as segments (x0, y0, x1, y1), shortened at both ends to clear the dots."""
    way = (tips - tails) * (ASPECT, 1.0)
    unit = way / np.linalg.norm(way, axis=1, keepdims=True)
    clear = 0.13 * unit / (ASPECT, 1.0)
    start, end = tails + clear, tips - clear
    heads = []
    for turn in (0.84 * np.pi, -0.84 * np.pi):
        cos, sin = np.cos(turn), np.sin(turn)
        back = np.column_stack([cos * unit[:, 0] - sin * unit[:, 1], sin * unit[:, 0] + cos * unit[:, 1]])
        heads.append(np.hstack([end, end + 0.085 * back / (ASPECT, 1.0)]))
    return np.hstack([start, end]), np.vstack(heads)


def _segments(rows: Array, **style: Any) -> Segments:
    rows = rows if len(rows) else np.full((1, 4), np.nan)
    x0, y0, x1, y1 = rows.T
    return Segments(x0=x0, y0=y0, x1=x1, y1=y1, **style)


@instrument(volume=2, chapter=6)
def collective_steps(
    schedule: CollectiveSchedule,
    step: int,
    *,
    shape: Literal["circle", "tree"],
    words: tuple[str, str],
    title: str,
    caption: str = "",
) -> Plot:
    """One step of an all-reduce: the ranks, the messages of the step as arrows, and what every rank holds after it.

    A strip beside each rank shows its chunks: the darker, the more ranks are in the sum; green once all are.
    Chunks that arrived in this step are outlined. `words` are two lines in the free space of the picture.
    """
    dots, strips, width = _places(schedule, shape)
    ranks, chunks = schedule.ranks, schedule.chunks
    links = schedule.links(step) if step else np.empty((0, 2), dtype=np.int64)
    moves = schedule.moves[step - 1] if step else np.empty((0, 3), dtype=np.int64)
    all_links = np.unique(np.vstack([np.sort(move[:, :2], axis=1) for move in schedule.moves]), axis=0)
    busy = np.isin(np.arange(ranks), links)
    share = (schedule.summed(step) / ranks).ravel()
    arrived = np.zeros((ranks, chunks), dtype=bool)
    arrived[moves[:, 1], moves[:, 2]] = True
    cell = width / chunks
    left = (strips[:, :1] - width / 2 + cell * np.arange(chunks)).ravel()
    bottom = np.repeat(strips[:, 1] - STRIP, chunks)
    shafts, heads = _arrows(dots[links[:, 0]], dots[links[:, 1]])
    complete = share > 1 - 1e-9

    def boxes(chosen: npt.NDArray[np.bool_], gap: float, **style: Any) -> Boxes:
        at = np.where(chosen, left, np.nan)
        return Boxes(left=at + gap, right=at + cell - gap, bottom=bottom, top=bottom + 2 * STRIP, **style)

    text_x, text_y, align = (0.0, 0.0, "center") if shape == "circle" else (1.0, 0.86, "right")
    layers: list[Layer] = [
        _segments(np.hstack([dots[all_links[:, 0]], dots[all_links[:, 1]]]), token="line", width=1.5),
        _segments(shafts, token="data", width=3),
        _segments(heads, token="data", width=3),
        *(
            Points(
                x=np.where(busy == active, dots[:, 0], np.nan),
                y=dots[:, 1],
                size=21,
                token="data" if active else "series-6",
            )
            for active in (True, False)
        ),
        Labels(
            x=dots[:, 0], y=dots[:, 1], text=[str(r) for r in range(ranks)], align="center", token="on-fill", bold=True
        ),
        Cells(
            left=np.where(complete, np.nan, left),
            right=left + cell,
            bottom=bottom,
            top=bottom + 2 * STRIP,
            values=share,
            # A single part is well apart from the background.
            low=-0.2,
            gap=1,
        ),
        boxes(complete, 0.03 * width / ranks, token="met"),
        boxes(arrived.ravel(), 0.0, alpha=0, outline="caution"),
        *(
            Labels(x=text_x, y=text_y + dy, text=word, align=align, token=token, bold=bold)
            for word, dy, token, bold in ((words[0], 0.07, "ink", True), (words[1], -0.07, "muted", False))
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("", -1.02, 1.02, ticks=((2.0, ""),)),
        y=Axis("", -1.04, 1.04, ticks=((2.0, ""),)),
        layers=tuple(layers),
        height=400,
        key=(
            ("sends or receives", "data"),
            ("idle in this step", "series-6"),
            ("arrived in this step", "caution"),
            ("sum of all ranks", "met"),
        ),
    )


# --- time by algorithm ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Algorithm:
    """The time of one algorithm over the plot's variable (s), its name and the colour token of its line."""

    name: str
    time_s: Array
    token: str


@instrument(volume=2, chapter=6)
def collective_times(
    x: Array,
    algorithms: Sequence[Algorithm],
    *,
    active: int,
    here: tuple[float, float],
    here_text: str,
    label: str,
    ticks: tuple[tuple[float, str], ...],
    predicted: tuple[float, float] | None = None,
    crossover: tuple[float, str] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """Time of an all-reduce by several algorithms over ranks or message size, both axes logarithmic.

    The algorithm with index `active` is bold, `here` is its point (x, s) and `here_text` the time in words.
    `predicted` is a point that was predicted, `crossover` a place on the x axis with its name.
    """
    low, high = _decades(np.array([[*algorithm.time_s] for algorithm in algorithms]))
    ends = [math.log10(float(algorithm.time_s[-1])) for algorithm in algorithms]
    gap = 0.062 * math.log10(high / low)
    places = 10 ** spread(ends, gap, math.log10(low) + gap / 2, math.log10(high) - gap / 2)
    left, right = float(x[0]), float(x[-1])
    room = (right / left) ** 0.38
    there_x, there_y = predicted if predicted and low <= predicted[1] <= high else (np.nan, np.nan)
    cross_x, cross = crossover if crossover and left <= crossover[0] <= right else (np.nan, "")
    middle = math.sqrt(left * right)
    bold = algorithms[active]
    layers: list[Layer] = [
        *(Line(x=x, y=algorithm.time_s, token=algorithm.token, width=1.8) for algorithm in algorithms),
        Line(x=x, y=bold.time_s, token=bold.token, width=4.5),
        *(
            Labels(x=right, y=y, text=algorithm.name, token=algorithm.token, dx=9, bold=k == active)
            for k, (algorithm, y) in enumerate(zip(algorithms, places, strict=True))
        ),
        Segments(x0=cross_x, x1=cross_x, y0=low, y1=high, token="ink", width=1.5, dash="dotted"),
        Labels(x=cross_x, y=low, text=cross, token="ink", plate=True, baseline="bottom", dx=5, dy=-4),
        Points(x=there_x, y=there_y, size=13, token="series-2", marker="diamond"),
        *(
            Labels(
                x=there_x,
                y=there_y,
                text=word if math.isfinite(there_x) else "",
                token="series-2",
                bold=True,
                align="center",
                dy=dy,
                plate=True,
            )
            for word, dy in (("your", -42), ("prediction", -28))
        ),
        Points(x=here[0], y=here[1], size=12, token="ink"),
        # Where a rising line is not: below it to the right, above it to the left.
        *(
            Labels(
                x=here[0],
                y=here[1],
                text=here_text if (here[0] > middle) == late else "",
                align="right" if late else "left",
                dx=-9 if late else 9,
                dy=-13 if late else 13,
                token="ink",
                bold=True,
                plate=True,
            )
            for late in (False, True)
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(label, left / 1.15, right * room, log=True, ticks=ticks),
        y=Axis("time of one all-reduce", low, high, log=True, ticks=_time_ticks(low, high)),
        layers=tuple(layers),
        height=340,
    )


# --- ring or tree --------------------------------------------------------------------------------------------

#: Edges of the colour steps: log10 of the ratio, from half a step around "equal" outwards.
RATIO_STEPS = (0.0, 0.25, 0.5, 1.0, 1.5)
RATIO_ALPHA = (0.1, 0.22, 0.36, 0.52, 0.7)
RING, TREE = "data", "series-5"


@dataclass(frozen=True)
class Spot:
    """A message on a map of ranks and sizes: its name in two lines, and where it lies.

    `drop` is how far the name moves in from the upper or lower edge of the map, in decades.
    """

    name: tuple[str, str]
    ranks: float
    size_bytes: float
    token: str = "ink"
    marker: str = "circle"
    drop: float = 0.35


@instrument(volume=2, chapter=6)
def ring_tree_map(
    ranks: Array,
    sizes: Array,
    ratio: Array,
    *,
    crossover: Array,
    spots: Sequence[Spot],
    title: str,
    caption: str = "",
) -> Plot:
    """Where a ring all-reduce is faster and where a tree, over ranks and message size.

    `ratio` is ring time over tree time, of shape (len(sizes) - 1, len(ranks)): ranks are powers of two, sizes the edges
    of the rows. `crossover` holds the size (B) at which both are equal for each number of ranks. Spots outside of the
    map stand at its edge with an arrow in their name.
    """
    step = math.sqrt(2.0)
    depth = np.digitize(np.abs(np.log10(ratio)), RATIO_STEPS) - 1
    shade = np.where(ratio > 1, depth + len(RATIO_STEPS), depth)
    low_x, high_x, low_y, high_y = ranks[0] / step, ranks[-1] * step, sizes[0], sizes[-1]
    # One box for every run of one shade in a column: boxes that touch would show their seams.
    runs: dict[int, list[tuple[float, float, float, float]]] = {}
    for at, column in enumerate(shade.T):
        ends = np.r_[0, np.flatnonzero(np.diff(column)) + 1, len(column)]
        for first, last in itertools.pairwise(ends):
            box = (ranks[at] / step, sizes[first], ranks[at] * step, sizes[last])
            runs.setdefault(int(column[first]), []).append(box)
    layers: list[Layer] = []
    for k in range(2 * len(RATIO_STEPS)):
        left, bottom, right, top = np.array(runs.get(k, [(np.nan,) * 4])).T
        tree = k >= len(RATIO_STEPS)
        layers.append(
            Boxes(
                left=left,
                right=right,
                bottom=bottom,
                top=top,
                token=TREE if tree else RING,
                alpha=RATIO_ALPHA[k % len(RATIO_STEPS)],
            )
        )
    inside = (crossover >= low_y) & (crossover <= high_y)
    layers += [
        Line(x=ranks, y=np.where(inside, crossover, np.nan), token="ink", width=2.5),
        Labels(x=low_x, y=1e8, text="ring faster", token="ink", bold=True, dx=8, plate=True),
        Labels(x=high_x, y=1e4, text="tree faster", token="ink", bold=True, align="right", dx=-8, plate=True),
    ]
    for spot in spots:
        x, y = (
            float(np.clip(spot.ranks, ranks[0], ranks[-1])),
            float(np.clip(spot.size_bytes, low_y * 1.8, high_y / 1.8)),
        )
        arrow = ("→" if spot.ranks > ranks[-1] else "←" if spot.ranks < ranks[0] else "") + (
            "↑" if spot.size_bytes > high_y else "↓" if spot.size_bytes < low_y else ""
        )
        late = x > math.sqrt(ranks[0] * ranks[-1])
        # Two lines beside the mark, moved in from the upper and the lower edge; in decades, so that no style changes.
        shift = -spot.drop if y > high_y / 6 else spot.drop if y < low_y * 6 else 0.0
        layers += [
            Segments(x0=x, x1=x, y0=y, y1=y * 10.0**shift, token=spot.token, width=1),
            Points(x=x, y=y, size=12, token=spot.token, marker=spot.marker),
            *sided_labels(
                x,
                y * 10.0 ** (shift + np.array([0.22, -0.22])),
                [spot.name[0], f"{spot.name[1]} {arrow}".strip()],
                left=late,
                gap=10,
                token=spot.token,
                bold=True,
                plate=True,
            ),
        ]
    decades = range(math.ceil(math.log10(low_y)), math.floor(math.log10(high_y)) + 1)
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "ranks", low_x, high_x, log=True, ticks=tuple((float(n), f"{n:,.0f}") for n in ranks[::3] if n <= ranks[-1])
        ),
        y=Axis(
            "message size",
            low_y,
            high_y,
            log=True,
            ticks=tuple((10.0**k, byte_size(10.0**k)) for k in decades if k % 2 == 1),
        ),
        layers=tuple(layers),
        height=400,
        key=(("ring faster", RING), ("tree faster", TREE)),
    )


# --- buckets -------------------------------------------------------------------------------------------------


@instrument(volume=2, chapter=6)
def exposed_over_bucket(
    bucket_bytes: Array,
    gradients_s: Array,
    small_s: float,
    *,
    other_s: Array,
    other: str,
    budget: tuple[float, str],
    here: tuple[float, float],
    title: str,
    caption: str = "",
) -> Plot:
    """Exposed communication over the bucket size, both axes logarithmic: gradients, small calls, and their sum.

    `other_s` is one thin curve more, named `other`; NaN hides it. `budget` is (s, text), `here` the current (B, s).
    """
    low, high, right = 1e-3, 1e3, float(bucket_bytes[-1])
    total = gradients_s + small_s
    shown = bool(np.isfinite(other_s).any())
    ends = [math.log10(max(v, low)) for v in (gradients_s[-1], small_s, total[-1], other_s[-1] if shown else 1e4)]
    # The sum stands above its larger part.
    ends[2] += 0.1
    places = 10 ** spread(ends, 0.36, math.log10(low) + 0.15, math.log10(high) - 0.15)
    limit, limit_text = budget
    late = here[0] > 3e8
    names = (("gradients", "series-4", False), ("statistics", "series-5", False), ("together", "ink", True))
    layers: list[Layer] = [
        Boxes(left=bucket_bytes[0] / 2, right=right * 100, bottom=low, top=limit, token="met", alpha=0.12),
        Segments(x0=bucket_bytes[0] / 2, x1=right * 100, y0=limit, y1=limit, token="violation", dash="dashed"),
        Labels(
            x=bucket_bytes[0], y=limit, text=limit_text, token="violation-ink", baseline="top", dy=3, dx=2, plate=True
        ),
        Line(x=bucket_bytes, y=np.full(bucket_bytes.shape, small_s), token="series-5", width=2.2),
        Line(x=bucket_bytes, y=gradients_s, token="series-4", width=2.2),
        Line(x=bucket_bytes, y=other_s, token="series-3", width=1.6, dash="dotted"),
        Line(x=bucket_bytes, y=total, token="ink", width=3.2),
        *(
            Labels(x=right, y=y, text=name, token=token, bold=bold, dx=6)
            for (name, token, bold), y in zip(names, places, strict=False)
        ),
        Labels(x=right, y=places[3], text=other if shown else "", token="series-3", dx=6),
        Points(x=here[0], y=here[1], size=12, token="ink"),
        *sided_labels(
            here[0],
            here[1],
            duration(here[1]),
            left=late,
            gap=9,
            token="ink",
            bold=True,
            plate=True,
            dy=-13,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "bucket size",
            bucket_bytes[0] / 1.3,
            right * 100,
            log=True,
            ticks=tuple((v, byte_size(v)) for v in (1e6, 1e8, 1e10)),
        ),
        y=Axis("exposed communication per step", low, high, log=True, ticks=_time_ticks(low, high)),
        layers=tuple(layers),
        height=340,
    )


def _few_ticks(reach: float) -> tuple[tuple[float, str], ...]:
    """Round numbers from 0 to `reach`, few enough for a phone."""
    rough = 10.0 ** math.floor(math.log10(reach))
    step = next(rough * part for part in (0.2, 0.25, 0.5, 1.0, 2.5) if reach / (rough * part) <= 4.5)
    return tuple((k * step, plain(k * step)) for k in range(int(reach / step * 1.02) + 1))


#: Buckets drawn at either end of a long row.
DRAWN = 20


@instrument(volume=2, chapter=6)
def bucket_timeline(
    ready_s: Array,
    start_s: Array,
    bucket_s: float,
    *,
    backward_s: float,
    predicted_s: float | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """When each bucket of gradients is ready and when it is on the network, from the start of the backward pass.

    What is on the network after the end of the backward pass is red. Of more than 40 buckets the first and the last
    20 are drawn, with a hatched stretch between them. `predicted_s` flags when the last one was predicted to be done.
    """
    count = len(ready_s)
    many = count > 2 * DRAWN
    kept = np.r_[0:DRAWN, count - DRAWN : count] if many else np.arange(count)
    start, end = start_s[kept] * 1e3, (start_s[kept] + bucket_s) * 1e3
    wall = backward_s * 1e3
    flag = np.nan if predicted_s is None else predicted_s * 1e3
    reach = float(np.nanmax([end[-1], wall, flag]))
    # A hair between neighbours tells one bucket from the next.
    end = end - 0.08 * (end - start)
    gap = (start[DRAWN - 1] + bucket_s * 1e3, start[DRAWN]) if many else (np.nan, np.nan)
    ready_gap = (ready_s[DRAWN - 1] * 1e3, ready_s[-DRAWN] * 1e3) if many else (np.nan, np.nan)

    def stretch(after: bool, left: Any, right: Any, **style: Any) -> Boxes:
        a, b = (np.maximum(side, wall) if after else np.minimum(side, wall) for side in (left, right))
        return Boxes(left=np.where(b > a, a, np.nan), right=b, bottom=-0.3, top=0.3, **style)

    layers: list[Layer] = [
        Boxes(left=0, right=wall, bottom=1.38, top=1.58, token="data", alpha=0.35),
        Segments(x0=ready_gap[0], x1=ready_gap[1], y0=1, y1=1, token="data", width=2, dash="dotted"),
        Segments(x0=ready_s[kept] * 1e3, x1=ready_s[kept] * 1e3, y0=0.72, y1=1.28, token="data", width=1.5),
        stretch(False, *gap, token="met", alpha=0.55, hatch="/"),
        stretch(True, *gap, token="violation", alpha=0.55, hatch="/"),
        stretch(False, start, end, token="met"),
        stretch(True, start, end, token="violation"),
        Segments(x0=wall, x1=wall, y0=-0.5, y1=1.75, token="ink", width=2),
        *sided_labels(
            wall,
            1.75,
            "backward ends",
            left=wall > 0.5 * reach,
            gap=5,
            token="ink",
            bold=True,
            plate=True,
            baseline="bottom",
            dy=-1,
        ),
        Labels(
            x=(gap[0] + gap[1]) / 2,
            y=0,
            text=f"{count - 2 * DRAWN:,} more" if many else "",
            token="ink",
            align="center",
            plate=True,
        ),
        Segments(x0=flag, x1=flag, y0=-0.5, y1=1.05, token="series-2", width=2.5, dash="dotted"),
        *sided_labels(
            flag,
            0.85,
            "your prediction" if predicted_s is not None else "",
            left=bool(flag > 0.5 * reach),
            gap=5,
            token="series-2",
            bold=True,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time into the backward pass (ms)", 0, 1.04 * reach, ticks=_few_ticks(reach)),
        y=Axis("", -0.55, 2.1, ticks=((0.0, "network"), (1.0, "ready"), (1.48, "backward"))),
        layers=tuple(layers),
        height=260,
        key=(("ready", "data"), ("hidden behind the backward pass", "met"), ("exposed", "violation")),
    )
