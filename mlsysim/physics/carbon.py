"""Carbon of computing: energy times intensity, rebound of demand, work moved to clean hours, and the hardware."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    ANY,
    AT_LEAST_ONE,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    Interval,
    Real,
    Result,
    Variable,
    formula,
)

DAY_H = 24.0

PUE = Variable(r"\mathrm{PUE}", "1", "facility power over IT power", AT_LEAST_ONE)
GAIN = Variable("g", "1", "energy per query before over after", POSITIVE)
ELASTICITY = Variable(r"\eta", "1", "price elasticity of demand, without its sign", NONNEGATIVE)
PASS_THROUGH = Variable(r"\varphi", "1", "share of the saving that reaches the price", FRACTION)
MEAN = Variable("m", "kg/kWh", "carbon intensity of the grid, mean of a day", NONNEGATIVE)
SWING = Variable("a", "1", "half of the daily swing over the mean", Interval(0.0, 1.0, high_open=True))
WINDOW = Variable("w", "h", "hours around the cleanest one", Interval(0.0, DAY_H, low_open=True))
FLEXIBLE = Variable("F", "1", "share of the work that may wait", FRACTION)

CARBON_SOURCE = "Accounting identity (course, Sustainable AI)."
DIURNAL = "One sine a day around a mean: real days have weather, and two peaks of demand."


@formula(
    latex=r"C = E \, \mathrm{PUE} \, I",
    variables={
        "energy_kwh": Variable("E", "kWh", "energy of the IT equipment", NONNEGATIVE),
        "pue": PUE,
        "intensity_kg_kwh": Variable("I", "kg/kWh", "carbon intensity of the grid", NONNEGATIVE),
    },
    result=Result("C", "kg", "carbon dioxide of operation"),
    validity="Average intensity: what one kilowatt-hour more would emit, the marginal intensity, can differ.",
    source=CARBON_SOURCE,
)
def carbon_kg(energy_kwh: Real, pue: Real, intensity_kg_kwh: Real) -> Real:
    """Carbon of running computers: their energy, the facility's overhead, and the grid."""
    return energy_kwh * pue * intensity_kg_kwh


@formula(
    latex=r"v = g^{\eta \varphi}",
    variables={"efficiency_gain": GAIN, "elasticity": ELASTICITY, "pass_through": PASS_THROUGH},
    result=Result("v", "1", "queries over those of today"),
    validity="Constant elasticity, and a price that falls as the energy of a query does. No saturation, no delay.",
    source="Constant-elasticity demand; Khazzoom 1980, Brookes 1990 (course, Sustainable AI).",
)
def jevons_demand(efficiency_gain: Real, elasticity: Real, pass_through: Real) -> Real:
    """How much more a service is used once it takes less energy and costs less."""
    return efficiency_gain ** (elasticity * pass_through)


@formula(
    latex=r"r = \frac{\min\left(g^{\eta \varphi}, k\right)}{g}",
    variables={
        "efficiency_gain": GAIN,
        "elasticity": ELASTICITY,
        "pass_through": PASS_THROUGH,
        "demand_cap": Variable(
            "k", "1", "most queries that are served, over those of today; none means no cap", POSITIVE, optional=True
        ),
    },
    result=Result("r", "1", "total energy over that of today"),
    validity="As for the demand. Above 1 where elasticity times pass-through is above 1 and nothing caps it.",
    source="Jevons 1865; Khazzoom-Brookes postulate (course, Sustainable AI).",
)
def jevons_total_energy(
    efficiency_gain: Real, elasticity: Real, pass_through: Real, demand_cap: Real | None = None
) -> Real:
    """Total energy after an efficiency gain: queries over gain, with a cap on the queries if there is one."""
    volume = efficiency_gain ** (elasticity * pass_through)
    return (volume if demand_cap is None else np.minimum(volume, demand_cap)) / efficiency_gain


@formula(
    latex=r"\eta = \frac{\ln v}{\ln g}",
    variables={
        "efficiency_gain": Variable("g", "1", "energy per query before over after", Interval(1.0, low_open=True)),
        "volume_factor": Variable("v", "1", "queries over those of before", POSITIVE),
    },
    result=Result(r"\eta", "1", "elasticity of demand"),
    validity="The whole saving reaches the price, and nothing else moved the demand.",
    source="Constant-elasticity demand solved for its exponent.",
)
def implied_elasticity(efficiency_gain: Real, volume_factor: Real) -> Real:
    """Elasticity that explains how much more was used after a gain."""
    return np.log(volume_factor) / np.log(efficiency_gain)


@formula(
    latex=r"I = m \left(1 - a \cos\left(\frac{2 \pi (h - h_0)}{24}\right)\right)",
    sympy_latex=r"m \cdot (1 - a \cdot \cos(\frac{2 \cdot \pi \cdot (h - h_0)}{24}))",
    variables={
        "mean_kg_kwh": MEAN,
        "swing": SWING,
        "hour": Variable("h", "h", "hour of the day", ANY),
        "clean_hour": Variable("h_0", "h", "cleanest hour of the day", ANY),
    },
    result=Result("I", "kg/kWh", "carbon intensity at that hour"),
    validity=DIURNAL,
    source="First harmonic of a day (course, Sustainable AI: carbon-aware scheduling).",
)
def diurnal_intensity(mean_kg_kwh: Real, swing: Real, hour: Real, clean_hour: Real) -> Real:
    """Carbon intensity of a grid at an hour of the day."""
    return mean_kg_kwh * (1.0 - swing * np.cos(2.0 * np.pi * (hour - clean_hour) / DAY_H))


