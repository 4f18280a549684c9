"""Snapshots opened from disk, with the network cut: still labs, and the same as the live pages."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Error, expect

from labs import robot
from labs.catalog import find_lab
from labs.lab import Lab
from labs.snapshot import grid
from labs.snapshot.suite import Style
from ledger import export_json, import_json
from tests.browser.conftest import PATIENCE_MS, SETTINGS
from tests.browser.judge import all_faults
from tests.browser.snapshots import BUDGET, Folder, Reader
from tests.browser.student import Student
from tests.browser.test_report import LEDGERS, fill, pages_of, report_on_paper
from tests.browser.walk import walk
from tests.browser.watch import Watch

LAB = find_lab(1, 2)
OTHER = find_lab(1, 0)

#: States per context that are compared between snapshot and server.
COMPARED = 1


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("snapshots") / "course")


@pytest.fixture
def new_reader(browser: Browser) -> Iterator[Callable[..., Reader]]:
    """Makes readers, each with a browser of their own and no network. None of their pages may misbehave."""
    made: list[Reader] = []

    def make(at: Folder, lab: type[Lab] | None = None, script: str = "", **settings: Any) -> Reader:
        context = browser.new_context(**{**SETTINGS, "offline": True, **settings})
        context.set_default_timeout(PATIENCE_MS)
        if script:
            context.add_init_script(script)
        reader = Reader(context.new_page(), at, lab, Watch(context, "file://"))  # type: ignore[arg-type]
        made.append(reader)
        return reader

    yield make
    problems = [problem for reader in made for problem in reader.watch.problems()]
    requests = [
        url
        for reader in made
        for url in reader.watch.requests
        if not url.startswith(("file:", "data:", "blob:", "about:"))
    ]
    for reader in made:
        reader.page.context.close()
    assert not problems, "\n".join(problems)
    assert not requests, requests


# --- labs that stand for all (what is recorded of each lab is compared without a browser) -------------------------


@pytest.mark.representatives
def test_snapshot_is_the_lab(
    student: Student, new_reader: Callable[..., Reader], folder: Folder, lab: type[Lab]
) -> None:
    is_a_lab(new_reader(folder.holds(lab), lab), lab)
    shows_what_the_server_shows(new_reader(folder, lab), student, lab)


@pytest.mark.representatives
def test_snapshot_is_fit_for_everybody(new_reader: Callable[..., Reader], folder: Folder, lab: type[Lab]) -> None:
    ledger = robot.memory_ledger()
    walk(lab, ledger, "act2_reflect", breaking=True)
    reader = new_reader(folder.holds(lab), lab).opens()
    reader.imports("mine.json", export_json(ledger))
    for tab in ("Act I", "Act II"):
        reader.goes_to(tab)
        expect(reader.panel.locator(".figure canvas").first).to_be_visible()
        reader.opens_all_drawers()
        faults = all_faults(reader.page)
        assert not faults, "\n".join(faults)


def shows_what_the_server_shows(reader: Reader, student: Student, lab: type[Lab]) -> None:
    """Goes to recorded states that are drawn at random, here and there, and compares all that is on the page."""
    student.has_come_to("act2_reflect")
    reader.opens()
    reader.imports("mine.json", export_json(student.ledger))
    dice = random.Random(lab.key())
    for context in lab.contexts:
        for _ in range(COMPARED):
            query = some_link(lab, context.id, dice)
            student.opens(query="?" + urlencode(query))
            reader.follows(query)
            live, recorded = everything(student), everything(reader)
            assert recorded.keys() == live.keys()
            for name, shown in live.items():
                actual, expected = recorded[name], shown
                if name.endswith(": values"):
                    actual = {label: text for label, text in actual.items() if label in expected}
                if lab.counts_every_context and name in ("footer", "ledger"):
                    continue  # A snapshot knows one context at a time, and says so beside the entry.
                if name == "plots":
                    assert [plot["labels"] for plot in actual] == [plot["labels"] for plot in expected]
                    actual, expected = flat(actual), leaves(expected)
                assert actual == expected, f"{context.id}, {query}: {name}"


def some_link(lab: type[Lab], context: str, dice: random.Random) -> dict[str, str]:
    """A link to recorded states of both acts that a reader can come to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "BUDGET", BUDGET)
        states = {key: grid.grids(lab, key)[context] for key in ("act1", "act2")}
    for _ in range(200):
        values = {key: each.values(dice.randrange(len(each))) for key, each in states.items()}
        run = walk(lab, robot.memory_ledger(), "act2_reflect")
        run.set_context(context)
        # As an address does it: what stands at its default is not named.
        moved = {
            f"{key}.{name}": str(value)
            for key, each in values.items()
            for name, value in each.items()
            if value != run.act(key).default(name)
        }
        run.follow(moved.items())
        # An act of which a link names nothing stays as it was.
        named = {name.partition(".")[0] for name in moved}
        reached = all(run.act(key).values() == each for key, each in values.items())
        if len(named) == 2 and not run.notices and reached:
            return {"context": context, **moved}
    raise AssertionError("no recorded state can be reached by a link")


