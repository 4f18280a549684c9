"""V2-15 The Efficiency Trap.

Act I: half the energy per query, four times the queries, and what the meter shows. Act II: a year of a fleet on a coal
grid and on one of hydro, wind and sun: efficiency, a cap, clean hours, another region, or hardware that lives longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from components.controls import choice, slider, stops
from components.instruments.carbon import (
    CarbonStep,
    DayLoad,
    Grid,
    carbon_day,
    carbon_geography,
    carbon_waterfall,
    rebound_area,
    rebound_curve,
    shift_saving,
)
from components.metrics import Metric, held
from components.quantity import number, percent, plain
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

COAL = Context("coal", "Coal region", "mobile", "A grid that burns coal, day and night.")
RENEWABLE = Context("renewable", "Renewable region", "tiny", "Hydro, wind and sun: clean, and cleaner at noon.")

CHAPTER = "Sustainable AI"
CI_FRANCE = scenario(
    "ci_france", 0.050, "kg/kWh", "grid of France", "Sustainable AI, Carbon-aware scheduling", "chapter"
)
CI_TEXAS = scenario("ci_texas", 0.400, "kg/kWh", "grid of Texas", "mlsysim engine registry", "course")
SWING_RENEW = scenario(
    "swing_renewable", 0.80, "1", "half of the daily swing over the mean", "the chapter's tenfold swing in a day"
)
SWING_COAL = scenario("swing_coal", 0.10, "1", "the same on a coal grid", "base load: only a small solar share moves")
CLEAN_HOUR = scenario("clean_hour", 13, "hour", "cleanest hour of the day", "solar noon, local time")
GPUS = scenario("gpus", 1000, "GPU", "H100 fleet of the service", "a mid-size serving cluster")
LOAD = scenario("load", 0.70, "1", "share of the fleet that is busy today", "leaves room to shift")
LIFE_0 = scenario(
    "life_years", 3, "year", "service life today", "Sustainable AI, Extending hardware lifespan", "chapter"
)
PRICE_CUT = scenario("gain_of_the_message", 2, "1", "energy per query before over after", CHAPTER, "chapter")
TRAFFIC = scenario("traffic_of_the_message", 4, "1", "queries after over before: +300 %", CHAPTER, "chapter")
ELASTICITY = scenario("elasticity", 2.0, "1", "elasticity of demand", "implied: 2× and +300 %, 10× and 100×", "chapter")
GAIN_MAX = scenario(
    "gain_max", 3.0, "1", "largest energy gain per query this year", "Sustainable AI: INT8 deployment", "chapter"
)
FLEX_NOW = scenario("flexible_now", 0.30, "1", "share of the work that may wait today", "the lab's scenario")
FLEX_MAX = scenario("flexible_max", 0.60, "1", "the same with effort", "the chapter quotes 0.70 of one operator's load")
MOVE_MAX = scenario("moved_max", 0.30, "1", "share of the work that may leave the region", "data residency")
DELAY_MAX = scenario("delay_max_h", 12, "hour", "longest wait of a deferred job", "results by the next morning")
TARGET = scenario(
    "target", 0.50, "1", "total carbon over that of today", "low end of the chapter's 50 to 80 %", "chapter"
)
SERVICE_MIN = scenario("service_min", 2.0, "1", "queries to be served over those of today", "product growth plan")
VENDOR = scenario("vendor", 0.40, "1", "saving that the vendor promises", "the scenario's claim")
SHIFT_FLEET = scenario(
    "shift_fleet",
    0.15,
    "1",
    "time shifting measured on one operator's fleet",
    "Sustainable AI, Carbon-aware scheduling",
    "chapter",
)
E_RUN = scenario("run_mwh", 10_000, "MWh", "training run placed on six grids", "The geography of carbon", "chapter")
PGD_COST = scenario(
    "adversarial_cost", 8, "1", "energy of adversarial training over ordinary", "Lab V2-14: 7 steps, 1 pass"
)

#: Mean and swing of each context's grid (kg/kWh, 1).
MEAN = {COAL.id: c.CI_COAL.value, RENEWABLE.id: c.CI_RENEW.value}
SWING = {COAL.id: SWING_COAL.value, RENEWABLE.id: SWING_RENEW.value}
OTHER = {COAL.id: RENEWABLE.id, RENEWABLE.id: COAL.id}
PLACE = {COAL.id: "coal grid", RENEWABLE.id: "renewable grid"}

GRIDS = {
    "quebec": Grid("Quebec", c.CI_HYDRO.value),
    "renewable": Grid("renewable", c.CI_RENEW.value),
    "france": Grid("France", CI_FRANCE.value),
    "texas": Grid("Texas", CI_TEXAS.value),
    "us": Grid("US average", c.CI_US.value),
    "poland": Grid("Poland", c.CI_COAL.value),
}

#: IT power of the fleet (kW), and its energy of a year at today's load (kWh).
FLEET_KW = GPUS.value * c.H100_TDP.value / 1000 * c.IT_RATIO.value
YEAR_KWH = FLEET_KW * LOAD.value * c.HOURS_PER_YEAR.value

#: Sweeps: gains, energies per query, the middles of half hours, windows (h).
GAINS = np.geomspace(1, 10, 61)
HALF_HOURS = np.arange(48) / 2 + 0.25
WINDOWS = np.linspace(6, 24, 73)
REFERENCES = {"3": 3.0, "2": 2.0, "1": 1.0, "0.5": 0.5}
CURVES = {name: physics.jevons_total_energy(GAINS, eta, 1.0) for name, eta in REFERENCES.items()}
DAY = {name: physics.diurnal_intensity(MEAN[name], SWING[name], HALF_HOURS, CLEAN_HOUR.value) for name in MEAN}

#: Shares of the work that may be moved.
MOVED = tuple(float(f"{k * 0.05:.2f}") for k in range(round(MOVE_MAX.value / 0.05) + 1))

#: A served volume that the largest gain does not reach: the same as no cap.
NO_CAP = GAIN_MAX.value**ELASTICITY.value


def operation_t(intensity: float, work: float = 1.0) -> float:
    """Carbon of a year of the fleet (t) at a mean intensity (kg/kWh), for a multiple of today's work."""
    return physics.carbon_kg(YEAR_KWH * work, c.PUE.value, intensity) / 1000


