"""V2-11 The Price of Not Moving Data.

Act I: a photo tagger, retrained by collecting pictures once or by thousands of federated rounds: which moves more
bytes? Act II: 1,250 bedside tablets, an uplink quota and five days, with local work, clients, bits and over-selection
as the knobs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from components.controls import choice, slider, stops
from components.instruments.data_gravity import Stack, budget_stack
from components.instruments.federated import (
    Descent,
    Traffic,
    device_round,
    federated_round,
    fold,
    gap_against_uplink,
    plan_map,
    population_break_even,
    round_terms,
    traffic_ledger,
)
from components.instruments.layers import Axis, Plot
from components.instruments.waterfall import Limit
from components.metrics import Metric, held
from components.quantity import count, number, percent, plain, quantity, setting
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
    at_most,
    scenario,
)
from mlsysim import physics
from mlsysim.core import constants as c
from mlsysim.physics.federated import UPDATE_SCALE_BITS

Array = npt.NDArray[np.float64]

FEDERATED = Context("federated", "Federated", "edge", "Data stay on the devices; models travel, round after round.")
CENTRALIZED = Context("centralized", "Centralized", "cloud", "Raw data travel once; training happens in one place.")

DAY = 86400.0
CHAPTER = "Edge Intelligence"
EXAMPLE = "Edge Intelligence, Quantifying heterogeneity in practice"

PARAMS = scenario("params", 10e6, "parameter", "on-device model, trained in full", CHAPTER, "chapter")
EPS = scenario("target_gap", 0.01, "1", "gap to the optimum that counts as trained", EXAMPLE, "chapter")
CLIENTS = scenario("example_clients", 10, "1", "clients per round of the example", EXAMPLE, "chapter")
EPOCHS = scenario("example_epochs", 5, "1", "local epochs of the example", EXAMPLE, "chapter")
PILOT = scenario("pilot_users", 100, "1", "users of the example", EXAMPLE, "chapter")
BETA = scenario("heterogeneity", 1.5, "1", "moderately different users", EXAMPLE, "chapter")
RAW_PHOTO = scenario("raw_photo_bytes", 200e6, "B", "a week of phone photos", "1,000 images of 200 kB")
RAW_TEXT = scenario("raw_text_bytes", 1e6, "B", "typed text of one user", "about 150,000 words")

FLEET = scenario("fleet_tablets", 1250, "1", "tablets of the hospital network", "the lab’s scenario")
QUOTA = scenario(
    "uplink_quota",
    physics.centralized_bytes(FLEET.value, RAW_PHOTO.value),
    "B",
    "uplink per refresh",
    "no more than the central plan that it replaces",
)
DEADLINE = scenario(
    "deadline_s", 5 * DAY, "s", "time of one refresh", "Hard et al. 2018: 3,000 rounds in 4 to 5 days", "paper"
)
UPLINK = scenario(
    "uplink_bytes_s", 5e6 / 8, "B/s", "upload of one tablet", "Edge Intelligence: 5 to 10 Mb/s", "chapter"
)
DOWNLINK = scenario(
    "downlink_bytes_s", 20e6 / 8, "B/s", "download of one tablet", "below the chapter’s 50 Mb/s: clients share a cell"
)
DOWNLOAD_BITS = scenario("download_bits", 16, "bit", "format in which the model is sent out", "FP16, the usual choice")
SAMPLES = scenario("epoch_samples", 1000, "1", "samples of one local epoch", "one week of images")
FORWARD = scenario(
    "forward_flop", 0.6e9, "FLOP", "one image through the model", "Sandler et al. 2018 (MobileNetV2)", "paper"
)
PHONE_RATE = scenario("phone_flop_s", 50e9, "FLOP/s", "a phone CPU in the background", "order of a few CPU cores")
TAIL = scenario(
    "tail_ratio",
    1.0,
    "1",
    "mean extra time of a device over its undisturbed time",
    "stragglers at 10 times the average",
)
SERVER = scenario(
    "server_s", 30, "s", "selection, aggregation and checkpoint of a round", "Bonawitz et al. 2019: rounds of minutes"
)
PUBLISHED_OVER = scenario(
    "published_over_selection", 1.3, "1", "invited over needed", "Bonawitz et al. 2019: 130 %", "paper"
)
BUCKET = scenario("bucket", 128, "1", "values that share a scale", "usual group size")
CLIP = scenario("clip_sigma", 3, "1", "clipping point in standard deviations", "Wen et al. 2017 clip at 2.5")
INGRESS = scenario("ingress_bytes_s", 10e9 / 8, "B/s", "port of the data centre", "10 Gb/s")
CENTRAL_MFU = scenario("central_mfu", 0.40, "1", "utilization of the central accelerator", "well-tuned training")

MODEL_BYTES = physics.update_bytes(PARAMS.value, 32, BUCKET.value)
DOWN_BYTES = physics.update_bytes(PARAMS.value, int(DOWNLOAD_BITS.value), BUCKET.value)
DOWN_S = physics.transfer_time(DOWN_BYTES, DOWNLINK.value, 0.0)
EPOCH_FLOP = physics.sample_training_flops(SAMPLES.value, 1, FORWARD.value)
EPOCH_S = EPOCH_FLOP / PHONE_RATE.value
#: Central training of pooled data, which are identically distributed: client-epochs times their arithmetic (s).
CENTRAL_TRAIN_S = (
    physics.federated_rounds(1, 1, EPS.value, 0.0) * EPOCH_FLOP / (CENTRAL_MFU.value * c.H100_FLOPS_FP16_TENSOR.value)
)
UPLINK_MBIT = UPLINK.value * 8 / 1e6

USERS = {0.0: "0: identical", 0.5: "0.5: one language", BETA.value: "1.5: different", 3.0: "3: health data"}
BITS = {32: "32", 16: "16", 8: "8", 4: "4", 2: "2"}
BETA_GRID = np.linspace(0, 3, 61)
EPOCH_GRID = np.linspace(1, 10, 91)
MAP_EPOCHS = np.arange(1.0, 11.0)
MAP_CLIENTS = np.arange(5.0, 201.0, 5.0)
TRIED_OVER = (1.0, 1.1, 1.2, PUBLISHED_OVER.value, 1.5, 2.0)

#: A plan that passes, and the bits with which the first one starts.
PASSING: dict[str, Any] = {"local_epochs": 2, "clients": 30, "bits": 4, "over_selection": 1.2}
QUANTIZED = ("quantize_weights", "quantize_weights_and_cache", "quantize_cache", "quantize_and_prune")

PARTS = {
    "download": "series-3",
    "training": "data",
    "upload": "series-5",
    "waiting for stragglers": "series-4",
    "server": "series-6",
}


def whole_up(value: Any) -> Any:
    """Rounded up to a whole number, forgiving what floating point adds: 1.1 × 30 is 33."""
    return np.ceil(value - 1e-9)


def whole_down(value: Any) -> Any:
    """Rounded down to a whole number, forgiving what floating point takes away."""
    return np.floor(value + 1e-9)


def gigabytes(size: float) -> str:
    """Bytes in GB, so that plans can be compared with the quota."""
    return f"{size / 1e9:,.1f}" if size < 1e12 else f"{size / 1e9:,.0f}"


@dataclass(frozen=True)
class TrafficOutcome:
    """What both plans move until the target (B), and what leaves the devices; terms of the rounds over BETA_GRID."""

    rounds: float
    federated_bytes: float
    centralized_bytes: float
    ratio: float
    break_even_clients: float
    direction_bytes: float
    raw_bytes: float
    variance: Array
    drift: Array


class OnlyUpdatesTravel(Act):
    """Act I: bytes of thousands of rounds against bytes of one collection."""

    title = "Only updates travel"
    minutes = 13

    clients_total = stops(
        "Population",
        (*(step * 10**decade for decade in range(1, 7) for step in (1, 2, 5)), 10**7),
        int(PILOT.value),
        text=lambda devices: f"{count(devices)} devices",
        reason="a pilot to the users of a large app",
    )
    bytes_per_client = stops(
        "Raw data per device",
        (*(step * 10.0**decade for decade in range(6, 10) for step in (1, 2, 5)), 1e10),
        RAW_PHOTO.value,
        text=lambda size: setting(size, "B"),
        reason="typed text to a week of video",
    )
    clients_per_round = slider(
        "Devices per round",
        1,
        500,
        1,
        CLIENTS.value,
        reason="published deployments use 100 to 500; no more than the population",
    )
    heterogeneity = choice(
        "Heterogeneity β",
        USERS,
        BETA.value,
        reason="by domain: one-language keyboards 0.3 to 0.8, mixed users 1.5 to 3, health data 2 to 5",
    )

    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "clients_total": (100, 20_000, 50_000, 5_000_000),
        "bytes_per_client": (1e6, 2e8, 1e10),
        "clients_per_round": (5, 10, 100, 500),
    }

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        clients_total: float,
        bytes_per_client: float,
        clients_per_round: float,
        heterogeneity: float,
        local_epochs: float = EPOCHS.value,
    ) -> TrafficOutcome:
        rounds = physics.federated_rounds(clients_per_round, local_epochs, EPS.value, heterogeneity)
        federated = rounds * physics.federated_round_bytes(clients_per_round, MODEL_BYTES, MODEL_BYTES)
        central = physics.centralized_bytes(clients_total, bytes_per_client)
        return TrafficOutcome(
            rounds=rounds,
            federated_bytes=federated,
            centralized_bytes=central,
            ratio=federated / central,
            break_even_clients=federated / bytes_per_client,
            direction_bytes=federated / 2,
            raw_bytes=central if context == CENTRALIZED.id else 0.0,
            variance=physics.variance_rounds(clients_per_round, local_epochs, EPS.value, BETA_GRID),
            drift=physics.drift_rounds(local_epochs, EPS.value, BETA_GRID),
        )

    @classmethod
    @cache
    def asked(cls, **changed: float) -> TrafficOutcome:
        """The case of the question, with what a text changes in it."""
        return cls.compute(
            FEDERATED.id,
            **{
                "clients_total": PILOT.value,
                "bytes_per_client": RAW_PHOTO.value,
                "clients_per_round": CLIENTS.value,
                "heterogeneity": BETA.value,
                **changed,
            },
        )

    def settle(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A round cannot have more devices than there are.
        most = float(values["clients_total"])
        return {"clients_per_round": most} if values["clients_per_round"] > most else {}

    def message(self) -> Message:
        share = 1 - MODEL_BYTES / RAW_PHOTO.value
        return Message(
            "CTO, a photo-app company",
            f"We want to retrain the on-device tagger from {PILOT.value:g} pilot users. Uploading their pictures would "
            f"be {setting(RAW_PHOTO.value, 'B')} each, and a privacy problem. Legal loves federated learning, and our "
            f"network team says it is cheaper anyway: an update is {setting(MODEL_BYTES, 'B')}, a fifth of the "
            f"pictures. Before I put **“saves {percent(share, 0)} of the traffic”** into the board paper: what "
            "is the real ratio?",
        )

    def from_ledger(self) -> str:
        if self.lab.read("ch04", "context") is None:
            return ""
        return (
            "In Lab 04 data had gravity: it was cheaper to bring the computation to the bytes. Federated learning goes "
            "all the way and leaves every byte where it was made. Here is the bill for the trips of the model."
        )

    def concept(self) -> str:
        return (
            f"**Federated averaging**: in each of $R$ rounds the server sends the model ({setting(MODEL_BYTES, 'B')}) "
            f"to $C$ = {CLIENTS.value:g} of the devices. Each trains $E$ = {EPOCHS.value:g} local epochs on its own "
            f"data and sends the model back ({setting(MODEL_BYTES, 'B')}); the server averages. Training ends when "
            f"the gap to the best model is {EPS.value:g}.\n\nThe number of rounds depends on how different the users "
            f"are, the *heterogeneity* $\\beta$: 0 for identical users; here they are moderately different, $\\beta$ = "
            f"{BETA.value:g}.\n\n**Centralized**: every device uploads its raw data once, and training moves nothing."
        )

    def prediction(self) -> ChoicePrediction:
        asked, alike = self.asked(), self.asked(heterogeneity=0.0)
        naive = MODEL_BYTES / RAW_PHOTO.value
        everybody = asked.ratio * PILOT.value / CLIENTS.value
        return ChoicePrediction(
            "Total bytes over the network until the target gap: federated divided by centralized "
            f"({PILOT.value:g} users × {setting(RAW_PHOTO.value, 'B')}, once)?",
            (
                Option(
                    "A",
                    fold(naive),
                    value=naive,
                    feedback=(
                        f"One upload is smaller. There are {asked.rounds * CLIENTS.value:,.0f} of them, "
                        "and as many downloads."
                    ),
                ),
                Option(
                    "B",
                    fold(alike.ratio),
                    value=alike.ratio,
                    feedback=(
                        f"You planned for identical users: {alike.rounds:,.0f} rounds. Heterogeneity multiplies them "
                        f"by {asked.rounds / alike.rounds:.0f}."
                    ),
                ),
                Option(
                    "C",
                    fold(asked.ratio),
                    value=asked.ratio,
                    correct=True,
                    feedback=(f"And at {asked.break_even_clients:,.0f} users the two plans would move the same bytes."),
                ),
                Option(
                    "D",
                    fold(everybody),
                    value=everybody,
                    feedback=(
                        f"Only {CLIENTS.value:g} devices join a round; the population does not appear in federated "
                        "traffic at all."
                    ),
                ),
            ),
            actual=asked.ratio,
            form=fold,
            why=(
                f"{asked.rounds:,.0f} rounds × {CLIENTS.value:g} devices × {setting(2 * MODEL_BYTES, 'B')} are "
                f"{setting(asked.federated_bytes, 'B')}, against {setting(asked.centralized_bytes, 'B')} of pictures."
            ),
        )

    def plots(self, outcome: TrafficOutcome) -> dict[str, Plot]:
        predicted = self.predicted()
        central = self.context == CENTRALIZED.id
        taking_part = self.clients_total if central else self.clients_per_round
        model = setting(MODEL_BYTES, "B")
        dot = max(self.clients_total / 100, 1)
        each = f"One dot stands for {count(dot)} devices. " if dot > 1 else ""
        winner = "federated" if outcome.ratio < 1 else "collecting the data"
        drift = physics.drift_rounds(EPOCHS.value, EPS.value, self.heterogeneity)
        drift_binds = drift >= outcome.rounds
        doubled = "rounds, devices per round and the model" if not central else "the population and their data"
        return {
            "round": device_round(
                population=self.clients_total,
                taking_part=taking_part,
                raw=central,
                sent=f"{setting(self.bytes_per_client, 'B')} up, once" if central else f"{model} down, {model} up",
                server="server",
                device="devices",
                title="The one trip" if central else f"One of {outcome.rounds:,.0f} rounds",
                caption=each
                + (
                    f"All devices send their raw data: {setting(outcome.raw_bytes, 'B')} leave them."
                    if central
                    else f"A round moves {quantity(outcome.federated_bytes / outcome.rounds, 'B')}; another choice of "
                    "devices every time. No raw data leave."
                ),
            ),
            "traffic": traffic_ledger(
                [
                    Traffic("centralized", outcome.centralized_bytes, "caution", strong=True),
                    Traffic("download", outcome.direction_bytes, "series-3"),
                    Traffic("upload", outcome.direction_bytes, "series-5"),
                    Traffic("federated", outcome.federated_bytes, "data", strong=True),
                ],
                low=1e6,
                high=1e17,
                compare=(0, 3),
                predicted=None if predicted is None else predicted * self.asked().centralized_bytes,
                title="Bytes until the target",
                caption=(
                    f"Federated {quantity(outcome.federated_bytes, 'B')}, centralized "
                    f"{quantity(outcome.centralized_bytes, 'B')}: {fold(outcome.ratio)}. Bytes of this plan grow with "
                    f"{doubled}, and with nothing else."
                ),
            ),
            "break_even": population_break_even(
                per_device=self.bytes_per_client,
                federated=outcome.federated_bytes,
                here=self.clients_total,
                highlight=self.context,
                title="Who moves less, over the population",
                caption=(
                    f"At {count(self.clients_total)} devices {winner} moves fewer bytes. The plans meet at "
                    f"{count(outcome.break_even_clients)} devices."
                ),
            ),
            "rounds": round_terms(
                BETA_GRID,
                outcome.variance,
                outcome.drift,
                axis=Axis("heterogeneity β (0: identical users)", -0.1, 3.15),
                here=(self.heterogeneity, outcome.rounds),
                title="What different users cost in rounds",
                caption=(
                    f"β = {self.heterogeneity:g} with E = {EPOCHS.value:g}: {plain(outcome.rounds)} rounds, set by "
                    + (
                        "client drift, which more devices per round do not cure."
                        if drift_binds
                        else "variance, which more devices per round average away."
                    )
                ),
            ),
        }

    def metrics(self, outcome: TrafficOutcome) -> list[Metric]:
        return [
            Metric("Rounds", plain(outcome.rounds)),
            Metric.of("Federated", quantity(outcome.federated_bytes, "B"), note="down and up, all rounds"),
            Metric.of("Centralized", quantity(outcome.centralized_bytes, "B"), note="up, once"),
            Metric("Federated over centralized", fold(outcome.ratio)),
            Metric("Break-even population", count(outcome.break_even_clients), "devices"),
            Metric.of("Raw data that leave", quantity(outcome.raw_bytes, "B"), note=f"{self.context} plan"),
        ]

    def tables(self, outcome: TrafficOutcome) -> list[Table]:
        rows = []
        for beta in USERS:
            rounds = physics.federated_rounds(self.clients_per_round, EPOCHS.value, EPS.value, beta)
            total = rounds * physics.federated_round_bytes(self.clients_per_round, MODEL_BYTES, MODEL_BYTES)
            ratio = fold(total / outcome.centralized_bytes)
            rows.append((USERS[beta], plain(rounds), quantity(total, "B"), ratio))
        return [
            Table(
                "The same plan for other users",
                ("β", "rounds", "federated", "ratio"),
                tuple(rows),
                emphasis=list(USERS).index(self.heterogeneity),
            )
        ]

    def reflection(self) -> Question:
        asked, text, half = self.asked(), self.asked(bytes_per_client=RAW_TEXT.value), self.asked(clients_per_round=5.0)
        return Question(
            "Which change makes federated learning cheaper in bytes than the central plan?",
            (
                Option(
                    "A",
                    "A larger population, same devices per round and model",
                    correct=True,
                    feedback=(
                        f"Beyond {asked.break_even_clients:,.0f} users the pictures pass "
                        f"{setting(asked.federated_bytes, 'B')}, and federated traffic has not moved."
                    ),
                ),
                Option(
                    "B",
                    "Smaller data per user, such as text",
                    f"The wrong way: at {setting(RAW_TEXT.value, 'B')} per user the ratio is {fold(text.ratio)}.",
                ),
                Option(
                    "C",
                    "Half as many devices per round",
                    "The drift term does not depend on the devices per round: still "
                    f"{half.rounds:,.0f} rounds, so half the bytes, {half.ratio:.0f}×.",
                ),
                Option("D", "Faster phones", "They shorten the days. The same bytes travel."),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            ("federated_rounds", "federated_round_bytes", "centralized_bytes"),
            "Federated bytes are $R \\cdot C \\cdot 2M$, centralized bytes $K D$; they are equal at $K^* = 2RCM/D$. "
            f"In the case of the question the first term of $R$ is {self.asked().variance[30]:,.0f}, the second "
            f"{self.asked().drift[30]:,.0f}: the larger one counts, and only the first knows the devices per round.",
        )


@dataclass(frozen=True)
class RefreshOutcome:
    """One refresh of the model: uplink (B), calendar (s), raw data outside (B), and how the plan got there.

    What only a federated plan has is None in the centralized context.
    """

    uplink_bytes: float
    raw_bytes: float
    calendar_s: float
    residency_ok: bool
    meets_all: bool
    trained: bool
    heterogeneity: float
    parts_days: dict[str, float]
    rounds: int | None = None
    invited: int | None = None
    round_s: float | None = None
    quota_rounds: int | None = None
    gap_at_quota: float | None = None
    uplink_ok: bool | None = None
    deadline_ok: bool | None = None
    update_bytes: float | None = None
    noise: float | None = None
    download_bytes: float | None = None
    upload_j: float | None = None
    slowdown: Array | None = None
    phases: dict[str, float] | None = None
    variance: Array | None = None
    drift: Array | None = None
    drift_binds: bool | None = None
    balanced: float | None = None
    best_epochs: float | None = None
    balance: Array | None = None
    verdict: npt.NDArray[np.int_] | None = None


class FiveDays(Act):
    """Act II: a federated refresh within an uplink quota and five days."""

    title = "Five days, 250 GB"
    minutes = 24

    local_epochs = slider(
        "Local epochs E", 1, 10, 1, EPOCHS.value, reason="the chapter’s best is 2 to 5; 10 shows the drift"
    )
    clients = slider(
        "Tablets per round C",
        5,
        200,
        5,
        CLIENTS.value,
        reason="at best 200 of the tablets are idle, charging and connected at once",
    )
    bits = choice("Bits per uploaded value", BITS, 32, unit="bit", reason="full precision to ternary")
    over_selection = slider(
        "Over-selection: invited over needed",
        1.0,
        2.0,
        0.1,
        1.0,
        text=fold,
        reason="deployments publish 1.3; 2.0 discards every second upload",
    )
    heterogeneity = choice(
        "Heterogeneity β", USERS, BETA.value, reason="as in Act I; the challenge is scored at the β of these wards"
    )
    raw_share = slider(
        "Raw data uploaded",
        0.0,
        1.0,
        0.05,
        1.0,
        unit="%",
        scale=100,
        only_in=(CENTRALIZED.id,),
        reason="nothing to everything",
    )

    snapshot_stops: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "local_epochs": (1, 2, 3, 5, 10),
        "clients": (10, 15, 30, 40, 100),
        "over_selection": (1.0, 1.1, 1.2, 1.5, 2.0),
    }

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        local_epochs: float = EPOCHS.value,
        clients: float = CLIENTS.value,
        bits: int = 32,
        over_selection: float = 1.0,
        heterogeneity: float = BETA.value,
        raw_share: float = 1.0,
    ) -> RefreshOutcome:
        if context == CENTRALIZED.id:
            return central_refresh(raw_share)
        noise = physics.stochastic_rounding_variance(int(bits), CLIP.value)
        update = physics.update_bytes(PARAMS.value, int(bits), BUCKET.value)
        upload_s = physics.transfer_time(update, UPLINK.value, 0.0)
        phases = {"download": DOWN_S, "local training": EPOCH_S * local_epochs, "upload": upload_s}
        fixed = sum(phases.values())
        work = (clients, local_epochs, EPS.value, heterogeneity, noise)
        rounds = int(whole_up(physics.federated_rounds(*work)))
        invited, needed = int(whole_up(over_selection * clients)), int(clients)
        round_s = physics.over_selected_round_time(fixed, TAIL.value, invited, needed, SERVER.value)
        uplink, calendar = rounds * invited * update, rounds * round_s
        quota_rounds = int(whole_down(QUOTA.value / (invited * update)))
        uplink_ok, deadline_ok = at_most(uplink, QUOTA.value), at_most(calendar, DEADLINE.value)
        waiting = fixed * TAIL.value * physics.exponential_order_statistic(invited, needed)
        per_round = (DOWN_S, phases["local training"], upload_s, waiting, SERVER.value)
        differ = heterogeneity > 0
        return RefreshOutcome(
            uplink_bytes=uplink,
            raw_bytes=0.0,
            calendar_s=calendar,
            residency_ok=True,
            meets_all=uplink_ok and deadline_ok and heterogeneity == BETA.value,
            trained=True,
            heterogeneity=heterogeneity,
            parts_days={name: rounds * part / DAY for name, part in zip(PARTS, per_round, strict=True)},
            rounds=rounds,
            invited=invited,
            round_s=round_s,
            quota_rounds=quota_rounds,
            gap_at_quota=physics.federated_gap(clients, local_epochs, min(rounds, quota_rounds), heterogeneity, noise),
            uplink_ok=uplink_ok,
            deadline_ok=deadline_ok,
            update_bytes=update,
            noise=noise,
            download_bytes=rounds * invited * DOWN_BYTES,
            upload_j=physics.lte_uplink_power(UPLINK_MBIT) * upload_s,
            slowdown=1 + TAIL.value * physics.exponential_order_statistic(invited, np.arange(1.0, invited + 1.0)),
            phases=phases,
            variance=physics.variance_rounds(clients, EPOCH_GRID, EPS.value, heterogeneity, noise),
            drift=physics.drift_rounds(EPOCH_GRID, EPS.value, heterogeneity),
            drift_binds=physics.drift_rounds(local_epochs, EPS.value, heterogeneity) >= physics.variance_rounds(*work),
            balanced=physics.balanced_clients(local_epochs, EPS.value, heterogeneity, noise) if differ else None,
            best_epochs=physics.optimal_local_epochs(clients, EPS.value, heterogeneity, noise) if differ else None,
            balance=(
                physics.balanced_clients(MAP_EPOCHS, EPS.value, heterogeneity, noise)
                if differ
                else np.full(len(MAP_EPOCHS), np.nan)
            ),
            verdict=verdicts(int(bits), over_selection, heterogeneity, noise, update, upload_s),
        )

    @classmethod
    @cache
    def design(cls, **controls: Any) -> RefreshOutcome:
        """A federated plan that a text quotes."""
        return cls.compute(FEDERATED.id, **controls)

    @classmethod
    @cache
    def central(cls) -> RefreshOutcome:
        """The central plan with all of the data."""
        return cls.compute(CENTRALIZED.id)

    def start(self) -> RefreshOutcome:
        """The team’s first plan, with the bits that the ledger presets."""
        return self.design(bits=self.default("bits"))

    def settled(self) -> bool:
        """Whether an earlier lab presets the bits."""
        return self.default("bits") != 32

    def message(self) -> Message:
        precision = "full precision" if not self.settled() else f"{self.default('bits')} bits"
        return Message(
            "Chief Information Officer, a hospital network",
            f"{FLEET.value:,.0f} bedside tablets, and no image may leave the ward. The central plan would have used "
            f"{setting(QUOTA.value, 'B')} of uplink per refresh; you get exactly the same quota, and five days. The "
            f"team’s first configuration is on screen: five local epochs, ten tablets a round, {precision}. It says "
            f"**{self.start().calendar_s / DAY:.0f} days**.",
        )

    def from_ledger(self) -> str:
        if not self.settled():
            return ""
        start = self.start()
        return (
            f"In Lab 10 you quantized, so the upload starts at {self.default('bits')} bits: "
            f"{start.uplink_bytes / 1e9:.0f} GB and {start.calendar_s / DAY:.0f} days, which still fails. Weights are "
            "rounded once, activations at every inference; an update is rounded in every round, and averaging has to "
            "remove that noise. The budgets differ."
        )

    def concept(self) -> str:
        return (
            "Four knobs: **local epochs** $E$, **tablets per round** $C$, **bits** per uploaded value, and "
            "**over-selection**: invite more tablets than needed and keep the first $C$ updates. Uploads of late "
            "tablets cross the network all the same.\n\nThe quantizer is *unbiased*: it adds noise that averaging "
            "must remove. The number of rounds is the larger of two terms: one falls with more work per round, the "
            "other grows, because between two averages each tablet drifts toward its own data."
        )

    def prediction(self) -> ChoicePrediction:
        now, more = self.design(), self.design(local_epochs=2 * EPOCHS.value)
        alike, alike_more = (self.design(heterogeneity=0.0, local_epochs=k * EPOCHS.value) for k in (1, 2))
        actual = cast(int, more.rounds) / cast(int, now.rounds)
        return ChoicePrediction(
            f"Uplink is scarce, so an engineer proposes more local work: E from {EPOCHS.value:g} to "
            f"{2 * EPOCHS.value:g}, all else equal (C = {CLIENTS.value:g}, β = {BETA.value:g}). The "
            "number of rounds becomes …",
            (
                Option(
                    "A",
                    "0.5×",
                    value=0.5,
                    feedback=(
                        f"True for β = 0: {alike.rounds:,} become {alike_more.rounds:,} rounds. "
                        "Here the drift term binds."
                    ),
                ),
                Option(
                    "B",
                    "1×",
                    value=1.0,
                    feedback=f"E appears in both terms; at E = {EPOCHS.value:g} the second one rules.",
                ),
                Option(
                    "C",
                    "2×",
                    value=2.0,
                    feedback="The drift of the average grows with E, and its square enters the gap: 2 squared is 4.",
                ),
                Option(
                    "D",
                    fold(actual),
                    value=actual,
                    correct=True,
                    feedback=(
                        "Each extra step carries a tablet further toward its own optimum before the average pulls it "
                        "back. Only identical users give 0.5×."
                    ),
                ),
            ),
            actual=actual,
            form=fold,
            why=f"Drift is quadratic in local work: {now.rounds:,} rounds become {more.rounds:,}.",
        )

    def challenge(self) -> str:
        if self.context == CENTRALIZED.id:
            return (
                "**No design passes here, and that is the lesson.** With any share of the data above 0 % images leave "
                "the ward; at 0 % nothing is learned. See how fast the forbidden plan is, then go back to Federated."
            )
        return (
            f"Refresh the model with at most **{setting(QUOTA.value, 'B')} of uplink**, within **5 days**, with no raw "
            f"data leaving the wards, for tablets as different as they are (β = {BETA.value:g}). Then look for the "
            "law: up to how many tablets per round is time free, at no more traffic?"
        )

    def constraints(self) -> tuple[Constraint, ...]:
        shared = (
            Constraint(f"Uplink ≤ {setting(QUOTA.value, 'B')}", lambda o: at_most(o.uplink_bytes, QUOTA.value)),
            Constraint(f"Calendar ≤ {DEADLINE.value / DAY:g} days", lambda o: at_most(o.calendar_s, DEADLINE.value)),
            Constraint("No raw data leave", lambda o: o.residency_ok),
        )
        if self.context == CENTRALIZED.id:
            return (*shared, Constraint("A model is trained", lambda o: o.trained))
        return (*shared, Constraint(f"β = {BETA.value:g}, as found", lambda o: o.heterogeneity == BETA.value))

    def limits(self) -> dict[str, Any]:
        if self.context == FEDERATED.id:
            return {}
        rounds = "A knob of federated rounds: the central plan has none."
        return {
            **dict.fromkeys(("local_epochs", "clients", "bits", "over_selection"), rounds),
            "heterogeneity": "Pooled and shuffled data are alike: β is 0 in one place.",
        }

    def failures(self) -> tuple[Failure, ...]:
        if self.context == CENTRALIZED.id:
            return (
                Failure(
                    "residency",
                    "DATA LEFT THE WARD:",
                    when=lambda o: o.raw_bytes > 0,
                    text=lambda o: f"{o.raw_bytes / 1e9:,.1f} GB of raw images uploaded.",
                ),
                Failure(
                    "nothing",
                    "NOTHING LEARNED:",
                    severity="warn",
                    when=lambda o: not o.trained,
                    text=lambda o: "no data, no training.",
                ),
            )
        return (
            Failure(
                "quota",
                "UPLINK QUOTA EXHAUSTED",
                when=lambda o: not o.uplink_ok,
                text=lambda o: (
                    f"after round {o.quota_rounds:,} of {o.rounds:,}. Gap reached {o.gap_at_quota:.4f}, target "
                    f"{EPS.value:.4f}. Each round: {o.invited} uploads × {o.update_bytes / 1e6:.2f} MB = "
                    f"{o.invited * o.update_bytes / 1e6:,.0f} MB."
                ),
            ),
            Failure(
                "deadline",
                "STILL TRAINING.",
                when=lambda o: not o.deadline_ok,
                text=lambda o: (
                    f"Day {DEADLINE.value / DAY:g} is round {int(whole_down(DEADLINE.value / o.round_s)):,}; "
                    f"{o.rounds:,} rounds of {o.round_s:,.0f} s need {o.calendar_s / DAY:.1f} days."
                ),
            ),
        )

    def plots(self, outcome: RefreshOutcome) -> dict[str, Plot]:
        return self._central_plots(outcome) if self.context == CENTRALIZED.id else self._federated_plots(outcome)

    def _federated_plots(self, outcome: RefreshOutcome) -> dict[str, Plot]:
        o = cast(Any, outcome)
        predicted, start = self.predicted(), self.start()
        proposed = None
        if predicted is not None:
            proposed = (2 * EPOCHS.value, predicted * cast(int, self.design().rounds))
        needed = int(self.clients)
        late = o.invited - needed
        wait = o.round_s - SERVER.value
        days = o.calendar_s / DAY
        largest = max(o.parts_days, key=lambda name: o.parts_days[name])
        run, beyond = descent(o, self.clients, self.local_epochs)
        feasible = int(np.count_nonzero(o.verdict == 0))
        return {
            "rounds": round_terms(
                EPOCH_GRID,
                o.variance,
                o.drift,
                axis=Axis("local epochs per round E", 0.6, 10.5),
                here=(self.local_epochs, o.rounds),
                best=o.best_epochs,
                best_text=f"fewest at E = {o.best_epochs:.1f}" if o.best_epochs else "",
                predicted=proposed,
                title="Local work and rounds",
                caption=(
                    f"E = {self.local_epochs:g}, C = {self.clients:g}: {o.rounds:,} rounds, set by "
                    f"{'drift' if o.drift_binds else 'variance'}. "
                    + (
                        worth(o.balanced)
                        if o.balanced
                        else "Identical tablets do not drift: more local work is always fewer rounds."
                    )
                ),
            ),
            "round": federated_round(
                o.slowdown,
                o.phases,
                needed=needed,
                server_s=SERVER.value,
                title="One round, tablet by tablet",
                caption=(
                    f"An undisturbed tablet takes {number(sum(o.phases.values()))} s; update {needed} is in after "
                    f"{number(wait)} s"
                    + (f", {late} later ones count for nothing." if late else ", the slowest tablet sets it.")
                ),
            ),
            "descent": gap_against_uplink(
                run,
                beyond,
                first_descent(self.default("bits")),
                target=EPS.value,
                quota=QUOTA.value,
                reached_text=(
                    f"trained\n{gigabytes(o.uplink_bytes)} GB"
                    if o.uplink_ok
                    else f"round {o.quota_rounds:,}\ngap {o.gap_at_quota:.4f}"
                ),
                compared_text="first plan",
                title="What a byte of uplink buys",
                caption=(
                    f"{o.rounds:,} rounds × {o.invited} uploads × {o.update_bytes / 1e6:.2f} MB = "
                    f"{gigabytes(o.uplink_bytes)} GB; the first plan needs {gigabytes(start.uplink_bytes)} GB."
                ),
            ),
            "calendar": budget_stack(
                [Stack("this plan", o.parts_days)],
                tokens=PARTS,
                limit=Limit(DEADLINE.value / DAY, f"{DEADLINE.value / DAY:g} days"),
                axis=Axis("calendar (days)", 0, 1.4 * max(days, DEADLINE.value / DAY)),
                unit="days",
                title="Where the days go",
                caption=(
                    f"{o.rounds:,} rounds of {o.round_s:,.0f} s are {number(days)} days; the largest part is {largest} "
                    f"with {percent(o.parts_days[largest] / days, 0)}."
                ),
            ),
            "map": plan_map(
                MAP_CLIENTS,
                MAP_EPOCHS,
                o.verdict,
                here=(self.clients, self.local_epochs),
                balance=o.balance,
                title=f"Every plan with {self.bits} bits and {fold(self.over_selection)} invited",
                caption=(
                    f"{feasible or 'None'} of {o.verdict.size} plans pass{'es' if feasible == 1 else ''} at β = "
                    f"{self.heterogeneity:g}. "
                    + (
                        "Left of the curve tablets buy time for free, right of it they only add traffic."
                        if o.balanced
                        else "Without drift there is no curve: rounds keep falling."
                    )
                ),
            ),
        }

    def _central_plots(self, outcome: RefreshOutcome) -> dict[str, Plot]:
        passing = self.design(**PASSING)
        each = self.raw_share * RAW_PHOTO.value
        return {
            "round": device_round(
                population=FLEET.value,
                taking_part=FLEET.value if self.raw_share > 0 else 0.0,
                raw=True,
                sent=f"{setting(each, 'B')} of raw images up, once" if each > 0 else "nothing is sent",
                server="data centre",
                device="tablets",
                title="The one trip",
                caption=(
                    f"One dot stands for {FLEET.value / 100:g} tablets. "
                    f"{gigabytes(outcome.raw_bytes)} GB of raw images are outside the wards."
                ),
            ),
            "traffic": traffic_ledger(
                [
                    Traffic("raw images", outcome.uplink_bytes, "caution", strong=True),
                    Traffic("fed. uplink", passing.uplink_bytes, "series-5"),
                    Traffic("fed. downlink", cast(float, passing.download_bytes), "series-3"),
                ],
                low=1e9,
                high=1e13,
                limit=Limit(QUOTA.value, f"quota {setting(QUOTA.value, 'B')}"),
                title="Bytes of a refresh, against a federated plan that passes",
                caption=(
                    f"A tuned federated plan needs {gigabytes(passing.uplink_bytes)} GB of uplink, less than the raw "
                    f"images; its downloads, {cast(float, passing.download_bytes) / 1e9:,.0f} GB, come on "
                    "top but are cheap."
                ),
            ),
            "calendar": budget_stack(
                [Stack("centralized", outcome.parts_days), Stack("federated", passing.parts_days)],
                tokens=PARTS,
                limit=Limit(DEADLINE.value / DAY, f"{DEADLINE.value / DAY:g} days"),
                axis=Axis("calendar (days)", 0, 1.4 * DEADLINE.value / DAY),
                unit="days",
                title="Days of a refresh",
                caption=(
                    f"Centralized {number(outcome.calendar_s, 4)} s, federated "
                    f"{number(passing.calendar_s / DAY)} days: the privacy rule is paid in days."
                ),
            ),
        }

    def metrics(self, outcome: RefreshOutcome) -> list[Metric]:
        o = cast(Any, outcome)
        uplink = Metric("Uplink", gigabytes(o.uplink_bytes), "GB", status=held(at_most(o.uplink_bytes, QUOTA.value)))
        raw = Metric("Raw data outside", gigabytes(o.raw_bytes), "GB", status=held(o.residency_ok))
        if self.context == CENTRALIZED.id:
            passing = self.design(**PASSING)
            faster = f"{passing.calendar_s / o.calendar_s:,.0f} times longer" if o.trained else "and it trains"
            return [
                uplink,
                raw,
                Metric("Time", number(o.calendar_s, 4), "s", note="upload and training" if o.trained else "no model"),
                Metric("Federated plan that passes", number(passing.calendar_s / DAY), "days", note=faster),
            ]
        return [
            uplink,
            Metric("Calendar", number(o.calendar_s / DAY), "days", status=held(o.deadline_ok)),
            raw,
            Metric("Rounds", f"{o.rounds:,}", note=f"set by {'drift' if o.drift_binds else 'variance'}"),
            Metric("Invited", f"{o.invited}", "tablets", note=f"{self.clients:g} needed"),
            Metric("Round", f"{o.round_s:,.1f}", "s"),
            Metric(
                "Upload energy",
                number(o.upload_j),
                "J",
                note=f"{percent(o.upload_j / c.MOBILE_BATTERY_J.value, 2)} of a phone battery",
            ),
            Metric("Rounding noise", number(o.noise * 100), "%", note="of the update’s variance"),
        ]

    def tables(self, outcome: RefreshOutcome) -> list[Table]:
        if self.context == CENTRALIZED.id:
            passing = self.design(**PASSING)
            rows = (
                ("uplink (GB)", gigabytes(outcome.uplink_bytes), gigabytes(passing.uplink_bytes)),
                ("downlink (GB)", "0", f"{cast(float, passing.download_bytes) / 1e9:,.0f}"),
                ("raw images outside (GB)", gigabytes(outcome.raw_bytes), gigabytes(passing.raw_bytes)),
                ("time", f"{number(outcome.calendar_s, 4)} s", f"{number(passing.calendar_s / DAY)} days"),
            )
            return [Table("The same refresh, two plans", ("", "centralized", "federated, tuned"), rows)]
        rows_over = []
        for over in TRIED_OVER:
            o = self._with_over(over)
            rows_over.append(
                (
                    fold(over),
                    f"{o.invited}",
                    f"{o.round_s:,.0f}",
                    number(o.calendar_s / DAY),
                    gigabytes(o.uplink_bytes),
                )
            )
        here = next((k for k, over in enumerate(TRIED_OVER) if math.isclose(over, self.over_selection)), None)
        columns = ("over", "invited", "round (s)", "days", "uplink (GB)")
        return [Table("Inviting more: time against bytes", columns, tuple(rows_over), here)]

    def _with_over(self, over: float) -> Any:
        """The plan on screen with another over-selection."""
        return plan(self.local_epochs, self.clients, self.bits, over, self.heterogeneity)

    def reflection(self) -> Question:
        eight, four, two = (cast(Any, self.design(**{**PASSING, "bits": bits})) for bits in (8, 4, 2))
        scale = UPDATE_SCALE_BITS / BUCKET.value
        beyond = math.erfc(CLIP.value / math.sqrt(2))
        return Question(
            f"At E = {PASSING['local_epochs']}, C = {PASSING['clients']}, going from 8 to 4 bits nearly halves the "
            "traffic; going on to 2 bits raises it again by "
            f"{percent(two.uplink_bytes / four.uplink_bytes - 1, 0)}. Why?",
            (
                Option(
                    "A",
                    "The scales of the groups cost more than the values",
                    f"A scale is {scale:g} bits per value in both cases.",
                ),
                Option(
                    "B",
                    "Rounding noise needs more rounds than the smaller updates save",
                    correct=True,
                    feedback=(
                        f"4 bits add {percent(four.noise, 0)} of variance, 2 bits {percent(two.noise, 0)}: "
                        f"{two.rounds / four.rounds:.2f} times more rounds outweigh updates "
                        f"{four.update_bytes / two.update_bytes:.2f} times smaller. From 8 to 4 bits the noise was "
                        f"small: {eight.rounds:,} and {four.rounds:,} rounds."
                    ),
                ),
                Option(
                    "C",
                    "Values of 2 bits overflow",
                    f"Rounding is unbiased, and only the {percent(beyond)} of the values beyond {CLIP.value:g} "
                    "standard deviations are clipped, at 4 bits as well.",
                ),
                Option("D", "The tablets need more local epochs", "E is unchanged: the rounds are what grows."),
            ),
        )

    def peek(self) -> Peek:
        passing = cast(Any, self.design(**PASSING))
        law = physics.variance_rounds(1, PASSING["local_epochs"], EPS.value, BETA.value, passing.noise)
        return Peek(
            (
                "federated_rounds",
                "federated_gap",
                "stochastic_rounding_variance",
                "update_bytes",
                "balanced_clients",
                "optimal_local_epochs",
                "exponential_order_statistic",
                "over_selected_round_time",
                "lte_uplink_power",
            ),
            "Uplink is $R(C, E, \\omega) \\cdot n \\cdot U(b)$. While variance binds, $R C = (1+\\beta)^2 "
            f"(1+\\omega) / (E \\varepsilon^2)$ is a constant, {law:,.0f} client-rounds at E = "
            f"{PASSING['local_epochs']} and {PASSING['bits']} bits: more tablets per round buy time for free, up to "
            f"$C^*$ = {passing.balanced:.1f}. Beyond, drift fixes the rounds, and traffic grows with $C$.\n\nThe bound "
            "is used as a maximum of its two terms, which guarantees twice the gap for their sum.",
        )


def worth(balanced: float) -> str:
    """How many tablets per round still lower the rounds."""
    if balanced < MAP_CLIENTS[0]:
        return "At this E drift rules with any number of tablets: more of them only add traffic."
    return f"Up to {plain(balanced, 3)} tablets per round are worth their traffic at this E."


@cache
def plan(epochs: float, clients: float, bits: int, over: float, beta: float) -> RefreshOutcome:
    """A federated plan by its controls; the table asks for the same few again and again."""
    return FiveDays.compute(
        FEDERATED.id, local_epochs=epochs, clients=clients, bits=bits, over_selection=over, heterogeneity=beta
    )


def central_refresh(share: float) -> RefreshOutcome:
    """The central plan with a share of the raw data."""
    raw = share * physics.centralized_bytes(FLEET.value, RAW_PHOTO.value) if share > 0 else 0.0
    upload = max(
        physics.transfer_time(share * RAW_PHOTO.value, UPLINK.value, 0.0),
        physics.transfer_time(raw, INGRESS.value, 0.0),
    )
    train = CENTRAL_TRAIN_S if share > 0 else 0.0
    spent = {"upload": upload, "training": train}
    return RefreshOutcome(
        uplink_bytes=raw,
        raw_bytes=raw,
        calendar_s=upload + train,
        residency_ok=raw == 0,
        meets_all=False,
        trained=share > 0,
        heterogeneity=0.0,
        parts_days={name: spent.get(name, 0.0) / DAY for name in PARTS},
    )


def verdicts(bits: int, over: float, beta: float, noise: float, update: float, upload_s: float) -> npt.NDArray[np.int_]:
    """For every plan of the map: 0 passes, 1 is over the quota, 2 past the deadline, 3 both."""
    epochs, clients = MAP_EPOCHS[:, None], MAP_CLIENTS[None, :]
    rounds = whole_up(physics.federated_rounds(clients, epochs, EPS.value, beta, noise))
    invited = whole_up(over * clients)
    fixed = DOWN_S + EPOCH_S * epochs + upload_s
    round_s = physics.over_selected_round_time(fixed, TAIL.value, invited, clients, SERVER.value)
    over_quota = rounds * invited * update > QUOTA.value * (1 + 1e-9)
    too_late = rounds * round_s > DEADLINE.value * (1 + 1e-9)
    return over_quota.astype(int) + 2 * too_late.astype(int)


def descent(o: Any, clients: float, epochs: float) -> tuple[Descent, Descent]:
    """The gap over the uplink: as far as the quota goes, and what would be needed beyond it."""
    per_round = o.invited * o.update_bytes
    allowed = min(o.rounds, o.quota_rounds)

    def between(first: float, last: float) -> Descent:
        rounds = np.geomspace(first, last, 60)
        gap = physics.federated_gap(clients, epochs, rounds, o.heterogeneity, o.noise)
        return Descent(rounds * per_round, gap)

    rest = between(allowed, o.rounds)
    if o.uplink_ok:
        rest = Descent(np.full(60, np.nan), np.full(60, np.nan))
    return between(1, allowed), rest


@cache
def first_descent(bits: int) -> Descent:
    """The team’s first plan down to the target, whatever the quota."""
    start = cast(Any, FiveDays.design(bits=bits))
    run, rest = descent(start, CLIENTS.value, EPOCHS.value)
    return Descent(
        np.concatenate([run.uplink_bytes, rest.uplink_bytes]),
        np.concatenate([run.gap, rest.gap]),
    )


def instructor_notes() -> str:
    """What to ask, with the numbers of the model."""
    asked = OnlyUpdatesTravel.asked()
    passing = FiveDays.design(**PASSING)
    return (
        "- The bound is a heuristic with unit constants: its ratios teach, its absolute rounds do not predict a given "
        "model. Compare with the published keyboard run: 3,000 rounds, 100 to 500 clients, 4 to 5 days.\n- Why do "
        "companies federate anyway? Regulation, trust, and a population beyond the break-even, here "
        f"{asked.break_even_clients:,.0f} users.\n- Students forget the download: in Act I it is half of the bytes, in "
        f"Act II {cast(float, passing.download_bytes) / 1e9:,.0f} GB beside {gigabytes(passing.uplink_bytes)} GB of "
        "uplink.\n- Error feedback, which keeps the quantization residual on the device, removes much of the 2-bit "
        "penalty; a low-rank adapter makes traffic trivial if the backbone is already right. Both are good "
        "extensions.\n- Over-selection discards slow, often poorer, users every time: participation bias. Who is "
        "never in the average?"
    )


class EdgeIntelligenceLab(Lab):
    """What federated training pays, in bytes and days, for leaving data where they are."""

    volume, number, slug = 2, 11, "lab_11_edge_intelligence"
    title = "The Price of Not Moving Data"
    question = "If only model updates travel, does federated learning save bandwidth, and what does it cost in days?"
    chapter = CHAPTER
    invariant = (
        "Traffic is rounds × clients per round × (download + upload), whatever the population; local work and "
        "compression trade bytes per round against rounds, and each has an optimum inside its range."
    )
    contexts = (FEDERATED, CENTRALIZED)
    acts = (OnlyUpdatesTravel, FiveDays)
    briefing = (
        "The common pitch says that federated learning saves bandwidth, since only model updates travel. One update is "
        "indeed smaller than one user’s photo roll. But training needs thousands of rounds, each moves the model down "
        "and up for every selected device, and the data of real users are not alike, which multiplies the rounds "
        "again. Federated learning is bought for privacy, and paid in bytes and days."
    )
    reading = (
        Reading(
            "Edge Intelligence, Architectural trade-offs: Centralized vs. decentralized training", "who moves what"
        ),
        Reading(
            "Edge Intelligence, Federated aggregation protocols, and Straggler mitigation",
            f"averaging, and inviting about {PUBLISHED_OVER.value:g} times as many",
        ),
        Reading(
            "Edge Intelligence, Federated learning convergence analysis",
            f"non-IID data: {OnlyUpdatesTravel.asked(heterogeneity=0.0).rounds:,.0f} rounds become "
            f"{OnlyUpdatesTravel.asked().rounds:,.0f}",
        ),
        Reading(
            "Edge Intelligence, Bandwidth-aware update compression", "quantization, and uplinks slower than downlinks"
        ),
        Reading("Edge Intelligence, Client scheduling", "idle, charging and on Wi-Fi"),
    )
    assumptions = (
        "- Rounds follow a convergence bound with unit constants, used as the larger of its two terms, as in the "
        "chapter’s example.\n- Updates are Gaussian and clipped at "
        f"{CLIP.value:g} standard deviations; rounding is unbiased, one 32-bit scale per {BUCKET.value:g} values. Its "
        "noise enters the variance term only.\n- A device’s delay is exponential with the mean of its undisturbed "
        "time, and stretches all of its phases.\n- Uploads of late devices count in full: a server that cuts them off "
        f"pays less.\n- The quota is for the uplink; a download, {setting(DOWN_BYTES, 'B')} in FP16, costs "
        "time only.\n- Pooled and shuffled data are identically distributed; how quality depends on the share "
        "uploaded is not modelled.\n- Uploads draw the power that was measured on LTE phones."
    )
    constants = (
        PARAMS,
        EPS,
        CLIENTS,
        EPOCHS,
        PILOT,
        BETA,
        RAW_PHOTO,
        RAW_TEXT,
        FLEET,
        QUOTA,
        DEADLINE,
        UPLINK,
        DOWNLINK,
        DOWNLOAD_BITS,
        SAMPLES,
        FORWARD,
        PHONE_RATE,
        TAIL,
        SERVER,
        PUBLISHED_OVER,
        BUCKET,
        CLIP,
        c.LTE_UPLINK_BASE,
        c.LTE_UPLINK_SLOPE,
        c.MOBILE_BATTERY_J,
        INGRESS,
        c.H100_FLOPS_FP16_TENSOR,
        CENTRAL_MFU,
    )
    reads = (("ch10", "act2_decision"), ("ch04", "context"))
    instructor_notes = instructor_notes()

    def open(self) -> None:
        if self.read("ch10", "act2_decision") in QUANTIZED:
            self.act2.preset("bits", 8, "Lab 10", FEDERATED.id)

    def result(self) -> float:
        return self.act2.outcome.calendar_s / DAY

    def decision(self) -> str:
        if self.context == CENTRALIZED.id:
            return CENTRALIZED.id
        act = self.act2
        return {(2, 4): "e2_4bit", (2, 2): "e2_2bit"}.get((int(act.local_epochs), int(act.bits)), "other")

    def extras(self) -> dict[str, Any]:
        act, rounds = self.act2, self.context == FEDERATED.id
        controls = {
            "local_epochs": act.local_epochs,
            "clients_per_round": act.clients,
            "upload_bits": act.bits,
            "over_selection": act.over_selection,
            "rounds": act.outcome.rounds,
        }
        kept = controls if rounds else dict.fromkeys(controls)
        return {**kept, "uplink_gb": act.outcome.uplink_bytes / 1e9}

    def solution(self, context: str) -> dict[str, Any] | None:
        return dict(PASSING) if context == FEDERATED.id else None

    def breaking(self, context: str) -> dict[str, Any]:
        return {"local_epochs": 10} if context == FEDERATED.id else {"raw_share": 0.5}


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
