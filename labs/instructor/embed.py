"""`/instructor/embed`: for each lab its link, and what a portal's page needs to show it."""

from __future__ import annotations

import json
from typing import Any

from bokeh.embed import server_document

from components.embed_guide import embed_guide_html
from labs.catalog import name_of, path_of
from labs.frames import origin_of, own_origin
from labs.instructor.addresses import HOME
from labs.instructor.guard import InstructorHandler
from labs.lab import Lab
from labs.site import course
from labs.telling import tell


class EmbedGuide(InstructorHandler):
    """The snippets of every lab on offer; 403 for whoever does not teach."""

    def get(self) -> None:
        base = course().base_url or origin_of(own_origin(self.request))
        if base is None:
            tell(self, 400, "This address cannot be used", ["The host that the browser named is no host name."])
            return
        self.set_header("Cache-Control", "no-store")
        self.finish(
            embed_guide_html(
                course().title,
                home=HOME,
                origin=base,
                portals=course().portal.origins,
                labs=[snippets(lab, base) for lab in course().offered],
                accent=course().accent,
                nonce=self.nonce,
            )
        )


def snippets(lab: type[Lab], base: str) -> dict[str, Any]:
    """What the page says of one lab; `base` is the origin under which browsers reach the labs."""
    link = f"{base}/{path_of(lab)}"
    return {
        "name": name_of(lab),
        "title": lab.title,
        "link": link,
        # Hardly a portal follows the reader's system into the dark; without `theme` the lab does.
        "embed": f"{link}?embed=1&theme=light",
        "python": f"from bokeh.embed import server_document\n\n"
        f"script = server_document({json.dumps(link)}, with_credentials=True)",
        "script": server_document(link, with_credentials=True).strip(),
    }


ROUTES = ((r"/instructor/embed", EmbedGuide),)
