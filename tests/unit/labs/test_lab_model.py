"""The lab as a model: states, moves, what a reload brings back, links; on the toy lab, whose parts are known."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
import toy_lab
from toy_lab import Estimate, Plan, ToyLab

from components.controls import ControlError, choice, slider
from labs import robot
from labs.base import Context, Option, Radio
from labs.lab import PROGRESS_VERSION, Lab, LabError
from labs.states import NEXT_STEP, STATES, reached
from ledger import KEYS, DesignLedger, event_kinds

KINDS = (
    event_kinds.OPENED,
    event_kinds.PREDICTION_LOCKED,
    event_kinds.CONTROL_FIRST_MOVED,
    event_kinds.REFLECTION_ANSWERED,
)


@pytest.fixture
def ledger() -> DesignLedger:
    return robot.memory_ledger()


@pytest.fixture
def lab(ledger: DesignLedger) -> ToyLab:
    return ToyLab(ledger)


def kinds(lab: Lab) -> list[str]:
    return [event.kind for event in lab.ledger.events(lab.number, lab.volume)]


# --- states -----------------------------------------------------------------------------------------------


def test_every_state_says_what_to_do_next() -> None:
    assert list(NEXT_STEP) == list(STATES)
    assert all(text.endswith(".") for text in NEXT_STEP.values())
    assert reached("act2_predict", "act1_reflect")
    assert not reached("act1_predict", "act1_explore")


def test_a_lab_passes_all_states_and_records_each_step(lab: ToyLab) -> None:
    assert list(dict.fromkeys(robot.steps(lab))) == list(STATES)
    told = kinds(lab)
    assert [kind for kind in told if kind in KINDS] == [KINDS[0], *KINDS[1:], *KINDS[1:]]
    assert told[-1] == event_kinds.SAVED


def test_opening_act_1_twice_changes_nothing(lab: ToyLab) -> None:
    robot.walk(lab, "act1_explore")
    lab.begin_act1()
    assert lab.state == "act1_explore"


@pytest.mark.parametrize("state", STATES[:2])
def test_controls_are_locked_before_the_prediction(ledger: DesignLedger, state: str) -> None:
    lab = robot.walk(ToyLab(ledger), state)
    for key in robot.ACTS:
        with pytest.raises(LabError, match="lock your prediction first"):
            lab.set_control(key, "link_bytes_s", 1e8)
        with pytest.raises(LabError, match="lock your prediction first"):
            lab.reset_controls(key)
    robot.walk_on(lab)
    assert lab.state == "saved"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("act1", "E", "is no option here"),
        ("act1", None, "is no option here"),
        ("act1", 80, "is no option here"),
        ("act2", 21, "from 0 to 20 MB/s"),
        ("act2", math.nan, "from 0 to 20 MB/s"),
        ("act2", True, "from 0 to 20 MB/s"),
        ("act2", "5", "from 0 to 20 MB/s"),
        ("act2", 10**400, "from 0 to 20 MB/s"),
    ],
)
def test_a_prediction_that_the_question_does_not_take(lab: ToyLab, key: str, value: Any, message: str) -> None:
    robot.walk(lab, f"{key}_predict")
    with pytest.raises(ValueError, match=message):
        lab.lock(key, value)
    assert lab.state == f"{key}_predict"
    assert key not in lab.predictions


def test_a_locked_prediction_stays(lab: ToyLab) -> None:
    robot.walk(lab, "act1_explore")
    with pytest.raises(LabError, match="locked already"):
        lab.lock("act1", "B")
    with pytest.raises(LabError, match="not open yet"):
        lab.lock("act2", 5)
    assert lab.predictions == {"act1": "A"}


def test_the_reflection_opens_with_the_first_move_and_can_be_answered_again(lab: ToyLab) -> None:
    robot.walk(lab, "act1_explore")
    with pytest.raises(LabError, match="move at least one control"):
        lab.answer("act1", "A")
    lab.set_control("act1", "link_bytes_s", 1e8)
    with pytest.raises(ValueError, match="is no option here"):
        lab.answer("act1", "Z")
    lab.answer("act1", "B")
    assert lab.state == "act2_predict"
    lab.answer("act1", "A")
    assert (lab.state, lab.answers) == ("act2_predict", {"act1": "A"})


def test_a_reset_that_changes_nothing_is_no_move(lab: ToyLab) -> None:
    robot.walk(lab, "act1_explore")
    lab.reset_controls("act1")
    assert lab.state == "act1_explore"
    assert "act1" not in lab.moved
    lab.set_control("act1", "link_bytes_s", 1e8)
    assert lab.state == "act1_reflect"


def test_the_start_setting_fails_and_does_not_count_as_the_cliff(lab: ToyLab) -> None:
    robot.walk(lab, "act2_explore")
    assert robot.danger(lab)
    lab.reset_controls("act2")
    lab.set_context("mobile")
    lab.set_context("cloud")
    assert not lab.constraint_hit
    lab.set_control("act2", "copies", 4)
    assert lab.constraint_hit
    lab.set_control("act2", "link_bytes_s", 1e8)
    assert not robot.danger(lab)
    assert lab.constraint_hit
    lab.start_over()
    assert not lab.constraint_hit


def test_a_move_that_leaves_the_failure_does_not_count_as_the_cliff(lab: ToyLab) -> None:
    robot.walk(lab, "act2_explore")
    lab.set_control("act2", "link_bytes_s", 1e8)
    assert not lab.constraint_hit
    assert kinds(lab).count(event_kinds.FAILURE_LEFT) == 1


def test_the_challenge_is_recorded_once_per_context(lab: ToyLab) -> None:
    robot.walk(lab, "act2_explore")
    for copies in (2, 3, 2):
        lab.set_control("act2", "copies", copies)
        lab.set_control("act2", "link_bytes_s", 1e8 if copies == 2 else 1e5)
    assert kinds(lab).count(event_kinds.CHALLENGE_SOLVED) == 1
    lab.set_context("mobile")
    lab.set_control("act2", "link_bytes_s", 7.943e7)
    assert kinds(lab).count(event_kinds.CHALLENGE_SOLVED) == 2


def test_saving_waits_for_the_reflection(lab: ToyLab) -> None:
    for state in STATES[:-1]:
        fresh = robot.walk(ToyLab(robot.memory_ledger()), state)
        with pytest.raises(LabError, match="Finish Act II" if state != "act2_reflect" else "Answer the Act II"):
            fresh.save()
        assert fresh.ledger.all() == {}


def test_saving_asks_every_question_of_the_lab(ledger: DesignLedger) -> None:
    class Asking(ToyLab):
        decision_radio = Radio("What now?", {"psi_alarm": "alarm", "labelled_audit": "audit"})

    lab = Asking(ledger)
    robot.walk(lab, "act2_reflect")
    lab.answer("act2", "A")
    with pytest.raises(LabError, match="Answer the question above the table"):
        lab.save()
    with pytest.raises(LabError, match="is no answer"):
        lab.decide("shrug")
    with pytest.raises(LabError, match="does not ask for"):
        lab.decide("psi_alarm", "mood")
    lab.decide("labelled_audit")
    lab.save()
    assert ledger.all()["ch03"]["act2_decision"] == "labelled_audit"
    again = Asking(ledger)
    assert again.named == {"act2_decision": "labelled_audit"}


def test_a_saved_lab_goes_on_and_saves_again(lab: ToyLab) -> None:
    robot.walk(lab)
    lab.set_control("act2", "copies", 4)
    assert lab.state == "saved"
    lab.save()
    assert lab.ledger.all()["ch03"]["releases_per_year"] == 4


# --- the order of options ---------------------------------------------------------------------------------


def test_numeric_options_ascend_and_others_are_shuffled_once_per_student_and_attempt() -> None:
    orders = set()
    for _ in range(30):
        lab = ToyLab(robot.memory_ledger())
        assert [o.value for o in lab.options_in_order(lab.act1.prediction())] == [0, 7, 80, 180]
        reflection = lab.act1.reflection()
        order = [o.id for o in lab.options_in_order(reflection)]
        assert order == [o.id for o in ToyLab(lab.ledger).options_in_order(reflection)]
        lab.start_over()
        orders |= {tuple(order), tuple(o.id for o in lab.options_in_order(reflection))}
    assert len(orders) > 8


# --- contexts ---------------------------------------------------------------------------------------------


class TwoRanges(Plan):
    """Controls of all kinds: shared, with a range of its own per context, of one context alone."""

    copies = slider("Copies", 1, 4, 1, 1, reason="one copy to four", per_context={"mobile": {"high": 2, "default": 2}})
    careful = choice("Checksums", {"on": "on", "off": "off"}, "on", reason="whether it is compared", only_in=("cloud",))
    __module__ = toy_lab.__name__


class RangesLab(ToyLab):
    acts = (Estimate, TwoRanges)
    contexts = ToyLab.contexts
    __module__ = toy_lab.__name__


def test_each_context_remembers_its_own_controls_and_shares_the_others(ledger: DesignLedger) -> None:
    lab = robot.walk(RangesLab(ledger), "act2_explore")
    assert set(lab.act2.specs) == {"link_bytes_s", "copies", "careful"}
    lab.set_control("act2", "copies", 4)
    lab.set_control("act2", "link_bytes_s", 1e7)
    lab.set_control("act2", "careful", "off")
    lab.set_context("mobile")
    assert lab.act2.values() == {"link_bytes_s": 1e7, "copies": 2}
    with pytest.raises(ControlError, match="there is no control 'careful' in this context"):
        lab.set_control("act2", "careful", "on")
    lab.set_control("act2", "link_bytes_s", 1e6)
    lab.set_control("act2", "copies", 1)
    lab.set_context("cloud")
    assert lab.act2.values() == {"link_bytes_s": 1e6, "copies": 4, "careful": "off"}
    again = RangesLab(ledger)
    lab.keep()
    again = RangesLab(ledger)
    again.set_context("mobile")
    assert again.act2.values() == {"link_bytes_s": 1e6, "copies": 1}


def test_an_unknown_context_is_named(lab: ToyLab) -> None:
    with pytest.raises(LabError, match="context 'moon' is unknown; this lab has cloud, mobile"):
        lab.set_context("moon")
    assert lab.context == "cloud"


def test_a_preset_holds_only_in_the_range_it_was_made_for(ledger: DesignLedger) -> None:
    class Preset(RangesLab):
        __module__ = toy_lab.__name__

        def open(self) -> None:
            self.act2.preset("copies", 3.6, "Lab 02")
            self.act2.preset("link_bytes_s", 1e30, "Lab 02")

    lab = robot.walk(Preset(ledger), "act2_explore")
    assert lab.act2.values() == {"link_bytes_s": 1e8, "copies": 4, "careful": "on"}
    assert lab.act2.preset_source("copies") == "Lab 02"
    lab.set_context("mobile")
    assert lab.act2.copies == 2
    assert lab.act2.preset_source("copies") == ""
    lab.reset_controls("act2")
    assert lab.act2.values() == {"link_bytes_s": 1e8, "copies": 2}
    lab.set_context("cloud")
    lab.reset_controls("act2")
    assert lab.act2.copies == 4


def test_limits_refuse_with_their_reason(ledger: DesignLedger) -> None:
    class Limited(Plan):
        __module__ = toy_lab.__name__

        def limits(self) -> dict[str, Any]:
            return {"copies": {4: "Only three sites."}, "careful": "The tool is missing."}

    class LimitedLab(ToyLab):
        acts = (Estimate, Limited)
        __module__ = toy_lab.__name__

    lab = robot.walk(LimitedLab(ledger), "act2_explore")
    with pytest.raises(ControlError, match=r"Copies: 4 copies is out of reach\. Only three sites\."):
        lab.set_control("act2", "copies", 4)
    with pytest.raises(ControlError, match=r"The tool is missing\."):
        lab.set_control("act2", "careful", "off")
    lab.set_control("act2", "copies", 3)
    assert (lab.act2.copies, lab.act2.careful) == (3, "on")


def test_settle_moves_what_gives_way_before_anything_is_computed(ledger: DesignLedger) -> None:
    seen: list[float] = []

    class Settling(Plan):
        __module__ = toy_lab.__name__

        @classmethod
        def compute(cls, context: str, *, link_bytes_s: float, copies: float = 1, careful: str = "on") -> Any:
            seen.append(copies)
            return Plan.compute(context, link_bytes_s=link_bytes_s, copies=copies, careful=careful)

        def settle(self, values: Any) -> Any:
            return {"copies": 1.0} if values["careful"] == "on" and values["copies"] > 2 else {}

    class SettlingLab(ToyLab):
        acts = (Estimate, Settling)
        __module__ = toy_lab.__name__

    lab = robot.walk(SettlingLab(ledger), "act2_explore")
    lab.set_control("act2", "careful", "off")
    lab.set_control("act2", "copies", 4)
    seen.clear()
    lab.set_control("act2", "careful", "on")
    assert lab.act2.copies == 1
    assert seen == [1]


# --- the ledger -------------------------------------------------------------------------------------------


def test_a_field_must_be_declared_to_be_read(lab: ToyLab) -> None:
    with pytest.raises(LabError, match=r"ToyLab reads ch01\.context without declaring it"):
        lab.read("ch01", "context")
    assert lab.read("ch02", "context") is None


def test_presets_come_from_the_ledger_and_say_so() -> None:
    for seed in range(20):
        ledger = robot.full_ledger(seed)
        entry = ledger.get(2, 1)
        assert entry is not None
        lab = ToyLab(ledger)
        assert lab.context == ("cloud" if entry["context"] == "cloud" else "mobile")
        assert lab.context_source == "Lab 02"
        lab.set_context("cloud" if lab.context == "mobile" else "mobile")
        assert lab.context_source == ""


def test_start_over_clears_the_lab_and_keeps_the_entry_and_the_first_prediction(lab: ToyLab) -> None:
    robot.walk(lab)
    entry = lab.ledger.all()
    lab.start_over()
    assert (lab.attempt, lab.state, lab.predictions, lab.answers, lab.moved) == (2, "briefing", {}, {}, set())
    assert lab.ledger.all() == entry
    assert ToyLab(lab.ledger).state == "briefing"
    robot.walk(lab, turn=2)
    assert lab.ledger.all()["ch03"]["act1_prediction"] == 0
    assert lab.ledger.all()["ch03"]["act1_correct"] is False
    assert lab.ledger.entries()["ch03"].attempts == 2


def test_erasing_removes_every_lab_of_this_student_alone() -> None:
    ledger, other = robot.full_ledger(1), robot.full_ledger(2)
    lab = robot.walk(ToyLab(ledger))
    lab.erase_all()
    assert ledger.all() == {}
    assert len(other.all()) == len(KEYS)
    assert (lab.state, lab.context_source) == ("briefing", "")


# --- resuming ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_a_reload_resumes_where_the_student_was(ledger: DesignLedger, state: str) -> None:
    lab = robot.walk(ToyLab(ledger), state, turn=3)
    lab.set_context("mobile")
    again = ToyLab(ledger)
    assert robot.standing(again) == robot.standing(lab)
    assert again.notices == []
    robot.walk_on(again)
    assert again.state == "saved"


HOSTILE: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e308,
    "",
    "act2_explore",
    "<script>alert(1)</script>",
    "x" * 5000,
    [],
    ["act1", "act1"],
    [[]],
    {},
    {"cloud": {"copies": 99}},
    {"act1": {"cloud": {"link_bytes_s": "1e6", "copies": []}}},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested JSON."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at a place."""
    if not path:
        return new
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return changed


