"""Making a file that several processes may want to make at the same moment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable

from ledger.errors import LedgerError


def publish(path: str, make: Callable[[str], None]) -> bool:
    """Lets `make` write a private file beside `path`, then names it `path` unless that exists by then.

    Returns whether this process was the one. All others find the complete file of the first; nobody ever
    finds half a file. The file is readable and writable by its owner alone.
    """
    temporary = f"{path}.new-{secrets.token_hex(8)}"
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        make(temporary)
        _sync(temporary)
        try:
            os.link(temporary, path)  # unlike a rename it never replaces a file
        except FileExistsError:
            return False
        except OSError as error:
            raise LedgerError(
                f"{path} cannot be made here: the file system has no hard links ({error}); use a local disk."
            ) from error
    finally:
        os.unlink(temporary)
    _sync(os.path.dirname(path) or ".")
    return True


def _sync(path: str) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    if os.path.isdir(path) and os.name == "nt":
        return  # Windows cannot sync a folder
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
