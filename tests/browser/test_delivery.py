"""The other ways to serve a lab: its file alone, all files, several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from labs.catalog import catalog, find_lab
from labs.lab import Lab
from tests.browser.server import PANEL, ROOT, SUITE, Server
from tests.browser.student import Student

LAB = find_lab(1, 2)
#: With two processes so many that both answer for certain.
LOADS = {"two processes": 16, "one process": 1}

FILES = {lab: str(ROOT / "labs" / f"vol{lab.volume}" / f"{lab.slug}.py") for lab in catalog()}
WAYS = {
    "suite, two processes": (*SUITE, "--num-procs", "2"),
    "one file, one process": (*PANEL, FILES[LAB]),
    "one file, two processes": (*PANEL, FILES[LAB], "--num-procs", "2"),
    "all files, one process": (*PANEL, *FILES.values()),
    "all files, two processes": (*PANEL, *FILES.values(), "--num-procs", "2"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_student_is_the_same_in_every_load(new_student: Callable[..., Student], tmp_path: Path, way: str) -> None:
    """Two processes take turns; whoever answers, the student and where they are must be the same."""
    with running(tmp_path, WAYS[way]) as server:
        student = new_student(server, LAB).opens()
        who = student.id
        for _ in range(LOADS[way.split(", ")[1]]):
            assert student.opens().id == who
        student.goes_to("Act I")
        student.predicts(right=False)
        student.moves_by_keyboard()
        shown = student.shown_controls()
        student.rests()
        for _ in range(4):
            student.opens()
            expect(student.controls).to_be_visible()
            assert student.shown_controls() == shown
            assert student.id == who
        assert student.ledger.attempt(LAB.number, LAB.volume) == 1
        locked = [event for event in student.ledger.events() if event.kind == "prediction_locked"]
        assert len(locked) == 1


def test_newcomers_do_not_share_a_ledger_with_two_processes(
    new_student: Callable[..., Student], tmp_path: Path
) -> None:
    with running(tmp_path, WAYS["suite, two processes"]) as server:
        students = [new_student(server, LAB).opens() for _ in range(4)]
        assert len({student.id for student in students}) == len(students)
        students[0].goes_to("Act I")
        students[0].predicts(right=True)
        for student in students[1:]:
            assert student.reloads().current_tab() == "Briefing"


def test_every_lab_opens_from_its_own_file(
    new_student: Callable[..., Student], panel_server: Server, lab: type[Lab]
) -> None:
    student = new_student(panel_server, lab).opens()
    expect(student.page.get_by_role("heading", level=1)).to_have_text(lab.title)
    expect(student.page).to_have_title(f"{lab.title} · MLSys Labs")
    # There is no index to go back to.
    expect(student.page.get_by_role("link", name="All labs")).to_have_count(0)
    student.goes_to("Act I")
    expect(student.prediction).to_be_visible()


@pytest.fixture(scope="module")
def panel_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("panel"), WAYS["all files, one process"]) as server:
        yield server


@contextmanager
def running(folder: Path, command: Sequence[str]) -> Iterator[Server]:
    server = Server(folder / "server", command).start()
    try:
        yield server
    finally:
        server.stop()
