"""A real browser against a real server: one of each per test process, a new student per test."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from labs.catalog import catalog, name_of
from labs.lab import Lab
from tests.browser.representatives import representatives
from tests.browser.scheduling import TogetherWhatShares
from tests.browser.server import Server
from tests.browser.student import Student
from tests.browser.watch import Watch
from tests.install_system import chromium

#: What a step may take. The machine may be busy; a page that needs this long is broken.
PATIENCE_MS = 60_000

#: Pages of failed tests are kept here.
PICTURES = Path(__file__).parents[2] / "build" / "browser"

#: Every browser profile, unless a test asks for another.
SETTINGS: Any = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "color_scheme": "light"}

#: Parts of the browser that are switched off. Those for the address bar, which nobody sees here, would load two pages
#: of the browser's own beside every page of a test: half a second of processor time. A list of our own replaces
#: Playwright's, whose entries follow.
OFF = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", f"--disable-features={','.join(OFF)}"]


expect.set_options(timeout=PATIENCE_MS)

FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherWhatShares:
    """How several processes divide the tests."""
    return TogetherWhatShares(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `lab` runs once for every lab in the catalog, or for those that stand for all."""
    if "lab" in metafunc.fixturenames:
        few = metafunc.definition.get_closest_marker("representatives") is not None
        labs = representatives() if few else catalog()
        metafunc.parametrize("lab", labs, ids=[name_of(lab) for lab in labs])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets fixtures know whether the test has failed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield instance
        instance.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The suite's server of this test process."""
    instance = Server(tmp_path_factory.mktemp("suite")).start()
    yield instance
    instance.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may stop and kill."""
    instance = Server(tmp_path / "server").start()
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def lasting_context(browser: Browser) -> BrowserContext:
    """A browser profile for the first student of every test: its cache keeps Bokeh's script, its memory is emptied."""
    return browser.new_context(**SETTINGS)


@pytest.fixture
def new_student(
    browser: Browser, lasting_context: BrowserContext, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Student]]:
    """Makes students, each with a browser of their own. At the end none of their pages may have misbehaved."""
    made: list[Student] = []

    def make(server: Server | None = None, lab: type[Lab] | None = None, **settings: Any) -> Student:
        at = server or request.getfixturevalue("server")
        context = browser.new_context(**{**SETTINGS, **settings}) if made or settings else lasting_context
        context.set_default_timeout(PATIENCE_MS)
        watch = Watch(context, at.url)
        student = Student(context.new_page(), at, lab, watch)
        made.append(student)
        return student

    yield make
    if request.node.stash.get(FAILED, False):
        PICTURES.mkdir(parents=True, exist_ok=True)
        for i, student in enumerate(made):
            name = re.sub(r"[^\w-]+", "_", f"{request.node.name}-{i}")
            student.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
    problems = [problem for student in made for problem in student.watch.problems()]
    problems += [
        f"server log: {text}" for server in {student.server for student in made} if (text := server.complaints())
    ]
    for student in made:
        student.watch.stop()
        if student.page.context is lasting_context:
            forget(student)
        else:
            student.page.context.close()
    assert not problems, "\n".join(problems)


def forget(student: Student) -> None:
    """Empties the memory of a browser that goes on to be another student's."""
    if student.page.url.startswith("http"):
        student.page.evaluate("window.localStorage.clear(); window.sessionStorage.clear()")
    student.page.context.clear_cookies()
    student.page.close()


@pytest.fixture
def student(new_student: Callable[..., Student], request: pytest.FixtureRequest) -> Student:
    """A new student; of the lab under test, if there is one."""
    return new_student(lab=request.getfixturevalue("lab") if "lab" in request.fixturenames else None)
