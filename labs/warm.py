"""Draws the plots of every lab once while the server has nothing else to do.

The first student who unlocks an act would otherwise wait for HoloViews, and everybody in the same process with
them. One plot at a time, so that a page asked for meanwhile waits for one plot at most.
"""

from __future__ import annotations

from collections.abc import Iterator

from tornado.ioloop import IOLoop

from components.instruments.blueprint import blueprint
from components.instruments.layers import Plot
from labs.site import course
from ledger import DesignLedger, new_student_id, open_store

#: Pause between two plots (s): half of the time stays free for students.
PAUSE_S = 0.1


def warm_when_idle(loop: IOLoop) -> None:
    """Begins to draw as soon as `loop` runs, and goes on until every plot has a blueprint."""
    remaining = default_plots()

    def draw_next() -> None:
        plot = next(remaining, None)
        if plot is not None:
            blueprint(plot)
            loop.call_later(PAUSE_S, draw_next)

    loop.call_later(1.0, draw_next)


def default_plots() -> Iterator[Plot]:
    """Every plot that a student sees first, in every context of every lab."""
    store = open_store("sqlite://")
    for lab in course().offered:
        run = lab(DesignLedger(store, new_student_id()))
        for context in lab.contexts:
            run.set_context(context.id)
            for act in (run.act1, run.act2):
                yield from act.plots(act.outcome).values()
