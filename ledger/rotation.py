"""Changing the secret of an installation: a new one signs from now on, the earlier ones are still read for a while.

Earlier secrets stand in a file beside the secret, with the moment until which a token they signed is believed. They
are kept after that, too: the pseudonym of a signed-in student follows from the secret of their first visit.
"""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ledger.clock import from_iso, now, to_iso
from ledger.errors import LedgerError
from ledger.identity import load_secret
from ledger.plain import from_text, to_text
from ledger.secret_strength import SECRET_BYTES


@dataclass(frozen=True)
class Earlier:
    """A secret that was in use, and until when its tokens are believed."""

    secret: bytes
    until: datetime


def earlier_file(path: str | os.PathLike[str]) -> Path:
    """Where the earlier secrets of the secret file at `path` are."""
    return Path(f"{os.fspath(path)}.earlier")


def earlier_secrets(path: str | os.PathLike[str]) -> tuple[Earlier, ...]:
    """The earlier secrets, the latest first; none when there never was another. LedgerError for a damaged file."""
    file = earlier_file(path)
    if not file.exists():
        return ()
    try:
        rows = from_text(file.read_text(encoding="ascii"))
        return tuple(Earlier(base64.b64decode(row["secret"]), from_iso(row["until"])) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"The file of earlier secrets {file} cannot be used: {error}. Restore it.") from error


def rotate(path: str | os.PathLike[str], days: int) -> datetime:
    """Puts a new secret in place of that at `path`; tokens of the old one are believed for so many days.

    Returns until when. Servers use the new one once they are started again. Raises LedgerError when a file cannot
    be written; the secret that was in use is then still in use, or among the earlier ones.
    """
    until = now() + timedelta(days=days)
    old = Earlier(load_secret(path), until)
    # Whoever rotates twice in a row, because a secret has leaked, means both.
    rows = [old, *(Earlier(row.secret, min(row.until, until)) for row in earlier_secrets(path))]
    written = [{"secret": base64.b64encode(row.secret).decode(), "until": to_iso(row.until)} for row in rows]
    try:
        _replace(earlier_file(path), to_text(written, indent=1).encode())
        _replace(Path(path), secrets.token_bytes(SECRET_BYTES))
    except OSError as error:
        raise LedgerError(f"The secret at {os.fspath(path)} could not be changed: {error}.") from error
    return until


def _replace(file: Path, content: bytes) -> None:
    """The whole of a file, for its owner alone, on the disk before it takes the place of the old one."""
    fresh = file.with_name(f"{file.name}.new-{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    os.replace(fresh, file)
