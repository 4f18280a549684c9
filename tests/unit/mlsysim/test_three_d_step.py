"""The composite training step against the course's table of layouts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from mlsysim.physics import layout_error, pipeline_bubble_fraction, three_d_step
from mlsysim.physics.three_d_step import ThreeDStep

GPT3: dict[str, Any] = {
    "params": 175e9,
    "layers": 96,
    "width": 12_288,
    "seq_len": 2048,
    "global_batch_seqs": 1024,
    "overlap_fraction": 1.0,
    "peak_flop_s": 989e12,
    "kernel_efficiency": 0.5,
    "intra_bandwidth_bytes_s": 450e9,
    "intra_latency_s": 1e-6,
    "inter_bandwidth_bytes_s": 50e9,
    "inter_latency_s": 2e-6,
}


def _step(
    tp: int, pp: int, b: float, zero: int, full: bool, v: int, rails: int, gpus: int = 1024, **changes: Any
) -> ThreeDStep:
    layout = {
        "tp": tp,
        "pp": pp,
        "dp": gpus / (tp * pp),
        "microbatch_seqs": b,
        "zero_stage": zero,
        "recompute": full,
        "interleave": v,
        "rails": rails,
    }
    return three_d_step(**{**GPT3, **layout, **changes})


@pytest.mark.parametrize(
    ("layout", "gigabytes", "seconds"),
    [
        ((1, 1, 1, 3, True, 1, 1), 15.7, 21.57),
        ((1, 1, 1, 1, False, 1, 1), 784.2, 15.44),
        ((1, 1, 1, 3, False, 1, 1), 92.2, 21.57),
        ((1, 1, 1, 3, True, 1, 8), 15.7, 5.798),
        ((8, 1, 1, 1, False, 1, 1), 99.8, 6.31),
        ((8, 8, 1, 1, False, 1, 1), 23.3, 5.710),
        ((8, 8, 1, 1, False, 2, 1), 27.7, 5.453),
        ((8, 8, 1, 1, False, 3, 1), 26.3, 5.378),
        ((8, 16, 1, 1, False, 2, 1), 22.6, 5.424),
        ((8, 1, 4, 3, False, 1, 1), 44.7, 5.355),
        ((4, 16, 1, 1, False, 3, 1), 39.9, 5.237),
        ((4, 8, 1, 1, False, 3, 2), 50.5, 5.119),
        ((16, 8, 1, 1, False, 1, 1), 12.7, 17.23),
    ],
)
def test_layouts_of_the_table(layout: tuple[Any, ...], gigabytes: float, seconds: float) -> None:
    step = _step(*layout)
    assert step.memory_bytes / 1e9 == pytest.approx(gigabytes, abs=0.06)
    assert step.step_s == pytest.approx(seconds, rel=1e-3)


def test_the_parallelism_paradox() -> None:
    slow = _step(1, 1, 4, 3, True, 1, 1, gpus=256)
    fast = _step(1, 1, 1, 3, True, 1, 1)
    assert slow.step_s / fast.step_s == pytest.approx(1.0753, rel=1e-4)


def test_terms_add_up() -> None:
    step = _step(8, 8, 1, 1, False, 3, 1)
    assert all(type(value) is float for value in asdict(step).values())
    assert step.step_s == pytest.approx(step.busy_s + step.bubble_s + step.exposed_s)
    assert step.busy_s == pytest.approx(step.compute_s + step.recompute_s + step.tensor_parallel_s + step.pipeline_s)
    assert step.bubble_fraction == pytest.approx(pipeline_bubble_fraction(8, 64, 3))
    assert step.memory_bytes == pytest.approx(
        step.state_bytes + step.gathered_bytes + step.activation_bytes + step.working_bytes
    )


def _all_layouts() -> np.ndarray[Any, np.dtype[np.int64]]:
    axes = ([1, 2, 4, 8, 16], [1, 2, 4, 8, 16, 32], [1, 2, 4, 8], [0, 1, 2, 3], [0, 1], [1, 2, 3], [1, 2, 4, 8])
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def test_the_feasible_region_is_that_of_the_course() -> None:
    """2,816 layouts to choose from, 772 run in memory, 25 of them meet nine days."""
    layouts = _all_layouts()
    layouts = layouts[layouts[:, 6] <= np.maximum(1, 8 // layouts[:, 0])]
    tp, pp, b, zero, full, v, rails = layouts.T
    step = three_d_step(
        **GPT3, tp=tp, pp=pp, dp=1024 / (tp * pp), microbatch_seqs=b, zero_stage=zero,
        recompute=full.astype(bool), interleave=v, rails=rails, on_invalid="nan",
    )  # fmt: skip
    possible = [
        layout_error(layers=96, pp=int(p), interleave=int(i), zero_stage=int(z)) is None
        for p, i, z in zip(pp, v, zero, strict=True)
    ]
    assert sum(possible) == 2816
    runs = step.memory_bytes <= 72e9 * (1 + 1e-9)
    days = 300e9 / (1024 * 2048) * step.step_s / 86_400
    assert int(runs.sum()) == 772
    assert int((runs & (days <= 9.0)).sum()) == 25
    best = np.nanargmin(np.where(runs, step.step_s, np.nan))
    assert layouts[best].tolist() == [4, 8, 1, 1, 0, 3, 2]


def test_a_map_equals_its_cells() -> None:
    tp = np.array([[1], [2], [4], [8], [16]])
    pp = np.array([1, 2, 4, 8, 16, 32])
    grid = three_d_step(
        **GPT3, tp=tp, pp=pp, dp=1024 / (tp * pp), microbatch_seqs=1, zero_stage=1, recompute=False,
        interleave=1, rails=1,
    )  # fmt: skip
    assert grid.step_s.shape == (5, 6)
    for i, t in enumerate(tp[:, 0]):
        for j, p in enumerate(pp):
            cell = asdict(_step(int(t), int(p), 1, 1, False, 1, 1))
            for name, value in asdict(grid).items():
                assert value[i, j] == pytest.approx(cell[name], rel=1e-12), name


def test_impossible_layouts() -> None:
    split = {"layers": 96, "pp": 8, "interleave": 1, "zero_stage": 1}
    assert layout_error(**split) is None
    assert "divide" in (layout_error(**{**split, "pp": 5}) or "")
    assert "zero_stage" in (layout_error(**{**split, "zero_stage": 2}) or "")
    assert "interleave" in (layout_error(**{**split, "pp": 1, "interleave": 2}) or "")
    batch = {"dp": 16, "microbatch_seqs": 1, "global_batch_seqs": 16}
    assert layout_error(**split, **batch) is None
    assert "microbatch_seqs" in (layout_error(**split, **{**batch, "dp": 17}) or "")


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        ((1, 1, 2, 3, True, 1, 1), "microbatch_seqs"),
        ((1, 8, 1, 3, True, 1, 1), "zero_stage"),
        ((1, 1, 1, 1, True, 2, 1), "interleave"),
        ((1, 32, 1, 1, True, 2, 1), "divide"),
    ],
)
def test_impossible_layouts_raise_or_stay_empty(layout: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        _step(*layout)
    assert np.isnan(_step(*layout, on_invalid="nan").step_s)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("params", -1.0), ("kernel_efficiency", 1.5), ("overlap_fraction", 2.0), ("inter_bandwidth_bytes_s", 0.0)],
)
def test_bad_numbers_are_refused(argument: str, value: float) -> None:
    with pytest.raises(ValueError, match=argument.removeprefix("inter_")):
        _step(8, 8, 1, 1, False, 1, 1, **{argument: value})
    with pytest.raises(ValueError, match="on_invalid"):
        _step(8, 8, 1, 1, False, 1, 1, on_invalid="ignore")
