"""The pipeline Gantt: which stage works when, and where it stands idle."""

from __future__ import annotations

import numpy as np

from components.instruments.layers import Axis, Boxes, Layer, Plot
from components.instruments.registry import instrument
from mlsysim.physics import PipelineSchedule

#: More stages than this are thinned out: every second or fourth is drawn.
ROWS = 8
FORWARD, BACKWARD, IDLE = "data", "series-5", "line"


@instrument(volume=2, chapter=5)
def pipeline_gantt(schedule: PipelineSchedule, stages: int, *, title: str, caption: str = "") -> Plot:
    """A pipeline's schedule as bars, the first stage on top, idle time grey.

    Times of the schedule are in the duration of one forward pass of a whole stage.
    """
    every = -(-stages // ROWS)
    drawn = np.arange(0, stages, every)
    total = schedule.makespan
    kept = schedule.stage % every == 0
    rows = (len(drawn) - 1 - schedule.stage[kept] // every).astype(float)
    start, end, backward = schedule.start[kept], schedule.end[kept], schedule.backward[kept]
    # A hair between neighbours tells one slice from the next.
    gap = 0.06 * float(np.min(end - start, initial=1.0))
    places = np.arange(len(drawn), dtype=float)
    half = 0.36
    layers: list[Layer] = [
        Boxes(left=0.0, right=max(total, 1.0), bottom=places - half, top=places + half, token=IDLE, alpha=0.7)
    ]
    for chosen, token in ((~backward, FORWARD), (backward, BACKWARD)):
        hidden = np.where(chosen, 0.0, np.nan)
        layers.append(
            Boxes(left=start + gap + hidden, right=end - gap, bottom=rows - half, top=rows + half, token=token)
            if len(rows)
            else Boxes(left=np.nan, right=np.nan, bottom=np.nan, top=np.nan, token=token)
        )
    return Plot(
        title=title,
        caption=caption,
        x=Axis("time (forward passes of one stage)", 0, max(total, 1.0)),
        y=Axis(
            "stage",
            -0.55,
            len(drawn) - 0.45,
            ticks=tuple((float(len(drawn) - 1 - k), str(stage + 1)) for k, stage in enumerate(drawn)),
        ),
        layers=tuple(layers),
        height=300,
        key=(("forward", FORWARD), ("backward", BACKWARD), ("idle", IDLE)),
    )