def change(fraction: float) -> str:
    """A change in percent with its sign: +100 %, −50 %."""
    return f"{'+' if round(100 * fraction) > 0 else ''}{percent(fraction, 0)}".replace("−0 %", "0 %")


def points(share: float) -> str:
    """A share of a whole that was added or taken away, in percent without its sign: +44.5, −19.8, 0."""
    return "0" if abs(share) < 5e-4 else f"{100 * share:+,.1f}".replace("-", "−")


def tonnes(amount: float) -> str:
    """A mass of carbon dioxide: 5,361 t."""
    return f"{amount:,.0f} t"


def times(ratio: float, digits: int = 3) -> str:
    """A ratio: 2×."""
    return f"{plain(ratio, digits)}×"


@dataclass(frozen=True)
class ReboundOutcome:
    """What an efficiency gain does to queries and energy (over today's) and to a year's operational carbon (t)."""

    volume_factor: float
    energy_factor: float
    net_change_pct: float
    annual_operational_t: float
    baseline_t: float
    curve: np.ndarray
    demand: tuple[np.ndarray, np.ndarray]
    run_t: dict[str, float]
    pair: tuple[int, int]
    grid_ratio: float


class Rebound(Act):
    """Act I: efficiency sets the rate, demand sets the total."""

    title = "Cut in two"
    minutes = 13

    efficiency_gain = slider(
        "Efficiency gain", 1, 10, 0.1, PRICE_CUT.value, unit="×", reason="none to the chapter's largest claim"
    )
    elasticity = slider(
        "Elasticity of demand", 0, 3, 0.1, ELASTICITY.value, reason="0 inelastic, 1 the border, 3 strongly elastic"
    )
    pass_through = slider(
        "Saving that reaches the price", 0, 1, 0.05, 1, unit="%", scale=100, reason="all kept to all passed on"
    )
    grid_a = choice(
        "Compare the grid of",
        {key: grid.name for key, grid in GRIDS.items()},
        "poland",
        widget="select",
        reason="six grids of the chapter",
    )
    grid_b = choice(
        "with that of",
        {key: grid.name for key, grid in GRIDS.items()},
        "quebec",
        widget="select",
        reason="six grids of the chapter",
    )

    snapshot_stops = {
        "efficiency_gain": (1, 1.5, 3, 5, 10),
        "elasticity": (0, 0.5, 1, 1.5, 3),
        "pass_through": (0, 0.5),
        "grid_a": ("us",),
        "grid_b": ("france",),
    }

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        efficiency_gain: float,
        elasticity: float,
        pass_through: float,
        grid_a: str = "poland",
        grid_b: str = "quebec",
    ) -> ReboundOutcome:
        volume = physics.jevons_demand(efficiency_gain, elasticity, pass_through)
        energy = physics.jevons_total_energy(efficiency_gain, elasticity, pass_through)
        base = operation_t(MEAN[context])
        run = {key: physics.carbon_kg(E_RUN.value * 1000, 1.0, grid.kg_kwh) / 1000 for key, grid in GRIDS.items()}
        names = list(GRIDS)
        return ReboundOutcome(
            volume_factor=volume,
            energy_factor=energy,
            net_change_pct=100 * (energy - 1),
            annual_operational_t=base * energy,
            baseline_t=base,
            curve=physics.jevons_total_energy(GAINS, elasticity, pass_through),
            demand=(1 / GAINS, physics.jevons_demand(GAINS, elasticity, pass_through)),
            run_t=run,
            pair=(names.index(grid_a), names.index(grid_b)),
            grid_ratio=run[grid_a] / run[grid_b],
        )

    @classmethod
    @cache
    def asked(cls, gain: float = PRICE_CUT.value, context: str = COAL.id) -> ReboundOutcome:
        """The case of the question; or another gain with the same demand."""
        eta = physics.implied_elasticity(PRICE_CUT.value, TRAFFIC.value)
        return cls.compute(context, efficiency_gain=gain, elasticity=eta, pass_through=1.0)

    def message(self) -> Message:
        return Message(
            "Head of Sustainability, a translation service",
            f"Engineering halved the energy per translated page, and the press release is written: **“our footprint is "
            f"cut in two”**. Since the price drop, traffic is up {percent(TRAFFIC.value - 1, 0)}. The auditors arrive "
            "on Thursday; tell me what the meter will show before I sign.",
        )

    def concept(self) -> str:
        return (
            "**Energy is energy per query times queries.** A gain in efficiency makes the first factor smaller. A "
            "query that takes less energy also costs less, and what costs less is used more: the **elasticity** of "
            "demand tells how much more. A meter shows the product."
        )

    def from_ledger(self) -> str:
        recipe = self.lab.read("v2_14", "recipe")
        if recipe not in ("adv4", "adv8"):
            return ""
        return (
            f"In Lab V2-14 you hardened the model with the recipe **{recipe}**. One training of that model costs "
            f"{PGD_COST.value:g} times the energy of an ordinary one: a rate, too, which a volume multiplies."
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        added = asked.annual_operational_t - asked.baseline_t
        return ChoicePrediction(
            "Change of total energy after the optimisation?",
            (
                Option(
                    "half",
                    change(-0.5),
                    value=-0.5,
                    feedback="True only for elasticity 0, where nobody uses the service more. Efficiency is a rate.",
                ),
                Option(
                    "zero",
                    change(0.0),
                    value=0.0,
                    feedback="That is the border, elasticity 1, where demand eats the gain exactly. Here it is "
                    f"{plain(ELASTICITY.value)}.",
                ),
                Option(
                    "fifty",
                    change(0.5),
                    value=0.5,
                    feedback=f"{change(TRAFFIC.value - 1)} is {plain(TRAFFIC.value)} times, not "
                    f"{plain(TRAFFIC.value - 1)}: today’s queries are still there.",
                ),
                Option(
                    "double",
                    change(1.0),
                    value=1.0,
                    correct=True,
                    feedback=f"Yes; in the coal region that is {tonnes(added)} a year more.",
                ),
            ),
            actual=asked.energy_factor - 1,
            form=change,
            difference=True,
            difference_form=lambda gap: f"{100 * gap:.0f} points",
            why=(
                f"The meter shows {change(asked.energy_factor - 1)}: half the energy per query, "
                f"{plain(asked.volume_factor)} times the queries, {1 / PRICE_CUT.value:g} × "
                f"{plain(asked.volume_factor)} = {plain(asked.energy_factor)}."
            ),
        )

    def plots(self, outcome: ReboundOutcome) -> dict[str, Any]:
        predicted = self.predicted()
        guess = None if predicted is None else (1 + predicted) * PRICE_CUT.value
        exponent = self.elasticity * self.pass_through
        names = list(GRIDS.values())
        first, second = (names[k] for k in outcome.pair)
        ratio = max(outcome.grid_ratio, 1 / outcome.grid_ratio)
        larger, smaller = (first, second) if outcome.grid_ratio >= 1 else (second, first)
        return {
            "area": rebound_area(
                gain=self.efficiency_gain,
                volume=outcome.volume_factor,
                demand=outcome.demand,
                today=f"today: {tonnes(outcome.baseline_t)}",
                now=f"now: {tonnes(outcome.annual_operational_t)}",
                predicted=None if guess is None else (PRICE_CUT.value, guess),
                predicted_text="" if guess is None else f"your prediction: {plain(guess)}× queries",
                title="The meter reads an area",
                caption=(
                    f"The area is the total: {times(outcome.volume_factor)} the queries at "
                    f"{percent(1 / self.efficiency_gain, 0)} of the energy each are {times(outcome.energy_factor)} the "
                    f"energy. A year of {GPUS.value:,.0f} GPUs’ work goes from {tonnes(outcome.baseline_t)} to "
                    f"{tonnes(outcome.annual_operational_t)} of carbon dioxide on the {PLACE[self.context]}."
                ),
            ),
            "curve": rebound_curve(
                GAINS,
                outcome.curve,
                CURVES,
                here=(self.efficiency_gain, outcome.energy_factor),
                predicted=None if predicted is None else (PRICE_CUT.value, 1 + predicted),
                title="Where a better rate makes a larger total",
                caption=(
                    f"On these axes the total is a straight line of slope {plain(exponent - 1)}: "
                    + (
                        "every further gain adds energy."
                        if exponent > 1
                        else "gain and demand cancel exactly."
                        if exponent == 1
                        else f"of every gain a part is left, {percent(1 - exponent, 0)} in the exponent."
                    )
                ),
            ),
            "geography": carbon_geography(
                names,
                list(outcome.run_t.values()),
                compared=outcome.pair,
                title=f"One training run of {E_RUN.value:,.0f} MWh on six grids",
                caption=(
                    f"{larger.name} emits {number(ratio, 2)} times as much as {smaller.name}; each tick in its bar is "
                    f"one run in {smaller.name}."
                    if ratio > 1 + 1e-9
                    else f"{first.name} and {second.name} emit the same."
                ),
            ),
        }

    def metrics(self, outcome: ReboundOutcome) -> list[Metric]:
        first, second = (list(GRIDS.values())[k].name for k in outcome.pair)
        return [
            Metric("Queries", number(outcome.volume_factor), "× today"),
            Metric("Energy per query", number(1 / self.efficiency_gain), "× today"),
            Metric("Total energy", change(outcome.net_change_pct / 100).removesuffix(" %"), "%"),
            Metric(
                "Carbon of a year",
                f"{outcome.annual_operational_t:,.0f}",
                "t",
                note=f"today {tonnes(outcome.baseline_t)}",
            ),
            Metric(f"{first} over {second}", number(outcome.grid_ratio), "times"),
        ]

    def tables(self, outcome: ReboundOutcome) -> list[Table]:
        gain = self.efficiency_gain
        rows = []
        for eta in (0.0, 0.5, 1.0, 2.0, 3.0):
            volume = physics.jevons_demand(gain, eta, self.pass_through)
            rows.append((plain(eta), times(volume), times(volume / gain), change(volume / gain - 1)))
        return [
            Table(
                f"A gain of {plain(gain)}× at other elasticities",
                ("elasticity", "queries", "total energy", "change"),
                tuple(rows),
            )
        ]

    def reflection(self) -> Question:
        grids = GRIDS["poland"].kg_kwh / GRIDS["quebec"].kg_kwh
        return Question(
            "The same service finds a 10× gain. Which statement holds for every elasticity?",
            (
                Option("A", "Total energy falls", "Only for an elasticity below 1."),
                Option("B", "Total energy rises", "Only above 1."),
                Option(
                    "C",
                    "Total energy stays below today’s only if the served volume is held below 10× today’s",
                    "Yes: energy is volume over gain, whatever made the volume grow. Such a limit is a cap.",
                    correct=True,
                ),
                Option(
                    "D",
                    "Moving to a clean grid makes the volume irrelevant",
                    f"It divides the tonnes by up to {plain(grids)} and leaves the rebound as it is.",
                ),
            ),
        )

    def peek(self) -> Peek:
        gpt3 = physics.carbon_kg(c.GPT3_TRAINING_ENERGY.value, 1.0, c.CI_US.value) / 1000
        return Peek(
            ("jevons_demand", "jevons_total_energy", "implied_elasticity", "carbon_kg"),
            "Without a cap $r = g^{\\eta\\varphi - 1}$: below one for $\\eta\\varphi < 1$, above it for "
            f"$\\eta\\varphi > 1$. Twice cheaper and {percent(TRAFFIC.value - 1, 0)} more queries give $\\eta = \\ln "
            "4 / \\ln 2 = 2$, ten times cheaper and a hundred times the queries $\\ln 100 / \\ln 10 = 2$.\n\n"
            "Tonnes are energy times PUE times intensity: the "
            f"{c.GPT3_TRAINING_ENERGY.value / 1000:,.0f} MWh of GPT-3’s training, on the US grid, are {tonnes(gpt3)}.",
        )


@dataclass(frozen=True)
class YearOutcome:
    """A design of the year: work and queries (over today's), carbon (t) and where it comes from, the fleet's day."""

    served_factor: float
    work_factor: float
    operational_t: float
    embodied_t: float
    total_t: float
    ratio_to_baseline: float
    peak_load: float
    worst_case_delay_h: float
    passes: bool
    baseline_t: float
    parts: dict[str, float]
    deferred_share: float
    mean_intensity: float
    waiting_saves: float
    narrowest_h: float | None
    load: DayLoad
    saving: np.ndarray
    saving_other: np.ndarray
    curve: np.ndarray
    cap_gain: float


def narrowest(load: float, share: float) -> float | None:
    """Narrowest window without new machines (h); None where no window has room."""
    if load > 1 or (1 - share) * load >= 1:
        return None
    return physics.min_shift_window_h(load, share)


class CarbonYear(Act):
    """Act II: half the carbon and twice the queries, on two grids."""

    title = "Half the carbon, twice the queries"
    minutes = 24

    efficiency_gain = slider(
        "Efficiency gain",
        1,
        GAIN_MAX.value,
        0.25,
        1,
        unit="×",
        reason="as today to the threefold speed-up of an INT8 deployment",
    )
    demand_cap = stops(
        "Cap on served queries",
        (*(float(f"{1 + k * 0.05:.2f}") for k in range(41)), NO_CAP),
        NO_CAP,
        unit="×",
        text=lambda cap: "no cap" if cap >= NO_CAP else f"{cap:.2f}× today",
        reason="no growth to half as much again as the product plan; without a cap demand grows as the gain’s square",
    )
    flexible_share = slider(
        "Work that may wait",
        0,
        FLEX_MAX.value,
        0.05,
        FLEX_NOW.value,
        unit="%",
        scale=100,
        reason="none to the most that effort could make deferrable",
    )
    window_h = slider(
        "Window of clean hours",
        6,
        24,
        1,
        24,
        unit="h",
        reason="at 6 h 90 % of what any window could save is saved; narrower ones only raise the peak",
    )
    moved_share = choice(
        "Work moved to the other region",
        {share: percent(share, 0) for share in MOVED},
        0.0,
        reason="data residency keeps the rest; part of the work that may wait",
    )
    service_life_years = choice(
        "Service life",
        {3: "3 years", 4: "4 years", 5: "5 years", 6: "6 years"},
        3,
        reason="as today to twice as long",
    )

    snapshot_stops = {
        "efficiency_gain": (2,),
        "demand_cap": (1.5, 2.5),
        "flexible_share": (0,),
        "window_h": (8, 10),
        "moved_share": (0.15,),
    }

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        efficiency_gain: float,
        demand_cap: float | None,
        flexible_share: float,
        window_h: float,
        moved_share: float,
        service_life_years: float,
    ) -> YearOutcome:
        here, there, swing = MEAN[context], MEAN[OTHER[context]], SWING[context]
        cap = None if demand_cap is None or demand_cap >= NO_CAP else demand_cap
        work = physics.jevons_total_energy(efficiency_gain, ELASTICITY.value, 1.0, cap)
        served = work * efficiency_gain
        # What moves is taken out of what may wait; what stays and waits is `deferred`, of all work.
        moved, local = moved_share, 1 - moved_share
        deferred = max(flexible_share - moved, 0.0)
        window_mean = physics.window_mean_intensity(here, swing, window_h)
        intensity = here * (local - deferred) + deferred * window_mean + moved * there
        operation = operation_t(intensity, work)
        demanded = LOAD.value * work
        peak = physics.shifted_peak_load(demanded * local, deferred / local, window_h)
        # Own machines, enlarged if the peak asks for it, and the time share of borrowed ones.
        devices = GPUS.value * (max(1.0, peak) + demanded * moved)
        embodied = physics.embodied_kg_per_year(devices, c.H100_EMBODIED_CARBON.value, service_life_years) / 1000
        total, today, made_today = operation + embodied, operation_t(here), embodied_today_t()
        baseline = today + made_today
        delay = physics.worst_case_delay_h(window_h) if deferred > 0 else 0.0
        saves = physics.shift_saving_fraction(deferred, swing, window_h)
        ratio = total / baseline
        return YearOutcome(
            served_factor=served,
            work_factor=work,
            operational_t=operation,
            embodied_t=embodied,
            total_t=total,
            ratio_to_baseline=ratio,
            peak_load=peak,
            worst_case_delay_h=delay,
            passes=(
                at_most(ratio, TARGET.value)
                and at_least(served, SERVICE_MIN.value)
                and at_most(peak, 1.0)
                and at_most(delay, DELAY_MAX.value)
                and at_most(moved, min(flexible_share, MOVE_MAX.value))
            ),
            baseline_t=baseline,
            parts={
                "efficiency": -today * (1 - 1 / efficiency_gain),
                "more queries": today * (work - 1 / efficiency_gain),
                "waiting": -today * work * saves,
                "moving": today * work * moved * (there - here) / here,
                "hardware": embodied - made_today,
            },
            deferred_share=deferred,
            mean_intensity=intensity,
            waiting_saves=saves,
            narrowest_h=narrowest(demanded * local, deferred / local),
            load=DayLoad(
                today=LOAD.value,
                urgent=demanded * (local - deferred),
                arriving=demanded * local,
                peak=peak,
                window=(CLEAN_HOUR.value - window_h / 2, CLEAN_HOUR.value + window_h / 2),
            ),
            saving=physics.shift_saving_fraction(deferred, swing, WINDOWS),
            saving_other=physics.shift_saving_fraction(deferred, SWING[OTHER[context]], WINDOWS),
            curve=physics.jevons_total_energy(GAINS, ELASTICITY.value, 1.0, cap),
            cap_gain=np.nan if cap is None else cap ** (1 / ELASTICITY.value),
        )

    @classmethod
    @cache
    def design(
        cls,
        context: str,
        gain: float = 1.0,
        cap: float | None = None,
        flexible: float = 0.0,
        window_h: float = 24.0,
        moved: float = 0.0,
        life_years: float = LIFE_0.value,
    ) -> YearOutcome:
        """A design that a text quotes; without further words the one of today."""
        return cls.compute(
            context,
            efficiency_gain=gain,
            demand_cap=cap,
            flexible_share=flexible,
            window_h=window_h,
            moved_share=moved,
            service_life_years=life_years,
        )

    @classmethod
    @cache
    def asked(cls, context: str = COAL.id) -> tuple[float, float]:
        """The case of the question: the narrowest window without new machines (h), and what it saves at most."""
        window = physics.min_shift_window_h(LOAD.value, FLEX_NOW.value)
        return window, physics.shift_saving_fraction(FLEX_NOW.value, SWING[context], window)

    def message(self) -> Message:
        return Message(
            "ML Platform Lead, the same service",
            f"{GPUS.value:,.0f} H100s, {percent(LOAD.value, 0)} busy, no money for more. The board wants **half the "
            f"carbon** next year, and the product team wants **{plain(SERVICE_MIN.value)} times the queries**. A "
            f"vendor promises {percent(VENDOR.value, 0)} less carbon by moving our {percent(FLEX_NOW.value, 0)} "
            "deferrable jobs to clean hours. We run one site on a coal grid and are offered one on hydro, wind and "
            "sun. Design the year for each.",
        )

    def concept(self) -> str:
        return (
            "There are five levers: **efficiency**, a **cap** on the served volume, **waiting** for clean hours, "
            "**moving** work to the other region, and **keeping** machines longer, which spreads the carbon of making "
            "them.\n\nWork that may wait is collected and run in a window of $w$ hours around the cleanest one. A "
            "narrower window is cleaner, but the peak load in it grows, and jobs wait longer."
        )

    def from_ledger(self) -> str:
        words = {
            "fifo": "first come, first served",
            "priority": "priorities",
            "preempt_kill": "preemption without saving",
            "preempt_save": "preemption with saving",
        }
        chosen = words.get(self.lab.read("v2_08", "act2_decision") or "")
        if chosen is None:
            return ""
        return f"In Lab V2-08 your scheduler used **{chosen}**. There jobs waited for GPUs, here for clean hours."

    def prediction(self) -> ChoicePrediction:
        window, saves = self.asked()
        low, high = (
            physics.diurnal_intensity(MEAN[COAL.id], SWING[COAL.id], CLEAN_HOUR.value + hours, CLEAN_HOUR.value)
            for hours in (0, 12)
        )
        bound = (
            "That is {:.1f} times the truth. It would need a grid whose clean hours are carbon-free, "
            "and jobs that fit into one hour."
        )
        return ChoicePrediction(
            f"{percent(FLEX_NOW.value, 0)} of the work may wait. On the coal grid the intensity runs between "
            f"{1000 * low:.0f} and {1000 * high:.0f} g/kWh within a day, mean {1000 * MEAN[COAL.id]:.0f}. How much of "
            "the fleet’s operational carbon can time shifting save at most, without new machines?",
            (
                Option(
                    "p40", percent(VENDOR.value, 0), value=VENDOR.value, feedback=bound.format(VENDOR.value / saves)
                ),
                Option(
                    "p30",
                    percent(FLEX_NOW.value, 0),
                    value=FLEX_NOW.value,
                    feedback=bound.format(FLEX_NOW.value / saves),
                ),
                Option(
                    "p15",
                    percent(SHIFT_FLEET.value, 0),
                    value=SHIFT_FLEET.value,
                    feedback=(
                        "The right order for a grid that swings; yours does not. In the renewable region the same "
                        f"window saves {percent(self.asked(RENEWABLE.id)[1])}."
                    ),
                ),
                Option(
                    "p2",
                    f"About {percent(saves, 0)}",
                    value=saves,
                    correct=True,
                    feedback="Yes. On a flat grid there is no clean hour to wait for.",
                ),
            ),
            actual=saves,
            form=percent,
            why=(
                f"The best window without new machines is {number(window)} h: {percent(saves)}. A scheduler can never "
                f"save more than the deferrable share times the swing of the grid, {percent(FLEX_NOW.value, 0)} × "
                f"{percent(SWING_COAL.value, 0)} = {percent(FLEX_NOW.value * SWING_COAL.value, 0)}."
            ),
        )

    def challenge(self) -> str:
        start = self.design(self.context)
        return (
            f"Bring a year’s carbon from {tonnes(start.baseline_t)} to **{percent(TARGET.value, 0)}** of that with at "
            f"least **{plain(SERVICE_MIN.value)} times** the queries, in the fleet that is there: a peak of at most "
            f"{percent(1, 0)}, no job that waits longer than {plain(DELAY_MAX.value)} h, and no more work moved than "
            "may wait. **Once in each region**: the levers that do it differ."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(f"Carbon ≤ {percent(TARGET.value, 0)}", lambda o: at_most(o.ratio_to_baseline, TARGET.value)),
            Constraint(
                f"Queries ≥ {plain(SERVICE_MIN.value)}×", lambda o: at_least(o.served_factor, SERVICE_MIN.value)
            ),
            Constraint("Peak ≤ fleet", lambda o: at_most(o.peak_load, 1.0)),
            Constraint(f"Wait ≤ {plain(DELAY_MAX.value)} h", lambda o: at_most(o.worst_case_delay_h, DELAY_MAX.value)),
        )

    def limits(self) -> dict[str, Any]:
        return {
            "moved_share": {
                share: f"Only work that may wait can move, now {percent(self.flexible_share, 0)}."
                for share in MOVED
                if not at_most(share, self.flexible_share)
            }
        }

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # What moves is part of what may wait: an interactive query stays where its user is.
        most = max(share for share in MOVED if at_most(share, values["flexible_share"]))
        return {"moved_share": most} if values["moved_share"] > most else {}

    def failures(self) -> tuple[Failure, ...]:
        def more_carbon(o: YearOutcome) -> bool:
            return not at_most(o.ratio_to_baseline, 1.0)

        def more_work(o: YearOutcome) -> bool:
            return not at_most(o.work_factor, 1.0)

        return (
            Failure(
                "rebound",
                "JEVONS REBOUND:",
                when=lambda o: more_carbon(o) and more_work(o),
                text=lambda o: (
                    f"carbon {change(o.ratio_to_baseline - 1)} in spite of {times(self.efficiency_gain)} efficiency; "
                    f"{times(o.served_factor)} the queries "
                    f"at {percent(1 / self.efficiency_gain, 0)} of the energy each."
                ),
            ),
            Failure(
                "dirty",
                "DIRTY DESTINATION:",
                when=lambda o: more_carbon(o) and not more_work(o),
                text=lambda o: (
                    f"{percent(self.moved_share, 0)} of the work now runs on the {PLACE[OTHER[self.context]]}; total "
                    f"carbon is {number(o.ratio_to_baseline)} times today’s."
                ),
            ),
            Failure(
                "fleet",
                "FLEET TOO SMALL:",
                when=lambda o: not at_most(o.peak_load, 1.0),
                text=lambda o: (
                    f"the busiest hours need {o.peak_load:.2f} of the fleet: {GPUS.value * (o.peak_load - 1):,.0f} "
                    f"more GPUs, whose making is {missing_t(o.peak_load):,.0f} t."
                ),
            ),
            Failure(
                "deadline",
                "DEADLINE MISSED:",
                when=lambda o: not at_most(o.worst_case_delay_h, DELAY_MAX.value),
                text=lambda o: f"jobs wait up to {plain(o.worst_case_delay_h)} h, limit {plain(DELAY_MAX.value)} h.",
            ),
        )

    def plots(self, outcome: YearOutcome) -> dict[str, Any]:
        place, other = PLACE[self.context], PLACE[OTHER[self.context]]
        deferred, saves, swing = outcome.deferred_share, outcome.waiting_saves, SWING[self.context]
        return {
            "day": carbon_day(
                HALF_HOURS,
                DAY[self.context],
                outcome.load,
                title=f"A day on the {place}, and the work in it",
                caption=day_caption(outcome, self.window_h, self.moved_share, other),
            ),
            "saving": shift_saving(
                WINDOWS,
                outcome.saving,
                outcome.saving_other,
                names=(place, other),
                ceiling=deferred * swing,
                narrowest_h=outcome.narrowest_h,
                shortest_h=24 - DELAY_MAX.value,
                here=(self.window_h, saves),
                predicted=self.predicted() if self.context == COAL.id else None,
                title="What waiting is worth",
                caption=(
                    f"{percent(deferred, 0)} of the work waits, the grid swings by ±{percent(swing, 0)}: no window "
                    f"saves more than {percent(deferred * swing)}. This one of {plain(self.window_h)} h saves "
                    f"{percent(saves)} of a year’s operation."
                    if deferred > 0
                    else "No work waits: there is nothing to save here."
                ),
            ),
            "account": carbon_waterfall(
                account(outcome),
                target=TARGET.value * outcome.baseline_t,
                target_label=f"{percent(TARGET.value, 0)} of today",
                title="From today to this design",
                caption=(
                    f"{tonnes(outcome.total_t)}, {percent(outcome.ratio_to_baseline)} of today. Making the hardware is "
                    f"{percent(outcome.embodied_t / outcome.total_t)} of it."
                ),
            ),
            "rebound": rebound_curve(
                GAINS,
                outcome.curve,
                CURVES,
                here=(self.efficiency_gain, outcome.work_factor),
                cap=outcome.cap_gain,
                title="The work that is left to do",
                caption=(
                    f"Elasticity {plain(ELASTICITY.value)}, no cap: energy grows as the gain does."
                    if np.isnan(outcome.cap_gain)
                    else f"From a gain of {number(outcome.cap_gain)}× on the cap holds the queries, and every further "
                    "gain lowers the total."
                ),
            ),
        }

    def metrics(self, outcome: YearOutcome) -> list[Metric]:
        days = physics.embodied_payback_days(
            c.H100_EMBODIED_CARBON.value, c.H100_TDP.value, c.PUE.value, MEAN[self.context]
        )
        return [
            Metric(
                "Carbon over today’s",
                f"{100 * outcome.ratio_to_baseline:,.1f}",
                "%",
                note=f"{tonnes(outcome.total_t)} a year",
                status=held(at_most(outcome.ratio_to_baseline, TARGET.value)),
            ),
            Metric(
                "Queries served",
                number(outcome.served_factor),
                "× today",
                status=held(at_least(outcome.served_factor, SERVICE_MIN.value)),
            ),
            Metric(
                "Peak load",
                f"{100 * outcome.peak_load:.1f}",
                "% of the fleet",
                status=held(at_most(outcome.peak_load, 1)),
            ),
            Metric(
                "Longest wait",
                plain(outcome.worst_case_delay_h),
                "h",
                status=held(at_most(outcome.worst_case_delay_h, DELAY_MAX.value)),
            ),
            Metric("Waiting saves", f"{100 * outcome.waiting_saves:.1f}", "% of operation"),
            Metric(
                "Making the hardware",
                f"{100 * outcome.embodied_t / outcome.total_t:.1f}",
                "% of total",
                note=f"one GPU: {days:.0f} days of running it",
            ),
        ]

    def tables(self, outcome: YearOutcome) -> list[Table]:
        both = [
            self.design(
                context,
                self.efficiency_gain,
                self.demand_cap,
                self.flexible_share,
                self.window_h,
                self.moved_share,
                self.service_life_years,
            )
            for context in (COAL.id, RENEWABLE.id)
        ]
        rows = [(name, *(points(year.parts[name] / year.baseline_t) for year in both)) for name in both[0].parts]
        rows.append(("what is left", *(f"{100 * year.ratio_to_baseline:,.1f}" for year in both)))
        return [
            Table(
                "This design in both regions, % of today’s carbon there",
                ("", COAL.label, RENEWABLE.label),
                tuple(rows),
                emphasis=len(rows) - 1,
            )
        ]

    def reflection(self) -> Question:
        naive = self.design(COAL.id, GAIN_MAX.value)
        clean = self.design(RENEWABLE.id, GAIN_MAX.value, SERVICE_MIN.value, FLEX_MAX.value, 12.0)
        return Question(
            "Which lever made the difference in each region?",
            (
                Option(
                    "A",
                    "Efficiency in both",
                    f"Necessary, a gain of {plain(GAIN_MAX.value)}×; but uncapped it multiplies the carbon by "
                    f"{number(naive.ratio_to_baseline)}.",
                ),
                Option(
                    "B",
                    "Efficiency and a cap in both, then place in the coal region, "
                    "and time plus hardware life in the renewable one",
                    "Yes: the same rate and the same cap, then whatever the local grid makes worth moving.",
                    correct=True,
                ),
                Option("C", "Scheduling in both", f"{percent(self.asked()[1], 0)} on coal."),
                Option(
                    "D",
                    "Only the grid matters",
                    f"On the clean grid the missing {100 * (clean.ratio_to_baseline - TARGET.value):.0f} points came "
                    "from manufacturing.",
                ),
            ),
        )

    def peek(self) -> Peek:
        wide, narrow = (physics.shift_saving_fraction(1.0, SWING_RENEW.value, hours) for hours in (12.0, 4.0))
        american = physics.embodied_payback_days(c.H100_EMBODIED_CARBON.value, c.H100_TDP.value, 1.0, c.CI_US.value)
        return Peek(
            (
                "shift_saving_fraction",
                "window_mean_intensity",
                "diurnal_intensity",
                "shifted_peak_load",
                "min_shift_window_h",
                "worst_case_delay_h",
                "embodied_kg_per_year",
                "embodied_payback_days",
            ),
            "Total = operation + $N k / L$. A year’s operation is the fleet’s busy hours times its power "
            f"({GPUS.value:,.0f} × {c.H100_TDP.value:g} W × {c.IT_RATIO.value:g}), PUE {c.PUE.value:g}, and the mean "
            "intensity of the hours and places in which the work runs.\n\n"
            f"The chapter’s 50 to 80 % is one fully deferrable job on a swinging grid: $a$ = {SWING_RENEW.value:g} "
            f"and a window of 4 to 12 h save {percent(narrow, 0)} to {percent(wide, 0)}. A fleet saves its deferrable "
            f"share of that.\n\nOn the US grid, without the facility, an H100 has emitted as much as its making after "
            f"{number(american)} days.",
        )


