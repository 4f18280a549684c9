"""The answer to an address that leads nowhere."""

from __future__ import annotations

from components.plain_page import not_found_html
from labs.catalog import name_of, path_of
from labs.handlers import SiteHandler
from labs.site import course


class NotFound(SiteHandler):
    """Answers 404 and says what there is."""

    def prepare(self) -> None:
        self.set_status(404)
        links = [(f"/{path_of(lab)}", f"{name_of(lab)} {lab.title}") for lab in course().offered]
        self.finish(not_found_html(links))
