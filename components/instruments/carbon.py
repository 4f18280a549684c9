"""Carbon: energy per query against queries, grids side by side, a grid's day with the work in it, a year's account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, log_ticks, sided_labels, spread
from components.instruments.registry import instrument
from components.quantity import number, percent, plain

Array = npt.NDArray[np.float64]
NAN = float("nan")


@instrument(volume=2, chapter=15)
def rebound_area(
    *,
    gain: float,
    volume: float,
    demand: tuple[Array, Array],
    today: str,
    now: str,
    predicted: tuple[float, float] | None,
    predicted_text: str,
    title: str,
    caption: str = "",
) -> Plot:
    """Total energy as an area: queries times energy per query, both over those of today, which is the unit square.

    `demand` is the demand curve: energies per query and the queries at each. `today` and `now` name the two areas. A
    prediction is the pair of gain and queries that it implies, with its label.
    """
    energy = 1.0 / gain
    more = volume * energy > 1 + 1e-9
    told = predicted is not None
    guess_gain, guess = predicted or (1.0, NAN)
    right = max(4.8, 1.15 * volume)
    queries = np.linspace(1, right, 200)

    def area(shown: bool, token: str) -> Boxes:
        return Boxes(left=0, right=volume if shown else NAN, bottom=0, top=energy, token=token, alpha=0.22)

    layers: tuple[Layer, ...] = (
        area(not more, "met"),
        area(more, "violation"),
        Line(x=queries, y=1 / queries, token="muted", width=1.5, dash="dashed"),
        Boxes(left=0, right=1, bottom=0, top=1, token="ink", alpha=0, outline="ink"),
        Boxes(left=0, right=guess, bottom=0, top=1 / guess_gain, token="series-2", alpha=0, outline="series-2"),
        Line(x=demand[1], y=demand[0]),
        Points(x=guess, y=1 / guess_gain, token="series-2", size=13, marker="diamond"),
        Labels(
            x=0,
            y=1 / guess_gain,
            text=predicted_text if told else "",
            token="series-2",
            baseline="bottom",
            dx=5,
            dy=-4,
            plate=True,
        ),
        Points(x=volume, y=energy, token="ink", size=15, filled=False),
        Labels(x=0, y=1.0, text=today, token="ink", baseline="bottom", dx=4, dy=-4),
        Labels(x=0, y=energy / 2, text=now, token="ink", bold=True, dx=7, plate=True),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("queries (today = 1)", 0, right),
        y=Axis("energy per query (today = 1)", 0, 1.2, ticks=tuple((v, plain(v)) for v in (0, 0.25, 0.5, 0.75, 1.0))),
        layers=layers,
        height=310,
        key=(("demand", "data"), ("the same total as today", "muted")),
    )


@instrument(volume=2, chapter=15)
def rebound_curve(
    gains: Array,
    own: Array,
    references: Mapping[str, Array],
    *,
    here: tuple[float, float],
    predicted: tuple[float, float] | None = None,
    cap: float = NAN,
    title: str,
    caption: str = "",
) -> Plot:
    """Total energy over the efficiency gain, both relative to today, on logarithmic axes.

    `own` is the curve in use, `references` are curves of other elasticities, each named at its end. `here` is the
    operating point (gain, total); `cap` is the gain from which on a cap on the queries binds.
    """
    far = float(gains[-1])
    ends = np.array([curve[-1] for curve in references.values()])
    flag = predicted or (NAN, NAN)
    late = here[0] > far**0.6
    layers: tuple[Layer, ...] = (
        Boxes(left=1, right=far, bottom=1, top=100, token="violation", alpha=0.07),
        *(Line(x=gains, y=curve, token="muted", width=1.2) for curve in references.values()),
        Segments(x0=1, x1=far, y0=1, y1=1, token="ink", width=1.5),
        Labels(x=1, y=60, text="more energy than today", token="violation-ink", dx=6),
        Labels(x=1, y=0.16, text="less", token="met-ink", dx=6),
        Labels(x=far, y=ends, text=list(references), token="muted", dx=5),
        Labels(x=far, y=450, text="elasticity", token="muted", align="right", dx=16),
        Line(x=gains, y=own, width=3),
        Segments(x0=cap, x1=cap, y0=0.1, y1=30, token="series-3", width=1.5, dash="dashed"),
        *sided_labels(
            cap,
            22,
            "" if np.isnan(cap) else "the cap binds",
            left=bool(cap > far**0.6),
            gap=5,
            token="series-3",
        ),
        Points(x=flag[0], y=flag[1], token="series-2", size=13, marker="diamond"),
        Labels(
            x=flag[0],
            y=flag[1],
            text="your prediction" if predicted else "",
            token="series-2",
            dx=9,
            dy=13,
            plate=True,
        ),
        Points(x=here[0], y=here[1], token="ink", size=15, filled=False),
        *sided_labels(*here, f"{number(here[1])}×", left=late, gap=12, token="ink", bold=True, dy=-13, plate=True),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("efficiency gain (×)", 1, far * far**0.13, log=True, ticks=log_ticks(1, far)),
        y=Axis("total energy (today = 1)", 0.1, 800, log=True, ticks=decade_ticks(0.1, 100)),
        layers=layers,
        height=310,
    )


@dataclass(frozen=True)
class Grid:
    """A region's electricity: its name and its mean carbon intensity (kg/kWh)."""

    name: str
    kg_kwh: float


