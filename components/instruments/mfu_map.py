"""The MFU map: how well every split of a cluster into tensor and pipeline groups uses it, and which cannot run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Boxes, Cells, Labels, Layer, Plot, Segments
from components.instruments.registry import instrument

CellStatus = Literal["ok", "late", "oom", "invalid", ""]

#: Half the side of a cell; cells stand one apart.
HALF = 0.48


@instrument(volume=2, chapter=5)
def mfu_map(
    tp: Sequence[int],
    pp: Sequence[int],
    mfu: npt.NDArray[Any],
    status: npt.NDArray[Any],
    *,
    here: tuple[int, int],
    title: str,
    caption: str = "",
    high: float = 0.5,
) -> Plot:
    """MFU (fraction) of each layout as a heat map, tensor-parallel degree to the right, pipeline stages upwards.

    `mfu` and `status` have the shape (len(pp), len(tp)). Status of a cell: "ok" meets the deadline and is
    outlined, "late" runs, "oom" does not fit and is hatched, "invalid" is crossed out, "" is out of
    reach for now and left blank.
    `here` is the (tp, pp) of the current design.
    """
    columns, rows = np.meshgrid(np.arange(len(tp), dtype=float), np.arange(len(pp), dtype=float))
    x, y, codes = columns.ravel(), rows.ravel(), np.asarray(status).ravel()
    shares = np.asarray(mfu, dtype=float).ravel()

    def only(*chosen: str) -> npt.NDArray[np.float64]:
        """x of the cells with one of these states; NaN hides the others."""
        return np.where(np.isin(codes, chosen), x, np.nan)

    def box(at: npt.NDArray[np.float64], half: float, **style: Any) -> Boxes:
        return Boxes(left=at - half, right=at + half, bottom=y - half, top=y + half, **style)

    runs, crossed = only("ok", "late"), only("invalid")
    here_x = float(tp.index(here[0])) if here[0] in tp else np.nan
    here_y = float(pp.index(here[1])) if here[1] in pp else np.nan
    layers: list[Layer] = [
        Cells(left=runs - HALF, right=runs + HALF, bottom=y - HALF, top=y + HALF, values=shares, low=0, high=high),
        box(only("oom"), HALF, token="violation", alpha=0.3, hatch="/"),
        box(only("invalid", ""), HALF, token="sunken"),
        Segments(
            x0=np.concatenate([crossed - 0.2, crossed - 0.2]),
            x1=np.concatenate([crossed + 0.2, crossed + 0.2]),
            y0=np.concatenate([y - 0.2, y + 0.2]),
            y1=np.concatenate([y + 0.2, y - 0.2]),
            token="series-6",
            width=1.5,
        ),
        # In the gap between cells, where green stands out in both themes.
        box(only("ok"), 0.5, alpha=0, outline="met"),
        # Two lines side by side: one of them stands out from every cell in either theme.
        *(
            Boxes(
                left=here_x - half,
                right=here_x + half,
                bottom=here_y - half,
                top=here_y + half,
                alpha=0,
                outline=token,
            )
            for half, token in ((0.375, "ink"), (0.36, "on-cell"))
        ),
        Labels(
            x=x,
            y=y,
            text=[
                f"{100 * share:.1f}" if code in ("ok", "late") else ""
                for share, code in zip(shares, codes, strict=True)
            ],
            align="center",
            token="on-cell",
            bold=True,
        ),
        Labels(x=only("oom"), y=y, text=["OOM"] * len(x), align="center", token="violation-ink", bold=True, plate=True),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("tensor-parallel degree (GPUs)", -0.55, len(tp) - 0.45, ticks=_ticks(tp)),
        y=Axis("pipeline stages", -0.55, len(pp) - 0.45, ticks=_ticks(pp)),
        layers=tuple(layers),
        height=90 + 46 * len(pp),
    )


def _ticks(values: Sequence[int]) -> tuple[tuple[float, str], ...]:
    return tuple((float(k), str(value)) for k, value in enumerate(values))
