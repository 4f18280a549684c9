"""The prediction lock, and the overlay that sets what was predicted against what the model gives."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class PredictionLock(HtmlComponent):
    """Asks for a prediction and locks it: one of four options, or a number in a stated range.

    Sends `{"type": "lock", "value": option id or number}`. The lock itself is the server's to close, by
    setting `locked`: the browser only shows it.

    :Example:

    >>> PredictionLock(question="How long?", options=[{"id": "A", "text": "27 hours"}, ...])
    """

    question = param.String(default="", doc="Rendered author's text.")
    options = param.List(default=[], item_type=dict, doc="`{id, text}` in display order; empty asks for a number.")
    range = param.Dict(default={}, doc="`{low, high, step, unit}` of a numeric prediction.")
    locked = param.Boolean(default=False, doc="Whether the prediction can no longer be changed.")
    chosen = param.String(default="", doc="The locked option's id, or the locked number as text.")


class PredictionOverlay(HtmlComponent):
    """You predicted X, the model gives Y, you were off by the ratio (or difference), and why.

    :Example:

    >>> PredictionOverlay(predicted="1 month", actual="27 h", gap="26.7 times", correct=False, html="<p>…</p>")
    """

    predicted = param.String(default="", doc="The prediction with its unit.")
    actual = param.String(default="", doc="What the model gives, with its unit.")
    gap = param.String(default="", doc="Ratio of the two; the difference where one of them can be zero.")
    correct = param.Boolean(default=False, doc="Whether the prediction was the right option, or within tolerance.")
    html = param.String(default="", doc="Rendered author's text: why.")
