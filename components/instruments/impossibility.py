"""Fairness criteria that exclude one another: ratios between groups, scores under cut-offs, gaps and what they cost.

Rates and cut-offs are fractions; plots show them in percent, and gaps in percentage points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.fairness import CAUGHT, GROUP_A, GROUP_B, MISSED, SPARED, WRONGED
from components.instruments.layers import (
    Axis,
    Band,
    Boxes,
    Cells,
    Labels,
    Layer,
    Line,
    Plot,
    Points,
    Segments,
)
from components.instruments.placing import log_ticks, sided_labels
from components.instruments.registry import instrument
from components.quantity import percent, plain

Array = npt.NDArray[np.float64]
NAN = math.nan

#: Two rates whose ratio is this close to 1 are equal.
EQUAL = 1e-9
#: Corners of the triangle in its own plane: to the left and to the right at the bottom, and at the top.
CORNERS = ((1.8, 2.1), (8.2, 2.1), (5.0, 6.6))
HIDDEN = ((-9.0, ""),)
#: Ends of the axis of ratios, of which the narrowest that holds all bars is taken; at its right stand the numbers.
RATIO_SPANS = ((0.5, 3.4), (0.2, 7.0), (1 / 12, 18.0), (1 / 36, 60.0))
RATIO_ROOM = 1.5
RATIO_TICKS = (0.03, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
#: Axes of gaps (points): last tick, and the end, which leaves room for words.
GAP_SPANS = ((40.0, 10.0, 50.0), (100.0, 20.0, 126.0))
PERCENTS = tuple((float(at), f"{at}") for at in range(0, 101, 20))


@dataclass(frozen=True)
class Shared:
    """A rate of two groups: its name, first over second now, and as published. None where a ratio is undefined."""

    name: str
    ratio: float | None
    observed: float

    @property
    def equal(self) -> bool:
        """Whether both groups have the same rate."""
        return self.ratio is not None and abs(self.ratio - 1) <= EQUAL


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}×" if ratio < 99.5 else f"{ratio:,.0f}×"


@instrument(volume=2, chapter=16)
def fairness_triangle(
    corners: tuple[Shared, Shared, Shared],
    *,
    total: float,
    predicted: tuple[int, float] | None,
    title: str,
    caption: str = "",
) -> Plot:
    """Three rates as corners, each with the ratio of the two groups; a side is solid where both its ends are equal.

    Unequal base rates leave at most two corners equal: the third then has all of `total`. `predicted` is a corner and
    the ratio that the student expected there.
    """
    places = np.array(CORNERS)
    equal = np.array([corner.equal for corner in corners])
    sides = ((0, 1), (1, 2), (2, 0))

    def side(both: bool, token: str, width: float, dash: str) -> Segments:
        ends = [(*places[i], *places[j]) if bool(equal[i] and equal[j]) == both else (NAN,) * 4 for i, j in sides]
        x0, y0, x1, y1 = np.array(ends).T
        return Segments(x0=x0, y0=y0, x1=x1, y1=y1, token=token, width=width, dash=dash)

    def discs(shown: npt.NDArray[np.bool_], token: str) -> tuple[Points, Points]:
        x = np.where(shown, places[:, 0], NAN)
        # The first disc hides the sides behind the second, which is pale.
        return (
            Points(x=x, y=places[:, 1], token="surface", size=58),
            Points(x=x, y=places[:, 1], token=token, size=58, alpha=0.16),
        )

    words = [_times(corner.ratio) for corner in corners]
    layers: list[Layer] = [
        side(False, "line", 2, "dashed"),
        side(True, "met", 6, "solid"),
        *discs(equal, "met"),
        *discs(~equal, "violation"),
    ]
    for shown, token in ((equal, "met-ink"), (~equal, "violation-ink")):
        layers.append(
            Labels(
                x=places[:, 0],
                y=places[:, 1],
                text=np.where(shown, words, "").astype(object),
                token=token,
                align="center",
                bold=True,
                size="12pt",
            )
        )
    layers += [
        Labels(
            x=places[:, 0],
            y=[1.0, 1.0, 7.75],
            text=[corner.name for corner in corners],
            token="ink",
            align="center",
            bold=True,
        ),
        Labels(
            x=[places[0, 0], places[1, 0], places[2, 0] + 1.25],
            y=[0.4, 0.4, places[2, 1]],
            text=[f"today {_times(corner.observed)}" for corner in corners[:2]] + [""],
            token="muted",
            align="center",
            size="8.5pt",
        ),
        Labels(
            x=places[2, 0],
            y=places[2, 1],
            text=f"today {_times(corners[2].observed)}",
            token="muted",
            size="8.5pt",
            dx=36,
        ),
        Labels(x=5, y=4.0, text=_times(total), token="ink", align="center", bold=True, size="15pt"),
        Labels(
            x=5,
            y=3.35,
            text="nothing to place" if abs(total - 1) <= EQUAL else "to be placed",
            token="muted",
            align="center",
        ),
        Labels(
            x=NAN if predicted is None else places[predicted[0], 0],
            y=NAN if predicted is None else places[predicted[0], 1] + 1.15,
            text="" if predicted is None else f"you: {_times(predicted[1])}",
            token="series-2",
            align="center",
            bold=True,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("ratio of the two groups at each corner", 0, 10, ticks=HIDDEN),
        y=Axis("", 0, 8.3, ticks=HIDDEN),
        layers=tuple(layers),
        height=330,
        key=(("equal in both groups", "met"), ("unequal", "violation")),
    )


@instrument(volume=2, chapter=16)
def ratio_bars(rates: Sequence[Shared], *, total: float, title: str, caption: str = "") -> Plot:
    """Ratios of two groups as bars from 1 on a logarithmic axis, rings where they stood, and what they come to.

    `rates` are false positives, flag odds and catch rates: the first two lengths less the third are the last bar.
    """
    values = np.array([NAN if rate.ratio is None else rate.ratio for rate in rates] + [total])
    observed = np.array([rate.observed for rate in rates])
    low, high = next((span for span in RATIO_SPANS if _within(values, span[0], span[1] / RATIO_ROOM)), RATIO_SPANS[-1])
    rows = np.arange(len(values), dtype=float)[::-1]
    ends = np.clip(values, low, high)
    mine = np.arange(len(values)) < len(rates)

    def bars(shown: npt.NDArray[np.bool_], token: str) -> Boxes:
        reach = np.where(shown, ends, NAN)
        return Boxes(
            left=np.minimum(reach, 1), right=np.maximum(reach, 1), bottom=rows - 0.27, top=rows + 0.27, token=token
        )

    texts = np.array([_times(rate.ratio) for rate in rates] + [_times(total)], dtype=object)
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "group 1 over group 2 (log)",
            low,
            high,
            log=True,
            ticks=tuple((tick, plain(tick)) for tick in RATIO_TICKS if low <= tick <= high),
        ),
        y=Axis(
            "",
            -0.6,
            len(values) - 0.4,
            ticks=tuple(zip(rows.tolist(), [*(rate.name for rate in rates), "together"], strict=True)),
        ),
        layers=(
            bars(mine & (values >= 1), "data"),
            bars(mine & (values < 1), "series-5"),
            bars(~mine, "series-6"),
            Segments(x0=1, x1=1, y0=-0.5, y1=len(values) - 0.5, token="ink", width=1.5),
            Points(x=np.clip(observed, low, high), y=rows[: len(rates)], token="ink", size=13, filled=False),
            Labels(x=high, y=rows, text=texts, token="ink", align="right", dx=-4, bold=True, plate=True),
        ),
        height=90 + 42 * len(values),
        key=(("above 1", "data"), ("below 1", "series-5"), ("all three together", "series-6"), ("ring: today", "ink")),
    )


def _within(values: Array, low: float, high: float) -> bool:
    known = values[np.isfinite(values)]
    return bool(np.all((known >= low) & (known <= high)))


@dataclass(frozen=True)
class Flagging:
    """How a group is flagged: base rate and rates (fractions). Rates above 1 cannot exist and are shown as such."""

    name: str
    prevalence: float
    tpr: float
    fpr: float
    ppv: float


@instrument(volume=2, chapter=16)
def rate_plane(
    groups: tuple[Flagging, Flagging],
    *,
    selection: float | None,
    predicted_ratio: float | None,
    title: str,
    caption: str = "",
) -> Plot:
    """True- over false-positive rate of two groups, with what is constant along lines through each.

    On the ray from the origin a group's precision is constant; on the falling line the flagged share, drawn where it is
    common to both (`selection`). `predicted_ratio` puts the first group's catch rate at so many times the second's.
    """
    first, second = groups
    across = np.array([100 * group.fpr for group in groups])
    up = np.array([100 * group.tpr for group in groups])
    far = max(float(across.max()), float(up.max())) > 100 * (1 + EQUAL)
    end = 150.0 if far else 100.0
    shown_x, shown_y = np.minimum(across, end), np.minimum(up, end)
    level = NAN if predicted_ratio is None else 100 * predicted_ratio * second.tpr
    level = level if level <= end else NAN
    layers: list[Layer] = [
        Boxes(
            left=[100, 0], right=[end, 100], bottom=[0, 100], top=[end, end], token="violation", alpha=0.14, hatch="/"
        ),
        Segments(x0=0, y0=0, x1=100, y1=100, token="grid", width=1.5),
        Segments(x0=[100, 0], y0=[0, 100], x1=[100, 100], y1=[100, 100], token="line", width=1.5),
    ]
    for group, x, y, token in zip(groups, across, up, (GROUP_A, GROUP_B), strict=True):
        # To the edge of the plot, whichever it leaves first.
        reach = end / max(x, y) if max(x, y) > 0 else NAN
        layers.append(Segments(x0=0, y0=0, x1=x * reach, y1=y * reach, token=token, width=1.5))
        share = NAN if selection is None else 100 * selection
        layers.append(
            Segments(
                x0=0,
                y0=share / group.prevalence,
                x1=share / (1 - group.prevalence),
                y1=0,
                token=token,
                width=1.5,
                dash="dashed",
            )
        )
    layers += [
        Segments(x0=0, x1=end, y0=level, y1=level, token="series-2", dash="dotted", width=2.5),
        Labels(
            x=end,
            y=level,
            text="" if math.isnan(level) else f"you: {predicted_ratio:.2f} × group 2",
            token="series-2",
            bold=True,
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-2,
            plate=True,
        ),
        Points(x=shown_x[1], y=shown_y[1], token=GROUP_B, size=15, marker="square"),
        Points(x=shown_x[0], y=shown_y[0], token=GROUP_A, size=10),
        Labels(
            x=0,
            y=125,
            text="cannot exist" if far else "",
            token="violation-ink",
            bold=True,
            dx=6,
            plate=True,
        ),
        # The corner below the diagonal is free of working classifiers.
        Labels(
            x=end,
            y=[0.17 * end, 0.08 * end],
            text=[f"{g.name}: TPR {percent(g.tpr)}, FPR {percent(g.fpr)}" for g in groups],
            token="ink",
            align="right",
            dx=-6,
            plate=True,
        ),
    ]
    for group, x, y, token, above in zip(groups, shown_x, shown_y, (GROUP_A, GROUP_B), (False, True), strict=True):
        layers += sided_labels(
            x,
            y,
            f"{group.name.removeprefix('group ')}: PPV {percent(group.ppv)}",
            left=x > 0.6 * end,
            gap=11,
            token=token,
            bold=True,
            baseline="bottom" if above else "top",
            dy=-3 if above else 3,
            plate=True,
        )
    ticks = tuple((float(at), f"{at}") for at in range(0, 151, 50 if far else 20) if at <= end)
    return Plot(
        title=title,
        caption=caption,
        x=Axis("false-positive rate (%)", 0, end, ticks=ticks),
        y=Axis("true-positive rate (%)", 0, 1.1 * end, ticks=ticks),
        layers=tuple(layers),
        height=380,
        key=((first.name, GROUP_A), (second.name, GROUP_B), ("same flagged share (dashed)", "muted")),
    )


@dataclass(frozen=True)
class Scored:
    """A group's scores: base rate, cut-off as probability and as score (sd), and its rates (fractions)."""

    name: str
    prevalence: float
    cutoff: float
    threshold: float
    tpr: float
    fpr: float
    ppv: float


