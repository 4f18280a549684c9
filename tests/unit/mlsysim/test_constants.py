"""Constants, units and models."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from mlsysim.core import constants
from mlsysim.core.constants import CONSTANTS
from mlsysim.core.models import Models
from mlsysim.core.provenance import Constant, Kind
from mlsysim.core.units import ureg


@pytest.mark.parametrize("name", sorted(CONSTANTS))
def test_every_constant_has_unit_source_and_kind(name: str) -> None:
    constant = CONSTANTS[name]
    assert constant.name == name
    assert getattr(constants, name) is constant
    assert constant.quantity.magnitude == constant.value == float(constant)
    assert constant.source.strip()
    assert constant.section.strip()
    assert constant.kind in get_args(Kind)
    assert math.isfinite(constant.value)
    assert constant.value > 0


def test_names_of_the_course() -> None:
    assert constants.H100_FLOPS_FP16_TENSOR.value == 989e12
    assert constants.H100_FLOPS_FP16_TENSOR_SPARSE.value == 1979e12
    assert constants.H100_FLOPS_INT8_TENSOR.value == 1979e12
    assert constants.H100_INT8_TWICE_FP16.value == 1978e12
    assert constants.H100_MEM_BW.value == 3.35e12
    assert constants.H100_TDP.value == 700
    assert constants.ORIN_NX_FP16_DENSE.value == 25e12
    assert constants.ORIN_NX_INT8_DENSE.value == 50e12
    assert constants.MOBILE_NPU_MEM_BW.value == 68e9
    assert constants.MCU_SRAM.value == 262_144
    assert constants.MCU_SRAM_USABLE.value == 256_000
    assert constants.IMAGE_UINT8.value == 150_528
    assert constants.KV_TOKEN_7B.value == 524_288
    assert constants.KV_TOKEN_70B.value == 327_680
    assert constants.LLAMA3_GPU_MTBF_H.value == pytest.approx(50_677, abs=0.5)
    assert constants.RESNET50_H100_FED.value == pytest.approx(7237, abs=0.5)
    assert constants.E_DRAM.quantity.to("pJ/B").magnitude == pytest.approx(160)


def test_the_mapping_is_read_only() -> None:
    with pytest.raises(TypeError):
        CONSTANTS["H100_TDP"] = constants.A100_TDP  # type: ignore[index]
    with pytest.raises(AttributeError):
        constants.H100_TDP.value = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "furlong"}, "cannot be parsed"),
        ({"value": math.nan}, "finite"),
        ({"kind": "rumour"}, "kind"),
        ({"source": " "}, "source must not be empty"),
        ({"meaning": ""}, "meaning must not be empty"),
    ],
)
def test_a_constant_without_provenance_is_refused(change: dict[str, object], message: str) -> None:
    good: dict[str, object] = {
        "name": "X",
        "value": 1.0,
        "unit": "W",
        "meaning": "m",
        "source": "s",
        "section": "c",
        "kind": "paper",
    }
    Constant(**good)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        Constant(**{**good, **change})  # type: ignore[arg-type]


def test_information_operations_and_money_are_dimensions() -> None:
    assert ureg.Quantity("3.35 TB/s").to("B/s").magnitude == pytest.approx(3.35e12)
    assert ureg.Quantity("400 Gb/s").to("GB/s").magnitude == pytest.approx(50)
    assert ureg.Quantity("256 KiB").to("B").magnitude == 262_144
    assert ureg.Quantity("100 TOPS").to("FLOP/s").magnitude == pytest.approx(1e14)
    for text, unit in (("3.35 THz", "B/s"), ("1 USD", "B"), ("1 FLOP", "B"), ("1 W", "J")):
        assert not ureg.Quantity(text).check(ureg.Quantity(f"1 {unit}").dimensionality)


def test_models() -> None:
    language = Models.Language
    assert language.Llama3_8B.params == 8.03e9
    assert language.Llama3_70B.head_dim == language.Llama3_8B.head_dim == language.Llama3_405B.head_dim == 128
    assert (language.GPT2XL.layers, language.GPT2XL.width, language.GPT2XL.heads) == (48, 1600, 25)
    assert language.GPT3_175B.flops_per_item == 350e9
    assert language.GPT2Medium.kv_heads == language.GPT2Medium.heads == 16
    assert Models.Vision.MobileNetV2.flops_per_item == 0.6e9
    for name, model in Models.all().items():
        assert name == model.name
        assert model.source
        assert model.params > 0
        if model.layers is not None:
            # Twelve widths squared per layer and the vocabulary: right to the size class.
            assert model.width is not None
            assert 0.5 < model.params / (12 * model.layers * model.width**2) < 1.5
