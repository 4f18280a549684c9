"""A launch from a platform: what is believed, what is refused, and who somebody is afterwards."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from sqlalchemy import select

from labs import site
from labs.catalog import catalog, find_lab
from labs.lti import handlers
from labs.lti.state import State
from ledger import BadToken, DesignLedger, LedgerError, class_statistics, id_for_user, identity
from ledger.people import names
from ledger.tables import grade_columns, grade_deliveries
from tests.lti_platform import AGS, CLIENT, DL, LTI, MEMBERSHIP, Person, new_key
from tests.unit.delivery.lti_tool import Answer, Visitor

LAB = find_lab(1, 2)
PAGE = "/vol1/lab_02_ml_systems"


def bearer(visitor: Visitor) -> identity.Bearer:
    return identity.bearer_of(visitor.cookies[site.COOKIE], site.secret())


def rows(table: Any) -> list[Any]:
    with site.store().reading() as connection:
        return list(connection.execute(select(table)))


def refused(answer: Answer, status: int, words: str) -> None:
    assert answer.status == status, answer.text
    assert words in answer.text
    assert "Set-Cookie" not in answer.headers
    assert rows(grade_deliveries) == []


def test_a_student_is_led_to_the_lab_and_known_afterwards(visitor: Visitor) -> None:
    platform = visitor.platform
    answer = visitor.launches(platform.link(f"{PAGE}?context=edge"), "ada")
    assert visitor.follows(answer) == f"{platform.tool}{PAGE}?context=edge&embed=1"
    found = bearer(visitor)
    assert found.student_id == id_for_user(f"lti {platform.origin} user-1", site.secret())
    assert found.role == identity.STUDENT
    assert found.expires is not None
    assert 11 * 3600 < found.expires - time.time() <= 12 * 3600
    assert names(site.store()) == {found.student_id: "Ada Lovelace"}
    assert "HttpOnly" in visitor.given[-1]


def test_the_same_person_has_the_same_ledger_and_others_have_others(visitor: Visitor) -> None:
    link = visitor.platform.link(PAGE)
    found = []
    for person in ("ada", "ada", "nameless"):
        visitor.launches(link, person)
        found.append(bearer(visitor).student_id)
    assert found[0] == found[1] != found[2]
    assert list(names(site.store()).values()) == ["Ada Lovelace"]


@pytest.mark.parametrize(
    ("shown_in", "target", "leads_to"),
    [
        ("window", PAGE, PAGE),
        ("window", f"{PAGE}?embed=1&act2.batch=8", f"{PAGE}?act2.batch=8"),
        ("iframe", "/", "/"),
        ("iframe", "/lti/launch", "/"),
        ("frame", PAGE, f"{PAGE}?embed=1"),
    ],
)
def test_where_a_link_leads(visitor: Visitor, shown_in: str, target: str, leads_to: str) -> None:
    link = visitor.platform.link(target, shown_in=shown_in)
    assert visitor.follows(visitor.launches(link, "ada")) == visitor.platform.tool + leads_to


@pytest.mark.parametrize(
    ("roles", "teaches"),
    [
        ((f"{MEMBERSHIP}#Instructor",), True),
        ((f"{MEMBERSHIP}#Administrator", f"{MEMBERSHIP}#Learner"), True),
        ((f"{MEMBERSHIP}/Instructor#TeachingAssistant",), True),
        (("TeachingAssistant",), True),
        ((f"{MEMBERSHIP}#Learner",), False),
        ((f"{MEMBERSHIP}#ContentDeveloper",), False),
        (("http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor",), False),
        (("http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator",), False),
        (("https://elsewhere.example/membership#Instructor",), False),
        ((), False),
    ],
)
def test_who_teaches_follows_from_the_roles_in_the_course(
    visitor: Visitor, roles: tuple[str, ...], teaches: bool
) -> None:
    visitor.platform.people["somebody"] = Person("user-9", roles=roles)
    visitor.follows(visitor.launches(visitor.platform.link(PAGE), "somebody"))
    who = site.identify(None, visitor.cookies[site.COOKIE])
    assert who.teaches is teaches
    # Nobody is graded, nor counted as one of the class, who teaches.
    DesignLedger(site.store(), who.student_id).record("opened", 2)
    assert class_statistics(site.store(), ["ch02"]).labs[0].opened == (0 if teaches else 1)
    assert len(rows(grade_deliveries)) == (0 if teaches else 1)


def test_a_gradebook_is_remembered_once(visitor: Visitor) -> None:
    link = visitor.platform.link(PAGE)
    for _ in range(2):
        visitor.follows(visitor.launches(link, "ada"))
    (column,), (delivery,) = rows(grade_columns), rows(grade_deliveries)
    assert (column.issuer, column.client_id, column.resource_link) == (visitor.platform.origin, CLIENT, link.id)
    assert (column.key, column.lineitem) == (LAB.key(), None)
    assert (delivery.platform_user, delivery.pending) == ("user-1", False)
    link.lineitem = visitor.platform.column_of(link, LAB.key())
    visitor.follows(visitor.launches(link, "ada"))
    (column,) = rows(grade_columns)
    assert column.lineitem == link.lineitem


@pytest.mark.parametrize(
    "endpoint",
    [
        {"scope": [], "lineitems": "{origin}/columns"},
        {"scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"]},
        # Not a host of the platform, and not one that could be trusted.
        {"scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"], "lineitem": "https://evil.example/1"},
        {"scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"], "lineitems": "http://169.254.169.254/"},
    ],
)
def test_a_gradebook_that_is_closed_or_elsewhere_is_left_alone(visitor: Visitor, endpoint: dict[str, Any]) -> None:
    endpoint = json.loads(json.dumps(endpoint).replace("{origin}", visitor.platform.origin))
    answer = visitor.arrives_with(visitor.platform.link(PAGE), "ada", **{AGS: endpoint})
    assert visitor.follows(answer)
    assert rows(grade_deliveries) == []


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"iss": "https://evil.example"}, 403, "cannot be believed"),
        ({"aud": "somebody-else"}, 403, "cannot be believed"),
        ({"aud": [CLIENT, "somebody-else"]}, 403, "cannot be believed"),
        ({"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"}, 403, "cannot be believed"),
        ({"azp": "somebody-else"}, 403, "cannot be believed"),
        ({"nonce": "another"}, 403, "cannot be believed"),
        ({"nonce": None}, 403, "cannot be believed"),
        ({"exp": int(time.time()) - 120}, 403, "is over"),
        ({"exp": None}, 403, "cannot be believed"),
        ({"iat": int(time.time()) + 3600}, 403, "cannot be believed"),
        ({"iat": None}, 403, "cannot be believed"),
        ({"sub": None}, 400, "does not say who you are"),
        ({"sub": ""}, 400, "sub"),
        ({f"{LTI}deployment_id": "deployment-2"}, 403, "deployment_ids"),
        ({f"{LTI}version": "1.1"}, 400, "version"),
        ({f"{LTI}roles": None}, 400, "roles"),
        ({f"{LTI}message_type": "LtiSubmissionReviewRequest"}, 400, "no other messages"),
        ({f"{LTI}resource_link": None}, 400, "from which link"),
        ({f"{LTI}target_link_uri": "https://evil.example/vol1/lab_02_ml_systems"}, 400, "another site"),
        ({f"{LTI}target_link_uri": "javascript:alert(1)"}, 400, "another site"),
        ({f"{LTI}target_link_uri": "{tool}@evil.example/"}, 400, "another site"),
        ({f"{LTI}target_link_uri": "{tool}/gallery"}, 404, "does not offer"),
        ({f"{LTI}target_link_uri": "{tool}//evil.example"}, 404, "does not offer"),
    ],
)
def test_a_statement_that_is_not_right_in_everything_is_refused(
    visitor: Visitor, changed: dict[str, Any], status: int, words: str
) -> None:
    tool = visitor.platform.tool
    filled = {
        name: value.replace("{tool}", tool) if isinstance(value, str) else value for name, value in changed.items()
    }
    refused(visitor.arrives_with(visitor.platform.link(PAGE), "ada", **filled), status, words)


def test_several_audiences_are_right_when_these_labs_are_meant(visitor: Visitor) -> None:
    answer = visitor.arrives_with(visitor.platform.link(PAGE), "ada", aud=[CLIENT, "other"], azp=CLIENT)
    assert visitor.follows(answer)


def test_a_statement_that_somebody_else_has_signed_is_refused(visitor: Visitor) -> None:
    refused(visitor.arrives_with(visitor.platform.link(PAGE), "ada", new_key()), 403, "cannot be believed")


def test_a_statement_that_nobody_has_signed_or_a_shared_secret_has_is_refused(visitor: Visitor) -> None:
    platform = visitor.platform
    link = platform.link(PAGE)
    for algorithm, key in (("none", None), ("HS256", "x" * 32)):
        question = visitor.begins(link, "ada")
        claims = platform.claims(link, "ada", question["nonce"])
        token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "platform-key"})
        refused(visitor.arrives({"id_token": token, "state": question["state"]}), 403, "cannot be believed")
    refused(visitor.arrives({"id_token": "no token", "state": question["state"]}), 403, "cannot be believed")


def test_a_launch_works_once(visitor: Visitor) -> None:
    platform = visitor.platform
    link = platform.link(PAGE)
    question = visitor.begins(link, "ada")
    token = platform.sign(platform.claims(link, "ada", question["nonce"]))
    form = {"id_token": token, "state": question["state"]}
    assert visitor.arrives(form).status == 303
    again = visitor.arrives(form)
    assert (again.status, "used before" in again.text) == (403, True)


def test_a_launch_that_was_not_begun_here_is_refused(visitor: Visitor) -> None:
    platform = visitor.platform
    link = platform.link(PAGE)
    question = visitor.begins(link, "ada")
    token = platform.sign(platform.claims(link, "ada", question["nonce"]))
    forged = State(platform.origin, CLIENT, question["nonce"]).sign(b"y" * 32)
    identity_token = identity.sign("somebody", site.secret())
    for state in ("", "x", forged, identity_token, token):
        refused(visitor.arrives({"id_token": token, "state": state}), 403, "not begun here")


def test_a_launch_that_another_site_ends_is_refused(visitor: Visitor) -> None:
    """A page that brings a launch of its own owner into somebody else's browser."""
    platform = visitor.platform
    link = platform.link(PAGE)
    for origin in ("https://evil.example", "null", ""):
        question = visitor.begins(link, "ada")
        token = platform.sign(platform.claims(link, "ada", question["nonce"]))
        answer = visitor.arrives({"id_token": token, "state": question["state"]}, origin)
        refused(answer, 403, "did not come from the platform")


