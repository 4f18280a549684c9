"""Fairness: an identity of error rates, two confusion matrices, receiver operating curves, gaps and their proof."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import percent, plain

Array = npt.NDArray[np.float64]
NAN = math.nan

#: Colours of the first and the second group, and of published figures, in every plot of this module.
GROUP_A, GROUP_B, PUBLISHED = "data", "series-5", "series-4"
#: Cells of a confusion matrix.
CAUGHT, MISSED, WRONGED, SPARED = "data", "series-3", "series-4", "line"

#: Axes of gaps (points): the smallest that holds all values is taken, so that a small gap can be read.
GAP_SCALES = ((12.0, 2.0), (60.0, 10.0), (120.0, 20.0))


def _steps(high: float, step: float, form: str = "{:g}") -> tuple[tuple[float, str], ...]:
    """Ticks from 0 to `high`."""
    return tuple((float(at), form.format(at)) for at in np.arange(0.0, high * (1 + 1e-9), step))


PERCENTS = _steps(100, 20)


@dataclass(frozen=True)
class Marked:
    """A group on the identity's curve: base rate, false-positive rate, half-width of its interval (fractions)."""

    name: str
    prevalence: float
    fpr: float
    half_width: float = NAN


@dataclass(frozen=True)
class PublishedGroup:
    """A published group: its curve over the base rates of the plot, its base rate, implied and reported rate."""

    name: str
    curve: Array
    prevalence: float
    fpr: float
    reported: float


