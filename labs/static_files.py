"""The files that pages load, written to a folder from which a web server in front gives them out itself.

What pages load is asked of a page and of the suite's own server, so that neither names nor contents are known twice:
Bokeh's and Panel's scripts, the suite's own, icons, thumbnails.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from bokeh.server.server import Server
from panel.io.server import get_server
from tornado.httpclient import AsyncHTTPClient

from labs.pages import THUMBNAILS, gallery_page, has_thumbnail
from labs.site import course

#: Folder of files whose address names no version.
UNVERSIONED = "unversioned"

#: Kinds of file that get smaller when compressed; pictures do not.
COMPRESSED = {".js", ".css", ".json", ".svg", ".ico"}

#: The page from which the addresses are read: it shows every component, and needs neither ledger nor secret.
_PAGE = "/gallery"
_ADDRESS = re.compile(r"(?:static|components)/[^\"'\s\\<>]+|favicon\.ico")
_VERSION = re.compile(r"[0-9a-f]{8,128}")


@dataclass(frozen=True)
class StaticFile:
    """A file as the server answers it: its address and its content."""

    address: str
    content: bytes

    @property
    def path(self) -> Path:
        """Where it lies in the folder: below its version, or below `unversioned`."""
        parts = urlsplit(self.address)
        version = parse_qs(parts.query).get("v", [""])[0]
        return Path(version if _VERSION.fullmatch(version) else UNVERSIONED, unquote(parts.path).lstrip("/"))


def write_static(folder: Path) -> list[StaticFile]:
    """Writes all files, compressed ones also as .gz, and returns them.

    Files of other versions stay, so that a folder can be brought up to date while pages are open. A file is renamed
    into its place when it is complete. Raises OSError for a folder that cannot be written.
    """
    files = [*_loaded_by_pages(), *_thumbnails()]
    for file in files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        _put(target, file.content)
        if target.suffix in COMPRESSED:
            _put(target.with_name(f"{target.name}.gz"), gzip.compress(file.content, 9, mtime=0))
    return files


def _put(target: Path, content: bytes) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.chmod(0o644)
    partial.replace(target)


def _thumbnails() -> Iterator[StaticFile]:
    for lab in course().offered:
        if has_thumbnail(lab):
            name = f"{lab.key()}.png"
            yield StaticFile(f"/thumbnails/{name}", (THUMBNAILS / name).read_bytes())


def _loaded_by_pages() -> list[StaticFile]:
    server = get_server({_PAGE: gallery_page}, address="127.0.0.1", start=False, show=False, verbose=False, index=None)
    server.start()
    try:
        return server.io_loop.run_sync(lambda: _ask(server))
    finally:
        server.stop()


async def _ask(server: Server) -> list[StaticFile]:
    client = AsyncHTTPClient()
    origin = f"http://127.0.0.1:{server.port}"
    page = (await client.fetch(f"{origin}{_PAGE}")).body.decode()
    # The page itself loads the libraries; its document, which comes over the websocket, the suite's own script.
    (session,) = server.get_sessions(_PAGE)
    components = {str(model.esm) for model in session.document.models if hasattr(model, "esm")}
    addresses = {f"/{address}" for text in (page, *components) for address in _ADDRESS.findall(text)}
    return [
        StaticFile(address, (await client.fetch(f"{origin}{address}", decompress_response=False)).body)
        for address in sorted(addresses)
    ]
