"""A lab in pages of another origin: shown to the portals of the course, refused to everybody else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from bokeh.embed import server_document
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from components.embed_guide import frame_snippet
from components.portal import height_script
from labs.catalog import find_lab, path_of
from labs.cli import main
from labs.launch import launch_token
from labs.site import COOKIE, SECRET_FILE_VARIABLE
from ledger import id_for_user, identity, load_secret
from tests.browser.conftest import FLAGS, PATIENCE_MS, SETTINGS
from tests.browser.eyes import wait_until
from tests.browser.judge import all_faults
from tests.browser.portals import Portal
from tests.browser.server import SUITE, Server
from tests.browser.student import Student
from tests.browser.tls import PROBE, TlsFront
from tests.install_system import chromium

LAB = find_lab(1, 2)
ADA = "ada@example.org"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A suite with one portal in its course, over HTTP and, through a proxy, HTTPS; and a site that is no portal."""
    folder = tmp_path_factory.mktemp("portal")
    file = folder / "course.toml"
    portal, elsewhere = Portal(), Portal()
    server = Server(folder / "server", (*SUITE, "--course", str(file)))
    front = TlsFront(folder, server.port).start()
    file.write_text(
        f'base_url = "{front.url}"\n[labs]\noffered = ["V1-00", "V1-02"]\n[portal]\norigins = ["{portal.url}"]\n'
        '[proxy]\ntrusted = ["127.0.0.1"]\n',
        encoding="utf-8",
    )
    server.start()
    yield SimpleNamespace(server=server, portal=portal, elsewhere=elsewhere, front=front)
    for part in (server, front, portal, elsewhere):
        part.stop()


@pytest.fixture
def student(new_student: Callable[..., Student], site: SimpleNamespace) -> Student:
    student = new_student(site.server, LAB)
    student.watch.allow(f"request to another origin: {site.portal.url}", "the portal is another origin")
    return student


def token(server: Server, sub: str = ADA, role: str = identity.STUDENT) -> str:
    return launch_token(sub, role, 300, load_secret(server.secret_path))


def launch_address(server: Server, address: str, **who: str) -> str:
    return f"{server.url}/launch?{urlencode({'token': token(server, **who), 'next': address})}"


def frame(address: str) -> str:
    return f'<iframe src="{address.replace("&", "&amp;")}" width="700" height="600"></iframe>'


def test_a_frame_in_a_portal_has_the_height_of_its_lab(student: Student, site: SimpleNamespace) -> None:
    page, server = student.page, site.server
    address = f"{server.address_of(LAB)}?embed=1&theme=light"
    page.goto(site.portal.page(frame_snippet(address, LAB.title, height_script(server.url))))
    framed = page.frame_locator("iframe")
    expect(framed.get_by_role("heading", level=1)).to_have_text(LAB.title)
    inside = page.frames[-1]
    fits = "Math.ceil(document.body.getBoundingClientRect().height) === window.innerHeight"
    heights = set()
    for tab, button in {"Ledger": "Export JSON", "Act I": "Lock prediction"}.items():
        framed.get_by_role("tab", name=tab, exact=True).click()
        expect(framed.get_by_role("button", name=button)).to_be_visible()
        wait_until(inside, f"{fits} && document.documentElement.scrollHeight === window.innerHeight")
        heights.add(inside.evaluate("window.innerHeight"))
    assert len(heights) == 2
    assert 900 not in heights
    # A message from elsewhere moves nothing.
    before = page.locator("iframe").evaluate("frame => frame.clientHeight")
    page.evaluate("window.postMessage({type: 'mlsys-labs:height', lab: 'V1-02', height: 5000}, '*')")
    assert page.locator("iframe").evaluate("frame => frame.clientHeight") == before

    # The page itself: nothing of the suite around the lab; its address keeps what it is.
    page.goto(address)
    expect(page.get_by_role("tablist")).to_be_visible()
    expect(page.get_by_role("link", name="All labs")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("theme"))).to_have_count(0)
    student.goes_to("Act I")
    student.predicts(right=True)
    student.moves_by_keyboard()
    expect(page).to_have_url(re.compile(r"act1\..*&theme=light&embed=1$"))
    assert all_faults(page, dark=False) == []


def test_the_height_is_told_to_portals_alone(student: Student, site: SimpleNamespace) -> None:
    page = student.page
    page.goto(site.portal.page(frame(f"{site.server.address_of(LAB)}?embed=1")))
    expect(page.frame_locator("iframe").get_by_role("tablist")).to_be_visible()
    told = page.frames[-1].evaluate("document.querySelector('meta[name=mlsys-labs-embed]').content")
    assert json.loads(told) == {"lab": "V1-02", "portals": [site.portal.url]}
    page.goto(site.server.address_of(LAB))
    expect(page.locator("meta[name=mlsys-labs-embed]")).to_have_count(0)


