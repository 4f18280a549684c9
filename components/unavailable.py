"""The page in place of one that cannot be shown for now."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class Unavailable(HtmlComponent):
    """Says what is wrong, looks by itself whether that has passed, and then loads the page that was asked for.

    :Example:

    >>> Unavailable(title="The Iron Law", text="Your work is safe.")
    """

    title = param.String(default="", doc="The page that was asked for.")
    text = param.String(default="", doc="What is wrong, and what that means for the reader.")
    home = param.String(default="", doc="Address of the index page; no link if empty.")
