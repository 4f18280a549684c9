"""The file that describes a course."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from labs.catalog import catalog, find_lab, name_of
from labs.cli import main
from labs.course import Course, CourseFileError, load_course

WHOLE = """
title = "Systems for learning"   # what students read
accent = "#7A1F3D"
time_zone = "Europe/Zurich"
ledger = "var/course.db"

[labs]
offered = ["V1-00", "v1_02", "lab_01_introduction"]

[labs.opens]
V1-02 = 2026-09-14
"V2-01" = 2026-10-01T08:00:00Z
"""

LTI = """[[lti.platforms]]
issuer = 'https://lms.example.edu'
client_id = 'client'
auth_login_url = 'https://lms.example.edu/auth'
auth_token_url = 'https://lms.example.edu/token'
jwks_url = 'https://lms.example.edu/jwks'
deployment_ids = ['1']
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "course.toml"


def problems_of(file: Path, text: str) -> tuple[str, ...]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CourseFileError) as caught:
        load_course(file)
    assert all(line.startswith(str(file)) for line in str(caught.value).splitlines())
    return caught.value.problems


def test_a_course_without_a_file_is_the_whole_suite() -> None:
    course = Course()
    assert course.offered == catalog()
    assert not any(course.closed_until(lab) for lab in catalog())
    assert course.title == "MLSys Labs"


def test_an_empty_file_is_the_same(file: Path) -> None:
    file.write_text("", encoding="utf-8")
    assert load_course(file) == Course()


def test_every_field_is_read(file: Path) -> None:
    file.write_text(WHOLE, encoding="utf-8")
    course = load_course(file)
    assert [name_of(lab) for lab in course.offered] == ["V1-00", "V1-02", "V2-01"]
    assert (course.title, course.accent, course.ledger) == ("Systems for learning", "#7A1F3D", "var/course.db")
    # A date is midnight where the course is; a moment keeps its own zone.
    assert course.opens_at(find_lab(1, 2)) == datetime(2026, 9, 14, tzinfo=ZoneInfo("Europe/Zurich"))
    assert course.opens_at(find_lab(2, 1)) == datetime(2026, 10, 1, 8, tzinfo=UTC)
    assert course.opens_at(find_lab(1, 0)) is None


def test_a_lab_is_closed_to_the_very_moment(file: Path) -> None:
    file.write_text(WHOLE, encoding="utf-8")
    course, lab = load_course(file), find_lab(1, 2)
    assert course.closed_until(lab, datetime(2026, 9, 13, 21, 59, 59, tzinfo=UTC)) == (
        "Monday, 14 September 2026, 00:00 (Europe/Zurich)"
    )
    assert course.closed_until(lab, datetime(2026, 9, 13, 22, tzinfo=UTC)) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('title = ""', ", line 1: title: must not be empty"),
        ("title = 7", ", line 1: title: must be a text"),
        (f'title = "{"x" * 81}"', ", line 1: title: must have at most 80 characters"),
        ('\n\naccent = "red"', ", line 3: accent: must be a colour such as #0B4F6C"),
        ('time_zone = "Mars/Olympus"', ", line 1: time_zone: 'Mars/Olympus' is no time zone; expected a name such as"),
        (
            'colour = "x"',
            ", line 1: colour: is not known here; expected title, accent, time_zone, ledger, hardware, base_url",
        ),
        ("[labs]\noffer = []", ", line 2: labs.offer: is not known here; expected offered, opens"),
        ("[labs]\noffered = []", ", line 2: labs.offered: must name at least one"),
        ('[labs]\noffered = ["V1-00",\n "V3-01"]', ", line 2: labs.offered: there is no lab 'V3-01'; there are V1-00"),
        ('[labs]\noffered = ["V1-00", "ch00"]', ", line 2: labs.offered: V1-00 appears twice"),
        ("[labs]\noffered = [2]", ", line 2: labs.offered: must be a text"),
        ("[labs.opens]\nV1-99 = 2026-01-01", ", line 2: labs.opens.V1-99: there is no lab 'V1-99'"),
        ('[labs.opens]\nV1-00 = "soon"', ", line 2: labs.opens.V1-00: must be a date or a moment without quotes"),
        ('labs.opens."V1-00" = 3', ", line 1: labs.opens.V1-00: must be a date or a moment without quotes"),
        ('[portal]\norigins = ["learn.example.edu"]', ", line 2: portal.origins: 'learn.example.edu' is no origin"),
        ('[portal]\norigins = ["https://a.b; script-src *"]', ", line 2: portal.origins: "),
        ('[portal]\norigins = ["https://a.b:443"]', ", line 2: portal.origins: 'https://a.b:443' names the port"),
        ('base_url = "https://labs.example.edu/"', ", line 1: base_url: 'https://labs.example.edu/' is no origin"),
        (
            'title = "a"\nbehind_proxy = true',
            ", line 2: behind_proxy: is not set here any more; name the proxies instead, in a table of their own at "
            'the end of the file: [proxy], and below it trusted = ["127.0.0.1"]',
        ),
        ("behind_proxy = false", ", line 1: behind_proxy: is not set here any more; leave the line out: no proxy is"),
        ("labs = 3", ", line 1: labs: must be a table"),
        ("[lti]\nkeyfile = 'x'", ", line 2: lti.keyfile: is not known here; expected key_file, platforms"),
        (LTI, ", line 1: lti: platforms need a key_file; `mlsys-labs lti-key FILE` makes one"),
        (
            LTI.replace("client_id = 'client'", ""),
            ", line 1: lti.platforms.client_id: is missing; a table like this has issuer, client_id, auth_login_url",
        ),
        (
            LTI.replace("/token", "/token'\ncolour = 'red"),
            ", line 6: lti.platforms.colour: is not known here; expected issuer, client_id",
        ),
        (
            LTI.replace("https://lms.example.edu/jwks", "http://lms.example.edu/jwks"),
            ", line 6: lti.platforms.jwks_url: ",
        ),
        (LTI.replace("['1']", "[]"), ", line 7: lti.platforms.deployment_ids: must name at least one"),
        (LTI.replace("['1']", "[1]"), ", line 7: lti.platforms.deployment_ids: must be a text"),
        (LTI + "hosts = ['https://a.b']", ", line 8: lti.platforms.hosts: 'https://a.b' is no host; expected a name"),
        ("[lti]\nkey_file = 'k'\n" + LTI + LTI, ", line 1: lti: client of https://lms.example.edu appears twice"),
        ('title = "a"\ntitle = "b"', ", line 2: "),
        ("title = ", ", line 1: "),
    ],
)
def test_a_mistake_is_said_with_its_line(file: Path, text: str, problem: str) -> None:
    (found,) = problems_of(file, text)
    assert found.startswith(problem)


