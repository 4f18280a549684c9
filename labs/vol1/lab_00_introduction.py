"""V1-00 Orientation: Predict, Measure, Design.

The loop of every lab, learned on one formula: energy is power times time. Act I: what a coin cell feeds at the
rated power of a chip. Act II: a duty-cycled patch, whose life ends where the sleep power of its platform begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from components.controls import choice, log_slider, stops
from components.instruments.lifetime import Load, decades, lifetime_line, period_panel, power_budget_bars
from components.metrics import Metric, held
from components.quantity import duration, number, percent, plain, quantity, setting
from labs.base import (
    Act,
    ChoicePrediction,
    Constraint,
    Context,
    Failure,
    Lab,
    Message,
    Note,
    NumberPrediction,
    Option,
    Peek,
    Question,
    Radio,
    Reading,
    Table,
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.hardware import Hardware

TINY = Context("tiny", "TinyML", "tiny", "A Cortex-M7 microcontroller on a coin cell.")
MOBILE = Context("mobile", "Mobile", "mobile", "A smartphone module on the same coin cell.")

DAY, HOUR = 86400.0, 3600.0

OPS_PER_CHECK = scenario(
    "ops_per_check",
    5e5,
    "FLOP",
    "one check of the vital signs",
    "250 k multiply-accumulates, the size class of an MLPerf Tiny anomaly detector",
)
PHONE_ACTIVE = scenario(
    "phone_active_s",
    0.1,
    "s",
    "phone module: resume, one check, suspend again",
    "waking up takes the time; the arithmetic takes microseconds",
)
CELL_CHARGE = scenario("cell_ah", 1.0, "A h", "charge of one CR2477 cell", "Panasonic CR2477 data sheet", "datasheet")
CELL_VOLTAGE = scenario("cell_v", 3.0, "V", "nominal voltage of the cell", "Panasonic CR2477 data sheet", "datasheet")
CELL_MASS = scenario("cell_g", 10.5, "g", "mass of one CR2477 cell", "Panasonic CR2477 data sheet", "datasheet")
USABLE = scenario(
    "usable_fraction",
    0.9,
    "1",
    "share of the energy that comes before the brown-out voltage",
    "cut-off and self-discharge take about a tenth",
)
TARGET_LIFE = scenario(
    "target_life_d", 180, "d", "life between two changes", "the lab's scenario; the chapter speaks of months"
)
RESPONSE_LIMIT = scenario(
    "response_limit_s", 120, "s", "longest time from a deterioration to its alert", "the lab's scenario"
)
MASS_LIMIT = scenario("mass_limit_g", 25, "g", "battery mass on an adhesive patch", "the lab's scenario")

TARGET_S = TARGET_LIFE.value * DAY
TARGET = f"{TARGET_LIFE.value:g} d"
CELLS = {1: "1", 2: "2", 3: "3", 4: "4"}
CELLS_REASON = f"{CELL_MASS.value:g} g each; three already break the mass limit of Act II"

#: The rated powers of the course's four regimes; a control at one of them stands at it exactly.
RATED = {
    "MCU": Hardware.Tiny.CortexM7,
    "phone": Hardware.Mobile.PhoneNPU,
    "Orin NX": Hardware.Edge.JetsonOrinNX,
    "H100": Hardware.Cloud.H100,
}
MCU_W, PHONE_W = (Hardware.Tiny.CortexM7.tdp_w, Hardware.Mobile.PhoneNPU.tdp_w)


@dataclass(frozen=True)
class Platform:
    """What a duty-cycled device draws (W) while active and asleep, and how long one check keeps it awake (s)."""

    active_w: float
    sleep_w: float
    active_s: float


PLATFORMS = {
    "tiny": Platform(c.MCU_POWER.value, c.MCU_SLEEP_POWER.value, OPS_PER_CHECK.value / c.MCU_FLOPS_REFERENCE.value),
    "mobile": Platform(c.MOBILE_POWER.value, c.MOBILE_SLEEP_POWER.value, PHONE_ACTIVE.value),
}


@cache
def energy(cells: int) -> float:
    """Usable energy of some cells (J)."""
    return cells * physics.battery_energy(CELL_CHARGE.value, CELL_VOLTAGE.value, USABLE.value)


def budget(cells: int) -> float:
    """The average power that some cells can feed for the target life (W)."""
    return energy(cells) / TARGET_S


def life_text(seconds: float) -> str:
    """A life in the unit in which people think of it: 13.9 s, 32.4 min, 27.0 h, 180 d."""
    return f"{number(seconds / HOUR)} h" if HOUR <= seconds < 2 * DAY else duration(seconds)


def milliwatts(watts: float) -> str:
    """A power in mW with three digits and no trailing zeros: 0.625 mW."""
    return f"{plain(watts * 1e3, 3)} mW"


def tenths(seconds: float) -> str:
    """A response in seconds, with one decimal up to 1,000: 100.5 s."""
    return f"{seconds:,.{1 if seconds < 1000 else 0}f} s"


def cells_text(cells: int) -> str:
    """A number of cells in words: one cell, 2 cells."""
    return "one cell" if cells == 1 else f"{cells} cells"


@dataclass(frozen=True)
class LifeOutcome:
    """Life of the chosen cells at a steady power, and of the same cells at the four rated powers (s)."""

    life_s: float
    life_h: float
    life_days: float
    energy_j: float
    budget_w: float
    rated_life_s: dict[str, float]


class RatedPower(Act):
    """Act I: the life of one coin cell at the rated power of a chip."""

    title = "Months on a coin cell"
    minutes = 13

    average_power_w = log_slider(
        "Average power",
        1e-5,
        1e3,
        20,
        MCU_W,
        also=[device.tdp_w for device in RATED.values()],
        unit="W",
        text=lambda watts: setting(watts, "W"),
        per_context={"mobile": {"default": PHONE_W}},
        reason="from a microcontroller in standby to a server GPU and its host",
    )
    cells = choice("Cells", CELLS, 1, unit="cells", reason=CELLS_REASON)

    @classmethod
    def compute(cls, context: str, *, average_power_w: float, cells: int) -> LifeOutcome:
        stored = energy(cells)
        life_s = physics.battery_life(stored, average_power_w)
        return LifeOutcome(
            life_s=life_s,
            life_h=life_s / HOUR,
            life_days=life_s / DAY,
            energy_j=stored,
            budget_w=budget(cells),
            rated_life_s={name: physics.battery_life(stored, device.tdp_w) for name, device in RATED.items()},
        )

    @classmethod
    def asked(cls) -> LifeOutcome:
        """The case of the question: one cell at the rated power of the microcontroller."""
        return cls.compute("tiny", average_power_w=MCU_W, cells=1)

    def message(self) -> Message:
        return Message(
            "Chief Nursing Officer, a hospital network",
            "We are about to order 4,000 adhesive monitoring patches. The supplier's slide says that the TinyML chip "
            "*runs for months on a coin cell*. In the ward pilot the firmware kept the processor busy all the time, "
            f"at its rated **{MCU_W:g} W**, from one {CELL_CHARGE.value * 1e3:,.0f} mAh cell at "
            f"{CELL_VOLTAGE.value:g} V. I sign the order at noon: **how long does one patch live before a nurse has "
            "to change it?**",
        )

    def concept(self) -> str:
        rows = "\n".join(
            f"| {regime} | {device.name} | {device.tdp_w:g} W |"
            for regime, device in zip(("Cloud", "Edge", "Mobile", "TinyML"), reversed(RATED.values()), strict=True)
        )
        return (
            "The **energy** in a battery is its capacity (Ah) times its voltage (V) times 3,600 seconds per hour. "
            "Ampere-hours alone are charge, not energy. **Power** is energy per second. About "
            f"{percent(1 - USABLE.value, 0)} of the energy stays in the cell: the voltage falls too low first.\n\n"
            f"| regime | device | rated power, while working |\n|---|---|---|\n{rows}"
        )

    def prediction(self) -> ChoicePrediction:
        asked = self.asked()
        week, month = 7 * 24, 30 * 24
        current = MCU_W / CELL_VOLTAGE.value
        return ChoicePrediction(
            f"How long does one cell feed the processor at a steady {MCU_W:g} W?",
            (
                Option(
                    "A",
                    f"About {asked.life_h:.0f} hours",
                    value=asked.life_h,
                    saved=27,
                    correct=True,
                    feedback=(
                        f"The point of the exercise is the next question: which knob moves {asked.life_h:.0f} h "
                        f"to {TARGET}?"
                    ),
                ),
                Option(
                    "B",
                    "About one week",
                    value=week,
                    saved=168,
                    feedback=(
                        f"A week would need an average of {milliwatts(asked.energy_j / (week * HOUR))}; the processor "
                        f"alone draws {milliwatts(MCU_W)}. A small device is not a phone whose day becomes a week: "
                        "its battery is small, too."
                    ),
                ),
                Option(
                    "C",
                    "About one month",
                    value=month,
                    saved=720,
                    feedback=(
                        f"{CELL_CHARGE.value * 1e3:,.0f} mAh is charge, not {CELL_CHARGE.value * 1e3:,.0f} hours. "
                        f"{MCU_W:g} W at {CELL_VOLTAGE.value:g} V is {current * 1e3:.0f} mA, and "
                        f"{CELL_CHARGE.value * 1e3:,.0f} mAh at {current * 1e3:.0f} mA is "
                        f"{CELL_CHARGE.value / current:.0f} h before losses."
                    ),
                ),
                Option(
                    "D",
                    "About six months",
                    value=TARGET_S / HOUR,
                    saved=4320,
                    feedback=(
                        f"The slogan is no property of the chip: {TARGET} from one cell allow "
                        f"{milliwatts(asked.budget_w)} on average. The chip draws that only while asleep most of "
                        "the time."
                    ),
                ),
            ),
            actual=asked.life_h,
            form=lambda hours: f"{number(hours)} h",
            why=(
                f"The slogan is about the average, and {MCU_W:g} W is {MCU_W / asked.budget_w:.0f} times the average "
                "that six months allow."
            ),
        )

    def plots(self, outcome: LifeOutcome) -> dict[str, Any]:
        claimed = self.predicted()
        fed = cells_text(self.cells)
        return {
            "lifetime": lifetime_line(
                Load("", self.average_power_w, outcome.life_s, life_text(outcome.life_s)),
                [
                    Load(name, device.tdp_w, outcome.rated_life_s[name], life_text(outcome.rated_life_s[name]))
                    for name, device in RATED.items()
                ],
                energy_j=outcome.energy_j,
                target_s=TARGET_S,
                target_text=TARGET,
                predicted=None if claimed is None else Load("", MCU_W, claimed * HOUR),
                title=f"How long {fed} {'lasts' if self.cells == 1 else 'last'}",
                caption=(
                    f"{setting(self.average_power_w, 'W')} for {life_text(outcome.life_s)}; dots: the same "
                    f"{'cell' if self.cells == 1 else 'cells'} at the rated powers of the four regimes. {TARGET} "
                    f"need {milliwatts(outcome.budget_w)} or less."
                ),
            )
        }

    def metrics(self, outcome: LifeOutcome) -> list[Metric]:
        excess = self.average_power_w / outcome.budget_w
        long_enough = at_least(outcome.life_s, TARGET_S)
        return [
            Metric("Energy", number(outcome.energy_j, 4), "J", note=f"{cells_text(self.cells)}, usable"),
            Metric.of("Average power", setting(self.average_power_w, "W"), note=f"{number(excess)} times the budget"),
            Metric.of(f"Budget for {TARGET}", milliwatts(outcome.budget_w)),
            Metric.of(
                "Battery life", life_text(outcome.life_s), note=f"at least {TARGET} asked", status=held(long_enough)
            ),
        ]

    def tables(self, outcome: LifeOutcome) -> list[Table]:
        rows = (
            ("seconds", number(outcome.life_s, 4)),
            ("hours", number(outcome.life_h, 4)),
            ("days", number(outcome.life_days, 4)),
        )
        sensible = 2 if outcome.life_days >= 2 else 1 if outcome.life_h >= 0.5 else 0
        return [Table("The same life in three units, the sensible one in bold", ("unit", "life"), rows, sensible)]

    def reflection(self) -> Question:
        right = budget(1)

        def life(watts: float) -> float:
            return physics.battery_life(energy(1), watts) / DAY

        return Question(
            f"What is the highest average power at which one cell still lasts {TARGET_LIFE.value:g} days?",
            (
                Option(
                    "A",
                    milliwatts(100 * right),
                    value=100 * right,
                    feedback=f"That lasts {life(100 * right):.1f} days: two decimal places slipped.",
                ),
                Option(
                    "B",
                    milliwatts(10 * right),
                    value=10 * right,
                    feedback=f"That lasts {life(10 * right):.0f} days: one decimal place slipped.",
                ),
                Option(
                    "C",
                    milliwatts(right),
                    value=right,
                    correct=True,
                    feedback=(
                        f"{energy(1):,.0f} J over {TARGET_S:,.0f} s: {life(right):.0f} days. Everything in Act II "
                        "is paid from this budget."
                    ),
                ),
                Option(
                    "D",
                    setting(right / 100, "W"),
                    value=right / 100,
                    feedback=(
                        f"That lasts {life(right / 100):,.0f} days, {life(right / 100) / 365:.0f} years: far more "
                        "than asked, so not the highest. The microcontroller draws "
                        f"{setting(PLATFORMS['tiny'].sleep_w, 'W')} asleep, so no firmware reaches it."
                    ),
                ),
            ),
        )

    def peek(self) -> Peek:
        pulse = PLATFORMS["tiny"].active_w / CELL_VOLTAGE.value
        return Peek(
            ("battery_energy", "battery_life"),
            "Together, $t = 3600\\,C\\,V\\,f/\\bar{P}$. It stops being valid where the load draws more current than "
            "the cell can deliver (a CR2477 is rated for milliamperes: a buffer capacitor must carry the "
            f"{pulse * 1e3:.0f} mA pulse), and where self-discharge matters (years).",
        )


#: Check periods: the distinct whole seconds of 60 steps a decade, up to one check an hour.
PERIODS = tuple(sorted({*(round(10 ** (k / 60)) for k in range(214)), 3600}))
PERIOD_SWEEP = np.array(PERIODS, dtype=float)
PERIOD_LIMITS = (PERIODS[0], PERIODS[-1])


@cache
def power_sweep(context: str) -> Any:
    """Average power of a platform at every check period (W)."""
    platform = PLATFORMS[context]
    return physics.average_power(platform.active_w, platform.sleep_w, platform.active_s, PERIOD_SWEEP)


@dataclass(frozen=True)
class PatchOutcome:
    """A patch that wakes, checks and sleeps again: its power, its life, its response, and the periods that work."""

    average_power_w: float
    life_days: float
    response_s: float
    battery_mass_g: float
    feasible: bool
    duty: float
    active_share_w: float
    sleep_share_w: float
    budget_w: float
    sleep_life_days: float
    shortest_s: float
    longest_s: float
    life_sweep_days: np.ndarray
    response_sweep_s: np.ndarray

    @property
    def window_s(self) -> tuple[float, float] | None:
        """The periods that hold all three limits with these cells (s); None when there are none."""
        fits = at_most(self.battery_mass_g, MASS_LIMIT.value) and at_most(self.shortest_s, self.longest_s)
        return (self.shortest_s, self.longest_s) if fits else None


class DutyCycle(Act):
    """Act II: life, response and mass of a duty-cycled patch, on two platforms."""

    title = "Wake, check, sleep"
    minutes = 22

    period_s = stops(
        "Check period",
        PERIODS,
        10,
        unit="s",
        text=lambda seconds: f"{seconds:,} s",
        reason="from freshness first to one check an hour",
    )
    cells = choice("Cells", CELLS, 1, unit="cells", reason=CELLS_REASON)

    @classmethod
    def compute(cls, context: str, *, period_s: float, cells: int) -> PatchOutcome:
        platform, stored = PLATFORMS[context], energy(cells)
        power = physics.average_power(platform.active_w, platform.sleep_w, platform.active_s, period_s)
        duty = physics.duty_cycle(platform.active_s, period_s)
        life = physics.battery_life(stored, power) / DAY
        response = physics.worst_case_response(period_s, platform.active_s)
        mass = CELL_MASS.value * cells
        return PatchOutcome(
            average_power_w=power,
            life_days=life,
            response_s=response,
            battery_mass_g=mass,
            feasible=bool(
                at_least(life, TARGET_LIFE.value)
                and at_most(response, RESPONSE_LIMIT.value)
                and at_most(mass, MASS_LIMIT.value)
            ),
            duty=duty,
            active_share_w=duty * platform.active_w,
            sleep_share_w=(1 - duty) * platform.sleep_w,
            budget_w=budget(cells),
            sleep_life_days=physics.battery_life(stored, platform.sleep_w) / DAY,
            shortest_s=shortest_period(context, cells),
            longest_s=RESPONSE_LIMIT.value - platform.active_s,
            life_sweep_days=stored / power_sweep(context) / DAY,
            response_sweep_s=physics.worst_case_response(PERIOD_SWEEP, platform.active_s),
        )

    @classmethod
    def asked(cls) -> float:
        """The answer to the question: the shortest period in TinyML with one cell (s)."""
        return shortest_period("tiny", 1)

    def message(self) -> Message:
        return Message(
            "Head of Biomedical Engineering, the same network",
            "New rule from the ward: the patch wakes, checks the vital signs, sleeps again. It must live "
            f"**{TARGET_LIFE.value:g} days**, an alert must come within **{RESPONSE_LIMIT.value:g} seconds** of a "
            f"deterioration, and the battery may not weigh more than **{MASS_LIMIT.value:g} grams**. One team wants "
            "to build it on a phone module because its NPU is millions of times faster. Show me a setting that "
            "works, and tell me whether the fast module can ever work.",
        )

    def concept(self) -> str:
        tiny, phone = PLATFORMS["tiny"], PLATFORMS["mobile"]
        return (
            "The average power of a **duty-cycled** device is a weighted mean of its active and its sleep power. Its "
            "worst response is the sleep that you allow plus the time of one check: the event may come just after a "
            f"look.\n\n| | microcontroller | phone module |\n|---|---|---|\n| one check | {plain(tiny.active_s)} s at "
            f"{plain(tiny.active_w)} W | {plain(phone.active_s)} s at {plain(phone.active_w)} W |\n| asleep | "
            f"{setting(tiny.sleep_w, 'W')} | {setting(phone.sleep_w, 'W')} |"
        )

    def prediction(self) -> NumberPrediction:
        tiny, actual = PLATFORMS["tiny"], self.asked()

        def feedback(seconds: float) -> str:
            there = self.compute("tiny", period_s=seconds, cells=1)
            life, duty = number(there.life_days), percent(there.duty)
            if self.prediction().correct(seconds):
                return "You weighed the energy of one check against what the budget pays for between two checks."
            if seconds <= 10:
                return (
                    f"At {seconds:g} s the patch is awake {duty} of the time, which draws "
                    f"{milliwatts(there.active_share_w)} on average and empties the cell in {life} d. Even a duty of "
                    "a few per cent is not free."
                )
            if seconds < actual:
                return f"At {seconds:g} s the cell lasts {life} d: too little sleep between two checks to pay for one."
            if seconds < 300:
                return f"At {seconds:g} s the cell lasts {life} d, more than asked; the ward pays with a later alert."
            return (
                f"That fears for the battery more than a calculation would: at {seconds:g} s it lasts {life} d, and an "
                f"alert may take {tenths(there.response_s)}."
            )

        return NumberPrediction(
            f"TinyML, one cell: what is the shortest check period that still reaches {TARGET_LIFE.value:g} days?",
            low=1,
            high=600,
            step=1,
            unit="s",
            actual=actual,
            tolerance=0.2,
            feedback=feedback,
            digits=".3g",
            why=(
                f"{plain(tiny.active_s)} s of work at {plain(tiny.active_w)} W costs "
                f"{tiny.active_s * tiny.active_w * 1e3:.0f} mJ; the budget of {milliwatts(budget(1))} pays for it "
                f"once every {actual:.0f} s."
            ),
        )

    def challenge(self) -> str:
        limits = (
            f"life of at least **{TARGET}**, response within **{RESPONSE_LIMIT.value:g} s**, battery of at most "
            f"**{MASS_LIMIT.value:g} g**"
        )
        if self.context == "mobile":
            return (
                f"Look for a phone module that meets all three limits: {limits}. Try every period and every number "
                "of cells. **In this context no setting passes, and that is its lesson**: find the term that forbids "
                "it. The challenge itself is solved in TinyML."
            )
        return (
            f"Meet all three limits at once: {limits}. Then break your design on purpose, in both directions of the "
            "period, and repair it. Then switch to Mobile and give the head of engineering the second answer."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        return (
            Constraint(f"Life ≥ {TARGET}", lambda o: at_least(o.life_days, TARGET_LIFE.value)),
            Constraint(f"Response ≤ {RESPONSE_LIMIT.value:g} s", lambda o: at_most(o.response_s, RESPONSE_LIMIT.value)),
            Constraint(f"Mass ≤ {MASS_LIMIT.value:g} g", lambda o: at_most(o.battery_mass_g, MASS_LIMIT.value)),
        )

    def failures(self) -> tuple[Failure, ...]:
        sleep_w = PLATFORMS[self.context].sleep_w
        return (
            Failure(
                "battery_empty",
                "BATTERY EMPTY:",
                when=lambda o: not at_least(o.life_days, TARGET_LIFE.value),
                text=lambda o: (
                    f"the patch dies after {number(o.life_days)} days, "
                    f"{number(TARGET_LIFE.value - o.life_days)} days before the change is due. Average power "
                    f"{number(o.average_power_w * 1e3)} mW, budget {milliwatts(o.budget_w)}. Sleep alone uses "
                    f"{number(100 * sleep_w / o.budget_w)} % of the budget."
                ),
            ),
            Failure(
                "alert_too_late",
                "ALERT TOO LATE:",
                when=lambda o: not at_most(o.response_s, RESPONSE_LIMIT.value),
                text=lambda o: f"worst case {tenths(o.response_s)}, limit {RESPONSE_LIMIT.value:g} s.",
            ),
        )

    def plots(self, outcome: PatchOutcome) -> dict[str, Any]:
        window = outcome.window_s
        why_none = self.why_no_window(outcome)
        shared: dict[str, Any] = {
            "window_s": window,
            "window_text": whole_seconds(window) if window else "no feasible period",
            "predicted_s": self.predicted() if self.context == "tiny" else None,
        }
        spent = outcome.average_power_w / outcome.budget_w
        return {
            "budget": power_budget_bars(
                {"active": outcome.active_share_w, "asleep": outcome.sleep_share_w},
                budget_w=outcome.budget_w,
                budget_text=f"budget {milliwatts(outcome.budget_w)}",
                title=f"Average power against what {TARGET} allow",
                caption=(
                    f"The sum is {number(spent)} times the budget of {cells_text(self.cells)}. Bars stand apart, "
                    "because shares do not stack on a logarithmic axis."
                ),
            ),
            "life": period_panel(
                PERIOD_SWEEP,
                outcome.life_sweep_days,
                y=decades("battery life (d)", 0.05, 3e5),
                limit=TARGET_LIFE.value,
                limit_text=f"≥ {TARGET}",
                here=(self.period_s, outcome.life_days),
                here_text=f"{number(outcome.life_days)} d",
                asymptote=outcome.sleep_life_days,
                asymptote_text=f"always asleep: {number(outcome.sleep_life_days)} d",
                title="Life over the check period",
                caption=why_none
                or f"All three limits hold from {whole_seconds(window)}. Sleeping longer never beats the dotted line.",
                **shared,
            ),
            "response": period_panel(
                PERIOD_SWEEP,
                outcome.response_sweep_s,
                y=decades("worst response (s)", 0.2, 2e4),
                limit=RESPONSE_LIMIT.value,
                limit_text=f"≤ {RESPONSE_LIMIT.value:g} s",
                here=(self.period_s, outcome.response_s),
                here_text=tenths(outcome.response_s),
                title="Response over the check period",
                height=230,
                caption=f"An event just after a check waits {tenths(outcome.response_s)} for its alert.",
                **shared,
            ),
        }

    def why_no_window(self, outcome: PatchOutcome) -> str:
        """Why no period holds all limits with these cells; empty when one does."""
        if outcome.window_s is not None:
            return ""
        floor = PLATFORMS[self.context].sleep_w / outcome.budget_w
        if math.isinf(outcome.shortest_s):
            return (
                f"No period works: asleep all the time, {cells_text(self.cells)} would last "
                f"{number(outcome.sleep_life_days)} d, because sleep alone uses {number(100 * floor)} % of the budget."
            )
        return (
            f"No period holds all limits: {cells_text(self.cells)} allow periods from {number(outcome.shortest_s)} s, "
            f"but weigh {outcome.battery_mass_g:g} g."
        )

    def metrics(self, outcome: PatchOutcome) -> list[Metric]:
        life, response, mass = (constraint.holds(outcome) for constraint in self.constraints())
        return [
            Metric("Duty cycle", number(100 * outcome.duty), "%"),
            Metric.of("Average power", quantity(outcome.average_power_w, "W")),
            Metric("Battery life", number(outcome.life_days, 4), "d", status=held(life)),
            Metric.of("Worst response", tenths(outcome.response_s), status=held(response)),
            Metric("Battery mass", plain(outcome.battery_mass_g), "g", status=held(mass)),
            Metric("Feasible", "yes" if outcome.feasible else "no", status=held(outcome.feasible)),
        ]

    def reflection(self) -> Question:
        tiny, phone = PLATFORMS["tiny"], PLATFORMS["mobile"]
        allowed = math.floor(MASS_LIMIT.value / CELL_MASS.value)
        check = phone.active_w * phone.active_s
        return Question(
            "No period works for the phone module. Why?",
            (
                Option(
                    "A",
                    "One inference costs too much energy",
                    f"{check:g} J per check can be spread over hours: at one check an hour the work takes "
                    f"{milliwatts(check / HOUR)} of the {milliwatts(budget(1))}.",
                ),
                Option(
                    "B",
                    f"Its sleep power of {milliwatts(phone.sleep_w)} is already {phone.sleep_w / budget(1):.0f} times "
                    "the budget of one cell",
                    correct=True,
                    feedback=(
                        f"And {phone.sleep_w / budget(allowed):.0f} times that of the {allowed} cells which the mass "
                        "allows. The bottleneck moved from the work to the floor; Labs 01 to 16 keep asking which "
                        "term binds."
                    ),
                ),
                Option(
                    "C",
                    "It computes too slowly",
                    f"It computes faster and is awake for {plain(phone.active_s)} s a check, the microcontroller for "
                    f"{plain(tiny.active_s)} s: {tiny.active_s / phone.active_s:.0f} times longer.",
                ),
                Option(
                    "D", "It would have to send its data over the network", "Both run locally here; nothing is sent."
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("average_power", "min_check_period", "worst_case_response", "duty_cycle"),
            "The pole at $E/t = P_s$ is the physical statement *no period works*: there the sleep power alone uses up "
            f"the budget. The microcontroller sleeps at {percent(PLATFORMS['tiny'].sleep_w / budget(1))} of the "
            f"budget of one cell, the phone module at {percent(PLATFORMS['mobile'].sleep_w / budget(1), 0)}.",
        )


@cache
def shortest_period(context: str, cells: int) -> float:
    """The shortest check period with which some cells reach the target life (s); infinite when none does."""
    platform = PLATFORMS[context]
    return float(
        physics.min_check_period(energy(cells), TARGET_S, platform.active_w, platform.sleep_w, platform.active_s)
    )


def longest_active_s(response_s: float) -> float:
    """How long a check may take (s) so that one cell and a microcontroller answer within `response_s`."""
    tiny = PLATFORMS["tiny"]
    # The shortest period is proportional to the active time, and the response is the sum of both.
    periods = physics.min_check_period(energy(1), TARGET_S, tiny.active_w, tiny.sleep_w, 1.0)
    return response_s / (periods + 1.0)


def whole_seconds(window: tuple[float, float] | None) -> str:
    """The whole seconds inside a window of periods: 82 to 119 s."""
    if window is None:
        return ""
    return f"{math.ceil(window[0])} to {math.floor(window[1])} s"


class OrientationLab(Lab):
    """How to work with a lab, on one formula."""

    volume, number, slug = 1, 0, "lab_00_introduction"
    title = "Orientation: Predict, Measure, Design"
    question = "How long does a battery last, and what decides it?"
    chapter = "Orientation"
    invariant = (
        "A deployment regime is chosen by physics (here energy is power times time), not by preference. Lifetime is "
        "usable energy over average power, and average power has a floor, sleep, that no duty cycle goes below."
    )
    contexts = (TINY, MOBILE)
    acts = (RatedPower, DutyCycle)
    briefing = (
        "Every lab of this course is one loop: **commit** to a prediction, see the gap, **diagnose** it, **design** "
        "under constraints, **break** the design, repair it, **record** the decision. This one teaches the loop on a "
        "formula that needs no chapter, $E = P\\,t$: first the life of a coin cell at a chip's rated power, then a "
        "patch that sleeps most of its life."
    )
    reading_required = False
    reading = (
        Reading("ML Systems, The Deployment Paradigm Framework", "the four regimes (ten minutes with the next)"),
        Reading("ML Systems, Physical Constraints: Why Paradigms Exist", "light, power, memory"),
        Reading("Introduction, the callout on hidden technical debt", "why most of an ML system is not the model"),
    )
    guide = (
        Note(
            "The parts of a lab, in three minutes",
            "1. **Header badges** name the limits of the design challenge. A badge is grey until Act II opens, then "
            "green with a check while its limit holds and red with a cross while it does not.\n"
            "2. The **context toggle** switches between two situations of the same question. A control that is the "
            "same in both keeps its value; one that differs remembers its value in each.\n"
            "3. **Tabs**: Briefing, Act I, Act II, Ledger. A padlock marks a part that is not open yet; open it, and "
            "it tells you what unlocks it.\n"
            "4. The **prediction lock** comes first in each act. Instruments and controls appear once it is locked; "
            "it cannot be edited afterwards. Being wrong costs nothing, and most first predictions are.\n"
            "5. **Callouts** come in four kinds, shown with this list.\n"
            "6. The **overlay** sets your prediction against the model: both numbers, by how much they differ, and "
            "why. Your prediction is drawn on the plot, too.\n"
            "7. The **math peek** at the end of each act is a closed drawer: the equations that computed what you "
            "saw, every symbol with its unit, and where they stop being valid.\n"
            "8. The **failure banner** is red and says which limit broke, with numbers. It goes as soon as the "
            "controls repair it. Break your design on purpose: the footer notes *explored the cliff*.\n"
            "9. The **footer** says where you stand and what comes next, in every tab.\n"
            "10. The **Ledger** tab records your decision when you save; later labs read it. Export it as a file, "
            "import it elsewhere, or start over. Your first prediction stays on record.",
        ),
        Note("A concept", "Blue tells you something that you need to know and do not have to guess."),
        Note("A right answer", "Green says why it is right.", "success"),
        Note("A wrong answer, or none yet", "Amber says what is wrong with the idea behind it.", "warn"),
        Note("A failure", "Red says that a design has broken a limit, and by how much.", "danger"),
    )
    assumptions = (
        "- Energy only: no pulse-current limit, no ageing, no temperature, so every life is an upper bound. A coin "
        f"cell needs a buffer capacitor for pulses of tens of milliamperes.\n- {MCU_W:g} W is the optimistic end for "
        "a Cortex-M7: at 216 MHz with everything switched on it draws 0.3 W or more.\n- Two states, active and "
        "asleep. The energy of waking up counts as active time.\n- Checks are strictly periodic, and an event may "
        "come just after one.\n- A check takes its operations over the rate of unoptimised FP32 kernels on the "
        "microcontroller; on the phone module, waking up takes the time.\n- The phone module suspends at "
        f"{setting(PLATFORMS['mobile'].sleep_w, 'W')}, which is optimistic: Carroll and Heiser (2010) measured 69 mW."
    )
    constants = (
        c.MCU_POWER,
        c.MCU_SLEEP_POWER,
        c.MCU_FLOPS_REFERENCE,
        c.MCU_OPS_CMSIS,
        c.MOBILE_POWER,
        c.MOBILE_SLEEP_POWER,
        c.ORIN_NX_TDP,
        c.H100_TDP,
        OPS_PER_CHECK,
        PHONE_ACTIVE,
        CELL_CHARGE,
        CELL_VOLTAGE,
        CELL_MASS,
        USABLE,
        TARGET_LIFE,
        RESPONSE_LIMIT,
        MASS_LIMIT,
    )
    instructor_notes = (
        "- Students treat mAh as energy, and rated power as average power. Ask for the current first "
        f"({MCU_W / CELL_VOLTAGE.value * 1e3:.0f} mA), then for the charge.\n- Worth a minute: the energy-only model "
        "is optimistic. A coin cell cannot deliver that current without a capacitor, and the rated power is itself "
        "optimistic for a 216 MHz core. Which way does each error move the feasible window?\n- The lab shows one "
        "engineering habit per screen; name them: commit, overlay, diagnose, break, repair, record.\n- Extension: the "
        "ward wants a response of 30 s. Which single constant must change, and by how much? (The active time, to "
        f"{longest_active_s(30.0):.4f} s or less, {PLATFORMS['tiny'].active_s / longest_active_s(30.0):.2f} times "
        "shorter: fewer operations or faster kernels. Lab 01 shows kernels "
        f"{c.MCU_OPS_CMSIS.value / c.MCU_FLOPS_REFERENCE.value:.0f} times faster.)"
    )
    asks = {
        "home_context": Radio(
            "Which regime interests you most? Lab 01 opens there.",
            {"cloud": "Cloud", "edge": "Edge", "mobile": "Mobile", "tiny": "TinyML"},
        )
    }

    def result(self) -> float:
        return self.act2.outcome.life_days

    def decision(self) -> str:
        if self.context == "mobile":
            return "mobile_duty_cycled"
        return "tiny_duty_cycled" if self.act2.outcome.feasible else "unresolved"

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {"period_s": act.period_s, "cells": act.cells, "response_s": act.outcome.response_s}

    def solution(self, context: str) -> dict[str, Any] | None:
        return {"period_s": 100} if context == "tiny" else None

    def breaking(self, context: str) -> dict[str, Any]:
        return {"period_s": 3600} if context == "tiny" else {"period_s": 100}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
