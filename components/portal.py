"""Scripts for the pages of portals."""

from __future__ import annotations

import json

from components.bundle import FRONTEND


def notice_script(element: str, text: str) -> str:
    """A script that shows `text` after the element of that id: an answer in place of the lab that was asked for."""
    source = (FRONTEND / "portal/notice.js").read_text(encoding="utf-8").rstrip()
    return f"{source}({json.dumps(element)}, {json.dumps(text)})\n"


def height_script(origin: str) -> str:
    """The portal's side of a frame: gives it the height that the lab at `origin` reports."""
    source = (FRONTEND / "portal/height.js").read_text(encoding="utf-8").rstrip()
    return source.replace("LABS", json.dumps(origin))
