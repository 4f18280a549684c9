"""What a Panel session knows about the request that opened it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import panel as pn

from labs.site import COOKIE, REFUSED, REFUSED_NOTICE, Visit, identify


def visit() -> Visit:
    """The student behind the current session."""
    # Panel calls everybody "guest" who sends a cookie that says so: no name to keep a ledger under.
    user = pn.state.user if pn.state.user != "guest" else None
    document = pn.state.curdoc
    context = document.session_context if document is not None else None
    found = identify(user, pn.state.cookies.get(COOKIE), context.id if context is not None else "")
    return replace(found, notice=REFUSED_NOTICE) if REFUSED in pn.state.cookies else found


def query() -> list[tuple[str, str]]:
    """The query of the address that opened the session, undecodable bytes replaced."""
    arguments = pn.state.session_args or {}
    return [(name, values[0].decode("utf-8", "replace")) for name, values in arguments.items() if values]


def place() -> str:
    """Where the session's page stands: one of `components.frame.PLACES`."""
    asked = dict(query())
    if "bokeh-autoload-element" in asked:
        return "portal"
    return "frame" if asked.get("embed") == "1" else "page"


def server() -> str:
    """The origin of this server as the portal's own page knows it; empty on a page of ours."""
    parts = urlsplit(dict(query()).get("bokeh-absolute-url", ""))
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""


def is_secure() -> bool:
    """Whether the page came over HTTPS."""
    document = pn.state.curdoc
    context = document.session_context if document is not None else None
    return context is not None and context.request.protocol == "https"
