"""What all addresses of the server have in common: headers, whom a proxy speaks for, who is let in, other sites."""

from __future__ import annotations

import math
import secrets
from functools import cached_property
from typing import Any, ClassVar

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError

from components.quantity import counted
from labs import site
from labs.content_policy import content_policy
from labs.frames import refuse_strangers
from labs.headers import headers
from labs.observe.requests import Noted
from labs.proxies import believe_proxies
from labs.same_origin import from_this_site
from labs.sign_in.addresses import sign_in_for
from labs.telling import ALL_LABS, tell

#: Settings of the server in which these handlers stand: Tornado then asks them before everything but GET and HEAD.
SETTINGS: dict[str, Any] = {"xsrf_cookies": True}

#: Setting of the server: addresses and networks of the proxies that are believed (`labs.proxies`); without it nobody.
TRUSTED_PROXIES = "trusted_proxies"


class Guarded(Noted):
    """Mixed into every handler of the server, those of Panel and Bokeh included (`labs.guarding`)."""

    #: Whether the answer may hold what is one student's alone: then no browser and no proxy keeps it.
    private: ClassVar[bool] = False
    #: Whether pages of other sites may change something here (POST and the like), because another proof comes along:
    #: the signed launch of a portal. Everything else is refused unless it was made by a page of this site.
    takes_from_other_sites: ClassVar[bool] = False

    def __init__(self, application: Application, request: HTTPServerRequest, **options: Any) -> None:
        believe_proxies(request, application.settings.get(TRUSTED_PROXIES, ()))
        super().__init__(application, request, **options)

    @cached_property
    def nonce(self) -> str:
        """The mark of scripts that stand in this answer: known to nobody before, and never used again."""
        return secrets.token_urlsafe(16)

    def set_default_headers(self) -> None:
        super().set_default_headers()
        portals = site.course().portal.origins
        nonce = self.nonce if self.private else ""
        secure = self.request.protocol == "https"
        for name, value in headers(
            self.request.host, portals, nonce=nonce, secure=secure, private=self.private
        ).items():
            self.set_header(name, value)
        # The name and version of the server serve nobody but those who look for a known hole.
        self.clear_header("Server")

    def check_xsrf_cookie(self) -> None:
        if not self.takes_from_other_sites and not from_this_site(self.request):
            raise HTTPError(403, "a request to change something came from a page of another site")

    def write_error(self, status_code: int, **_: Any) -> None:
        # What exactly went wrong stands in the log: it may quote what somebody sent.
        text = "What was asked for cannot be answered. The labs are on the index."
        if status_code >= 500:
            text = "The server failed; its log says how. What you have saved is kept. Please try again in a moment."
        tell(self, status_code, f"{status_code} {self._reason}", [text], [ALL_LABS])

    def refuse_for(self, seconds: float) -> None:
        """Ends the answer: too many requests, come back in so many seconds."""
        wait = max(1, math.ceil(seconds))
        self.set_header("Retry-After", str(wait))
        text = (
            "More was asked of this server than it allows one reader or one network at a time. "
            f"Please try again in {counted(wait, 'seconds')}: reload this page. Nothing you have done is lost."
        )
        tell(self, 429, "One moment, please", [text])


class SiteHandler(Guarded):
    """A handler of the suite beside the pages that Panel serves.

    Where a course asks people to sign in, one who has not is led there first. A handler that overrides `prepare`
    calls this one.
    """

    private = True
    #: Whether people are answered, too, who have not signed in where that is asked.
    open_to_all = False

    def prepare(self) -> None:
        super().prepare()
        if refuse_strangers(self):
            return
        if self.open_to_all or not site.course().sign_in.required or self.is_signed_in:
            return
        if self.request.method not in ("GET", "HEAD"):
            raise HTTPError(403)
        self.redirect(sign_in_for(self.request.uri or "/"))

    def visit(self) -> site.Visit:
        """Who asks."""
        return site.identify(None, self.get_cookie(site.COOKIE))

    @property
    def is_signed_in(self) -> bool:
        """Whether whoever asks bears a token with a role and an end."""
        return site.admitted(self.get_cookie(site.COOKIE)) is not None

    def sends_forms_to(self, origin: str) -> None:
        """Lets forms of this answer be sent to a page of another site."""
        policy = content_policy(self.request.host, site.course().portal.origins, self.nonce, ("'self'", origin))
        self.set_header("Content-Security-Policy", policy)
