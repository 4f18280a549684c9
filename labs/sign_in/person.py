"""A person who has just proved who they are, and letting them in."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

from labs import site
from labs.cookies import give
from ledger import LedgerError, identity
from ledger.people import remember_person

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Person:
    """A person as the sign-in knows them.

    Attributes:
        user: name that stays theirs; the ledger keeps a pseudonym of it.
        shown: name that instructors read.
        teaches: whether the sign-in itself says that this is an instructor.
    """

    user: str
    shown: str
    teaches: bool = False


async def admit(handler: RequestHandler, person: Person) -> None:
    """Gives the browser the token of this person with the answer, and keeps their name and whether they teach."""
    student_id = await IOLoop.current().run_in_executor(None, site.pseudonym, person.user)
    # Whom the course's file lists is looked up at every visit instead: who is struck off it teaches no more.
    role = identity.INSTRUCTOR if person.teaches else identity.STUDENT
    ends = int(time.time() + 3600 * site.course().sign_in.session_hours)
    give(handler, identity.sign_role(identity.Bearer(student_id, role, ends), site.secret()))
    try:
        await IOLoop.current().run_in_executor(
            None, remember_person, site.store(), student_id, person.shown, site.role_of(student_id, role)
        )
    except LedgerError as problem:
        # Both are for the instructor's tables; nobody is kept out for want of them, and the next sign-in brings them.
        log.warning("the name and the role of somebody could not be kept: %s", problem)
