"""The suite's server: index, labs, gallery, one process or several."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from bokeh.settings import settings as bokeh_settings
from panel.io.server import get_server
from panel.viewable import Viewable

from components.page import prepare_panel
from labs import forget, health, launch_pages, site
from labs.busy import PortBusyError
from labs.catalog import path_of
from labs.guarding import guard_every
from labs.handlers import SETTINGS, TRUSTED_PROXIES
from labs.instructor import embed, export
from labs.instructor import pages as instructor
from labs.lab import Lab
from labs.lti import handlers as lti
from labs.lti.sender import start_sending
from labs.memory import give_back_when_left, settle
from labs.not_found import NotFound
from labs.observe import endpoint
from labs.observe.metrics import PAGE_SECONDS
from labs.observe.requests import log_request
from labs.observe.sampler import Sampler
from labs.pages import THUMBNAILS, gallery_page, gallery_title, index_page, lab_page, title_of
from labs.proxies import EVERYBODY
from labs.sign_in import signed_in
from labs.sign_in.gate import gate_options
from labs.warm import keep_drawings, warm_when_idle
from ledger import MAX_BYTES

HOME = "../"

#: Addresses of the suite besides its pages.
ROUTES = (
    *health.ROUTES,
    *endpoint.ROUTES,
    *launch_pages.ROUTES,
    *forget.ROUTES,
    *lti.ROUTES,
    *signed_in.ROUTES,
    *export.ROUTES,
    *embed.ROUTES,
)

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
        return lambda: _timed(lambda: lab_page(lab, HOME))

    labs = {f"/{path_of(lab)}": of(lab) for lab in site.course().offered}
    return {"/": lambda: _timed(index_page), "/gallery": gallery_page, **labs, **instructor.pages()}


def _timed(make: Callable[[], Viewable]) -> Viewable:
    with PAGE_SECONDS.time():
        return make()


def titles() -> dict[str, str]:
    """Path to title: the server gives every page one, in place of what the page has set."""
    labs = {f"/{path_of(lab)}": title_of(lab) for lab in site.course().offered}
    return {"/": site.course().title, "/gallery": gallery_title(), **labs, **instructor.titles()}


def websocket_origins(allow_origin: Sequence[str], port: int, address: str | None) -> list[str]:
    """Hosts whose pages may open a session: the server's own, the course's public one, and its portals'."""
    course = site.course()
    own = list(allow_origin) or [f"{host}:{port}" for host in ("localhost", "127.0.0.1", address) if host]
    public = [course.base_url] if course.base_url else []
    return [*own, *(urlsplit(origin).netloc for origin in (*public, *course.portal.origins))]


def serve(
    port: int, address: str | None, allow_origin: Sequence[str], processes: int = 1, *, behind_proxy: bool = False
) -> None:
    """Serves the suite until it is stopped.

    `behind_proxy` has the server believe whoever connects about X-Forwarded-For and X-Forwarded-Proto, in place of the
    proxies that the course's file names: only where a proxy always sets them, and alone reaches the server. Raises
    PortBusyError, LedgerError for an unusable ledger, SignInError for a sign-in that lets nobody in, or KeyFileError.
    """
    # All are opened here, so that a mistake shows at the start and not to the first student.
    site.course()
    site.store()
    site.secret()
    keep_drawings()
    endpoint.token()
    key = lti.tool_key()
    gate = gate_options()
    prepare_panel()
    # Panel asks models for properties that they lack, and Bokeh would look up similar names for the message each time.
    bokeh_settings.perform_error_diagnostics = False
    if processes > 1:
        # The first process only looks after the others; told to end, it tidies up behind itself.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        server = get_server(
            pages(),
            port=port,
            address=address,
            websocket_origin=websocket_origins(allow_origin, port, address),
            start=False,
            show=False,
            verbose=False,
            num_procs=processes,
            static_dirs={"/thumbnails": str(THUMBNAILS)} if THUMBNAILS.is_dir() else {},
            default_handler_class=NotFound,
            extra_patterns=list(ROUTES),
            title=titles(),
            # Panel's model of the address would take a portal's for ours, and fetch from there what we serve.
            location=False,
            index=None,
            keep_alive_milliseconds=20_000,
            log_function=log_request,
            **SETTINGS,
            **{TRUSTED_PROXIES: EVERYBODY if behind_proxy else site.course().proxy.trusted},
            **SESSIONS,
            secret_key=site.session_key(),
            **gate,
        )
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise PortBusyError(f"port {port} is in use; stop what runs there, or choose another with --port") from None
        raise
    guard_every(server._tornado)
    _announce(address, port)
    # From here on there may be several processes, each with an outbox of its own.
    outbox = site.outbox()
    Sampler(outbox, lambda: len(server.get_sessions())).start(server.io_loop)
    warm_when_idle(server.io_loop)
    if key is not None:
        # Here each of several processes is one already: threads do not survive a fork.
        start_sending(site.store(), site.course().lti, key)
    settle()
    server.io_loop.add_callback(give_back_when_left, lambda: len(server.get_sessions()))
    try:
        server.run_until_shutdown()
    finally:
        outbox.close()


def _announce(address: str | None, port: int) -> None:
    text = f"{site.course().title}: http://{address or 'localhost'}:{port}  (ledger: {site.store().location})"
    print(text, flush=True)