def test_over_https_a_cookie_ties_the_launch_to_the_browser(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = visitor.platform
    direct, platform.tool = platform.tool, "https://labs.example.edu"
    link = platform.link(PAGE)
    framed = Visitor(platform, direct)
    question = framed.begins(link, "ada")
    assert question["redirect_uri"] == "https://labs.example.edu/lti/launch"
    (cookie,) = framed.given
    assert cookie.startswith("mlsys_lti=")
    for attribute in ("Path=/lti", "HttpOnly", "Secure", "SameSite=None", "Partitioned"):
        assert attribute in cookie.split("; ")
    # The cookie speaks for itself, whatever the page says where it is.
    form = {"id_token": platform.sign(platform.claims(link, "ada", question["nonce"])), "state": question["state"]}
    assert framed.arrives(form, "null").status == 303
    # Links side by side share the cookie.
    first, second = framed.begins(link, "ada"), framed.begins(link, "ada")
    for question in (second, first):
        form = {"id_token": platform.sign(platform.claims(link, "ada", question["nonce"])), "state": question["state"]}
        assert framed.arrives(form, "null").status == 303
    # Another browser has another cookie, and is refused even from the platform's page.
    other = Visitor(platform, direct)
    other.begins(link, "ada")
    question = framed.begins(link, "ada")
    form = {"id_token": platform.sign(platform.claims(link, "ada", question["nonce"])), "state": question["state"]}
    answer = other.arrives(form)
    assert (answer.status, "another browser" in answer.text) == (403, True)
    # A browser that keeps no cookie at all comes through the platform's page, and only through that.
    assert Visitor(platform, direct).arrives(form, "null").status == 403
    assert Visitor(platform, direct).arrives(form).status == 303


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"iss": "https://evil.example"}, 403, "issuer and client_id"),
        ({"client_id": "another"}, 403, "issuer and client_id"),
        ({"iss": ""}, 400, "left out iss"),
        ({"login_hint": ""}, 400, "left out login_hint"),
        ({"target_link_uri": ""}, 400, "left out target_link_uri"),
        ({"target_link_uri": "https://evil.example/"}, 400, "another site"),
    ],
)
def test_a_login_that_cannot_be_followed_says_why(
    visitor: Visitor, changed: dict[str, str], status: int, words: str
) -> None:
    form = {
        "iss": visitor.platform.origin,
        "login_hint": "ada",
        "target_link_uri": visitor.platform.tool + PAGE,
        "client_id": CLIENT,
        **changed,
    }
    answer = visitor.asks("POST", f"{visitor.platform.tool}/lti/login", form)
    assert (answer.status, words in answer.text) == (status, True), answer.text
    assert "evil" not in answer.text


