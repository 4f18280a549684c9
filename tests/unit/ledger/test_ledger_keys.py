"""Names of entries."""

from __future__ import annotations

import pytest

from ledger import CONTRACT, KEYS, UnknownLab, contract_of, entry_key, parse_key
from ledger.keys import CHAPTERS


def test_keys_name_the_34_labs_in_course_order() -> None:
    assert len(KEYS) == 34
    assert (KEYS[0], KEYS[16], KEYS[17], KEYS[-1]) == ("ch00", "ch16", "v2_01", "v2_17")


@pytest.mark.parametrize("key", KEYS)
def test_parse_is_the_inverse_of_entry_key(key: str) -> None:
    assert entry_key(*parse_key(key)) == key


@pytest.mark.parametrize(
    ("volume", "chapter", "message"),
    [
        (3, 1, "There is no volume 3"),
        (1, 17, "labs are 0 to 16"),
        (2, 0, "labs are 1 to 17"),
        (2, "5", "has no lab '5'"),
    ],
)
def test_labs_that_do_not_exist(volume: int, chapter: int, message: str) -> None:
    with pytest.raises(UnknownLab, match=message):
        entry_key(volume, chapter)


@pytest.mark.parametrize("key", ["", "ch2", "ch17", "v2_00", "CH02", "ch02 "])
def test_text_that_is_no_key(key: str) -> None:
    with pytest.raises(UnknownLab, match="keys are ch00 to ch16 and v2_01 to v2_17"):
        parse_key(key)


def test_the_message_follows_the_chapters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHAPTERS, 2, range(1, 19))
    with pytest.raises(UnknownLab, match="keys are ch00 to ch16 and v2_01 to v2_18"):
        parse_key("v2_19")


def test_a_place_without_a_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(CONTRACT, "v2_17")
    with pytest.raises(UnknownLab, match="v2_17 has no contract yet; it belongs into ledger/contract_volume2"):
        contract_of("v2_17")
