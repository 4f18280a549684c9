"""Time in the ledger: always UTC, always with its zone, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present time in UTC."""
    return datetime.now(UTC)


def to_iso(moment: datetime) -> str:
    """ISO 8601 text of a time in UTC, always with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def from_iso(text: object) -> datetime:
    """The time that ISO 8601 text stands for. Raises ValueError for anything else, also without zone."""
    if not isinstance(text, str):
        raise ValueError(f"a time must be text such as 2026-01-31T12:00:00+00:00, not {text!r}")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("it has no time zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time such as 2026-01-31T12:00:00+00:00 ({error})") from error
