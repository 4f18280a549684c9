"""Checkpoint sizes and storage traffic."""

from __future__ import annotations

from mlsysim.physics.registry import NONNEGATIVE, Real, Result, Variable, formula


@formula(
    latex=r"C = P b",
    variables={
        "params": Variable("P", "parameter", "parameters of the model", NONNEGATIVE),
        "bytes_per_param": Variable("b", "B", "bytes saved per parameter", NONNEGATIVE),
    },
    result=Result("C", "B", "size of a checkpoint"),
    validity="Model and optimizer state; data-loader state and metadata are negligible. 14 B with master "
    "weights "
    "and two moments, gradients not saved.",
    source="Rajbhandari et al. 2020 (state per parameter).",
)
def checkpoint_bytes(params: Real, bytes_per_param: Real) -> Real:
    """Size of one checkpoint."""
    return params * bytes_per_param
