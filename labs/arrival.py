"""Who comes to a page: known by a cookie, launched without one, or new.

Where a browser keeps no cookie for a frame, the launch sends a pass along in the address. The page takes it at once,
removes it from the address, and leaves a mark there: should the page be asked for again, it must not begin a new, empty
ledger as if for a newcomer.
"""

from __future__ import annotations

import logging
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tornado.web import RequestHandler

from components.page import LAUNCHED, PASS
from labs import launch, site
from labs.concealed import conceal
from labs.cookies import give
from labs.telling import tell
from ledger import BadToken, LedgerError, identity

log = logging.getLogger(__name__)

_NO_COOKIE = (
    "This frame cannot keep a cookie, so the labs do not know you any more. What you did is kept: reload the page of "
    "the portal around it, or open the lab there again."
)
#: Said when the ledger cannot be reached; why stands in the log.
LEDGER_GONE = (
    "The ledger cannot be reached at the moment. Please try again in a minute; your link has not been used up."
)


def turned_away(handler: RequestHandler) -> bool:
    """Takes up the pass in a page's address; whether a text was answered instead of the page."""
    text = handler.get_query_argument(PASS, None)
    launched = handler.get_query_argument(LAUNCHED, None) is not None
    if text is None and (not launched or _known(handler)):
        return False
    conceal(handler.request, PASS)
    if text is None:
        tell(handler, 403, "Please open the lab from your portal again", [_NO_COOKIE])
        return True
    try:
        give(handler, launch.use_pass(text))
    except launch.LaunchError as problem:
        if _known(handler):
            return False
        tell(handler, 403, "Please open the lab from your portal again", [str(problem)])
        return True
    except LedgerError as problem:
        log.error("launch: %s", problem)
        tell(handler, 503, "The labs cannot be opened just now", [LEDGER_GONE])
        return True
    return False


def recognise(handler: RequestHandler, who: site.Visit) -> None:
    """Gives a newcomer the signed cookie in the response's header, and tells the session that opens who comes.

    What the request brings is written into the page, signed but readable by its scripts. The cookie, which no script
    can read, stays out of it: in its place goes a pass that ends before the page could be saved.
    """
    if who.new_token is not None:
        give(handler, who.new_token)
    arrived = SimpleCookie()
    arrived[site.COOKIE] = site.passing(who)
    if who.refused:
        # Told to the session that this very request opens.
        arrived[site.REFUSED] = who.refused
    handler.request.cookies.update(arrived)


def with_pass(address: str, text: str) -> str:
    """An address of the suite with a pass in its query."""
    parts = urlsplit(address)
    pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in (PASS, LAUNCHED)]
    return urlunsplit(parts._replace(query=urlencode([*pairs, (PASS, text)])))


def _known(handler: RequestHandler) -> bool:
    """Whether the browser sent the cookie of somebody whom this installation knows."""
    token = handler.get_cookie(site.COOKIE)
    try:
        return token is not None and bool(identity.read(token, site.secret()))
    except BadToken:
        return False
