"""Battery life: over average power, as a budget of power, and over the period of a duty-cycled device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.quantity import quantity, setting

NAN = float("nan")

#: Ends and named positions of the lifetime line: hours and watts, decades apart.
LIFE_H = (1e-3, 1e7)
POWER_W = (1e-5, 1e3)
_YEAR_H = 8760.0
_LIFE_TICKS = (
    (1 / 60, "1 min"),
    (1.0, "1 h"),
    (24.0, "1 d"),
    (720.0, "30 d"),
    (_YEAR_H, "1 y"),
    (10 * _YEAR_H, "10 y"),
    (100 * _YEAR_H, "100 y"),
)
_POWER_TICKS = ((1e-5, "10 µW"), (1e-3, "1 mW"), (0.1, "100 mW"), (10.0, "10 W"), (1e3, "1 kW"))
_POWERS_OF_TEN = tuple((10.0**k, f"{10**k:,}") for k in range(5))


@dataclass(frozen=True)
class Load:
    """A load on a battery: its name, its average power (W), how long the battery feeds it (s), and that as text."""

    name: str
    power_w: float
    life_s: float
    text: str = ""

    @property
    def life_h(self) -> float:
        """Life in hours, the unit of the drawing."""
        return self.life_s / 3600


@instrument(volume=1, chapter=0)
def lifetime_line(
    cursor: Load,
    rated: Sequence[Load],
    *,
    energy_j: float,
    target_s: float,
    target_text: str,
    predicted: Load | None,
    title: str,
    caption: str = "",
) -> Plot:
    """Battery life over average power on logarithmic axes: a straight line, because life is energy over power.

    `energy_j` is what the battery delivers; `cursor` marks the power that the student has set, `rated` are named
    dots on the line, `predicted` is the life that the student claimed for a power. Above `target_s` the life is
    long enough.
    """
    powers = np.array(POWER_W)
    target_h = target_s / 3600
    claimed = predicted if predicted is not None else Load("", NAN, NAN)
    asked_h = energy_j / claimed.power_w / 3600
    layers: list[Layer] = [
        Boxes(left=POWER_W[0], right=POWER_W[1], bottom=target_h, top=LIFE_H[1], token="met", alpha=0.13),
        Segments(x0=POWER_W[0], x1=POWER_W[1], y0=target_h, y1=target_h, token="met", dash="dashed"),
        Labels(x=POWER_W[1], y=target_h, text=target_text, token="met-ink", align="right", baseline="top", dx=-4, dy=4),
        Labels(
            x=POWER_W[1],
            y=np.sqrt(target_h * LIFE_H[1]),
            text="mission possible",
            token="met-ink",
            align="right",
            bold=True,
            dx=-4,
        ),
        Segments(x0=cursor.power_w, x1=cursor.power_w, y0=LIFE_H[0], y1=LIFE_H[1], token="ink", dash="dotted", width=1),
        Line(x=powers, y=energy_j / powers / 3600),
        # What was claimed, and how far it is from the line at the same power.
        Segments(x0=claimed.power_w, x1=claimed.power_w, y0=asked_h, y1=claimed.life_h, token="series-2", width=3),
        Points(x=[load.power_w for load in rated], y=[load.life_h for load in rated], token="series-6", size=8),
        Labels(
            x=[load.power_w for load in rated],
            y=[load.life_h for load in rated],
            text=[f"{load.name} {load.text}" for load in rated],
            token="muted",
            align="right",
            dx=-10,
            dy=9,
            plate=True,
        ),
        Points(x=cursor.power_w, y=cursor.life_h, size=12),
        Points(x=claimed.power_w, y=claimed.life_h, token="series-2", size=15, filled=False),
        Labels(
            x=claimed.power_w,
            y=claimed.life_h,
            text="your\nprediction" if predicted is not None else "",
            token="series-2",
            dx=12,
            dy=-4,
            baseline="bottom",
            bold=True,
            plate=True,
        ),
        *sided_labels(
            cursor.power_w,
            LIFE_H[1],
            cursor.text,
            left=cursor.power_w > 10,
            gap=5,
            token="ink",
            bold=True,
            baseline="top",
            dy=3,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("average power", *POWER_W, log=True, ticks=_POWER_TICKS),
        y=Axis("battery life", *LIFE_H, log=True, ticks=_LIFE_TICKS),
        layers=tuple(layers),
        height=370,
    )


@instrument(volume=1, chapter=0)
def power_budget_bars(
    parts: Mapping[str, float],
    *,
    budget_w: float,
    budget_text: str,
    title: str,
    total: str = "sum",
    low_w: float = 1e-6,
    high_w: float = 100.0,
    caption: str = "",
) -> Plot:
    """Horizontal bars of average power (W), one per part and one for their sum, against a budget.

    The axis is logarithmic, so the bars stand apart: parts do not stack there. The sum is green within the budget
    and red beyond it. The values stand in a column at `high_w`, which leaves them room at 390 px.
    """
    names = [*parts, total]
    values = np.array([*parts.values(), sum(parts.values())])
    rows = np.arange(len(names))[::-1].astype(float)
    within = values[-1] <= budget_w * (1 + 1e-9)
    ends = np.clip(values, low_w, high_w)
    top = len(names) - 0.45

    def bars(pick: slice, token: str, shown: bool = True) -> Boxes:
        right = ends[pick] if shown else np.full_like(ends[pick], NAN)
        return Boxes(left=low_w, right=right, bottom=rows[pick] - 0.3, top=rows[pick] + 0.3, token=token)

    layers: tuple[Layer, ...] = (
        bars(slice(0, -1), "data"),
        bars(slice(-1, None), "met", within),
        bars(slice(-1, None), "violation", not within),
        Segments(x0=budget_w, x1=budget_w, y0=-0.5, y1=top, token="ink", dash="dashed"),
        Labels(x=budget_w, y=top, text=budget_text, token="ink", align="center", baseline="bottom", dy=-2),
        Labels(
            x=high_w,
            y=rows,
            text=[quantity(value, "W") for value in values],
            token="ink",
            align="right",
            bold=True,
            dx=-3,
            plate=True,
        ),
    )
    ticks = tuple((10.0**k, setting(10.0**k, "W")) for k in range(-6, 3, 2))
    return Plot(
        title=title,
        caption=caption,
        x=Axis("average power", low_w, high_w, log=True, ticks=ticks),
        y=Axis("", -0.6, len(names) - 0.05, ticks=tuple(zip(map(float, rows), names, strict=True))),
        layers=layers,
        height=85 + 42 * len(names),
    )


@instrument(volume=1, chapter=0)
def period_panel(
    period_s: npt.NDArray[Any],
    values: npt.NDArray[Any],
    *,
    y: Axis,
    limit: float,
    limit_text: str,
    here: tuple[float, float],
    here_text: str,
    window_s: tuple[float, float] | None,
    window_text: str,
    predicted_s: float | None,
    asymptote: float | None = None,
    asymptote_text: str = "",
    title: str,
    height: int = 260,
    caption: str = "",
) -> Plot:
    """A quantity of a periodic device over its period, with its limit and the periods that hold all limits shaded.

    Panels of several quantities stand above one another: over the same `period_s` they share the horizontal axis.
    `y` is a logarithmic axis, `here` the design (period, value), `window_s` the feasible periods (None when there
    are none; `window_text` says either), `asymptote` what the curve tends to and never reaches.
    """
    low, high = float(period_s[0]), float(period_s[-1])
    right_half = here[0] > 10 ** ((2 * np.log10(high) + np.log10(low)) / 3)
    flag = NAN if predicted_s is None else predicted_s
    flag_right = flag > np.sqrt(low * high)
    window = (NAN, NAN) if window_s is None else window_s
    layers: list[Layer] = [
        Boxes(left=window[0], right=window[1], bottom=y.low, top=y.high, token="met", alpha=0.2),
        Segments(x0=low, x1=high, y0=limit, y1=limit, token="violation", dash="dashed"),
        Labels(x=low, y=limit, text=limit_text, token="violation-ink", baseline="bottom", dx=4, dy=-2),
        Segments(x0=low, x1=high, y0=asymptote or NAN, y1=asymptote or NAN, token="series-6", dash="dotted"),
        Labels(x=low, y=asymptote or NAN, text=asymptote_text, token="muted", baseline="bottom", dx=4, dy=-2),
        Line(x=period_s, y=values),
        Segments(x0=flag, x1=flag, y0=y.low, y1=y.high, token="series-2", dash="dotted"),
        *sided_labels(
            flag,
            # On the left, the top is where an asymptote has its name; the lowest row is that of the window.
            y.low * (y.high / y.low) ** (0.16 if asymptote is not None and not flag_right else 0.95),
            "your prediction" if predicted_s is not None else "",
            left=flag_right,
            gap=5,
            token="series-2",
            bold=True,
            plate=True,
        ),
        Labels(
            x=window[1],
            y=y.low,
            text=window_text if window_s is not None else "",
            token="met-ink",
            bold=True,
            baseline="bottom",
            dx=5,
            dy=-4,
            plate=True,
        ),
        Labels(
            x=high,
            y=y.low,
            text=window_text if window_s is None else "",
            token="violation-ink",
            bold=True,
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-4,
        ),
        Points(x=here[0], y=here[1], size=11),
        *(
            Labels(
                x=here[0],
                y=here[1],
                text=here_text if shown else "",
                token="ink",
                bold=True,
                align=align,
                baseline=baseline,
                dx=dx,
                dy=dy,
                plate=True,
            )
            for align, baseline, dx, dy, shown in (
                ("left", "top", 6, 6, not right_half),
                ("right", "bottom", -6, -6, right_half),
            )
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("check period (s)", low, high, log=True, ticks=_POWERS_OF_TEN[:4]),
        y=y,
        layers=tuple(layers),
        height=height,
    )


def decades(label: str, low: float, high: float) -> Axis:
    """A logarithmic axis with its powers of ten from 1 to 10,000 written out.

    Panels above one another line up, because their largest power of ten is the same.
    """
    return Axis(label, low, high, log=True, ticks=tuple(tick for tick in _POWERS_OF_TEN if low < tick[0] < high))
