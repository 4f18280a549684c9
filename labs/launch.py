"""Launch tokens: how a portal, or an operator with a link, says who somebody is and in which role.

A launch token is a JSON Web Token, signed with a key that this installation gives to its portals, and opens the labs
once. Where the browser then keeps no cookie, a pass goes on in the address: signed by the installation for itself,
good for one page within PASS_S seconds.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import jwt

from components.quantity import timespan
from labs import site
from ledger import BadToken, identity
from ledger.one_time import use_once
from ledger.people import remember_person

ALGORITHM = "HS256"
AUDIENCE = "mlsys-labs"
CLAIMS = ("sub", "role", "exp", "jti", "aud")

#: Longest validity of a token (s): the note that one was used is kept as long.
LONGEST_S = 31 * 86400
#: By how much the clock of a portal may be wrong (s).
LEEWAY_S = 30
#: Longest `sub` and `jti`, in characters.
LONGEST_ID = 200

#: How long somebody teaches after a launch, or is signed in by it (s): a long day.
TEACHING_S = 12 * 3600
#: How long a pass is good for (s): for a redirect and a page, on a busy machine.
PASS_S = 120


class LaunchError(ValueError):
    """A token or a pass that opens nothing; the message says why, and what would."""


@dataclass(frozen=True)
class Launch:
    """What a token says: whom the portal calls what, in which role of `ledger.identity.ROLES`, and until when."""

    sub: str
    role: str
    name: str
    token_id: str
    expires: int


def launch_key(secret: bytes) -> str:
    """The key with which portals sign; it follows from the installation's secret and does not lead to it."""
    return identity.derived_key("launch", secret)


def launch_token(sub: str, role: str, lifetime_s: float, secret: bytes, name: str = "") -> str:
    """A token that lets `sub` in once within `lifetime_s` seconds.

    `sub` is who it is, always the same and never somebody else's: it leads to the ledger. Raises LaunchError for
    what `read_launch` would not take.
    """
    claims = {
        "sub": sub,
        "role": role,
        "exp": int(time.time() + lifetime_s),
        "jti": secrets.token_urlsafe(16),
        "aud": AUDIENCE,
        **({"name": name} if name else {}),
    }
    token = jwt.encode(claims, launch_key(secret), algorithm=ALGORITHM)
    read_launch(token, secret)
    return token


def read_launch(token: str, secret: bytes) -> Launch:
    """What a token says; LaunchError if it is over, altered, or not of the form that docs/embedding.md describes."""
    try:
        claims = jwt.decode(
            token,
            launch_key(secret),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            leeway=LEEWAY_S,
            options={"require": list(CLAIMS)},
        )
    except jwt.ExpiredSignatureError:
        raise LaunchError("This link is over. Please get a new one where it came from.") from None
    except jwt.MissingRequiredClaimError as problem:
        raise LaunchError(f"The token of this link lacks the claim {problem.claim}.") from None
    except jwt.InvalidAudienceError:
        raise LaunchError(f"The token of this link is for something else: its claim aud is not {AUDIENCE}.") from None
    except jwt.InvalidSignatureError:
        raise LaunchError("The token of this link was altered, or signed with the key of another course.") from None
    except jwt.InvalidTokenError:
        raise LaunchError(
            "This link is incomplete: it carries no launch token. Please open the labs once more where you found it."
        ) from None
    if claims["role"] not in identity.ROLES:
        raise LaunchError(f"The claim role of this link must be one of {', '.join(identity.ROLES)}.")
    for claim in ("sub", "jti"):
        if not 0 < len(claims[claim]) <= LONGEST_ID:
            raise LaunchError(f"The claim {claim} of this link must have 1 to {LONGEST_ID} characters.")
    expires = int(claims["exp"])
    if expires > time.time() + LONGEST_S + LEEWAY_S:
        raise LaunchError(f"The token of this link lasts too long: at most {LONGEST_S // 86400} days.")
    name = claims.get("name", "")
    if not isinstance(name, str):
        raise LaunchError("The claim name of this link must be a text.")
    return Launch(claims["sub"], claims["role"], name, claims["jti"], expires)


def exchange(token: str) -> str:
    """The identity token for the cookie of whoever brings a launch token.

    Somebody who is called `sub` has the same ledger as a signed-in user of that name. Raises LaunchError for a
    token that is no good or was used before, LedgerError when the ledger cannot note that it was used.
    """
    launch = read_launch(token, site.secret())
    student_id = site.pseudonym(launch.sub)
    # Name and role first: a token is not used up by a ledger that fails in between.
    remember_person(site.store(), student_id, launch.name, site.role_of(student_id, launch.role))
    _once("launch", launch.token_id, launch.expires + LEEWAY_S)
    return _identity(student_id, launch.role)


def pass_for(identity_token: str) -> str:
    """A pass for the bearer of an identity token. Raises BadToken for a token that is no good."""
    bearer = identity.bearer_of(identity_token, site.secret())
    end = int(time.time()) + PASS_S
    # The form of an identity with an early end, under a key of its own: neither is taken for the other.
    return identity.sign_role(identity.Bearer(bearer.student_id, bearer.role, end), _pass_key())


def read_pass(text: str) -> identity.Bearer:
    """Whom a pass stands for; LaunchError if it is over or altered."""
    try:
        return identity.bearer_of(text, _pass_key())
    except BadToken:
        raise LaunchError(
            f"This address was good for one page within {timespan(PASS_S)}. Please open the labs where you opened them "
            "before."
        ) from None


def use_pass(text: str) -> str:
    """The identity token for the bearer of a pass. Raises LaunchError and LedgerError as `exchange` does."""
    bearer = read_pass(text)
    assert bearer.expires is not None
    _once("pass", text, bearer.expires)
    return _identity(bearer.student_id, bearer.role)


def _identity(student_id: str, role: str) -> str:
    # Where people have to sign in, a launch is a sign-in, and ends like one.
    if role == identity.STUDENT and not site.course().sign_in.required:
        return identity.sign(student_id, site.secret())
    end = int(time.time()) + TEACHING_S
    return identity.sign_role(identity.Bearer(student_id, role, end), site.secret())


def _once(kind: str, token_id: str, expires: int) -> None:
    # A token's own id may be longer than the ledger's, and is not to be found there.
    digest = hashlib.blake2b(token_id.encode("utf-8", "surrogatepass"), digest_size=24).hexdigest()
    if not use_once(site.store(), f"{kind}-{digest}", datetime.fromtimestamp(expires + 1, UTC)):
        raise LaunchError(
            "This link has been used already; each opens the labs once. Please get a new one where it came from."
        )


def _pass_key() -> bytes:
    return identity.derived_key("pass", site.secret()).encode()
