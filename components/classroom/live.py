"""The instructor's live view of a lab: the class in counts and bars, and the buttons that lead a round."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class LiveView(HtmlComponent):
    """A class in one lab while it works.

    What is right, and names, are only ever there if they were asked for. Sends messages of type `reveal` (value: id
    of a question), `names`, `uncover`, and `round` (value: the phase to go to).

    :Example:

    >>> LiveView(lab="V1-02", title="The Iron Law", counts=[{"label": "Opened", "value": 12}])
    """

    lab = param.String(default="", doc="Name of the lab: V1-02.")
    title = param.String(default="", doc="Title of the lab.")
    lab_address = param.String(default="", doc="Address of the lab itself.")
    home = param.String(default="", doc="Address of the overview.")
    projector = param.Boolean(default=False, doc="Large type, and no place for names.")
    result = param.String(default="", doc="What the result of Act II is.")
    loaded = param.Boolean(default=False, doc="Whether the ledger has been read yet.")
    with_names = param.Boolean(default=False, doc="Whether names are shown.")
    notice = param.String(default="", doc="A message about the page itself; empty if there is none.")
    counts = param.List(default=[], item_type=dict, doc="`{label, value}`: students who came that far.")
    steps = param.List(default=[], item_type=dict, doc="`{label, count, names}`: who stands in each state now.")
    questions = param.List(
        default=[],
        item_type=dict,
        doc=(
            "`{id, title, question, unit, numeric, total, other, bars, covered, revealed, truth, at}`; a bar is "
            "`{text, count, right}`, `at` the place of the actual value on the axis of a number, 0 to 1."
        ),
    )
    round = param.Dict(
        default={},
        doc="`{number, phase, open, rows, covered, first, second, moved, next}`; a row is `{text, first, second, "
        "shift, right}`, `next` the phases to go to.",
    )
    failures = param.List(default=[], item_type=dict, doc="`{title, count, names}`: students who met it.")
    results = param.List(
        default=[], item_type=dict, doc="`{context, unit, limits, solved, plot}`; a plot is a dot plot, or None."
    )
