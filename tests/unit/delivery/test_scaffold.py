"""The skeleton of a lab: what `mlsys-labs new` writes runs and passes the robot."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from ruff import find_ruff_bin

from components.instruments.registry import INSTRUMENTS
from labs.cli import main
from labs.conformance import check_lab
from labs.lab import Lab
from labs.scaffold import NoPlaceError, scaffold
from labs.usage import UsageError
from ledger import CONTRACT, contract_of, keys, parse_key

ROOT = Path(__file__).parents[3]

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


@pytest.mark.parametrize("key", KINDS)
def test_skeleton_keeps_the_style(key: str, tmp_path: Path) -> None:
    path = scaffold(*parse_key(key), "a_new_lab", tmp_path)
    settings = ["--config", str(ROOT / "pyproject.toml"), str(path)]
    for asked in (["check", "--no-cache"], ["format", "--diff", "--no-cache"]):
        answer = subprocess.run([find_ruff_bin(), *asked, *settings], cwd=ROOT, capture_output=True, text=True)
        assert answer.returncode == 0, answer.stdout + answer.stderr


def test_an_existing_lab_is_not_overwritten(tmp_path: Path) -> None:
    path = scaffold(1, 3, "ml_workflow", tmp_path)
    path.write_text("# mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="lab 03 of volume 1 is there already"):
        scaffold(1, 3, "another_name", tmp_path)
    assert path.read_text(encoding="utf-8") == "# mine"


@pytest.mark.parametrize("slug", ["", "Upper", "with space", "../escape", "1st"])
def test_slug_must_be_a_module_name(slug: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lower-case words"):
        scaffold(1, 3, slug, tmp_path)


@pytest.mark.parametrize(("volume", "number", "next_number"), [(1, 40, 17), (2, 0, 18), (2, -1, 18)])
def test_a_number_that_would_leave_a_gap(volume: int, number: int, next_number: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"the next is {next_number}, not {number}"):
        scaffold(volume, number, "too_far", tmp_path)


def test_an_unknown_volume(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no volume 3; there are 1, 2"):
        scaffold(3, 1, "no_book", tmp_path)


class TestTheNextLab:
    """What is to be written before the lab after the last one has a place."""

    PLACE = "ledger/keys.py: CHAPTERS[2] becomes range(1, 19)"
    WORDS = 'ledger/contract_volume2.py: VOLUME_2 gets lab("v2_18", …)'

    def steps(self, tmp_path: Path) -> list[str]:
        """The numbered lines of the refusal."""
        with pytest.raises(NoPlaceError) as refusal:
            scaffold(2, 18, "checkpoint_tax", tmp_path)
        assert not list(tmp_path.iterdir())
        return [line.strip() for line in str(refusal.value).splitlines() if line.startswith("  ")]

    def test_neither_place_nor_contract(self, tmp_path: Path) -> None:
        first, second = self.steps(tmp_path)
        assert first == f"1. {self.PLACE}"
        assert second.startswith(f"2. {self.WORDS}")

    def test_a_place_without_a_contract(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(keys.CHAPTERS, 2, range(1, 19))
        (only,) = self.steps(tmp_path)
        assert only.startswith(f"1. {self.WORDS}")

    def test_both_make_a_skeleton(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(keys.CHAPTERS, 2, range(1, 19))
        monkeypatch.setitem(keys._PLACES, "v2_18", (2, 18))
        monkeypatch.setitem(CONTRACT, "v2_18", contract_of("v2_07"))
        assert scaffold(2, 18, "checkpoint_tax", tmp_path) == tmp_path / "lab_18_checkpoint_tax.py"

    def test_the_command_says_the_steps(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["new", "2", "18", "checkpoint_tax"]) == 2
        assert self.PLACE in capsys.readouterr().err
