"""Plots of one structure are drawn through HoloViews once per machine and copied for every further student.

Drawing a plot of twenty layers costs HoloViews some hundred milliseconds, as much as the rest of a page several
times over; a copy costs a tenth of it. What a copy lacks (columns, ranges, axis labels) is filled in anyway
for every change of a control.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
from bokeh.core.property.validation import without_property_validation
from bokeh.core.serialization import Deserializer, Serialized, Serializer
from bokeh.document import Document
from bokeh.models import AllIndices, ColumnDataSource, GlyphRenderer, HoverTool, UnionRenderers
from bokeh.plotting import figure as BokehFigure
from bokeh.util.serialization import make_id

from components.instruments.blueprint_cache import BlueprintCache
from components.instruments.layers import Axis, Plot
from components.theme import TEXT_FONT, colour

hv.Store.set_current_backend("bokeh")

_TOOLS = ["pan", "wheel_zoom", "box_zoom", "reset", "save"]


@dataclass(frozen=True)
class Blueprint:
    """A drawn figure in serialised form, and the ids of its layers' sources in order."""

    content: Any
    source_ids: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The blueprint as JSON can hold it."""
        return {"content": self.content, "source_ids": self.source_ids}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Blueprint:
        """The blueprint that `to_json` gave."""
        return cls(kept["content"], tuple(kept["source_ids"]))

    # Every value was checked when the plot was drawn.
    @without_property_validation
    def build(self) -> tuple[BokehFigure, list[ColumnDataSource]]:
        """A new figure with models of its own, and its sources in the order of the layers, still empty."""
        ids: dict[str, str] = {}
        figure = Deserializer(references=[]).deserialize(Serialized(_renamed(self.content, ids), []))
        sources = {renderer.data_source.id: renderer.data_source for renderer in figure.renderers}
        return figure, [sources[ids[source_id]] for source_id in self.source_ids]


_drawn: dict[tuple[Any, ...], Blueprint] = {}
_cache: BlueprintCache | None = None


def keep_drawings_in(folder: Path | None) -> None:
    """From now on, drawings are looked for in a folder and kept there, beyond the end of this process."""
    global _cache
    _cache = None if folder is None else BlueprintCache(folder)


def blueprint(plot: Plot) -> Blueprint:
    """The blueprint of `plot`'s structure, drawn if it is the first of its kind."""
    structure = plot.structure()
    if structure not in _drawn:
        kept = _cache.get(structure) if _cache else None
        _drawn[structure] = _draw(plot) if kept is None else Blueprint.from_json(kept)
        if _cache and kept is None:
            _cache.put(structure, _drawn[structure].to_json())
    return _drawn[structure]


def _draw(plot: Plot) -> Blueprint:
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
    told = tooltips(plot.x, plot.y)
    if telling and told:
        formats = {"@x": "printf", "@y": "printf"}
        figure.add_tools(HoverTool(renderers=telling, formatters=formats, tooltips=told, visible=False))
    return Blueprint(Serializer().serialize(figure).content, tuple(source.id for source in sources))


def tooltips(x: Axis, y: Axis) -> list[tuple[str, str]]:
    """What a point of a plot tells: its coordinates on the axes that have numbers."""
    return [(axis.label, f"@{name}{{%.4g}}") for name, axis in (("x", x), ("y", y)) if not axis.ticks]


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


def _renamed(node: Any, ids: dict[str, str]) -> Any:
    """A copy of serialised models in which every id is new."""
    if isinstance(node, dict):
        return {
            key: ids.setdefault(value, make_id()) if key == "id" else _renamed(value, ids)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_renamed(item, ids) for item in node]
    return node


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
