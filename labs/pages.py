"""The pages of the suite: one per lab, the index, the gallery."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import panel as pn
from panel.viewable import Viewable

from components.base import HtmlComponent
from components.course_index import CourseIndex
from components.page import Embedding, page
from components.quantity import counted
from components.theme import accent_styles
from components.unavailable import Unavailable
from labs.catalog import name_of, path_of
from labs.class_clock import keep_with_the_class
from labs.cookies import attributes
from labs.forget import ADDRESS as FORGET
from labs.gallery import gallery
from labs.instructor.addresses import HOME
from labs.lab import Lab
from labs.seat import Seat
from labs.session import account, is_secure, place, query, server, visit
from labs.site import COOKIE, Visit, course, is_course, ledger_of
from labs.view import LabView
from ledger import StoreUnavailable

#: Pictures of the index page, one per lab, made from real pages.
THUMBNAILS = Path(__file__).parent / "thumbnails"

UNAVAILABLE = (
    "Your work is safe: what you have done is kept. It cannot be shown for the moment, because the place where it "
    "is kept does not answer."
)

log = logging.getLogger(__name__)

VOLUMES = {
    1: (
        "Volume 1: one node",
        "From the battery of a patch to the memory of an accelerator: the physics of a single machine.",
    ),
    2: ("Volume 2: the fleet", "From eight GPUs to sixteen thousand: networks, failures, schedulers, society."),
}


def title_of(lab: type[Lab]) -> str:
    """What the browser's tab says of a lab."""
    return f"{lab.title} · {course().title}"


def gallery_title() -> str:
    """The same of the gallery."""
    return f"Gallery · {course().title}"


def lab_page(lab: type[Lab], home: str = "") -> Viewable:
    """The page of a lab for the student of the current session."""
    try:
        return _lab_page(lab, home)
    except StoreUnavailable as problem:
        return _unavailable(title_of(lab), lab.title, home, problem)


def _lab_page(lab: type[Lab], home: str) -> Viewable:
    who, where = visit(), place()
    # A portal has its own way back, and its own way out.
    home = home if where == "page" else ""
    signed_in = account(who) if where == "page" else {}
    if closed := course().closed_until(lab):
        return _page_of(lab, _not_open(lab, closed, home, signed_in, where), who)
    run = lab(ledger_of(who))
    run.follow(query())
    if who.notice:
        run.notices.append(who.notice)
    view = LabView(
        run,
        home=home,
        # Without an index there is no server of the suite that could be asked to forget somebody.
        forget=f"{home}{FORGET}" if home else "",
        seat=Seat(run),
        account=signed_in,
        place=where,
        server=server(),
    )
    keep_with_the_class(view, pn.state.curdoc)
    return _page_of(lab, view.frame, who)


def _page_of(lab: type[Lab], component: HtmlComponent, who: Visit) -> Viewable:
    accent = course().accent
    if component.place == "portal":
        component.styles = accent_styles(accent)
    embedding = Embedding(name_of(lab), course().portal.origins) if component.place == "frame" else None
    return page(component, title_of(lab), accent=accent, cookie=_cookie(who), embedding=embedding)


def _not_open(lab: type[Lab], opens: str, home: str, account: dict[str, str], where: str) -> CourseIndex:
    """What stands in place of a lab that has not opened yet."""
    return CourseIndex(
        eyebrow=f"Volume {lab.volume} · Lab {lab.number:02d}",
        title=lab.title,
        lead=lab.question,
        summary=f"This lab opens on {opens}.",
        home=home,
        account=account,
        place=where,
    )


def _unavailable(title: str, heading: str, home: str, problem: StoreUnavailable) -> Viewable:
    """What stands in place of a page that needs the ledger while that cannot be read."""
    log.warning("a page was not shown: %s", problem)
    notice = Unavailable(title=heading, text=UNAVAILABLE, home=home)
    return page(notice, title, accent=course().accent, status=503)


def index_page() -> Viewable:
    """Both volumes, with the student's progress."""
    try:
        return _index_page()
    except StoreUnavailable as problem:
        return _unavailable(course().title, course().title, "", problem)


