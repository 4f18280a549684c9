"""What every answer tells the browser."""

from __future__ import annotations

import pytest

from labs.content_policy import content_policy
from labs.headers import headers


def directives(policy: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in policy.split(";"))}


def test_a_page_may_be_framed_by_the_portals_alone() -> None:
    portals = ["https://a.example", "https://b.example:8443"]
    assert directives(content_policy("localhost"))["frame-ancestors"] == ["'self'"]
    assert directives(content_policy("localhost", portals))["frame-ancestors"] == ["'self'", *portals]


def test_no_script_runs_that_the_page_did_not_bring() -> None:
    found = directives(content_policy("labs.example.edu", nonce="abc"))
    assert found["script-src"] == ["'self'", "blob:", "'nonce-abc'"]
    for name in ("default-src", "script-src", "script-src-attr", "connect-src", "object-src", "base-uri"):
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:"} & set(found[name])
    for name in ("object-src", "base-uri", "script-src-attr"):
        assert found[name] == ["'none'"]


def test_nothing_is_loaded_from_or_sent_to_another_origin() -> None:
    own = {"'self'", "'none'", "'unsafe-inline'", "blob:", "data:", "ws://labs.example.edu", "wss://labs.example.edu"}
    for name, sources in directives(content_policy("labs.example.edu")).items():
        assert set(sources) <= own, name


@pytest.mark.parametrize("host", ["evil.example; script-src *", "a b", "x\r\ny", "", "a,b"])
def test_a_host_that_is_none_does_not_get_into_the_policy(host: str) -> None:
    found = directives(content_policy(host))
    assert found["script-src"] == ["'self'", "blob:"]
    assert found["connect-src"] == ["'self'", "blob:"]


@pytest.mark.parametrize("host", ["localhost:5006", "127.0.0.1", "[::1]:5006", "labs.example.edu"])
def test_the_socket_of_the_host_is_allowed(host: str) -> None:
    assert {f"ws://{host}", f"wss://{host}"} <= set(directives(content_policy(host))["connect-src"])


def test_https_is_kept_to_once_it_is_spoken() -> None:
    assert "Strict-Transport-Security" not in headers("a")
    secure = headers("a", secure=True)
    assert secure["Strict-Transport-Security"] == "max-age=31536000"
    assert secure["Cross-Origin-Opener-Policy"] == "same-origin"


def test_private_pages_are_not_kept() -> None:
    assert headers("a", private=True)["Cache-Control"] == "no-store"
    assert "Cache-Control" not in headers("a")


def test_files_of_the_suite_are_loaded_by_portals_alone() -> None:
    assert headers("a")["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers("a", ["https://p.example"])["Cross-Origin-Resource-Policy"] == "cross-origin"
