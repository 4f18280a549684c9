"""Where a launch leads: to a page of the course, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from labs.catalog import path_of
from labs.lab import Lab
from labs.lti.errors import LtiError

#: The address of the labs as a whole: a link that names no lab leads to the index.
LAUNCH = "/lti/launch"

#: What a link may not bring: how the page is shown follows from the launch.
_OURS = ("embed", "bokeh-session-id")


@dataclass(frozen=True)
class Destination:
    """A page of the course; `lab` is None for the index."""

    path: str
    query: tuple[tuple[str, str], ...]
    lab: type[Lab] | None

    def address(self, framed: bool) -> str:
        """The page's address; `framed` where it stands inside another page."""
        query = [*self.query, *([("embed", "1")] if framed and self.lab is not None else [])]
        return self.path + (f"?{urlencode(query)}" if query else "")


def destination(url: str, origin: str, offered: tuple[type[Lab], ...]) -> Destination:
    """The page that `url` names. LtiError unless it is one of the labs at `origin` that are offered, or their index."""
    try:
        parts = urlsplit(url)
        same = f"{parts.scheme}://{parts.netloc}".lower() == origin.lower()
    except ValueError:
        same = False
    if not same:
        raise LtiError("The link leads to another site than that of the labs.", detail=f"{url[:200]!r} from {origin}")
    lab = next((lab for lab in offered if parts.path.rstrip("/") == f"/{path_of(lab)}"), None)
    if lab is None and parts.path not in ("", "/", LAUNCH):
        raise LtiError("The link leads to a lab that this course does not offer.", 404, f"path {parts.path[:200]!r}")
    query = tuple(pair for pair in parse_qsl(parts.query) if pair[0] not in _OURS)
    return Destination(f"/{path_of(lab)}" if lab else "/", query, lab)
