"""The names of ledger entries: `ch00` to `ch16` in Volume 1, `v2_01` to `v2_17` in Volume 2."""

from __future__ import annotations

from ledger.errors import UnknownLab

CHAPTERS: dict[int, range] = {1: range(0, 17), 2: range(1, 18)}
"""Volume -> the chapters that have a lab."""

_PREFIX = {1: "ch", 2: "v2_"}


def entry_key(volume: int, chapter: int) -> str:
    """Key of the entry of one lab: `entry_key(1, 2)` is `"ch02"`, `entry_key(2, 5)` is `"v2_05"`.

    Raises UnknownLab for a volume or chapter that has no lab.
    """
    if volume not in CHAPTERS:
        raise UnknownLab(f"There is no volume {volume!r}; the volumes are 1 and 2.")
    chapters = CHAPTERS[volume]
    if chapter not in chapters:
        raise UnknownLab(
            f"Volume {volume} has no lab {chapter!r}; its labs are {chapters.start} to {chapters.stop - 1}."
        )
    return f"{_PREFIX[volume]}{chapter:02d}"


KEYS: tuple[str, ...] = tuple(entry_key(volume, chapter) for volume in CHAPTERS for chapter in CHAPTERS[volume])
"""All 34 keys, in the order of the course."""

_PLACES = {entry_key(volume, chapter): (volume, chapter) for volume in CHAPTERS for chapter in CHAPTERS[volume]}


def parse_key(key: str) -> tuple[int, int]:
    """Volume and chapter of an entry key: `parse_key("v2_05")` is `(2, 5)`.

    Raises UnknownLab for text that is not one of the 34 keys.
    """
    try:
        return _PLACES[key]
    except KeyError:
        raise UnknownLab(f"{key!r} is no ledger key; keys are ch00 to ch16 and v2_01 to v2_17.") from None
