"""Choosing training data: what it costs to look at a pool, what a subset is worth, and when looking pays.

Costs are in floating-point operations.  A forward pass of the trained model over one sample costs F, a training step
k F; a scorer has a forward pass of its own.  Recall is the share of the redundant samples that a scorer finds.
"""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    AT_LEAST_ONE,
    COUNT,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    Boolean,
    Interval,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)

# Below one sample in twenty the law of accuracy over data is outside the range that it was fitted to.
LEAST_EFFECTIVE_FRACTION = 0.05

FORWARD = Variable("F", "FLOP", "forward pass of the trained model over one sample", POSITIVE)
TRAIN_FACTOR = Variable("k", "1", "training step over forward pass", POSITIVE)
WARMUP = Variable("W", "epoch", "epochs until the whole pool is available", AT_LEAST_ONE)
KEEP = Variable("f", "1", "share of the pool that is kept", FRACTION)
SELECTION_TIME = Variable("T_{sel}", "s", "time to select", NONNEGATIVE)
FULL_TIME = Variable("T_{all}", "s", "time to train on everything", POSITIVE)


@formula(
    latex=r"C = k F N E",
    variables={
        "samples": Variable("N", "sample", "training samples", NONNEGATIVE),
        "epochs": Variable("E", "epoch", "passes over them", NONNEGATIVE),
        "forward_flops": Variable("F", "FLOP", "forward pass over one sample", NONNEGATIVE),
        "train_factor": Variable("k", "1", "training step over forward pass", NONNEGATIVE),
    },
    result=Result("C", "FLOP", "arithmetic of training"),
    validity="Every sample once an epoch, all of the same size; evaluation and augmentation are left out.",
    source="Backward pass as two forward passes: Kaplan et al. 2020 (course, Data Selection).",
)
def sample_training_flops(samples: Real, epochs: Real, forward_flops: Real, train_factor: Real = 3.0) -> Real:
    """Arithmetic of training on some samples for some epochs."""
    return samples * epochs * train_factor * forward_flops


@formula(
    latex=r"C_{sel} = N F_s \left(k E_p + r\right)",
    variables={
        "pool_samples": Variable("N", "sample", "samples of the pool", NONNEGATIVE),
        "scorer_forward_flops": Variable("F_s", "FLOP", "forward pass of the scorer over one sample", NONNEGATIVE),
        "probe_epochs": Variable("E_p", "epoch", "epochs for which the scorer is trained first", NONNEGATIVE),
        "scoring_passes": Variable("r", "1", "passes over the pool that only score", NONNEGATIVE),
        "train_factor": Variable("k", "1", "training step over forward pass", NONNEGATIVE),
    },
    result=Result("C_{sel}", "FLOP", "arithmetic of selection"),
    validity="The probe is trained on the whole pool; sorting and clustering of the scores are left out.",
    source="Selection cost (course, Data Selection); Coleman et al. 2020; Paul et al. 2021.",
)
def selection_flops(
    pool_samples: Real, scorer_forward_flops: Real, probe_epochs: Real, scoring_passes: Real, train_factor: Real = 3.0
) -> Real:
    """Arithmetic of scoring a pool once: training the probe, then passes that only look."""
    return pool_samples * scorer_forward_flops * (train_factor * probe_epochs + scoring_passes)


@formula(
    latex=r"h = \frac{C}{3600 R}",
    variables={
        "total_flops": Variable("C", "FLOP", "arithmetic to do", NONNEGATIVE),
        "sustained_flop_s": Variable("R", "FLOP/s", "sustained rate of one device", POSITIVE),
    },
    result=Result("h", "h", "device-hours"),
    validity="A compute-bound job at a constant rate; loading and waiting are in the sustained rate or left out.",
    source="Compute term of the iron law.",
)
def compute_hours(total_flops: Real, sustained_flop_s: Real) -> Real:
    """Device-hours of some arithmetic at a sustained rate."""
    return total_flops / sustained_flop_s / 3600.0


@formula(
    latex=r"m = \frac{T_{all} - T_{sel} - T_{sub}}{T_{all}}",
    variables={
        "selection_time_s": SELECTION_TIME,
        "subset_train_time_s": Variable("T_{sub}", "s", "time to train on the subset", NONNEGATIVE),
        "full_train_time_s": FULL_TIME,
    },
    result=Result("m", "1", "share of the full training that is saved; negative if selection does not pay"),
    validity="All times on the same device, or all in operations: the rate cancels.",
    source="Selection inequality (course, Data Selection).",
)
def selection_inequality_margin(selection_time_s: Real, subset_train_time_s: Real, full_train_time_s: Real) -> Real:
    """What selection saves, as a share of training on everything."""
    return (full_train_time_s - selection_time_s - subset_train_time_s) / full_train_time_s


