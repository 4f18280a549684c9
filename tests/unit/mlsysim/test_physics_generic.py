"""What must hold for every registered formula, derived from the domains of its variables."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
import pytest
from formula_samples import draw, outside, sample, structural
from latex2mathml.converter import convert

import mlsysim.physics
from mlsysim.physics import FORMULAS
from mlsysim.physics.registry import Boolean, Choices, Interval, Result

NAMES = sorted(FORMULAS)


@pytest.fixture
def generator(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))


def _results(name: str, value: Any) -> dict[str, tuple[Result, Any]]:
    declared = FORMULAS[name].spec.result
    if isinstance(declared, Result):
        return {"": (declared, value)}
    assert set(value) == set(declared)
    return {key: (one, value[key]) for key, one in declared.items()}


@pytest.mark.parametrize("name", NAMES)
def test_is_exported_and_documented(name: str) -> None:
    formula = FORMULAS[name]
    spec = formula.spec
    assert getattr(mlsysim.physics, name) is formula
    assert name in mlsysim.physics.__all__
    assert formula.__name__ == spec.name == name
    assert spec.module.startswith("mlsysim.physics.")
    assert len(spec.summary) > 10
    assert spec.validity
    assert spec.source
    for argument, variable in spec.variables.items():
        assert variable.symbol
        assert variable.unit
        assert variable.meaning
        assert f"{argument}: " in (formula.__doc__ or "")


@pytest.mark.parametrize("name", NAMES)
def test_symbols_of_one_formula_differ(name: str) -> None:
    symbols = [variable.symbol for variable in FORMULAS[name].spec.variables.values()]
    assert len(set(symbols)) == len(symbols)


@pytest.mark.parametrize("name", NAMES)
def test_latex_renders_as_mathml(name: str) -> None:
    spec = FORMULAS[name].spec
    results = [spec.result] if isinstance(spec.result, Result) else list(spec.result.values())
    for latex in (spec.latex, *(v.symbol for v in spec.variables.values()), *(r.symbol for r in results)):
        mathml = convert(latex)
        assert mathml.startswith("<math")
        assert "\\" not in mathml


@pytest.mark.parametrize("name", NAMES)
def test_scalars_give_python_scalars(name: str, generator: np.random.Generator) -> None:
    kinds = {"real": float, "integer": int, "boolean": bool, "vector": np.ndarray}
    for _ in range(20):
        arguments = sample(FORMULAS[name].spec, generator)
        for declared, value in _results(name, FORMULAS[name](**arguments)).values():
            assert value is None or type(value) is kinds[declared.kind] or value == math.inf
            if declared.kind != "vector":
                assert value is None or not math.isnan(value)


@pytest.mark.parametrize("name", NAMES)
def test_numpy_scalars_equal_python_scalars(name: str, generator: np.random.Generator) -> None:
    arguments = sample(FORMULAS[name].spec, generator)
    wrapped = {k: v if isinstance(v, (str, list)) else np.asarray(v)[()] for k, v in arguments.items()}
    first, second = FORMULAS[name](**arguments), FORMULAS[name](**wrapped)
    assert type(first) is type(second)
    np.testing.assert_equal(first, second)


@pytest.mark.parametrize("name", NAMES)
def test_positional_equals_keyword(name: str, generator: np.random.Generator) -> None:
    arguments = sample(FORMULAS[name].spec, generator)
    np.testing.assert_equal(FORMULAS[name](*arguments.values()), FORMULAS[name](**arguments))


@pytest.mark.parametrize("name", NAMES)
def test_one_array_equals_a_loop(name: str, generator: np.random.Generator) -> None:
    """Every argument in turn becomes an array while the others stay scalars."""
    formula = FORMULAS[name]
    for argument in (name for name, variable in formula.spec.variables.items() if not variable.structural):
        valid = []
        while len(valid) < 4:
            base = sample(formula.spec, generator)
            for _ in range(20):
                value = draw(formula.spec.variables[argument], generator)
                try:
                    formula(**{**base, argument: value})
                except ValueError:
                    continue
                valid.append(value)
            valid = valid[:4]
            if len(valid) < 4:
                valid = []
        _compare(name, {**base, argument: valid}, [{**base, argument: value} for value in valid], (4,))


@pytest.mark.parametrize("name", NAMES)
def test_all_arrays_equal_a_loop(name: str, generator: np.random.Generator) -> None:
    """Every argument is a column of the same length."""
    formula = FORMULAS[name]
    first = sample(formula.spec, generator)
    shared = {name: first[name] for name in structural(formula.spec)}
    rows = [first, *(sample(formula.spec, generator, shared) for _ in range(11))]
    columns = {argument: [row[argument] for row in rows] for argument in formula.spec.variables} | shared
    _compare(name, columns, rows, (12,))


@pytest.mark.parametrize("name", NAMES)
def test_arguments_broadcast_together(name: str, generator: np.random.Generator) -> None:
    """A column of one argument against a row of another gives their outer product."""
    formula = FORMULAS[name]
    scalars = [a for a, v in formula.spec.variables.items() if not (v.vector or v.structural)]
    if len(scalars) < 2:
        pytest.skip("a single scalar argument has nothing to broadcast against")
    base = sample(formula.spec, generator)
    first, second = scalars[0], scalars[-1]
    grid = {**base, first: [[base[first]]] * 3, second: [base[second]] * 5}
    _compare(name, grid, [base] * 15, (3, 5))


def _compare(name: str, arrays: dict[str, Any], rows: list[dict[str, Any]], shape: tuple[int, ...]) -> None:
    formula = FORMULAS[name]
    looped = [_results(name, formula(**row)) for row in rows]
    for key, (declared, value) in _results(name, formula(**arrays)).items():
        expected = np.array([one[key][1] for one in looped])
        assert isinstance(value, np.ndarray)
        full = (*shape, expected.shape[-1]) if declared.kind == "vector" else shape
        assert value.shape == full
        expected = expected.reshape(full)
        np.testing.assert_allclose(value.astype(float), expected.astype(float), rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("name", NAMES)
def test_refuses_what_lies_outside_each_domain(name: str, generator: np.random.Generator) -> None:
    formula = FORMULAS[name]
    base = sample(formula.spec, generator)
    for argument, variable in formula.spec.variables.items():
        if isinstance(variable.domain, Interval):
            bad: list[Any] = [*outside(variable.domain), "many", True, 1j, [[1.0], [2.0, 3.0]]]
        elif isinstance(variable.domain, Choices):
            bad = ["nonsense", "", 1.0, ["nonsense"]]
        else:
            assert isinstance(variable.domain, Boolean)
            bad = [0.5, 1, "yes", math.nan]
        if not variable.optional:
            bad.append(None)
        for value in bad:
            # NumPy itself turns a list of numbers and booleans into numbers, so True stands alone.
            listed = [value, value] if value is True else [base[argument], value]
            for given in [[value]] if variable.vector else [value, listed]:
                with pytest.raises(ValueError, match=argument):
                    formula(**{**base, argument: given})


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_names_value_and_range(name: str, generator: np.random.Generator) -> None:
    formula = FORMULAS[name]
    base = sample(formula.spec, generator)
    for argument, variable in formula.spec.variables.items():
        if isinstance(variable.domain, Interval) and not variable.vector:
            with pytest.raises(ValueError, match="nan") as error:
                formula(**{**base, argument: math.nan})
            unit = "" if variable.unit == "1" else f" ({variable.unit})"
            assert str(error.value) == f"{argument} must be {variable.domain.describe()}{unit}, got nan"


@pytest.mark.parametrize("name", NAMES)
def test_unknown_missing_and_doubled_arguments_are_type_errors(name: str, generator: np.random.Generator) -> None:
    formula = FORMULAS[name]
    base = sample(formula.spec, generator)
    first = next(iter(base))
    with pytest.raises(TypeError):
        formula(**base, no_such_argument=1.0)
    with pytest.raises(TypeError):
        formula(**{k: v for k, v in base.items() if k != first})
    with pytest.raises(TypeError):
        formula(*base.values(), 1.0)
    with pytest.raises(TypeError):
        formula(base[first], **base)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_that_do_not_fit_are_refused(name: str, generator: np.random.Generator) -> None:
    formula = FORMULAS[name]
    scalars = [a for a, v in formula.spec.variables.items() if not (v.vector or v.structural)]
    if len(scalars) < 2:
        pytest.skip("a single scalar argument always fits")
    base = sample(formula.spec, generator)
    first, second = scalars[0], scalars[-1]
    with pytest.raises(ValueError, match="broadcast"):
        formula(**{**base, first: [base[first]] * 2, second: [base[second]] * 3})
