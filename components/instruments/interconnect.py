"""Links of a cluster: how fast each is, what its data sheet counts, and what crosses it when a model is split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, sided_labels, spread
from components.instruments.registry import instrument
from components.quantity import number, percent, plain, quantity

Array = npt.NDArray[np.float64]


# --- links ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tier:
    """One link of the hierarchy: its name, how far it reaches in words, the time of a message (s), its rate (B/s)."""

    name: str
    distance: str
    seconds: float
    rate: float


@instrument(volume=2, chapter=2)
def bandwidth_staircase(
    tiers: Sequence[Tier],
    *,
    pair: tuple[int, int],
    predicted: tuple[str, float] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """Time of one message over each link of a hierarchy, fastest on top, with the ratio at every step down.

    `pair` are the two tiers compared, drawn in full colour; `predicted` is (link, seconds) that was predicted.
    """
    # The end leaves room for a prediction a hundred times off and for the words behind the longest bar.
    low, high = 1e-4, 1e5
    rows = np.arange(len(tiers))[::-1].astype(float)
    times = np.clip(np.array([tier.seconds for tier in tiers]) * 1e3, low, high)
    compared = np.isin(np.arange(len(tiers)), pair)
    ratios = [lower.seconds / upper.seconds for upper, lower in pairwise(tiers)]
    # The prediction has a row of its own: on the row that it is about it would lie on that row's time.
    guess = math.nan if predicted is None else float(np.clip(predicted[1] * 1e3, low, high))
    layers: tuple[Layer, ...] = (
        *(
            Boxes(
                left=low,
                right=np.where(pick, times, np.nan),
                bottom=rows - 0.31,
                top=rows + 0.31,
                token="data",
                alpha=alpha,
            )
            for pick, alpha in ((compared, 1.0), (~compared, 0.4))
        ),
        Segments(x0=times[:-1], x1=times[1:], y0=rows[:-1] - 0.5, y1=rows[:-1] - 0.5, token="ink", width=2),
        Segments(x0=times, x1=times, y0=rows - 0.5, y1=rows + 0.31, token="ink", width=1),
        Labels(
            x=times[1:],
            y=rows[:-1] - 0.5,
            text=[f"× {number(ratio)}" for ratio in ratios],
            dx=7,
            token="caution-ink",
            bold=True,
        ),
        Labels(
            x=times,
            y=rows,
            text=[quantity(tier.seconds, "s") for tier in tiers],
            dx=7,
            token="ink",
            bold=True,
            plate=True,
        ),
        Boxes(left=low, right=guess, bottom=-1.31, top=-0.69, token="series-2", alpha=0.25),
        Points(x=guess, y=-1.0, size=12, token="series-2", marker="diamond"),
        Labels(
            x=guess,
            y=-1.0,
            text="" if predicted is None else quantity(predicted[1], "s"),
            dx=10,
            token="series-2",
            bold=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time (ms)", low, high * 30, log=True, ticks=decade_ticks(low, high, 2)),
        y=Axis(
            "",
            -1.6,
            len(tiers) - 0.5,
            ticks=(
                *(
                    (float(at), f"{tier.name}\n{plain(tier.rate / 1e9)} GB/s\n{tier.distance}")
                    for at, tier in zip(rows, tiers, strict=True)
                ),
                (-1.0, "" if predicted is None else f"your {predicted[0]}\nprediction"),
            ),
        ),
        layers=layers,
        height=370,
    )


@dataclass(frozen=True)
class Lane:
    """A link with two directions: name, rate of one direction (B/s), what is printed, and whether both are counted."""

    name: str
    one_way: float
    printed: str
    both_counted: bool


@instrument(volume=2, chapter=2)
def duplex_lanes(lanes: Sequence[Lane], *, title: str, caption: str = "") -> Plot:
    """Both directions of each link: to the right the one that a transfer uses, to the left the way back.

    The way back is filled where the rate in use counts it.
    """
    rows = np.arange(len(lanes))[::-1].astype(float)
    rates = np.array([lane.one_way for lane in lanes]) / 1e9
    counted = np.array([lane.both_counted for lane in lanes])
    reach = 1.8 * float(rates.max())
    half = 0.27
    layers: tuple[Layer, ...] = (
        Boxes(left=0, right=rates, bottom=rows - half, top=rows + half),
        Boxes(left=-rates, right=np.where(counted, 0, np.nan), bottom=rows - half, top=rows + half, token="caution"),
        Boxes(
            left=-rates,
            right=np.where(counted, np.nan, 0),
            bottom=rows - half,
            top=rows + half,
            token="series-6",
            alpha=0.3,
            hatch="/",
        ),
        Segments(x0=0, x1=0, y0=-0.5, y1=len(lanes) - 0.5, token="ink"),
        Labels(x=rates, y=rows, text=[plain(rate) for rate in rates], dx=6, token="ink", bold=True),
        *(
            Labels(
                x=-rates,
                y=rows,
                text=[f"+{plain(rate)}" if both == picked else "" for rate, both in zip(rates, counted, strict=True)]
                if picked
                else [plain(rate) if not both else "" for rate, both in zip(rates, counted, strict=True)],
                align="right",
                dx=-6,
                token=token,
                bold=picked,
            )
            for picked, token in ((True, "caution-ink"), (False, "muted"))
        ),
        *(
            Labels(
                x=0,
                y=len(lanes) - 0.5,
                text=text,
                align=align,
                baseline="bottom",
                dx=dx,
                token="muted",
            )
            for text, align, dx in (("← the way back", "right", -6), ("your transfer →", "left", 6))
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "one direction each (GB/s)",
            -reach,
            reach,
            ticks=tuple((float(at), f"{abs(at)}") for at in (-400, -200, 0, 200, 400)),
        ),
        y=Axis(
            "",
            -0.6,
            len(lanes) - 0.05,
            ticks=tuple((float(at), f"{lane.name}\n{lane.printed}") for at, lane in zip(rows, lanes, strict=True)),
        ),
        layers=layers,
        height=250,
    )


@dataclass(frozen=True)
class Ratio:
    """A ratio of two times, like for like and as data sheets print the rates."""

    name: str
    like_for_like: float
    as_printed: float


@instrument(volume=2, chapter=2)
def convention_readout(
    ratios: Sequence[Ratio],
    *,
    printed: bool,
    predicted: tuple[int, float] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """How many times slower a link looks under two conventions, side by side; the one in use is filled.

    `predicted` is (row, ratio) that was predicted.
    """
    rows = np.arange(len(ratios))[::-1].astype(float)
    like = np.array([ratio.like_for_like for ratio in ratios])
    sheet = np.array([ratio.as_printed for ratio in ratios])
    row, guess = (math.nan, math.nan) if predicted is None else (rows[predicted[0]], predicted[1])
    layers: tuple[Layer, ...] = (
        Segments(x0=like, x1=sheet, y0=rows, y1=rows, token="series-6", width=3),
        Points(x=like, y=rows, size=13, filled=False),
        Points(x=sheet, y=rows, size=13, token="caution", filled=False),
        Points(x=np.where(printed, np.nan, like), y=rows, size=13),
        Points(x=np.where(printed, sheet, np.nan), y=rows, size=13, token="caution"),
        Labels(
            x=like, y=rows, text=[f"{number(v)}×" for v in like], align="right", token="data", bold=True, dx=-3, dy=-16
        ),
        Labels(x=sheet, y=rows, text=[f"{number(v)}×" for v in sheet], token="caution-ink", bold=True, dx=3, dy=-16),
        Points(x=guess, y=row, size=12, token="series-2", marker="diamond"),
        *sided_labels(
            guess,
            row,
            "" if predicted is None else "your prediction",
            left=bool(guess > 12),
            gap=-6,
            token="series-2",
            plate=True,
            dy=19,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "times slower than NVLink", 1, 200, log=True, ticks=tuple((float(t), f"{t}") for t in (1, 3, 10, 30, 100))
        ),
        y=Axis(
            "",
            -0.7,
            len(ratios) - 0.3,
            ticks=tuple((float(at), ratio.name) for at, ratio in zip(rows, ratios, strict=True)),
        ),
        layers=layers,
        height=220,
        key=(("one direction against one direction", "data"), ("rates as printed", "caution")),
    )


# --- a split model -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClusterLinks:
    """What carries a cluster's traffic: names of the link inside a node and of the network, each in few words."""

    node: str
    network: str


