"""Network fabrics: what a path costs a message, how a fat tree is built, and what its cut leaves to a pattern."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    COUNT,
    COUNT_OR_ZERO,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    Interval,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

RADIX = Variable("k", "1", "ports of a switch, an even number", Interval(low=2.0, integer=True))
TIERS = Variable("L", "1", "tiers of switches", COUNT)
NODES = Variable("M", "1", "nodes of the job", COUNT)
NODES_PER_LEAF = Variable("m", "1", "nodes under one leaf switch", COUNT)
LINK_BANDWIDTH = Variable(r"\beta", "B/s", "link bandwidth, one direction", POSITIVE)
OVERSUBSCRIPTION = Variable("r", "1", "downlink over uplink capacity of a leaf", AT_LEAST_ONE)


def _require_even_radix(radix: Real) -> None:
    odd = np.asarray(radix) % 2 != 0
    if odd.any():
        raise ValueError(f"radix must be even (half of the ports go up), got {float(np.asarray(radix)[odd].flat[0])!r}")


# --- one message ----------------------------------------------------------------------------------------


@formula(
    latex=r"\alpha = \alpha_0 + (k - 1) \tau",
    variables={
        "base_latency_s": Variable(r"\alpha_0", "s", "start-up time through one switch", NONNEGATIVE),
        "hops": Variable("k", "1", "switches on the path", COUNT),
        "hop_latency_s": Variable(r"\tau", "s", "one more switch and cable, error correction included", NONNEGATIVE),
    },
    result=Result(r"\alpha", "s", "start-up time of the path"),
    validity="Cut-through switches without queues.",
    source="Course, Network Fabrics (rail-optimized topology).",
)
def path_latency(base_latency_s: Real, hops: Real, hop_latency_s: Real) -> Real:
    """Start-up time of a path through several switches."""
    return base_latency_s + (hops - 1.0) * hop_latency_s


# --- how a fat tree is built ----------------------------------------------------------------------------


@formula(
    latex=r"H = 2 \left(\frac{k}{2}\right)^{L}",
    variables={"radix": RADIX, "tiers": TIERS},
    result=Result("H", "1", "hosts at full bisection", kind="integer"),
    validity="Non-blocking folded Clos network of equal switches.",
    source="Al-Fares, Loukissas and Vahdat 2008: k^2/2 in two tiers, k^3/4 in three.",
)
def fat_tree_hosts(radix: Real, tiers: Real) -> Real:
    """Hosts that a full fat tree of equal switches connects."""
    _require_even_radix(radix)
    return 2.0 * (radix / 2.0) ** tiers


@formula(
    latex=r"S = \frac{(2 L - 1) H}{k}",
    variables={"hosts": Variable("H", "1", "hosts", COUNT), "radix": RADIX, "tiers": TIERS},
    result=Result("S", "1", "switches"),
    validity="Non-blocking; a fraction where the tree is not full.",
    source="Al-Fares, Loukissas and Vahdat 2008: 5k^2/4 switches in a full tree of three tiers.",
)
def fat_tree_switches(hosts: Real, radix: Real, tiers: Real) -> Real:
    """Switches of a non-blocking fat tree."""
    _require_even_radix(radix)
    require_at_most("hosts", hosts, "2 (radix/2)^tiers", 2.0 * (radix / 2.0) ** tiers, "the tree has no more ports")
    return (2.0 * tiers - 1.0) * hosts / radix


@formula(
    latex=(
        r"\left[\left\lceil \frac{E}{k/2} \right\rceil, \left\lceil \frac{U}{k} \right\rceil, U\right], \quad "
        r"U = \left\lceil \frac{E}{k/2} \right\rceil \frac{k}{2 r}"
    ),
    variables={
        "endpoints": Variable("E", "1", "endpoints", COUNT),
        "radix": RADIX,
        "oversubscription": Variable("r", "1", "downlink over uplink capacity of a leaf", COUNT),
    },
    result=Result("N", "1", "leaves, spines, uplinks", kind="vector"),
    validity="Two tiers; half of a leaf's ports go down, and uplinks are what oversubscription removes.",
    source="Al-Fares, Loukissas and Vahdat 2008; course, Network Fabrics.",
)
def leaf_spine_counts(endpoints: Real, radix: Real, oversubscription: Real) -> npt.NDArray[np.float64]:
    """Leaf switches, spine switches and leaf-spine links of a two-tier fabric."""
    _require_even_radix(radix)
    down = radix / 2.0
    require_at_most("endpoints", endpoints, "radix^2/2", radix * down, "two tiers have no more ports")
    left_over = np.asarray(down % oversubscription)
    if left_over.any():
        raise ValueError(f"oversubscription must divide radix/2, got {oversubscription!r} for {down!r}")
    leaves = np.ceil(endpoints / down)
    uplinks = leaves * down / oversubscription
    return np.stack(np.broadcast_arrays(leaves, np.ceil(uplinks / radix), uplinks), axis=-1)


@formula(
    latex=r"B = \frac{E}{2} \cdot \frac{\beta}{r}",
    variables={
        "endpoints": Variable("E", "1", "endpoints, half of them on either side of the cut", Interval(low=2.0)),
        "link_bandwidth_bytes_s": LINK_BANDWIDTH,
        "oversubscription": OVERSUBSCRIPTION,
    },
    result=Result("B", "B/s", "bisection bandwidth, one direction"),
    validity="Fat tree with the same oversubscription at every leaf.",
    source="Leiserson 1985; course, Network Fabrics.",
)
def fat_tree_bisection_bandwidth(endpoints: Real, link_bandwidth_bytes_s: Real, oversubscription: Real) -> Real:
    """Capacity of the cut that divides the endpoints into two halves."""
    return endpoints / 2.0 * link_bandwidth_bytes_s / oversubscription


@formula(
    latex=r"C = S c_s + U c_u",
    variables={
        "switches": Variable("S", "1", "switches", NONNEGATIVE),
        "optical_links": Variable("U", "1", "optical links", NONNEGATIVE),
        "switch_usd": Variable("c_s", "USD", "price of a switch", NONNEGATIVE),
        "link_usd": Variable("c_u", "USD", "price of an optical link", NONNEGATIVE),
    },
    result=Result("C", "USD", "price of the fabric"),
    validity="Adapters and node cables are taken as equal in all designs and left out.",
    source="Course, Network Fabrics.",
)
def fabric_cost(switches: Real, optical_links: Real, switch_usd: Real, link_usd: Real) -> Real:
    """Price of switches and optics."""
    return switches * switch_usd + optical_links * link_usd


# --- what a traffic pattern gets ------------------------------------------------------------------------


@formula(
    latex=r"x = \frac{1}{m}",
    variables={"nodes": NODES, "nodes_per_leaf": NODES_PER_LEAF},
    result=Result("x", "1", "share of the ring's edges that leave their leaf"),
    validity="A ring in the order of the leaves; 0 where all nodes share one leaf.",
    source="Counting: one of a leaf's m outgoing edges leaves it.",
    sympy_latex=r"\frac{\min(1, \max(0, M - m))}{m}",
)
def crossing_fraction_ring(nodes: Real, nodes_per_leaf: Real) -> Real:
    """Share of a packed ring's traffic that climbs to the spine."""
    return np.where(nodes > nodes_per_leaf, 1.0 / nodes_per_leaf, 0.0)


