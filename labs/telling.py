"""Answers that are a text and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from tornado.web import RequestHandler

from components.message import message_html


def tell(handler: RequestHandler, status: int, title: str, paragraphs: Sequence[str], code: str = "") -> None:
    """Answers a request with a page of this text, whatever had been planned."""
    handler.set_status(status)
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.set_header("Cache-Control", "no-store")
    handler.finish(message_html(title, paragraphs, code))
