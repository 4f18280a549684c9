"""The suite's server: index, labs, gallery, one process or several."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence
from http.cookies import SimpleCookie

import panel as pn
from bokeh.server.urls import per_app_patterns
from panel.io.server import AutoloadJsHandler, DocHandler, WSHandler, get_server
from panel.viewable import Viewable
from tornado.ioloop import IOLoop

from labs import site
from labs.busy import PortBusyError
from labs.catalog import path_of
from labs.cookies import give
from labs.headers import guard
from labs.health import ROUTES as HEALTH
from labs.lab import Lab
from labs.not_found import NotFound
from labs.pages import THUMBNAILS, gallery_page, gallery_title, index_page, lab_page, title_of
from labs.sign_in.addresses import SIGN_IN
from labs.sign_in.gate import gate_options
from labs.sign_in.signed_in import ROUTES as SIGNED_IN
from labs.warm import keep_drawings, warm_when_idle

HOME = "../"


class StudentDocHandler(DocHandler):
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


class StudentAutoloadHandler(AutoloadJsHandler):
    """The script that brings a lab into another page: nothing for those who have not signed in."""

    async def prepare(self) -> None:
        await super().prepare()
        if self.current_user is None:
            self.set_status(401)
            self.finish()


class StudentSocketHandler(WSHandler):
    """Closes a page's websocket when the sign-in that opened it is over; the page then says so."""

    _ends: object = None

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
_HANDLERS = {DocHandler: StudentDocHandler, AutoloadJsHandler: StudentAutoloadHandler, WSHandler: StudentSocketHandler}


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
    """Serves the suite until it is stopped.

    Raises PortBusyError, LedgerError for an unusable ledger, or SignInError for a sign-in that lets nobody in.
    """
    # All are opened here, so that a mistake shows at the start and not to the first student.
    site.course()
    site.store()
    site.secret()
    keep_drawings()
    gate = gate_options()
    pn.extension()
    per_app_patterns[:] = [(route, _HANDLERS.get(handler, handler)) for route, handler in per_app_patterns]
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
            extra_patterns=[*HEALTH, *SIGNED_IN],
            title=titles(),
            index=None,
            keep_alive_milliseconds=20_000,
            **gate,
        )
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise PortBusyError(f"port {port} is in use; stop what runs there, or choose another with --port") from None
        raise
    print(
        f"{site.course().title}: http://{address or 'localhost'}:{port}  (ledger: {site.store().location})", flush=True
    )
    warm_when_idle(server.io_loop)
    server.run_until_shutdown()
