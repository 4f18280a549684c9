"""Demand over supply on the axes Data, Algorithm and Machine, and where designs stand against several limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.magnitude import power_of_ten
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.quantity import count, number

NAN = float("nan")
AXES = ("data", "algorithm", "machine")


@dataclass(frozen=True)
class Usage:
    """A design and its demand over supply on the three axes, in the order of `AXES`."""

    name: str
    shares: Sequence[float]

    @property
    def binding(self) -> int:
        """Index of the axis that binds: the largest, on a tie the first."""
        return int(np.argmax(self.shares))


@instrument(volume=1, chapter=1)
def dam_comparison(
    designs: Sequence[Usage],
    *,
    start: Sequence[float],
    predicted: tuple[int, str] | None,
    title: str,
    caption: str = "",
    low: int = -7,
    high: int = 3,
) -> Plot:
    """Demand over supply of two or more designs, three bars each, on a logarithmic axis with the limit at 1.

    Bars beyond the limit line are red, the largest of a design is named. Outlines show where the first design began
    (`start`). `predicted` is the index of a design and the axis that the student held to be over its limit
    ("none" for no axis).
    """
    shares = np.array([design.shares for design in designs], dtype=float)
    count_, pitch = len(designs), len(AXES) + 1.0
    rows = np.array([[(count_ - 1 - j) * pitch + 2 - i for i in range(3)] for j in range(count_)], dtype=float)
    half, floor = 0.27, 10.0**low
    over = shares > 1 + 1e-9
    ends = np.clip(shares, floor, 10.0**high)
    binding = np.zeros_like(over)
    binding[np.arange(count_), [design.binding for design in designs]] = True

    def bars(pick: np.ndarray, token: str) -> Boxes:
        right = np.where(pick, ends, NAN).ravel()
        y = rows.ravel()
        return Boxes(left=floor, right=right, bottom=y - half, top=y + half, token=token)

    texts = np.array(
        [
            f"{_share_text(value)}{' · binds' if binds else ''}"
            for value, binds in zip(shares.ravel(), binding.ravel(), strict=True)
        ],
        dtype=object,
    )
    # Where a bar fills half of the plot, its value stands inside.
    inside = np.log10(ends.ravel()) > (low + high) / 2
    flag = NAN
    if predicted is not None:
        design, axis = predicted
        flag = float(rows[design, AXES.index(axis)]) - 0.5 if axis in AXES else float(rows[design, 2]) - 0.5
    words = "your prediction: over its limit" if predicted and predicted[1] in AXES else "your prediction: no axis over"
    began = np.clip(np.asarray(start, dtype=float), floor, 10.0**high)
    layers: list[Layer] = [
        bars(~over, "data"),
        bars(over, "violation"),
        Boxes(
            left=floor,
            right=began,
            bottom=rows[0] - half,
            top=rows[0] + half,
            token="ink",
            alpha=0.0,
            outline="ink",
        ),
        Segments(x0=1.0, x1=1.0, y0=-0.75, y1=rows[0, 0] + 0.6, token="violation", dash="dashed"),
        Labels(
            x=ends.ravel(),
            y=rows.ravel(),
            text=np.where(inside, texts, ""),
            token="on-fill",
            bold=True,
            align="right",
            dx=-6,
        ),
        Labels(
            x=ends.ravel(), y=rows.ravel(), text=np.where(inside, "", texts), token="ink", bold=True, dx=6, plate=True
        ),
        Labels(
            x=floor,
            y=rows[:, 0] + 0.62,
            text=[design.name for design in designs],
            token="ink",
            bold=True,
            dx=2,
            plate=True,
        ),
        Labels(
            x=floor,
            y=flag,
            text="" if predicted is None else f"▲ {words}",
            token="series-2",
            bold=True,
            size="8.5pt",
            dx=4,
            plate=True,
        ),
    ]
    marks = [e for e in range(low, high + 1) if e % 3 == 0]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "demand over supply (1 = limit)",
            floor,
            10.0**high,
            log=True,
            ticks=tuple((10.0**e, power_of_ten(e)) for e in marks),
        ),
        y=Axis(
            "",
            -0.8,
            rows[0, 0] + 1.0,
            ticks=tuple(
                (float(row), axis.capitalize()) for group in rows for row, axis in zip(group, AXES, strict=True)
            ),
        ),
        layers=tuple(layers),
        height=70 + round(38 * (rows[0, 0] + 1.8)),
        key=(("within", "data"), ("over the limit", "violation"), ("outline: at the start", "ink")),
    )


def _share_text(share: float) -> str:
    """A demand over supply, very small ones as 3.21 × 10⁻⁷."""
    if not 0 < share < 1e-4:
        return number(share)
    exponent = math.floor(math.log10(share))
    return f"{share / 10.0**exponent:.2f} × {power_of_ten(exponent)}"


@dataclass(frozen=True)
class Candidate:
    """One network of a family: what it costs on the horizontal axis, its accuracy (%), and whether memory holds it."""

    name: str
    family: str
    cost: float
    accuracy_pct: float
    fits: bool


@dataclass(frozen=True)
class Ceiling:
    """A vertical limit of a map: its place on the cost axis and its name."""

    cost: float
    label: str


@instrument(volume=1, chapter=1)
def accuracy_map(
    candidates: Sequence[Candidate],
    *,
    chosen: int,
    accuracy_min_pct: float,
    allowed: Ceiling,
    beyond: Ceiling,
    x: Axis,
    title: str,
    memory: str,
    caption: str = "",
) -> Plot:
    """Networks over cost and accuracy, the part of the map that meets the limits shaded.

    `allowed` is the largest cost that meets every limit, `beyond` a second, larger limit. Networks that the memory
    does not hold are crosses. Members of a family are joined in their order; the chosen one is ringed and named.
    """
    cost = np.array([one.cost for one in candidates])
    height = _accuracy_scale(np.array([one.accuracy_pct for one in candidates]))
    fits = np.array([one.fits for one in candidates])
    floor = float(_accuracy_scale(np.array([accuracy_min_pct]))[0])
    good = fits & (cost <= allowed.cost * (1 + 1e-9)) & (height >= floor - 1e-9)
    bottom, top = (float(v) for v in _accuracy_scale(np.array([83.2, 97.5])))
    limit = allowed.cost if allowed.cost > x.low else NAN
    families = list(dict.fromkeys(one.family for one in candidates))
    members = [[i for i, one in enumerate(candidates) if one.family == family] for family in families]
    first, last = [group[0] for group in members], [group[-1] for group in members]
    best = int(np.argmax(height[last]))

    def marks(pick: np.ndarray, token: str, marker: str, size: float) -> Points:
        return Points(x=np.where(pick, cost, NAN), y=height, token=token, marker=marker, size=size)

    layers: list[Layer] = [
        Boxes(left=x.low, right=limit, bottom=floor, top=top, token="met", alpha=0.2),
        Segments(x0=x.low, x1=x.high, y0=floor, y1=floor, token="met", dash="dashed"),
        Segments(x0=limit, x1=limit, y0=bottom, y1=top, token="met", dash="dashed"),
        Segments(x0=beyond.cost, x1=beyond.cost, y0=bottom, y1=top, token="violation", dash="dashed"),
        Labels(
            x=limit,
            y=top,
            text="" if np.isnan(limit) else allowed.label,
            token="met-ink",
            align="right",
            baseline="top",
            dx=-4,
            dy=20,
        ),
        Labels(
            x=beyond.cost,
            y=top,
            text=beyond.label,
            token="violation-ink",
            align="right",
            baseline="top",
            dx=-4,
            dy=2,
            plate=True,
        ),
        *(Line(x=cost[group], y=height[group], token="line", width=1.5) for group in members),
        Segments(x0=x.low, x1=cost[chosen], y0=height[chosen], y1=height[chosen], token="ink", width=1, dash="dotted"),
        # The best family is named over its last member, the others beside their first: the best ones lie close.
        Labels(
            x=cost[last],
            y=height[last],
            text=[name if i == best else "" for i, name in enumerate(families)],
            token="muted",
            align="center",
            baseline="bottom",
            dy=-8,
            size="9pt",
        ),
        Labels(
            x=cost[first],
            y=height[first],
            text=["" if i == best else name for i, name in enumerate(families)],
            token="muted",
            align="right",
            dx=-11,
            size="9pt",
            plate=True,
        ),
        marks(fits & ~good, "data", "circle", 9),
        marks(good, "met", "circle", 11),
        marks(~fits, "violation", "x", 10),
        Points(x=cost[chosen], y=height[chosen], token="ink", size=17, filled=False),
        Labels(
            x=x.low,
            y=height[chosen],
            text=candidates[chosen].name,
            token="ink",
            bold=True,
            baseline="bottom",
            dx=3,
            dy=-2,
            plate=True,
        ),
    ]
    ticks = (85, 88, 90, 92, 93, 94, 95, 96, 97)
    return Plot(
        title=title,
        caption=caption,
        x=x,
        y=Axis(
            "accuracy (%)",
            bottom,
            top,
            ticks=tuple((float(_accuracy_scale(np.array([pct]))[0]), str(pct)) for pct in ticks),
        ),
        layers=tuple(layers),
        height=330,
        key=(("meets all limits", "met"), ("does not", "data"), (f"× does not fit {memory}", "violation")),
    )


def _accuracy_scale(accuracy_pct: np.ndarray) -> np.ndarray:
    """Height of an accuracy: equal steps for equal ratios of the error rate, which spreads the best networks."""
    return -np.log10(100.0 - accuracy_pct)


@instrument(volume=1, chapter=1)
def capacity_bars(
    capacities: Mapping[str, float],
    *,
    load: float,
    load_text: str,
    target: float,
    target_text: str,
    title: str,
    x_label: str,
    caption: str = "",
    low: int = 3,
    high: int = 10,
) -> Plot:
    """How much load each resource carries, as bars on a logarithmic axis; the shortest one is the first wall.

    A resource that the present `load` exceeds is red. `target` is the load that is asked for.
    """
    rows = np.arange(len(capacities))[::-1].astype(float)
    most = np.array([*capacities.values()], dtype=float)
    ends = np.clip(most, 10.0**low, 10.0**high)
    over = load > most * (1 + 1e-9)
    shortest = most == most.min()
    half, top = 0.3, len(most) - 0.5
    values = np.array([count(value) for value in most], dtype=object)
    walls = np.where(shortest, "first wall", "").astype(object)

    def bars(pick: np.ndarray, token: str) -> Boxes:
        right = np.where(pick, ends, NAN)
        return Boxes(left=10.0**low, right=right, bottom=rows - half, top=rows + half, token=token)

    inside = np.log10(ends) > 0.5 * (low + high) + 0.6
    right_half = np.log10(load) > (low + high) / 2
    layers: list[Layer] = [
        bars(~over, "data"),
        bars(over, "violation"),
        Segments(x0=target, x1=target, y0=-0.5, y1=top + 0.1, token="met", dash="dashed"),
        Segments(x0=load, x1=load, y0=-0.5, y1=top + 0.65, token="ink"),
        Labels(x=target, y=top + 0.3, text=target_text, token="met-ink", align="right", dx=-5, plate=True),
        *sided_labels(load, top + 0.8, load_text, left=right_half, token="ink", bold=True, plate=True),
        Labels(x=ends, y=rows, text=np.where(inside, "", values), token="ink", bold=True, dx=6, plate=True),
        # A bar that is short has room for its rank only, a long one for its value.
        Labels(x=ends, y=rows, text=np.where(inside, values, walls), token="on-fill", bold=True, align="right", dx=-6),
    ]
    marks = [e for e in range(low, high + 1) if e % 3 == 0]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(x_label, 10.0**low, 10.0**high, log=True, ticks=tuple((10.0**e, count(10.0**e)) for e in marks)),
        y=Axis(
            "", -0.6, top + 1.15, ticks=tuple((float(row), name) for row, name in zip(rows, capacities, strict=True))
        ),
        layers=tuple(layers),
        height=115 + 44 * len(most),
        key=(("carries it", "data"), ("overloaded", "violation")),
    )
