"""Whether a secret can be one: what a person made up, or copied from an example, is found by trying."""

from __future__ import annotations

from itertools import pairwise

SECRET_BYTES = 32

FEWEST_CHARACTERS = 12
"""Of 64 hexadecimal digits drawn at random, fewer than this many kinds occur once in some 6,000,000 draws."""

PLACEHOLDERS = ("changeme", "change-me", "change_me", "secret", "password", "example", "default", "insecure", "mlsys")

HOW_TO_MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'


def weakness(secret: bytes) -> str:
    """Why a secret is refused, as half a sentence; empty for one that may be good."""
    if len(secret) < SECRET_BYTES:
        return f"holds {len(secret)} bytes; a secret has at least {SECRET_BYTES}"
    text = secret.decode("ascii", "replace").lower()
    for word in PLACEHOLDERS:
        if word in text:
            return f"contains {word!r}, as examples and made-up secrets do"
    if secret in (secret + secret)[1:-1]:
        return "repeats itself"
    if len(set(secret)) < FEWEST_CHARACTERS:
        return f"is made of {len(set(secret))} different characters alone"
    steps = sum(after - before in (0, 1, -1) for before, after in pairwise(secret))
    if steps > len(secret) // 2:
        return "is a row of neighbouring characters"
    return ""
