"""Training that stays on the devices: rounds until a target, bytes of a round, rounding noise, waiting for clients."""

from __future__ import annotations

import numpy as np

from mlsysim.physics.compression import FLOAT_BITS, quantized_bits_per_weight, quantized_bytes
from mlsysim.physics.order_statistics import INVITED, NEEDED, exponential_order_statistic
from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    NONNEGATIVE,
    POSITIVE,
    Interval,
    Real,
    Result,
    Variable,
    formula,
)

#: Formats in which a client can send its update, and the bits of a group's scale.
UPDATE_BITS = (2, 4, 8, 16, 32)
UPDATE_SCALE_BITS = 32.0

CLIENTS = Variable("C", "1", "clients whose updates count in a round", POSITIVE)
EPOCHS = Variable("E", "1", "local epochs per round", POSITIVE)
GAP = Variable(r"\varepsilon", "1", "target gap to the optimum", POSITIVE)
HETEROGENEITY = Variable(r"\beta", "1", "how much clients' data differ, 0 for identical ones", NONNEGATIVE)
DIFFERENT = Variable(r"\beta", "1", "how much clients' data differ", POSITIVE)
NOISE = Variable(r"\omega", "1", "variance that the compression of updates adds, relative", NONNEGATIVE)
_BOUND = (
    "A convergence bound with unit constants: its ratios teach, its absolute rounds do not predict a model. "
    "Compression enters the variance only."
)
_BOUND_SOURCE = (
    "Course, Edge Intelligence (federated learning convergence); FedAvg: McMahan et al. 2017; drift: Li et al. 2020, "
    "Karimireddy et al. 2020."
)


@formula(
    latex=r"R_v = \frac{(1 + \beta)^2 (1 + \omega)}{C E \varepsilon^2}",
    variables={
        "clients": CLIENTS,
        "local_epochs": EPOCHS,
        "gap": GAP,
        "heterogeneity": HETEROGENEITY,
        "compressor_variance": NOISE,
    },
    result=Result("R_v", "1", "rounds that the variance of updates takes"),
    validity=_BOUND,
    source=_BOUND_SOURCE,
)
def variance_rounds(
    clients: Real, local_epochs: Real, gap: Real, heterogeneity: Real, compressor_variance: Real = 0.0
) -> Real:
    """Rounds until averaging has removed the variance of the updates; more work per round lowers them."""
    return (1.0 + heterogeneity) ** 2 * (1.0 + compressor_variance) / (clients * local_epochs * gap**2)


@formula(
    latex=r"R_d = \frac{\beta^2 E^2}{\varepsilon}",
    variables={"local_epochs": EPOCHS, "gap": GAP, "heterogeneity": HETEROGENEITY},
    result=Result("R_d", "1", "rounds that client drift takes"),
    validity=_BOUND,
    source=_BOUND_SOURCE,
)
def drift_rounds(local_epochs: Real, gap: Real, heterogeneity: Real) -> Real:
    """Rounds until the drift of clients toward their own optima is averaged out; no number of clients lowers them."""
    return heterogeneity**2 * local_epochs**2 / gap


@formula(
    latex=r"R = \max\left(\frac{(1 + \beta)^2 (1 + \omega)}{C E \varepsilon^2}, \frac{\beta^2 E^2}{\varepsilon}\right)",
    variables={
        "clients": CLIENTS,
        "local_epochs": EPOCHS,
        "gap": GAP,
        "heterogeneity": HETEROGENEITY,
        "compressor_variance": NOISE,
    },
    result=Result("R", "1", "rounds until the gap is reached"),
    validity=_BOUND,
    source=_BOUND_SOURCE,
)
def federated_rounds(
    clients: Real, local_epochs: Real, gap: Real, heterogeneity: Real, compressor_variance: Real = 0.0
) -> Real:
    """Rounds of federated averaging: the larger of a variance term and a client-drift term."""
    return np.maximum(
        variance_rounds(clients, local_epochs, gap, heterogeneity, compressor_variance),
        drift_rounds(local_epochs, gap, heterogeneity),
    )


