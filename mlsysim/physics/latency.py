"""One task on one machine: the iron law, links, the light barrier, diverging growth."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import NONNEGATIVE, POSITIVE, Real, Result, Variable, formula

DATA = Variable("D", "B", "bytes moved", NONNEGATIVE)
BANDWIDTH = Variable(r"\mathrm{BW}", "B/s", "bandwidth, one direction", POSITIVE)
OPERATIONS = Variable("O", "FLOP", "arithmetic work", NONNEGATIVE)
THROUGHPUT = Variable("R", "FLOP/s", "sustained arithmetic rate (peak times efficiency)", POSITIVE)
OVERHEAD = Variable("L", "s", "fixed overhead: launch, dispatch, synchronisation", NONNEGATIVE)
SIGNAL_SPEED = Variable("v", "m/s", "signal speed in the medium", POSITIVE)


@formula(
    latex=r"T = \frac{D}{\mathrm{BW}} + \frac{O}{R} + L",
    variables={
        "data_bytes": DATA,
        "bandwidth_bytes_s": BANDWIDTH,
        "ops_flop": OPERATIONS,
        "throughput_flop_s": THROUGHPUT,
        "overhead_s": OVERHEAD,
    },
    result=Result("T", "s", "time of one task"),
    validity="One task executed once, its parts one after the other. With double buffering use the overlapped form.",
    source="Iron law of ML systems (course, ML Systems); after Hennessy and Patterson's iron law of performance.",
)
def iron_law_latency(
    data_bytes: Real, bandwidth_bytes_s: Real, ops_flop: Real, throughput_flop_s: Real, overhead_s: Real
) -> Real:
    """Time to move the data, do the arithmetic and pay the overhead, one after the other."""
    return data_bytes / bandwidth_bytes_s + ops_flop / throughput_flop_s + overhead_s


@formula(
    latex=r"T = \max\left(\frac{D}{\mathrm{BW}}, \frac{O}{R}\right) + L",
    variables={
        "data_bytes": DATA,
        "bandwidth_bytes_s": BANDWIDTH,
        "ops_flop": OPERATIONS,
        "throughput_flop_s": THROUGHPUT,
        "overhead_s": OVERHEAD,
    },
    result=Result("T", "s", "time of one task in a steady stream"),
    validity="A steady stream with double buffering. Never above the sequential form, never below half of "
    "its "
    "first two terms plus the overhead.",
    source="Iron law with overlap (course, ML Systems); Williams, Waterman and Patterson 2009.",
)
def iron_law_latency_overlapped(
    data_bytes: Real, bandwidth_bytes_s: Real, ops_flop: Real, throughput_flop_s: Real, overhead_s: Real = 0.0
) -> Real:
    """Time of a task whose transfers hide behind its arithmetic, or the other way round."""
    return np.maximum(data_bytes / bandwidth_bytes_s, ops_flop / throughput_flop_s) + overhead_s


@formula(
    latex=r"T = \alpha + \frac{n}{\beta}",
    variables={
        "bytes": Variable("n", "B", "size of the message or file", NONNEGATIVE),
        "bandwidth_bytes_s": Variable(r"\beta", "B/s", "link bandwidth, one direction", POSITIVE),
        "latency_s": Variable(r"\alpha", "s", "start-up time of the link", NONNEGATIVE),
    },
    result=Result("T", "s", "transfer time"),
    validity="One message on an otherwise idle link; no congestion, no loss, no protocol window.",
    source="Alpha-beta model: Hockney 1994.",
)
def transfer_time(bytes: Real, bandwidth_bytes_s: Real, latency_s: Real) -> Real:
    """Time of one message or file: start-up plus size over bandwidth."""
    return latency_s + bytes / bandwidth_bytes_s


@formula(
    latex=r"T_{rtt} = \frac{2 d}{v}",
    variables={
        "distance_m": Variable("d", "m", "distance to the service, in a straight line", NONNEGATIVE),
        "signal_speed_m_s": SIGNAL_SPEED,
    },
    result=Result("T_{rtt}", "s", "round-trip propagation time"),
    validity="A floor: straight-line distance; real routes are longer and add queues.",
    source="Definition of speed; light barrier equation (course, ML Systems).",
)
def propagation_rtt(distance_m: Real, signal_speed_m_s: Real) -> Real:
    """Time that a signal needs to the service and back, whatever the money spent."""
    return 2.0 * distance_m / signal_speed_m_s


@formula(
    latex=r"d_{max} = \max\left(0, \frac{(t_{dl} - t_{loc}) v}{2}\right)",
    variables={
        "deadline_s": Variable("t_{dl}", "s", "end-to-end deadline", NONNEGATIVE),
        "local_s": Variable("t_{loc}", "s", "everything but propagation", NONNEGATIVE),
        "signal_speed_m_s": SIGNAL_SPEED,
    },
    result=Result("d_{max}", "m", "largest distance that still meets the deadline"),
    validity="Straight-line propagation. Zero when the local part alone misses the deadline.",
    source="Light barrier equation solved for the distance (course, ML Systems).",
)
def max_service_radius(deadline_s: Real, local_s: Real, signal_speed_m_s: Real) -> Real:
    """Farthest place from which a service can answer within the deadline."""
    return np.maximum(0.0, (deadline_s - local_s) * signal_speed_m_s / 2.0)


@formula(
    latex=r"w = \left(\frac{g_c}{g_b}\right)^{y}",
    variables={
        "years": Variable("y", "year", "time span", NONNEGATIVE),
        "compute_growth_per_year": Variable("g_c", "1", "yearly growth factor of arithmetic", POSITIVE),
        "bandwidth_growth_per_year": Variable("g_b", "1", "yearly growth factor of bandwidth", POSITIVE),
    },
    result=Result("w", "1", "growth of the ratio of arithmetic to bandwidth"),
    validity="An extrapolation of a trend, not a law; it says nothing of any one product.",
    source="Memory wall: Wulf and McKee 1995; growth factors of the course, ML Systems.",
)
def memory_wall_divergence(years: Real, compute_growth_per_year: Real, bandwidth_growth_per_year: Real) -> Real:
    """Factor by which arithmetic outgrows bandwidth over some years."""
    return (compute_growth_per_year / bandwidth_growth_per_year) ** years


@formula(
    latex=r"S = S_0 \left(\frac{r}{r_0}\right)^{2}",
    variables={
        "time_s": Variable("S_0", "s", "time at the reference resolution", NONNEGATIVE),
        "resolution_px": Variable("r", "px", "side of the input image", POSITIVE),
        "reference_px": Variable("r_0", "px", "side at which the time was measured", POSITIVE),
    },
    result=Result("S", "s", "time at the new resolution"),
    validity="Compute-bound convolutions. Measured exponents are slightly lower: 3.6x instead of 4x for a "
    "doubled side.",
    source="Cost of a convolution is proportional to its output area (course, Model Serving).",
)
def resolution_scaled_time(time_s: Real, resolution_px: Real, reference_px: Real) -> Real:
    """Time of a convolutional network at another input resolution."""
    return time_s * (resolution_px / reference_px) ** 2


@formula(
    latex=r"r = \frac{D / \mathrm{BW}}{O / R}",
    variables={
        "weight_bytes": Variable("D", "B", "bytes moved, such as the weights of a model, read once", POSITIVE),
        "bandwidth_bytes_s": BANDWIDTH,
        "ops": Variable("O", "op", "operations done with them", POSITIVE),
        "peak_op_s": Variable("R", "op/s", "peak arithmetic rate", POSITIVE),
    },
    result=Result("r", "1", "time to move the data over time to compute with it"),
    validity="Lower bounds of both: full bandwidth, full peak, every byte moved once. It is ridge over intensity.",
    source="Iron law of ML systems (course, ML Systems), its first two terms.",
)
def memory_compute_ratio(weight_bytes: Real, bandwidth_bytes_s: Real, ops: Real, peak_op_s: Real) -> Real:
    """How many times as long the data take to move as to compute with."""
    return (weight_bytes / bandwidth_bytes_s) / (ops / peak_op_s)
