"""Attention: the map of one head against a memory, what a context costs in bytes, and its share of the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from components.instruments.layers import Axis, Band, Boxes, Cells, Labels, Layer, Line, Plot, Points, Segments
from components.instruments.registry import instrument
from components.instruments.waterfall import Limit
from components.quantity import plain, quantity

#: Blocks along one side of the map.
BLOCKS = 16
#: The map is drawn twice, both times in a panel of side 1: to scale in the first, magnified in the second.
MAGNIFIED = 1.24
#: What stands around a square that fills its panel.
MARGIN = 1.32


@cache
def attention_weights(blocks: int = BLOCKS) -> npt.NDArray[np.float64]:
    """An illustrative attention pattern of one head over blocks of tokens; rows sum to one.

    The features are those that trained heads show (Clark et al. 2019): most of the weight on neighbours, some on the
    first token, and a few links between distant parts that speak of the same thing.
    """
    asks, read = np.meshgrid(np.arange(blocks), np.arange(blocks), indexing="ij")
    logits = 2.6 * np.exp(-np.abs(asks - read) / 1.1) + 1.3 * (read == 0)
    for one, other, strength in ((2, 9, 1.9), (5, 13, 2.1), (6, 13, 1.3), (11, 3, 1.6), (14, 7, 1.7), (10, 4, 0.9)):
        at, to = one * blocks // BLOCKS, other * blocks // BLOCKS
        logits = logits + strength * np.exp(-((asks - at) ** 2 + (read - to) ** 2) / 0.9)
        logits = logits + 0.6 * strength * np.exp(-((asks - to) ** 2 + (read - at) ** 2) / 0.9)
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@cache
def _shades() -> npt.NDArray[np.float64]:
    """The weights as they are drawn, row by row."""
    weights = attention_weights()
    # The root spreads the many small weights over the ramp; its lightest end would vanish in a small map.
    return np.asarray(0.2 + 0.8 * np.sqrt(np.minimum(weights / np.quantile(weights, 0.97), 1)).ravel())


def _round(value: float) -> float:
    """The largest of 1, 2, 3, 5, 7 times a power of ten that is at most `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 3, 5, 7) if step * power <= value * (1 + 1e-9))


@instrument(volume=1, chapter=6)
def attention_map(
    tokens: float,
    score_bytes: float,
    *,
    stored: bool,
    held_bytes: float,
    capacity: Limit,
    capacity_tokens: float,
    predicted: float | None,
    title: str,
    caption: str = "",
) -> Plot:
    """The attention map of one head, to scale with the memory that its head may fill, and magnified beside it.

    Areas are bytes: the map of `tokens` takes `score_bytes` if it is stored, `capacity` (B) is a square of side
    `capacity_tokens`. With `stored` false the map is an empty outline, and `held_bytes` says what is held instead.
    `predicted` is the student's side of the second square. The pattern is illustrative, the areas are not.
    """
    scale = MARGIN * max(capacity_tokens, tokens)
    side, limit = tokens / scale, capacity_tokens / scale
    ends = np.arange(BLOCKS + 1) / BLOCKS
    columns, rows = (grid.ravel() for grid in np.meshgrid(np.arange(BLOCKS), np.arange(BLOCKS)))

    def cells(size: float, at: float, gap: float) -> Cells:
        """The map with its first token at the top left."""
        return Cells(
            left=at + size * ends[columns],
            right=at + size * ends[columns + 1],
            bottom=1 - size * ends[rows + 1],
            top=1 - size * ends[rows],
            values=_shades(),
            gap=gap,
        )

    def square(size: float, token: str, dash: str, width: float = 2) -> Segments:
        """The outline of a square that shares its first token with the map."""
        return Segments(
            x0=np.array([0, 0, 0, size]),
            x1=np.array([size, size, 0, size]),
            y0=np.array([1, 1 - size, 1, 1]),
            y1=np.array([1, 1 - size, 1 - size, 1 - size]),
            token=token,
            dash=dash,
            width=width,
        )

    claimed = math.nan if predicted is None else predicted / scale
    inside = claimed <= 1
    size = quantity(score_bytes, "B") if stored else f"held: {quantity(held_bytes, 'B')}"
    name = f"{plain(tokens, 7)} tokens\n{size}"
    limit_name = f"{capacity.label}\n{plain(capacity_tokens, 6)} tokens"
    # The map is named beside itself while it is small, else below, or inside where the limit's name stands below.
    place = "beside" if side <= 0.4 else "inside" if 0.61 < side < limit else "below"
    # The limit is named below its square, unless the map's name is there.
    above = side > limit > 0.6
    raised = above and abs(claimed - limit) < 0.14
    # A panel is narrow on a phone: one number besides the origin.
    reach = _round(0.95 * scale)
    factor, prefix = next((step for step in ((1e6, "M"), (1e3, "k")) if reach >= step[0]), (1.0, ""))
    far = f"{plain(reach / factor)}{prefix}"
    layers: list[Layer] = [
        Boxes(left=0, right=limit, bottom=1 - limit, top=1, token="violation", alpha=0.06),
        cells(side if stored else math.nan, 0.0, 0),
        square(math.nan if stored else side, "data", "dotted"),
        # From the corners of the map to its magnified self.
        Segments(
            x0=np.array([side, side]),
            x1=np.array([MAGNIFIED, MAGNIFIED]),
            y0=np.array([1, 1 - side]),
            y1=np.array([1, 0]),
            token="series-6",
            dash="dotted",
            width=1.2,
        ),
        square(limit, capacity.token, "dashed"),
        square(claimed if inside else math.nan, "series-2", "dotted"),
        cells(1.0, MAGNIFIED, 0.6),
        *(
            Labels(
                x=x,
                y=y,
                text=name if place == where else "",
                token="data",
                bold=True,
                align="center" if where == "inside" else "left",
                baseline="middle" if where == "inside" else "top",
                dx=0 if where == "inside" else 5,
                dy=0 if where == "inside" else 3,
                plate=True,
                size="9pt",
            )
            for where, x, y in (("beside", side, 1), ("below", 0, 1 - side), ("inside", side / 2, 1 - side / 2))
        ),
        *(
            Labels(
                x=0,
                y=1 - limit,
                text=limit_name if above == up else "",
                token=f"{capacity.token}-ink",
                baseline="bottom" if up else "top",
                dx=5,
                dy=-4 if up else 4,
                plate=True,
                size="9pt",
            )
            for up in (True, False)
        ),
        Labels(
            x=0,
            y=1 - claimed + (0.14 if raised else 0) if inside else 0,
            text="" if predicted is None else "prediction" if inside else f"prediction {plain(predicted, 3)} ↘",
            token="series-2",
            baseline="bottom",
            dx=5,
            dy=-4,
            plate=True,
            size="9pt",
        ),
        Labels(
            x=np.array([0, MAGNIFIED]),
            y=1,
            text=["to scale", "magnified"],
            token="muted",
            baseline="bottom",
            dy=-3,
        ),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis(
            "token that is read",
            -0.01,
            MAGNIFIED + 1.01,
            ticks=(
                (0.0, "0"),
                (reach / scale, far),
                (MAGNIFIED, "0"),
                (MAGNIFIED + 1, plain(tokens, 7)),
            ),
        ),
        y=Axis("token that reads", -0.01, 1.1, ticks=((1 - reach / scale, far), (1.0, "0"))),
        layers=tuple(layers),
        height=340,
    )


@instrument(volume=1, chapter=6)
def attention_scaling(
    tokens: npt.NDArray[np.float64],
    *,
    one_layer: npt.NDArray[np.float64],
    all_layers: npt.NDArray[np.float64] | None,
    tiled: npt.NDArray[np.float64],
    linear: npt.NDArray[np.float64],
    names: tuple[str, str, str, str],
    here: tuple[float, float],
    capacity: Limit,
    capacity_tokens: float,
    marks: Sequence[tuple[str, float]],
    predicted: float | None,
    title: str,
    caption: str = "",
) -> Plot:
    """Bytes of attention over the context on logarithmic axes, where a square has slope 2 and a guess slope 1.

    Curves in bytes at `tokens`: scores of `one_layer`, of `all_layers` that are live (None where that is one),
    the state of `tiled` attention, and the `linear` extrapolation; `names` name them in this order. `here` is the
    current (tokens, bytes), `capacity` the memory (B), filled at `capacity_tokens`. `marks` are known contexts.
    """
    gb = 1e-9
    low, high = 1e3 * gb, 1e17 * gb
    edge = capacity.value * gb
    left, right = float(tokens[0]), float(tokens[-1])
    several = np.full_like(tokens, np.nan) if all_layers is None else all_layers * gb
    one, state, guess = one_layer * gb, tiled * gb, linear * gb
    claimed = math.nan if predicted is None else predicted
    known = np.array([at for _, at in marks])
    # Early contexts are named at the top, where no curve has arrived yet, late ones under all curves.
    early = known < math.sqrt(left * right)
    ends = [one[-1], several[-1], state[-1]]
    layers: list[Layer] = [
        Segments(x0=known, x1=known, y0=low, y1=high, token="grid", width=1.2),
        Segments(x0=left, x1=right, y0=edge, y1=edge, token=capacity.token, dash="dashed"),
        Line(x=tokens, y=guess, token="series-6", dash="dashed", width=1.6),
        Line(x=tokens, y=state, token="series-3"),
        Line(x=tokens, y=several, token="series-4"),
        Line(x=tokens, y=one),
        Segments(x0=capacity_tokens, x1=capacity_tokens, y0=low, y1=edge, token=capacity.token, width=1.2),
        Points(x=capacity_tokens, y=edge, marker="diamond", size=10, token=capacity.token),
        Points(x=claimed, y=edge, size=15, filled=False, token="series-2"),
        *(
            Labels(
                x=known,
                y=high if top else low,
                text=[name if is_early == top else "" for (name, _), is_early in zip(marks, early, strict=True)],
                token="muted",
                align="right" if top else "left",
                baseline="top" if top else "bottom",
                angle=90,
                size="8.5pt",
                dx=3 if top else -2,
                dy=4 if top else -4,
            )
            for top in (True, False)
        ),
        *(
            Labels(
                x=right,
                y=end,
                text="" if math.isnan(end) else text,
                token=token,
                align="right",
                baseline="bottom",
                dx=-8,
                dy=-1,
                bold=True,
                plate=True,
            )
            for end, text, token in zip(ends, names[:3], ("data", "series-4", "series-3"), strict=True)
        ),
        Labels(
            x=right, y=guess[-1], text=names[3], token="muted", align="right", baseline="top", dx=-8, dy=13, plate=True
        ),
        Labels(
            x=left,
            y=edge,
            text=f"{capacity.label}: {plain(capacity_tokens, 6)}",
            token=f"{capacity.token}-ink",
            baseline="bottom",
            dx=4,
            dy=-3,
            bold=True,
            plate=True,
        ),
        # Left of its ring, and below the line, where the guess runs at late contexts.
        *(
            Labels(
                x=claimed,
                y=edge,
                text="prediction" if predicted is not None and (claimed > right / 8) == above else "",
                token="series-2",
                align="right",
                baseline="bottom" if above else "top",
                dx=-11,
                dy=-4 if above else 6,
                plate=True,
            )
            for above in (True, False)
        ),
        Points(x=here[0], y=here[1] * gb, size=11),
    ]
    return Plot(
        title=title,
        caption=caption,
        x=Axis("context (tokens)", left / 1.12, right * 1.12, log=True, ticks=_octaves(left, right)),
        y=Axis(
            "attention memory",
            low,
            high,
            log=True,
            ticks=tuple((10.0**k * gb, quantity(10.0**k, "B", 1)) for k in range(3, 18, 3)),
        ),
        layers=tuple(layers),
        height=360,
    )


def _octaves(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Every second power of two from `low` to `high`, written in thousands of 1,024 from 1K on."""
    count = round(math.log2(high / low))
    values = [low * 2.0**k for k in range(0, count + 1, 2)]
    return tuple((value, f"{value / 1024:g}K" if value >= 1024 else f"{value:g}") for value in values)


@instrument(volume=1, chapter=6)
def attention_share(
    tokens: npt.NDArray[np.float64],
    share: npt.NDArray[np.float64],
    *,
    here: tuple[float, float],
    crossover: float,
    title: str,
    caption: str = "",
) -> Plot:
    """Where the arithmetic of a block goes: attention below, the dense products above, over the context.

    `share` is attention's part at `tokens`, `here` the current (tokens, share), `crossover` the context at which
    both are equal.
    """
    left, right = float(tokens[0]), float(tokens[-1])
    middle = math.sqrt(left * right)
    late = here[0] > middle
    return Plot(
        title=title,
        caption=caption,
        x=Axis("context (tokens)", left / 1.12, right * 1.12, log=True, ticks=_octaves(left, right)),
        y=Axis("share of the arithmetic", 0, 1.06, ticks=tuple((k / 4, f"{25 * k} %") for k in range(5))),
        layers=(
            Band(x=tokens, low=share, high=np.ones_like(share), token="series-6", alpha=0.22),
            Band(x=tokens, low=np.zeros_like(share), high=share, alpha=0.3),
            Line(x=tokens, y=share),
            Segments(x0=crossover, x1=crossover, y0=0, y1=0.5, token="caution", dash="dashed"),
            Segments(x0=left, x1=crossover, y0=0.5, y1=0.5, token="caution", dash="dashed"),
            Labels(
                x=left,
                y=0.5,
                text=f"half at {plain(crossover, 6)}",
                token="caution-ink",
                dx=5,
                dy=-3,
                baseline="bottom",
            ),
            Labels(x=left, y=0.9, text="weights, ∝ N", token="ink", dx=5, bold=True),
            Labels(x=right, y=0.1, text="attention, ∝ N²", token="ink", align="right", dx=-5, bold=True),
            Points(x=here[0], y=here[1], size=11),
            # Under the point: beside it the curve is steep on a narrow screen.
            *(
                Labels(
                    x=here[0],
                    y=here[1],
                    text=f"{100 * here[1]:.1f} %" if late == left_of else "",
                    token="data",
                    bold=True,
                    align="right" if left_of else "left",
                    baseline="top",
                    dx=2 if left_of else 9,
                    dy=20 if left_of else 5,
                )
                for left_of in (True, False)
            ),
        ),
        height=250,
    )
