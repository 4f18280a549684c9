"""What goes wrong on the way in, in the words of whoever has to act."""

from __future__ import annotations


class SignInError(ValueError):
    """The installation cannot sign anybody in as it is set up; says what is missing. For the operator."""


class SignInProblem(Exception):
    """Somebody could not be signed in. For the page that they see.

    Attributes:
        status: of the answer (HTTP).
        title: what happened, in a few words.
        text: what can be done.
        detail: what the operator should know besides; for the log alone.
    """

    def __init__(self, status: int, title: str, text: str, detail: str = "") -> None:
        super().__init__(f"{title} ({detail})" if detail else title)
        self.status = status
        self.title = title
        self.text = text
