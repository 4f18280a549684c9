"""Networks: when a message is latency or bandwidth, and a leaf-spine fabric with its cut and the traffic on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels, spread
from components.instruments.registry import instrument
from components.quantity import duration, number, percent

Array = npt.NDArray[np.float64]

# --- messages ------------------------------------------------------------------------------------------------

SIZES = np.logspace(0, 10, 81)
SIZE_TICKS = ((1.0, "1 B"), (1e3, "1 KB"), (1e6, "1 MB"), (1e9, "1 GB"))
TIME_TICKS = tuple((10.0**k, name) for k, name in zip(range(-6, 1, 2), ("1 µs", "100 µs", "10 ms", "1 s"), strict=True))


@dataclass(frozen=True)
class Link:
    """A kind of link: its name, start-up time (s), bandwidth (B/s) and the colour token of its curve."""

    name: str
    latency_s: float
    bandwidth_bytes_s: float
    token: str

    def time(self, size: Array | float) -> Array:
        """Transfer time of messages of `size` (s)."""
        return self.latency_s + np.asarray(size) / self.bandwidth_bytes_s


@instrument(volume=2, chapter=3)
def message_regimes(
    links: Sequence[Link], *, chosen: Link, here: float, title: str, caption: str = "", clear: Sequence[int] = ()
) -> Plot:
    """Transfer time over message size for several links, both axes logarithmic, with a dot at each crossover.

    `chosen` is the link and path in use, drawn bold over its two regimes; `here` the message (B). Curves of the links
    whose indices are not in `clear` are dotted.
    """
    low, high, right = 2e-7, 8.0, 3e13
    crossover = chosen.latency_s * chosen.bandwidth_bytes_s
    ends = [float(link.time(SIZES[-1])) for link in links]
    names = 10 ** spread([float(np.log10(end)) for end in ends], 0.42, np.log10(low), np.log10(high))
    at = float(chosen.time(here))
    late = here > 3e5
    layers: list[Layer] = [
        Boxes(left=0.5, right=crossover, bottom=low, top=high, token="caution", alpha=0.09),
        Boxes(left=crossover, right=SIZES[-1], bottom=low, top=high, token="data", alpha=0.08),
        *(
            Line(x=SIZES, y=link.time(SIZES), token=link.token, width=1.6, dash="solid" if k in clear else "dotted")
            for k, link in enumerate(links)
        ),
        Line(x=SIZES, y=chosen.time(SIZES), token="ink", width=3.2),
        *(
            Points(
                x=link.latency_s * link.bandwidth_bytes_s,
                y=2 * link.latency_s,
                token=link.token,
                size=8,
                filled=k in clear,
            )
            for k, link in enumerate(links)
        ),
        *(
            Labels(x=SIZES[-1], y=y, text=link.name, token=link.token, dx=6, bold=k in clear)
            for k, (link, y) in enumerate(zip(links, names, strict=True))
        ),
        Segments(x0=crossover, x1=crossover, y0=low, y1=high, token="ink", width=1, dash="dotted"),
        Labels(x=0.5, y=high * 0.45, text="latency", token="caution-ink", bold=True, dx=4),
        Labels(x=crossover, y=high * 0.45, text="bandwidth", token="data", bold=True, dx=5),
        Segments(x0=here, x1=here, y0=low, y1=at, token="ink", width=1.5, dash="dashed"),
        Points(x=here, y=at, size=11, token="ink"),
        *sided_labels(
            here,
            at,
            duration(at),
            left=late,
            gap=8,
            token="ink",
            bold=True,
            plate=True,
            dy=-8,
            baseline="bottom",
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("message size", 0.5, right, log=True, ticks=SIZE_TICKS),
        y=Axis("transfer time", low, high, log=True, ticks=TIME_TICKS),
        layers=tuple(layers),
        height=350,
    )


@instrument(volume=2, chapter=3)
def lever_curves(
    faster: Array,
    shorter: Array,
    *,
    here: float,
    gains: tuple[float, float],
    names: tuple[tuple[str, str], str],
    predicted: tuple[float, float] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """What a faster link and a shorter path gain (times) over the message size `SIZES`; NaN where a lever is missing.

    The name of the first lever comes in two lines. `gains` are those of the message `here` (B), `predicted` a point
    (size, gain) that was predicted.
    """
    there_x, there_y = predicted or (np.nan, np.nan)
    # Names stand where their curves are high: the faster link at large messages, the shorter path at small ones.
    layers: list[Layer] = [
        Segments(x0=SIZES[0], x1=SIZES[-1], y0=1, y1=1, token="muted", width=1, dash="dotted"),
        Line(x=SIZES, y=faster, token="data", width=3),
        Line(x=SIZES, y=shorter, token="series-5", width=3),
        Labels(
            x=[SIZES[-1]] * 2,
            y=[1.93, 1.75],
            text=[*names[0]],
            token="data",
            bold=True,
            align="right",
            baseline="top",
        ),
        Labels(
            x=SIZES[0],
            y=shorter[0] + 0.06,
            text=names[1] if np.isfinite(shorter[0]) else "",
            token="series-5",
            bold=True,
            baseline="bottom",
            dx=2,
        ),
        Segments(x0=here, x1=here, y0=0.75, y1=3.4, token="ink", width=1, dash="dashed"),
        Points(x=[here, here], y=[*gains], size=10, token="ink"),
        *(
            layer
            for k, gain in enumerate(gains)
            for layer in sided_labels(
                here,
                gain,
                f"{gain:.2f}×" if np.isfinite(gain) else "",
                left=here > 1e8,
                gap=9,
                token="ink",
                bold=True,
                plate=True,
                # The lower of the two goes down, so that they part where the curves meet.
                dy=0 if k else -9,
            )
        ),
        Points(x=there_x, y=there_y, size=12, token="series-2", marker="diamond"),
        # In two lines, for which there is room on a phone.
        *(
            Labels(
                x=there_x,
                y=there_y,
                text="" if predicted is None else word,
                token="series-2",
                bold=True,
                align="right",
                dx=-9,
                dy=dy,
                plate=True,
            )
            for word, dy in (("your", -7), ("prediction", 7))
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("message size", 0.5, 4e10, log=True, ticks=SIZE_TICKS),
        y=Axis("gain (times)", 0.7, 3.5, ticks=tuple((v, f"{v:g}") for v in (1.0, 1.5, 2.0, 2.5, 3.0))),
        layers=tuple(layers),
        height=300,
    )


# --- the fabric ----------------------------------------------------------------------------------------------

#: More leaves or spines than this are drawn as one symbol for several.
MOST_LEAVES = 32
Y_SPINE, Y_LEAF, Y_NODE = 3.0, 1.9, 1.15
#: Depth of the longest arc under the nodes.
DEEPEST = 1.05
CURVE = np.linspace(0, np.pi, 15)


@dataclass(frozen=True)
class Fabric:
    """Nodes under leaf switches under spine switches, and one round of neighbours among the nodes.

    A group is what a node's cables reach: `leaves_per_group` leaves over `nodes_per_group` nodes. Without leaves the
    nodes hang at the one switch directly. `slots` counts the spines of the non-blocking fabric, of which `spines`
    are bought. `ring` holds the nodes, in the order of the leaves, as the ring visits them.
    """

    nodes: int
    nodes_per_group: int
    leaves_per_group: int
    spines: int
    slots: int
    ring: npt.NDArray[np.int64]

    @property
    def groups(self) -> int:
        """Groups of nodes with leaves of their own."""
        return -(-self.nodes // self.nodes_per_group)

    @property
    def leaves(self) -> int:
        """Leaf switches."""
        return self.groups * self.leaves_per_group

    @property
    def symbols(self) -> int:
        """Leaves, and spines, for which one symbol stands."""
        return max(1, self.leaves // MOST_LEAVES)

    def node_x(self) -> Array:
        """Where the nodes stand, between 0 and 1, with a gap after each group."""
        node = np.arange(self.nodes)
        inside = (node % self.nodes_per_group + 0.5) / self.nodes_per_group
        spread_over = 0.88 if self.leaves_per_group else 1.0
        return np.asarray((node // self.nodes_per_group + 0.5 + (inside - 0.5) * spread_over) / self.groups)

    def leaf_x(self) -> Array:
        """Where the symbols of leaves stand; without leaves, the nodes."""
        if not self.leaves_per_group:
            return self.node_x()
        count = self.leaves // self.symbols
        return (np.arange(count) + 0.5) / count

    def slot_x(self) -> Array:
        """Where symbols of spines can stand."""
        count = max(1, self.slots // self.symbols)
        return (np.arange(count) + 0.5) / count * 0.8 + 0.1

    def bought(self) -> npt.NDArray[np.bool_]:
        """Which of the slots hold a spine: the middle ones."""
        count = len(self.slot_x())
        drawn = max(1, self.spines // self.symbols)
        slot = np.arange(count)
        first = (count - drawn) // 2
        return np.asarray((slot >= first) & (slot < first + drawn))

    def uplinks(self) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
        """Leaf end, spine end of every drawn link, and whether it crosses the cut through the middle."""
        leaf, spine = np.meshgrid(self.leaf_x(), self.slot_x()[self.bought()])
        # A single spine in the middle belongs to the left half.
        right_leaf, right_spine = leaf > 0.5, spine > 0.5 + 1e-9
        return leaf.ravel(), spine.ravel(), (right_leaf != right_spine).ravel()

    def downlinks(self) -> tuple[Array, Array]:
        """Node end and leaf end of the drawn cables: all of a rack, of eight nodes of a larger group."""
        if not self.leaves_per_group:
            return np.array([np.nan]), np.array([np.nan])
        x = self.node_x()
        every = max(1, self.nodes_per_group // 8)
        node = np.arange(0, self.nodes, every) if self.leaves_per_group > 1 else np.arange(self.nodes)
        leaves = self.leaf_x()[np.arange(self.leaves) // self.symbols]
        group = node // self.nodes_per_group
        own = leaves.reshape(self.groups, self.leaves_per_group)[group]
        return np.repeat(x[node], self.leaves_per_group), own.ravel()

    def leaving(self) -> npt.NDArray[np.bool_]:
        """Which edges of the ring leave their group, in the order of the ring."""
        group = self.ring // self.nodes_per_group
        return np.asarray(group != np.roll(group, -1))

    def arcs(self, crossing: bool) -> tuple[Array, Array]:
        """The ring's edges that leave their group, or those that stay, as curves under the nodes."""
        x = self.node_x()[self.ring]
        start, end = x, np.roll(x, -1)
        chosen = self.leaving() == crossing
        if not chosen.any():
            return np.array([np.nan]), np.array([np.nan])
        a, b = start[chosen][:, None], end[chosen][:, None]
        middle, half = (a + b) / 2, (b - a) / 2
        along = np.hstack([middle - half * np.cos(CURVE), np.full_like(middle, np.nan)])
        down = np.hstack([-np.sin(CURVE) * np.abs(half) * 2 * DEEPEST, np.full_like(middle, np.nan)])
        return along.ravel(), (Y_NODE - 0.08 + down).ravel()


