"""Joins the front end's modules and style sheets into the one script that the browser loads.

`python -m components.bundle` writes `components/frontend/mlsys.bundle.js`; the file is committed, so
that installing needs no build step, and a test holds it against its sources. The sources are plain
ES modules without third-party code: joining is dropping their import lines and `export` keywords.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from components import theme

FRONTEND = Path(__file__).parent / "frontend"
BUNDLE = FRONTEND / "mlsys.bundle.js"

#: Dependencies first. The last group holds one module per component family.
MODULES = (
    "dom.js",
    "theme.js",
    "account.js",
    "embed.js",
    "connection.js",
    "questions.js",
    "callout.js",
    "action.js",
    "prediction.js",
    "reflection.js",
    "banner.js",
    "metrics.js",
    "peek.js",
    "about.js",
    "controls.js",
    "plot.js",
    "figure.js",
    "ledger.js",
    "report.js",
    "frame.js",
    "index.js",
    "unavailable.js",
)

#: What a class sees of itself: a snapshot has no class.
CLASSROOM_MODULES = ("classroom/bars.js", "classroom/round.js", "classroom/live.js", "classroom/overview.js")

_HEADING = "// Written by `python -m components.bundle` from the modules beside it. Do not edit.\n"
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const|function|class|async)", re.MULTILINE)
_COMPONENT = re.compile(r"^export const ([A-Z]\w*) = component\(", re.MULTILINE)


#: What plays a recorded lab without a server, in place of Panel.
SNAPSHOT_MODULES = (
    "snapshot/host.js",
    "snapshot/columns.js",
    "snapshot/figures.js",
    "snapshot/shelf.js",
    "snapshot/run.js",
    "snapshot/act.js",
    "snapshot/report.js",
    "snapshot/player.js",
    "snapshot/course.js",
)


def build() -> str:
    """The text of the bundle, from the sources as they stand: a module that exports the components."""
    modules = (*MODULES, *CLASSROOM_MODULES)
    components = [match for name in modules for match in _COMPONENT.findall(_source(name))]
    return f"{_HEADING}{_data()}{_joined(modules)}export default {{{', '.join(components)}}};\n"


def build_snapshot() -> str:
    """The script of snapshots: the same components, and what plays them; a classic script, because a page from disk
    may not load modules. It offers `MLSysLabs.play` and `MLSysLabs.showCourse`."""
    components = [match for name in MODULES for match in _COMPONENT.findall(_source(name))]
    listed = f"const COMPONENTS = {{{', '.join(components)}}};\n"
    body = f"{_data()}{_joined(MODULES)}{listed}{_joined(SNAPSHOT_MODULES)}"
    return f'const MLSysLabs = (() => {{\n"use strict";\n{body}return {{play, showCourse}};\n}})();\n'


def _source(name: str) -> str:
    return (FRONTEND / name).read_text(encoding="utf-8")


def _data() -> str:
    sheets = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FRONTEND / "css").glob("*.css"))}
    pairs = {theme.LIGHT[name].lower(): theme.DARK[name].lower() for name in theme.LIGHT}
    return (
        f"const SHEETS = {json.dumps(sheets, ensure_ascii=False)};\n"
        f"const TOKENS = {json.dumps(theme.css())};\n"
        f"const DARK_PARTNER = {json.dumps(pairs)};\n"
    )


def _joined(modules: Sequence[str]) -> str:
    return "".join(f"// --- {name} ---\n{_EXPORT.sub('', _IMPORT.sub('', _source(name)))}\n" for name in modules)


if __name__ == "__main__":
    BUNDLE.write_text(build(), encoding="utf-8")
    print(f"wrote {BUNDLE} ({BUNDLE.stat().st_size / 1e3:.1f} kB)")
