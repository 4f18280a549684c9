"""Brings scores to gradebooks, beside the server's loop: a platform that is slow or down delays nobody.

Every server process has one sender; leases in the ledger make sure that a score is sent by one of them at a time.
What a platform does not take stays in the ledger and is tried again, after longer and longer pauses, without end.
"""

from __future__ import annotations

import logging
import threading

from labs.catalog import find_lab
from labs.course.lti import Lti
from labs.lti.deep_linking import label_of
from labs.lti.errors import GradeServiceError
from labs.lti.grade_service import GradeService
from labs.lti.tool_key import ToolKey
from ledger import LedgerError, Store, parse_key
from ledger.grades import (
    Delivery,
    GradeColumn,
    claim_column,
    claim_delivery,
    column_found,
    delivered,
    not_delivered,
    postpone,
    release_column,
)

#: Pause between two looks into the queue (s).
PAUSE_S = 3.0
#: How long a sender may take for one score (s): longer than all its requests together can.
LEASE_S = 120.0
#: Pause after the first failure (s), doubled by every further one up to the longest.
FIRST_RETRY_S = 15.0
LONGEST_RETRY_S = 6 * 3600.0
#: How long a score waits while another sender makes its column (s).
COLUMN_S = 2.0

log = logging.getLogger(__name__)


def retry_after(attempts: int) -> float:
    """Pause (s) before the next try, after `attempts` that failed before this one."""
    return min(FIRST_RETRY_S * 2.0 ** min(attempts, 30), LONGEST_RETRY_S)


class Sender:
    """Sends what is due in `store` to the platforms of `lti`."""

    def __init__(self, store: Store, lti: Lti, key: ToolKey) -> None:
        self._store = store
        self._lti = lti
        self._services = {(one.issuer, one.client_id): GradeService(one, key) for one in lti.platforms}
        self._silent = False

    def run(self, stop: threading.Event) -> None:
        """Sends until `stop` is set. An unreachable ledger is said once, and waited for."""
        while not stop.wait(PAUSE_S):
            try:
                self.send_due()
                self._silent = False
            except LedgerError as problem:
                if not self._silent:
                    log.error("scores cannot be sent: %s", problem)
                self._silent = True

    def send_due(self) -> int:
        """Sends every score that is due; returns how many the platforms have taken."""
        taken = 0
        while (delivery := claim_delivery(self._store, LEASE_S)) is not None:
            taken += self._deliver(delivery)
        return taken

    def _deliver(self, delivery: Delivery) -> bool:
        column = delivery.column
        try:
            service = self._services.get((column.issuer, column.client_id))
            if service is None:
                raise GradeServiceError("the course's file does not name the platform any more")
            lineitem = column.lineitem or self._column(service, column)
            if lineitem is None:
                postpone(self._store, delivery, COLUMN_S)
                return False
            service.send(lineitem, delivery.platform_user, delivery.score)
        except Exception as problem:
            # Whatever went wrong, the score stays and the next one is not held up.
            pause = retry_after(delivery.attempts)
            not_delivered(self._store, delivery, str(problem), pause)
            expected = isinstance(problem, GradeServiceError)
            log.warning(
                "a score of %s for %s was not taken, next try in %.0f s: %s",
                column.key,
                column.issuer,
                pause,
                problem,
                exc_info=None if expected else problem,
            )
            return False
        delivered(self._store, delivery)
        return True

    def _column(self, service: GradeService, column: GradeColumn) -> str | None:
        """Address of a column that is not known yet; None while another sender looks for it."""
        if not claim_column(self._store, column, LEASE_S):
            return None
        try:
            volume, number = parse_key(column.key)
            lineitem = service.find_or_make_column(column, label_of(find_lab(volume, number)))
        except Exception:
            release_column(self._store, column)
            raise
        column_found(self._store, column, lineitem)
        return lineitem


def start_sending(store: Store, lti: Lti, key: ToolKey) -> threading.Event:
    """Begins to send in a thread of this process; setting what is returned ends it."""
    stop = threading.Event()
    threading.Thread(target=Sender(store, lti, key).run, args=(stop,), name="scores", daemon=True).start()
    return stop
