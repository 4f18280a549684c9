"""Text blocks: stakeholder messages and the four kinds of callout."""

from __future__ import annotations

import param

from components.base import HtmlComponent
from components.text import to_html


class Callout(HtmlComponent):
    """A framed text of one of four kinds.

    info carries a concept, success a right answer, warn a wrong or missing one, danger a failure.

    :Example:

    >>> Callout.of("A **cell** holds charge, not energy.", title="Concept")
    """

    kind = param.Selector(default="info", objects=["info", "success", "warn", "danger"], doc="What the callout says.")
    title = param.String(default="", doc="Heading; none if empty.")
    html = param.String(default="", doc="Rendered author's text; use `of` to make it from Markdown.")

    @classmethod
    def of(cls, markdown: str, *, kind: str = "info", title: str = "") -> Callout:
        """A callout whose body is `markdown`."""
        return cls(kind=kind, title=title, html=to_html(markdown))


class StakeholderMessage(HtmlComponent):
    """What somebody with a deadline wants to know, in their own words.

    :Example:

    >>> StakeholderMessage.of("Chief Nursing Officer", "How long does one patch live?")
    """

    role = param.String(default="", doc="Who speaks: role and institution, never an invented person of a real place.")
    html = param.String(default="", doc="Rendered author's text.")

    @classmethod
    def of(cls, role: str, markdown: str) -> StakeholderMessage:
        """A message of `role` whose text is `markdown`."""
        return cls(role=role, html=to_html(markdown))
