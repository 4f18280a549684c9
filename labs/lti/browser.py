"""Whether the browser that ends a launch is the one that began it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from tornado.web import RequestHandler

from labs.course.lti import Platform
from labs.lti.errors import LtiError
from labs.lti.state import LIFETIME, State

COOKIE = "mlsys_lti"

_VALUE = re.compile(r"[A-Za-z0-9_-]{32}")


def mark(handler: RequestHandler) -> str:
    """Gives the browser a cookie for the time of a launch; returns its fingerprint, empty where none is given.

    A platform ends a launch from its own site: a cookie comes along only if it is for all sites, and that is
    allowed over HTTPS alone. It is partitioned, which browsers keep inside frames that block other cookies.
    """
    if handler.request.protocol != "https":
        return ""
    value = handler.get_cookie(COOKIE, "") or ""
    if not _VALUE.fullmatch(value):
        # Launches side by side, several frames of one page, share a cookie.
        value = secrets.token_urlsafe(24)
    # Written by hand: `http.cookies` knows Partitioned from Python 3.14 on only.
    handler.add_header(
        "Set-Cookie",
        f"{COOKIE}={value}; Path=/lti; Max-Age={LIFETIME.seconds}; HttpOnly; Secure; SameSite=None; Partitioned",
    )
    return _fingerprint(value)


def check(handler: RequestHandler, state: State, platform: Platform) -> None:
    """LtiError unless the cookie of the launch came back or, where the browser keeps none, the platform sent it here.

    Without this, a page of somebody else could end a launch of theirs in the browser of a student, who would then
    work in their ledger. Which page sends a form is said by the browser itself, in a header that no page can set.
    """
    if cookie := handler.get_cookie(COOKIE):
        if state.browser and hmac.compare_digest(_fingerprint(cookie), state.browser):
            return
        if state.browser:
            raise LtiError("This launch was begun in another browser.", 403)
    origin = handler.request.headers.get("Origin", "")
    if not platform.owns(origin):
        raise LtiError(
            "This launch did not come from the platform's own page. If it did, the host of that page has to be named "
            "in the course's file (hosts).",
            403,
            f"Origin {origin[:200]!r}, hosts {', '.join(sorted(platform.all_hosts))}",
        )


def _fingerprint(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
