"""Whose ledger a visit may see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labs import site
from ledger import LedgerError, identity, new_student_id


@pytest.fixture(autouse=True)
def own_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(site.LEDGER_VARIABLE, str(tmp_path / "ledger.db"))
    monkeypatch.setenv(site.SECRET_FILE_VARIABLE, str(tmp_path / "secret"))
    site.store.cache_clear()
    site.secret.cache_clear()
    yield
    site.store.cache_clear()
    site.secret.cache_clear()


def test_the_bearer_of_a_cookie_is_known_again() -> None:
    first = site.identify(None, None)
    assert first.new_token is not None
    again = site.identify(None, first.new_token)
    assert again.student_id == first.student_id
    assert again.new_token is None
    assert again.notice == ""


def test_newcomers_differ() -> None:
    assert site.identify(None, None).student_id != site.identify(None, None).student_id


def test_processes_that_share_a_session_agree_on_its_newcomer() -> None:
    one, two = (site.identify(None, None, "session-a") for _ in range(2))
    assert one.student_id == two.student_id
    assert one.student_id != site.identify(None, None, "session-b").student_id


@pytest.mark.parametrize("token", ["", "v1.x", "v1.aaaaaaaaaaaaaaaaaaaaaa.bbbb", "<script>"])
def test_a_tampered_cookie_opens_a_new_ledger_and_says_so(token: str) -> None:
    who = site.identify(None, token)
    assert who.new_token is not None
    assert bool(who.notice) == bool(token)


def test_a_cookie_of_another_installation_is_not_believed() -> None:
    foreign = identity.sign(new_student_id(), b"x" * 32)
    assert site.identify(None, foreign).new_token is not None


def test_a_signed_in_user_needs_no_cookie_and_keeps_no_name() -> None:
    who = site.identify("ada@example.org", None)
    assert who.new_token is None
    assert "ada" not in who.student_id
    assert site.identify("ada@example.org", "anything").student_id == who.student_id


def test_two_students_have_two_ledgers() -> None:
    one, two = (site.ledger_of(site.identify(None, None)) for _ in range(2))
    one.save_progress(2, 1, state={"state": "act1_predict"})
    assert two.progress(2, 1) is None


def test_an_unusable_ledger_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = tmp_path / "notes.db"
    foreign.write_bytes(b"not a data base at all" * 100)
    monkeypatch.setenv(site.LEDGER_VARIABLE, str(foreign))
    site.store.cache_clear()
    with pytest.raises(LedgerError):
        site.store()
    assert foreign.read_bytes() == b"not a data base at all" * 100


def test_the_address_of_the_ledger_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(site.LEDGER_VARIABLE)
    file = tmp_path / "ledger-url"
    file.write_text(f"{tmp_path / 'elsewhere.db'}\n", encoding="utf-8")
    monkeypatch.setenv(site.LEDGER_FILE_VARIABLE, str(file))
    assert "elsewhere.db" in site.store().location


@pytest.mark.parametrize(("content", "complaint"), [(None, "cannot be read"), ("\n", "is empty")])
def test_a_file_without_an_address_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, complaint: str
) -> None:
    monkeypatch.delenv(site.LEDGER_VARIABLE)
    file = tmp_path / "ledger-url"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    monkeypatch.setenv(site.LEDGER_FILE_VARIABLE, str(file))
    with pytest.raises(LedgerError, match=complaint) as caught:
        site.store()
    assert str(file) in str(caught.value)
