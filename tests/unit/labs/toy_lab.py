"""A small lab that keeps every rule, under the key of V1-03; tests break one thing of it at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.controls import choice, log_slider, slider
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric
from components.quantity import number
from labs.base import (
    Act,
    ChoicePrediction,
    Constraint,
    Context,
    Failure,
    Lab,
    Message,
    NumberPrediction,
    Option,
    Peek,
    Question,
    Reading,
    Table,
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics

DAY_S = 86400.0
ARCHIVE = scenario("archive_bytes", 6.912e12, "B", "what has to be moved", "the toy's story")
LATENCY = {"cloud": 0.0, "mobile": 5 * DAY_S}
LIMIT = scenario("limit_days", 30, "day", "longest acceptable move", "the toy's story")
LEAST = scenario("least_copies", 2, "1", "copies that must arrive", "the toy's story")


@dataclass(frozen=True)
class Move:
    """One move of the archive: its terms (s), the whole (days), and the copies moved."""

    wire_s: float
    wait_s: float
    days: float
    copies: float


def move(context: str, link_bytes_s: float, copies: float = 1) -> Move:
    """The archive over a link, as often as there are copies."""
    wire = physics.transfer_time(ARCHIVE.value * copies, link_bytes_s, 0.0)
    return Move(wire, LATENCY[context], (wire + LATENCY[context]) / DAY_S, copies)


class Estimate(Act):
    """Act I: how long the move takes."""

    title = "How long is the move?"
    minutes = 13

    link_bytes_s = log_slider(
        "Link", 1e5, 1e8, 10, 1e6, unit="MB/s", scale=1e-6, reason="an old phone line to a leased line"
    )

    @classmethod
    def compute(cls, context: str, *, link_bytes_s: float) -> Move:
        return move(context, link_bytes_s)

    def message(self) -> Message:
        return Message("Archivist, a museum", f"We have {ARCHIVE.value / 1e12:.1f} TB and a line. When are we done?")

    def concept(self) -> str:
        return "A link moves $D$ bytes in $D/B$ seconds."

    def from_ledger(self) -> str:
        loop = self.lab.read("ch02", "act2_result")
        return f"In Lab 02 your loop took {number(loop)} ms." if loop is not None else ""

    def prediction(self) -> ChoicePrediction:
        actual = move("cloud", 1e6).days
        return ChoicePrediction(
            "How many days does the move take at 1 MB/s?",
            (
                Option("A", "None: it is done today", "Bytes take time.", value=0, saved=0),
                Option("B", "A week", "That is the time at ten times the rate.", value=7, saved=7),
                Option("C", "About 80 days", "Bytes over rate.", value=80, saved=80, correct=True),
                Option("D", "Half a year", "That is two copies.", value=180, saved=180),
            ),
            actual=actual,
            form=lambda days: f"{days:.0f} days",
            difference=True,
            why=f"{ARCHIVE.value / 1e6:,.0f} MB at one a second are {actual:.0f} days.",
        )

    def plots(self, outcome: Move) -> dict[str, Any]:
        flag = Limit((self.predicted() or 0) * 24, "your prediction", "series-2")
        bar = Bar("move", {"wire": outcome.wire_s, "wait": outcome.wait_s})
        caption = f"{outcome.days:.1f} days."
        return {
            "terms": latency_waterfall(
                [bar], title="The move", limits=[flag], unit="h", scale=1 / 3600, caption=caption
            )
        }

    def metrics(self, outcome: Move) -> list[Metric]:
        return [Metric("Move", number(outcome.days), "days")]

    def reflection(self) -> Question:
        return Question(
            "Twice the rate: what changes?",
            (
                Option("A", "Half the wire time", "Rate divides bytes.", correct=True),
                Option("B", "Half the wait", "The wait does not know the rate."),
                Option("C", "Nothing", "Then rate would not matter."),
                Option("D", "Twice the time", "That is twice the bytes."),
            ),
        )

    def peek(self) -> Peek:
        return Peek(("transfer_time",), "Stops at the speed of light.")


class Plan(Estimate):
    """Act II: more copies in time."""

    title = "Two copies by the end of the month"
    minutes = 24

    copies = slider("Copies", 1, 4, 1, 1, unit="copies", reason="one copy to a copy per continent")
    careful = choice("Checksums", {"on": "on", "off": "off"}, "on", reason="whether what arrives is compared")

    @classmethod
    def compute(cls, context: str, *, link_bytes_s: float, copies: float = 1, careful: str = "on") -> Move:
        return move(context, link_bytes_s, copies * (2 if careful == "on" else 1))

    def prediction(self) -> NumberPrediction:
        def feedback(rate: float) -> str:
            if self.prediction().correct(rate):
                return "Bytes over time."
            return "Too fast: money for nothing." if rate > self.prediction().actual else "Too slow: it is never done."

        actual = ARCHIVE.value * LEAST.value / (LIMIT.value * DAY_S) / 1e6
        return NumberPrediction(
            "Which rate moves two copies in time?", 0, 20, 0.1, "MB/s", actual, 0.2, feedback, "So."
        )

    def challenge(self) -> str:
        return f"Move {LEAST.value:g} copies within **{LIMIT.value:g} days**."

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(f"Move ≤ {LIMIT.value:g} d", lambda o: at_most(o.days, LIMIT.value)),
            Constraint(f"Copies ≥ {LEAST.value:g}", lambda o: at_least(o.copies, LEAST.value)),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure(
                "late",
                "TOO LATE:",
                when=lambda o: not at_most(o.days, LIMIT.value),
                text=lambda o: f"{o.days:.1f} days, limit {LIMIT.value:g}.",
            ),
        )

    def tables(self, outcome: Move) -> list[Table]:
        return [Table("Terms", ("", "days"), (("wire", number(outcome.wire_s / DAY_S)),))]


class ToyLab(Lab):
    """A move of an archive."""

    volume, number, slug = 1, 3, "lab_03_toy"
    title = "The move"
    question = "What does a move wait for?"
    chapter = "Toys"
    invariant = "Bytes over rate."
    contexts = (Context("cloud", "Cloud", "cloud"), Context("mobile", "Mobile", "mobile"))
    acts = (Estimate, Plan)
    briefing = "A move of an archive."
    reading = (Reading("Toys", "bytes over rate"),)
    assumptions = "- The line never breaks."
    constants = (ARCHIVE, LIMIT, LEAST)
    reads = (("ch02", "context"), ("ch02", "act2_result"))

    def open(self) -> None:
        origin = self.read("ch02", "context")
        if origin is not None:
            self.start_in("cloud" if origin == "cloud" else "mobile", "Lab 02")

    def result(self) -> float:
        return self.act2.outcome.days

    def decision(self) -> str:
        return "psi_alarm" if self.act2.constraints_met() else "operational_only"

    def extras(self) -> dict[str, Any]:
        return {"releases_per_year": self.act2.copies, "loop_latency_days": None, "psi_threshold": None}

    def solution(self, context: str) -> dict[str, Any]:
        return {"link_bytes_s": 1e8, "copies": 2}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"copies": 4}
