"""The shape curve: one budget of parameters, spent on depth or on width, and the clock that binds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.instruments.clocks import CLOCK_TOKENS
from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import log_ticks, spread
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import plain

HEIGHT = 390
#: What the axis and its labels take of the height, and one line of text, in pixels.
FURNITURE, LINE = 84, 17


@instrument(volume=1, chapter=6)
def shape_curve(
    depth: npt.NDArray[np.float64],
    clocks: Mapping[str, npt.NDArray[np.float64]],
    short_s: npt.NDArray[np.float64],
    *,
    shapes: Sequence[tuple[str, float]],
    shapes_s: npt.NDArray[np.float64],
    here: tuple[float, float, float],
    names: tuple[str, str],
    limits: tuple[Limit, Limit],
    shallowest: Limit,
    predicted: tuple[float, float] | None,
    title: str,
    caption: str = "",
) -> Plot:
    """Time of one pass over the depth along a line of equal parameters, clock by clock, on logarithmic axes.

    `clocks` maps up to four clocks to their times (s) at each `depth`; the pass, their maximum, is a wide grey line.
    `short_s` is the pass of the short request, another. `shapes` are depths and their names on the axis, with the long
    pass at each in `shapes_s`; `here` is the current (depth, long pass, short pass), which may lie off the line.
    `names` name the long and the short request, `limits` are their deadlines (s), drawn dashed. Depths below
    `shallowest` are out of bounds. `predicted` is the student's (depth, pass) of the question's case.
    """
    milli = 1e3
    lines = {name: values * milli for name, values in clocks.items()}
    total = np.max(np.array(list(lines.values())), axis=0)
    short = short_s * milli
    edges = [limit.value * milli for limit in limits]
    flag, claimed = (math.nan, math.nan) if predicted is None else (predicted[0], predicted[1] * milli)
    shown = [*total, *short, *edges, here[1] * milli, here[2] * milli]
    if predicted is not None:
        shown.append(claimed)
    low, high = 0.45 * min(shown), 2.4 * max(shown)
    first, last = 0.9 * float(depth[0]), float(depth[-1])
    right = last * 10**0.88
    decade = (HEIGHT - FURNITURE) / math.log10(high / low)
    # The ends of all lines are named outside, apart from each other; a curve that ends below the plot is not.
    tokens = CLOCK_TOKENS[: len(lines)]
    ends = {
        **{name: float(values[-1]) for name, values in lines.items()},
        names[1]: float(short[-1]),
        **{limit.label: edge for limit, edge in zip(limits, edges, strict=True)},
    }
    visible = {name: end for name, end in ends.items() if end > low}
    places = dict(
        zip(
            visible,
            spread(
                [math.log10(end) for end in visible.values()],
                LINE / decade,
                math.log10(low) + LINE / decade / 2,
                math.log10(high) - LINE / decade / 2,
            ),
            strict=True,
        )
    )
    layers: list[Layer] = [
        Boxes(left=first, right=shallowest.value, bottom=low, top=high, token=shallowest.token, alpha=0.1),
        *(
            Segments(x0=first, x1=last, y0=edge, y1=edge, token=limit.token, dash="dashed", width=1.6)
            for edge, limit in zip(edges, limits, strict=True)
        ),
        Line(x=depth, y=total, token="series-6", width=9, alpha=0.35),
        Line(x=depth, y=short, token="series-6", width=9, alpha=0.35),
        *(Line(x=depth, y=values, token=token) for values, token in zip(lines.values(), tokens, strict=True)),
        *(
            Labels(
                x=last,
                y=10.0 ** places[name] if name in places else math.nan,
                text=name if name in places else "",
                token=token,
                dx=8,
                bold=name in lines,
            )
            for name, token in zip(ends, (*tokens, "muted", *(f"{limit.token}-ink" for limit in limits)), strict=True)
        ),
        Labels(
            x=first,
            y=high,
            text=shallowest.label,
            token=f"{shallowest.token}-ink",
            baseline="top",
            dx=5,
            dy=4,
            size="9pt",
        ),
        Points(x=np.array([at for _, at in shapes]), y=shapes_s * milli, size=8, filled=False, token="ink"),
        Points(x=flag, y=claimed, size=15, filled=False, token="series-2"),
        Labels(
            x=flag,
            y=claimed,
            text="" if predicted is None else "prediction",
            token="series-2",
            align="right",
            dx=-12,
            plate=True,
        ),
        Points(x=here[0], y=here[2] * milli, size=9, token="series-6"),
        Points(x=here[0], y=here[1] * milli, size=13),
        # On the outer side of the rising curve; at small depths there is no room to the left.
        *(
            Labels(
                x=here[0],
                y=here[1] * milli,
                text=f"{plain(here[1] * milli)} ms" if (here[0] > 20) == left else "",
                token="ink",
                align="right" if left else "left",
                baseline="bottom" if left else "top",
                bold=True,
                dx=-8 if left else 6,
                dy=-6 if left else 7,
                plate=True,
            )
            for left in (True, False)
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "layers × width, at equal parameters",
            first,
            right,
            log=True,
            ticks=tuple((at, name) for name, at in shapes),
        ),
        y=Axis("one pass (ms)", low, high, log=True, ticks=log_ticks(low, high)),
        layers=tuple(layers),
        height=HEIGHT,
    )
