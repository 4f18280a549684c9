"""The last audit: a record by families, shares of a step, what ten percent of each resource buys, limits at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.quantity import percent, plain

Array = npt.NDArray[np.float64]
NAN = math.nan


def percent_ticks(*fractions: float) -> tuple[tuple[float, str], ...]:
    """Named positions of an axis of fractions."""
    return tuple((fraction, percent(fraction, 0)) for fraction in fractions)


# --- a record by families ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class FamilyRecord:
    """Labs of one kind: who took which, how many first predictions were right, in how many a limit was broken.

    `labs` names them with their signs, in one line or two. `interval` is that of the share of right predictions; None
    without any.
    """

    name: str
    labs: str
    right: int
    taken: int
    interval: tuple[float, float] | None
    walls: int
    known: int


@instrument(volume=2, chapter=17)
def family_board(families: Sequence[FamilyRecord], *, guessing: float, title: str, caption: str = "") -> Plot:
    """Share of right predictions per family with its interval, and below it the share of labs with a limit broken.

    Above each pair of bars stand the labs of the family. `guessing` is the share that chance gives. A family without
    data says so and has no interval.
    """
    rows = np.arange(len(families))[::-1].astype(float)
    shares = np.array([one.right / one.taken if one.taken else NAN for one in families])
    lows, highs = (np.array([NAN if one.interval is None else one.interval[end] for one in families]) for end in (0, 1))
    walls = np.array([one.walls / one.known if one.known else NAN for one in families])
    none = ~np.isfinite(shares) & ~np.isfinite(walls)
    top = len(families) - 0.5
    layers: list[Layer] = [
        Boxes(left=0, right=1, bottom=rows[1::2] - 0.5, top=rows[1::2] + 0.5, token="sunken"),
        Segments(x0=guessing, x1=guessing, y0=-0.5, y1=top, token="muted", dash="dashed", width=1.5),
        Boxes(left=0, right=np.where(none, 1.0, NAN), bottom=rows - 0.26, top=rows - 0.04, token="line", alpha=0.6),
        Boxes(left=0, right=shares, bottom=rows - 0.26, top=rows - 0.04, token="data"),
        Boxes(left=0, right=walls, bottom=rows - 0.42, top=rows - 0.31, token="series-5"),
        Segments(x0=lows, x1=highs, y0=rows - 0.15, y1=rows - 0.15, token="ink", width=2),
        Segments(x0=lows, x1=lows, y0=rows - 0.23, y1=rows - 0.07, token="ink", width=2),
        Segments(x0=highs, x1=highs, y0=rows - 0.23, y1=rows - 0.07, token="ink", width=2),
        Labels(x=0, y=rows + 0.24, text=[one.labs for one in families], token="ink", size="8.5pt", dx=3, plate=True),
        Labels(
            x=0.5,
            y=rows - 0.15,
            text=["no evidence" if empty else "" for empty in none],
            token="ink",
            align="center",
            size="8.5pt",
            plate=True,
        ),
        Labels(
            x=guessing,
            y=top,
            text=f"guessing {percent(guessing, 0)}",
            token="muted",
            align="center",
            baseline="bottom",
            dy=-2,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("share of the labs taken", 0, 1, ticks=percent_ticks(0, 0.25, 0.5, 0.75, 1)),
        y=Axis(
            "",
            -0.52,
            len(families) - 0.12,
            ticks=tuple(
                (float(row), f"{one.name}\n{one.right} of {one.taken}" if one.taken else one.name)
                for row, one in zip(rows, families, strict=True)
            ),
        ),
        layers=tuple(layers),
        height=90 + 64 * len(families),
        key=(("predictions right, with 95 % interval", "data"), ("a limit was broken", "series-5")),
    )


# --- what a little of each resource buys --------------------------------------------------------------------


@dataclass(frozen=True)
class Gain:
    """A resource, what more of it brings (fraction), and whether the student named it."""

    name: str
    gain: float
    predicted: bool = False


@instrument(volume=2, chapter=17)
def tornado(gains: Sequence[Gain], *, perturbation: float, title: str, caption: str = "") -> Plot:
    """Gains of the same step in every resource, the largest on top, up to the step itself: no gain exceeds it."""
    ordered = sorted(gains, key=lambda one: -one.gain)
    rows = np.arange(len(ordered))[::-1].astype(float)
    values = np.array([one.gain for one in ordered])
    high = 1.04 * perturbation
    texts = [f"+{percent(value, 2)}" for value in values]
    inside = values > 0.6 * perturbation
    layers: list[Layer] = [
        Boxes(left=0, right=values, bottom=rows - 0.3, top=rows + 0.3, token="data"),
        Segments(x0=perturbation, x1=perturbation, y0=-0.5, y1=len(ordered) - 0.5, token="ink", dash="dashed"),
        Labels(
            x=perturbation,
            y=len(ordered) - 0.5,
            text="the whole step",
            token="ink",
            align="right",
            baseline="bottom",
            dy=-2,
        ),
        # Beside the bar, or in it where it leaves no room.
        Labels(
            x=values,
            y=rows,
            text=["" if long else text for text, long in zip(texts, inside, strict=True)],
            token="ink",
            bold=True,
            dx=6,
        ),
        Labels(
            x=values,
            y=rows,
            text=[text if long else "" for text, long in zip(texts, inside, strict=True)],
            token="on-fill",
            bold=True,
            align="right",
            dx=-6,
        ),
        Labels(
            x=0,
            y=rows - 0.3,
            text=["◇ your prediction" if one.predicted else "" for one in ordered],
            token="series-2",
            bold=True,
            baseline="top",
            dx=3,
            dy=1,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "gain in training throughput",
            0,
            high,
            ticks=tuple((perturbation * k / 2, percent(perturbation * k / 2)) for k in range(3)),
        ),
        y=Axis(
            "",
            -0.62,
            len(ordered) - 0.1,
            # The last words of a name stand in a line of their own: narrow screens need the room.
            ticks=tuple(
                (float(row), "\n".join(one.name.rsplit(" ", 1))) for row, one in zip(rows, ordered, strict=True)
            ),
        ),
        layers=tuple(layers),
        height=100 + 56 * len(ordered),
    )


# --- the anatomy of a step ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A part of a step: its share over the sizes of the fleet, and where (position on that axis) its name stands."""

    name: str
    shares: Any
    at: int
    align: str = "left"