@instrument(volume=2, chapter=3)
def fabric_topology(
    fabric: Fabric,
    *,
    load: str,
    ring_load: str,
    tiers: tuple[str, str, str],
    cut: str,
    title: str,
    caption: str = "",
    key: tuple[tuple[str, str], ...] = (),
) -> Plot:
    """A leaf-spine network with the cut through its middle, and the ring that its nodes form below them.

    Links that cross the cut are bold, in the colour of their `load`: "free", "full" or "exhausted"; edges of the ring
    that leave their group in that of `ring_load`. Spines that were not bought are hollow, in orange (red when
    exhausted). `tiers` name the rows of spines, leaves and nodes, `cut` what the cut carries. Above `MOST_LEAVES`
    leaves one symbol stands for several.
    """
    tokens = {"free": "data", "full": "caution", "exhausted": "violation"}
    for name, state in (("load", load), ("ring_load", ring_load)):
        if state not in tokens:
            raise ValueError(f"{name} must be one of {', '.join(tokens)}, got {state!r}")
    leaf, spine, crosses = fabric.uplinks()
    node, own = fabric.downlinks()
    slots, bought = fabric.slot_x(), fabric.bought()
    leaves = fabric.leaf_x()
    low = Y_LEAF if fabric.leaves_per_group else Y_NODE

    def only(values: Array, mask: npt.NDArray[np.bool_]) -> Array:
        return values[mask] if mask.any() else np.array([np.nan])

    missing = only(slots, ~bought)
    stays, leaves_group = fabric.arcs(False), fabric.arcs(True)
    layers: list[Layer] = [
        Segments(x0=node, y0=Y_NODE, x1=own, y1=Y_LEAF, token="line", width=0.8),
        Segments(x0=only(leaf, ~crosses), y0=low, x1=only(spine, ~crosses), y1=Y_SPINE, token="series-6", width=0.5),
        *(
            Segments(
                x0=only(leaf, crosses) if state == load else np.nan,
                y0=low,
                x1=only(spine, crosses) if state == load else np.nan,
                y1=Y_SPINE,
                token=token,
                width=0.9,
            )
            for state, token in tokens.items()
        ),
        Line(x=stays[0], y=stays[1], token="met", width=1.4),
        *(
            Line(
                x=leaves_group[0] if state == ring_load else [np.nan],
                y=leaves_group[1] if state == ring_load else [np.nan],
                token=token,
                width=1.1,
            )
            for state, token in tokens.items()
        ),
        Points(x=fabric.node_x(), y=np.full(fabric.nodes, Y_NODE), size=2.5, token="ink"),
        Points(
            x=leaves,
            y=np.full(len(leaves), Y_LEAF if fabric.leaves_per_group else np.nan),
            size=5,
            token="ink",
            marker="square",
        ),
        *(
            Points(
                x=missing,
                y=np.full(len(missing), Y_SPINE if (load == "exhausted") == late else np.nan),
                size=7,
                token="violation" if late else "caution",
                marker="square",
                filled=False,
            )
            for late in (False, True)
        ),
        Points(x=only(slots, bought), y=np.full(int(bought.sum()), Y_SPINE), size=8, token="ink", marker="square"),
        Segments(x0=0.5, x1=0.5, y0=low - 0.25, y1=Y_SPINE + 0.32, token="ink", width=2, dash="dashed"),
        Labels(x=0.5, y=Y_SPINE + 0.5, text=cut, token="ink", bold=True, align="center", plate=True),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("", -0.01, 1.01, ticks=((0.25, "left half"), (0.75, "right half"))),
        y=Axis(
            "",
            Y_NODE - 0.1 - DEEPEST,
            Y_SPINE + 0.75,
            ticks=tuple(
                (y, name)
                for y, name in zip((Y_SPINE, Y_LEAF, Y_NODE, Y_NODE - 0.55), (*tiers, "ring"), strict=True)
                if name
            ),
        ),
        layers=tuple(layers),
        height=360,
        key=key,
    )


