"""The addresses at which learning platforms meet the labs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

from tornado.ioloop import IOLoop
from tornado.web import HTTPError

from components.lti import picker_html
from labs import site
from labs.cookies import give
from labs.course.lti import Platform
from labs.frames import origin_of
from labs.handlers import SiteHandler
from labs.launch_pages import entered_path
from labs.lti import browser
from labs.lti.choices import choices
from labs.lti.claims import SCOPE_SCORE, Launch
from labs.lti.deep_linking import response
from labs.lti.destination import LAUNCH, Destination, destination
from labs.lti.errors import LtiError
from labs.lti.id_token import read_id_token
from labs.lti.registration import registration
from labs.lti.state import LIFETIME, State, new_nonce, read_state
from labs.lti.tool_key import ToolKey, load_key
from labs.telling import tell
from ledger import LedgerError
from ledger.grades import GradeColumn, grade_to
from ledger.identity import STUDENT, Bearer, sign_role
from ledger.one_time import use_once
from ledger.people import remember_person

#: How long somebody whom a platform has launched stays who they are (s); the next launch begins anew.
SESSION_S = 12 * 3600

log = logging.getLogger(__name__)

_TRY_AGAIN = (
    "Go back to your course and click the link once more. If that does not help, show this page to whoever runs the "
    "course. Nothing that you have saved is lost."
)

Found = TypeVar("Found")


@cache
def tool_key() -> ToolKey | None:
    """The key of this installation, None where the course has no LTI; KeyFileError when it cannot be used."""
    path = site.course().lti.key_file
    return None if path is None else load_key(Path(path))


class LtiHandler(SiteHandler):
    """What the addresses of LTI have in common: they exist where the course has a key, and say what went wrong."""

    #: These requests come from a platform, and the signed state of a launch protects them.
    takes_from_other_sites = True
    #: A launch is how people sign in.
    open_to_all = True

    def prepare(self) -> None:
        super().prepare()
        if self._finished:
            return
        self.set_header("Cache-Control", "no-store")
        if tool_key() is None:
            raise HTTPError(404)

    def key(self) -> ToolKey:
        """The key of this installation."""
        key = tool_key()
        assert key is not None
        return key

    @property
    def origin(self) -> str:
        """Scheme, host and port under which the browser reaches the labs."""
        return f"{self.request.protocol}://{self.request.host}"

    async def aside(self, work: Callable[[], Found]) -> Found:
        """Does what waits for a network or a disk without holding up the pages of this process."""
        return await IOLoop.current().run_in_executor(None, work)

    def turn_away(self, problem: LtiError | LedgerError) -> None:
        """The page for a launch that cannot be followed."""
        if isinstance(problem, LtiError):
            log.warning("launch refused: %s %s", problem, problem.detail)
            status, why = problem.status, str(problem)
        else:
            log.error("launch failed: %s", problem)
            status, why = 503, "The ledger cannot be reached now; try again in a moment."
        tell(self, status, "The lab cannot be opened", [why, _TRY_AGAIN])


class Login(LtiHandler):
    """`/lti/login`: a platform says that somebody wants to come; the labs send them to its sign-in."""

    def get(self) -> None:
        self._begin()

    def post(self) -> None:
        self._begin()

    def _begin(self) -> None:
        try:
            platform = self._platform()
            destination(self._given("target_link_uri"), self.origin, site.course().offered)
            hint = self._given("login_hint")
        except LtiError as problem:
            self.turn_away(problem)
            return
        state = State(platform.issuer, platform.client_id, new_nonce(), browser.mark(self))
        question = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": self.origin + LAUNCH,
            "login_hint": hint,
            "state": state.sign(site.secret()),
            "nonce": state.nonce,
        }
        if message_hint := self.get_argument("lti_message_hint", ""):
            question["lti_message_hint"] = message_hint
        parts = urlsplit(platform.auth_login_url)
        query = "&".join(filter(None, (parts.query, urlencode(question))))
        self.redirect(urlunsplit(parts._replace(query=query)))

    def _platform(self) -> Platform:
        issuer, client_id = self._given("iss"), self.get_argument("client_id", "") or None
        platform = site.course().lti.find(issuer, client_id)
        if platform is None:
            raise LtiError(
                "The platform is not one that the course's file names (issuer and client_id).",
                403,
                f"issuer {issuer[:200]!r}, client_id {(client_id or '')[:200]!r}",
            )
        return platform

    def _given(self, name: str) -> str:
        value = self.get_argument(name, "")
        if not value:
            raise LtiError(f"The platform has left out {name}, without which nobody can be let in.")
        return value


class LaunchHandler(LtiHandler):
    """`/lti/launch`: a platform's signed statement arrives with whoever clicked the link."""

    async def post(self) -> None:
        if self.get_argument("error", ""):
            # The words of the platform's answer came through the browser: they are not repeated.
            self.turn_away(LtiError("The platform did not let you in: your session there may be over.", 403))
            return
        try:
            state = read_state(self.get_argument("state", ""), site.secret())
            platform = site.course().lti.find(state.issuer, state.client_id)
            if platform is None:
                raise LtiError("The course's file does not name this platform any more.", 403)
            browser.check(self, state, platform)
            token = self.get_argument("id_token", "")
            launch = await self.aside(lambda: self._believed(token, platform, state))
            if launch.settings is not None:
                page = await self.aside(lambda: self._offer(launch, platform))
                assert launch.settings is not None
                # The form of the lab that is chosen goes to the platform, at a host that is known as its own.
                self.sends_forms_to(origin_of(launch.settings.deep_link_return_url) or "'self'")
                self.finish(page)
            else:
                await self._let_in(launch, platform)
        except (LtiError, LedgerError) as problem:
            self.turn_away(problem)

    @staticmethod
    def _believed(token: str, platform: Platform, state: State) -> Launch:
        launch = read_id_token(token, platform, state.nonce)
        if not use_once(site.store(), f"lti-{state.nonce}", datetime.now(UTC) + 2 * LIFETIME):
            raise LtiError("This launch was used before.", 403)
        return launch

    def _offer(self, launch: Launch, platform: Platform) -> str:
        """The page of labs for whoever makes a link; one signature per lab takes a moment."""
        assert launch.settings is not None
        url = launch.settings.deep_link_return_url
        if not platform.owns(url):
            raise LtiError(
                "The platform wants the answer at a host that is not known as one of its own; if it is one, name it in "
                "the course's file (hosts).",
                detail=f"deep_link_return_url {url[:200]!r}",
            )
        course, key = site.course(), self.key()
        volumes = choices(course, lambda lab: response(launch, platform, key, self.origin, lab))
        return picker_html(course.title, volumes, url, course.accent)

    async def _let_in(self, launch: Launch, platform: Platform) -> None:
        """Makes the browser that of the person launched, and leads on to the lab."""
        course = site.course()
        goal = destination(launch.target_link_uri, self.origin, course.offered)
        student_id = await self.aside(lambda: site.pseudonym(f"lti {platform.issuer} {launch.sub}"))
        await self.aside(lambda: self._remember(student_id, launch, platform, goal))
        token = sign_role(Bearer(student_id, launch.role, int(time.time()) + SESSION_S), site.secret())
        give(self, token)
        address = goal.address(launch.framed)
        # A frame may keep no cookie; it shows with the next request.
        self.redirect(entered_path(address, token) if launch.framed else address, status=303)

    @staticmethod
    def _remember(student_id: str, launch: Launch, platform: Platform, goal: Destination) -> None:
        """Keeps the name and the column of the gradebook, if the platform gives them, and whether they teach."""
        remember_person(site.store(), student_id, launch.full_name, site.role_of(student_id, launch.role))
        grades, link = launch.grades, launch.resource_link
        if goal.lab is None or grades is None or link is None or launch.role != STUDENT:
            return
        if SCOPE_SCORE not in grades.scope or (grades.lineitem is None and grades.lineitems is None):
            return
        column = GradeColumn(
            issuer=platform.issuer,
            client_id=platform.client_id,
            deployment=launch.deployment_id,
            resource_link=link.id,
            key=goal.lab.key(),
            lineitems=grades.lineitems,
            lineitem=grades.lineitem,
        )
        for url in filter(None, (column.lineitem, column.lineitems)):
            if not platform.owns(url):
                log.warning(
                    "no scores for %s: its gradebook is at %s, which is none of its hosts (hosts in the course's file)",
                    platform.issuer,
                    urlsplit(url).netloc,
                )
                return
        grade_to(site.store(), student_id, launch.sub, column)


class Jwks(LtiHandler):
    """`/lti/jwks`: the public half of the key, for platforms to check what the labs sign."""

    def get(self) -> None:
        self.set_header("Cache-Control", "public, max-age=300")
        self.write({"keys": [self.key().public_jwk]})


class Registration(LtiHandler):
    """`/lti/config.json`: what an operator enters at a platform."""

    def get(self) -> None:
        content: dict[str, Any] = registration(self.origin, site.course().title)
        self.write({**content, "public_jwk": self.key().public_jwk})


ROUTES = (
    (r"/lti/login", Login),
    (r"/lti/launch", LaunchHandler),
    (r"/lti/jwks", Jwks),
    (r"/lti/config.json", Registration),
)
