"""What instructors are shown of a class, as data: right counts, and nothing that they did not ask for."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application

from labs import site
from labs.catalog import catalog, find_lab, name_of
from labs.content import NumberPrediction
from labs.instructor import export, overview
from labs.instructor.addresses import is_instructors
from labs.instructor.dots import dot_plot
from labs.instructor.live import QUESTIONS, Moment, everything, question_id
from labs.instructor.people import called, roll
from labs.instructor.sheet import bin_of, bins_of, number_bins, sheet_of
from labs.instructor.spreadsheet import csv_text
from labs.site import COOKIE
from ledger import DesignLedger, Store, identity, new_student_id, open_store
from ledger.class_record import class_record
from ledger.identity import INSTRUCTOR, STUDENT, Bearer, sign_role
from ledger.live import LabLog
from ledger.people import names, remember_person
from ledger.rounds import move_round, open_round
from tests.browser.walk import letter, walk

LAB = find_lab(1, 2)
ALL = {question_id(*asked) for asked in QUESTIONS}
SECRET = bytes(range(32))


@pytest.fixture
def group(store: Store) -> list[str]:
    """Four students: at the prediction, past Act I, in front of a failure, saved; the last two with names."""
    ids = ["student-aaaa", "student-bbbb", "student-cccc", "student-dddd"]
    for student, state in zip(ids, ("act1_predict", "act2_predict", "act2_reflect", "saved"), strict=True):
        walk(LAB, DesignLedger(store, student), state, breaking=state == "act2_reflect")
    remember_person(store, ids[2], "Ada Lovelace")
    remember_person(store, ids[3], "=cmd|' /C calc'!A0")
    return ids


def moment(store: Store) -> Moment:
    log = LabLog(store, LAB.key())
    log.refresh()
    return Moment.of(log, names(store))


def test_counts_steps_and_answers(store: Store, group: list[str]) -> None:
    shown = everything(LAB, moment(store))
    solved = sum(bool(LAB(DesignLedger(store, student)).solved) for student in group)
    assert {line["label"]: line["value"] for line in shown["counts"]} == {
        "Opened": 4,
        "Locked Act I": 3,
        "Locked Act II": 2,
        "Solved a challenge": solved,
        "Saved": 1,
    }
    assert [step["count"] for step in shown["steps"]] == [0, 1, 0, 0, 1, 0, 1, 1]
    act1, reflection1, act2, _ = shown["questions"]
    assert (act1["id"], act1["total"], act1["other"]) == ("prediction.act1", 3, 0)
    assert sorted(bar["count"] for bar in act1["bars"]) == [0, 0, 0, 3]
    assert (reflection1["total"], act2["total"], act2["numeric"]) == (3, 2, True)
    assert sum(bar["count"] for bar in act2["bars"]) == 2


def test_what_is_right_is_nowhere_before_it_is_revealed(store: Store, group: list[str]) -> None:
    hidden, open_ = everything(LAB, moment(store)), everything(LAB, moment(store), ALL)
    for one, other in zip(hidden["questions"], open_["questions"], strict=True):
        assert not any(bar["right"] for bar in one["bars"])
        assert (one["truth"], one["at"]) == ("", None)
        assert sum(bar["right"] for bar in other["bars"]) == 1
    assert open_["questions"][0]["truth"].startswith("The model gives")
    prediction = sheet_of(LAB).predictions["act2"]
    assert isinstance(prediction, NumberPrediction)
    at = open_["questions"][2]["at"]
    assert prediction.low + at * (prediction.high - prediction.low) == pytest.approx(prediction.actual)


def test_names_and_pseudonyms_are_there_on_demand_alone(store: Store, group: list[str]) -> None:
    without = json.dumps(everything(LAB, moment(store), ALL))
    assert not any(student in without for student in (*group, "Ada", "cmd", "aaaa", "bbbb"))
    shown = everything(LAB, moment(store), with_names=True)
    assert [step["names"] for step in shown["steps"]][1] == ["student student"]
    met = {line["title"]: line for line in shown["failures"]}
    run = LAB(DesignLedger(store, group[2]))
    (failing, *_) = [failure.title for failure in run.act2.active_failures() if failure.severity == "danger"]
    assert "Ada Lovelace" in met[failing.rstrip(" :.")]["names"]
    assert all(len(line["names"]) == line["count"] for line in met.values())
    assert [line["count"] for line in met.values()] == sorted((line["count"] for line in met.values()), reverse=True)


def test_somebody_without_a_name_has_a_short_one() -> None:
    assert called("u-abcdefghijklmnop", {}) == "student abcdefg"
    assert roll(["u-2222222", "x"], {"x": "ada"}) == ["ada", "student 2222222"]


def test_designs_stand_by_context_with_unit_limits_and_whether_they_met_them(store: Store) -> None:
    student = DesignLedger(store, "student-one")
    run = walk(LAB, student, "act2_explore")
    context = next(context.id for context in LAB.contexts if run.solution(context.id))
    run.set_context(context)
    solution = run.solution(context)
    assert solution is not None
    for name, value in solution.items():
        run.set_control("act2", name, value)
    assert context in run.solved
    lines = {line["context"]: line for line in everything(LAB, moment(store))["results"]}
    line = lines[run.active_context.label]
    assert (line["solved"], line["plot"]["stacks"]) == (1, [{"at": 0.5, "met": 1, "open": 0}])
    assert line["limits"] == [constraint.label for constraint in run.act2.constraints()]
    assert line["unit"] in line["plot"]["text"]
    assert sum(line["plot"] is None for line in lines.values()) == len(LAB.contexts) - 1


def test_a_dot_plot_says_where_the_class_is() -> None:
    plot = dot_plot([(1.0, True), (2.0, False), (3.0, True), (4.0, True), (5.0, False)], "ms")
    assert plot["text"] == "5 designs, median 3.000 ms; the middle half from 2.000 ms to 4.000 ms"
    assert plot["middle"] == [0.25, 0.5, 0.75]
    assert (sum(s["met"] for s in plot["stacks"]), sum(s["open"] for s in plot["stacks"])) == (3, 2)
    wide = dot_plot([(1.0, True), (10.0, True), (100.0, True)], "s")
    assert wide["scale"] == "logarithmic axis"
    assert [stack["at"] for stack in wide["stacks"]] == [0, 0.5, 1]
    assert dot_plot([(0.25, True)], "fraction")["text"] == "1 design, median 25.0 %"


def test_a_round_shows_both_votes_and_the_shift(store: Store) -> None:
    opened = open_round(store, LAB.key())
    walk(LAB, DesignLedger(store, "early"), "briefing")
    right = letter(sheet_of(LAB).predictions["act1"], True)
    for k in range(3):
        run = walk(LAB, DesignLedger(store, f"student-{k}"), "act1_explore")
        run.held = True
        if k < 2:
            run.revise(right if k == 0 else run.predictions["act1"], opened.number)
    covered = everything(LAB, moment(store), ALL)
    assert (covered["round"]["rows"], covered["questions"][0]["bars"]) == ([], [])
    assert covered["round"]["first"] == 3
    shown = everything(LAB, moment(store), uncovered=True)["round"]
    assert (shown["first"], shown["second"], shown["next"]) == (3, 2, ["discuss", "revealed"])
    assert shown["moved"] == []
    assert not any(row["right"] for row in shown["rows"])
    assert sorted((row["first"], row["second"], row["shift"]) for row in shown["rows"]) == [
        (0, 0, "±0"),
        (0, 0, "±0"),
        (0, 1, "+1"),
        (3, 1, "−1"),
    ]
    move_round(store, LAB.key(), 1, "revealed")
    # Whoever locks after the reveal took no part.
    walk(LAB, DesignLedger(store, "late"), "act1_explore")
    after = everything(LAB, moment(store), ALL)["round"]
    assert (after["first"], after["next"], after["open"]) == (3, ["vote"], False)
    assert {line["label"]: line["count"] for line in after["moved"]} == {
        "right both times": 0,
        "wrong, then right": 1,
        "right, then wrong": 0,
        "wrong both times": 1,
    }


@pytest.mark.parametrize("lab", catalog(), ids=name_of)
def test_every_answer_that_a_lab_takes_has_its_bin(lab: Any) -> None:
    run = lab(DesignLedger(open_store("sqlite://"), "student-one"))
    sheet = sheet_of(lab)
    for act in ("act1", "act2"):
        prediction = sheet.predictions[act]
        bins = bins_of(lab, "prediction", act)
        assert sum(one.right for one in bins) == 1
        if isinstance(prediction, NumberPrediction):
            answers: list[Any] = prediction.entries()
            assert len(bins) <= 20
        else:
            answers = [option.id for option in prediction.options]
        found = {bin_of(lab, "prediction", act, run.ledger_value(act, answer)) for answer in answers}
        assert found == {one.id for one in bins}
        for odd in ("no such option", None, [1], {}, True, math.inf, -1e9):
            assert bin_of(lab, "prediction", act, odd) is None
        assert bin_of(lab, "reflection", act, sheet.reflections[act].options[0].id) is not None
        assert bin_of(lab, "reflection", act, ["B"]) is None
    assert sheet.failures
    assert set(sheet.contexts) == set(sheet.limits) == set(sheet.units)


def test_bins_of_a_number_cover_its_range_and_mark_the_actual_value() -> None:
    asked = NumberPrediction("?", 0, 100, 1, "%", 100.0, 5, str)
    bins = number_bins(asked)
    assert (bins[0].low, bins[-1].high, bins[-1].right, len(bins)) == (0, 100, True, 20)
    assert all(one.high == other.low for one, other in pairwise(bins))
    few = number_bins(NumberPrediction("?", 1, 2, 0.5, "", 1.2, 0.1, str))
    assert [(one.low, one.high, one.right) for one in few] == [(1, 1.5, True), (1.5, 2, False)]


def test_the_overview_counts_students_predictions_and_failures(store: Store, group: list[str]) -> None:
    labs = (find_lab(1, 0), LAB)
    shown = overview.everything(labs, class_record(store, [lab.key() for lab in labs]), names(store))
    assert {line["name"]: line["cells"] for line in shown["students"]}["Ada Lovelace"] == "07"
    assert sorted(line["cells"] for line in shown["students"]) == ["02", "05", "07", "08"]
    assert [line["saved"] for line in shown["students"]].count(1) == 1
    assert len(overview.state_names()) == 9
    nobody, lab = shown["calibration"]
    assert (nobody["total"], nobody["share"]) == (0, None)
    assert (lab["right"], lab["share"], lab["low"]) == ("0 of 3", 0.0, 0.0)
    assert lab["high"] == pytest.approx(0.5615, abs=1e-4)
    assert lab["factor"].endswith("×")
    (broken,) = shown["failures"]
    assert broken["lab"] == "V1-02"
    assert broken["failures"][0]["count"] == len(
        [1 for s in class_record(store, [LAB.key()]).of_lab(LAB.key()).values() if s.failures]
    )


def test_a_cell_is_never_a_formula() -> None:
    odd = ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\r=1", 'say "hi", she', "Zoë", -2.5, None, True]
    text = csv_text(["what"], [[value] for value in odd])
    assert text.startswith("\ufeffwhat\r\n")
    read = [row[0] for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))][1:]
    assert read == ["'=1+1", "'+1", "'-1", "'@x", "'\t=1", "' =1", "'\r=1", 'say "hi", she', "Zoë", "-2.5", "", "yes"]


def test_which_addresses_are_the_instructors() -> None:
    assert all(map(is_instructors, ("/instructor", "/instructor/live/V1-02")))
    assert not any(map(is_instructors, ("/", "/instructors", "/vol1/instructor")))


class TestDownloads(AsyncHTTPTestCase):
    """A server with the tables alone."""

    @pytest.fixture(autouse=True)
    def _given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = open_store(str(tmp_path / "ledger.db"))
        monkeypatch.setattr(site, "store", lambda: self.store)
        monkeypatch.setattr(site, "secret", lambda: SECRET)

    def get_app(self) -> Application:
        return Application(list(export.ROUTES))

    def token(self, role: str, seconds: int = 60) -> str:
        return sign_role(Bearer(new_student_id(), role, int(time.time()) + seconds), SECRET)

    def ask(self, name: str, token: str | None) -> Any:
        return self.fetch(f"/instructor/export/{name}.csv", headers={"Cookie": f"{COOKIE}={token}"} if token else {})

    def test_nobody_else_gets_a_table(self) -> None:
        good = self.token(INSTRUCTOR)
        forged = [
            None,
            "",
            self.token(STUDENT),
            self.token(STUDENT).replace(STUDENT, INSTRUCTOR),
            identity.sign(new_student_id(), SECRET),
            self.token(INSTRUCTOR, -1),
            sign_role(Bearer("x", INSTRUCTOR, int(time.time()) + 60), b"y" * 32),
            good[:-1] + ("A" if good[-1] != "A" else "B"),
        ]
        for name in export.EXPORTS:
            for token in forged:
                answer = self.ask(name, token)
                assert answer.code == 403
                assert "This page is for instructors" in answer.body.decode()
            assert self.ask(name, good).code == 200
        assert self.ask("people", good).code == 404

    def test_the_tables(self) -> None:
        for student, state in (("student-aaaa", "act2_predict"), ("student-dddd", "saved")):
            walk(LAB, DesignLedger(self.store, student), state)
        remember_person(self.store, "student-dddd", "=cmd|' /C calc'!A0")
        tables = {}
        for name in export.EXPORTS:
            answer = self.ask(name, self.token(INSTRUCTOR))
            assert answer.headers["Content-Disposition"] == f'attachment; filename="mlsys-labs-{name}.csv"'
            assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
            assert answer.headers["Cache-Control"] == "no-store"
            text = answer.body.decode("utf-8-sig")
            tables[name] = list(csv.DictReader(io.StringIO(text, newline="")))
        progress = tables["progress"]
        assert [(row["student"], row["V1-02"], row["V1-03"]) for row in progress] == [
            ("student-aaaa", "Act II: predict", ""),
            ("student-dddd", "Saved", ""),
        ]
        assert progress[1]["name"] == "'=cmd|' /C calc'!A0"
        first, *_, last = tables["predictions"]
        assert (first["lab"], first["act"], first["right"], first["second_vote"]) == ("V1-02", "Act I", "no", "")
        assert first["prediction"]
        assert last["act"] == "Act II"
        assert len(tables["predictions"]) == 3
        (saved,) = tables["results"]
        entry = DesignLedger(self.store, "student-dddd").entry(2)
        assert entry is not None
        assert float(saved["act2_result"]) == pytest.approx(entry.design["act2_result"])
        assert (saved["unit"], saved["attempts"]) == ("ms", "1")
