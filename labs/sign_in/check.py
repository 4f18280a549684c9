"""Whether what a sign-in needs beside the course's file is there, before anybody wants to sign in."""

from __future__ import annotations

from labs.course import SignIn
from labs.sign_in.client_secret import client_secret
from labs.sign_in.passwords import UsersFile
from labs.sign_in.problem import SignInError


def check_sign_in(sign_in: SignIn) -> None:
    """Raises SignInError unless what a sign-in needs beside the course's file is there."""
    if sign_in.method == "basic":
        assert sign_in.users is not None
        unknown = set(sign_in.instructors) - set(UsersFile(sign_in.users).users())
        if unknown:
            raise SignInError(f"instructors that {sign_in.users} does not name: {', '.join(sorted(unknown))}")
    elif sign_in.method == "oidc":
        client_secret(sign_in)
