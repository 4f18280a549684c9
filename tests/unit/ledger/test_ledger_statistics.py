"""What a class did."""

from __future__ import annotations

import pytest
from ledger_designs import example

from ledger import KEYS, DesignLedger, Store, UnknownLab, class_statistics, export_json, import_json


def lock(ledger: DesignLedger, prediction: object, correct: bool, act: str = "act1") -> None:
    ledger.record("prediction_locked", 4, data={"act": act, "prediction": prediction, "correct": correct})


@pytest.fixture
def group(store: Store) -> list[DesignLedger]:
    """Five students, of whom four have saved lab 04: three in cloud, one at the edge."""
    students = [DesignLedger(store, f"student-{number}") for number in range(5)]
    for number, student in enumerate(students):
        student.record("opened", 4)
        lock(student, 4 if number < 2 else 1, number < 2)
    lock(students[4], 4, True)  # a second prediction, and one of Act II: neither counts
    lock(students[0], 2, False, act="act2")
    for number, student in enumerate(students[:3]):
        student.save(4, design=example("ch04", act2_result=100 * (number + 1)))
    students[3].save(4, design=example("ch04", context="edge", act2_result=None, act2_decision="edge_raw"))
    return students


def test_only_the_first_prediction_of_act_1_counts(store: Store, group: list[DesignLedger]) -> None:
    (lab,) = class_statistics(store, ["ch04"]).labs
    assert (lab.opened, lab.locked, lab.judged, lab.correct, lab.saved) == (5, 5, 5, 2, 4)
    assert lab.predictions == {4: 2, 2: 0, 1: 3, 0.25: 0}
    assert lab.share_correct == 0.4


def test_results_are_kept_apart_by_context_with_their_unit(store: Store, group: list[DesignLedger]) -> None:
    (lab,) = class_statistics(store, ["ch04"]).labs
    assert list(lab.results) == ["cloud"]
    cloud = lab.results["cloud"]
    assert (cloud.count, cloud.minimum, cloud.lower_quartile, cloud.median) == (3, 100, 150, 200)
    assert (cloud.upper_quartile, cloud.maximum, cloud.unit) == (250, 300, "USD")
    assert lab.decisions == {"move_data": 3, "edge_raw": 1}


def test_an_imported_entry_counts_with_its_prediction(store: Store, group: list[DesignLedger]) -> None:
    newcomer = DesignLedger(store, "student-new")
    import_json(newcomer, export_json(group[0]))
    (lab,) = class_statistics(store, ["ch04"]).labs
    assert (lab.opened, lab.locked, lab.saved, lab.predictions[4]) == (5, 6, 5, 3)


def test_predictions_of_no_known_option_are_still_counted(store: Store, ledger: DesignLedger) -> None:
    lock(ledger, ["odd"], False)
    (lab,) = class_statistics(store, ["ch04"]).labs
    assert lab.predictions == {4: 0, 2: 0, 1: 0, 0.25: 0, '["odd"]': 1}


def test_failures_count_each_student_once(store: Store, ledger: DesignLedger) -> None:
    for _ in range(3):
        ledger.record("failure_entered", 4, data={"failure": "overflow"})
        ledger.record("failure_left", 4, data={"failure": "overflow"})
    (lab,) = class_statistics(store, ["ch04"]).labs
    assert lab.failures == {"overflow": 1}


def test_an_empty_class(store: Store) -> None:
    statistics = class_statistics(store)
    assert len(statistics.labs) == len(KEYS)
    assert all(lab.share_correct is None and lab.saved == 0 for lab in statistics.labs)
    assert len(statistics.to_frame()) == len(KEYS)
    assert statistics.results_frame().empty
    with pytest.raises(UnknownLab):
        class_statistics(store, ["ch99"])


def test_frames(store: Store, group: list[DesignLedger]) -> None:
    group[0].record("failure_entered", 4, data={"failure": "overflow"})
    statistics = class_statistics(store)
    labs = statistics.to_frame().set_index("key")
    assert labs.loc["ch04", "share_correct"] == 0.4
    assert labs.loc["ch04", "opened"] == 5
    predictions = statistics.predictions_frame()
    assert predictions[predictions.key == "ch04"].students.tolist() == [2, 0, 3, 0]
    assert statistics.failures_frame().values.tolist() == [["ch04", "overflow", 1]]
    assert statistics.decisions_frame().values.tolist() == [["ch04", "move_data", 3], ["ch04", "edge_raw", 1]]
    assert statistics.results_frame().loc[0, ["key", "context", "median", "unit"]].tolist() == [
        "ch04",
        "cloud",
        200,
        "USD",
    ]


def test_statistics_name_no_student(store: Store, group: list[DesignLedger]) -> None:
    assert "student-" not in repr(class_statistics(store))
