"""A learning platform on loopback that takes nothing on trust: LTI 1.3 launches, deep linking, gradebook.

It signs what it says with a key of its own and checks whatever the labs send it. What it finds wrong it answers with
400, 401 or 403, and notes in `complaints`.
"""

from __future__ import annotations

import html
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
LINEITEM = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
LEARNER, TEACHER = f"{MEMBERSHIP}#Learner", f"{MEMBERSHIP}#Instructor"

CLIENT, DEPLOYMENT = "labs-client", "deployment-1"


class Wrong(Exception):
    """The labs have sent what the platform does not take."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass
class Person:
    """A user of the platform."""

    sub: str
    name: str = ""
    roles: tuple[str, ...] = (LEARNER,)


@dataclass
class Link:
    """A place in the course that leads to the labs; `choosing` is one whose lab somebody is about to choose."""

    id: str
    target: str
    choosing: bool = False
    lineitem: str | None = None
    grades: tuple[str, ...] = (LINEITEM, SCORE)
    shown_in: str = "iframe"


@dataclass
class Gradebook:
    """What the platform keeps: columns, and every score that it took, in order."""

    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    scores: list[tuple[str, str, float]] = field(default_factory=list)


def new_key() -> rsa.RSAPrivateKey:
    """A key as a platform has one."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _platform_key() -> rsa.RSAPrivateKey:
    """The key of every platform of a test process: making one takes a moment."""
    return new_key()


