"""What goes wrong between a learning platform and the labs."""

from __future__ import annotations


class LtiError(Exception):
    """A launch that cannot be believed or followed; the message is for whoever clicked the link.

    `status` is that of the answer, `detail` is for the operator's log and never shown.
    """

    def __init__(self, message: str, status: int = 400, detail: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail


class KeyFileError(ValueError):
    """The file of the private key cannot be used; the message says what would be right."""


class GradeServiceError(Exception):
    """A platform has not taken a score; nothing of the student stands in the message."""