@formula(
    latex=r"f_{max} = \max\left(0, 1 - \frac{T_{sel}}{T_{all}}\right)",
    variables={"selection_time_s": SELECTION_TIME, "full_train_time_s": FULL_TIME},
    result=Result("f_{max}", "1", "largest kept share for which selection pays; 0 if it never does"),
    validity="Training time in proportion to the number of samples.",
    source="Selection inequality solved for the subset (course, Data Selection).",
)
def breakeven_keep_fraction(selection_time_s: Real, full_train_time_s: Real) -> Real:
    """Kept share at which selection and training cost as much as training on everything."""
    return np.maximum(0.0, 1.0 - selection_time_s / full_train_time_s)


@formula(
    latex=r"g = \min\left(1, \frac{t}{W}\right)",
    variables={"epoch": Variable("t", "epoch", "number of the epoch, from 1", AT_LEAST_ONE), "warmup_epochs": WARMUP},
    result=Result("g", "1", "share of the pool, easiest first, that the epoch may use"),
    validity="Linear pacing.",
    source="Bengio et al. 2009 (course, Data Selection).",
)
def pacing_fraction(epoch: Real, warmup_epochs: Real) -> Real:
    """Share of the easiest samples that an epoch draws from."""
    return np.minimum(1.0, epoch / warmup_epochs)


@formula(
    latex=r"P = E - \frac{W - 1}{2}",
    variables={
        "epochs": Variable("E", "epoch", "epochs of the curriculum", AT_LEAST_ONE),
        "warmup_epochs": WARMUP,
    },
    result=Result("P", "1", "passes over the whole pool"),
    validity="Linear pacing; each epoch sees every available sample once.",
    source="Sum of the linear pacing function over its warm-up.",
)
def curriculum_pass_equivalents(epochs: Real, warmup_epochs: Real) -> Real:
    """Epochs of a curriculum in passes over the whole pool."""
    require_at_most("warmup_epochs", warmup_epochs, "epochs", epochs, "the warm-up is part of the schedule")
    return epochs - (warmup_epochs - 1.0) / 2.0


@formula(
    latex=r"s = \frac{R k F E}{R k F \left(E_c - \frac{W - 1}{2}\right) + S_1 + R S_R}",
    variables={
        "baseline_epochs": Variable("E", "epoch", "epochs to the target on shuffled data", POSITIVE),
        "curriculum_epochs": Variable("E_c", "epoch", "epochs to the target with the curriculum", AT_LEAST_ONE),
        "warmup_epochs": WARMUP,
        "forward_flops": FORWARD,
        "scoring_flops_once": Variable("S_1", "FLOP", "scoring paid once, per sample of the pool", NONNEGATIVE),
        "scoring_flops_per_run": Variable("S_R", "FLOP", "scoring paid in every run, per sample", NONNEGATIVE),
        "runs": Variable("R", "1", "runs that share the scores", COUNT),
        "train_factor": TRAIN_FACTOR,
    },
    result=Result("s", "1", "speed-up over shuffled data, scoring included"),
    validity="Same target quality; the epochs are measured, not predicted. The size of the pool cancels.",
    source="Selection inequality per sample (course, Data Selection); Bengio et al. 2009.",
)
def curriculum_net_speedup(
    baseline_epochs: Real,
    curriculum_epochs: Real,
    warmup_epochs: Real,
    forward_flops: Real,
    scoring_flops_once: Real,
    scoring_flops_per_run: Real,
    runs: Real,
    train_factor: Real = 3.0,
) -> Real:
    """Speed-up of a curriculum once its scorer is paid for."""
    step = train_factor * forward_flops
    passes = curriculum_pass_equivalents(curriculum_epochs, warmup_epochs)
    spent = runs * step * passes + scoring_flops_once + runs * scoring_flops_per_run
    return runs * step * baseline_epochs / spent


@formula(
    latex=r"E^{*} = \max\left(0, \frac{\frac{S_1}{k F R} - \frac{W - 1}{2}}{1 - \kappa}\right)",
    variables={
        "curriculum_ratio": Variable(
            r"\kappa", "1", "epochs with the curriculum over epochs without", Interval(0.0, 1.0, high_open=True)
        ),
        "warmup_epochs": WARMUP,
        "forward_flops": FORWARD,
        "scoring_flops_once": Variable("S_1", "FLOP", "scoring paid once, per sample of the pool", NONNEGATIVE),
        "runs": Variable("R", "1", "runs that share the scores", COUNT),
        "train_factor": TRAIN_FACTOR,
    },
    result=Result("E^{*}", "epoch", "baseline epochs from which the curriculum pays"),
    validity="Scores are computed once. Scoring in every epoch grows with the schedule: there is no such number.",
    source="Net speed-up of a curriculum set to one.",
)
def curriculum_breakeven_epochs(
    curriculum_ratio: Real,
    warmup_epochs: Real,
    forward_flops: Real,
    scoring_flops_once: Real,
    runs: Real,
    train_factor: Real = 3.0,
) -> Real:
    """Length of the schedule at which a curriculum has paid for its scorer."""
    scoring_epochs = scoring_flops_once / (train_factor * forward_flops * runs)
    return np.maximum(0.0, (scoring_epochs - (warmup_epochs - 1.0) / 2.0) / (1.0 - curriculum_ratio))


