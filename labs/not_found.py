"""The answer to an address that leads nowhere."""

from __future__ import annotations

from html import escape

from tornado.web import RequestHandler

from labs.catalog import catalog, path_of


class NotFound(RequestHandler):
    """Says what there is. What was asked for is not repeated: it came from outside."""

    def prepare(self) -> None:
        self.set_status(404)
        labs = "".join(
            f'<li><a href="/{path_of(lab)}">V{lab.volume}-{lab.number:02d} {escape(lab.title)}</a></li>' for lab in catalog()
        )
        self.finish(
            '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            "<title>No such page · MLSys Labs</title>"
            '<body style="font-family:system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;line-height:1.6">'
            '<main><h1>There is no such page</h1><p>These are the labs; <a href="/">the index</a> shows them with your progress.'
            f"</p><ul>{labs}</ul></main></body></html>"
        )
