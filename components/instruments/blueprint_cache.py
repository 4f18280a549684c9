"""Drawn plots kept in a folder: what HoloViews has drawn once on a machine, no process draws again.

A file is found by the structure of its plot, in a folder named after everything else that a drawing depends on: the
libraries that draw and the modules here that tell them how. Nothing is ever out of date; another version draws anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

_LIBRARIES = ("holoviews", "bokeh", "panel", "param", "numpy", "pandas")
_MODULES = ("instruments/blueprint.py", "instruments/layers.py", "theme.py")

_log = logging.getLogger(__name__)


class BlueprintCache:
    """A folder of drawings. Files are whole or not there, whoever else writes to the folder.

    A folder that cannot be written, or a file that cannot be read, costs time only: the log says so, and the plot is
    drawn.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / edition()

    def get(self, structure: tuple[Any, ...]) -> str | None:
        """What was put for a plot of this structure; None if nothing was."""
        path = self._path(structure)
        try:
            drawing = path.read_text(encoding="utf-8")
            json.loads(drawing)
            return drawing
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as problem:
            _log.warning("a drawn plot cannot be read and is drawn anew: %s", problem)
            return None

    def put(self, structure: tuple[Any, ...], drawing: str) -> None:
        """Keeps a drawing, which is JSON, for all plots of this structure."""
        path = self._path(structure)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".new")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(drawing)
            os.replace(name, path)
        except OSError as problem:
            _log.warning("a drawn plot cannot be kept: %s", problem)

    def _path(self, structure: tuple[Any, ...]) -> Path:
        return self._folder / f"{hashlib.sha256(repr(structure).encode()).hexdigest()[:40]}.json"


@cache
def edition() -> str:
    """A name for all that drawings depend on apart from the structure of the plot."""
    digest = hashlib.sha256("".join(f"{name} {version(name)}\n" for name in _LIBRARIES).encode())
    for module in _MODULES:
        digest.update((Path(__file__).parents[1] / module).read_bytes())
    return digest.hexdigest()[:16]
