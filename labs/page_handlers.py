"""What serves the pages of the suite in place of Panel's own handlers, narrowed to what the suite needs of them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bokeh.server.session import ServerSession
from bokeh.util.token import get_session_id
from panel.io.server import AutoloadJsHandler, ComponentResourceHandler, DocHandler, WSHandler
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

from components.page import STATUS
from labs import site
from labs.arrival import turned_away
from labs.frames import refuse_strangers
from labs.handlers import Guarded
from labs.opens_session import OpensSession
from labs.portal_script import ComponentFileHandler, PortalScriptHandler
from labs.sign_in.addresses import SIGN_IN

#: What a browser that asks too early is told of when to ask again (s).
RETRY_AFTER_S = 5

#: How long the messages of one page are worked on before others get their turn (s).
TURN_S = 0.005

#: Messages of a browser that are taken up. None of them replaces the document of a session.
MESSAGES = frozenset({"PATCH-DOC", "PULL-DOC-REQ", "SERVER-INFO-REQ"})


class StudentDocHandler(OpensSession, DocHandler):
    """A page for whoever comes: a newcomer, somebody who is known, somebody who was launched."""

    def get_login_url(self) -> str:
        # Panel's own is relative to the page, which leads astray from a lab's address.
        return SIGN_IN

    async def prepare(self) -> None:
        if refuse_strangers(self):
            return
        await self.begin()
        if not self._finished and not turned_away(self):
            self.open_for_visitor()

    async def get_session(self) -> ServerSession:
        session = await super().get_session()
        session.document.template_variables["nonce"] = self.nonce
        status = session.document.template_variables.get(STATUS, 200)
        if status != 200:
            self.set_status(status)
            self.set_header("Retry-After", RETRY_AFTER_S)
        return session


class StudentSocketHandler(Guarded, WSHandler):
    """The socket of a page: what does not belong on it closes it, and what comes too fast waits its turn.

    It is closed when the sign-in that opened it is over; the page then says so.
    """

    _ends: object = None
    _used_s = 0.0

    def open(self, *arguments: str, **named: str) -> None:
        super().open(*arguments, **named)
        who = site.admitted(self.get_cookie(site.COOKIE))
        ends = who is not None and (site.course().sign_in.required or who.teaches)
        if who is not None and ends and who.expires is not None:
            self._ends = IOLoop.current().call_later(max(0, who.expires - time.time()), self.close)

    def on_close(self) -> None:
        if self._ends is not None:
            IOLoop.current().remove_timeout(self._ends)
        super().on_close()

    async def on_message(self, fragment: str | bytes) -> None:
        began = time.perf_counter()
        await super().on_message(fragment)
        # What has arrived already is read without a pause: others get their turn here. Not after each message: a page
        # that has sent ten small ones would wait ten turns, and in a crowd seconds, for what takes no time.
        self._used_s += time.perf_counter() - began
        if self._used_s > TURN_S:
            self._used_s = 0.0
            await asyncio.sleep(0)

    async def _handle(self, message: Any) -> Any:
        if message.msgtype not in MESSAGES:
            self._protocol_error(f"{message.msgtype} is not taken from a browser")
            return None
        session_id = get_session_id(self._token)
        # Tornado reads on once this one is done: a page that sends faster waits in its own socket, and loses nothing.
        while wait := site.gate().change(session_id):
            await asyncio.sleep(wait)
        return await super()._handle(message)


#: What stands in place of each handler of Panel.
IN_PLACE_OF: dict[type[RequestHandler], type[RequestHandler]] = {
    DocHandler: StudentDocHandler,
    AutoloadJsHandler: PortalScriptHandler,
    WSHandler: StudentSocketHandler,
    ComponentResourceHandler: ComponentFileHandler,
}
