"""Layers: what they call a column is what HoloViews draws, what is style is not data, and gaps stay gaps."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from drawn import columns, models

from components.instruments.figure import Figure
from components.instruments.layers import (
    Axis,
    Band,
    Boxes,
    Bubbles,
    Cells,
    Labels,
    Layer,
    Line,
    Plot,
    Points,
    Segments,
)

SAMPLES: dict[type[Layer], tuple[Layer, Layer]] = {
    Line: (Line(x=[0.0, 1, 2], y=[0.0, np.nan, 2]), Line(x=[0.0, 1, 2], y=[3.0, 2, 1])),
    Band: (Band(x=[0.0, 1, 2], low=0, high=[1.0, 2, 3]), Band(x=[0.0, 1, 2], low=[0.0, 1, 1], high=4.0)),
    Boxes: (Boxes(left=0, bottom=0, right=[1.0, 2], top=1), Boxes(left=[0.0, 1], bottom=0, right=2, top=[1.0, np.nan])),
    Points: (Points(x=1, y=2), Points(x=np.nan, y=2)),
    Bubbles: (Bubbles(x=[1.0, 2], y=2, size=5), Bubbles(x=np.nan, y=2, size=4)),
    Segments: (Segments(x0=0, y0=0, x1=[1.0, 2], y1=1), Segments(x0=0, y0=[0.0, 1], x1=np.nan, y1=1)),
    Labels: (Labels(x=1, y=[1.0, 2], text=["a", "b"]), Labels(x=2, y=1, text=["", "c"])),
    Cells: (
        Cells(left=[0.0, 1], bottom=0, right=[1.0, 2], top=1, values=[0.1, 0.9]),
        Cells(left=[0.0, 1], bottom=0, right=[1.0, 2], top=1, values=[np.nan, 0.5]),
    ),
}


def subclasses(base: type) -> set[type]:
    """Every class below `base`."""
    return {base_ for direct in base.__subclasses__() for base_ in {direct, *subclasses(direct)}}


def plot(*layers: Layer, **changes: Any) -> Plot:
    made = {"x": Axis("x (m)", 0, 4), "y": Axis("y (m)", 0, 4), **changes}
    return Plot("Title", layers=layers, caption="Caption.", **made)


def equal(sent: dict[str, Any], layer: Layer) -> bool:
    """Whether what the browser gets is exactly the columns of a layer."""
    columns = layer.columns()
    return set(sent) == set(columns) and all(
        np.array_equal(np.asarray(sent[name]), column, equal_nan=np.asarray(column).dtype.kind == "f")
        for name, column in columns.items()
    )


def test_every_layer_has_a_sample() -> None:
    assert set(SAMPLES) == subclasses(Layer)


@pytest.mark.parametrize("kind", SAMPLES)
def test_columns_are_those_that_holoviews_draws(kind: type[Layer]) -> None:
    """A column under another name would never reach the glyph; what is drawn must name exactly these."""
    first, second = SAMPLES[kind]
    figure = Figure(plot(first))
    (renderer,) = models(figure).renderers
    assert equal(columns(figure)[0], first)
    referred = {
        getattr(value, "field", value.get("field") if isinstance(value, dict) else None)
        for name, value in renderer.glyph.properties_with_values().items()
        if name not in ("tags", "name", "subscribed_events")
    } - {None}
    assert referred == set(first.columns()), f"the glyph reads {referred}"
    figure.show(plot(second))
    assert equal(columns(figure)[0], second)


@pytest.mark.parametrize("kind", SAMPLES)
def test_columns_have_one_length_and_no_infinity(kind: type[Layer]) -> None:
    for layer in SAMPLES[kind]:
        columns = layer.columns()
        assert len({len(column) for column in columns.values()}) == 1
        for column in columns.values():
            assert column.ndim == 1
            assert column.dtype.kind != "f" or not np.isinf(column).any()


def test_infinity_is_a_gap() -> None:
    assert np.isnan(Line(x=[1.0, 2], y=[np.inf, -np.inf]).columns()["y"]).all()
    assert np.isnan(Boxes(left=0, bottom=0, right=np.inf, top=1).columns()["right"]).all()


def test_integers_are_drawn_like_floats() -> None:
    figure = Figure(plot(Line(x=[0, 1], y=[1, 2])))
    figure.show(plot(Line(x=[0, 1], y=[1.5, 2])))
    assert columns(figure)[0]["y"] == [1.5, 2]


@pytest.mark.parametrize("kind", SAMPLES)
def test_data_is_not_style_and_style_is(kind: type[Layer]) -> None:
    first, second = SAMPLES[kind]
    assert first.style() == second.style()
    for name in kind._style_fields:
        value = getattr(first, name)
        other: Any = {"token": "met", "marker": "square", "dash": "dotted", "align": "right", "baseline": "top"}.get(
            name, not value if isinstance(value, bool) else f"{value}x" if isinstance(value, str) else value + 0.25
        )
        assert replace(first, **{name: other}).style() != first.style(), f"{name} does not count as style"


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_field_is_either_style_or_data(kind: type[Layer]) -> None:
    """A field that is neither would be drawn once and never brought up to date."""
    data = {
        "Line": {"x", "y"},
        "Band": {"x", "low", "high"},
        "Boxes": {"left", "bottom", "right", "top"},
        "Points": {"x", "y"},
        "Bubbles": {"x", "y", "size"},
        "Segments": {"x0", "y0", "x1", "y1"},
        "Labels": {"x", "y", "text"},
        "Cells": {"left", "bottom", "right", "top", "values"},
    }[kind.__name__]
    assert {field.name for field in fields(kind)} == data | set(kind._style_fields)


def style(glyph: Any, *names: str) -> list[Any]:
    """Properties of a glyph as plain values."""
    return [getattr(value, "value", value) for value in (getattr(glyph, name) for name in names)]


def test_style_reaches_the_glyph() -> None:
    layers = (
        Line(x=[0.0, 1], y=[0.0, 1], token="met", width=4, dash="dashed"),
        Boxes(left=0, bottom=0, right=1, top=1, token="caution", alpha=0.2, hatch="right_diagonal_line", outline="ink"),
        Points(x=1, y=1, filled=False, marker="square", size=12),
        Labels(x=1, y=1, text="a", align="right", dx=-4, dy=3, bold=True, plate=True),
    )
    line, boxes, points, labels = (renderer.glyph for renderer in models(Figure(plot(*layers))).renderers)
    assert style(line, "line_color", "line_width", "line_dash") == ["#008F45", 4, [6]]
    assert style(boxes, "fill_color", "fill_alpha", "line_color") == ["#CC5500", 0.2, "#16202C"]
    assert style(boxes, "hatch_pattern") == ["right_diagonal_line"]
    assert style(points, "fill_alpha", "marker", "size") == [0, "square", 12]
    assert style(labels, "text_align", "x_offset", "y_offset", "text_font_style") == ["right", -4, 3, "bold"]
    assert style(labels, "background_fill_color") == ["#FFFFFF"]


def test_structure_is_style_scale_ticks_and_height() -> None:
    line = Line(x=[0.0, 1], y=[0.0, 1])
    base = plot(line).structure()
    assert plot(SAMPLES[Line][1]).structure() == base
    assert plot(line, x=Axis("other (s)", 1, 9)).structure() == base
    assert replace(plot(line), caption="Other.", title="Other", key=(("a", "met"),)).structure() == base
    for other in (
        plot(line, x=Axis("x (m)", 1, 4, log=True)),
        plot(line, y=Axis("", 0, 4, ticks=((1.0, "one"),))),
        replace(plot(line), height=200),
        plot(line, line),
        plot(replace(line, token="met")),
        plot(),
    ):
        assert other.structure() != base