def everything(student: Student) -> dict[str, Any]:
    """What the page shows of both acts and the ledger, as text and as the data of its plots."""
    seen: dict[str, Any] = {}
    for tab in ("Act I", "Act II"):
        student.goes_to(tab)
        expect(student.panel.locator(".figure canvas").first).to_be_visible()
        expect(student.panel.locator(".figure").filter(has_not=student.page.locator("canvas"))).to_have_count(0)
        seen |= {
            f"{tab}: readouts": student.readouts(),
            f"{tab}: prediction": sorted(student.prediction.inner_text().splitlines()),
            f"{tab}: overlay": student.overlay.inner_text(),
            f"{tab}: reflection": sorted(student.reflection.inner_text().splitlines()) if tab == "Act I" else "",
            f"{tab}: texts": student.panel.locator(".callout, .message").all_inner_texts(),
            f"{tab}: values": slider_texts(student),
            f"{tab}: chosen": student.controls.locator("input:checked").evaluate_all("all => all.map((e) => e.value)"),
        }
    seen["plots"] = plots(student)
    seen["badges"] = student.badges.all_inner_texts()
    seen["footer"] = student.page.locator(".hud-items > div").all_inner_texts()
    seen["next step"] = student.page.locator(".next").inner_text()
    student.goes_to("Ledger")
    expect(student.panel.get_by_role("row").nth(1)).to_be_visible()
    seen["ledger"] = student.panel.get_by_role("row").all_inner_texts()
    seen["questions"] = student.panel.get_by_role("group").all_inner_texts()
    return seen


def slider_texts(student: Student) -> dict[str, str]:
    """What stands beside each slider; on a live page some have a field to type into instead."""
    return student.controls.locator(".control").evaluate_all(
        """all => Object.fromEntries(all.filter((e) => e.querySelector("output.value")).map((e) =>
          [e.querySelector("label").textContent, e.querySelector("output.value").textContent]))"""
    )


def plots(student: Student) -> list[dict[str, Any]]:
    """Axes and data of every plot of the page, in an order that does not depend on who drew them."""
    found = student.page.evaluate(
        """() => {
          const models = Bokeh.documents.flatMap((document) => [...document._all_models.values()])
          const plain = (value) => typeof value !== "number" || Number.isFinite(value) ? value : null
          const columns = (data) =>
            Object.fromEntries(Object.entries(data).sort().map(([name, column]) => [name, Array.from(column, plain)]))
          return models.filter((model) => model.type === "Figure").map((figure) => ({
            labels: [figure.below[0].axis_label, figure.left[0].axis_label],
            ends: [figure.x_range.start, figure.x_range.end, figure.y_range.start, figure.y_range.end].map(plain),
            layers: figure.renderers.map(({data_source}) => columns(data_source.data)),
          }))
        }"""
    )
    return sorted(found, key=lambda plot: json.dumps([plot["labels"], [layer.get("text") for layer in plot["layers"]]]))


def flat(value: Any) -> list[Any]:
    """The leaves of a nested value, names included."""
    if isinstance(value, dict):
        return [*value, *flat(list(value.values()))]
    return [leaf for each in value for leaf in flat(each)] if isinstance(value, list) else [value]


def leaves(value: Any) -> list[Any]:
    """The same, to be compared with: numbers only as far as they can be told apart on a screen."""
    return [pytest.approx(leaf, rel=1e-4, abs=1e-30) if type(leaf) in (int, float) else leaf for leaf in flat(value)]


