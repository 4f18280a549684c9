"""From a `Plot` to pixels: drawn once through HoloViews, then fed with columns."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
import panel as pn
import param
from bokeh.models import ColumnDataSource, FixedTicker
from bokeh.plotting import figure as BokehFigure
from panel.custom import Child

from components.base import Bare, HtmlComponent, Unstyled
from components.instruments.layers import Axis, Columns, Plot
from components.theme import TEXT_FONT, colour

hv.Store.set_current_backend("bokeh")

_TOOLS = ["pan", "wheel_zoom", "box_zoom", "reset", "save"]


class PlotPane(Unstyled, pn.pane.Bokeh):
    """A Bokeh figure without Panel's style sheets."""


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
        for axis, was, model, scale in (
            (plot.x, self._axes[0], self._figure.x_range, self._figure.xaxis[0]),
            (plot.y, self._axes[1], self._figure.y_range, self._figure.yaxis[0]),
        ):
            if axis != was:
                model.update(start=axis.low, end=axis.high, reset_start=axis.low, reset_end=axis.high)
                _write_axis(scale, axis)
        self._axes = (plot.x, plot.y)

    @staticmethod
    def _words(plot: Plot) -> dict[str, Any]:
        return {"title": plot.title, "caption": plot.caption, "key": [list(pair) for pair in plot.key]}

    def _draw(self, plot: Plot) -> None:
        overlay = hv.Overlay([layer.element() for layer in plot.layers]).opts(
            responsive=True,
            height=plot.height,
            xlim=(plot.x.low, plot.x.high),
            ylim=(plot.y.low, plot.y.high),
            logx=plot.x.log,
            logy=plot.y.log,
            xlabel=plot.x.label,
            ylabel=plot.y.label,
            title="",
            toolbar="above",
            default_tools=_TOOLS,
            active_tools=[],
            show_legend=False,
        )
        drawn = hv.renderer("bokeh").get_plot(overlay)
        self._figure: BokehFigure = drawn.state
        self._sources: list[ColumnDataSource] = [part.handles["source"] for part in drawn.subplots.values()]
        self._columns: list[Columns] = [layer.columns() for layer in plot.layers]
        for source, columns in zip(self._sources, self._columns, strict=True):
            missing = set(columns) - set(source.data)
            if missing:
                raise RuntimeError(
                    f"HoloViews drew other columns than the layer names: {sorted(missing)} not in {sorted(source.data)}"
                )
        for part, layer in zip(drawn.subplots.values(), plot.layers, strict=True):
            part.handles["glyph"].update(**layer.glyph_properties())
        self._axes: tuple[Axis, Axis] = (plot.x, plot.y)
        self._structure = plot.structure()
        _dress(self._figure)
        _write_axis(self._figure.xaxis[0], plot.x)
        _write_axis(self._figure.yaxis[0], plot.y)
        self.plot = PlotPane(self._figure, sizing_mode="stretch_width", design=Bare)


def _dress(figure: BokehFigure) -> None:
    """The suite's look: transparent ground, thin grid, no box."""
    ink, muted, line, grid = (colour(name) for name in ("ink", "muted", "line", "grid"))
    figure.update(
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border_right=14,
        min_border_top=6,
        # HoloViews asks for WebGL, whose joints leave spikes on curves with close points; it pays from 1e5 points on.
        output_backend="canvas",
    )
    # Bokeh lays a white strip over the whole width under the tools: it covers labels and glares in the dark theme.
    strip = ":host(.bk-inner) { width: 178px !important; margin-left: auto; background: var(--surface); }"
    figure.toolbar.update(logo=None, autohide=True, stylesheets=[strip])
    # Inside the frame, where it costs no room while hidden.
    figure.toolbar_inner = True
    for axis in (*figure.xaxis, *figure.yaxis):
        axis.update(
            axis_label_text_color=muted,
            major_label_text_color=muted,
            axis_line_color=line,
            major_tick_line_color=line,
            minor_tick_line_color=None,
            axis_label_text_font=TEXT_FONT,
            major_label_text_font=TEXT_FONT,
            axis_label_text_font_style="normal",
            axis_label_text_font_size="9.5pt",
            major_label_text_font_size="9pt",
        )
    for lines in (*figure.xgrid, *figure.ygrid):
        lines.update(grid_line_color=grid, grid_line_width=1)
    figure.title.update(text_color=ink)


def _write_axis(model: Any, axis: Axis) -> None:
    if model.axis_label != axis.label:
        model.axis_label = axis.label
    if axis.ticks:
        model.ticker = FixedTicker(ticks=[position for position, _ in axis.ticks])
        model.major_label_overrides = {position: text for position, text in axis.ticks}
