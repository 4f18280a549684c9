"""A course whose people have to sign in: with a password of its file, or at an OpenID provider."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Page, TimeoutError, expect
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from labs.catalog import find_lab
from labs.sign_in.passwords import line_for
from labs.site import COOKIE
from ledger import id_for_user, identity, load_secret, new_student_id
from tests.browser.judge import all_faults
from tests.browser.server import SUITE, Server
from tests.browser.student import Student

LAB = find_lab(1, 2)
SHOWN = "Ada <b>Lovelace</b>"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two processes whose people have passwords."""
    folder = tmp_path_factory.mktemp("passwords")
    (folder / "users").write_text(
        "\n".join([line_for("ada", PASSWORD, SHOWN), line_for("grace", PASSWORD, "Grace Hopper")]), encoding="utf-8"
    )
    server = with_course(
        folder,
        f'[sign_in]\nmethod = "basic"\nusers = "{folder / "users"}"\ninstructors = ["grace"]\n',
        "--num-procs",
        "2",
    )
    yield server.start()
    server.stop()


def with_course(folder: Path, course: str, *options: str) -> Server:
    file = folder / "course.toml"
    file.write_text(f'[labs]\noffered = ["V1-02"]\n{course}', encoding="utf-8")
    return Server(folder / "server", (*SUITE, "--course", str(file), *options))


def fills_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Name, password, and the button."""
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_password_opens_the_lab_that_was_asked_for(new_student: Callable[..., Student], passwords: Server) -> None:
    student = new_student(passwords, LAB)
    student.watch.allow("401", "a wrong password is refused with 401 in this test")
    page = student.page
    page.goto(passwords.address_of(LAB) + "?act2.distance_m=600000")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert all_faults(page) == []
    fills_in(page, "ada", "not hers")
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(page.get_by_label("User name")).to_have_value("ada")
    assert all_faults(page) == []

    fills_in(page, "ada")
    expect(page.get_by_role("tablist")).to_be_visible()
    assert "act2.distance_m=600000" in page.url
    # A name is a text, whatever is in it.
    expect(page.locator(".account .who")).to_have_text(SHOWN)
    assert student.id == id_for_user("ada", load_secret(passwords.secret_path))
    student.goes_to("Act I")
    student.predicts(right=False)
    assert all_faults(page) == []

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have signed out")
    assert page.context.cookies() == []
    assert all_faults(page) == []
    page.goto(passwords.address_of(LAB))
    fills_in(page, "ada")
    expect(student.tab("Act I")).to_have_attribute("aria-selected", "true")
    expect(student.controls).to_be_visible()


def test_whom_the_course_lists_is_an_instructor(new_student: Callable[..., Student], passwords: Server) -> None:
    page = new_student(passwords, LAB).page
    page.goto(passwords.url)
    fills_in(page, "grace")
    expect(page.locator(".account .who")).to_have_text("Grace HopperInstructor")
    assert all_faults(page) == []
    page.goto(f"{passwords.url}/logout")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign out?")
    page.get_by_role("link", name="Back to the labs").click()
    expect(page.locator(".account .who")).to_contain_text("Grace Hopper")


def test_a_sign_in_that_ends_in_the_middle_of_a_lab(new_student: Callable[..., Student], passwords: Server) -> None:
    student = new_student(passwords, LAB)
    student.watch.allow(r"WebSocket|[Ll]ost websocket|403", "the server closes the page's websocket in this test")
    page, secret = student.page, load_secret(passwords.secret_path)
    # A busy machine may need longer to open the page than the first of these lasts.
    for seconds in (8, 30, 120):
        ends = int(time.time()) + seconds
        student.carries(identity.sign_role(identity.Bearer(id_for_user("ada", secret), expires=ends), secret))
        page.goto(passwords.address_of(LAB))
        with suppress(TimeoutError):
            page.get_by_role("tablist").wait_for(timeout=1000 * seconds)
            break
    notice = page.locator(".connection[role=alert]")
    expect(notice).to_contain_text("Your sign-in is over. What you did is kept.")
    notice.get_by_role("button", name="Sign in and go on").click()
    fills_in(page, "ada")
    expect(page.get_by_role("tablist")).to_be_visible()
    assert page.url.startswith(passwords.address_of(LAB))
    expect(notice).to_be_hidden()


def ask(server: Server, path: str, *, method: str = "GET", body: str = "", **headers: str) -> tuple[int, str, str]:
    """Status, Location and text of an answer, without a browser's help."""
    connection = HTTPConnection("localhost", server.port, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", ""), answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def cookies_that_admit_nobody(server: Server) -> dict[str, str]:
    secret = load_secret(server.secret_path)
    now = int(time.time())
    genuine = identity.sign_role(identity.Bearer(new_student_id(), expires=now + 600), secret)
    over = identity.sign_role(identity.Bearer(new_student_id(), expires=now - 1), secret)
    return {
        "none": "",
        "guest": "is_guest=1; user=grace",
        "Panel's, unsigned": 'user="2|1:0|10:1|4:user|8:Z3JhY2U=|00"',
        "anonymous": f"{COOKIE}={identity.sign(new_student_id(), secret)}",
        "over": f"{COOKIE}={over}",
        "of another installation": f"{COOKIE}={identity.sign_role(identity.Bearer('x', expires=now + 600), b'y' * 32)}",
        "raised": f"{COOKIE}={genuine.replace('student', 'instructor')}",
        "prolonged": f"{COOKIE}={genuine.replace(str(now + 600), str(now + 6000))}",
    }


def test_without_a_sign_in_there_is_the_sign_in_alone(passwords: Server) -> None:
    lab = f"/vol{LAB.volume}/{LAB.slug}"
    for what, cookie in cookies_that_admit_nobody(passwords).items():
        for path in ("/", f"{lab}?context=edge", "/gallery", f"{lab}/metadata"):
            status, location, text = ask(passwords, path, Cookie=cookie)
            assert (status, location) == (302, "/login?" + urlencode({"next": path})), what
            assert LAB.title not in text
        script = ask(passwords, f"{lab}/autoload.js?bokeh-autoload-element=x", Cookie=cookie, Origin=passwords.url)[2]
        assert "asks people to sign in" in script, what
        assert "token" not in script
        assert LAB.title not in ask(passwords, "/nothing", Cookie=cookie)[2]
        assert socket_status(passwords, cookie, "token") == 403, what
    for path in ("/healthz", "/readyz", "/login", "/static/js/bokeh.min.js"):
        assert ask(passwords, path)[0] == 200
    assert '"signed_in": false' in ask(passwords, "/signed-in")[2]


def socket_status(server: Server, cookie: str, token: str) -> int:
    """What a websocket is answered with: 101 when it is opened."""
    # In a thread of its own: the browser's driver runs a loop in this one.
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, _socket_status(server, cookie, token)).result()


