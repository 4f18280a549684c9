"""`mlsys-labs secret`: changing the secret of an installation."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from labs import site
from labs.usage import UsageError
from ledger.identity import SECRET_VARIABLE
from ledger.rotation import rotate

#: Within this time most students come back once, and get a cookie signed with the new secret.
DAYS = 30


def add_secret_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `secret rotate` to the command line."""
    actions = command("secret", None, "Change the secret that signs cookies.").add_subparsers(
        required=True, metavar="ACTION"
    )
    summary = "Put a new secret in place; restart the servers afterwards."
    sub = actions.add_parser("rotate", help=summary, description=summary)
    sub.set_defaults(run=_rotate, ledger=None)
    sub.add_argument(
        "--days",
        type=int,
        default=DAYS,
        metavar="N",
        help=f"how long cookies signed with the old secret are believed (default {DAYS}); 0 if it has leaked",
    )


def _rotate(options: argparse.Namespace) -> int:
    if os.environ.get(SECRET_VARIABLE) is not None:
        raise UsageError(
            f"the secret comes from {SECRET_VARIABLE}; put it into a file, and name that, to change it here"
        )
    if not 0 <= options.days <= site.COOKIE_DAYS:
        raise UsageError(f"--days takes a number from 0 to {site.COOKIE_DAYS}, not {options.days}")
    path = site.secret_path()
    if not path.is_file():
        raise UsageError(f"there is no secret at {path} yet")
    until = rotate(path, options.days)
    print(f"A new secret is in {path}. Restart every server of this installation.")
    if options.days:
        print(
            f"Cookies of the old one are believed until {until:%Y-%m-%d %H:%M} UTC, and renewed when their owner comes."
        )
    else:
        print("Cookies of the old one are not believed any more: students without a sign-in begin anew.")
    return 0
