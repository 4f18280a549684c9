"""Robustness: decision regions under attack, margins, the tax of hardening, filters, the review desk, certificates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, sided_labels
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import number, percent, plain

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
NAN = math.nan

#: Colours of the ordinary and the hardened models, from the first on, in every plot of this module.
MODELS = ("series-6", "data", "series-2")
#: Colours of the two classes, and of the regions in which they are answered.
FIRST, SECOND = "data", "series-5"
FIRST_REGION, SECOND_REGION = "data-soft", "caution-soft"


def _steps(low: float, high: float, step: float) -> tuple[tuple[float, str], ...]:
    """Ticks from `low` to `high`."""
    return tuple((float(at), plain(float(at))) for at in np.arange(low, high * (1 + 1e-9), step))


def _runs(regions: Mask) -> tuple[Array, Array, Array]:
    """Left ends, right ends and rows of the unbroken runs of true cells, row by row."""
    padded = np.pad(regions.astype(np.int8), ((0, 0), (1, 1)))
    change = np.diff(padded, axis=1)
    rows, left = np.nonzero(change == 1)
    _, right = np.nonzero(change == -1)
    return left.astype(float), right.astype(float), rows.astype(float)


def _borders(regions: Mask) -> tuple[Array, Array, Array, Array]:
    """Edges between cells that differ, as segments: x0, y0, x1, y1."""
    rows, columns = np.nonzero(regions[:, 1:] != regions[:, :-1])
    upright = (columns + 1, rows, columns + 1, rows + 1)
    rows, columns = np.nonzero(regions[1:] != regions[:-1])
    level = (columns, rows + 1, columns + 1, rows + 1)
    x0, y0, x1, y1 = (np.concatenate(pair).astype(float) for pair in zip(upright, level, strict=True))
    return x0, y0, x1, y1


@instrument(volume=2, chapter=14)
def decision_regions(
    regions: Mask,
    points: Array,
    second: Mask,
    margins: Array,
    *,
    attack: float,
    classes: tuple[str, str],
    axes: tuple[str, str],
    title: str,
    caption: str = "",
) -> Plot:
    """What a rule answers in a plane of two inputs, and around each sample the box that an attack can reach.

    `regions` are unit cells by row and column, true where the answer is the second class. A sample whose box stays in
    its own region survives; one whose `margins` is no more than `attack` can be flipped and is drawn as a ring; one
    with a negative margin is wrong without any attack (a cross). An attack of 0 draws no boxes.
    """
    height, width = regions.shape
    left, right, rows = _runs(regions)
    x0, y0, x1, y1 = _borders(regions)
    across, up = points[:, 0], points[:, 1]
    wrong = margins < 0
    flipped = ~wrong & (margins <= attack) if attack > 0 else np.zeros_like(wrong)
    safe = ~wrong & ~flipped

    def shown(mask: Mask) -> Array:
        return np.where(mask, across, NAN)

    def boxes(mask: Mask, token: str, alpha: float, outline: str) -> Boxes:
        middle = shown(mask if attack > 0 else np.zeros_like(mask))
        # A box ends at the edge of the plot, as the inputs do.
        return Boxes(
            left=np.maximum(middle - attack, 0),
            right=np.minimum(middle + attack, width),
            bottom=np.maximum(up - attack, 0),
            top=np.minimum(up + attack, height),
            token=token,
            alpha=alpha,
            outline=outline,
        )

    layers: list[Layer] = [
        Boxes(left=0, right=width, bottom=0, top=height, token=FIRST_REGION),
        # Rows overlap a little, so that no seam shows between them.
        Boxes(left=left, right=right, bottom=rows, top=np.minimum(rows + 1.06, height), token=SECOND_REGION),
        Segments(x0=x0, y0=y0, x1=x1, y1=y1, token="muted", width=1.5),
        boxes(safe, "met", 0.14, ""),
        boxes(flipped, "violation", 0.12, "violation"),
        Points(x=shown(safe & ~second), y=up, token=FIRST, size=8),
        Points(x=shown(safe & second), y=up, token=SECOND, size=8, marker="square"),
        Points(x=shown(flipped & ~second), y=up, token="violation", size=8, filled=False),
        Points(x=shown(flipped & second), y=up, token="violation", size=8, marker="square", filled=False),
        Points(x=shown(wrong), y=up, token="ink", size=9, marker="x"),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(axes[0], 0, width, ticks=_steps(0, width, 20)),
        y=Axis(axes[1], 0, height, ticks=_steps(0, height, 20)),
        layers=tuple(layers),
        height=370,
        key=(
            (f"{classes[0]} (dot)", FIRST),
            (f"{classes[1]} (square)", SECOND),
            ("flipped by the attack (ring)", "violation"),
            ("wrong without it (cross)", "ink"),
        ),
    )


@instrument(volume=2, chapter=14)
def margin_survival(
    sizes: Sequence[float],
    accuracies: Mapping[str, Sequence[float]],
    *,
    chosen: str,
    attack: float,
    watched: tuple[float, float, str],
    unit: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Share of the images whose margin is larger than an attack, for an ordinary and two hardened models.

    A margin is the smallest change that flips an image; what survives an attack of some size is the share with a
    larger one. `accuracies` are fractions at `sizes` by model; `chosen` and `attack` are marked, with the part of its
    clean accuracy that the attack takes. `watched` are the sizes that matter here, and their name.
    """
    x = np.asarray(sizes, dtype=float)
    names = list(accuracies)
    own = 100 * np.asarray(accuracies[chosen])
    here = float(np.interp(attack, x, own))
    clean = float(own[0])
    low, high, word = watched
    layers: list[Layer] = [
        Boxes(left=low, right=high, bottom=0, top=92, token="caution", alpha=0.12),
        Labels(x=high, y=92, text=word, token="caution-ink", baseline="top", dx=6, dy=3),
    ]
    for name, token in zip(names, MODELS, strict=True):
        values = 100 * np.asarray(accuracies[name])
        layers += [
            Line(x=x, y=np.where(name == chosen, values, NAN), token=token, width=6, alpha=0.3),
            Line(x=x, y=values, token=token),
            Points(x=x, y=values, token=token, size=7),
            Labels(
                x=0,
                y=values[0],
                text=f"{values[0]:.1f}",
                token=token,
                bold=True,
                align="right",
                dx=-11,
            ),
        ]
    hit = attack > 0
    layers += [
        Segments(x0=attack, x1=attack, y0=here, y1=clean if hit else NAN, token="violation", width=3, dash="dotted"),
        Segments(x0=attack, x1=attack, y0=0, y1=here, token="met", width=3),
        Points(x=attack, y=here, token="ink", size=15, filled=False),
        *sided_labels(
            attack,
            (here + clean) / 2,
            f"{clean - here:.1f} flipped" if hit else "",
            left=attack > 10,
            gap=9,
            token="violation-ink",
            bold=True,
            plate=True,
        ),
        *sided_labels(
            attack,
            here,
            f"{plain(here, 3 if here >= 1 else 1)} left" if hit else "",
            left=attack > 10,
            gap=12,
            token="met-ink",
            bold=True,
            baseline="bottom",
            dy=-4,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"size of the attack ({unit})", -4.6, float(x[-1]) + 0.8, ticks=tuple((at, f"{at:g}") for at in x)),
        y=Axis("right under attack (%)", 0, 92, ticks=_steps(0, 80, 20)),
        layers=tuple(layers),
        height=330,
        key=tuple(zip(names, MODELS, strict=True)),
    )


