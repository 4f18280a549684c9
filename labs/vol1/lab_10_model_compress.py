"""V1-10 The Compression Frontier.

Act I: rounding noise that grows 66,568 times, and a network that hardly notices. Act II: a 7B model on a phone and on
an H100, where a technique helps by the bytes that it takes out of what binds, and by no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np

from components.controls import choice, slider
from components.instruments.compression import (
    Curve,
    Family,
    compression_frontier,
    noise_ruler,
    quality_cliff,
    relative_bars,
    rounding_fan,
)
from components.instruments.layers import Plot
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric, held
from components.quantity import counted, number, percent, plain, quantity
from labs.base import (
    Act,
    ChoicePrediction,
    Constraint,
    Context,
    Failure,
    Lab,
    Message,
    NumberPrediction,
    Option,
    Peek,
    Question,
    Reading,
    Table,
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.provenance import Constant

MOBILE = Context("mobile", "Mobile", "mobile", "A phone with an NPU, one user, offline.")
CLOUD = Context("cloud", "Cloud", "cloud", "One H100 that serves many chats at once.")

FREE_LUNCH = "Model Compression, free-lunch figure (curves called illustrative there)"
OMNIQUANT = "Shao et al. 2024 (OmniQuant), weight-only table, round to nearest, WikiText-2"
WANDA = "Sun et al. 2024 (Wanda), results table, context 4,096, no retraining"
HOROWITZ = "Horowitz 2014; 45 nm"

GROUP_128 = scenario("group_128", 128, "count", "weights that share one scale", "Lin et al. 2024 (AWQ)", "paper")
GROUP_4096 = scenario(
    "group_4096", 4096, "count", "weights that share one scale: a row of the 7B model", "Touvron et al. 2023", "paper"
)
SCALE_BITS = scenario("scale_bits", 16, "bit", "a stored scale", "Model Compression", "chapter")
INDEX_BITS = scenario("index_bits", 16, "bit", "position of a surviving weight", "Model Compression", "chapter")
BERT_MACS = scenario(
    "bert_macs",
    11e9,
    "count",
    "multiply-accumulates of BERT-Base on 128 tokens (22 GFLOP)",
    "Devlin et al. 2019",
    "paper",
)
E_MAC_FP32 = scenario("e_mac_fp32", 4.6e-12, "J", "FP32 multiply 3.7 and add 0.9 pJ", HOROWITZ, "paper")
E_MAC_FP16 = scenario("e_mac_fp16", 1.5e-12, "J", "FP16 multiply 1.1 and add 0.4 pJ", HOROWITZ, "paper")
E_MAC_INT8 = scenario(
    "e_mac_int8",
    0.23e-12,
    "J",
    "INT8 multiply 0.2 and add 0.03 pJ; narrower weights are unpacked to 8 bits",
    HOROWITZ,
    "paper",
)
STORE_LIMIT = scenario("store_limit", 30e6, "B", "largest download that the app store allows", "the lab's scenario")

#: Quality against bits of the two networks of the chapter's figure.
CNN_TOP1 = {
    bits: scenario(
        f"resnet50_top1_{bits}bit", top1, "percent", f"top-1 of ResNet-50 at {bits} bits", FREE_LUNCH, "chapter"
    )
    for bits, top1 in {32: 76.1, 16: 76.1, 8: 76.0, 4: 74.5, 3: 55.0, 2: 10.0}.items()
}
BERT_SCORE = {
    bits: scenario(f"bert_score_{bits}bit", score, "percent", f"score of BERT at {bits} bits", FREE_LUNCH, "chapter")
    for bits, score in {32: 84.0, 16: 84.0, 8: 83.5, 4: 78.0, 3: 40.0, 2: 10.0}.items()
}
#: Perplexity of Llama-2-7B on WikiText-2 against bits, for each size of the groups that share a scale.
PPL_REFERENCE = scenario(
    "ppl_reference", 5.47, "1", "perplexity of Llama-2-7B in FP16, context 2,048", OMNIQUANT, "paper"
)
PPL_CHANNEL = {
    8: scenario("ppl_4096_8bit", 5.48, "1", "8 bits, one scale per 4,096", "assumption: loss below 0.2 %"),
    4: scenario("ppl_4096_4bit", 6.11, "1", "4 bits, one scale per 4,096", OMNIQUANT, "paper"),
    3: scenario("ppl_4096_3bit", 539.48, "1", "3 bits, one scale per 4,096", OMNIQUANT, "paper"),
    2: scenario("ppl_4096_2bit", 38_000.0, "1", "2 bits, one scale per 4,096", OMNIQUANT, "paper"),
}
PPL_GROUP = {
    8: scenario(
        "ppl_128_8bit",
        5.4704,
        "1",
        "8 bits, groups of 128",
        "ratio 5.9070/5.9066 of the llama.cpp table (LLaMA 7B, Q8_0, blocks of 32), carried over",
        "paper",
    ),
    4: scenario("ppl_128_4bit", 5.72, "1", "4 bits, groups of 128", f"{OMNIQUANT}; Lin et al. 2024", "paper"),
    3: scenario("ppl_128_3bit", 6.66, "1", "3 bits, groups of 128", f"{OMNIQUANT}; Lin et al. 2024", "paper"),
    2: scenario("ppl_128_2bit", 4_200.0, "1", "2 bits, groups of 128", OMNIQUANT, "paper"),
}
#: Perplexities of pruned models, each with the dense model that it is measured against.
PPL_DENSE_4096 = scenario(
    "ppl_dense_context_4096", 5.12, "1", "perplexity of the dense model, context 4,096", WANDA, "paper"
)
PPL_UNSTRUCTURED = scenario("ppl_unstructured50", 6.42, "1", "half of the weights pruned anywhere", WANDA, "paper")
PPL_TWO_FOUR = scenario("ppl_two_four", 10.17, "1", "two of every four weights pruned", WANDA, "paper")
PPL_STRUCTURED = scenario(
    "ppl_structured25",
    7.24,
    "1",
    "25 % of the rows and columns removed, no retraining",
    "Ashkboos et al. 2024 (SliceGPT), calibrated on WikiText-2",
    "paper",
)
KV8_RETENTION = scenario(
    "kv8_retention", 0.999, "1", "quality with an 8-bit KV cache", "published 8-bit caches show no measurable loss"
)
COLLAPSE = scenario("collapse", 0.5, "1", "retention below which a model is unusable", "perplexity has doubled")
LUNCH_LOSS = scenario("lunch_loss", 1.0, "percent", "loss that counts as free", "Wu et al. 2020", "paper")
SPARSE_RATE = scenario(
    "sparse_rate", 2, "1", "arithmetic rate in 2:4 form over dense", "NVIDIA H100 data sheet", "datasheet"
)

CLOUD_TOKENS = scenario("cloud_context", 2048, "token", "history of a chat", "typical length")
MOBILE_TOKENS = scenario("mobile_context", 512, "token", "a short assistant turn", "typical length")
CLOUD_TARGET = scenario("cloud_target", 5500, "token/s", "rate that finance asks for", "2.14 times the FP16 baseline")
CLOUD_QUALITY = scenario("cloud_quality", 0.99, "1", "least quality of the service", "serving contract")
CLOUD_STEP = scenario("cloud_step_s", 50e-3, "s", "longest step", "20 tokens per second for every user")
MOBILE_STEP = scenario("mobile_step_s", 60e-3, "s", "longest step", "16.7 tokens/s, faster than reading")
MOBILE_QUALITY = scenario("mobile_quality", 0.95, "1", "least quality of the app", "release criterion")
BATCH_MAX = scenario("batch_max", 256, "count", "largest batch of the slider", "beyond any batch that fits")
LPDDR5_BW = scenario("lpddr5_bw", 51.2e9, "B/s", "a 64-bit interface of LPDDR5-6400", "JEDEC JESD209-5", "datasheet")

MACS_7B = c.PARAMS_7B.value
FLOP_PER_MAC = 2
BITS = (32, 16, 8, 4, 3, 2)
GRIDS = (16, 8, 4, 3, 2)
FLOAT_BITS = 16
GROUPS = {"group128": int(GROUP_128.value), "per_channel": int(GROUP_4096.value)}
GRANULARITIES = {"group128": "one scale per 128 weights", "per_channel": "one per 4,096"}
FORMATS = {32: "FP32", 16: "FP16", 8: "INT8", 4: "INT4", 3: "INT3", 2: "INT2"}
#: Energy of a multiply and an add (J); from 8 bits down that of INT8.
MAC_ENERGY = {32: E_MAC_FP32.value, 16: E_MAC_FP16.value}

#: A group of 128 weights as it is expected: the quantiles of a normal distribution.
WEIGHTS = np.array([NormalDist().inv_cdf((k + 0.5) / GROUP_128.value) for k in range(int(GROUP_128.value))])
REACH = 4.1


@dataclass(frozen=True)
class Network:
    """A model of Act I: its name, weights, multiply-accumulates of an inference, and what its quality is called."""

    name: str
    params: float
    macs: float
    measure: str


NETWORKS = {
    "resnet50": Network("ResNet-50", c.RESNET50_PARAMS.value, c.RESNET50_FLOPS.value / FLOP_PER_MAC, "top-1"),
    "bert_base": Network("BERT-Base", c.BERT_PARAMS.value, BERT_MACS.value, "task score"),
    "llm_7b": Network("7B language model", c.PARAMS_7B.value, MACS_7B, "perplexity kept"),
}


@cache
def crest(granularity: str) -> float:
    """Largest magnitude to expect in a group, in standard deviations."""
    return physics.gaussian_crest_factor(GROUPS[granularity])


@cache
def sqnr(bits: int, granularity: str) -> float:
    """Weights over rounding noise on an integer grid (dB)."""
    return physics.quantization_sqnr_db(bits, crest(granularity))


@cache
def perplexity_kept(bits: int, granularity: str) -> float:
    """Share of the 7B model's quality at a width; formats of 16 bits and more lose nothing."""
    table = PPL_GROUP if granularity == "group128" else PPL_CHANNEL
    measured = PPL_REFERENCE if bits >= FLOAT_BITS else table[bits]
    return physics.quality_retention(PPL_REFERENCE.value, measured.value)