async def _socket_status(server: Server, cookie: str, token: str) -> int:
    request = HTTPRequest(
        f"ws://localhost:{server.port}/vol{LAB.volume}/{LAB.slug}/ws",
        headers={"Cookie": cookie, "Origin": server.url, "Sec-WebSocket-Protocol": f"bokeh, {token}"},
    )
    try:
        socket = await websocket_connect(request)
    except HTTPClientError as problem:
        return problem.code
    socket.close()
    return 101


def test_a_websocket_opens_for_whoever_has_signed_in(passwords: Server) -> None:
    secret = load_secret(passwords.secret_path)
    token = identity.sign_role(identity.Bearer(id_for_user("ada", secret), expires=int(time.time()) + 600), secret)
    _, _, page = ask(passwords, f"/vol{LAB.volume}/{LAB.slug}", Cookie=f"{COOKIE}={token}")
    found = re.search(r'"token":"([^"]+)"', page)
    assert found
    assert socket_status(passwords, f"{COOKIE}={token}", found[1]) == 101
    assert socket_status(passwords, "", found[1]) == 403


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "/\t/evil.example", "evil"],
)
def test_a_link_to_the_sign_in_does_not_lead_elsewhere(passwords: Server, elsewhere: str) -> None:
    form = urlencode({"username": "ada", "password": PASSWORD})
    about = {"Content_Type": "application/x-www-form-urlencoded", "Origin": passwords.url}
    path = "/login?" + urlencode({"next": elsewhere})
    assert ask(passwords, path, method="POST", body=form, **about)[:2] == (303, "/")