@instrument(volume=2, chapter=15)
def carbon_geography(
    grids: Sequence[Grid], tonnes: Sequence[float], *, compared: tuple[int, int], title: str, caption: str = ""
) -> Plot:
    """The same run on several grids (t), from zero. Ticks in the larger of the two `compared` bars mark the smaller."""
    rows = np.arange(len(grids))[::-1].astype(float)
    emitted = np.array(tonnes, dtype=float)
    chosen = np.isin(np.arange(len(grids)), compared)
    small, large = sorted(compared, key=lambda k: emitted[k])
    marks = np.arange(1, emitted[large] / emitted[small] - 1e-9) * emitted[small]
    top = float(emitted.max())

    def bars(pick: npt.NDArray[np.bool_], token: str, alpha: float) -> Boxes:
        return Boxes(
            left=0,
            right=np.where(pick, emitted, NAN),
            bottom=rows - 0.33,
            top=rows + 0.33,
            token=token,
            alpha=alpha,
        )

    layers: tuple[Layer, ...] = (
        bars(~chosen, "series-6", 0.5),
        bars(chosen, "data", 1.0),
        Segments(
            x0=marks if len(marks) else NAN,
            x1=marks if len(marks) else NAN,
            y0=rows[large] - 0.33,
            y1=rows[large] + 0.33,
            token="surface",
            width=1.5,
        ),
        Labels(x=emitted, y=rows, text=[f"{t:,.0f} t" for t in emitted], dx=6, token="ink", bold=True),
    )
    step = 10.0 ** np.floor(np.log10(top)) * (1 if top / 10.0 ** np.floor(np.log10(top)) < 3 else 2)
    return Plot(
        title=title,
        caption=caption,
        x=Axis("carbon dioxide (t)", 0, 1.4 * top, ticks=tuple((t, f"{t:,.0f}") for t in np.arange(0, top, step))),
        y=Axis("", -0.6, len(grids) - 0.4, ticks=tuple((r, g.name) for r, g in zip(rows, grids, strict=True))),
        layers=layers,
        height=80 + 32 * len(grids),
    )


@dataclass(frozen=True)
class DayLoad:
    """A fleet's day: busy shares today (all day), by work that cannot wait, and at the peak, and what arrives.

    `arriving` is the load if nothing waited, `window` the hours (start, end) in which waiting work runs; its end may
    lie after midnight.
    """

    today: float
    urgent: float
    arriving: float
    peak: float
    window: tuple[float, float]


