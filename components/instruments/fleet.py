"""A fleet as one machine: how often all of it is up, what interrupts it, and what a step and a run are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, log_ticks, sided_labels
from components.instruments.registry import instrument
from components.quantity import number, percent, scientific

Array = npt.NDArray[np.float64]

HOURS_PER_DAY, DAYS = 24, 7


def share(value: float) -> str:
    """A share of the time: in percent, as a power of ten where percent would read 0.0."""
    return percent(value) if value >= 5e-4 or value == 0 else scientific(value)


@instrument(volume=2, chapter=1)
def availability_curve(
    parts: Array,
    curves: Sequence[tuple[str, Array]],
    *,
    chosen: int,
    here: tuple[float, float],
    marks: tuple[Array, Array],
    predicted: tuple[float, float] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """Share of the time in which all parts are up, over their number, for several qualities of a part.

    `curves` are (name, share over `parts`), best part last; the one with index `chosen` is bold. `here` is the fleet
    in use, `marks` are fleets to compare with (counts, shares), `predicted` a point that was predicted.
    """
    low, high = float(parts[0]), float(parts[-1])
    names = [name for name, _ in curves]
    # Where each curve begins to fall; the names stand above it, one decade apart.
    knees = [float(parts[int(np.argmin(np.abs(values - 0.9)))]) for _, values in curves]
    there_x, there_y = predicted or (np.nan, np.nan)
    bold = np.arange(len(curves)) == chosen
    late = bool(np.log(here[0] / low) > 0.78 * np.log(high / low))
    layers: list[Layer] = [
        *(Line(x=parts, y=values * 100, token="series-6", width=1.5) for _, values in curves),
        Line(x=parts, y=curves[chosen][1] * 100, width=3.5),
        *(
            Labels(
                x=knees,
                y=np.full(len(names), 106.0),
                text=[name if shown else "" for name, shown in zip(names, pick, strict=True)],
                align="center",
                baseline="bottom",
                token=token,
                bold=heavy,
            )
            for pick, token, heavy in ((bold, "data", True), (~bold, "muted", False))
        ),
        Points(x=marks[0], y=marks[1] * 100, size=9, filled=False),
        Points(x=there_x, y=there_y * 100, size=12, token="series-2", marker="diamond"),
        *(
            # Near the upper edge there are names, near the lower one the axis.
            Labels(
                x=there_x,
                y=there_y * 100,
                text="predicted" if predicted is not None and (there_y > 0.5) == upper else "",
                dx=9,
                dy=12 if upper else -11,
                token="series-2",
                plate=True,
            )
            for upper in (True, False)
        ),
        Points(x=here[0], y=here[1] * 100, size=13, token="ink"),
        *(
            # There is room above a falling curve on its right, below it on its left; a flat one is clear above.
            Labels(
                x=here[0],
                y=here[1] * 100,
                text=share(here[1])
                if place == ("right" if not late else "under" if here[1] > 0.25 else "over")
                else "",
                align="left" if place == "right" else "right",
                dx=10 if place == "right" else -10,
                dy=14 if place == "under" else -12,
                token="ink",
                bold=True,
                plate=True,
            )
            for place in ("right", "under", "over")
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("parts that all have to be up", low / 1.25, high * 1.35, log=True, ticks=decade_ticks(low, high)),
        y=Axis("all up at once (% of the time)", -4, 118, ticks=tuple((float(t), f"{t}") for t in range(0, 101, 20))),
        layers=tuple(layers),
        height=320,
    )


@instrument(volume=2, chapter=1)
def failure_calendar(instants_h: Array, *, title: str, caption: str = "") -> Plot:
    """One week of a fleet, a row a day: every interruption a stroke, days without one in green.

    `instants_h` are the hours since the beginning at which something failed; those after the week are left out.
    """
    inside = np.where((instants_h >= 0) & (instants_h < HOURS_PER_DAY * DAYS), instants_h, np.nan)
    day = np.floor(inside / HOURS_PER_DAY)
    rows = np.arange(DAYS)[::-1].astype(float)
    counts = np.array([np.count_nonzero(day == k) for k in range(DAYS)])
    clean = counts == 0
    hour, row = inside - HOURS_PER_DAY * day, DAYS - 1 - day
    layers: tuple[Layer, ...] = (
        Boxes(
            left=0,
            right=np.where(clean, np.nan, HOURS_PER_DAY),
            bottom=rows - 0.34,
            top=rows + 0.34,
            token="sunken",
        ),
        Boxes(
            left=0,
            right=np.where(clean, HOURS_PER_DAY, np.nan),
            bottom=rows - 0.34,
            top=rows + 0.34,
            token="met",
            alpha=0.22,
        ),
        Segments(x0=hour, x1=hour, y0=row - 0.34, y1=row + 0.34, token="violation", width=2),
        Labels(
            x=HOURS_PER_DAY / 2,
            y=rows,
            text=np.where(clean, "clean day", ""),
            align="center",
            token="met-ink",
        ),
        Labels(
            x=HOURS_PER_DAY,
            y=rows,
            text=[f"{count:,}" for count in counts],
            dx=7,
            token="ink",
            bold=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("hour of the day", 0, 27, ticks=tuple((float(t), f"{t}") for t in range(0, 25, 6))),
        y=Axis("", -0.6, DAYS - 0.4, ticks=tuple((float(DAYS - k), f"day {k}") for k in range(1, DAYS + 1))),
        layers=layers,
        height=280,
    )


@instrument(volume=2, chapter=1)
def count_check(
    model: float, observed: float, *, model_label: str, observed_label: str, title: str, caption: str = ""
) -> Plot:
    """The number of failures that a model expects, with two standard deviations of chance, against a count."""
    spread = 2 * np.sqrt(model)
    right = 1.28 * max(model + spread, observed)
    layers: tuple[Layer, ...] = (
        Boxes(left=0, right=model, bottom=0.66, top=1.34),
        Boxes(left=0, right=observed, bottom=-0.34, top=0.34, token="series-5"),
        Boxes(left=model - spread, right=model + spread, bottom=-0.5, top=1.5, token="data", alpha=0.16),
        Segments(x0=model - spread, x1=model + spread, y0=1.0, y1=1.0, token="ink"),
        Labels(x=0, y=1, text=f"{number(model, 4)}", dx=9, token="on-fill", bold=True),
        Labels(x=0, y=0, text=f"{observed:,.0f}", dx=9, token="on-fill", bold=True),
        Labels(x=model + spread, y=1, text=f"± {number(spread, 2)}", dx=6, token="ink", plate=True),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("interruptions", 0, right),
        y=Axis("", -0.7, 1.7, ticks=((1.0, model_label), (0.0, observed_label))),
        layers=layers,
        height=170,
    )


@dataclass(frozen=True)
class StepParts:
    """One step of a synchronous fleet (s): `hidden` communication runs beside `compute`, the rest follows it."""

    compute: float
    exposed: float
    coordination: float
    hidden: float

    @property
    def total(self) -> float:
        """The step (s); what is hidden takes no time of its own."""
        return self.compute + self.exposed + self.coordination


@instrument(volume=2, chapter=1)
def step_breakdown(step: StepParts, *, limit: float, title: str, caption: str = "") -> Plot:
    """One step as two lanes of a timeline: what the GPUs do, and when their ports send.

    Computation has to reach the line at the share `limit` of the step; where it does not, exposed communication is
    red.
    """
    total = step.total
    right = 1.36 * total
    idle = step.compute < limit * total * (1 - 1e-9)
    end = step.compute + step.exposed
    sent = (step.compute - step.hidden, step.compute)

    def lane(left: float, width: float, row: float, token: str, shown: bool = True, **style: Any) -> Boxes:
        return Boxes(
            left=left,
            right=left + width if shown and width > 0 else np.nan,
            bottom=row - 0.32,
            top=row + 0.32,
            token=token,
            **style,
        )

    def inside(left: float, width: float, row: float, words: Sequence[str], token: str = "on-fill") -> Labels:
        """The longest of the words that fits a segment on the narrowest screen: 230 px of plot, 7.4 px a letter."""
        room = width / right * 230 / 7.4 if right > 0 else 0
        text = next((word for word in words if len(word) < room), "")
        return Labels(x=left + width / 2, y=row, text=text, align="center", token=token, bold=True)

    # Words stand beside the dashed line, which would cross them.
    clear = max(step.compute, limit * total) if idle else step.compute
    shares = {name: percent(getattr(step, name) / total, 0) for name in ("compute", "exposed", "coordination")}
    layers: tuple[Layer, ...] = (
        lane(0, step.compute, 1, "data"),
        lane(step.compute, step.exposed, 1, "caution", not idle),
        lane(step.compute, step.exposed, 1, "violation", idle),
        lane(end, step.coordination, 1, "series-6"),
        lane(sent[0], step.hidden, 0, "caution", alpha=0.75, hatch="/"),
        lane(step.compute, step.exposed, 0, "caution", not idle),
        lane(step.compute, step.exposed, 0, "violation", idle),
        inside(0, min(step.compute, limit * total), 1, (f"compute {shares['compute']}", shares["compute"])),
        inside(clear, end - clear, 1, (f"wait for the wire {shares['exposed']}", shares["exposed"])),
        inside(end, step.coordination, 1, (shares["coordination"],)),
        inside(clear, end - clear, 0, ("exposed",)),
        Labels(
            x=sent[0],
            y=0,
            text="hidden" if step.hidden > 0 and sent[0] > 0.22 * right else "",
            align="right",
            dx=-5,
            token="caution-ink",
            plate=True,
        ),
        Segments(x0=limit * total, x1=limit * total, y0=-0.5, y1=1.5, token="ink", dash="dashed"),
        Labels(
            x=limit * total,
            y=1.5,
            text=f"{percent(limit, 0)} of the step",
            align="center",
            baseline="bottom",
            token="ink",
            dy=-2,
        ),
        Labels(x=total, y=1, text=f"{number(total)} s", dx=6, token="ink", bold=True, plate=True),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time (s)", 0, right),
        y=Axis("", -0.6, 2.0, ticks=((1.0, "GPUs"), (0.0, "wire"))),
        layers=layers,
        height=215,
        key=(
            ("compute", "data"),
            ("exposed communication", "violation" if idle else "caution"),
            ("coordination", "series-6"),
        ),
    )


@instrument(volume=2, chapter=1)
def compute_share(
    bars: Sequence[tuple[str, float]],
    *,
    limit: float,
    predicted: tuple[int, float] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """The share of a step that is computation, a bar per design, the first one set off; below `limit` in red.

    `predicted` is (index of a bar, share) that was predicted for it.
    """
    rows = np.arange(len(bars))[::-1].astype(float)
    values = np.array([value for _, value in bars]) * 100
    low = values < limit * 100 * (1 - 1e-9)
    shown = np.array([percent(value / 100) for value in values], dtype=object)
    first = np.arange(len(bars)) == 0
    row, guess = (np.nan, np.nan) if predicted is None else (rows[predicted[0]], predicted[1] * 100)

    def bar(pick: npt.NDArray[np.bool_], token: str, alpha: float) -> Boxes:
        return Boxes(
            left=0,
            right=np.where(pick, values, np.nan),
            bottom=rows - 0.33,
            top=rows + 0.33,
            token=token,
            alpha=alpha,
        )

    layers: tuple[Layer, ...] = (
        bar(first & ~low, "data", 1.0),
        bar(first & low, "violation", 1.0),
        bar(~first & ~low, "data", 0.6),
        bar(~first & low, "violation", 0.6),
        Segments(x0=limit * 100, x1=limit * 100, y0=-0.5, y1=len(bars) - 0.4, token="ink", dash="dashed"),
        Labels(
            x=limit * 100,
            y=len(bars) - 0.4,
            text=f"half of the step: {percent(limit, 0)}",
            align="center",
            baseline="bottom",
            token="ink",
            dy=-1,
        ),
        Labels(
            x=values,
            y=rows,
            text=np.where(values > 80, "", shown),
            dx=7,
            token="ink",
            bold=True,
            plate=True,
        ),
        Labels(
            x=values,
            y=rows,
            text=np.where(values > 80, shown, ""),
            align="right",
            dx=-7,
            token="on-fill",
            bold=True,
        ),
        Points(x=guess, y=row, size=12, token="series-2", marker="diamond"),
        *sided_labels(
            guess,
            row,
            "" if predicted is None else "your prediction",
            left=guess > 55,
            gap=9,
            token="series-2",
            plate=True,
            # A prediction near the value stands under it.
            dy=14,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("computation (% of the step)", 0, 104, ticks=tuple((float(t), f"{t}") for t in range(0, 101, 25))),
        y=Axis(
            "",
            -0.7,
            len(bars) - 0.05,
            ticks=tuple((float(at), name) for at, (name, _) in zip(rows, bars, strict=True)),
        ),
        layers=layers,
        height=90 + 40 * len(bars),
    )


@dataclass(frozen=True)
class Fleet:
    """A design on a curve: a name, its GPUs and the length of its run (days)."""

    name: str
    gpus: float
    days: float


@instrument(volume=2, chapter=1)
def time_to_train(
    gpus: Array,
    ideal: Array,
    step_law: Array,
    with_failures: Array,
    *,
    here: Fleet,
    others: Sequence[Fleet] = (),
    optimum: float | None = None,
    allowed: Array | None = None,
    y_range: tuple[float, float],
    x_range: tuple[float, float],
    title: str,
    caption: str = "",
) -> Plot:
    """The length of a training run (days) over the number of GPUs, both axes logarithmic.

    Curves over `gpus`: the ideal 1/N, the step law alone, and with failures; NaN where there is none. Below the ideal
    is shaded as impossible; `allowed` is the longest run at each size that meets deadline and budget, shaded green
    down to the ideal. `optimum` is the size of the shortest run, an arrow if it lies beyond the axis. `others` are
    designs to compare with.
    """
    low, high = y_range
    left, right = x_range
    limit = np.full_like(gpus, np.nan) if allowed is None else allowed
    open_ = np.where(limit > ideal, limit, ideal)
    beyond = optimum is not None and optimum > right
    at = np.nan if optimum is None or beyond else optimum

    before = np.interp(np.log(here.gpus / 2), np.log(gpus), with_failures)
    # Where the curve has turned up, the name of the design goes above it and those of the others below.
    rising = bool(before <= here.days)

    def turned(x: float) -> bool:
        return bool(np.log(x / left) > 0.6 * np.log(right / left))

    layers: list[Layer] = [
        Band(x=gpus, low=low, high=np.clip(ideal, low, high), token="series-6", alpha=0.16),
        Band(x=gpus, low=ideal if allowed is not None else open_ * np.nan, high=open_, token="met", alpha=0.4),
        Line(x=gpus, y=limit, token="met", width=2, dash="dashed"),
        Line(x=gpus, y=ideal, token="muted", width=1.8, dash="dashed"),
        Line(x=gpus, y=step_law, token="caution", width=2),
        Line(x=gpus, y=with_failures, width=3.5),
        Segments(x0=at, x1=at, y0=low, y1=high, token="violation", dash="dotted"),
        *sided_labels(
            at,
            high * 0.92,
            "" if optimum is None or beyond else f"longer beyond {number(optimum, 3)}",
            left=True,
            gap=5,
            token="violation-ink",
            baseline="top",
            plate=True,
        ),
        Labels(
            x=right,
            y=high * 0.92,
            text=f"shortest at {number(optimum, 3)} →" if beyond else "",
            align="right",
            baseline="top",
            dx=-4,
            token="violation-ink",
            plate=True,
        ),
        Labels(
            x=left,
            y=low,
            text="impossible: faster than 1/N",
            dx=8,
            dy=-6,
            baseline="bottom",
            token="muted",
        ),
        Points(
            x=[other.gpus for other in others] or np.nan,
            y=[other.days for other in others] or np.nan,
            token="ink",
            size=10,
            filled=False,
        ),
        *(
            Labels(
                x=[other.gpus for other in others] or np.nan,
                y=[other.days for other in others] or np.nan,
                text=[other.name if rising == under else "" for other in others] or "",
                align="right",
                baseline="top" if under else "bottom",
                dx=9,
                dy=8 if under else -8,
                token="ink",
                plate=True,
            )
            for under in (False, True)
        ),
        Points(x=here.gpus, y=here.days, size=13, token="ink"),
        *(
            # Above a falling curve there is room on its right; near the right edge, below it on its left.
            Labels(
                x=here.gpus,
                y=here.days,
                text=here.name if place == (("over" if rising else "under") if turned(here.gpus) else "right") else "",
                align="left" if place == "right" else "right",
                baseline="top" if place == "under" else "bottom",
                dx=8 if place == "right" else -8,
                dy=8 if place == "under" else -10,
                token="ink",
                bold=True,
                plate=True,
            )
            for place in ("right", "under", "over")
        ),
    ]
    named = [n for n in (8, 64, 512, 4096, 32768) if left <= n <= right]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("GPUs", left / 1.15, right * 1.15, log=True, ticks=tuple((float(n), f"{n:,}") for n in named)),
        y=Axis("length of the run (days)", low, high, log=True, ticks=log_ticks(low, high)),
        layers=tuple(layers),
        height=360,
        key=(
            ("ideal 1/N", "muted"),
            ("step law only", "caution"),
            ("with failures", "data"),
            ("on time and in budget", "met"),
        ),
    )
