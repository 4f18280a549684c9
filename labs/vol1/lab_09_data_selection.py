"""V1-09 The Selection Tax.

Act I: a curriculum that saves epochs, and the probe that has to rank the pool first. Act II: a campaign in the cloud
and a nightly fine-tune at the edge, where five ways to choose the data compete and most of them cost too much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from components.controls import choice, slider
from components.instruments.data_selection import (
    EVERYTHING,
    LOOKING,
    LOOKING_AGAIN,
    TRAINING,
    Bill,
    Schedule,
    curriculum_pacing,
    rare_class_tiles,
    schedule_breakeven,
    selection_bill,
)
from components.instruments.layers import Axis, Plot
from components.instruments.pareto import Box, Design, Trace, pareto_curve
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
from components.quantity import counted, number, percent, plain
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

CLOUD = Context("cloud", "Cloud", "cloud", "H100s; training from scratch on curated images.")
EDGE = Context("edge", "Edge", "edge", "A Jetson Orin NX; a short fine-tune every night.")

CURRICULA = "Data Selection, table of epochs to target"

FWD_RESNET18 = scenario(
    "fwd_resnet18", 3.6e9, "FLOP/image", "forward pass of ResNet-18 at 224 px", "He et al. 2016, Table 1", "paper"
)
FWD_CLIP = scenario(
    "fwd_clip_vit_l14",
    162e9,
    "FLOP/image",
    "forward pass of the image tower of CLIP ViT-L/14 at 224 px",
    "81.0 G multiply-adds from 24 layers of width 1,024 and 257 tokens; Radford et al. 2021",
    "paper",
)
N_CLOUD = scenario("n_cloud", 1_281_167, "image", "training images of ImageNet-1k", "ILSVRC 2012", "paper")
N_EDGE = scenario(
    "n_edge", 100_000, "image", "frames of one inspection camera", "about a week at ten stored frames a minute"
)
EPOCHS_CLOUD = scenario("epochs_cloud", 90, "count", "epochs to target, shuffled ImageNet", CURRICULA, "chapter")
CURR_CLOUD = scenario("curr_cloud", 80, "count", "epochs with a loss-based curriculum", CURRICULA, "chapter")
EPOCHS_NOISY = scenario("epochs_noisy", 90, "count", "epochs to target, noisy labels, shuffled", CURRICULA, "chapter")
CURR_NOISY = scenario(
    "curr_noisy",
    70,
    "count",
    "epochs with a curriculum on about 40 % noisy labels",
    f"{CURRICULA}; Jiang et al. 2018 (MentorNet)",
    "chapter",
)
EPOCHS_CIFAR10 = scenario("epochs_cifar10", 150, "count", "epochs to target, shuffled CIFAR-10", CURRICULA, "chapter")
CURR_CIFAR10 = scenario("curr_cifar10", 115, "count", "epochs with a curriculum, CIFAR-10", CURRICULA, "chapter")
EPOCHS_EDGE = scenario(
    "epochs_edge", 9, "count", "epochs of the nightly fine-tune", "about a tenth of a schedule from scratch"
)
RUNS_CLOUD = scenario(
    "runs_cloud", 30, "count", "runs that share the scores", "Data Selection, cost breakdown", "chapter"
)
RUNS_EDGE = scenario("runs_edge", 1, "count", "fine-tunes of one night", "the pool is another one tomorrow")
PROBE_EPOCHS = scenario(
    "probe_epochs",
    5,
    "count",
    "epochs for which a probe is trained before it scores",
    "Data Selection: five to ten; Paul et al. 2021",
    "chapter",
)
WARMUP_MAX = scenario(
    "warmup_max", 10, "count", "longest warm-up of the pacing", "Data Selection, pacing example", "chapter"
)
ACC_CLOUD = scenario(
    "acc_cloud", 0.761, "1", "top-1 of ResNet-50 on the full set", "Data Selection; He et al. 2016", "chapter"
)
ACC_EDGE = scenario(
    "acc_edge", 0.920, "1", "accuracy of the inspection model on the full pool", "typical of a single-site classifier"
)
BETA = scenario("beta", 0.309, "1", "exponent of top-1 error against data", "Hestness et al. 2017", "paper")
ALPHA_LM = scenario(
    "alpha_lm", 0.095, "1", "exponent of language-model loss against data", "Kaplan et al. 2020", "paper"
)
RHO_CLOUD = scenario(
    "rho_cloud", 0.20, "1", "share of ImageNet that can be dropped without loss", "Sorscher et al. 2022", "paper"
)
RHO_EDGE = scenario(
    "rho_edge",
    0.50,
    "1",
    "the same for the frames of a fixed camera",
    "half of CIFAR-10 suffices (Paul et al. 2021); carried over to near-duplicate video",
)
RECALL_CHECKPOINT = scenario(
    "recall_checkpoint", 0.8, "1", "redundant samples that a deployed model finds", "a value for teaching"
)
RECALL_PROXY = scenario(
    "recall_proxy",
    0.9,
    "1",
    "redundant samples that a small probe finds",
    "a value for teaching; order of proxy and target: Coleman et al. 2020",
)
RECALL_TARGET = scenario(
    "recall_target", 1.0, "1", "redundant samples that the model itself finds", "a value for teaching"
)
RECALL_FOUNDATION = scenario(
    "recall_foundation", 1.0, "1", "redundant samples that a foundation model finds", "a value for teaching"
)
RARE_CLOUD = scenario(
    "rare_cloud", 200, "image", "recalled-product images in the pool", "the floor binds below 75 % kept"
)
RARE_EDGE = scenario("rare_edge", 300, "image", "crack images in the pool", "the floor binds below 50 % kept")
COVERAGE_FLOOR = scenario(
    "coverage_floor",
    150,
    "image",
    "rare samples that the test protocol needs",
    "Data Selection, coverage illustration",
    "chapter",
)
ACC_FLOOR_CLOUD = scenario("acc_floor_cloud", 75.1, "percent", "release criterion", "within one point of full data")
ACC_FLOOR_EDGE = scenario("acc_floor_edge", 91.0, "percent", "release criterion", "within one point of full data")
BUDGET_CLOUD = scenario(
    "budget_cloud", 140, "hour", "reserved H100-hours", "73 % of the full cost: selection is needed"
)
BUDGET_EDGE = scenario(
    "budget_edge", 1.2, "hour", "nightly battery window", "61 % of the full cost: selection is needed"
)
LEAST_KEPT = scenario(
    "least_kept", 0.05, "1", "smallest kept share on offer", "below it the error law leaves its range"
)

EXAMPLE = "Data Selection, selection inequality, worked example"
EXAMPLE_IMAGES = scenario("example_images", 1e6, "image", "pool of the worked example", EXAMPLE, "chapter")
EXAMPLE_EPOCHS = scenario("example_epochs", 100, "count", "its epochs", EXAMPLE, "chapter")
EXAMPLE_STEP = scenario("example_step_s", 10e-3, "s", "its training time per image", EXAMPLE, "chapter")
EXAMPLE_SCORE = scenario("example_score_s", 2e-3, "s", "its scoring time per image, by a proxy", EXAMPLE, "chapter")
EXAMPLE_KEPT = scenario("example_kept", 0.10, "1", "its kept share", EXAMPLE, "chapter")
ICR_ALL = scenario("icr_all", 5.0, "percent", "points gained on all data", "Data Selection, ICR example", "chapter")
ICR_HALF = scenario("icr_half", 4.5, "percent", "points gained on half of it", "Data Selection, ICR example", "chapter")
READ_BLOCK = scenario("read_block", 4e3, "B", "one scattered read", "usual block of a file system")
DISK_IOPS = scenario("disk_iops", 100, "1/s", "scattered reads of a 7,200 rpm disk", "seek and half a turn: 10 ms")
DISK_SEQUENTIAL = scenario("disk_sequential", 150e6, "B/s", "its sequential rate", "usual data-sheet value")
FLASH_IOPS = scenario("flash_iops", 10_000, "1/s", "scattered reads of SATA flash, one at a time", "usual value")
FLASH_SEQUENTIAL = scenario("flash_sequential", 550e6, "B/s", "its sequential rate", "limit of SATA")

F, TRAIN = c.RESNET50_FLOPS.value, c.TRAIN_FACTOR.value
#: Share of the dense peak that ResNet-50 training sustains on an H100; assumed on the Orin, too.
SUSTAINED = c.RESNET50_H100_MLPERF.value * TRAIN * F / c.H100_FLOPS_FP16_TENSOR.value
SAMPLES_S = c.RESNET50_H100_MLPERF.value
HOUR = 3600.0


@dataclass(frozen=True)
class Site:
    """What a context trains, on what, and what it must reach."""

    device: str
    rate: float
    pool: float
    epochs: float
    runs: float
    #: Epochs to target with and without a curriculum, from the chapter's table.
    curriculum: tuple[float, float]
    accuracy: float
    redundancy: float
    rare: int
    rare_name: str
    floor_pct: float
    budget_h: float
    job: str

    @property
    def ratio(self) -> float:
        """Epochs with a curriculum over epochs without."""
        return self.curriculum[0] / self.curriculum[1]

    def shortened(self, epochs: Any) -> Any:
        """Epochs to the same target with a curriculum."""
        return epochs * self.curriculum[0] / self.curriculum[1]


SITES = {
    "cloud": Site(
        "H100",
        c.H100_FLOPS_FP16_TENSOR.value * SUSTAINED,
        N_CLOUD.value,
        EPOCHS_CLOUD.value,
        RUNS_CLOUD.value,
        (CURR_CLOUD.value, EPOCHS_CLOUD.value),
        ACC_CLOUD.value,
        RHO_CLOUD.value,
        int(RARE_CLOUD.value),
        "recalled-product images",
        ACC_FLOOR_CLOUD.value,
        BUDGET_CLOUD.value,
        "campaign",
    ),
    "edge": Site(
        "Orin NX",
        c.ORIN_NX_FP16_DENSE.value * SUSTAINED,
        N_EDGE.value,
        EPOCHS_EDGE.value,
        RUNS_EDGE.value,
        (CURR_NOISY.value, EPOCHS_NOISY.value),
        ACC_EDGE.value,
        RHO_EDGE.value,
        int(RARE_EDGE.value),
        "crack images",
        ACC_FLOOR_EDGE.value,
        BUDGET_EDGE.value,
        "night",
    ),
}


@dataclass(frozen=True)
class Scorer:
    """A way to rank a pool: forward pass (FLOP), epochs of training it, scoring passes, recall, colour."""

    name: str
    forward: float
    probe_epochs: float
    passes: float
    recall: float
    token: str

    def flops(self, pool: float = 1.0) -> float:
        """What scoring the pool once costs (FLOP)."""
        return physics.selection_flops(pool, self.forward, self.probe_epochs, self.passes, TRAIN)


SCORERS = {
    "random": Scorer("random subset", 0.0, 0, 0, 0.0, "series-6"),
    "checkpoint": Scorer("deployed checkpoint", F, 0, 1, RECALL_CHECKPOINT.value, "series-3"),
    "proxy": Scorer("ResNet-18 probe", FWD_RESNET18.value, PROBE_EPOCHS.value, 1, RECALL_PROXY.value, "series-5"),
    "target": Scorer("ResNet-50 probe", F, PROBE_EPOCHS.value, 1, RECALL_TARGET.value, "series-4"),
    "foundation": Scorer("CLIP ViT-L/14", FWD_CLIP.value, 0, 1, RECALL_FOUNDATION.value, "caution"),
}
#: Act I: two probes that rank the pool once, and two ways to rank it while training.
RANKINGS = {
    "proxy": "ResNet-18 probe",
    "target": "ResNet-50 probe",
    "rescore": "re-score before every epoch",
    "running": "loss of batches just trained",
}

EPOCHS = np.arange(3.0, 121.0)
KEPT = np.arange(round(100 * LEAST_KEPT.value), 101) / 100


def gflop(flop: float) -> str:
    """Operations in units of 1e9, as a setting."""
    return plain(flop / 1e9)


def times(ratio: float) -> str:
    """A ratio as the student compares it."""
    return f"{plain(ratio)} ×"


def hours(value: float) -> str:
    """Device-hours with two decimals."""
    return f"{value:,.2f} h"


def probe_flops(scorer: str) -> float:
    """Scoring paid once, per sample of the pool (FLOP); nothing where the ranking comes from training itself."""
    return SCORERS[scorer].flops() if scorer in ("proxy", "target") else 0.0


def longest_warmup(context: str, baseline_epochs: float) -> int:
    """The longest warm-up that a curriculum of this schedule can hold (epochs)."""
    return min(int(WARMUP_MAX.value), math.floor(SITES[context].shortened(baseline_epochs) + 1e-9))


@lru_cache(maxsize=4096)
def speedups(context: str, scorer: str, warmup_epochs: float, runs: float) -> np.ndarray:
    """Net speed-up over EPOCHS; NaN where the warm-up does not fit."""
    site = SITES[context]
    curriculum = site.shortened(EPOCHS)
    fits = curriculum >= warmup_epochs
    result = np.full(len(EPOCHS), np.nan)
    result[fits] = physics.curriculum_net_speedup(
        EPOCHS[fits],
        curriculum[fits],
        warmup_epochs,
        F,
        probe_flops(scorer),
        F * curriculum[fits] if scorer == "rescore" else 0.0,
        runs,
        TRAIN,
    )
    result.setflags(write=False)
    return result


@cache
def breakeven(context: str, scorer: str, warmup_epochs: float, runs: float) -> float | None:
    """Baseline epochs from which the curriculum pays; None where scoring grows with the schedule."""
    if scorer == "rescore":
        return None
    return physics.curriculum_breakeven_epochs(SITES[context].ratio, warmup_epochs, F, probe_flops(scorer), runs, TRAIN)


@dataclass(frozen=True)
class CurriculumOutcome:
    """A curriculum against shuffled data. FLOP are per sample of the pool and per run."""

    curriculum_passes: float
    scoring_share: float
    net_speedup: float
    breakeven_epochs: float | None
    curriculum_epochs: float
    full_flops: float
    once_flops: float
    rescoring_flops: float
    training_flops: float
    available: np.ndarray


class Curriculum(Act):
    """Act I: how much faster a curriculum is once its probe is paid for."""

    title = "Three times faster, says the blog"
    minutes = 13

    scorer = choice(
        "Order of the samples from",
        RANKINGS,
        "proxy",
        widget="select",
        reason="cheapest to dearest way to obtain an order of difficulty",
    )
    baseline_epochs = slider(
        "Epochs on shuffled data",
        3,
        120,
        1,
        EPOCHS_CLOUD.value,
        unit="epochs",
        text=lambda count: counted(count, "epochs"),
        per_context={"edge": {"default": EPOCHS_EDGE.value}},
        reason="a short fine-tune to a long schedule from scratch",
    )
    warmup_epochs = slider(
        "Warm-up of the pacing",
        1,
        WARMUP_MAX.value,
        1,
        1,
        unit="epochs",
        text=lambda count: counted(count, "epochs"),
        reason="at 1 every epoch is a full pass; 10 is the chapter's example",
    )
    runs = slider(
        "Runs that share the scores",
        1,
        30,
        1,
        1,
        unit="runs",
        text=lambda count: counted(count, "runs"),
        reason="one run to the chapter's campaign of 30",
    )

    @classmethod
    def compute(
        cls, context: str, *, scorer: str, baseline_epochs: float, warmup_epochs: float, runs: float
    ) -> CurriculumOutcome:
        site = SITES[context]
        epochs = site.shortened(baseline_epochs)
        once = probe_flops(scorer)
        rescoring = F * epochs if scorer == "rescore" else 0.0
        passes = physics.curriculum_pass_equivalents(epochs, warmup_epochs)
        full = physics.sample_training_flops(1, baseline_epochs, F, TRAIN)
        return CurriculumOutcome(
            curriculum_passes=passes,
            scoring_share=(once / runs + rescoring) / full,
            net_speedup=physics.curriculum_net_speedup(
                baseline_epochs, epochs, warmup_epochs, F, once, rescoring, runs, TRAIN
            ),
            breakeven_epochs=breakeven(context, scorer, warmup_epochs, runs),
            curriculum_epochs=epochs,
            full_flops=full,
            once_flops=once / runs,
            rescoring_flops=rescoring,
            training_flops=physics.sample_training_flops(1, passes, F, TRAIN),
            available=physics.pacing_fraction(np.arange(1.0, math.ceil(epochs - 1e-9) + 1), warmup_epochs),
        )

    @classmethod
    def case(cls, context: str, scorer: str = "proxy") -> CurriculumOutcome:
        """The default schedule of a context with an order from `scorer`."""
        return cls.compute(context, scorer=scorer, baseline_epochs=SITES[context].epochs, warmup_epochs=1, runs=1)

    def limits(self) -> dict[str, Any]:
        most = longest_warmup(self.context, self.baseline_epochs)
        reason = (
            f"The curriculum ends after {plain(self.outcome.curriculum_epochs, 3)} epochs: its warm-up is part of it."
        )
        return {"warmup_epochs": {w: reason for w in self.specs["warmup_epochs"].values() if w > most}}

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A shorter schedule takes its warm-up along.
        most = longest_warmup(self.context, values["baseline_epochs"])
        return {"warmup_epochs": float(most)} if values["warmup_epochs"] > most else {}

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        return Message(
            "Research lead, a visual-search start-up",
            f"Our ResNet-50 run on {N_CLOUD.value / 1e6:.2f} million curated images takes {EPOCHS_CLOUD.value:g} "
            "epochs. A blog promises **three times faster** training if we only show easy images first. Before I "
            f"rewrite the loader: a ResNet-18 probe would be trained for {PROBE_EPOCHS.value:g} epochs to rank the "
            "pool. Counting that probe, how much faster do we reach the same accuracy?",
        )

    def concept(self) -> str:
        return (
            "A **curriculum** has two parts: a *scorer* that ranks the samples by difficulty, and a *pacing rule* that "
            "decides how soon the hard ones appear. What it gains are fewer epochs to the same target, not a higher "
            "final accuracy. The scorer has to look at every sample, and looking costs FLOPs, too: a forward pass "
            "costs a third of a training step.\n\n"
            "| forward pass of one image | |\n|---|---|\n"
            f"| ResNet-50, the model | {gflop(F)} GFLOP |\n"
            f"| ResNet-18, the probe | {gflop(FWD_RESNET18.value)} GFLOP |"
        )

    def prediction(self) -> ChoicePrediction:
        asked, edge = self.case("cloud"), self.case("edge")
        saved = 1 - SITES["cloud"].ratio
        noisy, cifar = 1 - SITES["edge"].ratio, 1 - CURR_CIFAR10.value / EPOCHS_CIFAR10.value
        return ChoicePrediction(
            "How many times faster is training on the curated set, end to end, the probe included?",
            (
                Option(
                    "A",
                    "3.0 times",
                    value=3.0,
                    feedback=(
                        "Ordering is no free multiplier. On a curated set the chapter's table shows "
                        f"{percent(saved, 0)} fewer epochs; its rows of {percent(noisy, 0)} and {percent(cifar, 0)} "
                        "are noisy or redundant data."
                    ),
                ),
                Option(
                    "B",
                    "1.5 times",
                    value=1.5,
                    feedback=(
                        "That would need a third of the updates to be wasted on samples that are too hard. Only one "
                        f"epoch in {plain(1 / saved)} disappears."
                    ),
                ),
                Option(
                    "C",
                    "1.1 times",
                    value=1.1,
                    correct=True,
                    feedback=(
                        f"Now switch to Edge: twice the share of epochs is saved ({percent(noisy, 0)}), yet the net is "
                        f"{edge.net_speedup:.3f} times, which is slower, because the same probe is "
                        f"{percent(edge.scoring_share, 0)} of a run of {EPOCHS_EDGE.value:g} epochs."
                    ),
                ),
                Option(
                    "D",
                    "0.8 times: slower",
                    value=0.8,
                    feedback=(
                        f"The probe costs {gflop(asked.once_flops)} GFLOP per sample against "
                        f"{gflop(asked.full_flops)} for the run: {percent(asked.scoring_share)}. A long run pays for "
                        "it many times over."
                    ),
                ),
            ),
            actual=asked.net_speedup,
            form=times,
            why=(
                f"Shuffled, a sample costs {EPOCHS_CLOUD.value:g} × {gflop(TRAIN * F)} = {gflop(asked.full_flops)} "
                f"GFLOP; with the curriculum {CURR_CLOUD.value:g} × {gflop(TRAIN * F)} + {gflop(asked.once_flops)} = "
                f"{plain((asked.training_flops + asked.once_flops) / 1e9, 5)} GFLOP."
            ),
        )

    def reflection(self) -> Question:
        target, rescore, running = (self.case("edge", name) for name in ("target", "rescore", "running"))
        return Question(
            "On the Edge, which change turns the loss into the largest gain?",
            (
                Option(
                    "A",
                    "A bigger probe, ResNet-50, for a better order",
                    f"{target.net_speedup:.3f} times: the cost of the scorer more than doubles.",
                ),
                Option(
                    "B",
                    "Re-score the pool before every epoch, so that the order is always fresh",
                    (
                        f"{rescore.net_speedup:.3f} times: scoring now grows with the schedule, and no schedule is "
                        "long enough to pay for it."
                    ),
                ),
                Option(
                    "C",
                    "Rank by the loss of batches already trained",
                    correct=True,
                    feedback=f"{running.net_speedup:.3f} times: that forward pass was already paid.",
                ),
                Option(
                    "D",
                    "Show the hard samples first",
                    (
                        "The order changes, the cost of the scorer does not; and hard samples first help in some "
                        "tasks only."
                    ),
                ),
            ),
        )

    def peek(self) -> Peek:
        doubled = 1 - physics.power_law_loss_ratio(2, ALPHA_LM.value)
        return Peek(
            (
                "selection_inequality_margin",
                "selection_flops",
                "pacing_fraction",
                "curriculum_pass_equivalents",
                "curriculum_net_speedup",
                "curriculum_breakeven_epochs",
                "power_law_loss_ratio",
            ),
            "Selection pays while $T_{sel} + T_{sub} < T_{all}$. Divided by the size of the pool and the rate of the "
            "device, this reads $F_s (k E_p + r) / R < k F (E - P)$ with $P = \\kappa E - (W - 1) / 2$: neither the "
            "pool nor the device is left in it. More data does not help much either: at an exponent of "
            f"{ALPHA_LM.value:g} each doubling of text lowers a language model's loss by {percent(doubled)}.",
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: CurriculumOutcome) -> dict[str, Plot]:
        return {"pacing": self._pacing(outcome), "bill": self._bill(outcome), "breakeven": self._breakeven(outcome)}

    def _pacing(self, o: CurriculumOutcome) -> Plot:
        looking = o.scoring_share * self.baseline_epochs
        worth = f"as much as {number(looking)} epochs" if looking else "nothing that was not paid already"
        return curriculum_pacing(
            self.baseline_epochs,
            o.available,
            o.curriculum_epochs,
            scoring_epochs=looking,
            title="Which samples an epoch may use",
            caption=(
                f"Area is compute. Shuffled data (dashed) needs {self.baseline_epochs:g} epochs, the curriculum "
                f"{plain(o.curriculum_epochs, 3)}, which are {plain(o.curriculum_passes, 4)} passes over the pool; "
                f"looking at the samples costs {worth}. The epochs to the target stay at the table's value, so what a "
                "longer warm-up gains is an upper bound."
            ),
        )

    def _bill(self, o: CurriculumOutcome) -> Plot:
        predicted = self.predicted()
        asked = predicted is not None and self.context == "cloud"
        spent = o.full_flops / o.net_speedup
        return selection_bill(
            Bill("shuffled", {"training, shuffled": o.full_flops / 1e9}, {"training, shuffled": EVERYTHING}),
            Bill(
                "curriculum",
                {
                    "scoring once": o.once_flops / 1e9,
                    "scoring every epoch": o.rescoring_flops / 1e9,
                    "training": o.training_flops / 1e9,
                },
                {"scoring once": LOOKING, "scoring every epoch": LOOKING_AGAIN, "training": TRAINING},
            ),
            unit="GFLOP per image",
            quantity="compute",
            limits=[
                Limit(
                    o.full_flops / 1e9 / predicted if predicted is not None and asked else math.nan,
                    f"your {plain(predicted)} ×" if predicted is not None else "",
                    "series-2",
                )
            ],
            title="What one run costs, image by image",
            caption=(
                f"{plain(o.full_flops / 1e9, 5)} GFLOP on shuffled data, {plain(spent / 1e9, 5)} with the curriculum, "
                f"of which {percent((o.once_flops + o.rescoring_flops) / spent)} are scoring"
                + (f", shared by {self.runs:g} runs." if self.runs > 1 and o.once_flops else ".")
            ),
        )

    def _breakeven(self, o: CurriculumOutcome) -> Plot:
        setting = (self.scorer, self.warmup_epochs, self.runs)
        predicted = self.predicted()
        points = {name: breakeven(name, *setting) for name in SITES}
        if o.breakeven_epochs is None:
            verdict = "Scoring in every epoch grows with the schedule: there is no length from which on it pays."
        elif o.breakeven_epochs == 0:
            verdict = "The scores cost no more than the warm-up saves: the curriculum pays in a schedule of any length."
        else:
            verdict = (
                f"With these scores the curriculum pays from {number(points['cloud'], 4)} epochs on in the cloud and "
                f"from {number(points['edge'], 4)} at the edge."
            )
        return schedule_breakeven(
            EPOCHS,
            [
                Schedule("Cloud", "cloud", speedups("cloud", *setting), points["cloud"], "cloud-ink"),
                Schedule("Edge", "edge", speedups("edge", *setting), points["edge"]),
            ],
            here=(self.baseline_epochs, o.net_speedup),
            reference=Limit(
                EPOCHS_CIFAR10.value / CURR_CIFAR10.value,
                f"CIFAR-10, order for free: {EPOCHS_CIFAR10.value / CURR_CIFAR10.value:.2f} ×",
            ),
            predicted=None if predicted is None else (EPOCHS_CLOUD.value, predicted),
            title="How long a schedule must be before the order has paid",
            caption=verdict,
        )

    def metrics(self, outcome: CurriculumOutcome) -> list[Metric]:
        never = outcome.breakeven_epochs is None
        return [
            Metric(
                "Net speed-up",
                f"{outcome.net_speedup:.3f}",
                "×",
                note="scoring included",
                status=held(outcome.net_speedup > 1),
            ),
            Metric(
                "Curriculum", plain(outcome.curriculum_passes), "passes", note=f"instead of {self.baseline_epochs:g}"
            ),
            Metric("Scoring", f"{100 * outcome.scoring_share:.1f}", "%", note="of the run on shuffled data"),
            Metric(
                "Break-even",
                "none" if never else number(outcome.breakeven_epochs, 4),
                "" if never else "epochs",
                note="scoring grows with the schedule" if never else f"this schedule has {self.baseline_epochs:g}",
            ),
        ]


# --- Act II -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """Device-hours of a design, and its rare samples: in all, and those that the class floor put back."""

    selection_h: Any
    training_h: Any
    rare_kept: Any
    rare_added: Any

    @property
    def total_h(self) -> Any:
        """Selection and training (h)."""
        return self.selection_h + self.training_h


def cost(context: str, scorer: str, keep_fraction: Any, class_floor: bool, runs: float | None = None) -> Cost:
    """What a design costs, for one kept share or an array of them."""
    site = SITES[context]
    shared = site.runs if runs is None else runs
    kept = physics.expected_rare_kept(site.rare, keep_fraction, class_floor, COVERAGE_FLOOR.value)
    added = np.maximum(0.0, kept - keep_fraction * site.rare)
    samples = keep_fraction * site.pool + added
    training = physics.sample_training_flops(samples, site.epochs, F, TRAIN)
    return Cost(
        physics.compute_hours(SCORERS[scorer].flops(site.pool), site.rate),
        physics.compute_hours(shared * training, site.rate),
        kept,
        added,
    )


@cache
def full_hours(context: str) -> float:
    """Device-hours of training on everything, all runs together."""
    return float(cost(context, "random", 1.0, False).training_h)


def accuracy(context: str, scorer: str, keep_fraction: Any) -> tuple[Any, Any]:
    """Share of the information that is kept, and accuracy after training on it (%)."""
    site = SITES[context]
    effective = physics.effective_data_fraction(keep_fraction, site.redundancy, SCORERS[scorer].recall)
    return effective, 100 * physics.accuracy_after_selection(site.accuracy, effective, BETA.value)


@cache
def families(context: str, class_floor: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Total hours and accuracy (%) of every scorer over KEPT."""
    return {
        name: (cost(context, name, KEPT, class_floor).total_h, accuracy(context, name, KEPT)[1]) for name in SCORERS
    }