def is_a_lab(reader: Reader, lab: type[Lab]) -> None:
    """Plays the lab with wrong predictions to its end, and carries the ledger to a live lab."""
    reader.opens()
    for tab in ("Act I", "Act II"):
        reader.goes_to(tab)
        expect(reader.controls).to_have_count(0)
        reader.predicts(right=False)
        expect(reader.panel.locator(".figure canvas").first).to_be_visible()
        reader.moves_by_keyboard()
        expect(reader.overlay).to_contain_text("You predicted")
        assert reader.reflects(right=False) != reader.reflects(right=True)
    breaks_and_heals(reader, lab)
    reader.saves()

    # The page goes on where it stood.
    shown = reader.standing("Ledger").inner_text()
    reader.reloads()
    expect(reader.standing("Ledger")).to_have_text(shown)

    # The file is what the server reads: the same entry, and the lab goes on where it stood.
    ledger = robot.memory_ledger()
    report = import_json(ledger, json.dumps(reader.exports_json()))
    assert report.imported == (lab.key(),)
    entry = ledger.entry(lab.number, lab.volume)
    assert entry is not None
    resumed = lab(ledger)
    assert not resumed.notices
    assert resumed.state == "saved"
    if lab.counts_every_context:
        return
    assert entry.design == {**resumed.design(), "act1_prediction": entry.design["act1_prediction"]}
    assert entry.design["act1_correct"] is False


def breaks_and_heals(reader: Reader, lab: type[Lab]) -> None:
    """Triggers a failure, undoes it, and meets the challenge where it can be met."""
    reader.goes_to("Act II")
    for context in (context.id for context in lab.contexts):
        run = robot.opened(lab, context=context)
        breaking, solution = run.breaking(context), run.solution(context)
        for moves, title in ((breaking, "danger"), (solution, "met")):
            if moves is None:
                continue
            reader.follows({"context": context, **{f"act2.{name}": str(value) for name, value in moves.items()}})
            reader.goes_to("Act II")
            if title == "danger":
                expect(reader.panel.locator(".banner.danger").first).to_be_visible()
            else:
                expect(reader.standing("Challenge")).to_have_text("✓ met")
                expect(reader.panel.locator(".banner.danger")).to_have_count(0)


# --- a folder ----------------------------------------------------------------------------------------------------


def test_index_follows_the_ledger_that_labs_share(new_reader: Callable[..., Reader], folder: Folder) -> None:
    reader = new_reader(folder.holds(LAB, OTHER), LAB).opens_index()
    expect(reader.card(LAB)).to_contain_text("Not started")
    assert all_faults(reader.page) == []
    reader.card(LAB).get_by_role("link").click()
    expect(reader.page.get_by_role("heading", level=1)).to_have_text(LAB.title)
    reader.goes_to("Act I")
    reader.predicts(right=True)
    reader.rests()
    reader.page.get_by_role("link", name="All labs").click()
    expect(reader.card(LAB)).to_contain_text("In progress · Act I")
    expect(reader.card(OTHER)).to_contain_text("Not started")


def test_ledger_of_the_server_goes_on_in_a_snapshot(new_reader: Callable[..., Reader], folder: Folder) -> None:
    ledger = robot.memory_ledger()
    walk(LAB, ledger, "saved")
    reader = new_reader(folder.holds(LAB, OTHER), OTHER).opens()
    assert "Imported 1 of 1 entries" in reader.imports("mine.json", export_json(ledger))
    reader.opens(LAB)
    expect(reader.standing("Ledger")).to_contain_text("✓ saved")
    reader.opens_index()
    expect(reader.card(LAB)).to_contain_text("✓ Saved · prediction wrong")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no JSON", "is not JSON"),
        ("{}", "is not an exported ledger"),
        ('{"schema": "mlsys-labs/ledger", "version": 7, "entries": []}', "version 7"),
        ('{"schema": "mlsys-labs/ledger", "version": 1, "entries": {}}', "must be a list"),
        ('{"schema": "mlsys-labs/ledger", "version": 1, "entries": [{"key": "ch02"}]}', "design must be a mapping"),
    ],
)
def test_bad_file_changes_nothing(new_reader: Callable[..., Reader], folder: Folder, text: str, said: str) -> None:
    reader = new_reader(folder.holds(LAB), LAB).opens()
    reader.goes_to("Act I")
    reader.predicts(right=True)
    before = reader.run().progress()
    answer = reader.imports("bad.json", text)
    assert said in answer
    assert "Nothing was imported" in answer
    assert reader.run().progress()["predictions"] == before["predictions"]


def test_script_in_an_imported_ledger_is_text(new_reader: Callable[..., Reader], folder: Folder) -> None:
    attack = "<img src=x onerror='window.intruded = true'>"
    entry = {
        "design": {"act2_decision": attack, "act1_correct": attack},
        "attempts": 1,
        "saved_at": "2026-01-01T00:00:00Z",
    }
    text = json.dumps({"schema": "mlsys-labs/ledger", "version": 1, "entries": [{"key": LAB.key(), **entry}]})
    reader = new_reader(folder.holds(LAB), LAB).opens()
    reader.imports("bad.json", text)
    reader.opens()
    reader.opens_index()
    assert reader.page.evaluate("window.intruded") is None


