"""Whether this process answers, and whether it can keep what students do: for load balancers and monitoring."""

from __future__ import annotations

import logging

from tornado.ioloop import IOLoop

from labs import site
from labs.handlers import SiteHandler
from ledger import LedgerError

log = logging.getLogger(__name__)


class Alive(SiteHandler):
    """`/healthz`: 200 as long as the process answers."""

    open_to_all = True

    def get(self) -> None:
        self.write({"status": "alive"})


class Ready(SiteHandler):
    """`/readyz`: 200 when the ledger can be reached, else 503. Where the ledger is stands in the log alone."""

    open_to_all = True

    async def get(self) -> None:
        try:
            # A data base that does not answer must not stop the pages of this process. Asked through the outbox:
            # ready is a process whose pages can be opened, and they are as soon as that has found the ledger again.
            await IOLoop.current().run_in_executor(None, site.outbox().ping)
        except LedgerError as problem:
            log.warning("not ready: %s", problem)
            self.set_status(503)
            self.write({"status": "the ledger cannot be reached"})
        else:
            self.write({"status": "ready"})


ROUTES = ((r"/healthz", Alive), (r"/readyz", Ready))
