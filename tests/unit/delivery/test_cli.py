"""The command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs import site
from labs.catalog import catalog
from labs.cli import READER_LEFT, main
from labs.vol1.lab_02_ml_systems import IronLawLab
from ledger import DesignLedger, new_student_id, open_store


@pytest.fixture
def ledger_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ledger with one student who has locked a prediction."""
    path = tmp_path / "ledger.db"
    monkeypatch.setenv(site.LEDGER_VARIABLE, str(path))
    lab = IronLawLab(DesignLedger(open_store(str(path)), new_student_id()))
    lab.begin_act1()
    lab.lock("act1", "A")
    site.store.cache_clear()
    yield path
    site.store.cache_clear()


def test_list_json_describes_the_catalog(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(catalog())
    lab = next(row for row in rows if (row["volume"], row["number"]) == (1, 2))
    assert lab == {
        "volume": 1,
        "number": 2,
        "slug": "lab_02_ml_systems",
        "title": "The Iron Law and the Memory Wall",
        "path": "/vol1/lab_02_ml_systems",
        "minutes": 38,
        "contexts": ["cloud", "edge"],
    }


def test_list_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "V1-02  38 min  The Iron Law" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["V1-02", "v1_02", "ch02", "lab_02_ml_systems", "labs/vol1/lab_02_ml_systems.py"])
def test_check_finds_a_lab_by_any_of_its_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", name]) == 0
    assert "V1-02" in capsys.readouterr().out


def test_check_of_an_unknown_lab_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "V3-01"]) == 2
    message = capsys.readouterr().err
    assert "'V3-01'" in message
    assert "V1-02" in message


@pytest.mark.parametrize(
    ("arguments", "words"), [(["serve", "--port", "70000"], "1 to 65535"), (["serve", "--num-procs", "0"], "from 1")]
)
def test_serve_refuses_impossible_numbers(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_export_and_import_move_a_course(
    ledger_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, elsewhere = tmp_path / "course.jsonl", tmp_path / "elsewhere.db"
    assert main(["ledger", "export", str(archive)]) == 0
    assert main(["ledger", "export", str(archive)]) == 2
    assert "exists already" in capsys.readouterr().err
    site.store.cache_clear()
    assert main(["ledger", "import", str(archive), "--ledger", str(elsewhere)]) == 0
    site.store.cache_clear()
    assert main(["ledger", "export", "-", "--ledger", str(elsewhere)]) == 0
    moved = capsys.readouterr().out
    assert "prediction_locked" in moved


def test_stats_count_the_class(ledger_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "stats", "--csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("key,")
    assert any(line.startswith("ch02,") for line in lines[1:])


def test_a_foreign_file_is_refused_and_untouched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = tmp_path / "photo.db"
    foreign.write_bytes(b"\x89PNG" * 500)
    site.store.cache_clear()
    assert main(["ledger", "stats", "--ledger", str(foreign)]) == 2
    assert str(foreign) in capsys.readouterr().err
    assert foreign.read_bytes() == b"\x89PNG" * 500
    site.store.cache_clear()


def test_import_of_a_missing_file(tmp_path: Path, ledger_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "import", str(tmp_path / "nowhere.jsonl")]) == 2
    assert "there is no file" in capsys.readouterr().err


@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("command", [("ledger", "stats"), ("ledger", "export", "-"), ("list",)])
def test_a_reader_who_leaves_ends_a_command_quietly(
    command: tuple[str, ...], unbuffered: bool, ledger_file: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    options = ["-u"] if unbuffered else []
    with os.fdopen(writer, "wb") as gone:
        done = subprocess.run(
            [sys.executable, *options, "-m", "labs", *command],
            cwd=Path(__file__).parents[3],
            stdout=gone,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.stderr == b""
    assert done.returncode == READER_LEFT
