"""Launch tokens: what lets somebody in, once, and what does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from labs import launch, site
from labs.cli import main
from labs.launch import LaunchError, exchange, launch_key, launch_token, pass_for, read_launch, use_pass
from labs.launch_pages import own_address
from ledger import BadToken, DesignLedger, class_statistics, id_for_user, identity
from ledger.people import names

SECRET = b"known-to-these-tests-alone-7Qx2mVb9"


@pytest.fixture(autouse=True)
def own_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(site.LEDGER_VARIABLE, str(tmp_path / "ledger.db"))
    monkeypatch.setenv(identity.SECRET_VARIABLE, SECRET.decode())
    site.store.cache_clear()
    site.secret.cache_clear()
    yield
    site.store.cache_clear()
    site.secret.cache_clear()


def claims(**changes: Any) -> dict[str, Any]:
    whole = {"sub": "17", "role": "student", "exp": int(time.time()) + 300, "jti": "a", "aud": "mlsys-labs"}
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def signed(key: str = "", algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key or launch_key(SECRET), algorithm=algorithm)


def test_a_portal_in_any_language_can_make_a_token() -> None:
    """The claims of docs/embedding.md and the printed key are all it takes."""
    assert read_launch(signed(name="Ada"), SECRET).name == "Ada"


def test_the_key_is_for_launches_alone() -> None:
    assert len(launch_key(SECRET)) == 43
    assert launch_key(SECRET) != launch_key(b"t" * 32)
    assert launch_key(SECRET) != identity.derived_key("pass", SECRET)
    with pytest.raises(BadToken):
        identity.bearer_of(identity.sign("x", launch_key(SECRET).encode()), SECRET)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": int(time.time()) - 60}, "is over"),
        ({"exp": int(time.time()) + 40 * 86400}, "lasts too long: at most 31 days"),
        ({"aud": "elsewhere"}, "is for something else"),
        ({"role": "admin"}, "role of this link must be one of student, instructor"),
        ({"role": None}, "lacks the claim role"),
        ({"jti": None}, "lacks the claim jti"),
        ({"jti": ""}, "jti of this link must have 1 to 200"),
        ({"sub": "x" * 201}, "sub of this link must have 1 to 200"),
        ({"name": 7}, "name of this link must be a text"),
        ({"key": "k" * 43}, "altered, or signed with the key of another course"),
        ({"algorithm": "HS512"}, "carries no launch token"),
    ],
)
def test_what_lets_nobody_in_says_why(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(LaunchError, match=why):
        read_launch(signed(**changes), SECRET)


@pytest.mark.parametrize("text", ["", "a.b.c", identity.sign("x", SECRET), jwt.encode(claims(), "", algorithm="none")])
def test_what_is_no_launch_token(text: str) -> None:
    with pytest.raises(LaunchError, match="carries no launch token"):
        read_launch(text, SECRET)


def test_a_token_opens_the_ledger_of_the_signed_in_user_once() -> None:
    token = launch_token("ada@example.org", "student", 300, SECRET, "Ada Lovelace")
    who = site.identify(None, exchange(token))
    assert who.student_id == id_for_user("ada@example.org", SECRET)
    assert not who.teaches
    assert names(site.store()) == {who.student_id: "Ada Lovelace"}
    with pytest.raises(LaunchError, match="used already"):
        exchange(token)
    again = launch_token("ada@example.org", "student", 300, SECRET)
    assert site.identify(None, exchange(again)).student_id == who.student_id
    # Without a name the one that is known stays.
    assert names(site.store()) == {who.student_id: "Ada Lovelace"}


def test_an_instructor_teaches_for_half_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    token = exchange(launch_token("prof", "instructor", 60, SECRET))
    who = site.identify(None, token)
    assert who.teaches
    # What they try in a lab is not the class's.
    DesignLedger(site.store(), who.student_id).record("opened", 2)
    assert class_statistics(site.store(), ["ch02"]).labs[0].opened == 0
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + launch.TEACHING_S + 1)
    assert not site.identify(None, token).teaches


@pytest.mark.parametrize("role", identity.ROLES)
def test_a_pass_is_good_once_and_for_nothing_else(role: str) -> None:
    token = exchange(launch_token("ada", role, 60, SECRET))
    text = pass_for(token)
    with pytest.raises(BadToken):
        identity.bearer_of(text, SECRET)
    with pytest.raises(LaunchError):
        use_pass(token)
    who = site.identify(None, use_pass(text))
    assert (who.student_id, who.role) == (id_for_user("ada", SECRET), role)
    with pytest.raises(LaunchError, match="used already"):
        use_pass(text)


@pytest.mark.parametrize(("seconds", "words"), [(launch.PASS_S, "2 min"), (45, "45 s")])
def test_a_pass_is_over_soon(seconds: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "PASS_S", seconds)
    text = pass_for(exchange(launch_token("ada", "student", 60, SECRET)))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + launch.PASS_S + 1)
    with pytest.raises(LaunchError, match=f"good for one page within {words}\\."):
        use_pass(text)


@pytest.mark.parametrize("address", ["/", "/vol1/lab_02_ml_systems?embed=1&act1.batch=8", "/a//b", "/%2F%2Fevil"])
def test_where_a_launch_may_lead(address: str) -> None:
    assert own_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "vol1",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\r\nSet-Cookie: x",
        "/\t/evil",
        "/a b",
    ],
)
def test_where_it_may_not(address: str) -> None:
    assert not own_address(address)


def test_the_command_line_makes_links(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["launch-link", "--role", "instructor", "--user", "prof", "--hours", "1"]
    assert main([*asked, "--base-url", "https://labs.example.edu/", "--next", "/instructor/embed"]) == 0
    link = capsys.readouterr().out.strip()
    begin, _, rest = link.partition("?token=")
    token, _, where = rest.partition("&next=")
    assert (begin, where) == ("https://labs.example.edu/launch", "%2Finstructor%2Fembed")
    found = read_launch(token, SECRET)
    assert (found.sub, found.role) == ("prof", "instructor")
    assert 3500 < found.expires - time.time() <= 3600
    assert main(["launch-key"]) == 0
    assert capsys.readouterr().out.strip() == launch_key(SECRET)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--hours", "0"], "--hours takes a number above 0"),
        (["--hours", "10000"], "at most 31 days"),
        (["--next", "https://evil.example"], "must be an address on this site"),
        (["--base-url", "labs.example.edu"], "is no origin"),
    ],
)
def test_the_command_line_says_what_is_wrong(asked: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["launch-link", *asked]) == 2
    assert why in capsys.readouterr().err
