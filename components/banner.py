"""Failure states on screen."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class FailureBanner(HtmlComponent):
    """The failures that hold right now, announced to assistive technology as they come.

    :Example:

    >>> FailureBanner(failures=[{"severity": "danger", "title": "OOM", "text": "96 GB needed, 80 available."}])
    """

    failures = param.List(default=[], item_type=dict, doc="`{severity, title, text}`; severity is danger or warn.")
