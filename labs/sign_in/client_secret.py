"""The client secret of this installation at its OpenID provider: never in the course's file, never without one."""

from __future__ import annotations

import os
from pathlib import Path

from labs.course.sign_in import CLIENT_SECRET_VARIABLE, SignIn
from labs.sign_in.problem import SignInError


def client_secret(sign_in: SignIn) -> str:
    """The secret from the environment, or else from the file that the course names. Raises SignInError without one."""
    given = os.environ.get(CLIENT_SECRET_VARIABLE, "")
    where = f"the environment variable {CLIENT_SECRET_VARIABLE}"
    if CLIENT_SECRET_VARIABLE not in os.environ:
        if sign_in.client_secret_file is None:
            raise SignInError(f"the client secret is missing; set {where}, or name its file with client_secret_file")
        where = f"the client secret's file {sign_in.client_secret_file}"
        try:
            given = Path(sign_in.client_secret_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise SignInError(f"{where} cannot be read: {problem}") from None
    if not given.strip():
        raise SignInError(f"{where} is empty")
    return given.strip()
