"""The browser's side of a page, as far as a server can tell: its cookies, its websocket, Bokeh's messages."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

#: After this long without an answer something is lost (s).
PATIENCE_S = 60.0

_TOKEN = re.compile(r'"token":"([^"]+)"')


class ProtocolError(Exception):
    """The server did something that a page would not survive."""


class Component:
    """A component of the page: its model, and its properties as they stand in the browser."""

    def __init__(self, definition: dict[str, Any], introduced: bool) -> None:
        data = definition["attributes"]["data"]
        self.id: str = definition["id"]
        self.data: dict[str, Any] = {name: plain(value) for name, value in data["attributes"].items()}
        #: The first message of a component that joined the page later brings it whole.
        self.reference: dict[str, Any] = {"id": self.id} if introduced else definition


class Page:
    """One open page."""

    def __init__(self, url: str, certificate: str | None = None) -> None:
        self.url = url
        self._certificate = certificate
        self._cookies: dict[str, str] = {}
        self._socket: WebSocketClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._closing = False
        self._by_data: dict[str, Component] = {}
        #: The newest component of each kind.
        self.components: dict[str, Component] = {}
        self.failure: str | None = None

    # --- opening and leaving ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Fetches the page and its document; returns when a browser could draw it."""
        answer = await AsyncHTTPClient().fetch(self._request(self.url))
        self._take_cookies(answer.headers.get_list("Set-Cookie"))
        found = _TOKEN.search(answer.body.decode())
        if found is None:
            raise ProtocolError("the page holds no token")
        parts = urlsplit(self.url)
        address = self._request(f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path}/ws")
        address.headers["Origin"] = f"{parts.scheme}://{parts.netloc}"
        self._socket = await websocket_connect(address, subprotocols=["bokeh", found.group(1)])
        header, _ = await self._receive()
        if header["msgtype"] != "ACK":
            raise ProtocolError(f"instead of ACK came {header}")
        await self._write("PULL-DOC-REQ", {})
        header, content = await self._receive()
        if header["msgtype"] != "PULL-DOC-REPLY":
            raise ProtocolError(f"instead of the document came {header}")
        self._take_in(content, introduced=True)
        self._reader = asyncio.create_task(self._read())
        # What BokehJS says once a page stands.
        await self._event("document_ready", {"type": "map"})

    async def close(self) -> None:
        """Leaves."""
        self._closing = True
        if self._socket is not None:
            self._socket.close()
        if self._reader is not None:
            await self._reader

    def cookie(self, name: str) -> str:
        """A cookie that the site has given."""
        return self._cookies[name]

    def _request(self, url: str) -> HTTPRequest:
        headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/130", "Accept-Language": "en-US"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return HTTPRequest(
            url, headers=headers, ca_certs=self._certificate, connect_timeout=PATIENCE_S, request_timeout=PATIENCE_S
        )

    def _take_cookies(self, lines: list[str]) -> None:
        for line in lines:
            # `http.cookies` of this Python does not know the attribute Partitioned.
            for name, morsel in SimpleCookie(line.partition(";")[0]).items():
                self._cookies[name] = morsel.value

    # --- what a student does ---------------------------------------------------------------------------------

    async def send(self, component: Component, message: dict[str, Any]) -> None:
        """What `model.send_msg` sends in the browser."""
        values = [
            ["model", component.reference],
            ["data", {"type": "map", "entries": list(map(list, message.items()))}],
        ]
        component.reference = {"id": component.id}
        await self._event("data_event", {"type": "map", "entries": values})

    async def until(self, reached: Callable[[], bool]) -> float:
        """Waits for an answer that makes something true; how long that took (s)."""
        start = time.perf_counter()
        while not reached():
            if self.failure is not None:
                raise ProtocolError(self.failure)
            remaining = PATIENCE_S - (time.perf_counter() - start)
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), remaining)
            except TimeoutError:
                raise ProtocolError(f"no answer within {PATIENCE_S:.0f} s") from None
        return time.perf_counter() - start

    # --- messages --------------------------------------------------------------------------------------------

    async def _event(self, name: str, values: dict[str, Any]) -> None:
        told = {"type": "event", "name": name, "values": values}
        await self._patch([{"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": told}])

    async def _patch(self, events: list[dict[str, Any]]) -> None:
        await self._write("PATCH-DOC", {"events": events})

    async def _write(self, kind: str, content: dict[str, Any]) -> None:
        assert self._socket is not None
        for part in ({"msgid": uuid4().hex.upper(), "msgtype": kind}, {}, content):
            await self._socket.write_message(json.dumps(part))

    async def _receive(self) -> tuple[dict[str, Any], Any]:
        """Header and content of one whole message."""
        header, _, content = [await self._frame() for _ in range(3)]
        head = json.loads(header)
        # Long columns of plots come as buffers, which only a plot would look at.
        for _ in range(2 * head.get("num_buffers", 0)):
            await self._frame()
        return head, json.loads(content)

    async def _frame(self) -> str | bytes:
        assert self._socket is not None
        frame = await self._socket.read_message()
        if frame is None:
            raise ProtocolError("the server closed the websocket")
        return frame

    async def _read(self) -> None:
        try:
            while True:
                header, content = await self._receive()
                if header["msgtype"] == "PATCH-DOC":
                    self._take_patch(content["events"])
                    self._changed.set()
                elif header["msgtype"] != "OK":
                    raise ProtocolError(f"the server sent {header['msgtype']}: {str(content)[:300]}")
        except ProtocolError as problem:
            if not self._closing:
                self.failure = str(problem)
                self._changed.set()

    def _take_patch(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event["kind"] != "ModelChanged":
                continue
            self._take_in(event["new"], introduced=False)
            component = self._by_data.get(event["model"]["id"])
            if component is not None:
                component.data[event["attr"]] = plain(event["new"])

    def _take_in(self, content: Any, *, introduced: bool) -> None:
        """Gets to know the components that a message brings."""
        for model in objects(content):
            if model["name"] == "panel.models.esm.ReactiveESM" and "data" in model["attributes"]:
                data = model["attributes"]["data"]
                if "attributes" not in data:
                    raise ProtocolError(f"a component without properties: {str(model)[:300]}")
                component = Component(model, introduced)
                self.components[model["attributes"]["class_name"]] = component
                self._by_data[data["id"]] = component


def objects(content: Any) -> list[dict[str, Any]]:
    """Every model that a message defines, outer ones first."""
    found, waiting = [], [content]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if part.get("type") == "object" and "id" in part:
                part.setdefault("attributes", {})
                found.append(part)
            waiting.extend(reversed(part.values()))
        elif isinstance(part, list):
            waiting.extend(reversed(part))
    return found


def plain(value: Any) -> Any:
    """A value of a message as Python has it; models stay as they are."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict) and value.get("type") == "map":
        return {key: plain(one) for key, one in value.get("entries", [])}
    return value
