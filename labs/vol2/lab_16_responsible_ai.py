"""V2-16 No Threshold Is Fair to Everyone.

Act I: two groups with unequal base rates, and three ratios of their error rates whose product no order can change. Act
II: one score, two cut-offs and an audit; once where a score must mean the same for everyone, once where nobody's good
applicants may be refused more often.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from components.controls import Shortcuts, choice, slider, stops
from components.instruments.fairness import Confusion, confusion_mosaics
from components.instruments.impossibility import (
    Criterion,
    CriterionPlane,
    Flagging,
    Scored,
    Shared,
    audit_clock,
    criterion_map,
    fairness_triangle,
    price_tags,
    rate_plane,
    ratio_bars,
    regulated_gaps,
    score_distributions,
)
from components.instruments.layers import Plot
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric, held
from components.quantity import counted, percent, plain
from labs.base import (
    Act,
    ChoicePrediction,
    Constraint,
    Context,
    Failure,
    Lab,
    Message,
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
from mlsysim.core import constants as c

Array = npt.NDArray[np.float64]

ACCURACY = Context("accuracy", "Accuracy regime", "cloud", "A flag must mean the same for everyone; one cut-off.")
EQUITY = Context("equity", "Equity regime", "tiny", "Errors must hit both groups alike; each may have its cut-off.")

CHAPTER = "Responsible AI"
AUDIT = "Angwin et al. 2016 (ProPublica, two-year outcomes)"
G1_TP = scenario("g1_tp", 1369, "count", "group 1: re-arrested and flagged", AUDIT, "paper")
G1_FP = scenario("g1_fp", 805, "count", "group 1: not re-arrested, flagged", AUDIT, "paper")
G1_FN = scenario("g1_fn", 532, "count", "group 1: re-arrested, not flagged", AUDIT, "paper")
G1_TN = scenario("g1_tn", 990, "count", "group 1: not re-arrested, not flagged", AUDIT, "paper")
G2_TP = scenario("g2_tp", 505, "count", "group 2: re-arrested and flagged", AUDIT, "paper")
G2_FP = scenario("g2_fp", 349, "count", "group 2: not re-arrested, flagged", AUDIT, "paper")
G2_FN = scenario("g2_fn", 461, "count", "group 2: re-arrested, not flagged", AUDIT, "paper")
G2_TN = scenario("g2_tn", 1139, "count", "group 2: not re-arrested, not flagged", AUDIT, "paper")
COUNTS_1 = {"tp": G1_TP.value, "fp": G1_FP.value, "fn": G1_FN.value, "tn": G1_TN.value}
COUNTS_2 = {"tp": G2_TP.value, "fp": G2_FP.value, "fn": G2_FN.value, "tn": G2_TN.value}
TODAY_1, TODAY_2 = physics.confusion_rates(**COUNTS_1), physics.confusion_rates(**COUNTS_2)
PREV_1, PREV_2 = float(TODAY_1["prevalence"]), float(TODAY_2["prevalence"])
FLAGGED_TODAY = (G1_TP.value + G1_FP.value + G2_TP.value + G2_FP.value) / sum([*COUNTS_1.values(), *COUNTS_2.values()])

BASE_A = c.APPROVAL_RATE_A
BASE_B = c.APPROVAL_RATE_B
SHARE_A = c.APPROVAL_SHARE_A
D_PRIME = c.APPROVAL_D_PRIME
FLOOR_NORTH = scenario("floor_north", 0.845, "1", "least accuracy, accuracy regime", "half a point below the best")
FLOOR_SOUTH = scenario("floor_south", 0.835, "1", "least accuracy, equity regime", "1.6 points below the best")
BOUND_PPV = scenario(
    "bound_ppv", 0.10, "1", "largest 95 % bound on the PPV gap", "the chapter's gap of 7 points and a sampling error"
)
BOUND_TPR = scenario("bound_tpr", 0.05, "1", "largest 95 % bound on the TPR gap", "a usual parity tolerance")
MODEL_S = scenario("model_s", 0.030, "s", "inference of the model", "a small tabular model behind a network hop")
MONITOR_BASIC_S = scenario("monitor_basic_s", 0.010, "s", "basic monitoring", f"{CHAPTER}: 10 to 20 ms", "chapter")
MONITOR_FULL_S = scenario("monitor_full_s", 0.020, "s", "full monitoring", f"{CHAPTER}: 10 to 20 ms", "chapter")
CAP_BASIC = scenario("cap_basic", 100, "1/day", "outcomes that basic monitoring collects", "counters only")
CAP_FULL = scenario("cap_full", 1000, "1/day", "outcomes that full monitoring collects", "a log of every decision")
EXPLAIN_SHORT_S = scenario(
    "explain_short_s", 0.050, "s", "short explanation", f"{CHAPTER}: SHAP adds 50 to 200 ms", "chapter"
)
EXPLAIN_FULL_S = scenario(
    "explain_full_s", 0.200, "s", "full explanation", f"{CHAPTER}: SHAP adds 50 to 200 ms", "chapter"
)
EXPLAIN_COMPUTE = scenario(
    "explain_compute", 50, "1", "compute of one explanation, in inferences", f"{CHAPTER}: 50 to 1,000 times", "chapter"
)
SLO = scenario("slo", 0.100, "s", "longest decision", f"{CHAPTER}, fallacy on retrofitted SHAP", "chapter")
COMPUTE_MAX = scenario(
    "compute_max", 30, "1", "compute per decision, in inferences", "reasons for half of the decisions, and 15 % more"
)
LABELS_MAX = scenario("labels_max", 400, "1/day", "outcomes that reviewers can judge", "four reviewers, 100 cases each")
WINDOW_MAX = scenario("window_max", 14, "day", "longest time to notice a violation", "two weeks")

PER_1000 = 1000
#: The scenario of the question in Act I.
SELECTION, PPV = 0.50, 0.60
MONITOR_S = {"none": 0.0, "basic": MONITOR_BASIC_S.value, "full": MONITOR_FULL_S.value}
LABEL_CAP = {"none": 0.0, "basic": CAP_BASIC.value, "full": CAP_FULL.value}
EXPLAIN_S = {"none": 0.0, "async_adverse": 0.0, "sync_fast": EXPLAIN_SHORT_S.value, "sync_full": EXPLAIN_FULL_S.value}
DAYS = np.geomspace(1, 60, 60)
CUTOFFS = np.round(np.arange(0.05, 0.951, 0.03), 4)
FINE = np.linspace(0.001, 0.999, 999)


def points(fraction: float, decimals: int = 1) -> str:
    """A difference of two rates in percentage points, without the unit."""
    return f"{100 * fraction:.{decimals}f}"


def times(ratio: float | None, decimals: int = 2) -> str:
    """A ratio as a factor."""
    return "–" if ratio is None else f"{ratio:.{decimals}f}×"


def observed(rate: str) -> str:
    """The published rates of the two groups, as the reason for a range."""
    low, high = sorted((float(TODAY_1[rate]), float(TODAY_2[rate])))
    return f"observed: {percent(low, 0)} to {percent(high, 0)}"


def at_score(threshold: float) -> str:
    """A score in standard deviations, with a true minus sign."""
    return f"{threshold:.2f}".replace("-", "−")


def quotient(first: float, second: float) -> float | None:
    """First over second; None for 0/0 and for two infinite odds, infinite over a bare zero."""
    if (first == 0 and second == 0) or (math.isinf(first) and math.isinf(second)):
        return None
    return first / second if second != 0 else math.inf


def flag_odds(ppv: float) -> float:
    """Odds that a flag is right."""
    return ppv / (1 - ppv) if ppv < 1 else math.inf


# --- Act I --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TwoGroups:
    """What an order leaves of the rates of two groups. Rates above 1 cannot exist; a ratio of 0/0 is undefined."""

    tpr_group_1: float
    tpr_group_2: float
    fpr_group_1: float
    fpr_group_2: float
    ppv_group_1: float
    ppv_group_2: float
    ratio: float | None
    tpr_ratio: float | None
    fpr_ratio: float | None
    flag_odds_ratio: float | None
    total: float
    prevalence_1: float
    prevalence_2: float
    order: str

    @property
    def possible(self) -> bool:
        """Whether both groups can exist."""
        return max(self.tpr_group_1, self.tpr_group_2, self.fpr_group_1, self.fpr_group_2) <= 1 + 1e-9

    def rates(self, group: int) -> tuple[float, float, float, float]:
        """Base rate, TPR, FPR and PPV of group 1 or 2."""
        names = (f"prevalence_{group}", f"tpr_group_{group}", f"fpr_group_{group}", f"ppv_group_{group}")
        prevalence, tpr, fpr, ppv = (getattr(self, name) for name in names)
        return prevalence, tpr, fpr, ppv

    def selection(self, group: int) -> float:
        """Flagged share of a group."""
        prevalence, tpr, fpr, _ = self.rates(group)
        return prevalence * tpr + (1 - prevalence) * fpr

    def accuracy(self, group: int) -> float:
        """Share of a group that is judged rightly."""
        prevalence, tpr, fpr, _ = self.rates(group)
        return prevalence * tpr + (1 - prevalence) * (1 - fpr)


ORDERS = {"parity": "equal share, equal PPV", "misses": "equal misses, equal PPV"}
#: What `ratio` compares, by order; "odds" is that of the equity context.
COMPARED = {"parity": "catch rates", "misses": "false-positive rates", "odds": "PPVs"}
#: Controls that an order does not name.
UNNAMED = {"parity": ("fnr",), "misses": ("selection",)}


def _base_rate(label: str, observed: float, shortcuts: Shortcuts | None = None) -> Any:
    grid = [round(0.10 + 0.01 * k, 2) for k in range(71)]
    return stops(
        label,
        sorted([*grid, observed]),
        observed,
        unit="%",
        scale=100,
        text=lambda value: f"{100 * value:.1f} %",
        shortcuts=shortcuts,
        reason="the observed rate, and from one in ten to four in five",
    )


class FixedProduct(Act):
    """Act I: three ratios whose product the base rates fix."""

    title = "An order that gives each side its due"
    minutes = 14
    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "selection": (0.3,),
        "ppv": (0.6, 0.8),
        "prevalence_1": (0.45,),
        "prevalence_2": (0.45,),
    }

    order = choice(
        "Order",
        ORDERS,
        "parity",
        only_in=(ACCURACY.id,),
        reason="the adviser's draft, and the one in which everything falls on the false positives",
    )
    selection = slider(
        "Common flagged share",
        0.10,
        0.80,
        0.01,
        SELECTION,
        unit="%",
        scale=100,
        only_in=(ACCURACY.id,),
        reason=f"{observed('selection')}; {percent(FLAGGED_TODAY, 0)} of both groups together",
    )
    ppv = slider(
        "Common PPV",
        0.50,
        0.95,
        0.01,
        PPV,
        unit="%",
        scale=100,
        only_in=(ACCURACY.id,),
        reason=observed("ppv"),
    )
    fpr = slider(
        "Common false-positive rate",
        0.05,
        0.60,
        0.01,
        0.30,
        unit="%",
        scale=100,
        only_in=(EQUITY.id,),
        reason=observed("fpr"),
    )
    fnr = slider(
        "Common miss rate",
        0.05,
        0.60,
        0.01,
        0.35,
        unit="%",
        scale=100,
        reason=observed("fnr"),
    )
    prevalence_1 = _base_rate(
        "Base rate, group 1",
        PREV_1,
        Shortcuts(
            "Both base rates",
            {
                "as observed": {"prevalence_1": f"{100 * PREV_1:.1f} %", "prevalence_2": f"{100 * PREV_2:.1f} %"},
                "45 % in both": {"prevalence_1": "45.0 %", "prevalence_2": "45.0 %"},
            },
        ),
    )
    prevalence_2 = _base_rate("Base rate, group 2", PREV_2)

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        order: str = "parity",
        selection: float = SELECTION,
        ppv: float = PPV,
        fnr: float = 0.35,
        fpr: float = 0.30,
        prevalence_1: float = PREV_1,
        prevalence_2: float = PREV_2,
    ) -> TwoGroups:
        kind = order if context == ACCURACY.id else "odds"
        groups = []
        for prevalence in (prevalence_1, prevalence_2):
            if kind == "parity":
                rates = physics.rates_from_selection(prevalence, ppv, selection)
                groups.append((rates["tpr"], rates["fpr"], ppv))
            elif kind == "misses":
                groups.append((1 - fnr, physics.chouldechova_fpr(prevalence, ppv, fnr), ppv))
            else:
                groups.append((1 - fnr, fpr, physics.ppv_from_rates(prevalence, 1 - fnr, fpr)))
        (tpr_1, fpr_1, ppv_1), (tpr_2, fpr_2, ppv_2) = groups
        ratios = {
            "parity": quotient(tpr_1, tpr_2),
            "misses": quotient(fpr_1, fpr_2),
            "odds": quotient(ppv_1, ppv_2),
        }
        return TwoGroups(
            tpr_group_1=tpr_1,
            tpr_group_2=tpr_2,
            fpr_group_1=fpr_1,
            fpr_group_2=fpr_2,
            ppv_group_1=ppv_1,
            ppv_group_2=ppv_2,
            ratio=ratios[kind],
            tpr_ratio=ratios["parity"],
            fpr_ratio=ratios["misses"],
            flag_odds_ratio=quotient(flag_odds(ppv_1), flag_odds(ppv_2)),
            total=physics.prevalence_odds_ratio(prevalence_1, prevalence_2),
            prevalence_1=prevalence_1,
            prevalence_2=prevalence_2,
            order=kind,
        )

    @classmethod
    @cache
    def asked(cls) -> TwoGroups:
        """The case of the question."""
        return cls.compute(ACCURACY.id)

    @classmethod
    @cache
    def today(cls) -> TwoGroups:
        """The published rates."""
        first, second = TODAY_1, TODAY_2
        return TwoGroups(
            tpr_group_1=float(first["tpr"]),
            tpr_group_2=float(second["tpr"]),
            fpr_group_1=float(first["fpr"]),
            fpr_group_2=float(second["fpr"]),
            ppv_group_1=float(first["ppv"]),
            ppv_group_2=float(second["ppv"]),
            ratio=None,
            tpr_ratio=float(first["tpr"] / second["tpr"]),
            fpr_ratio=float(first["fpr"] / second["fpr"]),
            flag_odds_ratio=flag_odds(float(first["ppv"])) / flag_odds(float(second["ppv"])),
            total=physics.prevalence_odds_ratio(PREV_1, PREV_2),
            prevalence_1=PREV_1,
            prevalence_2=PREV_2,
            order="today",
        )

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        unused = UNNAMED.get(values.get("order", ""), ())
        return {name: self.default(name) for name in unused if values[name] != self.default(name)}

    def limits(self) -> dict[str, Any]:
        if self.context == EQUITY.id:
            return {}
        return {name: f"The order “{ORDERS[self.order]}” does not name it." for name in UNNAMED[self.order]}

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        return Message(
            "Technology adviser to the chief judge, a county court",
            "A newspaper says that our risk tool wrongly flags one group almost **twice as often** as the other. The "
            "vendor answers that a flag means the same for both. I have drafted an order that gives each side its due: "
            "the tool flags the *same share* of both groups, and a flag stays *equally reliable* in both. The hearing "
            "is tomorrow. Under this order, does the tool catch those who re-offend equally well in both groups?",
        )

    def concept(self) -> str:
        def row(name: str, cells: tuple[str, str]) -> str:
            return f"| {name} | {cells[0]} | {cells[1]} |\n"

        def people(name: str, cell: str) -> str:
            return row(name, (f"{COUNTS_1[cell]:,.0f}", f"{COUNTS_2[cell]:,.0f}"))

        def share(name: str, rate: str) -> str:
            return row(name, (percent(TODAY_1[rate]), percent(TODAY_2[rate])))

        table = (
            "| today, as published | group 1 | group 2 |\n|---|---|---|\n"
            + people("flagged, re-arrested", "tp")
            + people("flagged, not re-arrested", "fp")
            + people("missed", "fn")
            + people("left alone, not re-arrested", "tn")
            + share("base rate", "prevalence")
            + share("flagged share", "selection")
            + share("PPV", "ppv")
            + share("catch rate (TPR)", "tpr")
            + share("false-positive rate (FPR)", "fpr")
        )
        equity = (
            "\n\nThe controls of this context draw the opposite order: both *error rates* are equal, and the "
            "reliability of a flag is what is left. The question is about the adviser's order all the same."
            if self.context == EQUITY.id
            else ""
        )
        return (
            f"Two groups differ in their **base rate**: {percent(PREV_1)} and {percent(PREV_2)} are re-arrested within "
            "two years. The **flagged share** is how many of a group are flagged, the **PPV** (precision) how often a "
            "flag is right. The **catch rate** (TPR) is how many of those who re-offend are flagged; the others, FNR = "
            "1 − TPR, are missed. The **false-positive rate** (FPR) is how many of those who do not re-offend are "
            "flagged all the same.\n\n"
            f"{table}{equity}"
        )

    def prediction(self) -> ChoicePrediction:
        asked, today = self.asked(), self.today()
        assert asked.ratio is not None
        assert asked.fpr_ratio is not None
        assert today.tpr_ratio is not None
        right, wrong = PER_1000 * SELECTION * PPV, PER_1000 * SELECTION * (1 - PPV)
        first, second = PER_1000 * PREV_1, PER_1000 * PREV_2
        return ChoicePrediction(
            "The order is met: the same share of both groups is flagged, and a flag is right equally often in both "
            "(PPV below 1). The base rates are unchanged. The catch rate of group 1 divided by that of group 2 is …",
            (
                Option(
                    "odds",
                    times(1 / asked.total),
                    value=1 / asked.total,
                    feedback=(
                        "Odds rule the false positives when the misses are equal, as in Lab 15. This order leaves both "
                        f"rates free, and the {asked.total:.2f} splits: {1 / asked.ratio:.2f} on the catch rates, "
                        f"{asked.fpr_ratio:.2f} on the false positives."
                    ),
                ),
                Option(
                    "inverse",
                    times(PREV_2 / PREV_1),
                    value=PREV_2 / PREV_1,
                    correct=True,
                    feedback=(
                        "Equal share and equal PPV fix the number of right flags; the number of people to catch still "
                        "differs."
                    ),
                ),
                Option(
                    "one",
                    times(1.0),
                    value=1.0,
                    feedback=(
                        f"Per {PER_1000:,} people the right flags are equal, the people to catch are not. Slide the "
                        "base rates together and the ratio becomes 1."
                    ),
                ),
                Option(
                    "prev",
                    times(PREV_1 / PREV_2),
                    value=PREV_1 / PREV_2,
                    feedback=(
                        f"Right factor, wrong side: {first:.0f} people have to share as many right flags as "
                        f"{second:.0f}. Today's tool does catch group 1 more often, {times(today.tpr_ratio)}; the "
                        "order turns that round."
                    ),
                ),
            ),
            actual=asked.ratio,
            form=times,
            why=(
                f"The order gives {times(asked.ratio, 3)} for every share and every PPV. Of {PER_1000:,} people in "
                f"each group {PER_1000 * SELECTION:.0f} are flagged and {right:.0f} of these flags are right. Group 1 "
                f"spreads the {right:.0f} over {first:.0f} re-offenders, group 2 over {second:.0f}: "
                f"{percent(asked.tpr_group_1)} against {percent(asked.tpr_group_2)} are caught. The {wrong:.0f} wrong "
                f"flags fall on {PER_1000 - first:.0f} and {PER_1000 - second:.0f} people: "
                f"{percent(asked.fpr_group_1)} against {percent(asked.fpr_group_2)}. Group 1 is worse off in both "
                f"rates.\n\nToday: {self._product(today)}. Try the other order and the other context: it moves, it "
                "does not shrink."
            ),
        )

    @staticmethod
    def _product(o: TwoGroups) -> str:
        """The conservation law with the numbers of an outcome, in words."""
        return (
            f"{times(o.fpr_ratio)} (false positives) · {times(o.flag_odds_ratio)} (odds that a flag is right) / "
            f"{times(o.tpr_ratio)} (catch rates) = {times(o.total)}"
        )

    def failures(self) -> tuple[Failure, ...]:
        def text(o: TwoGroups) -> str:
            name, rate = max(
                (
                    ("a catch rate in group 1", o.tpr_group_1),
                    ("a catch rate in group 2", o.tpr_group_2),
                    ("a false-positive rate in group 1", o.fpr_group_1),
                    ("a false-positive rate in group 2", o.fpr_group_2),
                ),
                key=lambda pair: pair[1],
            )
            return f"The order would need {name} of {percent(rate, 0)}. No such tool exists."

        return (Failure("impossible", "IMPOSSIBLE.", when=lambda o: not o.possible, text=text, severity="warn"),)

    # --- instruments -----------------------------------------------------------------------------------------

    def _asked_here(self, o: TwoGroups) -> float | None:
        """The predicted ratio of the catch rates, where the order on screen is that of the question."""
        return self.predicted() if o.order == "parity" else None

    def plots(self, outcome: TwoGroups) -> dict[str, Plot]:
        return {
            "triangle": self._triangle(outcome),
            "plane": self._plane(outcome),
            "ratios": self._ratios(outcome),
            "people": self._people(outcome),
        }

    def _triangle(self, o: TwoGroups) -> Plot:
        today = self.today()
        assert today.tpr_ratio is not None
        assert today.fpr_ratio is not None
        assert today.flag_odds_ratio is not None
        corners = (
            Shared("catch rate", o.tpr_ratio, today.tpr_ratio),
            Shared("false positives", o.fpr_ratio, today.fpr_ratio),
            Shared("odds of a right flag", o.flag_odds_ratio, today.flag_odds_ratio),
        )
        equal = [corner.name for corner in corners if corner.equal]
        if len(equal) == 3:
            said = "The base rates are equal: all three can be had at once. This is the only way, perfect flags apart."
        elif len(equal) == 2:
            (rest,) = (corner for corner in corners if not corner.equal)
            said = (
                f"Two corners are equal ({equal[0]}, {equal[1]}), and the third carries everything: {times(rest.ratio)}"
                f" on “{rest.name}”."
            )
        else:
            said = (
                f"One corner is equal, and the {times(o.total)} is shared by the other two: "
                f"{times(o.tpr_ratio)} on the catch rates, {times(o.fpr_ratio)} on the false positives."
            )
        predicted = self._asked_here(o)
        return fairness_triangle(
            corners,
            total=o.total,
            predicted=None if predicted is None else (0, predicted),
            title="Three equalities, of which two can be had",
            caption=said,
        )

    def _plane(self, o: TwoGroups) -> Plot:
        if not o.possible:
            said = "A marker outside the square is a tool that cannot exist: more than everybody would be flagged."
        elif o.order == "odds":
            said = (
                "Both groups stand on one point, and one ray carries two PPVs: "
                f"{percent(o.ppv_group_1)} and {percent(o.ppv_group_2)}."
            )
        elif o.order == "misses":
            said = "Both groups lie level, and the false positives pay: the higher the base rate, the further right."
        elif o.total == 1:
            said = "With equal base rates both groups stand on one point."
        else:
            low, high = ("1", "2") if o.prevalence_1 > o.prevalence_2 else ("2", "1")
            said = (
                f"Group {low} lies to the right of and below group {high}: wrongly flagged more, caught less. Along a "
                "ray the PPV is constant, along a dashed line the flagged share."
            )
        return rate_plane(
            (Flagging("group 1", *o.rates(1)), Flagging("group 2", *o.rates(2))),
            selection=self.selection if o.order == "parity" else None,
            predicted_ratio=self._asked_here(o),
            title="Where the order puts both groups",
            caption=said,
        )

    def _ratios(self, o: TwoGroups) -> Plot:
        today = self.today()
        assert today.tpr_ratio is not None
        assert today.fpr_ratio is not None
        assert today.flag_odds_ratio is not None
        return ratio_bars(
            [
                Shared("false pos.", o.fpr_ratio, today.fpr_ratio),
                Shared("flag odds", o.flag_odds_ratio, today.flag_odds_ratio),
                Shared("catch rate", o.tpr_ratio, today.tpr_ratio),
            ],
            total=o.total,
            title="What an order moves, and what it does not",
            caption=(
                f"{self._product(o)}. First bar plus second less third: the length of the last, which only base rates "
                "change."
            ),
        )

    def _people(self, o: TwoGroups) -> Plot:
        def matrix(group: int) -> Confusion:
            prevalence, tpr, fpr, _ = o.rates(group)
            exists = max(tpr, fpr) <= 1 + 1e-9
            wrong = (1 - prevalence) * min(fpr, 1.0) if exists else math.nan
            caught = prevalence * min(tpr, 1.0) if exists else prevalence
            return Confusion(f"Group {group}", caught, prevalence - caught, wrong, 1 - prevalence - wrong, PER_1000)

        first, second = matrix(1), matrix(2)
        caption = (
            f"Of {PER_1000:,} people, {PER_1000 * first.caught:.0f} and {PER_1000 * second.caught:.0f} are rightly "
            f"flagged, out of {PER_1000 * o.prevalence_1:.0f} and {PER_1000 * o.prevalence_2:.0f} who re-offend; "
            f"{PER_1000 * first.wronged:.0f} and {PER_1000 * second.wronged:.0f} wrongly. The dashed level is group "
            "1's false-positive rate."
            if o.possible
            else "A confusion matrix cannot have more flagged people than people."
        )
        return confusion_mosaics(
            (first, second),
            columns=("re-offend", "do not"),
            cells=("caught", "missed", "flagged in error", "left alone"),
            title=f"{PER_1000:,} people of each group",
            caption=caption,
        )

    def metrics(self, outcome: TwoGroups) -> list[Metric]:
        o = outcome
        fixed = "moves with both rates" if o.order == "odds" else "only the base rates move it"
        exists = "" if o.possible else "no such tool"

        def pair(name: str, rates: tuple[float, float]) -> Metric:
            shares = " / ".join(f"{100 * rate:.1f}" for rate in rates)
            return Metric(name, shares, note=exists or "%, group 1 / group 2")

        return [
            Metric(f"Ratio of the {COMPARED[o.order]}", "–" if o.ratio is None else f"{o.ratio:.3f}", "×", note=fixed),
            Metric("All three together", f"{o.total:.3f}", "×", note="the odds of the base rates"),
            pair("Caught", (o.tpr_group_1, o.tpr_group_2)),
            pair("Wrongly flagged", (o.fpr_group_1, o.fpr_group_2)),
            pair("A flag is right", (o.ppv_group_1, o.ppv_group_2)),
        ]

    def tables(self, outcome: TwoGroups) -> list[Table]:
        today, o = self.today(), outcome

        def row(name: str, values: Any) -> tuple[str, ...]:
            return (name, *(percent(values(design, group)) for design in (today, o) for group in (1, 2)))

        rows = (
            row("base rate", lambda d, g: d.rates(g)[0]),
            row("flagged share", lambda d, g: d.selection(g)),
            row("PPV", lambda d, g: d.rates(g)[3]),
            row("TPR", lambda d, g: d.rates(g)[1]),
            row("FPR", lambda d, g: d.rates(g)[2]),
            row("accuracy", lambda d, g: d.accuracy(g)),
        )
        return [Table("Today and under the order", ("", "today, 1", "today, 2", "order, 1", "order, 2"), rows)]

    def reflection(self) -> Question:
        return Question(
            "The vendor offers to meet the order with one score that separates both groups equally well (the same ROC "
            "curve, PPV below 1) and a threshold for each group. Will that work?",
            (
                Option(
                    "A",
                    "Yes: two thresholds for two equalities",
                    "Counting is not enough: on one curve, equal shares leave group 1 with the higher PPV.",
                ),
                Option(
                    "B",
                    "No: group 1 would need the higher false-positive rate and the lower catch rate, and on one curve "
                    "both rise and fall together; its score would have to be made worse",
                    correct=True,
                    feedback=(
                        "The marker of group 1 lies to the right of and below that of group 2. No threshold does that, "
                        "only a blunter score for group 1."
                    ),
                ),
                Option(
                    "C",
                    "Yes, with enough data",
                    "Data lift a curve; the order needs two curves, group 1 on the lower one.",
                ),
                Option(
                    "D",
                    "Only if group membership is removed from the input",
                    "The arithmetic does not know the features: no common curve joins the two markers.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("rates_from_selection", "chouldechova_fpr", "ppv_from_rates", "prevalence_odds_ratio", "confusion_rates"),
            "With equal $s$ and $PPV$: $TPR_1 / TPR_2 = p_2 / p_1$ and $FPR_1 / FPR_2 = (1 - p_2) / (1 - p_1)$.\n\n"
            "Divide the two formulas and $s$ disappears: this is the identity of Lab 15, for any classifier. For two "
            "groups the ratio of the $FPR$, times that of the flag odds $PPV / (1 - PPV)$, over that of the $TPR$ is "
            "the ratio of the odds of the base rates.\n\nAll three ratios are 1 only if the base rates are equal. The "
            "only other way out is $PPV = 1$, no false positives in either group, of which perfect prediction is the "
            "ideal case. Where a rate would exceed 1, no such tool exists.",
        )


# --- Act II -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Regime:
    """What a region regulates: the rate whose gap counts, its bound, and the accuracy that must be left."""

    rate: str
    bound: float
    floor: float


REGIMES = {
    ACCURACY.id: Regime("PPV", BOUND_PPV.value, FLOOR_NORTH.value),
    EQUITY.id: Regime("TPR", BOUND_TPR.value, FLOOR_SOUTH.value),
}
REASONS = {
    "none": "none",
    "async_adverse": "asynchronous, on rejections",
    "sync_fast": "synchronous, short",
    "sync_full": "synchronous, full",
}
#: Two groups are treated alike in a metric when it differs by no more.
ALIKE = 0.02


@dataclass(frozen=True)
class Deployment:
    """A score with two cut-offs, its audit and its reasons. Rates and gaps are fractions.

    `gap` is the regulated one of the gaps, `labels` are the outcomes of the window, `clock` is the half-width over the
    days of `DAYS`; NaN where nothing is collected.
    """

    accuracy: float
    tpr_gap: float
    fpr_gap: float
    ppv_gap: float
    selection_ratio: float
    gap_half_width: float
    gap_upper_bound: float
    latency_ms: float
    compute_factor: float
    passes: bool
    gap: float
    selection_gap: float
    labels: float
    labels_per_day: float
    window_days: float
    monitoring: str
    explanation: str
    group_a: Scored
    group_b: Scored
    clock: Array


def rates_of(cutoff: Any, prevalence: float) -> dict[str, Any]:
    """Rates of a group at a cut-off on the calibrated probability."""
    return physics.binormal_rates(
        physics.binormal_threshold(cutoff, prevalence, D_PRIME.value), prevalence, D_PRIME.value
    )


def overall(accuracy_a: Any, accuracy_b: Any) -> Any:
    """Accuracy over both groups."""
    return SHARE_A.value * accuracy_a + (1 - SHARE_A.value) * accuracy_b


@cache
def fine_rates() -> tuple[dict[str, Any], dict[str, Any], Array, Array]:
    """Rates and thresholds of both groups at every cut-off of `FINE`."""
    a, b = rates_of(FINE, BASE_A.value), rates_of(FINE, BASE_B.value)
    t_a, t_b = (physics.binormal_threshold(FINE, base.value, D_PRIME.value) for base in (BASE_A, BASE_B))
    return a, b, np.asarray(t_a), np.asarray(t_b)


@cache
def best_pairs() -> tuple[Criterion, Criterion, Criterion]:
    """The most accurate pair of all, with equal opportunity, and with equal approval."""
    a, b, t_a, t_b = fine_rates()
    free = Criterion(
        "most accurate",
        0.5,
        0.5,
        float(overall(rates_of(0.5, BASE_A.value)["accuracy"], rates_of(0.5, BASE_B.value)["accuracy"])),
    )
    # The same threshold for both groups: as accurate as one group of the mean base rate, whose best cut-off is a half.
    mixed = SHARE_A.value * BASE_A.value + (1 - SHARE_A.value) * BASE_B.value
    common = physics.binormal_threshold(0.5, mixed, D_PRIME.value)
    same = [physics.binormal_rates(common, base.value, D_PRIME.value)["accuracy"] for base in (BASE_A, BASE_B)]
    opportunity = Criterion(
        "equal opportunity",
        float(np.interp(common, t_a, FINE)),
        float(np.interp(common, t_b, FINE)),
        float(overall(*same)),
    )
    partner = np.interp(-a["selection"], -b["selection"], FINE)
    reached = overall(a["accuracy"], rates_of(partner, BASE_B.value)["accuracy"])
    at = int(np.argmax(reached))
    approval = Criterion("equal approval", float(FINE[at]), float(partner[at]), float(reached[at]))
    return free, opportunity, approval


@cache
def plane_of(context: str) -> CriterionPlane:
    """The map of cut-offs, with the accuracy floor of a context."""
    a, b, t_a, t_b = fine_rates()
    grid = overall(
        rates_of(CUTOFFS, BASE_A.value)["accuracy"][None], rates_of(CUTOFFS, BASE_B.value)["accuracy"][:, None]
    )
    inside = np.abs(FINE - 0.5) <= 0.5 - CUTOFFS[0]
    equal = {
        "equal PPV": np.interp(a["ppv"], b["ppv"], FINE, left=np.nan, right=np.nan)[inside],
        "equal TPR": np.interp(t_a, t_b, FINE, left=np.nan, right=np.nan)[inside],
        "equal approval": np.interp(-a["selection"], -b["selection"], FINE, left=np.nan, right=np.nan)[inside],
    }
    enough = overall(a["accuracy"][None], b["accuracy"][:, None]) >= REGIMES[context].floor
    columns = np.flatnonzero(enough.any(axis=0))
    low, high = (FINE[np.argmax(enough[::step], axis=0)[columns]] for step in (1, -1))
    high = 1.0 - high
    x = np.concatenate([FINE[columns], FINE[columns][::-1], FINE[columns][:1]])
    y = np.concatenate([low, high[::-1], low[:1]])
    return CriterionPlane(CUTOFFS, np.asarray(grid), FINE[inside], equal, (x, y))


@cache
def least_common_gap() -> float:
    """The smallest that the largest gap (TPR, FPR, PPV) of any two slider stops is, at the equity regime's accuracy."""
    stops_of = np.asarray(TwoRegions.control_params()["cutoff_a"].spec.values())
    a, b = rates_of(stops_of, BASE_A.value), rates_of(stops_of, BASE_B.value)
    worst = np.max([np.abs(a[rate][None] - b[rate][:, None]) for rate in ("tpr", "fpr", "ppv")], axis=0)
    enough = overall(a["accuracy"][None], b["accuracy"][:, None]) >= FLOOR_SOUTH.value
    return float(np.min(worst[enough]))


