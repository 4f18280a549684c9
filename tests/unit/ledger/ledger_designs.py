"""Designs for tests: one plain example per lab, and every design that the contract allows."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ledger import CONTRACT, Field

# Time says nothing about right or wrong here, and a busy machine must not fail a test.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)

FLEET = "cloud:70B-4;edge:8B-4;mobile:1B-8;tiny:S-8"


def example(key: str, **changes: Any) -> dict[str, Any]:
    """A valid design of the lab `key`, with extras left out, changed where asked."""
    fields = CONTRACT[key].fields
    design = {
        "context": CONTRACT[key].contexts[0],
        "act1_prediction": fields["act1_prediction"].vocabulary[0],
        "act1_correct": True,
        "act2_result": 4,
        "act2_decision": (fields["act2_decision"].vocabulary or (FLEET,))[0],
        "constraint_hit": False,
    }
    return design | changes


def values(field: Field) -> st.SearchStrategy[Any]:
    """Every value that a field may hold."""
    if field.pattern is not None:
        allowed: st.SearchStrategy[Any] = st.from_regex(field.pattern, fullmatch=True)
    elif field.type == "list":
        allowed = st.lists(st.sampled_from(field.vocabulary), unique=True)
    elif field.type == "mapping":
        allowed = st.dictionaries(st.sampled_from(field.map_keys), st.sampled_from(field.vocabulary))
    elif field.type == "boolean":
        allowed = st.booleans()
    elif field.vocabulary is not None:
        allowed = st.sampled_from(field.vocabulary)
    else:
        allowed = st.one_of(st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False)).filter(
            lambda number: field.minimum is None or number >= field.minimum
        )
    return st.one_of(st.none(), allowed) if field.nullable else allowed


def designs(key: str) -> st.SearchStrategy[dict[str, Any]]:
    """Every complete design of one lab."""
    return st.fixed_dictionaries({name: values(field) for name, field in CONTRACT[key].fields.items()})