def test_another_site_reads_why_it_is_refused(student: Student, site: SimpleNamespace) -> None:
    page = student.page
    student.watch.allow("HTTP 403|status of 403", "the frame is refused in this test")
    student.watch.allow(site.elsewhere.url, "this site is another origin")
    page.goto(site.elsewhere.page(frame(site.server.address_of(LAB))))
    framed = page.frame_locator("iframe")
    expect(framed.get_by_role("heading", level=1)).to_have_text("This page may not be shown here")
    expect(framed.locator("main")).to_contain_text(site.elsewhere.url)
    expect(framed.locator("pre")).to_have_text(f'[portal]\norigins = ["{site.elsewhere.url}"]')
    assert page.frames[-1].evaluate("document.querySelectorAll('a, button, form, script').length") == 0

    # Where a browser does not tell who asks, it still shows nothing.
    student.watch.allow("frame-ancestors", "the frame is refused in this test")
    silent = frame(site.server.address_of(LAB)).replace("<iframe", '<iframe referrerpolicy="no-referrer"')
    page.goto(site.elsewhere.page(silent))
    page.wait_for_load_state("networkidle")
    assert page.frames[-1].url.startswith("chrome-error:")

    # Its scripts are refused, too, and the operator finds whose they were.
    student.watch.allow("CORS|net::ERR_FAILED|Unexpected", "the script is refused in this test")
    page.goto(site.elsewhere.page(server_document(site.server.address_of(LAB), with_credentials=True)))
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("tablist")).to_have_count(0)
    assert f"refused to a page of {site.elsewhere.url}" in site.server.log_path.read_text(encoding="utf-8")


def test_a_lab_in_the_page_of_a_portal(student: Student, site: SimpleNamespace) -> None:
    page = student.page
    address = site.portal.page(
        server_document(
            site.server.address_of(LAB), with_credentials=True, arguments={"launch": token(site.server, sub="script")}
        )
    )
    page.emulate_media(color_scheme="dark")
    page.goto(address)
    expect(page.get_by_role("heading", name=LAB.title)).to_be_visible()
    student.goes_to("Act I")
    student.is_known_as(id_for_user("script", load_secret(site.server.secret_path)))
    student.predicts(right=True)
    student.moves_by_keyboard()
    expect(page.locator("canvas").first).to_be_visible()
    # Whose page it is: its address, its colours and its text stay as they are, and the lab's are the lab's.
    expect(page).to_have_url(address)
    assert page.evaluate("[document.documentElement.dataset.theme, document.adoptedStyleSheets.length]") == [None, 0]
    style = "(e) => [getComputedStyle(e).color, getComputedStyle(e).fontStyle, getComputedStyle(e).textAlign]"
    assert page.locator("#own").evaluate(style) == ["rgb(255, 0, 0)", "italic", "center"]
    # The portal says nothing of a dark theme, so the lab has none either.
    assert page.get_by_role("tab", name="Briefing").evaluate(style) == ["rgb(81, 96, 111)", "normal", "center"]
    assert student.panel.locator("p").first.evaluate(style)[1:] == ["normal", "start"]
    assert student.ledger.attempt(LAB.number, LAB.volume) == 1

    # A token opens one page; the next says so in its place.
    page.goto(address)
    expect(page.get_by_role("alert")).to_contain_text("has been used already")


def test_a_launched_student_works_where_no_cookie_is_kept(student: Student, site: SimpleNamespace) -> None:
    page, server = student.page, site.server
    student.watch.allow("HTTP 403|status of 403", "links that were used are refused")
    known = id_for_user(ADA, load_secret(server.secret_path))
    launched = launch_address(server, f"/{path_of(LAB)}?embed=1")
    address = site.portal.page(frame(launched))
    framed = _locks(page, address)
    assert server.ledger(known).attempt(LAB.number, LAB.volume) == 1
    assert page.context.cookies() == []
    inside = page.frames[-1]
    assert not re.search("token|pass=", inside.url)
    assert "embed=1" in inside.url

    # Asked for again without a cookie, the page does not begin a new ledger.
    inside.evaluate("window.location.reload()")
    expect(framed.get_by_role("heading", level=1)).to_have_text("Please open the lab from your portal again")
    # A used link says so; a new one leads back to the same place.
    page.goto(address)
    expect(framed.locator("main")).to_contain_text("has been used already")
    page.goto(site.portal.page(frame(launch_address(server, f"/{path_of(LAB)}?embed=1"))))
    expect(framed.get_by_role("tab", name="Act I", exact=True)).to_have_attribute("aria-selected", "true")

    log = server.log_path.read_text(encoding="utf-8")
    assert "GET /launch 302" in log
    assert "eyJ" not in log
    assert "pass=v2" not in log


