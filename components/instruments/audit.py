"""The audit of a fleet of designs: usages of limits, verdicts tier by tier, a year ahead, and who judged it all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.quantity import count, percent, plain, quantity

Array = npt.NDArray[np.float64]
NAN = math.nan


# --- a record of predictions ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """One prediction of a record: its name, predicted over actual, and whether it was right.

    `ratio` is None where a ratio has no meaning, `correct` is None where nothing was predicted.
    """

    name: str
    ratio: float | None = None
    correct: bool | None = None


#: Ends of the axis of ratios; what lies beyond stands at an end with an arrow.
FARTHEST = 1e3
_SIGN = {True: "✓", False: "✕", None: "–"}


def factor_text(ratio: float) -> str:
    """A ratio as a reader says it: ×50, ÷3.4; nothing where the two agree within five percent."""
    if abs(math.log(ratio)) < 0.05:
        return ""
    return f"×{count(ratio, 2)}" if ratio > 1 else f"÷{count(1 / ratio, 2)}"


@instrument(volume=1, chapter=16)
def prediction_record(judged: Sequence[Judged], *, title: str, caption: str = "", reference: bool = False) -> Plot:
    """Predicted over actual on a logarithmic axis, one row per prediction, the first on top.

    Right ones are dots, wrong ones crosses joined to the line at 1, where the model's answer lies. A row without a
    prediction says so. With `reference` the record is nobody's and drawn in grey.
    """
    rows = np.arange(len(judged))[::-1].astype(float)
    known = np.array([line.ratio if line.ratio is not None and line.correct is not None else NAN for line in judged])
    taken = np.array([line.correct is not None for line in judged])
    right = np.array([line.correct is True for line in judged])
    at = np.clip(known, 1 / FARTHEST, FARTHEST)
    beyond = (known > FARTHEST) | (known < 1 / FARTHEST)
    top = len(judged) - 0.35
    texts = [
        "" if math.isnan(ratio) else f"{factor_text(ratio)}{' →' if ratio > 1 else ' ←'}" if out else factor_text(ratio)
        for ratio, out in zip(known, beyond, strict=True)
    ]
    # Away from the line at 1 where there is room on the narrowest screen, else on the way there.
    left = (at < 1) & (at > 1 / 30) | (at > 30)
    good, bad = ("series-6", "series-6") if reference else ("met", "violation")
    layers: list[Layer] = [
        Boxes(left=1 / FARTHEST, right=FARTHEST, bottom=rows[1::2] - 0.5, top=rows[1::2] + 0.5, token="sunken"),
        Segments(x0=1, x1=1, y0=-0.6, y1=top, token="ink", width=1.5),
        Segments(x0=1.0, x1=np.where(right, NAN, at), y0=rows, y1=rows, token=bad, width=3),
        Points(x=np.where(right, at, NAN), y=rows, token=good, size=11),
        Points(x=np.where(right, NAN, at), y=rows, token=bad, size=11, marker="x"),
        *sided_labels(at, rows, texts, left=left, gap=10, token="ink", bold=True, plate=True),
        Labels(
            x=1.0,
            y=rows,
            text=["" if there else "not taken" for there in taken],
            token="muted",
            align="center",
            plate=True,
        ),
        Labels(
            x=1.0,
            y=rows,
            text=[
                "no ratio, " + ("right" if line.correct else "wrong") if there and math.isnan(ratio) else ""
                for line, there, ratio in zip(judged, taken, known, strict=True)
            ],
            token="ink",
            align="center",
            plate=True,
        ),
        Labels(x=1.0, y=top, text="the model", token="ink", bold=True, align="center", baseline="bottom", dy=-2),
        Labels(x=1 / FARTHEST, y=top, text="← too low", token="muted", baseline="bottom", dx=3, dy=-2),
        Labels(x=FARTHEST, y=top, text="too high →", token="muted", align="right", baseline="bottom", dx=-3, dy=-2),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "predicted over actual",
            1 / FARTHEST,
            FARTHEST,
            log=True,
            ticks=((1e-3, "÷1000"), (0.1, "÷10"), (1, "1"), (10, "×10"), (1e3, "×1000")),
        ),
        y=Axis(
            "",
            -0.6,
            len(judged) + 0.5,
            ticks=tuple(
                (float(row), f"{line.name} {_SIGN[line.correct]}") for row, line in zip(rows, judged, strict=True)
            ),
        ),
        layers=tuple(layers),
        height=84 + 25 * len(judged),
    )


# --- two terms of a step, device by device ----------------------------------------------------------------


@dataclass(frozen=True)
class TwoTerms:
    """A device and its workload: time to move the bytes, time to compute with them (s)."""

    name: str
    moving_s: float
    computing_s: float


@instrument(volume=1, chapter=16)
def moving_against_computing(
    terms: Sequence[TwoTerms],
    *,
    selected: int,
    predicted_s: float | None,
    predicted_row: int = 0,
    title: str,
    caption: str = "",
    low_s: float = 1e-5,
    high_s: float = 1.0,
) -> Plot:
    """Both times of every device as two marks on a logarithmic axis: their distance is the ratio.

    The row `selected` is shaded. `predicted_s` is where the student's ratio puts the time to compute in the row
    `predicted_row` (None hides it); beyond the axis it stands at the end, with an arrow.
    """
    rows = np.arange(len(terms))[::-1].astype(float)
    moving = np.array([term.moving_s for term in terms])
    computing = np.array([term.computing_s for term in terms])
    left, right = np.minimum(moving, computing), np.maximum(moving, computing)
    here = rows[selected]
    claim = rows[predicted_row] + 0.5
    # A mark at the end of the axis keeps clear of the edge.
    flag = NAN if predicted_s is None else min(max(predicted_s, 1.35 * low_s), high_s / 1.35)
    arrow = "" if predicted_s is None or flag == predicted_s else " →" if predicted_s > flag else " ←"
    turned = predicted_s is not None and flag > math.sqrt(low_s * high_s)
    ratios = [
        f"moving {plain(m / c, 3)}×" if m >= c else f"computing {plain(c / m, 3)}×"
        for m, c in zip(moving, computing, strict=True)
    ]
    layers: list[Layer] = [
        Boxes(left=low_s, right=high_s, bottom=here - 0.5, top=here + 0.5, token="data-soft"),
        Segments(x0=left, x1=right, y0=rows, y1=rows, token="series-6", width=3),
        Points(x=moving, y=rows, size=13),
        Points(x=computing, y=rows, token="series-5", size=12, marker="square"),
        Labels(
            x=np.sqrt(left * right),
            y=rows + 0.1,
            text=ratios,
            token="ink",
            bold=True,
            align="center",
            baseline="bottom",
        ),
        *(
            Labels(
                x=times,
                y=rows - 0.16,
                text=[quantity(time, "s", 2) for time in times],
                token="ink",
                align="center",
                baseline="top",
            )
            for times in (left, right)
        ),
        Points(x=flag, y=claim, token="series-2", size=14, marker="diamond", filled=False),
        *sided_labels(
            flag,
            claim,
            "" if predicted_s is None else f"your prediction{arrow}",
            left=turned,
            gap=11,
            token="series-2",
            bold=True,
            plate=True,
        ),
    ]
    decades = range(round(math.log10(low_s)), round(math.log10(high_s)) + 1)
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "time of one step",
            low_s,
            high_s,
            log=True,
            ticks=tuple((10.0**k, quantity(10.0**k, "s", 1)) for k in decades),
        ),
        y=Axis("", -0.6, len(terms) - 0.28, ticks=tuple((float(r), t.name) for r, t in zip(rows, terms, strict=True))),
        layers=tuple(layers),
        height=84 + 58 * len(terms),
        key=(("moving the bytes", "data"), ("computing", "series-5")),
    )


# --- usages of limits -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wall:
    """One constraint of a design: usage of its limit (1 is the wall), and the margin that is asked for.

    `note` says where a margin comes from, `watched` whether a dashboard shows the constraint.
    """

    name: str
    usage: float
    margin: float = 0.0
    note: str = ""
    watched: bool = True

    @property
    def state(self) -> str:
        """met, short (of the margin) or broken."""
        slack = 1 + 1e-9
        return "broken" if not self.usage <= slack else "met" if self.usage <= (1 - self.margin) * slack else "short"

    @property
    def pressure(self) -> float:
        """Usage of what is left of the limit after the margin: the largest binds a design."""
        return self.usage / (1 - self.margin)


def binding(walls: Sequence[Wall]) -> int:
    """Position of the wall that binds: the largest usage of what is left of its limit; the first of several."""
    return max(range(len(walls)), key=lambda k: (walls[k].pressure, -k))


def usage_text(usage: float) -> str:
    """A usage in few letters: 0.82, 358, > 999."""
    if math.isinf(usage):
        return "∞"
    return f"{usage:.2f}" if usage < 10 else f"{usage:.0f}" if usage < 1000 else "> 999"


#: Tokens of fill and text, hatch, and sign of each state.
_STATES = {
    "met": ("data", "ink", "", ""),
    "short": ("caution", "caution-ink", "", " !"),
    "broken": ("violation", "violation-ink", "/", " ✕"),
}


@instrument(volume=1, chapter=16)
def usage_bars(
    walls: Sequence[Wall],
    *,
    title: str,
    caption: str = "",
    on_watch: str = "on the dashboards",
    unwatched: str = "seen only if measured",
    high: float = 100.0,
) -> Plot:
    """Usages of limits as bars on a logarithmic axis from 0.01, the wall at 1, margins where they are asked for.

    Watched constraints stand first, under the heading `on_watch`, the others under `unwatched`. A bar beyond `high`
    ends there with an arrow.
    """
    low = 0.01
    watched = sum(wall.watched for wall in walls)
    # From the top: a heading, the watched constraints, a heading, the others.
    down = np.arange(len(walls)) + np.where(np.arange(len(walls)) < watched, 0.6, 1.2)
    top = len(walls) + 0.7
    rows = top - 0.5 - down
    headings = top - 0.35 - np.array([0.0, watched + 0.6])
    usages = np.array([wall.usage for wall in walls])
    ends = np.clip(usages, low, high)
    states = np.array([wall.state for wall in walls])
    binds = binding(walls)
    half = 0.22
    layers: list[Layer] = [Boxes(left=1.0, right=high, bottom=-0.6, top=top, token="violation", alpha=0.07)]
    for state, (token, _, hatch, _) in _STATES.items():
        picked = np.where(states == state, ends, NAN)
        layers.append(Boxes(left=low, right=picked, bottom=rows - half, top=rows + half, token=token, hatch=hatch))
    margins = np.array([1 - wall.margin if wall.margin else NAN for wall in walls])
    layers += [
        Segments(x0=1.0, x1=1.0, y0=-0.6, y1=top, token="violation", width=2.5),
        Segments(x0=margins, x1=margins, y0=rows - 0.32, y1=rows + 0.32, token="caution", width=3),
        Labels(x=1.0, y=top, text="wall", token="violation-ink", bold=True, align="center", baseline="bottom", dy=-2),
        Labels(
            x=low,
            y=rows - half - 0.03,
            text=[wall.note for wall in walls],
            token="caution-ink",
            size="8.5pt",
            baseline="top",
            dx=2,
            plate=True,
        ),
        Labels(x=low, y=headings, text=[on_watch, unwatched], token="muted", bold=True, size="9pt", dx=2, plate=True),
    ]
    late = usages > 2.5
    for state, (_, ink, _, sign) in _STATES.items():
        layers += sided_labels(
            ends,
            rows,
            [
                f"{usage_text(wall.usage)}{' →' if wall.usage > high else ''}{sign}{' binds' if k == binds else ''}"
                if wall.state == state
                else ""
                for k, wall in enumerate(walls)
            ],
            left=late,
            gap=6,
            token=ink,
            bold=True,
            plate=True,
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "usage of the limit",
            low,
            high,
            log=True,
            ticks=((0.01, "0.01"), (0.1, "0.1"), (1.0, "1"), (10.0, "10"), (100.0, "100")),
        ),
        y=Axis("", -0.6, top + 0.5, ticks=tuple((float(r), w.name) for r, w in zip(rows, walls, strict=True))),
        layers=tuple(layers),
        height=132 + 42 * len(walls),
    )


@dataclass(frozen=True)
class Design:
    """A column of a verdict board: its name and its walls."""

    name: str
    walls: Sequence[Wall] = field(default_factory=tuple)

    @property
    def holds(self) -> bool:
        """Whether every wall keeps its margin."""
        return all(wall.state == "met" for wall in self.walls)


def _cell(wall: Wall, sign: str) -> str:
    """A usage with its sign, which gives way to a long number."""
    text = usage_text(wall.usage)
    return text if len(text) > 4 else f"{sign}{text}"


@instrument(volume=1, chapter=16)
def verdict_board(designs: Sequence[Design], *, selected: int, title: str, caption: str = "") -> Plot:
    """Usages of several designs side by side: one column each, one row per constraint, the binding cell framed.

    All designs have the same constraints in the same order; the column `selected` is framed as a whole.
    """
    names = [wall.name for wall in designs[0].walls]
    rows = np.arange(len(names))[::-1].astype(float)
    columns = np.repeat(np.arange(len(designs)).astype(float), len(names))
    heights = np.tile(rows, len(designs))
    walls = [wall for design in designs for wall in design.walls]
    states = np.array([wall.state for wall in walls])
    layers: list[Layer] = []
    for state, fill in (("met", "met-soft"), ("short", "caution-soft"), ("broken", "violation-soft")):
        x = np.where(states == state, columns, NAN)
        layers.append(
            Boxes(left=x - 0.47, right=x + 0.47, bottom=heights - 0.44, top=heights + 0.44, token=fill, alpha=1.0)
        )
    framed = np.array([rows[binding(design.walls)] for design in designs])
    across = np.arange(len(designs)).astype(float)
    layers += [
        Boxes(
            left=selected - 0.5,
            right=selected + 0.5,
            bottom=-0.52,
            top=len(names) - 0.48,
            alpha=0,
            outline="data",
        ),
        Boxes(left=across - 0.47, right=across + 0.47, bottom=framed - 0.44, top=framed + 0.44, alpha=0, outline="ink"),
    ]
    for state, ink, sign in (("met", "met-ink", ""), ("short", "caution-ink", "! "), ("broken", "violation-ink", "✕ ")):
        layers.append(
            Labels(
                x=columns,
                y=heights,
                text=[_cell(wall, sign) if wall.state == state else "" for wall in walls],
                token=ink,
                align="center",
                bold=True,
            )
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "",
            -0.56,
            len(designs) - 0.44,
            ticks=tuple(
                (float(k), f"{design.name}\n{'✓ holds' if design.holds else '✕'}") for k, design in enumerate(designs)
            ),
        ),
        y=Axis("", -0.58, len(names) - 0.42, ticks=tuple((float(r), n) for r, n in zip(rows, names, strict=True))),
        layers=tuple(layers),
        height=76 + 34 * len(names),
        key=(("holds", "met"), ("margin missed", "caution"), ("broken", "violation")),
    )


# --- a year ahead -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trace:
    """A quantity over days (fractions), and its limit."""

    days: Any
    values: Any
    limit: float


#: Height of a panel is 1; the upper one begins here.
_UPPER = 1.22
_ACCURACY, _GAP = (0.6, 1.0), (0.0, 0.4)


@instrument(volume=1, chapter=16)
def year_ahead(accuracy: Trace, gap: Trace, *, title: str, caption: str = "") -> Plot:
    """A year of operation in two panels over days: accuracy above its floor, the gap of a cohort below its gate.

    Values beyond a panel are cut at its edge; a gap that leaves its panel is named there, and one of more than 100
    points has left the range of its model.
    """
    year = 365.0

    def up(values: Any) -> Array:
        shown = np.clip(np.asarray(values, dtype=float), *_ACCURACY)
        return _UPPER + (shown - _ACCURACY[0]) / (_ACCURACY[1] - _ACCURACY[0])

    def down(values: Any) -> Array:
        return np.clip(np.asarray(values, dtype=float), *_GAP) / _GAP[1]

    floor, gate = float(up(accuracy.limit)), float(down(gap.limit))
    worst, widest = float(np.min(accuracy.values)), float(np.max(gap.values))
    arrow = " ↑" if widest > _GAP[1] else ""
    wide = f"{'> 100' if widest > 1 else plain(100 * widest, 3)} points{arrow}"
    layers: list[Layer] = [
        Boxes(left=0, right=year, bottom=_UPPER, top=floor, token="violation", alpha=0.12),
        Boxes(left=0, right=year, bottom=gate, top=1.0, token="violation", alpha=0.12),
        Segments(x0=0, x1=year, y0=[floor, gate], y1=[floor, gate], token="violation", dash="dashed"),
        Line(x=accuracy.days, y=up(accuracy.values), width=2.2),
        Line(x=gap.days, y=down(gap.values), token="series-4", width=2.6),
        Labels(
            x=0,
            y=floor,
            text=f"floor {percent(accuracy.limit, 0)}",
            token="violation-ink",
            baseline="top",
            dx=4,
            dy=4,
            plate=True,
        ),
        Labels(
            x=0,
            y=gate,
            text=f"gate {plain(100 * gap.limit)} points",
            token="violation-ink",
            baseline="bottom",
            dx=4,
            dy=-3,
            plate=True,
        ),
        Labels(
            x=year,
            y=_UPPER,
            text=f"accuracy, lowest {percent(worst)}",
            token="data",
            bold=True,
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-3,
            plate=True,
        ),
        Labels(
            x=year,
            y=1.0,
            text=f"cohort gap, widest {wide}",
            token="series-4",
            bold=True,
            align="right",
            baseline="top",
            dx=-4,
            dy=4,
            plate=True,
        ),
    ]
    ticks = [(float(up(value)), f"{100 * value:.0f} %") for value in (0.6, 0.7, 0.8, 0.9, 1.0)]
    ticks += [(float(down(value)), f"{100 * value:.0f} pts") for value in (0.0, 0.1, 0.2, 0.3, 0.4)]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("days of operation", 0, year, ticks=tuple((float(d), str(d)) for d in (0, 60, 120, 180, 240, 300, 365))),
        y=Axis("", -0.03, _UPPER + 1.03, ticks=tuple(sorted(ticks))),
        layers=tuple(layers),
        height=380,
    )