@cache
def frontier(context: str, class_floor: bool) -> tuple[np.ndarray, np.ndarray]:
    """The designs that no other one beats, by cost."""
    swept = families(context, class_floor).values()
    spent, reached = (np.concatenate(parts) for parts in zip(*swept, strict=True))
    order = np.lexsort((-reached, spent))
    spent, reached = spent[order], reached[order]
    best = np.maximum.accumulate(reached)
    kept = np.append(True, reached[1:] > best[:-1])
    return spent[kept], reached[kept]


@dataclass(frozen=True)
class SelectionOutcome:
    """A design of Act II: hours on the device, quality, and the rare class."""

    selection_hours: float
    training_hours: float
    total_hours: float
    full_hours: float
    relative_cost: float
    margin: float
    breakeven_fraction: float
    effective_fraction: float
    accuracy_pct: float
    rare_kept: float
    rare_added: float
    icr_gain: float
    selection_tax: bool
    budget_ok: bool
    accuracy_ok: bool
    coverage_ok: bool
    feasible: bool


class SelectionTax(Act):
    """Act II: five scorers, a kept share, and a budget that training on everything does not fit."""

    title = "Who pays for the looking"
    minutes = 23

    scorer = choice(
        "Scorer",
        {name: scorer.name for name, scorer in SCORERS.items()},
        "random",
        widget="select",
        reason="from nothing at all to a foundation model",
    )
    keep_fraction = slider(
        "Kept share of the pool",
        LEAST_KEPT.value,
        1.0,
        0.01,
        1.0,
        unit="%",
        scale=100,
        reason="below 5 % the error law is outside its range",
    )
    class_floor = choice(
        "Class floor",
        {False: "off", True: "on"},
        False,
        reason=f"keeps at least {COVERAGE_FLOOR.value:g} rare samples, whatever the scorer says",
    )

    @classmethod
    def compute(cls, context: str, *, scorer: str, keep_fraction: float, class_floor: bool) -> SelectionOutcome:
        site = SITES[context]
        design, full = cost(context, scorer, keep_fraction, class_floor), full_hours(context)
        selection, training, total = (float(h) for h in (design.selection_h, design.training_h, design.total_h))
        effective, reached = accuracy(context, scorer, keep_fraction)
        learnt = physics.information_compute_ratio(reached, total * HOUR * site.rate)
        learnt_from_all = physics.information_compute_ratio(100 * site.accuracy, full * HOUR * site.rate)
        budget_ok, accuracy_ok = at_most(total, site.budget_h), at_least(reached, site.floor_pct)
        coverage_ok = at_least(float(design.rare_kept), COVERAGE_FLOOR.value)
        return SelectionOutcome(
            selection_hours=selection,
            training_hours=training,
            total_hours=total,
            full_hours=full,
            relative_cost=total / full,
            margin=physics.selection_inequality_margin(selection * HOUR, training * HOUR, full * HOUR),
            breakeven_fraction=physics.breakeven_keep_fraction(selection * HOUR, full * HOUR),
            effective_fraction=effective,
            accuracy_pct=reached,
            rare_kept=float(design.rare_kept),
            rare_added=float(design.rare_added),
            icr_gain=learnt / learnt_from_all,
            selection_tax=scorer != "random" and at_least(total, full),
            budget_ok=budget_ok,
            accuracy_ok=accuracy_ok,
            coverage_ok=coverage_ok,
            feasible=budget_ok and accuracy_ok and coverage_ok,
        )

    @classmethod
    def asked(cls) -> SelectionOutcome:
        """The design of the question: Edge, ResNet-18 probe, half of the frames."""
        return cls.compute("edge", scorer="proxy", keep_fraction=0.5, class_floor=False)

    @property
    def site(self) -> Site:
        """The context's site."""
        return SITES[self.context]

    # --- text ------------------------------------------------------------------------------------------------

    def message(self) -> Message:
        site = self.site
        full = full_hours(self.context)
        if self.context == "cloud":
            return Message(
                "Head of ML platform, a retail marketplace",
                f"The {site.runs:g}-run sweep would burn **{full:.0f} H100-hours** and I can give you "
                f"**{site.budget_h:g}**. Top-1 must stay within a point of {100 * site.accuracy:.1f} %, and the "
                f"{site.rare} recalled-product images are contractual: at least {COVERAGE_FLOOR.value:g} of them stay "
                "in.",
            )
        drift = (
            " Last month's silent drift, the one you met in Lab 03, is why we retrain every night."
            if self.lab.read("ch03", "constraint_hit") is True
            else ""
        )
        return Message(
            "Operations manager, a rail-inspection contractor",
            f"Each trackside unit fine-tunes overnight on {site.pool:,.0f} frames. The battery window is "
            f"**{site.budget_h:g} hours**; training on all of them needs {full:.2f}. Accuracy must stay at "
            f"{site.floor_pct:g} %, and {COVERAGE_FLOOR.value:g} crack images must stay in the set.{drift}",
        )

    def from_ledger(self) -> str:
        reduction = self.lab.read("ch04", "reduction")
        if reduction is None or reduction <= 1:
            return ""
        return (
            f"Your filter of Lab 04 had already reduced the data {plain(reduction, 3)} times by throwing duplicates "
            "away; here the question is what finding them costs."
        )

    def concept(self) -> str:
        full = EXAMPLE_IMAGES.value * EXAMPLE_STEP.value * EXAMPLE_EPOCHS.value
        scoring = EXAMPLE_IMAGES.value * EXAMPLE_SCORE.value
        saved = physics.selection_inequality_margin(scoring, EXAMPLE_KEPT.value * full, full)
        denser = physics.information_compute_ratio(ICR_HALF.value, 0.5) / physics.information_compute_ratio(
            ICR_ALL.value, 1.0
        )
        return (
            "The **selection inequality**: looking at the pool and training on what was chosen must cost less than "
            f"training on all of it. The chapter's example, {EXAMPLE_IMAGES.value / 1e6:g} million images at "
            f"{EXAMPLE_STEP.value * 1e3:g} ms for {EXAMPLE_EPOCHS.value:g} epochs, takes {full / HOUR:.1f} h; a proxy "
            f"that scores an image in {EXAMPLE_SCORE.value * 1e3:g} ms and keeps {percent(EXAMPLE_KEPT.value, 0)} "
            f"makes it {(1 - saved) * full / HOUR:.1f} h.\n\n"
            "The **Pareto curve**: every design is a point of cost and accuracy, *dominated* when another one is at "
            "least as good on both axes. A scorer of higher *recall*, the share of the redundant samples that it "
            "finds, reaches the same accuracy with fewer samples, but its curve starts further to the right, because "
            "it is paid before training begins.\n\n"
            "Learning per FLOP is the *information-compute ratio*: half of the data that still gives "
            f"{ICR_HALF.value:g} points instead of {ICR_ALL.value:g} has raised it {denser:.1f} times.\n\n"
            "| FLOPs of one image | |\n|---|---|\n"
            f"| ResNet-50, the model: training step | {gflop(TRAIN * F)} GFLOP |\n"
            f"| ResNet-18 probe: {PROBE_EPOCHS.value:g} training epochs, then a pass | "
            f"{PROBE_EPOCHS.value:g} × {gflop(TRAIN * FWD_RESNET18.value)} + {gflop(FWD_RESNET18.value)} GFLOP |\n"
            f"| fine-tune on the Edge | {EPOCHS_EDGE.value:g} epochs |"
        )

    def prediction(self) -> NumberPrediction:
        asked = self.asked()
        actual = 100 * asked.margin
        probe = asked.selection_hours / asked.full_hours
        per_sample, whole = SCORERS["proxy"].flops(), physics.sample_training_flops(1, EPOCHS_EDGE.value, F, TRAIN)

        def feedback(share: float) -> str:
            if self.prediction().correct(share):
                return "You charged the probe for every frame it looked at, those that were thrown away included."
            if share > 52:
                return "More than the half that is not trained on cannot be saved, and something has to find that half."
            if share >= 45:
                return (
                    "That is the half that is not trained on. The probe is forgotten: it was trained on all of the "
                    "frames before the first one could be dropped."
                )
            if share > actual:
                return (
                    "You charged something for the probe, but too little: it looks at the whole pool "
                    f"{PROBE_EPOCHS.value + 1:g} times, and only {EPOCHS_EDGE.value:g} epochs share that."
                )
            return (
                "Selection is expensive here, but not hopeless: the probe is a smaller network than the model, and "
                "trained for fewer epochs."
            )

        return NumberPrediction(
            "Edge unit, ResNet-18 probe, half of the frames kept: what share of the full fine-tune's compute is saved, "
            "the probe included?",
            low=0,
            high=100,
            step=1,
            unit="% of the full run",
            actual=actual,
            tolerance=5,
            absolute=True,
            digits=".1f",
            feedback=feedback,
            why=(
                f"Half of the frames save 50 % of the training. The probe costs {gflop(per_sample)} GFLOP a frame "
                f"against {gflop(whole)} for the whole fine-tune, {percent(probe)}: {percent(probe / 0.5, 0)} of the "
                "saving, about half, went into finding out which half to keep."
            ),
        )

    def challenge(self) -> str:
        site = self.site
        return (
            f"Find the **cheapest** design that stays within **{site.budget_h:g} h**, reaches "
            f"**{site.floor_pct:g} %** and keeps at least **{COVERAGE_FLOOR.value:g}** of the {site.rare} "
            f"{site.rare_name}. Hold the kept share and sweep the scorers before you do it the other way round."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        site = self.site
        return (
            Constraint(f"{site.job.capitalize()} ≤ {site.budget_h:g} h", lambda o: o.budget_ok),
            Constraint(f"Accuracy ≥ {site.floor_pct:.1f} %", lambda o: o.accuracy_ok),
            Constraint(f"Rare samples ≥ {COVERAGE_FLOOR.value:g}", lambda o: o.coverage_ok),
        )

    def failures(self) -> tuple[Failure, ...]:
        site = self.site
        return (
            Failure(
                "selection_tax",
                "SELECTION TAX:",
                when=lambda o: o.selection_tax,
                text=lambda o: (
                    f"scoring {hours(o.selection_hours)} + training {hours(o.training_hours)} = "
                    f"{hours(o.total_hours)}, not less than the {hours(o.full_hours)} of training on everything. You "
                    f"paid to do more work; with this scorer it pays below {percent(o.breakeven_fraction)} kept."
                ),
            ),
            Failure(
                "coverage_lost",
                "COVERAGE LOST:",
                when=lambda o: not o.coverage_ok,
                text=lambda o: (
                    f"only {o.rare_kept:.0f} of the {site.rare} {site.rare_name} survive; the protocol needs "
                    f"{COVERAGE_FLOOR.value:g}."
                ),
            ),
            Failure(
                "budget_exceeded",
                "BUDGET EXCEEDED:",
                when=lambda o: not o.budget_ok,
                text=lambda o: f"{hours(o.total_hours)}, the reservation is {site.budget_h:g} h.",
                severity="warn",
            ),
            Failure(
                "quality_floor",
                "QUALITY FLOOR:",
                when=lambda o: not o.accuracy_ok,
                text=lambda o: f"{o.accuracy_pct:.2f} % accuracy, the release needs {site.floor_pct:.1f} %.",
                severity="warn",
            ),
        )

    def reflection(self) -> Question:
        per_sample = SCORERS["target"].flops()
        campaign, night = (
            site.runs * physics.sample_training_flops(1, site.epochs, F, TRAIN) for site in SITES.values()
        )
        return Question(
            "The same ResNet-50 probe gives the cheapest feasible design in the Cloud and costs "
            f"{percent(per_sample / night, 0)} of a full training on the Edge. Which quantity makes the difference?",
            (
                Option("A", "The size of the pool", "Both sides of the inequality scale with the pool: it cancels."),
                Option(
                    "B",
                    "The speed of the device",
                    "It cancels, too: a faster Orin shortens scoring and training alike.",
                ),
                Option(
                    "C",
                    "Scoring FLOPs per sample over the training FLOPs that reuse the scores: three forward passes × "
                    "epochs × runs",
                    correct=True,
                    feedback=(
                        f"{gflop(per_sample)} against {gflop(campaign)} GFLOP in the cloud campaign "
                        f"({percent(per_sample / campaign)}), against {gflop(night)} at the edge "
                        f"({percent(per_sample / night, 0)})."
                    ),
                ),
                Option(
                    "D",
                    "The redundancy of the pool",
                    "The Edge pool is the more redundant one, so selection has more to gain there, yet four of the "
                    "five scorers miss the target.",
                ),
            ),
        )

    def peek(self) -> Peek:
        site = SITES["cloud"]
        least = (1 - site.redundancy) * ((100 - 100 * site.accuracy) / (100 - site.floor_pct)) ** (1 / BETA.value)
        return Peek(
            (
                "selection_flops",
                "sample_training_flops",
                "compute_hours",
                "selection_inequality_margin",
                "breakeven_keep_fraction",
                "effective_data_fraction",
                "accuracy_after_selection",
                "expected_rare_kept",
                "information_compute_ratio",
            ),
            "A design costs $\\left(f + F_s (k E_p + r) / (k F E R)\\right) T_{all}$, and its error is "
            "$(1 - A) \\left(f / (1 - q \\rho)\\right)^{-\\beta}$. The least kept share that reaches the floor is "
            "$f^{*} = (1 - q \\rho) (e_{full} / e_{floor})^{1/\\beta}$: "
            f"{percent(least)} for a scorer in the cloud that finds everything redundant.",
        )

    # --- instruments -----------------------------------------------------------------------------------------

    def plots(self, outcome: SelectionOutcome) -> dict[str, Plot]:
        return {"pareto": self._pareto(outcome), "bill": self._bill(outcome), "coverage": self._coverage(outcome)}

    def _pareto(self, o: SelectionOutcome) -> Plot:
        cloud, site = self.context == "cloud", self.site
        swept = families(self.context, self.class_floor)
        x = Axis(f"total {site.device}-hours", *((80, 240) if cloud else (0, 3.6)))
        y = Axis("accuracy (%)", *((70, 77) if cloud else (84, 93.5)))
        asked, predicted = self.asked(), self.predicted()
        drawn = not cloud and predicted is not None
        at = (1 - predicted / 100) * asked.full_hours if predicted is not None and drawn else math.nan
        envelope = frontier(self.context, self.class_floor)

        def reaching(name: str) -> float:
            spent, reached = swept[name]
            return float(spent[reached >= site.floor_pct * (1 - 1e-9)].min())

        return pareto_curve(
            [Trace(*swept[name], scorer.name, scorer.token) for name, scorer in SCORERS.items()],
            x=x,
            y=y,
            box=Box(0, site.budget_h, site.floor_pct, 100, "target"),
            here=Design(o.total_hours, o.accuracy_pct, f"{o.accuracy_pct:.1f} %"),
            chosen=Trace(*swept[self.scorer]),
            frontier=Trace(*envelope),
            predicted=Trace([at, at], [y.high - 0.6, y.low], "your prediction"),
            marks=[
                Design(o.full_hours, 100 * site.accuracy, "all data"),
                Design(math.nan if cloud else asked.total_hours, asked.accuracy_pct),
            ],
            shunned=Box(o.full_hours, x.high, y.low, y.high, "costs more than all data"),
            named_at="key",
            title="Accuracy against cost, one curve per scorer",
            caption=(
                f"Each curve runs from {percent(LEAST_KEPT.value, 0)} to 100 % kept; the broad line is the frontier. "
                f"A random subset reaches {site.floor_pct:g} % at {hours(reaching('random'))}"
                + (
                    "."
                    if self.scorer == "random"
                    else f", the {SCORERS[self.scorer].name} at {hours(reaching(self.scorer))}."
                )
                + ("" if cloud else f" The first diamond is the design of the question, {asked.total_hours:.2f} h.")
            ),
        )

    def _bill(self, o: SelectionOutcome) -> Plot:
        site = self.site
        looking = (
            f"Looking at the pool takes {hours(o.selection_hours)}"
            if o.selection_hours
            else "Nobody looks at the pool, which costs nothing and finds nothing"
        )
        return selection_bill(
            Bill("all data", {"training on all": o.full_hours}, {"training on all": EVERYTHING}),
            Bill(
                "selected",
                {"selection": o.selection_hours, "training": o.training_hours},
                {"selection": LOOKING, "training": TRAINING},
            ),
            unit=f"{site.device}-hours",
            quantity=f"cost of one {site.job}",
            limits=[Limit(site.budget_h, f"budget {site.budget_h:g} h")],
            high=250 if self.context == "cloud" else 4.2,
            title="The selection inequality",
            caption=(
                f"{looking}; training on {percent(self.keep_fraction, 0)} of it takes {hours(o.training_hours)}, on "
                f"all of it {hours(o.full_hours)}."
            ),
        )

    def _coverage(self, o: SelectionOutcome) -> Plot:
        site = self.site
        back = f" The floor put {plain(o.rare_added)} of them back." if o.rare_added > 1e-9 else ""
        return rare_class_tiles(
            site.rare,
            o.rare_kept,
            o.rare_added,
            floor=COVERAGE_FLOOR.value,
            name=f"{site.rare_name} in the pool",
            title=f"What becomes of the {site.rare} {site.rare_name}",
            caption=(
                f"{plain(o.rare_kept)} of {site.rare} are kept on average.{back} Without the floor selection is taken "
                "as blind to the class; scores by loss often keep more of a rare class, filters of near-duplicates "
                "fewer."
            ),
        )

    def metrics(self, outcome: SelectionOutcome) -> list[Metric]:
        site = self.site
        return [
            Metric(
                "Total",
                f"{outcome.total_hours:.2f}",
                "h",
                note=f"{site.budget_h:g} h reserved",
                status=held(outcome.budget_ok),
            ),
            Metric(
                "Selection",
                f"{outcome.selection_hours:.2f}",
                "h",
                note=f"then {hours(outcome.training_hours)} training",
            ),
            Metric(
                "Of the full cost",
                f"{100 * outcome.relative_cost:.1f}",
                "%",
                note=f"all data: {hours(outcome.full_hours)}",
                status="violated" if outcome.selection_tax else "neutral",
            ),
            Metric(
                "Accuracy",
                f"{outcome.accuracy_pct:.2f}",
                "%",
                note=f"{site.floor_pct:.1f} % needed; {percent(outcome.effective_fraction)} of the information kept",
                status=held(outcome.accuracy_ok),
            ),
            Metric(
                "Rare samples",
                plain(outcome.rare_kept),
                f"of {site.rare}",
                note=f"{COVERAGE_FLOOR.value:g} needed",
                status=held(outcome.coverage_ok),
            ),
            Metric("Learning per FLOP", f"{outcome.icr_gain:.2f}", "×", note="of training on all data"),
        ]

    def tables(self, outcome: SelectionOutcome) -> list[Table]:
        full = full_hours(self.context)
        rows = []
        for name, scorer in SCORERS.items():
            before = float(cost(self.context, name, 1.0, False).selection_h)
            pays = physics.breakeven_keep_fraction(before * HOUR, full * HOUR)
            rows.append(
                (
                    scorer.name,
                    gflop(scorer.flops()),
                    f"{before:.2f}",
                    percent(pays),
                    f"{scorer.recall:g}",
                )
            )
        return [
            Table(
                "What a scorer costs and finds",
                (
                    "scorer",
                    "GFLOP per sample",
                    "hours before training",
                    "largest share that pays",
                    "recall",
                ),
                tuple(rows),
                list(SCORERS).index(self.scorer),
            )
        ]


def two_nights() -> float:
    """Hours a night on the Edge if two nights could share the scores of a ResNet-18 probe, 38 % kept."""
    return float(cost("edge", "proxy", 0.38, False, runs=2).total_h) / 2


class DataSelectionLab(Lab):
    """When choosing the data costs more than it saves."""

    volume, number, slug = 1, 9, "lab_09_data_selection"
    title = "The Selection Tax"
    question = "When does choosing the data cost more than training on it?"
    chapter = "Data Selection"
    invariant = "A better data diet pays only if choosing it costs less than the training it removes."
    contexts = (CLOUD, EDGE)
    acts = (Curriculum, SelectionTax)
    briefing = (
        "Ordering or selecting data looks like a free multiplier: show the easy samples first, keep the best tenth. "
        "But somebody must look at every sample to know which ones are easy, hard or redundant. In Act I you charge a "
        "curriculum for its probe; in Act II you choose the data of a campaign in the cloud and of a nightly fine-tune "
        "at the edge, where the same probe is a bargain in one place and a tax in the other."
    )
    reading = (
        Reading(
            "Data Selection, Fundamentals and Systems perspective",
            "selection shrinks the operations of the iron law before model or hardware see them",
        ),
        Reading(
            "Data Selection, Information-compute ratio and its frontier",
            "learning per FLOP decays; past the knee, data is a tax",
        ),
        Reading(
            "Data Selection, Coreset selection algorithms",
            "geometry or training dynamics (EL2N, GraNd, forgetting), and proxy models",
        ),
        Reading("Data Selection, Curriculum learning", "scorer and pacing function; the table of epochs to target"),
        Reading("Data Selection, The selection bottleneck", "the selection inequality and its worked example"),
    )
    assumptions = (
        "- A training step costs three forward passes. Scoring costs what the scorer's arithmetic costs; sorting, "
        "clustering and reading the samples again are left out.\n"
        "- Epochs to the target are the chapter's measured values; the noisy-label row stands for the Edge.\n"
        f"- Both devices sustain {percent(SUSTAINED)} of their dense FP16 peak: {SAMPLES_S:,.0f} images a second per "
        "H100 in MLPerf Training; on the Orin NX this is an assumption. Its peak includes the deep-learning "
        "accelerators; the GPU alone is slower, and only the absolute hours of the Edge would change.\n"
        "- A pool has a redundant part that can be dropped for nothing. A scorer finds a share of it, its recall; "
        "below that, information falls in proportion to the kept share. The recalls are values for teaching, the "
        "softest numbers of the lab.\n"
        "- Error follows a power law of the data, good near the full set and too pessimistic below a tenth of it.\n"
        "- The few samples that the class floor puts back are trained on, but not counted as information."
    )
    constants = (
        c.RESNET50_FLOPS,
        FWD_RESNET18,
        FWD_CLIP,
        c.TRAIN_FACTOR,
        c.H100_FLOPS_FP16_TENSOR,
        c.ORIN_NX_FP16_DENSE,
        c.RESNET50_H100_MLPERF,
        N_CLOUD,
        N_EDGE,
        EPOCHS_CLOUD,
        EPOCHS_EDGE,
        CURR_CLOUD,
        EPOCHS_NOISY,
        CURR_NOISY,
        EPOCHS_CIFAR10,
        CURR_CIFAR10,
        RUNS_CLOUD,
        RUNS_EDGE,
        PROBE_EPOCHS,
        WARMUP_MAX,
        ACC_CLOUD,
        ACC_EDGE,
        BETA,
        ALPHA_LM,
        RHO_CLOUD,
        RHO_EDGE,
        RECALL_CHECKPOINT,
        RECALL_PROXY,
        RECALL_TARGET,
        RECALL_FOUNDATION,
        RARE_CLOUD,
        RARE_EDGE,
        COVERAGE_FLOOR,
        ACC_FLOOR_CLOUD,
        ACC_FLOOR_EDGE,
        BUDGET_CLOUD,
        BUDGET_EDGE,
        LEAST_KEPT,
        EXAMPLE_IMAGES,
        EXAMPLE_EPOCHS,
        EXAMPLE_STEP,
        EXAMPLE_SCORE,
        EXAMPLE_KEPT,
        ICR_ALL,
        ICR_HALF,
        READ_BLOCK,
        DISK_IOPS,
        DISK_SEQUENTIAL,
        FLASH_IOPS,
        FLASH_SEQUENTIAL,
    )
    reads = (("ch08", "context"), ("ch03", "constraint_hit"), ("ch04", "reduction"))
    instructor_notes = (
        "- Most students move the kept share first and never question the scorer; ask them to hold it and sweep "
        "scorers.\n- Twice the pool or a device twice as fast leaves every ratio unchanged; only absolute hours "
        "move.\n- Why does a pool that changes every night forbid shared scores on the Edge, and what would two "
        f"nights do? The ResNet-18 probe at 38 % would then cost {two_nights():.2f} h a night, within the window.\n- "
        f"Reading is left out on purpose: scattered reads of {READ_BLOCK.value / 1e3:g} KB run at "
        f"{READ_BLOCK.value * DISK_IOPS.value / 1e6:g} MB/s against {DISK_SEQUENTIAL.value / 1e6:g} on a disk, at "
        f"{READ_BLOCK.value * FLASH_IOPS.value / 1e6:g} against {FLASH_SEQUENTIAL.value / 1e6:g} on SATA flash. When "
        "is a subset stored as a list of indices slower than the whole archive read in order?\n- The recalls are the "
        "softest numbers: let a group redo the challenge with 0.7 for the ResNet-18 probe.\n- If every run re-scores "
        "halfway through, for how many epochs does the ResNet-50 probe still pay?"
    )

    def open(self) -> None:
        origin = self.read("ch08", "context")
        if origin is not None:
            self.start_in("edge" if origin == "mobile" else "cloud", "Lab 08")

    def result(self) -> float:
        return self.act2.outcome.relative_cost

    def decision(self) -> str:
        return self.act2.scorer

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "keep_fraction": act.keep_fraction,
            "class_floor": act.class_floor,
            "accuracy_pct": act.outcome.accuracy_pct,
            "act2_prediction": self.predictions.get("act2"),
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"scorer": "target", "class_floor": True, "keep_fraction": 0.71}
        return {"scorer": "checkpoint", "class_floor": True, "keep_fraction": 0.45}

    def breaking(self, context: str) -> dict[str, Any]:
        if context == "cloud":
            return {"scorer": "target", "keep_fraction": 0.71}
        return {"scorer": "foundation", "class_floor": True, "keep_fraction": 0.45}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
