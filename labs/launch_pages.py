"""`/launch`: a launch token is exchanged for the identity cookie, and the browser sent on without it."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from components.page import PASS
from labs import launch, site
from labs.arrival import LEDGER_GONE, with_pass
from labs.concealed import conceal
from labs.cookies import give
from labs.handlers import SiteHandler
from labs.own_path import is_own_path
from labs.telling import tell
from ledger import LedgerError

log = logging.getLogger(__name__)

TOKEN, NEXT = "token", "next"
#: Longest address that a launch leads to, in characters.
LONGEST_ADDRESS = 2001
ENTERED = "/launch/entered"
_BAD_NEXT = (
    f"The part “{NEXT}” of this link must be an address on this site that begins with /, such as "
    "/vol1/lab_02_ml_systems."
)
_NOTHING_LOST = "Nothing that you have saved is lost."


def own_address(text: str) -> bool:
    """Whether a launch may lead there: a path of this site, and no endless one."""
    return len(text) <= LONGEST_ADDRESS and is_own_path(text)


def launch_path(token: str, address: str) -> str:
    """Where a browser is let in with a token and sent on to `address`; LaunchError if that is not on this site."""
    if not own_address(address):
        raise launch.LaunchError(_BAD_NEXT)
    return f"/launch?{urlencode({TOKEN: token, NEXT: address})}"


def entered_path(address: str, token: str) -> str:
    """Where a browser that was given the cookie `token` is sent, so that it gets to `address` also if it keeps none."""
    return with_pass(f"{ENTERED}?{urlencode({NEXT: address})}", launch.pass_for(token))


class _Entrance(SiteHandler):
    """What both steps have in common: tokens in the address, which go no farther than here."""

    #: A launch is a sign-in.
    open_to_all = True
    _secret_argument = TOKEN

    def initialize(self) -> None:
        self.brought = self.get_query_argument(self._secret_argument, "")
        conceal(self.request, self._secret_argument)

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")

    def destination(self) -> str | None:
        """Where the browser is to be sent, None if that was answered already."""
        address = self.get_query_argument(NEXT, "/")
        if own_address(address):
            return address
        self.fail(400, _BAD_NEXT)
        return None

    def fail(self, status: int, why: str) -> None:
        tell(self, status, "The labs cannot be opened with this link", [why, _NOTHING_LOST])


class Launch(_Entrance):
    """`/launch?token=…&next=/vol1/lab_02_ml_systems?embed=1`"""

    def get(self) -> None:
        address = self.destination()
        if address is None:
            return
        if wait := site.gate().launch(self.request.remote_ip or ""):
            self.refuse_for(wait)
            return
        try:
            token = launch.exchange(self.brought)
        except launch.LaunchError as problem:
            self.fail(403, str(problem))
        except LedgerError as problem:
            log.error("launch: %s", problem)
            self.fail(503, LEDGER_GONE)
        else:
            give(self, token)
            # Whether the browser keeps the cookie shows with the next request.
            self.redirect(entered_path(address, token))


class Entered(_Entrance):
    """The second step: with the cookie on to the page, without it on with a pass."""

    _secret_argument = PASS

    def get(self) -> None:
        address = self.destination()
        if address is None:
            return
        try:
            bearer = launch.read_pass(self.brought)
        except launch.LaunchError as problem:
            self.fail(403, str(problem))
            return
        who = self.visit()
        kept = (who.student_id, who.role) == (bearer.student_id, bearer.role)
        self.redirect(address if kept else with_pass(address, self.brought))


ROUTES = ((r"/launch", Launch), (ENTERED, Entered))
