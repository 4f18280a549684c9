"""The server as an attacker meets it, without a browser: made-up sessions, foreign pages, floods, odd addresses."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from labs.catalog import find_lab
from labs.course.limits import Limits
from labs.gate import BURST_S
from labs.site import COOKIE, PASS_SECONDS
from ledger import identity, load_secret
from tests.browser.server import Server

LAB = find_lab(1, 2)

T = TypeVar("T")


def asked(url: str, body: bytes | None = None, **headers: str) -> tuple[int, str, Any]:
    """Status, text and headers of an answer; with a body of a POST."""
    request = urllib.request.Request(
        url, body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode("utf-8", "replace"), refusal.headers


def token_of(server: Server, **headers: str) -> str:
    """The session token that a page holds."""
    _, text, _ = asked(server.address_of(LAB), **headers)
    found = re.search(r'"token":"([^"]+)"', text)
    assert found
    return found[1]


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def payload_of(token: str) -> dict[str, Any]:
    """What everybody can read in a token."""
    outer = json.loads(decoded(token.split(".")[0]))
    return {**outer, **json.loads(zlib.decompress(decoded(outer["__bk__zlib_"])))}


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns; in a thread of its own, because the browser of other tests keeps this one's loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@pytest.fixture(autouse=True)
def provoked(server: Server) -> Iterator[None]:
    """What these tests provoke is no complaint to the tests after them."""
    yield
    server.complaints()


async def socket(server: Server, token: str, origin: str | None = None) -> WebSocketClientConnection:
    url = server.address_of(LAB).replace("http", "ws", 1) + "/ws"
    request = HTTPRequest(url, headers={"Origin": origin or server.url})
    return await websocket_connect(request, subprotocols=["bokeh", token])


async def send(connection: WebSocketClientConnection, kind: str, number: int, content: dict[str, Any]) -> None:
    for part in ({"msgid": str(number), "msgtype": kind}, {}, content):
        await connection.write_message(json.dumps(part))


async def answer(connection: WebSocketClientConnection) -> str | None:
    """Type of the next message; None when the socket was closed."""
    parts = [await asyncio.wait_for(connection.read_message(), 60) for _ in range(3)]
    return None if parts[0] is None else json.loads(parts[0])["msgtype"]


def accepted(server: Server, token: str) -> bool:
    async def tried() -> bool:
        connection = await socket(server, token)
        first = await asyncio.wait_for(connection.read_message(), 60)
        connection.close()
        return first is not None and json.loads(first)["msgtype"] == "ACK"

    return run(tried())


def test_a_session_that_was_guessed_made_up_or_altered_opens_nothing(server: Server) -> None:
    token = token_of(server)
    assert accepted(server, token)
    body, signature = token.split(".", 1)
    claims = json.loads(decoded(body))
    other = json.loads(decoded(token_of(server).split(".")[0]))["session_id"]
    altered = base64.urlsafe_b64encode(json.dumps({**claims, "session_id": other}).encode()).decode().rstrip("=")
    forged = [
        f"{altered}.{signature}",
        body,
        f"{body}.",
        generate_jwt_token(generate_session_id(signed=False), signed=False),
        generate_jwt_token(generate_session_id(secret_key=b"guess", signed=True), secret_key=b"guess", signed=True),
    ]
    for made_up in forged:
        assert not accepted(server, made_up), made_up
    assert "invalid signature" in server.complaints()


def test_nobody_can_be_led_into_a_session_of_somebody_else(server: Server) -> None:
    token = token_of(server)
    mine = json.loads(decoded(token.split(".")[0]))["session_id"]
    for page in (server.address_of(LAB), f"{server.address_of(LAB)}/autoload.js"):
        query = "bokeh-autoload-element=x&"
        for status, text, _ in (
            asked(f"{page}?{query}bokeh-session-id={mine}", Origin=server.url),
            asked(f"{page}?{query}bokeh-token={token}", Origin=server.url),
            asked(f"{page}?{query}", Bokeh_Session_Id=mine, Origin=server.url),
        ):
            assert status == 403
            assert "token" not in text


def test_a_page_of_another_site_gets_no_session(server: Server) -> None:
    script = f"{server.address_of(LAB)}/autoload.js?bokeh-autoload-element=x"
    for headers in ({"Origin": "https://evil.example"}, {}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "null"}):
        status, text, found = asked(script, **headers)
        assert status == 403
        assert "token" not in text
        assert "Access-Control-Allow-Origin" not in found

    async def tried() -> int:
        try:
            await socket(server, token_of(server), "https://evil.example")
        except HTTPClientError as refusal:
            return refusal.code
        return 0

    assert run(tried()) == 403
    assert "Refusing websocket connection" in server.complaints()


def test_a_change_by_a_page_of_another_site_changes_nothing(server: Server) -> None:
    student = "s-untouched"
    server.ledger(student).record("opened", 2)
    cookie = f"{COOKIE}={identity.sign(student, load_secret(server.secret_path))}"
    for headers in ({"Origin": "https://evil.example"}, {}, {"Sec_Fetch_Site": "same-site"}):
        assert asked(f"{server.url}/forget-me", b"", Cookie=cookie, **headers)[0] == 403
    assert len(server.ledger(student).events()) == 1


def test_the_page_does_not_hold_the_cookie(server: Server) -> None:
    secret = load_secret(server.secret_path)
    cookie = identity.sign("s-one", secret)
    payload = payload_of(token_of(server, Cookie=f"{COOKIE}={cookie}; sso=of-the-campus", Authorization="Basic abc"))
    (name, held) = next(iter(payload["cookies"].items()))
    assert (name, len(payload["cookies"])) == (COOKIE, 1)
    assert held != cookie
    bearer = identity.bearer_of(held, secret)
    assert bearer.student_id == "s-one"
    assert bearer.expires is not None
    assert bearer.expires - time.time() <= PASS_SECONDS
    assert "of-the-campus" not in str(payload)
    assert "Basic" not in str(payload)


def test_a_browser_may_not_replace_the_document_and_nothing_it_sends_is_logged(server: Server) -> None:
    async def tried() -> list[str | None]:
        connection = await socket(server, token_of(server))
        await connection.read_message(), await connection.read_message(), await connection.read_message()
        await send(connection, "PATCH-DOC", 1, {"events": [{"kind": "Odd", "said": "words of a student"}]})
        first = await answer(connection)
        await send(connection, "PUSH-DOC", 2, {"doc": {"roots": [], "said": "words of a student"}})
        second = await connection.read_message()
        return [first, second]

    assert run(tried()) == ["ERROR", None]
    log = server.complaints()
    assert "error handling message" in log
    assert "PUSH-DOC is not taken from a browser" in log
    assert "words of a student" not in log


def test_a_page_that_floods_waits_and_keeps_nobody_else_waiting(server: Server) -> None:
    rate = Limits().changes_per_page
    extra = rate

    async def tried() -> tuple[float, float]:
        flood, other = [await socket(server, token_of(server)) for _ in range(2)]
        for connection in (flood, other):
            assert await answer(connection) == "ACK"
        start = time.monotonic()
        for number in range(BURST_S * rate + extra):
            await send(flood, "SERVER-INFO-REQ", number, {})
        await send(other, "SERVER-INFO-REQ", 0, {})
        asked_at = time.monotonic()
        assert await answer(other) == "SERVER-INFO-REPLY"
        waited = time.monotonic() - asked_at
        for _ in range(BURST_S * rate + extra):
            assert await answer(flood) == "SERVER-INFO-REPLY"
        return time.monotonic() - start, waited

    flood, other = run(tried())
    assert flood >= 0.9 * extra / rate
    assert other < flood


def test_addresses_that_are_none_do_no_harm(server: Server) -> None:
    paths = [
        "/components/labs.__main__/A/_css/x",
        "/components/antigravity/A/_css/x",
        "/components/os/path/_css/x",
        "/components/panel.tests/A/_css/x",
        "/components/..%2f..%2fpyproject.toml",
        "/static/../../../../etc/passwd",
        "/static/extensions/panel/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/thumbnails/..%2fapp.py",
        "/thumbnails/%2e%2e/app.py",
        "/vol1/lab_02_ml_systems/../../var/secret",
        "/rest/session_info",
        "/admin",
    ]
    for path in paths:
        status, text, headers = asked(server.url + path)
        assert status in (400, 403, 404), path
        assert "root:x:" not in text
        assert "[project]" not in text
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert asked(f"{server.url}/healthz")[0] == 200
