"""What compiling costs and brings: the break-even plot, the bucket plot, the trip counter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, sided_labels, spread
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import number, plain

Array = npt.NDArray[np.float64]

HEIGHT = 310
#: What the axis and its label take of the height, and the height of one line of text, in pixels.
FURNITURE, LINE = 60, 16


@dataclass(frozen=True)
class CostLine:
    """One way to serve: what it spends before the first item, and on each (s)."""

    name: str
    fixed_s: float
    item_s: float
    token: str
    dash: str = "solid"


@instrument(volume=1, chapter=7)
def break_even_plot(
    lines: Sequence[CostLine],
    *,
    low: float,
    high: float,
    crossing: float,
    crossing_at_s: float,
    lifetime: float,
    lifetime_label: str,
    predicted: float | None,
    predicted_label: str,
    item: str,
    title: str,
    caption: str = "",
    least_s: float = 0.01,
    most_s: float = 1e7,
) -> Plot:
    """Cumulative time on the serving machine over the items served, both logarithmic.

    `crossing` is where a line that pays first overtakes one that does not, at `crossing_at_s`; infinity reads
    "never". `lifetime` is a vertical: items until it has to be paid again. `predicted` flags the student's prediction.
    """
    items = np.geomspace(low, high, 113)
    left, right = low / 250, high * 1.6
    decade = (HEIGHT - FURNITURE) / math.log10(most_s / least_s)
    layers: list[Layer] = [
        Line(x=items, y=line.fixed_s + items * line.item_s, token=line.token, dash=line.dash, width=2.8)
        for line in lines
    ]
    starts = [math.log10(line.fixed_s + low * line.item_s) for line in lines]
    floor = math.log10(least_s) + LINE / decade
    for line, at in zip(lines, spread(starts, LINE / decade, floor, math.log10(most_s)), strict=True):
        layers.append(Labels(x=low, y=10.0**at, text=line.name, token=line.token, align="right", dx=-6, bold=True))
    paid = low < crossing < high
    at, flag = (crossing if paid else math.nan), (math.nan if predicted is None else predicted)
    turn = math.sqrt(low * high)
    top = math.log10(most_s)
    layers += [
        Segments(x0=lifetime, x1=lifetime, y0=least_s, y1=most_s, token="caution", dash="dashed"),
        Segments(x0=flag, x1=flag, y0=least_s, y1=10.0 ** (top - 2 * LINE / decade), token="series-2", dash="dotted"),
        Points(x=at, y=crossing_at_s if paid else math.nan, size=11, token="ink"),
        *sided_labels(
            at,
            crossing_at_s if paid else math.nan,
            f"break-even\n{number(crossing)}" if paid else "",
            # Above the line that has paid first, where no other line runs.
            left=bool(paid and crossing > 40 * low),
            token="ink",
            bold=True,
            dy=-8,
            gap=2,
            baseline="bottom",
            plate=True,
        ),
        Labels(
            x=low,
            y=10.0 ** (top - 2.1 * LINE / decade),
            text="" if paid else "break-even: never" if math.isinf(crossing) else f"break-even {number(crossing)}",
            token="ink",
            bold=True,
            dx=4,
            plate=True,
        ),
        *sided_labels(
            lifetime,
            10.0 ** (top - 0.75 * LINE / decade),
            lifetime_label,
            left=lifetime > turn,
            token="caution-ink",
            plate=True,
        ),
        *sided_labels(
            flag,
            10.0 ** (math.log10(least_s) + 1.2 * LINE / decade),
            "" if predicted is None else predicted_label,
            left=False,
            token="series-2",
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(item, left, right, log=True, ticks=decade_ticks(low, high, 2)),
        y=Axis("time so far (s)", least_s, most_s, log=True, ticks=decade_ticks(least_s, most_s, 2)),
        layers=tuple(layers),
        height=HEIGHT,
    )


@instrument(volume=1, chapter=7)
def bucket_plot(
    mean_s: Array,
    *,
    here: tuple[float, float],
    here_label: str,
    eager_s: float,
    target: Limit,
    walls: Sequence[Limit],
    optimum: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Mean latency (ms) over the number of compiled lengths, 1 to len(mean_s), between target and walls.

    `here` is the current (buckets, latency in s). `target.value` is the latency limit (s); `walls` are the largest
    numbers of buckets that other limits allow, 0 if none at all, hidden where they lie beyond the axis. The window in
    which everything holds is shaded. `optimum` marks the number of least total time (NaN hides it).
    """
    ms = 1e3
    buckets = np.arange(1.0, len(mean_s) + 1)
    means, limit, eager = mean_s * ms, target.value * ms, eager_s * ms
    spot = (here[0], here[1] * ms)
    highest = max(float(means.max()), limit, spot[1])
    span = highest - min(float(means.min()), limit)
    # Close up where everything lies close to the target, else from zero.
    low = max(0.0, min(float(means.min()), limit) - 0.35 * span) if span < limit else 0.0
    high = highest + 0.75 * (highest - low)
    fits = np.flatnonzero(means <= limit * (1 + 1e-9))
    edge = min([float(len(mean_s)), *(wall.value for wall in walls)])
    first = float(buckets[fits[0]]) if len(fits) else math.inf
    open_ = first <= edge
    shaded = (first - 0.5, edge + 0.5) if open_ else (math.nan, math.nan)
    end = len(mean_s) + 1.0
    step = (high - low) * LINE / (HEIGHT - FURNITURE)
    inside = eager < high
    best = float(np.clip(optimum, 1, end)) if math.isfinite(optimum) else math.nan
    best_mean = float(np.interp(best, buckets, means)) if math.isfinite(best) else math.nan
    least = f"least total time: {plain(optimum, 3)}" if math.isfinite(best) else ""
    layers: list[Layer] = [
        Boxes(left=shaded[0], right=shaded[1], bottom=low, top=limit, token="met", alpha=0.2),
        Segments(x0=0, x1=end, y0=limit, y1=limit, token="met", dash="dashed"),
        # The target is named at the end of its line where the current design is not.
        *(
            Labels(
                x=0.25 * end if early else end,
                y=limit,
                text=target.label if (spot[0] > 0.5 * end) == early else "",
                token="met-ink",
                align="left" if early else "right",
                baseline="bottom",
                dy=-2,
                plate=True,
            )
            for early in (False, True)
        ),
        Segments(x0=0, x1=end, y0=eager if inside else math.nan, y1=eager, token="muted", width=2),
        Labels(
            x=end,
            y=eager if inside else high - 1.1 * step,
            text=f"eager {number(eager)} ms{'' if inside else ' ↑'}",
            token="muted",
            align="right",
            baseline="bottom",
            dy=-2,
            plate=True,
        ),
    ]
    for k, wall in enumerate(walls):
        seen = wall.value < len(mean_s)
        at = wall.value + 0.5 if seen else math.nan
        layers += [
            # A line ends beside its own name, below the names of the lines before it.
            Segments(x0=at, x1=at, y0=low, y1=high - (1.4 + 1.1 * k) * step, token=wall.token, dash="dashed"),
            *sided_labels(
                at,
                high - (1.9 + 1.1 * k) * step,
                wall.label if seen else "",
                left=wall.value > 0.55 * end,
                token=f"{wall.token}-ink",
                plate=True,
            ),
        ]
    layers += [
        Line(x=buckets, y=means, width=1.5),
        Points(x=buckets, y=means, size=5),
        Points(x=best, y=best_mean, size=14, token="series-2", marker="diamond", filled=False),
        Points(x=spot[0], y=spot[1], size=13, token="ink", filled=False),
        *sided_labels(
            spot[0],
            spot[1],
            here_label,
            left=spot[0] > 0.5 * end,
            token="ink",
            bold=True,
            dy=-30,
            gap=3,
            plate=True,
        ),
        # Beside its mark where the curve falls steeply, below it where the curve is flat.
        *(
            Labels(
                x=best,
                y=best_mean,
                text=least if (best < 3) == steep else "",
                token="series-2",
                dx=13 if steep else 2,
                dy=2 if steep else 25,
            )
            for steep in (True, False)
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("buckets (compiled lengths)", 0, end, ticks=tuple((float(k), f"{k}") for k in (1, 8, 16, 24, 32))),
        y=Axis("mean latency (ms)", low, high),
        layers=tuple(layers),
        height=HEIGHT,
        key=(("compiled", "data"), ("eager", "muted")),
    )


@dataclass(frozen=True)
class Chain:
    """One way to run a chain of operations: a name, and the kernels in order with their trips ("R", "W", "RW")."""

    name: str
    kernels: tuple[tuple[str, str], ...]

    @property
    def trips(self) -> int:
        """Reads and writes of the tensor."""
        return sum(len(trips) for _, trips in self.kernels)


@instrument(volume=1, chapter=7)
def trip_counter(chains: Sequence[Chain], *, chosen: int, title: str, caption: str = "") -> Plot:
    """Trips of a tensor to memory and back, one block each, grouped by kernel, one row per way to run the chain.

    `chosen` is the row of the current design, whose name is bold.
    """
    pitch = 2.3
    bases = [pitch * (len(chains) - 1 - k) for k in range(len(chains))]
    longest = max(chain.trips for chain in chains)
    blocks: dict[str, list[tuple[float, float, float]]] = {"R": [], "W": []}
    named: list[tuple[float, float, str]] = []
    for chain, base in zip(chains, bases, strict=True):
        at = 0
        for name, trips in chain.kernels:
            for k, kind in enumerate(trips):
                # A wide gap parts kernels, a slit the trips of one kernel.
                left, right = (0.1 if k == 0 else 0.015), (0.1 if k == len(trips) - 1 else 0.015)
                blocks[kind].append((at + k + left, at + k + 1 - right, base))
            at += len(trips)
            named.append((at - len(trips) / 2, base, name))
    layers: list[Layer] = [
        Boxes(
            left=[left for left, _, _ in blocks[kind]],
            right=[right for _, right, _ in blocks[kind]],
            bottom=[base for _, _, base in blocks[kind]],
            top=[base + 0.62 for _, _, base in blocks[kind]],
            token=token,
        )
        for kind, token in (("R", "data"), ("W", "series-2"))
    ]
    layers.append(
        Labels(
            x=[x for x, _, _ in named],
            y=[y - 0.08 for _, y, _ in named],
            text=[text for _, _, text in named],
            align="center",
            baseline="top",
            size="8.5pt",
            token="muted",
        )
    )
    for bold in (False, True):
        layers.append(
            Labels(
                x=0.05,
                y=[base + 1.0 for base in bases],
                text=[
                    f"{chain.name}: {chain.trips} trips{' (yours)' if bold else ''}" if (k == chosen) == bold else ""
                    for k, chain in enumerate(chains)
                ],
                token="ink",
                bold=bold,
            )
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "trips of the tensor to memory",
            -0.5,
            longest + 0.3,
            ticks=tuple((float(k), f"{k}") for k in range(0, longest + 1, 2)),
        ),
        y=Axis("", -0.6, pitch * len(chains) - 0.8, ticks=((-9.0, ""),)),
        layers=tuple(layers),
        height=240,
        key=(("read", "data"), ("write", "series-2")),
    )
