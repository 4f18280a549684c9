"""What a plot is made of: layers of data in a style, each a HoloViews element and a set of columns.

A layer is cheap to make (arrays and a few words), because an act makes all of its layers anew for every
change of a control. The HoloViews element is built once, when the plot first appears; afterwards only the
columns travel to the browser. Building elements anew and letting a DynamicMap compare them costs about
10 ms per plot and change, sending columns less than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import holoviews as hv
import numpy as np
import numpy.typing as npt
from bokeh.core.properties import value

from components.theme import TEXT_FONT, colour

Columns = dict[str, npt.NDArray[Any]]


def _array(values: Any) -> npt.NDArray[Any]:
    """A one-dimensional array whose non-finite numbers are gaps."""
    array = np.atleast_1d(np.asarray(values))
    if array.dtype.kind == "f":
        return np.where(np.isfinite(array), array, np.nan)
    return array


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Base of all layers. `token` names a colour of the theme; `alpha` applies to fills."""

    token: str = "data"
    alpha: float = 1.0

    #: Whether a point of the layer tells its coordinates to whoever points at it.
    tells_coordinates: ClassVar[bool] = False
    #: Changes of these fields need a new plot; everything else is a column.
    _style_fields: ClassVar[tuple[str, ...]] = ("token", "alpha")

    def style(self) -> tuple[Any, ...]:
        """What the built element depends on apart from its columns."""
        return (type(self).__name__, *(getattr(self, name) for name in self._style_fields))

    def columns(self) -> Columns:
        """The data, named as in the drawn glyph's source."""
        raise NotImplementedError

    def element(self) -> hv.Element:
        """The HoloViews element in its style."""
        raise NotImplementedError

    def glyph_properties(self) -> dict[str, Any]:
        """Properties of the drawn glyph for which HoloViews has no option."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Line(Layer):
    """A curve through (x, y); NaN breaks it."""

    x: Any
    y: Any
    width: float = 2.5
    dash: str = "solid"

    tells_coordinates = True

    _style_fields = (*Layer._style_fields, "width", "dash")

    def columns(self) -> Columns:
        return {"x": _array(self.x), "y": _array(self.y)}

    def element(self) -> hv.Element:
        columns = self.columns()
        return hv.Curve((columns["x"], columns["y"]), "x", "y").opts(
            color=colour(self.token), line_width=self.width, line_dash=self.dash, alpha=self.alpha
        )


@dataclass(frozen=True, kw_only=True)
class Band(Layer):
    """The area between `low` and `high` over x."""

    x: Any
    low: Any
    high: Any
    alpha: float = 0.35

    def columns(self) -> Columns:
        x = _array(self.x)
        low, high = (np.broadcast_to(_array(edge), x.shape) for edge in (self.low, self.high))
        return {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([low, high[::-1]])}

    def element(self) -> hv.Element:
        columns = self.columns()
        half = len(columns["x"]) // 2
        return hv.Area((columns["x"][:half], columns["y"][:half], columns["y"][half:][::-1]), "x", ["y", "y2"]).opts(
            fill_color=colour(self.token), fill_alpha=self.alpha, line_alpha=0
        )


@dataclass(frozen=True, kw_only=True)
class Boxes(Layer):
    """Filled rectangles: bars, stacked segments, regions. `hatch` is a Bokeh hatch pattern."""

    left: Any
    bottom: Any
    right: Any
    top: Any
    hatch: str = ""
    outline: str = ""

    _style_fields = (*Layer._style_fields, "hatch", "outline")

    def columns(self) -> Columns:
        edges = np.broadcast_arrays(*(_array(edge) for edge in (self.left, self.bottom, self.right, self.top)))
        return dict(zip(("left", "bottom", "right", "top"), map(np.array, edges), strict=True))

    def element(self) -> hv.Element:
        columns = self.columns()
        line = {"line_color": colour(self.outline), "line_width": 2} if self.outline else {"line_alpha": 0}
        return hv.Rectangles(tuple(columns[name] for name in ("left", "bottom", "right", "top"))).opts(
            fill_color=colour(self.token), fill_alpha=self.alpha, **line
        )

    def glyph_properties(self) -> dict[str, Any]:
        if not self.hatch:
            return {}
        return {"hatch_pattern": self.hatch, "hatch_color": colour("surface"), "hatch_alpha": 0.7}


@dataclass(frozen=True, kw_only=True)
class Points(Layer):
    """Markers at (x, y); `filled=False` draws rings."""

    x: Any
    y: Any
    size: float = 9
    marker: str = "circle"
    filled: bool = True

    tells_coordinates = True

    _style_fields = (*Layer._style_fields, "size", "marker", "filled")

    def columns(self) -> Columns:
        return {"x": _array(self.x), "y": _array(self.y)}

    def element(self) -> hv.Element:
        columns = self.columns()
        return hv.Scatter((columns["x"], columns["y"]), "x", "y").opts(
            marker=self.marker,
            size=self.size,
            line_color=colour(self.token),
            line_width=2,
            fill_color=colour(self.token),
            fill_alpha=self.alpha if self.filled else 0,
        )


@dataclass(frozen=True, kw_only=True)
class Bubbles(Layer):
    """Markers at (x, y) whose diameters are data: `size` in pixels, one each."""

    x: Any
    y: Any
    size: Any
    marker: str = "circle"
    alpha: float = 0.35

    _style_fields = (*Layer._style_fields, "marker")

    def columns(self) -> Columns:
        parts = np.broadcast_arrays(*(_array(part) for part in (self.x, self.y, self.size)))
        return dict(zip(("x", "y", "size"), map(np.array, parts), strict=True))

    def element(self) -> hv.Element:
        # HoloViews takes a size that is the same for all for a style: drawn with two that differ, then fed the columns.
        return hv.Scatter(([1.0, 2.0], [1.0, 2.0], [1.0, 2.0]), "x", ["y", "size"]).opts(
            marker=self.marker,
            size="size",
            line_color=colour(self.token),
            line_width=1.5,
            fill_color=colour(self.token),
            fill_alpha=self.alpha,
        )


@dataclass(frozen=True, kw_only=True)
class Segments(Layer):
    """Straight lines from (x0, y0) to (x1, y1): limits, flags, error bars. NaN hides one."""

    x0: Any
    y0: Any
    x1: Any
    y1: Any
    width: float = 2
    dash: str = "solid"

    _style_fields = (*Layer._style_fields, "width", "dash")

    def columns(self) -> Columns:
        ends = np.broadcast_arrays(*(_array(end) for end in (self.x0, self.y0, self.x1, self.y1)))
        return dict(zip(("x0", "y0", "x1", "y1"), map(np.array, ends), strict=True))

    def element(self) -> hv.Element:
        columns = self.columns()
        return hv.Segments(tuple(columns.values()), ["x0", "y0", "x1", "y1"]).opts(
            color=colour(self.token), line_width=self.width, line_dash=self.dash
        )


@dataclass(frozen=True, kw_only=True)
class Labels(Layer):
    """Text at (x, y): direct labels in place of a legend. Offsets are in pixels.

    `plate` puts the surface behind the text, so that a line through it stays readable.
    """

    x: Any
    y: Any
    text: Any
    align: str = "left"
    baseline: str = "middle"
    size: str = "9.5pt"
    bold: bool = False
    dx: float = 0
    dy: float = 0
    angle: float = 0
    plate: bool = False

    _style_fields = (*Layer._style_fields, "align", "baseline", "size", "bold", "dx", "dy", "angle", "plate")

    def columns(self) -> Columns:
        text = np.atleast_1d(np.asarray(self.text, dtype=object))
        x, y = (np.broadcast_to(_array(at).astype(float), text.shape) for at in (self.x, self.y))
        return {"x": np.array(x), "y": np.array(y), "text": text}

    def element(self) -> hv.Element:
        columns = self.columns()
        return hv.Labels(tuple(columns.values()), ["x", "y"], "text").opts(
            text_color=colour(self.token),
            text_font_size=self.size,
            text_align=self.align,
            text_baseline=self.baseline,
            text_font_style="bold" if self.bold else "normal",
            angle=self.angle,
        )

    def glyph_properties(self) -> dict[str, Any]:
        plate = {"background_fill_color": colour("surface"), "background_fill_alpha": 0.85} if self.plate else {}
        return {"x_offset": self.dx, "y_offset": self.dy, "text_font": value(TEXT_FONT), **plate}


@dataclass(frozen=True, kw_only=True)
class Cells(Layer):
    """A heat map: one rectangle per cell, coloured by `values` on a light-to-dark scale from `low` to `high`.

    `gap` is the width of the line between cells in pixels; 0 for cells that may be as small as a pixel.
    """

    left: Any
    bottom: Any
    right: Any
    top: Any
    values: Any
    low: float = 0.0
    high: float = 1.0
    gap: float = 2

    _style_fields = (*Layer._style_fields, "low", "high", "gap")

    #: A blue ramp that stays legible under dark text; drawn the same in both themes.
    ramp: ClassVar[tuple[str, ...]] = (
        "#F1F6FA",
        "#E1EDF5",
        "#CFE3F0",
        "#BAD7EA",
        "#A3CAE4",
        "#8ABCDC",
        "#71AED4",
        "#5AA0CB",
    )

    def columns(self) -> Columns:
        values = _array(self.values).astype(float)
        edges = (np.broadcast_to(_array(edge), values.shape) for edge in (self.left, self.bottom, self.right, self.top))
        return {
            **dict(zip(("left", "bottom", "right", "top"), map(np.array, edges), strict=True)),
            "fill_color": values,
        }

    def element(self) -> hv.Element:
        columns = self.columns()
        return hv.Rectangles(tuple(columns.values()), vdims="value").opts(
            fill_color="value",
            cmap=list(self.ramp),
            clim=(self.low, self.high),
            line_color=colour("surface"),
            line_width=self.gap,
            line_alpha=1 if self.gap else 0,
        )


@dataclass(frozen=True)
class Axis:
    """One axis: label with unit, range, scale, and named positions in place of numbers."""

    label: str
    low: float
    high: float
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()

    def for_browser(self) -> list[Any]:
        """What the browser writes at a drawn axis: `[label, low, high, [[position, name], …]]`."""
        return [self.label, float(self.low), float(self.high), [[float(at), name] for at, name in self.ticks]]


@dataclass(frozen=True)
class Plot:
    """A plot as an instrument returns it.

    `caption` says in words what it shows, with the numbers of the moment. `key` names colours (label, token)
    where labels at the marks themselves would collide.
    """

    title: str
    x: Axis
    y: Axis
    layers: tuple[Layer, ...]
    caption: str = ""
    height: int = 300
    key: tuple[tuple[str, str], ...] = ()
    #: Name of the registered instrument that made it; set by `registry.instrument`.
    instrument: str = ""

    def structure(self) -> tuple[Any, ...]:
        """Two plots of the same structure differ in columns and ranges only."""
        axes = tuple((axis.log, bool(axis.ticks)) for axis in (self.x, self.y))
        return (*axes, self.height, tuple(layer.style() for layer in self.layers))
