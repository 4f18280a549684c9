"""The skeleton of a lab: complete and running, with physics to replace."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from labs.usage import UsageError
from ledger import COMMON_FIELDS, CONTRACT, contract_of, entry_key
from ledger.field import Field
from ledger.keys import CHAPTERS, key_at

TEMPLATE = Path(__file__).parent / "skeleton" / "lab.txt"
_SLUG = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

#: Colour of each context that the course uses.
REGIMES = {"cloud": "cloud", "edge": "edge", "mobile": "mobile", "tiny": "tiny"}


class NoPlaceError(UsageError):
    """The course has no place or no contract yet for the lab; the message says which steps make them."""


def scaffold(volume: int, number: int, slug: str, folder: Path | None = None) -> Path:
    """Writes the skeleton into `folder` (the package by default), and gives its path.

    Contexts, decisions and ledger fields are those that the ledger's contract has for this lab. Raises NoPlaceError
    if there is none, UsageError for a slug that names no module, FileExistsError if that number has a lab already.
    """
    if not _SLUG.fullmatch(slug):
        raise UsageError(f"the slug {slug!r} must be lower-case words joined by underscores, such as ml_workflow")
    if steps := _steps_to_a_place(volume, number):
        listed = "".join(f"\n  {count}. {step}" for count, step in enumerate(steps, start=1))
        raise NoPlaceError(
            f"V{volume}-{number:02d} is not in the course yet. First:{listed}\nThen the same command again."
        )
    contract = contract_of(entry_key(volume, number))
    target = (folder or Path(__file__).parent / f"vol{volume}") / f"lab_{number:02d}_{slug}.py"
    if taken := sorted(target.parent.glob(f"lab_{number:02d}_*.py")):
        raise FileExistsError(f"lab {number:02d} of volume {volume} is there already: {taken[0]}")
    fields = contract.fields
    saved = fields["act1_prediction"]
    vocabulary = list(saved.vocabulary or ())
    values = vocabulary if saved.type == "number" else []
    ids = dict(zip("abcd", vocabulary if saved.type == "word" else "ABCD", strict=True))
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        volume=volume,
        number=number,
        slug=f"lab_{number:02d}_{slug}",
        first=contract.contexts[0],
        contexts="".join(
            f'    Context("{name}", "{name.title()}", "{REGIMES.get(name, "cloud")}", "One line on this situation."),\n'
            for name in contract.contexts
        ),
        latencies=", ".join(f'"{name}": {0.01 + 0.1 * k:.2f}' for k, name in enumerate(contract.contexts)),
        decision=_decision(fields["act2_decision"]),
        result="self.act2.outcome.time_s" if fields["act2_result"].vocabulary is None else "0.0",
        saved_values=repr(tuple(values) or (None,) * 4),
        extras="".join(
            f'            "{name}": {_sample(fields[name])},\n' for name in fields if name not in COMMON_FIELDS
        ),
        **{f"id_{letter}": option_id for letter, option_id in ids.items()},
        instrument=slug,
        class_name="".join(word.title() for word in slug.split("_")),
    )
    target.write_text(text, encoding="utf-8")
    return target


def _steps_to_a_place(volume: int, number: int) -> list[str]:
    """What is to be written before a lab of this number can be: its place in the course, and its contract."""
    if volume not in CHAPTERS:
        raise UsageError(f"there is no volume {volume}; there are {', '.join(map(str, CHAPTERS))}")
    chapters, steps = CHAPTERS[volume], []
    if number not in chapters:
        if number != chapters.stop:
            raise UsageError(
                f"volume {volume} has the labs {chapters.start} to {chapters.stop - 1}, without a gap; "
                f"the next is {chapters.stop}, not {number}"
            )
        steps.append(f"ledger/keys.py: CHAPTERS[{volume}] becomes range({chapters.start}, {number + 1})")
    key = key_at(volume, number)
    if key not in CONTRACT:
        steps.append(
            f'ledger/contract_volume{volume}.py: VOLUME_{volume} gets lab("{key}", …), with what the lab saves: '
            "its own fields, contexts, result and decision"
        )
    return steps


def _decision(field: Field) -> str:
    """The first decision of the vocabulary, or of a pattern the word with each first alternative."""
    if field.vocabulary:
        return _literal(field.vocabulary[0])
    return _literal(re.sub(r"\(([^|)]+)[^)]*\)", r"\1", field.pattern or ""))


def _sample(field: Field) -> str:
    """A value that the contract takes, for the author to replace."""
    return "None" if field.nullable else _literal(field.vocabulary[0] if field.vocabulary else 0)


def _literal(value: object) -> str:
    """A value as source, with the quotation marks of the suite's style."""
    return f'"{value}"' if isinstance(value, str) else repr(value)
