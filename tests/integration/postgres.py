"""A throw-away PostgreSQL server for tests: a new cluster in a temporary folder, on a free port."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HOW_TO_INSTALL = (
    "PostgreSQL is missing: no initdb on the PATH or in /usr/lib/postgresql/*/bin. "
    "Install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql) and run again."
)
PASSWORD = "throw-away"


class Cluster:
    """A PostgreSQL server of its own, which a test may take away and give back.

    With `durable` it writes through to the disk, as in real use; tests are much faster without.
    """

    def __init__(self, programs: Path, folder: Path, *, durable: bool = False) -> None:
        self._durable = durable
        self._programs, self._folder, self._port = programs, folder, _free_port()
        self._data = folder / "data"
        password_file = folder / "password"
        password_file.write_text(PASSWORD)
        if os.geteuid() == 0:
            _give_to_postgres(folder, password_file)
        _run(
            programs / "initdb",
            "--pgdata",
            self._data,
            "--username=tester",
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--encoding=UTF8",
            "--no-sync",
        )

    @property
    def url(self) -> str:
        """URL without data base name."""
        return f"postgresql://tester:{PASSWORD}@127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Number of its first process, while it runs."""
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def start(self) -> Cluster:
        """Returns when it answers."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        if not self._durable:
            # Durability across power cuts is PostgreSQL's own business.
            options += " -c fsync=off"
        self._control("--log", self._folder / "log", "-o", options, "start")
        return self

    def stop(self) -> None:
        """Takes it away as a crash does: connections break, and nobody is asked."""
        self._control("--mode=immediate", "stop")

    def _control(self, *words: object) -> None:
        _run(self._programs / "pg_ctl", "--pgdata", self._data, "--wait", *words)


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """A running server; RuntimeError where PostgreSQL is missing."""
    programs = _programs()
    if programs is None:
        raise RuntimeError(HOW_TO_INSTALL)
    # Not below pytest's own temporary folder: root's is closed to the user that must run the server.
    folder = Path(tempfile.mkdtemp(prefix="ledger-postgres-"))
    try:
        instance = Cluster(programs, folder, durable=durable).start()
        try:
            yield instance
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                instance.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def cluster_for_tests() -> Iterator[Cluster]:
    """A running server. Skips where PostgreSQL is missing, but fails in CI."""
    if _programs() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_INSTALL)
        pytest.skip(HOW_TO_INSTALL)
    with cluster() as instance:
        yield instance


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server without data base name."""
    with cluster_for_tests() as instance:
        yield instance.url


@pytest.fixture
def own_postgres() -> Iterator[Cluster]:
    """A server that a test may take away."""
    with cluster_for_tests() as instance:
        yield instance


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """URL of a new, empty data base."""
    return new_database(postgres_server)


def new_database(server: str) -> str:
    """Makes a new, empty data base on a server; its URL."""
    import psycopg

    name = f"ledger_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server}/{name}"


def _programs() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return installed[-1].parent if installed else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _give_to_postgres(*paths: Path) -> None:
    user = pwd.getpwnam("postgres")
    for path in paths:
        os.chown(path, user.pw_uid, user.pw_gid)


def _run(*command: object) -> None:
    """Runs a program of PostgreSQL, which refuses to run as root: then as the user postgres."""
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", "postgres", "--", *words]
    # The output goes to a file: the server inherits it, and a pipe would stay open as long as it runs.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(words, stdout=output, stderr=subprocess.STDOUT, cwd="/", check=False)
        if done.returncode != 0:
            output.seek(0)
            pytest.fail(f"{' '.join(words)} failed:\n{output.read().decode(errors='replace')}")
