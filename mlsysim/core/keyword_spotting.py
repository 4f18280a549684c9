"""The published zoo of keyword-spotting networks: four families in three sizes, as trained for microcontrollers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mlsysim.core import constants as c

#: Where accuracy, memory and operations come from.
SOURCE = c.HELLO_EDGE


@dataclass(frozen=True, slots=True)
class KeywordNetwork:
    """One network of the zoo.

    Attributes:
        name: what students read.
        family: kind of network.
        accuracy_pct: test accuracy on twelve classes of Speech Commands (%).
        bytes_int8: weights and activations at one byte per value (B).
        ops: operations of one inference on a window of one second; a multiply-add counts two.
    """

    name: str
    family: str
    accuracy_pct: float
    bytes_int8: float
    ops: float


def _network(family: str, size: str, accuracy_pct: float, bytes_int8: float, ops: float) -> KeywordNetwork:
    return KeywordNetwork(f"{family}-{size.upper()}", family, accuracy_pct, bytes_int8, ops)


#: Every network by id: "dnn_s" to "dscnn_l".
ZOO: Mapping[str, KeywordNetwork] = MappingProxyType(
    {
        "dnn_s": _network("DNN", "s", 84.6, 80.0e3, 158.8e3),
        "dnn_m": _network("DNN", "m", 86.4, 199.4e3, 397.0e3),
        "dnn_l": _network("DNN", "l", 86.7, 496.6e3, 990.2e3),
        "cnn_s": _network("CNN", "s", 91.6, 79.0e3, 5.0e6),
        "cnn_m": _network("CNN", "m", 92.2, 199.4e3, 17.3e6),
        "cnn_l": _network("CNN", "l", 92.7, 497.8e3, 25.3e6),
        "crnn_s": _network("CRNN", "s", 94.0, 79.7e3, 3.0e6),
        "crnn_m": _network("CRNN", "m", 94.4, 199.8e3, 7.6e6),
        "crnn_l": _network("CRNN", "l", 95.0, 499.5e3, 19.3e6),
        "dscnn_s": _network("DS-CNN", "s", c.DSCNN_S_ACCURACY.value, c.DSCNN_S_BYTES.value, c.DSCNN_S_OPS.value),
        "dscnn_m": _network("DS-CNN", "m", c.DSCNN_M_ACCURACY.value, c.DSCNN_M_BYTES.value, c.DSCNN_M_OPS.value),
        "dscnn_l": _network("DS-CNN", "l", c.DSCNN_L_ACCURACY.value, c.DSCNN_L_BYTES.value, c.DSCNN_L_OPS.value),
    }
)
