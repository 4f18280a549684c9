"""V2-06: the tables, texts, moves, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from earlier import save_earlier
from plot_words import texts, written

from components.controls import ControlError
from components.instruments.collectives import bucket_timeline, collective_steps, ring_tree_map
from components.instruments.figure import Figure
from components.instruments.layers import Boxes, Points
from labs.snapshot.grid import grids
from labs.vol2.lab_06_collective_comms import (
    ALPHA,
    BUCKET,
    BUDGET_S,
    COMPUTE_S,
    NAMES,
    RANKS,
    RING,
    TREE,
    OneRing,
    SixteenTimes,
    TwoAlgorithms,
    exposed_gradients,
    passing_buckets,
    ring_over_tree,
    small_calls_s,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.playing import move

BF16 = 14e9


@pytest.fixture
def lab(ledger: DesignLedger) -> OneRing:
    return OneRing(ledger)


def in_act2(lab: OneRing, context: str = "ring", first: str = "A", second: str = "A") -> OneRing:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "ranks", 1024)
    lab.answer("act1", "C")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


def design(scope: str, gradients: str, small: str, bucket: float = BUCKET.value, width: int = 2, **more: Any) -> Any:
    return TwoAlgorithms.compute(
        "ring",
        scope=scope,
        gradient_algorithm=gradients,
        small_algorithm=small,
        bucket_bytes=bucket,
        bytes_per_value=width,
        **more,
    )


def stops(act: type[Any], name: str) -> tuple[float, ...]:
    return act.control_params()[name].spec.values()


# --- physics -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "ranks", "time", "hops", "serial"),
    [
        ("ring", 64, 5.51313, 126, 275.6e9),
        ("ring", 1024, 5.60476, 2046, 279.7e9),
        ("tree", 64, 33.6001, 12, 1680e9),
        ("tree", 1024, 56.0001, 20, 2800e9),
        ("star", 64, 352.8, 2, 17.64e12),
        ("star", 1024, 5728.8, 2, 286.4e12),
        ("double_tree", 1024, 5.6001, 20, 280e9),
    ],
)
def test_all_reduces_of_the_sheet(algorithm, ranks, time, hops, serial):
    o = SixteenTimes.compute(
        "ring", algorithm=algorithm, ranks=ranks, message_bytes=140e9, bandwidth_bytes_s=50e9, latency_s=5e-6
    )
    assert o.time_s == pytest.approx(time, rel=1e-5)
    assert o.hops == hops
    assert o.serial_bytes == pytest.approx(serial, rel=1e-3)
    assert o.latency_share + o.bandwidth_share == pytest.approx(1)


def test_shares_and_crossover_of_the_sheet():
    def at(size: float) -> Any:
        return SixteenTimes.compute("ring", ranks=1024, message_bytes=size, bandwidth_bytes_s=50e9, latency_s=5e-6)

    assert at(140e9).latency_share == pytest.approx(0.0018, abs=5e-5)
    assert at(100e3).latency_share == pytest.approx(0.9996, abs=5e-5)
    assert at(1e6).crossover_bytes == pytest.approx(28.1e6, rel=2e-3)
    assert at(1e6).critical_bytes == pytest.approx(250e3)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"ranks": 1}, "ranks must be an integer >= 2"), ({"algorithm": "mesh"}, "algorithm must be one of ring")],
)
def test_what_an_all_reduce_does_not_take(change, words):
    inputs = {"ranks": 64, "message_bytes": 1e9, "bandwidth_bytes_s": 50e9, "latency_s": 5e-6, **change}
    with pytest.raises(ValueError, match=words):
        SixteenTimes.compute("ring", **inputs)


@pytest.mark.parametrize(
    ("scope", "gradients", "small", "best", "bucket"),
    [
        ("flat", "ring", "ring", 3.10, 2.8e9),
        ("flat", "ring", "tree", 1.24, 2.8e9),
        ("flat", "tree", "tree", 15.48, 295e6),
        ("hierarchical", "ring", "ring", 0.247, 170e6),
        ("hierarchical", "tree", "tree", 0.944, 288e6),
        ("hierarchical", "ring", "tree", 0.026, 170e6),
    ],
)
def test_best_bucket_of_each_combination(scope, gradients, small, best, bucket):
    count = np.arange(1, 14_000)
    exposed = exposed_gradients(BF16, count, scope, gradients, ALPHA) + small_calls_s(scope, small)
    at = int(np.argmin(exposed))
    assert exposed[at] / COMPUTE_S == pytest.approx(best, rel=0.02)
    assert BF16 / count[at] == pytest.approx(bucket, rel=0.03)
    # No worse than a per cent at the size that the sheet names.
    assert design(scope, gradients, small, bucket).exposed_s <= 1.02 * exposed[at]


@pytest.mark.parametrize(
    ("controls", "fraction", "status"),
    [
        (("flat", "ring", "ring"), 18.557, "stall"),
        (("flat", "tree", "tree"), 15.604, "stall"),
        (("hierarchical", "ring", "ring"), 1.93, "stall"),
        (("flat", "ring", "tree", 14e9, 1), 0.85, "over_budget"),
        (("flat", "ring", "tree", 1.4e9, 1), 0.44, "over_budget"),
        (("hierarchical", "ring", "tree", 2e9), 0.073, "over_budget"),
        (("hierarchical", "ring", "tree", 150e6), 0.065, "over_budget"),
        (("hierarchical", "ring", "tree", 250e6), 0.028, "ok"),
    ],
)
def test_moves_of_the_sheet(controls, fraction, status):
    o = design(*controls)
    assert o.exposed_fraction == pytest.approx(fraction, rel=0.02)
    assert o.status == status
    assert o.step_s == pytest.approx(COMPUTE_S + o.exposed_s)


def test_window_of_bucket_sizes():
    assert passing_buckets() == (13, 89)
    assert passing_buckets(ALPHA, 1) == (7, 138)
    fewest, most = passing_buckets(2 * ALPHA)
    assert BF16 / most == pytest.approx(334e6, rel=0.01)
    assert BF16 / (fewest - 1) == pytest.approx(466e6, rel=0.01)
    assert passing_buckets(4 * ALPHA) is None
    assert passing_buckets(ALPHA, 4) is None
    on_slider = [b for b in stops(TwoAlgorithms, "bucket_bytes") if design("hierarchical", "ring", "tree", b).holds]
    assert (on_slider[0], on_slider[-1]) == (158.5e6, 1.122e9)


def test_only_rings_for_gradients_and_trees_for_statistics_pass():
    """Over every stop of the bucket; a design in budget has all badges."""
    for scope, gradients, small, width in itertools.product(
        ("flat", "hierarchical"), ("ring", "tree"), ("ring", "tree"), (4, 2, 1)
    ):
        outcomes = [design(scope, gradients, small, b, width) for b in stops(TwoAlgorithms, "bucket_bytes")]
        passing = [o for o in outcomes if o.status == "ok"]
        assert bool(passing) == ((scope, gradients, small) == ("hierarchical", "ring", "tree") and width < 4)
        assert all(not o.bandwidth_wall and o.exposed_small_s <= BUDGET_S and o.holds for o in passing)


@pytest.mark.parametrize(("small", "bucket"), [("ring", 49e6), ("tree", 41e6)])
def test_stall_ends_at_the_bucket_of_the_sheet(small, bucket):
    assert design("hierarchical", "ring", small, bucket * 0.98).status == "stall"
    assert design("hierarchical", "ring", small, bucket * 1.04).status != "stall"


# --- texts ---------------------------------------------------------------------------------------------------


def test_first_prediction(lab):
    prediction = lab.act1.prediction()
    values = {option.id: option.value for option in prediction.options}
    assert values == pytest.approx({"A": 88.21, "B": 22.0525, "C": 9.1886, "D": 5.60476}, rel=1e-4)
    assert prediction.option("D").correct
    assert [prediction.gap(key).text for key in "ABC"] == ["15.7 times", "3.93 times", "1.64 times"]
    for part in ("5.513 s become 5.605 s", "1.017 times", "5.512 and 5.595 s", "0.63 and 10.23 ms"):
        assert part in prediction.why
    assert "5,728.8 s" in prediction.option("A").feedback
    assert "279.7 GB" in prediction.option("A").feedback
    assert "33.6 s" in prediction.option("C").feedback


def test_second_prediction(lab):
    prediction = lab.act2.prediction()
    values = {option.id: option.value for option in prediction.options}
    assert values == pytest.approx({"A": 0.559, "B": 0.613, "C": 1.119, "D": 6.0325}, rel=1e-3)
    assert [prediction.gap(key).text for key in "ABC"] == ["10.8 times", "9.84 times", "5.39 times"]
    assert "535 buckets × (10.23 ms of start-ups + 1.046 ms of bytes) = 6.03 s" in prediction.why
    assert "1,023 in a row for each of 535" in prediction.option("A").feedback
    assert "20 in a row" in prediction.option("B").feedback
    for part in ("28.1 MB", "9.8 times"):
        assert part in prediction.option("C").feedback
    assert "5.47 s of start-ups, 0.56 s of bytes" in prediction.option("D").feedback


def test_reflections(lab):
    first = lab.act1.reflection()
    for key, parts in {"A": ("5.594 s", "0.2 %"), "B": ("5.600 s", "0.1 %"), "C": ("2.807 s",)}.items():
        assert all(part in first.option(key).feedback for part in parts)
    assert "56.0 s, 10 times worse" in first.option("D").feedback
    second = lab.act2.reflection()
    for part in ("655 ms", "14 GB", "124 ms"):
        assert part in second.question
    assert "10.2 ms" in second.option("B").text
    assert "20 hops instead of 2,046" in second.option("B").text
    assert "6.4 ms" in second.option("B").feedback


def test_messages_peeks_and_notes(lab):
    assert "**5.5 s**" in lab.act1.message().text
    for part in ("0.35 s", "64 tiny ones of 256 bytes", "17 milliseconds"):
        assert part in lab.act2.message().text
    assert "17.39 ms" in lab.act2.challenge()
    for part in ("17.39 ms", "6.27", "11.12 ms", "13 to 89 buckets", "157 MB to 1.17 GB"):
        assert part in lab.act2.peek().note
    for part in ("250 KB", "28.1 MB", "4.99 MB", "11.3 and 10.6 ms", "1.9 %", "333 MB-467 MB", "empty"):
        assert part in lab.instructor_notes


# --- moves ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "parts"),
    [
        ("ring", ("6.46 s for every 0.35 s", "95 % idle", "535 buckets × 11.28 ms = 6.03 s", "0.23 s")),
        ("tree", ("5.43 s for every 0.35 s", "94 % idle", "535 buckets × 10.57 ms = 5.65 s")),
    ],
)
def test_both_contexts_open_in_a_stall_behind_a_wall(lab, context, parts):
    in_act2(lab, context)
    stall, wall = lab.act2.active_failures()
    assert (stall.severity, wall.severity) == ("danger", "warn")
    assert all(part in stall.text(lab.act2.outcome) for part in parts)
    assert "0.232 s of backward pass" in wall.text(lab.act2.outcome)
    assert not lab.constraint_hit
    move(lab, bucket_bytes=1e6)
    assert lab.constraint_hit
    move(lab, **lab.solution(context))
    assert lab.act2.active_failures() == []
    assert lab.act2.constraints_met()
    assert context in lab.solved


def test_the_context_sets_both_algorithms_and_each_can_change_alone(lab):
    in_act2(lab)
    assert (lab.act2.gradient_algorithm, lab.act2.small_algorithm) == ("ring", "ring")
    move(lab, small_algorithm="tree")
    lab.set_context(TREE.id)
    assert (lab.act2.gradient_algorithm, lab.act2.small_algorithm) == ("tree", "tree")
    lab.set_context(RING.id)
    assert (lab.act2.gradient_algorithm, lab.act2.small_algorithm) == ("ring", "tree")


def test_start_up_cost_moves_with_a_design_in_budget(lab):
    in_act2(lab)
    with pytest.raises(ControlError, match="Fixed at 5 µs while you design"):
        move(lab, latency_s=1e-5)
    move(lab, **lab.solution("ring"))
    assert written(lab.act2.plots(lab.act2.outcome)["exposed"], "series-3") == ["double"]
    move(lab, latency_s=1e-5)
    assert lab.act2.outcome.status == "over_budget"
    assert lab.act2.outcome.holds
    move(lab, bucket_bytes=3.981e8)
    assert lab.act2.outcome.status == "ok"
    move(lab, scope="flat")
    assert lab.act2.latency_s == ALPHA
    assert written(lab.act2.plots(lab.act2.outcome)["exposed"], "series-3") == []


# --- ledger --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "word"),
    [
        ({}, "ring_everywhere"),
        ({"gradient_algorithm": "tree", "small_algorithm": "tree"}, "tree_everywhere"),
        ({"small_algorithm": "tree"}, "flat_mixed"),
        ({"small_algorithm": "tree", "scope": "hierarchical"}, "hierarchical_mixed"),
        ({"scope": "hierarchical"}, "ring_everywhere"),
        ({"small_algorithm": "tree", "bytes_per_value": 1}, "compressed"),
    ],
)
def test_decisions(lab, controls, word):
    in_act2(lab)
    move(lab, **controls)
    assert lab.decision() == word
    assert contract_of("v2_06").fields["act2_decision"].problem(word) is None


def test_entry_follows_the_contract(lab):
    in_act2(lab, first="D")
    move(lab, **lab.solution("ring"))
    lab.answer("act2", "B")
    lab.save()
    entry = lab.ledger.get(6, 2)
    assert (entry["context"], entry["act1_prediction"], entry["act1_correct"]) == ("ring", "D", True)
    assert entry["act2_result"] == pytest.approx(0.02812, rel=1e-3)
    assert entry["act2_decision"] == "hierarchical_mixed"
    assert entry["exposed_s"] == pytest.approx(0.009783, rel=1e-3)
    assert (entry["bucket_bytes"], entry["bytes_per_value"], entry["scope"]) == (250e6, 2, "hierarchical")
    assert (entry["gradient_algorithm"], entry["small_algorithm"]) == ("ring", "tree")


def map_of(lab: OneRing) -> Any:
    return lab.act2.plots(lab.act2.outcome)["map"]


def test_without_earlier_labs_there_is_an_example_shard(lab):
    in_act2(lab)
    assert lab.act1.from_ledger() == lab.act2.from_ledger() == ""
    assert "example" in texts(map_of(lab))
    spot = next(layer for layer in map_of(lab).layers if isinstance(layer, Points) and layer.marker == "diamond")
    assert (spot.x, spot.y) == (16, pytest.approx(5.47e9))


def test_reads_v2_05_and_v2_03(ledger):
    save_earlier(ledger, "v2_05", gradient_shard_bytes=2e9, dp=64)
    save_earlier(ledger, "v2_03", oversubscription=2)
    lab = in_act2(OneRing(ledger))
    assert "**2 GB** with 64 data-parallel ranks" in lab.act2.from_ledger()
    assert "your V2-05 gradient shard" in texts(map_of(lab))
    assert "oversubscribed **2:1**" in lab.act1.from_ledger()


@pytest.mark.parametrize("fields", [{"dp": 64}, {"gradient_shard_bytes": 2e9}, {"dp": 0, "gradient_shard_bytes": 1.0}])
def test_half_an_entry_is_none(ledger, fields):
    save_earlier(ledger, "v2_05", **{"gradient_shard_bytes": None, "dp": None, **fields})
    save_earlier(ledger, "v2_03", oversubscription=1)
    lab = in_act2(OneRing(ledger))
    assert lab.act1.from_ledger() == lab.act2.from_ledger() == ""
    assert "example" in texts(map_of(lab))


# --- pictures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("context", "steps"), [("ring", 14), ("tree", 6)])
def test_picture_of_every_step(lab, context, steps):
    lab.begin_act1()
    lab.lock("act1", "B")
    lab.set_context(context)
    structures, greens = set(), []
    for step in lab.act1.specs["step"].values():
        lab.set_control("act1", "step", step)
        plot = lab.act1.plots(lab.act1.outcome)["steps"]
        Figure(plot)
        structures.add(plot.structure())
        (green,) = (layer for layer in plot.layers if isinstance(layer, Boxes) and layer.token == "met")
        greens.append(int(np.isfinite(green.columns()["left"]).sum()))
    assert len(structures) == 1
    assert len(greens) == steps + 1
    # The sum appears half-way and spreads to every cell: eight chunks of eight ranks, or eight whole messages.
    assert greens[steps // 2 - 1] == 0
    assert greens[steps // 2] == (8 if context == "ring" else 1)
    assert greens[-1] == (64 if context == "ring" else 8)
    assert greens == sorted(greens)
    assert f"step {steps} of {steps}" in texts(plot)


def test_captions_of_the_steps(lab):
    lab.begin_act1()
    lab.lock("act1", "B")
    first = lab.act1.plots(lab.act1.outcome)["steps"].caption
    assert "8 messages at once, no rank is idle" in first
    assert "14 steps × 1/8 = 1.75 messages" in first
    lab.set_context(TREE.id)
    lab.set_control("act1", "step", 2)
    second = lab.act1.plots(lab.act1.outcome)["steps"].caption
    assert "2 messages at once, 4 ranks idle" in second
    assert "6 steps × 1 = 6 messages" in second


def test_steps_of_other_sizes():
    for algorithm, shape, ranks in (("ring", "circle", 4), ("tree", "tree", 16), ("tree", "tree", 5)):
        schedule = physics.allreduce_schedule(algorithm, ranks)
        for step in (0, schedule.steps):
            plot = collective_steps(schedule, step, shape=shape, words=("a", "b"), title="steps")
            Figure(plot)
            assert "a" in written(plot)


def test_prediction_is_drawn_where_it_was_asked(lab):
    lab.begin_act1()
    lab.lock("act1", "B")
    assert "your prediction" in texts(lab.act1.plots(lab.act1.outcome)["ranks"])
    lab.set_control("act1", "message_bytes", 1e5)
    assert "your prediction" not in texts(lab.act1.plots(lab.act1.outcome)["ranks"])
    lab.answer("act1", "C")
    lab.lock("act2", "C")
    assert "your prediction" in texts(lab.act2.plots(lab.act2.outcome)["timeline"])
    move(lab, scope="hierarchical")
    assert "your prediction" not in texts(lab.act2.plots(lab.act2.outcome)["timeline"])


@pytest.mark.parametrize("context", ["ring", "tree"])
def test_plots_of_extreme_controls(lab, context):
    in_act2(lab, context)
    structures: dict[str, set[Any]] = {}
    for ranks, size, latency in itertools.product((8, 16_384), (1e3, 1e12), (1e-6, 2e-5)):
        lab.act1.param.update(ranks=ranks, message_bytes=size, latency_s=latency)
        for name, plot in lab.act1.plots(lab.act1.outcome).items():
            structures.setdefault(name, set()).add(plot.structure())
            Figure(plot)
    for scope, bucket, width in itertools.product(("flat", "hierarchical"), (1e6, 14e9), (4, 1)):
        move(lab, scope=scope, bucket_bytes=bucket, bytes_per_value=width)
        for name, plot in lab.act2.plots(lab.act2.outcome).items():
            structures.setdefault(name, set()).add(plot.structure())
            Figure(plot)
    assert {name: len(kinds) for name, kinds in structures.items()} == dict.fromkeys(structures, 1)


def test_long_rows_of_buckets_are_cut_and_short_ones_are_not():
    def drawn(count: int) -> Any:
        index = np.arange(1, count + 1)
        return bucket_timeline(index * 0.23 / count, index * 0.23 / count, 1e-4, backward_s=0.23, title="buckets")

    assert "more" not in texts(drawn(40))
    assert "1 more" in texts(drawn(41))
    assert "495 more" in texts(drawn(535))


def test_spots_outside_of_the_map_stand_at_its_edge(lab):
    in_act2(lab)
    move(lab, scope="hierarchical")
    assert "32 B ↓" in texts(map_of(lab))
    ratio = ring_over_tree(ALPHA)
    assert ratio.shape[1] == len(RANKS)
    # Small messages are the tree's, large ones the ring's.
    assert (ratio[0] > 1).all()
    assert (ratio[-1] < 1).all()
    empty = ring_tree_map(
        RANKS, np.logspace(2, 10, 62), np.ones_like(ratio), crossover=np.full(12, 1.0), spots=(), title="map"
    )
    assert texts(empty) == "ring faster tree faster"


def test_tables_name_all_algorithms(lab):
    in_act2(lab)
    (table,) = lab.act1.tables(lab.act1.outcome)
    assert [row[0] for row in table.rows] == list(NAMES.values())
    (classes,) = lab.act2.tables(lab.act2.outcome)
    assert [row[1] for row in classes.rows] == ["535 × 26.2 MB", "64 × 256 B"]


def test_a_snapshot_has_every_step_of_both_pictures():
    recorded = grids(OneRing, "act1")
    assert recorded["ring"].kept["step"] == tuple(range(15))
    assert recorded["tree"].kept["step"] == tuple(range(7))
    assert {1e5, 140e9} <= set(recorded["tree"].kept["message_bytes"])
    assert {64, 1024} <= set(recorded["ring"].kept["ranks"])
