"""What a browser may send to a component, and what is dropped before anything acts on it."""

from __future__ import annotations

from typing import Any

import pytest
from panel.models.esm import DataEvent

from components.action import Action
from components.base import is_message


@pytest.mark.parametrize(
    ("data", "taken"),
    [
        ({"type": "control", "name": "batch", "index": 3, "sequence": 7}, True),
        ({"type": "decide", "value": None, "number": 0.5, "on": True}, True),
        ({}, True),
        ("lock", False),
        (None, False),
        ([1], False),
        ({"type": ["lock"]}, False),
        ({"type": {"a": 1}}, False),
        ({1: "lock"}, False),
        ({"sequence": float("inf")}, False),
        ({"sequence": float("nan")}, False),
    ],
)
def test_only_names_with_plain_values_are_taken(data: Any, taken: bool, caplog: pytest.LogCaptureFixture) -> None:
    assert is_message(data) == taken
    button = Action(label="Go")
    seen: list[Any] = []
    button.on_msg(lambda event: seen.append(event.data))
    button._process_event(DataEvent(model=None, data=data))
    assert seen == ([data] if taken else [])
    assert ("dropped" in caplog.text) != taken
