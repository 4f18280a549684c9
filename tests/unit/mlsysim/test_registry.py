"""The decorator itself."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

from mlsysim.core.constants import H100_MEM_BW
from mlsysim.physics import FORMULAS, young_interval
from mlsysim.physics import registry as r
from mlsysim.physics.registry import Choices, Interval, Result, Variable, formula

LENGTH = Variable("x", "m", "a length", r.NONNEGATIVE)
COUNT = Variable("n", "1", "a count", r.COUNT)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formulas defined in a test stay out of the suite's registry."""
    monkeypatch.setattr(r, "_registered", {})


def _decorated(function: Any, variables: dict[str, Variable], result: Any = None) -> Any:
    return formula(
        latex="y = x",
        variables=variables,
        result=result or Result("y", "m", "a result"),
        validity="everywhere",
        source="test",
    )(function)


def test_a_formula_stays_a_function() -> None:
    assert inspect.isfunction(young_interval)
    assert list(inspect.signature(young_interval).parameters) == ["checkpoint_s", "mtbf_s"]
    assert young_interval.spec.name == "young_interval"
    assert young_interval.spec.module == "mlsysim.physics.reliability"


def test_the_registry_is_read_only() -> None:
    with pytest.raises(TypeError):
        FORMULAS["young_interval"] = young_interval  # type: ignore[index]
    with pytest.raises(AttributeError):
        young_interval.spec.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        young_interval.spec.variables["mtbf_s"] = LENGTH  # type: ignore[index]


def test_variables_must_match_the_signature() -> None:
    def wrong(a: float, b: float) -> float:
        """Docstring."""
        return a

    with pytest.raises(ValueError, match="do not match the signature"):
        _decorated(wrong, {"b": LENGTH, "a": LENGTH})
    with pytest.raises(ValueError, match="do not match the signature"):
        _decorated(wrong, {"a": LENGTH})


def test_names_are_unique_and_documented() -> None:
    def once(a: float) -> float:
        """Docstring."""
        return a

    def silent(a: float) -> float:
        return a

    _decorated(once, {"a": LENGTH})
    with pytest.raises(ValueError, match="already registered"):
        _decorated(once, {"a": LENGTH})
    with pytest.raises(ValueError, match="docstring"):
        _decorated(silent, {"a": LENGTH})


def test_result_kinds() -> None:
    def half(n: float) -> float:
        """Docstring."""
        return n / 2

    whole = _decorated(half, {"n": COUNT}, Result("y", "1", "half", kind="integer"))
    assert whole(4) == 2
    assert type(whole(4)) is int
    assert whole([4, 6]).dtype == np.int64
    with pytest.raises(ValueError, match="kind"):
        Result("y", "1", "half", kind="complex")


def test_boolean_and_vector_results() -> None:
    def positive(a: float) -> Any:
        """Docstring."""
        return a > 1

    def powers(a: Any) -> Any:
        """Docstring."""
        return np.stack([np.asarray(a), np.asarray(a) ** 2], axis=-1)

    flag = _decorated(positive, {"a": LENGTH}, Result("y", "1", "whether", kind="boolean"))
    assert flag(2.0) is True
    assert flag([0.0, 2.0]).tolist() == [False, True]
    vector = _decorated(powers, {"a": LENGTH}, Result("y", "1", "powers", kind="vector"))
    assert vector(3.0).tolist() == [3.0, 9.0]
    assert vector([1.0, 2.0, 3.0]).shape == (3, 2)


def test_a_structural_argument_is_one_number_per_call() -> None:
    def rungs(a: Any, count: Any) -> Any:
        """Docstring."""
        return np.expand_dims(a, -1) * np.arange(int(count))

    count = Variable("m", "1", "rungs", r.COUNT, structural=True)
    ladder = _decorated(rungs, {"a": LENGTH, "count": count}, Result("y", "1", "heights", kind="vector"))
    assert ladder([1.0, 2.0], 3).shape == (2, 3)
    with pytest.raises(ValueError, match="count must be one number per call"):
        ladder(1.0, [2, 3])


def test_optional_and_undefined() -> None:
    def capped(a: float, cap: float | None = None) -> Any:
        """Docstring."""
        return None if a == 0 else a if cap is None else np.minimum(a, cap)

    function = _decorated(capped, {"a": LENGTH, "cap": Variable("c", "m", "a cap", r.POSITIVE, optional=True)})
    assert function(3.0) == 3.0
    assert function(3.0, cap=None) == 3.0
    assert function(3.0, 2) == 2.0
    assert function(0.0) is None
    with pytest.raises(ValueError, match="a must be"):
        function(None)


def test_infinity_only_where_it_is_allowed() -> None:
    def same(a: float) -> float:
        """Docstring."""
        return a

    open_ended = Variable("x", "1", "a factor", Interval(low=1.0, allow_inf=True))
    function = _decorated(same, {"a": open_ended})
    assert function(math.inf) == math.inf
    assert function([1.0, math.inf]).tolist() == [1.0, math.inf]
    for bad in (-math.inf, math.nan, 0.5, -(10**400)):
        with pytest.raises(ValueError, match="a must be"):
            function(bad)
    with pytest.raises(ValueError, match="mtbf_s must be > 0"):
        young_interval(1.0, 10**400)


def test_names_broadcast_too() -> None:
    def price(n: float, size: str) -> Any:
        """Docstring."""
        return n * {"small": 1.0, "large": 10.0}[size]

    sizes = Variable("s", "1", "a size", Choices(("small", "large")))
    function = _decorated(price, {"n": COUNT, "size": sizes})
    assert function(2, "large") == 20.0
    assert function([[1], [2]], ["small", "large"]).tolist() == [[1.0, 10.0], [2.0, 20.0]]
    assert function(3, np.array(["small", "large", "small"])).tolist() == [3.0, 30.0, 3.0]


def test_messages_read_well() -> None:
    with pytest.raises(ValueError, match=r"^mtbf_s must be > 0 \(s\), got -3\.0$"):
        young_interval(1.0, -3.0)
    with pytest.raises(ValueError, match=r"^mtbf_s must be > 0 \(s\), got -3\.0$"):
        young_interval(1.0, np.array([1.0, -3.0]))
    assert Interval(0, 1, low_open=True).describe() == "in (0, 1]"
    assert Interval(high=5, high_open=True).describe() == "< 5"
    assert Interval(1, integer=True).describe() == "an integer >= 1"
    assert Interval().describe() == "a finite number"


def test_a_constant_is_a_number() -> None:
    assert young_interval(120.0, H100_MEM_BW) == young_interval(120.0, H100_MEM_BW.value)


def test_warnings_stay_quiet(recwarn: pytest.WarningsRecorder) -> None:
    young_interval(1e300, 1e300)
    assert not recwarn.list
