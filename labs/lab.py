"""A lab: two acts, a context, a state machine and a ledger. Knows no screen."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import param

from components.controls import ControlError, brief
from components.report import Report, ReportDesign
from labs.act import Act
from labs.content import Context, Design, Note, NumberPrediction, Option, Question, Radio, Reading
from labs.score import score, standing_of
from labs.states import STATES, reached
from ledger import DesignLedger, contract_of, entry_key, parse_key
from mlsysim.core.provenance import Constant

#: Layout of what `progress` stores; another version is not read.
PROGRESS_VERSION = 1


class LabError(ValueError):
    """Something was asked of a lab that its state does not allow."""


class Lab(param.Parameterized):
    """One student's run through one lab.

    Subclasses declare the class attributes below and `result`, `decision`, `extras`; `open` may preset the
    context and controls from earlier labs. Every change goes through a method that keeps the ledger's record,
    so that a reload, a lost connection or a restart of the server resumes at the same point.
    """

    context = param.String(doc="Id of the context on screen.")
    state = param.Selector(default=STATES[0], objects=list(STATES), doc="Where the student stands.")
    revision = param.Integer(default=0, doc="Counts answers, decisions, saves and fresh starts.")

    volume: ClassVar[int]
    number: ClassVar[int]
    slug: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    invariant: ClassVar[str]
    chapter: ClassVar[str]
    contexts: ClassVar[tuple[Context, ...]]
    acts: ClassVar[tuple[type[Act], type[Act]]]
    briefing: ClassVar[str]
    reading: ClassVar[tuple[Reading, ...]]
    constants: ClassVar[tuple[Constant, ...]]
    assumptions: ClassVar[str]
    instructor_notes: ClassVar[str] = ""

    #: Ledger fields of other labs that this one reads: (key, field).
    reads: ClassVar[tuple[tuple[str, str], ...]] = ()
    #: The decision that the student names when saving; without it `decision` derives it from the controls.
    decision_radio: ClassVar[Radio | None] = None
    #: Further questions asked when saving, for ledger fields that no control gives: field to question.
    asks: ClassVar[Mapping[str, Radio]] = {}
    #: How to work with a lab, in the briefing of the lab that teaches it: the first note large, the others beside it.
    guide: ClassVar[tuple[Note, ...]] = ()
    #: Whether the ledger entry counts the controls of every context and not only of the one on screen.
    counts_every_context: ClassVar[bool] = False
    #: Whether the reading is a prerequisite or an offer.
    reading_required: ClassVar[bool] = True

    # --- what an author writes -----------------------------------------------------------------------------

    def open(self) -> None:
        """Presets from earlier labs, once per attempt: `start_in`, `act1.preset`, `act2.preset`."""

    def result(self) -> float | None:
        """The key outcome of Act II as the ledger records it."""
        raise NotImplementedError

    def decision(self) -> str:
        """The design's name in the ledger's vocabulary, from the controls of Act II."""
        raise NotImplementedError

    def extras(self) -> Mapping[str, Any]:
        """The lab's own ledger fields."""
        return {}

    def report(self) -> Report | None:
        """A page that a student can print or save, offered in the Ledger tab; none by default."""
        return None

    def report_design(self) -> ReportDesign | None:
        """The part of the report that depends on the controls of Act II."""
        return None

    def eligible(self, outcome: Any) -> bool:
        """Whether a design of Act II with this outcome may become `last_design`; every design is by default.

        For labs whose ledger entry is about the last design of a kind ("the last one that ran") and not about
        the controls at the moment of saving: their `result`, `decision` and `extras` read `last_design`.
        """
        return True

    def solution(self, context: str) -> Mapping[str, Any] | None:
        """Controls of Act II that solve the challenge in `context`; None where no design passes."""
        raise NotImplementedError

    def breaking(self, context: str) -> Mapping[str, Any] | None:
        """Controls of Act II that trigger a red failure banner in `context`; None where none can."""
        raise NotImplementedError

    # --- life ----------------------------------------------------------------------------------------------

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for key, act in zip(("act1", "act2"), getattr(cls, "acts", ()), strict=False):
            act.contexts, act.key = cls.contexts, key

    def __init__(self, ledger: DesignLedger) -> None:
        super().__init__(context=self.contexts[0].id)
        self.ledger = ledger
        self.notices: list[str] = []
        #: Whether the class decides when this student sees what follows the locked prediction of Act I.
        self.held = False
        self._begin()
        stored = ledger.progress(self.number, self.volume)
        if stored is None:
            self.open()
            self._record("opened", {})
        else:
            self._restore(stored)

    @classmethod
    def key(cls) -> str:
        """Key of the lab's ledger entry: ch02, v2_05."""
        return entry_key(cls.volume, cls.number)

    @classmethod
    def minutes(cls) -> int:
        """Minutes of both acts together."""
        return sum(act.minutes for act in cls.acts)

    def _begin(self) -> None:
        self.attempt = self.ledger.attempt(self.number, self.volume)
        self.predictions: dict[str, Any] = {}
        #: Whether each locked prediction is right, by act.
        self.correct: dict[str, bool] = {}
        self.answers: dict[str, str] = {}
        self.moved: set[str] = set()
        self.constraint_hit = False
        self.named: dict[str, str] = {}
        self.solved: set[str] = set()
        self._failing: frozenset[str] = frozenset()
        self._context_source = ""
        #: The latest eligible design that was on screen since Act II opened; survives a reload.
        self.last_design: Design | None = None
        self.act1, self.act2 = (act(self) for act in self.acts)

    @property
    def active_context(self) -> Context:
        """The context on screen."""
        return next(context for context in self.contexts if context.id == self.context)

    def act(self, key: str) -> Act:
        """The act with key "act1" or "act2"."""
        return {"act1": self.act1, "act2": self.act2}[key]

    # --- the ledger of earlier labs -------------------------------------------------------------------------

    def read(self, key: str, field: str) -> Any:
        """A field of an earlier lab's entry; None where there is none or it is damaged. Declare it in `reads`."""
        if (key, field) not in self.reads:
            raise LabError(f"{type(self).__name__} reads {key}.{field} without declaring it in `reads`")
        volume, chapter = parse_key(key)
        entry = self.ledger.get(chapter, volume)
        return None if entry is None else entry.get(field)

    def start_in(self, context: str, source: str) -> None:
        """Opens the lab in `context` because `source` ("Lab 01") says so; shown beside the toggle."""
        self._switch(context)
        self._context_source = source

    @property
    def context_source(self) -> str:
        """Which earlier lab preset the toggle; empty if none did."""
        return self._context_source

    # --- what a student does -------------------------------------------------------------------------------

    def set_context(self, context: str) -> None:
        """The toggle."""
        if context == self.context:
            return
        self._switch(context)
        self._context_source = ""
        self._watch_failures(moved=False)
        self.keep()

    def _switch(self, context: str) -> None:
        if context not in {known.id for known in self.contexts}:
            raise LabError(
                f"context {brief(context)} is unknown; this lab has {', '.join(c.id for c in self.contexts)}"
            )
        left, self.context = self.context, context
        for act in (self.act1, self.act2):
            act._enter_context(context, left=left)

    def begin_act1(self) -> None:
        """Opening the first act."""
        if self.state == "briefing":
            self.state = "act1_predict"
            self.keep()

    def lock(self, key: str, value: Any) -> None:
        """Locks a prediction: an option's id, or a number in the question's range."""
        if self.state != f"{key}_predict":
            raise LabError(
                "this prediction is locked already" if key in self.predictions else "this act is not open yet"
            )
        correct = self._judge(key, value)
        self.predictions[key], self.correct[key] = value, correct
        self.state = f"{key}_explore"
        self._record(
            "prediction_locked",
            {"act": key, "prediction": self.ledger_value(key, value), "correct": correct, "context": self.context},
        )
        self._watch_failures(moved=False)

    def revise(self, value: Any, round_number: int) -> None:
        """Enters a second vote on Act I in a class round, in place of an earlier one. The locked prediction stays."""
        if not self.held:
            raise LabError("the class is not voting a second time")
        data = {
            "act": "act1",
            "prediction": self.ledger_value("act1", value),
            "correct": self._judge("act1", value),
            "round": round_number,
        }
        self._record("prediction_revised", data)

    def _judge(self, key: str, value: Any) -> bool:
        """Whether a prediction is right; LabError or ValueError for one that the question does not take."""
        prediction = self.act(key).prediction()
        if isinstance(prediction, NumberPrediction):
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not prediction.low <= value <= prediction.high
            ):
                raise LabError(f"enter a number from {prediction.low:g} to {prediction.high:g} {prediction.unit}")
            return prediction.correct(value)
        return prediction.option(value).correct

    def set_control(self, key: str, name: str, value: Any) -> None:
        """Moves a control; the first move of an act opens its reflection."""
        self._check_instruments(key)
        self.act(key).set(name, value)
        self._moved(key)

    def reset_controls(self, key: str) -> None:
        """Puts the controls of an act back to their defaults; where they are there already, nothing was moved."""
        self._check_instruments(key)
        act = self.act(key)
        before = act.values()
        act.reset()
        if act.values() != before:
            self._moved(key)

    def _check_instruments(self, key: str) -> None:
        if not reached(self.state, f"{key}_explore"):
            raise LabError("lock your prediction first: the controls come with the instruments")
        if self.held:
            raise LabError("wait for the class: the instruments open for everybody at once")

    def _moved(self, key: str) -> None:
        first = key not in self.moved
        self.moved.add(key)
        self._watch_failures(moved=key == "act2")
        if key == "act2" and self.act2.constraints_met() and self.context not in self.solved:
            self.solved.add(self.context)
            met = {"context": self.context, "controls": self.act2.values(), "result": self.result()}
            self._record("challenge_solved", met)
        if self.state == f"{key}_explore":
            self.state = f"{key}_reflect"
        if first:
            self._record("control_first_moved", {"act": key})

    def note_design(self) -> None:
        """Takes the design on screen as `last_design`, if it is eligible."""
        if reached(self.state, "act2_explore") and self.eligible(self.act2.outcome):
            self.last_design = Design(self.context, self.act2.values(), self.act2.outcome)

    def _watch_failures(self, moved: bool) -> None:
        self.note_design()
        failing = self._failing_now()
        for failure in failing - self._failing:
            self._record("failure_entered", {"failure": failure, "context": self.context})
        for failure in self._failing - failing:
            self._record("failure_left", {"failure": failure, "context": self.context})
        self._failing = failing
        # A start setting that fails, or the toggle alone, does not count as having explored the cliff.
        self.constraint_hit = self.constraint_hit or (moved and bool(failing))

    def _failing_now(self) -> frozenset[str]:
        if not reached(self.state, "act2_explore"):
            return frozenset()
        return frozenset(failure.id for failure in self.act2.active_failures() if failure.severity == "danger")

    def answer(self, key: str, option_id: str) -> None:
        """Answers a reflection; right or wrong, the way on is open."""
        if not reached(self.state, f"{key}_reflect"):
            raise LabError("move at least one control first")
        option = self.act(key).reflection().option(option_id)
        self.answers[key] = option_id
        if key == "act1" and self.state == "act1_reflect":
            self.state = "act2_predict"
        self._record("reflection_answered", {"act": key, "answer": option_id, "correct": option.correct})
        self.revision += 1

    @classmethod
    def questions(cls) -> dict[str, Radio]:
        """What a student is asked when saving, by ledger field: the decision, where it is named, and `asks`."""
        decision = {} if cls.decision_radio is None else {"act2_decision": cls.decision_radio}
        return {**decision, **cls.asks}

    def decide(self, answer: str, field: str = "act2_decision") -> None:
        """Answers a question asked when saving; without `field`, names the decision of the design."""
        self._check_named(field, answer)
        self.named[field] = answer
        self.keep()
        self.revision += 1

    def _check_named(self, field: str, answer: str) -> None:
        question = self.questions().get(field)
        if question is None:
            raise LabError(f"this lab does not ask for {brief(field)}")
        if answer not in question.options:
            raise LabError(f"{brief(answer)} is no answer to {question.question!r}")

    def missing_to_save(self) -> str:
        """What still has to be done before saving; empty when nothing."""
        if not reached(self.state, "act2_reflect"):
            return "Finish Act II up to its reflection first."
        if "act2" not in self.answers:
            return "Answer the Act II reflection first."
        if missing := [field for field in self.questions() if field not in self.named]:
            return f"Answer the question{'s' if len(missing) > 1 else ''} above the table first."
        return ""

    def design(self) -> dict[str, Any]:
        """The ledger entry for the controls of Act II as they stand, with the first prediction ever made."""
        first = self.ledger.first_prediction(self.number, self.volume) or self._locked_first()
        return {
            "context": self.context,
            "act1_prediction": first["prediction"],
            "act1_correct": first["correct"],
            "act2_result": self.result(),
            "act2_decision": self.named.get("act2_decision") if self.decision_radio else self.decision(),
            "constraint_hit": self.constraint_hit,
            **self.extras(),
            **{field: self.named.get(field) for field in self.asks},
        }

    def _locked_first(self) -> dict[str, Any]:
        """The prediction of this run, where the log does not know the first one: it came from a file without a log."""
        if "act1" not in self.predictions:
            return {"prediction": None, "correct": None}
        return {"prediction": self.ledger_value("act1", self.predictions["act1"]), "correct": self.correct["act1"]}

    def save(self) -> None:
        """Writes the entry; returns once it is on disk."""
        if missing := self.missing_to_save():
            raise LabError(missing)
        self.state = "saved"
        self.ledger.save(
            chapter=self.number,
            volume=self.volume,
            design=self.design(),
            attempts=self.attempt,
            progress=self.progress(),
            score=score(standing_of(self)),
        )
        self.revision += 1

    def start_over(self) -> None:
        """Clears the lab and counts an attempt; the first attempt's prediction stays."""
        self.ledger.start_over(self.number, self.volume)
        self._afresh()

    def _afresh(self) -> None:
        self.context, self.state, self.notices = self.contexts[0].id, STATES[0], []
        self._begin()
        self.open()
        self.revision += 1

    def resume(self) -> bool:
        """Takes up the progress that an import has put in place of this run's own; says whether there was any."""
        stored = self.ledger.progress(self.number, self.volume)
        if stored is None or stored == self.progress():
            return False
        self.context, self.state, self.notices = self.contexts[0].id, STATES[0], []
        self._begin()
        self._restore(stored)
        self.revision += 1
        return True

    def erase_all(self) -> None:
        """Removes every entry and all progress of this student, of all labs. The log of events stays."""
        self.ledger.reset_all()
        self._afresh()

    # --- questions ------------------------------------------------------------------------------------------

    def options_in_order(self, question: Question) -> list[Option]:
        """A question's options as shown: numeric ones ascending, others shuffled once per attempt and student."""
        if (ascending := question.ascending()) is not None:
            return ascending
        options = list(question.options)
        seed = f"{self.ledger.student_id}/{self.key()}/{self.attempt}/{question.question}"
        random.Random(seed).shuffle(options)
        return options

    def ledger_value(self, key: str, value: Any) -> Any:
        """A prediction as the ledger keeps it: a number where its contract asks for one, else the option's id."""
        prediction = self.act(key).prediction()
        words = key == "act1" and contract_of(self.key()).fields["act1_prediction"].type == "word"
        if isinstance(prediction, NumberPrediction) or words:
            return value
        recorded = prediction.option(value).recorded
        return value if recorded is None else recorded

    # --- keeping --------------------------------------------------------------------------------------------

    def progress(self) -> dict[str, Any]:
        """Everything that a reload needs, as JSON."""
        return {
            "version": PROGRESS_VERSION,
            "state": self.state,
            "context": self.context,
            "context_source": self._context_source,
            "predictions": self.predictions,
            "answers": self.answers,
            "moved": sorted(self.moved),
            "constraint_hit": self.constraint_hit,
            "named": dict(self.named),
            "solved": sorted(self.solved),
            "controls": {act.key: act.remembered() for act in (self.act1, self.act2)},
            "last_design": self.last_design
            and {"context": self.last_design.context, "controls": dict(self.last_design.controls)},
        }

    def _restore(self, stored: Mapping[str, Any]) -> None:
        """Resumes. What was stored may come from a file that somebody edited: it is believed only whole."""
        try:
            if stored["version"] != PROGRESS_VERSION:
                raise LabError(f"it is of version {brief(stored['version'])}, this lab reads {PROGRESS_VERSION}")
            self._take_up(stored)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            self.context, self.state = self.contexts[0].id, STATES[0]
            self._begin()
            self.open()
            self.notices = [
                f"What was stored of this lab cannot be resumed ({str(problem)[:200]}); it starts afresh. "
                "Your ledger entries are untouched."
            ]

    def _take_up(self, stored: Mapping[str, Any]) -> None:
        self.open()
        self._switch(stored["context"])
        self._context_source = str(stored["context_source"])
        self.answers, self.predictions = dict(stored["answers"]), dict(stored["predictions"])
        for key, value in self.predictions.items():
            self.correct[key] = self._judge(key, value)
        for key, option_id in self.answers.items():
            self.act(key).reflection().option(option_id)
        for key, milestone in (("act1", "act1_explore"), ("act2", "act2_explore")):
            if reached(stored["state"], milestone) and key not in self.predictions:
                raise LabError(f"state {stored['state']} without a prediction in {key}")
        self.moved = {key for key in stored["moved"] if self.act(key)}
        self.solved = {context.id for context in self.contexts} & set(stored["solved"])
        self.constraint_hit = bool(stored["constraint_hit"])
        self.named = dict(stored["named"])
        for field, answer in self.named.items():
            self._check_named(field, answer)
        for key, remembered in stored["controls"].items():
            self.notices += self.act(key).restore(remembered)
        self.state = stored["state"]
        self._failing = self._failing_now()
        self._recall_design(stored.get("last_design"))
        self.note_design()

    def _recall_design(self, stored: Mapping[str, Any] | None) -> None:
        if stored is None:
            return
        try:
            context, controls = stored["context"], dict(stored["controls"])
            for name, spec in self.act2.controls_in(context).items():
                spec.check(controls[name])
            outcome = self.act2.compute(context, **controls)
        except (KeyError, TypeError, ValueError):
            self.notices.append("The last design that was noted of Act II is no longer offered, and was dropped.")
            return
        if self.eligible(outcome):
            self.last_design = Design(context, controls, outcome)

    def keep(self) -> None:
        """Stores where the student stands. The page calls it when controls come to rest, not for every step."""
        self.ledger.save_progress(self.number, self.volume, state=self.progress())

    def _record(self, kind: str, data: Mapping[str, Any]) -> None:
        """An event and the state it left behind, in one transaction."""
        self.ledger.record(kind, self.number, self.volume, dict(data), attempt=self.attempt, progress=self.progress())

    # --- links ----------------------------------------------------------------------------------------------

    def address(self) -> dict[str, str]:
        """The query that leads back to this context and these controls."""
        query = {"context": self.context}
        for act in (self.act1, self.act2):
            if reached(self.state, f"{act.key}_explore"):
                query |= {
                    f"{act.key}.{name}": str(value)
                    for name, value in act.values().items()
                    if value != act.default(name)
                }
        return query

    def follow(self, query: Iterable[tuple[str, str]]) -> None:
        """Takes context and controls from an address. What does not fit is named in `notices`; the rest holds.

        An address names the controls that differ from their defaults: those of the same act that it leaves out
        go back to theirs, so that a link shows everybody the same.
        """
        waiting = sorted(query, key=lambda pair: pair[0] != "context")
        named = {name.partition(".")[0] for name, _ in waiting}
        for act in (self.act1, self.act2):
            if act.key in named:
                act.reset()
        while waiting:
            # A value that is out of reach may come into reach when others have been taken: ask again until none is.
            refused = {pair: problem for pair in waiting if (problem := self._follow_one(*pair))}
            if len(refused) == len(waiting):
                self.notices += (
                    f"The link asked for something this lab does not have, and was ignored there: {problem}"
                    for problem in refused.values()
                )
                break
            waiting = list(refused)
        self.note_design()

    def _follow_one(self, name: str, text: str) -> str:
        """Takes one part of an address; returns why it cannot, or nothing."""
        try:
            if name == "context" and text != self.context:
                self._switch(text)
                self._context_source = ""
            key, _, control = name.partition(".")
            if key in ("act1", "act2"):
                specs = self.act(key).specs
                if control not in specs:
                    raise ControlError(f"there is no control {brief(control)}; there are {', '.join(specs)}")
                self.act(key).set(control, specs[control].parse(text))
        except (ControlError, LabError) as problem:
            return str(problem)
        return ""
