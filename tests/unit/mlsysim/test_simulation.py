"""The seeded training run with failures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlsysim.physics import (
    TrainingRun,
    async_checkpoint_overhead,
    goodput_exact,
    goodput_first_order,
    simulate_training_run,
)

DAYS_54 = 54 * 86_400.0
MTBF = 11_135.08
SYNC: dict[str, Any] = {
    "duration_s": DAYS_54,
    "mtbf_s": MTBF,
    "interval_s": 3600.0,
    "pause_or_write_s": 56.7,
    "drain_s": 0.0,
    "restart_s": 416.7,
    "mode": "sync",
}
ASYNC = {**SYNC, "interval_s": 240.0, "pause_or_write_s": 2.0, "drain_s": 56.7, "mode": "async"}


def _mean_goodput(arguments: dict[str, Any]) -> float:
    return float(np.mean([simulate_training_run(**arguments, seed=seed).goodput for seed in range(80)]))


def test_synchronous_runs_reach_the_exact_goodput() -> None:
    assert _mean_goodput(SYNC) == pytest.approx(goodput_exact(3600, 56.7, 416.7, MTBF), abs=4e-3)


def test_asynchronous_runs_reach_the_first_order_goodput() -> None:
    overhead = async_checkpoint_overhead(240, 2.0, 56.7, MTBF)
    assert _mean_goodput(ASYNC) == pytest.approx(goodput_first_order(overhead, 416.7, MTBF), abs=4e-3)


@pytest.mark.parametrize("arguments", [SYNC, ASYNC], ids=["sync", "async"])
def test_the_curve_is_a_possible_run(arguments: dict[str, Any]) -> None:
    run = simulate_training_run(**arguments, seed=7)
    assert run.time_s[0] == run.useful_s[0] == 0.0
    assert run.time_s[-1] == DAYS_54
    assert np.all(np.diff(run.time_s) >= 0)
    assert np.all(run.useful_s >= 0)
    # Work never grows faster than time (slope 1), and falls only at failures.
    gained, passed = np.diff(run.useful_s), np.diff(run.time_s)
    assert np.all(gained <= passed + 1e-6)
    falls = run.time_s[1:][gained < 0]
    assert set(falls.tolist()) <= set(run.failures_s.tolist())


def _equal(first: TrainingRun, second: TrainingRun) -> bool:
    return np.array_equal(first.time_s, second.time_s) and np.array_equal(first.useful_s, second.useful_s)


def test_a_seed_is_a_run() -> None:
    first = simulate_training_run(**SYNC, seed=3)
    assert _equal(first, simulate_training_run(**SYNC, seed=3))
    assert not _equal(first, simulate_training_run(**SYNC, seed=4))


def test_without_failures_only_the_saves_cost() -> None:
    run = simulate_training_run(1000.0, 1e15, 100.0, 25.0, 0.0, 60.0, "sync", 0)
    assert run.failures_s.size == 0
    assert run.useful_s[-1] == 800.0


def test_failures_faster_than_restarts_leave_nothing() -> None:
    run = simulate_training_run(1e5, 10.0, 1000.0, 1.0, 0.0, 1000.0, "sync", 0)
    assert run.useful_s[-1] < 200.0
    assert run.time_s[-1] == 1e5


def test_a_snapshot_protects_only_once_it_is_drained() -> None:
    instant = simulate_training_run(**{**ASYNC, "drain_s": 0.0}, seed=1)
    slow = simulate_training_run(**{**ASYNC, "drain_s": 240.0}, seed=1)
    assert slow.useful_s[-1] < instant.useful_s[-1]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("duration_s", 0.0),
        ("mtbf_s", -1.0),
        ("interval_s", float("nan")),
        ("pause_or_write_s", -1.0),
        ("drain_s", float("inf")),
        ("drain_s", 241.0),
        ("restart_s", -1.0),
        ("mode", "lazy"),
    ],
)
def test_bad_arguments(argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=argument):
        simulate_training_run(**{**ASYNC, argument: value}, seed=0)


@pytest.mark.parametrize("arguments", [SYNC, ASYNC, {**SYNC, "interval_s": 64_800.0}], ids=["sync", "async", "rare"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_without_detail_the_same_run_has_corners_at_failures_and_restarts_only(
    arguments: dict[str, Any], seed: int
) -> None:
    fine = simulate_training_run(**arguments, seed=seed)
    coarse = simulate_training_run(**arguments, seed=seed, detail=False)
    assert coarse.goodput == fine.goodput
    assert np.array_equal(coarse.failures_s, fine.failures_s)
    assert len(coarse.time_s) <= 4 * len(coarse.failures_s) + 4
    corners = {*zip(fine.time_s.tolist(), fine.useful_s.tolist(), strict=True)}
    assert {*zip(coarse.time_s.tolist(), coarse.useful_s.tolist(), strict=True)} <= corners