def test_over_https_a_partitioned_cookie_is_kept_where_others_are_blocked(
    browser: Browser, site: SimpleNamespace, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    blocked = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}
    (profile / "Default" / "Preferences").write_text(json.dumps(blocked), encoding="utf-8")
    context = browser.browser_type.launch_persistent_context(
        str(profile),
        executable_path=chromium(),
        args=[*FLAGS, "--ignore-certificate-errors", "--test-third-party-cookie-phaseout"],
        ignore_https_errors=True,
        **SETTINGS,
    )
    try:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        # What this browser does with cookies: keeps both kinds at home, and one of them in a frame.
        for _ in range(2):
            page.goto(site.front.url + PROBE)
        assert set(page.locator("p").inner_text().split("; ")) == {"plain=1", "parted=1"}
        probe = site.portal.page(frame(site.front.url + PROBE))
        for _ in range(2):
            page.goto(probe)
            expect(page.frame_locator("iframe").locator("p")).to_be_attached()
        assert page.frame_locator("iframe").locator("p").inner_text() == "parted=1"

        lab = site.portal.page(frame(f"{site.front.url}/{path_of(LAB)}?embed=1"))
        framed = _locks(page, lab)
        (cookie,) = [cookie for cookie in context.cookies() if cookie["name"] == COOKIE]
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "None")
        assert cookie["partitionKey"] == site.portal.url.rpartition(":")[0]
        page.goto(lab)
        expect(framed.get_by_role("tab", name="Act I", exact=True)).to_have_attribute("aria-selected", "true")
        student_id = site.server.student_id(cookie["value"])
        assert site.server.ledger(student_id).attempt(LAB.number, LAB.volume) == 1
        _launches_with_a_cookie(page, site, context)
    finally:
        context.close()


def _locks(page: Page, address: str) -> FrameLocator:
    """Opens a portal's page and commits to a prediction in its frame."""
    page.goto(address)
    framed = page.frame_locator("iframe")
    framed.get_by_role("tab", name="Act I", exact=True).click()
    framed.get_by_role("region", name="Prediction").locator("input[type=radio]").first.check()
    framed.get_by_role("button", name="Lock prediction").click()
    expect(framed.get_by_role("form", name="Controls")).to_be_visible()
    return framed


def _launches_with_a_cookie(page: Page, site: SimpleNamespace, context: BrowserContext) -> None:
    """Where the cookie is kept, nothing of the launch is left in the address."""
    address = launch_address(site.server, f"/{path_of(LAB)}?embed=1", sub="grace").replace(
        site.server.url, site.front.url
    )
    page.goto(site.portal.page(frame(address)))
    expect(page.frame_locator("iframe").get_by_role("tablist")).to_be_visible()
    assert page.frames[-1].url == f"{site.front.url}/{path_of(LAB)}?embed=1"
    (cookie,) = [cookie for cookie in context.cookies() if cookie["name"] == COOKIE]
    assert site.server.student_id(cookie["value"]) == id_for_user("grace", load_secret(site.server.secret_path))


def test_instructors_find_what_their_portal_needs(
    student: Student,
    site: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page, server = student.page, site.server
    student.watch.allow("HTTP 403|status of 403", "students are refused")
    page.goto(f"{server.url}/instructor/embed")
    expect(page.get_by_role("heading", level=1)).to_have_text("This page is for instructors")
    assert all_faults(page) == []

    monkeypatch.setenv(SECRET_FILE_VARIABLE, str(server.secret_path))
    asked = ["launch-link", "--role", "instructor", "--next", "/instructor/embed", "--base-url", server.url]
    assert main(asked) == 0
    page.goto(capsys.readouterr().out.strip())
    expect(page).to_have_url(f"{server.url}/instructor/embed")
    expect(page.get_by_role("heading", level=1)).to_have_text("Labs in your portal")
    page.get_by_text(LAB.title, exact=True).click()
    snippet = page.get_by_label("Frame of V1-02", exact=True).inner_text()
    # The addresses are the course's own, however the page was reached.
    assert f'src="{site.front.url}/{path_of(LAB)}?embed=1&amp;theme=light"' in snippet
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page.get_by_role("button", name="Copy frame of V1-02").click()
    expect(page.get_by_role("status")).to_have_text("Copy frame of V1-02: copied")
    assert page.evaluate("navigator.clipboard.readText()") == snippet
    assert all_faults(page) == []


def test_health_and_headers_of_a_running_suite(server: Server) -> None:
    for path in ("/healthz", "/readyz"):
        with urlopen(server.url + path) as answer:
            assert answer.status == 200
    with urlopen(server.address_of(LAB)) as answer:
        assert answer.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
