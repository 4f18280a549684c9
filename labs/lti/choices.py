"""The labs of a course as somebody sees them who makes a link."""

from __future__ import annotations

from collections.abc import Callable

from components.lti import LabChoice, VolumeChoices
from labs.course import Course
from labs.lab import Lab
from labs.pages import VOLUMES, has_thumbnail


def choices(course: Course, answer: Callable[[type[Lab]], str]) -> list[VolumeChoices]:
    """The labs that are offered, by volume; `answer` gives the text that tells a platform of a choice."""
    return [
        VolumeChoices(title, subtitle, [_choice(course, lab, answer(lab)) for lab in labs])
        for volume, (title, subtitle) in VOLUMES.items()
        if (labs := [lab for lab in course.offered if lab.volume == volume])
    ]


def _choice(course: Course, lab: type[Lab], answer: str) -> LabChoice:
    return LabChoice(
        number=f"{lab.number:02d}",
        title=lab.title,
        invariant=lab.invariant,
        minutes=lab.minutes(),
        contexts=[(context.label, context.regime) for context in lab.contexts],
        thumbnail=f"/thumbnails/{lab.key()}.png" if has_thumbnail(lab) else "",
        opens=course.closed_until(lab),
        answer=answer,
    )
