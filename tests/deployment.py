"""The suite as deploy/ describes it, on loopback: nginx as configured there, several processes, a ledger."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from labs.catalog import name_of
from labs.lab import Lab
from tests.browser.server import ROOT, SUITE, Server, Site, free_port
from tests.install_system import nginx

DEPLOY = ROOT / "deploy"

#: nginx is up in a moment, or not at all.
START_SECONDS = 20

_MAIN = """
{user}
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    include {mime_types};
    default_type application/octet-stream;
    sendfile on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/mlsys-labs.conf;
}}
"""


class Nginx:
    """An nginx with the configuration of deploy/, in front of processes on these ports."""

    def __init__(self, folder: Path, static: Path, ports: Sequence[int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.plain_port, self.port = free_port(), free_port()
        self.access_log = folder / "mlsys-labs.access.log"
        self._certificate()
        self._write_configuration(static, ports)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def certificate(self) -> Path:
        """The certificate that it shows, which nobody has signed."""
        return self.folder / "fullchain.pem"

    def start(self) -> None:
        """Starts nginx and waits until it answers."""
        program = nginx()
        assert program is not None, "nginx is missing: python -m tests.install_system"
        with (self.folder / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                [program, "-p", str(self.folder), "-c", "nginx.conf", "-g", "daemon off;"],
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.answer("/metrics") == 404:
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"nginx did not start:\n{(self.folder / 'console.log').read_text()}")

    def answer(self, path: str) -> int:
        """The status of an answer over HTTPS; 0 if there is none."""
        try:
            with urllib.request.urlopen(f"https://localhost:{self.port}{path}", timeout=10, context=self.tls()) as got:
                return int(got.status)
        except urllib.error.HTTPError as refused:
            return int(refused.code)
        except OSError:
            return 0

    def tls(self) -> ssl.SSLContext:
        """For clients that trust its certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    @property
    def pid(self) -> int:
        """The number of the master process."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Ends nginx and its workers."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(timeout=10)

    def _certificate(self) -> None:
        key, certificate = str(self.folder / "privkey.pem"), str(self.certificate)
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run(
            [*command, "-days", "2", *names, "-keyout", key, "-out", certificate], check=True, capture_output=True
        )

    def _write_configuration(self, static: Path, ports: Sequence[int]) -> None:
        """The files of deploy/ with the paths and ports of this machine in place of an operator's."""
        folder = str(self.folder)
        site = (DEPLOY / "nginx" / "mlsys-labs.conf").read_text(encoding="utf-8")
        for written, here in (
            ("include /etc/nginx/mlsys-labs/upstream.conf;", f"include {folder}/upstream.conf;"),
            ("    listen [::]:80;\n", ""),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"),
            ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"),
            ("https://$host$request_uri", f"https://$host:{self.port}$request_uri"),
            ("/etc/ssl/labs.example.edu", folder),
            ("server_name labs.example.edu;", "server_name localhost;"),
            ("/var/log/nginx", folder),
            ("root /var/lib/mlsys-labs/static;", f"root {static};"),
        ):
            assert written in site, f"deploy/nginx/mlsys-labs.conf has no {written!r}"
            site = site.replace(written, here)
        upstream = (DEPLOY / "nginx" / "upstream.conf").read_text(encoding="utf-8")
        (server,) = {re.sub(r":\d+", ":{}", line) for line in upstream.splitlines(True) if "server 127.0.0.1" in line}
        first, last = upstream.index("    server"), upstream.index("    keepalive")
        servers = "".join(server.format(port) for port in ports)
        user = "user root;" if os.geteuid() == 0 else ""
        main = _MAIN.format(folder=folder, user=user, mime_types=_mime_types())
        (self.folder / "mlsys-labs.conf").write_text(site, encoding="utf-8")
        (self.folder / "upstream.conf").write_text(upstream[:first] + servers + upstream[last:], encoding="utf-8")
        (self.folder / "nginx.conf").write_text(main, encoding="utf-8")


def _mime_types() -> str:
    for path in ("/etc/nginx/mime.types", "/opt/homebrew/etc/nginx/mime.types", "/usr/local/etc/nginx/mime.types"):
        if Path(path).is_file():
            return path
    raise AssertionError("nginx has no mime.types where Debian and Homebrew put it")


def allocator() -> dict[str, str]:
    """Where processes take their memory from, as the service of deploy/ says."""
    service = (DEPLOY / "systemd" / "mlsys-labs@.service").read_text(encoding="utf-8")
    return dict(re.findall(r"^Environment=(PYTHONMALLOC)=(\S+)$", service, re.MULTILINE))


class Deployment(Site):
    """nginx, server processes and their ledger; started and stopped together."""

    def __init__(self, folder: Path, ledger: str, processes: int = 2, *, offered: Sequence[type[Lab]] = ()) -> None:
        """With `offered`, a course that offers these labs alone, for which less has to be drawn in advance."""
        self.static = folder / "static"
        options = ["--behind-proxy", "--address", "127.0.0.1"]
        if offered:
            file = folder / "course.toml"
            file.write_text(f"[labs]\noffered = {[name_of(lab) for lab in offered]}\n", encoding="utf-8")
            options += ["--course", str(file)]
        self.servers = [
            Server(folder / "suite", (*SUITE, *options), ledger=ledger, **allocator()) for _ in range(processes)
        ]
        self.nginx = Nginx(folder / "nginx", self.static, [server.port for server in self.servers])
        super().__init__(folder / "suite", f"https://localhost:{self.nginx.port}", ledger)
        for server in self.servers:
            server.allow_origin(f"localhost:{self.nginx.port}")

    def start(self) -> Deployment:
        """Writes the static files, starts everything, and waits until a page would be answered."""
        subprocess.run(
            [sys.executable, "-m", "labs", "static", "--out", str(self.static)], cwd=ROOT, check=True, stdout=2
        )
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.await_answer()
        self.nginx.start()
        return self

    def stop(self) -> None:
        """Ends everything that runs."""
        self.nginx.stop()
        for server in self.servers:
            server.stop()
        self.store().close()

    def complaints(self) -> str:
        """What the processes have logged of errors."""
        return "".join(server.complaints() for server in self.servers)

    def requests(self, path: str) -> list[str]:
        """The lines of the access log about a path. nginx writes them when it has answered: waits for the first."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            lines = self.nginx.access_log.read_text(encoding="utf-8").splitlines()
            if found := [line for line in lines if f'"GET {path} ' in line]:
                return found
            time.sleep(0.05)
        raise AssertionError(f"nginx has logged no request for {path}")


def can_deploy() -> bool:
    """Whether the programs are here that a deployment consists of."""
    return nginx() is not None and shutil.which("openssl") is not None
