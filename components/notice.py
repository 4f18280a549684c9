"""A page that says one thing: what was refused, went wrong or was done, why, and what helps. Without the front end."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from components.documents import render
from components.theme import css


def notice_html(
    course: str, title: str, paragraphs: Sequence[str], links: Sequence[tuple[str, str]] = (), lines: str = ""
) -> str:
    """A whole document of a heading, paragraphs, and links (address, text) to go on to.

    `lines` are for a file, and shown as they stand. There is no script and no form, and without `links` nothing to
    click. `course` is what the browser's tab calls the site.
    """
    return render(
        "notice.html",
        tokens=Markup(css()),
        course=course,
        title=title,
        paragraphs=paragraphs,
        links=links,
        lines=lines,
    )
