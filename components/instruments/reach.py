"""The reach map: how far away a service may be and still answer in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.registry import instrument


@instrument(volume=1, chapter=2)
def reach_map(
    distance_km: npt.NDArray[Any],
    loop_s: npt.NDArray[Any],
    *,
    target_s: float,
    deadline_s: float,
    here_km: float | None,
    here_s: float,
    radius_km: float | None,
    predicted_km: float | None,
    title: str,
    caption: str = "",
) -> Plot:
    """Loop time over distance, the feasible part shaded, the service radius named.

    `here_km` marks the current design (None where distance plays no part), `radius_km` is the farthest
    feasible distance (None if there is none or no end), `predicted_km` flags the student's prediction.
    """
    far, slow = float(distance_km[-1]), 50.0
    times = loop_s * 1e3
    shaded = radius_km if radius_km is not None else (far if here_km is None and here_s <= target_s else 0.0)
    flag = np.nan if predicted_km is None else predicted_km
    layers: list[Layer] = [
        Boxes(left=0, right=min(shaded, far), bottom=0, top=target_s * 1e3, token="met", alpha=0.16),
        Segments(x0=0, x1=far, y0=target_s * 1e3, y1=target_s * 1e3, token="met", dash="dashed"),
        Labels(
            x=far,
            y=target_s * 1e3,
            text=f"target {target_s * 1e3:g} ms",
            token="met-ink",
            align="right",
            baseline="top",
            dy=3,
        ),
        Segments(x0=0, x1=far, y0=deadline_s * 1e3, y1=deadline_s * 1e3, token="violation", dash="dashed"),
        Labels(
            x=far,
            y=deadline_s * 1e3,
            text=f"hard limit {deadline_s * 1e3:g} ms",
            token="violation-ink",
            align="right",
            baseline="bottom",
            dy=-2,
        ),
        Line(x=distance_km, y=times),
        Segments(x0=flag, x1=flag, y0=0, y1=slow, token="series-2", dash="dotted"),
        Labels(
            x=flag,
            y=slow * 0.97,
            text="your prediction" if predicted_km is not None else "",
            token="series-2",
            baseline="top",
            align="left" if flag < 0.7 * far else "right",
            dx=5 if flag < 0.7 * far else -5,
        ),
        Points(x=np.nan if here_km is None else here_km, y=here_s * 1e3, size=11),
        Labels(
            x=min(shaded, far) / 2,
            y=target_s * 1e3 / 2,
            text="" if radius_km is None else f"reach {radius_km:,.0f} km",
            token="met-ink",
            align="center",
            bold=True,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("distance to the data centre (km)", 0, far),
        y=Axis("loop time (ms)", 0, slow),
        layers=tuple(layers),
        height=300,
    )
