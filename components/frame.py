"""The frame of a lab: header, badges, context toggle, tabs, footer."""

from __future__ import annotations

import param
from panel.custom import Child

from components.base import HtmlComponent

#: Where a component stands: on a page of its own, on one that a portal shows in a frame, or in the portal's own page.
PLACES = ("page", "frame", "portal")


class LabFrame(HtmlComponent):
    """Everything around the parts of a lab; the parts themselves are its four children.

    Sends messages of type `context` (value), `tab` (value, sequence) and `open_ledger`; a tab is shown at once, and
    `active` is followed once `tab_answered` has reached the sequence number of the last.

    :Example:

    >>> LabFrame(title="The Iron Law", tabs=[{"id": "briefing", "label": "Briefing", "locked": ""}, ...])
    """

    eyebrow = param.String(default="", doc="Volume and number.")
    title = param.String(default="", doc="Title of the lab.")
    question = param.String(default="", doc="The core question, one line.")
    minutes = param.String(default="", doc="Minutes per act.")
    home = param.String(default="", doc="Address of the index page; no link if empty.")
    account = param.Dict(
        default={}, doc="`{name, role, sign_out, state}` of whoever is signed in; empty where nobody signs in."
    )
    place = param.Selector(default="page", objects=list(PLACES), doc="Where the lab stands; see `PLACES`.")
    server = param.String(default="", doc="Origin of the labs' server, where the lab stands in a portal's own page.")
    badges = param.List(default=[], item_type=dict, doc="`{label, status}`; status is locked, met or violated.")
    contexts = param.List(default=[], item_type=dict, doc="`{id, label, regime, note}`.")
    context = param.String(default="", doc="Id of the context on screen.")
    tabs = param.List(
        default=[], item_type=dict, doc="`{id, label, locked}`; locked says what unlocks it, empty if open."
    )
    active = param.String(default="briefing", doc="Id of the tab on screen.")
    tab_answered = param.Integer(default=0, doc="Sequence number of the last change of tab that was carried out.")
    hud = param.List(default=[], item_type=dict, doc="`{label, value, status}` of the footer.")
    next_step = param.String(default="", doc="The one thing to do next.")
    notices = param.List(
        default=[], item_type=str, doc="Messages about the page itself: a bad link, a lost connection."
    )
    unsaved = param.Dict(
        default={},
        doc="What is not saved yet: `{text, changes, since}`, since when in ISO 8601; no line if empty.",
    )
    address = param.Dict(default={}, doc="Query of the page's address: context and controls.")

    briefing = Child(doc="Contents of the Briefing tab.")
    act1 = Child(doc="Contents of the Act I tab.")
    act2 = Child(doc="Contents of the Act II tab.")
    ledger = Child(doc="Contents of the Ledger tab.")
