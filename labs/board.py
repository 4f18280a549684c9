"""A student's record of the labs of both volumes, by the kind of limit that each lab was about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from components.instruments.synthesis import FamilyRecord
from components.quantity import percent
from components.report import ReportFamily, ReportLab
from labs.lab import Lab
from labs.record import FIELDS, Line, Record
from labs.report import SIGNS, report_family, report_lab
from mlsysim import physics
from mlsysim.core import constants as c

#: The invariant of each lab, in a word.
TOPICS = {
    **{
        f"ch{number:02d}": topic
        for number, topic in enumerate(
            (
                "magnitude gap",
                "iron law",
                "feedback loop",
                "data gravity",
                "memory",
                "attention",
                "dispatch",
                "training",
                "selection",
                "compression",
                "roofline",
                "benchmarks",
                "tail",
                "drift",
                "cohorts",
                "moved costs",
            ),
            start=1,
        )
    },
    **{
        f"v2_{number:02d}": topic
        for number, topic in enumerate(
            (
                "fleet law",
                "bandwidth staircase",
                "bisection",
                "storage bursts",
                "3D parallelism",
                "collectives",
                "checkpoint interval",
                "waiting",
                "largest lane",
                "serving",
                "federated rounds",
                "overload",
                "privacy budget",
                "robustness",
                "rebound",
                "fairness criteria",
            ),
            start=1,
        )
    },
}


@dataclass(frozen=True)
class Family:
    """Labs of one kind of limit, and the audit (if any) beside which their record stands."""

    name: str
    keys: tuple[str, ...]
    audit: str = ""


def keys_of(first: tuple[int, ...] = (), second: tuple[int, ...] = ()) -> tuple[str, ...]:
    """Ledger keys of labs of Volume 1 and of Volume 2."""
    return (*(f"ch{n:02d}" for n in first), *(f"v2_{n:02d}" for n in second))


FAMILIES = (
    Family("deadline", keys_of((1, 2, 7, 9, 12), (9,)), "deadline"),
    Family("communication", keys_of((4,), (1, 2, 3, 4, 5, 6, 11)), "communication"),
    Family("failure", keys_of((3, 14), (7, 12)), "failure"),
    Family("memory", keys_of((5, 6, 8, 10)), "memory"),
    Family("memory wall", keys_of((11, 13), (8, 10)), "memory_wall"),
    Family("sustainability", keys_of((), (15,)), "carbon"),
    Family("privacy", keys_of((), (13, 14)), "privacy"),
    Family("equity", keys_of((15,), (16,)), "equity"),
    Family("synthesis", keys_of((16,))),
)
GUESSING = 1 / 4
THIN_SPACE = "\u2009"


def name_of(key: str) -> str:
    """A lab as a reader calls it: V1-05, V2-13."""
    return f"V1-{key[2:]}" if key.startswith("ch") else f"V2-{key[3:]}"


@dataclass(frozen=True)
class Board:
    """The student's record of all earlier labs, by ledger key."""

    record: Record
    #: Labs of which the ledger has at least one sound field.
    read: frozenset[str]

    @classmethod
    def of(cls, lab: Lab) -> Board:
        """The board as the ledger has it now."""
        known = {key for key in TOPICS if any(lab.read(key, field) is not None for field in FIELDS)}
        return cls(Record.read(lab, TOPICS), frozenset(known))

    @cached_property
    def lines(self) -> dict[str, Line]:
        """The line of each lab."""
        return dict(zip(TOPICS, self.record.lines, strict=True))

    def of_family(self, family: Family) -> Record:
        """The part of the record that belongs to a family."""
        return Record(tuple(self.lines[key] for key in family.keys))

    @property
    def share_correct(self) -> float | None:
        """Share of right predictions; None without any."""
        taken = len(self.record.taken)
        return self.record.hits / taken if taken else None


def interval_of(record: Record) -> tuple[float, float] | None:
    """The 95 % interval of the share of right predictions; None without any."""
    if not record.taken:
        return None
    low, high = physics.wilson_interval(record.hits, len(record.taken), c.Z95.value)
    return float(low), float(high)


def right_text(record: Record) -> str:
    """Right predictions of those made: 3 of 5."""
    return f"{record.hits} of {len(record.taken)}" if record.taken else "no evidence"


def interval_text(record: Record) -> str:
    """The interval of the share of right predictions."""
    interval = interval_of(record)
    return "–" if interval is None else f"{percent(interval[0], 0)} to {percent(interval[1], 0)}"


def walls_text(record: Record) -> str:
    """Labs in which a limit was broken, of those of which that is known."""
    found, known = record.walls_found
    return f"{found} of {known}" if known else "–"


def labs_of(family: Family, board: Board, separator: str = " ") -> str:
    """The labs of a family with their signs: V1 01✓ 02✕, V2 09–."""
    parts = []
    for volume, prefix in (("V1", "ch"), ("V2", "v2_")):
        labs = [f"{key[-2:]}{SIGNS[board.lines[key].guess.correct]}" for key in family.keys if key.startswith(prefix)]
        if labs:
            parts.append(f"{volume} {THIN_SPACE.join(labs)}")
    return separator.join(parts)


def family_record(family: Family, board: Board) -> FamilyRecord:
    """A row of the ledger board."""
    part = board.of_family(family)
    found, known = part.walls_found
    return FamilyRecord(
        family.name, labs_of(family, board, "\n"), part.hits, len(part.taken), interval_of(part), found, known
    )


def record_caption(board: Board) -> str:
    """The ledger board in words."""
    if not board.read:
        return f"None of the {len(TOPICS)} labs is in your ledger: no evidence, no interval, nothing invented."
    record = board.record
    return (
        f"{right_text(record)} right, 95 % interval {interval_text(record)}; ✓ right, ✕ wrong, – not known. A limit "
        f"was broken in {walls_text(record)}. Short rows prove little: their intervals are wide."
    )


def reported_labs(board: Board) -> tuple[ReportLab, ...]:
    """Every lab of the board, for a report."""
    return tuple(report_lab(key, f"{name_of(key)} {TOPICS[key]}", line) for key, line in board.lines.items())


def reported_families(board: Board) -> tuple[ReportFamily, ...]:
    """Every family of the board, for a report."""
    return tuple(
        report_family(f"family-{k}", family.name, family.keys, part, interval_of(part), walls_text(part))
        for k, family in enumerate(FAMILIES)
        for part in (board.of_family(family),)
    )