def test_a_login_may_be_posted_and_may_leave_out_the_client(visitor: Visitor) -> None:
    form = {"iss": visitor.platform.origin, "login_hint": "ada", "target_link_uri": visitor.platform.tool + PAGE}
    answer = visitor.asks("POST", f"{visitor.platform.tool}/lti/login", form)
    assert answer.status == 302
    assert f"client_id={CLIENT}" in answer.headers["Location"]


def test_a_platform_that_lets_nobody_in_or_is_down_is_said(visitor: Visitor) -> None:
    answer = visitor.arrives({"error": "<b>login_required</b>", "state": "x"})
    refused(answer, 403, "did not let you in")
    assert "login_required" not in answer.text
    visitor.platform.is_down = True
    refused(visitor.arrives_with(visitor.platform.link(PAGE), "ada"), 502, "cannot be fetched now")
    # Nothing was used up: when the platform is back, the next click works.
    visitor.platform.is_down = False
    assert visitor.follows(visitor.launches(visitor.platform.link(PAGE), "ada"))


def test_a_ledger_that_is_away_lets_nobody_in_and_says_so(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> bool:
        raise LedgerError("The ledger at postgresql://db/labs could not be written: no route to host")

    monkeypatch.setattr(handlers, "use_once", away)
    answer = visitor.launches(visitor.platform.link(PAGE), "ada")
    refused(answer, 503, "ledger cannot be reached now")
    assert "postgresql" not in answer.text


def test_a_session_of_a_launch_ends(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.launches(visitor.platform.link(PAGE), "teacher")
    token, later = visitor.cookies[site.COOKIE], time.time() + 13 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(BadToken, match="over"):
        identity.bearer_of(token, site.secret())


def test_choosing_a_lab_makes_a_link_that_leads_to_it(visitor: Visitor) -> None:
    platform = visitor.platform
    page = visitor.launches(platform.link("/lti/launch", choosing=True), "teacher")
    assert page.status == 200
    assert page.text.count("Choose this lab") == len(catalog())
    assert site.COOKIE not in visitor.cookies
    start = page.text.index(f"Choose Lab 02: {LAB.title}")
    token = page.text[page.text.rindex('value="', 0, start) + 7 : page.text.rindex('"', 0, start - 12)]
    done = visitor.asks("POST", f"{platform.origin}/deep?page=3", {"JWT": token.split('"')[0]})
    assert (done.status, platform.complaints) == (200, [])
    (item,) = platform.chosen
    assert item["url"] == platform.tool + PAGE
    assert item["lineItem"] == {"scoreMaximum": 100, "label": f"Lab V1-02: {LAB.title}", "resourceId": LAB.key()}
    link = platform.link(item["url"].removeprefix(platform.tool))
    assert visitor.follows(visitor.launches(link, "ada")) == f"{platform.tool}{PAGE}?embed=1"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (None, "takes no links"),
        ({"deep_link_return_url": "{origin}/deep", "accept_types": ["file"]}, "takes no links"),
        ({"deep_link_return_url": "javascript:alert(1)", "accept_types": ["ltiResourceLink"]}, "not known"),
        ({"deep_link_return_url": "https://evil.example/", "accept_types": ["ltiResourceLink"]}, "not known"),
        ({"accept_types": ["ltiResourceLink"]}, "deep_linking_settings"),
    ],
)
def test_a_choice_that_cannot_be_brought_back_is_not_offered(
    visitor: Visitor, settings: dict[str, Any] | None, words: str
) -> None:
    settings = json.loads(json.dumps(settings).replace("{origin}", visitor.platform.origin))
    link = visitor.platform.link("/lti/launch", choosing=True)
    answer = visitor.arrives_with(link, "teacher", **{f"{DL}deep_linking_settings": settings})
    assert (answer.status, words in answer.text) == (400, True), answer.text


