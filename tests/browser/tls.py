"""HTTPS in front of a server of the tests, as a reverse proxy gives it: a throw-away certificate, X-Forwarded-Proto."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

#: Answered here and not by the server: sets one cookie of either kind, and says which came.
PROBE = "/cookie-probe"


def certificate(folder: Path) -> Path:
    """A file with a new key and a certificate for localhost, signed by itself, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    file = folder / "localhost.pem"
    file.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + signed.public_bytes(encoding)
    )
    return file


class TlsFront:
    """A TLS terminator on a free port; one connection carries one request, or one WebSocket."""

    def __init__(self, folder: Path, port: int) -> None:
        self._target = port
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate(folder))
        self._loop = asyncio.new_event_loop()
        self.port = 0

    def start(self) -> TlsFront:
        """Begins to listen, in a thread of its own."""
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.port = server.sockets[0].getsockname()[1]
        return self

    @property
    def url(self) -> str:
        """The origin under which browsers reach the server."""
        return f"https://localhost:{self.port}"

    def stop(self) -> None:
        """Stops to listen."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            if head[0].split(" ")[1].startswith(PROBE):
                writer.write(_probed(head))
            else:
                await self._pass_on(head, reader, writer)
        with contextlib.suppress(OSError):
            writer.close()

    async def _pass_on(self, head: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upgrade = any(line.lower().startswith("upgrade:") for line in head)
        lines = [line for line in head if line and (upgrade or not line.lower().startswith("connection:"))]
        lines += ["X-Forwarded-Proto: https", *([] if upgrade else ["Connection: close"]), "", ""]
        back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        forth.write("\r\n".join(lines).encode("latin-1"))
        onward = asyncio.create_task(_relay(reader, forth))
        await _relay(back, writer)
        onward.cancel()
        forth.close()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def _probed(head: list[str]) -> bytes:
    came = next((line.partition(":")[2].strip() for line in head if line.lower().startswith("cookie:")), "")
    body = f"<link rel=icon href=data:,><p>{came}</p>"
    lines = [
        "HTTP/1.1 200 OK",
        "Content-Type: text/html",
        "Cache-Control: no-store",
        "Set-Cookie: plain=1; Secure; SameSite=None",
        "Set-Cookie: parted=1; Secure; SameSite=None; Partitioned; Path=/",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "",
        body,
    ]
    return "\r\n".join(lines).encode()
