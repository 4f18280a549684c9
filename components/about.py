"""The drawer that says what a lab's model assumes and where its numbers come from."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class AboutModel(HtmlComponent):
    """Assumptions, constants with sources, ranges of the controls with reasons, formulas, and the lab's source.

    :Example:

    >>> AboutModel(html="<p>Independent failures.</p>", constants=[["mtbf", "50,000 h", "per GPU", "paper"]])
    """

    html = param.String(default="", doc="Rendered author's text: assumptions and limits.")
    constants = param.List(default=[], item_type=list, doc="Name, value with unit, meaning, source.")
    ranges = param.List(default=[], item_type=list, doc="Control, range, reason.")
    formulas = param.List(default=[], item_type=list, doc="Name, validity, source.")
    source_url = param.String(default="", doc="Address of the lab's source file, shown to instructors; none if empty.")
