"""What serves the pages of the suite in place of Panel's own handlers: who comes, who may frame them, for how long."""

from __future__ import annotations

import time

from bokeh.server.session import ServerSession
from panel.io.server import AutoloadJsHandler, DocHandler, WSHandler
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

from components.page import STATUS
from labs import site
from labs.arrival import recognise, turned_away
from labs.frames import refuse_strangers
from labs.headers import guard
from labs.instructor.guard import guarded
from labs.observe.requests import Noted, note_request
from labs.portal_script import PortalScriptHandler
from labs.sign_in.addresses import SIGN_IN

#: What a browser that asks too early is told of when to ask again (s).
RETRY_AFTER_S = 5


class StudentDocHandler(Noted, DocHandler):
    """A page for whoever comes: a newcomer, somebody who is known, somebody who was launched."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        guard(self, site.course().portal.origins)

    def get_login_url(self) -> str:
        # Panel's own is relative to the page, which leads astray from a lab's address.
        return SIGN_IN

    async def prepare(self) -> None:
        if refuse_strangers(self):
            return
        waiting = super().prepare()
        if waiting is not None:
            await waiting
        # Where people have to sign in there are no newcomers: who is not known is led to the sign-in.
        if not turned_away(self) and not site.course().sign_in.required:
            recognise(self)

    async def get_session(self) -> ServerSession:
        session = await super().get_session()
        status = session.document.template_variables.get(STATUS, 200)
        if status != 200:
            self.set_status(status)
            self.set_header("Retry-After", RETRY_AFTER_S)
        return session


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


_HANDLERS: dict[type[RequestHandler], type[RequestHandler]] = {
    DocHandler: StudentDocHandler,
    AutoloadJsHandler: PortalScriptHandler,
    WSHandler: StudentSocketHandler,
}


def in_place_of(handler: type[RequestHandler]) -> type[RequestHandler]:
    """What serves in place of one of Panel's handlers; instructors' addresses ask first who comes."""
    return guarded(_HANDLERS.get(handler, handler))
