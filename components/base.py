"""The base of every visible component: native HTML, drawn by the suite's own small script.

Native elements are keyboard complete and known to assistive technology, weigh nothing, print, and work
without a server. What the reader does reaches Python as a message rather than as a property change, because
Panel delays property changes by 50 ms (`Syncable._debounce`) and messages not at all.
"""

from __future__ import annotations

import hashlib
import logging
import math
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from bokeh.events import Event
from bokeh.util.warnings import BokehUserWarning
from panel.custom import JSComponent
from panel.models.esm import DataEvent
from panel.theme.base import Design

from components.bundle import BUNDLE

log = logging.getLogger(__name__)

# A component that joined the page later introduces itself in full with its first message, and Bokeh remarks
# that it knows it already. That is the normal course of things here.
warnings.filterwarnings("ignore", message="reference already known", category=BokehUserWarning)


@cache
def _version() -> str:
    return hashlib.sha256(BUNDLE.read_bytes()).hexdigest()[:12]


class Bare(Design):
    """A Panel design that adds nothing."""


class Unstyled:
    """Mixed into Panel components: none of Panel's own style sheets.

    The suite brings its own look. Panel's sheets would be fetched once per component, and one of them from
    another origin when a second server process builds the page.
    """

    def _process_param_change(self, params: dict[str, Any]) -> dict[str, Any]:
        properties = super()._process_param_change(params)  # type: ignore[misc]
        return {**properties, "stylesheets": []} if "stylesheets" in properties else properties


def is_message(data: Any) -> bool:
    """Whether this can have come from a component: names with plain values. A browser may be made to send anything."""
    if not isinstance(data, dict):
        return False
    for name, value in data.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float | None):
            return False
        if isinstance(value, float) and not math.isfinite(value):
            return False
    return True


class HtmlComponent(Unstyled, JSComponent):
    """A component whose markup is drawn by the function of the same name in the front-end bundle."""

    _bundle = Path(BUNDLE)

    __abstract = True

    def __init__(self, **params: Any) -> None:
        super().__init__(**{"sizing_mode": "stretch_width", "design": Bare, **params})

    def _process_event(self, event: Event) -> None:
        if isinstance(event, DataEvent) and not is_message(event.data):
            # What it held stays out of the log.
            log.warning("a message to %s was dropped: it is none that a page sends", type(self).__name__)
            return
        super()._process_event(event)

    @classmethod
    def _patch_datamodel_ref(cls, props, ref):
        # Panel searches everything below a component for data models at every update, for the frame the whole page
        # (10 ms and more, several times per change). Here each component's only data model is its own.
        tag = f"__ref:{ref}"
        if tag not in props.tags:
            props.tags.append(tag)

    @classmethod
    def _render_esm(cls, compiled=True, server=False):
        # The version keeps a browser that cached last term's script from using it with this term's server.
        source = super()._render_esm(compiled, server)
        return f"{source}?v={_version()}" if server else source
