"""The 1F1B schedule: complete, without collisions, in the order of the data, with the bubble of the formula."""

from __future__ import annotations

import numpy as np
import pytest

from mlsysim.physics import one_f_one_b, pipeline_bubble_fraction

SHAPES = [(1, 1), (1, 12), (2, 1), (4, 8), (8, 12), (8, 3), (16, 12), (32, 12), (32, 2)]


@pytest.mark.parametrize(("stages", "slices"), SHAPES)
def test_idle_share_is_the_bubble_fraction(stages, slices):
    schedule = one_f_one_b(stages, slices)
    assert schedule.makespan == pytest.approx((slices + stages - 1) * 3)
    busy = float((schedule.end - schedule.start).sum())
    idle = 1 - busy / (stages * schedule.makespan)
    assert idle == pytest.approx(pipeline_bubble_fraction(stages, slices, 1))


@pytest.mark.parametrize(("stages", "slices"), SHAPES)
def test_every_slice_once_forward_once_backward_on_every_stage(stages, slices):
    schedule = one_f_one_b(stages, slices)
    pieces = set(zip(schedule.stage.tolist(), schedule.piece.tolist(), schedule.backward.tolist(), strict=True))
    assert len(pieces) == len(schedule.stage) == 2 * stages * slices


@pytest.mark.parametrize(("stages", "slices"), SHAPES)
def test_a_stage_does_one_thing_at_a_time_and_waits_for_its_neighbours(stages, slices):
    schedule = one_f_one_b(stages, slices)
    done = {}
    for stage, piece, backward, start, end in zip(
        schedule.stage.tolist(),
        schedule.piece.tolist(),
        schedule.backward.tolist(),
        schedule.start.tolist(),
        schedule.end.tolist(),
        strict=True,
    ):
        done[stage, piece, backward] = (start, end)
    for (stage, piece, backward), (start, _) in done.items():
        before = (stage + 1, piece, True) if backward else (stage - 1, piece, False)
        if before in done:
            assert start >= done[before][1]
        if backward:
            assert start >= done[stage, piece, False][1]
    for stage in range(stages):
        mine = np.array(sorted(span for (which, _, _), span in done.items() if which == stage))
        assert (mine[1:, 0] >= mine[:-1, 1] - 1e-12).all()


def test_a_stage_holds_no_more_slices_than_stages_are_left():
    """What 1F1B is for: the first stage keeps at most p activations, whatever the number of slices."""
    schedule = one_f_one_b(4, 12)
    first = schedule.stage == 0
    events = sorted(zip(schedule.end[first].tolist(), np.where(schedule.backward[first], -1, 1).tolist(), strict=True))
    assert max(np.cumsum([change for _, change in events])) == 4


def test_thin_slices_shrink_the_bubble():
    thick, thin = one_f_one_b(8, 8), one_f_one_b(8, 16, 0.5, 1.0)
    assert thin.makespan - 24 == pytest.approx((thick.makespan - 24) / 2)


def test_no_work_is_an_empty_schedule():
    schedule = one_f_one_b(4, 0)
    assert schedule.makespan == 0
    assert len(schedule.stage) == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((0, 1), "stages"),
        ((1.5, 1), "stages"),
        ((1, -1), "slices"),
        ((1, 1, 0.0), "forward"),
        ((1, 1, 1.0, float("inf")), "backward"),
        ((1, 1, float("nan")), "forward"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        one_f_one_b(*arguments)


def test_the_shared_arrays_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        one_f_one_b(2, 2).start[0] = 5.0
