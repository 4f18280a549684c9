"""The SQLite file: made whole, checked before use, and never touched when it is not a healthy ledger."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_designs import example

from ledger import DesignLedger, LedgerError, open_store
from ledger.sqlite_file import APPLICATION_ID


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A closed ledger file with one entry."""
    path = tmp_path / "ledger.db"
    store = open_store(str(path))
    DesignLedger(store, "student-one").save(2, design=example("ch02"))
    store.close()
    return path


def assert_refused_and_untouched(path: Path, message: str) -> None:
    before = path.read_bytes()
    neighbours = sorted(path.parent.iterdir())
    with pytest.raises(LedgerError, match=message):
        open_store(str(path))
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == neighbours


def pragma(path: Path, name: str) -> object:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]
    finally:
        connection.close()


def test_a_new_file_is_private_marked_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way?" / "l#1%.db"
    open_store(str(path)).close()
    assert [file.name for file in path.parent.iterdir()] == ["l#1%.db"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert pragma(path, "application_id") == APPLICATION_ID
    assert pragma(path, "journal_mode") == "wal"


def test_connections_are_durable_and_keep_foreign_keys(file: Path) -> None:
    store = open_store(str(file))
    with store.reading() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("synchronous", "foreign_keys", "busy_timeout")
        }
    store.close()
    assert settings == {"synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    store = open_store(str(path))
    DesignLedger(store, "student-one").save(2, design=example("ch02"))
    store.close()
    assert pragma(path, "application_id") == APPLICATION_ID


def test_threads_that_open_the_same_new_file_agree(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    barrier, failures = threading.Barrier(8), []

    def work(number: int) -> None:
        barrier.wait()
        try:
            store = open_store(str(path))
            DesignLedger(store, f"student-{number}").record("opened", 1)
            store.close()
        except LedgerError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store = open_store(str(path))
    assert all(len(DesignLedger(store, f"student-{number}").events()) == 1 for number in range(8))
    store.close()


def test_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 100)
    assert_refused_and_untouched(path, "is not a ledger, or it is damaged")


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_the_data_base_of_another_program_is_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA journal_mode = {mode}")
    other.execute("CREATE TABLE students (name)")
    other.commit()
    other.close()
    assert_refused_and_untouched(path, "of another program")


def test_a_file_with_our_mark_but_other_tables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    other.execute("CREATE TABLE meta (name, value)")
    other.commit()
    other.close()
    assert_refused_and_untouched(path, "not a ledger of MLSys Labs")


def test_a_newer_schema_is_refused_byte_for_byte(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    connection.commit()
    connection.close()
    before = file.read_bytes()
    with pytest.raises(LedgerError, match="schema version 99"):
        open_store(str(file))
    assert file.read_bytes() == before


def test_a_file_cut_short_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    before = file.read_bytes()
    with pytest.raises(LedgerError, match="damaged"):
        open_store(str(file))
    assert file.read_bytes() == before


@pytest.mark.parametrize("page", [0, 1, 2, 3, 5, 8])
def test_a_file_with_a_damaged_page_is_refused(file: Path, page: int) -> None:
    content = bytearray(file.read_bytes())
    start = page * 4096 + (100 if page == 0 else 0)
    content[start : start + 2000] = b"\xa5" * 2000
    file.write_bytes(content)
    with pytest.raises(LedgerError, match="damaged"):
        open_store(str(file))
    assert file.read_bytes() == bytes(content)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be used"):
        open_store(str(tmp_path))


def test_a_place_below_a_file_is_refused(file: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be used"):
        open_store(str(file / "ledger.db"))


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder of a user without special rights, as whom the test runs: root could write anything."""
    nobody = 65534
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(folder, nobody, nobody)
        os.seteuid(nobody)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_files_and_folders_without_permission_are_refused(own_folder: Path) -> None:
    path = own_folder / "ledger.db"
    open_store(str(path)).close()
    path.chmod(0o400)
    assert_refused_and_untouched(path, "cannot be used: .*Permission denied")
    own_folder.chmod(0o500)
    with pytest.raises(LedgerError, match="cannot be used"):
        open_store(str(own_folder / "new.db"))
    path.chmod(0o000)
    with pytest.raises(LedgerError, match="cannot be used"):
        open_store(str(path))


def test_a_file_that_vanishes_is_an_error_and_not_an_empty_ledger(file: Path) -> None:
    store = open_store(str(file))
    for path in list(file.parent.iterdir()):
        path.unlink()
    with pytest.raises(LedgerError, match="could not be written"):
        DesignLedger(store, "student-one").save(2, design=example("ch02"))
    assert not file.exists()


def test_a_backup_in_another_journal_mode_opens_again(file: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    connection = sqlite3.connect(file)
    connection.execute("VACUUM INTO ?", (str(backup),))
    connection.close()
    store = open_store(str(backup))
    assert DesignLedger(store, "student-one").get(2) is not None
    store.close()
    assert pragma(backup, "journal_mode") == "wal"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_ledger_in_memory_says_that_it_cannot_be_forked() -> None:
    store = open_store("sqlite://")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            DesignLedger(store, "student-one").get(2)
        except LedgerError:
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
