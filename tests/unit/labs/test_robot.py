"""The robot's own senses: what it takes for a flaw, the ledgers that it makes, the states that it visits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from toy_lab import ToyLab

from components.instruments.layers import Axis, Labels, Line, Plot
from labs import robot
from ledger import CONTRACT, parse_key


@pytest.mark.parametrize(
    "text",
    [
        "takes nan ms",
        "NaN",
        "inf days",
        "-inf",
        "speed: None",
        "Move None days",
        "1e+06 bytes",
        "3.2E-05 s",
        "0.30000000000000004",
        "{outcome.days:.1f} days",
        "<function <lambda> at 0x7f>",
        "np.float64(3.0)",
        "array([1, 2])",
        "1 cameras",
        "with 1 GPUs.",
        "**1** cameras",
        "1\u00a0days",
    ],
)
@pytest.mark.parametrize("markdown", [True, False])
def test_numbers_and_objects_that_no_reader_should_see(text: str, markdown: bool) -> None:
    assert robot.flaw(text, markdown) is not None


@pytest.mark.parametrize(
    "text",
    [
        "∞ days",
        "–",
        "None of the designs passes.",
        "It fails. None passes.",
        "None: it is done today",
        "an infinite queue in Nancy; info, finance, Infiniti",
        "1.5 × 10^9 bytes, H100e, 3e",
        "0.1234567",
        "A-D, a_b, 5 * 3",
        "1 camera, 21 cameras, 0.1 days, 1,001 days, 10^1 days, V1-1 cameras, 1 ms",
        "Act 1 is over",
        "A burst of 1 needs 12.8 MB.",
        "4:1 cuts the bill; the oversubscription 4:1 removes uplinks",
    ],
)
@pytest.mark.parametrize("markdown", [True, False])
def test_texts_that_are_fine(text: str, markdown: bool) -> None:
    assert robot.flaw(text, markdown) is None


def test_markup_belongs_where_it_is_rendered() -> None:
    for text in ("**8 ms**", "the law $T = D/B$", "`code`", "[a](b)"):
        assert robot.flaw(text, markdown=True) is None
        assert "markup" in str(robot.flaw(text, markdown=False))
    for text in ("an unpaired **star", "\\frac{1}{2}", "<b>bold</b>"):
        assert "markup" in str(robot.flaw(text, markdown=True))
    assert robot.flaw("$\\frac{D_{in}}{B}$ and $x^{2}$") is None
    assert "a NoneType in place of a text" in str(robot.flaw(None))


def test_a_full_ledger_holds_a_sound_entry_of_every_lab() -> None:
    ledger = robot.full_ledger(7)
    found = ledger.all()
    assert list(found) == list(CONTRACT)
    for key, design in found.items():
        assert design.keys() == CONTRACT[key].fields.keys()
    assert robot.full_ledger(7).all() == found
    assert robot.full_ledger(8).all() != found
    assert robot.full_ledger(7, extreme=True).all().keys() == found.keys()


def test_a_damaged_ledger_holds_nothing_sound() -> None:
    assert all(design == {} for design in robot.damaged_ledger(3).all().values())
    half = robot.damaged_ledger(3, 0.5).all()
    kept = sum(len(design) for design in half.values())
    assert 0 < kept < sum(len(CONTRACT[key].fields) for key in half)


def test_a_noting_ledger_notes_what_is_looked_at() -> None:
    ledger = robot.NotingLedger(robot.full_ledger(1))
    entry = ledger.get(*reversed(parse_key("ch02")))
    assert entry is not None
    assert entry.get("context") == entry["context"]
    assert ledger.noted == {("ch02", "context")}


def test_single_moves_visit_every_stop_and_leave_the_defaults() -> None:
    act = robot.opened(ToyLab).act2
    seen: dict[str, set[Any]] = {name: set() for name in act.specs}
    for _ in robot.single_moves(act):
        for name, value in act.values().items():
            seen[name].add(value)
    assert all(seen[name] == set(spec.values()) for name, spec in act.specs.items())
    assert act.values() == {name: spec.default for name, spec in act.specs.items()}


def test_joint_moves_are_the_same_for_the_same_seed_and_reach_the_ends() -> None:
    act = robot.opened(ToyLab).act2
    first = list(robot.joint_moves(act, 60, seed=4))
    act.reset()
    assert list(robot.joint_moves(act, 60, seed=4)) == first
    assert any("copies = 4" in state and "link_bytes_s = 100000000" in state for state in first)


def test_all_states_visit_every_combination_or_say_that_there_are_too_many() -> None:
    act = robot.opened(ToyLab).act2
    states = robot.all_states(act, 1000)
    assert states is not None
    assert len(list(states)) == len(set(robot.all_states(act, 1000) or ())) == 31 * 4 * 2
    assert robot.all_states(act, 100) is None


def test_a_slider_with_very_many_stops_is_sampled_with_its_ends_and_default() -> None:
    from components.controls import stops

    spec = stops("x", range(1000), 123, reason="for the sake of it").spec_in("")
    tried = robot.tried_values(spec)
    assert len(tried) <= robot.MOST_STOPS
    assert {0, 123, 999} <= set(tried)


@dataclass(frozen=True)
class Parts:
    """An outcome with all kinds of fields."""

    number: float
    array: Any
    parts: dict[str, Any]
    names: tuple[str, ...] = ()


def test_outcomes_are_compared_with_arrays_and_undefined_values() -> None:
    def one(**changes: Any) -> Parts:
        base: dict[str, Any] = {"number": math.nan, "array": np.array([1.0, np.nan]), "parts": {"a": [1, (2.0,)]}}
        return Parts(**{**base, **changes})

    assert robot.same(one(), one())
    assert not robot.same(one(), one(number=1.0))
    assert not robot.same(one(), one(array=np.array([1.0, 2.0])))
    assert not robot.same(one(), one(array=np.array([1.0])))
    assert not robot.same(one(), one(parts={"a": [1, (3.0,)]}))
    assert not robot.same(one(), one(names=("x",)))
    assert robot.same(one(array=np.array(["a"])), one(array=np.array(["a"])))


def test_a_plot_that_cannot_be_read_is_noticed() -> None:
    def plot(x: Axis, *layers: Any, **changes: Any) -> Plot:
        made = {"title": "t", "caption": "c", **changes}
        return Plot(x=x, y=Axis("time (s)", 0, 1), layers=layers, **made)

    fine = Axis("rate (B/s)", 1, 10, log=True)
    assert list(robot.plot_flaws(plot(fine, Line(x=[1, 2], y=[0.0, np.nan]), Labels(x=1, y=1, text="a")))) == []
    for broken in (
        plot(Axis("x", 1, 1)),
        plot(Axis("x", 0, math.inf)),
        plot(Axis("x", math.nan, 1)),
        plot(Axis("x", 0, 1, log=True)),
        plot(Axis("", 0, 1)),
        plot(fine, title=""),
        plot(fine, caption=""),
        plot(fine, Line(x=[1], y=[1], token="pink")),
        plot(fine, Line(x=[1, 2], y=[1])),
        plot(fine, Line(x=["a"], y=[1])),
        plot(fine, key=(("a", "pink"),)),
    ):
        assert list(robot.plot_flaws(broken)), broken
