"""A lab in a frame of another site's page: shown to the portals of the course, refused to everybody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from labs.catalog import find_lab
from tests.browser.server import SUITE, Server
from tests.browser.student import Student

LAB = find_lab(1, 2)


class PortalPage(BaseHTTPRequestHandler):
    """A page of another origin, with a frame for the address in its query."""

    def do_GET(self) -> None:
        frame = escape(parse_qs(urlsplit(self.path).query)["frame"][0])
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f"<link rel=icon href=data:,><iframe src='{frame}' width=1200 height=800></iframe>".encode())

    def log_message(self, *_: object) -> None:
        """Nothing on the console of the tests."""


@pytest.fixture
def portal() -> Iterator[str]:
    """The origin of a portal."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), PortalPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("listed", [True, False])
def test_only_a_portal_of_the_course_may_show_a_lab(
    new_student: Callable[..., Student], tmp_path: Path, portal: str, listed: bool
) -> None:
    file = tmp_path / "course.toml"
    file.write_text(f"[portal]\norigins = {[portal] if listed else ['https://learn.example.edu']}\n", encoding="utf-8")
    server = Server(tmp_path / "server", (*SUITE, "--course", str(file))).start()
    try:
        student = new_student(server, LAB)
        student.watch.allow(portal, "the portal is another origin")
        if not listed:
            student.watch.allow("frame-ancestors", "the frame is refused in this test")
        page = student.page
        page.goto(f"{portal}/?{urlencode({'frame': server.address_of(LAB)})}")
        framed = page.frame_locator("iframe")
        if listed:
            expect(framed.get_by_role("heading", level=1)).to_have_text(LAB.title)
            framed.get_by_role("tab", name="Act I", exact=True).click()
            expect(framed.get_by_role("button", name="Lock prediction")).to_be_visible()
        else:
            page.wait_for_load_state("networkidle")
            expect(framed.get_by_role("heading", level=1)).to_have_count(0)
            assert page.frames[-1].url.startswith("chrome-error:")
    finally:
        server.stop()


def test_health_and_headers_of_a_running_suite(server: Server) -> None:
    for path in ("/healthz", "/readyz"):
        with urlopen(server.url + path) as answer:
            assert answer.status == 200
    with urlopen(server.address_of(LAB)) as answer:
        assert answer.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
