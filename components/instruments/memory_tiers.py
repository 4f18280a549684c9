"""Two tiers of memory: the bandwidth that a working set gets, and what a batch does to rate and memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels, spread
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import number, plain

HEIGHT = 330


@dataclass(frozen=True)
class Tier:
    """A tier of memory: what students call it and its bandwidth (B/s)."""

    name: str
    bandwidth_bytes_s: float


@dataclass(frozen=True)
class Claim:
    """A student's prediction as a move: from one working set and bandwidth to another (B, B/s)."""

    before: tuple[float, float]
    after: tuple[float, float]
    text: str


def _log_axis_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Powers of ten, every second one on a long axis; 1, 2, 5 of every decade on a short one."""
    decades = math.log10(high / low)
    steps = (1, 2, 5) if decades < 1.6 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1, 1 if decades < 4.5 else 2)
    values = (step * 10.0**power for power in powers for step in steps)
    return tuple((value, plain(value)) for value in values if low <= value <= high)


@instrument(volume=1, chapter=5)
def bandwidth_cliff(
    working_set_bytes: npt.NDArray[np.float64],
    bandwidth_bytes_s: npt.NDArray[np.float64],
    *,
    curves: Sequence[tuple[str, npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    chosen: str,
    capacity_bytes: float,
    fast: Tier,
    slow: Tier,
    claim: Claim | None,
    title: str,
    caption: str = "",
) -> Plot:
    """The bandwidth that a working set gets from an on-chip memory in front of a main memory.

    The stages of a network stand as numbered dots at (`working_set_bytes`, `bandwidth_bytes_s`). `curves` are two
    ways to use the on-chip memory, named, as (name, working sets, bandwidths): the first falls off a cliff at the
    capacity, the second slides; `chosen` is drawn strong. `claim` draws a student's prediction.
    """
    mb, gb = 1e-6, 1e-9
    edge, top_rate, low_rate = capacity_bytes * mb, fast.bandwidth_bytes_s * gb, slow.bandwidth_bytes_s * gb
    sets, rates = working_set_bytes * mb, bandwidth_bytes_s * gb
    # The capacity stands between a fifth and two thirds of the axis: on both sides of it there is room for a name.
    right = max(2 * float(sets.max()), edge * max(2.0, 2 * edge / float(sets.min())) ** 0.5)
    left = min(float(sets.min()) / 2, edge / (right / edge) ** 0.3)
    low, high = low_rate / 2.4, top_rate * 5
    decades = math.log10(right / left)
    layers: list[Layer] = [
        Boxes(left=left, right=edge, bottom=low, top=high, token="met", alpha=0.1),
        Segments(x0=left, x1=right, y0=top_rate, y1=top_rate, token="series-6", dash="dotted", width=1.3),
        Segments(x0=left, x1=right, y0=low_rate, y1=low_rate, token="series-6", dash="dotted", width=1.3),
        Segments(x0=edge, x1=edge, y0=low, y1=high, token="met", dash="dashed"),
        Labels(
            x=edge,
            y=high,
            text=f"on chip\n{number(edge)} MB",
            token="met-ink",
            baseline="top",
            align="right",
            dx=-5,
            dy=3,
            bold=True,
        ),
    ]
    strong = [name == chosen for name, _, _ in curves]
    # Both styles of both curves are there, one of them hidden: another choice changes columns, not the drawing.
    for weight, token, width in ((False, "series-6", 1.8), (True, "data", 4.0)):
        for (_, x, y), bold in zip(curves, strong, strict=True):
            visible = y * gb if bold == weight else np.full(y.shape, math.nan)
            layers.append(Line(x=x * mb, y=visible, token=token, width=width))
    places = ((edge, math.sqrt(top_rate * low_rate) * 0.8, "right", -7), (edge * 1.5, top_rate / 1.5, "left", 8))
    for weight, token in ((False, "muted"), (True, "data")):
        for (name, _, _), bold, (place, rate, align, dx) in zip(curves, strong, places, strict=True):
            layers.append(
                Labels(
                    x=place,
                    y=rate,
                    text=name if bold == weight else "",
                    token=token,
                    bold=weight,
                    align=align,
                    dx=dx,
                    plate=True,
                )
            )
    layers += _claimed(claim, left, right, fast, slow)
    names = [str(k + 1) for k in range(len(sets))]
    spots = spread(np.log10(sets).tolist(), 0.062 * decades, math.log10(left), math.log10(right) - 0.04 * decades)
    layers += [
        Points(x=sets, y=rates, size=8, token="ink"),
        Labels(
            x=10.0**spots,
            y=rates,
            text=names,
            token="ink",
            align="center",
            baseline="bottom",
            bold=True,
            dy=-7,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("working set of a stage (MB)", left, right, log=True, ticks=_log_axis_ticks(left, right)),
        y=Axis("bandwidth it gets (GB/s)", low, high, log=True, ticks=_tier_ticks(low, high, low_rate, top_rate)),
        layers=tuple(layers),
        height=HEIGHT,
    )


def _tier_ticks(low: float, high: float, *tiers: float) -> tuple[tuple[float, str], ...]:
    """The bandwidths of the tiers, and of the other ticks those that stand clear of them."""
    others = [tick for tick in _log_axis_ticks(low, high) if all(abs(math.log10(tick[0] / t)) > 0.12 for t in tiers)]
    return tuple(sorted([*others, *((tier, plain(tier)) for tier in tiers)]))


def _claimed(claim: Claim | None, left: float, right: float, fast: Tier, slow: Tier) -> list[Layer]:
    """A dotted move from where the student's stage was to where the prediction puts it."""
    mb, gb, nothing = 1e-6, 1e-9, (math.nan, math.nan)
    before, after = (nothing, nothing) if claim is None else (claim.before, claim.after)
    x0, y0, x1, y1 = before[0] * mb, before[1] * gb, after[0] * mb, after[1] * gb
    late = claim is not None and math.log(x1 / left) > 0.6 * math.log(right / left)
    # On the upper tier the name stands above its ring; between the tiers the curves run on the right, below is air.
    between = 1.05 * slow.bandwidth_bytes_s < after[1] < 0.95 * fast.bandwidth_bytes_s
    above = 0.95 * fast.bandwidth_bytes_s <= after[1] <= 1.05 * fast.bandwidth_bytes_s
    return [
        Segments(x0=x0, y0=y0, x1=x1, y1=y1, token="series-2", dash="dotted"),
        Points(x=[x0, x1], y=[y0, y1], size=14, token="series-2", filled=False),
        *(
            label
            for under in (False, True)
            for label in sided_labels(
                x1,
                y1,
                claim.text if claim is not None and above != under else "",
                left=late or between,
                gap=6,
                token="series-2",
                bold=True,
                baseline="top" if under else "bottom",
                dy=7 if under else -7,
                plate=True,
            )
        ),
    ]


