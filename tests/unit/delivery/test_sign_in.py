"""Signing in: what a course's file may say of it, its passwords, its claims, and who is let in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import panel as pn
import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import create_signed_value

from labs import site
from labs.cli import main
from labs.course import CourseFileError, SignIn, load_course
from labs.own_path import own_path
from labs.same_origin import from_this_site
from labs.session import visit
from labs.sign_in.check import check_sign_in
from labs.sign_in.claims import claim, person_of
from labs.sign_in.client_secret import CLIENT_SECRET_VARIABLE, client_secret
from labs.sign_in.passwords import UsersFile, hash_password, line_for, matches
from labs.sign_in.problem import SignInError, SignInProblem
from ledger import id_for_user, identity, open_store
from ledger.people import name_of, remember_person

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def lines() -> str:
    """A file of users, hashed once: that it takes time is the point of it."""
    return f"# people of the course\n\n{line_for('ada', PASSWORD, 'Ada Lovelace')}\n{line_for('grace', 'é' * 8)}\n"


@pytest.fixture
def users(tmp_path: Path, lines: str) -> Path:
    path = tmp_path / "users"
    path.write_text(lines, encoding="utf-8")
    return path


# --- the course's file --------------------------------------------------------------------------------------------

OIDC = 'method = "oidc"\nclient_id = "labs"\nissuer = "https://login.example.edu"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('method = "ldap"', "line 2: sign_in.method: must be 'none', 'basic' or 'oidc'"),
        ('method = "basic"', "line 1: sign_in: method = 'basic' needs users"),
        (
            'method = "basic"\nusers = "u"\nissuer = "https://a.b"',
            "line 1: sign_in: issuer: of no use with method = 'basic'",
        ),
        ('instructors = ["ada"]', "line 1: sign_in: instructors: of no use with method = 'none'"),
        (OIDC + 'users = "u"', "line 1: sign_in: users: of no use with method = 'oidc'"),
        ('method = "oidc"\nclient_id = "labs"', "line 1: sign_in: method = 'oidc' needs issuer, or else all of"),
        (OIDC + 'token_url = "https://a.b/t"', "line 1: sign_in: method = 'oidc' needs issuer, or else all of"),
        ('method = "oidc"\nissuer = "https://a.b"', "line 1: sign_in: method = 'oidc' needs client_id"),
        (
            OIDC + 'instructor_claim = "groups"',
            "line 1: sign_in: instructor_claim and instructor_values need each other",
        ),
        (
            OIDC + 'client_secret = "x"',
            "line 5: sign_in.client_secret: a secret does not belong in this file; put it into",
        ),
        (OIDC + "scopes = []", "line 5: sign_in.scopes: must name at least one"),
        (
            'issuer = "http://login.example.edu"',
            "line 2: sign_in.issuer: 'http://login.example.edu' is no address of a",
        ),
        ("session_hours = 0", "line 2: sign_in.session_hours: must be greater than 0"),
        ("session_hours = 1000", "line 2: sign_in.session_hours: must be at most 744"),
        ('session_hours = "1"', "line 2: sign_in.session_hours: must be a number"),
    ],
)
def test_a_mistake_is_said_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "course.toml"
    file.write_text(f"[sign_in]\n{text}\n", encoding="utf-8")
    with pytest.raises(CourseFileError) as caught:
        load_course(file)
    assert any(found.startswith(f", {problem}") for found in caught.value.problems), caught.value.problems


def test_a_secret_is_never_offered_as_a_field(tmp_path: Path) -> None:
    file = tmp_path / "course.toml"
    file.write_text("[sign_in]\nsecret = 1\n", encoding="utf-8")
    with pytest.raises(CourseFileError, match="client_secret_file") as caught:
        load_course(file)
    assert "client_secret," not in str(caught.value)


def test_nobody_signs_in_by_default() -> None:
    assert not SignIn().required


# --- passwords ----------------------------------------------------------------------------------------------------


def test_a_password_is_kept_as_a_salted_hash() -> None:
    one, two = hash_password(PASSWORD), hash_password(PASSWORD)
    assert one != two
    assert one.startswith("$scrypt$ln=15,r=8,p=1$")
    assert PASSWORD not in one
    assert matches(PASSWORD, one)
    assert not matches(PASSWORD + " ", one)


def test_an_accent_may_be_typed_in_one_piece_or_in_two() -> None:
    assert matches("e\N{COMBINING ACUTE ACCENT}" * 8, hash_password("é" * 8))


def test_the_file_knows_its_users_and_nobody_else(users: Path) -> None:
    file = UsersFile(users)
    ada = file.who("ada", PASSWORD)
    assert ada is not None
    assert (ada.name, ada.shown) == ("ada", "Ada Lovelace")
    grace = file.who("grace", "é" * 8)
    assert grace is not None
    assert grace.shown == "grace"
    for name, password in (("ada", "wrong"), ("Ada", PASSWORD), ("nobody", PASSWORD), ("", ""), ("ada", "x" * 10**6)):
        assert file.who(name, password) is None


def test_a_changed_file_is_read_anew(users: Path) -> None:
    file = UsersFile(users)
    assert file.who("ada", PASSWORD)
    users.write_text(line_for("alan", PASSWORD), encoding="utf-8")
    assert file.who("ada", PASSWORD) is None
    assert file.who("alan", PASSWORD)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ada:secret", "line 1: expected name:hash as `mlsys-labs password` writes it"),
        ("ada:$scrypt$ln=40,r=8,p=1$" + "A" * 22 + "$" + "A" * 43, "line 1: expected name:hash"),
        ("# nobody\n", "names nobody"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "users"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SignInError, match=problem.replace("`", ".")):
        UsersFile(path).users()
    path.write_text("\n".join([line_for("ada", PASSWORD)] * 2), encoding="utf-8")
    with pytest.raises(SignInError, match="line 2: ada appears twice"):
        UsersFile(path).users()
    path.unlink()
    with pytest.raises(SignInError, match="cannot be read"):
        UsersFile(path).users()


def test_a_short_password_and_a_name_with_a_colon_are_refused() -> None:
    with pytest.raises(SignInError, match="8 to 256"):
        line_for("ada", "short")
    with pytest.raises(SignInError, match="no user name"):
        line_for("a:b", PASSWORD)


def test_the_command_line_prints_the_line_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = iter([PASSWORD, PASSWORD, PASSWORD, "another one"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    assert main(["password", "ada", "--name", "Ada Lovelace"]) == 0
    path = tmp_path / "users"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert UsersFile(path).who("ada", PASSWORD)
    assert main(["password", "ada"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "the two differ" in said.err


def test_an_instructor_without_a_password_is_a_mistake(users: Path) -> None:
    check_sign_in(SignIn(method="basic", users=str(users), instructors=("ada",)))
    with pytest.raises(SignInError, match="does not name: alan"):
        check_sign_in(SignIn(method="basic", users=str(users), instructors=("ada", "alan")))


# --- the client secret --------------------------------------------------------------------------------------------


def openid(**more: Any) -> SignIn:
    return SignIn(method="oidc", issuer="https://login.example.edu", client_id="labs", **more)


def test_the_client_secret_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CLIENT_SECRET_VARIABLE, raising=False)
    path = tmp_path / "client"
    path.write_text("of the file\n", encoding="utf-8")
    sign_in = openid(client_secret_file=str(path))
    assert client_secret(sign_in) == "of the file"
    monkeypatch.setenv(CLIENT_SECRET_VARIABLE, "of the environment")
    assert client_secret(sign_in) == "of the environment"


def test_without_a_client_secret_nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CLIENT_SECRET_VARIABLE, raising=False)
    with pytest.raises(SignInError, match="the client secret is missing; set the environment variable"):
        check_sign_in(openid())
    with pytest.raises(SignInError, match="cannot be read"):
        check_sign_in(openid(client_secret_file=str(tmp_path / "none")))
    monkeypatch.setenv(CLIENT_SECRET_VARIABLE, " ")
    with pytest.raises(SignInError, match="is empty"):
        check_sign_in(openid())


# --- claims -------------------------------------------------------------------------------------------------------


def test_a_person_is_named_by_the_claims_that_the_course_asks_for() -> None:
    claims = {"sub": "1", "email": "ada@example.edu", "name": "Ada Lovelace"}
    assert person_of(claims, openid()).user == "1"
    ada = person_of(claims, openid(user_claim="email"))
    assert (ada.user, ada.shown, ada.teaches) == ("ada@example.edu", "Ada Lovelace", False)
    assert person_of({"sub": 7}, openid()).shown == "7"


@pytest.mark.parametrize("said", [None, "", " ", True, ["1"], {}])
def test_claims_that_name_nobody_let_nobody_in(said: object) -> None:
    with pytest.raises(SignInProblem, match="did not say who you are"):
        person_of({"sub": said}, openid())


def test_an_address_that_nobody_has_checked_names_nobody() -> None:
    claims = {"sub": "1", "email": "grace@example.edu", "email_verified": False}
    with pytest.raises(SignInProblem, match="not confirmed"):
        person_of(claims, openid(user_claim="email"))
    assert person_of(claims, openid()).user == "1"


@pytest.mark.parametrize(
    ("claims", "teaches"),
    [
        ({"groups": ["students", "staff"]}, True),
        ({"groups": "staff"}, True),
        ({"groups": ["students"]}, False),
        ({"groups": "staffing"}, False),
        ({"groups": [["staff"]]}, False),
        ({"groups": None}, False),
        ({}, False),
    ],
)
def test_a_claim_says_who_teaches(claims: dict[str, object], teaches: bool) -> None:
    sign_in = openid(instructor_claim="groups", instructor_values=("staff", "faculty"))
    assert person_of({"sub": "1", **claims}, sign_in).teaches is teaches
    assert not person_of({"sub": "1", **claims}, openid()).teaches


def test_a_dotted_name_leads_into_nested_claims() -> None:
    claims = {"realm_access": {"roles": ["staff"]}, "https://example.edu/roles": ["faculty"]}
    assert claim(claims, "realm_access.roles") == ["staff"]
    assert claim(claims, "https://example.edu/roles") == ["faculty"]
    assert claim(claims, "realm_access.roles.staff") is None


# --- who is let in ------------------------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path: Path, users: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    file = tmp_path / "course.toml"
    file.write_text(f"[sign_in]\nmethod = 'basic'\nusers = '{users}'\ninstructors = ['grace']\n", encoding="utf-8")
    monkeypatch.setenv(site.COURSE_VARIABLE, str(file))
    monkeypatch.setenv(site.SECRET_FILE_VARIABLE, str(tmp_path / "secret"))
    caches = (site.course, site.secret, site.listed_instructors)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def token(name: str, role: str = identity.STUDENT, seconds: int = 60) -> str:
    secret = site.secret()
    return identity.sign_role(identity.Bearer(id_for_user(name, secret), role, int(time.time()) + seconds), secret)


@pytest.mark.usefixtures("course")
def test_a_token_with_an_end_admits_until_then() -> None:
    ada = site.admitted(token("ada"))
    assert ada is not None
    assert not ada.teaches
    assert ada == site.identify(None, token("ada"))
    for refused in (token("ada", seconds=-1), identity.sign("ada", site.secret()), "", None, "v2.x.y.z"):
        assert site.admitted(refused) is None


@pytest.mark.usefixtures("course")
def test_instructors_are_those_of_the_list_and_those_whose_token_says_so() -> None:
    for bearer in (token("grace"), token("alan", identity.INSTRUCTOR)):
        who = site.admitted(bearer)
        assert who is not None
        assert who.teaches
    # Panel's own sign-in under `panel serve` names people, too.
    assert site.identify("grace", None).teaches
    assert not site.identify("ada", None).teaches


@pytest.mark.usefixtures("course")
def test_a_session_believes_the_signed_cookie_of_panels_own_sign_in_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def signed(key: str, age_days: float = 0) -> str:
        return create_signed_value(key, "user", "grace", clock=lambda: time.time() - 86400 * age_days).decode()

    monkeypatch.setattr(pn.config, "cookie_secret", "k" * 32)
    monkeypatch.setattr(pn.config, "oauth_expiry", 1)
    jar: dict[str, str] = {}
    monkeypatch.setattr(type(pn.state), "cookies", property(lambda _: jar))
    grace = id_for_user("grace", site.secret())
    # Whoever says of themselves that they are a guest is still the one who has signed in.
    for cookies in ({"user": signed("k" * 32)}, {"user": signed("k" * 32), "is_guest": "1"}):
        jar.clear()
        jar.update(cookies)
        assert visit().student_id == grace
        assert visit().teaches
    for user in ("grace", signed("l" * 32), signed("k" * 32, age_days=1.1)):
        jar.clear()
        jar.update(user=user)
        assert visit().student_id != grace
        assert not visit().teaches


def test_a_key_serves_one_purpose() -> None:
    keys = {identity.derived_key(purpose, b"s" * 32) for purpose in ("cookies", "launches")}
    assert len(keys) == 2
    assert all(len(key) == 43 for key in keys)
    assert identity.derived_key("cookies", b"t" * 32) not in keys


def test_the_name_of_one_student(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "ledger.db"))
    assert name_of(store, "ada") == ""
    remember_person(store, "ada", "Ada Lovelace")
    assert name_of(store, "ada") == "Ada Lovelace"


# --- other sites --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/vol1/lab_02?act2.batch=8&context=edge", "/a%20b", "/?next=https://x.example"])
def test_a_path_of_this_site_is_kept(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "//x.example",
        "///x.example",
        "/\\x.example",
        "\\/x.example",
        "https://x.example",
        "javascript:alert(1)",
        "/\t/x.example",
        "/\n/x.example",
        " //x.example",
        "/a\r\nSet-Cookie: a=b",
        "/a b",
    ],
)
def test_an_address_elsewhere_becomes_the_index(address: str) -> None:
    assert own_path(address) == "/"


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://labs.example"}, False),
        ({"Origin": "https://labs.example"}, True),
        ({"Origin": "https://LABS.example"}, True),
        ({"Origin": "https://labs.example.evil"}, False),
        ({"Origin": "https://labs.example:8443"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_form_comes_from_a_page_of_this_site(headers: dict[str, str], own: bool) -> None:
    line = RequestStartLine("POST", "/login", "HTTP/1.1")
    request = HTTPServerRequest(start_line=line, headers=HTTPHeaders({"Host": "labs.example", **headers}))
    assert from_this_site(request) is own