@dataclass(frozen=True)
class Family:
    """Hardened models of one recipe: the size that each was trained against, and its accuracy on honest inputs."""

    name: str
    sizes: Sequence[float]
    accuracy: Sequence[float]


@instrument(volume=2, chapter=14)
def robustness_tax(
    families: tuple[Family, Family],
    *,
    standard: float,
    chosen: tuple[float, float],
    predicted: float | None,
    unit: str,
    title: str,
    caption: str = "",
) -> Plot:
    """What honest users lose: clean accuracy against the attack that a model was hardened against (log axis).

    The dashed line is the ordinary model; from it hangs the tax of each model of the first family. `chosen` is
    the ringed model (size and accuracy, NaN for none), `predicted` the accuracy that the student expected at the
    largest size. Accuracies are fractions.
    """
    top, (first, other) = 100 * standard, families
    sizes, values = np.asarray(first.sizes, dtype=float), 100 * np.asarray(first.accuracy)
    others = 100 * np.asarray(other.accuracy)
    guess = NAN if predicted is None else 100 * predicted
    last = float(sizes[-1])
    layers: list[Layer] = [
        Segments(x0=0.4, x1=30, y0=top, y1=top, token=MODELS[0], dash="dashed"),
        Labels(x=0.43, y=top, text=f"not hardened: {top:.1f}", token=MODELS[0], baseline="bottom", dy=-2, bold=True),
        Segments(x0=sizes, x1=sizes, y0=top, y1=values, token="violation", width=5),
        Line(x=np.asarray(other.sizes, dtype=float), y=others, token="series-3", width=2),
        Points(x=np.asarray(other.sizes, dtype=float), y=others, token="series-3", size=8, marker="square"),
        Line(x=sizes, y=values, token="data"),
        Points(x=sizes, y=values, token="data", size=10),
        # Where a narrow screen has room: left of the first bar, right of the last one and low.
        Labels(
            x=sizes[0],
            y=top - 3.2,
            text=f"−{top - values[0]:.1f}",
            token="violation-ink",
            bold=True,
            align="right",
            dx=-7,
        ),
        Labels(x=last, y=values[-1] + 4, text=f"−{top - values[-1]:.1f}", token="violation-ink", bold=True, dx=7),
        Points(x=chosen[0], y=100 * chosen[1], token="ink", size=18, filled=False),
        Segments(x0=last / 1.2, x1=last * 1.2, y0=guess, y1=guess, token="series-2", width=4),
        Labels(
            x=last * 1.2,
            y=guess,
            text="" if predicted is None else f"you: {guess:.0f}",
            token="series-2",
            dx=4,
            bold=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            f"hardened against ({unit})", 0.4, 30, log=True, ticks=tuple((2.0**k, plain(2.0**k)) for k in range(-1, 4))
        ),
        y=Axis("right on honest images (%)", 40, 82, ticks=_steps(40, 80, 10)),
        layers=tuple(layers),
        height=330,
        key=(
            (f"{first.name} (dots)", "data"),
            (f"{other.name} (squares)", "series-3"),
            ("the tax", "violation"),
            ("your prediction", "series-2"),
        ),
    )


