"""Headers with which every answer tells the browser what may be done with it."""

from __future__ import annotations

from collections.abc import Sequence

from labs.content_policy import content_policy

#: One year, as browsers' lists of such sites ask for.
HTTPS_ALONE = "max-age=31536000"


def headers(
    host: str, portals: Sequence[str] = (), *, nonce: str = "", secure: bool = False, private: bool = False
) -> dict[str, str]:
    """Headers of an answer that was asked for at `host`; pages of `portals` (origins) may show it in a frame.

    `nonce` marks the scripts in the page, `secure` says that it came over HTTPS, `private` that it may hold what is
    one student's alone.
    """
    found = {
        "Content-Security-Policy": content_policy(host, portals, nonce),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        # Portals load the suite's scripts into their own pages; without portals nobody else does.
        "Cross-Origin-Resource-Policy": "cross-origin" if portals else "same-origin",
    }
    if secure:
        # Browsers heed neither over HTTP, and complain of the second. A page in a frame has no opener: it may stay.
        found |= {"Strict-Transport-Security": HTTPS_ALONE, "Cross-Origin-Opener-Policy": "same-origin"}
    if private:
        found["Cache-Control"] = "no-store"
    return found
