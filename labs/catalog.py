"""The labs of the course, found by volume and number."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from labs.act import Act
from labs.lab import Lab


class UnknownLabError(LookupError):
    """There is no such lab; says which there are."""


@cache
def catalog() -> tuple[type[Lab], ...]:
    """Every lab, in the order of the course: what lies in `vol1/` and `vol2/` as `lab_NN_*.py`."""
    found = [_lab_in(volume, path) for volume in (1, 2) for path in _files(volume, "*")]
    return tuple(sorted(found, key=lambda lab: (lab.volume, lab.number)))


def _files(volume: int, number: str) -> list[Path]:
    return sorted((Path(__file__).parent / f"vol{volume}").glob(f"lab_{number}_*.py"))


def _lab_in(volume: int, path: Path) -> type[Lab]:
    module = importlib.import_module(f"labs.vol{volume}.{path.stem}")
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Lab) and value.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise ImportError(f"{path.name} must define exactly one Lab, found {len(own)}")
    return own[0]


def path_of(lab: type[Lab]) -> str:
    """Address of a lab on the suite's server, without the leading slash."""
    return f"vol{lab.volume}/{lab.slug}"


def find_lab(volume: int, number: int) -> type[Lab]:
    """The lab of a volume with a number, without importing any other; UnknownLabError lists the numbers there are."""
    files = _files(volume, f"{number:02d}") if volume in (1, 2) else []
    if files:
        return _lab_in(volume, files[0])
    there = ", ".join(f"V{each}-{path.name[4:6]}" for each in (1, 2) for path in _files(each, "*"))
    raise UnknownLabError(f"there is no lab V{volume}-{number:02d}; there are {there}")


def name_of(lab: type[Lab]) -> str:
    """What people call a lab: V1-02."""
    return f"V{lab.volume}-{lab.number:02d}"


def lab_named(name: str) -> type[Lab]:
    """A lab by V1-02, v1_02, ch02, or its file; UnknownLabError lists those there are."""
    for lab in catalog():
        numbered = name_of(lab).lower()
        names = {numbered, numbered.replace("-", "_"), lab.key(), lab.slug, path_of(lab)}
        if name.lower() in names or Path(name).with_suffix("").as_posix().endswith(path_of(lab)):
            return lab
    raise UnknownLabError(f"there is no lab {name!r}; there are {', '.join(map(name_of, catalog()))}")


def find_act(volume: int, number: int, act: str) -> type[Act]:
    """The act "act1" or "act2" of a lab; its `evaluate` computes an outcome without a session."""
    if act not in ("act1", "act2"):
        raise UnknownLabError(f"a lab has act1 and act2, not {act!r}")
    return find_lab(volume, number).acts[0 if act == "act1" else 1]
