"""What a student does with the second act, and what a design's failures say."""

from __future__ import annotations

from typing import Any

from labs.lab import Lab


def move(lab: Lab, **controls: Any) -> None:
    """Moves controls of Act II."""
    for name, value in controls.items():
        lab.set_control("act2", name, value)


def banners(lab: Lab) -> dict[str, str]:
    """The failure banners of Act II that are on screen: id to title and text."""
    return {failure.id: f"{failure.title} {failure.text(lab.act2.outcome)}" for failure in lab.act2.active_failures()}


def banner(lab: Lab) -> str:
    """The same in one string; empty when nothing fails."""
    return " ".join(banners(lab).values())
