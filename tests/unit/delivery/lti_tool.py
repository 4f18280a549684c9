"""The labs' addresses of LTI alone on a real server, and a browser that keeps cookies and runs no script."""

from __future__ import annotations

import asyncio
import html
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import urllib3
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from labs import launch_pages
from labs.handlers import TRUSTED_PROXIES
from labs.lti.handlers import ROUTES
from labs.proxies import EVERYBODY
from tests.lti_platform import LearningPlatform, Link


@contextmanager
def tool() -> Iterator[str]:
    """Origin of a server with the routes of LTI; it believes what a proxy says of scheme and host."""
    (socket,) = bind_sockets(0, "127.0.0.1")
    loop = asyncio.new_event_loop()

    async def start() -> HTTPServer:
        server = HTTPServer(Application([*ROUTES, *launch_pages.ROUTES], **{TRUSTED_PROXIES: EVERYBODY}))
        server.add_sockets([socket])
        return server

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    loop.call_soon_threadsafe(server.stop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@dataclass
class Answer:
    """What a server has answered."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class Visitor:
    """A browser of somebody at a platform. `via` is where the labs really are, if a proxy stands before them."""

    platform: LearningPlatform
    via: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)

    def asks(self, method: str, url: str, form: Mapping[str, str] | None = None, origin: str = "") -> Answer:
        """One request."""
        headers = {"Origin": origin} if origin else {}
        tool = self.platform.tool
        if self.via and url.startswith(tool):
            headers |= {"Host": urlsplit(tool).netloc, "X-Forwarded-Proto": urlsplit(tool).scheme}
            url = self.via + url.removeprefix(tool)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        answer = urllib3.request(method, url, headers=headers, body=body, redirect=False, retries=False, timeout=60)
        for line in answer.headers.getlist("Set-Cookie"):
            self.given.append(line)
            # `http.cookies` does not know Partitioned, and reads nothing of a cookie that has it.
            for name, morsel in SimpleCookie(line.replace("; Partitioned", "")).items():
                self.cookies[name] = morsel.value
        return Answer(answer.status, answer.headers, answer.data.decode())

    def begins(self, link: Link, person: str) -> dict[str, str]:
        """Clicks a link; returns what the labs ask of the platform's sign-in."""
        answer = self.asks("GET", self.platform.login_address(link, person))
        assert answer.status == 302, answer.text
        place = answer.headers["Location"]
        assert place.startswith(f"{self.platform.origin}/auth?")
        return {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}

    def launches(self, link: Link, person: str) -> Answer:
        """Clicks a link and follows it through the platform's sign-in to the labs."""
        question = self.begins(link, person)
        page = self.asks("GET", f"{self.platform.origin}/auth?{urlencode(question)}").text
        form = {name: html.unescape(value) for name, value in re.findall(r"<input name=(\w+) value='([^']*)'>", page)}
        return self.arrives(form)

    def arrives(self, form: Mapping[str, str], origin: str | None = None) -> Answer:
        """Brings a form to the labs, as from a page of `origin`: the platform's, unless another is given."""
        page = self.platform.origin if origin is None else origin
        return self.asks("POST", f"{self.platform.tool}/lti/launch", form, page)

    def arrives_with(self, link: Link, person: str, key: Any = None, **changed: Any) -> Answer:
        """Arrives with a statement in which claims were changed, or left out where the change is None."""
        question = self.begins(link, person)
        claims = self.platform.claims(link, person, question["nonce"])
        claims = {name: value for name, value in (claims | changed).items() if value is not None}
        return self.arrives({"id_token": self.platform.sign(claims, key), "state": question["state"]})

    def follows(self, answer: Answer) -> str:
        """Where an answer leads."""
        assert answer.status == 303, answer.text
        place = urljoin(f"{self.platform.tool}/lti/launch", answer.headers["Location"])
        if urlsplit(place).path == launch_pages.ENTERED:
            # In a frame, a step in between sees whether the cookie was kept.
            entered = self.asks("GET", place)
            assert entered.status == 302, entered.text
            place = urljoin(place, entered.headers["Location"])
        return place
