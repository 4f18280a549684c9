"""A student in a class round: what waits, what the second vote is, and that nobody waits without reason."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from labs import showing
from labs.catalog import find_lab
from labs.lab import Lab, LabError
from labs.seat import Seat
from labs.view import LabView
from ledger import DesignLedger, Store
from ledger.rounds import LONGEST_HOLD, latest_rounds, move_round, open_round
from ledger.tables import rounds
from tests.browser.walk import letter, other_values, some_answer, walk

LAB = find_lab(1, 2)
KEY = LAB.key()


def come(ledger: DesignLedger) -> tuple[Lab, Seat]:
    """Opens the lab's page, or reloads it."""
    run = LAB(ledger)
    return run, Seat(run)


def locks(run: Lab, right: bool = False) -> str:
    answer = letter(run.act1.prediction(), right)
    run.begin_act1()
    run.lock("act1", answer)
    return answer


def test_without_a_round_nothing_waits(ledger: DesignLedger) -> None:
    run, seat = come(ledger)
    locks(run)
    seat.look()
    assert (run.held, seat.phase) == (False, "")


def test_who_locks_in_a_round_waits_until_it_is_revealed(store: Store, ledger: DesignLedger) -> None:
    open_round(store, KEY)
    run, seat = come(ledger)
    assert not run.held
    first = locks(run)
    seat.look()
    assert (run.held, seat.phase) == (True, "vote")
    # Nothing of what follows is there: not by a control, nor in the footer, nor after a reload.
    name, value = next(iter(other_values(run, "act1").items()))
    with pytest.raises(LabError, match="wait for the class"):
        run.set_control("act1", name, value)
    with pytest.raises(LabError, match="wait for the class"):
        run.reset_controls("act1")
    assert {item["label"]: item["value"] for item in showing.hud(run)}["Act I prediction"] == "–"
    assert showing.next_step(run) == "Your prediction is locked. Wait for the class."
    run, seat = come(ledger)
    assert (run.held, seat.phase) == (True, "vote")
    with pytest.raises(LabError, match="not voting a second time"):
        seat.revise(letter(run.act1.prediction(), True))
    move_round(store, KEY, 1, "discuss")
    move_round(store, KEY, 1, "revote")
    seat.look()
    assert (run.held, seat.phase) == (True, "revote")
    with pytest.raises(ValueError, match="no option"):
        seat.revise("Z")
    with pytest.raises(LabError, match="choose an answer"):
        seat.revise(None)
    wrong, right = first, letter(run.act1.prediction(), True)
    for vote in (wrong, right):
        seat.revise(vote)
        assert seat.second_choice() == vote
    assert run.predictions["act1"] == first
    move_round(store, KEY, 1, "revealed")
    run, seat = come(ledger)
    assert (run.held, seat.phase) == (False, "revealed")
    assert seat.second_choice() == right
    run.set_control("act1", name, value)
    assert ledger.first_prediction(2) == {
        "act": "act1",
        "prediction": run.ledger_value("act1", first),
        "correct": False,
        "context": run.context,
    }
    assert run.design()["act1_correct"] is False
    with pytest.raises(LabError, match="not voting a second time"):
        seat.revise(right)


@pytest.mark.parametrize("state", ["act1_explore", "act1_reflect", "act2_predict", "act2_explore", "saved"])
def test_who_has_locked_before_goes_on(store: Store, ledger: DesignLedger, state: str) -> None:
    walk(LAB, ledger, state)
    open_round(store, KEY)
    run, seat = come(ledger)
    assert (run.held, seat.phase) == (False, "")


def test_who_comes_later_goes_on(store: Store, ledger: DesignLedger) -> None:
    open_round(store, KEY)
    move_round(store, KEY, 1, "revealed")
    run, seat = come(ledger)
    locks(run)
    seat.look()
    assert (run.held, seat.phase) == (False, "")


def test_a_round_that_nobody_reveals_holds_nobody_for_long(store: Store, ledger: DesignLedger) -> None:
    opened = open_round(store, KEY)
    run, seat = come(ledger)
    locks(run)
    seat.look()
    assert run.held
    with store.writing() as connection:
        connection.execute(update(rounds).values(opened_at=opened.opened_at - LONGEST_HOLD))
    seat.look()
    assert (run.held, seat.phase) == (False, "")


def test_starting_over_in_a_round_is_no_way_past_it(store: Store, ledger: DesignLedger) -> None:
    open_round(store, KEY)
    run, seat = come(ledger)
    locks(run)
    run.start_over()
    seat.look()
    assert not run.held
    locks(run, right=True)
    seat.look()
    assert run.held


def test_the_page_builds_what_follows_when_the_class_goes_on_and_not_before(store: Store, ledger: DesignLedger) -> None:
    open_round(store, KEY)
    run, seat = come(ledger)
    view = LabView(run, seat=seat)
    view._change(lambda: view._go("act1"))
    act = view._acts["act1"]
    answer = some_answer(run.act1.prediction(), right=False)
    view._change(lambda: run.lock("act1", answer))
    assert run.held
    assert act._workbench is None
    assert act._round is not None
    assert [type(part).__name__ for part in act.body.items][-2:] == ["PredictionLock", "ClassRound"]
    assert view.frame.next_step == "Your prediction is locked. Wait for the class."
    for phase in ("discuss", "revote"):
        move_round(store, KEY, 1, phase)
        view.enter_round(latest_rounds(store, [KEY])[KEY])
        assert act._workbench is None
    panel = view._round.panel
    assert (panel.phase, panel.second) == ("revote", "")
    seat.revise(answer)
    view._round.refresh()
    assert panel.second == panel.first != ""
    move_round(store, KEY, 1, "revealed")
    view.enter_round(latest_rounds(store, [KEY])[KEY])
    assert act._workbench is not None
    assert panel.phase == "revealed"
    assert [type(part).__name__ for part in act.body.items][-3:-1] == ["PredictionLock", "ClassRound"]


def test_what_a_page_was_told_stays_when_the_class_goes_on(store: Store) -> None:
    run = LAB(DesignLedger(store, "s-told"))
    run.notices.append("The cookie cannot be trusted.")
    view = LabView(run, seat=Seat(run))
    view.enter_round(open_round(store, KEY))
    assert view.frame.notices == ["The cookie cannot be trusted."]
