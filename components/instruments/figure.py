"""From a `Plot` to pixels: copied from a blueprint that HoloViews drew, then fed with columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import param
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool
from bokeh.plotting import figure as BokehFigure
from panel.custom import Child

from components.base import Bare, HtmlComponent, Unstyled
from components.instruments.blueprint import blueprint, tooltips
from components.instruments.layers import Axis, Plot


class PlotPane(Unstyled, pn.pane.Bokeh):
    """A Bokeh figure without Panel's style sheets."""

    def _get_model(self, doc, root=None, parent=None, comm=None):
        # Panel would look through the whole figure for scripts, of which ours have none.
        self._models[root.ref["id"]] = (self.object, parent)
        return self.object


class Figure(HtmlComponent):
    """A plot with title and caption; `show` brings it up to date.

    :Example:

    >>> figure = Figure(); figure.show(latency_waterfall(...))
    """

    title = param.String(default="", doc="Title of the plot.")
    caption = param.String(default="", doc="What it shows, in words.")
    key = param.List(default=[], doc="`[label, colour token]` pairs of the key above the plot.")
    plot = Child(doc="The Bokeh figure.")

    def __init__(self, plot: Plot, **params: Any) -> None:
        super().__init__(**self._words(plot), **params)
        self._axes: tuple[Axis, Axis] = (plot.x, plot.y)
        self._draw(plot)

    def show(self, plot: Plot) -> None:
        """Brings the figure up to date: columns and ranges where the structure is the same, else a new drawing."""
        self.param.update(**self._words(plot))
        if plot.structure() != self._structure:
            self._draw(plot)
            return
        for source, columns, layer in zip(self._sources, self._columns, plot.layers, strict=True):
            fresh = layer.columns()
            if any(
                not np.array_equal(fresh[name], columns[name], equal_nan=fresh[name].dtype.kind == "f")
                for name in fresh
            ):
                source.data = {**source.data, **fresh}
                columns.update(fresh)
        if (plot.x, plot.y) != self._axes:
            self._axes = (plot.x, plot.y)
            _write_axes(self._figure, self._axes)

    @staticmethod
    def _words(plot: Plot) -> dict[str, Any]:
        return {"title": plot.title, "caption": plot.caption, "key": [list(pair) for pair in plot.key]}

    def _draw(self, plot: Plot) -> None:
        self._figure, self._sources = draw(plot)
        self._structure = plot.structure()
        self._columns = [layer.columns() for layer in plot.layers]
        for source, columns in zip(self._sources, self._columns, strict=True):
            source.data = dict(columns)
        self._axes = (plot.x, plot.y)
        self.plot = PlotPane(self._figure, sizing_mode="stretch_width", design=Bare)


def draw(plot: Plot) -> tuple[BokehFigure, list[ColumnDataSource]]:
    """The Bokeh figure of a plot with its axes written, and the sources of its layers in order, still empty."""
    figure, sources = blueprint(plot).build()
    _write_axes(figure, (plot.x, plot.y))
    return figure, sources


def _write_axes(figure: BokehFigure, axes: tuple[Axis, Axis]) -> None:
    for axis, span, scale in zip(
        axes, (figure.x_range, figure.y_range), (figure.xaxis[0], figure.yaxis[0]), strict=True
    ):
        span.update(start=axis.low, end=axis.high, reset_start=axis.low, reset_end=axis.high)
        _write_axis(scale, axis)
    told = tooltips(*axes)
    for tool in figure.tools:
        if isinstance(tool, HoverTool) and tool.tooltips != told:
            tool.tooltips = told


def _write_axis(model: Any, axis: Axis) -> None:
    if model.axis_label != axis.label:
        model.axis_label = axis.label
    if not axis.ticks:
        return
    positions, names = [position for position, _ in axis.ticks], dict(axis.ticks)
    # A new ticker is a new model, for which Bokeh walks through the whole page (20 ms and more).
    if not isinstance(model.ticker, FixedTicker):
        model.ticker = FixedTicker(ticks=positions)
    elif model.ticker.ticks != positions:
        model.ticker.ticks = positions
    if model.major_label_overrides != names:
        model.major_label_overrides = names
