"""Federated training: who sends what in a round, when it closes, and what convergence takes in bytes and rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, sided_labels
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import count, number, plain, setting

Array = npt.NDArray[np.float64]

NAN = float("nan")
#: An axis without marks.
BARE = ((-99.0, ""),)

DOTS, DOT_COLUMNS = 100, 20
_ORDER = np.random.default_rng(11).permutation(DOTS)
_JITTER = np.random.default_rng(12).uniform(-0.2, 0.2, (2, DOTS))


def fold(ratio: float) -> str:
    """How many times as much: 225×; far below one as a part: 1/625,000."""
    return f"{plain(ratio)}×" if ratio >= 0.01 else f"1/{plain(1 / ratio, 3)}"


@instrument(volume=2, chapter=11)
def device_round(
    *, population: float, taking_part: float, raw: bool, sent: str, server: str, device: str, title: str, caption: str
) -> Plot:
    """A population of devices under one server: those that take part are tied to it by what they send.

    Up to a hundred devices are a dot each, larger populations are scaled to a hundred dots. `raw` says whether data
    or models travel; `sent` is written across the ties.
    """
    shown = int(min(population, DOTS))
    active = min(shown, max(round(taking_part / population * shown), 1)) if taking_part > 0 else 0
    place = np.arange(DOTS)
    x = (place % DOT_COLUMNS + 0.5 + _JITTER[0])[_ORDER]
    y = (4.0 - place // DOT_COLUMNS + 0.5 + _JITTER[1])[_ORDER]
    idle, chosen = (np.where(mask, x, NAN) for mask in ((place >= active) & (place < shown), place < active))
    ties = {True: np.where(raw, chosen, NAN), False: np.where(raw, NAN, chosen)}
    who = f"{count(taking_part)} of {count(population)} {device}" if taking_part else f"none of {count(population)}"
    layers: tuple[Layer, ...] = (
        *(
            Segments(x0=10.0, y0=8.1, x1=ties[kind], y1=y, token=token, width=1)
            for kind, token in ((False, "data"), (True, "caution"))
        ),
        Points(x=idle, y=y, size=8, token="series-6", filled=False),
        *(
            Points(x=ties[kind], y=y, size=10, token=token, marker=marker)
            for kind, token, marker in ((False, "data", "circle"), (True, "caution", "square"))
        ),
        Boxes(left=6.4, right=13.6, bottom=8.0, top=9.6, token="ink"),
        Labels(x=10.0, y=8.8, text=server, align="center", token="surface", bold=True),
        Labels(x=10.0, y=6.3, text=sent, align="center", token="ink", bold=True, plate=True),
        Labels(x=10.0, y=-0.55, text=who, align="center", token="muted"),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("", -0.2, 20.2, ticks=BARE),
        y=Axis("", -1.2, 9.8, ticks=BARE),
        layers=layers,
        height=250,
    )


@dataclass(frozen=True)
class Traffic:
    """One bar of traffic: its name, its bytes and its colour; `strong` for sums."""

    name: str
    size_bytes: float
    token: str
    strong: bool = False


@instrument(volume=2, chapter=11)
def traffic_ledger(
    bars: Sequence[Traffic],
    *,
    low: float,
    high: float,
    compare: tuple[int, int] | None = None,
    limit: Limit | None = None,
    predicted: float | None = None,
    title: str,
    caption: str,
) -> Plot:
    """Bytes that cross the network, one bar each, on a logarithmic axis from `low` to `high`.

    `compare` names two bars whose ratio is written under the second. `limit` (bytes) is a vertical line, `predicted`
    a flag at the bytes that were predicted for the last bar.
    """
    rows = np.arange(len(bars))[::-1].astype(float)
    sizes = np.array([bar.size_bytes for bar in bars])
    ends = np.where(sizes > low, sizes, NAN)
    first, second = (bars[k].size_bytes for k in compare) if compare else (NAN, NAN)
    under = (rows[compare[1]] if compare else 0.0) - 0.52
    upper = rows[compare[0]] if compare else 0.0
    related = compare is not None and first > 0
    top, bottom = len(bars) - 0.45, -1.0 if compare else -0.55
    wall = limit or Limit(NAN, "")
    flag = NAN if predicted is None else min(max(predicted, low), high)
    middle = np.sqrt(low * high)
    layers: list[Layer] = [
        *(
            Boxes(
                left=low, right=end, bottom=row - 0.3, top=row + 0.3, token=bar.token, alpha=1 if bar.strong else 0.75
            )
            for bar, end, row in zip(bars, ends, rows, strict=True)
        ),
        Segments(x0=first, x1=first, y0=upper - 0.3, y1=under - 0.12, token="muted", width=1, dash="dotted"),
        Segments(x0=first, x1=second, y0=under, y1=under, token="ink", width=2),
        Segments(x0=[first, second], x1=[first, second], y0=under - 0.1, y1=under + 0.1, token="ink", width=2),
        Labels(
            x=np.sqrt(first * second) if related else NAN,
            y=under,
            text=fold(second / first) if related else "",
            align="center",
            baseline="top",
            dy=4,
            token="ink",
            bold=True,
            plate=True,
        ),
        Segments(x0=wall.value, x1=wall.value, y0=bottom, y1=top, token="violation", dash="dashed"),
        *sided_labels(
            wall.value,
            top,
            wall.label,
            left=bool(wall.value > middle),
            gap=2,
            token="violation-ink",
            baseline="bottom",
            dy=-2,
        ),
        Segments(x0=flag, x1=flag, y0=bottom, y1=top, token="series-2", dash="dotted"),
        *sided_labels(
            flag,
            top,
            "" if predicted is None else "your prediction",
            left=bool(flag > middle),
            gap=2,
            token="series-2",
            bold=True,
            baseline="bottom",
            dy=-2,
        ),
        *sided_labels(
            np.where(np.isfinite(ends), ends, low),
            rows,
            [setting(size, "B") if size > 0 else "0 B" for size in sizes],
            left=ends > 10 ** (np.log10(low) + 0.72 * np.log10(high / low)),
            token="ink",
            bold=True,
            plate=True,
        ),
    ]
    ticks = tuple((tick, setting(tick, "B")) for tick, _ in decade_ticks(low, high, 3))
    return Plot(
        title=title,
        caption=caption,
        x=Axis("bytes over the network", low, high, log=True, ticks=ticks),
        y=Axis(
            "", bottom, top + 0.45, ticks=tuple((float(row), bar.name) for row, bar in zip(rows, bars, strict=True))
        ),
        layers=tuple(layers),
        height=round(70 + 42 * (top - bottom)),
    )


@instrument(volume=2, chapter=11)
def population_break_even(
    *, per_device: float, federated: float, here: float, highlight: str, title: str, caption: str
) -> Plot:
    """Bytes of collecting data and of federated rounds over the population, both logarithmic, and where they cross.

    `per_device` is the raw data of a device, `federated` what the rounds move whatever the population. `highlight` is
    the plan in focus, "centralized" or "federated".
    """
    low, high, least, most = 10.0, 1e7, 1e7, 1e18
    people = np.geomspace(low, high, 61)
    collected = people * per_device
    crossing = federated / per_device
    inside = low <= crossing <= high
    at = crossing if inside else NAN
    left_end, right_end = min(max(crossing, low), high), high
    far = crossing > 3e4
    side = "under" if far else "left" if crossing > 3e3 else "right"
    layers: list[Layer] = [
        Boxes(left=low, right=left_end, bottom=least, top=most, token="caution", alpha=0.1),
        Boxes(left=left_end, right=right_end, bottom=least, top=most, token="data", alpha=0.1),
        Segments(x0=here, x1=here, y0=least, y1=most, token="muted", width=1, dash="dotted"),
    ]
    for name, y, token in (("centralized", collected, "caution"), ("federated", np.full(61, federated), "data")):
        bold = name == highlight
        layers += [
            Line(x=people, y=np.where(bold, y, NAN), token=token, width=4),
            Line(x=people, y=np.where(bold, NAN, y), token=token, width=2),
        ]
    layers += [
        Labels(
            x=high,
            y=collected[-1],
            text="collect the data",
            align="right",
            baseline="bottom",
            dx=-4,
            dy=-6,
            token="caution-ink",
            bold=True,
        ),
        # Where the crossing and its name leave room: above the flat line at its left or right end, or under its left.
        *(
            Labels(
                x=high if place == "right" else low,
                y=federated,
                text="federated" if place == side else "",
                align="right" if place == "right" else "left",
                baseline="top" if place == "under" else "bottom",
                dx=-4 if place == "right" else 6,
                dy=5 if place == "under" else -4,
                token="data",
                bold=True,
            )
            for place in ("left", "right", "under")
        ),
        Points(x=[here, here], y=[here * per_device, federated], size=10, token="ink"),
        *sided_labels(
            here,
            least,
            f"{count(here)} devices",
            left=here > 1e4,
            token="ink",
            baseline="bottom",
            dy=-4,
            plate=True,
        ),
        Points(x=at, y=federated, size=15, token="ink", filled=False),
        *(
            Labels(
                x=at,
                y=federated,
                text=f"break-even\n{count(crossing)}" if inside and far == before else "",
                align="right" if before else "left",
                baseline="bottom" if before else "top",
                dx=-9 if before else 9,
                dy=-12 if before else 10,
                token="ink",
                bold=True,
            )
            for before in (False, True)
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("devices in the population", low, high * 1.3, log=True, ticks=decade_ticks(low, high)),
        y=Axis(
            "bytes over the network",
            least,
            most,
            log=True,
            ticks=tuple((tick, setting(tick, "B")) for tick, _ in decade_ticks(least, 1e16, 3)),
        ),
        layers=tuple(layers),
        height=300,
    )


@instrument(volume=2, chapter=11)
def round_terms(
    x: Array,
    variance: Array,
    drift: Array,
    *,
    axis: Axis,
    here: tuple[float, float],
    best: float | None = None,
    best_text: str = "",
    predicted: tuple[float, float] | None = None,
    title: str,
    caption: str,
) -> Plot:
    """The two terms of a federated bound on rounds over `x`, and the larger of them, which is what it takes.

    `here` is the design (x, rounds); `best` a value of x worth a line; `predicted` a point that was predicted.
    """
    low, high = 1.0, 1e6
    span = axis.high - axis.low
    needed = np.fmax(variance, drift)
    there = predicted or (NAN, NAN)
    mark = NAN if best is None or not x[0] <= best <= x[-1] else best
    late = here[0] > axis.low + 0.4 * span
    drift_above = bool(drift[-1] > variance[-1])
    # At the right end the label of the design stands where the upper term would have its name.
    named = here[0] > axis.low + 0.75 * span and here[1] > 0.5 * max(variance[-1], drift[-1])
    term = f"{'drift' if drift_above else 'variance'}: " if named else ""
    layers: tuple[Layer, ...] = (
        Segments(x0=mark, x1=mark, y0=low, y1=10**5.35, token="met", dash="dashed"),
        *sided_labels(
            mark,
            10**5.55,
            "" if np.isnan(mark) else best_text,
            left=bool(mark > axis.low + 0.55 * span),
            gap=-6,
            token="met-ink",
            baseline="bottom",
        ),
        Line(x=x, y=needed, token="line", width=9),
        Line(x=x, y=variance, token="series-3", dash="dashed"),
        Line(x=x, y=np.where(drift >= low, drift, NAN), token="caution"),
        *(
            Labels(
                x=x[-1],
                y=np.where(end >= low, end, NAN),
                text=f"{name} term" if end >= low and upper == above and not (above and named) else "",
                align="right",
                baseline="bottom" if above else "top",
                dy=-13 if above else 13,
                token=token,
                bold=True,
                plate=True,
            )
            for name, end, upper, token in (
                ("variance", variance[-1], not drift_above, "series-3"),
                ("drift", drift[-1], drift_above, "caution-ink"),
            )
            for above in (True, False)
        ),
        Points(x=there[0], y=there[1], size=13, marker="diamond", token="series-2"),
        Labels(
            x=there[0],
            y=there[1],
            text="" if predicted is None else "predicted",
            align="right",
            dx=-10,
            dy=9,
            token="series-2",
            bold=True,
            plate=True,
        ),
        Points(x=here[0], y=here[1], size=13, token="ink"),
        *sided_labels(
            here[0],
            here[1],
            f"{term}{plain(here[1])} rounds",
            left=late,
            gap=4,
            token="ink",
            bold=True,
            baseline="bottom",
            dy=-11,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=axis,
        y=Axis("rounds to the target", low, high, log=True, ticks=decade_ticks(low, high)),
        layers=layers,
        height=300,
    )


#: Bars of a drawn round; more clients share a bar.
BARS = 48
PHASES = {"download": "series-3", "local training": "data", "upload": "series-5"}


def _bar_edges(needed: int, invited: int) -> npt.NDArray[np.int_]:
    """Ranks at which bars end: every client, or groups of neighbours, with an edge after the last one in time."""
    bars = min(invited, BARS)
    inside = max(1, round(bars * needed / invited))
    late = 0 if needed == invited else max(1, bars - inside)
    within = np.round(np.linspace(0, needed, min(inside, needed) + 1))
    beyond = np.round(np.linspace(needed, invited, min(late, invited - needed) + 1))[1:]
    return np.concatenate([within, beyond]).astype(int)


@instrument(volume=2, chapter=11)
def federated_round(
    slowdown: Array, phases: Mapping[str, float], *, needed: int, server_s: float, title: str, caption: str
) -> Plot:
    """One round as a timeline: a row per invited client, fastest first, until enough updates are in.

    `slowdown` has a factor per client, ascending; `phases` are the undisturbed times (s) of the names in `PHASES`.
    The round closes with update number `needed`; what arrives later is hatched. The server then takes `server_s`.
    """
    invited = len(slowdown)
    edges = _bar_edges(needed, invited)
    factor = slowdown[edges[1:] - 1]
    gap = 0.12 * (edges[1] - edges[0]) if invited > 1 else 0.1
    top, bottom = -(edges[:-1] + 0.0) - gap, -(edges[1:] + 0.0) + gap
    in_time = edges[1:] <= needed
    close = float(sum(phases.values()) * slowdown[needed - 1])
    last = float(sum(phases.values()) * slowdown[-1])
    right = 1.06 * max(last, close + server_s)
    late = invited - needed
    room = max(invited / 12, 0.5)
    layers: list[Layer] = []
    start = np.zeros(len(factor))
    for name, token in PHASES.items():
        end = start + phases[name] * factor
        layers += [
            Boxes(left=start, right=np.where(in_time, end, NAN), bottom=bottom, top=top, token=token),
            Boxes(
                left=start,
                right=np.where(in_time, NAN, end),
                bottom=bottom,
                top=top,
                token="violation" if name == "upload" else "series-6",
                alpha=0.8 if name == "upload" else 0.45,
                hatch="/",
            ),
        ]
        start = end
    server = (-invited - room * 2.0, -invited - room * 0.7)
    layers += [
        Boxes(left=close, right=close + server_s, bottom=server[0], top=server[1], token="ink"),
        Segments(x0=close, x1=close, y0=server[0], y1=room * 0.5, token="ink", dash="dashed"),
        *sided_labels(
            close,
            room * 0.6,
            f"update {needed} of {invited}\n{number(close)} s",
            left=close > 0.5 * right,
            gap=0,
            token="ink",
            bold=True,
            baseline="bottom",
        ),
        Labels(
            x=right,
            y=-0.72 * needed,
            text=f"{late} late:\nsent in vain" if late else "",
            align="right",
            dx=-4,
            token="violation-ink",
            bold=True,
            plate=True,
        ),
    ]
    ticks = {-0.5: "1", -needed + 0.5: str(needed), -invited + 0.5: str(invited), sum(server) / 2: "server"}
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time in the round (s)", 0, right),
        y=Axis("clients, fastest first", server[0] - 0.3 * room, room * 3.4, ticks=tuple(sorted(ticks.items()))),
        layers=tuple(layers),
        height=340,
        key=(*PHASES.items(), ("update too late", "violation")),
    )


@dataclass(frozen=True)
class Descent:
    """A training run: uplink spent (bytes) and gap reached, ascending in bytes."""

    uplink_bytes: Array
    gap: Array


@instrument(volume=2, chapter=11)
def gap_against_uplink(
    run: Descent,
    beyond: Descent,
    compared: Descent,
    *,
    target: float,
    quota: float,
    reached_text: str,
    compared_text: str,
    title: str,
    caption: str,
) -> Plot:
    """Distance to the target over the uplink spent, both logarithmic: what a byte of uplink buys.

    `run` is what the quota allows, `beyond` what the plan would still need after it (NaN where it needs nothing),
    `compared` another plan. The run ends in a green dot at the target, or in a red cross at the quota.
    """
    low, high, least, most = 0.1, 1e6, 1e-3, 1e3
    giga = 1e-9
    end = (run.uplink_bytes[-1] * giga, run.gap[-1])
    frozen = bool(np.isfinite(beyond.gap[-1]))
    early = bool(np.log(end[0] / low) < 0.38 * np.log(high / low))
    wall = quota * giga
    layers: tuple[Layer, ...] = (
        Boxes(left=low, right=wall, bottom=least, top=target, token="met", alpha=0.16),
        Boxes(left=wall, right=high, bottom=least, top=most, token="violation", alpha=0.08),
        Segments(x0=low, x1=high, y0=target, y1=target, token="met", dash="dashed"),
        Labels(x=high, y=target, text=f"target {target:g}", align="right", baseline="top", dy=4, token="met-ink"),
        Segments(x0=wall, x1=wall, y0=least, y1=most, token="violation", dash="dashed"),
        Labels(
            x=wall,
            y=most,
            text=f"quota {plain(wall)} GB",
            baseline="top",
            dx=5,
            dy=2,
            token="violation-ink",
        ),
        Line(x=compared.uplink_bytes * giga, y=compared.gap, token="series-6", width=1.5),
        Line(x=beyond.uplink_bytes * giga, y=beyond.gap, token="violation", width=2, dash="dotted"),
        Line(x=run.uplink_bytes * giga, y=run.gap, width=3.5),
        Labels(
            x=compared.uplink_bytes[0] * giga,
            y=compared.gap[0],
            text=compared_text,
            baseline="bottom",
            dx=4,
            dy=-4,
            token="muted",
            plate=True,
        ),
        Points(x=NAN if frozen else end[0], y=end[1], size=14, token="met"),
        Points(x=end[0] if frozen else NAN, y=end[1], size=15, token="violation", marker="x"),
        *(
            Labels(
                x=end[0],
                y=end[1],
                text=reached_text if (frozen, early) == (red, after) else "",
                align="left" if after else "right",
                baseline="top",
                dx=11 if after else -11,
                dy=5,
                token=token,
                bold=True,
                plate=True,
            )
            for red, token in ((False, "met-ink"), (True, "violation-ink"))
            for after in (False, True)
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("uplink spent (GB)", low, high, log=True, ticks=decade_ticks(low, high)),
        y=Axis("gap to the optimum", least, most, log=True, ticks=decade_ticks(least, most)),
        layers=layers,
        height=310,
    )


#: What a cell of a plan map can be: name, colour, opacity, hatch.
VERDICTS = (
    ("passes", "met", 0.9, ""),
    ("over the quota", "violation", 0.55, "/"),
    ("past the deadline", "caution", 0.55, "\\"),
    ("both", "series-6", 0.28, ""),
)


@instrument(volume=2, chapter=11)
def plan_map(
    clients: Array,
    epochs: Array,
    verdict: npt.NDArray[np.int_],
    *,
    here: tuple[float, float],
    balance: Array,
    title: str,
    caption: str,
) -> Plot:
    """Plans over clients per round and local epochs, a cell each: an index into `VERDICTS` for every (epoch, client).

    `balance` has for every row of `epochs` the clients at which both terms of the bound are equal; NaN hides it.
    """
    step_x, step_y = clients[1] - clients[0], epochs[1] - epochs[0]
    x, y = (part.ravel() for part in np.meshgrid(clients, epochs))
    cell = verdict.ravel()
    low, high = clients[0] - step_x / 2, clients[-1] + step_x / 2
    fine = np.linspace(epochs[0] - step_y / 2, epochs[-1] + step_y / 2, 80)
    finite = np.isfinite(balance).all()
    # The balance falls with a power of the epochs: a straight line between logarithms.
    line = np.exp(np.interp(np.log(fine), np.log(epochs), np.log(balance))) if finite else np.full(80, NAN)
    line = np.where((line >= low) & (line <= high), line, NAN)
    right_half = here[0] > (low + high) / 2
    layers: tuple[Layer, ...] = (
        *(
            Boxes(
                left=x - step_x / 2,
                right=np.where(cell == k, x + step_x / 2, NAN),
                bottom=y - step_y * 0.47,
                top=y + step_y * 0.47,
                token=token,
                alpha=alpha,
                hatch=hatch,
            )
            for k, (_, token, alpha, hatch) in enumerate(VERDICTS)
        ),
        Line(x=line, y=fine, token="surface", width=6),
        Line(x=line, y=fine, token="ink", width=2.5),
        Points(x=here[0], y=here[1], size=19, token="surface"),
        Points(x=here[0], y=here[1], size=13, token="ink"),
        *sided_labels(
            here[0],
            here[1],
            "this plan",
            left=right_half,
            gap=8,
            dy=-17,
            token="ink",
            bold=True,
            plate=True,
        ),
    )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("clients per round", low - 0.8 * step_x, high + 0.8 * step_x),
        y=Axis(
            "local epochs",
            epochs[0] - 0.6 * step_y,
            epochs[-1] + 1.5 * step_y,
            ticks=tuple((float(e), f"{e:g}") for e in epochs),
        ),
        layers=layers,
        height=310,
        key=(*((name, token) for name, token, _, _ in VERDICTS), ("both terms equal", "ink")),
    )