@formula(
    latex=r"\varepsilon = \max\left(\frac{(1 + \beta) \sqrt{1 + \omega}}{\sqrt{C E R}}, \frac{\beta^2 E^2}{R}\right)",
    variables={
        "clients": CLIENTS,
        "local_epochs": EPOCHS,
        "rounds": Variable("R", "1", "rounds trained", POSITIVE),
        "heterogeneity": HETEROGENEITY,
        "compressor_variance": NOISE,
    },
    result=Result(r"\varepsilon", "1", "gap to the optimum"),
    validity=_BOUND,
    source=_BOUND_SOURCE,
)
def federated_gap(
    clients: Real, local_epochs: Real, rounds: Real, heterogeneity: Real, compressor_variance: Real = 0.0
) -> Real:
    """Gap that federated averaging has reached after some rounds."""
    spread = (1.0 + heterogeneity) * np.sqrt(1.0 + compressor_variance) / np.sqrt(clients * local_epochs * rounds)
    return np.maximum(spread, heterogeneity**2 * local_epochs**2 / rounds)


@formula(
    latex=r"E^{*} = \left(\frac{(1 + \beta)^2 (1 + \omega)}{C \varepsilon \beta^2}\right)^{\frac{1}{3}}",
    variables={"clients": CLIENTS, "gap": GAP, "heterogeneity": DIFFERENT, "compressor_variance": NOISE},
    result=Result("E^{*}", "1", "local epochs with the fewest rounds"),
    validity="Where the two terms of the bound meet; identical clients have no optimum, more is always fewer rounds.",
    source="Derived from the bound on rounds.",
)
def optimal_local_epochs(clients: Real, gap: Real, heterogeneity: Real, compressor_variance: Real = 0.0) -> Real:
    """Local work per round beyond which clients drift apart faster than they learn."""
    return np.cbrt((1.0 + heterogeneity) ** 2 * (1.0 + compressor_variance) / (clients * gap * heterogeneity**2))


@formula(
    latex=r"C^{*} = \frac{(1 + \beta)^2 (1 + \omega)}{\beta^2 E^3 \varepsilon}",
    variables={"local_epochs": EPOCHS, "gap": GAP, "heterogeneity": DIFFERENT, "compressor_variance": NOISE},
    result=Result("C^{*}", "1", "clients beyond which rounds no longer fall"),
    validity="Where the two terms of the bound meet; more clients than this add traffic and remove no round.",
    source="Derived from the bound on rounds.",
)
def balanced_clients(local_epochs: Real, gap: Real, heterogeneity: Real, compressor_variance: Real = 0.0) -> Real:
    """Clients per round that are worth their traffic."""
    return (1.0 + heterogeneity) ** 2 * (1.0 + compressor_variance) / (heterogeneity**2 * local_epochs**3 * gap)


@formula(
    latex=r"\omega = \frac{1}{6} \left(\frac{c}{2^{b - 1} - 1}\right)^2 \quad 2 < b < 16, \qquad "
    r"\omega = c \sqrt{\frac{2}{\pi}} - 1 \quad b = 2, \qquad \omega = 0 \quad b \ge 16",
    variables={
        "bits": Variable("b", "bit", "bits of a sent value", Interval(2.0, 32.0, integer=True)),
        "clip_sigma": Variable("c", "1", "clipping point in standard deviations", POSITIVE),
    },
    result=Result(r"\omega", "1", "added variance over the variance of the update"),
    validity="Gaussian updates, a symmetric grid, unbiased rounding, clipping far out in the tails (c of 2.5 or more).",
    source="Unbiased quantization: Alistarh et al. 2017, Wen et al. 2017; position within a step taken as uniform.",
)
def stochastic_rounding_variance(bits: Real, clip_sigma: Real = 3.0) -> Real:
    """Noise of unbiased rounding of an update, relative to the update."""
    fine = (clip_sigma / (2.0 ** (bits - 1.0) - 1.0)) ** 2 / 6.0
    # Three levels are too coarse for a uniform position: the exact mean of |x| (c - |x|) over a Gaussian.
    ternary = np.maximum(clip_sigma * np.sqrt(2.0 / np.pi) - 1.0, 0.0)
    return np.where(bits >= FLOAT_BITS, 0.0, np.where(bits == 2, ternary, fine))


