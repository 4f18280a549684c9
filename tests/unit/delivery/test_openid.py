"""Signing in at an OpenID provider, against a real one on this machine and against ones that misbehave."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from oidc_provider_mock import User, run_server_in_thread
from tornado.httpclient import HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import AsyncHTTPTestCase, bind_unused_port
from tornado.web import Application, RequestHandler

from labs import site
from labs.course.sign_in import CLIENT_SECRET_VARIABLE
from labs.sign_in.oidc import OpenIdSignIn, provider
from labs.sign_in.sign_out import SignOut
from ledger import DesignLedger, class_statistics, id_for_user, identity
from ledger.people import name_of

ADA = User(sub="ada", claims={"name": "Ada Lovelace", "email": "ada@example.edu", "groups": ["staff"]})
CACHES: tuple[Any, ...] = (site.course, site.secret, site.store, site.listed_instructors, provider)


class Suite(AsyncHTTPTestCase):
    """The suite's own addresses for signing in, and a browser that follows no redirect by itself."""

    @pytest.fixture(autouse=True)
    def _given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.folder = tmp_path
        monkeypatch.setenv(site.COURSE_VARIABLE, str(tmp_path / "course.toml"))
        monkeypatch.setenv(site.LEDGER_VARIABLE, str(tmp_path / "ledger.db"))
        monkeypatch.setenv(site.SECRET_FILE_VARIABLE, str(tmp_path / "secret"))
        monkeypatch.setenv(CLIENT_SECRET_VARIABLE, "s3cret +&")
        for cache in CACHES:
            cache.cache_clear()
        yield
        for cache in CACHES:
            cache.cache_clear()

    def get_app(self) -> Application:
        self.jar: dict[str, str] = {}
        return Application([("/login", OpenIdSignIn), ("/logout", SignOut)], cookie_secret="x" * 43)

    def is_course(self, **sign_in: Any) -> None:
        lines = [
            f"{name} = {json.dumps(value)}"
            for name, value in {"method": "oidc", "client_id": "labs", **sign_in}.items()
        ]
        (self.folder / "course.toml").write_text("\n".join(["[sign_in]", *lines]), encoding="utf-8")

    def ask(self, path: str, **headers: str) -> HTTPResponse:
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        answer = self.fetch(path, follow_redirects=False, headers={"Cookie": cookies, **headers})
        for line in answer.headers.get_list("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel.value:
                    self.jar[name] = morsel.coded_value
                else:
                    self.jar.pop(name, None)
        return answer

    def begins(self, to: str = "/vol1/lab_02_ml_systems?context=edge") -> dict[str, str]:
        """Goes to the provider; returns what it is asked."""
        answer = self.ask("/login?" + urlencode({"next": to}))
        assert answer.code == 302, answer.body
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    def heading(self, answer: HTTPResponse) -> str:
        found = re.search(r"<h1>(.*?)</h1>", answer.body.decode(), re.DOTALL)
        assert found
        return unescape(found[1])

    def visit(self) -> site.Visit | None:
        return site.admitted(self.jar.get(site.COOKIE))


class TestRealProvider(Suite):
    """The whole way, with a provider that insists on registration and on a nonce."""

    def setUp(self) -> None:
        super().setUp()
        self.running = run_server_in_thread(require_client_registration=True, require_nonce=True, user_claims=[ADA])
        self.issuer = f"http://localhost:{self.running.__enter__().server_port}"
        body = {"redirect_uris": [self.get_url("/login")]}
        client = httpx.post(f"{self.issuer}/oauth2/clients", json=body).json()
        self.client_id = client["client_id"]
        (self.folder / "client").write_text(client["client_secret"], encoding="utf-8")

    def tearDown(self) -> None:
        self.running.__exit__(None, None, None)
        super().tearDown()

    def signs_in(self, **sign_in: Any) -> HTTPResponse:
        """Signs Ada in, as a browser does it; returns the answer to what the provider sent back."""
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv(CLIENT_SECRET_VARIABLE)
            self.is_course(client_id=self.client_id, client_secret_file=str(self.folder / "client"), **sign_in)
            asked = self.begins()
            assert asked["redirect_uri"] == self.get_url("/login")
            back = httpx.post(f"{self.issuer}/oauth2/authorize", params=asked, data={"sub": "ada"}).headers["Location"]
            self.sent_back = back.removeprefix(self.get_url(""))
            return self.ask(self.sent_back)

    def test_a_person_comes_back_signed_in(self) -> None:
        answer = self.signs_in(issuer=self.issuer)
        assert (answer.code, answer.headers["Location"]) == (302, "/vol1/lab_02_ml_systems?context=edge")
        who = self.visit()
        assert who is not None
        assert who.student_id == id_for_user("ada", site.secret())
        assert not who.teaches
        assert name_of(site.store(), who.student_id) == "Ada Lovelace"
        assert set(self.jar) == {site.COOKIE}
        # The same answer again, by the browser's way back; and by somebody else, to whom it was never given.
        assert self.ask(self.sent_back).headers["Location"] == "/"
        self.jar.clear()
        assert self.heading(self.ask(self.sent_back)) == "This sign-in is over"

    def test_roles_and_names_come_from_the_claims_that_the_course_names(self) -> None:
        self.signs_in(
            issuer=self.issuer,
            user_claim="email",
            name_claim="email",
            instructor_claim="groups",
            instructor_values=["staff"],
        )
        who = self.visit()
        assert who is not None
        assert who.student_id == id_for_user("ada@example.edu", site.secret())
        assert who.teaches
        DesignLedger(site.store(), who.student_id).record("opened", 2)
        assert class_statistics(site.store(), ["ch02"]).labs[0].opened == 0

    def test_whom_the_course_lists_as_an_instructor_is_none_of_the_class(self) -> None:
        self.signs_in(issuer=self.issuer, instructors=["ada"])
        who = self.visit()
        assert who is not None
        assert who.teaches
        DesignLedger(site.store(), who.student_id).record("opened", 2)
        assert class_statistics(site.store(), ["ch02"]).labs[0].opened == 0

    def test_a_provider_that_does_not_describe_itself(self) -> None:
        self.signs_in(
            authorize_url=f"{self.issuer}/oauth2/authorize",
            token_url=f"{self.issuer}/oauth2/token",
            userinfo_url=f"{self.issuer}/userinfo",
        )
        who = self.visit()
        assert who is not None
        assert name_of(site.store(), who.student_id) == "Ada Lovelace"

    def test_a_claim_that_is_missing_is_said(self) -> None:
        answer = self.signs_in(issuer=self.issuer, user_claim="employee_number")
        assert answer.code == 502
        assert self.heading(answer) == "The sign-in service did not say who you are"
        assert self.visit() is None

    def test_a_wrong_client_secret_lets_nobody_in(self) -> None:
        (self.folder / "client").write_text("wrong", encoding="utf-8")
        answer = self.signs_in(issuer=self.issuer)
        assert answer.code == 502
        assert b"wrong" not in answer.body
        assert self.visit() is None

    def test_the_provider_is_left_by_its_own_page(self) -> None:
        self.is_course(client_id=self.client_id, issuer=self.issuer)
        assert f'href="{self.issuer}/oauth2/end_session"' in self.ask("/logout").body.decode()


KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


class TestOddProvider(Suite):
    """A provider that says what a test has it say."""

    def setUp(self) -> None:
        super().setUp()
        socket, port = bind_unused_port()
        self.issuer = f"http://127.0.0.1:{port}"
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "1", "use": "sig"}
        self.says: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
            },
            "/keys": {"keys": [key]},
            "/userinfo": {"sub": "1", "name": "Grace Hopper"},
        }
        self.asked: dict[str, Any] = {}
        test = self

        class Answers(RequestHandler):
            def prepare(self) -> None:
                test.asked[self.request.path] = self.request
                said = test.says.get(self.request.path)
                if isinstance(said, int):
                    self.set_status(said)
                    self.finish()
                else:
                    self.finish(said if said is not None else "<p>what?</p>")

        self.provider = HTTPServer(Application([(".*", Answers)]))
        self.provider.add_sockets([socket])
        self.is_course(issuer=self.issuer)

    def tearDown(self) -> None:
        self.provider.stop()
        super().tearDown()

    def comes_back(self, key: Any = KEY, headers: dict[str, str] | None = None, **claims: Any) -> HTTPResponse:
        """Comes back with a code for which the provider gives an ID token with these claims."""
        asked = self.begins()
        now = int(time.time())
        told = {"iss": self.issuer, "aud": "labs", "sub": "1", "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        said = {name: value for name, value in {**told, **claims}.items() if value is not None}
        algorithm = (headers or {}).get("alg", "RS256")
        id_token = jwt.encode(said, key, algorithm=algorithm, headers={"kid": "1", **(headers or {})})
        self.says.setdefault("/token", {"access_token": "opaque", "id_token": id_token})
        return self.ask("/login?" + urlencode({"state": asked["state"], "code": "c0de"}))

    def test_a_right_token_is_believed_and_asked_for_as_the_standards_say(self) -> None:
        assert self.comes_back().code == 302
        who = self.visit()
        assert who is not None
        assert name_of(site.store(), who.student_id) == "Grace Hopper"
        token = self.asked["/token"]
        user, _, password = (
            base64.b64decode(token.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
        )
        assert (user, password) == ("labs", "s3cret+%2B%26")
        assert token.body_arguments["grant_type"] == [b"authorization_code"]
        assert len(token.body_arguments["code_verifier"][0]) == 43

    def test_a_secret_in_the_form_where_the_provider_wants_it_there(self) -> None:
        self.says["/.well-known/openid-configuration"]["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        assert self.comes_back().code == 302
        assert self.asked["/token"].body_arguments["client_secret"] == [b"s3cret +&"]
        assert "Authorization" not in self.asked["/token"].headers

    def refuses(self, answer: HTTPResponse, code: int = 502) -> None:
        assert answer.code == code, answer.body
        assert self.visit() is None
        assert b"Sign in again" in answer.body
        assert b"127.0.0.1" not in answer.body, "what the provider said is for the log"

    def test_a_token_of_another_kind_is_not_believed(self) -> None:
        now = int(time.time())
        wrong: list[dict[str, Any]] = [
            {"key": OTHER_KEY},
            {"key": "k" * 64, "headers": {"alg": "HS256"}},
            {"key": None, "headers": {"alg": "none"}},
            {"headers": {"kid": "2"}},
            {"iss": "https://login.example.edu"},
            {"aud": "other"},
            {"aud": ["labs", "other"], "azp": "other"},
            {"nonce": "another"},
            {"nonce": None},
            {"exp": now - 3600},
            {"exp": None},
            {"sub": None},
        ]
        for claims in wrong:
            self.says.pop("/token", None)
            self.refuses(self.comes_back(**claims))

    def test_userinfo_of_somebody_else_is_not_believed(self) -> None:
        self.says["/userinfo"] = {"sub": "2", "name": "Somebody Else"}
        self.refuses(self.comes_back())

    def test_answers_that_cannot_be_used(self) -> None:
        for said in ("<html>", {}, {"id_token": 7}, 500, 302):
            self.says["/token"] = said
            self.refuses(self.comes_back(), 503 if said in (500, 302) else 502)

    def test_a_provider_that_is_down(self) -> None:
        self.provider.stop()
        answer = self.ask("/login")
        assert answer.code == 503
        assert self.heading(answer) == "The sign-in service does not answer"

    def test_a_configuration_of_another_issuer_or_without_https(self) -> None:
        about = self.says["/.well-known/openid-configuration"]
        for change in (
            {"issuer": "https://evil.example"},
            {"token_endpoint": "http://evil.example/token"},
            {"jwks_uri": 1},
        ):
            self.says["/.well-known/openid-configuration"] = {**about, **change}
            assert self.ask("/login").code == 502

    def test_what_the_provider_refuses(self) -> None:
        for error, code, heading in (
            ("access_denied", 403, "You have not been signed in"),
            ("server_error", 502, "The sign-in service could not sign you in"),
            ("<script>Call 555-1234", 502, "The sign-in service could not sign you in"),
        ):
            state = self.begins()["state"]
            answer = self.ask(
                "/login?" + urlencode({"state": state, "error": error, "error_description": "Call 555-1234"})
            )
            assert (answer.code, self.heading(answer)) == (code, heading)
            assert b"555-1234" not in answer.body
            assert b"next=%2Fvol1%2Flab_02_ml_systems%3Fcontext%3Dedge" in answer.body

    def test_a_refusal_without_a_state_does_not_lead_round_in_a_circle(self) -> None:
        answer = self.ask("/login?error=access_denied")
        assert (answer.code, self.heading(answer)) == (403, "You have not been signed in")

    def test_a_state_that_this_browser_did_not_begin(self) -> None:
        state = self.begins()["state"]
        name = next(name for name in self.jar if name.startswith("mlsys_sign_in_"))
        cookie = self.jar[name]
        forgeries: list[Callable[[], None]] = [
            self.jar.clear,
            lambda: self.jar.update({name: cookie[:-2] + "xx"}),
            lambda: self.jar.update(
                {name: json.dumps({"state": state, "nonce": "n", "verifier": "v", "next": "//x.example"})}
            ),
        ]
        for forge in forgeries:
            forge()
            answer = self.ask("/login?" + urlencode({"state": state, "code": "c0de"}))
            assert (answer.code, self.heading(answer)) == (400, "This sign-in is over")

    def test_nothing_but_a_person_begins_a_sign_in(self) -> None:
        assert self.ask("/login", **{"Sec-Fetch-Mode": "no-cors"}).code == 401
        assert self.jar == {}

    def test_where_to_go_on_to_is_a_path_of_this_site(self) -> None:
        state = self.begins("///evil.example")["state"]
        answer = self.ask("/login?" + urlencode({"state": state, "error": "access_denied"}))
        assert b"evil" not in answer.body

    def test_whoever_is_signed_in_goes_on_at_once(self) -> None:
        bearer = identity.Bearer(id_for_user("ada", site.secret()), expires=int(time.time()) + 60)
        self.jar[site.COOKIE] = identity.sign_role(bearer, site.secret())
        assert self.ask("/login?next=/gallery").headers["Location"] == "/gallery"
