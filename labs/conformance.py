"""What every lab of the course must keep to, checked by walking the student robot through it.

`check_lab` drives a lab through its public methods on a ledger in memory and reports what breaks a rule. Rules 1
to 10 are the course's; 11 and 12 hold what a student can do at every stop of every control. The rules themselves
are in `labs.conformance_content` and `labs.conformance_run`, one function each; the robot is `labs.robot`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from components.quantity import counted
from labs import conformance_content as content
from labs import conformance_run as run
from labs.catalog import name_of
from labs.conformance_content import Found
from labs.lab import Lab

#: Findings of one rule that are listed; the rest are counted.
LISTED = 8


@dataclass(frozen=True)
class Rule:
    """One rule: a title, and what looks for breaches."""

    title: str
    check: Callable[[type[Lab]], Iterator[Found]]


RULES: dict[int, Rule] = {
    1: Rule("two acts in 35 to 40 minutes", content.two_acts),
    2: Rule("predict first: four options with one right, or a bounded number, locked once", content.predict_first),
    3: Rule("the overlay shows predicted, actual, and their exact ratio or difference", content.overlay),
    4: Rule("a failure to trigger and reverse, a challenge to solve", run.failure_and_challenge),
    5: Rule("contexts that change the outcome", content.contexts_differ),
    6: Rule("no instrument before its chapter", content.instruments_introduced),
    7: Rule("every constant has a source, every range a reason", content.sources_and_reasons),
    8: Rule("a math peek in every act, from registered formulas that it runs", content.math_peek),
    9: Rule("feedback for every option of every question", content.feedback),
    10: Rule("one ledger entry as the contract says, and nothing lost", run.ledger_entry),
    11: Rule("every stop of every control computes and shows", run.every_state),
    12: Rule("the same controls, the same outcome: links, evaluate, repetition", run.same_outcome),
}


@dataclass(frozen=True)
class Finding:
    """One breach of a rule."""

    rule: int
    found: str
    right: str

    def __str__(self) -> str:
        return f"rule {self.rule} ({RULES[self.rule].title}):\n    found: {self.found}\n    right: {self.right}"


@dataclass(frozen=True)
class Report:
    """What the robot found in one lab."""

    lab: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the lab keeps every rule that was checked."""
        return not self.findings

    def __str__(self) -> str:
        if self.passed:
            return f"{self.lab}: keeps every rule"
        count = counted(len(self.findings), "findings")
        return f"{self.lab}: {count}" + "".join(f"\n  {finding}" for finding in self.findings)


def check_lab(lab: type[Lab], rules: Iterable[int] | None = None) -> Report:
    """Every breach of the rules (all by default) in a lab. A rule that the lab makes crash is a breach of it."""
    findings: list[Finding] = []
    for number in RULES if rules is None else rules:
        found: dict[str, str] = {}
        try:
            for what, right in RULES[number].check(lab):
                found.setdefault(what, right)
        except Exception as problem:
            crash = f"{type(problem).__name__} at {_place_of(problem, lab)}: {problem}"
            found[crash] = "a lab through which the robot walks without an error"
        listed = list(found.items())
        if len(listed) > LISTED:
            listed[LISTED:] = [(f"{len(listed) - LISTED} findings more of this rule", "see the first ones")]
        findings += [Finding(number, what, right) for what, right in listed]
    return Report(f"{name_of(lab)} {lab.slug}", tuple(findings))


def check_labs(labs: Iterable[type[Lab]], rules: Iterable[int] | None = None) -> list[Report]:
    """A report for every lab."""
    chosen = None if rules is None else tuple(rules)
    return [check_lab(lab, chosen) for lab in labs]


def _place_of(problem: Exception, lab: type[Lab]) -> str:
    """The innermost line of the lab's own file that an error passed through; else where it was raised."""
    path = sys.modules[lab.__module__].__file__
    lines = []
    trace = problem.__traceback__
    while trace is not None:
        lines.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    file, line = next((place for place in reversed(lines) if place[0] == path), lines[-1])
    return f"{file.rpartition('/')[2]}:{line}"
