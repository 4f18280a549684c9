"""V2-14 The Robustness Tax.

Act I: the same network, hardened against an attacker, and what its honest users lose. Act II: two services, one of
which is better off with a filter in front of an ordinary model, and one whose attacker knows the filter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.layers import Plot
from components.instruments.robustness import (
    Defence,
    Family,
    attack_breakeven,
    certificate_ladder,
    decision_regions,
    defence_plane,
    filter_scores,
    margin_survival,
    review_desk,
    robustness_tax,
    training_bill,
)
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
from components.quantity import count, counted, number, percent, plain
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
    Reading,
    Table,
    at_least,
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c

Array = npt.NDArray[np.float64]

PRODUCTION = Context("production", "Production", "cloud", "A public API; attackers know the model, not the filter.")
HARDENED = Context("hardened", "Hardened", "edge", "Border gates; the opponent has read the source code.")

#: Sizes of an attack are counted in grey levels, of 255 in all.
LEVELS = 255

ENGSTROM = "Engstrom, Ilyas, Santurkar and Tsipras 2019 (robustness library), ResNet-50 under 100-step PGD"
SALMAN = "Salman, Ilyas, Engstrom, Kapoor and Madry 2020"
COHEN = "Cohen, Rosenfeld and Kolter 2019"

#: Published accuracies (%) by model, on clean images and under attacks of 4, 8 and 16 grey levels.
_TABLE = {
    "standard": (c.RESNET50_TOP1.value, 0.03, 0.01, 0.01),
    "adv4": (62.42, 33.38, 12.73, 1.37),
    "adv8": (47.91, 33.03, 19.52, 4.82),
}
ATTACKS = (0, 4, 8, 16)
PUBLISHED = {
    (model, attack): scenario(
        f"top1_{model}_at_{attack}", value, "percent", f"{model}, attack of {attack}/{LEVELS}", ENGSTROM, "paper"
    )
    for model, row in _TABLE.items()
    for attack, value in zip(ATTACKS, row, strict=True)
    if (model, attack) != ("standard", 0)
}
SECOND_FAMILY = {
    eps: scenario(
        f"top1_salman_{plain(eps)}", value, "percent", f"hardened at {plain(eps)}/{LEVELS}, clean", SALMAN, "paper"
    )
    for eps, value in ((0.0, 75.80), (0.5, 73.73), (1.0, 72.05), (2.0, 69.10), (4.0, 63.86), (8.0, 54.53))
}
CHAPTER_CLEAN = scenario(
    "chapter_clean", 50, "percent", "clean accuracy at 8/255 as the chapter rounds it", "Robust AI", "chapter"
)
K_PGD = scenario(
    "k_pgd",
    7,
    "1",
    "attack steps inside each training step",
    "Robust AI: several times per epoch; Madry et al. 2018 use 7, Salman et al. 2020 use 3",
)
TRAIN_RANGE_LOW = scenario("train_range_low", 3, "1", "training-time multiple in the field", "Robust AI", "chapter")
TRAIN_RANGE_HIGH = scenario("train_range_high", 10, "1", "the same, upper end", "Robust AI", "chapter")

#: Accuracy (%) of smoothed models by noise: on clean images, then certified at the l2 radii below.
_SMOOTH = {
    "smooth025": (0.25, (67, 49, 0, 0, 0, 0, 0)),
    "smooth050": (0.50, (57, 46, 38, 28, 0, 0, 0)),
    "smooth100": (1.00, (44, 38, 33, 26, 19, 15, 12)),
}
RADII = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
SIGMA = {recipe: sigma for recipe, (sigma, _) in _SMOOTH.items()}
CERTIFIED = {
    (recipe, radius): scenario(
        f"certified_{recipe}_at_{plain(radius)}",
        value,
        "percent",
        f"noise {sigma:.2f}, certified at l2 {plain(radius)}" if radius else f"noise {sigma:.2f}, clean",
        f"{COHEN}, results table",
        "paper",
    )
    for recipe, (sigma, row) in _SMOOTH.items()
    for radius, value in zip(RADII, row, strict=True)
}
ALPHA = scenario("alpha", 0.001, "1", "probability that a certificate is wrong", COHEN, "paper")
T_SAMPLE = scenario(
    "t_sample_s", 1.5e-3, "s", "one noisy forward pass in a batch: 1,000 in 1.5 s, an older GPU", COHEN, "paper"
)
T_FWD = scenario(
    "t_fwd_s", T_SAMPLE.value, "s", "one pass of the classifier, and one more for the filter", "as a noisy pass"
)
TPR_REF = scenario(
    "tpr_ref",
    0.80,
    "1",
    "attacks that the filter flags: middle of 70 to 90 %",
    "Robust AI; Xu, Evans, Qi 2018",
    "paper",
)
FPR_REF = scenario(
    "fpr_ref", 0.05, "1", "honest inputs that it flags, too: 95 % are kept", "Robust AI; Xu, Evans and Qi 2018", "paper"
)
D_ADAPTIVE = scenario(
    "d_prime_adaptive",
    0,
    "1",
    "separability once the attacker optimises against the filter too",
    "worst case; He et al. 2017 break feature squeezing with adaptive attacks",
)
REQ_PROD = scenario("req_prod", 1e7, "1/day", "images of the moderation API", "a large service")
REQ_HARD = scenario("req_hard", 1e5, "1/day", "images of the gate cameras", "a small service")
P_PROD = scenario("p_prod", 0.001, "1", "share of attacks at the API", "rare abuse")
P_HARD = scenario("p_hard", 0.01, "1", "share of attacks at the gates", "a targeted site")
CAP_PROD = scenario("cap_prod", 350_000, "1/day", "inputs that the desk of the API can review", "3.5 % of the traffic")
CAP_HARD = scenario("cap_hard", 2_000, "1/day", "inputs that the gates can send to an officer", "2 % of the traffic")
CLEAN_PROD = scenario("clean_prod", 0.75, "1", "floor on clean accuracy, API", "one point below the standard model")
CLEAN_HARD = scenario("clean_hard", 0.60, "1", "floor on clean accuracy, gates", "two points below the 4/255 model")
SUCC_PROD = scenario("succ_prod", 0.30, "1", "largest attack success, API", "70 % of the attacks are stopped")
SUCC_HARD = scenario("succ_hard", 0.70, "1", "largest attack success, gates", "worst-case accuracy of at least 30 %")
SLO_PROD = scenario("slo_prod_s", 20e-3, "s", "latency limit of the API", "an interactive API")
SLO_HARD = scenario("slo_hard_s", 50e-3, "s", "latency limit of a gate", "a gate decision")
TRAIN_PROD = scenario("train_prod", 4, "1", "training budget of the API in ordinary trainings", "it retrains weekly")
TRAIN_HARD = scenario("train_hard", 10, "1", "training budget of the gates", "it retrains yearly; the chapter's 10x")
TOY_IMAGES = scenario("toy_images", 50, "1", "invented images of the two-pixel picture", "the lab's illustration")

STANDARD = c.RESNET50_TOP1.value / 100
DIM = c.IMAGE_UINT8.value
D_PRIME = physics.d_prime_from_rates(TPR_REF.value, FPR_REF.value)

#: Names of the recipes in running text and on plots.
NAMES = {
    "standard": "standard",
    "adv4": f"hardened 4/{LEVELS}",
    "adv8": f"hardened 8/{LEVELS}",
    **{recipe: f"smoothed {sigma:.2f}" for recipe, sigma in SIGMA.items()},
}
TRAINED = {name: NAMES[name] for name in _TABLE}
#: What each network of `TRAINED` was hardened against, in grey levels.
TRAINED_AT = {"standard": 0, "adv4": 4, "adv8": 8}

#: What counts in Act I: honest images in production, the opponent's smaller attack at the gates.
COUNTED = {PRODUCTION.id: 0, HARDENED.id: 4}


def top1(model: str, attack: int) -> float:
    """Published accuracy of an ordinary or hardened model under an attack in grey levels (fraction)."""
    return STANDARD if (model, attack) == ("standard", 0) else PUBLISHED[model, attack].value / 100


def certified_accuracy(recipe: str, radius: float) -> float:
    """Certified accuracy of a smoothed model at an l2 radius: that of the next radius of the table, 0 beyond it."""
    return next((CERTIFIED[recipe, known].value / 100 for known in RADII if radius <= known), 0.0)


def clean_of(recipe: str) -> float:
    """Accuracy of a recipe on honest images (fraction)."""
    return top1(recipe, 0) if recipe in TRAINED else certified_accuracy(recipe, 0.0)


def hardening_cost(recipe: str, pgd_steps: float) -> float:
    """Cost of training a recipe in ordinary trainings."""
    return physics.adversarial_training_cost_factor(pgd_steps if recipe in ("adv4", "adv8") else 0)


def eps(attack: float) -> str:
    """The size of an attack: 8/255."""
    return f"{plain(attack)}/{LEVELS}"


def points(difference: float) -> str:
    """A difference of two accuracies in percentage points: 28.2 points."""
    return f"{difference:.1f} points"


# --- the picture of two pixels ---

#: Grey levels that the two pixels of the picture span.
TOY_WIDTH, TOY_HEIGHT = 120, 72
TOY_SEED = 14


def _toy_points() -> tuple[Array, npt.NDArray[np.bool_]]:
    """Invented images on both sides of a wave: half of them close to it, a fifth far away."""
    generator = np.random.default_rng(TOY_SEED)
    wave, amplitude = 2 * math.pi / 78, 15.0
    placed: list[tuple[float, float]] = []
    sides: list[bool] = []
    while len(placed) < TOY_IMAGES.value:
        x, above, distance = generator.uniform(3, TOY_WIDTH - 3), len(placed) % 2 == 1, generator.random()
        nearest, farthest = (0.9, 2.4) if distance < 0.5 else (4.5, 8.0) if distance < 0.8 else (10.0, 26.0)
        # Where the wave is steep, the way to it is shorter than the height above it.
        gap = generator.uniform(nearest, farthest) * (1 + 0.5 * amplitude * wave * abs(math.cos(wave * x)))
        y = TOY_HEIGHT / 2 + amplitude * math.sin(wave * x) + (gap if above else -gap)
        crowded = any(max(abs(x - a), abs(y - b)) < 2.5 for a, b in placed)
        if 3 < y < TOY_HEIGHT - 3 and not crowded:
            placed.append((x, y))
            sides.append(above)
    return np.array(placed).round(1), np.array(sides)


TOY_POINTS, TOY_ABOVE = _toy_points()


@cache
def toy_rule(model: str) -> physics.NeighbourRule:
    """The nearest-neighbour rule of the picture, hardened as the model is."""
    across, up = np.meshgrid(np.arange(TOY_WIDTH) + 0.5, np.arange(TOY_HEIGHT) + 0.5)
    cells = np.column_stack([across.ravel(), up.ravel()])
    return physics.neighbour_rule(TOY_POINTS, TOY_ABOVE, TRAINED_AT[model], cells)


@dataclass(frozen=True)
class TaxOutcome:
    """A published model under an attack (fractions), what it lost to be hardened (points), its training cost."""

    clean_accuracy: float
    accuracy_under_attack: float
    robustness_tax_pp: float
    training_cost_factor: float
    hardened_cost: float
    #: The attack that counts in the context (grey levels, 0 for honest images), and the accuracy under it.
    counted_attack: int
    counted_accuracy: float


class RobustnessTax(Act):
    """Act I: what honest users lose."""

    title = "By Monday, the hardened version"
    minutes = 14

    recipe = choice(
        "Training", TRAINED, "standard", reason="the three published ResNet-50s with accuracies under the same attack"
    )
    attack_eps_255 = choice(
        "Attack moves each pixel by",
        {attack: f"{attack}/{LEVELS}" if attack else "nothing" for attack in ATTACKS},
        0,
        reason="the sizes of the published table",
    )
    pgd_steps = slider(
        "Attack steps K in each training step",
        1,
        10,
        1,
        int(K_PGD.value),
        text=lambda steps: counted(steps, "steps"),
        reason="1 is one-step training (FGSM), 9 the chapter's upper cost of 10 times; moves the training bill only",
    )

    @classmethod
    def compute(cls, context: str, *, recipe: str, attack_eps_255: int, pgd_steps: float = K_PGD.value) -> TaxOutcome:
        clean = top1(recipe, 0)
        return TaxOutcome(
            clean_accuracy=clean,
            accuracy_under_attack=top1(recipe, attack_eps_255),
            robustness_tax_pp=100 * (STANDARD - clean),
            training_cost_factor=hardening_cost(recipe, pgd_steps),
            hardened_cost=hardening_cost("adv8", pgd_steps),
            counted_attack=COUNTED[context],
            counted_accuracy=top1(recipe, COUNTED[context]),
        )

    def message(self) -> Message:
        return Message(
            "Head of Trust and Safety, an image platform",
            "Researchers sent us a folder of pictures that look normal and are all misread by our ResNet-50, which "
            f"scores **{percent(STANDARD, 0)}** on the public benchmark. Legal wants the hardened version, which "
            f"resists changes of 8 grey levels in {LEVELS}, by Monday. Before I answer: what will our honest users "
            "lose?",
        )

    def concept(self) -> str:
        return (
            "An attacker may move each pixel by at most $\\epsilon$: the image may go anywhere in a small **box** "
            "around itself. An image whose **margin**, the smallest such change that flips the answer, is larger than "
            "$\\epsilon$ is safe.\n\n**Adversarial training** replaces every training image by the worst image in its "
            f"box, found by $K$ gradient steps, and learns on that one. Standard training reaches {percent(STANDARD)} "
            f"on clean images and about {percent(top1('standard', 8), 0)} under attack."
        )

    def from_ledger(self) -> str:
        decision = self.lab.read("v2_13", "act2_decision")
        if decision is None:
            return ""
        paid = "throughput" if decision.endswith("/central_isolated") else "noise"
        return (
            f"In Lab V2-13 you decided for **{decision.replace('/', ', ').replace('_', ' ')}**: you already pay with "
            f"{paid} for privacy. This lab adds a second tax, on accuracy."
        )

    def prediction(self) -> ChoicePrediction:
        published = 100 * top1("adv8", 0)
        tax = 100 * STANDARD - published
        better = SECOND_FAMILY[8.0].value
        milder = 100 * (STANDARD - top1("adv4", 0))
        return ChoicePrediction(
            f"Clean top-1 accuracy of the same network, hardened at {eps(8)} by plain adversarial training (the public "
            "checkpoint behind the chapter’s number)?",
            (
                Option(
                    "free",
                    "76 %",
                    value=76,
                    feedback=(
                        "Robustness is no add-on. The network must stop using fine textures that predict well and "
                        f"break easily; that information was worth {tax:.0f} points."
                    ),
                ),
                Option(
                    "small",
                    "73 %",
                    value=73,
                    feedback=(
                        "A few points are what quantisation costs: it perturbs weights at random. This defends against "
                        "the worst of all perturbations."
                    ),
                ),
                Option(
                    "mid",
                    "62 %",
                    value=62,
                    feedback=f"{points(milder)} are the price at {eps(4)}, half the budget.",
                ),
                Option(
                    "large",
                    "48 %",
                    value=48,
                    correct=True,
                    feedback=(
                        f"Yes, and for that it reaches only {percent(top1('adv8', 8))} under the attack that it was "
                        "trained for."
                    ),
                ),
            ),
            actual=published,
            form=lambda value: f"{value:.4g} %",
            difference=True,
            difference_form=points,
            why=(
                f"Published: {published:.2f} %, which the chapter rounds to about {CHAPTER_CLEAN.value:g}. The tax is "
                f"{points(tax)}. A better training recipe (Salman et al.) keeps {better:.1f} %: the tax moves, it does "
                "not vanish."
            ),
        )

    def plots(self, outcome: TaxOutcome) -> dict[str, Plot]:
        predicted = self.predicted()
        attack, recipe = self.attack_eps_255, self.recipe
        rule = toy_rule(recipe)
        hardened = recipe != "standard"
        sizes = [size for size in SECOND_FAMILY if size > 0]
        survival = {NAMES[model]: [top1(model, size) for size in ATTACKS] for model in TRAINED}
        gates = self.context == HARDENED.id
        kept = SECOND_FAMILY[8.0].value / 100
        return {
            "tax": robustness_tax(
                (
                    Family("Engstrom et al. 2019", (4, 8), (top1("adv4", 0), top1("adv8", 0))),
                    Family("Salman et al. 2020", sizes, [SECOND_FAMILY[size].value / 100 for size in sizes]),
                ),
                standard=STANDARD,
                chosen=(TRAINED_AT[recipe], outcome.clean_accuracy) if hardened else (math.nan, math.nan),
                predicted=None if predicted is None else predicted / 100,
                unit=f"1/{LEVELS}",
                title="The robustness tax: what honest users lose",
                caption=(
                    f"Hardened at {eps(4)} the network gives up {points(100 * (STANDARD - top1('adv4', 0)))}, at "
                    f"{eps(8)} {points(100 * (STANDARD - top1('adv8', 0)))}. The second family trains better and still "
                    f"pays: {percent(kept)} at {eps(8)}."
                ),
            ),
            "regions": decision_regions(
                rule.regions.reshape(TOY_HEIGHT, TOY_WIDTH),
                TOY_POINTS,
                TOY_ABOVE,
                rule.margins,
                attack=float(attack),
                classes=("one class", "the other"),
                axes=("first pixel (grey levels)", "second pixel (grey levels)"),
                title=f"Where the boundary runs: {NAMES[recipe]}, in a picture of two pixels",
                caption=toy_caption(rule, recipe, attack),
            ),
            "survival": margin_survival(
                ATTACKS,
                survival,
                chosen=NAMES[recipe],
                attack=float(attack),
                watched=(4.0, 8.0, "the gates") if gates else (-0.4, 0.4, "honest images"),
                unit=f"1/{LEVELS}",
                title="Which images have a margin larger than the attack",
                caption=(
                    f"{NAMES[recipe].capitalize()}: {percent(outcome.clean_accuracy)} of the images are right as they "
                    + (
                        f"are; {percent(outcome.accuracy_under_attack, 2)} stay right under an attack of "
                        f"{eps(attack)}. "
                        if attack
                        else "are. "
                    )
                    + (
                        f"At the gates attacks of {eps(4)} to {eps(8)} count."
                        if gates
                        else "In production nearly all images are honest: size 0 counts."
                    )
                ),
            ),
            "bill": training_bill(
                int(self.pgd_steps),
                10,
                total=f"{outcome.hardened_cost:g}×",
                title="The training bill",
                caption=(
                    f"One hardened training = {outcome.hardened_cost:g} ordinary ones; the field reports "
                    f"{TRAIN_RANGE_LOW.value:g} to {TRAIN_RANGE_HIGH.value:g}. The published accuracies belong to "
                    "fixed checkpoints and do not move with K."
                ),
            ),
        }

    def metrics(self, outcome: TaxOutcome) -> list[Metric]:
        attack = self.attack_eps_255
        return [
            Metric("Honest images", f"{100 * outcome.clean_accuracy:.2f}", "%", note="top-1 accuracy"),
            Metric(
                "Under attack",
                f"{100 * outcome.accuracy_under_attack:.2f}",
                "%",
                note=f"attack of {eps(attack)}" if attack else "no attack",
            ),
            Metric("Robustness tax", f"{outcome.robustness_tax_pp:.2f}", "points"),
            Metric("Training", f"{outcome.training_cost_factor:g}", "×", note="passes per step over ordinary ones"),
            Metric(
                "Counts here",
                f"{100 * outcome.counted_accuracy:.2f}",
                "%",
                note=f"under {eps(outcome.counted_attack)}" if outcome.counted_attack else "honest images",
            ),
        ]

    def tables(self, outcome: TaxOutcome) -> list[Table]:
        rows = tuple(
            (
                NAMES[model],
                *(f"{100 * top1(model, attack):.2f}" for attack in ATTACKS),
                plain(100 * (STANDARD - top1(model, 0))),
            )
            for model in TRAINED
        )
        heads = ("", "clean", *(eps(attack) for attack in ATTACKS[1:]), "tax")
        return [
            Table(
                "Published top-1 accuracy (%)",
                heads,
                rows,
                list(TRAINED).index(self.recipe),
            )
        ]

    def reflection(self) -> Question:
        tax = 100 * (STANDARD - top1("adv8", 0))
        factor = hardening_cost("adv8", K_PGD.value)
        return Question(
            f"Where did the {tax:.0f} points go?",
            (
                Option("A", "Fewer parameters", f"Same network, {c.RESNET50_PARAMS.value / 1e6:.1f} M parameters."),
                Option(
                    "B",
                    "Features that predict, but can be flipped by a small change, now unused",
                    "Yes: useful, but not robust, so training under attack must give them up.",
                    correct=True,
                ),
                Option("C", "Noisy labels", "Labels are unchanged; inputs are moved."),
                Option(
                    "D",
                    "Slower inference",
                    f"One forward pass as before; only training is {factor:g} times longer.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("adversarial_training_cost_factor",),
            "Adversarial training minimises over the weights $\\theta$ the mean of $\\max_{\\|\\delta\\|_\\infty \\le "
            "\\epsilon} L(\\theta, x + \\delta)$: the inner maximum takes $K$ steps of projected gradient ascent, each "
            "a forward and a backward pass, the outer one more. The tax is $c_{standard} - c_{hardened}$ on clean "
            "images.\n\nThe picture of two pixels prunes the fewest images that leave no two classes within "
            "$2\\epsilon$, and decides by the nearest neighbour of what is left (Yang et al. 2020). It shows why there "
            "is a tax, not how large.",
        )


def toy_caption(rule: physics.NeighbourRule, recipe: str, attack: int) -> str:
    """What the picture of two pixels shows, counted."""
    images = int(TOY_IMAGES.value)
    clean, trained = rule.correct(), TRAINED_AT[recipe]
    first = (
        f"{images} invented images, all right: the boundary squeezes between neighbours. "
        if recipe == "standard"
        else f"Where two classes lie within {2 * trained} grey levels, no boundary protects both: the hardened one "
        f"gives up {images - clean} of {images} images and runs clear of the rest. "
    )
    if not attack:
        return f"{first}Choose an attack to see the boxes that it can reach."
    return (
        f"{first}{rule.correct(attack)} keep their answer wherever an attack of {eps(attack)} moves them in their box."
    )


# --- Act II ---


@dataclass(frozen=True)
class Service:
    """What a context fixes: traffic, attacker and limits. Latency in s, shares as fractions."""

    requests: float
    attack: int
    d_prime: float
    clean_min: float
    success_max: float
    capacity: float
    latency_s: float
    training: float

    @property
    def eps(self) -> float:
        """Size of the attack in input units."""
        return self.attack / LEVELS


SERVICES = {
    PRODUCTION.id: Service(
        REQ_PROD.value,
        8,
        D_PRIME,
        CLEAN_PROD.value,
        SUCC_PROD.value,
        CAP_PROD.value,
        SLO_PROD.value,
        TRAIN_PROD.value,
    ),
    HARDENED.id: Service(
        REQ_HARD.value,
        4,
        D_ADAPTIVE.value,
        CLEAN_HARD.value,
        SUCC_HARD.value,
        CAP_HARD.value,
        SLO_HARD.value,
        TRAIN_HARD.value,
    ),
}

#: Sweeps: share of attacks, score of the filter, noisy copies.
SHARES = np.linspace(0, 1, 51)
SCORES = np.linspace(-3.5, 6.5, 201)
COPIES = np.geomspace(10, 1e5, 61)
#: Largest radius that each number of copies can certify, by noise.
CEILINGS = {
    recipe: physics.max_certified_radius(sigma, np.round(COPIES), ALPHA.value) for recipe, sigma in SIGMA.items()
}


def needed_radius(service: Service) -> float:
    """L2 radius that encloses the attack of a service."""
    return physics.l2_radius_enclosing_linf(service.eps, DIM)


@cache
def robust_of(recipe: str, context: str) -> float:
    """Accuracy of a recipe under the attack of a context; of a smoothed one, what is certified there."""
    service = SERVICES[context]
    return top1(recipe, service.attack) if recipe in TRAINED else certified_accuracy(recipe, needed_radius(service))


@cache
def cuts(context: str) -> tuple[Array, Array]:
    """Shares of honest inputs and of attacks right of every score of the sweep."""
    return physics.binormal_fpr(SCORES), physics.binormal_tpr(SCORES, SERVICES[context].d_prime)


def breakeven_of(recipe: str, context: str) -> float:
    """Share of attacks from which a hardened recipe is better on average than the standard one."""
    return physics.breakeven_attack_share(
        clean_of("standard"), robust_of("standard", context), clean_of(recipe), robust_of(recipe, context)
    )


def averages(recipe: str, context: str, share: Any) -> Any:
    """Expected accuracy of a recipe at a share of attacks, in a context."""
    return physics.mixture_accuracy(share, clean_of(recipe), robust_of(recipe, context))


@dataclass(frozen=True)
class DefenceOutcome:
    """A defence in its traffic. Fractions, but flagged inputs (per day), latency (ms) and training (ordinary ones)."""

    clean_accuracy: float
    robust_accuracy: float
    detector_tpr: float
    detector_fpr: float
    attack_success: float
    worst_case_accuracy: float
    flagged_attacks: float
    flagged_honest: float
    flagged_per_day: float
    alert_precision: float
    latency_ms: float
    training_cost_factor: float
    expected_accuracy: float
    forward_passes: int
    passes: bool
    #: What the threshold would flag of attacks and of honest inputs, whether the filter is on or not.
    filter_rates: tuple[float, float]
    #: Thresholds that hold every limit on attacks and flags (scores); None where none does.
    window: tuple[float, float] | None


class DefenceDesign(Act):
    """Act II: train harder, filter, or certify, for two services."""

    title = "Two services, one budget"
    minutes = 23

    recipe = choice(
        "Training",
        NAMES,
        "standard",
        widget="select",
        reason="ordinary, adversarially hardened at two sizes, and smoothed with three noises: what is published",
    )
    filter_on = choice(
        "Filter in front of the model", {False: "off", True: "on"}, False, reason="feature squeezing, one more pass"
    )
    filter_fpr = stops(
        "Honest inputs that the filter flags",
        (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.07, 0.10, 0.15, 0.20),
        FPR_REF.value,
        unit="%",
        scale=100,
        reason="one in a thousand to one in five; 5 % is the published working point",
    )
    attack_share = stops(
        "Attacks in the traffic",
        (*(float(f"{digit}e{power}") for power in range(-5, 0) for digit in (1, 2, 5)), 1.0),
        P_PROD.value,
        unit="%",
        scale=100,
        per_context={HARDENED.id: {"default": P_HARD.value}},
        reason="one in 100,000 to nothing else; it describes the traffic and is no lever of the design",
    )
    samples = choice(
        "Noisy copies per decision",
        {1: "1", 100: "100", 1_000: "1,000", 10_000: "10,000", 100_000: "100,000"},
        100,
        reason="from one pass to the paper's certification",
    )
    snapshot_stops: ClassVar[dict[str, tuple[Any, ...]]] = {
        "filter_fpr": (0.01, 0.02, 0.025, 0.03, 0.035, 0.05),
        "attack_share": (0.001, 0.01, 0.5),
    }

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        recipe: str,
        filter_on: bool,
        filter_fpr: float,
        attack_share: float,
        samples: int,
    ) -> DefenceOutcome:
        service = SERVICES[context]
        clean, robust = clean_of(recipe), robust_of(recipe, context)
        would = physics.detector_tpr(filter_fpr, service.d_prime)
        tpr, fpr = (would, filter_fpr) if filter_on else (0.0, 0.0)
        copies = samples if recipe in SIGMA else 1
        success = physics.attack_success_rate(tpr, robust)
        attacks, honest = (
            physics.flagged_per_day(service.requests, attack_share, *rates) for rates in ((tpr, 0.0), (0.0, fpr))
        )
        flagged = physics.flagged_per_day(service.requests, attack_share, tpr, fpr)
        latency = physics.smoothing_latency_s(copies, T_FWD.value) + (T_FWD.value if filter_on else 0.0)
        training = hardening_cost(recipe, K_PGD.value)
        all_fpr, all_tpr = cuts(context)
        load = physics.flagged_per_day(service.requests, attack_share, all_tpr, all_fpr)
        holding = SCORES[
            (load <= service.capacity * (1 + 1e-9))
            & (physics.attack_success_rate(all_tpr, robust) <= service.success_max * (1 + 1e-9))
        ]
        return DefenceOutcome(
            clean_accuracy=clean,
            robust_accuracy=robust,
            detector_tpr=tpr,
            detector_fpr=fpr,
            attack_success=success,
            worst_case_accuracy=1 - success,
            flagged_attacks=attacks,
            flagged_honest=honest,
            flagged_per_day=flagged,
            alert_precision=physics.ppv_from_rates(attack_share, tpr, fpr) if filter_on else 0.0,
            latency_ms=latency * 1e3,
            training_cost_factor=training,
            expected_accuracy=physics.mixture_accuracy(attack_share, clean, robust),
            forward_passes=int(copies) + int(filter_on),
            passes=(
                at_least(clean, service.clean_min)
                and at_most(success, service.success_max)
                and at_most(flagged, service.capacity)
                and at_most(latency, service.latency_s)
                and at_most(training, service.training)
            ),
            filter_rates=(would, filter_fpr),
            window=(float(holding[0]), float(holding[-1])) if len(holding) else None,
        )

    @classmethod
    @cache
    def design(cls, context: str, recipe: str = "standard", filter_fpr: float | None = None) -> DefenceOutcome:
        """A design at the context's own share of attacks; with a filter where a threshold is named."""
        return cls.compute(
            context,
            recipe=recipe,
            filter_on=filter_fpr is not None,
            filter_fpr=FPR_REF.value if filter_fpr is None else filter_fpr,
            attack_share={PRODUCTION.id: P_PROD.value, HARDENED.id: P_HARD.value}[context],
            samples=100,
        )

    @property
    def service(self) -> Service:
        """Traffic, attacker and limits of the context on screen."""
        return SERVICES[self.context]

    def message(self) -> Message:
        return Message(
            "Director of Platform Integrity, for an image platform and a border authority’s gates",
            f"Two services, one budget meeting. The public API takes **{count(REQ_PROD.value)} images a day** with "
            f"about one attack in {1 / P_PROD.value:,.0f}, by people who know our model but not our filter. The gates "
            f"take **{count(REQ_HARD.value)} images a day** and face an opponent who has read our source code. I need "
            "one design for each, and the review desks are already full.",
        )

    def concept(self) -> str:
        return (
            "There are three places to spend: **train** harder, **filter** suspicious inputs, or **average** many "
            "noisy copies and certify the answer.\n\nA filter has a threshold: catching more attacks also stops more "
            "honest users. Its separability $d'$ is the distance between the scores of honest inputs and of attacks. "
            "What it flags is read by a person, and counts as handled."
        )

    def prediction(self) -> ChoicePrediction:
        production = PRODUCTION.id
        standard, hard = ((clean_of(recipe), robust_of(recipe, production)) for recipe in ("standard", "adv8"))
        actual = breakeven_of("adv8", production)

        def at(share: float) -> tuple[float, float]:
            return averages("standard", production, share), averages("adv8", production, share)

        rare, tenth = at(0.01), at(0.10)
        milder = breakeven_of("adv4", HARDENED.id)
        return ChoicePrediction(
            f"The {eps(8)}-hardened model has {percent(hard[0])} clean accuracy and {percent(hard[1])} under an "
            f"{eps(8)} attack; the standard one {percent(standard[0])} and {percent(standard[1], 0)}. From which "
            "share of attacks in the traffic is hardening better on average?",
            (
                Option(
                    "p1",
                    "1 %",
                    value=1,
                    feedback=(
                        f"At 1 % attacks the standard model averages {percent(rare[0])}, the hardened one "
                        f"{percent(rare[1])}."
                    ),
                ),
                Option(
                    "p10",
                    "10 %",
                    value=10,
                    feedback=f"A tenth is a lot, and still it is {percent(tenth[0])} against {percent(tenth[1])}.",
                ),
                Option(
                    "p29",
                    "29 %",
                    value=29,
                    feedback=(
                        f"{percent(milder)} is the break-even of the {eps(4)} model against a {eps(4)} attack: smaller "
                        "tax, larger gain."
                    ),
                ),
                Option(
                    "p59",
                    "59 %",
                    value=59,
                    correct=True,
                    feedback=(
                        f"Yes: {points(100 * (standard[0] - hard[0]))} lost on every honest input, "
                        f"{100 * (hard[1] - standard[1]):.1f} gained on every attack."
                    ),
                ),
            ),
            actual=100 * actual,
            form=lambda value: f"{value:.3g} %",
            difference=True,
            difference_form=points,
            why=(
                f"Break-even is {percent(actual)}: below it the hardened model serves your users worse than the "
                "undefended one. But an opponent chooses p: when one success is a catastrophe, the average is the "
                "wrong objective. That is the hardened context."
            ),
        )

    def challenge(self) -> str:
        service = self.service
        return (
            f"Find a design with a clean accuracy of at least **{percent(service.clean_min, 0)}**, at most "
            f"**{percent(service.success_max, 0)}** of the attacks successful, at most **{service.capacity:,.0f}** "
            f"inputs flagged a day, an answer within **{service.latency_s * 1e3:g} ms** and at most "
            f"**{service.training:g}** ordinary trainings. Attacks have a size of {eps(service.attack)} here. Then do "
            "it in the other context."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        service = self.service
        return (
            Constraint(
                f"Clean ≥ {percent(service.clean_min, 0)}", lambda o: at_least(o.clean_accuracy, service.clean_min)
            ),
            Constraint(
                f"Attack success ≤ {percent(service.success_max, 0)}",
                lambda o: at_most(o.attack_success, service.success_max),
            ),
            Constraint(
                f"Flagged ≤ {service.capacity:,.0f} a day", lambda o: at_most(o.flagged_per_day, service.capacity)
            ),
            Constraint(
                f"≤ {service.latency_s * 1e3:g} ms, training ≤ {service.training:g}×",
                lambda o: (
                    at_most(o.latency_ms, service.latency_s * 1e3) and at_most(o.training_cost_factor, service.training)
                ),
            ),
        )

    def failures(self) -> tuple[Failure, ...]:
        service = self.service
        return (
            Failure(
                "review_overflow",
                "REVIEW QUEUE OVERFLOW:",
                when=lambda o: not at_most(o.flagged_per_day, service.capacity),
                text=lambda o: (
                    f"{o.flagged_per_day:,.0f} alerts a day for a desk of {service.capacity:,.0f}; the backlog grows "
                    f"by {o.flagged_per_day - service.capacity:,.0f} a day and {percent(1 - o.alert_precision)} of it "
                    "are honest users."
                ),
            ),
            Failure(
                "worst_case_uncovered",
                "WORST CASE UNCOVERED:",
                when=lambda o: not at_most(o.attack_success, service.success_max),
                text=lambda o: (
                    f"{percent(o.attack_success, 2)} of attacks pass, limit {percent(service.success_max, 0)}. The "
                    f"filter’s separability against this attacker is d' = {service.d_prime:.2f}."
                ),
            ),
            Failure(
                "too_slow",
                "LATENCY:",
                when=lambda o: not at_most(o.latency_ms, service.latency_s * 1e3),
                text=lambda o: (
                    f"{plain(o.latency_ms, 6)} ms against {service.latency_s * 1e3:g} ms: {o.forward_passes:,} forward "
                    "passes per decision."
                ),
            ),
        )

    def limits(self) -> dict[str, str]:
        if self.recipe in SIGMA:
            return {}
        return {"samples": "Only a smoothed model averages noisy copies: choose one first."}

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # Copies that nobody averages go back, so that no address asks for them.
        return {} if values["recipe"] in SIGMA else {"samples": self.specs["samples"].default}

    def plots(self, outcome: DefenceOutcome) -> dict[str, Plot]:
        return {
            "breakeven": self._breakeven(outcome),
            "plane": self._plane(outcome),
            "scores": self._scores(outcome),
            "desk": self._desk(outcome),
            "ladder": self._ladder(outcome),
        }

    def _plane(self, outcome: DefenceOutcome) -> Plot:
        service, context = self.service, self.context
        tpr = outcome.filter_rates[0]

        def stopped(recipe: str, caught: float) -> float:
            return 1 - physics.attack_success_rate(caught, robust_of(recipe, context))

        short = {"standard": "standard", "adv4": eps(4), "adv8": eps(8), **{r: f"σ {s:.2f}" for r, s in SIGMA.items()}}
        defences = [
            Defence(name, clean_of(recipe), stopped(recipe, 0.0), stopped(recipe, tpr))
            for recipe, name in short.items()
        ]
        inside = at_least(outcome.clean_accuracy, service.clean_min) and at_most(
            outcome.attack_success, service.success_max
        )
        return defence_plane(
            defences,
            clean_min=service.clean_min,
            worst_min=1 - service.success_max,
            here=(outcome.clean_accuracy, outcome.worst_case_accuracy),
            region="both floors hold",
            title=f"Clean against worst-case accuracy, attack of {eps(service.attack)}",
            caption=(
                f"This design: {percent(outcome.clean_accuracy)} on honest images, "
                f"{percent(outcome.worst_case_accuracy)} of the attacks stopped, {'inside' if inside else 'outside'} "
                f"the corner. The filter at {plain(100 * outcome.filter_rates[1])} % lifts every model by what it "
                "catches. Smoothed models (σ) count with what they certify, which is nothing at "
                f"{eps(service.attack)}."
            ),
        )

    def _breakeven(self, outcome: DefenceOutcome) -> Plot:
        service, context = self.service, self.context
        compared = self.recipe if self.recipe in ("adv4", "adv8") else "adv8"
        cross = breakeven_of(compared, context)
        mine, ordinary = (
            averages(compared, context, self.attack_share),
            averages("standard", context, self.attack_share),
        )
        predicted = self.predicted() if context == PRODUCTION.id else None
        return attack_breakeven(
            SHARES,
            {NAMES[recipe]: averages(recipe, context, SHARES) for recipe in TRAINED},
            breakeven=cross,
            here=(self.attack_share, outcome.expected_accuracy),
            predicted=None if predicted is None else predicted / 100,
            title=f"From which share of attacks hardening pays, attack of {eps(service.attack)}",
            caption=(
                f"{NAMES[compared].capitalize()} is better on average above {percent(cross)} attacks. At "
                f"{plain(100 * self.attack_share)} % the standard model averages {percent(ordinary)}, this one "
                f"{percent(mine)}; the filter is not counted."
            ),
        )

    def _scores(self, outcome: DefenceOutcome) -> Plot:
        service = self.service
        tpr, fpr = outcome.filter_rates
        if service.d_prime == 0:
            words = (
                "The attacker optimises against the filter as well: both curves coincide, and every threshold flags "
                "the same share of attacks as of honest inputs."
            )
        else:
            words = (
                f"The curves lie d' = {service.d_prime:.2f} apart. At this threshold the filter "
                f"{'flags' if self.filter_on else 'would flag'} {percent(tpr)} of the attacks and {plain(100 * fpr)} "
                "% of the honest inputs."
            )
        return filter_scores(
            SCORES,
            normal_density(SCORES),
            normal_density(SCORES - service.d_prime),
            threshold=-physics.d_prime_from_rates(fpr, 0.5),
            rates=outcome.filter_rates if self.filter_on else None,
            window=outcome.window,
            title="What the filter sees",
            caption=(
                f"{words} Shaded green are the thresholds at which desk and attack limit hold for this model. Each "
                "curve has the area 1, however rare attacks are."
            ),
        )

    def _desk(self, outcome: DefenceOutcome) -> Plot:
        service = self.service
        return review_desk(
            outcome.flagged_attacks,
            outcome.flagged_honest,
            capacity=Limit(service.capacity, f"desk {service.capacity:,.0f}"),
            low=1.0,
            high=1e7,
            title="The review desk",
            caption=(
                f"{percent(outcome.alert_precision)} of the alerts are attacks; "
                f"{percent(1 - outcome.alert_precision)} are honest users."
                if self.filter_on
                else "The filter is off: nothing is flagged, and nobody reviews."
            ),
        )

    def _ladder(self, outcome: DefenceOutcome) -> Plot:
        service = self.service
        smoothed = self.recipe in SIGMA
        chosen = self.recipe if smoothed else "smooth050"
        sigma = SIGMA[chosen]
        radius = physics.max_certified_radius(sigma, self.samples, ALPHA.value)
        seconds = physics.smoothing_latency_s(self.samples, T_FWD.value)
        needed = needed_radius(service)
        if radius > 0:
            covered = physics.linf_radius_inside_l2(radius, DIM)
            reach = (
                f"σ = {sigma:.2f} and {counted(self.samples, 'copies')} certify at most {number(radius)} in l2, which "
                f"covers {covered * LEVELS:.2f}/{LEVELS} on every pixel; this attack needs {needed:.2f}"
            )
        else:
            reach = f"One copy gives no certificate; this attack needs a radius of {needed:.2f}"
        return certificate_ladder(
            COPIES,
            {f"σ = {SIGMA[recipe]:.2f}": ceiling for recipe, ceiling in CEILINGS.items()},
            chosen=f"σ = {sigma:.2f}",
            needed=Limit(needed, f"needed for {eps(service.attack)}: {needed:.2f}"),
            here=(self.samples, radius) if radius > 0 else (math.nan, math.nan),
            in_time=service.latency_s / T_FWD.value,
            title="What a certificate costs",
            caption=f"{reach}. The decision takes {plain(seconds * 1e3, 6)} ms"
            + ("." if smoothed else " with a smoothed model; none is chosen."),
        )

    def metrics(self, outcome: DefenceOutcome) -> list[Metric]:
        service = self.service
        alerts = f"{percent(outcome.alert_precision)} are attacks" if self.filter_on else "filter off"
        return [
            Metric(
                "Honest images",
                f"{100 * outcome.clean_accuracy:.1f}",
                "%",
                status=held(at_least(outcome.clean_accuracy, service.clean_min)),
            ),
            Metric(
                "Attack success",
                f"{100 * outcome.attack_success:.2f}",
                "%",
                note=f"worst-case accuracy {percent(outcome.worst_case_accuracy)}",
                status=held(at_most(outcome.attack_success, service.success_max)),
            ),
            Metric(
                "Flagged",
                f"{outcome.flagged_per_day:,.0f}",
                "a day",
                note=alerts,
                status=held(at_most(outcome.flagged_per_day, service.capacity)),
            ),
            Metric(
                "Latency",
                plain(outcome.latency_ms, 6),
                "ms",
                status=held(at_most(outcome.latency_ms, service.latency_s * 1e3)),
            ),
            Metric(
                "Training",
                f"{outcome.training_cost_factor:g}",
                "×",
                status=held(at_most(outcome.training_cost_factor, service.training)),
            ),
            Metric("Average", f"{100 * outcome.expected_accuracy:.2f}", "%", note="accuracy over all traffic"),
        ]

    def tables(self, outcome: DefenceOutcome) -> list[Table]:
        service = self.service
        checks = (
            ("accuracy on honest images", percent(outcome.clean_accuracy), f"≥ {percent(service.clean_min, 0)}"),
            ("attacks that succeed", percent(outcome.attack_success, 2), f"≤ {percent(service.success_max, 0)}"),
            ("flagged in a day", f"{outcome.flagged_per_day:,.0f}", f"≤ {service.capacity:,.0f}"),
            ("latency", f"{plain(outcome.latency_ms, 6)} ms", f"≤ {service.latency_s * 1e3:g} ms"),
            ("ordinary trainings", f"{outcome.training_cost_factor:g}", f"≤ {service.training:g}"),
        )
        certified = [
            (
                f"{radius:.1f}",
                f"{physics.linf_radius_inside_l2(radius, DIM) * LEVELS:.2f}/{LEVELS}",
                *(f"{CERTIFIED[recipe, radius].value:g}" for recipe in SIGMA),
            )
            for radius in RADII
        ]
        needed = needed_radius(service)
        last = (
            f"{needed:.2f}",
            f"{eps(service.attack)} needed",
            *(f"{100 * robust_of(r, self.context):g}" for r in SIGMA),
        )
        return [
            Table("This design against its limits", ("", "now", "limit"), checks),
            Table(
                "Certified accuracy by radius (%)",
                ("l2", "per pixel", *(f"σ {sigma:.2f}" for sigma in SIGMA.values())),
                (*certified, last),
                len(certified),
            ),
        ]

    def reflection(self) -> Question:
        return Question(
            "Why does the same filter work for the API and not at the gates?",
            (
                Option("A", "The gates have fewer requests", "Capacity scales with traffic; separability does not."),
                Option(
                    "B",
                    "The gate attacker optimises against the filter as well, so its score no longer separates",
                    f"Yes: d' falls from {D_PRIME:.2f} to {D_ADAPTIVE.value:g}, and the curve becomes a coin toss.",
                    correct=True,
                ),
                Option(
                    "C",
                    "The gates run it at the wrong threshold",
                    f"Move it: with d' = {D_ADAPTIVE.value:g} every threshold flags the same share of attacks as of "
                    "honest inputs.",
                ),
                Option("D", "Hardened models break filters", "The filter fails on the standard model, too."),
            ),
        )

    def peek(self) -> Peek:
        few, many = (physics.max_certified_radius(1.0, copies, ALPHA.value) for copies in (100, 100_000))
        example = physics.certified_radius_l2(0.5, 0.999, 0.001)
        return Peek(
            (
                "breakeven_attack_share",
                "mixture_accuracy",
                "detector_tpr",
                "attack_success_rate",
                "flagged_per_day",
                "ppv_from_rates",
                "certified_radius_l2",
                "max_certified_radius",
                "l2_radius_enclosing_linf",
                "linf_radius_inside_l2",
            ),
            "A thousand times the work buys little: from 100 to 100,000 passes the largest radius grows only from "
            f"{few:.2f} $\\sigma$ to {many:.2f} $\\sigma$. With $\\sigma = 0.5$ and $p_A = 0.999$ against $p_B = "
            f"0.001$ the radius is {example:.3f}.\n\nAccuracy under a gradient attack is an upper bound on "
            "robustness, a certificate a lower bound: they are not to be compared.",
        )


def normal_density(x: Array) -> Array:
    """Density of the standard normal distribution."""
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


WORKING_POINT = DefenceDesign.design(PRODUCTION.id, filter_fpr=FPR_REF.value)
GATE = DefenceDesign.design(HARDENED.id, "adv4")
NOTES = (
    "- Ask for the average and for the worst case separately; most arguments in class mix them.\n- Alert precision is "
    f"the system lesson: at one attack in {1 / P_PROD.value:,.0f} even a filter that catches "
    f"{percent(TPR_REF.value, 0)} at {percent(FPR_REF.value, 0)} false alarms is wrong "
    f"{percent(1 - WORKING_POINT.alert_precision)} of the time it speaks.\n- Empirical and certified numbers are not "
    "comparable: accuracy under a gradient attack is an upper bound on robustness, a certificate a lower bound.\n- An "
    f"l2 certificate of 0.5 covers only {physics.linf_radius_inside_l2(0.5, DIM) * LEVELS:.2f}/{LEVELS} on every "
    f"pixel of a 224 x 224 image. Students quote it against {eps(8)} all the time.\n- "
    f"{percent(GATE.worst_case_accuracy, 0)} worst-case accuracy is not a typo; it is what this network reaches. "
    "Discuss whether such a gate should be automatic at all.\n- Extension: free adversarial training (Shafahi et al. "
    "2019) lowers 1 + K. Which production limits then allow hardening? With K = 3 the training budget of "
    f"{TRAIN_PROD.value:g} is met, and clean accuracy still forbids it.\n- The number of attack steps behind each "
    f"published checkpoint differs: {hardening_cost('adv8', K_PGD.value):g} times is what K = {K_PGD.value:g} costs, "
    "not a measured bill."
)


class RobustAiLab(Lab):
    """What robustness costs honest users, and when it is worth it."""

    volume, number, slug = 2, 14, "lab_14_robust_ai"
    title = "The Robustness Tax"
    question = "What do honest users pay for a model that resists attacks, and when is it worth the price?"
    chapter = "Robust AI"
    invariant = (
        "A hardened model is worth its tax only above a break-even share of attacks; below it a filter is better, "
        "unless the attacker knows the filter."
    )
    contexts = (PRODUCTION, HARDENED)
    acts = (RobustnessTax, DefenceDesign)
    briefing = (
        "Robustness is often thought of as a filter that is switched on in front of a finished model, at the price of "
        "a point or two of accuracy. It is decided in training, and every honest user pays for it. Whether the price "
        "is right depends on how many of the inputs are attacks, and on what the attacker knows: not on taste. In Act "
        "I you read the bill, in Act II you choose a defence for two services that face different opponents."
    )
    reading = (
        Reading("Robust AI, Definition", "worst case against average case; robustness is a property of training"),
        Reading("Robust AI, Adversarial defense workflow: The robustness tax", "what hardening costs, twice"),
        Reading("Robust AI, Certified defenses", "the radius of a certificate, and why it needs many samples"),
        Reading(
            "Robust AI, Detection techniques",
            "feature squeezing removes 70 to 90 % of attacks and keeps 95 % of the rest",
        ),
        Reading(
            "Robust AI, Defense strategies, and Fallacies",
            f"training time {TRAIN_RANGE_LOW.value:g} to {TRAIN_RANGE_HIGH.value:g} times; robustness is bound to its "
            "threat model",
        ),
    )
    assumptions = (
        "- Accuracies are those of published checkpoints of one network, under one strong gradient attack (100 "
        f"steps). A stronger attack can only lower them.\n- An attack moves each of {DIM:,.0f} input values by at "
        "most its size.\n- A filter’s scores are normal with equal spread; it is calibrated at "
        f"{percent(TPR_REF.value, 0)} caught and {percent(FPR_REF.value, 0)} false alarms. Against an attacker who "
        "knows it, it separates nothing, which is the worst case.\n- What a filter flags is reviewed and counts as "
        "handled; what it misses is as hard for the model as what it catches.\n- Smoothed models count with what they "
        "certify. A certificate speaks of l2, the attack of every pixel at once; the radius must enclose the "
        f"attack.\n- Every forward pass takes {T_FWD.value * 1e3:g} ms, noisy or not. Copies are not spread over "
        f"several processors.\n- Hardened models are trained with K = {K_PGD.value:g} attack steps in Act II.\n- The "
        "picture of two pixels is invented and counts nothing but itself."
    )
    constants = (
        c.RESNET50_TOP1,
        *PUBLISHED.values(),
        *SECOND_FAMILY.values(),
        CHAPTER_CLEAN,
        K_PGD,
        TRAIN_RANGE_LOW,
        TRAIN_RANGE_HIGH,
        *CERTIFIED.values(),
        ALPHA,
        T_SAMPLE,
        T_FWD,
        c.RESNET50_PARAMS,
        c.IMAGE_UINT8,
        TPR_REF,
        FPR_REF,
        D_ADAPTIVE,
        REQ_PROD,
        REQ_HARD,
        P_PROD,
        P_HARD,
        CAP_PROD,
        CAP_HARD,
        CLEAN_PROD,
        CLEAN_HARD,
        SUCC_PROD,
        SUCC_HARD,
        SLO_PROD,
        SLO_HARD,
        TRAIN_PROD,
        TRAIN_HARD,
        TOY_IMAGES,
    )
    reads = (("v2_13", "act2_decision"),)
    instructor_notes = NOTES

    def result(self) -> float:
        return self.act2.outcome.worst_case_accuracy

    def decision(self) -> str:
        recipe, filtered = self.act2.recipe, self.act2.filter_on
        if recipe in SIGMA:
            return "certify"
        if recipe == "standard":
            return "filter" if filtered else "none"
        return "harden_and_filter" if filtered else "harden"

    def extras(self) -> dict[str, Any]:
        act = self.act2
        return {
            "recipe": act.recipe,
            "filter_fpr": act.filter_fpr if act.filter_on else None,
            "attack_share": act.attack_share,
            "clean_accuracy": act.outcome.clean_accuracy,
        }

    def solution(self, context: str) -> dict[str, Any]:
        return {"filter_on": True, "filter_fpr": 0.03} if context == PRODUCTION.id else {"recipe": "adv4"}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"filter_on": True, "filter_fpr": 0.05 if context == PRODUCTION.id else 0.03}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
