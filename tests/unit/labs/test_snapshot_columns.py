"""Columns: what is put in is what the page finds, in the layout that its script reads."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labs.snapshot.columns import ABSENT, Table

words = st.text(max_size=5)
arrays = st.lists(st.one_of(st.just(float("nan")), st.floats(-1e37, 1e37)), max_size=6).map(
    lambda items: np.array(items, dtype=float)
)


class Page:
    """Reads a table as `frontend/snapshot/columns.js` does."""

    def __init__(self, packed: bytes) -> None:
        raw = zlib.decompress(packed, -15)
        (length,) = struct.unpack("<I", raw[:4])
        self.head = json.loads(raw[4 : 4 + length])
        self.body = raw[4 + length :]

    def number(self, name: str, state: int, prediction: int) -> int:
        slot = self.head["slots"].get(name)
        if slot is None:
            return ABSENT
        if "by" not in slot:
            return 0
        at = {"state": state, "prediction": prediction, "both": state * self.head["predictions"] + prediction}
        size = slot["size"]
        start = slot["numbers"] + at[slot["by"]] * size
        return int.from_bytes(self.body[start : start + size], "little", signed=True)

    def value(self, name: str, state: int, prediction: int) -> Any:
        number = self.number(name, state, prediction)
        if number == ABSENT:
            return None
        slot = self.head["slots"][name]
        return slot["values"][number] if "values" in slot else self._arrays(slot)[number]

    def _arrays(self, slot: dict[str, Any]) -> list[np.ndarray]:
        count, length = slot["count"], slot["length"]
        lengths = length if isinstance(length, list) else [length] * count
        total = sum(lengths)
        planes = np.frombuffer(self.body, np.uint8, 4 * total, slot["at"]).reshape(4, total)
        flat = np.ascontiguousarray(planes.T).view("<f4").ravel()
        return np.split(flat, np.cumsum(lengths)[:-1])


def same(a: Any, b: Any) -> bool:
    if isinstance(b, np.ndarray):
        return len(a) == len(b) and np.allclose(a, b, rtol=2e-5, atol=1e-37, equal_nan=True)
    return a == b


@given(st.data(), st.integers(1, 4), st.integers(1, 3))
def test_every_cell_is_found_again(data: st.DataObject, states: int, predictions: int) -> None:
    table, expected = Table(states, predictions), {}
    for name, kind in (("word", words), ("array", arrays), ("sometimes", st.one_of(st.none(), words))):
        for state in range(states):
            for prediction in range(predictions):
                value = data.draw(kind)
                if name == "sometimes" and value is None:
                    continue
                table.put(state, prediction, [(name, value)])
                expected[name, state, prediction] = value
    page = Page(table.encode())
    for name in ("word", "array", "sometimes"):
        for state in range(states):
            for prediction in range(predictions):
                assert same(page.value(name, state, prediction), expected.get((name, state, prediction)))


@given(st.lists(words, min_size=2, max_size=6), st.lists(words, min_size=2, max_size=5))
def test_what_depends_on_one_thing_is_joined(by_state: list[str], by_prediction: list[str]) -> None:
    states, predictions = len(by_state), len(by_prediction)
    two, row = Table(states, 2), Table(1, predictions)
    for state, word in enumerate(by_state):
        two.put(state, slice(None), [("controls", word)])
        for at, source in enumerate((0, -1)):
            two.put(state, at, [("mark", by_prediction[source])])
    for prediction, word in enumerate(by_prediction):
        row.put(0, prediction, [("controls", by_state[0]), ("mark", word)])
    assert two.separable()
    page = Page(two.joined(row).encode())
    moved = by_prediction[0] != by_prediction[-1]
    for state, word in enumerate(by_state):
        for prediction, mark in enumerate(by_prediction):
            assert page.value("controls", state, prediction) == word
            if moved:
                assert page.value("mark", state, prediction) == mark


def test_what_depends_on_both_is_not_separable() -> None:
    table = Table(2, 2)
    for state in range(2):
        for prediction in range(2):
            table.put(state, prediction, [("sum", str(state + prediction))])
    assert not table.separable()


def test_equal_values_are_kept_once() -> None:
    table = Table(500, 1)
    for state in range(500):
        table.put(state, 0, [("curve", np.linspace(0, 1, 200) * (state % 2)), ("word", "always the same")])
    slots = Page(table.encode()).head["slots"]
    assert slots["curve"]["count"] == 2
    assert slots["word"] == {"values": ["always the same"]}
    assert len(table.encode()) < 2_000


def test_a_float_keeps_more_than_a_plot_can_show() -> None:
    values = np.geomspace(1e-30, 1e30, 999)
    table = Table(1, 1)
    table.put(0, 0, [("x", values)])
    assert np.abs(Page(table.encode()).value("x", 0, 0) / values - 1).max() < 2**-15