@instrument(volume=2, chapter=14)
def training_bill(steps: int, most: int, *, total: str, title: str, caption: str = "") -> Plot:
    """What a hardened training costs: one block per forward-backward pass of a step, of `most` attack steps at most.

    The first pass is the one that learns; an ordinary training has no other.
    """
    blocks = np.arange(most, dtype=float)
    left = np.where(blocks < steps, blocks + 1.04, NAN)
    layers: tuple[Layer, ...] = (
        Boxes(left=0.04, right=0.96, bottom=[0.7, -0.3], top=[1.3, 0.3], token="data"),
        Boxes(left=left, right=blocks + 1.96, bottom=-0.3, top=0.3, token="violation", hatch="right_diagonal_line"),
        Labels(x=1, y=1, text="1×", token="ink", dx=6, bold=True),
        Labels(x=1.0 + steps, y=0, text=total, token="ink", dx=6, bold=True),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("passes in every training step", 0, most + 2, ticks=_steps(0, most + 2, 2)),
        y=Axis("", -0.55, 1.55, ticks=((1.0, "ordinary"), (0.0, "hardened"))),
        layers=layers,
        height=170,
        key=(("the pass that learns", "data"), ("a pass that attacks (hatched)", "violation")),
    )


@instrument(volume=2, chapter=14)
def attack_breakeven(
    shares: Array,
    accuracies: Mapping[str, Array],
    *,
    breakeven: float,
    here: tuple[float, float],
    predicted: float | None,
    title: str,
    caption: str = "",
) -> Plot:
    """Expected accuracy over the share of attacks in the traffic, for an ordinary and two hardened models.

    Right of `breakeven` the compared hardened model is better on average. `here` is the share and the expected
    accuracy of the design, `predicted` the share at which the student expects the lines to cross. All are fractions.
    """
    x = 100 * shares
    cross = 100 * breakeven
    guess = NAN if predicted is None else 100 * predicted
    top = 86.0
    layers: list[Layer] = [
        Boxes(left=cross, right=100, bottom=0, top=top, token="met", alpha=0.1),
        Segments(x0=cross, x1=cross, y0=0, y1=top, token="met-ink", dash="dashed"),
        *sided_labels(
            cross,
            top,
            f"break-even {cross:.1f} %",
            left=cross > 50,
            gap=5,
            token="met-ink",
            bold=True,
            baseline="top",
            dy=3,
            plate=True,
        ),
    ]
    layers += [
        Line(x=x, y=100 * values, token=token) for values, token in zip(accuracies.values(), MODELS, strict=True)
    ]
    layers += [
        Segments(x0=guess, x1=guess, y0=0, y1=top, token="series-4", width=2.5),
        *sided_labels(
            guess,
            6,
            "" if predicted is None else "your prediction",
            left=guess > 50,
            gap=5,
            token="series-4",
            bold=True,
            plate=True,
        ),
        Points(x=100 * here[0], y=100 * here[1], token="ink", size=15, filled=False),
        Points(x=100 * here[0], y=100 * here[1], token="ink", size=5),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("attacks among all inputs (%)", -2, 101, ticks=_steps(0, 100, 20)),
        y=Axis("right on average (%)", 0, top, ticks=_steps(0, 80, 20)),
        layers=tuple(layers),
        height=330,
        key=tuple(zip(accuracies, MODELS, strict=True)),
    )