def sound(lab: Lab) -> None:
    """What must hold of every lab, whatever it was restored from."""
    assert lab.state in STATES
    assert lab.context in {context.id for context in lab.contexts}
    for key in robot.ACTS:
        if reached(lab.state, f"{key}_explore"):
            lab.act(key).prediction().gap(lab.predictions[key])
        for name, value in lab.act(key).values().items():
            lab.act(key).specs[name].check(value)
        assert robot.same(lab.act(key).compute(lab.context, **lab.act(key).values()), lab.act(key).outcome)
    assert all(len(notice) < 600 for notice in lab.notices), "a notice repeats what somebody sent"


@pytest.mark.parametrize("state", ["briefing", "act1_reflect", "act2_explore", "saved"])
def test_edited_progress_never_breaks_a_lab(ledger: DesignLedger, state: str) -> None:
    """Each place of what is stored replaced by each hostile value: the lab opens, is sound, and can be finished."""
    lab = robot.walk(ToyLab(ledger), state)
    lab.keep()
    stored, entries = lab.progress(), ledger.all()
    for path in places(stored):
        for value in HOSTILE:
            edited = put(stored, path, value)
            ledger.save_progress(3, 1, state=edited if isinstance(edited, dict) else {"state": edited})
            again = ToyLab(ledger)
            sound(again)
            assert ledger.all() == entries, f"an entry was lost by {path} = {value!r}"
            if again.state not in (lab.state, value):
                assert again.notices, f"{path} = {value!r} was swallowed in silence"


