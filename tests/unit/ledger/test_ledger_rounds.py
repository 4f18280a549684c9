"""Class rounds: opened one at a time, taken on in their order, and over by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from ledger import Store, UnknownLab
from ledger.errors import RoundError
from ledger.rounds import LONGEST_HOLD, Round, latest_rounds, move_round, open_round
from ledger.tables import rounds


def of(store: Store, key: str = "ch02") -> Round | None:
    return latest_rounds(store, [key]).get(key)


def grow_old(store: Store, key: str = "ch02") -> None:
    """Moves the beginning of every round of a lab back by the longest time that it may last."""
    latest = of(store, key)
    assert latest is not None
    with store.writing() as connection:
        connection.execute(update(rounds).values(opened_at=latest.opened_at - LONGEST_HOLD))


def test_a_round_goes_from_vote_to_reveal_and_the_next_one_has_the_next_number(store: Store) -> None:
    assert of(store) is None
    opened = open_round(store, "ch02")
    assert (opened.number, opened.phase) == (1, "vote")
    assert of(store) == opened
    for phase in ("discuss", "revote", "revealed"):
        moved = move_round(store, "ch02", 1, phase)
        assert of(store) == moved
        assert moved.phase == phase
        assert moved.opened_at == opened.opened_at
        assert moved.changed_at > opened.changed_at
        assert moved.is_open() == (phase != "revealed")
    assert open_round(store, "ch02").number == 2
    assert of(store, "ch03") is None


def test_two_instructors_do_not_get_into_each_others_way(store: Store) -> None:
    open_round(store, "ch02")
    with pytest.raises(RoundError, match="open already, in its phase 'vote'"):
        open_round(store, "ch02")
    # Both end the vote: the second one finds what they wanted.
    assert move_round(store, "ch02", 1, "discuss") == move_round(store, "ch02", 1, "discuss")
    with pytest.raises(RoundError, match="does not go on to 'vote'"):
        move_round(store, "ch02", 1, "vote")
    with pytest.raises(RoundError, match="newer round"):
        move_round(store, "ch02", 2, "discuss")


def test_a_round_may_be_revealed_at_once_and_then_stays_so(store: Store) -> None:
    open_round(store, "ch02")
    with pytest.raises(RoundError, match="does not go on to 'revote'"):
        move_round(store, "ch02", 1, "revote")
    move_round(store, "ch02", 1, "revealed")
    with pytest.raises(RoundError, match="is over"):
        move_round(store, "ch02", 1, "discuss")


def test_nobody_waits_for_longer_than_half_an_hour(store: Store) -> None:
    opened = open_round(store, "ch02")
    assert timedelta(minutes=30) == LONGEST_HOLD
    assert opened.is_open(opened.opened_at + LONGEST_HOLD - timedelta(seconds=1))
    assert not opened.is_open(opened.opened_at + LONGEST_HOLD)
    grow_old(store)
    with pytest.raises(RoundError, match="is over"):
        move_round(store, "ch02", 1, "discuss")
    assert open_round(store, "ch02").number == 2


def test_unknown_labs_and_phases_are_refused(store: Store) -> None:
    with pytest.raises(UnknownLab):
        open_round(store, "ch99")
    open_round(store, "ch02")
    with pytest.raises(RoundError, match="'lunch' is no phase"):
        move_round(store, "ch02", 1, "lunch")
