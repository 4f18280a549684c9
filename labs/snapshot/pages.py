"""Writes recorded labs as HTML: one file each, or a folder with shared scripts and an index."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import bokeh
from markupsafe import Markup

from components import theme
from components.bundle import build_snapshot
from components.documents import render
from labs.lab import Lab
from labs.pages import THUMBNAILS, index_content, title_of
from labs.site import course
from labs.snapshot.columns import deflated
from labs.snapshot.handout import CSS as HANDOUT_CSS
from labs.snapshot.handout import handout
from labs.snapshot.lesson import lesson
from labs.snapshot.recorder import Recording
from ledger import KEYS

ASSETS = "assets"
INDEX = "index.html"

#: Nothing leaves the page; what is not inside the file or its folder does not load.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' file:; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)

WAITING = (
    "The lab is being unpacked. If nothing follows, this browser is too old for it: please use one from 2023 or newer."
)


@dataclass(frozen=True)
class Script:
    """A script of the page: its text, and the name under which pages of a folder share it."""

    name: str
    text: str


@cache
def scripts() -> tuple[Script, ...]:
    """Bokeh's script and our own. Widgets, tables, WebGL and MathJax are not needed."""
    drawn_by = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"
    ours = build_snapshot()
    digest = hashlib.sha256(ours.encode()).hexdigest()[:12]
    return (
        Script(f"bokeh-{bokeh.__version__}.min.js", drawn_by.read_text(encoding="utf-8")),
        Script(f"mlsys-labs-{digest}.js", ours),
    )


def lab_html(
    lab: type[Lab], recordings: Mapping[str, Mapping[str, Recording]], *, single_file: bool, answers: bool
) -> str:
    """The page of a recorded lab."""
    blocks = [("lesson", deflated(json.dumps(lesson(lab, recordings), ensure_ascii=False).encode()))]
    blocks += [
        (f"{key}-{context}", recording.table.encode())
        for key, by_context in recordings.items()
        for context, recording in by_context.items()
    ]
    # A file that is mailed alone has no index beside it.
    home = "" if single_file else INDEX
    return _page(
        title_of(lab),
        [{"id": name, "text": base64.b64encode(content).decode()} for name, content in blocks],
        f"MLSysLabs.play({json.dumps(home)})",
        handout(lab, answers=answers),
        single_file=single_file,
    )


def index_html(labs: Sequence[type[Lab]], *, single_file: bool) -> str:
    """The index page of a folder: the cards of the labs that lie in it."""
    content = index_content(labs, course().title)
    for volume in content["volumes"]:
        for card in volume["labs"]:
            card["href"] = f"{card['slug']}.html"
            card["thumbnail"] = _picture(card["key"])
    data = json.dumps({"index": content, "keys": list(KEYS)}, ensure_ascii=False).replace("<", "\\u003c")
    block = {"id": "course", "text": Markup(data)}
    return _page(course().title, [block], "MLSysLabs.showCourse()", "", single_file=single_file)


def _page(title: str, blocks: Sequence[Mapping[str, Any]], start: str, printed: str, *, single_file: bool) -> str:
    shown = [
        {"text": Markup(script.text.replace("</script", "<\\/script"))}
        if single_file
        else {"source": f"{ASSETS}/{script.name}"}
        for script in scripts()
    ]
    return render(
        "snapshot.html",
        title=title,
        policy=_POLICY,
        tokens=Markup(theme.css() + theme.accent_css(course().accent)),
        handout_css=Markup(HANDOUT_CSS),
        handout=Markup(printed),
        waiting=WAITING,
        blocks=blocks,
        scripts=shown,
        start=Markup(start),
    )


def _picture(key: str) -> str:
    path = THUMBNAILS / f"{key}.png"
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}" if path.is_file() else ""
