"""Names of people, tokens that may be used once, tokens with a role, and ledgers from before there were any."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_designs import example

from ledger import BadToken, DesignLedger, LedgerError, Store, open_store
from ledger.identity import INSTRUCTOR, STUDENT, Bearer, bearer_of, read, sign, sign_role
from ledger.one_time import use_once
from ledger.people import MAX_NAME, names, remember_person
from ledger.tables import FIRST_TABLES, SCHEMA_VERSION

SECRET = bytes(range(32))


def test_a_name_is_kept_in_place_of_the_earlier_one(store: Store) -> None:
    remember_person(store, "u-1", "Ada  Lovelace\n")
    remember_person(store, "u-2", "x" * 500)
    remember_person(store, "u-3", "   ")
    remember_person(store, "u-1", "Ada King")
    assert names(store) == {"u-1": "Ada King", "u-2": "x" * MAX_NAME}


def test_a_token_is_used_once_and_forgotten_when_it_is_over(store: Store) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert use_once(store, "t1", later)
    assert not use_once(store, "t1", later)
    assert use_once(store, "t2", datetime.now(UTC) - timedelta(seconds=1))
    assert use_once(store, "t2", later)


def test_a_token_tells_the_role_of_its_bearer() -> None:
    bearer = Bearer("u-1", INSTRUCTOR, int(time.time()) + 60)
    token = sign_role(bearer, SECRET)
    assert bearer_of(token, SECRET) == bearer
    assert read(token, SECRET) == "u-1"
    assert bearer_of(sign("u-1", SECRET), SECRET) == Bearer("u-1", STUDENT)


def test_a_role_cannot_be_taken_nor_kept_for_longer() -> None:
    end = int(time.time()) + 60
    token = sign_role(Bearer("u-1", STUDENT, end), SECRET)
    for forged in (
        token.replace(STUDENT, INSTRUCTOR),
        token.replace(str(end), str(end + 1)),
        token.replace("v2", "v1"),
        token.replace("u-1", "u-2"),
        sign("u-1", SECRET).replace("v1.u-1", f"v2.u-1.{INSTRUCTOR}.{end}"),
    ):
        with pytest.raises(BadToken):
            bearer_of(forged, SECRET)
    with pytest.raises(BadToken, match="over"):
        bearer_of(sign_role(Bearer("u-1", STUDENT, int(time.time()) - 1), SECRET), SECRET)


@pytest.mark.parametrize("bearer", [Bearer("u-1", "dean", 1), Bearer("u-1", INSTRUCTOR), Bearer("a b", STUDENT, 1)])
def test_a_token_needs_a_known_role_an_end_and_an_id(bearer: Bearer) -> None:
    with pytest.raises(LedgerError):
        sign_role(bearer, SECRET)


def test_an_older_ledger_gets_the_tables_that_came_later_and_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = open_store(str(path))
    DesignLedger(store, "student-one").save(2, design=example("ch02"))
    store.close()
    connection = sqlite3.connect(path)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    later = {name for name in tables - FIRST_TABLES if not name.startswith("sqlite_")}
    assert later
    for name in later:
        connection.execute(f"DROP TABLE {name}")
    connection.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
    connection.commit()
    connection.close()

    store = open_store(str(path))
    remember_person(store, "student-one", "Ada")
    assert names(store) == {"student-one": "Ada"}
    assert DesignLedger(store, "student-one").get(2) is not None
    store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() == (str(SCHEMA_VERSION),)
    connection.close()
