"""Training memory: the floor and the slope over the micro-batch, and the largest model that a memory can train."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import spread
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import number, plain

HEIGHT = 330
#: What the axis and its label take of the height, and the height of one line of text, in pixels.
FURNITURE, LINE = 60, 16
#: Colours of comparison lines; the setting itself is drawn in "data".
COMPARED = ("series-4", "series-3", "series-5")


def _ink(token: str) -> str:
    """The token for text beside a mark of `token`."""
    return f"{token}-ink" if token in ("met", "violation", "caution") else token


@instrument(volume=1, chapter=8)
def floor_and_slope(
    floor_bytes: float,
    slope_bytes: float,
    *,
    micro_batch: float,
    compared: Mapping[str, float],
    limit: Limit,
    largest: float,
    predicted: float | None,
    title: str,
    up_to: float = 32,
    caption: str = "",
) -> Plot:
    """Total memory over the micro-batch: straight lines that start at one floor, under the memory's limit.

    `floor_bytes` is the training state, `slope_bytes` the activations of one sequence at the current setting,
    `compared` names other slopes over the same floor (up to three). `limit` is the memory (B); `largest` is the
    largest whole micro-batch within it (0: none). `predicted` flags the student's prediction of `largest`.
    """
    gb = 1e-9
    floor, here = floor_bytes * gb, (floor_bytes + slope_bytes * micro_batch) * gb
    ends = [(floor_bytes + slope * up_to) * gb for slope in compared.values()]
    edge = limit.value * gb
    top = 1.18 * max([*ends, edge, (floor_bytes + slope_bytes * up_to) * gb])
    line = top * LINE / (HEIGHT - FURNITURE)
    # Where the setting's line meets the limit; without room above the floor there is nothing to shade.
    meets = (limit.value - floor_bytes) / slope_bytes if slope_bytes > 0 else math.inf
    fits = float(np.clip(meets, 0.0, up_to))
    flag = math.nan if predicted is None else predicted
    flagged = "" if predicted is None else f"prediction: {plain(predicted)}"
    mine = f"{plain(micro_batch)}: {plain(round(here, 3))} GB"
    x = np.array([0.0, up_to])
    layers: list[Layer] = [
        Boxes(left=0, right=up_to, bottom=0, top=floor, token="data", alpha=0.16),
        Boxes(left=0, right=fits, bottom=min(floor, edge), top=edge, token="met", alpha=0.16),
        Segments(x0=0, x1=up_to, y0=edge, y1=edge, token=limit.token, dash="dashed"),
    ]
    layers += [
        Line(x=x, y=np.array([floor, end]), token=token, width=1.8) for end, token in zip(ends, COMPARED, strict=False)
    ]
    layers += [
        Line(x=x, y=np.array([floor, (floor_bytes + slope_bytes * up_to) * gb]), width=4),
        Segments(x0=micro_batch, x1=micro_batch, y0=0, y1=top, token="data", dash="dotted", width=1.5),
        Segments(x0=flag, x1=flag, y0=0, y1=0.9 * top, token="series-2", dash="dotted"),
        Points(x=micro_batch, y=here, size=11),
    ]
    names = [*compared, limit.label]
    tokens = [*COMPARED[: len(compared)], _ink(limit.token)]
    for name, token, at in zip(names, tokens, spread([*ends, edge], line, line / 2, top - line / 2), strict=True):
        layers.append(Labels(x=up_to, y=at, text=name, token=token, dx=12))
    layers += [
        Labels(
            x=0,
            y=floor / 2,
            text=f"floor {plain(round(floor, 3))} GB" if floor > line else "",
            token="data",
            dx=6,
            bold=True,
            plate=True,
        ),
        # Above the limit at the axis: lines that meet the limit further right than this leave the corner free.
        *(
            Labels(x=0, y=edge, text=text, token=token, dx=6, baseline="bottom", dy=-2, bold=True, plate=True)
            for text, token in (
                (f"{largest:,.0f} fit" if largest >= 1 else "", "met-ink"),
                ("" if largest >= 1 else "none fits", _ink(limit.token)),
            )
        ),
    ]
    # Flags are named on the side where there is room: to the right of an early one, to the left of a late one.
    for at, text, height, token, bold in (
        (flag, flagged, 0.86 * top, "series-2", False),
        (micro_batch, mine, top, "data", True),
    ):
        late = at > 0.6 * up_to
        layers += [
            Labels(
                x=at,
                y=height,
                text=text if late == left else "",
                token=token,
                bold=bold,
                align="right" if left else "left",
                baseline="top",
                dx=-6 if left else 6,
                dy=3,
                plate=True,
            )
            for left in (False, True)
        ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("micro-batch (sequences)", 0, 1.56 * up_to, ticks=tuple((k, f"{k:g}") for k in _ticks(up_to))),
        y=Axis("training memory (GB)", 0, top),
        layers=tuple(layers),
        height=HEIGHT,
    )


def _ticks(up_to: float) -> list[float]:
    """0, and the upper half of the powers of two up to `up_to`."""
    powers = [2.0**k for k in range(int(math.log2(up_to)) + 1)]
    return [0.0, *powers[len(powers) // 3 :]]


@instrument(volume=1, chapter=8)
def capacity_curve(
    params: npt.NDArray[np.float64],
    state_bytes: Mapping[str, npt.NDArray[np.float64]],
    *,
    chosen: str,
    here: tuple[float, float],
    capacities: Sequence[Limit],
    largest: Sequence[float],
    predicted: tuple[float, float] | None,
    title: str,
    caption: str = "",
) -> Plot:
    """Training state over the size of the model, one line per update rule, with the largest model per capacity.

    `state_bytes` maps the name of a rule to its state (B) at each of `params`; `chosen` is drawn bold. `here` is the
    current (parameters, bytes), `capacities` ascend (B), `largest` are the models (parameters) that fill them with
    the chosen rule (a capacity at NaN is hidden). `predicted` is the student's (parameters, bytes).
    """
    gb, billion = 1e-9, 1e-9
    x = params * billion
    low, high = 0.01, 2000.0
    right = float(x[-1]) * 110
    decade = (HEIGHT - FURNITURE) / math.log10(high / low)
    lines = {name: values * gb for name, values in state_bytes.items()}
    layers: list[Layer] = [Line(x=x, y=values, token="series-6", width=1.3, alpha=0.8) for values in lines.values()]
    for k, (capacity, fits) in enumerate(zip(capacities, largest, strict=True)):
        edge, at = capacity.value * gb, fits * billion
        hidden = math.isnan(edge)
        layers.append(Segments(x0=x[0], x1=right, y0=edge, y1=edge, token=capacity.token, dash="dashed"))
        # A high capacity is met far right and named at the left end, a low one the other way round.
        layers += [
            Labels(
                x=x[0] if left else right,
                y=edge,
                text=capacity.label if not hidden and (edge > 20) == left else "",
                token=_ink(capacity.token),
                align="left" if left else "right",
                baseline="top" if k == 0 and not left else "bottom",
                dx=5 if left else -5,
                dy=3 if k == 0 and not left else -2,
            )
            for left in (True, False)
        ]
        layers += [
            Points(x=at, y=edge, size=8, marker="diamond", token=capacity.token),
            # The lowest is named below its crossing, where no curve runs, the others above theirs.
            Labels(
                x=at,
                y=edge,
                text="" if hidden else f"{plain(at)} billion",
                token=_ink(capacity.token),
                bold=True,
                align="left" if k == 0 else "right",
                baseline="top" if k == 0 else "bottom",
                dx=9 if k == 0 else -6,
                dy=4 if k == 0 else -3,
            ),
        ]
    layers += [Line(x=x, y=lines[chosen], width=4)]
    named = spread(
        [math.log10(values[-1]) for values in lines.values()], LINE / decade, math.log10(low), math.log10(high) - 0.15
    )
    layers += [
        Labels(
            x=x[-1],
            y=10.0**at,
            text="" if (name == chosen) != bold else name,
            token="data" if bold else "muted",
            bold=bold,
            dx=6,
        )
        for name, at in zip(lines, named, strict=True)
        for bold in (False, True)
    ]
    at, claimed = (math.nan, math.nan) if predicted is None else (predicted[0] * billion, predicted[1] * gb)
    early = claimed < np.nanmin([capacity.value * gb for capacity in capacities])
    layers += [
        Points(x=at, y=claimed, size=15, filled=False, token="series-2"),
        Points(x=here[0] * billion, y=here[1] * gb, size=11),
        Labels(
            x=at,
            y=claimed,
            text="prediction" if predicted is not None and early else "",
            token="series-2",
            baseline="top",
            dx=4,
            dy=9,
        ),
        Labels(
            x=at,
            y=claimed,
            text="prediction" if predicted is not None and not early else "",
            token="series-2",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-16,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "parameters (billions)",
            float(x[0]),
            right,
            log=True,
            ticks=tuple((10.0**k, number(10.0**k, 1)) for k in range(-2, 3)),
        ),
        y=Axis(
            "training state (GB)", low, high, log=True, ticks=tuple((10.0**k, number(10.0**k, 1)) for k in range(-2, 4))
        ),
        layers=tuple(layers),
        height=HEIGHT,
    )
