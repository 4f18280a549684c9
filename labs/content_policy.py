"""What a page may load and run, as the browser enforces it: the Content-Security-Policy of every answer.

A script that a page did not bring itself does not run, wherever it came from; nothing is loaded from another origin
or sent to one. Each source beyond the page's own origin stands here with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

#: What a host may be made of: the name comes from the request, and nothing else may get into a header.
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")


def content_policy(
    host: str, portals: Sequence[str] = (), nonce: str = "", form_targets: Sequence[str] = ("'self'",)
) -> str:
    """The policy of an answer that was asked for at `host`; pages of `portals` (origins) may show it in a frame.

    `nonce` marks the scripts that stand in this very page; `form_targets` are where its forms may be sent.
    """
    sockets = [f"{scheme}://{host}" for scheme in ("ws", "wss")] if _HOST.fullmatch(host) else []
    directives = {
        "default-src": ["'self'"],
        # blob: Panel runs the module of a component from a blob that the page makes of the suite's own script.
        # Scripts in the page carry the nonce of the answer. Neither 'unsafe-inline' nor 'unsafe-eval'.
        "script-src": ["'self'", "blob:", *([f"'nonce-{nonce}'"] if nonce else [])],
        # An attribute such as onclick is never a script.
        "script-src-attr": ["'none'"],
        # 'unsafe-inline': Bokeh puts style elements into the shadow root of every model and style attributes on
        # plots, with values it computes as it draws: neither a nonce nor a hash can name them beforehand.
        "style-src": ["'self'", "'unsafe-inline'"],
        # data: icons in Bokeh's own style sheets; blob: a plot that the student saves as a picture.
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        # blob: the loader of ES modules that Panel ships reads the blob of a component before it runs it. ws, wss: some
        # browsers do not count a WebSocket to the same host as 'self'.
        "connect-src": ["'self'", "blob:", *sockets],
        "worker-src": ["'none'"],
        "object-src": ["'none'"],
        "frame-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": list(form_targets),
        "frame-ancestors": ["'self'", *portals],
    }
    return "; ".join(" ".join((name, *sources)) for name, sources in directives.items())