@dataclass(frozen=True)
class Defence:
    """A model in the plane of two accuracies (fractions): on honest inputs, and at worst without and with a filter."""

    name: str
    clean: float
    bare: float
    filtered: float


@instrument(volume=2, chapter=14)
def defence_plane(
    defences: Sequence[Defence],
    *,
    clean_min: float,
    worst_min: float,
    here: tuple[float, float],
    region: str,
    title: str,
    caption: str = "",
) -> Plot:
    """The frontier of clean against worst-case accuracy: every model without a filter, and with the one at hand.

    The shaded corner meets both floors. `here` is the design on screen.
    """
    x = 100 * np.array([one.clean for one in defences])
    bare, filtered = (100 * np.array([getattr(one, name) for one in defences]) for name in ("bare", "filtered"))
    left, bottom = 100 * clean_min, 100 * worst_min
    # Names of what lies at the bottom stand above it, the others, too: no two models share a place.
    layers: tuple[Layer, ...] = (
        Boxes(left=left, right=82, bottom=bottom, top=100, token="met", alpha=0.16),
        Segments(x0=[left, left], x1=[left, 82], y0=[bottom, bottom], y1=[100, bottom], token="met-ink", dash="dashed"),
        *sided_labels(
            left, 100, region, left=left > 70, gap=6, token="met-ink", baseline="top", dy=4, bold=True, plate=True
        ),
        Segments(x0=x, x1=x, y0=bare, y1=filtered, token="line", width=2),
        Points(x=x, y=bare, token="data", size=10),
        Points(x=x, y=filtered, token="series-2", size=10, marker="diamond"),
        Labels(
            x=x,
            y=bare,
            text=[one.name for one in defences],
            token="data",
            align="center",
            baseline="bottom",
            dy=-8,
            plate=True,
        ),
        Points(x=100 * here[0], y=100 * here[1], token="ink", size=20, filled=False),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("right on honest images (%)", 40, 82, ticks=_steps(40, 80, 10)),
        y=Axis("attacks stopped (%)", -5, 100, ticks=_steps(0, 100, 20)),
        layers=layers,
        height=330,
        key=(("no filter (dot)", "data"), ("with the filter (diamond)", "series-2"), ("this design (ring)", "ink")),
    )


