"""A site of a test's own, with LTI where it asks for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs import site
from labs.lti import handlers
from labs.lti.id_token import platform_keys
from labs.lti.tool_key import ToolKey, make_key
from tests.lti_platform import LearningPlatform, learning_platform
from tests.unit.delivery.lti_tool import Visitor, tool


@pytest.fixture(autouse=True)
def logging_of_the_test() -> Iterator[None]:
    """What a command has set up of logging ends with the test, as the standard error that it writes to does."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _forget() -> None:
    for kept in (site.course, site.store, site.secret, handlers.tool_key, platform_keys):
        kept.cache_clear()


@pytest.fixture
def own_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new ledger and secret, and the course's file that a test may write."""
    course = tmp_path / "course.toml"
    course.write_text("", encoding="utf-8")
    monkeypatch.setenv(site.LEDGER_VARIABLE, str(tmp_path / "ledger.db"))
    monkeypatch.setenv(site.SECRET_FILE_VARIABLE, str(tmp_path / "secret"))
    monkeypatch.setenv(site.COURSE_VARIABLE, str(course))
    _forget()
    yield course
    site.store().close()
    _forget()


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key of the labs; making one takes a moment."""
    path = tmp_path_factory.mktemp("lti") / "lti.pem"
    make_key(path)
    return path


@pytest.fixture
def key(own_site: Path, key_file: Path) -> ToolKey:
    """The same, as the labs hold it."""
    own_site.write_text(f"[lti]\nkey_file = '{key_file}'\n", encoding="utf-8")
    found = handlers.tool_key()
    assert found is not None
    return found


@pytest.fixture
def platform(own_site: Path, key_file: Path) -> Iterator[LearningPlatform]:
    """A platform at which the labs are registered, and their addresses of LTI."""
    with tool() as origin, learning_platform(origin) as made:
        own_site.write_text(made.course(key_file), encoding="utf-8")
        yield made


@pytest.fixture
def visitor(platform: LearningPlatform) -> Visitor:
    """A browser at that platform."""
    return Visitor(platform)