@instrument(volume=1, chapter=15)
def chouldechova_explorer(
    prevalence: Array,
    fpr: Array,
    *,
    impossible_from: float,
    groups: tuple[Marked, Marked],
    published: Sequence[PublishedGroup],
    predicted_ratio: float | None,
    title: str,
    caption: str = "",
) -> Plot:
    """False-positive rate over the base rate at one precision and one miss rate, with two groups on the curve.

    `fpr` is the identity's rate at each `prevalence` (fractions); where it would exceed 1 the three inputs cannot occur
    together, and the region from `impossible_from` on is shaded. Rates above 1 are not drawn. `published` are groups
    with curves of their own, the reported rate as a ring; a rate of NaN hides one. `predicted_ratio` draws
    the level at which the second group would lie if it were so many times the first.
    """
    low, high = 0.0, float(prevalence[-1]) * 100

    def seen(rates: Array) -> Array:
        return np.where(rates <= 1, rates, NAN) * 100

    edge = impossible_from * 100 if impossible_from * 100 < high else NAN
    first, second = (
        Marked(g.name, g.prevalence * 100, g.fpr * 100 if g.fpr <= 1 else NAN, g.half_width * 100) for g in groups
    )
    level = NAN if predicted_ratio is None else predicted_ratio * first.fpr
    level = level if level <= 100 else NAN
    # The upright word, some 28 points long, keeps away from the level, and from the groups and their names.
    taken = [value for value in (level, first.fpr, second.fpr) if math.isfinite(value)]
    word_at = max((64.0, 36.0, 4.0), key=lambda start: min((abs(start + 14 - value) for value in taken), default=0.0))
    layers: list[Layer] = [
        Boxes(left=edge, right=high, bottom=0, top=100, token="violation", alpha=0.1),
        Labels(
            x=min(edge, high - 7) if math.isfinite(edge) else NAN,
            y=word_at,
            text="impossible" if math.isfinite(edge) else "",
            token="violation-ink",
            angle=90,
            baseline="top",
            dx=5,
        ),
        Line(x=prevalence * 100, y=seen(fpr), token="ink", width=2.5),
    ]
    for group in published:
        hidden = not math.isfinite(group.fpr)
        at = NAN if hidden else group.prevalence * 100
        layers += [
            Line(x=prevalence * 100, y=seen(group.curve), token=PUBLISHED, width=1.5, dash="dashed"),
            Points(x=at, y=group.fpr * 100, token=PUBLISHED, size=8, marker="diamond"),
            Points(x=at, y=group.reported * 100, token=PUBLISHED, size=17, filled=False),
            Labels(
                x=at, y=group.fpr * 100, text="" if hidden else group.name, token=PUBLISHED, dx=13, dy=3, plate=True
            ),
        ]
    layers += [
        Segments(x0=low, x1=high, y0=level, y1=level, token="series-2", dash="dashed"),
        Labels(
            x=high,
            y=level,
            text=f"your {plain(predicted_ratio)} × A" if predicted_ratio is not None and math.isfinite(level) else "",
            token="series-2",
            align="right",
            baseline="bottom",
            dx=-3,
            dy=-1,
            bold=True,
            plate=True,
        ),
        # The step from the first group's rate up to the second's.
        Segments(
            x0=[first.prevalence, second.prevalence],
            x1=[second.prevalence, second.prevalence],
            y0=first.fpr,
            y1=[first.fpr, second.fpr],
            token="muted",
            dash="dotted",
            width=1.5,
        ),
    ]
    for marked, token in ((first, GROUP_A), (second, GROUP_B)):
        ends = np.clip([marked.fpr - marked.half_width, marked.fpr + marked.half_width], 0, 100)
        layers += [
            Segments(
                x0=[marked.prevalence, marked.prevalence - 1.2, marked.prevalence - 1.2],
                x1=[marked.prevalence, marked.prevalence + 1.2, marked.prevalence + 1.2],
                y0=[ends[0], ends[0], ends[1]],
                y1=[ends[1], ends[0], ends[1]],
                token=token,
            ),
            Points(x=marked.prevalence, y=marked.fpr, token=token, size=12),
        ]
    # The first group is named above the rising curve, the second below it: they may stand on the same point.
    words = [f"{g.name} {percent(g.fpr / 100)}" if math.isfinite(g.fpr) else "" for g in (first, second)]
    layers += [
        *sided_labels(
            first.prevalence,
            first.fpr,
            words[0],
            left=first.prevalence > 22,
            gap=9,
            token=GROUP_A,
            bold=True,
            baseline="bottom",
            dy=-6,
            plate=True,
        ),
        *sided_labels(
            second.prevalence,
            second.fpr,
            words[1],
            left=second.prevalence > 66,
            gap=9,
            token=GROUP_B,
            bold=True,
            baseline="top",
            dy=5,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("base rate (%)", low, high, ticks=_steps(high, 10)),
        y=Axis("false-positive rate (%)", 0, 100, ticks=PERCENTS),
        layers=tuple(layers),
        height=340,
    )


@dataclass(frozen=True)
class Confusion:
    """A group's confusion matrix as shares of the group; NaN where it cannot exist. `count` people are shown."""

    name: str
    caught: float
    missed: float
    wronged: float
    spared: float
    count: int = 1000

    @property
    def prevalence(self) -> float:
        """Share to which the label applies."""
        return self.caught + self.missed


@instrument(volume=1, chapter=15)
def confusion_mosaics(
    groups: tuple[Confusion, Confusion],
    *,
    columns: tuple[str, str],
    cells: tuple[str, str, str, str],
    title: str,
    caption: str = "",
) -> Plot:
    """Two confusion matrices as mosaics: area is people, width the base rate, height the share that is flagged.

    The left column of a mosaic are those to whom the label applies, the right one the others; `columns` name them.
    `cells` name caught, missed, wrongly flagged, rightly spared. The height of the wrongly flagged is the
    false-positive rate; the first group's is carried over to the second.
    """
    gap = 0.16
    tokens = (CAUGHT, MISSED, WRONGED, SPARED)
    # Share of a mosaic's width and height that a count of three digits needs on a narrow screen.
    wide, tall = 0.24, 0.075
    layers: list[Layer] = []
    rates = []
    level = 100 * groups[0].wronged / (1 - groups[0].prevalence)
    for k, group in enumerate(groups):
        start, split = k * (1 + gap), k * (1 + gap) + group.prevalence
        end = start + 1
        tpr = group.caught / group.prevalence
        fpr = group.wronged / (1 - group.prevalence)
        exists = math.isfinite(fpr)
        rates.append((split, end, fpr))
        middle = 100 * tpr, 100 * fpr
        boxes = (
            (start, split, 0.0, middle[0], group.caught, "on-fill"),
            (start, split, middle[0], 100.0, group.missed, "on-fill"),
            (split, end, 0.0, middle[1], group.wronged, "on-fill"),
            (split, end, middle[1], 100.0, group.spared, "ink"),
        )
        for (left, right, bottom, top, share, ink), token in zip(boxes, tokens, strict=True):
            shown = exists and top > bottom
            # The carried level may run through a cell: its number stands in the larger part.
            if k == 1 and bottom < level < top:
                span = (level, top) if top - level > level else (bottom, level)
            else:
                span = (bottom, top)
            fits = shown and right - left > wide and (span[1] - span[0]) / 100 > tall
            layers += [
                Boxes(
                    left=left + 0.006 if shown else NAN,
                    right=right - 0.006,
                    bottom=bottom,
                    top=top,
                    token=token,
                ),
                Labels(
                    x=(left + right) / 2,
                    y=sum(span) / 2 if fits else NAN,
                    text=f"{group.count * share:.0f}" if fits else "",
                    token=ink,
                    align="center",
                    bold=True,
                ),
            ]
        layers.append(
            Labels(
                x=start + 0.5,
                y=50,
                text="" if exists else "no such group",
                token="violation-ink",
                align="center",
                bold=True,
            )
        )
    (split, _, fpr), (_, other_end, other_fpr) = rates
    layers += [
        Segments(x0=split, x1=other_end, y0=level, y1=level, token="ink", dash="dashed", width=1.5),
        *(
            Labels(
                x=end,
                y=100 * rate,
                text=percent(rate) if math.isfinite(rate) else "",
                token=WRONGED,
                align="right",
                baseline="bottom",
                dx=-4,
                dy=-3,
                bold=True,
                plate=True,
            )
            for end, rate in ((rates[0][1], fpr), (other_end, other_fpr))
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            f"left: {columns[0]}, right: {columns[1]}",
            -0.03,
            2 + gap + 0.03,
            ticks=tuple((k * (1 + gap) + 0.5, group.name) for k, group in enumerate(groups)),
        ),
        y=Axis("flagged in the column (%)", 0, 108, ticks=PERCENTS),
        layers=tuple(layers),
        height=290,
        key=tuple(zip(cells, tokens, strict=True)),
    )


@instrument(volume=1, chapter=15)
def disaggregated_bars(
    rates: Mapping[str, float], *, aggregates: Sequence[str], high: float, title: str, caption: str = ""
) -> Plot:
    """Error rates (fractions) of groups and of mixtures of them, one bar each; `aggregates` names the mixtures.

    `high` is the last tick of the axis (%).
    """
    rows = np.arange(len(rates), dtype=float)[::-1]
    values = np.array([100 * rate for rate in rates.values()])
    mixed = np.array([name in aggregates for name in rates])
    return Plot(
        title=title,
        caption=caption,
        # A quarter more than the ticks need: the longest bar carries its number behind it.
        x=Axis("error rate (%)", 0, 1.25 * high, ticks=_steps(high, 10)),
        y=Axis("", -0.6, len(rates) - 0.4, ticks=tuple(zip(rows.tolist(), rates, strict=True))),
        layers=(
            Boxes(left=0, right=np.where(mixed, NAN, values), bottom=rows - 0.32, top=rows + 0.32, token="data"),
            Boxes(
                left=0,
                right=np.where(mixed, values, NAN),
                bottom=rows - 0.32,
                top=rows + 0.32,
                token="series-6",
                hatch="right_diagonal_line",
            ),
            *sided_labels(
                values,
                rows,
                [percent(rate) for rate in rates.values()],
                left=False,
                token="ink",
                bold=True,
                plate=True,
            ),
        ),
        height=70 + 38 * len(rates),
        key=(("one group", "data"), ("a mixture (hatched)", "series-6")),
    )


@dataclass(frozen=True)
class Scorer:
    """A receiver operating curve over the false-positive rates of the plot (fractions), and its name in the key."""

    name: str
    tpr: Array


@dataclass(frozen=True)
class Operating:
    """An operating point (fractions)."""

    name: str
    fpr: float
    tpr: float


@instrument(volume=1, chapter=15)
def roc_plane(
    fpr: Array,
    *,
    first: Scorer,
    second: Scorer,
    second_before: Scorer,
    points: tuple[Operating, Operating],
    tolerance: float,
    title: str,
    caption: str = "",
) -> Plot:
    """True-positive over false-positive rate: curves of two groups, the second's before, and where both operate.

    A threshold moves a point along its curve; only another scorer is another curve. The box around the first
    group's point holds all second points whose two gaps are at most `tolerance` (fraction).
    """
    a, b = points
    reach = 100 * tolerance
    at_a, at_b = (100 * a.fpr, 100 * a.tpr), (100 * b.fpr, 100 * b.tpr)
    words = [f"{p.name}: TPR {percent(p.tpr, 0)}, FPR {percent(p.fpr, 0)}" for p in points]
    layers: tuple[Layer, ...] = (
        Segments(x0=0, y0=0, x1=100, y1=100, token="grid", width=1.5),
        Line(x=100 * fpr, y=100 * second_before.tpr, token="series-6", dash="dashed", width=2),
        Line(x=100 * fpr, y=100 * first.tpr, token=GROUP_A),
        Line(x=100 * fpr, y=100 * second.tpr, token=GROUP_B),
        Boxes(
            left=max(at_a[0] - reach, 0),
            right=min(at_a[0] + reach, 100),
            bottom=max(at_a[1] - reach, 0),
            top=min(at_a[1] + reach, 100),
            token="met",
            alpha=0.18,
            outline="met",
        ),
        Segments(x0=at_a[0], y0=at_a[1], x1=at_b[0], y1=at_b[1], token="muted", dash="dotted", width=1.5),
        Points(x=at_a[0], y=at_a[1], token=GROUP_A, size=12),
        Points(x=at_b[0], y=at_b[1], token=GROUP_B, size=12, marker="square"),
        # The corner below the diagonal is always empty.
        Labels(x=100, y=[19, 10], text=words, token="ink", align="right", dx=-6, plate=True),
        Labels(x=at_a[0], y=at_a[1], text=a.name, token=GROUP_A, bold=True, align="right", dx=-9, dy=-9, plate=True),
        Labels(x=at_b[0], y=at_b[1], text=b.name, token=GROUP_B, bold=True, dx=9, dy=9, plate=True),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("false-positive rate (%)", 0, 100, ticks=PERCENTS),
        y=Axis("true-positive rate (%)", 0, 104, ticks=PERCENTS),
        layers=layers,
        height=380,
        key=((first.name, GROUP_A), (second.name, GROUP_B), (f"{second_before.name} (dashed)", "series-6")),
    )


@dataclass(frozen=True)
class Gap:
    """A gap and what may be promised of it: measured, at the next audit, and with its error bar (fractions)."""

    name: str
    measured: float
    grown: float
    certified: float


@instrument(volume=1, chapter=15)
def gap_gauges(gaps: Sequence[Gap], *, gate: Limit, title: str, caption: str = "") -> Plot:
    """Gaps as bars: measured, what grows until the next audit, and the error bar up to what cannot be excluded.

    `gate` is the largest gap that may be certified (fraction). The axis is the smallest of a few fixed ones.
    """
    rows = np.arange(len(gaps), dtype=float)[::-1]
    measured, grown, certified = (
        np.array([100 * getattr(gap, name) for gap in gaps]) for name in ("measured", "grown", "certified")
    )
    limit = 100 * gate.value
    most = float(np.max(certified))
    high, step = next((scale for scale in GAP_SCALES if most * 1.34 <= scale[0]), GAP_SCALES[-1])
    holds = certified <= limit * (1 + 1e-9)
    ends = np.minimum(certified, high)
    words = np.array([f"up to {value:.1f}" for value in certified], dtype=object)
    top = len(gaps) - 0.42
    # A capped line of whatever length: the half-width of the audit, on top of the grown gap.
    tick = 0.16
    layers: list[Layer] = [
        Boxes(left=0, right=limit, bottom=-0.5, top=top, token="met", alpha=0.14),
        Boxes(left=0, right=measured, bottom=rows - 0.24, top=rows + 0.24, token="data"),
        Boxes(
            left=measured,
            right=grown,
            bottom=rows - 0.24,
            top=rows + 0.24,
            token="data",
            alpha=0.5,
            hatch="right_diagonal_line",
        ),
        Segments(x0=grown, x1=ends, y0=rows, y1=rows, token="ink", width=2.5),
        Segments(x0=ends, x1=ends, y0=rows - tick, y1=rows + tick, token="ink", width=2.5),
        Segments(x0=limit, x1=limit, y0=-0.5, y1=top, token="met-ink", dash="dashed"),
        Labels(x=limit, y=top, text=gate.label, token="met-ink", baseline="bottom", dx=4, dy=-2),
    ]
    for kept, token in ((holds, "met-ink"), (~holds, "violation-ink")):
        layers += sided_labels(
            ends, rows, np.where(kept, words, ""), left=ends > 0.74 * high, gap=8, token=token, bold=True, plate=True
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("gap between the groups (points)", 0, high, ticks=_steps(high, step)),
        y=Axis(
            "",
            -0.55,
            len(gaps) - 0.05,
            ticks=tuple((row, gap.name) for row, gap in zip(rows.tolist(), gaps, strict=True)),
        ),
        layers=tuple(layers),
        height=120 + 46 * len(gaps),
        key=(("measured", "data"), ("growth until the next audit (hatched)", "data"), ("error bar", "ink")),
    )


@instrument(volume=1, chapter=15)
def selection_rates(rates: Mapping[str, float], *, least_ratio: float, title: str, caption: str = "") -> Plot:
    """How many of each of two groups are selected (fractions), against `least_ratio` of the higher rate."""
    values = np.array([100 * rate for rate in rates.values()])
    rows = np.array([1.0, 0.0])
    line = least_ratio * float(np.max(values))
    falls_short = values < line * (1 - 1e-9)
    words = [percent(rate) for rate in rates.values()]

    def bars(shown: npt.NDArray[np.bool_], token: str) -> Boxes:
        return Boxes(left=0, right=np.where(shown, values, NAN), bottom=rows - 0.28, top=rows + 0.28, token=token)

    return Plot(
        title=title,
        caption=caption,
        x=Axis("selected (% of the group)", 0, 100, ticks=PERCENTS),
        y=Axis("", -0.6, 2.05, ticks=tuple(zip(rows.tolist(), rates, strict=True))),
        layers=(
            bars(~falls_short, "data"),
            bars(falls_short, "violation"),
            Segments(x0=line, x1=line, y0=-0.5, y1=1.5, token="ink", dash="dashed"),
            *sided_labels(
                line,
                1.5,
                f"{plain(least_ratio)} × the higher",
                left=line > 60,
                gap=-2,
                token="ink",
                baseline="bottom",
                dy=-2,
            ),
            # Behind the bar, or behind the line where that would run through the number.
            *sided_labels(
                np.where(falls_short, line, values), rows, words, left=False, gap=7, token="ink", bold=True, plate=True
            ),
        ),
        height=180,
    )


@instrument(volume=1, chapter=15)
def yearly_bill(
    parts: Mapping[str, float],
    *,
    budget: Limit,
    tokens: Sequence[str] = ("series-3", "series-4"),
    title: str,
    caption: str = "",
) -> Plot:
    """What a year costs (USD), part by part in one bar, against a budget."""
    sizes = np.array(list(parts.values())) / 1e3
    ends = np.cumsum(sizes)
    limit = budget.value / 1e3
    over = ends[-1] > limit * (1 + 1e-9)
    high = 1.3 * max(float(ends[-1]), limit)
    step = next(
        digit * 10.0**power for power in range(0, 9) for digit in (1, 2, 5) if high <= 5.5 * digit * 10.0**power
    )
    total = f"{ends[-1]:,.0f}"
    layers: list[Layer] = [
        Boxes(left=end - size, right=end if size > 0 else NAN, bottom=-0.3, top=0.3, token=token)
        for end, size, token in zip(ends, sizes, tokens, strict=True)
    ]
    layers += [
        Segments(x0=limit, x1=limit, y0=-0.5, y1=0.55, token="violation", dash="dashed"),
        *sided_labels(
            limit,
            0.55,
            budget.label,
            left=limit > 0.6 * high,
            gap=3,
            token="violation-ink",
            baseline="bottom",
            dy=-1,
        ),
    ]
    for shown, token in ((not over, "met-ink"), (over, "violation-ink")):
        layers.append(
            Labels(x=ends[-1], y=0, text=total if shown else "", token=token, dx=7, bold=True, plate=True),
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("thousand USD a year", 0, high, ticks=_steps(high, step, "{:,.0f}")),
        y=Axis("", -0.6, 1.0, ticks=((0.0, "plan"),)),
        layers=tuple(layers),
        height=150,
        key=tuple(zip(parts, tokens, strict=True)),
    )
