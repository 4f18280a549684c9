"""A page of a heading and a sentence, for what is answered without the front end."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from components.documents import render
from components.theme import css


def plain_page(title: str, text: str, links: Sequence[tuple[str, str]] = ()) -> str:
    """A document with a heading, a text, and links (address, text) to go on to."""
    return render("plain_page.html", tokens=Markup(css()), title=title, text=text, links=_listed(links))


def not_found_html(links: Sequence[tuple[str, str]]) -> str:
    """A document that offers `links` (address, text). What was asked for is not repeated: it came from outside."""
    return render("not_found.html", tokens=Markup(css()), title="There is no such page", links=_listed(links))


def _listed(links: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"href": href, "text": text} for href, text in links]
