"""The secret: none that can be guessed, and another one in its place."""

from __future__ import annotations

import secrets
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from ledger import LedgerError, load_secret
from ledger.clock import now
from ledger.identity import SECRET_VARIABLE, derived_key
from ledger.rotation import earlier_file, earlier_secrets, rotate
from ledger.secret_strength import weakness


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("", "0 bytes"),
        ("short", "5 bytes"),
        ("x" * 64, "repeats itself"),
        ("abcdefgh" * 8, "repeats itself"),
        ("0123456789abcdef" * 4, "repeats itself"),
        ("please-changeme-before-going-live-1234", "'changeme'"),
        ("MySuperSecretKeyForTheCourse2026!!", "'secret'"),
        ("mlsys-labs-production-key-0123456789", "'mlsys'"),
        ("ababababababababababababababababababababc", "different characters"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "neighbouring"),
    ],
)
def test_a_secret_that_can_be_guessed_is_refused(secret: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason in weakness(secret.encode())
    monkeypatch.setenv(SECRET_VARIABLE, secret)
    with pytest.raises(LedgerError, match="Make one that nobody can guess") as problem:
        load_secret("unused")
    # Not even a weak one gets into a log.
    assert len(secret) < 8 or secret not in str(problem.value)


def test_a_secret_drawn_at_random_is_taken() -> None:
    for _ in range(300):
        for secret in (secrets.token_bytes(32), secrets.token_hex(32).encode(), secrets.token_urlsafe(32).encode()):
            assert weakness(secret) == ""


def test_a_new_secret_takes_the_place_of_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    path = tmp_path / "secret"
    assert earlier_secrets(path) == ()
    first = load_secret(path)
    rotate(path, 30)
    second = load_secret(path)
    assert second != first
    (earlier,) = earlier_secrets(path)
    assert earlier.secret == first
    assert timedelta(days=29) < earlier.until - now() < timedelta(days=31)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(earlier_file(path).stat().st_mode) == 0o600
    # One that has leaked ends at once, and those before it.
    rotate(path, 0)
    assert [row.secret for row in earlier_secrets(path)] == [second, first]
    assert all(row.until <= now() for row in earlier_secrets(path))


def test_a_damaged_file_of_earlier_secrets_is_told(tmp_path: Path) -> None:
    earlier_file(tmp_path / "secret").write_text("[{}]")
    with pytest.raises(LedgerError, match="Restore it"):
        earlier_secrets(tmp_path / "secret")


def test_a_key_of_one_purpose_tells_nothing_of_another() -> None:
    secret = secrets.token_bytes(32)
    keys = {derived_key(purpose, secret) for purpose in ("bokeh sessions", "launches")}
    assert len(keys) == 2
    assert secret.hex() not in "".join(keys)
    assert derived_key("launches", secret) in keys
