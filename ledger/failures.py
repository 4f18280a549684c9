"""Why a store fails: for a reason that may pass, or because of what it was asked."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from ledger.errors import LedgerError, StoreUnavailable

UNREACHABLE = "unreachable"
"""Nothing answers, or what answers cannot work: the data base is down, starting, damaged, or refuses this program."""
FULL = "full"
"""There is no room left where the store is; what it holds can be read."""
SLOW = "slow"
"""It has not answered in time: it hangs, or somebody else has been writing for long."""

REASONS = (UNREACHABLE, FULL, SLOW)

_FULL_SQLSTATE = "53100"
#: Class 55P03 and 57014: a lock or a statement took longer than allowed.
_SLOW_SQLSTATES = ("55P03", "57014")


def failure(message: str, error: SQLAlchemyError) -> LedgerError:
    """The ledger's own error for one of the data base.

    Values that a column cannot take will be refused again, however often they are offered; everything else may pass.
    """
    if isinstance(error, DataError | IntegrityError):
        return LedgerError(message)
    return StoreUnavailable(message, _reason(getattr(error, "orig", None)))


def _reason(cause: BaseException | None) -> str:
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        return {sqlite3.SQLITE_FULL: FULL, sqlite3.SQLITE_BUSY: SLOW, sqlite3.SQLITE_LOCKED: SLOW}.get(
            code, UNREACHABLE
        )
    state = getattr(cause, "sqlstate", None)
    if state == _FULL_SQLSTATE:
        return FULL
    return SLOW if state in _SLOW_SQLSTATES else UNREACHABLE
