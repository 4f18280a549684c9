"""The command line as an operator meets it: what it lists, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from labs.catalog import catalog, path_of
from tests.browser.server import ROOT, Server

#: Longer than any of these commands may take.
PATIENCE_S = 60


def mlsys_labs(*arguments: str, ledger: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `python -m labs` and returns what came of it."""
    environment = {**os.environ, "MLSYS_LABS_LEDGER": str(ledger or ""), "PYTHONWARNINGS": "error::SyntaxWarning"}
    return subprocess.run(
        [sys.executable, "-m", "labs", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def refused(answer: subprocess.CompletedProcess[str]) -> str:
    """The one line that says why a command was refused: no traceback, exit code 2."""
    assert answer.returncode == 2, answer
    assert "Traceback" not in answer.stderr
    lines = answer.stderr.strip().splitlines()
    assert lines[-1].startswith("mlsys-labs: "), answer.stderr
    return lines[-1]


def test_list_json_names_every_lab() -> None:
    answer = mlsys_labs("list", "--json")
    assert answer.returncode == 0, answer.stderr
    rows = json.loads(answer.stdout)
    assert [(row["volume"], row["number"], row["path"]) for row in rows] == [
        (lab.volume, lab.number, f"/{path_of(lab)}") for lab in catalog()
    ]
    for row, lab in zip(rows, catalog(), strict=True):
        assert row == {
            "volume": lab.volume,
            "number": lab.number,
            "slug": lab.slug,
            "title": lab.title,
            "path": f"/{path_of(lab)}",
            "minutes": lab.minutes(),
            "contexts": [context.id for context in lab.contexts],
        }


def test_busy_port_is_named(server: Server, tmp_path: Path) -> None:
    said = refused(mlsys_labs("serve", "--port", str(server.port), ledger=tmp_path / "ledger.db"))
    assert f"port {server.port} is in use" in said
    assert "--port" in said


@pytest.mark.parametrize("port", ["0", "70000", "-3"])
def test_senseless_port_is_refused(port: str, tmp_path: Path) -> None:
    assert "--port" in refused(mlsys_labs("serve", f"--port={port}", ledger=tmp_path / "ledger.db"))


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.execute("INSERT INTO recipes VALUES ('soup')")


def cut_off(path: Path) -> None:
    foreign(path)
    path.write_bytes(path.read_bytes()[:1500])


BAD_LEDGERS = {
    "foreign": foreign,
    "corrupt": lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8000),
    "cut off": cut_off,
    "no data base": lambda path: path.write_text("Dear diary, today the cluster was down.\n" * 50),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("case", BAD_LEDGERS)
def test_unusable_ledger_is_named_and_not_touched(case: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    BAD_LEDGERS[case](path)
    before = path.read_bytes() if path.is_file() else None
    said = refused(mlsys_labs("serve", "--port", "5999", "--ledger", str(path)))
    assert "ledger.db" in said
    assert (path.read_bytes() if path.is_file() else None) == before
    assert [file.name for file in tmp_path.iterdir()] == ["ledger.db"]


def test_ledger_in_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert "ledger.db" in refused(mlsys_labs("serve", "--ledger", str(blocked / "ledger.db")))


def test_unknown_lab_is_answered_with_those_there_are() -> None:
    said = refused(mlsys_labs("check", "V9-99"))
    assert "'V9-99'" in said
    assert "V1-02" in said
