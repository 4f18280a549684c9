"""A convolutional pyramid: side halves and channels double from stage to stage; its values, weights and arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import COUNT, NONNEGATIVE, POSITIVE, Real, Result, Variable, formula

RESOLUTION = Variable("S", "px", "side of the square input", COUNT)
CHANNELS = Variable("C", "1", "channels of the first stage", COUNT)
STAGES = Variable("m", "1", "stages", COUNT, structural=True)
KERNEL = Variable("k", "1", "side of the square kernel", COUNT)
INPUT_CHANNELS = Variable("c_0", "1", "channels of the input", COUNT)
SOURCE = "Pyramid of VGG and ResNet: Simonyan and Zisserman 2014; He et al. 2016."


def _grid(stages: Real) -> npt.NDArray[np.float64]:
    """2^0, 2^1, ... per stage: what the side is divided by and the channels are multiplied by."""
    scale: npt.NDArray[np.float64] = np.exp2(np.arange(int(stages), dtype=np.float64))
    return scale


def _rows(*arguments: Real) -> list[Any]:
    """The arguments broadcast together, with a last axis for the stages."""
    return [np.expand_dims(value, -1) for value in np.broadcast_arrays(*arguments)]


def _require_divisible(resolution_px: Real, stages: Real) -> None:
    step = 2 ** (int(stages) - 1)
    odd = np.asarray(resolution_px % step != 0)
    if odd.any():
        worst = np.broadcast_to(resolution_px, odd.shape)[odd].flat[0]
        raise ValueError(f"resolution_px must be a multiple of {step} for {int(stages)} stages, got {worst:g}")


def _stage_values(side: Any, channels: Any, stages: Real) -> Any:
    scale = _grid(stages)
    return (side / scale) ** 2 * channels * scale


@formula(
    latex=r"n_i = \left(\frac{S}{2^{i-1}}\right)^2 C\,2^{i-1}, \quad i = 1 \ldots m, \qquad n_0 = S^2 c_0",
    variables={"resolution_px": RESOLUTION, "channels": CHANNELS, "stages": STAGES, "input_channels": INPUT_CHANNELS},
    result=Result("n_i", "value", "values per image of the input and of each stage", kind="vector"),
    validity="The side halves without remainder: S is a multiple of 2^(m-1).",
    source=SOURCE,
)
def pyramid_values(resolution_px: Real, channels: Real, stages: Real = 6, input_channels: Real = 3) -> Real:
    """Values of the input (first) and of every stage, per image."""
    _require_divisible(resolution_px, stages)
    side, width, first = _rows(resolution_px, channels, input_channels)
    return np.concatenate([side**2 * first, _stage_values(side, width, stages)], axis=-1)


@formula(
    latex=r"w_i = k^2 c_{i-1} c_i, \quad c_i = C\,2^{i-1}",
    variables={"channels": CHANNELS, "stages": STAGES, "kernel": KERNEL, "input_channels": INPUT_CHANNELS},
    result=Result("w_i", "weight", "weights of each stage", kind="vector"),
    validity="One convolution per stage; biases are left out.",
    source=SOURCE,
)
def pyramid_weights(channels: Real, stages: Real = 6, kernel: Real = 3, input_channels: Real = 3) -> Real:
    """Weights of every stage."""
    width, side, first = _rows(channels, kernel, input_channels)
    out = width * _grid(stages)
    return side**2 * np.concatenate([first, out[..., :-1]], axis=-1) * out


@formula(
    latex=r"\mathrm{MAC}_i = n_i k^2 c_{i-1}, \quad c_i = C\,2^{i-1}",
    variables={
        "resolution_px": RESOLUTION,
        "channels": CHANNELS,
        "stages": STAGES,
        "kernel": KERNEL,
        "input_channels": INPUT_CHANNELS,
    },
    result=Result(r"\mathrm{MAC}_i", "1", "multiply-accumulates of each stage per image", kind="vector"),
    validity="One convolution per stage, borders padded; a multiply-accumulate is two operations.",
    source=SOURCE,
)
def pyramid_macs(
    resolution_px: Real, channels: Real, stages: Real = 6, kernel: Real = 3, input_channels: Real = 3
) -> Real:
    """Multiply-accumulates of every stage, per image."""
    _require_divisible(resolution_px, stages)
    side, width, square, first = _rows(resolution_px, channels, kernel, input_channels)
    before = np.concatenate([first, (width * _grid(stages))[..., :-1]], axis=-1)
    return _stage_values(side, width, stages) * square**2 * before


VALUES = Variable("n_i", "value", "values per image of the input and of each layer", NONNEGATIVE, vector=True)
WEIGHTS = Variable("w", "weight", "weights of all layers", NONNEGATIVE)
BATCH = Variable("B", "1", "images", NONNEGATIVE)
BYTES = Variable("b", "B", "bytes per value", POSITIVE)


@formula(
    latex=r"M = w b + B b \max_i \left(n_{i-1} + n_i\right)",
    variables={"weights": WEIGHTS, "values_per_image": VALUES, "batch": BATCH, "bytes_per_value": BYTES},
    result=Result("M", "B", "device memory of inference"),
    validity="Rolling buffers: only the input and the output of one layer live at a time. No workspace.",
    source="Memory: training versus inference (course, Neural Computation).",
)
def cnn_inference_memory(weights: Real, values_per_image: Real, batch: Real, bytes_per_value: Real) -> Real:
    """Weights and the largest neighbouring pair of activations."""
    values = np.asarray(values_per_image)
    pair = values[..., :-1] + values[..., 1:] if values.shape[-1] > 1 else values
    return bytes_per_value * (weights + batch * pair.max(axis=-1))


@formula(
    latex=r"M = 2 w b + B b \sum_i n_i",
    variables={"weights": WEIGHTS, "values_per_image": VALUES, "batch": BATCH, "bytes_per_value": BYTES},
    result=Result("M", "B", "device memory of training, without an optimizer"),
    validity="Weights, gradients, and every activation kept for the backward pass; optimizer state is not counted.",
    source="Memory: training versus inference (course, Neural Computation).",
)
def cnn_training_memory(weights: Real, values_per_image: Real, batch: Real, bytes_per_value: Real) -> Real:
    """Weights, gradients and all activations."""
    return bytes_per_value * (2.0 * weights + batch * np.asarray(values_per_image).sum(axis=-1))