def missing_t(peak_load: float) -> float:
    """Carbon of making the machines that a peak needs beyond the fleet (t)."""
    return GPUS.value * (peak_load - 1) * c.H100_EMBODIED_CARBON.value / 1000


@cache
def embodied_today_t() -> float:
    """Yearly charge for making today's fleet (t)."""
    return physics.embodied_kg_per_year(GPUS.value, c.H100_EMBODIED_CARBON.value, LIFE_0.value) / 1000


def account(outcome: YearOutcome) -> list[CarbonStep]:
    """The year from today's total to the design's, lever by lever."""
    steps, level = [CarbonStep("today", 0.0, outcome.baseline_t, total=True)], outcome.baseline_t
    for name, amount in outcome.parts.items():
        steps.append(CarbonStep(name, level, level + amount))
        level += amount
    return [*steps, CarbonStep("this design", 0.0, outcome.total_t, total=True)]


def day_caption(outcome: YearOutcome, window_h: float, moved: float, other: str) -> str:
    """What the day shows, in words."""
    away = f" {percent(moved, 0)} of the work runs on the {other}." if moved > 0 else ""
    if outcome.deferred_share == 0 or window_h >= 24:
        return f"The work runs when it arrives, day and night: {percent(outcome.peak_load, 0)} of the fleet.{away}"
    start, end = outcome.load.window
    opens, closes = (f"{int(hour % 24):02d}:{30 * (hour % 1 > 0):02d}" for hour in (start, end))
    return (
        f"{percent(outcome.deferred_share, 0)} of the work waits and runs from {opens} to {closes}, where the fleet is "
        f"{percent(outcome.peak_load, 0)} busy; outside it is {percent(outcome.load.urgent, 0)}. A job waits up to "
        f"{plain(outcome.worst_case_delay_h)} h.{away}"
    )