class TwoRegions(Act):
    """Act II: two cut-offs, an audit, reasons, and two laws."""

    title = "One score, two laws"
    minutes = 23
    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "cutoff_a": (0.5, 0.55, 0.59, 0.67),
        "cutoff_b": (0.11, 0.29, 0.5),
        "labels_per_day": (50, 400),
        "window_days": (14,),
    }

    cutoff_a = slider(
        "Cut-off A (accuracy regime: of both)",
        0.05,
        0.95,
        0.01,
        0.50,
        reason="0.5 is the most accurate; the ends approve nearly everybody or nearly nobody",
    )
    cutoff_b = slider(
        "Cut-off B",
        0.05,
        0.95,
        0.01,
        0.50,
        only_in=(EQUITY.id,),
        reason="0.5 is the most accurate; the accuracy regime forbids a second cut-off",
    )
    monitoring = choice(
        "Monitoring",
        {"none": "none", "basic": "basic", "full": "full"},
        "none",
        reason="no record, counters, or a log of every decision",
    )
    labels_per_day = stops(
        "Outcomes judged per day",
        (10, 20, 50, 100, 150, 200, 250, 300, 350, 400, 500, 700, 1000),
        50,
        unit="/day",
        reason="from a sample to all that full monitoring logs; above 400 there are no reviewers",
    )
    window_days = slider(
        "Window of the audit", 1, 60, 1, 14, unit="days", reason="a day to two months; the law gives two weeks"
    )
    explanation = choice(
        "Reasons", REASONS, "none", widget="select", reason="no reasons, later on rejections, or with every decision"
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        cutoff_a: float,
        monitoring: str,
        labels_per_day: float,
        window_days: float,
        explanation: str,
        cutoff_b: float | None = None,
    ) -> Deployment:
        regime = REGIMES[context]
        cut_b = cutoff_a if cutoff_b is None else cutoff_b
        a, b = rates_of(cutoff_a, BASE_A.value), rates_of(cut_b, BASE_B.value)
        share_a, share_b = SHARE_A.value, 1 - SHARE_A.value
        per_day = min(labels_per_day, LABEL_CAP[monitoring])
        if context == ACCURACY.id:
            pair, weights = (a["ppv"], b["ppv"]), (share_a * a["selection"], share_b * b["selection"])
        else:
            pair, weights = (a["tpr"], b["tpr"]), (share_a * BASE_A.value, share_b * BASE_B.value)

        def half_width(days: Any) -> Any:
            n = per_day * days
            return physics.gap_half_width(pair[0], n * weights[0], pair[1], n * weights[1], c.Z95.value)

        width = float(half_width(window_days)) if per_day > 0 else 1.0
        clock = np.asarray(half_width(DAYS)) if per_day > 0 else np.full_like(DAYS, np.nan)
        gap = abs(pair[0] - pair[1])
        bound = min(1.0, gap + width)
        latency = MODEL_S.value + MONITOR_S[monitoring] + EXPLAIN_S[explanation]
        rejected = share_a * (1 - a["selection"]) + share_b * (1 - b["selection"])
        explained = {"none": 0.0, "async_adverse": rejected}.get(explanation, 1.0)
        compute = 1 + EXPLAIN_COMPUTE.value * explained
        accuracy = float(overall(a["accuracy"], b["accuracy"]))

        def scored(name: str, base: float, cutoff: float, rates: Mapping[str, Any]) -> Scored:
            threshold = physics.binormal_threshold(cutoff, base, D_PRIME.value)
            return Scored(name, base, cutoff, float(threshold), rates["tpr"], rates["fpr"], rates["ppv"])

        return Deployment(
            accuracy=accuracy,
            tpr_gap=abs(a["tpr"] - b["tpr"]),
            fpr_gap=abs(a["fpr"] - b["fpr"]),
            ppv_gap=abs(a["ppv"] - b["ppv"]),
            selection_ratio=float(physics.selection_rate_ratio(a["selection"], b["selection"])),
            gap_half_width=width,
            gap_upper_bound=bound,
            latency_ms=1e3 * latency,
            compute_factor=compute,
            passes=bool(
                at_least(accuracy, regime.floor)
                and at_most(bound, regime.bound)
                and at_most(latency, SLO.value)
                and at_most(labels_per_day, LABELS_MAX.value)
                and at_most(window_days, WINDOW_MAX.value)
                and explanation != "none"
                and at_most(compute, COMPUTE_MAX.value)
                and (context == EQUITY.id or cut_b == cutoff_a)
            ),
            gap=gap,
            selection_gap=abs(a["selection"] - b["selection"]),
            labels=per_day * window_days,
            labels_per_day=labels_per_day,
            window_days=window_days,
            monitoring=monitoring,
            explanation=explanation,
            group_a=scored("A", BASE_A.value, cutoff_a, a),
            group_b=scored("B", BASE_B.value, cut_b, b),
            clock=clock,
        )

    @classmethod
    def design(cls, context: str, **changes: Any) -> Deployment:
        """The outcome of the default controls of a context, some of them changed."""
        defaults = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return cls.compute(context, **{**defaults, **changes})

    @property
    def regime(self) -> Regime:
        """The law of the current context."""
        return REGIMES[self.context]

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        return Message(
            "Chief Risk Officer, a consumer lender",
            "Region North fines us if a score does not mean the same for everyone, and forbids different cut-offs. "
            "Region South fines us if good applicants of one group are refused more often, and wants proof every two "
            f"weeks with reasons for each refusal. We promise answers in **{1e3 * SLO.value:g} ms**. Configure both, "
            "and tell the board what each choice costs.",
        )

    def from_ledger(self) -> str:
        sentences = []
        remedy = self.lab.read("ch15", "act2_decision")
        if remedy in EARLIER:
            sentences.append(f"Your earlier remedy, in Lab 15, was **{EARLIER[remedy]}**. {AGAINST[remedy]}")
        ratio = self.lab.read("v2_15", "act2_result")
        if ratio is not None and ratio > 0:
            factor = self.design(EQUITY.id, **SOLUTIONS[EQUITY.id]).compute_factor
            sentences.append(
                f"Reasons multiply the energy of your **{plain(ratio, 3)}×** fleet of Lab V2-15: asynchronous ones "
                f"make a decision cost about {factor:.0f} times a bare inference."
            )
        return " ".join(sentences)

    def concept(self) -> str:
        return (
            f"One score separates those who repay from the others in both groups alike (d' = {D_PRIME.value:g}, AUC "
            f"0.92). {percent(BASE_A.value, 0)} of group A repay and {percent(BASE_B.value, 0)} of group B; A is "
            f"{percent(SHARE_A.value, 0)} of the applicants. A **cut-off** is the calibrated probability from which "
            "on an applicant is approved. The regulator accepts only the upper end of a **95 % interval** of the gap, "
            f"so labels and time count as much as thresholds: basic monitoring collects at most {CAP_BASIC.value:g} "
            f"outcomes a day, full monitoring {CAP_FULL.value:,.0f}, for {1e3 * MONITOR_BASIC_S.value:g} and "
            f"{1e3 * MONITOR_FULL_S.value:g} ms. A **reason** costs {EXPLAIN_COMPUTE.value:g} inferences, and time "
            "where the applicant waits for it."
        )

    def prediction(self) -> ChoicePrediction:
        free, opportunity, approval = best_pairs()
        start = self.design(EQUITY.id)
        cost, parity = free.accuracy - opportunity.accuracy, free.accuracy - approval.accuracy

        def option(id: str, value: float, feedback: str, correct: bool = False) -> Option:
            return Option(id, f"{value:g} points", value=value, correct=correct, feedback=feedback)

        return ChoicePrediction(
            f"From the most accurate cut-offs (accuracy {percent(free.accuracy)}, TPR gap {points(start.tpr_gap)} "
            "points) to the most accurate pair with equal opportunity (TPR gap 0): accuracy falls by …",
            (
                option("p0", 0.0, "The optimum is flat but not flat to zero."),
                option(
                    "p1",
                    round(100 * cost, 1),
                    f"Cut-off A rises to {opportunity.cutoff_a:.2f} and B falls to {opportunity.cutoff_b:.2f}; around "
                    "a smooth optimum that costs little.",
                    correct=True,
                ),
                option(
                    "p48",
                    round(100 * parity, 1),
                    "That is demographic parity: it also has to undo the difference in base rates.",
                ),
                option(
                    "p17",
                    round(100 * start.tpr_gap, 1),
                    "The gap is in error rates of subgroups; accuracy moves in second order around its optimum.",
                ),
            ),
            actual=100 * cost,
            form=lambda loss: f"{loss:.2f} points",
            difference=True,
            why=(
                f"Equal opportunity costs {points(cost, 2)} points here, {percent(free.accuracy, 2)} to "
                f"{percent(opportunity.accuracy, 2)}; equal approval costs {points(parity, 2)}. The price depends on "
                "the criterion, not on the size of the gap that is closed."
            ),
        )

    def challenge(self) -> str:
        law = self.regime
        cut = "**one cut-off**, a" if self.context == ACCURACY.id else "a"
        return (
            f"Deploy in the {'North' if self.context == ACCURACY.id else 'South'}: {cut}ccuracy of at least "
            f"{percent(law.floor)}, an upper bound on the {law.rate} gap of at most {points(law.bound, 0)} points, "
            f"latency at most {1e3 * SLO.value:g} ms, at most {LABELS_MAX.value:g} labels a day and "
            f"{WINDOW_MAX.value:g} days, reasons for refusals, and at most {COMPUTE_MAX.value:g} times the compute of "
            "an inference. Then do the other region, and see what you gave away."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        law = self.regime
        return (
            Constraint(f"Accuracy ≥ {percent(law.floor)}", lambda o: at_least(o.accuracy, law.floor)),
            Constraint(
                f"{law.rate} gap, 95 % bound ≤ {points(law.bound, 0)} points",
                lambda o: at_most(o.gap_upper_bound, law.bound),
            ),
            Constraint(
                f"Labels ≤ {LABELS_MAX.value:g}/day, {WINDOW_MAX.value:g} days",
                lambda o: at_most(o.labels_per_day, LABELS_MAX.value) and at_most(o.window_days, WINDOW_MAX.value),
            ),
            Constraint(
                f"Reasons, {1e3 * SLO.value:g} ms, {COMPUTE_MAX.value:g}× compute",
                lambda o: (
                    o.explanation != "none"
                    and at_most(o.latency_ms, 1e3 * SLO.value)
                    and at_most(o.compute_factor, COMPUTE_MAX.value)
                ),
            ),
        )

    def failures(self) -> tuple[Failure, ...]:
        law = self.regime

        def blind(o: Deployment) -> str:
            seen = (
                f"{o.labels:,.0f} labels give ± {points(o.gap_half_width)} points"
                if o.labels > 0
                else "without monitoring there are no labels"
            )
            return (
                f"The {law.rate} gap is {points(o.gap)} points, but {seen}: the regulator sees up to "
                f"{points(o.gap_upper_bound)} points (limit {points(law.bound, 0)})."
            )

        return (
            Failure(
                "audit_blind",
                "AUDIT BLIND.",
                when=lambda o: at_most(o.gap, law.bound) and not at_most(o.gap_upper_bound, law.bound),
                text=blind,
            ),
            Failure(
                "criterion_violated",
                "CRITERION VIOLATED.",
                when=lambda o: not at_most(o.gap, law.bound),
                text=lambda o: f"{law.rate} gap {points(o.gap)} points against {points(law.bound, 0)}.",
            ),
            Failure(
                "sla_violated",
                "SLA VIOLATED.",
                when=lambda o: not at_most(o.latency_ms, 1e3 * SLO.value),
                text=lambda o: (
                    f"{1e3 * MODEL_S.value:g} + {1e3 * MONITOR_S[o.monitoring]:g} + {1e3 * EXPLAIN_S[o.explanation]:g} "
                    f"= {o.latency_ms:.0f} ms, limit {1e3 * SLO.value:g} ms."
                ),
            ),
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: Deployment) -> dict[str, Plot]:
        return {
            "scores": self._scores(outcome),
            "map": self._map(outcome),
            "gaps": self._gaps(outcome),
            "clock": self._clock(outcome),
            "latency": self._latency(outcome),
            "prices": self._prices(outcome),
        }

    def _scores(self, o: Deployment) -> Plot:
        a, b = o.group_a, o.group_b
        if abs(a.threshold - b.threshold) < 0.02:
            said = (
                "Both groups are cut at the same score: equal TPR and FPR. Payers are rarer in B, so the PPV differs."
            )
        elif a.cutoff == b.cutoff:
            said = (
                f"The same probability of {a.cutoff:.2f} is a score of {at_score(a.threshold)} in group A and of "
                f"{at_score(b.threshold)} in group B, where fewer repay: a higher bar for the same applicant."
            )
        else:
            said = (
                f"The cut-offs {a.cutoff:.2f} and {b.cutoff:.2f} are scores of {at_score(a.threshold)} and "
                f"{at_score(b.threshold)}."
            )
        return score_distributions(
            (a, b),
            d_prime=D_PRIME.value,
            cells=("approved, repays", "refused, would repay", "approved, defaults", "refused, would default"),
            title="One score in two groups",
            caption=f"{said} Upwards those who repay, downwards the others; area is people.",
        )

    def _map(self, o: Deployment) -> Plot:
        one = self.context == ACCURACY.id
        law = (
            "Lawful here is only the diagonal (grey band): one cut-off for both."
            if one
            else "Lawful here are all pairs close enough to the curve of equal TPR."
        )
        return criterion_map(
            plane_of(self.context),
            here=(o.group_a.cutoff, o.group_b.cutoff),
            one_cutoff=one,
            best=best_pairs(),
            floor_name=f"accuracy {percent(self.regime.floor)}",
            low=0.60,
            high=0.86,
            title="Three criteria, three curves",
            caption=(
                f"The darker, the more accurate; on each curve one gap is zero, and they meet nowhere inside. {law} "
                f"At {percent(FLOOR_SOUTH.value)} accuracy no pair brings the TPR, FPR and PPV gaps below "
                f"{points(least_common_gap())} points at once."
            ),
        )

    def _gaps(self, o: Deployment) -> Plot:
        law = self.regime
        ends = (
            f"{points(o.gap)} points, ± {points(o.gap_half_width)} from {o.labels:,.0f} labels"
            if o.labels > 0
            else f"{points(o.gap)} points, and no label to prove it"
        )
        other = f"TPR gap of {points(o.tpr_gap)}" if law.rate == "PPV" else f"PPV gap of {points(o.ppv_gap)}"
        return regulated_gaps(
            {"TPR": o.tpr_gap, "FPR": o.fpr_gap, "PPV": o.ppv_gap, "approval": o.selection_gap},
            regulated=law.rate,
            upper=o.gap_upper_bound,
            limit=law.bound,
            title="The gap that is regulated, and those that are not",
            caption=(
                f"{law.rate}: {ends}. Nobody here asks for the {other} points; the approval ratio is "
                f"{o.selection_ratio:.2f} (four-fifths rule: {c.FOUR_FIFTHS.value:.2f}, shown and not enforced)."
            ),
        )

    def _clock(self, o: Deployment) -> Plot:
        law = self.regime
        room = law.bound - o.gap
        cap = LABEL_CAP[o.monitoring]
        per_day = min(o.labels_per_day, cap)
        if per_day == 0:
            said = "Without monitoring no outcome comes back: every window is too short."
        else:
            held_back = f" (of {o.labels_per_day:,g} asked for)" if per_day < o.labels_per_day else ""
            said = (
                f"{per_day:g} outcomes a day{held_back} for {counted(o.window_days, 'days')} leave ± "
                f"{points(o.gap_half_width)} points. Half of that takes four times the labels."
            )
        left = (
            f" The gap leaves {points(room)} of {points(law.bound, 0)} points for it."
            if room > 0
            else f" The gap is above {points(law.bound, 0)} points: no number of labels helps."
        )
        return audit_clock(
            DAYS,
            o.clock,
            now=(o.window_days, o.gap_half_width if per_day > 0 else math.nan),
            room=room,
            deadline=WINDOW_MAX.value,
            labels=f"{per_day:g} outcomes a day",
            title="When the audit can tell",
            caption=said + left,
        )

    def _latency(self, o: Deployment) -> Plot:
        terms = {"model": MODEL_S.value, "monitoring": MONITOR_S[o.monitoring], "reasons": EXPLAIN_S[o.explanation]}
        return latency_waterfall(
            [Bar("decision", terms)],
            limits=[Limit(SLO.value * 1e3, f"{1e3 * SLO.value:g} ms")],
            high=310,
            title="How long an applicant waits",
            caption=(
                f"{o.latency_ms:.0f} ms, and {o.compute_factor:.1f} times the compute of a bare inference (limit "
                f"{COMPUTE_MAX.value:g}): asynchronous reasons cost no time, but {EXPLAIN_COMPUTE.value:g} inferences "
                "for each refusal."
            ),
        )

    def _prices(self, o: Deployment) -> Plot:
        free, opportunity, approval = best_pairs()
        return price_tags(
            {pair.name: 100 * (free.accuracy - pair.accuracy) for pair in (free, opportunity, approval)},
            yours=max(100 * (free.accuracy - o.accuracy), 0.0),
            predicted=self.predicted(),
            title="What a criterion costs",
            caption=(
                f"At best {percent(free.accuracy, 2)} of the decisions are right, {percent(opportunity.accuracy, 2)} "
                f"with equal opportunity, {percent(approval.accuracy, 2)} with equal approval; "
                f"{percent(o.accuracy, 2)} in your design."
            ),
        )

    def metrics(self, outcome: Deployment) -> list[Metric]:
        o, law = outcome, self.regime
        return [
            Metric(
                "Accuracy",
                f"{100 * o.accuracy:.2f}",
                "%",
                note=f"at least {percent(law.floor)}",
                status=held(at_least(o.accuracy, law.floor)),
            ),
            Metric(
                f"{law.rate} gap, upper bound",
                points(o.gap_upper_bound),
                "points",
                note=f"measured {points(o.gap)}, at most {points(law.bound, 0)}",
                status=held(at_most(o.gap_upper_bound, law.bound)),
            ),
            Metric(
                "Latency",
                f"{o.latency_ms:.0f}",
                "ms",
                note=f"at most {1e3 * SLO.value:g}",
                status=held(at_most(o.latency_ms, 1e3 * SLO.value)),
            ),
            Metric(
                "Compute",
                f"{o.compute_factor:.1f}",
                "×",
                note="no reasons" if o.explanation == "none" else f"at most {COMPUTE_MAX.value:g}",
                status=held(o.explanation != "none" and at_most(o.compute_factor, COMPUTE_MAX.value)),
            ),
            Metric(
                "Labels",
                f"{o.labels:,.0f}",
                "per window",
                note=f"at most {LABELS_MAX.value:g}/day, {WINDOW_MAX.value:g} days",
                status=held(at_most(o.labels_per_day, LABELS_MAX.value) and at_most(o.window_days, WINDOW_MAX.value)),
            ),
            Metric("Approval ratio", f"{o.selection_ratio:.2f}", note=f"four fifths: {c.FOUR_FIFTHS.value:.2f}"),
        ]

    def tables(self, outcome: Deployment) -> list[Table]:
        def row(name: str, o: Deployment, accuracy: float) -> tuple[str, ...]:
            return (
                name,
                f"{o.group_a.cutoff:.2f} / {o.group_b.cutoff:.2f}",
                percent(accuracy, 2),
                points(o.tpr_gap),
                points(o.fpr_gap),
                points(o.ppv_gap),
                f"{o.selection_ratio:.2f}",
            )

        rows = [
            row(
                pair.name,
                self.design(EQUITY.id, cutoff_a=pair.cutoff_a, cutoff_b=pair.cutoff_b),
                pair.accuracy,
            )
            for pair in best_pairs()
        ]
        return [
            Table(
                "Price tags: accuracy, and the gaps (points) that each criterion leaves",
                ("", "cut-offs A / B", "accuracy", "TPR gap", "FPR gap", "PPV gap", "approval ratio"),
                (*rows, row("your design", outcome, outcome.accuracy)),
                3,
            )
        ]

    def reflection(self) -> Question:
        solved = self.design(EQUITY.id, **SOLUTIONS[EQUITY.id])
        return Question(
            f"An equity design with the cut-offs {solved.group_a.cutoff:.2f} and {solved.group_b.cutoff:.2f} passes, "
            f"and has a PPV gap of {points(solved.ppv_gap)} points. What do you tell the board?",
            (
                Option("A", "The model is broken", "It is the same score as in North."),
                Option("B", "More data will close it", "Infinite data gives the same number."),
                Option(
                    "C",
                    "It is the other side of the same identity: with unequal base rates, equal error rates force "
                    "unequal reliability; the board chose",
                    correct=True,
                    feedback="Solve the identity for PPV at equal FPR and FNR, and the base rates remain.",
                ),
                Option("D", "Use a third threshold", "Two groups, two thresholds: no freedom is left."),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("binormal_threshold", "binormal_rates", "gap_half_width", "selection_rate_ratio"),
            "Equal thresholds $t$ give equal $TPR$ and $FPR$, and by the first formula these are two cut-offs; one "
            "cut-off gives nearly equal $PPV$; equal approval needs a third pair.\n\nFor two groups of one $TPR$ "
            "$r$ the half-width is $z \\sqrt{r (1 - r) (1/n_A + 1/n_B)}$: to halve it takes four times the "
            "labels, and the smaller group decides.",
        )


SOLUTIONS: dict[str, dict[str, Any]] = {
    ACCURACY.id: {
        "cutoff_a": 0.55,
        "monitoring": "full",
        "labels_per_day": 400,
        "window_days": 14,
        "explanation": "async_adverse",
    },
    EQUITY.id: {
        "cutoff_a": 0.59,
        "cutoff_b": 0.29,
        "monitoring": "full",
        "labels_per_day": 400,
        "window_days": 14,
        "explanation": "async_adverse",
    },
}
EARLIER = {
    "data": "more data for the smaller group",
    "thresholds": "group thresholds",
    "both": "data and group thresholds",
}
AGAINST = {
    "data": "Here both groups have the same score already: no data close a gap that comes from base rates.",
    "thresholds": "Here a threshold closes any one gap, and opens another.",
    "both": "Here both groups have the same score already, and a threshold that closes one gap opens another.",
}


class ResponsibleAILab(Lab):
    """Fairness criteria exclude one another, and the one that is chosen must be paid for and proved."""

    volume, number, slug = 2, 16, "lab_16_responsible_ai"
    title = "No Threshold Is Fair to Everyone"
    question = "Which gap do you close when you cannot close them all, and what does it cost to prove it?"
    chapter = CHAPTER
    invariant = (
        "When base rates differ one chooses which gap to close; the choice has a price in accuracy that depends on the "
        "criterion, and it is worth nothing unless it can be measured in time."
    )
    contexts = (ACCURACY, EQUITY)
    acts = (FixedProduct, TwoRegions)
    briefing = (
        "You look for the fair threshold, or for the better model that would end the quarrel. A court wants its tool "
        "to flag equal shares of two groups *and* to be equally reliable in both. A lender works under two laws, of "
        "which one asks that a score mean the same for everyone and the other that good applicants of both groups be "
        "approved alike. Find out what can be had at once, what it costs, and how long it takes to prove."
    )
    reading = (
        Reading(
            "Responsible AI, Fairness in machine learning",
            "demographic parity, equalized odds, equality of opportunity; the notebook “The Fairness Tax”",
        ),
        Reading(
            "Responsible AI, Calculating fairness metrics", "the worked loan example and the impossibility callouts"
        ),
        Reading("Responsible AI, Transparency and explainability", "COMPAS: 45 against 23 % false positives"),
        Reading(
            "Responsible AI, Responsibility is infrastructure, and Fallacies",
            "what monitoring and explanations cost; the four-fifths rule",
        ),
    )
    assumptions = (
        "- What excludes one another are equal PPV, equal FPR and equal FNR (Chouldechova 2017; Kleinberg, "
        "Mullainathan and Raghavan 2016), with two exceptions: equal base rates, or no false positives.\n- In Act I "
        "the rates are whatever an order says; whether some tool reaches them is another question, and beyond 100 % "
        "none does.\n- In Act II scores are normal with equal spread and the same in both groups, so only base rates "
        "differ. The score is calibrated in each group.\n- A better score shrinks the gaps, and leaves the total of "
        "the three ratios as it is.\n- The regulator audits at random, refused applicants included: a lender by "
        "itself never sees whether they would have repaid.\n- The upper bound is the end of a two-sided 95 % interval "
        "for a difference of two proportions; sample sizes are expected ones.\n- Reasons on rejections are computed "
        "after the answer and cost the applicant no time."
    )
    constants = (
        G1_TP,
        G1_FP,
        G1_FN,
        G1_TN,
        G2_TP,
        G2_FP,
        G2_FN,
        G2_TN,
        BASE_A,
        BASE_B,
        SHARE_A,
        D_PRIME,
        FLOOR_NORTH,
        FLOOR_SOUTH,
        BOUND_PPV,
        BOUND_TPR,
        c.FOUR_FIFTHS,
        MODEL_S,
        MONITOR_BASIC_S,
        MONITOR_FULL_S,
        CAP_BASIC,
        CAP_FULL,
        EXPLAIN_SHORT_S,
        EXPLAIN_FULL_S,
        EXPLAIN_COMPUTE,
        SLO,
        COMPUTE_MAX,
        LABELS_MAX,
        WINDOW_MAX,
        c.Z95,
    )
    reads = (("ch15", "act2_decision"), ("v2_15", "act2_result"))
    instructor_notes = (
        "- Classes that took Lab 15 know the odds rule, and some turn it round. Ask which premise the order dropped "
        "(equal misses), then have them find the order that puts the whole total on the false positives and the one "
        "that puts it on the odds of a right flag (equity context).\n- Parity and equal reliability sound like a "
        "compromise; the three bars show that group 1 pays twice. Let students say who is harmed by each: those "
        "wrongly flagged, and the victims of those who were not caught.\n- Have students move the two base rates "
        "together in Act I: all three bars vanish and every quarrel stops. That is the theorem. No false positives is "
        "the second way out; students forget it and then claim that PPV must differ for a perfect model. It is 1 for "
        "both.\n- Selective labels: the lender never sees whether a refused applicant would have paid.\n- The "
        "accuracy regime passes its own law and fails four fifths: legality depends on the region, not on the model.\n"
        "- Four times the labels for half the interval is the real cost of a fairness promise for a small group.\n- "
        f"No design serves both regions: at {percent(FLOOR_SOUTH.value)} accuracy the largest of the three gaps is at "
        f"least {points(least_common_gap())} points."
    )

    def result(self) -> float:
        return float(self.act2.outcome.accuracy)

    def decision(self) -> str:
        o = self.act2.outcome
        if o.group_a.cutoff == o.group_b.cutoff:
            return "calibration"
        if at_most(o.tpr_gap, ALIKE):
            return "equal_opportunity"
        return "demographic_parity" if at_most(o.selection_gap, ALIKE) else "custom"

    def extras(self) -> dict[str, Any]:
        o = self.act2.outcome
        return {
            "tpr_gap": float(o.tpr_gap),
            "ppv_gap": float(o.ppv_gap),
            "selection_ratio": float(o.selection_ratio),
            "latency_ms": float(o.latency_ms),
            "labels_per_day": float(o.labels_per_day),
        }

    def solution(self, context: str) -> dict[str, Any]:
        return SOLUTIONS[context]

    def breaking(self, context: str) -> dict[str, Any]:
        return {"explanation": "sync_full"}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
