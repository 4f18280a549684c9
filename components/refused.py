"""The page for somebody who comes to an instructor's address and is none."""

from __future__ import annotations

from markupsafe import Markup

from components.documents import render
from components.theme import css


def refused_html() -> str:
    """A document that says whose page this is. What was asked for is not repeated: it came from outside."""
    return render("refused.html", tokens=Markup(css()))
