"""What keeps other sites out of a form: where a request comes from, and where a page may lead next."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

#: One slash, and then neither a second nor a backslash, which browsers take for one; nothing that they leave out.
_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def own_path(address: str) -> str:
    """The address if it is a path of this site, else the index: a link must not lead elsewhere through us."""
    return address if _OWN_PATH.fullmatch(address) else "/"


def from_own_page(request: HTTPServerRequest) -> bool:
    """Whether a page of this very site has sent the request.

    Browsers say it in Sec-Fetch-Site, which no script can set and no proxy changes; older ones, and those on plain
    HTTP, name the origin, which is compared with the host that was asked.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("Origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc.lower() == request.host.lower()