class LearningPlatform:
    """One platform with one course, registered for the labs at `tool` (scheme, host and port)."""

    def __init__(self, tool: str = "") -> None:
        self.tool = tool
        self.key = _platform_key()
        self.people = {
            "ada": Person("user-1", "Ada Lovelace"),
            "nameless": Person("user-2"),
            "teacher": Person("user-3", "Grace Hopper", (TEACHER,)),
        }
        self.links: dict[str, Link] = {}
        self.book = Gradebook()
        self.chosen: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.is_down = False
        self.redirects_to = ""
        self.asked: list[str] = []
        self._granted: dict[str, set[str]] = {}
        self._assertions: set[str] = set()
        self._lock = threading.Lock()
        platform = self

        class Handler(_Handler):
            at = platform

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Ends the platform."""
        self._server.shutdown()
        self._server.server_close()

    # --- what an operator knows ------------------------------------------------------------------------------

    def course(self, key_file: Path, **others: str) -> str:
        """The lines of a course's file that register the labs here."""
        values = {
            "issuer": self.origin,
            "client_id": CLIENT,
            "auth_login_url": f"{self.origin}/auth?tenant=7",
            "auth_token_url": f"{self.origin}/token",
            "jwks_url": f"{self.origin}/jwks",
            **others,
        }
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
        return (
            f"[portal]\norigins = [{json.dumps(self.origin)}]\n[lti]\nkey_file = {json.dumps(str(key_file))}\n"
            f'[[lti.platforms]]\ndeployment_ids = ["{DEPLOYMENT}"]\n{lines}\n'
        )

    def link(self, target: str, **settings: Any) -> Link:
        """A new place in the course."""
        link = Link(f"link-{len(self.links) + 1}", self.tool + target, **settings)
        self.links[link.id] = link
        return link

    def column_of(self, link: Link, key: str) -> str:
        """A column that the platform itself has made for a link, as it does after deep linking."""
        return self._new_column(
            {"label": "made here", "scoreMaximum": 50, "resourceLinkId": link.id, "resourceId": key}
        )

    def scores_of(self, person: str) -> list[float]:
        """Every score of a person that was taken, in order."""
        return [score for _, user, score in self.book.scores if user == self.people[person].sub]

    # --- a launch --------------------------------------------------------------------------------------------

    def login_address(self, link: Link, person: str) -> str:
        """Where the platform sends a browser that has clicked a link."""
        question = {
            "iss": self.origin,
            "login_hint": person,
            "target_link_uri": link.target,
            "lti_message_hint": link.id,
            "client_id": CLIENT,
            "lti_deployment_id": DEPLOYMENT,
        }
        return f"{self.tool}/lti/login?{urlencode(question)}"

    def page_address(self, link: Link, person: str) -> str:
        """The platform's own page that shows a link in a frame."""
        return f"{self.origin}/course?{urlencode({'link': link.id, 'person': person})}"

    def claims(self, link: Link, person: str, nonce: str) -> dict[str, Any]:
        """What the platform says of a launch."""
        who, now = self.people[person], int(time.time())
        claims: dict[str, Any] = {
            "iss": self.origin,
            "aud": CLIENT,
            "sub": who.sub,
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            f"{LTI}version": "1.3.0",
            f"{LTI}message_type": "LtiDeepLinkingRequest" if link.choosing else "LtiResourceLinkRequest",
            f"{LTI}deployment_id": DEPLOYMENT,
            f"{LTI}target_link_uri": link.target,
            f"{LTI}roles": list(who.roles),
            f"{LTI}launch_presentation": {"document_target": link.shown_in},
            f"{LTI}context": {"id": "course-1", "title": "Machine-learning systems"},
        }
        if who.name:
            claims["name"] = who.name
        if link.choosing:
            claims[f"{DL}deep_linking_settings"] = {
                "deep_link_return_url": f"{self.origin}/deep?page=3",
                "accept_types": ["link", "ltiResourceLink"],
                "accept_presentation_document_targets": ["iframe", "window"],
                "data": "opaque <data> & more",
            }
        else:
            claims[f"{LTI}resource_link"] = {"id": link.id, "title": "A lab"}
        if link.grades:
            endpoint = {"scope": list(link.grades), "lineitems": f"{self.origin}/columns?course=1"}
            claims[AGS] = endpoint | ({"lineitem": link.lineitem} if link.lineitem else {})
        return claims

    def sign(self, claims: Mapping[str, Any], key: rsa.RSAPrivateKey | None = None) -> str:
        """A statement, signed with the platform's key or another under its name."""
        return jwt.encode(dict(claims), key or self.key, algorithm="RS256", headers={"kid": "platform-key"})

    # --- what the browser and the labs ask -------------------------------------------------------------------

    def page(self, query: Mapping[str, str]) -> str:
        """A page of the course with the labs in a frame."""
        address = html.escape(self.login_address(self.links[query["link"]], query["person"]))
        return (
            f"{_HEAD}<title>Course</title><h1>Machine-learning systems</h1>"
            f"<iframe title=Lab src='{address}' style='width:98vw;height:85vh'></iframe>"
        )

    def authenticate(self, query: Mapping[str, str]) -> str:
        """The end of the platform's sign-in: a form that brings the signed statement to the labs."""
        wanted = {
            "tenant": "7",
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": CLIENT,
            "redirect_uri": f"{self.tool}/lti/launch",
        }
        for name, value in wanted.items():
            if query.get(name) != value:
                raise Wrong(400, f"{name} is {query.get(name)!r}, not {value!r}")
        if query.get("login_hint") not in self.people or query.get("lti_message_hint") not in self.links:
            raise Wrong(400, "login_hint or lti_message_hint did not come back as it was given")
        if len(query.get("nonce", "")) < 20 or not query.get("state"):
            raise Wrong(400, "no state, or a nonce that can be guessed")
        link = self.links[query["lti_message_hint"]]
        token = self.sign(self.claims(link, query["login_hint"], query["nonce"]))
        fields = {"id_token": token, "state": query["state"]}
        inputs = "".join(f"<input name={name} value='{html.escape(value)}'>" for name, value in fields.items())
        return (
            f"{_HEAD}<form method=post action='{html.escape(query['redirect_uri'])}' hidden>{inputs}</form>"
            "<script>document.forms[0].submit()</script>"
        )

    def keys(self) -> dict[str, Any]:
        """The platform's public keys."""
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "platform-key", "alg": "RS256", "use": "sig"}]}

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Access to the gradebook, for who proves to be the labs."""
        if form.get("grant_type") != "client_credentials":
            raise Wrong(400, "grant_type is not client_credentials")
        if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            raise Wrong(400, "client_assertion_type is another")
        claims = self._of_the_labs(form.get("client_assertion", ""), f"{self.origin}/token")
        if claims["sub"] != CLIENT:
            raise Wrong(401, "sub of the assertion is not the client")
        if claims["exp"] - claims["iat"] > 3600:
            raise Wrong(401, "the assertion lasts for more than an hour")
        with self._lock:
            if claims["jti"] in self._assertions:
                raise Wrong(401, "the assertion was used before")
            self._assertions.add(claims["jti"])
        scopes = set(form.get("scope", "").split())
        if not scopes or scopes - {LINEITEM, SCORE}:
            raise Wrong(400, f"scope {scopes}")
        token = secrets.token_hex(8)
        self._granted[token] = scopes
        return {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": " ".join(scopes)}

    def _of_the_labs(self, token: str, audience: str) -> dict[str, Any]:
        """Claims that the labs have signed with the key that they publish."""
        with urlopen(f"{self.tool}/lti/jwks", timeout=30) as answer:
            keys = jwt.PyJWKSet.from_dict(json.load(answer))
        try:
            key = keys[jwt.get_unverified_header(token)["kid"]]
            required = ["exp", "iat", "iss", "aud"]
            return jwt.decode(
                token, key, algorithms=["RS256"], audience=audience, issuer=CLIENT, options={"require": required}
            )
        except (jwt.PyJWTError, KeyError) as problem:
            raise Wrong(401, f"the labs' signature or claims: {problem!r}") from None

    def columns(self, headers: Mapping[str, str], query: Mapping[str, str]) -> list[dict[str, Any]]:
        """The columns of the course."""
        self._allow(headers, LINEITEM)
        if query.get("course") != "1":
            raise Wrong(400, "the query of the platform's own address was lost")
        if headers.get("Accept") != "application/vnd.ims.lis.v2.lineitemcontainer+json":
            raise Wrong(406, f"Accept {headers.get('Accept')}")
        link = query.get("resource_link_id")
        return [column for column in self.book.columns.values() if link in (None, column.get("resourceLinkId"))]

    def make_column(self, headers: Mapping[str, str], query: Mapping[str, str], column: Any) -> dict[str, Any]:
        """A new column."""
        self._allow(headers, LINEITEM)
        if headers.get("Content-Type") != "application/vnd.ims.lis.v2.lineitem+json" or query.get("course") != "1":
            raise Wrong(400, "media type or address of a new column")
        if not isinstance(column.get("label"), str) or not column.get("scoreMaximum", 0) > 0:
            raise Wrong(400, "a column needs label and scoreMaximum")
        return self.book.columns[self._new_column(column)]

    def _new_column(self, column: dict[str, Any]) -> str:
        with self._lock:
            address = f"{self.origin}/columns/{len(self.book.columns) + 1}/lineitem?type_id=4"
            self.book.columns[address] = {**column, "id": address}
        return address

    def take_score(self, headers: Mapping[str, str], address: str, score: Any) -> None:
        """A score for a column."""
        self._allow(headers, SCORE)
        if headers.get("Content-Type") != "application/vnd.ims.lis.v1.score+json":
            raise Wrong(415, f"media type {headers.get('Content-Type')}")
        if address not in self.book.columns:
            raise Wrong(404, f"no column {address}")
        if score["userId"] not in {person.sub for person in self.people.values()}:
            raise Wrong(400, "no such person")
        if (score["activityProgress"], score["gradingProgress"]) != ("Completed", "FullyGraded"):
            raise Wrong(400, "progress")
        if (
            datetime.fromisoformat(score["timestamp"]).tzinfo is None
            or not 0 <= score["scoreGiven"] <= score["scoreMaximum"]
        ):
            raise Wrong(400, "timestamp or score")
        with self._lock:
            self.book.scores.append((address, score["userId"], score["scoreGiven"] / score["scoreMaximum"]))

    def _allow(self, headers: Mapping[str, str], scope: str) -> None:
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if scope not in self._granted.get(token, ()):
            raise Wrong(401, f"no access for {scope}")

    def take_choice(self, form: Mapping[str, str], query: Mapping[str, str]) -> str:
        """The answer to somebody's choice of a lab; the link that it makes is noted."""
        claims = self._of_the_labs(form.get("JWT", ""), self.origin)
        if query.get("page") != "3" or claims.get(f"{DL}data") != "opaque <data> & more":
            raise Wrong(400, "the platform's own data did not come back")
        expected = {"message_type": "LtiDeepLinkingResponse", "version": "1.3.0", "deployment_id": DEPLOYMENT}
        for name, value in expected.items():
            if claims.get(LTI + name) != value:
                raise Wrong(400, f"{name} is {claims.get(LTI + name)!r}")
        (item,) = claims[f"{DL}content_items"]
        if item["type"] != "ltiResourceLink" or not item["url"].startswith(self.tool):
            raise Wrong(400, "no link to the labs")
        self.chosen.append(item)
        return f"{_HEAD}<title>Course</title><h1>Linked: {html.escape(item['title'])}</h1>"