@instrument(volume=2, chapter=14)
def filter_scores(
    scores: Array,
    honest: Array,
    attacks: Array,
    *,
    threshold: float,
    rates: tuple[float, float] | None,
    window: tuple[float, float] | None,
    names: tuple[str, str] = ("honest", "attacks"),
    title: str,
    caption: str = "",
) -> Plot:
    """Densities of a filter's score for honest inputs and for attacks, and where the threshold cuts them.

    What lies right of the threshold is flagged: `rates` are the shares of attacks and of honest inputs (fractions;
    None while the filter is off). `window` are the thresholds that meet every limit, None where none does.
    """
    top = 1.32 * float(max(honest.max(), attacks.max()))
    low, high = float(scores[0]), float(scores[-1])
    flagged = scores >= threshold
    on = rates is not None
    caught, alarms = rates or (NAN, NAN)
    begin, end = window or (NAN, NAN)

    def area(values: Array, shown: Mask) -> Array:
        return np.where(shown & on, values, 0.0)

    peak, peak_honest = (float(values.max()) for values in (attacks, honest))
    middle, middle_honest = (float(scores[int(values.argmax())]) for values in (attacks, honest))
    layers: list[Layer] = [
        Boxes(left=begin, right=end, bottom=0, top=top, token="met", alpha=0.22),
        *sided_labels(
            end,
            top,
            "limits hold" if window else "",
            left=end > 0.5 * high,
            gap=5,
            token="met-ink",
            baseline="top",
            dy=3,
            bold=True,
        ),
        Labels(
            x=high,
            y=top,
            text="" if window else "no threshold meets the limits",
            token="violation-ink",
            align="right",
            baseline="top",
            dx=-5,
            dy=3,
            bold=True,
        ),
        Band(x=scores, low=0.0, high=area(attacks, ~flagged), token="violation", alpha=0.2),
        Band(x=scores, low=0.0, high=area(attacks, flagged), token="series-2", alpha=0.3),
        Band(x=scores, low=0.0, high=area(honest, flagged), token="caution", alpha=0.75),
        Line(x=scores, y=honest, token="data"),
        Line(x=scores, y=attacks, token="series-2", dash="dashed"),
        Segments(x0=threshold, x1=threshold, y0=0, y1=0.73 * top, token="ink", width=2.5),
        Labels(
            x=middle_honest,
            y=peak_honest,
            text=names[0],
            token="data",
            align="right",
            baseline="bottom",
            dx=-10,
            bold=True,
        ),
        Labels(x=middle, y=peak, text=names[1], token="series-2", baseline="bottom", dx=10, dy=-2, bold=True),
        *sided_labels(
            threshold,
            np.array([0.62, 0.48]) * top,
            [f"{percent(caught)} attacks", f"{percent(alarms)} honest"] if on else ["filter off", ""],
            left=threshold > 2.2,
            gap=8,
            token="ink",
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "score (standard deviations)",
            low,
            high,
            ticks=_steps(math.ceil(low), high, 1),
        ),
        y=Axis("density", 0, top, ticks=((0.0, "0"), (0.2, "0.2"), (0.4, "0.4"))),
        layers=tuple(layers),
        height=260,
        key=(("flagged attacks", "series-2"), ("missed attacks", "violation"), ("flagged honest inputs", "caution")),
    )


