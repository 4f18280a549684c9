"""The order in which pipeline stages work: one forward, one backward, in turn (1F1B)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class PipelineSchedule:
    """Every piece of work of a pipelined step: arrays of one length, one entry per piece.

    Attributes:
        stage: which stage does it, 0 is the first.
        piece: which slice of the batch it works on, from 0.
        backward: False for a forward pass, True for a backward pass.
        start: when it begins, in the unit of the given durations.
        end: when it is done.
    """

    stage: npt.NDArray[np.int64]
    piece: npt.NDArray[np.int64]
    backward: npt.NDArray[np.bool_]
    start: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]

    @property
    def makespan(self) -> float:
        """When the last piece is done; 0 without work."""
        return float(self.end.max(initial=0.0))


@lru_cache(maxsize=64)
def one_f_one_b(stages: int, slices: int, forward: float = 1.0, backward: float = 2.0) -> PipelineSchedule:
    """The 1F1B schedule of ``slices`` slices through ``stages`` stages.

    Stage i of p runs up to p - 1 - i forwards, then one forward and one backward in turn, then the backwards
    that remain.  A forward waits for the same slice on the stage before, a backward for the stage after.

    Args:
        stages: pipeline stages, at least 1.
        slices: slices of the batch (microbatches times virtual stages), 0 or more.
        forward: duration of one forward pass of a slice on one stage, above 0.
        backward: duration of one backward pass, above 0.

    Returns:
        The schedule; its makespan is (slices + stages - 1) (forward + backward).

    Raises:
        ValueError: for a count or a duration out of range.

    Validity: balanced stages, transfers free.  Interleaved schedules are drawn as thinner slices of the same
    order, which gives them the right bubble and not the exact order of their chunks.
    Source: Narayanan et al. 2021 (PipeDream-Flush).
    """
    if stages != int(stages) or stages < 1:
        raise ValueError(f"stages must be an integer >= 1, got {stages!r}")
    if slices != int(slices) or slices < 0:
        raise ValueError(f"slices must be an integer >= 0, got {slices!r}")
    for name, value in (("forward", forward), ("backward", backward)):
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} must be > 0 and finite, got {value!r}")
    orders = [_order(min(stages - 1 - stage, slices), slices) for stage in range(stages)]
    done = np.full((2, stages, slices), np.nan)
    clock, position = [0.0] * stages, [0] * stages
    pieces: list[tuple[int, int, bool, float, float]] = []
    waiting = sum(map(len, orders))
    while waiting:
        for stage, order in enumerate(orders):
            while position[stage] < len(order):
                back, piece = order[position[stage]]
                source = stage + 1 if back else stage - 1
                ready = done[int(back), source, piece] if 0 <= source < stages else 0.0
                if np.isnan(ready):
                    break
                start = max(clock[stage], float(ready))
                clock[stage] = start + (backward if back else forward)
                done[int(back), stage, piece] = clock[stage]
                pieces.append((stage, piece, back, start, clock[stage]))
                position[stage] += 1
                waiting -= 1
    schedule = PipelineSchedule(
        stage=np.array([piece[0] for piece in pieces], dtype=np.int64),
        piece=np.array([piece[1] for piece in pieces], dtype=np.int64),
        backward=np.array([piece[2] for piece in pieces], dtype=np.bool_),
        start=np.array([piece[3] for piece in pieces], dtype=np.float64),
        end=np.array([piece[4] for piece in pieces], dtype=np.float64),
    )
    for array in (schedule.stage, schedule.piece, schedule.backward, schedule.start, schedule.end):
        array.flags.writeable = False  # the result is cached and shared
    return schedule


def _order(warm_up: int, slices: int) -> list[tuple[bool, int]]:
    """What one stage does, in order: (backward?, slice)."""
    order = [(False, piece) for piece in range(warm_up)]
    for piece in range(slices - warm_up):
        order += [(False, warm_up + piece), (True, piece)]
    return order + [(True, piece) for piece in range(slices - warm_up, slices)]
