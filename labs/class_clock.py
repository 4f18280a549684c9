"""Where classes stand in their rounds: asked once a second and process, of the labs whose pages are open in it."""

from __future__ import annotations

from collections import Counter
from functools import partial

from bokeh.document import Document

from labs import site
from labs.pulse import Pulse
from labs.view import LabView
from ledger.rounds import Round, read_rounds

EVERY_S = 1.0

#: Key of a lab to how many of its pages this process has open.
_open_pages: Counter[str] = Counter()


def _look() -> dict[str, tuple[Round, bool]]:
    """Key -> the latest round, and whether students wait in it: that ends by itself, too."""
    keys = tuple(_open_pages)
    found = site.outbox().ask(lambda connection: read_rounds(connection, keys))
    return {key: (latest, latest.is_open()) for key, latest in found.items()}


_pulse = Pulse(_look, EVERY_S)


def keep_with_the_class(view: LabView, document: Document) -> None:
    """Has a lab's page go on with its class until its session ends."""
    key = view.lab.key()
    seen: list[tuple[Round, bool] | None] = [None]

    def told(rounds: dict[str, tuple[Round, bool]]) -> None:
        news = rounds.get(key)
        if news is not None and news != seen[0]:
            seen[0] = news
            document.add_next_tick_callback(partial(view.enter_round, news[0]))

    _open_pages[key] += 1
    stop = _pulse.follow(told)

    def leave(session_context: object) -> None:
        stop()
        _open_pages[key] -= 1
        if not _open_pages[key]:
            del _open_pages[key]

    document.on_session_destroyed(leave)
