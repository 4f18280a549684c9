"""The critical path of a step: two lanes that overlap, what each change removes from the slower one, and Amdahl's law.

A step lasts as long as its slower lane. What is taken from the other lane becomes idle time, so the same change can
be worth nothing before another one and much after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import sided_labels, spread
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import number, percent

NAN = float("nan")
Lane = Literal["host", "GPU"]

#: Colours of the lanes, of the kernel families of the GPU lane in their order, and of waiting.
HOST, GPU, KERNELS, IDLE = "data", "series-3", ("series-3", "series-5", "series-4", "series-6"), "line"
#: Distance of two steps on the vertical axis, where their lanes and names stand in it, and half a lane.
PITCH, HOST_LANE, GPU_LANE, NAME, HALF = 3.2, 1.35, 0.35, 2.2, 0.36
#: Plot width on the narrowest screen, beside names of two and of sixteen letters, and a bold letter, in pixels.
NARROW, NARROWEST, LETTER = 230, 180, 7.0


def _ink(token: str) -> str:
    """The colour of text for a role."""
    return f"{token}-ink" if token in ("met", "violation", "caution") else token


def _limits(limits: Sequence[Limit], low: float, top: float, pitch: float, right: float) -> list[Layer]:
    """Dashed lines up to `top`, each with a line of its own above it for its name."""
    layers: list[Layer] = []
    for k, limit in enumerate(limits):
        at = min(limit.value, right)
        height = top + pitch * k
        layers += [
            Segments(x0=at, x1=at, y0=low, y1=height, token=limit.token, dash="dashed"),
            *sided_labels(
                at,
                height,
                "" if np.isnan(limit.value) else f"{limit.label}{' →' if limit.value > right else ''}",
                left=at > 0.5 * right,
                gap=3,
                token=_ink(limit.token),
                bold=True,
                baseline="bottom",
                dy=4,
            ),
        ]
    return layers


@dataclass(frozen=True)
class LaneStep:
    """One step: what it is called, its host lane (s), and the kernel families of its GPU lane (s) in their order."""

    name: str
    host_s: float
    kernels: Mapping[str, float]

    @property
    def busy_s(self) -> float:
        """Time of the GPU lane (s)."""
        return sum(self.kernels.values())

    @property
    def step_s(self) -> float:
        """The slower lane (s)."""
        return max(self.host_s, self.busy_s)

    @property
    def exposed(self) -> Lane:
        """The lane that the step lasts for; the GPU on a tie."""
        return "host" if self.host_s > self.busy_s else "GPU"


@instrument(volume=2, chapter=9)
def two_lane_steps(
    steps: Sequence[LaneStep],
    *,
    title: str,
    limits: Sequence[Limit] = (),
    high: float | None = None,
    caption: str = "",
) -> Plot:
    """Host and GPU lane of each step over one time axis (ms), the first step on top.

    Hatched is time in which a lane waits; the framed lane is the exposed one. All steps share their kernel families.
    `limits` and `high`, the right end of the axis, are in ms; a limit of NaN hides itself.
    """
    ms = 1e3
    names = list(steps[0].kernels)
    bases = [PITCH * (len(steps) - 1 - k) for k in range(len(steps))]
    widths = np.array([[step.kernels[name] * ms for name in names] for step in steps])
    ends = np.cumsum(widths, axis=1)
    starts = ends - widths
    host = np.array([step.host_s * ms for step in steps])
    busy = ends[:, -1]
    done = np.maximum(host, busy)
    right = high if high is not None else 1.15 * float(done.max())
    host_rows, gpu_rows = np.array(bases) + HOST_LANE, np.array(bases) + GPU_LANE
    top = PITCH * len(steps) - 0.55

    def lane(left: Any, end: Any, rows: Any, token: str, **style: Any) -> Boxes:
        return Boxes(left=left, right=end, bottom=rows - HALF, top=rows + HALF, token=token, **style)

    def inside(left: Any, end: Any, rows: Any, words: Sequence[Sequence[str]], **style: Any) -> Labels:
        """The longest of the words of each row that fits its box on the narrowest screen."""
        room = (np.asarray(end) - np.asarray(left)) / right * NARROW / LETTER
        fitting = [
            next((word for word in row if len(word) < space), "") for row, space in zip(words, room, strict=True)
        ]
        return Labels(x=(np.asarray(left) + np.asarray(end)) / 2, y=rows, text=fitting, align="center", **style)

    zeros = np.zeros(len(steps))
    layers: list[Layer] = [
        lane(
            np.concatenate([host, busy]),
            np.concatenate([done, done]),
            np.concatenate([host_rows, gpu_rows]),
            IDLE,
            hatch="/",
        ),
        lane(zeros, host, host_rows, HOST),
        *(lane(starts[:, k], ends[:, k], gpu_rows, KERNELS[k]) for k in range(len(names))),
        lane(
            zeros,
            done,
            np.where([step.exposed == "host" for step in steps], host_rows, gpu_rows),
            IDLE,
            alpha=0,
            outline="ink",
        ),
        inside(zeros, host, host_rows, [["dispatch"] for _ in steps], token="on-fill", bold=True),
    ]
    layers += [
        inside(
            starts[:, k],
            ends[:, k],
            gpu_rows,
            [
                [f"{name} {percent(width / busy_, 0)}", percent(width / busy_, 0)]
                for width, busy_ in zip(widths[:, k], busy, strict=True)
            ],
            token="on-fill",
            bold=True,
        )
        for k, name in enumerate(names)
    ]
    for rows, begin in ((host_rows, host), (gpu_rows, busy)):
        words = [[f"waits {number(end - start)} ms", "waits"] for start, end in zip(begin, done, strict=True)]
        layers.append(inside(begin, done, rows, words, token="ink", plate=True))
    layers += [
        *_limits(limits, -0.2, top, 0.62, right),
        Labels(
            x=0,
            y=[base + NAME for base in bases],
            text=[f"{step.name}: {number(end, 4)} ms ({step.exposed})" for step, end in zip(steps, done, strict=True)],
            token="ink",
            bold=True,
            dx=2,
            plate=True,
        ),
    ]
    lanes = [(float(row), name) for rows, name in ((host_rows, "host"), (gpu_rows, "GPU")) for row in rows]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time in one step (ms)", 0, right),
        y=Axis("", -0.25, top + 0.1 + 0.62 * len(limits), ticks=tuple(lanes)),
        layers=tuple(layers),
        height=60 + 108 * len(steps) + 21 * len(limits),
        key=(("host dispatch", HOST), *zip(names, KERNELS, strict=False), ("waiting", IDLE)),
    )


@dataclass(frozen=True)
class Total:
    """A whole in the unit of the axis, and the lane that it lasts for."""

    name: str
    value: float
    lane: Lane


@dataclass(frozen=True)
class Change:
    """One change, in the unit of the axis: the whole before and after it, and the lane that is exposed after it."""

    name: str
    before: float
    after: float
    lane: Lane = "GPU"

    @property
    def removed(self) -> float:
        """What it takes away; negative where it adds."""
        return self.before - self.after


@instrument(volume=2, chapter=9)
def removal_waterfall(
    start: Total,
    made: Sequence[Change],
    now: Total,
    waiting: Sequence[Change],
    *,
    unit: str,
    axis: str,
    title: str,
    limits: Sequence[Limit] = (),
    caption: str = "",
) -> Plot:
    """A whole before and after changes: what each one removed, what remains, and what the others would remove.

    Rows from top to bottom: `start`, the changes `made` in their order, the whole `now`, and the changes still
    `waiting`, each as if it were made next. The two lists may trade members; their joint length is part of the
    structure. The colour of what remains is that of its exposed lane. `limits` are in the unit of the axis.
    """
    count = len(made) + len(waiting) + 2
    rows = np.arange(count)[::-1].astype(float)
    first, last = 1, 1 + len(made)
    totals = {0: start, last: now}
    changes = {first + k: change for k, change in enumerate(made)}
    ghosts = {last + 1 + k: change for k, change in enumerate(waiting)}
    known = [limit.value for limit in limits if np.isfinite(limit.value)]
    whole = max(start.value, now.value, *(max(change.before, change.after) for change in made))
    right = 1.14 * max(whole, *(value for value in known if value < 1.6 * whole), 0.0)
    half = 0.34

    def bars(left: Mapping[int, float], end: Mapping[int, float], token: str, **style: Any) -> Boxes:
        return Boxes(
            left=[left.get(row, NAN) for row in range(count)],
            right=[end.get(row, NAN) for row in range(count)],
            bottom=rows - half,
            top=rows + half,
            token=token,
            **style,
        )

    layers: list[Layer] = []
    for lane, token in (("host", HOST), ("GPU", GPU)):
        whole_ends = {row: total.value for row, total in totals.items() if total.lane == lane}
        rest = {row: min(one.before, one.after) for row, one in changes.items() if one.lane == lane}
        layers += [
            bars(dict.fromkeys(whole_ends, 0.0), whole_ends, token),
            bars(dict.fromkeys(rest, 0.0), rest, token, alpha=0.3),
        ]
    removed = {row: one for row, one in changes.items() if one.removed > 0}
    added = {row: one for row, one in changes.items() if one.removed < 0}
    would = {row: one for row, one in ghosts.items() if one.removed > 0}
    layers += [
        bars({r: o.after for r, o in removed.items()}, {r: o.before for r, o in removed.items()}, "met"),
        bars({r: o.before for r, o in added.items()}, {r: o.after for r, o in added.items()}, "violation"),
        bars(
            {r: o.after for r, o in would.items()},
            {r: o.before for r, o in would.items()},
            "met",
            alpha=0.45,
            hatch="/",
        ),
    ]
    # Where a bar ends the next one begins; below the whole of now a line shows from where the others would remove.
    reached = [start.value, *(change.after for change in made), now.value, *(now.value for _ in waiting)]
    layers.append(
        Segments(x0=reached[:-1], x1=reached[:-1], y0=rows[:-1] - half, y1=rows[1:] + half, token="series-6", width=1)
    )
    layers.append(
        Segments(
            x0=[one.before if row in ghosts and one.removed <= 0 else NAN for row, one in _all(ghosts, count)],
            x1=[one.before if row in ghosts and one.removed <= 0 else NAN for row, one in _all(ghosts, count)],
            y0=rows - half,
            y1=rows + half,
            token="series-6",
            width=3,
        )
    )
    layers += _limits(limits, -0.6, count - 0.45, 0.62, right)

    texts, left, end = [""] * count, np.zeros(count), np.zeros(count)
    solid = np.zeros(count, dtype=bool)
    for row, total in totals.items():
        texts[row] = f"{number(total.value)} {unit} ({total.lane})"
        end[row], solid[row] = total.value, True
    for row, change in {**changes, **ghosts}.items():
        sign = "−" if change.removed > 0 else "+"
        size = abs(change.removed)
        texts[row] = f"{sign}{number(size)} {unit}" if size > 1e-9 * whole else "nothing"
        left[row], end[row] = min(change.before, change.after), max(change.before, change.after)
        # White words need a full bar behind all of them.
        solid[row] = row in changes and end[row] - left[row] > (len(texts[row]) + 1) * right * LETTER / NARROWEST
    room = right * LETTER / NARROWEST
    letters = np.array([len(text) for text in texts]) * room
    # Behind its bar, before it, or inside it, wherever the words have room first.
    behind = end + letters + 0.03 * right < right
    before = ~behind & (left > letters + 0.03 * right)
    within = ~behind & ~before
    words = np.array(texts, dtype=object)
    layers += [
        Labels(x=end, y=rows, text=np.where(behind, words, ""), token="ink", bold=True, dx=6, plate=True),
        Labels(
            x=left, y=rows, text=np.where(before, words, ""), token="ink", bold=True, align="right", dx=-6, plate=True
        ),
        Labels(
            x=end, y=rows, text=np.where(within & solid, words, ""), token="on-fill", bold=True, align="right", dx=-6
        ),
        Labels(
            x=end,
            y=rows,
            text=np.where(within & ~solid, words, ""),
            token="ink",
            bold=True,
            align="right",
            dx=-6,
            plate=True,
        ),
    ]
    named = [start.name, *(one.name for one in made), now.name, *(one.name for one in waiting)]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(axis, 0, right),
        y=Axis(
            "",
            -0.6,
            count - 0.35 + 0.62 * len(limits),
            ticks=tuple((float(row), name) for row, name in zip(rows, named, strict=True)),
        ),
        layers=tuple(layers),
        height=66 + 33 * count + 20 * len(limits),
        key=(
            ("host exposed", HOST),
            ("GPU exposed", GPU),
            ("removed (hatched: would be)", "met"),
            ("added", "violation"),
        ),
    )


def _all(some: Mapping[int, Change], count: int) -> list[tuple[int, Change]]:
    """Every row, with a change of nothing where there is none."""
    return [(row, some.get(row, Change("", NAN, NAN))) for row in range(count)]


@dataclass(frozen=True)
class SpeedupLine:
    """A speedup over the part's speedup: what is claimed or measured, its values, and where it stands at the cursor.

    NaN where it is not defined.
    """

    name: str
    values: npt.NDArray[np.float64]
    here: float


@instrument(volume=2, chapter=9)
def amdahl_against_measured(
    part_speedup: npt.NDArray[np.float64],
    claims: Sequence[SpeedupLine],
    measured: SpeedupLine,
    *,
    here: float,
    part: str,
    top: float,
    predicted: tuple[float, float] | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """End-to-end speedup over the speedup of one part: what Amdahl's law says of each share, and what the step does.

    `here` is the part's speedup at the cursor, `top` the upper end of the vertical axis, `predicted` the point that
    the student claimed. Lines are named at their right ends.
    """
    low, high = float(part_speedup[0]), float(part_speedup[-1])
    lines = [*claims, measured]
    tokens = ("series-5", "series-3", "data")
    styles: tuple[dict[str, Any], ...] = (
        {"width": 6, "alpha": 0.45},
        {"width": 3, "dash": "dashed"},
        {"width": 3},
    )
    floor = 1 - 0.17 * (top - 1)
    gap = 0.075 * (top - floor)
    finals = [float(line.values[-1]) for line in lines]
    placed = iter(spread([value for value in finals if np.isfinite(value)], gap, 1.0, top - gap))
    at = [next(placed) if np.isfinite(value) else NAN for value in finals]
    claimed = predicted or (NAN, NAN)
    layers: list[Layer] = [
        Segments(x0=here, x1=here, y0=floor, y1=top, token="muted", dash="dashed", width=1.5),
        *(
            Line(x=part_speedup, y=line.values, token=token, **style)
            for line, token, style in zip(lines, tokens, styles, strict=True)
        ),
        *(Points(x=here, y=line.here, token=token, size=9) for line, token in zip(lines, tokens, strict=True)),
        *(
            Labels(x=high, y=y, text=line.name if np.isfinite(y) else "", token=token, bold=True, dx=7)
            for line, y, token in zip(lines, at, tokens, strict=True)
        ),
        Points(x=claimed[0], y=claimed[1], size=14, token="series-2", marker="diamond", filled=False),
        Labels(
            x=claimed[0],
            y=claimed[1],
            text="" if predicted is None else "you",
            token="series-2",
            bold=True,
            align="center",
            baseline="top",
            dy=9,
            plate=True,
        ),
    ]
    ticks = tuple((float(k), f"{k}×") for k in (1, 2, 3, 5, 10) if low <= k <= high)
    spacing = next(step for step in (0.2, 0.5, 1.0, 2.0) if top - 1 <= 4.5 * step or step == 2.0)
    marks = tuple((1 + k * spacing, f"{1 + k * spacing:g}×") for k in range(int((top - 1) / spacing + 1e-9) + 1))
    return Plot(
        title=title,
        caption=caption,
        x=Axis(f"speedup of {part} alone", low / 1.12, high * 3.6, log=True, ticks=ticks),
        y=Axis("speedup of the step", floor, top, ticks=marks),
        layers=tuple(layers),
        height=300,
    )
