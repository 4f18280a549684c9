"""V2-13 The Price of a Secret.

Act I: a promise with two numbers, one a million times stricter, and which of them is paid in noise. Act II: one budget
for a year of answers, who may see the raw records, and how the spending is added up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal, cast

import numpy as np

from components.controls import choice, slider, stops
from components.instruments.layers import Plot
from components.instruments.privacy import (
    Dial,
    Published,
    Rung,
    budget_spent,
    cohort_error,
    membership_ceiling,
    neighbouring_outputs,
    noise_dials,
    partition_tax,
    release_frontier,
    trust_ladder,
)
from components.metrics import Metric, held
from components.quantity import count, counted, number, percent, plain, scientific, usd
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

CHAPTER = "Security and Privacy"
COST_OF_DP = f"{CHAPTER}, notebook “The cost of differential privacy”"
TENANCY = f"{CHAPTER}, notebook “The tax of secure multi-tenancy”"
TRADE_OFFS = f"{CHAPTER}, table “Privacy-accuracy trade-offs”"

VALUE_RANGE = scenario("value_range_usd", 200_000, "USD", "clipping range of one record", COST_OF_DP, "chapter")
EPS_REF = scenario("eps_ref", 1.0, "1", "strong-privacy budget", COST_OF_DP, "chapter")
DELTA_REF = scenario("delta_ref", 1e-5, "1", "failure probability of today’s promise", TRADE_OFFS, "chapter")
STRICTER = scenario("delta_stricter", 1e6, "1", "times that the ethics board wants delta reduced", "the lab’s scenario")
ERR_N1000 = scenario("err_n1000", 200, "USD", "error of a mean of 1,000 records at epsilon 1", COST_OF_DP, "chapter")
ERR_N100 = scenario("err_n100", 2_000, "USD", "error of a mean of 100 records at epsilon 1", COST_OF_DP, "chapter")
N_ONPREM = scenario(
    "n_onprem",
    5_000,
    "1",
    "patients of one hospital",
    f"{CHAPTER}, checkpoint “Applying the DP decision framework”",
    "chapter",
)
HOSPITALS = scenario("hospitals", 20, "1", "hospitals that pool their records", "the lab’s scenario")
N_CLOUD = scenario(
    "n_cloud",
    100_000,
    "1",
    "pooled patients of all hospitals",
    f"{CHAPTER}, example “DP-SGD privacy budget”",
    "chapter",
)
DELTA_RULE = scenario(
    "delta_rule",
    0.1,
    "1",
    "largest delta times the number of records: a breach of a tenth of a record is expected",
    "the chapter asks for less than one record; a further order of magnitude is the lab’s assumption",
)
EPS_CAP = scenario(
    "eps_cap", 1.0, "1", "privacy loss that a dataset may suffer in a year", "the network’s own policy; no law says so"
)
ERR_MAX = scenario(
    "err_max",
    500,
    "USD",
    "largest typical error of a published mean",
    "0.25 % of the range, the smallest step of cost in the payers’ contracts",
)
K_ONPREM = scenario("k_onprem", 12, "1/year", "cost reports owed: one a month", "the lab’s scenario")
K_CLOUD = scenario("k_cloud", 2_000, "1/year", "answers owed: 20 hospitals × 100", "the lab’s scenario")
DELTA_PORTAL = scenario("delta_portal", 1e-6, "1", "failure probability of the pooled dataset", "DELTA_RULE / N_CLOUD")
TOK_PEAK = scenario("tok_peak", 1_000, "tokens/s", "assistant on an H100 of its own", TENANCY, "chapter")
ISOLATION_TAX = scenario("isolation_tax", 0.15, "1", "throughput lost to partitioning", TENANCY, "chapter")
TOK_MIN = scenario("tok_min", 800, "tokens/s", "least throughput of the assistant", "20 % below a GPU of one’s own")
FPR_REF = scenario(
    "fpr_ref",
    0.01,
    "1",
    "false positives at which an attacker is judged",
    "as in Carlini et al. 2022, who also go down to 0.1 %",
)

#: Accuracy (%) without privacy, at epsilon 8 and at epsilon 1; one was not reported.
DP_CARD = {
    (task, kind): scenario(f"dp_{task}_{kind}".lower(), value, "percent", f"{task}, {words}", TRADE_OFFS, "chapter")
    for task, values in {
        "MNIST": (99.2, 98.1, 96.6),
        "CIFAR-10": (93.5, 83.0, 67.0),
        "ImageNet": (76.1, 47.8),
        "IMDB": (93.0, 88.5, 82.0),
    }.items()
    for (kind, words), value in zip(
        {"open": "no privacy", "eps8": "epsilon 8", "eps1": "epsilon 1"}.items(), values, strict=False
    )
}

ONPREM = Context("on_prem", "On-prem", "edge", f"One hospital, {N_ONPREM.value:,.0f} patients, its own machines.")
CLOUD = Context(
    "cloud", "Cloud", "cloud", f"{HOSPITALS.value:g} hospitals, {N_CLOUD.value:,.0f} patients, GPUs shared with others."
)

Accountant = Literal["laplace_basic", "laplace_advanced", "gaussian_zcdp"]
Architecture = Literal["central_open", "central_isolated", "silo", "local"]

RECORDS = {ONPREM.id: int(N_ONPREM.value), CLOUD.id: int(N_CLOUD.value)}
OWED = {ONPREM.id: int(K_ONPREM.value), CLOUD.id: int(K_CLOUD.value)}
SILOS = {ONPREM.id: 1, CLOUD.id: int(HOSPITALS.value)}

ACCOUNTANTS = {
    "laplace_basic": "Basic, Laplace",
    "laplace_advanced": "Advanced, Laplace",
    "gaussian_zcdp": "zCDP, Gaussian",
}
ARCHITECTURES = {
    "central_open": "One curator, open hardware",
    "central_isolated": "One curator, own partition",
    "silo": "Each hospital",
    "local": "Each record",
}
PERIODS = {1: "year", 4: "quarter", 12: "month"}
EPSILONS = (0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
DELTAS = tuple(float(f"1e{exponent}") for exponent in range(-12, -2))
RELEASES = (1, 2, 4, 8, 12, 16, 24, 52, 100, 200, 365, 500, 1000, 2000, 3000, 5000)

#: Sweeps: how many times stricter delta and epsilon get, records, false-positive rates, releases.
STRICTER_DELTA = np.geomspace(1e-2, 1e7, 55)
STRICTER_EPSILON = np.geomspace(1.0, 1e7, 57)
SIZES = np.geomspace(10, 1e6, 41)
FPRS = np.geomspace(1e-3, 1.0, 61)
COUNTS = np.unique(np.round(np.geomspace(1, 5000, 60)))
LINE_EPSILONS = (0.1, 0.5, 1.0)
#: Steps that are drawn of the answers of one period: more would be finer than a pixel.
MOST_STEPS = 40


def power(value: float) -> str:
    """A small probability as a reader writes it: 10⁻⁵, 2 × 10⁻⁵, 0.001."""
    return scientific(value).replace(".0 ×", " ×").removeprefix("1 × ") if value < 1e-3 else plain(value)


def times(value: float, digits: int = 3) -> str:
    """A factor: 1.48×."""
    return f"{plain(value, digits)}×"


def money(value: float) -> str:
    """An error in USD, with words where it is far beyond use: 381.8, 39.9 million."""
    return number(value, 4) if value < 1e6 else count(value)


def rate(value: float) -> str:
    """A rate in percent without its sign, with more digits near certainty: 2.72, 99.999, 100."""
    return f"{value * 100:.{2 if value < 0.99 else 3 if value < 1 - 5e-6 else 0}f}"


def answers_per_budget(releases_per_year: float, periods_per_year: float) -> int:
    """Releases that share the budget of one period."""
    return math.ceil(releases_per_year / periods_per_year)


@dataclass(frozen=True)
class NoiseOutcome:
    """What a promise costs in noise (USD), what it bounds, and the curves behind the pictures."""

    sigma_usd: float
    laplace_scale_usd: float
    exact_sigma_usd: float
    tpr_ceiling: float
    sensitivity_usd: float
    exact_delta: float
    breach_usd: float
    answers_usd: np.ndarray
    density: np.ndarray
    density_neighbour: np.ndarray
    over_delta_usd: np.ndarray
    exact_over_delta_usd: np.ndarray
    over_epsilon_usd: np.ndarray
    over_records_usd: dict[float, np.ndarray]
    ceiling: np.ndarray


@lru_cache(maxsize=64)
def exact_multipliers(epsilon: float) -> np.ndarray:
    """Exactly calibrated noise, in sensitivities, over STRICTER_DELTA. Few values of epsilon are ever asked for."""
    return physics.analytic_gaussian_sigma(1.0, epsilon, DELTA_REF.value / STRICTER_DELTA)


class PromiseOfTwo(Act):
    """Act I: which of the two numbers of a promise is the expensive one."""

    title = "One in a hundred billion"
    minutes = 14

    epsilon = stops(
        "Epsilon",
        EPSILONS,
        EPS_REF.value,
        text=lambda epsilon: f"{epsilon:g}",
        reason="the classic formula holds up to 1; at 0.05 one hospital’s noise is useless by far",
    )
    delta = stops(
        "Delta",
        DELTAS,
        DELTA_REF.value,
        text=power,
        reason="from far beyond any policy to above one record of either cohort",
    )
    value_range = stops(
        "Clipping range",
        (50_000, 100_000, 200_000, 500_000),
        VALUE_RANGE.value,
        unit="USD",
        reason="plausible caps on the cost of one treatment",
    )

    @classmethod
    def compute(
        cls, context: str, *, epsilon: float, delta: float, value_range: float = VALUE_RANGE.value
    ) -> NoiseOutcome:
        records = RECORDS[context]
        sensitivity = physics.mean_query_sensitivity(value_range, records)
        sigma = physics.gaussian_mechanism_sigma(sensitivity, epsilon, delta)
        breach = physics.gaussian_breach_distance(sensitivity, epsilon, sigma)
        answers = np.linspace(-1.28 * breach, 1.28 * breach, 161)
        return NoiseOutcome(
            sigma_usd=sigma,
            laplace_scale_usd=physics.laplace_scale(sensitivity, epsilon),
            exact_sigma_usd=physics.analytic_gaussian_sigma(sensitivity, epsilon, delta),
            tpr_ceiling=physics.membership_tpr_ceiling(FPR_REF.value, epsilon, delta),
            sensitivity_usd=sensitivity,
            exact_delta=physics.analytic_gaussian_delta(sensitivity, epsilon, sigma),
            breach_usd=breach,
            answers_usd=answers,
            density=physics.normal_density(answers, 0.0, sigma),
            density_neighbour=physics.normal_density(answers, sensitivity, sigma),
            over_delta_usd=physics.gaussian_mechanism_sigma(sensitivity, epsilon, DELTA_REF.value / STRICTER_DELTA),
            exact_over_delta_usd=sensitivity * exact_multipliers(epsilon),
            over_epsilon_usd=physics.gaussian_mechanism_sigma(sensitivity, EPS_REF.value / STRICTER_EPSILON, delta),
            over_records_usd={
                each: physics.laplace_scale(physics.mean_query_sensitivity(value_range, np.round(SIZES)), each)
                for each in LINE_EPSILONS
            },
            ceiling=physics.membership_tpr_ceiling(FPRS, epsilon, delta),
        )

    @classmethod
    @cache
    def asked(
        cls, context: str = ONPREM.id, epsilon: float = EPS_REF.value, delta: float = DELTA_REF.value
    ) -> NoiseOutcome:
        """A promise that a text quotes; the one of today unless another is named."""
        return cls.compute(context, epsilon=epsilon, delta=delta)

    @classmethod
    def stricter(cls, context: str = ONPREM.id) -> NoiseOutcome:
        """The promise that the ethics board wants."""
        return cls.asked(context, delta=DELTA_REF.value / STRICTER.value)

    @classmethod
    def growth(cls) -> float:
        """The answer: by what factor a stricter delta makes the noise grow."""
        return cls.stricter().sigma_usd / cls.asked().sigma_usd

    def message(self) -> Message:
        return Message(
            "Chief Privacy Officer, a hospital network",
            f"The ethics board has read that our published averages carry a one-in-{1 / DELTA_REF.value:,.0f} chance "
            "that the guarantee fails for somebody. They want **one in 100 billion** before Friday, and our "
            "statisticians say that every change to the guarantee is paid in noise. Tell me what it costs before I "
            f"sign: our cohort is {N_ONPREM.value:,.0f} patients, and a mean that is off by more than "
            f"{usd(ERR_MAX.value)} is useless to the payers.",
        )

    def concept(self) -> str:
        return (
            "Two numbers describe the promise. **Epsilon** bounds how much the odds of any published answer can change "
            "when one patient’s record changes: by a factor of $e^{\\varepsilon}$. **Delta** is an allowance: with at "
            "most this probability the bound may fail. Both should be small, and both are paid for with **Gaussian "
            "noise** of standard deviation sigma on the answer.\n\nThe noise is measured in units of the "
            "**sensitivity**, the most that one record can move the answer: for a mean, range over number of records. "
            f"Here that is {usd(VALUE_RANGE.value)} over {N_ONPREM.value:,.0f} patients, "
            f"{usd(self.asked().sensitivity_usd)}."
        )

    def prediction(self) -> ChoicePrediction:
        now, strict = self.asked(), self.stricter()
        growth = self.growth()
        logarithm = growth**2
        cloud, cloud_strict = self.asked(CLOUD.id), self.stricter(CLOUD.id)
        halved = self.asked(epsilon=EPS_REF.value / 2)
        return ChoicePrediction(
            f"Noise is calibrated with the chapter’s Gaussian mechanism, and epsilon stays at {EPS_REF.value:g}. Delta "
            f"goes from {power(DELTA_REF.value)} to {power(DELTA_REF.value / STRICTER.value)}, a million times "
            "stricter. By what factor does sigma grow?",
            (
                Option(
                    "lin",
                    f"{STRICTER.value:,.0f}×",
                    value=STRICTER.value,
                    feedback="That would be true for epsilon. Delta sits inside a Gaussian tail, and tails fall like "
                    "$e^{-x^2/2}$.",
                ),
                Option(
                    "sqrt",
                    f"{math.sqrt(STRICTER.value):,.0f}×",
                    value=math.sqrt(STRICTER.value),
                    feedback=f"A square root of {STRICTER.value:,.0f} appears nowhere: the tail has already taken a "
                    "logarithm.",
                ),
                Option(
                    "log",
                    times(logarithm),
                    value=logarithm,
                    feedback="Right family, one root too few: the exponent of the tail is quadratic, so its inverse is "
                    "a square root of the logarithm.",
                ),
                Option(
                    "sqrtlog",
                    times(growth),
                    value=growth,
                    correct=True,
                    feedback="A million-fold stricter delta costs less than halving epsilon.",
                ),
            ),
            actual=growth,
            form=times,
            why=(
                f"The noise grew from {now.sigma_usd:.2f} to {usd(strict.sigma_usd, 2)} on-prem, and from "
                f"{cloud.sigma_usd:.2f} to {usd(cloud_strict.sigma_usd, 2)} in the cloud. Halving epsilon alone costs "
                f"{halved.sigma_usd / now.sigma_usd:.2f}×. Calibrated exactly, the two factors are "
                f"{strict.exact_sigma_usd / now.exact_sigma_usd:.2f} and "
                f"{halved.exact_sigma_usd / now.exact_sigma_usd:.2f}: same order, same lesson."
            ),
        )

    def plots(self, outcome: NoiseOutcome) -> dict[str, Plot]:
        ask = self.asked(self.context)
        strict = self.stricter(self.context)
        predicted = self.predicted()
        small = outcome.sigma_usd <= ERR_MAX.value
        reach = outcome.breach_usd / outcome.sigma_usd
        return {
            "neighbours": neighbouring_outputs(
                outcome.answers_usd,
                outcome.density,
                outcome.density_neighbour,
                shift=outcome.sensitivity_usd,
                sigma=outcome.sigma_usd,
                breach=outcome.breach_usd,
                useful=ERR_MAX.value,
                unit="USD",
                title="The same question, one record apart",
                caption=(
                    f"The bells are {plain(outcome.sensitivity_usd)} USD apart and {number(outcome.sigma_usd)} USD "
                    f"wide: one answer hardly tells which it is from. Only in the red zones, {reach:.1f}σ out, do "
                    f"the odds pass {math.exp(self.epsilon):.2f} to 1. That breaks the promise with a delta of "
                    f"{power(outcome.exact_delta)}, where {power(self.delta)} was granted."
                ),
            ),
            "dials": noise_dials(
                Dial(STRICTER_EPSILON, outcome.over_epsilon_usd, EPS_REF.value / self.epsilon),
                Dial(STRICTER_DELTA, outcome.over_delta_usd, DELTA_REF.value / self.delta),
                outcome.exact_over_delta_usd,
                noise=outcome.sigma_usd,
                limit=ERR_MAX.value,
                asked=(STRICTER.value, strict.sigma_usd),
                asked_label=times(self.growth()),
                real=EPS_REF.value / EPSILONS[0],
                predicted=None if predicted is None else ask.sigma_usd * predicted,
                unit="USD",
                title="Two dials on one scale",
                caption=(
                    f"Dot: δ {power(self.delta)}; ring: ε {self.epsilon:g}; together they take "
                    f"{number(outcome.sigma_usd, 4)} USD of noise. Green ring: what the board asks for. A million "
                    f"times stricter multiplies the noise by a million on the ε dial, by {self.growth():.2f} on the δ "
                    f"dial. Dashed: ε below {EPSILONS[0]:g}."
                ),
            ),
            "ceiling": membership_ceiling(
                FPRS,
                outcome.ceiling,
                here=(FPR_REF.value, outcome.tpr_ceiling),
                title="The best that an attacker can do",
                caption=(
                    f"A test that takes {percent(FPR_REF.value, 0)} of outsiders for members recognises at most "
                    f"{percent(outcome.tpr_ceiling, 2)} of the members, {outcome.tpr_ceiling / FPR_REF.value:.2f} "
                    "times as many as by guessing. Epsilon lifts the whole line; delta only adds to it."
                ),
            ),
            "cohorts": cohort_error(
                SIZES,
                outcome.over_records_usd,
                here=(RECORDS[self.context], outcome.laplace_scale_usd),
                cohorts={"hospital": N_ONPREM.value, "consortium": N_CLOUD.value},
                published=[Published(1000, ERR_N1000.value), Published(100, ERR_N100.value)],
                limit=ERR_MAX.value,
                unit="USD",
                title="Small data pay most for privacy",
                caption=(
                    f"A mean of {RECORDS[self.context]:,} records is off by {number(outcome.laplace_scale_usd)} USD on "
                    f"average with Laplace noise at ε {self.epsilon:g}, which needs no delta. Ten times the records, a "
                    f"tenth of the error. Squares: the textbook’s examples at a range of {usd(VALUE_RANGE.value)}. "
                    + ("" if small else "Gaussian noise at these settings is wider than what is useful.")
                ).strip(),
            ),
        }

    def metrics(self, outcome: NoiseOutcome) -> list[Metric]:
        fits = at_most(outcome.sigma_usd, ERR_MAX.value)
        ratio = outcome.sigma_usd / self.asked(self.context).sigma_usd
        return [
            Metric("Noise σ", number(outcome.sigma_usd, 5), "USD", note=f"{times(ratio)} today’s", status=held(fits)),
            Metric("Calibrated exactly", number(outcome.exact_sigma_usd, 4), "USD"),
            Metric("Laplace error", number(outcome.laplace_scale_usd), "USD", note="needs no delta"),
            Metric("Sensitivity", plain(outcome.sensitivity_usd), "USD", note=f"{RECORDS[self.context]:,} records"),
            Metric(
                "Attacker ceiling",
                f"{outcome.tpr_ceiling * 100:.2f}",
                "%",
                note=f"at {percent(FPR_REF.value, 0)} false positives",
            ),
        ]

    def tables(self, outcome: NoiseOutcome) -> list[Table]:
        rows = []
        base = (self.epsilon, self.delta)
        for name, epsilon, delta in (
            ("this promise", *base),
            ("δ a million times smaller", base[0], base[1] / STRICTER.value),
            ("ε halved", base[0] / 2, base[1]),
        ):
            classic = physics.gaussian_mechanism_sigma(outcome.sensitivity_usd, epsilon, delta)
            exact = physics.analytic_gaussian_sigma(outcome.sensitivity_usd, epsilon, delta)
            rows.append(
                (
                    name,
                    number(classic, 4),
                    times(classic / outcome.sigma_usd),
                    times(exact / outcome.exact_sigma_usd),
                    percent(physics.membership_tpr_ceiling(FPR_REF.value, epsilon, delta), 3),
                )
            )
        columns = ("", "σ (USD)", "factor", "exactly", "ceiling")
        return [Table("What a stricter promise costs and changes", columns, tuple(rows))]

    def reflection(self) -> Question:
        now = self.asked()
        halved = self.asked(epsilon=EPS_REF.value / 2)
        left = physics.gaussian_mechanism_delta(now.sensitivity_usd, EPS_REF.value, 2 * now.sigma_usd)
        only_delta = physics.membership_tpr_ceiling(FPR_REF.value, EPS_REF.value, left)
        # Half of a factor of two on either dial is a square root of two each.
        shared = physics.gaussian_mechanism_delta(now.sensitivity_usd, EPS_REF.value, math.sqrt(2) * now.sigma_usd)
        split = physics.membership_tpr_ceiling(FPR_REF.value, EPS_REF.value / math.sqrt(2), shared)
        return Question(
            "The board can afford twice the noise. What lowers the attacker’s ceiling (best true-positive rate at "
            f"{percent(FPR_REF.value, 0)} false positives) most?",
            (
                Option(
                    "A",
                    f"Epsilon from {EPS_REF.value:g} to {EPS_REF.value / 2:g}, delta unchanged",
                    correct=True,
                    feedback=(
                        f"It falls from {percent(now.tpr_ceiling, 2)} to {percent(halved.tpr_ceiling, 2)}; delta at "
                        f"{power(DELTA_REF.value)} was already far below that."
                    ),
                ),
                Option(
                    "B",
                    "Delta as small as twice the noise allows, epsilon unchanged",
                    f"Twice the noise would take delta to about {power(left)} and leave the ceiling at "
                    f"{percent(only_delta, 2)}: a probability that nobody could observe.",
                ),
                Option(
                    "C",
                    "Both, the noise split in half",
                    f"Half of the noise is spent where it changes nothing measurable: the ceiling stops at "
                    f"{percent(split, 2)}.",
                ),
                Option("D", "Neither: remove the names instead", "Names are not the leak; the answer itself is."),
            ),
        )

    def peek(self) -> Peek:
        now = self.asked()
        return Peek(
            (
                "mean_query_sensitivity",
                "gaussian_mechanism_sigma",
                "analytic_gaussian_delta",
                "laplace_scale",
                "membership_tpr_ceiling",
            ),
            f"Epsilon divides the noise; delta stands under a logarithm and a root. The classic formula holds for "
            "$\\varepsilon \\le 1$; above, use the exact curve. The formula is a bound, and a loose one: at epsilon "
            f"{EPS_REF.value:g} and delta {power(DELTA_REF.value)} its noise really reaches a delta of "
            f"{power(now.exact_delta)}, and {number(now.exact_sigma_usd, 4)} USD would do in place of "
            f"{number(now.sigma_usd, 4)}.\n\nA mean of values clipped to a range $R$; neighbours replace one record, "
            "so that $N$ is public. Noise on the sum and dividing by $N$ is the same number.",
        )


def typical_error(accountant: str, sensitivity: float, epsilon: float, delta: float, releases: Any, shares: int) -> Any:
    """Mean absolute error of one of `releases` answers that share a budget (unit of the sensitivity)."""
    if accountant == "gaussian_zcdp":
        multiplier = physics.zcdp_noise_multiplier(epsilon, delta, releases)
        return physics.gaussian_mean_abs_error(sensitivity * multiplier * physics.noise_share_factor(shares))
    each = (
        epsilon / np.asarray(releases, dtype=float)
        if accountant == "laplace_basic"
        else physics.per_release_epsilon_advanced(epsilon, releases, delta)
    )
    error = physics.laplace_sum_mean_abs_error(physics.laplace_scale(sensitivity, each), shares)
    return error if np.ndim(releases) else float(error)


def spent_after(accountant: str, epsilon: float, delta: float, releases: int, done: np.ndarray) -> np.ndarray:
    """Privacy loss after the first `done` of `releases` answers that share a budget."""
    if accountant == "gaussian_zcdp":
        rho = physics.zcdp_rho_from_epsilon(epsilon, delta)
        return physics.zcdp_epsilon(rho * done / releases, delta)
    if accountant == "laplace_basic":
        return physics.epsilon_composition(epsilon / releases, done)
    each = physics.per_release_epsilon_advanced(epsilon, releases, delta)
    return physics.epsilon_composition_advanced(each, done, delta)


@dataclass(frozen=True)
class Staircase:
    """The loss of a year: months, loss so far, and what a meter shows that starts again with every period."""

    months: np.ndarray
    spent: np.ndarray
    meter: np.ndarray


def staircase(accountant: str, epsilon: float, delta: float, releases: int, periods: int) -> Staircase:
    """The year in steps: every answer adds its loss, in the middle of its share of the period."""
    steps = min(releases, MOST_STEPS)
    done = np.round(np.arange(1, steps + 1) * releases / steps)
    loss = spent_after(accountant, epsilon, delta, releases, done)
    at = (np.arange(steps) + 0.5) / steps
    # Each step is a rise at its time; a period begins at nothing and ends with all of its budget spent.
    when = np.concatenate([[0.0], np.repeat(at, 2), [1.0]])
    height = np.concatenate([[0.0], np.repeat(np.concatenate([[0.0], loss]), 2)[1:-1], [loss[-1]]])
    period = np.arange(periods)[:, None]
    return Staircase(
        months=((period + when) * 12 / periods).ravel(),
        spent=(period * epsilon + height).ravel(),
        meter=np.broadcast_to(height, (periods, len(height))).ravel(),
    )


@dataclass(frozen=True)
class DesignOutcome:
    """A design for a year: errors (USD), loss, throughput (tokens/s), whether it passes, and the pictures’ curves."""

    typical_error_usd: float
    epsilon_year: float
    delta_year: float
    throughput_tok_s: float
    raw_data_protected: bool
    tpr_ceiling: float
    passes: bool
    records: int
    owed: int
    answers: int
    releases_per_year: float
    delta_limit: float
    shares: int
    errors_usd: dict[str, float]
    frontier_usd: dict[str, np.ndarray]
    ladder_usd: tuple[float, float, float]
    year: Staircase
    ceiling: np.ndarray


class OneBudget(Act):
    """Act II: a year of answers from one budget."""

    title = "Two thousand answers"
    minutes = 23

    accountant = choice(
        "Account and noise", ACCOUNTANTS, "laplace_basic", reason="the three ways of adding up that the chapter teaches"
    )
    architecture = choice(
        "Who adds the noise",
        ARCHITECTURES,
        "central_open",
        reason="from trusting one curator to trusting nobody",
    )
    epsilon_per_period = slider(
        "Epsilon per period", 0.1, 8, 0.05, 0.5, reason="the chapter’s 1 to 8, extended to strong privacy"
    )
    delta_per_period = stops(
        "Delta per period",
        DELTAS,
        DELTA_PORTAL.value,
        text=power,
        reason="from far beyond any policy to above one record of either cohort",
    )
    releases_per_year = stops(
        "Answers per year",
        RELEASES,
        K_ONPREM.value,
        text=lambda releases: f"{releases:,g}",
        per_context={"cloud": {"default": K_CLOUD.value}},
        reason="one yearly report to more than twice the consortium’s calendar",
    )
    periods_per_year = choice(
        "A new budget every", PERIODS, 1, reason="a budget for the year, or one that is granted again"
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        epsilon_per_period: float,
        delta_per_period: float,
        releases_per_year: float,
        periods_per_year: int,
        accountant: Accountant,
        architecture: Architecture,
    ) -> DesignOutcome:
        records, owed = RECORDS[context], OWED[context]
        sensitivity = physics.mean_query_sensitivity(VALUE_RANGE.value, records)
        answers = answers_per_budget(releases_per_year, periods_per_year)
        ladder = (1, SILOS[context], records)
        shares = {"silo": ladder[1], "local": ladder[2]}.get(architecture, 1)
        budget = (epsilon_per_period, delta_per_period)
        errors = {each: typical_error(each, sensitivity, *budget, answers, shares) for each in ACCOUNTANTS}
        epsilon_year = physics.epsilon_composition(epsilon_per_period, periods_per_year)
        # Laplace noise that is added up plainly never uses its allowance.
        delta_year = 0.0 if accountant == "laplace_basic" else periods_per_year * delta_per_period
        isolated = architecture == "central_isolated"
        throughput = physics.isolated_throughput(TOK_PEAK.value, ISOLATION_TAX.value if isolated else 0.0)
        protected = context == ONPREM.id or architecture != "central_open"
        delta_limit = DELTA_RULE.value / records
        return DesignOutcome(
            typical_error_usd=errors[accountant],
            epsilon_year=epsilon_year,
            delta_year=delta_year,
            throughput_tok_s=throughput,
            raw_data_protected=protected,
            tpr_ceiling=physics.membership_tpr_ceiling(FPR_REF.value, epsilon_year, delta_year),
            passes=(
                at_most(epsilon_year, EPS_CAP.value)
                and at_most(delta_year, delta_limit)
                and at_most(errors[accountant], ERR_MAX.value)
                and at_least(releases_per_year, owed)
                and at_least(throughput, TOK_MIN.value)
                and protected
            ),
            records=records,
            owed=owed,
            answers=answers,
            releases_per_year=releases_per_year,
            delta_limit=delta_limit,
            shares=shares,
            errors_usd=errors,
            frontier_usd={each: typical_error(each, sensitivity, *budget, COUNTS, shares) for each in ACCOUNTANTS},
            ladder_usd=cast(
                tuple[float, float, float],
                tuple(typical_error(accountant, sensitivity, *budget, answers, m) for m in ladder),
            ),
            year=staircase(accountant, *budget, answers, periods_per_year),
            ceiling=physics.membership_tpr_ceiling(FPRS, epsilon_year, delta_year),
        )

    @classmethod
    @cache
    def design(
        cls,
        context: str,
        accountant: Accountant = "laplace_basic",
        architecture: Architecture = "central_open",
        *,
        epsilon: float = EPS_REF.value,
        delta: float = DELTA_PORTAL.value,
        releases: float | None = None,
        periods: int = 1,
    ) -> DesignOutcome:
        """A design that a text quotes; what is owed, from one yearly budget of epsilon 1, unless it says otherwise."""
        return cls.compute(
            context,
            epsilon_per_period=epsilon,
            delta_per_period=delta,
            releases_per_year=OWED[context] if releases is None else releases,
            periods_per_year=periods,
            accountant=accountant,
            architecture=architecture,
        )

    @classmethod
    def portal(cls, releases: float | None = None) -> DesignOutcome:
        """The case of the question: the consortium’s answers with Gaussian noise."""
        return cls.design(CLOUD.id, "gaussian_zcdp", "central_isolated", releases=releases)

    def message(self) -> Message:
        return Message(
            "VP of Research Computing, a hospital network",
            f"On-prem we owe the ministry **{K_ONPREM.value:g} cost reports a year** from {N_ONPREM.value:,.0f} "
            f"patients. The consortium wants the same from a shared cloud: {N_CLOUD.value:,.0f} patients of "
            f"{HOSPITALS.value:g} hospitals and **{K_CLOUD.value:,.0f} answers a year**, on GPUs that we share with "
            f"strangers. One privacy budget of epsilon {EPS_CAP.value:g} per year, means good to {usd(ERR_MAX.value)}, "
            f"and the assistant in front of it must keep {TOK_MIN.value:g} tokens a second. Which design do I sign for "
            "each?",
        )

    def concept(self) -> str:
        return (
            "Every answer spends from the same budget. Three **accounts** add up the spending: *basic* (Laplace noise, "
            "delta = 0), *advanced* (Laplace noise, delta > 0), and *zCDP* (Gaussian noise, the zero-concentrated form "
            "of the Renyi account).\n\nIt also matters **who adds the noise**: one trusted curator once, each hospital "
            "to its own part, or each record before it leaves its owner. The more parties protect themselves, the more "
            f"shares of noise add up. A partition of the shared GPU keeps co-tenants out of its memory and costs "
            f"{percent(ISOLATION_TAX.value, 0)} of the throughput."
        )

    def prediction(self) -> ChoicePrediction:
        one, many = self.portal(1).typical_error_usd, self.portal().typical_error_usd
        asked = K_CLOUD.value
        growth = many / one
        monthly = self.design(ONPREM.id, periods=12)
        return ChoicePrediction(
            f"Same epsilon = {EPS_REF.value:g}, same delta = {power(DELTA_PORTAL.value)}, Gaussian noise, best "
            f"account, all answers under one budget. Publishing {asked:,.0f} answers instead of one makes the noise on "
            "*each* answer how many times larger?",
            (
                Option(
                    "same",
                    "1×",
                    value=1.0,
                    feedback=f"A budget that resets is not a budget: {PERIODS[12]}ly epsilons of {EPS_REF.value:g} "
                    f"compose to {monthly.epsilon_year:g} in a year.",
                ),
                Option(
                    "log",
                    times(math.log(asked), 2),
                    value=math.log(asked),
                    feedback=f"Overlap is not credited: the adversary may ask {asked:,.0f} unrelated questions.",
                ),
                Option(
                    "root",
                    times(growth),
                    value=growth,
                    correct=True,
                    feedback="Independent Gaussian losses add like variances, so the noise follows the square root of "
                    "the count.",
                ),
                Option(
                    "lin",
                    f"{asked:,.0f}×",
                    value=asked,
                    feedback="Correct for delta = 0. Allowing a one-in-a-million failure turns $k$ into $\\sqrt{k}$.",
                ),
            ),
            actual=growth,
            form=lambda factor: times(factor, 4),
            why=(
                f"The noise on each answer grows {growth:.2f} times, from {number(one)} to {usd(many, 1)} in the "
                f"cloud. Basic composition would have charged {asked:,.0f} times. That gap is what delta = "
                f"{power(DELTA_PORTAL.value)} bought."
            ),
        )

    def challenge(self) -> str:
        owed, limit = OWED[self.context], DELTA_RULE.value / RECORDS[self.context]
        shared = "" if self.context == ONPREM.id else " No stranger on the shared GPUs may read the raw records."
        return (
            f"Publish **{owed:,} answers a year** with a typical error of at most **{usd(ERR_MAX.value)}**, from a "
            f"privacy loss of at most epsilon {EPS_CAP.value:g} and delta {power(limit)} (a tenth of a record) in "
            f"the whole year, with the assistant at {TOK_MIN.value:g} tokens/s or more.{shared} Then do it in the "
            "other context: the design that passes here does not pass there."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        limit = DELTA_RULE.value / RECORDS[self.context]
        return (
            Constraint(
                f"{OWED[self.context]:,} answers, error ≤ {ERR_MAX.value:g} USD",
                lambda o: at_least(o.releases_per_year, o.owed) and at_most(o.typical_error_usd, ERR_MAX.value),
            ),
            Constraint(f"ε ≤ {EPS_CAP.value:g} a year", lambda o: at_most(o.epsilon_year, EPS_CAP.value)),
            Constraint(f"δ ≤ {power(limit)} a year", lambda o: at_most(o.delta_year, o.delta_limit)),
            Constraint(
                f"Raw data protected, ≥ {TOK_MIN.value:g} tokens/s",
                lambda o: o.raw_data_protected and at_least(o.throughput_tok_s, TOK_MIN.value),
            ),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure(
                "overspent",
                "PRIVACY BUDGET OVERSPENT:",
                when=lambda o: not at_most(o.epsilon_year, EPS_CAP.value),
                text=lambda o: (
                    f"{budgets(self.periods_per_year)} of {plain(self.epsilon_per_period)} compose to epsilon "
                    f"{o.epsilon_year:.2f} in one year against {EPS_CAP.value:.2f}. A membership test at "
                    f"{percent(FPR_REF.value, 0)} false positives may now reach {rate(o.tpr_ceiling)} %."
                ),
            ),
            Failure(
                "unusable",
                "ANSWERS UNUSABLE:",
                when=lambda o: not at_most(o.typical_error_usd, ERR_MAX.value),
                text=lambda o: (
                    f"typical error {money(o.typical_error_usd)} USD against {ERR_MAX.value:g}. The payers cannot "
                    "settle a contract with it."
                ),
            ),
            Failure(
                "boundary",
                "TRUST BOUNDARY BROKEN:",
                when=lambda o: not o.raw_data_protected,
                text=lambda o: (
                    "the noise protects against the analysts, not against the co-tenant who shares the GPU memory with "
                    f"{o.records:,} raw records."
                ),
            ),
        )

    def plots(self, outcome: DesignOutcome) -> dict[str, Plot]:
        predicted = self.predicted()
        flag = None
        if predicted is not None and self.context == CLOUD.id:
            flag = (K_CLOUD.value, self.portal(1).typical_error_usd * predicted)
        best = min(outcome.errors_usd, key=lambda each: outcome.errors_usd[each])
        periods = self.periods_per_year
        over = not at_most(outcome.epsilon_year, EPS_CAP.value)
        reset = (
            f"Its meter never shows more than {plain(self.epsilon_per_period)}, but what is spent is spent. "
            if periods > 1
            else ""
        )
        rungs = [
            Rung(name, shares, error)
            for name, shares, error in zip(
                ("one curator", "each hospital", "each record"),
                (1, SILOS[self.context], outcome.records),
                outcome.ladder_usd,
                strict=True,
            )
        ]
        isolated = outcome.throughput_tok_s < TOK_PEAK.value
        note = (
            "In Lab V2-11 you kept raw data at the edge: the per-record row is the same idea in numbers."
            if cast(PrivacyLab, self.lab).federated
            else ""
        )
        policy = physics.membership_tpr_ceiling(FPRS, EPS_CAP.value, outcome.delta_limit)
        return {
            "budget": budget_spent(
                outcome.year.months,
                outcome.year.spent,
                outcome.year.meter if periods > 1 else None,
                total=outcome.epsilon_year,
                cap=EPS_CAP.value,
                resets=np.arange(1, periods) * 12.0 / periods,
                title="The budget, spent answer by answer",
                caption=(
                    f"{answers_text(self.releases_per_year)} a year, {outcome.answers:,} from each budget of ε "
                    f"{plain(self.epsilon_per_period)} a {PERIODS[periods]}: ε {plain(outcome.epsilon_year)} in all, "
                    f"{'over' if over else 'within'} the {EPS_CAP.value:g} of the year. {reset}"
                    f"{SHAPES[self.accountant]}"
                ),
            ),
            "frontier": release_frontier(
                COUNTS,
                outcome.frontier_usd,
                ACCOUNTANTS,
                chosen=self.accountant,
                here=(outcome.answers, outcome.typical_error_usd),
                owed=answers_per_budget(outcome.owed, periods),
                limit=ERR_MAX.value,
                predicted=flag,
                unit="USD",
                title="More answers, worse answers",
                caption=(
                    f"{answers_text(outcome.answers)} from one budget: off by {money(outcome.typical_error_usd)} "
                    f"USD. The best account here: {ACCOUNTANTS[best]} ({money(outcome.errors_usd[best])} USD). "
                    "Green: the corner to reach."
                ),
            ),
            "ladder": trust_ladder(
                rungs,
                chosen={"silo": 1, "local": 2}.get(self.architecture, 0),
                limit=ERR_MAX.value,
                unit="USD",
                title="The price of trusting fewer people",
                caption=f"{ladder_caption(rungs)} {note}".strip(),
            ),
            "ceiling": membership_ceiling(
                FPRS,
                outcome.ceiling,
                here=(FPR_REF.value, outcome.tpr_ceiling),
                allowed=policy,
                allowed_label=f"dashed green: ε {EPS_CAP.value:g}, the policy",
                title="What a year of answers gives away",
                caption=(
                    f"After a year of epsilon {plain(outcome.epsilon_year)} a test with {percent(FPR_REF.value, 0)} "
                    f"false positives recognises at most {rate(outcome.tpr_ceiling)} % of the members."
                ),
            ),
            "throughput": partition_tax(
                outcome.throughput_tok_s,
                peak=TOK_PEAK.value,
                floor=TOK_MIN.value,
                isolated=isolated,
                title="The assistant’s share of the GPU",
                caption=(
                    f"The partition costs {percent(ISOLATION_TAX.value, 0)} of the throughput and keeps co-tenants out."
                    if isolated
                    else f"All {TOK_PEAK.value:,.0f} tokens/s: the hospital has no co-tenants."
                    if self.context == ONPREM.id
                    else f"All {TOK_PEAK.value:,.0f} tokens/s: raw records never enter the shared memory."
                    if outcome.raw_data_protected
                    else f"All {TOK_PEAK.value:,.0f} tokens/s; nothing separates the memory from other tenants."
                ),
            ),
        }

    def metrics(self, outcome: DesignOutcome) -> list[Metric]:
        return [
            Metric(
                "Typical error",
                money(outcome.typical_error_usd),
                "USD",
                status=held(at_most(outcome.typical_error_usd, ERR_MAX.value)),
            ),
            Metric(
                "Epsilon, year",
                f"{outcome.epsilon_year:.2f}",
                note=f"{budgets(self.periods_per_year)} of {plain(self.epsilon_per_period)}",
                status=held(at_most(outcome.epsilon_year, EPS_CAP.value)),
            ),
            Metric(
                "Delta, year",
                power(outcome.delta_year),
                note=f"limit {power(outcome.delta_limit)}",
                status=held(at_most(outcome.delta_year, outcome.delta_limit)),
            ),
            Metric(
                "Answers",
                f"{outcome.releases_per_year:,g}",
                "per year",
                note=f"{outcome.owed:,} owed",
                status=held(at_least(outcome.releases_per_year, outcome.owed)),
            ),
            Metric(
                "Throughput",
                f"{outcome.throughput_tok_s:,.0f}",
                "tokens/s",
                status=held(at_least(outcome.throughput_tok_s, TOK_MIN.value)),
            ),
            Metric(
                "Attacker ceiling",
                rate(outcome.tpr_ceiling),
                "%",
                note=f"at {percent(FPR_REF.value, 0)} false positives",
            ),
        ]

    def tables(self, outcome: DesignOutcome) -> list[Table]:
        best = min(outcome.errors_usd, key=lambda each: outcome.errors_usd[each])
        start = list(outcome.errors_usd)
        accounts = tuple(
            (
                ACCOUNTANTS[each],
                money(error),
                times(error / outcome.errors_usd[best]),
                "0" if each == "laplace_basic" else power(self.delta_per_period),
            )
            for each, error in outcome.errors_usd.items()
        )
        card = tuple(
            (
                task,
                *(
                    f"{DP_CARD[task, kind].value:.1f}" if (task, kind) in DP_CARD else "not reported"
                    for kind in ("open", "eps8", "eps1")
                ),
            )
            for task in dict.fromkeys(task for task, _ in DP_CARD)
        )
        return [
            Table(
                "This budget by three accounts",
                ("", "error of an answer (USD)", "of the best", "delta per period"),
                accounts,
                start.index(best),
            ),
            Table(
                f"For comparison: models trained under one budget, accuracy (%) at delta {power(DELTA_REF.value)}",
                ("", "no privacy", "ε = 8", "ε = 1"),
                card,
            ),
        ]

    def reflection(self) -> Question:
        worse = [
            self.design(ONPREM.id, "gaussian_zcdp", delta=delta).typical_error_usd
            / self.design(ONPREM.id).typical_error_usd
            - 1
            for delta in (DELTA_REF.value, DELTA_PORTAL.value)
        ]
        return Question(
            "Why does the on-prem design want delta = 0 and the cloud design delta > 0?",
            (
                Option(
                    "A",
                    "Small data cannot use Gaussian noise",
                    f"It can; at {K_ONPREM.value:g} releases it is simply {percent(worse[0], 0)} (delta "
                    f"{power(DELTA_REF.value)}) to {percent(worse[1], 0)} (delta {power(DELTA_PORTAL.value)}) worse.",
                ),
                Option(
                    "B",
                    f"At {K_ONPREM.value:g} releases the constant √ln(1/δ) costs more than √k saves; at "
                    f"{K_CLOUD.value:,.0f} it is the other way round",
                    correct=True,
                    feedback=(
                        f"The crossover is at {gaussian_wins_from(DELTA_REF.value)} releases (delta "
                        f"{power(DELTA_REF.value)}) or {gaussian_wins_from(DELTA_PORTAL.value)} "
                        f"({power(DELTA_PORTAL.value)}), whatever the number of records is."
                    ),
                ),
                Option(
                    "C",
                    "The on-prem records are more sensitive than the pooled ones",
                    "They are the same patients, under the same limit of epsilon.",
                ),
                Option("D", "The law for clouds requires delta", "No law names delta."),
            ),
        )

    def peek(self) -> Peek:
        first, second = DELTA_REF.value, DELTA_PORTAL.value
        near = [4 / math.pi * math.log(1 / delta) for delta in (first, second)]
        return Peek(
            (
                "epsilon_composition",
                "epsilon_composition_advanced",
                "zcdp_noise_multiplier",
                "laplace_sum_mean_abs_error",
                "noise_share_factor",
                "isolated_throughput",
            ),
            "Basic Laplace noise has the scale $b = (R/N) k/\\varepsilon$, Gaussian noise "
            "$\\sigma = (R/N) \\sqrt{k/(2\\rho)}$ with $\\rho \\approx \\varepsilon^2/(4L)$ for small epsilon, "
            "$L = \\ln(1/\\delta)$. Both errors are in units of $R/N$, so their crossover does not depend on the "
            f"number of records: for small epsilon it lies near $k = (4/\\pi) L$, {near[0]:.1f} and {near[1]:.1f} "
            f"releases for the two deltas; at epsilon {EPS_REF.value:g} the Gaussian wins from "
            f"{gaussian_wins_from(first)} (delta {power(first)}) and {gaussian_wins_from(second)} (delta "
            f"{power(second)}).\n\nzCDP is exact for Gaussian releases up to its conversion to epsilon; the lab "
            "accounts only plain releases, no sampled training steps. Epsilons of several periods are added plainly.",
        )


#: What the staircase of an account looks like, and why.
SHAPES = {
    "laplace_basic": "Added plainly, every answer costs the same.",
    "laplace_advanced": "In advanced composition the first answers cost most, the later ones less and less.",
    "gaussian_zcdp": "Gaussian losses add like variances: the loss follows the root of the count.",
}


def budgets(periods: int) -> str:
    """How many budgets a year has."""
    return counted(periods, "budgets")


def answers_text(answers: float) -> str:
    """A number of answers."""
    return counted(answers, "answers")


def ladder_caption(rungs: list[Rung]) -> str:
    """What the ladder shows, in words."""
    factors = [number(rung.error / rungs[0].error) for rung in rungs]
    hospitals = (
        "One hospital is its own curator."
        if rungs[1].shares == 1
        else f"Where each of {rungs[1].shares} hospitals protects itself, answers are {factors[1]} times as far off."
    )
    return f"{hospitals} Where each of {rungs[2].shares:,} records carries its own noise: {factors[2]} times."


@cache
def gaussian_wins_from(delta: float) -> int:
    """Fewest releases under one budget of epsilon 1 at which Gaussian noise is better than Laplace noise."""
    counts = np.arange(1.0, 200.0)
    laplace, gaussian = (
        typical_error(each, 1.0, EPS_REF.value, delta, counts, 1) for each in ("laplace_basic", "gaussian_zcdp")
    )
    return int(counts[np.argmax(gaussian < laplace)])


MONTHLY = OneBudget.design(ONPREM.id, periods=12)
YEARLY = OneBudget.design(ONPREM.id)

NOTES = (
    "- The commonest error is to read delta as “how much leaks”. It is the probability that the promise of epsilon is "
    f"void.\n- Let one group defend the monthly reset: its error is "
    f"{YEARLY.typical_error_usd / MONTHLY.typical_error_usd:.0f} times better, and the attacker’s ceiling goes from "
    f"{percent(YEARLY.tpr_ceiling)} to {percent(MONTHLY.tpr_ceiling, 3)}.\n- The on-prem answer surprises good "
    f"students: the fancier mechanism loses at {K_ONPREM.value:g} releases. Ask where the crossover is and why it does "
    "not depend on the number of records.\n- The accuracy card belongs to the same law (CIFAR-10 loses "
    f"{DP_CARD['CIFAR-10', 'open'].value - DP_CARD['CIFAR-10', 'eps1'].value:.1f} points at epsilon 1): thousands of "
    "gradient releases share one budget.\n- Post-processing is free: rounding, plotting or serving a released mean "
    "again spends nothing. Only new access to the records does.\n- Extension: add the exact Gaussian account "
    f"(dominating pairs) and compare {usd(OneBudget.portal().typical_error_usd, 1)} with it."
)


class PrivacyLab(Lab):
    """What a privacy promise costs, and how one budget lasts for many answers."""

    volume, number, slug = 2, 13, "lab_13_security_privacy"
    title = "The Price of a Secret"
    question = "What does a stricter privacy promise cost in noise, and how many answers does one budget pay for?"
    chapter = CHAPTER
    invariant = (
        "Noise grows as one over epsilon, but only as the root of the logarithm of one over delta; a dataset has one "
        "budget, and a tiny delta lets it pay for many answers."
    )
    contexts = (ONPREM, CLOUD)
    acts = (PromiseOfTwo, OneBudget)
    briefing = (
        "Privacy is often treated as a switch: encrypt the records, delete the names. But every published average "
        "says a little about everybody in it, and enough averages say everything. Differential privacy puts numbers "
        "on this: how much an answer may reveal, how much noise that takes, and what many answers add up to. A dataset "
        "has one finite budget that nothing renews. Small data pay for it in accuracy, shared hardware in throughput."
    )
    reading = (
        Reading(f"{CHAPTER}, Privacy defined", "the salary example: range over epsilon and records"),
        Reading(f"{CHAPTER}, Privacy defined", "the tax of secure multi-tenancy: 1,000 to 850 tokens/s"),
        Reading(
            f"{CHAPTER}, (epsilon, delta)-differential privacy and Noise mechanisms",
            "Laplace, Gaussian, and why the Gaussian needs a delta",
        ),
        Reading(
            f"{CHAPTER}, Renyi differential privacy and composition; Privacy budget composition",
            "how losses add up; one budget per dataset",
        ),
        Reading(
            f"{CHAPTER}, Decision framework: when is differential privacy worth it?",
            "the 50,000-record rule and the 5,000-patient checkpoint",
        ),
    )
    assumptions = (
        "- Every answer is a mean of values clipped to a fixed range. Neighbours replace one record; the number of "
        "records is public.\n- The adversary may see every answer and ask unrelated questions: no overlap is credited."
        "\n- Budgets of several periods are added plainly, epsilon and delta alike.\n- The yearly epsilon is the "
        "network’s own policy. No regulation names a number, and none names delta.\n- The pooled dataset is "
        f"{HOSPITALS.value:g} cohorts of {N_ONPREM.value:,.0f} patients. With per-hospital or per-record noise each "
        "party protects its own part of the same sum.\n- Isolation is one hardware partition with a fixed tax; side "
        "channels inside it are left aside.\n- The attacker’s ceiling bounds every membership test; real attacks do "
        "worse."
    )
    constants = (
        VALUE_RANGE,
        EPS_REF,
        DELTA_REF,
        STRICTER,
        ERR_N1000,
        ERR_N100,
        N_ONPREM,
        HOSPITALS,
        N_CLOUD,
        DELTA_RULE,
        EPS_CAP,
        ERR_MAX,
        K_ONPREM,
        K_CLOUD,
        DELTA_PORTAL,
        TOK_PEAK,
        ISOLATION_TAX,
        TOK_MIN,
        FPR_REF,
        *DP_CARD.values(),
    )
    reads = (("v2_11", "context"),)
    instructor_notes = NOTES

    #: Whether Lab V2-11 was finished in its federated context.
    federated: bool = False

    def open(self) -> None:
        self.federated = self.read("v2_11", "context") == "federated"

    def result(self) -> float:
        return self.act2.outcome.typical_error_usd

    def decision(self) -> str:
        return f"{self.act2.accountant}/{self.act2.architecture}"

    def extras(self) -> dict[str, Any]:
        outcome = self.act2.outcome
        return {
            "epsilon_year": outcome.epsilon_year,
            "delta_year": outcome.delta_year,
            "releases_per_year": self.act2.releases_per_year,
            "throughput_tok_s": outcome.throughput_tok_s,
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == ONPREM.id:
            return {"epsilon_per_period": 1.0}
        return {"epsilon_per_period": 1.0, "accountant": "gaussian_zcdp", "architecture": "central_isolated"}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"epsilon_per_period": 1.0, "periods_per_year": 12}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
