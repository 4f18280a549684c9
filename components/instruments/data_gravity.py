"""Data gravity: what moving takes against a limit, how far a plan carries, and how a buffer fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import number, plain, setting

NAN = float("nan")


@dataclass(frozen=True)
class Stack:
    """A plan as a sum of steps: its name, and the amount of every step in the unit of the axis."""

    name: str
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        """The sum of the steps."""
        return sum(self.parts.values())


@instrument(volume=1, chapter=4)
def budget_stack(
    stacks: Sequence[Stack],
    *,
    tokens: Mapping[str, str],
    limit: Limit,
    axis: Axis,
    unit: str,
    title: str,
    predicted: float | None = None,
    predicted_text: str = "",
    flagged: bool = False,
    caption: str = "",
) -> Plot:
    """Plans as stacked horizontal bars of time or money, top to bottom, against one limit.

    `stacks` share their step names, which `tokens` colour. `axis` starts at 0; a longer bar is cut at its end, and
    an arrow stands before its total, which is written in `unit`. With `flagged` there is room under the last bar for
    a flag at `predicted`, what the student claimed for one of its steps (None hides it).
    """
    names, high = list(tokens), axis.high
    rows = np.arange(len(stacks))[::-1].astype(float)
    widths = np.array([[stack.parts[name] for name in names] for stack in stacks])
    ends = np.cumsum(widths, axis=1)
    # Not ends minus widths: the last step may be endless.
    starts = np.hstack([np.zeros((len(stacks), 1)), ends[:, :-1]])
    totals = ends[:, -1]
    over = totals > limit.value * (1 + 1e-9)
    cut = totals > high
    top, bottom = len(stacks) - 0.4, -1.05 if flagged else -0.6
    flag = NAN if predicted is None else predicted
    layers: list[Layer] = [
        Boxes(left=0, right=limit.value, bottom=bottom, top=top, token="met", alpha=0.1),
        *(
            Boxes(
                left=np.minimum(starts[:, k], high),
                right=np.minimum(ends[:, k], high),
                bottom=rows - 0.3,
                top=rows + 0.3,
                token=tokens[name],
            )
            for k, name in enumerate(names)
        ),
        # A strip of surface under the line keeps it visible on a bar of a similar colour.
        Segments(x0=limit.value, x1=limit.value, y0=bottom, y1=top, token="surface", width=5),
        Segments(x0=limit.value, x1=limit.value, y0=bottom, y1=top, token=limit.token, dash="dashed"),
        *sided_labels(
            limit.value,
            top,
            limit.label,
            left=limit.value > 0.5 * high,
            gap=3,
            token=f"{limit.token}-ink",
            baseline="bottom",
            dy=-2,
        ),
        Segments(x0=flag, x1=flag, y0=-0.45, y1=0.45, token="series-4", width=3),
        *sided_labels(
            flag,
            -0.45,
            predicted_text if predicted is not None else "",
            left=bool(flag > 0.5 * high),
            gap=2,
            token="series-4",
            bold=True,
            baseline="top",
            dy=3,
            plate=True,
        ),
    ]
    for shown, token in ((~over, "met-ink"), (over, "violation-ink")):
        layers += sided_labels(
            np.minimum(totals, high),
            rows,
            [
                f"{'▸ ' if beyond else ''}{number(total, 4)} {unit}" if yes else ""
                for total, yes, beyond in zip(totals, shown, cut, strict=True)
            ],
            left=totals > 0.52 * high,
            gap=6,
            token=token,
            bold=True,
            plate=True,
        )
    return Plot(
        title=title,
        caption=caption,
        x=axis,
        y=Axis(
            "",
            bottom,
            top + 0.4,
            ticks=tuple((float(row), stack.name) for row, stack in zip(rows, stacks, strict=True)),
        ),
        layers=tuple(layers),
        height=round(62 + 56 * (top + 0.4 - bottom)),
        key=tuple((name, tokens[name]) for name in names),
    )


def petabytes(size_bytes: float) -> str:
    """A large size in one unit, so that sizes can be compared: 0.322 PB, 2.81 PB."""
    return f"{number(size_bytes * 1e-15)} PB"


@dataclass(frozen=True)
class Plan:
    """A way to do a job on data of any size: its name, its colour, what it takes at each size, and what it carries.

    `values` stand at the sizes of the plot, in the unit of its vertical axis; `carries_bytes` is the largest data set
    within the limit.
    """

    name: str
    token: str
    values: npt.NDArray[np.float64]
    carries_bytes: float


@instrument(volume=1, chapter=4)
def gravity_panel(
    size_bytes: npt.NDArray[np.float64],
    plans: tuple[Plan, Plan],
    *,
    chosen: int,
    here: tuple[float, float],
    limit: float,
    limit_text: str,
    y: Axis,
    title: str,
    height: int = 270,
    caption: str = "",
) -> Plot:
    """What two plans take over the size of the data, on logarithmic axes, and the largest data that each carries.

    Panels of several quantities stand above one another and share the horizontal axis. `here` is the job (size in
    bytes, value) on the `chosen` plan, which is underlaid.
    """
    low, high = float(size_bytes[0]), float(size_bytes[-1])
    # Room beyond the largest size, for names.
    end = high * 30
    first = 0 if plans[0].carries_bytes <= plans[1].carries_bytes else 1
    layers: list[Layer] = [
        Boxes(left=low, right=end, bottom=y.low, top=limit, token="met", alpha=0.1),
        Segments(x0=low, x1=end, y0=limit, y1=limit, token="violation", dash="dashed"),
        Labels(x=low, y=limit, text=limit_text, token="violation-ink", baseline="top", dx=4, dy=3),
        Segments(x0=here[0], x1=here[0], y0=y.low, y1=y.high, token="series-6", dash="dotted", width=1.5),
        Labels(
            x=here[0],
            y=y.low,
            text=f"this job: {setting(here[0], 'B')}",
            token="muted",
            baseline="bottom",
            dx=5,
            dy=-4,
            plate=True,
        ),
        Line(x=size_bytes, y=plans[chosen].values, token="ink", width=8, alpha=0.18),
        *(Line(x=size_bytes, y=plan.values, token=plan.token, width=2.5) for plan in plans),
    ]
    for index, plan in enumerate(plans):
        inside = plan.carries_bytes <= high
        at = (plan.carries_bytes, limit) if inside else (high, float(plan.values[-1]))
        text = f"{plan.name}\n{petabytes(plan.carries_bytes)}" if inside else ""
        layers.append(Points(x=at[0] if inside else NAN, y=at[1], size=10, token=plan.token, marker="diamond"))
        # The plan that carries less is named above the limit on the left, the other below it on the right.
        layers += [
            Labels(
                x=at[0],
                y=at[1],
                text=text if (index == first) == left else "",
                token=plan.token,
                bold=True,
                align="right" if left else "left",
                baseline="bottom" if left else "top",
                dx=-7 if left else 9,
                dy=-5 if left else 5,
                plate=True,
            )
            for left in (True, False)
        ]
    # What carries more than the drawing shows is named at its edge: above the upper line's end, below the lower's.
    layers += [
        Labels(
            x=end,
            y=float(plan.values[-1]),
            text=f"{plan.name}\n> {plain(high * 1e-15)} PB" if plan.carries_bytes > high and above == upper else "",
            token=plan.token,
            bold=True,
            align="right",
            baseline="bottom" if above else "top",
            dx=-4,
            dy=-2 if above else 2,
            plate=True,
        )
        for plan, upper in zip(plans, (first == 0, first == 1), strict=True)
        for above in (True, False)
    ]
    layers.append(Points(x=here[0], y=here[1], size=13, token="ink", filled=False))
    ticks = tuple((10.0**k, setting(10.0**k, "B")) for k in range(12, 17) if low <= 10.0**k <= high)
    return Plot(
        title=title,
        caption=caption,
        x=Axis("size of the data", low, end, log=True, ticks=ticks),
        y=y,
        layers=tuple(layers),
        height=height,
    )


@instrument(volume=1, chapter=4)
def buffer_line(
    days: npt.NDArray[Any],
    level_bytes: npt.NDArray[Any],
    offline_bytes: npt.NDArray[Any],
    *,
    capacity_bytes: float,
    full_days: float | None,
    offline_full_days: float,
    needed_days: float,
    title: str,
    caption: str = "",
) -> Plot:
    """A buffer over days: as it fills in service, and as it fills while nothing can be uploaded.

    `level_bytes` and `offline_bytes` stand at `days` and stay at the capacity once it is reached, after `full_days`
    (None: never) and `offline_full_days`. Left of `needed_days` the buffer must not be full while offline.
    """
    tb = 1e-12
    last, capacity = float(days[-1]), capacity_bytes * tb
    top = 1.62 * capacity
    full = NAN if full_days is None or full_days > last else full_days
    outage = offline_full_days if offline_full_days <= last else NAN
    layers: list[Layer] = [
        Boxes(left=0, right=needed_days, bottom=0, top=top, token="series-6", alpha=0.14),
        Labels(
            x=needed_days,
            y=top,
            text=f"{number(needed_days, 1)} days offline\nmust be possible",
            token="muted",
            baseline="top",
            dx=5,
            dy=4,
        ),
        Segments(x0=0, x1=last, y0=capacity, y1=capacity, token="violation", dash="dashed"),
        Labels(
            x=last,
            y=capacity,
            text=f"buffer full: {setting(capacity_bytes, 'B')}",
            token="violation-ink",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-2,
            plate=True,
        ),
        Line(x=days, y=offline_bytes * tb, token="series-2", dash="dashed"),
        Line(x=days, y=level_bytes * tb, token="data", width=3.5),
        Points(x=outage, y=capacity, token="series-2", size=11, marker="diamond"),
        Points(x=full, y=capacity, token="violation", size=11, marker="square"),
        # In service the name stands under the limit, offline above it: both may be full on the same day.
        *sided_labels(
            full,
            capacity,
            "" if np.isnan(full) else f"overflows after {full:.2f} d",
            left=bool(full > 0.6 * last),
            gap=6,
            token="violation-ink",
            bold=True,
            baseline="top",
            dy=8,
            plate=True,
        ),
        *sided_labels(
            outage,
            capacity,
            "" if np.isnan(outage) else f"offline: {outage:.2f} d",
            left=bool(outage > 0.6 * last),
            gap=2,
            token="series-2",
            bold=True,
            baseline="bottom",
            dy=-20,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("days", 0, last),
        y=Axis("left in the buffer (TB)", 0, top),
        layers=tuple(layers),
        height=290,
        key=(("in service, at the end of each day", "data"), ("depot offline", "series-2")),
    )
