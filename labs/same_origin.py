"""Whether a request that changes something was made by a page of this site."""

from __future__ import annotations

from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest


def from_this_site(request: HTTPServerRequest) -> bool:
    """Whether a page of this very site has sent the request; False also for one that names no page.

    Browsers say it in Sec-Fetch-Site, which no script can set and no proxy changes; older ones, and those on plain
    HTTP, name the origin, which is compared with the host that was asked.
    """
    relation = request.headers.get("Sec-Fetch-Site")
    if relation is not None:
        return relation == "same-origin"
    origin = urlsplit(request.headers.get("Origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc.lower() == request.host.lower()
