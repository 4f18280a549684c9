"""`[proxy]`: the web servers in front of the suite, and what they may say of a request."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from labs.course.table import Table


def _is_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither an address nor a network; expected such as 127.0.0.1, ::1 or 10.0.0.0/8"
        ) from None
    return text


class Proxy(Table):
    """Who is believed when a request comes with `X-Forwarded-For` and `X-Forwarded-Proto`.

    Attributes:
        trusted: addresses or networks of the proxies; of everybody else these headers are not read.
    """

    trusted: Annotated[tuple[Annotated[str, AfterValidator(_is_network)], ...], Field(strict=False)] = ()
