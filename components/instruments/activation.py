"""What an activation function costs: its silicon and its two clocks, the tier that hides it, the slope that remains."""

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
from components.quantity import number, plain, scientific

LANES, MEMORY = "series-3", "data"
#: The comparator's two panels, in shares of its width: silicon to scale, then the time axis.
SILICON, TIME = 0.2, 0.27
#: The time axis (s) is the same for every setting, so that bars of two settings can be compared.
FASTEST, SLOWEST = 1e-8, 1e-1
#: A bar that ends right of this share of the time axis has its value inside.
INSIDE = 0.52


@dataclass(frozen=True)
class FunctionCost:
    """An activation function: transistors of its unit, and what lanes and memory take for one pass (s)."""

    name: str
    transistors: float
    lane_s: float
    memory_s: float


@instrument(volume=1, chapter=5)
def activation_comparator(functions: Sequence[FunctionCost], *, title: str, caption: str = "") -> Plot:
    """Functions one under another: the silicon of one unit drawn to scale, and the two clocks of a pass on a log axis.

    The clock that sets the time of the pass is outlined and written bold.
    """
    rows = np.arange(len(functions))[::-1].astype(float)

    def place(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        share = np.log(np.clip(seconds, FASTEST, SLOWEST) / FASTEST) / math.log(SLOWEST / FASTEST)
        return TIME + (1 - TIME) * share

    transistors = np.array([function.transistors for function in functions], dtype=float)
    side = np.sqrt(transistors / transistors.max())
    roomy = side > 0.6
    written = [f"{plain(count)}" for count in transistors]
    layers: list[Layer] = [
        Boxes(
            left=SILICON / 2 * (1 - side * 0.86),
            right=SILICON / 2 * (1 + side * 0.86),
            bottom=rows - 0.36 * side,
            top=rows + 0.36 * side,
            token="series-6",
        ),
        Labels(
            x=SILICON / 2,
            y=rows,
            text=np.where(roomy, written, ""),
            align="center",
            token="on-fill",
            bold=True,
        ),
        Labels(
            x=SILICON / 2 * (1 + side),
            y=rows,
            text=np.where(roomy, "", written),
            token="ink",
            bold=True,
            dx=4,
        ),
    ]
    lanes = np.array([function.lane_s for function in functions])
    memory = np.array([function.memory_s for function in functions])
    for seconds, token, middle, binds in (
        (lanes, LANES, rows + 0.18, lanes > memory),
        (memory, MEMORY, rows - 0.18, memory >= lanes),
    ):
        ends = place(seconds)
        late = (ends - TIME) / (1 - TIME) > INSIDE
        text = np.array([f"{number(value * 1e6)} µs" for value in seconds], dtype=object)
        low, high = middle - 0.15, middle + 0.15
        outlined = np.where(binds, ends, np.nan)
        layers += [
            Boxes(left=TIME, bottom=low, right=ends, top=high, token=token),
            Boxes(left=TIME, bottom=low, right=outlined, top=high, token=token, alpha=0.0, outline="ink"),
        ]
        layers += [
            Labels(
                x=ends,
                y=middle,
                text=np.where((late == inside) & (binds == bold), text, ""),
                token="on-fill" if inside else "ink",
                align="right" if inside else "left",
                dx=-6 if inside else 6,
                bold=bold,
            )
            for inside in (False, True)
            for bold in (False, True)
        ]
    top = len(functions) - 0.5
    layers.append(Labels(x=0, y=top, text="transistors", token="muted", baseline="bottom", dy=-3))
    ticks = tuple(
        (float(place(np.array(10.0**decade))), plain(10.0 ** (decade + 6)))
        for decade in range(round(math.log10(FASTEST)), round(math.log10(SLOWEST)) + 1, 2)
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("area to scale, then time (µs, log)", -0.02, 1.02, ticks=ticks),
        y=Axis(
            "",
            -0.5,
            top + 0.22,
            ticks=tuple((float(row), function.name) for row, function in zip(rows, functions, strict=True)),
        ),
        layers=tuple(layers),
        height=100 + 78 * len(functions),
        key=(("lanes", LANES), ("memory", MEMORY)),
    )


def fold(ratio: float) -> str:
    """A ratio with three digits; no change is 1.0."""
    return "1.0" if abs(ratio - 1) < 5e-4 else f"{ratio:.3g}"


@dataclass(frozen=True)
class TierStep:
    """A device with two tiers: ratio of two passes while the values fit on chip, and when they do not."""

    name: str
    capacity_bytes: float
    on_chip: float
    off_chip: float


@instrument(volume=1, chapter=5)
def ratio_over_working_set(
    here: TierStep,
    other: TierStep,
    *,
    working_set_bytes: float,
    ratio: float,
    references: Sequence[Limit],
    predicted: float | None,
    title: str,
    low_bytes: float = 1e5,
    high_bytes: float = 1e10,
    caption: str = "",
) -> Plot:
    """Ratio of two passes over their working set: a step down where the values leave the chip.

    `here` is the device in use, `other` one to compare with, drawn thin. `references` are ratios of other quantities
    (silicon, cycles), highest first; the first is named above its line, others below. `predicted` flags the student's
    prediction of the ratio.
    """
    low, high = 0.8, 90.0
    mb = 1e-6
    layers: list[Layer] = []
    for k, reference in enumerate(references):
        layers += [
            Segments(
                x0=low_bytes * mb,
                x1=high_bytes * mb,
                y0=reference.value,
                y1=reference.value,
                token=reference.token,
                dash="dashed",
                width=1.5,
            ),
            Labels(
                x=high_bytes * mb,
                y=reference.value,
                text=f"{reference.label} {plain(reference.value)}×",
                token="muted",
                align="right",
                baseline="top" if k else "bottom",
                dx=-3,
                dy=2 if k else -1,
            ),
        ]
    for step, token, width in ((other, "series-6", 1.8), (here, "data", 4)):
        edge = step.capacity_bytes * mb
        layers.append(
            Line(
                x=np.array([low_bytes * mb, edge, edge, high_bytes * mb]),
                y=np.array([step.on_chip, step.on_chip, step.off_chip, step.off_chip]),
                token=token,
                width=width,
            )
        )
    claim = math.nan if predicted is None else predicted
    left, right = low_bytes * mb, high_bytes * mb
    layers.append(Segments(x0=left, x1=right, y0=claim, y1=claim, token="series-2", dash="dotted", width=2.5))
    small = min(here.capacity_bytes, other.capacity_bytes)
    for step, token, bold in ((other, "muted", False), (here, "data", True)):
        layers += sided_labels(
            step.capacity_bytes * mb,
            math.sqrt(step.on_chip * step.off_chip),
            f"{step.name}\n{number(step.capacity_bytes * mb)} MB",
            # The smaller memory has its name on the left of its step, the larger one on the right.
            left=step.capacity_bytes == small,
            gap=6,
            token=token,
            bold=bold,
            plate=True,
        )
    x = working_set_bytes * mb
    layers += [
        Labels(
            x=low_bytes * mb,
            y=claim,
            text="" if predicted is None else "your prediction",
            token="series-2",
            bold=True,
            baseline="bottom",
            dx=4,
            dy=-3,
            plate=True,
        ),
        Points(x=x, y=ratio, size=13, token="ink"),
        *sided_labels(
            x,
            ratio,
            f"{fold(ratio)}×",
            left=working_set_bytes > 0.02 * high_bytes,
            gap=10,
            token="ink",
            bold=True,
            baseline="bottom",
            dy=-4,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "working set of the pass (MB)",
            low_bytes * mb,
            high_bytes * mb,
            log=True,
            ticks=tuple((10.0**k, plain(10.0**k)) for k in range(-1, 5)),
        ),
        y=Axis(
            "time, sigmoid over ReLU", low, high, log=True, ticks=tuple((v, f"{v}×") for v in (1, 2, 5, 10, 20, 50))
        ),
        layers=tuple(layers),
        height=340,
    )


@instrument(volume=1, chapter=5)
def gradient_bound_curve(
    depth: npt.NDArray[np.float64],
    bounds: Sequence[tuple[str, npt.NDArray[np.float64]]],
    *,
    here: float,
    threshold: Limit,
    title: str,
    caption: str = "",
) -> Plot:
    """Largest share of the gradient that passes a stack of layers, one line per activation function, log scale.

    `bounds` pairs a name (of one function, or of several with the same bound) with its share at each of `depth`.
    `here` is the depth in use, `threshold` a share below which hardly anything arrives.
    """
    low, high = 3e-15, 1e3
    tokens = ("violation", "data", "series-3")
    span = (float(depth[0]), float(depth[-1]))
    layers: list[Layer] = [
        Segments(x0=0, x1=span[1], y0=threshold.value, y1=threshold.value, token=threshold.token, dash="dashed"),
        Segments(x0=here, x1=here, y0=low, y1=high, token="series-6", dash="dotted", width=1.5),
    ]
    ends = [values[-1] for _, values in bounds]
    at = [float(np.interp(here, depth, np.log10(values))) for _, values in bounds]
    for (_, values), token in zip(bounds, tokens, strict=False):
        layers.append(Line(x=depth, y=values, token=token, width=3))
    places = spread([math.log10(end) for end in ends], 0.9, math.log10(low) + 0.6, math.log10(high) - 0.4)
    for (name, _), token, place in zip(bounds, tokens, places, strict=False):
        layers.append(
            Labels(
                x=span[1],
                y=10.0**place,
                text=name,
                token=f"{token}-ink" if token == "violation" else token,
                bold=True,
                dx=10,
            )
        )
    for value, token in zip(at, tokens, strict=False):
        layers.append(Points(x=here, y=10.0**value, size=10, token=token))
    layers.append(
        Labels(
            x=span[1],
            y=threshold.value,
            text=threshold.label,
            token="muted",
            align="right",
            baseline="bottom",
            dy=-2,
            plate=True,
        )
    )
    # The steepest curve is the one to read: its value stands below left of the mark, where no curve runs, and above all
    # curves where there is no room on the left.
    steep = int(np.argmin(at))
    layers += [
        Labels(
            x=here,
            y=10.0 ** (at[steep] if on_left else max(at)),
            text=scientific(10.0 ** at[steep]) if on_left == (here > 0.3 * span[1]) else "",
            token="violation-ink",
            bold=True,
            align="right" if on_left else "left",
            baseline="top" if on_left else "bottom",
            dx=-8 if on_left else 9,
            dy=3 if on_left else -5,
            plate=True,
        )
        for on_left in (False, True)
    ]
    powers = {0: "1", -3: "10⁻³", -6: "10⁻⁶", -9: "10⁻⁹", -12: "10⁻¹²"}
    return Plot(
        title=title,
        caption=caption,
        x=Axis("layers", 0, span[1] * 1.5, ticks=tuple((float(k), str(k)) for k in (1, 5, 10, 15, 20))),
        y=Axis(
            "share of the gradient, at most",
            low,
            high,
            log=True,
            ticks=tuple((10.0**power, text) for power, text in powers.items()),
        ),
        layers=tuple(layers),
        height=280,
    )
