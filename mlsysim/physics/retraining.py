"""What a stale model costs, what a new one costs, and the interval at which the two together cost least.

Time is in days, money in USD, accuracy a fraction.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlsysim.physics.registry import (
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Real,
    Result,
    Variable,
    formula,
)
from mlsysim.physics.roots import Array, falling_root

DAYS_PER_YEAR = 365.0
BYTES_PER_GB = 1e9

QUERIES = Variable("Q", "1/d", "queries per day", POSITIVE)
VALUE = Variable("V", "USD", "value of a query per unit of accuracy", POSITIVE)
ACCURACY0 = Variable("A_0", "1", "accuracy of a fresh model", POSITIVE_FRACTION)
DECAY = Variable(r"\gamma", "1/d", "relative loss of accuracy per day", POSITIVE)
RUN_COST = Variable("C", "USD", "cost of one retraining, release included", NONNEGATIVE)
INTERVAL = Variable("T", "d", "days between two retrainings", POSITIVE)
LAG = Variable("L", "d", "days from the data snapshot to full traffic", NONNEGATIVE)
SOURCE = "Quantitative retraining economics (course, ML Operations)."


@formula(
    latex=r"S = Q V A_0 \left(T - \frac{e^{-\gamma L} - e^{-\gamma (L + T)}}{\gamma}\right)",
    variables={
        "queries_per_day": QUERIES,
        "value_usd_per_query": VALUE,
        "accuracy0": ACCURACY0,
        "decay_per_day": DECAY,
        "interval_days": INTERVAL,
        "lag_days": LAG,
    },
    result=Result("S", "USD", "value lost to the age of the served model in one cycle"),
    validity="Exponential decay, steady traffic; the served model is L to L + T days old.",
    source=SOURCE,
)
def staleness_cost(
    queries_per_day: Real,
    value_usd_per_query: Real,
    accuracy0: Real,
    decay_per_day: Real,
    interval_days: Real,
    lag_days: Real,
) -> Real:
    """Value lost in one cycle against a model that never ages."""
    age: Any = decay_per_day * interval_days
    kept = np.exp(-decay_per_day * lag_days)
    # What the lag costs, and what the interval adds to it: no difference of nearly equal numbers for a short one.
    lost = -interval_days * np.expm1(-decay_per_day * lag_days) + kept * (age + np.expm1(-age)) / decay_per_day
    return queries_per_day * value_usd_per_query * accuracy0 * lost


@formula(
    latex=r"c = \frac{S + C}{T}",
    variables={
        "queries_per_day": QUERIES,
        "value_usd_per_query": VALUE,
        "accuracy0": ACCURACY0,
        "decay_per_day": DECAY,
        "run_cost_usd": RUN_COST,
        "interval_days": INTERVAL,
        "lag_days": LAG,
    },
    result=Result("c", "USD/d", "staleness and runs per day"),
    validity="S is the staleness of one cycle. Labels and other costs that do not depend on the interval are left out.",
    source=SOURCE,
)
def retraining_cost_rate(
    queries_per_day: Real,
    value_usd_per_query: Real,
    accuracy0: Real,
    decay_per_day: Real,
    run_cost_usd: Real,
    interval_days: Real,
    lag_days: Real,
) -> Real:
    """Cost per day of retraining at an interval."""
    stale: Any = staleness_cost(queries_per_day, value_usd_per_query, accuracy0, decay_per_day, interval_days, lag_days)
    return (stale + run_cost_usd) / interval_days


@formula(
    latex=r"T^{*} = \sqrt{\frac{2 C}{Q V A_0 \gamma}}",
    variables={
        "queries_per_day": QUERIES,
        "value_usd_per_query": VALUE,
        "accuracy0": ACCURACY0,
        "decay_per_day": DECAY,
        "run_cost_usd": RUN_COST,
    },
    result=Result("T^{*}", "d", "best interval"),
    validity="First order: little decay within an interval. The lag drops out.",
    source=SOURCE,
)
def optimal_retrain_interval_sqrt(
    queries_per_day: Real, value_usd_per_query: Real, accuracy0: Real, decay_per_day: Real, run_cost_usd: Real
) -> Real:
    """Interval at which half the decay of a cycle costs as much as a run: the square-root law."""
    return np.sqrt(2.0 * run_cost_usd / (queries_per_day * value_usd_per_query * accuracy0 * decay_per_day))


#: Below this, the terms of a series are more exact than the difference they stand for.
_SMALL, _TERMS = 0.3, 16


def _aged(u: Array) -> tuple[Array, Array]:
    """1 - (1 + u) exp(-u) without cancellation, and its derivative."""
    term, series = 0.5 * u**2, np.zeros_like(u)
    for n in range(2, _TERMS + 2):
        series = series + term
        # From (n-1) u^n / n! to n u^(n+1) / (n+1)!, with the sign turned.
        term = -term * u * n / ((n - 1) * (n + 1))
    return np.where(u < _SMALL, series, -np.expm1(-u) - u * np.exp(-u)), u * np.exp(-u)


@formula(
    latex=r"1 - (1 + \gamma T^{*}) e^{-\gamma T^{*}} = \frac{\gamma C e^{\gamma L}}{Q V A_0}",
    variables={
        "queries_per_day": QUERIES,
        "value_usd_per_query": VALUE,
        "accuracy0": ACCURACY0,
        "decay_per_day": DECAY,
        "run_cost_usd": RUN_COST,
        "lag_days": LAG,
    },
    result=Result("T^{*}", "d", "best interval"),
    validity="Exact minimum of the cost per day under exponential decay. Infinite where a run costs more than it can "
    "ever restore (right-hand side of 1 or more).",
    source="Derivative of the cost per day set to zero.",
)
def optimal_retrain_interval(
    queries_per_day: Real,
    value_usd_per_query: Real,
    accuracy0: Real,
    decay_per_day: Real,
    run_cost_usd: Real,
    lag_days: Real,
) -> Real:
    """Interval with the lowest cost per day."""
    price: Any = decay_per_day * run_cost_usd * np.exp(decay_per_day * lag_days)
    ratio = np.asarray(price / (queries_per_day * value_usd_per_query * accuracy0))
    worth = ratio < 1.0
    solvable = np.where(worth, ratio, 0.5)
    # (1 + u) exp(-u) <= 2 exp(-(1 + u) / 2) bounds the root from above.
    high = 2.0 * np.log(2.0 / (1.0 - solvable)) - 1.0

    def excess(u: Array) -> tuple[Array, Array]:
        value, slope = _aged(u)
        return solvable - value, -slope

    root = falling_root(excess, np.zeros_like(solvable), high)
    return np.where(worth, np.where(ratio > 0, root, 0.0) / decay_per_day, np.inf)


@formula(
    latex=r"C = N \left(\frac{b p}{10^{9}} + f c_v\right)",
    variables={
        "devices": Variable("N", "1", "devices of the fleet", NONNEGATIVE),
        "update_bytes": Variable("b", "B", "size of one update", NONNEGATIVE),
        "usd_per_gb": Variable("p", "USD/GB", "price of a decimal gigabyte", NONNEGATIVE),
        "failure_rate": Variable("f", "1", "share of updates that need a visit", FRACTION),
        "site_visit_usd": Variable("c_v", "USD", "cost of one visit", NONNEGATIVE),
    },
    result=Result("C", "USD", "cost of one update of the fleet"),
    validity="Whole models, no delta updates; a failed update takes one visit.",
    source="Transfer and visits (course, ML Operations).",
)
def ota_update_cost(
    devices: Real, update_bytes: Real, usd_per_gb: Real, failure_rate: Real, site_visit_usd: Real
) -> Real:
    """Cost of sending a model to every device over the air."""
    return devices * (update_bytes * usd_per_gb / BYTES_PER_GB + failure_rate * site_visit_usd)


@formula(
    latex=r"E = \frac{V d t}{365}",
    variables={
        "annual_value_usd": Variable("V", "USD", "value that the service earns in a year", NONNEGATIVE),
        "quality_drop": Variable("d", "1", "share of it that is lost", FRACTION),
        "detection_days": Variable("t", "d", "days until somebody notices", NONNEGATIVE),
    },
    result=Result("E", "USD", "loss until the failure is noticed"),
    validity="The loss is proportional to the drop and begins at once.",
    source="Cost of silent failures (course, ML Operations).",
)
def silent_failure_loss(annual_value_usd: Real, quality_drop: Real, detection_days: Real) -> Real:
    """Value lost to a failure that no alarm reports, until it is noticed."""
    return annual_value_usd * quality_drop * detection_days / DAYS_PER_YEAR


@formula(
    latex=r"t = \frac{b}{m}",
    variables={
        "build_hours": Variable("b", "h", "work to automate", NONNEGATIVE),
        "manual_hours_per_week": Variable("m", "h/week", "work that automation saves", POSITIVE),
    },
    result=Result("t", "week", "time until automation has paid for itself"),
    validity="Maintenance of the automation is left out.",
    source="Cost-aware automation (course, ML Operations).",
)
def automation_breakeven_weeks(build_hours: Real, manual_hours_per_week: Real) -> Real:
    """Time until the work of automating a task has been saved."""
    return build_hours / manual_hours_per_week
