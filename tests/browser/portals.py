"""Pages of another origin, as a learning management system serves them."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: A portal has styles of its own, which must not reach into a lab.
_PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Week 2</title>
<link rel="icon" href="data:,">
<style>body {{ font: italic 16px serif; text-align: center; color: #333 }} h1 {{ color: red }}</style></head>
<body><h1 id="own">Week 2</h1><div style="max-width: 720px; margin: auto">{content}</div></body></html>"""


class Portal:
    """A site whose pages hold what a test puts into them."""

    def __init__(self) -> None:
        pages: dict[str, bytes] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(pages[self.path])

            def log_message(self, *_: object) -> None:
                """Nothing on the console of the tests."""

        self._pages = pages
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The portal's origin: another host than that of the tests' servers, and so another site."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def page(self, content: str) -> str:
        """The address of a page that holds this HTML."""
        path = f"/{len(self._pages)}"
        self._pages[path] = _PAGE.format(content=content).encode()
        return self.url + path

    def stop(self) -> None:
        """Ends the site."""
        self._server.shutdown()
        self._server.server_close()
