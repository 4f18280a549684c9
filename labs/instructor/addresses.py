"""Where the instructor's pages are."""

from __future__ import annotations

from labs.catalog import name_of
from labs.lab import Lab

HOME = "/instructor"


def live_path(lab: type[Lab]) -> str:
    """Address of a lab's live view."""
    return f"{HOME}/live/{name_of(lab)}"


def is_instructors(route: str) -> bool:
    """Whether an address, without its query, is one of the instructor's."""
    return route == HOME or route.startswith(f"{HOME}/")
