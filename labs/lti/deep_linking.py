"""The answer to somebody who chooses which lab a link of a course leads to."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from labs.catalog import name_of, path_of
from labs.course.lti import Platform
from labs.lab import Lab
from labs.lti.claims import DEEP_LINKING, DEEP_LINKING_RESPONSE, LTI, RESOURCE_LINK, VERSION, Launch
from labs.lti.tool_key import ToolKey

#: How long somebody may take to choose.
LIFETIME = timedelta(hours=1)

#: Points of a line item; a score is a share of them.
MAXIMUM = 100


def label_of(lab: type[Lab]) -> str:
    """What a course's page and its gradebook call a lab."""
    return f"Lab {name_of(lab)}: {lab.title}"


def response(launch: Launch, platform: Platform, key: ToolKey, origin: str, lab: type[Lab]) -> str:
    """The signed answer that names `lab` of the labs at `origin`, with a column of the gradebook where one is taken."""
    assert launch.settings is not None
    item: dict[str, Any] = {
        "type": RESOURCE_LINK,
        "title": label_of(lab),
        "text": lab.question,
        "url": f"{origin}/{path_of(lab)}",
    }
    # A platform that does not say ignores what it does not take.
    if launch.settings.accept_lineitem is not False:
        item["lineItem"] = {"scoreMaximum": MAXIMUM, "label": label_of(lab), "resourceId": lab.key()}
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": platform.client_id,
        "aud": [platform.issuer],
        "iat": now,
        "exp": now + LIFETIME,
        "nonce": secrets.token_urlsafe(24),
        f"{LTI}deployment_id": launch.deployment_id,
        f"{LTI}message_type": DEEP_LINKING_RESPONSE,
        f"{LTI}version": VERSION,
        f"{DEEP_LINKING}content_items": [item],
    }
    if launch.settings.data is not None:
        claims[f"{DEEP_LINKING}data"] = launch.settings.data
    return key.sign(claims)
