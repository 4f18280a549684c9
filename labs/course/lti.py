"""`[lti]`: the learning platforms that may launch the labs, and the key with which the labs answer them."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from labs.course.table import Table

#: Hosts on which an address may do without encryption: what goes there does not leave the machine.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_safe(url: str) -> bool:
    """Whether an address is https://, or http:// on this machine, with a host and nobody's password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)


def _is_address(text: str) -> str:
    if not is_safe(text):
        raise ValueError(f"{text!r} is no address to trust; expected https://, such as https://learn.example.edu/token")
    return text


def _is_host(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9.-]+(:\d{1,5})?", text):
        raise ValueError(f"{text!r} is no host; expected a name in small letters, such as school.example.edu")
    return text


Text = Annotated[str, Field(min_length=1)]
Address = Annotated[str, AfterValidator(_is_address)]
Host = Annotated[str, AfterValidator(_is_host)]


class Platform(Table):
    """`[[lti.platforms]]`: one registration of the labs at a learning platform, as the platform names it.

    Attributes:
        issuer: who signs its launches.
        client_id: what it calls this installation of the labs.
        auth_login_url: where a launch is authenticated.
        auth_token_url: where access to the gradebook is granted.
        jwks_url: where its public keys are.
        deployment_ids: the deployments that are accepted.
        token_audience: whom a request for access is addressed to; `auth_token_url` if left out.
        hosts: hosts of the platform besides those of the addresses above, such as the school's own.
    """

    issuer: Text
    client_id: Text
    auth_login_url: Address
    auth_token_url: Address
    jwks_url: Address
    deployment_ids: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
    token_audience: Text | None = None
    hosts: Annotated[tuple[Host, ...], Field(strict=False)] = ()

    @cached_property
    def all_hosts(self) -> frozenset[str]:
        """Every host of the platform, with its port where that is not the scheme's own."""
        addresses = (self.auth_login_url, self.auth_token_url, self.jwks_url, self.issuer)
        return frozenset(
            {*(urlsplit(address).netloc.lower() for address in addresses if is_safe(address)), *self.hosts}
        )

    def owns(self, url: str) -> bool:
        """Whether an address is one of the platform's: safe, and at one of its hosts."""
        return is_safe(url) and urlsplit(url).netloc.lower() in self.all_hosts


class Lti(Table):
    """`[lti]`: LTI 1.3.

    Attributes:
        key_file: PEM file of the private key of this installation, made by `mlsys-labs lti-key`; without it there is
            no LTI. All processes and machines of an installation have the same one.
        platforms: where the labs are registered.
    """

    key_file: Text | None = None
    platforms: Annotated[tuple[Platform, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _complete(self) -> Lti:
        if self.platforms and self.key_file is None:
            raise ValueError("platforms need a key_file; `mlsys-labs lti-key FILE` makes one")
        names = [(platform.issuer, platform.client_id) for platform in self.platforms]
        if twice := sorted({f"{client} of {issuer}" for issuer, client in names if names.count((issuer, client)) > 1}):
            raise ValueError(f"{', '.join(twice)} appears twice; expected each registration once")
        return self

    def find(self, issuer: str, client_id: str | None = None) -> Platform | None:
        """The registration with these names; without `client_id`, the only one of the issuer. None if there is none."""
        found = [one for one in self.platforms if one.issuer == issuer and client_id in (None, one.client_id)]
        return found[0] if len(found) == 1 else None