@dataclass(frozen=True)
class Share:
    """One quantity beside that of a reference: name, share of it, and the value in words."""

    name: str
    share: float
    text: str


@instrument(volume=2, chapter=3)
def share_bars(
    rows: Sequence[Share],
    *,
    reference: str,
    limit: tuple[int, float, str] | None = None,
    token: str = "data",
    title: str,
    caption: str = "",
    high: float = 1.0,
) -> Plot:
    """Quantities as bars, each relative to the same quantity of a `reference` design (100 %).

    `limit` is (row, share, text): what one of them may be at most. `high` is the largest share that occurs.
    """
    count = len(rows)
    y = np.arange(count)[::-1].astype(float)
    values = np.array([100 * row.share for row in rows])
    right = 100 * high * 1.06
    step = 20 if right < 150 else 500
    # A value stands inside a long bar and behind a short one.
    inside = values > 0.5 * right
    texts = np.array([row.text for row in rows], dtype=object)
    at, limit_x, word = (0, np.nan, "") if limit is None else limit
    layers: list[Layer] = [
        Boxes(left=0, right=100.0, bottom=y - 0.32, top=y + 0.32, token="grid"),
        Boxes(left=0, right=values, bottom=y - 0.32, top=y + 0.32, token=token),
        Labels(x=values, y=y, text=np.where(inside, "", texts), token="ink", bold=True, dx=6),
        Labels(x=values, y=y, text=np.where(inside, texts, ""), token="on-fill", bold=True, align="right", dx=-6),
        Segments(x0=100.0, x1=100.0, y0=-0.5, y1=count - 0.4, token="muted", width=1, dash="dotted"),
        Segments(x0=100 * limit_x, x1=100 * limit_x, y0=y[at] - 0.46, y1=y[at] + 0.46, token="violation", width=3),
        Labels(
            x=100 * limit_x,
            y=y[at] - 0.34,
            text=word,
            token="violation-ink",
            align="right",
            baseline="top",
            dx=-3,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"% of {reference}", 0, right, ticks=tuple((float(t), f"{t:,}") for t in range(0, int(right), step))),
        y=Axis("", -0.75, count - 0.4, ticks=tuple((at, row.name) for at, row in zip(y, rows, strict=True))),
        layers=tuple(layers),
        height=90 + 44 * count,
    )


