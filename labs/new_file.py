"""Writing a file that must not be there yet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from labs.usage import UsageError


def write_new(target: Path, lines: Iterable[str]) -> None:
    """Writes `lines`, readable by its owner alone. Raises UsageError when the file exists; it is left as it is."""
    # Written beside and renamed, so that a full disk leaves no half file under the name that was asked for.
    partial = Path(f"{target}.partial")
    if target.exists():
        raise UsageError(f"{target} exists already; nothing was written")
    partial.touch(mode=0o600)
    with partial.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")
    partial.rename(target)
