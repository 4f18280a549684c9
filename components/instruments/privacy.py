"""Differential privacy: what noise hides and costs, how a budget is spent, what an attacker can still learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, sided_labels
from components.instruments.registry import instrument
from components.quantity import count, number, percent, plain
from components.theme import SERIES

Array = npt.NDArray[np.float64]

#: Colour of each of the two numbers of a privacy promise, the same wherever both are drawn.
EPSILON_TOKEN, DELTA_TOKEN = "series-4", "data"


def _flag(x: Any, y: Any, text: str, *, left: bool, size: float = 13) -> tuple[Layer, ...]:
    """The student's prediction: a diamond with its name on one side; NaN hides it."""
    return (
        Points(x=x, y=y, size=size, token="series-2", marker="diamond"),
        *sided_labels(x, y, text, left=left, gap=10, token="series-2", bold=True, plate=True),
    )


def _clipped(value: float, low: float, high: float) -> tuple[float, str]:
    """A value inside the ends of an axis, and an arrow if it lies beyond one."""
    return min(max(value, low), high), " ↑" if value > high else " ↓" if value < low else ""


@instrument(volume=2, chapter=13)
def neighbouring_outputs(
    answer: Array,
    here: Array,
    neighbour: Array,
    *,
    shift: float,
    sigma: float,
    breach: float,
    useful: float,
    unit: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Answers that two neighbouring datasets would publish: two bells, `shift` apart, and where they tell them apart.

    `answer` is the published answer minus the true one (in `unit`), `here` and `neighbour` its densities with the
    record as it is and as different as it may be. Beyond `breach` from either centre the odds between the two exceed
    e^epsilon. Answers within `useful` of the truth are good enough.
    """
    low, high = float(answer[0]), float(answer[-1])
    peak = float(max(here.max(), neighbour.max()))
    inside = min(useful, high), -min(useful, -low)
    beyond = useful > high
    at_sigma = np.exp(-0.5)
    # One named position on either side: more would touch each other on a phone.
    decade = 10.0 ** np.floor(np.log10(0.85 * high))
    step = float(decade * max(m for m in (1, 2, 5) if m * decade <= 0.85 * high))
    layers: tuple[Layer, ...] = (
        Boxes(left=inside[1], right=inside[0], bottom=0, top=1.42, token="met", alpha=0.13),
        Boxes(left=[low, breach], right=[shift - breach, high], bottom=0, top=1.42, token="violation", alpha=0.17),
        Band(x=answer, low=0, high=neighbour / peak, token="series-5", alpha=0.28),
        Band(x=answer, low=0, high=here / peak, token="data", alpha=0.28),
        Line(x=answer, y=neighbour / peak, token="series-5", width=2.5),
        Line(x=answer, y=here / peak, token="data", width=2.5),
        Segments(x0=[0, shift], x1=[0, shift], y0=0, y1=1.06, token="muted", width=1, dash="dotted"),
        Labels(
            x=shift / 2,
            y=1.06,
            text=f"{plain(shift, 3)} {unit} apart",
            token="ink",
            align="center",
            baseline="bottom",
            dy=-1,
            plate=True,
        ),
        Segments(x0=-sigma, x1=0, y0=at_sigma, y1=at_sigma, token="ink", width=2),
        Labels(
            x=-sigma,
            y=at_sigma,
            text=f"σ {number(sigma)}",
            token="ink",
            align="right",
            dx=-5,
            bold=True,
            plate=True,
        ),
        Labels(
            x=0,
            y=1.4,
            text=f"useful: ± {useful:,.0f} {unit}" + (", beyond both edges" if beyond else ""),
            token="met-ink",
            align="center",
            baseline="top",
            dy=2,
            plate=True,
        ),
        Labels(
            x=[(low + shift - breach) / 2, (breach + high) / 2],
            y=0.66,
            text=["odds beyond the bound"] * 2,
            token="ink",
            align="center",
            angle=90,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            f"published answer minus the true one ({unit})",
            low,
            high,
            ticks=tuple((at, f"{at:,.10g}".replace("-", "−")) for at in (-step, 0.0, step)),
        ),
        y=Axis("likelihood (peak = 1)", 0, 1.42, ticks=((0.0, "0"), (0.5, "0.5"), (1.0, "1"))),
        layers=layers,
        height=310,
        key=(("with the record as it is", "data"), ("with the record changed", "series-5")),
    )


@dataclass(frozen=True)
class Dial:
    """Noise (in the plot's unit) over how many times stricter one number of the promise gets; `here` is in use."""

    stricter: Array
    noise: Array
    here: float


@instrument(volume=2, chapter=13)
def noise_dials(
    epsilon: Dial,
    delta: Dial,
    exact: Array,
    *,
    noise: float,
    limit: float,
    asked: tuple[float, float],
    asked_label: str,
    real: float,
    predicted: float | None = None,
    unit: str,
    title: str,
    caption: str = "",
    y_range: tuple[float, float] = (1.0, 1e9),
) -> Plot:
    """What a stricter promise costs, both dials on one scale: noise over how many times stricter each of them is set.

    `exact` is the exact calibration over `delta.stricter`. `noise` is the one in use, `limit` the noise beyond which
    answers are useless. `asked` is the point of the question (times stricter, noise), named `asked_label`; `predicted`
    is the noise that was predicted there. From `real` on the epsilon line only continues its course.
    """
    left, right = float(delta.stricter[0]), float(delta.stricter[-1])
    continued = epsilon.stricter > real
    layers: tuple[Layer, ...] = (
        Boxes(left=left, right=right, bottom=y_range[0], top=limit, token="met", alpha=0.1),
        Segments(x0=left, x1=right, y0=limit, y1=limit, token="met", dash="dashed"),
        Labels(
            x=left,
            y=limit,
            text=f"{limit:,.0f} {unit}",
            token="met-ink",
            baseline="bottom",
            dx=4,
            dy=-2,
        ),
        Segments(x0=asked[0], x1=asked[0], y0=y_range[0], y1=y_range[1], token="line", width=1.5, dash="dotted"),
        Line(
            x=epsilon.stricter,
            y=np.where(continued, np.nan, epsilon.noise),
            token=EPSILON_TOKEN,
            width=3.5,
        ),
        Line(
            x=epsilon.stricter,
            y=np.where(continued, epsilon.noise, np.nan),
            token=EPSILON_TOKEN,
            width=1.5,
            dash="dashed",
        ),
        Line(x=delta.stricter, y=exact, token=DELTA_TOKEN, width=1.5, dash="dotted"),
        Line(x=delta.stricter, y=delta.noise, token=DELTA_TOKEN, width=3.5),
        Labels(
            x=1e3,
            y=float(np.interp(3, np.log10(epsilon.stricter), epsilon.noise)),
            text="stricter ε",
            token=EPSILON_TOKEN,
            align="right",
            bold=True,
            dx=-9,
            dy=-8,
        ),
        Labels(
            x=left,
            y=float(exact[0]),
            text="stricter δ",
            token=DELTA_TOKEN,
            baseline="top",
            bold=True,
            dx=4,
            dy=5,
        ),
        Segments(
            x0=min(epsilon.here, delta.here),
            x1=max(epsilon.here, delta.here),
            y0=noise,
            y1=noise,
            token="ink",
            width=1.5,
            dash="dotted",
        ),
        Points(x=delta.here, y=noise, size=11, token="ink"),
        Points(x=epsilon.here, y=noise, size=15, token="ink", filled=False),
        Points(x=asked[0], y=asked[1], size=15, token="met-ink", filled=False),
        Labels(
            x=asked[0],
            y=asked[1],
            text=asked_label,
            token="met-ink",
            align="right",
            baseline="top",
            bold=True,
            dx=-4,
            dy=8,
            plate=True,
        ),
        *_flag(
            asked[0],
            np.nan if predicted is None else predicted,
            "" if predicted is None else "your prediction",
            left=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "times stricter (ε from 1, δ from 10⁻⁵)", left, right * 1.6, log=True, ticks=decade_ticks(left, right, 2)
        ),
        y=Axis(f"noise σ ({unit})", *y_range, log=True, ticks=decade_ticks(*y_range, 2)),
        layers=layers,
        height=340,
        key=(("ε", EPSILON_TOKEN), ("δ, dotted: calibrated exactly", DELTA_TOKEN)),
    )


@instrument(volume=2, chapter=13)
def membership_ceiling(
    fpr: Array,
    ceiling: Array,
    *,
    here: tuple[float, float],
    allowed: Array | None = None,
    allowed_label: str = "",
    title: str,
    caption: str = "",
) -> Plot:
    """What any test for membership may reach: true over false positives, from guessing up to the ceiling.

    `fpr` and `ceiling` are fractions, `here` the rates at which an attacker is judged. `allowed` is the ceiling that a
    policy permits, over the same rates.
    """
    low = float(fpr[0])
    policy = np.full_like(fpr, np.nan) if allowed is None else allowed
    ticks = tuple((10.0**k, f"{10.0 ** (k + 2):g}") for k in range(-3, 1) if 10.0**k >= low * 0.99)
    layers: tuple[Layer, ...] = (
        Band(x=fpr, low=fpr, high=ceiling, token="violation", alpha=0.16),
        Line(x=fpr, y=fpr, token="muted", width=1.5, dash="dashed"),
        Line(x=fpr, y=policy, token="met", width=2, dash="dashed"),
        Line(x=fpr, y=ceiling, token="violation", width=3),
        Labels(
            x=0.13,
            y=0.13,
            text="guessing",
            token="muted",
            baseline="top",
            dx=4,
            dy=6,
        ),
        Labels(
            x=fpr[-1],
            y=low,
            text="" if allowed is None else allowed_label,
            token="met-ink",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-6,
            plate=True,
        ),
        Segments(x0=here[0], x1=here[0], y0=low, y1=here[1], token="ink", width=1, dash="dotted"),
        Points(x=here[0], y=here[0], size=8, token="muted"),
        Points(x=here[0], y=here[1], size=12, token="ink"),
        Labels(
            x=here[0],
            y=here[1],
            # More digits near certainty: 99.999 % is not yet 100 %.
            text=percent(here[1], 2 if here[1] < 0.99 else 3 if here[1] < 1 - 5e-6 else 0),
            token="ink",
            bold=True,
            align="right",
            dx=-9,
            # Near the upper edge there is room below the point only.
            dy=-9 if here[1] < 0.6 else 13,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("outsiders taken for members (%)", low, float(fpr[-1]), log=True, ticks=ticks),
        y=Axis("members recognised (%)", low, 1.25, log=True, ticks=ticks),
        layers=layers,
        height=310,
        key=(("within reach of the best test", "violation"),),
    )


@dataclass(frozen=True)
class Published:
    """A published example: records and error."""

    records: float
    error: float


@instrument(volume=2, chapter=13)
def cohort_error(
    records: Array,
    errors: Mapping[float, Array],
    *,
    here: tuple[float, float],
    cohorts: Mapping[str, float],
    published: Sequence[Published],
    limit: float,
    unit: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Privacy against usefulness: the error of a private mean over the number of records, one line per epsilon.

    `errors` maps epsilon to errors (in `unit`) over `records`; `here` is the design in use, `cohorts` names numbers of
    records, `published` are examples from the literature. Errors up to `limit` are useful.
    """
    low, high = 0.1, 1e6
    left, right = float(records[0]), float(records[-1])
    sizes = list(cohorts.values())
    y, arrow = _clipped(here[1], low, high)
    layers: tuple[Layer, ...] = (
        Boxes(left=left, right=right, bottom=low, top=limit, token="met", alpha=0.12),
        Segments(x0=left, x1=right, y0=limit, y1=limit, token="met", dash="dashed"),
        Labels(
            x=right,
            y=limit,
            text=f"useful: {limit:,.0f} {unit}",
            token="met-ink",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-3,
            plate=True,
        ),
        Segments(x0=sizes, x1=sizes, y0=low, y1=high, token="muted", width=1, dash="dotted"),
        # One below the other: on a phone the lines are nearer to each other than a name is long.
        Labels(
            x=sizes,
            y=high / 4.0 ** np.arange(len(sizes)),
            text=list(cohorts),
            token="muted",
            align="right",
            baseline="top",
            dx=-5,
            dy=4,
            plate=True,
        ),
        *(
            Line(x=records, y=line, token=token, width=2.5)
            for line, token in zip(errors.values(), SERIES, strict=False)
        ),
        Points(
            x=[one.records for one in published],
            y=[one.error for one in published],
            token="caution",
            marker="square",
            size=9,
        ),
        Points(x=here[0], y=y, size=13, token="ink"),
        *sided_labels(
            here[0],
            y,
            f"{number(here[1])} {unit}{arrow}",
            left=bool(np.log(here[0] / left) > 0.7 * np.log(right / left)),
            gap=9,
            token="ink",
            bold=True,
            dy=-10,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("records N", left, right, log=True, ticks=decade_ticks(left, right)),
        y=Axis(f"typical error ({unit})", low, high, log=True, ticks=decade_ticks(low, high)),
        layers=layers,
        height=310,
        key=(
            *((f"ε = {epsilon:g}", token) for epsilon, token in zip(errors, SERIES, strict=False)),
            ("textbook", "caution"),
        ),
    )


@instrument(volume=2, chapter=13)
def release_frontier(
    releases: Array,
    errors: Mapping[str, Array],
    names: Mapping[str, str],
    *,
    chosen: str,
    here: tuple[float, float],
    owed: float,
    limit: float,
    predicted: tuple[float, float] | None = None,
    unit: str,
    title: str,
    caption: str = "",
    y_range: tuple[float, float] = (1.0, 1e6),
) -> Plot:
    """The frontier of a privacy budget: error of each answer over how many answers share it, one line per account.

    `errors` maps an account to errors (in `unit`) over `releases`, `names` says what it is called; the `chosen` one is
    bold. The goal is the corner of at least `owed` answers with errors up to `limit`. `predicted` is a point.
    """
    left, right = float(releases[0]), float(releases[-1]) * 1.15
    low, high = y_range
    gap = np.full_like(releases, np.nan)
    y, arrow = _clipped(here[1], low * 1.15, high / 1.15)
    there = predicted or (np.nan, np.nan)
    narrow = np.log(right / owed) < 0.3 * np.log(right / left)
    layers: list[Layer] = [
        Boxes(left=owed, right=right, bottom=low, top=limit, token="met", alpha=0.2),
        Segments(x0=left, x1=right, y0=limit, y1=limit, token="met", dash="dashed"),
        Segments(x0=owed, x1=owed, y0=low, y1=high, token="met", dash="dashed"),
        Labels(x=left, y=limit, text=f"{limit:,.0f} {unit}", token="met-ink", baseline="top", dx=4, dy=3, plate=True),
        *sided_labels(
            owed,
            low,
            f"{owed:,.0f} owed",
            left=narrow,
            gap=5,
            token="met-ink",
            baseline="bottom",
            dy=-4,
            plate=True,
        ),
    ]
    for (account, line), token in zip(errors.items(), SERIES, strict=False):
        for bold in (False, True):
            shown = line if bold == (account == chosen) else gap
            layers.append(Line(x=releases, y=shown, token=token, width=4 if bold else 1.5))
    layers += [
        *_flag(*there, "" if predicted is None else "your prediction", left=True),
        Points(x=here[0], y=y, size=13, token="ink"),
        *sided_labels(
            here[0],
            y,
            f"{number(here[1]) if here[1] < 1e6 else count(here[1])} {unit}{arrow}",
            left=here[0] > 20,
            gap=10,
            token="ink",
            bold=True,
            dy=-11 if y < high / 30 else 13,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("answers that share one budget", left / 1.05, right, log=True, ticks=decade_ticks(1, 1000)),
        y=Axis(f"typical error of each answer ({unit})", low, high, log=True, ticks=decade_ticks(low, high)),
        layers=tuple(layers),
        height=340,
        key=tuple((names[account], token) for account, token in zip(errors, SERIES, strict=False)),
    )


@instrument(volume=2, chapter=13)
def budget_spent(
    months: Array,
    spent: Array,
    meter: Array | None,
    *,
    total: float,
    cap: float,
    resets: Array,
    title: str,
    caption: str = "",
    highest: float = 12.0,
) -> Plot:
    """A privacy budget spent answer by answer over a year: what is gone for good, against what a resetting meter shows.

    `months` and `spent` draw the staircase of the loss so far, `meter` the one of a meter that starts again after each
    of the `resets` (months; empty without). `total` is the loss of the year, `cap` the budget. Losses above `highest`
    lie outside the plot.
    """
    top = min(max(1.3 * total, 1.5 * cap), 1.18 * highest)
    y, arrow = _clipped(total, 0, highest)
    over = total > cap * (1 + 1e-9)
    # Without a reset the meter shows what is spent.
    sawtooth = np.full_like(months, np.nan) if meter is None else meter
    at = resets if len(resets) else np.array([np.nan])
    layers: tuple[Layer, ...] = (
        Boxes(left=0, right=12, bottom=cap, top=top, token="violation", alpha=0.13),
        Segments(x0=at, x1=at, y0=0, y1=top, token="line", width=1, dash="dotted"),
        Band(x=months, low=0, high=spent, token="data", alpha=0.2),
        Line(x=months, y=sawtooth, token="series-6", width=2, dash="dashed"),
        Line(x=months, y=spent, token="data", width=3),
        Segments(x0=0, x1=12, y0=cap, y1=cap, token="violation", width=2.5),
        Labels(
            x=0,
            y=cap,
            text=f"budget of the year: ε {plain(cap)}",
            token="violation-ink",
            baseline="bottom",
            dx=5,
            dy=-3,
            plate=True,
        ),
        Points(x=12, y=y, size=12, token="ink"),
        Labels(
            x=12,
            y=y,
            text=f"ε {plain(total)}{arrow}",
            token="violation-ink" if over else "ink",
            bold=True,
            align="right",
            baseline="bottom",
            dx=-9,
            dy=-5,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("month of the year", 0, 12.3, ticks=tuple((float(m), str(m)) for m in (0, 3, 6, 9, 12))),
        y=Axis("privacy loss ε so far", 0, top),
        layers=layers,
        height=310,
        key=(("spent, for good", "data"), ("a meter that resets", "series-6")),
    )


@dataclass(frozen=True)
class Rung:
    """One way to trust: who adds noise, how many do, and the error of an answer (in the plot's unit)."""

    name: str
    shares: int
    error: float


@instrument(volume=2, chapter=13)
def trust_ladder(rungs: Sequence[Rung], *, chosen: int, limit: float, unit: str, title: str, caption: str = "") -> Plot:
    """What it costs to trust fewer people: error of an answer, on a logarithmic scale, by who adds the noise.

    The first rung trusts most. `chosen` is the rung in use; errors up to `limit` are useful.
    """
    low, high = 0.1, 1e9
    rows = np.arange(len(rungs))[::-1].astype(float)
    errors = np.array([rung.error for rung in rungs])
    ends = np.clip(errors, low * 1.05, high / 2)
    useful = errors <= limit * (1 + 1e-9)
    text = [
        f"{number(rung.error) if rung.error < 1e6 else count(rung.error)} {unit}"
        + (f", {number(rung.error / rungs[0].error)}×" if k else "")
        for k, rung in enumerate(rungs)
    ]
    layers: tuple[Layer, ...] = (
        Boxes(
            left=low,
            right=high,
            bottom=rows[chosen] - 0.47,
            top=rows[chosen] + 0.47,
            token="data-soft",
            outline="data",
        ),
        Boxes(left=low, right=np.where(useful, ends, np.nan), bottom=rows - 0.17, top=rows + 0.17, token="met"),
        Boxes(left=low, right=np.where(useful, np.nan, ends), bottom=rows - 0.17, top=rows + 0.17, token="violation"),
        Segments(x0=limit, x1=limit, y0=-0.5, y1=len(rungs) - 0.5, token="ink", dash="dashed"),
        Labels(
            x=limit,
            y=len(rungs) - 0.5,
            text=f"useful up to {limit:,.0f} {unit}",
            token="ink",
            align="center",
            baseline="bottom",
            dy=-2,
        ),
        # At the left edge, above their bars: beside them there is no room on a phone.
        Labels(x=low, y=rows + 0.32, text=text, token="ink", bold=True, size="9pt", dx=5, plate=True),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"typical error ({unit})", low, high, log=True, ticks=decade_ticks(low, high / 100, 2)),
        y=Axis(
            "who adds noise",
            -0.6,
            len(rungs) - 0.1,
            ticks=tuple((float(row), rung.name) for row, rung in zip(rows, rungs, strict=True)),
        ),
        layers=layers,
        height=260,
    )


@instrument(volume=2, chapter=13)
def partition_tax(
    throughput: float, *, peak: float, floor: float, isolated: bool, title: str, caption: str = ""
) -> Plot:
    """What isolation leaves of an accelerator (tokens/s): the own part, the tax, and the floor that must be kept."""
    layers: tuple[Layer, ...] = (
        Boxes(left=0, right=throughput, bottom=-0.5, top=0.5, token="data"),
        Boxes(
            left=throughput,
            right=peak if isolated else np.nan,
            bottom=-0.5,
            top=0.5,
            token="caution",
            hatch="right_diagonal_line",
        ),
        Labels(x=0, y=0, text=f"{throughput:,.0f} tokens/s", token="on-fill", bold=True, dx=12, size="11pt"),
        Segments(x0=floor, x1=floor, y0=-0.7, y1=0.9, token="ink", width=3),
        Labels(
            x=floor, y=0.62, text=f"floor {floor:,.0f}", token="ink", align="right", baseline="bottom", dx=-5, bold=True
        ),
        Labels(
            x=peak,
            y=-0.62,
            text=f"tax of the partition {percent(1 - throughput / peak, 0)}" if isolated else "",
            token="caution-ink",
            align="right",
            baseline="top",
            dy=2,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("throughput (tokens/s)", 0, peak * 1.02),
        y=Axis("", -1.25, 1.25, ticks=((-9.0, ""),)),
        layers=layers,
        height=150,
    )
