"""Adversarial pruning: the nearest-neighbour rule of a few points, hardened against changes of a given size.

Two points of different classes that lie within twice the attack size of one another cannot both be safe: their boxes
overlap. Pruning drops the fewest points that leave no such pair (Yang, Rashtchian, Wang and Chaudhuri 2020); what is
kept decides by its nearest neighbour. Distances are in the l-infinity norm, two classes, any unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class NeighbourRule:
    """A hardened rule: which points it keeps, and what it says on a grid of cells (true for the second class)."""

    kept: Mask
    regions: Mask
    #: Distance of each point to the nearest cell of the other class; below 0 where the rule errs at the point itself.
    margins: Array

    def correct(self, attack: float = 0.0) -> int:
        """How many points stay right whatever an attack of this size does to them."""
        return int(np.sum(self.margins > attack if attack > 0 else self.margins >= 0))


def _distances(points: Array, others: Array) -> Array:
    return np.asarray(np.abs(points[:, None, :] - others[None, :, :]).max(axis=2))


def adversarial_pruning(points: Array, second: Mask, eps: float) -> Mask:
    """Which points to keep so that classes lie more than twice `eps` apart, as many as possible.

    Conflicts form a bipartite graph; by Koenig's theorem a maximum matching gives the largest set without any.
    """
    close = _distances(points, points) <= 2 * eps
    left, right = np.flatnonzero(~second), np.flatnonzero(second)
    conflicts = {int(a): [int(b) for b in right if close[a, b]] for a in left}
    partner: dict[int, int] = {}

    def augment(a: int, seen: set[int]) -> bool:
        for b in conflicts[a]:
            if b in seen:
                continue
            seen.add(b)
            if b not in partner or augment(partner[b], seen):
                partner[b] = a
                return True
        return False

    for a in conflicts:
        augment(a, set())
    # What alternating paths from unmatched points reach: kept on the left, dropped on the right.
    reached = set(conflicts) - set(partner.values())
    dropped: set[int] = set()
    waiting = list(reached)
    while waiting:
        for b in conflicts[waiting.pop()]:
            dropped.add(b)
            owner = partner.get(b)
            if owner is not None and owner not in reached:
                reached.add(owner)
                waiting.append(owner)
    return np.array([i not in dropped if second[i] else i in reached for i in range(len(points))])


def neighbour_rule(points: Array, second: Mask, eps: float, cells: Array) -> NeighbourRule:
    """The rule that is left after pruning at `eps`, evaluated at the centres `cells` of a grid, one row each."""
    kept = adversarial_pruning(points, second, eps)
    answers = second[kept]

    def decide(at: Array) -> Mask:
        return np.asarray(answers[_distances(at, points[kept]).argmin(axis=1)])

    regions = decide(cells)
    right = decide(points) == second
    margins = np.array(
        [
            np.abs(cells[regions != side] - point).max(axis=1).min() if ok else -1.0
            for point, side, ok in zip(points, second, right, strict=True)
        ]
    )
    return NeighbourRule(kept, regions, margins)
