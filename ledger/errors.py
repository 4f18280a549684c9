"""Every error the ledger raises on purpose; each message says what was wrong and what would be right."""

from __future__ import annotations

from collections.abc import Sequence


class LedgerError(Exception):
    """The ledger could not do what was asked; base class of all errors of this package."""


class StoreUnavailable(LedgerError):
    """The store cannot be used for now, for a reason that may pass: asked again later, it may answer.

    `reason` is one of `ledger.failures`: whether it cannot be reached, has no room, or does not answer in time.
    """

    def __init__(self, message: str, reason: str) -> None:
        self.reason = reason
        super().__init__(message)


class UnknownLab(LedgerError, ValueError):
    """A volume, a chapter or an entry key that names none of the labs."""


class StoredValueError(LedgerError, ValueError):
    """A value that JSON cannot hold, or that is nested too deeply to be stored."""


class DesignError(LedgerError, ValueError):
    """A design that breaks the contract of its lab. `problems` holds one sentence per problem."""

    def __init__(self, key: str, problems: Sequence[str]) -> None:
        self.key = key
        self.problems = tuple(problems)
        super().__init__(f"The design for {key} was not saved: " + "; ".join(problems) + ".")


class EventError(LedgerError, ValueError):
    """An event of an unknown kind, or without the data that its kind must carry."""


class ErasedError(LedgerError):
    """The student's data was erased while a page was open that would have written to it again. Nothing was written."""


class LedgerImportError(LedgerError, ValueError):
    """A file that cannot be imported. Nothing was changed."""


class BadToken(LedgerError, ValueError):
    """A token that this installation did not sign, or that was altered."""


class TokenOver(BadToken):
    """A token that was good until its end; `role` is what it said of its bearer."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__("The token is over; sign in again.")


class RoundError(LedgerError, ValueError):
    """A class round cannot be opened or moved on as asked."""
