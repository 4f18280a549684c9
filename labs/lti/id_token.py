"""A platform's signed statement, believed only when everything about it is right."""

from __future__ import annotations

import hmac
from functools import cache
from typing import Any

import jwt
from pydantic import ValidationError

from labs.course.lti import Platform
from labs.lti.claims import DEEP_LINKING_REQUEST, RESOURCE_LINK, RESOURCE_LINK_REQUEST, Launch
from labs.lti.errors import LtiError
from labs.lti.tool_key import ALGORITHM

#: How far the clocks of platform and labs may be apart (s).
LEEWAY_S = 60
#: How long a platform may take to answer (s).
TIMEOUT_S = 10


@cache
def platform_keys(url: str) -> jwt.PyJWKClient:
    """The public keys of a platform: kept for five minutes, fetched anew for an unknown key at most every 30 s."""
    return jwt.PyJWKClient(url, timeout=TIMEOUT_S)


def read_id_token(token: str, platform: Platform, nonce: str) -> Launch:
    """The launch that `platform` has signed for `nonce`.

    Fetches the platform's keys, so it must not run on the server's loop. LtiError says what cannot be believed.
    """
    claims = _verified(token, platform)
    audience = claims["aud"]
    party = claims.get("azp")
    if party not in (None, platform.client_id) or (isinstance(audience, list) and len(audience) > 1 and party is None):
        raise _unbelievable("the statement is addressed to several and not to these labs first")
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise _unbelievable("the nonce is that of another launch")
    try:
        launch = Launch.model_validate(claims)
    except ValidationError as problem:
        wrong = sorted({str(error["loc"][0]) for error in problem.errors()})
        raise LtiError(
            "The platform's statement lacks what a launch needs, or says it in another form: " + ", ".join(wrong) + "."
        ) from None
    if launch.deployment_id not in platform.deployment_ids:
        raise LtiError(
            "This deployment of the labs at the platform is not one that the course's file names (deployment_ids).",
            403,
            f"deployment {launch.deployment_id!r} of {platform.issuer}",
        )
    _check_message(launch)
    return launch


def _verified(token: str, platform: Platform) -> dict[str, Any]:
    """The claims of a token with the platform's signature, for these labs, valid now."""
    try:
        key = platform_keys(platform.jwks_url).get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=platform.client_id,
            issuer=platform.issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "aud", "nonce", "sub"]},
        )
    except jwt.PyJWKClientConnectionError as problem:
        raise LtiError(
            "The platform's public keys cannot be fetched now; try again in a moment.", 502, str(problem)
        ) from None
    except (jwt.PyJWKClientError, jwt.PyJWKSetError) as problem:
        raise _unbelievable(str(problem)) from None
    except jwt.MissingRequiredClaimError as problem:
        if problem.claim == "sub":
            raise LtiError(
                "The platform does not say who you are, so your work could not be kept. Whoever registered the labs "
                "has to let the platform pass on an identifier of its users."
            ) from None
        raise _unbelievable(str(problem)) from None
    except jwt.ExpiredSignatureError as problem:
        raise LtiError("The platform's statement is over.", 403, str(problem)) from None
    except jwt.PyJWTError as problem:
        raise _unbelievable(str(problem)) from None


def _unbelievable(detail: str) -> LtiError:
    return LtiError("The platform's statement cannot be believed.", 403, detail)


def _check_message(launch: Launch) -> None:
    """LtiError for a message of another kind, or one without what its kind needs."""
    if launch.message_type == RESOURCE_LINK_REQUEST:
        if launch.resource_link is None or not launch.target_link_uri:
            raise LtiError("The platform does not say from which link you came, or where it leads.")
    elif launch.message_type == DEEP_LINKING_REQUEST:
        if launch.settings is None or RESOURCE_LINK not in launch.settings.accept_types:
            raise LtiError("The platform takes no links to labs here.")
    else:
        raise LtiError(f"The labs take {RESOURCE_LINK_REQUEST} and {DEEP_LINKING_REQUEST}, no other messages.")