@instrument(volume=2, chapter=15)
def carbon_day(hours: Array, intensity: Array, load: DayLoad, *, title: str, caption: str = "") -> Plot:
    """A day of a grid's carbon intensity (above, kg/kWh) with the fleet's work placed in it (below).

    `hours` are the middles of the day's steps. Waiting work stands where it runs, its shadow where it arrived; what
    exceeds the fleet is red.
    """
    half = float(hours[1] - hours[0]) / 2
    start, end = load.window
    # The grid has a scale of its own above that of the fleet.
    ceiling = max(1.2, 1.14 * load.peak)
    ground, height = 1.1 * ceiling, 0.62 * ceiling
    dirtiest, clean = float(intensity.max()), int(intensity.argmin())
    sky = ground + height * intensity / dirtiest
    top = ground + 1.12 * height
    waiting = load.arriving > load.urgent + 1e-12
    # Without work that waits there is no window to show; one of a whole day is none.
    inside = np.array([[max(start, 0.0), min(end, 24.0)], [0.0, end - 24.0 if end > 24 else NAN]])
    outside = np.array([[max(end - 24, 0.0), start], [end if end < 24 else NAN, 24.0]])
    if end - start > 24 - 1e-9:
        inside, outside = np.array([[0.0, 24.0], [0.0, NAN]]), np.full((2, 2), NAN)
    shown = waiting and not np.isnan(outside).all()
    within = shown & (((hours > start) & (hours < end)) | (hours + 24 < end))

    def spans(
        at: Array,
        bottom: float,
        upper: float,
        visible: bool,
        *,
        token: str = "met",
        alpha: float = 1.0,
        hatch: str = "",
    ) -> Boxes:
        end = upper if visible else NAN
        return Boxes(left=at[:, 0], right=at[:, 1], bottom=bottom, top=end, token=token, alpha=alpha, hatch=hatch)

    def skyline(pick: npt.NDArray[np.bool_], token: str) -> Boxes:
        return Boxes(
            left=hours - half, right=hours + half, bottom=ground, top=np.where(pick, sky, NAN), token=token, alpha=0.7
        )

    layers: tuple[Layer, ...] = (
        spans(inside, 0.0, top, shown, alpha=0.1),
        skyline(~within, "series-6"),
        skyline(within, "met"),
        Labels(
            x=hours[clean],
            y=sky[clean],
            text=f"{1000 * intensity[clean]:.0f} g",
            token="ink",
            bold=True,
            align="center",
            baseline="bottom",
            dy=-2,
            plate=True,
        ),
        spans(outside, load.urgent, load.arriving, shown, alpha=0.3, hatch="/"),
        Boxes(left=0, right=24, bottom=0, top=min(load.urgent, 1.0), token="data"),
        spans(inside, min(load.urgent, 1.0), min(load.peak, 1.0), waiting),
        Boxes(left=0, right=24, bottom=1, top=load.urgent if load.urgent > 1 else NAN, token="violation"),
        spans(inside, max(load.urgent, 1.0), load.peak, load.peak > 1 + 1e-9, token="violation"),
        Segments(x0=0, x1=24, y0=load.today, y1=load.today, token="ink", width=1.5, dash="dashed"),
        Segments(x0=0, x1=24, y0=1.0, y1=1.0, token="violation"),
        Labels(x=0, y=1.0, text="whole fleet", token="violation-ink", baseline="bottom", dx=4, dy=-2, plate=True),
        Labels(
            x=24,
            y=load.today,
            text=f"today {percent(load.today, 0)}",
            token="ink",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-2,
            plate=True,
        ),
        Labels(
            x=13,
            y=load.peak,
            text=percent(load.peak, 0),
            token="ink",
            bold=True,
            align="center",
            baseline="bottom",
            dy=-3,
            plate=True,
        ),
    )
    step = 0.5 if ceiling < 1.7 else 1.0
    shares = np.arange(0, ceiling - 0.05, step)
    return Plot(
        title=title,
        caption=caption,
        x=Axis("hour of the day", 0, 24, ticks=tuple((float(h), f"{h}") for h in range(0, 25, 6))),
        y=Axis(
            "fleet in use (%)  ·  grid (g/kWh)",
            0,
            top,
            ticks=(
                *((float(s), f"{100 * s:.0f} %") for s in shares),
                (ground, "0 g"),
                (ground + height, f"{1000 * dirtiest:.0f} g"),
            ),
        ),
        layers=layers,
        height=400,
        key=(("cannot wait", "data"), ("may wait", "met"), ("the grid, hour by hour", "series-6")),
    )


@instrument(volume=2, chapter=15)
def shift_saving(
    windows: Array,
    saving: Array,
    other: Array,
    *,
    names: tuple[str, str],
    ceiling: float,
    narrowest_h: float | None,
    shortest_h: float,
    here: tuple[float, float],
    predicted: float | None,
    title: str,
    caption: str = "",
    high: float = 0.55,
) -> Plot:
    """What waiting saves (share of the operational carbon) over the width of the window, on two grids.

    `names` are those of `saving` and `other`; `ceiling` is the most that any window could save on the first. Left of
    `narrowest_h` (h, None where no window has room) the fleet is too small, left of `shortest_h` jobs wait too long.
    """
    low, far = float(windows[0]), float(windows[-1])
    full = far if narrowest_h is None else narrowest_h
    line = full if narrowest_h is not None and low < full < far else NAN
    flag = NAN if predicted is None else 100 * predicted
    # The upper curve falls and leaves room above it on the right, where the prediction is named, too; the lower one
    # is named at its left end.
    at = int(np.argmin(np.abs(windows - 15)))
    below = bool(saving[0] < other[0])
    upper, lower = 100 * float(max(saving[at], other[at])) + 3, 100 * float(min(saving[0], other[0])) + 3
    heights = spread([upper] if predicted is None else [upper, flag + 2], 5.0, 2.5, 100 * high - 4)
    own, others = ((low, lower), (windows[at], heights[0]))[:: 1 if below else -1]
    layers: tuple[Layer, ...] = (
        Boxes(left=low, right=shortest_h, bottom=0, top=100 * high, token="caution", alpha=0.1),
        Boxes(left=low, right=max(full, low), bottom=0, top=100 * high, token="violation", alpha=0.16),
        Segments(x0=shortest_h, x1=shortest_h, y0=0, y1=100 * high, token="caution", dash="dashed"),
        Labels(
            x=shortest_h,
            y=100 * high,
            text=f"wait {plain(24 - shortest_h)} h",
            token="caution-ink",
            baseline="top",
            dx=5,
            dy=4,
            plate=True,
        ),
        Segments(x0=line, x1=line, y0=0, y1=100 * high, token="violation"),
        *sided_labels(
            line,
            100 * high - 8,
            "" if np.isnan(line) else f"fleet full: {number(full)} h",
            left=bool(full > 17),
            gap=5,
            token="violation-ink",
            plate=True,
        ),
        Labels(
            x=(low + far) / 2,
            y=60 * high,
            text="no window has room" if full >= far else "",
            token="violation-ink",
            bold=True,
            align="center",
            plate=True,
        ),
        Segments(x0=low, x1=far, y0=100 * ceiling, y1=100 * ceiling, token="data", width=1.2, dash="dotted"),
        Line(x=windows, y=100 * other, token="muted", width=1.5),
        Line(x=windows, y=100 * saving, width=3),
        Labels(x=own[0], y=own[1], text=names[0], token="data", bold=True, dx=5, plate=True),
        Labels(x=others[0], y=others[1], text=names[1], token="muted", dx=5, plate=True),
        Segments(x0=low, x1=far, y0=flag, y1=flag, token="series-2", dash="dotted"),
        Labels(
            x=far,
            y=heights[-1],
            text="" if predicted is None else f"your prediction: {percent(predicted, 0)}",
            token="series-2",
            align="right",
            dx=-3,
            plate=True,
        ),
        Points(x=here[0], y=100 * here[1], token="ink", size=15, filled=False),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("window (h)", low, far, ticks=tuple((float(h), f"{h}") for h in range(int(low), int(far) + 1, 3))),
        y=Axis("operational carbon saved (%)", 0, 100 * high),
        layers=layers,
        height=300,
        key=(("share that may wait × swing", "data"),),
    )


