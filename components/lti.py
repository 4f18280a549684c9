"""The page that a learning platform shows of the labs besides the labs: the choice of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from components.documents import render
from components.theme import accent_css, css

_STYLES = Path(__file__).parent / "frontend" / "css"


@dataclass(frozen=True)
class LabChoice:
    """A lab that can be chosen.

    `contexts` are pairs of a label and a regime, `opens` is empty for a lab that is open, and `answer` is the signed
    text that tells the platform of the choice.
    """

    number: str
    title: str
    invariant: str
    minutes: int
    contexts: Sequence[tuple[str, str]]
    thumbnail: str
    opens: str
    answer: str


@dataclass(frozen=True)
class VolumeChoices:
    """The labs of a volume."""

    title: str
    subtitle: str
    labs: Sequence[LabChoice]


def picker_html(course: str, volumes: Sequence[VolumeChoices], return_url: str, accent: str | None) -> str:
    """A page on which an instructor chooses the lab that a link leads to; the choice goes straight to `return_url`."""
    styles = "".join((_STYLES / f"{name}.css").read_text(encoding="utf-8") for name in ("base", "index"))
    return render(
        "lti_picker.html",
        tokens=Markup(css() + accent_css(accent)),
        styles=Markup(styles),
        course=course,
        volumes=volumes,
        return_url=return_url,
    )
