"""Data, Algorithm, Machine: how far two machines are apart, and which axis of one system binds."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import NONNEGATIVE, POSITIVE, Real, Result, Variable, formula

THROUGHPUT = Variable("R", "FLOP/s", "sustained arithmetic rate (peak times efficiency)", POSITIVE)


@formula(
    latex=r"g = \log_{10} \frac{a}{b}",
    sympy_latex=r"\frac{\ln(\frac{a}{b})}{\ln(10)}",
    variables={
        "larger": Variable("a", "1", "a quantity of one machine", POSITIVE),
        "smaller": Variable("b", "1", "the same quantity of the other, in the same unit", POSITIVE),
    },
    result=Result("g", "order", "orders of magnitude between the two"),
    validity="Both in the same unit, both rated or both sustained. Negative where the second is larger.",
    source="Definition of the decadic logarithm.",
)
def magnitude_gap_orders(larger: Real, smaller: Real) -> Real:
    """Orders of magnitude between the same quantity of two machines."""
    # A difference of logarithms does not overflow where the ratio would.
    return np.log10(larger) - np.log10(smaller)


@formula(
    latex=r"e = \frac{R}{P}",
    variables={
        "throughput_flop_s": Variable("R", "FLOP/s", "sustained arithmetic rate", NONNEGATIVE),
        "power_w": Variable("P", "W", "power at that rate", POSITIVE),
    },
    result=Result("e", "FLOP/J", "operations per joule"),
    validity="Rate and power of the same state; the host's power is left out.",
    source="Definition of energy efficiency.",
)
def flop_per_joule(throughput_flop_s: Real, power_w: Real) -> Real:
    """Operations that a machine does with one joule."""
    return throughput_flop_s / power_w


@formula(
    latex=r"u = \left(\frac{\dot{D}}{\mathrm{BW}}, \frac{\dot{O}}{R}, \frac{M}{M_{cap}}\right)",
    variables={
        "data_bytes_s": Variable(r"\dot{D}", "B/s", "bytes to be moved per second", NONNEGATIVE),
        "bandwidth_bytes_s": Variable(r"\mathrm{BW}", "B/s", "bandwidth of the path they take", POSITIVE),
        "ops_flop_s": Variable(r"\dot{O}", "FLOP/s", "operations to be done per second", NONNEGATIVE),
        "throughput_flop_s": THROUGHPUT,
        "memory_bytes": Variable("M", "B", "bytes to be held", NONNEGATIVE),
        "capacity_bytes": Variable("M_{cap}", "B", "memory that holds them", POSITIVE),
    },
    result=Result("u", "1", "demand over supply: data, algorithm, machine", kind="vector"),
    validity="Steady demand. Above 1 an axis is violated; the largest of the three binds. Where one unit moves data "
    "and computes in turn, the first two add up to its duty.",
    source="D-A-M taxonomy (course, Introduction); utilization is demand over supply.",
)
def dam_utilization(
    data_bytes_s: Real,
    bandwidth_bytes_s: Real,
    ops_flop_s: Real,
    throughput_flop_s: Real,
    memory_bytes: Real,
    capacity_bytes: Real,
) -> Real:
    """Demand over supply on the axes Data, Algorithm and Machine, in this order along the last axis."""
    shares = (data_bytes_s / bandwidth_bytes_s, ops_flop_s / throughput_flop_s, memory_bytes / capacity_bytes)
    return np.stack(np.broadcast_arrays(*shares), axis=-1)


@formula(
    latex=r"N_{max} = \max\left(0, \min\left(\frac{B}{w}, \frac{R}{f O}, \frac{M_{cap} - M}{w}\right)\right)",
    variables={
        "nic_bytes_s": Variable("B", "B/s", "bandwidth of the network port", POSITIVE),
        "window_bytes": Variable("w", "B", "bytes of one stream per second, and of the window held of it", POSITIVE),
        "throughput_flop_s": THROUGHPUT,
        "ops_flop": Variable("O", "FLOP", "operations of one inference", POSITIVE),
        "rate_hz": Variable("f", "1/s", "inferences per second and stream", POSITIVE),
        "capacity_bytes": Variable("M_{cap}", "B", "device memory", POSITIVE),
        "model_bytes": Variable("M", "B", "bytes of the model", NONNEGATIVE),
    },
    result=Result("N_{max}", "stream", "streams that one device can serve"),
    validity="Windows of one second, one of each stream resident. Not rounded; zero where the model does not fit.",
    source="Bottleneck of three supplies (course, Introduction).",
)
def max_streams(
    nic_bytes_s: Real,
    window_bytes: Real,
    throughput_flop_s: Real,
    ops_flop: Real,
    rate_hz: Real,
    capacity_bytes: Real,
    model_bytes: Real,
) -> Real:
    """Streams that saturate the first of network port, arithmetic and memory."""
    arithmetic = throughput_flop_s / (rate_hz * ops_flop)
    held = (capacity_bytes - model_bytes) / window_bytes
    return np.maximum(0.0, np.minimum(np.minimum(nic_bytes_s / window_bytes, arithmetic), held))
