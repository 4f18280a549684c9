"""The file of users: a line per person, with the password as a salted hash (scrypt, RFC 7914).

A line is `name:hash`, or `name:hash:what instructors read`. Hashes have the PHC string format, which names its
cost, so that later lines may cost more than earlier ones.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labs.sign_in.problem import SignInError

#: Cost of new hashes: 2**15 blocks of 1 KiB, which is 32 MiB and about a tenth of a second for each guess.
_LOG_COST, _BLOCK, _PARALLEL = 15, 8, 1
#: Most that a line of the file may ask for, in bytes.
_MOST_MEMORY = 2**28
_HASH_BYTES, _SALT_BYTES = 32, 16

MIN_LENGTH = 8
#: Longer ones are not even hashed: a password must not cost more than a guess.
MAX_LENGTH = 256

_BASE64 = r"[A-Za-z0-9+/]{22,86}"
_HASH = re.compile(rf"\$scrypt\$ln=(\d{{1,2}}),r=(\d{{1,2}}),p=(\d{{1,2}})\$({_BASE64})\$({_BASE64})")
_NAME = re.compile(r"[^\s:#][^:\n]{0,198}")


@dataclass(frozen=True)
class User:
    """A line of the file: name at sign-in, hash of the password, name that instructors read."""

    name: str
    hash: str
    shown: str


def hash_password(password: str) -> str:
    """The hash to put into the file. Raises SignInError for a password that is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise SignInError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    salt = secrets.token_bytes(_SALT_BYTES)
    return _written(password, salt, _LOG_COST, _BLOCK, _PARALLEL)


def line_for(name: str, password: str, shown: str = "") -> str:
    """A line of the file. Raises SignInError for a name or a password that cannot be used."""
    if not _NAME.fullmatch(name) or name != name.strip():
        raise SignInError(f"{name!r} is no user name: 1 to 199 characters without a colon; it does not begin with #")
    if ":" in shown or "\n" in shown:
        raise SignInError("the name that instructors read has no colon and is one line")
    return ":".join([name, hash_password(password), *([shown] if shown else [])])


def matches(password: str, written: str) -> bool:
    """Whether a hash was made of this password; takes as long if not."""
    found = _HASH.fullmatch(written)
    assert found, "hashes are checked when the file is read"
    cost, block, parallel = (int(number) for number in found.groups()[:3])
    return hmac.compare_digest(written, _written(password, _bytes(found[4]), cost, block, parallel))


class UsersFile:
    """The users of a file, read anew whenever it has changed."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._read_at: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        # An unknown name costs as much as a known one: time must not tell which names there are.
        self._nobody = hash_password(secrets.token_urlsafe())

    def users(self) -> dict[str, User]:
        """Name -> user. Raises SignInError for a file that cannot be used; each mistake with its line."""
        try:
            about = self._path.stat()
            changed = (about.st_mtime_ns, about.st_size)
            if changed != self._read_at:
                self._users = _parsed(self._path, self._path.read_text(encoding="utf-8"))
                self._read_at = changed
        except OSError as problem:
            raise SignInError(f"{self._path}: the file of users cannot be read: {problem.strerror}") from None
        except UnicodeDecodeError:
            raise SignInError(f"{self._path}: the file of users is no text in UTF-8") from None
        return self._users

    def who(self, name: str, password: str) -> User | None:
        """The user with this name and this password. Costs a tenth of a second of processor time in any case."""
        user = self.users().get(name)
        right = matches(password[:MAX_LENGTH], user.hash if user is not None else self._nobody)
        return user if right and len(password) <= MAX_LENGTH else None


def _parsed(path: Path, text: str) -> dict[str, User]:
    users: dict[str, User] = {}
    problems = []
    for number, line in _lines(text):
        name, _, rest = line.partition(":")
        written, _, shown = rest.partition(":")
        if not _is_hash(written.strip()):
            problems.append(f"{path}, line {number}: expected name:hash as `mlsys-labs password` writes it")
        elif name.strip() in users:
            problems.append(f"{path}, line {number}: {name.strip()} appears twice")
        else:
            users[name.strip()] = User(name.strip(), written.strip(), shown.strip() or name.strip())
    if not users and not problems:
        problems.append(f"{path}: names nobody; `mlsys-labs password` writes lines for it")
    if problems:
        raise SignInError("\n".join(problems))
    return users


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _is_hash(written: str) -> bool:
    found = _HASH.fullmatch(written)
    if not found:
        return False
    cost, block, parallel = (int(number) for number in found.groups()[:3])
    return block > 0 and parallel > 0 and cost > 0 and 128 * block * 2**cost * parallel <= _MOST_MEMORY


def _written(password: str, salt: bytes, cost: int, block: int, parallel: int) -> str:
    """Hash in the PHC string format. Accents typed in one piece or in two are the same password."""
    typed = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    key = hashlib.scrypt(
        typed, salt=salt, n=2**cost, r=block, p=parallel, maxmem=_MOST_MEMORY + 2**20, dklen=_HASH_BYTES
    )
    return f"$scrypt$ln={cost},r={block},p={parallel}${_text(salt)}${_text(key)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
