"""Headers with which every page tells the browser what others may not do with it."""

from __future__ import annotations

from collections.abc import Sequence

from tornado.web import RequestHandler


def headers(portals: Sequence[str]) -> dict[str, str]:
    """Headers of a page; pages of `portals` (origins) may show it in a frame, and nobody else's."""
    return {
        "Content-Security-Policy": " ".join(("frame-ancestors", "'self'", *portals)),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }


def guard(handler: RequestHandler, portals: Sequence[str]) -> None:
    """Gives an answer these headers."""
    for name, value in headers(portals).items():
        handler.set_header(name, value)
