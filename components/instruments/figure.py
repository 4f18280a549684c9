"""From a `Plot` to the browser: the drawing of its structure once, then the columns and axes that change."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import param

from components.base import HtmlComponent
from components.instruments.blueprint import blueprint
from components.instruments.layers import Columns, Plot

#: Columns longer than this travel as bytes, each in two messages of its own; shorter ones are cheaper as a list.
LONGEST_LIST = 100


class Figure(HtmlComponent):
    """A plot with title and caption; `show` brings it up to date.

    :Example:

    >>> figure = Figure(latency_waterfall(...)); figure.show(latency_waterfall(...))
    """

    title = param.String(default="", doc="Title of the plot.")
    caption = param.String(default="", doc="What it shows, in words.")
    key = param.List(default=[], doc="`[label, colour token]` pairs of the key above the plot.")
    drawing = param.Dict(
        default={},
        doc="""The plot as it was drawn: `blueprint`, Bokeh's JSON without data; `columns` of each layer by name; `axes`
        as `Axis.for_browser` gives them.""",
    )
    changes = param.Dict(
        default={},
        doc="""What differs from `drawing` or has done so since: `columns` by number of the layer and name, `axes`.
        Whole, so that a browser that comes late to it misses nothing.""",
    )

    _structure: tuple[Any, ...]
    _columns: list[Columns]
    _axes: list[Any]
    _changed: dict[str, dict[str, Any]]

    def __init__(self, plot: Plot, **params: Any) -> None:
        super().__init__(**self._words(plot), drawing=self._draw(plot), **params)

    def show(self, plot: Plot) -> None:
        """Brings the figure up to date: columns and axes where the structure is the same, else a new drawing."""
        self.param.update(**self._words(plot))
        if plot.structure() != self._structure:
            # First, for the browser takes one after the other: changes belong to the drawing before.
            self.changes = {}
            self.drawing = self._draw(plot)
            return
        moved = False
        for number, layer in enumerate(plot.layers):
            columns = self._columns[number]
            for name, fresh in layer.columns().items():
                if not np.array_equal(fresh, columns[name], equal_nan=fresh.dtype.kind == "f"):
                    columns[name] = fresh
                    self._changed.setdefault(str(number), {})[name] = _for_browser(fresh)
                    moved = True
        axes = _axes(plot)
        if moved or axes != self._axes:
            self._axes = axes
            self.changes = {
                "columns": {number: dict(columns) for number, columns in self._changed.items()},
                "axes": axes,
            }

    @staticmethod
    def _words(plot: Plot) -> dict[str, Any]:
        return {"title": plot.title, "caption": plot.caption, "key": [list(pair) for pair in plot.key]}

    def _draw(self, plot: Plot) -> dict[str, Any]:
        self._structure = plot.structure()
        self._columns = [layer.columns() for layer in plot.layers]
        self._axes, self._changed = _axes(plot), {}
        columns = [{name: _for_browser(column) for name, column in layer.items()} for layer in self._columns]
        return {"blueprint": blueprint(plot), "columns": columns, "axes": self._axes}


def _axes(plot: Plot) -> list[Any]:
    return [plot.x.for_browser(), plot.y.for_browser()]


def _for_browser(column: npt.NDArray[Any]) -> Any:
    return column if column.dtype.kind in "fiub" and len(column) > LONGEST_LIST else column.tolist()
