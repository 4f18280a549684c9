"""What an instructor sees of a class and does with it."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Locator, Page, WebSocket, expect

from labs.catalog import name_of
from labs.lab import Lab
from ledger import load_secret, new_student_id
from ledger.identity import INSTRUCTOR, Bearer, sign_role
from tests.browser.server import Server
from tests.browser.student import Student

#: How long a change may take to be seen. On an idle machine it is a second; here others work, too.
SEEN_S = 5.0


def instructor_token(server: Server, seconds: int = 3600) -> str:
    """A cookie that the server takes for an instructor's."""
    bearer = Bearer(new_student_id(), INSTRUCTOR, int(time.time()) + seconds)
    return sign_role(bearer, load_secret(server.secret_path))


class Teacher:
    """An instructor with a browser of their own, in front of the live view of a lab."""

    def __init__(self, browser: Student, lab: type[Lab]) -> None:
        self.browser = browser
        self.lab = lab
        browser.carries(instructor_token(browser.server))
        #: Every message that the server has sent over the page's WebSocket.
        self.received: list[str] = []
        self.page.on("websocket", self._listens)

    def _listens(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self.received.append(str(frame)))

    def has_been_told(self, text: str) -> bool:
        """Whether a text is anywhere in the page or in what the server has ever sent to it."""
        return text in everything_in(self.page) or any(text in message for message in self.received)

    @property
    def page(self) -> Page:
        return self.browser.page

    def opens(self, query: str = "") -> Teacher:
        """Goes to the live view, and waits until the ledger has been read."""
        self.page.goto(f"{self.browser.server.url}/instructor/live/{name_of(self.lab)}{query}")
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.lab.title)
        expect(self.counts).not_to_have_text("…")
        return self

    @property
    def counts(self) -> Locator:
        """How many have opened the lab."""
        return self.count("Opened")

    def count(self, label: str) -> Locator:
        """One of the counts at the top."""
        return self.page.locator(".counts > div").filter(has=self.page.get_by_text(label, exact=True)).locator("dd")

    def part(self, name: str) -> Locator:
        """A part of the page."""
        return self.page.get_by_role("region", name=name, exact=True)

    def standing(self, label: str) -> Locator:
        """How many stand in a state."""
        return self.part("Where everybody stands").locator("li").filter(has_text=label).locator("strong")

    def presses(self, name: str) -> None:
        """Presses a button of the class round."""
        self.part("Class round on Act I").get_by_role("button", name=name).click()


def everything_in(page: Page) -> str:
    """All text and all attributes of a page, shadow roots included."""
    return page.evaluate(
        """() => {
          const parts = []
          const walk = (node) => {
            if (node.nodeType === Node.TEXT_NODE) parts.push(node.data)
            for (const {name, value} of node.attributes ?? []) parts.push(name, value)
            for (const child of [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes]) walk(child)
          }
          walk(document.documentElement)
          return parts.join("\\n")
        }"""
    )


def seconds_until(seen: Callable[[], object]) -> float:
    """How long a change took to be seen, from now on; more than SEEN_S is a failure."""
    began = time.monotonic()
    seen()
    took = time.monotonic() - began
    assert took <= SEEN_S, f"it took {took:.1f} s"
    return took
