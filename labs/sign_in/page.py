"""What the addresses of signing in and out have in common: their look, and what nobody may keep of their answers."""

from __future__ import annotations

import logging
from typing import Any

from components.sign_in import message_html
from labs import site
from labs.handlers import SiteHandler
from labs.own_path import own_path
from labs.same_origin import from_this_site
from labs.sign_in.addresses import sign_in_for
from labs.sign_in.problem import SignInError, SignInProblem

log = logging.getLogger(__name__)


class SignInPage(SiteHandler):
    """A page that is there for people who have not signed in."""

    open_to_all = True

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    @property
    def next(self) -> str:
        """Where the person wanted to go."""
        return own_path(self.get_argument("next", "/"))

    def check_xsrf_cookie(self) -> None:
        """Raises SignInProblem unless a page of this site has sent the request."""
        if not from_this_site(self.request):
            raise SignInProblem(403, "This form was not sent from here", "Please open the page anew, and try again.")

    def shows(self, title: str, text: str, **more: Any) -> None:
        """Answers with a message. `more`: see `message_html`."""
        course = site.course()
        self.finish(message_html(course.title, title, text, accent=course.accent, **more))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """The page for whatever went wrong; details are for the log alone."""
        problem = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(problem, SignInError):
            problem = SignInProblem(
                503,
                "Nobody can sign in just now",
                "The sign-in is not set up right. Please tell whoever runs this course.",
            )
        if not isinstance(problem, SignInProblem):
            problem = SignInProblem(
                status_code,
                "Something went wrong",
                "You have not been signed in. If that happens again, please tell whoever runs this course.",
            )
        self.set_status(problem.status)
        self.shows(problem.title, problem.text, link=(sign_in_for(self.back_to()), "Sign in again"))

    def back_to(self) -> str:
        """Where a new attempt leads."""
        return self.next

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """What a person sees is no fault of the program; the operator learns of it in one line."""
        if isinstance(value, SignInProblem | SignInError):
            log.warning("sign-in of %s: %s", self.request.remote_ip, value)
        else:
            super().log_exception(typ, value, tb)
