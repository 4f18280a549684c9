"""The course's check numbers for the acts: every case of every lab that the catalog has."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from labs.catalog import UnknownLabError, catalog, find_act, name_of

CHECKS = Path(__file__).parents[2] / "data" / "checks"


def read(volume: int, number: int) -> list[dict[str, Any]]:
    """The act cases of a lab's check file."""
    path = CHECKS / f"v{volume}_{number:02d}.json"
    return [case for case in json.loads(path.read_text(encoding="utf-8")) if case["formula"] in ("act1", "act2")]


def cases() -> list[Any]:
    """Every act case with its lab; a lab without a check file has its own test."""
    return [
        pytest.param(lab.volume, lab.number, case, id=case["id"])
        for lab in catalog()
        if (CHECKS / f"v{lab.volume}_{lab.number:02d}.json").exists()
        for case in read(lab.volume, lab.number)
    ]


def meant(value: Any) -> Any:
    """A value of a check file: "inf" and "-inf" are numbers, lists are arrays."""
    if isinstance(value, list):
        return [meant(item) for item in value]
    return {"inf": math.inf, "-inf": -math.inf}.get(value, value) if isinstance(value, str) else value


def agrees(actual: Any, expected: Any, case: dict[str, Any]) -> bool:
    """Whether a result is the expected one within the case's tolerances."""
    if expected is None:
        return actual is None or (isinstance(actual, float) and math.isnan(actual))
    if isinstance(expected, dict):
        return all(agrees(actual.get(key), one, case) for key, one in expected.items())
    if isinstance(expected, list):
        return len(actual) == len(expected) and all(
            agrees(one, other, case) for one, other in zip(actual, expected, strict=True)
        )
    expected = meant(expected)
    if isinstance(expected, bool | str):
        return type(expected)(actual) == expected
    if actual is None:
        return False
    return bool(actual == pytest.approx(expected, rel=case["rtol"], abs=case.get("atol", 0.0)))


@pytest.mark.parametrize(("volume", "number", "case"), cases())
def test_act_gives_the_check_number(volume: int, number: int, case: dict[str, Any]) -> None:
    inputs = {name: meant(value) for name, value in case["inputs"].items()}
    outcome = find_act(volume, number, case["formula"]).evaluate(**inputs)
    wrong = {
        name: f"{outcome.get(name)!r}, expected {expected!r}"
        for name, expected in case["expect"].items()
        if not agrees(outcome.get(name), expected, case)
    }
    assert not wrong, f"{case['id']} ({case['why']}), inputs {inputs}: {wrong}"


@pytest.mark.parametrize("lab", catalog(), ids=name_of)
def test_every_lab_has_check_numbers_for_both_acts(lab: Any) -> None:
    assert {case["formula"] for case in read(lab.volume, lab.number)} == {"act1", "act2"}


@pytest.mark.parametrize(
    ("actual", "expected", "right"),
    [
        (1.0, 1.0004, True),
        (1.0, 1.002, False),
        (math.inf, "inf", True),
        (1e9, "inf", False),
        (None, None, True),
        (math.nan, None, True),
        (0.0, None, False),
        (None, 0.0, False),
        ([1.0, math.inf], [1.0, "inf"], True),
        ([1.0], [1.0, 2.0], False),
        (True, True, True),
        (False, True, False),
        ("ring", "ring", True),
        ({"a": 1.0}, {"a": 2.0}, False),
    ],
)
def test_the_comparison_itself(actual: Any, expected: Any, right: bool) -> None:
    assert agrees(actual, expected, {"rtol": 1e-3}) is right


def test_absolute_tolerance_is_for_zero() -> None:
    assert agrees(1e-7, 0.0, {"rtol": 1e-3, "atol": 1e-6})
    assert not agrees(1e-7, 0.0, {"rtol": 1e-3})


def test_unknown_labs_and_acts_are_named() -> None:
    with pytest.raises(UnknownLabError, match="there is no lab V3-99"):
        find_act(3, 99, "act1")
    with pytest.raises(UnknownLabError, match="act1 and act2"):
        find_act(1, 2, "act3")


@pytest.mark.parametrize("lab", catalog(), ids=name_of)
def test_evaluate_refuses_what_the_act_does_not_have(lab: Any) -> None:
    for act in lab.acts:
        with pytest.raises(ValueError, match="context must be one of"):
            act.evaluate("moon")
        with pytest.raises(ValueError, match="has no control warp_speed"):
            act.evaluate(warp_speed=9)
