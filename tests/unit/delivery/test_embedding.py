"""Who may show the labs, how they answer, and what a proxy is believed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tornado.httputil import HTTPHeaders
from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application

from labs import launch_pages, site
from labs.app import websocket_origins
from labs.course import Course
from labs.handlers import TRUSTED_PROXIES, SiteHandler
from labs.instructor import embed
from labs.launch import TEACHING_S, launch_token
from labs.launch_pages import ENTERED
from labs.proxies import EVERYBODY
from ledger import LedgerError, identity, open_store

SECRET = b"s" * 32
PORTAL = "https://learn.example.edu"


class _Text(SiteHandler):
    def get(self) -> None:
        self.write(self.request.protocol)


class _Site(AsyncHTTPTestCase):
    proxied = False

    @pytest.fixture(autouse=True)
    def _given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> Iterator[None]:
        store = open_store(str(tmp_path / "ledger.db"))
        self.course = Course.model_validate({"portal": {"origins": (PORTAL,)}})
        self.monkeypatch, self.caplog = monkeypatch, caplog
        for module in (site, embed):
            monkeypatch.setattr(module, "course", lambda: self.course)
        monkeypatch.setattr(site, "store", lambda: store)
        monkeypatch.setattr(site, "secret", lambda: SECRET)
        yield
        store.close()

    def get_app(self) -> Application:
        trusted = EVERYBODY if self.proxied else ()
        return Application([*launch_pages.ROUTES, *embed.ROUTES, (r"/text", _Text)], **{TRUSTED_PROXIES: trusted})

    def ask(self, path: str, **headers: str):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.fetch(path, headers=HTTPHeaders(names), follow_redirects=False)

    def framed(self, referer: str = "", relation: str = "cross-site", dest: str = "iframe"):
        return self.ask(
            "/text", Sec_Fetch_Dest=dest, Sec_Fetch_Site=relation, **({"Referer": referer} if referer else {})
        )


class TestFrames(_Site):
    def test_a_stranger_reads_who_was_refused_and_what_would_help(self) -> None:
        answer = self.framed("https://evil.example:8443/page?x=1")
        text = answer.body.decode()
        assert answer.code == 403
        assert "https://evil.example:8443, which" in text
        assert "origins = [&#34;https://evil.example:8443&#34;]" in text
        # It must be seen in the very frame that may not show the labs, and hold nothing to click.
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors" not in policy
        assert "default-src 'none'" in policy
        assert "<a " not in text
        assert "<script" not in text

    def test_whoever_may_is_not_refused(self) -> None:
        assert self.framed(f"{PORTAL}/week/2").code == 200
        assert self.framed("https://evil.example/", relation="same-origin").code == 200
        assert self.framed("https://evil.example/", dest="document").code == 200
        assert self.framed(self.get_url("/")).code == 200
        answer = self.ask("/text", Referer="https://evil.example/")
        assert answer.code == 200
        assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors 'self' {PORTAL}")

    def test_a_parent_that_does_not_tell_is_left_to_the_browser_unless_there_is_no_portal(self) -> None:
        assert self.framed().code == 200
        self.course = Course()
        answer = self.framed()
        assert answer.code == 403
        assert "a site that does not tell its address" in answer.body.decode()

    def test_nothing_of_a_referer_is_markup(self) -> None:
        for referer in ("https://<script>alert(1)</script>/", "javascript:alert(1)", "https://a b/", "https://["):
            assert self.framed(referer).code == 200, "an unreadable parent is the browser's business"
        assert self.framed("https://user:secret@evil.example/").body.decode().count("secret") == 0

    def test_without_a_proxy_nobody_makes_a_request_secure(self) -> None:
        assert self.ask("/text", X_Forwarded_Proto="https").body == b"http"


class TestBehindAProxy(_Site):
    proxied = True

    def test_the_proxy_says_how_browsers_come(self) -> None:
        assert self.ask("/text", X_Forwarded_Proto="https").body == b"https"
        answer = self.ask(launch(), X_Forwarded_Proto="https")
        for attribute in ("Secure", "SameSite=None", "Partitioned", "HttpOnly"):
            assert attribute in answer.headers["Set-Cookie"].split("; ")


def launch(address: str = "/text?a=1", role: str = "student") -> str:
    return f"/launch?token={launch_token('ada', role, 60, SECRET)}&next={quote(address, safe='')}"


class TestLaunch(_Site):
    def test_with_a_cookie_the_browser_is_led_to_the_page_alone(self) -> None:
        first = self.ask(launch())
        assert first.code == 302
        assert first.headers["Referrer-Policy"] == "no-referrer"
        assert first.headers["Cache-Control"] == "no-store"
        assert "token" not in first.headers["Location"]
        cookie = first.headers["Set-Cookie"].partition(";")[0]
        second = self.ask(first.headers["Location"], Cookie=cookie)
        assert second.headers["Location"] == "/text?a=1"

    def test_without_one_a_pass_goes_along(self) -> None:
        second = self.ask(self.ask(launch()).headers["Location"])
        assert second.headers["Location"].startswith("/text?a=1&pass=v2.")
        stranger = f"{site.COOKIE}={identity.sign('somebody', SECRET)}"
        other = self.ask(self.ask(launch()).headers["Location"], Cookie=stranger)
        assert "pass=" in other.headers["Location"]

    def test_a_token_is_used_once_and_never_logged(self) -> None:
        self.caplog.set_level(logging.INFO)
        link = launch()
        assert self.ask(link).code == 302
        answer = self.ask(link)
        assert answer.code == 403
        assert "used already" in answer.body.decode()
        self.ask(f"{ENTERED}?pass=v2.forged&next=/")
        logged = self.caplog.text
        assert "/launch?token=concealed" in logged
        assert "pass=concealed" in logged
        assert "eyJ" not in logged
        assert "forged" not in logged

    def test_a_link_that_leads_away_is_refused_before_the_token_is_used(self) -> None:
        link = launch()
        assert self.ask(link.partition("&next")[0] + "&next=//evil.example").code == 400
        assert self.ask(link).code == 302

    def test_a_ledger_that_cannot_be_reached_leaves_the_token_good(self) -> None:
        link, store = launch(), site.store()

        def gone() -> None:
            raise LedgerError("The ledger could not be reached")

        with self.monkeypatch.context() as patch:
            patch.setattr(site, "store", gone)
            assert self.ask(link).code == 503
        assert site.store() is store
        assert self.ask(link).code == 302

    def test_a_stranger_cannot_use_a_token_up(self) -> None:
        link = launch()
        refused = self.ask(link, Sec_Fetch_Dest="iframe", Sec_Fetch_Site="cross-site", Referer="https://evil.example/")
        assert refused.code == 403
        assert self.ask(link).code == 302


class TestGuide(_Site):
    def visit(self, role: str):
        token = identity.sign_role(identity.Bearer("u-1", role, 2**40 + TEACHING_S), SECRET)
        return self.ask("/instructor/embed", Cookie=f"{site.COOKIE}={token}")

    def test_students_are_refused(self) -> None:
        for answer in (self.ask("/instructor/embed"), self.visit(identity.STUDENT)):
            assert answer.code == 403
            assert "This page is for instructors" in answer.body.decode()
            assert "iframe" not in answer.body.decode()

    def test_instructors_read_the_snippets_of_what_is_on_offer(self) -> None:
        self.course = Course.model_validate(
            {"labs": {"offered": ("V1-02",)}, "base_url": "https://labs.example.edu", "portal": {"origins": (PORTAL,)}}
        )
        answer = self.visit(identity.INSTRUCTOR)
        text = answer.body.decode()
        assert answer.code == 200
        assert text.count("<details") == 1
        assert "&lt;iframe src=&#34;https://labs.example.edu/vol1/lab_02_ml_systems?embed=1&amp;amp;theme=light" in text
        assert "<iframe" not in text
        assert "server_document(&#34;https://labs.example.edu/vol1/lab_02_ml_systems&#34;" in text
        assert PORTAL in text

    def test_without_a_base_url_the_addresses_are_those_that_were_asked(self) -> None:
        text = self.visit(identity.INSTRUCTOR).body.decode()
        assert f"{self.get_url('/vol1/lab_00_introduction')}</pre>" in text


def test_portals_and_the_public_address_may_open_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course.model_validate({"base_url": "https://labs.example.edu", "portal": {"origins": (PORTAL,)}})
    monkeypatch.setattr(site, "course", lambda: course)
    assert websocket_origins([], 5006, None) == [
        "localhost:5006",
        "127.0.0.1:5006",
        "labs.example.edu",
        "learn.example.edu",
    ]
    assert websocket_origins(["labs:80"], 5006, "::1")[0] == "labs:80"
