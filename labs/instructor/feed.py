"""The news of a lab's class: read once a second and process for all who look at it, and never when nobody does."""

from __future__ import annotations

from functools import cache

from labs import site
from labs.instructor.live import Moment
from labs.lab import Lab
from labs.pulse import Pulse
from ledger.live import LabLog
from ledger.people import names

EVERY_S = 1.0


def feed_of(lab: type[Lab]) -> Pulse[Moment]:
    """The pulse of a lab in this process."""
    return _feed(lab.key())


@cache
def _feed(key: str) -> Pulse[Moment]:
    store = site.store()
    log = LabLog(store, key)
    latest: list[tuple[Moment, bool]] = []

    def read() -> Moment:
        changed = log.refresh()
        # A round that nobody reveals ends by itself.
        held = log.round is not None and log.round.is_open()
        if changed or not latest or latest[0][1] != held:
            latest[:] = [(Moment.of(log, names(store)), held)]
        return latest[0][0]

    return Pulse(read, EVERY_S)
