"""Compression: weights on a grid, rounding noise, quality over bits, and designs between memory and quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Bubbles, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import log_ticks, sided_labels
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import percent, plain

Array = npt.NDArray[np.float64]


@instrument(volume=1, chapter=10)
def rounding_fan(
    weights: Array, rounded: Array, levels: Array, *, reach: float, title: str, words: str, caption: str = ""
) -> Plot:
    """Every weight of a group as a line from its value to the level that stands for it.

    All in standard deviations of the weights; `levels` are those that the grid has (none of a float format: NaN),
    drawn as ticks within `reach` of zero. Weights that share a level meet in one mark, larger the more they are.
    `words` say how many levels there are.
    """
    met, count = np.unique(np.round(rounded, 9), return_counts=True)
    layers: tuple[Layer, ...] = (
        Segments(x0=levels, x1=levels, y0=-0.3, y1=-0.16, token="muted", width=1),
        Segments(x0=weights, x1=rounded, y0=1, y1=0, width=1),
        Points(x=weights, y=np.ones(len(weights)), size=4, token="ink"),
        Bubbles(x=met, y=0, size=2.2 * np.sqrt(count) + 2, alpha=0.75),
        Labels(x=-reach, y=1.14, text=f"{len(weights)} weights", token="ink", bold=True, baseline="bottom", dx=2),
        Labels(x=-reach, y=-0.34, text=words, token="data", bold=True, baseline="top", dx=2),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("weight (standard deviations)", -reach, reach),
        y=Axis("", -0.75, 1.45, ticks=((1.0, "trained"), (0.0, "stored"))),
        layers=layers,
        height=250,
    )


@dataclass(frozen=True)
class Curve:
    """A quantity over the bit widths of its plot: name, colour token, one value per width."""

    label: str
    token: str
    values: Any


@instrument(volume=1, chapter=10)
def noise_ruler(
    bits: Sequence[int],
    curves: Sequence[Curve],
    *,
    slope: str,
    grown: tuple[int, int, str],
    here: tuple[float, float],
    title: str,
    caption: str = "",
) -> Plot:
    """Signal over rounding noise (dB) against the bits of an integer grid, fewer bits to the right.

    `slope` is written on the curves; `grown` names a step between two widths of the first curve as its whole size;
    `here` is (bits, dB) of the current format, NaN for one that has no grid.
    """
    x = -np.asarray(bits, dtype=float)
    first = dict(zip(bits, curves[0].values, strict=True))
    left, right = -float(max(bits)) - 0.6, -float(min(bits)) + 4.4
    before, after, words = grown
    known = bool(np.isfinite(here[1]))
    layers: tuple[Layer, ...] = (
        Boxes(left=left, right=right, bottom=-12, top=0, token="violation", alpha=0.12),
        Segments(x0=left, x1=right, y0=0, y1=0, token="violation", dash="dashed"),
        Labels(
            x=left,
            y=0,
            text="as strong as the weights",
            token="violation-ink",
            baseline="top",
            dx=4,
            dy=3,
        ),
        Segments(
            x0=[-before, -after],
            x1=[-after, -after],
            y0=[first[before], first[before]],
            y1=[first[before], first[after]],
            token="muted",
            width=1.5,
            dash="dotted",
        ),
        Labels(x=-after, y=(first[before] + first[after]) / 2 + 6, text=words, token="ink", bold=True, dx=7),
        *(Line(x=x, y=curve.values, token=curve.token, width=2.5) for curve in curves),
        *(Points(x=x, y=curve.values, token=curve.token, size=6) for curve in curves),
        Labels(
            x=-after - 0.6,
            y=0.7 * first[after],
            text=slope,
            token="muted",
            align="right",
        ),
        Points(x=-here[0], y=here[1], size=16, token="ink", filled=False),
        # Above the ring: what follows on the curve lies below.
        Labels(
            x=-here[0],
            y=here[1],
            text=f"{here[1]:.1f} dB".replace("-", "−") if known else "",
            token="ink",
            bold=True,
            baseline="bottom",
            dx=3,
            dy=-9,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("bits of a weight", left, right, ticks=tuple((-float(b), f"{b}") for b in bits)),
        y=Axis("weights over noise (dB)", -12, 100),
        layers=layers,
        height=290,
        key=tuple((curve.label, curve.token) for curve in curves),
    )


@instrument(volume=1, chapter=10)
def quality_cliff(
    bits: Sequence[int],
    curves: Sequence[Curve],
    chosen: int,
    *,
    free: int,
    cliff: int,
    here: int,
    words: str,
    predicted: float | None,
    title: str,
    caption: str = "",
) -> Plot:
    """Quality (%) over the bits of a weight, fewer bits to the right, each halving as wide as the next.

    Down to `free` bits the plot is marked as free of cost, from `cliff` bits on as the cliff. The curve number
    `chosen` is drawn strong, with a ring at `here` bits, named by `words`; `predicted` is the level that the student
    predicted.
    """
    x = -np.log2(np.asarray(bits, dtype=float))
    left, right = float(x.min()) - 0.25, float(x.max()) + 0.3
    at = float(-np.log2(here))
    value = float(np.asarray(curves[chosen].values)[list(bits).index(here)])
    edge = float(-np.log2(cliff)) - 0.12
    base, top = -7.0, 118.0
    guess = np.nan if predicted is None else predicted
    layers: tuple[Layer, ...] = (
        Boxes(left=left, right=-np.log2(free) + 0.06, bottom=base, top=top, token="met", alpha=0.12),
        Boxes(left=edge, right=right, bottom=base, top=top, token="violation", alpha=0.12),
        Labels(x=left, y=top, text="free lunch", token="met-ink", bold=True, baseline="top", dx=5, dy=4),
        Labels(
            x=right, y=top, text="cliff", token="violation-ink", bold=True, align="right", baseline="top", dx=-5, dy=4
        ),
        *(Line(x=x, y=curve.values, token=curve.token, width=2) for curve in curves),
        *(Points(x=x, y=curve.values, token=curve.token, size=5) for curve in curves),
        Line(x=x, y=curves[chosen].values, token="ink", width=5, alpha=0.35),
        Segments(x0=left, x1=right, y0=guess, y1=guess, token="series-2", dash="dashed", width=2.5),
        Labels(
            x=left,
            y=guess,
            text="" if predicted is None else f"your {plain(predicted)} %",
            token="series-2",
            bold=True,
            baseline="top",
            dx=5,
            dy=4,
            plate=True,
        ),
        Points(x=at, y=value, size=16, token="ink", filled=False),
        *sided_labels(
            at,
            value,
            words,
            left=at > -2.5,
            gap=11,
            token="ink",
            bold=True,
            baseline="bottom",
            dy=-6,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("bits of a weight", left, right, ticks=tuple((float(-np.log2(b)), f"{b}") for b in bits)),
        y=Axis("quality (%)", base, top, ticks=tuple((float(t), f"{t}") for t in range(0, 101, 20))),
        layers=layers,
        height=330,
        key=tuple((curve.label, curve.token) for curve in curves),
    )


@dataclass(frozen=True)
class Family:
    """Designs of one kind: memory (B), share of the quality kept, time of a step (s), one value per design.

    `sign` is the shape of its marker as a letter, for the key.
    """

    label: str
    token: str
    marker: str
    sign: str
    memory_bytes: Any
    quality: Any
    step_s: Any


#: A loss this small still has a place on the stretched scale of quality.
LEAST_LOSS = 1e-3
#: Diameter in pixels of a design whose step takes as long as it may.
DIAMETER_AT_LIMIT = 15.0
QUALITY_TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)


def stretched(quality: Any) -> Any:
    """Height of a share of quality on a scale that gives every further nine the same room."""
    return -np.log10(1.0 - np.minimum(quality, 1.0) + LEAST_LOSS)


def undominated(memory_bytes: Array, quality: Array) -> npt.NDArray[np.intp]:
    """Indices of the designs that no other one beats in memory and quality, by memory."""
    order = np.lexsort((-quality, memory_bytes))
    best = np.maximum.accumulate(quality[order])
    return order[np.append(True, best[1:] > best[:-1])]


def _round_ends(values: Array, limit: float) -> tuple[float, float]:
    """Ends of a logarithmic axis in GB that change in a few steps only, however the values move."""
    near = min(0.9 * float(values.min()), limit / 2.5)
    low = max(step for step in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0) if step <= near or step == 1)
    far = 1.2 * max(float(values.max()), limit)
    return low, next((step for step in (20.0, 50.0, 120.0, 200.0) if step >= far), 400.0)


@instrument(volume=1, chapter=10)
def compression_frontier(
    families: Sequence[Family],
    *,
    here: tuple[float, float],
    memory: Limit,
    quality: Limit,
    step_limit_s: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Every design between memory (log) and quality: a bubble whose area is its time, shape and colour its family.

    The bold staircase is the front of designs that no other one beats, the star is `here` (memory in bytes, share of
    the quality). `memory` (B) and `quality` (a share) are limits; the region within both is shaded. Quality is
    stretched towards 100 %, where designs differ by fractions of a percent. A bubble is as large as its step is long
    in relation to `step_limit_s`.
    """
    used = np.concatenate([np.asarray(family.memory_bytes, dtype=float) for family in families]) / 1e9
    kept = np.concatenate([np.asarray(family.quality, dtype=float) for family in families])
    limit = memory.value / 1e9
    left, right = _round_ends(used, limit)
    low, high = -0.2, 3.45
    floor = float(stretched(quality.value))
    front = undominated(used, kept)
    steps = np.repeat(used[front], 2)[1:], np.repeat(stretched(kept[front]), 2)[:-1]
    at = here[0] / 1e9, float(stretched(here[1]))
    share = float(np.log(at[0] / left) / np.log(right / left))
    layers: list[Layer] = [
        Boxes(left=left, right=limit, bottom=floor, top=high, token="met", alpha=0.14),
        Labels(x=left, y=floor, text="within both", token="met-ink", bold=True, baseline="bottom", dx=6, dy=-4),
        Segments(x0=limit, x1=limit, y0=low, y1=high, token="violation", dash="dashed"),
        Labels(
            x=limit,
            y=high,
            text=f"{memory.label} {plain(limit)} GB",
            token="violation-ink",
            align="right",
            baseline="top",
            dx=-5,
            dy=4,
        ),
        Segments(x0=left, x1=right, y0=floor, y1=floor, token="violation", dash="dashed"),
        Labels(
            x=right,
            y=floor,
            text=f"{quality.label} {percent(quality.value, 0)}",
            token="violation-ink",
            align="right",
            baseline="bottom",
            dx=-5,
            dy=-4,
            plate=True,
        ),
        Line(
            x=np.concatenate([used[front][:1], steps[0], [right]]),
            y=np.concatenate([[low], steps[1], stretched(kept[front])[-1:]]),
            token="ink",
            width=4,
            alpha=0.4,
        ),
    ]
    layers += [
        Bubbles(
            x=np.asarray(family.memory_bytes) / 1e9,
            y=stretched(np.asarray(family.quality)),
            size=np.maximum(4.0, DIAMETER_AT_LIMIT * np.sqrt(np.asarray(family.step_s) / step_limit_s)),
            marker=family.marker,
            token=family.token,
        )
        for family in families
    ]
    layers += [
        Points(x=at[0], y=at[1], size=22, marker="star", token="ink"),
        *sided_labels(
            at[0],
            at[1],
            percent(here[1]),
            left=share > 0.5,
            gap=15,
            token="ink",
            bold=True,
            dy=13,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("memory in use (GB)", left, right, log=True, ticks=log_ticks(left, right)),
        y=Axis(
            "quality kept (%), stretched",
            low,
            high,
            ticks=tuple((float(stretched(q)), plain(100 * q)) for q in QUALITY_TICKS),
        ),
        layers=tuple(layers),
        height=400,
        key=tuple((f"{family.sign} {family.label}", family.token) for family in families),
    )


@instrument(volume=1, chapter=10)
def relative_bars(
    rows: Sequence[str],
    parts: Sequence[Curve],
    *,
    quantity: str,
    high: float,
    predicted: tuple[int, float] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """Groups of horizontal bars, each a multiple of what it is compared with; a line marks one.

    Every row has one bar per part (`values` has one per row). `predicted` is a row and the multiple that the student
    predicted for its first part; `high` ends the axis.
    """
    count = len(rows)
    middle = np.arange(count)[::-1].astype(float)
    pitch = 0.72 / len(parts)
    offsets = [((len(parts) - 1) / 2 - k) * pitch for k in range(len(parts))]
    row, guess = predicted if predicted is not None else (0, np.nan)
    known = predicted is not None
    layers: list[Layer] = [
        Boxes(
            left=0,
            right=np.asarray(part.values, dtype=float),
            bottom=middle + offset - 0.42 * pitch,
            top=middle + offset + 0.42 * pitch,
            token=part.token,
        )
        for part, offset in zip(parts, offsets, strict=True)
    ]
    layers += [
        Segments(x0=1, x1=1, y0=-0.5, y1=count - 0.5, token="ink", width=1.5, dash="dotted"),
        *(
            Labels(
                x=np.asarray(part.values, dtype=float),
                y=middle + offset,
                text=[f"{value:.2f} ×" for value in np.asarray(part.values, dtype=float)],
                token="ink",
                size="9pt",
                dx=5,
                plate=True,
            )
            for part, offset in zip(parts, offsets, strict=True)
        ),
        Segments(
            x0=guess,
            x1=guess,
            y0=middle[row] - 0.38,
            y1=middle[row] + 0.44,
            token="series-2",
            width=3,
            dash="dashed",
        ),
        *sided_labels(
            guess,
            middle[row] + 0.49,
            f"your {plain(guess)} ×" if known else "",
            left=known and guess > 0.7 * high,
            gap=4,
            token="series-2",
            bold=True,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(quantity, 0, high, ticks=tuple((float(t), f"{t}") for t in range(int(high) + 1))),
        y=Axis("", -0.55, count - 0.45, ticks=tuple(zip(map(float, middle), rows, strict=True))),
        layers=tuple(layers),
        height=72 + 70 * count,
        key=tuple((part.label, part.token) for part in parts),
    )
