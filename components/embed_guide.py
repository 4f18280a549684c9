"""The page from which instructors copy what their portal needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from components.documents import TEMPLATES, render
from components.portal import height_script
from components.theme import accent_css, css


def embed_guide_html(
    course: str,
    *,
    home: str,
    origin: str,
    portals: Sequence[str],
    labs: Sequence[Mapping[str, Any]],
    accent: str | None = None,
    nonce: str = "",
) -> str:
    """A whole document; `labs` are `{name, title, link, embed, python, script}`, `origin` is where the labs are,
    `home` the overview of the course.

    `nonce` marks the script of the page, where the answer lets only such scripts run.
    """
    script = height_script(origin)
    return render(
        "embed_guide.html",
        course=course,
        home=home,
        nonce=nonce,
        portals=portals,
        labs=[{**lab, "frame": frame_snippet(lab["embed"], lab["title"], script)} for lab in labs],
        tokens=Markup(css() + accent_css(accent)),
        css=Markup((TEMPLATES / "embed_guide.css").read_text(encoding="utf-8")),
        script=Markup((TEMPLATES / "embed_guide.js").read_text(encoding="utf-8")),
    )


def frame_snippet(address: str, title: str, script: str) -> str:
    """What a portal's page needs to show the lab at `address` in a frame of its height."""
    return render("portal_frame.html", address=address, title=title, script=Markup(script))