@formula(
    latex=r"x = \frac{M - m}{M - 1}",
    variables={"nodes": NODES, "nodes_per_leaf": NODES_PER_LEAF},
    result=Result("x", "1", "share of the traffic that leaves its leaf"),
    validity="Every other node is an equally likely partner (average); 0 where all nodes share one leaf.",
    source="Counting: of M - 1 possible partners m - 1 share the leaf.",
    sympy_latex=r"\frac{\max(0, M - m)}{\max(1, M - 1)}",
)
def crossing_fraction_uniform(nodes: Real, nodes_per_leaf: Real) -> Real:
    """Share of the traffic of a random ring or of an all-to-all that climbs to the spine."""
    return np.maximum(0.0, nodes - nodes_per_leaf) / np.maximum(1.0, nodes - 1.0)


@formula(
    latex=r"\beta_{eff} = \frac{\beta}{\max(1, r x)}",
    variables={
        "link_bandwidth_bytes_s": LINK_BANDWIDTH,
        "oversubscription": OVERSUBSCRIPTION,
        "crossing_fraction": Variable("x", "1", "share of the traffic that climbs to the spine", FRACTION),
    },
    result=Result(r"\beta_{eff}", "B/s", "bandwidth that every GPU keeps"),
    validity="Fluid flow with ideal load balance: no incast, no hash collisions, no pauses.",
    source="Conservation of flow at a leaf; course, Network Fabrics.",
)
def oversubscribed_bandwidth(link_bandwidth_bytes_s: Real, oversubscription: Real, crossing_fraction: Real) -> Real:
    """Bandwidth of one GPU whose traffic shares the uplinks of its leaf."""
    return link_bandwidth_bytes_s / np.maximum(1.0, oversubscription * crossing_fraction)


