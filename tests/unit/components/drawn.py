"""A figure's blueprint as Bokeh models, with the columns that the browser puts into them."""

from __future__ import annotations

import json
from typing import Any

from bokeh.document import Document
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure as BokehFigure

from components.instruments.figure import Figure


def models(figure: Figure) -> BokehFigure:
    """The plot as the browser makes it from the text."""
    drawing = json.loads(figure.drawing["blueprint"])
    document = Document.from_json(drawing["document"])
    made = document.get_model_by_id(drawing["figure"])
    assert isinstance(made, BokehFigure)
    assert [renderer.data_source.id for renderer in made.renderers] == drawing["sources"]
    return made


def columns(figure: Figure) -> list[dict[str, Any]]:
    """What the browser puts into the sources of the layers, in their order."""
    changes = figure.changes.get("columns", {})
    return [{**drawn, **changes.get(str(number), {})} for number, drawn in enumerate(figure.drawing["columns"])]


def axes(figure: Figure) -> list[Any]:
    """What the browser writes at the axes."""
    return figure.changes.get("axes", figure.drawing["axes"])


def sources(figure: Figure) -> list[ColumnDataSource]:
    """The sources of the layers, empty."""
    return [renderer.data_source for renderer in models(figure).renderers]
