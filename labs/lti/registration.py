"""What an operator enters at a platform to register these labs."""

from __future__ import annotations

from typing import Any

from labs.lti.claims import DEEP_LINKING_REQUEST, RESOURCE_LINK_REQUEST, SCOPE_LINEITEM, SCOPE_SCORE


def registration(origin: str, title: str) -> dict[str, Any]:
    """The labs at `origin` in the form that platforms import; those with a form to fill in ask for the same values."""
    launch = f"{origin}/lti/launch"
    placements = [
        {"placement": "assignment_selection", "message_type": DEEP_LINKING_REQUEST, "target_link_uri": launch},
        {"placement": "link_selection", "message_type": DEEP_LINKING_REQUEST, "target_link_uri": launch},
    ]
    return {
        "title": title,
        "description": "Interactive labs on machine-learning systems: predict, measure, design.",
        "oidc_initiation_url": f"{origin}/lti/login",
        "target_link_uri": launch,
        "redirect_uris": [launch],
        "public_jwk_url": f"{origin}/lti/jwks",
        "scopes": [SCOPE_LINEITEM, SCOPE_SCORE],
        "claims": ["sub", "name", "given_name", "family_name"],
        "messages": [
            {"type": RESOURCE_LINK_REQUEST, "target_link_uri": launch},
            {"type": DEEP_LINKING_REQUEST, "target_link_uri": launch},
        ],
        "extensions": [
            {
                "platform": "canvas.instructure.com",
                "privacy_level": "name_only",
                "settings": {"text": title, "placements": placements},
            }
        ],
    }
