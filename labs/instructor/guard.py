"""Nobody but an instructor reaches the instructor's addresses: not their pages, nor the WebSocket behind them."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler

from labs import site
from labs.handlers import SiteHandler
from labs.instructor.addresses import is_instructors
from labs.telling import ALL_LABS, tell
from ledger.identity import INSTRUCTOR


def refuse(handler: RequestHandler, who: site.Visit) -> None:
    """Answers 403 with a page that says who may see this, and where everybody else finds their labs."""
    if site.course().sign_in.required:
        how = "If you are one, sign in again: a sign-in ends after some hours."
    else:
        how = (
            "If you are one, open the labs from your course, or get a new link, which lets you in for some hours; "
            f"{site.LINK_COMMAND}"
        )
    if who.refused == INSTRUCTOR:
        why = "The time for which you were let in as an instructor is over."
    else:
        why = "It is for those who teach the course, and this browser is not known as an instructor's."
    text = f"{why} {how}"
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
                    refuse(self, who)
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
        if not self._finished and not (who := self.visit()).teaches:
            refuse(self, who)