def quality_pct(model: str, bits: int, granularity: str) -> float:
    """Quality of a network (%): its figure's curve, or for the language model the share of perplexity kept."""
    if model == "llm_7b":
        return 100 * perplexity_kept(bits, granularity)
    return (CNN_TOP1 if model == "resnet50" else BERT_SCORE)[bits].value


def pct(value: float) -> str:
    """A percentage with one decimal, or two digits where that would read zero."""
    return f"{value:.1f}" if value >= 0.1 else plain(value, 2)


def mac_energy(bits: int) -> float:
    """Energy of one multiply and add (J)."""
    return MAC_ENERGY.get(bits, E_MAC_INT8.value)


@dataclass(frozen=True)
class FormatOutcome:
    """One network in one number format: what it stores, how long it takes to read, how good it is, what it costs."""

    bits_per_weight: float
    weight_bytes: float
    weight_read_ms: float
    sqnr_db: float | None
    quality_pct: float
    energy_mj: float
    energy_gain_vs_fp32: float
    arithmetic_mj: float
    fetching_mj: float


@lru_cache(maxsize=512)
def in_format(context: str, model: str, bits: int, granularity: str) -> FormatOutcome:
    """The outcome of Act I, kept: six formats of it stand in a table."""
    network = NETWORKS[model]

    def energy(bits: int, weight_bytes: float) -> float:
        return physics.inference_energy_j(network.macs, mac_energy(bits), weight_bytes, c.E_DRAM.value)

    each = physics.quantized_bits_per_weight(bits, GROUPS[granularity], SCALE_BITS.value)
    stored = physics.quantized_bytes(network.params, each)
    spent, at_32 = energy(bits, stored), energy(32, physics.quantized_bytes(network.params, 32))
    return FormatOutcome(
        bits_per_weight=each,
        weight_bytes=stored,
        weight_read_ms=1e3 * stored / SITES[context].bandwidth,
        sqnr_db=sqnr(bits, granularity) if bits < FLOAT_BITS else None,
        quality_pct=quality_pct(model, bits, granularity),
        energy_mj=1e3 * spent,
        energy_gain_vs_fp32=at_32 / spent,
        arithmetic_mj=1e3 * energy(bits, 0.0),
        fetching_mj=1e3 * (spent - energy(bits, 0.0)),
    )


