"""What a Panel session knows about the request that opened it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import panel as pn
from tornado.web import decode_signed_value

from labs.sign_in.addresses import SIGN_OUT, SIGNED_IN
from labs.site import COOKIE, REFUSED, Visit, course, identify, store
from ledger.people import name_of


def visit() -> Visit:
    """The student behind the current session."""
    document = pn.state.curdoc
    context = document.session_context if document is not None else None
    found = identify(_panel_user(), pn.state.cookies.get(COOKIE), context.id if context is not None else "")
    return replace(found, refused=pn.state.cookies.get(REFUSED, found.refused))


def _panel_user() -> str | None:
    """Whom Panel's own sign-in names, where `panel serve` was started with one.

    `pn.state.user` would do, but for two things: it calls everybody "guest" who sends a cookie that says so, and it
    believes a signed cookie for 31 days, however short a sign-in was meant to last.
    """
    if pn.config.cookie_secret is None:
        return None
    user = decode_signed_value(
        pn.config.cookie_secret, "user", pn.state.cookies.get("user"), max_age_days=pn.config.oauth_expiry
    )
    return user.decode("utf-8") if user else None


def account(who: Visit) -> dict[str, str]:
    """What the header of a page says of whoever is signed in; empty where nobody has to sign in."""
    if not course().sign_in.required or who.expires is None:
        return {}
    return {
        "name": name_of(store(), who.student_id) or "Signed in",
        "role": "Instructor" if who.teaches else "",
        "sign_out": SIGN_OUT,
        "state": SIGNED_IN,
    }


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
