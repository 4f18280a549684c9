"""Traffic of a split model against the links that carry it."""

from __future__ import annotations

from mlsysim.physics.registry import COUNT, POSITIVE, Real, Result, Variable, formula

LAYERS = Variable("L", "1", "layers", POSITIVE)
WIDTH = Variable("h", "1", "model width", POSITIVE)


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
