"""The page for an address that leads nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from components.theme import css

_ENVIRONMENT = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)


def not_found_html(links: Sequence[tuple[str, str]]) -> str:
    """A document that offers `links` (address, text). What was asked for is not repeated: it came from outside."""
    return _ENVIRONMENT.get_template("not_found.html").render(
        tokens=Markup(css()),
        links=[{"href": href, "text": text} for href, text in links],
    )
