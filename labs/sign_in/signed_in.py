"""Tells a page whose websocket was closed whether it is the sign-in that is over, or the connection that broke."""

from __future__ import annotations

from labs.handlers import SiteHandler
from labs.sign_in.addresses import SIGNED_IN


class SignedIn(SiteHandler):
    """`/signed-in`: 200 with whether the browser that asks is signed in, and nothing else."""

    open_to_all = True

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.write({"signed_in": self.is_signed_in})


ROUTES = ((SIGNED_IN, SignedIn),)
