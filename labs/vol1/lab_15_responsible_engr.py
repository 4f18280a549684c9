"""V1-15 The Bill for Fair.

Act I: two groups for which a flag is equally precise and misses equally many, and for which it therefore errs
unequally. Act II: a gap between two groups that a threshold moves, that only data close, and that only audits prove;
once on a server where every decision is logged, once on phones where none is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.fairness import (
    Confusion,
    Gap,
    Marked,
    Operating,
    PublishedGroup,
    Scorer,
    chouldechova_explorer,
    confusion_mosaics,
    disaggregated_bars,
    gap_gauges,
    roc_plane,
    selection_rates,
    yearly_bill,
)
from components.instruments.layers import Axis, Plot
from components.instruments.pareto import Box, Design, Trace, pareto_curve
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
from components.quantity import percent, plain, usd
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

CLOUD = Context("cloud", "Cloud", "cloud", "A credit service on H100s: every decision is logged.")
MOBILE = Context("mobile", "Mobile", "mobile", "A wake phrase on a phone's NPU: nothing is logged.")

PREV_A = scenario("prev_a", 0.20, "1", "base rate of Group A", "a factor of two, as in many credit and health tasks")
PREV_B = scenario("prev_b", 0.40, "1", "base rate of Group B", "a factor of two, as in many credit and health tasks")
PPV = scenario("ppv", 0.70, "1", "precision of the flag in both groups", "of the size of COMPAS: 0.63 and 0.59")
FNR = scenario("fnr", 0.30, "1", "miss rate in both groups", "of the size of COMPAS: 0.28 and 0.48")

AUDIT_BOX = "Responsible Engineering, COMPAS audit"
COMPAS_FPR_1 = scenario("compas_fpr_1", 0.449, "1", "reported false-positive rate, group 1", AUDIT_BOX, "chapter")
COMPAS_FPR_2 = scenario("compas_fpr_2", 0.235, "1", "reported false-positive rate, group 2", AUDIT_BOX, "chapter")
PUBLISHED = (
    (c.COMPAS_PREVALENCE_1.value, c.COMPAS_PPV_1.value, c.COMPAS_FNR_1.value, COMPAS_FPR_1.value),
    (c.COMPAS_PREVALENCE_2.value, c.COMPAS_PPV_2.value, c.COMPAS_FNR_2.value, COMPAS_FPR_2.value),
)

SHADES = "Buolamwini and Gebru 2018 (Gender Shades)"
ERR_BEST = scenario("err_best", 0.008, "1", "error, lighter male faces, worst of three vendors", SHADES, "paper")
ERR_WORST = scenario("err_worst", 0.347, "1", "error, darker female faces, worst of three vendors", SHADES, "paper")
VENDOR_LM = scenario("vendor_lm", 0.003, "1", "error of one vendor, lighter male faces", SHADES, "paper")
VENDOR_LF = scenario("vendor_lf", 0.071, "1", "error of the same vendor, lighter female faces", SHADES, "paper")
VENDOR_DM = scenario("vendor_dm", 0.120, "1", "error of the same vendor, darker male faces", SHADES, "paper")
VENDOR_DF = scenario("vendor_df", 0.347, "1", "error of the same vendor, darker female faces", SHADES, "paper")
SHARE_LM = scenario("share_lm", 0.303, "1", "share of lighter male faces in the benchmark", SHADES, "paper")
SHARE_LF = scenario("share_lf", 0.233, "1", "share of lighter female faces in the benchmark", SHADES, "paper")
SHARE_DM = scenario("share_dm", 0.250, "1", "share of darker male faces in the benchmark", SHADES, "paper")
SHARE_DF = scenario("share_df", 0.213, "1", "share of darker female faces in the benchmark", SHADES, "paper")
VENDOR = np.array([VENDOR_LM.value, VENDOR_LF.value, VENDOR_DM.value, VENDOR_DF.value])
BENCHMARK = np.array([SHARE_LM.value, SHARE_LF.value, SHARE_DM.value, SHARE_DF.value])
#: What one vendor's aggregate says on the benchmark's own mix.
VENDOR_ERROR = float(physics.aggregate_error(BENCHMARK, VENDOR))

LOANS = "Responsible Engineering, loan approval example"
LOAN_A_TP = scenario("loan_a_tp", 4500, "count", "Group A: repaid and approved", LOANS, "chapter")
LOAN_A_FN = scenario("loan_a_fn", 500, "count", "Group A: would have repaid, rejected", LOANS, "chapter")
LOAN_A_FP = scenario("loan_a_fp", 1000, "count", "Group A: defaulted, approved", LOANS, "chapter")
LOAN_A_TN = scenario("loan_a_tn", 4000, "count", "Group A: would have defaulted, rejected", LOANS, "chapter")
LOAN_B_TP = scenario("loan_b_tp", 600, "count", "Group B: repaid and approved", LOANS, "chapter")
LOAN_B_FN = scenario("loan_b_fn", 400, "count", "Group B: would have repaid, rejected", LOANS, "chapter")
LOAN_B_FP = scenario("loan_b_fp", 200, "count", "Group B: defaulted, approved", LOANS, "chapter")
LOAN_B_TN = scenario("loan_b_tn", 800, "count", "Group B: would have defaulted, rejected", LOANS, "chapter")
MATRIX_A = {"tp": LOAN_A_TP.value, "fp": LOAN_A_FP.value, "fn": LOAN_A_FN.value, "tn": LOAN_A_TN.value}
MATRIX_B = {"tp": LOAN_B_TP.value, "fp": LOAN_B_FP.value, "fn": LOAN_B_FN.value, "tn": LOAN_B_TN.value}
RATES_A, RATES_B = physics.confusion_rates(**MATRIX_A), physics.confusion_rates(**MATRIX_B)
LOGGED_A, LOGGED_B = sum(MATRIX_A.values()), sum(MATRIX_B.values())

PREVALENCE = scenario("prevalence", 0.5, "1", "share that is qualified, in both groups", LOANS, "chapter")
FEATURES = scenario(
    "features", 1000, "count", "features of the linear scorer", "a typical wide credit or audio-embedding model"
)
N_B_TODAY = scenario(
    "n_b_today",
    160,
    "count",
    "training samples per class of Group B today",
    "the number that gives Group B's confusion matrix",
    "derived",
)
SHARE_B_CLOUD = scenario(
    "share_b_cloud", LOGGED_B / (LOGGED_A + LOGGED_B), "1", "Group B's share of the applicants", LOANS, "chapter"
)
SHARE_B_MOBILE = scenario("share_b_mobile", 0.05, "1", "Group B's share of the users", "an accent group")
FRONTIER = "Responsible Engineering, fairness-accuracy frontier"
FRONTIER_TOP = scenario(
    "frontier_top", 0.947, "1", "accuracy at the start of the chapter's sketch", FRONTIER, "chapter"
)
FRONTIER_END = scenario("frontier_end", 0.913, "1", "accuracy at its fair end", FRONTIER, "chapter")

GATE = c.COHORT_GAP_GATE
FLOOR_CLOUD = scenario("floor_cloud", 0.84, "1", "least overall accuracy", "above today's 82.5 %")
FLOOR_MOBILE = scenario("floor_mobile", 0.83, "1", "least overall accuracy", "below today's 84.3 %")
FEEDBACK = scenario(
    "feedback",
    1.10,
    "1",
    "growth of a gap per retraining",
    "a 3.0-point gap measured again as 3.3; model: Conclusion, bias feedback",
)
CYCLES_PER_YEAR = scenario("cycles_per_year", 4, "1/year", "retrainings", "quarterly")

TRAIN_USD_CLOUD = scenario(
    "train_usd_cloud", 10, "USD", "one labelled example of Group B", "a credit outcome, checked by hand"
)
TRAIN_USD_MOBILE = scenario("train_usd_mobile", 25, "USD", "one labelled example of Group B", "a paid voice session")
AUDIT_USD = scenario("audit_usd_cloud", 2, "USD", "one audited decision from the logs", "two minutes of a reviewer")
PANEL_USD = scenario("panel_usd", 40, "USD", "one panel participant", "ordinary panel fee")
PANEL_TARGETED_USD = scenario(
    "panel_targeted_usd", 120, "USD", "one participant recruited from Group B", "three times as much for a 5 % group"
)
BUDGET_CLOUD = scenario(
    "budget_cloud", 100_000, "USD", "data and audits of a year", "about 1.5 times the cheapest feasible plan"
)
BUDGET_MOBILE = scenario(
    "budget_mobile", 400_000, "USD", "data and audits of a year", "about 1.3 times the cheapest feasible plan"
)

Z = c.Z95.value
#: Separability that abundant data reach: what Group A's confusion matrix implies.
D_LIMIT = physics.d_prime_from_rates(RATES_A["tpr"], RATES_A["fpr"])
PER_1000 = 1000
BASE_RATES = np.linspace(0.0, 0.90, 91)[1:]
ROC_FPR = np.concatenate([np.linspace(0.0005, 0.05, 30), np.linspace(0.06, 0.9995, 90)])


def points(fraction: float, decimals: int = 1) -> str:
    """A difference of two rates in percentage points, without the unit."""
    return f"{100 * fraction:.{decimals}f}"


# --- Act I --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ErrorRates:
    """What follows for two groups from base rates, precision and miss rate. Rates above 1 cannot occur.

    `fpr_ratio` is undefined without false positives, the half-widths for rates that cannot occur. `negatives_a` and
    `negatives_b` are the people behind each false-positive rate.
    """

    fpr_a: float
    fpr_b: float
    fpr_ratio: float | None
    fpr_gap: float
    fpr_gap_half_width: float | None
    half_width_a: float | None
    half_width_b: float | None
    negatives_a: float
    negatives_b: float
    impossible_from: float
    aggregate: float
    curve: Array

    @property
    def possible(self) -> bool:
        """Whether both groups can exist."""
        return max(self.fpr_a, self.fpr_b) <= 1

    @property
    def distinguishable(self) -> bool:
        """Whether the gap is wider than its error bar."""
        return self.fpr_gap_half_width is not None and self.fpr_gap > self.fpr_gap_half_width


def half_width(rate: float, count: float) -> float | None:
    """Half-width of the interval of one rate; None where it cannot occur."""
    return Z * math.sqrt(rate * (1 - rate) / count) if 0 <= rate <= 1 else None


def people_for(rates: tuple[float, float], width: float) -> int:
    """People per group after which the gap of two rates is known to within `width`."""
    return math.ceil(sum(physics.proportion_sample_size(rate, width, Z) for rate in rates if 0 < rate < 1))


@lru_cache(maxsize=512)
def identity_curve(ppv: float, fnr: float) -> Array:
    """False-positive rate at every base rate of the plot."""
    return np.asarray(physics.chouldechova_fpr(BASE_RATES, ppv, fnr))


@cache
def published_groups() -> tuple[tuple[Array, float, float, float], ...]:
    """COMPAS: curve, base rate, implied and reported false-positive rate of each group."""
    return tuple(
        (identity_curve(ppv, fnr), prevalence, physics.chouldechova_fpr(prevalence, ppv, fnr), reported)
        for prevalence, ppv, fnr, reported in PUBLISHED
    )


def aggregate(share: float) -> float:
    """Error rate of both Gender Shades extremes together, with `share` of the worse."""
    return physics.aggregate_error(np.array([1 - share, share]), np.array([ERR_BEST.value, ERR_WORST.value]))


class EqualNumbers(Act):
    """Act I: equal precision and equal misses, unequal false alarms."""

    title = "Two equal numbers force a third"
    minutes = 13

    prevalence_a = slider(
        "Base rate, Group A",
        0.05,
        0.80,
        0.05,
        PREV_A.value,
        unit="%",
        scale=100,
        reason="below 5 % a panel has no positives; above 80 % the flag is the norm",
    )
    prevalence_b = slider(
        "Base rate, Group B",
        0.05,
        0.80,
        0.05,
        PREV_B.value,
        unit="%",
        scale=100,
        reason="below 5 % a panel has no positives; above 80 % the flag is the norm",
    )
    ppv = slider(
        "Precision of the flag",
        0.30,
        1.00,
        0.05,
        PPV.value,
        unit="%",
        scale=100,
        reason="the span of the published COMPAS rates, and more",
    )
    fnr = slider(
        "Miss rate",
        0.00,
        0.60,
        0.05,
        FNR.value,
        unit="%",
        scale=100,
        reason="the span of the published COMPAS rates, and more",
    )
    samples_per_group = stops(
        "Panel, negatives per group",
        (25, 32, 40, 50, 57, 64, 80, 100, 125, 160, 200, 250, 320, 353, 400, 500, 640, 800, 1000),
        50,
        unit="people",
        only_in=("mobile",),
        reason="from a lunch-break panel to a study",
    )
    share_b = slider(
        "Minority share of the users",
        0.01,
        0.50,
        0.01,
        0.05,
        unit="%",
        scale=100,
        reason="from one in a hundred to a balanced test set",
    )
    published = choice(
        "Published audit", {"off": "hidden", "compas": "COMPAS"}, "off", reason="the rates that started the dispute"
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        prevalence_a: float,
        prevalence_b: float,
        ppv: float,
        fnr: float,
        samples_per_group: float | None = None,
        share_b: float = 0.05,
        published: str = "off",
    ) -> ErrorRates:
        fpr_a, fpr_b = (physics.chouldechova_fpr(p, ppv, fnr) for p in (prevalence_a, prevalence_b))
        if samples_per_group is None:
            # The log of the loan example, of which the share without default counts here.
            negatives = LOGGED_A * (1 - prevalence_a), LOGGED_B * (1 - prevalence_b)
        else:
            negatives = samples_per_group, samples_per_group
        possible = max(fpr_a, fpr_b) <= 1
        wrong_per_right = (1 - ppv) / ppv * (1 - fnr)
        return ErrorRates(
            fpr_a=fpr_a,
            fpr_b=fpr_b,
            fpr_ratio=fpr_b / fpr_a if fpr_a > 0 else None,
            fpr_gap=abs(fpr_b - fpr_a),
            fpr_gap_half_width=(
                physics.gap_half_width(fpr_a, negatives[0], fpr_b, negatives[1], Z) if possible else None
            ),
            half_width_a=half_width(fpr_a, negatives[0]),
            half_width_b=half_width(fpr_b, negatives[1]),
            negatives_a=negatives[0],
            negatives_b=negatives[1],
            impossible_from=1 / (1 + wrong_per_right),
            aggregate=aggregate(share_b),
            curve=identity_curve(ppv, fnr),
        )

    @classmethod
    @cache
    def asked(cls) -> ErrorRates:
        """The case of the question."""
        return cls.compute("cloud", prevalence_a=PREV_A.value, prevalence_b=PREV_B.value, ppv=PPV.value, fnr=FNR.value)

    def message(self) -> Message:
        return Message(
            "Product Compliance Officer, an online lender",
            f"When our default flag fires, it is right **{percent(PPV.value, 0)}** of the time, in both customer "
            f"groups, and it catches {percent(1 - FNR.value, 0)} of the defaults in both. Legal drafted the sentence "
            "*identical performance for all groups* for Monday's filing. Group B defaults at "
            f"{percent(PREV_B.value, 0)}, Group A at {percent(PREV_A.value, 0)}. Before I sign: are customers who "
            "would have repaid flagged equally often?",
        )

    def concept(self) -> str:
        measured = (
            f"Here the lender has logs: {LOGGED_A:,g} outcomes of Group A, {LOGGED_B:,g} of Group B."
            if self.context == "cloud"
            else "On a phone nothing is logged: a false-positive rate comes from a paid panel of people who did not "
            "deserve the flag (here: who would have repaid), and has the error bar of that panel."
        )
        return (
            "A confusion matrix has four cells, and each rate reads them along another line. **Precision** looks down "
            "the column of the flagged: how many of them default? The **miss rate** looks along the row of the "
            "defaulters: how many are not flagged? The **false-positive rate** looks along the row of those who would "
            "have repaid: how many are flagged all the same? The **base rate** is the share of the group that "
            f"defaults. {measured}"
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        difference, ratio = PREV_B.value - PREV_A.value, PREV_B.value / PREV_A.value
        implied = max(abs(fpr - reported) for _, _, fpr, reported in published_groups())
        wronged_a, wronged_b = (PER_1000 * fpr for fpr in (asked.fpr_a, asked.fpr_b))
        assert asked.fpr_ratio is not None
        return ChoicePrediction(
            f"Equal precision ({percent(PPV.value, 0)}), equal miss rate ({percent(FNR.value, 0)}), base rates "
            f"{percent(PREV_A.value, 0)} and {percent(PREV_B.value, 0)}. Group B's false-positive rate is how many "
            "times Group A's?",
            (
                Option(
                    "A",
                    "1.0 times",
                    value=1.0,
                    saved=1.0,
                    feedback=(
                        "Two equal metrics do not make the third equal. Try it: at equal precision and miss rate only "
                        "equal base rates, or a precision of 100 %, bring the two markers level."
                    ),
                ),
                Option(
                    "B",
                    f"{1 + difference:.1f} times",
                    value=1 + difference,
                    saved=1.2,
                    feedback="The base rates differ by 20 points, but differences of base rates do not enter.",
                ),
                Option(
                    "C",
                    f"{ratio:.1f} times",
                    value=ratio,
                    saved=2.0,
                    feedback="Close, but it is the odds that count, and odds grow faster than rates.",
                ),
                Option(
                    "D",
                    f"{asked.fpr_ratio:.2f} times",
                    value=round(asked.fpr_ratio, 2),
                    saved=2.67,
                    correct=True,
                    feedback=(
                        f"The ratio is that of the odds: {PREV_B.value / (1 - PREV_B.value):.3f} over "
                        f"{PREV_A.value / (1 - PREV_A.value):.3f}."
                    ),
                ),
            ),
            actual=asked.fpr_ratio,
            form=lambda value: f"{value:.2f} times",
            why=(
                "Precision is a statement about the flagged. To keep it at "
                f"{percent(PPV.value, 0)} where defaults are common, the flag may also hit more of those who would "
                f"have repaid: {wronged_b:.0f} per 1,000 of them in Group B against {wronged_a:.0f} in Group A, "
                f"{percent(asked.fpr_b)} against {percent(asked.fpr_a)}. The published COMPAS rates obey the same "
                f"identity to {points(implied)} points: the audit and the vendor were both right."
            ),
        )

    # --- what is seen ----------------------------------------------------------------------------------------

    def failures(self) -> tuple[Failure, ...]:
        def text(o: ErrorRates) -> str:
            group, prevalence, fpr = max(
                ("Group A", self.prevalence_a, o.fpr_a), ("Group B", self.prevalence_b, o.fpr_b), key=lambda g: g[2]
            )
            return (
                f"In {group}, a base rate of {percent(prevalence, 0)}, a precision of {percent(self.ppv, 0)} and a "
                f"miss rate of {percent(self.fnr, 0)} would need {percent(fpr, 0)} of the others to be flagged. No "
                "classifier has these rates together."
            )

        return (Failure("impossible", "IMPOSSIBLE.", when=lambda o: not o.possible, text=text, severity="warn"),)

    def confusions(self, o: ErrorRates) -> tuple[Confusion, Confusion]:
        """Both confusion matrices, as shares of the group."""

        def matrix(name: str, prevalence: float, fpr: float) -> Confusion:
            wrong = (1 - prevalence) * fpr if fpr <= 1 else math.nan
            return Confusion(
                name,
                prevalence * (1 - self.fnr),
                prevalence * self.fnr,
                wrong,
                1 - prevalence - wrong,
                PER_1000,
            )

        return (
            matrix("Group A", self.prevalence_a, o.fpr_a),
            matrix("Group B", self.prevalence_b, o.fpr_b),
        )

    def plots(self, outcome: ErrorRates) -> dict[str, Plot]:
        return {
            "identity": self._identity(outcome),
            "mosaics": self._mosaics(outcome),
            "bars": self._bars(outcome),
        }

    def _identity(self, o: ErrorRates) -> Plot:
        hidden = self.published == "off"
        if not o.possible:
            said = (
                f"From a base rate of {percent(o.impossible_from)} on, these two rates cannot hold together: more than "
                "everybody would have to be flagged."
            )
        elif o.fpr_gap == 0:
            said = (
                f"Both groups lie level at {percent(o.fpr_a)}: there is no gap."
                if self.prevalence_a == self.prevalence_b or o.fpr_a == 0
                else "There is no gap."
            )
        else:
            said = (
                f"At this precision and miss rate Group B lies {points(o.fpr_gap)} points "
                f"{'above' if o.fpr_b > o.fpr_a else 'below'} Group A. {self._resolution(o)}"
            )
        implied = ", ".join(
            f"{percent(fpr)} for a reported {percent(reported)}" for _, _, fpr, reported in published_groups()
        )
        return chouldechova_explorer(
            BASE_RATES,
            o.curve,
            impossible_from=o.impossible_from,
            groups=(
                Marked("A", self.prevalence_a, o.fpr_a, math.nan if o.half_width_a is None else o.half_width_a),
                Marked("B", self.prevalence_b, o.fpr_b, math.nan if o.half_width_b is None else o.half_width_b),
            ),
            published=[
                PublishedGroup(
                    f"COMPAS {k}",
                    np.full_like(curve, np.nan) if hidden else curve,
                    prevalence,
                    math.nan if hidden else fpr,
                    math.nan if hidden else reported,
                )
                for k, (curve, prevalence, fpr, reported) in enumerate(published_groups(), 1)
            ],
            predicted_ratio=self.predicted(),
            title="The false-positive rate that is left",
            caption=said + ("" if hidden else f" COMPAS: the identity gives {implied} (rings)."),
        )

    def _resolution(self, o: ErrorRates) -> str:
        """What the log or the panel can tell of the gap."""
        assert o.fpr_gap_half_width is not None
        width = f"± {points(o.fpr_gap_half_width)} points"
        if self.context == "cloud":
            return f"The log knows it to {width}."
        rates = (o.fpr_a, o.fpr_b)
        return (
            f"A panel of {o.negatives_a:.0f} knows it to {width}; it takes {people_for(rates, o.fpr_gap):,} people per "
            f"group to tell it from zero, {people_for(rates, GATE.value):,} for ± {points(GATE.value, 0)} points."
        )

    def _mosaics(self, o: ErrorRates) -> Plot:
        a, b = self.confusions(o)
        caption = (
            (
                f"Of {PER_1000:,} people, {PER_1000 * a.wronged:.0f} in Group A and {PER_1000 * b.wronged:.0f} in "
                f"Group B are flagged though they would have repaid: {percent(o.fpr_a)} and {percent(o.fpr_b)} of the "
                "right column. The dashed level is Group A's rate."
            )
            if o.possible
            else "A confusion matrix cannot have more wrongly flagged people than people."
        )
        return confusion_mosaics(
            (a, b),
            columns=("default", "repay"),
            cells=("caught", "missed", "flagged in error", "left alone"),
            title=f"{PER_1000:,} people of each group",
            caption=caption,
        )

    def _bars(self, o: ErrorRates) -> Plot:
        vendor = VENDOR_ERROR
        mixture = f"both, {percent(self.share_b, 0)} darker"
        return disaggregated_bars(
            {
                "lighter male": ERR_BEST.value,
                "darker female": ERR_WORST.value,
                mixture: o.aggregate,
                "one vendor, all four": vendor,
            },
            aggregates=(mixture, "one vendor, all four"),
            high=40,
            title="What a dashboard shows of a small group",
            caption=(
                f"At a share of {percent(self.share_b, 0)}, an aggregate error of {percent(o.aggregate)} hides "
                f"{percent(ERR_WORST.value)} for the minority, {ERR_WORST.value / ERR_BEST.value:.0f} times the "
                "majority's. Single groups: worst vendor each. On the benchmark's own balanced mix one vendor errs in "
                f"{percent(vendor)} of all faces."
            ),
        )

    def metrics(self, outcome: ErrorRates) -> list[Metric]:
        o = outcome

        def rate(name: str, fpr: float, prevalence: float) -> Metric:
            if fpr > 1:
                return Metric(name, "impossible", note=f"{percent(fpr, 0)} would be needed", status="caution")
            negatives = PER_1000 * (1 - prevalence)
            return Metric(name, f"{100 * fpr:.1f}", "%", note=f"{negatives * fpr:.0f} of {negatives:.0f} who repay")

        ratio = o.fpr_ratio if o.possible else None
        width = o.fpr_gap_half_width
        if width is None:
            told = "undefined"
        elif o.fpr_gap == 0:
            told = "no gap to be told"
        else:
            told = "the gap can be told from zero" if o.distinguishable else "the gap cannot be told from zero"
        return [
            rate("FPR, Group A", o.fpr_a, self.prevalence_a),
            rate("FPR, Group B", o.fpr_b, self.prevalence_b),
            Metric("B over A", "–" if ratio is None else f"{ratio:.2f}", "" if ratio is None else "×"),
            Metric("Gap", points(o.fpr_gap) if o.possible else "–", "points" if o.possible else ""),
            Metric(
                "Error bar of the gap",
                "–" if width is None else f"± {points(width)}",
                "" if width is None else "points",
                note=told,
                status="caution" if width is not None and o.fpr_gap > 0 and not o.distinguishable else "neutral",
            ),
        ]

    def tables(self, outcome: ErrorRates) -> list[Table]:
        groups = self.confusions(outcome)

        def row(name: str, cell: str) -> tuple[str, ...]:
            counts = [PER_1000 * getattr(group, cell) for group in groups]
            return (name, *("–" if math.isnan(count) else f"{count:.0f}" for count in counts))

        fprs = [percent(fpr) if fpr <= 1 else "impossible" for fpr in (outcome.fpr_a, outcome.fpr_b)]
        rows = (
            row("flagged, defaults", "caught"),
            row("flagged, would repay", "wronged"),
            row("not flagged, defaults", "missed"),
            row("not flagged, would repay", "spared"),
            ("precision", *[percent(self.ppv, 0)] * 2),
            ("miss rate", *[percent(self.fnr, 0)] * 2),
            ("false-positive rate", *fprs),
        )
        return [Table(f"Of {PER_1000:,} people", ("", "Group A", "Group B"), rows, 6)]

    def reflection(self) -> Question:
        asked = self.asked()
        ppv_a, ppv_b = (
            physics.ppv_from_rates(prevalence, 1 - FNR.value, asked.fpr_a)
            for prevalence in (PREV_A.value, PREV_B.value)
        )
        return Question(
            "The same lender could instead equalize the false-positive rate *and* the miss rate in both groups. What "
            f"then happens to precision, with base rates {percent(PREV_A.value, 0)} and {percent(PREV_B.value, 0)}?",
            (
                Option(
                    "A",
                    "It becomes equal, too",
                    "Then all three are equal, which the identity allows only for equal base rates or for a flag "
                    "without false positives.",
                ),
                Option(
                    "B",
                    "It must differ: a flag in Group B will be right more often than in Group A",
                    correct=True,
                    feedback=(
                        f"With {percent(asked.fpr_a)} and {percent(FNR.value, 0)} in both groups, precision is "
                        f"{ppv_a:.2f} in Group A and {ppv_b:.2f} in Group B."
                    ),
                ),
                Option("C", "It is undefined", "It is undefined only if nobody is flagged."),
                Option(
                    "D",
                    "More training data removes the conflict",
                    "Only a flag without false positives does: the identity holds for every classifier.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("chouldechova_fpr", "ppv_from_rates", "gap_half_width", "proportion_sample_size", "aggregate_error"),
            "Of a whole group, $p (1 - FNR)$ are flagged rightly and $(1 - p) FPR$ wrongly.\n\n"
            "Precision fixes how the two stand to each other: wrong over right is $(1 - PPV) / PPV$.\n\n"
            "Solved for $FPR$, this is the identity. With equal $PPV$ and $FNR$ all but the base rate cancels: the "
            "rates of two groups stand to each other as their *odds* $p / (1 - p)$.",
        )


# --- Act II -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """What a context pays, and what it must reach."""

    share_b: float
    train_usd: float
    floor: float
    budget: float
    good: str
    other: str


SITES = {
    "cloud": Site(
        SHARE_B_CLOUD.value,
        TRAIN_USD_CLOUD.value,
        FLOOR_CLOUD.value,
        BUDGET_CLOUD.value,
        "good applicants approved",
        "bad ones approved",
    ),
    "mobile": Site(
        SHARE_B_MOBILE.value,
        TRAIN_USD_MOBILE.value,
        FLOOR_MOBILE.value,
        BUDGET_MOBILE.value,
        "calls heard",
        "false wake-ups",
    ),
}

THRESHOLD_TODAY = 0.85
LOWEST, HIGHEST, STEP = -0.50, 1.60, 0.05
#: The step of the slider at which both groups have the same true-positive rate with today's data, or as good as.
EQUALIZING = -0.20
SWEEP = np.round(np.arange(LOWEST, HIGHEST + STEP / 2, STEP), 10)
#: A difference of thresholds from which on it is a part of the design.
APART = 0.15
SAMPLES = (160, 250, 400, 630, 1000, 1600, 2500, 4000, 6300, 10000, 16000)


@dataclass(frozen=True)
class FairnessOutcome:
    """A scorer with its thresholds, its data and its audits. Rates and gaps are fractions, money is USD per year."""

    d_prime_b: float
    tpr_a: float
    tpr_b: float
    fpr_a: float
    fpr_b: float
    tpr_gap: float
    fpr_gap: float
    certified_tpr_gap: float
    certified_fpr_gap: float
    selection_ratio: float
    overall_accuracy: float
    annual_cost_usd: float
    all_met: bool
    selection_a: float
    selection_b: float
    growth: float
    tpr_half_width: float
    fpr_half_width: float
    data_usd: float
    audit_usd: float
    samples: float
    arc: tuple[Array, Array]
    arc_today: tuple[Array, Array]

    @property
    def worst(self) -> tuple[str, float, float, float]:
        """Name, measured gap, half-width and certified gap of the metric that is harder to certify."""
        return max(
            ("TPR", self.tpr_gap, self.tpr_half_width, self.certified_tpr_gap),
            ("FPR", self.fpr_gap, self.fpr_half_width, self.certified_fpr_gap),
            key=lambda metric: metric[3],
        )


def cycles_between(audits_per_year: float) -> float:
    """Retrainings from one audit to the next."""
    return CYCLES_PER_YEAR.value / audits_per_year


def separability(samples: float) -> float:
    """Separability of Group B's scorer, trained on so many samples per class."""
    return physics.lda_effective_d_prime(D_LIMIT, FEATURES.value, samples)


