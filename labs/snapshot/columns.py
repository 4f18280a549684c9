"""What differs between recorded states, in columns: each slot of the page keeps its different values once.

A slot is one thing on the page: a readout, a caption, a column of a plot's layer. Its column holds the values that
occur, and for each state (and prediction, where the slot depends on it) the number of the one that is shown. Arrays
of numbers are kept as 32-bit floats whose mantissa is cut to what a plot can show, byte plane by byte plane, and
everything is deflated: thousands of states come to some hundred kilobytes.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

#: Bits of a float's mantissa that are dropped: what is left (1 part in 65,000) is far below a pixel.
_DROPPED_BITS = 8

#: Shown in place of a value by a state in which the slot does not exist.
ABSENT = -1


def deflated(content: bytes) -> bytes:
    """`content` as the page inflates it: DEFLATE without a header."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


@dataclass
class Column:
    """The values of one slot and which of them each state shows; `numbers[state, prediction]`."""

    numbers: npt.NDArray[np.int32]
    values: list[Any] = field(default_factory=list)
    _known: dict[Hashable, int] = field(default_factory=dict)

    def put(self, state: int, prediction: int | slice, value: Any) -> None:
        """Notes what the slot shows in a state under a prediction, or under all of them."""
        if isinstance(value, np.ndarray):
            key: Hashable = (value.dtype.str, value.tobytes())
        else:
            key = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
        at = self._known.get(key)
        if at is None:
            at = self._known[key] = self._numbered(value)
        self.numbers[state, prediction] = at

    def _numbered(self, value: Any) -> int:
        """Number of a value that has not been seen in this form; arrays that a plot cannot tell apart share theirs."""
        if isinstance(value, np.ndarray):
            value = _for_plot(value)
            at = self._known.setdefault(("plot", value.tobytes()), len(self.values))
        else:
            at = len(self.values)
        if at == len(self.values):
            self.values.append(value)
        return at


def _for_plot(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array of numbers as a plot needs it: 32-bit floats with a short mantissa."""
    with np.errstate(over="ignore"):
        bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
    finite = (bits & 0x7F800000) != 0x7F800000
    half = np.uint32(1 << (_DROPPED_BITS - 1))
    kept = np.where(finite, (bits + half) & np.uint32(0xFFFFFFFF << _DROPPED_BITS & 0xFFFFFFFF), bits)
    return kept.astype(np.uint32).view(np.float32)


class Table:
    """The columns of one act in one context, by slot."""

    def __init__(self, states: int, predictions: int) -> None:
        self.states, self.predictions = states, predictions
        self.columns: dict[str, Column] = {}

    def put(self, state: int, prediction: int | slice, slots: Iterable[tuple[str, Any]]) -> None:
        """Notes what the page shows in a state under a prediction (`slice(None)` for all)."""
        for slot, value in slots:
            column = self.columns.get(slot)
            if column is None:
                column = Column(np.full((self.states, self.predictions), ABSENT, np.int32))
                self.columns[slot] = column
            column.put(state, prediction, value)

    def shown(self, slot: str, state: int, prediction: int) -> Any:
        """What a slot shows, in a form that can be compared; None where it does not exist."""
        column = self.columns.get(slot)
        at = ABSENT if column is None else column.numbers[state, prediction]
        if column is None or at == ABSENT:
            return None
        value = column.values[at]
        return value.tobytes() if isinstance(value, np.ndarray) else value

    def drop_constant(self, prefix: str) -> None:
        """Forgets the slots under `prefix` that show the same everywhere."""
        for name, column in list(self.columns.items()):
            if name.startswith(prefix) and not _simplest(column.numbers)[1]:
                del self.columns[name]

    def separable(self) -> bool:
        """Whether no slot depends on the state and on the prediction at once."""
        return all(_simplest(column.numbers)[1] != "both" for column in self.columns.values())

    def joined(self, row: Table) -> Table:
        """This separable table for the predictions of `row`, a table of one state and more predictions."""
        whole = Table(self.states, row.predictions)
        shape = (self.states, row.predictions)
        for name, column in self.columns.items():
            by_prediction = _simplest(column.numbers)[1] == "prediction"
            source = row.columns[name] if by_prediction else column
            numbers = source.numbers if by_prediction else source.numbers[:, :1]
            whole.columns[name] = Column(np.broadcast_to(numbers, shape), source.values)
        return whole

    def encode(self) -> bytes:
        """The table as the page reads it: length of the head, head (JSON), body; deflated."""
        body = bytearray()
        slots = {name: self._slot(column, body) for name, column in self.columns.items()}
        head = json.dumps(
            {"states": self.states, "predictions": self.predictions, "slots": slots},
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        return deflated(struct.pack("<I", len(head)) + head + body)

    def _slot(self, column: Column, body: bytearray) -> dict[str, Any]:
        entry: dict[str, Any] = {}
        if isinstance(column.values[0], np.ndarray):
            lengths = {len(value) for value in column.values}
            entry["length"] = lengths.pop() if len(lengths) == 1 else [len(value) for value in column.values]
            entry |= {"at": len(body), "count": len(column.values)}
            flat = np.concatenate(column.values).view(np.uint8).reshape(-1, 4)
            body += flat.T.tobytes()
        else:
            entry["values"] = column.values
        numbers, by = _simplest(column.numbers)
        if by:
            size = 1 if numbers.max() < 127 else 2 if numbers.max() < 32767 else 4
            body += bytes(-len(body) % size)
            entry |= {"by": by, "numbers": len(body), "size": size}
            body += numbers.astype(f"<i{size}").tobytes()
        return entry


def _simplest(numbers: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], str]:
    """The numbers without a dimension on which they do not depend, and the name of what is left."""
    by_state = bool((numbers != numbers[:1]).any())
    by_prediction = bool((numbers != numbers[:, :1]).any())
    if by_state and by_prediction:
        return numbers.ravel(), "both"
    if by_state:
        return numbers[:, 0], "state"
    if by_prediction:
        return numbers[0], "prediction"
    return numbers[0, :1], ""
