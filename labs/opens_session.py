"""What opens a session of a page: for whom it is, and whether they may have it now."""

from __future__ import annotations

from labs import site
from labs.arrival import recognise
from labs.handlers import Guarded
from labs.telling import tell

#: With these a link or a page could choose the session that its reader gets, and share it.
CHOSEN_SESSION = ("bokeh-session-id", "bokeh-token")


class OpensSession(Guarded):
    """Mixed into the handlers that open a session."""

    private = True

    async def begin(self) -> None:
        """What comes before the question who comes: the steps of Panel's own handler, and sessions that were chosen."""
        waiting = super().prepare()
        if waiting is not None:
            await waiting
        chosen = [name for name in CHOSEN_SESSION if self.get_query_argument(name, None) is not None]
        if chosen or "Bokeh-Session-Id" in self.request.headers:
            text = "It would open somebody else's page. Leave out what follows the question mark in the address."
            tell(self, 403, "This link cannot be used", [text])

    def open_for_visitor(self) -> None:
        """Lets the session that this request opens know who comes; or has them wait, or sign in."""
        token = self.get_cookie(site.COOKIE)
        if site.course().sign_in.required:
            # There are no newcomers then.
            who = site.admitted(token)
            if who is None:
                self.turn_to_sign_in()
                return
        else:
            who = site.identify(None, token)
        if wait := site.gate().page(who.student_id if who.known else None, self.request.remote_ip or ""):
            self.refuse_for(wait)
            return
        recognise(self, who)

    def turn_to_sign_in(self) -> None:
        """Answers somebody who has to sign in first; nothing where the handler itself leads them there."""