@instrument(volume=2, chapter=16)
def score_distributions(
    groups: tuple[Scored, Scored],
    *,
    d_prime: float,
    cells: tuple[str, str, str, str],
    title: str,
    caption: str = "",
    low: float = -3.4,
    high: float = 5.4,
) -> Plot:
    """Scores of two groups with their thresholds: positives upwards, negatives downwards, area is people.

    The threshold cuts both into the four cells of the confusion matrix. `cells` name them: selected positives, missed
    positives, selected negatives, negatives left out.
    """
    x = np.linspace(low, high, 221)
    tokens = (CAUGHT, MISSED, WRONGED, SPARED)
    layers: list[Layer] = []
    bases = (1.5, 0.47)
    # The tallest curve of equal shares, to one half of a panel.
    scale = 1.5

    def density(at: Array, mean: float, share: float) -> Array:
        return np.asarray(scale * share * np.exp(-((at - mean) ** 2) / 2) / math.sqrt(2 * math.pi))

    for group, base in zip(groups, bases, strict=True):
        right, left = np.maximum(x, group.threshold), np.minimum(x, group.threshold)
        p = group.prevalence
        layers += [
            Band(x=right, low=base, high=base + density(right, d_prime, p), token=CAUGHT, alpha=0.85),
            Band(x=left, low=base, high=base + density(left, d_prime, p), token=MISSED, alpha=0.85),
            Band(x=right, low=base - density(right, 0.0, 1 - p), high=base, token=WRONGED, alpha=0.85),
            Band(x=left, low=base - density(left, 0.0, 1 - p), high=base, token=SPARED, alpha=0.85),
            Segments(x0=low, x1=high, y0=base, y1=base, token="ink", width=1),
            Segments(
                x0=group.threshold, x1=group.threshold, y0=base - 0.42, y1=base + 0.44, token="ink", dash="dashed"
            ),
            *sided_labels(
                group.threshold,
                base + 0.44,
                f"cut-off {group.cutoff:.2f}",
                left=group.threshold > 1.6,
                gap=4,
                token="ink",
                bold=True,
                plate=True,
            ),
            Labels(
                x=low,
                y=base + 0.64,
                text=f"{group.name}: TPR {percent(group.tpr)}, FPR {percent(group.fpr)}, PPV {percent(group.ppv)}",
                token="ink",
                bold=True,
                size="9pt",
                plate=True,
            ),
        ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("score (standard deviations)", low, high, ticks=tuple((float(k), f"{k}") for k in range(-3, 6))),
        y=Axis("people, per group", 0.0, 2.38, ticks=HIDDEN),
        layers=tuple(layers),
        height=360,
        key=tuple(zip(cells, tokens, strict=True)),
    )


