"""Draws the plots of every lab before students ask for them: once per machine, kept in a folder.

The first student who unlocks an act would otherwise wait for HoloViews, and everybody in the same process with
them. A server draws what the folder lacks while it has nothing else to do, one plot at a time, so that a page asked
for meanwhile waits for one plot at most.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

from tornado.ioloop import IOLoop

from components.instruments.blueprint import blueprint, keep_drawings_in
from components.instruments.layers import Plot
from labs.site import course
from ledger import DesignLedger, new_student_id, open_store

CACHE_VARIABLE = "MLSYS_LABS_CACHE"
DEFAULT_CACHE = "var/cache"

#: Pause between two plots (s): half of the time stays free for students.
PAUSE_S = 0.1


def keep_drawings() -> None:
    """Lets this process use the drawings on this machine, and add to them."""
    keep_drawings_in(Path(os.environ.get(CACHE_VARIABLE) or DEFAULT_CACHE))


def draw_all() -> int:
    """Draws whatever the folder lacks; returns the number of plots that there are."""
    plots = list(default_plots())
    for plot in plots:
        blueprint(plot)
    return len(plots)


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
    # Processes that start together each begin elsewhere, and find there what the others have drawn.
    for lab in random.sample(course().offered, len(course().offered)):
        run = lab(DesignLedger(store, new_student_id()))
        for context in lab.contexts:
            run.set_context(context.id)
            for act in (run.act1, run.act2):
                yield from act.plots(act.outcome).values()
