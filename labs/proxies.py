"""Where a request really came from, when proxies stand in front of the server."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from tornado.httputil import HTTPServerRequest

#: Whoever connects is believed: for servers that only their proxy can reach.
EVERYBODY = ("0.0.0.0/0", "::/0")


@cache
def _networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in trusted)


def _is_trusted(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def believe_proxies(request: HTTPServerRequest, trusted: tuple[str, ...]) -> None:
    """Gives a request the address and scheme that a trusted proxy has noted; what others note is not read.

    Of `X-Forwarded-For` the last address counts that is no proxy's: what stands before it a client may have written.
    A network of all addresses (`EVERYBODY`) says who may connect, and not which addresses are proxies.
    """
    networks = _networks(trusted)
    if not networks or not _is_trusted(request.remote_ip or "", networks):
        return
    proxies = [network for network in networks if network.prefixlen]
    noted = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    for address in reversed(noted):
        try:
            ip_address(address)
        except ValueError:
            break
        request.remote_ip = address
        if not _is_trusted(address, proxies):
            break
    scheme = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip()
    if scheme in ("http", "https"):
        request.protocol = scheme
