"""Every lab of the catalog keeps every rule; a failure names the lab, the rule, what was found and what is right."""

from __future__ import annotations

import pytest

from components.instruments.registry import INSTRUMENTS
from labs import robot
from labs.catalog import catalog, name_of
from labs.conformance import RULES, check_lab
from labs.lab import Lab

CASES = [pytest.param(lab, number, id=f"{name_of(lab)}-rule{number}") for lab in catalog() for number in RULES]

#: The course's own table of introductions (instrument to volume and chapter); the rest follow the labs.
INTRODUCED = {
    "latency_waterfall": (1, 2),
    "memory_ledger": (1, 5),
    "pareto": (1, 9),
    "roofline": (1, 11),
    "latency_histogram": (1, 13),
}


@pytest.mark.parametrize(("lab", "number"), CASES)
def test_lab_keeps_the_rule(lab: type[Lab], number: int) -> None:
    report = check_lab(lab, [number])
    assert report.passed, f"\n{report}"


def test_numbers_and_files_of_the_labs_are_unique() -> None:
    places = [(lab.volume, lab.number) for lab in catalog()]
    assert len(set(places)) == len(places)
    assert len({lab.title for lab in catalog()}) == len(places)
    for lab in catalog():
        assert lab.__module__ == f"labs.vol{lab.volume}.{lab.slug}", f"{lab.slug} names another file than its own"
        assert lab.slug.startswith(f"lab_{lab.number:02d}_")


@pytest.mark.parametrize(("name", "place"), INTRODUCED.items())
def test_the_courses_instruments_are_introduced_where_it_says(name: str, place: tuple[int, int]) -> None:
    if name in INSTRUMENTS:
        assert (INSTRUMENTS[name].volume, INSTRUMENTS[name].chapter) == place


def test_instruments_are_introduced_by_a_lab_that_uses_them() -> None:
    """An introduction dated too early would make rule 6 blind."""
    used: dict[tuple[int, int], set[str]] = {}
    for lab in catalog():
        for context in lab.contexts:
            run = robot.opened(lab, "saved", context.id)
            for act in robot.acts(run):
                for state in ("defaults", *robot.joint_moves(act, 40)):  # enough to meet optional plots
                    assert state
                    used.setdefault((lab.volume, lab.number), set()).update(
                        plot.instrument for plot in act.plots(act.outcome).values()
                    )
    unused = {
        name: f"V{place.volume}-{place.chapter:02d}"
        for name, place in INSTRUMENTS.items()
        if (place.volume, place.chapter) in used and name not in used[place.volume, place.chapter]
    }
    assert not unused, f"introduced by a lab that does not use them: {unused}"
