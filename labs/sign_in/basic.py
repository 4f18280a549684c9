"""Signing in with a name and a password of the course's own file of users."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from tornado.ioloop import IOLoop

from components.sign_in import sign_in_html
from labs import site
from labs.sign_in.addresses import sign_in_for
from labs.sign_in.page import SignInPage
from labs.sign_in.passwords import UsersFile
from labs.sign_in.person import Person, admit

log = logging.getLogger(__name__)

WRONG = "This name and this password do not belong together. Capital letters count."

#: Passwords that a process checks at the same moment: guesses wait for each other, the pages of others do not.
_AT_A_TIME = 2


@cache
def _users() -> UsersFile:
    name = site.course().sign_in.users
    assert name is not None
    return UsersFile(name)


@cache
def _hashing() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="password")


class PasswordSignIn(SignInPage):
    """The form, and what it is answered with."""

    def get(self) -> None:
        """Shows the form; who is signed in goes on to where they wanted."""
        if self.is_signed_in:
            self.redirect(self.next)
        else:
            self._form()

    async def post(self) -> None:
        """Signs in, and leads to where the person wanted to go."""
        name = self.get_body_argument("username", "").strip()
        password = self.get_body_argument("password", "", strip=False)
        if wait := site.gate().sign_in(name.casefold()[:200], self.request.remote_ip or ""):
            self.refuse_for(wait)
            return
        user = await IOLoop.current().run_in_executor(_hashing(), _users().who, name, password)
        if user is None:
            log.warning("sign-in of %s: wrong name or password", self.request.remote_ip)
            self.set_status(401)
            self._form(name, WRONG)
            return
        await admit(self, Person(user.name, user.shown))
        self.redirect(self.next, status=303)

    def _form(self, name: str = "", error: str = "") -> None:
        course = site.course()
        self.finish(
            sign_in_html(course.title, sign_in_for(self.next), accent=course.accent, name=name[:200], error=error)
        )