_HEAD = "<!DOCTYPE html><html lang=en><meta charset=utf-8><link rel=icon href=data:,>"


class _Handler(BaseHTTPRequestHandler):
    at: LearningPlatform

    def do_GET(self) -> None:
        self._answer({"/course": self.at.page, "/auth": self.at.authenticate})

    def do_POST(self) -> None:
        self._answer({})

    def _answer(self, pages: Mapping[str, Any]) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.at.asked.append(f"{self.command} {parts.path}")
        try:
            if parts.path in pages:
                self._send(200, "text/html; charset=utf-8", pages[parts.path](query))
            elif self.at.is_down:
                self._send(503, "text/plain", "down for maintenance")
            elif self.at.redirects_to and parts.path.startswith("/columns"):
                self.send_response(307)
                self.send_header("Location", self.at.redirects_to)
                self.end_headers()
            else:
                self._service(parts.path, query, body)
        except Wrong as problem:
            self.at.complaints.append(f"{self.command} {self.path}: {problem}")
            self._send(problem.status, "text/plain", str(problem))

    def _service(self, path: str, query: Mapping[str, str], body: bytes) -> None:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()} if body[:1] not in b"{[" else {}
        if path == "/jwks":
            self._json(self.at.keys())
        elif path == "/token":
            self._json(self.at.grant(form))
        elif path == "/deep":
            self._send(200, "text/html; charset=utf-8", self.at.take_choice(form, query))
        elif path == "/columns" and self.command == "GET":
            self._json(self.at.columns(self.headers, query))  # type: ignore[arg-type]
        elif path == "/columns":
            self._json(self.at.make_column(self.headers, query, json.loads(body)), 201)  # type: ignore[arg-type]
        elif path.endswith("/scores"):
            address = f"{self.at.origin}{path.removesuffix('/scores')}?{urlsplit(self.path).query}"
            self.at.take_score(self.headers, address, json.loads(body))  # type: ignore[arg-type]
            self._send(204, "text/plain", "")
        else:
            raise Wrong(404, "no such address")

    def _json(self, content: Any, status: int = 200) -> None:
        self._send(status, "application/json", json.dumps(content))

    def _send(self, status: int, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on the console of the tests."""


@contextmanager
def learning_platform(tool: str = "") -> Iterator[LearningPlatform]:
    """A platform for the time of a test; at its end nothing may have been wrong that the test did not expect."""
    platform = LearningPlatform(tool)
    try:
        yield platform
    finally:
        platform.close()
    assert platform.complaints == []
