"""A class over the whole course: who is where, how well it predicts, what breaks; as plain data for the screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from components.quantity import number, percent
from labs.catalog import name_of
from labs.instructor.live import STATE_NAMES
from labs.instructor.people import called
from labs.instructor.sheet import sheet_of
from labs.lab import Lab
from labs.record import guess_of, typical_factor
from labs.states import STATES
from ledger.class_record import ClassRecord, Standing
from mlsysim.physics import wilson_interval

#: Standard deviations of a two-sided interval of 95 %.
Z95 = 1.959964

#: Failures of a lab that the overview names.
MOST_FAILURES = 3


def matrix(labs: Sequence[type[Lab]], record: ClassRecord, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """One line per student, by name: `cells` has for every lab the number of its state from 1, 0 where it is not
    opened, as one text of digits."""
    lines = []
    for student, standings in record.standings.items():
        cells = [_reached(standings.get(lab.key())) for lab in labs]
        lines.append(
            {
                "name": called(student, names),
                "cells": "".join(map(str, cells)),
                "saved": sum(cell == len(STATES) for cell in cells),
            }
        )
    return sorted(lines, key=lambda line: line["name"].casefold())


def _reached(standing: Standing | None) -> int:
    if standing is None:
        return 0
    return STATES.index(standing.state) + 1 if standing.state in STATES else 1


def state_names() -> list[str]:
    """What the digits of `cells` stand for."""
    return ["Not opened", *STATE_NAMES.values()]


def calibration(labs: Sequence[type[Lab]], record: ClassRecord) -> list[dict[str, Any]]:
    """How well the class predicts Act I of each lab: the share that was right first, the 95 % interval in which the
    share of a large class lies, and by how much predictions are typically off."""
    lines = []
    for lab in labs:
        firsts = [
            mark
            for standing in record.of_lab(lab.key()).values()
            if (mark := standing.predictions.get("act1")) is not None and mark.correct is not None
        ]
        right, total = sum(mark.correct is True for mark in firsts), len(firsts)
        factor = typical_factor(guess_of(lab.key(), mark.correct, mark.choice) for mark in firsts)
        line: dict[str, Any] = {"lab": name_of(lab), "title": lab.title, "total": total, "share": None}
        if total:
            low, high = (float(end) for end in wilson_interval(right, total, Z95))
            line |= {
                "share": right / total,
                "low": low,
                "high": high,
                "right": f"{right} of {total}",
                "interval": f"{100 * low:.0f} to {percent(high, 0)}",
                "factor": "–" if factor is None else f"{number(factor)} ×",
            }
        lines.append(line)
    return lines


def common_failures(labs: Sequence[type[Lab]], record: ClassRecord) -> list[dict[str, Any]]:
    """The failures of each lab that most students met; labs in which nobody met any are left out."""
    lines = []
    for lab in labs:
        met = Counter(failure for standing in record.of_lab(lab.key()).values() for failure in standing.failures)
        titles = sheet_of(lab).failures
        known = [(titles[failure], count) for failure, count in met.most_common() if failure in titles]
        if known:
            shown = [{"title": title, "count": count} for title, count in known[:MOST_FAILURES]]
            lines.append({"lab": name_of(lab), "title": lab.title, "failures": shown})
    return lines


def everything(labs: Sequence[type[Lab]], record: ClassRecord, names: Mapping[str, str]) -> dict[str, Any]:
    """All of the above: the properties of the screen that change."""
    return {
        "students": matrix(labs, record, names),
        "calibration": calibration(labs, record),
        "failures": common_failures(labs, record),
    }
