"""The skeleton of a lab: what `mlsys-labs new` writes runs and passes the robot."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from components.instruments.registry import INSTRUMENTS
from labs.conformance import check_lab
from labs.lab import Lab
from labs.scaffold import scaffold
from ledger import UnknownLab, parse_key

#: One lab of every kind of contract: numbers and words as predictions, many contexts, patterns, small results.
KINDS = ("ch01", "ch03", "ch16", "v2_01", "v2_13", "v2_17")


def load(path: Path) -> type[Lab]:
    """The lab that a file defines, imported under a name of its own."""
    name = f"scaffolded_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return next(v for v in vars(module).values() if isinstance(v, type) and issubclass(v, Lab) and v.__module__ == name)


@pytest.mark.parametrize("key", KINDS)
def test_skeleton_passes_the_robot(key: str, tmp_path: Path) -> None:
    volume, number = parse_key(key)
    known = dict(INSTRUMENTS)
    try:
        report = check_lab(load(scaffold(volume, number, "a_new_lab", tmp_path)))
    finally:
        INSTRUMENTS.clear()
        INSTRUMENTS.update(known)
    assert report.passed, str(report)


def test_an_existing_lab_is_not_overwritten(tmp_path: Path) -> None:
    path = scaffold(1, 3, "ml_workflow", tmp_path)
    path.write_text("# mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="lab 03 of volume 1 is there already"):
        scaffold(1, 3, "another_name", tmp_path)
    assert path.read_text(encoding="utf-8") == "# mine"


@pytest.mark.parametrize("slug", ["", "Upper", "with space", "../escape", "1st"])
def test_slug_must_be_a_module_name(slug: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lower-case words"):
        scaffold(1, 3, slug, tmp_path)


def test_unknown_number(tmp_path: Path) -> None:
    with pytest.raises(UnknownLab):
        scaffold(1, 40, "too_far", tmp_path)
