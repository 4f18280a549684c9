"""Where in the course an instrument is introduced; no lab uses one before its chapter."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import ParamSpec

from components.instruments.layers import Plot

P = ParamSpec("P")


@dataclass(frozen=True)
class Introduction:
    """The lab in which an instrument is first seen."""

    volume: int
    chapter: int


#: Name of each instrument to its introduction.
INSTRUMENTS: dict[str, Introduction] = {}

#: Name of each instrument to the file that defines it.
_FILES: dict[str, str] = {}


def instrument(*, volume: int, chapter: int) -> Callable[[Callable[P, Plot]], Callable[P, Plot]]:
    """Registers a function from typed data to a `Plot` as an instrument introduced in the given lab.

    Its plots carry its name, so that the conformance robot sees which lab uses which instrument. Raises ValueError
    for a name that another file has given. The same file may come again: Panel runs that of a lab for each session.
    """

    def register(function: Callable[P, Plot]) -> Callable[P, Plot]:
        name = function.__name__
        file = os.path.realpath(function.__code__.co_filename)
        if name in INSTRUMENTS and _FILES.get(name) != file:
            raise ValueError(f"instrument {name!r} is registered twice, the first time in {_FILES.get(name)}")
        _FILES[name] = file
        INSTRUMENTS[name] = Introduction(volume, chapter)

        @wraps(function)
        def named(*args: P.args, **kwargs: P.kwargs) -> Plot:
            return replace(function(*args, **kwargs), instrument=name)

        return named

    return register
