"""The file that keeps waiting changes through the end of a process, and the folder of such files.

Each process has a file of its own, locked as long as the process lives. The file of a process that has ended is taken
over by another one. Room for some thousand changes is reserved when the file is made, so that a disk that
fills up later does not take this last resort with it. What students did stands in these files: only their owner reads
them.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger.operations import Operation, as_record, from_record
from ledger.plain import from_text, to_text

try:
    import fcntl
except ImportError:  # Windows: there a suite has one process, which finds nothing but files of earlier ones
    fcntl = None  # type: ignore[assignment]

RESERVED_BYTES = 1 << 20
"""Room that the file of a process takes from the start."""

_PATTERN = "queue-*.jsonl"
_log = logging.getLogger(__name__)


class Spool:
    """The file of this process in `folder`. Every method raises OSError when the disk does not play along."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / f"queue-{secrets.token_hex(8)}.jsonl"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        _lock(self._file)
        self._end = 0
        self._reserve()

    def _reserve(self) -> None:
        if not hasattr(os, "posix_fallocate"):
            return
        try:
            os.posix_fallocate(self._file, 0, RESERVED_BYTES)
        except OSError as problem:
            _log.warning("no room could be reserved in %s: %s", self._path, problem)

    def append(self, operations: Iterable[Operation]) -> None:
        """Adds changes; they are on the disk when this returns, all of them or none."""
        data = "".join(f"{to_text(as_record(one))}\n" for one in operations).encode("ascii")
        self._write(data, self._end)
        self._end += len(data)

    def clear(self) -> None:
        """Forgets everything, and keeps the room."""
        if self._end > RESERVED_BYTES:
            os.ftruncate(self._file, RESERVED_BYTES)
        # Zeros from the front: what a crash leaves behind them is not read.
        self._write(bytes(min(self._end, RESERVED_BYTES)), 0)
        self._end = 0

    def _write(self, data: bytes, at: int) -> None:
        os.lseek(self._file, at, os.SEEK_SET)
        left = memoryview(data)
        while left:
            written = os.write(self._file, left)
            if written == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            left = left[written:]
        os.fsync(self._file)

    def close(self) -> None:
        """Lets go of the file: for good if it is empty, else another process will take it over."""
        if self._file < 0:
            return
        if self._end == 0:
            self._path.unlink(missing_ok=True)
        os.close(self._file)
        self._file = -1

    def left_behind(self) -> Iterator[tuple[Path, list[Operation]]]:
        """The files of processes that have ended, with what waits in each; the caller removes each when it has it."""
        for path in sorted(self.folder.glob(_PATTERN)):
            if path == self._path:
                continue
            try:
                file = os.open(path, os.O_RDWR)
            except FileNotFoundError:
                continue  # another process was faster
            try:
                if _lock(file) and path.exists():
                    yield path, _read(path)
            finally:
                os.close(file)

    def put_aside(self, operation: Operation, why: str) -> None:
        """Keeps a change that the store refuses for good, for an operator to look at."""
        name = self.folder / "refused.jsonl"
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, f"{to_text({'why': why, 'operation': as_record(operation)})}\n".encode("ascii"))
            os.fsync(file)
        finally:
            os.close(file)


def _lock(file: int) -> bool:
    """Locks a file until it is closed; False if a living process has it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> list[Operation]:
    text, _, _ = path.read_bytes().partition(b"\0")
    lines = text.split(b"\n")
    found = []
    # What stands behind the last line end was being written when the process ended.
    for number, line in enumerate(lines[:-1], start=1):
        try:
            found.append(from_record(from_text(line.decode("ascii"))))
        except ValueError as problem:
            damaged = path.with_suffix(".damaged")
            damaged.write_bytes(text)
            os.chmod(damaged, 0o600)
            _log.error("line %d of %s cannot be read (%s); a copy is kept as %s", number, path, problem, damaged)
    return found
