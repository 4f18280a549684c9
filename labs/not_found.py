"""The answer to an address that leads nowhere."""

from __future__ import annotations

from components.plain_page import not_found_html
from labs.catalog import name_of, path_of
from labs.handlers import SiteHandler
from labs.site import course


class NotFound(SiteHandler):
    """Answers 404, and says what there is to those who may see it."""

    # A browser asks for things that nobody offers (icons); leading these to the sign-in would begin one each time.
    open_to_all = True

    def prepare(self) -> None:
        super().prepare()
        if self._finished:
            return
        self.set_status(404)
        labs = course().offered if self.is_signed_in or not course().sign_in.required else ()
        links = [(f"/{path_of(lab)}", f"{name_of(lab)} {lab.title}") for lab in labs]
        self.finish(not_found_html(links))
