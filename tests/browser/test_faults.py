"""A class goes on while PostgreSQL is away, and nothing is lost."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg
from playwright.sync_api import expect

from labs.catalog import find_lab
from tests.browser.judge import all_faults
from tests.browser.server import SUITE, Server
from tests.browser.student import Student
from tests.integration.postgres import cluster_for_tests

LAB = find_lab(1, 2)


def test_work_goes_on_while_postgresql_is_away(new_student: Callable[..., Student], tmp_path: Path) -> None:
    with cluster_for_tests() as postgres:
        with psycopg.connect(f"{postgres.url}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE ledger")
        server = Server(tmp_path / "server", ledger=f"{postgres.url}/ledger").start()
        try:
            student = new_student(server, LAB).opens()
            line = student.page.locator(".unsaved")
            student.goes_to("Act I")
            expect(student.prediction).to_be_visible()
            # What stands in the log up to here; the way on is read from the page alone.
            act = student.run().act1
            right = next(option.id for option in act.prediction().options if option.correct)
            answer = act.reflection().options[0].id
            before = student.ledger.events(LAB.number, LAB.volume)
            postgres.stop()

            student.prediction.locator(f"input[value='{right}']").check()
            student.prediction.get_by_role("button", name="Lock prediction").click()
            expect(student.controls).to_be_visible()
            expect(line.get_by_role("status")).to_contain_text("Not saved yet. The ledger cannot be reached for now.")
            expect(line).to_contain_text("1 change waits since")
            assert all_faults(student.page) == []
            slider = student.controls.get_by_role("slider").first
            slider.focus()
            slider.press("ArrowRight")
            expect(student.reflection).to_be_visible()
            student.reflection.locator(f"input[value='{answer}']").check()
            student.reflection.get_by_role("button", name="Check answer").click()
            expect(student.reflection.locator(".feedback")).to_be_visible()
            student.rests()
            expect(line).to_contain_text("changes wait since")
            shown = slider.get_attribute("aria-valuetext")

            # A page opened meanwhile says what is the matter, and opens by itself.
            student.watch.allow(r"503", "pages and readiness say that the ledger is away")
            other = student.page.context.new_page()
            assert other.goto(server.address_of(LAB)).status == 503  # type: ignore[union-attr]
            expect(other.get_by_role("heading", level=1)).to_have_text("The ledger cannot be reached")
            expect(other.get_by_role("status")).to_contain_text("Your work is safe")
            assert all_faults(other) == []
            assert other.goto(server.url).status == 503  # type: ignore[union-attr]
            expect(other.get_by_role("heading", level=1)).to_have_text("The ledger cannot be reached")

            postgres.start()
            expect(line.get_by_role("status")).to_have_text("All your changes are saved.")
            expect(line.get_by_role("status")).to_be_empty()
            expect(other.locator(".card").first).to_be_visible()
            other.close()

            kinds = [event.kind for event in student.ledger.events(LAB.number, LAB.volume)[len(before) :]]
            assert kinds == ["prediction_locked", "control_first_moved", "reflection_answered"]
            student.reloads()
            student.goes_to("Act I")
            expect(slider).to_have_attribute("aria-valuetext", str(shown))
            expect(student.reflection.locator(".feedback")).to_be_visible()
            assert "changes wait from now on" in server.complaints()
        finally:
            server.stop()


def test_any_of_several_processes_counts_for_all(tmp_path: Path) -> None:
    token = "a-token-of-this-test"
    server = Server(
        tmp_path / "server",
        (*SUITE, "--num-procs", "2", "--log-format", "json"),
        MLSYS_LABS_METRICS_TOKEN=token,
    ).start()
    try:
        for _ in range(20):
            urllib.request.urlopen(f"{server.url}/healthz?who=somebody").close()
        asked = urllib.request.Request(f"{server.url}/metrics", headers={"Authorization": f"Bearer {token}"})
        totals: list[str] = []
        processes: set[str] = set()
        deadline = time.monotonic() + 20
        # A request is counted when it has been answered, and another process may be asked before that.
        while totals[-4:] != ["20.0"] * 4 or len(processes) < 2:
            assert time.monotonic() < deadline, (totals, processes)
            with urllib.request.urlopen(asked) as answer:
                text = answer.read().decode()
            totals += re.findall(r'http_requests_total{.*route="/healthz".*} (\S+)', text)
            processes |= set(re.findall(r'cpu_seconds{pid="(\d+)"}', text))
            time.sleep(0.1)
        lines = [line for line in server.log_path.read_text().splitlines() if line.startswith("{")]
        assert sum(json.loads(line).get("route") == "/healthz" for line in lines) == 20
        assert "somebody" not in "".join(lines)
    finally:
        server.stop()
