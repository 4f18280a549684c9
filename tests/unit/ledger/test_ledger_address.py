"""What an operator may write for the place of the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import LedgerError
from ledger.address import ledger_url, location


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", ":memory:"])
def test_memory(address: str) -> None:
    assert ledger_url(address).database is None
    assert location(ledger_url(address)) == "memory"


@pytest.mark.parametrize("address", ["sqlite:////srv/a b/l.db", "/srv/a b/l.db"])
def test_files(address: str) -> None:
    assert location(ledger_url(address)) == "/srv/a b/l.db"


def test_relative_paths_and_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    assert location(ledger_url("data/l.db")) == str(tmp_path / "data" / "l.db")
    assert location(ledger_url("sqlite:///data/l.db")) == str(tmp_path / "data" / "l.db")
    assert location(ledger_url("~/l.db")) == "/home/ada/l.db"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_postgresql_always_uses_psycopg_3_and_hides_the_password(scheme: str) -> None:
    url = ledger_url(f"{scheme}://ada:secret@db.example.edu/labs?sslmode=require")
    assert url.drivername == "postgresql+psycopg"
    assert url.password == "secret"
    assert location(url) == "postgresql+psycopg://ada:***@db.example.edu/labs?sslmode=require"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("mysql://host/labs", "cannot live in 'mysql'"),
        ("postgresql://host:port/labs", "cannot be read"),
        ("://", "cannot be read"),
    ],
)
def test_other_addresses_are_refused(address: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        ledger_url(address)
