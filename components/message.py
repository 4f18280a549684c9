"""A page that says one thing and asks for nothing: what is refused, why, and what helps."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from components.documents import render
from components.theme import css


def message_html(title: str, paragraphs: Sequence[str], code: str = "") -> str:
    """A whole document of a heading, paragraphs, and lines for a file. It has no link, no script and no form."""
    return render("notice.html", title=title, paragraphs=paragraphs, code=code, tokens=Markup(css()))
