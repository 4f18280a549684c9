"""Scripts for the pages of portals."""

from __future__ import annotations

import json

from components.bundle import FRONTEND


def notice_script(element: str, text: str) -> str:
    """A script that shows `text` after the element of that id: an answer in place of the lab that was asked for."""
    return f"{_source('notice')}({json.dumps(element)}, {json.dumps(text)})\n"


def height_script(origin: str) -> str:
    """The portal's side of a frame: gives it the height that the lab at `origin` reports."""
    return _source("height").replace("LABS", json.dumps(origin))


def preparing_script() -> str:
    """What runs in a portal's page before the labs' own scripts are loaded into it."""
    return _source("modules") + "\n"


def _source(name: str) -> str:
    return (FRONTEND / "portal" / f"{name}.js").read_text(encoding="utf-8").rstrip()
