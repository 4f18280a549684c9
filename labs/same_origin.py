"""Whether a request that changes something was made by a page of this site.

A browser sends the student's cookie along with a form or script of any other page, too. It also says, in headers that
no page can write, where the request was made; that is asked here.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest


def from_this_site(request: HTTPServerRequest) -> bool:
    """Whether the browser names this very origin; False also for a request that names none."""
    relation = request.headers.get("Sec-Fetch-Site")
    if relation is not None and relation != "same-origin":
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return relation == "same-origin"
    # The port in front of a proxy and the scheme may be others than here; the host that the browser asked is not.
    return urlsplit(origin).netloc.lower() == request.host.lower()
