"""The instructor's pages and their addresses."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
from panel.viewable import Viewable

from components.page import page
from labs.catalog import name_of
from labs.instructor.addresses import HOME, live_path
from labs.instructor.live_page import live_page
from labs.instructor.overview_page import overview_page
from labs.lab import Lab
from labs.session import query, visit
from labs.site import course


class NoInstructor(PermissionError):
    """A session of the instructor's pages was asked for by somebody else."""


def pages() -> dict[str, Callable[[], Viewable]]:
    """Path to page, for the server."""

    def of(lab: type[Lab]) -> Callable[[], Viewable]:
        return lambda: _live(lab)

    return {HOME: _overview, **{live_path(lab): of(lab) for lab in course().offered}}


def titles() -> dict[str, str]:
    """Path to title."""
    labs = {live_path(lab): f"Live: {name_of(lab)} · {course().title}" for lab in course().offered}
    return {HOME: f"Instructor · {course().title}", **labs}


def _overview() -> Viewable:
    _check()
    return page(overview_page(pn.state.curdoc), titles()[HOME], accent=course().accent)


def _live(lab: type[Lab]) -> Viewable:
    _check()
    projector = dict(query()).get("projector") == "1"
    return page(live_page(lab, pn.state.curdoc, projector), titles()[live_path(lab)], accent=course().accent)


def _check() -> None:
    # The handlers have asked already. A session is made by one place more, and that one asks, too. Later nobody asks
    # again: the pass that the session was opened with is over by then, and the socket closes with the sign-in.
    if not visit().teaches:
        raise NoInstructor("this page is for instructors")
