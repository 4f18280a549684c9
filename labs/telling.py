"""Answers that are a text and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from tornado.web import RequestHandler

from components.notice import notice_html
from labs import site

#: The way out of a page that says something.
ALL_LABS = ("/", "All labs")


def tell(
    handler: RequestHandler,
    status: int,
    title: str,
    paragraphs: Sequence[str],
    links: Sequence[tuple[str, str]] = (),
    lines: str = "",
) -> None:
    """Answers a request with a page of this text, whatever had been planned. The parts: see `notice_html`."""
    handler.set_status(status)
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.set_header("Cache-Control", "no-store")
    handler.finish(notice_html(site.course().title, title, paragraphs, links, lines))
