"""The names of ledger entries: `ch00`, `ch01`, … in Volume 1, `v2_01`, `v2_02`, … in Volume 2."""

from __future__ import annotations

from ledger.errors import UnknownLab

CHAPTERS: dict[int, range] = {1: range(0, 17), 2: range(1, 18)}
"""Volume -> the chapters that have a lab: the places of the course."""

_PREFIX = {1: "ch", 2: "v2_"}


def key_at(volume: int, chapter: int) -> str:
    """Key that a chapter of Volume 1 or 2 has, or would have if there were a lab: see `entry_key`."""
    return f"{_PREFIX[volume]}{chapter:02d}"


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
    return key_at(volume, chapter)


KEYS: tuple[str, ...] = tuple(entry_key(volume, chapter) for volume in CHAPTERS for chapter in CHAPTERS[volume])
"""All keys, in the order of the course."""

_PLACES = {entry_key(volume, chapter): (volume, chapter) for volume in CHAPTERS for chapter in CHAPTERS[volume]}


def parse_key(key: str) -> tuple[int, int]:
    """Volume and chapter of an entry key: `parse_key("v2_05")` is `(2, 5)`.

    Raises UnknownLab for text that is not one of the keys.
    """
    try:
        return _PLACES[key]
    except KeyError:
        ends = " and ".join(
            f"{entry_key(volume, chapters[0])} to {entry_key(volume, chapters[-1])}"
            for volume, chapters in CHAPTERS.items()
        )
        raise UnknownLab(f"{key!r} is no ledger key; keys are {ends}.") from None