@dataclass(frozen=True)
class Criterion:
    """A pair of cut-offs that is best under one criterion: its name, cut-offs and accuracy (fractions)."""

    name: str
    cutoff_a: float
    cutoff_b: float
    accuracy: float


@dataclass(frozen=True)
class CriterionPlane:
    """Accuracy (fractions) of a grid of cut-offs, the pairs without a gap, and those on the accuracy floor.

    The rows of `accuracy` follow the second cut-off. `equal` maps the name of a gap to the second cut-off that closes
    it, for each of `along`; `floor` are the corners of the region that is accurate enough.
    """

    cutoffs: Array
    accuracy: Array
    along: Array
    equal: Mapping[str, Array]
    floor: tuple[Array, Array]


#: Where each curve is named: in its order, at a place where no other runs.
CURVE_NAMES = ((0.055, 0.62, "left"), (0.83, 0.64, "right"), (0.955, 0.058, "right"))


@instrument(volume=2, chapter=16)
def criterion_map(
    plane: CriterionPlane,
    *,
    here: tuple[float, float],
    one_cutoff: bool,
    best: Sequence[Criterion],
    floor_name: str,
    low: float,
    high: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Accuracy over the cut-offs of two groups as a heat map, with the curves on which one gap is zero.

    `one_cutoff` draws the diagonal, where both cut-offs are the same and no other pair is lawful; `best` are rings.
    `low` and `high` are the ends of the colour scale (fractions).
    """
    half = float(plane.cutoffs[1] - plane.cutoffs[0]) / 2
    a, b = np.meshgrid(plane.cutoffs, plane.cutoffs)
    start, end = float(plane.cutoffs[0]) - half, float(plane.cutoffs[-1]) + half
    seen = {name: np.where((curve >= start) & (curve <= end), curve, NAN) for name, curve in plane.equal.items()}
    straight = np.array([start, end]) if one_cutoff else np.array([NAN, NAN])
    layers: list[Layer] = [
        Cells(
            left=(a - half).ravel(),
            right=(a + half).ravel(),
            bottom=(b - half).ravel(),
            top=(b + half).ravel(),
            values=plane.accuracy.ravel(),
            low=low,
            high=high,
            gap=0,
        ),
        # On cells that are the same in both themes, lines are, too: told apart by dash, and named beside.
        Line(x=plane.floor[0], y=plane.floor[1], token="on-cell", width=1.5, dash="dotted"),
        Line(x=straight, y=straight, token="on-cell", width=5, alpha=0.35),
    ]
    for dash, curve in zip(("solid", "dashed", "dotdash"), seen.values(), strict=True):
        layers.append(Line(x=plane.along, y=curve, token="on-cell", width=2, dash=dash))
    for (x, y, align), name in zip(CURVE_NAMES, seen, strict=True):
        layers.append(Labels(x=x, y=y, text=name, token="on-cell", align=align, bold=True))
    offsets = ((6, 15, "left"), (9, 11, "left"), (-8, -11, "right"))
    for (dx, dy, align), pair in zip(offsets, best, strict=True):
        layers += [
            Points(x=pair.cutoff_a, y=pair.cutoff_b, token="on-cell", size=9, filled=False),
            Labels(
                x=pair.cutoff_a,
                y=pair.cutoff_b,
                text=percent(pair.accuracy),
                token="on-cell",
                align=align,
                dx=dx,
                dy=dy,
                size="8.5pt",
            ),
        ]
    layers += [
        Points(x=here[0], y=here[1], token="on-cell", size=16),
        Points(x=here[0], y=here[1], token="caution", size=8),
    ]
    marks = tuple((at, f"{at:.1f}") for at in (0.1, 0.3, 0.5, 0.7, 0.9))
    return Plot(
        title=title,
        caption=caption,
        x=Axis("cut-off A (probability)", start, end, ticks=marks),
        y=Axis("cut-off B (probability)", start, end, ticks=marks),
        layers=tuple(layers),
        height=390,
        key=(("your design", "caution"), (f"{floor_name} (dotted)", "muted"), ("rings: best of each kind", "muted")),
    )


@instrument(volume=2, chapter=16)
def regulated_gaps(
    gaps: Mapping[str, float],
    *,
    regulated: str,
    upper: float,
    limit: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Gaps of two groups (fractions) as bars; the `regulated` one with its interval up to `upper`, and its `limit`."""
    names = list(gaps)
    rows = np.arange(len(names), dtype=float)[::-1]
    values = np.array([100 * gap for gap in gaps.values()])
    ruled = np.array([name == regulated for name in names])
    row, gap = float(rows[ruled][0]), float(values[ruled][0])
    bound = 100 * upper
    most = max(bound, float(values.max()))
    last, step, end = next((span for span in GAP_SPANS if most <= span[0]), GAP_SPANS[-1])
    holds = upper <= limit * (1 + EQUAL)
    texts = np.array([f"{value:.1f}" for value in values], dtype=object)
    # Backwards the interval ends at zero: a gap cannot be less.
    back = max(2 * gap - bound, 0.0)
    layers: list[Layer] = [
        Boxes(left=0, right=100 * limit, bottom=row - 0.46, top=row + 0.46, token="met", alpha=0.16),
        Boxes(
            left=0, right=np.where(ruled, NAN, values), bottom=rows - 0.24, top=rows + 0.24, token="series-6", alpha=0.7
        ),
        Boxes(left=0, right=gap, bottom=row - 0.24, top=row + 0.24, token="data"),
        Segments(
            x0=[back, back, bound],
            x1=[bound, back, bound],
            y0=[row, row - 0.14, row - 0.14],
            y1=[row, row + 0.14, row + 0.14],
            token="ink",
            width=2.5,
        ),
        Segments(x0=100 * limit, x1=100 * limit, y0=row - 0.46, y1=row + 0.46, token="violation", dash="dashed"),
        Labels(x=values, y=rows, text=np.where(ruled, "", texts), token="ink", bold=True, dx=6, plate=True),
    ]
    for shown, token in ((holds, "met-ink"), (not holds, "violation-ink")):
        layers.append(
            Labels(
                x=max(bound, 100 * limit),
                y=row,
                text=f"up to {bound:.1f}" if shown else "",
                token=token,
                bold=True,
                dx=7,
                plate=True,
            )
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "gap between the groups (points)",
            0,
            end,
            ticks=tuple((float(at), f"{at:g}") for at in np.arange(0, last * (1 + EQUAL), step)),
        ),
        y=Axis("", -0.55, len(names) - 0.4, ticks=tuple(zip(rows.tolist(), names, strict=True))),
        layers=tuple(layers),
        height=90 + 42 * len(names),
        key=(
            (f"regulated here, at most {100 * limit:g} points", "data"),
            ("not regulated here", "series-6"),
            ("95 % interval", "ink"),
        ),
    )


