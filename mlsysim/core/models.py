"""The models of the course: sizes, shapes and work per item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mlsysim.core import constants as c


@dataclass(frozen=True, slots=True)
class Model:
    """One model.  What is not known or has no meaning for its kind is None.

    Attributes:
        name: what students read.
        params: parameters.
        source: the primary source.
        layers: transformer layers.
        width: model width.
        heads: attention (query) heads.
        kv_heads: key-value heads.
        head_dim: width of one head.
        ffn_width: width of the feed-forward layer.
        flops_per_item: forward pass (FLOP) of one image, window or token.
        activations_per_item: values that the layers of one item write.
        bytes_int8: resident size at 8 bits (B), where it was published.
    """

    name: str
    params: float
    source: str
    layers: int | None = None
    width: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    ffn_width: int | None = None
    flops_per_item: float | None = None
    activations_per_item: float | None = None
    bytes_int8: float | None = None


def _decoder(
    name: str,
    params: float,
    source: str,
    *,
    layers: float,
    width: float,
    heads: float,
    kv_heads: float | None = None,
    ffn_width: float | None = None,
) -> Model:
    """A decoder: head width from width and heads, two operations per weight and token."""
    return Model(
        name=name,
        params=params,
        source=source,
        layers=int(layers),
        width=int(width),
        heads=int(heads),
        kv_heads=int(heads if kv_heads is None else kv_heads),
        head_dim=int(width // heads),
        ffn_width=None if ffn_width is None else int(ffn_width),
        flops_per_item=2.0 * params,
    )


class Language:
    """Language models; the item is a token."""

    GPT2Medium = _decoder("GPT-2 Medium", 355e6, c.RADFORD, layers=24, width=1024, heads=16)
    GPT2XL = _decoder(
        "GPT-2 XL",
        c.GPT2XL_PARAMS.value,
        c.RADFORD,
        layers=c.GPT2XL_LAYERS.value,
        width=c.GPT2XL_WIDTH.value,
        heads=c.GPT2XL_HEADS.value,
    )
    GPT3_175B = _decoder(
        "GPT-3 175B",
        c.GPT3_175B_PARAMS.value,
        c.BROWN,
        layers=c.GPT3_175B_LAYERS.value,
        width=c.GPT3_175B_WIDTH.value,
        heads=96,
    )
    BERTBase = _decoder(
        "BERT-Base",
        c.BERT_PARAMS.value,
        c.DEVLIN,
        layers=c.BERT_LAYERS.value,
        width=c.BERT_WIDTH.value,
        heads=c.BERT_HEADS.value,
    )
    Llama2_7B = _decoder(
        "Llama-2 7B",
        c.LLAMA2_7B_PARAMS.value,
        c.TOUVRON,
        layers=c.LLAMA2_7B_LAYERS.value,
        width=c.LLAMA2_7B_WIDTH.value,
        heads=c.LLAMA2_7B_KV_HEADS.value,
        ffn_width=c.LLAMA2_7B_FFN.value,
    )
    Llama2_13B = _decoder(
        "Llama-2 13B",
        c.LLAMA2_13B_PARAMS.value,
        c.TOUVRON,
        layers=c.LLAMA2_13B_LAYERS.value,
        width=c.LLAMA2_13B_HEADS.value * c.LLAMA2_13B_HEAD_DIM.value,
        heads=c.LLAMA2_13B_HEADS.value,
    )
    Llama2_70B = _decoder(
        "Llama-2 70B",
        c.PARAMS_70B.value,
        c.TOUVRON,
        layers=c.PARAMS_70B_LAYERS.value,
        width=c.PARAMS_70B_WIDTH.value,
        heads=64,
        kv_heads=c.PARAMS_70B_KV_HEADS.value,
    )
    Llama3_8B = _decoder(
        "Llama-3.1 8B",
        c.LLAMA31_8B_PARAMS.value,
        c.META,
        layers=c.LLAMA31_8B_LAYERS.value,
        width=4096,
        heads=32,
        kv_heads=c.LLAMA31_8B_KV_HEADS.value,
        ffn_width=14_336,
    )
    Llama3_70B = _decoder(
        "Llama-3.1 70B",
        c.LLAMA31_70B_PARAMS.value,
        c.META,
        layers=c.LLAMA31_70B_LAYERS.value,
        width=c.LLAMA31_70B_WIDTH.value,
        heads=c.LLAMA31_70B_HEADS.value,
        kv_heads=c.LLAMA31_70B_KV_HEADS.value,
        ffn_width=28_672,
    )
    Llama3_405B = _decoder(
        "Llama-3.1 405B", 405e9, c.META, layers=126, width=16_384, heads=128, kv_heads=8, ffn_width=53_248
    )


class Vision:
    """Image classifiers; the item is a 224 x 224 image."""

    ResNet50 = Model(
        name="ResNet-50",
        params=c.RESNET50_PARAMS.value,
        source=f"He et al. 2016; {c.TORCHVISION}; activations: Radosavovic et al. 2020",
        flops_per_item=c.RESNET50_FLOPS.value,
        activations_per_item=11.1e6,
    )
    MobileNetV2 = Model(
        name="MobileNetV2",
        params=3_504_872.0,
        source=f"Sandler et al. 2018; {c.TORCHVISION}",
        flops_per_item=c.MOBILENETV2_FLOPS.value,
    )


class Models:
    """The registry: ``Models.Language.Llama3_8B``, ``Models.Vision.ResNet50``, ``Models.all()``."""

    Language = Language
    Vision = Vision

    @staticmethod
    def all() -> Mapping[str, Model]:
        """Every model by name."""
        return _models


_models: Mapping[str, Model] = MappingProxyType(
    {model.name: model for kind in (Language, Vision) for model in vars(kind).values() if isinstance(model, Model)}
)