def test_without_storage_the_page_says_so_and_works(new_reader: Callable[..., Reader], folder: Folder) -> None:
    closed = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
    reader = new_reader(folder.holds(LAB), LAB, script=closed).opens()
    expect(reader.notices).to_contain_text("lasts until you close it")
    reader.goes_to("Act I")
    expect(reader.prediction).to_be_visible()
    reader.prediction.locator("input[type=radio]").first.check()
    reader.prediction.get_by_role("button", name="Lock prediction").click()
    expect(reader.controls).to_be_visible()


def test_single_file_is_complete_in_itself(new_reader: Callable[..., Reader], tmp_path: Path) -> None:
    written = Folder(tmp_path / "single", Style(single_file=True)).holds(LAB)
    alone = Folder(tmp_path / "alone")
    alone.path.mkdir()
    (written.path / f"{LAB.slug}.html").rename(alone.path / f"{LAB.slug}.html")
    assert not (written.path / "assets").exists()
    reader = new_reader(alone, LAB).opens()
    expect(reader.page.get_by_role("link", name="All labs")).to_have_count(0)
    reader.goes_to("Act I")
    reader.predicts(right=True)
    expect(reader.panel.locator(".figure canvas").first).to_be_visible()
    assert reader.watch.requests == [reader.page.url.partition("#")[0]]


def test_page_from_disk_may_not_reach_the_network(new_reader: Callable[..., Reader], folder: Folder) -> None:
    reader = new_reader(folder.holds(LAB), LAB, offline=False).opens()
    reader.watch.allow(r"Content Security Policy|Fetch API cannot load|Refused to", "the request under test is refused")
    with pytest.raises(Error, match=r"Failed to fetch|Content Security Policy"):
        reader.page.evaluate("fetch('http://localhost:9/')")


# --- paper -------------------------------------------------------------------------------------------------------


def test_handout_has_questions_and_no_answers(new_reader: Callable[..., Reader], folder: Folder) -> None:
    reader = new_reader(folder.holds(LAB), LAB).opens()
    text = printed(reader)
    for act in LAB(robot.memory_ledger()).acts:
        assert act.title in text
    assert "Commit to a prediction" in text
    assert "The model gives" not in text
    assert "Notes for instructors" not in text
    assert reader.page.locator(".handout .right").count() == 0
    # What is on screen is not printed beside it.
    assert not reader.page.get_by_role("tablist").is_visible()


def test_instructors_handout_has_answers(new_reader: Callable[..., Reader], tmp_path: Path) -> None:
    reader = new_reader(Folder(tmp_path / "answers", Style(answers=True)).holds(LAB), LAB).opens()
    text = printed(reader)
    assert "Instructor's version" in text
    assert "The model gives" in text
    assert "A design that meets the challenge" in text
    assert "Notes for instructors" in text
    assert reader.page.locator(".handout .right").count() == 3  # One number is asked for, the rest are choices.


def printed(reader: Reader) -> str:
    """The text on paper; printing must not fail either."""
    reader.page.emulate_media(media="print")
    assert len(reader.page.pdf()) > 10_000
    return reader.page.locator(".handout").inner_text()


# --- the report ------------------------------------------------------------------------------------------------------


def test_snapshot_prints_and_saves_the_report_of_the_live_lab(
    new_reader: Callable[..., Reader], folder: Folder, tmp_path: Path
) -> None:
    lab = find_lab(2, 17)
    ledger = robot.memory_ledger()
    fill(ledger, LEDGERS["partial"])
    walk(lab, ledger, "act2_reflect", breaking=True)
    reader = new_reader(folder.holds(lab), lab, accept_downloads=True).opens()
    reader.imports("mine.json", export_json(ledger))
    reader.goes_to("Ledger")
    assert pages_of(report_on_paper(reader.page, "A4")) == 1
    with reader.page.expect_download() as download:
        reader.panel.get_by_role("button", name="Save report").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    live, recorded = lab(ledger).report(), file.read_text(encoding="utf-8")
    assert live is not None
    assert cells_of(recorded) == cells_of(live.document())


def cells_of(page: str) -> dict[str, str]:
    """What a report shows, by the name of the cell."""
    return dict(re.findall(r'data-cell="([^"]+)"[^>]*>([^<]*)<', page))