@dataclass(frozen=True)
class Panel:
    """A quantity over the batch: its name with unit, its values, the current one, and its limit on the same scale.

    The token of the limit is a role: "met" or "violation". `at_least` says that it is a least value (a rate) and not a
    most one (a memory).
    """

    name: str
    values: npt.NDArray[np.float64]
    here: float
    limit: Limit
    at_least: bool = False


@instrument(volume=1, chapter=5)
def batch_sweep(
    batch: npt.NDArray[np.float64],
    panels: Sequence[Panel],
    *,
    here: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Two quantities over the batch, each in a panel with its own logarithmic scale and limit, under each other.

    The first of `panels` stands on top. The side of a limit on which a design is good is shaded.
    """
    x_low, x_high = float(batch[0]) / 1.3, float(batch[-1]) * 1.3
    gap = 0.18
    layers: list[Layer] = []
    ticks: list[tuple[float, str]] = []
    for k, panel in enumerate(panels):
        base = (len(panels) - 1 - k) * (1 + gap)
        all_values = [*panel.values, panel.limit.value]
        low, high = min(all_values), max(all_values)
        # Room for a name under the lowest and above the highest mark, and for two ticks at least.
        room = max(high / low, 24.0)
        low, high = low / room**0.25, high * room**0.15

        def place(value: npt.ArrayLike, low: float = low, high: float = high, base: float = base) -> np.ndarray:
            return base + np.log(np.asarray(value, dtype=float) / low) / math.log(high / low)

        edge, spot = float(place(panel.limit.value)), float(place(panel.here))
        good = panel.here >= panel.limit.value if panel.at_least else panel.here <= panel.limit.value
        late = here > math.sqrt(x_low * x_high)
        layers += [
            Boxes(
                left=x_low,
                right=x_high,
                bottom=edge if panel.at_least else base,
                top=base + 1 if panel.at_least else edge,
                token="met",
                alpha=0.13,
            ),
            Segments(x0=x_low, x1=x_high, y0=edge, y1=edge, token=panel.limit.token, dash="dashed"),
            Line(x=batch, y=place(panel.values)),
            Segments(x0=here, x1=here, y0=base, y1=base + 1, token="data", dash="dotted", width=1.5),
            Points(x=here, y=spot, size=11),
            # Named at the end where the mark is not.
            *(
                Labels(
                    x=x_low if on_left else x_high,
                    y=edge,
                    text=panel.limit.label if on_left == late else "",
                    token=f"{panel.limit.token}-ink",
                    align="left" if on_left else "right",
                    baseline="bottom",
                    dx=4 if on_left else -4,
                    dy=-2,
                    plate=True,
                )
                for on_left in (False, True)
            ),
            Labels(x=x_low, y=base + 1, text=panel.name, token="ink", bold=True, baseline="bottom", dx=4, dy=-1),
        ]
        # Curves rise to the right: above left and below right of the mark there is room.
        layers += [
            Labels(
                x=here,
                y=spot,
                text=number(panel.here) if shown and on_left == late else "",
                token=token,
                bold=True,
                align="right" if on_left else "left",
                baseline="bottom" if on_left else "top",
                dx=-8 if on_left else 8,
                dy=-5 if on_left else 5,
                plate=True,
            )
            for token, shown in (("data", good), ("violation-ink", not good))
            for on_left in (False, True)
        ]
        ticks += [(float(place(value)), text) for value, text in _log_axis_ticks(low, high)]
    powers = [2.0**k for k in range(0, round(math.log2(batch[-1])) + 1, 1 if batch[-1] < 100 else 2)]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("batch (images)", x_low, x_high, log=True, ticks=tuple((power, plain(power)) for power in powers)),
        y=Axis("", -0.02, (1 + gap) * len(panels), ticks=tuple(sorted(ticks))),
        layers=tuple(layers),
        height=380,
    )
