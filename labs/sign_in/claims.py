"""What an OpenID provider says of a person, read as the course's file asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labs.course.sign_in import SignIn
from labs.sign_in.person import Person
from labs.sign_in.problem import SignInProblem

_CLAIM = "The sign-in service did not say who you are"


def needed(sign_in: SignIn) -> tuple[str, ...]:
    """Claims that the course's file reads."""
    return tuple(filter(None, (sign_in.user_claim, sign_in.name_claim, sign_in.instructor_claim)))


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name; a dotted name leads into nested ones unless there is one of that very name. None without."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def person_of(claims: Mapping[str, Any], sign_in: SignIn) -> Person:
    """Whom the claims describe. Raises SignInProblem when they name nobody, or by an address nobody has checked."""
    user = claim(claims, sign_in.user_claim)
    if isinstance(user, bool) or not isinstance(user, str | int) or not str(user).strip():
        raise SignInProblem(
            502, _CLAIM, f"It sent no claim {sign_in.user_claim!r}. Please tell whoever runs this course."
        )
    # Whoever may type any address at the provider must not become its owner here.
    if sign_in.user_claim == "email" and claims.get("email_verified") in (False, "false"):
        raise SignInProblem(
            403, "Your e-mail address is not confirmed", "Please confirm it at the sign-in service, and sign in again."
        )
    name = claim(claims, sign_in.name_claim)
    shown = name if isinstance(name, str) and name.strip() else str(user)
    return Person(str(user), shown, _teaches(claims, sign_in))


def _teaches(claims: Mapping[str, Any], sign_in: SignIn) -> bool:
    if sign_in.instructor_claim is None:
        return False
    said = claim(claims, sign_in.instructor_claim)
    values = said if isinstance(said, list) else [said]
    return any(isinstance(value, str) and value in sign_in.instructor_values for value in values)
