"""Message exchange between ranks, in the alpha-beta model: algorithms of the all-reduce, and gradients in buckets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import (
    COUNT,
    NONNEGATIVE,
    POSITIVE,
    Choices,
    Interval,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

MESSAGE = Variable("M", "B", "message held by every rank", NONNEGATIVE)
RANKS = Variable("N", "1", "ranks", COUNT)
BANDWIDTH = Variable(r"\beta", "B/s", "link bandwidth, one direction", POSITIVE)
LATENCY = Variable(r"\alpha", "s", "start-up time of one step", NONNEGATIVE)
TIME = Variable("T", "s", "measured time of the all-reduce", POSITIVE)

#: Algorithms between nodes in a hierarchy.
INTER_ALGORITHMS = ("ring", "tree", "double_tree")


def _depth(ranks: Real) -> Real:
    """Levels of a binary tree over so many ranks: the bits of ranks - 1, exact where a logarithm would round."""
    return np.frexp(ranks - 1.0)[1].astype(np.float64)


# --- one message ----------------------------------------------------------------------------------------


@formula(
    latex=r"n^{*} = \alpha \beta",
    variables={
        "latency_s": Variable(r"\alpha", "s", "start-up time of the path", NONNEGATIVE),
        "bandwidth_bytes_s": BANDWIDTH,
    },
    result=Result("n^{*}", "B", "size at which start-up and bytes take equally long"),
    validity="Point to point on an idle link: at this size a transfer takes twice the start-up time.",
    source="Half-performance length: Hockney 1994.",
)
def critical_message_bytes(latency_s: Real, bandwidth_bytes_s: Real) -> Real:
    """Message size at which latency and bandwidth contribute the same time."""
    return latency_s * bandwidth_bytes_s


# --- algorithms of the all-reduce -----------------------------------------------------------------------


@formula(
    latex=r"T = 2 \frac{N - 1}{N} \cdot \frac{M}{\beta} + 2 (N - 1) \alpha",
    variables={
        "message_bytes": MESSAGE,
        "ranks": Variable("N", "1", "ranks in the ring", COUNT),
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
    },
    result=Result("T", "s", "all-reduce time"),
    validity="Equal links, no congestion, reduction arithmetic free. Zero for one rank.",
    source="Patarasuk and Yuan 2009; Thakur, Rabenseifner and Gropp 2005.",
)
def ring_allreduce_time(message_bytes: Real, ranks: Real, bandwidth_bytes_s: Real, latency_s: Real) -> Real:
    """Time of a ring all-reduce: bandwidth-optimal, with a start-up cost that grows with the ring."""
    return 2.0 * (ranks - 1.0) * (message_bytes / ranks / bandwidth_bytes_s + latency_s)


@formula(
    latex=r"T = 2 D \left(\alpha + \frac{M}{\beta}\right), \quad D = \left\lceil \log_2 N \right\rceil",
    variables={
        "message_bytes": MESSAGE,
        "ranks": RANKS,
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
    },
    result=Result("T", "s", "all-reduce time"),
    validity="Reduce to the root, then broadcast, level by level and not pipelined. Equal links, no congestion.",
    source="Thakur, Rabenseifner and Gropp 2005.",
)
def tree_allreduce_time(message_bytes: Real, ranks: Real, bandwidth_bytes_s: Real, latency_s: Real) -> Real:
    """Time of an all-reduce over a binary tree: few steps, each with the whole message."""
    return 2.0 * _depth(ranks) * (latency_s + message_bytes / bandwidth_bytes_s)


@formula(
    latex=r"T = 2 D \alpha + \frac{2 M}{\beta}, \quad D = \left\lceil \log_2 N \right\rceil",
    variables={
        "message_bytes": MESSAGE,
        "ranks": RANKS,
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
    },
    result=Result("T", "s", "all-reduce time"),
    validity="Two complementary trees, each with half of the data, pipelined in the limit of small pieces; no "
    "contention between the trees. Zero for one rank.",
    source="Sanders, Speck and Traeff 2009; NCCL 2.4.",
)
def double_binary_tree_allreduce_time(
    message_bytes: Real, ranks: Real, bandwidth_bytes_s: Real, latency_s: Real
) -> Real:
    """Time of an all-reduce over two binary trees at once: the depth of a tree, nearly the bytes of a ring."""
    moved = np.where(ranks > 1.0, 2.0 * message_bytes / bandwidth_bytes_s, 0.0)
    return 2.0 * _depth(ranks) * latency_s + moved


@formula(
    latex=r"T = 2 D \alpha + 2 \frac{N - 1}{N} \cdot \frac{M}{\beta}, \quad D = \log_2 N",
    variables={
        "message_bytes": MESSAGE,
        "ranks": Variable("N", "1", "ranks, a power of two", COUNT),
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
    },
    result=Result("T", "s", "all-reduce time"),
    validity="A power of two of ranks; every pair of partners has a link of its own.",
    source="Thakur, Rabenseifner and Gropp 2005.",
)
def halving_doubling_allreduce_time(message_bytes: Real, ranks: Real, bandwidth_bytes_s: Real, latency_s: Real) -> Real:
    """Time of a butterfly all-reduce: optimal in steps and in bytes, on a network that has every link."""
    odd = np.asarray(2.0 ** _depth(ranks) != ranks)
    if odd.any():
        raise ValueError(f"ranks must be a power of two, got {float(np.asarray(ranks)[odd].flat[0])!r}")
    return 2.0 * _depth(ranks) * latency_s + 2.0 * (ranks - 1.0) / ranks * message_bytes / bandwidth_bytes_s


@formula(
    latex=r"T = 2 (N - 1) \frac{M}{\beta} + 2 \alpha",
    variables={
        "message_bytes": MESSAGE,
        "ranks": RANKS,
        "bandwidth_bytes_s": Variable(r"\beta", "B/s", "bandwidth of the server's port, one direction", POSITIVE),
        "latency_s": LATENCY,
    },
    result=Result("T", "s", "all-reduce time"),
    validity="One rank is the server: its port takes in and sends out N - 1 messages. Zero for one rank.",
    source="Counting: the bytes through one port; course, Collective Communication (parameter server).",
)
def star_allreduce_time(message_bytes: Real, ranks: Real, bandwidth_bytes_s: Real, latency_s: Real) -> Real:
    """Time of an all-reduce at one parameter server: two steps, all bytes through one port."""
    return 2.0 * (ranks - 1.0) * message_bytes / bandwidth_bytes_s + np.where(ranks > 1.0, 2.0 * latency_s, 0.0)


@formula(
    latex=r"T = \frac{N - 1}{N} \cdot \frac{M}{\beta} + (N - 1) \alpha",
    variables={
        "message_bytes": MESSAGE,
        "ranks": RANKS,
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
    },
    result=Result("T", "s", "reduce-scatter time"),
    validity="First half of a ring all-reduce: every rank ends with the sum of one chunk.",
    source="Patarasuk and Yuan 2009; Thakur, Rabenseifner and Gropp 2005.",
)
def ring_reduce_scatter_time(message_bytes: Real, ranks: Real, bandwidth_bytes_s: Real, latency_s: Real) -> Real:
    """Time of a reduce-scatter around a ring."""
    return (ranks - 1.0) * (message_bytes / ranks / bandwidth_bytes_s + latency_s)


@formula(
    latex=r"T = \frac{N - 1}{N} \cdot \frac{M}{\beta} + (N - 1) \alpha",
    variables={
        "message_bytes": Variable("M", "B", "message gathered from all ranks", NONNEGATIVE),
        "ranks": RANKS,
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
    },
    result=Result("T", "s", "all-gather time"),
    validity="Second half of a ring all-reduce: every rank starts with one chunk and ends with all.",
    source="Patarasuk and Yuan 2009; Thakur, Rabenseifner and Gropp 2005.",
)
def ring_allgather_time(message_bytes: Real, ranks: Real, bandwidth_bytes_s: Real, latency_s: Real) -> Real:
    """Time of an all-gather around a ring."""
    return (ranks - 1.0) * (message_bytes / ranks / bandwidth_bytes_s + latency_s)


@formula(
    latex=r"T = 2 \frac{g - 1}{g} \cdot \frac{M}{\beta_i} + 2 (g - 1) \alpha_i + T_o, \quad "
    r"T_o = T_{a}\left(\frac{M}{g}, n, \beta_o, \alpha_o\right)",
    variables={
        "message_bytes": MESSAGE,
        "nodes": Variable("n", "1", "nodes over which the group stretches", COUNT),
        "gpus_per_node": Variable("g", "1", "ranks of the group inside one node", COUNT),
        "intra_bandwidth_bytes_s": Variable(r"\beta_i", "B/s", "link inside a node, one direction", POSITIVE),
        "inter_bandwidth_bytes_s": Variable(r"\beta_o", "B/s", "network of one GPU, one direction", POSITIVE),
        "intra_latency_s": Variable(r"\alpha_i", "s", "start-up time of one step inside a node", NONNEGATIVE),
        "inter_latency_s": Variable(r"\alpha_o", "s", "start-up time of one step between nodes", NONNEGATIVE),
        "inter_algorithm": Variable("a", "1", "algorithm between nodes", Choices(INTER_ALGORITHMS)),
    },
    result=Result("T", "s", "all-reduce time"),
    validity="Reduce-scatter inside each node, all-reduce of the shards side by side between nodes, all-gather "
    "inside; inside always rings. Equal nodes, no congestion, phases one after the other.",
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
    inside = (message_bytes, gpus_per_node, intra_bandwidth_bytes_s, intra_latency_s)
    between = {
        "ring": ring_allreduce_time,
        "tree": tree_allreduce_time,
        "double_tree": double_binary_tree_allreduce_time,
    }[inter_algorithm](message_bytes / gpus_per_node, nodes, inter_bandwidth_bytes_s, inter_latency_s)
    return ring_reduce_scatter_time(*inside) + between + ring_allgather_time(*inside)


@formula(
    latex=r"M^{*} = \alpha \beta \frac{N - 1 - D}{D - \frac{N - 1}{N}}, \quad D = \left\lceil \log_2 N \right\rceil",
    variables={
        "ranks": Variable("N", "1", "ranks, at least 4", Interval(low=4.0, integer=True)),
        "bandwidth_bytes_s": BANDWIDTH,
        "latency_s": LATENCY,
    },
    result=Result("M^{*}", "B", "message for which ring and tree take equally long"),
    validity="Below it the tree is faster, above it the ring. Ring and tree as in their own formulas.",
    source="Equating both times; Thakur, Rabenseifner and Gropp 2005.",
)
def ring_tree_crossover_bytes(ranks: Real, bandwidth_bytes_s: Real, latency_s: Real) -> Real:
    """Message size at which a ring and a tree all-reduce take the same time."""
    depth = _depth(ranks)
    return latency_s * bandwidth_bytes_s * (ranks - 1.0 - depth) / (depth - (ranks - 1.0) / ranks)


# --- rates that are reported ----------------------------------------------------------------------------


@formula(
    latex=r"b_a = \frac{M}{T}",
    variables={"message_bytes": MESSAGE, "time_s": TIME},
    result=Result("b_a", "B/s", "algorithm bandwidth"),
    validity="What the application sees; it falls as ranks are added although every link stays busy.",
    source="nccl-tests, definition of algbw.",
)
def allreduce_algbw(message_bytes: Real, time_s: Real) -> Real:
    """Message over time."""
    return message_bytes / time_s


@formula(
    latex=r"b_b = \frac{M}{T} \cdot \frac{2 (N - 1)}{N}",
    variables={"message_bytes": MESSAGE, "time_s": TIME, "ranks": RANKS},
    result=Result("b_b", "B/s", "bus bandwidth"),
    validity="Comparable with the rate of a link, whatever the number of ranks.",
    source="nccl-tests, definition of busbw.",
)
def allreduce_busbw(message_bytes: Real, time_s: Real, ranks: Real) -> Real:
    """Rate of a link that would explain the time if every byte moved as in the best algorithm."""
    return message_bytes / time_s * 2.0 * (ranks - 1.0) / ranks


# --- gradients in buckets -------------------------------------------------------------------------------

BUCKETS = Variable("k", "1", "buckets", COUNT)
BUCKET_TIME = Variable("t_b", "s", "all-reduce of one bucket", NONNEGATIVE)
BACKWARD = Variable("T_{bwd}", "s", "duration of the backward pass", NONNEGATIVE)


@formula(
    latex=r"k = \max\left(1, \left\lceil \frac{G}{B} \right\rceil\right)",
    variables={
        "gradient_bytes": Variable("G", "B", "gradients of one step", NONNEGATIVE),
        "bucket_bytes": Variable("B", "B", "size to which a bucket is filled", POSITIVE),
    },
    result=Result("k", "1", "buckets", kind="integer"),
    validity="Equal buckets of G/k bytes; real ones end at tensor boundaries.",
    source="Li et al. 2020 (PyTorch Distributed).",
)
def bucket_count(gradient_bytes: Real, bucket_bytes: Real) -> Real:
    """Buckets into which the gradients of one step are grouped."""
    return np.maximum(1.0, np.ceil(gradient_bytes / bucket_bytes))


@formula(
    latex=r"t_i = \max\left(\frac{i T_{bwd}}{k}, \frac{T_{bwd}}{k} + (i - 1) t_b\right)",
    variables={
        "bucket": Variable("i", "1", "number of the bucket, from 1", COUNT),
        "buckets": BUCKETS,
        "bucket_time_s": BUCKET_TIME,
        "backward_s": BACKWARD,
    },
    result=Result("t_i", "s", "start of the bucket's all-reduce, from the start of the backward pass"),
    validity="Equal buckets; the network carries one after the other, each as soon as it is ready.",
    source="Li et al. 2020 (PyTorch Distributed) for the mechanism.",
)
def bucket_start_time(bucket: Real, buckets: Real, bucket_time_s: Real, backward_s: Real) -> Real:
    """When a bucket goes on the network: once it is ready and the one before it is through."""
    require_at_most("bucket", bucket, "buckets", buckets, "there are no more")
    return np.maximum(bucket * backward_s / buckets, backward_s / buckets + (bucket - 1.0) * bucket_time_s)


@formula(
    latex=r"T_{exp} = \max\left(t_b, k t_b - \left(1 - \frac{1}{k}\right) T_{bwd}\right)",
    variables={"buckets": BUCKETS, "bucket_time_s": BUCKET_TIME, "backward_s": BACKWARD},
    result=Result("T_{exp}", "s", "gradient communication after the end of the backward pass"),
    validity="Equal buckets; hidden traffic slows no computation down. The last bucket is never hidden.",
    source="Li et al. 2020 (PyTorch Distributed) for the mechanism; exact for equal buckets.",
)
def exposed_bucketed_time(buckets: Real, bucket_time_s: Real, backward_s: Real) -> Real:
    """Communication of bucketed gradients that the backward pass does not hide."""
    return np.maximum(bucket_time_s, buckets * bucket_time_s - (1.0 - 1.0 / buckets) * backward_s)


# --- step by step ---------------------------------------------------------------------------------------

Counts: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CollectiveSchedule:
    """An all-reduce step by step: who sends what to whom, and what everybody holds.

    Attributes:
        phases: name of the phase of each step.
        moves: for each step an array of rows (source, target, chunk), one for every chunk that moves.
        parts: array (steps + 1, ranks, chunks, ranks): how often the part of each rank is in the sum that a rank
            holds of a chunk, before the first step and after each one.
    """

    phases: tuple[str, ...]
    moves: tuple[Counts, ...]
    parts: Counts

    @property
    def steps(self) -> int:
        """Steps in sequence."""
        return len(self.phases)

    @property
    def ranks(self) -> int:
        """Ranks that take part."""
        return int(self.parts.shape[1])

    @property
    def chunks(self) -> int:
        """Chunks into which the message is cut."""
        return int(self.parts.shape[2])

    def summed(self, step: int) -> Counts:
        """How many ranks' parts are in each chunk (ranks, chunks) after a step."""
        return self.parts[step].sum(axis=-1)

    def links(self, step: int) -> Counts:
        """Rows (source, target) of the messages of a step, counted from 1."""
        return np.unique(self.moves[step - 1][:, :2], axis=0)

    def message_share(self, step: int) -> float:
        """Share of the whole message that one link carries in a step, counted from 1."""
        return len(self.moves[step - 1]) / len(self.links(step)) / self.chunks