def test_mistakes_in_lists_of_tables_are_said_where_they_are(file: Path) -> None:
    second = LTI.replace("'client'", "'other'").replace("https://lms.example.edu/auth", "lms.example.edu/auth")
    (found,) = problems_of(file, f"[lti]\nkey_file = 'k'\n{LTI}{second}")
    assert found.startswith(", line 13: lti.platforms.auth_login_url: 'lms.example.edu/auth' is no address to trust")


@pytest.mark.parametrize(
    ("url", "owned"),
    [
        ("https://lms.example.edu/api/columns?x=1", True),
        ("https://LMS.example.edu/api", True),
        ("https://school.example.edu/api", True),
        ("http://lms.example.edu/api", False),
        ("https://lms.example.edu:8443/api", False),
        ("https://lms.example.edu@evil.example/", False),
        ("https://user:password@lms.example.edu/", False),
        ("https://evil.example/?lms.example.edu", False),
        ("https://lms.example.edu.evil.example/", False),
        ("//lms.example.edu/", False),
        ("javascript:alert(1)//lms.example.edu", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_which_addresses_are_a_platforms_own(file: Path, url: str, owned: bool) -> None:
    file.write_text(f"[lti]\nkey_file = 'k'\n{LTI}hosts = ['school.example.edu']\n", encoding="utf-8")
    (platform,) = load_course(file).lti.platforms
    assert platform.owns(url) is owned


def test_a_registration_is_found_by_its_names(file: Path) -> None:
    file.write_text(
        f"[lti]\nkey_file = 'k'\n{LTI}{LTI.replace(chr(39) + 'client', chr(39) + 'other')}", encoding="utf-8"
    )
    lti = load_course(file).lti
    found = lti.find("https://lms.example.edu", "other")
    assert found is not None
    assert found.client_id == "other"
    # Which of two is meant cannot be guessed.
    assert lti.find("https://lms.example.edu") is None
    assert lti.find("https://evil.example", "other") is None


def test_all_mistakes_are_said_at_once(file: Path) -> None:
    found = problems_of(file, 'title = 1\naccent = "red"\n[labs]\nopen = 1')
    assert [line.split(":")[0] for line in found] == [", line 1", ", line 2", ", line 4"]


def test_a_file_that_cannot_be_read(file: Path) -> None:
    with pytest.raises(CourseFileError, match="cannot be read"):
        load_course(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CourseFileError, match="UTF-8"):
        load_course(file)


def test_check_config_says_what_a_file_decides(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(WHOLE, encoding="utf-8")
    assert main(["check-config", str(file)]) == 0
    said = capsys.readouterr().out
    assert "Systems for learning, 3 labs" in said
    assert "V1-02  from 2026-09-14T00:00+02:00" in said
    file.write_text('accent = "red"', encoding="utf-8")
    assert main(["check-config", str(file)]) == 2
    assert "line 1: accent" in capsys.readouterr().err


DEVICES = """devices:
  - name: Campus H200
    regime: cloud
    mem_bandwidth: 4.8 TB/s
    mem_capacity: 141 GB
    tdp: 700 {watts}
    sources: [data sheet]
"""


def test_devices_of_the_institution_are_checked_with_the_course(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = tmp_path / "devices.yaml"
    line = f"title = 'A'\nhardware = '{devices}'\n"
    (problem,) = problems_of(file, line)
    assert problem.startswith(", line 2: hardware: ")
    assert "cannot be read" in problem
    devices.write_text(DEVICES.format(watts="GB"), encoding="utf-8")
    (problem,) = problems_of(file, line)
    assert "line 6: device 'Campus H200': field 'tdp': '700 GB' is not in" in problem
    devices.write_text(DEVICES.format(watts="W"), encoding="utf-8")
    file.write_text(line, encoding="utf-8")
    assert main(["check-config", str(file)]) == 0
    assert "Campus H200" in capsys.readouterr().out
