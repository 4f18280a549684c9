"""The standard normal distribution for arrays: probability below a value, and the value below which a share lies."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mlsysim.physics.registry import Real

_erfc = np.vectorize(math.erfc, otypes=[np.float64])
_inverse = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])


def normal_cdf(x: Real) -> npt.NDArray[np.float64]:
    """Probability that a standard normal variable is below `x`; keeps its digits in the lower tail."""
    return np.asarray(0.5 * _erfc(np.negative(x) / math.sqrt(2.0)))


def normal_quantile(probability: Real) -> npt.NDArray[np.float64]:
    """The value below which a standard normal variable lies with a probability above 0 and below 1."""
    return np.asarray(_inverse(probability))
