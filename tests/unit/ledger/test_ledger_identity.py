"""Pseudonyms, tokens and the secret of an installation."""

from __future__ import annotations

import logging
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_designs import unhurried

from ledger import BadToken, LedgerError, id_for_user, load_secret, new_student_id
from ledger.identity import SECRET_VARIABLE, check_student_id, read, sign

SECRET = bytes(range(32))
OTHER = bytes(range(1, 33))


@pytest.fixture(autouse=True)
def _no_secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)


def test_new_ids_differ_and_are_safe_in_urls() -> None:
    ids = {new_student_id() for _ in range(1000)}
    assert len(ids) == 1000
    for student_id in ids:
        check_student_id(student_id)
        assert len(student_id) == 22


@unhurried
@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_a_token_gives_back_the_id_it_was_signed_for(student_id: str) -> None:
    assert read(sign(student_id, SECRET), SECRET) == student_id


@unhurried
@given(st.data())
def test_a_token_with_one_changed_character_is_refused(data: st.DataObject) -> None:
    token = sign("student-one", SECRET)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters().filter(lambda character: character != token[place]))
    with pytest.raises(BadToken):
        read(token[:place] + letter + token[place + 1 :], SECRET)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "student-one",
        "v1.student-one",
        "v1.student-one.",
        "v2.student-one.x",
        "v1..x",
        "v1.a.b.c",
        "v1.\ud800.x",
        None,
    ],
)
def test_text_that_is_no_token(token: str) -> None:
    with pytest.raises(BadToken):
        read(token, SECRET)


def test_the_token_of_another_installation_is_refused() -> None:
    with pytest.raises(BadToken, match="another installation"):
        read(sign("student-one", OTHER), SECRET)


def test_the_id_of_one_student_with_the_signature_of_another_is_refused() -> None:
    signature = sign("student-one", SECRET).rpartition(".")[2]
    with pytest.raises(BadToken):
        read(f"v1.student-two.{signature}", SECRET)


def test_a_signed_in_name_gives_one_pseudonym_that_does_not_contain_it() -> None:
    name = "ada@example.edu"
    student_id = id_for_user(name, SECRET)
    check_student_id(student_id)
    assert student_id == id_for_user(name, SECRET)
    assert student_id != id_for_user("Ada@example.edu", SECRET)
    assert student_id != id_for_user(name, OTHER)
    assert "ada" not in student_id


def test_names_without_letters_and_short_secrets_are_refused() -> None:
    with pytest.raises(LedgerError, match="no name"):
        id_for_user("", SECRET)
    with pytest.raises(LedgerError, match="at least 32"):
        id_for_user("ada", b"short")
    with pytest.raises(LedgerError, match="at least 32"):
        sign("student-one", b"")


@pytest.mark.parametrize("student_id", ["", "a b", "a.b", "x" * 65, "ü", None, 7])
def test_ids_of_another_form_are_refused(student_id: object) -> None:
    with pytest.raises(LedgerError, match="student id"):
        check_student_id(student_id)


def test_the_secret_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    secret = load_secret(path)
    assert len(secret) == 32
    assert load_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "a7Qx-2pLm9_Zr4Tn8Vb1Wc6Yd3Ke5Hf0Js-GuOi")
    assert load_secret(tmp_path / "secret") == b"a7Qx-2pLm9_Zr4Tn8Vb1Wc6Yd3Ke5Hf0Js-GuOi"
    assert not (tmp_path / "secret").exists()
    monkeypatch.setenv(SECRET_VARIABLE, "short")
    with pytest.raises(LedgerError, match="MLSYS_LABS_SECRET holds 5 bytes"):
        load_secret(tmp_path / "secret")


def test_a_damaged_secret_file_is_neither_used_nor_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"cut")
    with pytest.raises(LedgerError, match="holds 3 bytes"):
        load_secret(path)
    assert path.read_bytes() == b"cut"
    with pytest.raises(LedgerError, match="cannot be used"):
        load_secret(tmp_path)


def test_a_secret_that_others_can_read_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "secret"
    load_secret(path)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        load_secret(path)
    assert "chmod 600" in caplog.text


def _load(path: str, barrier: object, answers: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    answers.put(load_secret(path))  # type: ignore[attr-defined]


def test_processes_that_start_together_agree_on_the_secret(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(4), context.Queue()
    path = os.fspath(tmp_path / "secret")
    workers = [context.Process(target=_load, args=(path, barrier, answers)) for _ in range(4)]
    for worker in workers:
        worker.start()
    secrets = {answers.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert secrets == {Path(path).read_bytes()}
