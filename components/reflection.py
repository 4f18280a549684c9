"""Reflection questions."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class Reflection(HtmlComponent):
    """Four options, feedback to each; may be answered again. Sends `{"type": "answer", "value": option id}`.

    :Example:

    >>> Reflection(question="Which term binds?", options=[{"id": "A", "text": "The sleep floor"}, ...])
    """

    question = param.String(default="", doc="Rendered author's text.")
    options = param.List(default=[], item_type=dict, doc="`{id, text}` in display order.")
    chosen = param.String(default="", doc="The answered option's id; empty before an answer.")
    correct = param.Boolean(default=False, doc="Whether the answer is the right one.")
    feedback = param.String(default="", doc="Rendered author's text for the answered option.")
