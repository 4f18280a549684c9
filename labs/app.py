"""The suite's server: index, labs, gallery, one process or several."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable, Sequence
from http.cookies import SimpleCookie

import panel as pn
from bokeh.server.session import ServerSession
from bokeh.server.urls import per_app_patterns
from panel.io.server import DocHandler, WSHandler, get_server
from panel.viewable import Viewable

from components.page import STATUS
from labs import health, site
from labs.busy import PortBusyError
from labs.catalog import path_of
from labs.cookies import give
from labs.headers import guard
from labs.lab import Lab
from labs.not_found import NotFound
from labs.observe import endpoint
from labs.observe.metrics import PAGE_SECONDS
from labs.observe.requests import Noted, log_request, note_request
from labs.observe.sampler import Sampler
from labs.pages import THUMBNAILS, gallery_page, gallery_title, index_page, lab_page, title_of
from labs.warm import keep_drawings, warm_when_idle

HOME = "../"

#: Addresses of the suite besides its pages.
ROUTES = (*health.ROUTES, *endpoint.ROUTES)

#: What a browser that asks too early is told of when to ask again (s).
RETRY_AFTER_S = 5


class StudentDocHandler(Noted, DocHandler):
    """Gives a newcomer the signed cookie in the response's header, where no script can read it."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        guard(self, site.course().portal.origins)

    async def prepare(self) -> None:
        if (preparing := super().prepare()) is not None:
            await preparing
        who = site.identify(None, self.get_cookie(site.COOKIE))
        if who.new_token is None:
            return
        give(self, who.new_token)
        if who.notice:
            # Told to the session that this very request opens.
            arrived = SimpleCookie()
            arrived[site.REFUSED] = "yes"
            self.request.cookies.update(arrived)

    async def get_session(self) -> ServerSession:
        session = await super().get_session()
        status = session.document.template_variables.get(STATUS, 200)
        if status != 200:
            self.set_status(status)
            self.set_header("Retry-After", RETRY_AFTER_S)
        return session


class StudentWSHandler(WSHandler):
    """The connection of a page: its lines in the log bear the id of the request that opened it."""

    async def prepare(self) -> None:
        note_request(self)
        await super().prepare()


_HANDLERS: dict[type, type] = {DocHandler: StudentDocHandler, WSHandler: StudentWSHandler}


def pages() -> dict[str, Callable[[], Viewable]]:
    """Path to page, for the server. Panel wants plain functions: it would show a `partial` as text."""

    def of(lab: type[Lab]) -> Callable[[], Viewable]:
        return lambda: _timed(lambda: lab_page(lab, HOME))

    labs = {f"/{path_of(lab)}": of(lab) for lab in site.course().offered}
    return {"/": lambda: _timed(index_page), "/gallery": gallery_page, **labs}


def _timed(make: Callable[[], Viewable]) -> Viewable:
    with PAGE_SECONDS.time():
        return make()


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
    endpoint.token()
    pn.extension()
    per_app_patterns[:] = [(route, _HANDLERS.get(handler, handler)) for route, handler in per_app_patterns]
    if processes > 1:
        # The first process only looks after the others; told to end, it tidies up behind itself.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
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
            extra_patterns=list(ROUTES),
            title=titles(),
            index=None,
            keep_alive_milliseconds=20_000,
            log_function=log_request,
        )
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise PortBusyError(f"port {port} is in use; stop what runs there, or choose another with --port") from None
        raise
    _announce(address, port)
    # From here on there may be several processes, each with an outbox of its own.
    outbox = site.outbox()
    Sampler(outbox, lambda: len(server.get_sessions())).start(server.io_loop)
    warm_when_idle(server.io_loop)
    try:
        server.run_until_shutdown()
    finally:
        outbox.close()


def _announce(address: str | None, port: int) -> None:
    text = f"{site.course().title}: http://{address or 'localhost'}:{port}  (ledger: {site.store().location})"
    print(text, flush=True)