@dataclass(frozen=True)
class CarbonStep:
    """One bar of a year's account: its name and where it starts and ends (t); a total starts at zero."""

    name: str
    start: float
    end: float
    total: bool = False


@instrument(volume=2, chapter=15)
def carbon_waterfall(
    steps: Sequence[CarbonStep], *, target: float, target_label: str, title: str, caption: str = ""
) -> Plot:
    """A year's carbon from today to the design, lever by lever (t), against a target."""
    rows = np.arange(len(steps))[::-1].astype(float)
    starts, ends = (np.array([getattr(step, name) for step in steps]) for name in ("start", "end"))
    totals = np.array([step.total for step in steps])
    rises = ~totals & (ends > starts)
    right = 1.5 * float(max(starts.max(), ends.max()))

    def bars(pick: npt.NDArray[np.bool_], token: str) -> Boxes:
        return Boxes(
            left=np.where(pick, np.minimum(starts, ends), NAN),
            right=np.maximum(starts, ends),
            bottom=rows - 0.34,
            top=rows + 0.34,
            token=token,
        )

    texts = [f"{step.end:,.0f}" if step.total else signed(step.end - step.start, right) for step in steps]
    layers: tuple[Layer, ...] = (
        Segments(x0=target, x1=target, y0=-0.6, y1=len(steps) - 0.5, token="met", dash="dashed"),
        Segments(
            x0=ends[:-1],
            x1=ends[:-1],
            y0=rows[:-1] - 0.34,
            y1=rows[1:] + 0.34,
            token="muted",
            width=1,
        ),
        bars(totals, "data"),
        bars(~totals & ~rises, "met"),
        bars(rises, "caution"),
        Labels(x=np.maximum(starts, ends), y=rows, text=texts, dx=6, token="ink", bold=True, plate=True),
        Labels(x=target, y=len(steps) - 0.5, text=target_label, token="met-ink", dx=5, baseline="bottom"),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("carbon dioxide of a year (t)", 0, right, ticks=tonne_ticks(right)),
        y=Axis("", -0.6, len(steps) + 0.1, ticks=tuple((r, s.name) for r, s in zip(rows, steps, strict=True))),
        layers=layers,
        height=84 + 34 * len(steps),
        key=(("saves", "met"), ("adds", "caution")),
    )


def signed(change: float, scale: float) -> str:
    """A change in tonnes with its sign; nothing that the scale cannot show is written as zero."""
    if abs(change) < 1e-9 * scale:
        return "0"
    return f"{'+' if change > 0 else '−'}{number(abs(change)) if abs(change) < 100 else f'{abs(change):,.0f}'}"


def tonne_ticks(right: float) -> tuple[tuple[float, str], ...]:
    """Four to six round positions from zero."""
    power = 10.0 ** np.floor(np.log10(right / 4))
    step = float(next(k for k in (1, 2, 5, 10) if right / (k * power) <= 5.5) * power)
    return tuple((float(t), f"{t:,.0f}") for t in np.arange(0, right, step))
