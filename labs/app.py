"""The suite's server: index, labs, gallery, one process or several."""

from __future__ import annotations

import errno
import signal
import sys
import time
from collections.abc import Callable, Sequence
from http.cookies import SimpleCookie

import panel as pn
from bokeh.server.session import ServerSession
from bokeh.server.urls import per_app_patterns
from bokeh.settings import settings as bokeh_settings
from panel.io.server import AutoloadJsHandler, DocHandler, WSHandler, get_server
from panel.viewable import Viewable
from tornado.ioloop import IOLoop

from components.page import STATUS
from labs import health, site
from labs.busy import PortBusyError
from labs.catalog import path_of
from labs.cookies import give
from labs.headers import guard
from labs.instructor import export
from labs.instructor import pages as instructor
from labs.instructor.guard import guarded
from labs.lab import Lab
from labs.lti import handlers as lti
from labs.lti.sender import start_sending
from labs.memory import give_back_when_left, settle
from labs.not_found import NotFound
from labs.observe import endpoint
from labs.observe.metrics import PAGE_SECONDS
from labs.observe.requests import Noted, log_request, note_request
from labs.observe.sampler import Sampler
from labs.pages import THUMBNAILS, gallery_page, gallery_title, index_page, lab_page, title_of
from labs.sign_in.addresses import SIGN_IN
from labs.sign_in.gate import gate_options
from labs.sign_in.signed_in import ROUTES as SIGNED_IN
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

    def get_login_url(self) -> str:
        # Panel's own is relative to the page, which leads astray from a lab's address.
        return SIGN_IN

    async def prepare(self) -> None:
        await super().prepare()
        if site.course().sign_in.required:
            return
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


class StudentAutoloadHandler(AutoloadJsHandler):
    """The script that brings a lab into another page: nothing for those who have not signed in."""

    async def prepare(self) -> None:
        await super().prepare()
        if self.current_user is None:
            self.set_status(401)
            self.finish()


class StudentSocketHandler(WSHandler):
    """The connection of a page: its lines in the log bear the id of the request that opened it.

    It is closed when the sign-in that opened it is over; the page then says so.
    """

    _ends: object = None

    async def prepare(self) -> None:
        note_request(self)
        await super().prepare()

    def open(self, *arguments: str, **named: str) -> None:
        super().open(*arguments, **named)
        who = site.admitted(self.get_cookie(site.COOKIE))
        if who is not None and who.expires is not None and site.course().sign_in.required:
            self._ends = IOLoop.current().call_later(max(0, who.expires - time.time()), self.close)

    def on_close(self) -> None:
        if self._ends is not None:
            IOLoop.current().remove_timeout(self._ends)
        super().on_close()


#: Panel's handlers of a page, and what stands in their place here.
_HANDLERS: dict[type, type] = {
    DocHandler: StudentDocHandler,
    AutoloadJsHandler: StudentAutoloadHandler,
    WSHandler: StudentSocketHandler,
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


def serve(
    port: int, address: str | None, allow_origin: Sequence[str], processes: int = 1, *, behind_proxy: bool = False
) -> None:
    """Serves the suite until it is stopped.

    `behind_proxy` has the server believe X-Real-IP, X-Forwarded-For and X-Forwarded-Proto. Raises PortBusyError,
    LedgerError for an unusable ledger, SignInError for a sign-in that lets nobody in, or KeyFileError.
    """
    # All are opened here, so that a mistake shows at the start and not to the first student.
    site.course()
    site.store()
    site.secret()
    keep_drawings()
    endpoint.token()
    key = lti.tool_key()
    gate = gate_options()
    pn.extension()
    # Panel asks models for properties that they lack, and Bokeh would look up similar names for the message each time.
    bokeh_settings.perform_error_diagnostics = False
    per_app_patterns[:] = [(route, guarded(_HANDLERS.get(handler, handler))) for route, handler in per_app_patterns]
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
            extra_patterns=[*ROUTES, *lti.ROUTES, *export.ROUTES, *SIGNED_IN],
            title=titles(),
            index=None,
            keep_alive_milliseconds=20_000,
            log_function=log_request,
            use_xheaders=behind_proxy,
            **gate,
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
