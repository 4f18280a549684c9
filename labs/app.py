"""The suite's server: index, labs, gallery, one process or several."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import panel as pn
from bokeh.server.urls import per_app_patterns
from panel.io.server import AutoloadJsHandler, DocHandler, get_server
from panel.viewable import Viewable

from labs import health, launch_pages, portal_script, site
from labs.arrival import recognise, turned_away
from labs.busy import PortBusyError
from labs.catalog import path_of
from labs.frames import refuse_strangers
from labs.headers import guard
from labs.instructor import embed
from labs.lab import Lab
from labs.not_found import NotFound
from labs.pages import THUMBNAILS, gallery_page, gallery_title, index_page, lab_page, title_of
from labs.portal_script import PortalScriptHandler
from labs.warm import warm_when_idle

HOME = "../"

#: Addresses of the suite beside its pages.
ROUTES = (*health.ROUTES, *launch_pages.ROUTES, *portal_script.ROUTES, *embed.ROUTES)


class StudentDocHandler(DocHandler):
    """A page for whoever comes: a newcomer, somebody who is known, somebody who was launched."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        guard(self, site.course().portal.origins)

    async def prepare(self) -> None:
        if refuse_strangers(self):
            return
        await super().prepare()
        if not turned_away(self):
            recognise(self)


#: What serves a page in place of Panel's own handlers.
HANDLERS = {DocHandler: StudentDocHandler, AutoloadJsHandler: PortalScriptHandler}


def pages() -> dict[str, Callable[[], Viewable]]:
    """Path to page, for the server. Panel wants plain functions: it would show a `partial` as text."""

    def of(lab: type[Lab]) -> Callable[[], Viewable]:
        return lambda: lab_page(lab, HOME)

    return {"/": index_page, "/gallery": gallery_page, **{f"/{path_of(lab)}": of(lab) for lab in site.course().offered}}


def titles() -> dict[str, str]:
    """Path to title: the server gives every page one, in place of what the page has set."""
    labs = {f"/{path_of(lab)}": title_of(lab) for lab in site.course().offered}
    return {"/": site.course().title, "/gallery": gallery_title(), **labs}


def websocket_origins(allow_origin: Sequence[str], port: int, address: str | None) -> list[str]:
    """Hosts whose pages may open a session: the server's own, the course's public one, and its portals'."""
    course = site.course()
    own = list(allow_origin) or [f"{host}:{port}" for host in ("localhost", "127.0.0.1", address) if host]
    public = [course.base_url] if course.base_url else []
    return [*own, *(urlsplit(origin).netloc for origin in (*public, *course.portal.origins))]


def serve(
    port: int, address: str | None, allow_origin: Sequence[str], processes: int = 1, behind_proxy: bool = False
) -> None:
    """Serves the suite until it is stopped. Raises PortBusyError, or LedgerError for an unusable ledger.

    `behind_proxy`: what X-Forwarded-Proto and X-Forwarded-For say is believed. Only where a proxy always sets them,
    and nobody reaches the server but through it.
    """
    # All are opened here, so that a mistake shows at the start and not to the first student.
    site.course()
    site.store()
    site.secret()
    pn.extension()
    per_app_patterns[:] = [(route, HANDLERS.get(handler, handler)) for route, handler in per_app_patterns]
    try:
        server = get_server(
            pages(),
            port=port,
            address=address,
            websocket_origin=websocket_origins(allow_origin, port, address),
            use_xheaders=behind_proxy or site.course().behind_proxy,
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
