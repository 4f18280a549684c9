"""What the labs remember between the beginning and the end of a launch: nothing here, all in a signed text.

The platform hands the text back unread. That needs no cookie, which a browser would not return inside another
site's frame, and no process in particular to come back to.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from labs.lti.errors import LtiError

#: How long a launch may take, a sign-in at the platform included.
LIFETIME = timedelta(minutes=10)

_ALGORITHM = "HS256"
_AUDIENCE = "mlsys-labs lti launch"


@dataclass(frozen=True)
class State:
    """A launch that has begun.

    Attributes:
        issuer: the platform that was asked.
        client_id: what it calls these labs.
        nonce: the number, used once, that its answer must carry.
        browser: fingerprint of the cookie that the browser was given; empty where none was.
    """

    issuer: str
    client_id: str
    nonce: str
    browser: str = ""

    def sign(self, secret: bytes) -> str:
        """The text that the platform hands back."""
        claims = {
            "iss": self.issuer,
            "client_id": self.client_id,
            "nonce": self.nonce,
            "browser": self.browser,
            "aud": _AUDIENCE,
            "exp": datetime.now(UTC) + LIFETIME,
        }
        return jwt.encode(claims, _key(secret), algorithm=_ALGORITHM)


def new_nonce() -> str:
    """A number for one launch: 192 random bits."""
    return secrets.token_urlsafe(24)


def read_state(text: str, secret: bytes) -> State:
    """The launch that a text belongs to. LtiError for one that is over or that was not signed here."""
    try:
        claims = jwt.decode(
            text, _key(secret), algorithms=[_ALGORITHM], audience=_AUDIENCE, options={"require": ["exp", "aud"]}
        )
    except jwt.ExpiredSignatureError:
        raise LtiError(f"This launch has taken longer than {LIFETIME.seconds // 60} minutes.", 403) from None
    except jwt.InvalidTokenError as problem:
        raise LtiError("This launch was not begun here.", 403, str(problem)) from None
    return State(claims["iss"], claims["client_id"], claims["nonce"], claims["browser"])


def _key(secret: bytes) -> bytes:
    """A key for this purpose alone, from the secret of the installation."""
    return hmac.new(secret, b"mlsys-labs\0lti state", hashlib.sha256).digest()
