"""Benchmarks: what a faster stage does for the path, and what the conditions of a measurement do to its result.

The boundary of the clock, the state of the machine, the regime of the workload and the number of repetitions each
have a picture of their own; the interval plot shows what comes of them together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, log_ticks, sided_labels
from components.instruments.registry import instrument
from components.quantity import number, plain

NAN = float("nan")


def _ratio(value: float) -> str:
    """A speedup as a label: 1.80 ×."""
    return f"{value:.2f} ×"


def _late(value: float, low: float, high: float, share: float = 0.55) -> bool:
    """Whether a value lies in the right part of a logarithmic axis, so that its label turns to the left."""
    return value > 0 and math.log(value / low) > share * math.log(high / low)


@instrument(volume=1, chapter=12)
def speedup_curve(
    part_speedup: npt.NDArray[Any],
    path_speedup: npt.NDArray[Any],
    *,
    ceiling: float,
    here: tuple[float, float],
    predicted: tuple[float, float] | None,
    title: str,
    caption: str = "",
    part: str = "stage",
) -> Plot:
    """Speedup of the path over the speedup of one part of it, under the ceiling that the rest sets.

    `here` is the current part and path speedup, `predicted` the point that the student claimed (None where nothing
    was claimed); a claim above the axis stands at its upper edge with an arrow.
    """
    low, high = float(part_speedup[0]), float(part_speedup[-1])
    top = 1 + 1.45 * (ceiling - 1)
    claimed_x, claimed_y = predicted or (NAN, NAN)
    above = claimed_y > top
    rising = np.geomspace(low, min(top, high), 30)
    layers: list[Layer] = [
        Boxes(left=low, right=high, bottom=ceiling, top=top, token="violation", alpha=0.12),
        Line(x=rising, y=rising, token="series-6", width=2, dash="dashed"),
        Segments(x0=low, x1=high, y0=ceiling, y1=ceiling, token="violation", dash="dashed"),
        Labels(
            x=high,
            y=ceiling,
            text=f"ceiling {_ratio(ceiling)}",
            token="violation-ink",
            bold=True,
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-3,
        ),
        Line(x=part_speedup, y=path_speedup, token="data", width=3),
        Points(x=here[0], y=here[1], size=11, token="ink"),
        *sided_labels(
            here[0],
            here[1],
            _ratio(here[1]),
            left=_late(here[0], low, high, 0.7),
            gap=7,
            token="ink",
            bold=True,
            baseline="top",
            dy=6,
            plate=True,
        ),
        Points(
            x=claimed_x, y=top - 0.03 * (top - 1) if above else claimed_y, size=12, token="series-2", marker="diamond"
        ),
        *sided_labels(
            claimed_x,
            top - 0.03 * (top - 1) if above else claimed_y,
            "" if predicted is None else f"you: {_ratio(claimed_y)}{' ↑' if above else ''}",
            left=False,
            gap=9,
            token="series-2",
            bold=True,
            baseline="top",
            dy=-6,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"speedup of the {part} (×)", low, high, log=True, ticks=log_ticks(low, high)),
        y=Axis("speedup of the path (×)", 1, top),
        layers=tuple(layers),
        height=310,
        key=(("the path", "data"), (f"the {part} alone", "series-6")),
    )


@dataclass(frozen=True)
class Step:
    """A next investment: its name (a line break is allowed) and what it would gain (a ratio)."""

    name: str
    gain: float


@instrument(volume=1, chapter=12)
def next_steps(steps: Sequence[Step], *, title: str, caption: str = "") -> Plot:
    """Extra speedup of the path by each of some next investments, as bars from 1; the best is drawn strong."""
    gains = np.array([step.gain for step in steps])
    rows = np.arange(len(steps))[::-1].astype(float)
    best = gains >= gains.max() * (1 - 1e-9)
    right = 1 + 1.55 * (float(gains.max()) - 1)

    def bars(which: npt.NDArray[np.bool_], token: str) -> Boxes:
        return Boxes(left=1, right=np.where(which, gains, NAN), bottom=rows - 0.3, top=rows + 0.3, token=token)

    def words(which: npt.NDArray[np.bool_], bold: bool) -> Labels:
        return Labels(
            x=gains,
            y=rows,
            text=[f"{gain:.3f} ×" if yes else "" for gain, yes in zip(gains, which, strict=True)],
            token="ink" if bold else "muted",
            bold=bold,
            dx=6,
        )

    return Plot(
        title=title,
        caption=caption,
        x=Axis("extra speedup of the path (×)", 1, right),
        y=Axis(
            "",
            -0.55,
            len(steps) - 0.45,
            ticks=tuple((float(y), step.name) for y, step in zip(rows, steps, strict=True)),
        ),
        layers=(bars(best, "data"), bars(~best, "series-6"), words(best, True), words(~best, False)),
        height=76 + 46 * len(steps),
    )


@dataclass(frozen=True)
class Claim:
    """What a benchmark says of a candidate: measured value, relative half-width of its interval, and the truth.

    NaN as `measured` stands for a benchmark that did not run.
    """

    name: str
    measured: float
    half_width: float
    truth: float


#: Pixels of a row of the interval plot: interval, a label above it, a label and a flag below.
CLAIM_ROW = 104


@instrument(volume=1, chapter=12)
def claim_intervals(
    claims: Sequence[Claim],
    *,
    predicted: tuple[int, float] | None,
    quantity: str,
    low: float,
    high: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Measured values with their intervals, and where production puts them, one row per candidate, on a log axis.

    The dotted line between a measured value and the diamond of production is the bias, which no repetition shrinks.
    `predicted` is the index of a claim and what the student said of its truth.
    """
    rows = np.arange(len(claims))[::-1].astype(float)
    measured = np.array([claim.measured for claim in claims])
    truth = np.array([claim.truth for claim in claims])
    half = np.array([claim.half_width for claim in claims])
    ends = np.clip(np.stack([measured * (1 - half), measured * (1 + half)]), low, high)
    runs = np.isfinite(measured)
    flag, flag_row = (NAN, 0.0) if predicted is None else (predicted[1], float(rows[predicted[0]]))
    bottom, top = -0.62, len(claims) - 0.34

    def sided(at: npt.NDArray[np.float64], text: Sequence[str], **style: Any) -> tuple[Labels, Labels]:
        left = [_late(x, low, high, 0.53) for x in at]
        return sided_labels(at, rows, list(text), left=left, gap=-4, **style)

    layers: list[Layer] = [
        # Every second row on a ground of its own.
        Boxes(left=low, right=high, bottom=rows[::2] - 0.55, top=rows[::2] + 0.47, token="sunken"),
        Segments(x0=1, x1=1, y0=bottom, y1=top, token="series-6", dash="dashed", width=1.5),
        Segments(
            x0=np.where(runs, truth, NAN), x1=measured, y0=rows, y1=rows, token="caution", dash="dotted", width=2.5
        ),
        Segments(x0=ends[0], x1=ends[1], y0=rows, y1=rows, token="data", width=4),
        *(Segments(x0=end, x1=end, y0=rows - 0.1, y1=rows + 0.1, token="data", width=3) for end in ends),
        Labels(x=1, y=top, text="today", token="muted", baseline="top", dx=5, dy=3),
        Points(x=measured, y=rows, size=11, token="data"),
        Points(x=truth, y=rows, size=14, token="met", marker="diamond"),
        *sided(
            np.where(runs, measured, truth),
            [
                f"measured {_ratio(claim.measured)}" if yes else "no measurement"
                for claim, yes in zip(claims, runs, strict=True)
            ],
            token="data",
            bold=True,
            baseline="bottom",
            dy=-11,
        ),
        *sided(
            truth,
            [f"production {_ratio(claim.truth)}" for claim in claims],
            token="met-ink",
            bold=True,
            baseline="top",
            dy=10,
        ),
        Segments(x0=flag, x1=flag, y0=flag_row - 0.42, y1=flag_row + 0.2, token="series-2", width=2.5, dash="dotted"),
        *sided_labels(
            flag,
            flag_row - 0.42,
            "" if predicted is None else f"you: {_ratio(flag)}",
            left=_late(flag, low, high),
            gap=4,
            token="series-2",
            bold=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(quantity, low, high, log=True, ticks=log_ticks(low, high)),
        y=Axis("", bottom, top, ticks=tuple((float(y), claim.name) for y, claim in zip(rows, claims, strict=True))),
        layers=tuple(layers),
        height=round(58 + CLAIM_ROW * (top - bottom)),
    )


@dataclass(frozen=True)
class StateCurve:
    """Rate over steady rate of a machine while time passes, and the mean that the measured part gives.

    An empty name hides it, for a machine that behaves as another one does.
    """

    name: str
    rate: npt.NDArray[Any]
    mean: float
    token: str


@instrument(volume=1, chapter=12)
def state_trace(
    time_s: npt.NDArray[Any],
    curves: Sequence[StateCurve],
    *,
    discard_s: float,
    window_s: float,
    windows: int,
    slot_s: float,
    title: str,
    caption: str = "",
    low: float = 0.4,
    high: float = 2.1,
) -> Plot:
    """Rate over steady rate during a session: the discarded warm-up grey, the measured windows tinted.

    The dotted level over the windows is the mean that a machine's run reports. `slot_s` ends the time there is.
    """
    end = float(time_s[-1])
    measured_end = discard_s + window_s * windows
    starts = discard_s + window_s * np.arange(windows)
    hidden = discard_s <= 0
    slot = slot_s if slot_s < end else NAN
    words = f"{windows} windows of {plain(window_s)} s"
    # Where no curve is: below one that falls to its steady rate, above one that rises.
    free = low if float(curves[0].rate[0]) > 1 else high - 0.16
    layers: list[Layer] = [
        Boxes(
            left=NAN if hidden else 0, right=discard_s, bottom=low, top=high, token="series-6", alpha=0.28, hatch="/"
        ),
        Boxes(left=starts, right=starts + 0.92 * window_s, bottom=low, top=high, token="data", alpha=0.16),
        Segments(x0=0, x1=end, y0=1, y1=1, token="met", dash="dashed"),
        Labels(
            x=end,
            y=1,
            text="steady",
            token="met-ink",
            align="right",
            baseline="top",
            dx=-4,
            dy=4,
            bold=True,
            plate=True,
        ),
        Segments(x0=slot, x1=slot, y0=low, y1=high, token="violation", dash="dashed"),
        *sided_labels(
            slot,
            low,
            "" if math.isnan(slot) else f"slot ends: {slot_s:,.0f} s",
            left=slot > 0.55 * end,
            gap=4,
            token="violation-ink",
            baseline="bottom",
            dy=-4,
            bold=True,
            plate=True,
        ),
    ]
    for curve in curves:
        layers.append(Line(x=time_s, y=curve.rate if curve.name else np.full(len(time_s), NAN), token=curve.token))
    for curve in curves:
        shown = bool(curve.name)
        level = curve.mean if shown else NAN
        layers += [
            Segments(x0=discard_s, x1=measured_end, y0=level, y1=level, token=curve.token, dash="dotted", width=4),
            Labels(x=0, y=float(curve.rate[0]), text=curve.name, token=curve.token, bold=True, dx=9, dy=-9, plate=True),
        ]
    first = curves[0]
    layers += [
        *sided_labels(
            measured_end,
            first.mean,
            f"{first.name}: mean {first.mean:.3f}",
            left=measured_end > 0.55 * end,
            gap=6,
            token=first.token,
            bold=True,
            baseline="bottom",
            dy=-5,
            plate=True,
        ),
        *sided_labels(
            discard_s,
            free if slot_s >= end or free > 1 else low + 0.16,
            words,
            left=discard_s > 0.5 * end,
            gap=4,
            token="muted",
            baseline="bottom",
            dy=-4,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time since power-on (s)", 0, end, ticks=_time_ticks(end)),
        y=Axis("rate over steady rate", low, high),
        layers=tuple(layers),
        height=300,
    )


def _time_ticks(end: float) -> tuple[tuple[float, str], ...]:
    """Round times, five or so."""
    step = next(step for step in (100, 120, 300, 600, 900, 1200, 1800, 2400, 3600) if end / step <= 6.2)
    return tuple((float(at), f"{at:,}") for at in range(0, int(end) + 1, step))


@dataclass(frozen=True)
class ClockedRun:
    """One item on one machine: its name, the time outside the accelerated stage and the time in it (s)."""

    name: str
    outside_s: float
    inside_s: float


#: Colours of the two parts of an item.
OUTSIDE, INSIDE = "series-3", "data"


@instrument(volume=1, chapter=12)
def clock_boundary(
    runs: Sequence[ClockedRun],
    *,
    boundary: Literal["kernel", "end_to_end"],
    parts: tuple[str, str],
    title: str,
    caption: str = "",
) -> Plot:
    """One item on several machines, with a bracket over what the clock contains and the ratio to the first row.

    With the boundary "kernel" the clock stands around the accelerated stage, and what lies outside is drawn pale.
    `parts` are the names of what lies outside and inside.
    """
    rows = np.arange(len(runs))[::-1].astype(float)
    outside = np.array([run.outside_s for run in runs]) * 1e3
    inside = np.array([run.inside_s for run in runs]) * 1e3
    whole = boundary == "end_to_end"
    totals = outside + inside
    clocked = totals if whole else inside
    starts = np.zeros(len(runs)) if whole else outside
    right = 1.6 * float(totals.max())
    bracket = rows + 0.38
    layers: list[Layer] = [
        Boxes(
            left=0,
            right=outside if whole else np.full(len(runs), NAN),
            bottom=rows - 0.26,
            top=rows + 0.26,
            token=OUTSIDE,
        ),
        Boxes(
            left=0,
            right=np.full(len(runs), NAN) if whole else outside,
            bottom=rows - 0.26,
            top=rows + 0.26,
            token=OUTSIDE,
            alpha=0.25,
            hatch="/",
        ),
        Boxes(left=outside, right=totals, bottom=rows - 0.26, top=rows + 0.26, token=INSIDE),
        Segments(x0=starts, x1=totals, y0=bracket, y1=bracket, token="ink", width=2),
        Segments(x0=starts, x1=starts, y0=bracket - 0.09, y1=bracket + 0.09, token="ink", width=2),
        Segments(x0=totals, x1=totals, y0=bracket - 0.09, y1=bracket + 0.09, token="ink", width=2),
        Labels(
            x=totals,
            y=rows,
            text=[
                f"{number(ms)} ms" if k == 0 else f"{number(ms)} ms: {_ratio(clocked[0] / ms)}"
                for k, ms in enumerate(clocked)
            ],
            token="ink",
            bold=True,
            dx=7,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time (ms)", 0, right),
        y=Axis("", -0.5, len(runs) - 0.4, ticks=tuple((float(y), run.name) for y, run in zip(rows, runs, strict=True))),
        layers=tuple(layers),
        height=74 + 44 * len(runs),
        key=((parts[0], OUTSIDE), (parts[1], INSIDE)),
    )


@dataclass(frozen=True)
class MachineRoofs:
    """The two roofs of a machine, how they are drawn, and what is written at the end of the flat one and at the slope.

    `above` puts both texts above their lines, for machines whose lines run close together.
    """

    name: str
    peak_flop_s: float
    bandwidth_bytes_s: float
    flat_text: str
    slope_text: str
    token: str
    width: float = 2.5
    dash: str = "solid"
    above: bool = True


@dataclass(frozen=True)
class Regime:
    """A workload on several rooflines: name (a line break is allowed), intensity (FLOP/B), rates (FLOP/s), colour.

    `rates` are what each machine attains at the intensity, in the order of the machines.
    """

    name: str
    intensity: float
    rates: Sequence[float]
    token: str


@instrument(volume=1, chapter=12)
def roofs_compared(
    machines: Sequence[MachineRoofs],
    regimes: Sequence[Regime],
    *,
    intensities: tuple[float, float],
    rates: tuple[float, float],
    title: str,
    caption: str = "",
) -> Plot:
    """Rooflines of several machines, and a dot on each of them at the intensity of each workload.

    Where two dots of a workload lie apart, that workload tells the two machines apart; where they coincide, it does
    not. The axes run over `intensities` (FLOP/B) and `rates` (FLOP/s).
    """
    scale = 1e-12
    (low, high), (bottom, top) = intensities, (rates[0] * scale, rates[1] * scale)
    layers: list[Layer] = []
    for machine in machines:
        x = np.array([low, machine.peak_flop_s / machine.bandwidth_bytes_s, high])
        y = np.minimum(machine.peak_flop_s, x * machine.bandwidth_bytes_s) * scale
        layers.append(Line(x=x, y=y, token=machine.token, width=machine.width, dash=machine.dash))
    for k, regime in enumerate(regimes):
        reached = np.asarray(regime.rates, dtype=float) * scale
        layers += [
            Segments(
                x0=regime.intensity,
                x1=regime.intensity,
                y0=bottom,
                y1=float(reached.max()),
                token=regime.token,
                dash="dotted",
            ),
            *sided_labels(
                regime.intensity,
                bottom * (top / bottom) ** (0.07 + 0.15 * k),
                regime.name,
                left=_late(regime.intensity, low, high, 0.5),
                gap=5,
                token=regime.token,
                bold=True,
                plate=True,
            ),
            *(
                Points(x=regime.intensity, y=rate, size=10, token=machine.token)
                for machine, rate in zip(machines, reached, strict=True)
            ),
        ]
    mark = low * (high / low) ** 0.24
    for machine in machines:
        layers += [
            Labels(
                x=high,
                y=machine.peak_flop_s * scale,
                text=machine.flat_text,
                token=machine.token,
                bold=True,
                align="right",
                dx=-4,
                baseline="bottom" if machine.above else "top",
                dy=-5 if machine.above else 6,
                plate=True,
            ),
            Labels(
                x=mark,
                y=mark * machine.bandwidth_bytes_s * scale,
                text=machine.slope_text,
                token=machine.token,
                bold=True,
                align="right" if machine.above else "left",
                baseline="bottom" if machine.above else "top",
                dx=-4 if machine.above else 4,
                dy=-5 if machine.above else 7,
                plate=True,
            ),
        ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("arithmetic intensity (FLOP/B)", low, high, log=True, ticks=decade_ticks(low, high)),
        y=Axis("attainable rate (TFLOP/s)", bottom, top, log=True, ticks=decade_ticks(bottom, top)),
        layers=tuple(layers),
        height=360,
        key=tuple((machine.name, machine.token) for machine in machines),
    )
