"""Host and device at work: the dispatch timeline, the race of a pass, and what a batch does to both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.placing import decade_ticks, sided_labels, spread
from components.instruments.registry import instrument
from components.quantity import quantity
from mlsysim.physics import DispatchSchedule

Array = npt.NDArray[np.float64]

#: Colours of what host and device do, the same in all drawings here.
DISPATCH, LAUNCH, KERNEL, COMPUTE, IDLE = "data", "series-2", "series-3", "series-5", "line"
#: Distance of two runs on the vertical axis of a timeline, and where the lanes and the name of a run stand in it.
PITCH, HOST_LANE, DEVICE_LANE, NAME = 3.1, 1.35, 0.35, 2.2
HALF = 0.34


@dataclass(frozen=True)
class Run:
    """One way to run the same operations: what it is called, and what host and device do when (s)."""

    name: str
    schedule: DispatchSchedule


@instrument(volume=1, chapter=7)
def dispatch_timeline(runs: Sequence[Run], *, title: str, caption: str = "") -> Plot:
    """A host lane and a device lane per run over one time axis (µs), the first run on top.

    The host dispatches and launches, a thin line leads from each launch to the kernel that it releases, and grey is
    time in which a lane waits until the last kernel of the run is done. `Run.name` stands above its lanes: some 40
    letters fit at 390 px.
    """
    us = 1e6
    horizon = max(run.schedule.makespan for run in runs) * us
    bases = [PITCH * (len(runs) - 1 - k) for k in range(len(runs))]
    # A kernel that is shorter than a hair of the axis is still drawn.
    hair = 0.004 * horizon
    boxes: dict[str, list[tuple[Array, Array, float]]] = {token: [] for token in (IDLE, DISPATCH, LAUNCH, KERNEL)}
    threads: list[tuple[Array, Array, float]] = []
    for run, base in zip(runs, bases, strict=True):
        plan = run.schedule
        ends = np.array([plan.makespan * us])
        for lane in (HOST_LANE, DEVICE_LANE):
            boxes[IDLE].append((np.zeros(1), ends, base + lane))
        boxes[DISPATCH].append((plan.dispatch_start * us, plan.dispatch_end * us, base + HOST_LANE))
        boxes[LAUNCH].append((plan.dispatch_end * us, plan.launch_end * us, base + HOST_LANE))
        width = (plan.end - plan.start) * us
        # A slit tells a kernel from the next one where the device never waits.
        drawn = np.maximum(width - np.minimum(0.07 * width, hair), hair)
        boxes[KERNEL].append((plan.start * us, plan.start * us + drawn, base + DEVICE_LANE))
        released = np.broadcast_to(plan.launch_end, plan.start.shape) * us
        threads.append((released, plan.start * us, base))
    layers: list[Layer] = []
    for token, parts in boxes.items():
        middle = np.concatenate([np.full(len(left), lane) for left, _, lane in parts])
        layers.append(
            Boxes(
                left=np.concatenate([left for left, _, _ in parts]),
                right=np.concatenate([right for _, right, _ in parts]),
                bottom=middle - HALF,
                top=middle + HALF,
                token=token,
                alpha=0.6 if token == IDLE else 1.0,
            )
        )
    low = np.concatenate([np.full(len(x), base + DEVICE_LANE + HALF) for x, _, base in threads])
    layers += [
        Segments(
            x0=np.concatenate([x for x, _, _ in threads]),
            x1=np.concatenate([x for _, x, _ in threads]),
            y0=low + HOST_LANE - DEVICE_LANE - 2 * HALF,
            y1=low,
            token="muted",
            width=1,
        ),
        Segments(
            x0=[run.schedule.makespan * us for run in runs],
            x1=[run.schedule.makespan * us for run in runs],
            y0=[base + DEVICE_LANE - HALF - 0.12 for base in bases],
            y1=[base + HOST_LANE + HALF + 0.12 for base in bases],
            token="ink",
            width=1.5,
        ),
        Labels(x=0, y=[base + NAME for base in bases], text=[run.name for run in runs], token="ink", bold=True, dx=2),
    ]
    lanes = [(base + lane, name) for base in bases for lane, name in ((HOST_LANE, "host"), (DEVICE_LANE, "device"))]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time (µs)", 0, 1.03 * horizon),
        y=Axis("", -0.25, PITCH * len(runs) - 0.45, ticks=tuple(lanes)),
        layers=tuple(layers),
        height=60 + 118 * len(runs),
        key=(("dispatch", DISPATCH), ("launch", LAUNCH), ("kernel", KERNEL), ("waiting", IDLE)),
    )


@dataclass(frozen=True)
class Pass:
    """One pass through a program (s): the host's work, the device's two, and the time that all of it takes.

    `turns`: the device begins when the host has finished (a synchronise after every operation, seen as a whole, or a
    recorded graph that is launched once); otherwise both work at once.
    """

    name: str
    dispatch_s: float
    launch_s: float
    memory_s: float
    compute_s: float
    step_s: float
    turns: bool = False


@instrument(volume=1, chapter=7)
def host_device_race(
    passes: Sequence[Pass],
    *,
    title: str,
    predicted_s: float | None = None,
    caption: str = "",
) -> Plot:
    """Host, memory and compute time of a pass as parallel bars (ms); the line is where the pass is done.

    The slowest bar reaches the line. `predicted_s` flags the student's prediction of the last pass.
    """
    ms = 1e3
    flag = math.nan if predicted_s is None else predicted_s * ms
    reach = max([part.step_s * ms for part in passes] + ([] if predicted_s is None else [flag]))
    right = 1.42 * reach
    pitch, rows = 4.0, (2.0, 1.0, 0.0)
    bases = [pitch * (len(passes) - 1 - k) for k in range(len(passes))]
    offset = [(part.dispatch_s + part.launch_s) * ms if part.turns else 0.0 for part in passes]
    host = [(part.dispatch_s + part.launch_s) * ms for part in passes]
    spans: dict[str, list[tuple[float, float, float]]] = {
        DISPATCH: [(0.0, part.dispatch_s * ms, base + rows[0]) for part, base in zip(passes, bases, strict=True)],
        LAUNCH: [
            (part.dispatch_s * ms, whole, base + rows[0]) for part, base, whole in zip(passes, bases, host, strict=True)
        ],
        KERNEL: [
            (start, start + part.memory_s * ms, base + rows[1])
            for part, base, start in zip(passes, bases, offset, strict=True)
        ],
        COMPUTE: [
            (start, start + part.compute_s * ms, base + rows[2])
            for part, base, start in zip(passes, bases, offset, strict=True)
        ],
    }
    layers: list[Layer] = []
    for token, bars in spans.items():
        left, end, middle = (np.array(column) for column in zip(*bars, strict=True))
        layers.append(
            Boxes(left=left, right=end, bottom=middle - 0.36, top=middle + 0.36, token=token),
        )
    steps = np.array([part.step_s * ms for part in passes])
    foot = np.array(bases) - 0.5
    ends = [(whole, base + rows[0], whole) for whole, base in zip(host, bases, strict=True)]
    for row, name in ((1, "memory_s"), (2, "compute_s")):
        ends += [
            (start + getattr(part, name) * ms, base + rows[row], getattr(part, name) * ms)
            for part, base, start in zip(passes, bases, offset, strict=True)
        ]
    beside = np.tile(steps, 3)
    layers += [
        Segments(x0=steps, x1=steps, y0=foot, y1=foot + 3.0, token="ink", width=2, dash="dashed"),
        Segments(x0=flag, x1=flag, y0=-1.15, y1=2.5, token="series-2", dash="dotted", width=3),
        *sided_labels(
            flag,
            -0.85,
            "" if predicted_s is None else "your prediction",
            left=predicted_s is not None and flag > 0.55 * right,
            token="series-2",
        ),
        Labels(
            # A time that would stand across the line of its pass stands behind it.
            x=[done if 0 <= done - end < 0.2 * right else end for (end, _, _), done in zip(ends, beside, strict=True)],
            y=[row for _, row, _ in ends],
            text=[quantity(value / ms, "s") if value > 0 else "" for _, _, value in ends],
            token="ink",
            dx=5,
            plate=True,
        ),
        Labels(
            x=0,
            y=[base + 2.85 for base in bases],
            text=[f"{part.name}: {quantity(part.step_s, 's')}" for part in passes],
            token="ink",
            bold=True,
            dx=2,
        ),
    ]
    names = [
        (base + row, name) for base in bases for row, name in zip(rows, ("host", "memory", "compute"), strict=True)
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time (ms)", 0, right),
        y=Axis("", -1.2, pitch * len(passes) - 0.6, ticks=tuple(names)),
        layers=tuple(layers),
        height=80 + 118 * len(passes),
        key=(("dispatch", DISPATCH), ("launch", LAUNCH), ("memory", KERNEL), ("compute", COMPUTE)),
    )


@instrument(volume=1, chapter=7)
def batch_throughput(
    batches: Array,
    rates: Sequence[tuple[str, Array]],
    ceiling: Array,
    *,
    batch: float,
    crossing: float,
    crossing_label: str,
    predicted: float | None = None,
    title: str,
    caption: str = "",
) -> Plot:
    """Tokens per second over the batch, both logarithmic: two devices under the host's ceiling.

    `rates` are name and throughput of the old and the new device, `ceiling` what the host alone would allow. The
    vertical at `crossing` (NaN: none) is the batch at which the device takes as long as the host. `predicted` is the
    throughput of the new device at batch 1 that the student claimed.
    """
    high = 4.0 * float(max(ceiling[-1], *(values[-1] for _, values in rates)))
    low = 0.35 * float(min(values[0] for _, values in rates))
    seen = batches[0] < crossing <= batches[-1]
    vertical = crossing if seen else math.nan
    tokens = ("series-5", "data")
    here = int(np.argmin(np.abs(batches - batch)))
    ends = [ceiling[-1], *(values[-1] for _, values in rates)]
    gap = 0.055 * math.log10(high / low)
    placed = 10.0 ** spread([math.log10(end) for end in ends], gap, math.log10(low), math.log10(high) - gap)
    names = [
        ("host alone", "muted", False),
        *((name, token, True) for (name, _), token in zip(rates, tokens, strict=True)),
    ]
    layers: list[Layer] = [
        Segments(x0=vertical, x1=vertical, y0=low, y1=high, token="caution", dash="dashed"),
        *sided_labels(
            vertical,
            high / 1.7,
            crossing_label if seen else "",
            left=bool(seen and crossing > 40),
            token="caution-ink",
            plate=True,
        ),
        Line(x=batches, y=ceiling, token="muted", dash="dotted", width=2),
        *(
            Line(x=batches, y=values, token=token, width=width)
            for (_, values), token, width in zip(rates, tokens, (5, 2.5), strict=True)
        ),
        Points(x=np.full(2, batches[here]), y=[values[here] for _, values in rates], size=9, token="ink"),
        Points(
            x=batches[0],
            y=math.nan if predicted is None else predicted,
            size=13,
            token="series-2",
            marker="diamond",
            filled=False,
        ),
        # Named under the curves, which rise from there: beside its mark the name would cross them.
        Labels(
            x=batches[0], y=1.5 * low, text="" if predicted is None else "◇ your prediction", token="series-2", dx=12
        ),
        *(
            Labels(x=batches[-1], y=at, text=name, token=token, bold=bold, dx=8)
            for at, (name, token, bold) in zip(placed, names, strict=True)
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "batch (sequences)",
            float(batches[0]) / 1.35,
            float(batches[-1]) * 60,
            log=True,
            ticks=tuple((float(8**k), f"{8**k:,}") for k in range(5)),
        ),
        y=Axis("tokens per second", low, high, log=True, ticks=decade_ticks(low, high)),
        layers=tuple(layers),
        height=300,
    )
