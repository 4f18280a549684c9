"""The roofline: what a machine lets a kernel attain, what share of it that is, and what another machine would give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, sided_labels, spread
from components.instruments.registry import instrument
from components.quantity import number, percent, plain, quantity

Array = npt.NDArray[np.float64]

#: Colours of the two sides of a ridge.
MEMORY, COMPUTE = "data", "series-5"

HEIGHT = 430
#: What the axis and its labels take of the height, and one line of text, in pixels.
FURNITURE, LINE = 76, 16
#: Decades to the right of the intensities, where roofs are named, and above the rates, where dots are.
NAMES, HEADROOM = 1.5, 0.6


@dataclass(frozen=True)
class Roof:
    """A machine: name, peak arithmetic rate (FLOP/s), memory bandwidth (B/s). NaN hides it."""

    name: str
    peak: float
    bandwidth: float

    @property
    def ridge(self) -> float:
        """Intensity at which slope and roof meet (FLOP/B)."""
        return self.peak / self.bandwidth

    def at(self, intensity: float) -> float:
        """Where the roof stands at an intensity (FLOP/s)."""
        return min(self.peak, self.bandwidth * intensity)


@dataclass(frozen=True)
class Kernel:
    """A dot under the roof: name, intensity (FLOP/B), rate (FLOP/s). NaN hides it.

    `origin` is the intensity that it had before; a ring stands there, and a trail along the roof leads from it.
    """

    name: str
    intensity: float
    rate: float
    token: str = "muted"
    size: float = 8
    marker: str = "circle"
    bold: bool = False
    origin: float = math.nan


def _trail(roof: Roof, start: float, end: float) -> tuple[list[float], list[float]]:
    """The way along a roof from one intensity to another, around the ridge."""
    if math.isnan(start) or math.isnan(end):
        return [math.nan] * 3, [math.nan] * 3
    x = [start, min(max(roof.ridge, min(start, end)), max(start, end)), end]
    return x, [roof.at(one) for one in x]


def _places(roof: Roof, kernels: Sequence[Kernel], low: float, high: float, pitch: float) -> list[tuple[float, float]]:
    """Where the names of the dots stand (log10): right of the slope and below, or above the roof, apart."""
    dots = [(math.log10(k.intensity), math.log10(k.rate)) if k.name and k.rate > 0 else None for k in kernels]
    slope, top = math.log10(roof.bandwidth), math.log10(roof.peak)
    waiting = [i for i, dot in enumerate(dots) if dot and kernels[i].intensity < roof.ridge]
    busy = [i for i, dot in enumerate(dots) if dot and kernels[i].intensity >= roof.ridge]
    places = [(math.nan, math.nan)] * len(dots)
    # The uppermost name stays at its dot, the others give way downwards, where nothing else is drawn.
    wanted = [-(dots[i] or (0, 0))[1] + 0.12 for i in waiting]
    for i, y in zip(waiting, -spread(wanted, pitch, -high, -low), strict=True):
        x, _ = dots[i] or (0.0, 0.0)
        places[i] = (max(x, y - slope + 0.1) + 0.22, float(y))
    # Above the roof the leftmost dot has the highest name, so that no leader crosses one.
    rows = sorted(busy, key=lambda i: -kernels[i].intensity)
    for row, i in enumerate(rows):
        places[i] = ((dots[i] or (0, 0))[0] + 0.12, min(top + (row + 0.9) * pitch, high))
    return places


@instrument(volume=1, chapter=11)
def roofline(
    roof: Roof,
    kernels: Sequence[Kernel],
    *,
    title: str,
    caption: str = "",
    stock: Roof | None = None,
    references: Sequence[Roof] = (),
    ridge_note: str = "",
    predicted: tuple[float, float] | None = None,
    prediction: str = "your prediction",
    intensities: tuple[float, float] = (1e-2, 1e4),
    rates: tuple[float, float] = (1e9, 1e16),
    unit: tuple[str, float] = ("TFLOP/s", 1e12),
    key: Sequence[tuple[str, str]] = (),
) -> Plot:
    """Attainable arithmetic rate over arithmetic intensity, both logarithmic, with kernels as dots.

    The region under `roof` is tinted on either side of its ridge. `stock` is the same machine before a change, in
    grey; `references` are further machines, thin and named at their right ends. `ridge_note` stands under the value
    of the ridge. `predicted` is a point (FLOP/B, FLOP/s) that the student claims, named by `prediction` unless it lies
    on the roof. Axes run over `intensities` (FLOP/B) and `rates` (FLOP/s); `unit` is the unit of the rates and its
    size. `key` adds to the key of the two sides.
    """
    name, size = unit
    (left, right), (low, high) = intensities, (rates[0] / size, rates[1] / size)
    end, top = right * 10**NAMES, high * 10**HEADROOM
    pitch = LINE * math.log10(top / low) / (HEIGHT - FURNITURE)
    here = Roof(roof.name, roof.peak / size, roof.bandwidth / size)
    scaled = [Kernel(k.name, k.intensity, k.rate / size, k.token, k.size, k.marker, k.bold, k.origin) for k in kernels]
    ridge = here.ridge
    note = f"ridge {plain(ridge, 3)} FLOP/B" + (f"\n{ridge_note}" if ridge_note else "")
    # At the bottom stands the ridge, above it the names of dots.
    rows = 1 + note.count("\n")
    places = _places(here, scaled, math.log10(low) + (rows + 0.9) * pitch, math.log10(top) - pitch / 2, pitch)

    def outline(one: Roof | None) -> tuple[list[float], list[float]]:
        if one is None or math.isnan(one.peak):
            return [math.nan] * 3, [math.nan] * 3
        x = [left, one.ridge, right]
        return x, [one.at(at) / size for at in x]

    memory, compute = np.array([left, ridge]), np.array([ridge, right])
    layers: list[Layer] = [
        Band(x=memory, low=low, high=here.bandwidth * memory, token=MEMORY, alpha=0.13),
        Band(x=compute, low=low, high=np.full(2, here.peak), token=COMPUTE, alpha=0.16),
        Segments(x0=ridge, x1=ridge, y0=low, y1=here.peak, token="muted", dash="dashed", width=1.5),
    ]
    ends = [math.log10(one.peak / size) if one.peak > 0 else math.nan for one in references]
    named = iter(spread([at for at in ends if not math.isnan(at)], pitch, math.log10(low), math.log10(top)))
    for one, at in zip(references, ends, strict=True):
        x, y = outline(one)
        hidden = math.isnan(at)
        layers += [
            Line(x=x, y=y, token="series-6", width=1.2),
            Labels(
                x=right,
                y=math.nan if hidden else 10 ** next(named),
                text="" if hidden else one.name,
                token="muted",
                dx=5,
            ),
        ]
    x, y = outline(stock)
    layers.append(Line(x=x, y=y, token="series-6", width=3.5, alpha=0.6))
    x, y = outline(roof)
    layers.append(Line(x=x, y=y, token="ink", width=3))
    for kernel in scaled:
        x, y = _trail(here, kernel.origin, kernel.intensity)
        layers.append(Line(x=x, y=y, token=kernel.token, width=8, alpha=0.4))
    flag = (math.nan, math.nan) if predicted is None else (predicted[0], predicted[1] / size)
    on_roof = flag[0] < 0.9 * ridge and flag[1] < 1.5 * here.at(flag[0])
    origins = [kernel.origin for kernel in scaled]
    layers += [
        Points(
            x=origins,
            y=[math.nan if math.isnan(at) else here.at(at) for at in origins],
            size=10,
            token="muted",
            filled=False,
        ),
        # Names are joined to their dots, which often stand closer together than lines of text.
        Segments(
            x0=[kernel.intensity for kernel in scaled],
            y0=[kernel.rate for kernel in scaled],
            x1=[10 ** (at - 0.04) for at, _ in places],
            y1=[10**at for _, at in places],
            token="muted",
            width=1,
        ),
    ]
    layers += [
        Points(x=kernel.intensity, y=kernel.rate, size=kernel.size, marker=kernel.marker, token=kernel.token)
        for kernel in scaled
    ]
    for bold in (False, True):
        layers.append(
            Labels(
                x=[10**at for at, _ in places],
                y=[10**at for _, at in places],
                text=[kernel.name if kernel.bold == bold and kernel.rate > 0 else "" for kernel in scaled],
                token="ink",
                bold=bold,
                plate=True,
            )
        )
    layers += [
        Points(x=flag[0], y=flag[1], size=17, token="series-2", marker="diamond", filled=False),
        # On the roof a name above would cross the line; near the ridge it stands above the names of dots.
        Labels(
            x=flag[0],
            y=flag[1],
            text="yours" if predicted is not None and on_roof else "",
            token="series-2",
            align="right",
            baseline="bottom",
            dx=-9,
            dy=-3,
        ),
        Labels(
            x=flag[0],
            y=flag[1] * 10 ** ((1.75 if flag[0] > ridge / 10 else 0.6) * pitch),
            text=prediction if predicted is not None and not on_roof else "",
            token="series-2",
            align="center",
            baseline="bottom",
        ),
        *sided_labels(
            ridge,
            low * 10 ** (0.2 * pitch),
            note,
            left=math.log10(ridge / left) > 0.55 * math.log10(right / left),
            token="ink",
            baseline="bottom",
            size="9pt",
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("arithmetic intensity (FLOP/B)", left, end, log=True, ticks=decade_ticks(left, right)),
        y=Axis(f"attainable rate ({name})", low, top, log=True, ticks=decade_ticks(low, high)),
        layers=tuple(layers),
        height=HEIGHT,
        key=(
            (f"memory-bound: {quantity(roof.bandwidth, 'B/s')} × intensity", MEMORY),
            (f"compute-bound: {plain(here.peak, 4)} {name}", COMPUTE),
            *key,
        ),
    )


@dataclass(frozen=True)
class Gauge:
    """A share of something: its name on the axis, its value (fraction; None: no reading), colour, and what it counts.

    `limit` is drawn across the track and named by `limit_label`; `limit_token` is its role. NaN hides it.
    """

    name: str
    value: float | None
    token: str = "data"
    note: str = ""
    limit: float = math.nan
    limit_label: str = ""
    limit_token: str = "muted"


@instrument(volume=1, chapter=11)
def utilization_gauges(
    gauges: Sequence[Gauge],
    *,
    title: str,
    caption: str = "",
    mark: float = 0.01,
    predicted: float | None = None,
    prediction: str = "your prediction",
) -> Plot:
    """Horizontal gauges from 0 to 100 %, one per kind of utilization, the first on top.

    `mark` is a tick across every track that keeps small shares readable. `predicted` (fraction) is the student's claim
    about the last gauge. A gauge's note stands under its track, its limit's name at its right end.
    """
    rows = np.arange(len(gauges))[::-1].astype(float)
    values = np.array([math.nan if gauge.value is None else 100 * gauge.value for gauge in gauges])
    half = 0.21
    flag = math.nan if predicted is None else 100 * predicted
    layers: list[Layer] = [
        Boxes(left=0, right=100, bottom=rows - half, top=rows + half, token="sunken"),
        *(
            Boxes(left=0, right=value, bottom=row - half, top=row + half, token=gauge.token)
            for gauge, value, row in zip(gauges, values, rows, strict=True)
        ),
        Boxes(left=0, right=100, bottom=rows - half, top=rows + half, alpha=0, outline="line"),
        Segments(x0=100 * mark, x1=100 * mark, y0=rows - half, y1=rows + half + 0.1, token="muted", width=1.2),
        Labels(
            x=100 * mark,
            y=float(rows[0]) + half + 0.1,
            text=percent(mark, 0),
            token="muted",
            size="9pt",
            baseline="bottom",
            align="left",
            dx=-3,
        ),
        Labels(
            x=100,
            y=rows,
            text=[
                "–" if gauge.value is None else f"{number(value)} %"
                for gauge, value in zip(gauges, values, strict=True)
            ],
            token="ink",
            bold=True,
            dx=7,
        ),
        Labels(
            x=0, y=rows - half - 0.03, text=[gauge.note for gauge in gauges], token="muted", size="9pt", baseline="top"
        ),
    ]
    for gauge, row in zip(gauges, rows, strict=True):
        at = 100 * gauge.limit
        seen = not math.isnan(at)
        ink = f"{gauge.limit_token}-ink" if gauge.limit_token in ("met", "violation", "caution") else "ink"
        layers += [
            Segments(x0=at, x1=at, y0=row - half - 0.07, y1=row + half + 0.07, token=gauge.limit_token, dash="dashed"),
            *sided_labels(
                at,
                row + half + 0.03,
                gauge.limit_label if seen else "",
                left=seen and at > 55,
                gap=4,
                token=ink,
                size="9pt",
                baseline="bottom",
            ),
        ]
    layers += [
        Points(x=flag, y=float(rows[-1]), size=15, token="series-2", marker="diamond", filled=False),
        *sided_labels(
            flag,
            float(rows[-1]) - half - 0.03,
            "" if predicted is None else prediction,
            left=predicted is not None and flag > 40,
            gap=0,
            token="series-2",
            size="9pt",
            baseline="top",
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("share (%)", 0, 134, ticks=tuple((float(at), str(at)) for at in (0, 25, 50, 75, 100))),
        y=Axis(
            "",
            -0.62,
            len(gauges) - 0.38,
            ticks=tuple((float(row), gauge.name) for row, gauge in zip(rows, gauges, strict=True)),
        ),
        layers=tuple(layers),
        height=72 + 64 * len(gauges),
    )


@instrument(volume=1, chapter=11)
def upgrade_bars(
    names: Sequence[str],
    speedups: Array,
    compute_bound: npt.NDArray[np.bool_],
    *,
    selected: int,
    title: str,
    caption: str = "",
    high: float = 4.0,
) -> Plot:
    """Speed-up of each kernel on a changed machine over the stock one, the `selected` kernel bold.

    Colours tell which roof holds each kernel on the changed machine, `high` is the largest speed-up that can occur.
    """
    rows = np.arange(len(names))[::-1].astype(float)
    chosen = np.arange(len(names)) == selected
    layers: list[Layer] = []
    for side, token in ((~compute_bound, MEMORY), (compute_bound, COMPUTE)):
        ends = np.where(side, speedups, np.nan)
        layers.append(Boxes(left=0, right=ends, bottom=rows - 0.32, top=rows + 0.32, token=token))
    layers += [
        Boxes(
            left=0,
            right=np.where(chosen, speedups, np.nan),
            bottom=rows - 0.36,
            top=rows + 0.36,
            alpha=0,
            outline="ink",
        ),
        Segments(x0=1, x1=1, y0=-0.6, y1=len(names) - 0.4, token="muted", dash="dashed"),
        Labels(x=1, y=len(names) - 0.4, text="stock", token="muted", size="9pt", baseline="bottom", align="center"),
    ]
    for bold in (False, True):
        layers.append(
            Labels(
                x=speedups,
                y=rows,
                text=[f"{value:.2f}×" if one == bold else "" for value, one in zip(speedups, chosen, strict=True)],
                token="ink",
                bold=bold,
                dx=6,
                plate=True,
            )
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "speed-up over the stock machine (×)", 0, 1.45 * high, ticks=tuple((float(k), f"{k}") for k in range(5))
        ),
        y=Axis(
            "",
            -0.6,
            len(names) + 0.15,
            ticks=tuple((float(row), name) for row, name in zip(rows, names, strict=True)),
        ),
        layers=tuple(layers),
        height=76 + 28 * len(names),
        key=(("memory-bound", MEMORY), ("compute-bound", COMPUTE)),
    )


@instrument(volume=1, chapter=11)
def mfu_against_batch(
    batches: Array,
    mfu: Array,
    start: Array,
    *,
    here: tuple[float, float],
    ceiling: float,
    most_in_memory: float,
    ticks: Sequence[float],
    target: float = math.nan,
    title: str,
    caption: str = "",
    high: float = 0.7,
) -> Plot:
    """MFU (fraction) over the batch (logarithmic) under the ceiling that no batch exceeds.

    `start` is the curve of the design at the start, grey. `here` is the current batch and its MFU. Batches above
    `most_in_memory` do not fit and are hatched. `target` is a line to reach (NaN: none).
    """
    left, right = float(batches[0]) / 1.12, float(batches[-1]) * 1.12
    top = 100 * high
    at, share = here[0], 100 * here[1]
    edge = min(max(most_in_memory, left), right)
    full = edge >= float(batches[-1]) * (1 - 1e-9)
    turn = math.log(at / left) > 0.55 * math.log(right / left)
    layers: list[Layer] = [
        Boxes(
            left=math.nan if full else edge, right=right, bottom=0, top=top, token="violation", alpha=0.16, hatch="/"
        ),
        Labels(
            x=right,
            y=0.97 * top,
            text="" if full else "out of\nmemory",
            token="violation-ink",
            bold=True,
            align="right",
            baseline="top",
            dx=-5,
            plate=True,
        ),
        Line(x=batches, y=100 * start, token="series-6", width=2, dash="dashed"),
        Line(x=batches, y=100 * mfu, token="data", width=3.2),
        Segments(x0=at, x1=at, y0=0, y1=top, token="ink", dash="dotted", width=1.5),
        Segments(x0=left, x1=right, y0=100 * target, y1=100 * target, token="met", dash="dashed"),
        Labels(
            x=right,
            y=100 * target,
            text="" if math.isnan(target) else f"target {percent(target, 0)}",
            token="met-ink",
            align="right",
            baseline="top",
            dx=-5,
            dy=3,
            plate=True,
        ),
        Segments(x0=left, x1=right, y0=100 * ceiling, y1=100 * ceiling, token="caution", dash="dashed"),
        Labels(
            x=left,
            y=100 * ceiling,
            text=f"ceiling {number(100 * ceiling)} %, any batch",
            token="caution-ink",
            baseline="bottom",
            bold=True,
            dx=5,
            dy=-3,
            plate=True,
        ),
        Points(x=at, y=share, size=12, token="ink"),
        *sided_labels(
            at,
            # Above the ceiling's line, and clear of its name.
            max(share, 100 * ceiling if 100 * ceiling - share < 0.09 * top else 0) + 0.09 * top,
            f"{number(share)} %",
            left=turn,
            gap=8,
            token="ink",
            bold=True,
            baseline="bottom",
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("batch (streams)", left, right, log=True, ticks=tuple((float(b), plain(b)) for b in ticks)),
        y=Axis("MFU (%)", 0, top),
        layers=tuple(layers),
        height=300,
        key=(("your design", "data"), ("at the start", "series-6")),
    )
