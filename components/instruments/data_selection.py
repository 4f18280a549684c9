"""Choosing data: the pace of a curriculum, the bill of selection, the schedule that pays, a rare class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import log_ticks, sided_labels, spread
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import number, percent, plain

Array = npt.NDArray[np.float64]

#: Colours that mean the same in every plot of this module: looking at data, looking in every run, training, nothing.
LOOKING, LOOKING_AGAIN, TRAINING, EVERYTHING = "series-5", "series-4", "data", "series-6"


def _ticks(high: float, most: int) -> tuple[tuple[float, str], ...]:
    """Ticks from 0 to `high` at a round step, `most` intervals at most."""
    step = next(
        digit * 10.0**power for power in range(-3, 12) for digit in (1, 2, 5) if high <= most * digit * 10.0**power
    )
    return tuple((float(at), plain(float(at))) for at in np.arange(0, high * (1 + 1e-9), step))


@instrument(volume=1, chapter=9)
def curriculum_pacing(
    baseline_epochs: float,
    available: Array,
    curriculum_epochs: float,
    *,
    scoring_epochs: float,
    title: str,
    caption: str = "",
) -> Plot:
    """The pool, easiest sample at the bottom, over the epochs: an area that is trained on is an area of compute.

    `available` is the share of the pool that each epoch of the curriculum may use; the last one is cut where
    `curriculum_epochs` ends. Left of zero stands what scoring costs, as epochs over the whole pool; hatched is what
    shuffled data would have been trained on until `baseline_epochs` and the curriculum is not.
    """
    shares = np.asarray(available, dtype=float) * 100
    # Epochs of the warm-up are steps; all that follow, with the whole pool, are one block without seams.
    steps = int(np.count_nonzero(shares < 100))
    left = np.arange(steps + 1, dtype=float)
    right = np.append(np.minimum(left[1:], curriculum_epochs), curriculum_epochs)
    tops = np.append(shares[:steps], 100.0)
    # The words stand in the block behind the steps, and need nearly half of a narrow plot.
    roomy = curriculum_epochs - steps > 0.48 * (baseline_epochs + scoring_epochs)
    saved = baseline_epochs - curriculum_epochs
    low = -scoring_epochs - 0.02 * baseline_epochs
    layers: tuple[Layer, ...] = (
        Boxes(left=left, right=right, bottom=0, top=tops, token=TRAINING),
        Boxes(
            left=np.append(left[:steps], curriculum_epochs),
            right=np.append(right[:steps], baseline_epochs),
            bottom=np.append(shares[:steps], 0.0),
            top=100,
            token="met",
            alpha=0.45,
            hatch="right_diagonal_line",
        ),
        Boxes(
            left=-scoring_epochs if scoring_epochs > 0 else np.nan,
            right=0,
            bottom=0,
            top=100,
            token=LOOKING,
        ),
        Segments(x0=0, x1=baseline_epochs, y0=100, y1=100, token="ink", width=2.5, dash="dashed"),
        Segments(x0=0, x1=0, y0=0, y1=107, token="ink", width=1.5),
        Labels(
            x=low,
            y=104,
            text=f"looking: {number(scoring_epochs)}" if scoring_epochs > 0 else "looking: nothing",
            token=LOOKING,
            bold=True,
            baseline="bottom",
            dx=4,
            plate=True,
        ),
        Labels(
            x=baseline_epochs,
            y=104,
            text=f"saved: {number(saved)}",
            token="met-ink",
            bold=True,
            align="right",
            baseline="bottom",
            dx=-2,
        ),
        Labels(
            x=(steps + curriculum_epochs) / 2,
            y=50,
            text=f"training: {plain(curriculum_epochs, 3)} epochs" if roomy else "",
            token="on-fill",
            bold=True,
            align="center",
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "epochs (left of 0: what scoring costs)",
            low,
            baseline_epochs * 1.01,
            ticks=_ticks(baseline_epochs, max(2, round(6 * baseline_epochs / (baseline_epochs + scoring_epochs)))),
        ),
        y=Axis("pool (%), easy to hard", 0, 124, ticks=tuple((float(t), f"{t}") for t in range(0, 101, 25))),
        layers=layers,
        height=270,
    )


@dataclass(frozen=True)
class Bill:
    """What a design costs, part by part: name of the part to its cost, and the colour token of each part."""

    name: str
    parts: Mapping[str, float]
    tokens: Mapping[str, str]

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return sum(self.parts.values())


@instrument(volume=1, chapter=9)
def selection_bill(
    full: Bill,
    selected: Bill,
    *,
    unit: str,
    quantity: str,
    title: str,
    caption: str = "",
    limits: Sequence[Limit] = (),
    high: float | None = None,
) -> Plot:
    """The two sides of the selection inequality as stacked bars, and their difference as a bar of its own.

    `full` is training on everything, `selected` looking and training on what was chosen, in `unit` of `quantity`.
    The difference floats between the two ends, green where selection saves, red where it costs more than it saves.
    `limits` are lines across the bars, hidden at NaN; `high` fixes the right end of the axis.
    """
    saving = full.total - selected.total
    saves = saving > 0
    ends = [full.total, selected.total]
    values = [limit.value for limit in limits]
    right = high if high is not None else 1.4 * float(np.nanmax([*ends, *values])) or 1.0
    rows = (2.0, 1.0)
    tokens = {name: token for bill in (full, selected) for name, token in bill.tokens.items()}
    layers: list[Layer] = []
    for bill, row in zip((full, selected), rows, strict=True):
        tops = np.cumsum(list(bill.parts.values()))
        for (name, size), top in zip(bill.parts.items(), tops, strict=True):
            layers.append(
                Boxes(
                    left=top - size if size > 0 else np.nan,
                    right=top,
                    bottom=row - 0.34,
                    top=row + 0.34,
                    token=bill.tokens[name],
                )
            )
    layers += [
        Boxes(
            left=min(ends) if saves else np.nan,
            right=max(ends),
            bottom=-0.26,
            top=0.26,
            token="met",
            alpha=0.45,
            hatch="right_diagonal_line",
        ),
        Boxes(left=np.nan if saves else min(ends), right=max(ends), bottom=-0.26, top=0.26, token="violation"),
        # The end of the full bar carries down to the difference, and leaves room for the number between them.
        Segments(x0=full.total, x1=full.total, y0=[-0.4, 1.36], y1=[0.64, 1.66], token="ink", width=1.5, dash="dotted"),
    ]
    top = 2.42
    for limit in limits:
        hidden = not np.isfinite(limit.value)
        layers += [
            Segments(x0=limit.value, x1=limit.value, y0=-0.45, y1=top, token=limit.token, dash="dashed", width=2.5),
            *sided_labels(
                limit.value,
                top,
                "" if hidden else limit.label,
                left=not hidden and limit.value > 0.62 * right,
                gap=4,
                token=f"{limit.token}-ink" if limit.token in ("met", "violation", "caution") else limit.token,
                baseline="bottom",
                bold=True,
            ),
        ]
    share = saving / full.total if full.total else 0.0
    # Beside the difference, on the side with more room. A colour is style: one label per colour, of which one speaks.
    before = min(ends) > 0.4 * right
    beside = min(ends) if before else max(ends)
    layers.append(
        Labels(
            x=ends,
            y=rows,
            text=[number(total, 4) for total in ends],
            dx=6,
            token="ink",
            bold=True,
            plate=True,
        )
    )
    tax = f"tax {percent(-share, 1 if share > -1 else 0)}" if share < 0 else ""
    wide = max(ends) - min(ends) > 0.36 * right
    for text, token in (
        (f"saves {percent(share)}" if share > 0 else "", "met-ink"),
        ("saves nothing" if share == 0 else "", "muted"),
        ("" if wide else tax, "violation-ink"),
    ):
        layers += sided_labels(beside, 0, text, left=before, gap=8, token=token, bold=True, plate=True)
    # A large tax leaves no room beside its bar, but enough inside.
    layers.append(Labels(x=sum(ends) / 2, y=0, text=tax if wide else "", token="on-fill", bold=True, align="center"))
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"{quantity} ({unit})", 0, right, ticks=_ticks(right, 5)),
        y=Axis("", -0.55, 2.9, ticks=((2.0, full.name), (1.0, selected.name), (0.0, "difference"))),
        layers=tuple(layers),
        height=250,
        key=tuple(tokens.items()),
    )


@dataclass(frozen=True)
class Schedule:
    """Net speed-up of one kind of training over the length of its schedule; NaN where there is none."""

    label: str
    token: str
    speedup: Array
    #: Baseline epochs at which the speed-up is one; None where no length does it.
    breakeven_epochs: float | None
    #: Colour of its name, where the line's is too light for text.
    ink: str = ""


@instrument(volume=1, chapter=9)
def schedule_breakeven(
    epochs: Array,
    schedules: Sequence[Schedule],
    *,
    here: tuple[float, float],
    reference: Limit,
    predicted: tuple[float, float] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """Net speed-up over baseline epochs (log): how long a schedule must be before looking at the data has paid.

    Curves are named at their right ends, their crossings of one by rings. `reference` is a level for comparison,
    `predicted` a point (epochs, speed-up); beyond the axis it is an arrow at its edge.
    """
    left, right = float(epochs[0]), float(epochs[-1])
    highest = float(np.nanmax([np.nanmax(s.speedup) if np.isfinite(s.speedup).any() else 1.0 for s in schedules]))
    low, high = 0.3, 1.6 if highest <= 1.55 else 2.5
    ends = [float(s.speedup[-1]) for s in schedules]
    heights = spread(ends, 0.11 * (high - low), low, high - 0.05)
    crossings = [
        s.breakeven_epochs if s.breakeven_epochs is not None and left <= s.breakeven_epochs <= right else np.nan
        for s in schedules
    ]
    guess = (np.nan, np.nan) if predicted is None else predicted
    beyond = predicted is not None and guess[1] > high
    guessed = "" if predicted is None else f"you: {plain(guess[1])} ×"
    late = bool(np.log(here[0] / left) > 0.7 * np.log(right / left))
    inside = np.clip(here[1], low, high)
    shown = f"{here[1]:.3f} ×"
    layers: tuple[Layer, ...] = (
        Boxes(left=left, right=right * 2.5, bottom=low, top=1, token="violation", alpha=0.08),
        Labels(
            x=right * 2.4,
            y=low,
            text="slower than shuffled data",
            token="violation-ink",
            align="right",
            baseline="bottom",
            dy=-5,
        ),
        Segments(x0=left, x1=right, y0=reference.value, y1=reference.value, token="muted", dash="dotted", width=1.5),
        Labels(x=left, y=reference.value, text=reference.label, token="muted", baseline="bottom", dx=4, dy=-2),
        Segments(x0=left, x1=right * 2.5, y0=1, y1=1, token="ink", width=1.5),
        *(Line(x=epochs, y=s.speedup, token=s.token, width=2.5) for s in schedules),
        *(
            Labels(x=right, y=at, text=s.label, token=s.ink or s.token, bold=True, dx=6, plate=True)
            for s, at in zip(schedules, heights, strict=True)
        ),
        Points(x=crossings, y=np.ones(len(crossings)), size=11, token="ink", filled=False),
        Labels(
            x=crossings,
            y=1.0,
            text=["" if np.isnan(at) else number(at) for at in crossings],
            token="ink",
            baseline="bottom",
            align="right",
            dx=-3,
            dy=-8,
            plate=True,
        ),
        Points(x=guess[0], y=np.nan if beyond else guess[1], size=11, marker="diamond", token="series-2"),
        Points(x=guess[0], y=high - 0.02 if beyond else np.nan, size=11, marker="triangle", token="series-2"),
        Labels(
            x=guess[0],
            y=min(guess[1], high - 0.02) if predicted is not None else np.nan,
            text=guessed,
            token="series-2",
            bold=True,
            align="right",
            baseline="top" if beyond else "middle",
            dx=-9,
            plate=True,
        ),
        Points(x=here[0], y=inside, size=12, token="ink"),
        # The curves rise: there is room below on the right of a point, and above on its left.
        Labels(x=here[0], y=inside, text="" if late else shown, dx=10, dy=15, token="ink", bold=True, plate=True),
        Labels(
            x=here[0],
            y=inside,
            text=shown if late else "",
            align="right",
            dx=-8,
            dy=-15,
            token="ink",
            bold=True,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "baseline epochs to the target", left * 0.95, right * 2.5, log=True, ticks=log_ticks(left * 0.99, right)
        ),
        y=Axis("net speed-up (×)", low, high),
        layers=layers,
        height=320,
    )


@instrument(volume=1, chapter=9)
def rare_class_tiles(
    count: int,
    kept: float,
    added: float,
    *,
    floor: float,
    name: str,
    rows: int = 10,
    title: str,
    caption: str = "",
) -> Plot:
    """Every sample of a rare class as a tile: chosen by the scores, put back by the class floor, or lost.

    `kept` are the expected survivors in all, of which the floor put `added` back; they fill the columns of `rows`
    tiles from the left, up to the line at `floor`.
    """
    index = np.arange(count)
    column, row = index // rows, rows - 1 - index % rows
    chosen = index < round(kept - added)
    back = (index < round(kept)) & ~chosen
    lost = ~chosen & ~back

    def tiles(which: npt.NDArray[np.bool_], token: str, hatch: str = "", alpha: float = 1.0) -> Boxes:
        left = np.where(which, column + 0.08, np.nan)
        return Boxes(
            left=left,
            right=column + 0.92,
            bottom=row + 0.1,
            top=row + 0.9,
            token=token,
            hatch=hatch,
            alpha=alpha,
        )

    at = floor / rows
    met = kept >= floor * (1 - 1e-9)
    columns = int(np.ceil(count / rows))
    step = 50 if count > 100 else 10
    marks = np.arange(0, count + 1, step)
    text = f"{plain(kept)} of {count} kept"
    return Plot(
        title=title,
        caption=caption,
        x=Axis(name, 0, columns + 0.05 * columns, ticks=tuple((float(mark / rows), f"{mark}") for mark in marks)),
        y=Axis("", -0.1, rows + 2.6, ticks=((-9.0, ""),)),
        layers=(
            tiles(chosen, "data"),
            tiles(back, "met"),
            tiles(lost, "line", alpha=0.75),
            Segments(x0=at, x1=at, y0=-0.1, y1=rows + 0.5, token="ink", width=3),
            Labels(
                x=at,
                y=rows + 0.6,
                text=f"floor: {plain(floor)}",
                token="ink",
                dx=-1,
                baseline="bottom",
                bold=True,
            ),
            Labels(x=0, y=rows + 0.6, text=text if met else "", token="met-ink", bold=True, baseline="bottom"),
            Labels(x=0, y=rows + 0.6, text="" if met else text, token="violation-ink", bold=True, baseline="bottom"),
        ),
        height=220,
        key=(("chosen", "data"), ("put back by the floor", "met"), ("lost", "line")),
    )