@cache
def instructor_notes() -> str:
    """Notes with the numbers of the physics."""
    capped = CarbonYear.design(COAL.id, GAIN_MAX.value, SERVICE_MIN.value)
    clean = CarbonYear.design(RENEWABLE.id, GAIN_MAX.value, SERVICE_MIN.value)
    naive = [CarbonYear.design(name, GAIN_MAX.value) for name in (COAL.id, RENEWABLE.id)]
    return (
        f"- Make the class say “{change(TRAFFIC.value - 1)} is {plain(TRAFFIC.value)} times” aloud; half of them will "
        f"have chosen +50 %.\n- The cap is not against growth: gain {plain(GAIN_MAX.value)} with a cap of "
        f"{plain(SERVICE_MIN.value)} serves twice the users at {percent(capped.work_factor, 0)} of the energy. Without "
        f"it the year ends at {number(naive[0].ratio_to_baseline)} times today’s carbon on coal and "
        f"{number(naive[1].ratio_to_baseline)} in the renewable region, with a peak of "
        f"{number(naive[0].peak_load, 2)} fleets. With it, and nothing else, at {capped.ratio_to_baseline:.3f} and "
        f"{clean.ratio_to_baseline:.3f}.\n- Draw the two daily curves side by side before any formula.\n- Average "
        "against marginal intensity is left out on purpose: what changes if the clean hours are clean because nobody "
        "uses them?\n- Idle power is ignored; with a real idle draw waiting saves less and a smaller fleet saves "
        "more.\n- Extension: price carbon instead of capping it, and find the price at which demand itself stays at "
        f"{plain(SERVICE_MIN.value)} times."
    )