@formula(
    latex=r"I_w = m \left(1 - a \frac{24}{\pi w} \sin\frac{\pi w}{24}\right)",
    sympy_latex=r"m \cdot (1 - a \cdot \frac{24}{\pi \cdot w} \cdot \sin(\frac{\pi \cdot w}{24}))",
    variables={"mean_kg_kwh": MEAN, "swing": SWING, "window_h": WINDOW},
    result=Result("I_w", "kg/kWh", "mean carbon intensity of the window"),
    validity=DIURNAL,
    source="Mean of the first harmonic over a window around its minimum.",
)
def window_mean_intensity(mean_kg_kwh: Real, swing: Real, window_h: Real) -> Real:
    """Mean carbon intensity of the cleanest hours of a day."""
    return mean_kg_kwh * (1.0 - swing * np.sinc(window_h / DAY_H))


@formula(
    latex=r"s = F a \frac{24}{\pi w} \sin\frac{\pi w}{24}",
    sympy_latex=r"F \cdot a \cdot \frac{24}{\pi \cdot w} \cdot \sin(\frac{\pi \cdot w}{24})",
    variables={"flexible_share": FLEXIBLE, "swing": SWING, "window_h": WINDOW},
    result=Result("s", "1", "share of the operational carbon that is saved"),
    validity="The work that may wait arrives evenly over the day and runs evenly in the window. At most F a.",
    source="Difference of the day's mean and the window's mean intensity.",
)
def shift_saving_fraction(flexible_share: Real, swing: Real, window_h: Real) -> Real:
    """Operational carbon that waiting for clean hours saves."""
    return flexible_share * swing * np.sinc(window_h / DAY_H)


@formula(
    latex=r"U_p = (1 - F) U + \frac{24 F U}{w}",
    variables={
        "load": Variable("U", "1", "share of the fleet that the work demands on average", NONNEGATIVE),
        "flexible_share": FLEXIBLE,
        "window_h": WINDOW,
    },
    result=Result("U_p", "1", "share of the fleet that is busy in the window"),
    validity="Work arrives evenly over the day; above 1 the fleet is too small.",
    source="A day's flexible work squeezed into the window.",
)
def shifted_peak_load(load: Real, flexible_share: Real, window_h: Real) -> Real:
    """Busy share of the fleet while the work that waited runs."""
    return (1.0 - flexible_share) * load + DAY_H * flexible_share * load / window_h


@formula(
    latex=r"w_{min} = \frac{24 F U}{1 - (1 - F) U}",
    variables={
        "load": Variable("U", "1", "share of the fleet that is busy on average", FRACTION),
        "flexible_share": FLEXIBLE,
    },
    result=Result("w_{min}", "h", "narrowest window that needs no new machine"),
    validity="Zero where there is nothing to move. An error where the work that may not wait fills the fleet.",
    source="Peak load of a window solved for a full fleet.",
)
def min_shift_window_h(load: Real, flexible_share: Real) -> Real:
    """Narrowest window into which the work that may wait fits."""
    free = 1.0 - (1.0 - flexible_share) * load
    if np.any(free <= 0):
        raise ValueError(
            "load must leave machines free beside the work that cannot wait: (1 - flexible_share) load < 1, got "
            f"{float(np.max(1.0 - free))!r}"
        )
    return DAY_H * flexible_share * load / free


@formula(
    latex=r"t = 24 - w",
    variables={"window_h": WINDOW},
    result=Result("t", "h", "longest wait"),
    validity="One window a day: a job that arrives as it closes waits until it opens again.",
    source="Worst case of a daily window.",
)
def worst_case_delay_h(window_h: Real) -> Real:
    """Longest wait of a job that may run in one window a day only."""
    return DAY_H - window_h


@formula(
    latex=r"C_e = \frac{N k}{L}",
    variables={
        "devices": Variable("N", "1", "devices", NONNEGATIVE),
        "kg_per_device": Variable("k", "kg", "carbon of making one device", NONNEGATIVE),
        "life_years": Variable("L", "years", "service life", POSITIVE),
    },
    result=Result("C_e", "kg/year", "embodied carbon charged to one year"),
    validity="Written off evenly over the service life; no failures, no second use.",
    source="Straight-line depreciation (course, Sustainable AI: extending hardware lifespan).",
)
def embodied_kg_per_year(devices: Real, kg_per_device: Real, life_years: Real) -> Real:
    """Yearly charge for the carbon of making a fleet."""
    return devices * kg_per_device / life_years


@formula(
    latex=r"t = \frac{1000 k}{24 P \, \mathrm{PUE} \, I}",
    variables={
        "embodied_kg": Variable("k", "kg", "carbon of making the device", NONNEGATIVE),
        "power_w": Variable("P", "W", "power of the device", POSITIVE),
        "pue": PUE,
        "intensity_kg_kwh": Variable("I", "kg/kWh", "carbon intensity of the grid", POSITIVE),
    },
    result=Result("t", "day", "days of operation that emit as much as the making"),
    validity="The device runs at this power all day.",
    source="Embodied carbon over daily operational carbon (course, Sustainable AI).",
)
def embodied_payback_days(embodied_kg: Real, power_w: Real, pue: Real, intensity_kg_kwh: Real) -> Real:
    """Days after which running a device has emitted as much as making it."""
    return embodied_kg / (power_w / 1000.0 * DAY_H * pue * intensity_kg_kwh)
