"""What the suite's own addresses have in common: the headers of every answer, who asks, and who is let in."""

from __future__ import annotations

from tornado.web import HTTPError, RequestHandler

from labs import site
from labs.frames import refuse_strangers
from labs.headers import guard
from labs.observe.requests import Noted
from labs.sign_in.addresses import sign_in_for


class SiteHandler(Noted, RequestHandler):
    """A handler of the suite beside the pages that Panel serves.

    Where a course asks people to sign in, one who has not is led there first. A handler that overrides `prepare`
    calls this one.
    """

    #: Whether people are answered, too, who have not signed in where that is asked.
    open_to_all = False

    def set_default_headers(self) -> None:
        guard(self, site.course().portal.origins)

    def prepare(self) -> None:
        super().prepare()
        if refuse_strangers(self):
            return
        if self.open_to_all or not site.course().sign_in.required or self.is_signed_in:
            return
        if self.request.method not in ("GET", "HEAD"):
            raise HTTPError(403)
        self.redirect(sign_in_for(self.request.uri or "/"))

    def visit(self) -> site.Visit:
        """Who asks."""
        return site.identify(None, self.get_cookie(site.COOKIE))

    @property
    def is_signed_in(self) -> bool:
        """Whether whoever asks bears a token with a role and an end."""
        return site.admitted(self.get_cookie(site.COOKIE)) is not None