class SustainableAiLab(Lab):
    """Efficiency sets the rate, a cap the total, and the grid the third lever."""

    volume, number, slug = 2, 15, "lab_15_sustainable_ai"
    title = "The Efficiency Trap"
    question = "A query takes half the energy: what does the meter show?"
    chapter = CHAPTER
    # Which lever is worth what on which grid is the answer of Act II: cards and briefing must not give it away.
    invariant = (
        "Efficiency sets the rate, an absolute limit sets the total, and the local grid decides which further lever is "
        "worth anything."
    )
    contexts = (COAL, RENEWABLE)
    acts = (Rebound, CarbonYear)
    briefing = (
        "A model that needs half the energy per query should halve the bill, and running it in clean hours should do "
        "the rest. In Act I the first promise meets the customers, in Act II the second one meets the grid: you design "
        "one year of a fleet twice, in a region of coal and in one of hydro, wind and sun, with half the carbon and "
        "twice the queries in mind."
    )
    reading = (
        Reading("Sustainable AI, The scale of environmental impact", "10,000 MWh in Quebec and in Poland"),
        Reading(
            "Sustainable AI, Mitigation strategies", "Jevons paradox, rebound, and the checkpoint on 2× efficiency"
        ),
        Reading(
            "Sustainable AI, Geographic and temporal optimization",
            "carbon-aware scheduling: one job, one fleet, one day of a grid",
        ),
        Reading(
            "Sustainable AI, Three-phase lifecycle assessment framework",
            "the carbon of making an accelerator, and what a longer life does to it",
        ),
        Reading("Sustainable AI, Facility-level power metrics", "PUE"),
    )
    assumptions = (
        "- Demand has one constant elasticity, and the price follows the energy of a query.\n- A grid’s day is one "
        "sine around its mean, cleanest at solar noon. Quebec’s hydro is flat and stays a marker.\n- Average "
        "intensity, not marginal.\n- Energy is proportional to busy GPU-hours: idle power is ignored.\n- Work that "
        "may wait arrives evenly and runs evenly in the window. Work that moved runs evenly over the other region’s "
        f"day.\n- Hardware is written off evenly over its life. {c.H100_EMBODIED_CARBON.value:g} kg per H100 is an "
        "eighth of a baseboard, without processor, memory and chassis: a lower bound.\n- Borrowed machines in the "
        "other region are charged for the time that they are used."
    )
    constants = (
        c.CI_COAL,
        c.CI_HYDRO,
        c.CI_US,
        c.CI_RENEW,
        CI_FRANCE,
        CI_TEXAS,
        SWING_RENEW,
        SWING_COAL,
        CLEAN_HOUR,
        GPUS,
        c.H100_TDP,
        c.IT_RATIO,
        c.PUE,
        c.HOURS_PER_YEAR,
        LOAD,
        c.H100_EMBODIED_CARBON,
        LIFE_0,
        PRICE_CUT,
        TRAFFIC,
        ELASTICITY,
        GAIN_MAX,
        FLEX_NOW,
        FLEX_MAX,
        MOVE_MAX,
        DELAY_MAX,
        TARGET,
        SERVICE_MIN,
        VENDOR,
        SHIFT_FLEET,
        E_RUN,
        c.GPT3_TRAINING_ENERGY,
        PGD_COST,
    )
    reads = (("v2_14", "recipe"), ("v2_08", "act2_decision"))
    instructor_notes = instructor_notes()

    def result(self) -> float:
        return self.act2.outcome.ratio_to_baseline

    def decision(self) -> str:
        act = self.act2
        levers = {
            "cap": self._cap() is not None,
            "shift": act.outcome.deferred_share > 0 and act.window_h < 24,
            "move": act.moved_share > 0,
            "life": act.service_life_years > LIFE_0.value,
        }
        return "+".join(name for name, used in levers.items() if used) or "none"

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "efficiency_gain": act.efficiency_gain,
            "demand_cap": self._cap(),
            "flexible_share": act.flexible_share,
            "moved_share": act.moved_share,
            "service_life_years": act.service_life_years,
            "total_t": act.outcome.total_t,
        }

    def _cap(self) -> float | None:
        """The cap on queries, over those of today; None where it is off."""
        cap: float = self.act2.demand_cap
        return None if cap >= NO_CAP else cap

    def solution(self, context: str) -> dict[str, Any]:
        shared = {"efficiency_gain": GAIN_MAX.value, "demand_cap": SERVICE_MIN.value}
        if context == COAL.id:
            return {**shared, "moved_share": MOVE_MAX.value}
        return {**shared, "flexible_share": FLEX_MAX.value, "window_h": 12.0, "service_life_years": 5}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"efficiency_gain": GAIN_MAX.value}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
