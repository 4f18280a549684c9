"""The suite's server: index, labs, gallery, one process or several."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import Any

import panel as pn
from panel.io.server import get_server
from panel.viewable import Viewable

from labs import forget, health, site
from labs.busy import PortBusyError
from labs.catalog import path_of
from labs.guarding import guard_every
from labs.handlers import SETTINGS
from labs.lab import Lab
from labs.not_found import NotFound
from labs.pages import THUMBNAILS, gallery_page, gallery_title, index_page, lab_page, title_of
from labs.quiet_logs import keep_content_out
from labs.warm import keep_drawings, warm_when_idle
from ledger import MAX_BYTES

HOME = "../"

#: Largest message of a browser (bytes): a ledger file of the largest size, every character of it escaped.
LARGEST_MESSAGE = 2 * MAX_BYTES + 100_000

#: How Bokeh keeps sessions apart. Ids and tokens are signed: one that was guessed or made up opens nothing. Of what a
#: request brings, a session sees who the student is, and the page holds no more of it.
SESSIONS: dict[str, Any] = {
    "sign_sessions": True,
    "include_cookies": [site.COOKIE, site.REFUSED],
    "include_headers": ["User-Agent"],
    "websocket_max_message_size": LARGEST_MESSAGE,
}


def pages() -> dict[str, Callable[[], Viewable]]:
    """Path to page, for the server. Panel wants plain functions: it would show a `partial` as text."""

    def of(lab: type[Lab]) -> Callable[[], Viewable]:
        return lambda: lab_page(lab, HOME)

    return {"/": index_page, "/gallery": gallery_page, **{f"/{path_of(lab)}": of(lab) for lab in site.course().offered}}


def titles() -> dict[str, str]:
    """Path to title: the server gives every page one, in place of what the page has set."""
    labs = {f"/{path_of(lab)}": title_of(lab) for lab in site.course().offered}
    return {"/": site.course().title, "/gallery": gallery_title(), **labs}


def serve(port: int, address: str | None, allow_origin: Sequence[str], processes: int = 1) -> None:
    """Serves the suite until it is stopped. Raises PortBusyError, or LedgerError for an unusable ledger."""
    # All are opened here, so that a mistake shows at the start and not to the first student.
    site.course()
    site.store()
    site.secret()
    keep_drawings()
    pn.extension()
    origins = list(allow_origin) or [f"{host}:{port}" for host in ("localhost", "127.0.0.1", address) if host]
    try:
        server = get_server(
            pages(),
            port=port,
            address=address,
            websocket_origin=origins,
            start=False,
            show=False,
            verbose=False,
            num_procs=processes,
            static_dirs={"/thumbnails": str(THUMBNAILS)} if THUMBNAILS.is_dir() else {},
            default_handler_class=NotFound,
            extra_patterns=[*health.ROUTES, *forget.ROUTES],
            title=titles(),
            index=None,
            keep_alive_milliseconds=20_000,
            **SETTINGS,
            **SESSIONS,
            secret_key=site.session_key(),
        )
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise PortBusyError(f"port {port} is in use; stop what runs there, or choose another with --port") from None
        raise
    guard_every(server._tornado)
    keep_content_out()
    print(
        f"{site.course().title}: http://{address or 'localhost'}:{port}  (ledger: {site.store().location})", flush=True
    )
    warm_when_idle(server.io_loop)
    server.run_until_shutdown()
