"""One line and one count for every request: by the pattern of its address, never by what somebody has typed there."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable

from tornado.routing import PathMatches
from tornado.web import RequestHandler

from labs.observe.logs import request_id
from labs.observe.metrics import REQUEST_SECONDS, REQUESTS

HEADER = "X-Request-ID"

#: Of an address that leads nowhere.
UNMATCHED = "unmatched"

_log = logging.getLogger(__name__)
_GIVEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))


def note_request(handler: RequestHandler) -> str:
    """Gives a request its id, for every line about it: that of the proxy in front if it has one. Returned to both."""
    given = handler.request.headers.get(HEADER, "")
    identifier = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
    request_id.set(identifier)
    handler.set_header(HEADER, identifier)
    return identifier


class Noted(RequestHandler):
    """Mixed into a handler: its requests have ids."""

    def prepare(self) -> Awaitable[None] | None:
        note_request(self)
        return super().prepare()


def log_request(handler: RequestHandler) -> None:
    """For Tornado, when a request has been answered."""
    request, status, route = handler.request, handler.get_status(), route_of(handler)
    method = request.method if request.method in _METHODS else "other"
    seconds = request.request_time()
    REQUESTS.labels(route, method, status).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
    quiet = status < 400 and ("/static/" in route or "thumbnails" in route)
    level = logging.DEBUG if quiet else logging.INFO if status < 500 else logging.ERROR
    if status == 503:
        level = logging.WARNING  # said on purpose
    fields = {"method": method, "route": route, "status": status, "duration_ms": round(1000 * seconds, 1)}
    _log.log(level, "%s %s %d %.1f ms", method, route, status, 1000 * seconds, extra=fields)


def route_of(handler: RequestHandler) -> str:
    """The pattern by which an address was found; `UNMATCHED` if none fitted."""
    # Pages and what belongs to them have fixed addresses, dozens of them with a handler each.
    if hasattr(handler, "application_context"):
        return handler.request.path
    for rule in handler.application.wildcard_router.rules:
        if isinstance(rule.matcher, PathMatches) and rule.target is type(handler):
            match = rule.matcher.regex.match(handler.request.path)
            if match is not None:
                return rule.matcher.regex.pattern.removesuffix("$")
    return UNMATCHED
