"""`[sign_in]`: how students and instructors prove who they are, and who of them teaches."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from labs.course.table import Table

#: Environment variable that holds the client secret; it goes before the file that the course names.
CLIENT_SECRET_VARIABLE = "MLSYS_LABS_OIDC_SECRET"

#: Hosts to which a request does not leave the machine.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

_OF_BASIC = ("users",)
_ENDPOINTS = ("authorize_url", "token_url", "userinfo_url")
_OF_OIDC = (
    "issuer",
    *_ENDPOINTS,
    "client_id",
    "client_secret_file",
    "redirect_uri",
    "scopes",
    "user_claim",
    "name_claim",
    "instructor_claim",
    "instructor_values",
)


def is_address(text: str) -> bool:
    """Whether an address is one of a sign-in: HTTPS, or on this very machine."""
    parts = urlsplit(text)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return safe and bool(parts.hostname) and not parts.fragment


def _checked_address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text!r} is no address of a sign-in; expected https://, such as https://login.example.edu")
    return text


def _no_secret(value: Any) -> Any:
    if value is not None:
        raise ValueError(
            f"a secret does not belong in this file; put it into the environment variable {CLIENT_SECRET_VARIABLE}, or "
            "into a file that only the server may read, and name that with client_secret_file"
        )
    return value


Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(strict=False)]
Address = Annotated[str, AfterValidator(_checked_address)]


class SignIn(Table):
    """`[sign_in]`: nobody, people of a file of passwords, or people of an OpenID provider.

    Attributes:
        method: none (everybody gets an anonymous cookie), basic (a file of users) or oidc (OpenID Connect).
        session_hours: how long a sign-in lasts.
        instructors: user names of those who teach; for oidc the value of `user_claim`.
        users: file of user names and hashed passwords, see `labs.sign_in.passwords`.
        issuer: address of the provider, below which it describes itself (OpenID Connect Discovery).
        authorize_url: of a provider that does not describe itself, like the two below.
        token_url: where it gives an access token for a code.
        userinfo_url: where it says whom an access token belongs to.
        client_id: name of this installation at the provider.
        client_secret_file: file that holds the client secret, unless the environment does.
        client_secret: refused, with the reason.
        redirect_uri: where the provider sends people back to; the address of the request with /login if left out.
        scopes: what the provider is asked for.
        user_claim: claim that names a person once and for all.
        name_claim: claim with the name that instructors read.
        instructor_claim: claim that says who teaches, dotted if nested (`realm_access.roles`).
        instructor_values: values of it, one of which an instructor has.
    """

    method: Literal["none", "basic", "oidc"] = "none"
    session_hours: Annotated[float, Field(gt=0, le=24 * 31)] = 12
    instructors: Names = ()
    users: Name | None = None
    issuer: Address | None = None
    authorize_url: Address | None = None
    token_url: Address | None = None
    userinfo_url: Address | None = None
    client_id: Name | None = None
    client_secret_file: Name | None = None
    client_secret: Annotated[Any, BeforeValidator(_no_secret), Field(exclude=True)] = None
    redirect_uri: Address | None = None
    scopes: Annotated[Names, Field(min_length=1)] = ("openid", "profile", "email")
    user_claim: Name = "sub"
    name_claim: Name = "name"
    instructor_claim: Name | None = None
    instructor_values: Names = ()

    @property
    def required(self) -> bool:
        """Whether everybody has to sign in."""
        return self.method != "none"

    @model_validator(mode="after")
    def _belongs_together(self) -> SignIn:
        """Raises ValueError for fields of another method, and for those that a method lacks."""
        foreign = {"none": (*_OF_BASIC, *_OF_OIDC, "instructors"), "basic": _OF_OIDC, "oidc": _OF_BASIC}[self.method]
        odd = [name for name in foreign if name in self.model_fields_set]
        if odd:
            raise ValueError(f"{', '.join(odd)}: of no use with method = {self.method!r}")
        if self.method == "basic" and self.users is None:
            raise ValueError("method = 'basic' needs users, a file that `mlsys-labs password` writes lines for")
        if self.method == "oidc":
            self._provider_is_known()
        return self

    def _provider_is_known(self) -> None:
        named = [name for name in _ENDPOINTS if getattr(self, name) is not None]
        if (self.issuer is None) == (not named) or (named and len(named) < len(_ENDPOINTS)):
            raise ValueError(f"method = 'oidc' needs issuer, or else all of {', '.join(_ENDPOINTS)}")
        if self.client_id is None:
            raise ValueError("method = 'oidc' needs client_id, the name of this installation at the provider")
        if (self.instructor_claim is None) != (not self.instructor_values):
            raise ValueError("instructor_claim and instructor_values need each other")