#: Fills of the parts from the bottom.
PART_TOKENS = ("data", "series-5", "series-4", "series-2")


@instrument(volume=2, chapter=17)
def step_anatomy(
    gpus: Any,
    parts: Sequence[Part],
    *,
    here: float,
    crossing: float,
    crossing_text: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Shares of a step stacked to one over the size of the fleet; where the first two change the lead is marked."""
    x = np.asarray(gpus, dtype=float)
    heights = np.array([np.asarray(part.shares, dtype=float) for part in parts])
    tops = np.cumsum(heights, axis=0)
    bottoms = tops - heights
    layers: list[Layer] = [
        Band(x=x, low=low, high=high, token=token, alpha=1.0)
        for low, high, token in zip(bottoms, tops, PART_TOKENS, strict=True)
    ]
    layers += [
        Segments(x0=here, x1=here, y0=0, y1=1, token="ink", width=2.5),
        Segments(x0=crossing, x1=crossing, y0=0, y1=1, token="surface", dash="dashed"),
        Labels(x=crossing, y=1.015, text=crossing_text, token="ink", align="right", baseline="bottom", plate=True),
    ]
    for part, low, high in zip(parts, bottoms, tops, strict=True):
        layers.append(
            Labels(
                x=x[part.at],
                y=(low[part.at] + high[part.at]) / 2,
                text=part.name,
                token="ink",
                bold=True,
                align=part.align,
                plate=True,
            )
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "GPUs",
            float(x[0]),
            float(x[-1]),
            log=True,
            ticks=tuple((float(n), f"{n:,}") for n in (8, 128, 2048, 16_384)),
        ),
        y=Axis("share of a step", 0, 1.1, ticks=percent_ticks(0, 0.25, 0.5, 0.75, 1)),
        layers=tuple(layers),
        height=330,
    )


# --- all limits at once -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AuditRow:
    """An audit of a design: what was found against its limit, in words, and the room that is left (fraction).

    `record` is what the student's own record says of this family.
    """

    name: str
    found: str
    margin: float
    record: str = ""

    @property
    def passes(self) -> bool:
        """Whether the limit holds."""
        return self.margin >= -1e-9


def binding_row(rows: Sequence[AuditRow]) -> int:
    """The audit with the smallest margin, the first of equals."""
    return min(range(len(rows)), key=lambda k: (rows[k].margin, k))


@instrument(volume=2, chapter=17)
def audit_board(rows: Sequence[AuditRow], *, title: str, caption: str = "") -> Plot:
    """Margins of all audits on one axis, the limit in the middle: left of it a promise is broken.

    The text above each bar says what was found; at its right end stands the student's record in that family. A bar
    that leaves the axis ends there with an arrow.
    """
    y = np.arange(len(rows))[::-1].astype(float)
    margins = np.array([row.margin for row in rows])
    passes = np.array([row.passes for row in rows])
    ends = np.clip(margins, -1, 1)
    binds = binding_row(rows)
    top = len(rows) - 0.5
    layers: list[Layer] = [
        Boxes(left=-1, right=0, bottom=-0.5, top=top, token="violation", alpha=0.07),
        Boxes(left=np.where(passes, 0.0, NAN), right=ends, bottom=y - 0.36, top=y - 0.04, token="met"),
        Boxes(left=ends, right=np.where(passes, NAN, 0.0), bottom=y - 0.36, top=y - 0.04, token="violation", hatch="/"),
        Segments(x0=0, x1=0, y0=-0.5, y1=top, token="ink", width=2.5),
        Segments(x0=-1, x1=1, y0=y[1:] + 0.5, y1=y[1:] + 0.5, token="grid", width=1),
        Labels(x=-1, y=y + 0.22, text=[row.found for row in rows], token="ink", dx=3, plate=True),
        Labels(x=1, y=y + 0.22, text=[row.record for row in rows], token="muted", align="right", size="8.5pt", dx=-3),
        Labels(x=0, y=top, text="limit", token="ink", bold=True, align="center", baseline="bottom", dy=-2),
        Labels(x=-1, y=top, text="← broken", token="violation-ink", baseline="bottom", dx=3, dy=-2),
        Labels(x=1, y=top, text="room →", token="met-ink", align="right", baseline="bottom", dx=-3, dy=-2),
    ]
    words = [
        f"{'← ' if row.margin < -1 else ''}{'−∞' if math.isinf(row.margin) else percent(row.margin, 0)}" for row in rows
    ]
    # On the other side of the limit than the bar, where nothing is in the way.
    layers += sided_labels(0.0, y - 0.2, words, left=passes, gap=7, token="ink", bold=True, plate=True)
    return Plot(
        title=title,
        caption=caption,
        x=Axis("room left, as a share of the limit", -1, 1, ticks=percent_ticks(-1, -0.5, 0, 0.5, 1)),
        y=Axis(
            "",
            -0.52,
            len(rows) - 0.1,
            ticks=tuple(
                (float(at), f"{row.name} {'✓' if row.passes else '✕'}{chr(10) + 'binding' if k == binds else ''}")
                for k, (at, row) in enumerate(zip(y, rows, strict=True))
            ),
        ),
        layers=tuple(layers),
        height=90 + 50 * len(rows),
    )


# --- speed and price ----------------------------------------------------------------------------------------

#: Height of a panel is 1; the upper one begins here.
_UPPER = 1.16


@dataclass(frozen=True)
class Curve:
    """A quantity over the size of the fleet, the ends of its panel, its ticks, and how the panel is called."""

    name: str
    values: Any
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    at_marker: float
    text: str

    def height(self, values: Any, floor: float) -> Array:
        """Where values stand in a panel that begins at `floor`; beyond its ends they are gaps."""
        array = np.asarray(values, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.log(array / self.low) / math.log(self.high / self.low)
        return np.where((up >= 0) & (up <= 1), floor + up, NAN)


@instrument(volume=2, chapter=17)
def speed_and_price(
    gpus: Any,
    days: Curve,
    energy: Curve,
    *,
    marker: float,
    passing: tuple[float, float],
    limit_days: float,
    predicted: tuple[float, float] | None,
    predicted_text: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Days of training above, its energy below, over the size of the fleet on logarithmic axes.

    `passing` is the range of sizes in which the audits of training pass (NaN where there is none); `predicted` a
    point (GPUs, days) in the upper panel.
    """
    x = np.asarray(gpus, dtype=float)
    # Air at both ends, where the marker may stand.
    low, high = float(x[0]) / 1.12, float(x[-1]) * 1.12
    limit = float(days.height(limit_days, _UPPER))
    at_days, at_energy = float(days.height(days.at_marker, _UPPER)), float(energy.height(energy.at_marker, 0.0))
    flag = (NAN, NAN) if predicted is None else (predicted[0], float(days.height(predicted[1], _UPPER)))
    turned = marker > math.sqrt(low * high)
    layers: list[Layer] = [
        Boxes(left=passing[0], right=passing[1], bottom=0, top=_UPPER + 1, token="met", alpha=0.18),
        Boxes(left=low, right=high, bottom=limit, top=_UPPER + 1, token="violation", alpha=0.1),
        Segments(x0=low, x1=high, y0=limit, y1=limit, token="violation"),
        Line(x=x, y=days.height(days.values, _UPPER)),
        Line(x=x, y=energy.height(energy.values, 0.0), token="series-5"),
        Segments(x0=marker, x1=marker, y0=0, y1=_UPPER + 1, token="ink", width=1.5, dash="dotted"),
        Points(x=marker, y=at_days, size=12),
        Points(x=marker, y=at_energy, token="series-5", size=12),
        Points(x=flag[0], y=flag[1], token="series-2", size=13, marker="diamond", filled=False),
        Labels(
            x=flag[0],
            y=flag[1],
            text=predicted_text if math.isfinite(flag[1]) else "",
            token="series-2",
            bold=True,
            align="right",
            dx=-10,
            plate=True,
        ),
        Labels(
            x=high,
            y=limit,
            text=f"limit {plain(limit_days)} days",
            token="violation-ink",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-3,
            plate=True,
        ),
        *(
            Labels(
                x=math.sqrt(low * high),
                y=top,
                text=curve.name,
                token=token,
                bold=True,
                align="center",
                baseline="top",
                dy=4,
                plate=True,
            )
            for curve, top, token in ((days, _UPPER + 1, "data"), (energy, 1.0, "series-5"))
        ),
    ]
    layers += sided_labels(marker, at_days, days.text, left=turned, gap=10, token="data", bold=True, plate=True)
    layers += sided_labels(marker, at_energy, energy.text, left=turned, gap=10, token="series-5", bold=True, plate=True)
    ticks = [(float(days.height(value, _UPPER)), text) for value, text in days.ticks]
    ticks += [(float(energy.height(value, 0.0)), text) for value, text in energy.ticks]
    sizes = [n for n in (8, 64, 256, 1024, 4096, 16_384) if low <= n <= high]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("GPUs", low, high, log=True, ticks=tuple((float(n), f"{n:,}") for n in sizes)),
        y=Axis("", -0.03, _UPPER + 1.03, ticks=tuple(sorted(ticks))),
        layers=tuple(layers),
        height=400,
    )