def test_forms_of_other_sites_are_refused(passwords: Server) -> None:
    form = urlencode({"username": "ada", "password": PASSWORD})
    plain = {"Content_Type": "application/x-www-form-urlencoded"}
    for path in ("/login", "/logout"):
        for sender in (
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": passwords.url, "Sec_Fetch_Site": "cross-site"},
        ):
            status, _, text = ask(passwords, path, method="POST", body=form, **plain, **sender)
            assert status == 403
            assert "This form was not sent from here" in text


# --- OpenID ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def openid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose people sign in at a provider, which is there as long."""
    folder = tmp_path_factory.mktemp("openid")
    people = [
        User(sub="248289761001", claims={"name": "Ada Lovelace", "email": "ada@example.edu", "groups": ["students"]}),
        User(sub="248289761002", claims={"name": "Grace Hopper", "email": "grace@example.edu", "groups": ["staff"]}),
    ]
    with run_server_in_thread(require_client_registration=True, require_nonce=True, user_claims=people) as provider:
        issuer = f"http://localhost:{provider.server_port}"
        server = Server(folder / "server", (*SUITE, "--course", str(folder / "course.toml")))
        client = httpx.post(f"{issuer}/oauth2/clients", json={"redirect_uris": [f"{server.url}/login"]}).json()
        (folder / "client").write_text(client["client_secret"], encoding="utf-8")
        (folder / "course.toml").write_text(
            f"""
            [labs]
            offered = ["V1-02"]
            [sign_in]
            method = "oidc"
            issuer = "{issuer}"
            client_id = "{client["client_id"]}"
            client_secret_file = "{folder / "client"}"
            instructor_claim = "groups"
            instructor_values = ["staff"]
            """,
            encoding="utf-8",
        )
        yield server.start()
        server.stop()


def meets_the_provider(new_student: Callable[..., Student], openid: Server) -> Student:
    student = new_student(openid, LAB)
    student.watch.allow(r"another origin: http://localhost:\d+/", "the provider is another origin")
    student.watch.allow(
        r"jsdelivr|ERR_|/favicon|404 \(NOT FOUND\)", "the provider's page has no icon, and asks for a style sheet"
    )
    return student


def chooses(page: Page, person: str) -> None:
    """What the provider asks."""
    page.get_by_role("button", name=person).click()


def test_the_provider_signs_in_and_says_who_teaches(new_student: Callable[..., Student], openid: Server) -> None:
    student = meets_the_provider(new_student, openid)
    page = student.page
    page.goto(openid.address_of(LAB) + "?act2.distance_m=600000")
    expect(page.get_by_role("heading", name="Authorize Client")).to_be_visible()
    chooses(page, "248289761001")
    expect(page.get_by_role("tablist")).to_be_visible()
    assert page.url.startswith(openid.address_of(LAB) + "?")
    assert "act2.distance_m=600000" in page.url
    expect(page.locator(".account .who")).to_have_text("Ada Lovelace")
    assert student.id == id_for_user("248289761001", load_secret(openid.secret_path))
    # Nothing of the provider's stays in the browser.
    assert {cookie["name"] for cookie in page.context.cookies(openid.url)} == {COOKIE}

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign out of the sign-in service")).to_have_attribute(
        "href", re.compile(r"^http://localhost:\d+/oauth2/end_session")
    )
    page.get_by_role("link", name="Sign in again").click()
    chooses(page, "248289761002")
    expect(page.locator(".account .who")).to_have_text("Grace HopperInstructor")


def test_what_can_go_wrong_at_the_provider_is_said(new_student: Callable[..., Student], openid: Server) -> None:
    student = meets_the_provider(new_student, openid)
    student.watch.allow("40[03]", "refusals are answered with their status")
    page = student.page
    page.goto(openid.address_of(LAB))
    chooses(page, "Deny")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have not been signed in")
    assert all_faults(page) == []
    # Two tabs at the same moment: neither takes the other's attempt.
    page.goto(openid.address_of(LAB))
    other = page.context.new_page()
    other.goto(f"{openid.url}/gallery")
    chooses(page, "248289761001")
    expect(page.get_by_role("tablist")).to_be_visible()
    assert page.url.startswith(openid.address_of(LAB))
    chooses(other, "248289761001")
    other.wait_for_url(f"{openid.url}/gallery")
    other.close()

    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{openid.url}/login?" + urlencode({"code": "stolen", "state": "x" * 43}))
    expect(page.get_by_role("heading", level=1)).to_have_text("This sign-in is over")
    assert all_faults(page) == []
