"""What is asked of a page beyond what a student says: accessibility rules, sizes, focus, painted plots."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Error, Frame, Page

INSPECT = (Path(__file__).parent / "inspect.js").read_text(encoding="utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def look(page: Page, question: str, *arguments: Any) -> Any:
    """Asks one of the functions of `inspect.js`."""
    # In a list, because an answer may be null. The functions are sent once per page: some are asked at every key.
    asked = f"(given) => window.inspect ? [window.inspect.{question}(...given)] : null"
    answer = page.evaluate(asked, list(arguments))
    if answer is None:
        page.evaluate(f"(() => {{ {INSPECT} }})()")
        answer = page.evaluate(asked, list(arguments))
    return answer[0]


def next_frame(page: Page) -> None:
    """Returns once the page has been laid out and painted, and what follows its size has been told."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def wait_until(page: Page | Frame, condition: str, patience_s: float = 60.0) -> None:
    """Returns once an expression is true in the page; its policy of content forbids `wait_for_function`."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            if page.evaluate(condition):
                return
        except Error as problem:
            # The page is being replaced by another one.
            if "context was destroyed" not in str(problem):
                raise
        assert time.monotonic() < deadline, f"not true within {patience_s:g} s: {condition}"
        time.sleep(0.05)


def axe_violations(page: Page) -> list[str]:
    """Violations of WCAG 2.2 A and AA that axe finds, shadow roots included: rule, element, what is wrong."""
    return _axe(page, {"type": "tag", "values": WCAG})


def axe_contrast(page: Page) -> list[str]:
    """Text whose contrast axe finds too low: the only rule whose answer depends on the theme."""
    return _axe(page, {"type": "rule", "values": ["color-contrast"]})


def _axe(page: Page, rules: dict[str, Any]) -> list[str]:
    # Half a megabyte: once per page.
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"(() => {{ {AXE_SCRIPT} }})()")
    found = page.evaluate("(rules) => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", rules)
    return [
        f"{rule['id']}: {node['target']} {node['html'][:160]} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
