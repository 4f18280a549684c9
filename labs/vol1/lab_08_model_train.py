"""V1-08 The Training Memory Budget.

Act I: what a parameter costs before the first activation, which mixed precision does not change. Act II: one update
of a fixed recipe within a memory, where the activations overflow a data-centre card and the state alone a phone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from components.controls import choice, slider, stops
from components.instruments.memory_ledger import MemoryBar, memory_ledger
from components.instruments.training_memory import capacity_curve, floor_and_slope
from components.instruments.waterfall import Bar, Limit, latency_waterfall
from components.metrics import Metric
from components.quantity import counted, number, percent, plain, quantity
from labs.base import (
    Act,
    ChoicePrediction,
    Constraint,
    Context,
    Failure,
    Lab,
    Message,
    Option,
    Peek,
    Question,
    Radio,
    Reading,
    Table,
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.core.hardware import Device, Hardware
from mlsysim.core.models import Model, Models
from mlsysim.physics import training

CLOUD = Context("cloud", "Cloud", "cloud", "One H100 of 80 GB; in Act II it trains GPT-2 XL.")
MOBILE = Context("mobile", "Mobile", "mobile", "One app on a phone; in Act II it trains GPT-2 Medium while charging.")

H100, PHONE = Hardware.Cloud.H100, Hardware.Mobile.PhoneNPU

MFU_CLOUD = scenario(
    "mfu_cloud",
    0.5,
    "1",
    "sustained share of the card's peak",
    "upper end of the published band: 21 % for GPT-3 to 46 % for PaLM (Chowdhery et al. 2022)",
)
MFU_PHONE = scenario("mfu_phone", 0.3, "1", "sustained share of the phone's peak", "lower end of the published band")
MFU_EAGER = scenario("mfu_eager", 0.3, "1", "sustained share of the peak in an uncompiled loop", "the lab's scenario")
EFFECTIVE_BATCH = scenario(
    "effective_batch",
    32,
    "1",
    "sequences per update, micro-batch times accumulation steps",
    "Model Training, GPT-2 walkthrough",
    "chapter",
)
CLOUD_TOKENS = scenario("cloud_tokens", 1024, "token", "tokens of a sequence", "Radford et al. 2019", "paper")
PHONE_TOKENS = scenario("phone_tokens", 256, "token", "tokens of a sequence, short messages", "the lab's scenario")
GPT2_MEDIUM_PARAMS = scenario(
    "gpt2_medium_params",
    Models.Language.GPT2Medium.params,
    "parameter",
    "GPT-2 Medium: 24 layers of width 1,024 with their embeddings",
    c.RADFORD,
    "paper",
)
TARGET_CLOUD = scenario("target_tokens_s", 50_000, "token/s", "least throughput", "the lab's scenario")
TARGET_STEP = scenario("target_step_s", 3.0, "s", "longest update on the phone", "the lab's scenario")
TARGET_LAYERS = scenario("target_layers", 12, "layer", "fewest layers trained on the phone", "the lab's scenario")
UPDATES = scenario("updates", 600, "1", "updates while the phone charges", "the lab's scenario")
CARDS_BOOKED = scenario("cards_booked", 8, "1", "cards that finance has booked", "the lab's scenario")
ACTIVATION = scenario(
    "activation_bytes",
    training.ACTIVATION_BYTES,
    "B",
    "saved per token and unit of width in a layer, 16 bit, scores excluded",
    "Korthikanti et al. 2023, Table 2",
    "paper",
)
SCORE = scenario(
    "score_bytes",
    training.SCORE_BYTES,
    "B",
    "saved per attention score: softmax output, dropout mask, dropped output",
    "Korthikanti et al. 2023, Table 2",
    "paper",
)
LAYER_INPUT = scenario(
    "layer_input_bytes",
    training.LAYER_INPUT_BYTES,
    "B",
    "a checkpoint per token and unit of width, 16 bit",
    "Korthikanti et al. 2023",
    "paper",
)

PRECISIONS = {"fp32": "FP32", "mixed": "mixed", "bf16": "pure BF16"}
OPTIMIZERS = {"sgd": "SGD", "momentum": "momentum", "adam": "Adam", "adam8bit": "8-bit Adam"}
#: The precisions at the head of a sentence.
SPELT = {"fp32": "FP32", "mixed": "Mixed precision", "bf16": "Pure BF16"}
#: What the recipe of Act II allows: FP32 weights somewhere, and the Adam family.
RECIPE_PRECISIONS, RECIPE_OPTIMIZERS = ("fp32", "mixed"), ("adam", "adam8bit")
#: The configurations that Act I compares.
COMPARED = {"FP32\nAdam": ("fp32", "adam"), "mixed\nAdam": ("mixed", "adam"), "BF16\nAdam": ("bf16", "adam")}
PARTS = ("weights", "gradients", "master", "optimizer")
#: The capacity curve is a straight line between its ends.
CURVE_PARAMS = np.array([1e7, 7e10])


@dataclass(frozen=True)
class Setup:
    """What a context fixes: model, device, memory that a run may take (B), tokens a sequence, share of the peak."""

    model: Model
    device: Device
    capacity_bytes: float
    seq_len: int
    mfu: float

    @property
    def layers(self) -> int:
        """Layers of the model."""
        assert self.model.layers is not None
        return self.model.layers

    @property
    def shape(self) -> dict[str, int]:
        """Tokens, width and heads, as the physics names them."""
        assert self.model.width is not None
        assert self.model.heads is not None
        return {"seq_len": self.seq_len, "width": self.model.width, "heads": self.model.heads}

    def peak(self, precision: str) -> float:
        """Dense peak of the arithmetic that a precision uses (FLOP/s)."""
        rate = self.device.peak_fp32 if precision == "fp32" else self.device.peak_fp16
        assert rate is not None
        return rate


SETUPS = {
    "cloud": Setup(Models.Language.GPT2XL, H100, H100.mem_capacity, int(CLOUD_TOKENS.value), MFU_CLOUD.value),
    "mobile": Setup(
        Models.Language.GPT2Medium, PHONE, c.MOBILE_APP_BYTES.value, int(PHONE_TOKENS.value), MFU_PHONE.value
    ),
}


def gb(size: float) -> str:
    """Bytes as gigabytes, to the megabyte: 112, 59.86, 3.195, 0.057."""
    return plain(round(size / 1e9, 3))


def memory_limits(context: str) -> list[Limit]:
    """The memory lines of a context (B): the binding one, and the device around an app (NaN where there is none)."""
    if context == "cloud":
        return [Limit(H100.mem_capacity, "H100"), Limit(math.nan, "device", "caution")]
    return [Limit(c.MOBILE_APP_BYTES.value, "app"), Limit(PHONE.mem_capacity, "device", "caution")]


@dataclass(frozen=True)
class StateOutcome:
    """The training state (B) of a model, per part, and the largest model per memory."""

    weights_bytes: float
    gradients_bytes: float
    master_bytes: float
    optimizer_bytes: float
    total_bytes: float
    bytes_per_param: float
    capacity_bytes: float
    largest_params: tuple[float, ...]

    @property
    def parts(self) -> dict[str, float]:
        """The four parts by name (B)."""
        return {name: getattr(self, f"{name}_bytes") for name in PARTS}


class TrainingState(Act):
    """Act I: sixteen bytes a parameter, in FP32 and in mixed precision alike."""

    title = "Sixteen bytes"
    minutes = 13

    params = stops(
        "Parameters",
        (1e7, 3e7, 1e8, 2.5e8, 3.55e8, 5e8, 1e9, 1.5e9, 3e9, 5e9, 7e9, 1.3e10, 3e10, 7e10),
        c.PARAMS_7B.value,
        unit="billion",
        scale=1e-9,
        reason="models on a device to Llama 70B; 0.25, 0.5 and 5 billion are the largest that the three memories hold "
        "with Adam",
    )
    precision = choice(
        "Precision", PRECISIONS, "mixed", reason="16-bit copies with FP32 master weights are the standard"
    )
    optimizer = choice(
        "Optimizer", OPTIMIZERS, "adam", reason="none, one or two moments per parameter; 8-bit moments are a quarter"
    )

    @classmethod
    def compute(cls, context: str, *, params: float, precision: str, optimizer: str) -> StateOutcome:
        memory = physics.training_memory(params, precision, optimizer)
        return StateOutcome(
            **{f"{name}_bytes": float(memory[f"{name}_bytes"]) for name in PARTS},
            total_bytes=float(memory["total_bytes"]),
            bytes_per_param=physics.training_state_bytes_per_param(precision, optimizer),
            capacity_bytes=memory_limits(context)[0].value,
            largest_params=tuple(
                math.nan if math.isnan(limit.value) else physics.max_trainable_params(limit.value, precision, optimizer)
                for limit in memory_limits(context)
            ),
        )

    @classmethod
    @cache
    def asked(cls, precision: str = "mixed") -> StateOutcome:
        """The case of the question: 7 billion parameters with Adam."""
        return cls.compute("cloud", params=c.PARAMS_7B.value, precision=precision, optimizer="adam")

    def message(self) -> Message:
        asked = self.asked()
        return Message(
            "Junior training engineer, to the platform team",
            f"My {plain(c.PARAMS_7B.value / 1e9)}-billion-parameter fine-tune died on an {gb(H100.mem_capacity)} GB "
            "H100 before the first step. I use BF16 mixed precision with Adam and FP32 master weights. The BF16 "
            f"weights are only {gb(asked.weights_bytes)} GB, so there should be "
            f"**{gb(H100.mem_capacity - asked.weights_bytes)} GB** left. Finance has already booked "
            f"{CARDS_BOOKED.value:g} cards for tomorrow: how many does one copy really need?",
        )

    def from_ledger(self) -> str:
        size = self.lab.read("ch05", "memory_bytes")
        return (
            ""
            if size is None
            else f"Your Lab 05 network needed **{quantity(size, 'B')}** to answer. Training keeps more than an answer "
            "needs."
        )

    def concept(self) -> str:
        return (
            "Training keeps, for every parameter, the *weight*, its *gradient*, and whatever the *optimizer* "
            "remembers. Standard mixed precision holds weights and gradients in 16 bit, computes in 16 bit, and keeps "
            "an FP32 *master copy* of the weights so that small updates are not rounded away. Adam remembers two FP32 "
            "numbers. *Activations* come on top; in this act they are zero."
        )

    def prediction(self) -> ChoicePrediction:
        asked, fp32 = self.asked(), self.asked("fp32")
        total = asked.total_bytes

        def short(claimed_gb: float) -> str:
            return f"{total / (claimed_gb * 1e9):.2f}".rstrip("0").rstrip(".")

        return ChoicePrediction(
            f"{plain(c.PARAMS_7B.value / 1e9)} billion parameters, BF16 mixed precision with FP32 master copy, Adam. "
            "How much memory before a single activation?",
            (
                Option(
                    "A",
                    "14 GB",
                    value=14,
                    feedback=(
                        f"{short(14)} times short: that is what inference needs. Gradients, master copy and moments "
                        f"are {gb(total - asked.weights_bytes)} of the {gb(total)} GB."
                    ),
                ),
                Option(
                    "B",
                    "28 GB",
                    value=28,
                    feedback=(
                        f"{short(28)} times short: weights and gradients are only the visible part. The optimizer "
                        f"remembers more than the model, {gb(asked.optimizer_bytes)} GB."
                    ),
                ),
                Option(
                    "C",
                    "84 GB",
                    value=84,
                    feedback=(
                        f"{short(84)} times short: add the FP32 master copy, {gb(asked.master_bytes)} GB. Without it "
                        "small updates vanish. The chapter's six times the inference weights are an *at least*."
                    ),
                ),
                Option(
                    "D",
                    "112 GB",
                    value=112,
                    correct=True,
                    feedback=(
                        f"{math.ceil(total / H100.mem_capacity)} H100s for one copy, before activations: "
                        f"{' + '.join(gb(part) for part in asked.parts.values())} GB."
                    ),
                ),
            ),
            actual=total / 1e9,
            form=lambda size: f"{size:g} GB",
            why=(
                f"{asked.bytes_per_param:g} bytes a parameter. Switching from FP32 to mixed precision changed the sum "
                f"by {gb(total - fp32.total_bytes)} GB."
            ),
        )

    def plots(self, outcome: StateOutcome) -> dict[str, Any]:
        predicted = self.predicted()
        bars = [MemoryBar("your\nsetting", outcome.parts)]
        bars += [
            MemoryBar(name, self.compute(self.context, params=self.params, precision=kind, optimizer=rule).parts)
            for name, (kind, rule) in COMPARED.items()
        ]
        limits = memory_limits(self.context)
        # The prediction was about one size of model; beside another it would claim something it did not say.
        asked_here = predicted is not None and self.params == c.PARAMS_7B.value
        flag = Limit(predicted * 1e9 if predicted is not None and asked_here else math.nan, "prediction", "series-2")
        curves = {
            label: CURVE_PARAMS * physics.training_state_bytes_per_param(self.precision, rule)
            for rule, label in OPTIMIZERS.items()
        }
        names = "the H100" if self.context == "cloud" else "one app and the whole phone"
        largest = " and ".join(plain(size / 1e9) for size in outcome.largest_params if not math.isnan(size))
        return {
            "ledger": memory_ledger(
                bars,
                title=f"Training state of {plain(self.params / 1e9)} billion parameters",
                capacities=[*limits, flag],
                caption=(
                    f"{SPELT[self.precision]}, {OPTIMIZERS[self.optimizer]}: {gb(outcome.total_bytes)} GB, "
                    f"{outcome.bytes_per_param:g} bytes a parameter, of which the weights are "
                    f"{percent(outcome.weights_bytes / outcome.total_bytes)}."
                ),
            ),
            "capacity": capacity_curve(
                CURVE_PARAMS,
                curves,
                chosen=OPTIMIZERS[self.optimizer],
                here=(self.params, outcome.total_bytes),
                capacities=[Limit(limit.value, f"{limit.label} {gb(limit.value)} GB", limit.token) for limit in limits],
                largest=outcome.largest_params,
                predicted=None if predicted is None else (c.PARAMS_7B.value, predicted * 1e9),
                title=f"{SPELT[self.precision]}: state over the size of the model",
                caption=(
                    f"With {OPTIMIZERS[self.optimizer]} the largest model that the state alone leaves room for on "
                    f"{names}: {largest} billion parameters."
                ),
            ),
        }

    def metrics(self, outcome: StateOutcome) -> list[Metric]:
        fits = at_most(outcome.total_bytes, outcome.capacity_bytes)
        limit = memory_limits(self.context)[0]
        copies = (
            Metric("H100s for one copy", plain(math.ceil(outcome.total_bytes / outcome.capacity_bytes * (1 - 1e-12))))
            if self.context == "cloud"
            else Metric("Of the app limit", percent(outcome.total_bytes / outcome.capacity_bytes, 0))
        )
        return [
            Metric(
                "Training state",
                gb(outcome.total_bytes),
                "GB",
                note=f"limit {gb(limit.value)} GB",
                status="met" if fits else "violated",
            ),
            Metric("A parameter costs", f"{outcome.bytes_per_param:g}", "B"),
            Metric("Largest model", plain(outcome.largest_params[0] / 1e9), "billion", note="by state alone"),
            copies,
        ]

    def tables(self, outcome: StateOutcome) -> list[Table]:
        settings = [(self.precision, self.optimizer), *COMPARED.values()]
        costs = [self.compute(self.context, params=1.0, precision=kind, optimizer=rule) for kind, rule in settings]
        rows = [(name, *[f"{cost.parts[name]:g}" for cost in costs]) for name in PARTS]
        rows.append(("sum", *[f"{cost.total_bytes:g}" for cost in costs]))
        columns = ("", "yours", *(PRECISIONS[kind].removeprefix("pure ") for kind, _ in COMPARED.values()))
        return [Table("Bytes per parameter", columns, tuple(rows), emphasis=len(PARTS))]

    def reflection(self) -> Question:
        tensor, cuda = (SETUPS["cloud"].peak(kind) for kind in ("mixed", "fp32"))
        faster = f"{tensor / cuda:.1f}"
        return Question(
            f"Mixed precision left the state at {self.asked().bytes_per_param:g} bytes a parameter. What does it buy?",
            (
                Option(
                    "A",
                    "Nothing; it is a storage trick",
                    f"The state stayed equal, but matrix products run {faster} times faster and activations take half "
                    "the bytes.",
                ),
                Option(
                    "B",
                    f"Matrix products at {tensor / 1e12:.0f} instead of {cuda / 1e12:.0f} TFLOP/s, and activations at "
                    "half the bytes",
                    correct=True,
                    feedback=f"The floor stays, the slope halves, and the clock runs {faster} times faster.",
                ),
                Option("C", "Half the state after the first step", "State is allocated for the whole run."),
                Option("D", "It removes Adam's moments", "They stay, and they stay FP32."),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("training_state_bytes_per_param", "training_memory", "max_trainable_params"),
            "FP32 with Adam is $4 + 4 + 0 + 8$, mixed precision with Adam $2 + 2 + 4 + 8$: the master copy takes what "
            "the 16-bit weights and gradients save. Here $f = 1$ and $A = 0$.",
        )


@dataclass(frozen=True)
class StepOutcome:
    """One update of the recipe: memory by part (B), time by term (s), and how both move with the micro-batch."""

    state_bytes: float
    activation_bytes: float
    total_bytes: float
    step_time_s: float
    tokens_per_s: float
    oom: bool
    capacity_bytes: float
    parts: dict[str, float]
    terms: dict[str, float]
    slope_bytes: float
    compared_slopes: dict[str, float]
    largest_micro_batch: float
    accumulation_steps: float
    trained_layers: int
    checkpoints_used: int
    keeps_fp32_weights: bool
    adam_family: bool
    keeps_batch: bool
    eager_tokens_per_s: float
    energy_j: float

    @property
    def recipe(self) -> bool:
        """Whether the recipe was kept: 32 sequences, Adam family, FP32 weights."""
        return self.keeps_fp32_weights and self.adam_family and self.keeps_batch


class TrainingStep(Act):
    """Act II: the floor and the slope of one update, in a memory and in time."""

    title = "Floor and slope"
    minutes = 25

    precision = choice(
        "Precision",
        PRECISIONS,
        "mixed",
        reason="FP32, 16 bit with FP32 master weights, or 16 bit without them, which the recipe does not allow",
    )
    optimizer = choice(
        "Optimizer", OPTIMIZERS, "adam", reason="no moment to two FP32 moments; the recipe asks for the Adam family"
    )
    micro_batch = stops(
        "Micro-batch",
        (1, 2, 4, 8, 16, 32),
        32,
        reason="the divisors of the recipe's 32 sequences; the rest is accumulated",
        text=lambda size: f"{size:g}, in {EFFECTIVE_BATCH.value / size:g} {'step' if size == 32 else 'steps'}",
    )
    keep_scores = choice(
        "Attention scores",
        {True: "stored", False: "recomputed"},
        True,
        reason="kept for the backward pass, or rebuilt there as FlashAttention does",
    )
    checkpoints = stops(
        "Checkpoints",
        (0, 1, 2, 4, 7, 8, 12, 24, 48),
        0,
        reason="none to one per layer; 7 is the chapter's square root of 48; more than the trained layers count as one "
        "per trained layer",
        text=lambda count: f"{count:g}" if count else "none",
        per_context={"mobile": {"values": (0, 1, 2, 4, 7, 8, 12, 24)}},
    )
    trainable_layers = slider(
        "Trained layers",
        1,
        24,
        1,
        24,
        unit="of 24",
        only_in=("mobile",),
        reason="layers near the input can be frozen; at least one trains",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        precision: str,
        optimizer: str,
        micro_batch: float,
        keep_scores: bool,
        checkpoints: float,
        trainable_layers: float | None = None,
        accumulation_steps: float | None = None,
    ) -> StepOutcome:
        setup = SETUPS[context]
        params, layers = setup.model.params, setup.layers
        trained = layers if trainable_layers is None else int(trainable_layers)
        used = min(int(checkpoints), trained)
        share = trained / layers
        steps = EFFECTIVE_BATCH.value / micro_batch if accumulation_steps is None else accumulation_steps
        peak, bandwidth = setup.peak(precision), setup.device.mem_bandwidth

        def slope(keep: bool, kept_inputs: int) -> float:
            """Activations of one sequence (B)."""
            return float(
                physics.transformer_activation_bytes(
                    trained,
                    micro_batch=1,
                    precision=precision,
                    keep_scores=keep,
                    checkpoints=kept_inputs,
                    **setup.shape,
                )
            )

        def pass_time(keep: bool, kept_inputs: int) -> float:
            """All forward and backward passes of an update (s)."""
            return steps * float(
                physics.micro_step_time(
                    params,
                    micro_batch * setup.seq_len,
                    share,
                    peak,
                    setup.mfu,
                    keep,
                    kept_inputs,
                    setup.seq_len,
                    setup.shape["width"],
                    layers,
                )
            )

        activations = slope(keep_scores, used) * micro_batch
        memory = physics.training_memory(params, precision, optimizer, activations, share)
        state, total = float(memory["total_bytes"]) - activations, float(memory["total_bytes"])
        plain_passes = pass_time(True, 0)
        passes = pass_time(keep_scores, used)
        gradient = training.STORAGE_BYTES[precision][1]
        accumulation = (steps - 1) * physics.accumulation_overhead(params, share, gradient, bandwidth)
        update = physics.optimizer_step_time(params, share, precision, optimizer, bandwidth)
        step = passes + accumulation + update
        tokens = micro_batch * steps * setup.seq_len
        return StepOutcome(
            state_bytes=state,
            activation_bytes=activations,
            total_bytes=total,
            step_time_s=step,
            tokens_per_s=tokens / step,
            oom=not at_most(total, setup.capacity_bytes),
            capacity_bytes=setup.capacity_bytes,
            parts={name: float(memory[f"{name}_bytes"]) for name in (*PARTS, "activations")},
            terms={
                "forward and backward": plain_passes,
                "recompute": passes - plain_passes,
                "accumulate": accumulation,
                "optimizer step": update,
            },
            slope_bytes=activations / micro_batch,
            compared_slopes={
                "stored": slope(True, 0),
                "recomputed": slope(False, 0),
                "checkpoints": slope(True, trained),
            },
            largest_micro_batch=float(
                physics.max_batch_in_memory(setup.capacity_bytes, state, activations / micro_batch)
            ),
            accumulation_steps=steps,
            trained_layers=trained,
            checkpoints_used=used,
            keeps_fp32_weights=precision in RECIPE_PRECISIONS,
            adam_family=optimizer in RECIPE_OPTIMIZERS,
            keeps_batch=math.isclose(micro_batch * steps, EFFECTIVE_BATCH.value, rel_tol=1e-9),
            eager_tokens_per_s=tokens / (passes * setup.mfu / MFU_EAGER.value + accumulation + update),
            energy_j=c.MOBILE_POWER.value * UPDATES.value * step,
        )

    @classmethod
    @cache
    def case(cls, context: str, **changed: Any) -> StepOutcome:
        """The defaults of a context with some controls changed."""
        defaults = {name: spec.default for name, spec in cls.controls_in(context).items()}
        return cls.compute(context, **{**defaults, **changed})

    def message(self) -> Message:
        if self.context == "cloud":
            setup = SETUPS["cloud"]
            return Message(
                "Research lead, a language-model group",
                f"{setup.model.name}, recipe fixed at {EFFECTIVE_BATCH.value:g} sequences of {setup.seq_len:,} tokens "
                f"per update, Adam, FP32 master weights. One H100, and I need **{TARGET_CLOUD.value:,.0f} tokens per "
                f"second**; our first configuration wants **{self.case('cloud').total_bytes / 1e9:.0f} GB**. Do not "
                "change the recipe.",
            )
        setup = SETUPS["mobile"]
        return Message(
            "Keyboard privacy lead, a phone maker",
            f"Typing data may not leave the phone, so the {setup.model.params / 1e6:.0f} M model learns on the device "
            f"while it charges: {UPDATES.value:g} updates in {UPDATES.value * TARGET_STEP.value / 60:.0f} minutes, at "
            f"least **{TARGET_LAYERS.value:g} of the {setup.layers} layers**, inside a "
            f"**{gb(setup.capacity_bytes)} GB** app. The first test was killed by the system at once.",
        )

    def from_ledger(self) -> str:
        lines = []
        if self.lab.read("ch06", "attention_algorithm") == "tiled":
            start = self.case("cloud", keep_scores=False).total_bytes / 1e9
            lines.append(
                "In Lab 06 you chose tiled attention, so the scores start as *recomputed*: in Cloud "
                f"{start:.1f} GB, still more than the card holds."
            )
        if self.lab.read("ch07", "act2_decision") == "eager":
            lines.append(
                "In Lab 07 you ran the loop eagerly: beside the throughput stands what it would be at an MFU of "
                f"{MFU_EAGER.value:g} (Cloud)."
            )
        tax = self.lab.read("ch04", "feeding_tax")
        if tax is not None:
            lines.append(
                f"In Lab 04 the accelerator waited for data {percent(tax)} of the time. The MFU of "
                f"{MFU_CLOUD.value:g} assumed here has a loader that keeps up."
            )
        return "\n".join(f"- {line}" for line in lines)

    def concept(self) -> str:
        return (
            "*Activations* are kept for the backward pass and grow with the micro-batch. A batch of "
            f"{EFFECTIVE_BATCH.value:g} may be fed in pieces whose gradients are added up (*accumulation*). "
            "*Checkpoints* keep only some layer inputs and rebuild the rest, one more forward pass. Attention scores "
            "can be *recomputed* instead of stored. Layers near the input can be *frozen*: no gradient, no optimizer "
            "state, no saved activations."
        )

    def prediction(self) -> ChoicePrediction:
        start, phone = self.case("cloud"), self.case("mobile")
        card, batch = H100.mem_capacity, EFFECTIVE_BATCH.value
        floor, slope = start.state_bytes, start.slope_bytes

        def needs(size: int) -> str:
            return f"{(floor + slope * size) / 1e9:.1f} GB"

        return ChoicePrediction(
            f"GPT-2 XL ({plain(SETUPS['cloud'].model.params / 1e9)} billion parameters), mixed precision, Adam, scores "
            f"stored: {start.total_bytes / 1e9:.0f} GB at micro-batch {batch:g}. What is the largest micro-batch, any "
            f"whole number, that fits in {gb(card)} GB?",
            (
                Option(
                    "A",
                    "2",
                    value=2,
                    feedback=(
                        f"{gb(card)} over the {needs(1)} of one sequence is {card / (floor + slope):.1f}, as if every "
                        f"sequence brought a state of its own. The state is shared: {floor / 1e9:.1f} GB once, then "
                        f"{slope / 1e9:.2f} GB a sequence. Two need only {needs(2)}."
                    ),
                ),
                Option(
                    "B",
                    "16",
                    value=16,
                    feedback=(
                        f"{batch:g} × √({gb(card)}/{start.total_bytes / 1e9:.0f}) is "
                        f"{batch * math.sqrt(card / start.total_bytes):.1f}, but the square belongs to the context "
                        f"length inside one sequence; sequences simply add. 16 need {needs(16)}."
                    ),
                ),
                Option(
                    "C",
                    "8",
                    value=8,
                    feedback=(
                        f"{batch:g} × {gb(card)}/{start.total_bytes / 1e9:.0f} is "
                        f"{batch * card / start.total_bytes:.1f}: 8 would be right if the floor were zero. It needs "
                        f"{needs(8)}."
                    ),
                ),
                Option(
                    "D",
                    "6",
                    value=6,
                    correct=True,
                    feedback=f"Floor first, then the slope: 6 sequences take {needs(6)}.",
                ),
            ),
            actual=start.largest_micro_batch,
            form=lambda size: f"{size:g}",
            why=(
                f"A floor of {floor / 1e9:.1f} GB and {slope / 1e9:.3f} GB a sequence: ({gb(card)} − "
                f"{floor / 1e9:.1f}) / {slope / 1e9:.3f} = {(card - floor) / slope:.2f}. "
                f"{start.largest_micro_batch:g} does not divide {batch:g}, so the recipe takes 4 or less. On the phone "
                f"the same sum is ({gb(phone.capacity_bytes)} − {phone.state_bytes / 1e9:.2f}) / "
                f"{phone.slope_bytes / 1e9:.3f} < 0: **no** micro-batch fits."
            ),
        )

    def challenge(self) -> str:
        recipe = (
            f"keeping the recipe: {EFFECTIVE_BATCH.value:g} sequences per update, Adam or 8-bit Adam, FP32 weights kept"
        )
        if self.context == "cloud":
            return (
                f"Train within **{gb(H100.mem_capacity)} GB** at **{TARGET_CLOUD.value:,.0f} tokens/s** or more, "
                f"{recipe}. Then try your remedy on the phone."
            )
        return (
            f"Train at least **{TARGET_LAYERS.value:g} layers** within **{gb(c.MOBILE_APP_BYTES.value)} GB** and "
            f"**{TARGET_STEP.value:g} s** per update, {recipe}. Then find out how many layers you can keep."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        recipe = Constraint(
            f"Recipe: {EFFECTIVE_BATCH.value:g} sequences, Adam family, FP32 weights kept", lambda o: o.recipe
        )
        if self.context == "cloud":
            return (
                Constraint(f"Memory ≤ {gb(H100.mem_capacity)} GB", lambda o: not o.oom),
                Constraint(
                    f"≥ {TARGET_CLOUD.value:,.0f} tokens/s", lambda o: at_least(o.tokens_per_s, TARGET_CLOUD.value)
                ),
                recipe,
            )
        return (
            Constraint(f"App ≤ {gb(c.MOBILE_APP_BYTES.value)} GB", lambda o: not o.oom),
            Constraint(f"≤ {TARGET_STEP.value:.1f} s per update", lambda o: at_most(o.step_time_s, TARGET_STEP.value)),
            Constraint(
                f"≥ {TARGET_LAYERS.value:g} trained layers", lambda o: at_least(o.trained_layers, TARGET_LAYERS.value)
            ),
            recipe,
        )

    def failures(self) -> tuple[Failure, ...]:
        def broken(o: StepOutcome) -> str:
            rules = [] if o.keeps_fp32_weights else ["pure BF16 has no master copy, and the recipe keeps FP32 weights"]
            rules += [] if o.adam_family else ["the recipe asks for Adam or 8-bit Adam"]
            return f"{'; '.join(rules)}."

        recipe = Failure("recipe", "RECIPE BROKEN:", when=lambda o: not o.recipe, text=broken, severity="warn")
        if self.context == "cloud":
            return (
                Failure(
                    "oom",
                    "OUT OF MEMORY:",
                    when=lambda o: o.oom,
                    text=lambda o: (
                        f"{o.total_bytes / 1e9:.1f} GB needed, {gb(o.capacity_bytes)} GB available; floor "
                        f"{o.state_bytes / 1e9:.1f} GB, activations {o.activation_bytes / 1e9:.1f} GB. Only the "
                        "micro-batch, score recomputation and checkpoints move the second number."
                    ),
                ),
                Failure(
                    "too_slow",
                    "TOO SLOW:",
                    when=lambda o: not at_least(o.tokens_per_s, TARGET_CLOUD.value),
                    text=lambda o: f"{o.tokens_per_s:,.0f} tokens/s of {TARGET_CLOUD.value:,.0f}.",
                    severity="warn",
                ),
                recipe,
            )
        return (
            Failure(
                "oom",
                "APP KILLED:",
                when=lambda o: o.oom,
                text=lambda o: (
                    f"{o.total_bytes / 1e9:.2f} GB, limit {gb(o.capacity_bytes)} GB (device "
                    f"{gb(PHONE.mem_capacity)} GB). The floor is {o.state_bytes / 1e9:.2f} GB; "
                    f"{'no micro-batch can help' if o.largest_micro_batch < 1 else 'reduce the micro-batch'}."
                ),
            ),
            Failure(
                "too_slow",
                "TOO SLOW:",
                when=lambda o: not at_most(o.step_time_s, TARGET_STEP.value),
                text=lambda o: f"{o.step_time_s:.2f} s per update, limit {TARGET_STEP.value:.1f} s.",
                severity="warn",
            ),
            recipe,
        )

    def plots(self, outcome: StepOutcome) -> dict[str, Any]:
        cloud, start = self.context == "cloud", self.case(self.context)
        limits = memory_limits(self.context)
        tokens = EFFECTIVE_BATCH.value * SETUPS[self.context].seq_len
        allowed = tokens / TARGET_CLOUD.value if cloud else TARGET_STEP.value
        per_sequence = outcome.slope_bytes / 1e9
        room = outcome.capacity_bytes - outcome.state_bytes
        if room < outcome.slope_bytes:
            fits = (
                f"The floor alone is {percent(outcome.state_bytes / outcome.capacity_bytes, 0)} of the limit: no "
                "micro-batch fits."
            )
        else:
            fits = (
                f"({gb(outcome.capacity_bytes)} − {gb(outcome.state_bytes)}) / {plain(per_sequence, 3)} = "
                f"{room / outcome.slope_bytes:.2f}: up to {outcome.largest_micro_batch:,.0f} fit."
            )
        return {
            "ledger": memory_ledger(
                [MemoryBar("your design", outcome.parts), MemoryBar("at the start", start.parts)],
                title="What fills the memory",
                capacities=limits,
                caption=(
                    f"{gb(outcome.total_bytes)} GB: {gb(outcome.state_bytes)} of state, "
                    f"{gb(outcome.activation_bytes)} of activations "
                    f"({percent(outcome.activation_bytes / outcome.total_bytes, 0)})."
                ),
            ),
            "floor": floor_and_slope(
                outcome.state_bytes,
                outcome.slope_bytes,
                micro_batch=self.micro_batch,
                compared=outcome.compared_slopes,
                limit=limits[0],
                largest=outcome.largest_micro_batch,
                predicted=self.predicted() if cloud else None,
                up_to=EFFECTIVE_BATCH.value,
                title="Memory over the micro-batch",
                caption=f"Floor {gb(outcome.state_bytes)} GB, then {plain(per_sequence, 3)} GB a sequence. {fits}",
            ),
            "waterfall": latency_waterfall(
                [Bar("your design", outcome.terms), Bar("at the start", start.terms)],
                title="One update, term by term",
                limits=[Limit(allowed, "limit")],
                unit="s",
                scale=1.0,
                caption=(
                    f"{number(outcome.step_time_s, 4)} s, of which the passes are "
                    f"{percent(outcome.terms['forward and backward'] / outcome.step_time_s)}, recomputing "
                    f"{percent(outcome.terms['recompute'] / outcome.step_time_s)}, accumulating "
                    f"{percent(outcome.terms['accumulate'] / outcome.step_time_s)}. Limit "
                    f"{number(allowed, 4)} s."
                ),
            ),
        }

    def metrics(self, outcome: StepOutcome) -> list[Metric]:
        cloud = self.context == "cloud"
        fast = at_least(outcome.tokens_per_s, TARGET_CLOUD.value)
        in_time = at_most(outcome.step_time_s, TARGET_STEP.value)
        eager = cloud and self.lab.read("ch07", "act2_decision") == "eager"
        largest = outcome.largest_micro_batch
        readouts = [
            Metric(
                "Training memory",
                gb(outcome.total_bytes),
                "GB",
                note=f"limit {gb(outcome.capacity_bytes)} GB",
                status="violated" if outcome.oom else "met",
            ),
            Metric(
                "Largest micro-batch",
                f"{largest:,.0f}" if largest else "none",
                note="that fits, any whole number" if largest else "not even one sequence fits",
            ),
            Metric(
                "Throughput",
                f"{outcome.tokens_per_s:,.0f}",
                "tokens/s",
                note=f"{outcome.eager_tokens_per_s:,.0f} at the MFU of {MFU_EAGER.value:g} of an uncompiled loop"
                if eager
                else f"at an MFU of {SETUPS[self.context].mfu:g}",
                status="neutral" if not cloud else "met" if fast else "violated",
            ),
            Metric(
                "Update",
                number(outcome.step_time_s, 4),
                "s",
                note=f"{outcome.accumulation_steps:g} × {counted(self.micro_batch, 'sequences')}",
                status="neutral" if cloud else "met" if in_time else "violated",
            ),
        ]
        if not cloud:
            minutes = UPDATES.value * outcome.step_time_s / 60
            readouts += [
                Metric(
                    "Floor",
                    gb(outcome.state_bytes),
                    "GB",
                    note=f"{percent(outcome.state_bytes / outcome.capacity_bytes, 0)} of the limit",
                ),
                Metric(
                    "Energy",
                    number(outcome.energy_j / 3600),
                    "Wh",
                    note=f"{UPDATES.value:g} updates in {minutes:.1f} min at {c.MOBILE_POWER.value:g} W",
                ),
            ]
        return readouts

    def tables(self, outcome: StepOutcome) -> list[Table]:
        rows = [
            (name, number(size / 1e9), percent(size / outcome.total_bytes), percent(size / outcome.capacity_bytes))
            for name, size in (*outcome.parts.items(), ("total", outcome.total_bytes))
        ]
        columns = ("part", "GB", "share", "of the limit")
        return [Table("Where the memory goes", columns, tuple(rows), emphasis=len(rows) - 1)]

    def reflection(self) -> Question:
        least = self.case("mobile", micro_batch=1, checkpoints=SETUPS["mobile"].layers)
        floor, rest, total = (size / 1e9 for size in (least.state_bytes, least.activation_bytes, least.total_bytes))
        each = physics.training_state_bytes_per_param("mixed", "adam")
        each_fp32 = physics.training_state_bytes_per_param("fp32", "adam")
        return Question(
            f"On the phone, micro-batch 1 with every layer checkpointed still fails at {least.trained_layers} layers. "
            "Which statement is right?",
            (
                Option(
                    "A",
                    "Smaller micro-batches would fit",
                    f"1 is the smallest, and activations are already {rest:.2f} GB.",
                ),
                Option(
                    "B",
                    f"The floor is {each:g} B a parameter, {floor:.2f} GB; only fewer trained parameters or fewer "
                    "bytes a parameter lower it",
                    correct=True,
                    feedback=f"Activations are {rest:.2f} of the {total:.2f} GB.",
                ),
                Option("C", "The phone needs FP32", f"FP32 with Adam costs {each_fp32:g} B a parameter as well."),
                Option(
                    "D",
                    "Accumulation with more steps lowers the state",
                    "It lowers only the activations: the state is there once, however the batch is fed.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "training_memory",
                "transformer_activation_bytes_per_layer",
                "transformer_activation_bytes",
                "max_batch_in_memory",
                "micro_step_time",
                "accumulation_overhead",
                "optimizer_step_time",
            ),
            r"An update is $T = n_{acc} T_{micro} + (n_{acc} - 1)\, T_{acc} + T_{opt}$ with $n_{acc} = 32/B$. The "
            "floor is the memory at $B = 0$, the slope the activations of one sequence. If only the last layers train, "
            "they alone keep activations.",
        )


class TrainingMemoryLab(Lab):
    """Training memory is a floor and a slope; each remedy moves one of them."""

    volume, number, slug = 1, 8, "lab_08_model_train"
    title = "The Training Memory Budget"
    question = "What besides the weights must fit before a model can learn?"
    chapter = "Model Training"
    invariant = (
        "Training memory is weights, gradients, optimizer state and activations: a floor proportional to the "
        "parameters plus a slope proportional to the micro-batch. Each remedy moves only one of the two."
    )
    contexts = (CLOUD, MOBILE)
    acts = (TrainingState, TrainingStep)
    briefing = (
        "“The weights fit, so training fits” and “mixed precision halves the memory” are both wrong, by large factors. "
        "In Act I you count what one parameter costs before the first activation. In Act II a fixed recipe has to fit: "
        "on a large card the slope overflows, on a phone the floor itself does, and the levers of one are useless on "
        "the other."
    )
    reading = (
        Reading(
            "Model Training, Training Systems Fundamentals", "what a 7-billion model keeps, and why runs die of OOM"
        ),
        Reading("Model Training, Iron Law of Training Performance", "which technique touches which term"),
        Reading("Model Training, Backpropagation mechanics", "activation memory, and memory against computation"),
        Reading("Model Training, Mixed-precision benefits", "FP32 master weights and loss scaling"),
        Reading(
            "Model Training, Gradient accumulation and checkpointing mechanics",
            "what each of the two saves and what it costs; where checkpoints are best placed",
        ),
    )
    assumptions = (
        "- One device. Allocator fragmentation and temporary buffers are left out: a design at 78 of 80 GB would fail "
        "in practice.\n- A decoder with dropout. Activations follow the published count per layer; FP32 doubles it, "
        "the dropout mask included, a slight overestimate.\n- 8-bit moments are counted without their block scales "
        "(0.2 %).\n- A checkpoint is the input of a layer. The chapter charges it as a whole layer's activations and "
        "finds 7 of 48 best; with the smaller cost the best is one per layer.\n- Arithmetic is two operations per "
        "weight and token forward, four backward; attention products are left out of it. Frozen layers run forward "
        "only, and parameters are spread evenly over layers.\n- FP32 runs on the CUDA cores. With TF32 tensor cores "
        "the gap to BF16 would be about 2 instead of 14.8; the memory is the same.\n- The MFU is a constant: small "
        "micro-batches fill a real device less well.\n- Gigabytes are decimal."
    )
    constants = (
        c.PARAMS_7B,
        c.GPT2XL_PARAMS,
        c.GPT2XL_LAYERS,
        c.GPT2XL_WIDTH,
        c.GPT2XL_HEADS,
        CLOUD_TOKENS,
        GPT2_MEDIUM_PARAMS,
        PHONE_TOKENS,
        c.H100_MEM_CAPACITY,
        c.H100_MEM_BW,
        c.H100_FLOPS_FP16_TENSOR,
        c.H100_FLOPS_FP32,
        c.MOBILE_MEM_CAPACITY,
        c.MOBILE_APP_BYTES,
        c.MOBILE_NPU_MEM_BW,
        c.MOBILE_FP16,
        c.MOBILE_FP32,
        c.MOBILE_POWER,
        MFU_CLOUD,
        MFU_PHONE,
        MFU_EAGER,
        ACTIVATION,
        SCORE,
        LAYER_INPUT,
        EFFECTIVE_BATCH,
        TARGET_CLOUD,
        TARGET_STEP,
        TARGET_LAYERS,
        UPDATES,
        CARDS_BOOKED,
    )
    reads = (
        ("ch05", "context"),
        ("ch05", "memory_bytes"),
        ("ch06", "attention_algorithm"),
        ("ch07", "act2_decision"),
        ("ch04", "feeding_tax"),
    )
    decision_radio = Radio(
        "Which remedy carried the design?",
        {
            "micro_batch": "a smaller micro-batch with accumulation",
            "recompute_scores": "recomputing the attention scores",
            "checkpoint": "checkpointing layers",
            "freeze_layers": "freezing layers",
            "shrink_optimizer": "a smaller optimizer state",
        },
    )
    instructor_notes = (
        "- The most defended wrong answer is 84 GB in Act I: it is the chapter's own box. Ask what happens to an "
        "update of relative size 2^-10 in BF16, which has 8 bits of significand: it is lost. Hence the master copy.\n"
        "- Let two groups swap contexts: cloud winners try their remedies on the phone and see that none applies.\n"
        "- Why is the total a straight line in the micro-batch, and what are intercept and slope?\n"
        "- Real allocators need headroom; discuss margins.\n"
        "- Extension: LoRA of rank r on all layers. The floor becomes the weights and little else, but the activations "
        "of all layers stay. Which context gains more?"
    )

    def open(self) -> None:
        origin = self.read("ch05", "context")
        if origin is not None:
            self.start_in(origin, "Lab 05")
        if self.read("ch06", "attention_algorithm") == "tiled":
            self.act2.preset("keep_scores", False, "Lab 06")

    def result(self) -> float:
        return self.act2.outcome.tokens_per_s

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "precision": act.precision,
            "optimizer": act.optimizer,
            "micro_batch": act.micro_batch,
            "checkpoints": act.outcome.checkpoints_used,
            "trained_layers": act.outcome.trained_layers,
            "total_bytes": act.outcome.total_bytes,
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"micro_batch": 4}
        return {"trainable_layers": 12, "micro_batch": 4}

    def breaking(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"micro_batch": 8, "keep_scores": True}
        return {"micro_batch": 1}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
