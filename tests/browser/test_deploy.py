"""The deployment of deploy/ on loopback: nginx with its configuration, PostgreSQL, two processes, a student."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from labs.catalog import find_lab
from labs.static_files import StaticFile
from tests.browser.student import Student
from tests.deployment import Deployment, can_deploy
from tests.integration.postgres import postgres_server, postgres_url  # noqa: F401

LAB = find_lab(1, 2)
ROUTE = "mlsys_route"


@pytest.fixture
def deployment(tmp_path: Path, postgres_url: str) -> Iterator[Deployment]:  # noqa: F811
    """nginx before two processes. Skips where a program is missing, but fails in CI."""
    if not can_deploy() and os.environ.get("CI") != "true":
        pytest.skip("nginx or openssl is missing: python -m tests.install_system")
    instance = Deployment(tmp_path, postgres_url, offered=[LAB])
    try:
        yield instance.start()
    finally:
        instance.stop()


def upstream(line: str) -> str:
    """The port that answered a request of the access log; "-" where nginx answered itself."""
    return line.rpartition("upstream=")[2].rpartition(":")[2]


def route_to(deployment: Deployment, port: int) -> str:
    """A routing number that nginx sends to the process on this port."""
    for number in range(64):
        route = f"{number:032x}"
        path = f"/no-page-{port}-{number}"
        request = urllib.request.Request(f"{deployment.url}{path}", headers={"Cookie": f"{ROUTE}={route}"})
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(request, context=deployment.nginx.tls())
        if upstream(deployment.requests(path)[-1]) == str(port):
            return route
    raise AssertionError(f"no number leads to {port}")


def test_a_student_goes_on_through_nginx_whichever_process_answers(
    new_student: Callable[..., Student], deployment: Deployment
) -> None:
    student = new_student(deployment, LAB, ignore_https_errors=True).opens()
    page = student.page
    student.goes_to("Act I")
    student.predicts(right=False)
    student.moves_by_keyboard()
    student.reflects(right=True)
    student.goes_to("Act II")
    student.predicts(right=True)
    student.moves_by_keyboard()
    student.rests()
    shown = student.shown_controls()

    # Cookies as they must be over TLS, and behind a proxy that says so.
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies["mlsys_student"]["secure"]
    assert cookies["mlsys_student"]["httpOnly"]
    assert cookies[ROUTE]["secure"]
    assert cookies[ROUTE]["httpOnly"]

    # The page and its websocket went to one process; files came from nginx and from nowhere else.
    path = urlsplit(deployment.address_of(LAB)).path
    loaded = {urlsplit(url).path for url in student.watch.requests if url.startswith(deployment.url)} - {path}
    assert any(name.startswith("/components/") for name in loaded)
    for name in loaded:
        answered_by = {upstream(line) for line in deployment.requests(name)}
        assert answered_by == {"-"}, f"{name} was not answered by nginx itself"
    assert "?" not in deployment.nginx.access_log.read_text(encoding="utf-8"), "a query string was logged"

    # Every process: a reload finds the same state, also when another one answers.
    answered = set()
    for server in deployment.servers:
        cookie = {"name": ROUTE, "value": route_to(deployment, server.port), "url": deployment.url, "secure": True}
        page.context.clear_cookies(name=ROUTE)
        page.context.add_cookies([cookie])
        student.opens()
        expect(student.tab("Act II")).to_have_attribute("aria-selected", "true")
        assert student.shown_controls() == shown
        answered.add(upstream(deployment.requests(path)[-1]))
    assert answered == {str(server.port) for server in deployment.servers}

    # One process is killed: the student goes on in the other.
    student.watch.allow(r"WebSocket|ERR_|Bokeh", "a process is killed in this test")
    deployment.servers[-1].kill()
    expect(page.locator(".connection[role=alert]")).to_contain_text("Connection lost.")
    student.opens()
    expect(student.tab("Act II")).to_have_attribute("aria-selected", "true")
    assert student.shown_controls() == shown
    student.reflects(right=True)
    student.saves()
    entry = student.ledger.entry(LAB.number, LAB.volume)
    assert entry is not None
    assert entry.attempts == 1

    # Both websockets passed nginx with an upgrade.
    page.goto("about:blank")
    assert all(" 101 " in line for line in deployment.requests(f"{path}/ws"))
    assert deployment.nginx.answer("/readyz") == 200


def test_what_nginx_answers(deployment: Deployment) -> None:
    nginx = deployment.nginx
    assert nginx.answer("/healthz") == nginx.answer("/readyz") == 200
    assert nginx.answer("/metrics") == 404

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    with pytest.raises(urllib.error.HTTPError) as moved:
        urllib.request.build_opener(Stay).open(f"http://localhost:{nginx.plain_port}/vol1/{LAB.slug}?token=secret")
    assert moved.value.code == 301
    assert moved.value.headers["Location"] == f"{deployment.url}/vol1/{LAB.slug}?token=secret"

    # What is no version leads to no folder.
    assert nginx.answer("/static/js/bokeh-gl.min.js?v=../unversioned") == 200
    assert upstream(deployment.requests("/static/js/bokeh-gl.min.js")[-1]) != "-"

    def headers(address: str) -> dict[str, str]:
        request = urllib.request.Request(f"{deployment.url}{address}", headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, context=nginx.tls()) as answer:
            return dict(answer.headers.items())

    written = [path.relative_to(deployment.static) for path in deployment.static.rglob("*.js")]
    assert written
    for path in written:
        version, name = path.parts[0], path.relative_to(path.parts[0]).as_posix()
        query = "" if version == "unversioned" else f"?v={version}"
        found = headers(f"/{name}{query}")
        assert found["Content-Encoding"] == "gzip"
        assert found["X-Content-Type-Options"] == "nosniff"
        assert ("immutable" in found["Cache-Control"]) == bool(query)
        assert StaticFile(f"/{name}{query}", b"").path == path
    # Another version than the one that was written is none of nginx's business.
    assert "immutable" not in headers("/static/js/bokeh.min.js?v=0123456789abcdef").get("Cache-Control", "")
    page = headers(f"/vol1/{LAB.slug}")
    assert page["Strict-Transport-Security"]
    assert page["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in page