@formula(
    latex=r"n = 4 L k h T b \varphi",
    variables={
        "layers": Variable("L", "1", "layers with experts", COUNT_OR_ZERO),
        "top_k": Variable("k", "1", "experts per token", COUNT),
        "width": Variable("h", "1", "hidden width", COUNT),
        "tokens": Variable("T", "1", "tokens per GPU and step", NONNEGATIVE),
        "bytes_per_value": Variable("b", "B", "bytes of a value", POSITIVE),
        "offnode_fraction": Variable(r"\varphi", "1", "share of the experts on other nodes", FRACTION),
    },
    result=Result("n", "B", "bytes that a GPU sends per step"),
    validity="Dispatch and combine, forward and backward; experts spread evenly, balanced routing.",
    source="Lepikhin et al. 2021 (GShard).",
)
def moe_dispatch_bytes(
    layers: Real, top_k: Real, width: Real, tokens: Real, bytes_per_value: Real, offnode_fraction: Real
) -> Real:
    """All-to-all traffic of a mixture of experts."""
    return 4.0 * layers * top_k * width * tokens * bytes_per_value * offnode_fraction


@formula(
    latex=r"f = \frac{T_c}{T_c + T_m}",
    variables={
        "comm_s": Variable("T_c", "s", "time of communication", NONNEGATIVE),
        "compute_s": Variable("T_m", "s", "time of computation", NONNEGATIVE),
    },
    result=Result("f", "1", "share of a step that communicates"),
    validity="No overlap of communication and computation.",
    source="Course, Network Fabrics.",
)
def communication_fraction(comm_s: Real, compute_s: Real) -> Real:
    """Share of a step in which GPUs wait for the network."""
    total = comm_s + compute_s
    if not np.all(total > 0):
        raise ValueError("comm_s and compute_s must have a sum > 0 (s), got 0.0")
    return comm_s / total


@formula(
    latex=r"\eta = \frac{1}{(1 - f) + f s}",
    variables={
        "comm_fraction": Variable("f", "1", "communication share on the non-blocking fabric", FRACTION),
        "slowdown": Variable("s", "1", "how many times longer communication takes", AT_LEAST_ONE),
    },
    result=Result(r"\eta", "1", "throughput relative to the non-blocking fabric"),
    validity="No overlap; computation is unchanged.",
    source="Amdahl 1967; course, Network Fabrics (Fallacies and Pitfalls).",
)
def oversubscription_relative_throughput(comm_fraction: Real, slowdown: Real) -> Real:
    """What is left of a job's throughput when only its communication slows down."""
    return 1.0 / ((1.0 - comm_fraction) + comm_fraction * slowdown)
