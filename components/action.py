"""A single button for the way on."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class Action(HtmlComponent):
    """A primary button with a line of explanation. Sends `{"type": "action"}`.

    :Example:

    >>> Action(label="Open Act I", hint="13 minutes")
    """

    label = param.String(default="", doc="What the button does.")
    hint = param.String(default="", doc="A line beside it.")
