"""`mlsys-labs student` and `mlsys-labs secret`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs import site
from labs.cli import main
from ledger import DesignLedger, Store, is_known, load_secret, open_store
from ledger.people import remember_person


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A ledger with two students, one of whom has a name."""
    monkeypatch.setenv(site.LEDGER_VARIABLE, str(tmp_path / "ledger.db"))
    monkeypatch.setenv(site.SECRET_FILE_VARIABLE, str(tmp_path / "secret"))
    caches = (site.store, site.secret, site.earlier)
    for cached in caches:
        cached.cache_clear()
    store = open_store(str(tmp_path / "ledger.db"))
    DesignLedger(store, site.pseudonym("ada@example.org")).record("opened", 2)
    remember_person(store, site.pseudonym("ada@example.org"), "Ada Lovelace")
    DesignLedger(store, "s-two").record("opened", 2)
    remember_person(store, "s-two", "Augusta Lovelace")
    yield store
    for cached in caches:
        cached.cache_clear()


@pytest.mark.parametrize("who", ["ada@example.org", "ada love", "PSEUDONYM"])
def test_a_student_is_found_by_any_name(who: str, capsys: pytest.CaptureFixture[str]) -> None:
    student = site.pseudonym("ada@example.org")
    assert main(["student", "find", student if who == "PSEUDONYM" else who]) == 0
    assert capsys.readouterr().out == f"{student}  Ada Lovelace\n"


def test_nobody_is_erased_by_mistake(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["student", "erase", "lovelace", "--yes"]) == 2
    assert "several students" in capsys.readouterr().err
    assert main(["student", "erase", "nobody@example.org", "--yes"]) == 2
    assert "holds nothing of 'nobody@example.org'" in capsys.readouterr().err
    assert main(["student", "find", "nobody@example.org"]) == 1
    assert main(["student", "erase", "s-two"]) == 2
    assert "give --yes" in capsys.readouterr().err
    assert is_known(store, "s-two")


@pytest.mark.parametrize(("word", "gone"), [("erase", True), ("yes", False), ("", False)])
def test_erasing_asks_first(store: Store, monkeypatch: pytest.MonkeyPatch, word: str, gone: bool) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(f"{word}\n"))
    assert main(["student", "erase", "s-two"]) == (0 if gone else 1)
    assert is_known(store, "s-two") == (not gone)


def test_erasing_without_asking(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["student", "erase", "ada@example.org", "--yes"]) == 0
    assert "1 in people" in capsys.readouterr().out
    assert not is_known(store, site.pseudonym("ada@example.org"))
    assert is_known(store, "s-two")


def test_everything_of_a_student_is_written_once_and_for_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "ada.json"
    assert main(["student", "export", "ada@example.org", str(file)]) == 0
    content = json.loads(file.read_text())
    assert content["student"] == site.pseudonym("ada@example.org")
    assert content["tables"]["people"][0]["name"] == "Ada Lovelace"
    assert file.stat().st_mode & 0o777 == 0o600
    assert main(["student", "export", "ada@example.org", str(file)]) == 2


def test_an_archive_for_research_has_no_names(tmp_path: Path) -> None:
    for arguments, named in (([], True), (["--without-names"], False)):
        file = tmp_path / f"course-{named}.jsonl"
        assert main(["ledger", "export", str(file), *arguments]) == 0
        assert ("Lovelace" in file.read_text()) == named


def test_the_secret_is_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "secret"
    first = load_secret(path)
    assert main(["secret", "rotate"]) == 0
    assert "believed until" in capsys.readouterr().out
    assert main(["secret", "rotate", "--days", "0"]) == 0
    assert "not believed any more" in capsys.readouterr().out
    assert load_secret(path) != first
    assert main(["secret", "rotate", "--days", "-1"]) == 2


def test_a_secret_of_the_environment_is_not_changed_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLSYS_LABS_SECRET", "a7Qx-2pLm9_Zr4Tn8Vb1Wc6Yd3Ke5Hf0Js-GuOi")
    assert main(["secret", "rotate"]) == 2
    assert "comes from MLSYS_LABS_SECRET" in capsys.readouterr().err