def test_a_platform_that_takes_no_columns_gets_none(visitor: Visitor) -> None:
    settings = {
        "deep_link_return_url": visitor.platform.origin,
        "accept_types": ["ltiResourceLink"],
        "accept_lineitem": False,
    }
    link = visitor.platform.link("/lti/launch", choosing=True)
    page = visitor.arrives_with(link, "teacher", **{f"{DL}deep_linking_settings": settings}).text
    token = page.split('name="JWT" value="')[1].split('"')[0]
    (item,) = jwt.decode(token, options={"verify_signature": False})[f"{DL}content_items"]
    assert "lineItem" not in item


def test_what_an_operator_enters_at_a_platform(visitor: Visitor) -> None:
    tool = visitor.platform.tool
    content = json.loads(visitor.asks("GET", f"{tool}/lti/config.json").text)
    assert content["oidc_initiation_url"] == f"{tool}/lti/login"
    assert content["redirect_uris"] == [f"{tool}/lti/launch"]
    keys = json.loads(visitor.asks("GET", f"{tool}/lti/jwks").text)["keys"]
    assert keys == [content["public_jwk"]]
    assert set(keys[0]) == {"kty", "n", "e", "kid", "alg", "use"}, "nothing of the private half"


def test_without_lti_its_addresses_lead_nowhere(visitor: Visitor, own_site: Path) -> None:
    own_site.write_text("", encoding="utf-8")
    for path in ("login", "jwks", "config.json"):
        assert visitor.asks("GET", f"{visitor.platform.tool}/lti/{path}").status == 404
    assert visitor.asks("POST", f"{visitor.platform.tool}/lti/launch", {}).status == 404


def test_a_course_offers_and_opens_its_own_labs_alone(visitor: Visitor, own_site: Path, key_file: Path) -> None:
    text = visitor.platform.course(key_file)
    text += '[labs]\noffered = ["V1-02", "V1-08"]\n[labs.opens]\nV1-02 = 2999-01-01\n'
    own_site.write_text(text, encoding="utf-8")
    page = visitor.launches(visitor.platform.link("/lti/launch", choosing=True), "teacher").text
    assert page.count("Choose this lab") == 2
    assert "Opens Tuesday, 1 January 2999" in page
    other = visitor.platform.link("/vol1/lab_00_introduction")
    assert visitor.asks("GET", visitor.platform.login_address(other, "ada")).status == 404
    # A lab that is not open yet has a page that says so.
    assert visitor.follows(visitor.launches(visitor.platform.link(PAGE), "ada")).endswith(f"{PAGE}?embed=1")
