"""V2-04 The Fuel Line.

Act I: a cache that holds 98 % of an archive and serves none of its reads, because training walks through it in one
order. Act II: two jobs on one file system, one that reads all the time and one that writes a checkpoint every ten
minutes, and what each of them has to be given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

import numpy as np

from components.controls import choice, slider
from components.instruments.data_gravity import Stack, budget_stack
from components.instruments.layers import Axis
from components.instruments.placing import decade_ticks
from components.instruments.storage import (
    Level,
    Policy,
    Sharing,
    cache_cliff,
    cache_reads,
    drive_bay,
    level_bars,
    share_timeline,
)
from components.instruments.waterfall import Limit
from components.metrics import Metric, Status, held
from components.quantity import counted, duration, number, percent, plain, quantity, setting, usd
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

NVME = Context("nvme", "NVMe", "cloud", "Data placed on local drives.")
DFS = Context("dfs", "Distributed FS", "cloud", "Data read over the network; drives cache or only save.")

TB, GB, MINUTE, HOUR, DAY = 1e12, 1e9, 60.0, 3600.0, 86400.0

CHAPTER = "Data Storage"
NVME_CAP = scenario("nvme_capacity", 7.68e12, "B", "one drive", f"{CHAPTER}, Tier 2: Local NVMe", "chapter")
BAYS = scenario("bays", 8, "1", "drive bays of a node", "NVIDIA DGX H100 data sheet", "datasheet")
NODES = scenario("nodes", 32, "1", "nodes of one partition", "assumption: a partition of 256 GPUs")
TENANTS = scenario("tenants", 2, "1", "partitions that share the storage", "the smallest case with a noisy neighbour")
STEP = scenario("step_s", 0.2, "s", "time of one local batch", f"{CHAPTER}, The Data Pipeline Equation", "chapter")
TEXT_TOKENS = scenario("text_tokens", 4096, "token", "token IDs of one GPU's batch", CHAPTER, "chapter")
TOKEN_BYTES = scenario("token_bytes", 4, "B", "one token ID", CHAPTER, "chapter")
IMAGES = scenario(
    "images", 256, "1", "JPEG images of one GPU's batch", f"{CHAPTER}, Text vs. image bandwidth", "chapter"
)
CLIPS = scenario(
    "clips",
    16,
    "1",
    "video clips of one GPU's batch",
    "assumption: 16 clips of 1,024 tokens × 6 FLOP × 1e9 parameters fill 0.199 s of a GPU",
)
CLIP_BYTES = scenario("clip_bytes", 10e6, "B", "one video clip", CHAPTER, "chapter")
DFS_TOTAL = scenario("dfs_total", 1e12, "B/s", "the whole parallel file system", CHAPTER, "chapter")
DFS_JOBS = scenario("dfs_jobs", 10, "1", "jobs that share it", CHAPTER, "chapter")
DFS_BUSY = scenario(
    "dfs_busy",
    40e9,
    "B/s",
    "what the busy file system leaves the job in Act I",
    "assumption: a 10-gigabit uplink per node on a common storage network",
)
DFS_SHARE = scenario(
    "dfs_share", DFS_TOTAL.value / DFS_JOBS.value, "B/s", "share of one customer in Act II", CHAPTER, "derived"
)
ARCHIVE = scenario(
    "archive_bytes", 2000e12, "B", "the full archive", "assumption: just more than eight drives a node hold"
)
CORPUS = scenario(
    "corpus_bytes", 500e12, "B", "the curated corpus", "assumption: just more than two drives a node hold"
)
EPOCHS = scenario("epochs", 20, "1", "passes of the video job", f"{CHAPTER}, The egress tax", "chapter")
WEIGHT_BYTES = scenario("weight_bytes", 2, "B/parameter", "FP16 weights of a checkpoint", CHAPTER, "chapter")
INTERVAL = scenario("interval_min", 10, "min", "time between saves at the start", CHAPTER, "chapter")
WINDOW = scenario("window_days", 30, "day", "length of the language run", CHAPTER, "chapter")
TOKENS = scenario("tokens", 1.5e12, "token", "tokens of the language corpus, read once", CHAPTER, "chapter")
REPLICAS = scenario(
    "replicas",
    4,
    "1",
    "full copies when every data-parallel replica saves",
    "assumption: 64 of the 256 GPUs hold one copy of the model",
)
JOB_BYTES = scenario(
    "job_bytes",
    150e9,
    "B",
    "what must move to run elsewhere: 140 GB of BF16 weights of a 70 B model and 10 GB of image",
    "computed; the size of the image is an assumption",
)
WAN = scenario("wan_bytes_s", 12.5e9, "B/s", "line between the regions, 100 Gb/s", "assumption: a common leased wave")
QUEUE_H = scenario("queue_h", 6, "hour", "wait for a partition in region A", "assumption: freed within the working day")
NVME_PRICE = scenario(
    "nvme_usd_gb_month", 0.10, "USD/GB", "local NVMe, a month", f"{CHAPTER}, Storage Economics", "chapter"
)
DFS_PRICE = scenario(
    "dfs_usd_year", 10e6, "USD/year", "a file system of 1 TB/s, at least", f"{CHAPTER}, Storage Economics", "chapter"
)
MAX_STALL = scenario(
    "max_stall", 0.10, "1", "video GPU time that may wait", f"{CHAPTER}: above it a bottleneck", "chapter"
)
HEALTHY_STALL = scenario("healthy_stall", 0.02, "1", "data stall that is healthy", CHAPTER, "chapter")
MAX_PAUSE = scenario(
    "max_pause", 0.01, "1", "language GPU time that may go into saving", "a few times the chapter's 0.3 %"
)
MAX_RPO = scenario("max_rpo_min", 15, "min", "age of the newest durable state", "1.5 times the chapter's interval")
BUDGET = scenario("budget_usd_year", 2.5e6, "USD/year", "storage of both partitions", "a quarter below today's cost")

N = int(NODES.value)
GPUS = N * c.GPUS_PER_NODE.value
#: USD a year: one drive, and one GB/s of the shared file system.
DRIVE_USD = NVME_CAP.value / GB * NVME_PRICE.value * 12
SHARE_USD = DFS_PRICE.value / (DFS_TOTAL.value / GB)
BATCH = {
    "text": TEXT_TOKENS.value * TOKEN_BYTES.value,
    "image": IMAGES.value * c.IMAGE_JPEG.value,
    "video": CLIPS.value * CLIP_BYTES.value,
}
#: What the GPUs of a node, and of the video partition, read at full speed (B/s).
DEMAND = {
    name: physics.required_read_bandwidth(c.GPUS_PER_NODE.value, 1.0, size, STEP.value) for name, size in BATCH.items()
}
VIDEO_DEMAND = physics.required_read_bandwidth(GPUS, 1.0, BATCH["video"], STEP.value)
CHECKPOINT = physics.checkpoint_bytes(c.GPT3_175B_PARAMS.value, c.CKPT_BYTES_NO_MASTER.value)
TOKEN_CORPUS = TOKENS.value * TOKEN_BYTES.value
SAVES = math.floor(WINDOW.value * DAY / (INTERVAL.value * MINUTE))
#: Time between failures of one partition without a fleet of V2-01 (s).
PARTITION_MTBF = physics.cluster_mtbf(c.GPU_MTBF_H.value * HOUR, GPUS)

FRACTIONS = np.linspace(0.0, 1.05, 211)
POLICIES = {"fixed": "LRU, fixed order", "reshuffled": "LRU, fresh order", "pinned": "pinned in place"}
HITS = {
    "fixed": physics.lru_hit_ratio_cyclic,
    "reshuffled": physics.lru_hit_ratio_reshuffled,
    "pinned": physics.pinned_hit_ratio,
}
CURVES = tuple(
    Policy(name, token, HITS[key](FRACTIONS))
    for (key, name), token in zip(POLICIES.items(), ("violation", "series-2", "data"), strict=True)
)
SHARDS, PASSES = 10, 3


def drives_text(count: float) -> str:
    """A number of drives in words."""
    return counted(count, "drives")


def share_text(fraction: float) -> str:
    """A share of the time, with digits where it is small."""
    return percent(fraction, 1 if fraction >= 0.0995 or fraction == 0 else 2 if fraction < 0.00995 else 1)


def used_text(share: float) -> str:
    """How much of a tier is in use."""
    return "idle" if share == 0 else f"{percent(share, 0) if share >= 0.005 else 'under 1 %'} used"


# --- Act I ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Feed:
    """What one policy delivers to a node: hit ratio, supply (B/s), and the share of the GPUs' time that it fills."""

    hit_ratio: float
    supply_bytes_s: float
    utilization: float