@formula(
    latex=r"U = \frac{P}{8} \left(b + \frac{32}{g}\right) \quad b < 16, \qquad U = \frac{P b}{8} \quad b \ge 16",
    variables={
        "params": Variable("P", "1", "parameters of the model", POSITIVE),
        "bits": Variable("b", "bit", "bits of a sent value: 2, 4, 8, 16 or 32", Interval(2.0, 32.0, integer=True)),
        "bucket": Variable("g", "1", "values that share one scale of 32 bits", AT_LEAST_ONE),
    },
    result=Result("U", "B", "bytes of one update"),
    validity="Dense updates: every parameter is sent. No headers, no encryption.",
    source="Definition; bucketed quantization: Alistarh et al. 2017.",
)
def update_bytes(params: Real, bits: Real, bucket: Real) -> Real:
    """Size of a model update as a client sends it."""
    odd = np.atleast_1d(~np.isin(bits, UPDATE_BITS))
    if odd.any():
        raise ValueError(
            f"bits must be one of {', '.join(map(str, UPDATE_BITS))}, got {np.atleast_1d(bits)[odd][0].item():g}"
        )
    return quantized_bytes(params, quantized_bits_per_weight(bits, bucket, UPDATE_SCALE_BITS))


@formula(
    latex=r"B = C (d + u)",
    variables={
        "clients": Variable("C", "1", "clients that take part", POSITIVE),
        "download_bytes": Variable("d", "B", "model sent to a client", POSITIVE),
        "upload_bytes": Variable("u", "B", "update sent back", POSITIVE),
    },
    result=Result("B", "B", "traffic of one round"),
    validity="Every client that takes part downloads and uploads once; the population does not appear.",
    source="Federated averaging: McMahan et al. 2017.",
)
def federated_round_bytes(clients: Real, download_bytes: Real, upload_bytes: Real) -> Real:
    """Traffic of one federated round, both directions."""
    return clients * (download_bytes + upload_bytes)


@formula(
    latex=r"B = K D",
    variables={
        "clients_total": Variable("K", "1", "devices in the population", POSITIVE),
        "bytes_per_client": Variable("D", "B", "raw data of one device", POSITIVE),
    },
    result=Result("B", "B", "traffic of collecting the data"),
    validity="Each device uploads its data once; training itself moves nothing.",
    source="Definition.",
)
def centralized_bytes(clients_total: Real, bytes_per_client: Real) -> Real:
    """Traffic of bringing everybody's data to one place."""
    return clients_total * bytes_per_client


@formula(
    latex=r"T = t_f (1 + \tau (H_n - H_{n-k})) + t_s",
    variables={
        "fixed_s": Variable("t_f", "s", "download, local training and upload of an undisturbed client", POSITIVE),
        "tail_ratio": Variable(r"\tau", "1", "mean extra time of a client over its undisturbed time", NONNEGATIVE),
        "invited": INVITED,
        "needed": NEEDED,
        "server_s": Variable("t_s", "s", "selection, aggregation and checkpoint", NONNEGATIVE),
    },
    result=Result("T", "s", "mean time of one round"),
    validity="Delays are independent and exponential; the round closes with the k-th update, later ones are dropped.",
    source="Over-selection: Bonawitz et al. 2019; order statistic: Renyi 1953.",
)
def over_selected_round_time(fixed_s: Real, tail_ratio: Real, invited: Real, needed: Real, server_s: Real) -> Real:
    """Time of a round that invites more clients than it waits for."""
    return fixed_s * (1.0 + tail_ratio * exponential_order_statistic(invited, needed)) + server_s
