"""The gate before every page and every websocket: Bokeh's hooks for authentication, which Panel's server keeps to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bokeh.server.auth_provider import AuthProvider
from tornado.web import RequestHandler

from labs import site
from labs.sign_in.addresses import SIGN_IN, SIGN_OUT
from labs.sign_in.basic import PasswordSignIn
from labs.sign_in.check import check_sign_in
from labs.sign_in.oidc import OpenIdSignIn
from labs.sign_in.sign_out import SignOut
from ledger.identity import derived_key

_HANDLERS: dict[str, type[RequestHandler]] = {"basic": PasswordSignIn, "oidc": OpenIdSignIn}


class Gate(AuthProvider):
    """Lets those pass who bear a token with a role and an end, whichever way it was given to them."""

    def __init__(self, method: str) -> None:
        self._handler = _HANDLERS[method]
        super().__init__()

    @property
    def get_user(self) -> Callable[[RequestHandler], str | None]:
        return _student_id

    @property
    def login_url(self) -> str:
        return SIGN_IN

    @property
    def login_handler(self) -> type[RequestHandler]:
        return self._handler

    @property
    def logout_url(self) -> str:
        return SIGN_OUT

    @property
    def logout_handler(self) -> type[RequestHandler]:
        return SignOut


def _student_id(handler: RequestHandler) -> str | None:
    who = site.admitted(handler.get_cookie(site.COOKIE))
    return who.student_id if who is not None else None


def gate_options() -> dict[str, Any]:
    """What the server is given so that everybody has to sign in; nothing when the course does not ask for it.

    Raises SignInError for a sign-in that could let nobody in.
    """
    sign_in = site.course().sign_in
    if not sign_in.required:
        return {}
    check_sign_in(sign_in)
    return {"auth_provider": Gate(sign_in.method), "cookie_secret": derived_key("cookies", site.secret())}
