"""The instructor's overview of a course."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class CourseOverview(HtmlComponent):
    """Every student's progress in every lab, calibration, common failures, and the ways to tables and live views.

    :Example:

    >>> CourseOverview(title="MLSys Labs", states=["Not opened", "Saved"], labs=[], students=[])
    """

    title = param.String(default="", doc="Name of the course.")
    home = param.String(default="", doc="Address of the index.")
    embed = param.String(default="", doc="Address of the snippets for portals.")
    exports = param.List(default=[], item_type=dict, doc="`{label, href}` of tables to download.")
    notice = param.String(default="", doc="A message about the page itself; empty if there is none.")
    loaded = param.Boolean(default=False, doc="Whether the ledger has been read yet.")
    states = param.List(default=[], item_type=str, doc="What the digits of `cells` stand for, from 0.")
    labs = param.List(default=[], item_type=dict, doc="`{name, volume, number, title, live}` in the order of cells.")
    students = param.List(
        default=[], item_type=dict, doc="`{name, cells, saved}`; `cells` has one digit per lab, `saved` counts labs."
    )
    calibration = param.List(
        default=[],
        item_type=dict,
        doc="`{lab, title, total, share, low, high, right, interval, factor}`; `share` is None without predictions.",
    )
    failures = param.List(default=[], item_type=dict, doc="`{lab, title, failures}`; a failure is `{title, count}`.")
