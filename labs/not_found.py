"""The answer to an address that leads nowhere."""

from __future__ import annotations

from labs.catalog import name_of, path_of
from labs.handlers import SiteHandler
from labs.site import course
from labs.telling import ALL_LABS, tell


class NotFound(SiteHandler):
    """Answers 404, and says what there is to those who may see it."""

    # A browser asks for things that nobody offers (icons); leading these to the sign-in would begin one each time.
    open_to_all = True

    def prepare(self) -> None:
        super().prepare()
        if self._finished:
            return
        # What was asked for is not repeated: it came from outside.
        labs = course().offered if self.is_signed_in or not course().sign_in.required else ()
        links = [(f"/{path_of(lab)}", f"{name_of(lab)} {lab.title}") for lab in labs]
        text = "These are the labs; the index shows them with your progress." if labs else "The labs are on the index."
        tell(self, 404, "There is no such page", [text], [ALL_LABS, *links])
