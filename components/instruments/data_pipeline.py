"""A data pipeline: the rates of its stages with the narrowest one, and what each stage does while time passes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Plot, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument

NAN = float("nan")

#: Half the height of a bar; the words of a row stand above its bar. Rows are one apart, `ROW` pixels.
HALF, ROW = 0.2, 50
#: What the axis takes of the height, in pixels.
FURNITURE = 62


def _decades(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Powers of ten, short enough to stand side by side on the narrowest screen: 10, 1k, 1M."""
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    words = {0: "", 1: "k", 2: "M", 3: "G"}
    return tuple((10.0**k, f"{10 ** (k % 3)}{words[k // 3]}") for k in powers)


@dataclass(frozen=True)
class Stage:
    """A stage of a pipeline: what is written above its bar, and its rate (NaN where there is no such stage)."""

    text: str
    rate: float


@instrument(volume=1, chapter=4)
def pipeline_stages(
    stages: Sequence[Stage],
    *,
    flow: Stage,
    narrowest: int | None,
    mark: float,
    mark_text: str,
    predicted: float | None,
    predicted_text: str,
    unit: str,
    low: float,
    high: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Rates of the stages of a pipeline as bars, each filled up to the flow that runs through all of them.

    `stages` stand top to bottom in the order of the flow, `flow` below them is what comes out. `narrowest` is the
    index of the stage that sets the pace (None if none does), `mark` a rate that is drawn through all rows, such as
    a demand. `predicted` is what the student claimed for the flow. The axis is logarithmic from `low` to `high`, from
    1 to some gigas, so bars are compared by their ends, not by their lengths.
    """
    rates = np.array([stage.rate for stage in stages])
    rows = np.arange(len(stages), 0, -1).astype(float)
    filled = np.minimum(flow.rate, rates)
    tight = np.arange(len(stages)) == narrowest
    bottom, top = -0.55, len(stages) + 0.95
    flag = NAN if predicted is None else min(max(predicted, low), high)

    def bars(right: npt.NDArray[np.float64], token: str, alpha: float = 1.0) -> Boxes:
        return Boxes(left=low, right=right, bottom=rows - HALF, top=rows + HALF, token=token, alpha=alpha)

    def words(shown: npt.NDArray[np.bool_], token: str, bold: bool) -> Labels:
        return Labels(
            x=low,
            y=rows + HALF,
            text=[stage.text if yes else "" for stage, yes in zip(stages, shown, strict=True)],
            token=token,
            bold=bold,
            baseline="bottom",
            dx=4,
            dy=-2,
            plate=True,
        )

    late = bool(np.log(mark / low) > 0.6 * np.log(high / low))
    layers: list[Layer] = [
        bars(rates, "data", 0.22),
        Segments(x0=mark, x1=mark, y0=bottom + 0.35, y1=top - 0.1, token="series-6", dash="dashed"),
        bars(np.where(tight, NAN, filled), "data"),
        bars(np.where(tight, filled, NAN), "caution"),
        Boxes(left=low, right=flow.rate, bottom=-HALF, top=HALF, token="series-3"),
        # What runs through: from the narrowest bar down to what comes out.
        Segments(x0=flow.rate, x1=flow.rate, y0=-HALF, y1=len(stages) + HALF, token="ink", dash="dotted", width=1.5),
        words(~tight, "ink", False),
        words(tight, "caution-ink", True),
        Labels(x=low, y=HALF, text=flow.text, token="series-3", bold=True, baseline="bottom", dx=4, dy=-2, plate=True),
        *sided_labels(mark, top, mark_text, left=late, gap=4, token="muted", baseline="top", dy=2, plate=True),
        Segments(x0=flag, x1=flag, y0=bottom, y1=HALF, token="surface", width=7),
        Segments(x0=flag, x1=flag, y0=bottom, y1=HALF, token="series-2", width=3),
        *sided_labels(
            flag,
            -HALF,
            predicted_text if predicted is not None else "",
            left=bool(np.log(flag / low) > 0.5 * np.log(high / low)),
            gap=4,
            token="series-2",
            bold=True,
            baseline="top",
            dy=4,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(unit, low, high, log=True, ticks=_decades(low, high)),
        y=Axis("", bottom, top, ticks=((bottom - 9.0, ""),)),
        layers=tuple(layers),
        height=round(FURNITURE + ROW * (top - bottom)),
    )


@instrument(volume=1, chapter=4)
def loader_timeline(
    lanes: Sequence[str],
    starts_s: npt.NDArray[np.float64],
    ends_s: npt.NDArray[np.float64],
    *,
    tokens: Sequence[str],
    title: str,
    caption: str = "",
) -> Plot:
    """What every stage of a pipeline does while time passes: one lane per stage, one box per batch.

    `starts_s` and `ends_s` have the shape (lanes, batches); a stage that takes no time has an empty lane. The time
    that the last lane waits, for the first batch and between batches, is hatched. `tokens` colour the lanes. The
    drawing ends with the last lane's last batch.
    """
    horizon = float(ends_s[-1, -1])
    unit, scale = ("ms", 1e3) if horizon < 3 else ("s", 1.0)
    right = horizon * scale
    count, batches = starts_s.shape
    rows = np.arange(count)[::-1].astype(float)
    busy = ends_s > starts_s
    begins = np.where(busy & (starts_s < horizon), starts_s * scale, NAN)
    stops = np.where(np.isnan(begins), NAN, np.minimum(ends_s * scale, right))
    waits_from = np.concatenate([[0.0], ends_s[-1, :-1]]) * scale
    waits_to = starts_s[-1] * scale
    waits = waits_to - waits_from > 1e-6 * right
    layers: list[Layer] = [
        Boxes(
            left=begins[lane],
            right=stops[lane],
            bottom=rows[lane] - 0.34,
            top=rows[lane] + 0.34,
            token=tokens[lane],
            outline="surface",
        )
        for lane in range(count)
    ]
    layers += [
        Boxes(
            left=np.where(waits, waits_from, NAN),
            right=np.where(waits, waits_to, NAN),
            bottom=rows[-1] - 0.34,
            top=rows[-1] + 0.34,
            token="violation",
            alpha=0.3,
            hatch="/",
        ),
        # The number of the batch, where its box is wide enough for it on the narrowest screen.
        Labels(
            x=((begins + stops) / 2).ravel(),
            y=np.repeat(rows, batches),
            text=np.where(
                (stops - begins > 0.05 * right), np.tile(np.arange(1, batches + 1).astype(str), (count, 1)), ""
            )
            .ravel()
            .astype(object),
            token="on-fill",
            align="center",
            bold=True,
        ),
        Labels(
            x=(waits_from + waits_to) / 2,
            y=rows[-1],
            text=np.where(waits & (waits_to - waits_from > 0.17 * right), "waits", "").astype(object),
            token="violation-ink",
            align="center",
            bold=True,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"time ({unit})", 0, right * 1.01),
        y=Axis("", -0.6, count - 0.4, ticks=tuple(zip(map(float, rows), lanes, strict=True))),
        layers=tuple(layers),
        height=FURNITURE + 46 * count,
    )
