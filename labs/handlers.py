"""What the suite's own addresses have in common: the headers of every answer, who may frame it, and who asks."""

from __future__ import annotations

from tornado.web import RequestHandler

from labs import site
from labs.frames import refuse_strangers
from labs.headers import guard


class SiteHandler(RequestHandler):
    """A handler of the suite beside the pages that Panel serves."""

    def set_default_headers(self) -> None:
        guard(self, site.course().portal.origins)

    def prepare(self) -> None:
        refuse_strangers(self)

    def visit(self) -> site.Visit:
        """Who asks."""
        return site.identify(None, self.get_cookie(site.COOKIE))
