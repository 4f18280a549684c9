"""Addresses that carry a token, as they may be logged."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from tornado.httputil import HTTPServerRequest

CONCEALED = "concealed"


def conceal(request: HTTPServerRequest, *names: str) -> None:
    """Takes the values of these parameters out of a request, so that no log can repeat them.

    Call it as soon as they were read: they are gone from its arguments, too, which a session keeps.
    """
    for name in names:
        for arguments in (request.arguments, request.query_arguments):
            arguments.pop(name, None)
    query = urlsplit(request.uri or "").query
    pairs = [(name, CONCEALED if name in names else value) for name, value in parse_qsl(query, keep_blank_values=True)]
    request.query = urlencode(pairs)
    request.uri = f"{request.path}?{request.query}" if pairs else request.path