@formula(
    latex=r"I = \frac{\Delta A}{C}",
    variables={
        "gain_points": Variable(r"\Delta A", "points", "what was learnt, in points of accuracy", NONNEGATIVE),
        "flops": Variable("C", "FLOP", "arithmetic spent on it", POSITIVE),
    },
    result=Result("I", "points/FLOP", "information-compute ratio"),
    validity="A mean over the whole spending; the ratio of the next operation is smaller.",
    source="Information-compute ratio (course, Data Selection).",
)
def information_compute_ratio(gain_points: Real, flops: Real) -> Real:
    """What an operation teaches, on average."""
    return gain_points / flops


@formula(
    latex=r"\phi = \min\left(1, \frac{f}{1 - q \rho}\right)",
    variables={
        "keep_fraction": KEEP,
        "redundancy": Variable(r"\rho", "1", "share of the pool that can be dropped without loss", FRACTION),
        "recall": Variable("q", "1", "share of it that the scorer finds", FRACTION),
    },
    result=Result(r"\phi", "1", "share of the pool's information that is kept"),
    validity="What is redundant goes first; below that, information falls in proportion. Recall 0 is a random subset.",
    source="Two-part model of a pool (course, Data Selection); redundancy: Sorscher et al. 2022, Paul et al. 2021.",
)
def effective_data_fraction(keep_fraction: Real, redundancy: Real, recall: Real) -> Real:
    """Information in a selected subset, as a share of the pool's."""
    found = redundancy * recall
    if np.any(found >= 1.0):
        raise ValueError("redundancy times recall must be < 1 (a pool is not all redundant), got 1.0")
    return np.minimum(1.0, keep_fraction / (1.0 - found))


@formula(
    latex=r"A_f = \max\left(0, 1 - \left(1 - A\right) \phi^{-\beta}\right)",
    variables={
        "accuracy_full": Variable("A", "1", "accuracy after training on everything", FRACTION),
        "effective_fraction": Variable(
            r"\phi", "1", "share of the information that is kept", Interval(LEAST_EFFECTIVE_FRACTION, 1.0)
        ),
        "exponent": Variable(r"\beta", "1", "exponent of the error against data", NONNEGATIVE),
    },
    result=Result("A_f", "1", "accuracy after training on the subset"),
    validity="Error as a power of the data, near the fitted range; too pessimistic below a tenth of ImageNet.",
    source="Hestness et al. 2017: 0.07 to 0.35 for image classification, 0.309 for ImageNet top-1.",
)
def accuracy_after_selection(accuracy_full: Real, effective_fraction: Real, exponent: Real = 0.309) -> Real:
    """Accuracy on a subset, by the power law of error against data."""
    return np.maximum(0.0, 1.0 - (1.0 - accuracy_full) * effective_fraction ** (-exponent))


@formula(
    latex=r"n = \max\left(f n_0, [\mathrm{floor}] \min\left(m, n_0\right)\right)",
    variables={
        "rare_count": Variable("n_0", "sample", "samples of the rare class in the pool", NONNEGATIVE),
        "keep_fraction": KEEP,
        "class_floor": Variable(r"\mathrm{floor}", "1", "whether a minimum per class is kept", Boolean()),
        "floor_count": Variable("m", "sample", "that minimum", NONNEGATIVE),
    },
    result=Result("n", "sample", "rare samples that are kept, on average"),
    validity="Selection is blind to the class. Scores by loss often keep more of a rare class, near-duplicate filters "
    "fewer.",
    source="Coverage of rare classes (course, Data Selection).",
)
def expected_rare_kept(rare_count: Real, keep_fraction: Real, class_floor: bool, floor_count: Real) -> Real:
    """Samples of a rare class that survive selection, with or without a floor per class."""
    return np.maximum(keep_fraction * rare_count, np.where(class_floor, np.minimum(floor_count, rare_count), 0.0))


@formula(
    latex=r"\ell = x^{-\alpha}",
    variables={
        "data_ratio": Variable("x", "1", "new amount of data over the old", POSITIVE),
        "exponent": Variable(r"\alpha", "1", "exponent of the loss against data", NONNEGATIVE),
    },
    result=Result(r"\ell", "1", "new loss over the old"),
    validity="Data is the bottleneck and comes from the same distribution.",
    source="Kaplan et al. 2020 (0.095 for language models); Hestness et al. 2017.",
)
def power_law_loss_ratio(data_ratio: Real, exponent: Real) -> Real:
    """What more data does to a loss that follows a power law."""
    return data_ratio ** (-exponent)
