"""The page for an address that leads nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from components.documents import render
from components.theme import css


def not_found_html(links: Sequence[tuple[str, str]]) -> str:
    """A document that offers `links` (address, text). What was asked for is not repeated: it came from outside."""
    return render(
        "not_found.html",
        tokens=Markup(css()),
        links=[{"href": href, "text": text} for href, text in links],
    )