@instrument(volume=2, chapter=2)
def parallelism_map(
    nodes: int,
    *,
    slots: int,
    gpus_per_node: int,
    tp: int,
    adapters: int,
    links: ClusterLinks,
    title: str,
    caption: str = "",
) -> Plot:
    """Whom the first GPU of a cluster talks to: its tensor-parallel group, and the same shard in the other replicas.

    `nodes` of the `slots` drawn are in use. The links that a kind of traffic crosses have its colour; `adapters` is
    the number of network ports of each node, 0 where there is no network.
    """
    columns = 2 if slots > 1 else 4
    lines = gpus_per_node // columns
    gpu = np.arange(slots * gpus_per_node)
    node, place = gpu // gpus_per_node, gpu % gpus_per_node
    column, line = place % columns, place // columns
    # One node is one wide; its GPUs fill the upper part of it.
    width = 0.8 / columns
    left = node + 0.1 + column * width + 0.02
    top = 3.75 - line * (2.5 / lines)
    bottom = top - 2.5 / lines + 0.14
    used = node < nodes
    group = used & (gpu // tp == 0) & (gpu > 0)
    peers = used & (gpu % tp == 0) & (gpu > 0)
    others = used & ~group & ~peers & (gpu > 0)

    def pick(mask: Any, token: str, alpha: float = 1.0) -> Boxes:
        return Boxes(
            left=left,
            right=np.where(mask, left + width - 0.04, np.nan),
            bottom=bottom,
            top=top,
            token=token,
            alpha=alpha,
        )

    slot = np.arange(slots)
    rented = slot < nodes
    inside = min(tp, gpus_per_node) > 1
    # What crosses a link: tensor parallelism marks it first, since it crosses it in every layer.
    in_node = "tp" if inside else "dp" if nodes * gpus_per_node > 1 else ""
    across = "" if nodes < 2 else "tp" if tp > gpus_per_node else "dp"

    def switch(kind: str, token: str, alpha: float) -> Boxes:
        # A group inside a node is the first node's; the other replicas do the same in theirs.
        shown = rented & (in_node == kind)
        return Boxes(
            left=slot + 0.1,
            right=np.where(shown, slot + 0.9, np.nan),
            bottom=0.72,
            top=1.1,
            token=token,
            alpha=alpha,
        )

    def fabric(kind: str, token: str, alpha: float) -> Boxes:
        return Boxes(
            left=0.06,
            right=slots - 0.06 if slots > 1 and across == kind else np.nan,
            bottom=-1.0,
            top=-0.45,
            token=token,
            alpha=alpha,
        )

    ports = np.arange(gpus_per_node)
    port_x = (slot[:, None] + 0.1 + 0.8 * (ports + 0.5) / gpus_per_node).ravel()
    plugged = ((ports < adapters)[None, :] & rented[:, None] & (slots > 1)).ravel()
    spread_x = np.where(plugged, port_x, np.nan)
    layers: tuple[Layer, ...] = (
        Boxes(
            left=slot + 0.04,
            right=np.where(rented, slot + 0.96, np.nan),
            bottom=0.5,
            top=4.0,
            token="sunken",
            outline="series-6",
        ),
        pick(others, "series-6", 0.45),
        pick(group, "caution"),
        pick(peers, "met"),
        pick(gpu == 0, "ink"),
        switch("tp", "caution-ink", 1.0),
        switch("dp", "met-ink", 1.0),
        Segments(x0=spread_x, x1=spread_x, y0=-0.45, y1=0.5, token="series-6", width=3),
        fabric("tp", "caution-ink", 1.0),
        fabric("dp", "met-ink", 1.0),
        fabric("", "series-6", 0.45),
        Labels(
            x=slot + 0.5,
            y=0.91,
            text=[links.node if shown else "" for shown in rented],
            align="center",
            token="on-fill",
            bold=True,
        ),
        Labels(
            x=slots / 2,
            y=-0.725,
            text=links.network if slots > 1 and across else "",
            align="center",
            token="on-fill",
            bold=True,
        ),
        Labels(
            x=slots / 2,
            y=-0.725,
            text=links.network if slots > 1 and not across else "",
            align="center",
            token="ink",
            bold=True,
        ),
        Labels(
            x=slot + 0.5,
            y=np.where(rented, 4.05, 2.3),
            text=[f"node {k + 1}" if shown else "not rented" for k, shown in zip(slot, rented, strict=True)],
            align="center",
            baseline="bottom",
            token="muted",
            dy=-1,
        ),
        Labels(
            x=left[0] + width / 2 - 0.02,
            y=(top[0] + bottom[0]) / 2,
            text="0",
            align="center",
            token="surface",
            bold=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("", 0, slots, ticks=((-1.0, ""),)),
        y=Axis("", -1.15 if slots > 1 else 0.35, 4.6, ticks=((-9.0, ""),)),
        layers=layers,
        height=300 if slots > 1 else 230,
        key=(
            ("GPU 0", "ink"),
            ("its tensor group: every layer", "caution"),
            ("same shard elsewhere: once per step", "met"),
            ("other GPUs", "series-6"),
        ),
    )


@dataclass(frozen=True)
class SplitStep:
    """One step of a split model (s), all three NaN where it is not drawn; `note` says why."""

    name: str
    compute: float
    tensor: float
    data: float
    note: str = ""

    @property
    def total(self) -> float:
        """The step (s): nothing is hidden."""
        return self.compute + self.tensor + self.data

    @property
    def efficiency(self) -> float:
        """Share of the step that is math."""
        return self.compute / self.total


@instrument(volume=2, chapter=2)
def parallelism_timeline(
    steps: Sequence[SplitStep], *, chosen: int, wall: float, title: str, caption: str = ""
) -> Plot:
    """One step per way to split a model, as stacked bars of time: math, tensor- and data-parallel all-reduces.

    Behind each bar stands the share that is math. Where communication takes more than `wall` of the step, the larger
    of its two parts is red. The bar with index `chosen` is outlined.
    """
    rows = np.arange(len(steps))[::-1].astype(float)
    compute, tensor, data = (
        np.array([getattr(step, name) for step in steps]) for name in ("compute", "tensor", "data")
    )
    total = compute + tensor + data
    drawn = np.isfinite(total)
    right = 1.24 * (float(np.nanmax(total)) if drawn.any() else 1.0)
    with np.errstate(invalid="ignore"):
        walled = (tensor + data) > wall * total * (1 + 1e-9)
        tensor_red, data_red = walled & (tensor >= data), walled & (data > tensor)
    half = 0.34
    mine = np.arange(len(steps)) == chosen

    def part(left: Array, size: Array, shown: Any, token: str) -> Boxes:
        return Boxes(
            left=left,
            right=np.where(shown & (size > 0), left + size, np.nan),
            bottom=rows - half,
            top=rows + half,
            token=token,
        )

    def words(pick: Any, texts: Sequence[str]) -> list[str]:
        return [text if shown else "" for text, shown in zip(texts, pick, strict=True)]

    layers: tuple[Layer, ...] = (
        part(np.zeros(len(steps)), compute, drawn, "data"),
        part(compute, tensor, drawn & ~tensor_red, "caution"),
        part(compute + tensor, data, drawn & ~data_red, "met"),
        part(compute, tensor, drawn & tensor_red, "violation"),
        part(compute + tensor, data, drawn & data_red, "violation"),
        Boxes(
            left=0,
            right=np.where(mine, total, np.nan),
            bottom=rows - half - 0.07,
            top=rows + half + 0.07,
            token="surface",
            alpha=0.0,
            outline="ink",
        ),
        *(
            Labels(
                x=total,
                y=rows,
                text=words(drawn & (walled == red), [percent(step.efficiency, 0) for step in steps]),
                dx=8,
                token=token,
                bold=True,
            )
            for red, token in ((False, "ink"), (True, "violation-ink"))
        ),
        Labels(x=0, y=rows, text=words(~drawn, [step.note for step in steps]), dx=6, token="muted"),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time of one step (s)", 0, right),
        y=Axis(
            "",
            -0.65,
            len(steps) - 0.35,
            ticks=tuple((float(at), step.name) for at, step in zip(rows, steps, strict=True)),
        ),
        layers=layers,
        height=96 + 38 * len(steps),
        key=(
            ("math", "data"),
            ("tensor-parallel traffic", "caution"),
            ("data-parallel traffic", "met"),
            (f"communication above {percent(wall, 0)}", "violation"),
        ),
    )


@instrument(volume=2, chapter=2)
def efficiency_over_batch(
    tokens: Array,
    curves: Sequence[tuple[str, Array]],
    *,
    chosen: int,
    here: tuple[float, float],
    ceiling: float,
    target: float,
    predicted: float | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """Share of a step that is math over the tokens that each replica takes, one curve per way to split the model.

    A curve of NaN is hidden, the one with index `chosen` is bold. `ceiling` is what the chosen one can reach with any
    number of tokens, `target` the share that is asked for, `predicted` the share that was predicted.
    """
    low, high = float(tokens[0]), float(tokens[-1])
    right = high * 4
    ends = np.array([values[-1] for _, values in curves])
    shown = np.isfinite(ends)
    places = np.full(len(curves), np.nan)
    places[shown] = spread(ends[shown].tolist(), 0.072, 0.05, 0.97)
    bold = np.arange(len(curves)) == chosen
    claimed = math.nan if predicted is None else predicted
    over = claimed > target
    late = bool(math.log(here[0] / low) > 0.6 * math.log(right / low))
    layers: tuple[Layer, ...] = (
        Segments(x0=low, x1=high, y0=target, y1=target, token="met", dash="dashed"),
        Segments(x0=low, x1=high, y0=ceiling, y1=ceiling, token="data", dash="dotted", width=1.5),
        *(Line(x=tokens, y=values, token="series-6", width=1.5) for _, values in curves),
        Line(x=tokens, y=curves[chosen][1], width=3.5),
        *(
            Labels(
                x=high,
                y=places,
                text=[name if keep else "" for (name, _), keep in zip(curves, pick & shown, strict=True)],
                dx=10,
                token=token,
                bold=heavy,
                plate=True,
            )
            for pick, token, heavy in ((bold, "data", True), (~bold, "muted", False))
        ),
        # The names of target and prediction stay out of each other's way.
        *(
            Labels(
                x=low,
                y=target,
                text=f"target {percent(target, 0)}" if above != over else "",
                dx=5,
                dy=-3 if above else 3,
                baseline="bottom" if above else "top",
                token="met-ink",
                plate=True,
            )
            for above in (True, False)
        ),
        Segments(x0=low, x1=low * 2.2, y0=claimed, y1=claimed, token="series-2", width=3),
        *(
            Labels(
                x=low,
                y=claimed,
                text="your prediction" if predicted is not None and above == over else "",
                dx=5,
                dy=-4 if above else 4,
                baseline="bottom" if above else "top",
                token="series-2",
                plate=True,
            )
            for above in (True, False)
        ),
        Points(x=here[0], y=here[1], size=11, token="ink"),
        *sided_labels(here[0], here[1], percent(here[1]), left=late, gap=8, token="ink", bold=True, plate=True, dy=18),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "tokens per replica and step",
            low / 1.3,
            right,
            log=True,
            ticks=tuple((float(2**k), f"{2 ** (k - 10)}k") for k in range(12, 19, 2)),
        ),
        y=Axis("math (% of the step)", 0, 1.04, ticks=tuple((t / 100, f"{t}") for t in range(0, 101, 20))),
        layers=layers,
        height=330,
    )
