"""V2-10: the tables, texts, failure states, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from earlier import save_earlier
from hypothesis import given
from hypothesis import strategies as st
from plot_words import texts

from components.instruments.figure import Figure
from components.instruments.layers import Boxes, Plot
from components.instruments.serving import SeatBlocks, SweepCurve, SweepPoint, memory_map, seat_map, serving_sweep
from labs.vol2.lab_10_dist_inference import (
    NOTES,
    DistInferenceLab,
    Seats,
    ServingOutcome,
    ServingPlan,
    example_schedules,
    largest_fitting,
    static_limit,
)
from ledger import DesignLedger
from mlsysim import physics
from tests.unit.labs.playing import banners, move

CHAT = {"policy": "continuous", "layout": "paged", "kv_bits": 16, "prefix_cache": True}
NIGHT = {"policy": "continuous", "layout": "paged", "kv_bits": 8, "prefix_cache": False}


@pytest.fixture
def lab(ledger: DesignLedger) -> DistInferenceLab:
    return DistInferenceLab(ledger)


def in_act2(lab: DistInferenceLab, context: str = "latency", first: str = "B", second: str = "C") -> DistInferenceLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", first)
    lab.set_control("act1", "gpus", 4)
    lab.answer("act1", "B")
    lab.lock("act2", second)
    lab.set_context(context)
    return lab


def chat(seats: float, nodes: float = 3, **changes: Any) -> ServingOutcome:
    return ServingPlan.compute("latency", **{**CHAT, **changes}, slots=seats, nodes=nodes)


def night(seats: float, **changes: Any) -> ServingOutcome:
    return ServingPlan.compute("throughput", **{**NIGHT, **changes}, slots=seats)


def feasible(seats: range, **design: Any) -> list[int]:
    return [each for each in seats if chat(each, **design).meets_all]


def holds(outcome: ServingOutcome) -> bool:
    """Whether a chat design holds everything but the number of nodes."""
    if outcome.oom or outcome.ttft_p99_s is None or outcome.tpot_s is None:
        return False
    return outcome.ttft_p99_s <= 0.2 and outcome.tpot_s <= 0.025


def nodes_needed(**design: Any) -> tuple[int, list[int]]:
    """Fewest nodes with which a chat design holds its latencies, and the seats that do."""
    for nodes in range(1, 9):
        if seats := [each for each in range(8, 513, 8) if holds(chat(each, nodes, **design))]:
            return nodes, seats
    return 9, []


# --- Act I --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "heads", "size", "gpus", "seats"),
    [
        (131_072, 8, 2, 8, 11),
        (131_072, 8, 1, 8, 22),
        (131_072, 8, 0.5, 8, 44),
        (131_072, 1, 2, 8, 89),
        (131_072, 64, 2, 8, 1),
        (131_072, 64, 2, 4, 0),
        (32_768, 8, 2, 8, 44),
        (8192, 8, 2, 8, 178),
    ],
)
def test_seats_of_the_sheet(tokens, heads, size, gpus, seats):
    outcome = Seats.compute("", seq_len=tokens, kv_heads=heads, bytes_per_value=size, gpus=gpus)
    assert outcome.max_requests == seats
    assert outcome.curves[heads][np.argmin(np.abs(2.0 ** np.linspace(10, 17, 57) - tokens))] == seats


def test_texts_of_act1(lab):
    assert [option.text for option in lab.act1.prediction().options] == ["1", "11", "22", "200"]
    prediction = lab.act1.prediction()
    for option, parts in {
        "A": ("2.62 MB", "343.6 GB", "8-fold"),
        "B": ("43 GB each", "11 seats", "6.4 GB"),
        "C": ("starts with a 2",),
        "D": ("half a megabyte", "43 GB", "18 times"),
    }.items():
        for part in parts:
            assert part in prediction.option(option).feedback
    assert "328 KB per token" in prediction.why
    assert prediction.gap("D").text == "18.2 times"
    question = lab.act1.reflection()
    assert "549.4 GB: 12 seats" in question.option("A").feedback
    assert "22 seats" in question.option("B").feedback
    for part in ("640 GB", "141 GB", "200 simultaneous", "128K-token"):
        assert part in lab.act1.message().text
    assert "328" not in lab.act1.concept()


# --- Act II: physics ----------------------------------------------------------------------------------------


def test_base_values_of_the_sheet():
    outcome = ServingPlan.design("latency")
    assert outcome.kv_pool_bytes == 478.8e9
    assert outcome.resident_tokens == 1704
    assert outcome.iteration_s == pytest.approx(10.973e-3, abs=5e-7)
    assert float(outcome.terms.memory_s) == pytest.approx(8.253e-3, abs=5e-7)
    assert float(outcome.terms.comm_s) == pytest.approx(2.220e-3, abs=5e-7)
    assert outcome.prefill_s == pytest.approx(53.54e-3, abs=5e-6)
    assert chat(64).prefill_s == pytest.approx(17.85e-3, abs=5e-6)
    assert outcome.capacity_req_s == pytest.approx(9.526, abs=5e-4)
    assert ServingPlan.design("latency", "static").capacity_req_s == pytest.approx(4.450, abs=5e-4)


def test_seats_that_solve_chat():
    assert feasible(range(8, 513, 8)) == list(range(80, 281, 8))
    assert feasible(range(8, 513, 8), nodes=2) == [168, 176, 184, 192, 200]
    assert feasible(range(8, 513, 8), kv_bits=8) == list(range(72, 369, 8))
    good = chat(96)
    assert good.tpot_s == pytest.approx(15.92e-3, abs=5e-6)
    assert good.ttft_p99_s == pytest.approx(39.3e-3, abs=5e-5)
    assert good.busy == pytest.approx(63.7, abs=0.05)
    assert good.fleet_usd_per_h == 96
    assert not chat(96, nodes=4).meets_all


@pytest.mark.parametrize(
    ("design", "nodes", "seats"),
    [
        ({"layout": "contiguous", "prefix_cache": False}, 7, [40]),
        ({"layout": "contiguous", "kv_bits": 8, "prefix_cache": False}, 5, [64, 72, 80, 88]),
        ({"prefix_cache": False}, 5, None),
        ({"kv_bits": 8, "prefix_cache": False}, 4, None),
    ],
)
def test_naive_moves_in_chat_need_more_nodes(design, nodes, seats):
    needed, found = nodes_needed(**design)
    assert needed == nodes
    assert seats is None or found == seats


def test_static_batches_never_serve_chat():
    assert static_limit(3)[0] == pytest.approx(11.9, abs=0.05)
    assert static_limit(8)[1] == pytest.approx(11.5, abs=0.05)
    assert nodes_needed(policy="static") == (9, [])
    assert chat(72).ttft_p99_s == pytest.approx(0.707, abs=5e-4)
    assert chat(288).tpot_s == pytest.approx(25.05e-3, abs=5e-6)


def test_seats_that_solve_synthesis():
    met = [seats for seats in range(8, 1025, 8) if night(seats).meets_all]
    assert met == list(range(296, 1025, 8))
    assert night(512).saturated_tokens_s == pytest.approx(16_993, abs=0.5)
    assert night(1024).usd_per_million_tokens == pytest.approx(0.505, abs=5e-4)
    assert ServingPlan.start("throughput").usd_per_million_tokens == pytest.approx(12.72, abs=5e-3)


@pytest.mark.parametrize(
    ("design", "seats", "usd"),
    [
        ({"kv_bits": 16}, 560, 0.647),
        ({"layout": "contiguous"}, 88, 1.214),
        ({"policy": "static", "kv_bits": 16}, 216, 7.96),
    ],
)
def test_naive_moves_in_synthesis_stay_too_expensive(design, seats, usd):
    fitting = [o for each in range(8, 1025, 8) if not (o := night(each, **design)).oom]
    best = min(fitting, key=lambda outcome: outcome.usd_per_million_tokens)
    assert best.seats == seats
    assert best.usd_per_million_tokens == pytest.approx(usd, abs=5e-3 if usd > 2 else 5e-4)
    assert not best.meets_all


def test_prefix_caching_needs_pages_and_something_to_share():
    assert night(64).prefill_s == night(64, prefix_cache=True).prefill_s
    assert chat(32, layout="contiguous").prefill_s == chat(32, layout="contiguous", prefix_cache=False).prefill_s
    assert chat(32).prefill_s < chat(32, prefix_cache=False).prefill_s


def test_gains_of_continuous_batching():
    assert ServingPlan.gain("latency") == pytest.approx(2.141, abs=5e-4)
    assert ServingPlan.gain("throughput") == pytest.approx(5.60, abs=5e-3)
    assert largest_fitting("throughput", "static", "paged", 16) == 216
    assert ServingPlan.gain("throughput", 216) == pytest.approx(9.20, abs=5e-3)


# --- Act II: texts and states -------------------------------------------------------------------------------


def test_texts_of_act2(lab):
    prediction = lab.act2.prediction()
    assert [option.text for option in prediction.options] == ["1.0×: it only helps latency", "2.1×", "3.2×", "64×"]
    for option, part in {"A": "69 %", "B": "53.5 ms", "C": "3.25", "D": "10.97 ms, with one 8.7 ms"}.items():
        assert part in prediction.option(option).feedback
    for part in ("4.45 to 9.53", "5.60×", "9.20× at 216"):
        assert part in prediction.why
    question = lab.act2.reflection()
    assert "2,500 resident" in question.question
    assert "400 seats" in question.option("A").feedback
    assert "38.2 µs" in question.option("B").feedback
    assert "35.7 µs" in question.option("B").feedback
    assert "12.72 USD" in lab.act2.challenge()
    lab.set_context("latency")
    for part in ("3.15 requests/s", "13.33 arrive", "200 ms", "25 ms"):
        assert part in lab.act2.challenge()
    for part in ("11.9 requests/s", "11.5 s", "42.95 GB", "0.86 s at 400 Gb/s"):
        assert part in NOTES


def test_failures_come_and_go_in_chat(lab):
    in_act2(lab)
    assert banners(lab) == {"unstable": "QUEUE GROWS WITHOUT BOUND. 13.33 requests/s offered per node, capacity 3.15."}
    assert not lab.constraint_hit
    move(lab, policy="continuous", slots=48)
    assert list(banners(lab)) == ["oom"]
    assert "48 seats × 32,768 tokens × 328 KB need 515.4 GB, pool 478.8 GB" in banners(lab)["oom"]
    assert lab.constraint_hit
    move(lab, slots=40)
    assert list(banners(lab)) == ["unstable"]
    move(lab, layout="paged", prefix_cache=True, slots=72)
    assert "P99 TTFT 707 ms (limit 200)" in banners(lab)["slo"]
    move(lab, slots=288)
    assert "TPOT 25.05 ms (limit 25)" in banners(lab)["slo"]
    move(lab, slots=280)
    assert not banners(lab)
    assert lab.act2.constraints_met()
    move(lab, nodes=4)
    assert not banners(lab)
    assert not lab.act2.constraints_met()


def test_failures_come_and_go_in_synthesis(lab):
    in_act2(lab, "throughput")
    assert banners(lab) == {"cost": "TOO EXPENSIVE. 12.716 USD per million tokens, target 0.600."}
    move(lab, policy="continuous", layout="paged", slots=568)
    assert "568 seats × 2,500 tokens × 328 KB, pages 96 % full, need 484.7 GB" in banners(lab)["oom"]
    move(lab, slots=560)
    assert "0.647 USD" in banners(lab)["cost"]
    move(lab, kv_bits=8)
    assert not banners(lab)


@pytest.mark.parametrize("context", ["latency", "throughput"])
def test_badges_and_the_challenge_agree(lab, context):
    in_act2(lab, context)
    badges = lab.act2.constraints()
    for policy, layout, bits, prefix, slots, nodes in itertools.product(
        ("static", "continuous"), ("contiguous", "paged"), (16, 8), (False, True), (8, 40, 96, 288, 512), (2, 3, 5)
    ):
        outcome = ServingPlan.compute(
            context, policy=policy, layout=layout, kv_bits=bits, prefix_cache=prefix, slots=slots, nodes=nodes
        )
        assert all(badge.holds(outcome) for badge in badges) == outcome.meets_all


# --- ledger -------------------------------------------------------------------------------------------------


def test_opens_in_throughput_with_a_16_bit_cache(lab):
    assert lab.context == "throughput"
    assert (lab.act1.seq_len, lab.act2.kv_bits, lab.act2.from_ledger()) == (131_072, 16, "")
    lab.set_context("latency")
    assert lab.act1.seq_len == 32_768


def test_takes_the_cache_of_v2_09_and_recalls_the_queue_of_v1_13(ledger):
    save_earlier(ledger, "v2_09", kv_bits=8)
    save_earlier(ledger, "ch13", act2_result=48.25)
    lab = DistInferenceLab(ledger)
    assert lab.act2.kv_bits == 8
    assert "48.2 ms" in lab.act2.from_ledger()
    assert "8 bit of your Lab V2-09" in lab.act2.from_ledger()
    assert not lab.act2.outcome.meets_all
    lab.set_context("latency")
    assert lab.act2.kv_bits == 8
    for context in ("latency", "throughput"):
        assert ServingPlan.compute(
            context, **{"kv_bits": 8, "prefix_cache": False, "nodes": 3, **lab.solution(context)}
        ).meets_all


@pytest.mark.parametrize(
    ("design", "word"),
    [
        ({}, "static"),
        ({"layout": "paged", "prefix_cache": True}, "static"),
        ({"policy": "continuous"}, "other"),
        ({"policy": "continuous", "prefix_cache": True}, "other"),
        ({"policy": "continuous", "layout": "paged"}, "continuous_paged"),
        ({"policy": "continuous", "layout": "paged", "kv_bits": 8}, "continuous_paged_kv8"),
        ({"policy": "continuous", "layout": "paged", "kv_bits": 8, "prefix_cache": True}, "continuous_paged_prefix"),
    ],
)
def test_names_of_designs(lab, design, word):
    in_act2(lab)
    move(lab, **design)
    assert lab.decision() == word
    lab.set_context("throughput")
    assert lab.decision() == ("continuous_paged_kv8" if word == "continuous_paged_prefix" else word)


def test_saves_a_feasible_fleet(lab, ledger):
    in_act2(lab, first="A")
    move(lab, **lab.solution("latency"))
    lab.answer("act2", "B")
    lab.save()
    entry = ledger.get(10, 2)
    assert (entry["act1_prediction"], entry["act1_correct"], entry["constraint_hit"]) == ("A", False, True)
    assert (entry["act2_result"], entry["act2_decision"]) == (96, "continuous_paged_prefix")
    assert (entry["kv_bits"], entry["seats"], entry["nodes"]) == (16, 96, 3)
    assert entry["node_capacity_req_s"] == pytest.approx(17.933741217960062)
    assert entry["tpot_s"] == pytest.approx(0.015921073330638275)
    assert entry["ttft_p99_s"] == pytest.approx(0.03933991455133708)


def test_saves_a_night_without_fleet_and_latencies(lab, ledger):
    in_act2(lab, "throughput")
    move(lab, **lab.solution("throughput"))
    lab.answer("act2", "A")
    lab.save()
    entry = ledger.get(10, 2)
    assert entry["act2_result"] == pytest.approx(0.5231051101998527)
    assert (entry["nodes"], entry["tpot_s"], entry["ttft_p99_s"]) == (None, None, None)
    assert entry["act2_decision"] == "continuous_paged_kv8"


def test_a_plan_that_fails_has_no_result(lab):
    in_act2(lab)
    assert lab.result() is None
    lab.set_context("throughput")
    assert lab.result() == pytest.approx(12.716, abs=5e-4)
    move(lab, slots=1024)
    assert lab.result() is None


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["latency", "throughput"])
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_every_end_of_every_control_is_the_same_drawing(lab, context, key):
    in_act2(lab, context)
    act = lab.act(key)
    structures: dict[str, set[Any]] = {}
    plots: dict[str, list[Plot]] = {}
    for ends in itertools.product(*((spec.values()[0], spec.values()[-1]) for spec in act.specs.values())):
        act.param.update(**dict(zip(act.specs, ends, strict=True)))
        for name, plot in act.plots(act.outcome).items():
            structures.setdefault(name, set()).add(plot.structure())
            plots.setdefault(name, []).append(plot)
    assert {name: len(found) for name, found in structures.items()} == dict.fromkeys(structures, 1)
    for first, *_, last in plots.values():
        Figure(first).show(last)


def test_prediction_is_drawn_where_it_was_asked(lab):
    in_act2(lab, "throughput", first="D")
    assert "you predicted 200" in texts(lab.act1.plots(lab.act1.outcome)["seats"])
    assert "predicted" not in texts(lab.act2.plots(lab.act2.outcome)["capacity"])
    lab.set_context("latency")
    assert "you predicted" not in texts(lab.act1.plots(lab.act1.outcome)["seats"])
    assert "predicted 3.2×" in texts(lab.act2.plots(lab.act2.outcome)["capacity"])


def area(plot: Plot, token: str) -> float:
    """Length of memory (GB) drawn in one colour."""
    boxes = [layer.columns() for layer in plot.layers if isinstance(layer, Boxes) and layer.token == token]
    return sum(float(np.nansum(columns["right"] - columns["left"])) for columns in boxes)


@pytest.mark.parametrize("count", [1, 7, 64, 1024, 5000])
def test_memory_map_draws_every_byte_once(count):
    size = 470e9 / count
    plot = memory_map(
        (("weights", 141.2e9, "series-6"),),
        SeatBlocks(count, size, size / 2, count),
        capacity=640e9,
        largest=640e9,
        row=40e9,
        names=("seat",),
        title="",
    )
    assert area(plot, "series-6") == pytest.approx(141.2)
    assert area(plot, "data") == pytest.approx(235)
    # Neighbours stand a hair apart.
    assert 235 * 0.7 < area(plot, "caution") <= 235
    assert area(plot, "violation") == 0
    assert "28.8 GB free" in texts(plot)


def test_memory_map_marks_what_lies_beyond():
    plot = memory_map(
        (("weights", 141.2e9, "series-6"),),
        SeatBlocks(100, 10e9, 10e9, 100),
        capacity=640e9,
        largest=640e9,
        row=40e9,
        names=("seat",),
        title="",
    )
    assert "501.2 GB beyond 640 GB" in texts(plot)
    assert 100 < area(plot, "violation") <= 131


def test_seat_map_counts():
    assert "0 of 200 seated" in texts(seat_map(200, 0, predicted=None, noun="", title=""))
    plot = seat_map(200, 45_661, predicted=1, noun="", title="")
    assert "200 of 200 seated, and 45,461 more" in texts(plot)
    assert "you predicted 1" in texts(plot)


def test_sweep_writes_values_off_its_axis():
    x = np.arange(8.0, 65.0, 8.0)
    points = [SweepPoint(16, 1e6, "high"), SweepPoint(32, 1e-6, "low"), SweepPoint(8, math.nan, "hidden")]
    words = {"x_label": "", "y_label": "", "title": ""}
    plot = serving_sweep(
        x, [SweepCurve("c", x * np.nan)], low=1, high=100, log=True, points=points, empty="none", **words
    )
    assert "high ↑" in texts(plot)
    assert "low ↓" in texts(plot)
    assert "hidden" not in texts(plot)
    assert "none" in texts(plot)


@pytest.mark.parametrize("context", ["latency", "throughput"])
def test_example_schedules_fill_their_slots(context):
    for policy, run in example_schedules(context).items():
        for slot in range(24):
            mine = run.slot == slot
            assert run.start[mine][0] == 0
            assert np.all(run.start[mine][1:] == run.end[mine][:-1])
        assert (run.useful_share == 1) == (policy == "continuous")


# --- properties of the formulas -----------------------------------------------------------------------------

SLOTS = st.integers(1, 2000)
SPREAD = st.floats(0, 1)


@given(n=st.integers(1, 10**7))
def test_harmonic_numbers_step_by_their_reciprocals(n):
    step = physics.harmonic_number(n) - physics.harmonic_number(n - 1)
    assert step == pytest.approx(1 / n, abs=1e-13)
    assert physics.harmonic_number(n) > math.log(n)


@given(batch=SLOTS, cv=SPREAD)
def test_stretch_and_waste_belong_together(batch, cv):
    stretch = physics.static_batch_stretch(batch, cv)
    assert stretch >= 1
    assert physics.static_batch_waste(batch, cv) == pytest.approx(1 - 1 / stretch)
    assert (stretch == 1) == (batch == 1 or cv == 0) or stretch < 1 + 1e-9


@given(slots=SLOTS, cv=SPREAD, prefill=st.floats(0, 1), output=st.floats(1, 5000), iteration=st.floats(1e-4, 1))
def test_continuous_batching_never_sustains_less(slots, cv, prefill, output, iteration):
    continuous = physics.continuous_capacity(prefill, output, iteration, slots)
    static = physics.static_capacity(prefill, output, iteration, slots, cv)
    assert static <= continuous * (1 + 1e-12)
    assert physics.static_capacity(prefill, output, iteration, slots, 0.0) == pytest.approx(continuous)


@given(rate=st.floats(0.1, 50), prefill=st.floats(0, 0.1), iteration=st.floats(1e-3, 0.1), slots=st.integers(1, 200))
def test_time_to_first_token_exists_below_saturation_only(rate, prefill, iteration, slots):
    capacity = physics.continuous_capacity(prefill, 300.0, iteration, slots)
    tail = physics.continuous_ttft_percentile(rate, prefill, 300.0, iteration, slots, 0.99)
    if rate < capacity * (1 - 1e-9):
        assert iteration + prefill <= tail * (1 + 1e-12) < math.inf
    elif rate > capacity * (1 + 1e-9):
        assert tail == math.inf


@given(slots=SLOTS, shared=st.floats(0, 1000), own=st.floats(1, 1000))
def test_a_shared_prefix_is_held_once(slots, shared, own):
    paged = physics.paged_kv_bytes(slots, shared + own, shared, 100.0, 0.5)
    assert paged == pytest.approx((slots * own + shared) * 200)
    assert paged <= physics.paged_kv_bytes(slots, shared + own, 0.0, 100.0, 0.5) * (1 + 1e-12)


def test_mean_of_many_quantiles_is_the_mean_length():
    count = 20_000
    lengths = physics.output_length_quantile(np.arange(1.0, count + 1), count, 300.0, 0.6)
    assert np.mean(lengths) == pytest.approx(300, rel=1e-3)
    assert np.std(lengths) == pytest.approx(180, rel=5e-3)


def test_weights_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="weights do not fit"):
        physics.kv_pool_bytes(1, 80e9, 141.2e9, 2.5e9)
