"""Scaling curves: what a training step takes, and what share of the hardware it uses, over the number of GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.quantity import number

#: A label turns to the left of its mark right of this share of the axis.
TURN = 0.62


@dataclass(frozen=True)
class Series:
    """One curve over the GPU counts of the plot: name, values (NaN where there is none), colour token and stroke."""

    name: str
    values: npt.NDArray[Any]
    token: str
    width: float = 2.5
    dash: str = "solid"


@dataclass(frozen=True)
class Reference:
    """A measured run to compare with: its GPUs and its value."""

    gpus: float
    value: float


def _count(gpus: float) -> str:
    """A GPU count as an axis writes it: 512, 1k, 16k."""
    return f"{gpus / 1024:g}k" if gpus >= 1024 and gpus % 1024 == 0 else f"{gpus:g}"


def _gpu_axis(gpus: npt.NDArray[Any]) -> Axis:
    low, high = float(gpus[0]), float(gpus[-1])
    return Axis("GPUs", low / 1.12, high * 1.12, log=True, ticks=tuple((float(n), _count(float(n))) for n in gpus))


def _turns(at: float, axis: Axis) -> bool:
    return bool(np.log(at / axis.low) > TURN * np.log(axis.high / axis.low)) if at > 0 else False


def _beside(x: float, y: float, text: str, token: str, axis: Axis, above: bool = True) -> tuple[Layer, ...]:
    """A label at a mark, on the side where there is room."""
    return sided_labels(
        x,
        y,
        text,
        left=_turns(x, axis),
        gap=7,
        token=token,
        bold=True,
        dy=-6 if above else 6,
        baseline="bottom" if above else "top",
        plate=True,
    )


@instrument(volume=2, chapter=5)
def step_time_scaling(
    gpus: npt.NDArray[Any],
    series: Sequence[Series],
    *,
    here: tuple[float, float],
    predicted: tuple[float, float] | None = None,
    balance_gpus: float | None = None,
    title: str,
    caption: str = "",
    low: float = 0.5,
    high: float = 500.0,
) -> Plot:
    """Step time and its parts (s) over the number of GPUs, both axes logarithmic.

    `here` is the current number of GPUs and its step, `predicted` the point that the student's prediction claims.
    `balance_gpus` draws the line at which communication takes as long as compute.
    """
    axis = _gpu_axis(gpus)
    here_x, here_y = here
    there_x, there_y = predicted or (np.nan, np.nan)
    balance = np.nan if balance_gpus is None or not axis.low < balance_gpus < axis.high else balance_gpus
    layers: list[Layer] = [
        Segments(x0=balance, x1=balance, y0=low, y1=high, token="caution", dash="dotted"),
        *sided_labels(
            balance,
            high * 0.9,
            f"balance: {balance:,.0f} GPUs" if np.isfinite(balance) else "",
            left=_turns(balance, axis),
            gap=5,
            token="caution-ink",
            baseline="top",
        ),
    ]
    layers += [
        Line(
            x=gpus,
            y=np.where(line.values >= low / 10, line.values, np.nan),
            token=line.token,
            width=line.width,
            dash=line.dash,
        )
        for line in series
    ]
    layers += [
        Points(x=there_x, y=there_y, size=11, token="series-2", marker="diamond", filled=False),
        *_beside(there_x, there_y, "your prediction" if predicted else "", "series-2", axis, above=False),
        Points(x=here_x, y=here_y, size=11, token="ink"),
        *_beside(here_x, here_y, f"{number(here_y)} s", "ink", axis),
    ]
    decades = [m * 10.0**e for e in range(-2, 4) for m in (1, 2, 5)]
    return Plot(
        title=title,
        caption=caption,
        x=axis,
        y=Axis(
            "time per step (s)", low, high, log=True, ticks=tuple((t, f"{t:g}") for t in decades if low <= t <= high)
        ),
        layers=tuple(layers),
        height=340,
        key=tuple((line.name, line.token) for line in series if np.nanmax(line.values, initial=0.0) >= low),
    )


@instrument(volume=2, chapter=5)
def mfu_scaling(
    gpus: npt.NDArray[Any],
    active: Series,
    other: Series,
    *,
    here: tuple[float, float],
    ceiling: float,
    references: Sequence[Reference],
    reference_label: str,
    title: str,
    caption: str = "",
    high: float = 0.6,
) -> Plot:
    """Model FLOP/s utilization over the number of GPUs for two ways to train, the active one bold.

    `ceiling` is the share of the peak that the kernels reach alone; `references` are measured runs, which the key
    above the plot names.
    """
    axis = _gpu_axis(gpus)
    dots = np.array([dot.gpus for dot in references]), np.array([dot.value for dot in references])
    layers: list[Layer] = [
        Segments(x0=axis.low, x1=axis.high, y0=ceiling, y1=ceiling, token="violation", dash="dashed"),
        Labels(
            x=axis.low,
            y=ceiling,
            text=f"kernels alone: {ceiling:.2f}",
            token="violation-ink",
            dx=6,
            dy=-3,
            baseline="bottom",
        ),
        Line(x=gpus, y=other.values, token="series-6", width=1.8),
        Line(x=gpus, y=active.values, token="data", width=3.5),
        Points(x=dots[0], y=dots[1], size=9, token="series-4", filled=False),
    ]
    for line, token, bold in ((other, "series-6", False), (active, "data", True)):
        last = int(np.flatnonzero(np.isfinite(line.values))[-1])
        layers.append(
            Labels(
                x=float(gpus[last]),
                y=float(line.values[last]),
                text=line.name,
                token=token,
                bold=bold,
                align="right",
                baseline="top",
                dx=-6,
                dy=6,
                plate=True,
            )
        )
    layers += [
        Points(x=here[0], y=here[1], size=11, token="ink"),
        *_beside(here[0], here[1], f"{here[1]:.3f}", "ink", axis),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=axis,
        y=Axis("MFU (fraction)", 0, high),
        layers=tuple(layers),
        height=300,
        key=((reference_label, "series-4"),),
    )
