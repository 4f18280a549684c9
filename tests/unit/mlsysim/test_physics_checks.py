"""The course's check numbers, for every case that names a registered formula."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from mlsysim.physics import FORMULAS

CHECKS = Path(__file__).parents[2] / "data" / "checks"


def _cases() -> list[Any]:
    cases = []
    for path in sorted(CHECKS.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            # Acts belong to the labs; formulas of labs that are not built yet join when they are registered.
            if case["formula"] not in ("act1", "act2") and case["formula"] in FORMULAS:
                cases.append(pytest.param(case, id=case["id"]))
    return cases


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    return math.inf if value == "inf" else value


def _agrees(actual: Any, expected: Any, case: dict[str, Any]) -> None:
    if isinstance(expected, dict):
        for key, one in expected.items():
            _agrees(actual[key], one, case)
    elif isinstance(expected, list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            _agrees(one, other, case)
    elif expected is None:
        assert actual is None or math.isnan(actual)
    else:
        assert actual == pytest.approx(_value(expected), rel=case["rtol"], abs=case.get("atol", 0.0))


@pytest.mark.parametrize("case", _cases())
def test_check_number(case: dict[str, Any]) -> None:
    inputs = {name: _value(value) for name, value in case["inputs"].items()}
    _agrees(FORMULAS[case["formula"]](**inputs), case["expect"], case)


@pytest.mark.parametrize("name", ["v1_00", "v1_02", "v1_08", "v1_13", "v2_05", "v2_07"])
def test_every_formula_of_the_first_six_labs_exists(name: str) -> None:
    cases = json.loads((CHECKS / f"{name}.json").read_text(encoding="utf-8"))
    assert {case["formula"] for case in cases} - {"act1", "act2"} <= set(FORMULAS)
