"""The page on which an instructor sees the whole course."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from bokeh.document import Document
from panel.io import hold
from panel.viewable import Viewable

from components.classroom.overview import CourseOverview
from labs import site
from labs.catalog import name_of
from labs.instructor.addresses import HOME, live_path
from labs.instructor.export import EXPORTS
from labs.instructor.overview import everything, state_names
from labs.pulse import Pulse
from ledger.class_record import class_record
from ledger.people import names

#: The whole course is read this often while somebody looks at it.
EVERY_S = 20.0


@cache
def _feed() -> Pulse[dict[str, Any]]:
    labs, store = site.course().offered, site.store()

    def read() -> dict[str, Any]:
        return everything(labs, class_record(store, [lab.key() for lab in labs]), names(store))

    return Pulse(read, EVERY_S)


def overview_page(document: Document) -> Viewable:
    """The overview, filled in as soon as the ledger is read."""
    overview = CourseOverview(
        title=site.course().title,
        home="/",
        states=state_names(),
        labs=[
            {
                "name": name_of(lab),
                "volume": lab.volume,
                "number": f"{lab.number:02d}",
                "title": lab.title,
                "live": live_path(lab),
            }
            for lab in site.course().offered
        ],
        exports=[{"label": f"{name.capitalize()} (CSV)", "href": f"{HOME}/export/{name}.csv"} for name in EXPORTS],
        embed=f"{HOME}/embed",
    )

    def show(news: dict[str, Any]) -> None:
        with hold(document):
            overview.param.update(**news, loaded=True)

    stop = _feed().follow(lambda news: document.add_next_tick_callback(partial(show, news)))
    document.on_session_destroyed(lambda session_context: stop())
    return overview
