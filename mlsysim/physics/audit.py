"""The audit of a whole design: each quantity against its limit."""

from __future__ import annotations

from mlsysim.physics.registry import POSITIVE, Interval, Real, Result, Variable, formula


@formula(
    latex=r"u = \frac{x}{x_{max}}",
    variables={
        "value": Variable("x", "1", "quantity as it is, in any unit", Interval(low=0.0, allow_inf=True)),
        "limit": Variable("x_{max}", "1", "the most that is allowed, in the same unit", POSITIVE),
    },
    result=Result("u", "1", "used share of the limit"),
    validity="For quantities that have an upper limit; a floor is turned into one (error against largest error). Above "
    "1 the constraint is violated; the largest usage of a design binds it.",
    source="Constraint propagation (course, Conclusion).",
)
def constraint_usage(value: Real, limit: Real) -> Real:
    """How much of a limit a design uses up."""
    return value / limit