def overall(context: str, accuracy_a: Any, accuracy_b: Any) -> Any:
    """Accuracy over both groups, weighted by their shares."""
    share = SITES[context].share_b
    errors = np.stack(np.broadcast_arrays(1 - np.asarray(accuracy_a), 1 - np.asarray(accuracy_b)), axis=-1)
    return 1 - physics.aggregate_error(np.array([1 - share, share]), errors)


def scored(context: str, threshold_a: Any, threshold_b: Any, samples: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rates of both groups. Group A always has abundant data."""
    return (
        physics.binormal_rates(threshold_a, PREVALENCE.value, D_LIMIT),
        physics.binormal_rates(threshold_b, PREVALENCE.value, separability(samples)),
    )


def certified(rate_a: Any, rate_b: Any, audits_per_year: float, audit_samples: float) -> tuple[Any, Any]:
    """Half-width of an audited gap, and the largest gap that cannot be excluded just before the next audit."""
    width = physics.gap_half_width(rate_a, audit_samples, rate_b, audit_samples, Z)
    gap = np.abs(np.asarray(rate_a) - rate_b)
    return width, physics.certified_gap(gap, FEEDBACK.value, cycles_between(audits_per_year), width)


@lru_cache(maxsize=1024)
def arc(
    context: str, threshold_a: float, samples: float, audits_per_year: float, audit_samples: float
) -> tuple[Array, Array]:
    """Certified TPR gap and overall accuracy as Group B's threshold (Mobile: everybody's) sweeps its slider."""
    rates_a, rates_b = scored(context, threshold_a if context == "cloud" else SWEEP, SWEEP, samples)
    _, gaps = certified(rates_a["tpr"], rates_b["tpr"], audits_per_year, audit_samples)
    return np.asarray(gaps), np.asarray(overall(context, rates_a["accuracy"], rates_b["accuracy"]))


@cache
def threshold_repair() -> dict[str, float]:
    """Lowering only Group B's threshold, in Cloud, with today's data: what it gains and loses.

    `loss` is that of overall accuracy at the slider's step, `exact_loss` where both rates are exactly equal; `good`
    and `bad` are loans more per 1,000 applicants of Group B.
    """
    samples = N_B_TODAY.value

    def accuracy(threshold_b: float) -> float:
        a, b = scored("cloud", THRESHOLD_TODAY, threshold_b, samples)
        return float(overall("cloud", a["accuracy"], b["accuracy"]))

    exact = THRESHOLD_TODAY - (D_LIMIT - separability(samples))
    before, after = (
        physics.binormal_rates(threshold, PREVALENCE.value, separability(samples))
        for threshold in (THRESHOLD_TODAY, EQUALIZING)
    )
    return {
        "today": accuracy(THRESHOLD_TODAY),
        "loss": accuracy(THRESHOLD_TODAY) - accuracy(EQUALIZING),
        "exact_threshold": exact,
        "exact_loss": accuracy(THRESHOLD_TODAY) - accuracy(exact),
        "good": PER_1000 * PREVALENCE.value * (after["tpr"] - before["tpr"]),
        "bad": PER_1000 * (1 - PREVALENCE.value) * (after["fpr"] - before["fpr"]),
        "fpr": after["fpr"],
        "gap": physics.binormal_tpr(THRESHOLD_TODAY, D_LIMIT) - before["tpr"],
    }


class FairBill(Act):
    """Act II: thresholds, data, audits, and what may be promised."""

    title = "Fair, and able to show it"
    minutes = 25

    threshold_a = slider(
        "Threshold, Group A",
        LOWEST,
        HIGHEST,
        STEP,
        THRESHOLD_TODAY,
        unit="sd",
        only_in=("cloud",),
        reason="−0.5 approves 69 % of the unqualified, 1.6 rejects 95 % of them",
    )
    threshold_b = slider(
        "Threshold, Group B",
        LOWEST,
        HIGHEST,
        STEP,
        THRESHOLD_TODAY,
        unit="sd",
        only_in=("cloud",),
        reason="−0.5 approves 69 % of the unqualified, 1.6 rejects 95 % of them",
    )
    threshold = slider(
        "Threshold, everybody",
        LOWEST,
        HIGHEST,
        STEP,
        THRESHOLD_TODAY,
        unit="sd",
        only_in=("mobile",),
        reason="one threshold: the phone does not know the group",
    )
    group_b_samples_per_class = stops(
        "Training data, Group B",
        SAMPLES,
        int(N_B_TODAY.value),
        unit="per class",
        reason="a hundredfold: at the upper end d' is within 1.4 % of its limit",
    )
    audits_per_year = choice(
        "Audits a year", {1: "1", 2: "2", 4: "4", 12: "12"}, 4, unit="1/year", reason="from yearly to monthly"
    )
    audit_samples = slider(
        "Audit sample, per group",
        100,
        3000,
        100,
        500,
        unit="cases",
        reason="from ± 14 to ± 2.5 points at a rate of one half; in Cloud per class, on Mobile people",
    )
    recruitment = choice(
        "Panel",
        {"random": "random users", "stratified": "recruited by group"},
        "random",
        only_in=("mobile",),
        reason="how the members of a small group are found",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        group_b_samples_per_class: float,
        audits_per_year: float,
        audit_samples: float,
        threshold_a: float | None = None,
        threshold_b: float | None = None,
        threshold: float = THRESHOLD_TODAY,
        recruitment: str = "random",
    ) -> FairnessOutcome:
        site, cloud = SITES[context], context == "cloud"
        t_a = threshold if threshold_a is None else threshold_a
        t_b = t_a if threshold_b is None or not cloud else threshold_b
        samples = group_b_samples_per_class
        a, b = scored(context, t_a, t_b, samples)
        tpr_width, tpr_certified = certified(a["tpr"], b["tpr"], audits_per_year, audit_samples)
        fpr_width, fpr_certified = certified(a["fpr"], b["fpr"], audits_per_year, audit_samples)
        data = physics.data_acquisition_cost(samples, site.train_usd)
        if cloud:
            audits = physics.log_audit_cost(audits_per_year, audit_samples, AUDIT_USD.value)
        else:
            audits = physics.panel_audit_cost(
                audits_per_year, audit_samples, PANEL_USD.value, PANEL_TARGETED_USD.value, site.share_b, recruitment
            )
        ratio = physics.selection_rate_ratio(a["selection"], b["selection"])
        accuracy = float(overall(context, a["accuracy"], b["accuracy"]))
        return FairnessOutcome(
            d_prime_b=separability(samples),
            tpr_a=a["tpr"],
            tpr_b=b["tpr"],
            fpr_a=a["fpr"],
            fpr_b=b["fpr"],
            tpr_gap=abs(a["tpr"] - b["tpr"]),
            fpr_gap=abs(a["fpr"] - b["fpr"]),
            certified_tpr_gap=tpr_certified,
            certified_fpr_gap=fpr_certified,
            selection_ratio=ratio,
            overall_accuracy=accuracy,
            annual_cost_usd=data + audits,
            all_met=bool(
                at_most(tpr_certified, GATE.value)
                and at_most(fpr_certified, GATE.value)
                and at_least(ratio, c.FOUR_FIFTHS.value)
                and at_least(accuracy, site.floor)
                and at_most(data + audits, site.budget)
            ),
            selection_a=a["selection"],
            selection_b=b["selection"],
            growth=FEEDBACK.value ** cycles_between(audits_per_year),
            tpr_half_width=tpr_width,
            fpr_half_width=fpr_width,
            data_usd=data,
            audit_usd=audits,
            samples=samples,
            arc=arc(context, t_a, samples, audits_per_year, audit_samples),
            arc_today=arc(context, t_a, N_B_TODAY.value, audits_per_year, audit_samples),
        )

    @property
    def site(self) -> Site:
        """Prices and limits of the current context."""
        return SITES[self.context]

    def message(self) -> Message:
        ratio = physics.selection_rate_ratio(RATES_A["selection"], RATES_B["selection"])
        if self.context == "cloud":
            return Message(
                "VP of Lending, a consumer bank",
                f"The regulator read our confusion matrices: {percent(RATES_A['tpr'], 0)} of the good applicants "
                f"approved in Group A, {percent(RATES_B['tpr'], 0)} in Group B, approval ratio {ratio:.2f}. One team "
                "wants a lower threshold for B, one wants data, one wants monthly audits. You have "
                f"**{BUDGET_CLOUD.value:,.0f} dollars a year**, and overall accuracy must rise to "
                f"{percent(FLOOR_CLOUD.value, 0)}.",
            )
        return Message(
            "Head of Voice, a smartphone maker",
            f"Our wake phrase hears {percent(RATES_A['tpr'], 0)} of the callers, {percent(RATES_B['tpr'], 0)} of one "
            f"accent, {percent(SHARE_B_MOBILE.value, 0)} of the users. Nothing leaves the phone, and the phone does "
            f"not know accents, so there is one threshold. **{BUDGET_MOBILE.value:,.0f} dollars**, accuracy at least "
            f"{percent(FLOOR_MOBILE.value, 0)}, and I must be able to *prove* a five-point gap.",
        )

    def from_ledger(self) -> str:
        decision = self.lab.read("ch14", "act2_decision")
        if decision not in PRESET_AUDITS:
            return ""
        how = "when an alarm rang" if decision == "triggered" else "on a schedule"
        return (
            f"In Lab 14 you retrained {how}. Your audits start at {PRESET_AUDITS[decision]} a year; what that costs is "
            "on the bill."
        )

    def concept(self) -> str:
        share = (
            f"Group B is one applicant in {1 / SHARE_B_CLOUD.value:.0f}."
            if self.context == "cloud"
            else f"Group B is one user in {1 / SHARE_B_MOBILE.value:.0f}."
        )
        audit = (
            f"An audit draws that many cases per group and class from the log, at {AUDIT_USD.value:g} USD each."
            if self.context == "cloud"
            else f"An audit is a panel: {PANEL_USD.value:g} USD a person, {PANEL_TARGETED_USD.value:g} for one who is "
            "sought out in Group B."
        )
        return (
            "A case is accepted when its score lies above a **threshold**, counted in standard deviations of the "
            f"score. Group B's scorer was trained on {N_B_TODAY.value:g} examples per class, Group A's on plenty. "
            f"{share} Every quarterly retraining multiplies a gap by {FEEDBACK.value:.2f}, because a system learns "
            "from what its own decisions let it see. A claim is **certified** when *gap × growth until the next audit "
            f"+ error bar* is at most {points(GATE.value, 0)} points. {audit}"
        )

    def prediction(self) -> ChoicePrediction:
        repair = threshold_repair()
        sketch = 100 * (FRONTIER_TOP.value - FRONTIER_END.value)
        diluted, halved = 100 * repair["gap"] * SHARE_B_CLOUD.value, 50 * repair["gap"]
        return ChoicePrediction(
            "In the cloud: lower only Group B's threshold until both groups have the same true-positive rate, with "
            "today's data. How much overall accuracy is lost?",
            (
                Option(
                    "A",
                    f"{100 * repair['loss']:.1f} points",
                    value=round(100 * repair["loss"], 1),
                    correct=True,
                    feedback=(
                        f"Per 1,000 applicants of Group B, {repair['good']:.0f} more good loans nearly offset "
                        f"{repair['bad']:.0f} more bad ones, and Group B is one applicant in "
                        f"{1 / SHARE_B_CLOUD.value:.0f}."
                    ),
                ),
                Option(
                    "B",
                    f"{sketch:.1f} points",
                    value=round(sketch, 1),
                    feedback=(
                        f"That is the chapter's sketch of a frontier, {percent(FRONTIER_TOP.value)} to "
                        f"{percent(FRONTIER_END.value)}: a picture of the idea, and no price list for this scorer."
                    ),
                ),
                Option(
                    "C",
                    f"{diluted:.1f} points",
                    value=round(diluted, 1),
                    feedback=(
                        f"A {100 * repair['gap']:.0f}-point gap in a sixth of the applicants is the share of decisions "
                        "that change for the good. Accuracy counts what is gained against what is lost."
                    ),
                ),
                Option(
                    "D",
                    f"{halved:.0f} points",
                    value=round(halved),
                    feedback=(
                        "Half of the gap would be the price if fairness were taken out of accuracy. But a threshold "
                        "trades one error for another, in one group only."
                    ),
                ),
            ),
            actual=100 * repair["loss"],
            form=lambda loss: f"{plain(loss, 2)} points",
            why=(
                f"{percent(repair['today'])} become {percent(repair['today'] - repair['loss'])} at the slider's step "
                f"of {plain(EQUALIZING)} ({points(repair['exact_loss'], 2)} points where the rates are exactly equal, "
                f"at {plain(repair['exact_threshold'], 2)}). Cheap on the dashboard; in Group B "
                f"{percent(repair['fpr'], 0)} of the unqualified are now approved. The aggregate hid the disease, and "
                "it also hides the cure's side effect. Your own design stands beside today's in the table under the "
                "instruments: in the cloud, data improve accuracy and gap together; on the phone some accuracy is "
                "spent on the gap."
            ),
        )

    def challenge(self) -> str:
        site = self.site
        hint = (
            "Three teams, three levers: none of them gets there alone."
            if self.context == "cloud"
            else "One threshold for everybody, and nobody's group is known."
        )
        return (
            f"Certify both gaps at **{points(GATE.value, 0)} points** or less, with a selection ratio of at least "
            f"{c.FOUR_FIFTHS.value:.2f}, an overall accuracy of at least {percent(site.floor, 0)} and at most "
            f"{usd(site.budget)} a year. {hint}"
        )

    def constraints(self) -> tuple[Constraint, ...]:
        site = self.site
        return (
            Constraint(
                f"Certified gaps ≤ {points(GATE.value, 0)} points",
                lambda o: at_most(o.certified_tpr_gap, GATE.value) and at_most(o.certified_fpr_gap, GATE.value),
            ),
            Constraint(
                f"Selection ratio ≥ {c.FOUR_FIFTHS.value:.2f}",
                lambda o: at_least(o.selection_ratio, c.FOUR_FIFTHS.value),
            ),
            Constraint(f"Accuracy ≥ {percent(site.floor, 0)}", lambda o: at_least(o.overall_accuracy, site.floor)),
            Constraint(f"Cost ≤ {usd(site.budget)}", lambda o: at_most(o.annual_cost_usd, site.budget)),
        )

    def failures(self) -> tuple[Failure, ...]:
        site = self.site

        def uncertain(o: FairnessOutcome) -> str:
            name, gap, width, bound = o.worst
            said = (
                f"{name}: measured {points(gap)} points, × {o.growth:.2f} until the next audit, ± {points(width)}: up "
                f"to {points(bound)} points (gate {points(GATE.value, 0)})."
            )
            return said + (" You may well be fair. You cannot show it." if at_most(gap, GATE.value) else "")

        return (
            Failure(
                "adverse_impact",
                "ADVERSE IMPACT.",
                when=lambda o: not at_least(o.selection_ratio, c.FOUR_FIFTHS.value),
                text=lambda o: (
                    f"Selection rates {percent(o.selection_a)} and {percent(o.selection_b)}, ratio "
                    f"{o.selection_ratio:.2f} (four-fifths rule: {c.FOUR_FIFTHS.value:.2f}). Disadvantaged: Group "
                    f"{'B' if o.selection_b < o.selection_a else 'A'}."
                ),
            ),
            Failure(
                "gap_not_certified",
                "GAP NOT CERTIFIED.",
                when=lambda o: not at_most(o.worst[3], GATE.value),
                text=uncertain,
            ),
            Failure(
                "accuracy_floor",
                "ACCURACY FLOOR.",
                when=lambda o: not at_least(o.overall_accuracy, site.floor),
                text=lambda o: f"{percent(o.overall_accuracy)} (floor {percent(site.floor, 0)}).",
            ),
            Failure(
                "over_budget",
                "OVER BUDGET.",
                when=lambda o: not at_most(o.annual_cost_usd, site.budget),
                text=lambda o: f"{usd(o.annual_cost_usd)}, limit {usd(site.budget)}.",
                severity="warn",
            ),
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: FairnessOutcome) -> dict[str, Plot]:
        return {
            "roc": self._roc(outcome),
            "pareto": self._pareto(outcome),
            "gaps": self._gaps(outcome),
            "selection": self._selection(outcome),
            "bill": self._bill(outcome),
        }

    def _roc(self, o: FairnessOutcome) -> Plot:
        apart = o.samples > N_B_TODAY.value
        return roc_plane(
            ROC_FPR,
            first=Scorer("Group A", roc_curve(D_LIMIT)),
            second=Scorer(f"Group B, {o.samples:,.0f} samples", roc_curve(o.d_prime_b)),
            second_before=Scorer("Group B today", roc_curve(separability(N_B_TODAY.value))),
            points=(Operating("A", o.fpr_a, o.tpr_a), Operating("B", o.fpr_b, o.tpr_b)),
            tolerance=GATE.value,
            title="Where the thresholds stand on their curves",
            caption=(
                f"A threshold moves a group along its own curve. {o.samples:,.0f} samples per class put Group B's at "
                f"d' = {o.d_prime_b:.2f}"
                + (f", {separability(N_B_TODAY.value):.2f} today" if apart else "")
                + f"; Group A's is {D_LIMIT:.2f}. Group B must come into the box around A."
            ),
        )

    def _pareto(self, o: FairnessOutcome) -> Plot:
        cloud, site = self.context == "cloud", self.site
        predicted = self.predicted()
        # In the cloud only Group B's threshold sweeps, which moves the overall accuracy by a few points at most.
        least = min(float(np.min(o.arc[1])), float(np.min(o.arc_today[1])), o.overall_accuracy)
        low, every = (77, 1) if 100 * least > 77.5 else (64, 4)
        level, claim = math.nan, ""
        if predicted is not None and cloud:
            level = 100 * threshold_repair()["today"] - predicted
            claim = f"your prediction: {percent(level / 100)}" + (", below the axis" if level < low else "")
        best = float(np.max(o.arc[1]))
        return pareto_curve(
            [
                Trace(100 * o.arc_today[0], 100 * o.arc_today[1], "today's data"),
                Trace(100 * o.arc[0], 100 * o.arc[1], f"{o.samples:,.0f} samples per class", "data"),
            ],
            x=Axis("certified TPR gap (points)", 0, 40, ticks=tuple((float(t), f"{t}") for t in range(0, 41, 5))),
            y=Axis("overall accuracy (%)", low, 87, ticks=tuple((float(t), f"{t}") for t in range(low, 88, every))),
            box=Box(0, 100 * GATE.value, 100 * site.floor, 87),
            here=Design(100 * o.certified_tpr_gap, 100 * o.overall_accuracy, "your design"),
            chosen=Trace(100 * o.arc[0], 100 * o.arc[1]),
            predicted=Trace(np.array([8.0, 40.0]), np.full(2, np.maximum(level, low + 0.01 * (87 - low))), claim),
            named_at="key",
            title="What fairness costs, and what data change about it",
            caption=(
                f"Dots: {'Group B’s' if cloud else 'the'} threshold from {plain(LOWEST)} to {plain(HIGHEST)} sd. With "
                f"{o.samples:,.0f} samples per class the best accuracy on the arc is {percent(best)}, the least "
                f"certified gap {points(float(np.min(o.arc[0])))} points. Your design: {percent(o.overall_accuracy)} "
                f"and {points(o.certified_tpr_gap)} points. Green: within the gate and above the floor."
            ),
        )

    def _gaps(self, o: FairnessOutcome) -> Plot:
        name, gap, width, bound = o.worst
        return gap_gauges(
            [
                Gap("TPR", o.tpr_gap, o.tpr_gap * o.growth, o.certified_tpr_gap),
                Gap("FPR", o.fpr_gap, o.fpr_gap * o.growth, o.certified_fpr_gap),
            ],
            gate=Limit(GATE.value, f"gate: {points(GATE.value, 0)} points"),
            title="What may be promised until the next audit",
            caption=(
                f"{name}: {points(gap)} points measured, times {o.growth:.2f} until the next audit, plus "
                f"{points(width)} of error bar: {points(bound)} points cannot be excluded."
            ),
        )

    def _selection(self, o: FairnessOutcome) -> Plot:
        return selection_rates(
            {"Group A": o.selection_a, "Group B": o.selection_b},
            least_ratio=c.FOUR_FIFTHS.value,
            title="Who is selected",
            caption=(
                f"The lower rate is {o.selection_ratio:.2f} of the higher. The four-fifths rule asks for "
                f"{c.FOUR_FIFTHS.value:.2f}, and says nothing of errors."
            ),
        )

    def _bill(self, o: FairnessOutcome) -> Plot:
        share = o.audit_usd / o.annual_cost_usd
        return yearly_bill(
            {"training data": o.data_usd, "audits": o.audit_usd},
            budget=Limit(self.site.budget, "budget"),
            title="What a year costs",
            caption=(
                f"{usd(o.data_usd)} for data and {usd(o.audit_usd)} for audits: {percent(share)} of the money goes "
                "into knowing."
            ),
        )

    def metrics(self, outcome: FairnessOutcome) -> list[Metric]:
        o, site = outcome, self.site

        def gap(name: str, measured: float, bound: float) -> Metric:
            return Metric(
                name,
                points(bound, 2),
                "points",
                note=f"measured {points(measured)}",
                status=held(at_most(bound, GATE.value)),
            )

        return [
            gap("Certified TPR gap", o.tpr_gap, o.certified_tpr_gap),
            gap("Certified FPR gap", o.fpr_gap, o.certified_fpr_gap),
            Metric(
                "Selection ratio",
                f"{o.selection_ratio:.3f}",
                note=f"at least {c.FOUR_FIFTHS.value:.2f}",
                status=held(at_least(o.selection_ratio, c.FOUR_FIFTHS.value)),
            ),
            Metric(
                "Overall accuracy",
                f"{100 * o.overall_accuracy:.1f}",
                "%",
                note=f"at least {percent(site.floor, 0)}",
                status=held(at_least(o.overall_accuracy, site.floor)),
            ),
            Metric(
                "Cost",
                f"{o.annual_cost_usd:,.0f}",
                "USD/year",
                note=f"at most {site.budget:,.0f}",
                status="met" if at_most(o.annual_cost_usd, site.budget) else "caution",
            ),
        ]

    def tables(self, outcome: FairnessOutcome) -> list[Table]:
        site = self.site
        designs = (self.at_defaults(), outcome)

        def row(name: str, field: str, form: Any) -> tuple[str, ...]:
            return (name, *(form(getattr(design, field)) for design in designs))

        rows = (
            row("separability d' of Group B", "d_prime_b", lambda d: f"{d:.2f}"),
            row(f"{site.good}, Group A", "tpr_a", percent),
            row(f"{site.good}, Group B", "tpr_b", percent),
            row(f"{site.other}, Group A", "fpr_a", percent),
            row(f"{site.other}, Group B", "fpr_b", percent),
            row("TPR gap, measured (points)", "tpr_gap", points),
            row("FPR gap, measured (points)", "fpr_gap", points),
            row("TPR gap, certified (points)", "certified_tpr_gap", points),
            row("FPR gap, certified (points)", "certified_fpr_gap", points),
            row("selection ratio", "selection_ratio", lambda ratio: f"{ratio:.3f}"),
            row("overall accuracy", "overall_accuracy", percent),
            row("cost (USD a year)", "annual_cost_usd", lambda cost: f"{cost:,.0f}"),
        )
        return [Table("Your design beside today's", ("", "today", "your design"), rows, 7)]

    def reflection(self) -> Question:
        data = physics.data_acquisition_cost(4000, TRAIN_USD_MOBILE.value)
        panel, four_times = (
            physics.panel_audit_cost(
                1, people, PANEL_USD.value, PANEL_TARGETED_USD.value, SHARE_B_MOBILE.value, "stratified"
            )
            for people in (800, 4 * 800)
        )
        plan = self.compute(
            "mobile",
            threshold=0.60,
            group_b_samples_per_class=4000,
            audits_per_year=1,
            audit_samples=800,
            recruitment="stratified",
        )
        today = separability(N_B_TODAY.value)
        return Question(
            "A phone design has 4,000 samples per class and one stratified audit of 800 people per group. Halving the "
            f"audit's error bar costs {usd(four_times - panel)} more, {(four_times - panel) / data:.1f} times all the "
            "training data. Why?",
            (
                Option(
                    "A",
                    "Panels are overpriced",
                    "The price enters linearly: at half the fee everything is half as dear, and the shape stays.",
                ),
                Option(
                    "B",
                    "The error bar falls with the square root of the people: half the bar needs four times as many",
                    correct=True,
                    feedback=(
                        f"Four times the panel's {usd(panel)} is {usd(four_times)}; the training data cost {usd(data)} "
                        f"and had already taken d' from {today:.2f} to {plan.d_prime_b:.2f}."
                    ),
                ),
                Option(
                    "C",
                    "A phone's NPU measures less exactly",
                    "There is no noise of measurement in the model: people are the sample.",
                ),
                Option(
                    "D",
                    "The four-fifths rule needs more people",
                    f"It is far from binding here: the ratio is {plan.selection_ratio:.2f}.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "binormal_rates",
                "lda_effective_d_prime",
                "gap_half_width",
                "bias_feedback_gap",
                "certified_gap",
                "selection_rate_ratio",
                "data_acquisition_cost",
                "log_audit_cost",
                "panel_audit_cost",
            ),
            "On the phone, with a panel recruited by group: minimise $2 n p_d + a n_a (p + p_t)$ subject to "
            "$\\Delta(n) \\alpha^{4/a} + h(n_a) \\le 0.05$. The gap $\\Delta$ falls with data as $d'_n$ approaches its "
            "limit, the error bar $h$ with $1/\\sqrt{n_a}$, the growth $\\alpha^{4/a}$ with more audits. In the cloud "
            "the second term is $4 a n_a p$.",
        )


@lru_cache(maxsize=64)
def roc_curve(d_prime: float) -> Array:
    """True-positive rate of a scorer at every false-positive rate of the plot."""
    return np.asarray(physics.binormal_tpr(roc_thresholds(), d_prime))


@cache
def roc_thresholds() -> Array:
    """Thresholds that give the false-positive rates of the plot."""
    # The quantile of the normal distribution, as the separability of a rate against one half.
    return -np.asarray(physics.d_prime_from_rates(ROC_FPR, 0.5))


#: Lab 14's decision to the audits a year that it presets here.
PRESET_AUDITS = {"triggered": 12, "scheduled": 4}


class FairBillLab(Lab):
    """What a claim of fairness costs, and what it is worth."""

    volume, number, slug = 1, 15, "lab_15_responsible_engr"
    title = "The Bill for Fair"
    question = "What does a fairness claim cost, and how would you prove it?"
    chapter = "Responsible Engineering"
    invariant = (
        "A threshold moves a group along its own ROC curve; only better data move the curve; and a fairness claim is "
        "worth no more than the audit sample behind it."
    )
    contexts = (CLOUD, MOBILE)
    acts = (EqualNumbers, FairBill)
    briefing = (
        "Three comfortable ideas fail. *Equally precise, equally sensitive, therefore equally fair*: with different "
        "base rates something must differ. *Fairness costs accuracy*: one group's threshold costs the aggregate almost "
        "nothing, and ruins that group all the same. *Audit once and file it*: a gap is an estimate with an error bar "
        "that shrinks with the square root of paid labels, and it grows again between audits. On a server you have "
        "three levers, thresholds, data and audits. On a phone the group is unknown and nothing is logged: data and a "
        "paid panel remain."
    )
    reading = (
        Reading(
            "Responsible Engineering, When optimization succeeds but systems fail",
            "the COMPAS audit: calibration against equal error rates",
        ),
        Reading(
            "Responsible Engineering, The testing challenge",
            "Gender Shades, sample sizes of small groups, thresholds in use",
        ),
        Reading(
            "Responsible Engineering, Worked example: fairness analysis in loan approval", "the two confusion matrices"
        ),
        Reading(
            "Responsible Engineering, Quantifying the fairness-accuracy trade-off", "the price of fairness, both sides"
        ),
        Reading(
            "Responsible Engineering, Monitoring and incident response, and Fallacies and pitfalls",
            "what aggregates hide; why removing sensitive attributes does not help",
        ),
        Reading("Conclusion, bias feedback", "how a gap grows when a system trains on its own decisions"),
    )
    assumptions = (
        "- Scores are normal with equal spread: the chapter's confusion matrices give Group A's curve and, at "
        f"{N_B_TODAY.value:g} samples, Group B's.\n- Half of each group is qualified in Act II, so the identity of "
        "Act I does not bind there: gaps come from data.\n- Group B's scorer is linear, with class means estimated "
        f"from its own samples in {FEATURES.value:,.0f} dimensions; abundant data would make it as good as Group "
        "A's.\n- A gap grows by a constant factor with every retraining, and an audit corrects what it finds.\n- A "
        f"certified gap is an upper end of a 95 % interval (z = {Z:.2f}), with both groups sampled alike.\n- Every "
        "panel participant gives one positive and one negative trial.\n- Gender Shades: "
        f"{ERR_WORST.value / ERR_BEST.value:.0f} times compares the worst vendor of each group; within one vendor it "
        f"is {VENDOR_DF.value / VENDOR_LM.value:.0f} times, and the aggregate of that vendor on the balanced "
        f"benchmark is {percent(VENDOR_ERROR, 0)}.\n- The model runs on an H100 ({c.H100_MEM_CAPACITY.value / 1e9:g} "
        f"GB, {c.H100_MEM_BW.value / 1e12:g} TB/s, {c.H100_TDP.value:g} W) or on a phone "
        f"({c.MOBILE_MEM_CAPACITY.value / 1e9:g} GB, {c.MOBILE_NPU_MEM_BW.value / 1e9:g} GB/s, "
        f"{c.MOBILE_POWER.value:g} W). What differs between them here is what they log."
    )
    constants = (
        PREV_A,
        PREV_B,
        PPV,
        FNR,
        c.COMPAS_PREVALENCE_1,
        c.COMPAS_PPV_1,
        c.COMPAS_FNR_1,
        COMPAS_FPR_1,
        c.COMPAS_PREVALENCE_2,
        c.COMPAS_PPV_2,
        c.COMPAS_FNR_2,
        COMPAS_FPR_2,
        ERR_BEST,
        ERR_WORST,
        VENDOR_LM,
        VENDOR_LF,
        VENDOR_DM,
        VENDOR_DF,
        SHARE_LM,
        SHARE_LF,
        SHARE_DM,
        SHARE_DF,
        LOAN_A_TP,
        LOAN_A_FN,
        LOAN_A_FP,
        LOAN_A_TN,
        LOAN_B_TP,
        LOAN_B_FN,
        LOAN_B_FP,
        LOAN_B_TN,
        PREVALENCE,
        FEATURES,
        N_B_TODAY,
        SHARE_B_CLOUD,
        SHARE_B_MOBILE,
        FRONTIER_TOP,
        FRONTIER_END,
        GATE,
        c.FOUR_FIFTHS,
        FLOOR_CLOUD,
        FLOOR_MOBILE,
        FEEDBACK,
        CYCLES_PER_YEAR,
        c.Z95,
        TRAIN_USD_CLOUD,
        TRAIN_USD_MOBILE,
        AUDIT_USD,
        PANEL_USD,
        PANEL_TARGETED_USD,
        BUDGET_CLOUD,
        BUDGET_MOBILE,
        c.H100_MEM_CAPACITY,
        c.H100_MEM_BW,
        c.H100_TDP,
        c.MOBILE_MEM_CAPACITY,
        c.MOBILE_NPU_MEM_BW,
        c.MOBILE_POWER,
    )
    reads = (("ch14", "context"), ("ch14", "act2_decision"))
    instructor_notes = (
        "- Act I, answer A is defended with *calibrated*. Ask to whom a precision of 70 % is a promise: to the "
        "flagged, not to those who would have repaid.\n"
        "- Group-specific thresholds may be unlawful treatment in some domains and required accommodation in others. "
        "The lab computes; counsel decides. Say so.\n"
        f"- The {100 * threshold_repair()['loss']:.1f}-point price is an aggregate. Have students state the price to a "
        "qualified and to an unqualified member of each group.\n"
        "- Equal error rates with unequal ROC curves force the better group down to the worse one (or randomization, "
        "Hardt 2016). Show it in the ROC plane before anybody calls data expensive.\n"
        "- Discuss who is missing: people who never applied are in no matrix.\n"
        "- A rate is known to one point after "
        f"{math.ceil(physics.proportion_sample_size(0.5, 0.01, Z)):,} labels; for a 1 % group found at random that is "
        f"{math.ceil(physics.proportion_sample_size(0.5, 0.01, Z)) * 100:,} users.\n"
        "- Extension: with 1,500 USD gained per repaid loan and 3,000 lost per default, is the threshold repair "
        f"profitable for the bank, for Group B, for both? (Per 1,000 applicants of Group B: "
        f"{threshold_repair()['good']:+.0f} good, {threshold_repair()['bad']:+.0f} bad loans.)"
    )

    def open(self) -> None:
        origin = self.read("ch14", "context")
        if origin is not None:
            self.start_in("mobile" if origin == "edge" else "cloud", "Lab 14")
        audits = PRESET_AUDITS.get(self.read("ch14", "act2_decision"))
        if audits is not None:
            self.act2.preset("audits_per_year", audits, "Lab 14")

    def result(self) -> float:
        return 100 * float(self.act2.outcome.certified_tpr_gap)

    def decision(self) -> str:
        act = self.act2
        if act.group_b_samples_per_class == N_B_TODAY.value:
            return "thresholds"
        if self.context == "mobile" or abs(act.threshold_a - act.threshold_b) < APART - 1e-9:
            return "data"
        return "both"

    def extras(self) -> Mapping[str, Any]:
        outcome = self.act2.outcome
        return {
            "selection_ratio": float(outcome.selection_ratio),
            "overall_accuracy": float(outcome.overall_accuracy),
            "annual_cost_usd": float(outcome.annual_cost_usd),
            "audits_per_year": float(self.act2.audits_per_year),
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {
                "threshold_b": 0.80,
                "group_b_samples_per_class": 2500,
                "audits_per_year": 2,
                "audit_samples": 2000.0,
            }
        return {
            "threshold": 0.60,
            "group_b_samples_per_class": 4000,
            "audits_per_year": 1,
            "audit_samples": 800.0,
            "recruitment": "stratified",
        }

    def breaking(self, context: str) -> dict[str, Any]:
        return {"threshold_b": EQUALIZING} if context == "cloud" else {"threshold": 0.50}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