@pytest.mark.parametrize("path", [("state",), ("controls", "act2"), ("predictions", "act1"), ("named",)])
def test_a_lab_restored_from_edited_progress_can_be_finished(ledger: DesignLedger, path: tuple[str, ...]) -> None:
    stored = robot.walk(ToyLab(ledger), "act2_reflect").progress()
    for value in HOSTILE:
        ledger.save_progress(3, 1, state=put(stored, path, value))
        again = ToyLab(ledger)
        robot.walk_on(again)
        assert again.state == "saved"
        again.start_over()


def test_progress_of_another_version_is_not_read(ledger: DesignLedger) -> None:
    stored = robot.walk(ToyLab(ledger)).progress()
    ledger.save_progress(3, 1, state={**stored, "version": PROGRESS_VERSION + 1})
    again = ToyLab(ledger)
    assert again.state == "briefing"
    assert "starts afresh" in again.notices[0]
    assert "Your ledger entries are untouched" in again.notices[0]
    assert ledger.all().keys() == {"ch03"}


def test_a_control_that_is_no_longer_offered_goes_back_to_its_default_and_is_named(ledger: DesignLedger) -> None:
    lab = robot.walk(ToyLab(ledger), "act2_reflect")
    stored = lab.progress()
    stored["controls"]["act2"]["cloud"] |= {"copies": 40, "gone": 1, "careful": "off"}
    ledger.save_progress(3, 1, state=stored)
    again = ToyLab(ledger)
    assert again.state == "act2_reflect"
    assert (again.act2.copies, again.act2.careful) == (1, "off")
    assert len([notice for notice in again.notices if "no longer offered" in notice]) >= 2


