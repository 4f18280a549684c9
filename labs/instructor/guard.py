"""Nobody but an instructor reaches the instructor's addresses: not their pages, nor the WebSocket behind them."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler

from labs import site
from labs.handlers import SiteHandler
from labs.instructor.addresses import is_instructors
from labs.telling import ALL_LABS, tell


def refuse(handler: RequestHandler) -> None:
    """Answers 403 with a page that says who may see this, and where everybody else finds their labs."""
    if site.course().sign_in.required:
        how = "If you are one, sign in again: a sign-in ends after some hours."
    else:
        how = (
            "If you are one, open a new link, which lasts for some hours: mlsys-labs launch-link --role instructor "
            "prints it where the labs are served."
        )
    text = f"It is for those who teach the course, and this browser is not known as an instructor's. {how}"
    tell(handler, 403, "This page is for instructors", [text], [ALL_LABS])


def guarded(handler: type[RequestHandler]) -> type[RequestHandler]:
    """A handler of an application's page, WebSocket, script or description that asks first who comes.

    It asks again with every request: that a page was given to an instructor opens its WebSocket to nobody else.
    """

    class Guarded(handler):  # type: ignore[misc, valid-type]
        async def prepare(self) -> None:
            if is_instructors(self.application_context.url):
                who = site.identify(None, self.get_cookie(site.COOKIE))
                if not who.teaches:
                    refuse(self)
                    return
            waiting: Any = super().prepare()
            if waiting is not None:
                await waiting

    Guarded.__name__ = Guarded.__qualname__ = f"Guarded{handler.__name__}"
    return Guarded


class InstructorHandler(SiteHandler):
    """A handler of the suite for instructors alone."""

    def prepare(self) -> None:
        super().prepare()
        if not self._finished and not self.visit().teaches:
            refuse(self)
