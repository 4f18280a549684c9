"""What every handler of the server does before it answers."""

from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders
from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application, RequestHandler, StaticFileHandler

from labs import site
from labs.course import Course
from labs.guarding import guard_every, rules_of
from labs.handlers import SETTINGS, TRUSTED_PROXIES, Guarded, SiteHandler
from labs.instructor.guard import InstructorHandler
from labs.not_found import NotFound
from labs.proxies import EVERYBODY
from ledger.identity import INSTRUCTOR

OWN = {"Sec-Fetch-Site": "same-origin"}


class Changes(SiteHandler):
    def post(self) -> None:
        self.write(f"{self.request.remote_ip} {self.request.protocol}")

    delete = put = post


class Launch(Changes):
    takes_from_other_sites = True


class Foreign(RequestHandler):
    """A handler that knows nothing of the suite, as Panel's do."""

    def get(self) -> None:
        self.write("here")

    def post(self) -> None:
        self.write("changed")


class Full(SiteHandler):
    def get(self) -> None:
        self.refuse_for(6.2)


class Broken(SiteHandler):
    def get(self) -> None:
        raise ValueError("intruded")


class OfTheClass(InstructorHandler):
    """For instructors alone, and it is somebody else who asks."""

    asking = site.Visit("a-student")

    def visit(self) -> site.Visit:
        return self.asking


@pytest.fixture(autouse=True)
def a_course(monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course()
    monkeypatch.setattr(site, "course", lambda: course)


class TestEveryHandler(AsyncHTTPTestCase):
    """A server with handlers of ours and of others, guarded as the suite's is."""

    def get_app(self) -> Application:
        routes = [
            ("/changes", Changes),
            ("/launch", Launch),
            ("/foreign", Foreign),
            ("/full", Full),
            ("/broken", Broken),
            ("/class", OfTheClass),
        ]
        static = ("/files/(.*)", StaticFileHandler, {"path": "docs"})
        application = Application(
            [*routes, static], default_handler_class=NotFound, **SETTINGS, **{TRUSTED_PROXIES: ("127.0.0.0/8",)}
        )
        guard_every(application)
        return application

    def ask(self, path: str, method: str = "POST", headers: dict[str, str] | None = None):
        body = "" if method in ("POST", "PUT") else None
        return self.fetch(path, method=method, headers=HTTPHeaders(headers or {}), body=body)

    def test_a_change_is_taken_from_a_page_of_this_site_alone(self) -> None:
        here, there = self.get_url("").rstrip("/"), "https://evil.example"
        for path in ("/changes", "/foreign"):
            assert self.ask(path, headers=OWN).code == 200
            assert self.ask(path, headers={"Origin": here}).code == 200
            assert self.ask(path, headers={**OWN, "Origin": here}).code == 200
            refused = [
                {},
                {"Origin": there},
                {"Origin": "null"},
                {"Origin": f"{here}.evil.example"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"},
                {"Sec-Fetch-Site": "none"},
                {"Sec-Fetch-Site": "cross-site", "Origin": here},
                {**OWN, "Origin": there},
            ]
            for headers in refused:
                answer = self.ask(path, headers=headers)
                assert answer.code == 403, (path, headers)
                assert b"changed" not in answer.body
        for method in ("PUT", "DELETE"):
            assert self.ask("/changes", method, OWN).code == 200
            assert self.ask("/changes", method, {"Origin": there}).code == 403

    def test_who_brings_another_proof_may_come_from_elsewhere(self) -> None:
        assert self.ask("/launch", headers={"Origin": "https://portal.example"}).code == 200

    def test_reading_needs_no_proof(self) -> None:
        assert self.ask("/foreign", "GET", {"Origin": "https://evil.example"}).body == b"here"

    def test_headers_come_with_every_answer(self) -> None:
        for path, method in (("/foreign", "GET"), ("/changes", "POST"), ("/files/course.md", "GET"), ("/full", "GET")):
            found = self.ask(path, method).headers
            assert "default-src 'self'" in found["Content-Security-Policy"]
            assert found["X-Content-Type-Options"] == "nosniff"
            assert "Server" not in found
        assert self.ask("/foreign", "GET").headers["Cache-Control"] == "no-store"
        assert "Cache-Control" not in self.ask("/files/course.md", "GET").headers

    def test_files_lie_in_their_folder(self) -> None:
        for path in ("../README.md", "%2e%2e/README.md", "..%2fREADME.md", "....//README.md", "/etc/passwd"):
            assert self.fetch(f"/files/{path}").code in (403, 404), path

    def test_a_proxy_says_where_a_request_came_from(self) -> None:
        noted = {**OWN, "X-Forwarded-For": "6.6.6.6, 203.0.113.7", "X-Forwarded-Proto": "https"}
        answer = self.ask("/changes", headers=noted)
        assert answer.body == b"203.0.113.7 https"
        assert "Strict-Transport-Security" in answer.headers

    def test_nobody_else_says_where_a_request_came_from(self) -> None:
        noted = {**OWN, "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Real-Ip": "203.0.113.7"}
        for trusted in ((), ("10.0.0.0/8", "::1")):
            self._app.settings[TRUSTED_PROXIES] = trusted
            assert self.ask("/changes", headers=noted).body == b"127.0.0.1 http"
        del self._app.settings[TRUSTED_PROXIES]
        assert self.ask("/changes", headers=noted).body == b"127.0.0.1 http"

    def test_whoever_connects_is_believed_and_what_came_before_is_not(self) -> None:
        self._app.settings[TRUSTED_PROXIES] = EVERYBODY
        noted = {**OWN, "X-Forwarded-For": "6.6.6.6, 203.0.113.7", "X-Forwarded-Proto": "https"}
        assert self.ask("/changes", headers=noted).body == b"203.0.113.7 https"

    def test_too_many_requests_are_told_when_to_come_back(self) -> None:
        answer = self.ask("/full", "GET")
        assert answer.code == 429
        assert answer.headers["Retry-After"] == "7"
        assert b"try again in 7 seconds" in answer.body

    def test_whatever_is_said_has_one_look(self) -> None:
        asked = {"/full": 429, "/absent": 404, "/broken": 500, "/class": 403}
        looks = set()
        for path, status in asked.items():
            answer = self.ask(path, "GET")
            text = answer.body.decode()
            assert answer.code == status
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert answer.headers["Cache-Control"] == "no-store"
            assert f" · {Course().title}</title>" in text
            looks.add(text.partition("<style>")[2].partition("</style>")[0])
        (look,) = looks
        assert look

    def test_an_instructor_whose_time_is_over_is_told_how_to_come_back(self) -> None:
        text = self.ask("/class", "GET").body.decode()
        assert "not known as an instructor" in text
        assert "launch-link --role instructor" in text
        OfTheClass.asking = site.Visit("a-student", refused=INSTRUCTOR)
        try:
            text = self.ask("/class", "GET").body.decode()
        finally:
            OfTheClass.asking = site.Visit("a-student")
        assert "let in as an instructor is over" in text
        assert "launch-link --role instructor" in text

    def test_nothing_that_was_asked_for_is_repeated(self) -> None:
        assert "intruded" not in self.ask("/absent?intruded", "GET").body.decode()
        assert "intruded" not in self.ask("/absent/intruded", "GET").body.decode()

    def test_no_handler_is_left_out(self) -> None:
        handlers = [rule.target for rule in rules_of(self._app.default_router) if isinstance(rule.target, type)]
        assert len(handlers) == 7
        assert all(issubclass(handler, Guarded) for handler in handlers)