def test_a_state_beyond_its_prediction_is_not_believed(ledger: DesignLedger) -> None:
    stored = robot.walk(ToyLab(ledger), "act1_predict").progress()
    ledger.save_progress(3, 1, state={**stored, "state": "saved"})
    again = ToyLab(ledger)
    assert again.state == "briefing"
    assert again.notices


# --- links ------------------------------------------------------------------------------------------------


def test_an_address_leads_back(lab: ToyLab) -> None:
    robot.walk(lab, "act2_explore")
    lab.set_context("mobile")
    lab.set_control("act2", "copies", 3)
    assert lab.address() == {"context": "mobile", "act1.link_bytes_s": "100000.0", "act2.copies": "3"}
    other = robot.walk(ToyLab(robot.memory_ledger()), "act2_explore")
    other.follow(lab.address().items())
    assert other.notices == []
    assert (other.context, other.act2.values()) == ("mobile", lab.act2.values())


def test_an_address_shows_no_controls_before_they_are_unlocked(lab: ToyLab) -> None:
    lab.follow([("act2.copies", "3")])
    assert lab.address() == {"context": "cloud"}


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("context", "moon", "context 'moon' is unknown"),
        ("context", "", "context '' is unknown"),
        ("act1.speed", "3", "there is no control 'speed'"),
        ("act2.", "3", "there is no control ''"),
        ("act2.copies", "40", "outside 1 copy to 4 copies"),
        ("act2.copies", "-1", "outside 1 copy to 4 copies"),
        ("act2.copies", "nan", "is not a number"),
        ("act2.copies", "inf", "is not a number"),
        ("act2.copies", "1e999", "is not a number"),
        ("act2.copies", "", "is not a number"),
        ("act2.copies", "<script>alert(1)</script>", "is not a number"),
        ("act2.careful", "<img src=x onerror=alert(1)>", "is not an option"),
        ("act2.careful", "ON", "is not an option"),
        ("context", "<svg onload=alert(1)>", "is unknown"),
    ],
)
def test_a_bad_link_is_named_and_the_rest_holds(lab: ToyLab, name: str, text: str, complaint: str) -> None:
    robot.walk(lab, "act2_explore")
    before = lab.ledger.events(3, 1)
    lab.follow([(name, text), ("act1.link_bytes_s", "1e7"), ("act2.careful", "off")][: 2 if "careful" in name else 3])
    assert len(lab.notices) == 1
    assert complaint in lab.notices[0]
    assert "was ignored there" in lab.notices[0]
    assert (lab.context, lab.act1.link_bytes_s, lab.act2.copies) == ("cloud", 1e7, 1)
    assert lab.ledger.events(3, 1) == before


