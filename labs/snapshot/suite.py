"""Writes snapshots of many labs into a folder, several processes at a time, and only of what has changed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from labs.catalog import catalog, find_lab
from labs.lab import Lab
from labs.robot import opened
from labs.site import course
from labs.snapshot.grid import grids
from labs.snapshot.pages import ASSETS, INDEX, index_html, lab_html, scripts
from labs.snapshot.recorder import Recorder, Recording
from labs.warm import keep_drawings

ROOT = Path(__file__).parents[2]

#: What a folder of snapshots keeps about itself. Only a folder that has it, or an empty one, is written to.
MANIFEST = "mlsys-labs-snapshot.json"

#: Packages whose versions change what a snapshot shows.
_LIBRARIES = ("bokeh", "holoviews", "numpy", "panel")


class SnapshotError(ValueError):
    """The folder cannot be used; says why, and nothing was overwritten."""


@dataclass(frozen=True)
class Style:
    """How snapshots are written: each file complete in itself, or with shared scripts; with answers, or without."""

    single_file: bool = False
    answers: bool = False


@dataclass
class Report:
    """What a run did: the files that it wrote, the labs that had not changed."""

    written: list[Path] = field(default_factory=list)
    unchanged: list[type[Lab]] = field(default_factory=list)


def record(lab: type[Lab]) -> dict[str, dict[str, Recording]]:
    """The recordings of both acts of a lab, by act and context."""
    keep_drawings()
    recordings: dict[str, dict[str, Recording]] = {}
    for key in ("act1", "act2"):
        recordings[key] = {}
        for context, grid in grids(lab, key).items():
            run = opened(lab, context=context)
            recordings[key][context] = Recorder(run, run.act(key), grid).record()
    return recordings


def snapshot(
    labs: Sequence[type[Lab]],
    folder: Path,
    style: Style,
    *,
    processes: int | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Report:
    """Writes the labs into `folder`, with an index of all that lie there.

    `progress` is told how many labs of how many are done, and which was the last. Raises SnapshotError for a folder
    that holds something else or cannot be written; what is in it then stays as it was.
    """
    known = _open(folder)
    report = Report()
    stale = [lab for lab in labs if not _is_current(folder, known, lab, style)]
    report.unchanged = [lab for lab in labs if lab not in stale]
    if not style.single_file:
        _write_assets(folder, report)
    for done, (lab, html) in enumerate(_recorded(stale, style, processes), start=1):
        report.written.append(_write(folder / f"{lab.slug}.html", html))
        known[lab.slug] = _digest(lab, style)
        _keep(folder, known)
        progress(done, len(stale), lab.title)
    there = [lab for lab in catalog() if lab.slug in known and (folder / f"{lab.slug}.html").is_file()]
    report.written.append(_write(folder / INDEX, index_html(there, single_file=style.single_file)))
    _keep(folder, known)
    return report


def _recorded(labs: Sequence[type[Lab]], style: Style, processes: int | None) -> Iterator[tuple[type[Lab], str]]:
    """The labs' pages, in the order in which they are done."""
    processes = min(processes or os.cpu_count() or 1, len(labs))
    if processes <= 1:
        for lab in labs:
            yield lab, _html_of(lab.volume, lab.number, style)
        return
    with ProcessPoolExecutor(processes) as pool:
        waiting = {pool.submit(_html_of, lab.volume, lab.number, style): lab for lab in labs}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def _html_of(volume: int, number: int, style: Style) -> str:
    lab = find_lab(volume, number)
    return lab_html(lab, record(lab), single_file=style.single_file, answers=style.answers)


# --- the folder ----------------------------------------------------------------------------------------------


def _open(folder: Path) -> dict[str, Any]:
    """What the folder's manifest knows; of an empty or new folder nothing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = sorted(path.name for path in folder.iterdir())
        if there and MANIFEST not in there:
            raise SnapshotError(
                f"{folder} holds files that no snapshot wrote ({', '.join(there[:3])}{'…' if len(there) > 3 else ''}); "
                "choose an empty or a new folder. Nothing was written."
            )
        known = json.loads((folder / MANIFEST).read_text(encoding="utf-8")) if there else {}
        _keep(folder, known)
    except FileExistsError:
        raise SnapshotError(f"{folder} is a file; choose a folder. Nothing was written.") from None
    except OSError as problem:
        raise SnapshotError(f"{folder} cannot be written ({problem.strerror}). Nothing was written.") from None
    except ValueError as problem:
        if isinstance(problem, SnapshotError):
            raise
        raise SnapshotError(f"{folder / MANIFEST} is damaged ({problem}); choose a new folder.") from None
    return known


def _keep(folder: Path, known: dict[str, Any]) -> None:
    _write(folder / MANIFEST, json.dumps(known, indent=1, sort_keys=True))


def _write(path: Path, text: str) -> Path:
    """Written beside and renamed: a full disk or a stop leaves no half page."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise SnapshotError(f"{path} cannot be written ({problem.strerror}); what was there is unchanged.") from None
    return path


def _write_assets(folder: Path, report: Report) -> None:
    assets = folder / ASSETS
    assets.mkdir(exist_ok=True)
    wanted = {script.name for script in scripts()}
    for script in scripts():
        if not (assets / script.name).is_file():
            report.written.append(_write(assets / script.name, script.text))
    for old in assets.glob("mlsys-labs-*.js"):
        if old.name not in wanted:
            old.unlink()


def _is_current(folder: Path, known: dict[str, Any], lab: type[Lab], style: Style) -> bool:
    return known.get(lab.slug) == _digest(lab, style) and (folder / f"{lab.slug}.html").is_file()


# --- what a snapshot depends on ------------------------------------------------------------------------------


def _digest(lab: type[Lab], style: Style) -> str:
    """Changes with the lab's own file, what all labs share, the look of the course, and the way of writing."""
    own = ROOT / "labs" / f"vol{lab.volume}" / f"{lab.slug}.py"
    look = (course().title, course().accent)
    parts = [_shared(), own.read_bytes().hex(), repr(style), repr(look)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _shared() -> str:
    """A digest of everything that more than one lab depends on: our own sources, the libraries that draw."""
    sources = [
        path
        for package in ("mlsysim", "components", "labs", "ledger")
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in (".py", ".js", ".css", ".html", ".yaml") and not path.match("labs/vol*/lab_*.py")
    ]
    digest = hashlib.sha256()
    for path in sources:
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    return digest.hexdigest() + "\n".join(versions)