@instrument(volume=2, chapter=14)
def review_desk(
    attacks: float, honest: float, *, capacity: Limit, low: float, high: float, title: str, caption: str = ""
) -> Plot:
    """Flagged inputs of a day on a log axis: attacks, honest ones, and both together against what the desk can read."""
    values = np.array([attacks, honest, attacks + honest])
    rows = np.array([2.0, 1.0, 0.0])
    shown = np.where(values > low, np.minimum(values, high), NAN)
    limit = capacity.value
    over = np.array([False, False, values[2] > limit * (1 + 1e-9)])

    def bars(kept: Mask, token: str, hatch: str = "") -> Boxes:
        return Boxes(
            left=low,
            right=np.where(kept, shown, NAN),
            bottom=rows - 0.3,
            top=rows + 0.3,
            token=token,
            hatch=hatch,
        )

    index = np.arange(3)
    words = np.array([number(value, 3) if value < 1 else f"{value:,.0f}" for value in values], dtype=object)
    layers: list[Layer] = [
        bars(index == 0, "series-2"),
        bars(index == 1, "caution"),
        bars((index == 2) & ~over, "data"),
        bars((index == 2) & over, "violation", "right_diagonal_line"),
        Segments(x0=limit, x1=limit, y0=-0.5, y1=2.6, token="met-ink", dash="dashed"),
        *sided_labels(
            limit, 2.62, capacity.label, left=limit > 2e4, gap=3, token="met-ink", baseline="bottom", dy=-1, bold=True
        ),
    ]
    # The numbers stand in a column at the right, where no bar and no limit runs through them.
    layers += [
        Labels(
            x=12 * high,
            y=rows,
            text=np.where(kept, words, ""),
            token=token,
            align="right",
            dx=-4,
            bold=True,
            plate=True,
        )
        for kept, token in ((~over, "ink"), (over, "violation-ink"))
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("flagged in a day", low, 12 * high, log=True, ticks=decade_ticks(low, high, 2)),
        y=Axis("", -0.55, 3.15, ticks=((2.0, "attacks"), (1.0, "honest"), (0.0, "all"))),
        layers=tuple(layers),
        height=210,
    )


@instrument(volume=2, chapter=14)
def certificate_ladder(
    passes: Array,
    radii: Mapping[str, Array],
    *,
    chosen: str,
    needed: Limit,
    here: tuple[float, float],
    in_time: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Largest radius that a number of noisy copies can certify, per noise, under the radius that an attack needs.

    `needed` encloses the attack. `here` are copies and radius of the design (NaN for none). Left of `in_time`
    passes a decision meets its deadline.
    """
    low, high = float(passes[0]), float(passes[-1])
    top = 14.0
    layers: list[Layer] = [
        Boxes(left=low, right=min(max(in_time, low), high), bottom=0, top=top, token="met", alpha=0.14),
        Labels(x=low, y=top, text="in time", token="met-ink", baseline="top", dx=5, dy=4, bold=True),
        Segments(x0=low, x1=high, y0=needed.value, y1=needed.value, token="violation", dash="dashed"),
        Labels(
            x=high,
            y=needed.value,
            text=needed.label,
            token="violation-ink",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-2,
            bold=True,
        ),
    ]
    for name, radius in radii.items():
        token = {True: "data", False: "series-6"}
        for strong in (False, True):
            layers.append(
                Line(
                    x=passes,
                    y=np.where((name == chosen) == strong, np.maximum(radius, 0), NAN),
                    token=token[strong],
                    width=3.5 if strong else 1.5,
                )
            )
            layers.append(
                Labels(
                    x=high,
                    y=float(radius[-1]),
                    text=name if (name == chosen) == strong else "",
                    token=token[strong],
                    align="right",
                    baseline="bottom",
                    dx=-4,
                    dy=-3,
                    bold=strong,
                )
            )
    shown = math.isfinite(here[1])
    layers += [
        Segments(x0=here[0], x1=here[0], y0=here[1], y1=needed.value, token="violation", width=2, dash="dotted"),
        Points(x=here[0] if shown else NAN, y=here[1], token="ink", size=14, filled=False),
        *sided_labels(
            here[0],
            0.28 * here[1] + 0.72 * needed.value if shown else NAN,
            f"{plain(needed.value - here[1], 3)} short" if shown else "",
            left=here[0] > 2000,
            gap=8,
            token="violation-ink",
            bold=True,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("noisy copies, each a forward pass", low, 1.25 * high, log=True, ticks=decade_ticks(low, high)),
        y=Axis("certified radius (l2)", 0, top, ticks=_steps(0, 14, 2)),
        layers=tuple(layers),
        height=330,
    )
