"""The cookie that carries who somebody is, and the attributes with which browsers keep it safe and send it back."""

from __future__ import annotations

from http.cookies import SimpleCookie

from tornado.web import RequestHandler

from labs import site


def give(handler: RequestHandler, token: str) -> None:
    """Gives the browser the cookie with the answer to this request; no script can read it."""
    _set(handler, token, site.COOKIE_DAYS * 86400)
    # What this very request goes on to open must see it, too.
    arrived = SimpleCookie()
    arrived[site.COOKIE] = token
    handler.request.cookies.update(arrived)


def take_back(handler: RequestHandler) -> None:
    """Has the browser forget the cookie: its next request is a stranger's."""
    _set(handler, "", 0)


def _set(handler: RequestHandler, token: str, seconds: int) -> None:
    """Over HTTPS, in a course that portals show in frames, the cookie is partitioned: browsers that block cookies of
    third parties keep such a one, for each portal apart. Everywhere else it belongs to the site alone.
    """
    secure = handler.request.protocol == "https"
    framed = secure and bool(site.course().portal.origins)
    attributes = [
        f"{site.COOKIE}={token}",
        "Path=/",
        f"Max-Age={seconds}",
        "HttpOnly",
        *(["Secure"] if secure else []),
        *(["SameSite=None", "Partitioned"] if framed else ["SameSite=Lax"]),
    ]
    # Written by hand: `http.cookies` knows Partitioned from Python 3.14 on only.
    handler.add_header("Set-Cookie", "; ".join(attributes))
