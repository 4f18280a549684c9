"""Whose ledger a visit may see."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs import site
from ledger import LedgerError, identity, new_student_id
from ledger.rotation import rotate


@pytest.fixture(autouse=True)
def own_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(site.LEDGER_VARIABLE, str(tmp_path / "ledger.db"))
    monkeypatch.setenv(site.SECRET_FILE_VARIABLE, str(tmp_path / "secret"))
    caches = (site.store, site.secret, site.earlier)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


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
    assert not token or "cannot be trusted" in who.notice


@pytest.mark.parametrize(
    ("role", "words"),
    [(identity.INSTRUCTOR, "get a new link"), (identity.STUDENT, "open the labs from your course again")],
)
def test_who_comes_after_the_end_is_told_so_and_how_to_come_back(role: str, words: str) -> None:
    token = identity.sign_role(identity.Bearer("u-1", role, int(time.time()) - 1), site.secret())
    who = site.identify(None, token)
    assert who.student_id != "u-1"
    assert who.new_token is not None
    assert not who.teaches
    assert "is over" in who.notice
    assert words in who.notice
    assert "trusted" not in who.notice
    assert site.admitted(token) is None
    # Also while the secret that signed it is an earlier one.
    rotated(days=30)
    assert site.identify(None, token).refused == role


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


# --- another secret ------------------------------------------------------------------------------------------


def rotated(days: int) -> None:
    rotate(site.secret_path(), days)
    site.secret.cache_clear()
    site.earlier.cache_clear()


def test_a_cookie_of_the_earlier_secret_is_renewed_while_it_is_believed() -> None:
    token = site.identify(None, None).new_token
    first = site.identify(None, token)
    role = identity.sign_role(identity.Bearer("u-1", identity.INSTRUCTOR, int(time.time()) + 60), site.secret())
    rotated(days=30)
    again = site.identify(None, token)
    assert again.student_id == first.student_id
    assert again.known
    assert again.notice == ""
    assert again.new_token not in (None, token)
    assert site.identify(None, again.new_token).new_token is None
    assert site.identify(None, role).teaches
    rotated(days=0)
    assert not site.identify(None, token).known
    assert site.identify(None, token).refused == site.ALTERED
    assert site.identify(None, role).refused == site.ALTERED


def test_a_signed_in_student_keeps_the_ledger_of_the_first_visit() -> None:
    before = site.identify("ada@example.org", None)
    site.ledger_of(before).record("opened", 2)
    rotated(days=0)
    rotated(days=0)
    assert site.identify("ada@example.org", None).student_id == before.student_id
    # Who comes for the first time has a pseudonym of the present secret.
    assert site.pseudonym("grace@example.org") == site.pseudonyms("grace@example.org")[0]


def test_what_a_page_holds_stands_for_the_student_for_minutes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    who = site.identify(None, None)
    token = site.passing(who)
    assert site.identify(None, token).student_id == who.student_id
    later = time.time() + site.PASS_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert not site.identify(None, token).known