def _index_page() -> Viewable:
    who = visit()
    summary = ledger_of(who).summary()
    labs = course().offered
    content = index_content(labs, course().title)
    closed = {lab.key(): course().closed_until(lab) for lab in labs}
    for volume in content["volumes"]:
        for card in volume["labs"]:
            card |= _progress(summary.get(card["key"]))
            if opens := closed[card["key"]]:
                card |= {"progress": "closed", "progress_text": f"Opens {opens}", "href": ""}
    saved = sum(1 for line in summary.values() if line["saved_at"] is not None)
    if saved:
        content["summary"] = f"{saved} of {len(labs)} labs saved to your ledger."
    your_class = HOME if who.teaches else ""
    index = CourseIndex(**content, notice=who.notice, account=account(who), your_class=your_class)
    return page(index, course().title, accent=course().accent, cookie=_cookie(who))


def index_content(labs: Sequence[type[Lab]], title: str) -> dict[str, Any]:
    """The index of `labs` for somebody who has done none of them: properties of a `CourseIndex`."""
    return {
        "eyebrow": "Predict · measure · design",
        "title": title,
        "lead": (
            "Each lab asks you to commit to a prediction, lets instruments show what the hardware, the queue, the "
            "network or chance really does, and then has you design a system that can break, visibly and reversibly."
        ),
        "summary": f"{counted(len(labs), 'labs')}. {_where_to_begin(labs)}",
        "volumes": [
            {
                "title": title,
                "subtitle": subtitle,
                "labs": [{**_card(lab), **_progress(None)} for lab in labs if lab.volume == volume],
            }
            for volume, (title, subtitle) in VOLUMES.items()
            if any(lab.volume == volume for lab in labs)
        ],
    }


def _where_to_begin(labs: Sequence[type[Lab]]) -> str:
    shows_around = any((lab.volume, lab.number) == (1, 0) for lab in labs)
    return "Begin anywhere; Lab 00 shows you around." if shows_around else "Begin anywhere."


def gallery_page() -> Viewable:
    """Every component and instrument with sample data, for authors; it draws designs that solve the labs.

    In a course it is shown to instructors alone.
    """
    if is_course() and not visit().teaches:
        closed = CourseIndex(
            eyebrow="Gallery",
            title="For instructors",
            lead="The gallery shows what labs are made of, with designs that solve them. In a course, students work on "
            "those themselves.",
            home="./",
        )
        return page(closed, gallery_title(), accent=course().accent)
    return page(gallery(), gallery_title(), accent=course().accent)


def _card(lab: type[Lab]) -> dict[str, Any]:
    return {
        "key": lab.key(),
        "slug": lab.slug,
        "number": f"{lab.number:02d}",
        "title": lab.title,
        "invariant": lab.invariant,
        "minutes": lab.minutes(),
        "contexts": [{"label": context.label, "regime": context.regime} for context in lab.contexts],
        "href": f"./{path_of(lab)}",
        "thumbnail": f"./thumbnails/{lab.key()}.png" if has_thumbnail(lab) else "",
    }


def _progress(line: Mapping[str, Any] | None) -> dict[str, str]:
    """How far a student is with a lab, as its card shows it."""
    if line is not None and line["saved_at"] is not None:
        verdict = {True: " · prediction right", False: " · prediction wrong"}.get(line["correct"], "")
        return {"progress": "saved", "progress_text": f"✓ Saved{verdict}"}
    if line is not None and line["state"] not in (None, "briefing"):
        act = "Act II" if line["state"].startswith("act2") else "Act I"
        return {"progress": "started", "progress_text": f"In progress · {act}"}
    return {"progress": "new", "progress_text": "Not started"}


def has_thumbnail(lab: type[Lab]) -> bool:
    """Whether the lab has a picture for its card."""
    return (THUMBNAILS / f"{lab.key()}.png").is_file()


def _cookie(who: Visit) -> str:
    """The cookie that the page itself sets, where no server of the suite has set it in the response's header."""
    if who.new_token is None:
        return ""
    return "; ".join([f"{COOKIE}={who.new_token}", *attributes(secure=is_secure())])
