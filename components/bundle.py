"""Joins the front end's modules and style sheets into the one script that the browser loads.

`python -m components.bundle` writes `components/frontend/mlsys.bundle.js`; the file is committed, so
that installing needs no build step, and a test holds it against its sources. The sources are plain
ES modules without third-party code: joining is dropping their import lines and `export` keywords.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from components import theme

FRONTEND = Path(__file__).parent / "frontend"
BUNDLE = FRONTEND / "mlsys.bundle.js"

#: Dependencies first. The last group holds one module per component family.
MODULES = (
    "dom.js",
    "theme.js",
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
    "figure.js",
    "ledger.js",
    "frame.js",
    "index.js",
)

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const|function|class|async)", re.MULTILINE)
_COMPONENT = re.compile(r"^export const ([A-Z]\w*) = component\(", re.MULTILINE)


def build() -> str:
    """The text of the bundle, from the sources as they stand."""
    sources = {name: (FRONTEND / name).read_text(encoding="utf-8") for name in MODULES}
    sheets = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FRONTEND / "css").glob("*.css"))}
    components = [match for text in sources.values() for match in _COMPONENT.findall(text)]
    pairs = {theme.LIGHT[name].lower(): theme.DARK[name].lower() for name in theme.LIGHT}
    head = (
        "// Written by `python -m components.bundle` from the modules beside it. Do not edit.\n"
        f"const SHEETS = {json.dumps(sheets, ensure_ascii=False)};\n"
        f"const TOKENS = {json.dumps(theme.css())};\n"
        f"const DARK_PARTNER = {json.dumps(pairs)};\n"
    )
    body = "".join(f"// --- {name} ---\n{_EXPORT.sub('', _IMPORT.sub('', text))}\n" for name, text in sources.items())
    return f"{head}{body}export default {{{', '.join(components)}}};\n"


if __name__ == "__main__":
    BUNDLE.write_text(build(), encoding="utf-8")
    print(f"wrote {BUNDLE} ({BUNDLE.stat().st_size / 1e3:.1f} kB)")