@instrument(volume=2, chapter=16)
def audit_clock(
    days: Array,
    half_width: Array,
    *,
    now: tuple[float, float],
    room: float,
    deadline: float,
    labels: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Half-width of a measured gap (fractions) over the days of collecting labels, on logarithmic axes.

    `room` is what the gap leaves of its limit: an audit proves the limit kept from below that level on. `now` are the
    window and its half-width, `deadline` is the longest window. NaN hides what does not exist; `labels` names the
    curve.
    """
    low, high = 1.0, 130.0
    shown = 100 * half_width
    level = 100 * room if 100 * room >= low else NAN
    at = float(np.clip(100 * now[1], low, high)) if math.isfinite(now[1]) else NAN
    none = not np.any(np.isfinite(half_width))
    start, end = float(days[0]), float(days[-1])
    return Plot(
        title=title,
        caption=caption,
        x=Axis("window (days, log)", start, 1.3 * end, log=True, ticks=log_ticks(start, end)),
        y=Axis("half-width (points, log)", low, high, log=True, ticks=log_ticks(low, high)),
        layers=(
            Boxes(left=start, right=deadline, bottom=low, top=level, token="met", alpha=0.16),
            Segments(x0=start, x1=end, y0=level, y1=level, token="met-ink", dash="dashed"),
            Segments(x0=deadline, x1=deadline, y0=low, y1=high, token="violation", dash="dashed"),
            Labels(
                x=start,
                y=NAN if math.isnan(level) else low,
                text="" if math.isnan(level) else f"provable below {level:.1f}",
                token="met-ink",
                baseline="bottom",
                dx=5,
                dy=-3,
                plate=True,
            ),
            Labels(
                x=deadline,
                y=high,
                text=f"{deadline:g} days",
                token="violation-ink",
                align="right",
                baseline="top",
                dx=-4,
                dy=4,
                plate=True,
            ),
            Line(x=days, y=np.where((shown >= low) & (shown <= high), shown, NAN), token="data"),
            Points(x=now[0] if math.isfinite(at) else NAN, y=at, token="data", size=12),
            *sided_labels(
                now[0],
                at,
                "" if math.isnan(at) else f"± {100 * now[1]:.1f}",
                left=now[0] > 8,
                gap=9,
                token="data",
                bold=True,
                baseline="bottom",
                dy=-4,
                plate=True,
            ),
            Labels(
                x=math.sqrt(start * end),
                y=math.sqrt(low * high),
                text="no labels, no audit" if none else "",
                token="violation-ink",
                align="center",
                bold=True,
                plate=True,
            ),
        ),
        height=290,
        key=((labels, "data"),),
    )


@instrument(volume=2, chapter=16)
def price_tags(
    prices: Mapping[str, float],
    *,
    yours: float,
    predicted: float | None,
    title: str,
    caption: str = "",
    high: float = 18.0,
) -> Plot:
    """Accuracy (points) that criteria cost, one bar each, and below them the student's design and prediction."""
    names = [*prices, "your design"]
    rows = np.arange(len(names), dtype=float)[::-1]
    values = np.array([*prices.values(), yours])
    mine = np.arange(len(names)) == len(names) - 1
    ends = np.minimum(values, high)
    level = NAN if predicted is None else predicted
    top = len(names) - 0.45

    def bars(shown: npt.NDArray[np.bool_], token: str) -> Boxes:
        return Boxes(left=0, right=np.where(shown, ends, NAN), bottom=rows - 0.26, top=rows + 0.26, token=token)

    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "accuracy lost (points)", 0, high * 1.35, ticks=tuple((float(at), f"{at}") for at in range(0, int(high), 3))
        ),
        y=Axis("", -0.55, len(names) + 0.1, ticks=tuple(zip(rows.tolist(), names, strict=True))),
        layers=(
            bars(~mine, "data"),
            bars(mine, "caution"),
            Segments(x0=level, x1=level, y0=-0.5, y1=top, token="series-2", dash="dashed"),
            *sided_labels(
                level,
                top,
                "" if predicted is None else f"your prediction: {plain(predicted)}",
                left=level > 0.6 * high,
                gap=3,
                token="series-2",
                bold=True,
                baseline="bottom",
                plate=True,
            ),
            Labels(x=ends, y=rows, text=[f"{value:.2f}" for value in values], token="ink", bold=True, dx=7, plate=True),
        ),
        height=90 + 40 * len(names),
    )