def test_what_a_link_says_is_quoted_as_text_and_not_at_length(lab: ToyLab) -> None:
    """The page sets notices as text; they quote at most forty characters of what a stranger wrote."""
    lab.follow([("act2.copies", "x" * 9000), ("act2." + "y" * 9000, "1"), ("context", "z" * 9000)])
    assert len(lab.notices) == 3
    assert all(len(notice) < 400 for notice in lab.notices)


def test_a_link_may_carry_other_things(lab: ToyLab) -> None:
    lab.follow([("theme", "dark"), ("token", "abc"), ("act3.copies", "2")])
    assert lab.notices == []


def test_a_link_loses_nothing_of_a_student_who_is_on_the_way(lab: ToyLab) -> None:
    robot.walk(lab, "act2_reflect")
    before = robot.standing(lab)
    lab.follow([("context", "mobile"), ("act2.copies", "2")])
    after = robot.standing(lab)
    for part in ("state", "predictions", "answers", "moved", "attempt", "constraint_hit"):
        assert after[part] == before[part]


def test_a_context_from_a_link_is_not_said_to_come_from_the_ledger() -> None:
    ledger = robot.full_ledger(3)
    lab = ToyLab(ledger)
    other = "mobile" if lab.context == "cloud" else "cloud"
    lab.follow([("context", other)])
    assert (lab.context, lab.context_source) == (other, "")


def test_contexts_of_a_lab_come_from_its_own_class() -> None:
    """Two labs that share an act class would share its contexts; each lab has acts of its own."""
    assert Estimate.contexts == ToyLab.contexts
    assert Context("cloud", "Cloud", "cloud") == ToyLab.contexts[0]
    assert Option("A", "a", "b").saved is None
