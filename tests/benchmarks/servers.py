"""Servers under test: ours, and the peer's, each a process of its own on a free port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from labs.vol1.lab_02_ml_systems import IronLawLab
from ledger import DesignLedger, identity, load_secret, new_student_id, open_store

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Running:
    """A server that answers: its address and its process."""

    url: str
    process: psutil.Process

    def cpu_s(self) -> float:
        """CPU time spent so far, children included (s)."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(member.cpu_times()[:2]) for member in family)

    def memory_bytes(self) -> int:
        """Resident memory, children included (B)."""
        return sum(member.memory_info().rss for member in [self.process, *self.process.children(recursive=True)])


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], port: int, environment: Mapping[str, str]) -> Iterator[Running]:
    """Starts `command`, waits until it answers on `port`, stops it afterwards."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://localhost:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=2).close()
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if process.poll() is not None:
                    raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}") from None
                time.sleep(0.1)
        else:
            raise RuntimeError(f"{' '.join(command)} did not answer within 30 s")
        yield Running(url, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def suite(folder: Path) -> Iterator[Running]:
    """Our server on a ledger of its own in `folder`."""
    port = free_port()
    environment = {"MLSYS_LABS_LEDGER": str(folder / "ledger.db"), "MLSYS_LABS_SECRET_FILE": str(folder / "secret")}
    command = [sys.executable, "-m", "labs", "serve", "--port", str(port), "--address", "localhost"]
    with serving(command, port, environment) as running:
        yield running


def student_in_act2(folder: Path) -> str:
    """A student who has reached the instruments of Lab 02's second act; the cookie that stands for them."""
    student_id = new_student_id()
    lab = IronLawLab(DesignLedger(open_store(str(folder / "ledger.db")), student_id))
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "batch", 2)
    lab.answer("act1", "A")
    lab.lock("act2", 1000)
    lab.keep()
    return identity.sign(student_id, load_secret(folder / "secret"))
