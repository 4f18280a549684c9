"""The key with which the labs sign what they tell a platform, and its public half, which platforms fetch."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from labs.lti.errors import KeyFileError

#: The algorithm that LTI prescribes, for both sides.
ALGORITHM = "RS256"
#: Bits of a new key.
BITS = 3072
#: Bits that a key has at least; platforms refuse shorter ones.
LEAST_BITS = 2048

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ToolKey:
    """The private key of an installation."""

    private: rsa.RSAPrivateKey

    @cached_property
    def public_jwk(self) -> dict[str, Any]:
        """The public half as platforms read it (RFC 7517), named by its thumbprint (RFC 7638)."""
        numbers = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        members = {name: numbers[name] for name in ("e", "kty", "n")}
        digest = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
        name = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return {**members, "kid": name, "alg": ALGORITHM, "use": "sig"}

    def sign(self, claims: dict[str, Any]) -> str:
        """A signed token with these claims."""
        return jwt.encode(claims, self.private, algorithm=ALGORITHM, headers={"kid": self.public_jwk["kid"]})


def make_key(path: Path) -> ToolKey:
    """Writes a new key, readable by its owner alone. KeyFileError if there is a file already, or none can be made."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
    except FileExistsError:
        raise KeyFileError(f"{path} exists already; a new key would end every registration made with it") from None
    except OSError as problem:
        raise KeyFileError(f"{path} cannot be written: {problem.strerror}") from None
    return ToolKey(private)


def load_key(path: Path) -> ToolKey:
    """The key in a file. KeyFileError says why it cannot be used."""
    hint = "make one with `mlsys-labs lti-key FILE`"
    try:
        content, mode = path.read_bytes(), path.stat().st_mode
    except OSError as problem:
        raise KeyFileError(f"the key file {path} cannot be read: {problem.strerror}; {hint}") from None
    try:
        private = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"the key file {path} holds no private key in PEM without a password; {hint}") from None
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < LEAST_BITS:
        raise KeyFileError(f"the key file {path} holds no RSA key of at least {LEAST_BITS} bits; {hint}")
    if os.name != "nt" and mode & 0o077:
        log.warning("The key file %s can be read by others (mode %o); run: chmod 600 %s", path, mode & 0o777, path)
    return ToolKey(private)
