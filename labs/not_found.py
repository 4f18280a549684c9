"""The answer to an address that leads nowhere."""

from __future__ import annotations

from tornado.web import RequestHandler

from components.not_found import not_found_html
from labs.catalog import name_of, path_of
from labs.headers import guard
from labs.site import course


class NotFound(RequestHandler):
    """Answers 404 and says what there is."""

    def set_default_headers(self) -> None:
        guard(self, course().portal.origins)

    def prepare(self) -> None:
        self.set_status(404)
        links = [(f"/{path_of(lab)}", f"{name_of(lab)} {lab.title}") for lab in course().offered]
        self.finish(not_found_html(links))
