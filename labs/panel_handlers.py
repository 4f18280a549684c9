"""The handlers of Panel and Bokeh, narrowed to what the suite needs of them."""

from __future__ import annotations

import asyncio
import sys
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from bokeh.server.session import ServerSession
from bokeh.util.token import get_session_id
from panel.io.server import AutoloadJsHandler, ComponentResourceHandler, DocHandler, WSHandler
from tornado.web import HTTPError

from labs import site
from labs.cookies import give
from labs.handlers import Guarded

#: With these a link or a page could choose the session that its reader gets, and share it.
CHOSEN_SESSION = ("bokeh-session-id", "bokeh-token")

#: Messages of a browser that are taken up. None of them replaces the document of a session.
MESSAGES = frozenset({"PATCH-DOC", "PULL-DOC-REQ", "SERVER-INFO-REQ"})

#: Of these packages Panel may hand out files: those that pages are made of.
PACKAGES = ("components", "panel")


class OpensSession(Guarded):
    """Mixed into the handlers that open a session: for whom it is, and whether they may have it now."""

    private = True

    async def prepare(self) -> None:
        await super().prepare()  # type: ignore[misc]
        chosen = [name for name in CHOSEN_SESSION if self.get_query_argument(name, None) is not None]
        if chosen or "Bokeh-Session-Id" in self.request.headers:
            self.refuse(
                403,
                "This link cannot be used",
                "It would open somebody else's page. Leave out what follows the question mark in the address.",
            )
            return
        who = site.identify(None, self.get_cookie(site.COOKIE))
        if wait := site.gate().page(who.student_id if who.known else None, self.request.remote_ip or ""):
            self.refuse_for(wait)
            return
        if who.new_token is not None:
            give(self, who.new_token)
        arrived = SimpleCookie()
        # What the request brings is written into the page, signed but readable by its scripts. The cookie, which no
        # script can read, stays out of it: in its place goes a pass that ends before the page could be saved.
        arrived[site.COOKIE] = site.passing(who)
        if who.notice:
            # Told to the session that this very request opens.
            arrived[site.REFUSED] = "yes"
        self.request.cookies.update(arrived)


class StudentDocHandler(OpensSession, DocHandler):
    """A page: gives a newcomer the signed cookie in the response's header, where no script can read it."""

    async def get_session(self) -> ServerSession:
        session = await super().get_session()
        session.document.template_variables["nonce"] = self.nonce
        return session


class StudentAutoloadHandler(OpensSession, AutoloadJsHandler):
    """The script that shows a lab in a page of a portal; to pages of others it says nothing."""

    async def prepare(self) -> None:
        # The script holds the token of a session: a page that may read it may act for the student.
        origin = self.request.headers.get("Origin")
        relation = self.request.headers.get("Sec-Fetch-Site")
        own = origin is not None and urlsplit(origin).netloc.lower() == self.request.host.lower()
        if not (own or origin in site.course().portal.origins or (origin is None and relation == "same-origin")):
            raise HTTPError(403, "a page of another site asked for a session")
        await super().prepare()

    def set_default_headers(self) -> None:
        super().set_default_headers()
        for name in ("Access-Control-Allow-Origin", "Access-Control-Allow-Headers", "Access-Control-Allow-Credentials"):
            self.clear_header(name)
        origin = self.request.headers.get("Origin")
        if origin in site.course().portal.origins:
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Access-Control-Allow-Headers", "*")
            self.set_header("Access-Control-Allow-Credentials", "true")
        self.set_header("Vary", "Origin")


class StudentSocketHandler(Guarded, WSHandler):
    """The socket of a page: what does not belong on it closes it, and what comes too fast waits its turn."""

    async def on_message(self, fragment: str | bytes) -> None:
        await super().on_message(fragment)
        # What has arrived already is read without a pause: others get their turn here.
        await asyncio.sleep(0)

    async def _handle(self, message):
        if message.msgtype not in MESSAGES:
            self._protocol_error(f"{message.msgtype} is not taken from a browser")
            return None
        session_id = get_session_id(self._token)
        # Tornado reads on once this one is done: a page that sends faster waits in its own socket, and loses nothing.
        while wait := site.gate().change(session_id):
            await asyncio.sleep(wait)
        return await super()._handle(message)


class ComponentFileHandler(Guarded, ComponentResourceHandler):
    """Scripts and style sheets of components, of modules that pages have already brought in.

    Panel imports whatever module the address names, which runs it.
    """

    def parse_url_path(self, path: str) -> str:
        module = path.partition("/")[0]
        if module.partition(".")[0] not in PACKAGES or module not in sys.modules:
            raise HTTPError(404, "no files of this module are handed out")
        return super().parse_url_path(path)


#: What stands in place of each handler of Panel.
IN_PLACE_OF = {
    DocHandler: StudentDocHandler,
    AutoloadJsHandler: StudentAutoloadHandler,
    WSHandler: StudentSocketHandler,
    ComponentResourceHandler: ComponentFileHandler,
}
