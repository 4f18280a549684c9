"""`/forget-me`: a student has the server erase everything it holds of them."""

from __future__ import annotations

import logging

from labs import site
from labs.cookies import take
from labs.handlers import SiteHandler
from labs.telling import ALL_LABS, tell
from ledger import LedgerError, erase_student

log = logging.getLogger(__name__)

#: Where it is, from the root of the site.
ADDRESS = "forget-me"


class ForgetMe(SiteHandler):
    """Answers a POST, which a page of this site alone can make; the browser is a stranger afterwards."""

    def post(self) -> None:
        try:
            erase_student(site.store(), self.visit().student_id)
        except LedgerError as problem:
            log.error("not erased: %s", problem)
            text = "The server cannot reach its ledger at the moment. Please go back and try again later."
            tell(self, 503, "Nothing was erased", [text])
            return
        take(self)
        text = (
            "The server holds nothing of you any more: no answers, no log, no name. This browser has been signed out, "
            "and whoever opens a lab in it begins anew. Copies in backups of the server go when those are deleted."
        )
        tell(self, 200, "Everything was erased", [text], [ALL_LABS])


ROUTES = ((rf"/{ADDRESS}", ForgetMe),)
