"""The cookie that carries who somebody is, and the attributes with which browsers keep it safe and send it back."""

from __future__ import annotations

from http.cookies import SimpleCookie

from tornado.web import RequestHandler

from labs import site


def attributes(*, secure: bool, seconds: int = site.COOKIE_DAYS * 86400) -> list[str]:
    """How long the cookie is kept and where it is sent; `secure` says whether the page came over HTTPS.

    Over HTTPS, in a course that portals show in frames, it is partitioned: browsers that block cookies of third
    parties keep such a one, for each portal apart. Everywhere else it belongs to the site alone.
    """
    framed = secure and bool(site.course().portal.origins)
    return [
        "Path=/",
        f"Max-Age={seconds}",
        *(["Secure"] if secure else []),
        *(["SameSite=None", "Partitioned"] if framed else ["SameSite=Lax"]),
    ]


def give(handler: RequestHandler, token: str) -> None:
    """Gives the browser the cookie with the answer to this request; no script can read it."""
    _set(handler, [f"{site.COOKIE}={token}", *attributes(secure=_is_secure(handler))])
    # What this very request goes on to open must see it, too.
    arrived = SimpleCookie()
    arrived[site.COOKIE] = token
    handler.request.cookies.update(arrived)


def take(handler: RequestHandler) -> None:
    """Takes the cookie back."""
    _set(handler, [f"{site.COOKIE}=", *attributes(secure=_is_secure(handler), seconds=0)])


def _set(handler: RequestHandler, parts: list[str]) -> None:
    # Written by hand: `http.cookies` knows Partitioned from Python 3.14 on only.
    handler.add_header("Set-Cookie", "; ".join([*parts, "HttpOnly"]))


def _is_secure(handler: RequestHandler) -> bool:
    return handler.request.protocol == "https"