class FewerBits(Act):
    """Act I: what is left of a network after INT8."""

    title = "66,568 times the noise"
    minutes = 13

    model = choice(
        "Network",
        {name: network.name for name, network in NETWORKS.items()},
        "resnet50",
        widget="select",
        reason="a CNN, an encoder and a decoder",
    )
    bits = choice(
        "Bits of a weight",
        {bits: name for bits, name in FORMATS.items()},
        32,
        widget="select",
        reason="storage formats of the chapter's figure",
    )
    granularity = choice(
        "Granularity",
        GRANULARITIES,
        "group128",
        reason="published group size, and one row of the 7B model",
    )

    @classmethod
    def compute(cls, context: str, *, model: str, bits: int, granularity: str) -> FormatOutcome:
        return in_format(context, model, bits, granularity)

    @classmethod
    def asked(cls) -> FormatOutcome:
        """The case of the question: ResNet-50 in INT8."""
        return in_format("mobile", "resnet50", 8, "group128")

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        at_32 = in_format("mobile", "resnet50", 32, "group128")
        return Message(
            "Mobile team lead, a field-inspection app",
            f"Our ResNet-50 is **{at_32.weight_bytes / 1e6:.0f} MB** in FP32 and the store wants the download under "
            f"{STORE_LIMIT.value / 1e6:g} MB, so we need 8-bit weights. Our signal-processing consultant objects: "
            "going from a 16-bit to an 8-bit grid raises rounding-noise power "
            f"**{physics.quantization_noise_ratio(16, 8):,.0f} times**. We ship at {at_32.quality_pct:.1f} % top-1. "
            "What do we have left after INT8?",
        )

    def from_ledger(self) -> str:
        kept = self.lab.read("ch09", "keep_fraction")
        if kept is None or not 0.01 <= kept <= 1:
            return ""
        return (
            f"In Lab 09 you trained a model on **{percent(kept, 0)}** of its pool: fewer samples for nearly the same "
            "quality. Here the same model has to do with fewer bits."
        )

    def concept(self) -> str:
        return (
            "An **integer grid** of $b$ bits has $2^b$ levels between minus and plus the largest weight of its group; "
            "each weight is stored as the number of its nearest level, each group with one *scale* in 16 bits. A "
            "rounding error is at most half a step. Going from 16 to 8 bits leaves "
            f"{physics.quantization_levels(8):,} of {physics.quantization_levels(16):,} levels. Nothing here says yet "
            "how a network reacts to that noise."
        )

    def prediction(self) -> ChoicePrediction:
        asked, before = self.asked(), CNN_TOP1[32].value
        lost, lost_bert = before - asked.quality_pct, BERT_SCORE[32].value - BERT_SCORE[8].value
        arithmetic = mac_energy(32) / mac_energy(8)
        return ChoicePrediction(
            "Top-1 of the ResNet-50 after post-training INT8 quantization, all layers, calibrated?",
            (
                Option(
                    "A",
                    "10.0 %",
                    value=10.0,
                    feedback=(
                        "Quality does not follow noise power. The noise is large relative to what it was before, not "
                        f"relative to the weights: it is still {asked.sqnr_db:.1f} dB below them."
                    ),
                ),
                Option(
                    "B",
                    "66.0 %",
                    value=66.0,
                    feedback=(
                        "Quality is not proportional to bits: half of the bits do not cost a slice of it. It has a "
                        "plateau and a cliff."
                    ),
                ),
                Option(
                    "C",
                    "76.0 %",
                    value=76.0,
                    correct=True,
                    feedback=f"And not zero either: {lost:.1f} point here, {lost_bert:.1f} for BERT.",
                ),
                Option(
                    "D",
                    "72.0 %",
                    value=72.0,
                    feedback=(
                        "Depthwise networks such as MobileNet can lose that and more when a whole layer shares one "
                        "scale (Krishnamoorthi 2018); a ResNet-50 with a scale per group does not."
                    ),
                ),
            ),
            actual=asked.quality_pct,
            form=lambda top1: f"{top1:.1f} %",
            difference=True,
            difference_form=lambda points: f"{points:.1f} points",
            why=(
                f"INT8 keeps {asked.quality_pct:.1f} % of images right, {lost:.1f} point less than FP32. The file is "
                f"{asked.weight_bytes / 1e6:.2f} MB with its scales, a quarter of the original. Arithmetic alone "
                f"improves {arithmetic:.0f} times, memory 4 times, one inference {asked.energy_gain_vs_fp32:.1f} times."
            ),
        )

    def reflection(self) -> Question:
        steps = {
            (8, 4): CNN_TOP1[8].value - CNN_TOP1[4].value,
            (4, 2): CNN_TOP1[4].value - CNN_TOP1[2].value,
        }
        (upper, first), (lower, second) = (
            (physics.quantization_noise_ratio(*pair), loss) for pair, loss in steps.items()
        )
        return Question(
            f"From 8 to 4 bits noise power grows {upper:.0f} times and ResNet-50 loses {first:.1f} points. From 4 to 2 "
            f"bits it grows {lower:.0f} times and the model loses {second:.1f} points. Why?",
            (
                Option(
                    "A",
                    "Rounding is deterministic above 4 bits and random below",
                    "It is the same rounding at every width.",
                ),
                Option(
                    "B",
                    "Quality is a threshold in the signal-to-noise ratio",
                    correct=True,
                    feedback=(
                        "Noise is harmless while it is far below the weights "
                        f"({sqnr(4, 'group128'):.1f} dB at 4 bits), fatal when it reaches them "
                        f"({sqnr(2, 'group128'):.1f} dB at 2)."
                    ),
                ),
                Option(
                    "C",
                    "No chip supports 2-bit arithmetic",
                    "That decides how fast the model runs, not how often it is right.",
                ),
                Option(
                    "D",
                    "The calibration set is too small for 2 bits",
                    "Rounded after training, three usable levels cannot represent these weights, whatever the "
                    "calibration data. Training with ternary weights from the start is another matter.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "quantization_levels",
                "round_to_grid",
                "gaussian_crest_factor",
                "quantization_sqnr_db",
                "quantization_noise_ratio",
                "quantized_bits_per_weight",
                "quantized_bytes",
                "inference_energy_j",
            ),
            "A step $s = \\max|w| / (2^{b-1} - 1)$ makes a noise power of $s^2/12$, which is "
            f"${20 * np.log10(12**0.5):.1f} + 20 \\log_{{10}}(2^{{b-1}} - 1) - 20 \\log_{{10}} c$ dB below the "
            "weights. The quality curves are measured, not derived: no formula here predicts where the cliff is.",
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: FormatOutcome) -> dict[str, Plot]:
        return {"fan": self._fan(outcome), "ruler": self._ruler(outcome), "cliff": self._cliff(outcome)}

    def _fan(self, o: FormatOutcome) -> Plot:
        largest = crest(self.granularity)
        integer = self.bits < FLOAT_BITS
        if integer:
            rounded = largest * physics.round_to_grid(WEIGHTS / largest, self.bits)
            half = physics.quantization_levels(self.bits) // 2 - 1
            levels = largest * np.arange(-half, half + 1) / half
            used = len(np.unique(np.round(rounded, 9)))
            words = f"{2 * half + 1} levels, {used} in use"
            noise = 10 ** (-(o.sqnr_db or 0.0) / 20)
            caption = (
                f"One scale covers the largest of {GROUPS[self.granularity]:,} weights, expected at "
                f"{largest:.2f} standard deviations, so a step is {plain(largest / half, 3)}. The typical rounding "
                f"error is {percent(noise)} of a typical weight."
            )
        else:
            rounded, levels = WEIGHTS, np.array([np.nan])
            words = f"{FORMATS[self.bits]}: no grid to see"
            caption = (
                f"{FORMATS[self.bits]} is a floating-point format: its levels lie so close that every weight is stored "
                "as it is. Choose fewer bits to see the lines bend."
            )
        return rounding_fan(
            WEIGHTS, rounded, levels, reach=REACH, title="Where 128 weights go", words=words, caption=caption
        )

    def _ruler(self, o: FormatOutcome) -> Plot:
        curves = [
            Curve(GRANULARITIES[name], token, [sqnr(bits, name) for bits in GRIDS])
            for name, token in (("group128", "series-5"), ("per_channel", "series-4"))
        ]
        gained = sqnr(8, "group128") - sqnr(8, "per_channel")
        per_bit = 20 * np.log10(2)
        grown = physics.quantization_noise_ratio(16, 8)
        here = (
            "Floating-point formats have no place on it; 16 bits stand here as the consultant's integer grid. "
            if o.sqnr_db is None
            else f"At {self.bits} bits the weights stand {abs(o.sqnr_db):.1f} dB "
            f"{'above' if o.sqnr_db > 0 else 'below'} the noise. "
        )
        return noise_ruler(
            GRIDS,
            curves,
            slope=f"{per_bit:.2f} dB per bit",
            grown=(16, 8, f"{grown:,.0f} × noise"),
            here=(float(self.bits), np.nan if o.sqnr_db is None else o.sqnr_db),
            title="How far the noise lies below the weights",
            caption=(
                f"{here}The consultant's {grown:,.0f} times are {10 * np.log10(grown):.1f} dB of a distance that was "
                f"{sqnr(16, 'group128'):.1f}. Small groups are worth {gained:.1f} dB at every width."
            ),
        )

    def _cliff(self, o: FormatOutcome) -> Plot:
        listed = (
            ("ResNet-50, top-1", "data", "resnet50", "group128"),
            ("BERT, score", "series-6", "bert_base", "group128"),
            ("7B, groups of 128", "series-5", "llm_7b", "group128"),
            ("7B, 4,096 per scale", "series-4", "llm_7b", "per_channel"),
        )
        curves = [
            Curve(label, token, [quality_pct(model, bits, granularity) for bits in BITS])
            for label, token, model, granularity in listed
        ]
        chosen = next(
            k
            for k, (_, _, model, granularity) in enumerate(listed)
            if model == self.model and (model != "llm_7b" or granularity == self.granularity)
        )
        network = NETWORKS[self.model]
        full = quality_pct(self.model, 32, self.granularity)
        same = "" if self.model == "llm_7b" else " The figure's curves of this network do not know the granularity."
        return quality_cliff(
            BITS,
            curves,
            chosen,
            free=8,
            cliff=3,
            here=self.bits,
            words=f"{pct(o.quality_pct)} %",
            predicted=self.predicted(),
            title="What the network makes of the noise",
            caption=(
                f"{network.name} at {FORMATS[self.bits]}: {pct(o.quality_pct)} % {network.measure}, "
                f"{full - o.quality_pct:.1f} points below FP32. Down to 8 bits every curve loses less than "
                f"{LUNCH_LOSS.value:g} % of itself; below 4 bits they fall at different places.{same}"
            ),
        )

    def metrics(self, outcome: FormatOutcome) -> list[Metric]:
        full, integer = quality_pct(self.model, 32, self.granularity), self.bits < FLOAT_BITS
        return [
            Metric("Quality", pct(outcome.quality_pct), "%", note=f"{full:.1f} % in FP32"),
            Metric(
                "Weights over noise",
                "–" if outcome.sqnr_db is None else f"{outcome.sqnr_db:.1f}".replace("-", "−"),
                "" if outcome.sqnr_db is None else "dB",
                note="a floating-point format" if outcome.sqnr_db is None else "0 dB: as strong as the weights",
            ),
            Metric.of(
                "Weights",
                quantity(outcome.weight_bytes, "B", 4),
                note=f"{plain(outcome.bits_per_weight, 5)} bits each{', with scales' if integer else ''}",
            ),
            Metric(
                "Read once",
                number(outcome.weight_read_ms),
                "ms",
                note=f"at {quantity(SITES[self.context].bandwidth, 'B/s')}",
            ),
            Metric(
                "Energy",
                number(outcome.energy_mj),
                "mJ",
                note=f"arithmetic {number(outcome.arithmetic_mj)}, weights {number(outcome.fetching_mj)}",
            ),
            Metric("Energy gain", f"{outcome.energy_gain_vs_fp32:.2f}", "×", note="of one inference, over FP32"),
        ]

    def tables(self, outcome: FormatOutcome) -> list[Table]:
        network, device = NETWORKS[self.model], SITES[self.context].device
        rows = []
        for bits in BITS:
            at = in_format(self.context, self.model, bits, self.granularity)
            rows.append(
                (
                    FORMATS[bits],
                    plain(at.bits_per_weight, 5),
                    number(at.weight_bytes / 1e6, 4),
                    number(at.weight_read_ms),
                    number(at.energy_mj),
                    f"{at.energy_gain_vs_fp32:.2f} ×",
                )
            )
        return [
            Table(
                f"What one inference of the {network.name} costs on the {device}, weights read once",
                ("Format", "bits each", "MB", "read, ms", "energy, mJ", "gain"),
                tuple(rows),
                BITS.index(self.bits),
            )
        ]


# --- Act II -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """What a context runs the 7B model on, and what it must reach."""

    device: str
    memory_name: str
    bandwidth: float
    rate: float
    memory: float
    tokens: float
    step_s: float
    quality: float
    #: Tokens per second; zero where one user alone sets no rate.
    target: float
    #: Pruning patterns that the device runs without their zeros.
    runs_sparse: tuple[str, ...]


SITES = {
    "cloud": Site(
        "H100",
        "the H100",
        c.H100_MEM_BW.value,
        c.H100_FLOPS_FP16_TENSOR.value,
        c.H100_MEM_CAPACITY.value,
        CLOUD_TOKENS.value,
        CLOUD_STEP.value,
        CLOUD_QUALITY.value,
        CLOUD_TARGET.value,
        ("two_four", "structured25"),
    ),
    "mobile": Site(
        "phone",
        "the app",
        c.MOBILE_NPU_MEM_BW.value,
        c.MOBILE_FP16.value,
        c.MOBILE_APP_BYTES.value,
        MOBILE_TOKENS.value,
        MOBILE_STEP.value,
        MOBILE_QUALITY.value,
        0.0,
        ("structured25",),
    ),
}


@dataclass(frozen=True)
class Pruning:
    """A pruning pattern: its name, its form in the physics, and what it does to operations and quality."""

    name: str
    short: str
    form: str
    sparsity: float
    operations: float
    dense: Constant
    pruned: Constant
    token: str
    marker: str
    sign: str

    @property
    def retention(self) -> float:
        """Share of the quality that is left."""
        return physics.quality_retention(self.dense.value, self.pruned.value)


PRUNING = {
    "none": Pruning("not pruned", "not pruned", "none", 0.0, 1.0, PPL_REFERENCE, PPL_REFERENCE, "data", "circle", "●"),
    "unstructured50": Pruning(
        "50 %, anywhere",
        "50 % anywhere",
        "unstructured",
        0.5,
        1.0,
        PPL_DENSE_4096,
        PPL_UNSTRUCTURED,
        "series-4",
        "triangle",
        "▲",
    ),
    "two_four": Pruning(
        "50 %, two of every four",
        "2 of 4",
        "two_four",
        0.5,
        1.0,
        PPL_DENSE_4096,
        PPL_TWO_FOUR,
        "series-5",
        "square",
        "■",
    ),
    "structured25": Pruning(
        "25 %, whole rows",
        "25 % of rows",
        "structured",
        0.25,
        0.75,
        PPL_REFERENCE,
        PPL_STRUCTURED,
        "series-3",
        "diamond",
        "◆",
    ),
}

WEIGHT_BITS, KV_BITS = (16, 8, 4, 3, 2), (16, 8)


@cache
def stored_bits(bits: int, granularity: str, pruning: str) -> float:
    """Bits per weight of the dense model in the file."""
    pattern = PRUNING[pruning]
    return physics.pruned_bits_per_weight(
        bits, GROUPS[granularity], pattern.form, pattern.sparsity, INDEX_BITS.value, SCALE_BITS.value
    )


@cache
def resident_bits(context: str, bits: int, granularity: str, pruning: str) -> float:
    """Bits per weight in memory: the file's where the device runs the pattern, the dense form where it cannot."""
    runs = pruning in SITES[context].runs_sparse
    return stored_bits(bits, granularity, pruning if runs else "none")


def cache_bytes(context: str, kv_bits: Any, batch: float) -> Any:
    """The KV cache of a batch (B)."""
    return physics.kv_cache_bytes(
        c.LLAMA2_7B_LAYERS.value,
        c.LLAMA2_7B_KV_HEADS.value,
        c.LLAMA2_7B_HEAD_DIM.value,
        SITES[context].tokens,
        batch,
        np.asarray(kv_bits) / 8,
    )


def retention(bits: int, granularity: str, pruning: str, kv_bits: int) -> float:
    """Quality that all techniques together leave: losses in nats add, so ratios multiply."""
    cached = KV8_RETENTION.value if kv_bits == 8 else 1.0
    return perplexity_kept(bits, granularity) * PRUNING[pruning].retention * cached


def arithmetic_s(context: str, pruning: str, batch: float) -> float:
    """What the multiplications of one step alone take (s)."""
    ops = FLOP_PER_MAC * MACS_7B * batch * PRUNING[pruning].operations
    faster = SPARSE_RATE.value if pruning == "two_four" and "two_four" in SITES[context].runs_sparse else 1.0
    return ops / (SITES[context].rate * faster)


def largest_batch(bits: int, kv_bits: int) -> int:
    """Sequences that fit on the H100 beside the weights, groups of 128, not pruned."""
    weights = physics.quantized_bytes(c.PARAMS_7B.value, resident_bits("cloud", bits, "group128", "none"))
    return physics.max_batch_in_memory(SITES["cloud"].memory, weights, float(cache_bytes("cloud", kv_bits, 1)))


#: The largest batch of the FP16 model: where the cloud starts.
BASE_BATCH = largest_batch(16, 16)


@cache
def combinations() -> tuple[tuple[int, str, str, int], ...]:
    """Every design of a batch: weight bits, granularity, pruning, cache bits."""
    return tuple(
        (bits, granularity, pruning, kv)
        for pruning in PRUNING
        for bits in WEIGHT_BITS
        for granularity in GROUPS
        for kv in KV_BITS
    )


@cache
def _swept(context: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights in memory (B), cache of one sequence (B), arithmetic of one sequence (s), quality: of every design."""
    designs = combinations()
    weights = physics.quantized_bytes(
        c.PARAMS_7B.value,
        np.array([resident_bits(context, bits, granularity, pruning) for bits, granularity, pruning, _ in designs]),
    )
    caches = cache_bytes(context, np.array([kv for *_, kv in designs]), 1)
    times = np.array([arithmetic_s(context, pruning, 1) for _, _, pruning, _ in designs])
    return weights, caches, times, np.array([retention(*design) for design in designs])


@dataclass(frozen=True)
class Swept:
    """All designs of a batch: memory (B), time of a step (s), quality, and which of them meet every limit."""

    memory_bytes: np.ndarray
    step_s: np.ndarray
    quality: np.ndarray
    feasible: np.ndarray


@lru_cache(maxsize=1024)
def swept(context: str, batch: float) -> Swept:
    """Every design of a batch at once."""
    site = SITES[context]
    weights, caches, times, quality = _swept(context)
    memory = weights + caches * batch
    # Arithmetic enters as a time: operations over a rate of one.
    step = physics.iron_law_latency_overlapped(memory, site.bandwidth, times * batch, 1.0)
    fits = (
        (memory <= site.memory * (1 + 1e-9))
        & (step <= site.step_s * (1 + 1e-9))
        & (quality >= site.quality * (1 - 1e-9))
        & (batch / step >= site.target * (1 - 1e-9))
    )
    return Swept(memory, step, quality, fits)


@dataclass(frozen=True)
class DesignOutcome:
    """The 7B model as compressed: its file, its memory, one decoding step, its quality."""

    file_bytes: float
    weight_ram_bytes: float
    kv_bytes: float
    memory_bytes: float
    step_ms: float
    tokens_per_s: float
    quality_retention: float
    kv_traffic_share: float
    oom: bool
    latency_ok: bool
    throughput_ok: bool
    quality_ok: bool
    collapsed: bool
    feasible: bool
    arithmetic_ms: float
    batch: float


def gb(size: float) -> str:
    """Bytes in GB with two decimals."""
    return f"{size / 1e9:.2f} GB"


class Frontier(Act):
    """Act II: bits, groups, zeros and a cache, against the limits of a phone and of a service."""

    title = "Which bytes move"
    minutes = 24
    snapshot_stops = {"batch": (1, 71, 99, 122, 128, 135, 136, 142)}

    weight_bits = choice(
        "Bits of a weight",
        {bits: FORMATS[bits] for bits in WEIGHT_BITS},
        16,
        widget="select",
        reason="widths with a published perplexity",
    )
    granularity = choice(
        "Granularity", GRANULARITIES, "group128", reason="published group size, and one row of the 7B model"
    )
    pruning = choice(
        "Pruning",
        {name: pattern.name for name, pattern in PRUNING.items()},
        "none",
        widget="select",
        reason="one published setting of each family",
    )
    kv_bits = choice("KV cache", {16: "16 bit", 8: "8 bit"}, 16, reason="formats whose quality was measured")
    batch = slider(
        "Batch",
        1,
        BATCH_MAX.value,
        1,
        BASE_BATCH,
        unit="sequences",
        text=lambda batch: counted(batch, "sequences"),
        only_in=("cloud",),
        reason=f"{BASE_BATCH} is the largest that fits in FP16; one user holds a phone",
    )

    @classmethod
    def compute(
        cls, context: str, *, weight_bits: int, granularity: str, pruning: str, kv_bits: int, batch: float = 1
    ) -> DesignOutcome:
        site = SITES[context]
        file = physics.quantized_bytes(c.PARAMS_7B.value, stored_bits(weight_bits, granularity, pruning))
        weights = physics.quantized_bytes(c.PARAMS_7B.value, resident_bits(context, weight_bits, granularity, pruning))
        cached = float(cache_bytes(context, kv_bits, batch))
        memory = weights + cached
        arithmetic = arithmetic_s(context, pruning, batch)
        step = physics.iron_law_latency_overlapped(memory, site.bandwidth, arithmetic, 1.0)
        kept = retention(weight_bits, granularity, pruning, kv_bits)
        oom, collapsed = not at_most(memory, site.memory), not at_least(kept, COLLAPSE.value)
        latency_ok, throughput_ok = at_most(step, site.step_s), at_least(batch / step, site.target)
        quality_ok = at_least(kept, site.quality)
        return DesignOutcome(
            file_bytes=file,
            weight_ram_bytes=weights,
            kv_bytes=cached,
            memory_bytes=memory,
            step_ms=1e3 * step,
            tokens_per_s=batch / step,
            quality_retention=kept,
            kv_traffic_share=cached / memory,
            oom=oom,
            latency_ok=latency_ok,
            throughput_ok=throughput_ok,
            quality_ok=quality_ok,
            collapsed=collapsed,
            feasible=not oom and latency_ok and throughput_ok and quality_ok and not collapsed,
            arithmetic_ms=1e3 * arithmetic,
            batch=batch,
        )

    @classmethod
    def case(cls, context: str, **controls: Any) -> DesignOutcome:
        """A design by the controls that differ from FP16, unpruned, at the context's start."""
        start = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return cls.compute(context, **{**start, **controls})

    @classmethod
    def asked(cls) -> float:
        """The answer to the question: the file of half a random INT4 model over the dense one."""
        return stored_bits(4, "group128", "unstructured50") / stored_bits(4, "group128", "none")

    @property
    def site(self) -> Site:
        """What the context runs on."""
        return SITES[self.context]

    @property
    def batch_now(self) -> float:
        """The batch on screen."""
        return self.batch if self.context == "cloud" else 1

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        site, start = self.site, self.at_defaults()
        if self.context == "cloud":
            return Message(
                "Serving lead, a customer-support platform",
                f"One H100 gives **{start.tokens_per_s:,.0f} tokens/s** at the largest batch that fits. Finance wants "
                f"**{site.target:,.0f}** from the same card, quality within one percent, and no user below "
                f"{1 / site.step_s:.0f} tokens per second.",
            )
        return Message(
            "Product director, an offline medical-notes assistant",
            f"The 7B model must run on the phone: **{site.memory / 1e9:g} GB** is all the app may hold, a token every "
            f"**{site.step_s * 1e3:g} ms**, and clinicians accept at most a five percent loss in the quality score. "
            f"The FP16 weights are {start.weight_ram_bytes / 1e9:.0f} GB.",
        )

    def concept(self) -> str:
        per_token = c.KV_TOKEN_7B.value
        return (
            "**Three sizes.** A compressed *file*, a compressed *memory image* and compressed *traffic* are three "
            "different things: a kernel that multiplies by zeros has to load them. When a language model writes a "
            "token, every resident byte is read once, so a step takes bytes over bandwidth.\n\n"
            "**Whose bytes.** Users share the weights, and each brings a *KV cache* of "
            f"{per_token / 1e3:.0f} kB per token of context: "
            f"{float(cache_bytes('cloud', 16, 1)) / 1e9:.2f} GB in the cloud ({CLOUD_TOKENS.value:,.0f} tokens), "
            f"{float(cache_bytes('mobile', 16, 1)) / 1e9:.2f} GB on the phone ({MOBILE_TOKENS.value:g}).\n\n"
            "**Frontier.** The new picture places every design between memory and quality; the bubble is its time. A "
            "design on the *Pareto front* cannot gain on one axis without losing on the other.\n\n"
            "| pruning, without retraining | runs without its zeros on | quality kept |\n|---|---|---|\n"
            f"| half of the weights, anywhere | neither | {percent(PRUNING['unstructured50'].retention)} |\n"
            f"| two of every four (2:4) | the H100 | {percent(PRUNING['two_four'].retention)} |\n"
            f"| a quarter of rows and columns | both | {percent(PRUNING['structured25'].retention)} |"
        )

    def prediction(self) -> NumberPrediction:
        actual = self.asked()
        each, scale = 4 + INDEX_BITS.value, SCALE_BITS.value / GROUP_128.value
        bitmap = (0.5 * 4 + 1 + scale) / (4 + scale)
        at_all = (4 + INDEX_BITS.value + scale) / (4 + scale)

        def feedback(ratio: float) -> str:
            if self.prediction().correct(ratio):
                return "You paid for the addresses: they are four times as wide as what they point to."
            if ratio < 0.65:
                return "Half of the weights are gone, but the other half no longer says by its place which it is."
            if ratio < 0.95:
                return (
                    f"A bitmap, one bit per weight, would give {bitmap:.2f}. A 16-bit index for every survivor is "
                    "another matter."
                )
            if ratio < 1.3:
                return "You let the index eat up the saving. It eats more: four bits are cheap to keep, 16 are not."
            if ratio < actual:
                return f"You were on the way: a survivor takes {each:g} bits, and half of the weights survive."
            return f"With an index for every weight it would be {at_all:.2f} times; only the survivors have one."

        return NumberPrediction(
            "Prune half of an INT4 model (groups of 128) at random positions and store every survivor with a 16-bit "
            "position index. How large is the new file relative to the dense INT4 file?",
            low=0.25,
            high=4.0,
            step=0.05,
            unit="times",
            actual=actual,
            # 0.10 either way, as a share of the answer: the overlay shows a ratio.
            tolerance=0.10 / actual,
            digits=".2f",
            feedback=feedback,
            why=(
                f"(0.5 × (4 + {INDEX_BITS.value:g}) + {scale:g}) / {4 + scale:g} = {actual:.4f}. Every 4-bit weight "
                f"now carries a {INDEX_BITS.value:g}-bit address: below "
                f"{percent(physics.sparse_breakeven_sparsity(4, INDEX_BITS.value), 0)} sparsity the zeros cost more "
                "than they save. In memory and in time the ratio is 1.00, because kernels run the zeros."
            ),
        )

    def challenge(self) -> str:
        site = self.site
        rate = f", **{site.target:,.0f} tokens/s**" if site.target else ""
        return (
            f"Meet every limit: **{site.memory / 1e9:g} GB**, **{site.step_s * 1e3:g} ms** per token{rate}, and "
            f"**{percent(site.quality, 0)}** of the quality. Then look whether your design is on the Pareto front. "
            "Before you change a control, say which bytes it takes away: of the file, of the memory, or of the traffic."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        site = self.site
        rate = (Constraint(f"Rate ≥ {site.target:,.0f} tokens/s", lambda o: o.throughput_ok),) if site.target else ()
        return (
            Constraint(f"Memory ≤ {site.memory / 1e9:g} GB", lambda o: not o.oom),
            Constraint(f"Step ≤ {site.step_s * 1e3:g} ms", lambda o: o.latency_ok),
            *rate,
            Constraint(f"Quality ≥ {100 * site.quality:g} %", lambda o: o.quality_ok),
        )

    def failures(self) -> tuple[Failure, ...]:
        site = self.site
        return (
            Failure(
                "oom",
                "OUT OF MEMORY:",
                when=lambda o: o.oom,
                text=lambda o: (
                    f"{gb(o.memory_bytes)} needed (weights {o.weight_ram_bytes / 1e9:.2f} + cache "
                    f"{o.kv_bytes / 1e9:.2f}), {site.memory_name} may hold {site.memory / 1e9:g} GB."
                ),
            ),
            Failure(
                "quality_cliff",
                "QUALITY CLIFF:",
                when=lambda o: o.collapsed,
                text=lambda o: (
                    f"retention {percent(o.quality_retention)}: the model no longer does the task. Its perplexity is "
                    f"{plain(1 / o.quality_retention, 3)} times that of the original."
                ),
            ),
            Failure(
                "deadline",
                "DEADLINE:",
                when=lambda o: not o.latency_ok,
                text=lambda o: (
                    f"{o.step_ms:.1f} ms per token, the limit is {site.step_s * 1e3:g} ms: {gb(o.memory_bytes)} have "
                    f"to pass at {quantity(site.bandwidth, 'B/s')}."
                ),
                severity="warn",
            ),
        )

    def reflection(self) -> Question:
        before, after = BASE_BATCH, largest_batch(4, 16)
        alone = self.case("cloud", batch=1).step_ms / self.case("cloud", batch=1, weight_bits=4).step_ms
        full = self.case("cloud")
        packed = self.case("cloud", batch=after, weight_bits=4)
        gain = packed.tokens_per_s / full.tokens_per_s
        per_sequence = float(cache_bytes("cloud", 16, 1)) / SITES["cloud"].bandwidth
        return Question(
            f"INT4 weights with a 16-bit cache speed the cloud service up {alone:.1f} times at batch 1, and only "
            f"{gain:.2f} times at the largest batch that fits ({before} before, {after} after). Why?",
            (
                Option(
                    "A",
                    "Unpacking the weights costs more at a large batch",
                    f"The {gain:.2f} times come from a model without any cost of unpacking, and all arithmetic is "
                    f"{full.arithmetic_ms:.1f} ms of a step of {full.step_ms:.1f}.",
                ),
                Option(
                    "B",
                    f"At batch {before} the KV caches are {percent(full.kv_traffic_share, 0)} of the bytes, so smaller "
                    "weights hardly change the traffic",
                    correct=True,
                    feedback=(
                        f"Weights are {full.weight_ram_bytes / 1e9:.0f} GB of "
                        f"{full.memory_bytes / 1e9:.1f}. On the phone it is the other way round, and bits of the "
                        "weights are everything."
                    ),
                ),
                Option(
                    "C",
                    "The tensor cores have no INT4 mode",
                    "The weights are unpacked before they are multiplied, and at batch 1 the gain is real.",
                ),
                Option(
                    "D",
                    "The GPU has become compute bound",
                    f"Each further sequence adds {1e6 * per_sequence:.0f} µs of cache traffic to a step and only "
                    f"{1e6 * arithmetic_s('cloud', 'none', 1):.0f} of arithmetic.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "pruned_bits_per_weight",
                "sparse_breakeven_sparsity",
                "quality_retention",
                "kv_cache_bytes",
                "iron_law_latency_overlapped",
                "max_batch_in_memory",
            ),
            "While memory binds, $T = (P b / 8 + B S k) / BW$ with $k$ bytes of cache per token. Bits of the weights "
            "speed a step up $(W_{16} + B K) / (W_4 + B K)$ times, which tends to 1 as the batch $B$ grows. Techniques "
            "multiply here; pruning before quantizing can cost more than the two parts.",
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: DesignOutcome) -> dict[str, Plot]:
        return {
            "frontier": self._frontier(outcome),
            "gap": self._gap(outcome),
            "memory": self._memory(outcome),
            "step": self._step(outcome),
        }

    def _frontier(self, o: DesignOutcome) -> Plot:
        site, all_ = self.site, swept(self.context, self.batch_now)
        which = np.array([pruning for _, _, pruning, _ in combinations()])
        at = combinations().index((self.weight_bits, self.granularity, self.pruning, self.kv_bits))
        memory, quality = all_.memory_bytes[at] * (1 + 1e-9), all_.quality[at] * (1 - 1e-9)
        better = (
            (all_.memory_bytes <= memory)
            & (all_.quality >= quality)
            & ((all_.memory_bytes < memory * (1 - 2e-9)) | (all_.quality > quality * (1 + 2e-9)))
        )
        place = (
            f"at least as good on both axes: {counted(better.sum(), 'designs')}"
            if better.any()
            else "it lies on the Pareto front"
        )
        count = int(all_.feasible.sum())
        meeting = "None" if count == 0 else f"{count}"
        of = f"the {len(which)} designs" + (f" at batch {self.batch_now:g}" if self.context == "cloud" else "")
        return compression_frontier(
            [
                Family(
                    pattern.name,
                    pattern.token,
                    pattern.marker,
                    pattern.sign,
                    all_.memory_bytes[which == name],
                    all_.quality[which == name],
                    all_.step_s[which == name],
                )
                for name, pattern in PRUNING.items()
            ],
            here=(o.memory_bytes, o.quality_retention),
            memory=Limit(site.memory, "at most"),
            quality=Limit(site.quality, "at least"),
            step_limit_s=site.step_s,
            title="Compression trade-off frontier",
            caption=(
                f"Star: your design, {gb(o.memory_bytes)}, {percent(o.quality_retention, 2)}, {o.step_ms:.1f} ms; "
                f"{place}. {meeting} of {of} {'meet' if count > 1 else 'meets'} every limit of the context. The area "
                "of a bubble is the time of a step."
            ),
        )

    def _gap(self, o: DesignOutcome) -> Plot:
        designs = [
            self.compute(
                self.context,
                weight_bits=self.weight_bits,
                granularity=self.granularity,
                pruning=name,
                kv_bits=self.kv_bits,
                batch=self.batch_now,
            )
            for name in PRUNING
        ]
        dense = designs[0]
        random, half, rows = designs[1:]
        predicted = self.predicted()
        breakeven = physics.sparse_breakeven_sparsity(self.weight_bits, INDEX_BITS.value)
        executed = "two_four" in self.site.runs_sparse
        two_four = (
            f"The {self.site.device} executes 2:4: its step takes {half.step_ms / dense.step_ms:.2f} of the dense one."
            if executed
            else f"The {self.site.device} has no 2:4 units and runs that pattern dense, too."
        )
        return relative_bars(
            [pattern.short for pattern in PRUNING.values()],
            [
                Curve("file", "data", [d.file_bytes / dense.file_bytes for d in designs]),
                Curve("memory", "series-5", [d.memory_bytes / dense.memory_bytes for d in designs]),
                Curve("step time", "series-6", [d.step_ms / dense.step_ms for d in designs]),
            ],
            quantity="times the unpruned model",
            high=6,
            predicted=None if predicted is None else (1, predicted),
            title=f"What pruning takes away at {FORMATS[self.weight_bits]}",
            caption=(
                f"Half of the weights, anywhere: a file {random.file_bytes / dense.file_bytes:.2f} times as large (the "
                f"index pays from {percent(breakeven, 0)} sparsity on), memory and time unchanged. {two_four} Whole "
                f"rows leave {rows.memory_bytes / dense.memory_bytes:.2f} of the memory everywhere. Your prediction "
                "was for INT4."
            ),
        )

    def _memory(self, o: DesignOutcome) -> Plot:
        site, start = self.site, self.at_defaults()
        spare = site.memory - o.memory_bytes
        rest = f"{gb(spare)} are left" if spare >= 0 else f"{gb(-spare)} are missing"
        return memory_ledger(
            [
                MemoryBar(name, {"weights": d.weight_ram_bytes, "KV cache": d.kv_bytes})
                for name, d in (("at the start", start), ("your design", o))
            ],
            title="What fills the memory",
            capacities=[Limit(site.memory, "limit")],
            high=120e9 if self.context == "cloud" else 17e9,
            caption=(
                f"{gb(o.weight_ram_bytes)} of weights and {gb(o.kv_bytes)} of cache; {rest} of the "
                f"{site.memory / 1e9:g} GB that {site.memory_name} may hold. The file on disk has {gb(o.file_bytes)}."
            ),
        )

    def _step(self, o: DesignOutcome) -> Plot:
        site = self.site
        read = 1e-3 * o.step_ms if o.step_ms > o.arithmetic_ms else o.memory_bytes / site.bandwidth
        share = o.kv_traffic_share
        terms = {"weights": (1 - share) * read, "KV cache": share * read, "arithmetic": 0.0}
        each = f", {o.tokens_per_s:,.0f} tokens/s for all together" if self.context == "cloud" else ""
        return latency_waterfall(
            [
                Bar("reading", terms),
                Bar("arithmetic", {"weights": 0.0, "KV cache": 0.0, "arithmetic": 1e-3 * o.arithmetic_ms}),
            ],
            title="One step: what is read, and what is computed meanwhile",
            limits=[Limit(1e3 * site.step_s, "limit")],
            high=115.0 if self.context == "cloud" else 275.0,
            caption=(
                f"{o.step_ms:.2f} ms for {gb(o.memory_bytes)}{each}. The KV cache is {percent(share)} of the traffic, "
                f"the weights {percent(1 - share)}; the {o.arithmetic_ms:.2f} ms of arithmetic hide behind it."
            ),
        )

    def metrics(self, outcome: DesignOutcome) -> list[Metric]:
        site = self.site
        return [
            Metric(
                "Memory",
                f"{outcome.memory_bytes / 1e9:.2f}",
                "GB",
                note=f"at most {site.memory / 1e9:g} GB",
                status=held(not outcome.oom),
            ),
            Metric(
                "Step",
                f"{outcome.step_ms:.1f}",
                "ms",
                note=f"at most {site.step_s * 1e3:g} ms",
                status=held(outcome.latency_ok),
            ),
            Metric(
                "Rate",
                number(outcome.tokens_per_s, 4),
                "tokens/s",
                note=f"{site.target:,.0f} asked for" if site.target else "one user",
                status=held(outcome.throughput_ok) if site.target else "neutral",
            ),
            Metric(
                "Quality kept",
                f"{100 * outcome.quality_retention:.1f}",
                "%",
                note=f"at least {100 * site.quality:g} %",
                status=held(outcome.quality_ok),
            ),
            Metric("File", f"{outcome.file_bytes / 1e9:.2f}", "GB", note="weights as stored"),
            Metric("Cache in the traffic", f"{100 * outcome.kv_traffic_share:.1f}", "%", note="the rest is weights"),
        ]


def _constants() -> tuple[Constant, ...]:
    tables: tuple[Mapping[int, Constant], ...] = (CNN_TOP1, BERT_SCORE, PPL_GROUP, PPL_CHANNEL)
    return tuple(constant for table in tables for constant in table.values())


def _phone_gain() -> float:
    """Step of the FP16 model over that of the INT4 model on the phone."""
    return Frontier.case("mobile").step_ms / Frontier.case("mobile", weight_bits=4).step_ms


def _full_app_ms() -> float:
    """Reading all that an app may hold (ms)."""
    return 1e3 * c.MOBILE_APP_BYTES.value / c.MOBILE_NPU_MEM_BW.value


def _slow_phone_ms() -> float:
    """Step of the INT4 model on a phone with slower memory (ms)."""
    return 1e3 * Frontier.case("mobile", weight_bits=4).memory_bytes / LPDDR5_BW.value


def _cache_beats_weights() -> int:
    """Smallest batch from which an 8-bit cache saves more bytes than 4-bit weights on the H100."""
    weights = Frontier.case("cloud", batch=1).weight_ram_bytes
    saved = weights - Frontier.case("cloud", batch=1, weight_bits=4).weight_ram_bytes
    return int(np.ceil(saved / float(cache_bytes("cloud", 8, 1))))


class CompressionLab(Lab):
    """Fewer bits are nearly free down to a cliff; zeros are worth what the hardware can leave out."""

    volume, number, slug = 1, 10, "lab_10_model_compress"
    title = "The Compression Frontier"
    question = "Which bytes does a compression technique take out of what binds, and what does quality say to it?"
    chapter = "Model Compression"
    invariant = (
        "A compression technique helps exactly by the bytes or operations that it takes out of the resource that binds "
        "in that deployment, and costs exactly what the quality curve says at that point."
    )
    contexts = (MOBILE, CLOUD)
    acts = (FewerBits, Frontier)
    briefing = (
        "Two beliefs meet here. One says that fewer bits must cost quality in proportion; the other, that every byte "
        "removed buys speed. Rounding noise grows smoothly, about 6 dB for every bit, but quality answers to it like a "
        "threshold. And removing weights is not removing bytes that the machine moves: half-empty matrices run dense, "
        "and their files can be larger than before."
    )
    reading = (
        Reading(
            "Model Compression, Optimization Framework",
            "bits are energy; the free-lunch figure; FP16 to INT4 of a 7B model",
        ),
        Reading("Model Compression, Deployment Context", "which constraint binds in cloud, mobile and TinyML"),
        Reading("Model Compression, Structural Optimization", "unstructured and structured pruning, N:M sparsity"),
        Reading("Model Compression, Quantization and Precision", "scales, granularity, after or during training"),
        Reading("Model Compression, Decision framework", "composing techniques, and why they interfere"),
    )
    assumptions = (
        "- Weights are normal and independent for the noise; real ones have heavier tails, so small groups gain more.\n"
        "- Rounding is symmetric, to nearest, after training; the published perplexities use asymmetric grids, whose "
        "zero points would add 4/128 bit per weight.\n"
        "- The curves of ResNet-50 and BERT are the chapter's and illustrative. What the challenge decides uses "
        "published perplexities of Llama-2-7B; FP32 counts as FP16.\n"
        "- Quality is the ratio of perplexities, a proxy. Techniques multiply, which is optimistic.\n"
        "- The two perplexity tables have different references (context 2,048 and 4,096): only ratios are combined. "
        "Pruned values depend on the calibration text; none of them is near a limit.\n"
        "- Every resident byte is read once per step; the arithmetic of attention and of unpacking is left out.\n"
        "- The 7B model has a size class of 7.0 billion weights; the exact count of Llama-2-7B is "
        f"{c.LLAMA2_7B_PARAMS.value / 1e9:.3f} billion.\n"
        "- Slicing 25 % counts as 25 % fewer bytes; the matrices that the method adds make the saving smaller.\n"
        "- The phone is of a class with 64-bit LPDDR5X-8533; an app may hold half of its memory.\n"
        "- Energy counts arithmetic and reading the weights once from DRAM, at 45 nm."
    )
    constants = (
        c.PARAMS_7B,
        c.LLAMA2_7B_PARAMS,
        c.LLAMA2_7B_LAYERS,
        c.LLAMA2_7B_KV_HEADS,
        c.LLAMA2_7B_HEAD_DIM,
        c.KV_TOKEN_7B,
        c.RESNET50_PARAMS,
        c.RESNET50_FLOPS,
        c.BERT_PARAMS,
        BERT_MACS,
        c.H100_MEM_BW,
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_MEM_CAPACITY,
        SPARSE_RATE,
        c.MOBILE_NPU_MEM_BW,
        c.MOBILE_FP16,
        c.MOBILE_APP_BYTES,
        LPDDR5_BW,
        GROUP_128,
        GROUP_4096,
        SCALE_BITS,
        INDEX_BITS,
        E_MAC_FP32,
        E_MAC_FP16,
        E_MAC_INT8,
        c.E_DRAM,
        *_constants(),
        PPL_REFERENCE,
        PPL_DENSE_4096,
        PPL_UNSTRUCTURED,
        PPL_TWO_FOUR,
        PPL_STRUCTURED,
        KV8_RETENTION,
        COLLAPSE,
        LUNCH_LOSS,
        CLOUD_TOKENS,
        MOBILE_TOKENS,
        CLOUD_TARGET,
        CLOUD_QUALITY,
        CLOUD_STEP,
        MOBILE_STEP,
        MOBILE_QUALITY,
        STORE_LIMIT,
        BATCH_MAX,
    )
    reads = (("ch08", "context"), ("ch09", "keep_fraction"))
    instructor_notes = (
        "- Students equate *4 times smaller* with *4 times faster*: ask which bytes move, per step, in each context.\n"
        "- The chapter's 4 times from FP16 to INT4 is for weights alone at batch 1. With scales and cache the phone "
        f"gains {_phone_gain():.2f} times.\n"
        "- Granularity is the cheapest lever of the lab: an eighth of a bit moves the cliff by one bit (perplexity "
        f"{PPL_GROUP[3].value:g} against {PPL_CHANNEL[3].value:g} at 3 bits).\n"
        "- Perplexity is only a proxy: which evaluation would the clinical app need?\n"
        "- On the phone every resident byte is read once per token, so the memory limit and the deadline are nearly "
        f"the same limit: {c.MOBILE_APP_BYTES.value / 1e9:g} GB take {_full_app_ms():.1f} ms.\n"
        f"- On a phone with {LPDDR5_BW.value / 1e9:g} GB/s the feasible design takes {_slow_phone_ms():.1f} ms and "
        "misses the deadline: how would you recover it?\n"
        "- Extension: derive the batch up to which 4-bit weights save more bytes than an 8-bit cache on the H100 "
        f"({_cache_beats_weights() - 1})."
    )

    def open(self) -> None:
        context = self.read("ch08", "context")
        if context in ("cloud", "mobile"):
            self.start_in(context, "Lab 08")

    def result(self) -> float:
        return self.act2.outcome.quality_retention

    def decision(self) -> str:
        act = self.act2
        weights, cache_, pruned = act.weight_bits < FLOAT_BITS, act.kv_bits < FLOAT_BITS, act.pruning != "none"
        if pruned:
            return "quantize_and_prune" if weights or cache_ else "prune"
        if weights:
            return "quantize_weights_and_cache" if cache_ else "quantize_weights"
        return "quantize_cache" if cache_ else "none"

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "weight_bits": act.weight_bits,
            "kv_bits": act.kv_bits,
            "granularity": act.granularity,
            "pruning": act.pruning,
            "memory_bytes": act.outcome.memory_bytes,
            "step_ms": act.outcome.step_ms,
            "act2_prediction": self.predictions.get("act2"),
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"weight_bits": 8, "kv_bits": 8, "batch": 128}
        return {"weight_bits": 4}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"weight_bits": 2} if context == "cloud" else {"weight_bits": 8}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
