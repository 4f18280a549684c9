"""Tokens that may be used once, by whichever process or machine they reach."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from ledger.clock import now
from ledger.store import Store
from ledger.tables import used_tokens


def use_once(store: Store, token_id: str, expires: datetime) -> bool:
    """Notes that a token was used; False if it had been used before.

    Notes are forgotten when the token would have expired, so `expires` is checked by the caller.
    Raises LedgerError when the store cannot be written.
    """
    with store.writing() as connection:
        connection.execute(delete(used_tokens).where(used_tokens.c.expires < now()))
        try:
            with connection.begin_nested():
                connection.execute(insert(used_tokens).values(id=token_id, expires=expires))
        except IntegrityError:
            return False
    return True
