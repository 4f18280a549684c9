"""Servers as an operator starts them: a process of its own, a free port, its own ledger and secret."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from labs.catalog import path_of
from labs.lab import Lab
from ledger import DesignLedger, Store, identity, load_secret, open_store

ROOT = Path(__file__).parents[2]

#: A server that has not answered by then does not start. Importing Panel takes a few seconds on a busy machine.
START_SECONDS = 60

_TRACEBACK = "Traceback (most recent call last):"

#: Ends of tracebacks that Tornado and Bokeh write when a browser leaves while its answer is on the way.
_READER_LEFT = ("WebSocketClosedError", "StreamClosedError", "assert self._session is not None")

#: Headlines above such a traceback, as above any other: what follows decides.
_HEADLINES = ("bokeh.server.protocol_handler:error handling message", "asyncio:Task exception was never retrieved")


def free_port() -> int:
    """A loopback port that nobody uses."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SUITE = ("-m", "labs", "serve")
PANEL = ("-m", "panel", "serve")


class Site:
    """The suite as its students reach it: at one address, with one ledger and one secret."""

    def __init__(self, folder: Path, url: str, ledger: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.url = url
        self.ledger_address = ledger
        self.secret_path = folder / "secret"
        self._store: Store | None = None

    def address_of(self, lab: type[Lab]) -> str:
        """Where a lab is."""
        return f"{self.url}/{path_of(lab)}"

    def complaints(self) -> str:
        """What the servers have logged of errors and tracebacks since they were last asked."""
        raise NotImplementedError

    def store(self) -> Store:
        """The ledger, opened from outside."""
        self._store = self._store or open_store(self.ledger_address)
        return self._store

    def student_id(self, token: str) -> str:
        """Whom a cookie of this site stands for."""
        return identity.read(token, load_secret(self.secret_path))

    def ledger(self, student_id: str) -> DesignLedger:
        """The ledger of one student as it is stored."""
        return DesignLedger(self.store(), student_id)


class Server(Site):
    """A server of the suite, or `panel serve` with some of its files, on this machine."""

    def __init__(
        self, folder: Path, command: Sequence[str] = SUITE, *, ledger: str | None = None, **environment: str
    ) -> None:
        self._environment = environment
        self.ledger_path = folder / "ledger.db"
        self.port = free_port()
        super().__init__(folder, f"http://localhost:{self.port}", ledger or str(self.ledger_path))
        self.log_path = folder / f"server-{self.port}.log"
        self._command = [sys.executable, *command, "--port", str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None
        self._read_to = 0

    def address_of(self, lab: type[Lab]) -> str:
        """Where a lab is: Panel names a page after its file, without the folder."""
        return f"{self.url}/{lab.slug}" if "panel" in self._command else super().address_of(lab)

    # --- life ------------------------------------------------------------------------------------------------

    def allow_origin(self, host: str) -> None:
        """Lets pages of this host open websockets, from the next start on."""
        self._command += ["--allow-origin", host]

    def start(self) -> Server:
        """Starts the process and waits until it answers."""
        self.launch()
        self.await_answer()
        return self

    def launch(self) -> None:
        """Starts the process."""
        environment = {
            **os.environ,
            "MLSYS_LABS_LEDGER": self.ledger_address,
            "MLSYS_LABS_SECRET_FILE": str(self.secret_path),
            "MLSYS_LABS_CACHE": str(ROOT / "build" / "drawings"),
            "PYTHONUNBUFFERED": "1",
            **self._environment,
        }
        environment.pop("MLSYS_LABS_SECRET", None)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def await_answer(self) -> None:
        """Returns once the server answers; fails with its log if it does not."""
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/favicon.ico", timeout=5).close()
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
            else:
                return
        self.kill()
        raise RuntimeError(f"the server did not start:\n{self.log_path.read_text()}")

    def stop(self) -> None:
        """Ends the server as an operator does (SIGTERM); whatever does not end is killed."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the server and its workers at once, without a chance to write anything (SIGKILL)."""
        self._end(signal.SIGKILL)

    @property
    def pid(self) -> int:
        """The number of the running process."""
        assert self._process is not None
        return self._process.pid

    def pauses(self) -> None:
        """Stops the process where it is: whatever is asked of it waits."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def goes_on(self) -> None:
        """Lets a paused process go on."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for step in (how, signal.SIGKILL):
            try:
                os.killpg(process.pid, step)
            except ProcessLookupError:
                break
            try:
                process.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                continue

    # --- what it wrote ---------------------------------------------------------------------------------------

    def complaints(self) -> str:
        """What the server has logged of errors and tracebacks since it was last asked."""
        with self.log_path.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._read_to)
            text = log.read()
            self._read_to = log.tell()
        failed = [part for part in text.split(_TRACEBACK)[1:] if not any(end in part for end in _READER_LEFT)]
        errors = [line for line in text.splitlines() if line.startswith("ERROR") and not line.endswith(_HEADLINES)]
        return text if failed or errors else ""
