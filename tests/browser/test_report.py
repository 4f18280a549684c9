"""The report of the last lab: shown, printed on one page, saved as a file that needs nothing else."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from labs.catalog import find_lab
from labs.record import answer_of
from ledger import KEYS, DesignLedger, contract_of, new_student_id
from tests.browser.student import Student
from tests.browser.walk import walk
from tests.unit.labs.earlier import save_earlier

LAB = find_lab(2, 17)
EARLIER = [key for key in KEYS if key not in ("ch00", LAB.key())]
LEDGERS = {"empty": [], "partial": EARLIER[::4], "full": EARLIER}
PAPERS = ("A4", "Letter")


def fill(ledger: DesignLedger, keys: Iterable[str]) -> None:
    """Entries of earlier labs with the longest words that they may hold."""
    dice = random.Random(17)
    for key in keys:
        fields = contract_of(key).fields
        right = dice.random() < 0.5
        chosen = {
            "act1_prediction": answer_of(key, right=right),
            "act2_decision": max(fields["act2_decision"].vocabulary or ("",), key=len) or None,
            "act2_result": None if fields["act2_result"].vocabulary else 12_345.678,
        }
        known = {name: value for name, value in chosen.items() if value is not None}
        save_earlier(ledger, key, act1_correct=right, constraint_hit=right, **known)


def pages_of(pdf: bytes) -> int:
    """Number of pages of a PDF file."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def with_ledger(student: Student, kind: str) -> Student:
    """The student in the Ledger tab, with entries of earlier labs and a design of this one."""
    student_id = new_student_id()
    ledger = student.server.ledger(student_id)
    fill(ledger, LEDGERS[kind])
    walk(LAB, ledger, "act2_reflect", breaking=True)
    student.is_known_as(student_id).opens(LAB)
    student.goes_to("Ledger")
    expect(student.panel.get_by_role("button", name="Save report")).to_be_visible()
    return student


def report_on_paper(page: Page, paper: str) -> bytes:
    """What the button prints."""
    page.evaluate("window.print = () => {}")
    page.get_by_role("button", name="Print", exact=True).click()
    expect(page.locator(".printed-report")).to_be_attached()
    return page.pdf(format=paper)


@pytest.mark.parametrize("kind", LEDGERS)
def test_report_is_one_page_and_a_file_of_its_own(
    new_student: Callable[..., Student], browser: Browser, tmp_path: Path, kind: str
) -> None:
    student = with_ledger(new_student(lab=LAB), kind)
    for paper in PAPERS:
        assert pages_of(report_on_paper(student.page, paper)) == 1
        expect(student.page.locator(".printed-report")).to_have_count(0)
    with student.page.expect_download() as download:
        student.panel.get_by_role("button", name="Save report").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    opens_offline(browser, file, student, kind)


def opens_offline(browser: Browser, file: Path, student: Student, kind: str) -> None:
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    lab = student.run()
    record = lab.board.record  # type: ignore[attr-defined]

    def cell(name: str) -> str:
        return page.locator(f'[data-cell="{name}"]').inner_text()

    assert cell("summary.0") == f"{len(LEDGERS[kind])} of {len(EARLIER)}"
    assert cell("summary.1") == (f"{record.hits} of {len(record.taken)}" if record.taken else "–")
    for key, line in zip(EARLIER, record.lines, strict=True):
        assert (cell(f"{key}.predicted"), cell(f"{key}.result")) == (line.guess.predicted, line.result)
    outcome = lab.act2.outcome
    assert cell("carbon.found") == outcome.found("carbon")
    assert cell("verdict").startswith(f"Not commissioned: {len(outcome.failing)} of 8")
    assert asked == [file.as_uri()]
    for paper in PAPERS:
        assert pages_of(page.pdf(format=paper)) == 1
    context.close()
