"""Where people sign in and out."""

from __future__ import annotations

from urllib.parse import urlencode

SIGN_IN = "/login"
SIGN_OUT = "/logout"
#: Answers whether the browser that asks is signed in, and says nothing else.
SIGNED_IN = "/signed-in"


def sign_in_for(path: str) -> str:
    """The address of the sign-in that leads back to a path of this site."""
    return f"{SIGN_IN}?{urlencode({'next': path})}"
