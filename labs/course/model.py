"""What a course decides: its name, its colour, which labs it offers and from when on, where its ledger is.

Every field has a default, and a course of defaults is the whole suite, open to everybody.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from labs.catalog import UnknownLabError, catalog, lab_named, name_of
from labs.course.limits import Limits
from labs.course.lti import Lti
from labs.course.origin import checked_origin
from labs.course.proxy import Proxy
from labs.course.sign_in import SignIn
from labs.course.table import Table
from labs.lab import Lab
from mlsysim.core.hardware import load_devices


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; expected a name such as Europe/Zurich or UTC") from None
    return name


def _moved_to_proxy(value: Any) -> Any:
    if value is not None:
        raise ValueError(
            "is not set here any more; name the proxies instead, in a table of their own at the end of the file: "
            '[proxy], and below it trusted = ["127.0.0.1"] with their addresses or networks'
            if value is not False
            else "is not set here any more; leave the line out: no proxy is believed unless [proxy] trusted names it"
        )
    return value


def _lab_name(name: Any) -> Any:
    """A lab by any of its names as V1-02; what is no text is left for the type to refuse."""
    if not isinstance(name, str):
        return name
    try:
        return name_of(lab_named(name))
    except UnknownLabError as problem:
        raise ValueError(str(problem)) from None


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} appears twice; expected each lab once")
    return names


def _moment(value: Any) -> Any:
    """A date is the beginning of its day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value


Origin = Annotated[str, AfterValidator(checked_origin)]


def _holds_devices(path: str) -> str:
    try:
        load_devices(path)
    except OSError as problem:
        raise ValueError(f"{path} cannot be read: {problem.strerror}") from None
    return path


LabName = Annotated[str, BeforeValidator(_lab_name)]
Moment = Annotated[datetime, BeforeValidator(_moment)]


class Offer(Table):
    """`[labs]`: which labs there are, and from when on.

    Attributes:
        offered: the labs of the course, V1-02 or another of a lab's names; all if left out.
        opens: lab to the moment from which students may open it; a lab that is not named is open.
    """

    # The default is not checked: no names stand for every lab, but a list that names none is a mistake.
    offered: Annotated[tuple[LabName, ...], Field(strict=False, min_length=1), AfterValidator(_each_once)] = ()
    opens: dict[LabName, Moment] = {}


class Portal(Table):
    """`[portal]`: pages of which other sites may show the labs in a frame.

    Attributes:
        origins: scheme, host and port of each, such as https://learn.example.edu.
    """

    origins: Annotated[tuple[Origin, ...], Field(strict=False)] = ()


class Course(Table):
    """A course as its file describes it.

    Attributes:
        title: what the index and the browser's tab call it.
        accent: colour of the header, #RRGGBB; darkened as far as its text needs.
        time_zone: of the moments in the file that name none, and of those that students read.
        ledger: path of an SQLite file, or a postgresql:// address; unless the command line names another.
        hardware: path of a YAML file with devices of the institution, for its own labs; see `mlsysim.core.hardware`.
        base_url: origin under which browsers reach the labs; whatever they asked for if left out.
        behind_proxy: only there to be refused, with the setting that took its place.
        labs: which labs there are, and from when on.
        portal: which sites may show them in a frame; none by default.
        lti: which learning platforms may launch them; none by default.
        sign_in: how people prove who they are; not at all by default.
        limits: how much of the server one student, address or page may take.
        proxy: the web servers in front of this one that are believed; none by default.
    """

    title: Annotated[str, Field(min_length=1, max_length=80)] = "MLSys Labs"
    accent: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")] | None = None
    time_zone: Annotated[str, AfterValidator(_is_zone)] = "UTC"
    ledger: Annotated[str, Field(min_length=1)] | None = None
    hardware: Annotated[str, Field(min_length=1), AfterValidator(_holds_devices)] | None = None
    base_url: Origin | None = None
    behind_proxy: Annotated[Any, BeforeValidator(_moved_to_proxy), Field(exclude=True)] = None
    labs: Offer = Offer()
    portal: Portal = Portal()
    lti: Lti = Lti()
    sign_in: SignIn = SignIn()
    limits: Limits = Limits()
    proxy: Proxy = Proxy()

    @cached_property
    def offered(self) -> tuple[type[Lab], ...]:
        """The labs of this course, in the order of the catalog."""
        named = self.labs.offered
        return tuple(lab for lab in catalog() if not named or name_of(lab) in named)

    def opens_at(self, lab: type[Lab]) -> datetime | None:
        """When a lab opens, in the course's time zone; None if it is open from the start."""
        moment = self.labs.opens.get(name_of(lab))
        if moment is None:
            return None
        zone = ZoneInfo(self.time_zone)
        return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)

    def closed_until(self, lab: type[Lab], now: datetime | None = None) -> str:
        """From when on a lab is open, as a student reads it; empty once it is. `now` knows its time zone."""
        moment = self.opens_at(lab)
        if moment is None or moment <= (now or datetime.now(UTC)):
            return ""
        return f"{moment:%A, %-d %B %Y, %H:%M} ({self.time_zone})"
