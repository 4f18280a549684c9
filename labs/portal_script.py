"""A lab in the portal's own page: the script that `server_document` asks for, and what that script loads.

A frame is refused by the browser; a script is not, so the server asks who wants it: the portals of the course, and
the site itself.
"""

from __future__ import annotations

import logging
import sys

from panel.io.server import AutoloadJsHandler, ComponentResourceHandler
from tornado.web import HTTPError, RequestHandler

from components.portal import notice_script, preparing_script
from labs import launch, site
from labs.arrival import LEDGER_GONE
from labs.concealed import conceal
from labs.cookies import give
from labs.frames import origin_of, own_origin
from labs.handlers import Guarded
from labs.opens_session import OpensSession
from ledger import LedgerError

log = logging.getLogger(__name__)

#: Part of the address that carries a launch token.
LAUNCH = "launch"

#: Of these packages files may be handed out: those that pages are made of.
PACKAGES = ("components", "panel")

_SIGN_IN = "This course asks people to sign in: please open the lab from your portal, or on the labs' own site."


def share_with_portals(handler: RequestHandler, *, credentials: bool = False) -> None:
    """Lets pages of the portals read this answer; with `credentials` also when the browser sent its cookie."""
    handler.set_header("Vary", "Origin")
    origin = handler.request.headers.get("Origin")
    if origin is not None and origin in site.course().portal.origins:
        handler.set_header("Access-Control-Allow-Origin", origin)
        if credentials:
            handler.set_header("Access-Control-Allow-Credentials", "true")


def asking_site(handler: RequestHandler) -> str | None:
    """The origin of the page that asks; None if the browser does not tell."""
    headers = handler.request.headers
    return origin_of(headers.get("Origin") or headers.get("Referer", ""))


class PortalScriptHandler(OpensSession, AutoloadJsHandler):
    """`autoload.js` for the pages of portals, and for nobody else's.

    The script holds the token of a session: a page that may read it may act for the student.
    """

    def set_default_headers(self) -> None:
        super().set_default_headers()
        for name in ("Access-Control-Allow-Origin", "Access-Control-Allow-Headers", "Access-Control-Allow-Credentials"):
            self.clear_header(name)
        share_with_portals(self, credentials=True)

    async def prepare(self) -> None:
        asking = asking_site(self)
        own = asking is None and self.request.headers.get("Sec-Fetch-Site") == "same-origin"
        if not own and asking not in (own_origin(self.request), *site.course().portal.origins):
            log.warning("a lab was refused to a page of %s, which is no portal of this course", asking or "some site")
            self.set_status(403)
            self.finish("The page that asks is no portal of this course; see [portal] in the course's file.")
            return
        await self.begin()
        if not self._finished and self._launched():
            self.open_for_visitor()

    def turn_to_sign_in(self) -> None:
        self._say(_SIGN_IN)

    async def get(self, *args: str, **kwargs: str) -> None:
        self.write(preparing_script())
        await AutoloadJsHandler.get(self, *args, **kwargs)

    def _launched(self) -> bool:
        """Takes up a launch token; whether there is nothing in the way of the lab."""
        token = self.get_query_argument(LAUNCH, None)
        if token is None:
            return True
        conceal(self.request, LAUNCH)
        try:
            give(self, launch.exchange(token))
        except launch.LaunchError as problem:
            return self._say(str(problem))
        except LedgerError as problem:
            log.error("launch: %s", problem)
            return self._say(LEDGER_GONE)
        return True

    def _say(self, why: str) -> bool:
        self.set_header("Content-Type", "application/javascript")
        self.finish(notice_script(self.get_query_argument("bokeh-autoload-element", ""), why))
        return False

    async def options(self, *args: str, **kwargs: str) -> None:
        self.set_status(204)


class ComponentFileHandler(Guarded, ComponentResourceHandler):
    """Scripts and style sheets of components, of modules that pages have already brought in.

    Panel imports whatever module the address names, which runs it. The suite's own script, as a module, is fetched
    under the rules for other origins in the page of a portal, also by a script tag.
    """

    def set_default_headers(self) -> None:
        super().set_default_headers()
        share_with_portals(self)

    def parse_url_path(self, path: str) -> str:
        module = path.partition("/")[0]
        if module.partition(".")[0] not in PACKAGES or module not in sys.modules:
            raise HTTPError(404, "no files of this module are handed out")
        return super().parse_url_path(path)