@dataclass(frozen=True)
class CacheOutcome:
    """The read path of a node (GB/s), what the partition draws from the share, and how heavy the data is."""

    cached_fraction: float
    hit_ratio: float
    supply_gb_s: float
    demand_gb_s: float
    utilization: float
    remote_gb_s: float
    policy: str
    feeds: dict[str, Feed]
    tiers_gb_s: tuple[float, float]
    loads_gb_s: tuple[float, float]
    pass_s: float
    job_s: float
    gravity: float
    egress_usd: float


@lru_cache(maxsize=64)
def toy_cache(capacity: int, policy: physics.CachePolicy) -> physics.CacheTrace:
    """Ten shards through a cache of `capacity`."""
    return physics.simulate_cache(SHARDS, capacity, PASSES, policy, seed=3)


class CacheCliff(Act):
    """Act I: what a cache is worth to a job that reads everything, once a pass."""

    title = "Ninety-eight percent local"
    minutes = 13

    drives = slider(
        "NVMe drives",
        1,
        BAYS.value,
        1,
        4,
        unit="per node",
        reason="U.2 bays of a DGX H100",
    )
    dfs_share_gb_s = slider(
        "Share of the file system",
        10,
        400,
        10,
        DFS_BUSY.value / GB,
        unit="GB/s",
        reason="1 % to 40 % of the file system",
    )
    order = choice(
        "Order of the shards",
        {"fixed": "the same every pass", "reshuffled": "fresh every pass"},
        "fixed",
        only_in=(DFS.id,),
        reason="the two usual orders of a loader; placed data does not care",
    )
    modality = choice(
        "Data",
        {"text": "text", "image": "images", "video": "video"},
        "video",
        reason="0.66 MB/s, 1.5 GB/s and 6.4 GB/s per node at full speed",
    )
    corpus_tb = slider(
        "Archive",
        100,
        3000,
        100,
        ARCHIVE.value / TB,
        unit="TB",
        reason="from less than one drive per node to more than eight",
    )

    @classmethod
    def compute(
        cls,
        context: str,
        *,
        drives: float,
        dfs_share_gb_s: float,
        modality: str,
        corpus_tb: float,
        order: str = "fixed",
    ) -> CacheOutcome:
        fraction = N * drives * NVME_CAP.value / (corpus_tb * TB)
        local, remote = drives * c.NVME_BW.value, dfs_share_gb_s * GB / N
        demand = DEMAND[modality]
        feeds = {}
        for policy, hits in HITS.items():
            ratio = hits(fraction)
            supply = physics.tiered_read_rate(ratio, local, remote, policy != "pinned")
            feeds[policy] = Feed(ratio, supply, min(1.0, supply / demand))
        policy = "pinned" if context == NVME.id else order
        feed = feeds[policy]
        flow = min(feed.supply_bytes_s, demand)
        missed = (1 - feed.hit_ratio) * flow
        # A cache writes what it missed, so that every byte touches the drives.
        touched = feed.hit_ratio * flow if policy == "pinned" else flow
        data = corpus_tb * TB
        return CacheOutcome(
            cached_fraction=min(1.0, fraction),
            hit_ratio=feed.hit_ratio,
            supply_gb_s=feed.supply_bytes_s / GB,
            demand_gb_s=demand / GB,
            utilization=feed.utilization,
            remote_gb_s=N * missed / GB,
            policy=policy,
            feeds=feeds,
            tiers_gb_s=(remote / GB, local / GB),
            loads_gb_s=(missed / GB, touched / GB),
            pass_s=physics.transfer_time(data, dfs_share_gb_s * GB, 0.0),
            job_s=physics.transfer_time(JOB_BYTES.value, dfs_share_gb_s * GB, 0.0),
            gravity=physics.data_gravity_ratio(data, JOB_BYTES.value),
            egress_usd=physics.egress_cost(data, c.EGRESS_USD_GB.value),
        )

    @classmethod
    @cache
    def asked(cls, drives: int = 4, order: str = "fixed", context: str = DFS.id) -> CacheOutcome:
        """The case of the question, with other drives, another order, or placement in place of the cache."""
        return cls.compute(
            context,
            drives=drives,
            dfs_share_gb_s=DFS_BUSY.value / GB,
            modality="video",
            corpus_tb=ARCHIVE.value / TB,
            order=order,
        )

    def message(self) -> Message:
        now, then = self.asked(), self.asked(8)
        more = N * 4
        return Message(
            "Head of Training Infrastructure, a robotics company",
            f"Our video encoder makes pass after pass over a {ARCHIVE.value / TB:,.0f} TB archive on the shared file "
            f"system, which leaves us {DFS_BUSY.value / GB:g} GB/s; the GPUs are busy "
            f"**{percent(now.utilization, 0)} of the time**. Each node has four NVMe drives that cache what was read. "
            f"The vendor says: four more per node, then **{percent(then.cached_fraction, 0)} of the archive is "
            f"local**. That is {more} drives and {more * DRIVE_USD / 1e6:.1f} million dollars a year. What do I get "
            "for it?",
        )

    def concept(self) -> str:
        now = self.asked()
        return (
            "The loader walks through the shards **in the same order in every pass**; shuffling happens in a small "
            "buffer. The cache keeps what was used last and evicts what was used longest ago: *least recently used*, "
            "LRU.\n\n"
            "| per node | |\n|---|---|\n"
            f"| the GPUs want | {c.GPUS_PER_NODE.value:g} × {BATCH['video'] / 1e6:g} MB per {STEP.value:g} s |\n"
            f"| the shared file system delivers | {now.tiers_gb_s[0]:g} GB/s |\n"
            f"| one drive holds and delivers | {NVME_CAP.value / TB:g} TB, {c.NVME_BW.value / GB:g} GB/s |"
        )

    def prediction(self) -> ChoicePrediction:
        now, then = self.asked(), self.asked(8)
        fresh, fresh_then = self.asked(4, "reshuffled"), self.asked(8, "reshuffled")
        pinned = self.asked(8, context=NVME.id)
        saturated = now.demand_gb_s / now.supply_gb_s
        fresh_factor = fresh_then.utilization / fresh.utilization
        return ChoicePrediction(
            "Training throughput with eight drives per node instead of four?",
            (
                Option(
                    "A",
                    f"{saturated:.1f}×",
                    value=saturated,
                    feedback=(
                        f"{percent(then.cached_fraction, 0)} hits and saturated GPUs are the rule for uniform random "
                        f"reads. In a loop the cached {percent(then.cached_fraction, 0)} are always the wrong "
                        f"{percent(then.cached_fraction, 0)}: what is needed next was evicted just now."
                    ),
                ),
                Option(
                    "B",
                    f"{fresh_factor:.1f}×",
                    value=fresh_factor,
                    feedback=(
                        f"A few hits now, many then: {percent(fresh.hit_ratio)} and {percent(fresh_then.hit_ratio)}. "
                        "True if every pass drew a fresh order; this loader does not."
                    ),
                ),
                Option(
                    "C",
                    "2×",
                    value=2.0,
                    feedback="Twice the cache, twice the speed? Capacity is not traffic.",
                ),
                Option(
                    "D",
                    "1×",
                    value=1.0,
                    correct=True,
                    feedback="Exactly nothing. Right: LRU plus a loop is the worst case.",
                ),
            ),
            actual=then.utilization / now.utilization,
            form=lambda factor: f"{factor:.2f}×",
            why=(
                f"{then.supply_gb_s:g} GB/s before and after, {percent(then.hit_ratio, 0)} hits with "
                f"{percent(then.cached_fraction)} of the archive on the drives. Same drives, other policy: pin "
                f"{percent(pinned.cached_fraction, 0)} of the archive in place and the job runs at "
                f"{percent(pinned.utilization, 0)}. Data must be placed, not hoped for."
            ),
        )

    def plots(self, outcome: CacheOutcome) -> dict[str, Any]:
        return {
            "cliff": self._cliff(outcome),
            "reads": self._reads(outcome),
            "tiers": self._tiers(outcome),
            "gravity": self._gravity(outcome),
        }

    def _fraction(self) -> float:
        """Capacity over data, above 1 where the data fits."""
        return N * self.drives * NVME_CAP.value / (self.corpus_tb * TB)

    def _cliff(self, outcome: CacheOutcome) -> Any:
        placed = self.context == NVME.id
        start = self.at_defaults()
        moved = not math.isclose(start.cached_fraction, outcome.cached_fraction)
        hits = percent(outcome.hit_ratio, 0 if outcome.hit_ratio in (0.0, 1.0) else 1)
        held_text = percent(outcome.cached_fraction)
        if placed:
            words = f"Placed for good, {held_text} of the archive serve {hits} of the reads, whatever the order."
        elif outcome.cached_fraction >= 1:
            words = "Everything fits: nothing is ever evicted, and every read after the first pass is a hit."
        elif self.order == "fixed":
            words = (
                f"{held_text} of the archive are local and {hits} of the reads hit: a scan that is longer than the "
                "cache evicts every shard just before its next use."
            )
        else:
            words = f"{held_text} of the archive are local; in a fresh random order {hits} of the reads hit."
        return cache_cliff(
            FRACTIONS,
            cast("tuple[Policy, Policy, Policy]", CURVES),
            emphasis=(2,) if placed else (0, 1),
            active=list(HITS).index(outcome.policy),
            here=(self._fraction(), outcome.hit_ratio),
            here_text=f"{drives_text(self.drives)}: {hits}",
            start=(start.cached_fraction, start.feeds[outcome.policy].hit_ratio) if moved else None,
            start_text="before",
            title="What the cached part serves",
            caption=words,
        )

    def _reads(self, outcome: CacheOutcome) -> Any:
        capacity = min(SHARDS, math.floor(SHARDS * self._fraction() * (1 + 1e-9)))
        policy = cast("physics.CachePolicy", outcome.policy)
        trace = toy_cache(capacity, policy)
        hits = int(np.count_nonzero(trace.hit))
        how = {
            "fixed": "in the same order every pass",
            "reshuffled": "in a new order every pass",
            "pinned": "with the local ones pinned",
        }[outcome.policy]
        return cache_reads(
            trace.item,
            trace.hit,
            trace.resident,
            title=f"The same in small: {SHARDS} shards, room for {capacity}",
            caption=f"{PASSES} passes {how}: {hits} hits in {SHARDS * PASSES} reads. A column shows what was local.",
        )

    def _tiers(self, outcome: CacheOutcome) -> Any:
        predicted = self.predicted() if self.context == DFS.id else None
        short = not at_least(outcome.supply_gb_s, outcome.demand_gb_s)
        used = [load / tier for load, tier in zip(outcome.loads_gb_s, outcome.tiers_gb_s, strict=True)]
        tight = int(np.argmax(used)) if short else None
        names = ("shared file system", drives_text(self.drives))
        levels = [
            Level(
                f"{name}: {number(tier)} GB/s, {used_text(share)}",
                load,
                tone="caution" if k == tight else "data",
                capacity=tier,
            )
            for k, (name, tier, load, share) in enumerate(
                zip(names, outcome.tiers_gb_s, outcome.loads_gb_s, used, strict=True)
            )
        ]
        levels.append(Level(f"both together: {number(outcome.supply_gb_s)} GB/s", outcome.supply_gb_s, "series-3"))
        return level_bars(
            levels,
            axis=Axis("GB/s per node", 1e-4, 100, log=True, ticks=decade_ticks(1e-4, 100, every=2)),
            mark=outcome.demand_gb_s,
            mark_text=f"demand {quantity(outcome.demand_gb_s * GB, 'B/s')}",
            flagged=2,
            predicted=None if predicted is None else predicted * self.asked().supply_gb_s,
            predicted_text="you said, with 8 drives",
            title="What the tiers of a node deliver",
            caption=(
                f"The GPUs are busy {percent(outcome.utilization)} of the time. "
                + (
                    f"The {('shared file system', 'drives')[tight]} set{'s' if tight == 0 else ''} the pace; a stage "
                    "that is not the slowest can be doubled for nothing."
                    if tight is not None
                    else "No tier holds them back."
                )
            ),
        )

    def _gravity(self, outcome: CacheOutcome) -> Any:
        return level_bars(
            [
                Level(f"the data, {self.corpus_tb:,.0f} TB: {duration(outcome.pass_s)}", outcome.pass_s),
                Level(
                    f"the job, {setting(JOB_BYTES.value, 'B')}: {duration(outcome.job_s)}", outcome.job_s, "series-3"
                ),
            ],
            axis=Axis(
                "time on the same line",
                0.1,
                1e6,
                log=True,
                ticks=((1.0, "1 s"), (MINUTE, "1 min"), (HOUR, "1 h"), (DAY, "1 d")),
            ),
            title=f"Which one should travel, at {self.dfs_share_gb_s:g} GB/s?",
            caption=(
                f"The data is {number(outcome.gravity, 5)} times heavier than weights and image. If it lay in a paid "
                f"cloud, one pass elsewhere would cost {usd(outcome.egress_usd)} of egress."
            ),
        )

    def metrics(self, outcome: CacheOutcome) -> list[Metric]:
        return [
            Metric.of("GPUs busy", percent(outcome.utilization), note="of the partition"),
            Metric.of("Hits", percent(outcome.hit_ratio), note=f"{percent(outcome.cached_fraction)} of the data local"),
            Metric(
                "Supply per node",
                number(outcome.supply_gb_s),
                "GB/s",
                note=f"demand {quantity(outcome.demand_gb_s * GB, 'B/s')}",
            ),
            Metric("From the share", number(outcome.remote_gb_s), "GB/s", note=f"of {self.dfs_share_gb_s:g} GB/s"),
            Metric.of("Data over job", f"{number(outcome.gravity, 5)} ×", note=f"one pass: {duration(outcome.pass_s)}"),
            Metric.of("Egress", usd(outcome.egress_usd), note="one pass, from a paid cloud"),
        ]

    def tables(self, outcome: CacheOutcome) -> list[Table]:
        rows = tuple(
            (
                POLICIES[policy],
                percent(feed.hit_ratio),
                f"{number(feed.supply_bytes_s / GB)} GB/s",
                percent(feed.utilization),
            )
            for policy, feed in outcome.feeds.items()
        )
        columns = ("policy", "hits", "supply", "GPUs busy")
        return [Table("The same drives under three policies", columns, rows, emphasis=list(HITS).index(outcome.policy))]

    def reflection(self) -> Question:
        there = self.asked()
        archive = ARCHIVE.value
        copy_h = physics.transfer_time(archive, WAN.value, 0.0) / HOUR
        ship_s = physics.transfer_time(JOB_BYTES.value, WAN.value, 0.0)
        total_h = QUEUE_H.value + ship_s / HOUR + there.pass_s / HOUR
        return Question(
            f"The {archive / TB:,.0f} TB are in region A, where a partition is free in {QUEUE_H.value:g} hours and "
            f"reads {DFS_BUSY.value / GB:g} GB/s. Region B has idle GPUs now; a line of {WAN.value * 8 / GB:g} Gb/s "
            "joins the two. Which plan finishes the first pass first?",
            (
                Option(
                    "A",
                    "Copy the archive to B over the weekend, then train",
                    f"{archive / TB:,.0f} TB over {WAN.value / GB:g} GB/s are {copy_h:.1f} h before the first step, "
                    f"and {usd(there.egress_usd)} of egress at list price; all of it again when the archive grows.",
                ),
                Option(
                    "B",
                    f"Wait for A and ship weights and image, {setting(JOB_BYTES.value, 'B')}",
                    correct=True,
                    feedback=(
                        f"{QUEUE_H.value:g} h + {ship_s:.0f} s + {there.pass_s / HOUR:.1f} h for the pass = "
                        f"{total_h:.1f} h. Data gravity: move the light thing."
                    ),
                ),
                Option(
                    "C",
                    "Start in B at once and cache the hot 10 % there",
                    "There is no hot part: every clip is read once per pass and has to cross the line.",
                ),
                Option(
                    "D",
                    "Start in B at once and prefetch deeper",
                    f"Prefetching hides variance. A line of {WAN.value / GB:g} GB/s needs {copy_h:.1f} h for the "
                    "pass, however deep the queue.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "lru_hit_ratio_cyclic",
                "lru_hit_ratio_reshuffled",
                "pinned_hit_ratio",
                "tiered_read_rate",
                "required_read_bandwidth",
                "data_gravity_ratio",
            ),
            "$c$ is what the drives hold over what is read in a pass. Below $c = 1$ a loop never hits; a fresh order "
            "hits with $c^2/2$ while $c$ is small, because only what was read late in one pass and comes early in the "
            "next survives. Every node keeps a slice of the shards, and order means the order inside its slice.",
        )


# --- Act II -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StorageOutcome:
    """Two jobs on one file system: the checkpoint and its times, the video job, the cost, and what breaks."""

    checkpoint_gb: float
    durable_write_s: float
    durable_write_steady_s: float
    video_read_gb_s: float
    video_utilization: float
    video_stall: float
    video_run_h: float
    pause_s: float
    pause_fraction: float
    rpo_min: float
    cost_usd_per_year: float
    overflow: bool
    checkpoint_storm: bool
    starvation: bool
    meets_challenge: bool
    storm_gb_s: float
    capacity_tb: float
    cost_parts: dict[str, float]
    mean_loss_s: float
    written_bytes: float
    sharing: Sharing
    later: Sharing

    @property
    def recovery_parts(self) -> dict[str, float]:
        """What the recovery point is made of (min). In a storm no write is ever done."""
        write = self.durable_write_s / MINUTE
        return {"interval": self.rpo_min - write, "durable write": math.inf if self.checkpoint_storm else write}


class SharedStorage(Act):
    """Act II: a reader and a writer on one channel, and what each of them is given."""

    title = "Make both run"
    minutes = 23

    drives = slider(
        "NVMe drives", 1, BAYS.value, 1, 4, unit="per node", reason="U.2 bays of a DGX H100, both partitions"
    )
    dfs_share_gb_s = slider(
        "Share of the file system",
        10,
        400,
        10,
        DFS_SHARE.value / GB,
        unit="GB/s",
        reason="1 % to 40 % of the file system",
    )
    path = choice(
        "Checkpoints go",
        {"direct": "straight to the shared system", "local": "to local drives, then drain"},
        "direct",
        reason="wait for the file system, or save locally first and drain in the background",
    )
    layout = choice(
        "Layout",
        {"sharded": "sharded: the state once", "replicated": f"replicated: {REPLICAS.value:g} copies"},
        "replicated",
        reason="the state once, or once per data-parallel replica",
    )
    interval_min = slider(
        "Time between saves", 1, 60, 1, INTERVAL.value, unit="min", reason="from every few steps to once an hour"
    )

    @classmethod
    def compute(
        cls, context: str, *, drives: float, dfs_share_gb_s: float, path: str, layout: str, interval_min: float
    ) -> StorageOutcome:
        share, tau = dfs_share_gb_s * GB, interval_min * MINUTE
        wanted, corpus, passes = VIDEO_DEMAND, CORPUS.value, EPOCHS.value
        size = CHECKPOINT * (REPLICAS.value if layout == "replicated" else 1)
        storm_rate = physics.storm_write_bandwidth(share, wanted)
        first_write = physics.transfer_time(size, storm_rate, 0.0)
        read = physics.mean_read_bandwidth(share, wanted, first_write / tau)
        staged = context == NVME.id
        local = drives * c.NVME_BW.value
        if staged:
            run = physics.staged_run_time(corpus, passes, read, min(wanted, N * local))
            steady_write = physics.transfer_time(size, physics.storm_write_bandwidth(share, 0.0), 0.0)
        else:
            run, steady_write = physics.transfer_time(passes * corpus, read, 0.0), first_write
        utilization = passes * corpus / wanted / run
        pause = steady_write if path == "direct" else physics.transfer_time(size / N, local, 0.0)
        pause_share = physics.checkpoint_pause_fraction(pause, tau)
        rpo_min = physics.recovery_point_s(tau, first_write) / MINUTE
        cost = {"drives": TENANTS.value * N * drives * DRIVE_USD, "share": SHARE_USD * dfs_share_gb_s}
        total = sum(cost.values())
        stall = 1 - utilization
        overflow = staged and not at_least(N * drives * NVME_CAP.value, corpus)
        storm = first_write >= tau
        return StorageOutcome(
            checkpoint_gb=size / GB,
            durable_write_s=first_write,
            durable_write_steady_s=steady_write,
            video_read_gb_s=read / GB,
            video_utilization=utilization,
            video_stall=stall,
            video_run_h=run / HOUR,
            pause_s=pause,
            pause_fraction=pause_share,
            rpo_min=rpo_min,
            cost_usd_per_year=total,
            overflow=overflow,
            checkpoint_storm=storm,
            starvation=not at_most(stall, MAX_STALL.value),
            meets_challenge=(
                at_most(stall, MAX_STALL.value)
                and at_most(pause_share, MAX_PAUSE.value)
                and at_most(rpo_min, MAX_RPO.value)
                and at_most(total, BUDGET.value)
                and not overflow
                and not storm
            ),
            storm_gb_s=storm_rate / GB,
            capacity_tb=N * drives * NVME_CAP.value / TB,
            cost_parts=cost,
            mean_loss_s=first_write + tau / 2,
            written_bytes=physics.checkpoint_volume_bytes(size, WINDOW.value * DAY, tau),
            sharing=Sharing(share, min(wanted, share), min(wanted, share / 2), tau, first_write),
            later=Sharing(share, 0.0, 0.0, tau, steady_write),
        )

    @classmethod
    @cache
    def design(
        cls,
        context: str = DFS.id,
        drives: int = 4,
        share: int = 100,
        path: str = "direct",
        layout: str = "replicated",
        interval: int = 10,
    ) -> StorageOutcome:
        """A design that a text quotes; without arguments the one that runs today."""
        return cls.compute(
            context, drives=drives, dfs_share_gb_s=share, path=path, layout=layout, interval_min=interval
        )

    def message(self) -> Message:
        now = self.design()
        half = "more than half of the time" if now.video_stall > 0.5 else f"{percent(now.video_stall, 0)} of the time"
        return Message(
            "Chief Operating Officer, the same company",
            f"The archive has been curated from {ARCHIVE.value / TB:,.0f} to {CORPUS.value / TB:,.0f} TB, and two "
            f"teams share the storage from now on. Team Video makes {EPOCHS.value:g} passes over it; Team Language "
            f"trains {c.GPT3_175B_PARAMS.value / 1e9:g} billion parameters on the other {N} nodes and saves every "
            f"{INTERVAL.value:g} minutes. Today the video GPUs stand still **{half}**, the language job stops "
            f"**{percent(now.pause_fraction, 0)} of the time** to save, and we pay "
            f"{now.cost_usd_per_year / 1e6:.1f} million a year. Make both run, for {BUDGET.value / 1e6:g}.",
        )

    def from_ledger(self) -> str:
        fleet = cast(FuelLineLab, self.lab).own_fleet
        if fleet is None:
            return ""
        gpus, mtbf_h = fleet
        own = cast(FuelLineLab, self.lab).partition_mtbf_s
        return (
            f"Your fleet of Lab V2-01 has {number(mtbf_h)} h between failures on {counted(gpus, 'GPUs')}: on "
            f"{GPUS:g} GPUs, {number(own / HOUR, 4)} h. The readout *Lost per failure* counts with it."
        )

    def concept(self) -> str:
        return (
            "A checkpoint must become **durable** on the distributed file system. Either the job writes there and "
            "waits, or it writes to its own drives and *drains* in the background.\n\n"
            "A greedy writer and a reader share one channel fairly: while such a *storm* lasts, the reader keeps at "
            "most half. **Replicated** saving writes one full copy per data-parallel replica, **sharded** saving "
            "writes the state once.\n\n"
            "In this act *Distributed FS* streams every pass over the network; *NVMe* stages the corpus on the drives "
            "during the first pass and reads it there from then on."
        )

    def prediction(self) -> ChoicePrediction:
        written = physics.checkpoint_volume_bytes(CHECKPOINT, WINDOW.value * DAY, INTERVAL.value * MINUTE)
        ratio = written / TOKEN_CORPUS
        single = CHECKPOINT / TOKEN_CORPUS
        per_param = c.CKPT_BYTES_NO_MASTER.value
        weights = ratio * WEIGHT_BYTES.value / per_param
        master = ratio * c.CKPT_BYTES.value / per_param
        return ChoicePrediction(
            f"{WINDOW.value:g} days; every {INTERVAL.value:g} minutes a checkpoint of the "
            f"{c.GPT3_175B_PARAMS.value / 1e9:g} B model, written once, from which training can resume; a corpus of "
            f"{TOKEN_CORPUS / TB:g} TB of token IDs, read once. Bytes written for checkpoints divided by bytes read "
            "for training?",
            (
                Option(
                    "A",
                    "about 0.01",
                    value=0.01,
                    feedback=(
                        "Training reads a hundred times more than it writes? Per step reads dominate; per run the "
                        f"state is written {SAVES:,} times."
                    ),
                ),
                Option(
                    "B",
                    f"about {single:.1f}",
                    value=single,
                    feedback=(
                        f"One save is indeed {percent(single, 0)} of the corpus, nearly a third. There are {SAVES:,} "
                        "of them."
                    ),
                ),
                Option(
                    "C",
                    f"about {round(weights, -1):.0f}",
                    value=weights,
                    feedback=(
                        f"Weights are {WEIGHT_BYTES.value:g} of {per_param:g} bytes per parameter; Adam’s moments are "
                        f"the other {per_param - WEIGHT_BYTES.value:g}."
                    ),
                ),
                Option(
                    "D",
                    f"about {ratio:,.0f}",
                    value=ratio,
                    correct=True,
                    feedback="Right: the state of the model outweighs what it reads.",
                ),
            ),
            actual=ratio,
            form=lambda value: plain(value, 3) if value < 1 else plain(value),
            why=(
                f"{SAVES:,} saves × {quantity(CHECKPOINT, 'B')} = {quantity(written, 'B')}, against "
                f"{TOKEN_CORPUS / TB:g} TB read. With FP32 master weights ({c.CKPT_BYTES.value:g} B per parameter) it "
                f"would be {master:,.0f}."
            ),
        )

    def challenge(self) -> str:
        return (
            f"Video stall at most **{percent(MAX_STALL.value, 0)}**, save pause at most "
            f"**{percent(MAX_PAUSE.value, 0)}**, recovery point at most **{MAX_RPO.value:g} min**, for at most "
            f"**{BUDGET.value / 1e6:g} million USD a year**. A staged corpus must fit on the drives, and every "
            "checkpoint must be durable before the next one. There are two families of solutions, one in each context; "
            "find the one that leaves room."
        )

    def constraints(self) -> tuple[Constraint, ...]:
        # A corpus that does not fit is not trained on, and in a storm nothing becomes durable.
        return (
            Constraint(
                f"Video stall ≤ {percent(MAX_STALL.value, 0)}",
                lambda o: at_most(o.video_stall, MAX_STALL.value) and not o.overflow,
            ),
            Constraint(
                f"Save pause ≤ {percent(MAX_PAUSE.value, 0)}", lambda o: at_most(o.pause_fraction, MAX_PAUSE.value)
            ),
            Constraint(
                f"Recovery point ≤ {MAX_RPO.value:g} min",
                lambda o: at_most(o.rpo_min, MAX_RPO.value) and not o.checkpoint_storm,
            ),
            Constraint(
                f"Cost ≤ {BUDGET.value / 1e6:g} M USD a year", lambda o: at_most(o.cost_usd_per_year, BUDGET.value)
            ),
        )

    def failures(self) -> tuple[Failure, ...]:
        return (
            Failure(
                "checkpoint_storm",
                "CHECKPOINT STORM:",
                when=lambda o: o.checkpoint_storm,
                text=lambda o: (
                    f"{o.checkpoint_gb:,.0f} GB through {number(o.storm_gb_s)} GB/s take "
                    f"{o.durable_write_s / MINUTE:.1f} min, but the next save is due after {self.interval_min:g} min. "
                    "Saves pile up, nothing becomes durable."
                ),
            ),
            Failure(
                "starvation",
                "GPU STARVATION:",
                when=lambda o: o.starvation and not o.overflow,
                text=lambda o: (
                    f"the video job needs {VIDEO_DEMAND / GB:.1f} GB/s and gets "
                    f"{VIDEO_DEMAND / GB * o.video_utilization:.0f} on average over the run: "
                    f"{share_text(o.video_stall)} of its GPU time is waiting."
                ),
            ),
            Failure(
                "overflow",
                "CORPUS DOES NOT FIT:",
                when=lambda o: o.overflow,
                text=lambda o: (
                    f"{o.capacity_tb:,.1f} TB of local NVMe for {CORPUS.value / TB:,.0f} TB; add a drive per node or "
                    "stream."
                ),
            ),
        )

    def plots(self, outcome: StorageOutcome) -> dict[str, Any]:
        staged = self.context == NVME.id
        drawn = {"share": self._timeline(outcome)}
        if staged:
            drawn["later"] = self._later(outcome)
        drawn["lost"] = self._lost(outcome)
        drawn["recovery"] = self._recovery(outcome)
        drawn["cost"] = self._cost(outcome)
        if staged:
            drawn["bays"] = self._bays(outcome)
        drawn["traffic"] = self._traffic(outcome)
        return drawn

    def _timeline(self, outcome: StorageOutcome) -> Any:
        staged = self.context == NVME.id
        write = outcome.durable_write_s
        if outcome.checkpoint_storm:
            words = (
                f"One write takes {duration(write)} and a save is due every {self.interval_min:g} min: the storm never "
                f"ends, and reads get {number(outcome.sharing.storm_read / GB)} GB/s."
            )
        else:
            words = (
                f"A storm of {duration(write)} every {self.interval_min:g} min leaves reads "
                f"{number(outcome.sharing.storm_read / GB)} GB/s while it lasts, "
                f"{number(outcome.video_read_gb_s)} GB/s on average."
            )
        return share_timeline(
            outcome.sharing,
            minutes=60,
            demand=VIDEO_DEMAND,
            stalled=outcome.starvation,
            title="First pass: the corpus comes over the network" if staged else "Every pass comes over the network",
            caption=words,
        )

    def _later(self, outcome: StorageOutcome) -> Any:
        return share_timeline(
            outcome.later,
            minutes=60,
            demand=0.0,
            stalled=False,
            title=f"Passes 2 to {EPOCHS.value:g}: the corpus is local",
            caption=(
                f"Only checkpoints use the share: {duration(outcome.durable_write_steady_s)} each, "
                f"{percent(min(1.0, outcome.durable_write_steady_s / (self.interval_min * MINUTE)), 0)} of the time."
            ),
        )

    def _lost(self, outcome: StorageOutcome) -> Any:
        stall_ok = at_most(outcome.video_stall, MAX_STALL.value) and not outcome.overflow
        pause_ok = at_most(outcome.pause_fraction, MAX_PAUSE.value)
        stall, pause = share_text(outcome.video_stall), share_text(outcome.pause_fraction)
        state = (
            "healthy"
            if at_most(outcome.video_stall, HEALTHY_STALL.value)
            else "tolerable"
            if at_most(outcome.video_stall, MAX_STALL.value)
            else "a bottleneck"
        )
        return level_bars(
            [
                Level(
                    f"Team Video waits: {stall}",
                    outcome.video_stall * 100,
                    tone="met" if stall_ok else "violation",
                    limit=MAX_STALL.value * 100,
                    limit_text=f"limit {percent(MAX_STALL.value, 0)}",
                ),
                Level(
                    f"Team Language saves: {pause}",
                    outcome.pause_fraction * 100,
                    tone="met" if pause_ok else "violation",
                    limit=MAX_PAUSE.value * 100,
                    limit_text=f"limit {percent(MAX_PAUSE.value, 0)}",
                ),
            ],
            axis=Axis("lost GPU time (%)", 0.01, 100, log=True, ticks=decade_ticks(0.01, 100)),
            title="GPU time that both teams lose",
            caption=(
                "The corpus does not fit: the video job cannot run like this."
                if outcome.overflow
                else f"A data stall of {stall} is {state}. Each save stops Team Language for "
                f"{duration(outcome.pause_s)}."
            ),
        )

    def _recovery(self, outcome: StorageOutcome) -> Any:
        start = self.at_defaults()
        write = duration(outcome.durable_write_s)
        return budget_stack(
            [Stack("this design", outcome.recovery_parts), Stack("at the start", start.recovery_parts)],
            tokens={"interval": "data", "durable write": "caution"},
            limit=Limit(MAX_RPO.value, f"limit {MAX_RPO.value:g} min"),
            axis=Axis("age of the durable copy (min)", 0, 90),
            unit="min",
            title="Recovery point: the durable copy at its oldest",
            caption=(
                "In a storm nothing becomes durable: there is no recovery point."
                if outcome.checkpoint_storm
                else f"A crash just before a write of {write} is done falls back to the save before it."
            ),
        )

    def _cost(self, outcome: StorageOutcome) -> Any:
        def millions(design: StorageOutcome) -> dict[str, float]:
            return {name: amount / 1e6 for name, amount in design.cost_parts.items()}

        drives, share = outcome.cost_parts["drives"], outcome.cost_parts["share"]
        return budget_stack(
            [Stack("this design", millions(outcome)), Stack("at the start", millions(self.at_defaults()))],
            tokens={"drives": "series-3", "share": "series-2"},
            limit=Limit(BUDGET.value / 1e6, f"budget {BUDGET.value / 1e6:g} M"),
            axis=Axis("million USD a year", 0, 9),
            unit="M USD",
            title="What the storage of both teams costs",
            caption=(
                f"{TENANTS.value * N * self.drives:,.0f} drives at {usd(DRIVE_USD)} are {usd(drives)} a year; "
                f"{self.dfs_share_gb_s:g} GB/s at {usd(SHARE_USD)} are {usd(share)}."
            ),
        )

    def _bays(self, outcome: StorageOutcome) -> Any:
        spare = outcome.capacity_tb - CORPUS.value / TB
        return drive_bay(
            int(self.drives),
            int(BAYS.value),
            N * NVME_CAP.value / TB,
            CORPUS.value / TB,
            title=f"Does it fit? {drives_text(self.drives)} in each of {N} nodes",
            caption=(
                f"{outcome.capacity_tb:,.1f} TB of drives: "
                + (f"{-spare:,.1f} TB too little." if outcome.overflow else f"{spare:,.1f} TB to spare.")
            ),
        )

    def _traffic(self, outcome: StorageOutcome) -> Any:
        predicted = self.predicted()
        ratio = outcome.written_bytes / TOKEN_CORPUS
        return level_bars(
            [
                Level(f"read for training: {quantity(TOKEN_CORPUS, 'B')}", TOKEN_CORPUS),
                Level(
                    f"written for checkpoints: {quantity(outcome.written_bytes, 'B')}", outcome.written_bytes, "caution"
                ),
            ],
            axis=Axis(
                f"Team Language, {WINDOW.value:g} days",
                1e10,
                1e18,
                log=True,
                ticks=((1e10, "10 GB"), (1e12, "1 TB"), (1e14, "100 TB"), (1e16, "10 PB"), (1e18, "")),
            ),
            flagged=1,
            predicted=None if predicted is None else predicted * TOKEN_CORPUS,
            predicted_text="you said, written once",
            title="What the language job reads and writes",
            caption=(
                f"{number(ratio, 4)} bytes written for every byte read, with "
                f"{'one copy' if self.layout == 'sharded' else f'{REPLICAS.value:g} copies'} every "
                f"{self.interval_min:g} min."
            ),
        )

    def metrics(self, outcome: StorageOutcome) -> list[Metric]:
        lab = cast(FuelLineLab, self.lab)
        valid = not outcome.overflow

        def against(holds: bool) -> Status:
            return held(holds) if valid else "neutral"

        durable = not outcome.checkpoint_storm
        redo = outcome.mean_loss_s / lab.partition_mtbf_s
        return [
            Metric.of(
                "Video stall",
                share_text(outcome.video_stall),
                status=against(at_most(outcome.video_stall, MAX_STALL.value)),
                note=f"{number(outcome.video_run_h)} h for {EPOCHS.value:g} passes" if valid else "corpus does not fit",
            ),
            Metric.of(
                "Save pause",
                share_text(outcome.pause_fraction),
                status=against(at_most(outcome.pause_fraction, MAX_PAUSE.value)),
                note=f"{duration(outcome.pause_s)} per save",
            ),
            Metric(
                "Recovery point",
                f"{outcome.rpo_min:.1f}",
                "min",
                status=against(durable and at_most(outcome.rpo_min, MAX_RPO.value)),
                note="at worst" if durable else "in a storm nothing is durable",
            ),
            Metric(
                "Cost",
                f"{outcome.cost_usd_per_year / 1e6:.3f}",
                "M USD",
                status=against(at_most(outcome.cost_usd_per_year, BUDGET.value)),
                note="a year",
            ),
            Metric.of("Durable write", duration(outcome.durable_write_s), note=f"{outcome.checkpoint_gb:,.0f} GB"),
            Metric.of(
                "Lost per failure",
                duration(outcome.mean_loss_s),
                note=f"{percent(redo, 2)} of the run is redone",
            ),
        ]

    def reflection(self) -> Question:
        solved = self.design(NVME.id, 3, 70, "local", "sharded")
        return Question(
            "After the change to “local first, then drain”, what does a faster distributed file system still buy for "
            "the language job?",
            (
                Option(
                    "A",
                    "A shorter pause",
                    f"The pause is {number(CHECKPOINT / N / GB)} GB per node over its own drives: "
                    f"{solved.pause_s:.1f} s with three of them.",
                ),
                Option(
                    "B",
                    "A younger durable copy: less work lost in a crash",
                    correct=True,
                    feedback="The recovery point is interval plus durable write.",
                ),
                Option("C", "A smaller checkpoint", "Its size is a matter of parameters and layout."),
                Option(
                    "D",
                    "Nothing at all",
                    "Then a burnt node would cost its undrained checkpoint; and the drain must finish before the next "
                    "save, too.",
                ),
            ),
        )

    def peek(self) -> Peek:
        return Peek(
            (
                "checkpoint_bytes",
                "checkpoint_volume_bytes",
                "storm_write_bandwidth",
                "mean_read_bandwidth",
                "checkpoint_pause_fraction",
                "recovery_point_s",
                "staged_run_time",
            ),
            "With share $s$, reader demand $R$, $n$ drives a node and checkpoint $C$:\n\n"
            f"- durable write: $C/(s-\\min(R,s/2))$;\n- pause of a local save: $(C/{N})/(nB)$, where $B$ is one "
            "drive;\n- pause of a direct save: the durable write.\n\n"
            "Which interval is best against failures is left to Lab V2-07: here it is only bounded by the recovery "
            "point.",
        )


def _slow_pause() -> float:
    """Pause of the sheet's staged design, if drives wrote at half their read rate (s)."""
    return 2 * SharedStorage.design(NVME.id, 3, 70, "local", "sharded").pause_s


class FuelLineLab(Lab):
    """Storage of a training fleet: what is read over and over, and what is written over and over."""

    volume, number, slug = 2, 4, "lab_04_data_storage"
    title = "The Fuel Line"
    question = "Where must the bytes lie, and who may use the line to them, so that no GPU waits?"
    chapter = "Data Storage"
    invariant = (
        "Data is heavier than the job that reads it: locality is placed and not cached, and a shared line is divided "
        "between those who read and those who save."
    )
    contexts = (NVME, DFS)
    acts = (CacheCliff, SharedStorage)
    briefing = (
        f"The memory of an H100 is {c.H100_MEM_BW.value / c.NVME_BW.value:.0f} times as fast as a drive, and a fleet "
        "drinks through that gap all day. Two habits from the world of databases fail here: a cache that holds nearly "
        "everything may serve nothing, and a job that seems to read may write a thousand times more. Act I is about "
        "an archive and the drives in front of it, Act II about two teams on one file system."
    )
    reading = (
        Reading("Data Storage, The Fuel Line", "the gap between memory and drive; a month of checkpoints"),
        Reading("Data Storage, How ML Workloads Invert Storage Assumptions", "reads and writes unlike a database's"),
        Reading(
            "Data Storage, The ML Storage Hierarchy", "bandwidth cliffs between tiers; text against images; local NVMe"
        ),
        Reading(
            "Data Storage, The Data Pipeline Equation, and Pipelining and prefetching",
            f"demand; stall ratio: {percent(HEALTHY_STALL.value, 0)} is healthy, {percent(MAX_STALL.value, 0)} a "
            "bottleneck",
        ),
        Reading("Data Storage, Storage Economics, and Checkpoint Storage", "the egress tax; tiered staging"),
    )
    assumptions = (
        "- Every node keeps a slice of the shards of its own; reads are spread evenly over time and nodes.\n"
        "- The cache is exact LRU over whole shards. A fresh order is the limit of many shards.\n"
        "- Drives write as fast as they read; real ones reach half to two thirds.\n"
        "- A storm writes as fast as it may, and the channel is shared max-min fairly.\n"
        "- The first pass of a staged run trains while it fills the drives.\n"
        f"- A checkpoint holds {c.CKPT_BYTES_NO_MASTER.value:g} bytes per parameter: FP16 weight and two FP32 moments. "
        f"Lab V2-07 adds FP32 master weights, {c.CKPT_BYTES.value:g} bytes.\n"
        "- Prices are flat list prices; compute is not counted."
    )
    constants = (
        c.H100_MEM_BW,
        c.NVME_BW,
        NVME_CAP,
        BAYS,
        NODES,
        c.GPUS_PER_NODE,
        TENANTS,
        STEP,
        TEXT_TOKENS,
        TOKEN_BYTES,
        IMAGES,
        c.IMAGE_JPEG,
        CLIPS,
        CLIP_BYTES,
        DFS_TOTAL,
        DFS_JOBS,
        DFS_BUSY,
        DFS_SHARE,
        ARCHIVE,
        CORPUS,
        EPOCHS,
        c.GPT3_175B_PARAMS,
        c.CKPT_BYTES_NO_MASTER,
        c.CKPT_BYTES,
        WEIGHT_BYTES,
        INTERVAL,
        WINDOW,
        TOKENS,
        REPLICAS,
        JOB_BYTES,
        WAN,
        QUEUE_H,
        NVME_PRICE,
        DFS_PRICE,
        c.EGRESS_USD_GB,
        MAX_STALL,
        HEALTHY_STALL,
        MAX_PAUSE,
        MAX_RPO,
        BUDGET,
        c.GPU_MTBF_H,
    )
    reads = (("v2_01", "fleet_mtbf_h"), ("v2_01", "fleet_gpus"))
    decision_radio = Radio(
        "Which change carried your design?",
        {
            "stage_nvme": "staging the corpus on local drives",
            "buy_share": "buying a larger share",
            "local_checkpoint": "saving locally first, then draining",
            "shard_checkpoint": "sharded checkpoints",
            "longer_interval": "a longer interval between saves",
        },
    )
    instructor_notes = (
        "- Let students play LRU with ten playing cards and a hand of nine: zero hits, every time. Then let them "
        "shuffle between passes.\n"
        "- The second-highest answer of Act I is not a blunder but another loader; ask each student which one their "
        "own framework uses.\n"
        "- Prefetching, pipelining and the stall ratio hide *variance*; neither act can be won with them.\n"
        "- Real drives write at half to two thirds of their read rate. Halve it for the pause of the staged design: "
        f"{_slow_pause():.1f} s per {INTERVAL.value * MINUTE:g} s, and it still passes.\n"
        "- Which family scales? Double the nodes: NVMe bandwidth doubles with them, the share must be bought again.\n"
        "- Extension: incremental or asynchronous checkpoints; which of pause, recovery point and storm does each one "
        "change?"
    )

    #: GPUs and time between failures (h) of the fleet of V2-01, and what follows for one partition (s).
    own_fleet: tuple[float, float] | None = None
    partition_mtbf_s: float = PARTITION_MTBF

    def open(self) -> None:
        self.start_in(DFS.id, "")
        mtbf_h, gpus = (self.read(key, field) for key, field in self.reads)
        usable = positive(mtbf_h) and positive(gpus)
        self.own_fleet = (gpus, mtbf_h) if usable else None
        # Failures come in proportion to the GPUs.
        self.partition_mtbf_s = mtbf_h * HOUR * gpus / GPUS if usable else PARTITION_MTBF

    def result(self) -> float:
        return self.act2.outcome.video_utilization

    def extras(self) -> dict[str, Any]:
        outcome = self.act2.outcome
        return {
            "checkpoint_gb": outcome.checkpoint_gb,
            "interval_min": self.act2.interval_min,
            "pause_s": outcome.pause_s,
            "rpo_min": outcome.rpo_min,
            "drives": self.act2.drives,
        }

    def solution(self, context: str) -> dict[str, Any]:
        if context == NVME.id:
            return {"drives": 3, "dfs_share_gb_s": 70, "path": "local", "layout": "sharded"}
        return {"drives": 1, "dfs_share_gb_s": 190, "path": "local", "layout": "sharded", "interval_min": 14}

    def breaking(self, context: str) -> dict[str, Any]:
        return {"drives": 2} if context == NVME.id else {"dfs_share_gb_s": 20}


def positive(value: Any) -> bool:
    """Whether a field of the ledger is there and above zero."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


if __name__.startswith("bokeh_app"):
    from labs.standalone import serve_alone

    serve_alone(__file__)
