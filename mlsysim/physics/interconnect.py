"""Traffic of a split model against the links that carry it: inside a node, and between nodes."""

from __future__ import annotations

from mlsysim.physics.collectives import ring_allreduce_time
from mlsysim.physics.registry import COUNT, NONNEGATIVE, POSITIVE, Choices, Real, Result, Variable, formula

LAYERS = Variable("L", "1", "layers", POSITIVE)
WIDTH = Variable("h", "1", "model width", POSITIVE)


@formula(
    latex=r"T = 2 \frac{g - 1}{g} \cdot \frac{M}{\beta_i} + 2 (g - 1) \alpha_i "
    r"+ 2 \frac{n - 1}{n} \cdot \frac{M}{g \beta_o} + 2 (n - 1) \alpha_o",
    variables={
        "message_bytes": Variable("M", "B", "message held by every rank", NONNEGATIVE),
        "nodes": Variable("n", "1", "nodes over which the group stretches", COUNT),
        "gpus_per_node": Variable("g", "1", "ranks of the group inside one node", COUNT),
        "intra_bandwidth_bytes_s": Variable(r"\beta_i", "B/s", "link inside a node, one direction", POSITIVE),
        "inter_bandwidth_bytes_s": Variable(r"\beta_o", "B/s", "network of one GPU, one direction", POSITIVE),
        "intra_latency_s": Variable(r"\alpha_i", "s", "start-up time of one step inside a node", NONNEGATIVE),
        "inter_latency_s": Variable(r"\alpha_o", "s", "start-up time of one step between nodes", NONNEGATIVE),
        "inter_algorithm": Variable(r"\mathrm{algorithm}", "1", "algorithm between nodes", Choices(("ring",))),
    },
    result=Result("T", "s", "all-reduce time"),
    validity="Reduce-scatter inside each node, all-reduce of the shards side by side between nodes, all-gather "
    "inside. Equal nodes, no congestion, phases one after the other.",
    source="Hierarchical collectives (NCCL); rings: Patarasuk and Yuan 2009.",
)
def hierarchical_allreduce_time(
    message_bytes: Real,
    nodes: Real,
    gpus_per_node: Real,
    intra_bandwidth_bytes_s: Real,
    inter_bandwidth_bytes_s: Real,
    intra_latency_s: Real,
    inter_latency_s: Real,
    inter_algorithm: str,
) -> Real:
    """Time of an all-reduce in three phases: inside each node, between nodes over every adapter, inside again."""
    # Scatter and gather inside a node take as long as one ring all-reduce there.
    inside = ring_allreduce_time(message_bytes, gpus_per_node, intra_bandwidth_bytes_s, intra_latency_s)
    return inside + ring_allreduce_time(message_bytes / gpus_per_node, nodes, inter_bandwidth_bytes_s, inter_latency_s)


@formula(
    latex=r"M = L a D h b",
    variables={
        "layers": LAYERS,
        "width": WIDTH,
        "tokens": Variable("D", "token", "tokens per replica and step", POSITIVE),
        "bytes_per_value": Variable("b", "B", "bytes per activation", POSITIVE),
        "allreduces_per_layer": Variable("a", "1", "all-reduces per layer: 2 forward, 2 backward", POSITIVE),
    },
    result=Result("M", "B", "tensor-parallel messages of one step"),
    validity="Every all-reduce carries one value per token and channel; no recomputation of the forward pass.",
    source="Shoeybi et al. 2019 (Megatron-LM).",
)
def tp_message_bytes(
    layers: Real, width: Real, tokens: Real, bytes_per_value: Real, allreduces_per_layer: Real
) -> Real:
    """Bytes that the all-reduces of one tensor-parallel group carry in one training step."""
    return layers * allreduces_per_layer * tokens * width * bytes_per_value


@formula(
    latex=r"\rho = \frac{8 (t - 1) L h F}{3 P \beta}",
    variables={
        "params": Variable("P", "parameter", "parameters of the model", POSITIVE),
        "layers": LAYERS,
        "width": WIDTH,
        "tp": Variable("t", "1", "GPUs of the tensor-parallel group", COUNT),
        "bandwidth_bytes_s": Variable(r"\beta", "B/s", "link bandwidth, one direction", POSITIVE),
        "throughput_flop_s": Variable("F", "FLOP/s", "sustained rate of one GPU", POSITIVE),
    },
    result=Result(r"\rho", "1", "tensor-parallel traffic time over math time"),
    validity="One ring over equal links, so a group inside one node; four all-reduces per layer, two bytes per "
    "value, nothing hidden. The number of tokens cancels.",
    source="Quotient of ring traffic (Shoeybi et al. 2019; Patarasuk and Yuan 2009) and 6PD/(tF).",
)
def tp_comm_compute_ratio(
    params: Real, layers: Real, width: Real, tp: Real, bandwidth_bytes_s: Real, throughput_flop_s: Real
) -> Real:
    """Time in tensor-parallel all-reduces per time in math: grows with the group, falls with the link."""
    return 8.0 * (tp - 1.0) * layers * width * throughput_flop_s / (3.0 * params * bandwidth_bytes_s)
