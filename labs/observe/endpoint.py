"""`/metrics`: for whoever knows the token, and for nobody else there at all."""

from __future__ import annotations

import hmac
import os

from prometheus_client import CONTENT_TYPE_LATEST
from tornado.web import HTTPError

from labs.handlers import SiteHandler
from labs.observe.metrics import exposition
from labs.observe.settings import SettingError

TOKEN_VARIABLE = "MLSYS_LABS_METRICS_TOKEN"
SHORTEST_TOKEN = 16


def token() -> str:
    """The token of the installation; empty if none is set. Raises SettingError for a short one."""
    found = os.environ.get(TOKEN_VARIABLE, "")
    if 0 < len(found) < SHORTEST_TOKEN:
        raise SettingError(f"{TOKEN_VARIABLE} has {len(found)} characters; it needs {SHORTEST_TOKEN} or more")
    return found


class Metrics(SiteHandler):
    """Prometheus's text, for `Authorization: Bearer <token>`; 404 otherwise, as where nothing is."""

    #: Whoever brings the token of the metrics, and nobody else.
    open_to_all = True

    def get(self) -> None:
        expected, given = token(), self.request.headers.get("Authorization", "")
        if not expected or not hmac.compare_digest(given.encode(), f"Bearer {expected}".encode()):
            raise HTTPError(404)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.write(exposition())


ROUTES = ((r"/metrics", Metrics),)
