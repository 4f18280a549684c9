"""What a page must not do while a test looks elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError, WebSocket

OWN_SCHEMES = ("data", "blob", "about")


class Watch:
    """Notes console errors and warnings, page errors, refused answers, and requests to another origin."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._host = urlsplit(origin).netloc
        self._problems: list[str] = []
        self._allowed: list[re.Pattern[str]] = []
        self.requests: list[str] = []
        self._context = context
        self._listeners: dict[str, Callable[..., None]] = {
            "console": self._console,
            "weberror": self._error,
            "request": self._request,
            "response": self._response,
            "page": self._page,
        }
        for event, listener in self._listeners.items():
            context.on(event, listener)  # type: ignore[call-overload]

    def stop(self) -> None:
        """Looks away for good."""
        for event, listener in self._listeners.items():
            self._context.remove_listener(event, listener)

    def allow(self, pattern: str, reason: str) -> None:
        """Lets pass what matches; the reason is for the reader of the test."""
        assert reason
        self._allowed.append(re.compile(pattern))

    def problems(self) -> list[str]:
        """What was noted and is not allowed."""
        return [note for note in self._problems if not any(pattern.search(note) for pattern in self._allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._problems.append(f"console {message.type}: {message.text}")

    def _error(self, error: WebError) -> None:
        self._problems.append(f"page error: {error.error.stack or error.error.message}")

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)
        self._check_origin(request.url)

    def _page(self, page: Page) -> None:
        page.on("websocket", self._socket)

    def _socket(self, socket: WebSocket) -> None:
        self._check_origin(socket.url)

    def _check_origin(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in OWN_SCHEMES and parts.netloc != self._host:
            self._problems.append(f"request to another origin: {url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self._problems.append(f"HTTP {response.status}: {response.url}")
