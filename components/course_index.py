"""The index page of the course."""

from __future__ import annotations

import param

from components.base import HtmlComponent
from components.frame import PLACES


class CourseIndex(HtmlComponent):
    """Both volumes, a card per lab.

    :Example:

    >>> CourseIndex(title="MLSys Labs", volumes=[{"title": "Volume 1", "subtitle": "…", "labs": [...]}])
    """

    eyebrow = param.String(default="", doc="Line above the title.")
    title = param.String(default="", doc="Name of the course.")
    lead = param.String(default="", doc="What a newcomer should know, in two sentences.")
    summary = param.String(default="", doc="The student's progress in one line.")
    place = param.Selector(default="page", objects=list(PLACES), doc="Where the page stands; see `PLACES`.")
    home = param.String(default="", doc="Address of the index, on a page that is not it.")
    your_class = param.String(default="", doc="Address of the instructor's pages; for instructors alone.")
    notice = param.String(default="", doc="A message about the page itself; empty if there is none.")
    account = param.Dict(
        default={}, doc="`{name, role, sign_out, state}` of whoever is signed in; empty where nobody signs in."
    )
    volumes = param.List(
        default=[],
        item_type=dict,
        doc=(
            "`{title, subtitle, labs}`; a lab is `{number, title, invariant, minutes, contexts, href, thumbnail, "
            "progress, progress_text}`; without `href` it is shown, but does not open."
        ),
    )
