"""The OpenID provider of a course: where its addresses are, and what it says of a person (OpenID Connect Core 1.0)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import jwt
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from labs.course.sign_in import SignIn, is_address
from labs.sign_in.claims import claim, needed
from labs.sign_in.problem import SignInProblem

#: How long the provider's description of itself and its keys are believed, s.
_KEPT_S = 3600
_CONNECT_S, _ANSWER_S = 5, 10
#: How far the provider's clock may be off, s.
_LEEWAY_S = 60
#: Signatures with a key that only the provider has; none with a shared secret, and not none at all.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


@dataclass(frozen=True)
class Endpoints:
    """Addresses of a provider, and how it wants to see the client secret."""

    authorize: str
    token: str
    userinfo: str = ""
    keys: str = ""
    end_session: str = ""
    secret_in_form: bool = False


class OpenIdProvider:
    """A provider as seen from one process: what it says of itself is asked for once an hour."""

    def __init__(self, sign_in: SignIn, secret: str) -> None:
        self._sign_in = sign_in
        self._secret = secret
        self._endpoints: tuple[float, Endpoints] | None = None
        self._keys: tuple[float, jwt.PyJWKSet] | None = None

    async def endpoints(self) -> Endpoints:
        """Its addresses. Raises SignInProblem when it does not answer, or not as OpenID Connect Discovery says."""
        sign_in = self._sign_in
        if sign_in.issuer is None:
            # The course's file names all three where it names no issuer.
            return Endpoints(sign_in.authorize_url or "", sign_in.token_url or "", sign_in.userinfo_url or "")
        if self._endpoints is None or time.monotonic() - self._endpoints[0] > _KEPT_S:
            self._endpoints = time.monotonic(), await self._discovered(sign_in.issuer)
        return self._endpoints[1]

    async def claims(self, code: str, verifier: str, nonce: str, redirect_uri: str) -> dict[str, Any]:
        """What it says of the person whom it gave `code`. Raises SignInProblem."""
        endpoints = await self.endpoints()
        tokens = await self._tokens(endpoints, code, verifier, redirect_uri)
        claims = await self._verified(endpoints, tokens.get("id_token"), nonce) if endpoints.keys else {}
        missing = [name for name in needed(self._sign_in) if claim(claims, name) is None]
        if missing and endpoints.userinfo:
            told = await self._userinfo(endpoints.userinfo, tokens.get("access_token"))
            if claims and told.get("sub") != claims["sub"]:
                raise _wrong("userinfo is of somebody else")
            claims = {**told, **claims}
        return claims

    async def _discovered(self, issuer: str) -> Endpoints:
        about = await self._ask(HTTPRequest(issuer.rstrip("/") + "/.well-known/openid-configuration"))
        if about.get("issuer") != issuer:
            raise _wrong(f"its configuration is of the issuer {about.get('issuer')!r}, not {issuer!r}")

        def address(name: str, *, must: bool = True) -> str:
            value = about.get(name)
            if value is None and not must:
                return ""
            if not isinstance(value, str) or not is_address(value):
                raise _wrong(f"its configuration names no {name} with https")
            return value

        methods = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return Endpoints(
            authorize=address("authorization_endpoint"),
            token=address("token_endpoint"),
            userinfo=address("userinfo_endpoint", must=False),
            keys=address("jwks_uri"),
            end_session=address("end_session_endpoint", must=False),
            secret_in_form="client_secret_basic" not in methods and "client_secret_post" in methods,
        )

    async def _tokens(self, endpoints: Endpoints, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        name = self._sign_in.client_id or ""
        if endpoints.secret_in_form:
            form |= {"client_id": name, "client_secret": self._secret}
        else:
            # Both are encoded before they are joined (RFC 6749, section 2.3.1).
            pair = f"{quote_plus(name)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return await self._ask(
            HTTPRequest(endpoints.token, method="POST", headers=headers, body=urlencode(form)), code_is_old=True
        )

    async def _userinfo(self, address: str, access_token: Any) -> dict[str, Any]:
        if not isinstance(access_token, str):
            raise _wrong("it gave no access token")
        return await self._ask(HTTPRequest(address, headers={"Authorization": f"Bearer {access_token}"}))

    async def _verified(self, endpoints: Endpoints, id_token: Any, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that this provider signed, for us, in answer to this very request."""
        if not isinstance(id_token, str):
            raise _wrong("it gave no ID token")
        try:
            claims = jwt.decode(
                id_token,
                key=await self._key(endpoints.keys, jwt.get_unverified_header(id_token).get("kid")),
                algorithms=list(_ALGORITHMS),
                audience=self._sign_in.client_id,
                issuer=self._sign_in.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as problem:
            raise _wrong(f"its ID token is not valid: {problem}") from None
        if claims.get("nonce") != nonce:
            raise _wrong("its ID token answers another request")
        if claims.get("azp", self._sign_in.client_id) != self._sign_in.client_id:
            raise _wrong("its ID token was made for another client")
        return claims

    async def _key(self, address: str, kid: str | None) -> jwt.PyJWK:
        """The key that signed a token; keys are asked for anew when an unknown one turns up."""
        for fresh in (False, True):
            if fresh or self._keys is None or time.monotonic() - self._keys[0] > _KEPT_S:
                self._keys = time.monotonic(), jwt.PyJWKSet.from_dict(await self._ask(HTTPRequest(address)))
            keys = [key for key in self._keys[1].keys if key.public_key_use in (None, "sig")]
            found = [key for key in keys if key.key_id == kid] if kid is not None else keys[:1]
            if found:
                return found[0]
        raise _wrong("its ID token is signed with a key that it does not publish")

    async def _ask(self, request: HTTPRequest, *, code_is_old: bool = False) -> dict[str, Any]:
        """The JSON object of an answer."""
        request.connect_timeout, request.request_timeout = _CONNECT_S, _ANSWER_S
        request.follow_redirects = False
        try:
            answer = await AsyncHTTPClient().fetch(request)
            found = json.loads(answer.body)
        except HTTPClientError as problem:
            if code_is_old and problem.code == 400 and _error_of(problem) == "invalid_grant":
                raise too_late() from None
            if problem.code in (400, 401, 403):
                raise _wrong(f"{request.url} answered {problem.code} {_error_of(problem)}") from None
            raise _silent(request.url, problem) from None
        except OSError as problem:
            raise _silent(request.url, problem) from None
        except ValueError:
            raise _wrong(f"{request.url} answered no JSON") from None
        if not isinstance(found, dict):
            raise _wrong(f"{request.url} answered no JSON object")
        return found


def too_late() -> SignInProblem:
    """An attempt that is over."""
    return SignInProblem(
        400, "This sign-in is over", "It took too long, or was used before. Please sign in again; nothing is lost."
    )


def _error_of(problem: HTTPClientError) -> str:
    """The `error` of an answer of RFC 6749; empty if there is none."""
    try:
        found = json.loads(problem.response.body) if problem.response is not None else {}
    except ValueError:
        return ""
    return str(found.get("error", "")) if isinstance(found, Mapping) else ""


def _silent(address: str, problem: Exception) -> SignInProblem:
    return SignInProblem(
        503,
        "The sign-in service does not answer",
        "You have not been signed in. Please try again in a minute.",
        detail=f"{address}: {problem}",
    )


def _wrong(detail: str) -> SignInProblem:
    return SignInProblem(
        502,
        "The sign-in service gave an answer that cannot be used",
        "You have not been signed in. Please tell whoever runs this course.",
        detail=detail,
    )
