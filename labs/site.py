"""The site behind every page: where the ledger is, and whose ledger a session may see.

Opened once per process, from the environment: `panel serve` of a single lab file, the suite's server and its
forked workers then agree without passing anything on.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from labs.course import Course, load_course
from labs.gate import Gate
from ledger import (
    BadToken,
    LedgerError,
    Outbox,
    Spool,
    Store,
    TokenOver,
    WorkingLedger,
    id_for_user,
    identity,
    is_known,
    load_secret,
    new_student_id,
    open_store,
)
from ledger.clock import now
from ledger.rotation import Earlier, earlier_secrets
from mlsysim.core.hardware import register_devices

COURSE_VARIABLE = "MLSYS_LABS_COURSE"
LEDGER_VARIABLE = "MLSYS_LABS_LEDGER"
#: Names a file that holds the ledger's address, for addresses with a password.
LEDGER_FILE_VARIABLE = "MLSYS_LABS_LEDGER_FILE"
SECRET_FILE_VARIABLE = "MLSYS_LABS_SECRET_FILE"
OUTBOX_VARIABLE = "MLSYS_LABS_OUTBOX"
DEFAULT_LEDGER = "var/ledger.db"
DEFAULT_SECRET_FILE = "var/secret"

log = logging.getLogger(__name__)

COOKIE = "mlsys_student"
#: Told to the session, never to the browser: why the cookie that came did not open the ledger of its bearer.
REFUSED = "mlsys_refused"
#: A cookie that cannot be trusted; one that is over is called by the role of its bearer.
ALTERED = "altered"
#: How an instructor gets a new link.
LINK_COMMAND = "this command prints one where the labs are served: mlsys-labs launch-link --role instructor"
#: What whoever brought such a cookie is told.
NOTICES = {
    ALTERED: (
        "The cookie that held your place cannot be trusted, so a new, empty ledger was begun. "
        "An exported ledger file can be imported in the Ledger tab of any lab."
    ),
    identity.INSTRUCTOR: (
        "The time for which you were let in as an instructor is over: you are here as a student now, with a new, empty "
        f"ledger. To be let in again, open the labs from your course, or get a new link; {LINK_COMMAND}"
    ),
    identity.STUDENT: (
        "The time for which your course let you in is over: you are here as somebody new, with an empty ledger. What "
        "you did is kept: open the labs from your course again."
    ),
}
#: One academic year and its resits.
COOKIE_DAYS = 400
#: Longer than the five minutes in which the socket of a page must open.
PASS_SECONDS = 600


@dataclass(frozen=True)
class Visit:
    """Who is here, in which role of `ledger.identity.ROLES`, and until when (Unix time) if that has an end.

    `new_token` is set when the browser has to be given a cookie, `refused`, one of `NOTICES`, when the one that it sent
    was no good; `known` says that the browser has been here before.
    """

    student_id: str
    role: str = identity.STUDENT
    new_token: str | None = None
    refused: str = ""
    known: bool = True
    expires: int | None = None

    @property
    def teaches(self) -> bool:
        """Whether this is an instructor."""
        return self.role == identity.INSTRUCTOR

    @property
    def notice(self) -> str:
        """What the reader must be told; empty if nothing."""
        return NOTICES.get(self.refused, "")


@cache
def course() -> Course:
    """The course that is served; CourseFileError when its file cannot be used."""
    path = os.environ.get(COURSE_VARIABLE)
    found = load_course(path) if path else Course()
    if found.hardware is not None:
        register_devices(found.hardware)
    return found


def is_course() -> bool:
    """Whether a course is served, and not the whole suite to whoever comes, as on an author's own machine."""
    return bool(os.environ.get(COURSE_VARIABLE))


@cache
def store() -> Store:
    """The ledger of this process; LedgerError when it cannot be used."""
    return open_store(os.environ.get(LEDGER_VARIABLE) or _ledger_from_file() or course().ledger or DEFAULT_LEDGER)


def _ledger_from_file() -> str | None:
    path = os.environ.get(LEDGER_FILE_VARIABLE)
    if not path:
        return None
    try:
        address = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise LedgerError(f"The file {path}, which {LEDGER_FILE_VARIABLE} names, cannot be read: {problem}.") from None
    if not address:
        raise LedgerError(f"The file {path}, which {LEDGER_FILE_VARIABLE} names, is empty; it holds the ledger's URL.")
    return address


@cache
def secret() -> bytes:
    """The secret that signs cookies, from a file beside the ledger unless the environment names another."""
    return load_secret(secret_path())


def secret_path() -> Path:
    """Where the secret is, unless the environment holds it."""
    return Path(os.environ.get(SECRET_FILE_VARIABLE, DEFAULT_SECRET_FILE))