# --- the serving plane --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Serving:
    """A precision: time per token (ms) over the sequences, the most that memory holds, and whether it is chosen."""

    name: str
    tpot_ms: Any
    most: float


@instrument(volume=2, chapter=17)
def serving_plane(
    sequences: Any,
    chosen: Serving,
    other: Serving,
    *,
    marker: tuple[float, float],
    limit_ms: float,
    carbon: Sequence[tuple[float, str]],
    marker_text: str,
    title: str,
    caption: str = "",
    high_ms: float = 35.0,
) -> Plot:
    """Time per token over the sequences of one GPU; forbidden above the limit and right of what memory holds.

    `carbon` names what a year of serving emits at some sequences on the chosen line.
    """
    x = np.asarray(sequences, dtype=float)
    left, right = float(x[0]), float(x[-1])
    at = np.array([one[0] for one in carbon])
    on_line = np.interp(at, x, np.asarray(chosen.tpot_ms, dtype=float))
    end = float(np.asarray(other.tpot_ms)[-1])
    layers: list[Layer] = [
        Boxes(left=left, right=right, bottom=limit_ms, top=high_ms, token="violation", alpha=0.12),
        Boxes(left=chosen.most, right=right, bottom=0, top=limit_ms, token="violation", alpha=0.12, hatch="/"),
        Segments(x0=left, x1=right, y0=limit_ms, y1=limit_ms, token="violation"),
        Segments(x0=chosen.most, x1=chosen.most, y0=0, y1=high_ms, token="violation"),
        Line(x=x, y=other.tpot_ms, token="series-6", width=1.5, dash="dashed"),
        Line(x=x, y=chosen.tpot_ms),
        Points(x=at, y=on_line, size=6),
        Labels(
            x=at,
            y=on_line,
            text=[one[1] for one in carbon],
            token="ink",
            align="center",
            baseline="top",
            dy=8,
            plate=True,
        ),
        Points(x=marker[0], y=marker[1], size=14, token="series-2"),
        Labels(
            x=left,
            y=high_ms,
            text=marker_text,
            token="series-2",
            bold=True,
            baseline="top",
            dx=4,
            dy=4,
            plate=True,
        ),
        Labels(
            x=left,
            y=limit_ms,
            text=f"limit {plain(limit_ms)} ms",
            token="violation-ink",
            baseline="bottom",
            dx=4,
            dy=-3,
            plate=True,
        ),
        Labels(
            x=chosen.most,
            y=0,
            text="memory full",
            token="violation-ink",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-3,
            plate=True,
        ),
        Labels(
            x=right,
            y=end,
            text=other.name,
            token="muted",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-12,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("sequences per GPU", left, right, ticks=tuple((float(n), f"{n}") for n in (1, 16, 32, 48, 64, 80, 96))),
        y=Axis("time per token (ms)", 0, high_ms),
        layers=tuple(layers),
        height=340,
    )


# --- two parts of one account -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """A design's carbon: training, and a year of serving (t)."""

    name: str
    training: float
    serving: float


@instrument(volume=2, chapter=17)
def carbon_account(accounts: Sequence[Account], *, limit: float, title: str, caption: str = "") -> Plot:
    """Training and serving stacked along one axis from zero, one bar per design, against the cap."""
    y = np.arange(len(accounts))[::-1].astype(float)
    finite = np.array([one.training if math.isfinite(one.training) else NAN for one in accounts])
    serving = np.array([one.serving for one in accounts])
    totals = finite + serving
    top = max(1.25 * limit, 1.15 * float(np.nanmax(totals, initial=serving.max())))
    step = next(s for s in (100, 200, 250, 500, 1000, 2000, 2500, 5000, 10_000) if top / s <= 6)

    def wide(values: Array) -> npt.NDArray[np.bool_]:
        return values > 0.3 * top

    layers: list[Layer] = [
        Boxes(left=limit, right=top, bottom=-0.5, top=len(accounts) - 0.5, token="violation", alpha=0.08),
        Boxes(left=0, right=finite, bottom=y - 0.26, top=y + 0.2, token="series-5"),
        Boxes(left=finite, right=totals, bottom=y - 0.26, top=y + 0.2, token="data"),
        Segments(x0=limit, x1=limit, y0=-0.5, y1=len(accounts) - 0.5, token="violation", width=2.5),
        Labels(
            x=finite / 2,
            y=y - 0.03,
            text=[f"{value:,.0f} t" if fits else "" for value, fits in zip(finite, wide(finite), strict=True)],
            token="on-fill",
            bold=True,
            align="center",
        ),
        Labels(
            x=finite + serving / 2,
            y=y - 0.03,
            text=[f"{value:,.0f} t" if fits else "" for value, fits in zip(serving, wide(serving), strict=True)],
            token="on-fill",
            bold=True,
            align="center",
        ),
        Labels(
            x=0,
            y=y + 0.24,
            text=[
                f"{one.name}: {total:,.0f} t" if math.isfinite(total) else f"{one.name}: ∞"
                for one, total in zip(accounts, totals, strict=True)
            ],
            token="ink",
            bold=True,
            baseline="bottom",
            dx=2,
            plate=True,
        ),
        Labels(
            x=limit,
            y=len(accounts) - 0.5,
            text=f"cap {plain(limit)} t",
            token="violation-ink",
            bold=True,
            align="center",
            baseline="bottom",
            dy=-2,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "carbon (t)", 0, top, ticks=tuple((float(k * step), f"{k * step:,}") for k in range(int(top / step) + 1))
        ),
        y=Axis("", -0.52, len(accounts) - 0.12, ticks=tuple((float(at), "") for at in y)),
        layers=tuple(layers),
        height=120 + 64 * len(accounts),
        key=(("training", "series-5"), ("serving, one year", "data")),
    )
