"""Money: what a served item, a labelled sample and an audit cost."""

from __future__ import annotations

from mlsysim.physics.fairness import random_recruitment_count
from mlsysim.physics.registry import (
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    Choices,
    Real,
    Result,
    Variable,
    formula,
)


@formula(
    latex=r"c = \frac{10^{6} p g}{3600 X}",
    variables={
        "usd_per_gpu_hour": Variable("p", "USD/h", "price of one GPU for one hour", NONNEGATIVE),
        "gpus": Variable("g", "1", "GPUs, or replicas of one GPU", NONNEGATIVE),
        "items_per_s": Variable("X", "1/s", "requests or tokens served per second", POSITIVE),
    },
    result=Result("c", "USD", "cost of a million items"),
    validity="Rented or owned hours only; network, storage and staff are left out.",
    source="Price over throughput (course, Model Serving).",
)
def usd_per_million(usd_per_gpu_hour: Real, gpus: Real, items_per_s: Real) -> Real:
    """Cost of serving one million requests or tokens."""
    return 1e6 * usd_per_gpu_hour * gpus / (3600.0 * items_per_s)


PRICE_PER_SAMPLE = Variable("p", "USD", "price of one labelled sample", NONNEGATIVE)
AUDITS = Variable("a", "1", "audits per year", NONNEGATIVE)


@formula(
    latex=r"C = 2 n p",
    variables={
        "samples_per_class": Variable("n", "1", "labelled samples of each of two classes", NONNEGATIVE),
        "price_usd_per_sample": PRICE_PER_SAMPLE,
    },
    result=Result("C", "USD", "cost of the data"),
    validity="Two classes, equally many samples each, one price for all.",
    source="Count times price (course, Responsible Engineering).",
)
def data_acquisition_cost(samples_per_class: Real, price_usd_per_sample: Real) -> Real:
    """Cost of training data for a classifier of two classes."""
    return 2.0 * samples_per_class * price_usd_per_sample


@formula(
    latex=r"C = 4 a n p",
    variables={
        "audits_per_year": AUDITS,
        "samples_per_cell": Variable("n", "1", "audited cases per group and class", NONNEGATIVE),
        "price_usd_per_case": Variable("p", "USD", "price of one audited case", NONNEGATIVE),
    },
    result=Result("C", "USD", "cost of a year's audits"),
    validity="Two groups and two classes; every decision is logged and can be drawn from the log.",
    source="Count times price (course, Responsible Engineering).",
)
def log_audit_cost(audits_per_year: Real, samples_per_cell: Real, price_usd_per_case: Real) -> Real:
    """Cost of auditing decisions that are drawn from a log."""
    return 4.0 * audits_per_year * samples_per_cell * price_usd_per_case


@formula(
    latex=r"C = a n (p + p_t), \quad C = \frac{a n p}{s}",
    variables={
        "audits_per_year": AUDITS,
        "participants_per_group": Variable("n", "1", "participants of each group", NONNEGATIVE),
        "price_usd": Variable("p", "USD", "fee of a participant", NONNEGATIVE),
        "targeted_price_usd": Variable("p_t", "USD", "cost of a participant sought out in the group", NONNEGATIVE),
        "group_share": Variable("s", "1", "share of the group in the population", POSITIVE_FRACTION),
        "recruitment": Variable("m", "1", "how the panel is found", Choices(("stratified", "random"))),
    },
    result=Result("C", "USD", "cost of a year's audits"),
    validity="First equation: each group recruited on its own. Second: a random panel, large enough that it holds n of "
    "the small group on average. Every participant gives a positive and a negative trial.",
    source="Count times price (course, Responsible Engineering).",
)
def panel_audit_cost(
    audits_per_year: Real,
    participants_per_group: Real,
    price_usd: Real,
    targeted_price_usd: Real,
    group_share: Real,
    recruitment: str,
) -> Real:
    """Cost of auditing with a paid panel, where nothing is logged."""
    if recruitment == "stratified":
        return audits_per_year * participants_per_group * (price_usd + targeted_price_usd)
    return audits_per_year * random_recruitment_count(participants_per_group, group_share) * price_usd