@dataclass(frozen=True)
class Pattern:
    """A traffic pattern: its name, the share of its bytes that crosses the spine, and the colour token of its line."""

    name: str
    crossing: float
    token: str


@instrument(volume=2, chapter=3)
def crossing_map(
    patterns: Sequence[Pattern],
    jobs: Sequence[tuple[str, float]],
    *,
    oversubscription: float,
    predicted: tuple[float, float] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """Slow-down of traffic patterns over the oversubscription of the spine, both axes logarithmic.

    A pattern is flat while its share of crossing bytes fits the uplinks. `jobs` are (name, slow-down) at the
    current `oversubscription`; `predicted` is a point that was predicted.
    """
    r = np.logspace(0, 3, 49, base=2)
    there_x, there_y = predicted or (np.nan, np.nan)
    layers: list[Layer] = [
        Segments(x0=1, x1=8, y0=1, y1=8, token="muted", width=1, dash="dotted"),
        *(Line(x=r, y=np.maximum(1, r * pattern.crossing), token=pattern.token, width=3) for pattern in patterns),
        Points(x=there_x, y=there_y, size=12, token="series-2", marker="diamond"),
        # Where the names of the jobs are not: they stand above their marks at a high oversubscription.
        *(
            Labels(
                x=there_x,
                y=there_y,
                text="your prediction" if predicted and (oversubscription > 2.5) == below else "",
                token="series-2",
                bold=True,
                align="right",
                dx=-10,
                dy=11 if below else -11,
                plate=True,
            )
            for below in (False, True)
        ),
        Segments(x0=oversubscription, x1=oversubscription, y0=0.85, y1=11.5, token="ink", width=1, dash="dashed"),
        Points(x=[oversubscription] * len(jobs), y=[value for _, value in jobs], size=11, token="ink"),
    ]
    merged: dict[float, list[str]] = {}
    for name, value in jobs:
        merged.setdefault(round(value, 4), []).append(name)
    texts = [f"{' and '.join(names)} {value:.2f}×" for value, names in merged.items()]
    places = [*merged]
    texts += [""] * (len(jobs) - len(texts))
    places += [1.0] * (len(jobs) - len(places))
    # To the right below the rising lines, to the left above them.
    for late in (False, True):
        shown = late == (oversubscription > 2.5)
        layers.append(
            Labels(
                x=[oversubscription] * len(jobs),
                y=places,
                text=[text if shown else "" for text in texts],
                align="right" if late else "left",
                dx=-9 if late else 9,
                dy=-12 if late else 11,
                token="ink",
                bold=True,
                plate=True,
            )
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("oversubscription r", 0.9, 8.9, log=True, ticks=tuple((float(v), f"{v}:1") for v in (1, 2, 4, 8))),
        y=Axis(
            "communication takes (times)", 0.78, 13, log=True, ticks=tuple((float(v), f"{v}") for v in (1, 2, 4, 8))
        ),
        layers=tuple(layers),
        height=310,
        key=(*((pattern.name, pattern.token) for pattern in patterns), ("every byte crosses", "muted")),
    )


@dataclass(frozen=True)
class StepBar:
    """A training step in two parts (s)."""

    name: str
    compute_s: float
    comm_s: float


@instrument(volume=2, chapter=3)
def communication_bars(
    steps: Sequence[StepBar], *, limit: float, title: str, caption: str = "", high: float | None = None
) -> Plot:
    """Steps as compute followed by communication, with a mark where communication would be the share `limit`."""
    y = np.arange(len(steps))[::-1].astype(float)
    compute = np.array([step.compute_s for step in steps])
    total = compute + np.array([step.comm_s for step in steps])
    at = compute / (1 - limit)
    right = 1.3 * (high or max(total.max(), at.max()))
    shares = (total - compute) / total
    over = shares > limit * (1 + 1e-9)
    layers: list[Layer] = [
        Boxes(left=0, right=compute, bottom=y - 0.3, top=y + 0.3, token="data"),
        Boxes(left=compute, right=np.where(over, np.nan, total), bottom=y - 0.3, top=y + 0.3, token="met"),
        Boxes(left=compute, right=np.where(over, total, np.nan), bottom=y - 0.3, top=y + 0.3, token="violation"),
        Labels(
            x=compute / 2,
            y=y,
            text=[f"{number(s)} s" if s > 0.22 * right else "" for s in compute],
            align="center",
            token="on-fill",
            bold=True,
        ),
        Segments(x0=at, x1=at, y0=y - 0.42, y1=y + 0.42, token="ink", dash="dashed"),
        Labels(
            x=at,
            y=y + 0.42,
            text=[f"{percent(limit, 0)}" for _ in steps],
            token="ink",
            align="center",
            baseline="bottom",
        ),
        Labels(
            # A mark right behind a bar would run through the label.
            x=np.where((at >= total) & (at - total < 0.24 * right), at, total),
            y=y,
            text=[percent(share) for share in shares],
            token="ink",
            bold=True,
            dx=7,
            plate=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time of a step (s)", 0, right),
        y=Axis("", -0.55, len(steps) - 0.2, ticks=tuple((row, step.name) for row, step in zip(y, steps, strict=True))),
        layers=tuple(layers),
        height=90 + 66 * len(steps),
        key=(("compute", "data"), ("communication within the limit", "met"), ("beyond it", "violation")),
    )
