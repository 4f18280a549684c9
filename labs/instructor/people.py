"""What instructors call a student: the name of the sign-in, else the beginning of the pseudonym."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: Letters of a pseudonym that are shown: enough to tell two students of a class apart.
SHORT = 7


def called(student: str, names: Mapping[str, str]) -> str:
    """The name of a student, or a short form of the pseudonym."""
    return names.get(student) or f"student {student.removeprefix('u-')[:SHORT]}"


def roll(students: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """Students by name, in the order of the alphabet."""
    return sorted((called(student, names) for student in students), key=str.casefold)
