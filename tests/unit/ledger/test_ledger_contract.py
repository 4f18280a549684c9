"""What a design may hold: strict when saving, lenient when reading."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_designs import ANY_JSON, FLEET, designs, example, unhurried

from ledger import COMMON_FIELDS, CONTRACT, KEYS, DesignError, UnknownLab, readable_design, validate_design


def test_the_contract_covers_every_lab_with_the_common_fields_first() -> None:
    assert tuple(CONTRACT) == KEYS
    for key, contract in CONTRACT.items():
        assert tuple(contract.fields)[:6] == COMMON_FIELDS, key
        assert all(contract.fields[name].nullable for name in contract.extra_fields), key
        assert len(contract.fields["act1_prediction"].vocabulary) == 4, key


def test_every_field_says_what_it_means_and_every_number_its_unit() -> None:
    for key, contract in CONTRACT.items():
        for field in contract.fields.values():
            assert field.meaning, (key, field.name)
            lettered = field.name == "act1_prediction"
            if field.type == "number" and not lettered:
                assert all(field.unit_in(context) for context in contract.contexts), (key, field.name)


def test_the_unit_of_a_result_can_depend_on_the_context() -> None:
    result = CONTRACT["ch04"].fields["act2_result"]
    assert (result.unit_in("cloud"), result.unit_in("edge")) == ("USD", "days")
    assert CONTRACT["ch02"].fields["act2_result"].unit_in("edge") == "ms"


@pytest.mark.parametrize("key", KEYS)
def test_a_saved_design_has_every_field_in_contract_order(key: str) -> None:
    stored = validate_design(key, example(key))
    assert tuple(stored) == tuple(CONTRACT[key].fields)
    assert all(stored[name] is None for name in CONTRACT[key].extra_fields)


@unhurried
@given(data=st.data(), key=st.sampled_from(KEYS))
def test_what_may_be_saved_reads_back_unchanged(data: st.DataObject, key: str) -> None:
    design = data.draw(designs(key))
    stored = validate_design(key, design)
    assert stored == design
    assert readable_design(key, stored) == stored


@unhurried
@given(key=st.sampled_from(KEYS), design=st.dictionaries(st.sampled_from(COMMON_FIELDS), ANY_JSON))
def test_reading_never_fails_and_keeps_exactly_what_saving_would_accept(key: str, design: dict[str, Any]) -> None:
    readable = readable_design(key, design)
    assert validate_design(key, readable, complete=False) == readable
    for name in set(design) - set(readable):
        with pytest.raises(DesignError, match=name):
            validate_design(key, {name: design[name]}, complete=False)


@pytest.mark.parametrize("damaged", [None, 3, "text", ["context"]])
def test_a_design_that_is_no_mapping_reads_as_empty_and_is_not_saved(damaged: Any) -> None:
    assert readable_design("ch02", damaged) == {}
    with pytest.raises(DesignError, match="must be a mapping"):
        validate_design("ch02", damaged)


def test_an_error_names_every_problem_at_once() -> None:
    design = example("ch02", context="tiny", cameras="many", speed=3)
    del design["constraint_hit"]
    with pytest.raises(DesignError) as caught:
        validate_design("ch02", design)
    assert len(caught.value.problems) == 4
    text = str(caught.value)
    assert "'speed' is not a field of this lab" in text
    assert "context is 'tiny'; allowed: cloud, edge" in text
    assert "cameras must be a number, not 'many'" in text
    assert "the common field 'constraint_hit' is missing" in text


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 10**400])
def test_numbers_that_json_does_not_have_are_stored_as_none(value: float) -> None:
    stored = validate_design("ch02", example("ch02", act2_result=value, distance_km=value))
    assert stored["act2_result"] is None
    assert stored["distance_km"] is None


def test_a_number_of_a_closed_list_may_not_become_none() -> None:
    with pytest.raises(DesignError, match="act1_prediction must not be empty"):
        validate_design("ch02", example("ch02", act1_prediction=math.inf))


def test_booleans_are_not_numbers_and_numbers_are_not_booleans() -> None:
    with pytest.raises(DesignError, match="cells must be a number, not True"):
        validate_design("ch00", example("ch00", cells=True))
    with pytest.raises(DesignError, match="act1_correct must be a boolean, not 1"):
        validate_design("ch00", example("ch00", act1_correct=1))


@pytest.mark.parametrize(
    ("key", "field", "good", "bad"),
    [
        ("ch00", "act1_prediction", 4320, 100),
        ("ch00", "cells", 4, 5),
        ("ch01", "act2_decision", "dscnn_l", "dscnn_xl"),
        ("ch02", "act1_prediction", 1, 2.4),
        ("ch04", "reduction", 1, 0.5),
        ("ch05", "act1_prediction", "D", "d"),
        ("ch16", "act2_decision", FLEET, "cloud:70B-4;edge:8B-4"),
        ("ch16", "act2_decision", FLEET, FLEET + ";"),
        ("ch16", "act2_result", 0, 5),
        ("ch16", "margins", ["p99", "cost"], ["p99", "p99"]),
        ("ch16", "margins", [], ["speed"]),
        ("ch16", "binding", {"cloud": "p99"}, {"cloud": "speed"}),
        ("ch16", "binding", {}, {"fleet": "p99"}),
        ("v2_13", "act2_decision", "gaussian_zcdp/central_isolated", "gaussian_zcdp"),
        ("v2_15", "act2_decision", "cap+move+life", "move+cap"),
        ("v2_15", "act2_decision", "none", "none+cap"),
        ("v2_17", "act2_result", 8, 9),
    ],
)
def test_vocabularies(key: str, field: str, good: Any, bad: Any) -> None:
    assert validate_design(key, example(key, **{field: good}))[field] == good
    with pytest.raises(DesignError, match=field):
        validate_design(key, example(key, **{field: bad}))


def test_numpy_scalars_are_stored_as_plain_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    stored = validate_design(
        "ch02",
        example("ch02", act1_correct=numpy.bool_(True), act2_result=numpy.float64(4.5), cameras=numpy.int64(3)),
    )
    assert [type(stored[name]) for name in ("act1_correct", "act2_result", "cameras")] == [bool, float, int]


def test_values_that_json_cannot_hold_are_named() -> None:
    with pytest.raises(DesignError, match=r"binding\['cloud'\] is a object"):
        validate_design("ch16", example("ch16", binding={"cloud": object()}))
    assert "binding" not in readable_design("ch16", {"binding": {"cloud": object()}})


def test_unknown_labs_have_no_contract() -> None:
    with pytest.raises(UnknownLab):
        readable_design("ch99", {})