@cache
def earlier() -> tuple[Earlier, ...]:
    """The secrets that were in use before this one."""
    return earlier_secrets(secret_path())


@cache
def gate() -> Gate:
    """The limits of this process: who may open, sign in, launch or import now."""
    return Gate(course().limits)


def session_key() -> str:
    """The key that signs Bokeh's session ids and tokens, the same in every process of the installation."""
    return identity.derived_key("bokeh sessions", secret())


def outbox() -> Outbox:
    """What this process sends its students' changes through; another one after a fork."""
    return _outbox(store(), os.getpid())


@cache
def _outbox(store: Store, _process: int) -> Outbox:
    # Late: where numbers are kept must be settled before this is imported, and the command line imports this module.
    from labs.observe.metrics import LedgerObserver

    return Outbox(store, _spool(store), observer=LedgerObserver()).start()


def _spool(store: Store) -> Spool | None:
    """Where changes wait on this machine: a folder per ledger, so that none gets into another one."""
    parent = Path(os.environ.get(OUTBOX_VARIABLE) or secret_path().parent / "outbox")
    folder = parent / hashlib.sha256(store.location.encode()).hexdigest()[:12]
    try:
        return Spool(folder)
    except OSError as problem:
        log.error("changes that have to wait will be in memory alone: %s", problem)
        return None


def identify(user: str | None, token: str | None, session_id: str = "") -> Visit:
    """The student of a session: the signed-in user, else the bearer of a signed anonymous cookie, else somebody new.

    A newcomer's id follows from the session's, if that is given: of several server processes one may write the
    page and another answer its websocket, and both must see the same student.
    """
    if user:
        return _visit_of(identity.Bearer(pseudonym(user)))
    if not token:
        return _newcomer(session_id)
    try:
        return _bearer(token)
    except TokenOver as over:
        return _newcomer(session_id, over.role)
    except BadToken:
        return _newcomer(session_id, ALTERED)


def admitted(token: str | None) -> Visit | None:
    """The visit of somebody who has signed in or was launched, and whose time is not over; None for everybody else.

    An anonymous cookie has no end, and admits nobody where people have to sign in.
    """
    try:
        who = _bearer(token or "")
    except BadToken:
        return None
    return who if who.expires is not None else None


def _bearer(token: str) -> Visit:
    """Whom a cookie stands for; one of an earlier secret is renewed while it still can be trusted.

    Raises BadToken for one that cannot, and TokenOver for one that is over.
    """
    try:
        return _visit_of(identity.bearer_of(token, secret()))
    except TokenOver:
        raise
    except BadToken as problem:
        for former in earlier():
            if former.until > now():
                try:
                    return _renewed(identity.bearer_of(token, former.secret))
                except TokenOver:
                    raise
                except BadToken:
                    continue
        raise problem


def _visit_of(bearer: identity.Bearer) -> Visit:
    return Visit(bearer.student_id, role_of(bearer.student_id, bearer.role), expires=bearer.expires)


def role_of(student_id: str, said: str) -> str:
    """The role of somebody of whom a token or a sign-in says a role: whom the course's file lists teaches anyway."""
    return identity.INSTRUCTOR if student_id in listed_instructors() else said


def _renewed(bearer: identity.Bearer) -> Visit:
    token = (
        identity.sign(bearer.student_id, secret()) if bearer.expires is None else identity.sign_role(bearer, secret())
    )
    return replace(_visit_of(bearer), new_token=token)


@cache
def listed_instructors() -> frozenset[str]:
    """Pseudonyms of those whom the course's file calls instructors."""
    return frozenset(known for name in course().sign_in.instructors for known in pseudonyms(name))


def pseudonym(user: str) -> str:
    """The student id of a signed-in user: that of their first visit, whatever secret was in use then."""
    current, *former = pseudonyms(user)
    return next((known for known in reversed(former) if is_known(store(), known)), current)


def pseudonyms(user: str) -> tuple[str, ...]:
    """The ids that a user may have: of the present secret, then of earlier ones."""
    return tuple(id_for_user(user, key) for key in (secret(), *(former.secret for former in earlier())))


def passing(visit: Visit) -> str:
    """A token for a visit that ends soon, for what opens next: it may be seen by scripts of the page."""
    end = int(time.time()) + PASS_SECONDS
    return identity.sign_role(identity.Bearer(visit.student_id, visit.role, end), secret())


def _newcomer(session_id: str, refused: str = "") -> Visit:
    student_id = id_for_user(f"session {session_id}", secret()) if session_id else new_student_id()
    return Visit(student_id, new_token=identity.sign(student_id, secret()), refused=refused, known=False)


def ledger_of(visit: Visit) -> WorkingLedger:
    """The ledger that a visit may see: its own."""
    return WorkingLedger(outbox(), visit.student_id)
