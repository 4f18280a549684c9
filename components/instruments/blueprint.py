"""Plots of one structure are drawn through HoloViews once per machine, and sent to every student as text.

Drawing a plot of twenty layers costs HoloViews some hundred milliseconds, and a copy of its hundred models as Python
objects still tens of them for each student. So the server keeps no models: Bokeh's own JSON travels to the browser,
which makes the models from it. What it lacks (columns, ranges, axis labels) is filled in there, as for every change
of a control.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from bokeh.models import AllIndices, FixedTicker, GlyphRenderer, HoverTool, Range1d, UnionRenderers
from bokeh.models import Axis as BokehAxis
from bokeh.plotting import figure as BokehFigure

from components.instruments.blueprint_cache import BlueprintCache
from components.instruments.layers import Axis, Plot
from components.theme import TEXT_FONT, colour

hv.Store.set_current_backend("bokeh")

_TOOLS = ["pan", "wheel_zoom", "box_zoom", "reset", "save"]


_drawn: dict[tuple[Any, ...], str] = {}
_cache: BlueprintCache | None = None


def keep_drawings_in(folder: Path | None) -> None:
    """From now on, drawings are looked for in a folder and kept there, beyond the end of this process."""
    global _cache
    _cache = None if folder is None else BlueprintCache(folder)


def blueprint(plot: Plot) -> str:
    """The drawing of `plot`'s structure, made if it is the first of its kind.

    JSON: `document`, a Bokeh document; `figure`, the id of its plot; `sources`, the ids of the layers' sources in
    order. Columns are empty, axes have neither labels nor named positions, and their ranges are those of no plot.
    """
    structure = plot.structure()
    if structure not in _drawn:
        kept = _cache.get(structure) if _cache else None
        _drawn[structure] = kept or _draw(plot)
        if _cache and kept is None:
            _cache.put(structure, _drawn[structure])
    return _drawn[structure]


def _draw(plot: Plot) -> str:
    overlay = hv.Overlay([layer.element() for layer in plot.layers]).opts(
        responsive=True,
        height=plot.height,
        xlim=(plot.x.low, plot.x.high),
        ylim=(plot.y.low, plot.y.high),
        logx=plot.x.log,
        logy=plot.y.log,
        title="",
        toolbar="above",
        default_tools=_TOOLS,
        active_tools=[],
        show_legend=False,
    )
    # A document of its own: while pages wait for something, the current document may be any of theirs.
    drawn = hv.renderer("bokeh").get_plot(overlay, doc=Document())
    figure: BokehFigure = drawn.state
    sources, telling, shared = [], [], Shared()
    for part, layer in zip(drawn.subplots.values(), plot.layers, strict=True):
        source, renderer = part.handles["source"], part.handles["glyph_renderer"]
        named = layer.columns()
        if set(source.data) != set(named):
            raise RuntimeError(
                f"{type(layer).__name__} names the columns {sorted(named)}, HoloViews drew {sorted(source.data)}"
            )
        part.handles["glyph"].update(**layer.glyph_properties())
        _strip(renderer, shared)
        source.data = {name: [] for name in named}
        sources.append(source)
        if layer.tells_coordinates:
            telling.append(renderer)
    _dress(figure)
    numbered = [name for name, axis in (("x", plot.x), ("y", plot.y)) if not axis.ticks]
    if telling and numbered:
        # What a point tells: its coordinates on the axes that have numbers, under their labels.
        told = [("", f"@{name}{{%.4g}}") for name in numbered]
        formats = {"@x": "printf", "@y": "printf"}
        figure.add_tools(HoverTool(renderers=telling, formatters=formats, tooltips=told, visible=False))
    for axis, span, scale in ((plot.x, figure.x_range, figure.xaxis[0]), (plot.y, figure.y_range, figure.yaxis[0])):
        _empty(axis, span, scale)
    document = Document()
    document.add_root(figure)
    drawing = {
        "document": document.to_json(deferred=False),
        "figure": figure.id,
        "sources": [source.id for source in sources],
    }
    return serialize_json(drawing)


def _empty(axis: Axis, span: Range1d, scale: BokehAxis) -> None:
    """Takes from a drawn axis what belongs to one plot alone."""
    span.update(start=1, end=10, reset_start=1, reset_end=10)
    scale.axis_label = ""
    if axis.ticks:
        scale.update(ticker=FixedTicker(ticks=[]), major_label_overrides={})


class Shared:
    """What Bokeh gives to every layer, once for a whole figure: nothing is selected, and every row is shown."""

    def __init__(self) -> None:
        self.policy = UnionRenderers()
        self.rows = AllIndices()


def _strip(renderer: GlyphRenderer, shared: Shared) -> None:
    """Nothing here is selected, muted or lit up: the models for that are half of a figure's."""
    renderer.update(selection_glyph="auto", nonselection_glyph="auto", muted_glyph="auto", hover_glyph=None)
    renderer.data_source.selection_policy = shared.policy
    renderer.view.filter = shared.rows


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
    # And it marks the keyboard's focus by a dotted hairline.
    ring = "outline: 3px solid var(--data); outline-offset: -3px;"
    figure.toolbar.update(logo=None, autohide=True, stylesheets=[strip, f":focus-visible {{ {ring} }}"])
    figure.stylesheets = [
        ".bk-Canvas { --outline-width: 3px; --outline-style: solid; --highlight-color: var(--data); }"
    ]
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
