"""Who a student is to the ledger: a pseudonym, and the signed token that carries it in a cookie or a link."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from dataclasses import dataclass

from ledger.errors import BadToken, LedgerError, TokenOver
from ledger.publish import publish
from ledger.secret_strength import HOW_TO_MAKE_ONE, SECRET_BYTES, weakness

SECRET_VARIABLE = "MLSYS_LABS_SECRET"
"""Environment variable that holds the secret of an installation; it goes before the secret file."""

STUDENT = "student"
INSTRUCTOR = "instructor"
ROLES = (STUDENT, INSTRUCTOR)
"""What a token may say of its bearer."""

_STUDENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VERSION = "v1"
_ROLE_VERSION = "v2"
_log = logging.getLogger(__name__)


def new_student_id() -> str:
    """A new pseudonym: 128 random bits as 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


def id_for_user(username: str, secret: bytes) -> str:
    """The pseudonym of a signed-in user, always the same; without the secret it does not lead to the name.

    The name is taken letter for letter as the sign-in gives it. Raises LedgerError for an empty name or a
    secret that is too short.
    """
    if not username:
        raise LedgerError("The signed-in user has no name; the sign-in must pass one.")
    return "u-" + _keyed(f"user\0{username}", secret)


def check_student_id(student_id: object) -> None:
    """Raises LedgerError unless `student_id` is a pseudonym: 1 to 64 letters, digits, - and _."""
    if not isinstance(student_id, str) or not _STUDENT_ID.fullmatch(student_id):
        raise LedgerError(f"{student_id!r} is no student id: 1 to 64 letters, digits, '-' or '_'.")


@dataclass(frozen=True)
class Bearer:
    """Whom a token stands for: a student id, a role of `ROLES`, and the end of its validity in Unix time, if any."""

    student_id: str
    role: str = STUDENT
    expires: int | None = None


def sign(student_id: str, secret: bytes) -> str:
    """A token that proves that this installation gave out `student_id`: `v1.<id>.<signature>`.

    Raises LedgerError for an id of another form or a secret that is too short.
    """
    check_student_id(student_id)
    return f"{_VERSION}.{student_id}.{_signature(student_id, secret)}"


def sign_role(bearer: Bearer, secret: bytes) -> str:
    """A token that also says what its bearer is, and until when: `v2.<id>.<role>.<Unix time>.<signature>`.

    Raises LedgerError for another role, an id of another form, no end, or a secret that is too short.
    """
    check_student_id(bearer.student_id)
    if bearer.role not in ROLES:
        raise LedgerError(f"{bearer.role!r} is no role; the roles are {' and '.join(ROLES)}.")
    if bearer.expires is None:
        raise LedgerError("A token with a role has an end.")
    body = f"{bearer.student_id}.{bearer.role}.{bearer.expires}"
    return f"{_ROLE_VERSION}.{body}.{_role_signature(body, secret)}"


def read(token: str, secret: bytes) -> str:
    """The student id in a token. Raises BadToken for one that was altered, is over, or signed with another secret."""
    return bearer_of(token, secret).student_id


def bearer_of(token: str, secret: bytes) -> Bearer:
    """Whom a token stands for. Raises BadToken for one that was altered or signed with another secret, and TokenOver,
    which is one, for one that is over."""
    parts = token.split(".") if isinstance(token, str) else []
    known = {_VERSION: 3, _ROLE_VERSION: 5}
    if not parts or len(parts) != known.get(parts[0]) or not _STUDENT_ID.fullmatch(parts[1]):
        raise BadToken("The token does not have the form v1.<student id>.<signature>.")
    version, *body, signature = parts
    text = ".".join(body)
    expected = _signature(text, secret) if version == _VERSION else _role_signature(text, secret)
    # Compared in constant time: how long it takes must not tell how much of a guess was right.
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
        raise BadToken("The signature of the token is wrong: it was altered, or signed by another installation.")
    if version == _VERSION:
        return Bearer(body[0])
    # What this installation has signed needs no second look at its form.
    bearer = Bearer(body[0], body[1], int(body[2]))
    if time.time() >= int(body[2]):
        raise TokenOver(bearer.role)
    return bearer


def derived_key(purpose: str, secret: bytes) -> str:
    """A key for one purpose, as 43 URL-safe characters; it leads neither to the secret nor to another purpose's key.

    Raises LedgerError for a secret that is too short.
    """
    return _keyed(f"key\0{purpose}", secret, size=32)


def load_secret(path: str | os.PathLike[str]) -> bytes:
    """The secret of this installation: from MLSYS_LABS_SECRET if that is set, else from the file at `path`.

    A missing file is made with 32 random bytes, readable by its owner alone; processes that start at the same
    moment agree on one. Raises LedgerError for a secret that is short or made up, or a file that cannot be used.
    """
    given = os.environ.get(SECRET_VARIABLE)
    if given is not None:
        return _strong(given.encode(), f"The environment variable {SECRET_VARIABLE}")
    name = os.path.abspath(path)
    try:
        if not os.path.exists(name):
            os.makedirs(os.path.dirname(name), exist_ok=True)
            publish(name, _write_secret)
        with open(name, "rb") as file:
            secret = file.read()
        mode = os.stat(name).st_mode & 0o777
    except OSError as error:
        raise LedgerError(f"The secret file {name} cannot be used: {error}.") from error
    if os.name != "nt" and mode & 0o077:
        _log.warning("The secret file %s can be read by others (mode %o); run: chmod 600 %s", name, mode, name)
    return _strong(secret, f"The secret file {name}")


def _write_secret(path: str) -> None:
    with open(path, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))


def _strong(secret: bytes, what: str) -> bytes:
    if reason := weakness(secret):
        raise LedgerError(f"{what} {reason}. Make one that nobody can guess: {HOW_TO_MAKE_ONE}")
    return secret


def _checked(secret: bytes, what: str) -> bytes:
    if len(secret) < SECRET_BYTES:
        raise LedgerError(f"{what} holds {len(secret)} bytes; a secret has at least {SECRET_BYTES}.")
    return secret


def _signature(student_id: str, secret: bytes) -> str:
    return _keyed(f"token\0{_VERSION}\0{student_id}", secret, size=32)


def _role_signature(body: str, secret: bytes) -> str:
    return _keyed(f"token\0{_ROLE_VERSION}\0{body}", secret, size=32)


def _keyed(message: str, secret: bytes, size: int = 16) -> str:
    """Keyed hash of a message as URL-safe text. Each message begins with its purpose: none serves for two."""
    _checked(secret, "The secret")
    digest = hmac.new(secret, f"mlsys-labs\0{message}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:size]).decode().rstrip("=")
