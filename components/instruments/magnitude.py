"""How far two machines are apart: the gap in orders of magnitude, the shapes behind it, and what it does to work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels
from components.instruments.registry import instrument
from components.quantity import count, number, plain, quantity, setting

NAN = float("nan")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Gap:
    """One quantity of two machines: how many orders of magnitude the larger one leads by.

    `scales` says whether more copies of the smaller machine close the gap.
    """

    name: str
    orders: float
    scales: bool = True

    def remaining(self, k: float) -> float:
        """Orders that are left when the smaller machine is enlarged by 10^k."""
        return self.orders - k if self.scales else self.orders


def power_of_ten(exponent: float) -> str:
    """10 to a whole power, as a plain word: 10⁶."""
    return "1" if exponent == 0 else f"10{str(round(exponent)).translate(_SUPERSCRIPTS)}"


def _rows(gaps: Sequence[Gap]) -> tuple[np.ndarray, tuple[tuple[float, str], ...]]:
    rows = np.arange(len(gaps))[::-1].astype(float)
    return rows, tuple((float(row), gap.name) for row, gap in zip(rows, gaps, strict=True))


@instrument(volume=1, chapter=1)
def magnitude_gap(
    gaps: Sequence[Gap],
    *,
    k: float,
    predicted_orders: float | None,
    title: str,
    x_label: str,
    caption: str = "",
    low: int = -7,
    high: int = 10,
) -> Plot:
    """Ratios of two machines as bars from 1 on a logarithmic axis, one per quantity, after enlarging one by 10^k.

    A bar that has reached 1 is green, checked, and says at which k it did; one that never closes is hatched. The
    prediction (in orders) is a flag on the axis of ratios.
    """
    rows, ticks = _rows(gaps)
    left_orders = np.array([gap.remaining(k) for gap in gaps])
    closed = left_orders <= 1e-9
    scales = np.array([gap.scales for gap in gaps])
    ends = 10.0 ** np.clip(left_orders, low, high)
    half, top = 0.3, len(gaps) - 0.4

    def bars(pick: np.ndarray, token: str, hatch: str = "") -> Boxes:
        shown = np.where(pick, ends, NAN)
        return Boxes(
            left=np.minimum(shown, 1.0),
            right=np.maximum(shown, 1.0),
            bottom=rows - half,
            top=rows + half,
            token=token,
            hatch=hatch,
        )

    beyond = predicted_orders is not None and predicted_orders > high
    flag = NAN if predicted_orders is None else 10.0 ** min(predicted_orders, high)
    layers: list[Layer] = [
        bars(~closed & scales, "data"),
        bars(closed, "met"),
        bars(~closed & ~scales, "series-6", "/"),
        Segments(x0=1.0, x1=1.0, y0=-0.6, y1=top, token="ink", width=1.5),
        Segments(x0=flag, x1=flag, y0=-0.6, y1=top + 0.15, token="series-2", dash="dotted"),
        Labels(
            x=flag,
            y=top + 0.3,
            text=""
            if predicted_orders is None
            else f"your prediction{f', {power_of_ten(predicted_orders)} →' if beyond else ''}",
            token="series-2",
            bold=True,
            align="right",
            dx=4 if not beyond else -2,
        ),
        Labels(
            x=1.0,
            y=rows,
            text=["" if shut else f"{orders:.2f} orders" for orders, shut in zip(left_orders, closed, strict=True)],
            token="ink",
            bold=True,
            align="right",
            dx=-7,
        ),
        Labels(
            x=1.0,
            y=rows,
            text=[f"✓ at k = {gap.orders:.2f}" if shut else "" for gap, shut in zip(gaps, closed, strict=True)],
            token="met-ink",
            bold=True,
            dx=7,
            plate=True,
        ),
        Labels(
            x=ends,
            y=rows,
            text=["" if gap.scales or shut else "at any k" for gap, shut in zip(gaps, closed, strict=True)],
            token="muted",
            dx=6,
        ),
    ]
    marks = range(low + (-low) % 3, high + 1, 3)
    return Plot(
        title=title,
        caption=caption,
        x=Axis(x_label, 10.0**low, 10.0**high, log=True, ticks=tuple((10.0**e, power_of_ten(e)) for e in marks)),
        y=Axis("", -0.6, top + 0.65, ticks=ticks),
        layers=tuple(layers),
        height=80 + 40 * len(gaps),
    )


@instrument(volume=1, chapter=1)
def machine_shapes(
    gaps: Sequence[Gap],
    *,
    k: float,
    predicted_orders: float | None,
    larger: str,
    smaller: str,
    title: str,
    x_label: str,
    caption: str = "",
    high: float = 12.6,
) -> Plot:
    """Two machines as profiles over the same quantities, measured in multiples of the smaller one.

    Copies of the smaller machine make a straight line at 10^k, the larger machine a bent one; quantities that do not
    scale stand apart from both. Between the two lies what is missing (grey) or in excess (green).
    """
    rows, ticks = _rows(gaps)
    orders = np.array([gap.orders for gap in gaps])
    reach = np.array([k if gap.scales else 0.0 for gap in gaps])
    scales = np.array([gap.scales for gap in gaps])
    factors = [f"{count(10**gap.orders)} ×" for gap in gaps]
    excess = reach >= orders - 1e-9
    half, top, flag = 0.16, len(gaps) - 1.0, NAN if predicted_orders is None else predicted_orders
    layers: list[Layer] = [
        Boxes(
            left=np.where(excess, NAN, reach),
            right=orders,
            bottom=rows - half,
            top=rows + half,
            token="series-6",
            alpha=0.3,
        ),
        Boxes(
            left=np.where(excess, orders, NAN),
            right=reach,
            bottom=rows - half,
            top=rows + half,
            token="met",
            alpha=0.35,
        ),
        Segments(x0=flag, x1=flag, y0=-0.5, y1=top + 0.6, token="series-2", dash="dotted"),
        *sided_labels(
            flag,
            top + 0.85,
            "" if predicted_orders is None else "your prediction",
            left=flag > high / 2,
            gap=-4,
            token="series-2",
            bold=True,
        ),
        Line(x=np.where(scales, orders, NAN), y=rows, token="cloud"),
        Points(x=orders, y=rows, token="cloud", marker="square"),
        Line(x=np.where(scales, reach, NAN), y=rows, token="tiny"),
        Points(x=reach, y=rows, token="tiny"),
        # The first value stands over its mark, the others under theirs, where no line passes.
        Labels(
            x=orders[0],
            y=top,
            text=factors[0],
            token="cloud-ink",
            bold=True,
            align="right",
            baseline="bottom",
            dx=6,
            dy=-7,
            plate=True,
        ),
        Labels(
            x=orders[1:],
            y=rows[1:],
            text=factors[1:],
            token="cloud-ink",
            bold=True,
            baseline="top",
            dx=8,
            dy=4,
            plate=True,
        ),
    ]
    marks = range(0, int(high) + 1, 3)
    return Plot(
        title=title,
        caption=caption,
        x=Axis(x_label, -1.2, high, ticks=tuple((float(e), power_of_ten(e)) for e in marks)),
        y=Axis("", -0.75, top + 1.15, ticks=ticks),
        layers=tuple(layers),
        height=75 + 42 * len(gaps),
        key=((larger, "cloud"), (smaller, "tiny")),
    )


@dataclass(frozen=True)
class Workload:
    """One inference on one machine: seconds to move its bytes and to do its arithmetic, and its share of memory."""

    name: str
    data_s: float
    compute_s: float
    occupancy: float

    @property
    def fits(self) -> bool:
        """Whether the memory holds it."""
        return self.occupancy <= 1 + 1e-9


@instrument(volume=1, chapter=1)
def workload_terms(
    workloads: Sequence[Workload],
    *,
    memory: str,
    low_s: float,
    high_s: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Two bars per workload on a logarithmic time axis: moving the bytes, doing the arithmetic.

    Over each pair stands whether `memory` holds the workload; where it does not, the bars are pale, because the
    machine never gets to spend that time. The larger time is printed in bold.
    """
    base = np.arange(len(workloads))[::-1] * 3.0
    fits = np.array([work.fits for work in workloads])
    times = np.array([[work.data_s, work.compute_s] for work in workloads])
    larger = times.argmax(axis=1)
    offsets, half = (0.95, 0.2), 0.34
    names = [
        f"{work.name}: fits"
        if work.fits
        else f"{work.name}: {plain(work.occupancy, 3 if work.occupancy < 1000 else 4)} times the {memory}"
        for work in workloads
    ]
    layers: list[Layer] = []
    for j, token in enumerate(("data", "series-3")):
        y = base + offsets[j]
        texts = np.array([seconds_text(time) for time in times[:, j]], dtype=object)
        for pick, alpha in ((fits, 1.0), (~fits, 0.3)):
            layers.append(
                Boxes(
                    left=low_s,
                    right=np.where(pick, np.clip(times[:, j], low_s, high_s), NAN),
                    bottom=y - half,
                    top=y + half,
                    token=token,
                    alpha=alpha,
                )
            )
        for bold in (False, True):
            layers.append(
                Labels(
                    x=times[:, j], y=y, text=np.where((larger == j) == bold, texts, ""), token="ink", bold=bold, dx=6
                )
            )
    for pick, token in ((fits, "met-ink"), (~fits, "violation-ink")):
        layers.append(
            Labels(
                x=low_s,
                y=base + 1.75,
                text=np.where(pick, np.array(names, dtype=object), ""),
                token=token,
                bold=True,
                dx=3,
            )
        )
    first, last = round(np.log10(low_s)), round(np.log10(high_s))
    marks = [10.0**e for e in range(first, last) if e % 3 == 0]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time of one inference", low_s, high_s, log=True, ticks=tuple((m, _tick(m)) for m in marks)),
        y=Axis("", -0.4, base[0] + 2.3, ticks=tuple((float(b + 0.58), "") for b in base)),
        layers=tuple(layers),
        height=75 + 66 * len(workloads),
        key=(("moving the bytes", "data"), ("arithmetic", "series-3")),
    )


def seconds_text(seconds: float) -> str:
    """A time that may be very short or very long: 11.5 ns, 5.40 s, 8,201 s."""
    if seconds < 1:
        return quantity(seconds, "s")
    return f"{number(seconds, 3 if seconds < 1000 else 4)} s"


def _tick(seconds: float) -> str:
    return setting(seconds, "s") if seconds < 1 else f"{plain(seconds)} s"
