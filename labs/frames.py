"""Who may show a page in a frame, and the page for whoever may not.

`frame-ancestors` makes a browser show nothing at all. Where the browser tells who asks, the reader is told why, and
the operator what to write.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from labs import site
from labs.telling import tell

#: What a browser calls the place for which it fetches a page, if that is in another page.
_FRAMES = ("iframe", "frame", "embed", "object", "fencedframe")
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")
_UNTOLD = "a site that does not tell its address"

#: The text alone, in any frame: there is nothing here that somebody could be led to click.
_TEXT_ALONE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def origin_of(address: str) -> str | None:
    """The origin of a web address, None of anything else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()
    return origin if _ORIGIN.fullmatch(origin) else None


def own_origin(request: HTTPServerRequest) -> str:
    """The origin under which this request reached the server."""
    return f"{request.protocol}://{request.host}".lower()


def stranger(request: HTTPServerRequest, portals: Sequence[str]) -> str | None:
    """Whose page is about to show this one in a frame without being one of `portals`.

    None if it may, or if the browser does not tell: over plain HTTP most tell nothing, and then `frame-ancestors`
    alone decides.
    """
    if request.headers.get("Sec-Fetch-Dest") not in _FRAMES:
        return None
    if request.headers.get("Sec-Fetch-Site") not in ("cross-site", "same-site"):
        return None
    parent = origin_of(request.headers.get("Referer", ""))
    if parent is None:
        return None if portals else _UNTOLD
    return None if parent in (own_origin(request), *portals) else parent


def refuse_strangers(handler: RequestHandler) -> bool:
    """Answers 403 to a page that may not show this one in a frame, and says why; whether it did."""
    parent = stranger(handler.request, site.course().portal.origins)
    if parent is None:
        return False
    handler.set_header("Content-Security-Policy", _TEXT_ALONE)
    tell(
        handler,
        403,
        "This page may not be shown here",
        [
            f"The page around this frame comes from {parent}, which is not among the portals of this course.",
            "Whoever runs the labs can allow it with these lines in the course's file, and a restart:",
        ],
        lines="[portal]\n" + f'origins = ["{parent if parent is not _UNTOLD else "https://learn.example.edu"}"]',
    )
    return True
