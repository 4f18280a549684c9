"""Signing in at an OpenID provider: the authorization code flow with PKCE, a nonce and a state (RFC 9700).

The flow is Tornado's. Panel's own handler is not used, because it takes an ID token without looking at who signed it,
for whom and for which request, accepts `///host` as a place to go on to, and keeps the provider's tokens in cookies.
Here nothing of the provider's stays but who it was.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import secrets
from functools import cache
from typing import Any

from tornado.auth import OAuth2Mixin

from labs import site
from labs.sign_in.addresses import SIGN_IN
from labs.sign_in.claims import person_of
from labs.sign_in.client_secret import client_secret
from labs.sign_in.openid_provider import OpenIdProvider, too_late
from labs.sign_in.page import SignInPage
from labs.sign_in.person import admit
from labs.sign_in.problem import SignInProblem

log = logging.getLogger(__name__)

#: One cookie per attempt: tabs that sign in at the same moment do not take each other's.
_COOKIE = "mlsys_sign_in_"
#: How long somebody may take at the provider, s.
_PATIENCE_S = 3600
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")


@cache
def provider() -> OpenIdProvider:
    """The course's provider; SignInError when the client secret is missing."""
    sign_in = site.course().sign_in
    return OpenIdProvider(sign_in, client_secret(sign_in))


async def end_of_session() -> str:
    """Where people sign out of the provider itself; empty if there is none, or it does not say."""
    if site.course().sign_in.method != "oidc":
        return ""
    try:
        return (await provider().endpoints()).end_session
    except SignInProblem as problem:
        log.warning("sign-out: %s", problem)
        return ""


class OpenIdSignIn(SignInPage, OAuth2Mixin):
    """The way to the provider, and the way back."""

    async def get(self) -> None:
        """Sends people to the provider; takes up those whom it sends back."""
        self._attempt: dict[str, str] = {}
        if {"state", "error"} & set(self.request.query_arguments):
            await self._comes_back()
        elif self.is_signed_in:
            self.redirect(self.next)
        elif self.request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            # A picture or a script of a page whose sign-in is over: nothing that could sign in.
            raise SignInProblem(401, "You are not signed in", "Please sign in.")
        else:
            await self._goes_there()

    def back_to(self) -> str:
        return self._attempt.get("next", self.next)

    async def _goes_there(self) -> None:
        sign_in = site.course().sign_in
        self._OAUTH_AUTHORIZE_URL = (await provider().endpoints()).authorize
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = json.dumps({"state": state, "nonce": nonce, "verifier": verifier, "next": self.next})
        self.set_signed_cookie(
            _cookie_of(state),
            attempt,
            expires_days=None,
            max_age=_PATIENCE_S,
            path=SIGN_IN,
            httponly=True,
            samesite="Lax",
            secure=self.request.protocol == "https",
        )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        self.authorize_redirect(
            redirect_uri=self._redirect_uri,
            client_id=sign_in.client_id,
            scope=list(sign_in.scopes),
            extra_params={"state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256"},
        )

    async def _comes_back(self) -> None:
        self._attempt = self._begun(self.get_query_argument("state", ""))
        error = self.get_query_argument("error", "")
        # Some providers leave the state out when they refuse: sent there again, people would go round in a circle.
        if error and (self._attempt or "state" not in self.request.query_arguments):
            raise _refused(error)
        if not self._attempt:
            if self.is_signed_in:
                # The same answer once more, by the browser's way back: there is nothing to do.
                self.redirect("/")
                return
            raise too_late()
        code = self.get_query_argument("code", "")
        if not code:
            raise too_late()
        claims = await provider().claims(
            code, self._attempt["verifier"], self._attempt["nonce"], redirect_uri=self._redirect_uri
        )
        await admit(self, person_of(claims, site.course().sign_in))
        self.redirect(self._attempt["next"])

    def _begun(self, state: str) -> dict[str, Any]:
        """What this browser began with this state, once; empty if it did not."""
        if not _STATE.fullmatch(state):
            return {}
        name = _cookie_of(state)
        attempt = self.get_signed_cookie(name, max_age_days=_PATIENCE_S / 86400)
        if attempt is None:
            return {}
        self.clear_cookie(name, path=SIGN_IN)
        begun = json.loads(attempt)
        return begun if secrets.compare_digest(begun["state"], state) else {}

    @property
    def _redirect_uri(self) -> str:
        return site.course().sign_in.redirect_uri or f"{self.request.protocol}://{self.request.host}{SIGN_IN}"


def _cookie_of(state: str) -> str:
    return _COOKIE + state[:8]


def _refused(error: str) -> SignInProblem:
    """What the provider's `error` means to the person; the code itself only if it can be no text of somebody else's."""
    if error == "access_denied":
        return SignInProblem(
            403,
            "You have not been signed in",
            "The sign-in was cancelled, or the sign-in service does not let you into this course.",
        )
    said = error if re.fullmatch(r"[a-z_]{1,40}", error) else "unknown"
    return SignInProblem(
        502,
        "The sign-in service could not sign you in",
        f"It says: {said.replace('_', ' ')}. Please try again; if that does not help, tell whoever runs this course.",
        detail=said,
    )
