"""Recorded states: enough of them, the right ones among them, and each shows what the lab shows there."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.controls import Slider
from labs import robot
from labs.catalog import catalog, find_lab
from labs.lab import Lab
from labs.snapshot import grid, suite
from labs.snapshot.grid import Grid, grids
from labs.snapshot.lesson import lesson
from labs.snapshot.recorder import NotRecordableError, Recorder
from labs.snapshot.suite import MANIFEST, SnapshotError, Style, snapshot
from tests.unit.labs.toy_lab import ToyLab

#: What an instructor may count on (or all states, where there are fewer).
LEAST = {"act1": 200, "act2": 1_000}

NAMES = [lab.slug for lab in catalog()]


def by_slug(slug: str) -> type[Lab]:
    return next(lab for lab in catalog() if lab.slug == slug)


def all_states(lab: type[Lab], key: str, context: str) -> int:
    act = robot.opened(lab).act(key)
    count = 1
    for spec in act.controls_in(context).values():
        count *= len(spec.values())
    return count


# --- which states ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", NAMES)
def test_enough_states_are_kept_to_break_and_to_solve(slug: str) -> None:
    lab = by_slug(slug)
    for key in ("act1", "act2"):
        kept = grids(lab, key)
        there = sum(all_states(lab, key, context) for context in kept)
        assert sum(map(len, kept.values())) >= min(LEAST[key], there)
        for context, states in kept.items():
            run = robot.opened(lab, context=context)
            specs = run.act(key).specs
            defaults = {name: spec.default for name, spec in specs.items()}
            designs = [run.solution(context), run.breaking(context)] if key == "act2" else []
            for moves in ({}, *filter(None, designs)):
                assert all(value in states.kept[name] for name, value in {**defaults, **moves}.items())
            for name, values in states.kept.items():
                offered = specs[name].values()
                # Both ends, unless there is no room for them; contexts that share a control keep the same stops of it.
                missing = {offered[0], offered[-1]} - set(values)
                act = run.act(key)
                sharing = [
                    len(other) for there, other in kept.items() if act.controls_in(there).get(name) == specs[name]
                ]
                assert not missing or max(sharing) * (len(values) + 1) / len(values) > grid.BUDGET[key]
                if isinstance(specs[name], Slider):
                    assert list(values) == sorted(set(values))
                else:
                    assert [value for value in offered if value in values] == list(values)


def test_index_and_values_are_inverse() -> None:
    states = Grid("cloud", {"a": (1, 2, 3), "b": ("x", "y"), "c": (0.5, 1.5)})
    assert len(states) == 12
    assert [states.index(states.values(index)) for index in range(12)] == list(range(12))
    assert states.index({"a": 2.4, "b": "y", "c": 9}) == states.index({"a": 2, "b": "y", "c": 1.5})


def test_an_author_may_name_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    act = find_lab(1, 2).acts[1]
    monkeypatch.setattr(act, "snapshot_stops", {"distance_m": (130e3, 1_870e3)})
    kept = grids(find_lab(1, 2), "act2")["cloud"].kept["distance_m"]
    assert {130e3, 1_870e3} <= set(kept)


# --- what they show ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "BUDGET", {"act1": 8, "act2": 12})
        yield


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("key", ["act1", "act2"])
@pytest.mark.parametrize("slug", NAMES)
def test_a_recorded_state_shows_what_the_lab_shows(slug: str, key: str) -> None:
    lab, dice = by_slug(slug), random.Random(slug + key)
    context, whole = dice.choice(list(grids(lab, key).items()))
    states = Grid(
        context, {name: kept[:2] if at < 3 else kept[:1] for at, (name, kept) in enumerate(whole.kept.items())}
    )
    run = robot.opened(lab, context=context)
    recorder = Recorder(run, run.act(key), states)
    recording = recorder.record()
    for _ in range(6):
        state, at = dice.randrange(len(states)), dice.randrange(len(recording.answers))
        alone = recorder._visit([state], [recording.answers[at]])
        for slot in alone.columns:
            # Of Act I only those fields of the entry are kept that its controls change.
            if slot not in recording.table.columns and key == "act1" and slot.startswith("design/"):
                continue
            assert recording.table.shown(slot, state, at) == alone.shown(slot, 0, 0), slot
    json.dumps(recording.drawings, allow_nan=False)


def test_an_act_that_shows_the_other_prediction_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run = robot.opened(ToyLab)
    metrics = type(run.act2).metrics

    def peeking(act: Any, outcome: Any) -> Any:
        act.lab.act1.predicted()
        return metrics(act, outcome)

    monkeypatch.setattr(type(run.act2), "metrics", peeking)
    states = Grid(run.context, {name: (spec.default,) for name, spec in run.act2.specs.items()})
    with pytest.raises(NotRecordableError, match="prediction of the other act"):
        Recorder(run, run.act2, states).record()


@pytest.mark.usefixtures("small")
def test_lesson_is_json_and_knows_every_answer() -> None:
    lab = find_lab(1, 0)
    told = json.loads(json.dumps(lesson(lab, suite.record(lab)), allow_nan=False))
    for act in lab(robot.memory_ledger()).acts:
        shown = told["acts"][act.key]
        assert sum(answer["overlay"]["correct"] for answer in shown["prediction"]["answers"]) >= 1
        assert all(answer["overlay"]["html"] for answer in shown["prediction"]["answers"])
        assert all(said["feedback"] for said in shown["reflection"]["feedback"].values())
    seconds = told["acts"]["act2"]["prediction"]["answers"]
    assert [answer["value"] for answer in seconds][:3] == [1.0, 2.0, 3.0]
    assert len(seconds) == 600
    remarks = [control["definition"].get("remark") for control in told["acts"]["act2"]["controls"]["tiny"]]
    assert remarks[0] is not None
    assert "steps in this snapshot" in remarks[0]


# --- folders -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_only_what_changed_is_recorded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labs, told = [find_lab(1, 8)], []
    first = snapshot(labs, tmp_path / "out", Style(), processes=1, progress=lambda *told_: told.append(told_))
    page = tmp_path / "out" / f"{labs[0].slug}.html"
    assert page in first.written
    assert told == [(1, 1, labs[0].title)]
    before = page.stat().st_mtime_ns
    assert snapshot(labs, tmp_path / "out", Style(), processes=1).unchanged == labs
    assert page.stat().st_mtime_ns == before
    # Another style, a changed source, a page that is gone: recorded again.
    assert snapshot(labs, tmp_path / "out", Style(answers=True), processes=1).unchanged == []
    monkeypatch.setattr(suite, "_shared", lambda: "other sources")
    assert snapshot(labs, tmp_path / "out", Style(answers=True), processes=1).unchanged == []
    page.unlink()
    assert snapshot(labs, tmp_path / "out", Style(answers=True), processes=1).unchanged == []
    assert not list((tmp_path / "out").glob("*.partial"))


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(SnapshotError, match=r"thesis\.tex.*Nothing was written"):
        snapshot([find_lab(1, 0)], tmp_path, Style())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_a_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(SnapshotError, match="is a file"):
        snapshot([find_lab(1, 0)], tmp_path / "out", Style())
    with pytest.raises(SnapshotError, match="cannot be written"):
        snapshot([find_lab(1, 0)], tmp_path / "out" / "deeper", Style())
    assert (tmp_path / "out").read_text() == "a file"


def test_a_damaged_manifest_is_said(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(SnapshotError, match="is damaged"):
        snapshot([find_lab(1, 0)], tmp_path, Style())
