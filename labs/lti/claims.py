"""What a platform says of a launch in its signed statement, in the vocabulary of LTI 1.3."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ledger.identity import INSTRUCTOR, STUDENT

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
GRADES = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
SCOPE_SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
SCOPE_LINEITEM = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"

VERSION = "1.3.0"
RESOURCE_LINK_REQUEST = "LtiResourceLinkRequest"
DEEP_LINKING_REQUEST = "LtiDeepLinkingRequest"
DEEP_LINKING_RESPONSE = "LtiDeepLinkingResponse"
RESOURCE_LINK = "ltiResourceLink"

_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
#: Roles in the course that is open, which let somebody teach it. Roles at the institution or in the system do not.
TEACHING_ROLES = frozenset(
    {
        "Instructor",
        "Administrator",
        "TeachingAssistant",
        f"{_MEMBERSHIP}#Instructor",
        f"{_MEMBERSHIP}#Administrator",
        f"{_MEMBERSHIP}#TeachingAssistant",
        f"{_MEMBERSHIP}/Instructor#TeachingAssistant",
    }
)

Text = Annotated[str, Field(min_length=1)]


class _Claims(BaseModel):
    """Claims that these labs read; others may be there, too."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class ResourceLink(_Claims):
    """The place in a course from which the launch came."""

    id: Text


class Presentation(_Claims):
    """Where the platform shows the labs."""

    document_target: str | None = None


class GradeEndpoint(_Claims):
    """The gradebook, as far as the platform opens it."""

    scope: list[str] = []
    lineitems: str | None = None
    lineitem: str | None = None


class DeepLinkingSettings(_Claims):
    """What a platform takes when somebody chooses the lab that a link leads to."""

    deep_link_return_url: Text
    accept_types: list[str]
    accept_lineitem: bool | None = None
    data: Any = None


class Launch(_Claims):
    """One statement of a platform: who comes, in which role, from where, and what for."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, populate_by_name=True)

    sub: Text
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    version: Literal["1.3.0"] = Field(validation_alias=f"{LTI}version")
    message_type: Text = Field(validation_alias=f"{LTI}message_type")
    deployment_id: Text = Field(validation_alias=f"{LTI}deployment_id")
    target_link_uri: str = Field("", validation_alias=f"{LTI}target_link_uri")
    roles: list[str] = Field(validation_alias=f"{LTI}roles")
    resource_link: ResourceLink | None = Field(None, validation_alias=f"{LTI}resource_link")
    presentation: Presentation = Field(Presentation(), validation_alias=f"{LTI}launch_presentation")
    grades: GradeEndpoint | None = Field(None, validation_alias=GRADES)
    settings: DeepLinkingSettings | None = Field(None, validation_alias=f"{DEEP_LINKING}deep_linking_settings")

    @property
    def role(self) -> str:
        """The role of `ledger.identity.ROLES` that the platform's roles amount to."""
        return INSTRUCTOR if TEACHING_ROLES & set(self.roles) else STUDENT

    @property
    def full_name(self) -> str:
        """What the platform calls the person; empty when it keeps that to itself."""
        return self.name or " ".join(filter(None, (self.given_name, self.family_name)))

    @property
    def framed(self) -> bool:
        """Whether the platform shows the labs inside its own page."""
        return self.presentation.document_target in ("iframe", "frame")