def _ring_moves(ranks: int) -> list[tuple[str, list[tuple[int, int, int]]]]:
    steps = []
    for step in range(2 * (ranks - 1)):
        scatter = step < ranks - 1
        # A chunk starts at its own rank, is complete after N - 1 hops, and goes on around with the same shift.
        rows = [(rank, (rank + 1) % ranks, (rank - step) % ranks) for rank in range(ranks)]
        steps.append(("reduce-scatter" if scatter else "all-gather", rows))
    return steps


def _tree_moves(ranks: int) -> list[tuple[str, list[tuple[int, int, int]]]]:
    levels = [2**level for level in range((ranks - 1).bit_length())]
    up = [[(rank, rank - half, 0) for rank in range(half, ranks, 2 * half)] for half in levels]
    down = [[(target, source, 0) for source, target, _ in rows] for rows in reversed(up)]
    return [("reduce", rows) for rows in up] + [("broadcast", rows) for rows in down]


@lru_cache(maxsize=16)
def allreduce_schedule(algorithm: str, ranks: int) -> CollectiveSchedule:
    """The steps of a small all-reduce.

    A ring cuts the message into one chunk per rank; a binomial tree moves it whole.

    Args:
        algorithm: "ring" or "tree".
        ranks: ranks, at least 2.

    Returns:
        The schedule: 2(N - 1) steps for a ring, twice the depth for a tree. Its steps, each at the start-up time
        plus the time of the share that a link carries, add up to `ring_allreduce_time` and `tree_allreduce_time`.

    Raises:
        ValueError: for another algorithm, or for fewer than two ranks.
    """
    if algorithm not in ("ring", "tree"):
        raise ValueError(f"algorithm must be 'ring' or 'tree', got {algorithm!r}")
    if ranks != int(ranks) or ranks < 2:
        raise ValueError(f"ranks must be an integer >= 2, got {ranks!r}")
    steps = _ring_moves(ranks) if algorithm == "ring" else _tree_moves(ranks)
    held = np.zeros((ranks, ranks if algorithm == "ring" else 1, ranks), dtype=np.int64)
    held[np.arange(ranks), :, np.arange(ranks)] = 1
    states, moves = [held], []
    for phase, rows in steps:
        moved = np.array(rows, dtype=np.int64)
        source, target, chunk = moved.T
        before, after = states[-1], states[-1].copy()
        added = before[target, chunk] if phase in ("reduce-scatter", "reduce") else 0
        after[target, chunk] = before[source, chunk] + added
        states.append(after)
        moves.append(moved)
    return CollectiveSchedule(tuple(phase for phase, _ in steps), tuple(moves), np.stack(states))
