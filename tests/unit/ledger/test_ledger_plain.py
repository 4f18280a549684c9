"""Turning values into stored text and back."""

from __future__ import annotations

import enum
import math

import pytest
from hypothesis import given
from ledger_designs import ANY_JSON, unhurried

from ledger.errors import StoredValueError
from ledger.plain import MAX_DEPTH, from_text, plain, to_text


@unhurried
@given(ANY_JSON)
def test_what_is_stored_reads_back_equal(value: object) -> None:
    text = to_text(value)
    assert from_text(text) == plain(value)
    assert text.isascii()


def test_a_copy_shares_nothing_with_the_original() -> None:
    original = {"list": [1, {"two": 2}]}
    copy = plain(original)
    copy["list"][1]["two"] = 3
    assert original == {"list": [1, {"two": 2}]}


def test_numbers_outside_json_become_none_wherever_they_are() -> None:
    assert plain({"a": [math.nan, (math.inf, 10**400)]}) == {"a": [None, [None, None]]}


def test_subclasses_become_the_plain_type() -> None:
    class Word(enum.StrEnum):
        CLOUD = "cloud"

    assert to_text([Word.CLOUD]) == '["cloud"]'


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", {"a": object()}, {1: "number as key"}])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(StoredValueError, match="value"):
        plain(value)


def test_depth_is_bounded() -> None:
    nested: list[object] = []
    for _ in range(MAX_DEPTH):
        nested = [nested]
    assert plain(nested) == nested
    with pytest.raises(StoredValueError, match="nested deeper than 32"):
        plain([nested])
    with pytest.raises(ValueError, match="deeply"):
        from_text("[" * 100_000)


@pytest.mark.parametrize("text", ["", "NaN", "[Infinity]", "{'a': 1}", "1 2", "9" * 5000])
def test_text_that_is_not_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_text(text)
