"""A class round on a student's page: what the class does, the second vote, and afterwards both."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class ClassRound(HtmlComponent):
    """Tells a student who has voted what the class waits for, and takes the second vote.

    Sends `{"type": "revise", "value": option id or number}` in the phase "revote". Whether the vote counts is the
    server's to say, by setting `second`.

    :Example:

    >>> ClassRound(phase="revote", question="How long?", options=[{"id": "A", "text": "27 hours"}, ...])
    """

    phase = param.String(default="vote", doc="vote, discuss, revote or revealed.")
    question = param.String(default="", doc="Rendered author's text.")
    options = param.List(default=[], item_type=dict, doc="`{id, text}` in display order; empty asks for a number.")
    range = param.Dict(default={}, doc="`{low, high, step, unit}` of a numeric prediction.")
    first = param.String(default="", doc="Rendered author's text of the locked prediction.")
    second = param.String(default="", doc="The same of the second vote; empty if there is none.")
    chosen = param.String(default="", doc="The second vote as option id or number.")
